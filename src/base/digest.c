#include "digest.h"
#include <sodium.h>

_Static_assert(LLM_DIGEST >= crypto_generichash_BYTES_MIN
               && LLM_DIGEST <= crypto_generichash_BYTES_MAX,
               "BLAKE2b gives as many bytes as are wanted");

void llm_digest(unsigned char out[LLM_DIGEST], const void *bytes, size_t n)
{
    crypto_generichash(out, LLM_DIGEST, bytes, n, NULL, 0);
}
