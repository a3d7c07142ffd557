/* Images and documents: where their bytes come from, both ways. */
#include "anthropic.h"
#include <apr_strings.h>
#include <string.h>
#include <strings.h>
#include "../base/base64.h"

typedef llm_anthropic_reading reading;
typedef llm_anthropic_place place;
typedef llm_anthropic_writing writing;

/* ---- reading ------------------------------------------------------------ */

static llm_fault read_bytes(reading *in, const place *at,
                            const llm_json *source, llm_part *part)
{
    llm_fault fault = llm_anthropic_word(in, at, source, "media_type", 1,
                                         &part->media);

    if (!fault)
        fault = llm_anthropic_text(in, at, source, "data", 1, &part->data);
    if (!fault && !part->data.len)
        fault = llm_anthropic_wrong(in, at, "data", "data must not be empty");
    return fault;
}

static llm_fault read_plain(reading *in, const place *at,
                            const llm_json *source, llm_part *part)
{
    llm_fault fault = read_bytes(in, at, source, part);

    if (!fault)
        part->data = llm_base64_encode(part->data, LLM_BASE64_PLAIN, in->p);
    return fault;
}

/* Only documents are text; only what is not an image is a PDF. */
static llm_fault read_url(reading *in, const place *at,
                          const llm_json *source, llm_part *part)
{
    if (part->kind == LLM_PART_FILE)
        part->media = "application/pdf";
    return llm_anthropic_word(in, at, source, "url", 1, &part->url);
}

static llm_fault read_file(reading *in, const place *at,
                           const llm_json *source, llm_part *part)
{
    return llm_anthropic_word(in, at, source, "file_id", 1, &part->file_id);
}

static const struct {
    const char *type;
    int document;               /* only a document's */
    llm_fault (*read)(reading *in, const place *at, const llm_json *source,
                      llm_part *part);
    const char *known[4];
} sources[] = {
    { "base64", 0, read_bytes, { "type", "media_type", "data" } },
    { "text", 1, read_plain, { "type", "media_type", "data" } },
    { "url", 0, read_url, { "type", "url" } },
    { "file", 0, read_file, { "type", "file_id" } },
};

llm_fault llm_anthropic_read_source(reading *in, const place *outer,
                                    const llm_json *block, llm_part *part)
{
    const llm_json *source = llm_json_member(block, "source");
    const place at = { outer, "source", 0 };
    const char *type = NULL;
    llm_fault fault;
    size_t i;

    if (llm_json_kind_of(source) != LLM_JSON_OBJECT)
        return llm_anthropic_wrong(in, &at, NULL, "source must be an object");
    fault = llm_anthropic_word(in, &at, source, "type", 1, &type);
    if (fault)
        return fault;
    for (i = 0; i < sizeof sources / sizeof *sources; i++)
        if (!strcmp(sources[i].type, type)
            && (part->kind == LLM_PART_FILE || !sources[i].document)) {
            llm_anthropic_others(in, &at, source, sources[i].known);
            return sources[i].read(in, &at, source, part);
        }
    llm_anthropic_unknown(in, &at, "type");
    return LLM_OK;
}

/* ---- what a part is ----------------------------------------------------- */

static int begins(llm_span text, const char *head)
{
    return text.len >= strlen(head) && !memcmp(text.at, head, strlen(head));
}

/* How the base64 of what we know begins. */
static const struct {
    const char *head, *media;
} magic[] = {
    { "iVBORw0KGgo", "image/png" }, { "/9j/", "image/jpeg" },
    { "R0lGOD", "image/gif" }, { "UklGR", "image/webp" },
    { "JVBERi0", "application/pdf" },
};

/* The type it says, else the one its bytes show; "" for none. */
static const char *media_of(const llm_part *part)
{
    size_t i;

    if (part->media && !strcasecmp(part->media, "image/jpg"))
        return "image/jpeg";
    if (part->media && strcmp(part->media, "application/octet-stream"))
        return part->media;
    for (i = 0; i < sizeof magic / sizeof *magic; i++)
        if (begins(part->data, magic[i].head))
            return magic[i].media;
    return part->media ? part->media : "";
}

static int is_image(const char *media)
{
    static const char *const known[] = {
        "image/png", "image/jpeg", "image/gif", "image/webp"
    };
    size_t i;

    for (i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcasecmp(known[i], media))
            return 1;
    return 0;
}

static int is_text(const char *media)
{
    static const char *const known[] = {
        "application/json", "application/xml", "application/yaml"
    };
    size_t i;

    for (i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcasecmp(known[i], media))
            return 1;
    return !strncasecmp(media, "text/", 5);
}

static int is_pdf(const char *media)
{
    return !strcasecmp(media, "application/pdf");
}

static int is_web(const char *url)
{
    return !strncasecmp(url, "https://", 8) || !strncasecmp(url, "http://", 7);
}

/* The words of a text file; at NULL if it holds none. */
static llm_span words_of(const llm_part *part, apr_pool_t *p)
{
    llm_span text = llm_base64_decode(part->data, LLM_BASE64_PLAIN, p);

    if (text.at && (!text.len || llm_text_utf8(text.at, text.len) != text.len))
        text.at = NULL;
    return text;
}

static int is_known(writing *w, const llm_part *part)
{
    const char *media = media_of(part);

    if (part->kind == LLM_PART_AUDIO)
        return 0;
    if (part->data.len) {
        if (is_image(media))
            return !w->how->facts->no_vision;
        return part->kind == LLM_PART_FILE
            && (is_pdf(media)
                || (is_text(media) && words_of(part, w->how->pool).at));
    }
    if (!part->url || !is_web(part->url))
        return 0;
    if (part->kind == LLM_PART_IMAGE)
        return !w->how->facts->no_vision;
    return !*media || is_pdf(media) || is_image(media);
}

int llm_anthropic_can_media(writing *w, const llm_part *part)
{
    static const char *const names[] = {
        [LLM_PART_IMAGE] = "image", [LLM_PART_AUDIO] = "audio",
        [LLM_PART_FILE] = "file"
    };
    const int can = is_known(w, part);

    if (!can)
        llm_lose(w->lost, names[part->kind]);
    if (can && part->detail && strcmp(part->detail, "auto"))
        llm_lose_hint(w->lost, "detail");
    return can;
}

/* ---- writing ------------------------------------------------------------ */

static void put_bytes(writing *w, const llm_part *part, const char *media)
{
    if (is_text(media)) {
        llm_emit_string(&w->e, "type", "text");
        llm_emit_string(&w->e, "media_type", "text/plain");
        llm_emit_text(&w->e, "data", words_of(part, w->how->pool));
        return;
    }
    llm_emit_string(&w->e, "type", "base64");
    llm_emit_string(&w->e, "media_type", media);
    llm_emit_text(&w->e, "data", part->data);
}

/* The members of the block but its cache mark. */
void llm_anthropic_put_media(writing *w, const llm_part *part)
{
    const char *media = media_of(part);
    const int image = part->kind == LLM_PART_IMAGE || is_image(media);

    llm_emit_string(&w->e, "type", image ? "image" : "document");
    llm_emit_object(&w->e, "source");
    if (part->data.len) {
        put_bytes(w, part, media);
    }
    else {
        llm_emit_string(&w->e, "type", "url");
        llm_emit_string(&w->e, "url", part->url);
    }
    llm_emit_end_object(&w->e);
    if (!image)
        llm_emit_string(&w->e, "title", part->name);
}
