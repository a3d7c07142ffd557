/* An answer in pieces, as the events of the Responses API. Items are open in
 * this order:
 *
 *     reasoning --> message --> call     each but a call is done when
 *         ^------------'          call   something else begins; calls stay
 *                                 call   open side by side until the finish
 *
 * The last events of an item and of the response repeat all that was said, so
 * that it must be gathered; the ceiling is over all items together. */
#include "responses.h"
#include <apr_strings.h>
#include <string.h>
#include "carry.h"

#define GATHER_MAX ((size_t)16 * 1024 * 1024)
#define ITEMS_MAX 1024
#define CONTENTS_MAX 1024       /* of one message */

/* One part that grows; its words are in `text`. */
typedef struct content {
    llm_part part;
    llm_buf text;
    llm_buf logprobs;           /* elements of the array, bare */
    size_t told;                /* of logprobs, with a piece of the text */
} content;

typedef struct llm_responses_open {
    llm_part_kind kind;         /* TEXT: a message */
    const char *id;
    int index, call;
    int done, summary;          /* it has ended; a summary part was begun */
    const char *status;
    apr_array_header_t *contents;       /* of pointers to content */
} item;

typedef struct writing {
    llm_responses_writer *w;
    const llm_face *face;
    llm_frame *frame;
    llm_buf *out;
    apr_pool_t *p, *keep;
    llm_buf json;               /* the event that is being written */
    llm_emit e;
} writing;

/* ---- events ------------------------------------------------------------------- */

static void begin_event(writing *in, const char *type)
{
    llm_buf_clear(&in->json);
    llm_emit_begin(&in->e, &in->json);
    llm_emit_object(&in->e, NULL);
    llm_emit_string(&in->e, "type", type);
    llm_emit_whole(&in->e, "sequence_number", in->frame->begun);
}

static llm_fault end_event(writing *in, const char *type)
{
    llm_emit_end_object(&in->e);
    if (in->e.fault)
        return in->e.fault;
    return llm_frame_put(in->frame, type, strlen(type), in->json.data,
                         in->json.len, in->out);
}

static void put_place(writing *in, const item *it, const char *index, int n)
{
    llm_emit_string(&in->e, "item_id", it->id);
    llm_emit_whole(&in->e, "output_index", it->index);
    if (index)
        llm_emit_whole(&in->e, index, n);
}

/* ---- what was gathered ------------------------------------------------------------ */

static apr_status_t free_content(void *made)
{
    content *c = made;

    llm_buf_free(&c->text);
    llm_buf_free(&c->logprobs);
    return APR_SUCCESS;
}

static content *new_content(writing *in, item *it, llm_part_kind kind)
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

static llm_fault gather(writing *in, llm_buf *to, const char *at, size_t n)
{
    llm_fault fault = LLM_TOO_LARGE;

    if (n <= GATHER_MAX - in->w->gathered)
        fault = llm_buf_add(to, at ? at : "", n);
    if (fault)
        return fault == LLM_TOO_LARGE ? LLM_ANSWER_TOO_LARGE : fault;
    in->w->gathered += n;
    return LLM_OK;
}

static content *last_content(const item *it)
{
    int n = it->contents->nelts;

    return n ? APR_ARRAY_IDX(it->contents, n - 1, content *) : NULL;
}

static llm_part as_part(const content *c)
{
    llm_part part = c->part;

    part.text = (llm_span){ c->text.data, c->text.len };
    return part;
}

static llm_span logprobs_of(const content *c, size_t from, apr_pool_t *p)
{
    llm_span list = { NULL, 0 };
    const char *at = c->logprobs.data + from;

    if (from >= c->logprobs.len)
        return list;
    if (from)
        at++;                   /* a comma */
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
        parts[i] = as_part(APR_ARRAY_IDX(it->contents, i, content *));
    if (out.count)
        out.logprobs = logprobs_of(APR_ARRAY_IDX(it->contents, 0, content *),
                                   0, p);
    return out;
}

/* ---- the response -------------------------------------------------------------------- */

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

