/* What an OpenAI request says beside its conversation: one row per member. */
#include "openai_chat.h"
#include <string.h>
#include <apr_strings.h>

/* ---- places and faults -------------------------------------------------- */

const char *llm_openai_path(const llm_openai_place *at, const char *member,
                            apr_pool_t *p)
{
    const char *path;

    if (!at)
        return member;
    path = llm_openai_path(at->outer, at->name, p);
    if (at->index >= 0)
        path = apr_psprintf(p, "%s[%d]", path, at->index);
    return member ? apr_pstrcat(p, path, ".", member, NULL) : path;
}

llm_fault llm_openai_wrong(llm_openai_reading *in, const llm_openai_place *at,
                           const char *member, const char *what)
{
    apr_pool_t *p = in->chat->pool;

    in->detail->fault = LLM_BAD_REQUEST;
    in->detail->param = apr_pstrdup(p, llm_openai_path(at, member, p));
    in->detail->text = apr_pstrcat(p, in->detail->param, " ", what, NULL);
    return LLM_BAD_REQUEST;
}

static void mark(llm_openai_reading *in, apr_array_header_t *list,
                 const llm_openai_place *at, const char *member)
{
    apr_pool_t *p = in->chat->pool;

    APR_ARRAY_PUSH(list, const char *)
        = apr_pstrdup(p, llm_openai_path(at, member, p));
}

void llm_openai_unknown(llm_openai_reading *in, const llm_openai_place *at,
                        const char *member)
{
    mark(in, in->chat->unknown, at, member);
}

static int asks_nothing(const llm_json *value)
{
    const llm_json_kind kind = llm_json_kind_of(value);

    return kind == LLM_JSON_NULL
        || (kind >= LLM_JSON_ARRAY && !llm_json_count(value));
}

/* What is on as soon as it is there, with nothing in it as well. */
static int turns_on(const char *name, const llm_json *value)
{
    return !strcmp(name, "web_search_options")
        && llm_json_kind_of(value) == LLM_JSON_OBJECT;
}

static int is_among(const char *name, const char *const *names)
{
    for (; names && *names; names++)
        if (!strcmp(*names, name))
            return 1;
    return 0;
}

typedef struct others {
    llm_openai_reading *in;
    const llm_openai_place *at;
    const char *const *known, *const *hints;
} others;

static llm_fault other(void *baton, const char *name, const llm_json *value)
{
    others *o = baton;

    if (is_among(name, o->known)
        || (asks_nothing(value) && !turns_on(name, value)))
        return LLM_OK;
    mark(o->in, is_among(name, o->hints) ? o->in->chat->hints
                                         : o->in->chat->unknown, o->at, name);
    return LLM_OK;
}

void llm_openai_others(llm_openai_reading *in, const llm_openai_place *at,
                       const llm_json *object, const char *const *known,
                       const char *const *hints)
{
    others o = { in, at, known, hints };

    llm_json_each(object, other, &o);
}

llm_fault llm_openai_word(llm_openai_reading *in, const llm_openai_place *at,
                          const llm_json *object, const char *member,
                          const char **out)
{
    const llm_json *value = llm_json_member(object, member);

    *out = llm_json_word(value);
    return *out || llm_json_kind_of(value) == LLM_JSON_NULL
        ? LLM_OK : llm_openai_wrong(in, at, member, "must be a string");
}

const char *llm_openai_cache(llm_openai_reading *in,
                             const llm_openai_place *at,
                             const llm_json *object)
{
    const llm_json *control = llm_json_member(object, "cache_control");
    const char *ttl = llm_json_word(llm_json_member(control, "ttl"));
    llm_chat *chat = in->chat;

    if (llm_json_kind_of(control) != LLM_JSON_OBJECT)
        return NULL;
    if (!chat->given[LLM_FIELD_CACHE])
        chat->given[LLM_FIELD_CACHE]
            = llm_openai_path(at, "cache_control", chat->pool);
    return ttl && !strcmp(ttl, "1h") ? "1h" : "5m";
}

/* ---- rows --------------------------------------------------------------- */

typedef enum row_kind {
    ELSEWHERE,                  /* read by others, or nothing to read */
    HINT, NUMBER, WHOLE, WORD, EFFORT, OBJECT, SWITCH
} row_kind;

