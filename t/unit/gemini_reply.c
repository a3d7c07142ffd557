/* Gemini's answers, whole and streamed: read from the provider, written to
 * its clients. */
#include "gemini_rig.h"

/* ---- whole answers, read and written again ------------------------------ */

static void whole(void)
{
    static const struct {
        const char *what, *in, *out;    /* out NULL: the same */
    } cases[] = {
        { "words", "{\"candidates\":[{\"content\":{\"role\":\"model\","
          "\"parts\":[{\"text\":\"Hi\"}]},\"finishReason\":\"STOP\",\"index\":"
          "0}],\"modelVersion\":\"v\",\"responseId\":\"r1\"}", NULL },
        { "thoughts and a call", "{\"candidates\":[{\"content\":{\"role\":"
          "\"model\",\"parts\":[{\"text\":\"hm\",\"thought\":true},{"
          "\"functionCall\":{\"id\":\"x\",\"name\":\"f\",\"args\":{\"a\":1}},"
          "\"thoughtSignature\":\"s\"}]},\"finishReason\":\"STOP\",\"index\":0"
          "}],\"modelVersion\":\"v\",\"responseId\":\"r1\"}", NULL },
        { "calls without ids, aimock's word", "{\"candidates\":[{\"content\":"
          "{\"parts\":[{\"functionCall\":{\"name\":\"f\"}},{\"functionCall\":{"
          "\"name\":\"g\",\"args\":{}}}]},\"finishReason\":\"FUNCTION_CALL\"}"
          "],\"responseId\":\"r1\"}", "{\"candidates\":[{\"content\":{"
          "\"role\":\"model\",\"parts\":[{\"functionCall\":{\"id\":"
          "\"call_r1_0\",\"name\":\"f\",\"args\":{}}},{\"functionCall\":{"
          "\"id\":\"call_r1_1\",\"name\":\"g\",\"args\":{}}}]},"
          "\"finishReason\":\"STOP\",\"index\":0}],\"modelVersion\":\"m\","
          "\"responseId\":\"r1\"}" },
        { "a refused prompt", "{\"promptFeedback\":{\"blockReason\":"
          "\"SAFETY\"}}", "{\"candidates\":[{\"content\":{\"role\":\"model\","
          "\"parts\":[{\"text\":\"\"}]},\"finishReason\":\"SAFETY\",\"index\":"
          "0}],\"modelVersion\":\"m\",\"responseId\":\"req1\"}" },
        { "likelihoods", "{\"candidates\":[{\"content\":{\"role\":\"model\","
          "\"parts\":[{\"text\":\"Hi\"}]},\"finishReason\":\"MAX_TOKENS\","
          "\"index\":0,\"logprobsResult\":{\"topCandidates\":[{\"candidates\":"
          "[{\"token\":\"Hi\",\"logProbability\":-0.5}]}],"
          "\"chosenCandidates\":[{\"token\":\"Hi\",\"logProbability\":-0.5}]}}"
          "],\"modelVersion\":\"v\",\"responseId\":\"r1\"}", NULL },
        { "sources", "{\"candidates\":[{\"content\":{\"role\":\"model\","
          "\"parts\":[{\"text\":\"Hi\"}]},\"finishReason\":\"STOP\",\"index\":"
          "0,\"groundingMetadata\":{\"groundingChunks\":[{\"web\":{\"uri\":"
          "\"https://a\",\"title\":\"A\"}}],\"groundingSupports\":[]}}],"
          "\"modelVersion\":\"v\",\"responseId\":\"r1\"}", NULL },
        { "a picture", "{\"candidates\":[{\"content\":{\"role\":\"model\","
          "\"parts\":[{\"text\":\"see\",\"thoughtSignature\":\"s\"}]},"
          "\"finishReason\":\"STOP\",\"index\":0},{\"content\":{\"role\":"
          "\"model\",\"parts\":[{\"inlineData\":{\"mimeType\":\"image/png\","
          "\"data\":\"AAAA\"}}]},\"finishReason\":\"OTHER\",\"index\":1}],"
          "\"modelVersion\":\"v\",\"responseId\":\"r1\"}", NULL },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        llm_reply *reply = llm_reply_make(pool);
        llm_buf out;

        llm_buf_init(&out, 1 << 20);
        is_int(llm_gemini.chat->read_reply(tree(cases[i].in), reply, pool),
               LLM_OK, "read: %s", cases[i].what);
        is_int(llm_gemini.chat->write_reply(reply, &face, &out, pool), LLM_OK,
               "written");
        is_str(taken(&out), cases[i].out ? cases[i].out : cases[i].in,
               "%s", cases[i].what);
    }
}

