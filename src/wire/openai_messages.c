/* The conversation of an OpenAI request, read. */
#include "openai_chat.h"
#include "carry.h"
#include <string.h>
#include <apr_strings.h>

/* ---- parts -------------------------------------------------------------- */

/* "data:image/png;base64,..."; 0 if it is no such URL. */
static int split_data(llm_openai_reading *in, llm_span url, llm_part *part)
{
    static const char scheme[] = "data:", coding[] = ";base64";
    const char *comma, *end, *type = url.at + sizeof scheme - 1;

    if (url.len < sizeof scheme
        || strncasecmp(url.at, scheme, sizeof scheme - 1)
        || !(comma = memchr(url.at, ',', url.len))
        || comma - type < (long)sizeof coding - 1
        || strncasecmp(comma - (sizeof coding - 1), coding,
                       sizeof coding - 1))
        return 0;
    end = memchr(type, ';', comma - type);
    part->media = end > type ? apr_pstrmemdup(in->chat->pool, type, end - type)
                             : "application/octet-stream";
    part->data.at = comma + 1;
    part->data.len = url.at + url.len - part->data.at;
    return 1;
}

static llm_fault read_text(llm_openai_reading *in, const llm_openai_place *at,
                           const llm_json *it, const char *name,
                           llm_part *part)
{
    part->text = llm_json_span(llm_json_member(it, name));
    return part->text.at ? LLM_OK
        : llm_openai_wrong(in, at, name, "must be a string");
}

static llm_fault read_image(llm_openai_reading *in, const llm_openai_place *at,
                            const llm_json *it, const char *name,
                            llm_part *part)
{
    static const char *const known[] = { "url", "detail", NULL };
    const llm_openai_place inner = { at, name, -1 };
    const llm_json *image = llm_json_member(it, name);
    const int bare = llm_json_kind_of(image) == LLM_JSON_STRING;
    const llm_json *url = bare ? image : llm_json_member(image, "url");
    llm_fault fault = LLM_OK;

    part->url = llm_json_word(url);
    if (!part->url || !*part->url)
        return llm_openai_wrong(in, &inner, "url", "must be a URL");
    if (!bare)
        fault = llm_openai_word(in, &inner, image, "detail", &part->detail);
    if (part->detail && !strcmp(part->detail, "auto"))
        part->detail = NULL;
    if (split_data(in, llm_json_span(url), part))
        part->url = NULL;
    llm_openai_others(in, &inner, image, known, NULL);
    return fault;
}

static llm_fault read_audio(llm_openai_reading *in, const llm_openai_place *at,
                            const llm_json *it, const char *name,
                            llm_part *part)
{
    static const char *const known[] = { "data", "format", NULL };
    const llm_openai_place inner = { at, name, -1 };
    const llm_json *audio = llm_json_member(it, name);
    const char *format = llm_json_word(llm_json_member(audio, "format"));

    part->data = llm_json_span(llm_json_member(audio, "data"));
    if (!part->data.len)
        return llm_openai_wrong(in, &inner, "data", "must be base64");
    if (!format || !*format)
        return llm_openai_wrong(in, &inner, "format", "must be wav or mp3");
    part->media = !strcmp(format, "mp3") ? "audio/mpeg"
        : apr_pstrcat(in->chat->pool, "audio/", format, NULL);
    llm_openai_others(in, &inner, audio, known, NULL);
    return LLM_OK;
}

static llm_fault read_file(llm_openai_reading *in, const llm_openai_place *at,
                           const llm_json *it, const char *name,
                           llm_part *part)
{
    static const char *const known[] = { "file_id", "file_data", "filename",
                                         NULL };
    const llm_openai_place inner = { at, name, -1 };
    const llm_json *file = llm_json_member(it, name);
    const llm_span data = llm_json_span(llm_json_member(file, "file_data"));
    llm_fault fault = llm_openai_word(in, &inner, file, "file_id",
                                      &part->file_id);

    if (!fault)
        fault = llm_openai_word(in, &inner, file, "filename", &part->name);
    if (fault)
        return fault;
    if (!data.len && !part->file_id)
        return llm_openai_wrong(in, &inner, "file_data",
                                "must be a data: URL, or file_id be given");
    llm_openai_others(in, &inner, file, known, NULL);
    if (!data.len || split_data(in, data, part))
        return LLM_OK;
    if (data.len > 8 && (!strncasecmp(data.at, "https://", 8)
                         || !strncasecmp(data.at, "http://", 7)))
        part->url = llm_json_word(llm_json_member(file, "file_data"));
    else {
        part->data = data;
        part->media = "application/pdf";
    }
    return LLM_OK;
}

