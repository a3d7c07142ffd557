/* A client's request to the Responses API, but for its input and tools. */
#include "responses.h"
#include <apr_strings.h>
#include <string.h>

typedef llm_responses_reading reading;

#define GIVE(in, field, name) ((in)->chat->given[LLM_FIELD_##field] = (name))

llm_fault llm_responses_wrong(reading *in, const char *param,
                              const char *text)
{
    in->detail->fault = LLM_BAD_REQUEST;
    in->detail->param = param;
    in->detail->text = text;
    return LLM_BAD_REQUEST;
}

void llm_responses_unknown(reading *in, const char *name)
{
    APR_ARRAY_PUSH(in->chat->unknown, const char *) = name;
}

void llm_responses_hint(reading *in, const char *name)
{
    APR_ARRAY_PUSH(in->chat->hints, const char *) = name;
}

static llm_fault must_be(reading *in, const char *name, const char *what)
{
    return llm_responses_wrong(in, name, apr_psprintf(in->p, "%s must be %s",
                                                      name, what));
}

static const char *word(reading *in, const llm_json *value)
{
    const char *text = llm_json_word(value);

    return text ? apr_pstrdup(in->p, text) : NULL;
}

/* ---- one function a member ---------------------------------------------- */

static llm_fault read_instructions(reading *in, const char *name,
                                   const llm_json *value)
{
    llm_span text = llm_json_span(value);
    llm_turn *turn;

    if (!text.at)
        return must_be(in, name, "a string");
    if (!text.len)
        return LLM_OK;
    turn = llm_chat_turn(in->chat, LLM_ROLE_SYSTEM);
    llm_turn_part(turn, LLM_PART_TEXT, in->p)->text =
        llm_responses_copy(text, in->p);
    return LLM_OK;
}

static llm_fault read_max(reading *in, const char *name,
                          const llm_json *value)
{
    if (!llm_json_whole(value, &in->chat->max_tokens)
        || in->chat->max_tokens < 1)
        return must_be(in, name, "a whole number above 0");
    GIVE(in, MAX_TOKENS, name);
    return LLM_OK;
}

static llm_fault read_temperature(reading *in, const char *name,
                                  const llm_json *value)
{
    double *to = &in->chat->temperature;

    if (!llm_json_number(value, to) || !(*to >= 0 && *to <= 2))
        return must_be(in, name, "a number from 0 to 2");
    GIVE(in, TEMPERATURE, name);
    return LLM_OK;
}

static llm_fault read_top_p(reading *in, const char *name,
                            const llm_json *value)
{
    double *to = &in->chat->top_p;

    if (!llm_json_number(value, to) || !(*to >= 0 && *to <= 1))
        return must_be(in, name, "a number from 0 to 1");
    GIVE(in, TOP_P, name);
    return LLM_OK;
}

static llm_fault read_top_logprobs(reading *in, const char *name,
                                   const llm_json *value)
{
    long long n;

    if (!llm_json_whole(value, &n) || n < 0 || n > 20)
        return must_be(in, name, "a whole number from 0 to 20");
    if (!n)
        return LLM_OK;
    in->chat->top_logprobs = n;
    GIVE(in, LOGPROBS, name);
    return LLM_OK;
}

static llm_fault read_parallel(reading *in, const char *name,
                               const llm_json *value)
{
    llm_json_kind kind = llm_json_kind_of(value);

    if (kind != LLM_JSON_TRUE && kind != LLM_JSON_FALSE)
        return must_be(in, name, "true or false");
    in->chat->parallel = kind == LLM_JSON_TRUE;
    if (!in->chat->parallel)
        GIVE(in, PARALLEL, name);
    return LLM_OK;
}

static llm_fault read_user(reading *in, const char *name,
                           const llm_json *value)
{
    const char *user = word(in, value);

    if (!user)
        return must_be(in, name, "a string");
    if (!*user || in->chat->given[LLM_FIELD_USER])
        return LLM_OK;
    in->chat->user = user;
    GIVE(in, USER, name);
    return LLM_OK;
}

static llm_fault read_metadata(reading *in, const char *name,
                               const llm_json *value)
{
    if (llm_json_kind_of(value) != LLM_JSON_OBJECT)
        return must_be(in, name, "an object");
    if (!llm_json_count(value))
        return LLM_OK;
    in->chat->metadata = llm_json_text(value, in->p);
    GIVE(in, METADATA, name);
    return LLM_OK;
}

static llm_fault read_tier(reading *in, const char *name,
                           const llm_json *value)
{
    const char *tier = word(in, value);

    if (!tier)
        return must_be(in, name, "a string");
    if (!strcmp(tier, "auto"))
        return LLM_OK;
    in->chat->tier = tier;
    GIVE(in, TIER, name);
    return LLM_OK;
}

/* ---- text --------------------------------------------------------------- */

