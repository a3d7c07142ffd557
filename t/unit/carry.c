/* What rides in the ids of tool calls. */
#include <stdlib.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "../../src/base/base64.h"
#include "../../src/wire/carry.h"
#include "../tap.h"

static apr_pool_t *pool;

static llm_span span(const char *text)
{
    return (llm_span){ text, strlen(text) };
}

static llm_part *thought(apr_array_header_t *to, const char *text,
                         const char *signature)
{
    llm_part *part = llm_parts_add(to, LLM_PART_REASONING);

    part->text = span(text);
    part->signature = signature;
    return part;
}

static void nothing(void)
{
    apr_array_header_t *parts = llm_parts_make(pool);
    const char *signature = NULL;

    is_str(llm_carry_pack("call_1", NULL, NULL, pool), "call_1",
           "nothing to carry");
    thought(parts, "unsigned", NULL);
    is_str(llm_carry_pack("call_1", NULL, parts, pool), "call_1",
           "unsigned words are not carried");
    is_str(llm_carry_unpack("call_1", &signature, parts, pool), "call_1",
           "a plain id stays");
    ok(!signature && parts->nelts == 1, "and brings nothing");
}

static void there_and_back(void)
{
    apr_array_header_t *parts = llm_parts_make(pool);
    apr_array_header_t *back = llm_parts_make(pool);
    const char *signature = NULL, *id, *bare;
    const llm_part *got;

    thought(parts, "I think \"so\"\n", "sig/+=");
    thought(parts, "plain", NULL);
    thought(parts, "c2VhbGVk", NULL)->redacted = 1;
    id = llm_carry_pack("toolu_1", "gem", parts, pool);
    ok(strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
              "0123456789-_~") == strlen(id), "plain characters: %s", id);
    bare = llm_carry_unpack(id, &signature, back, pool);
    is_str(bare, "toolu_1", "the bare id");
    is_str(signature, "gem", "the signature");
    is_int(back->nelts, 2, "what was worth carrying");
    got = (const llm_part *)back->elts;
    is_mem(got[0].text.at, got[0].text.len, "I think \"so\"\n", 13, "words");
    is_str(got[0].signature, "sig/+=", "their signature");
    ok(!got[0].redacted && got[1].redacted && !got[1].signature, "kinds");
    is_mem(got[1].text.at, got[1].text.len, "c2VhbGVk", 8, "sealed data");
    is_str(llm_carry_unpack(id, NULL, NULL, pool), "toolu_1",
           "the bare id alone");
}

static void too_much(void)
{
    apr_array_header_t *parts = llm_parts_make(pool);
    char *big = apr_palloc(pool, LLM_CARRY_MAX + 1);

    memset(big, 'x', LLM_CARRY_MAX);
    big[LLM_CARRY_MAX] = '\0';
    thought(parts, big, "sig");
    is_str(llm_carry_pack("id", NULL, parts, pool), "id",
           "too much is left behind");
}

static void rubbish(void)
{
    static const char *const ids[] = {
        "a~llm~", "a~llm~!!", "a~llm~eA", "a~llm~e30", "~llm~~llm~",
        "a~llm~W10", "a~llm~WzFd", "a~llm~W251bGwsMV0",
    };
    apr_array_header_t *parts = llm_parts_make(pool);
    const char *signature = NULL, *got;

    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        got = llm_carry_unpack(ids[i], &signature, parts, pool);
        ok(!strcmp(got, ids[i]) || !strcmp(got, "a"), "read without harm: %s",
           ids[i]);
    }
    ok(!signature && !parts->nelts, "and brings nothing");
}

static void strip(const char *from, const char *to)
{
    char *text = strdup(from);
    size_t n = llm_carry_strip(text, strlen(text));

    is_mem(text, n, to, strlen(to), "stripped: %s", from);
    free(text);
}

static void strips(void)
{
    /* What people write is theirs. */
    static const char *const words[] = {
        "{\"content\":\"a~llm~x\"}", "{\"content\":\"~llm~\"}",
        "{\"stop\":[\"~llm~\",\"id\",\"~llm~\"]}", "{\"grid\":\"~llm~x\"}",
        "{\"content\":\"\\\"id\\\":\\\"a~llm~x\"}", "\"~llm~\"",
        "id\":\"~llm~\"", ":\"~llm~\"",
    };

    strip("{}", "{}");
    strip("{\"id\":\"a~llm~Ab-_9\",\"tool_use_id\" :\n\"c~llm~x\"}",
          "{\"id\":\"a\",\"tool_use_id\" :\n\"c\"}");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        strip(words[i], words[i]);
    strip("\"a~llm~x y\"", "\"a~llm~x y\"");
    strip("\"a~llm~x", "\"a~llm~x");
    strip("~llm~", "~llm~");
}

static void base64(void)
{
    const llm_span bytes = { "\xff\xfe\x00", 3 };
    llm_span text = llm_base64_encode(bytes, LLM_BASE64_PLAIN, pool), back;

    is_str(text.at, "//4A", "plain");
    back = llm_base64_decode(text, LLM_BASE64_PLAIN, pool);
    is_mem(back.at, back.len, bytes.at, bytes.len, "and back");
    is_str(llm_base64_encode(bytes, LLM_BASE64_URL, pool).at, "__4A", "url");
    ok(!llm_base64_decode(span("//4"), LLM_BASE64_PLAIN, pool).at, "cut");
    is_int(llm_base64_decode(span(""), LLM_BASE64_PLAIN, pool).len, 0,
           "nothing");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    nothing();
    there_and_back();
    too_much();
    rubbish();
    strips();
    base64();
    apr_pool_destroy(pool);
    return done();
}
