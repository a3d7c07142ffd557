/* The events of a provider's Responses stream, as deltas. Providers differ in
 * how much they say piece by piece: what an item's last event holds and no
 * piece has said is said then. */
#include "responses.h"
#include <apr_strings.h>
#include <string.h>

#define ITEMS_MAX 1024

typedef struct item {
    long long index;            /* output_index */
    int call;                   /* its number; -1: no call */
    int said;                   /* pieces came */
    int done;
} item;

typedef struct reading {
    llm_responses_reader *r;
    const llm_json *event;
    llm_delta_fn each;
    void *baton;
    apr_pool_t *p, *keep;
} reading;

/* ---- telling ------------------------------------------------------------ */

static llm_fault tell(const reading *in, const llm_delta *delta)
{
    return in->each(in->baton, delta);
}

static llm_fault tell_text(const reading *in, llm_delta_kind kind,
                           llm_span text)
{
    const llm_delta delta = { .kind = kind, .text = text };

    return text.len ? tell(in, &delta) : LLM_OK;
}

static llm_fault tell_arguments(const reading *in, const item *it,
                                llm_span text)
{
    const llm_delta delta = { .kind = LLM_DELTA_ARGUMENTS, .call = it->call,
                              .text = text };

    return text.len ? tell(in, &delta) : LLM_OK;
}

static llm_span words(const llm_json *object, const char *name)
{
    return llm_json_span(llm_json_member(object, name));
}

static llm_fault tell_logprobs(const reading *in, const llm_json *list)
{
    llm_span text;

    if (!llm_json_count(list))
        return LLM_OK;
    text = llm_json_text(list, in->p);
    text.at = apr_pstrcat(in->p, "{\"content\":", text.at,
                          ",\"refusal\":null}", NULL);
    text.len = strlen(text.at);
    return tell_text(in, LLM_DELTA_LOGPROBS, text);
}

static llm_fault begin(const reading *in)
{
    const llm_json *response = llm_json_member(in->event, "response");
    const llm_delta delta = {
        .kind = LLM_DELTA_BEGIN,
        .id = llm_json_word(llm_json_member(response, "id")),
        .model = llm_json_word(llm_json_member(response, "model"))
    };

    if (in->r->begun++)
        return LLM_OK;
    return tell(in, &delta);
}

/* ---- items -------------------------------------------------------------- */

static item *find_item(const reading *in, long long index)
{
    const apr_array_header_t *items = in->r->items;
    int i;

    for (i = items ? items->nelts : 0; i--;)
        if (((item *)items->elts)[i].index == index)
            return &((item *)items->elts)[i];
    return NULL;
}

static llm_fault take_item_at(const reading *in, long long index, item **out)
{
    llm_responses_reader *r = in->r;

    *out = find_item(in, index);
    if (*out)
        return LLM_OK;
    if (!r->items)
        r->items = apr_array_make(in->keep, 4, sizeof **out);
    if (r->items->nelts >= ITEMS_MAX)
        return LLM_GARBAGE;
    *out = apr_array_push(r->items);
    memset(*out, 0, sizeof **out);
    (*out)->index = index;
    (*out)->call = -1;
    return LLM_OK;
}

static llm_fault take_item(const reading *in, item **out)
{
    long long index;

    if (!llm_json_whole(llm_json_member(in->event, "output_index"), &index))
        return LLM_GARBAGE;
    return take_item_at(in, index, out);
}

static int is_type(const llm_json *object, const char *type)
{
    const char *is = llm_json_word(llm_json_member(object, "type"));

    return is && !strcmp(is, type);
}

static llm_fault begin_call(const reading *in, item *it,
                            const llm_json *value)
{
    const char *id = llm_json_word(llm_json_member(value, "call_id"));
    const char *name = llm_json_word(llm_json_member(value, "name"));
    const llm_delta delta = { .kind = LLM_DELTA_CALL, .call = in->r->calls,
                              .id = id && *id ? id : NULL, .name = name };
    llm_span arguments = words(value, "arguments");
    llm_fault fault;

    if (it->call >= 0)
        return LLM_OK;
    it->call = in->r->calls++;
    fault = tell(in, &delta);
    if (fault || !arguments.len)
        return fault;
    it->said = 1;
    return tell_arguments(in, it, arguments);
}

