/* OpenAI chat requests: read from clients, and written for providers. */
#include "openai_chat.h"
#include <string.h>

static llm_fault read_request(const llm_json *body, llm_chat *out,
                               llm_fault_detail *detail)
{
    llm_openai_reading in = { .chat = out, .detail = detail };
    llm_fault fault = llm_openai_read_messages(&in, body);

    if (!fault)
        fault = llm_openai_read_tools(&in, body);
    if (!fault)
        fault = llm_openai_read_format(&in, body);
    return fault ? fault
        : llm_openai_read_fields(&in, body, LLM_OPENAI_CHAT);
}

/* ---- what the model is -------------------------------------------------- */

const char *llm_openai_bare(const char *model)
{
    const char *slash = strrchr(model, '/');

    return slash ? slash + 1 : model;
}

int llm_openai_thinks(const char *model, const llm_facts *facts)
{
    static const char *const begins[] = { "gpt-5", "gpt-6", "o1", "o3", "o4" };
    const char *bare = llm_openai_bare(model);
    size_t i;

    if (facts->thinking == LLM_THINKING_EFFORT)
        return 1;
    for (i = 0; facts->thinking == LLM_THINKING_UNKNOWN
         && i < sizeof begins / sizeof *begins; i++)
        if (!strncmp(bare, begins[i], strlen(begins[i])))
            return 1;
    return 0;
}

static unsigned can_say(const llm_openai_asking *to)
{
    const llm_facts *facts = to->how->facts;
    unsigned can = LLM_BIT(MAX_TOKENS) | LLM_BIT(TEMPERATURE) | LLM_BIT(TOP_P)
        | LLM_BIT(N) | LLM_BIT(SEED) | LLM_BIT(STOP) | LLM_BIT(PRESENCE)
        | LLM_BIT(FREQUENCY) | LLM_BIT(LOGIT_BIAS) | LLM_BIT(LOGPROBS)
        | LLM_BIT(FORMAT) | LLM_BIT(TOOLS) | LLM_BIT(TOOL_CHOICE)
        | LLM_BIT(PARALLEL) | LLM_BIT(EFFORT) | LLM_BIT(BUDGET)
        | LLM_BIT(USER) | LLM_BIT(TIER) | LLM_BIT(SPEAKER);

    if (to->thinks)
        can |= LLM_BIT(VERBOSITY);
    if (facts->no_sampling)
        can &= ~(LLM_BIT(TEMPERATURE) | LLM_BIT(TOP_P));
    if (facts->no_tools)
        can &= ~(LLM_BIT(TOOLS) | LLM_BIT(TOOL_CHOICE) | LLM_BIT(PARALLEL));
    if (facts->thinking == LLM_THINKING_NONE)
        can &= ~(LLM_BIT(EFFORT) | LLM_BIT(BUDGET));
    return can;
}

/* ---- fields ------------------------------------------------------------- */

static void put_max_tokens(llm_openai_asking *to)
{
    const llm_chat *chat = to->chat;
    const long long most = to->how->facts->output;
    long long n = chat->max_tokens;

    /* more than the model ever gives is refused, and means nothing more */
    if (most > 0 && n > most) {
        llm_lose_hint(to->lost, chat->given[LLM_FIELD_MAX_TOKENS]);
        n = most;
    }
    llm_emit_whole(&to->e, to->thinks ? "max_completion_tokens"
                                      : "max_tokens", n);
}

static void put_stops(llm_openai_asking *to)
{
    const apr_array_header_t *stops = to->chat->stops;
    int i;

    if (stops->nelts > 4)
        llm_lose(to->lost, to->chat->given[LLM_FIELD_STOP]);
    llm_emit_array(&to->e, "stop");
    for (i = 0; i < stops->nelts && i < 4; i++)
        llm_emit_text(&to->e, NULL, APR_ARRAY_IDX(stops, i, llm_span));
    llm_emit_end_array(&to->e);
}

