/* Which targets a request may be asked at: those of the model that it names,
 * and after them those of the fallbacks that the client brought. */
#include "answer.h"
#include <string.h>
#include <apr_strings.h>
#include "../wire/fallback.h"

/* ---- one name ----------------------------------------------------------- */

/* In a provider's path they would lead elsewhere. */
static int is_dots(const char *name)
{
    const char *slash = strrchr(name, '/');

    name = slash ? slash + 1 : name;
    return !strcmp(name, ".") || !strcmp(name, "..");
}

/* Whether a provider that no line has for it may be asked for a model. */
static int is_direct(const llm_call *call, const llm_models *models)
{
    return call->limits->direct < 0 ? llm_models_are_open(models)
                                    : call->limits->direct;
}

/* Its own line, else a target that some line has, by "provider/model", else
 * a wildcard; but who stands for every name comes after a provider that may
 * be asked directly. */
static const llm_model *find(llm_call *call, const llm_models *models,
                             const char *name, const char **parameters)
{
    const llm_model *model = llm_models_find(models, name, parameters);
    const llm_model *direct = NULL;

    if (is_dots(name))
        return NULL;
    if (!model || model->wildcard)
        direct = llm_models_direct(models, name, call->pool);
    if (!direct && (!model || (model->wildcard && !*model->name))
        && is_direct(call, models))
        direct = llm_models_at_provider(models, name, call->pool);
    return direct ? direct : model;
}

static llm_fault no_model(llm_call *call, const llm_models *models,
                          const char *name, const char *param,
                          llm_fault_detail *detail)
{
    const char *way_out = !is_direct(call, models) && !is_dots(name)
        && llm_models_at_provider(models, name, call->pool)
        ? " (LLMDirect on, or an LLMModel line, would let it be asked for)"
        : "";

    detail->param = param;
    detail->text = apr_pstrcat(call->pool, "The model `", name,
                               "` does not exist on this gateway", way_out,
                               NULL);
    return LLM_NO_MODEL;
}

/* Only the seed's clients may leave it out. */
static void default_model(llm_call *call, const llm_models *models)
{
    const llm_model *model = llm_models_default(models);

    if (!call->request.model[0] && model)
        apr_cpystrn(call->request.model, model->name, LLM_MODEL_MAX);
}

/* ---- what the client brings --------------------------------------------- */

llm_fault llm_call_take_chain(llm_call *call, const char **body, size_t *n,
                              llm_fault_detail *detail)
{
    llm_fault fault = LLM_OK;

    call->names = apr_array_make(call->pool, 2, sizeof(const char *));
    if (llm_fallback_may_be_in(*body, *n)) {
        llm_buf_init(&call->trimmed, *n + LLM_MODEL_MAX * 6 + 64);
        fault = llm_fallback_take(*body, *n, call->limits->max_depth,
                                  call->names, &call->trimmed, detail,
                                  call->pool);
        *body = call->trimmed.data;
        *n = call->trimmed.len;
    }
    if (!fault && call->fallback)
        fault = llm_fallback_header(call->fallback, call->names, detail,
                                    call->pool);
    return fault;
}

static const char *asked_by(const llm_call *call, const llm_target *target)
{
    return target->model ? target->model : call->request.model;
}

/* 1 if the last target is one that the chain has already. */
static int stands_before(const llm_call *call, const llm_model *chain)
{
    const llm_target *targets = (const llm_target *)chain->targets->elts;
    const llm_target *last = &targets[chain->targets->nelts - 1], *target;

    for (target = targets; target < last; target++)
        if (target->provider == last->provider
            && !strcmp(asked_by(call, target), asked_by(call, last)))
            return 1;
    return 0;
}

/* The targets of a fallback, which is asked by its own name, not by the
 * model's. */
static void add_targets(llm_call *call, llm_model *chain,
                        const llm_model *model, const char *name,
                        const char *parameters)
{
    const llm_target *targets = (const llm_target *)model->targets->elts;
    llm_target *target;
    int i;

    for (i = 0; i < model->targets->nelts; i++) {
        target = apr_array_push(chain->targets);
        *target = targets[i];
        if (!target->model)
            target->model = name;
        else if (target->provider->takes_parameters && *parameters)
            target->model = apr_pstrcat(call->pool, target->model, parameters,
                                        NULL);
        if (stands_before(call, chain))
            apr_array_pop(chain->targets);
    }
}

static llm_fault extend(llm_call *call, const llm_models *models,
                        llm_fault_detail *detail)
{
    llm_model *chain = apr_pmemdup(call->pool, call->model, sizeof *chain);
    const llm_model *model;
    const char *name, *parameters;
    int i;

    chain->targets = apr_array_copy(call->pool, call->model->targets);
    for (i = 0; i < call->names->nelts; i++) {
        name = APR_ARRAY_IDX(call->names, i, const char *);
        model = find(call, models, name, &parameters);
        if (!model)
            return no_model(call, models, name, "fallbacks", detail);
        add_targets(call, chain, model, name, parameters);
    }
    call->model = chain;
    return LLM_OK;
}

llm_fault llm_call_find_model(llm_call *call, const llm_models *models,
                              llm_fault_detail *detail)
{
    default_model(call, models);
    call->model = find(call, models, call->request.model, &call->parameters);
    if (!call->model)
        return no_model(call, models, call->request.model, "model",
                        detail);
    return call->names->nelts ? extend(call, models, detail) : LLM_OK;
}
