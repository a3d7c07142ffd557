/* OpenAI chat completions and legacy completions, the verbatim part, which is
 * the same for both. Shapes: OpenAI's OpenAPI description
 * 2.3.0, CreateChatCompletionRequest, -Response, -StreamResponse,
 * CreateCompletionRequest, -Response, ErrorResponse. */
#include "dialect.h"
#include "openai.h"
#include "request.h"
#include "whole.h"
#include <string.h>

#define ANSWER_DEPTH 512        /* how deep a provider's answer may nest */

static const char asks_usage[] = "\"include_usage\":true";

/* ---- a client's request ------------------------------------------------- */

typedef llm_request_reading reading;

enum { OPTIONS = LLM_REQUEST_OWN, USAGE = 2 * LLM_REQUEST_OWN };

static llm_fault option(void *baton, const llm_member *member)
{
    reading *in = baton;
    llm_fault fault;

    if (!llm_scan_is(member, "include_usage"))
        return LLM_OK;
    fault = llm_request_once(in, USAGE, "stream_options.include_usage");
    in->out->usage_at = member->value;
    in->out->wants_usage = member->kind == LLM_JSON_TRUE;
    return fault;
}

static llm_fault stream_options(reading *in, const llm_member *member)
{
    llm_fault fault = llm_request_once(in, OPTIONS, "stream_options");

    if (fault)
        return fault;
    in->out->options_at = member->value;
    in->out->options_null = member->kind == LLM_JSON_NULL;
    if (in->out->options_null)
        return LLM_OK;
    if (member->kind != LLM_JSON_OBJECT)
        return llm_request_wrong(in, "stream_options",
                                 "stream_options must be an object");
    return llm_scan_object(member->value.at, member->value.len,
                           LLM_SCAN_DEEPEST, option, in, NULL);
}

static llm_fault request_member(void *baton, const llm_member *member)
{
    if (llm_scan_is(member, "stream_options"))
        return stream_options(baton, member);
    return llm_request_member(baton, member);
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
    fault = llm_scan_object(body, n, depth, request_member, &in, &where);
    return llm_request_read(&in, fault, where, depth, p);
}

/* ---- the same request to a provider ------------------------------------- */

/* Bytes `from` up to `to` as they stand. */
static llm_fault keep(llm_buf *out, const char *from, const char *to)
{
    return llm_buf_add(out, from, to - from);
}

/* What stands in the place of stream_options, or of include_usage in it. */
static llm_fault put_options(const llm_request *request, llm_buf *out)
{
    const char *at = request->options_at.at;
    const char *end = at + request->options_at.len;
    const char *inner;
    llm_fault fault;

    if (request->options_null)
        return llm_buf_printf(out, "{%s}", asks_usage);
    if (request->usage_at.len) {
        if ((fault = keep(out, at, request->usage_at.at))
            || (fault = llm_buf_puts(out, "true")))
            return fault;
        return keep(out, request->usage_at.at + request->usage_at.len, end);
    }
    for (inner = at + 1; strchr(" \t\r\n", *inner); inner++)
        ;
    if ((fault = llm_buf_printf(out, "{%s%s", asks_usage,
                                *inner == '}' ? "" : ",")))
        return fault;
    return keep(out, at + 1, end);
}

static llm_fault pass_request(const llm_request *request, const char *name,
                              int ask_usage, llm_buf *out)
{
    const char *at = request->body.at, *end = at + request->body.len;
    int ask = ask_usage && request->stream && !request->wants_usage;
    int options = ask && request->options_at.len;
    int first = options && request->options_at.at < request->model_at.at;
    llm_fault fault = llm_buf_reserve(out, request->body.len + 64);

    if (!fault && first) {
        fault = keep(out, at, request->options_at.at);
        if (!fault)
            fault = put_options(request, out);
        at = request->options_at.at + request->options_at.len;
    }
    if (!fault)
        fault = keep(out, at, request->model_at.at);
    if (!fault)
        fault = llm_request_put_model(request, name, out);
    at = request->model_at.at + request->model_at.len;
    if (!fault && ask && !options)
        fault = llm_buf_printf(out, ",\"stream_options\":{%s}", asks_usage);
    if (!fault && options && !first) {
        fault = keep(out, at, request->options_at.at);
        if (!fault)
            fault = put_options(request, out);
        at = request->options_at.at + request->options_at.len;
    }
    return fault ? fault : keep(out, at, end);
}

/* ---- usage -------------------------------------------------------------- */

typedef struct counting {
    llm_usage *usage;
    long long total;
    long long *audio;           /* of what details are read */
} counting;

