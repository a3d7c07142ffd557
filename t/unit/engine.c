/* The engine, its exchanges and its plays: a real engine thread, providers
 * that follow a script, and workers that do what workers may do. */
#include <sys/socket.h>

#include "rig.h"

/* --- providers that follow a script -------------------------------------- */

#define HEAD { LLM_STEP_HEAD, 0, 200, "text/event-stream", NULL, NULL, 0 }
#define SAY(text) { LLM_STEP_BYTES, 0, 0, NULL, NULL, text, sizeof text - 1 }
#define LATE(ms, text) { LLM_STEP_BYTES, ms * 1000, 0, NULL, NULL, text, \
                         sizeof text - 1 }
#define DO(kind) { LLM_STEP_##kind, 0, 0, NULL, NULL, NULL, 0 }

static const llm_step plain[] = {
    HEAD, SAY("one,"), SAY("two,"), LATE(2, "three,"), SAY("four,"),
    LATE(1, "five"), DO(END)
};
static const llm_step at_once[] = { HEAD, SAY("here"), DO(END) };
static const llm_step limited[] = {
    { LLM_STEP_HEAD, 0, 429, "application/json", "2s", NULL, 0 },
    SAY("{}"), DO(END)
};
static const llm_step refuses[] = { DO(REFUSE) };
static const llm_step resets[] = { DO(RESET) };
static const llm_step cuts[] = { HEAD, SAY("half"), DO(RESET) };
static const llm_step hangs[] = { DO(HANG) };
static const llm_step hangs_after_head[] = { HEAD, DO(HANG) };
static const llm_step hangs_after_bytes[] = { HEAD, SAY("half"), DO(HANG) };
static const llm_step drips[] = {
    HEAD, SAY("a"), LATE(1, "b"), LATE(1, "c"), LATE(1, "d"), LATE(1, "e"),
    LATE(1, "f"), LATE(1, "g"), LATE(1, "h"), LATE(1, "i"), LATE(1, "j"),
    DO(END)
};

#define FLOOD_PIECE 16000
#define FLOOD_PIECES 250
#define FLOOD 99

static const struct {
    const llm_step *steps;
    size_t n;
} scripts[] = {
    { plain, COUNT(plain) }, { at_once, COUNT(at_once) },
    { limited, COUNT(limited) }, { refuses, COUNT(refuses) },
    { resets, COUNT(resets) }, { cuts, COUNT(cuts) },
    { hangs, COUNT(hangs) }, { hangs_after_head, COUNT(hangs_after_head) },
    { hangs_after_bytes, COUNT(hangs_after_bytes) },
    { drips, COUNT(drips) },
};

enum {
    PLAIN, AT_ONCE, IS_LIMITED, REFUSES, RESETS, CUTS, HANGS,
    HANGS_AFTER_HEAD, HANGS_AFTER_BYTES, DRIPS
};

typedef struct conversation {
    long script;
    size_t at;
    char piece[FLOOD_PIECE];
} conversation;

static _Atomic int opened, closed_again, poured;

/* The body is the number of the script. */
static void *peer_open(const char *path, const char *body, size_t n,
                       const char *options)
{
    conversation *const self = calloc(1, sizeof *self);
    char word[8];

    if (!self || strcmp(path, "/path") || strcmp(options, "options"))
        abort();
    snprintf(word, sizeof word, "%.*s", (int)n, body);
    if (!llm_text_number(word, 0, FLOOD, &self->script))
        abort();
    opened++;
    return self;
}

/* Pieces whose every byte tells where it stands. */
static char flood_byte(size_t at)
{
    return (char)('a' + (at * 7 + at / 1000) % 26);
}

static void pour(conversation *self, llm_step *step)
{
    memset(step, 0, sizeof *step);
    if (self->at == 0) {
        *step = (llm_step)HEAD;
    } else if (self->at > FLOOD_PIECES) {
        step->kind = LLM_STEP_END;
    } else {
        const size_t from = (self->at - 1) * FLOOD_PIECE;

        for (size_t i = 0; i < FLOOD_PIECE; i++)
            self->piece[i] = flood_byte(from + i);
        step->kind = LLM_STEP_BYTES;
        step->bytes = self->piece;
        step->len = FLOOD_PIECE;
        poured++;
    }
    self->at++;
}

