/* OpenAI's embeddings. */
#include "dialect.h"
#include "openai.h"
#include "vector.h"
#include "whole.h"
#include <string.h>
#include <apr_strings.h>

#define ANSWER_DEPTH 64

/* ---- the light side ----------------------------------------------------- */

static const char *path(const char *model, int stream, apr_pool_t *p)
{
    (void)model;
    (void)stream;
    (void)p;
    return "/embeddings";
}

/* The model stands where it does in a conversation; nothing is streamed. */
static llm_fault read_request(const char *body, size_t n, unsigned depth,
                              llm_request *out, llm_fault_detail *detail,
                              apr_pool_t *p)
{
    llm_fault fault = llm_openai.read_request(body, n, depth, out, detail, p);

    out->stream = out->wants_usage = 0;
    return fault;
}

static llm_fault pass_request(const llm_request *request, const char *model,
                              int ask_usage, llm_buf *out)
{
    (void)ask_usage;
    return llm_openai.pass_request(request, model, 0, out);
}

static llm_fault usage_member(void *baton, const llm_member *member)
{
    llm_usage *usage = baton;
    const long long n = llm_scan_whole(member);

    if (n >= 0 && (llm_scan_is(member, "prompt_tokens")
                   || (llm_scan_is(member, "total_tokens")
                       && !usage->known))) {
        usage->input = n;
        usage->known = 1;
    }
    return LLM_OK;
}

static int proves(const llm_member *member, llm_usage *usage)
{
    if (llm_scan_is(member, "usage") && member->kind == LLM_JSON_OBJECT)
        llm_scan_object(member->value.at, member->value.len, ANSWER_DEPTH,
                        usage_member, usage, NULL);
    return llm_scan_is(member, "data") && member->kind == LLM_JSON_ARRAY;
}

static llm_fault read_answer(const char *body, size_t n, llm_usage *usage)
{
    return llm_whole_read(body, n, ANSWER_DEPTH, proves, LLM_WHOLE_ANSWER,
                          usage);
}

static void read_event(const char *data, size_t n, llm_event *out)
{
    const llm_usage before = out->usage;

    (void)data;
    (void)n;
    memset(out, 0, sizeof *out);
    out->usage = before;
    out->kind = LLM_EVENT_MALFORMED;
}

/* ---- a client's request ------------------------------------------------- */

typedef struct reading {
    llm_embedding *out;
    llm_fault_detail *detail;
    apr_pool_t *p;
    int input;                  /* there is one */
} reading;

static llm_fault wrong(reading *in, const char *param, const char *text)
{
    in->detail->param = param;
    in->detail->text = text;
    return LLM_BAD_REQUEST;
}

/* Numbers, or lists of them: 1, and how many texts they are. */
static int is_tokens(const llm_json *list)
{
    const llm_json_kind kind = llm_json_kind_of(llm_json_element(list, 0));
    const llm_json *inner;
    size_t i, j;

    for (i = 0; i < llm_json_count(list); i++) {
        inner = llm_json_element(list, i);
        if (llm_json_kind_of(inner) != kind)
            return 0;
        for (j = 0; j < llm_json_count(inner); j++)
            if (llm_json_kind_of(llm_json_element(inner, j))
                != LLM_JSON_NUMBER)
                return 0;
    }
    return kind == LLM_JSON_NUMBER || kind == LLM_JSON_ARRAY;
}

static llm_fault read_list(reading *in, const llm_json *list)
{
    llm_span text;
    size_t i;

    if (!llm_json_count(list))
        return wrong(in, "input", "The input is empty");
    if (is_tokens(list)) {
        in->out->tokens = llm_json_text(list, in->p);
        return LLM_OK;
    }
    for (i = 0; i < llm_json_count(list); i++) {
        text = llm_json_span(llm_json_element(list, i));
        if (!text.at)
            return wrong(in, apr_psprintf(in->p, "input[%" APR_SIZE_T_FMT
                                          "]", i),
                         "The input must be a text, a list of texts, or "
                         "lists of token numbers");
        APR_ARRAY_PUSH(in->out->texts, llm_span) = text;
    }
    return LLM_OK;
}