typedef struct row {
    const char *name;
    int shapes;
    row_kind kind;
    llm_field field;
    size_t at;                  /* in llm_chat */
    double low, high;
    double none;                /* asks for nothing; NUMBER and WHOLE */
    const char *word;           /* the same for WORD */
} row;

#define BOTH (LLM_OPENAI_CHAT | LLM_OPENAI_LEGACY)
#define CHAT LLM_OPENAI_CHAT
#define LEGACY LLM_OPENAI_LEGACY
#define FAR 9007199254740992.0
#define NEVER -1e300
#define PUT(FIELD, member) LLM_FIELD_##FIELD, offsetof(llm_chat, member)
#define HAS(name, shapes) { name, shapes, ELSEWHERE, 0, 0, 0, 0, 0, NULL }
#define IS_HINT(name) { name, CHAT, HINT, 0, 0, 0, 0, 0, NULL }

/* Of two members for one field the later row wins. */
static const row rows[] = {
    HAS("model", BOTH), HAS("stream", BOTH), HAS("stream_options", BOTH),
    HAS("messages", CHAT), HAS("prompt", LEGACY), HAS("stop", BOTH),
    HAS("tools", CHAT), HAS("functions", CHAT), HAS("tool_choice", CHAT),
    HAS("function_call", CHAT), HAS("response_format", CHAT),
    HAS("logprobs", CHAT), HAS("top_logprobs", CHAT),
    HAS("modalities", CHAT), HAS("reasoning", CHAT), HAS("thinking", CHAT),
    HAS("best_of", LEGACY), HAS("echo", LEGACY), HAS("suffix", LEGACY),
    { "max_tokens", BOTH, WHOLE, PUT(MAX_TOKENS, max_tokens), 1, FAR, NEVER,
      NULL },
    { "max_completion_tokens", CHAT, WHOLE, PUT(MAX_TOKENS, max_tokens), 1,
      FAR, NEVER, NULL },
    { "temperature", BOTH, NUMBER, PUT(TEMPERATURE, temperature), 0, 2, 1,
      NULL },
    { "top_p", BOTH, NUMBER, PUT(TOP_P, top_p), 0, 1, 1, NULL },
    { "top_k", BOTH, WHOLE, PUT(TOP_K, top_k), -1, FAR, -1, NULL },
    { "n", BOTH, WHOLE, PUT(N, n), 1, 128, 1, NULL },
    { "seed", BOTH, WHOLE, PUT(SEED, seed), -FAR, FAR, NEVER, NULL },
    { "presence_penalty", BOTH, NUMBER, PUT(PRESENCE, presence), -2, 2, 0,
      NULL },
    { "frequency_penalty", BOTH, NUMBER, PUT(FREQUENCY, frequency), -2, 2, 0,
      NULL },
    { "logit_bias", BOTH, OBJECT, PUT(LOGIT_BIAS, logit_bias), 0, 0, 0, NULL },
    { "parallel_tool_calls", CHAT, SWITCH, PUT(PARALLEL, parallel), 0, 0, 1,
      NULL },
    { "reasoning_effort", CHAT, EFFORT, PUT(EFFORT, effort), 0, 0, 0, NULL },
    { "verbosity", CHAT, WORD, PUT(VERBOSITY, verbosity), 0, 0, 0, NULL },
    { "user", BOTH, WORD, PUT(USER, user), 0, 0, 0, NULL },
    { "safety_identifier", CHAT, WORD, PUT(USER, user), 0, 0, 0, NULL },
    { "metadata", CHAT, OBJECT, PUT(METADATA, metadata), 0, 0, 0, NULL },
    { "service_tier", CHAT, WORD, PUT(TIER, tier), 0, 0, 0, "auto" },
    IS_HINT("store"), IS_HINT("prompt_cache_key"), IS_HINT("prediction"),
    IS_HINT("prompt_cache_retention"), IS_HINT("prompt_cache_options"),
};

#define ROWS (sizeof rows / sizeof *rows)

static const char *range(const row *r, apr_pool_t *p)
{
    const char *what = r->kind == WHOLE ? "a whole number" : "a number";

    if (r->high == FAR)
        return r->low == -FAR ? apr_psprintf(p, "must be %s", what)
            : apr_psprintf(p, "must be %s of at least %g", what, r->low);
    return apr_psprintf(p, "must be %s from %g to %g", what, r->low, r->high);
}

