/* The object Response around its output, with all that OpenAI's schema
 * requires. What the client asked with is not known here: the members that
 * repeat it say the API's defaults. */
#include "responses.h"
#include <apr_strings.h>
#include <string.h>

const char *llm_responses_id(const char *what, const llm_face *face,
                             int number, apr_pool_t *p)
{
    const char *id = face->id ? face->id : "0";

    if (number < 0)
        return apr_pstrcat(p, what, id, NULL);
    return apr_psprintf(p, "%s%s_%d", what, id, number);
}

const char *llm_responses_status(llm_finish finish, int refused,
                                 const char **incomplete)
{
    *incomplete = NULL;
    if (finish == LLM_FINISH_LENGTH)
        *incomplete = "max_output_tokens";
    else if (finish == LLM_FINISH_FILTER && !refused)
        *incomplete = "content_filter";
    return *incomplete ? "incomplete" : "completed";
}

static void put_incomplete(llm_emit *e, const char *reason)
{
    if (!reason) {
        llm_emit_null(e, "incomplete_details");
        return;
    }
    llm_emit_object(e, "incomplete_details");
    llm_emit_string(e, "reason", reason);
    llm_emit_end_object(e);
}

void llm_responses_begin(llm_emit *e, const char *name,
                         const llm_responses_head *head)
{
    llm_emit_object(e, name);
    llm_emit_string(e, "id", head->id);
    llm_emit_string(e, "object", "response");
    llm_emit_whole(e, "created_at", head->created);
    llm_emit_string(e, "status", head->status);
    llm_emit_null(e, "error");
    put_incomplete(e, head->incomplete);
    llm_emit_null(e, "instructions");
    llm_emit_null(e, "max_output_tokens");
    llm_emit_string(e, "model", head->model ? head->model : "");
}

static long long positive(long long n)
{
    return n > 0 ? n : 0;
}

static void put_usage(llm_emit *e, const llm_usage *usage)
{
    llm_emit_object(e, "usage");
    llm_emit_whole(e, "input_tokens", positive(usage->input));
    llm_emit_object(e, "input_tokens_details");
    llm_emit_whole(e, "cached_tokens", positive(usage->cached));
    llm_emit_whole(e, "cache_write_tokens", positive(usage->cache_write));
    llm_emit_end_object(e);
    llm_emit_whole(e, "output_tokens", positive(usage->output));
    llm_emit_object(e, "output_tokens_details");
    llm_emit_whole(e, "reasoning_tokens", positive(usage->reasoning));
    llm_emit_end_object(e);
    llm_emit_whole(e, "total_tokens",
                   positive(usage->input) + positive(usage->output));
    llm_emit_end_object(e);
}

/* Another provider's word for it would not be understood. */
static const char *known_tier(const char *tier)
{
    static const char *const known[] = {
        "auto", "default", "flex", "scale", "priority", "fast", "ultrafast"
    };
    size_t i;

    for (i = 0; tier && i < sizeof known / sizeof *known; i++)
        if (!strcmp(known[i], tier))
            return tier;
    return NULL;
}

void llm_responses_end(llm_emit *e, const llm_responses_head *head)
{
    llm_emit_bool(e, "parallel_tool_calls", 1);
    llm_emit_null(e, "previous_response_id");
    llm_emit_object(e, "reasoning");
    llm_emit_null(e, "effort");
    llm_emit_null(e, "summary");
    llm_emit_end_object(e);
    llm_emit_string(e, "service_tier", known_tier(head->tier));
    llm_emit_bool(e, "store", 0);
    llm_emit_null(e, "temperature");
    llm_emit_object(e, "text");
    llm_emit_object(e, "format");
    llm_emit_string(e, "type", "text");
    llm_emit_end_object(e);
    llm_emit_end_object(e);
    llm_emit_string(e, "tool_choice", "auto");
    llm_emit_array(e, "tools");
    llm_emit_end_array(e);
    llm_emit_null(e, "top_p");
    llm_emit_string(e, "truncation", "disabled");
    if (head->usage)
        put_usage(e, head->usage);
    llm_emit_object(e, "metadata");
    llm_emit_end_object(e);
    llm_emit_end_object(e);
}
