/* Requests that libcurl signs (AWS Signature Version 4). Of the two threads
 * of transfer.h whichever drives the transfer.
 */
#ifndef LLM_SIGN_H
#define LLM_SIGN_H

#include <curl/curl.h>
#include "endpoint.h"

/* Tells the handle what to sign with. 0 without memory. */
int llm_sign_handle(CURL *easy, const llm_endpoint *endpoint);

/* The address of `path`, as curl must have it: malloc'ed; NULL without
 * memory. Also for endpoints that do not sign. */
char *llm_sign_url(const llm_endpoint *endpoint, const char *path);

/* What is asked for, where that is not what the address says. 0 without
 * memory. */
int llm_sign_target(CURL *easy, const llm_endpoint *endpoint,
                    const char *path);

#endif
