/* How much streams have said, in every dialect and of every kind. */
#include <stdio.h>
#include <string.h>
#include "../../src/wire/dialect.h"
#include "../tap.h"

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
    { &llm_openai, "thinking under two names", 3,
        { OPENAI("{\"reasoning\":\"hmm\",\"reasoning_content\":\"hmm\","
                 "\"reasoning_details\":[{\"text\":\"hmm\"}]}") } },
    { &llm_openai, "parts", 4, { OPENAI("{\"content\":[{\"type\":"
        "\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\"Hm\"}]},{"
        "\"type\":\"text\",\"text\":\"Hi\"}]}") } },
    { &llm_openai, "what never ends is nothing", 0,
        { "{\"choices\":[{\"delta\":{\"content\":\"abc\"}}]" } },
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
    { &llm_anthropic, "what it found is not what it said", 2,
        { BLOCK("{\"type\":\"web_search_tool_result\",\"content\":[{"
                "\"title\":\"abc\"}]}"),
          ANTHROPIC("{\"type\":\"citations_delta\",\"citation\":{"
                    "\"cited_text\":\"abc\"}}"),
          ANTHROPIC("{\"type\":\"text_delta\",\"text\":\"ab\"}") } },
    { &llm_gemini, "text", 3, { GEMINI("{\"text\":\"ab\"}"),
        GEMINI("{\"text\":\"c\"}") } },
    { &llm_gemini, "thinking", 2,
        { GEMINI("{\"thought\":true,\"text\":\"ab\"}") } },
    { &llm_gemini, "a call", 8, { GEMINI("{\"functionCall\":{\"name\":\"f\","
        "\"args\":{\"a\":1}}}") } },
    { &llm_openai_responses, "text", 2,
        { "{\"type\":\"response.output_text.delta\",\"item_id\":\"m\","
          "\"output_index\":0,\"content_index\":0,\"delta\":\"ab\"}",
          "{\"type\":\"response.output_text.done\",\"text\":\"ab\"}" } },
    { &llm_openai_responses, "a call", 3,
        { "{\"type\":\"response.output_item.added\",\"output_index\":0,"
          "\"item\":{\"type\":\"function_call\",\"id\":\"x\",\"name\":"
          "\"f\",\"arguments\":\"\"}}",
          "{\"type\":\"response.function_call_arguments.delta\",\"delta\":"
          "\"{}\"}" } },
    { &llm_openai_responses, "sound is no text", 0,
        { "{\"type\":\"response.audio.delta\",\"delta\":\"AAAA\"}" } },
};

static void tokens(void)
{
    static const struct {
        const char *text;
        long long tokens;
    } words[] = {
        { "", 0 }, { "a", 1 }, { "abcd", 1 }, { "abcde", 2 },
        { "\xe4\xbd\xa0\xe5\xa5\xbd", 2 }, { "\\u4f60\\u597d", 2 },
        { "\\ud83d\\ude00", 1 }, { "\\n\\t\\\"\\u0041", 1 },
        { "\xc3\xa9\xc3\xa9\xc3\xa9", 2 }, { "\\u00e9\\u00e9\\u00e9", 2 },
    };
    char text[256];
    llm_event event;
    size_t i;

    for (i = 0; i < sizeof words / sizeof *words; i++) {
        memset(&event, 0, sizeof event);
        snprintf(text, sizeof text, OPENAI("{\"content\":\"%s\"}"),
                 words[i].text);
        llm_openai.read_event(text, strlen(text), &event);
        is_int(llm_gauge_tokens(&event.said), words[i].tokens,
               "tokens of \"%s\"", words[i].text);
    }
}

int main(void)
{
    size_t i, k;

    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        llm_gauge gauge = { 0 };
        llm_event event;

        for (k = 0; k < 3 && cases[i].events[k]; k++) {
            memset(&event, 0, sizeof event);
            cases[i].dialect->read_event(cases[i].events[k],
                                         strlen(cases[i].events[k]), &event);
            llm_gauge_add(&gauge, &event.said);
        }
        is_int(gauge.said, cases[i].said, "%s: %s", cases[i].dialect->name,
               cases[i].what);
    }
    tokens();
    return done();
}