static llm_fault added(const reading *in)
{
    const llm_json *value = llm_json_member(in->event, "item");
    item *it;
    llm_fault fault = take_item(in, &it);

    if (!fault && is_type(value, "function_call"))
        fault = begin_call(in, it, value);
    return fault;
}

/* ---- an item as a whole ------------------------------------------------- */

static llm_fault tell_annotation(const reading *in, const llm_json *value)
{
    llm_citation citation;
    const llm_delta delta = { .kind = LLM_DELTA_CITATION,
                              .citation = &citation };

    if (!llm_responses_citation(value, &citation, in->p))
        return LLM_OK;
    return tell(in, &delta);
}

static llm_fault tell_content(const reading *in, const llm_json *content)
{
    const llm_json *notes = llm_json_member(content, "annotations");
    llm_fault fault;
    size_t i;

    if (is_type(content, "refusal")) {
        in->r->refused = 1;
        return tell_text(in, LLM_DELTA_REFUSAL, words(content, "refusal"));
    }
    fault = tell_logprobs(in, llm_json_member(content, "logprobs"));
    if (!fault)
        fault = tell_text(in, LLM_DELTA_TEXT, words(content, "text"));
    for (i = 0; !fault && i < llm_json_count(notes); i++)
        fault = tell_annotation(in, llm_json_element(notes, i));
    return fault;
}

static llm_fault end_message(const reading *in, const item *it,
                             const llm_json *value)
{
    const llm_json *list = llm_json_member(value, "content");
    llm_fault fault = LLM_OK;
    size_t i;

    for (i = 0; !it->said && !fault && i < llm_json_count(list); i++)
        fault = tell_content(in, llm_json_element(list, i));
    return fault;
}

static llm_fault end_call(const reading *in, item *it, const llm_json *value)
{
    llm_fault fault = begin_call(in, it, value);

    if (fault || it->said)
        return fault;
    return tell_arguments(in, it, words(value, "arguments"));
}

static llm_fault end_reasoning(const reading *in, const item *it,
                               const llm_json *value)
{
    apr_array_header_t *parts = llm_parts_make(in->p);
    llm_delta delta = { .kind = LLM_DELTA_SIGNATURE };
    const llm_part *part;
    llm_fault fault = LLM_OK;

    if (!llm_responses_unseal(value, parts, in->p))
        return LLM_OK;
    part = (const llm_part *)parts->elts;
    if (part->redacted)
        return tell_text(in, LLM_DELTA_REDACTED, part->text);
    if (!it->said)
        fault = tell_text(in, LLM_DELTA_REASONING, part->text);
    delta.signature = part->signature;
    return fault || !part->signature ? fault : tell(in, &delta);
}

static llm_fault end_item(const reading *in, item *it, const llm_json *value)
{
    if (it->done++)
        return LLM_OK;
    if (is_type(value, "message"))
        return end_message(in, it, value);
    if (is_type(value, "function_call"))
        return end_call(in, it, value);
    if (is_type(value, "reasoning"))
        return end_reasoning(in, it, value);
    return LLM_OK;
}

static llm_fault item_done(const reading *in)
{
    item *it;
    llm_fault fault = take_item(in, &it);

    return fault ? fault : end_item(in, it, llm_json_member(in->event,
                                                            "item"));
}

/* ---- pieces ------------------------------------------------------------- */

static llm_fault piece(const reading *in, llm_delta_kind kind)
{
    llm_span text = words(in->event, "delta");
    item *it;
    llm_fault fault = take_item(in, &it);

    if (fault)
        return fault;
    it->said |= text.len > 0;
    return tell_text(in, kind, text);
}

