/* Trees: what is refused, what is read, what is given back. */
#include <stdlib.h>

#include <apr_general.h>

#include "../tap.h"
#include "../../src/base/json.h"

static apr_pool_t *pool;

static const llm_json *parse(const char *text)
{
    const llm_json *json = NULL;
    const llm_fault fault = llm_json_parse(text, strlen(text), 32, &json,
                                           pool);

    if (!is_str(llm_fault_of(fault)->word, "ok", "parsed"))
        tap_show("what", text, strlen(text));
    return json;
}

static void refuse(const char *text, size_t n, llm_fault wanted)
{
    const llm_json *json = (const llm_json *)"";
    char *copy = malloc(n + 1);

    /* Nothing behind it: what reads beyond is seen. */
    memcpy(copy, text, n);
    copy = realloc(copy, n ? n : 1);
    if (!is_int(llm_json_parse(copy, n, 4, &json, pool), wanted, "refused"))
        tap_show("what", text, n);
    ok(!json, "and nothing came out");
    free(copy);
}

static void refusals(void)
{
    static const char *const bad[] = {
        "", " ", "{", "}", "[", "{]", "nul", "1", "\"a\"", "true", "{}{}",
        "{} x", "{\"a\":1,}", "[1,]", "[,1]", "{'a':1}", "{a:1}", "[01]",
        "[1.]", "[.5]", "[+1]", "[0x1]", "[NaN]", "[Infinity]", "[-]",
        "[1e]", "[True]", "[\"\t\"]", "[\"\\x41\"]", "[\"\\ud800\"]",
        "[\"\\udc00\"]", "[\"\\u00g0\"]", "[\"\xff\"]", "[\"\xed\xa0\x80\"]",
        "[/*a*/1]", "[1] //", "\xef\xbb\xbf{}", "{\"a\"}", "{\"a\":}",
        "{\"a\" 1}", "[\"", "[\"\\", "{\"a\":1", "[1 2]",
    };
    size_t i;

    for (i = 0; i < sizeof bad / sizeof *bad; i++)
        refuse(bad[i], strlen(bad[i]), LLM_BAD_JSON);
    refuse("{}\0", 3, LLM_BAD_JSON);
    refuse("[[[[[]]]]]", 10, LLM_TOO_DEEP);
    refuse("{\"a\":{\"a\":{\"a\":{\"a\":[]}}}}", 26, LLM_TOO_DEEP);
}

static void depth(void)
{
    enum { deepest = LLM_SCAN_DEEPEST };
    char text[2 * deepest + 8];
    const llm_json *json;

    is_int(llm_json_parse("[[[[1]]]]", 9, 4, &json, pool), LLM_OK,
           "as deep as it may be");
    memset(text, '[', deepest);
    text[deepest] = '7';
    memset(text + deepest + 1, ']', deepest);
    is_int(llm_json_parse(text, 2 * deepest + 1, 100000, &json, pool), LLM_OK,
           "as deep as anything may be");
    memset(text, '[', deepest + 1);
    memset(text + deepest + 1, ']', deepest + 1);
    is_int(llm_json_parse(text, 2 * deepest + 2, 100000, &json, pool),
           LLM_TOO_DEEP, "and one more");
}

static void kinds(void)
{
    static const llm_json_kind wanted[] = {
        LLM_JSON_NULL, LLM_JSON_TRUE, LLM_JSON_FALSE, LLM_JSON_NUMBER,
        LLM_JSON_NUMBER, LLM_JSON_STRING, LLM_JSON_ARRAY, LLM_JSON_OBJECT,
    };
    const llm_json *json = parse(" [null,true,false,0,-1.5e3,\"\",[],{}]\n");
    size_t i;

    is_int(llm_json_count(json), 8, "eight elements");
    for (i = 0; i < 8; i++) {
        const llm_json *value = llm_json_element(json, i);

        ok(value != NULL, "element %zu", i);
        is_int(llm_json_kind_of(value), wanted[i], "of its kind");
        is_int(llm_json_is_true(value), i == 1, "true or not");
        is_int(llm_json_count(value), 0, "and empty");
    }
    ok(!llm_json_element(json, 8), "not more");
    ok(!llm_json_element(json, (size_t)-1), "nor less");
}

static void nothing(void)
{
    const llm_json *json = parse("{\"a\":null,\"s\":\"x\",\"b\":[1]}");
    const llm_json *null = llm_json_member(json, "a");
    long long whole;
    double number;
    size_t n = 7;

    ok(null && !llm_json_member(json, "c"), "null is not nothing");
    is_int(llm_json_kind_of(NULL), LLM_JSON_NULL, "nothing reads as null");
    ok(!llm_json_member(NULL, "a") && !llm_json_member(null, "a")
       && !llm_json_member(llm_json_member(json, "b"), "a"),
       "nothing has no members");
    ok(!llm_json_element(NULL, 0) && !llm_json_element(json, 0),
       "nor elements");
    ok(!llm_json_string(NULL, &n) && !n, "nor bytes");
    n = 7;
    ok(!llm_json_string(llm_json_member(json, "b"), &n) && !n,
       "an array has none either");
    ok(!llm_json_whole(NULL, &whole) && !llm_json_number(NULL, &number)
       && !llm_json_is_true(NULL) && !llm_json_count(NULL), "nor anything");
    ok(!llm_json_whole(llm_json_member(json, "s"), &whole),
       "a string is no number");
    is_int(llm_json_each(NULL, NULL, NULL), LLM_OK, "each of nothing");
}

