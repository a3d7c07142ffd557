#include "answer.h"
#include <string.h>
#include <apr_strings.h>

#define ERROR_CEILING (64 * 1024)       /* bytes of a provider's error body */
#define END_ROOM (16 * 1024)    /* a stream's error or end marker needs less */

static void finish_stream(llm_call *call, apr_time_t now);

/* ---- how an attempt ends ------------------------------------------------ */

/* Everything failed: the first target's error, and what was tried. */
static void give_up(llm_call *call, llm_fault fault, apr_time_t now)
{
    llm_fault_detail shown = call->first_fault;
    const char *text = shown.text ? shown.text
                                  : llm_fault_of(shown.fault)->text;

    if (call->attempt > 1)
        shown.text = apr_pstrcat(call->pool, text, " (tried: ", call->tried,
                                 ")", NULL);
    llm_call_refuse(call, &shown, now);
    call->fault.fault = fault;
}

/* The client has the text and the reason why it ends: how the provider then
 * went away is not the client's trouble. */
static int all_is_said(const llm_call *call)
{
    return call->state == LLM_CALL_STREAMING && call->finished
        && !(call->translation && llm_translate_is_behind(call->translation));
}

/* A stream that fails with what would have been its first piece for the client
 * has failed before the client got anything. */
static void take_back(llm_call *call)
{
    if (call->state != LLM_CALL_STREAMING || call->given)
        return;
    call->committed = 0;
    call->state = LLM_CALL_HOLDING;
}

static void tell_how(const llm_call *call, const llm_fault_detail *detail)
{
    if (call->limits->fared)
        call->limits->fared(detail, call->limits->baton);
}

void llm_answer_failed(llm_call *call, const llm_fault_detail *detail,
                       apr_time_t now)
{
    if (all_is_said(call)) {
        call->ended_by = detail->fault;
        finish_stream(call, now);
        return;
    }
    tell_how(call, detail);
    take_back(call);
    llm_answer_spend(call);
    if (call->attempt == 1)
        call->first_fault = *detail;
    if (call->committed && llm_answer_recover(call, detail, now))
        return;
    if (call->recoveries)
        detail = &call->first_fault;
    if (call->committed) {
        call->out.ceiling += END_ROOM;
        call->fault = *detail;
        call->state = LLM_CALL_ENDED;
        call->ended = now;
        call->face.dialect->write_error(detail, &call->face, &call->frame,
                                        &call->out);
        return;
    }
    if (!llm_answer_go_on(call, detail, now))
        give_up(call, detail->fault, now);
}

void llm_answer_fault(llm_call *call, llm_fault fault, const char *text,
                      apr_time_t now)
{
    llm_fault_detail detail = { .fault = fault, .text = text };

    llm_answer_failed(call, &detail, now);
}

void llm_answer_complete(llm_call *call, apr_time_t now)
{
    const llm_fault_detail well = { .fault = LLM_OK };

    llm_answer_reckon(call);
    call->fault.fault = LLM_OK;
    call->state = LLM_CALL_ENDED;
    call->committed = 1;
    call->ended = now;
    tell_how(call, &well);
    llm_answer_went_well(call, now);
}

void llm_answer_give(llm_call *call, apr_time_t now)
{
    call->status = 200;
    call->type = "application/json";
    llm_answer_complete(call, now);
}

/* ---- the head ----------------------------------------------------------- */

static int is_type(const llm_head *head, const char *type)
{
    size_t n = strlen(type);

    return !strncmp(head->type, type, n)
        && (!head->type[n] || strchr("; ", head->type[n]));
}

/* The provider's own words might hold anything. */
static const char *type_of(const llm_head *head)
{
    static const char *const known[] = {
        "text/html", "text/plain", "application/json", "text/event-stream"
    };
    size_t i;

    for (i = 0; i < sizeof known / sizeof *known; i++)
        if (is_type(head, known[i]))
            return known[i];
    return head->type[0] ? "something else" : "no content type";
}

/* A usable head sets the state; one that is not, ends the attempt. */
static void read_head(llm_call *call, apr_time_t now)
{
    const llm_head *head = &call->head;

    if (head->status != 200) {
        call->state = LLM_CALL_GATHERING;
        return;
    }
    if (head->encoded)
        llm_answer_fault(call, LLM_GARBAGE, "The provider compressed its "
                         "answer though it was not asked to", now);
    else if (call->request.stream
             && is_type(head, llm_service_stream_type(
                                  call->target->provider->service)))
        call->state = LLM_CALL_HOLDING;
    else if (!call->request.stream && is_type(head, "application/json"))
        call->state = LLM_CALL_GATHERING;
    else
        llm_answer_fault(call, LLM_GARBAGE, apr_psprintf(call->pool,
                         "The provider answered with %s where %s was due",
                         type_of(head),
                         call->request.stream ? "an event stream" : "JSON"),
                         now);
}

