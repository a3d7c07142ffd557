/* One request to one provider, and the inbox its answer falls into.
 *
 * Two threads meet here and nowhere else: the worker that runs the call, and
 * the engine thread that moves the bytes. The worker makes an exchange,
 * submits it, takes what has arrived, waits for more (in its thread, or
 * parked with an event that the engine rings), and closes it. The engine
 * only fills the inbox and rings.
 *
 *   worker   new -> submit -> (take | wait | park)* -> close
 *   engine          start -> arrived* -> ended               -> free
 *
 * An exchange is freed by the engine thread alone, between two rounds of its
 * loop, once it was closed and its transfer is over; so neither side can hold
 * a dead one. `close` at any moment cancels what is still running.
 *
 * "worker" below is whichever thread runs the call at that moment; the MPM
 * sees to it that there is one at a time.
 */
#ifndef LLM_EXCHANGE_H
#define LLM_EXCHANGE_H

#include <pthread.h>
#include <stdatomic.h>
#include <apr_time.h>
#include "../base/text.h"
#include "endpoint.h"
#include "timer.h"

#define LLM_INBOX_CEILING (256 * 1024)  /* beyond it the transfer is paused */

typedef struct llm_engine llm_engine;
typedef struct llm_exchange llm_exchange;

/* What the provider's head said, as far as anybody needs it. */
typedef struct llm_head {
    int status;                 /* 0: no head yet */
    char type[96];              /* content-type, lower case; cut if longer */
    char request_id[96];        /* the provider's, "" if none or unfit */
    long retry_after_ms;        /* -1: not given */
    int encoded;                /* has a content-encoding nobody asked for */
    int framed;                 /* HTTP says where the body ends */
} llm_head;

/* What has arrived since the last time. */
typedef struct llm_arrival {
    llm_head head;
    llm_buf bytes;              /* the caller's from here on */
    int ended;                  /* nothing more comes; `fault` says how */
    llm_fault fault;            /* LLM_OK: whole, as far as HTTP can tell */
    const char *trouble;        /* what the network said, NULL if nothing;
                                 * the exchange's */
    int client_gone;            /* the watched client hung up */
    int client_ready;           /* the watched client takes bytes again */
} llm_arrival;

/* How news is told to who waits without a thread. */
typedef void (*llm_ring_fn)(void *baton);

/* Worker. NULL without memory. `path` follows the endpoint's base URL and is
 * copied, as are `fields`: header lines of this request alone, each ended by
 * '\n', or NULL; `body` is taken over. With `whole` the engine rings only when
 * the answer begins, has ended, or the inbox is full, not for every piece. */
llm_exchange *llm_exchange_new(const llm_endpoint *endpoint, const char *path,
                               const char *fields, llm_buf *body, int whole);

/* Worker, before submit: another time to connect in than the endpoint's. */
void llm_exchange_connect_within(llm_exchange *x, apr_interval_time_t time);

/* Worker: one that asks nobody, for who waits for a moment, or for the client
 * to leave, and for nothing else. NULL without memory. */
llm_exchange *llm_exchange_new_idle(void);

/* Worker, before it is submitted: it is a GET, and sends no body. */
void llm_exchange_get(llm_exchange *x);

/* Worker: hands it to the engine. */
void llm_exchange_submit(llm_engine *engine, llm_exchange *x);

/* Worker: moves what is there into *out; 1 if there is any news since the
 * last time. Lets a paused transfer go on. */
int llm_exchange_take(llm_exchange *x, llm_arrival *out);

/* Worker: blocks until there is news or `until` has come (0: does not block);
 * 1 if news. */
int llm_exchange_wait(llm_exchange *x, apr_time_t until);

/* Worker: the next news is rung by one call of `ring`, on the engine thread,
 * which must not wait nor call anything here. 0, and nothing is armed, if
 * there is news already. `alarm`: it is also rung at that moment (to a tenth
 * of a second); 0 for never. With `client_only` what the provider sends is no
 * news: for a client that must first take what it has. */
int llm_exchange_park(llm_exchange *x, llm_ring_fn ring, void *baton,
                      apr_time_t alarm, int client_only);

