/* The input of a client's request to the Responses API: a string or items. */
#include "responses.h"
#include <apr_strings.h>
#include <string.h>
#include "carry.h"

typedef struct reading {
    llm_responses_reading *in;
    llm_chat *chat;
    apr_pool_t *p;
    size_t index;               /* of the item */
    const char *place;          /* of the list of parts: "input[0].content" */
} reading;

static const char *at(const reading *r, const char *member)
{
    return apr_psprintf(r->p, "input[%" APR_SIZE_T_FMT "].%s", r->index,
                        member);
}

static llm_fault wrong(const reading *r, const char *member, const char *text)
{
    return llm_responses_wrong(r->in, at(r, member), text);
}

static const char *part_at(const reading *r, size_t i, const char *member)
{
    return apr_psprintf(r->p, "%s[%" APR_SIZE_T_FMT "].%s", r->place, i,
                        member);
}

static const char *word(const reading *r, const llm_json *object,
                        const char *name)
{
    const char *text = llm_json_word(llm_json_member(object, name));

    return text && *text ? apr_pstrdup(r->p, text) : NULL;
}

/* ---- parts -------------------------------------------------------------- */

static llm_fault read_words(const reading *r, const llm_json *value,
                            size_t i, const char *member, llm_part *out)
{
    llm_span text = llm_json_span(llm_json_member(value, member));

    if (!text.at)
        return llm_responses_wrong(r->in, part_at(r, i, member),
                                   "This must be a string");
    out->text = llm_responses_copy(text, r->p);
    return LLM_OK;
}

static llm_fault read_text(const reading *r, const llm_json *value, size_t i,
                           llm_part *out)
{
    int other = 0;

    out->kind = LLM_PART_TEXT;
    out->citations = llm_responses_citations(
        llm_json_member(value, "annotations"), &other, r->p);
    if (other)
        llm_responses_hint(r->in, part_at(r, i, "annotations"));
    return read_words(r, value, i, "text", out);
}

static llm_fault read_refusal(const reading *r, const llm_json *value,
                              size_t i, llm_part *out)
{
    out->kind = LLM_PART_REFUSAL;
    return read_words(r, value, i, "refusal", out);
}

static llm_fault read_image(const reading *r, const llm_json *value,
                            size_t i, llm_part *out)
{
    llm_span url = llm_json_span(llm_json_member(value, "image_url"));

    out->kind = LLM_PART_IMAGE;
    out->file_id = word(r, value, "file_id");
    out->detail = word(r, value, "detail");
    if (out->detail && !strcmp(out->detail, "auto"))
        out->detail = NULL;
    if (url.len && !llm_responses_data_url(url, out, r->p)) {
        out->url = word(r, value, "image_url");
        if (!strncasecmp(url.at, "data:", 5))
            out->url = NULL;
    }
    if (out->data.len || out->url || out->file_id)
        return LLM_OK;
    return llm_responses_wrong(r->in, part_at(r, i, "image_url"),
                               "An image must have a URL, a data: URL in "
                               "base64 or a file_id");
}

static llm_fault read_file(const reading *r, const llm_json *value, size_t i,
                           llm_part *out)
{
    llm_span data = llm_json_span(llm_json_member(value, "file_data"));

    out->kind = LLM_PART_FILE;
    out->file_id = word(r, value, "file_id");
    out->url = word(r, value, "file_url");
    out->name = word(r, value, "filename");
    if (word(r, value, "detail"))
        llm_responses_hint(r->in, part_at(r, i, "detail"));
    if (data.len && !llm_responses_data_url(data, out, r->p))
        out->data = llm_responses_copy(data, r->p);
    if (out->data.len || out->url || out->file_id)
        return LLM_OK;
    return llm_responses_wrong(r->in, part_at(r, i, "file_data"),
                               "A file must have file_data, a file_url or a "
                               "file_id");
}

static const struct {
    const char *type;
    llm_fault (*read)(const reading *r, const llm_json *value, size_t i,
                      llm_part *out);
} parts[] = {
    { "input_text", read_text }, { "output_text", read_text },
    { "text", read_text }, { "refusal", read_refusal },
    { "input_image", read_image }, { "input_file", read_file },
};

#define PARTS (sizeof parts / sizeof *parts)

