/* Exchanges over a network, by the engine and by lanes, against a server
 * that does what it is told. */
#include <sys/epoll.h>
#include "rig.h"
#include "server.h"
#include "../../src/upstream/lane.h"
#include "../../src/upstream/shard.h"
#include "../../src/upstream/transfer.h"

#define KEY "a-secret-key"
#define MOMENT 900000           /* patience that a quick answer never needs */

static apr_pool_t *pool;
static llm_endpoint here, nobody;

static void set_endpoint(llm_endpoint *to, int number, int at)
{
    llm_endpoint_header *header;

    to->name = "server";
    to->base_url = apr_psprintf(pool, "http://127.0.0.1:%d", at);
    to->headers = apr_array_make(pool, 1, sizeof *header);
    header = apr_array_push(to->headers);
    header->name = "Authorization";
    header->before = "Bearer ";
    header->secret = llm_secret_make(KEY, strlen(KEY), pool);
    to->times.connect = 5 * APR_USEC_PER_SEC;
    to->number = number;
}

static llm_exchange *rush(const char *body, int whole,
                          apr_interval_time_t patience)
{
    llm_exchange *const x = make(&here, body, whole);

    llm_lane_rush(engine, x, patience, 0);
    return x;
}

/* By the engine, or by a lane. */
static llm_exchange *ask(const char *body, int whole, int by_lane)
{
    return by_lane ? rush(body, whole, MOMENT) : submit(&here, body, whole);
}

/* A provider without a network that answers at once. */
static void *nothing_open(const char *path, const char *body, size_t n,
                          const char *options)
{
    static int self;

    (void)path;
    (void)body;
    (void)n;
    (void)options;
    return &self;
}

static void nothing_next(void *self, llm_step *step)
{
    (void)self;
    memset(step, 0, sizeof *step);
    step->kind = LLM_STEP_END;
}

static void nothing_close(void *self)
{
    (void)self;
}

/* When this is over the engine has seen all that was there before. */
static void settle_down(void)
{
    static const llm_peer peer = { nothing_open, nothing_next, nothing_close };
    static const llm_endpoint nowhere = { .name = "nowhere", .peer = &peer };

    for (int i = 0; i < 3; i++) {
        llm_exchange *const x = submit(&nowhere, "", 0);
        result r;

        clear(&r);
        await_end(x, &r);
        llm_exchange_close(x);
    }
}

/* --- many at once -------------------------------------------------------- */

#define CROWD 300

/* In a loop of no thread: nothing is sent, but all are under way. */
static void shards(void)
{
    llm_engine *const own = calloc(1, sizeof *own);
    llm_exchange *all[CROWD];
    llm_transfers *first;

    own->poll = epoll_create1(0);
    own->endpoints = 2;
    own->now = apr_time_now();
    ok(llm_shards_make(own), "there is one loop of curl's at first");
    first = own->shards[0].transfers;
    llm_transfers_join(first, own);
    for (int i = 0; i < CROWD; i++) {
        all[i] = make(&here, "hang", 1);
        all[i]->engine = own;
        llm_transfer_start(llm_shard_for(own, all[i]), all[i]);
    }
    is_int(own->made_shards, 3, "300 transfers are in three");
    ok(llm_transfers_busy(first) <= 128, "no one has too many");
    llm_transfer_cancel(all[0]);
    ok(llm_shard_for(own, all[0]) == first, "the first with room is taken");
    own->now += 100 * APR_USEC_PER_SEC;
    llm_shards_tidy(own);
    is_int(own->made_shards, 3, "what is used is kept");
    for (int i = 1; i < CROWD; i++)
        llm_transfer_cancel(all[i]);
    own->now += 59 * APR_USEC_PER_SEC;
    llm_shards_tidy(own);
    is_int(own->made_shards, 3, "and what was used a moment ago");
    own->now += 2 * APR_USEC_PER_SEC;
    llm_shards_tidy(own);
    is_int(own->made_shards, 1, "what is idle is given back");
    for (int i = 0; i < CROWD; i++)
        llm_exchange_free(all[i]);
    llm_shards_free(own);
    close(own->poll);
    free(own);
}

/* After many(): curl would try all the kept connections. */
static void sent_again(void)
{
    llm_exchange *const x = submit(&here, "reset", 1);
    result r;

    clear(&r);
    await_end(x, &r);
    is_int(r.fault, LLM_RESET, "reset on a kept connection");
    is_int(llm_exchange_sends(x), 2, "it is sent once more, and no more");
    llm_exchange_close(x);
    llm_buf_free(&r.bytes);
}