static llm_fault read_schema(reading *in, const llm_json *format)
{
    const llm_json *schema = llm_json_member(format, "schema");
    const llm_json *strict = llm_json_member(format, "strict");
    llm_chat *chat = in->chat;

    if (llm_json_kind_of(schema) != LLM_JSON_OBJECT)
        return must_be(in, "text.format.schema", "a JSON Schema: an object");
    chat->schema_name = word(in, llm_json_member(format, "name"));
    if (!chat->schema_name || !*chat->schema_name)
        return must_be(in, "text.format.name", "a string that is not empty");
    chat->schema_description = word(in, llm_json_member(format,
                                                        "description"));
    chat->schema = llm_json_text(schema, in->p);
    if (llm_json_kind_of(strict) == LLM_JSON_TRUE
        || llm_json_kind_of(strict) == LLM_JSON_FALSE)
        chat->schema_strict = llm_json_is_true(strict);
    else if (llm_json_kind_of(strict) != LLM_JSON_NULL)
        return must_be(in, "text.format.strict", "true or false");
    chat->format = LLM_FORMAT_SCHEMA;
    return LLM_OK;
}

static llm_fault read_format(reading *in, const char *name,
                             const llm_json *value)
{
    const char *type = llm_json_word(llm_json_member(value, "type"));
    llm_fault fault = LLM_OK;

    if (llm_json_kind_of(value) != LLM_JSON_OBJECT || !type)
        return must_be(in, name, "an object with a type");
    if (!strcmp(type, "text"))
        return LLM_OK;
    if (!strcmp(type, "json_object"))
        in->chat->format = LLM_FORMAT_JSON;
    else if (!strcmp(type, "json_schema"))
        fault = read_schema(in, value);
    else {
        llm_responses_unknown(in, "text.format.type");
        return LLM_OK;
    }
    GIVE(in, FORMAT, name);
    return fault;
}

static llm_fault read_verbosity(reading *in, const char *name,
                                const llm_json *value)
{
    in->chat->verbosity = word(in, value);
    if (!in->chat->verbosity)
        return must_be(in, name, "a string");
    GIVE(in, VERBOSITY, name);
    return LLM_OK;
}

/* ---- reasoning ---------------------------------------------------------- */

static llm_fault read_effort(reading *in, const char *name,
                             const llm_json *value)
{
    in->chat->effort = word(in, value);
    if (!in->chat->effort || llm_budget_of_effort(in->chat->effort) < 0)
        return must_be(in, name, "one of none, minimal, low, medium, high, "
                       "xhigh and max");
    GIVE(in, EFFORT, name);
    return LLM_OK;
}

static llm_fault read_summary(reading *in, const char *name,
                              const llm_json *value)
{
    if (!llm_json_word(value))
        return must_be(in, name, "a string");
    in->chat->thoughts = 1;
    GIVE(in, THOUGHTS, name);
    return LLM_OK;
}

static llm_fault read_mode(reading *in, const char *name,
                           const llm_json *value)
{
    const char *mode = llm_json_word(value);

    if (!mode)
        return must_be(in, name, "a string");
    if (strcmp(mode, "standard"))
        llm_responses_unknown(in, name);
    return LLM_OK;
}

/* ---- what is only noted ------------------------------------------------- */

static llm_fault is_handled(reading *in, const char *name,
                            const llm_json *value)
{
    (void)in;
    (void)name;
    (void)value;
    return LLM_OK;
}

static llm_fault is_unknown(reading *in, const char *name,
                            const llm_json *value)
{
    llm_json_kind kind = llm_json_kind_of(value);

    if (kind == LLM_JSON_FALSE
        || (kind >= LLM_JSON_ARRAY && !llm_json_count(value)))
        return LLM_OK;
    llm_responses_unknown(in, name);
    return LLM_OK;
}

static llm_fault is_hint(reading *in, const char *name,
                         const llm_json *value)
{
    if (llm_json_kind_of(value) != LLM_JSON_FALSE)
        llm_responses_hint(in, name);
    return LLM_OK;
}

static llm_fault read_truncation(reading *in, const char *name,
                                 const llm_json *value)
{
    const char *how = llm_json_word(value);

    if (!how)
        return must_be(in, name, "\"auto\" or \"disabled\"");
    return strcmp(how, "disabled") ? is_hint(in, name, value) : LLM_OK;
}

/* Sealed reasoning comes unasked; what belongs to tools of OpenAI's does
 * not come where these tools do not. */
