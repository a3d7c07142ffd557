/* A Gemini client's request as a whole. */
#include "gemini.h"
#include <string.h>
#include <strings.h>
#include <apr_hash.h>

/* ---- results without ids ------------------------------------------------ */

/* Calls of one name that no result has answered, first to last. */
typedef struct unanswered {
    const char *id;
    struct unanswered *next, *last;     /* `last` counts in the first only */
} unanswered;

static void await(apr_hash_t *open, const llm_part *call, apr_pool_t *p)
{
    unanswered *first = apr_hash_get(open, call->name, APR_HASH_KEY_STRING);
    unanswered *one = apr_pcalloc(p, sizeof *one);

    one->id = call->id;
    one->last = one;
    if (first) {
        first->last->next = one;
        first->last = one;
    }
    else {
        apr_hash_set(open, call->name, APR_HASH_KEY_STRING, one);
    }
}

static const char *answer(apr_hash_t *open, const char *name)
{
    unanswered *first = apr_hash_get(open, name, APR_HASH_KEY_STRING);

    if (!first)
        return NULL;
    if (first->next)
        first->next->last = first->last;
    apr_hash_set(open, name, APR_HASH_KEY_STRING, first->next);
    return first->id;
}

static int has_call(const llm_turn *turn)
{
    int i;

    for (i = 0; i < turn->parts->nelts; i++)
        if (((llm_part *)turn->parts->elts)[i].kind == LLM_PART_CALL)
            return 1;
    return 0;
}

/* Gemini matches results to calls by their names and order; to all others
 * they need ids. Only the last turn of calls is open to answers. */
static void give_ids(llm_chat *chat)
{
    apr_hash_t *open = apr_hash_make(chat->pool);
    const llm_turn *turns = (const llm_turn *)chat->turns->elts;
    llm_part *part;
    int i, j;

    for (i = 0; i < chat->turns->nelts; i++) {
        if (has_call(&turns[i]))
            apr_hash_clear(open);
        for (j = 0; j < turns[i].parts->nelts; j++) {
            part = &((llm_part *)turns[i].parts->elts)[j];
            if (part->kind == LLM_PART_CALL)
                await(open, part, chat->pool);
            else if (part->kind == LLM_PART_RESULT && !part->id)
                part->id = answer(open, part->name);
        }
    }
}

/* ---- members beside the conversation ------------------------------------ */

static llm_fault contents(llm_gemini_in *in, const llm_gemini_row *row,
                          const llm_json *value, const llm_gemini_at *at)
{
    const llm_span words = llm_json_span(value);
    llm_turn *turn;

    if (!words.at)
        return llm_gemini_list(in, row, value, at, llm_gemini_read_content);
    turn = llm_chat_turn(in->chat, LLM_ROLE_USER);
    llm_turn_part(turn, LLM_PART_TEXT, in->pool)->text = words;
    return LLM_OK;
}

/* No filter at all is what other providers have anyway. */
static llm_fault one_safety(llm_gemini_in *in, const llm_gemini_row *row,
                            const llm_json *value, const llm_gemini_at *at)
{
    const char *threshold = llm_json_word(llm_gemini_member(value,
                                                            "threshold"));

    (void)row;
    (void)at;
    if (!threshold || (strcasecmp(threshold, "BLOCK_NONE")
                       && strcasecmp(threshold, "OFF")
                       && strcasecmp(threshold,
                                     "HARM_BLOCK_THRESHOLD_UNSPECIFIED")))
        *(int *)in->to = 1;
    return LLM_OK;
}

static llm_fault safety(llm_gemini_in *in, const llm_gemini_row *row,
                        const llm_json *value, const llm_gemini_at *at)
{
    int filters = 0;
    llm_fault fault;

    in->to = &filters;
    fault = llm_gemini_list(in, row, value, at, one_safety);
    if (fault || !llm_json_count(value))
        return fault;
    return filters ? llm_gemini_unknown(in, row, value, at)
                   : llm_gemini_hint(in, row, value, at);
}

