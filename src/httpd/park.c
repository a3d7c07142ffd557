#include "park.h"
#include "http_config.h"
#include "http_connection.h"
#include "http_core.h"
#include "http_log.h"
#include "http_protocol.h"
#include "http_request.h"
#include "ap_mpm.h"
#include "scoreboard.h"
#include "apr_portable.h"
#include <poll.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include "../upstream/spin.h"
#include "pump.h"

APLOG_USE_MODULE(llm);
extern module AP_MODULE_DECLARE_DATA llm_module;

/* One for each connection, in its pool. */
typedef struct llm_parking {
    llm_pumped pumped;          /* first: the pump gives it back to us */
    core_net_rec *net;          /* the core filters' */
    apr_socket_t *ours;         /* the client's descriptor once more */
    apr_socket_t *theirs;       /* the MPM's socket, lent while parked */
    apr_time_t look_at;         /* when a worker must look up */
    int nested;                 /* inside our own call of the hooks */
    int event;                  /* the eventfd; -1 until it is needed */
    int lent;                   /* the socket holds `event`, not `client` */
    int client;
    int waiting;                /* to be lent when the MPM suspends */
    int hurries;                /* its client sends one after the other */
    int served;                 /* the last request was one of ours */
    int holds;                  /* it is one of `holding` */
    llm_parked *parked;         /* what waits; NULL when nothing does */
} parking;

#define ROOM (64 * 1024)        /* of a send buffer for the pump */
#define SPIN 100                /* microseconds awake for it */
#define MOMENT 500              /* microseconds for the next request */
#define TURNS 200               /* requests in a row on one thread */

static int can_park, threads;
static _Atomic int holding;     /* connections that keep the MPM polling */

void llm_park_child_init(void)
{
    int waitio = 0, async = 0;

#ifdef AP_MPMQ_CAN_WAITIO
    if (ap_mpm_query(AP_MPMQ_CAN_WAITIO, &waitio) != APR_SUCCESS)
        waitio = 0;
#endif
    if (ap_mpm_query(AP_MPMQ_IS_ASYNC, &async) != APR_SUCCESS)
        async = 0;
    if (ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads) != APR_SUCCESS)
        threads = 0;
    can_park = waitio && async;
}

static void put(apr_socket_t **s, int fd, conn_rec *c)
{
    apr_os_sock_t os = fd;

    apr_os_sock_put(s, &os, c->pool);   /* only sets the number in **s */
}

static void ring_event(parking *p)
{
    const uint64_t one = 1;
    ssize_t n = write(p->event, &one, sizeof one);

    (void)n;                    /* an eventfd of ours cannot be full */
}

static void on_news(void *parked)
{
    ring_event(((llm_parked *)parked)->place);
}

static void on_piece(void *parked)
{
    llm_pump_push(&((llm_parked *)parked)->place->pumped);
}

/* A child of the event MPM that stops polls until it has no connection left,
 * but counts one only when a worker takes it up: while the last of them came
 * out of the queue the polling may have ended, and what is parked then is
 * never looked at again. One that was taken up before the stop, or beside
 * another that is polled for, is safe. */
static int is_polled_for(void)
{
    int state;

    return atomic_load(&holding)
        || ap_mpm_query(AP_MPMQ_MPM_STATE, &state) != APR_SUCCESS
        || state != AP_MPMQ_STOPPING;
}

/* For what is not polled for, httpd waits in the thread, whoever answers. The
 * MPM has counted the connection by now, and counts it until after `leave`. */
static void hold(conn_rec *c, parking *p)
{
    p->holds = is_polled_for();
    if (p->holds)
        atomic_fetch_add(&holding, 1);
    else
        c->clogging_input_filters = 1;
}

/* Runs with the connection's pool, after its socket is closed. Were the
 * socket still lent (the child ends), the client's descriptor is the one
 * nobody else knows. */
static apr_status_t leave(void *data)
{
    parking *p = data;

    if (p->holds)
        atomic_fetch_sub(&holding, 1);
    if (p->lent)
        close(p->client);
    else if (p->event >= 0)
        close(p->event);
    return APR_SUCCESS;
}

static void pump(llm_pumped *pumped);

static parking *parking_of(conn_rec *c)
{
    parking *p = ap_get_module_config(c->conn_config, &llm_module);

    if (!p) {
        p = apr_pcalloc(c->pool, sizeof *p);
        p->event = -1;
        p->pumped.run = pump;
        p->theirs = ap_get_conn_socket(c);
        ap_set_module_config(c->conn_config, &llm_module, p);
        apr_pool_cleanup_register(c->pool, p, leave, apr_pool_cleanup_null);
        hold(c, p);
    }
    return p;
}

