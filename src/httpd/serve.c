#include "serve.h"
#include "http_config.h"
#include "http_core.h"
#include "http_log.h"
#include "http_protocol.h"
#include "ap_expr.h"
#include "ap_mpm.h"
#include "apr_portable.h"
#include "apr_strings.h"
#include <malloc.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>
#include "../upstream/lane.h"
#include "config.h"
#include "headers.h"
#include "pump.h"
#include "shared.h"

APLOG_USE_MODULE(llm);

#define SLICE (16 * 1024)       /* sent at once to a client that can take it */
#define SPIN 200                /* an answer this quick is not slept for */
#define QUICK 2000              /* microseconds waited in the thread */
#define FAILURES 5              /* one after the other: that is no accident */
#define SAID_AGAIN apr_time_from_sec(60)        /* the same of a provider */

/* What this child has seen of an endpoint lately. */
typedef struct temper {
    _Atomic long long first_us; /* smoothed time to the first byte */
    _Atomic int said;           /* the fault that the log says it has */
    _Atomic int failures;       /* since it last answered */
    _Atomic long long said_at[LLM_FAULT_COUNT]; /* when of each, last */
} temper;

static llm_engine *engine;
static temper *tempers;         /* by endpoint number */
static _Atomic int stopping;    /* this child is about to end */
static _Atomic int lingering;   /* threads that wait though they could park */
static int threads;
static pid_t self;

/* ---- the child ---------------------------------------------------------- */

static apr_status_t stop_engine(void *data)
{
    (void)data;
    llm_engine_stop(engine);
    return APR_SUCCESS;
}

/* As many descriptors as the system allows: a call in flight needs three. */
static void raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* A long prompt's buffers are taken and given back with every call: they need
 * not go to the kernel and come back as new pages each time. */
static void keep_memory(void)
{
    mallopt(M_MMAP_THRESHOLD, 16 << 20);
    mallopt(M_TRIM_THRESHOLD, 32 << 20);
    mallopt(M_TOP_PAD, 256 << 10);
}

/* The engine's memory stays: a request that ends after it closes its
 * exchange there. The process is about to end. */
void llm_serve_child_init(apr_pool_t *pchild, server_rec *s)
{
    const char *why = NULL;

    self = getpid();
    raise_descriptors();
    keep_memory();
    llm_park_child_init();
    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    tempers = apr_pcalloc(pchild, (llm_config_endpoints() + 1)
                                  * sizeof *tempers);
    engine = llm_engine_start(llm_config_endpoints(), llm_pump_run, &why);
    if (!engine) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, "LLM0002: no engine in "
                     "this child, every call will be refused: %s", why);
        return;
    }
    apr_pool_pre_cleanup_register(pchild, NULL, stop_engine);
}

pid_t llm_serve_pid(void)
{
    return self;
}

llm_engine *llm_serve_engine(void)
{
    return engine;
}

void llm_serve_child_stopping(apr_pool_t *pchild, int graceful)
{
    (void)pchild;
    if (!graceful)
        atomic_store(&stopping, 1);
}

static temper *temper_of(const llm_serving *s)
{
    return &tempers[s->call.target->provider->endpoint->number];
}

/* ---- life of a serving -------------------------------------------------- */

/* Nothing that a provider or a client wrote: only our words, the network's and
 * a number. */
static void log_trouble(const llm_serving *s, const llm_fault_detail *detail)
{
    const llm_fault_row *row = llm_fault_of(detail->fault);
    const int own = detail->fault == LLM_REFUSED_KEY
        || detail->fault == LLM_GARBAGE;
    const int status = s->call.head.status;
    const char *code = status && status != 200
        ? apr_psprintf(s->r->pool, ", HTTP %d", status) : "";

    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, s->r, "LLM0010: provider "
                  "%s: %s (%s%s%s%s)", s->call.target->provider_name,
                  own && detail->text ? detail->text : row->text, row->word,
                  code, s->call.trouble ? ": " : "",
                  s->call.trouble ? s->call.trouble : "");
}

/* A failure now and then is nothing to look at, one after the other is. */
static int is_worth_saying(temper *seen, const llm_fault_row *row)
{
    return atomic_fetch_add(&seen->failures, 1) + 1 >= FAILURES
        || row->loudness == LLM_LOUD;
}

