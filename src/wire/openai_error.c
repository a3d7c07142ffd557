/* Errors as OpenAI and its many imitators write them. */
#include "error.h"
#include "openai.h"
#include <string.h>

#define ERROR_DEPTH 32

/* ---- reading ------------------------------------------------------------ */

typedef struct fields {
    apr_pool_t *p;
    int inside;                 /* they come from "error", which counts more
                                 * than members of these names beside it */
    int has_details;            /* Google's, which say when to come again */
    const char *message, *type, *param, *code;  /* "" if there is none */
} fields;

static const fields none = { NULL, 0, 0, "", "", "", "" };

static const char *string_of(const llm_member *member, apr_pool_t *p)
{
    char *text = apr_palloc(p, member->value.len + 1);

    return llm_scan_string(member, text, member->value.len + 1) < 0 ? ""
                                                                    : text;
}

static llm_fault error_member(void *baton, const llm_member *member)
{
    fields *f = baton;

    if (llm_scan_is(member, "message"))
        f->message = string_of(member, f->p);
    else if (llm_scan_is(member, "type"))
        f->type = string_of(member, f->p);
    else if (llm_scan_is(member, "param"))
        f->param = string_of(member, f->p);
    else if (llm_scan_is(member, "code"))
        f->code = string_of(member, f->p);
    else if (llm_scan_is(member, "details"))
        f->has_details = 1;
    return LLM_OK;
}

static void begin_inside(fields *f)
{
    apr_pool_t *p = f->p;

    *f = none;
    f->p = p;
    f->inside = 1;
}

/* {"error":{...}}, {"error":"text"}, or the members at the top. */
static llm_fault outer_member(void *baton, const llm_member *member)
{
    fields *f = baton;

    if (!llm_scan_is(member, "error"))
        return f->inside ? LLM_OK : error_member(f, member);
    if (member->kind == LLM_JSON_OBJECT) {
        begin_inside(f);
        return llm_scan_object(member->value.at, member->value.len,
                               ERROR_DEPTH, error_member, f, NULL);
    }
    if (member->kind == LLM_JSON_STRING) {
        begin_inside(f);
        f->message = string_of(member, f->p);
    }
    return LLM_OK;
}

/* Gemini puts its error into an array. */
static llm_fault first_element(void *baton, const llm_member *member)
{
    if (member->index || member->kind != LLM_JSON_OBJECT)
        return LLM_OK;
    return llm_scan_object(member->value.at, member->value.len, ERROR_DEPTH,
                           outer_member, baton, NULL);
}

static void read_fields(const char *body, size_t n, fields *f, apr_pool_t *p)
{
    *f = none;
    f->p = p;
    if (!llm_scan_object(body, n, ERROR_DEPTH, outer_member, f, NULL))
        return;
    *f = none;
    f->p = p;
    if (llm_scan_array(body, n, ERROR_DEPTH, first_element, f, NULL))
        *f = none;
}

/* Waiting helps against a limit, and against this it does not. */
static int is_spent(const fields *f)
{
    static const char *const words[] = {
        "insufficient_quota", "billing_hard_limit_reached",
        "billing_not_active"
    };
    size_t i;

    for (i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(f->type, words[i]) || !strcmp(f->code, words[i]))
            return 1;
    return !f->has_details && llm_error_is_spent(f->message);
}

/* Not all who speak so give a code with a request that is too long. */
static llm_fault fault_of_words(const fields *f, long long *context)
{
    if (llm_error_is_too_long(f->message, context)
        || strstr(f->code, "context_length"))
        return LLM_CONTEXT;
    if (strstr(f->code, "content_policy") || strstr(f->code, "content_filter"))
        return LLM_POLICY;
    if (strstr(f->code, "rate_limit") || strstr(f->type, "rate_limit"))
        return LLM_LIMITED;
    if (strstr(f->code, "overloaded") || strstr(f->type, "overloaded"))
        return LLM_OVERLOADED;
    return LLM_OK;
}

/* The words count where the status does not say it all: for a client's
 * mistake, and within a stream. */
void llm_openai_read_error(int status, const char *body, size_t n,
                           const llm_secret *secret, llm_fault_detail *out,
                           apr_pool_t *p)
{
    llm_fault by_words = LLM_OK;
    fields f;

    memset(out, 0, sizeof *out);
    read_fields(body, n, &f, p);
    out->fault = llm_error_of_status(status);
    if (!status || out->fault == LLM_REJECTED)
        by_words = fault_of_words(&f, &out->context);
    if (by_words)
        out->fault = by_words;
    if ((!status || status == 429 || out->fault == LLM_REJECTED)
        && is_spent(&f)) {
        out->fault = LLM_REFUSED_KEY;
        out->text = LLM_ERROR_SPENT;
    }
    if (out->fault == LLM_REFUSED_KEY || out->fault == LLM_GARBAGE)
        return;
    if (f.message[0])
        out->text = llm_error_sentence(f.message, secret, p);
    if (out->fault == LLM_REJECTED || out->fault == LLM_CONTEXT
        || out->fault == LLM_POLICY || out->fault == LLM_LIMITED) {
        out->status = status;
        out->type = llm_error_word(f.type, secret, p);
        out->param = llm_error_word(f.param, secret, p);
        out->code = llm_error_word(f.code, secret, p);
    }
}

/* ---- writing ------------------------------------------------------------ */

static void put_or_null(llm_emit *e, const char *name, const char *text)
{
    if (text)
        llm_emit_string(e, name, text);
    else
        llm_emit_null(e, name);
}

static const char *or_else(const char *text, const char *other)
{
    return text ? text : other;
}

/* The object that stands behind "error". */
static llm_fault put_error(const llm_fault_detail *detail, llm_buf *out)
{
    const llm_fault_row *row = llm_fault_of(detail->fault);
    llm_emit e;

    llm_emit_begin(&e, out);
    llm_emit_object(&e, NULL);
    llm_emit_object(&e, "error");
    put_or_null(&e, "message", or_else(detail->text, row->text));
    put_or_null(&e, "type", or_else(detail->type, row->type));
    put_or_null(&e, "param", detail->param);
    put_or_null(&e, "code", or_else(detail->code, row->code));
    llm_emit_end_object(&e);
    llm_emit_end_object(&e);
    return e.fault;
}

llm_fault llm_openai_write_error(const llm_fault_detail *detail,
                                 const llm_face *face, llm_frame *frame,
                                 llm_buf *out)
{
    llm_buf json;
    llm_fault fault;

    (void)face;
    if (!frame) {
        fault = put_error(detail, out);
        return fault ? fault : llm_buf_puts(out, "\n");
    }
    llm_buf_init(&json, out->ceiling);
    fault = put_error(detail, &json);
    if (!fault)
        fault = llm_frame_put(frame, NULL, 0, json.data, json.len, out);
    llm_buf_free(&json);
    return fault;
}
