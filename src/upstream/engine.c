#include "engine.h"
#include "lane.h"
#include "play.h"
#include "shard.h"
#include "transfer.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#define BATCH 16                /* epoll events taken at once: a new call waits
                                 * for so many streams' pieces at most */
#define SWEEP (APR_USEC_PER_SEC / 10)   /* how exact an alarm is */
#define DRAIN APR_USEC_PER_SEC  /* how long the rest of an answer may take */
#define DRAIN_CEILING (64 * 1024)       /* and how many bytes */

/* ---- any worker --------------------------------------------------------- */

static void wake(llm_engine *engine)
{
    const uint64_t one = 1;

    if (!atomic_exchange(&engine->awake, 1)) {
        ssize_t n = write(engine->wake, &one, sizeof one);

        (void)n;
    }
}

/* A lane that was to be handed over has nobody to take it. */
static void refuse(llm_exchange *x)
{
    if (x->running) {
        llm_transfer_cancel(x);
        llm_transfers_free(x->transfers);
    }
    llm_exchange_ended(x, LLM_STOPPING, NULL);
}

/* Under the engine's lock a queued exchange is in the list exactly while
 * QUEUED is set, so it stands there once however many orders it gets. */
void llm_engine_order(llm_engine *engine, llm_exchange *x, unsigned order)
{
    int late;

    pthread_mutex_lock(&engine->lock);
    late = engine->stopped;
    if (!late) {
        unsigned before = atomic_fetch_or(&x->orders,
                                          order | LLM_ORDER_QUEUED);

        if (!(before & LLM_ORDER_QUEUED)) {
            x->next_order = engine->orders;
            engine->orders = x;
        }
    }
    pthread_mutex_unlock(&engine->lock);
    if (!late)
        wake(engine);
    else if (order & (LLM_ORDER_CLOSE | LLM_ORDER_FINISH))
        llm_exchange_free(x);
    else if (order & LLM_ORDER_SUBMIT)
        refuse(x);
}

/* ---- engine thread ------------------------------------------------------ */

void llm_engine_ring_later(llm_engine *engine, llm_exchange *x)
{
    if (x->rushing || x->rung || engine->stopped)
        return;                 /* who rushes needs no bell */
    x->rung = 1;
    x->next_rung = engine->ringing;
    engine->ringing = x;
}

static void ring_all(llm_engine *engine)
{
    llm_exchange *x;

    while ((x = engine->ringing)) {
        engine->ringing = x->next_rung;
        x->rung = 0;
        llm_exchange_ring(x);
    }
}

/* A worker that rushed hands over its lane with the running transfer. */
static void adopt(llm_engine *engine, llm_exchange *x)
{
    llm_transfers_join(x->transfers, engine);
    x->adopted = 1;
    x->next_adopted = engine->adopted;
    engine->adopted = x;
}

/* Its transfer is over, so the lane is free; `at` points to x. */
static void release(llm_engine *engine, llm_exchange **at)
{
    llm_exchange *x = *at;

    *at = x->next_adopted;
    x->adopted = 0;
    llm_lane_back(engine, x->transfers);
}

static void admit(llm_engine *engine, llm_exchange *x)
{
    x->next = engine->all;
    x->prev = NULL;
    if (x->next)
        x->next->prev = x;
    engine->all = x;
    if (!x->endpoint)
        return;                 /* it only waits */
    if (x->endpoint->peer)
        llm_play_start(engine, x);
    else if (!x->running)
        llm_transfer_start(llm_shard_for(engine, x), x);
    else
        adopt(engine, x);
}

static void cancel(llm_engine *engine, llm_exchange *x)
{
    if (!x->running)
        return;
    if (x->endpoint->peer)
        llm_play_cancel(engine, x);
    else
        llm_transfer_cancel(x);
}

static void forget(llm_engine *engine, llm_exchange *x)
{
    llm_exchange **at = &engine->adopted;

    if (x->adopted) {
        while (*at != x)
            at = &(*at)->next_adopted;
        release(engine, at);
    }
    if (x->next)
        x->next->prev = x->prev;
    if (x->prev)
        x->prev->next = x->next;
    else if (engine->all == x)
        engine->all = x->next;
}

static void obey(llm_engine *engine, llm_exchange *x, unsigned orders)
{
    if (orders & LLM_ORDER_SUBMIT)
        admit(engine, x);
    if ((orders & LLM_ORDER_FINISH) && x->running && !x->endpoint->peer) {
        x->draining = 1;
        x->alarm = engine->now + DRAIN;
        if (x->paused)
            llm_transfer_resume(x);
    }
    else if (orders & (LLM_ORDER_CLOSE | LLM_ORDER_FINISH)) {
        cancel(engine, x);
        x->closed = 1;
    }
    else if ((orders & LLM_ORDER_RESUME) && x->running) {
        if (x->endpoint->peer)
            llm_play_resume(engine, x);
        else
            llm_transfer_resume(x);
    }
}