static llm_fault put_response(writing *in, const char *type)
{
    begin_event(in, type);
    llm_responses_begin(&in->e, "response", &in->w->head);
    put_output(in);
    llm_responses_end(&in->e, &in->w->head);
    return end_event(in, type);
}

static llm_fault begin(writing *in, const llm_delta *delta)
{
    llm_responses_writer *w = in->w;
    llm_fault fault;

    if (w->begun)
        return LLM_OK;
    w->begun = 1;
    w->items = apr_array_make(in->keep, 4, sizeof(item *));
    w->head.id = llm_responses_id("resp_", in->face, -1, in->keep);
    w->head.model = in->face->model;
    if (!w->head.model && delta->model)
        w->head.model = apr_pstrdup(in->keep, delta->model);
    w->head.created = in->face->now;
    w->head.status = "in_progress";
    fault = put_response(in, "response.created");
    return fault ? fault : put_response(in, "response.in_progress");
}

/* ---- an item begins -------------------------------------------------------------------- */

static llm_fault put_item_event(writing *in, const item *it, const char *type)
{
    llm_responses_item one = as_item(it, in->p);

    begin_event(in, type);
    llm_emit_whole(&in->e, "output_index", it->index);
    llm_responses_put_item(&in->e, "item", &one, in->p);
    return end_event(in, type);
}

static item *new_item(writing *in, llm_part_kind kind, const char *what)
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

/* ---- an item ends ----------------------------------------------------------------------- */

static llm_fault end_content(writing *in, const item *it, int n)
{
    const content *c = APR_ARRAY_IDX(it->contents, n, content *);
    const llm_part part = as_part(c);
    const int refusal = part.kind == LLM_PART_REFUSAL;
    const char *type = refusal ? "response.refusal.done"
                               : "response.output_text.done";
    llm_span logprobs = logprobs_of(c, 0, in->p);
    llm_fault fault;

    begin_event(in, type);
    put_place(in, it, "content_index", n);
    llm_emit_text(&in->e, refusal ? "refusal" : "text", part.text);
    if (!refusal)
        llm_emit_raw(&in->e, "logprobs", logprobs.len ? logprobs
                                         : (llm_span){ "[]", 2 });
    if ((fault = end_event(in, type)))
        return fault;
    begin_event(in, "response.content_part.done");
    put_place(in, it, "content_index", n);
    llm_responses_put_content(&in->e, "part", &part, logprobs);
    return end_event(in, "response.content_part.done");
}

static void put_summary(writing *in, llm_span text)
{
    llm_emit_object(&in->e, "part");
    llm_emit_string(&in->e, "type", "summary_text");
    llm_emit_text(&in->e, "text", text);
    llm_emit_end_object(&in->e);
}

static llm_fault end_summary(writing *in, const item *it)
{
    const llm_part part = as_part(last_content(it));
    llm_fault fault;

    begin_event(in, "response.reasoning_summary_text.done");
    put_place(in, it, "summary_index", 0);
    llm_emit_text(&in->e, "text", part.text);
    if ((fault = end_event(in, "response.reasoning_summary_text.done")))
        return fault;
    begin_event(in, "response.reasoning_summary_part.done");
    put_place(in, it, "summary_index", 0);
    put_summary(in, part.text);
    return end_event(in, "response.reasoning_summary_part.done");
}

static llm_fault end_arguments(writing *in, const item *it)
{
    const llm_part part = as_part(last_content(it));

    begin_event(in, "response.function_call_arguments.done");
    put_place(in, it, NULL, 0);
    llm_emit_string(&in->e, "name", part.name);
    llm_emit_text(&in->e, "arguments", part.text);
    return end_event(in, "response.function_call_arguments.done");
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
        fault = end_content(in, it, it->contents->nelts - 1);
    it->done = 1;
    it->status = status;
    if (in->w->open == it)
        in->w->open = NULL;
    return fault ? fault
                 : put_item_event(in, it, "response.output_item.done");
}

static llm_fault end_open(writing *in)
{
    return in->w->open ? end_item(in, in->w->open, "completed") : LLM_OK;
}

