/* An answer told as deltas by chance, and deltas gathered into an answer;
 * part of chat_rig.h.
 *
 *     rig_tell(&rig, reply, RIG_NO_BEGIN, each, baton);
 *     gather.reply = llm_reply_make(p), gather.pool = p;
 *     ... each delta read: rig_gather(&gather, delta)
 *     rig_choices_differ(reply, gather.reply, p)
 */
#ifndef LLM_CHAT_RIG_STREAM_H
#define LLM_CHAT_RIG_STREAM_H

#include "chat_rig.h"
#include "../../src/base/text.h"

/* How a stream may be told. */
enum {
    RIG_NO_BEGIN = 1, RIG_NO_FINISH = 2, RIG_NO_USAGE = 4,
    RIG_WOVEN_CALLS = 8         /* arguments of a choice's calls interleave */
};

/* Where in its choice a teller is. */
typedef struct rig_place {
    int part;                   /* the first that is not told yet */
    int call;                   /* how many calls began */
    size_t told[64];            /* bytes of each part */
    int begun[64];              /* a call was told */
    int finished;
} rig_place;

static size_t rig_piece(rig *r, llm_span text, size_t from)
{
    size_t n = 1 + rig_below(r, 8), most = text.len - from;

    for (n = n < most ? n : most; n < most; n++)
        if ((text.at[from + n] & 0xc0) != 0x80)
            break;
    return n;
}

static int rig_call_number(const llm_part *parts, int part)
{
    int n = 0;

    while (part--)
        n += parts[part].kind == LLM_PART_CALL;
    return n;
}

/* One delta of part `at`; 1 once it is all told. */
static llm_fault rig_tell_part(rig *r, rig_place *place, int choice,
                               const llm_part *parts, int at, int *whole,
                               llm_delta_fn each, void *baton)
{
    const llm_part *part = &parts[at];
    const llm_span text = part->text;
    llm_delta delta = { .choice = choice };
    size_t *told = &place->told[at];
    const int cited = part->citations && part->citations->nelts;

    if (part->kind == LLM_PART_CALL) {
        delta.call = rig_call_number(parts, at);
        if (!place->begun[at]) {
            delta.kind = LLM_DELTA_CALL;
            delta.id = part->id;
            delta.name = part->name;
            delta.signature = part->signature;
            place->begun[at] = 1;
            *whole = !text.len;
            return each(baton, &delta);
        }
    }
    if (*told < text.len && !part->redacted) {
        const size_t n = rig_piece(r, text, *told);

        delta.kind = part->kind == LLM_PART_CALL ? LLM_DELTA_ARGUMENTS
            : part->kind == LLM_PART_REFUSAL ? LLM_DELTA_REFUSAL
            : part->kind == LLM_PART_REASONING ? LLM_DELTA_REASONING
            : LLM_DELTA_TEXT;
        delta.text = (llm_span){ text.at + *told, n };
        *told += n;
        *whole = *told == text.len && !cited && !part->signature;
        if (part->kind == LLM_PART_CALL)
            *whole = *told == text.len;
        return each(baton, &delta);
    }
    *whole = 1;
    if (part->redacted) {
        delta.kind = LLM_DELTA_REDACTED;
        delta.text = text;
    }
    else if (cited) {
        delta.kind = LLM_DELTA_CITATION;
        delta.citation = (llm_citation *)part->citations->elts;
    }
    else {
        delta.kind = LLM_DELTA_SIGNATURE;
        delta.signature = part->signature;
    }
    return each(baton, &delta);
}

static llm_fault rig_tell_finish(const llm_answer_choice *choice, int index,
                                 int how, llm_delta_fn each, void *baton)
{
    llm_delta delta = { .choice = index };
    llm_fault fault = LLM_OK;

    if (choice->logprobs.len) {
        delta.kind = LLM_DELTA_LOGPROBS;
        delta.text = choice->logprobs;
        fault = each(baton, &delta);
    }
    if (fault || how & RIG_NO_FINISH)
        return fault;
    delta.kind = LLM_DELTA_FINISH;
    delta.text = (llm_span){ NULL, 0 };
    delta.finish = choice->finish;
    delta.sequence = choice->sequence;
    return each(baton, &delta);
}

