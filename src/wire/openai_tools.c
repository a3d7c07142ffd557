/* The tools of an OpenAI request and how they may be used. */
#include "openai_chat.h"
#include <string.h>

static llm_fault read_function(llm_openai_reading *in,
                               const llm_openai_place *at,
                               const llm_json *it, llm_tool *tool)
{
    static const char *const known[] = { "name", "description", "parameters",
                                         "strict", "cache_control", NULL };
    const llm_json *schema = llm_json_member(it, "parameters");
    const llm_json *strict = llm_json_member(it, "strict");
    llm_fault fault;

    if (llm_json_kind_of(it) != LLM_JSON_OBJECT)
        return llm_openai_wrong(in, at, NULL, "must be an object");
    fault = llm_openai_word(in, at, it, "name", &tool->name);
    if (!fault)
        fault = llm_openai_word(in, at, it, "description",
                                &tool->description);
    if (!fault && (!tool->name || !*tool->name))
        fault = llm_openai_wrong(in, at, "name", "is missing");
    if (!fault && llm_json_kind_of(schema) != LLM_JSON_NULL
        && llm_json_kind_of(schema) != LLM_JSON_OBJECT)
        fault = llm_openai_wrong(in, at, "parameters", "must be an object");
    if (!fault && llm_json_kind_of(strict) > LLM_JSON_TRUE)
        fault = llm_openai_wrong(in, at, "strict", "must be true or false");
    if (fault)
        return fault;
    if (llm_json_kind_of(schema) == LLM_JSON_OBJECT)
        tool->schema = llm_json_text(schema, in->chat->pool);
    if (llm_json_kind_of(strict) != LLM_JSON_NULL)
        tool->strict = llm_json_is_true(strict);
    tool->cache = llm_openai_cache(in, at, it);
    llm_openai_others(in, at, it, known, NULL);
    return LLM_OK;
}

static llm_fault read_tool(llm_openai_reading *in, const llm_openai_place *at,
                           const llm_json *it)
{
    static const char *const known[] = { "type", "function", "cache_control",
                                         NULL };
    const llm_openai_place inner = { at, "function", -1 };
    const char *type, *cache;
    llm_tool *tool;
    llm_fault fault;

    if (llm_json_kind_of(it) != LLM_JSON_OBJECT)
        return llm_openai_wrong(in, at, NULL, "must be an object");
    fault = llm_openai_word(in, at, it, "type", &type);
    if (fault)
        return fault;
    if (!type)
        return llm_openai_wrong(in, at, "type", "is missing");
    if (strcmp(type, "function")) {
        llm_openai_unknown(in, at, "type");
        return LLM_OK;
    }
    tool = llm_chat_tool(in->chat);
    fault = read_function(in, &inner, llm_json_member(it, "function"), tool);
    cache = llm_openai_cache(in, at, it);
    if (cache)
        tool->cache = cache;
    llm_openai_others(in, at, it, known, NULL);
    return fault;
}

/* `each` for tools and the deprecated functions, which are the same without
 * a type around them. */
static llm_fault read_list(llm_openai_reading *in, const llm_json *body,
                           const char *name)
{
    const llm_json *list = llm_json_member(body, name);
    const int bare = !strcmp(name, "functions");
    llm_fault fault = LLM_OK;
    size_t i;

    if (llm_json_kind_of(list) == LLM_JSON_NULL)
        return LLM_OK;
    if (llm_json_kind_of(list) != LLM_JSON_ARRAY)
        return llm_openai_wrong(in, NULL, name, "must be a list");
    for (i = 0; i < llm_json_count(list) && !fault; i++) {
        const llm_openai_place at = { NULL, name, (int)i };
        const llm_json *it = llm_json_element(list, i);

        fault = bare ? read_function(in, &at, it, llm_chat_tool(in->chat))
                     : read_tool(in, &at, it);
    }
    if (in->chat->tools->nelts && !in->chat->given[LLM_FIELD_TOOLS])
        in->chat->given[LLM_FIELD_TOOLS] = name;
    return fault;
}

/* ---- the choice --------------------------------------------------------- */

static void choose(llm_chat *chat, llm_tool_choice choice, const char *name)
{
    chat->choice = choice;
    chat->given[LLM_FIELD_TOOL_CHOICE]
        = choice == LLM_CHOICE_AUTO ? NULL : name;
}

static llm_fault choose_word(llm_openai_reading *in, const char *member,
                             const char *word)
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
        if (!strcmp(words[i].word, word)) {
            choose(in->chat, words[i].choice, member);
            return LLM_OK;
        }
    return llm_openai_wrong(in, NULL, member,
                            "must be auto, none, required or a tool");
}