void llm_openai_put_fields(llm_openai_asking *to, unsigned can)
{
    const llm_chat *chat = to->chat;
    llm_emit *e = &to->e;

#define SAYS(NAME) (chat->given[LLM_FIELD_##NAME] && can & LLM_BIT(NAME))
    if (SAYS(MAX_TOKENS))
        put_max_tokens(to);
    if (SAYS(TEMPERATURE))
        llm_emit_number(e, "temperature", chat->temperature);
    if (SAYS(TOP_P))
        llm_emit_number(e, "top_p", chat->top_p);
    if (SAYS(N))
        llm_emit_whole(e, "n", chat->n);
    if (SAYS(SEED))
        llm_emit_whole(e, "seed", chat->seed);
    if (SAYS(STOP))
        put_stops(to);
    if (SAYS(PRESENCE))
        llm_emit_number(e, "presence_penalty", chat->presence);
    if (SAYS(FREQUENCY))
        llm_emit_number(e, "frequency_penalty", chat->frequency);
    if (SAYS(LOGIT_BIAS))
        llm_emit_raw(e, "logit_bias", chat->logit_bias);
    if (SAYS(USER))
        llm_emit_string(e, "user", chat->user);
#undef SAYS
}

void llm_openai_put_stream(llm_openai_asking *to)
{
    if (!to->how->stream)
        return;
    llm_emit_bool(&to->e, "stream", 1);
    if (!to->how->ask_usage)
        return;
    llm_emit_object(&to->e, "stream_options");
    llm_emit_bool(&to->e, "include_usage", 1);
    llm_emit_end_object(&to->e);
}

static void put_format(llm_openai_asking *to)
{
    const llm_chat *chat = to->chat;
    llm_emit *e = &to->e;

    if (chat->format == LLM_FORMAT_TEXT)
        return;
    llm_emit_object(e, "response_format");
    if (chat->format == LLM_FORMAT_JSON)
        llm_emit_string(e, "type", "json_object");
    else {
        llm_emit_string(e, "type", "json_schema");
        llm_emit_object(e, "json_schema");
        llm_emit_string(e, "name", chat->schema_name ? chat->schema_name
                                                     : "response");
        llm_emit_string(e, "description", chat->schema_description);
        if (chat->schema.len)
            llm_emit_raw(e, "schema", chat->schema);
        if (chat->schema_strict >= 0)
            llm_emit_bool(e, "strict", chat->schema_strict);
        llm_emit_end_object(e);
    }
    llm_emit_end_object(e);
}

static void put_thinking(llm_openai_asking *to)
{
    const llm_chat *chat = to->chat;

    if (to->how->facts->thinking == LLM_THINKING_NONE)
        return;
    if (chat->given[LLM_FIELD_EFFORT])
        llm_emit_string(&to->e, "reasoning_effort", chat->effort);
    else if (chat->given[LLM_FIELD_BUDGET])
        llm_emit_string(&to->e, "reasoning_effort",
                        llm_effort_of_budget(chat->budget));
}

/* ---- tools -------------------------------------------------------------- */

static void put_tools(llm_openai_asking *to)
{
    const llm_tool *tools = (const llm_tool *)to->chat->tools->elts;
    llm_emit *e = &to->e;
    int i;

    llm_emit_array(e, "tools");
    for (i = 0; i < to->chat->tools->nelts; i++) {
        llm_emit_object(e, NULL);
        llm_emit_string(e, "type", "function");
        llm_emit_object(e, "function");
        llm_emit_string(e, "name", tools[i].name);
        llm_emit_string(e, "description", tools[i].description);
        if (tools[i].schema.len)
            llm_emit_raw(e, "parameters", tools[i].schema);
        if (tools[i].strict >= 0)
            llm_emit_bool(e, "strict", tools[i].strict);
        llm_emit_end_object(e);
        llm_emit_end_object(e);
    }
    llm_emit_end_array(e);
}

static void put_function(llm_emit *e, const char *outer, const char *name)
{
    llm_emit_object(e, outer);
    llm_emit_string(e, "type", "function");
    llm_emit_object(e, "function");
    llm_emit_string(e, "name", name);
    llm_emit_end_object(e);
    llm_emit_end_object(e);
}

