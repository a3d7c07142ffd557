/* One call's way through the inner form: what of a malformed event is kept,
 * and whose fault it is when a target cannot be told. */
#include <string.h>
#include <apr_general.h>
#include <apr_strings.h>
#include "../../src/wire/translate.h"
#include "../tap.h"

static apr_pool_t *pool;
static const llm_dialect *const clients[] = {
    &llm_openai, &llm_openai_responses, &llm_anthropic, &llm_gemini
};

static llm_span span(const char *text)
{
    return (llm_span){ text, strlen(text) };
}

/* ---- streams ------------------------------------------------------------ */

/* What the client gets of an event that begins well and ends badly. */
static const char *streamed(const llm_dialect *client)
{
    static const char *const events[] = {
        "{\"id\":\"c\",\"model\":\"g\",\"choices\":[{\"index\":0,\"delta\":"
        "{\"role\":\"assistant\",\"content\":\"A\",\"tool_calls\":[{"
        "\"index\":0,\"function\":{\"arguments\":\"{}\"}}]}}]}",
        "{\"id\":\"c\",\"model\":\"g\",\"choices\":[{\"index\":0,\"delta\":"
        "{\"content\":\"B\"}}]}",
    };
    const llm_face face = { .dialect = client, .id = "r", .model = "m" };
    const llm_usage usage = { 0 };
    llm_frame frame = { 0 };
    llm_translation t = { 0 };
    const char *text;
    llm_buf out;
    size_t i;

    llm_buf_init(&out, 1 << 20);
    llm_translate_begin(&t, &face, &llm_openai, pool);
    for (i = 0; i < sizeof events / sizeof *events; i++)
        llm_translate_piece(&t, span(events[i]), &frame, &out);
    llm_translate_end(&t, &usage, &frame, &out);
    text = out.len ? apr_pstrmemdup(pool, out.data, out.len) : "";
    llm_buf_free(&out);
    return text;
}

static int times(const char *text, const char *what)
{
    int n = 0;

    for (; (text = strstr(text, what)); text++)
        n++;
    return n;
}

static void malformed_events(void)
{
    const char *text = streamed(&llm_anthropic);

    is_int(times(text, "event: message_start\n"), 1, "it begins once: %s",
           text);
    is_int(times(text, "event: content_block_start\n"), 1, "so does a block");
    text = streamed(&llm_openai_responses);
    is_int(times(text, "event: response.created\n"), 1, "a response begins "
           "once: %s", text);
    ok(strstr(text, "\"sequence_number\":0") != NULL, "with number 0");
    text = streamed(&llm_openai);
    is_int(times(text, "\"role\":\"assistant\""), 1, "a role is told: %s",
           text);
    ok(strstr(streamed(&llm_gemini), "\"text\":\"B\"") != NULL, "the rest "
       "goes on");
}

/* ---- who answered -------------------------------------------------------- */

#define CHUNK(model, text) "{\"id\":\"c\"," model "\"choices\":[{"             \
    "\"index\":0,\"delta\":{\"content\":\"" text "\"},"                     \
    "\"finish_reason\":null}]}"
#define MESSAGE(model) "{\"type\":\"message_start\",\"message\":{"            \
    "\"id\":\"x\"," model "\"role\":\"assistant\",\"content\":[]}}"
#define BLOCK "{\"type\":\"content_block_start\",\"index\":0,"                \
    "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}"
#define PIECE(text) "{\"type\":\"content_block_delta\",\"index\":0,"          \
    "\"delta\":{\"type\":\"text_delta\",\"text\":\"" text "\"}}"

/* All names of models in a text, each once where it follows itself. */
static const char *models_in(const char *text)
{
    static const char *const members[] = { "\"model\":\"",
                                           "\"modelVersion\":\"" };
    const char *all = "", *last = "", *at, *next;
    size_t i;

    for (;; text = at) {
        for (i = 0, at = NULL; i < 2; i++) {
            next = strstr(text, members[i]);
            if (next && (!at || next < at))
                at = next;
        }
        if (!at)
            return all;
        at = strchr(at, ':') + 2;
        next = apr_pstrmemdup(pool, at, strcspn(at, "\""));
        if (strcmp(next, last))
            all = apr_pstrcat(pool, all, *all ? " " : "", next, NULL);
        last = next;
    }
}

