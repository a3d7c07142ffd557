/* Base64 (RFC 4648). Pure; any thread. */
#ifndef LLM_BASE64_H
#define LLM_BASE64_H

#include <apr_pools.h>
#include "scan.h"
#include "text.h"

typedef enum llm_base64 {
    LLM_BASE64_PLAIN,           /* with + / and = at the end */
    LLM_BASE64_URL              /* with - _ and nothing at the end */
} llm_base64;

/* From `p`, a NUL after it. */
llm_span llm_base64_encode(llm_span bytes, llm_base64 kind, apr_pool_t *p);

/* `at` is NULL when it is not valid. */
llm_span llm_base64_decode(llm_span text, llm_base64 kind, apr_pool_t *p);

/* Added to `out`; LLM_GARBAGE when it is not valid. */
llm_fault llm_base64_decode_to(llm_span text, llm_base64 kind, llm_buf *out);

#endif
