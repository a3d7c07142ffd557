/* Conversations, answers and streams made by chance from a seed, and what
 * tells whether two of them are the same: for tests that what a dialect
 * writes is what it reads.
 *
 *     rig_init(&rig, seed, p);
 *     rig.cannot = RIG_FAILED | RIG_RESULT_MEDIA;
 *     rig.fields = LLM_BIT(TOP_P) | LLM_BIT(TOOLS);
 *     chat = rig_chat(&rig);
 *     ... write and read ...
 *     is_str(rig_chat_differs(chat, read), NULL, "seed %d", seed);
 *
 * Calls come with their results in the turn after; parts stand in the order
 * that every dialect can write: results first; reasoning, text, calls.
 */
#ifndef LLM_CHAT_RIG_H
#define LLM_CHAT_RIG_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>

#include "../../src/wire/message.h"

#define RIG_UNUSED __attribute__((unused))

/* What a dialect cannot carry, and the rig must then not make. */
enum {
    RIG_SYSTEM = 1u << 0,       /* system turns at all */
    RIG_SYSTEMS = 1u << 1,      /* more than one, or not in front */
    RIG_DEVELOPER = 1u << 2,
    RIG_SPEAKER = 1u << 3,
    RIG_IMAGE = 1u << 4, RIG_IMAGE_URL = 1u << 5, RIG_IMAGE_FILE = 1u << 6,
    RIG_DETAIL = 1u << 7,
    RIG_AUDIO = 1u << 8,
    RIG_FILE = 1u << 9, RIG_FILE_ID = 1u << 10, RIG_FILE_URL = 1u << 11,
    RIG_REASONING = 1u << 12,   /* in requests and answers */
    RIG_SIGNATURE = 1u << 13,   /* of reasoning */
    RIG_REDACTED = 1u << 14,
    RIG_CALL_SIGNATURE = 1u << 15,
    RIG_CALL_IDS = 1u << 16,    /* ids of calls: there are none */
    RIG_RESULT_MEDIA = 1u << 17, RIG_FAILED = 1u << 18,
    RIG_REFUSAL = 1u << 19,
    RIG_CITATION = 1u << 20,
    RIG_PART_CACHE = 1u << 21,
    RIG_NUL = 1u << 22,
    RIG_CHOICES = 1u << 23,     /* more than one */
    RIG_SEQUENCE = 1u << 24, RIG_PAUSE = 1u << 25,
    RIG_LOGPROBS = 1u << 26,
    RIG_JSON_FORMAT = 1u << 27, /* any object, without a schema */
    RIG_CHOICE_NAMES = 1u << 28,        /* more than one name to choose */
    RIG_STRICT = 1u << 29,      /* of tools and schemas */
    RIG_PREFILL = 1u << 30,     /* an assistant's turn as the last */
    RIG_TOOLS = 1u << 31        /* calls, results and tools */
};

typedef struct rig {
    apr_pool_t *pool;
    uint64_t state;
    unsigned cannot;
    unsigned fields;            /* LLM_BITs that may be given */
    double hottest;             /* temperature */
    int ids;                    /* made so far */
    int schema_name;            /* a schema must have one */
    int file_name;              /* a file inline must have one */
} rig;

RIG_UNUSED static void rig_init(rig *r, unsigned seed, apr_pool_t *p)
{
    memset(r, 0, sizeof *r);
    r->pool = p;
    r->state = seed * 0x9e3779b97f4a7c15u + 0x2545f4914f6cdd1du;
    r->fields = ~0u;
    r->hottest = 2;
    r->schema_name = 1;
}

static uint64_t rig_next(rig *r)
{
    r->state ^= r->state >> 12;
    r->state ^= r->state << 25;
    r->state ^= r->state >> 27;
    return r->state * 0x2545f4914f6cdd1du;
}

/* From 0 to n - 1. */
static int rig_below(rig *r, int n)
{
    return (int)((rig_next(r) >> 33) % (unsigned)n);
}

static int rig_can(const rig *r, unsigned what)
{
    return !(r->cannot & what);
}

static int rig_maybe(rig *r, unsigned what, int one_in)
{
    return rig_can(r, what) && !rig_below(r, one_in);
}

static llm_span rig_span(const char *text)
{
    return (llm_span){ text, strlen(text) };
}

/* ---- words -------------------------------------------------------------- */

