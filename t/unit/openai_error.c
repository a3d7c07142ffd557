/* Errors of the OpenAI dialect, read from providers of whom nothing may be
 * believed, and written for clients; and the lists of models. */
#include <stdlib.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "../../src/base/json.h"
#include "../../src/wire/dialect.h"
#include "../tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define KEY "hunter2-not-like-a-key"

static apr_pool_t *pool;
static const llm_secret *secret;

static llm_fault_detail read_n(int status, const char *body, size_t n)
{
    char *const copy = malloc(n ? n : 1);
    llm_fault_detail out;

    if (!copy)
        exit(2);
    memcpy(copy, body, n);
    memset(&out, 0x55, sizeof out);
    llm_openai.read_error(status, copy, n, secret, &out, pool);
    memset(copy, '#', n);
    free(copy);
    return out;
}

static llm_fault_detail read_body(int status, const char *body)
{
    return read_n(status, body, strlen(body));
}

/* --- what a status means ------------------------------------------------- */

static llm_fault wanted(int status)
{
    if (status == 401 || status == 402 || status == 403)
        return LLM_REFUSED_KEY;
    if (status == 429)
        return LLM_LIMITED;
    if (status == 503 || status == 529)
        return LLM_OVERLOADED;
    if (status == 408 || status == 504)
        return LLM_SLOW;
    if (status >= 300 && status < 400)
        return LLM_GARBAGE;
    return status >= 400 && status < 500 ? LLM_REJECTED : LLM_FAILED;
}

static void statuses(void)
{
    static const char body[] = "{\"error\":{\"message\":\"Because.\","
        "\"type\":\"t\",\"param\":\"p\",\"code\":\"c\"}}";
    int wrong = 0, bare = 0;

    for (int status = 201; status < 1000; status++) {
        const llm_fault_detail said = read_body(status, body);
        const llm_fault_detail mute = read_body(status, "");
        const int own = said.fault == LLM_REJECTED
            || said.fault == LLM_LIMITED;
        const int quiet = said.fault == LLM_REFUSED_KEY
            || said.fault == LLM_GARBAGE;

        wrong += said.fault != wanted(status)
            || said.status != (own ? status : 0)
            || (said.text == NULL) != quiet
            || (said.text && strcmp(said.text, "Because."))
            || (said.type != NULL) != own
            || (said.param != NULL) != own
            || (said.code != NULL) != own || said.retry_after_ms;
        bare += mute.fault != wanted(status) || mute.text || mute.type
            || mute.param || mute.code;
        apr_pool_clear(pool);
    }
    is_int(wrong, 0, "every status means what the table says");
    is_int(bare, 0, "also without a body");
}

/* --- what words mean ----------------------------------------------------- */

static void words(void)
{
    static const struct {
        const char *type, *code;
        llm_fault at_400, in_stream;
    } cases[] = {
        { "", "context_length_exceeded", LLM_CONTEXT, LLM_CONTEXT },
        { "", "content_policy_violation", LLM_POLICY, LLM_POLICY },
        { "", "content_filter", LLM_POLICY, LLM_POLICY },
        { "", "rate_limit_exceeded", LLM_LIMITED, LLM_LIMITED },
        { "rate_limit_error", "", LLM_LIMITED, LLM_LIMITED },
        { "overloaded_error", "", LLM_OVERLOADED, LLM_OVERLOADED },
        { "", "overloaded", LLM_OVERLOADED, LLM_OVERLOADED },
        { "server_error", "", LLM_REJECTED, LLM_FAILED },
        { "", "", LLM_REJECTED, LLM_FAILED },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *const body
            = apr_psprintf(pool, "{\"error\":{\"message\":\"m\",\"type\":"
                           "\"%s\",\"code\":\"%s\"}}", cases[i].type,
                           cases[i].code);

        is_int(read_body(400, body).fault, cases[i].at_400,
               "a 400 of type '%s', code '%s'", cases[i].type,
               cases[i].code);
        is_int(read_body(0, body).fault, cases[i].in_stream,
               "the same in a stream");
        is_int(read_body(500, body).fault, LLM_FAILED, "a 500 is a 500");
        is_int(read_body(401, body).fault, LLM_REFUSED_KEY,
               "a 401 is a 401");
    }
    is_int(read_body(0, "{\"error\":{\"message\":\"m\"}}").status, 0,
           "an error in a stream has no status of its own");
}

