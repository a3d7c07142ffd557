/* A call from admission to settling: whole answers. */
#include "rehearsal.h"

/* --- admission ----------------------------------------------------------- */

static void refusals(void)
{
    static const struct {
        const char *body;
        int status;
        const char *code, *param;
        llm_fault fault;
    } cases[] = {
        { "", 400, "invalid_json", "", LLM_BAD_JSON },
        { "{\"model\":", 400, "invalid_json", "", LLM_BAD_JSON },
        { "{\"messages\":[]}", 400, "invalid_request", "model",
          LLM_BAD_REQUEST },
        { "{\"model\":\"m\",\"stream\":1}", 400, "invalid_request", "stream",
          LLM_BAD_REQUEST },
        { "{\"model\":\"n\"}", 404, "model_not_found", "model",
          LLM_NO_MODEL },
        { "{\"model\":\"n\",\"stream\":true}", 404, "model_not_found",
          "model", LLM_NO_MODEL },
    };
    stage s;

    for (size_t i = 0; i < COUNT(cases); i++) {
        set_stage(&s, 1);
        admit(&s, cases[i].body);
        is_int(s.asks, 0, "nobody is asked: %s", cases[i].body);
        is_int(s.status, cases[i].status, "a %d", cases[i].status);
        is_str(error_member(&s, got(&s), "code"), cases[i].code, "its code");
        is_str(error_member(&s, got(&s), "param"), cases[i].param,
               "its param");
        is_int(llm_call_next(&s.call), LLM_CALL_OVER, "it is over");
        settle(&s, cases[i].fault);
        strike(&s);
    }
}

static void too_deep(void)
{
    stage s;

    set_stage(&s, 1);
    s.limits.max_depth = 2;
    admit(&s, "{\"model\":\"m\",\"x\":[[]]}");
    is_refused(&s, 400, "json_too_deep",
               "The request body is nested deeper than 2 levels");
    settle(&s, LLM_TOO_DEEP);
    strike(&s);
}

/* Before anything was read: too large, wrong method, no such path. */
static void refused_early(void)
{
    const llm_fault_detail detail = { .fault = LLM_TOO_LARGE };
    stage s;

    set_stage(&s, 1);
    llm_call_refuse(&s.call, &detail, s.now);
    is_int(go_on(&s), LLM_CALL_OVER, "it is over at once");
    is_refused(&s, 413, "request_too_large",
               "The request body is too large");
    settle(&s, LLM_TOO_LARGE);
    strike(&s);
}

static int reaped;

static uint32_t reap_none(void)
{
    reaped++;
    return 0;
}

static int32_t held[3];

static uint32_t reap_one(void)
{
    const llm_record died = { .fault = LLM_DIED, .first_us = -1 };

    reaped++;
    llm_meter_settle(&the_meter, held[0], &died);
    return 1;
}

static void in_flight(void)
{
    const llm_record record = { .fault = LLM_OK, .first_us = -1 };
    stage s;

    for (int i = 0; i < 3; i++)
        held[i] = llm_meter_enter(&the_meter, the_child, 3, STARTED);
    set_stage(&s, 2);
    s.limits.max_in_flight = 3;
    s.limits.reap = reap_none;
    admit(&s, WHOLE_BODY);
    is_refused(&s, 503, "overloaded",
               "The gateway has as many calls in flight as it may have");
    ok(s.call.fault.retry_after_ms > 0, "and says when to come again");
    is_int(reaped, 1, "the dead were looked for, once");
    is_int(s.asks, 0, "nobody is asked");
    is_int(llm_meter_in_flight(&the_meter), 3, "the others stay");
    strike(&s);

    set_stage(&s, 1);
    s.limits.max_in_flight = 3;
    s.limits.reap = reap_one;
    admit(&s, WHOLE_BODY);
    is_int(s.asks, 1, "a dead one's slot is the next call's");
    give_whole(&s, 200, ANSWER);
    strike(&s);
    is_int(llm_meter_in_flight(&the_meter), 2, "and free after it");
    for (int i = 1; i < 3; i++)
        llm_meter_settle(&the_meter, held[i], &record);
}

/* --- answered ------------------------------------------------------------ */

