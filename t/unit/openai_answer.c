/* What the OpenAI dialect understands of whole answers and of events. */
#include <stdlib.h>

#include "../../src/wire/family.h"
#include "../tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define CHOICES "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]"
#define PIECE LLM_EVENT_PIECE
#define USAGE LLM_EVENT_USAGE
#define ERROR LLM_EVENT_ERROR
#define MALFORMED LLM_EVENT_MALFORMED

/* Read at an address of their own, so that reading beyond is seen. */
static llm_fault answer(const char *body, llm_usage *usage)
{
    const size_t n = strlen(body);
    char *const copy = malloc(n ? n : 1);
    llm_fault fault;

    if (!copy)
        exit(2);
    memcpy(copy, body, n);
    memset(usage, 0x55, sizeof *usage);
    fault = llm_openai.read_answer(n ? copy : NULL, n, usage);
    free(copy);
    return fault;
}

static void answers(void)
{
    static const struct {
        const char *body;
        llm_fault fault;
        int known;
    } cases[] = {
        { "{\"choices\":[]}", LLM_OK, 0 },
        { " {\"choices\":[{}],\"usage\":null}\n", LLM_OK, 0 },
        { "{\"usage\":{\"prompt_tokens\":1},\"choices\":[{}]}", LLM_OK, 1 },
        { "{\"ch\\u006fices\":[{}],\"error\":null}", LLM_OK, 0 },
        { "{\"choices\":[{}],\"usage\":[1]}", LLM_OK, 0 },
        { "{\"choices\":[{}],\"usage\":7}", LLM_OK, 0 },
        { "{\"error\":{\"message\":\"no\"}}", LLM_FAILED, 0 },
        { "{\"error\":\"no\"}", LLM_FAILED, 0 },
        { "{\"choices\":null,\"error\":{}}", LLM_FAILED, 0 },
        { "{\"error\":null}", LLM_GARBAGE, 0 },
        { "{\"choices\":{}}", LLM_GARBAGE, 0 },
        { "{\"choices\":null}", LLM_GARBAGE, 0 },
        { "{\"data\":{\"choices\":[]}}", LLM_GARBAGE, 0 },
        { "{}", LLM_GARBAGE, 0 },
        { "[]", LLM_GARBAGE, 0 },
        { "", LLM_GARBAGE, 0 },
        { "null", LLM_GARBAGE, 0 },
        { "<html>", LLM_GARBAGE, 0 },
        { "{\"choices\":[{\"message\":{\"content\":\"cut", LLM_GARBAGE, 0 },
        { "{\"choices\":[]}{\"choices\":[]}", LLM_GARBAGE, 0 },
        { "{\"choices\":[\"\xff\"]}", LLM_GARBAGE, 0 },
    };
    llm_usage usage;

    for (size_t i = 0; i < COUNT(cases); i++) {
        is_int(answer(cases[i].body, &usage), cases[i].fault,
               "an answer: %s", *cases[i].body == ' ' ? "with white space"
                                                      : cases[i].body);
        is_int(usage.known, cases[i].known, "usage is %sknown",
               cases[i].known ? "" : "not ");
    }
}

static void deep_answer(void)
{
    char body[2000];
    llm_usage usage;

    for (int deep = 510; deep <= 511; deep++) {
        int n = snprintf(body, sizeof body, "{\"choices\":[],\"x\":");

        for (int i = 0; i < deep; i++)
            body[n++] = '[';
        for (int i = 0; i < deep; i++)
            body[n++] = ']';
        body[n++] = '}';
        body[n] = '\0';
        is_int(answer(body, &usage), LLM_OK, "%d levels are read", deep + 1);
    }
    is_int(usage.known, 0, "and mean nothing");
}

/* --- usage --------------------------------------------------------------- */

