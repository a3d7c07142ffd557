/* The schema of an answer, as Anthropic takes it: every object says that it
 * has no members but those that are named. Other APIs do not ask for that, so
 * that many schemas leave it out. */
#include "anthropic.h"
#include <string.h>

typedef struct closing {
    llm_emit *e;
    apr_pool_t *p;
} closing;

static void put(closing *c, const llm_json *value);

static int is_among(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (!strcmp(*names, name))
            return 1;
    return 0;
}

static int is_object(const llm_json *schema)
{
    const llm_json *type = llm_json_member(schema, "type");
    const char *word = llm_json_word(type);
    size_t i;

    for (i = 0; !word && i < llm_json_count(type); i++) {
        word = llm_json_word(llm_json_element(type, i));
        if (word && strcmp(word, "object"))
            word = NULL;
    }
    return word ? !strcmp(word, "object")
        : llm_json_kind_of(llm_json_member(schema, "properties"))
          == LLM_JSON_OBJECT;
}

static llm_fault named(void *baton, const char *name, const llm_json *value)
{
    closing *c = baton;

    llm_emit_name(c->e, name);
    put(c, value);
    return c->e->fault;
}

static llm_fault member(void *baton, const char *name, const llm_json *value)
{
    static const char *const maps[] = {
        "properties", "$defs", "definitions", NULL
    };
    static const char *const values[] = {
        "enum", "const", "default", "examples", NULL
    };
    closing *c = baton;

    if (is_among(name, maps)
        && llm_json_kind_of(value) == LLM_JSON_OBJECT) {
        llm_emit_object(c->e, name);
        llm_json_each(value, named, c);
        llm_emit_end_object(c->e);
        return c->e->fault;
    }
    llm_emit_name(c->e, name);
    if (is_among(name, values))
        llm_emit_raw(c->e, NULL, llm_json_text(value, c->p));
    else
        put(c, value);
    return c->e->fault;
}

static void put(closing *c, const llm_json *value)
{
    size_t i;

    switch (llm_json_kind_of(value)) {
    case LLM_JSON_OBJECT:
        llm_emit_object(c->e, NULL);
        llm_json_each(value, member, c);
        if (is_object(value)
            && !llm_json_member(value, "additionalProperties"))
            llm_emit_bool(c->e, "additionalProperties", 0);
        llm_emit_end_object(c->e);
        break;
    case LLM_JSON_ARRAY:
        llm_emit_array(c->e, NULL);
        for (i = 0; i < llm_json_count(value); i++)
            put(c, llm_json_element(value, i));
        llm_emit_end_array(c->e);
        break;
    default:
        llm_emit_raw(c->e, NULL, llm_json_text(value, c->p));
    }
}

void llm_anthropic_put_schema(llm_emit *e, const char *name, llm_span schema,
                              apr_pool_t *p)
{
    closing c = { e, p };
    const llm_json *tree;

    if (llm_json_parse(schema.at, schema.len, LLM_ANTHROPIC_DEPTH, &tree, p)) {
        llm_emit_raw(e, name, schema);
        return;
    }
    llm_emit_name(e, name);
    put(&c, tree);
}
