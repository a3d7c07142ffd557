/* Any JSON as a request, an answer and the events of a stream of Anthropic's
 * shape: what is understood can be written again, and is understood then. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "../../src/wire/dialect.h"

#define MUST(cond) do { if (!(cond)) abort(); } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const llm_face face = {
    .dialect = &llm_anthropic, .id = "req_1", .model = "m"
};

static const llm_json *parse(const char *text, size_t n, apr_pool_t *p)
{
    const llm_json *json = NULL;

    return llm_json_parse(text, n, 64, &json, p) ? NULL : json;
}

/* ---- requests ----------------------------------------------------------- */

static void check_request(const llm_json *json, llm_thinking thinking,
                          apr_pool_t *p)
{
    const llm_facts facts = { .name = "", .thinking = thinking };
    const llm_asking how = { .model = "m", .facts = &facts, .pool = p };
    llm_fault_detail detail = { 0 };
    llm_chat *chat = llm_chat_make(p);
    llm_losses lost;
    llm_fault fault;
    llm_buf out;

    fault = llm_anthropic.chat->read_request(json, chat, &detail);
    MUST(!fault || (fault == LLM_BAD_REQUEST && detail.text));
    if (fault)
        return;
    llm_chat_name_results(chat);
    llm_losses_init(&lost, p);
    llm_buf_init(&out, 1 << 22);
    fault = llm_anthropic.chat->write_request(chat, &how, &lost, &out,
                                              &detail);
    MUST(!fault || fault == LLM_BAD_REQUEST);
    if (!fault) {
        json = parse(out.data, out.len, p);
        MUST(json);
        MUST(!llm_anthropic.chat->read_request(json, llm_chat_make(p),
                                               &detail));
    }
    llm_buf_free(&out);
}

/* ---- answers ------------------------------------------------------------ */

static void check_answer(const llm_json *json, apr_pool_t *p)
{
    llm_reply *reply = llm_reply_make(p);
    llm_buf out;

    if (llm_anthropic.chat->read_reply(json, reply, p))
        return;
    llm_buf_init(&out, 1 << 22);
    MUST(!llm_anthropic.chat->write_reply(reply, &face, &out, p));
    json = parse(out.data, out.len, p);
    MUST(json && !llm_anthropic.chat->read_reply(json, llm_reply_make(p), p));
    llm_buf_free(&out);
}

/* ---- streams ------------------------------------------------------------ */

typedef struct piping {
    void *writer;
    llm_frame frame;
    llm_buf out;
    apr_pool_t *p;
} piping;

static llm_fault write_delta(void *baton, const llm_delta *delta)
{
    piping *pipe = baton;

    return llm_anthropic.chat->write_delta(pipe->writer, delta, &face,
                                           &pipe->frame, &pipe->out, pipe->p,
                                           pipe->p);
}

/* A line is an event. */
static void check_stream(const char *at, size_t n, apr_pool_t *p)
{
    const llm_chat_form *form = llm_anthropic.chat;
    const llm_delta end = { .kind = LLM_DELTA_END };
    void *reader = apr_pcalloc(p, form->reader_size);
    piping pipe = { .writer = apr_pcalloc(p, form->writer_size), .p = p };
    const char *stop = at + n, *line;
    llm_event event = { 0 };
    const llm_json *json;

    llm_buf_init(&pipe.out, 1 << 22);
    for (; at < stop; at = line + 1) {
        line = memchr(at, '\n', stop - at);
        line = line ? line : stop;
        llm_anthropic.read_event(at, line - at, &event);
        MUST(event.usage.input >= 0 && event.usage.output >= 0);
        json = parse(at, line - at, p);
        if (json && event.kind == LLM_EVENT_PIECE)
            form->read_piece(reader, json, write_delta, &pipe, p, p);
    }
    MUST(!write_delta(&pipe, &end));
    MUST(pipe.out.len > 100);
    llm_buf_free(&pipe.out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static int begun;
    const char *text = (const char *)data;
    const llm_json *json;
    llm_usage usage;
    apr_pool_t *p;

    if (!begun++)
        apr_initialize();
    apr_pool_create(&p, NULL);
    json = parse(text, n, p);
    llm_anthropic.read_answer(text, n, &usage);
    llm_anthropic_count.read_answer(text, n, &usage);
    for (int i = LLM_THINKING_UNKNOWN; json && i <= LLM_THINKING_ADAPTIVE; i++)
        check_request(json, i, p);
    if (json)
        check_answer(json, p);
    check_stream(text, n, p);
    apr_pool_destroy(p);
    return 0;
}