static void finishes(void)
{
    static const struct {
        const char *word;
        llm_finish alone, called;
    } cases[] = {
        { "STOP", LLM_FINISH_STOP, LLM_FINISH_TOOLS },
        { "MAX_TOKENS", LLM_FINISH_LENGTH, LLM_FINISH_LENGTH },
        { "SAFETY", LLM_FINISH_FILTER, LLM_FINISH_FILTER },
        { "RECITATION", LLM_FINISH_FILTER, LLM_FINISH_FILTER },
        { "BLOCKLIST", LLM_FINISH_FILTER, LLM_FINISH_FILTER },
        { "PROHIBITED_CONTENT", LLM_FINISH_FILTER, LLM_FINISH_FILTER },
        { "SPII", LLM_FINISH_FILTER, LLM_FINISH_FILTER },
        { "IMAGE_SAFETY", LLM_FINISH_FILTER, LLM_FINISH_FILTER },
        { "LANGUAGE", LLM_FINISH_OTHER, LLM_FINISH_OTHER },
        { "MALFORMED_FUNCTION_CALL", LLM_FINISH_OTHER, LLM_FINISH_OTHER },
        { "", LLM_FINISH_NONE, LLM_FINISH_TOOLS },
        { "NEW", LLM_FINISH_OTHER, LLM_FINISH_OTHER },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        for (int called = 0; called < 2; called++) {
            llm_reply *reply = llm_reply_make(pool);
            const char *body = apr_pstrcat(
                pool, "{\"candidates\":[{\"content\":{\"parts\":[",
                called ? "{\"functionCall\":{\"name\":\"f\"}}" : "",
                "]},\"finishReason\":\"", cases[i].word, "\"}]}", NULL);

            llm_gemini.chat->read_reply(tree(body), reply, pool);
            is_int(((llm_answer_choice *)reply->choices->elts)[0].finish,
                   called ? cases[i].called : cases[i].alone, "%s%s",
                   cases[i].word, called ? " with a call" : "");
        }
    }
}

static void garbage(void)
{
    static const char *const bodies[] = {
        "{\"candidates\":{}}", "{\"candidates\":[7]}", "[]",
        "{\"candidates\":[{\"index\":-1}]}",
        "{\"candidates\":[{\"index\":1000000}]}",
        "{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{}}]}}]}",
    };

    for (size_t i = 0; i < COUNT(bodies); i++) {
        llm_reply *reply = llm_reply_make(pool);

        is_int(llm_gemini.chat->read_reply(tree(bodies[i]), reply, pool),
               LLM_GARBAGE, "garbage: %s", bodies[i]);
    }
}

static void usage_to_clients(void)
{
    llm_reply *reply = llm_reply_make(pool);
    llm_buf out;

    llm_buf_init(&out, 1 << 20);
    reply->usage = (llm_usage){ .input = 13, .output = 7, .cached = 4,
                                .reasoning = 5, .tool_input = 3, .known = 1 };
    llm_gemini.chat->write_reply(reply, &face, &out, pool);
    is_str(taken(&out), "{\"candidates\":[{\"content\":{\"role\":\"model\","
           "\"parts\":[{\"text\":\"\"}]},\"finishReason\":\"OTHER\","
           "\"index\":0}],\"usageMetadata\":{"
           "\"promptTokenCount\":10,\"cachedContentTokenCount\":4,"
           "\"candidatesTokenCount\":2,\"toolUsePromptTokenCount\":3,"
           "\"thoughtsTokenCount\":5,\"totalTokenCount\":20},\"modelVersion\":"
           "\"m\",\"responseId\":\"req1\"}", "usage in Google's terms");
}

static void refusal_to_clients(void)
{
    llm_reply *reply = llm_reply_make(pool);
    llm_answer_choice *choice = llm_reply_choice(reply, pool);
    llm_buf out;

    llm_buf_init(&out, 1 << 20);
    choice->finish = LLM_FINISH_STOP;
    llm_parts_add(choice->parts, LLM_PART_REFUSAL)->text = SPAN("No.");
    llm_gemini.chat->write_reply(reply, &face, &out, pool);
    is_str(taken(&out), "{\"candidates\":[{\"content\":{\"role\":\"model\","
           "\"parts\":[{\"text\":\"No.\"}]},\"finishReason\":\"SAFETY\","
           "\"index\":0}],\"modelVersion\":\"m\",\"responseId\":\"req1\"}",
           "a refusal ends as one");
}

/* ---- a provider's stream ------------------------------------------------ */

