/* A Gemini client's conversation: contents and systemInstruction. */
#include "carry.h"
#include "gemini.h"
#include <string.h>
#include <strings.h>
#include <apr_hash.h>
#include <apr_strings.h>

/* ---- one part ----------------------------------------------------------- */

typedef struct reading_part {
    llm_part part;
    int things;                 /* what it holds; must be one */
    int foreign;                /* it holds something without a place here */
    int thought;
    const char *signature;
} reading_part;

/* The members of what stands in a part are read into the llm_part. */
static llm_fault inner(llm_gemini_in *in, const llm_json *value,
                       const llm_gemini_at *at, const llm_gemini_row *rows)
{
    void *outer = in->to;
    llm_fault fault;

    in->to = &((reading_part *)outer)->part;
    fault = llm_gemini_each(in, value, at, rows);
    in->to = outer;
    return fault;
}

static llm_fault text(llm_gemini_in *in, const llm_gemini_row *row,
                      const llm_json *value, const llm_gemini_at *at)
{
    reading_part *to = in->to;

    (void)row;
    to->part.text = llm_json_span(value);
    if (!to->part.text.at)
        return llm_gemini_wrong(in, at, "The text must be a string");
    to->part.kind = LLM_PART_TEXT;
    to->things++;
    return LLM_OK;
}

/* Proto JSON takes base64 of either alphabet; everyone else takes one. */
static llm_span plain_base64(llm_span data, apr_pool_t *p)
{
    llm_span plain = { NULL, data.len };
    char *to;
    size_t i;

    if (!memchr(data.at, '-', data.len) && !memchr(data.at, '_', data.len))
        return data;
    plain.at = to = apr_palloc(p, data.len + 4);
    for (i = 0; i < data.len; i++)
        to[i] = data.at[i] == '-' ? '+' : data.at[i] == '_' ? '/'
                                                            : data.at[i];
    while (plain.len % 4)
        to[plain.len++] = '=';
    to[plain.len] = '\0';
    return plain;
}

static llm_fault data(llm_gemini_in *in, const llm_gemini_row *row,
                      const llm_json *value, const llm_gemini_at *at)
{
    llm_span span = llm_json_span(value);

    (void)row;
    if (!span.at)
        return llm_gemini_wrong(in, at, "The data must be base64 in a string");
    ((llm_part *)in->to)->data = plain_base64(span, in->pool);
    return LLM_OK;
}

/* What only Google can fetch is a file of the provider. */
static llm_fault uri(llm_gemini_in *in, const llm_gemini_row *row,
                     const llm_json *value, const llm_gemini_at *at)
{
    llm_part *part = in->to;
    const char *word = llm_json_word(value);

    (void)row;
    if (!word)
        return llm_gemini_wrong(in, at, "The URI must be a string");
    if (!strncasecmp(word, "http", 4)
        && !strstr(word, "generativelanguage.googleapis.com/"))
        part->url = word;
    else
        part->file_id = word;
    return LLM_OK;
}

static const llm_gemini_row blob_rows[] = {
    { "mimeType", llm_gemini_word, offsetof(llm_part, media), 0 },
    { "data", data, 0, 0 },
    { "fileUri", uri, 0, 0 },
    { "displayName", llm_gemini_word, offsetof(llm_part, name), 0 },
    { NULL, llm_gemini_unknown, 0, 0 }
};

static llm_part_kind kind_of_media(const char *media)
{
    if (media && !strncasecmp(media, "image/", 6))
        return LLM_PART_IMAGE;
    if (media && !strncasecmp(media, "audio/", 6))
        return LLM_PART_AUDIO;
    return LLM_PART_FILE;
}

static llm_fault blob(llm_gemini_in *in, const llm_gemini_row *row,
                      const llm_json *value, const llm_gemini_at *at)
{
    reading_part *to = in->to;
    llm_fault fault = inner(in, value, at, blob_rows);

    (void)row;
    if (fault)
        return fault;
    if (!to->part.data.len && !to->part.url && !to->part.file_id)
        return llm_gemini_wrong(in, at, "There is neither data nor a URI");
    to->part.kind = kind_of_media(to->part.media);
    if (to->part.kind != LLM_PART_FILE)
        to->part.name = NULL;
    to->things++;
    return LLM_OK;
}

