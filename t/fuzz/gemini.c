/* Any JSON as everything that Gemini's dialect reads: what is read can be
 * written, and what is written is JSON again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "../../src/wire/dialect.h"

#define MUST(cond) do { if (!(cond)) abort(); } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const llm_facts facts;
static const llm_face face = { .dialect = &llm_gemini, .id = "r",
                               .model = "m" };

static void check(llm_buf *out, llm_fault fault)
{
    MUST(fault ? !out->len
               : !llm_scan_object(out->data, out->len, LLM_SCAN_DEEPEST, NULL,
                                  NULL, NULL));
    llm_buf_clear(out);
}

static void requests(const llm_json *json, llm_buf *out, apr_pool_t *p)
{
    const llm_asking how = { .model = "m", .facts = &facts, .pool = p };
    llm_fault_detail detail = { .fault = LLM_OK };
    llm_chat *chat = llm_chat_make(p);
    llm_embedding embedding;
    llm_losses lost;

    llm_losses_init(&lost, p);
    if (!llm_gemini.chat->read_request(json, chat, &detail))
        check(out, llm_gemini.chat->write_request(chat, &how, &lost, out,
                                                  &detail));
    chat = llm_chat_make(p);
    if (!llm_gemini_count.chat->read_request(json, chat, &detail))
        check(out, llm_gemini_count.chat->write_request(chat, &how, &lost,
                                                        out, &detail));
    if (!llm_gemini_embeds.embed->read_request(json, &embedding, &detail, p))
        check(out, llm_openai_embeddings.embed->write_request(
            &embedding, &how, &lost, out, &detail));
    if (!llm_openai_embeddings.embed->read_request(json, &embedding, &detail,
                                                   p))
        check(out, llm_gemini_embeds.embed->write_request(
            &embedding, &how, &lost, out, &detail));
}

typedef struct stream {
    void *writer;
    llm_frame frame;
    llm_buf *out;
    apr_pool_t *p;
} stream;

static llm_fault write_delta(void *baton, const llm_delta *delta)
{
    stream *s = baton;

    return llm_gemini.chat->write_delta(s->writer, delta, &face, &s->frame,
                                        s->out, s->p, s->p);
}

static void answers(const llm_json *json, llm_buf *out, apr_pool_t *p)
{
    const llm_delta end = { .kind = LLM_DELTA_END };
    llm_reply *reply = llm_reply_make(p);
    void *reader = apr_pcalloc(p, llm_gemini.chat->reader_size);
    stream s = { .frame = { LLM_FRAMING_ARRAY, 0 }, .out = out, .p = p };
    llm_fault fault = LLM_OK;

    if (!llm_gemini.chat->read_reply(json, reply, p))
        check(out, llm_gemini.chat->write_reply(reply, &face, out, p));
    s.writer = apr_pcalloc(p, llm_gemini.chat->writer_size);
    for (int i = 0; !fault && i < 2; i++)
        fault = llm_gemini.chat->read_piece(reader, json, write_delta, &s, p,
                                            p);
    MUST(!write_delta(&s, &end) && !llm_frame_end(&s.frame, out));
    MUST(!llm_scan_array(out->data, out->len, LLM_SCAN_DEEPEST, NULL, NULL,
                         NULL));
    llm_buf_clear(out);
}

static void light(const char *text, size_t n, llm_buf *out, apr_pool_t *p)
{
    llm_event event = { .kind = LLM_EVENT_PIECE };
    llm_request request = { .model = "m" };
    llm_fault_detail detail = { .fault = LLM_OK };
    llm_usage usage;

    llm_gemini.read_event(text, n, &event);
    llm_gemini.read_answer(text, n, &usage);
    MUST(usage.input >= 0 && usage.output >= 0);
    llm_openai_embeddings.read_answer(text, n, &usage);
    llm_gemini.read_error(0, text, n, NULL, &detail, p);
    MUST(detail.fault != LLM_OK && detail.retry_after_ms >= 0);
    if (!llm_gemini.read_request(text, n, 64, &request, &detail, p))
        check(out, llm_gemini.pass_request(&request, "other", 0, out));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static int begun;
    const llm_json *json;
    apr_pool_t *p;
    llm_buf out;

    if (!begun++)
        apr_initialize();
    apr_pool_create(&p, NULL);
    llm_buf_init(&out, 1 << 24);
    light((const char *)data, n, &out, p);
    if (!llm_json_parse((const char *)data, n, 64, &json, p)) {
        requests(json, &out, p);
        answers(json, &out, p);
    }
    llm_buf_free(&out);
    apr_pool_destroy(p);
    return 0;
}