/* The last one is what an unfinished answer did not finish. */
static llm_fault end_all(writing *in, const char *status)
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
static llm_fault take_open(writing *in, llm_part_kind kind, const char *what,
                           item **out)
{
    llm_fault fault;

    *out = in->w->open;
    if (*out && (*out)->kind == kind)
        return LLM_OK;
    if ((fault = end_open(in)))
        return fault;
    if (in->w->items->nelts >= ITEMS_MAX)
        return LLM_ANSWER_TOO_LARGE;
    *out = in->w->open = new_item(in, kind, what);
    return put_item_event(in, *out, "response.output_item.added");
}

/* ---- words -------------------------------------------------------------------------------- */

static llm_fault begin_content(writing *in, item *it, llm_part_kind kind)
{
    llm_fault fault = LLM_OK;
    llm_part part;

    if (it->contents->nelts >= CONTENTS_MAX)
        return LLM_ANSWER_TOO_LARGE;
    if (it->contents->nelts)
        fault = end_content(in, it, it->contents->nelts - 1);
    if (fault)
        return fault;
    part = as_part(new_content(in, it, kind));
    begin_event(in, "response.content_part.added");
    put_place(in, it, "content_index", it->contents->nelts - 1);
    llm_responses_put_content(&in->e, "part", &part, (llm_span){ NULL, 0 });
    return end_event(in, "response.content_part.added");
}

/* The content of the message that grows, of that kind. */
static llm_fault take_content(writing *in, llm_part_kind kind, item **it,
                              content **out)
{
    llm_fault fault = take_open(in, LLM_PART_TEXT, "msg_", it);

    if (fault)
        return fault;
    *out = last_content(*it);
    if (*out && (*out)->part.kind == kind)
        return LLM_OK;
    fault = begin_content(in, *it, kind);
    *out = last_content(*it);
    return fault;
}

static llm_fault put_words(writing *in, const llm_delta *delta,
                           llm_part_kind kind, const char *type)
{
    llm_span logprobs;
    llm_fault fault;
    content *c;
    item *it;

    if (!delta->text.len)
        return LLM_OK;
    if ((fault = take_content(in, kind, &it, &c))
        || (fault = gather(in, &c->text, delta->text.at, delta->text.len)))
        return fault;
    in->w->refused |= kind == LLM_PART_REFUSAL;
    begin_event(in, type);
    put_place(in, it, "content_index", it->contents->nelts - 1);
    llm_emit_text(&in->e, "delta", delta->text);
    if (kind == LLM_PART_TEXT) {
        logprobs = logprobs_of(c, c->told, in->p);
        c->told = c->logprobs.len;
        llm_emit_raw(&in->e, "logprobs", logprobs.len ? logprobs
                                         : (llm_span){ "[]", 2 });
    }
    return end_event(in, type);
}

static llm_fault take_logprobs(writing *in, const llm_delta *delta)
{
    llm_span list = llm_responses_logprobs(delta->text);
    llm_fault fault;
    content *c;
    item *it;

    if (!list.len)
        return LLM_OK;
    if ((fault = take_content(in, LLM_PART_TEXT, &it, &c)))
        return fault;
    if (c->logprobs.len && (fault = gather(in, &c->logprobs, ",", 1)))
        return fault;
    return gather(in, &c->logprobs, list.at + 1, list.len - 2);
}

static llm_fault put_citation(writing *in, const llm_delta *delta)
{
    llm_citation *kept;
    llm_fault fault;
    content *c;
    item *it;

    if (!delta->citation || !delta->citation->url)
        return LLM_OK;
    if ((fault = take_content(in, LLM_PART_TEXT, &it, &c))
        || (fault = gather(in, &c->text, "", 0)))
        return fault;
    if (!c->part.citations)
        c->part.citations = apr_array_make(in->keep, 2, sizeof *kept);
    if (c->part.citations->nelts >= CONTENTS_MAX)
        return LLM_ANSWER_TOO_LARGE;
    kept = apr_array_push(c->part.citations);
    *kept = *delta->citation;
    kept->url = apr_pstrdup(in->keep, kept->url);
    kept->title = kept->title ? apr_pstrdup(in->keep, kept->title) : NULL;
    kept->quote.len = 0;
    begin_event(in, "response.output_text.annotation.added");
    put_place(in, it, "content_index", it->contents->nelts - 1);
    llm_emit_whole(&in->e, "annotation_index", c->part.citations->nelts - 1);
    llm_responses_put_annotation(&in->e, "annotation", kept);
    return end_event(in, "response.output_text.annotation.added");
}

