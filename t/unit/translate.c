/* One call's way through the inner form: what of a malformed event is kept. */
#include <string.h>
#include <apr_general.h>
#include <apr_strings.h>
#include "../../src/wire/translate.h"
#include "../tap.h"

static apr_pool_t *pool;
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
    llm_buf out;
    size_t i;

    llm_buf_init(&out, 1 << 20);
    llm_translate_begin(&t, &face, &llm_openai, pool);
    for (i = 0; i < sizeof events / sizeof *events; i++)
        llm_translate_piece(&t, span(events[i]), &frame, &out);
    llm_translate_end(&t, &usage, &frame, &out);
    return out.len ? apr_pstrmemdup(pool, out.data, out.len) : "";
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

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    malformed_events();
    apr_pool_destroy(pool);
    return done();
}
