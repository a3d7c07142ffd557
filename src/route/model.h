/* The models that clients may ask for, and the chain that answers each.
 *
 * Made by the parent from LLMModel lines, never changed after; any thread
 * reads. Strings live as long as the configuration. Pure.
 */
#ifndef LLM_MODEL_H
#define LLM_MODEL_H

#include <apr_pools.h>
#include <apr_tables.h>
#include "../base/times.h"
#include "plan.h"

struct llm_provider;            /* src/call/provider.h */

/* One place where a model can be asked for. */
typedef struct llm_target {
    const struct llm_provider *provider;
    const char *provider_name;
    const char *where;          /* file:line of the configuration */
    const char *model;          /* as the provider calls it; NULL: by the
                                 * name that the client used */
    const char *label;          /* "provider/model" as the line has it */
    unsigned weight;            /* 0: none */
    int on_content;             /* it may be asked after a refusal */
    long long context;          /* tokens; 0: as the model's facts say */
    const void *when;           /* NULL, or the condition, for the caller */
    llm_times times;            /* where they are others than its provider's */
} llm_target;

typedef struct llm_model {
    const char *name;           /* without the '*' of a wildcard */
    int wildcard;               /* it stands for every name that begins so */
    apr_array_header_t *targets;        /* of llm_target, first to last */
    llm_order order;
} llm_model;

typedef struct llm_models {
    apr_array_header_t *list;   /* of llm_model, in the order of the lines */
    apr_array_header_t *any;    /* of llm_target: "provider/" and anything,
                                 * for each provider of the server */
} llm_models;

llm_models *llm_models_make(apr_pool_t *p);

/* The inner configuration's models before the outer one's. */
llm_models *llm_models_merge(const llm_models *outer, const llm_models *inner,
                             apr_pool_t *p);

/* A new line `name` ("gpt-4", "gpt-*", "*"). NULL if that name is there. */
llm_model *llm_models_add(llm_models *models, const char *name, apr_pool_t *p);

/* "provider/model" as some line has it for a target, or as its provider/...*
 * stands for; a model of its own, from `p`. NULL if no line does. */
const llm_model *llm_models_direct(const llm_models *models, const char *name,
                                   apr_pool_t *p);

/* The same by the providers alone, whatever the lines say. */
const llm_model *llm_models_at_provider(const llm_models *models,
                                        const char *name, apr_pool_t *p);

/* 1 if names are answered that no line has: one stands for every name, on no
 * condition, or there is no line at all. */
int llm_models_are_open(const llm_models *models);

/* What a client that names no model gets: the line called "default", else
 * the first that is no wildcard; NULL if there is none. */
const llm_model *llm_models_default(const llm_models *models);

/* What a client that asks for `name` gets: its own line, else the line of
 * the name before a '?' (parameters of the echo provider; *parameters then
 * points to it, else to ""), else the longest wildcard that fits. NULL if
 * none does. */
const llm_model *llm_models_find(const llm_models *models, const char *name,
                                 const char **parameters);

#endif
