/* The table of models: whose line answers a name, and merging. */
#include <apr_general.h>

#include "../../src/route/model.h"
#include "../tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static apr_pool_t *pool;

static llm_models *table(const char *const *names, size_t n)
{
    llm_models *const models = llm_models_make(pool);

    for (size_t i = 0; i < n; i++)
        llm_models_add(models, names[i], pool);
    return models;
}

/* The line as it was written. */
static const char *line_of(const llm_model *model)
{
    static char text[64];

    if (!model)
        return NULL;
    snprintf(text, sizeof text, "%s%s", model->name,
             model->wildcard ? "*" : "");
    return text;
}

static void finds(void)
{
    static const char *const names[] = {
        "gpt-*", "gpt-4", "*", "gpt-4-*", "echo", "odd?name", "claude*",
        "gpt-4?x",
    };
    static const struct {
        const char *name, *line, *parameters;
    } cases[] = {
        { "gpt-4", "gpt-4", "" },
        { "gpt-5", "gpt-*", "" },
        { "gpt-4-mini", "gpt-4-*", "" },
        { "gpt-", "gpt-*", "" },
        { "gpt-4-", "gpt-4-*", "" },
        { "gpt", "*", "" },
        { "GPT-4", "*", "" },
        { "claude", "claude*", "" },
        { "", "*", "" },
        { "*", "*", "" },
        { "gpt-*", "gpt-*", "" },
        { "echo?delay=1", "echo", "?delay=1" },
        { "echo?", "echo", "?" },
        { "echo?a?b", "echo", "?a?b" },
        { "odd?name", "odd?name", "" },
        { "odd?name?x", "*", "" },
        { "gpt-4?x", "gpt-4?x", "" },
        { "gpt-4?y", "gpt-4", "?y" },
        { "gpt-5?y", "gpt-*", "" },
        { "gpt-4-?y", "gpt-4-*", "" },
        { "?x", "*", "" },
    };
    const llm_models *const models = table(names, COUNT(names));
    const char *parameters;

    for (size_t i = 0; i < COUNT(cases); i++) {
        is_str(line_of(llm_models_find(models, cases[i].name, &parameters)),
               cases[i].line, "'%s' is answered by its line", cases[i].name);
        is_str(parameters, cases[i].parameters, "with its parameters");
    }
}

static void finds_nothing(void)
{
    static const char *const names[] = { "a", "b*" };
    const llm_models *const models = table(names, 2);
    const char *parameters = NULL;

    ok(!llm_models_find(models, "c", &parameters), "an unknown name");
    is_str(parameters, "", "has no parameters");
    ok(!llm_models_find(models, "aa", &parameters), "nor is a longer one");
    ok(!llm_models_find(models, "", &parameters), "nor the empty one");
    ok(!llm_models_find(models, "c?a", &parameters), "nor one after a ?");
    ok(!llm_models_find(llm_models_make(pool), "a", &parameters),
       "nor any in an empty table");
}

static void adds(void)
{
    llm_models *const models = llm_models_make(pool);
    llm_model *const one = llm_models_add(models, "a", pool);

    ok(one && one->targets && !one->targets->nelts && !one->wildcard,
       "a new line has no targets yet");
    ok(!llm_models_add(models, "a", pool), "a name stands once");
    ok(llm_models_add(models, "a*", pool) != NULL, "its wildcard is another");
    ok(!llm_models_add(models, "a*", pool), "which stands once");
    ok(llm_models_add(models, "*", pool) != NULL, "the shortest wildcard");
    ok(!llm_models_add(models, "*", pool), "once");
    ok(llm_models_add(models, "aa", pool) != NULL, "a longer name");
    is_int(models->list->nelts, 4, "four lines");
}

static void add_target(llm_model *model, const char *name)
{
    llm_target *const target = apr_array_push(model->targets);

    memset(target, 0, sizeof *target);
    target->provider_name = name;
}

static const char *target_of(const llm_model *model)
{
    return ((const llm_target *)model->targets->elts)->provider_name;
}

