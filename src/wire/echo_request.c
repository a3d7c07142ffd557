#include "echo_request.h"

#include <stdio.h>
#include <string.h>

#include "../base/json.h"

#define DEPTH_MOST 256
#define TEXT_MOST 16384         /* of the prompt; thousands wait with theirs */
#define NAME_MOST 64
#define NAMES_MOST 128
#define STOPS_MOST 4

/* --- errors ------------------------------------------------------------- */

static llm_fault wrong_type(llm_echo_error *error, const char *param,
                            const char *wanted)
{
    return llm_echo_error_set(error, 400, param, "invalid_type",
                              "Invalid type for '%s': expected %s.", param,
                              wanted);
}

static llm_fault wrong_value(llm_echo_error *error, const char *param,
                             const char *wanted)
{
    return llm_echo_error_set(error, 400, param, "invalid_value",
                              "Invalid value for '%s': expected %s.", param,
                              wanted);
}

static llm_fault missing(llm_echo_error *error, const char *param)
{
    return llm_echo_error_set(error, 400, param, "missing_required_parameter",
                              "Missing required parameter: '%s'.", param);
}

/* --- words -------------------------------------------------------------- */

static long count_words(const char *text, size_t n)
{
    long words = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        if (!llm_text_is_white(text[i])
            && (i == 0 || llm_text_is_white(text[i - 1])))
            words++;
    }
    return words;
}

static void trim(llm_buf *text)
{
    while (text->len && llm_text_is_white(text->data[text->len - 1]))
        text->len--;
}

/* As much of it as there is room for. */
static llm_fault add_cut(llm_buf *to, const char *text, size_t n)
{
    const size_t left = to->ceiling - to->len;

    return llm_buf_add(to, text, n < left ? n : left);
}

/* --- the members of a request ------------------------------------------- */

static llm_fault bad_option(llm_echo_error *error, const char *param,
                            const char *word)
{
    return llm_echo_error_set(error, 400, param, "invalid_option",
                              "The echo provider has no option '%s', or it "
                              "may not have that value.", word);
}

/* "name?option&option": the name, and the options over the directive's. */
static llm_fault read_model(llm_echo_request *request, const llm_json *body,
                            const char *directive, llm_echo_error *error)
{
    char bad[LLM_ECHO_WORD];
    size_t n, name;
    const char *mark;
    const char *model = llm_json_string(llm_json_member(body, "model"), &n);

    if (!llm_echo_options_read(&request->options, directive,
                               strlen(directive), ' ', bad))
        return bad_option(error, NULL, bad);
    if (!model)
        return llm_echo_error_set(error, 400, NULL, NULL,
                                  "you must provide a model parameter");
    mark = memchr(model, '?', n);
    name = mark ? (size_t)(mark - model) : n;
    if (name < 1 || name >= sizeof request->model || memchr(model, 0, name))
        return wrong_value(error, "model", "a name of 1 to 127 bytes");
    memcpy(request->model, model, name);
    request->model[name] = '\0';
    if (mark && !llm_echo_options_read(&request->options, mark + 1,
                                       n - name - 1, '&', bad))
        return bad_option(error, "model", bad);
    return LLM_OK;
}

static llm_fault read_flag(const llm_json *value, const char *param, int *out,
                           llm_echo_error *error)
{
    switch (llm_json_kind_of(value)) {
    case LLM_JSON_TRUE:
        *out = 1;
        return LLM_OK;
    case LLM_JSON_FALSE:
    case LLM_JSON_NULL:
        return LLM_OK;
    default:
        return wrong_type(error, param, "a boolean");
    }
}

/* A member that is absent, null, or a whole number of at least 1. */
static llm_fault read_positive(const llm_json *body, const char *name,
                               long long *out, llm_echo_error *error)
{
    const llm_json *value = llm_json_member(body, name);

    if (llm_json_kind_of(value) == LLM_JSON_NULL)
        return LLM_OK;
    if (!llm_json_whole(value, out))
        return wrong_type(error, name, "an integer");
    if (*out < 1)
        return wrong_value(error, name, "an integer of at least 1");
    return LLM_OK;
}

static llm_fault read_switches(llm_echo_request *request,
                               const llm_json *body, llm_echo_error *error)
{
    const llm_json *stream = llm_json_member(body, "stream_options");
    long long choices = 1;
    llm_fault fault = read_flag(llm_json_member(body, "stream"), "stream",
                                &request->streamed, error);

    if (!fault)
        fault = read_flag(llm_json_member(stream, "include_usage"),
                          "stream_options.include_usage",
                          &request->wants_usage, error);
    if (!fault)
        fault = read_positive(body, "n", &choices, error);
    if (!fault && choices > 1)
        fault = llm_echo_error_set(error, 400, "n", "unsupported_value",
                                   "Unsupported value: 'n' must be 1.");
    return fault;
}

