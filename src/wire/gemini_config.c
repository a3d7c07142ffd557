/* A Gemini client's settings: generationConfig, tools, toolConfig. */
#include "gemini.h"
#include <string.h>
#include <strings.h>
#include <apr_strings.h>

#define OF(member) offsetof(llm_chat, member)

static void give(llm_gemini_in *in, llm_field field, const llm_gemini_at *at)
{
    in->chat->given[field] = llm_gemini_path(at, in->pool);
}

/* ---- thinking ----------------------------------------------------------- */

static llm_fault level(llm_gemini_in *in, const llm_gemini_row *row,
                       const llm_json *value, const llm_gemini_at *at)
{
    static const char *const levels[] = { "minimal", "low", "medium", "high" };
    const char *word = llm_json_word(value);
    size_t i;

    (void)row;
    if (!word)
        return llm_gemini_wrong(in, at, "The level must be a string");
    if (!strcasecmp(word, "THINKING_LEVEL_UNSPECIFIED"))
        return LLM_OK;
    for (i = 0; i < sizeof levels / sizeof *levels; i++)
        if (!strcasecmp(word, levels[i])) {
            in->chat->effort = levels[i];
            give(in, LLM_FIELD_EFFORT, at);
            return LLM_OK;
        }
    return llm_gemini_wrong(in, at, "The level must be MINIMAL, LOW, MEDIUM "
                            "or HIGH");
}

static llm_fault thoughts(llm_gemini_in *in, const llm_gemini_row *row,
                          const llm_json *value, const llm_gemini_at *at)
{
    llm_fault fault;

    in->to = in->chat;
    fault = llm_gemini_flag(in, row, value, at);
    if (!fault && in->chat->thoughts)
        give(in, LLM_FIELD_THOUGHTS, at);
    return fault;
}

static llm_fault thinking(llm_gemini_in *in, const llm_gemini_row *row,
                          const llm_json *value, const llm_gemini_at *at)
{
    static const llm_gemini_row rows[] = {
        { "includeThoughts", thoughts, OF(thoughts), 0 },
        { "thinkingBudget", llm_gemini_whole, OF(budget), LLM_FIELD_BUDGET },
        { "thinkingLevel", level, 0, 0 },
        { NULL, llm_gemini_unknown, 0, 0 }
    };

    (void)row;
    return llm_gemini_each(in, value, at, rows);
}

/* ---- the answer's form -------------------------------------------------- */

static llm_fault mime(llm_gemini_in *in, const llm_gemini_row *row,
                      const llm_json *value, const llm_gemini_at *at)
{
    const char *word = llm_json_word(value);

    if (!word)
        return llm_gemini_wrong(in, at, "The type must be a string");
    if (!strcasecmp(word, "application/json")) {
        if (in->chat->format == LLM_FORMAT_TEXT)
            in->chat->format = LLM_FORMAT_JSON;
        if (!in->chat->given[LLM_FIELD_FORMAT])
            give(in, LLM_FIELD_FORMAT, at);
        return LLM_OK;
    }
    return *word && strcasecmp(word, "text/plain")
        ? llm_gemini_unknown(in, row, value, at) : LLM_OK;
}

static llm_fault set_schema(llm_gemini_in *in, llm_span schema,
                            const llm_gemini_at *at)
{
    if (!schema.len)
        return LLM_INTERNAL;
    in->chat->format = LLM_FORMAT_SCHEMA;
    in->chat->schema = schema;
    give(in, LLM_FIELD_FORMAT, at);
    return LLM_OK;
}

static llm_fault google_schema(llm_gemini_in *in, const llm_gemini_row *row,
                               const llm_json *value, const llm_gemini_at *at)
{
    (void)row;
    if (llm_json_kind_of(value) != LLM_JSON_OBJECT)
        return llm_gemini_wrong(in, at, "The schema must be an object");
    if (in->chat->schema.len)           /* the JSON Schema says more */
        return LLM_OK;
    return set_schema(in, llm_gemini_schema(value, in->pool), at);
}

static llm_fault json_schema(llm_gemini_in *in, const llm_gemini_row *row,
                             const llm_json *value, const llm_gemini_at *at)
{
    (void)row;
    if (llm_json_kind_of(value) != LLM_JSON_OBJECT)
        return llm_gemini_wrong(in, at, "The schema must be an object");
    return set_schema(in, llm_json_text(value, in->pool), at);
}

static llm_fault modalities(llm_gemini_in *in, const llm_gemini_row *row,
                            const llm_json *value, const llm_gemini_at *at)
{
    const char *only = llm_json_word(llm_json_element(value, 0));

    if (only && llm_json_count(value) == 1 && !strcasecmp(only, "TEXT"))
        return LLM_OK;
    return llm_gemini_unknown(in, row, value, at);
}

/* ---- numbers ------------------------------------------------------------ */

static llm_fault candidates(llm_gemini_in *in, const llm_gemini_row *row,
                            const llm_json *value, const llm_gemini_at *at)
{
    llm_fault fault = llm_gemini_whole(in, row, value, at);

    if (!fault && in->chat->n < 1)
        return llm_gemini_wrong(in, at, "This must be at least 1");
    if (!fault && in->chat->n == 1)
        in->chat->given[LLM_FIELD_N] = NULL;
    return fault;
}

