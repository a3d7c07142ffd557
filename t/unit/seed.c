/* The seed's REST: what its clients ask, and how they are answered. */
#include <stdlib.h>
#include <apr_strings.h>

#include "../../src/wire/seed.h"
#include "../tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define WORDS(s) { (s), sizeof(s) - 1 }

static apr_pool_t *pool;

/* ---- requests ----------------------------------------------------------------- */

static llm_fault read_at(const char *body, llm_request *out, llm_chat **chat,
                         llm_fault_detail *detail)
{
    const llm_json *tree;
    llm_fault fault;

    memset(detail, 0, sizeof *detail);
    memset(out, 0, sizeof *out);
    fault = llm_seed.read_request(body, strlen(body), 64, out, detail, pool);
    *chat = llm_chat_make(pool);
    if (!fault)
        fault = llm_json_parse(body, strlen(body), 64, &tree, pool);
    return fault ? fault : llm_seed.chat->read_request(tree, *chat, detail);
}

/* Turns as "user:words|...", after the model. */
static const char *asked(const char *body)
{
    static const char letters[] = "sdua";
    llm_fault_detail detail;
    llm_request request;
    const char *all;
    llm_chat *chat;
    llm_fault fault = read_at(body, &request, &chat, &detail);

    if (fault)
        return apr_psprintf(pool, "%d %s", fault,
                            detail.param ? detail.param : "-");
    all = apr_pstrdup(pool, request.model);
    for (int i = 0; i < chat->turns->nelts; i++) {
        const llm_turn *turn = &((const llm_turn *)chat->turns->elts)[i];

        all = apr_psprintf(pool, "%s|%c%s", all, letters[turn->role],
                           llm_parts_text(turn->parts, "+", pool).at);
    }
    if (chat->given[LLM_FIELD_MAX_TOKENS])
        all = apr_psprintf(pool, "%s max=%d", all, (int)chat->max_tokens);
    if (chat->given[LLM_FIELD_TEMPERATURE])
        all = apr_psprintf(pool, "%s t=%d", all,
                           (int)(chat->temperature * 10));
    for (int i = 0; i < chat->unknown->nelts; i++)
        all = apr_pstrcat(pool, all, " ?",
                          APR_ARRAY_IDX(chat->unknown, i, const char *), NULL);
    return all;
}

#define HI "{\"role\":\"user\",\"content\":\"Hi\"}"