static const struct part_type {
    const char *type, *member;
    llm_part_kind kind;
    llm_fault (*read)(llm_openai_reading *in, const llm_openai_place *at,
                      const llm_json *it, const char *name, llm_part *part);
} part_types[] = {
    { "text", "text", LLM_PART_TEXT, read_text },
    { "refusal", "refusal", LLM_PART_REFUSAL, read_text },
    { "image_url", "image_url", LLM_PART_IMAGE, read_image },
    { "input_audio", "input_audio", LLM_PART_AUDIO, read_audio },
    { "file", "file", LLM_PART_FILE, read_file },
};

static const struct part_type *type_of(const char *type)
{
    size_t i;

    for (i = 0; i < sizeof part_types / sizeof *part_types; i++)
        if (!strcmp(part_types[i].type, type))
            return &part_types[i];
    return NULL;
}

static llm_fault read_part(llm_openai_reading *in, const llm_openai_place *at,
                           const llm_json *it, apr_array_header_t *parts)
{
    const char *known[] = { "type", NULL, "cache_control", NULL };
    const struct part_type *row;
    const char *type;
    llm_part *part;
    llm_fault fault;

    if (llm_json_kind_of(it) != LLM_JSON_OBJECT)
        return llm_openai_wrong(in, at, NULL, "must be an object");
    fault = llm_openai_word(in, at, it, "type", &type);
    if (fault)
        return fault;
    if (!type)
        return llm_openai_wrong(in, at, "type", "is missing");
    row = type_of(type);
    if (!row) {
        llm_openai_unknown(in, at, "type");
        return LLM_OK;
    }
    part = llm_parts_add(parts, row->kind);
    fault = row->read(in, at, it, row->member, part);
    if (fault)
        return fault;
    part->cache = llm_openai_cache(in, at, it);
    known[1] = row->member;
    llm_openai_others(in, at, it, known, NULL);
    if (row->read == read_text && !part->text.len)
        apr_array_pop(parts);
    return LLM_OK;
}

llm_fault llm_openai_read_content(llm_openai_reading *in,
                                  const llm_openai_place *at,
                                  const llm_json *message,
                                  apr_array_header_t *parts)
{
    const llm_json *content = llm_json_member(message, "content");
    llm_fault fault = LLM_OK;
    llm_span text;
    size_t i;

    switch (llm_json_kind_of(content)) {
    case LLM_JSON_STRING:
        text = llm_json_span(content);
        if (text.len)
            llm_parts_add(parts, LLM_PART_TEXT)->text = text;
        return LLM_OK;
    case LLM_JSON_ARRAY:
        for (i = 0; i < llm_json_count(content) && !fault; i++) {
            const llm_openai_place inner = { at, "content", (int)i };

            fault = read_part(in, &inner, llm_json_element(content, i), parts);
        }
        return fault;
    default:
        return llm_openai_wrong(in, at, "content",
                                "must be a string or a list of parts");
    }
}

/* What a message says of itself beside its content. */
static llm_fault finish_message(llm_openai_reading *in,
                                const llm_openai_place *at,
                                const llm_json *message, llm_turn *turn,
                                const char *const *known)
{
    static const char *const hints[] = {
        "annotations", "reasoning_details", "provider_specific_fields", NULL
    };
    llm_chat *chat = in->chat;
    const char *cache = llm_openai_cache(in, at, message);
    llm_fault fault;

    llm_openai_others(in, at, message, known, hints);
    if (cache && turn->parts->nelts)
        ((llm_part *)turn->parts->elts)[turn->parts->nelts - 1].cache = cache;
    fault = llm_openai_word(in, at, message, "name", &turn->name);
    if (turn->name && !*turn->name)
        turn->name = NULL;
    if (turn->name && !chat->given[LLM_FIELD_SPEAKER])
        chat->given[LLM_FIELD_SPEAKER]
            = llm_openai_path(at, "name", chat->pool);
    return fault;
}

