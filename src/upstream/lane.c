#include "lane.h"
#include "transfer.h"

/* Last in, first out: the warmest connections are used again. NULL when as
 * many lanes as there may be are all in use. */
static llm_transfers *take_lane(llm_engine *engine)
{
    llm_transfers *lane = NULL;
    int make = 0;

    pthread_mutex_lock(&engine->lock);
    if (!engine->stopped && engine->idle_lanes)
        lane = engine->lanes[--engine->idle_lanes];
    else if (!engine->stopped && engine->made_lanes < LLM_LANES)
        make = ++engine->made_lanes;
    pthread_mutex_unlock(&engine->lock);
    return make ? llm_transfers_new(engine->endpoints) : lane;
}

/* Once the engine has stopped its lanes are being freed, or were. */
static void put_back(llm_engine *engine, llm_transfers *lane)
{
    int late;

    pthread_mutex_lock(&engine->lock);
    late = engine->stopped;
    if (!late)
        engine->lanes[engine->idle_lanes++] = lane;
    pthread_mutex_unlock(&engine->lock);
    if (late)
        llm_transfers_free(lane);
}

void llm_lane_back(llm_engine *engine, llm_transfers *lane)
{
    llm_transfers_part(lane);
    put_back(engine, lane);
}

void llm_lane_rush(llm_engine *engine, llm_exchange *x,
                   apr_interval_time_t patience, apr_interval_time_t spin)
{
    llm_transfers *lane = x->endpoint->peer ? NULL : take_lane(engine);
    apr_time_t until = apr_time_now() + patience, now;
    apr_interval_time_t soon;

    if (!lane) {
        llm_exchange_submit(engine, x);
        return;
    }
    x->engine = engine;
    x->rushing = 1;
    llm_transfer_start(lane, x);
    while (x->running) {
        now = apr_time_now();
        soon = llm_transfers_round(lane, now);
        if (!x->running || now >= until)
            break;
        llm_transfers_wait(lane, soon < 0 || now + soon > until
                                 ? until : now + soon, spin);
    }
    x->rushing = 0;
    if (x->running) {
        llm_engine_order(engine, x, LLM_ORDER_SUBMIT);
        return;
    }
    x->engine = NULL;           /* it never knew of this exchange */
    put_back(engine, lane);
}

void llm_lanes_free(llm_engine *engine)
{
    while (engine->idle_lanes)
        llm_transfers_free(engine->lanes[--engine->idle_lanes]);
}
