#include "json.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include <apr_strings.h>
#include <json-c/json.h>

#define PLAIN (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

#define WHOLE_MOST (1LL << 53)

/* json-c says NULL for null, where we say it for nothing at all: a null is
 * this one's address, every other llm_json is a json_object. */
struct llm_json {
    char unused;
};

static const llm_json null_value;

static const llm_json *from_c(json_object *object)
{
    return object ? (const llm_json *)object : &null_value;
}

static json_object *to_c(const llm_json *value)
{
    return value == &null_value ? NULL : (json_object *)value;
}

static apr_status_t put(void *tree)
{
    json_object_put(tree);
    return APR_SUCCESS;
}

/* Its own checks are looser than ours, so ours come first; what it refuses
 * after that is for want of memory. */
static json_object *tree_of(const char *bytes, size_t n, unsigned depth)
{
    /* json-c counts scalars as a level of their own. */
    json_tokener *tokener = json_tokener_new_ex((int)depth + 1);
    json_object *tree;

    if (!tokener)
        return NULL;
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    tree = json_tokener_parse_ex(tokener, bytes, (int)n);
    json_tokener_free(tokener);
    return tree;
}

llm_fault llm_json_parse(const char *bytes, size_t n, unsigned depth,
                         const llm_json **out, apr_pool_t *p)
{
    json_object *tree;
    llm_fault fault;

    *out = NULL;
    if (n > INT_MAX)
        return LLM_TOO_LARGE;
    if (depth > LLM_SCAN_DEEPEST)
        depth = LLM_SCAN_DEEPEST;
    fault = llm_scan_object(bytes, n, depth, NULL, NULL, NULL);
    if (fault == LLM_BAD_JSON)
        fault = llm_scan_array(bytes, n, depth, NULL, NULL, NULL);
    if (fault)
        return fault;
    tree = tree_of(bytes, n, depth);
    if (!tree)
        return LLM_INTERNAL;
    apr_pool_cleanup_register(p, tree, put, apr_pool_cleanup_null);
    *out = from_c(tree);
    return LLM_OK;
}

llm_json_kind llm_json_kind_of(const llm_json *value)
{
    json_object *object = to_c(value);

    switch (json_object_get_type(object)) {
    case json_type_boolean:
        return json_object_get_boolean(object) ? LLM_JSON_TRUE
                                               : LLM_JSON_FALSE;
    case json_type_double:
    case json_type_int:
        return LLM_JSON_NUMBER;
    case json_type_string:
        return LLM_JSON_STRING;
    case json_type_array:
        return LLM_JSON_ARRAY;
    case json_type_object:
        return LLM_JSON_OBJECT;
    default:
        return LLM_JSON_NULL;
    }
}

const llm_json *llm_json_member(const llm_json *object, const char *name)
{
    json_object *found;

    if (llm_json_kind_of(object) != LLM_JSON_OBJECT
        || !json_object_object_get_ex(to_c(object), name, &found))
        return NULL;
    return from_c(found);
}

size_t llm_json_count(const llm_json *value)
{
    switch (llm_json_kind_of(value)) {
    case LLM_JSON_ARRAY:
        return json_object_array_length(to_c(value));
    case LLM_JSON_OBJECT:
        return (size_t)json_object_object_length(to_c(value));
    default:
        return 0;
    }
}

const llm_json *llm_json_element(const llm_json *array, size_t index)
{
    if (llm_json_kind_of(array) != LLM_JSON_ARRAY
        || index >= llm_json_count(array))
        return NULL;
    return from_c(json_object_array_get_idx(to_c(array), index));
}

llm_fault llm_json_each(const llm_json *object, llm_json_fn each, void *baton)
{
    struct json_object_iterator at, end;
    llm_fault fault = LLM_OK;

    if (llm_json_kind_of(object) != LLM_JSON_OBJECT)
        return LLM_OK;
    at = json_object_iter_begin(to_c(object));
    end = json_object_iter_end(to_c(object));
    while (!fault && !json_object_iter_equal(&at, &end)) {
        fault = each(baton, json_object_iter_peek_name(&at),
                     from_c(json_object_iter_peek_value(&at)));
        json_object_iter_next(&at);
    }
    return fault;
}

const char *llm_json_string(const llm_json *value, size_t *n)
{
    json_object *object = to_c(value);

    *n = 0;
    if (!json_object_is_type(object, json_type_string))
        return NULL;
    *n = (size_t)json_object_get_string_len(object);
    return json_object_get_string(object);
}

llm_span llm_json_span(const llm_json *value)
{
    llm_span span;

    span.at = llm_json_string(value, &span.len);
    return span;
}

const char *llm_json_word(const llm_json *value)
{
    size_t n;
    const char *text = llm_json_string(value, &n);

    return text && strlen(text) == n ? text : NULL;
}

llm_span llm_json_text(const llm_json *value, apr_pool_t *p)
{
    llm_span span = { "", 0 };
    size_t n;
    const char *text;

    if (!value)
        return span;
    text = to_c(value)
        ? json_object_to_json_string_length(to_c(value), PLAIN, &n) : NULL;
    if (!text) {
        text = "null";
        n = 4;
    }
    span.at = apr_pstrmemdup(p, text, n);
    span.len = n;
    return span;
}

int llm_json_is_true(const llm_json *value)
{
    return llm_json_kind_of(value) == LLM_JSON_TRUE;
}

int llm_json_number(const llm_json *value, double *out)
{
    if (llm_json_kind_of(value) != LLM_JSON_NUMBER)
        return 0;
    *out = json_object_get_double(to_c(value));
    return isfinite(*out);
}

int llm_json_whole(const llm_json *value, long long *out)
{
    double number;

    if (!llm_json_number(value, &number) || number < -(double)WHOLE_MOST
        || number > (double)WHOLE_MOST
        || number != (double)(long long)number)
        return 0;
    /* Every whole number of that range is a double, so nothing is lost; but
     * 2^53 + 1 has become 2^53 on the way. */
    if (json_object_is_type(to_c(value), json_type_int)) {
        *out = json_object_get_int64(to_c(value));
        return *out >= -WHOLE_MOST && *out <= WHOLE_MOST;
    }
    *out = (long long)number;
    return 1;
}

llm_fault llm_json_write(const llm_json *value, llm_buf *out)
{
    size_t n;
    const char *text;

    if (!to_c(value))
        return llm_buf_puts(out, "null");
    text = json_object_to_json_string_length(to_c(value), PLAIN, &n);
    return text ? llm_buf_add(out, text, n) : LLM_INTERNAL;
}