typedef struct story {
    llm_buf text;
} story;

static llm_fault tell(void *baton, const llm_delta *delta)
{
    static const char *const names[] = {
        "begin", "text", "refusal", "reasoning", "signature", "redacted",
        "call", "arguments", "citation", "logprobs", "finish"
    };
    story *s = baton;

    llm_buf_printf(&s->text, "%s%d ", names[delta->kind], delta->choice);
    if (delta->kind == LLM_DELTA_CALL || delta->kind == LLM_DELTA_ARGUMENTS)
        llm_buf_printf(&s->text, "#%d ", delta->call);
    if (delta->text.len)
        llm_buf_printf(&s->text, "%.*s ", (int)delta->text.len,
                       delta->text.at);
    if (delta->id)
        llm_buf_printf(&s->text, "id=%s ", delta->id);
    if (delta->name)
        llm_buf_printf(&s->text, "name=%s ", delta->name);
    if (delta->signature)
        llm_buf_printf(&s->text, "sig=%s ", delta->signature);
    if (delta->citation)
        llm_buf_printf(&s->text, "url=%s ", delta->citation->url);
    if (delta->kind == LLM_DELTA_FINISH)
        llm_buf_printf(&s->text, "%d ", delta->finish);
    return LLM_OK;
}

static const char *pieces(const char *const *events, size_t n)
{
    void *reader = apr_pcalloc(pool, llm_gemini.chat->reader_size);
    llm_fault fault = LLM_OK;
    story s;

    llm_buf_init(&s.text, 1 << 20);
    for (size_t i = 0; !fault && i < n; i++)
        fault = llm_gemini.chat->read_piece(reader, tree(events[i]), tell, &s,
                                            pool, pool);
    if (fault)
        llm_buf_puts(&s.text, llm_fault_of(fault)->word);
    return taken(&s.text);
}

static void streams_read(void)
{
    static const char *const golden[] = {
        "{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{"
        "\"text\":\"Hel\"}]},\"index\":0}],\"usageMetadata\":{"
        "\"promptTokenCount\":10},\"responseId\":\"r1\"}",
        "{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{"
        "\"text\":\"lo\"}]},\"finishReason\":\"STOP\",\"index\":0}],"
        "\"responseId\":\"r1\"}",
    };
    static const char *const calls[] = {
        "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"hm\","
        "\"thought\":true},{\"functionCall\":{\"name\":\"f\",\"args\":{\"a\":"
        "1}},\"thoughtSignature\":\"s\"}]}}],\"responseId\":\"r\"}",
        "{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"id\":"
        "\"x\",\"name\":\"g\"}}]}},{\"content\":{\"parts\":[{\"functionCall\":"
        "{\"name\":\"h\"}}]},\"index\":1}]}",
        "{\"candidates\":[{\"finishReason\":\"STOP\",\"groundingMetadata\":{"
        "\"groundingChunks\":[{\"web\":{\"uri\":\"https://a\"}}]}}]}",
        "{\"candidates\":[{\"finishReason\":\"STOP\"}]}",
    };
    static const char *const blocked[] = {
        "{\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}"
    };
    static const char *const bad[] = { "{\"candidates\":[{\"index\":64}]}" };

    is_str(pieces(golden, 2), "begin0 id=r1 text0 Hel text0 lo finish0 1 ",
           "words");
    is_str(pieces(calls, 4), "begin0 id=r reasoning0 hm call0 #0 id=call_r_0 "
           "name=f sig=s arguments0 #0 {\"a\":1} call0 #1 id=x name=g "
           "arguments0 #1 {} call1 #0 id=call_r_1_0 name=h arguments1 #0 {} "
           "citation0 url=https://a finish0 3 ",
           "calls counted across events");
    is_str(pieces(blocked, 1), "begin0 finish0 4 ", "a refused prompt");
    is_str(pieces(bad, 1), "begin0 garbage", "too many candidates");
}

/* ---- a client's stream -------------------------------------------------- */

#define CHUNK(parts, more, usage)                                             \
    "data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":["     \
    parts "]}" more ",\"index\":0}]" usage ",\"modelVersion\":\"v\","         \
    "\"responseId\":\"r\"}\n\n"