static llm_fault penalty(llm_gemini_in *in, const llm_gemini_row *row,
                         const llm_json *value, const llm_gemini_at *at)
{
    llm_fault fault = llm_gemini_number(in, row, value, at);

    if (!fault && *(double *)((char *)in->chat + row->offset) == 0)
        in->chat->given[row->field] = NULL;
    return fault;
}

static llm_fault stop(llm_gemini_in *in, const llm_gemini_row *row,
                      const llm_json *value, const llm_gemini_at *at)
{
    llm_gemini_at here = { at, NULL, 0 };
    llm_span word;

    (void)row;
    if (llm_json_kind_of(value) != LLM_JSON_ARRAY)
        return llm_gemini_wrong(in, at, "This must be a list of strings");
    for (; here.index < llm_json_count(value); here.index++) {
        word = llm_json_span(llm_json_element(value, here.index));
        if (!word.at)
            return llm_gemini_wrong(in, &here, "This must be a string");
        APR_ARRAY_PUSH(in->chat->stops, llm_span) = word;
    }
    if (here.index)
        give(in, LLM_FIELD_STOP, at);
    return LLM_OK;
}

static llm_fault wants_logprobs(llm_gemini_in *in, const llm_gemini_row *row,
                                const llm_json *value,
                                const llm_gemini_at *at)
{
    int wants = 0;
    llm_fault fault;

    in->to = &wants;
    fault = llm_gemini_flag(in, row, value, at);
    if (!fault && wants)
        give(in, LLM_FIELD_LOGPROBS, at);
    return fault;
}

static llm_fault top_logprobs(llm_gemini_in *in, const llm_gemini_row *row,
                              const llm_json *value, const llm_gemini_at *at)
{
    (void)row;
    if (!llm_gemini_is_whole(value, &in->chat->top_logprobs))
        return llm_gemini_wrong(in, at, "This must be a whole number");
    return LLM_OK;
}

static const llm_gemini_row config_rows[] = {
    { "temperature", llm_gemini_number, OF(temperature),
      LLM_FIELD_TEMPERATURE },
    { "topP", llm_gemini_number, OF(top_p), LLM_FIELD_TOP_P },
    { "topK", llm_gemini_whole, OF(top_k), LLM_FIELD_TOP_K },
    { "candidateCount", candidates, OF(n), LLM_FIELD_N },
    { "maxOutputTokens", llm_gemini_whole, OF(max_tokens),
      LLM_FIELD_MAX_TOKENS },
    { "stopSequences", stop, 0, 0 },
    { "seed", llm_gemini_whole, OF(seed), LLM_FIELD_SEED },
    { "presencePenalty", penalty, OF(presence), LLM_FIELD_PRESENCE },
    { "frequencyPenalty", penalty, OF(frequency), LLM_FIELD_FREQUENCY },
    { "responseLogprobs", wants_logprobs, 0, 0 },
    { "logprobs", top_logprobs, 0, 0 },
    { "responseMimeType", mime, 0, 0 },
    { "responseSchema", google_schema, 0, 0 },
    { "responseJsonSchema", json_schema, 0, 0 },
    { "responseModalities", modalities, 0, 0 },
    { "thinkingConfig", thinking, 0, 0 },
    { NULL, llm_gemini_unknown, 0, 0 }
};

llm_fault llm_gemini_read_config(llm_gemini_in *in, const llm_gemini_row *row,
                                 const llm_json *value,
                                 const llm_gemini_at *at)
{
    (void)row;
    return llm_gemini_each(in, value, at, config_rows);
}

/* ---- tools -------------------------------------------------------------- */

static llm_fault parameters(llm_gemini_in *in, const llm_gemini_row *row,
                            const llm_json *value, const llm_gemini_at *at)
{
    llm_tool *tool = in->to;
    const int google = row->offset;

    if (llm_json_kind_of(value) != LLM_JSON_OBJECT)
        return llm_gemini_wrong(in, at, "The schema must be an object");
    if (google && tool->schema.len)     /* the JSON Schema says more */
        return LLM_OK;
    tool->schema = google ? llm_gemini_schema(value, in->pool)
                          : llm_json_text(value, in->pool);
    return tool->schema.len ? LLM_OK : LLM_INTERNAL;
}

static llm_fault function(llm_gemini_in *in, const llm_gemini_row *row,
                          const llm_json *value, const llm_gemini_at *at)
{
    static const llm_gemini_row rows[] = {
        { "name", llm_gemini_word, offsetof(llm_tool, name), 0 },
        { "description", llm_gemini_word, offsetof(llm_tool, description),
          0 },
        { "parameters", parameters, 1, 0 },
        { "parametersJsonSchema", parameters, 0, 0 },
        { "response", llm_gemini_hint, 0, 0 },
        { "responseJsonSchema", llm_gemini_hint, 0, 0 },
        { NULL, llm_gemini_unknown, 0, 0 }
    };
    llm_tool tool = { .strict = -1 };
    llm_fault fault;

    (void)row;
    in->to = &tool;
    fault = llm_gemini_each(in, value, at, rows);
    if (!fault && (!tool.name || !*tool.name))
        fault = llm_gemini_wrong(in, at, "The function has no name");
    if (!fault)
        *llm_chat_tool(in->chat) = tool;
    return fault;
}

