/* A stream in the OpenAI dialect, written for a client: chat's chunks and
 * those of legacy completions. */
#include "openai_chat.h"
#include "carry.h"
#include <string.h>
#include <apr_strings.h>

#define CHOICES_MOST 128

/* What a call's id is to carry. */
typedef struct thought {
    char *words;                /* with room for `room` */
    size_t len, room;
    const char *signature;
    int redacted;
} thought;

typedef struct choice {
    int begun, finished;
    int calls;
    apr_array_header_t *thoughts;       /* of thought; since the last call */
    size_t thought;             /* bytes in them */
    int too_much;               /* they are not whole any more */
    long long chars, cited;     /* of the text: all, up to the last citation */
} choice;

typedef struct chunk {
    llm_openai_writer *state;
    const llm_delta *delta;
    const llm_face *face;
    llm_frame *frame;
    llm_buf *out;
    apr_pool_t *p, *keep;
    int legacy;
    llm_buf json;
    llm_emit e;
} chunk;

/* ---- one chunk ---------------------------------------------------------- */

static const char *model_of(const chunk *to)
{
    const char *model = to->state->model ? to->state->model
                                         : to->face->model;

    return model ? model : "";
}

static void open_chunk(chunk *to)
{
    llm_emit *e = &to->e;

    llm_buf_clear(&to->json);
    llm_emit_begin(e, &to->json);
    llm_emit_object(e, NULL);
    llm_emit_string(e, "id", to->state->id);
    llm_emit_string(e, "object", to->legacy ? "text_completion"
                                            : "chat.completion.chunk");
    llm_emit_whole(e, "created", to->face->now);
    llm_emit_string(e, "model", model_of(to));
    llm_emit_array(e, "choices");
}

static llm_fault put(chunk *to)
{
    llm_emit_end_object(&to->e);
    if (to->e.fault)
        return to->e.fault;
    return llm_frame_put(to->frame, NULL, 0, to->json.data, to->json.len,
                         to->out);
}

static llm_fault close_chunk(chunk *to)
{
    llm_emit_end_array(&to->e);
    if (to->face->wants_usage)
        llm_emit_null(&to->e, "usage");
    return put(to);
}

/* `finish` NULL: none yet. What is written between is the delta. */
static void open_choice(chunk *to, int index)
{
    open_chunk(to);
    llm_emit_object(&to->e, NULL);
    llm_emit_whole(&to->e, "index", index);
    if (!to->legacy)
        llm_emit_object(&to->e, "delta");
}

static llm_fault close_choice(chunk *to, llm_span logprobs,
                              const char *finish)
{
    llm_emit *e = &to->e;

    if (!to->legacy)
        llm_emit_end_object(e);
    if (logprobs.len)
        llm_emit_raw(e, "logprobs", logprobs);
    else
        llm_emit_null(e, "logprobs");
    if (finish)
        llm_emit_string(e, "finish_reason", finish);
    else
        llm_emit_null(e, "finish_reason");
    llm_emit_end_object(e);
    return close_chunk(to);
}

static const llm_span no_logprobs = { NULL, 0 };

static llm_fault put_words(chunk *to, int index, const char *name,
                           llm_span text)
{
    open_choice(to, index);
    llm_emit_text(&to->e, name, text);
    return close_choice(to, no_logprobs, NULL);
}

/* ---- choices ------------------------------------------------------------ */

static choice *choice_of(chunk *to, int index)
{
    apr_array_header_t **all = &to->state->choices;

    if (index < 0 || index >= CHOICES_MOST)
        return NULL;
    if (!*all)
        *all = apr_array_make(to->keep, 1, sizeof(choice));
    while ((*all)->nelts <= index)
        memset(apr_array_push(*all), 0, sizeof(choice));
    return &((choice *)(*all)->elts)[index];
}

static void begin_stream(chunk *to, const char *id)
{
    if (to->state->begun)
        return;
    to->state->begun = 1;
    if (!id)
        id = to->face->id ? to->face->id : "0";
    id = apr_pstrdup(to->keep, id);
    to->state->id = to->face->plain_id ? id
        : llm_openai_id(to->legacy ? "cmpl-" : "chatcmpl-", id, to->keep);
}