RIG_UNUSED static llm_span rig_text(rig *r)
{
    static const char *const words[] = {
        "a", "word ", "\"quoted\" ", "back\\slash", "\n", "\t", "<tag>", "0",
        "h\xc3\xa9 ", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "{\"a\":1}", "\x01",
        "data: x\n\n", "\x7f", "\xe2\x80\xa8", "[DONE]", " ", "~llm~", "'",
    };
    const int n = 1 + rig_below(r, 6);
    char *text = apr_pcalloc(r->pool, 128);
    size_t len = 0;

    for (int i = 0; i < n; i++) {
        const char *word = words[rig_below(r, sizeof words / sizeof *words)];

        memcpy(text + len, word, strlen(word));
        len += strlen(word);
    }
    if (rig_maybe(r, RIG_NUL, 40))
        len++;
    /* no dialect is fond of white space alone */
    text[len++] = (char)('A' + rig_below(r, 26));
    return (llm_span){ text, len };
}

static const char *rig_word(rig *r, const char *begin)
{
    return apr_psprintf(r->pool, "%s%d", begin, rig_below(r, 1000));
}

/* Like rig_word, and never the same again. */
static const char *rig_id(rig *r, const char *begin)
{
    return apr_psprintf(r->pool, "%s%d", begin, ++r->ids);
}

static llm_span rig_object(rig *r)
{
    static const char *const objects[] = {
        "{}", "{\"a\":1}", "{\"b\":[1,2.5,null,true],\"c\":\"\\u20ac\\n\"}",
        "{\"deep\":{\"er\":{\"est\":[]}}}", "{\"\":\"\"}", "{\"n\":-1e+20}",
    };

    return rig_span(objects[rig_below(r, 6)]);
}

static llm_span rig_schema(rig *r)
{
    static const char *const schemas[] = {
        "{\"type\":\"object\",\"properties\":{}}",
        "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},"
        "\"required\":[\"a\"],\"additionalProperties\":false}",
        "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"number\","
        "\"enum\":[1,2]}}}",
    };

    return rig_span(schemas[rig_below(r, 3)]);
}

static llm_span rig_base64(rig *r)
{
    static const char *const data[] = { "AAAA", "iVBORw0KGgo=", "Zm9vYmFy",
                                        "/+8=" };

    return rig_span(data[rig_below(r, 4)]);
}

/* ---- parts -------------------------------------------------------------- */

static void rig_cache(rig *r, llm_chat *chat, llm_part *part)
{
    if (!chat || !rig_maybe(r, RIG_PART_CACHE, 12)
        || !(r->fields & LLM_BIT(CACHE)))
        return;
    part->cache = rig_below(r, 2) ? "5m" : "1h";
    chat->given[LLM_FIELD_CACHE] = "cache";
}

static void rig_words(rig *r, llm_chat *chat, apr_array_header_t *parts)
{
    llm_part *part = llm_parts_add(parts, LLM_PART_TEXT);

    part->text = rig_text(r);
    rig_cache(r, chat, part);
}

static void rig_image(rig *r, llm_chat *chat, apr_array_header_t *parts)
{
    llm_part *part = llm_parts_add(parts, LLM_PART_IMAGE);

    if (rig_maybe(r, RIG_IMAGE_URL, 3))
        part->url = "https://example.com/a.png?b=\"c\"";
    else if (rig_maybe(r, RIG_IMAGE_FILE, 3))
        part->file_id = rig_word(r, "file-");
    else {
        part->media = rig_below(r, 2) ? "image/png" : "image/jpeg";
        part->data = rig_base64(r);
    }
    if (rig_maybe(r, RIG_DETAIL, 3))
        part->detail = rig_below(r, 2) ? "low" : "high";
    rig_cache(r, chat, part);
}

static void rig_file(rig *r, llm_chat *chat, apr_array_header_t *parts)
{
    llm_part *part = llm_parts_add(parts, LLM_PART_FILE);

    if (rig_maybe(r, RIG_FILE_ID, 3))
        part->file_id = rig_word(r, "file-");
    else if (rig_maybe(r, RIG_FILE_URL, 3))
        part->url = "https://example.com/a.pdf";
    else {
        part->media = "application/pdf";
        part->data = rig_base64(r);
        part->name = rig_below(r, 2) || r->file_name ? "a b.pdf" : NULL;
    }
    rig_cache(r, chat, part);
}