/* 1 if it asks for something. */
static int read_number(const row *r, const llm_json *value, void *to,
                       llm_fault *fault)
{
    long long whole = 0;
    double number = 0;

    if (r->kind == WHOLE ? !llm_json_whole(value, &whole)
                         : !llm_json_number(value, &number))
        *fault = LLM_BAD_REQUEST;
    else if (r->kind == WHOLE)
        number = (double)whole;
    if (number < r->low || number > r->high)
        *fault = LLM_BAD_REQUEST;
    if (*fault)
        return 0;
    if (r->kind == WHOLE)
        *(long long *)to = whole;
    else
        *(double *)to = number;
    return number != r->none;
}

static int read_word(const row *r, const llm_json *value, const char **to,
                     llm_fault *fault)
{
    const char *word = llm_json_word(value);

    if (!word)
        *fault = LLM_BAD_REQUEST;
    else if (r->kind == EFFORT && llm_budget_of_effort(word) < 0)
        *fault = LLM_BAD_REQUEST;
    if (*fault || !*word || (r->word && !strcmp(word, r->word)))
        return 0;
    *to = word;
    return 1;
}

static int read_object(const llm_json *value, llm_span *to, apr_pool_t *p,
                       llm_fault *fault)
{
    if (llm_json_kind_of(value) != LLM_JSON_OBJECT)
        *fault = LLM_BAD_REQUEST;
    if (*fault || !llm_json_count(value))
        return 0;
    *to = llm_json_text(value, p);
    return 1;
}

static int read_switch(const llm_json *value, int *to, llm_fault *fault)
{
    if (llm_json_kind_of(value) > LLM_JSON_TRUE)
        *fault = LLM_BAD_REQUEST;
    else
        *to = llm_json_is_true(value);
    return !*fault && !*to;
}

static const char *wanted(const row *r, apr_pool_t *p)
{
    switch (r->kind) {
    case NUMBER:
    case WHOLE:
        return range(r, p);
    case WORD:
        return "must be a string";
    case EFFORT:
        return "must be none, minimal, low, medium, high, xhigh or max";
    case OBJECT:
        return "must be an object";
    default:
        return "must be true or false";
    }
}

static llm_fault read_row(llm_openai_reading *in, const row *r,
                          const llm_json *value)
{
    llm_chat *chat = in->chat;
    char *to = (char *)chat + r->at;
    llm_fault fault = LLM_OK;
    int asks = 0;

    if (r->kind == ELSEWHERE || llm_json_kind_of(value) == LLM_JSON_NULL)
        return LLM_OK;
    if (r->kind == HINT) {
        if (llm_json_kind_of(value) != LLM_JSON_FALSE)
            APR_ARRAY_PUSH(chat->hints, const char *) = r->name;
        return LLM_OK;
    }
    if (r->kind == NUMBER || r->kind == WHOLE)
        asks = read_number(r, value, to, &fault);
    else if (r->kind == OBJECT)
        asks = read_object(value, (llm_span *)to, chat->pool, &fault);
    else if (r->kind == SWITCH)
        asks = read_switch(value, (int *)to, &fault);
    else
        asks = read_word(r, value, (const char **)to, &fault);
    if (fault)
        return llm_openai_wrong(in, NULL, r->name, wanted(r, chat->pool));
    if (asks)
        chat->given[r->field] = r->name;
    return LLM_OK;
}

/* ---- members that are no plain value ------------------------------------ */

static llm_fault read_stop(llm_openai_reading *in, const llm_json *body)
{
    const llm_json *stop = llm_json_member(body, "stop");
    const int list = llm_json_kind_of(stop) == LLM_JSON_ARRAY;
    const size_t n = list ? llm_json_count(stop)
        : llm_json_kind_of(stop) != LLM_JSON_NULL;
    size_t i;

    for (i = 0; i < n; i++) {
        llm_span text = llm_json_span(list ? llm_json_element(stop, i)
                                           : stop);

        if (!text.at)
            return llm_openai_wrong(in, NULL, "stop", "must be a string or a "
                                    "list of strings");
        if (text.len)
            APR_ARRAY_PUSH(in->chat->stops, llm_span) = text;
    }
    if (in->chat->stops->nelts)
        in->chat->given[LLM_FIELD_STOP] = "stop";
    return LLM_OK;
}