/* Bytes are only good until the next call: they are in the conversation. */
static void peer_next(void *data, llm_step *step)
{
    conversation *const self = data;

    if (self->script == FLOOD) {
        pour(self, step);
        return;
    }
    if (self->at >= scripts[self->script].n)
        abort();                /* called after the end */
    *step = scripts[self->script].steps[self->at++];
    if (step->len) {
        memset(self->piece, '#', sizeof self->piece);
        memcpy(self->piece, step->bytes, step->len);
        step->bytes = self->piece;
    }
}

static void peer_close(void *data)
{
    closed_again++;
    free(data);
}

static const llm_peer peer = { peer_open, peer_next, peer_close };
static const llm_endpoint endpoint = {
    .name = "scripted", .peer = &peer, .peer_options = "options"
};

static llm_exchange *play(int script, int whole)
{
    char word[8];

    snprintf(word, sizeof word, "%d", script);
    return submit(&endpoint, word, whole);
}

/* When this is over, all that the engine was to do for those before it has
 * been done, and their bells have been rung. */
static void settle_down(void)
{
    for (int i = 0; i < 2; i++) {
        llm_exchange *const x = play(AT_ONCE, 0);
        result r;

        clear(&r);
        await_end(x, &r);
        llm_buf_free(&r.bytes);
        llm_exchange_close(x);
    }
}

/* --- what arrives -------------------------------------------------------- */

static void arrives(void)
{
    static const struct {
        int script;
        llm_fault fault;
        int status;
        const char *bytes, *trouble;
    } cases[] = {
        { PLAIN, LLM_OK, 200, "one,two,three,four,five", "" },
        { AT_ONCE, LLM_OK, 200, "here", "" },
        { IS_LIMITED, LLM_OK, 429, "{}", "" },
        { REFUSES, LLM_UNREACHABLE, 0, "", "connection refused" },
        { RESETS, LLM_RESET, 0, "", "connection reset by peer" },
        { CUTS, LLM_CUT, 200, "half", "connection reset by peer" },
        { DRIPS, LLM_OK, 200, "abcdefghij", "" },
    };
    llm_exchange *x;
    result r;

    for (size_t i = 0; i < COUNT(cases) * 2; i++) {
        const int whole = (int)(i % 2);

        x = play(cases[i / 2].script, whole);
        clear(&r);
        ok(await_end(x, &r), "script %zu comes to an end", i / 2);
        is_int(r.fault, cases[i / 2].fault, "that end");
        is_int(r.head.status, cases[i / 2].status, "its status");
        ok(has(&r, cases[i / 2].bytes), "all bytes, in order");
        is_str(r.trouble, cases[i / 2].trouble, "what the network said");
        if (whole)
            ok(r.takes <= 2, "told of when it begins and when it is whole");
        if (cases[i / 2].script == IS_LIMITED)
            is_int(r.head.retry_after_ms, 2000, "when to come again");
        ok(!take(x, &r) && r.ended && !llm_exchange_wait(x, 0),
           "after that there is no news, and it is still ended");
        llm_exchange_close(x);
        llm_buf_free(&r.bytes);
    }
}

static void waits_in_vain(void)
{
    llm_exchange *const x = play(HANGS, 0);
    result r;

    clear(&r);
    settle_down();
    ok(!llm_exchange_wait(x, apr_time_now() + 1000), "no news");
    ok(!take(x, &r) && !r.ended && !r.head.status && !r.bytes.len,
       "nothing to take");
    llm_exchange_close(x);
}

/* --- back-pressure ------------------------------------------------------- */

static int is_flood(const result *r)
{
    if (r->bytes.len != (size_t)FLOOD_PIECE * FLOOD_PIECES)
        return 0;
    for (size_t i = 0; i < r->bytes.len; i++)
        if (r->bytes.data[i] != flood_byte(i))
            return 0;
    return 1;
}