static void rig_audio(rig *r, llm_chat *chat, apr_array_header_t *parts)
{
    llm_part *part = llm_parts_add(parts, LLM_PART_AUDIO);

    part->media = rig_below(r, 2) ? "audio/wav" : "audio/mpeg";
    part->data = rig_base64(r);
    rig_cache(r, chat, part);
}

static void rig_result(rig *r, const llm_part *call,
                       apr_array_header_t *parts)
{
    llm_part *part = llm_parts_add(parts, LLM_PART_RESULT);

    part->id = call->id;
    part->name = call->name;
    part->failed = rig_maybe(r, RIG_FAILED, 4);
    part->parts = llm_parts_make(r->pool);
    rig_words(r, NULL, part->parts);
    if (rig_maybe(r, RIG_RESULT_MEDIA | RIG_IMAGE, 4))
        rig_image(r, NULL, part->parts);
}

static void rig_call(rig *r, apr_array_header_t *parts)
{
    llm_part *part = llm_parts_add(parts, LLM_PART_CALL);

    part->id = rig_can(r, RIG_CALL_IDS) ? rig_id(r, "call_") : NULL;
    part->name = rig_word(r, "tool_");
    part->text = rig_object(r);
    if (rig_maybe(r, RIG_CALL_SIGNATURE, 2))
        part->signature = rig_word(r, "c2ln");
}

static void rig_reasoning(rig *r, apr_array_header_t *parts)
{
    llm_part *part = llm_parts_add(parts, LLM_PART_REASONING);

    part->text = rig_text(r);
    if (rig_maybe(r, RIG_REDACTED, 4)) {
        part->text = rig_base64(r);
        part->redacted = 1;
    }
    else if (rig_can(r, RIG_SIGNATURE))
        part->signature = rig_word(r, "cHJvb2Y");
}

static void rig_citations(rig *r, llm_part *part)
{
    llm_citation *citation;

    part->citations = apr_array_make(r->pool, 1, sizeof *citation);
    citation = apr_array_push(part->citations);
    *citation = (llm_citation){ "https://example.com/", "A title",
                                { NULL, 0 }, 0, 1 };
}

/* ---- a conversation ----------------------------------------------------- */

static void rig_system(rig *r, llm_chat *chat)
{
    llm_turn *turn = llm_chat_turn(chat, rig_maybe(r, RIG_DEVELOPER, 2)
                                   ? LLM_ROLE_DEVELOPER : LLM_ROLE_SYSTEM);

    rig_words(r, chat, turn->parts);
    if (!rig_below(r, 3))
        rig_words(r, chat, turn->parts);
}

static void rig_speaker(rig *r, llm_chat *chat, llm_turn *turn)
{
    if (!rig_maybe(r, RIG_SPEAKER, 5) || !(r->fields & LLM_BIT(SPEAKER)))
        return;
    turn->name = rig_word(r, "Ann");
    chat->given[LLM_FIELD_SPEAKER] = "name";
}

/* `calls`: the turn before, whose results come first; NULL: none. */
static void rig_user(rig *r, llm_chat *chat, const llm_turn *calls)
{
    const int n = calls ? calls->parts->nelts : 0;
    llm_part *parts = n ? (llm_part *)calls->parts->elts : NULL;
    llm_turn *turn = llm_chat_turn(chat, LLM_ROLE_USER);
    int more = 1, i;

    for (i = 0; i < n; i++)
        if (parts[i].kind == LLM_PART_CALL) {
            rig_result(r, &parts[i], turn->parts);
            more = rig_below(r, 2);
        }
    for (; more; more = !rig_below(r, 3)) {
        if (rig_maybe(r, RIG_IMAGE, 4))
            rig_image(r, chat, turn->parts);
        else if (rig_maybe(r, RIG_FILE, 6))
            rig_file(r, chat, turn->parts);
        else if (rig_maybe(r, RIG_AUDIO, 6))
            rig_audio(r, chat, turn->parts);
        else
            rig_words(r, chat, turn->parts);
    }
    if (!n || parts[n - 1].kind != LLM_PART_CALL)
        rig_speaker(r, chat, turn);
}

