/* The messages of a client's request and the blocks in them, read. */
#include "anthropic.h"
#include "carry.h"
#include <string.h>

typedef llm_anthropic_reading reading;
typedef llm_anthropic_place place;

/* Where blocks may go: into a turn, or into what a tool said. */
typedef struct target {
    apr_array_header_t *parts;
    llm_role role;
    int inside;                 /* a tool_result */
} target;

static llm_fault read_blocks(reading *in, const place *at,
                             const llm_json *blocks, const target *to);

/* ---- text and its sources ----------------------------------------------- */

static void read_citations(reading *in, const place *at,
                           const llm_json *block, llm_part *part)
{
    const llm_json *list = llm_json_member(block, "citations");
    llm_citation citation;
    size_t i;

    if (llm_anthropic_is_null(list))
        return;
    if (llm_json_kind_of(list) != LLM_JSON_ARRAY)
        llm_anthropic_unknown(in, at, "citations");
    for (i = 0; i < llm_json_count(list); i++) {
        if (!llm_anthropic_read_citation(llm_json_element(list, i), &citation,
                                         in->p)) {
            llm_anthropic_hint(in, at, "citations");
            continue;
        }
        if (!part->citations)
            part->citations = apr_array_make(in->p, 2, sizeof citation);
        APR_ARRAY_PUSH(part->citations, llm_citation) = citation;
    }
}

static llm_fault read_text(reading *in, const place *at,
                           const llm_json *block, const target *to)
{
    llm_span text;
    llm_part *part;
    llm_fault fault = llm_anthropic_text(in, at, block, "text", 1, &text);

    if (fault)
        return fault;
    part = llm_parts_add(to->parts, LLM_PART_TEXT);
    part->text = text;
    read_citations(in, at, block, part);
    return llm_anthropic_cache(in, at, block, &part->cache);
}

/* ---- images and documents ----------------------------------------------- */

/* Also takes a part away again whose source is of a kind that is not known:
 * nobody could write it. */
static llm_fault read_media(reading *in, const place *at,
                            const llm_json *block, const target *to,
                            llm_part *part)
{
    llm_fault fault = llm_anthropic_read_source(in, at, block, part);

    if (!fault)
        fault = llm_anthropic_cache(in, at, block, &part->cache);
    if (!part->data.len && !part->url && !part->file_id)
        apr_array_pop(to->parts);
    return fault;
}

static llm_fault read_image(reading *in, const place *at,
                            const llm_json *block, const target *to)
{
    return read_media(in, at, block, to,
                      llm_parts_add(to->parts, LLM_PART_IMAGE));
}

static llm_fault read_document(reading *in, const place *at,
                               const llm_json *block, const target *to)
{
    const llm_json *citations = llm_json_member(block, "citations");
    llm_part *part = llm_parts_add(to->parts, LLM_PART_FILE);
    llm_fault fault;

    if (llm_json_is_true(llm_json_member(citations, "enabled")))
        llm_anthropic_unknown(in, at, "citations");
    fault = llm_anthropic_word(in, at, block, "title", 0, &part->name);
    return fault ? fault : read_media(in, at, block, to, part);
}

/* ---- thinking ----------------------------------------------------------- */

/* An empty signature is what stands where there was none. */
static llm_fault read_thinking(reading *in, const place *at,
                               const llm_json *block, const target *to)
{
    const char *signature;
    llm_span text;
    llm_part *part;
    llm_fault fault;

    if ((fault = llm_anthropic_text(in, at, block, "thinking", 1, &text))
        || (fault = llm_anthropic_word(in, at, block, "signature", 0,
                                       &signature)))
        return fault;
    part = llm_parts_add(to->parts, LLM_PART_REASONING);
    part->text = text;
    part->signature = signature && *signature ? signature : NULL;
    return LLM_OK;
}

