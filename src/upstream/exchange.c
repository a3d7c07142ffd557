#include "engine.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/epoll.h>

#define TROUBLE_MAX 160         /* bytes of the network's words */

llm_exchange *llm_exchange_new(const llm_endpoint *endpoint, const char *path,
                               const char *fields, llm_buf *body, int whole)
{
    llm_exchange *x = calloc(1, sizeof *x);

    if (!x)
        return NULL;
    x->path = strdup(path);
    x->fields = fields ? strdup(fields) : NULL;
    if (!x->path || (fields && !x->fields)) {
        free(x->path);
        free(x);
        return NULL;
    }
    pthread_mutex_init(&x->lock, NULL);
    pthread_cond_init(&x->bell, NULL);
    x->endpoint = endpoint;
    x->whole = whole;
    x->connect = endpoint ? endpoint->times.connect : 0;
    x->watched = -1;
    x->head.retry_after_ms = -1;
    x->timer.owner = x;
    llm_buf_move(&x->body, body);
    /* One piece may still come when it is already full. */
    llm_buf_init(&x->inbox, 2 * LLM_INBOX_CEILING);
    return x;
}

void llm_exchange_connect_within(llm_exchange *x, apr_interval_time_t time)
{
    x->connect = time;
}

llm_exchange *llm_exchange_new_idle(void)
{
    llm_buf nothing;

    llm_buf_init(&nothing, 0);
    return llm_exchange_new(NULL, "", NULL, &nothing, 1);
}

/* prefork ends a child from a signal handler, which may have come while this
 * process's only worker slept in llm_exchange_wait: destroying a condition
 * waits for who sleeps on it, and nobody does anything with the memory of a
 * process that ends. */
void llm_exchange_free(llm_exchange *x)
{
    if (x->sleeping)
        return;
    pthread_cond_destroy(&x->bell);
    pthread_mutex_destroy(&x->lock);
    llm_buf_free(&x->body);
    llm_buf_free(&x->inbox);
    free(x->path);
    free(x->fields);
    free(x->trouble);
    free(x);
}

void llm_exchange_get(llm_exchange *x)
{
    x->get = 1;
}

void llm_exchange_submit(llm_engine *engine, llm_exchange *x)
{
    x->engine = engine;
    llm_engine_order(engine, x, LLM_ORDER_SUBMIT);
}

int llm_exchange_take(llm_exchange *x, llm_arrival *out)
{
    int resume, news;

    memset(out, 0, sizeof *out);
    pthread_mutex_lock(&x->lock);
    news = x->news;
    resume = x->full && !x->ended;
    x->news = x->client_news = x->full = 0;
    out->head = x->head;
    out->ended = x->ended;
    out->fault = x->fault;
    out->client_gone = x->client_gone;
    out->client_ready = x->client_ready;
    x->client_ready = 0;
    out->trouble = x->trouble;
    out->bytes = x->inbox;
    llm_buf_init(&x->inbox, 2 * LLM_INBOX_CEILING);
    pthread_mutex_unlock(&x->lock);
    if (resume)
        llm_engine_order(x->engine, x, LLM_ORDER_RESUME);
    return news;
}

int llm_exchange_wait(llm_exchange *x, apr_time_t until)
{
    struct timespec when = { until / APR_USEC_PER_SEC,
                             until % APR_USEC_PER_SEC * 1000 };
    int news, rc = !until;

    pthread_mutex_lock(&x->lock);
    x->sleeping = 1;
    while (!x->news && !rc)
        rc = pthread_cond_timedwait(&x->bell, &x->lock, &when);
    x->sleeping = 0;
    news = x->news;
    pthread_mutex_unlock(&x->lock);
    return news;
}

int llm_exchange_park(llm_exchange *x, llm_ring_fn ring, void *baton,
                      apr_time_t alarm, int client_only)
{
    int armed;

    pthread_mutex_lock(&x->lock);
    armed = client_only ? !x->client_news : !x->news;
    if (armed) {
        x->ring = ring;
        x->baton = baton;
        x->alarm = alarm;
        x->client_only = client_only;
    }
    pthread_mutex_unlock(&x->lock);
    return armed;
}

void llm_exchange_unpark(llm_exchange *x)
{
    pthread_mutex_lock(&x->lock);
    x->ring = NULL;
    x->alarm = 0;
    pthread_mutex_unlock(&x->lock);
}

