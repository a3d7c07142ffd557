/* A conversation as the messages of an OpenAI request. */
#include "openai_chat.h"
#include "../base/base64.h"
#include "../base/digest.h"
#include <string.h>
#include <apr_strings.h>

#define ID_MOST 40              /* OpenAI refuses longer ids of calls */

/* ---- ids ---------------------------------------------------------------- */

/* The same id for the same long one, for the call and for its result. */
static const char *short_id(const char *id, apr_pool_t *p)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char sum[LLM_DIGEST];
    char *made, *to;
    size_t i;

    if (strlen(id) <= ID_MOST)
        return id;
    llm_digest(sum, id, strlen(id));
    made = apr_palloc(p, 5 + 2 * LLM_DIGEST + 1);
    memcpy(made, "call_", 5);
    for (i = 0, to = made + 5; i < LLM_DIGEST; i++) {
        *to++ = hex[sum[i] >> 4];
        *to++ = hex[sum[i] & 15];
    }
    *to = '\0';
    return made;
}

static const char *made_id(llm_openai_asking *to)
{
    return apr_psprintf(to->how->pool, "call_%d", ++to->calls);
}

static const char *id_of_call(llm_openai_asking *to, const llm_part *part)
{
    llm_part *open = llm_parts_add(to->open, LLM_PART_CALL);

    open->id = part->id ? short_id(part->id, to->how->pool) : made_id(to);
    open->name = part->name;
    open->redacted = !part->id;
    return open->id;
}

/* A result without an id belongs to the first call of its tool that has
 * neither an id nor a result. */
static const char *id_of_result(llm_openai_asking *to, const llm_part *part)
{
    llm_part *open = (llm_part *)to->open->elts;
    int i, named;

    if (part->id)
        return short_id(part->id, to->how->pool);
    for (named = 1; named >= 0; named--)
        for (i = 0; i < to->open->nelts; i++) {
            if (!open[i].redacted || (named && (!part->name || strcmp(
                                          part->name, open[i].name))))
                continue;
            open[i].redacted = 0;
            return open[i].id;
        }
    return made_id(to);
}

/* ---- parts -------------------------------------------------------------- */

static void put_text(llm_emit *e, llm_span text)
{
    llm_emit_object(e, NULL);
    llm_emit_string(e, "type", "text");
    llm_emit_text(e, "text", text);
    llm_emit_end_object(e);
}

/* "data:<media>;base64,<data>", which may be long, without a copy of it. */
static void put_data_url(llm_openai_asking *to, const char *name,
                         const char *media, llm_span data)
{
    apr_pool_t *p = to->how->pool;
    const char *head = apr_pstrcat(p, "data:", media, ";base64,", NULL);
    const size_t n = strlen(head);
    char *url = apr_palloc(p, n + data.len);

    memcpy(url, head, n);
    memcpy(url + n, data.at, data.len);
    llm_emit_text(&to->e, name, (llm_span){ url, n + data.len });
}

static void put_image(llm_openai_asking *to, const llm_part *part)
{
    llm_emit *e = &to->e;

    llm_emit_object(e, NULL);
    llm_emit_string(e, "type", "image_url");
    llm_emit_object(e, "image_url");
    if (part->data.len)
        put_data_url(to, "url", part->media ? part->media : "image/png",
                     part->data);
    else
        llm_emit_string(e, "url", part->url);
    llm_emit_string(e, "detail", part->detail);
    llm_emit_end_object(e);
    llm_emit_end_object(e);
}

static const char *audio_format(const char *media)
{
    static const char *const formats[][2] = {
        { "audio/mpeg", "mp3" }, { "audio/x-wav", "wav" },
        { "audio/wave", "wav" }, { "audio/vnd.wave", "wav" },
    };
    size_t i;

    if (!media)
        return "wav";
    for (i = 0; i < sizeof formats / sizeof *formats; i++)
        if (!strcmp(formats[i][0], media))
            return formats[i][1];
    return llm_openai_bare(media);
}

