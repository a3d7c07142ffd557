/* A stream that is held back until it is proven: what its client gets, and
 * when, and that whatever goes wrong before that is made good. */
#include "rehearsal.h"

#define SSE "text/event-stream"
#define HOLD (2 * SEC)

static void begin(stage *s, int targets, long chars, apr_interval_time_t time)
{
    set_stage(s, targets);
    s->limits.hold = (llm_hold){ 1, chars, time };
    admit(s, STREAM_BODY);
    head(s, 200, SSE);
}

/* --- until when ----------------------------------------------------------- */

static void so_many(void)
{
    stage s;

    begin(&s, 1, 5, 0);
    give(&s, ROLE TEXT("abc"));
    is_int(s.heads, 0, "too little is held back");
    is_int(s.call.gauge.said, 3, "it is counted");
    s.now += SEC;
    is_int(llm_call_deadline(&s.call), STARTED + IDLE,
           "it is a stream that has begun");
    give(&s, TEXT("d"));
    is_int(s.heads, 0, "not yet");
    give(&s, TEXT("\\u00e9"));
    is_int(s.heads, 1, "enough is sent");
    is_got(&s, ROLE TEXT("abc") TEXT("d") TEXT("\\u00e9"), "all of it");
    give(&s, TEXT("x"));
    is_int(times(&s, TEXT("x")), 1, "from then on all goes through");
    give(&s, STOP DONE);
    settle(&s, LLM_OK);
    strike(&s);
}

static void so_long(void)
{
    stage s;

    begin(&s, 1, 0, HOLD);
    s.now += SEC;
    give(&s, ROLE);
    is_int(llm_call_deadline(&s.call), STARTED + FIRST,
           "a role begins nothing");
    give(&s, TEXT("abc"));
    is_int(s.heads, 0, "held back");
    is_int(llm_call_deadline(&s.call), STARTED + SEC + HOLD,
           "from the first output on");
    s.now += SEC;
    give(&s, TEXT("d"));
    is_int(llm_call_deadline(&s.call), STARTED + SEC + HOLD,
           "and not from the last");
    pass_time(&s, STARTED + SEC + HOLD - 1);
    is_int(s.heads, 0, "not earlier");
    pass_time(&s, STARTED + SEC + HOLD);
    is_got(&s, ROLE TEXT("abc") TEXT("d"), "then, though nothing else came");
    is_int(llm_call_deadline(&s.call), STARTED + 2 * SEC + IDLE,
           "then it goes on as any");
    give(&s, STOP DONE);
    settle(&s, LLM_OK);
    strike(&s);

    begin(&s, 1, 0, HOLD);
    give(&s, TEXT("a"));
    s.now += HOLD;
    give(&s, TEXT("b"));
    is_got(&s, TEXT("a") TEXT("b"), "or with what comes then");
    strike(&s);
}

/* Whichever is first. */
static void either(void)
{
    stage s;

    begin(&s, 1, 5, HOLD);
    give(&s, TEXT("abcdef"));
    is_int(s.heads, 1, "enough comes before its time");
    strike(&s);

    begin(&s, 1, 5, HOLD);
    give(&s, TEXT("a"));
    pass_time(&s, STARTED + HOLD);
    is_int(s.heads, 1, "its time comes before enough");
    strike(&s);
}

/* A short answer is not longer for being waited for. */
static void all_of_it(void)
{
    static const char *const ends[] = { STOP, STOP DONE, DONE };
    stage s;

    for (size_t i = 0; i < COUNT(ends); i++) {
        begin(&s, 1, 50, HOLD);
        give(&s, ROLE TEXT("a"));
        is_int(s.heads, 0, "held back");
        give(&s, ends[i]);
        is_int(times(&s, TEXT("a")), 1, "a stream that is finished is sent");
        if (i) {
            is_int(times(&s, DONE), 1, "whole");
            is_int(llm_call_next(&s.call), LLM_CALL_OVER, "and over");
            settle(&s, LLM_OK);
        }
        strike(&s);
    }
}

/* What is held in memory has its end. */
static void so_much(void)
{
    stage s;
    int i;

    begin(&s, 1, 50000, 0);
    s.limits.max_answer = 16 << 20;
    for (i = 0; i < 100000 && !s.heads; i++)
        give(&s, TEXT("a"));
    ok(s.heads && s.got.len < 2 << 20, "%zu bytes are enough in any case",
       s.got.len);
    strike(&s);
}

/* --- what goes wrong ------------------------------------------------------ */

