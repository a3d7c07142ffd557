/* The messages of a request to Anthropic, written. */
#include "anthropic.h"
#include <apr_strings.h>
#include <string.h>

#define MOST_MARKS 4            /* cache breakpoints of a request */

typedef llm_anthropic_writing writing;
typedef llm_anthropic_message message;

/* ---- blocks ------------------------------------------------------------- */

void llm_anthropic_put_cache(writing *w, const char *ttl)
{
    if (!ttl)
        return;
    if (++w->marks > MOST_MARKS) {
        llm_lose_hint(w->lost, "cache_control");
        return;
    }
    llm_emit_object(&w->e, "cache_control");
    llm_emit_string(&w->e, "type", "ephemeral");
    if (strcmp(ttl, "5m"))
        llm_emit_string(&w->e, "ttl", "1h");
    llm_emit_end_object(&w->e);
}

static void put_text(writing *w, llm_span text, const char *cache)
{
    llm_emit_object(&w->e, NULL);
    llm_emit_string(&w->e, "type", "text");
    llm_emit_text(&w->e, "text", text);
    llm_anthropic_put_cache(w, cache);
    llm_emit_end_object(&w->e);
}

static void put_media(writing *w, const llm_part *part)
{
    llm_emit_object(&w->e, NULL);
    llm_anthropic_put_media(w, part);
    llm_anthropic_put_cache(w, part->cache);
    llm_emit_end_object(&w->e);
}

static void put_reasoning(writing *w, const llm_part *part)
{
    llm_emit_object(&w->e, NULL);
    if (part->redacted) {
        llm_emit_string(&w->e, "type", "redacted_thinking");
        llm_emit_text(&w->e, "data", part->text);
    }
    else {
        llm_emit_string(&w->e, "type", "thinking");
        llm_emit_text(&w->e, "thinking", part->text);
        llm_emit_string(&w->e, "signature", part->signature);
    }
    llm_emit_end_object(&w->e);
}

/* ---- calls and results -------------------------------------------------- */

static int is_id_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
        || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* Letters, digits, _ and - are all that the API takes. What is replaced
 * still tells ids apart by a hash of the whole (FNV-1a). */
static void put_id(writing *w, const char *name, const char *id)
{
    unsigned hash = 2166136261u;
    char *plain = apr_pstrdup(w->how->pool, id), *at;
    int changed = 0;

    for (at = plain; *at; at++) {
        hash = (hash ^ (unsigned char)*at) * 16777619u;
        if (!is_id_byte(*at)) {
            *at = '_';
            changed = 1;
        }
    }
    if (changed)
        plain = apr_psprintf(w->how->pool, "%s_%08x", plain, hash);
    llm_emit_string(&w->e, name, plain);
}

static llm_fault put_call(writing *w, const llm_part *part)
{
    llm_span input;

    if (!llm_anthropic_input(part->text, &input)) {
        w->detail->param = "messages";
        w->detail->text = apr_psprintf(w->how->pool, "The arguments of the "
            "call %s to %s are not a JSON object", part->id, part->name);
        return LLM_BAD_REQUEST;
    }
    llm_emit_object(&w->e, NULL);
    llm_emit_string(&w->e, "type", "tool_use");
    put_id(w, "id", part->id);
    llm_emit_string(&w->e, "name", part->name);
    llm_emit_raw(&w->e, "input", input);
    llm_anthropic_put_cache(w, part->cache);
    llm_emit_end_object(&w->e);
    return LLM_OK;
}

static void put_result_part(writing *w, const llm_part *part, int *opened)
{
    const int text = part->kind == LLM_PART_TEXT;

    if (text ? !part->text.len : !llm_anthropic_can_media(w, part))
        return;
    if (!*opened)
        llm_emit_array(&w->e, "content");
    *opened = 1;
    if (text)
        put_text(w, part->text, part->cache);
    else
        put_media(w, part);
}