/* --- what arrives -------------------------------------------------------- */

static void arrives(void)
{
    static const struct {
        const char *body;
        llm_fault fault;
        int status, framed;
        const char *type, *bytes;
    } cases[] = {
        { "whole", LLM_OK, 200, 1, "application/json", "{\"a\":1}" },
        { "chunked", LLM_OK, 200, 1, "text/event-stream", "one,two,three" },
        { "to the end", LLM_OK, 200, 0, "", "all of it" },
        { "interim", LLM_OK, 200, 1, "application/json", "{\"a\":1}" },
        { "error", LLM_OK, 500, 1, "", "oops" },
        { "early", LLM_CUT, 200, 1, "", "half" },
        { "half chunk", LLM_CUT, 200, 1, "text/event-stream", NULL },
        { "no last chunk", LLM_CUT, 200, 1, "text/event-stream", "half" },
        { "reset", LLM_RESET, 0, 0, "", "" },
        { "nothing", LLM_RESET, 0, 0, "", "" },
        { "garbage", LLM_GARBAGE, 0, 0, "", "" },
    };
    llm_exchange *x;
    result r;

    for (size_t i = 0; i < COUNT(cases) * 4; i++) {
        const int whole = (int)(i & 1), by_lane = (int)(i >> 1 & 1);

        x = ask(cases[i / 4].body, whole, by_lane);
        clear(&r);
        ok(await_end(x, &r), "'%s' by %s", cases[i / 4].body,
           by_lane ? "a lane" : "the engine");
        is_int(r.fault, cases[i / 4].fault, "its end");
        is_int(r.head.status, cases[i / 4].status, "its status");
        is_int(!!r.head.framed, cases[i / 4].framed, "whether it is framed");
        is_str(r.head.type, cases[i / 4].type, "its type");
        ok(!cases[i / 4].bytes || has(&r, cases[i / 4].bytes),
           "all its bytes");
        ok(!r.fault == !*r.trouble, "what the network said: '%s'", r.trouble);
        if (whole)
            ok(r.takes <= 2, "told of its beginning and its end");
        llm_exchange_close(x);
        llm_buf_free(&r.bytes);
    }
}

/* Half a head is none, however its connection ends. */
static void bad_heads(void)
{
    static const char *const bodies[] = { "half head", "huge" };
    result r;

    for (size_t i = 0; i < COUNT(bodies) * 2; i++) {
        llm_exchange *const x = ask(bodies[i / 2], 0, (int)(i % 2));

        clear(&r);
        ok(await_end(x, &r), "'%s' has an end", bodies[i / 2]);
        ok(r.fault == LLM_GARBAGE || r.fault == LLM_RESET
           || r.fault == LLM_CUT, "a bad one: %s",
           llm_fault_of(r.fault)->word);
        is_int(r.head.status, 0, "and no head");
        is_int(r.bytes.len, 0, "nor a body");
        llm_exchange_close(x);
        llm_buf_free(&r.bytes);
    }
}

static void refused(void)
{
    result r;

    for (int by_lane = 0; by_lane < 2; by_lane++) {
        llm_exchange *const x = make(&nobody, "whole", 1);

        clear(&r);
        if (by_lane)
            llm_lane_rush(engine, x, MOMENT, 0);
        else
            llm_exchange_submit(engine, x);
        ok(await_end(x, &r), "nobody listens");
        is_int(r.fault, LLM_UNREACHABLE, "unreachable");
        ok(*r.trouble, "because: %s", r.trouble);
        llm_exchange_close(x);
    }
}

/* What the server is sent, and what else it says. */
static void fields(void)
{
    llm_exchange *x = submit(&here, "echo", 1);
    const char *head;
    result r;

    clear(&r);
    await_end(x, &r);
    head = apr_pstrmemdup(pool, r.bytes.data, r.bytes.len);
    ok(!strncmp(head, "POST /path HTTP/1.1\r\n", 21), "a POST to the path");
    ok(strstr(head, "\r\nAuthorization: Bearer " KEY "\r\n") != NULL,
       "with the key");
    ok(strstr(head, "\r\nContent-Type: application/json\r\n") != NULL
       && strstr(head, "\r\nContent-Length: 4\r\n") != NULL,
       "JSON of that length");
    ok(!strcasestr(head, "\r\nExpect:"), "nothing is expected");
    ok(!strcasestr(head, "\r\nAccept-Encoding:"), "nor asked to be packed");
    llm_exchange_close(x);
    llm_buf_free(&r.bytes);

    x = submit(&here, "fields", 1);
    clear(&r);
    await_end(x, &r);
    is_str(r.head.request_id, "id-1", "the provider's id");
    is_int(r.head.retry_after_ms, 2000, "its wait");
    ok(r.head.encoded, "its unasked encoding");
    llm_exchange_close(x);
    llm_buf_free(&r.bytes);
}