static llm_fault begin_choice(chunk *to, choice *c, int index)
{
    llm_fault fault = LLM_OK;

    begin_stream(to, NULL);
    if (!c->begun && !to->legacy) {
        open_choice(to, index);
        llm_emit_string(&to->e, "role", "assistant");
        llm_emit_string(&to->e, "content", "");
        fault = close_choice(to, no_logprobs, NULL);
    }
    c->begun |= !fault;
    return fault;
}

static llm_fault finish_choice(chunk *to, choice *c, int index,
                               llm_finish finish)
{
    llm_fault fault;

    if (c->finished)
        return LLM_OK;
    if (finish == LLM_FINISH_NONE && c->calls)
        finish = LLM_FINISH_TOOLS;
    if (finish == LLM_FINISH_TOOLS && to->legacy)
        finish = LLM_FINISH_STOP;
    open_choice(to, index);
    if (to->legacy)
        llm_emit_string(&to->e, "text", "");
    fault = close_choice(to, no_logprobs, llm_openai_finish_word(finish));
    c->finished = !fault;
    return fault;
}

/* ---- thoughts that ids carry -------------------------------------------- */

static thought *add_thought(chunk *to, choice *c)
{
    thought *made;

    if (!c->thoughts)
        c->thoughts = apr_array_make(to->keep, 2, sizeof *made);
    if (c->thoughts->nelts >= 256) {
        c->too_much = 1;
        return NULL;
    }
    made = apr_array_push(c->thoughts);
    memset(made, 0, sizeof *made);
    return made;
}

static thought *open_thought(chunk *to, choice *c)
{
    thought *last = c->thoughts && c->thoughts->nelts
        ? &((thought *)c->thoughts->elts)[c->thoughts->nelts - 1] : NULL;

    return last && !last->signature && !last->redacted ? last
                                                       : add_thought(to, c);
}

/* What does not fit into an id is not worth keeping. */
static void remember(chunk *to, choice *c, thought *at, llm_span text)
{
    char *more;

    if (!at || c->too_much || c->thought + text.len > LLM_CARRY_MAX) {
        c->too_much = 1;
        return;
    }
    if (at->len + text.len > at->room) {
        at->room = 2 * (at->len + text.len);
        more = apr_palloc(to->keep, at->room);
        if (at->len)
            memcpy(more, at->words, at->len);
        at->words = more;
    }
    if (text.len)
        memcpy(at->words + at->len, text.at, text.len);
    at->len += text.len;
    c->thought += text.len;
}

static void remember_delta(chunk *to, choice *c)
{
    const llm_delta *delta = to->delta;
    thought *at;

    if (delta->kind == LLM_DELTA_REASONING)
        remember(to, c, open_thought(to, c), delta->text);
    else if (delta->kind == LLM_DELTA_REDACTED) {
        at = add_thought(to, c);
        remember(to, c, at, delta->text);
        if (at)
            at->redacted = 1;
    }
    else if (delta->signature && (at = open_thought(to, c)) != NULL) {
        c->thought += strlen(delta->signature);
        if (c->thought > LLM_CARRY_MAX)
            c->too_much = 1;
        else
            at->signature = apr_pstrdup(to->keep, delta->signature);
    }
}

static const char *packed(chunk *to, choice *c, const char *id)
{
    apr_array_header_t *parts = llm_parts_make(to->p);
    const int n = c->thoughts && !c->too_much ? c->thoughts->nelts : 0;
    int i;

    for (i = 0; i < n; i++) {
        const thought *at = &((thought *)c->thoughts->elts)[i];
        llm_part *part = llm_parts_add(parts, LLM_PART_REASONING);

        part->text = (llm_span){ at->len ? at->words : "", at->len };
        part->signature = at->signature;
        part->redacted = at->redacted;
    }
    return llm_carry_pack(id, to->delta->signature, parts, to->p);
}

/* ---- deltas ------------------------------------------------------------- */

