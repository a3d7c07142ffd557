#include "responses_open.h"
#include <apr_strings.h>
#include <string.h>

#define GATHER_MAX ((size_t)16 * 1024 * 1024)

typedef llm_open_content content;
typedef llm_open_item item;
typedef llm_open_writing writing;

/* ---- events ------------------------------------------------------------- */

void llm_open_event(writing *in, const char *type)
{
    in->type = type;
    llm_buf_clear(&in->json);
    llm_emit_begin(&in->e, &in->json);
    llm_emit_object(&in->e, NULL);
    llm_emit_string(&in->e, "type", type);
    llm_emit_whole(&in->e, "sequence_number", in->frame->begun);
}

llm_fault llm_open_put(writing *in)
{
    llm_emit_end_object(&in->e);
    if (in->e.fault)
        return in->e.fault;
    return llm_frame_put(in->frame, in->type, strlen(in->type), in->json.data,
                         in->json.len, in->out);
}

void llm_open_place(writing *in, const item *it, const char *index, int n)
{
    llm_emit_string(&in->e, "item_id", it->id);
    llm_emit_whole(&in->e, "output_index", it->index);
    if (index)
        llm_emit_whole(&in->e, index, n);
}

/* ---- what was gathered -------------------------------------------------- */

static apr_status_t free_content(void *made)
{
    content *c = made;

    llm_buf_free(&c->text);
    llm_buf_free(&c->logprobs);
    return APR_SUCCESS;
}

content *llm_open_content_new(writing *in, item *it, llm_part_kind kind)
{
    content *c = apr_pcalloc(in->keep, sizeof *c);

    c->part.kind = kind;
    llm_buf_init(&c->text, GATHER_MAX);
    llm_buf_init(&c->logprobs, GATHER_MAX);
    apr_pool_cleanup_register(in->keep, c, free_content,
                              apr_pool_cleanup_null);
    APR_ARRAY_PUSH(it->contents, content *) = c;
    return c;
}

llm_fault llm_open_gather(writing *in, llm_buf *to, const char *at, size_t n)
{
    llm_fault fault = LLM_TOO_LARGE;

    if (n <= GATHER_MAX - in->w->gathered)
        fault = llm_buf_add(to, at ? at : "", n);
    if (fault)
        return fault == LLM_TOO_LARGE ? LLM_ANSWER_TOO_LARGE : fault;
    in->w->gathered += n;
    return LLM_OK;
}

content *llm_open_content_last(const item *it)
{
    int n = it->contents->nelts;

    return n ? APR_ARRAY_IDX(it->contents, n - 1, content *) : NULL;
}

llm_part llm_open_part(const content *c)
{
    llm_part part = c->part;

    part.text = (llm_span){ c->text.data, c->text.len };
    return part;
}

llm_span llm_open_logprobs(const content *c, size_t from, apr_pool_t *p)
{
    llm_span list = { NULL, 0 };
    const char *at;

    if (from >= c->logprobs.len)
        return list;
    at = c->logprobs.data + from + (from > 0);  /* not with its comma */
    list.at = apr_psprintf(p, "[%.*s]",
                           (int)(c->logprobs.data + c->logprobs.len - at),
                           at);
    list.len = strlen(list.at);
    return list;
}

/* The item as put_item knows it, in its state now. */
static llm_responses_item as_item(const item *it, apr_pool_t *p)
{
    llm_part *parts = apr_palloc(p, sizeof *parts * (it->contents->nelts + 1));
    llm_responses_item out = {
        .kind = it->kind, .id = it->id, .parts = parts,
        .count = it->contents->nelts,
        .status = it->done ? it->status : "in_progress"
    };
    int i;

    memset(parts, 0, sizeof *parts);
    for (i = 0; i < out.count; i++)
        parts[i] = llm_open_part(APR_ARRAY_IDX(it->contents, i, content *));
    if (out.count)
        out.logprobs = llm_open_logprobs(
            APR_ARRAY_IDX(it->contents, 0, content *), 0, p);
    return out;
}

/* ---- the response ------------------------------------------------------- */

static void put_output(writing *in)
{
    const apr_array_header_t *items = in->w->items;
    llm_responses_item one;
    int i;

    llm_emit_array(&in->e, "output");
    for (i = 0; i < items->nelts; i++) {
        one = as_item(APR_ARRAY_IDX(items, i, item *), in->p);
        llm_responses_put_item(&in->e, NULL, &one, in->p);
    }
    llm_emit_end_array(&in->e);
}

llm_fault llm_open_response(writing *in, const char *type)
{
    llm_open_event(in, type);
    llm_responses_begin(&in->e, "response", &in->w->head);
    put_output(in);
    llm_responses_end(&in->e, &in->w->head);
    return llm_open_put(in);
}

llm_fault llm_open_begin(writing *in, const llm_delta *delta)
{
    llm_responses_writer *w = in->w;
    llm_fault fault;

    if (delta->kind == LLM_DELTA_BEGIN && delta->model)
        w->head.model = apr_pstrdup(in->keep, delta->model);
    if (w->begun)
        return LLM_OK;
    w->begun = 1;
    w->items = apr_array_make(in->keep, 4, sizeof(item *));
    w->head.id = llm_responses_id("resp_", in->face, -1, in->keep);
    if (!w->head.model)
        w->head.model = in->face->model;
    w->head.created = in->face->now;
    w->head.status = "in_progress";
    fault = llm_open_response(in, "response.created");
    return fault ? fault : llm_open_response(in, "response.in_progress");
}