/* The end of a prefix that is to be cached. */
static void read_breakpoint(const reading *r, const llm_json *value, size_t i,
                            llm_part *out)
{
    const char *name = "prompt_cache_breakpoint";

    if (llm_json_kind_of(llm_json_member(value, name)) != LLM_JSON_OBJECT)
        return;
    out->cache = "5m";
    if (!r->chat->given[LLM_FIELD_CACHE])
        r->chat->given[LLM_FIELD_CACHE] = part_at(r, i, name);
}

static llm_fault read_part(const reading *r, const llm_json *value, size_t i,
                           apr_array_header_t *to)
{
    const char *type = llm_json_word(llm_json_member(value, "type"));
    llm_part part = { 0 };
    llm_fault fault;
    size_t k;

    if (!type)
        return llm_responses_wrong(r->in, part_at(r, i, "type"),
                                   "A part must be an object with a type");
    for (k = 0; k < PARTS && strcmp(parts[k].type, type); k++)
        ;
    if (k == PARTS) {
        llm_responses_unknown(r->in, part_at(r, i, "type"));
        return LLM_OK;
    }
    fault = parts[k].read(r, value, i, &part);
    if (fault)
        return fault;
    read_breakpoint(r, value, i, &part);
    *llm_parts_add(to, part.kind) = part;
    return LLM_OK;
}

/* A string, or a list of parts. */
static llm_fault read_parts(reading *r, const llm_json *value,
                            const char *member, apr_array_header_t *to)
{
    llm_span text = llm_json_span(value);
    llm_fault fault = LLM_OK;
    size_t i;

    if (text.at) {
        llm_parts_add(to, LLM_PART_TEXT)->text = llm_responses_copy(text,
                                                                    r->p);
        return LLM_OK;
    }
    if (llm_json_kind_of(value) != LLM_JSON_ARRAY)
        return wrong(r, member, "This must be a string or an array of parts");
    r->place = at(r, member);
    for (i = 0; !fault && i < llm_json_count(value); i++)
        fault = read_part(r, llm_json_element(value, i), i, to);
    return fault;
}

/* ---- items -------------------------------------------------------------- */

static int holds_results(const llm_chat *chat)
{
    const llm_turn *turn = (const llm_turn *)chat->turns->elts
        + chat->turns->nelts - 1;

    return chat->turns->nelts && turn->role == LLM_ROLE_USER
        && turn->parts->nelts
        && ((const llm_part *)turn->parts->elts)[turn->parts->nelts - 1].kind
            == LLM_PART_RESULT;
}

/* What the assistant said in several items is one turn, and so are results
 * and what the user says to them. */
static llm_turn *turn_for(const reading *r, llm_role role)
{
    if (role == LLM_ROLE_ASSISTANT
        || (role == LLM_ROLE_USER && holds_results(r->chat)))
        return llm_chat_same_turn(r->chat, role);
    return llm_chat_turn(r->chat, role);
}

static llm_fault read_message(reading *r, const llm_json *item)
{
    static const char *const roles[] = {
        [LLM_ROLE_SYSTEM] = "system", [LLM_ROLE_DEVELOPER] = "developer",
        [LLM_ROLE_USER] = "user", [LLM_ROLE_ASSISTANT] = "assistant"
    };
    const char *role = llm_json_word(llm_json_member(item, "role"));
    llm_role i = LLM_ROLE_SYSTEM;

    while (role && i <= LLM_ROLE_ASSISTANT && strcmp(roles[i], role))
        i++;
    if (!role || i > LLM_ROLE_ASSISTANT)
        return wrong(r, "role", "The role must be user, assistant, system or "
                     "developer");
    if (word(r, item, "phase"))
        llm_responses_hint(r->in, at(r, "phase"));
    return read_parts(r, llm_json_member(item, "content"), "content",
                      turn_for(r, i)->parts);
}

/* A member that says who called a tool, other than the model itself. */
static void read_caller(reading *r, const llm_json *item)
{
    static const char *const names[] = { "namespace", "caller" };
    size_t i;

    for (i = 0; i < sizeof names / sizeof *names; i++)
        if (llm_json_kind_of(llm_json_member(item, names[i]))
            != LLM_JSON_NULL)
            llm_responses_unknown(r->in, at(r, names[i]));
}

