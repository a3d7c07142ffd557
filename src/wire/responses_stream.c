/* An answer in pieces, as the events of the Responses API. Items are open in
 * this order:
 *
 *     reasoning --> message --> call     each but a call is done when
 *         ^------------'          call   something else begins; calls stay
 *                                 call   open side by side until the finish
 */
#include "responses_open.h"
#include <apr_strings.h>
#include <string.h>
#include "carry.h"

typedef llm_open_content content;
typedef llm_open_item item;
typedef llm_open_writing writing;

static llm_fault gather_words(writing *in, content *c, const llm_delta *delta)
{
    return llm_open_gather(in, &c->text, delta->text.at, delta->text.len);
}

/* ---- words -------------------------------------------------------------- */

static llm_fault begin_content(writing *in, item *it, llm_part_kind kind)
{
    llm_fault fault = LLM_OK;
    llm_part part;

    if (it->contents->nelts >= LLM_OPEN_CONTENTS_MAX)
        return LLM_ANSWER_TOO_LARGE;
    if (it->contents->nelts)
        fault = llm_open_content_end(in, it, it->contents->nelts - 1);
    if (fault)
        return fault;
    part = llm_open_part(llm_open_content_new(in, it, kind));
    llm_open_event(in, "response.content_part.added");
    llm_open_place(in, it, "content_index", it->contents->nelts - 1);
    llm_responses_put_content(&in->e, "part", &part, (llm_span){ NULL, 0 });
    return llm_open_put(in);
}

/* The content of the message that grows, of that kind. */
static llm_fault take_content(writing *in, llm_part_kind kind, item **it,
                              content **out)
{
    llm_fault fault = llm_open_take(in, LLM_PART_TEXT, "msg_", it);

    if (fault)
        return fault;
    *out = llm_open_content_last(*it);
    if (*out && (*out)->part.kind == kind)
        return LLM_OK;
    fault = begin_content(in, *it, kind);
    *out = llm_open_content_last(*it);
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
        || (fault = gather_words(in, c, delta)))
        return fault;
    in->w->refused |= kind == LLM_PART_REFUSAL;
    llm_open_event(in, type);
    llm_open_place(in, it, "content_index", it->contents->nelts - 1);
    llm_emit_text(&in->e, "delta", delta->text);
    if (kind == LLM_PART_TEXT) {
        logprobs = llm_open_logprobs(c, c->told, in->p);
        c->told = c->logprobs.len;
        llm_emit_raw(&in->e, "logprobs", logprobs.len ? logprobs
                     : (llm_span){ "[]", 2 });
    }
    return llm_open_put(in);
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
    if (c->logprobs.len && (fault = llm_open_gather(in, &c->logprobs, ",", 1)))
        return fault;
    return llm_open_gather(in, &c->logprobs, list.at + 1, list.len - 2);
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
        || (fault = llm_open_gather(in, &c->text, "", 0)))
        return fault;
    if (!c->part.citations)
        c->part.citations = apr_array_make(in->keep, 2, sizeof *kept);
    if (c->part.citations->nelts >= LLM_OPEN_CONTENTS_MAX)
        return LLM_ANSWER_TOO_LARGE;
    kept = apr_array_push(c->part.citations);
    *kept = *delta->citation;
    kept->url = apr_pstrdup(in->keep, kept->url);
    kept->title = kept->title ? apr_pstrdup(in->keep, kept->title) : NULL;
    kept->quote.len = 0;
    llm_open_event(in, "response.output_text.annotation.added");
    llm_open_place(in, it, "content_index", it->contents->nelts - 1);
    llm_emit_whole(&in->e, "annotation_index", c->part.citations->nelts - 1);
    llm_responses_put_annotation(&in->e, "annotation", kept);
    return llm_open_put(in);
}

/* ---- reasoning ---------------------------------------------------------- */

