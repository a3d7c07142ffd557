/* The Responses API as it passes through, its whole answers and its errors. */
#include <stdlib.h>
#include <apr_strings.h>

#include "../../src/wire/carry.h"
#include "../../src/wire/dialect.h"
#include "../tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define PIECE LLM_EVENT_PIECE
#define ERROR LLM_EVENT_ERROR
#define MALFORMED LLM_EVENT_MALFORMED

static apr_pool_t *pool;
static const llm_dialect *const us = &llm_openai_responses;

/* ---- requests that pass ---------------------------------------------------- */

static void request(const char *body, llm_fault want, const char *model,
                    int stream)
{
    llm_fault_detail detail = { 0 };
    llm_request out;

    is_int(us->read_request(body, strlen(body), 64, &out, &detail, pool),
           want, "a request: %s", body);
    if (want)
        return;
    is_str(out.model, model, "its model");
    is_int(out.stream, stream, "whether it streams");
}

static void requests(void)
{
    request("{\"model\":\"m\",\"input\":\"x\"}", LLM_OK, "m", 0);
    request("{\"input\":[],\"stream\":true,\"model\":\"\\u006d\"}", LLM_OK,
            "m", 1);
    request("{\"model\":\"m\",\"stream\":null}", LLM_OK, "m", 0);
    request("{\"input\":\"x\"}", LLM_BAD_REQUEST, NULL, 0);
    request("{\"model\":\"\"}", LLM_BAD_REQUEST, NULL, 0);
    request("{\"model\":7}", LLM_BAD_REQUEST, NULL, 0);
    request("{\"model\":\"m\",\"model\":\"n\"}", LLM_BAD_REQUEST, NULL, 0);
    request("{\"model\":\"m\",\"stream\":1}", LLM_BAD_REQUEST, NULL, 0);
    request("[]", LLM_BAD_JSON, NULL, 0);
    request("{\"model\":\"m\"", LLM_BAD_JSON, NULL, 0);
}

static void passes(const char *body, const char *want)
{
    llm_fault_detail detail = { 0 };
    llm_request request;
    llm_buf out;

    us->read_request(body, strlen(body), 64, &request, &detail, pool);
    llm_buf_init(&out, 10000);
    is_int(us->pass_request(&request, "gpt", 1, &out), LLM_OK, "passed");
    is_mem(out.data, out.len, want, strlen(want), "as it was: %.60s", body);
    llm_buf_free(&out);
}

#define OURS "{\"type\":\"reasoning\",\"encrypted_content\":\"~llm~W10\"}"

static void passing(void)
{
    passes("{ \"model\" : \"m\" , \"x\":[ 1 ] }",
           "{ \"model\" : \"gpt\" , \"x\":[ 1 ] }");
    passes("{\"model\":\"gpt\",\"input\":\"~llm~\"}",
           "{\"model\":\"gpt\",\"input\":\"~llm~\"}");
    passes("{\"model\":\"m\",\"input\":[" OURS "]}",
           "{\"model\":\"gpt\",\"input\":[]}");
    passes("{\"input\":[" OURS ", " OURS " , {\"a\":1}, " OURS ",2],"
           "\"model\":\"m\"}",
           "{\"input\":[{\"a\":1},2],\"model\":\"gpt\"}");
    passes("{\"input\":[0, " OURS ", " OURS " ],\"model\":\"m\"}",
           "{\"input\":[0 ],\"model\":\"gpt\"}");
    passes("{\"input\":[{\"type\":\"reasoning\",\"encrypted_content\":"
           "\"gA\"}," OURS "],\"model\":\"m\"}",
           "{\"input\":[{\"type\":\"reasoning\",\"encrypted_content\":"
           "\"gA\"}],\"model\":\"gpt\"}");
}

/* ---- answers and events ----------------------------------------------------- */

#define USAGE "\"usage\":{\"input_tokens\":100,\"input_tokens_details\":{"     \
    "\"cached_tokens\":30,\"cache_write_tokens\":5},\"output_tokens\":50,"     \
    "\"output_tokens_details\":{\"reasoning_tokens\":40},\"total_tokens\":150}"