static llm_fault read_include(reading *in, const char *name,
                              const llm_json *value)
{
    const char *what;
    size_t i;

    if (llm_json_kind_of(value) != LLM_JSON_ARRAY)
        return must_be(in, name, "an array of strings");
    for (i = 0; i < llm_json_count(value); i++) {
        what = llm_json_word(llm_json_element(value, i));
        if (!what)
            return must_be(in, name, "an array of strings");
        if (!strcmp(what, "message.output_text.logprobs")) {
            if (!in->chat->given[LLM_FIELD_LOGPROBS])
                GIVE(in, LOGPROBS, name);
        }
        else if (strcmp(what, "reasoning.encrypted_content")) {
            llm_responses_hint(in, name);
        }
    }
    return LLM_OK;
}

/* ---- the tables --------------------------------------------------------- */

typedef struct member {
    const char *name;
    llm_fault (*read)(reading *in, const char *name, const llm_json *value);
} member;

static const member texts[] = {
    { "text.format", read_format },
    { "text.verbosity", read_verbosity },
    { NULL, NULL }
};

static const member reasonings[] = {
    { "reasoning.effort", read_effort },
    { "reasoning.summary", read_summary },
    { "reasoning.generate_summary", read_summary },
    { "reasoning.mode", read_mode },
    { "reasoning.context", is_hint },
    { NULL, NULL }
};

static llm_fault read_text(reading *, const char *, const llm_json *);
static llm_fault read_reasoning(reading *, const char *, const llm_json *);

static llm_fault read_tools(reading *in, const char *name,
                            const llm_json *value)
{
    (void)name;
    return llm_responses_read_tools(in, value);
}

static const member members[] = {
    { "model", is_handled },
    { "stream", is_handled },
    { "stream_options", is_handled },
    { "instructions", is_handled },
    { "input", is_handled },
    { "tool_choice", is_handled },
    { "max_output_tokens", read_max },
    { "temperature", read_temperature },
    { "top_p", read_top_p },
    { "top_logprobs", read_top_logprobs },
    { "text", read_text },
    { "reasoning", read_reasoning },
    { "tools", read_tools },
    { "parallel_tool_calls", read_parallel },
    { "user", read_user },
    { "safety_identifier", read_user },
    { "metadata", read_metadata },
    { "service_tier", read_tier },
    { "include", read_include },
    { "truncation", read_truncation },
    { "store", is_hint },
    { "max_tool_calls", is_hint },
    { "prompt_cache_key", is_hint },
    { "prompt_cache_retention", is_hint },
    { "prompt_cache_options", is_hint },
    { NULL, NULL }
};

/* Names in the tables begin with the outer object's, `skip` bytes of it. */
typedef struct walk {
    reading *in;
    const member *table;
    const char *before;
} walk;

static llm_fault each_member(void *baton, const char *name,
                             const llm_json *value)
{
    const walk *w = baton;
    const member *m;
    size_t skip = strlen(w->before);

    if (llm_json_kind_of(value) == LLM_JSON_NULL)
        return LLM_OK;
    for (m = w->table; m->name; m++)
        if (!strcmp(m->name + skip, name))
            return m->read(w->in, m->name, value);
    return is_unknown(w->in, apr_pstrcat(w->in->p, w->before, name, NULL),
                      value);
}

static llm_fault read_text(reading *in, const char *name,
                           const llm_json *value)
{
    walk w = { in, texts, "text." };

    if (llm_json_kind_of(value) != LLM_JSON_OBJECT)
        return must_be(in, name, "an object");
    return llm_json_each(value, each_member, &w);
}

static llm_fault read_reasoning(reading *in, const char *name,
                                const llm_json *value)
{
    walk w = { in, reasonings, "reasoning." };

    if (llm_json_kind_of(value) != LLM_JSON_OBJECT)
        return must_be(in, name, "an object");
    return llm_json_each(value, each_member, &w);
}

static int is_there(const llm_json *body, const char *name)
{
    return llm_json_kind_of(llm_json_member(body, name)) != LLM_JSON_NULL;
}

/* What goes before others, whatever the order in the body: instructions
 * before the input, tools before the choice among them. */
llm_fault llm_responses_read_request(const llm_json *body, llm_chat *out,
                                     llm_fault_detail *detail)
{
    reading in = { out, detail, out->pool };
    walk w = { &in, members, "" };
    llm_fault fault = LLM_OK;

    if (is_there(body, "instructions"))
        fault = read_instructions(&in, "instructions",
                                  llm_json_member(body, "instructions"));
    if (!fault && is_there(body, "input"))
        fault = llm_responses_read_input(&in, llm_json_member(body, "input"));
    else if (!fault && !is_there(body, "prompt")
             && !is_there(body, "previous_response_id")
             && !is_there(body, "conversation"))
        fault = llm_responses_wrong(&in, "input", "The request has no input: "
                                    "it must be a string or an array");
    if (!fault)
        fault = llm_json_each(body, each_member, &w);
    if (!fault && is_there(body, "tool_choice"))
        fault = llm_responses_read_choice(&in, llm_json_member(body,
                                                               "tool_choice"));
    return fault;
}
