/* Pieces that Gemini's requests and answers are both written from. */
#include "gemini.h"
#include <string.h>
#include <strings.h>

/* How deep arguments may nest; Google's Struct takes no more. */
#define OBJECT_DEPTH 100

/* No string of valid JSON holds a line end, and none of them alone keeps two
 * tokens apart; events on one line must not hold any. */
void llm_gemini_put_json(llm_emit *e, const char *name, llm_span json)
{
    const char *at = json.at, *end = at + json.len;
    size_t n;

    llm_emit_raw(e, name, (llm_span){ "", 0 });
    for (; at < end && !e->fault; at += n) {
        for (n = 0; at + n < end && at[n] != '\n' && at[n] != '\r'; n++)
            ;
        e->fault = llm_buf_add(e->out, at, n);
        n += at + n < end;
    }
}

static int is_blank(llm_span json)
{
    size_t i;

    for (i = 0; i < json.len; i++)
        if (!strchr(" \t\r\n", json.at[i]) || !json.at[i])
            return 0;
    return 1;
}

int llm_gemini_is_object(llm_span json)
{
    return is_blank(json)
        || !llm_scan_object(json.at, json.len, OBJECT_DEPTH, NULL, NULL, NULL);
}

void llm_gemini_put_call(llm_emit *e, const char *id, const char *name,
                         llm_span arguments, const char *signature)
{
    llm_emit_object(e, NULL);
    llm_emit_object(e, "functionCall");
    llm_emit_string(e, "id", id);
    llm_emit_string(e, "name", name ? name : "");
    if (is_blank(arguments))
        arguments = (llm_span){ "{}", 2 };
    llm_gemini_put_json(e, "args", arguments);
    llm_emit_end_object(e);
    llm_emit_string(e, "thoughtSignature", signature);
    llm_emit_end_object(e);
}

void llm_gemini_put_text(llm_emit *e, llm_span text, int thought,
                         const char *signature)
{
    llm_emit_object(e, NULL);
    llm_emit_text(e, "text", text);
    if (thought)
        llm_emit_bool(e, "thought", 1);
    llm_emit_string(e, "thoughtSignature", signature);
    llm_emit_end_object(e);
}

/* ---- media -------------------------------------------------------------- */

static const char *media_of(const llm_part *part)
{
    if (part->media)
        return part->media;
    switch (part->kind) {
    case LLM_PART_IMAGE:
        return "image/png";
    case LLM_PART_AUDIO:
        return "audio/wav";
    default:
        return "application/pdf";
    }
}

/* What Google fetches by itself: its own stores, and films. */
static const char *google_uri(const char *uri)
{
    static const char *const begins[] = {
        "gs://", "https://generativelanguage.googleapis.com/",
        "https://www.youtube.com/watch", "https://youtu.be/"
    };
    size_t i;

    for (i = 0; uri && i < sizeof begins / sizeof *begins; i++)
        if (!strncasecmp(uri, begins[i], strlen(begins[i])))
            return uri;
    return NULL;
}

int llm_gemini_put_media(llm_emit *e, const llm_part *part, int any_url)
{
    const char *uri = google_uri(part->file_id);

    if (!uri)
        uri = any_url && part->url ? part->url : google_uri(part->url);
    if (!part->data.len && !uri)
        return 0;
    llm_emit_object(e, NULL);
    llm_emit_object(e, part->data.len ? "inlineData" : "fileData");
    if (part->data.len || part->media)
        llm_emit_string(e, "mimeType", media_of(part));
    if (part->data.len)
        llm_emit_text(e, "data", part->data);
    else
        llm_emit_string(e, "fileUri", uri);
    llm_emit_end_object(e);
    llm_emit_end_object(e);
    return 1;
}

/* ---- usage -------------------------------------------------------------- */

static void put_some(llm_emit *e, const char *name, long long n)
{
    if (n > 0)
        llm_emit_whole(e, name, n);
}

/* Numbers that are zero are left out, as Google does. */
void llm_gemini_put_usage(llm_emit *e, const llm_usage *usage)
{
    const long long tools = usage->tool_input < usage->input
        ? usage->tool_input : usage->input;
    const long long thoughts = usage->reasoning < usage->output
        ? usage->reasoning : usage->output;

    if (!usage->known)
        return;
    llm_emit_object(e, "usageMetadata");
    llm_emit_whole(e, "promptTokenCount", usage->input - tools);
    put_some(e, "cachedContentTokenCount", usage->cached);
    put_some(e, "candidatesTokenCount", usage->output - thoughts);
    put_some(e, "toolUsePromptTokenCount", tools);
    put_some(e, "thoughtsTokenCount", thoughts);
    llm_emit_whole(e, "totalTokenCount", usage->input + usage->output);
    llm_emit_end_object(e);
}
