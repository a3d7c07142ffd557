/* A conversation with the echo provider, played to its end without waiting
 * and with everything in it parsed. Included by the echo tests; one thread.
 */
#ifndef LLM_TALK_H
#define LLM_TALK_H

#include <stdlib.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "../tap.h"
#include "../../src/base/json.h"
#include "../../src/wire/echo.h"
#include "../../src/wire/sse.h"

#define CHAT "/v1/chat/completions"
#define STEPS_MOST 20000

static apr_pool_t *pool;

/* What came of one conversation. */
typedef struct talk {
    int status;                         /* 0: no head */
    char type[64], retry_after[32];
    llm_buf body;
    llm_step_kind end;
    unsigned pieces;                    /* BYTES steps */
    size_t largest;                     /* of them */
    apr_interval_time_t head, first, rest, last;        /* waits */
    const llm_json *json;               /* a whole answer */
    /* of a stream: */
    unsigned events, broken, dones, usages, nulls, errors, deltas;
    llm_buf text, arguments;            /* a bar after each call's */
    char finish[32], id[64];
    const llm_json *usage;
} talk;

static const char *string_of(const llm_json *value)
{
    size_t n;
    const char *text = llm_json_string(value, &n);

    return text ? text : "(none)";
}

/* "a.b.0.c" from the outermost value on. */
static const llm_json *at(const llm_json *value, const char *path)
{
    char name[64];
    size_t n;
    long index;

    while (value && *path) {
        n = strcspn(path, ".");
        apr_cpystrn(name, path, n + 1);
        path += n + (path[n] == '.');
        value = llm_text_number(name, 0, 1000, &index)
                    ? llm_json_element(value, (size_t)index)
                    : llm_json_member(value, name);
    }
    return value;
}

static const char *str_at(const llm_json *value, const char *path)
{
    return string_of(at(value, path));
}

static long long int_at(const llm_json *value, const char *path)
{
    long long n;

    return llm_json_whole(at(value, path), &n) ? n : -1;
}

static void add_string(llm_buf *to, const llm_json *value)
{
    size_t n;
    const char *text = llm_json_string(value, &n);

    if (text)
        llm_buf_add(to, text, n);
}

static void read_delta(talk *t, const llm_json *choice)
{
    const llm_json *delta = at(choice, "delta");
    const llm_json *call = at(delta, "tool_calls.0");
    const llm_json *finish = at(choice, "finish_reason");

    if (!delta)
        return;
    t->deltas++;
    add_string(&t->text, at(delta, "content"));
    if (at(call, "id") && int_at(call, "index") > 0)
        llm_buf_puts(&t->arguments, "|");
    add_string(&t->arguments, at(call, "function.arguments"));
    if (llm_json_kind_of(finish) == LLM_JSON_STRING)
        apr_cpystrn(t->finish, string_of(finish), sizeof t->finish);
}

static llm_fault read_event(void *baton, const llm_sse_event *event)
{
    const llm_json *json, *usage;
    talk *t = baton;

    t->events++;
    if (event->data_len == 6 && !memcmp(event->data, "[DONE]", 6)) {
        t->dones++;
        return LLM_OK;
    }
    if (llm_json_parse(event->data, event->data_len, 32, &json, pool)) {
        t->broken++;
        return LLM_OK;
    }
    if (at(json, "error"))
        t->errors++;
    usage = at(json, "usage");
    if (usage && llm_json_kind_of(usage) == LLM_JSON_NULL)
        t->nulls++;
    else if (usage) {
        t->usages++;
        t->usage = usage;
        is_int(llm_json_count(at(json, "choices")), 0, "usage comes alone");
    }
    if (!*t->id)
        apr_cpystrn(t->id, str_at(json, "id"), sizeof t->id);
    else if (strcmp(t->id, str_at(json, "id")))
        ok(0, "another id in one stream");
    read_delta(t, at(json, "choices.0"));
    return LLM_OK;
}

static int is_last(llm_step_kind kind)
{
    return kind != LLM_STEP_HEAD && kind != LLM_STEP_BYTES;
}

static void take(talk *t, const llm_step *step)
{
    if (step->kind == LLM_STEP_HEAD) {
        t->status = step->status;
        t->head = step->wait;
        apr_cpystrn(t->type, step->type, sizeof t->type);
        if (step->retry_after)
            apr_cpystrn(t->retry_after, step->retry_after,
                        sizeof t->retry_after);
    }
    else if (step->kind == LLM_STEP_BYTES) {
        *(t->pieces++ ? &t->rest : &t->first) += step->wait;
        llm_buf_add(&t->body, step->bytes, step->len);
        if (step->len > t->largest)
            t->largest = step->len;
        if (!step->len)
            ok(0, "an empty piece");
    }
    else {
        t->end = step->kind;
        t->last = step->wait;
    }
}

