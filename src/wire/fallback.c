#include "fallback.h"
#include <string.h>
#include <apr_strings.h>
#include "../base/scan.h"

#define NAME_MOST 256

typedef struct taking {
    apr_array_header_t *names;
    llm_buf *rest;
    llm_fault_detail *detail;
    apr_pool_t *p;
    int members;                /* written so far */
    int has_model;
    int from_models;            /* where "models" stand among the names; -1 */
} taking;

/* ---- names -------------------------------------------------------------- */

static llm_fault wrong(llm_fault_detail *detail, const char *param,
                       const char *text)
{
    detail->param = param;
    detail->text = text;
    return LLM_BAD_REQUEST;
}

static llm_fault add_name(apr_array_header_t *names, const char *name,
                          llm_fault_detail *detail)
{
    if (names->nelts == LLM_FALLBACKS_MOST)
        return wrong(detail, "fallbacks", "There are more fallbacks than "
                     "this gateway takes");
    APR_ARRAY_PUSH(names, const char *) = name;
    return LLM_OK;
}

static llm_fault take_string(taking *in, const llm_member *member)
{
    char name[NAME_MOST];

    if (llm_scan_string(member, name, sizeof name) < 1)
        return wrong(in->detail, "fallbacks", "A fallback is the name of a "
                     "model, or {\"model\": name}");
    return add_name(in->names, apr_pstrdup(in->p, name), in->detail);
}

static llm_fault model_of(void *baton, const llm_member *member)
{
    return llm_scan_is(member, "model") ? take_string(baton, member) : LLM_OK;
}

static llm_fault element(void *baton, const llm_member *member)
{
    taking *in = baton;
    int before = in->names->nelts;
    llm_fault fault;

    if (member->kind != LLM_JSON_OBJECT)
        return take_string(in, member);
    fault = llm_scan_object(member->value.at, member->value.len,
                            LLM_SCAN_DEEPEST, model_of, in, NULL);
    return fault || in->names->nelts > before ? fault
                                              : take_string(in, member);
}

static llm_fault take_list(taking *in, const llm_member *member,
                           const char *name)
{
    if (member->kind == LLM_JSON_NULL)
        return LLM_OK;
    if (member->kind != LLM_JSON_ARRAY)
        return wrong(in->detail, name, "The chain must be an array of models' "
                     "names");
    return llm_scan_array(member->value.at, member->value.len,
                          LLM_SCAN_DEEPEST, element, in, NULL);
}

/* ---- the body ----------------------------------------------------------- */

int llm_fallback_may_be_in(const char *body, size_t n)
{
    return memmem(body, n, "\"fallbacks\"", 11)
        || memmem(body, n, "\"models\"", 8);
}

/* A member of the outermost object as it stands, with its comma. */
static llm_fault keep(taking *in, const llm_member *member)
{
    const char *from = member->name.at - 1;
    const char *to = member->value.at + member->value.len;
    llm_fault fault = llm_buf_puts(in->rest, in->members++ ? "," : "{");

    return fault ? fault : llm_buf_add(in->rest, from, to - from);
}

static llm_fault take_member(void *baton, const llm_member *member)
{
    taking *in = baton;

    if (llm_scan_is(member, "fallbacks"))
        return take_list(in, member, "fallbacks");
    if (llm_scan_is(member, "models")) {
        in->from_models = in->names->nelts;
        return take_list(in, member, "models");
    }
    in->has_model |= llm_scan_is(member, "model");
    return keep(in, member);
}

static llm_fault put_model(taking *in)
{
    const char **names = (const char **)in->names->elts;
    const char *name = names[in->from_models];
    llm_fault fault = llm_buf_puts(in->rest, in->members++ ? ",\"model\":"
                                                           : "{\"model\":");

    if (!fault)
        fault = llm_buf_json(in->rest, name, strlen(name));
    memmove(&names[in->from_models], &names[in->from_models + 1],
            (in->names->nelts - in->from_models - 1) * sizeof *names);
    in->names->nelts--;
    return fault;
}

llm_fault llm_fallback_take(const char *body, size_t n, unsigned depth,
                            apr_array_header_t *names, llm_buf *rest,
                            llm_fault_detail *detail, apr_pool_t *p)
{
    taking in = { names, rest, detail, p, 0, 0, -1 };
    llm_fault fault = llm_scan_object(body, n, depth, take_member, &in, NULL);

    if (fault == LLM_BAD_REQUEST || fault == LLM_TOO_LARGE
        || fault == LLM_INTERNAL)
        return fault;
    if (fault) {
        llm_buf_clear(rest);
        names->nelts = 0;
        return llm_buf_add(rest, body, n);
    }
    if (!in.has_model && in.from_models >= 0
        && in.from_models < names->nelts && (fault = put_model(&in)))
        return fault;
    return llm_buf_puts(rest, in.members ? "}" : "{}");
}

/* ---- the header --------------------------------------------------------- */

llm_fault llm_fallback_header(const char *value, apr_array_header_t *names,
                              llm_fault_detail *detail, apr_pool_t *p)
{
    char *rest, *name, *copy = apr_pstrdup(p, value);
    llm_fault fault = LLM_OK;

    for (name = apr_strtok(copy, ", \t", &rest); name && !fault;
         name = apr_strtok(NULL, ", \t", &rest))
        fault = strlen(name) < NAME_MOST
            ? add_name(names, name, detail)
            : wrong(detail, NULL, "x-llm-fallback holds a name that is too "
                    "long");
    return fault;
}