static void answers(void)
{
    static const struct {
        const char *body;
        llm_fault fault;
        int known;
    } cases[] = {
        { "{\"output\":[]}", LLM_OK, 0 },
        { "{\"output\":[]," USAGE ",\"error\":null}", LLM_OK, 1 },
        { "{\"output\":[],\"usage\":null}", LLM_OK, 0 },
        { "{\"output\":[],\"usage\":[7]}", LLM_OK, 0 },
        { "{\"output\":[],\"status\":\"failed\",\"error\":{\"code\":"
          "\"server_error\"}}", LLM_FAILED, 0 },
        { "{\"error\":{\"message\":\"no\"}}", LLM_FAILED, 0 },
        { "{\"error\":null}", LLM_GARBAGE, 0 },
        { "{\"output\":{}}", LLM_GARBAGE, 0 },
        { "{\"output\":[", LLM_GARBAGE, 0 },
        { "[]", LLM_GARBAGE, 0 },
        { "", LLM_GARBAGE, 0 },
    };
    static const char beside[] = "{\"output\":[],\"usage\":{\"input_tokens\":"
        "1,\"output_tokens\":2,\"total_tokens\":6,\"output_tokens_details\":{"
        "\"reasoning_tokens\":3}}}";
    llm_usage u;

    for (size_t i = 0; i < COUNT(cases); i++) {
        is_int(us->read_answer(cases[i].body, strlen(cases[i].body), &u),
               cases[i].fault, "an answer: %s", cases[i].body);
        is_int(u.known, cases[i].known, "its usage");
    }
    us->read_answer(cases[1].body, strlen(cases[1].body), &u);
    ok(u.input == 100 && u.output == 50 && u.cached == 30
       && u.cache_write == 5 && u.reasoning == 40, "what usage means");
    us->read_answer(beside, sizeof beside - 1, &u);
    is_int(u.output, 5, "reasoning that was counted beside the output");
}

enum { OUT = 16, FIN = 32, KNOWN = 64 };

static void events(void)
{
    static const struct {
        const char *data;
        int is;
    } cases[] = {
        { "{\"type\":\"response.created\",\"response\":{\"usage\":null}}",
          PIECE },
        { "{\"type\":\"response.in_progress\",\"response\":{}}", PIECE },
        { "{\"type\":\"response.output_item.added\",\"item\":{\"type\":"
          "\"message\"}}", PIECE },
        { "{\"type\":\"response.output_item.added\",\"item\":{\"type\":"
          "\"function_call\"}}", PIECE | OUT },
        { "{\"type\":\"response.content_part.added\"}", PIECE },
        { "{\"type\":\"response.output_text.delta\",\"delta\":\"x\"}",
          PIECE | OUT },
        { "{\"type\":\"response.something.new\"}", PIECE | OUT },
        { "{\"response\":{" USAGE "},\"type\":\"response.completed\"}",
          PIECE | FIN | KNOWN },
        { "{\"type\":\"response.incomplete\",\"response\":{}}",
          PIECE | FIN },
        { "{\"type\":\"response.failed\",\"response\":{\"error\":{}}}",
          ERROR },
        { "{\"type\":\"error\",\"message\":\"x\"}", ERROR },
        { "{\"error\":{\"message\":\"x\"}}", ERROR },
        { "{\"type\":\"keepalive\"}", LLM_EVENT_PING },
        { "[DONE]", LLM_EVENT_DONE },
        { "{}", MALFORMED },
        { "{\"type\":7}", MALFORMED },
        { "{\"type\":\"response.completed\",\"response\":{" USAGE "}",
          MALFORMED },
        { "[]", MALFORMED },
        { "", MALFORMED },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        llm_event out;

        memset(&out, 0x55, sizeof out);
        memset(&out.usage, 0, sizeof out.usage);
        us->read_event(cases[i].data, strlen(cases[i].data), &out);
        is_int((int)out.kind | (out.has_output ? OUT : 0)
               | (out.has_finish ? FIN : 0) | (out.usage.known ? KNOWN : 0),
               cases[i].is, "an event: %s", cases[i].data);
    }
}

/* ---- whole answers written and read ----------------------------------------- */

static llm_reply *sample(void)
{
    llm_reply *reply = llm_reply_make(pool);
    llm_answer_choice *choice = llm_reply_choice(reply, pool);
    llm_citation *citation;
    llm_part *part;

    reply->id = "chatcmpl-1";
    reply->model = "claude";
    reply->usage = (llm_usage){ .input = 10, .output = 7, .cached = 4,
                                .cache_write = 1, .reasoning = 2,
                                .known = 1 };
    part = llm_parts_add(choice->parts, LLM_PART_REASONING);
    part->text = (llm_span){ "Hm", 2 };
    part->signature = "proof";
    part = llm_parts_add(choice->parts, LLM_PART_REASONING);
    part->text = (llm_span){ "c2VhbGVk", 8 };
    part->redacted = 1;
    part = llm_parts_add(choice->parts, LLM_PART_TEXT);
    part->text = (llm_span){ "Let me look.", 12 };
    part->citations = apr_array_make(pool, 1, sizeof *citation);
    citation = apr_array_push(part->citations);
    *citation = (llm_citation){ .url = "https://a.b", .title = "T",
                                .start = 0, .end = 3 };
    part = llm_parts_add(choice->parts, LLM_PART_CALL);
    part->id = "toolu_1";
    part->name = "f";
    part->text = (llm_span){ "{\"a\":1}", 7 };
    part = llm_parts_add(choice->parts, LLM_PART_CALL);
    part->name = "g";
    choice->finish = LLM_FINISH_TOOLS;
    choice->logprobs = (llm_span){ "{\"content\":[{\"token\":\"x\"}]}", 27 };
    return reply;
}

