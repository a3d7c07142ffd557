/* Model lists in Anthropic's shape: GET /models and /models/{id}. */
#include "anthropic.h"
#include <apr_time.h>
#include <stdio.h>

/* RFC 3339; apr_time_t counts microseconds. */
static void put_created(llm_emit *e, long long seconds)
{
    const long long last = 253402300799LL;      /* of the year 9999 */
    apr_time_exp_t at;
    char text[64];

    if (seconds < 0 || seconds > last
        || apr_time_exp_gmt(&at, apr_time_from_sec(seconds)))
        apr_time_exp_gmt(&at, 0);
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02dZ",
             at.tm_year + 1900, at.tm_mon + 1, at.tm_mday, at.tm_hour,
             at.tm_min, at.tm_sec);
    llm_emit_string(e, "created_at", text);
}

static void put_tokens(llm_emit *e, const char *name, long long tokens)
{
    if (tokens > 0)
        llm_emit_whole(e, name, tokens);
    else
        llm_emit_null(e, name);
}

static void put_model(llm_emit *e, const llm_model_entry *entry)
{
    llm_emit_object(e, NULL);
    llm_emit_string(e, "type", "model");
    llm_emit_string(e, "id", entry->id);
    llm_emit_string(e, "display_name", entry->id);
    put_created(e, entry->created);
    put_tokens(e, "max_input_tokens", entry->facts->context);
    put_tokens(e, "max_tokens", entry->facts->output);
    llm_emit_string(e, "lifecycle", "active");
    llm_emit_end_object(e);
}

llm_fault llm_anthropic_write_model(const llm_model_entry *entry, llm_buf *out)
{
    llm_emit e;

    llm_emit_begin(&e, out);
    put_model(&e, entry);
    return e.fault;
}

static void put_id(llm_emit *e, const char *name, const char *id)
{
    if (id)
        llm_emit_string(e, name, id);
    else
        llm_emit_null(e, name);
}

llm_fault llm_anthropic_write_models(const llm_model_entry *entries, int n,
                                     llm_buf *out)
{
    llm_emit e;
    int i;

    llm_emit_begin(&e, out);
    llm_emit_object(&e, NULL);
    llm_emit_array(&e, "data");
    for (i = 0; i < n; i++)
        put_model(&e, &entries[i]);
    llm_emit_end_array(&e);
    llm_emit_bool(&e, "has_more", 0);
    put_id(&e, "first_id", n > 0 ? entries[0].id : NULL);
    put_id(&e, "last_id", n > 0 ? entries[n - 1].id : NULL);
    llm_emit_end_object(&e);
    return e.fault ? e.fault : llm_buf_puts(out, "\n");
}
