/* A whole answer as Gemini writes it. */
#include "carry.h"
#include "gemini_answer.h"
#include <string.h>
#include <apr_strings.h>

#define SHOWN_MAX 1000          /* bytes of arguments in a sentence */

/* ---- the end ------------------------------------------------------------ */

const char *llm_gemini_malformed(const char *message, const char *name,
                                 llm_span arguments, apr_pool_t *p)
{
    const size_t n = arguments.len < SHOWN_MAX ? arguments.len : SHOWN_MAX;
    const char *shown = apr_pstrmemdup(p, arguments.at ? arguments.at : "", n);

    return apr_pstrcat(p, message ? message : "Malformed function call:",
                       " ", name ? name : "", "(", shown, ")", NULL);
}

void llm_gemini_put_end(llm_emit *e, const llm_gemini_end *end)
{
    static const char *const words[] = {
        [LLM_FINISH_NONE] = "OTHER", [LLM_FINISH_STOP] = "STOP",
        [LLM_FINISH_LENGTH] = "MAX_TOKENS", [LLM_FINISH_TOOLS] = "STOP",
        [LLM_FINISH_FILTER] = "SAFETY", [LLM_FINISH_SEQUENCE] = "STOP",
        [LLM_FINISH_PAUSE] = "OTHER", [LLM_FINISH_OTHER] = "OTHER"
    };
    const char *word = words[end->finish == LLM_FINISH_NONE && end->called
                             ? LLM_FINISH_TOOLS : end->finish];

    if (end->message && !strcmp(word, "STOP"))
        word = "MALFORMED_FUNCTION_CALL";
    llm_emit_string(e, "finishReason", word);
    llm_emit_string(e, "finishMessage", end->message);
}

/* ---- sources ------------------------------------------------------------ */

/* Google counts bytes, the inner form characters; -1 beyond the end. */
static long long bytes_of(llm_span text, long long chars)
{
    size_t i;

    for (i = 0; i < text.len; i++)
        if ((text.at[i] & 0xc0) != 0x80 && chars-- == 0)
            return (long long)i;
    return chars == 0 ? (long long)text.len : -1;
}

static void put_support(llm_emit *e, const llm_citation *citation, int index,
                        llm_span text)
{
    const long long start = bytes_of(text, citation->start);
    const long long end = bytes_of(text, citation->end);

    if (start < 0 || end < start)
        return;
    llm_emit_object(e, NULL);
    llm_emit_object(e, "segment");
    llm_emit_whole(e, "startIndex", start);
    llm_emit_whole(e, "endIndex", end);
    llm_emit_text(e, "text", (llm_span){ text.at + start, end - start });
    llm_emit_end_object(e);
    llm_emit_array(e, "groundingChunkIndices");
    llm_emit_whole(e, NULL, index);
    llm_emit_end_array(e);
    llm_emit_end_object(e);
}

void llm_gemini_put_sources(llm_emit *e, const apr_array_header_t *citations,
                            llm_span text)
{
    const llm_citation *list;
    int i;

    if (!citations || !citations->nelts)
        return;
    list = (const llm_citation *)citations->elts;
    llm_emit_object(e, "groundingMetadata");
    llm_emit_array(e, "groundingChunks");
    for (i = 0; i < citations->nelts; i++) {
        llm_emit_object(e, NULL);
        llm_emit_object(e, "web");
        llm_emit_string(e, "uri", list[i].url);
        llm_emit_string(e, "title", list[i].title);
        llm_emit_end_object(e);
        llm_emit_end_object(e);
    }
    llm_emit_end_array(e);
    if (text.at) {
        llm_emit_array(e, "groundingSupports");
        for (i = 0; i < citations->nelts; i++)
            if (list[i].start >= 0 && list[i].end >= list[i].start)
                put_support(e, &list[i], i, text);
        llm_emit_end_array(e);
    }
    llm_emit_end_object(e);
}

/* ---- a candidate -------------------------------------------------------- */

typedef struct answering {
    llm_emit *e;
    const llm_reply *reply;
    const llm_face *face;
    apr_pool_t *p;
    llm_gemini_end end;
    apr_array_header_t *reasoning;      /* before the first call */
    int choice, calls, parts;
} answering;

static const char *id_of(answering *a, const llm_part *part)
{
    const char *reply = a->reply->id ? a->reply->id
        : a->face->id ? a->face->id : "0";
    const char *id = part->id;

    if (!id || !*id)
        id = a->choice ? apr_psprintf(a->p, "call_%s_%d_%d", reply, a->choice,
                                      a->calls)
                       : apr_psprintf(a->p, "call_%s_%d", reply, a->calls);
    if (!a->calls++)
        id = llm_carry_pack(id, NULL, a->reasoning, a->p);
    return id;
}

