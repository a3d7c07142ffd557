/* The echo provider, when nothing goes wrong. */
#include "talk.h"

/* --- plain answers ------------------------------------------------------ */

static void whole(void)
{
    talk t = ask("", request("echo", ""));
    talk again = ask("", request("echo", ""));
    talk other = ask("", request("echo", ",\"seed\":1"));

    is_int(t.status, 200, "answered");
    is_str(t.type, "application/json", "with JSON");
    is_int(t.end, LLM_STEP_END, "whole");
    is_str(str_at(t.json, "object"), "chat.completion", "object");
    is_str(str_at(t.json, "model"), "echo", "model");
    is_int(int_at(t.json, "created"), 1700000000, "created");
    is_str(str_at(t.json, "choices.0.message.role"), "assistant", "role");
    is_str(str_at(t.json, "choices.0.message.content"), HELLO, "content");
    ok(at(t.json, "choices.0.message.refusal") != NULL, "refusal is there");
    is_str(str_at(t.json, "choices.0.finish_reason"), "stop", "finish");
    is_int(llm_json_count(at(t.json, "choices")), 1, "one choice");
    is_usage(at(t.json, "usage"), 5, 5, 0, 0);
    is_int(t.pieces, 1, "in one piece");
    is_int(t.head + t.first + t.rest + t.last, 0, "at once");
    is_mem(t.body.data, t.body.len, again.body.data, again.body.len,
           "the same again is the same answer");
    ok(!strncmp(str_at(t.json, "id"), "chatcmpl-", 9)
       && strcmp(str_at(t.json, "id"), str_at(other.json, "id")),
       "another request has another id");
    forget(&t);
    forget(&again);
    forget(&other);
}

static void streamed(void)
{
    talk t = ask("", request("echo", STREAM));

    is_int(t.status, 200, "answered");
    is_str(t.type, "text/event-stream; charset=utf-8", "with a stream");
    is_int(t.end, LLM_STEP_END, "whole");
    ok(says(&t.text, HELLO), "the text");
    is_int(t.events, 1 + 5 + 1 + 1, "role, five tokens, finish, done");
    is_int(t.pieces, t.events, "event by event");
    is_int(t.dones, 1, "[DONE]");
    is_int(t.usages + t.nulls, 0, "no usage that nobody asked for");
    is_str(t.finish, "stop", "finish");
    forget(&t);
    t = ask("", request("echo", USAGE));
    is_int(t.usages, 1, "usage when asked for");
    is_int(t.nulls, t.deltas, "null in all other chunks");
    is_int(t.events, 9, "role, five tokens, finish, usage, done");
    is_usage(t.usage, 5, 5, 0, 0);
    forget(&t);
}

static void is_content(const char *messages, const char *wanted, int tokens)
{
    const char *body = apr_pstrcat(pool, "{\"model\":\"m\",\"messages\":[",
                                   messages, "]}", NULL);
    talk t = ask("", body);

    is_str(str_at(t.json, "choices.0.message.content"), wanted, "content");
    is_int(int_at(t.json, "usage.prompt_tokens"), tokens, "prompt tokens");
    forget(&t);
}

static void contents(void)
{
    is_content("{\"role\":\"user\",\"content\":\"first\"},"
               "{\"role\":\"assistant\",\"content\":\"two words\"},"
               "{\"role\":\"user\",\"content\":\"last\"}",
               "You said: last", 4);
    is_content("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
               "\"a b\"},{\"type\":\"image_url\",\"image_url\":{}},"
               "{\"type\":\"text\",\"text\":\"c\"}]}", "You said: a b c", 3);
    is_content("{\"role\":\"user\",\"content\":\" \\t\\n \"}",
               "You said nothing.", 0);
    is_content("{\"role\":\"system\",\"content\":\"x\"}",
               "You said nothing.", 1);
    is_content("{\"role\":\"user\"}", "You said nothing.", 0);
    is_content("{\"role\":\"user\",\"content\":\"  a  \\n b \"}",
               "You said:   a  \n b", 2);
    is_content("{\"role\":\"user\",\"content\":\"\\\"\\\\\\u0001\\ud83d"
               "\\ude00\xe2\x82\xac\"}",
               "You said: \"\\\x01\xf0\x9f\x98\x80\xe2\x82\xac", 1);
}

/* A long text is cut, between characters; whatever it is, it is JSON. */
static void long_content(const char *piece, size_t times, const char *model,
                         const char *members)
{
    llm_buf body;
    size_t i;
    talk t;

    llm_buf_init(&body, 10 << 20);
    llm_buf_printf(&body, "{\"model\":\"%s\"%s,\"messages\":[{\"role\":"
                   "\"user\",\"content\":\"", model, members);
    for (i = 0; i < times; i++)
        llm_buf_puts(&body, piece);
    llm_buf_puts(&body, "\"}]}");
    t = ask_at(CHAT, "", body.data, body.len);
    is_int(t.status, 200, "long content");
    is_int(t.end, LLM_STEP_END, "is answered");
    is_int(t.broken, 0, "unbroken");
    ok(t.json || t.dones == 1, "and whole");
    ok(!memmem(t.body.data, t.body.len, "\xef\xbf\xbd", 3),
       "cut between characters");
    forget(&t);
    llm_buf_free(&body);
}

