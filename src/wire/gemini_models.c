/* Model lists in Gemini's shape: GET /models and /models/{id}. */
#include "gemini.h"
#include <string.h>

static void put_methods(llm_emit *e, const char *id)
{
    static const char *const talks[] = { "generateContent", "countTokens" };
    static const char *const embeds[] = { "embedContent",
                                          "batchEmbedContents" };
    const char *const *methods = strstr(id, "embed") ? embeds : talks;
    int i;

    llm_emit_array(e, "supportedGenerationMethods");
    for (i = 0; i < 2; i++)
        llm_emit_string(e, NULL, methods[i]);
    llm_emit_end_array(e);
}

static void put_entry(llm_emit *e, const llm_model_entry *entry)
{
    const llm_facts *facts = entry->facts;
    llm_buf name;

    llm_buf_init(&name, strlen(entry->id) + 16);
    llm_emit_object(e, NULL);
    if (!e->fault && !(e->fault = llm_buf_puts(&name, "models/"))
        && !(e->fault = llm_buf_puts(&name, entry->id)))
        llm_emit_text(e, "name", (llm_span){ name.data, name.len });
    llm_buf_free(&name);
    llm_emit_string(e, "displayName", entry->id);
    if (facts->context)
        llm_emit_whole(e, "inputTokenLimit", facts->context);
    if (facts->output)
        llm_emit_whole(e, "outputTokenLimit", facts->output);
    put_methods(e, entry->id);
    if (facts->thinking != LLM_THINKING_UNKNOWN)
        llm_emit_bool(e, "thinking", facts->thinking != LLM_THINKING_NONE);
    llm_emit_end_object(e);
}

llm_fault llm_gemini_write_model(const llm_model_entry *entry, llm_buf *out)
{
    llm_emit e;

    llm_emit_begin(&e, out);
    put_entry(&e, entry);
    return e.fault;
}

llm_fault llm_gemini_write_models(const llm_model_entry *entries, int n,
                                  llm_buf *out)
{
    llm_emit e;
    int i;

    llm_emit_begin(&e, out);
    llm_emit_object(&e, NULL);
    llm_emit_array(&e, "models");
    for (i = 0; i < n; i++)
        put_entry(&e, &entries[i]);
    llm_emit_end_array(&e);
    llm_emit_end_object(&e);
    return e.fault ? e.fault : llm_buf_puts(out, "\n");
}