static void streams_written(void)
{
    const llm_usage usage = { .input = 10, .output = 2, .known = 1 };
    stream s;

    stream_begin(&s, LLM_FRAMING_EVENTS);
    PUT(s, .kind = LLM_DELTA_BEGIN, .id = "r", .model = "v");
    is_int(s.out.len, 0, "the beginning says nothing");
    PUT(s, .kind = LLM_DELTA_TEXT, .text = SPAN("Hi"));
    PUT(s, .kind = LLM_DELTA_TEXT, .text = SPAN(""));
    PUT(s, .kind = LLM_DELTA_PING);
    PUT(s, .kind = LLM_DELTA_FINISH, .finish = LLM_FINISH_LENGTH);
    PUT(s, .kind = LLM_DELTA_USAGE, .usage = &usage);
    PUT(s, .kind = LLM_DELTA_END);
    PUT(s, .kind = LLM_DELTA_END);
    is_str(taken(&s.out), CHUNK("{\"text\":\"Hi\"}", "", "") ":\n\n"
           CHUNK("{\"text\":\"\"}", ",\"finishReason\":\"MAX_TOKENS\"",
                 ",\"usageMetadata\":{\"promptTokenCount\":10,"
                 "\"candidatesTokenCount\":2,\"totalTokenCount\":12}"),
           "words, and usage with the end");

    stream_begin(&s, LLM_FRAMING_EVENTS);
    PUT(s, .kind = LLM_DELTA_BEGIN, .id = "r", .model = "v");
    PUT(s, .kind = LLM_DELTA_REFUSAL, .text = SPAN("No."));
    PUT(s, .kind = LLM_DELTA_FINISH, .finish = LLM_FINISH_STOP);
    PUT(s, .kind = LLM_DELTA_END);
    is_str(taken(&s.out), CHUNK("{\"text\":\"No.\"}", "", "")
           CHUNK("{\"text\":\"\"}", ",\"finishReason\":\"SAFETY\"", ""),
           "a refusal, however it ends");

    stream_begin(&s, LLM_FRAMING_ARRAY);
    PUT(s, .kind = LLM_DELTA_END);
    is_str(taken(&s.out), "[{\"candidates\":[{\"content\":{\"role\":\"model\","
           "\"parts\":[{\"text\":\"\"}]},\"finishReason\":\"OTHER\",\"index\":0"
           "}],\"modelVersion\":\"m\",\"responseId\":\"req1\"}",
           "an end without a beginning");
}

#define CALL(id, name, args)                                                  \
    "{\"functionCall\":{\"id\":\"" id "\",\"name\":\"" name "\",\"args\":"    \
    args "}}"
#define STOP ",\"finishReason\":\"STOP\""

static void streamed_calls(void)
{
    stream s;

    stream_begin(&s, LLM_FRAMING_EVENTS);
    PUT(s, .kind = LLM_DELTA_BEGIN, .id = "r", .model = "v");
    PUT(s, .kind = LLM_DELTA_CALL, .call = 0, .name = "f");
    PUT(s, .kind = LLM_DELTA_CALL, .call = 1, .id = "y", .name = "g");
    PUT(s, .kind = LLM_DELTA_ARGUMENTS, .call = 0, .text = SPAN("{\"a\""));
    PUT(s, .kind = LLM_DELTA_ARGUMENTS, .call = 1, .text = SPAN("{}"));
    PUT(s, .kind = LLM_DELTA_TEXT, .text = SPAN("t"));
    PUT(s, .kind = LLM_DELTA_ARGUMENTS, .call = 0, .text = SPAN(":\"}\"}"));
    is_str(apr_pstrmemdup(pool, s.out.data, s.out.len),
           CHUNK("{\"text\":\"t\"}", "", ""), "open calls wait");
    PUT(s, .kind = LLM_DELTA_CALL, .call = 2, .id = "z", .name = "h",
        .signature = "s");
    is_int(PUT(s, .kind = LLM_DELTA_ARGUMENTS, .call = 1, .text = SPAN(" ")),
           LLM_OK, "a blank after a call");
    is_int(PUT(s, .kind = LLM_DELTA_ARGUMENTS, .call = 1, .text = SPAN("x")),
           LLM_GARBAGE, "more than that is not");
    PUT(s, .kind = LLM_DELTA_FINISH, .finish = LLM_FINISH_TOOLS);
    PUT(s, .kind = LLM_DELTA_END);
    is_str(taken(&s.out), CHUNK("{\"text\":\"t\"}", "", "")
           CHUNK(CALL("call_r_0", "f", "{\"a\":\"}\"}") ","
                 CALL("y", "g", "{}"), "", "")
           CHUNK("{\"functionCall\":{\"id\":\"z\",\"name\":\"h\",\"args\":{}},"
                 "\"thoughtSignature\":\"s\"}", STOP, ""),
           "calls are whole and in order");

    stream_begin(&s, LLM_FRAMING_EVENTS);
    PUT(s, .kind = LLM_DELTA_BEGIN, .id = "r", .model = "v");
    PUT(s, .kind = LLM_DELTA_CALL, .id = "x", .name = "f");
    PUT(s, .kind = LLM_DELTA_ARGUMENTS, .text = SPAN("[1]"));
    PUT(s, .kind = LLM_DELTA_FINISH, .finish = LLM_FINISH_TOOLS);
    PUT(s, .kind = LLM_DELTA_END);
    is_str(taken(&s.out), CHUNK("{\"text\":\"\"}", ",\"finishReason\":"
           "\"MALFORMED_FUNCTION_CALL\",\"finishMessage\":"
           "\"Malformed function call: f([1])\"", ""), "arguments in a list");

    stream_begin(&s, LLM_FRAMING_EVENTS);
    is_int(PUT(s, .kind = LLM_DELTA_TEXT, .choice = 64), LLM_GARBAGE,
           "a choice too many");
    is_int(PUT(s, .kind = LLM_DELTA_TEXT, .choice = -1), LLM_GARBAGE,
           "a choice before the first");
    PUT(s, .kind = LLM_DELTA_CALL, .name = "f");
    for (int i = 0; i < 8; i++) {
        const llm_span mega = { apr_pcalloc(pool, 1 << 20), 1 << 20 };

        PUT(s, .kind = LLM_DELTA_ARGUMENTS, .text = mega);
    }
    is_int(PUT(s, .kind = LLM_DELTA_ARGUMENTS, .text = SPAN("1")),
           LLM_ANSWER_TOO_LARGE, "arguments have a ceiling");
    llm_buf_free(&s.out);
}