/* ---- messages, by role -------------------------------------------------- */

static llm_fault read_said(llm_openai_reading *in, const llm_openai_place *at,
                           const llm_json *message, llm_role role)
{
    static const char *const known[] = { "role", "content", "name",
                                         "cache_control", NULL };
    llm_turn *turn = llm_chat_turn(in->chat, role);
    llm_fault fault = llm_openai_read_content(in, at, message, turn->parts);

    return fault ? fault : finish_message(in, at, message, turn, known);
}

/* What follows on tool results without a name of its own belongs to them:
 * other dialects have both in one message. */
static llm_fault read_user(llm_openai_reading *in, const llm_openai_place *at,
                           const llm_json *message, llm_role role)
{
    static const char *const known[] = { "role", "content", "name",
                                         "cache_control", NULL };
    const char *name = llm_json_word(llm_json_member(message, "name"));
    llm_turn *turn;
    llm_fault fault;

    if (!in->after_tool || (name && *name))
        return read_said(in, at, message, role);
    turn = llm_chat_same_turn(in->chat, role);
    fault = llm_openai_read_content(in, at, message, turn->parts);
    return fault ? fault : finish_message(in, at, message, turn, known);
}

static llm_fault read_arguments(llm_openai_reading *in,
                                const llm_openai_place *at,
                                const llm_json *function, llm_part *part)
{
    static const char *const known[] = { "name", "arguments", NULL };
    const llm_json *arguments = llm_json_member(function, "arguments");
    llm_fault fault = llm_openai_word(in, at, function, "name", &part->name);

    if (fault)
        return fault;
    if (!part->name || !*part->name)
        return llm_openai_wrong(in, at, "name", "is missing");
    if (llm_json_kind_of(arguments) != LLM_JSON_STRING
        && llm_json_kind_of(arguments) != LLM_JSON_OBJECT
        && llm_json_kind_of(arguments) != LLM_JSON_NULL)
        return llm_openai_wrong(in, at, "arguments", "must be a string");
    part->text = llm_openai_arguments(function, in->chat->pool);
    llm_openai_others(in, at, function, known, NULL);
    return LLM_OK;
}

/* What the first call's id carries was thought before all else in the turn;
 * what a later one's does, before that call. */
static void put_carried(llm_turn *turn, const apr_array_header_t *carried,
                        int at)
{
    llm_part *parts;
    int i, n = carried->nelts, old = turn->parts->nelts;

    for (i = 0; i < n; i++)
        llm_parts_add(turn->parts, LLM_PART_REASONING);
    parts = (llm_part *)turn->parts->elts;
    memmove(parts + at + n, parts + at, (old - at) * sizeof *parts);
    memcpy(parts + at, carried->elts, n * sizeof *parts);
}

/* The same thoughts without their proof, which an id brought. */
static void drop_unsigned(llm_turn *turn)
{
    llm_part *parts = (llm_part *)turn->parts->elts;

    if (!turn->parts->nelts || parts[0].kind != LLM_PART_REASONING
        || parts[0].signature || parts[0].redacted)
        return;
    memmove(parts, parts + 1, (turn->parts->nelts - 1) * sizeof *parts);
    turn->parts->nelts--;
}

static void take_id(llm_openai_reading *in, llm_turn *turn, const char *id,
                    llm_part *call, int first)
{
    apr_pool_t *p = in->chat->pool;
    apr_array_header_t *carried = llm_parts_make(p);

    call->id = llm_carry_unpack(id, &call->signature, carried, p);
    if (!carried->nelts)
        return;
    if (first)
        drop_unsigned(turn);
    put_carried(turn, carried, first ? 0 : turn->parts->nelts);
}

