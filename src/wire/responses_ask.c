/* The request to a provider of the Responses API, but for its input. */
#include "responses.h"
#include <apr_strings.h>
#include <string.h>

#define CAN (LLM_BIT(MAX_TOKENS) | LLM_BIT(TEMPERATURE) | LLM_BIT(TOP_P)      \
    | LLM_BIT(LOGPROBS) | LLM_BIT(FORMAT) | LLM_BIT(TOOLS)                    \
    | LLM_BIT(TOOL_CHOICE) | LLM_BIT(PARALLEL) | LLM_BIT(EFFORT)              \
    | LLM_BIT(BUDGET) | LLM_BIT(THOUGHTS) | LLM_BIT(VERBOSITY)                \
    | LLM_BIT(USER) | LLM_BIT(METADATA) | LLM_BIT(TIER))

#define MOST_LOGPROBS 20
#define LEAST_TOKENS 16         /* the API gives no room for less */

typedef struct asking {
    const llm_chat *chat;
    const llm_asking *how;
    llm_losses *lost;
    llm_emit e;
} asking;

#define GIVEN(a, field) ((a)->chat->given[LLM_FIELD_##field])

/* ---- instructions ------------------------------------------------------- */

static int is_system(const llm_turn *turn)
{
    return turn->role == LLM_ROLE_SYSTEM || turn->role == LLM_ROLE_DEVELOPER;
}

/* The turns at the head that are instructions; how many. */
static int put_instructions(asking *a)
{
    const llm_turn *turns = (const llm_turn *)a->chat->turns->elts;
    apr_array_header_t *parts = llm_parts_make(a->how->pool);
    int i, n;

    for (n = 0; n < a->chat->turns->nelts && is_system(&turns[n]); n++)
        for (i = 0; i < turns[n].parts->nelts; i++)
            *llm_parts_add(parts, LLM_PART_TEXT) =
                ((const llm_part *)turns[n].parts->elts)[i];
    for (i = 0; i < parts->nelts; i++)
        if (((const llm_part *)parts->elts)[i].kind != LLM_PART_TEXT)
            llm_lose(a->lost, "system");
    if (parts->nelts)
        llm_emit_text(&a->e, "instructions",
                      llm_parts_text(parts, "\n\n", a->how->pool));
    return n;
}

/* ---- sampling ----------------------------------------------------------- */

static void put_sampling(asking *a)
{
    const llm_chat *chat = a->chat;
    long long most = chat->max_tokens;

    if (GIVEN(a, MAX_TOKENS)) {
        if (most < LEAST_TOKENS)
            llm_lose_hint(a->lost, GIVEN(a, MAX_TOKENS));
        llm_emit_whole(&a->e, "max_output_tokens",
                       most < LEAST_TOKENS ? LEAST_TOKENS : most);
    }
    if (GIVEN(a, TEMPERATURE) && a->how->facts->no_sampling)
        llm_lose(a->lost, GIVEN(a, TEMPERATURE));
    else if (GIVEN(a, TEMPERATURE))
        llm_emit_number(&a->e, "temperature", chat->temperature);
    if (GIVEN(a, TOP_P) && a->how->facts->no_sampling)
        llm_lose(a->lost, GIVEN(a, TOP_P));
    else if (GIVEN(a, TOP_P))
        llm_emit_number(&a->e, "top_p", chat->top_p);
    if (!GIVEN(a, LOGPROBS) || chat->top_logprobs <= 0)
        return;
    if (chat->top_logprobs > MOST_LOGPROBS)
        llm_lose(a->lost, GIVEN(a, LOGPROBS));
    llm_emit_whole(&a->e, "top_logprobs", chat->top_logprobs > MOST_LOGPROBS
                                              ? MOST_LOGPROBS
                                              : chat->top_logprobs);
}

/* ---- text --------------------------------------------------------------- */

static void put_format(asking *a)
{
    const llm_chat *chat = a->chat;
    llm_span schema = chat->schema;

    llm_emit_object(&a->e, "format");
    if (chat->format == LLM_FORMAT_JSON
        || (chat->format == LLM_FORMAT_SCHEMA && !schema.len)) {
        llm_emit_string(&a->e, "type", "json_object");
    }
    else {
        llm_emit_string(&a->e, "type", "json_schema");
        llm_emit_string(&a->e, "name", chat->schema_name ? chat->schema_name
                                                         : "answer");
        llm_emit_string(&a->e, "description", chat->schema_description);
        llm_emit_raw(&a->e, "schema", schema);
        if (chat->schema_strict >= 0)
            llm_emit_bool(&a->e, "strict", chat->schema_strict);
    }
    llm_emit_end_object(&a->e);
}

static void put_text(asking *a)
{
    int format = GIVEN(a, FORMAT) && a->chat->format != LLM_FORMAT_TEXT;

    if (!format && !GIVEN(a, VERBOSITY))
        return;
    llm_emit_object(&a->e, "text");
    if (format)
        put_format(a);
    if (GIVEN(a, VERBOSITY))
        llm_emit_string(&a->e, "verbosity", a->chat->verbosity);
    llm_emit_end_object(&a->e);
}

/* ---- reasoning ---------------------------------------------------------- */

static const char *effort_of(const asking *a)
{
    if (GIVEN(a, EFFORT))
        return a->chat->effort;
    return GIVEN(a, BUDGET) ? llm_effort_of_budget(a->chat->budget) : NULL;
}

/* Sealed reasoning is asked for only where it is sure that the model thinks:
 * others refuse to be asked. */
