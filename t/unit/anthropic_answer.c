/* Answers, events and errors of Anthropic's shape, as they stand, and lists
 * of models. */
#include "anthropic_rig.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* Read at an address of their own, so that reading beyond is seen. */
static llm_fault answer(const llm_dialect *dialect, const char *body,
                        llm_usage *usage)
{
    const size_t n = strlen(body);
    char *copy = malloc(n ? n : 1);
    llm_fault fault;

    memcpy(copy, body, n);
    memset(usage, 0x55, sizeof *usage);
    fault = dialect->read_answer(n ? copy : NULL, n, usage);
    free(copy);
    return fault;
}

static void answers(void)
{
    static const struct {
        const char *body;
        llm_fault fault, count;
        int known;
    } cases[] = {
        { "{\"content\":[]}", LLM_OK, LLM_GARBAGE, 0 },
        { "{\"content\":[],\"usage\":null}", LLM_OK, LLM_GARBAGE, 0 },
        { "{\"content\":[],\"usage\":{\"input_tokens\":1}}", LLM_OK,
          LLM_GARBAGE, 1 },
        { "{\"type\":\"error\",\"error\":{\"type\":\"api_error\"}}",
          LLM_FAILED, LLM_FAILED, 0 },
        { "{\"type\":\"error\"}", LLM_FAILED, LLM_FAILED, 0 },
        { "{\"content\":\"a\"}", LLM_GARBAGE, LLM_GARBAGE, 0 },
        { "{\"input_tokens\":7}", LLM_GARBAGE, LLM_OK, 0 },
        { "{\"input_tokens\":\"7\"}", LLM_GARBAGE, LLM_GARBAGE, 0 },
        { "{}", LLM_GARBAGE, LLM_GARBAGE, 0 },
        { "", LLM_GARBAGE, LLM_GARBAGE, 0 },
        { "{\"content\":[]", LLM_GARBAGE, LLM_GARBAGE, 0 },
    };
    llm_usage usage;

    for (size_t i = 0; i < COUNT(cases); i++) {
        is_int(answer(&llm_anthropic, cases[i].body, &usage), cases[i].fault,
               "an answer: %s", cases[i].body);
        is_int(usage.known, cases[i].known, "its usage");
        is_int(answer(&llm_anthropic_count, cases[i].body, &usage),
               cases[i].count, "a count");
    }
    answer(&llm_anthropic_count, "{\"input_tokens\":7}", &usage);
    ok(usage.known && usage.input == 7, "a count is input");
}

#define USAGE "\"usage\":{\"input_tokens\":100,"                              \
    "\"cache_creation_input_tokens\":300,\"cache_read_input_tokens\":400,"    \
    "\"cache_creation\":{\"ephemeral_5m_input_tokens\":100,"                  \
    "\"ephemeral_1h_input_tokens\":200},\"output_tokens\":20,"                \
    "\"output_tokens_details\":{\"thinking_tokens\":5},"                      \
    "\"server_tool_use\":null,\"service_tier\":\"standard\"}"

static void usages(void)
{
    llm_usage u;

    answer(&llm_anthropic, "{\"content\":[]," USAGE "}", &u);
    ok(u.input == 800 && u.cached == 400 && u.cache_write == 300
       && u.cache_write_1h == 200 && u.output == 20 && u.reasoning == 5,
       "usage: %lld %lld %lld %lld %lld %lld", u.input, u.cached,
       u.cache_write, u.cache_write_1h, u.output, u.reasoning);
    answer(&llm_anthropic, "{\"content\":[],\"usage\":{\"cache_creation\":"
           "{\"ephemeral_1h_input_tokens\":9},\"input_tokens\":1}}", &u);
    ok(u.input == 10 && u.cache_write == 9 && u.cache_write_1h == 9,
       "what was written is said by its parts alone");
    answer(&llm_anthropic, "{\"content\":[],\"usage\":{\"input_tokens\":-5,"
           "\"cache_read_input_tokens\":\"x\",\"output_tokens\":[1]}}", &u);
    ok(u.known && !u.input && !u.cached && !u.output, "nonsense is nothing");
}

