/* What stands inside <LLMProvider>, and how LLMModel finds it. Parent, while
 * the configuration is read. A function that returns text returns what is
 * wrong, or NULL. */
#ifndef LLM_PROVIDER_CONFIG_H
#define LLM_PROVIDER_CONFIG_H

#include "config.h"

const char *llm_provider_open(llm_server *server, const char *name,
                              apr_pool_t *p);
const char *llm_provider_close(llm_server *server, apr_pool_t *p);

const char *llm_provider_set_dialect(llm_provider *provider, const char *word,
                                     apr_pool_t *p);
const char *llm_provider_set_service(llm_provider *provider, const char *word,
                                     apr_pool_t *p);
const char *llm_provider_set_base_url(llm_provider *provider, const char *url,
                                      apr_pool_t *p);
const char *llm_provider_set_key(llm_provider *provider, const char *source,
                                 apr_pool_t *p);
const char *llm_provider_add_header(llm_provider *provider, const char *name,
                                    const char *value, apr_pool_t *p);
const char *llm_provider_set_timeout(llm_provider *provider, const char *word,
                                     apr_pool_t *p);
const char *llm_provider_set_echo(llm_provider *provider, const char *options,
                                  apr_pool_t *p);

#endif
