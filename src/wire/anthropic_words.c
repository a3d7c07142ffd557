/* What whole and streamed answers of Anthropic have in common. */
#include "anthropic.h"
#include <apr_strings.h>
#include <string.h>

/* ---- how an answer ends ------------------------------------------------- */

static const struct {
    const char *reason;
    llm_finish finish;
} reasons[] = {
    { "end_turn", LLM_FINISH_STOP },
    { "max_tokens", LLM_FINISH_LENGTH },
    { "stop_sequence", LLM_FINISH_SEQUENCE },
    { "tool_use", LLM_FINISH_TOOLS },
    { "pause_turn", LLM_FINISH_PAUSE },
    { "refusal", LLM_FINISH_FILTER },
    { "model_context_window_exceeded", LLM_FINISH_LENGTH },
};

llm_finish llm_anthropic_finish(const char *reason)
{
    size_t i;

    for (i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (!strcmp(reasons[i].reason, reason))
            return reasons[i].finish;
    return LLM_FINISH_OTHER;
}

/* An answer with calls ends for them whatever its provider calls that; where
 * it gave no reason, none is made up: NULL. */
const char *llm_anthropic_reason(llm_finish finish, int calls, int refused)
{
    size_t i;

    if (finish == LLM_FINISH_NONE || finish == LLM_FINISH_STOP
        || finish == LLM_FINISH_OTHER)
        return calls ? "tool_use" : refused ? "refusal"
            : finish == LLM_FINISH_NONE ? NULL : "end_turn";
    for (i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].finish == finish)
            break;
    return reasons[i].reason;
}

/* The text of stop_details; NULL. */
const char *llm_anthropic_explanation(const llm_json *details)
{
    const char *text = llm_json_word(llm_json_member(details, "explanation"));

    return text && *text ? text : NULL;
}

void llm_anthropic_put_stop(llm_emit *e, const char *reason,
                            const char *sequence)
{
    if (reason)
        llm_emit_string(e, "stop_reason", reason);
    else
        llm_emit_null(e, "stop_reason");
    if (reason && sequence && !strcmp(reason, "stop_sequence"))
        llm_emit_string(e, "stop_sequence", sequence);
    else
        llm_emit_null(e, "stop_sequence");
    if (!reason || strcmp(reason, "refusal")) {
        llm_emit_null(e, "stop_details");
        return;
    }
    llm_emit_object(e, "stop_details");
    llm_emit_string(e, "type", "refusal");
    llm_emit_null(e, "category");
    llm_emit_null(e, "explanation");
    llm_emit_end_object(e);
}

/* ---- citations ---------------------------------------------------------- */

static const char *copied(const llm_json *value, apr_pool_t *p)
{
    const char *word = llm_json_word(value);

    return word ? apr_pstrdup(p, word) : NULL;
}

/* Those of the web have a url, those of search results a source; places in
 * documents of the request name nothing that could be opened. */
int llm_anthropic_read_citation(const llm_json *from, llm_citation *out,
                                apr_pool_t *p)
{
    const llm_span quote = llm_json_span(llm_json_member(from, "cited_text"));

    memset(out, 0, sizeof *out);
    out->start = out->end = -1;
    out->url = copied(llm_json_member(from, "url"), p);
    if (!out->url)
        out->url = copied(llm_json_member(from, "source"), p);
    out->title = copied(llm_json_member(from, "title"), p);
    if (quote.len) {
        out->quote.at = apr_pstrmemdup(p, quote.at, quote.len);
        out->quote.len = quote.len;
    }
    return out->url && *out->url;
}

void llm_anthropic_put_citation(llm_emit *e, const char *name,
                                const llm_citation *citation)
{
    llm_emit_object(e, name);
    llm_emit_string(e, "type", "web_search_result_location");
    llm_emit_text(e, "cited_text", citation->quote);
    llm_emit_string(e, "url", citation->url);
    if (citation->title)
        llm_emit_string(e, "title", citation->title);
    else
        llm_emit_null(e, "title");
    llm_emit_string(e, "encrypted_index", "");
    llm_emit_end_object(e);
}

/* ---- usage -------------------------------------------------------------- */

static long long rest(long long whole, long long part)
{
    return whole > part ? whole - part : 0;
}

/* Here input is without what the cache has read and written. */
void llm_anthropic_put_usage(llm_emit *e, const llm_usage *usage)
{
    llm_emit_object(e, "usage");
    llm_emit_whole(e, "input_tokens",
                   rest(usage->input, usage->cached + usage->cache_write));
    llm_emit_whole(e, "cache_creation_input_tokens", usage->cache_write);
    llm_emit_whole(e, "cache_read_input_tokens", usage->cached);
    llm_emit_object(e, "cache_creation");
    llm_emit_whole(e, "ephemeral_5m_input_tokens",
                   rest(usage->cache_write, usage->cache_write_1h));
    llm_emit_whole(e, "ephemeral_1h_input_tokens", usage->cache_write_1h);
    llm_emit_end_object(e);
    llm_emit_whole(e, "output_tokens", usage->output);
    llm_emit_object(e, "output_tokens_details");
    llm_emit_whole(e, "thinking_tokens", usage->reasoning);
    llm_emit_end_object(e);
    llm_emit_null(e, "server_tool_use");
}

/* ---- arguments ---------------------------------------------------------- */

/* None at all are an empty object. */
int llm_anthropic_input(llm_span arguments, llm_span *object)
{
    static const char empty[] = "{}";

    while (arguments.len && llm_text_is_white(*arguments.at)) {
        arguments.at++;
        arguments.len--;
    }
    while (arguments.len
           && llm_text_is_white(arguments.at[arguments.len - 1]))
        arguments.len--;
    *object = arguments;
    if (!arguments.len || (arguments.len == 4
                           && !memcmp(arguments.at, "null", 4))) {
        *object = (llm_span){ empty, sizeof empty - 1 };
        return 1;
    }
    return !llm_scan_object(arguments.at, arguments.len, LLM_ANTHROPIC_DEPTH,
                            NULL, NULL, NULL);
}
