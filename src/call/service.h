/* A service: somebody who serves the models of others under addresses,
 * credentials or a framing of its own. What is spoken stays the dialect's.
 *
 * Pure. Made by the parent, never changed after; any thread.
 */
#ifndef LLM_SERVICE_H
#define LLM_SERVICE_H

#include "../wire/dialect.h"
#include "../wire/family.h"

typedef struct llm_service_kind llm_service_kind;

typedef struct llm_service {
    const llm_service_kind *kind;       /* NULL until it was named */
    const char *api_version;    /* azure */
    const char *region;         /* bedrock */
    const char *base_url;       /* the provider's, once it is complete */
} llm_service;

/* One word of LLMService, of which the first is its name. NULL, or what is
 * wrong with it. */
const char *llm_service_word(llm_service *service, const char *word,
                             apr_pool_t *p);

/* The dialect of a provider of this kind that speaks `family`: that one if it
 * can be, else the one it most likely is. */
const char *llm_service_family(const llm_service *service,
                               const char *family);

/* The provider is complete: keeps of `speaks` what the service has. *base_url
 * is set when it was NULL and need not be told. NULL, or what is wrong. */
const char *llm_service_close(llm_service *service, const char *family,
                              const llm_dialect **speaks,
                              const char **base_url, apr_pool_t *p);

/* How the key is shown. */
void llm_service_key(const llm_service *service, const char **header,
                     const char **before);

/* What libcurl signs requests with ("aws:amz:REGION:bedrock") when the key is
 * a pair; NULL: a key is just shown. */
const char *llm_service_signing(const llm_service *service, apr_pool_t *p);

/* Everything below takes a service that is NULL: there is none, and all is as
 * the dialect has it. */

/* 1 if the names of its models are its own, which no table knows. */
int llm_service_names_models(const llm_service *service);

/* Its model as the table of models knows it. */
const char *llm_service_model(const llm_service *service, const char *model);

const char *llm_service_path(const llm_service *service,
                             const llm_dialect *dialect, const char *model,
                             int stream, apr_pool_t *p);

/* The dialect's body, which becomes the service's. `beta`: the client's
 * anthropic-beta, NULL for none. */
llm_fault llm_service_body(const llm_service *service,
                           const llm_dialect *dialect, const char *beta,
                           llm_buf *body);

/* 1 if the fields that Anthropic's own API wants are not wanted. */
int llm_service_has_version(const llm_service *service);

/* The content type of its streams. */
const char *llm_service_stream_type(const llm_service *service);
int llm_service_is_framed(const llm_service *service);  /* eventstream.h */

/* An error's status and body as the dialect would have them. */
int llm_service_status(const llm_service *service, int status);
llm_span llm_service_error(const llm_service *service, llm_span body,
                           apr_pool_t *p);

#endif