static void read_body(talk *t)
{
    llm_sse in;

    if (!strncmp(t->type, "application/json", 16))
        llm_json_parse(t->body.data, t->body.len, 32, &t->json, pool);
    if (strncmp(t->type, "text/event-stream", 17))
        return;
    llm_sse_init(&in, 1 << 20);
    is_int(llm_sse_feed(&in, t->body.data, t->body.len, read_event, t),
           LLM_OK, "the stream can be read");
    if (t->end == LLM_STEP_END)
        ok(llm_sse_is_empty(&in), "and ends after an event");
    llm_sse_free(&in);
}

static talk ask_at(const char *path, const char *options, const char *body,
                   size_t n)
{
    unsigned steps = 0;
    llm_step step;
    talk t;
    char *copy = malloc(n + 1);
    void *peer;

    memset(&t, 0, sizeof t);
    llm_buf_init(&t.body, 100 << 20);
    llm_buf_init(&t.text, 100 << 20);
    llm_buf_init(&t.arguments, 100 << 20);
    /* The body is gone before the first step, as the contract says. */
    memcpy(copy, body, n);
    peer = llm_echo_peer.open(path, copy, n, options);
    free(copy);
    if (!peer) {
        ok(0, "no conversation");
        return t;
    }
    do {
        llm_echo_peer.next(peer, &step);
        take(&t, &step);
    } while (!is_last(step.kind) && ++steps < STEPS_MOST);
    ok(is_last(step.kind), "it comes to an end");
    llm_echo_peer.close(peer);
    read_body(&t);
    return t;
}

TAP_UNUSED
static talk ask(const char *options, const char *body)
{
    return ask_at(CHAT, options, body, strlen(body));
}

/* The usual request with a model, and members after it. */
TAP_UNUSED
static const char *request(const char *model, const char *members)
{
    return apr_pstrcat(pool, "{\"model\":\"", model, "\",\"messages\":[{"
                       "\"role\":\"system\",\"content\":\"Be brief.\"},"
                       "{\"role\":\"user\",\"content\":\"Hello big world\"}]",
                       members, "}", NULL);
}

#define STREAM ",\"stream\":true"
#define USAGE STREAM ",\"stream_options\":{\"include_usage\":true}"
#define HELLO "You said: Hello big world"

static void forget(talk *t)
{
    llm_buf_free(&t->body);
    llm_buf_free(&t->text);
    llm_buf_free(&t->arguments);
}

TAP_UNUSED
static int says(const llm_buf *buf, const char *text)
{
    return buf->len == strlen(text)
           && (!buf->len || !memcmp(buf->data, text, buf->len));
}

/* An OpenAI error of that status, code and param ("" for null). */
TAP_UNUSED
static void is_error(talk t, int status, const char *code, const char *param)
{
    const llm_json *error = at(t.json, "error");
    const llm_json *code_of = at(error, "code");
    const llm_json *param_of = at(error, "param");

    is_int(t.status, status, "an error of status %d", status);
    is_int(t.end, LLM_STEP_END, "that is whole");
    is_str(t.type, "application/json", "JSON");
    ok(error && strlen(str_at(error, "message")) > 8, "with a message: %s",
       str_at(error, "message"));
    ok(strlen(str_at(error, "type")) > 4, "and a type");
    ok(code_of && param_of, "all four members are there");
    is_str(*code ? string_of(code_of) : "", code, "code %s", code);
    is_str(llm_json_kind_of(param_of) ? string_of(param_of) : "", param,
           "param '%s'", param);
    forget(&t);
}

TAP_UNUSED
static void is_usage(const llm_json *usage, int in, int out, int cached,
                     int reasoning)
{
    is_int(int_at(usage, "prompt_tokens"), in, "prompt tokens");
    is_int(int_at(usage, "completion_tokens"), out, "completion tokens");
    is_int(int_at(usage, "total_tokens"), in + out, "their sum");
    is_int(int_at(usage, "prompt_tokens_details.cached_tokens"), cached,
           "cached tokens");
    is_int(int_at(usage, "completion_tokens_details.reasoning_tokens"),
           reasoning, "reasoning tokens");
}

#endif
