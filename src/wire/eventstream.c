#include "eventstream.h"
#include <string.h>
#include <strings.h>
#include "../base/base64.h"
#include "../base/emit.h"

#define PRELUDE 12              /* two lengths and their sum */
#define SUM 4
#define DEPTH 512

/* ---- numbers and sums --------------------------------------------------- */

static uint32_t number(const char *at)
{
    const unsigned char *b = (const unsigned char *)at;

    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8
        | b[3];
}

/* Four bits at a time (the polynomial of zlib and Ethernet). */
static uint32_t crc(const char *bytes, size_t n)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190,
        0x6b6b51f4, 0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344,
        0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278,
        0xbdbdf21c,
    };
    uint32_t sum = 0xffffffff;
    size_t i;

    for (i = 0; i < n; i++) {
        sum ^= (unsigned char)bytes[i];
        sum = sum >> 4 ^ table[sum & 15];
        sum = sum >> 4 ^ table[sum & 15];
    }
    return ~sum;
}

/* ---- headers ------------------------------------------------------------ */

typedef struct message {
    llm_span kind;              /* :message-type; at NULL: not given */
    llm_span event, exception;  /* :event-type, :exception-type */
    llm_span code, words;       /* :error-code, :error-message */
    llm_span payload;
} message;

static void note(message *m, llm_span name, llm_span value)
{
    const struct {
        const char *name;
        llm_span *value;
    } known[] = {
        { ":message-type", &m->kind }, { ":event-type", &m->event },
        { ":exception-type", &m->exception }, { ":error-code", &m->code },
        { ":error-message", &m->words },
    };
    size_t i;

    for (i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i].name) == name.len
            && !memcmp(known[i].name, name.at, name.len))
            *known[i].value = value;
}

/* Bytes of a value of this type at `at`; -1: no such type, or cut. */
static long value_size(int type, const char *at, size_t left)
{
    static const signed char fixed[] = { 0, 0, 1, 2, 4, 8, -1, -1, 8, 16 };
    const unsigned char *b = (const unsigned char *)at;

    if (type < 0 || type > 9)
        return -1;
    if (fixed[type] >= 0)
        return (size_t)fixed[type] <= left ? fixed[type] : -1;
    if (left < 2 || (size_t)(b[0] << 8 | b[1]) > left - 2)
        return -1;
    return 2 + (b[0] << 8 | b[1]);
}

/* 1 if they are well formed. */
static int read_headers(const char *at, size_t n, message *m)
{
    const char *end = at + n;
    llm_span name, value;
    long size;
    int type;

    while (at < end) {
        name.len = (unsigned char)*at++;
        name.at = at;
        if ((size_t)(end - at) < name.len + 1)
            return 0;
        at += name.len;
        type = (unsigned char)*at++;
        size = value_size(type, at, end - at);
        if (size < 0)
            return 0;
        value.at = at + 2;
        value.len = size - 2;
        if (type == 7)
            note(m, name, value);
        at += size;
    }
    return 1;
}

/* ---- what Bedrock puts into them ---------------------------------------- */

static int is(llm_span span, const char *word)
{
    return span.len == strlen(word) && !strncasecmp(span.at, word, span.len);
}

typedef struct finding {
    const char *name;
    llm_member found;
    int is_there;
} finding;

static llm_fault find_member(void *baton, const llm_member *member)
{
    finding *in = baton;

    if (llm_scan_is(member, in->name) && member->kind == LLM_JSON_STRING) {
        in->found = *member;
        in->is_there = 1;
    }
    return LLM_OK;
}

/* A string member of the object `json` into `out`; LLM_GARBAGE: none. */
static llm_fault string_of(llm_span json, const char *name, llm_buf *out)
{
    finding in = { .name = name };
    llm_fault fault;
    long n;

    llm_buf_clear(out);
    if (llm_scan_object(json.at, json.len, DEPTH, find_member, &in, NULL)
        || !in.is_there)
        return LLM_GARBAGE;
    fault = llm_buf_reserve(out, in.found.value.len);
    if (fault)
        return fault;
    n = llm_scan_string(&in.found, out->data, in.found.value.len);
    if (n < 0)
        return LLM_GARBAGE;
    out->len = n;
    return LLM_OK;
}

static llm_fault hand_out(const char *name, llm_span data, llm_sse_fn each,
                          void *baton)
{
    const llm_sse_event event = {
        name, strlen(name), data.len ? data.at : "", data.len
    };

    return each(baton, &event);
}

/* Anthropic's events are called by their type. */
static void name_event(llm_eventstream *in)
{
    const llm_span data = { in->data.data, in->data.len };

    in->name[0] = '\0';
    if (!string_of(data, "type", &in->text)
        && in->text.len < sizeof in->name) {
        memcpy(in->name, in->text.data, in->text.len);
        in->name[in->text.len] = '\0';
    }
    if (!llm_text_is_name(in->name, sizeof in->name))
        in->name[0] = '\0';
}

static llm_fault chunk(llm_eventstream *in, const message *m, llm_sse_fn each,
                       void *baton)
{
    llm_span text, data = m->payload;
    llm_fault fault = string_of(m->payload, "bytes", &in->text);

    in->name[0] = '\0';
    if (!fault) {
        text.at = in->text.data;
        text.len = in->text.len;
        llm_buf_clear(&in->data);
        fault = llm_base64_decode_to(text, LLM_BASE64_PLAIN, &in->data);
    }
    if (!fault) {
        name_event(in);
        data.at = in->data.data;
        data.len = in->data.len;
    }
    else if (fault != LLM_GARBAGE)
        return fault;
    return hand_out(in->name, data, each, baton);
}