static llm_fault tier(llm_gemini_in *in, const llm_gemini_row *row,
                      const llm_json *value, const llm_gemini_at *at)
{
    const char *word = llm_json_word(value);

    (void)row;
    if (!word)
        return llm_gemini_wrong(in, at, "This must be a string");
    if (!strcasecmp(word, "flex") || !strcasecmp(word, "priority")) {
        in->chat->tier = strcasecmp(word, "flex") ? "priority" : "flex";
        in->chat->given[LLM_FIELD_TIER] = llm_gemini_path(at, in->pool);
    }
    return LLM_OK;
}

static const llm_gemini_row body_rows[] = {
    { "contents", contents, 0, 0 },
    { "systemInstruction", llm_gemini_nothing, 0, 0 },  /* read before */
    { "tools", llm_gemini_read_tools, 0, 0 },
    { "toolConfig", llm_gemini_read_choice, 0, 0 },
    { "generationConfig", llm_gemini_read_config, 0, 0 },
    { "safetySettings", safety, 0, 0 },
    { "serviceTier", tier, 0, 0 },
    { "labels", llm_gemini_hint, 0, 0 },
    { "store", llm_gemini_hint, 0, 0 },
    { "model", llm_gemini_nothing, 0, 0 },      /* the path's counts */
    { NULL, llm_gemini_unknown, 0, 0 }
};

static llm_fault system_first(llm_gemini_in *in, const llm_json *body,
                              const llm_gemini_at *up)
{
    const llm_json *system = llm_gemini_member(body, "systemInstruction");
    const llm_gemini_at at = { up, llm_json_member(body, "systemInstruction")
                                   ? "systemInstruction"
                                   : "system_instruction", 0 };

    return system ? llm_gemini_read_system(in, NULL, system, &at) : LLM_OK;
}

static llm_fault read_body(llm_gemini_in *in, const llm_json *body,
                           const llm_gemini_at *at)
{
    const llm_gemini_at missing = { at, "contents", 0 };
    llm_fault fault = system_first(in, body, at);

    if (!fault)
        fault = llm_gemini_each(in, body, at, body_rows);
    if (!fault && !llm_gemini_member(body, "contents"))
        fault = llm_gemini_wrong(in, &missing, "The request has no contents");
    if (!fault)
        give_ids(in->chat);
    return fault;
}

static llm_gemini_in begin(llm_chat *chat, llm_fault_detail *detail)
{
    const llm_gemini_in in = {
        .pool = chat->pool, .chat = chat, .unknown = chat->unknown,
        .hints = chat->hints, .detail = detail
    };

    return in;
}

llm_fault llm_gemini_read_request(const llm_json *body, llm_chat *out,
                                  llm_fault_detail *detail)
{
    llm_gemini_in in = begin(out, detail);

    return detail->fault = read_body(&in, body, NULL);
}

/* ---- what is counted ---------------------------------------------------- */

static llm_fault whole_request(llm_gemini_in *in, const llm_gemini_row *row,
                               const llm_json *value, const llm_gemini_at *at)
{
    (void)row;
    return read_body(in, value, at);
}

static const llm_gemini_row count_rows[] = {
    { "generateContentRequest", whole_request, 0, 0 },
    { "contents", llm_gemini_nothing, 0, 0 },   /* the other one counts */
    { "model", llm_gemini_nothing, 0, 0 },
    { NULL, llm_gemini_unknown, 0, 0 }
};

llm_fault llm_gemini_read_count(const llm_json *body, llm_chat *out,
                                llm_fault_detail *detail)
{
    llm_gemini_in in = begin(out, detail);
    llm_fault fault;

    if (llm_gemini_member(body, "generateContentRequest"))
        fault = llm_gemini_each(&in, body, NULL, count_rows);
    else
        fault = read_body(&in, body, NULL);
    return detail->fault = fault;
}
