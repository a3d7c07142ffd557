/* A dialect's two directions as a test calls them: whole texts in and out. */
#ifndef LLM_WIRE_RIG_H
#define LLM_WIRE_RIG_H

#include <apr_general.h>
#include <apr_strings.h>

#include "../../src/wire/dialect.h"
#include "../../src/wire/sse.h"
#include "../tap.h"
#include "chat_rig.h"

static const llm_facts wire_facts = { .name = "" };

/* What the last wire_ function said beside its answer. */
static struct wire_said {
    llm_fault fault;
    llm_fault_detail detail;
    llm_losses lost;
} wire_said;

RIG_UNUSED static const llm_json *wire_json(const char *text, apr_pool_t *p)
{
    const llm_json *json;

    return llm_json_parse(text, strlen(text), 64, &json, p) ? NULL : json;
}

/* NULL on a fault. */
RIG_UNUSED static llm_chat *wire_read(const llm_dialect *dialect,
                                      const char *body, apr_pool_t *p)
{
    llm_chat *chat = llm_chat_make(p);
    const llm_json *json;

    memset(&wire_said, 0, sizeof wire_said);
    wire_said.fault = llm_json_parse(body, strlen(body), 64, &json, p);
    if (!wire_said.fault)
        wire_said.fault = dialect->chat->read_request(json, chat,
                                                      &wire_said.detail);
    llm_chat_name_results(chat);
    return wire_said.fault ? NULL : chat;
}

static const char *wire_text(llm_buf *out, apr_pool_t *p)
{
    const char *text = apr_pstrmemdup(p, out->len ? out->data : "", out->len);

    llm_buf_free(out);
    return text;
}

RIG_UNUSED static const char *wire_write_as(const llm_dialect *dialect,
                                            const llm_chat *chat,
                                            const llm_asking *how)
{
    llm_buf out;

    memset(&wire_said, 0, sizeof wire_said);
    llm_losses_init(&wire_said.lost, how->pool);
    llm_buf_init(&out, 1 << 20);
    wire_said.fault = dialect->chat->write_request(chat, how, &wire_said.lost,
                                                   &out, &wire_said.detail);
    return wire_text(&out, how->pool);
}

RIG_UNUSED static const char *wire_write(const llm_dialect *dialect,
                                         const llm_chat *chat,
                                         const char *model, apr_pool_t *p)
{
    const llm_asking how = { .model = model, .facts = &wire_facts,
                             .pool = p };

    return wire_write_as(dialect, chat, &how);
}

static const char *wire_join(const apr_array_header_t *names, apr_pool_t *p)
{
    return names ? apr_array_pstrcat(p, names, ' ') : "";
}

/* What was lost, "a b | hint hint". */
RIG_UNUSED static const char *wire_lost(apr_pool_t *p)
{
    return apr_pstrcat(p, wire_join(wire_said.lost.names, p), "|",
                       wire_join(wire_said.lost.hints, p), NULL);
}

/* ---- answers ------------------------------------------------------------ */

RIG_UNUSED static const char *wire_answer(const llm_face *face,
                                          const llm_reply *reply,
                                          apr_pool_t *p)
{
    llm_buf out;

    llm_buf_init(&out, 1 << 20);
    wire_said.fault = face->dialect->chat->write_reply(reply, face, &out, p);
    return wire_text(&out, p);
}

RIG_UNUSED static llm_reply *wire_reply(const llm_dialect *dialect,
                                        const char *body, apr_pool_t *p)
{
    llm_reply *reply = llm_reply_make(p);
    const llm_json *json = wire_json(body, p);

    wire_said.fault = dialect->read_answer(body, strlen(body), &reply->usage);
    if (!wire_said.fault && json)
        wire_said.fault = dialect->chat->read_reply(json, reply, p);
    return wire_said.fault || !json ? NULL : reply;
}

/* ---- streams ------------------------------------------------------------ */

/* Deltas written one after the other; an llm_delta_fn's baton. */
typedef struct wire_stream {
    const llm_face *face;
    llm_frame frame;
    llm_buf out;
    void *state;
    apr_pool_t *pool, *scratch;
} wire_stream;

RIG_UNUSED static void wire_begin(wire_stream *to, const llm_face *face,
                                  apr_pool_t *p)
{
    memset(to, 0, sizeof *to);
    to->face = face;
    to->frame.framing = face->framing;
    to->pool = p;
    to->state = apr_pcalloc(p, face->dialect->chat->writer_size + 1);
    apr_pool_create(&to->scratch, p);
    llm_buf_init(&to->out, 1 << 20);
}

RIG_UNUSED static llm_fault wire_put(void *baton, const llm_delta *delta)
{
    wire_stream *to = baton;

    apr_pool_clear(to->scratch);
    return to->face->dialect->chat->write_delta(
        to->state, delta, to->face, &to->frame, &to->out, to->scratch,
        to->pool);
}

RIG_UNUSED static const char *wire_end(wire_stream *to)
{
    return wire_text(&to->out, to->pool);
}

typedef struct wire_hearing {
    const llm_dialect *dialect;
    void *state;
    llm_usage usage;
    llm_delta_fn each;
    void *baton;
    apr_pool_t *pool, *scratch;
    int done;
} wire_hearing;

static llm_fault wire_event(void *baton, const llm_sse_event *it)
{
    wire_hearing *in = baton;
    llm_event event = { .usage = in->usage };
    const llm_json *json;

    if (in->done)
        return LLM_GARBAGE;
    in->dialect->read_event(it->data, it->data_len, &event);
    in->usage = event.usage;
    if (event.kind == LLM_EVENT_DONE)
        in->done = 1;
    if (event.kind == LLM_EVENT_MALFORMED || event.kind == LLM_EVENT_ERROR)
        return LLM_GARBAGE;
    if (event.kind != LLM_EVENT_PIECE)
        return LLM_OK;
    apr_pool_clear(in->scratch);
    if (llm_json_parse(it->data, it->data_len, 64, &json, in->scratch))
        return LLM_GARBAGE;
    return in->dialect->chat->read_piece(in->state, json, in->each, in->baton,
                                         in->scratch, in->pool);
}

/* An event stream's text as deltas; the usage and the end told as
 * translate.c does. */
RIG_UNUSED static llm_fault wire_hear(const llm_dialect *dialect,
                                      const char *text, llm_delta_fn each,
                                      void *baton, apr_pool_t *p)
{
    wire_hearing in = { .dialect = dialect, .each = each, .baton = baton,
                        .pool = p };
    llm_delta delta = { .kind = LLM_DELTA_USAGE };
    llm_fault fault;
    llm_sse sse;

    in.state = apr_pcalloc(p, dialect->chat->reader_size + 1);
    apr_pool_create(&in.scratch, p);
    llm_sse_init(&sse, 1 << 20);
    fault = llm_sse_feed(&sse, text, strlen(text), wire_event, &in);
    llm_sse_free(&sse);
    delta.usage = &in.usage;
    if (!fault && in.usage.known)
        fault = each(baton, &delta);
    delta.kind = LLM_DELTA_END;
    return fault ? fault : each(baton, &delta);
}

#endif