/* ---- events ------------------------------------------------------------- */

static llm_event seen;

static llm_event_kind event(const char *data)
{
    const llm_usage before = seen.usage;

    memset(&seen, 0x55, sizeof seen);
    seen.usage = before;
    llm_anthropic.read_event(data, strlen(data), &seen);
    return seen.kind;
}

static void events(void)
{
    static const struct {
        const char *data;
        llm_event_kind kind;
        int output, finish;
    } cases[] = {
        { "{\"type\":\"ping\"}", LLM_EVENT_PING, 0, 0 },
        { "{\"type\":\"message_stop\"}", LLM_EVENT_DONE, 0, 0 },
        { "{\"type\":\"error\",\"error\":{}}", LLM_EVENT_ERROR, 0, 0 },
        { "{\"error\":{\"message\":\"x\"}}", LLM_EVENT_ERROR, 0, 0 },
        { "{\"type\":\"message_start\",\"message\":{\"content\":[]}}",
          LLM_EVENT_PIECE, 0, 0 },
        { "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":"
          "{\"type\":\"text\",\"text\":\"\"}}", LLM_EVENT_PIECE, 0, 0 },
        { "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":"
          "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}}}",
          LLM_EVENT_PIECE, 1, 0 },
        { "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
          "\"text_delta\",\"text\":\"a\"}}", LLM_EVENT_PIECE, 1, 0 },
        { "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
          "\"input_json_delta\",\"partial_json\":\"\"}}", LLM_EVENT_PIECE, 0,
          0 },
        { "{\"type\":\"content_block_stop\",\"index\":0}", LLM_EVENT_PIECE,
          0, 0 },
        { "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
          "\"end_turn\"}}", LLM_EVENT_PIECE, 0, 1 },
        { "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":null}}",
          LLM_EVENT_PIECE, 0, 0 },
        { "{\"type\":\"something_new\"}", LLM_EVENT_PIECE, 0, 0 },
        { "{\"type\":1}", LLM_EVENT_MALFORMED, 0, 0 },
        { "{}", LLM_EVENT_MALFORMED, 0, 0 },
        { "[DONE]", LLM_EVENT_MALFORMED, 0, 0 },
        { "{\"type\":\"message_stop\"", LLM_EVENT_MALFORMED, 0, 0 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        is_int(event(cases[i].data), cases[i].kind, "an event: %s",
               cases[i].data);
        ok(seen.has_output == cases[i].output
           && seen.has_finish == cases[i].finish, "and what is in it");
    }
}

/* Counts replace what was known, and null says nothing. */
static void event_usages(void)
{
    memset(&seen, 0, sizeof seen);
    event("{\"type\":\"message_start\",\"message\":{" USAGE "}}");
    ok(seen.usage.input == 800 && seen.usage.output == 20, "first");
    event("{\"type\":\"message_delta\",\"usage\":{\"output_tokens\":31,"
          "\"input_tokens\":null,\"cache_read_input_tokens\":null}}");
    ok(seen.usage.input == 800 && seen.usage.cached == 400
       && seen.usage.output == 31, "the output is more");
    event("{\"type\":\"message_delta\",\"usage\":{\"output_tokens\":40,"
          "\"cache_read_input_tokens\":0}}");
    ok(seen.usage.input == 400 && seen.usage.cached == 0
       && seen.usage.output == 40, "nothing was read after all");
    event("{\"type\":\"message_delta\",\"usage\":{\"output_tokens\":50}");
    is_int(seen.usage.output, 40, "a malformed event says nothing");
}

/* ---- errors ------------------------------------------------------------- */

static llm_fault_detail error(int status, const char *body)
{
    llm_fault_detail out;

    llm_anthropic.read_error(status, body, strlen(body), NULL, &out, pool);
    return out;
}

#define ERROR(type, message) "{\"type\":\"error\",\"error\":{\"type\":\""     \
    type "\",\"message\":\"" message "\"},\"request_id\":\"r\"}"

