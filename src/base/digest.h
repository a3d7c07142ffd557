/* A number that tells bytes apart: BLAKE2b without a key. It finds damage; it
 * is no proof of who wrote them. Pure; any thread.
 */
#ifndef LLM_DIGEST_H
#define LLM_DIGEST_H

#include <stddef.h>

#define LLM_DIGEST 16           /* bytes */

void llm_digest(unsigned char out[LLM_DIGEST], const void *bytes, size_t n);

#endif
