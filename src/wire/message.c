#include "message.h"
#include <string.h>
#include <strings.h>
#include <apr_hash.h>
#include <apr_strings.h>

/* ---- making ------------------------------------------------------------- */

apr_array_header_t *llm_parts_make(apr_pool_t *p)
{
    return apr_array_make(p, 2, sizeof(llm_part));
}

llm_part *llm_parts_add(apr_array_header_t *parts, llm_part_kind kind)
{
    llm_part *part = apr_array_push(parts);

    memset(part, 0, sizeof *part);
    part->kind = kind;
    return part;
}

llm_chat *llm_chat_make(apr_pool_t *p)
{
    llm_chat *chat = apr_pcalloc(p, sizeof *chat);

    chat->pool = p;
    chat->turns = apr_array_make(p, 8, sizeof(llm_turn));
    chat->tools = apr_array_make(p, 2, sizeof(llm_tool));
    chat->stops = apr_array_make(p, 1, sizeof(llm_span));
    chat->unknown = apr_array_make(p, 1, sizeof(const char *));
    chat->hints = apr_array_make(p, 1, sizeof(const char *));
    chat->top_logprobs = chat->schema_strict = -1;
    chat->parallel = 1;
    return chat;
}

llm_turn *llm_chat_turn(llm_chat *chat, llm_role role)
{
    llm_turn *turn = apr_array_push(chat->turns);

    memset(turn, 0, sizeof *turn);
    turn->role = role;
    turn->parts = llm_parts_make(chat->pool);
    return turn;
}

llm_turn *llm_chat_same_turn(llm_chat *chat, llm_role role)
{
    llm_turn *turns = (llm_turn *)chat->turns->elts;
    int n = chat->turns->nelts;

    return n && turns[n - 1].role == role ? &turns[n - 1]
                                          : llm_chat_turn(chat, role);
}

llm_part *llm_turn_part(llm_turn *turn, llm_part_kind kind, apr_pool_t *p)
{
    if (!turn->parts)
        turn->parts = llm_parts_make(p);
    return llm_parts_add(turn->parts, kind);
}

llm_tool *llm_chat_tool(llm_chat *chat)
{
    llm_tool *tool = apr_array_push(chat->tools);

    memset(tool, 0, sizeof *tool);
    tool->strict = -1;
    return tool;
}

llm_reply *llm_reply_make(apr_pool_t *p)
{
    llm_reply *reply = apr_pcalloc(p, sizeof *reply);

    reply->choices = apr_array_make(p, 1, sizeof(llm_answer_choice));
    return reply;
}

llm_answer_choice *llm_reply_choice(llm_reply *reply, apr_pool_t *p)
{
    llm_answer_choice *choice = apr_array_push(reply->choices);

    memset(choice, 0, sizeof *choice);
    choice->parts = llm_parts_make(p);
    return choice;
}

/* ---- names of results --------------------------------------------------- */

static const char *name_of(const apr_hash_t *calls, const llm_part *part)
{
    return part->id ? apr_hash_get((apr_hash_t *)calls, part->id,
                                   APR_HASH_KEY_STRING) : NULL;
}

/* An id may come again with another tool: the latest before the result. */
static void name_parts(apr_hash_t *calls, const llm_turn *turn)
{
    llm_part *parts = (llm_part *)turn->parts->elts;
    int i;

    for (i = 0; i < turn->parts->nelts; i++)
        if (parts[i].kind == LLM_PART_CALL && parts[i].id && parts[i].name)
            apr_hash_set(calls, parts[i].id, APR_HASH_KEY_STRING,
                         parts[i].name);
        else if (parts[i].kind == LLM_PART_RESULT && !parts[i].name)
            parts[i].name = name_of(calls, &parts[i]);
}

void llm_chat_name_results(llm_chat *chat)
{
    const llm_turn *turns = (const llm_turn *)chat->turns->elts;
    apr_hash_t *calls = apr_hash_make(chat->pool);
    int i;

    for (i = 0; i < chat->turns->nelts; i++)
        name_parts(calls, &turns[i]);
}

/* ---- words -------------------------------------------------------------- */