static void answered(void)
{
    const llm_reading before = totals();
    llm_reading after;
    stage s;

    set_stage(&s, 2);
    admit(&s, WHOLE_BODY);
    is_int(s.asks, 1, "the first target is asked");
    is_str(s.asked[0], "{\"model\":\"at-target\",\"messages\":[]}",
           "by its own name for the model");
    is_int(llm_meter_in_flight(&the_meter), 1, "one call is in flight");
    is_int(llm_call_deadline(&s.call), STARTED + WHOLE,
           "the first byte has its time");
    s.now += SEC;
    head(&s, 200, "application/json; charset=utf-8");
    give(&s, "{\"choices\":[{\"message\":{\"content\":\"hi\"}}],");
    is_int(s.heads, 0, "nothing is sent before it is whole");
    is_int(llm_call_deadline(&s.call), s.now + IDLE,
           "from then on every piece has its time");
    s.now += SEC;
    give_end(&s, LLM_OK, "\"usage\":" USED "}");
    is_int(llm_call_next(&s.call), LLM_CALL_OVER, "it is over");
    is_int(s.heads, 1, "one head");
    is_int(s.status, 200, "of status 200");
    is_str(s.type, "application/json", "and JSON");
    is_got(&s, ANSWER, "the provider's bytes");
    settle(&s, LLM_OK);
    after = totals();
    is_int(after.tokens_in - before.tokens_in, 7, "tokens in");
    is_int(after.tokens_out - before.tokens_out, 3, "tokens out");
    is_int(after.bytes_in - before.bytes_in, strlen(WHOLE_BODY), "bytes in");
    is_int(after.bytes_out - before.bytes_out, strlen(ANSWER), "bytes out");
    is_int(after.streams - before.streams, 0, "no stream");
    is_int(after.failovers - before.failovers, 0, "no failover");
    is_int(after.unmetered - before.unmetered, 0, "its usage is known");
    is_int(after.total.sum - before.total.sum, 2 * SEC, "it took 2 s");
    is_int(after.first.sum - before.first.sum, SEC, "and 1 s at first");
    strike(&s);
}

/* Wherever the bytes are split, and whether head and end come alone. */
static void any_split(void)
{
    const size_t n = strlen(ANSWER);
    int wrong = 0;
    stage s;

    for (size_t cut = 0; cut <= n; cut++) {
        set_stage(&s, 1);
        admit(&s, WHOLE_BODY);
        head(&s, 200, "application/json");
        give_n(&s, ANSWER, cut);
        give_n(&s, ANSWER + cut, n - cut);
        give_end(&s, LLM_OK, "");
        wrong += s.status != 200 || s.call.fault.fault
            || strcmp(got(&s), ANSWER);
        strike(&s);
    }
    is_int(wrong, 0, "an answer split anywhere is that answer");
}

static void unmetered(void)
{
    const llm_reading before = totals();
    stage s;

    set_stage(&s, 1);
    admit(&s, WHOLE_BODY);
    give_whole(&s, 200, "{\"choices\":[]}");
    settle(&s, LLM_OK);
    is_int(totals().unmetered - before.unmetered, 1, "no usage is noted");
    strike(&s);
}

/* --- faults of one target ------------------------------------------------ */

static void status_faults(void)
{
    static const struct {
        int status;
        const char *body;
        int to_client;
        const char *code, *text;
        llm_fault fault;
    } cases[] = {
        { 400, "{\"error\":{\"message\":\"No.\",\"code\":\"c\"}}", 400, "c",
          "No.", LLM_REJECTED },
        { 404, "{\"error\":\"gone\"}", 404, "rejected", "gone",
          LLM_REJECTED },
        { 400, "{\"error\":{\"message\":\"long\",\"code\":"
          "\"context_length_exceeded\"}}", 400, "context_length_exceeded",
          "long", LLM_CONTEXT },
        { 400, "{\"error\":{\"message\":\"bad\",\"code\":"
          "\"content_policy_violation\"}}", 400, "content_policy_violation",
          "bad", LLM_POLICY },
        { 401, "{\"error\":\"your key sk-1234 is bad\"}", 502,
          "provider_key_refused", "The provider refused the gateway's key",
          LLM_REFUSED_KEY },
        { 429, "{\"error\":{\"message\":\"slow down\"}}", 429,
          "rate_limit_exceeded", "slow down", LLM_LIMITED },
        { 500, "oops", 502, "provider_failed", "The provider failed",
          LLM_FAILED },
        { 503, "", 503, "provider_overloaded", "The provider is overloaded",
          LLM_OVERLOADED },
        { 504, "", 504, "provider_timeout",
          "The provider did not answer in time", LLM_SLOW },
        { 302, "<html>", 502, "provider_garbage",
          "The provider's answer is not understood", LLM_GARBAGE },
        { 204, "", 502, "provider_failed", "The provider failed",
          LLM_FAILED },
        { 200, "", 502, "provider_garbage",
          "The provider's answer is not understood", LLM_GARBAGE },
        { 200, "{\"choices\":[{\"mess", 502, "provider_garbage",
          "The provider's answer is not understood", LLM_GARBAGE },
        { 200, "{\"error\":{\"message\":\"m\",\"code\":\"rate_limit\"}}", 429,
          "rate_limit", "m", LLM_LIMITED },
    };
    stage s;

    for (size_t i = 0; i < COUNT(cases); i++)
        for (int cut = 0; cut < 2; cut++) {
            if (cut && cases[i].status == 200)
                continue;
            set_stage(&s, 1);
            admit(&s, i % 2 ? WHOLE_BODY : cases[i].status == 200
                                           ? WHOLE_BODY : STREAM_BODY);
            head(&s, cases[i].status, "application/json");
            give(&s, cases[i].body);
            give_end(&s, cut ? LLM_CUT : LLM_OK, "");
            is_refused(&s, cases[i].to_client, cases[i].code, cases[i].text);
            settle(&s, cases[i].fault);
            strike(&s);
        }
}