/* ---- reasoning ------------------------------------------------------------------------------ */

static llm_fault take_reasoning(writing *in, item **it, content **c)
{
    llm_fault fault = take_open(in, LLM_PART_REASONING, "rs_", it);

    if (fault)
        return fault;
    *c = last_content(*it);
    if (!*c)
        *c = new_content(in, *it, LLM_PART_REASONING);
    return LLM_OK;
}

static llm_fault put_reasoning(writing *in, const llm_delta *delta)
{
    llm_fault fault;
    content *c;
    item *it;

    if (!delta->text.len)
        return LLM_OK;
    if ((fault = take_reasoning(in, &it, &c))
        || (fault = gather(in, &c->text, delta->text.at, delta->text.len)))
        return fault;
    if (!it->summary) {
        it->summary = 1;
        begin_event(in, "response.reasoning_summary_part.added");
        put_place(in, it, "summary_index", 0);
        put_summary(in, (llm_span){ "", 0 });
        fault = end_event(in, "response.reasoning_summary_part.added");
    }
    if (fault)
        return fault;
    begin_event(in, "response.reasoning_summary_text.delta");
    put_place(in, it, "summary_index", 0);
    llm_emit_text(&in->e, "delta", delta->text);
    return end_event(in, "response.reasoning_summary_text.delta");
}

/* The proof ends its reasoning. */
static llm_fault take_signature(writing *in, const llm_delta *delta)
{
    llm_fault fault;
    content *c;
    item *it;

    if (!delta->signature)
        return LLM_OK;
    if ((fault = take_reasoning(in, &it, &c)))
        return fault;
    c->part.signature = apr_pstrdup(in->keep, delta->signature);
    return end_open(in);
}

static llm_fault put_redacted(writing *in, const llm_delta *delta)
{
    llm_fault fault = end_open(in);
    content *c;
    item *it;

    if (fault || (fault = take_reasoning(in, &it, &c))
        || (fault = gather(in, &c->text, delta->text.at, delta->text.len)))
        return fault;
    c->part.redacted = 1;
    return end_open(in);
}

/* ---- calls ----------------------------------------------------------------------------------- */

/* The reasoning since the call before. */
static apr_array_header_t *reasoning_before(writing *in)
{
    apr_array_header_t *list = llm_parts_make(in->p);
    const apr_array_header_t *items = in->w->items;
    const item *it;
    int i, from = items->nelts;

    while (from && APR_ARRAY_IDX(items, from - 1, item *)->kind
                   != LLM_PART_CALL)
        from--;
    for (i = from; i < items->nelts; i++) {
        it = APR_ARRAY_IDX(items, i, item *);
        if (it->kind == LLM_PART_REASONING)
            *llm_parts_add(list, LLM_PART_REASONING)
                = as_part(last_content(it));
    }
    return list;
}

static item *find_call(const writing *in, int call)
{
    const apr_array_header_t *items = in->w->items;
    item *it;
    int i;

    for (i = items->nelts; i--;) {
        it = APR_ARRAY_IDX(items, i, item *);
        if (it->kind == LLM_PART_CALL && it->call == call)
            return it;
    }
    return NULL;
}

static llm_fault begin_call(writing *in, const llm_delta *delta)
{
    llm_fault fault = end_open(in);
    const char *id = delta->id;
    apr_array_header_t *before;
    content *c;
    item *it;

    if (fault || find_call(in, delta->call))
        return fault;
    if (in->w->items->nelts >= ITEMS_MAX)
        return LLM_ANSWER_TOO_LARGE;
    if (!id || !*id)
        id = llm_responses_id("call_", in->face, in->w->calls, in->p);
    in->w->calls++;
    before = reasoning_before(in);
    it = new_item(in, LLM_PART_CALL, "fc_");
    it->call = delta->call;
    c = new_content(in, it, LLM_PART_CALL);
    c->part.id = apr_pstrdup(in->keep, llm_carry_pack(id, delta->signature,
                                                      before, in->p));
    c->part.name = apr_pstrdup(in->keep, delta->name ? delta->name : "");
    return put_item_event(in, it, "response.output_item.added");
}