static llm_fault read_input(reading *in, const llm_json *value)
{
    const llm_span text = llm_json_span(value);

    in->input = 1;
    if (llm_json_kind_of(value) == LLM_JSON_ARRAY)
        return read_list(in, value);
    if (!text.at)
        return wrong(in, "input", "The input must be a text, a list of "
                     "texts, or lists of token numbers");
    APR_ARRAY_PUSH(in->out->texts, llm_span) = text;
    return LLM_OK;
}

static llm_fault read_encoding(reading *in, const llm_json *value)
{
    const char *word = llm_json_word(value);

    if (!word || (strcmp(word, "float") && strcmp(word, "base64")))
        return wrong(in, "encoding_format",
                     "encoding_format must be float or base64");
    in->out->base64 = !strcmp(word, "base64");
    return LLM_OK;
}

static llm_fault read_dimensions(reading *in, const llm_json *value)
{
    if (!llm_json_whole(value, &in->out->dimensions)
        || in->out->dimensions < 1)
        return wrong(in, "dimensions", "dimensions must be a whole number, "
                     "1 or more");
    return LLM_OK;
}

static llm_fault read_user(reading *in, const llm_json *value)
{
    in->out->user = llm_json_word(value);
    return in->out->user ? LLM_OK : wrong(in, "user",
                                          "user must be a string");
}

static llm_fault read_nothing(reading *in, const llm_json *value)
{
    (void)in;
    (void)value;
    return LLM_OK;
}

static const struct {
    const char *name;
    llm_fault (*read)(reading *in, const llm_json *value);
} members[] = {
    { "model", read_nothing }, { "input", read_input },
    { "encoding_format", read_encoding }, { "dimensions", read_dimensions },
    { "user", read_user }, { "stream", read_nothing },
    { "stream_options", read_nothing },
};

static llm_fault member(void *baton, const char *name, const llm_json *value)
{
    reading *in = baton;
    size_t i;

    if (llm_json_kind_of(value) == LLM_JSON_NULL)
        return LLM_OK;
    for (i = 0; i < sizeof members / sizeof *members; i++)
        if (!strcmp(name, members[i].name))
            return members[i].read(in, value);
    APR_ARRAY_PUSH(in->out->unknown, const char *) = apr_pstrdup(in->p, name);
    return LLM_OK;
}

static llm_fault form_read(const llm_json *body, llm_embedding *out,
                           llm_fault_detail *detail, apr_pool_t *p)
{
    reading in = { out, detail, p, 0 };
    llm_fault fault;

    memset(out, 0, sizeof *out);
    out->texts = apr_array_make(p, 1, sizeof(llm_span));
    out->unknown = apr_array_make(p, 1, sizeof(const char *));
    if (llm_json_kind_of(body) != LLM_JSON_OBJECT)
        return detail->fault = LLM_BAD_REQUEST;
    fault = llm_json_each(body, member, &in);
    if (!fault && !in.input)
        fault = wrong(&in, "input", "The request has no input");
    return detail->fault = fault;
}

/* ---- a provider's request ----------------------------------------------- */

static void lose(const llm_embedding *embedding, llm_losses *lost)
{
    int i;

    if (embedding->task)
        llm_lose(lost, "taskType");
    if (embedding->title)
        llm_lose(lost, "title");
    for (i = 0; embedding->unknown && i < embedding->unknown->nelts; i++)
        llm_lose(lost, APR_ARRAY_IDX(embedding->unknown, i, const char *));
}

