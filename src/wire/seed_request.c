/* What the seed's clients ask: options, messages, and query strings. */
#include "seed.h"
#include <apr_strings.h>
#include <string.h>
#include "responses.h"

typedef struct reading {
    llm_chat *chat;
    llm_fault_detail *detail;
    apr_pool_t *p;
    const llm_json *prompt, *messages;
    size_t index;               /* of the message */
} reading;

static llm_fault wrong(reading *in, const char *param, const char *text)
{
    in->detail->fault = LLM_BAD_REQUEST;
    in->detail->param = param;
    in->detail->text = text;
    return LLM_BAD_REQUEST;
}

static void unknown(reading *in, const char *name)
{
    APR_ARRAY_PUSH(in->chat->unknown, const char *) = name;
}

/* ---- parts of a message, as in OpenAI's chat completions ---------------- */

static const char *at(const reading *in, const char *member)
{
    return apr_psprintf(in->p, "messages[%" APR_SIZE_T_FMT "].%s", in->index,
                        member);
}

static const char *part_at(const reading *in, size_t i, const char *member)
{
    return apr_psprintf(in->p, "messages[%" APR_SIZE_T_FMT "].content[%"
                        APR_SIZE_T_FMT "].%s", in->index, i, member);
}

static int is_data(llm_span url)
{
    return url.len > 5 && !strncasecmp(url.at, "data:", 5);
}

static llm_fault read_image(reading *in, const llm_json *value, size_t i,
                            llm_turn *turn)
{
    const llm_json *image = llm_json_member(value, "image_url");
    const llm_json *address = llm_json_member(image, "url");
    const char *detail = llm_json_word(llm_json_member(image, "detail"));
    llm_span url = llm_json_span(address ? address : image);
    llm_part part = { .kind = LLM_PART_IMAGE };

    if (detail && strcmp(detail, "auto"))
        part.detail = apr_pstrdup(in->p, detail);
    if (!url.len || memchr(url.at, '\0', url.len)
        || (is_data(url) && !llm_responses_data_url(url, &part, in->p)))
        return wrong(in, part_at(in, i, "image_url"), "An image must have a "
                     "URL, or a data: URL in base64");
    if (!is_data(url))
        part.url = apr_pstrmemdup(in->p, url.at, url.len);
    *llm_turn_part(turn, LLM_PART_IMAGE, in->p) = part;
    return LLM_OK;
}

static llm_fault read_text(reading *in, const llm_json *value, size_t i,
                           llm_turn *turn)
{
    llm_span text = llm_json_span(llm_json_member(value, "text"));

    if (!text.at)
        return wrong(in, part_at(in, i, "text"), "A text must be a string");
    llm_turn_part(turn, LLM_PART_TEXT, in->p)->text
        = llm_responses_copy(text, in->p);
    return LLM_OK;
}

static llm_fault read_part(reading *in, const llm_json *value, size_t i,
                           llm_turn *turn)
{
    const char *type = llm_json_word(llm_json_member(value, "type"));

    if (!type)
        return wrong(in, part_at(in, i, "type"), "A part must be an object "
                     "with a type");
    if (!strcmp(type, "text"))
        return read_text(in, value, i, turn);
    if (!strcmp(type, "image_url"))
        return read_image(in, value, i, turn);
    unknown(in, part_at(in, i, "type"));
    return LLM_OK;
}

/* ---- messages ----------------------------------------------------------- */

static llm_fault read_content(reading *in, const llm_json *content,
                              llm_turn *turn)
{
    llm_span text = llm_json_span(content);
    llm_fault fault = LLM_OK;
    size_t i;

    if (text.at) {
        llm_turn_part(turn, LLM_PART_TEXT, in->p)->text
        = llm_responses_copy(text, in->p);
        return LLM_OK;
    }
    if (llm_json_kind_of(content) != LLM_JSON_ARRAY)
        return wrong(in, at(in, "content"), "The content must be a string or "
                     "an array of parts");
    for (i = 0; !fault && i < llm_json_count(content); i++)
        fault = read_part(in, llm_json_element(content, i), i, turn);
    return fault;
}

static llm_fault message_member(void *baton, const char *name,
                                const llm_json *value)
{
    reading *in = baton;

    if (strcmp(name, "role") && strcmp(name, "content")
        && strcmp(name, "name") && llm_json_kind_of(value) > LLM_JSON_FALSE)
        unknown(in, at(in, name));
    return LLM_OK;
}