static llm_fault read_redacted(reading *in, const place *at,
                               const llm_json *block, const target *to)
{
    llm_span data;
    llm_part *part;
    llm_fault fault = llm_anthropic_text(in, at, block, "data", 1, &data);

    if (fault)
        return fault;
    part = llm_parts_add(to->parts, LLM_PART_REASONING);
    part->text = data;
    part->redacted = 1;
    return LLM_OK;
}

/* ---- tools -------------------------------------------------------------- */

static llm_fault read_call(reading *in, const place *at,
                           const llm_json *block, const target *to)
{
    const llm_json *input = llm_json_member(block, "input");
    const char *id, *name, *signature = NULL;
    llm_part *part;
    llm_fault fault;

    if ((fault = llm_anthropic_word(in, at, block, "id", 1, &id))
        || (fault = llm_anthropic_word(in, at, block, "name", 1, &name)))
        return fault;
    if (llm_json_kind_of(input) != LLM_JSON_OBJECT)
        return llm_anthropic_wrong(in, at, "input",
            "input must be an object: the arguments of the call");
    id = llm_carry_unpack(id, &signature, to->parts, in->p);
    part = llm_parts_add(to->parts, LLM_PART_CALL);
    part->id = id;
    part->name = name;
    part->signature = signature;
    part->text = llm_json_text(input, in->p);
    return llm_anthropic_cache(in, at, block, &part->cache);
}

static llm_fault read_result(reading *in, const place *at,
                             const llm_json *block, const target *to)
{
    const llm_json *content = llm_json_member(block, "content");
    const llm_json *failed = llm_json_member(block, "is_error");
    const target inner = { llm_parts_make(in->p), to->role, 1 };
    const place inside = { at, "content", 0 };
    llm_part *part;
    const char *id;
    llm_fault fault = llm_anthropic_word(in, at, block, "tool_use_id", 1, &id);

    if (!fault && llm_json_kind_of(failed) > LLM_JSON_TRUE)
        fault = llm_anthropic_wrong(in, at, "is_error",
            "is_error must be true or false");
    if (!fault && !llm_anthropic_is_null(content))
        fault = read_blocks(in, &inside, content, &inner);
    if (fault)
        return fault;
    part = llm_parts_add(to->parts, LLM_PART_RESULT);
    part->id = llm_carry_unpack(id, NULL, NULL, in->p);
    part->parts = inner.parts;
    part->failed = llm_json_is_true(failed);
    return llm_anthropic_cache(in, at, block, &part->cache);
}

/* ---- blocks ------------------------------------------------------------- */

#define IN_SYSTEM 1
#define IN_USER 2
#define IN_ASSISTANT 4
#define IN_RESULT 8

static const struct {
    const char *type;
    unsigned where;
    llm_fault (*read)(reading *in, const place *at, const llm_json *block,
                      const target *to);
    const char *known[7];
} kinds[] = {
    { "text", IN_SYSTEM | IN_USER | IN_ASSISTANT | IN_RESULT, read_text,
      { "type", "text", "citations", "cache_control" } },
    { "image", IN_USER | IN_RESULT, read_image,
      { "type", "source", "cache_control" } },
    { "document", IN_USER | IN_RESULT, read_document,
      { "type", "source", "title", "citations", "cache_control" } },
    { "tool_use", IN_ASSISTANT, read_call,
      { "type", "id", "name", "input", "cache_control", "caller" } },
    { "tool_result", IN_USER, read_result,
      { "type", "tool_use_id", "content", "is_error", "cache_control" } },
    { "thinking", IN_ASSISTANT, read_thinking,
      { "type", "thinking", "signature" } },
    { "redacted_thinking", IN_ASSISTANT, read_redacted, { "type", "data" } },
};

#define KINDS (sizeof kinds / sizeof *kinds)

static unsigned where_is(const target *to)
{
    if (to->inside)
        return IN_RESULT;
    return to->role == LLM_ROLE_SYSTEM ? IN_SYSTEM
         : to->role == LLM_ROLE_USER ? IN_USER : IN_ASSISTANT;
}