static void streamed_reasoning(void)
{
    apr_array_header_t *back = llm_parts_make(pool);
    const llm_part *parts;
    const char *text, *at;
    stream s;

    stream_begin(&s, LLM_FRAMING_EVENTS);
    PUT(s, .kind = LLM_DELTA_REASONING, .text = SPAN("be"));
    PUT(s, .kind = LLM_DELTA_REASONING, .text = SPAN("cause"));
    PUT(s, .kind = LLM_DELTA_SIGNATURE, .signature = "p1");
    PUT(s, .kind = LLM_DELTA_REDACTED, .text = SPAN("c2VhbGVk"));
    PUT(s, .kind = LLM_DELTA_REASONING, .text = SPAN("so"));
    PUT(s, .kind = LLM_DELTA_SIGNATURE, .signature = "p2");
    PUT(s, .kind = LLM_DELTA_CALL, .id = "toolu_1", .name = "f");
    PUT(s, .kind = LLM_DELTA_END);
    text = taken(&s.out);
    ok(strstr(text, "{\"text\":\"be\",\"thought\":true}") != NULL,
       "thoughts are shown");
    at = strstr(text, "toolu_1~");
    if (ok(at != NULL, "the id carries them")) {
        at = apr_pstrmemdup(pool, at, strcspn(at, "\""));
        is_str(llm_carry_unpack(at, NULL, back, pool), "toolu_1", "the id");
        parts = (const llm_part *)back->elts;
        is_int(back->nelts, 3, "three parts");
        is_mem(parts[0].text.at, parts[0].text.len, "because", 7, "words");
        is_str(parts[0].signature, "p1", "their proof");
        ok(parts[1].redacted, "what is sealed");
        is_str(parts[2].signature, "p2", "the last proof");
    }
}

/* A fault leaves nothing behind, and the same delta again is fine. */
static void all_or_nothing(void)
{
    stream s;

    stream_begin(&s, LLM_FRAMING_ARRAY);
    PUT(s, .kind = LLM_DELTA_CALL, .name = "f");
    PUT(s, .kind = LLM_DELTA_ARGUMENTS, .text = SPAN("{\"a\":1}"));
    s.out.ceiling = 200;
    is_int(PUT(s, .kind = LLM_DELTA_TEXT, .text = SPAN("words")),
           LLM_TOO_LARGE, "no room for both events");
    is_int(s.out.len, 0, "neither is there");
    is_int(s.frame.begun, 0, "nor the bracket");
    s.out.ceiling = 1 << 20;
    PUT(s, .kind = LLM_DELTA_TEXT, .text = SPAN("words"));
    ok(strstr(taken(&s.out), "functionCall") != NULL, "the call is not lost");
}

int main(void)
{
    begin_pool();
    whole();
    finishes();
    garbage();
    usage_to_clients();
    refusal_to_clients();
    streams_read();
    streams_written();
    streamed_calls();
    streamed_reasoning();
    all_or_nothing();
    return done();
}
