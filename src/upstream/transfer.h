/* Exchanges over the network: the only file pair that knows libcurl.
 *
 * Everything here runs on the engine thread; handles are made there and
 * never cross a fork.
 */
#ifndef LLM_TRANSFER_H
#define LLM_TRANSFER_H

#include "engine.h"

typedef struct llm_transfers llm_transfers;

llm_transfers *llm_transfers_new(llm_engine *engine, int endpoints);
void llm_transfers_free(llm_transfers *transfers);

void llm_transfer_start(llm_transfers *transfers, llm_exchange *x);
void llm_transfer_resume(llm_exchange *x);
void llm_transfer_cancel(llm_transfers *transfers, llm_exchange *x);

/* An event on a socket of curl's; `events` as epoll has them. */
void llm_transfers_socket(llm_transfers *transfers, int fd, unsigned events);

/* After a batch of events: curl's timer, and what has finished. */
void llm_transfers_round(llm_transfers *transfers);

#endif