static void note_well(const llm_serving *s, temper *seen)
{
    int before = atomic_load(&seen->said);

    if (atomic_load(&seen->failures))
        atomic_store(&seen->failures, 0);
    if (before && atomic_compare_exchange_strong(&seen->said, &before, 0))
        ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, s->r, "LLM0011: provider "
                      "%s answers again", s->call.target->provider_name);
}

/* Of a provider that does this and that by turns each is said once in a
 * while. */
static void note_trouble(const llm_serving *s, temper *seen,
                         const llm_fault_detail *detail)
{
    long long now, then;

    if (!is_worth_saying(seen, llm_fault_of(detail->fault))
        || atomic_load(&seen->said) == (int)detail->fault)
        return;
    now = apr_time_now();
    then = atomic_load(&seen->said_at[detail->fault]);
    if ((then && now - then < SAID_AGAIN)
        || !atomic_compare_exchange_strong(&seen->said_at[detail->fault],
                                           &then, now))
        return;
    atomic_store(&seen->said, detail->fault);
    log_trouble(s, detail);
}

/* Told of every attempt, also of those that another target makes good. */
static void fared(const llm_fault_detail *detail, void *baton)
{
    llm_serving *s = baton;

    if (!detail->fault)
        note_well(s, temper_of(s));
    else if (llm_next_blames(llm_fault_of(detail->fault)->next))
        note_trouble(s, temper_of(s), detail);
}

static void settle(llm_serving *s)
{
    apr_time_t now = apr_time_now();

    if (s->call.settled)
        return;
    llm_call_settle(&s->call, now);
    llm_headers_log(s);
    if (s->call.ended_by)
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, s->r, "LLM0016: %s: provider "
                      "%s said all, and then: %s", s->request_id,
                      s->call.target->provider_name,
                      llm_fault_of(s->call.ended_by)->text);
    if (s->call.fault.fault)
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, s->r, "LLM0012: %s: call "
                      "ended with %s", s->request_id,
                      llm_fault_of(s->call.fault.fault)->word);
}

static void release(llm_serving *s)
{
    if (!s->exchange)
        return;
    if (s->call.state == LLM_CALL_ENDED && !s->call.fault.fault)
        llm_exchange_finish(s->exchange);
    else
        llm_exchange_close(s->exchange);
    s->exchange = NULL;
}

/* However a request ends, its call is settled and its exchange given back. */
static apr_status_t end(void *data)
{
    llm_serving *s = data;

    settle(s);
    release(s);
    llm_buf_free(&s->body);
    llm_buf_free(&s->out);
    free(s);
    return APR_SUCCESS;
}

static llm_park_verdict go_on(llm_parked *parked, int pumping);
static int arm(llm_parked *parked, llm_ring_fn ring, int client);
static void disarm(llm_parked *parked, int closing);

/* Another number for every call of every child. */
static uint64_t chance(void)
{
    static _Atomic uint64_t count;

    return (atomic_fetch_add(&count, 1) ^ (uint64_t)self << 32)
        * 0x9e3779b97f4a7c15u;
}

/* A target's condition may ask for the call's own numbers by %{ENV:...}. */
static int may(const void *when, void *baton)
{
    llm_serving *s = baton;
    const char *wrong = NULL;
    int rc;

    apr_table_setn(s->r->subprocess_env, "LLM_MODEL", s->call.request.model);
    apr_table_setn(s->r->subprocess_env, "LLM_BYTES_IN",
                   apr_psprintf(s->r->pool, "%" APR_SIZE_T_FMT,
                                s->call.request.body.len));
    rc = ap_expr_exec(s->r, when, &wrong);
    if (wrong)
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, s->r, "LLM0013: when= of "
                      "model %s: %s", s->call.model->name, wrong);
    return rc > 0;
}

llm_serving *llm_serve_begin(request_rec *r, const llm_face *face)
{
    const llm_meter *meter = llm_shared_meter();
    llm_serving *s;

    if (!engine || !meter)
        return NULL;
    s = calloc(1, sizeof *s);   /* in the pool it would cost a block more */
    if (!s)
        return NULL;
    s->parked.r = s->r = r;
    s->parked.go_on = go_on;
    s->parked.arm = arm;
    s->parked.disarm = disarm;
    s->limits = llm_config_limits(r);
    s->limits.may = may;
    s->limits.fared = fared;
    s->limits.baton = s;
    s->limits.random = chance();
    s->can_park = llm_park_can(r);
    s->request_id = llm_headers_request_id(r);
    s->call.pool = r->pool;
    s->call.face = *face;
    s->call.face.id = s->request_id;
    s->call.meter = meter;
    s->call.limits = &s->limits;
    s->call.customer = r->user ? r->user : "-";
    s->call.child = llm_shared_child();
    llm_buf_init(&s->body, llm_config_max_body(r));
    llm_call_begin(&s->call, r->request_time);
    apr_pool_cleanup_register(r->pool, s, end, apr_pool_cleanup_null);
    return s;
}