static void faults(void)
{
    static const struct {
        const char *bytes;
        int ended;
        llm_fault fault;
        const char *what;
    } cases[] = {
        { "", 1, LLM_CUT, "cut" },
        { "", 1, LLM_OK, "ended early" },
        { EVENT("{\"error\":{\"message\":\"no\"}}"), 0, LLM_OK,
          "an error event" },
        { "", 1, LLM_GARBAGE, "garbage" },
        { "", 0, LLM_STALLED, "silence" },
    };
    stage s;

    for (size_t i = 0; i < COUNT(cases); i++) {
        begin(&s, 2, 50, 0);
        give(&s, ROLE TEXT("a"));
        if (cases[i].ended)
            give_end(&s, cases[i].fault, cases[i].bytes);
        else if (cases[i].fault)
            pass_time(&s, s.now + IDLE);
        else
            give(&s, cases[i].bytes);
        is_int(s.heads, 0, "%s: the client knows nothing of it",
               cases[i].what);
        is_int(s.asks, 2, "%s: the next is asked", cases[i].what);
        is_int(s.call.gauge.said, 0, "%s: and begins anew", cases[i].what);
        head(&s, 200, SSE);
        give(&s, ROLE TEXT("b"));
        is_int(s.heads, 0, "it is held back, too");
        give(&s, STOP DONE);
        is_got(&s, ROLE TEXT("b") STOP DONE, "the client gets it alone");
        settle(&s, LLM_OK);
        strike(&s);
    }
}

/* Nobody is left: the error is one before anything was sent. */
static void nobody_left(void)
{
    stage s;

    begin(&s, 1, 50, 0);
    give(&s, ROLE TEXT("a"));
    give_end(&s, LLM_RESET, "");
    is_refused(&s, 502, "provider_reset", llm_fault_of(LLM_RESET)->text);
    settle(&s, LLM_RESET);
    strike(&s);
}

/* Of a stream that was sent in part the rest is not held back. */
static void recovered(void)
{
    stage s;

    set_stage(&s, 2);
    s.limits.hold = (llm_hold){ 1, 3, 0 };
    s.limits.recover = 1;
    admit(&s, "{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":"
          "\"user\",\"content\":\"x\"}]}");
    head(&s, 200, SSE);
    give(&s, ROLE TEXT("abc"));
    is_int(s.heads, 1, "it is sent");
    give_end(&s, LLM_CUT, "");
    is_int(s.asks, 2, "cut, it is gone on with");
    head(&s, 200, SSE);
    give(&s, ROLE TEXT("abcd"));
    is_int(times(&s, "\"d\""), 1, "at once");
    give(&s, STOP DONE);
    settle(&s, LLM_OK);
    strike(&s);
}

/* A client that waits for a stream which is held back is told so. */
static void alive(void)
{
    stage s;

    set_stage(&s, 1);
    s.limits.hold = (llm_hold){ 1, 50, 0 };
    s.limits.keep_alive = 2 * SEC;
    admit(&s, STREAM_BODY);
    head(&s, 200, SSE);
    give(&s, TEXT("a"));
    pass_time(&s, llm_call_deadline(&s.call));
    is_got(&s, ": keep-alive\n\n", "by a comment before it");
    give(&s, STOP DONE);
    is_got(&s, ": keep-alive\n\n" TEXT("a") STOP DONE, "then it comes");
    settle(&s, LLM_OK);
    strike(&s);
}

static void translated(void)
{
    stage s;

    set_stage(&s, 2);
    s.limits.hold = (llm_hold){ 1, 5, 0 };
    s.call.face.dialect = &llm_anthropic;
    admit(&s, "{\"model\":\"m\",\"stream\":true,\"max_tokens\":5,"
          "\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}");
    head(&s, 200, SSE);
    give(&s, ROLE TEXT("abcd"));
    is_int(s.heads, 0, "held back");
    give_end(&s, LLM_CUT, "");
    is_int(s.asks, 2, "the next is asked");
    head(&s, 200, SSE);
    give(&s, ROLE TEXT("efgh") TEXT("i"));
    is_int(times(&s, "event: message_start"), 1, "one beginning");
    is_int(times(&s, "abcd"), 0, "nothing of the first");
    is_int(times(&s, "efgh"), 1, "all of the second");
    give(&s, STOP DONE);
    is_int(times(&s, "event: message_stop"), 1, "and its end");
    settle(&s, LLM_OK);
    strike(&s);
}

static void leaves(void)
{
    stage s;

    begin(&s, 2, 50, HOLD);
    give(&s, TEXT("a"));
    lose_client(&s);
    is_int(llm_call_next(&s.call), LLM_CALL_OVER, "a client may leave then");
    is_int(s.heads, 0, "and gets nothing");
    settle(&s, LLM_CLIENT_GONE);
    strike(&s);
}

