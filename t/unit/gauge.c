/* How much streams have said, in every dialect and of every kind. */
#include <string.h>
#include <apr_general.h>
#include "../../src/wire/gauge.h"
#include "../tap.h"

static apr_pool_t *pool;

#define OPENAI(delta) "{\"choices\":[{\"index\":0,\"delta\":" delta "}]}"
#define ANTHROPIC(delta) "{\"type\":\"content_block_delta\",\"index\":0," \
    "\"delta\":" delta "}"
#define BLOCK(block) "{\"type\":\"content_block_start\",\"index\":0," \
    "\"content_block\":" block "}"
#define GEMINI(part) "{\"candidates\":[{\"content\":{\"parts\":[" part "]}}]}"

static const struct {
    const llm_dialect *dialect;
    const char *what;
    long long said;             /* after all of them */
    const char *events[3];
} cases[] = {
    { &llm_openai, "text", 5, { OPENAI("{\"role\":\"assistant\","
        "\"content\":\"\"}"), OPENAI("{\"content\":\"Hel\"}"),
        OPENAI("{\"content\":\"lo\"}") } },
    { &llm_openai, "characters, not bytes", 4,
        { OPENAI("{\"content\":\"\xc3\xa9\\u00e9\xf0\x9f\x98\x80"
                 "\\ud83d\\ude00\"}") } },
    { &llm_openai, "a call", 8, { OPENAI("{\"tool_calls\":[{\"index\":0,"
        "\"id\":\"long_id\",\"type\":\"function\",\"function\":{\"name\":"
        "\"f\",\"arguments\":\"\"}}]}"), OPENAI("{\"tool_calls\":[{"
        "\"index\":0,\"function\":{\"arguments\":\"{\\\"a\\\":1}\"}}]}") } },
    { &llm_openai, "thinking", 3,
        { OPENAI("{\"reasoning_content\":\"hmm\"}") } },
    { &llm_openai, "a refusal", 2, { OPENAI("{\"refusal\":\"No\"}") } },
    { &llm_openai, "two answers", 3, { "{\"choices\":[{\"index\":0,"
        "\"delta\":{\"content\":\"a\"}},{\"index\":1,\"delta\":{\"content\":"
        "\"bc\"}}]}" } },
    { &llm_openai, "around what is malformed", 2,
        { OPENAI("{\"content\":\"a\"}"), "{\"choi",
          OPENAI("{\"content\":\"b\"}") } },
    { &llm_openai_completions, "text", 2, { "{\"choices\":[{\"index\":0,"
        "\"text\":\"ab\"}]}" } },
    { &llm_anthropic, "text", 2, { BLOCK("{\"type\":\"text\",\"text\":\"\"}"),
        ANTHROPIC("{\"type\":\"text_delta\",\"text\":\"ab\"}") } },
    { &llm_anthropic, "thinking", 3,
        { BLOCK("{\"type\":\"thinking\",\"thinking\":\"\"}"),
          ANTHROPIC("{\"type\":\"thinking_delta\",\"thinking\":\"abc\"}"),
          ANTHROPIC("{\"type\":\"signature_delta\",\"signature\":"
                    "\"0123456789\"}") } },
    { &llm_anthropic, "a call", 3, { BLOCK("{\"type\":\"tool_use\",\"id\":"
        "\"toolu_1\",\"name\":\"f\",\"input\":{}}"),
        ANTHROPIC("{\"type\":\"input_json_delta\",\"partial_json\":"
                  "\"{}\"}") } },
    { &llm_gemini, "text", 3, { GEMINI("{\"text\":\"ab\"}"),
        GEMINI("{\"text\":\"c\"}") } },
    { &llm_gemini, "thinking", 2,
        { GEMINI("{\"thought\":true,\"text\":\"ab\"}") } },
    { &llm_gemini, "a call", 8, { GEMINI("{\"functionCall\":{\"name\":\"f\","
        "\"args\":{\"a\":1}}}") } },
    { &llm_openai_responses, "text", 2,
        { "{\"type\":\"response.output_text.delta\",\"item_id\":\"m\","
          "\"output_index\":0,\"content_index\":0,\"delta\":\"ab\"}" } },
};

int main(void)
{
    size_t i, k;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        llm_gauge gauge = { 0 };

        for (k = 0; k < 3 && cases[i].events[k]; k++)
            llm_gauge_event(&gauge, cases[i].dialect, (llm_span){
                cases[i].events[k], strlen(cases[i].events[k]) }, pool);
        is_int(gauge.said, cases[i].said, "%s: %s", cases[i].dialect->name,
               cases[i].what);
        llm_gauge_end(&gauge);
        is_int(gauge.said, 0, "and it is new");
    }
    apr_pool_destroy(pool);
    return done();
}