/* ---- quick providers ---------------------------------------------------- */

/* A smoothed time; what took too long to be waited for counts at once. */
static void learn(llm_serving *s, apr_interval_time_t took)
{
    temper *seen = temper_of(s);
    long long before = atomic_load(&seen->first_us);

    atomic_store(&seen->first_us,
                 before && took < QUICK ? before + (took - before) / 8
                                        : took);
}

/* A provider as quick as a cache answers before parking would be done. As
 * long as few threads do so, waiting a moment in this one is the better
 * bargain. */
static int is_quick(const llm_serving *s)
{
    if (s->call.last)
        return s->gap < QUICK;
    return atomic_load(&temper_of(s)->first_us) < QUICK;
}

/* 1 if this thread may; stop_lingering must follow in either case. Where a
 * call cannot be parked its thread waits in any case. */
static int linger(const llm_serving *s)
{
    int others = atomic_fetch_add(&lingering, 1);

    return !s->pumping && (others < threads / 2 || !s->can_park);
}

static void stop_lingering(void)
{
    atomic_fetch_sub(&lingering, 1);
}

/* As long as an answer usually takes, and half as long again; what takes
 * longer than that is slept for, and so is everything when this is not the
 * only call that hurries: then there is other work for the core. */
static apr_interval_time_t spin_for(const llm_serving *s)
{
    long long usual = atomic_load(&temper_of(s)->first_us);

    if (!usual || usual >= SPIN || atomic_load(&lingering) > 1)
        return 0;
    return usual + usual / 2;
}

/* A whole answer that may come at once is worth the short way. */
static void submit(llm_serving *s)
{
    int quick = is_quick(s) && !s->call.request.stream;

    if (quick && linger(s)) {
        llm_lane_rush(engine, s->exchange, QUICK, spin_for(s));
        if (apr_time_now() - s->call.asked >= QUICK)
            learn(s, QUICK);
    }
    else {
        llm_exchange_submit(engine, s->exchange);
    }
    if (quick)
        stop_lingering();
}

/* ---- asking ------------------------------------------------------------- */

static void ask(llm_serving *s)
{
    llm_call *call = &s->call;
    apr_time_t now = apr_time_now();

    if (s->exchange)
        llm_exchange_close(s->exchange);
    s->resting = 0;
    s->exchange = llm_exchange_new(call->endpoint,
                                   llm_call_path(call),
                                   llm_call_fields(call),
                                   &call->body,
                                   !call->request.stream);
    if (!s->exchange) {
        const llm_fault_detail detail = { .fault = LLM_INTERNAL };

        llm_call_refuse(call, &detail, now);
        return;
    }
    llm_exchange_connect_within(s->exchange, call->times.connect);
    llm_call_was_asked(call, now);
    submit(s);
}

/* ---- waiting ------------------------------------------------------------ */

/* That is no attempt of the call's, yet the provider may have seen it. */
static void note_sends(const llm_serving *s)
{
    const int sends = llm_exchange_sends(s->exchange);

    if (sends > 1)
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, s->r, "LLM0017: %s-%d: sent "
                      "%d times to provider %s, whose kept connection ended "
                      "without an answer", s->request_id, s->call.attempt,
                      sends, s->call.target->provider_name);
}

static void take(llm_serving *s)
{
    llm_arrival arrival;
    apr_time_t now = apr_time_now();

    llm_exchange_take(s->exchange, &arrival);
    if (!s->call.head.status && (arrival.head.status || arrival.ended))
        note_sends(s);
    if (s->call.last)
        s->gap = now - s->call.last;
    else if (arrival.head.status || arrival.ended)
        learn(s, now - s->call.asked);
    llm_call_arrived(&s->call, &arrival, now);
    if (s->call.fault.fault == LLM_CLIENT_GONE)
        s->r->connection->aborted = 1;
}

