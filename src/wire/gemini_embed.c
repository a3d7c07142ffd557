/* Gemini's embedContent and batchEmbedContents. */
#include "gemini.h"
#include "vector.h"
#include "whole.h"
#include <string.h>
#include <apr_strings.h>

#define ANSWER_DEPTH 64

/* ---- a client's request ------------------------------------------------- */

/* One text, and what is asked of it; all of a batch must ask the same. */
typedef struct asked {
    apr_array_header_t *parts;  /* of llm_part, TEXT */
    const char *task, *title;
    long long dimensions;
} asked;

static llm_fault part_text(llm_gemini_in *in, const llm_gemini_row *row,
                           const llm_json *value, const llm_gemini_at *at)
{
    const llm_span text = llm_json_span(value);

    (void)row;
    if (!text.at)
        return llm_gemini_wrong(in, at, "The text must be a string");
    llm_parts_add(((asked *)in->to)->parts, LLM_PART_TEXT)->text = text;
    return LLM_OK;
}

static llm_fault part(llm_gemini_in *in, const llm_gemini_row *row,
                      const llm_json *value, const llm_gemini_at *at)
{
    static const llm_gemini_row rows[] = {
        { "text", part_text, 0, 0 },
        { NULL, llm_gemini_unknown, 0, 0 }
    };

    (void)row;
    return llm_gemini_each(in, value, at, rows);
}

static llm_fault parts(llm_gemini_in *in, const llm_gemini_row *row,
                       const llm_json *value, const llm_gemini_at *at)
{
    return llm_gemini_list(in, row, value, at, part);
}

static llm_fault content(llm_gemini_in *in, const llm_gemini_row *row,
                         const llm_json *value, const llm_gemini_at *at)
{
    static const llm_gemini_row rows[] = {
        { "parts", parts, 0, 0 },
        { "role", llm_gemini_nothing, 0, 0 },
        { NULL, llm_gemini_unknown, 0, 0 }
    };
    const llm_span text = llm_json_span(value);

    (void)row;
    if (!text.at)
        return llm_gemini_each(in, value, at, rows);
    llm_parts_add(((asked *)in->to)->parts, LLM_PART_TEXT)->text = text;
    return LLM_OK;
}

static llm_fault dimensions(llm_gemini_in *in, const llm_gemini_row *row,
                            const llm_json *value, const llm_gemini_at *at)
{
    long long *to = &((asked *)in->to)->dimensions;

    (void)row;
    if (!llm_gemini_is_whole(value, to) || *to < 0)
        return llm_gemini_wrong(in, at, "This must be a whole number");
    return LLM_OK;
}

static const llm_gemini_row rows[] = {
    { "content", content, 0, 0 },
    { "model", llm_gemini_nothing, 0, 0 },      /* the path's counts */
    { "taskType", llm_gemini_word, offsetof(asked, task), 0 },
    { "title", llm_gemini_word, offsetof(asked, title), 0 },
    { "outputDimensionality", dimensions, 0, 0 },
    { NULL, llm_gemini_unknown, 0, 0 }
};

