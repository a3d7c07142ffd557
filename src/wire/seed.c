#include "seed.h"
#include "request.h"
#include <string.h>
#include "../base/emit.h"

/* ---- a client's request ------------------------------------------------- */

typedef struct reading {
    llm_request *out;
    llm_fault_detail *detail;
} reading;

static llm_fault wrong(reading *in, const char *param, const char *text)
{
    in->detail->param = param;
    in->detail->text = text;
    return LLM_BAD_REQUEST;
}

static llm_fault model(reading *in, const llm_member *member)
{
    llm_request *out = in->out;

    if (member->kind == LLM_JSON_NULL)
        return LLM_OK;
    if (member->kind != LLM_JSON_STRING)
        return wrong(in, "model", "The model must be a string");
    out->model_at = member->value;
    if (llm_scan_string(member, out->model, sizeof out->model) < 1)
        return wrong(in, "model", "The model's name is empty or too long");
    return LLM_OK;
}

static llm_fault stream(reading *in, const llm_member *member)
{
    if (member->kind > LLM_JSON_TRUE)
        return wrong(in, "stream", "stream must be true or false");
    in->out->stream |= member->kind == LLM_JSON_TRUE;
    return LLM_OK;
}

static llm_fault option(void *baton, const llm_member *member)
{
    if (llm_scan_is(member, "model"))
        return model(baton, member);
    if (llm_scan_is(member, "stream"))
        return stream(baton, member);
    return LLM_OK;
}

static llm_fault argument(void *baton, const llm_member *member)
{
    if (member->kind != LLM_JSON_OBJECT)
        return LLM_OK;
    return llm_scan_object(member->value.at, member->value.len,
                           LLM_SCAN_DEEPEST, option, baton, NULL);
}

static llm_fault outer_member(void *baton, const llm_member *member)
{
    if (llm_scan_is(member, "args") && member->kind == LLM_JSON_ARRAY)
        return llm_scan_array(member->value.at, member->value.len,
                              LLM_SCAN_DEEPEST, argument, baton, NULL);
    return option(baton, member);
}

static llm_fault read_request(const char *body, size_t n, unsigned depth,
                              llm_request *out, llm_fault_detail *detail,
                              apr_pool_t *p)
{
    const int streams = out->stream;
    reading in = { out, detail };
    size_t where = 0, first = 0;
    llm_fault fault;

    memset(out, 0, sizeof *out);
    out->body = (llm_span){ body, n };
    out->stream = streams;
    while (first < n && llm_text_is_white(body[first]))
        first++;
    if (first < n && body[first] == '[')
        fault = llm_scan_array(body, n, depth, argument, &in, &where);
    else
        fault = llm_scan_object(body, n, depth, outer_member, &in, &where);
    return llm_request_scanned(fault, where, n, depth, detail, p);
}

/* ---- answers ------------------------------------------------------------ */

/* All words that are the model's to the user, in their order. */
static llm_span words_of(const llm_reply *reply, apr_pool_t *p)
{
    const llm_answer_choice *choice
        = (const llm_answer_choice *)reply->choices->elts;
    apr_array_header_t *words = llm_parts_make(p);
    const llm_part *parts;
    int i;

    for (i = 0; reply->choices->nelts && i < choice->parts->nelts; i++) {
        parts = (const llm_part *)choice->parts->elts;
        if (parts[i].kind == LLM_PART_TEXT
            || parts[i].kind == LLM_PART_REFUSAL)
            llm_parts_add(words, LLM_PART_TEXT)->text = parts[i].text;
    }
    return llm_parts_text(words, "", p);
}

