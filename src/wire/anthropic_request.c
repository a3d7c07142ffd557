/* A client's request of Anthropic's shape, read into the inner form: all but
 * its messages, tools and their blocks. */
#include "anthropic.h"
#include <string.h>

typedef llm_anthropic_reading reading;
typedef llm_anthropic_place place;

static const place options_at = { NULL, "output_config", 0 };
static const place thinking_at = { NULL, "thinking", 0 };
static const place metadata_at = { NULL, "metadata", 0 };

#define GIVE(in, field, name) ((in)->chat->given[LLM_FIELD_##field] = (name))

/* ---- numbers ------------------------------------------------------------ */

static llm_fault read_max_tokens(reading *in, const llm_json *value)
{
    llm_chat *chat = in->chat;

    if (!llm_json_whole(value, &chat->max_tokens) || chat->max_tokens < 0)
        return llm_anthropic_wrong(in, NULL, "max_tokens",
            "max_tokens must be a whole number, 1 or more");
    GIVE(in, MAX_TOKENS, "max_tokens");
    return LLM_OK;
}

static llm_fault read_temperature(reading *in, const llm_json *value)
{
    double number;

    if (!llm_json_number(value, &number) || number < 0 || number > 1)
        return llm_anthropic_wrong(in, NULL, "temperature",
            "temperature must be a number from 0 to 1");
    in->chat->temperature = number;
    GIVE(in, TEMPERATURE, "temperature");
    return LLM_OK;
}

static llm_fault read_top_p(reading *in, const llm_json *value)
{
    double number;

    if (!llm_json_number(value, &number) || number < 0 || number > 1)
        return llm_anthropic_wrong(in, NULL, "top_p",
            "top_p must be a number from 0 to 1");
    in->chat->top_p = number;
    GIVE(in, TOP_P, "top_p");
    return LLM_OK;
}

static llm_fault read_top_k(reading *in, const llm_json *value)
{
    if (!llm_json_whole(value, &in->chat->top_k) || in->chat->top_k < 0)
        return llm_anthropic_wrong(in, NULL, "top_k",
            "top_k must be a whole number, 0 or more");
    GIVE(in, TOP_K, "top_k");
    return LLM_OK;
}

/* ---- lists and words ---------------------------------------------------- */

static llm_fault read_stops(reading *in, const llm_json *value)
{
    static const place stops_at = { NULL, "stop_sequences", 0 };
    size_t i;

    if (llm_json_kind_of(value) != LLM_JSON_ARRAY)
        return llm_anthropic_wrong(in, NULL, "stop_sequences",
            "stop_sequences must be a list of strings");
    for (i = 0; i < llm_json_count(value); i++) {
        const place at = { &stops_at, NULL, i };
        const llm_span stop = llm_json_span(llm_json_element(value, i));

        if (!stop.at)
            return llm_anthropic_wrong(in, &at, NULL,
                "A stop sequence must be a string");
        APR_ARRAY_PUSH(in->chat->stops, llm_span) = stop;
    }
    if (i)
        GIVE(in, STOP, "stop_sequences");
    return LLM_OK;
}

static llm_fault read_metadata(reading *in, const llm_json *value)
{
    static const char *const known[] = { "user_id", NULL };
    llm_fault fault;

    if (llm_json_kind_of(value) != LLM_JSON_OBJECT)
        return llm_anthropic_wrong(in, NULL, "metadata",
            "metadata must be an object");
    llm_anthropic_others(in, &metadata_at, value, known);
    fault = llm_anthropic_word(in, &metadata_at, value, "user_id", 0,
                               &in->chat->user);
    if (!fault && in->chat->user)
        GIVE(in, USER, "metadata.user_id");
    return fault;
}

/* "auto" is what is had without asking. */
static llm_fault read_tier(reading *in, const llm_json *value)
{
    const char *word = llm_json_word(value);

    if (!word || (strcmp(word, "auto") && strcmp(word, "standard_only")))
        return llm_anthropic_wrong(in, NULL, "service_tier",
            "service_tier must be \"auto\" or \"standard_only\"");
    if (*word == 's') {
        in->chat->tier = "default";
        GIVE(in, TIER, "service_tier");
    }
    return LLM_OK;
}

