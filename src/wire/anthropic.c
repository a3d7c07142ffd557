/* Anthropic Messages: the dialect, and requests that pass as they stand. */
#include "anthropic.h"
#include "request.h"
#include <string.h>

/* ---- a client's request ------------------------------------------------- */

static llm_fault read_request(const char *body, size_t n, unsigned depth,
                              llm_request *out, llm_fault_detail *detail,
                              apr_pool_t *p)
{
    llm_request_reading in = { out, detail, 0 };
    size_t where = 0;
    llm_fault fault;

    memset(out, 0, sizeof *out);
    out->body.at = body;
    out->body.len = n;
    out->wants_usage = 1;       /* its streams always tell it */
    fault = llm_scan_object(body, n, depth, llm_request_member, &in, &where);
    return llm_request_read(&in, fault, where, depth, p);
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
    (void)ask_usage;
    return llm_request_pass(request, name, out);
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
    .write_delta = llm_anthropic_write_delta,
    .passed = llm_anthropic_passed
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
    .ping_name = "ping", .ping_data = "{\"type\":\"ping\"}",
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