/* One step of a choice. */
static llm_fault rig_tell_choice(rig *r, rig_place *place, int index,
                                 const llm_answer_choice *choice, int how,
                                 llm_delta_fn each, void *baton)
{
    const llm_part *parts = (const llm_part *)choice->parts->elts;
    const int n = choice->parts->nelts;
    int at = place->part, whole = 0;
    llm_fault fault;

    while (at < n && place->begun[at] == 2)
        at = ++place->part;
    if (at == n) {
        place->finished = 1;
        return rig_tell_finish(choice, index, how, each, baton);
    }
    if (how & RIG_WOVEN_CALLS && parts[at].kind == LLM_PART_CALL
        && place->begun[at]) {
        const int other = at + rig_below(r, n - at);

        if (parts[other].kind == LLM_PART_CALL && place->begun[other] != 2
            && (other == at || place->begun[other - 1]))
            at = other;
    }
    fault = rig_tell_part(r, place, index, parts, at, &whole, each, baton);
    if (whole)
        place->begun[at] = 2;
    return fault;
}

static llm_fault rig_tell_choices(rig *r, const llm_reply *reply, int how,
                                  llm_delta_fn each, void *baton)
{
    const llm_answer_choice *choices
        = (const llm_answer_choice *)reply->choices->elts;
    const int n = reply->choices->nelts;
    rig_place *places = apr_pcalloc(r->pool, n * sizeof *places);
    llm_fault fault = LLM_OK;
    int left = n;

    while (left && !fault) {
        const int i = rig_below(r, n);

        if (places[i].finished)
            continue;
        fault = rig_tell_choice(r, &places[i], i, &choices[i], how, each,
                                baton);
        left -= places[i].finished;
    }
    return fault;
}

/* The whole answer, BEGIN to END. */
RIG_UNUSED static llm_fault rig_tell(rig *r, const llm_reply *reply, int how,
                                     llm_delta_fn each, void *baton)
{
    llm_delta delta = { .kind = LLM_DELTA_BEGIN, .id = reply->id,
                        .model = reply->model };
    llm_fault fault = how & RIG_NO_BEGIN ? LLM_OK : each(baton, &delta);

    if (!fault)
        fault = rig_tell_choices(r, reply, how, each, baton);
    memset(&delta, 0, sizeof delta);
    delta.usage = &reply->usage;
    delta.kind = LLM_DELTA_USAGE;
    if (!fault && !(how & RIG_NO_USAGE))
        fault = each(baton, &delta);
    delta.usage = NULL;
    delta.kind = LLM_DELTA_END;
    return fault ? fault : each(baton, &delta);
}

/* ---- gathering ---------------------------------------------------------- */

typedef struct rig_gathered {
    llm_reply *reply;
    apr_pool_t *pool;
    int begun, ended, usages;
    const char *wrong;          /* the first thing that no reader may tell */
} rig_gathered;

static void rig_append(llm_span *to, llm_span text, apr_pool_t *p)
{
    char *all = apr_palloc(p, to->len + text.len + 1);

    if (to->len)
        memcpy(all, to->at, to->len);
    if (text.len)
        memcpy(all + to->len, text.at, text.len);
    *to = (llm_span){ all, to->len + text.len };
}

static llm_part *rig_last(llm_answer_choice *choice)
{
    return choice->parts->nelts
        ? &((llm_part *)choice->parts->elts)[choice->parts->nelts - 1] : NULL;
}

static llm_part *rig_last_of(llm_answer_choice *choice, llm_part_kind kind)
{
    llm_part *part = rig_last(choice);

    return part && part->kind == kind && !part->redacted
        && (kind != LLM_PART_REASONING || !part->signature)
        ? part : llm_parts_add(choice->parts, kind);
}

static llm_part *rig_find_call(llm_answer_choice *choice, int call)
{
    llm_part *parts = (llm_part *)choice->parts->elts;

    for (int i = 0; i < choice->parts->nelts; i++)
        if (parts[i].kind == LLM_PART_CALL && !call--)
            return &parts[i];
    return NULL;
}

