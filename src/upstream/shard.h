/* Shards: the engine's transfers, spread over several of curl's loops.
 *
 * For every new transfer curl looks at all its connections to that host, one
 * by one, for one that is free. With thousands of calls waiting at one
 * provider that search costs more than all the rest of a call. So no loop of
 * curl's has more than so many transfers: the first that has room is taken,
 * which is also where the connections are that were used last. What is not
 * needed for a while is given back with its connections.
 *
 * An endpoint that speaks HTTP/2 stays in the first: there, many transfers
 * are one connection.
 */
#ifndef LLM_SHARD_H
#define LLM_SHARD_H

#include "engine.h"

struct llm_transfers;

/* Engine's start: makes the first; 0 without memory. */
int llm_shards_make(llm_engine *engine);

/* Engine thread: where x is to run. */
struct llm_transfers *llm_shard_for(llm_engine *engine, const llm_exchange *x);

/* Engine thread, after a batch of events: as llm_transfers_round, for all. */
apr_interval_time_t llm_shards_round(llm_engine *engine);

/* Engine thread, now and then: gives back what has long been idle. No event
 * of the batch may be left. */
void llm_shards_tidy(llm_engine *engine);

/* The engine's end. */
void llm_shards_free(llm_engine *engine);

#endif