static llm_fault put_call(chunk *to, choice *c)
{
    const llm_delta *delta = to->delta;
    llm_emit *e = &to->e;
    const char *id = delta->id ? delta->id
        : llm_openai_call_id(to->state->id, to->state->calls, to->p);
    llm_fault fault;

    open_choice(to, delta->choice);
    llm_emit_array(e, "tool_calls");
    llm_emit_object(e, NULL);
    llm_emit_whole(e, "index", delta->call);
    llm_emit_string(e, "id", packed(to, c, id));
    llm_emit_string(e, "type", "function");
    llm_emit_object(e, "function");
    llm_emit_string(e, "name", delta->name ? delta->name : "");
    llm_emit_string(e, "arguments", "");
    llm_emit_end_object(e);
    llm_emit_end_object(e);
    llm_emit_end_array(e);
    fault = close_choice(to, no_logprobs, NULL);
    if (fault)
        return fault;
    c->calls++;
    to->state->calls++;
    if (c->thoughts)
        apr_array_clear(c->thoughts);
    c->thought = 0;
    c->too_much = 0;
    return LLM_OK;
}

static llm_fault put_arguments(chunk *to)
{
    llm_emit *e = &to->e;

    open_choice(to, to->delta->choice);
    llm_emit_array(e, "tool_calls");
    llm_emit_object(e, NULL);
    llm_emit_whole(e, "index", to->delta->call);
    llm_emit_object(e, "function");
    llm_emit_text(e, "arguments", to->delta->text);
    llm_emit_end_object(e);
    llm_emit_end_object(e);
    llm_emit_end_array(e);
    return close_choice(to, no_logprobs, NULL);
}

static llm_fault put_citation(chunk *to, choice *c)
{
    const llm_citation *citation = to->delta->citation;
    llm_fault fault;

    if (!citation || !citation->url)
        return LLM_OK;
    open_choice(to, to->delta->choice);
    llm_emit_array(&to->e, "annotations");
    llm_openai_put_citation(&to->e, citation, c->cited, c->chars);
    llm_emit_end_array(&to->e);
    fault = close_choice(to, no_logprobs, NULL);
    if (!fault)
        c->cited = c->chars;
    return fault;
}

static llm_fault put_text(chunk *to, choice *c)
{
    llm_fault fault = put_words(to, to->delta->choice,
                                to->legacy ? "text" : "content",
                                to->delta->text);

    if (!fault)
        c->chars += llm_openai_chars(to->delta->text);
    return fault;
}

static llm_fault put_thought(chunk *to, choice *c)
{
    llm_fault fault = put_words(to, to->delta->choice, "reasoning_content",
                                to->delta->text);

    if (!fault)
        remember_delta(to, c);
    return fault;
}

static llm_fault put_picture(chunk *to)
{
    const llm_part part = llm_media_part(to->delta);

    open_choice(to, to->delta->choice);
    llm_emit_array(&to->e, "images");
    llm_openai_put_picture(&to->e, &part, to->p);
    llm_emit_end_array(&to->e);
    return close_choice(to, no_logprobs, NULL);
}

static llm_fault put_logprobs(chunk *to)
{
    open_choice(to, to->delta->choice);
    return close_choice(to, to->delta->text, NULL);
}

static llm_fault put_delta(chunk *to, choice *c)
{
    const llm_delta *delta = to->delta;

    switch (delta->kind) {
    case LLM_DELTA_TEXT:
        return put_text(to, c);
    case LLM_DELTA_REFUSAL:
        return put_words(to, delta->choice, "refusal", delta->text);
    case LLM_DELTA_REASONING:
        return put_thought(to, c);
    case LLM_DELTA_SIGNATURE:
    case LLM_DELTA_REDACTED:
        remember_delta(to, c);
        return LLM_OK;
    case LLM_DELTA_CALL:
        return put_call(to, c);
    case LLM_DELTA_ARGUMENTS:
        return put_arguments(to);
    case LLM_DELTA_CITATION:
        return put_citation(to, c);
    case LLM_DELTA_LOGPROBS:
        return put_logprobs(to);
    case LLM_DELTA_MEDIA:
        return put_picture(to);
    default:
        return finish_choice(to, c, delta->choice, delta->finish);
    }
}