static int wait_a_moment(llm_serving *s)
{
    int news = llm_exchange_wait(s->exchange, 0);

    if (news || !is_quick(s))
        return news;
    if (linger(s))
        news = llm_exchange_wait(s->exchange, apr_time_now() + QUICK);
    stop_lingering();
    return news;
}

/* The client gets an answer if it has not got any of one yet. */
static void stop_call(llm_serving *s)
{
    const llm_fault_detail detail = { .fault = LLM_STOPPING };

    if (s->call.committed)
        llm_call_abandon(&s->call, LLM_STOPPING, apr_time_now());
    else
        llm_call_refuse(&s->call, &detail, apr_time_now());
}

/* Without parking: until there is news, looking up now and then, for an
 * HTTP/2 stream has no descriptor that tells when its client has left, and
 * nothing tells when httpd stops. */
static void wait_in_thread(llm_serving *s)
{
    int fd = llm_park_client(s->r->connection);
    apr_time_t deadline = llm_call_deadline(&s->call), now, until;

    if (fd >= 0)
        llm_exchange_watch(s->exchange, fd, 0);
    for (;;) {
        now = apr_time_now();
        until = now + APR_USEC_PER_SEC;
        if (llm_exchange_wait(s->exchange, until < deadline ? until : deadline)
            || apr_time_now() >= deadline)
            return;
        if (atomic_load(&stopping)) {
            stop_call(s);
            return;
        }
        if (s->r->connection->aborted) {
            llm_call_abandon(&s->call, LLM_CLIENT_GONE, now);
            return;
        }
    }
}

/* A call that rests between two attempts has nobody who would ring. */
static void begin_rest(llm_serving *s)
{
    llm_exchange_close(s->exchange);
    s->exchange = llm_exchange_new_idle();
    if (s->exchange)
        llm_exchange_submit(engine, s->exchange);
    else
        llm_call_abandon(&s->call, LLM_INTERNAL, apr_time_now());
    s->resting = 1;
}

/* 0 when the call must be parked. */
static int wait_for_news(llm_serving *s)
{
    if (s->call.state == LLM_CALL_RESTING && !s->resting)
        begin_rest(s);
    if (!s->exchange)
        return 1;
    if (!wait_a_moment(s)) {
        if (s->can_park)
            return 0;
        wait_in_thread(s);
    }
    if (s->call.state != LLM_CALL_ENDED)
        take(s);
    return 1;
}

/* ---- sending ------------------------------------------------------------ */

/* A socket that takes bytes takes a good part of its buffer, which is never
 * smaller than a slice: one look is enough for so many. */
static int is_writable(llm_serving *s)
{
    struct pollfd on = { llm_park_client(s->r->connection), POLLOUT, 0 };

    if (s->unchecked && s->unchecked < SLICE / 2)
        return 1;
    if (!poll(&on, 1, 0))
        return 0;
    s->unchecked = 0;
    return 1;
}

static void lose_client(llm_serving *s)
{
    s->r->connection->aborted = 1;
    llm_call_abandon(&s->call, LLM_CLIENT_GONE, apr_time_now());
    llm_buf_free(&s->out);
}

/* A client that takes nothing for as long as Timeout allows has left. */
static int is_stuck(llm_serving *s)
{
    int gone = 0, ready = 0;

    if (!s->blocked)
        return 0;
    llm_exchange_client_news(s->exchange, &gone, &ready);
    if (gone || apr_time_now() - s->blocked_at > s->r->server->timeout) {
        lose_client(s);
        return 1;
    }
    if (ready)
        s->blocked = 0;
    return 0;
}

static apr_bucket *bucket_of(llm_serving *s, apr_size_t n)
{
    apr_bucket_alloc_t *alloc = s->r->connection->bucket_alloc;
    llm_buf *out = &s->out;
    apr_bucket *b;

    if (s->out_at || n < out->len) {
        b = apr_bucket_heap_create(out->data + s->out_at, n, NULL, alloc);
        s->out_at += n;
        if (s->out_at == out->len)
            llm_buf_free(out);
        return b;
    }
    b = apr_bucket_heap_create(out->data, n, free, alloc);
    memset(out, 0, sizeof *out);        /* the bucket owns the bytes now */
    return b;
}