/* A head is only seen when it is whole. */
static void late_head(void)
{
    llm_exchange *const x = submit(&here, "late head", 0);
    result r;

    clear(&r);
    ok(sem_bounded(&at_gate), "half a head was sent");
    settle_down();
    take(x, &r);
    is_int(r.head.status, 0, "half a head is not seen");
    sem_post(&gate);
    ok(await_end(x, &r), "the rest comes");
    is_str(r.head.type, "application/json", "with all its fields");
    ok(has(&r, "{}"), "and the body");
    llm_exchange_close(x);
    llm_buf_free(&r.bytes);
}

/* --- connections --------------------------------------------------------- */

static void reuse(void)
{
    for (int by_lane = 0; by_lane < 2; by_lane++) {
        int before = 0, good = 0;

        for (int i = 0; i < 20; i++) {
            llm_exchange *const x = ask(i % 2 ? "chunked" : "whole", i % 3,
                                        by_lane);
            result r;

            clear(&r);
            if (!i)
                before = accepted;
            await_end(x, &r);
            if (!i)
                before = accepted;
            good += has(&r, i % 2 ? "one,two,three" : "{\"a\":1}");
            llm_buf_free(&r.bytes);
            if (i & 4)
                llm_exchange_close(x);
            else
                llm_exchange_finish(x);
        }
        is_int(good, 20, "twenty answers by %s", by_lane ? "a lane"
                                                         : "the engine");
        is_int(accepted - before, 0, "over one connection");
    }
}

static void many(void)
{
    enum { MANY = 60 };
    llm_exchange *x[MANY];
    int good = 0;
    result r;

    for (int i = 0; i < MANY; i++)
        x[i] = submit(&here, i % 2 ? "chunked" : "whole", i % 3 == 0);
    for (int i = 0; i < MANY; i++) {
        clear(&r);
        await_end(x[i], &r);
        good += has(&r, i % 2 ? "one,two,three" : "{\"a\":1}");
        llm_buf_free(&r.bytes);
        llm_exchange_close(x[i]);
    }
    is_int(good, MANY, "each of many has its own answer");
}

static int paths_due;
static sem_t in_round, go_on;

static int hold_round(void)
{
    if (__atomic_load_n(&paths_due, __ATOMIC_SEQ_CST)) {
        sem_post(&in_round);
        sem_bounded(&go_on);
    }
    return 0;
}

/* A GET, and the POST after it, which gets the same handle. */
static void gets(void)
{
    const char *head;
    result r;

    for (int i = 0; i < 4; i++) {
        llm_exchange *x = make_at(&here, "/models", i & 1 ? "echo" : "", 1);

        if (!(i & 1))
            llm_exchange_get(x);
        llm_exchange_submit(engine, x);
        clear(&r);
        await_end(x, &r);
        head = apr_pstrmemdup(pool, r.bytes.data, r.bytes.len);
        if (i & 1)
            ok(!strncmp(head, "POST /models HTTP/1.1\r\n", 23), "a POST");
        else
            ok(!strncmp(head, "GET /models HTTP/1.1\r\n", 22)
               && strstr(head, "\r\nAuthorization: Bearer " KEY "\r\n")
               && !strcasestr(head, "\r\nContent-Length:"),
               "a GET with the key, without a body");
        llm_exchange_close(x);
        llm_buf_free(&r.bytes);
    }
}

