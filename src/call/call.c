#include "answer.h"
#include <string.h>
#include <apr_strings.h>

#define WHOLE apr_time_from_sec(120)    /* a whole answer's first byte, while
                                         * another target could be asked */
#define OUT_CEILING (4 * 1024 * 1024)   /* an inbox full of events, and more */
#define ASIDE_CEILING 1024              /* a sign of life */

/* ---- admission ---------------------------------------------------------- */

static const char *label_of(const llm_call *call, int answered)
{
    const llm_model *model = call->model;

    if (!model)
        return "-";
    if (!model->wildcard)
        return model->name;
    /* Names that only clients made up must not fill the table. */
    if (answered && llm_text_is_name(call->request.model,
                                     LLM_METER_NAME_MAX))
        return call->request.model;
    return apr_pstrcat(call->pool, model->name, "*", NULL);
}

uint32_t llm_call_row(const llm_call *call, int answered)
{
    return llm_meter_row(call->meter,
                         call->target ? call->target->provider_name : "-",
                         label_of(call, answered), call->customer);
}

void llm_call_begin(llm_call *call, apr_time_t now)
{
    call->started = call->heard = now;
    call->slot = -1;
    llm_buf_init(&call->aside, ASIDE_CEILING);
    llm_buf_init(&call->out, OUT_CEILING);
    llm_buf_init(&call->answer, call->limits->max_answer);
    llm_buf_init(&call->log, LLM_RECOVER_MAX);
    llm_buf_init(&call->said, LLM_RECOVER_MAX);
    llm_sse_init(&call->sse, call->limits->max_answer);
    llm_eventstream_init(&call->events, call->limits->max_answer);
    call->frame.framing = call->face.framing;
    call->face.now = apr_time_sec(now);
}

static int32_t take_slot(const llm_call *call, apr_time_t now)
{
    const llm_call_limits *limits = call->limits;
    int32_t slot = llm_meter_enter(call->meter, call->child,
                                   limits->max_in_flight, now);

    if (slot < 0 && limits->reap && limits->reap())
        slot = llm_meter_enter(call->meter, call->child,
                               limits->max_in_flight, now);
    return slot;
}

void llm_call_admit(llm_call *call, const llm_models *models,
                    const char *body, size_t n, apr_time_t now)
{
    llm_fault_detail detail = { 0 };

    detail.fault = llm_call_take_chain(call, &body, &n, &detail);
    if (!detail.fault)
        detail.fault = call->face.dialect->read_request(
            body, n, call->limits->max_depth, &call->request, &detail,
            call->pool);
    call->face.wants_usage = call->request.wants_usage;
    if (!detail.fault)
        detail.fault = llm_call_find_model(call, models, &detail);
    if (!detail.fault) {
        call->slot = take_slot(call, now);
        if (call->slot < 0) {
            detail.fault = LLM_BUSY;
            detail.retry_after_ms = 1000;
        }
    }
    if (detail.fault)
        llm_call_refuse(call, &detail, now);
    else
        llm_answer_plan(call, now);
}

void llm_call_refuse(llm_call *call, const llm_fault_detail *detail,
                     apr_time_t now)
{
    call->fault = *detail;
    call->state = LLM_CALL_ENDED;
    call->ended = now;
    if (!call->committed) {     /* what was held back is not sent */
        call->frame.begun = 0;
        call->first = 0;
    }
    call->committed = 1;
    llm_buf_clear(&call->out);
    if (call->sent_head) {
        call->face.dialect->write_error(detail, &call->face, &call->frame,
                                        &call->out);
        return;
    }
    call->status = llm_fault_status(detail);
    call->type = "application/json";
    call->face.dialect->write_error(detail, &call->face, NULL, &call->out);
}

/* ---- what to do --------------------------------------------------------- */

llm_call_want llm_call_next(const llm_call *call)
{
    if (call->aside.len
        || (call->committed && (call->out.len || !call->sent_head)))
        return LLM_CALL_SEND;
    if (call->state == LLM_CALL_ENDED)
        return LLM_CALL_OVER;
    return call->state == LLM_CALL_ADMITTED ? LLM_CALL_ASK : LLM_CALL_WAIT;
}