static llm_fault add_name(llm_openai_reading *in, const llm_openai_place *at,
                          const llm_json *function)
{
    llm_chat *chat = in->chat;
    const char *name;
    llm_fault fault = llm_openai_word(in, at, function, "name", &name);

    if (fault)
        return fault;
    if (!name)
        return llm_openai_wrong(in, at, "name", "is missing");
    if (!chat->choice_names)
        chat->choice_names = apr_array_make(chat->pool, 2,
                                            sizeof(const char *));
    APR_ARRAY_PUSH(chat->choice_names, const char *) = name;
    return LLM_OK;
}

static int is_chosen(const llm_chat *chat, const char *name)
{
    int i;

    for (i = 0; i < chat->choice_names->nelts; i++)
        if (!strcmp(APR_ARRAY_IDX(chat->choice_names, i, const char *), name))
            return 1;
    return 0;
}

/* "Any of these or none" is the same as having only these. */
static void keep_chosen(llm_chat *chat)
{
    llm_tool *tools = (llm_tool *)chat->tools->elts;
    int i, n = 0;

    for (i = 0; i < chat->tools->nelts; i++)
        if (is_chosen(chat, tools[i].name))
            tools[n++] = tools[i];
    chat->tools->nelts = n;
    chat->choice_names = NULL;
    if (!n)
        chat->given[LLM_FIELD_TOOLS] = NULL;
}

static llm_fault read_allowed(llm_openai_reading *in,
                              const llm_openai_place *outer,
                              const llm_json *it)
{
    static const char *const known[] = { "mode", "tools", NULL };
    const llm_openai_place at = { outer, "allowed_tools", -1 };
    const llm_json *list = llm_json_member(it, "tools");
    const char *mode = llm_json_word(llm_json_member(it, "mode"));
    llm_fault fault = LLM_OK;
    size_t i;

    if (!mode || (strcmp(mode, "auto") && strcmp(mode, "required")))
        return llm_openai_wrong(in, &at, "mode", "must be auto or required");
    if (!llm_json_element(list, 0))
        return llm_openai_wrong(in, &at, "tools", "must be a list of tools");
    llm_openai_others(in, &at, it, known, NULL);
    for (i = 0; i < llm_json_count(list) && !fault; i++) {
        const llm_openai_place tool = { &at, "tools", (int)i };
        const llm_openai_place inner = { &tool, "function", -1 };

        fault = add_name(in, &inner, llm_json_member(llm_json_element(list, i),
                                                     "function"));
    }
    if (fault)
        return fault;
    if (!strcmp(mode, "auto"))
        keep_chosen(in->chat);
    else
        choose(in->chat, LLM_CHOICE_NAMED, "tool_choice");
    return LLM_OK;
}

static llm_fault choose_object(llm_openai_reading *in, const llm_json *it)
{
    static const char *const known[] = { "type", "function", "allowed_tools",
                                         NULL };
    const llm_openai_place at = { NULL, "tool_choice", -1 };
    const llm_openai_place inner = { &at, "function", -1 };
    const char *type = llm_json_word(llm_json_member(it, "type"));

    llm_openai_others(in, &at, it, known, NULL);
    if (!type)
        return llm_openai_wrong(in, &at, "type", "must be a string");
    if (!strcmp(type, "allowed_tools"))
        return read_allowed(in, &at, llm_json_member(it, "allowed_tools"));
    if (strcmp(type, "function")) {
        llm_openai_unknown(in, &at, "type");
        return LLM_OK;
    }
    choose(in->chat, LLM_CHOICE_NAMED, "tool_choice");
    return add_name(in, &inner, llm_json_member(it, "function"));
}

static llm_fault read_choice(llm_openai_reading *in, const llm_json *body,
                             const char *member)
{
    const llm_openai_place at = { NULL, member, -1 };
    const llm_json *it = llm_json_member(body, member);
    const char *word = llm_json_word(it);

    if (llm_json_kind_of(it) == LLM_JSON_NULL)
        return LLM_OK;
    if (word)
        return choose_word(in, member, word);
    if (llm_json_kind_of(it) != LLM_JSON_OBJECT)
        return llm_openai_wrong(in, NULL, member,
                                "must be a string or an object");
    if (!strcmp(member, "tool_choice"))
        return choose_object(in, it);
    choose(in->chat, LLM_CHOICE_NAMED, member);
    return add_name(in, &at, it);
}

llm_fault llm_openai_read_tools(llm_openai_reading *in, const llm_json *body)
{
    llm_fault fault = read_list(in, body, "tools");

    if (!fault)
        fault = read_list(in, body, "functions");
    if (!fault)
        fault = read_choice(in, body, "function_call");
    if (fault)
        return fault;
    in->chat->choice_names = llm_json_kind_of(
        llm_json_member(body, "tool_choice")) == LLM_JSON_NULL
        ? in->chat->choice_names : NULL;
    return read_choice(in, body, "tool_choice");
}
