/* Calls to which anything may happen at any time, many thousands of them:
 * what holds for each, and what the meter says of all. */
#include "rehearsal.h"

#include "../../src/wire/sse.h"

static unsigned long seed = 271828;

static unsigned below(unsigned n)
{
    seed = seed * 6364136223846793005UL + 1442695040888963407UL;
    return (unsigned)(seed >> 33) % n;
}

static int one_in(unsigned n)
{
    return !below(n);
}

/* --- what providers say -------------------------------------------------- */

/* An attempt's answer, in a letter of its own: of what an attempt said that
 * was given up, the client must see nothing. */
typedef struct part {
    llm_buf text;
    size_t at;                  /* given so far */
    int status, framed;
    const char *type;
} part;

static void write_stream(llm_buf *to, char letter)
{
    static const char *const noise[] = {
        ": ping\n\n", "data: {broken\n\n", "data: []\n\n", "\n", "id: 3\n",
        "event: x\ndata: {\"choices\":[],\"usage\":null}\n\n",
        "data: {\"error\":{\"message\":\"m\"}}\n\n",
    };

    if (!one_in(3))
        llm_buf_puts(to, ROLE);
    for (unsigned n = below(6); n; n--) {
        if (one_in(8))
            llm_buf_puts(to, noise[below(COUNT(noise))]);
        llm_buf_printf(to, "data: {\"choices\":[{\"delta\":{\"content\":"
                       "\"<%c>\"}}]%s}\n\n", letter,
                       one_in(2) ? ",\"usage\":null" : "");
    }
    if (!one_in(4))
        llm_buf_puts(to, STOP);
    if (!one_in(3))
        llm_buf_puts(to, LAST_USAGE);
    if (!one_in(4))
        llm_buf_puts(to, DONE);
    if (one_in(8))
        to->len -= to->len ? below(2) : 0;
}

static void write_whole(llm_buf *to, char letter)
{
    llm_buf_printf(to, "{\"choices\":[{\"message\":{\"content\":\"<%c>\"}}]"
                   "%s}", letter, one_in(2) ? ",\"usage\":" USED : "");
    if (one_in(6))
        to->len = below((unsigned)to->len);
}

static void write_part(part *to, int stream, char letter)
{
    static const int statuses[] = { 200, 204, 302, 400, 401, 429, 500, 503 };

    llm_buf_init(&to->text, 1 << 16);
    to->at = 0;
    to->framed = (int)below(2);
    to->status = one_in(3) ? statuses[below(COUNT(statuses))] : 200;
    to->type = stream && to->status == 200 ? "text/event-stream"
                                           : "application/json";
    if (one_in(20))
        to->type = "text/html";
    if (to->status != 200)
        llm_buf_printf(&to->text, "{\"error\":{\"message\":\"[%c]\"}}",
                       letter);
    else if (stream)
        write_stream(&to->text, letter);
    else
        write_whole(&to->text, letter);
}

/* --- one call ------------------------------------------------------------ */

typedef struct scene {
    stage s;
    part part;
    int part_of;                /* the attempt it is for */
    int targets, stream;
    int broken;                 /* rules that did not hold */
    const char *rule;           /* the first of them */
} scene;

static void holds(scene *t, int rule, const char *text)
{
    if (rule)
        return;
    if (!t->broken++)
        t->rule = text;
}

static void new_part(scene *t)
{
    if (t->part_of == t->s.asks)
        return;
    llm_buf_free(&t->part.text);
    write_part(&t->part, t->stream, (char)('a' + t->s.asks));
    t->part_of = t->s.asks;
}

static size_t some_of(const part *from)
{
    const size_t left = from->text.len - from->at;

    return left ? below((unsigned)left + 1) : 0;
}

/* The next of what the provider says, or a trouble instead. */
static void next_arrival(scene *t)
{
    static const llm_fault faults[] = {
        LLM_CUT, LLM_RESET, LLM_UNREACHABLE, LLM_SLOW, LLM_GARBAGE,
        LLM_STOPPING, LLM_UNTRUSTED,
    };
    part *const from = &t->part;
    llm_arrival what;
    size_t n = some_of(from);

    if (!one_in(12)) {
        head(&t->s, from->status, from->type);
        t->s.head.framed = from->framed;
    }
    if (!t->s.head.status)
        n = 0;
    what = arrival(&t->s, from->text.data + from->at, n);
    from->at += n;
    if (t->s.head.status && from->at == from->text.len)
        what.ended = !one_in(3);
    if (one_in(15)) {
        what.ended = 1;
        what.fault = faults[below(COUNT(faults))];
    }
    what.client_gone = one_in(80);
    arrive(&t->s, &what);
}