/* Floats are asked for: every imitator knows them. */
static llm_fault form_write(const llm_embedding *embedding,
                            const llm_asking *how, llm_losses *lost,
                            llm_buf *out, llm_fault_detail *detail)
{
    const size_t before = out->len;
    llm_emit e;
    int i;

    (void)detail;
    lose(embedding, lost);
    llm_emit_begin(&e, out);
    llm_emit_object(&e, NULL);
    llm_emit_string(&e, "model", how->model);
    if (embedding->tokens.len) {
        llm_emit_raw(&e, "input", embedding->tokens);
    }
    else {
        llm_emit_array(&e, "input");
        for (i = 0; i < embedding->texts->nelts; i++)
            llm_emit_text(&e, NULL, APR_ARRAY_IDX(embedding->texts, i,
                                                  llm_span));
        llm_emit_end_array(&e);
    }
    llm_emit_string(&e, "encoding_format", "float");
    if (embedding->dimensions)
        llm_emit_whole(&e, "dimensions", embedding->dimensions);
    llm_emit_string(&e, "user", embedding->user);
    llm_emit_end_object(&e);
    if (e.fault)
        out->len = before;
    return e.fault;
}

/* ---- answers ------------------------------------------------------------ */

/* They say where they belong; each place once. */
static llm_fault form_read_reply(const llm_json *body, llm_vectors *out,
                                 apr_pool_t *p)
{
    const llm_json *data = llm_json_member(body, "data");
    const size_t n = llm_json_count(data);
    llm_vector *list;
    llm_fault fault;
    size_t i;

    if (llm_json_kind_of(data) != LLM_JSON_ARRAY)
        return LLM_GARBAGE;
    out->model = llm_json_word(llm_json_member(body, "model"));
    out->list = apr_array_make(p, (int)n + 1, sizeof(llm_vector));
    list = (llm_vector *)out->list->elts;
    memset(list, 0, n * sizeof *list);
    for (i = 0; i < n; i++) {
        const llm_json *one = llm_json_element(data, i);
        const llm_json *said = llm_json_member(one, "index");
        long long at = (long long)i;

        if ((said && !llm_json_whole(said, &at)) || at < 0
            || at >= (long long)n || list[at].values)
            return LLM_GARBAGE;
        fault = llm_vector_read(llm_json_member(one, "embedding"), &list[at],
                                p);
        if (fault)
            return fault;
    }
    out->list->nelts = (int)n;
    return LLM_OK;
}

static void put_vector(llm_emit *e, const llm_vectors *vectors, int i,
                       int base64)
{
    const llm_vector *vector = &APR_ARRAY_IDX(vectors->list, i, llm_vector);

    llm_emit_object(e, NULL);
    llm_emit_string(e, "object", "embedding");
    llm_emit_whole(e, "index", i);
    if (base64)
        llm_vector_emit_base64(e, "embedding", vector, vectors->list->pool);
    else
        llm_vector_emit(e, "embedding", vector);
    llm_emit_end_object(e);
}

static llm_fault form_write_reply(const llm_vectors *vectors,
                                  const llm_embedding *asked,
                                  const llm_face *face, llm_buf *out)
{
    const size_t before = out->len;
    llm_emit e;
    int i;

    llm_emit_begin(&e, out);
    llm_emit_object(&e, NULL);
    llm_emit_string(&e, "object", "list");
    llm_emit_array(&e, "data");
    for (i = 0; i < vectors->list->nelts; i++)
        put_vector(&e, vectors, i, asked->base64);
    llm_emit_end_array(&e);
    llm_emit_string(&e, "model", vectors->model ? vectors->model
                                                : face->model);
    llm_emit_object(&e, "usage");
    llm_emit_whole(&e, "prompt_tokens", vectors->usage.input);
    llm_emit_whole(&e, "total_tokens", vectors->usage.input);
    llm_emit_end_object(&e);
    llm_emit_end_object(&e);
    if (e.fault)
        out->len = before;
    return e.fault;
}

static const llm_embed_form form = {
    .read_request = form_read, .write_request = form_write,
    .read_reply = form_read_reply, .write_reply = form_write_reply
};

const llm_dialect llm_openai_embeddings = {
    .name = "openai-embeddings", .operation = LLM_OP_EMBED, .path = path,
    .read_request = read_request, .pass_request = pass_request,
    .read_answer = read_answer, .read_event = read_event,
    .read_error = llm_openai_read_error,
    .write_error = llm_openai_write_error,
    .write_model = llm_openai_write_model,
    .write_models = llm_openai_write_models,
    .embed = &form
};
