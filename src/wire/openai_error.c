/* Errors as OpenAI and its many imitators write them. */
#include "openai.h"
#include <apr_strings.h>
#include <string.h>

#define ERROR_DEPTH 32
#define MESSAGE_MAX 1000        /* of a provider's message, bytes */
#define WORD_MAX 64             /* of its type, param and code */

/* ---- reading ------------------------------------------------------------ */

typedef struct fields {
    char message[MESSAGE_MAX + 1];
    char type[WORD_MAX + 1], param[WORD_MAX + 1], code[WORD_MAX + 1];
} fields;

/* A string, or as much of it as there is room for. */
static void take(const llm_member *member, char *out, size_t room)
{
    llm_member part = *member;

    if (member->kind != LLM_JSON_STRING)
        return;
    if (llm_scan_string(&part, out, room) < 0)
        out[0] = '\0';
}

static llm_fault error_member(void *baton, const llm_member *member)
{
    fields *f = baton;

    if (llm_scan_is(member, "message"))
        take(member, f->message, sizeof f->message);
    else if (llm_scan_is(member, "type"))
        take(member, f->type, sizeof f->type);
    else if (llm_scan_is(member, "param"))
        take(member, f->param, sizeof f->param);
    else if (llm_scan_is(member, "code"))
        take(member, f->code, sizeof f->code);
    return LLM_OK;
}

/* {"error":{...}}, {"error":"text"}, or the members at the top. */
static llm_fault outer_member(void *baton, const llm_member *member)
{
    fields *f = baton;

    if (llm_scan_is(member, "error") && member->kind == LLM_JSON_OBJECT)
        return llm_scan_object(member->value.at, member->value.len,
                               ERROR_DEPTH, error_member, f, NULL);
    if (llm_scan_is(member, "error")) {
        take(member, f->message, sizeof f->message);
        return LLM_OK;
    }
    return f->message[0] ? LLM_OK : error_member(baton, member);
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

static const char *word(const char *text, apr_pool_t *p)
{
    return llm_text_is_name(text, WORD_MAX) ? apr_pstrdup(p, text) : NULL;
}

/* The words count where the status does not say it all: for a client's
 * mistake, and within a stream. */
void llm_openai_read_error(int status, const char *body, size_t n,
                           const llm_secret *secret, llm_fault_detail *out,
                           apr_pool_t *p)
{
    fields *f = apr_pcalloc(p, sizeof *f);
    llm_fault by_words = LLM_OK;

    memset(out, 0, sizeof *out);
    if (n && llm_scan_object(body, n, ERROR_DEPTH, outer_member, f, NULL))
        memset(f, 0, sizeof *f);
    out->fault = fault_of_status(status);
    if (!status || out->fault == LLM_REJECTED)
        by_words = fault_of_words(f);
    if (by_words)
        out->fault = by_words;
    if (out->fault == LLM_REFUSED_KEY || out->fault == LLM_GARBAGE)
        return;
    if (f->message[0])
        out->text = llm_secret_redact(secret, f->message, strlen(f->message),
                                      p);
    if (out->fault == LLM_REJECTED || out->fault == LLM_CONTEXT
        || out->fault == LLM_POLICY || out->fault == LLM_LIMITED) {
        out->status = status;
        out->type = word(f->type, p);
        out->param = word(f->param, p);
        out->code = word(f->code, p);
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
