/* A provider: how it is spoken to (the dialect) and where it is (the
 * endpoint). Made by the parent from <LLMProvider>, never changed after. */
#ifndef LLM_PROVIDER_H
#define LLM_PROVIDER_H

#include "../upstream/endpoint.h"
#include "../wire/family.h"
#include "service.h"

typedef struct llm_provider {
    const char *name;
    const llm_family *family;
    const llm_dialect *speaks[LLM_SPOKEN_MAX];  /* best first, NULL after */
    llm_endpoint *endpoint;
    const llm_service *service; /* NULL: the dialect's own API */
    const llm_secret *key;      /* NULL: it needs none */
    int refuses_stream_options; /* never ask it for usage in a stream */
    int takes_parameters;       /* "model?name=value" is passed on (echo) */
} llm_provider;

#endif