static llm_fault read_message(reading *in, const llm_json *message)
{
    static const char *const roles[] = {
        [LLM_ROLE_SYSTEM] = "system", [LLM_ROLE_DEVELOPER] = "developer",
        [LLM_ROLE_USER] = "user", [LLM_ROLE_ASSISTANT] = "assistant"
    };
    const char *role = llm_json_word(llm_json_member(message, "role"));
    const char *name = llm_json_word(llm_json_member(message, "name"));
    llm_role i = LLM_ROLE_SYSTEM;
    llm_turn *turn;

    while (role && i <= LLM_ROLE_ASSISTANT && strcmp(roles[i], role))
        i++;
    if (!role || i > LLM_ROLE_ASSISTANT)
        return wrong(in, at(in, "role"), "The role must be user, assistant "
                     "or system");
    turn = llm_chat_turn(in->chat, i);
    if (name && *name) {
        turn->name = apr_pstrdup(in->p, name);
        if (!in->chat->given[LLM_FIELD_SPEAKER])
            in->chat->given[LLM_FIELD_SPEAKER] = at(in, "name");
    }
    llm_json_each(message, message_member, in);
    return read_content(in, llm_json_member(message, "content"), turn);
}

static llm_fault read_messages(reading *in)
{
    llm_fault fault = LLM_OK;

    if (llm_json_kind_of(in->messages) != LLM_JSON_ARRAY
        || !llm_json_count(in->messages))
        return wrong(in, "messages", "messages must be an array of "
                     "{\"role\", \"content\"} that is not empty");
    for (; !fault && in->index < llm_json_count(in->messages); in->index++)
        fault = read_message(in, llm_json_element(in->messages, in->index));
    return fault;
}

/* ---- options ------------------------------------------------------------ */

static llm_fault read_max(reading *in, const llm_json *value)
{
    if (!llm_json_whole(value, &in->chat->max_tokens)
        || in->chat->max_tokens < 1)
        return wrong(in, "maxTokens", "maxTokens must be a whole number "
                     "above 0");
    in->chat->given[LLM_FIELD_MAX_TOKENS] = "maxTokens";
    return LLM_OK;
}

static llm_fault read_temperature(reading *in, const llm_json *value)
{
    double *to = &in->chat->temperature;

    if (!llm_json_number(value, to) || !(*to >= 0 && *to <= 2))
        return wrong(in, "temperature", "temperature must be a number from 0 "
                     "to 2");
    in->chat->given[LLM_FIELD_TEMPERATURE] = "temperature";
    return LLM_OK;
}

static llm_fault note_prompt(reading *in, const llm_json *value)
{
    in->prompt = value;
    return LLM_OK;
}

static llm_fault note_messages(reading *in, const llm_json *value)
{
    in->messages = value;
    return LLM_OK;
}

/* apiKey is the gateway's to look at, never a provider's. */
static const struct {
    const char *name;
    llm_fault (*read)(reading *in, const llm_json *value);
} options[] = {
    { "model", NULL }, { "stream", NULL }, { "apiKey", NULL },
    { "prompt", note_prompt }, { "messages", note_messages },
    { "maxTokens", read_max }, { "temperature", read_temperature },
};

static llm_fault option(void *baton, const char *name, const llm_json *value)
{
    llm_json_kind kind = llm_json_kind_of(value);
    reading *in = baton;
    size_t i;

    if (kind == LLM_JSON_NULL)
        return LLM_OK;
    for (i = 0; i < sizeof options / sizeof *options; i++)
        if (!strcmp(options[i].name, name))
            return options[i].read ? options[i].read(in, value) : LLM_OK;
    if (kind != LLM_JSON_FALSE
        && (kind < LLM_JSON_ARRAY || llm_json_count(value)))
        unknown(in, apr_pstrdup(in->p, name));
    return LLM_OK;
}

/* ---- arguments ---------------------------------------------------------- */

/* complete(options), complete("prompt", options), chat(messages, options) */
static llm_fault read_arguments(reading *in, const llm_json *args)
{
    llm_fault fault = LLM_OK;
    size_t i;

    for (i = 0; !fault && i < llm_json_count(args); i++) {
        const llm_json *arg = llm_json_element(args, i);

        switch (llm_json_kind_of(arg)) {
        case LLM_JSON_OBJECT:
            fault = llm_json_each(arg, option, in);
            break;
        case LLM_JSON_ARRAY:
            in->messages = arg;
            break;
        case LLM_JSON_STRING:
            in->prompt = arg;
            break;
        case LLM_JSON_NULL:
            break;
        default:
            fault = wrong(in, apr_psprintf(in->p, "args[%" APR_SIZE_T_FMT
                                           "]", i), "An argument must be "
                          "options, messages or a prompt");
        }
    }
    return fault;
}

static llm_fault outer_member(void *baton, const char *name,
                              const llm_json *value)
{
    if (!strcmp(name, "args") && llm_json_kind_of(value) == LLM_JSON_ARRAY)
        return read_arguments(baton, value);
    return option(baton, name, value);
}