static void usages(void)
{
    static const struct {
        const char *who, *text;
        long long input, output, cached, written, reasoning;
    } cases[] = {
        { "OpenAI", "\"prompt_tokens\":100,\"completion_tokens\":50,"
          "\"total_tokens\":150,\"prompt_tokens_details\":{\"cached_tokens\":"
          "30,\"audio_tokens\":0},\"completion_tokens_details\":{"
          "\"reasoning_tokens\":40,\"audio_tokens\":0,"
          "\"accepted_prediction_tokens\":0}", 100, 50, 30, 0, 40 },
        { "xAI, who counts reasoning beside", "\"prompt_tokens\":100,"
          "\"completion_tokens\":50,\"total_tokens\":190,"
          "\"prompt_tokens_details\":{\"text_tokens\":100,\"cached_tokens\":"
          "30},\"completion_tokens_details\":{\"reasoning_tokens\":40}", 100,
          90, 30, 0, 40 },
        { "the same, total first", "\"total_tokens\":190,"
          "\"completion_tokens_details\":{\"reasoning_tokens\":40},"
          "\"completion_tokens\":50,\"prompt_tokens\":100", 100, 90, 0, 0,
          40 },
        { "DeepSeek", "\"prompt_tokens\":100,\"completion_tokens\":50,"
          "\"total_tokens\":150,\"prompt_cache_hit_tokens\":64,"
          "\"prompt_cache_miss_tokens\":36", 100, 50, 64, 0, 0 },
        { "DeepSeek with both words", "\"prompt_tokens\":100,"
          "\"prompt_cache_hit_tokens\":64,\"prompt_tokens_details\":"
          "{\"cached_tokens\":64}", 100, 0, 64, 0, 0 },
        { "who says what was written", "\"prompt_tokens\":9,"
          "\"prompt_tokens_details\":{\"cache_write_tokens\":3}", 9, 0, 0, 3,
          0 },
        { "no total", "\"prompt_tokens\":1,\"completion_tokens\":2,"
          "\"completion_tokens_details\":{\"reasoning_tokens\":2}", 1, 2, 0,
          0, 2 },
        { "null details", "\"prompt_tokens\":1,\"prompt_tokens_details\":"
          "null,\"completion_tokens_details\":null", 1, 0, 0, 0, 0 },
        { "nonsense", "\"prompt_tokens\":-7,\"completion_tokens\":\"9\","
          "\"total_tokens\":{},\"prompt_tokens_details\":{\"cached_tokens\":"
          "1e99}", 0, 0, 0, 0, 0 },
        { "1e3", "\"prompt_tokens\":1e3,\"completion_tokens\":2.0", 1000, 2,
          0, 0, 0 },
        { "said twice", "\"prompt_tokens\":1,\"prompt_tokens\":2", 2, 0, 0,
          0, 0 },
    };
    char body[1000];
    llm_event event;
    llm_usage u;

    for (size_t i = 0; i < COUNT(cases); i++) {
        snprintf(body, sizeof body, "{\"choices\":[],\"usage\":{%s}}",
                 cases[i].text);
        is_int(answer(body, &u), LLM_OK, "usage by %s", cases[i].who);
        ok(u.known && u.input == cases[i].input && u.output == cases[i].output
           && u.cached == cases[i].cached
           && u.cache_write == cases[i].written
           && u.reasoning == cases[i].reasoning, "means %lld %lld %lld %lld "
           "%lld", u.input, u.output, u.cached, u.cache_write, u.reasoning);
        memset(&event, 0, sizeof event);
        llm_openai.read_event(body, strlen(body), &event);
        ok(event.kind == USAGE && !memcmp(&event.usage, &u, sizeof u),
           "and the same in an event");
    }
    answer("{\"choices\":[],\"usage\":{\"prompt_tokens\":5},\"usage\":null}",
           &u);
    ok(u.known && u.input == 5, "a null after it takes nothing back");
}

/* --- events -------------------------------------------------------------- */

/* What an event is, as bits beside its kind. */
enum { OUT = 16, FIN = 32, KNOWN = 64, CUT = 128 };

static int event(const char *data, llm_event *out)
{
    const size_t n = strlen(data);
    char *const copy = malloc(n ? n : 1);

    if (!copy)
        exit(2);
    memcpy(copy, data, n);
    memset(out, 0x55, sizeof *out);
    memset(&out->usage, 0, sizeof out->usage);
    llm_openai.read_event(copy, n, out);
    free(copy);
    return (int)out->kind | (out->has_output ? OUT : 0)
        | (out->has_finish ? FIN : 0) | (out->usage.known ? KNOWN : 0)
        | (out->kind != LLM_EVENT_DONE && out->usage_null.len ? CUT : 0);
}