static void put_audio(llm_openai_asking *to, const llm_part *part)
{
    llm_emit *e = &to->e;

    llm_emit_object(e, NULL);
    llm_emit_string(e, "type", "input_audio");
    llm_emit_object(e, "input_audio");
    llm_emit_text(e, "data", part->data);
    llm_emit_string(e, "format", audio_format(part->media));
    llm_emit_end_object(e);
    llm_emit_end_object(e);
}

static void put_file(llm_openai_asking *to, const llm_part *part)
{
    llm_emit *e = &to->e;

    llm_emit_object(e, NULL);
    llm_emit_string(e, "type", "file");
    llm_emit_object(e, "file");
    if (part->data.len) {
        put_data_url(to, "file_data", part->media ? part->media
                                                  : "application/pdf",
                     part->data);
        llm_emit_string(e, "filename", part->name ? part->name : "file.pdf");
    }
    else {
        llm_emit_string(e, "file_id", part->file_id);
        llm_emit_string(e, "filename", part->name);
    }
    llm_emit_end_object(e);
    llm_emit_end_object(e);
}

/* A file of text is text: OpenAI takes no other files than PDF. */
static int is_text_file(llm_openai_asking *to, const llm_part *part,
                        llm_span *text)
{
    if (part->kind != LLM_PART_FILE || !part->data.len || !part->media
        || strncmp(part->media, "text/", 5))
        return 0;
    *text = llm_base64_decode(part->data, LLM_BASE64_PLAIN, to->how->pool);
    return text->at != NULL;
}

/* 1 if there is a way to say it; what there is none for is lost. */
static int can_put(llm_openai_asking *to, const llm_part *part)
{
    const int sight = !to->how->facts->no_vision;
    int can = 1;

    switch (part->kind) {
    case LLM_PART_TEXT:
        break;
    case LLM_PART_IMAGE:
        if (!(can = sight && (part->data.len || part->url)))
            llm_lose(to->lost, "image");
        break;
    case LLM_PART_AUDIO:
        if (!(can = part->data.len != 0))
            llm_lose(to->lost, "audio");
        break;
    case LLM_PART_FILE:
        if (!(can = part->data.len || part->file_id))
            llm_lose(to->lost, "file");
        break;
    case LLM_PART_REASONING:
        llm_lose_hint(to->lost, "reasoning");
        return 0;
    default:
        return 0;
    }
    return can;
}

static void put_part(llm_openai_asking *to, const llm_part *part)
{
    llm_span text;

    if (part->kind == LLM_PART_TEXT)
        put_text(&to->e, part->text);
    else if (part->kind == LLM_PART_IMAGE)
        put_image(to, part);
    else if (part->kind == LLM_PART_AUDIO)
        put_audio(to, part);
    else if (is_text_file(to, part, &text))
        put_text(&to->e, text);
    else
        put_file(to, part);
}

/* ---- contents ----------------------------------------------------------- */

/* The parts that can be said, of a turn's and of its results' what stands
 * not in their own messages. */
static void choose_parts(llm_openai_asking *to,
                         const apr_array_header_t *parts,
                         apr_array_header_t *chosen, int but_text)
{
    const llm_part *at = (const llm_part *)parts->elts;
    llm_span text;
    int i;

    for (i = 0; i < parts->nelts; i++) {
        const int is_text = at[i].kind == LLM_PART_TEXT
            || is_text_file(to, &at[i], &text);

        if ((but_text && is_text) || !can_put(to, &at[i]))
            continue;
        *llm_parts_add(chosen, at[i].kind) = at[i];
    }
}

/* A single text as a string: compatible servers know it best. */
static void put_content(llm_openai_asking *to,
                        const apr_array_header_t *parts)
{
    const llm_part *at = (const llm_part *)parts->elts;
    int i;

    if (!parts->nelts)
        llm_emit_string(&to->e, "content", "");
    else if (parts->nelts == 1 && at->kind == LLM_PART_TEXT)
        llm_emit_text(&to->e, "content", at->text);
    else {
        llm_emit_array(&to->e, "content");
        for (i = 0; i < parts->nelts; i++)
            put_part(to, &at[i]);
        llm_emit_end_array(&to->e);
    }
}