/* A whole answer comes when it is finished, which may take as long as a call
 * may take at all; not so long, while another target could be asked. */
static apr_interval_time_t patience(const llm_call *call, apr_time_t now)
{
    const llm_times *may = &call->times;

    if (call->request.stream)
        return may->first;
    if (may->whole)
        return may->whole;
    return llm_answer_has_next(call, now) ? WHOLE : may->total;
}

void llm_call_was_asked(llm_call *call, apr_time_t now)
{
    call->state = LLM_CALL_ASKED;
    call->asked = now;
    call->silent_until = now + patience(call, now);
}

/* Of a stream it is its output that counts, of anything else every byte. */
int llm_answer_is_coming(const llm_call *call)
{
    return call->first || (call->state == LLM_CALL_GATHERING && call->last);
}

apr_time_t llm_answer_deadline(const llm_call *call)
{
    apr_time_t total = call->started + call->times.total, soon;

    if (call->state == LLM_CALL_RESTING)
        return call->again_at;
    if (llm_answer_is_coming(call))
        soon = call->last + call->times.idle;
    else
        soon = call->silent_until;
    return soon < total ? soon : total;
}

apr_time_t llm_call_deadline(const llm_call *call)
{
    apr_time_t deadline = llm_answer_deadline(call);
    apr_time_t alive = llm_alive_deadline(call);
    apr_time_t hold = llm_hold_deadline(call);

    if (alive && alive < deadline)
        deadline = alive;
    return hold && hold < deadline ? hold : deadline;
}

void llm_call_take_out(llm_call *call, llm_buf *out)
{
    llm_buf *from = call->aside.len ? &call->aside : &call->out;
    size_t ceiling = call->aside.len ? ASIDE_CEILING : OUT_CEILING;

    call->sent_head = 1;
    call->given |= from == &call->out;
    call->bytes_out += from->len;
    llm_buf_move(out, from);
    llm_buf_init(from, ceiling);
}

void llm_call_abandon(llm_call *call, llm_fault fault, apr_time_t now)
{
    if (call->state == LLM_CALL_ENDED && !call->out.len && call->sent_head)
        return;                 /* it had all of it */
    if (call->state != LLM_CALL_ENDED)
        llm_answer_spend(call);
    memset(&call->fault, 0, sizeof call->fault);
    call->fault.fault = fault;
    call->state = LLM_CALL_ENDED;
    call->ended = now;
    call->sent_head = 1;
    llm_buf_clear(&call->aside);
    llm_buf_clear(&call->out);
}

/* ---- settling ----------------------------------------------------------- */

static void fill_record(const llm_call *call, llm_record *record)
{
    memset(record, 0, sizeof *record);
    record->fault = call->fault.fault;
    record->usage = call->usage;
    record->bytes_in = call->request.body.len;
    record->bytes_out = call->bytes_out;
    record->first_us = call->first ? call->first - call->started : -1;
    record->total_us = call->ended > call->started
        ? call->ended - call->started : 0;
    record->streamed = call->request.stream;
}

void llm_call_settle(llm_call *call, apr_time_t now)
{
    llm_record record;

    if (call->settled)
        return;
    call->settled = 1;
    if (call->state != LLM_CALL_ENDED)
        llm_call_abandon(call, LLM_CLIENT_GONE, now);
    if (call->plan)
        llm_plan_end(call->plan);
    fill_record(call, &record);
    if (call->slot >= 0) {
        if (!record.fault && call->model->wildcard && !call->estimated)
            llm_meter_assign(call->meter, call->slot, llm_call_row(call, 1));
        llm_meter_settle(call->meter, call->slot, &record);
    }
    else {
        llm_meter_count(call->meter, llm_call_row(call, 0), &record);
    }
    llm_buf_free(&call->aside);
    llm_buf_free(&call->out);
    llm_buf_free(&call->answer);
    llm_buf_free(&call->body);
    llm_buf_free(&call->trimmed);
    llm_buf_free(&call->log);
    llm_buf_free(&call->said);
    llm_sse_free(&call->sse);
    llm_eventstream_free(&call->events);
}
