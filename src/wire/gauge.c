#include "gauge.h"
#include <string.h>

#define EVENT_DEPTH 512         /* how deep an event may nest */

/* The bytes that begin one. */
static long long characters(llm_span text)
{
    long long n = 0;
    size_t i;

    for (i = 0; i < text.len; i++)
        n += (text.at[i] & 0xc0) != 0x80;
    return n;
}

static llm_fault take(void *baton, const llm_delta *delta)
{
    llm_gauge *gauge = baton;

    switch (delta->kind) {
    case LLM_DELTA_TEXT: case LLM_DELTA_REFUSAL: case LLM_DELTA_REASONING:
    case LLM_DELTA_ARGUMENTS:
        gauge->said += characters(delta->text);
        break;
    case LLM_DELTA_CALL:
        gauge->said += delta->name ? (long long)strlen(delta->name) : 0;
        break;
    default:
        break;
    }
    return LLM_OK;
}

void llm_gauge_event(llm_gauge *gauge, const llm_dialect *dialect,
                     llm_span event, apr_pool_t *p)
{
    const llm_chat_form *form = dialect->chat;
    const llm_json *tree;

    if (!form || !form->read_piece)
        return;
    if (!gauge->keep) {
        apr_pool_create(&gauge->keep, p);
        apr_pool_create(&gauge->scratch, gauge->keep);
        gauge->reader = apr_pcalloc(gauge->keep, form->reader_size + 1);
    }
    apr_pool_clear(gauge->scratch);
    if (!llm_json_parse(event.at, event.len, EVENT_DEPTH, &tree,
                        gauge->scratch))
        form->read_piece(gauge->reader, tree, take, gauge, gauge->scratch,
                         gauge->keep);
}

void llm_gauge_end(llm_gauge *gauge)
{
    if (gauge->keep)
        apr_pool_destroy(gauge->keep);
    memset(gauge, 0, sizeof *gauge);
}