static void put_named(llm_emit *e, const apr_array_header_t *names)
{
    int i;

    if (names->nelts == 1) {
        put_function(e, "tool_choice", APR_ARRAY_IDX(names, 0, const char *));
        return;
    }
    llm_emit_object(e, "tool_choice");
    llm_emit_string(e, "type", "allowed_tools");
    llm_emit_object(e, "allowed_tools");
    llm_emit_string(e, "mode", "required");
    llm_emit_array(e, "tools");
    for (i = 0; i < names->nelts; i++)
        put_function(e, NULL, APR_ARRAY_IDX(names, i, const char *));
    llm_emit_end_array(e);
    llm_emit_end_object(e);
    llm_emit_end_object(e);
}

static void put_choice(llm_openai_asking *to)
{
    const llm_chat *chat = to->chat;

    if (chat->choice == LLM_CHOICE_NAMED && chat->choice_names
        && chat->choice_names->nelts)
        put_named(&to->e, chat->choice_names);
    else
        llm_emit_string(&to->e, "tool_choice",
                        chat->choice == LLM_CHOICE_NONE ? "none"
                        : chat->choice == LLM_CHOICE_AUTO ? "auto"
                                                          : "required");
}

static void put_tool_fields(llm_openai_asking *to, unsigned can)
{
    const llm_chat *chat = to->chat;

    if (!chat->tools->nelts || !(can & LLM_BIT(TOOLS)))
        return;
    put_tools(to);
    if (chat->given[LLM_FIELD_TOOL_CHOICE])
        put_choice(to);
    if (chat->given[LLM_FIELD_PARALLEL])
        llm_emit_bool(&to->e, "parallel_tool_calls", chat->parallel);
}

/* ---- all of it ---------------------------------------------------------- */

static void put_others(llm_openai_asking *to, unsigned can)
{
    const llm_chat *chat = to->chat;
    llm_emit *e = &to->e;

    put_tool_fields(to, can);
    if (chat->given[LLM_FIELD_FORMAT])
        put_format(to);
    put_thinking(to);
    if (chat->given[LLM_FIELD_LOGPROBS]) {
        llm_emit_bool(e, "logprobs", 1);
        if (chat->top_logprobs >= 0)
            llm_emit_whole(e, "top_logprobs", chat->top_logprobs);
    }
    if (chat->given[LLM_FIELD_VERBOSITY] && can & LLM_BIT(VERBOSITY))
        llm_emit_string(e, "verbosity", chat->verbosity);
    if (chat->given[LLM_FIELD_TIER])
        llm_emit_string(e, "service_tier", chat->tier);
}

static llm_fault write_request(const llm_chat *chat, const llm_asking *how,
                                llm_losses *lost, llm_buf *out,
                                llm_fault_detail *detail)
{
    llm_openai_asking to = { .chat = chat, .how = how, .lost = lost };
    const size_t before = out->len;
    unsigned can;

    (void)detail;
    to.thinks = llm_openai_thinks(how->model, how->facts);
    to.open = llm_parts_make(how->pool);
    can = can_say(&to);
    llm_lose_fields(lost, chat, can);
    llm_emit_begin(&to.e, out);
    llm_emit_object(&to.e, NULL);
    llm_emit_string(&to.e, "model", how->model);
    llm_openai_put_messages(&to);
    llm_openai_put_fields(&to, can);
    put_others(&to, can);
    llm_openai_put_stream(&to);
    llm_emit_end_object(&to.e);
    if (to.e.fault)
        out->len = before;
    return to.e.fault;
}

const llm_chat_form llm_openai_form = {
    .carries = LLM_CARRIES_PICTURES,
    .read_request = read_request,
    .write_request = write_request,
    .read_reply = llm_openai_read_reply,
    .write_reply = llm_openai_write_reply,
    .reader_size = sizeof(llm_openai_reader),
    .read_piece = llm_openai_read_piece,
    .writer_size = sizeof(llm_openai_writer),
    .write_delta = llm_openai_write_delta
};