static const char *whole_from(const llm_dialect *client,
                              const llm_dialect *provider, const char *body)
{
    const llm_face face = { .dialect = client, .id = "r", .model = "asked" };
    const llm_usage usage = { .known = 1 };
    llm_translation t = { 0 };
    const char *text;
    llm_buf out;

    llm_buf_init(&out, 1 << 20);
    llm_translate_begin(&t, &face, provider, pool);
    is_int(llm_translate_answer(&t, span(body), &usage, &out), LLM_OK,
           "for %s", client->name);
    text = apr_pstrmemdup(pool, out.len ? out.data : "", out.len);
    llm_buf_free(&out);
    return text;
}

/* One stream, and where it was cut another of a provider of another dialect,
 * who says the beginning again or goes on behind it. */
static const char *stream_from(const llm_dialect *client, const char *model,
                               const char *other, int again)
{
    const char *const events[] = { other, BLOCK, again ? PIECE("Hello")
                                                       : PIECE("lo") };
    llm_face face = { .dialect = client, .id = "r", .model = "asked" };
    const llm_usage usage = { .known = 1 };
    llm_translation t = { 0 };
    llm_frame frame = { 0 };
    const char *text;
    llm_buf out, said;
    size_t i;

    llm_buf_init(&out, 1 << 20);
    llm_buf_init(&said, 1 << 20);
    llm_translate_begin(&t, &face, &llm_openai, pool);
    t.said = &said;
    llm_translate_piece(&t, span(model), &frame, &out);
    if (other) {
        face.model = "asked too";
        llm_translate_resume(&t, &llm_anthropic, &said, again);
        for (i = 0; i < sizeof events / sizeof *events; i++)
            llm_translate_piece(&t, span(events[i]), &frame, &out);
    }
    llm_translate_end(&t, &usage, &frame, &out);
    text = apr_pstrmemdup(pool, out.len ? out.data : "", out.len);
    llm_buf_free(&out);
    llm_buf_free(&said);
    return text;
}

#define ANTHROPIC(model) "{\"id\":\"x\",\"type\":\"message\",\"role\":"     \
    "\"assistant\"," model "\"content\":[{\"type\":\"text\",\"text\":"      \
    "\"Hi\"}],\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":1,"  \
    "\"output_tokens\":1}}"
#define OPENAI "{\"id\":\"x\",\"object\":\"chat.completion\",\"model\":"    \
    "\"gpt\",\"choices\":[{\"index\":0,\"message\":{\"role\":"              \
    "\"assistant\",\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}"

static void who_answered(void)
{
    static const llm_dialect *const all[] = {
        &llm_openai, &llm_openai_completions, &llm_openai_responses,
        &llm_anthropic, &llm_gemini, &llm_seed
    };
    const char *text;
    size_t i;

    for (i = 0; i < sizeof all / sizeof *all; i++) {
        text = all[i] == &llm_anthropic
            ? whole_from(all[i], &llm_openai, OPENAI)
            : whole_from(all[i], &llm_anthropic,
                         ANTHROPIC("\"model\":\"gpt\","));
        is_str(models_in(text), "gpt", "as the provider names it");
        text = whole_from(all[i], &llm_anthropic, ANTHROPIC(""));
        is_str(models_in(text), "asked", "or as it was asked");
        text = whole_from(all[i], &llm_anthropic,
                          ANTHROPIC("\"model\":\"\","));
        is_str(models_in(text), "asked", "also where the name is empty");
    }
}

/* A stream whose beginning told one name ends with that of who finished it,
 * wherever its dialect names the model again. */