/* Several of one endpoint that differ in their path, in one round. */
static void paths(void)
{
    static const char *const names[] = { "/path/a", "/b", "/path/a", "/c" };
    llm_exchange *x[COUNT(names)];
    const char *why;
    result r;

    end_engine();
    sem_init(&in_round, 0, 0);
    sem_init(&go_on, 0, 0);
    engine = llm_engine_start(ENDPOINTS, hold_round, &why);
    __atomic_store_n(&paths_due, 1, __ATOMIC_SEQ_CST);
    x[0] = make_at(&here, "/", "whole", 0);
    llm_exchange_submit(engine, x[0]);
    sem_bounded(&in_round);
    __atomic_store_n(&paths_due, 0, __ATOMIC_SEQ_CST);
    llm_exchange_close(x[0]);
    for (size_t i = 0; i < COUNT(names); i++) {
        x[i] = make_at(&here, names[i], "echo", 0);
        llm_exchange_submit(engine, x[i]);
    }
    sem_post(&go_on);
    for (size_t i = 0; i < COUNT(names); i++) {
        const char *const want = apr_pstrcat(pool, "POST ", names[i],
                                             " HTTP/1.1", NULL);

        clear(&r);
        await_end(x[i], &r);
        ok(r.bytes.len > strlen(want)
           && !memcmp(r.bytes.data, want, strlen(want)),
           "%s is asked at its path", names[i]);
        llm_buf_free(&r.bytes);
        llm_exchange_close(x[i]);
    }
}

/* --- lanes --------------------------------------------------------------- */

/* A lane whose patience ends goes to the engine with what has come, and is
 * there for the next when it has ended. */
static void hand_over(void)
{
    int before = accepted;
    result r;

    for (int i = 0; i < 6; i++) {
        const int whole = i & 1;
        llm_exchange *const x = rush("gate", whole, 5000);

        clear(&r);
        ok(sem_bounded(&at_gate), "an answer that does not come at once");
        if (!whole)
            ok(await_news(x) && take(x, &r) && !r.ended, "comes in parts");
        sem_post(&gate);
        ok(await_end(x, &r), "its end comes by the engine");
        ok(has(&r, "one,two") && !r.fault, "with all that came before");
        llm_exchange_close(x);
        llm_buf_free(&r.bytes);
        settle_down();
        if (!i)
            before = accepted;
    }
    is_int(accepted - before, 0, "the lane comes back with its connection");
}

static void hand_over_and_close(void)
{
    const int before = hung_up;

    for (int i = 0; i < 3; i++) {
        llm_exchange *const x = rush("silent", 1, i * 1000);

        if (i == 2)
            settle_down();
        llm_exchange_close(x);
    }
    for (int i = 0; hung_up - before < 3 && i < 20000; i++)
        usleep(1000);
    is_int(hung_up - before, 3, "who was handed over can be closed");
}

static void *rusher(void *data)
{
    const intptr_t who = (intptr_t)data;
    intptr_t good = 0;
    result r;

    for (int i = 0; i < 40; i++) {
        llm_exchange *const x = rush(i % 3 ? "whole" : "chunked", i & 1,
                                     (who * 7 + i * 13) % 400);

        clear(&r);
        await_end(x, &r);
        good += has(&r, i % 3 ? "{\"a\":1}" : "one,two,three");
        llm_buf_free(&r.bytes);
        llm_exchange_finish(x);
    }
    return (void *)good;
}

static void many_rush(void)
{
    pthread_t thread[4];
    intptr_t good = 0;
    void *part;

    for (intptr_t i = 0; i < 4; i++)
        if (pthread_create(&thread[i], NULL, rusher, (void *)i))
            exit(2);
    for (int i = 0; i < 4; i++) {
        pthread_join(thread[i], &part);
        good += (intptr_t)part;
    }
    is_int(good, 160, "many rush, with any patience");
}

/* --- slow readers -------------------------------------------------------- */

static int is_big(const result *r)
{
    if (r->bytes.len != BIG)
        return 0;
    for (size_t i = 0; i < BIG; i++)
        if (r->bytes.data[i] != big_byte(i))
            return 0;
    return 1;
}

static void slow_reader(void)
{
    result r;

    for (int i = 0; i < 4; i++) {
        llm_exchange *const x = i & 2 ? rush("big", i & 1, 3000)
                                      : submit(&here, "big", i & 1);

        clear(&r);
        while (!r.ended && await_news(x)) {
            take(x, &r);
            if (r.takes < 4)
                settle_down();
        }
        ok(is_big(&r) && !r.fault, "a slow reader gets every byte");
        ok(r.largest <= 2 * LLM_INBOX_CEILING,
           "and never more than the inbox holds: %zu", r.largest);
        ok(r.takes > BIG / (2 * LLM_INBOX_CEILING), "in %d parts", r.takes);
        llm_exchange_close(x);
        llm_buf_free(&r.bytes);
    }
}