llm_span llm_parts_text(const apr_array_header_t *list, const char *between,
                        apr_pool_t *p)
{
    const llm_part *parts = (const llm_part *)list->elts;
    size_t gap = strlen(between), room = 0;
    llm_span all = { "", 0 };
    char *to;
    int i, found = 0;

    for (i = 0; i < list->nelts; i++)
        if (parts[i].kind == LLM_PART_TEXT)
            room += parts[i].text.len + gap;
    all.at = to = apr_palloc(p, room + 1);
    for (i = 0; i < list->nelts; i++) {
        if (parts[i].kind != LLM_PART_TEXT)
            continue;
        if (found++) {
            memcpy(to + all.len, between, gap);
            all.len += gap;
        }
        if (parts[i].text.len)
            memcpy(to + all.len, parts[i].text.at, parts[i].text.len);
        all.len += parts[i].text.len;
    }
    to[all.len] = '\0';
    return all;
}

/* The budgets that other gateways use for OpenAI's words, low to high, and
 * Anthropic's least (1024) for the least. */
static const struct {
    const char *effort;
    long long budget;
} efforts[] = {
    { "none", 0 }, { "minimal", 1024 }, { "low", 2048 }, { "medium", 8192 },
    { "high", 16384 }, { "xhigh", 32768 }, { "max", 65536 },
};

#define EFFORTS (sizeof efforts / sizeof *efforts)

const char *llm_effort_of_budget(long long tokens)
{
    size_t i;

    if (tokens < 0)
        return "medium";
    for (i = 0; i < EFFORTS - 1; i++)
        if (tokens <= efforts[i].budget)
            break;
    return efforts[i].effort;
}

long long llm_budget_of_effort(const char *effort)
{
    size_t i;

    for (i = 0; i < EFFORTS; i++)
        if (!strcmp(efforts[i].effort, effort))
            return efforts[i].budget;
    return -1;
}

/* ---- what is lost ------------------------------------------------------- */

void llm_losses_init(llm_losses *lost, apr_pool_t *p)
{
    lost->names = apr_array_make(p, 2, sizeof(const char *));
    lost->hints = apr_array_make(p, 2, sizeof(const char *));
}

static void once(apr_array_header_t *list, const char *name)
{
    int i;

    for (i = 0; i < list->nelts; i++)
        if (!strcmp(APR_ARRAY_IDX(list, i, const char *), name))
            return;
    APR_ARRAY_PUSH(list, const char *) = name;
}

void llm_lose(llm_losses *lost, const char *name)
{
    once(lost->names, name);
}

void llm_lose_hint(llm_losses *lost, const char *name)
{
    once(lost->hints, name);
}

void llm_lose_fields(llm_losses *lost, const llm_chat *chat, unsigned can)
{
    const unsigned hints = LLM_BIT(USER) | LLM_BIT(METADATA) | LLM_BIT(TIER)
        | LLM_BIT(CACHE) | LLM_BIT(VERBOSITY) | LLM_BIT(THOUGHTS)
        | LLM_BIT(SPEAKER);
    int i;

    for (i = 0; i < LLM_FIELD_COUNT; i++)
        if (chat->given[i] && !(can >> i & 1))
            once(hints >> i & 1 ? lost->hints : lost->names, chat->given[i]);
    for (i = 0; i < chat->unknown->nelts; i++)
        once(lost->names, APR_ARRAY_IDX(chat->unknown, i, const char *));
    for (i = 0; i < chat->hints->nelts; i++)
        once(lost->hints, APR_ARRAY_IDX(chat->hints, i, const char *));
}

/* ---- media -------------------------------------------------------------- */

llm_part_kind llm_media_kind(const char *media)
{
    return !strncasecmp(media, "image/", 6) ? LLM_PART_IMAGE
        : !strncasecmp(media, "audio/", 6) ? LLM_PART_AUDIO : LLM_PART_FILE;
}

llm_part llm_media_part(const llm_delta *delta)
{
    const char *media = delta->name ? delta->name : "application/octet-stream";

    return (llm_part){ .kind = llm_media_kind(media), .media = media,
                       .data = delta->text };
}

llm_span llm_media_notice(const char *media, size_t base64, apr_pool_t *p)
{
    const unsigned long size = (unsigned long)(base64 / 4 * 3 / 1024 + 1);
    const char *text = apr_psprintf(p, "\n[%s of %lu KB, which this API "
                                    "cannot carry]\n", media, size);

    return (llm_span){ text, strlen(text) };
}