static llm_fault read_logprobs(llm_openai_reading *in, const llm_json *body)
{
    const llm_json *top = llm_json_member(body, "top_logprobs");
    const llm_json *probs = llm_json_member(body, "logprobs");
    long long n = -1;

    if (llm_json_kind_of(probs) > LLM_JSON_TRUE)
        return llm_openai_wrong(in, NULL, "logprobs",
                                "must be true or false");
    if (llm_json_kind_of(top) != LLM_JSON_NULL
        && (!llm_json_whole(top, &n) || n < 0 || n > 20))
        return llm_openai_wrong(in, NULL, "top_logprobs",
                                "must be a whole number from 0 to 20");
    if (n > 0 && !llm_json_is_true(probs))
        return llm_openai_wrong(in, NULL, "top_logprobs",
                                "needs logprobs to be true");
    if (!llm_json_is_true(probs))
        return LLM_OK;
    in->chat->given[LLM_FIELD_LOGPROBS] = "logprobs";
    in->chat->top_logprobs = n;
    return LLM_OK;
}

static void read_modalities(llm_openai_reading *in, const llm_json *body)
{
    const llm_json *list = llm_json_member(body, "modalities");
    const char *word = llm_json_word(llm_json_element(list, 0));

    if (asks_nothing(list)
        || (llm_json_count(list) == 1 && word && !strcmp(word, "text")))
        return;
    llm_openai_unknown(in, NULL, "modalities");
}

static void think(llm_openai_reading *in, const char *name, long long budget)
{
    in->chat->given[LLM_FIELD_BUDGET] = name;
    in->chat->budget = budget;
}

/* OpenRouter's {"effort", "max_tokens", "enabled", "exclude"}. */
static llm_fault read_reasoning(llm_openai_reading *in, const llm_json *body)
{
    static const char *const known[] = { "effort", "max_tokens", "enabled",
                                         "exclude", NULL };
    static const row effort = { "reasoning.effort", CHAT, EFFORT,
                                PUT(EFFORT, effort), 0, 0, 0, NULL };
    static const row budget = { "reasoning.max_tokens", CHAT, WHOLE,
                                PUT(BUDGET, budget), 0, FAR, NEVER, NULL };
    const llm_openai_place at = { NULL, "reasoning", -1 };
    const llm_json *it = llm_json_member(body, "reasoning");
    const llm_json *enabled = llm_json_member(it, "enabled");
    llm_fault fault;

    if (llm_json_kind_of(it) == LLM_JSON_NULL)
        return LLM_OK;
    if (llm_json_kind_of(it) != LLM_JSON_OBJECT)
        return llm_openai_wrong(in, NULL, "reasoning", "must be an object");
    llm_openai_others(in, &at, it, known, NULL);
    if (enabled && llm_json_kind_of(enabled) != LLM_JSON_NULL)
        think(in, "reasoning.enabled", llm_json_is_true(enabled) ? -1 : 0);
    fault = read_row(in, &effort, llm_json_member(it, "effort"));
    if (!fault)
        fault = read_row(in, &budget, llm_json_member(it, "max_tokens"));
    if (!fault && llm_json_is_true(llm_json_member(it, "exclude")))
        in->chat->given[LLM_FIELD_THOUGHTS] = "reasoning.exclude";
    return fault;
}

/* Anthropic's member, which other gateways and some providers take too. */
static llm_fault read_thinking(llm_openai_reading *in, const llm_json *body)
{
    static const char *const known[] = { "type", "budget_tokens", NULL };
    const llm_openai_place at = { NULL, "thinking", -1 };
    const llm_json *it = llm_json_member(body, "thinking");
    const char *type = llm_json_word(llm_json_member(it, "type"));
    long long budget = -1;

    if (llm_json_kind_of(it) == LLM_JSON_NULL)
        return LLM_OK;
    if (llm_json_kind_of(it) != LLM_JSON_OBJECT)
        return llm_openai_wrong(in, NULL, "thinking", "must be an object");
    llm_openai_others(in, &at, it, known, NULL);
    if (llm_json_kind_of(llm_json_member(it, "budget_tokens"))
        != LLM_JSON_NULL
        && (!llm_json_whole(llm_json_member(it, "budget_tokens"), &budget)
            || budget < 0))
        return llm_openai_wrong(in, &at, "budget_tokens",
                                "must be a whole number of at least 0");
    if (type && !strcmp(type, "disabled"))
        think(in, "thinking", 0);
    else if (type && (!strcmp(type, "enabled") || !strcmp(type, "adaptive")))
        think(in, "thinking", budget);
    else
        llm_openai_unknown(in, &at, "type");
    return LLM_OK;
}