static void bury(llm_engine *engine, llm_exchange *x)
{
    forget(engine, x);
    llm_exchange_free(x);
}

/* Takes the whole queue; the oldest order is obeyed first. What was closed
 * is freed here, at the head of a round, when no event or bell of the round
 * before can point to it any more. */
static void take_orders(llm_engine *engine)
{
    llm_exchange *queue, *x, *oldest = NULL;

    atomic_store(&engine->awake, 1);
    pthread_mutex_lock(&engine->lock);
    queue = engine->orders;
    engine->orders = NULL;
    while ((x = queue)) {
        queue = x->next_order;
        x->next_order = oldest;
        oldest = x;
    }
    pthread_mutex_unlock(&engine->lock);
    while ((x = oldest)) {
        oldest = x->next_order;
        obey(engine, x, atomic_exchange(&x->orders, 0));
        if (x->closed && !x->rung)
            bury(engine, x);
        else if (x->closed)
            llm_engine_order(engine, x, LLM_ORDER_CLOSE);
    }
}

/* Alarms are far away and many, and nearly none ever rings: looking at each
 * ten times a second costs less than keeping them sorted. */
static void look_at(llm_engine *engine, llm_exchange *x)
{
    pthread_mutex_lock(&x->lock);
    if (x->alarm && x->alarm <= engine->now) {
        x->alarm = 0;
        x->news = x->client_news = 1;
        llm_engine_ring_later(engine, x);
    }
    pthread_mutex_unlock(&x->lock);
}

static void sweep(llm_engine *engine)
{
    llm_exchange *x, *next;

    if (engine->now - engine->swept < SWEEP)
        return;
    engine->swept = engine->now;
    for (x = engine->all; x; x = next) {
        next = x->next;
        if (!x->draining)
            look_at(engine, x);
        else if (!x->running || x->alarm <= engine->now
                 || x->drained > DRAIN_CEILING) {
            cancel(engine, x);
            if (!x->rung)
                bury(engine, x);
        }
    }
    llm_shards_tidy(engine);
}

static int patience(const llm_engine *engine)
{
    apr_time_t next = llm_timer_next(&engine->timers);
    apr_time_t now = apr_time_now(), wait = 60 * APR_USEC_PER_SEC;

    if (engine->transfers_wait >= 0 && engine->transfers_wait < wait)
        wait = engine->transfers_wait;
    if (engine->all && wait > SWEEP)
        wait = SWEEP;
    if (next && next - now < wait)
        wait = next > now ? next - now : 0;
    return (int)((wait + 999) / 1000);
}

static void serve(llm_engine *engine, const struct epoll_event *event)
{
    uint64_t who = event->data.u64;
    uint64_t count;

    switch (who & 3) {
    case LLM_FOR_CLIENT:
        llm_exchange_client((llm_exchange *)(uintptr_t)(who & ~3ULL),
                            !!(event->events & (EPOLLRDHUP | EPOLLHUP
                                                | EPOLLERR)),
                            !!(event->events & EPOLLOUT));
        break;
    case LLM_FOR_SOCKET:
        llm_transfers_event(who, event->events);
        break;
    default:
        if (read(engine->wake, &count, sizeof count) < 0)
            return;
    }
}

static void run_timers(llm_engine *engine)
{
    llm_timer *timer;

    while ((timer = llm_timer_due(&engine->timers, engine->now)))
        llm_play_due(engine, timer->owner);
}

/* curl's timers; *wait shrinks to the next of them. Lanes whose transfer has
 * ended go back before their exchange can be freed. */
static void run_transfers(llm_engine *engine, apr_interval_time_t *wait)
{
    llm_exchange **at = &engine->adopted, *x;
    apr_interval_time_t next;

    *wait = llm_shards_round(engine);
    while ((x = *at)) {
        next = llm_transfers_round(x->transfers, engine->now);
        if (next >= 0 && (*wait < 0 || next < *wait))
            *wait = next;
        if (x->running)
            at = &x->next_adopted;
        else
            release(engine, at);
    }
}

/* `awake` is cleared before the queue is looked at a last time: an order
 * that comes after that look finds it clear and writes to `wake`. */