static void back_pressure(void)
{
    const int most = LLM_INBOX_CEILING / FLOOD_PIECE + 3;

    for (int whole = 0; whole < 2; whole++) {
        llm_exchange *x;
        result r;

        clear(&r);
        poured = 0;
        x = play(FLOOD, whole);
        ok(await_news(x), "a flood is news");
        settle_down();
        ok(poured > 3 && poured <= most, "which waits until it is taken: %d "
           "pieces of %d are poured", poured, FLOOD_PIECES);
        take(x, &r);
        await_news(x);
        settle_down();
        ok(poured <= 2 * most, "one taken, one poured: %d", poured);
        ok(await_end(x, &r), "it comes to its end");
        is_int(r.fault, LLM_OK, "a good one");
        ok(is_flood(&r), "every byte where it belongs");
        ok(r.largest <= LLM_INBOX_CEILING + FLOOD_PIECE,
           "never more than the inbox holds: %zu", r.largest);
        llm_exchange_close(x);
        llm_buf_free(&r.bytes);
    }
}

/* Closed while it was paused. */
static void closed_when_full(void)
{
    const int before = closed_again;

    for (int i = 0; i < 4; i++) {
        llm_exchange *const x = play(FLOOD, 1);

        await_news(x);
        if (i & 1)
            llm_exchange_finish(x);
        else
            llm_exchange_close(x);
    }
    settle_down();
    is_int(closed_again - before, 4 + 2, "a paused one can be closed");
}

/* --- parking ------------------------------------------------------------- */

static void rings_once(void)
{
    int event = new_event();
    llm_exchange *x = make(&endpoint, "9", 0);
    result r;

    clear(&r);
    ok(park(x, &event, 0, 0), "parked before it is asked");
    llm_exchange_submit(engine, x);
    is_int(await_ring(event), 1, "news rings");
    while (!r.ended && await_news(x))
        take(x, &r);
    settle_down();
    is_int(rung(event), 0, "once, however much more comes");
    ok(has(&r, "abcdefghij"), "and it all comes");
    llm_exchange_close(x);
    llm_buf_free(&r.bytes);

    clear(&r);
    x = play(AT_ONCE, 0);
    await_news(x);
    settle_down();
    ok(!park(x, &event, 0, 0), "who has news already is not parked");
    is_int(rung(event), 0, "and not rung");
    take(x, &r);
    llm_exchange_close(x);
    llm_buf_free(&r.bytes);
    close(event);
}

/* A call that is parked again and again sees all, by rings alone. */
static void parks_again(void)
{
    int event = new_event(), rings = 0, parked = 1;
    llm_exchange *const x = play(DRIPS, 0);
    result r;

    clear(&r);
    while (!r.ended && parked) {
        if (park(x, &event, 0, 0)) {
            parked = await_ring(event);
            rings += parked;
        }
        take(x, &r);
    }
    ok(has(&r, "abcdefghij"), "parked again and again: all comes");
    ok(rings <= r.takes, "%d rings, %d looks", rings, r.takes);
    llm_exchange_close(x);
    llm_buf_free(&r.bytes);
    close(event);
}

/* A whole answer's head is no news, its first bytes are, for from then on it
 * may be idle. */
static void rings_for_news_only(void)
{
    int event = new_event();
    llm_exchange *x = make(&endpoint, "8", 1);

    park(x, &event, 0, 0);
    llm_exchange_submit(engine, x);
    settle_down();
    is_int(rung(event), 1, "the half of a whole answer rings once");
    llm_exchange_close(x);

    x = make(&endpoint, "8", 0);
    ok(park(x, &event, 0, 1), "parked for the client only");
    llm_exchange_submit(engine, x);
    settle_down();
    is_int(rung(event), 0, "what the provider sends rings nothing");
    llm_exchange_close(x);

    x = make(&endpoint, "9", 0);
    park(x, &event, 0, 0);
    llm_exchange_unpark(x);
    llm_exchange_submit(engine, x);
    settle_down();
    is_int(rung(event), 0, "unparked is not rung");
    llm_exchange_close(x);
    close(event);
}

static void alarms(void)
{
    int event = new_event();
    result r;

    clear(&r);
    for (int client_only = 0; client_only < 2; client_only++) {
        llm_exchange *const x = play(HANGS, 1);

        ok(park(x, &event, apr_time_now() + 1000, client_only), "parked");
        is_int(await_ring(event), 1, "the alarm rings");
        ok(take(x, &r), "which is news");
        ok(!r.ended && !r.gone && !r.ready, "of the time only");
        llm_exchange_close(x);
    }
    settle_down();
    is_int(rung(event), 0, "once");
    close(event);
}

/* --- clients ------------------------------------------------------------- */