static llm_fault read_call(llm_openai_reading *in, const llm_openai_place *at,
                           const llm_json *it, llm_turn *turn, int first)
{
    static const char *const known[] = { "id", "type", "function", "index",
                                         NULL };
    const llm_openai_place inner = { at, "function", -1 };
    const llm_json *function = llm_json_member(it, "function");
    llm_part call = { .kind = LLM_PART_CALL };
    const char *id, *type;
    llm_fault fault;

    if (llm_json_kind_of(it) != LLM_JSON_OBJECT)
        return llm_openai_wrong(in, at, NULL, "must be an object");
    fault = llm_openai_word(in, at, it, "type", &type);
    if (fault)
        return fault;
    if (type && strcmp(type, "function")) {
        llm_openai_unknown(in, at, "type");
        return LLM_OK;
    }
    fault = llm_openai_word(in, at, it, "id", &id);
    if (!fault && (!id || !*id))
        fault = llm_openai_wrong(in, at, "id", "is missing");
    if (!fault && llm_json_kind_of(function) != LLM_JSON_OBJECT)
        fault = llm_openai_wrong(in, at, "function", "must be an object");
    if (!fault)
        fault = read_arguments(in, &inner, function, &call);
    if (fault)
        return fault;
    llm_openai_others(in, at, it, known, NULL);
    take_id(in, turn, id, &call, first);
    *llm_parts_add(turn->parts, LLM_PART_CALL) = call;
    return LLM_OK;
}

static llm_fault read_calls(llm_openai_reading *in, const llm_openai_place *at,
                            const llm_json *message, llm_turn *turn)
{
    const llm_json *calls = llm_json_member(message, "tool_calls");
    llm_fault fault = LLM_OK;
    size_t i;

    if (llm_json_kind_of(calls) != LLM_JSON_NULL
        && llm_json_kind_of(calls) != LLM_JSON_ARRAY)
        return llm_openai_wrong(in, at, "tool_calls", "must be a list");
    for (i = 0; i < llm_json_count(calls) && !fault; i++) {
        const llm_openai_place inner = { at, "tool_calls", (int)i };

        fault = read_call(in, &inner, llm_json_element(calls, i), turn, !i);
    }
    return fault;
}

/* The deprecated function_call has no id; one is made of its place. */
static llm_fault read_old_call(llm_openai_reading *in,
                               const llm_openai_place *at,
                               const llm_json *message, llm_turn *turn)
{
    const llm_openai_place inner = { at, "function_call", -1 };
    const llm_json *function = llm_json_member(message, "function_call");
    llm_part *call;

    if (llm_json_kind_of(function) == LLM_JSON_NULL)
        return LLM_OK;
    if (llm_json_kind_of(function) != LLM_JSON_OBJECT)
        return llm_openai_wrong(in, at, "function_call", "must be an object");
    call = llm_turn_part(turn, LLM_PART_CALL, in->chat->pool);
    call->id = in->last_call = apr_psprintf(in->chat->pool, "call_%d",
                                            ++in->calls);
    return read_arguments(in, &inner, function, call);
}

static llm_fault read_assistant(llm_openai_reading *in,
                                const llm_openai_place *at,
                                const llm_json *message, llm_role role)
{
    static const char *const known[] = {
        "role", "content", "name", "refusal", "tool_calls", "function_call",
        "reasoning_content", "reasoning", "cache_control", NULL
    };
    llm_turn *turn = llm_chat_turn(in->chat, role);
    const llm_json *refusal = llm_json_member(message, "refusal");
    const llm_span thought = llm_openai_reasoning(message);
    llm_fault fault = LLM_OK;

    if (thought.len)
        llm_parts_add(turn->parts, LLM_PART_REASONING)->text = thought;
    if (llm_json_kind_of(llm_json_member(message, "content"))
        != LLM_JSON_NULL)
        fault = llm_openai_read_content(in, at, message, turn->parts);
    if (!fault && llm_json_kind_of(refusal) != LLM_JSON_NULL
        && llm_json_kind_of(refusal) != LLM_JSON_STRING)
        fault = llm_openai_wrong(in, at, "refusal", "must be a string");
    if (!fault && llm_json_span(refusal).len)
        llm_parts_add(turn->parts, LLM_PART_REFUSAL)->text
            = llm_json_span(refusal);
    if (!fault)
        fault = read_calls(in, at, message, turn);
    if (!fault)
        fault = read_old_call(in, at, message, turn);
    return fault ? fault : finish_message(in, at, message, turn, known);
}

