/* The header lines of requests, as libcurl takes them. Only for src/upstream.
 * Any thread, each list being one thread's. */
#ifndef LLM_FIELDS_H
#define LLM_FIELDS_H

#include <curl/curl.h>
#include "endpoint.h"

/* What every request to this endpoint has, the key among it; the caller's.
 * NULL without memory. */
struct curl_slist *llm_fields_of_endpoint(const llm_endpoint *endpoint);

/* The lines of one request, each ended by '\n' (they are taken apart where
 * they stand), before those of its endpoint, which are not copied: the last
 * points to them. NULL without memory. */
struct curl_slist *llm_fields_of_request(char *lines,
                                         struct curl_slist *shared);

/* Frees the former but not the latter; `list` may be NULL, or `shared`. */
void llm_fields_free(struct curl_slist *list, struct curl_slist *shared);

#endif