static llm_fault write_reply(const llm_reply *reply, const llm_face *face,
                             llm_buf *out, apr_pool_t *p)
{
    const llm_usage *usage = &reply->usage;
    const char *name = reply->model ? reply->model : face->model;
    llm_emit e;

    llm_emit_begin(&e, out);
    if (face->wrapped)
        llm_emit_object(&e, NULL);
    llm_emit_object(&e, face->wrapped ? "result" : NULL);
    llm_emit_text(&e, "content", words_of(reply, p));
    llm_emit_string(&e, "model", name ? name : "");
    llm_emit_object(&e, "usage");
    llm_emit_whole(&e, "promptTokens", usage->input);
    llm_emit_whole(&e, "completionTokens", usage->output);
    llm_emit_whole(&e, "totalTokens", usage->input + usage->output);
    llm_emit_end_object(&e);
    llm_emit_end_object(&e);
    if (face->wrapped)
        llm_emit_end_object(&e);
    return e.fault;
}

/* The stream is one of strings, so that words are all it can say. */
static llm_fault write_delta(void *writer, const llm_delta *delta,
                             const llm_face *face, llm_frame *frame,
                             llm_buf *out, apr_pool_t *p, apr_pool_t *keep)
{
    llm_fault fault;
    llm_buf json;

    (void)writer;
    (void)face;
    (void)p;
    (void)keep;
    if (delta->kind == LLM_DELTA_PING)
        return llm_frame_ping(frame, out);
    if (delta->kind == LLM_DELTA_END
        && frame->framing == LLM_FRAMING_EVENTS)
        return llm_frame_put(frame, NULL, 0, "[DONE]", 6, out);
    if ((delta->kind != LLM_DELTA_TEXT && delta->kind != LLM_DELTA_REFUSAL)
        || !delta->text.len || delta->choice > 0)
        return LLM_OK;
    llm_buf_init(&json, out->ceiling);
    fault = llm_buf_json(&json, delta->text.at, delta->text.len);
    if (!fault)
        fault = llm_frame_put(frame, NULL, 0, json.data, json.len, out);
    llm_buf_free(&json);
    return fault;
}

/* ---- errors ------------------------------------------------------------- */

static llm_fault put_error(const llm_fault_detail *detail, llm_buf *out)
{
    llm_emit e;

    llm_emit_begin(&e, out);
    llm_emit_object(&e, NULL);
    llm_emit_string(&e, "error", detail->text
                                     ? detail->text
                                     : llm_fault_of(detail->fault)->text);
    llm_emit_end_object(&e);
    return e.fault;
}

static llm_fault write_error(const llm_fault_detail *detail,
                             const llm_face *face, llm_frame *frame,
                             llm_buf *out)
{
    llm_fault fault;
    llm_buf json;

    (void)face;
    if (!frame) {
        fault = put_error(detail, out);
        return fault ? fault : llm_buf_puts(out, "\n");
    }
    llm_buf_init(&json, out->ceiling);
    fault = put_error(detail, &json);
    if (!fault)
        fault = llm_frame_put(frame, "error", 5, json.data, json.len, out);
    llm_buf_free(&json);
    return fault;
}

/* ---- what there is ------------------------------------------------------ */

static llm_fault write_model(const llm_model_entry *entry, llm_buf *out)
{
    return llm_buf_json(out, entry->id, strlen(entry->id));
}

static llm_fault write_models(const llm_model_entry *entries, int n,
                              llm_buf *out)
{
    llm_emit e;
    int i;

    llm_emit_begin(&e, out);
    llm_emit_array(&e, NULL);
    for (i = 0; i < n; i++)
        llm_emit_string(&e, NULL, entries[i].id);
    llm_emit_end_array(&e);
    return e.fault;
}

llm_fault llm_seed_about(llm_buf *out)
{
    return llm_buf_puts(out, "{\"methods\":[\"complete\",\"chat\","
                        "\"stream\",\"models\"],\"transports\":[\"rest\"]}");
}

static const llm_chat_form form = {
    .read_request = llm_seed_read_chat,
    .write_reply = write_reply,
    .write_delta = write_delta
};

const llm_dialect llm_seed = {
    .name = "seed", .operation = LLM_OP_CHAT,
    .read_request = read_request, .named = 1, .write_error = write_error,
    .write_model = write_model, .write_models = write_models, .chat = &form
};
