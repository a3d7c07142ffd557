/* A request to Gemini: tools, toolConfig and generationConfig. */
#include "gemini.h"
#include <limits.h>
#include <string.h>

#define STOPS_MAX 5             /* stop sequences that Gemini takes */
#define BUDGET_MAX 24576        /* thinking tokens that all of its models take;
                                 * what a client of another family names is
                                 * a ceiling, not a wish */

#define GIVEN(chat, field) ((chat)->given[LLM_FIELD_##field])

/* All that Gemini has a place for, more or less. */
#define CAN                                                                   \
    (LLM_BIT(MAX_TOKENS) | LLM_BIT(TEMPERATURE) | LLM_BIT(TOP_P)              \
     | LLM_BIT(TOP_K) | LLM_BIT(N) | LLM_BIT(SEED) | LLM_BIT(STOP)            \
     | LLM_BIT(PRESENCE) | LLM_BIT(FREQUENCY) | LLM_BIT(LOGPROBS)             \
     | LLM_BIT(FORMAT) | LLM_BIT(TOOLS) | LLM_BIT(TOOL_CHOICE)                \
     | LLM_BIT(EFFORT) | LLM_BIT(BUDGET) | LLM_BIT(THOUGHTS))

/* ---- tools -------------------------------------------------------------- */

static int is_named(const apr_array_header_t *names, const char *name)
{
    int i;

    for (i = 0; i < names->nelts; i++)
        if (!strcmp(APR_ARRAY_IDX(names, i, const char *), name))
            return 1;
    return 0;
}

/* AUTO takes no list of names: there, only the named ones are declared. */
static int is_declared(const llm_chat *chat, const llm_tool *tool)
{
    return chat->choice != LLM_CHOICE_AUTO || !chat->choice_names
        || is_named(chat->choice_names, tool->name);
}

static void put_tools(llm_emit *e, const llm_chat *chat, llm_losses *lost)
{
    const llm_tool *tools = (const llm_tool *)chat->tools->elts;
    int i;

    if (!chat->tools->nelts)
        return;
    llm_emit_array(e, "tools");
    llm_emit_object(e, NULL);
    llm_emit_array(e, "functionDeclarations");
    for (i = 0; i < chat->tools->nelts; i++) {
        if (!is_declared(chat, &tools[i]))
            continue;
        if (tools[i].strict == 1)
            llm_lose_hint(lost, "strict");
        llm_emit_object(e, NULL);
        llm_emit_string(e, "name", tools[i].name);
        llm_emit_string(e, "description", tools[i].description);
        if (tools[i].schema.len)
            llm_emit_raw(e, "parametersJsonSchema", tools[i].schema);
        llm_emit_end_object(e);
    }
    llm_emit_end_array(e);
    llm_emit_end_object(e);
    llm_emit_end_array(e);
}

static void put_choice(llm_emit *e, const llm_chat *chat)
{
    static const char *const modes[] = {
        [LLM_CHOICE_AUTO] = "AUTO", [LLM_CHOICE_NONE] = "NONE",
        [LLM_CHOICE_REQUIRED] = "ANY", [LLM_CHOICE_NAMED] = "ANY"
    };
    const apr_array_header_t *names = chat->choice_names;
    int i;

    if (!GIVEN(chat, TOOL_CHOICE) || !chat->tools->nelts)
        return;
    llm_emit_object(e, "toolConfig");
    llm_emit_object(e, "functionCallingConfig");
    llm_emit_string(e, "mode", modes[chat->choice]);
    if (names && (chat->choice == LLM_CHOICE_NAMED
                  || chat->choice == LLM_CHOICE_REQUIRED)) {
        llm_emit_array(e, "allowedFunctionNames");
        for (i = 0; i < names->nelts; i++)
            llm_emit_string(e, NULL, APR_ARRAY_IDX(names, i, const char *));
        llm_emit_end_array(e);
    }
    llm_emit_end_object(e);
    llm_emit_end_object(e);
}

/* ---- thinking ----------------------------------------------------------- */

/* Beside Gemini's four levels the nearest one; what is off cannot be off
 * everywhere, and is as little as can be. */
static const char *level_of(const char *effort, int *exact)
{
    static const struct {
        const char *effort, *level;
        int exact;
    } levels[] = {
        { "none", "MINIMAL", 0 }, { "minimal", "MINIMAL", 1 },
        { "low", "LOW", 1 }, { "medium", "MEDIUM", 1 },
        { "high", "HIGH", 1 }, { "xhigh", "HIGH", 0 }, { "max", "HIGH", 0 },
    };
    size_t i;

    for (i = 0; i < sizeof levels / sizeof *levels; i++)
        if (!strcmp(effort, levels[i].effort)) {
            *exact = levels[i].exact;
            return levels[i].level;
        }
    *exact = 0;
    return NULL;
}

static void put_level(llm_emit *e, const llm_chat *chat, llm_losses *lost)
{
    const char *effort = GIVEN(chat, EFFORT) ? chat->effort : NULL;
    const char *level;
    int exact;

    if (!effort && chat->budget < 0)
        return;
    level = level_of(effort ? effort : llm_effort_of_budget(chat->budget),
                     &exact);
    llm_emit_string(e, "thinkingLevel", level);
    if (effort && !exact)
        llm_lose_hint(lost, GIVEN(chat, EFFORT));
    if (GIVEN(chat, BUDGET))
        llm_lose_hint(lost, GIVEN(chat, BUDGET));
}