/* --- min-rate= ------------------------------------------------------------ */

#define PROBE (3 * SEC)

static llm_target *target_at(const stage *s, int i)
{
    return &((llm_target *)((llm_model *)s->models->list->elts)[0]
             .targets->elts)[i];
}

/* Five characters in three seconds, of everybody. */
static void set_guarded(stage *s, int targets)
{
    set_stage(s, targets);
    for (int i = 0; i < 3; i++) {
        s->endpoints[i].times.rate = 5;
        s->endpoints[i].times.probe = PROBE;
    }
    for (int i = 0; i < targets; i++)
        target_at(s, i)->label = provider_names[i];
}

static void begin_guarded(stage *s, int targets)
{
    set_guarded(s, targets);
    admit(s, STREAM_BODY);
    head(s, 200, SSE);
}

static void too_slow(void)
{
    const llm_reading before = totals();
    stage s;

    begin_guarded(&s, 2);
    s.now += SEC;
    give(&s, ROLE TEXT("abc"));
    is_int(s.heads, 0, "held back");
    is_int(llm_call_deadline(&s.call), STARTED + SEC + PROBE, "for its time");
    s.now += SEC;
    give(&s, TEXT("d"));
    pass_time(&s, STARTED + SEC + PROBE - 1);
    is_int(s.asks, 1, "and no less");
    pass_time(&s, STARTED + SEC + PROBE);
    is_int(s.asks, 2, "then the next is asked");
    is_int(s.call.first_fault.fault, LLM_SLUGGISH, "for it was too slow");
    is_int(totals().given_up[LLM_SLUGGISH] - before.given_up[LLM_SLUGGISH], 1,
           "which is counted");
    head(&s, 200, SSE);
    give(&s, ROLE TEXT("x"));
    is_got(&s, ROLE TEXT("x"), "the last may be as slow as it is");
    pass_time(&s, s.now + PROBE);
    give(&s, STOP DONE);
    settle(&s, LLM_OK);
    strike(&s);
}