static int same(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

static llm_fault add_text(llm_gemini_in *in, const asked *one,
                          const llm_gemini_at *at)
{
    llm_embedding *out = in->embedding;
    const llm_gemini_at missing = { at, "content", 0 };

    if (!one->parts->nelts)
        return llm_gemini_wrong(in, &missing, "There is no text to embed");
    if (out->texts->nelts
        && (!same(out->task, one->task) || !same(out->title, one->title)
            || out->dimensions != one->dimensions))
        return llm_gemini_wrong(in, at, "All requests of a batch must have "
                                "the same taskType, title and "
                                "outputDimensionality for this model");
    out->task = one->task;
    out->title = one->title;
    out->dimensions = one->dimensions;
    APR_ARRAY_PUSH(out->texts, llm_span) = llm_parts_text(one->parts, "\n",
                                                          in->pool);
    return LLM_OK;
}

static llm_fault request(llm_gemini_in *in, const llm_gemini_row *row,
                         const llm_json *value, const llm_gemini_at *at)
{
    asked one = { .parts = llm_parts_make(in->pool) };
    llm_fault fault;

    (void)row;
    in->to = &one;
    fault = llm_gemini_each(in, value, at, rows);
    return fault ? fault : add_text(in, &one, at);
}

static llm_gemini_in begin(llm_embedding *out, llm_fault_detail *detail,
                           apr_pool_t *p)
{
    const llm_gemini_in in = {
        .pool = p, .embedding = out, .detail = detail,
        .unknown = apr_array_make(p, 1, sizeof(const char *))
    };

    memset(out, 0, sizeof *out);
    out->texts = apr_array_make(p, 1, sizeof(llm_span));
    out->unknown = in.unknown;
    return in;
}

static llm_fault read_one(const llm_json *body, llm_embedding *out,
                          llm_fault_detail *detail, apr_pool_t *p)
{
    llm_gemini_in in = begin(out, detail, p);

    out->single = 1;
    return detail->fault = request(&in, NULL, body, NULL);
}

static llm_fault requests(llm_gemini_in *in, const llm_gemini_row *row,
                          const llm_json *value, const llm_gemini_at *at)
{
    return llm_gemini_list(in, row, value, at, request);
}

static llm_fault read_many(const llm_json *body, llm_embedding *out,
                           llm_fault_detail *detail, apr_pool_t *p)
{
    static const llm_gemini_row batch[] = {
        { "requests", requests, 0, 0 },
        { NULL, llm_gemini_unknown, 0, 0 }
    };
    const llm_gemini_at missing = { NULL, "requests", 0 };
    llm_gemini_in in = begin(out, detail, p);
    llm_fault fault = llm_gemini_each(&in, body, NULL, batch);

    if (!fault && !out->texts->nelts)
        fault = llm_gemini_wrong(&in, &missing, "There is no text to embed");
    return detail->fault = fault;
}

/* ---- a provider's request ----------------------------------------------- */

static void put_request(llm_emit *e, const llm_embedding *embedding, int i,
                        const llm_asking *how)
{
    llm_emit_object(e, NULL);
    llm_emit_string(e, "model", llm_gemini_resource(how->model, how->pool));
    llm_emit_object(e, "content");
    llm_emit_array(e, "parts");
    llm_gemini_put_text(e, APR_ARRAY_IDX(embedding->texts, i, llm_span), 0,
                        NULL);
    llm_emit_end_array(e);
    llm_emit_end_object(e);
    llm_emit_string(e, "taskType", embedding->task);
    llm_emit_string(e, "title", embedding->title);
    if (embedding->dimensions)
        llm_emit_whole(e, "outputDimensionality", embedding->dimensions);
    llm_emit_end_object(e);
}

static llm_fault check(const llm_embedding *embedding, llm_losses *lost,
                       llm_fault_detail *detail)
{
    int i;

    if (!embedding->texts->nelts) {
        detail->fault = LLM_BAD_REQUEST;
        detail->param = "input";
        detail->text = "This model takes texts, not token numbers";
        return LLM_BAD_REQUEST;
    }
    if (embedding->user)
        llm_lose_hint(lost, "user");
    for (i = 0; embedding->unknown && i < embedding->unknown->nelts; i++)
        llm_lose(lost, APR_ARRAY_IDX(embedding->unknown, i, const char *));
    return LLM_OK;
}

static llm_fault write_many(const llm_embedding *embedding,
                            const llm_asking *how, llm_losses *lost,
                            llm_buf *out, llm_fault_detail *detail)
{
    const size_t before = out->len;
    llm_fault fault = check(embedding, lost, detail);
    llm_emit e;
    int i;

    if (fault)
        return fault;
    llm_emit_begin(&e, out);
    llm_emit_object(&e, NULL);
    llm_emit_array(&e, "requests");
    for (i = 0; i < embedding->texts->nelts; i++)
        put_request(&e, embedding, i, how);
    llm_emit_end_array(&e);
    llm_emit_end_object(&e);
    if (e.fault)
        out->len = before;
    return e.fault;
}

static llm_fault write_one(const llm_embedding *embedding,
                           const llm_asking *how, llm_losses *lost,
                           llm_buf *out, llm_fault_detail *detail)
{
    const size_t before = out->len;
    llm_fault fault = check(embedding, lost, detail);
    llm_emit e;

    if (!fault && embedding->texts->nelts != 1) {
        detail->fault = LLM_BAD_REQUEST;
        detail->param = "input";
        detail->text = "This model embeds one text in a request";
        return LLM_BAD_REQUEST;
    }
    if (fault)
        return fault;
    llm_emit_begin(&e, out);
    put_request(&e, embedding, 0, how);
    if (e.fault)
        out->len = before;
    return e.fault;
}

/* ---- answers ------------------------------------------------------------ */

static llm_fault add_vector(const llm_json *embedding, llm_vectors *out,
                            apr_pool_t *p)
{
    llm_vector *vector = apr_array_push(out->list);

    memset(vector, 0, sizeof *vector);
    return llm_vector_read(llm_gemini_member(embedding, "values"), vector, p);
}

static llm_fault read_reply(const llm_json *body, llm_vectors *out,
                            apr_pool_t *p)
{
    const llm_json *one = llm_gemini_member(body, "embedding");
    const llm_json *many = llm_gemini_member(body, "embeddings");
    llm_fault fault = LLM_OK;
    size_t i;

    if (one)
        return add_vector(one, out, p);
    if (llm_json_kind_of(many) != LLM_JSON_ARRAY)
        return LLM_GARBAGE;
    for (i = 0; !fault && i < llm_json_count(many); i++)
        fault = add_vector(llm_json_element(many, i), out, p);
    return fault;
}

static void put_vector(llm_emit *e, const char *name,
                       const llm_vector *vector)
{
    llm_emit_object(e, name);
    llm_vector_emit(e, "values", vector);
    llm_emit_end_object(e);
}

static llm_fault write_reply(const llm_vectors *vectors,
                             const llm_embedding *asked,
                             const llm_face *face, llm_buf *out)
{
    const size_t before = out->len;
    const llm_vector *list = (const llm_vector *)vectors->list->elts;
    llm_emit e;
    int i;

    (void)face;
    llm_emit_begin(&e, out);
    llm_emit_object(&e, NULL);
    if (asked->single && vectors->list->nelts == 1) {
        put_vector(&e, "embedding", &list[0]);
    }
    else {
        llm_emit_array(&e, "embeddings");
        for (i = 0; i < vectors->list->nelts; i++)
            put_vector(&e, NULL, &list[i]);
        llm_emit_end_array(&e);
    }
    if (vectors->usage.known) {
        llm_emit_object(&e, "usageMetadata");
        llm_emit_whole(&e, "promptTokenCount", vectors->usage.input);
        llm_emit_end_object(&e);
    }
    llm_emit_end_object(&e);
    if (e.fault)
        out->len = before;
    return e.fault;
}

/* ---- the light side ----------------------------------------------------- */

static int proves(const llm_member *member, llm_usage *usage)
{
    if (llm_scan_is(member, "usageMetadata"))
        llm_gemini_read_usage(member, usage);
    return (llm_scan_is(member, "embedding")
            && member->kind == LLM_JSON_OBJECT)
        || (llm_scan_is(member, "embeddings")
            && member->kind == LLM_JSON_ARRAY);
}

static llm_fault read_answer(const char *body, size_t n, llm_usage *usage)
{
    return llm_whole_read(body, n, ANSWER_DEPTH, proves, LLM_WHOLE_ERROR,
                          usage);
}

static const char *one_path(const char *model, int stream, apr_pool_t *p)
{
    (void)stream;
    return llm_gemini_url(model, ":embedContent", p);
}

static const char *many_path(const char *model, int stream, apr_pool_t *p)
{
    (void)stream;
    return llm_gemini_url(model, ":batchEmbedContents", p);
}

static const llm_embed_form one_form = {
    .read_request = read_one, .write_request = write_one,
    .read_reply = read_reply, .write_reply = write_reply
};

static const llm_embed_form many_form = {
    .read_request = read_many, .write_request = write_many,
    .read_reply = read_reply, .write_reply = write_reply
};

const llm_dialect llm_gemini_embed = {
    .name = "gemini-embed", .operation = LLM_OP_EMBED, .path = one_path,
    .read_request = llm_gemini_read_body,
    .pass_request = llm_gemini_pass_request,
    .read_answer = read_answer, .read_event = llm_gemini_no_event,
    .read_error = llm_gemini_read_error,
    .write_error = llm_gemini_write_error,
    .write_model = llm_gemini_write_model,
    .write_models = llm_gemini_write_models,
    .embed = &one_form
};

const llm_dialect llm_gemini_embeds = {
    .name = "gemini-embeds", .operation = LLM_OP_EMBED, .path = many_path,
    .read_request = llm_gemini_read_body,
    .pass_request = llm_gemini_pass_request,
    .read_answer = read_answer, .read_event = llm_gemini_no_event,
    .read_error = llm_gemini_read_error,
    .write_error = llm_gemini_write_error,
    .write_model = llm_gemini_write_model,
    .write_models = llm_gemini_write_models,
    .embed = &many_form
};