static llm_turn *rig_assistant(rig *r, llm_chat *chat, int last)
{
    llm_turn *turn = llm_chat_turn(chat, LLM_ROLE_ASSISTANT);
    int calls = last || !rig_can(r, RIG_TOOLS) ? 0 : rig_below(r, 3);

    if (rig_maybe(r, RIG_REASONING, 2) && (rig_can(r, RIG_SIGNATURE) == 0
                                           || calls))
        rig_reasoning(r, turn->parts);
    if (rig_maybe(r, RIG_REFUSAL, 8) && !calls)
        llm_parts_add(turn->parts, LLM_PART_REFUSAL)->text = rig_text(r);
    else if (!calls || rig_below(r, 2))
        rig_words(r, chat, turn->parts);
    while (calls--)
        rig_call(r, turn->parts);
    rig_speaker(r, chat, turn);
    return turn;
}

static void rig_turns(rig *r, llm_chat *chat)
{
    const int n = 1 + 2 * rig_below(r, 4);
    llm_turn *calls = NULL;

    if (rig_maybe(r, RIG_SYSTEM, 2))
        rig_system(r, chat);
    for (int i = 0; i < n; i++) {
        /* not between calls and their results */
        if (i % 2 && rig_maybe(r, RIG_SYSTEM | RIG_SYSTEMS, 10))
            rig_system(r, chat);
        if (i % 2)
            calls = rig_assistant(r, chat, 0);
        else
            rig_user(r, chat, calls);
    }
    if (rig_maybe(r, RIG_PREFILL, 6))
        rig_assistant(r, chat, 1);
}

static void rig_tools(rig *r, llm_chat *chat)
{
    int n = 1 + rig_below(r, 3);

    while (n--) {
        llm_tool *tool = llm_chat_tool(chat);

        tool->name = rig_id(r, "tool_");
        tool->description = rig_below(r, 2) ? "What it does: \"x\"" : NULL;
        tool->schema = rig_schema(r);
        if (rig_maybe(r, RIG_STRICT, 2))
            tool->strict = rig_below(r, 2);
    }
    chat->given[LLM_FIELD_TOOLS] = "tools";
}

static int rig_gives(rig *r, llm_chat *chat, llm_field field)
{
    if (!(r->fields >> field & 1) || rig_below(r, 3))
        return 0;
    chat->given[field] = "given";
    return 1;
}

#define GIVES(name) rig_gives(r, chat, LLM_FIELD_##name)

static void rig_tool_fields(rig *r, llm_chat *chat)
{
    if (!rig_can(r, RIG_TOOLS) || !(r->fields & LLM_BIT(TOOLS))
        || rig_below(r, 2))
        return;
    rig_tools(r, chat);
    if (GIVES(TOOL_CHOICE)) {
        int i, n = 1 + rig_maybe(r, RIG_CHOICE_NAMES, 2);

        chat->choice = 1 + rig_below(r, 3);
        if (chat->choice == LLM_CHOICE_NAMED) {
            chat->choice_names = apr_array_make(r->pool, 2,
                                                sizeof(const char *));
            for (i = 0; i < n && i < chat->tools->nelts; i++)
                APR_ARRAY_PUSH(chat->choice_names, const char *)
                    = APR_ARRAY_IDX(chat->tools, i, llm_tool).name;
        }
    }
    if (GIVES(PARALLEL))
        chat->parallel = 0;
}

static void rig_format(rig *r, llm_chat *chat)
{
    if (!GIVES(FORMAT))
        return;
    chat->format = rig_maybe(r, RIG_JSON_FORMAT, 2) ? LLM_FORMAT_JSON
                                                    : LLM_FORMAT_SCHEMA;
    if (chat->format == LLM_FORMAT_JSON)
        return;
    chat->schema = rig_schema(r);
    chat->schema_name = r->schema_name ? "shape" : NULL;
    if (rig_maybe(r, RIG_STRICT, 2))
        chat->schema_strict = rig_below(r, 2);
}

static void rig_numbers(rig *r, llm_chat *chat)
{
    if (GIVES(MAX_TOKENS))
        chat->max_tokens = 16 + rig_below(r, 10000);
    if (GIVES(TEMPERATURE))
        chat->temperature = r->hottest * rig_below(r, 100) / 99;
    if (GIVES(TOP_P))
        chat->top_p = rig_below(r, 100) / 100.0;
    if (GIVES(TOP_K))
        chat->top_k = 1 + rig_below(r, 100);
    if (GIVES(N))
        chat->n = 2 + rig_below(r, 3);
    if (GIVES(SEED))
        chat->seed = rig_below(r, 2000000) - 1000000;
    if (GIVES(PRESENCE))
        chat->presence = rig_below(r, 100) / 50.0 - 1.99;
    if (GIVES(FREQUENCY))
        chat->frequency = rig_below(r, 100) / 50.0 - 1.99;
    if (GIVES(LOGPROBS))
        chat->top_logprobs = rig_below(r, 7) - 1;
    if (GIVES(LOGIT_BIAS))
        chat->logit_bias = rig_span("{\"50256\":-100,\"1\":0.5}");
}