/* ---- an item begins ----------------------------------------------------- */

llm_fault llm_open_item_event(writing *in, const item *it, const char *type)
{
    llm_responses_item one = as_item(it, in->p);

    llm_open_event(in, type);
    llm_emit_whole(&in->e, "output_index", it->index);
    llm_responses_put_item(&in->e, "item", &one, in->p);
    return llm_open_put(in);
}

item *llm_open_new(writing *in, llm_part_kind kind, const char *what)
{
    item *it = apr_pcalloc(in->keep, sizeof *it);

    it->kind = kind;
    it->index = in->w->items->nelts;
    it->id = llm_responses_id(what, in->face, it->index, in->keep);
    it->call = -1;
    it->contents = apr_array_make(in->keep, 1, sizeof(content *));
    APR_ARRAY_PUSH(in->w->items, item *) = it;
    return it;
}

/* ---- an item ends ------------------------------------------------------- */

llm_fault llm_open_content_end(writing *in, const item *it, int n)
{
    const content *c = APR_ARRAY_IDX(it->contents, n, content *);
    const llm_part part = llm_open_part(c);
    const int refusal = part.kind == LLM_PART_REFUSAL;
    const char *type = refusal ? "response.refusal.done"
                               : "response.output_text.done";
    llm_span logprobs = llm_open_logprobs(c, 0, in->p);
    llm_fault fault;

    llm_open_event(in, type);
    llm_open_place(in, it, "content_index", n);
    llm_emit_text(&in->e, refusal ? "refusal" : "text", part.text);
    if (!refusal)
        llm_emit_raw(&in->e, "logprobs", logprobs.len ? logprobs
                     : (llm_span){ "[]", 2 });
    if ((fault = llm_open_put(in)))
        return fault;
    llm_open_event(in, "response.content_part.done");
    llm_open_place(in, it, "content_index", n);
    llm_responses_put_content(&in->e, "part", &part, logprobs);
    return llm_open_put(in);
}

void llm_open_summary(writing *in, llm_span text)
{
    llm_emit_object(&in->e, "part");
    llm_emit_string(&in->e, "type", "summary_text");
    llm_emit_text(&in->e, "text", text);
    llm_emit_end_object(&in->e);
}

static llm_fault end_summary(writing *in, const item *it)
{
    const llm_part part = llm_open_part(llm_open_content_last(it));
    llm_fault fault;

    llm_open_event(in, "response.reasoning_summary_text.done");
    llm_open_place(in, it, "summary_index", 0);
    llm_emit_text(&in->e, "text", part.text);
    if ((fault = llm_open_put(in)))
        return fault;
    llm_open_event(in, "response.reasoning_summary_part.done");
    llm_open_place(in, it, "summary_index", 0);
    llm_open_summary(in, part.text);
    return llm_open_put(in);
}

static llm_fault end_arguments(writing *in, const item *it)
{
    const llm_part part = llm_open_part(llm_open_content_last(it));

    llm_open_event(in, "response.function_call_arguments.done");
    llm_open_place(in, it, NULL, 0);
    llm_emit_string(&in->e, "name", part.name);
    llm_emit_text(&in->e, "arguments", part.text);
    return llm_open_put(in);
}

static llm_fault end_item(writing *in, item *it, const char *status)
{
    llm_fault fault = LLM_OK;

    if (it->done)
        return LLM_OK;
    if (it->kind == LLM_PART_CALL)
        fault = end_arguments(in, it);
    else if (it->kind == LLM_PART_REASONING && it->summary)
        fault = end_summary(in, it);
    else if (it->kind == LLM_PART_TEXT)
        fault = llm_open_content_end(in, it, it->contents->nelts - 1);
    it->done = 1;
    it->status = status;
    if (in->w->open == it)
        in->w->open = NULL;
    return fault ? fault
                 : llm_open_item_event(in, it, "response.output_item.done");
}

llm_fault llm_open_end(writing *in)
{
    return in->w->open ? end_item(in, in->w->open, "completed") : LLM_OK;
}

/* The last one is what an unfinished answer did not finish. */
llm_fault llm_open_end_all(writing *in, const char *status)
{
    const apr_array_header_t *items = in->w->items;
    llm_fault fault = LLM_OK;
    int i;

    for (i = 0; !fault && i < items->nelts; i++)
        fault = end_item(in, APR_ARRAY_IDX(items, i, item *),
                         i == items->nelts - 1 ? status : "completed");
    return fault;
}

/* The open item if it is of that kind, else a new one. */
llm_fault llm_open_take(writing *in, llm_part_kind kind, const char *what,
                        item **out)
{
    llm_fault fault;

    *out = in->w->open;
    if (*out && (*out)->kind == kind)
        return LLM_OK;
    if ((fault = llm_open_end(in)))
        return fault;
    if (in->w->items->nelts >= LLM_OPEN_ITEMS_MAX)
        return LLM_ANSWER_TOO_LARGE;
    *out = in->w->open = llm_open_new(in, kind, what);
    return llm_open_item_event(in, *out, "response.output_item.added");
}