static int must_wait(llm_engine *engine)
{
    int empty;

    atomic_store(&engine->awake, 0);
    pthread_mutex_lock(&engine->lock);
    empty = !engine->orders;
    pthread_mutex_unlock(&engine->lock);
    return empty && !engine->more && !atomic_load(&engine->stopping);
}

static void round_of(llm_engine *engine)
{
    struct epoll_event events[BATCH];
    int n, i;

    n = epoll_wait(engine->poll, events, BATCH,
                   must_wait(engine) ? patience(engine) : 0);
    engine->now = apr_time_now();
    for (i = 0; i < n; i++)
        serve(engine, &events[i]);
    take_orders(engine);
    run_timers(engine);
    run_transfers(engine, &engine->transfers_wait);
    sweep(engine);
    ring_all(engine);
    engine->more = engine->after && engine->after();
}

/* Orders that come when the thread is about to end. Under the lock, so that
 * no worker frees what is being rung. */
static void obey_late(llm_engine *engine)
{
    llm_exchange *x;

    while ((x = engine->orders)) {
        unsigned orders = atomic_exchange(&x->orders, 0);

        engine->orders = x->next_order;
        if (orders & LLM_ORDER_SUBMIT)
            refuse(x);
        if (orders & (LLM_ORDER_CLOSE | LLM_ORDER_FINISH))
            llm_exchange_free(x);
        else
            llm_exchange_ring(x);
    }
}

/* Nothing is left running, and lanes have gone back, before any worker can
 * know: what it then closes is freed. Whoever waits, for whatever, is rung:
 * no alarm will. */
static void wind_up(llm_engine *engine)
{
    llm_exchange *x, *next;

    take_orders(engine);
    ring_all(engine);
    for (x = engine->all; x; x = next) {
        next = x->next;
        cancel(engine, x);
        if (x->draining)
            bury(engine, x);
    }
    run_transfers(engine, &engine->transfers_wait);
    for (x = engine->all; x; x = x->next) {
        if (!x->ended)
            llm_exchange_ended(x, LLM_STOPPING, NULL);
        llm_exchange_client(x, 0, 0);
    }
    ring_all(engine);
    pthread_mutex_lock(&engine->lock);
    engine->stopped = 1;
    obey_late(engine);
    pthread_mutex_unlock(&engine->lock);
}

static void *run(void *data)
{
    llm_engine *engine = data;

    llm_transfers_join(engine->shards[0].transfers, engine);
    while (!atomic_load(&engine->stopping))
        round_of(engine);
    wind_up(engine);
    llm_lanes_free(engine);
    llm_shards_free(engine);
    return NULL;
}

/* ---- child's main thread ------------------------------------------------ */

static int open_descriptors(llm_engine *engine)
{
    struct epoll_event on_wake = { EPOLLIN, { .u64 = LLM_FOR_WAKE } };

    engine->poll = epoll_create1(EPOLL_CLOEXEC);
    engine->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return engine->poll >= 0 && engine->wake >= 0
        && !epoll_ctl(engine->poll, EPOLL_CTL_ADD, engine->wake, &on_wake);
}

/* The thread takes no signals: they are httpd's. */
static int start_thread(llm_engine *engine)
{
    sigset_t all, before;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&engine->thread, NULL, run, engine);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return !rc;
}

llm_engine *llm_engine_start(int endpoints, int (*after)(void),
                             const char **why)
{
    llm_engine *engine = calloc(1, sizeof *engine);

    if (!engine) {
        *why = "no memory";
        return NULL;
    }
    pthread_mutex_init(&engine->lock, NULL);
    engine->poll = engine->wake = -1;
    engine->endpoints = endpoints;
    engine->after = after;
    engine->now = apr_time_now();
    if (!open_descriptors(engine))
        *why = strerror(errno);
    else if (!llm_transfers_prepare() || !llm_shards_make(engine))
        *why = "libcurl could not be initialised";
    else if (!start_thread(engine))
        *why = "no thread";
    else
        return engine;
    llm_shards_free(engine);
    engine->stopped = 1;
    llm_engine_free(engine);
    return NULL;
}

void llm_engine_stop(llm_engine *engine)
{
    atomic_store(&engine->stopping, 1);
    atomic_store(&engine->awake, 0);
    wake(engine);
    pthread_join(engine->thread, NULL);
}

void llm_engine_free(llm_engine *engine)
{
    if (engine->poll >= 0)
        close(engine->poll);
    if (engine->wake >= 0)
        close(engine->wake);
    llm_timers_free(&engine->timers);
    pthread_mutex_destroy(&engine->lock);
    free(engine);
}
