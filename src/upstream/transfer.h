/* Exchanges over the network: the only files that know libcurl.
 *
 * An llm_transfers is one curl multi with its connections. It is driven by
 * one thread at a time: the engine's own (see shard.h) by the engine thread; a
 * lane (see lane.h) by the worker that has it, and by the engine thread once
 * it was handed over. Handles are made after the fork and never cross one.
 */
#ifndef LLM_TRANSFER_H
#define LLM_TRANSFER_H

#include "engine.h"

typedef struct llm_transfers llm_transfers;

/* Child, once, before any thread: readies libcurl. 0 if it cannot be. */
int llm_transfers_prepare(void);

/* NULL without memory. Belongs to nobody's loop at first. */
llm_transfers *llm_transfers_new(int endpoints);
void llm_transfers_free(llm_transfers *transfers);

/* Engine thread: its sockets and its timer join the engine's loop, or leave
 * it. */
void llm_transfers_join(llm_transfers *transfers, llm_engine *engine);
void llm_transfers_part(llm_transfers *transfers);

void llm_transfer_start(llm_transfers *transfers, llm_exchange *x);
void llm_transfer_resume(llm_exchange *x);
void llm_transfer_cancel(llm_exchange *x);

/* How many transfers run there. */
int llm_transfers_busy(const llm_transfers *transfers);

/* 1 once the endpoint was seen to speak HTTP/2 there. */
int llm_transfers_multiplex(const llm_transfers *transfers,
                            const llm_endpoint *endpoint);

/* An event for the socket that epoll's data names. */
void llm_transfers_event(uint64_t data, unsigned events);

/* After a batch of events: curl's timer, and what has finished. Microseconds
 * until it must be called again, -1 for never. */
apr_interval_time_t llm_transfers_round(llm_transfers *transfers,
                                        apr_time_t now);

/* Out of any loop: waits until `until` at most for its sockets, and serves
 * them; for the first `spin` microseconds without sleeping. */
void llm_transfers_wait(llm_transfers *transfers, apr_time_t until,
                        apr_interval_time_t spin);

#endif