static llm_fault read_speed(reading *in, const llm_json *value)
{
    const char *word = llm_json_word(value);

    if (!word)
        return llm_anthropic_wrong(in, NULL, "speed",
            "speed must be \"standard\" or \"fast\"");
    if (strcmp(word, "standard"))
        llm_anthropic_hint(in, NULL, "speed");
    return LLM_OK;
}

/* ---- thinking ----------------------------------------------------------- */

static llm_fault read_display(reading *in, const llm_json *value)
{
    const char *word;
    llm_fault fault = llm_anthropic_word(in, &thinking_at, value, "display",
                                         0, &word);

    if (fault || !word)
        return fault;
    if (strcmp(word, "summarized") && strcmp(word, "omitted"))
        return llm_anthropic_wrong(in, &thinking_at, "display",
            "thinking.display must be \"summarized\" or \"omitted\"");
    in->chat->thoughts = *word == 's';
    GIVE(in, THOUGHTS, "thinking.display");
    return LLM_OK;
}

static llm_fault read_budget(reading *in, const llm_json *value)
{
    long long *budget = &in->chat->budget;

    if (!llm_json_whole(llm_json_member(value, "budget_tokens"), budget)
        || *budget < 1)
        return llm_anthropic_wrong(in, &thinking_at, "budget_tokens",
            "thinking.budget_tokens must be a whole number, 1024 or more");
    GIVE(in, BUDGET, "thinking.budget_tokens");
    return LLM_OK;
}

static llm_fault read_thinking(reading *in, const llm_json *value)
{
    static const char *const known[] = {
        "type", "budget_tokens", "display", NULL
    };
    const char *type = NULL;
    llm_fault fault;

    if (llm_json_kind_of(value) != LLM_JSON_OBJECT)
        return llm_anthropic_wrong(in, NULL, "thinking",
            "thinking must be an object");
    fault = llm_anthropic_word(in, &thinking_at, value, "type", 1, &type);
    if (fault)
        return fault;
    llm_anthropic_others(in, &thinking_at, value, known);
    if (!strcmp(type, "enabled")) {
        fault = read_budget(in, value);
    }
    else if (!strcmp(type, "adaptive") || !strcmp(type, "disabled")) {
        in->chat->budget = *type == 'a' ? -1 : 0;
        GIVE(in, BUDGET, "thinking");
    }
    else {
        llm_anthropic_unknown(in, &thinking_at, "type");
    }
    return fault ? fault : read_display(in, value);
}

/* ---- output_config ------------------------------------------------------ */

static llm_fault read_effort(reading *in, const llm_json *value)
{
    const char *word = NULL;
    llm_fault fault = llm_anthropic_word(in, &options_at, value, "effort", 0,
                                         &word);

    if (fault || !word)
        return fault;
    if (llm_budget_of_effort(word) <= 0)
        return llm_anthropic_wrong(in, &options_at, "effort",
            "output_config.effort must be \"low\", \"medium\", \"high\", "
            "\"xhigh\" or \"max\"");
    in->chat->effort = word;
    GIVE(in, EFFORT, "output_config.effort");
    return LLM_OK;
}

static llm_fault read_format(reading *in, const llm_json *value)
{
    static const place at = { &options_at, "format", 0 };
    static const char *const known[] = { "type", "schema", NULL };
    const llm_json *format = llm_json_member(value, "format");
    const llm_json *schema = llm_json_member(format, "schema");
    const char *type = NULL;
    llm_fault fault;

    if (llm_anthropic_is_null(format))
        return LLM_OK;
    if (llm_json_kind_of(format) != LLM_JSON_OBJECT)
        return llm_anthropic_wrong(in, &options_at, "format",
            "output_config.format must be an object");
    fault = llm_anthropic_word(in, &at, format, "type", 1, &type);
    if (fault)
        return fault;
    if (strcmp(type, "json_schema")) {
        llm_anthropic_unknown(in, &at, "type");
        return LLM_OK;
    }
    if (llm_json_kind_of(schema) != LLM_JSON_OBJECT)
        return llm_anthropic_wrong(in, &at, "schema",
            "output_config.format.schema must be a JSON schema, an object");
    llm_anthropic_others(in, &at, format, known);
    in->chat->format = LLM_FORMAT_SCHEMA;
    in->chat->schema = llm_json_text(schema, in->p);
    GIVE(in, FORMAT, "output_config.format");
    return LLM_OK;
}

