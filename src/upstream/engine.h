/* The engine: one thread per child that moves all bytes to and from
 * providers. It knows no dialect, no money and no httpd.
 *
 * Its loop waits on one epoll descriptor for: orders from workers (an
 * eventfd), curl's sockets, clients being watched for a hang-up, and the
 * next moment of its timers.
 */
#ifndef LLM_ENGINE_H
#define LLM_ENGINE_H

#include "exchange.h"

/* Child, after fork, before the first call. NULL, with a sentence in *why,
 * when the thread or its descriptors cannot be had. `endpoints`: how many
 * numbers the configuration handed out. `after`, if not NULL, is called on the
 * engine's thread after all bells of a round were rung; it does not wait, and
 * returns 1 to be called again at once. */
llm_engine *llm_engine_start(int endpoints, int (*after)(void),
                             const char **why);

/* Child, when it ends: cancels everything, waits for the thread. Exchanges
 * that workers still hold end with LLM_STOPPING and may be closed after. */
void llm_engine_stop(llm_engine *engine);

/* Gives back what engine_stop kept for late closers. Nothing may use the
 * engine after. */
void llm_engine_free(llm_engine *engine);

/* ---- the inside; for src/upstream/ only --------------------------------- */

struct llm_transfers;

#define LLM_LANES 64            /* at most, a child */
#define LLM_SHARDS 256          /* at most, a child */

typedef struct llm_shard {      /* see shard.h */
    struct llm_transfers *transfers;
    apr_time_t used;            /* when it last had something to do */
} llm_shard;

struct llm_engine {
    pthread_t thread;
    int poll;                   /* the epoll descriptor */
    int wake;                   /* the eventfd */
    pthread_mutex_t lock;       /* guards the orders, the lanes, and stopped */
    llm_exchange *orders;       /* newest first */
    int stopped;                /* the thread is gone */
    struct llm_transfers *lanes[LLM_LANES];     /* idle ones, see lane.h */
    int idle_lanes, made_lanes;
    int endpoints;              /* never changes */
    int (*after)(void);         /* nor does this; or NULL */
    _Atomic int stopping;
    _Atomic int awake;          /* no need to write to `wake` */

    /* engine thread only */
    llm_timers timers;
    llm_exchange *all;
    llm_exchange *ringing;      /* to be rung at the end of the round */
    apr_time_t swept;
    apr_time_t now;
    llm_shard shards[LLM_SHARDS];
    int made_shards;
    apr_interval_time_t transfers_wait; /* until curl's next timer; -1 none */
    int more;                   /* `after` has more to do */
    llm_exchange *adopted;      /* those that came with their lane */
};

/* Worker: queues an order for the engine and wakes it. */
void llm_engine_order(llm_engine *engine, llm_exchange *x, unsigned order);

/* Engine thread: rings x at the end of this round. */
void llm_engine_ring_later(llm_engine *engine, llm_exchange *x);

/* epoll's data: who an event is for, told by the low bits. */
enum { LLM_FOR_WAKE = 0, LLM_FOR_CLIENT = 1, LLM_FOR_SOCKET = 2 };

#endif