static long long at_least(long long a, long long b)
{
    return a > b ? a : b;
}

static llm_fault usage_detail(void *baton, const llm_member *member)
{
    const counting *in = baton;
    llm_usage *usage = in->usage;
    long long n = at_least(0, llm_scan_whole(member));

    if (llm_scan_is(member, "cached_tokens"))
        usage->cached = n;
    else if (llm_scan_is(member, "cache_write_tokens"))
        usage->cache_write = n;
    else if (llm_scan_is(member, "reasoning_tokens"))
        usage->reasoning = n;
    else if (llm_scan_is(member, "audio_tokens"))
        *in->audio = n;
    return LLM_OK;
}

static llm_fault usage_details(counting *in, const llm_member *member,
                               long long *audio)
{
    in->audio = audio;
    return llm_scan_object(member->value.at, member->value.len, ANSWER_DEPTH,
                           usage_detail, in, NULL);
}

/* prompt_cache_hit_tokens is DeepSeek's word for cached_tokens. */
static llm_fault usage_member(void *baton, const llm_member *member)
{
    counting *in = baton;
    long long n = at_least(0, llm_scan_whole(member));

    if (member->kind == LLM_JSON_OBJECT) {
        if (llm_scan_is(member, "prompt_tokens_details"))
            return usage_details(in, member, &in->usage->audio_input);
        if (llm_scan_is(member, "completion_tokens_details"))
            return usage_details(in, member, &in->usage->audio_output);
    }
    if (llm_scan_is(member, "prompt_tokens"))
        in->usage->input = n;
    else if (llm_scan_is(member, "completion_tokens"))
        in->usage->output = n;
    else if (llm_scan_is(member, "total_tokens"))
        in->total = n;
    else if (llm_scan_is(member, "prompt_cache_hit_tokens"))
        in->usage->cached = n;
    return LLM_OK;
}

/* xAI counts reasoning beside completion_tokens, not in it; its total gives
 * that away. 1 if it is usage. */
static int read_usage(const llm_member *member, llm_usage *usage)
{
    counting in = { usage, 0, NULL };

    if (member->kind != LLM_JSON_OBJECT)
        return 0;
    memset(usage, 0, sizeof *usage);
    usage->known = !llm_scan_object(member->value.at, member->value.len,
                                    ANSWER_DEPTH, usage_member, &in, NULL);
    if (usage->reasoning
        && in.total == usage->input + usage->output + usage->reasoning)
        usage->output += usage->reasoning;
    return usage->known;
}

/* ---- a whole answer ----------------------------------------------------- */

static int proves(const llm_member *member, llm_usage *usage)
{
    if (llm_scan_is(member, "usage"))
        read_usage(member, usage);
    return llm_scan_is(member, "choices") && member->kind == LLM_JSON_ARRAY;
}

static llm_fault read_answer(const char *body, size_t n, llm_usage *usage)
{
    return llm_whole_read(body, n, ANSWER_DEPTH, proves, LLM_WHOLE_ANSWER,
                          usage);
}

/* ---- an event of a stream ----------------------------------------------- */

typedef struct streaming {
    llm_event *out;
    const char *last_end;       /* where the member before ended */
    int null_first;             /* "usage":null was the first member */
    int choices, filled, error;
    int usage;                  /* it told the usage */
    int index, finish, reasoned;        /* of the choice being read */
} streaming;

/* Some say their reasoning under two names. */
static int is_said(streaming *in, const llm_member *member)
{
    static const char *const names[] = { "content", "tool_calls", "refusal",
                                         "function_call" };
    size_t i;

    if (llm_scan_is(member, "reasoning_content")
        || llm_scan_is(member, "reasoning"))
        return !in->reasoned++;
    for (i = 0; i < sizeof names / sizeof *names; i++)
        if (llm_scan_is(member, names[i]))
            return 1;
    return 0;
}

/* Anything but a role, and not empty, is output. */
static llm_fault delta_member(void *baton, const llm_member *member)
{
    streaming *in = baton;

    if (member->kind == LLM_JSON_NULL || member->value.len <= 2
        || llm_scan_is(member, "role"))
        return LLM_OK;
    in->out->has_output = 1;
    if (is_said(in, member))
        llm_gauge_take(&in->out->said, member);
    return LLM_OK;
}