/* ---- calls and results -------------------------------------------------- */

static llm_fault object(llm_gemini_in *in, const llm_gemini_row *row,
                        const llm_json *value, const llm_gemini_at *at)
{
    (void)row;
    if (llm_json_kind_of(value) != LLM_JSON_OBJECT)
        return llm_gemini_wrong(in, at, "This must be an object");
    ((llm_part *)in->to)->text = llm_json_text(value, in->pool);
    return LLM_OK;
}

static const llm_gemini_row call_rows[] = {
    { "id", llm_gemini_word, offsetof(llm_part, id), 0 },
    { "name", llm_gemini_word, offsetof(llm_part, name), 0 },
    { "args", object, 0, 0 },
    { NULL, llm_gemini_unknown, 0, 0 }
};

static llm_fault call(llm_gemini_in *in, const llm_gemini_row *row,
                      const llm_json *value, const llm_gemini_at *at)
{
    reading_part *to = in->to;
    llm_fault fault = inner(in, value, at, call_rows);

    (void)row;
    if (fault)
        return fault;
    if (!to->part.name || !*to->part.name)
        return llm_gemini_wrong(in, at, "The call names no function");
    to->part.kind = LLM_PART_CALL;
    to->things++;
    return LLM_OK;
}

/* {"output":"..."} and {"result":"..."} are only a wrapping, as Google's own
 * libraries make it; {"error":...} says that the tool failed. */
static llm_fault response(llm_gemini_in *in, const llm_gemini_row *row,
                          const llm_json *value, const llm_gemini_at *at)
{
    llm_part *part = in->to;
    const llm_json *error = llm_json_member(value, "error");
    llm_span only = { NULL, 0 };

    (void)row;
    if (llm_json_kind_of(value) != LLM_JSON_OBJECT)
        return llm_gemini_wrong(in, at, "The response must be an object");
    if (llm_json_count(value) == 1) {
        part->failed = error && llm_json_kind_of(error) != LLM_JSON_NULL;
        only = llm_json_span(part->failed ? error
                             : llm_json_member(value, "output"));
        if (!only.at && !part->failed)
            only = llm_json_span(llm_json_member(value, "result"));
        if (!only.at && part->failed)
            only = llm_json_text(error, in->pool);
    }
    part->text = only.at ? only : llm_json_text(value, in->pool);
    return LLM_OK;
}

static llm_fault other(llm_gemini_in *in, const llm_gemini_row *row,
                       const llm_json *value, const llm_gemini_at *at)
{
    ((reading_part *)in->to)->foreign = 1;
    return llm_gemini_unknown(in, row, value, at);
}

static const llm_gemini_row media_rows[] = {
    { "inlineData", blob, 0, 0 },
    { "fileData", blob, 0, 0 },
    { NULL, other, 0, 0 }
};

static llm_fault result_part(llm_gemini_in *in, const llm_gemini_row *row,
                             const llm_json *value, const llm_gemini_at *at)
{
    llm_part *result = in->to;
    reading_part media = { .things = 0 };
    llm_fault fault;

    (void)row;
    in->to = &media;
    fault = llm_gemini_each(in, value, at, media_rows);
    in->to = result;
    if (!fault && media.things) {
        if (!result->parts)
            result->parts = llm_parts_make(in->pool);
        *llm_parts_add(result->parts, media.part.kind) = media.part;
    }
    return fault;
}

static llm_fault result_parts(llm_gemini_in *in, const llm_gemini_row *row,
                              const llm_json *value, const llm_gemini_at *at)
{
    return llm_gemini_list(in, row, value, at, result_part);
}