/* Closed while it was paused; its handle is used again. */
static void closed_when_full(void)
{
    int good = 0;
    result r;

    for (int i = 0; i < 4; i++) {
        llm_exchange *x = submit(&here, "big", 1);

        await_news(x);
        settle_down();
        llm_exchange_close(x);
        x = submit(&here, "chunked", 1);
        clear(&r);
        await_end(x, &r);
        good += has(&r, "one,two,three");
        llm_buf_free(&r.bytes);
        llm_exchange_close(x);
    }
    is_int(good, 4, "who comes after one that was closed when it was full");
}

/* --- finish and close ---------------------------------------------------- */

static int await_hung_up(int n)
{
    for (int i = 0; hung_up < n && i < 20000; i++)
        usleep(1000);
    return hung_up >= n;
}

static void ask_one(void)
{
    llm_exchange *const x = submit(&here, "whole", 1);
    result r;

    clear(&r);
    await_end(x, &r);
    ok(has(&r, "{\"a\":1}"), "the next is answered");
    llm_buf_free(&r.bytes);
    llm_exchange_close(x);
}

/* The only connection of a new engine. Finished, the rest may come and it is
 * used again; closed, it goes. */
static void finish_or_close(void)
{
    for (int finish = 0; finish < 2; finish++) {
        const int before = accepted;
        llm_exchange *x;
        int i, which;
        result r;

        end_engine();
        start_engine();
        x = submit(&here, "gate", 0);
        clear(&r);
        while (await_news(x) && take(x, &r) && !r.bytes.len)
            ;
        sem_bounded(&at_gate);
        which = who_is_at_gate;
        if (finish)
            llm_exchange_finish(x);
        else
            llm_exchange_close(x);
        settle_down();
        sem_post(&gate);
        for (i = 0; !answered[which] && i < 20000; i++)
            usleep(1000);
        settle_down();
        ask_one();
        is_int(accepted - before, finish ? 1 : 2, "%s", finish
               ? "finished, its connection is used again"
               : "closed, its connection is gone");
        llm_buf_free(&r.bytes);
    }
}

/* The rest of what was finished has a ceiling, in bytes and in time. */
static void finished_for_ever(void)
{
    static const char *const bodies[] = { "endless", "silent" };

    for (size_t i = 0; i < COUNT(bodies); i++) {
        const int before = hung_up;
        llm_exchange *const x = submit(&here, bodies[i], 0);

        if (!i)
            await_news(x);
        else
            settle_down();
        llm_exchange_finish(x);
        ok(await_hung_up(before + 1), "'%s' is not waited for for ever",
           bodies[i]);
    }
}

/* --- the end of the engine ----------------------------------------------- */

static void *waiter(void *data)
{
    llm_exchange *const x = data;
    result r;

    clear(&r);
    await_end(x, &r);
    llm_buf_free(&r.bytes);
    llm_exchange_close(x);
    return NULL;
}

static void *late_rusher(void *data)
{
    (void)data;
    for (int i = 0; i < 6; i++)
        waiter(rush(i & 1 ? "silent" : "whole", 1, i * 20));
    return NULL;
}

static void stops(void)
{
    enum { WAITERS = 4 };
    pthread_t thread[WAITERS + 1];

    end_engine();
    for (int round = 0; round < 40; round++) {
        start_engine();
        for (int i = 0; i < WAITERS; i++)
            if (pthread_create(&thread[i], NULL, waiter, i & 1
                               ? rush("silent", 1, 200)
                               : submit(&here, "silent", 1)))
                exit(2);
        if (pthread_create(&thread[WAITERS], NULL, late_rusher, NULL))
            exit(2);
        for (int i = 0; i < round % 5 * 40; i++)
            sched_yield();
        llm_engine_stop(engine);
        for (int i = 0; i <= WAITERS; i++)
            pthread_join(thread[i], NULL);
        llm_engine_free(engine);
    }
    ok(1, "an engine can stop with anything under way");
    ok(await_hung_up(accepted), "and no connection outlives it");
}

int main(void)
{
    int closed_port;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    start_server();
    bind_to(&closed_port);
    set_endpoint(&here, 1, port);
    set_endpoint(&nobody, 2, closed_port);
    start_engine();
    shards();
    arrives();
    bad_heads();
    refused();
    fields();
    gets();
    late_head();
    reuse();
    many();
    sent_again();
    hand_over();
    hand_over_and_close();
    many_rush();
    slow_reader();
    closed_when_full();
    finish_or_close();
    finished_for_ever();
    paths();
    stops();
    end_server();
    apr_pool_destroy(pool);
    return done();
}