static void rig_gather_call(rig_gathered *in, llm_answer_choice *choice,
                            const llm_delta *delta)
{
    llm_part *part = rig_find_call(choice, delta->call);

    if (delta->kind == LLM_DELTA_ARGUMENTS) {
        if (part)
            rig_append(&part->text, delta->text, in->pool);
        else
            in->wrong = "arguments of a call that never began";
        return;
    }
    if (part)
        in->wrong = "a call that began twice";
    part = llm_parts_add(choice->parts, LLM_PART_CALL);
    part->id = delta->id ? apr_pstrdup(in->pool, delta->id) : NULL;
    part->name = delta->name ? apr_pstrdup(in->pool, delta->name) : NULL;
    part->signature = delta->signature
        ? apr_pstrdup(in->pool, delta->signature) : NULL;
}

static void rig_gather_citation(rig_gathered *in, llm_answer_choice *choice,
                                const llm_citation *citation)
{
    llm_part *part = rig_last_of(choice, LLM_PART_TEXT);
    llm_citation *copy;

    if (!part->citations)
        part->citations = apr_array_make(in->pool, 1, sizeof *copy);
    copy = apr_array_push(part->citations);
    *copy = *citation;
    copy->url = citation->url ? apr_pstrdup(in->pool, citation->url) : NULL;
    copy->title = citation->title ? apr_pstrdup(in->pool, citation->title)
                                  : NULL;
    copy->quote = (llm_span){ NULL, 0 };
    rig_append(&copy->quote, citation->quote, in->pool);
}

static void rig_gather_choice(rig_gathered *in, llm_answer_choice *choice,
                              const llm_delta *delta)
{
    llm_part *part;

    switch (delta->kind) {
    case LLM_DELTA_TEXT:
        part = rig_last_of(choice, LLM_PART_TEXT);
        rig_append(&part->text, delta->text, in->pool);
        break;
    case LLM_DELTA_REFUSAL:
        part = rig_last_of(choice, LLM_PART_REFUSAL);
        rig_append(&part->text, delta->text, in->pool);
        break;
    case LLM_DELTA_REASONING:
        part = rig_last_of(choice, LLM_PART_REASONING);
        rig_append(&part->text, delta->text, in->pool);
        break;
    case LLM_DELTA_SIGNATURE:
        part = rig_last_of(choice, LLM_PART_REASONING);
        part->signature = apr_pstrdup(in->pool, delta->signature);
        break;
    case LLM_DELTA_REDACTED:
        part = llm_parts_add(choice->parts, LLM_PART_REASONING);
        rig_append(&part->text, delta->text, in->pool);
        part->redacted = 1;
        break;
    case LLM_DELTA_CALL:
    case LLM_DELTA_ARGUMENTS:
        rig_gather_call(in, choice, delta);
        break;
    case LLM_DELTA_CITATION:
        rig_gather_citation(in, choice, delta->citation);
        break;
    case LLM_DELTA_LOGPROBS:
        rig_append(&choice->logprobs, delta->text, in->pool);
        break;
    case LLM_DELTA_FINISH:
        if (choice->finish)
            in->wrong = "a second finish";
        choice->finish = delta->finish;
        choice->sequence = delta->sequence
            ? apr_pstrdup(in->pool, delta->sequence) : NULL;
        break;
    default:
        in->wrong = "an unknown delta";
    }
}

/* An llm_delta_fn; the baton is a rig_gathered. */
RIG_UNUSED static llm_fault rig_gather(void *baton, const llm_delta *delta)
{
    rig_gathered *in = baton;
    llm_reply *reply = in->reply;

    if (in->ended)
        in->wrong = "a delta after the end";
    if (delta->kind == LLM_DELTA_BEGIN) {
        if (in->begun++)
            in->wrong = "a second beginning";
        reply->id = delta->id ? apr_pstrdup(in->pool, delta->id) : NULL;
        reply->model = delta->model ? apr_pstrdup(in->pool, delta->model)
                                    : NULL;
    }
    else if (delta->kind == LLM_DELTA_USAGE) {
        reply->usage = *delta->usage;
        in->usages++;
    }
    else if (delta->kind == LLM_DELTA_END)
        in->ended = 1;
    else if (delta->kind != LLM_DELTA_PING) {
        if (delta->choice < 0 || delta->choice > 200) {
            in->wrong = "an impossible choice";
            return LLM_OK;
        }
        while (reply->choices->nelts <= delta->choice)
            llm_reply_choice(reply, in->pool);
        rig_gather_choice(in, &((llm_answer_choice *)reply->choices->elts)
                          [delta->choice], delta);
    }
    return LLM_OK;
}

#endif