int llm_park_can(request_rec *r)
{
    conn_rec *c = r->connection;
    parking *p;

    if (!can_park || c->master || !c->cs || r->main || r->prev
        || c->clogging_input_filters)
        return 0;
    p = ap_get_module_config(c->conn_config, &llm_module);
    if (!p || !p->nested)
        return 0;
    p->served = 1;
    if (p->event < 0)
        p->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return p->event >= 0;
}

void llm_park_request(llm_parked *parked)
{
    parking *p = ap_get_module_config(parked->r->connection->conn_config,
                                      &llm_module);

    p->parked = parked;
    parked->place = p;
}

static int wait_for_news(conn_rec *c, parking *p)
{
    if (c->aborted) {
        c->cs->state = CONN_STATE_LINGER;
        return OK;
    }
    p->waiting = 1;
    c->cs->state = CONN_STATE_ASYNC_WAITIO;
    c->cs->sense = CONN_SENSE_WANT_READ;
    return OK;
}

/* As the core does after a handler that did not suspend. */
static int finish(parking *p, request_rec *r)
{
    p->parked = NULL;
    p->served = 1;
    ap_finalize_request_protocol(r);
    ap_process_request_after_handler(r);        /* r is gone after this */
    return OK;
}

/* ---- the next request --------------------------------------------------- */

/* The one that writes to the network. */
static ap_filter_t *last_filter(conn_rec *c)
{
    ap_filter_t *last = c->output_filters;

    while (last->next)
        last = last->next;
    return last;
}

int llm_park_flush(conn_rec *c)
{
    ap_filter_t *last = last_filter(c);

    return last->frec->filter_func.out_func(last, NULL) == APR_SUCCESS
        && !c->data_in_output_filters;
}

/* A client that goes on at once (an agent in its loop, a batch) is served
 * without giving the thread away in between; as long as few threads wait for
 * that, and not for ever. */
static int comes_at_once(conn_rec *c, parking *p)
{
    static _Atomic int waiting;
    const struct timespec moment = { 0, MOMENT * 1000 };
    struct pollfd on = { -1, POLLIN, 0 };
    apr_os_sock_t fd;
    int ready = 0, others;

    if (c->cs->state != CONN_STATE_WRITE_COMPLETION || c->aborted
        || c->keepalive != AP_CONN_KEEPALIVE
        || apr_os_sock_get(&fd, ap_get_conn_socket(c)) || !llm_park_flush(c))
        return 0;
    if (c->data_in_input_filters)
        return 1;
    on.fd = fd;
    others = atomic_fetch_add(&waiting, 1);
    if (others < threads / 2)
        ready = llm_spin(&on, 1, p->hurries && !others ? SPIN : 0) > 0
            || ppoll(&on, 1, &moment, NULL) > 0;
    atomic_fetch_sub(&waiting, 1);
    p->hurries = ready;
    return ready;
}

static int run_hooks(conn_rec *c, parking *p)
{
    int rc;

    p->nested = 1;
    rc = ap_run_process_connection(c);
    p->nested = 0;
    return rc;
}

/* mod_status times what a worker does, and the core stops the watch at the
 * end of the request: on the slot of this worker it must have been started. */
static llm_park_verdict resume(conn_rec *c, parking *p)
{
    llm_park_verdict verdict;

    if (ap_extended_status)
        ap_time_process_request(c->sbh, START_PREQUEST);
    verdict = p->parked->go_on(p->parked, 0);
    if (ap_extended_status && verdict == LLM_PARK_AGAIN)
        ap_time_process_request(c->sbh, STOP_PREQUEST);
    return verdict;
}

int llm_park_process(conn_rec *c)
{
    parking *p;
    int rc, turns = 0;

    if (!can_park || c->master || !c->cs)
        return DECLINED;
    p = parking_of(c);
    if (p->nested)
        return DECLINED;
    p->served = 0;
    if (p->parked && resume(c, p) == LLM_PARK_AGAIN)
        return wait_for_news(c, p);
    rc = p->parked ? finish(p, p->parked->r) : run_hooks(c, p);
    while (rc == OK && p->served && !p->parked && turns++ < TURNS
           && comes_at_once(c, p)) {
        p->served = 0;
        c->cs->state = CONN_STATE_PROCESSING;
        rc = run_hooks(c, p);
    }
    if (c->cs->state == CONN_STATE_SUSPENDED && p->parked)
        return wait_for_news(c, p);
    return rc;
}

/* ---- parked ----------------------------------------------------------- */

/* Filters that only turn bytes into bytes. Any other may wait (mod_ratelimit
 * sleeps, mod_ext_filter runs a program), which the engine must not. */
