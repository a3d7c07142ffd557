/* Bodies through the Gemini dialect and back, as texts. */
#ifndef LLM_GEMINI_RIG_H
#define LLM_GEMINI_RIG_H

#include <stdlib.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "../../src/wire/dialect.h"
#include "../../src/wire/carry.h"
#include "../tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static apr_pool_t *pool;
static llm_facts facts;
static llm_fault_detail detail;
static llm_losses lost;

static const llm_face face = {
    .dialect = &llm_gemini, .id = "req1", .model = "m"
};

TAP_UNUSED
static void begin_pool(void)
{
    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&pool, NULL);
}

/* The tree of a text; the tests' own texts are JSON. */
TAP_UNUSED
static const llm_json *tree(const char *json)
{
    const llm_json *out;

    if (llm_json_parse(json, strlen(json), 256, &out, pool)) {
        printf("# no JSON: %s\n", json);
        exit(2);
    }
    return out;
}

TAP_UNUSED
static llm_fault read_chat(const llm_dialect *from, const char *json,
                           llm_chat **out)
{
    llm_fault fault;

    memset(&detail, 0, sizeof detail);
    *out = llm_chat_make(pool);
    fault = from->chat->read_request(tree(json), *out, &detail);
    if (!fault)
        llm_chat_name_results(*out);
    return fault;
}

/* What a buffer holds, which is freed. */
TAP_UNUSED
static const char *taken(llm_buf *buf)
{
    const char *text = apr_pstrmemdup(pool, buf->data ? buf->data : "",
                                      buf->len);

    llm_buf_free(buf);
    return text;
}

/* As a request to Gemini; a fault's word when it cannot be. */
TAP_UNUSED
static const char *written(const llm_dialect *to, const llm_chat *chat)
{
    const llm_asking how = { .model = "m", .facts = &facts, .pool = pool };
    llm_fault fault;
    llm_buf out;

    memset(&detail, 0, sizeof detail);
    llm_losses_init(&lost, pool);
    llm_buf_init(&out, 1 << 24);
    fault = to->chat->write_request(chat, &how, &lost, &out, &detail);
    if (fault) {
        llm_buf_free(&out);
        return llm_fault_of(fault)->word;
    }
    return taken(&out);
}

TAP_UNUSED
static const char *joined(const apr_array_header_t *names)
{
    return apr_array_pstrcat(pool, names, ' ');
}

/* Deltas into a Gemini client's stream. */
typedef struct stream {
    void *writer;
    llm_frame frame;
    llm_buf out;
} stream;

TAP_UNUSED
static void stream_begin(stream *s, llm_framing framing)
{
    memset(s, 0, sizeof *s);
    s->frame.framing = framing;
    s->writer = apr_pcalloc(pool, llm_gemini.chat->writer_size);
    llm_buf_init(&s->out, 1 << 24);
}

TAP_UNUSED
static llm_fault stream_put(void *baton, const llm_delta *delta)
{
    stream *s = baton;

    return llm_gemini.chat->write_delta(s->writer, delta, &face, &s->frame,
                                        &s->out, pool, pool);
}

#define PUT(s, ...) stream_put(&(s), &(llm_delta){ __VA_ARGS__ })
#define SPAN(text) ((llm_span){ text, sizeof text - 1 })

#endif