static llm_fault read_block(reading *in, const place *at,
                            const llm_json *block, const target *to)
{
    const char *type = NULL;
    llm_fault fault;
    size_t i;

    if (llm_json_kind_of(block) != LLM_JSON_OBJECT)
        return llm_anthropic_wrong(in, at, NULL,
            "A block of content must be an object");
    fault = llm_anthropic_word(in, at, block, "type", 1, &type);
    if (fault)
        return fault;
    for (i = 0; i < KINDS && strcmp(kinds[i].type, type); i++)
        ;
    if (i == KINDS) {
        llm_anthropic_unknown(in, at, "type");
        return LLM_OK;
    }
    if (!(kinds[i].where & where_is(to)))
        return llm_anthropic_wrong(in, at, "type",
            "A block of this type cannot stand here");
    llm_anthropic_others(in, at, block, kinds[i].known);
    return kinds[i].read(in, at, block, to);
}

/* A string is one block of text. */
static llm_fault read_blocks(reading *in, const place *at,
                             const llm_json *blocks, const target *to)
{
    const llm_span text = llm_json_span(blocks);
    llm_fault fault = LLM_OK;
    size_t i, n = llm_json_count(blocks);

    if (text.at) {
        if (text.len)
            llm_parts_add(to->parts, LLM_PART_TEXT)->text = text;
        return LLM_OK;
    }
    if (llm_json_kind_of(blocks) != LLM_JSON_ARRAY)
        return llm_anthropic_wrong(in, at, NULL,
            "This must be a string or a list of blocks");
    for (i = 0; i < n && !fault; i++) {
        const place here = { at, NULL, i };

        fault = read_block(in, &here, llm_json_element(blocks, i), to);
    }
    return fault;
}

/* ---- messages ----------------------------------------------------------- */

static const place messages_at = { NULL, "messages", 0 };

static int read_role(const char *word, llm_role *role)
{
    if (!strcmp(word, "user"))
        *role = LLM_ROLE_USER;
    else if (!strcmp(word, "assistant"))
        *role = LLM_ROLE_ASSISTANT;
    else if (!strcmp(word, "system"))
        *role = LLM_ROLE_SYSTEM;
    else
        return 0;
    return 1;
}

static llm_fault read_message(reading *in, const place *at,
                              const llm_json *message)
{
    static const char *const known[] = { "role", "content", NULL };
    const place inside = { at, "content", 0 };
    const char *word = NULL;
    llm_fault fault;
    target to = { 0 };

    if (llm_json_kind_of(message) != LLM_JSON_OBJECT)
        return llm_anthropic_wrong(in, at, NULL,
            "A message must be an object with role and content");
    fault = llm_anthropic_word(in, at, message, "role", 1, &word);
    if (fault)
        return fault;
    if (!read_role(word, &to.role))
        return llm_anthropic_wrong(in, at, "role",
            "role must be \"user\", \"assistant\" or \"system\"");
    llm_anthropic_others(in, at, message, known);
    to.parts = llm_chat_turn(in->chat, to.role)->parts;
    return read_blocks(in, &inside, llm_json_member(message, "content"), &to);
}

llm_fault llm_anthropic_read_messages(reading *in, const llm_json *messages)
{
    size_t i, n = llm_json_count(messages);
    llm_fault fault = LLM_OK;

    if (llm_json_kind_of(messages) != LLM_JSON_ARRAY || !n)
        return llm_anthropic_wrong(in, &messages_at, NULL,
            "messages must be a list of one message or more");
    for (i = 0; i < n && !fault; i++) {
        const place at = { &messages_at, NULL, i };

        fault = read_message(in, &at, llm_json_element(messages, i));
    }
    return fault;
}

llm_fault llm_anthropic_read_system(reading *in, const llm_json *system)
{
    static const place at = { NULL, "system", 0 };
    const target to = {
        llm_chat_turn(in->chat, LLM_ROLE_SYSTEM)->parts, LLM_ROLE_SYSTEM, 0
    };

    return read_blocks(in, &at, system, &to);
}
