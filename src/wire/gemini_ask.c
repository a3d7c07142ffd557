/* A conversation as a request to Gemini: contents and systemInstruction. */
#include "gemini.h"
#include <string.h>
#include <apr_strings.h>

/* Google's word for calls that came from another model and therefore have no
 * signature (Gemini 3 and later refuse calls without one). */
#define UNSIGNED_CALL "skip_thought_signature_validator"

typedef struct asking {
    llm_emit *e;
    const llm_chat *chat;
    const llm_asking *how;
    llm_losses *lost;
    llm_fault_detail *detail;
    llm_fault fault;
    int open;                   /* a content is */
    int any;                    /* one was written */
    llm_role role;              /* of the open one */
    int called;                 /* the open one has a call */
} asking;

static void wrong(asking *a, const char *text)
{
    if (a->fault)
        return;
    a->fault = LLM_BAD_REQUEST;
    a->detail->param = "messages";
    a->detail->text = text;
}

/* ---- turns that open when they have something to say -------------------- */

static void close_turn(asking *a)
{
    if (!a->open)
        return;
    llm_emit_end_array(a->e);
    llm_emit_end_object(a->e);
    a->open = 0;
}

/* Turns of one speaker in a row are one, and those left empty are none. */
static void open_turn(asking *a, llm_role role)
{
    if (a->open && a->role == role)
        return;
    close_turn(a);
    llm_emit_object(a->e, NULL);
    llm_emit_string(a->e, "role",
                    role == LLM_ROLE_ASSISTANT ? "model" : "user");
    llm_emit_array(a->e, "parts");
    a->open = a->any = 1;
    a->role = role;
    a->called = 0;
}

/* ---- parts -------------------------------------------------------------- */

static void put_text(asking *a, const llm_part *part, llm_role role)
{
    const char *signature = role == LLM_ROLE_ASSISTANT ? part->signature
                                                       : NULL;

    if (part->citations && part->citations->nelts)
        llm_lose_hint(a->lost, "citations");
    if (!part->text.len && !signature)
        return;
    open_turn(a, role);
    llm_gemini_put_text(a->e, part->text, 0, signature);
}

static void put_media(asking *a, const llm_part *part, llm_role role)
{
    static const char *const names[] = { "image_url", "input_audio", "file" };
    llm_buf *out = a->e->out;
    int can = part->data.len || part->url || part->file_id;

    if (can) {                  /* whether it is taken is known after */
        const asking before = *a;
        const llm_emit e = *a->e;
        const size_t len = out->len;

        open_turn(a, role);
        can = llm_gemini_put_media(a->e, part, 0);
        if (!can) {
            *a->e = e;
            *a = before;
            out->len = len;
        }
    }
    if (!can)
        llm_lose(a->lost, names[part->kind - LLM_PART_IMAGE]);
    else if (part->name && part->kind == LLM_PART_FILE)
        llm_lose_hint(a->lost, "filename");
}

static int needs_signatures(const asking *a)
{
    const llm_thinking thinking = a->how->facts->thinking;

    return thinking != LLM_THINKING_BUDGET && thinking != LLM_THINKING_NONE;
}

static void put_call(asking *a, const llm_part *part, llm_role role)
{
    const char *signature = part->signature;

    if (!llm_gemini_is_object(part->text)) {
        wrong(a, apr_psprintf(a->how->pool, "The arguments of the call %s of "
                              "%s are not a JSON object: they must be one, "
                              "or empty", part->id ? part->id : "",
                              part->name ? part->name : "a tool"));
        return;
    }
    open_turn(a, role);
    if (!signature && !a->called && needs_signatures(a))
        signature = UNSIGNED_CALL;
    a->called = 1;
    llm_gemini_put_call(a->e, part->id, part->name, part->text, signature);
}

/* ---- results ------------------------------------------------------------ */

static void put_response(asking *a, const llm_part *part)
{
    const llm_span words = part->parts
        ? llm_parts_text(part->parts, "\n", a->how->pool)
        : (llm_span){ "", 0 };

    if (words.len && !part->failed
        && !llm_scan_object(words.at, words.len, 100, NULL, NULL, NULL)) {
        llm_gemini_put_json(a->e, "response", words);
        return;
    }
    llm_emit_object(a->e, "response");
    llm_emit_text(a->e, part->failed ? "error" : "result", words);
    llm_emit_end_object(a->e);
}

/* What else it holds stands beside the response: older models know no parts
 * within one. */
static void put_result(asking *a, const llm_part *part, llm_role role)
{
    const llm_part *parts = part->parts
        ? (const llm_part *)part->parts->elts : NULL;
    int i;

    if (!part->name) {
        wrong(a, apr_psprintf(a->how->pool, "The result of the call %s "
                              "follows no such call: its tool's name is not "
                              "known", part->id ? part->id : ""));
        return;
    }
    open_turn(a, role);
    llm_emit_object(a->e, NULL);
    llm_emit_object(a->e, "functionResponse");
    llm_emit_string(a->e, "id", part->id);
    llm_emit_string(a->e, "name", part->name);
    put_response(a, part);
    llm_emit_end_object(a->e);
    llm_emit_end_object(a->e);
    for (i = 0; parts && i < part->parts->nelts; i++)
        if (parts[i].kind >= LLM_PART_IMAGE && parts[i].kind <= LLM_PART_FILE)
            put_media(a, &parts[i], role);
}