/* As providers word it, most of them without a code. */
static void too_long(void)
{
    static const struct {
        const char *message;
        long long context;
    } cases[] = {
        { "This model's maximum context length is 8192 tokens. However, your "
          "messages resulted in 10242 tokens. Please reduce the length of the "
          "messages.", 8192 },
        { "This model's maximum context length is 1,047,576 tokens.",
          1047576 },
        { "This endpoint's maximum context length is 200000 tokens. However, "
          "you requested about 210000 tokens.", 200000 },
        { "Your input exceeds the context window of this model.", 0 },
        { "Input tokens exceed the configured limit of 272000 tokens. Your "
          "messages resulted in 300012 tokens.", 272000 },
        { "The decoder prompt (length 5000) is longer than the maximum model "
          "length of 4096.", 4096 },
        { "Prompt contains 65673 tokens and 0 draft tokens, too large for "
          "model with 32768 maximum context length", 32768 },
        { "This model's maximum prompt length is 131072 but the request "
          "contains 537812 tokens.", 131072 },
        { "The prompt is too long: 9000, model maximum context length: 8192",
          8192 },
        { "request (5000 tokens) exceeds the available context size (4096 "
          "tokens), try increasing it", 4096 },
        { "The input token count (1200293) exceeds the maximum number of "
          "tokens allowed (1048576).", 1048576 },
        { "prompt is too long: 200001 tokens > 200000 maximum", 200000 },
        { "maximum context length is 99999999999999999999999 tokens", 0 },
        { "maximum context length is unknown", 0 },
        { "maximum context length is ", 0 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *const body = apr_pstrcat(pool, "{\"error\":{\"message\":"
            "\"", cases[i].message, "\",\"code\":400}}", NULL);

        is_int(read_body(400, body).fault, LLM_CONTEXT, "too long: %s",
               cases[i].message);
        is_int(read_body(400, body).context, cases[i].context, "its context");
        is_int(read_body(0, body).fault, LLM_CONTEXT, "the same in a stream");
        is_int(read_body(500, body).fault, LLM_FAILED, "a 500 is a 500");
    }
    is_int(read_body(400, "{\"error\":{\"message\":\"m\",\"code\":"
                     "\"context_length_exceeded\"}}").context, 0,
           "a code tells no size");
}

/* No waiting helps against these, so they are not limits. */
static void spent(void)
{
    static const struct {
        int status;
        const char *type, *code, *message;
        llm_fault fault;
    } cases[] = {
        { 429, "insufficient_quota", "insufficient_quota", "You exceeded your "
          "current quota, please check your plan and billing details.",
          LLM_REFUSED_KEY },
        { 429, "insufficient_quota", "", "m", LLM_REFUSED_KEY },
        { 429, "", "insufficient_quota", "m", LLM_REFUSED_KEY },
        { 429, "", "", "You exceeded your current quota", LLM_REFUSED_KEY },
        { 429, "billing_not_active", "billing_not_active", "Your account is "
          "not active, please check your billing details on our website.",
          LLM_REFUSED_KEY },
        { 400, "invalid_request_error", "billing_hard_limit_reached",
          "Billing hard limit has been reached", LLM_REFUSED_KEY },
        { 0, "insufficient_quota", "", "m", LLM_REFUSED_KEY },
        { 429, "requests", "rate_limit_exceeded", "Rate limit reached for m "
          "in organization o on requests per min (RPM): Limit 3, Used 3.",
          LLM_LIMITED },
        { 500, "insufficient_quota", "", "m", LLM_FAILED },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const llm_fault_detail got = read_body(cases[i].status, apr_psprintf(
            pool, "{\"error\":{\"message\":\"%s\",\"type\":\"%s\",\"code\":"
            "\"%s\"}}", cases[i].message, cases[i].type, cases[i].code));

        is_int(got.fault, cases[i].fault, "%d, %s, %s, %s", cases[i].status,
               cases[i].type, cases[i].code, cases[i].message);
        if (got.fault == LLM_REFUSED_KEY)
            is_str(got.text, "The provider refused the gateway's key, whose "
                   "credit or quota is used up", "in our own words");
    }
    is_int(read_body(429, "[{\"error\":{\"code\":429,\"message\":\"You "
                     "exceeded your current quota\",\"status\":"
                     "\"RESOURCE_EXHAUSTED\",\"details\":[{\"retryDelay\":"
                     "\"26s\"}]}}]").fault, LLM_LIMITED,
           "Google calls a minute's limit so, too");
}

/* --- shapes -------------------------------------------------------------- */

static void is_read(const char *body, const char *text, const char *type,
                    const char *param, const char *code)
{
    const llm_fault_detail got = read_body(422, body);

    is_int(got.fault, LLM_REJECTED, "read: %.60s", body);
    is_str(got.text, text, "its message");
    is_str(got.type, type, "its type");
    is_str(got.param, param, "its param");
    is_str(got.code, code, "its code");
}

static void shapes(void)
{
    is_read("{\"error\":{\"message\":\"m\",\"type\":\"t\",\"param\":\"p\","
            "\"code\":\"c\"}}", "m", "t", "p", "c");
    is_read("{\"error\":{\"code\":422,\"message\":\"m\",\"type\":null,"
            "\"param\":[]}}", "m", NULL, NULL, NULL);
    is_read("{\"\\u0065rror\":{\"mess\\u0061ge\":\"\\u00e9\"}}", "\xc3\xa9",
            NULL, NULL, NULL);
    is_read("{\"error\":\"just text\"}", "just text", NULL, NULL, NULL);
    is_read("{\"error\":\"just text\",\"message\":\"x\",\"code\":\"y\"}",
            "just text", NULL, NULL, NULL);
    is_read("{\"object\":\"error\",\"message\":\"m\",\"type\":\"t\","
            "\"param\":\"p\",\"code\":\"c\"}", "m", "t", "p", "c");
    is_read("{\"code\":\"x\",\"message\":\"x\",\"error\":{\"message\":\"m\"},"
            "\"type\":\"x\"}", "m", NULL, NULL, NULL);
    is_read("{\"error\":{\"type\":\"t\"},\"message\":\"x\"}", NULL, "t", NULL,
            NULL);
    is_read("[{\"error\":{\"message\":\"m\",\"code\":\"c\"}}]", "m", NULL,
            NULL, "c");
    is_read("[{\"error\":{\"message\":\"m\"}},{\"error\":{\"message\":\"n\"}}"
            "]", "m", NULL, NULL, NULL);
    is_read("{\"error\":null,\"message\":\"m\"}", "m", NULL, NULL, NULL);
    is_read("{\"error\":{\"message\":{}}}", NULL, NULL, NULL, NULL);
    is_read("{\"error\":7}", NULL, NULL, NULL, NULL);
    is_read("{\"error\":{\"message\":\"cut", NULL, NULL, NULL, NULL);
    is_read("{\"error\":{\"message\":\"m\"}}}", NULL, NULL, NULL, NULL);
    is_read("<html>502</html>", NULL, NULL, NULL, NULL);
    is_read("[]", NULL, NULL, NULL, NULL);
    is_read("[7]", NULL, NULL, NULL, NULL);
    is_read("7", NULL, NULL, NULL, NULL);
}

/* Nothing that is no word goes where words go. */
static void hostile_words(void)
{
    static const char *const bad[] = {
        "a b", "a\\r\\nSet-Cookie: x", "\\u0000", "\\u00e9", "", "<b>",
        "a,b", "\\\"", "01234567890123456789012345678901234567890123456789"
        "012345678901234",
    };

    for (size_t i = 0; i < COUNT(bad); i++) {
        const char *const body
            = apr_psprintf(pool, "{\"error\":{\"message\":\"m\",\"type\":"
                           "\"%s\",\"param\":\"%s\",\"code\":\"%s\"}}",
                           bad[i], bad[i], bad[i]);
        const llm_fault_detail got = read_body(400, body);

        ok(!got.type && !got.param && !got.code, "no word: %s", bad[i]);
        is_str(got.text, "m", "the message is read");
    }
}

static const char *long_error(const char *unit, int times)
{
    const size_t n = strlen(unit);
    char *const text = apr_palloc(pool, n * (size_t)times + 1);

    for (int i = 0; i < times; i++)
        memcpy(text + (size_t)i * n, unit, n);
    text[n * (size_t)times] = '\0';
    return apr_psprintf(pool, "{\"error\":{\"message\":\"%s\"}}", text);
}

static void hostile_bodies(void)
{
    llm_fault_detail got = read_body(400, long_error("abcdefghij", 6000));

    is_int(got.text ? strlen(got.text) : 0, 1000, "a long message is cut");
    got = read_body(400, long_error("x\xe2\x82\xac", 500));
    ok(got.text && strlen(got.text) > 990
       && llm_text_utf8(got.text, strlen(got.text)) == strlen(got.text),
       "between two characters");
    got = read_body(400, long_error("\\u20ac\\n", 500));
    ok(got.text && strlen(got.text) > 990 && strlen(got.text) <= 1000,
       "whatever its escapes");
    got = read_body(400, "{\"error\":{\"message\":\"a\\u0000b\"}}");
    is_str(got.text, NULL, "a message with a NUL is none");
    got = read_n(400, "{\"error\":\"a\0b\"}", 15);
    is_str(got.text, NULL, "nor is one with a NUL in the text");
    got = read_body(400, apr_psprintf(pool, "{\"error\":{\"message\":\"m\","
                                      "\"x\":%.*s%.*s}}", 40,
                                      "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
                                      "[[", 40, "]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
                                      "]]]]]]]]]]]]"));
    is_str(got.text, NULL, "what is too deep is not read");
}

/* --- keys ---------------------------------------------------------------- */

static int leaks(const llm_fault_detail *got)
{
    return (got->text && strstr(got->text, KEY))
        || (got->type && strstr(got->type, KEY))
        || (got->param && strstr(got->param, KEY))
        || (got->code && strstr(got->code, KEY));
}

/* A provider that says the key back, anywhere it can. */
static void keys(void)
{
    static const char *const bodies[] = {
        "{\"error\":{\"message\":\"Bad key " KEY "!\"}}",
        "{\"error\":\"" KEY "\"}",
        "{\"message\":\"" KEY "\"}",
        "{\"error\":{\"message\":\"h\\u0075nter2-not-like-a-key\"}}",
        "{\"error\":{\"message\":\"m\",\"type\":\"" KEY "\"}}",
        "{\"error\":{\"message\":\"m\",\"param\":\"x-" KEY "\"}}",
        "{\"error\":{\"message\":\"m\",\"code\":\"" KEY "-x\"}}",
    };
    static const int status[] = { 0, 400, 401, 404, 429, 500, 503 };
    const size_t n = strlen(KEY);
    llm_fault_detail got;
    int leak = 0;

    for (size_t i = 0; i < COUNT(bodies); i++)
        for (size_t s = 0; s < COUNT(status); s++) {
            got = read_body(status[s], bodies[i]);
            ok(!leaks(&got), "a %d does not say the key: %s", status[s],
               bodies[i]);
        }
    is_str(read_body(400, bodies[0]).text, "Bad key [key]!",
           "and the rest is said");
    for (int before = 960; before < 1010; before++) {
        got = read_body(400, apr_psprintf(pool, "{\"error\":\"%0*d %s\"}",
                                          before, 0, KEY));
        for (size_t part = 4; got.text && part < n; part++)
            leak += strstr(got.text, apr_pstrndup(pool, KEY, part)) != NULL;
    }
    is_int(leak, 0, "nor half of the key where a message is cut");
    got = read_body(400, "{\"error\":{\"message\":\"m\",\"code\":"
                    "\"sk-proj-abcdef\"}}");
    is_str(got.code, NULL, "nor somebody else's");
}

/* --- writing ------------------------------------------------------------- */

static const char *member(const llm_json *body, const char *name)
{
    size_t n;
    const llm_json *const value
        = llm_json_member(llm_json_member(body, "error"), name);

    return llm_json_string(value, &n);
}

static void written(const llm_fault_detail *detail)
{
    const llm_fault_row *const row = llm_fault_of(detail->fault);
    const llm_json *json = NULL;
    llm_frame frame = { 0 };
    llm_buf body, event;

    llm_buf_init(&body, 1 << 16);
    llm_buf_init(&event, 1 << 16);
    is_int(llm_openai.write_error(detail, NULL, NULL, &body), LLM_OK,
           "written: %s", row->word);
    is_int(llm_openai.write_error(detail, NULL, &frame, &event), LLM_OK,
           "as an event");
    is_int(llm_json_parse(body.data, body.len, 8, &json, pool), LLM_OK,
           "it is JSON");
    is_str(member(json, "message"), detail->text ? detail->text : row->text,
           "the message");
    is_str(member(json, "type"), detail->type ? detail->type : row->type,
           "the type");
    is_str(member(json, "param"), detail->param, "the param");
    is_str(member(json, "code"), detail->code ? detail->code : row->code,
           "the code");
    is_int(llm_json_count(llm_json_member(json, "error")), 4,
           "four members, whatever is known");
    ok(event.len == body.len + 7 && !memcmp(event.data, "data: ", 6)
       && !memcmp(event.data + 6, body.data, body.len - 1)
       && !memcmp(event.data + event.len - 2, "\n\n", 2)
       && !memchr(event.data, '\n', event.len - 2),
       "the event is the same on one line");
    llm_buf_free(&body);
    llm_buf_free(&event);
}

static void writes(void)
{
    const llm_fault_detail rich = {
        .fault = LLM_REJECTED, .text = "a \"b\"\n\r\\ \xc3\xa9\x01",
        .type = "t", .param = "p.q", .code = "c"
    };
    llm_frame frame = { 0 };
    llm_buf out;
    int late = 0;

    for (int fault = 1; fault < LLM_FAULT_COUNT; fault++) {
        const llm_fault_detail bare = { .fault = (llm_fault)fault };

        written(&bare);
    }
    written(&rich);
    for (size_t room = 0; room < 70; room++) {
        llm_buf_init(&out, room);
        late += llm_openai.write_error(&rich, NULL, &frame, &out)
            == LLM_TOO_LARGE;
        llm_buf_free(&out);
    }
    is_int(late, 70, "a buffer that is too small is told of");
}

/* --- models -------------------------------------------------------------- */

static void is_text(const llm_buf *out, const char *want)
{
    is_mem(out->data, out->len, want, strlen(want), "written");
}

static void models(void)
{
    static const llm_model_entry entries[] = {
        { "gpt-4", "openai", 1700000000, NULL },
        { "a/\"b\"\n", "x\\y", 0, NULL },
    };
    llm_buf out;

    llm_buf_init(&out, 1000);
    is_int(llm_openai_write_model(entries, &out), LLM_OK, "one model");
    is_text(&out, "{\"id\":\"gpt-4\",\"object\":\"model\","
           "\"created\":1700000000,\"owned_by\":\"openai\"}");
    llm_buf_clear(&out);
    is_int(llm_openai_write_models(entries, 2, &out), LLM_OK, "two models");
    is_text(&out, "{\"object\":\"list\",\"data\":[{\"id\":"
           "\"gpt-4\",\"object\":\"model\",\"created\":1700000000,"
           "\"owned_by\":\"openai\"},{\"id\":\"a/\\\"b\\\"\\n\",\"object\":"
           "\"model\",\"created\":0,\"owned_by\":\"x\\\\y\"}]}\n");
    llm_buf_clear(&out);
    llm_openai_write_models(NULL, 0, &out);
    is_text(&out, "{\"object\":\"list\",\"data\":[]}\n");
    llm_buf_free(&out);
    llm_buf_init(&out, 100);
    is_int(llm_openai_write_models(entries, 2, &out), LLM_TOO_LARGE,
           "too many for the buffer");
    llm_buf_free(&out);
}

int main(void)
{
    apr_pool_t *keys_pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    apr_pool_create(&keys_pool, NULL);
    secret = llm_secret_make(KEY, strlen(KEY), keys_pool);
    statuses();
    words();
    too_long();
    spent();
    shapes();
    hostile_words();
    hostile_bodies();
    keys();
    writes();
    models();
    apr_pool_destroy(keys_pool);
    apr_pool_destroy(pool);
    return done();
}