static llm_fault put_arguments(writing *in, const llm_delta *delta)
{
    item *it = find_call(in, delta->call);
    llm_fault fault;

    if (!it || it->done)
        return LLM_GARBAGE;
    if (!delta->text.len)
        return LLM_OK;
    fault = gather(in, &last_content(it)->text, delta->text.at,
                   delta->text.len);
    if (fault)
        return fault;
    begin_event(in, "response.function_call_arguments.delta");
    put_place(in, it, NULL, 0);
    llm_emit_text(&in->e, "delta", delta->text);
    return end_event(in, "response.function_call_arguments.delta");
}

/* ---- the end ----------------------------------------------------------------------------------- */

static llm_fault take_finish(writing *in, const llm_delta *delta)
{
    llm_responses_head *head = &in->w->head;

    in->w->finish = delta->finish;
    return end_all(in, llm_responses_status(delta->finish, in->w->refused,
                                            &head->incomplete));
}

static llm_fault end(writing *in)
{
    llm_responses_writer *w = in->w;
    llm_fault fault;

    if (w->ended)
        return LLM_OK;
    w->ended = 1;
    w->head.status = llm_responses_status(w->finish, in->w->refused,
                                          &w->head.incomplete);
    if ((fault = end_all(in, w->head.status)))
        return fault;
    if (w->usage.known)
        w->head.usage = &w->usage;
    return put_response(in, w->head.incomplete ? "response.incomplete"
                                               : "response.completed");
}

static llm_fault put(writing *in, const llm_delta *delta)
{
    switch (delta->kind) {
    case LLM_DELTA_TEXT:
        return put_words(in, delta, LLM_PART_TEXT,
                         "response.output_text.delta");
    case LLM_DELTA_REFUSAL:
        return put_words(in, delta, LLM_PART_REFUSAL,
                         "response.refusal.delta");
    case LLM_DELTA_REASONING:
        return put_reasoning(in, delta);
    case LLM_DELTA_SIGNATURE:
        return take_signature(in, delta);
    case LLM_DELTA_REDACTED:
        return put_redacted(in, delta);
    case LLM_DELTA_CALL:
        return begin_call(in, delta);
    case LLM_DELTA_ARGUMENTS:
        return put_arguments(in, delta);
    case LLM_DELTA_CITATION:
        return put_citation(in, delta);
    case LLM_DELTA_LOGPROBS:
        return take_logprobs(in, delta);
    case LLM_DELTA_FINISH:
        return take_finish(in, delta);
    case LLM_DELTA_END:
        return end(in);
    default:
        return LLM_OK;
    }
}

/* Usage and signs of life do not begin an answer. */
llm_fault llm_responses_write_delta(void *writer, const llm_delta *delta,
                                    const llm_face *face, llm_frame *frame,
                                    llm_buf *out, apr_pool_t *p,
                                    apr_pool_t *keep)
{
    writing in = { .w = writer, .face = face, .frame = frame, .out = out,
                   .p = p, .keep = keep };
    const size_t before = out->len;
    const int begun = frame->begun;
    llm_fault fault;

    if (delta->kind == LLM_DELTA_PING)
        return llm_frame_ping(frame, out);
    if (delta->kind == LLM_DELTA_USAGE && delta->usage)
        in.w->usage = *delta->usage;
    if (delta->kind == LLM_DELTA_USAGE || delta->choice > 0)
        return LLM_OK;
    llm_buf_init(&in.json, out->ceiling);
    fault = begin(&in, delta);
    if (!fault)
        fault = put(&in, delta);
    llm_buf_free(&in.json);
    if (fault) {
        out->len = before;
        frame->begun = begun;
    }
    return fault;
}
