#include "echo_answer.h"

#include <inttypes.h>
#include <string.h>

#define CREATED 1700000000      /* the echo provider knows no time */

/* A token may be the whole text, may be all control characters, and is in
 * quotes twice in a tool call. */
#define OUT_MOST ((size_t)256 << 10)
#define PIECE_MOST ((size_t)128 << 10)

void llm_echo_answer_init(llm_echo_answer *answer,
                          const llm_echo_request *request)
{
    memset(answer, 0, sizeof *answer);
    answer->request = request;
    llm_buf_init(&answer->out, OUT_MOST);
    llm_buf_init(&answer->piece, PIECE_MOST);
}

void llm_echo_answer_free(llm_echo_answer *answer)
{
    llm_buf_free(&answer->out);
    llm_buf_free(&answer->piece);
}

/* --- words -------------------------------------------------------------- */

static void put(llm_echo_answer *answer, const char *text)
{
    if (!answer->fault)
        answer->fault = llm_buf_puts(&answer->out, text);
}

static void put_number(llm_echo_answer *answer, const char *before, long n)
{
    if (!answer->fault)
        answer->fault = llm_buf_printf(&answer->out, "%s%ld", before, n);
}

static void put_id(llm_echo_answer *answer, const char *before)
{
    if (!answer->fault)
        answer->fault = llm_buf_printf(&answer->out, "%s%016" PRIx64, before,
                                       answer->request->id);
}

static void put_json(llm_echo_answer *answer, const char *text, size_t n)
{
    if (!answer->fault)
        answer->fault = llm_buf_json(&answer->out, text, n);
}

/* The same without the quotes, for a string that goes on. */
static llm_fault add_inner(llm_buf *to, const char *text, size_t n)
{
    const size_t before = to->len;
    const llm_fault fault = llm_buf_json(to, text, n);

    if (fault)
        return fault;
    to->len -= 2;
    memmove(to->data + before, to->data + before + 1, to->len - before);
    return LLM_OK;
}

static void put_inner(llm_echo_answer *answer, const char *text, size_t n)
{
    if (!answer->fault)
        answer->fault = add_inner(&answer->out, text, n);
}

/* --- the pieces of the text --------------------------------------------- */

/* The next word with the white space before it; where it ends. */
static size_t word_end(const llm_buf *text, size_t at)
{
    while (at < text->len && llm_text_is_white(text->data[at]))
        at++;
    while (at < text->len && !llm_text_is_white(text->data[at]))
        at++;
    return at;
}

/* Adds the next word to `piece`, from the beginning again after the last;
 * in quotes' clothing when it goes into the arguments of a tool. */
static llm_fault add_word(llm_echo_answer *answer, int begins, int quoted)
{
    const llm_buf *text = &answer->request->text;
    llm_fault fault = LLM_OK;
    const char *word;
    size_t n;

    if (begins || answer->at >= text->len) {
        answer->at = 0;
        if (!begins)
            fault = llm_buf_puts(&answer->piece, " ");
    }
    n = word_end(text, answer->at) - answer->at;
    word = text->data + answer->at;
    answer->at += n;
    if (fault || !n)
        return fault;
    return quoted ? add_inner(&answer->piece, word, n)
                  : llm_buf_add(&answer->piece, word, n);
}

/* A part of the arguments of a tool call, which all together are
 * {"text":"..."}. */
static llm_fault add_argument(llm_echo_answer *answer, long within)
{
    llm_fault fault = LLM_OK;

    if (within == 0)
        fault = llm_buf_puts(&answer->piece, "{\"text\":\"");
    if (!fault)
        fault = add_word(answer, within == 0, 1);
    if (!fault && within == answer->request->each - 1)
        fault = llm_buf_puts(&answer->piece, "\"}");
    return fault;
}