static void put_reasoning(asking *a)
{
    const llm_thinking thinking = a->how->facts->thinking;
    const char *effort = effort_of(a);
    int show = GIVEN(a, THOUGHTS) && a->chat->thoughts;

    if (thinking == LLM_THINKING_NONE) {
        if (effort && strcmp(effort, "none"))
            llm_lose(a->lost, GIVEN(a, EFFORT) ? GIVEN(a, EFFORT)
                                               : GIVEN(a, BUDGET));
        if (show)
            llm_lose_hint(a->lost, GIVEN(a, THOUGHTS));
        return;
    }
    if (effort || show) {
        llm_emit_object(&a->e, "reasoning");
        llm_emit_string(&a->e, "effort", effort);
        if (show)
            llm_emit_string(&a->e, "summary", "auto");
        llm_emit_end_object(&a->e);
    }
}

static int thinks(const asking *a)
{
    const char *effort = effort_of(a);

    if (a->how->facts->thinking == LLM_THINKING_NONE)
        return 0;
    return a->how->facts->thinking == LLM_THINKING_EFFORT
        || (effort && strcmp(effort, "none"))
        || (GIVEN(a, THOUGHTS) && a->chat->thoughts);
}

static void put_include(asking *a)
{
    llm_emit_array(&a->e, "include");
    if (thinks(a))
        llm_emit_string(&a->e, NULL, "reasoning.encrypted_content");
    if (GIVEN(a, LOGPROBS))
        llm_emit_string(&a->e, NULL, "message.output_text.logprobs");
    llm_emit_end_array(&a->e);
}

/* ---- tools -------------------------------------------------------------- */

/* Not strict unless it was said: here, unlike elsewhere, it is the default. */
static void put_tools(asking *a)
{
    const llm_tool *tools = (const llm_tool *)a->chat->tools->elts;
    int i;

    llm_emit_array(&a->e, "tools");
    for (i = 0; i < a->chat->tools->nelts; i++) {
        llm_emit_object(&a->e, NULL);
        llm_emit_string(&a->e, "type", "function");
        llm_emit_string(&a->e, "name", tools[i].name);
        llm_emit_string(&a->e, "description", tools[i].description);
        if (tools[i].schema.len)
            llm_emit_raw(&a->e, "parameters", tools[i].schema);
        else
            llm_emit_null(&a->e, "parameters");
        llm_emit_bool(&a->e, "strict", tools[i].strict == 1);
        llm_emit_end_object(&a->e);
    }
    llm_emit_end_array(&a->e);
}

static void put_name(asking *a, const char *name)
{
    llm_emit_string(&a->e, "type", "function");
    llm_emit_string(&a->e, "name", name);
}

static void put_names(asking *a)
{
    const apr_array_header_t *names = a->chat->choice_names;
    int i;

    llm_emit_object(&a->e, "tool_choice");
    if (names->nelts == 1) {
        put_name(a, APR_ARRAY_IDX(names, 0, const char *));
    }
    else {
        llm_emit_string(&a->e, "type", "allowed_tools");
        llm_emit_string(&a->e, "mode", "required");
        llm_emit_array(&a->e, "tools");
        for (i = 0; i < names->nelts; i++) {
            llm_emit_object(&a->e, NULL);
            put_name(a, APR_ARRAY_IDX(names, i, const char *));
            llm_emit_end_object(&a->e);
        }
        llm_emit_end_array(&a->e);
    }
    llm_emit_end_object(&a->e);
}

static void put_choice(asking *a)
{
    static const char *const words[] = {
        [LLM_CHOICE_AUTO] = "auto", [LLM_CHOICE_NONE] = "none",
        [LLM_CHOICE_REQUIRED] = "required", [LLM_CHOICE_NAMED] = "required"
    };
    const apr_array_header_t *names = a->chat->choice_names;

    if (a->chat->choice == LLM_CHOICE_NAMED && names && names->nelts)
        put_names(a);
    else
        llm_emit_string(&a->e, "tool_choice", words[a->chat->choice]);
}

static void put_all_tools(asking *a)
{
    if (a->how->facts->no_tools && a->chat->tools->nelts) {
        llm_lose(a->lost, GIVEN(a, TOOLS) ? GIVEN(a, TOOLS) : "tools");
        return;
    }
    if (a->chat->tools->nelts)
        put_tools(a);
    if (GIVEN(a, TOOL_CHOICE))
        put_choice(a);
    if (GIVEN(a, PARALLEL))
        llm_emit_bool(&a->e, "parallel_tool_calls", a->chat->parallel);
}

/* ---- all of it ---------------------------------------------------------- */

static void put_hints(asking *a)
{
    if (GIVEN(a, METADATA))
        llm_emit_raw(&a->e, "metadata", a->chat->metadata);
    if (GIVEN(a, USER))
        llm_emit_string(&a->e, "user", a->chat->user);
    if (GIVEN(a, TIER))
        llm_emit_string(&a->e, "service_tier", a->chat->tier);
}

llm_fault llm_responses_write_request(const llm_chat *chat,
                                      const llm_asking *how, llm_losses *lost,
                                      llm_buf *out, llm_fault_detail *detail)
{
    asking a = { chat, how, lost, { 0 } };
    int from;

    (void)detail;
    llm_lose_fields(lost, chat, CAN);
    llm_emit_begin(&a.e, out);
    llm_emit_object(&a.e, NULL);
    llm_emit_string(&a.e, "model", how->model);
    from = put_instructions(&a);
    llm_responses_put_input(&a.e, chat, from, lost);
    put_sampling(&a);
    put_text(&a);
    put_reasoning(&a);
    put_all_tools(&a);
    put_hints(&a);
    if (how->stream)
        llm_emit_bool(&a.e, "stream", 1);
    llm_emit_bool(&a.e, "store", 0);
    if (thinks(&a) || GIVEN(&a, LOGPROBS))
        put_include(&a);
    llm_emit_end_object(&a.e);
    return a.e.fault;
}