static llm_turn *results_turn(llm_openai_reading *in)
{
    return in->after_tool ? llm_chat_same_turn(in->chat, LLM_ROLE_USER)
                          : llm_chat_turn(in->chat, LLM_ROLE_USER);
}

static llm_fault add_result(llm_openai_reading *in,
                            const llm_openai_place *at,
                            const llm_json *message, const char *id,
                            const char *name)
{
    apr_pool_t *p = in->chat->pool;
    llm_part *part = llm_turn_part(results_turn(in), LLM_PART_RESULT, p);

    part->id = id ? llm_carry_unpack(id, NULL, NULL, p) : NULL;
    part->name = name;
    part->parts = llm_parts_make(p);
    part->cache = llm_openai_cache(in, at, message);
    return llm_openai_read_content(in, at, message, part->parts);
}

static llm_fault read_result(llm_openai_reading *in,
                             const llm_openai_place *at,
                             const llm_json *message, llm_role role)
{
    static const char *const known[] = { "role", "content", "tool_call_id",
                                         "name", "cache_control", NULL };
    const char *id, *name;
    llm_fault fault = llm_openai_word(in, at, message, "tool_call_id", &id);

    (void)role;
    if (!fault)
        fault = llm_openai_word(in, at, message, "name", &name);
    if (!fault && (!id || !*id))
        fault = llm_openai_wrong(in, at, "tool_call_id", "is missing");
    if (fault)
        return fault;
    llm_openai_others(in, at, message, known, NULL);
    return add_result(in, at, message, id, name);
}

static llm_fault read_old_result(llm_openai_reading *in,
                                 const llm_openai_place *at,
                                 const llm_json *message, llm_role role)
{
    static const char *const known[] = { "role", "content", "name", NULL };
    const char *name;
    llm_fault fault = llm_openai_word(in, at, message, "name", &name);

    (void)role;
    if (!fault && !name)
        fault = llm_openai_wrong(in, at, "name", "is missing");
    if (fault)
        return fault;
    llm_openai_others(in, at, message, known, NULL);
    return add_result(in, at, message, in->last_call, name);
}

/* ---- all of them -------------------------------------------------------- */

static const struct role {
    const char *word;
    llm_role role;
    int is_tool;
    llm_fault (*read)(llm_openai_reading *in, const llm_openai_place *at,
                      const llm_json *message, llm_role role);
} roles[] = {
    { "user", LLM_ROLE_USER, 0, read_user },
    { "assistant", LLM_ROLE_ASSISTANT, 0, read_assistant },
    { "tool", LLM_ROLE_USER, 1, read_result },
    { "system", LLM_ROLE_SYSTEM, 0, read_said },
    { "developer", LLM_ROLE_DEVELOPER, 0, read_said },
    { "function", LLM_ROLE_USER, 1, read_old_result },
};

static llm_fault read_message(llm_openai_reading *in,
                              const llm_openai_place *at,
                              const llm_json *message)
{
    const char *word = llm_json_word(llm_json_member(message, "role"));
    llm_fault fault;
    size_t i;

    if (llm_json_kind_of(message) != LLM_JSON_OBJECT)
        return llm_openai_wrong(in, at, NULL, "must be an object");
    for (i = 0; word && i < sizeof roles / sizeof *roles; i++)
        if (!strcmp(roles[i].word, word)) {
            fault = roles[i].read(in, at, message, roles[i].role);
            in->after_tool = roles[i].is_tool;
            return fault;
        }
    return llm_openai_wrong(in, at, "role", "must be system, developer, user, "
                            "assistant or tool");
}

llm_fault llm_openai_read_messages(llm_openai_reading *in,
                                   const llm_json *body)
{
    const llm_json *list = llm_json_member(body, "messages");
    llm_fault fault = LLM_OK;
    size_t i;

    if (llm_json_kind_of(list) != LLM_JSON_ARRAY || !llm_json_count(list))
        return llm_openai_wrong(in, NULL, "messages",
                                "must be a list of at least one message");
    for (i = 0; i < llm_json_count(list) && !fault; i++) {
        const llm_openai_place at = { NULL, "messages", (int)i };

        fault = read_message(in, &at, llm_json_element(list, i));
    }
    return fault;
}