static void put_result(writing *w, const llm_part *part)
{
    const llm_part *parts = part->parts ? (llm_part *)part->parts->elts : NULL;
    int i, opened = 0;

    llm_emit_object(&w->e, NULL);
    llm_emit_string(&w->e, "type", "tool_result");
    put_id(w, "tool_use_id", part->id);
    for (i = 0; parts && i < part->parts->nelts; i++)
        put_result_part(w, &parts[i], &opened);
    if (opened)
        llm_emit_end_array(&w->e);
    if (part->failed)
        llm_emit_bool(&w->e, "is_error", 1);
    llm_anthropic_put_cache(w, part->cache);
    llm_emit_end_object(&w->e);
}

/* ---- messages ----------------------------------------------------------- */

static llm_fault put_part(writing *w, const llm_part *part)
{
    switch (part->kind) {
    case LLM_PART_CALL:
        return put_call(w, part);
    case LLM_PART_RESULT:
        put_result(w, part);
        break;
    case LLM_PART_REASONING:
        put_reasoning(w, part);
        break;
    case LLM_PART_TEXT: case LLM_PART_REFUSAL:
        put_text(w, part->text, part->cache);
        break;
    default:
        put_media(w, part);
    }
    return LLM_OK;
}

/* Thinking comes first in a message, also where it came back with a call that
 * stands behind some text; but where a message begins with it, what comes
 * later was thought later. */
static int is_out_of_order(const message *m)
{
    return m->others->nelts
        && APR_ARRAY_IDX(m->others, 0, const llm_part *)->kind
           != LLM_PART_REASONING;
}

static llm_fault put_parts(writing *w, const apr_array_header_t *parts,
                           int reasoning, int rest)
{
    llm_fault fault = LLM_OK;
    int i;

    for (i = 0; i < parts->nelts && !fault; i++) {
        const llm_part *part = APR_ARRAY_IDX(parts, i, const llm_part *);

        if (part->kind == LLM_PART_REASONING ? reasoning : rest)
            fault = put_part(w, part);
    }
    return fault;
}

/* An answer that is begun must not end in white space. */
static void trim(writing *w, const message *m)
{
    const llm_part **last = (const llm_part **)m->others->elts
                          + m->others->nelts - 1;
    llm_part *copy;

    if (m->role != LLM_ROLE_ASSISTANT || (*last)->kind != LLM_PART_TEXT)
        return;
    copy = apr_pmemdup(w->how->pool, *last, sizeof *copy);
    while (llm_text_is_white(copy->text.at[copy->text.len - 1]))
        copy->text.len--;
    *last = copy;
}

static llm_fault put_message(writing *w, const message *m)
{
    static const char *const roles[] = {
        "system", "system", "user", "assistant"
    };
    const int sort = is_out_of_order(m);
    llm_fault fault;

    llm_emit_object(&w->e, NULL);
    llm_emit_string(&w->e, "role", roles[m->role]);
    llm_emit_array(&w->e, "content");
    fault = put_parts(w, m->results, 1, 1);
    if (!fault && sort)
        fault = put_parts(w, m->others, 1, 0);
    if (!fault)
        fault = put_parts(w, m->others, !sort, 1);
    llm_emit_end_array(&w->e);
    llm_emit_end_object(&w->e);
    return fault;
}

llm_fault llm_anthropic_put_messages(writing *w)
{
    const message *list = (const message *)w->messages->elts;
    const int n = w->messages->nelts;
    llm_fault fault = LLM_OK;
    int i;

    if (list[n - 1].role == LLM_ROLE_ASSISTANT)
        trim(w, &list[n - 1]);
    llm_emit_array(&w->e, "messages");
    for (i = 0; i < n && !fault; i++)
        fault = put_message(w, &list[i]);
    llm_emit_end_array(&w->e);
    return fault;
}

void llm_anthropic_put_system(writing *w)
{
    int i;

    if (!w->system->nelts)
        return;
    llm_emit_array(&w->e, "system");
    for (i = 0; i < w->system->nelts; i++) {
        const llm_part *part = APR_ARRAY_IDX(w->system, i, const llm_part *);

        put_text(w, part->text, part->cache);
    }
    llm_emit_end_array(&w->e);
}