/* --- messages ----------------------------------------------------------- */

static size_t parts(const llm_json *content)
{
    if (llm_json_kind_of(content) == LLM_JSON_ARRAY)
        return llm_json_count(content);
    return llm_json_kind_of(content) == LLM_JSON_STRING;
}

/* The text of a message's content, or of its part `i`; NULL if it is none. */
static const char *part(const llm_json *content, size_t i, size_t *n)
{
    if (llm_json_kind_of(content) == LLM_JSON_STRING)
        return llm_json_string(content, n);
    return llm_json_string(llm_json_member(llm_json_element(content, i),
                                           "text"), n);
}

static long count_tokens(const llm_json *content)
{
    const size_t count = parts(content);
    long tokens = 0;
    size_t i, n;
    const char *text;

    for (i = 0; i < count; i++) {
        text = part(content, i, &n);
        if (text)
            tokens += count_words(text, n);
    }
    return tokens;
}

/* What is said to a message: its texts with a blank between, in our words. */
static llm_fault answer(llm_buf *out, const llm_json *content)
{
    const size_t count = parts(content);
    llm_fault fault = llm_buf_puts(out, "You said:");
    size_t i, n;
    const char *text;

    for (i = 0; !fault && i < count; i++) {
        text = part(content, i, &n);
        if (!text || !count_words(text, n))
            continue;
        fault = add_cut(out, " ", 1);
        if (!fault)
            fault = add_cut(out, text, n);
    }
    if (fault)
        return fault;
    if (out->len == strlen("You said:")) {
        llm_buf_clear(out);
        return llm_buf_puts(out, "You said nothing.");
    }
    out->len = llm_text_utf8(out->data, out->len);
    trim(out);
    return LLM_OK;
}

static llm_fault read_messages(llm_echo_request *request,
                               const llm_json *body, llm_echo_error *error)
{
    const llm_json *messages = llm_json_member(body, "messages");
    const llm_json *said = NULL, *message;
    const size_t count = llm_json_count(messages);
    const char *role;
    char param[48];
    size_t i, n;

    if (!messages)
        return missing(error, "messages");
    if (llm_json_kind_of(messages) != LLM_JSON_ARRAY)
        return wrong_type(error, "messages", "an array");
    if (!count)
        return wrong_value(error, "messages", "at least one message");
    for (i = 0; i < count; i++) {
        message = llm_json_element(messages, i);
        role = llm_json_string(llm_json_member(message, "role"), &n);
        if (!role) {
            snprintf(param, sizeof param, "messages[%zu].role", i);
            return missing(error, param);
        }
        if (strcmp(role, "user") == 0)
            said = llm_json_member(message, "content");
        request->prompt_tokens +=
            count_tokens(llm_json_member(message, "content"));
    }
    return answer(&request->text, said);
}

/* --- what else shapes the answer ---------------------------------------- */

static void cut_before(llm_buf *text, const char *stop, size_t n,
                       int *stopped)
{
    const char *found = n ? memmem(text->data, text->len, stop, n) : NULL;

    if (found) {
        text->len = (size_t)(found - text->data);
        *stopped = 1;
    }
}

static llm_fault read_stop(llm_echo_request *request, const llm_json *body,
                           int *stopped, llm_echo_error *error)
{
    const llm_json *stop = llm_json_member(body, "stop");
    const size_t count = llm_json_count(stop);
    const char *text;
    size_t i, n;

    switch (llm_json_kind_of(stop)) {
    case LLM_JSON_NULL:
        return LLM_OK;
    case LLM_JSON_STRING:
        text = llm_json_string(stop, &n);
        cut_before(&request->text, text, n, stopped);
        break;
    case LLM_JSON_ARRAY:
        if (count > STOPS_MOST)
            return wrong_value(error, "stop", "at most four strings");
        for (i = 0; i < count; i++) {
            text = llm_json_string(llm_json_element(stop, i), &n);
            if (!text)
                return wrong_type(error, "stop", "an array of strings");
            cut_before(&request->text, text, n, stopped);
        }
        break;
    default:
        return wrong_type(error, "stop", "a string or an array of strings");
    }
    trim(&request->text);
    return LLM_OK;
}

