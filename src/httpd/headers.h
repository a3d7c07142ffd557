/* What an answer says of itself: its head, and what the access log can have
 * as %{LLM_...}e. Worker. */
#ifndef LLM_HEADERS_H
#define LLM_HEADERS_H

#include "serve.h"

/* The client's X-Request-Id if it is a decent word, else a new one. From the
 * request's pool. */
const char *llm_headers_request_id(request_rec *r);

/* Before the first byte of the answer. */
void llm_headers_set(llm_serving *s);

/* After the call was settled. */
void llm_headers_log(llm_serving *s);

#endif