static void merges(void)
{
    llm_models *const outer = llm_models_make(pool);
    llm_models *const inner = llm_models_make(pool);
    llm_models *merged;
    const llm_model *model;
    const char *parameters;

    add_target(llm_models_add(outer, "both", pool), "outer");
    add_target(llm_models_add(outer, "far", pool), "outer");
    add_target(llm_models_add(outer, "x-*", pool), "outer");
    add_target(llm_models_add(inner, "both", pool), "inner");
    add_target(llm_models_add(inner, "x-*", pool), "inner");
    merged = llm_models_merge(outer, inner, pool);
    model = llm_models_find(merged, "both", &parameters);
    is_str(target_of(model), "inner", "the inner line comes first");
    is_str(target_of(llm_models_find(merged, "x-1", &parameters)), "inner",
           "also of wildcards");
    model = llm_models_find(merged, "far", &parameters);
    is_str(target_of(model), "outer", "the outer lines are there");
    ((llm_target *)model->targets->elts)->provider_name = "changed";
    is_str(target_of(llm_models_find(outer, "far", &parameters)), "outer",
           "what is changed in the merged is not in its parts");
    is_int(outer->list->nelts, 3, "the outer is as it was");
    is_int(inner->list->nelts, 2, "the inner is as it was");
}

/* One side empty is the common case: a virtual host without lines. */
static void merges_with_nothing(void)
{
    llm_models *const none = llm_models_make(pool);
    llm_models *const some = llm_models_make(pool);
    const char *parameters;

    for (int inner = 0; inner < 2; inner++) {
        llm_models *merged;
        const llm_model *model, *was;

        if (!inner)
            add_target(llm_models_add(some, "m", pool), "p");
        was = llm_models_find(some, "m", &parameters);
        merged = llm_models_merge(inner ? none : some, inner ? some : none,
                                  pool);
        model = llm_models_find(merged, "m", &parameters);
        ok(model && model != was, "the merged has a line of its own");
        ((llm_target *)model->targets->elts)->provider_name = "changed";
        is_str(target_of(was), "p", "with targets of its own");
        llm_models_add(merged, "n", pool);
        ok(!llm_models_find(some, "n", &parameters)
           && !llm_models_find(none, "n", &parameters),
           "and a new line is only there");
    }
}

static void finds_at_providers(void)
{
    static const char *const names[] = { "a", "one/x" };
    static const char *const others[] = { "two/", "three/y", "one", "on/y",
                                          "one/", "/y", "" };
    llm_models *const models = table(names, 2);
    llm_target *const target = apr_array_push(models->any);
    const llm_model *model;

    memset(target, 0, sizeof *target);
    target->provider_name = "one";
    target->label = "one/*";
    ok(!llm_models_direct(models, "one/y", pool), "no line has it");
    model = llm_models_at_provider(models, "one/y/z", pool);
    is_str(line_of(model), "one/*", "the provider has");
    is_str(target_of(model), "one", "it is asked");
    is_str(((llm_target *)model->targets->elts)->model, "y/z",
           "by the rest of the name");
    for (size_t i = 0; i < COUNT(others); i++)
        ok(!llm_models_at_provider(models, others[i], pool), "not '%s'",
           others[i]);
    ok(!llm_models_at_provider(llm_models_merge(models, models, pool), "one/y",
                               pool), "each server has its own providers");
}

static void is_open(void)
{
    static const char *const narrow[] = { "a", "a*" };
    llm_models *const models = table(narrow, 2);
    llm_model *all;

    ok(llm_models_are_open(llm_models_make(pool)), "no line: open");
    ok(!llm_models_are_open(models), "exact names and others: not");
    all = llm_models_add(models, "*", pool);
    add_target(all, "one");
    ok(llm_models_are_open(models), "one for any name: open");
    ((llm_target *)all->targets->elts)->when = "some condition";
    ok(!llm_models_are_open(models), "not if it is on a condition");
    add_target(all, "two");
    ok(llm_models_are_open(models), "but if another target is on none");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    finds();
    finds_nothing();
    adds();
    merges();
    merges_with_nothing();
    finds_at_providers();
    is_open();
    apr_pool_destroy(pool);
    return done();
}