static void rig_thinking(rig *r, llm_chat *chat)
{
    static const char *const efforts[] = { "minimal", "low", "medium",
                                           "high", "xhigh" };

    if (GIVES(EFFORT))
        chat->effort = efforts[rig_below(r, 5)];
    else if (GIVES(BUDGET))
        chat->budget = 1024 + rig_below(r, 1000);
    if (GIVES(THOUGHTS))
        chat->thoughts = 1;
    if (GIVES(VERBOSITY))
        chat->verbosity = rig_below(r, 2) ? "low" : "high";
}

RIG_UNUSED static llm_chat *rig_chat(rig *r)
{
    llm_chat *chat = llm_chat_make(r->pool);

    rig_turns(r, chat);
    rig_tool_fields(r, chat);
    rig_format(r, chat);
    rig_numbers(r, chat);
    rig_thinking(r, chat);
    if (GIVES(STOP))
        for (int n = 1 + rig_below(r, 4); n; n--)
            APR_ARRAY_PUSH(chat->stops, llm_span) = rig_text(r);
    if (GIVES(USER))
        chat->user = rig_word(r, "user-");
    if (GIVES(METADATA))
        chat->metadata = rig_span("{\"a\":\"b\"}");
    if (GIVES(TIER))
        chat->tier = "flex";
    return chat;
}

#undef GIVES

/* ---- an answer ---------------------------------------------------------- */

static llm_finish rig_finish(rig *r, int calls, llm_answer_choice *choice)
{
    if (calls)
        return LLM_FINISH_TOOLS;
    if (rig_maybe(r, RIG_SEQUENCE, 4)) {
        choice->sequence = rig_word(r, "stop");
        return LLM_FINISH_SEQUENCE;
    }
    if (rig_maybe(r, RIG_PAUSE, 8))
        return LLM_FINISH_PAUSE;
    return (llm_finish[]){ LLM_FINISH_STOP, LLM_FINISH_LENGTH,
                           LLM_FINISH_FILTER }[rig_below(r, 3)];
}

static void rig_choice(rig *r, llm_answer_choice *choice)
{
    int calls = rig_can(r, RIG_TOOLS) ? rig_below(r, 4) : 0;
    const int has_calls = calls;

    if (rig_maybe(r, RIG_REASONING, 2))
        rig_reasoning(r, choice->parts);
    if (rig_maybe(r, RIG_REFUSAL, 8))
        llm_parts_add(choice->parts, LLM_PART_REFUSAL)->text = rig_text(r);
    else if (!calls || rig_below(r, 2)) {
        rig_words(r, NULL, choice->parts);
        if (rig_maybe(r, RIG_CITATION, 4))
            rig_citations(r, &((llm_part *)choice->parts->elts)
                          [choice->parts->nelts - 1]);
    }
    while (calls--)
        rig_call(r, choice->parts);
    choice->finish = rig_finish(r, has_calls, choice);
    if (rig_maybe(r, RIG_LOGPROBS, 6))
        choice->logprobs = rig_span(
            "{\"content\":[{\"token\":\"a\",\"logprob\":-0.5,\"bytes\":[97],"
            "\"top_logprobs\":[]}],\"refusal\":null}");
}

/* Its usage has input, output, cached and reasoning. */
RIG_UNUSED static llm_reply *rig_reply(rig *r)
{
    llm_reply *reply = llm_reply_make(r->pool);
    int n = rig_maybe(r, RIG_CHOICES, 3) ? 2 + rig_below(r, 2) : 1;

    reply->id = rig_word(r, "answer-");
    reply->model = rig_word(r, "model-");
    reply->created = 1700000000 + rig_below(r, 1000000);
    reply->usage.known = 1;
    reply->usage.input = 10 + rig_below(r, 1000);
    reply->usage.cached = rig_below(r, 10);
    reply->usage.output = 10 + rig_below(r, 1000);
    reply->usage.reasoning = rig_below(r, 10);
    while (n--)
        rig_choice(r, llm_reply_choice(reply, r->pool));
    return reply;
}

#include "chat_rig_same.h"
#include "chat_rig_stream.h"

#endif
