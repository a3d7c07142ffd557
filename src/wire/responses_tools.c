/* The tools of a client's request to the Responses API, and the choice. */
#include "responses.h"
#include <apr_hash.h>
#include <apr_strings.h>
#include <string.h>

typedef llm_responses_reading reading;

/* ---- tools -------------------------------------------------------------- */

typedef struct walk {
    reading *in;
    size_t index;
} walk;

static const char *at(reading *in, size_t i, const char *member)
{
    return apr_psprintf(in->p, "tools[%" APR_SIZE_T_FMT "].%s", i, member);
}

/* Members that a function tool may have and that have no place here. */
static llm_fault other_member(void *baton, const char *name,
                              const llm_json *value)
{
    static const char *const known[] = {
        "type", "name", "description", "parameters", "strict"
    };
    const walk *w = baton;
    size_t i;

    for (i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(known[i], name))
            return LLM_OK;
    if (llm_json_kind_of(value) > LLM_JSON_FALSE)
        llm_responses_unknown(w->in, at(w->in, w->index, name));
    return LLM_OK;
}

static llm_fault read_strict(reading *in, size_t i, const llm_json *strict,
                             llm_tool *out)
{
    switch (llm_json_kind_of(strict)) {
    case LLM_JSON_TRUE:
        out->strict = 1;
        return LLM_OK;
    case LLM_JSON_FALSE:
        out->strict = 0;
        return LLM_OK;
    case LLM_JSON_NULL:
        return LLM_OK;
    default:
        return llm_responses_wrong(in, at(in, i, "strict"),
                                   "strict must be true or false");
    }
}

static llm_fault read_function(reading *in, size_t i, const llm_json *tool)
{
    const llm_json *parameters = llm_json_member(tool, "parameters");
    const llm_json *text = llm_json_member(tool, "description");
    const char *name = llm_json_word(llm_json_member(tool, "name"));
    walk w = { in, i };
    llm_tool *out;

    if (!name || !*name)
        return llm_responses_wrong(in, at(in, i, "name"),
                                   "A function needs a name");
    if (llm_json_kind_of(text) != LLM_JSON_NULL && !llm_json_word(text))
        return llm_responses_wrong(in, at(in, i, "description"),
                                   "A description must be a string");
    if (llm_json_kind_of(parameters) != LLM_JSON_NULL
        && llm_json_kind_of(parameters) != LLM_JSON_OBJECT)
        return llm_responses_wrong(in, at(in, i, "parameters"),
                                   "parameters must be a JSON Schema: an "
                                   "object");
    out = llm_chat_tool(in->chat);
    out->name = apr_pstrdup(in->p, name);
    if (llm_json_word(text))
        out->description = apr_pstrdup(in->p, llm_json_word(text));
    if (llm_json_kind_of(parameters) == LLM_JSON_OBJECT)
        out->schema = llm_json_text(parameters, in->p);
    llm_json_each(tool, other_member, &w);
    return read_strict(in, i, llm_json_member(tool, "strict"), out);
}

llm_fault llm_responses_read_tools(reading *in, const llm_json *tools)
{
    llm_fault fault = LLM_OK;
    size_t i;

    if (llm_json_kind_of(tools) != LLM_JSON_ARRAY)
        return llm_responses_wrong(in, "tools", "tools must be an array");
    for (i = 0; !fault && i < llm_json_count(tools); i++) {
        const llm_json *tool = llm_json_element(tools, i);
        const char *type = llm_json_word(llm_json_member(tool, "type"));

        if (!type)
            fault = llm_responses_wrong(in, at(in, i, "type"),
                                        "A tool must be an object with a "
                                        "type");
        else if (strcmp(type, "function"))
            llm_responses_unknown(in, at(in, i, "type"));
        else
            fault = read_function(in, i, tool);
    }
    if (in->chat->tools->nelts)
        in->chat->given[LLM_FIELD_TOOLS] = "tools";
    return fault;
}

