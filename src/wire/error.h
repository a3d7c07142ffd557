/* What the errors of all dialects have in common. Pure; any thread. */
#ifndef LLM_ERROR_H
#define LLM_ERROR_H

#include <apr_pools.h>
#include "../base/fault.h"
#include "../base/secret.h"

/* What a provider's HTTP status alone says; 0 within a stream. */
llm_fault llm_error_of_status(int status);

/* A provider's type, param or code as it may be passed on, or NULL: one that
 * is no plain word, or holds the key, is dropped whole. */
const char *llm_error_word(const char *text, const llm_secret *secret,
                           apr_pool_t *p);

/* A provider's message as it may be passed on: without the key, and cut. */
const char *llm_error_sentence(const char *text, const llm_secret *secret,
                               apr_pool_t *p);

/* Whether a provider's message says that the request is longer than the
 * model's context, in the words of any maker of models or of servers for them.
 * *context: the tokens that it takes, as far as it says so; else 0. */
int llm_error_is_too_long(const char *message, long long *context);

/* Whether it says that what the key may spend is spent, which no waiting for
 * some seconds helps against. What is said then of the refused key: */
int llm_error_is_spent(const char *message);
#define LLM_ERROR_SPENT "The provider refused the gateway's key, whose " \
    "credit or quota is used up"

#endif