static llm_fault read_tools(llm_echo_request *request, const llm_json *body)
{
    const llm_json *tools = llm_json_member(body, "tools");
    const size_t count = llm_json_count(tools);
    const llm_json *function;
    llm_fault fault = LLM_OK;
    const char *name;
    size_t i, n;

    if (!request->options.tools)
        return LLM_OK;
    for (i = 0; !fault && i < count && i < NAMES_MOST; i++) {
        function = llm_json_member(llm_json_element(tools, i), "function");
        name = llm_json_string(llm_json_member(function, "name"), &n);
        if (!name || n > NAME_MOST || strlen(name) != n)
            continue;
        fault = llm_buf_add(&request->names, name, n + 1);
        request->names_count++;
    }
    return fault;
}

const char *llm_echo_request_tool(const llm_echo_request *request, long index)
{
    const char *name = request->names.data;

    if (!request->names_count)
        return "echo";
    for (index %= request->names_count; index > 0; index--)
        name += strlen(name) + 1;
    return name;
}

/* --- how much is said --------------------------------------------------- */

static long least(long a, long b)
{
    return a < b ? a : b;
}

/* What the answer would have without max_tokens. */
static long wish(llm_echo_request *request, int stopped)
{
    llm_echo_options *options = &request->options;
    const long words = count_words(request->text.data, request->text.len);
    const long asked = options->length < 0 ? words : options->length;

    if (options->fault == LLM_ECHO_HUGE) {
        options->tools = 0;
        return (long)((options->size + LLM_ECHO_PIECE - 1) / LLM_ECHO_PIECE);
    }
    if (options->tools) {
        request->each = asked < 1 ? 1 : asked;
        return request->each * options->tools;
    }
    return stopped ? least(asked, words) : asked;
}

static llm_fault plan(llm_echo_request *request, const llm_json *body,
                      int stopped, llm_echo_error *error)
{
    llm_echo_options *options = &request->options;
    long long most = -1;
    llm_fault fault = read_positive(body, "max_tokens", &most, error);

    if (!fault)
        fault = read_positive(body, "max_completion_tokens", &most, error);
    if (fault)
        return fault;
    request->said = wish(request, stopped);
    if (most >= 0 && most < options->reasoning + request->said) {
        request->limited = 1;
        options->reasoning = least(options->reasoning, (long)most);
        request->said = (long)most - options->reasoning;
    }
    options->cached = least(options->cached, request->prompt_tokens);
    if (options->at < 0)
        options->at = request->said / 2;
    options->at = least(options->at, request->said);
    return LLM_OK;
}

/* --- all of it ---------------------------------------------------------- */

/* FNV-1a: the same body has the same ids, and that is all there is to it. */
static uint64_t hash(const char *bytes, size_t n)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    size_t i;

    for (i = 0; i < n; i++)
        h = (h ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
    return h;
}

static llm_fault read_body(llm_echo_request *request, const llm_json *body,
                           const char *directive, llm_echo_error *error)
{
    int stopped = 0;
    llm_fault fault = read_model(request, body, directive, error);

    if (!fault)
        fault = read_switches(request, body, error);
    if (!fault)
        fault = read_messages(request, body, error);
    if (!fault)
        fault = read_stop(request, body, &stopped, error);
    if (!fault)
        fault = read_tools(request, body);
    if (!fault)
        fault = plan(request, body, stopped, error);
    return fault;
}

llm_fault llm_echo_request_read(llm_echo_request *request, const char *body,
                                size_t n, const char *directive,
                                llm_echo_error *error)
{
    const llm_json *json;
    apr_pool_t *pool;
    llm_fault fault;

    memset(request, 0, sizeof *request);
    llm_echo_options_init(&request->options);
    llm_buf_init(&request->text, TEXT_MOST);
    llm_buf_init(&request->names, NAMES_MOST * (NAME_MOST + 1));
    request->id = hash(body, n);
    if (apr_pool_create_unmanaged(&pool) != APR_SUCCESS)
        return LLM_INTERNAL;
    fault = llm_json_parse(body, n, DEPTH_MOST, &json, pool);
    if (!fault)
        fault = read_body(request, json, directive, error);
    else if (fault != LLM_INTERNAL)
        fault = llm_echo_error_set(
            error, 400, NULL, NULL,
            "We could not parse the JSON body of your request.");
    apr_pool_destroy(pool);
    return fault;
}

void llm_echo_request_free(llm_echo_request *request)
{
    llm_buf_free(&request->text);
    llm_buf_free(&request->names);
}
