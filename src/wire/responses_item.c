/* What stands in items: words, annotations, data; and items written. */
#include "responses.h"
#include <apr_strings.h>
#include <string.h>

/* ---- citations ---------------------------------------------------------- */

int llm_responses_citation(const llm_json *annotation, llm_citation *out,
                           apr_pool_t *p)
{
    const char *type = llm_json_word(llm_json_member(annotation, "type"));
    const char *url = llm_json_word(llm_json_member(annotation, "url"));
    const char *title = llm_json_word(llm_json_member(annotation, "title"));

    memset(out, 0, sizeof *out);
    if (!type || strcmp(type, "url_citation") || !url)
        return 0;
    out->url = apr_pstrdup(p, url);
    out->title = title && *title ? apr_pstrdup(p, title) : NULL;
    if (!llm_json_whole(llm_json_member(annotation, "start_index"),
                        &out->start) || out->start < 0)
        out->start = -1;
    if (!llm_json_whole(llm_json_member(annotation, "end_index"), &out->end)
        || out->end < 0)
        out->end = -1;
    return 1;
}

apr_array_header_t *llm_responses_citations(const llm_json *annotations,
                                            int *other, apr_pool_t *p)
{
    apr_array_header_t *list = NULL;
    llm_citation citation;
    size_t i;

    for (i = 0; i < llm_json_count(annotations); i++) {
        if (!llm_responses_citation(llm_json_element(annotations, i),
                                    &citation, p)) {
            *other = 1;
            continue;
        }
        if (!list)
            list = apr_array_make(p, 2, sizeof citation);
        APR_ARRAY_PUSH(list, llm_citation) = citation;
    }
    return list;
}

static void put_place(llm_emit *e, const char *name, long long at)
{
    llm_emit_whole(e, name, at < 0 ? 0 : at);
}

void llm_responses_put_annotation(llm_emit *e, const char *name,
                                  const llm_citation *citation)
{
    llm_emit_object(e, name);
    llm_emit_string(e, "type", "url_citation");
    llm_emit_string(e, "url", citation->url);
    llm_emit_string(e, "title", citation->title ? citation->title : "");
    put_place(e, "start_index", citation->start);
    put_place(e, "end_index", citation->end);
    llm_emit_end_object(e);
}

/* ---- data --------------------------------------------------------------- */

int llm_responses_data_url(llm_span url, llm_part *part, apr_pool_t *p)
{
    static const char base64[] = ";base64";
    const size_t tail = sizeof base64 - 1;
    const char *comma, *end;

    if (url.len < 5 || strncasecmp(url.at, "data:", 5)
        || !(comma = memchr(url.at, ',', url.len))
        || (size_t)(comma - url.at) < 5 + tail
        || strncasecmp(comma - tail, base64, tail))
        return 0;
    end = memchr(url.at + 5, ';', comma - url.at - 5);
    if (end > url.at + 5)
        part->media = apr_pstrmemdup(p, url.at + 5, end - url.at - 5);
    part->data.at = comma + 1;
    part->data.len = url.at + url.len - comma - 1;
    part->data = llm_responses_copy(part->data, p);
    return 1;
}

static llm_fault logprobs_member(void *baton, const llm_member *member)
{
    if (llm_scan_is(member, "content") && member->kind == LLM_JSON_ARRAY
        && member->value.len > 2)
        *(llm_span *)baton = member->value;
    return LLM_OK;
}

llm_span llm_responses_logprobs(llm_span chat)
{
    llm_span list = { NULL, 0 };

    if (!chat.len || llm_scan_object(chat.at, chat.len, LLM_SCAN_DEEPEST,
                                     logprobs_member, &list, NULL))
        list.len = 0;
    return list;
}

/* ---- items written ------------------------------------------------------ */

static void put_text(llm_emit *e, const llm_part *part, llm_span logprobs)
{
    const apr_array_header_t *list = part->citations;
    int i;

    llm_emit_string(e, "type", "output_text");
    llm_emit_text(e, "text", part->text);
    llm_emit_array(e, "annotations");
    for (i = 0; list && i < list->nelts; i++)
        if (APR_ARRAY_IDX(list, i, llm_citation).url)
            llm_responses_put_annotation(e, NULL,
                &((const llm_citation *)list->elts)[i]);
    llm_emit_end_array(e);
    if (!logprobs.len)
        logprobs = (llm_span){ "[]", 2 };
    llm_emit_raw(e, "logprobs", logprobs);
}

void llm_responses_put_content(llm_emit *e, const char *name,
                               const llm_part *part, llm_span logprobs)
{
    llm_emit_object(e, name);
    if (part->kind == LLM_PART_REFUSAL) {
        llm_emit_string(e, "type", "refusal");
        llm_emit_text(e, "refusal", part->text);
    }
    else {
        put_text(e, part, logprobs);
    }
    llm_emit_end_object(e);
}

static void put_message(llm_emit *e, const llm_responses_item *item)
{
    llm_span logprobs = item->logprobs;
    int i;

    llm_emit_string(e, "type", "message");
    llm_emit_string(e, "id", item->id);
    llm_emit_string(e, "status", item->status);
    llm_emit_string(e, "role", "assistant");
    llm_emit_array(e, "content");
    for (i = 0; i < item->count; i++) {
        llm_responses_put_content(e, NULL, &item->parts[i], logprobs);
        if (item->parts[i].kind == LLM_PART_TEXT)
            logprobs.len = 0;
    }
    llm_emit_end_array(e);
}

static void put_call(llm_emit *e, const llm_responses_item *item)
{
    const llm_part *part = item->parts;

    llm_emit_string(e, "type", "function_call");
    llm_emit_string(e, "id", item->id);
    llm_emit_string(e, "status", item->status);
    llm_emit_string(e, "call_id", part->id);
    llm_emit_string(e, "name", part->name ? part->name : "");
    llm_emit_text(e, "arguments", part->text);
}

static void put_reasoning(llm_emit *e, const llm_responses_item *item,
                          apr_pool_t *p)
{
    const llm_part *part = item->parts;
    const char *id, *content;

    llm_responses_seal(part, &id, &content, p);
    llm_emit_string(e, "type", "reasoning");
    llm_emit_string(e, "id", id && *id ? id : item->id);
    llm_emit_array(e, "summary");
    if (part->text.len && !part->redacted) {
        llm_emit_object(e, NULL);
        llm_emit_string(e, "type", "summary_text");
        llm_emit_text(e, "text", part->text);
        llm_emit_end_object(e);
    }
    llm_emit_end_array(e);
    llm_emit_string(e, "encrypted_content", content);
    llm_emit_string(e, "status", item->status);
}

static void put_image(llm_emit *e, const llm_responses_item *item)
{
    const int begun = item->status && !strcmp(item->status, "in_progress");

    llm_emit_string(e, "type", "image_generation_call");
    llm_emit_string(e, "id", item->id);
    llm_emit_string(e, "status", begun ? "in_progress" : "completed");
    if (begun)
        llm_emit_null(e, "result");
    else
        llm_emit_text(e, "result", item->parts->data);
}

void llm_responses_put_item(llm_emit *e, const char *name,
                            const llm_responses_item *item, apr_pool_t *p)
{
    llm_emit_object(e, name);
    switch (item->kind) {
    case LLM_PART_CALL:
        put_call(e, item);
        break;
    case LLM_PART_REASONING:
        put_reasoning(e, item, p);
        break;
    case LLM_PART_IMAGE:
        put_image(e, item);
        break;
    default:
        put_message(e, item);
    }
    llm_emit_end_object(e);
}
