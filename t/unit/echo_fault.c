/* The echo provider, asked wrongly or asked to go wrong. */
#include "talk.h"

/* --- requests that are wrong -------------------------------------------- */

static void bad_requests(void)
{
    const char *good = request("m", "");
    static const struct {
        const char *members, *code, *param;
    } bad[] = {
        { ",\"n\":2", "unsupported_value", "n" },
        { ",\"n\":0", "invalid_value", "n" },
        { ",\"n\":\"1\"", "invalid_type", "n" },
        { ",\"stream\":1", "invalid_type", "stream" },
        { ",\"stream_options\":{\"include_usage\":1}", "invalid_type",
          "stream_options.include_usage" },
        { ",\"max_tokens\":0", "invalid_value", "max_tokens" },
        { ",\"max_tokens\":1.5", "invalid_type", "max_tokens" },
        { ",\"max_completion_tokens\":-1", "invalid_value",
          "max_completion_tokens" },
        { ",\"stop\":1", "invalid_type", "stop" },
        { ",\"stop\":[1]", "invalid_type", "stop" },
        { ",\"stop\":[\"a\",\"b\",\"c\",\"d\",\"e\"]", "invalid_value",
          "stop" },
        { ",\"messages\":{}", "invalid_type", "messages" },
        { ",\"messages\":[]", "invalid_value", "messages" },
        { ",\"messages\":[{}]", "missing_required_parameter",
          "messages[0].role" },
        { ",\"messages\":[7]", "missing_required_parameter",
          "messages[0].role" },
        { ",\"model\":\"\"", "invalid_value", "model" },
        { ",\"model\":\"?pace=0\"", "invalid_value", "model" },
        { ",\"model\":\"a\\u0000b\"", "invalid_value", "model" },
        { ",\"model\":7", "", "" },
    };
    size_t i;

    for (i = 0; i < sizeof bad / sizeof *bad; i++)
        is_error(ask("", request("m", bad[i].members)), 400, bad[i].code,
                 bad[i].param);
    is_error(ask("", "{\"model\":\"m\"}"), 400, "missing_required_parameter",
             "messages");
    is_error(ask("", "{}"), 400, "", "");
    is_error(ask("", ""), 400, "", "");
    is_error(ask("", "[]"), 400, "", "");
    is_error(ask("", "{\"model\":\"m\",}"), 400, "", "");
    is_error(ask_at("/v1/embeddings", "", good, strlen(good)), 404,
             "unknown_url", "");
    is_error(ask_at("/chat/completion", "", "", 0), 404, "unknown_url", "");
    is_error(ask_at("", "", "", 0), 404, "unknown_url", "");
    is_error(ask_at("/\"\xff\x01?a=/chat/completions", "", "", 0), 404,
             "unknown_url", "");
    is_error(ask_at("/chat/completions?a=b", "fault=401", good, strlen(good)),
             401, "invalid_api_key", "");
}

/* --- what goes wrong on request ----------------------------------------- */

static talk broken(const char *fault, const char *members)
{
    return ask(apr_pstrcat(pool, "fault=", fault, NULL),
               request("m", members));
}

static void statuses(void)
{
    static const struct {
        const char *word, *code;
    } rows[] = {
        { "400", "" }, { "401", "invalid_api_key" },
        { "402", "insufficient_balance" },
        { "403", "unsupported_country_region_territory" },
        { "404", "model_not_found" }, { "408", "request_timeout" },
        { "429", "rate_limit_exceeded" }, { "500", "" },
        { "502", "bad_gateway" }, { "503", "overloaded" },
        { "504", "gateway_timeout" }, { "529", "overloaded" },
    };
    size_t i;
    long status;
    talk t;

    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *word = apr_pstrcat(pool, rows[i].word, " retry=7", NULL);

        llm_text_number(rows[i].word, 0, 999, &status);
        is_error(broken(rows[i].word, ""), (int)status, rows[i].code, "");
        is_error(broken(rows[i].word, STREAM), (int)status, rows[i].code, "");
        t = broken(word, "");
        is_str(t.retry_after, status == 429 || status == 503 ? "7" : "",
               "retry-after of %s", rows[i].word);
        forget(&t);
    }
    t = broken("529", "");
    is_str(str_at(t.json, "error.type"), "overloaded_error", "its type");
    forget(&t);
    t = broken("429", "");
    is_str(t.retry_after, "", "none unless asked for");
    forget(&t);
    is_error(broken("context", ""), 400, "context_length_exceeded",
             "messages");
    is_error(broken("policy", STREAM), 400, "content_policy_violation", "");
}

static void no_head(const char *fault, llm_step_kind end)
{
    talk t = broken(apr_pstrcat(pool, fault, " delay=1s", NULL), STREAM);

    is_int(t.status, 0, "%s: no head", fault);
    is_int(t.pieces, 0, "no bytes");
    is_int(t.end, end, "its end");
    is_int(t.last, 1000000, "after the delay");
    forget(&t);
}

