/* A worker's side of the engine: exchanges asked, taken and awaited, never
 * for longer than a bound. Included by the tests of src/upstream.
 */
#ifndef LLM_RIG_H
#define LLM_RIG_H

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/eventfd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "../../src/upstream/engine.h"
#include "../tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define BOUND (20 * APR_USEC_PER_SEC)   /* nothing takes so long */
#define ENDPOINTS 4

/* What came of one exchange. */
typedef struct result {
    llm_head head;
    llm_buf bytes;
    size_t largest;             /* bytes taken at once */
    int takes, ended, gone, ready;
    llm_fault fault;
    char trouble[160];
} result;

static llm_engine *engine;

TAP_UNUSED
static void start_engine(void)
{
    const char *why = NULL;

    engine = llm_engine_start(ENDPOINTS, NULL, &why);
    if (!engine) {
        printf("# no engine: %s\n", why);
        exit(2);
    }
}

TAP_UNUSED
static void end_engine(void)
{
    llm_engine_stop(engine);
    llm_engine_free(engine);
    engine = NULL;
}

static llm_exchange *make_at(const llm_endpoint *endpoint, const char *path,
                             const char *body, int whole)
{
    llm_exchange *x;
    llm_buf copy;

    llm_buf_init(&copy, 64 << 20);
    llm_buf_puts(&copy, body);
    x = llm_exchange_new(endpoint, path, NULL, &copy, whole);
    if (!x)
        exit(2);
    return x;
}

TAP_UNUSED
static llm_exchange *make(const llm_endpoint *endpoint, const char *body,
                          int whole)
{
    return make_at(endpoint, "/path", body, whole);
}

TAP_UNUSED
static llm_exchange *submit(const llm_endpoint *endpoint, const char *body,
                            int whole)
{
    llm_exchange *const x = make(endpoint, body, whole);

    llm_exchange_submit(engine, x);
    return x;
}

/* Takes what is there; 1 if that was news. */
TAP_UNUSED
static int take(llm_exchange *x, result *to)
{
    llm_arrival what;
    const int news = llm_exchange_take(x, &what);

    to->takes++;
    to->head = what.head;
    to->ended = what.ended;
    to->fault = what.fault;
    to->gone |= what.client_gone;
    to->ready |= what.client_ready;
    snprintf(to->trouble, sizeof to->trouble, "%s",
             what.trouble ? what.trouble : "");
    if (what.bytes.len > to->largest)
        to->largest = what.bytes.len;
    llm_buf_add(&to->bytes, what.bytes.data, what.bytes.len);
    llm_buf_free(&what.bytes);
    return news;
}

TAP_UNUSED
static void clear(result *to)
{
    memset(to, 0, sizeof *to);
    llm_buf_init(&to->bytes, 64 << 20);
}

/* Waits for news; 0 if none came within the bound. */
TAP_UNUSED
static int await_news(llm_exchange *x)
{
    return llm_exchange_wait(x, apr_time_now() + BOUND);
}

TAP_UNUSED
static int await_end(llm_exchange *x, result *to)
{
    while (!to->ended && await_news(x))
        take(x, to);
    return to->ended;
}

TAP_UNUSED
static int has(const result *r, const char *text)
{
    return r->bytes.len == strlen(text)
        && !memcmp(r->bytes.data ? r->bytes.data : "", text, r->bytes.len);
}

/* --- parking ------------------------------------------------------------- */

TAP_UNUSED
static int new_event(void)
{
    const int event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

    if (event < 0)
        exit(2);
    return event;
}

static void ring_event(void *baton)
{
    const uint64_t one = 1;

    if (write(*(const int *)baton, &one, sizeof one) != sizeof one)
        abort();
}

/* `event` must stay where it is until it was rung or unparked. */
TAP_UNUSED
static int park(llm_exchange *x, int *event, apr_time_t alarm,
                int client_only)
{
    return llm_exchange_park(x, ring_event, event, alarm, client_only);
}

/* How often it was rung since the last look. */
TAP_UNUSED
static int rung(int event)
{
    uint64_t n;

    return read(event, &n, sizeof n) == sizeof n ? (int)n : 0;
}

TAP_UNUSED
static int await_ring(int event)
{
    struct pollfd on = { event, POLLIN, 0 };

    return poll(&on, 1, (int)(BOUND / 1000)) == 1 ? rung(event) : 0;
}

#endif
