/* Lanes: the short way for providers that answer at once.
 *
 * Handing a call to the engine thread and back costs two thread switches,
 * more than all the rest of a call to a provider on the same machine. So a
 * worker may take a lane - a curl multi with connections of its own - and do
 * the engine's work itself for a moment. An answer that does not come within
 * that moment is the engine's business: the lane with its running transfer is
 * handed over, and comes back when the transfer has ended.
 *
 *   idle ─▶ a worker's (rush) ─┬▶ idle
 *                              └▶ the engine's ─▶ idle
 */
#ifndef LLM_LANE_H
#define LLM_LANE_H

#include "engine.h"

/* Worker: like llm_exchange_submit, but for up to `patience` microseconds
 * (less than a second) this thread does the engine's work, the first `spin`
 * of them without sleeping. Returns when the exchange has ended or is the
 * engine's. */
void llm_lane_rush(llm_engine *engine, llm_exchange *x,
                   apr_interval_time_t patience, apr_interval_time_t spin);

/* Engine thread: a lane's transfer has ended; it is idle again. */
void llm_lane_back(llm_engine *engine, struct llm_transfers *lane);

/* When the engine ends: frees the idle ones. */
void llm_lanes_free(llm_engine *engine);

#endif