static void something(scene *t)
{
    stage *const s = &t->s;
    const apr_time_t deadline = llm_call_deadline(&s->call);

    holds(t, deadline > STARTED && deadline <= STARTED + TOTAL,
          "a deadline that comes");
    if (one_in(12))
        pass_time(s, deadline > s->now ? deadline : s->now);
    else if (one_in(8))
        pass_time(s, s->now + below(3 * SEC));
    else
        next_arrival(t);
}

static void rules(scene *t, int committed, int asks, size_t len)
{
    const stage *const s = &t->s;

    holds(t, s->asks <= t->targets, "each target is asked once");
    holds(t, s->asks == s->call.attempt, "and counted");
    holds(t, s->heads <= 1, "one head");
    holds(t, s->got.len >= len, "what was sent was sent");
    holds(t, !committed || s->asks == asks,
          "nobody is asked after the client has got something");
    holds(t, s->heads || !s->got.len, "no bytes before the head");
}

/* --- what the client got ------------------------------------------------- */

typedef struct view {
    scene *t;
    int dones, errors, last_done, last_error, letters;
} view;

static llm_fault look(void *baton, const llm_sse_event *event)
{
    view *const v = baton;
    const char *const data = event->data;
    const llm_json *json;

    v->last_done = event->data_len == 6 && !memcmp(data, "[DONE]", 6);
    v->dones += v->last_done;
    v->last_error = 0;
    if (v->last_done)
        return LLM_OK;
    if (llm_json_parse(data, event->data_len, 32, &json, v->t->s.pool)) {
        holds(v->t, 0, "every event is JSON");
        return LLM_OK;
    }
    v->last_error = llm_json_member(json, "error") != NULL;
    v->errors += v->last_error;
    holds(v->t, !llm_json_member(json, "usage"), "no usage unasked");
    return LLM_OK;
}

/* Of which attempts, as bits. */
static int letters_in(const llm_buf *got)
{
    int seen = 0;

    for (size_t i = 0; i + 2 < got->len; i++)
        if (got->data[i] == '<' && got->data[i + 2] == '>')
            seen |= 1 << (got->data[i + 1] - 'a');
    return seen;
}

static void look_at_stream(scene *t)
{
    const llm_fault fault = t->s.call.fault.fault;
    view v = { .t = t };
    llm_sse in;

    llm_sse_init(&in, 1 << 20);
    llm_sse_feed(&in, t->s.got.data, t->s.got.len, look, &v);
    holds(t, llm_sse_is_empty(&in), "the last event is whole");
    llm_sse_free(&in);
    holds(t, v.dones == (fault == LLM_OK) && v.last_done == v.dones,
          "the end marker stands at the end of what is whole, once");
    holds(t, v.errors == (fault && fault != LLM_CLIENT_GONE)
          && v.last_error == v.errors, "an error at the end of what is not");
}

static void look_at_all(scene *t)
{
    const stage *const s = &t->s;
    const llm_fault fault = s->call.fault.fault;
    const int letters = letters_in(&s->got);

    if (!s->heads) {
        holds(t, fault == LLM_CLIENT_GONE, "somebody gets something");
        return;
    }
    holds(t, !(letters & ~(1 << s->asks)),
          "nothing of an attempt that was given up");
    if (s->status == 200 && t->stream)
        look_at_stream(t);
    else if (s->status == 200)
        holds(t, !fault, "a whole answer is whole");
    else
        holds(t, fault != LLM_OK && strcmp(error_member(s, got(s), "code"),
                                           "(no JSON)"),
              "an error is one");
}

/* --- many calls ---------------------------------------------------------- */

typedef struct sums {
    uint64_t calls, errors, bytes_out, bytes_in, failovers, in, streams;
    uint64_t sluggish, early, refused;
    uint64_t faults[LLM_FAULT_COUNT];
} sums;

static void perform(scene *t)
{
    stage *const s = &t->s;
    int steps = 0;

    admit(s, t->stream ? STREAM_BODY : WHOLE_BODY);
    while (llm_call_next(&s->call) == LLM_CALL_WAIT && steps++ < 5000) {
        const int committed = s->call.committed, asks = s->asks;
        const size_t len = s->got.len;

        new_part(t);
        something(t);
        rules(t, committed, asks, len);
    }
    holds(t, llm_call_next(&s->call) == LLM_CALL_OVER, "it has an end");
}