static llm_fault text_piece(const reading *in)
{
    llm_fault fault = tell_logprobs(in, llm_json_member(in->event,
                                                        "logprobs"));

    return fault ? fault : piece(in, LLM_DELTA_TEXT);
}

static llm_fault refusal_piece(const reading *in)
{
    in->r->refused = 1;
    return piece(in, LLM_DELTA_REFUSAL);
}

static llm_fault reasoning_piece(const reading *in)
{
    return piece(in, LLM_DELTA_REASONING);
}

/* A further part of a summary: a paragraph. */
static llm_fault summary_part(const reading *in)
{
    long long index = 0;
    const item *it;

    llm_json_whole(llm_json_member(in->event, "summary_index"), &index);
    if (index < 1
        || !llm_json_whole(llm_json_member(in->event, "output_index"), &index)
        || !(it = find_item(in, index)) || !it->said)
        return LLM_OK;
    return tell_text(in, LLM_DELTA_REASONING, (llm_span){ "\n\n", 2 });
}

static llm_fault arguments_piece(const reading *in)
{
    llm_span text = words(in->event, "delta");
    item *it;
    llm_fault fault = take_item(in, &it);

    if (fault || it->call < 0)
        return fault ? fault : LLM_GARBAGE;
    it->said |= text.len > 0;
    return tell_arguments(in, it, text);
}

static llm_fault annotation(const reading *in)
{
    return tell_annotation(in, llm_json_member(in->event, "annotation"));
}

/* ---- the end ------------------------------------------------------------ */

static llm_fault final(const reading *in)
{
    const llm_json *response = llm_json_member(in->event, "response");
    const llm_json *output = llm_json_member(response, "output");
    llm_delta delta = { .kind = LLM_DELTA_FINISH };
    llm_fault fault = LLM_OK;
    size_t i;

    if (in->r->finished++)
        return LLM_OK;
    for (i = 0; !fault && i < llm_json_count(output) && i < ITEMS_MAX; i++) {
        item *it;

        fault = take_item_at(in, (long long)i, &it);
        if (!fault)
            fault = end_item(in, it, llm_json_element(output, i));
    }
    delta.finish = in->r->calls ? LLM_FINISH_TOOLS
        : in->r->refused ? LLM_FINISH_FILTER : LLM_FINISH_STOP;
    delta.finish = llm_responses_finish(response, delta.finish);
    return fault ? fault : tell(in, &delta);
}

static llm_fault nothing(const reading *in)
{
    (void)in;
    return LLM_OK;
}

static const struct {
    const char *type;
    llm_fault (*read)(const reading *in);
} events[] = {
    { "response.created", nothing },
    { "response.output_item.added", added },
    { "response.output_item.done", item_done },
    { "response.output_text.delta", text_piece },
    { "response.refusal.delta", refusal_piece },
    { "response.reasoning_summary_text.delta", reasoning_piece },
    { "response.reasoning_text.delta", reasoning_piece },
    { "response.reasoning_summary_part.added", summary_part },
    { "response.function_call_arguments.delta", arguments_piece },
    { "response.output_text.annotation.added", annotation },
    { "response.completed", final },
    { "response.incomplete", final },
    { "response.cancelled", final },
};

/* What is not in the table is of hosted tools, or says again what is known. */
llm_fault llm_responses_read_piece(void *reader, const llm_json *event,
                                   llm_delta_fn each, void *baton,
                                   apr_pool_t *p, apr_pool_t *keep)
{
    const reading in = { reader, event, each, baton, p, keep };
    const char *type = llm_json_word(llm_json_member(event, "type"));
    llm_fault fault;
    size_t i;

    if (!type)
        return LLM_GARBAGE;
    for (i = 0; i < sizeof events / sizeof *events; i++)
        if (!strcmp(events[i].type, type)) {
            fault = begin(&in);
            return fault ? fault : events[i].read(&in);
        }
    return LLM_OK;
}