static llm_fault functions(llm_gemini_in *in, const llm_gemini_row *row,
                           const llm_json *value, const llm_gemini_at *at)
{
    return llm_gemini_list(in, row, value, at, function);
}

/* An empty object asks for something here: {"googleSearch":{}}. */
static llm_fault hosted(llm_gemini_in *in, const llm_gemini_row *row,
                        const llm_json *value, const llm_gemini_at *at)
{
    (void)row;
    (void)value;
    APR_ARRAY_PUSH(in->unknown, const char *) = llm_gemini_path(at, in->pool);
    return LLM_OK;
}

static llm_fault one_tool(llm_gemini_in *in, const llm_gemini_row *row,
                          const llm_json *value, const llm_gemini_at *at)
{
    static const llm_gemini_row rows[] = {
        { "functionDeclarations", functions, 0, 0 },
        { NULL, hosted, 0, 0 }
    };

    (void)row;
    return llm_gemini_each(in, value, at, rows);
}

llm_fault llm_gemini_read_tools(llm_gemini_in *in, const llm_gemini_row *row,
                                const llm_json *value,
                                const llm_gemini_at *at)
{
    llm_fault fault = llm_gemini_list(in, row, value, at, one_tool);

    if (!fault && in->chat->tools->nelts)
        give(in, LLM_FIELD_TOOLS, at);
    return fault;
}

/* ---- which tool --------------------------------------------------------- */

static llm_fault mode(llm_gemini_in *in, const llm_gemini_row *row,
                      const llm_json *value, const llm_gemini_at *at)
{
    static const struct {
        const char *word;
        llm_tool_choice choice;
    } modes[] = {
        { "AUTO", LLM_CHOICE_AUTO }, { "VALIDATED", LLM_CHOICE_AUTO },
        { "MODE_UNSPECIFIED", LLM_CHOICE_AUTO },
        { "NONE", LLM_CHOICE_NONE }, { "ANY", LLM_CHOICE_REQUIRED },
    };
    const char *word = llm_json_word(value);
    size_t i;

    for (i = 0; word && i < sizeof modes / sizeof *modes; i++)
        if (!strcasecmp(word, modes[i].word)) {
            in->chat->choice = modes[i].choice;
            if (modes[i].choice != LLM_CHOICE_AUTO)
                give(in, LLM_FIELD_TOOL_CHOICE, at);
            return i == 1 ? llm_gemini_hint(in, row, value, at) : LLM_OK;
        }
    return llm_gemini_wrong(in, at, "The mode must be AUTO, ANY, NONE or "
                            "VALIDATED");
}

static llm_fault names(llm_gemini_in *in, const llm_gemini_row *row,
                       const llm_json *value, const llm_gemini_at *at)
{
    llm_gemini_at here = { at, NULL, 0 };
    apr_array_header_t *list = apr_array_make(in->pool, 1,
                                              sizeof(const char *));
    const char *name;

    (void)row;
    if (llm_json_kind_of(value) != LLM_JSON_ARRAY)
        return llm_gemini_wrong(in, at, "This must be a list of names");
    for (; here.index < llm_json_count(value); here.index++) {
        name = llm_json_word(llm_json_element(value, here.index));
        if (!name)
            return llm_gemini_wrong(in, &here, "This must be a string");
        APR_ARRAY_PUSH(list, const char *) = name;
    }
    in->chat->choice_names = here.index ? list : NULL;
    return LLM_OK;
}

static llm_fault calling(llm_gemini_in *in, const llm_gemini_row *row,
                         const llm_json *value, const llm_gemini_at *at)
{
    static const llm_gemini_row rows[] = {
        { "mode", mode, 0, 0 },
        { "allowedFunctionNames", names, 0, 0 },
        { NULL, llm_gemini_unknown, 0, 0 }
    };
    llm_chat *chat = in->chat;
    llm_fault fault = llm_gemini_each(in, value, at, rows);

    (void)row;
    if (chat->choice_names && chat->choice == LLM_CHOICE_REQUIRED)
        chat->choice = LLM_CHOICE_NAMED;
    if (chat->choice_names && !chat->given[LLM_FIELD_TOOL_CHOICE])
        give(in, LLM_FIELD_TOOL_CHOICE, at);
    return fault;
}

llm_fault llm_gemini_read_choice(llm_gemini_in *in, const llm_gemini_row *row,
                                 const llm_json *value,
                                 const llm_gemini_at *at)
{
    static const llm_gemini_row rows[] = {
        { "functionCallingConfig", calling, 0, 0 },
        { NULL, llm_gemini_unknown, 0, 0 }
    };

    (void)row;
    return llm_gemini_each(in, value, at, rows);
}