static void open_message(llm_openai_asking *to, const char *role,
                         const char *name)
{
    llm_emit_object(&to->e, NULL);
    llm_emit_string(&to->e, "role", role);
    llm_emit_string(&to->e, "name", name);
}

/* ---- turns -------------------------------------------------------------- */

static void put_result(llm_openai_asking *to, const llm_part *part)
{
    apr_array_header_t *texts = llm_parts_make(to->how->pool);
    const llm_part *at = (const llm_part *)part->parts->elts;
    llm_span text;
    int i;

    for (i = 0; i < part->parts->nelts; i++)
        if (at[i].kind == LLM_PART_TEXT)
            *llm_parts_add(texts, LLM_PART_TEXT) = at[i];
        else if (is_text_file(to, &at[i], &text))
            llm_parts_add(texts, LLM_PART_TEXT)->text = text;
    if (part->failed)
        llm_lose_hint(to->lost, "is_error");
    open_message(to, "tool", NULL);
    llm_emit_string(&to->e, "tool_call_id", id_of_result(to, part));
    put_content(to, texts);
    llm_emit_end_object(&to->e);
}

/* Results first, each a message of its own. Images and files that they hold
 * have no place there: they open the user's message after them. */
static void put_user(llm_openai_asking *to, const llm_turn *turn)
{
    apr_array_header_t *rest = llm_parts_make(to->how->pool);
    const llm_part *parts = (const llm_part *)turn->parts->elts;
    int i, results = 0;

    for (i = 0; i < turn->parts->nelts; i++)
        if (parts[i].kind == LLM_PART_RESULT) {
            put_result(to, &parts[i]);
            choose_parts(to, parts[i].parts, rest, 1);
            results++;
        }
    choose_parts(to, turn->parts, rest, 0);
    if (results && !rest->nelts)
        return;
    open_message(to, "user", turn->name);
    put_content(to, rest);
    llm_emit_end_object(&to->e);
}

static void put_system(llm_openai_asking *to, const llm_turn *turn)
{
    apr_array_header_t *parts = llm_parts_make(to->how->pool);
    const int developer = turn->role == LLM_ROLE_DEVELOPER && to->thinks;

    choose_parts(to, turn->parts, parts, 0);
    if (!parts->nelts)
        return;
    open_message(to, developer ? "developer" : "system", turn->name);
    put_content(to, parts);
    llm_emit_end_object(&to->e);
}

static int count_of(const llm_turn *turn, llm_part_kind kind)
{
    const llm_part *parts = (const llm_part *)turn->parts->elts;
    int i, n = 0;

    for (i = 0; i < turn->parts->nelts; i++)
        n += parts[i].kind == kind;
    return n;
}

static void put_calls(llm_openai_asking *to, const llm_turn *turn)
{
    const llm_part *parts = (const llm_part *)turn->parts->elts;
    llm_emit *e = &to->e;
    int i;

    llm_emit_array(e, "tool_calls");
    for (i = 0; i < turn->parts->nelts; i++) {
        if (parts[i].kind != LLM_PART_CALL)
            continue;
        llm_emit_object(e, NULL);
        llm_emit_string(e, "id", id_of_call(to, &parts[i]));
        llm_emit_string(e, "type", "function");
        llm_emit_object(e, "function");
        llm_emit_string(e, "name", parts[i].name ? parts[i].name : "");
        llm_emit_text(e, "arguments", parts[i].text.len
                      ? parts[i].text : (llm_span){ "{}", 2 });
        llm_emit_end_object(e);
        llm_emit_end_object(e);
    }
    llm_emit_end_array(e);
}

