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
    untold();
    apr_pool_destroy(pool);
    return done();
}
