/* What the gateway must know of Gemini's bodies without translating them. */
#include "gemini_rig.h"

static void paths(void)
{
    is_str(llm_gemini.path("gemini-2.5-pro", 0, pool),
           "/models/gemini-2.5-pro:generateContent", "a whole answer");
    is_str(llm_gemini.path("models/m", 1, pool),
           "/models/m:streamGenerateContent?alt=sse", "a stream");
    is_str(llm_gemini.path("a/b?c#d\n%\xc3\xa9:e", 0, pool),
           "/models/a%2Fb%3Fc%23d%0A%25%C3%A9%3Ae:generateContent",
           "a name stays a name");
    is_str(llm_gemini.path("..", 0, pool), "/models/%2E%2E:generateContent",
           "and does not climb");
    is_str(llm_gemini_count.path("m", 0, pool), "/models/m:countTokens",
           "a count");
    is_str(llm_gemini_embed.path("m", 0, pool), "/models/m:embedContent",
           "one text");
    is_str(llm_gemini_embeds.path("m", 0, pool),
           "/models/m:batchEmbedContents", "many");
}

static void requests(void)
{
    static const struct {
        const char *body;
        llm_fault fault;
    } cases[] = {
        { "{\"contents\":[]}", LLM_OK }, { "{}", LLM_OK },
        { "[]", LLM_BAD_JSON }, { "", LLM_BAD_JSON },
        { "{\"a\":[[[[]]]]}", LLM_TOO_DEEP },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        llm_request request = { .model = "m", .stream = 1 };

        is_int(llm_gemini.read_request(cases[i].body, strlen(cases[i].body),
                                       4, &request, &detail, pool),
               cases[i].fault, "a body: %s", cases[i].body);
        is_str(request.model, "m", "the path's model stays");
        is_int(request.stream, 1, "and whether to stream");
        is_int(request.model_at.len, 0, "no model in the body");
    }
}

