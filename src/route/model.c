#include "model.h"
#include <string.h>
#include <apr_strings.h>

llm_models *llm_models_make(apr_pool_t *p)
{
    llm_models *models = apr_pcalloc(p, sizeof *models);

    models->list = apr_array_make(p, 8, sizeof(llm_model));
    models->any = apr_array_make(p, 4, sizeof(llm_target));
    return models;
}

/* The targets are copied: each server finds its own providers for them. So
 * is the list, which apr_array_append would share if `outer` is empty. Which
 * providers there are is for the server to say. */
llm_models *llm_models_merge(const llm_models *outer, const llm_models *inner,
                             apr_pool_t *p)
{
    llm_models *models = llm_models_make(p);
    llm_model *model;
    int i;

    models->list = apr_array_copy(p, inner->list);
    apr_array_cat(models->list, outer->list);
    for (i = 0; i < models->list->nelts; i++) {
        model = &((llm_model *)models->list->elts)[i];
        model->targets = apr_array_copy(p, model->targets);
    }
    return models;
}

static const llm_model *model_at(const llm_models *models, int i)
{
    return &((const llm_model *)models->list->elts)[i];
}

static const llm_model *exact(const llm_models *models, const char *name,
                              size_t n, int wildcard)
{
    const llm_model *model;
    int i;

    for (i = 0; i < models->list->nelts; i++) {
        model = model_at(models, i);
        if (model->wildcard == wildcard && !strncmp(model->name, name, n)
            && !model->name[n])
            return model;
    }
    return NULL;
}

llm_model *llm_models_add(llm_models *models, const char *name, apr_pool_t *p)
{
    size_t n = strlen(name);
    int wildcard = n && name[n - 1] == '*';
    llm_model *model;

    n -= wildcard;
    if (exact(models, name, n, wildcard))
        return NULL;
    model = apr_array_push(models->list);
    model->name = apr_pstrmemdup(p, name, n);
    model->wildcard = wildcard;
    model->targets = apr_array_make(p, 2, sizeof(llm_target));
    return model;
}

static const llm_model *longest_wildcard(const llm_models *models,
                                         const char *name)
{
    const llm_model *model, *best = NULL;
    size_t longest = 0, n;
    int i;

    for (i = 0; i < models->list->nelts; i++) {
        model = model_at(models, i);
        n = strlen(model->name);
        if (model->wildcard && !strncmp(model->name, name, n)
            && (!best || n > longest)) {
            best = model;
            longest = n;
        }
    }
    return best;
}

/* 1 for "provider/model" itself, 2 for "provider/" and anything. */
static int stands_for(const llm_target *target, const char *name)
{
    size_t n = strlen(target->provider_name);

    if (strncmp(target->provider_name, name, n) || name[n] != '/'
        || !name[n + 1])
        return 0;
    if (!target->model)
        return 2;
    return !strcmp(target->model, name + n + 1);
}

/* The better of `found` and what is among these targets; *how it fits. */
static const llm_target *best_of(const apr_array_header_t *targets,
                                 const char *name, const llm_target *found,
                                 int *how)
{
    int i;

    for (i = 0; i < targets->nelts; i++) {
        const llm_target *target = &((const llm_target *)targets->elts)[i];
        int fits = stands_for(target, name);

        if (fits && (!found || fits < *how)) {
            found = target;
            *how = fits;
        }
    }
    return found;
}

static const llm_model *model_of(const llm_target *found, int how,
                                 const char *name, apr_pool_t *p)
{
    llm_model *model;
    llm_target *target;

    if (!found)
        return NULL;
    model = apr_pcalloc(p, sizeof *model);
    model->targets = apr_array_make(p, 1, sizeof *target);
    model->wildcard = how == 2;
    model->name = how == 2 ? apr_pstrcat(p, found->provider_name, "/", NULL)
                           : apr_pstrdup(p, name);
    target = apr_array_push(model->targets);
    *target = *found;
    target->weight = 0;
    target->when = NULL;
    if (how == 2)
        target->model = apr_pstrdup(p, strchr(name, '/') + 1);
    return model;
}

const llm_model *llm_models_direct(const llm_models *models, const char *name,
                                   apr_pool_t *p)
{
    const llm_target *found = NULL;
    int i, how = 0;

    for (i = 0; strchr(name, '/') && i < models->list->nelts; i++)
        found = best_of(model_at(models, i)->targets, name, found, &how);
    return model_of(found, how, name, p);
}

const llm_model *llm_models_at_provider(const llm_models *models,
                                        const char *name, apr_pool_t *p)
{
    int how = 0;
    const llm_target *found = best_of(models->any, name, NULL, &how);

    return model_of(found, how, name, p);
}

static int is_unconditional(const llm_model *model)
{
    int i;

    for (i = 0; i < model->targets->nelts; i++)
        if (!((const llm_target *)model->targets->elts)[i].when)
            return 1;
    return 0;
}

int llm_models_are_open(const llm_models *models)
{
    const llm_model *all = exact(models, "", 0, 1);

    return !models->list->nelts || (all && is_unconditional(all));
}

const llm_model *llm_models_default(const llm_models *models)
{
    const llm_model *model = exact(models, "default", 7, 0);
    int i;

    for (i = 0; !model && i < models->list->nelts; i++)
        if (!model_at(models, i)->wildcard)
            model = model_at(models, i);
    return model;
}

const llm_model *llm_models_find(const llm_models *models, const char *name,
                                 const char **parameters)
{
    const char *mark = strchr(name, '?');
    const llm_model *model = exact(models, name, strlen(name), 0);

    *parameters = "";
    if (!model && mark) {
        model = exact(models, name, mark - name, 0);
        if (model)
            *parameters = mark;
    }
    return model ? model : longest_wildcard(models, name);
}