static void put_refusals(llm_openai_asking *to, const llm_turn *turn)
{
    const llm_part *parts = (const llm_part *)turn->parts->elts;
    llm_emit *e = &to->e;
    int i;

    llm_emit_array(e, "content");
    for (i = 0; i < turn->parts->nelts; i++)
        if (parts[i].kind == LLM_PART_TEXT)
            put_text(e, parts[i].text);
        else if (parts[i].kind == LLM_PART_REFUSAL) {
            llm_emit_object(e, NULL);
            llm_emit_string(e, "type", "refusal");
            llm_emit_text(e, "refusal", parts[i].text);
            llm_emit_end_object(e);
        }
    llm_emit_end_array(e);
}

/* Text or null, or with a refusal the parts. A lone refusal has a member of
 * its own that says the same. */
static void put_words(llm_openai_asking *to, const llm_turn *turn, int calls)
{
    apr_array_header_t *texts = llm_parts_make(to->how->pool);
    const llm_part *parts = (const llm_part *)turn->parts->elts;
    const int refusals = count_of(turn, LLM_PART_REFUSAL);
    int i;

    choose_parts(to, turn->parts, texts, 0);
    if (refusals && (texts->nelts || refusals > 1))
        put_refusals(to, turn);
    else if (refusals) {
        llm_emit_null(&to->e, "content");
        for (i = 0; i < turn->parts->nelts; i++)
            if (parts[i].kind == LLM_PART_REFUSAL)
                llm_emit_text(&to->e, "refusal", parts[i].text);
    }
    else if (calls && !texts->nelts)
        llm_emit_null(&to->e, "content");
    else
        put_content(to, texts);
}

/* These providers refuse a turn with calls that comes back without the
 * thoughts before them; the others know no such member. */
static int wants_thoughts(const char *model)
{
    static const char *const begins[] = { "deepseek", "kimi", "glm-" };
    const char *bare = llm_openai_bare(model);
    size_t i;

    for (i = 0; i < sizeof begins / sizeof *begins; i++)
        if (!strncmp(bare, begins[i], strlen(begins[i])))
            return 1;
    return 0;
}

static llm_turn without_thoughts(llm_openai_asking *to, const llm_turn *turn)
{
    llm_turn left = *turn;
    const llm_part *parts = (const llm_part *)turn->parts->elts;
    llm_buf all;
    int i;

    left.parts = llm_parts_make(to->how->pool);
    llm_buf_init(&all, to->e.out->ceiling);
    for (i = 0; i < turn->parts->nelts; i++)
        if (parts[i].kind != LLM_PART_REASONING)
            *llm_parts_add(left.parts, parts[i].kind) = parts[i];
        else if (!parts[i].redacted && !to->e.fault)
            to->e.fault = llm_buf_add(&all, parts[i].text.at,
                                      parts[i].text.len);
    if (all.len)
        llm_emit_text(&to->e, "reasoning_content",
                      (llm_span){ all.data, all.len });
    llm_buf_free(&all);
    return left;
}

static void put_assistant(llm_openai_asking *to, const llm_turn *turn)
{
    const int calls = count_of(turn, LLM_PART_CALL);
    llm_turn left = *turn;

    apr_array_clear(to->open);
    open_message(to, "assistant", turn->name);
    if (calls && wants_thoughts(to->how->model))
        left = without_thoughts(to, turn);
    put_words(to, &left, calls);
    if (calls)
        put_calls(to, turn);
    llm_emit_end_object(&to->e);
}

/* A prefill is passed: compatible servers take it, and OpenAI's own models
 * read it as a message of theirs. */
void llm_openai_put_messages(llm_openai_asking *to)
{
    const llm_turn *turns = (const llm_turn *)to->chat->turns->elts;
    int i, n = to->chat->turns->nelts;

    if (to->how->facts->no_prefill && n
        && turns[n - 1].role == LLM_ROLE_ASSISTANT) {
        llm_lose(to->lost, "prefill");
        n--;
    }
    llm_emit_array(&to->e, "messages");
    for (i = 0; i < n; i++)
        if (turns[i].role == LLM_ROLE_ASSISTANT)
            put_assistant(to, &turns[i]);
        else if (turns[i].role == LLM_ROLE_USER)
            put_user(to, &turns[i]);
        else
            put_system(to, &turns[i]);
    llm_emit_end_array(&to->e);
}