static void put_budget(llm_emit *e, const llm_chat *chat, llm_losses *lost)
{
    long long budget = GIVEN(chat, BUDGET) ? chat->budget
        : llm_budget_of_effort(chat->effort);

    if (budget > BUDGET_MAX) {
        budget = BUDGET_MAX;
        llm_lose_hint(lost, GIVEN(chat, BUDGET) ? GIVEN(chat, BUDGET)
                                                : GIVEN(chat, EFFORT));
    }
    llm_emit_whole(e, "thinkingBudget", budget < 0 ? -1 : budget);
}

static int asks_to_think(const llm_chat *chat)
{
    if (GIVEN(chat, BUDGET))
        return chat->budget != 0;
    return GIVEN(chat, EFFORT) && strcmp(chat->effort, "none");
}

/* The fields of thinking that cannot be said to this model. */
static unsigned cannot_think(const llm_chat *chat, const llm_asking *how)
{
    if (how->facts->thinking != LLM_THINKING_NONE)
        return 0;
    return LLM_BIT(THOUGHTS)
        | (asks_to_think(chat) ? LLM_BIT(EFFORT) | LLM_BIT(BUDGET) : 0);
}

static void put_thinking(llm_emit *e, const llm_chat *chat,
                         const llm_asking *how, llm_losses *lost)
{
    const int depth = GIVEN(chat, EFFORT) || GIVEN(chat, BUDGET);
    const int shown = GIVEN(chat, THOUGHTS) && chat->thoughts;

    if (how->facts->thinking == LLM_THINKING_NONE || (!depth && !shown))
        return;
    llm_emit_object(e, "thinkingConfig");
    if (shown)
        llm_emit_bool(e, "includeThoughts", 1);
    if (depth && how->facts->thinking == LLM_THINKING_BUDGET)
        put_budget(e, chat, lost);
    else if (depth)
        put_level(e, chat, lost);
    llm_emit_end_object(e);
}

/* ---- the rest ----------------------------------------------------------- */

static void put_stops(llm_emit *e, const llm_chat *chat, llm_losses *lost)
{
    int i, n = 0;

    if (!GIVEN(chat, STOP) || !chat->stops->nelts)
        return;
    llm_emit_array(e, "stopSequences");
    for (i = 0; i < chat->stops->nelts; i++) {
        const llm_span stop = APR_ARRAY_IDX(chat->stops, i, llm_span);

        if (!stop.len)
            continue;
        if (n++ == STOPS_MAX) {
            llm_lose(lost, GIVEN(chat, STOP));
            break;
        }
        llm_emit_text(e, NULL, stop);
    }
    llm_emit_end_array(e);
}

/* A ceiling above what the model gives is refused, and means nothing. */
static void put_ceiling(llm_emit *e, const llm_chat *chat,
                        const llm_asking *how)
{
    const long long most = how->facts->output;

    if (GIVEN(chat, MAX_TOKENS))
        llm_emit_whole(e, "maxOutputTokens",
                       most && chat->max_tokens > most ? most
                                                       : chat->max_tokens);
}

/* Google's seed has 32 bits. */
static void put_seed(llm_emit *e, const llm_chat *chat, llm_losses *lost)
{
    if (!GIVEN(chat, SEED))
        return;
    if (chat->seed < INT_MIN || chat->seed > INT_MAX)
        llm_lose(lost, GIVEN(chat, SEED));
    else
        llm_emit_whole(e, "seed", chat->seed);
}

static void put_sampling(llm_emit *e, const llm_chat *chat)
{
    if (GIVEN(chat, TEMPERATURE))
        llm_emit_number(e, "temperature", chat->temperature);
    if (GIVEN(chat, TOP_P))
        llm_emit_number(e, "topP", chat->top_p);
    if (GIVEN(chat, TOP_K))
        llm_emit_whole(e, "topK", chat->top_k);
    if (GIVEN(chat, N))
        llm_emit_whole(e, "candidateCount", chat->n);
    if (GIVEN(chat, PRESENCE))
        llm_emit_number(e, "presencePenalty", chat->presence);
    if (GIVEN(chat, FREQUENCY))
        llm_emit_number(e, "frequencyPenalty", chat->frequency);
}

static void put_logprobs(llm_emit *e, const llm_chat *chat)
{
    if (!GIVEN(chat, LOGPROBS))
        return;
    llm_emit_bool(e, "responseLogprobs", 1);
    if (chat->top_logprobs > 0)
        llm_emit_whole(e, "logprobs", chat->top_logprobs);
}

static void put_format(llm_emit *e, const llm_chat *chat)
{
    if (!GIVEN(chat, FORMAT) || chat->format == LLM_FORMAT_TEXT)
        return;
    llm_emit_string(e, "responseMimeType", "application/json");
    if (chat->format == LLM_FORMAT_SCHEMA && chat->schema.len)
        llm_emit_raw(e, "responseJsonSchema", chat->schema);
}

void llm_gemini_put_config(llm_emit *e, const llm_chat *chat,
                           const llm_asking *how, llm_losses *lost)
{
    size_t before, begun;
    int comma;

    llm_lose_fields(lost, chat, CAN & ~cannot_think(chat, how));
    put_tools(e, chat, lost);
    put_choice(e, chat);
    before = e->out->len;
    comma = e->comma;
    llm_emit_object(e, "generationConfig");
    begun = e->out->len;
    put_ceiling(e, chat, how);
    put_sampling(e, chat);
    put_stops(e, chat, lost);
    put_seed(e, chat, lost);
    put_logprobs(e, chat);
    put_format(e, chat);
    put_thinking(e, chat, how, lost);
    if (e->out->len == begun && !e->fault) {    /* nothing to say */
        e->out->len = before;
        e->comma = comma;
        return;
    }
    llm_emit_end_object(e);
}