static const llm_face face = { .dialect = &llm_openai_responses, .id = "R1",
                               .model = "gpt-4", .now = 1700000000 };

static const char *reply_text(const llm_reply *reply)
{
    const char *text = "a fault";
    llm_buf out;

    llm_buf_init(&out, 100000);
    if (!us->chat->write_reply(reply, &face, &out, pool))
        text = apr_pstrmemdup(pool, out.data, out.len);
    llm_buf_free(&out);
    return text;
}

static llm_reply *reply_of(const char *text)
{
    llm_reply *reply = llm_reply_make(pool);
    const llm_json *tree = NULL;

    llm_json_parse(text, strlen(text), 64, &tree, pool);
    is_int(us->chat->read_reply(tree, reply, pool), LLM_OK, "it is read");
    return reply;
}

static const char rest[] = "\"parallel_tool_calls\":true,"
    "\"previous_response_id\":null,\"reasoning\":{\"effort\":null,"
    "\"summary\":null},\"store\":false,\"temperature\":null,\"text\":{"
    "\"format\":{\"type\":\"text\"}},\"tool_choice\":\"auto\",\"tools\":[],"
    "\"top_p\":null,\"truncation\":\"disabled\"";

static void replies(void)
{
    const char *text = reply_text(sample());
    const llm_answer_choice *choice;
    const llm_part *parts;
    llm_reply *again;
    llm_usage usage;

    ok(strstr(text, "{\"id\":\"resp_R1\",\"object\":\"response\","
              "\"created_at\":1700000000,\"status\":\"completed\",\"error\":"
              "null,\"incomplete_details\":null,\"instructions\":null,"
              "\"max_output_tokens\":null,\"model\":\"claude\",\"output\":[{"
              "\"type\":\"reasoning\",\"id\":\"rs_R1_0\",\"summary\":[{"
              "\"type\":\"summary_text\",\"text\":\"Hm\"}],"
              "\"encrypted_content\":\"~llm~") == text, "a reply: %s", text);
    ok(strstr(text, "\"output_tokens_details\":{\"reasoning_tokens\":2},"
              "\"total_tokens\":17}") != NULL, "its usage");
    ok(strstr(text, rest) != NULL, "what is always there");
    is_int(us->read_answer(text, strlen(text), &usage), LLM_OK, "good");
    ok(usage.input == 10 && usage.output == 7 && usage.cached == 4
       && usage.cache_write == 1 && usage.reasoning == 2, "usage again");
    again = reply_of(text);
    choice = (const llm_answer_choice *)again->choices->elts;
    parts = (const llm_part *)choice->parts->elts;
    is_int(choice->parts->nelts, 5, "all parts");
    is_str(parts[0].signature, "proof", "a foreign proof");
    is_int(parts[1].redacted, 1, "sealed reasoning");
    is_mem(parts[1].text.at, parts[1].text.len, "c2VhbGVk", 8, "the same");
    is_int(parts[2].citations ? parts[2].citations->nelts : 0, 1,
           "a citation");
    is_str(llm_carry_unpack(parts[3].id, NULL, NULL, pool), "toolu_1",
           "a call's id");
    ok(strstr(parts[3].id, "~llm~") != NULL, "carries the reasoning too");
    is_str(parts[4].id, "call_R1_1", "an id for a call without one");
    is_int(choice->finish, LLM_FINISH_TOOLS, "its finish");
    is_mem(choice->logprobs.at, choice->logprobs.len, "{\"content\":[{"
           "\"token\":\"x\"}],\"refusal\":null}", 42, "its logprobs");
}