static llm_fault read_call(reading *r, const llm_json *item)
{
    const llm_json *arguments = llm_json_member(item, "arguments");
    const char *id = word(r, item, "call_id"), *name = word(r, item, "name");
    apr_array_header_t *reasoning = llm_parts_make(r->p);
    const char *signature = NULL;
    llm_turn *turn;
    llm_part *part;

    if (!id)
        return wrong(r, "call_id", "A call needs the call_id that it came "
                     "with");
    if (!name)
        return wrong(r, "name", "A call needs the function's name");
    if (llm_json_kind_of(arguments) != LLM_JSON_NULL
        && llm_json_kind_of(arguments) != LLM_JSON_STRING)
        return wrong(r, "arguments", "arguments must be a string of JSON");
    read_caller(r, item);
    turn = llm_chat_same_turn(r->chat, LLM_ROLE_ASSISTANT);
    id = llm_carry_unpack(id, &signature, reasoning, r->p);
    llm_responses_add_reasoning(turn->parts, reasoning);
    part = llm_turn_part(turn, LLM_PART_CALL, r->p);
    part->id = id;
    part->name = name;
    part->signature = signature;
    part->text = llm_responses_copy(llm_json_span(arguments), r->p);
    return LLM_OK;
}

static llm_fault read_output(reading *r, const llm_json *item)
{
    const llm_json *output = llm_json_member(item, "output");
    const char *id = word(r, item, "call_id");
    llm_part part = { .kind = LLM_PART_RESULT };
    llm_fault fault;

    if (!id)
        return wrong(r, "call_id", "An output needs the call_id of its call");
    read_caller(r, item);
    part.id = llm_carry_unpack(id, NULL, NULL, r->p);
    part.name = word(r, item, "name");
    part.parts = llm_parts_make(r->p);
    fault = read_parts(r, output, "output", part.parts);
    if (!fault)
        *llm_turn_part(llm_chat_same_turn(r->chat, LLM_ROLE_USER),
                       LLM_PART_RESULT, r->p) = part;
    return fault;
}

/* One that only names reasoning which OpenAI has stored says nothing here. */
static llm_fault read_reasoning(reading *r, const llm_json *item)
{
    apr_array_header_t *reasoning = llm_parts_make(r->p);

    if (llm_json_kind_of(llm_json_member(item, "summary")) != LLM_JSON_ARRAY)
        return wrong(r, "summary", "A reasoning item needs its summary: an "
                     "array, which may be empty");
    if (llm_responses_unseal(item, reasoning, r->p))
        llm_responses_add_reasoning(
            llm_chat_same_turn(r->chat, LLM_ROLE_ASSISTANT)->parts,
            reasoning);
    else
        llm_responses_hint(r->in, at(r, "id"));
    return LLM_OK;
}

static const struct {
    const char *type;
    llm_fault (*read)(reading *r, const llm_json *item);
} items[] = {
    { "message", read_message }, { "function_call", read_call },
    { "function_call_output", read_output }, { "reasoning", read_reasoning },
};

#define ITEMS (sizeof items / sizeof *items)

/* A message needs no type, and a reference has an id only. */
static const char *type_of(const llm_json *item)
{
    const char *type = llm_json_word(llm_json_member(item, "type"));

    if (type || llm_json_kind_of(item) != LLM_JSON_OBJECT)
        return type;
    if (llm_json_kind_of(llm_json_member(item, "type")) != LLM_JSON_NULL)
        return NULL;
    return llm_json_member(item, "role")
        || !llm_json_word(llm_json_member(item, "id")) ? "message"
                                                       : "item_reference";
}

static llm_fault read_item(reading *r, const llm_json *item)
{
    const char *type = type_of(item);
    size_t i;

    if (!type)
        return wrong(r, "type", "An item must be an object with a type or a "
                     "role");
    for (i = 0; i < ITEMS; i++)
        if (!strcmp(items[i].type, type))
            return items[i].read(r, item);
    llm_responses_unknown(r->in, at(r, "type"));
    return LLM_OK;
}

llm_fault llm_responses_read_input(llm_responses_reading *in,
                                   const llm_json *input)
{
    reading r = { in, in->chat, in->p, 0, NULL };
    llm_span text = llm_json_span(input);
    llm_fault fault = LLM_OK;

    if (text.at) {
        llm_turn_part(llm_chat_turn(in->chat, LLM_ROLE_USER), LLM_PART_TEXT,
                      in->p)->text = llm_responses_copy(text, in->p);
        return LLM_OK;
    }
    if (llm_json_kind_of(input) != LLM_JSON_ARRAY)
        return llm_responses_wrong(in, "input", "input must be a string or "
                                   "an array of items");
    for (; !fault && r.index < llm_json_count(input); r.index++)
        fault = read_item(&r, llm_json_element(input, r.index));
    return fault;
}