static void errors(void)
{
    static const struct {
        int status;
        const char *body;
        llm_fault fault;
        const char *text;
    } cases[] = {
        { 400, ERROR("invalid_request_error", "bad"), LLM_REJECTED, "bad" },
        { 400, ERROR("invalid_request_error", "prompt is too long: 2 > 1"),
          LLM_CONTEXT, "prompt is too long: 2 > 1" },
        { 401, ERROR("authentication_error", "sk-x"), LLM_REFUSED_KEY,
          NULL },
        { 400, ERROR("invalid_request_error", "Your credit balance is too low "
                     "to access the Anthropic API."), LLM_REFUSED_KEY,
          "The provider refused the gateway's key, whose credit or quota is "
          "used up" },
        { 400, ERROR("invalid_request_error", "You have reached your "
                     "specified API usage limits. You will regain access on "
                     "2026-12-01 at 00:00 UTC."), LLM_REFUSED_KEY,
          "The provider refused the gateway's key, whose credit or quota is "
          "used up" },
        { 402, ERROR("billing_error", "pay"), LLM_REFUSED_KEY, NULL },
        { 429, ERROR("rate_limit_error", "You exceeded your current quota"),
          LLM_REFUSED_KEY, "The provider refused the gateway's key, whose "
          "credit or quota is used up" },
        { 404, ERROR("not_found_error", "model: x"), LLM_REJECTED,
          "model: x" },
        { 429, ERROR("rate_limit_error", "slow"), LLM_LIMITED, "slow" },
        { 500, ERROR("api_error", "oops"), LLM_FAILED, "oops" },
        { 529, ERROR("overloaded_error", "Overloaded"), LLM_OVERLOADED,
          "Overloaded" },
        { 0, ERROR("overloaded_error", "Overloaded"), LLM_OVERLOADED,
          "Overloaded" },
        { 0, ERROR("rate_limit_error", "slow"), LLM_LIMITED, "slow" },
        { 0, ERROR("authentication_error", "k"), LLM_REFUSED_KEY, NULL },
        { 0, ERROR("timeout_error", "late"), LLM_SLOW, "late" },
        { 0, ERROR("api_error", "oops"), LLM_FAILED, "oops" },
        { 0, ERROR("invalid_request_error", "bad"), LLM_REJECTED, "bad" },
        { 0, "{}", LLM_FAILED, NULL },
        { 502, "<html>", LLM_FAILED, NULL },
        { 400, "{\"error\":\"text\"}", LLM_REJECTED, "text" },
        { 400, "{\"error\":7}", LLM_REJECTED, NULL },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const llm_fault_detail out = error(cases[i].status, cases[i].body);

        is_int(out.fault, cases[i].fault, "an error: %d %s",
               cases[i].status, cases[i].body);
        is_str(out.text, cases[i].text, "its sentence");
    }
    is_int(error(400, ERROR("invalid_request_error", "prompt is too long: "
                 "200001 tokens > 200000 maximum")).context, 200000,
           "the context that was too small");
    is_int(error(400, ERROR("invalid_request_error", "input length and "
                 "`max_tokens` exceed context limit: 190000 + 20000 > 200000, "
                 "decrease input length or `max_tokens` and try again"))
           .context, 200000, "also where the answer is too much for it");
    is_str(error(400, ERROR("invalid_request_error", "x")).type,
           "invalid_request_error", "its type");
}

static const char *written(const llm_fault_detail *what, int framed)
{
    const llm_face face = { .dialect = &llm_anthropic, .id = "req_1" };
    llm_frame frame = { 0 };
    llm_buf out;
    const char *text;

    llm_buf_init(&out, 4096);
    is_int(llm_anthropic.write_error(what, &face, framed ? &frame : NULL,
                                     &out), LLM_OK, "written");
    text = apr_pstrmemdup(pool, out.data, out.len);
    llm_buf_free(&out);
    return text;
}

