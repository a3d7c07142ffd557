/* What whole answers and streams of the OpenAI dialect have in common. */
#include "openai_chat.h"
#include <string.h>
#include <apr_strings.h>

/* ---- reading ------------------------------------------------------------ */

/* DeepSeek's word for it and OpenRouter's; some send both. */
llm_span llm_openai_reasoning(const llm_json *message)
{
    llm_span text = llm_json_span(llm_json_member(message,
                                                  "reasoning_content"));

    return text.len ? text
                    : llm_json_span(llm_json_member(message, "reasoning"));
}

/* Some servers send the object itself instead of its text. */
llm_span llm_openai_arguments(const llm_json *function, apr_pool_t *p)
{
    const llm_json *arguments = llm_json_member(function, "arguments");

    if (llm_json_kind_of(arguments) == LLM_JSON_OBJECT)
        return llm_json_text(arguments, p);
    return llm_json_span(arguments);
}

static long long place(const llm_json *value)
{
    long long n;

    return llm_json_whole(value, &n) && n >= 0 ? n : -1;
}

int llm_openai_citation(const llm_json *annotation, llm_citation *out)
{
    const llm_json *it = llm_json_member(annotation, "url_citation");

    memset(out, 0, sizeof *out);
    out->url = llm_json_word(llm_json_member(it, "url"));
    out->title = llm_json_word(llm_json_member(it, "title"));
    out->quote = llm_json_span(llm_json_member(it, "content"));
    out->start = place(llm_json_member(it, "start_index"));
    out->end = place(llm_json_member(it, "end_index"));
    return out->url != NULL;
}

static const struct {
    const char *word;
    llm_finish finish;
} finishes[] = {
    { "stop", LLM_FINISH_STOP }, { "length", LLM_FINISH_LENGTH },
    { "tool_calls", LLM_FINISH_TOOLS }, { "function_call", LLM_FINISH_TOOLS },
    { "content_filter", LLM_FINISH_FILTER },
};

#define FINISHES (sizeof finishes / sizeof *finishes)

/* With a tool that the request named, OpenAI says "stop". */
llm_finish llm_openai_finish_of(const char *word, int calls)
{
    size_t i;

    if (!word)
        return LLM_FINISH_NONE;
    for (i = 0; i < FINISHES; i++)
        if (!strcmp(finishes[i].word, word))
            return calls && finishes[i].finish == LLM_FINISH_STOP
                ? LLM_FINISH_TOOLS : finishes[i].finish;
    return LLM_FINISH_OTHER;
}

/* ---- writing ------------------------------------------------------------ */

const char *llm_openai_finish_word(llm_finish finish)
{
    size_t i;

    for (i = 0; i < FINISHES; i++)
        if (finishes[i].finish == finish)
            return finishes[i].word;
    return "stop";
}

const char *llm_openai_id(const char *begin, const char *id, apr_pool_t *p)
{
    if (!id)
        id = "0";
    return strncmp(id, begin, strlen(begin)) ? apr_pstrcat(p, begin, id, NULL)
                                             : id;
}

const char *llm_openai_call_id(const char *id, int number, apr_pool_t *p)
{
    return apr_psprintf(p, "call_%s_%d", id ? id : "0", number);
}

void llm_openai_put_usage(llm_emit *e, const llm_usage *usage)
{
    llm_emit_object(e, "usage");
    llm_emit_whole(e, "prompt_tokens", usage->input);
    llm_emit_whole(e, "completion_tokens", usage->output);
    llm_emit_whole(e, "total_tokens", usage->input + usage->output);
    llm_emit_object(e, "prompt_tokens_details");
    llm_emit_whole(e, "cached_tokens", usage->cached);
    llm_emit_whole(e, "cache_write_tokens", usage->cache_write);
    llm_emit_whole(e, "audio_tokens", usage->audio_input);
    llm_emit_end_object(e);
    llm_emit_object(e, "completion_tokens_details");
    llm_emit_whole(e, "reasoning_tokens", usage->reasoning);
    llm_emit_whole(e, "audio_tokens", usage->audio_output);
    llm_emit_whole(e, "accepted_prediction_tokens", 0);
    llm_emit_whole(e, "rejected_prediction_tokens", 0);
    llm_emit_end_object(e);
    llm_emit_end_object(e);
}

long long llm_openai_chars(llm_span text)
{
    long long n = 0;
    size_t i;

    for (i = 0; i < text.len; i++)
        n += (text.at[i] & 0xc0) != 0x80;
    return n;
}

void llm_openai_put_citation(llm_emit *e, const llm_citation *citation,
                             long long from, long long to)
{
    if (!citation->url)
        return;
    llm_emit_object(e, NULL);
    llm_emit_string(e, "type", "url_citation");
    llm_emit_object(e, "url_citation");
    llm_emit_whole(e, "start_index", citation->start < 0 ? from
                                                         : citation->start);
    llm_emit_whole(e, "end_index", citation->end < 0 ? to : citation->end);
    llm_emit_string(e, "url", citation->url);
    llm_emit_string(e, "title", citation->title ? citation->title : "");
    llm_emit_end_object(e);
    llm_emit_end_object(e);
}