static void long_contents(void)
{
    static const char *const pieces[] = {
        "word ", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
        "\\u0001", "\\\"", "\\\\", " ", "\\n",
    };
    size_t i;

    for (i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        long_content(pieces[i], 40000, "m", "");
        long_content(pieces[i], 40000, "m", STREAM);
        long_content(pieces[i], 40000, "m?tools=2", "");
        long_content(pieces[i], 40000, "m?tools=2", STREAM);
    }
}

/* --- options ------------------------------------------------------------ */

static void length(const char *model, const char *members, const char *text,
                   const char *finish, int tokens)
{
    talk t = ask("", request(model, members));
    talk s = ask("", request(model, apr_pstrcat(pool, members, USAGE, NULL)));

    is_str(str_at(t.json, "choices.0.message.content"), text, "%s%s", model,
           members);
    is_str(str_at(t.json, "choices.0.finish_reason"), finish, "finish");
    is_int(int_at(t.json, "usage.completion_tokens"), tokens, "tokens");
    ok(says(&s.text, text), "the same streamed");
    is_str(s.finish, finish, "with its finish");
    is_int(int_at(s.usage, "completion_tokens"), tokens, "and tokens");
    forget(&t);
    forget(&s);
}

static void lengths(void)
{
    length("m?length=2", "", "You said:", "stop", 2);
    length("m?length=0", "", "", "stop", 0);
    length("m?length=8", "", HELLO " You said: Hello", "stop", 8);
    length("m", ",\"max_tokens\":3", "You said: Hello", "length", 3);
    length("m", ",\"max_tokens\":5", HELLO, "stop", 5);
    length("m", ",\"max_tokens\":1,\"max_completion_tokens\":2",
           "You said:", "length", 2);
    length("m?length=7", ",\"max_completion_tokens\":6", HELLO " You",
           "length", 6);
    length("m?reasoning=4", "", HELLO, "stop", 9);
    length("m?reasoning=4", ",\"max_tokens\":6", "You said:", "length", 6);
    length("m?reasoning=9", ",\"max_tokens\":6", "", "length", 6);
    length("m", ",\"stop\":\" big\"", "You said: Hello", "stop", 3);
    length("m", ",\"stop\":[\"none\",\"llo\",\"world\"]", "You said: He",
           "stop", 3);
    length("m?length=9", ",\"stop\":\"big\"", "You said: Hello", "stop", 3);
    length("m?length=9", ",\"stop\":\"You\"", "", "stop", 0);
    length("m", ",\"stop\":null,\"max_tokens\":null,\"n\":1", HELLO, "stop",
           5);
    length("m", ",\"stop\":\"\"", HELLO, "stop", 5);
}

/* White space at the end is no token when the text comes around. */
static void around(void)
{
    talk t = ask("length=5", "{\"model\":\"m\",\"messages\":[{\"role\":"
                 "\"user\",\"content\":\"a \\n\"}]}");

    is_str(str_at(t.json, "choices.0.message.content"),
           "You said: a You said:", "around without white space");
    forget(&t);
}

static void details(void)
{
    talk t = ask("reasoning=3 cached=4", request("m", ""));

    is_usage(at(t.json, "usage"), 5, 8, 4, 3);
    forget(&t);
    t = ask("cached=99", request("m", USAGE));
    is_usage(t.usage, 5, 5, 5, 0);
    forget(&t);
}

static void waits(void)
{
    const char *all = "delay=1s first=200ms pace=30ms";
    talk t = ask(all, request("m", USAGE));

    is_int(t.head, 1000000, "delay comes before the head");
    is_int(t.first, 200000, "first before the first bytes");
    is_int(t.rest, 4 * 30000, "pace between five tokens");
    is_int(t.last, 0, "and nothing after the last");
    forget(&t);
    t = ask(all, request("m?pace=0&delay=2m", ""));
    is_int(t.head, 120000000, "the model's options win");
    is_int(t.first, 200000, "the others stay");
    is_int(t.rest, 0, "no pace");
    is_int(t.pieces, 1, "is one piece");
    forget(&t);
    t = ask(all, request("m", ""));
    is_int(t.rest, 4 * 30000, "a whole answer keeps its pace");
    is_str(str_at(t.json, "choices.0.message.content"), HELLO, "and is whole");
    forget(&t);
    t = ask("delay=1s first=1s fault=500", request("m", ""));
    is_int(t.head, 1000000, "errors take their time, too");
    is_int(t.first, 0, "before the head only");
    forget(&t);
}

#define FUNCTION(name)                                                        \
    "{\"type\":\"function\",\"function\":{\"name\":\"" name "\"}}"
#define TOOLS ",\"tools\":[" FUNCTION("get_a") ",{\"type\":\"custom\"}," \
              FUNCTION("get_b") "]"