static void finishes(void)
{
    static const struct {
        llm_finish finish;
        int refused;
        const char *says;
        llm_finish again;
    } cases[] = {
        { LLM_FINISH_STOP, 0, "\"status\":\"completed\"", LLM_FINISH_STOP },
        { LLM_FINISH_NONE, 0, "\"incomplete_details\":null",
          LLM_FINISH_STOP },
        { LLM_FINISH_SEQUENCE, 0, "\"status\":\"completed\"",
          LLM_FINISH_STOP },
        { LLM_FINISH_LENGTH, 0, "\"status\":\"incomplete\",\"error\":null,"
          "\"incomplete_details\":{\"reason\":\"max_output_tokens\"}",
          LLM_FINISH_LENGTH },
        { LLM_FINISH_FILTER, 0, "{\"reason\":\"content_filter\"}",
          LLM_FINISH_FILTER },
        { LLM_FINISH_FILTER, 1, "\"status\":\"completed\"",
          LLM_FINISH_FILTER },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        llm_reply *reply = llm_reply_make(pool);
        llm_answer_choice *choice = llm_reply_choice(reply, pool);
        const char *text;

        llm_parts_add(choice->parts, cases[i].refused ? LLM_PART_REFUSAL
                                                      : LLM_PART_TEXT)->text
            = (llm_span){ "x", 1 };
        choice->finish = cases[i].finish;
        text = reply_text(reply);
        ok(strstr(text, cases[i].says) != NULL, "finish %d says %s",
           cases[i].finish, cases[i].says);
        ok(!strstr(text, "\"usage\""), "usage that is not known is not told");
        choice = (llm_answer_choice *)reply_of(text)->choices->elts;
        is_int(choice->finish, cases[i].again, "and is read");
    }
    ok(strstr(reply_text(llm_reply_make(pool)), "\"output\":[],") != NULL,
       "an answer without a choice");
}

/* ---- errors ------------------------------------------------------------------ */

static void read_errors(void)
{
    static const struct {
        int status;
        const char *body;
        llm_fault fault;
        const char *text;
    } cases[] = {
        { 0, "{\"type\":\"error\",\"code\":\"rate_limit_exceeded\","
          "\"message\":\"Slow\",\"param\":null,\"sequence_number\":3}",
          LLM_LIMITED, "Slow" },
        { 0, "{\"type\":\"error\",\"error\":{\"type\":\"x\",\"code\":"
          "\"context_length_exceeded\",\"message\":\"Long\"}}", LLM_CONTEXT,
          "Long" },
        { 0, "{\"type\":\"response.failed\",\"response\":{\"output\":[],"
          "\"error\":{\"code\":\"server_error\",\"message\":\"Broke\"}}}",
          LLM_FAILED, "Broke" },
        { 0, "{\"status\":\"failed\",\"error\":{\"code\":"
          "\"image_content_policy_violation\",\"message\":\"Bad\"}}",
          LLM_POLICY, "Bad" },
        { 400, "{\"error\":{\"message\":\"No\",\"type\":"
          "\"invalid_request_error\",\"param\":\"input\",\"code\":null}}",
          LLM_REJECTED, "No" },
        { 401, "{\"error\":{\"message\":\"key\"}}", LLM_REFUSED_KEY, NULL },
        { 500, "<html>", LLM_FAILED, NULL },
        { 0, "", LLM_FAILED, NULL },
    };
    llm_fault_detail out;

    for (size_t i = 0; i < COUNT(cases); i++) {
        us->read_error(cases[i].status, cases[i].body,
                       strlen(cases[i].body), NULL, &out, pool);
        is_int(out.fault, cases[i].fault, "an error: %s", cases[i].body);
        is_str(out.text, cases[i].text, "its words");
        ok(!out.type || strcmp(out.type, "error"), "its type");
    }
}

static void written_errors(void)
{
    for (int fault = LLM_BAD_JSON; fault < LLM_FAULT_COUNT; fault++) {
        llm_fault_detail detail = { .fault = fault, .param = "input" }, back;
        llm_frame frame = { .framing = LLM_FRAMING_EVENTS, .begun = 4 };
        llm_event event = { 0 };
        llm_buf out;

        llm_buf_init(&out, 10000);
        us->write_error(&detail, &face, &frame, &out);
        out.data[out.len - 2] = '\0';
        ok(strstr(out.data, "event: error\ndata: {\"type\":\"error\","
                  "\"sequence_number\":4,\"code\":\"") == out.data,
           "%s", llm_fault_of(fault)->word);
        us->read_event(out.data + 19, out.len - 21, &event);
        is_int(event.kind, ERROR, "is an error");
        us->read_error(0, out.data + 19, out.len - 21, NULL, &back, pool);
        is_str(back.text, llm_fault_of(fault)->text, "with its sentence");
        llm_buf_clear(&out);
        us->write_error(&detail, &face, NULL, &out);
        us->read_error(llm_fault_status(&detail), out.data, out.len, NULL,
                       &back, pool);
        ok(back.fault && strstr(out.data, "{\"error\":{\"message\":")
           == out.data, "as a body");
        llm_buf_free(&out);
    }
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    requests();
    passing();
    answers();
    events();
    replies();
    finishes();
    read_errors();
    written_errors();
    is_str(us->path("m", 1, pool), "/responses", "the path");
    ok(us->named && !us->end_data, "events have names and no end marker");
    apr_pool_destroy(pool);
    apr_terminate();
    return done();
}
