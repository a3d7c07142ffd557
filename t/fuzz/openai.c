/* Any bytes as a request, an answer and an event of OpenAI's dialects: read
 * or refused; and what was read is written, and read again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <apr_general.h>

#include "../../src/wire/dialect.h"

#define MUST(cond) do { if (!(cond)) abort(); } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const llm_facts facts = { .name = "" };

static const llm_json *parse(const char *bytes, size_t n, apr_pool_t *p)
{
    const llm_json *json;

    return llm_json_parse(bytes, n, 64, &json, p) ? NULL : json;
}

static void request(const llm_dialect *dialect, const llm_json *json,
                    apr_pool_t *p)
{
    const llm_asking how = { .model = "m", .facts = &facts, .pool = p };
    llm_chat *chat = llm_chat_make(p), *again = llm_chat_make(p);
    llm_fault_detail detail = { .fault = LLM_OK };
    llm_losses lost;
    llm_buf out;
    llm_fault fault = dialect->chat->read_request(json, chat, &detail);

    MUST(fault == LLM_OK || (fault == LLM_BAD_REQUEST && detail.param
                             && detail.text));
    if (fault)
        return;
    llm_losses_init(&lost, p);
    llm_buf_init(&out, 1 << 24);
    MUST(!dialect->chat->write_request(chat, &how, &lost, &out, &detail));
    json = parse(out.data, out.len, p);
    MUST(json);
    fault = dialect->chat->read_request(json, again, &detail);
    MUST(!fault);
    llm_buf_free(&out);
}

typedef struct telling {
    const llm_face *face;
    void *state;
    llm_frame frame;
    llm_buf out;
    apr_pool_t *p;
} telling;

static llm_fault tell(void *baton, const llm_delta *delta)
{
    telling *in = baton;

    return in->face->dialect->chat->write_delta(in->state, delta, in->face,
                                                &in->frame, &in->out, in->p,
                                                in->p);
}

static void answer(const llm_face *face, const llm_json *json, apr_pool_t *p)
{
    const llm_chat_form *form = face->dialect->chat;
    llm_reply *reply = llm_reply_make(p);
    const llm_delta end = { .kind = LLM_DELTA_END };
    telling to = { .face = face, .p = p };

    llm_buf_init(&to.out, 1 << 24);
    if (!form->read_reply(json, reply, p)) {
        MUST(!form->write_reply(reply, face, &to.out, p));
        MUST(parse(to.out.data, to.out.len, p));
    }
    llm_buf_clear(&to.out);
    to.state = apr_pcalloc(p, form->writer_size);
    form->read_piece(apr_pcalloc(p, form->reader_size), json, tell, &to, p, p);
    MUST(!tell(&to, &end));
    llm_buf_free(&to.out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const llm_face faces[] = {
        { .dialect = &llm_openai, .model = "m", .wants_usage = 1 },
        { .dialect = &llm_openai_completions, .model = "m" },
    };
    static apr_pool_t *top;
    const llm_json *json;
    apr_pool_t *p;

    if (!top) {
        apr_initialize();
        apr_pool_create(&top, NULL);
    }
    apr_pool_create(&p, top);
    json = parse((const char *)data, n, p);
    for (size_t i = 0; json && i < sizeof faces / sizeof *faces; i++) {
        request(faces[i].dialect, json, p);
        answer(&faces[i], json, p);
    }
    apr_pool_destroy(p);
    return 0;
}