static void network_faults(void)
{
    static const llm_fault faults[] = {
        LLM_UNREACHABLE, LLM_UNTRUSTED, LLM_RESET, LLM_SLOW, LLM_CUT,
        LLM_GARBAGE, LLM_INTERNAL, LLM_STOPPING,
    };
    const llm_fault_row *row;
    llm_arrival what;
    stage s;

    for (size_t i = 0; i < COUNT(faults); i++)
        for (int when = 0; when < 2; when++) {
            row = llm_fault_of(faults[i]);
            set_stage(&s, 1);
            admit(&s, WHOLE_BODY);
            if (when) {
                head(&s, 200, "application/json");
                give(&s, "{\"choices\":[");
            }
            what = arrival(&s, "", 0);
            what.ended = 1;
            what.fault = faults[i];
            snprintf(what.trouble, sizeof what.trouble, "because");
            arrive(&s, &what);
            is_refused(&s, row->status, row->code,
                       apr_pstrcat(s.pool, row->text, ": because", NULL));
            settle(&s, faults[i]);
            strike(&s);
        }
    set_stage(&s, 1);
    admit(&s, WHOLE_BODY);
    give_end(&s, LLM_OK, "");
    is_refused(&s, 502, "provider_reset", llm_fault_of(LLM_RESET)->text);
    settle(&s, LLM_RESET);
    strike(&s);
}

static void unusable_heads(void)
{
    static const struct {
        const char *body, *type;
        int encoded;
    } cases[] = {
        { WHOLE_BODY, "text/html", 0 },
        { WHOLE_BODY, "", 0 },
        { WHOLE_BODY, "application/jsonl", 0 },
        { WHOLE_BODY, "text/event-stream", 0 },
        { WHOLE_BODY, "application/json", 1 },
        { STREAM_BODY, "application/json", 0 },
        { STREAM_BODY, "text/event-streams", 0 },
        { STREAM_BODY, "text/event-stream", 1 },
    };
    stage s;

    for (size_t i = 0; i < COUNT(cases); i++) {
        set_stage(&s, 1);
        admit(&s, cases[i].body);
        head(&s, 200, cases[i].type);
        s.head.encoded = cases[i].encoded;
        give(&s, "");
        is_int(llm_call_next(&s.call), LLM_CALL_OVER, "a head of type '%s' "
               "is enough", cases[i].type);
        is_int(s.status, 502, "to know better");
        is_str(error_member(&s, got(&s), "code"), "provider_garbage",
               "garbage");
        settle(&s, LLM_GARBAGE);
        strike(&s);
    }
}

/* --- ceilings ------------------------------------------------------------ */

static const char *long_answer(const stage *s, size_t n)
{
    char *const text = apr_palloc(s->pool, n + 1);

    memset(text, ' ', n);
    memcpy(text, "{\"choices\":[]", 13);
    text[n - 1] = '}';
    text[n] = '\0';
    return text;
}