static int is_prompt(const ap_filter_t *f)
{
    static const char *const prompt[] = {
        "http_header", "content_length", "byterange", "old_write", "chunk",
        "http_outerror", "fixup_headers_out", "deflate", "brotli_compress",
        "log_input_output", "ssl/tls filter", "ssl/tls coalescing filter",
        "core"
    };
    size_t i;

    for (i = 0; i < sizeof prompt / sizeof *prompt; i++)
        if (!strcasecmp(f->frec->name, prompt[i]))
            return 1;
    return 0;
}

/* A socket that is said to take bytes must take a slice of them. */
static int has_room(int fd)
{
    int room = 0;
    socklen_t n = sizeof room;

    return !getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, &n)
        && room >= ROOM;
}

static int can_pump(conn_rec *c, parking *p)
{
    const ap_filter_t *f, *last = last_filter(c);

    if (!p->parked->pieces || !has_room(p->client)
        || strcasecmp(last->frec->name, "core"))
        return 0;
    for (f = p->parked->r->output_filters; f; f = f->next)
        if (!is_prompt(f))
            return 0;
    p->net = last->ctx;
    return 1;
}

/* The socket that the core filter writes to while the MPM's is lent. It owns
 * nothing: the descriptor is the MPM's socket's to close. A write that was
 * said not to wait, and does, must not hold up the others for long. */
static void use_ours(conn_rec *c, parking *p)
{
    put(&p->ours, p->client, c);
    apr_socket_timeout_set(p->ours, apr_time_from_msec(50));
    p->net->client_socket = p->ours;
    llm_pump_allow(&p->pumped);
}

static int arm(parking *p)
{
    int pumped = p->net && p->net->client_socket == p->ours;

    return p->parked->arm(p->parked, pumped ? on_piece : on_news, p->client);
}

/* Half of what the MPM allows is for the alarm that is set last. */
static apr_interval_time_t look_after(const conn_rec *c, const request_rec *r)
{
    apr_interval_time_t timeout = r->server->timeout;

    if (c->base_server->timeout < timeout)
        timeout = c->base_server->timeout;
    return timeout / 3;
}

void llm_park_suspend(conn_rec *c, request_rec *r)
{
    parking *p = ap_get_module_config(c->conn_config, &llm_module);
    apr_os_sock_t fd;

    (void)r;
    if (!p || !p->waiting)
        return;
    p->waiting = 0;
    if (c->cs->state != CONN_STATE_ASYNC_WAITIO)
        return;                 /* the MPM closes it instead */
    apr_os_sock_get(&fd, p->theirs);
    p->client = fd;
    p->look_at = apr_time_now() + look_after(c, p->parked->r);
    put(&p->theirs, p->event, c);
    p->lent = 1;
    if (can_pump(c, p))
        use_ours(c, p);
    if (!arm(p))
        ring_event(p);
}

/* The engine's thread, while the MPM waits for the eventfd. What it does not
 * finish here a worker does. */
static void pump(llm_pumped *pumped)
{
    parking *p = (parking *)pumped;
    int turns;

    for (turns = 0; turns < 8; turns++) {
        if (p->parked->go_on(p->parked, 1) == LLM_PARK_DONE
            || apr_time_now() >= p->look_at) {
            ring_event(p);
            return;
        }
        if (arm(p))
            return;
    }
    llm_pump_push(pumped);
}

/* The MPM's socket gets the client's descriptor back; unless the MPM has
 * closed what was lent, then there is only the client's left to close. */
static void give_back(conn_rec *c, parking *p)
{
    apr_os_sock_t fd = -1;
    uint64_t count;
    ssize_t n;

    p->lent = 0;
    apr_os_sock_get(&fd, p->theirs);
    if (fd == p->event) {
        put(&p->theirs, p->client, c);
        n = read(p->event, &count, sizeof count);
        (void)n;                /* it may not have been rung */
        return;
    }
    close(p->client);
    p->event = -1;
}

void llm_park_resume(conn_rec *c, request_rec *r)
{
    parking *p = ap_get_module_config(c->conn_config, &llm_module);

    (void)r;
    if (!p || !p->lent)
        return;
    llm_pump_withdraw(&p->pumped);      /* now nobody else runs it */
    p->parked->disarm(p->parked, c->cs->state != CONN_STATE_PROCESSING);
    if (p->net)
        p->net->client_socket = p->theirs;
    give_back(c, p);
}

int llm_park_client(conn_rec *c)
{
    parking *p = ap_get_module_config(c->conn_config, &llm_module);
    apr_os_sock_t fd;

    if (c->master)
        return -1;
    if (p && p->lent)
        return p->client;
    return apr_os_sock_get(&fd, ap_get_conn_socket(c)) ? -1 : fd;
}