static void strings(void)
{
    const llm_json *json = parse(
        "{\"s\":\"a\\u0000b\\\"\\u20ac\\ud83d\\ude00\xc3\xa9\\/\","
        "\"m\\u006fdel\":\"m\",\"\":\"empty\",\"d\":1,\"d\":2}");
    size_t n;
    const char *s = llm_json_string(llm_json_member(json, "s"), &n);
    long long d = 0;

    is_mem(s, n, "a\0b\"\xe2\x82\xac\xf0\x9f\x98\x80\xc3\xa9/", 14,
           "bytes with a length");
    ok(s && !s[n], "and a NUL behind");
    is_str(llm_json_string(llm_json_member(json, "model"), &n), "m",
           "an escaped name is the name");
    is_str(llm_json_string(llm_json_member(json, ""), &n), "empty",
           "the empty name");
    llm_json_whole(llm_json_member(json, "d"), &d);
    is_int(d, 2, "the last of two counts");
}

static void whole(const char *text, int good, long long wanted)
{
    llm_buf json;
    long long n = -7;
    const llm_json *tree;

    llm_buf_init(&json, 1000);
    llm_buf_printf(&json, "[%s]", text);
    llm_json_parse(json.data, json.len, 2, &tree, pool);
    is_int(llm_json_whole(llm_json_element(tree, 0), &n), good, "whole %s",
           text);
    if (good)
        is_int(n, wanted, "its value");
    llm_buf_free(&json);
}

static void numbers(void)
{
    double number = 0;

    whole("0", 1, 0);
    whole("-0", 1, 0);
    whole("17", 1, 17);
    whole("-17", 1, -17);
    whole("1e3", 1, 1000);
    whole("1.0", 1, 1);
    whole("1.5", 0, 0);
    whole("1e-1", 0, 0);
    whole("9007199254740992", 1, 9007199254740992LL);
    whole("-9007199254740992", 1, -9007199254740992LL);
    whole("9007199254740993", 0, 0);
    whole("9223372036854775808", 0, 0);
    whole("99999999999999999999999999", 0, 0);
    whole("1e300", 0, 0);
    whole("1e999", 0, 0);
    whole("\"1\"", 0, 0);
    whole("true", 0, 0);
    ok(llm_json_number(llm_json_element(parse("[-0.25]"), 0), &number)
       && number == -0.25, "a quarter");
    ok(!llm_json_number(llm_json_element(parse("[1e999]"), 0), &number),
       "more than a double holds");
}

static llm_fault each(void *baton, const char *name, const llm_json *value)
{
    llm_buf *out = baton;

    llm_buf_puts(out, name);
    if (llm_json_kind_of(value) == LLM_JSON_NULL)
        return LLM_REJECTED;
    return llm_json_write(value, out);
}

static void writes(const char *text, const char *wanted)
{
    llm_buf out;

    llm_buf_init(&out, 1000);
    is_int(llm_json_write(parse(text), &out), LLM_OK, "written");
    is_mem(out.data, out.len, wanted, strlen(wanted), "without white space");
    llm_buf_free(&out);
}

static void writing(void)
{
    llm_buf out;

    writes("{ \"b\" : [ 1 , 2.50, null,true ],\n\"a\":{}}",
           "{\"b\":[1,2.50,null,true],\"a\":{}}");
    writes("[\"\\u0001\\/\\\"\xc3\xa9\"]", "[\"\\u0001/\\\"\xc3\xa9\"]");
    llm_buf_init(&out, 20);
    is_int(llm_json_each(parse("{\"a\":1,\"b\":[],\"c\":null,\"d\":0}"), each,
                         &out), LLM_REJECTED, "each stops with a fault");
    is_mem(out.data, out.len, "a1b[]c", 6, "in order until then");
    is_int(llm_json_write(NULL, &out), LLM_OK, "null is written");
    is_int(llm_json_write(parse("[1,2,3,4,5,6,7,8]"), &out), LLM_TOO_LARGE,
           "what does not fit is not");
    is_mem(out.data, out.len, "a1b[]cnull", 10, "not even in part");
    llm_buf_free(&out);
}

/* What the scanner takes, json-c must take, too: one verdict for a body. */
static void same_verdict(void)
{
    static const char *const good[] = {
        "[1E5,1e+5,-0.0e-1,0.0,-0]", "[\"\\b\\f\\n\\r\\t\\\\\"]",
        "{\"\":{\"\":[]}}", "[123456789012345678901234567890]",
        "[-9223372036854775809]", "[1e-999]", "[\"\x7f\"]",
        "[\"\xf4\x8f\xbf\xbf\xef\xbf\xbf\"]", "\t\r\n {}\t\r\n ",
        "[\"\\uFFFF\\uDBFF\\uDFFF\"]", "[true , false]",
        "{\"a\\u0000b\":1}", "[2e308]", "[0e0]",
    };
    size_t i;

    for (i = 0; i < sizeof good / sizeof *good; i++)
        parse(good[i]);
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    refusals();
    depth();
    kinds();
    nothing();
    strings();
    numbers();
    writing();
    same_verdict();
    apr_pool_destroy(pool);
    apr_terminate();
    return done();
}