static llm_fault take_reasoning(writing *in, item **it, content **c)
{
    llm_fault fault = llm_open_take(in, LLM_PART_REASONING, "rs_", it);

    if (fault)
        return fault;
    *c = llm_open_content_last(*it);
    if (!*c)
        *c = llm_open_content_new(in, *it, LLM_PART_REASONING);
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
        || (fault = gather_words(in, c, delta)))
        return fault;
    if (!it->summary) {
        it->summary = 1;
        llm_open_event(in, "response.reasoning_summary_part.added");
        llm_open_place(in, it, "summary_index", 0);
        llm_open_summary(in, (llm_span){ "", 0 });
        fault = llm_open_put(in);
    }
    if (fault)
        return fault;
    llm_open_event(in, "response.reasoning_summary_text.delta");
    llm_open_place(in, it, "summary_index", 0);
    llm_emit_text(&in->e, "delta", delta->text);
    return llm_open_put(in);
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
    return llm_open_end(in);
}

static llm_fault put_redacted(writing *in, const llm_delta *delta)
{
    llm_fault fault = llm_open_end(in);
    content *c;
    item *it;

    if (fault || (fault = take_reasoning(in, &it, &c))
        || (fault = gather_words(in, c, delta)))
        return fault;
    c->part.redacted = 1;
    return llm_open_end(in);
}

/* ---- calls -------------------------------------------------------------- */

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
                = llm_open_part(llm_open_content_last(it));
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
    llm_fault fault = llm_open_end(in);
    const char *id = delta->id;
    apr_array_header_t *before;
    content *c;
    item *it;

    if (fault || find_call(in, delta->call))
        return fault;
    if (in->w->items->nelts >= LLM_OPEN_ITEMS_MAX)
        return LLM_ANSWER_TOO_LARGE;
    if (!id || !*id)
        id = llm_responses_id("call_", in->face, in->w->calls, in->p);
    in->w->calls++;
    before = reasoning_before(in);
    it = llm_open_new(in, LLM_PART_CALL, "fc_");
    it->call = delta->call;
    c = llm_open_content_new(in, it, LLM_PART_CALL);
    c->part.id = apr_pstrdup(in->keep, llm_carry_pack(id, delta->signature,
                                                      before, in->p));
    c->part.name = apr_pstrdup(in->keep, delta->name ? delta->name : "");
    return llm_open_item_event(in, it, "response.output_item.added");
}

static llm_fault put_arguments(writing *in, const llm_delta *delta)
{
    item *it = find_call(in, delta->call);
    llm_fault fault;

    if (!it || it->done)
        return LLM_GARBAGE;
    if (!delta->text.len)
        return LLM_OK;
    fault = gather_words(in, llm_open_content_last(it), delta);
    if (fault)
        return fault;
    llm_open_event(in, "response.function_call_arguments.delta");
    llm_open_place(in, it, NULL, 0);
    llm_emit_text(&in->e, "delta", delta->text);
    return llm_open_put(in);
}

/* ---- pictures ----------------------------------------------------------- */

static llm_fault put_picture(writing *in, const llm_delta *delta)
{
    llm_fault fault = llm_open_end(in);
    content *c;
    item *it;

    if (fault || (fault = llm_open_take(in, LLM_PART_IMAGE, "ig_", &it)))
        return fault;
    c = llm_open_content_new(in, it, LLM_PART_IMAGE);
    c->part.media = apr_pstrdup(in->keep, delta->name ? delta->name : "");
    c->part.data = llm_responses_copy(delta->text, in->keep);
    return llm_open_end(in);
}

/* ---- the end ------------------------------------------------------------ */

static llm_fault take_finish(writing *in, const llm_delta *delta)
{
    llm_responses_writer *w = in->w;

    w->finish = delta->finish;
    return llm_open_end_all(in, llm_responses_status(w->finish, w->refused,
                                                     &w->head.incomplete));
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
    if ((fault = llm_open_end_all(in, w->head.status)))
        return fault;
    if (w->usage.known)
        w->head.usage = &w->usage;
    return llm_open_response(in, w->head.incomplete ? "response.incomplete"
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
    case LLM_DELTA_MEDIA:
        return put_picture(in, delta);
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
    fault = llm_open_begin(&in, delta);
    if (!fault)
        fault = put(&in, delta);
    llm_buf_free(&in.json);
    if (fault) {
        out->len = before;
        frame->begun = begun;
    }
    return fault;
}