static void written_errors(void)
{
    static const struct {
        int status;
        const char *type;
    } types[] = {
        { 400, "invalid_request_error" }, { 401, "authentication_error" },
        { 402, "billing_error" }, { 403, "permission_error" },
        { 404, "not_found_error" }, { 405, "invalid_request_error" },
        { 408, "timeout_error" }, { 409, "conflict_error" },
        { 413, "request_too_large" }, { 429, "rate_limit_error" },
        { 500, "api_error" }, { 502, "api_error" },
        { 503, "overloaded_error" }, { 504, "timeout_error" },
        { 529, "overloaded_error" },
    };
    llm_fault_detail what = { .fault = LLM_BAD_REQUEST };

    for (size_t i = 0; i < COUNT(types); i++) {
        what.status = types[i].status;
        ok(strstr(written(&what, 0), apr_psprintf(pool, "{\"type\":\"error\","
           "\"error\":{\"type\":\"%s\",", types[i].type)), "%d",
           types[i].status);
    }
    for (int fault = 1; fault < LLM_FAULT_COUNT; fault++) {
        const char *text;
        llm_fault_detail again;

        memset(&what, 0, sizeof what);
        what.fault = fault;
        text = written(&what, 0);
        again = error(llm_fault_status(&what), text);
        ok(again.fault, "%s read as %s", llm_fault_of(fault)->word,
           llm_fault_of(again.fault)->word);
    }
    what = (llm_fault_detail){ .fault = LLM_BAD_REQUEST, .param = "tools[0]",
                               .text = "It \"must\" go" };
    is_str(written(&what, 0), "{\"type\":\"error\",\"error\":{\"type\":"
           "\"invalid_request_error\",\"message\":\"tools[0]: It \\\"must\\\""
           " go\"},\"request_id\":\"req_1\"}\n", "whole");
    what = (llm_fault_detail){ .fault = LLM_OVERLOADED, .text = "Busy" };
    is_str(written(&what, 1), "event: error\ndata: {\"type\":\"error\","
           "\"error\":{\"type\":\"overloaded_error\",\"message\":\"Busy\"},"
           "\"request_id\":\"req_1\"}\n\n", "in a stream");
}

/* ---- models ------------------------------------------------------------- */

static void models(void)
{
    const llm_facts known = { .context = 200000, .output = 64000 };
    const llm_facts unknown = { .name = "" };
    const llm_model_entry entries[] = {
        { "claude-\"x", "anthropic", 1700000000, &known },
        { "b", "other", 0, &unknown },
    };
    llm_buf out;

    llm_buf_init(&out, 4096);
    is_int(llm_anthropic.write_models(entries, 2, &out), LLM_OK, "a list");
    llm_buf_add(&out, "", 1);
    is_str(out.data, "{\"data\":[{\"type\":\"model\",\"id\":\"claude-\\\"x\","
           "\"display_name\":\"claude-\\\"x\",\"created_at\":"
           "\"2023-11-14T22:13:20Z\",\"max_input_tokens\":200000,"
           "\"max_tokens\":64000,\"lifecycle\":\"active\"},{\"type\":"
           "\"model\",\"id\":\"b\",\"display_name\":\"b\",\"created_at\":"
           "\"1970-01-01T00:00:00Z\",\"max_input_tokens\":null,"
           "\"max_tokens\":null,\"lifecycle\":\"active\"}],\"has_more\":false,"
           "\"first_id\":\"claude-\\\"x\",\"last_id\":\"b\"}\n", "of models");
    llm_buf_clear(&out);
    llm_anthropic.write_models(NULL, 0, &out);
    llm_buf_add(&out, "", 1);
    is_str(out.data, "{\"data\":[],\"has_more\":false,\"first_id\":null,"
           "\"last_id\":null}\n", "an empty one");
    llm_buf_clear(&out);
    llm_anthropic_count.write_count(12, NULL, &out);
    llm_buf_add(&out, "", 1);
    is_str(out.data, "{\"input_tokens\":12}\n", "a count");
    llm_buf_free(&out);
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    answers();
    usages();
    events();
    event_usages();
    errors();
    written_errors();
    models();
    apr_pool_destroy(pool);
    apr_terminate();
    return done();
}