static const llm_gemini_row response_rows[] = {
    { "id", llm_gemini_word, offsetof(llm_part, id), 0 },
    { "name", llm_gemini_word, offsetof(llm_part, name), 0 },
    { "response", response, 0, 0 },
    { "parts", result_parts, 0, 0 },
    { NULL, llm_gemini_unknown, 0, 0 }
};

/* The words stand in the result's parts, before what else it holds. */
static llm_fault result(llm_gemini_in *in, const llm_gemini_row *row,
                        const llm_json *value, const llm_gemini_at *at)
{
    reading_part *to = in->to;
    llm_part *part = &to->part;
    llm_fault fault = inner(in, value, at, response_rows);
    apr_array_header_t *parts = llm_parts_make(in->pool);

    (void)row;
    if (fault)
        return fault;
    if (!part->name || !*part->name)
        return llm_gemini_wrong(in, at, "The response names no function");
    if (!part->text.at)
        return llm_gemini_wrong(in, at, "There is no response in it");
    llm_parts_add(parts, LLM_PART_TEXT)->text = part->text;
    if (part->parts)
        apr_array_cat(parts, part->parts);
    part->parts = parts;
    part->text = (llm_span){ NULL, 0 };
    part->kind = LLM_PART_RESULT;
    to->things++;
    return LLM_OK;
}

static const llm_gemini_row part_rows[] = {
    { "text", text, 0, 0 },
    { "thought", llm_gemini_flag, offsetof(reading_part, thought), 0 },
    { "thoughtSignature", llm_gemini_word,
      offsetof(reading_part, signature), 0 },
    { "inlineData", blob, 0, 0 },
    { "fileData", blob, 0, 0 },
    { "functionCall", call, 0, 0 },
    { "functionResponse", result, 0, 0 },
    { NULL, other, 0, 0 }
};

/* ---- a turn ------------------------------------------------------------- */

typedef struct reading_turn {
    llm_role role;
    int known;                  /* the role was said */
    const llm_json *parts;
    const char *parts_name;
    apr_array_header_t *list;   /* of llm_part */
    size_t number;              /* of the turn */
    int carried;                /* reasoning came in an id */
} reading_turn;

/* Signed reasoning from an id takes the place of its words, which a client
 * has as thoughts without their signature. */
static void drop_thoughts(reading_turn *turn, apr_pool_t *p)
{
    const llm_part *parts = (const llm_part *)turn->list->elts;
    apr_array_header_t *rest = llm_parts_make(p);
    int i;

    for (i = 0; i < turn->list->nelts; i++)
        if (parts[i].kind != LLM_PART_REASONING)
            *llm_parts_add(rest, parts[i].kind) = parts[i];
    turn->list = rest;
}

static void unpack_id(llm_gemini_in *in, reading_turn *turn, llm_part *part)
{
    apr_array_header_t *reasoning = llm_parts_make(in->pool);
    const char *signature = NULL;

    part->id = llm_carry_unpack(part->id, &signature, reasoning, in->pool);
    if (part->kind != LLM_PART_CALL)
        return;
    if (!part->signature)
        part->signature = signature;
    if (reasoning->nelts && !turn->carried) {
        drop_thoughts(turn, in->pool);
        turn->carried = 1;
    }
    apr_array_cat(turn->list, reasoning);
}

static void finish_part(llm_gemini_in *in, reading_turn *turn,
                        reading_part *read, const llm_gemini_at *at)
{
    llm_part *part = &read->part;

    if (read->thought && part->kind == LLM_PART_TEXT
        && turn->role == LLM_ROLE_ASSISTANT) {
        part->kind = LLM_PART_REASONING;
        if (read->signature)
            llm_gemini_hint(in, NULL, NULL, at);
    }
    else {
        part->signature = read->signature;
    }
    if (part->id && !*part->id)
        part->id = NULL;
    if (part->id)
        unpack_id(in, turn, part);
    else if (part->kind == LLM_PART_CALL)
        part->id = apr_psprintf(in->pool, "call_%" APR_SIZE_T_FMT
                                "_%" APR_SIZE_T_FMT, turn->number, at->index);
    *llm_parts_add(turn->list, part->kind) = *part;
}

