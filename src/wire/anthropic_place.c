/* Where something stands in a client's request of Anthropic's shape, and what
 * is said about it. */
#include "anthropic.h"
#include <apr_strings.h>
#include <string.h>

#define NOTED_MOST 64           /* names are enough to refuse a request by;
                                 * a list of all could be as long as a body */

typedef llm_anthropic_reading reading;
typedef llm_anthropic_place place;

const char *llm_anthropic_path(const place *at, const char *name,
                               apr_pool_t *p)
{
    const char *outer;

    if (name) {
        outer = at ? llm_anthropic_path(at, NULL, p) : NULL;
        return outer ? apr_pstrcat(p, outer, ".", name, NULL)
                     : apr_pstrdup(p, name);
    }
    if (!at)
        return "";
    if (at->name)
        return llm_anthropic_path(at->outer, at->name, p);
    return apr_psprintf(p, "%s[%" APR_SIZE_T_FMT "]",
                        llm_anthropic_path(at->outer, NULL, p), at->index);
}

llm_fault llm_anthropic_wrong(reading *in, const place *at, const char *name,
                              const char *sentence)
{
    in->detail->param = llm_anthropic_path(at, name, in->p);
    in->detail->text = sentence;
    return LLM_BAD_REQUEST;
}

static void note(apr_array_header_t *list, const char *path)
{
    int i;

    if (list->nelts >= NOTED_MOST)
        return;
    for (i = 0; i < list->nelts; i++)
        if (!strcmp(APR_ARRAY_IDX(list, i, const char *), path))
            return;
    APR_ARRAY_PUSH(list, const char *) = path;
}

void llm_anthropic_unknown(reading *in, const place *at, const char *name)
{
    if (in->chat->unknown->nelts < NOTED_MOST)
        note(in->chat->unknown, llm_anthropic_path(at, name, in->p));
}

void llm_anthropic_hint(reading *in, const place *at, const char *name)
{
    if (in->chat->hints->nelts < NOTED_MOST)
        note(in->chat->hints, llm_anthropic_path(at, name, in->p));
}

int llm_anthropic_is_null(const llm_json *value)
{
    return llm_json_kind_of(value) == LLM_JSON_NULL;
}

typedef struct checking {
    reading *in;
    const place *at;
    const char *const *known;
} checking;

static llm_fault check(void *baton, const char *name, const llm_json *value)
{
    checking *c = baton;
    const char *const *known;

    if (llm_anthropic_is_null(value))
        return LLM_OK;
    for (known = c->known; *known; known++)
        if (!strcmp(*known, name))
            return LLM_OK;
    llm_anthropic_unknown(c->in, c->at, name);
    return LLM_OK;
}

void llm_anthropic_others(reading *in, const place *at,
                          const llm_json *object, const char *const *known)
{
    checking c = { in, at, known };

    llm_json_each(object, check, &c);
}

static llm_fault not_a_string(reading *in, const place *at, const char *name)
{
    return llm_anthropic_wrong(in, at, name,
        apr_psprintf(in->p, "%s must be a string", name));
}

llm_fault llm_anthropic_text(reading *in, const place *at,
                             const llm_json *object, const char *name,
                             int must, llm_span *out)
{
    const llm_json *value = llm_json_member(object, name);

    *out = llm_json_span(value);
    if (!out->at && (must || !llm_anthropic_is_null(value)))
        return not_a_string(in, at, name);
    return LLM_OK;
}

llm_fault llm_anthropic_word(reading *in, const place *at,
                             const llm_json *object, const char *name,
                             int must, const char **out)
{
    const llm_json *value = llm_json_member(object, name);

    *out = llm_json_word(value);
    if (!*out && (must || !llm_anthropic_is_null(value)))
        return not_a_string(in, at, name);
    if (must && !**out)
        return llm_anthropic_wrong(in, at, name,
            apr_psprintf(in->p, "%s must not be empty", name));
    return LLM_OK;
}

llm_fault llm_anthropic_cache(reading *in, const place *at,
                              const llm_json *object, const char **out)
{
    static const char *const known[] = { "type", "ttl", NULL };
    const llm_json *cache = llm_json_member(object, "cache_control");
    const place here = { at, "cache_control", 0 };
    const char *type, *ttl;
    llm_fault fault;

    *out = NULL;
    if (llm_anthropic_is_null(cache))
        return LLM_OK;
    if (llm_json_kind_of(cache) != LLM_JSON_OBJECT)
        return llm_anthropic_wrong(in, at, "cache_control",
            "cache_control must be an object");
    if ((fault = llm_anthropic_word(in, &here, cache, "type", 1, &type))
        || (fault = llm_anthropic_word(in, &here, cache, "ttl", 0, &ttl)))
        return fault;
    llm_anthropic_others(in, &here, cache, known);
    if (ttl && strcmp(ttl, "5m") && strcmp(ttl, "1h"))
        return llm_anthropic_wrong(in, &here, "ttl",
            "cache_control.ttl must be \"5m\" or \"1h\"");
    *out = ttl ? ttl : "5m";
    in->chat->given[LLM_FIELD_CACHE] = "cache_control";
    return LLM_OK;
}
