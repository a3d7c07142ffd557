/* What must come back to a provider but has no place in the client's dialect
 * (Gemini's thought signatures, Anthropic's signed thinking) rides in the id
 * of the tool call that it belongs to: every client sends ids back as they
 * are. "call_1" becomes "call_1~llm~...", the rest being base64url.
 *
 * Pure; any thread.
 */
#ifndef LLM_CARRY_H
#define LLM_CARRY_H

#include "message.h"

#define LLM_CARRY_MAX (24 * 1024)       /* bytes of such an id */

/* The id for a client whose dialect has no place for `signature` (of the call
 * itself; NULL: none) or for `reasoning` (of llm_part, the REASONING before
 * the call; NULL or empty: none; those without a signature that are not
 * redacted are not worth carrying). The id as it is when there is nothing to
 * carry, or too much. */
const char *llm_carry_pack(const char *id, const char *signature,
                           const apr_array_header_t *reasoning, apr_pool_t *p);

/* The other way: the bare id; *signature is set, and reasoning parts are added
 * to `reasoning`, when the id carries them. An id that carries nothing, or
 * nothing that is understood, comes back as it is. Both may be NULL. */
const char *llm_carry_unpack(const char *id, const char **signature,
                             apr_array_header_t *reasoning, apr_pool_t *p);

/* Takes what ids carry out of a request's JSON text, in place: for a provider
 * of the client's own dialect, which would find such ids too long. The new
 * length. */
size_t llm_carry_strip(char *json, size_t n);

#endif
