/* A stream that was cut after the client had some of it. The next attempt
 * goes on where it ended: a target that takes a prefill is given what was
 * said, any other begins anew and must say the same again, which the client
 * does not see. Never a truncated answer that looks whole. */
#include "answer.h"
#include <string.h>

#define RECOVERIES 3            /* of one call */

/* ---- what was said ------------------------------------------------------ */

void llm_answer_log(llm_call *call, llm_span event)
{
    size_t before = call->log.len;

    if (!call->limits->recover || call->log_lost)
        return;
    if (llm_buf_add(&call->log, &event.len, sizeof event.len)
        || llm_buf_add(&call->log, event.at, event.len)) {
        call->log.len = before;
        call->log_lost = 1;
    }
}

/* Brings the client's writer to where the client is. */
static void replay(llm_call *call)
{
    llm_frame frame = call->frame;
    size_t at = 0;
    llm_span event;

    while (at < call->log.len) {
        memcpy(&event.len, call->log.data + at, sizeof event.len);
        at += sizeof event.len;
        event.at = call->log.data + at;
        at += event.len;
        llm_translate_replay(call->translation, event, &frame);
    }
    llm_buf_free(&call->log);
}

static llm_translation *begin_translation(llm_call *call)
{
    llm_translation *t = llm_answer_translation(call);

    llm_translate_begin(t, &call->face, call->spoken, call->pool);
    t->said = &call->said;
    call->face.plain_id = 1;
    return t;
}

/* ---- whether it can be -------------------------------------------------- */

/* Of those who are asked to go on, one that will not is not the last word. */
static int is_hopeful(const llm_call *call, const llm_fault_detail *detail)
{
    switch (llm_fault_of(detail->fault)->next) {
    case LLM_NEXT_STOP:
        return call->recoveries && detail->fault == LLM_REJECTED;
    case LLM_NEXT_CONTENT:
        return 0;
    case LLM_NEXT_CONTEXT:
        return call->recoveries > 0;
    default:
        return 1;
    }
}

static int is_worth(const llm_call *call, const llm_fault_detail *detail)
{
    return call->limits->recover && !call->log_lost
        && call->recoveries < RECOVERIES && !call->finished
        && call->face.dialect->operation == LLM_OP_CHAT
        && call->face.dialect->chat->write_delta
        && is_hopeful(call, detail);
}

/* ---- going on ----------------------------------------------------------- */

static int ask_for_rest(llm_call *call, int prefill, apr_time_t now)
{
    llm_fault_detail detail = { 0 };

    call->prefilled = prefill;
    call->said_before = call->said.len;
    if (llm_answer_write_rest(call, prefill, &detail))
        return 0;
    llm_translate_resume(call->translation, call->spoken, &call->said,
                         !prefill);
    llm_answer_begin(call);
    call->last = now;
    return 1;
}

static int try_target(llm_call *call, apr_time_t now)
{
    return (llm_answer_takes_prefill(call) && ask_for_rest(call, 1, now))
        || ask_for_rest(call, 0, now);
}

/* One that would not continue may say it all again. */
static int is_refused_prefill(const llm_call *call,
                              const llm_fault_detail *detail)
{
    return call->prefilled && (detail->fault == LLM_REJECTED
                               || detail->fault == LLM_UNSUPPORTED);
}

int llm_answer_recover(llm_call *call, const llm_fault_detail *detail,
                       apr_time_t now)
{
    uint32_t row = call->row;

    if (is_refused_prefill(call, detail) && ask_for_rest(call, 0, now))
        return 1;
    if (!is_worth(call, detail))
        return 0;
    if (!call->translation) {
        call->translation = begin_translation(call);
        replay(call);
    }
    if (call->translation->called || !call->said.len)
        return 0;
    if (!call->recoveries)
        call->first_fault = *detail;    /* for the client, in the end */
    llm_answer_blame(call, detail, now);
    call->recoveries++;
    while (llm_answer_next_for_rest(call, detail, now))
        if (try_target(call, now)) {
            llm_meter_failover(call->meter, row, detail->fault);
            return 1;
        }
    return 0;
}
