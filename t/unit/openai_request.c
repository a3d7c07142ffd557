/* A client's request of the OpenAI dialect: what is read from it, and what a
 * provider gets of it, which is every byte but a few. */
#include <stdlib.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "../../src/base/json.h"
#include "../../src/wire/dialect.h"
#include "../tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define ASKS "\"stream_options\":{\"include_usage\":true}"

static apr_pool_t *pool;

/* The bytes at an address of their own, so that reading beyond is seen. */
static char *own(const char *text, size_t n)
{
    char *const copy = malloc(n ? n : 1);

    if (!copy)
        exit(2);
    memcpy(copy, text, n);
    return copy;
}

/* For the name of a test, which is one line. */
static const char *line(const char *text)
{
    char *const copy = apr_pstrdup(pool, text);

    for (char *at = copy; *at; at++)
        if ((unsigned char)*at < ' ')
            *at = ' ';
    return copy;
}

static llm_fault read_at(const char *body, size_t n, unsigned depth,
                         llm_request *out, llm_fault_detail *detail)
{
    memset(detail, 0, sizeof *detail);
    return llm_openai.read_request(body, n, depth, out, detail, pool);
}

static llm_fault read_text(const char *body, llm_request *out,
                           llm_fault_detail *detail)
{
    return read_at(body, strlen(body), 64, out, detail);
}

/* --- what is read -------------------------------------------------------- */

static void understood(void)
{
    static const struct {
        const char *body, *model;
        int stream, wants, options, null, usage;
    } cases[] = {
        { "{\"model\":\"m\"}", "m", 0, 0, 0, 0, 0 },
        { " \t\r\n{ \"model\" : \"m\" } \n", "m", 0, 0, 0, 0, 0 },
        { "{\"model\":\"m\",\"stream\":true}", "m", 1, 0, 0, 0, 0 },
        { "{\"stream\":false,\"model\":\"m\"}", "m", 0, 0, 0, 0, 0 },
        { "{\"stream\":null,\"model\":\"m\"}", "m", 0, 0, 0, 0, 0 },
        { "{\"\\u006dodel\":\"m\"}", "m", 0, 0, 0, 0, 0 },
        { "{\"model\":\"a\\/b \\u00e9\\n\"}", "a/b \xc3\xa9\n", 0, 0, 0, 0,
          0 },
        { "{\"model\":\"m\",\"s\\u0074ream\":true}", "m", 1, 0, 0, 0, 0 },
        { "{\"model\":\"m\",\"stream_options\":null}", "m", 0, 0, 1, 1, 0 },
        { "{\"model\":\"m\",\"stream_options\":{}}", "m", 0, 0, 1, 0, 0 },
        { "{\"model\":\"m\",\"stream_options\":{\"include_usage\":true}}",
          "m", 0, 1, 1, 0, 1 },
        { "{\"model\":\"m\",\"stream_options\":{\"x\":[],"
          "\"include\\u005fusage\":true}}", "m", 0, 1, 1, 0, 1 },
        { "{\"model\":\"m\",\"stream_options\":{\"include_usage\":false}}",
          "m", 0, 0, 1, 0, 1 },
        { "{\"model\":\"m\",\"stream_options\":{\"include_usage\":null}}",
          "m", 0, 0, 1, 0, 1 },
        /* Only the outermost members are meant. */
        { "{\"metadata\":{\"model\":\"x\",\"stream\":true,"
          "\"stream_options\":7},\"model\":\"m\"}", "m", 0, 0, 0, 0, 0 },
        { "{\"models\":1,\"mode\":2,\"Model\":3,\"\":4,\"model\":\"m\"}",
          "m", 0, 0, 0, 0, 0 },
    };
    llm_fault_detail detail;
    llm_request out;

    for (size_t i = 0; i < COUNT(cases); i++) {
        char *const body = own(cases[i].body, strlen(cases[i].body));
        const llm_fault fault = read_at(body, strlen(cases[i].body), 64, &out,
                                        &detail);

        is_int(fault, LLM_OK, "understood: %s",
               line(cases[i].body));
        is_str(out.model, cases[i].model, "its model");
        is_int(out.stream << 4 | out.wants_usage << 3
               | (out.options_at.len > 0) << 2 | out.options_null << 1
               | (out.usage_at.len > 0),
               cases[i].stream << 4 | cases[i].wants << 3
               | cases[i].options << 2 | cases[i].null << 1
               | cases[i].usage, "and how it is to be answered");
        ok(out.model_at.at > body && out.model_at.at[0] == '"'
           && out.model_at.at[out.model_at.len - 1] == '"'
           && out.body.at == body && out.body.len == strlen(cases[i].body),
           "the places are in the body");
        free(body);
    }
}

