/* The tools of a client's request of Anthropic's shape, read. */
#include "anthropic.h"
#include <string.h>

typedef llm_anthropic_reading reading;
typedef llm_anthropic_place place;

static const place tools_at = { NULL, "tools", 0 };
static const place choice_at = { NULL, "tool_choice", 0 };

/* ---- tools -------------------------------------------------------------- */

static llm_fault read_strict(reading *in, const place *at,
                             const llm_json *from, int *strict)
{
    const llm_json *value = llm_json_member(from, "strict");

    if (llm_anthropic_is_null(value))
        return LLM_OK;
    if (llm_json_kind_of(value) > LLM_JSON_TRUE)
        return llm_anthropic_wrong(in, at, "strict",
            "strict must be true or false");
    *strict = llm_json_is_true(value);
    return LLM_OK;
}

static llm_fault read_schema(reading *in, const place *at,
                             const llm_json *from, llm_span *schema)
{
    const llm_json *value = llm_json_member(from, "input_schema");

    if (llm_json_kind_of(value) != LLM_JSON_OBJECT)
        return llm_anthropic_wrong(in, at, "input_schema",
            "input_schema must be a JSON schema, an object");
    *schema = llm_json_text(value, in->p);
    return LLM_OK;
}

static llm_fault read_tool(reading *in, const place *at, const llm_json *from)
{
    static const char *const known[] = {
        "type", "name", "description", "input_schema", "strict",
        "cache_control", "eager_input_streaming", NULL
    };
    llm_tool tool = { .strict = -1 };
    const char *type;
    llm_fault fault;

    if (llm_json_kind_of(from) != LLM_JSON_OBJECT)
        return llm_anthropic_wrong(in, at, NULL, "A tool must be an object");
    fault = llm_anthropic_word(in, at, from, "type", 0, &type);
    if (!fault && type && strcmp(type, "custom")) {
        llm_anthropic_unknown(in, at, "type");  /* the provider's own */
        return LLM_OK;
    }
    if (fault
        || (fault = llm_anthropic_word(in, at, from, "name", 1, &tool.name))
        || (fault = llm_anthropic_word(in, at, from, "description", 0,
                                       &tool.description))
        || (fault = read_schema(in, at, from, &tool.schema))
        || (fault = read_strict(in, at, from, &tool.strict))
        || (fault = llm_anthropic_cache(in, at, from, &tool.cache)))
        return fault;
    llm_anthropic_others(in, at, from, known);
    if (llm_json_is_true(llm_json_member(from, "eager_input_streaming")))
        llm_anthropic_hint(in, at, "eager_input_streaming");
    *llm_chat_tool(in->chat) = tool;
    return LLM_OK;
}

llm_fault llm_anthropic_read_tools(reading *in, const llm_json *tools)
{
    size_t i, n = llm_json_count(tools);
    llm_fault fault = LLM_OK;

    if (llm_json_kind_of(tools) != LLM_JSON_ARRAY)
        return llm_anthropic_wrong(in, &tools_at, NULL,
            "tools must be a list of tools");
    for (i = 0; i < n && !fault; i++) {
        const place at = { &tools_at, NULL, i };

        fault = read_tool(in, &at, llm_json_element(tools, i));
    }
    if (!fault && in->chat->tools->nelts)
        in->chat->given[LLM_FIELD_TOOLS] = "tools";
    return fault;
}

/* ---- which of them ------------------------------------------------------ */

static llm_fault read_parallel(reading *in, const llm_json *choice)
{
    const char *name = "disable_parallel_tool_use";
    const llm_json *value = llm_json_member(choice, name);

    if (llm_json_kind_of(value) > LLM_JSON_TRUE)
        return llm_anthropic_wrong(in, &choice_at, name,
            "disable_parallel_tool_use must be true or false");
    if (llm_json_is_true(value)) {
        in->chat->parallel = 0;
        in->chat->given[LLM_FIELD_PARALLEL] =
            "tool_choice.disable_parallel_tool_use";
    }
    return LLM_OK;
}

static llm_fault read_name(reading *in, const llm_json *choice)
{
    const char *name;
    llm_fault fault = llm_anthropic_word(in, &choice_at, choice, "name", 1,
                                         &name);

    if (fault)
        return fault;
    in->chat->choice_names = apr_array_make(in->p, 1, sizeof name);
    APR_ARRAY_PUSH(in->chat->choice_names, const char *) = name;
    return LLM_OK;
}

/* What the type says; "auto" is what is had without asking. */
llm_fault llm_anthropic_read_choice(reading *in, const llm_json *choice)
{
    static const char *const known[] = {
        "type", "name", "disable_parallel_tool_use", NULL
    };
    static const char *const types[] = { "auto", "none", "any", "tool" };
    const char *type = NULL;
    llm_fault fault;
    int i;

    if (llm_json_kind_of(choice) != LLM_JSON_OBJECT)
        return llm_anthropic_wrong(in, &choice_at, NULL,
            "tool_choice must be an object");
    fault = llm_anthropic_word(in, &choice_at, choice, "type", 1, &type);
    if (fault)
        return fault;
    llm_anthropic_others(in, &choice_at, choice, known);
    for (i = LLM_CHOICE_AUTO; i <= LLM_CHOICE_NAMED; i++)
        if (!strcmp(types[i], type))
            break;
    if (i > LLM_CHOICE_NAMED)
        return llm_anthropic_wrong(in, &choice_at, "type",
            "tool_choice.type must be \"auto\", \"any\", \"tool\" or "
            "\"none\"");
    in->chat->choice = i;
    if (i != LLM_CHOICE_AUTO)
        in->chat->given[LLM_FIELD_TOOL_CHOICE] = "tool_choice";
    if (i == LLM_CHOICE_NAMED)
        fault = read_name(in, choice);
    return fault ? fault : read_parallel(in, choice);
}