static void pair(int fd[2])
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd))
        exit(2);
}

static void client_leaves(void)
{
    int event = new_event(), fd[2];
    result r;

    for (int how = 0; how < 3; how++) {
        llm_exchange *const x = play(HANGS, how & 1);

        pair(fd);
        clear(&r);
        llm_exchange_watch(x, fd[0], 0);
        llm_exchange_watch(x, fd[0], 0);
        if (how == 2)
            shutdown(fd[1], SHUT_WR);
        ok(how == 2 || park(x, &event, 0, how), "parked");
        if (how < 2)
            close(fd[1]);
        ok(how == 2 || await_ring(event) == 1, "a client that leaves rings");
        ok(how != 2 || await_news(x), "or wakes who waits");
        ok(take(x, &r) && r.gone && !r.ready && !r.ended,
           "and that is what it says");
        ok(!llm_exchange_wait(x, 0), "said once");
        llm_exchange_close(x);
        close(fd[0]);
        if (how == 2)
            close(fd[1]);
    }
    close(event);
}

/* Fills the way to the client until it takes nothing more. */
static void fill(int fd)
{
    char block[4096] = { 0 };

    while (write(fd, block, sizeof block) > 0)
        ;
}

static void drain(int fd)
{
    char block[65536];

    while (read(fd, block, sizeof block) > 0)
        ;
}

static void client_takes(void)
{
    int event = new_event(), fd[2], gone, ready;
    llm_exchange *const x = play(HANGS_AFTER_BYTES, 0);
    result r;

    clear(&r);
    pair(fd);
    fill(fd[0]);
    await_news(x);
    llm_exchange_watch(x, fd[0], 1);
    settle_down();
    ok(park(x, &event, 0, 1), "parked until the client takes bytes");
    is_int(rung(event), 0, "which it does not yet");
    drain(fd[1]);
    is_int(await_ring(event), 1, "now it does");
    llm_exchange_client_news(x, &gone, &ready);
    ok(ready && !gone, "and that is what is said");
    llm_exchange_client_news(x, &gone, &ready);
    ok(!ready && !gone, "once");
    is_int(rung(event), 0, "and rung once");
    llm_exchange_watch(x, fd[0], 1);
    ok(await_news(x), "asked again it is said again");
    settle_down();
    take(x, &r);
    ok(r.ready && has(&r, "half"), "with the bytes that waited");
    llm_exchange_watch(x, fd[0], 0);
    llm_exchange_unwatch(x);
    close(fd[1]);
    settle_down();
    ok(!take(x, &r) && !r.gone, "who is not watched may leave");
    llm_exchange_close(x);
    close(fd[0]);
    close(event);
    llm_buf_free(&r.bytes);
}

/* --- many at once -------------------------------------------------------- */

static void many(void)
{
    enum { MANY = 400 };
    static llm_exchange *x[MANY];
    int good = 0;
    result r;

    for (int i = 0; i < MANY; i++)
        x[i] = play(i % 2 ? PLAIN : DRIPS, i % 3 == 0);
    for (int i = 0; i < MANY; i++) {
        clear(&r);
        await_end(x[i], &r);
        good += has(&r, i % 2 ? "one,two,three,four,five" : "abcdefghij");
        llm_buf_free(&r.bytes);
        llm_exchange_close(x[i]);
    }
    is_int(good, MANY, "each of many has its own bytes");
}

static unsigned next_of(unsigned *seed, unsigned n)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % n;
}

/* What a worker may do with an exchange, in any order. */
static void any_move(llm_exchange *x, unsigned *seed, int *event, int fd)
{
    int gone, ready;
    result r;

    clear(&r);
    switch (next_of(seed, 9)) {
    case 0:
        if (park(x, event, apr_time_now() + next_of(seed, 2000),
                 (int)next_of(seed, 2)))
            rung(*event);
        break;
    case 1:
        llm_exchange_unpark(x);
        break;
    case 2:
        llm_exchange_watch(x, fd, (int)next_of(seed, 2));
        break;
    case 3:
        llm_exchange_unwatch(x);
        break;
    case 4:
        llm_exchange_client_news(x, &gone, &ready);
        break;
    case 5:
        llm_exchange_wait(x, apr_time_now() + next_of(seed, 300));
        break;
    default:
        take(x, &r);
    }
    llm_buf_free(&r.bytes);
}

