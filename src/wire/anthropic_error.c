/* Errors as Anthropic writes them. */
#include "anthropic.h"
#include "error.h"
#include <string.h>

#define ERROR_DEPTH 32

/* ---- reading ------------------------------------------------------------ */

typedef struct fields {
    apr_pool_t *p;
    const char *message, *type;         /* "" if there is none */
} fields;

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
    return LLM_OK;
}

/* {"error":{...}}, or {"error":"text"} as proxies write it. */
static llm_fault outer_member(void *baton, const llm_member *member)
{
    fields *f = baton;

    if (!llm_scan_is(member, "error"))
        return LLM_OK;
    if (member->kind == LLM_JSON_OBJECT)
        return llm_scan_object(member->value.at, member->value.len,
                               ERROR_DEPTH, error_member, f, NULL);
    f->message = string_of(member, f->p);
    return LLM_OK;
}

/* Within a stream the type is all there is. */
static const struct {
    const char *type;
    llm_fault fault;
} types[] = {
    { "invalid_request_error", LLM_REJECTED },
    { "not_found_error", LLM_REJECTED },
    { "conflict_error", LLM_REJECTED },
    { "request_too_large", LLM_REJECTED },
    { "authentication_error", LLM_REFUSED_KEY },
    { "permission_error", LLM_REFUSED_KEY },
    { "billing_error", LLM_REFUSED_KEY },
    { "rate_limit_error", LLM_LIMITED },
    { "overloaded_error", LLM_OVERLOADED },
    { "timeout_error", LLM_SLOW },
};

static llm_fault fault_of_type(const char *type)
{
    size_t i;

    for (i = 0; i < sizeof types / sizeof *types; i++)
        if (!strcmp(types[i].type, type))
            return types[i].fault;
    return LLM_FAILED;
}

/* There is no code for these, only sentences. */
static llm_fault fault_of_words(const char *message, long long *context)
{
    if (llm_error_is_too_long(message, context))
        return LLM_CONTEXT;
    return strstr(message, "content filtering policy") ? LLM_POLICY
                                                       : LLM_REJECTED;
}

void llm_anthropic_read_error(int status, const char *body, size_t n,
                              const llm_secret *secret, llm_fault_detail *out,
                              apr_pool_t *p)
{
    fields f = { p, "", "" };

    memset(out, 0, sizeof *out);
    if (llm_scan_object(body, n, ERROR_DEPTH, outer_member, &f, NULL))
        f.message = f.type = "";
    out->fault = status ? llm_error_of_status(status) : fault_of_type(f.type);
    if (out->fault == LLM_REJECTED)
        out->fault = fault_of_words(f.message, &out->context);
    if ((out->fault == LLM_REJECTED || out->fault == LLM_LIMITED)
        && llm_error_is_spent(f.message)) {
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
    }
}

/* ---- writing ------------------------------------------------------------ */

static const char *type_of(int status)
{
    static const struct {
        int status;
        const char *type;
    } known[] = {
        { 401, "authentication_error" }, { 402, "billing_error" },
        { 403, "permission_error" }, { 404, "not_found_error" },
        { 408, "timeout_error" }, { 409, "conflict_error" },
        { 413, "request_too_large" }, { 429, "rate_limit_error" },
        { 503, "overloaded_error" }, { 504, "timeout_error" },
        { 529, "overloaded_error" },
    };
    size_t i;

    for (i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].status == status)
            return known[i].type;
    return status < 500 ? "invalid_request_error" : "api_error";
}

/* The API names the member at the head of its sentence. */
static void put_message(llm_emit *e, const llm_fault_detail *detail,
                        const char *text)
{
    const char *param = detail->param;
    size_t n = param ? strlen(param) : 0;
    llm_buf whole;
    llm_fault fault;

    if (!n || strstr(text, param)) {
        llm_emit_string(e, "message", text);
        return;
    }
    llm_buf_init(&whole, n + 2 + strlen(text));
    fault = llm_buf_add(&whole, param, n);
    if (!fault)
        fault = llm_buf_add(&whole, ": ", 2);
    if (!fault)
        fault = llm_buf_puts(&whole, text);
    if (!fault)
        llm_emit_text(e, "message", (llm_span){ whole.data, whole.len });
    else if (!e->fault)
        e->fault = fault;
    llm_buf_free(&whole);
}

static llm_fault put_error(const llm_fault_detail *detail,
                           const llm_face *face, llm_buf *out)
{
    const llm_fault_row *row = llm_fault_of(detail->fault);
    llm_emit e;

    llm_emit_begin(&e, out);
    llm_emit_object(&e, NULL);
    llm_emit_string(&e, "type", "error");
    llm_emit_object(&e, "error");
    llm_emit_string(&e, "type", type_of(llm_fault_status(detail)));
    put_message(&e, detail, detail->text ? detail->text : row->text);
    llm_emit_end_object(&e);
    if (face && face->id)
        llm_emit_string(&e, "request_id", face->id);
    else
        llm_emit_null(&e, "request_id");
    llm_emit_end_object(&e);
    return e.fault;
}

llm_fault llm_anthropic_write_error(const llm_fault_detail *detail,
                                    const llm_face *face, llm_frame *frame,
                                    llm_buf *out)
{
    const size_t before = out->len;
    llm_buf json;
    llm_fault fault;

    if (!frame) {
        fault = put_error(detail, face, out);
        if (!fault)
            fault = llm_buf_puts(out, "\n");
        if (fault)
            out->len = before;
        return fault;
    }
    llm_buf_init(&json, out->ceiling);
    fault = put_error(detail, face, &json);
    if (!fault)
        fault = llm_frame_put(frame, "error", 5, json.data, json.len, out);
    llm_buf_free(&json);
    return fault;
}