static llm_fault read_body(reading *in, const llm_json *body)
{
    if (llm_json_kind_of(body) == LLM_JSON_ARRAY)
        return read_arguments(in, body);
    return llm_json_each(body, outer_member, in);
}

static llm_fault read_prompt(reading *in)
{
    llm_span text = llm_json_span(in->prompt);

    if (in->messages)
        return wrong(in, "prompt", "A request has a prompt or messages, not "
                     "both");
    if (!text.at)
        return wrong(in, "prompt", "The prompt must be a string");
    llm_turn_part(llm_chat_turn(in->chat, LLM_ROLE_USER), LLM_PART_TEXT,
                  in->p)->text = llm_responses_copy(text, in->p);
    return LLM_OK;
}

llm_fault llm_seed_read_chat(const llm_json *body, llm_chat *out,
                             llm_fault_detail *detail)
{
    reading in = { out, detail, out->pool, NULL, NULL, 0 };
    llm_fault fault = read_body(&in, body);

    if (fault)
        return fault;
    if (in.prompt)
        return read_prompt(&in);
    if (in.messages)
        return read_messages(&in);
    return wrong(&in, "prompt", "The request has neither a prompt nor "
                 "messages");
}

/* ---- query strings ------------------------------------------------------ */

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* 1 if it was well encoded. */
static int decode(const char *at, size_t n, llm_span *out, apr_pool_t *p)
{
    char *to = apr_palloc(p, n + 1);
    size_t i;

    out->at = to;
    for (i = 0; i < n; i++) {
        *to = at[i] == '+' ? ' ' : at[i];
        if (at[i] == '%') {
            if (n - i < 3 || hex(at[i + 1]) < 0 || hex(at[i + 2]) < 0)
                return 0;
            *to = (char)(hex(at[i + 1]) * 16 + hex(at[i + 2]));
            i += 2;
        }
        to++;
    }
    *to = '\0';
    out->len = to - out->at;
    return 1;
}

static int is_called(llm_span name, const char *word)
{
    return name.len == strlen(word) && !memcmp(name.at, word, name.len);
}

static llm_fault note_kind(void *baton, const llm_member *member)
{
    *(int *)baton = member->index ? -1 : (int)member->kind;
    return LLM_OK;
}

/* What is wanted as JSON of that kind, if it is that; anything else is a
 * string, and refused when the body is read. */
static int is_json(llm_span name, llm_span value, apr_pool_t *p)
{
    static const struct {
        const char *name;
        llm_json_kind kind, or;
    } wanted[] = {
        { "messages", LLM_JSON_ARRAY, LLM_JSON_ARRAY },
        { "maxTokens", LLM_JSON_NUMBER, LLM_JSON_NUMBER },
        { "temperature", LLM_JSON_NUMBER, LLM_JSON_NUMBER },
        { "stream", LLM_JSON_TRUE, LLM_JSON_FALSE },
    };
    const char *list = apr_pstrcat(p, "[", value.at, "]", NULL);
    int kind = -1;
    size_t i;

    for (i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (is_called(name, wanted[i].name))
            return strlen(list) == value.len + 2
                && !llm_scan_array(list, value.len + 2, LLM_SCAN_DEEPEST,
                                   note_kind, &kind, NULL)
                && (kind == (int)wanted[i].kind || kind == (int)wanted[i].or);
    return 0;
}

static llm_fault put_pair(const char *at, size_t n, int first, llm_buf *out,
                          apr_pool_t *p)
{
    const char *equals = memchr(at, '=', n);
    size_t name_len = equals ? (size_t)(equals - at) : n;
    size_t skip = equals ? name_len + 1 : n;
    llm_span name, value;
    llm_fault fault = LLM_OK;

    if (!decode(at, name_len, &name, p)
        || !decode(at + skip, n - skip, &value, p))
        return LLM_BAD_REQUEST;
    if (!first)
        fault = llm_buf_puts(out, ",");
    if (!fault)
        fault = llm_buf_json(out, name.at, name.len);
    if (!fault)
        fault = llm_buf_puts(out, ":");
    if (fault)
        return fault;
    if (is_json(name, value, p))
        return llm_buf_add(out, value.at, value.len);
    return llm_buf_json(out, value.at, value.len);
}

llm_fault llm_seed_query(const char *query, llm_buf *out, apr_pool_t *p)
{
    size_t before = out->len, n;
    llm_fault fault = llm_buf_puts(out, "{");
    const char *at = query ? query : "";
    int first = 1;

    for (; !fault && *at; at += n + (at[n] == '&')) {
        n = strcspn(at, "&");
        if (!n)
            continue;
        fault = put_pair(at, n, first, out, p);
        first = 0;
    }
    if (!fault)
        fault = llm_buf_puts(out, "}");
    if (fault)
        out->len = before;
    return fault;
}