static void *worker(void *data)
{
    static const int which[] = {
        PLAIN, AT_ONCE, CUTS, HANGS, HANGS_AFTER_BYTES, DRIPS, FLOOD, RESETS
    };
    unsigned seed = (unsigned)(uintptr_t)data * 977;
    int event = new_event(), fd[2];

    pair(fd);
    for (int i = 0; i < 300; i++) {
        llm_exchange *const x = play(which[next_of(&seed, COUNT(which))],
                                     (int)next_of(&seed, 2));

        for (unsigned n = next_of(&seed, 12); n; n--)
            any_move(x, &seed, &event, fd[0]);
        if (next_of(&seed, 2))
            llm_exchange_close(x);
        else
            llm_exchange_finish(x);
    }
    close(fd[0]);
    close(fd[1]);
    close(event);
    return NULL;
}

static void any_moment(void)
{
    enum { WORKERS = 3 };
    pthread_t thread[WORKERS];

    opened = closed_again = 0;
    for (uintptr_t i = 0; i < WORKERS; i++)
        if (pthread_create(&thread[i], NULL, worker, (void *)(i + 1)))
            exit(2);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(thread[i], NULL);
    settle_down();
    ok(opened > 0, "%d conversations, closed at any moment", opened);
    is_int(closed_again, opened, "every one of them has ended");
}

/* --- the end of the engine ----------------------------------------------- */

static void held_to_the_end(void)
{
    static const int which[] = {
        HANGS, HANGS_AFTER_HEAD, HANGS_AFTER_BYTES, FLOOD, DRIPS
    };
    llm_exchange *x[COUNT(which)], *late;
    int events[COUNT(which)];
    result r;

    opened = closed_again = 0;
    for (size_t i = 0; i < COUNT(which); i++) {
        events[i] = new_event();
        x[i] = play(which[i], 1);
    }
    settle_down();
    for (size_t i = 0; i < 2; i++)
        park(x[i], &events[i], 0, 0);
    llm_engine_stop(engine);
    is_int(closed_again, opened, "no conversation outlives the engine");
    for (size_t i = 0; i < COUNT(which); i++) {
        clear(&r);
        ok(i > 1 || rung(events[i]) == 1, "who is parked is rung");
        ok(llm_exchange_wait(x[i], 0), "who holds an exchange has news");
        take(x[i], &r);
        ok(r.ended, "of its end");
        ok(r.fault == LLM_STOPPING || which[i] == DRIPS,
           "because the engine stops");
        ok(!take(x[i], &r), "said once");
        if (i & 1)
            llm_exchange_close(x[i]);
        else
            llm_exchange_finish(x[i]);
        llm_buf_free(&r.bytes);
        close(events[i]);
    }
    clear(&r);
    late = play(AT_ONCE, 0);
    ok(llm_exchange_wait(late, 0) && take(late, &r) && r.ended
       && r.fault == LLM_STOPPING, "who comes too late hears so at once");
    llm_exchange_close(late);
    late = make(&endpoint, "1", 0);
    llm_exchange_close(late);
    llm_engine_free(engine);
}

/* A worker that waits, and closes at once what has ended. */
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

static void stops_at_any_moment(void)
{
    enum { WAITERS = 4 };
    pthread_t thread[WAITERS];

    for (int round = 0; round < 60; round++) {
        start_engine();
        for (int i = 0; i < WAITERS; i++)
            if (pthread_create(&thread[i], NULL, waiter,
                               play(i % 2 ? DRIPS : HANGS_AFTER_BYTES,
                                    i / 2)))
                exit(2);
        for (int i = 0; i < round % 7; i++)
            sched_yield();
        llm_engine_stop(engine);
        for (int i = 0; i < WAITERS; i++)
            pthread_join(thread[i], NULL);
        llm_engine_free(engine);
    }
    is_int(closed_again, opened, "an engine can stop at any moment");
}

int main(void)
{
    apr_initialize();
    start_engine();
    arrives();
    waits_in_vain();
    back_pressure();
    closed_when_full();
    rings_once();
    parks_again();
    rings_for_news_only();
    alarms();
    client_leaves();
    client_takes();
    many();
    any_moment();
    held_to_the_end();
    stops_at_any_moment();
    return done();
}