/* Worker: after this nothing is rung any more. */
void llm_exchange_unpark(llm_exchange *x);

/* Worker: news when the client on descriptor `fd` hangs up and, if
 * `writable`, when it takes bytes. Again to ask again after either. */
void llm_exchange_watch(llm_exchange *x, int fd, int writable);
void llm_exchange_unwatch(llm_exchange *x);

/* Worker: what is known of the watched client, without taking anything from
 * the inbox. */
void llm_exchange_client_news(llm_exchange *x, int *gone, int *ready);

/* Worker: how often the request was sent so far. It is more than once when a
 * connection that was kept ended before it answered: libcurl then asks again
 * on another by itself. 0 where there is no network. */
int llm_exchange_sends(const llm_exchange *x);

/* Worker: the last call. Cancels what runs. */
void llm_exchange_close(llm_exchange *x);

/* Worker: the last call when all that matters has come: what still runs may
 * end by itself within a second, so that its connection can be used again. */
void llm_exchange_finish(llm_exchange *x);

/* ---- the inside; for src/upstream/ only --------------------------------- */

enum {                          /* orders from the worker to the engine */
    LLM_ORDER_SUBMIT = 1, LLM_ORDER_RESUME = 2, LLM_ORDER_CLOSE = 4,
    LLM_ORDER_FINISH = 8,
    LLM_ORDER_QUEUED = 16       /* it is in the engine's queue */
};

struct llm_exchange {
    /* set before submit, then only read */
    llm_engine *engine;
    const llm_endpoint *endpoint;
    apr_interval_time_t connect;
    char *path;
    char *fields;               /* NULL: none */
    llm_buf body;
    int whole;
    int get;

    /* both, under the lock */
    pthread_mutex_t lock;
    pthread_cond_t bell;
    llm_head head;
    llm_buf inbox;
    int ended;
    llm_fault fault;
    char *trouble;              /* what the network said; NULL: nothing */
    int client_gone, client_ready;
    int news;                   /* something came since the last take */
    int client_news;            /* the same, from the client or the clock */
    int sleeping;               /* a worker waits on the bell */
    int client_only;            /* ring the event for client_news alone */
    llm_ring_fn ring;           /* NULL, or what to call once */
    void *baton;
    int full;                   /* the transfer is paused for want of room */
    int begun;                  /* bytes have come */
    apr_time_t alarm;

    /* worker only */
    int watched;                /* -1, or the client's descriptor */
    int watched_for;            /* what epoll was asked for */

    /* both, under the lock */
    int watch_fired;            /* epoll's one shot is spent */

    /* both, without the lock */
    _Atomic unsigned orders;
    enum {                      /* sent again: on a new connection */
        LLM_FRESH_NOT, LLM_FRESH_DUE, LLM_FRESH_TRIED
    } fresh;
    _Atomic int sends;          /* of the request, on whatever connection */
    llm_exchange *next_order;   /* the engine's queue, under its lock */

    /* who drives the transfer: the engine thread, or the worker while it
     * rushes (lane.h) */
    struct llm_transfers *transfers;
    int rushing;
    void *easy;                 /* the curl handle while it runs */
    void *own_fields, *own_address;     /* curl's, of this request alone */
    void *play;                 /* the peer's conversation while it runs */
    llm_timer timer;
    llm_step step;              /* the next of the play */
    llm_exchange *next, *prev;  /* all that the engine knows */
    llm_exchange *next_rung;
    llm_exchange *next_adopted;
    int rung;                   /* stands in the list of those to ring */
    int running, closed, paused;
    int adopted;                /* it came with its lane */
    int draining;               /* the worker has finished, it has not */
    size_t drained;             /* bytes thrown away since */
    llm_head coming;            /* the head as far as it has come */
    size_t head_bytes;
};

/* Engine thread: records what came; the ringing is done by the loop. */
int llm_exchange_arrived(llm_exchange *x, const char *bytes, size_t n);
void llm_exchange_ended(llm_exchange *x, llm_fault fault, const char *trouble);
void llm_exchange_client(llm_exchange *x, int gone, int ready);
void llm_exchange_ring(llm_exchange *x);
void llm_exchange_free(llm_exchange *x);

#endif
