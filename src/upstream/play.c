#include "play.h"
#include <string.h>

static void next_step(llm_engine *engine, llm_exchange *x, apr_time_t from)
{
    x->endpoint->peer->next(x->play, &x->step);
    if (x->step.kind == LLM_STEP_HANG)
        return;
    if (!llm_timer_set(&engine->timers, &x->timer, from + x->step.wait)) {
        llm_play_cancel(engine, x);
        llm_exchange_ended(x, LLM_INTERNAL, "no memory for a timer");
    }
}

static void end(llm_engine *engine, llm_exchange *x, llm_fault fault,
                const char *trouble)
{
    llm_play_cancel(engine, x);
    llm_exchange_ended(x, fault, trouble);
}

static void set_head(llm_exchange *x, const llm_step *step)
{
    pthread_mutex_lock(&x->lock);
    x->head.status = step->status;
    x->head.framed = 1;         /* LLM_STEP_END tells where the body ends */
    strncpy(x->head.type, step->type ? step->type : "",
            sizeof x->head.type - 1);
    if (step->retry_after) {
        apr_interval_time_t wait;

        if (llm_text_duration(step->retry_after, &wait))
            x->head.retry_after_ms = apr_time_as_msec(wait);
    }
    if (!x->whole)
        x->news = 1;
    pthread_mutex_unlock(&x->lock);
    llm_engine_ring_later(x->engine, x);
}

/* A piece may be larger than the inbox; 0 when the rest must wait for room. */
static int pour(llm_exchange *x)
{
    llm_step *step = &x->step;
    size_t n;

    while (step->len) {
        n = step->len < LLM_INBOX_CEILING ? step->len : LLM_INBOX_CEILING;
        if (!llm_exchange_arrived(x, step->bytes, n))
            return 0;
        step->bytes += n;
        step->len -= n;
    }
    return 1;
}

/* One step; 0 when it must wait for room or the play is over. */
static int act(llm_engine *engine, llm_exchange *x)
{
    switch (x->step.kind) {
    case LLM_STEP_HEAD:
        set_head(x, &x->step);
        return 1;
    case LLM_STEP_BYTES:
        x->paused = !pour(x);
        return !x->paused;
    case LLM_STEP_END:
        end(engine, x, LLM_OK, NULL);
        return 0;
    case LLM_STEP_REFUSE:
        end(engine, x, LLM_UNREACHABLE, "connection refused");
        return 0;
    case LLM_STEP_RESET:
        end(engine, x, x->head.status ? LLM_CUT : LLM_RESET,
            "connection reset by peer");
        return 0;
    case LLM_STEP_HANG:
        break;
    }
    return 0;
}

void llm_play_start(llm_engine *engine, llm_exchange *x)
{
    x->play = x->endpoint->peer->open(x->path, x->body.data, x->body.len,
                                      x->endpoint->peer_options);
    if (!x->play) {
        llm_exchange_ended(x, LLM_INTERNAL, "no memory for a conversation");
        return;
    }
    x->running = 1;
    next_step(engine, x, engine->now);
    if (x->running && x->step.kind != LLM_STEP_HANG && !x->step.wait) {
        llm_timer_unset(&engine->timers, &x->timer);
        x->timer.due = engine->now;
        llm_play_due(engine, x);
    }
}

/* The next moment counts from when this one was due, not from when it was
 * served, so that a pace holds over a long answer; but what is late by more
 * than a second is not caught up. */
void llm_play_due(llm_engine *engine, llm_exchange *x)
{
    apr_time_t due = x->timer.due;
    int steps = 0;

    if (engine->now - due > APR_USEC_PER_SEC)
        due = engine->now;
    while (act(engine, x)) {
        next_step(engine, x, due);
        if (!x->running || x->step.kind == LLM_STEP_HANG || x->step.wait
            || ++steps == 64)
            return;
        llm_timer_unset(&engine->timers, &x->timer);
    }
}

void llm_play_resume(llm_engine *engine, llm_exchange *x)
{
    if (!x->paused)
        return;
    x->paused = 0;
    x->timer.due = engine->now;
    llm_play_due(engine, x);
}

void llm_play_cancel(llm_engine *engine, llm_exchange *x)
{
    llm_timer_unset(&engine->timers, &x->timer);
    if (x->play)
        x->endpoint->peer->close(x->play);
    x->play = NULL;
    x->running = 0;
}