static void passing(void)
{
    static const struct {
        const char *body, *model, *out;
    } cases[] = {
        { " {\"contents\": []}\n", "other", NULL },
        { "{\"model\":\"models/m\",\"x\":{\"model\":\"y\"}}", "other",
          "{\"model\":\"models/other\",\"x\":{\"model\":\"y\"}}" },
        { "{\"model\":\"models/m\"}", "m", NULL },
        { "{\"requests\":[{\"model\":\"models/m\",\"content\":{}},{\"model\":"
          "\"m\"}]}", "tunedModels/t", "{\"requests\":[{\"model\":"
          "\"tunedModels/t\",\"content\":{}},{\"model\":\"tunedModels/t\"}]"
          "}" },
        { "{\"generateContentRequest\":{\"model\":\"models/m\"}}", "n",
          "{\"generateContentRequest\":{\"model\":\"models/n\"}}" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        llm_request request = { .model = "m" };
        llm_buf out;

        llm_buf_init(&out, 1 << 16);
        llm_gemini.read_request(cases[i].body, strlen(cases[i].body), 64,
                                &request, &detail, pool);
        is_int(llm_gemini.pass_request(&request, cases[i].model, 1, &out),
               LLM_OK, "passed");
        is_str(taken(&out), cases[i].out ? cases[i].out : cases[i].body,
               "body %d for %s", (int)i, cases[i].model);
    }
}

/* ---- answers and events ------------------------------------------------- */

static void answers(void)
{
    static const struct {
        const llm_dialect *dialect;
        const char *body;
        llm_fault fault;
        long long input, output;
    } cases[] = {
        { &llm_gemini, "{\"candidates\":[]}", LLM_OK, 0, 0 },
        { &llm_gemini, "{\"promptFeedback\":{},\"usageMetadata\":{"
          "\"promptTokenCount\":10}}", LLM_OK, 10, 0 },
        { &llm_gemini, "{\"usageMetadata\":{}}", LLM_OK, 0, 0 },
        { &llm_gemini, "{\"error\":{}}", LLM_FAILED, 0, 0 },
        { &llm_gemini, "{\"candidates\":7}", LLM_GARBAGE, 0, 0 },
        { &llm_gemini, "{}", LLM_GARBAGE, 0, 0 },
        { &llm_gemini, "[{\"candidates\":[]}]", LLM_GARBAGE, 0, 0 },
        { &llm_gemini, "{\"candidates\":[", LLM_GARBAGE, 0, 0 },
        { &llm_gemini_count, "{\"totalTokens\":7}", LLM_OK, 7, 0 },
        { &llm_gemini_count, "{\"totalTokens\":\"7\"}", LLM_GARBAGE, 0, 0 },
        { &llm_gemini_count, "{\"error\":{}}", LLM_FAILED, 0, 0 },
        { &llm_gemini_embed, "{\"embedding\":{\"values\":[]}}", LLM_OK, 0, 0 },
        { &llm_gemini_embeds, "{\"embeddings\":[]}", LLM_OK, 0, 0 },
        { &llm_gemini_embeds, "{\"embeddings\":{}}", LLM_GARBAGE, 0, 0 },
        { &llm_openai_embeddings, "{\"data\":[],\"usage\":{\"prompt_tokens\":"
          "3,\"total_tokens\":4}}", LLM_OK, 3, 0 },
        { &llm_openai_embeddings, "{\"error\":\"x\"}", LLM_FAILED, 0, 0 },
        { &llm_openai_embeddings, "{\"data\":{}}", LLM_GARBAGE, 0, 0 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        llm_usage usage;

        is_int(cases[i].dialect->read_answer(cases[i].body,
                                             strlen(cases[i].body), &usage),
               cases[i].fault, "%s: %s", cases[i].dialect->name,
               cases[i].body);
        is_int(usage.input, cases[i].input, "its input");
        is_int(usage.output, cases[i].output, "its output");
    }
}

static void usage_read(void)
{
    static const char body[] = "{\"candidates\":[],\"usageMetadata\":{"
        "\"promptTokenCount\":10,\"cachedContentTokenCount\":4,"
        "\"candidatesTokenCount\":2,\"thoughtsTokenCount\":5,"
        "\"toolUsePromptTokenCount\":3,\"totalTokenCount\":20,"
        "\"promptTokensDetails\":[{\"modality\":\"TEXT\",\"tokenCount\":8},{"
        "\"modality\":\"AUDIO\",\"tokenCount\":2}],\"candidatesTokensDetails\""
        ":[{\"tokenCount\":1,\"modality\":\"AUDIO\"}]}}";
    llm_usage usage;

    llm_gemini.read_answer(body, sizeof body - 1, &usage);
    is_int(usage.input, 13, "input with the tools'");
    is_int(usage.output, 7, "output with thoughts");
    is_int(usage.cached, 4, "cached");
    is_int(usage.reasoning, 5, "reasoning");
    is_int(usage.tool_input, 3, "of the tools");
    is_int(usage.audio_input, 2, "audio in");
    is_int(usage.audio_output, 1, "audio out");
    ok(usage.known, "known");
}

static void events(void)
{
    static const struct {
        const char *data;
        llm_event_kind kind;
        int output, finish;
        long long input;
    } cases[] = {
        { "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}",
          LLM_EVENT_PIECE, 1, 0, 9 },
        { "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\"}]},"
          "\"finishReason\":\"STOP\"}],\"usageMetadata\":{"
          "\"promptTokenCount\":10}}", LLM_EVENT_PIECE, 0, 1, 10 },
        { "{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{}}]},"
          "\"finishReason\":\"FINISH_REASON_UNSPECIFIED\"}]}",
          LLM_EVENT_PIECE, 1, 0, 9 },
        { "{\"promptFeedback\":{\"blockReason\":\"SAFETY\"},"
          "\"usageMetadata\":{}}", LLM_EVENT_PIECE, 0, 1, 9 },
        { "{\"usageMetadata\":{\"promptTokenCount\":3}}", LLM_EVENT_PIECE, 0,
          0, 3 },
        { "{\"error\":{\"code\":503}}", LLM_EVENT_ERROR, 0, 0, 9 },
        { "{\"candidates\":[{\"content\":{\"parts\":[7]}}],"
          "\"usageMetadata\":{\"promptTokenCount\":3}}", LLM_EVENT_MALFORMED,
          0, 0, 9 },
        { "{\"candidates\":[7]}", LLM_EVENT_MALFORMED, 0, 0, 9 },
        { "{}", LLM_EVENT_MALFORMED, 0, 0, 9 },
        { "[DONE]", LLM_EVENT_MALFORMED, 0, 0, 9 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        llm_event event = { .usage = { .input = 9, .known = 1 } };

        llm_gemini.read_event(cases[i].data, strlen(cases[i].data), &event);
        is_int(event.kind, cases[i].kind, "event %s", cases[i].data);
        is_int(event.has_output, cases[i].output, "output");
        is_int(event.has_finish, cases[i].finish, "finish");
        is_int(event.usage.input, cases[i].input, "usage");
    }
}

/* ---- errors ------------------------------------------------------------- */

static void errors_read(void)
{
    static const struct {
        int status;
        const char *body;
        llm_fault fault;
        int wait;
        const char *code, *param;
    } cases[] = {
        { 429, "{\"error\":{\"code\":429,\"message\":\"Quota\",\"status\":"
          "\"RESOURCE_EXHAUSTED\",\"details\":[{\"@type\":\"QuotaFailure\"},{"
          "\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\","
          "\"retryDelay\":\"34.0745s\"}]}}", LLM_LIMITED, 34075, NULL, NULL },
        { 429, "{\"error\":{\"code\":429,\"message\":\"You exceeded your "
          "current quota\",\"status\":\"RESOURCE_EXHAUSTED\",\"details\":[{"
          "\"retryDelay\":\"26s\"}]}}", LLM_LIMITED, 26000, NULL, NULL },
        { 429, "{\"error\":{\"code\":429,\"message\":\"You exceeded your "
          "current quota\",\"status\":\"RESOURCE_EXHAUSTED\"}}",
          LLM_REFUSED_KEY, 0, NULL, NULL },
        { 429, "{\"error\":{\"code\":429,\"message\":\"Resource has been "
          "exhausted (e.g. check quota).\",\"status\":"
          "\"RESOURCE_EXHAUSTED\"}}", LLM_LIMITED, 0, NULL, NULL },
        { 400, "[{\"error\":{\"code\":400,\"message\":\"API key not valid.\","
          "\"status\":\"INVALID_ARGUMENT\",\"details\":[{\"reason\":"
          "\"API_KEY_INVALID\"}]}}]", LLM_REFUSED_KEY, 0, NULL, NULL },
        { 400, "{\"error\":{\"message\":\"The input token count (9) exceeds "
          "the maximum number of tokens allowed (8).\",\"status\":"
          "\"INVALID_ARGUMENT\"}}", LLM_CONTEXT, 0, NULL, NULL },
        { 400, "{\"error\":{\"message\":\"no\",\"status\":"
          "\"FAILED_PRECONDITION\",\"details\":[{\"fieldViolations\":[{"
          "\"field\":\"contents[0]\"}]}]}}", LLM_REJECTED, 0,
          "FAILED_PRECONDITION", "contents[0]" },
        { 403, "{\"error\":{\"status\":\"PERMISSION_DENIED\"}}",
          LLM_REFUSED_KEY, 0, NULL, NULL },
        { 404, "{\"error\":{\"status\":\"NOT_FOUND\"}}", LLM_REJECTED, 0,
          "NOT_FOUND", NULL },
        { 0, "{\"error\":{\"code\":503,\"message\":\"over\",\"status\":"
          "\"UNAVAILABLE\"}}", LLM_OVERLOADED, 0, NULL, NULL },
        { 0, "{\"error\":{\"status\":\"DEADLINE_EXCEEDED\"}}", LLM_SLOW, 0,
          NULL, NULL },
        { 0, "{\"error\":{\"status\":\"RESOURCE_EXHAUSTED\"}}", LLM_LIMITED,
          0, NULL, NULL },
        { 0, "{\"error\":7}", LLM_FAILED, 0, NULL, NULL },
        { 500, "<html>", LLM_FAILED, 0, NULL, NULL },
        { 429, "{\"error\":{\"details\":[{\"retryDelay\":\"99999999999s\"}]}}",
          LLM_LIMITED, 2147483647, NULL, NULL },
        { 429, "{\"error\":{\"details\":[{\"retryDelay\":\"-3s\"}]}}",
          LLM_LIMITED, 0, NULL, NULL },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        llm_gemini.read_error(cases[i].status, cases[i].body,
                              strlen(cases[i].body), NULL, &detail, pool);
        is_int(detail.fault, cases[i].fault, "error %s", cases[i].body);
        is_int(detail.retry_after_ms, cases[i].wait, "wait");
        is_int(detail.context, detail.fault == LLM_CONTEXT ? 8 : 0,
               "the context that was too small");
        is_str(detail.code, cases[i].code, "code");
        is_str(detail.param, cases[i].param, "param");
    }
}

static void errors_written(void)
{
    llm_fault_detail limited = { .fault = LLM_LIMITED, .text = "slow down",
                                 .retry_after_ms = 1500 };
    llm_buf out;

    llm_buf_init(&out, 1 << 16);
    llm_gemini.write_error(&limited, &face, NULL, &out);
    is_str(taken(&out), "{\"error\":{\"code\":429,\"message\":\"slow down\","
           "\"status\":\"RESOURCE_EXHAUSTED\",\"details\":[{\"@type\":"
           "\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":"
           "\"limited\",\"domain\":\"mod_llm\"},{\"@type\":"
           "\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":"
           "\"1.500s\"}]}}\n", "a limit");

    for (int f = LLM_OK + 1; f < LLM_FAULT_COUNT; f++) {
        const llm_fault_detail made = { .fault = f, .retry_after_ms = 2000 };
        llm_frame frame = { LLM_FRAMING_EVENTS, 0 };
        llm_fault want = LLM_FAILED;
        const char *text;

        llm_buf_init(&out, 1 << 16);
        llm_gemini.write_error(&made, &face, &frame, &out);
        text = taken(&out);
        llm_gemini.read_error(0, text + 6, strlen(text + 6), NULL, &detail,
                              pool);
        switch (llm_fault_of(f)->status) {
        case 400: case 404: case 405: case 413: case 415: case 499:
            want = LLM_REJECTED;
            break;
        case 408: case 504:
            want = LLM_SLOW;
            break;
        case 429:
            want = LLM_LIMITED;
            break;
        case 503:
            want = LLM_OVERLOADED;
        }
        is_int(detail.fault, want, "%s is read back", llm_fault_of(f)->word);
        is_int(detail.retry_after_ms, 2000, "with its wait");
    }
}

static void models(void)
{
    const llm_facts known = { .context = 1000, .output = 10,
                              .thinking = LLM_THINKING_BUDGET };
    const llm_model_entry entries[] = {
        { "a", "x", 0, &known }, { "b\"-embed", "x", 0, &facts }
    };
    llm_buf out;

    llm_buf_init(&out, 1 << 16);
    llm_gemini.write_models(entries, 2, &out);
    is_str(taken(&out), "{\"models\":[{\"name\":\"models/a\",\"displayName\":"
           "\"a\",\"inputTokenLimit\":1000,\"outputTokenLimit\":10,"
           "\"supportedGenerationMethods\":[\"generateContent\","
           "\"countTokens\"],\"thinking\":true},{\"name\":"
           "\"models/b\\\"-embed\",\"displayName\":\"b\\\"-embed\","
           "\"supportedGenerationMethods\":[\"embedContent\","
           "\"batchEmbedContents\"]}]}\n", "models");
    llm_gemini_count.write_count(42, &face, &out);
    is_str(taken(&out), "{\"totalTokens\":42}\n", "a count");
}

int main(void)
{
    begin_pool();
    paths();
    requests();
    passing();
    answers();
    usage_read();
    events();
    errors_read();
    errors_written();
    models();
    return done();
}
