/* What LLMModel, LLMRetry, LLMBreaker and LLMProbe lines say. Parent, while
 * it reads the configuration. */
#ifndef LLM_ROUTE_CONFIG_H
#define LLM_ROUTE_CONFIG_H

#include "config.h"

/* A whole LLMModel line behind the directive's name: a model, then targets,
 * each followed by its options. NULL, or what is wrong. */
const char *llm_route_model(cmd_parms *cmd, llm_server *server,
                            const char *line);

/* One word of LLMRetry, LLMBreaker or LLMProbe. */
const char *llm_provider_set_retry(llm_provider *provider, const char *word,
                                   apr_pool_t *p);
const char *llm_provider_set_breaker(llm_provider *provider, const char *word,
                                     apr_pool_t *p);
const char *llm_provider_set_probe(llm_provider *provider, const char *word,
                                   apr_pool_t *p);

/* What a provider has until its section says otherwise. */
void llm_route_defaults(llm_provider *provider);

/* One word of LLMHold. NULL, or the rest of a sentence about it. */
const char *llm_route_hold(llm_hold *hold, const char *word);

#endif