static llm_fault one_part(llm_gemini_in *in, const llm_gemini_row *row,
                          const llm_json *value, const llm_gemini_at *at)
{
    reading_turn *turn = in->to;
    reading_part read = { .things = 0 };
    llm_fault fault;

    (void)row;
    in->to = &read;
    fault = llm_gemini_each(in, value, at, part_rows);
    in->to = turn;
    if (fault)
        return fault;
    if (read.things > 1)
        return llm_gemini_wrong(in, at, "A part must hold one thing only");
    if (!read.things && read.signature) {
        read.part.kind = LLM_PART_TEXT;
        read.part.text.at = "";
        read.things = 1;
    }
    if (read.things)
        finish_part(in, turn, &read, at);
    else if (!read.foreign)
        return llm_gemini_wrong(in, at, "The part is empty");
    return LLM_OK;
}

static llm_fault role(llm_gemini_in *in, const llm_gemini_row *row,
                      const llm_json *value, const llm_gemini_at *at)
{
    static const struct {
        const char *word;
        llm_role role;
    } roles[] = {
        { "user", LLM_ROLE_USER }, { "model", LLM_ROLE_ASSISTANT },
        { "function", LLM_ROLE_USER }, { "", LLM_ROLE_USER },
    };
    reading_turn *turn = in->to;
    const char *word = llm_json_word(value);
    size_t i;

    (void)row;
    if (turn->known)            /* a system's */
        return LLM_OK;
    for (i = 0; word && i < sizeof roles / sizeof *roles; i++)
        if (!strcmp(roles[i].word, word)) {
            turn->role = roles[i].role;
            return LLM_OK;
        }
    return llm_gemini_wrong(in, at, "The role must be user or model; what "
                            "the system says is systemInstruction's");
}

/* Kept until the role is known, which may come after them. */
static llm_fault parts(llm_gemini_in *in, const llm_gemini_row *row,
                       const llm_json *value, const llm_gemini_at *at)
{
    reading_turn *turn = in->to;

    (void)row;
    turn->parts = value;
    turn->parts_name = at->name;
    return LLM_OK;
}

static const llm_gemini_row content_rows[] = {
    { "role", role, 0, 0 },
    { "parts", parts, 0, 0 },
    { NULL, llm_gemini_unknown, 0, 0 }
};

static llm_fault read_turn(llm_gemini_in *in, const llm_json *value,
                           const llm_gemini_at *at, reading_turn *turn)
{
    void *outer = in->to;
    llm_gemini_at here = { at, NULL, 0 };
    llm_fault fault;

    turn->list = llm_parts_make(in->pool);
    in->to = turn;
    fault = llm_gemini_each(in, value, at, content_rows);
    here.name = turn->parts_name;
    if (!fault && turn->parts)
        fault = llm_gemini_list(in, NULL, turn->parts, &here, one_part);
    in->to = outer;
    if (!fault)
        llm_chat_turn(in->chat, turn->role)->parts = turn->list;
    return fault;
}

llm_fault llm_gemini_read_content(llm_gemini_in *in,
                                  const llm_gemini_row *row,
                                  const llm_json *value,
                                  const llm_gemini_at *at)
{
    reading_turn turn = { .role = LLM_ROLE_USER, .number = at->index };

    (void)row;
    return read_turn(in, value, at, &turn);
}

llm_fault llm_gemini_read_system(llm_gemini_in *in, const llm_gemini_row *row,
                                 const llm_json *value,
                                 const llm_gemini_at *at)
{
    reading_turn turn = { .role = LLM_ROLE_SYSTEM, .known = 1 };
    llm_span words = llm_json_span(value);
    llm_turn *system;

    (void)row;
    if (!words.at)
        return read_turn(in, value, at, &turn);
    system = llm_chat_turn(in->chat, LLM_ROLE_SYSTEM);
    llm_turn_part(system, LLM_PART_TEXT, in->pool)->text = words;
    return LLM_OK;
}
