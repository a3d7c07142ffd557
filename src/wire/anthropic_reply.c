/* Whole answers of Anthropic's shape, read and written. */
#include "anthropic.h"
#include "carry.h"
#include <apr_strings.h>
#include <string.h>

/* ---- reading ------------------------------------------------------------ */

typedef struct reading {
    llm_reply *out;
    llm_answer_choice *choice;
    apr_pool_t *p;
    int calls;
} reading;

/* Answers are read into the call's pool, as their trees are. */
static llm_part *add(reading *in, llm_part_kind kind, llm_span text)
{
    llm_part *part = llm_parts_add(in->choice->parts, kind);

    part->text = text;
    return part;
}

static llm_fault read_text(reading *in, const llm_json *block)
{
    const llm_json *list = llm_json_member(block, "citations");
    const llm_span text = llm_json_span(llm_json_member(block, "text"));
    llm_citation citation;
    llm_part *part;
    size_t i;

    if (!text.at)
        return LLM_GARBAGE;
    part = add(in, LLM_PART_TEXT, text);
    for (i = 0; i < llm_json_count(list); i++) {
        if (!llm_anthropic_read_citation(llm_json_element(list, i), &citation,
                                         in->p))
            continue;
        if (!part->citations)
            part->citations = apr_array_make(in->p, 2, sizeof citation);
        APR_ARRAY_PUSH(part->citations, llm_citation) = citation;
    }
    return LLM_OK;
}

static llm_fault read_thinking(reading *in, const llm_json *block)
{
    const llm_span text = llm_json_span(llm_json_member(block, "thinking"));
    const char *signature = llm_json_word(llm_json_member(block,
                                                          "signature"));

    if (!text.at)
        return LLM_GARBAGE;
    add(in, LLM_PART_REASONING, text)->signature =
        signature && *signature ? signature : NULL;
    return LLM_OK;
}

static llm_fault read_redacted(reading *in, const llm_json *block)
{
    const llm_span data = llm_json_span(llm_json_member(block, "data"));

    if (!data.at)
        return LLM_GARBAGE;
    add(in, LLM_PART_REASONING, data)->redacted = 1;
    return LLM_OK;
}

static llm_fault read_call(reading *in, const llm_json *block)
{
    const llm_json *input = llm_json_member(block, "input");
    const char *id = llm_json_word(llm_json_member(block, "id"));
    const char *name = llm_json_word(llm_json_member(block, "name"));
    llm_part *part;

    if (!name)
        return LLM_GARBAGE;
    part = add(in, LLM_PART_CALL, (llm_span){ "", 0 });
    part->name = name;
    part->id = id && *id ? id
             : apr_psprintf(in->p, "call_%s_%d",
                            in->out->id ? in->out->id : "", in->calls);
    in->calls++;
    if (!llm_anthropic_is_null(input))
        part->text = llm_json_text(input, in->p);
    return LLM_OK;
}

/* What the provider's own tools did has no place; it was not asked for. */
static llm_fault read_block(reading *in, const llm_json *block)
{
    static const struct {
        const char *type;
        llm_fault (*read)(reading *in, const llm_json *block);
    } kinds[] = {
        { "text", read_text }, { "tool_use", read_call },
        { "thinking", read_thinking }, { "redacted_thinking", read_redacted },
    };
    const char *type = llm_json_word(llm_json_member(block, "type"));
    size_t i;

    if (!type)
        return LLM_GARBAGE;
    for (i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kinds[i].type, type))
            return kinds[i].read(in, block);
    return LLM_OK;
}

static void read_stop(reading *in, const llm_json *body)
{
    const char *reason = llm_json_word(llm_json_member(body, "stop_reason"));
    const char *why = llm_anthropic_explanation(
        llm_json_member(body, "stop_details"));

    if (!reason)
        return;
    in->choice->finish = llm_anthropic_finish(reason);
    in->choice->sequence = llm_json_word(llm_json_member(body,
                                                         "stop_sequence"));
    if (why && in->choice->finish == LLM_FINISH_FILTER)
        add(in, LLM_PART_REFUSAL, (llm_span){ why, strlen(why) });
}

static const char *tier_of(const llm_json *body)
{
    const char *word = llm_json_word(llm_json_member(
        llm_json_member(body, "usage"), "service_tier"));

    return word && !strcmp(word, "standard") ? "default" : word;
}

llm_fault llm_anthropic_read_reply(const llm_json *body, llm_reply *out,
                                   apr_pool_t *p)
{
    const llm_json *content = llm_json_member(body, "content");
    reading in = { out, llm_reply_choice(out, p), p, 0 };
    size_t i, n = llm_json_count(content);
    llm_fault fault = LLM_OK;

    if (llm_json_kind_of(content) != LLM_JSON_ARRAY)
        return LLM_GARBAGE;
    out->id = llm_json_word(llm_json_member(body, "id"));
    out->model = llm_json_word(llm_json_member(body, "model"));
    out->tier = tier_of(body);
    for (i = 0; i < n && !fault; i++)
        fault = read_block(&in, llm_json_element(content, i));
    if (!fault)
        read_stop(&in, body);
    return fault;
}