/* ---- all of them -------------------------------------------------------- */


llm_fault llm_openai_read_fields(llm_openai_reading *in, const llm_json *body,
                                 llm_openai_shape shape)
{
    const char *known[ROWS + 1];
    llm_fault fault = LLM_OK;
    size_t i, n = 0;

    for (i = 0; i < ROWS && !fault; i++) {
        if (!(rows[i].shapes & shape))
            continue;
        known[n++] = rows[i].name;
        fault = read_row(in, &rows[i], llm_json_member(body, rows[i].name));
    }
    if (fault)
        return fault;
    known[n] = NULL;
    llm_openai_others(in, NULL, body, known, NULL);
    fault = read_stop(in, body);
    if (fault || shape != LLM_OPENAI_CHAT)
        return fault;
    read_modalities(in, body);
    fault = read_logprobs(in, body);
    if (!fault)
        fault = read_thinking(in, body);
    return fault ? fault : read_reasoning(in, body);
}

/* ---- the form of the answer --------------------------------------------- */

static llm_fault read_schema(llm_openai_reading *in,
                             const llm_openai_place *at, const llm_json *it)
{
    static const char *const known[] = { "name", "description", "schema",
                                         "strict", NULL };
    const llm_json *schema = llm_json_member(it, "schema");
    const llm_json *strict = llm_json_member(it, "strict");
    llm_chat *chat = in->chat;
    llm_fault fault;

    if (llm_json_kind_of(it) != LLM_JSON_OBJECT)
        return llm_openai_wrong(in, at, NULL, "must be an object");
    fault = llm_openai_word(in, at, it, "name", &chat->schema_name);
    if (!fault)
        fault = llm_openai_word(in, at, it, "description",
                                &chat->schema_description);
    if (!fault && !chat->schema_name)
        fault = llm_openai_wrong(in, at, "name", "is missing");
    if (!fault && llm_json_kind_of(schema) != LLM_JSON_NULL
        && llm_json_kind_of(schema) != LLM_JSON_OBJECT)
        fault = llm_openai_wrong(in, at, "schema", "must be an object");
    if (!fault && llm_json_kind_of(strict) > LLM_JSON_TRUE)
        fault = llm_openai_wrong(in, at, "strict", "must be true or false");
    if (fault)
        return fault;
    if (llm_json_kind_of(schema) == LLM_JSON_OBJECT)
        chat->schema = llm_json_text(schema, chat->pool);
    if (llm_json_kind_of(strict) != LLM_JSON_NULL)
        chat->schema_strict = llm_json_is_true(strict);
    llm_openai_others(in, at, it, known, NULL);
    return LLM_OK;
}

llm_fault llm_openai_read_format(llm_openai_reading *in, const llm_json *body)
{
    static const char *const known[] = { "type", "json_schema", NULL };
    const llm_openai_place at = { NULL, "response_format", -1 };
    const llm_openai_place inner = { &at, "json_schema", -1 };
    const llm_json *it = llm_json_member(body, "response_format");
    const char *type;
    llm_fault fault;

    if (llm_json_kind_of(it) == LLM_JSON_NULL)
        return LLM_OK;
    if (llm_json_kind_of(it) != LLM_JSON_OBJECT)
        return llm_openai_wrong(in, NULL, "response_format",
                                "must be an object");
    fault = llm_openai_word(in, &at, it, "type", &type);
    if (fault)
        return fault;
    if (!type)
        return llm_openai_wrong(in, &at, "type", "is missing");
    llm_openai_others(in, &at, it, known, NULL);
    if (!strcmp(type, "text"))
        return LLM_OK;
    if (strcmp(type, "json_object") && strcmp(type, "json_schema")) {
        llm_openai_unknown(in, &at, "type");
        return LLM_OK;
    }
    in->chat->given[LLM_FIELD_FORMAT] = "response_format";
    in->chat->format = LLM_FORMAT_JSON;
    if (!strcmp(type, "json_object"))
        return LLM_OK;
    in->chat->format = LLM_FORMAT_SCHEMA;
    return read_schema(in, &inner, llm_json_member(it, "json_schema"));
}