static void quick_enough(void)
{
    stage s;

    begin_guarded(&s, 2);
    give(&s, ROLE TEXT("abc"));
    is_int(s.heads, 0, "held back");
    give(&s, TEXT("de"));
    is_got(&s, ROLE TEXT("abc") TEXT("de"), "sent when it is proven");
    is_int(llm_call_deadline(&s.call), s.now + IDLE, "and a guard no more");
    pass_time(&s, s.now + PROBE);
    give(&s, STOP DONE);
    settle(&s, LLM_OK);
    strike(&s);

    begin_guarded(&s, 2);
    give(&s, ROLE TEXT("a") STOP);
    is_int(times(&s, STOP), 1, "or finished");
    strike(&s);

    begin_guarded(&s, 2);
    give(&s, EVENT("{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":["
                   "{\"index\":0,\"id\":\"c\",\"type\":\"function\","
                   "\"function\":{\"name\":\"f\",\"arguments\":\"1234\"}}]"
                   "}}]}"));
    is_int(s.heads, 1, "calls count as well");
    strike(&s);
}

/* A slow stream is better than none. */
static void nobody_else(void)
{
    llm_health cells[8];
    stage s;

    begin_guarded(&s, 1);
    give(&s, ROLE TEXT("a"));
    is_int(s.heads, 1, "the only target is not guarded");
    strike(&s);

    memset(cells, 0, sizeof cells);
    set_guarded(&s, 2);
    s.limits.health = (llm_health_area){ cells, COUNT(cells) };
    llm_health_rest(llm_health_find(&s.limits.health, "target", "two"),
                    STARTED + TOTAL);
    admit(&s, STREAM_BODY);
    head(&s, 200, SSE);
    give(&s, ROLE TEXT("a"));
    is_int(s.heads, 1, "nor one before another that rests");
    strike(&s);

    /* So does one whose keys do. */
    memset(cells, 0, sizeof cells);
    set_guarded(&s, 2);
    s.limits.health = (llm_health_area){ cells, COUNT(cells) };
    *(llm_way *)apr_array_push(s.providers[1].ways) = (llm_way){
        .endpoint = &s.endpoints[1], .label = "two#1", .weight = 1
    };
    llm_health_rest(llm_health_find(&s.limits.health, "key", "two#1"),
                    STARTED + TOTAL);
    admit(&s, STREAM_BODY);
    head(&s, 200, SSE);
    give(&s, ROLE TEXT("a"));
    is_int(s.heads, 1, "nor one before another whose keys rest");
    strike(&s);

    /* It begins to rest meanwhile. */
    memset(cells, 0, sizeof cells);
    set_guarded(&s, 2);
    s.limits.health = (llm_health_area){ cells, COUNT(cells) };
    admit(&s, STREAM_BODY);
    head(&s, 200, SSE);
    give(&s, ROLE TEXT("a"));
    is_int(s.heads, 0, "as long as it does not");
    llm_health_rest(llm_health_find(&s.limits.health, "target", "two"),
                    STARTED + TOTAL);
    pass_time(&s, STARTED + PROBE);
    is_int(s.asks, 1, "nobody else is asked");
    is_got(&s, ROLE TEXT("a"), "what was held back is sent");
    strike(&s);
}

static void breaks(void)
{
    llm_health cells[8];
    stage s;

    memset(cells, 0, sizeof cells);
    set_guarded(&s, 2);
    s.limits.health = (llm_health_area){ cells, COUNT(cells) };
    s.providers[0].breaker = (llm_breaker){
        .window = 30 * SEC, .calls = 1, .percent = 50, .rest = 5 * SEC,
        .longest = 5 * SEC
    };
    admit(&s, STREAM_BODY);
    head(&s, 200, SSE);
    give(&s, ROLE TEXT("a"));
    pass_time(&s, STARTED + PROBE);
    is_int(llm_health_of(llm_health_find(&s.limits.health, "target", "one"),
                         s.now), LLM_HEALTH_OPEN, "the breaker counts it");
    give_whole(&s, 500, "{}");
    is_refused(&s, 504, "provider_sluggish", apr_pstrcat(s.pool,
        llm_fault_of(LLM_SLUGGISH)->text, " (tried: one, two)", NULL));
    settle(&s, LLM_FAILED);
    strike(&s);
}

/* Both must be content. */
static void with_hold(void)
{
    stage s;

    set_guarded(&s, 2);
    s.limits.hold = (llm_hold){ 1, 0, SEC };
    admit(&s, STREAM_BODY);
    head(&s, 200, SSE);
    give(&s, TEXT("a"));
    pass_time(&s, STARTED + SEC);
    is_int(s.heads, 0, "held long enough it is not yet quick enough");
    give(&s, TEXT("bcde"));
    is_int(s.heads, 1, "then it is");
    strike(&s);

    set_guarded(&s, 2);
    s.limits.hold = (llm_hold){ 1, 0, 4 * SEC };
    admit(&s, STREAM_BODY);
    head(&s, 200, SSE);
    give(&s, TEXT("abcde"));
    is_int(s.heads, 0, "quick enough it is not yet held long enough");
    is_int(llm_call_deadline(&s.call), STARTED + 4 * SEC, "then it is");
    pass_time(&s, STARTED + 4 * SEC);
    is_int(s.heads, 1, "and sent");
    strike(&s);
}

/* Who was quick enough says nothing of the next. */
static void each_anew(void)
{
    stage s;

    set_guarded(&s, 3);
    s.limits.hold = (llm_hold){ 1, 50, 0 };
    admit(&s, STREAM_BODY);
    head(&s, 200, SSE);
    give(&s, TEXT("abcde"));
    give_end(&s, LLM_CUT, "");
    is_int(s.asks, 2, "the first is quick, and cut");
    head(&s, 200, SSE);
    give(&s, TEXT("a"));
    pass_time(&s, s.now + PROBE);
    is_int(s.asks, 3, "the second is slow, and given up");
    strike(&s);
}

static void of_one_target(void)
{
    stage s;

    set_guarded(&s, 2);
    target_at(&s, 0)->times.rate = -1;
    admit(&s, STREAM_BODY);
    head(&s, 200, SSE);
    give(&s, TEXT("a"));
    is_int(s.heads, 1, "one is not guarded though its provider is");
    strike(&s);

    set_stage(&s, 2);
    target_at(&s, 0)->times.rate = 5;
    target_at(&s, 0)->times.probe = PROBE;
    admit(&s, STREAM_BODY);
    head(&s, 200, SSE);
    give(&s, TEXT("a"));
    pass_time(&s, STARTED + PROBE);
    is_int(s.asks, 2, "one is though its provider is not");
    strike(&s);
}

int main(void)
{
    open_theatre();
    so_many();
    so_long();
    either();
    all_of_it();
    so_much();
    faults();
    nobody_left();
    recovered();
    alive();
    translated();
    leaves();
    too_slow();
    quick_enough();
    nobody_else();
    breaks();
    with_hold();
    each_anew();
    of_one_target();
    close_theatre();
    return done();
}
