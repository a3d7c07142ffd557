/* The turns of a conversation as input items for a provider of the Responses
 * API. */
#include "responses.h"
#include <apr_hash.h>
#include <apr_strings.h>
#include <string.h>

typedef struct writing {
    llm_emit *e;
    const llm_chat *chat;
    llm_losses *lost;
    apr_pool_t *p;
    int made;                   /* ids */
    apr_hash_t *waiting;        /* name: made ids that await their result */
} writing;

/* ---- calls without ids -------------------------------------------------- */

/* A dialect without ids (Gemini's) pairs results with calls by name, in their
 * order; here each pair needs an id. */
typedef struct queue {
    apr_array_header_t *ids;    /* const char * */
    int head;
} queue;

static queue *queue_of(const writing *w, const char *name)
{
    return apr_hash_get(w->waiting, name ? name : "", APR_HASH_KEY_STRING);
}

static const char *call_id(writing *w, const llm_part *part)
{
    queue *q = queue_of(w, part->name);
    const char *id;

    if (part->id)
        return part->id;
    id = apr_psprintf(w->p, "call_%d", ++w->made);
    if (!q) {
        q = apr_pcalloc(w->p, sizeof *q);
        q->ids = apr_array_make(w->p, 2, sizeof id);
        apr_hash_set(w->waiting, part->name ? part->name : "",
                     APR_HASH_KEY_STRING, q);
    }
    APR_ARRAY_PUSH(q->ids, const char *) = id;
    return id;
}

static const char *result_id(writing *w, const llm_part *part)
{
    queue *q = queue_of(w, part->name);

    if (part->id)
        return part->id;
    if (q && q->head < q->ids->nelts)
        return APR_ARRAY_IDX(q->ids, q->head++, const char *);
    return apr_psprintf(w->p, "call_%d", ++w->made);
}

/* ---- parts -------------------------------------------------------------- */

static void put_data(llm_emit *e, const char *name, const llm_part *part,
                     const char *media, apr_pool_t *p)
{
    const char *head = apr_pstrcat(p, "data:", part->media ? part->media
                                                           : media,
                                   ";base64,", NULL);
    size_t n = strlen(head);
    char *url = apr_palloc(p, n + part->data.len + 1);

    memcpy(url, head, n);
    memcpy(url + n, part->data.at, part->data.len);
    llm_emit_text(e, name, (llm_span){ url, n + part->data.len });
}

static void put_image(writing *w, const llm_part *part)
{
    llm_emit_string(w->e, "type", "input_image");
    if (part->data.len)
        put_data(w->e, "image_url", part, "image/png", w->p);
    else if (part->url)
        llm_emit_string(w->e, "image_url", part->url);
    else
        llm_emit_string(w->e, "file_id", part->file_id);
    llm_emit_string(w->e, "detail", part->detail ? part->detail : "auto");
}

static void put_file(writing *w, const llm_part *part)
{
    llm_emit_string(w->e, "type", "input_file");
    if (part->data.len)
        put_data(w->e, "file_data", part, "application/pdf", w->p);
    else if (part->url)
        llm_emit_string(w->e, "file_url", part->url);
    else
        llm_emit_string(w->e, "file_id", part->file_id);
    if (part->name)
        llm_emit_string(w->e, "filename", part->name);
    else if (part->data.len)
        llm_emit_string(w->e, "filename", "file");
}

static void put_text(writing *w, const llm_part *part, const char *type)
{
    llm_emit_string(w->e, "type", type);
    llm_emit_text(w->e, "text", part->text);
}

/* `from` the assistant or not: words have another type then. */
static void put_part(writing *w, const llm_part *part, int from)
{
    llm_emit_object(w->e, NULL);
    switch (part->kind) {
    case LLM_PART_IMAGE:
        put_image(w, part);
        break;
    case LLM_PART_FILE:
        put_file(w, part);
        break;
    case LLM_PART_REFUSAL:
        llm_emit_string(w->e, "type", "refusal");
        llm_emit_text(w->e, "refusal", part->text);
        break;
    default:
        put_text(w, part, from ? "output_text" : "input_text");
    }
    llm_emit_end_object(w->e);
}

/* Whether a message of this role can hold it; what it cannot is lost. */
static int fits(const writing *w, const llm_part *part, int from)
{
    static const char *const names[] = {
        [LLM_PART_TEXT] = NULL, [LLM_PART_REFUSAL] = "refusal",
        [LLM_PART_REASONING] = NULL, [LLM_PART_IMAGE] = "image",
        [LLM_PART_AUDIO] = "audio", [LLM_PART_FILE] = "file",
        [LLM_PART_CALL] = NULL, [LLM_PART_RESULT] = NULL
    };
    int can = part->kind == LLM_PART_TEXT
        || (from ? part->kind == LLM_PART_REFUSAL
                 : (part->kind == LLM_PART_IMAGE
                    || part->kind == LLM_PART_FILE)
                   && (part->data.len || part->url || part->file_id));

    if (!can && names[part->kind])
        llm_lose(w->lost, names[part->kind]);
    return can;
}