/* A runner that does not listen; nothing may come of it. */
static void after_the_end(scene *t)
{
    stage *const s = &t->s;
    const llm_fault fault = s->call.fault.fault;
    const size_t len = s->got.len;

    for (int i = 0; i < 3; i++) {
        new_part(t);
        s->now += below(2 * TOTAL);
        next_arrival(t);
    }
    holds(t, s->got.len == len && s->call.fault.fault == fault
          && llm_call_next(&s->call) == LLM_CALL_OVER,
          "after the end there is nothing");
}

static void add_up(const scene *t, sums *to)
{
    const llm_call *const call = &t->s.call;

    to->calls++;
    to->sluggish += call->first_fault.fault == LLM_SLUGGISH;
    to->early += t->s.got.len && t->s.got.data[0] == ':';
    to->refused += t->s.got.len && t->s.got.data[0] == ':'
        && call->fault.fault && call->fault.fault != LLM_CLIENT_GONE;
    to->errors += call->fault.fault != LLM_OK;
    to->faults[call->fault.fault]++;
    to->bytes_out += t->s.got.len;
    to->bytes_in += strlen(t->stream ? STREAM_BODY : WHOLE_BODY);
    to->failovers += (uint64_t)t->s.asks - 1;
    to->in += (uint64_t)(call->usage.input + call->spent.input);
    to->streams += (uint64_t)t->stream;
}

/* Some are held back, some must be quick, some clients are told to wait. */
static void settings(stage *s)
{
    if (one_in(3))
        s->limits.hold = (llm_hold){ 1, (long)below(12), below(3) * SEC };
    if (one_in(3))
        s->limits.keep_alive = (1 + below(3)) * SEC;
    for (int i = 0; i < 3; i++)
        if (one_in(4)) {
            s->endpoints[i].times.rate = 1 + (long)below(9);
            s->endpoints[i].times.probe = (1 + below(4)) * SEC;
        }
}

static int one_call(sums *all)
{
    scene t;
    int broken;

    memset(&t, 0, sizeof t);
    t.targets = 1 + (int)below(3);
    t.stream = (int)below(3) > 0;
    set_stage(&t.s, t.targets);
    settings(&t.s);
    perform(&t);
    look_at_all(&t);
    if (one_in(3))
        after_the_end(&t);
    add_up(&t, all);
    llm_call_settle(&t.s.call, t.s.now);
    llm_call_settle(&t.s.call, t.s.now);
    holds(&t, !llm_meter_in_flight(&the_meter), "the slot is given back");
    broken = t.broken;
    if (broken) {
        printf("# %s\n", t.rule);
        tap_show("the client got", t.s.got.data ? t.s.got.data : "",
                 t.s.got.len);
    }
    llm_buf_free(&t.part.text);
    strike(&t.s);
    return broken;
}

static void compare(const sums *all)
{
    const llm_reading r = totals();
    int differ = 0;

    is_int(r.calls, all->calls, "every call is counted once");
    is_int(r.errors, all->errors, "errors");
    is_int(r.streams, all->streams, "streams");
    is_int(r.bytes_out, all->bytes_out, "bytes out");
    is_int(r.bytes_in, all->bytes_in, "bytes in");
    is_int(r.failovers, all->failovers, "failovers");
    is_int(r.tokens_in, all->in, "tokens in");
    for (int i = 0; i < LLM_FAULT_COUNT; i++)
        differ += r.faults[i] != all->faults[i];
    is_int(differ, 0, "and every fault");
}

int main(void)
{
    static sums all;
    int broken = 0, kinds = 0;

    open_theatre();
    for (int i = 0; i < 15000 && broken < 3; i++)
        broken += one_call(&all) != 0;
    is_int(broken, 0, "%d calls kept all rules", (int)all.calls);
    compare(&all);
    for (int i = 0; i < LLM_FAULT_COUNT; i++)
        kinds += all.faults[i] > 10;
    ok(kinds > 9 && all.faults[LLM_OK] > 3000 && all.failovers > 3000,
       "%d kinds of ends, %d good ones, %d failovers", kinds,
       (int)all.faults[LLM_OK], (int)all.failovers);
    ok(all.sluggish > 10 && all.early > 300 && all.refused > 100,
       "%d first ones too slow, %d early heads, %d errors after one",
       (int)all.sluggish, (int)all.early, (int)all.refused);
    close_theatre();
    return done();
}
