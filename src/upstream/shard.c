#include "shard.h"
#include "transfer.h"

#define ROOM 128                /* transfers of one at once */
#define IDLE (60 * APR_USEC_PER_SEC)

int llm_shards_make(llm_engine *engine)
{
    engine->shards[0].transfers = llm_transfers_new(engine->endpoints);
    engine->made_shards = engine->shards[0].transfers != NULL;
    return engine->made_shards;
}

/* In the engine's loop from the start. NULL when there are as many as there
 * may be, or without memory. */
static llm_transfers *add(llm_engine *engine)
{
    llm_transfers *more;

    if (engine->made_shards == LLM_SHARDS
        || !(more = llm_transfers_new(engine->endpoints)))
        return NULL;
    llm_transfers_join(more, engine);
    engine->shards[engine->made_shards].used = engine->now;
    engine->shards[engine->made_shards++].transfers = more;
    return more;
}

static llm_transfers *least_busy(llm_engine *engine)
{
    llm_transfers *least = engine->shards[0].transfers;
    int i;

    for (i = 1; i < engine->made_shards; i++)
        if (llm_transfers_busy(engine->shards[i].transfers)
            < llm_transfers_busy(least))
            least = engine->shards[i].transfers;
    return least;
}

llm_transfers *llm_shard_for(llm_engine *engine, const llm_exchange *x)
{
    llm_transfers *first = engine->shards[0].transfers, *found;
    int i;

    if (llm_transfers_multiplex(first, x->endpoint))
        return first;
    for (i = 0; i < engine->made_shards; i++)
        if (llm_transfers_busy(engine->shards[i].transfers) < ROOM)
            return engine->shards[i].transfers;
    found = add(engine);
    return found ? found : least_busy(engine);
}

apr_interval_time_t llm_shards_round(llm_engine *engine)
{
    apr_interval_time_t wait = -1, next;
    int i;

    for (i = 0; i < engine->made_shards; i++) {
        next = llm_transfers_round(engine->shards[i].transfers, engine->now);
        if (next >= 0 && (wait < 0 || next < wait))
            wait = next;
    }
    return wait;
}

/* The last one alone: those before it fill up first. */
void llm_shards_tidy(llm_engine *engine)
{
    llm_shard *last;
    int i;

    for (i = 1; i < engine->made_shards; i++)
        if (llm_transfers_busy(engine->shards[i].transfers))
            engine->shards[i].used = engine->now;
    while (engine->made_shards > 1) {
        last = &engine->shards[engine->made_shards - 1];
        if (engine->now - last->used < IDLE)
            return;
        llm_transfers_free(last->transfers);
        engine->made_shards--;
    }
}

void llm_shards_free(llm_engine *engine)
{
    while (engine->made_shards)
        llm_transfers_free(engine->shards[--engine->made_shards].transfers);
}