/* ---- a whole answer, or an error ---------------------------------------- */

static void gather(llm_call *call, llm_buf *bytes, apr_time_t now)
{
    size_t room = call->head.status == 200 ? call->limits->max_answer
                                           : ERROR_CEILING;

    if (!call->first && call->head.status == 200)
        call->first = now;
    if (!call->answer.len && bytes->len <= room) {
        llm_buf_move(&call->answer, bytes);
        call->answer.ceiling = room;
        return;
    }
    if (llm_buf_add(&call->answer, bytes->data, bytes->len) == LLM_OK)
        return;
    if (call->head.status == 200)
        llm_answer_fault(call, LLM_ANSWER_TOO_LARGE, NULL, now);
    /* Of an error's body the head is enough. */
}

static void read_error(llm_call *call, int status, const char *body, size_t n,
                       llm_fault_detail *detail)
{
    const llm_provider *provider = call->target->provider;
    llm_span text = { body, n };

    if (status)
        text = llm_service_error(provider->service, text, call->pool);
    call->spoken->read_error(llm_service_status(provider->service, status),
                             text.at, text.len,
                             call->way ? call->way->key : NULL, detail,
                             call->pool);
    if (call->translation)      /* words of another dialect */
        detail->type = detail->code = detail->param = NULL;
    if (call->head.retry_after_ms > 0)
        detail->retry_after_ms = call->head.retry_after_ms;
}

/* Into call->out, all or nothing. */
static llm_fault put_answer(llm_call *call)
{
    const llm_span body = { call->answer.data, call->answer.len };
    llm_fault fault;

    if (!call->translation) {
        llm_buf_move(&call->out, &call->answer);
        return LLM_OK;
    }
    call->out.ceiling = call->limits->max_answer;
    fault = llm_translate_answer(call->translation, body, &call->usage,
                                 &call->out);
    if (fault)
        llm_buf_clear(&call->out);
    else
        llm_buf_free(&call->answer);
    return fault == LLM_TOO_LARGE ? LLM_ANSWER_TOO_LARGE : fault;
}

static void finish_whole(llm_call *call, apr_time_t now)
{
    const llm_buf *answer = &call->answer;
    int status = call->head.status == 200 ? 0 : call->head.status;
    llm_fault_detail detail = { 0 };

    if (!status)
        detail.fault = call->spoken->read_answer(
            answer->data, answer->len, &call->usage);
    if (detail.fault == LLM_GARBAGE)    /* and so are its numbers */
        memset(&call->usage, 0, sizeof call->usage);
    if (status || detail.fault == LLM_FAILED)
        read_error(call, status, answer->data, answer->len, &detail);
    if (!detail.fault && !call->usage.known)
        llm_answer_weigh(call);
    if (!detail.fault)
        detail.fault = put_answer(call);
    if (detail.fault) {
        llm_answer_failed(call, &detail, now);
        return;
    }
    if (call->face.dialect->operation == LLM_OP_COUNT)
        call->usage = (llm_usage){ .known = 1 };        /* it took none */
    llm_answer_give(call, now);
}

/* ---- a stream ----------------------------------------------------------- */

typedef struct feeding {
    llm_call *call;
    apr_time_t now;
    int failed;                 /* the provider said so, in `detail` */
    llm_fault_detail detail;
} feeding;

/* The event's data as it came, whole or not at all; without `cut`, which is
 * the "usage":null that stands there only because we asked for usage. */
static llm_fault put_event(llm_call *call, const llm_sse_event *event,
                           const llm_span *cut)
{
    const char *end = event->data + event->data_len;
    size_t head = cut && cut->len ? (size_t)(cut->at - event->data)
                                  : event->data_len;
    const char *rest = event->data + head + (cut ? cut->len : 0);
    size_t name_len = call->spoken->named ? event->name_len : 0;
    llm_fault fault;

    if (rest >= end)
        return llm_frame_put(&call->frame, event->name, name_len, event->data,
                             head, &call->out);
    llm_buf_clear(&call->answer);
    fault = llm_buf_add(&call->answer, event->data, head);
    if (!fault)
        fault = llm_buf_add(&call->answer, rest, end - rest);
    return fault ? fault
                 : llm_frame_put(&call->frame, event->name, name_len,
                                 call->answer.data, call->answer.len,
                                 &call->out);
}

static void commit(llm_call *call)
{
    call->state = LLM_CALL_STREAMING;
    call->committed = 1;
    call->status = 200;
    call->type = llm_frame_type(call->face.framing);
}