static llm_fault read_output(reading *in, const llm_json *value)
{
    static const char *const known[] = { "effort", "format", NULL };
    llm_fault fault;

    if (llm_json_kind_of(value) != LLM_JSON_OBJECT)
        return llm_anthropic_wrong(in, NULL, "output_config",
            "output_config must be an object");
    llm_anthropic_others(in, &options_at, value, known);
    fault = read_effort(in, value);
    return fault ? fault : read_format(in, value);
}

/* ---- the request -------------------------------------------------------- */

static llm_fault skip(reading *in, const llm_json *value)
{
    (void)in;
    (void)value;
    return LLM_OK;
}

/* What only the provider's own books are about. */
static const char *const hints[] = {
    "diagnostics", "user_profile_id", "workspace_id"
};

static const struct {
    const char *name;
    llm_fault (*read)(reading *in, const llm_json *value);
} members[] = {
    { "model", skip }, { "stream", skip }, { "messages", skip },
    { "cache_control", skip }, { "system", llm_anthropic_read_system },
    { "max_tokens", read_max_tokens }, { "temperature", read_temperature },
    { "top_p", read_top_p }, { "top_k", read_top_k },
    { "stop_sequences", read_stops }, { "metadata", read_metadata },
    { "service_tier", read_tier }, { "speed", read_speed },
    { "thinking", read_thinking }, { "output_config", read_output },
    { "tools", llm_anthropic_read_tools },
    { "tool_choice", llm_anthropic_read_choice },
};

static llm_fault read_member(void *baton, const char *name,
                             const llm_json *value)
{
    reading *in = baton;
    size_t i;

    if (llm_anthropic_is_null(value))
        return LLM_OK;
    for (i = 0; i < sizeof members / sizeof *members; i++)
        if (!strcmp(members[i].name, name))
            return members[i].read(in, value);
    for (i = 0; i < sizeof hints / sizeof *hints; i++)
        if (!strcmp(hints[i], name)) {
            llm_anthropic_hint(in, NULL, name);
            return LLM_OK;
        }
    llm_anthropic_unknown(in, NULL, name);
    return LLM_OK;
}

/* At the top it means the last block that can be cached. */
static llm_fault read_cache(reading *in, const llm_json *body)
{
    llm_turn *turns = (llm_turn *)in->chat->turns->elts;
    const char *cache;
    llm_fault fault = llm_anthropic_cache(in, NULL, body, &cache);
    llm_part *parts;
    int i, k;

    for (i = in->chat->turns->nelts - 1; !fault && cache && i >= 0; i--) {
        parts = (llm_part *)turns[i].parts->elts;
        for (k = turns[i].parts->nelts - 1; k >= 0; k--)
            if (parts[k].kind != LLM_PART_REASONING) {
                parts[k].cache = cache;
                return LLM_OK;
            }
    }
    return fault;
}

/* The system prompt comes first whatever the members' order is. */
llm_fault llm_anthropic_read_counting(const llm_json *body, llm_chat *out,
                                      llm_fault_detail *detail)
{
    reading in = { out, detail, out->pool };
    const llm_json *messages = llm_json_member(body, "messages");
    llm_fault fault;

    if (llm_anthropic_is_null(messages))
        return llm_anthropic_wrong(&in, NULL, "messages",
            "The request has no messages: put in a list of them");
    fault = llm_json_each(body, read_member, &in);
    if (!fault)
        fault = llm_anthropic_read_messages(&in, messages);
    return fault ? fault : read_cache(&in, body);
}

llm_fault llm_anthropic_read_request(const llm_json *body, llm_chat *out,
                                     llm_fault_detail *detail)
{
    reading in = { out, detail, out->pool };

    if (llm_anthropic_is_null(llm_json_member(body, "max_tokens")))
        return llm_anthropic_wrong(&in, NULL, "max_tokens",
            "The request has no max_tokens: say how long the answer may be");
    return llm_anthropic_read_counting(body, out, detail);
}