/* ---- writing ------------------------------------------------------------ */

typedef struct writing {
    llm_emit e;
    const llm_reply *reply;
    const char *id;
    apr_pool_t *p;
    int calls, refused;
} writing;

static void put_text(writing *w, const llm_part *part)
{
    const apr_array_header_t *list = part->citations;
    const llm_citation *citations = list ? (llm_citation *)list->elts : NULL;
    int i, opened = 0;

    w->refused |= part->kind == LLM_PART_REFUSAL;
    if (!part->text.len)
        return;
    llm_emit_object(&w->e, NULL);
    llm_emit_string(&w->e, "type", "text");
    llm_emit_text(&w->e, "text", part->text);
    for (i = 0; list && i < list->nelts; i++) {
        if (!citations[i].url)
            continue;
        if (!opened)
            llm_emit_array(&w->e, "citations");
        opened = 1;
        llm_anthropic_put_citation(&w->e, NULL, &citations[i]);
    }
    if (opened)
        llm_emit_end_array(&w->e);
    llm_emit_end_object(&w->e);
}

static void put_reasoning(writing *w, const llm_part *part)
{
    llm_emit_object(&w->e, NULL);
    if (part->redacted) {
        llm_emit_string(&w->e, "type", "redacted_thinking");
        llm_emit_text(&w->e, "data", part->text);
    }
    else {
        llm_emit_string(&w->e, "type", "thinking");
        llm_emit_text(&w->e, "thinking", part->text);
        llm_emit_string(&w->e, "signature",
                        part->signature ? part->signature : "");
    }
    llm_emit_end_object(&w->e);
}

/* Arguments that are no object are wrapped as Anthropic's manual advises. */
static void put_input(writing *w, const llm_part *part)
{
    llm_span input;

    if (llm_anthropic_input(part->text, &input)) {
        llm_emit_raw(&w->e, "input", input);
        return;
    }
    llm_emit_object(&w->e, "input");
    llm_emit_text(&w->e, "INVALID_JSON", part->text);
    llm_emit_end_object(&w->e);
}

static void put_call(writing *w, const llm_part *part)
{
    const char *id = part->id && *part->id ? part->id
                   : apr_psprintf(w->p, "call_%s_%d", w->id, w->calls);

    w->calls++;
    llm_emit_object(&w->e, NULL);
    llm_emit_string(&w->e, "type", "tool_use");
    llm_emit_string(&w->e, "id", llm_carry_pack(id, part->signature, NULL,
                                                w->p));
    llm_emit_string(&w->e, "name", part->name ? part->name : "");
    put_input(w, part);
    llm_emit_end_object(&w->e);
}

static void put_part(writing *w, const llm_part *part)
{
    if (part->kind == LLM_PART_TEXT || part->kind == LLM_PART_REFUSAL)
        put_text(w, part);
    else if (part->kind == LLM_PART_REASONING)
        put_reasoning(w, part);
    else if (part->kind == LLM_PART_CALL)
        put_call(w, part);
}

static void put_tier(writing *w, const char *tier)
{
    const char *word = tier && !strcmp(tier, "default") ? "standard" : tier;

    if (word && (!strcmp(word, "standard") || !strcmp(word, "priority")
                 || !strcmp(word, "batch")))
        llm_emit_string(&w->e, "service_tier", word);
    else
        llm_emit_null(&w->e, "service_tier");
}

static void put_choice(writing *w, const llm_answer_choice *choice)
{
    const int n = choice ? choice->parts->nelts : 0;
    int i;

    llm_emit_array(&w->e, "content");
    for (i = 0; i < n; i++)
        put_part(w, &((const llm_part *)choice->parts->elts)[i]);
    llm_emit_end_array(&w->e);
    llm_anthropic_put_stop(&w->e,
        llm_anthropic_reason(choice ? choice->finish : LLM_FINISH_NONE,
                             w->calls, w->refused),
        choice ? choice->sequence : NULL);
}

/* A client of this dialect asks for one choice. */
llm_fault llm_anthropic_write_reply(const llm_reply *reply,
                                    const llm_face *face, llm_buf *out,
                                    apr_pool_t *p)
{
    const llm_answer_choice *choices = (void *)reply->choices->elts;
    const char *model = reply->model ? reply->model : face->model;
    const size_t before = out->len;
    writing w = { .reply = reply, .p = p };

    w.id = reply->id ? reply->id : face->id ? face->id : "msg";
    llm_emit_begin(&w.e, out);
    llm_emit_object(&w.e, NULL);
    llm_emit_string(&w.e, "id", w.id);
    llm_emit_string(&w.e, "type", "message");
    llm_emit_string(&w.e, "role", "assistant");
    llm_emit_string(&w.e, "model", model ? model : "");
    put_choice(&w, reply->choices->nelts ? &choices[0] : NULL);
    llm_anthropic_put_usage(&w.e, &reply->usage);
    put_tier(&w, reply->tier);
    llm_emit_end_object(&w.e);
    llm_emit_end_object(&w.e);
    if (w.e.fault)
        out->len = before;
    return w.e.fault;
}