static void refused(void)
{
    static const struct {
        const char *body;
        llm_fault fault;
        const char *param;
    } cases[] = {
        { "", LLM_BAD_JSON, NULL },
        { "null", LLM_BAD_JSON, NULL },
        { "[]", LLM_BAD_JSON, NULL },
        { "[{\"model\":\"m\"}]", LLM_BAD_JSON, NULL },
        { "{\"model\":\"m\"", LLM_BAD_JSON, NULL },
        { "{\"model\":\"m\"}}", LLM_BAD_JSON, NULL },
        { "{\"model\":\"m\"}{}", LLM_BAD_JSON, NULL },
        { "{\"model\":\"m\",}", LLM_BAD_JSON, NULL },
        { "{\"model\":\"m\" \"stream\":true}", LLM_BAD_JSON, NULL },
        { "{'model':'m'}", LLM_BAD_JSON, NULL },
        { "{\"model\":\"m\",\"a\":\"\xff\"}", LLM_BAD_JSON, NULL },
        { "{\"model\":\"\\ud800\"}", LLM_BAD_JSON, NULL },
        { "{}", LLM_BAD_REQUEST, "model" },
        { "{\"Model\":\"m\"}", LLM_BAD_REQUEST, "model" },
        { "{\"model\":null}", LLM_BAD_REQUEST, "model" },
        { "{\"model\":1}", LLM_BAD_REQUEST, "model" },
        { "{\"model\":[\"m\"]}", LLM_BAD_REQUEST, "model" },
        { "{\"model\":\"\"}", LLM_BAD_REQUEST, "model" },
        { "{\"model\":\"a\\u0000b\"}", LLM_BAD_REQUEST, "model" },
        { "{\"model\":\"m\",\"model\":\"m\"}", LLM_BAD_REQUEST, "model" },
        { "{\"model\":\"m\",\"m\\u006fdel\":\"n\"}", LLM_BAD_REQUEST,
          "model" },
        { "{\"model\":\"m\",\"stream\":1}", LLM_BAD_REQUEST, "stream" },
        { "{\"model\":\"m\",\"stream\":\"true\"}", LLM_BAD_REQUEST,
          "stream" },
        { "{\"model\":\"m\",\"stream\":{}}", LLM_BAD_REQUEST, "stream" },
        { "{\"model\":\"m\",\"stream\":true,\"stream\":false}",
          LLM_BAD_REQUEST, "stream" },
        { "{\"model\":\"m\",\"stream_options\":[]}", LLM_BAD_REQUEST,
          "stream_options" },
        { "{\"model\":\"m\",\"stream_options\":true}", LLM_BAD_REQUEST,
          "stream_options" },
        { "{\"model\":\"m\",\"stream_options\":null,\"stream_options\":{}}",
          LLM_BAD_REQUEST, "stream_options" },
        { "{\"model\":\"m\",\"stream_options\":{\"include_usage\":true,"
          "\"include_usage\":false}}", LLM_BAD_REQUEST,
          "stream_options.include_usage" },
    };
    llm_fault_detail detail;
    llm_request out;

    for (size_t i = 0; i < COUNT(cases); i++) {
        const size_t n = strlen(cases[i].body);
        char *const body = own(cases[i].body, n);

        is_int(read_at(body, n, 64, &out, &detail), cases[i].fault,
               "refused: %s", cases[i].body);
        is_int(detail.fault, cases[i].fault, "and said so");
        is_str(detail.param, cases[i].param, "of that member");
        ok(detail.text && *detail.text, "in a sentence: %s",
           detail.text ? detail.text : "none");
        free(body);
    }
}

/* What a wrong body's error says about the place. */
static void place(void)
{
    llm_fault_detail detail;
    llm_request out;

    read_text("{\"model\":\"m\",!}", &out, &detail);
    ok(detail.text && strstr(detail.text, "byte 13 of 15"),
       "the place of the trouble: %s", detail.text);
    read_text("{\"model\":\"m\"", &out, &detail);
    ok(detail.text && strstr(detail.text, "byte 12 of 12"),
       "which may be the end: %s", detail.text);
}

static void longest_name(void)
{
    char body[LLM_MODEL_MAX + 32];
    llm_fault_detail detail;
    llm_request out;

    for (int n = LLM_MODEL_MAX - 2; n <= LLM_MODEL_MAX; n++) {
        const int most = n < LLM_MODEL_MAX;

        snprintf(body, sizeof body, "{\"model\":\"%0*d\"}", n, 7);
        is_int(read_text(body, &out, &detail),
               most ? LLM_OK : LLM_BAD_REQUEST, "a name of %d bytes", n);
        if (most)
            is_int(strlen(out.model), n, "is read whole");
    }
}

