/* Google's Schema as JSON Schema. It is OpenAPI 3.0's subset: types in
 * capitals, `nullable` beside the type, counts that proto JSON writes as
 * strings. */
#include "gemini.h"
#include <string.h>
#include <strings.h>
#include <apr_strings.h>

typedef struct writing {
    llm_emit *e;
    apr_pool_t *p;
    int nullable;
    int typed;                  /* it has a type */
} writing;

static void put_schema(llm_emit *e, const char *name, const llm_json *schema,
                       apr_pool_t *p);

/* ---- members ------------------------------------------------------------ */

static void put_as_is(writing *w, const char *name, const llm_json *value)
{
    llm_emit_raw(w->e, name, llm_json_text(value, w->p));
}

static void put_nothing(writing *w, const char *name, const llm_json *value)
{
    (void)w;
    (void)name;
    (void)value;
}

static void put_type(writing *w, const char *name, const llm_json *value)
{
    static const char *const types[] = {
        "string", "number", "integer", "boolean", "array", "object", "null"
    };
    const char *word = llm_json_word(value);
    size_t i;

    for (i = 0; word && i < sizeof types / sizeof *types; i++) {
        if (strcasecmp(word, types[i]))
            continue;
        w->typed = 1;
        if (!w->nullable) {
            llm_emit_string(w->e, name, types[i]);
            return;
        }
        llm_emit_array(w->e, name);
        llm_emit_string(w->e, NULL, types[i]);
        llm_emit_string(w->e, NULL, "null");
        llm_emit_end_array(w->e);
        return;
    }
    if (llm_json_kind_of(value) == LLM_JSON_ARRAY)
        put_as_is(w, name, value);
}

/* "enum" is no format elsewhere. */
static void put_format(writing *w, const char *name, const llm_json *value)
{
    const char *word = llm_json_word(value);

    if (word && *word && strcmp(word, "enum"))
        llm_emit_string(w->e, name, word);
}

static void put_count(writing *w, const char *name, const llm_json *value)
{
    long long n;

    if (llm_gemini_is_whole(value, &n))
        llm_emit_whole(w->e, name, n);
}

static void put_one(writing *w, const char *name, const llm_json *value)
{
    if (llm_json_kind_of(value) == LLM_JSON_OBJECT)
        put_schema(w->e, name, value, w->p);
    else
        put_as_is(w, name, value);
}

static void put_list(writing *w, const char *name, const llm_json *value)
{
    size_t i;

    llm_emit_array(w->e, name);
    for (i = 0; i < llm_json_count(value); i++)
        put_one(w, NULL, llm_json_element(value, i));
    if (w->nullable && !strcmp(name, "anyOf")) {
        llm_emit_raw(w->e, NULL, (llm_span){ "{\"type\":\"null\"}", 15 });
        w->typed = 1;
    }
    llm_emit_end_array(w->e);
}

/* An enum that may be null must name it. */
static void put_enum(writing *w, const char *name, const llm_json *value)
{
    size_t i;

    llm_emit_array(w->e, name);
    for (i = 0; i < llm_json_count(value); i++)
        put_as_is(w, NULL, llm_json_element(value, i));
    if (w->nullable)
        llm_emit_null(w->e, NULL);
    llm_emit_end_array(w->e);
}

static llm_fault property(void *baton, const char *name,
                          const llm_json *value)
{
    writing *w = baton;

    llm_emit_name(w->e, name);
    put_one(w, NULL, value);
    return w->e->fault;
}

static void put_map(writing *w, const char *name, const llm_json *value)
{
    llm_emit_object(w->e, name);
    llm_json_each(value, property, w);
    llm_emit_end_object(w->e);
}

static const struct {
    const char *name, *snake;   /* NULL: the same */
    void (*put)(writing *w, const char *name, const llm_json *value);
} members[] = {
    { "type", NULL, put_type },
    { "format", NULL, put_format },
    { "nullable", NULL, put_nothing },
    { "enum", NULL, put_enum },
    { "properties", NULL, put_map },
    { "items", NULL, put_one },
    { "prefixItems", "prefix_items", put_list },
    { "anyOf", "any_of", put_list },
    { "additionalProperties", "additional_properties", put_one },
    { "minItems", "min_items", put_count },
    { "maxItems", "max_items", put_count },
    { "minLength", "min_length", put_count },
    { "maxLength", "max_length", put_count },
    { "minProperties", "min_properties", put_count },
    { "maxProperties", "max_properties", put_count },
    { "propertyOrdering", "property_ordering", put_nothing },
    { "example", NULL, put_nothing },
    { "$defs", "defs", put_map },
    { "$ref", "ref", put_as_is },
};

/* ---- a schema ----------------------------------------------------------- */

static llm_fault member(void *baton, const char *name, const llm_json *value)
{
    writing *w = baton;
    size_t i;

    if (llm_json_kind_of(value) == LLM_JSON_NULL)
        return w->e->fault;
    for (i = 0; i < sizeof members / sizeof *members; i++)
        if (!strcmp(name, members[i].name)
            || (members[i].snake && !strcmp(name, members[i].snake))) {
            members[i].put(w, members[i].name, value);
            return w->e->fault;
        }
    llm_emit_name(w->e, name);
    llm_emit_raw(w->e, NULL, llm_json_text(value, w->p));
    return w->e->fault;
}

static void put_schema(llm_emit *e, const char *name, const llm_json *schema,
                       apr_pool_t *p)
{
    writing w = { e, p, 0, 0 };

    w.nullable = llm_json_is_true(llm_json_member(schema, "nullable"));
    llm_emit_object(e, name);
    llm_json_each(schema, member, &w);
    llm_emit_end_object(e);
}

llm_span llm_gemini_schema(const llm_json *schema, apr_pool_t *p)
{
    const size_t size = llm_json_text(schema, p).len;
    llm_span span = { NULL, 0 };
    llm_emit e;
    llm_buf json;

    llm_buf_init(&json, 4 * size + 64);
    llm_emit_begin(&e, &json);
    put_schema(&e, NULL, schema, p);
    if (!e.fault) {
        span.at = apr_pmemdup(p, json.data, json.len);
        span.len = json.len;
    }
    llm_buf_free(&json);
    return span;
}