static llm_fault choice_member(void *baton, const llm_member *member)
{
    streaming *in = baton;

    if (llm_scan_is(member, "finish_reason"))
        in->finish |= member->kind == LLM_JSON_STRING;
    else if (llm_scan_is(member, "index"))
        in->index = (int)llm_scan_whole(member);
    else if (llm_scan_is(member, "text")) {     /* a legacy completion's */
        in->out->has_output |= member->kind == LLM_JSON_STRING
            && member->value.len > 2;
        llm_gauge_take(&in->out->said, member);
    }
    else if (llm_scan_is(member, "delta") && member->kind == LLM_JSON_OBJECT)
        return llm_scan_object(member->value.at, member->value.len,
                               ANSWER_DEPTH, delta_member, in, NULL);
    return LLM_OK;
}

static llm_fault choice(void *baton, const llm_member *member)
{
    streaming *in = baton;

    llm_fault fault;
    uint64_t bit;

    in->filled = 1;
    in->index = in->finish = in->reasoned = 0;
    if (member->kind != LLM_JSON_OBJECT)
        return LLM_BAD_JSON;
    fault = llm_scan_object(member->value.at, member->value.len, ANSWER_DEPTH,
                            choice_member, in, NULL);
    bit = (uint64_t)1 << (in->index > 0 && in->index < 64 ? in->index : 0);
    in->out->choices |= bit;
    in->out->has_finish |= in->finish;
    in->out->finishes |= in->finish ? bit : 0;
    return fault;
}

/* Where "usage":null stands, with one of the commas beside it. */
static void note_null(streaming *in, const llm_member *member)
{
    llm_span *cut = &in->out->usage_null;

    cut->at = in->last_end ? in->last_end : member->name.at - 1;
    cut->len = member->value.at + member->value.len - cut->at;
    in->null_first = !in->last_end;
}

static llm_fault event_member(void *baton, const llm_member *member)
{
    streaming *in = baton;
    llm_fault fault = LLM_OK;

    if (in->null_first) {
        in->out->usage_null.len = member->name.at - 1 - in->out->usage_null.at;
        in->null_first = 0;
    }
    if (llm_scan_is(member, "usage")) {
        if (member->kind == LLM_JSON_NULL)
            note_null(in, member);
        in->usage = read_usage(member, &in->out->usage);
    }
    else if (llm_scan_is(member, "choices")
             && member->kind == LLM_JSON_ARRAY) {
        in->choices = 1;
        fault = llm_scan_array(member->value.at, member->value.len,
                               ANSWER_DEPTH, choice, in, NULL);
    }
    else if (llm_scan_is(member, "error")) {
        in->error = member->kind != LLM_JSON_NULL;
    }
    in->last_end = member->value.at + member->value.len;
    return fault;
}

static void read_event(const char *data, size_t n, llm_event *out)
{
    const llm_usage before = out->usage;
    streaming in = { .out = out };

    memset(out, 0, sizeof *out);
    out->usage = before;
    if (n == 6 && !memcmp(data, "[DONE]", 6)) {
        out->kind = LLM_EVENT_DONE;
        return;
    }
    if (llm_scan_object(data, n, ANSWER_DEPTH, event_member, &in, NULL)) {
        out->kind = LLM_EVENT_MALFORMED;
        out->has_output = out->has_finish = 0;
        out->said = (llm_gauge){ 0 };
        out->usage = before;
    }
    else if (in.error)
        out->kind = LLM_EVENT_ERROR;
    else if (in.choices && !in.filled && in.usage)
        out->kind = LLM_EVENT_USAGE;
}

static const char *path(const char *model, int stream, apr_pool_t *p)
{
    (void)model;
    (void)stream;
    (void)p;
    return "/chat/completions";
}

const llm_dialect llm_openai = {
    .name = "openai", .operation = LLM_OP_CHAT, .path = path,
    .read_request = read_request, .pass_request = pass_request,
    .read_answer = read_answer, .read_event = read_event,
    .read_error = llm_openai_read_error,
    .write_error = llm_openai_write_error,
    .write_model = llm_openai_write_model,
    .write_models = llm_openai_write_models,
    .end_data = "[DONE]", .chat = &llm_openai_form
};

static const char *completions_path(const char *model, int stream,
                                    apr_pool_t *p)
{
    (void)model;
    (void)stream;
    (void)p;
    return "/completions";
}

const llm_dialect llm_openai_completions = {
    .name = "openai-completions", .operation = LLM_OP_CHAT,
    .path = completions_path,
    .read_request = read_request, .pass_request = pass_request,
    .read_answer = read_answer, .read_event = read_event,
    .read_error = llm_openai_read_error,
    .write_error = llm_openai_write_error,
    .end_data = "[DONE]", .chat = &llm_openai_completions_form
};