static const char *nested(const char *before, int deep, const char *after)
{
    char *const text = apr_pcalloc(pool, 2 * deep + 1);

    memset(text, '[', deep);
    memset(text + deep, ']', deep);
    return apr_pstrcat(pool, before, text, after, NULL);
}

static void depths(void)
{
    llm_fault_detail detail;
    llm_request out;
    const char *body;

    for (int deep = 8; deep <= 10; deep++) {
        body = nested("{\"model\":\"m\",\"x\":", deep, "}");
        is_int(read_at(body, strlen(body), 10, &out, &detail),
               deep < 10 ? LLM_OK : LLM_TOO_DEEP, "%d levels of 10",
               deep + 1);
    }
    ok(detail.text && strstr(detail.text, "10 levels"), "the error names "
       "the limit: %s", detail.text);
    body = nested("{\"model\":\"m\",\"stream_options\":{\"x\":", 900, "}}");
    is_int(read_at(body, strlen(body), 1024, &out, &detail), LLM_OK,
           "what is deep enough for the body is so for stream_options");
}

/* --- what a provider gets ------------------------------------------------ */

static void passes(const char *body, const char *model, int ask,
                   const char *want)
{
    const size_t n = strlen(body);
    char *const copy = own(body, n);
    llm_fault_detail detail;
    llm_request request;
    llm_buf out;

    llm_buf_init(&out, 1 << 20);
    is_int(read_at(copy, n, 64, &request, &detail), LLM_OK, "read: %s",
           line(body));
    is_int(llm_openai.pass_request(&request, model, ask, &out), LLM_OK,
           "passed");
    is_mem(out.data, out.len, want, strlen(want), "as %s", line(want));
    is_mem(copy, n, body, n, "the body is as it was");
    llm_buf_free(&out);
    free(copy);
}

/* Nothing is asked: only the name changes, and not even its escapes if it is
 * the same. */
static void passes_names(void)
{
    passes("{\"model\":\"m\"}", "m", 1, "{\"model\":\"m\"}");
    passes("{\"model\":\"m\"}", "n", 1, "{\"model\":\"n\"}");
    passes("{\"model\":\"\\u006d\"}", "m", 1, "{\"model\":\"\\u006d\"}");
    passes(" { \"a\" : 1.50 , \"model\" :\t\"m\" ,\"b\":\"\\u00e9\" }\n",
           "x/\"y\"", 0,
           " { \"a\" : 1.50 , \"model\" :\t\"x/\\\"y\\\"\" ,\"b\":"
           "\"\\u00e9\" }\n");
    passes("{\"mod\\u0065l\":\"m\",\"z\":[1 ,2]}", "a-longer-name", 1,
           "{\"mod\\u0065l\":\"a-longer-name\",\"z\":[1 ,2]}");
    passes("{\"model\":\"m\",\"stream_options\":{\"include_usage\":false}}",
           "m", 1, "{\"model\":\"m\",\"stream_options\":"
           "{\"include_usage\":false}}");
    passes("{\"model\":\"m\",\"stream\":false}", "m", 1,
           "{\"model\":\"m\",\"stream\":false}");
    passes("{\"model\":\"m\",\"stream\":true}", "n", 0,
           "{\"model\":\"n\",\"stream\":true}");
}

/* `from` as stream_options becomes `to`, before and after the model. */
static void asks_in(const char *from, const char *to)
{
    static const char *const around[][3] = {
        { "{\"model\":\"m\",\"stream_options\":", ",\"stream\":true}",
          "{\"model\":\"n\",\"stream_options\":" },
        { "{ \"stream\":true, \"stream_options\" : ", " , \"model\":\"m\" }",
          "{ \"stream\":true, \"stream_options\" : " },
        { "{\"stream_options\":", ",\"x\":[{}],\"model\":\"m\","
          "\"stream\":true}", "{\"stream_options\":" },
        { "{\"stream\":true,\"model\":\"m\",\"x\":{},\"stream_options\":",
          "}", "{\"stream\":true,\"model\":\"n\",\"x\":{},"
          "\"stream_options\":" },
    };

    for (size_t i = 0; i < COUNT(around); i++) {
        char *const tail = apr_pstrdup(pool, around[i][1]);
        char *const name = strstr(tail, "\"m\"");

        if (name)
            name[1] = 'n';
        passes(apr_pstrcat(pool, around[i][0], from, around[i][1], NULL),
               "n", 1, apr_pstrcat(pool, around[i][2], to, tail, NULL));
    }
}