static void ceilings(void)
{
    stage s;

    for (int over = 0; over < 2; over++)
        for (int pieces = 1; pieces < 3; pieces++) {
            const char *text;
            size_t n, half;

            set_stage(&s, 2);
            s.limits.max_answer = 5000;
            llm_call_begin(&s.call, s.now);
            text = long_answer(&s, n = 5000 + (size_t)over);
            half = pieces > 1 ? n / 2 : n;
            admit(&s, WHOLE_BODY);
            head(&s, 200, "application/json");
            give_n(&s, text, half);
            if (pieces > 1)
                give_n(&s, text + half, n - half);
            if (!over)
                give_end(&s, LLM_OK, "");
            is_int(s.asks, 1, "an answer of %zu bytes of 5000", n);
            is_int(s.status, over ? 502 : 200, "in %d pieces", pieces);
            settle(&s, over ? LLM_ANSWER_TOO_LARGE : LLM_OK);
            strike(&s);
        }
}

/* Of an error's body the head is enough, and its end ends the call. */
static void endless_error(void)
{
    char block[8192];
    stage s;

    memset(block, 'x', sizeof block);
    set_stage(&s, 1);
    admit(&s, WHOLE_BODY);
    head(&s, 400, "text/plain");
    for (int i = 0; i < 500; i++)
        give_n(&s, block, sizeof block);
    ok(s.call.answer.len <= 128 * 1024, "%zu bytes of 4 MB are kept",
       s.call.answer.len);
    give_end(&s, LLM_OK, "");
    settle(&s, LLM_REJECTED);
    strike(&s);
}

/* --- time ---------------------------------------------------------------- */

static void slow(void)
{
    stage s;

    set_stage(&s, 1);
    admit(&s, WHOLE_BODY);
    pass_time(&s, STARTED + WHOLE - 1);
    is_int(llm_call_next(&s.call), LLM_CALL_WAIT, "not yet slow");
    pass_time(&s, STARTED + WHOLE);
    is_refused(&s, 504, "provider_timeout", llm_fault_of(LLM_SLOW)->text);
    settle(&s, LLM_SLOW);
    strike(&s);

    set_stage(&s, 1);
    admit(&s, WHOLE_BODY);
    head(&s, 200, "application/json");
    pass_time(&s, STARTED + WHOLE);
    settle(&s, LLM_SLOW);
    strike(&s);
}

static void stalled(void)
{
    stage s;

    set_stage(&s, 1);
    admit(&s, WHOLE_BODY);
    head(&s, 200, "application/json");
    give(&s, "{\"choices\":");
    pass_time(&s, s.now + IDLE - 1);
    give(&s, "[");
    pass_time(&s, s.now + IDLE - 1);
    is_int(llm_call_next(&s.call), LLM_CALL_WAIT, "every piece counts");
    pass_time(&s, s.now + 1);
    is_refused(&s, 504, "provider_stalled", llm_fault_of(LLM_STALLED)->text);
    settle(&s, LLM_STALLED);
    strike(&s);
}

/* However lively it is. */
static void total_time(void)
{
    stage s;
    int pieces = 0;

    set_stage(&s, 1);
    admit(&s, WHOLE_BODY);
    head(&s, 200, "application/json");
    give(&s, "{\"choices\":[],\"x\":\"");
    while (llm_call_next(&s.call) == LLM_CALL_WAIT && pieces++ < 1000) {
        s.now += SEC;
        give(&s, "x");
    }
    is_int(s.now, STARTED + TOTAL, "a call ends when its time is over");
    settle(&s, LLM_SLOW);
    strike(&s);
}

/* --- the next target ----------------------------------------------------- */

static void failover(void)
{
    const llm_reading before = totals();
    llm_reading after;
    stage s;

    set_stage(&s, 3);
    admit(&s, WHOLE_BODY);
    give_whole(&s, 500, "{\"error\":\"one is down\"}");
    is_int(s.asks, 2, "the second target is asked at once");
    is_int(s.heads, 0, "the client knows nothing of it");
    is_int(llm_call_deadline(&s.call), s.now + WHOLE, "with time of its own");
    s.now += SEC;
    give_end(&s, LLM_UNREACHABLE, "");
    is_int(s.asks, 3, "then the third");
    is_str(s.asked[2], s.asked[0], "with the same request");
    give_whole(&s, 200, ANSWER);
    is_got(&s, ANSWER, "whose answer the client gets");
    is_str(s.call.target->provider_name, "three", "it is the third's call");
    settle(&s, LLM_OK);
    after = totals();
    is_int(after.failovers - before.failovers, 2, "two attempts given up");
    is_int(after.given_up[LLM_FAILED] - before.given_up[LLM_FAILED], 1,
           "one failed");
    is_int(after.given_up[LLM_UNREACHABLE]
           - before.given_up[LLM_UNREACHABLE], 1, "one was unreachable");
    strike(&s);
}