static void events(void)
{
    static const struct {
        const char *data;
        int is;
    } cases[] = {
        { "[DONE]", LLM_EVENT_DONE },
        { "[DONE] ", MALFORMED },
        { "[done]", MALFORMED },
        { "", MALFORMED },
        { "x", MALFORMED },
        { "[]", MALFORMED },
        { "\"text\"", MALFORMED },
        { "{\"choices\":[{\"delta\":{\"content\":\"cut", MALFORMED },
        { "{" CHOICES "}}", MALFORMED },
        { "{\"choices\":[7]}", MALFORMED },
        { "{\"usage\":{\"prompt_tokens\":1},\"choices\":[{}],}", MALFORMED },
        { "{}", PIECE },
        { "{\"choices\":[]}", PIECE },
        { "{\"choices\":null}", PIECE },
        { "{\"choices\":[{}]}", PIECE },
        { "{\"choices\":[{\"delta\":null,\"finish_reason\":null}]}", PIECE },
        { "{\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}", PIECE },
        { "{\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":"
          "\"\",\"refusal\":null,\"tool_calls\":[]}}]}", PIECE },
        { "{" CHOICES "}", PIECE | OUT },
        { "{\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":"
          "\" \"}}]}", PIECE | OUT },
        { "{\"choices\":[{\"delta\":{\"refusal\":\"I\"}}]}", PIECE | OUT },
        { "{\"choices\":[{\"delta\":{\"reasoning_content\":\"Hm\"}}]}",
          PIECE | OUT },
        { "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0}]}}]}",
          PIECE | OUT },
        { "{\"choices\":[{\"delta\":{}},{\"delta\":{\"content\":\"b\"}}]}",
          PIECE | OUT },
        { "{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}",
          PIECE | FIN },
        { "{\"choices\":[{\"delta\":{\"content\":\"b\"},\"finish_reason\":"
          "\"length\"}],\"usage\":{\"prompt_tokens\":3}}",
          PIECE | OUT | FIN | KNOWN },
        { "{\"choices\":[],\"usage\":{\"prompt_tokens\":3}}", USAGE | KNOWN },
        { "{\"usage\":{\"prompt_tokens\":3},\"choices\":[]}", USAGE | KNOWN },
        { "{\"usage\":{\"prompt_tokens\":3}}", PIECE | KNOWN },
        { "{" CHOICES ",\"usage\":null}", PIECE | OUT | CUT },
        { "{\"choices\":[],\"prompt_filter_results\":[],\"usage\":null}",
          PIECE | CUT },
        { "{\"error\":{\"message\":\"x\"}}", ERROR },
        { "{\"error\":\"x\"," CHOICES "}", ERROR | OUT },
        { "{\"error\":null," CHOICES "}", PIECE | OUT },
    };
    llm_event out;

    for (size_t i = 0; i < COUNT(cases); i++)
        is_int(event(cases[i].data, &out), cases[i].is, "an event: %s",
               cases[i].data);
}

/* "usage":null goes with one of the commas beside it; the rest stays. */
static void cuts(void)
{
    static const char *const cases[][2] = {
        { "{\"usage\":null}", "{}" },
        { "{ \"usage\" : null }", "{  }" },
        { "{\"usage\":null,\"id\":1}", "{\"id\":1}" },
        { "{ \"usage\":null , \"id\":1}", "{ \"id\":1}" },
        { "{\"id\":1,\"usage\":null}", "{\"id\":1}" },
        { "{\"id\":1 , \"usage\" : null }", "{\"id\":1 }" },
        { "{\"id\":1,\"usage\":null,\"x\":[]}", "{\"id\":1,\"x\":[]}" },
        { "{\"id\":\"a\" ,\"us\\u0061ge\":null, \"x\":{}}",
          "{\"id\":\"a\", \"x\":{}}" },
        { "{\"usage\":null," CHOICES "}", "{" CHOICES "}" },
        { "{" CHOICES ",\"usage\":null,\"z\":0}", "{" CHOICES ",\"z\":0}" },
        { "{\"x\":{\"usage\":null}}", "{\"x\":{\"usage\":null}}" },
        { "{\"x\":[{\"usage\":null}],\"usage\":null}",
          "{\"x\":[{\"usage\":null}]}" },
        { "{\"a\":1,\"usage\":null,\"usage\":null}",
          "{\"a\":1,\"usage\":null}" },
        { "{\"usage\":null,\"usage\":null}", "{\"usage\":null}" },
    };
    char left[400];
    llm_event out = { 0 };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *const data = cases[i][0];
        const size_t n = strlen(data);
        size_t before;

        llm_openai.read_event(data, n, &out);
        before = out.usage_null.len ? (size_t)(out.usage_null.at - data) : n;
        memcpy(left, data, before);
        snprintf(left + before, sizeof left - before, "%s",
                 data + before + out.usage_null.len);
        is_str(left, cases[i][1], "what is left of %s", data);
    }
}

static void the_rest(void)
{
    is_str(llm_openai.end_data, "[DONE]", "the end marker");
    is_str(llm_openai.path("m", 1, NULL), "/chat/completions", "the path");
    ok(llm_family_find("openai")->speaks[0] == &llm_openai,
       "it is found by its name");
    ok(!llm_family_find("OpenAI") && !llm_family_find(""),
       "and by no other");
}

int main(void)
{
    answers();
    deep_answer();
    usages();
    events();
    cuts();
    the_rest();
    return done();
}