static void asks_for_usage(void)
{
    passes("{\"model\":\"m\",\"stream\":true}", "m", 1,
           "{\"model\":\"m\"," ASKS ",\"stream\":true}");
    passes("{\"stream\":true, \"model\" : \"m\" }", "n", 1,
           "{\"stream\":true, \"model\" : \"n\"," ASKS " }");
    asks_in("null", "{\"include_usage\":true}");
    asks_in("{}", "{\"include_usage\":true}");
    asks_in("{ \t\r\n }", "{\"include_usage\":true \t\r\n }");
    asks_in("{\"include_usage\":false}", "{\"include_usage\":true}");
    asks_in("{\"include_usage\" : null }", "{\"include_usage\" : true }");
    asks_in("{\"a\":{\"include_usage\":false}}",
            "{\"include_usage\":true,\"a\":{\"include_usage\":false}}");
    asks_in("{ \"a\":1}", "{\"include_usage\":true, \"a\":1}");
    asks_in("{\"a\":1,\"include\\u005fusage\":false,\"b\":2}",
            "{\"a\":1,\"include\\u005fusage\":true,\"b\":2}");
    asks_in("{\"include_usage\":true}", "{\"include_usage\":true}");
    asks_in("{\"include_usage\":\"yes\"}", "{\"include_usage\":true}");
    asks_in("{\"include_usage\":{\"a\":[]}}", "{\"include_usage\":true}");
}

/* A ceiling too low is said, wherever it is reached. */
static void no_room(void)
{
    static const char body[] = "{\"stream_options\":{\"a\":1},\"model\":"
        "\"m\",\"stream\":true}";
    llm_fault_detail detail;
    llm_request request;
    llm_buf out;
    int refused = 0;

    read_text(body, &request, &detail);
    for (size_t room = 0; room < sizeof body + 64; room++) {
        llm_buf_init(&out, room);
        refused += llm_openai.pass_request(&request, "name", 1, &out)
            == LLM_TOO_LARGE;
        llm_buf_free(&out);
    }
    is_int(refused, sizeof body - 1 + 64, "a ceiling below what may be "
           "needed is too low");
}

/* --- any request --------------------------------------------------------- */

static unsigned long seed = 20240607;

static unsigned below(unsigned n)
{
    seed = seed * 6364136223846793005UL + 1442695040888963407UL;
    return (unsigned)(seed >> 33) % n;
}

static const char *pick(const char *const *from, size_t n)
{
    return from[below((unsigned)n)];
}

static const char *space(void)
{
    static const char *const spaces[] = { "", "", "", " ", "\n\t", "\r\n  " };

    return pick(spaces, COUNT(spaces));
}

static const char *a_value(void)
{
    static const char *const values[] = {
        "1", "-0.50e+3", "12345678901234567890", "true", "null", "\"\"",
        "\"a\\u0041\\n\"", "[]", "[1 , {\"model\":\"x\"}]",
        "{\"stream_options\":{\"include_usage\":false}}",
        "[{\"role\":\"user\",\"content\":\"\\ud83d\\ude00 \xc3\xa9\"}]",
    };

    return pick(values, COUNT(values));
}

static const char *some_options(void)
{
    static const char *const usage[] = { "true", "false", "null", "0" };
    const char *text = apr_psprintf(pool, "{%s", space());
    const int n = (int)below(4), at = (int)below(6);

    if (!below(6))
        return "null";
    for (int i = 0; i < n; i++)
        text = apr_pstrcat(pool, text, i ? "," : "", space(), i == at
                           ? "\"include_usage\"" : apr_psprintf(pool,
                                                               "\"o%d\"", i),
                           space(), ":", space(), i == at
                           ? pick(usage, COUNT(usage)) : a_value(), space(),
                           NULL);
    return apr_pstrcat(pool, text, "}", NULL);
}