static llm_fault pass_event(llm_call *call, const llm_sse_event *event,
                            const llm_event *piece)
{
    const int wants_usage = call->request.wants_usage;

    if (piece->kind == LLM_EVENT_PIECE)
        llm_answer_log(call, (llm_span){ event->data, event->data_len });
    if (piece->kind == LLM_EVENT_USAGE && !wants_usage)
        return LLM_OK;
    return put_event(call, event, wants_usage ? NULL : &piece->usage_null);
}

static llm_fault translate_event(llm_call *call, const llm_sse_event *event,
                                 const llm_event *piece)
{
    const llm_span data = { event->data, event->data_len };

    switch (piece->kind) {
    case LLM_EVENT_PIECE:
        return llm_translate_piece(call->translation, data, &call->frame,
                                   &call->out);
    case LLM_EVENT_PING:
        return llm_translate_ping(call->translation, &call->frame,
                                  &call->out);
    default:
        return LLM_OK;
    }
}

/* Of several answers each has its reason; where there is but one the dialect
 * does not number it. */
static void note_finish(llm_call *call, const llm_event *piece)
{
    call->summed_up |= piece->kind == LLM_EVENT_USAGE;
    call->choices |= piece->choices;
    call->finishes |= piece->finishes;
    if (piece->has_finish)
        call->finished = !(call->choices & ~call->finishes);
    else if (piece->has_output && call->choices & ~call->finishes)
        call->finished = 0;
}

static llm_fault put_piece(llm_call *call, const llm_sse_event *event,
                           const llm_event *piece, apr_time_t now)
{
    llm_fault fault = call->translation ? translate_event(call, event, piece)
                                        : pass_event(call, event, piece);

    if (fault == LLM_GARBAGE) {
        call->skipped++;
        return LLM_OK;
    }
    if (fault)
        return fault;
    note_finish(call, piece);
    if (piece->has_output && !call->first)
        call->first = now;
    if ((piece->has_output || piece->has_finish)
        && llm_hold_is_over(call, now))
        commit(call);
    return LLM_OK;
}

static llm_fault on_event(void *baton, const llm_sse_event *event)
{
    feeding *in = baton;
    llm_call *call = in->call;
    llm_event piece = { .usage = call->usage };
    llm_fault fault;

    if (call->done)
        return LLM_OK;
    call->spoken->read_event(event->data, event->data_len, &piece);
    call->usage = piece.usage;
    llm_gauge_add(&call->gauge, &piece.said);
    switch (piece.kind) {
    case LLM_EVENT_DONE:
        fault = call->translation ? LLM_OK : put_event(call, event, NULL);
        call->done = !fault;
        return fault;
    case LLM_EVENT_ERROR:
        in->failed = 1;
        read_error(call, 0, event->data, event->data_len, &in->detail);
        return LLM_FAILED;
    case LLM_EVENT_MALFORMED:
        call->skipped++;
        return LLM_OK;
    default:
        return put_piece(call, event, &piece, in->now);
    }
}

static void put_end(llm_call *call)
{
    const char *name = call->spoken->end_name, *data = call->spoken->end_data;
    const llm_usage usage = call->recoveries
        ? llm_usage_sum(&call->usage, &call->spent) : call->usage;

    if (call->translation)
        llm_translate_end(call->translation, &usage, &call->frame,
                          &call->out);
    else if (!call->done && data)
        llm_frame_put(&call->frame, name, name ? strlen(name) : 0, data,
                      strlen(data), &call->out);
    llm_frame_end(&call->frame, &call->out);
}

/* What never was a stream of its dialect cannot be cut. */
static llm_fault broken_off(const llm_call *call)
{
    return call->head.framed && call->skipped && !call->first ? LLM_GARBAGE
                                                               : LLM_CUT;
}

static void finish_stream(llm_call *call, apr_time_t now)
{
    if (!call->first && !call->finished && !call->usage.known) {
        llm_answer_fault(call, broken_off(call),
                         "The provider's stream ended without output", now);
        return;
    }
    if (call->translation && llm_translate_is_behind(call->translation)) {
        llm_answer_fault(call, LLM_CUT, NULL, now);
        return;
    }
    commit(call);
    call->out.ceiling += END_ROOM;
    put_end(call);
    llm_answer_complete(call, now);
}

static int is_framed(const llm_call *call)
{
    return llm_service_is_framed(call->target->provider->service);
}

static llm_fault read_stream(llm_call *call, const llm_buf *bytes,
                             feeding *in)
{
    return is_framed(call)
        ? llm_eventstream_feed(&call->events, bytes->data, bytes->len,
                               on_event, in)
        : llm_sse_feed(&call->sse, bytes->data, bytes->len, on_event, in);
}

/* An attempt ends only after the reader has returned: ending it makes the
 * reader anew. */