static void put_part(asking *a, const llm_part *part, llm_role role)
{
    switch (part->kind) {
    case LLM_PART_TEXT:
    case LLM_PART_REFUSAL:
        put_text(a, part, role);
        break;
    case LLM_PART_REASONING:
        llm_lose_hint(a->lost, "reasoning");
        break;
    case LLM_PART_IMAGE:
    case LLM_PART_AUDIO:
    case LLM_PART_FILE:
        put_media(a, part, role);
        break;
    case LLM_PART_CALL:
        put_call(a, part, role);
        break;
    case LLM_PART_RESULT:
        put_result(a, part, role);
        break;
    }
}

/* ---- the conversation --------------------------------------------------- */

static int is_system(const llm_turn *turn)
{
    return turn->role == LLM_ROLE_SYSTEM || turn->role == LLM_ROLE_DEVELOPER;
}

static void put_turn(asking *a, const llm_turn *turn, llm_role role)
{
    const llm_part *parts = (const llm_part *)turn->parts->elts;
    int i;

    for (i = 0; i < turn->parts->nelts && !a->fault && !a->e->fault; i++)
        put_part(a, &parts[i], role);
}

/* Everything that a system says, wherever it says it, in order. */
static void put_system_words(asking *a)
{
    const llm_turn *turns = (const llm_turn *)a->chat->turns->elts;
    int i, j;

    for (i = 0; i < a->chat->turns->nelts; i++) {
        if (!is_system(&turns[i]))
            continue;
        for (j = 0; j < turns[i].parts->nelts; j++) {
            const llm_part *part = &((llm_part *)turns[i].parts->elts)[j];

            if (part->kind == LLM_PART_TEXT && part->text.len)
                llm_gemini_put_text(a->e, part->text, 0, NULL);
            else if (part->kind != LLM_PART_TEXT)
                llm_lose(a->lost, "system");
        }
    }
}

static int has_system(const llm_chat *chat)
{
    const llm_turn *turns = (const llm_turn *)chat->turns->elts;
    int i, j;

    for (i = 0; i < chat->turns->nelts; i++)
        for (j = 0; is_system(&turns[i]) && j < turns[i].parts->nelts; j++) {
            const llm_part *part = &((llm_part *)turns[i].parts->elts)[j];

            if (part->kind == LLM_PART_TEXT && part->text.len)
                return 1;
        }
    return 0;
}

/* Gemini wants at least one content: a conversation of the system alone is
 * said by the user; one without a word is a blank. 1 if the system's words
 * are still to be written. */
static int put_contents(asking *a)
{
    const llm_turn *turns = (const llm_turn *)a->chat->turns->elts;
    int i, system = has_system(a->chat);

    llm_emit_array(a->e, "contents");
    for (i = 0; i < a->chat->turns->nelts; i++)
        if (!is_system(&turns[i]))
            put_turn(a, &turns[i], turns[i].role);
    if (!a->any) {
        if (!a->chat->turns->nelts)
            wrong(a, "The conversation is empty");
        open_turn(a, LLM_ROLE_USER);
        if (system)
            put_system_words(a);
        else
            llm_gemini_put_text(a->e, (llm_span){ " ", 1 }, 0, NULL);
        system = 0;
    }
    close_turn(a);
    llm_emit_end_array(a->e);
    return system;
}

static void put_conversation(asking *a)
{
    if (!put_contents(a))
        return;
    llm_emit_object(a->e, "systemInstruction");
    llm_emit_array(a->e, "parts");
    put_system_words(a);
    llm_emit_end_array(a->e);
    llm_emit_end_object(a->e);
}

static llm_fault put_body(asking *a)
{
    put_conversation(a);
    llm_gemini_put_config(a->e, a->chat, a->how, a->lost);
    return a->fault ? a->fault : a->e->fault;
}

llm_fault llm_gemini_write_request(const llm_chat *chat,
                                   const llm_asking *how, llm_losses *lost,
                                   llm_buf *out, llm_fault_detail *detail)
{
    const size_t before = out->len;
    llm_emit e;
    asking a = { .e = &e, .chat = chat, .how = how, .lost = lost,
                 .detail = detail };
    llm_fault fault;

    llm_emit_begin(&e, out);
    llm_emit_object(&e, NULL);
    fault = put_body(&a);
    llm_emit_end_object(&e);
    if (!fault)
        fault = e.fault;
    if (fault)
        out->len = before;
    return fault;
}

/* countTokens takes contents alone, or a whole request in an envelope. */
llm_fault llm_gemini_write_count(const llm_chat *chat, const llm_asking *how,
                                 llm_losses *lost, llm_buf *out,
                                 llm_fault_detail *detail)
{
    const int whole = chat->tools->nelts || chat->schema.len
        || has_system(chat);
    const size_t before = out->len;
    llm_emit e;
    asking a = { .e = &e, .chat = chat, .how = how, .lost = lost,
                 .detail = detail };
    llm_fault fault;

    llm_emit_begin(&e, out);
    llm_emit_object(&e, NULL);
    if (whole) {
        llm_emit_object(&e, "generateContentRequest");
        llm_emit_string(&e, "model", llm_gemini_resource(how->model,
                                                         how->pool));
        fault = put_body(&a);
        llm_emit_end_object(&e);
    }
    else {
        put_conversation(&a);
        llm_lose_fields(lost, chat, ~0u);       /* they count nothing */
        fault = a.fault;
    }
    llm_emit_end_object(&e);
    if (!fault)
        fault = e.fault;
    if (fault)
        out->len = before;
    return fault;
}