static void requests(void)
{
    static const char *const cases[][2] = {
        { "{\"model\":\"m\",\"prompt\":\"Hi\"}", "m|uHi" },
        { "{\"prompt\":\"Hi\",\"model\":null,\"apiKey\":\"secret\"}",
          "|uHi" },
        { "[{\"model\":\"m\",\"prompt\":\"Hi\",\"maxTokens\":5,"
          "\"temperature\":0.7}]", "m|uHi max=5 t=7" },
        { " {\"args\":[{\"model\":\"m\",\"prompt\":\"Hi\"}]}", "m|uHi" },
        { "{\"args\":[{\"prompt\":\"Hi\"}],\"model\":\"n\",\"maxTokens\":2}",
          "n|uHi max=2" },
        { "[[{\"role\":\"system\",\"content\":\"S\"}," HI ",{\"role\":"
          "\"assistant\",\"content\":\"A\"}],{\"model\":\"m\"}]",
          "m|sS|uHi|aA" },
        { "[[" HI "]]", "|uHi" },
        { "[[" HI "],null]", "|uHi" },
        { "[\"Hi\",{\"model\":\"m\"}]", "m|uHi" },
        { "{\"messages\":[" HI "],\"model\":\"m\"}", "m|uHi" },
        { "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\","
          "\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"},{\"type\":"
          "\"video\"}],\"mood\":1}]}",
          "|ua+b ?messages[0].mood ?messages[0].content[2].type" },
        { "{\"prompt\":\"Hi\",\"topK\":4,\"x\":null,\"y\":[]}",
          "|uHi ?topK" },
        { "{\"args\":[{\"args\":[1],\"prompt\":\"Hi\"}]}", "|uHi ?args" },
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        is_str(asked(cases[i][0]), cases[i][1], "asked: %s", cases[i][0]);
}

static void wrongs(void)
{
    static const char *const cases[][2] = {
        { "{}", "prompt" },
        { "[]", "prompt" },
        { "{\"prompt\":7}", "prompt" },
        { "{\"prompt\":\"x\",\"messages\":[" HI "]}", "prompt" },
        { "{\"messages\":[]}", "messages" },
        { "{\"messages\":\"x\"}", "messages" },
        { "{\"messages\":[7]}", "messages[0].role" },
        { "{\"messages\":[" HI ",{\"role\":\"tool\"}]}", "messages[1].role" },
        { "{\"messages\":[{\"role\":\"user\"}]}", "messages[0].content" },
        { "{\"messages\":[{\"role\":\"user\",\"content\":[7]}]}",
          "messages[0].content[0].type" },
        { "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
          "\"image_url\",\"image_url\":{\"url\":\"data:x\"}}]}]}",
          "messages[0].content[0].image_url" },
        { "{\"prompt\":\"x\",\"maxTokens\":0}", "maxTokens" },
        { "{\"prompt\":\"x\",\"temperature\":3}", "temperature" },
        { "{\"prompt\":\"x\",\"model\":7}", "model" },
        { "[7]", "args[0]" },
    };
    llm_fault_detail detail;
    llm_request request;
    llm_chat *chat;

    for (size_t i = 0; i < COUNT(cases); i++) {
        is_int(read_at(cases[i][0], &request, &chat, &detail),
               LLM_BAD_REQUEST, "refused: %s", cases[i][0]);
        is_str(detail.param, cases[i][1], "and why");
    }
    is_int(read_at("\"x\"", &request, &chat, &detail), LLM_BAD_JSON,
           "a bare string");
    is_int(read_at("", &request, &chat, &detail), LLM_BAD_JSON, "nothing");
    is_int(read_at("[{\"prompt\":1", &request, &chat, &detail), LLM_BAD_JSON,
           "half a list");
}

static void streams(void)
{
    llm_fault_detail detail = { 0 };
    llm_request request = { .stream = 1 };

    llm_seed.read_request("{}", 2, 8, &request, &detail, pool);
    is_int(request.stream, 1, "the path says that it streams");
    is_str(request.model, "", "no model is no model");
}

static void images(void)
{
    llm_fault_detail detail;
    llm_request request;
    const llm_part *part;
    llm_chat *chat;

    read_at("{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
            "\"image_url\",\"image_url\":{\"url\":"
            "\"data:image/gif;base64,QUJD\",\"detail\":\"low\"}},{\"type\":"
            "\"image_url\",\"image_url\":\"https://a.b\"}]}]}", &request,
            &chat, &detail);
    part = (const llm_part *)((llm_turn *)chat->turns->elts)->parts->elts;
    is_str(part[0].media, "image/gif", "a data URL");
    is_mem(part[0].data.at, part[0].data.len, "QUJD", 4, "its data");
    is_str(part[0].detail, "low", "its detail");
    is_str(part[1].url, "https://a.b", "a URL");
}

static void queries(void)
{
    static const char *const cases[][2] = {
        { "", "{}" },
        { "model=a%2Fb&prompt=Say+%22it%22&maxTokens=5&temperature=0.5",
          "{\"model\":\"a/b\",\"prompt\":\"Say \\\"it\\\"\",\"maxTokens\":5,"
          "\"temperature\":0.5}" },
        { "&&prompt=7&&x&=y&", "{\"prompt\":\"7\",\"x\":\"\",\"\":\"y\"}" },
        { "maxTokens=5]&temperature=1,2&messages={}",
          "{\"maxTokens\":\"5]\",\"temperature\":\"1,2\",\"messages\":"
          "\"{}\"}" },
        { "maxTokens=&temperature=%201&messages=[1]",
          "{\"maxTokens\":\"\",\"temperature\": 1,\"messages\":[1]}" },
        { "prompt=%ff%00a=b", "{\"prompt\":\"\xef\xbf\xbd\\u0000a=b\"}" },
        { "stream=true&prompt=true&stream=1",
          "{\"stream\":true,\"prompt\":\"true\",\"stream\":\"1\"}" },
        { "prompt=%", NULL }, { "prompt=%4", NULL }, { "a%zz=1", NULL },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        llm_buf out;
        llm_fault fault;

        llm_buf_init(&out, 1000);
        fault = llm_seed_query(cases[i][0], &out, pool);
        is_int(fault, cases[i][1] ? LLM_OK : LLM_BAD_REQUEST, "a query: %s",
               cases[i][0]);
        is_mem(out.data, out.len, cases[i][1] ? cases[i][1] : "",
               cases[i][1] ? strlen(cases[i][1]) : 0, "as a body");
        llm_buf_free(&out);
    }
}

/* ---- answers -------------------------------------------------------------------- */

static const char *taken(llm_buf *out)
{
    const char *text = apr_pstrmemdup(pool, out->len ? out->data : "",
                                      out->len);

    llm_buf_clear(out);
    return text;
}

static void answers(void)
{
    llm_face face = { .dialect = &llm_seed, .model = "gpt-4" };
    llm_reply *reply = llm_reply_make(pool);
    llm_answer_choice *choice = llm_reply_choice(reply, pool);
    llm_buf out;

    llm_buf_init(&out, 10000);
    llm_parts_add(choice->parts, LLM_PART_REASONING)->text
        = (llm_span)WORDS("Hm");
    llm_parts_add(choice->parts, LLM_PART_TEXT)->text = (llm_span)WORDS("Hel");
    llm_parts_add(choice->parts, LLM_PART_REFUSAL)->text
        = (llm_span)WORDS("lo");
    reply->usage = (llm_usage){ .input = 3, .output = 2, .known = 1 };
    llm_seed.chat->write_reply(reply, &face, &out, pool);
    is_str(taken(&out), "{\"content\":\"Hello\",\"model\":\"gpt-4\",\"usage\":"
           "{\"promptTokens\":3,\"completionTokens\":2,\"totalTokens\":5}}",
           "an answer");
    face.wrapped = 1;
    face.model = NULL;
    llm_seed.chat->write_reply(llm_reply_make(pool), &face, &out, pool);
    is_str(taken(&out), "{\"result\":{\"content\":\"\",\"model\":\"\","
           "\"usage\":{\"promptTokens\":0,\"completionTokens\":0,"
           "\"totalTokens\":0}}}", "one that is wrapped, of nothing");
    llm_buf_free(&out);
}

static const char *streamed(llm_framing framing)
{
    static const llm_delta deltas[] = {
        { .kind = LLM_DELTA_BEGIN },
        { .kind = LLM_DELTA_REASONING, .text = WORDS("Hm") },
        { .kind = LLM_DELTA_PING },
        { .kind = LLM_DELTA_TEXT, .text = WORDS("a\n") },
        { .kind = LLM_DELTA_TEXT, .text = WORDS("") },
        { .kind = LLM_DELTA_REFUSAL, .text = WORDS("b\"") },
        { .kind = LLM_DELTA_CALL, .id = "c", .name = "f" },
        { .kind = LLM_DELTA_FINISH, .finish = LLM_FINISH_STOP },
        { .kind = LLM_DELTA_END },
    };
    const llm_face face = { .dialect = &llm_seed };
    llm_frame frame = { .framing = framing };
    const char *text;
    llm_buf out;

    llm_buf_init(&out, 10000);
    for (size_t i = 0; i < COUNT(deltas); i++)
        llm_seed.chat->write_delta(NULL, &deltas[i], &face, &frame, &out,
                                   pool, pool);
    llm_frame_end(&frame, &out);
    text = taken(&out);
    llm_buf_free(&out);
    return text;
}

static void errors(void)
{
    llm_frame frame = { .framing = LLM_FRAMING_EVENTS };
    const llm_face face = { .dialect = &llm_seed };
    llm_buf out;

    llm_buf_init(&out, 10000);
    for (int fault = LLM_BAD_JSON; fault < LLM_FAULT_COUNT; fault++) {
        const llm_fault_detail detail = { .fault = fault };
        const char *json = apr_psprintf(pool, "{\"error\":\"%s\"}",
                                        llm_fault_of(fault)->text);

        llm_seed.write_error(&detail, &face, NULL, &out);
        is_str(taken(&out), apr_pstrcat(pool, json, "\n", NULL), "an error");
        llm_seed.write_error(&detail, &face, &frame, &out);
        is_str(taken(&out), apr_pstrcat(pool, "event: error\ndata: ", json,
                                        "\n\n", NULL), "in a stream");
    }
    llm_buf_free(&out);
}

static void lists(void)
{
    static const llm_model_entry entries[] = { { .id = "a" }, { .id = "b" } };
    llm_buf out;

    llm_buf_init(&out, 1000);
    llm_seed.write_models(entries, 2, &out);
    is_str(taken(&out), "[\"a\",\"b\"]", "models");
    llm_seed.write_models(entries, 0, &out);
    is_str(taken(&out), "[]", "none");
    llm_seed_about(&out);
    is_str(taken(&out), "{\"methods\":[\"complete\",\"chat\",\"stream\","
           "\"models\"],\"transports\":[\"rest\"]}", "what there is");
    llm_buf_free(&out);
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    requests();
    wrongs();
    streams();
    images();
    queries();
    answers();
    is_str(streamed(LLM_FRAMING_EVENTS), ":\n\ndata: \"a\\n\"\n\ndata: "
           "\"b\\\"\"\n\ndata: [DONE]\n\n", "a stream of events");
    is_str(streamed(LLM_FRAMING_LINES), "\"a\\n\"\n\"b\\\"\"\n", "of lines");
    is_str(streamed(LLM_FRAMING_ARRAY), "[\"a\\n\",\r\n\"b\\\"\"]",
           "of an array");
    errors();
    lists();
    apr_pool_destroy(pool);
    apr_terminate();
    return done();
}
