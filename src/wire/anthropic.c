/* Anthropic Messages: the dialect, and requests that pass as they stand. */
#include "anthropic.h"
#include <apr_strings.h>
#include <string.h>

/* ---- a client's request ------------------------------------------------- */

typedef struct reading {
    llm_request *out;
    llm_fault_detail *detail;
    unsigned seen;
} reading;

static llm_fault wrong(reading *in, const char *param, const char *text)
{
    in->detail->param = param;
    in->detail->text = text;
    return LLM_BAD_REQUEST;
}

static llm_fault once(reading *in, unsigned bit, const char *param)
{
    if (in->seen & bit)
        return wrong(in, param, "A member stands twice in the request");
    in->seen |= bit;
    return LLM_OK;
}

static llm_fault model(reading *in, const llm_member *member)
{
    llm_fault fault = once(in, 1, "model");

    if (fault)
        return fault;
    if (member->kind != LLM_JSON_STRING)
        return wrong(in, "model", "The model must be a string");
    in->out->model_at = member->value;
    if (llm_scan_string(member, in->out->model, sizeof in->out->model) < 1)
        return wrong(in, "model", "The model's name is empty or too long");
    return LLM_OK;
}

static llm_fault stream(reading *in, const llm_member *member)
{
    llm_fault fault = once(in, 2, "stream");

    if (fault)
        return fault;
    if (member->kind > LLM_JSON_TRUE)
        return wrong(in, "stream", "stream must be true or false");
    in->out->stream = member->kind == LLM_JSON_TRUE;
    return LLM_OK;
}

static llm_fault request_member(void *baton, const llm_member *member)
{
    if (llm_scan_is(member, "model"))
        return model(baton, member);
    if (llm_scan_is(member, "stream"))
        return stream(baton, member);
    return LLM_OK;
}

static llm_fault read_request(const char *body, size_t n, unsigned depth,
                              llm_request *out, llm_fault_detail *detail,
                              apr_pool_t *p)
{
    reading in = { out, detail, 0 };
    size_t where = 0;
    llm_fault fault;

    memset(out, 0, sizeof *out);
    out->body.at = body;
    out->body.len = n;
    out->wants_usage = 1;       /* its streams always tell it */
    fault = llm_scan_object(body, n, depth, request_member, &in, &where);
    if (!fault && !(in.seen & 1))
        fault = wrong(&in, "model", "The request names no model");
    if (fault == LLM_BAD_JSON)
        detail->text = apr_psprintf(p, "The request body is not valid JSON: "
                                    "trouble at byte %" APR_SIZE_T_FMT
                                    " of %" APR_SIZE_T_FMT, where, n);
    if (fault == LLM_TOO_DEEP)
        detail->text = apr_psprintf(p, "The request body is nested deeper "
                                    "than %u levels", depth);
    detail->fault = fault;
    return fault;
}

/* What is counted is never streamed. */
static llm_fault read_counting(const char *body, size_t n, unsigned depth,
                               llm_request *out, llm_fault_detail *detail,
                               apr_pool_t *p)
{
    llm_fault fault = read_request(body, n, depth, out, detail, p);

    out->stream = 0;
    return fault;
}

/* ---- the same request to a provider ------------------------------------- */

static llm_fault pass_request(const llm_request *request, const char *name,
                              int ask_usage, llm_buf *out)
{
    const llm_span body = request->body, at = request->model_at;
    const size_t before = out->len, head = at.at - body.at;
    llm_fault fault = llm_buf_reserve(out, body.len + LLM_MODEL_MAX);

    (void)ask_usage;
    if (!fault)
        fault = llm_buf_add(out, body.at, head);
    if (!fault && !strcmp(name, request->model))
        fault = llm_buf_add(out, at.at, at.len);
    else if (!fault)
        fault = llm_buf_json(out, name, strlen(name));
    if (!fault)
        fault = llm_buf_add(out, at.at + at.len, body.len - head - at.len);
    if (fault)
        out->len = before;
    return fault;
}

static const char *path(const char *name, int streamed, apr_pool_t *p)
{
    (void)name;
    (void)streamed;
    (void)p;
    return "/messages";
}

static const char *count_path(const char *name, int streamed, apr_pool_t *p)
{
    (void)name;
    (void)streamed;
    (void)p;
    return "/messages/count_tokens";
}

static llm_fault write_count(long long tokens, const llm_face *face,
                             llm_buf *out)
{
    (void)face;
    return llm_buf_printf(out, "{\"input_tokens\":%lld}\n", tokens);
}

/* ---- the dialects ------------------------------------------------------- */

static const llm_chat_form form = {
    .read_request = llm_anthropic_read_request,
    .write_request = llm_anthropic_write_request,
    .read_reply = llm_anthropic_read_reply,
    .write_reply = llm_anthropic_write_reply,
    .reader_size = LLM_ANTHROPIC_READER,
    .read_piece = llm_anthropic_read_piece,
    .writer_size = LLM_ANTHROPIC_WRITER,
    .write_delta = llm_anthropic_write_delta
};

static const llm_chat_form count_form = {
    .read_request = llm_anthropic_read_counting,
    .write_request = llm_anthropic_write_counting,
    .read_reply = llm_anthropic_read_reply,
    .write_reply = llm_anthropic_write_reply,
    .reader_size = LLM_ANTHROPIC_READER,
    .read_piece = llm_anthropic_read_piece,
    .writer_size = LLM_ANTHROPIC_WRITER,
    .write_delta = llm_anthropic_write_delta
};

const llm_dialect llm_anthropic = {
    .name = "anthropic", .operation = LLM_OP_CHAT, .path = path,
    .read_request = read_request, .pass_request = pass_request,
    .read_answer = llm_anthropic_read_answer,
    .named = 1, .read_event = llm_anthropic_read_event,
    .read_error = llm_anthropic_read_error,
    .write_error = llm_anthropic_write_error,
    .end_name = "message_stop", .end_data = "{\"type\":\"message_stop\"}",
    .write_model = llm_anthropic_write_model,
    .write_models = llm_anthropic_write_models,
    .chat = &form
};

const llm_dialect llm_anthropic_count = {
    .name = "anthropic-count", .operation = LLM_OP_COUNT, .path = count_path,
    .read_request = read_counting, .pass_request = pass_request,
    .read_answer = llm_anthropic_read_count,
    .named = 1, .read_event = llm_anthropic_read_event,
    .read_error = llm_anthropic_read_error,
    .write_error = llm_anthropic_write_error,
    .write_model = llm_anthropic_write_model,
    .write_models = llm_anthropic_write_models,
    .chat = &count_form, .write_count = write_count
};