/* One long word; the last one is as long as `size` still asks for. */
static llm_fault add_huge(llm_echo_answer *answer)
{
    static const char line[] =
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    const apr_size_t before = (apr_size_t)answer->token * LLM_ECHO_PIECE;
    apr_size_t left = answer->request->options.size - before;
    llm_fault fault;

    if (left > LLM_ECHO_PIECE)
        left = LLM_ECHO_PIECE;
    fault = llm_buf_puts(&answer->piece, before && left > 1 ? " " : "x");
    for (left--; !fault && left; left -= left < 64 ? left : 64)
        fault = llm_buf_add(&answer->piece, line, left < 64 ? left : 64);
    return fault;
}

/* The next token as it stands in the text, in `piece`. */
static void next_piece(llm_echo_answer *answer)
{
    const llm_echo_request *request = answer->request;

    llm_buf_clear(&answer->piece);
    if (answer->fault)
        return;
    if (request->options.fault == LLM_ECHO_HUGE)
        answer->fault = add_huge(answer);
    else if (request->each)
        answer->fault = add_argument(answer, answer->token % request->each);
    else
        answer->fault = add_word(answer, answer->token == 0, 0);
}

/* --- what frames them --------------------------------------------------- */

static int has_usage(const llm_echo_request *request)
{
    return request->options.fault != LLM_ECHO_NOUSAGE;
}

/* The members that the whole answer and every chunk begin with. */
static void put_head(llm_echo_answer *answer, const char *object)
{
    const char *model = answer->request->model;

    put_id(answer, "{\"id\":\"chatcmpl-");
    put(answer, "\",\"object\":\"");
    put(answer, object);
    put_number(answer, "\",\"created\":", CREATED);
    put(answer, ",\"model\":");
    put_json(answer, model, strlen(model));
    put(answer, ",\"service_tier\":\"default\""
                ",\"system_fingerprint\":\"fp_echo\",\"choices\":[");
}

static void begin_chunk(llm_echo_answer *answer)
{
    put(answer, "data: ");
    put_head(answer, "chat.completion.chunk");
}

static void begin_delta(llm_echo_answer *answer)
{
    begin_chunk(answer);
    put(answer, "{\"index\":0,\"delta\":{");
}

/* `reason` is JSON. */
static void end_delta(llm_echo_answer *answer, const char *reason)
{
    const llm_echo_request *request = answer->request;

    put(answer, "},\"logprobs\":null,\"finish_reason\":");
    put(answer, reason);
    put(answer, "}]");
    if (request->wants_usage && has_usage(request))
        put(answer, ",\"usage\":null");
    put(answer, "}\n\n");
}

static const char *reason(const llm_echo_request *request)
{
    if (request->limited)
        return "\"length\"";
    return request->each ? "\"tool_calls\"" : "\"stop\"";
}

static void put_usage(llm_echo_answer *answer)
{
    const llm_echo_request *request = answer->request;
    const long in = request->prompt_tokens;
    const long out = answer->token + request->options.reasoning;

    put_number(answer, ",\"usage\":{\"prompt_tokens\":", in);
    put_number(answer, ",\"completion_tokens\":", out);
    put_number(answer, ",\"total_tokens\":", in + out);
    put_number(answer, ",\"prompt_tokens_details\":{\"cached_tokens\":",
               request->options.cached);
    put(answer, ",\"audio_tokens\":0}");
    put_number(answer, ",\"completion_tokens_details\":{\"reasoning_tokens\":",
               request->options.reasoning);
    put(answer, ",\"audio_tokens\":0,\"accepted_prediction_tokens\":0"
                ",\"rejected_prediction_tokens\":0}}");
}

/* --- tool calls --------------------------------------------------------- */

/* A call up to the quote before its arguments. */
static void put_call(llm_echo_answer *answer, long call)
{
    const char *name = llm_echo_request_tool(answer->request, call);

    put_id(answer, "\"id\":\"call_");
    put_number(answer, "_", call);
    put(answer, "\",\"type\":\"function\",\"function\":{\"name\":");
    put_json(answer, name, strlen(name));
    put(answer, ",\"arguments\":\"");
}

static void begin_call_delta(llm_echo_answer *answer, long call)
{
    begin_delta(answer);
    put_number(answer, "\"tool_calls\":[{\"index\":", call);
    put(answer, ",");
}

