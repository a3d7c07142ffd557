/* A provider: how it is spoken to (the dialect) and where it is (the
 * endpoint). Made by the parent from <LLMProvider>, never changed after. */
#ifndef LLM_PROVIDER_H
#define LLM_PROVIDER_H

#include "../route/health.h"
#include "../upstream/endpoint.h"
#include "../wire/family.h"
#include "service.h"

/* One of several keys, with an endpoint that shows it. */
typedef struct llm_way {
    llm_endpoint *endpoint;
    const char *label;          /* "provider#1": for its health */
    const char *source;         /* where it was read, such as "env:NAME" */
    const llm_secret *key;
    unsigned weight;
} llm_way;

/* How it is asked whether it is well, while a target of it is left alone. */
typedef struct llm_probe {
    apr_interval_time_t interval;       /* 0: never */
    apr_interval_time_t timeout;
    const char *path;           /* behind the base URL */
} llm_probe;

typedef struct llm_provider {
    const char *name;
    const llm_family *family;
    const llm_dialect *speaks[LLM_SPOKEN_MAX];  /* best first, NULL after */
    llm_endpoint *endpoint;
    const llm_service *service; /* NULL: the dialect's own API */
    const llm_secret *key;      /* NULL: it needs none */
    apr_array_header_t *ways;   /* of llm_way: one a key; empty: `endpoint` is
                                 * the only one */
    int attempts;               /* of one call, one after the other */
    apr_interval_time_t least, most;    /* back-off between them */
    apr_interval_time_t patience;       /* the longest Retry-After that is
                                         * waited for */
    llm_breaker breaker;
    llm_probe probe;
    int refuses_stream_options; /* never ask it for usage in a stream */
    int takes_parameters;       /* "model?name=value" is passed on (echo) */
} llm_provider;

#endif