static void all_fail(void)
{
    stage s;

    set_stage(&s, 3);
    admit(&s, WHOLE_BODY);
    give_whole(&s, 429, "{\"error\":{\"message\":\"one is full\"}}");
    give_end(&s, LLM_RESET, "");
    give_whole(&s, 200, "garbage");
    is_int(s.asks, 3, "all are asked");
    is_refused(&s, 429, "rate_limit_exceeded",
               "one is full (tried: one, two, three)");
    settle(&s, LLM_GARBAGE);
    strike(&s);
}

static void every_fault(void)
{
    stage s;

    for (int fault = LLM_REFUSED_KEY; fault < LLM_DIED; fault++) {
        const int next = llm_fault_of(fault)->next == LLM_NEXT_TARGET;

        set_stage(&s, 2);
        admit(&s, fault % 2 ? WHOLE_BODY : STREAM_BODY);
        give_end(&s, (llm_fault)fault, "");
        is_int(s.asks, next ? 2 : 1, "%s: %s",
               llm_fault_of(fault)->word, next ? "next target" : "the end");
        is_int(s.heads, !next, "and the client hears of it, or not");
        strike(&s);
    }
}

/* The wait the provider asked for reaches the client. */
static void retry_after(void)
{
    stage s;

    set_stage(&s, 1);
    admit(&s, WHOLE_BODY);
    head(&s, 429, "application/json");
    s.head.retry_after_ms = 2500;
    give_end(&s, LLM_OK, "{\"error\":{\"message\":\"m\"}}");
    is_int(s.call.fault.retry_after_ms, 2500, "retry after");
    settle(&s, LLM_LIMITED);
    strike(&s);
}

/* What one attempt left must not be seen in the next. */
static void nothing_is_left(void)
{
    stage s;

    set_stage(&s, 2);
    admit(&s, WHOLE_BODY);
    head(&s, 200, "application/json");
    give(&s, "{\"choices\":[{}],\"usage\":{\"prompt_tokens\":99");
    give_end(&s, LLM_CUT, "");
    give_whole(&s, 200, "{\"choices\":[]}");
    is_got(&s, "{\"choices\":[]}", "not a byte of the first answer");
    is_int(s.call.usage.known, 0, "nor its usage");
    settle(&s, LLM_OK);
    strike(&s);
}

/* A request that took all its time has none for another target. */
static void no_time_left(void)
{
    stage s;

    set_stage(&s, 3);
    for (int i = 0; i < 3; i++)
        s.endpoints[i].whole = TOTAL;
    admit(&s, WHOLE_BODY);
    pass_time(&s, STARTED + TOTAL);
    is_int(s.asks, 1, "nobody else is asked");
    is_int(llm_call_next(&s.call), LLM_CALL_OVER, "it is over");
    is_int(s.status, 504, "too slow");
    strike(&s);
}

/* --- leaving ------------------------------------------------------------- */

static void client_leaves(void)
{
    stage s;

    for (int when = 0; when < 5; when++) {
        set_stage(&s, 2);
        admit(&s, WHOLE_BODY);
        if (when == 1)
            head(&s, 200, "application/json");
        if (when == 2)
            head(&s, 500, "application/json");
        if (when == 3)
            give_whole(&s, 503, "");
        if (when)
            give(&s, when < 3 ? "{\"choices\":[" : "");
        lose_client(&s);
        is_int(llm_call_next(&s.call), LLM_CALL_OVER, "a client that leaves "
               "ends its call (%d)", when);
        is_int(s.heads, 0, "nothing is sent");
        give_whole(&s, 200, ANSWER);
        is_int(s.heads, 0, "whatever comes after");
        is_int(s.asks, when == 3 ? 2 : 1, "nobody is asked after");
        settle(&s, LLM_CLIENT_GONE);
        strike(&s);
    }
}

/* An answer that is ready and not yet taken is lost; one that was taken is
 * not. */