static void feed(llm_call *call, const llm_buf *bytes, apr_time_t now)
{
    feeding in = { .call = call, .now = now };
    llm_fault fault = read_stream(call, bytes, &in);

    if (in.failed)
        llm_answer_failed(call, &in.detail, now);
    else if (fault)
        llm_answer_fault(call, fault == LLM_TOO_LARGE ? LLM_ANSWER_TOO_LARGE
                                                      : fault, NULL, now);
    else if (call->done)
        finish_stream(call, now);
}

/* ---- news --------------------------------------------------------------- */

/* Whether the attempt of this number goes on: one that has failed is not
 * failed again by what came with its failure, also while the call rests. */
static int lasts(const llm_call *call, int attempt)
{
    return call->attempt == attempt && call->state != LLM_CALL_RESTING
        && call->state != LLM_CALL_ENDED;
}

/* Up to the ceiling they count, so that it does not matter how many came at
 * once. */
static void take_stream(llm_call *call, const llm_buf *bytes, apr_time_t now)
{
    size_t left = call->limits->max_answer - call->received;
    const llm_buf part = {
        .data = bytes->data, .len = bytes->len < left ? bytes->len : left
    };
    int attempt = call->attempt;

    call->received += part.len;
    feed(call, &part, now);
    if (part.len < bytes->len && lasts(call, attempt))
        llm_answer_fault(call, LLM_ANSWER_TOO_LARGE, NULL, now);
}

static void take_bytes(llm_call *call, llm_buf *bytes, apr_time_t now)
{
    call->last = now;
    if (call->state == LLM_CALL_GATHERING)
        gather(call, bytes, now);
    else
        take_stream(call, bytes, now);
}

/* A last event without its blank line counts. That HTTP says it is whole does
 * not make it so: a proxy whose own provider broke off ends well, too. */
static void end_stream(llm_call *call, apr_time_t now)
{
    static char blank[] = "\n\n";
    const llm_buf rest = { .data = blank, .len = 2 };
    int attempt = call->attempt;

    if (!is_framed(call))
        feed(call, &rest, now);
    if (!lasts(call, attempt))
        return;
    if (llm_eventstream_is_empty(&call->events)
        && (call->finished || (call->head.framed && call->summed_up)))
        finish_stream(call, now);
    else
        llm_answer_fault(call, broken_off(call), NULL, now);
}

/* HTTP has come to its end, well or badly. */
static void take_end(llm_call *call, const llm_arrival *arrival,
                     apr_time_t now)
{
    const char *trouble = arrival->trouble
        ? apr_psprintf(call->pool, "%s: %s",
                       llm_fault_of(arrival->fault)->text, arrival->trouble)
        : NULL;

    if (arrival->trouble)
        call->trouble = apr_pstrdup(call->pool, arrival->trouble);
    if (arrival->fault && call->head.status && call->head.status != 200)
        finish_whole(call, now);        /* an error cut short is an error */
    else if (arrival->fault)
        llm_answer_fault(call, arrival->fault, trouble, now);
    else if (call->state == LLM_CALL_ASKED)
        llm_answer_fault(call, LLM_RESET, trouble, now);
    else if (call->state == LLM_CALL_GATHERING)
        finish_whole(call, now);
    else
        end_stream(call, now);
}

static void let_time_pass(llm_call *call, apr_time_t now)
{
    llm_fault fault = LLM_SLOW;

    if (llm_hold_is_too_slow(call, now)) {
        llm_answer_fault(call, LLM_SLUGGISH, NULL, now);
        return;
    }
    if (now < llm_answer_deadline(call)) {
        if (!call->committed && llm_hold_is_over(call, now))
            commit(call);
        return;
    }
    if (llm_answer_is_coming(call)
        && now < call->started + call->times.total)
        fault = LLM_STALLED;
    llm_answer_fault(call, fault, NULL, now);
}

/* What comes while it rests is too late. */
static void rest_on(llm_call *call, apr_time_t now)
{
    if (now >= call->again_at)
        llm_answer_again(call, now);
}

static void take_news(llm_call *call, llm_arrival *arrival, apr_time_t now)
{
    int attempt = call->attempt;

    if (call->state == LLM_CALL_ASKED && arrival->head.status) {
        call->head = arrival->head;
        read_head(call, now);
    }
    if (lasts(call, attempt) && arrival->bytes.len)
        take_bytes(call, &arrival->bytes, now);
    if (lasts(call, attempt) && arrival->ended)
        take_end(call, arrival, now);
    if (lasts(call, attempt))
        let_time_pass(call, now);
}

void llm_call_arrived(llm_call *call, llm_arrival *arrival, apr_time_t now)
{
    if (arrival->client_gone)
        llm_call_abandon(call, LLM_CLIENT_GONE, now);
    else if (call->state == LLM_CALL_RESTING)
        rest_on(call, now);
    else
        take_news(call, arrival, now);
    llm_buf_free(&arrival->bytes);
    llm_alive_let_time_pass(call, now);
}
