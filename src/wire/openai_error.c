/* Errors as OpenAI and its many imitators write them. */
#include "openai.h"
#include <apr_strings.h>
#include <string.h>

#define ERROR_DEPTH 32
#define MESSAGE_MAX 1000        /* of a provider's message, bytes */
#define WORD_MAX 64             /* of its type, param and code */

/* ---- reading ------------------------------------------------------------ */

typedef struct fields {
    apr_pool_t *p;
    int inside;                 /* they come from "error", which counts more
                                 * than members of these names beside it */
    const char *message, *type, *param, *code;  /* "" if there is none */
} fields;

static const fields none = { NULL, 0, "", "", "", "" };

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

static llm_fault fault_of_status(int status)
{
    switch (status) {
    case 401: case 402: case 403:
        return LLM_REFUSED_KEY;
    case 429:
        return LLM_LIMITED;
    case 503: case 529:
        return LLM_OVERLOADED;
    case 408: case 504:
        return LLM_SLOW;
    }
    if (status >= 400 && status < 500)
        return LLM_REJECTED;
    return status >= 300 && status < 400 ? LLM_GARBAGE : LLM_FAILED;
}

static llm_fault fault_of_words(const fields *f)
{
    if (strstr(f->code, "context_length"))
        return LLM_CONTEXT;
    if (strstr(f->code, "content_policy") || strstr(f->code, "content_filter"))
        return LLM_POLICY;
    if (strstr(f->code, "rate_limit") || strstr(f->type, "rate_limit"))
        return LLM_LIMITED;
    if (strstr(f->code, "overloaded") || strstr(f->type, "overloaded"))
        return LLM_OVERLOADED;
    return LLM_OK;
}

/* For a word of ours as well as of theirs: one that holds a key is dropped
 * whole. */
static const char *word(const char *text, const llm_secret *secret,
                        apr_pool_t *p)
{
    const char *clean;

    if (!llm_text_is_name(text, WORD_MAX))
        return NULL;
    clean = llm_secret_redact(secret, text, strlen(text), p);
    return strcmp(clean, text) ? NULL : clean;
}

/* Cut only when it is clean: half a key would not be known for one. */
static const char *sentence(const char *text, const llm_secret *secret,
                            apr_pool_t *p)
{
    char *clean = llm_secret_redact(secret, text, strlen(text), p);

    if (strlen(clean) > MESSAGE_MAX)
        clean[llm_text_utf8(clean, MESSAGE_MAX)] = '\0';
    return clean;
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
    out->fault = fault_of_status(status);
    if (!status || out->fault == LLM_REJECTED)
        by_words = fault_of_words(&f);
    if (by_words)
        out->fault = by_words;
    if (out->fault == LLM_REFUSED_KEY || out->fault == LLM_GARBAGE)
        return;
    if (f.message[0])
        out->text = sentence(f.message, secret, p);
    if (out->fault == LLM_REJECTED || out->fault == LLM_CONTEXT
        || out->fault == LLM_POLICY || out->fault == LLM_LIMITED) {
        out->status = status;
        out->type = word(f.type, secret, p);
        out->param = word(f.param, secret, p);
        out->code = word(f.code, secret, p);
    }
}

/* ---- writing ------------------------------------------------------------ */

static llm_fault put_member(llm_buf *out, const char *name, const char *text)
{
    llm_fault fault = llm_buf_printf(out, "\"%s\":", name);

    if (fault)
        return fault;
    return text ? llm_buf_json(out, text, strlen(text))
                : llm_buf_puts(out, "null");
}

static const char *or_else(const char *text, const char *other)
{
    return text ? text : other;
}

llm_fault llm_openai_write_error(const llm_fault_detail *detail, int event,
                                 llm_buf *out)
{
    const llm_fault_row *row = llm_fault_of(detail->fault);
    llm_fault fault;

    if ((fault = llm_buf_puts(out, event ? "data: {\"error\":{"
                                         : "{\"error\":{"))
        || (fault = put_member(out, "message",
                               or_else(detail->text, row->text)))
        || (fault = llm_buf_puts(out, ","))
        || (fault = put_member(out, "type", or_else(detail->type, row->type)))
        || (fault = llm_buf_puts(out, ","))
        || (fault = put_member(out, "param", detail->param))
        || (fault = llm_buf_puts(out, ","))
        || (fault = put_member(out, "code",
                               or_else(detail->code, row->code))))
        return fault;
    return llm_buf_puts(out, event ? "}}\n\n" : "}}\n");
}