static void who_finished(void)
{
    static const struct {
        const llm_dialect *client;
        const char *both;
    } cases[] = {
        { &llm_openai, "gpt claude" }, { &llm_openai_completions,
                                         "gpt claude" },
        { &llm_openai_responses, "gpt claude" }, { &llm_anthropic, "gpt" },
        { &llm_gemini, "gpt claude" }, { &llm_seed, "" },
    };
    const char *gpt = CHUNK("\"model\":\"gpt\",", "Hel");
    const char *claude = MESSAGE("\"model\":\"claude\",");
    const llm_dialect *client;
    size_t i;

    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        client = cases[i].client;
        is_str(models_in(stream_from(client, gpt, NULL, 0)),
               client == &llm_seed ? "" : "gpt", "%s: a stream",
               client->name);
        is_str(models_in(stream_from(client, CHUNK("", "Hel"), NULL, 0)),
               client == &llm_seed ? "" : "asked", "%s: without a name",
               client->name);
        is_str(models_in(stream_from(client, gpt, claude, 0)), cases[i].both,
               "%s: one that is gone on with", client->name);
        is_str(models_in(stream_from(client, gpt, claude, 1)), cases[i].both,
               "%s: or said again", client->name);
    }
    is_str(models_in(stream_from(&llm_openai, gpt, MESSAGE(""), 0)),
           "gpt asked too", "who goes on without a name");
}

/* ---- why it ended ------------------------------------------------------- */

/* A stream that came to its end without a reason, and a whole answer. None is
 * made up where the client's dialect can do without. */
static void no_reason(void)
{
    static const struct {
        const llm_dialect *client;
        const char *says;
    } cases[] = {
        { &llm_anthropic, "\"stop_reason\":null" },
        { &llm_gemini, "\"finishReason\":\"OTHER\"" },
        { &llm_openai_responses, "\"status\":\"completed\"" },
        { &llm_openai, "\"finish_reason\":\"stop\"" },
    };
    const char *text;
    size_t i;

    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        text = stream_from(cases[i].client, CHUNK("", "Hel"), NULL, 0);
        ok(strstr(text, cases[i].says), "%s: a stream's end: %s",
           cases[i].client->name, text);
        ok(!strstr(text, "end_turn") && !strstr(text, "STOP"), "no other");
        text = whole_from(cases[i].client, &llm_openai,
                          "{\"choices\":[{\"index\":0,\"message\":{"
                          "\"content\":\"Hi\"},\"finish_reason\":null}]}");
        ok(strstr(text, cases[i].says), "a whole answer's: %s", text);
    }
    text = whole_from(&llm_anthropic, &llm_openai, "{\"choices\":[{\"message\":"
                      "{\"content\":null,\"tool_calls\":[{\"id\":\"c\","
                      "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}"
                      "]}");
    ok(strstr(text, "\"stop_reason\":\"tool_use\""), "calls are a reason");
    text = whole_from(&llm_gemini, &llm_openai, "{\"choices\":[{\"message\":"
                      "{\"content\":null,\"tool_calls\":[{\"id\":\"c\","
                      "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}"
                      "]}");
    ok(strstr(text, "\"finishReason\":\"STOP\""), "which Google calls STOP");
}

/* ---- what is made beside words ------------------------------------------- */

#define MADE(media) "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":"     \
    "\"Look:\"},{\"inlineData\":{\"mimeType\":\"" media "\","                    \
    "\"data\":\"AAAA\"}},{\"text\":\"nice\"}]},\"finishReason\":\"STOP\"}]}"

static const char *made(const llm_dialect *client, const char *event)
{
    const llm_face face = { .dialect = client, .id = "r", .model = "m" };
    const llm_usage usage = { .known = 1 };
    llm_translation t = { 0 };
    llm_frame frame = { 0 };
    const char *text;
    llm_buf out;

    llm_buf_init(&out, 1 << 20);
    llm_translate_begin(&t, &face, &llm_gemini, pool);
    is_int(llm_translate_piece(&t, span(event), &frame, &out), LLM_OK,
           "for %s", client->name);
    ok(t.called, "cannot be said again");
    llm_translate_end(&t, &usage, &frame, &out);
    text = apr_pstrmemdup(pool, out.data, out.len);
    llm_buf_free(&out);
    return text;
}

/* A picture goes where the client's dialect has a place for it, and is named
 * in its place where it has none: whole and streamed. */