static void stream_argument(llm_echo_answer *answer)
{
    const long each = answer->request->each;
    const long call = answer->token / each;

    if (answer->token % each == 0) {
        begin_call_delta(answer, call);
        put_call(answer, call);
        put(answer, "\"}}]");
        end_delta(answer, "null");
    }
    begin_call_delta(answer, call);
    put(answer, "\"function\":{\"arguments\":");
    put_json(answer, answer->piece.data, answer->piece.len);
    put(answer, "}}]");
    end_delta(answer, "null");
}

static void write_argument(llm_echo_answer *answer)
{
    const long each = answer->request->each;

    if (answer->token % each == 0) {
        put(answer, answer->token ? "\"}},{" : "{");
        put_call(answer, answer->token / each);
    }
    put_inner(answer, answer->piece.data, answer->piece.len);
}

/* --- the answer --------------------------------------------------------- */

void llm_echo_answer_open(llm_echo_answer *answer)
{
    const llm_echo_request *request = answer->request;

    if (request->streamed) {
        begin_delta(answer);
        put(answer, "\"role\":\"assistant\",\"content\":");
        put(answer, request->each ? "null" : "\"\"");
        put(answer, ",\"refusal\":null");
        end_delta(answer, "null");
        return;
    }
    put_head(answer, "chat.completion");
    put(answer, "{\"index\":0,\"message\":{\"role\":\"assistant\""
                ",\"refusal\":null,\"content\":");
    put(answer, request->each ? "null,\"tool_calls\":[" : "\"");
}

void llm_echo_answer_token(llm_echo_answer *answer)
{
    const llm_echo_request *request = answer->request;

    next_piece(answer);
    if (request->each && request->streamed)
        stream_argument(answer);
    else if (request->each)
        write_argument(answer);
    else if (request->streamed) {
        begin_delta(answer);
        put(answer, "\"content\":");
        put_json(answer, answer->piece.data, answer->piece.len);
        end_delta(answer, "null");
    }
    else
        put_inner(answer, answer->piece.data, answer->piece.len);
    answer->token++;
}

void llm_echo_answer_finish(llm_echo_answer *answer)
{
    const llm_echo_request *request = answer->request;

    if (request->streamed) {
        begin_delta(answer);
        end_delta(answer, reason(request));
        return;
    }
    if (!request->each)
        put(answer, "\"");
    else
        put(answer, answer->token ? "\"}}]" : "]");
    put(answer, "},\"logprobs\":null,\"finish_reason\":");
    put(answer, reason(request));
    put(answer, "}]");
    if (has_usage(request))
        put_usage(answer);
    put(answer, "}\n");
}

void llm_echo_answer_usage(llm_echo_answer *answer)
{
    begin_chunk(answer);
    put(answer, "]");
    put_usage(answer);
    put(answer, "}\n\n");
}

void llm_echo_answer_done(llm_echo_answer *answer)
{
    put(answer, "data: [DONE]\n\n");
}

/* --- and what is none --------------------------------------------------- */

void llm_echo_answer_broken(llm_echo_answer *answer)
{
    if (!answer->request->streamed) {
        put(answer, "This is not JSON.\n");
        return;
    }
    put(answer, "data: {\"id\":\"chatcmpl-broken\",\"choices\":[{\"delta\":"
                "{\"content\":\"bro\n\n");
}

void llm_echo_answer_error(llm_echo_answer *answer,
                           const llm_echo_error *error)
{
    const int event = answer->request->streamed && error->status == 200;

    if (event)
        put(answer, "data: ");
    if (!answer->fault)
        answer->fault = llm_echo_error_write(error, &answer->out);
    put(answer, event ? "\n\n" : "\n");
}

void llm_echo_answer_page(llm_echo_answer *answer)
{
    put(answer, "<!DOCTYPE html>\n<html><head><title>Welcome</title></head>\n"
                "<body><h1>This is a page</h1></body></html>\n");
}