static void leaves_late(void)
{
    llm_arrival what;
    llm_buf out;
    stage s;

    for (int taken = 0; taken < 2; taken++) {
        set_stage(&s, 1);
        admit(&s, WHOLE_BODY);
        head(&s, 200, "application/json");
        what = arrival(&s, ANSWER, strlen(ANSWER));
        what.ended = 1;
        llm_call_arrived(&s.call, &what, s.now);
        is_int(llm_call_next(&s.call), LLM_CALL_SEND, "there is an answer");
        llm_buf_init(&out, 0);
        if (taken)
            llm_call_take_out(&s.call, &out);
        llm_call_abandon(&s.call, LLM_CLIENT_GONE, s.now);
        is_int(llm_call_next(&s.call), LLM_CALL_OVER, "it is over");
        settle(&s, taken ? LLM_OK : LLM_CLIENT_GONE);
        llm_buf_free(&out);
        strike(&s);
    }
}

/* Whoever forgets to end a call: settling does. */
static void settled_anywhere(void)
{
    stage s;

    set_stage(&s, 1);
    admit(&s, WHOLE_BODY);
    settle(&s, LLM_CLIENT_GONE);
    strike(&s);

    set_stage(&s, 1);
    llm_call_admit(&s.call, s.models, WHOLE_BODY, strlen(WHOLE_BODY), s.now);
    settle(&s, LLM_CLIENT_GONE);
    strike(&s);

    set_stage(&s, 1);
    settle(&s, LLM_CLIENT_GONE);
    strike(&s);
}

/* --- names --------------------------------------------------------------- */

static int has_row(const char *provider, const char *model)
{
    llm_reading row;

    for (uint32_t i = 0; i < the_meter.rows; i++)
        if (llm_meter_read(&the_meter, i, &row)
            && !strcmp(row.provider, provider) && !strcmp(row.model, model)
            && !strcmp(row.customer, "customer"))
            return (int)row.calls;
    return -1;
}

static void wildcards(void)
{
    stage s;

    set_stage(&s, 1);
    add_line(&s, "wild-*", 1, NULL);
    admit(&s, "{\"model\":\"wild-cat\"}");
    is_str(s.asked[0], "{\"model\":\"wild-cat\"}", "asked by its own name");
    give_whole(&s, 200, ANSWER);
    settle(&s, LLM_OK);
    is_int(has_row("one", "wild-cat"), 1, "an answered name has a row");
    strike(&s);

    set_stage(&s, 1);
    add_line(&s, "wild-*", 1, NULL);
    admit(&s, "{\"model\":\"wild-goose\"}");
    give_whole(&s, 404, "");
    settle(&s, LLM_REJECTED);
    is_int(has_row("one", "wild-goose"), -1, "a name that was not has none");
    is_int(has_row("one", "wild-*"), 1, "it counts on its line's");
    strike(&s);

    set_stage(&s, 1);
    add_line(&s, "wild-*", 1, NULL);
    admit(&s, "{\"model\":\"wild-\\\"<b> \"}");
    give_whole(&s, 200, ANSWER);
    settle(&s, LLM_OK);
    is_int(has_row("one", "wild-*"), 2, "so does one that is no name");
    strike(&s);
}

static void echo_parameters(void)
{
    stage s;

    set_stage(&s, 2);
    s.providers[0].takes_parameters = 1;
    admit(&s, "{\"model\":\"m?delay=1&x\"}");
    is_str(s.asked[0], "{\"model\":\"at-target?delay=1&x\"}",
           "parameters go to who takes them");
    give_whole(&s, 500, "");
    is_str(s.asked[1], "{\"model\":\"at-target\"}", "and to nobody else");
    give_whole(&s, 200, ANSWER);
    settle(&s, LLM_OK);
    is_int(has_row("two", "m?delay=1&x"), -1, "and into no row");
    ok(has_row("two", "m") > 0, "the row is the line's");
    strike(&s);
}

int main(void)
{
    open_theatre();
    refusals();
    too_deep();
    refused_early();
    in_flight();
    answered();
    any_split();
    unmetered();
    status_faults();
    network_faults();
    unusable_heads();
    ceilings();
    endless_error();
    slow();
    stalled();
    total_time();
    failover();
    all_fail();
    every_fault();
    retry_after();
    nothing_is_left();
    no_time_left();
    client_leaves();
    leaves_late();
    settled_anywhere();
    wildcards();
    echo_parameters();
    close_theatre();
    return done();
}