static void pictures(void)
{
    static const char notice[] = "[image/png of 1 KB, which this API cannot "
        "carry]";
    static const char sound[] = "[audio/wav of 1 KB, which this API cannot "
        "carry]";
    static const struct {
        const llm_dialect *client;
        const char *holds, *audio;
    } cases[] = {
        { &llm_openai, "\"images\":[{\"type\":\"image_url\",\"image_url\":{"
          "\"url\":\"data:image/png;base64,AAAA\"}}]", sound },
        { &llm_openai_completions, notice, sound },
        { &llm_openai_responses, "\"type\":\"image_generation_call\","
          "\"id\":\"ig_r_1\",\"status\":\"completed\",\"result\":\"AAAA\"",
          sound },
        { &llm_anthropic, notice, sound }, { &llm_seed, notice, sound },
        { &llm_gemini, "\"inlineData\":{\"mimeType\":\"image/png\",\"data\":"
          "\"AAAA\"}", "\"mimeType\":\"audio/wav\"" },
    };
    const llm_dialect *client;
    const char *text;
    size_t i;

    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        client = cases[i].client;
        text = whole_from(client, &llm_gemini, MADE("image/png"));
        ok(strstr(text, cases[i].holds), "a picture: %s", text);
        text = whole_from(client, &llm_gemini, MADE("audio/wav"));
        ok(strstr(text, cases[i].audio), "a sound: %s", text);
        text = made(client, MADE("image/png"));
        ok(strstr(text, cases[i].holds), "streamed: %s", text);
        text = made(client, MADE("audio/wav"));
        ok(strstr(text, cases[i].audio), "a sound, too: %s", text);
    }
    text = made(&llm_openai_responses, MADE("image/png"));
    is_int(times(text, "event: response.output_item.added"), 3, "three items");
    is_int(times(text, "event: response.output_item.done"), 3, "that end");
    is_int(times(text, "\"status\":\"in_progress\",\"result\":null"), 1,
           "a picture begins with nothing");
}

/* ---- requests ----------------------------------------------------------- */

static llm_fault asked(const llm_dialect *client, const char *body,
                       const llm_dialect *provider, llm_fault_detail *detail)
{
    const llm_face face = { .dialect = client, .id = "r", .model = "m" };
    const llm_asking how = {
        .model = "m", .facts = llm_facts_find(NULL, "m"),
        .version = "2023-06-01", .pool = pool
    };
    const llm_request request = { .body = span(body) };
    llm_translation t = { 0 };
    llm_fault fault;
    llm_buf out;

    memset(detail, 0, sizeof *detail);
    llm_buf_init(&out, 1 << 20);
    llm_translate_begin(&t, &face, provider, pool);
    fault = llm_translate_request(&t, &request, 64, &how, &out, detail);
    llm_buf_free(&out);
    return fault;
}

/* What one target cannot be told another may: the request is not to blame,
 * and the next target is asked. */
static void untold(void)
{
    static const struct {
        const llm_dialect *client, *provider;
        const char *body, *param;
    } rows[] = {
        { &llm_openai_completions, &llm_openai,
          "{\"model\":\"m\",\"prompt\":[\"a\",\"b\"]}", "prompt" },
        { &llm_openai, &llm_anthropic,
          "{\"model\":\"m\",\"messages\":[{\"role\":\"system\","
          "\"content\":\"s\"}]}", "messages" },
        { &llm_openai, &llm_anthropic,
          "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":"
          "[{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AAAA\","
          "\"format\":\"wav\"}}]}]}", "audio" },
        { &llm_openai, &llm_gemini,
          "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":"
          "\"a\"},{\"role\":\"tool\",\"tool_call_id\":\"z\",\"content\":"
          "\"b\"}]}", "messages" },
        { &llm_openai_embeddings, &llm_gemini_embeds,
          "{\"model\":\"m\",\"input\":[1,2]}", "input" },
    };
    llm_fault_detail detail;
    size_t i;

    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        is_int(asked(rows[i].client, rows[i].body, rows[i].provider, &detail),
               LLM_UNSUPPORTED, "%s: the next may", rows[i].body);
        is_str(detail.param, rows[i].param, "what it is about: %s",
               detail.text ? detail.text : "");
    }
    for (i = 0; i < sizeof clients / sizeof *clients; i++)
        is_int(asked(clients[i], "{\"messages\":1,\"contents\":1,"
                     "\"input\":1}", &llm_openai, &detail), LLM_BAD_REQUEST,
               "what is wrong in any case is the client's fault");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    malformed_events();
    who_answered();
    who_finished();
    no_reason();
    pictures();
    untold();
    apr_pool_destroy(pool);
    return done();
}