/* Anthropic's word for an exception of Bedrock's. */
static const char *type_of(llm_span exception)
{
    static const struct {
        const char *exception, *type;
    } all[] = {
        { "throttlingException", "rate_limit_error" },
        { "serviceQuotaExceededException", "rate_limit_error" },
        { "serviceUnavailableException", "overloaded_error" },
        { "modelNotReadyException", "overloaded_error" },
        { "modelTimeoutException", "timeout_error" },
        { "validationException", "invalid_request_error" },
        { "accessDeniedException", "permission_error" },
        { "resourceNotFoundException", "not_found_error" },
    };
    size_t i;

    for (i = 0; i < sizeof all / sizeof *all; i++)
        if (is(exception, all[i].exception))
            return all[i].type;
    return "api_error";
}

static llm_fault exception(llm_eventstream *in, const message *m,
                           llm_sse_fn each, void *baton)
{
    llm_span name = m->exception.at ? m->exception : m->code;
    llm_span words = m->words, data;
    llm_emit e;

    if (!string_of(m->payload, "message", &in->text)) {
        words.at = in->text.data;
        words.len = in->text.len;
    }
    if (!words.len)
        words = name;
    llm_buf_clear(&in->data);
    llm_emit_begin(&e, &in->data);
    llm_emit_object(&e, NULL);
    llm_emit_string(&e, "type", "error");
    llm_emit_object(&e, "error");
    llm_emit_string(&e, "type", type_of(name));
    llm_emit_text(&e, "message", words);
    llm_emit_end_object(&e);
    llm_emit_end_object(&e);
    data.at = in->data.data;
    data.len = in->data.len;
    return e.fault ? e.fault : hand_out("error", data, each, baton);
}

/* ---- messages ----------------------------------------------------------- */

/* How long the message will be whose prelude is at `at`; 0: it is none. */
static size_t size_of(const char *at)
{
    size_t total = number(at), headers = number(at + 4);

    if (crc(at, 8) != number(at + 8) || total < PRELUDE + SUM
        || headers > total - PRELUDE - SUM)
        return 0;
    return total;
}

static llm_fault read_message(llm_eventstream *in, const char *at, size_t n,
                              llm_sse_fn each, void *baton)
{
    size_t headers = number(at + 4);
    message m = { { NULL, 0 }, { NULL, 0 }, { NULL, 0 }, { NULL, 0 },
                  { NULL, 0 }, { at + PRELUDE + headers,
                                 n - PRELUDE - headers - SUM } };

    if (crc(at, n - SUM) != number(at + n - SUM)
        || !read_headers(at + PRELUDE, headers, &m))
        return LLM_GARBAGE;
    if (m.kind.at && !is(m.kind, "event"))
        return exception(in, &m, each, baton);
    return is(m.event, "chunk") ? chunk(in, &m, each, baton) : LLM_OK;
}

/* The message at `at`: *size bytes of it are needed, 0 if that is not known
 * yet. */
static llm_fault measure(const llm_eventstream *in, const char *at, size_t n,
                         size_t *size)
{
    *size = 0;
    if (n < PRELUDE)
        return LLM_OK;
    *size = size_of(at);
    if (!*size)
        return LLM_GARBAGE;
    return *size > in->message.ceiling ? LLM_TOO_LARGE : LLM_OK;
}

/* Of a message that began in an earlier feeding: as much as it needs. */
static llm_fault go_on(llm_eventstream *in, const char **at, const char *end,
                       llm_sse_fn each, void *baton)
{
    llm_buf *whole = &in->message;
    size_t want = PRELUDE, take;
    llm_fault fault;

    while (*at < end && whole->len) {
        fault = measure(in, whole->data, whole->len, &want);
        if (fault)
            return fault;
        want = want ? want : PRELUDE;
        take = want - whole->len;
        if (take > (size_t)(end - *at))
            take = end - *at;
        fault = llm_buf_add(whole, *at, take);
        if (fault)
            return fault;
        *at += take;
        if ((fault = measure(in, whole->data, whole->len, &want)))
            return fault;
        if (want && whole->len == want) {
            fault = read_message(in, whole->data, want, each, baton);
            llm_buf_clear(whole);
            return fault;
        }
    }
    return LLM_OK;
}

llm_fault llm_eventstream_feed(llm_eventstream *in, const char *bytes,
                               size_t n, llm_sse_fn each, void *baton)
{
    const char *at = bytes, *end = bytes + n;
    llm_fault fault = go_on(in, &at, end, each, baton);
    size_t size;

    while (!fault && at < end) {
        fault = measure(in, at, end - at, &size);
        if (fault)
            return fault;
        if (!size || size > (size_t)(end - at))
            return llm_buf_add(&in->message, at, end - at);
        fault = read_message(in, at, size, each, baton);
        at += size;
    }
    return fault;
}

/* ---- life --------------------------------------------------------------- */

void llm_eventstream_init(llm_eventstream *in, size_t ceiling)
{
    memset(in, 0, sizeof *in);
    llm_buf_init(&in->message, ceiling);
    llm_buf_init(&in->data, ceiling + 256);
    llm_buf_init(&in->text, ceiling + 256);
}

int llm_eventstream_is_empty(const llm_eventstream *in)
{
    return !in->message.len;
}

void llm_eventstream_free(llm_eventstream *in)
{
    llm_buf_free(&in->message);
    llm_buf_free(&in->data);
    llm_buf_free(&in->text);
}