static int is_watched(llm_exchange *x, int fd, int events)
{
    int fired;

    if (x->watched != fd || x->watched_for != events)
        return 0;
    pthread_mutex_lock(&x->lock);
    fired = x->watch_fired;
    pthread_mutex_unlock(&x->lock);
    return !fired;
}

/* One shot each: an event that was not acted on yet must not come again and
 * again, and what is asked for differs from time to time. */
void llm_exchange_watch(llm_exchange *x, int fd, int writable)
{
    struct epoll_event on = {
        EPOLLRDHUP | EPOLLONESHOT | (writable ? EPOLLOUT : 0),
        { .u64 = (uintptr_t)x | LLM_FOR_CLIENT }
    };

    if (is_watched(x, fd, (int)on.events))
        return;
    if (x->watched >= 0 && x->watched != fd)
        llm_exchange_unwatch(x);
    pthread_mutex_lock(&x->lock);
    x->watch_fired = 0;
    pthread_mutex_unlock(&x->lock);
    if (epoll_ctl(x->engine->poll,
                  x->watched == fd ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &on))
        return;
    x->watched = fd;
    x->watched_for = (int)on.events;
}

void llm_exchange_unwatch(llm_exchange *x)
{
    struct epoll_event none = { 0 };

    if (x->watched >= 0)
        epoll_ctl(x->engine->poll, EPOLL_CTL_DEL, x->watched, &none);
    x->watched = -1;
}

void llm_exchange_client_news(llm_exchange *x, int *gone, int *ready)
{
    pthread_mutex_lock(&x->lock);
    *gone = x->client_gone;
    *ready = x->client_ready;
    x->client_ready = x->client_news = 0;
    pthread_mutex_unlock(&x->lock);
}

int llm_exchange_sends(const llm_exchange *x)
{
    return atomic_load(&x->sends);
}

static void leave(llm_exchange *x, unsigned order)
{
    if (!x->engine) {
        llm_exchange_free(x);
        return;
    }
    llm_exchange_unwatch(x);
    llm_exchange_unpark(x);
    llm_engine_order(x->engine, x, order);
}

void llm_exchange_close(llm_exchange *x)
{
    leave(x, LLM_ORDER_CLOSE);
}

void llm_exchange_finish(llm_exchange *x)
{
    leave(x, LLM_ORDER_FINISH);
}

/* ---- engine thread ------------------------------------------------------ */

int llm_exchange_arrived(llm_exchange *x, const char *bytes, size_t n)
{
    int taken = 1, news;

    if (x->draining) {
        x->drained += n;
        return 1;
    }
    pthread_mutex_lock(&x->lock);
    if (x->full || llm_buf_add(&x->inbox, bytes, n) != LLM_OK)
        taken = 0;
    if (x->inbox.len >= LLM_INBOX_CEILING || !taken)
        x->full = 1;
    if (x->full || !x->whole || !x->begun)
        x->news = x->begun = 1;
    news = x->news;
    pthread_mutex_unlock(&x->lock);
    if (news)
        llm_engine_ring_later(x->engine, x);
    return taken;
}

void llm_exchange_ended(llm_exchange *x, llm_fault fault, const char *trouble)
{
    pthread_mutex_lock(&x->lock);
    x->ended = x->news = 1;
    x->fault = fault;
    if (trouble && !x->trouble)
        x->trouble = strndup(trouble, TROUBLE_MAX);
    pthread_mutex_unlock(&x->lock);
    llm_engine_ring_later(x->engine, x);
}

void llm_exchange_client(llm_exchange *x, int gone, int ready)
{
    pthread_mutex_lock(&x->lock);
    x->client_gone |= gone;
    x->client_ready |= ready;
    x->watch_fired = 1;
    x->news = x->client_news = 1;
    pthread_mutex_unlock(&x->lock);
    llm_engine_ring_later(x->engine, x);
}

void llm_exchange_ring(llm_exchange *x)
{
    llm_ring_fn ring;

    pthread_mutex_lock(&x->lock);
    if (x->sleeping)
        pthread_cond_signal(&x->bell);
    ring = x->ring;
    if (ring && (x->client_only ? x->client_news : x->news)) {
        x->ring = NULL;
        ring(x->baton);
    }
    pthread_mutex_unlock(&x->lock);
}