/* A legacy completion has text and an end. */
static llm_fault put_legacy(chunk *to, choice *c)
{
    const llm_delta *delta = to->delta;

    switch (delta->kind) {
    case LLM_DELTA_TEXT:
    case LLM_DELTA_REFUSAL:
        return put_text(to, c);
    case LLM_DELTA_CALL:
        c->calls++;
        return LLM_OK;
    case LLM_DELTA_FINISH:
        return finish_choice(to, c, delta->choice, delta->finish);
    default:
        return LLM_OK;
    }
}

/* ---- the end ------------------------------------------------------------ */

static llm_fault finish_all(chunk *to)
{
    llm_fault fault = LLM_OK;
    int i;

    if (!choice_of(to, 0))
        return LLM_INTERNAL;
    for (i = 0; i < to->state->choices->nelts && !fault; i++) {
        choice *c = choice_of(to, i);

        fault = begin_choice(to, c, i);
        if (!fault)
            fault = finish_choice(to, c, i, LLM_FINISH_NONE);
    }
    return fault;
}

static llm_fault put_end(chunk *to)
{
    llm_fault fault = finish_all(to);

    if (!fault && to->face->wants_usage && to->state->usage.known) {
        open_chunk(to);
        llm_emit_end_array(&to->e);
        llm_openai_put_usage(&to->e, &to->state->usage);
        fault = put(to);
    }
    if (!fault && to->frame->framing == LLM_FRAMING_EVENTS)
        fault = llm_frame_put(to->frame, NULL, 0, "[DONE]", 6, to->out);
    to->state->ended = !fault;
    return fault;
}

static llm_fault put_any(chunk *to)
{
    const llm_delta *delta = to->delta;
    llm_fault fault;
    choice *c;

    switch (delta->kind) {
    case LLM_DELTA_BEGIN:
        if (delta->model)
            to->state->model = apr_pstrdup(to->keep, delta->model);
        begin_stream(to, delta->id);
        c = choice_of(to, 0);
        return begin_choice(to, c, 0);
    case LLM_DELTA_USAGE:
        to->state->usage = *delta->usage;
        return LLM_OK;
    case LLM_DELTA_PING:
        return llm_frame_ping(to->frame, to->out);
    case LLM_DELTA_END:
        return put_end(to);
    default:
        c = choice_of(to, delta->choice);
        if (!c)
            return LLM_GARBAGE;
        fault = begin_choice(to, c, delta->choice);
        if (!fault)
            fault = to->legacy ? put_legacy(to, c) : put_delta(to, c);
        return fault;
    }
}

/* After a fault all is as if the delta had not come. */
static llm_fault write_one(chunk *to)
{
    const size_t before = to->out->len;
    const llm_openai_writer was = *to->state;
    const size_t n = was.choices ? was.choices->nelts : 0;
    const llm_frame frame = *to->frame;
    choice *choices;
    llm_fault fault;

    if (was.ended)
        return LLM_OK;
    choices = n ? apr_pmemdup(to->p, was.choices->elts, n * sizeof *choices)
                : NULL;
    llm_buf_init(&to->json, to->out->ceiling);
    fault = put_any(to);
    llm_buf_free(&to->json);
    if (!fault)
        return LLM_OK;
    to->out->len = before;
    *to->frame = frame;
    *to->state = was;
    if (n) {
        was.choices->nelts = (int)n;
        memcpy(was.choices->elts, choices, n * sizeof *choices);
    }
    return fault;
}

llm_fault llm_openai_write_delta(void *writer, const llm_delta *delta,
                                 const llm_face *face, llm_frame *frame,
                                 llm_buf *out, apr_pool_t *p,
                                 apr_pool_t *keep)
{
    chunk to = { .state = writer, .delta = delta, .face = face,
                 .frame = frame, .out = out, .p = p, .keep = keep };

    return write_one(&to);
}

llm_fault llm_openai_write_legacy(void *writer, const llm_delta *delta,
                                  const llm_face *face, llm_frame *frame,
                                  llm_buf *out, apr_pool_t *p,
                                  apr_pool_t *keep)
{
    chunk to = { .state = writer, .delta = delta, .face = face,
                 .frame = frame, .out = out, .p = p, .keep = keep,
                 .legacy = 1 };

    return write_one(&to);
}
