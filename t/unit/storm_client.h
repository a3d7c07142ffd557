/* What a client of one of three dialects sees of a stream, and whether that is
 * grammar. Included by call_storm.c alone. */
#ifndef LLM_STORM_CLIENT_H
#define LLM_STORM_CLIENT_H

#include "storm.h"

typedef struct view {
    int dialect;                /* 0: OpenAI's, 1: Anthropic's, 2: Responses */
    apr_pool_t *pool;
    const char *broken;         /* NULL, or the rule that did not hold */
    int begins, ends, errors, finishes, after, open;
    llm_buf text;
} view;

static void expect(view *v, int rule, const char *text)
{
    if (!rule)
        v->broken = text;
}

static const char *word_of(const llm_json *of, const char *name)
{
    const char *const word = llm_json_word(llm_json_member(of, name));

    return word ? word : "";
}

static void add_text(view *v, const llm_json *value)
{
    const llm_span text = llm_json_span(value);

    if (text.at)
        llm_buf_add(&v->text, text.at, text.len);
}

static void see_openai(view *v, const llm_json *json)
{
    const llm_json *choice =
        llm_json_element(llm_json_member(json, "choices"), 0);
    const llm_json *delta = llm_json_member(choice, "delta");

    v->errors += llm_json_member(json, "error") != NULL;
    v->begins += *word_of(delta, "role") != '\0';
    v->finishes += *word_of(choice, "finish_reason") != '\0';
    add_text(v, llm_json_member(delta, "content"));
}

static void see_anthropic(view *v, const llm_json *json)
{
    const char *const type = word_of(json, "type");

    v->errors += !strcmp(type, "error");
    v->begins += !strcmp(type, "message_start");
    v->ends += !strcmp(type, "message_stop");
    v->finishes += !strcmp(type, "message_delta");
    v->open += !strcmp(type, "content_block_start");
    v->open -= !strcmp(type, "content_block_stop");
    add_text(v, llm_json_member(llm_json_member(json, "delta"), "text"));
    expect(v, v->open >= 0 && v->open <= 1, "one block at a time");
}

static void see_responses(view *v, const llm_json *json)
{
    const char *const type = word_of(json, "type");
    long long number;

    v->errors += !strcmp(type, "error") || !strcmp(type, "response.failed");
    v->begins += !strcmp(type, "response.created");
    v->ends += !strcmp(type, "response.completed");
    v->finishes = v->ends;
    if (!strcmp(type, "response.output_text.delta"))
        add_text(v, llm_json_member(json, "delta"));
    expect(v, llm_json_whole(llm_json_member(json, "sequence_number"),
                               &number) && number == v->after,
          "events are numbered");
    v->after++;
}

static llm_fault see(void *baton, const llm_sse_event *event)
{
    static void (*const sees[])(view *v, const llm_json *json) = {
        see_openai, see_anthropic, see_responses
    };
    view *const v = baton;
    const llm_json *json;

    expect(v, !v->ends && !v->errors, "nothing after the end");
    if (event->data_len == 6 && !memcmp(event->data, "[DONE]", 6)) {
        v->ends++;
        return LLM_OK;
    }
    if (!event->data_len || llm_json_parse(event->data, event->data_len, 32,
                                           &json, v->pool))
        expect(v, 0, "every event is JSON");
    else
        sees[v->dialect](v, json);
    return LLM_OK;
}

#endif