static void late(const char *members)
{
    talk t = broken("late", members);

    is_int(t.status, 200, "late: a head");
    is_int(t.pieces, 0, "and no bytes");
    is_int(t.end, LLM_STEP_HANG, "for ever");
    forget(&t);
}

/* `cut` and `stall` end alike. */
static void stops(const char *fault, llm_step_kind end)
{
    talk t = broken(fault, STREAM);

    is_int(t.end, end, "%s in a stream", fault);
    ok(says(&t.text, "You said:"), "after half of the tokens");
    is_int(t.dones + t.usages, 0, "without an end");
    is_str(t.finish, "", "or a finish");
    forget(&t);
    t = broken(apr_pstrcat(pool, fault, " at=4 pace=1s", NULL), STREAM);
    ok(says(&t.text, "You said: Hello big"), "after four");
    is_int(t.last, 1000000, "when the fifth should come");
    forget(&t);
    t = broken(apr_pstrcat(pool, fault, " at=0", NULL), STREAM);
    is_int(t.deltas, 1, "after the role");
    forget(&t);
    t = broken(apr_pstrcat(pool, fault, " at=99", NULL), STREAM);
    ok(says(&t.text, HELLO) && !*t.finish, "after all of them");
    is_int(t.end, end, "and yet");
    forget(&t);
    t = broken(fault, "");
    is_int(t.end, end, "%s of a whole answer", fault);
    ok(!t.json && t.body.len, "which is in part there");
    forget(&t);
}

static void malformed(void)
{
    talk t = broken("malformed", USAGE);

    is_int(t.broken, 1, "one malformed event");
    ok(says(&t.text, HELLO), "all others are there");
    is_int(t.dones + t.usages, 2, "to the end");
    forget(&t);
    t = broken("malformed", "");
    ok(t.status == 200 && t.body.len && !t.json, "whole: not JSON at all");
    is_int(t.end, LLM_STEP_END, "but all of it");
    forget(&t);
}

static void odd_ends(void)
{
    talk t = broken("noend", USAGE);

    ok(t.dones == 0 && t.usages == 1, "noend: no [DONE]");
    is_int(t.end, LLM_STEP_END, "but an end");
    is_str(t.finish, "stop", "and a finish");
    forget(&t);
    t = broken("nousage", USAGE);
    ok(t.dones == 1 && !t.usages && !t.nulls, "nousage: none, not even null");
    forget(&t);
    t = broken("nousage", "");
    ok(t.json && !at(t.json, "usage"), "nor in a whole answer");
    forget(&t);
    t = broken("usage", USAGE);
    ok(t.dones == 1 && t.usages == 1, "usage: as usual");
    forget(&t);
    t = broken("html", STREAM);
    is_str(t.type, "text/html; charset=utf-8", "a page");
    ok(t.status == 200 && !strncmp(t.body.data, "<!DOCTYPE html>", 15),
       "with status 200");
    forget(&t);
    t = broken("earlyerror", STREAM);
    ok(t.status == 200 && t.errors == 1 && t.events == 1,
       "an error is the only event");
    forget(&t);
    t = broken("earlyerror", "");
    ok(t.status == 200 && at(t.json, "error"), "and the only JSON");
    forget(&t);
}

static void huge(const char *size, long long bytes, long long tokens)
{
    const char *fault = apr_pstrcat(pool, "huge tools=2 size=", size, NULL);
    talk t = broken(fault, "");
    talk s = broken(fault, USAGE);
    size_t n;

    llm_json_string(at(t.json, "choices.0.message.content"), &n);
    is_int(n, bytes, "huge: %s of content", size);
    is_int(int_at(t.json, "usage.completion_tokens"), tokens, "tokens");
    is_int(s.text.len, bytes, "the same streamed");
    is_int(int_at(s.usage, "completion_tokens"), tokens, "tokens");
    ok(t.largest < 16384 && s.largest < 16384, "in small pieces");
    forget(&t);
    forget(&s);
}

static void faults(void)
{
    no_head("refuse", LLM_STEP_REFUSE);
    no_head("reset", LLM_STEP_RESET);
    no_head("silent", LLM_STEP_HANG);
    late("");
    late(STREAM);
    stops("cut", LLM_STEP_RESET);
    stops("stall", LLM_STEP_HANG);
    malformed();
    odd_ends();
    huge("1", 1, 1);
    huge("8192", 8192, 1);
    huge("8193", 8193, 2);
    huge("3M", 3 << 20, 384);
}

/* Closed at any moment, as clients leave. */
static void left(void)
{
    const char *body = request("m?tools=2&pace=1s", STREAM);
    llm_step step;
    unsigned steps, i;
    void *peer;

    for (steps = 0; steps < 12; steps++) {
        peer = llm_echo_peer.open(CHAT, body, strlen(body), "");
        for (i = 0; i < steps; i++)
            llm_echo_peer.next(peer, &step);
        llm_echo_peer.close(peer);
    }
    ok(1, "left after 0 to 11 steps");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    bad_requests();
    statuses();
    faults();
    left();
    apr_pool_destroy(pool);
    apr_terminate();
    return done();
}
