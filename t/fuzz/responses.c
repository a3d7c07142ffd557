/* Any bytes as the Responses API's requests, answers, events and errors: a
 * fault or a reading, and what was read can be written and is whole. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <apr_general.h>

#include "../../src/wire/dialect.h"

#define MUST(cond) do { if (!(cond)) abort(); } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const llm_dialect *const us = &llm_openai_responses;
static const llm_facts facts;

typedef struct stream {
    void *writer;
    llm_face face;
    llm_frame frame;
    llm_buf out;
    apr_pool_t *p;
} stream;

static void is_whole(const llm_buf *out)
{
    MUST(!llm_scan_object(out->data, out->len, LLM_SCAN_DEEPEST, NULL, NULL,
                          NULL));
}

static void ask(const llm_json *tree, apr_pool_t *p)
{
    const llm_asking how = { .model = "m", .facts = &facts, .pool = p };
    llm_fault_detail detail = { 0 };
    llm_chat *chat = llm_chat_make(p);
    llm_losses lost;
    llm_buf out;
    llm_fault fault = us->chat->read_request(tree, chat, &detail);

    MUST(!fault || (fault == LLM_BAD_REQUEST && detail.param));
    if (fault)
        return;
    llm_chat_name_results(chat);
    llm_losses_init(&lost, p);
    llm_buf_init(&out, 1 << 26);
    MUST(!us->chat->write_request(chat, &how, &lost, &out, &detail));
    is_whole(&out);
    llm_buf_free(&out);
}

static void answer(const llm_json *tree, const llm_face *face, apr_pool_t *p)
{
    llm_reply *reply = llm_reply_make(p);
    llm_buf out;

    if (us->chat->read_reply(tree, reply, p))
        return;
    llm_buf_init(&out, 1 << 26);
    MUST(!us->chat->write_reply(reply, face, &out, p));
    is_whole(&out);
    llm_buf_free(&out);
}

static llm_fault write_delta(void *baton, const llm_delta *delta)
{
    stream *s = baton;
    size_t before = s->out.len;
    llm_fault fault = us->chat->write_delta(s->writer, delta, &s->face,
                                            &s->frame, &s->out, s->p, s->p);

    MUST(!fault || s->out.len == before);
    return fault;
}

/* The text is a request, an answer and a list of events at once. */
static void read_all(const llm_json *tree, apr_pool_t *p)
{
    const llm_delta end = { .kind = LLM_DELTA_END };
    void *reader = apr_pcalloc(p, us->chat->reader_size);
    stream s = { .writer = apr_pcalloc(p, us->chat->writer_size),
                 .face = { .dialect = us, .id = "r" }, .p = p };
    size_t i;

    ask(tree, p);
    answer(tree, &s.face, p);
    llm_buf_init(&s.out, 1 << 26);
    for (i = 0; i < llm_json_count(tree); i++)
        us->chat->read_piece(reader, llm_json_element(tree, i), write_delta,
                             &s, p, p);
    us->chat->read_piece(reader, tree, write_delta, &s, p, p);
    write_delta(&s, &end);
    llm_buf_free(&s.out);
}

static void pass(const char *text, size_t n, apr_pool_t *p)
{
    llm_fault_detail detail = { 0 };
    llm_event event = { 0 };
    llm_request request;
    llm_usage usage;
    llm_buf out;

    us->read_answer(text, n, &usage);
    us->read_event(text, n, &event);
    us->read_error(0, text, n, NULL, &detail, p);
    if (us->read_request(text, n, 64, &request, &detail, p))
        return;
    llm_buf_init(&out, n * 2 + 100);
    MUST(!us->pass_request(&request, "model", 0, &out));
    is_whole(&out);
    llm_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *const text = malloc(n ? n : 1);
    const llm_json *tree;
    apr_pool_t *p;

    MUST(text);
    memcpy(text, data, n);
    apr_initialize();
    apr_pool_create(&p, NULL);
    pass(text, n, p);
    if (!llm_json_parse(text, n, 64, &tree, p))
        read_all(tree, p);
    apr_pool_destroy(p);
    free(text);
    return 0;
}