#define ARGUMENTS "{\"text\":\"" HELLO "\"}"

static void tools(void)
{
    talk t = ask("", request("m?tools=3", TOOLS));
    const llm_json *calls = at(t.json, "choices.0.message.tool_calls");

    is_int(llm_json_count(calls), 3, "three calls");
    is_str(str_at(calls, "0.function.name"), "get_a", "the first's name");
    is_str(str_at(calls, "1.function.name"), "get_b", "the second's");
    is_str(str_at(calls, "2.function.name"), "get_a", "and around");
    is_str(str_at(calls, "0.function.arguments"), ARGUMENTS, "arguments");
    is_str(str_at(calls, "2.function.arguments"), ARGUMENTS, "the last's");
    is_str(str_at(calls, "1.type"), "function", "type");
    ok(strcmp(str_at(calls, "0.id"), str_at(calls, "1.id")), "own ids");
    is_int(llm_json_kind_of(at(t.json, "choices.0.message.content")),
           LLM_JSON_NULL, "no content");
    is_str(str_at(t.json, "choices.0.finish_reason"), "tool_calls", "finish");
    is_usage(at(t.json, "usage"), 5, 15, 0, 0);
    forget(&t);
    t = ask("tools=2", request("m", USAGE));
    ok(says(&t.arguments, ARGUMENTS "|" ARGUMENTS), "streamed in fragments");
    is_int(t.deltas, 1 + 2 * (1 + 5) + 1, "as many as there are");
    is_int(t.text.len, 0, "without text");
    is_str(t.finish, "tool_calls", "finish");
    is_int(int_at(t.usage, "completion_tokens"), 10, "tokens");
    forget(&t);
    t = ask("tools=1 length=2", request("m", ""));
    calls = at(t.json, "choices.0.message.tool_calls");
    is_str(str_at(calls, "0.function.name"), "echo", "no tools: echo");
    is_str(str_at(calls, "0.function.arguments"), "{\"text\":\"You said:\"}",
           "length is the arguments'");
    forget(&t);
}

static void cut_tools(void)
{
    talk t = ask("tools=3", request("m", ",\"max_tokens\":7"));
    const llm_json *calls = at(t.json, "choices.0.message.tool_calls");

    is_int(llm_json_count(calls), 2, "as many calls as there are tokens for");
    is_str(str_at(calls, "0.function.arguments"), ARGUMENTS, "one whole");
    is_str(str_at(calls, "1.function.arguments"), "{\"text\":\"You said:",
           "one cut");
    is_str(str_at(t.json, "choices.0.finish_reason"), "length", "finish");
    forget(&t);
    t = ask("tools=3 reasoning=9", request("m", ",\"max_tokens\":7"));
    is_int(llm_json_count(at(t.json, "choices.0.message.tool_calls")), 0,
           "and none when there are none");
    forget(&t);
    t = ask("tools=1", request("m", ",\"stop\":\"You\""));
    is_str(str_at(t.json, "choices.0.message.tool_calls.0.function.arguments"),
           "{\"text\":\"\"}", "empty arguments are JSON");
    forget(&t);
}

static void bad_options(void)
{
    static const char *const bad[] = {
        "nonsense", "nonsense=1", "=1", "=", "delay", "delay=", "delay=-1s",
        "delay=61m", "first=2h", "pace=1d", "length=1000001", "length=-1",
        "length=x", "tools=129", "reasoning=1000001", "cached=1000001",
        "fault=", "fault=no", "fault=418", "at=1000001", "retry=86401",
        "size=0", "size=4097M", "Delay=1s",
        "delay=000000000000000000000000000000000000000000000000000000000000",
    };
    static const char *const good[] = {
        "delay=60m", "length=1000000&fault=500", "tools=128&length=1",
        "size=4G", "retry=86400", "&&length=1&", "", "fault=usage",
        "at=1000000", "length=1&length=2", "reasoning=1000000",
    };
    size_t i;
    talk t;

    for (i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *model = apr_pstrcat(pool, "m?pace=0&", bad[i], NULL);

        t = ask("", request(model, ""));
        ok(strstr(str_at(t.json, "error.message"),
                  apr_pstrndup(pool, bad[i], 63)), "%s is named", bad[i]);
        is_error(t, 400, "invalid_option", "model");
        is_error(ask(apr_pstrcat(pool, "pace=0  ", bad[i], " cached=1", NULL),
                     request("m", "")), 400, "invalid_option", "");
    }
    for (i = 0; i < sizeof good / sizeof *good; i++) {
        t = ask(" \t ", request(apr_pstrcat(pool, "m?", good[i], NULL), ""));
        is_int(t.status, strstr(good[i], "500") ? 500 : 200, "%s", good[i]);
        forget(&t);
    }
    is_error(ask("", request("m?length=1\\u00002", "")), 400,
             "invalid_option", "model");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    whole();
    streamed();
    contents();
    long_contents();
    lengths();
    around();
    details();
    waits();
    tools();
    cut_tools();
    bad_options();
    apr_pool_destroy(pool);
    apr_terminate();
    return done();
}