static void put_call(answering *a, const llm_part *part)
{
    a->end.called = 1;
    if (!llm_gemini_is_object(part->text)) {
        a->end.message = llm_gemini_malformed(a->end.message, part->name,
                                              part->text, a->p);
        return;
    }
    llm_gemini_put_call(a->e, id_of(a, part), part->name, part->text,
                        part->signature);
    a->parts++;
}

static void put_reasoning(answering *a, const llm_part *part)
{
    *llm_parts_add(a->reasoning, part->kind) = *part;
    if (part->redacted || !part->text.len)
        return;
    llm_gemini_put_text(a->e, part->text, 1, NULL);
    a->parts++;
}

static void put_part(answering *a, const llm_part *part)
{
    switch (part->kind) {
    case LLM_PART_REFUSAL:
        a->end.finish = LLM_FINISH_FILTER;
        /* fall through */
    case LLM_PART_TEXT:
        if (!part->text.len && !part->signature)
            break;
        llm_gemini_put_text(a->e, part->text, 0, part->signature);
        a->parts++;
        break;
    case LLM_PART_REASONING:
        put_reasoning(a, part);
        break;
    case LLM_PART_CALL:
        put_call(a, part);
        break;
    case LLM_PART_RESULT:
        break;
    default:
        a->parts += llm_gemini_put_media(a->e, part, 1);
    }
}

static const llm_part *cited(const llm_answer_choice *choice)
{
    const llm_part *parts = (const llm_part *)choice->parts->elts;
    int i;

    for (i = 0; i < choice->parts->nelts; i++)
        if (parts[i].citations && parts[i].citations->nelts)
            return &parts[i];
    return NULL;
}

/* Supports name the part that they count in only when it is not the first;
 * sources of several parts are told without places. */
static void put_citations(answering *a, const llm_answer_choice *choice)
{
    const llm_part *parts = (const llm_part *)choice->parts->elts;
    const llm_part *first = cited(choice);
    apr_array_header_t *all;
    int i, alone = 1;

    if (!first)
        return;
    all = apr_array_make(a->p, 4, sizeof(llm_citation));
    for (i = 0; i < choice->parts->nelts; i++) {
        alone &= &parts[i] == first || parts[i].kind != LLM_PART_TEXT;
        if (parts[i].citations)
            apr_array_cat(all, parts[i].citations);
    }
    llm_gemini_put_sources(a->e, all, alone ? first->text
                                            : (llm_span){ NULL, 0 });
}

static void put_candidate(answering *a, const llm_answer_choice *choice)
{
    int i;

    a->end = (llm_gemini_end){ .finish = choice->finish };
    a->reasoning = llm_parts_make(a->p);
    a->calls = a->parts = 0;
    llm_emit_object(a->e, NULL);
    llm_emit_object(a->e, "content");
    llm_emit_string(a->e, "role", "model");
    llm_emit_array(a->e, "parts");
    for (i = 0; i < choice->parts->nelts; i++)
        put_part(a, &((llm_part *)choice->parts->elts)[i]);
    if (!a->parts)
        llm_gemini_put_text(a->e, (llm_span){ "", 0 }, 0, NULL);
    llm_emit_end_array(a->e);
    llm_emit_end_object(a->e);
    llm_gemini_put_end(a->e, &a->end);
    llm_emit_whole(a->e, "index", a->choice);
    put_citations(a, choice);
    llm_gemini_put_logprobs(a->e, choice->logprobs, a->p);
    llm_emit_end_object(a->e);
}

llm_fault llm_gemini_write_reply(const llm_reply *reply, const llm_face *face,
                                 llm_buf *out, apr_pool_t *p)
{
    const size_t before = out->len;
    llm_emit e;
    answering a = { .e = &e, .reply = reply, .face = face, .p = p };
    const llm_answer_choice none = { .parts = llm_parts_make(p) };

    llm_emit_begin(&e, out);
    llm_emit_object(&e, NULL);
    llm_emit_array(&e, "candidates");
    for (a.choice = 0; a.choice < reply->choices->nelts; a.choice++)
        put_candidate(&a, &APR_ARRAY_IDX(reply->choices, a.choice,
                                         llm_answer_choice));
    if (!reply->choices->nelts)         /* clients look at the first */
        put_candidate(&a, &none);
    llm_emit_end_array(&e);
    llm_gemini_put_usage(&e, &reply->usage);
    llm_emit_string(&e, "modelVersion", reply->model ? reply->model
                                                     : face->model);
    llm_emit_string(&e, "responseId", reply->id ? reply->id : face->id);
    llm_emit_end_object(&e);
    if (e.fault)
        out->len = before;
    return e.fault;
}