/* ---- items -------------------------------------------------------------- */

static void put_call(writing *w, const llm_part *part)
{
    static const llm_span none = { "{}", 2 };

    llm_emit_object(w->e, NULL);
    llm_emit_string(w->e, "type", "function_call");
    llm_emit_string(w->e, "call_id", call_id(w, part));
    llm_emit_string(w->e, "name", part->name ? part->name : "");
    llm_emit_text(w->e, "arguments", part->text.len ? part->text : none);
    llm_emit_end_object(w->e);
}

static void put_output(writing *w, const apr_array_header_t *list)
{
    const llm_part *parts = list ? (const llm_part *)list->elts : NULL;
    int i, n = list ? list->nelts : 0;

    if (!n || (n == 1 && parts->kind == LLM_PART_TEXT)) {
        llm_emit_text(w->e, "output", n ? parts->text : (llm_span){ "", 0 });
        return;
    }
    llm_emit_array(w->e, "output");
    for (i = 0; i < n; i++)
        if (fits(w, &parts[i], 0))
            put_part(w, &parts[i], 0);
    llm_emit_end_array(w->e);
}

static void put_result(writing *w, const llm_part *part)
{
    if (part->failed)
        llm_lose_hint(w->lost, "is_error");
    llm_emit_object(w->e, NULL);
    llm_emit_string(w->e, "type", "function_call_output");
    llm_emit_string(w->e, "call_id", result_id(w, part));
    put_output(w, part->parts);
    llm_emit_end_object(w->e);
}

/* Only what OpenAI has sealed is worth its while, and may come back. */
static void put_reasoning(writing *w, const llm_part *part)
{
    const char *id, *content;

    llm_responses_seal(part, &id, &content, w->p);
    if (!id) {
        llm_lose_hint(w->lost, "reasoning");
        return;
    }
    llm_emit_object(w->e, NULL);
    llm_emit_string(w->e, "type", "reasoning");
    llm_emit_string(w->e, "id", *id ? id : NULL);
    llm_emit_array(w->e, "summary");
    if (part->text.len) {
        llm_emit_object(w->e, NULL);
        put_text(w, part, "summary_text");
        llm_emit_end_object(w->e);
    }
    llm_emit_end_array(w->e);
    llm_emit_string(w->e, "encrypted_content", content);
    llm_emit_end_object(w->e);
}

static void put_message_begin(writing *w, llm_role role)
{
    static const char *const roles[] = {
        [LLM_ROLE_SYSTEM] = "system", [LLM_ROLE_DEVELOPER] = "developer",
        [LLM_ROLE_USER] = "user", [LLM_ROLE_ASSISTANT] = "assistant"
    };

    llm_emit_object(w->e, NULL);
    llm_emit_string(w->e, "type", "message");
    llm_emit_string(w->e, "role", roles[role]);
    llm_emit_array(w->e, "content");
}

static void put_message_end(writing *w)
{
    llm_emit_end_array(w->e);
    llm_emit_end_object(w->e);
}

/* Parts that belong into messages, up to one that is an item of its own. */
static void put_turn(writing *w, const llm_turn *turn)
{
    const llm_part *parts = (const llm_part *)turn->parts->elts;
    int from = turn->role == LLM_ROLE_ASSISTANT, open = 0, i;

    for (i = 0; i < turn->parts->nelts; i++) {
        int own = parts[i].kind == LLM_PART_CALL
            || parts[i].kind == LLM_PART_RESULT
            || parts[i].kind == LLM_PART_REASONING;

        if (own && open)
            put_message_end(w);
        open = open && !own;
        if (!own && !fits(w, &parts[i], from))
            continue;
        if (!own && !open)
            put_message_begin(w, turn->role);
        open = !own;
        if (parts[i].kind == LLM_PART_CALL)
            put_call(w, &parts[i]);
        else if (parts[i].kind == LLM_PART_RESULT)
            put_result(w, &parts[i]);
        else if (parts[i].kind == LLM_PART_REASONING)
            put_reasoning(w, &parts[i]);
        else
            put_part(w, &parts[i], from);
    }
    if (open)
        put_message_end(w);
}

void llm_responses_put_input(llm_emit *e, const llm_chat *chat, int from,
                             llm_losses *lost)
{
    writing w = { e, chat, lost, chat->pool, 0, apr_hash_make(chat->pool) };
    int i;

    llm_emit_array(e, "input");
    for (i = from; i < chat->turns->nelts; i++)
        put_turn(&w, &((const llm_turn *)chat->turns->elts)[i]);
    llm_emit_end_array(e);
}