/* Members in any order; bits of `has`: 1 stream, 2 stream_options. */
static const char *a_request(unsigned has)
{
    const char *members[9], *text;
    unsigned n = 0, i, other;

    members[n++] = apr_psprintf(pool, "\"model\"%s:%s\"m\\u0031\"", space(),
                                space());
    if (has & 1)
        members[n++] = below(3) ? "\"stream\":true" : "\"stream\": false";
    if (has & 2)
        members[n++] = apr_psprintf(pool, "\"stream_options\"%s:%s%s",
                                    space(), space(), some_options());
    for (i = below(6); i; i--)
        members[n++] = apr_psprintf(pool, "\"x%u\":%s%s", i, space(),
                                    a_value());
    for (i = n - 1; i; i--) {
        const char *const was = members[i];

        other = below(i + 1);
        members[i] = members[other];
        members[other] = was;
    }
    text = apr_psprintf(pool, "%s{%s", space(), space());
    for (i = 0; i < n; i++)
        text = apr_pstrcat(pool, text, i ? "," : "", space(), members[i],
                           space(), NULL);
    return apr_pstrcat(pool, text, "}", space(), NULL);
}

static const char *text_of(const llm_json *value)
{
    const char *text;
    llm_buf out;

    if (!value)
        return "(none)";
    llm_buf_init(&out, 1 << 16);
    llm_json_write(value, &out);
    text = apr_pstrmemdup(pool, out.data, out.len);
    llm_buf_free(&out);
    return text;
}

static llm_fault count_same(void *baton, const char *name,
                            const llm_json *value)
{
    const llm_json *const other = *(const llm_json **)baton;

    if (!strcmp(name, "model") || !strcmp(name, "stream_options")
        || !strcmp(name, "include_usage"))
        return LLM_OK;
    return strcmp(text_of(llm_json_member(other, name)), text_of(value))
        ? LLM_GARBAGE : LLM_OK;
}

/* All members but the ones that may change are the same in both. */
static int same_but(const llm_json *a, const llm_json *b)
{
    return !llm_json_each(a, count_same, &b)
        && !llm_json_each(b, count_same, &a);
}

static int asked(const llm_json *body)
{
    return llm_json_is_true(llm_json_member(
        llm_json_member(body, "stream_options"), "include_usage"));
}

static int is_right(const llm_json *from, const llm_json *to, int ask)
{
    const llm_json *const was = llm_json_member(from, "stream_options");
    const llm_json *const is = llm_json_member(to, "stream_options");
    size_t n;

    if (strcmp(llm_json_string(llm_json_member(to, "model"), &n), "new/name")
        || !same_but(from, to))
        return 0;
    if (!ask || !llm_json_is_true(llm_json_member(from, "stream")))
        return !strcmp(text_of(was), text_of(is));
    return asked(to) && same_but(was, is);
}

/* What was cut out or put in stands in one or two places; all around is
 * byte for byte the same. */
static int same_ends(const llm_request *request, const llm_buf *out)
{
    const char *const at = request->body.at, *first = request->model_at.at;
    const char *last = first + request->model_at.len;
    const llm_span *const options = &request->options_at;
    size_t before, after;

    if (options->len && options->at < first)
        first = options->at;
    if (options->len && options->at + options->len > last)
        last = options->at + options->len;
    before = (size_t)(first - at);
    after = (size_t)(at + request->body.len - last);
    return out->len >= before + after && !memcmp(out->data, at, before)
        && !memcmp(out->data + out->len - after, last, after);
}

static void any_request(void)
{
    int wrong = 0, streams = 0, unchanged = 0;

    for (int i = 0; i < 20000; i++) {
        const char *const body = a_request(below(4));
        const int ask = (int)below(4) > 0;
        const llm_json *from, *to;
        llm_fault_detail detail;
        llm_request request;
        llm_buf out;
        int bad;

        llm_buf_init(&out, 1 << 16);
        bad = read_text(body, &request, &detail)
            || llm_openai.pass_request(&request, "new/name", ask, &out)
            || llm_json_parse(body, strlen(body), 64, &from, pool)
            || llm_json_parse(out.data, out.len, 64, &to, pool)
            || !is_right(from, to, ask) || !same_ends(&request, &out);
        streams += request.stream;
        llm_buf_clear(&out);
        if (!bad && (!ask || !request.stream || request.wants_usage)) {
            bad = llm_openai.pass_request(&request, "m1", ask, &out)
                || out.len != strlen(body) || memcmp(out.data, body, out.len);
            unchanged++;
        }
        if (bad && !wrong++)
            tap_show("from", body, strlen(body)),
            tap_show("to", out.data, out.len);
        llm_buf_free(&out);
        apr_pool_clear(pool);
    }
    ok(!wrong, "20000 requests mean the same but for the name and the usage");
    ok(streams > 4000 && unchanged > 4000, "%d streams, %d not to be changed",
       streams, unchanged);
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    understood();
    refused();
    place();
    longest_name();
    depths();
    passes_names();
    asks_for_usage();
    no_room();
    any_request();
    apr_pool_destroy(pool);
    return done();
}