/* ---- the choice --------------------------------------------------------- */

static void choose(reading *in, llm_tool_choice choice)
{
    in->chat->choice = choice;
    if (choice != LLM_CHOICE_AUTO)
        in->chat->given[LLM_FIELD_TOOL_CHOICE] = "tool_choice";
}

static llm_fault choose_word(reading *in, const char *text)
{
    static const struct {
        const char *word;
        llm_tool_choice choice;
    } words[] = {
        { "auto", LLM_CHOICE_AUTO }, { "none", LLM_CHOICE_NONE },
        { "required", LLM_CHOICE_REQUIRED },
    };
    size_t i;

    for (i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(words[i].word, text)) {
            choose(in, words[i].choice);
            return LLM_OK;
        }
    return llm_responses_wrong(in, "tool_choice", "tool_choice must be auto, "
                               "none, required or an object");
}

static llm_fault choose_name(reading *in, const llm_json *name)
{
    const char *text = llm_json_word(name);

    if (!text || !*text)
        return llm_responses_wrong(in, "tool_choice.name",
                                   "tool_choice needs the function's name");
    in->chat->choice_names = apr_array_make(in->p, 1, sizeof(const char *));
    APR_ARRAY_PUSH(in->chat->choice_names, const char *) =
        apr_pstrdup(in->p, text);
    choose(in, LLM_CHOICE_NAMED);
    return LLM_OK;
}

static void keep_tools(llm_chat *chat, const apr_hash_t *allowed)
{
    llm_tool *tools = (llm_tool *)chat->tools->elts;
    int i, n = 0;

    for (i = 0; i < chat->tools->nelts; i++)
        if (apr_hash_get((apr_hash_t *)allowed, tools[i].name,
                         APR_HASH_KEY_STRING))
            tools[n++] = tools[i];
    chat->tools->nelts = n;
}

/* A tool that may not be called need not be told of: that can be said in
 * every dialect. */
static llm_fault choose_allowed(reading *in, const llm_json *choice)
{
    const llm_json *tools = llm_json_member(choice, "tools");
    const char *mode = llm_json_word(llm_json_member(choice, "mode")), *name;
    apr_hash_t *allowed = apr_hash_make(in->p);
    size_t i;

    if (!mode || llm_json_kind_of(tools) != LLM_JSON_ARRAY)
        return llm_responses_wrong(in, "tool_choice.tools", "allowed_tools "
                                   "needs a mode and an array of tools");
    for (i = 0; i < llm_json_count(tools); i++) {
        const llm_json *tool = llm_json_element(tools, i);

        name = llm_json_word(llm_json_member(tool, "name"));
        if (name)
            apr_hash_set(allowed, apr_pstrdup(in->p, name),
                         APR_HASH_KEY_STRING, "");
        else
            llm_responses_unknown(in, apr_psprintf(in->p, "tool_choice.tools"
                                  "[%" APR_SIZE_T_FMT "]", i));
    }
    keep_tools(in->chat, allowed);
    if (in->chat->tools->nelts)
        return choose_word(in, mode);
    in->chat->given[LLM_FIELD_TOOLS] = NULL;
    if (strcmp(mode, "required"))
        return LLM_OK;
    return llm_responses_wrong(in, "tool_choice.tools", "None of the allowed "
                               "tools is among the request's functions");
}

llm_fault llm_responses_read_choice(reading *in, const llm_json *choice)
{
    const char *text = llm_json_word(choice), *type;

    if (text)
        return choose_word(in, text);
    type = llm_json_word(llm_json_member(choice, "type"));
    if (!type)
        return llm_responses_wrong(in, "tool_choice", "tool_choice must be a "
                                   "string or an object with a type");
    if (!strcmp(type, "function"))
        return choose_name(in, llm_json_member(choice, "name"));
    if (!strcmp(type, "allowed_tools"))
        return choose_allowed(in, choice);
    llm_responses_unknown(in, "tool_choice");
    return LLM_OK;
}