static void pass(llm_serving *s, apr_size_t n, int last)
{
    apr_bucket_alloc_t *alloc = s->r->connection->bucket_alloc;

    if (n)
        APR_BRIGADE_INSERT_TAIL(s->bb, bucket_of(s, n));
    APR_BRIGADE_INSERT_TAIL(s->bb, last ? apr_bucket_eos_create(alloc)
                                        : apr_bucket_flush_create(alloc));
    if (ap_pass_brigade(s->r->output_filters, s->bb) != APR_SUCCESS
        || s->r->connection->aborted)
        lose_client(s);
    else if (last && !s->r->connection->master)
        llm_park_flush(s->r->connection);   /* the request's memory is free
                                             * before the next is looked for */
    apr_brigade_cleanup(s->bb);
}

static void start_answer(llm_serving *s)
{
    s->bb = apr_brigade_create(s->r->pool, s->r->connection->bucket_alloc);
    llm_headers_set(s);
}

/* 0 when the client must take what it has first. A whole answer is handed
 * over at once: what its client does not take yet, the MPM keeps. */
static int deliver(llm_serving *s)
{
    int stream = s->call.state != LLM_CALL_ENDED || s->call.request.stream;
    apr_size_t left, n;
    int last;

    if (is_stuck(s))
        return 1;
    if (!s->out.len) {
        if (!s->bb)
            start_answer(s);
        llm_call_take_out(&s->call, &s->out);
        s->out_at = 0;
    }
    do {
        left = s->out.len - s->out_at;
        n = stream && s->can_park && left > SLICE ? SLICE : left;
        if (stream && s->can_park && !is_writable(s)) {
            if (!s->blocked)
                s->blocked_at = apr_time_now();
            s->blocked = 1;
            return 0;
        }
        s->blocked = 0;
        s->unchecked += n;
        last = n == left && llm_call_next(&s->call) == LLM_CALL_OVER;
        if (last)
            settle(s);          /* what a client has was counted */
        pass(s, n, last);
    } while (s->out.len);
    return 1;
}

/* ---- the loop ----------------------------------------------------------- */

static llm_park_verdict advance(llm_serving *s)
{
    for (;;) {
        if (s->out.len && !deliver(s))
            return LLM_PARK_AGAIN;
        switch (llm_call_next(&s->call)) {
        case LLM_CALL_ASK:
            ask(s);
            break;
        case LLM_CALL_WAIT:
            if (!wait_for_news(s))
                return LLM_PARK_AGAIN;
            break;
        case LLM_CALL_SEND:
            if (!deliver(s))
                return LLM_PARK_AGAIN;
            break;
        case LLM_CALL_OVER:
            settle(s);
            release(s);
            return LLM_PARK_DONE;
        }
    }
}

int llm_serve_run(llm_serving *s)
{
    if (advance(s) == LLM_PARK_DONE)
        return OK;
    s->parked.pieces = s->call.request.stream;
    llm_park_request(&s->parked);
    return SUSPENDED;
}

/* ---- parked ------------------------------------------------------------- */

static llm_park_verdict go_on(llm_parked *parked, int pumping)
{
    llm_serving *s = (llm_serving *)parked;

    s->pumping = pumping;
    if (!s->blocked && s->call.state != LLM_CALL_ENDED)
        take(s);
    return advance(s);
}

/* Before the MPM's Timeout would close the connection we look up once. */
static apr_time_t alarm_of(const llm_serving *s)
{
    apr_interval_time_t timeout = s->r->server->timeout;
    apr_time_t look, deadline;

    if (s->r->connection->base_server->timeout < timeout)
        timeout = s->r->connection->base_server->timeout;
    look = apr_time_now() + timeout / 3;
    deadline = s->blocked || s->call.state == LLM_CALL_ENDED
        ? look : llm_call_deadline(&s->call);
    return look < deadline ? look : deadline;
}

static int arm(llm_parked *parked, llm_ring_fn ring, int client)
{
    llm_serving *s = (llm_serving *)parked;

    llm_exchange_watch(s->exchange, client, s->blocked);
    return llm_exchange_park(s->exchange, ring, parked, alarm_of(s),
                             s->blocked);
}

static void disarm(llm_parked *parked, int closing)
{
    llm_serving *s = (llm_serving *)parked;

    if (!s->exchange)
        return;
    llm_exchange_unpark(s->exchange);
    if (closing)
        llm_exchange_unwatch(s->exchange);
}
