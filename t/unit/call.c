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
    client_leaves();
    leaves_late();
    settled_anywhere();
    wildcards();
    echo_parameters();
    close_theatre();
    return done();
}
