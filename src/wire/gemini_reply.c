/* Gemini's answers, whole and in pieces, read into the inner form. */
#include "gemini.h"
#include <limits.h>
#include <string.h>
#include <apr_strings.h>

#define CHOICES_MAX 64          /* candidates that are told apart */

/* ---- why it ended ------------------------------------------------------- */

/* A call ends with STOP; aimock has a word of its own for it. What is not
 * here is OTHER. */
static const struct {
    const char *word;
    llm_finish finish;
} finishes[] = {
    { "STOP", LLM_FINISH_STOP },
    { "FUNCTION_CALL", LLM_FINISH_TOOLS },
    { "MAX_TOKENS", LLM_FINISH_LENGTH },
    { "SAFETY", LLM_FINISH_FILTER },
    { "RECITATION", LLM_FINISH_FILTER },
    { "BLOCKLIST", LLM_FINISH_FILTER },
    { "PROHIBITED_CONTENT", LLM_FINISH_FILTER },
    { "SPII", LLM_FINISH_FILTER },
    { "IMAGE_SAFETY", LLM_FINISH_FILTER },
    { "IMAGE_PROHIBITED_CONTENT", LLM_FINISH_FILTER },
    { "IMAGE_RECITATION", LLM_FINISH_FILTER },
    { "MODEL_ARMOR", LLM_FINISH_FILTER },
    { "FINISH_REASON_UNSPECIFIED", LLM_FINISH_NONE },
};

static llm_finish finish_of(const llm_json *candidate, int called)
{
    const char *word = llm_json_word(llm_gemini_member(candidate,
                                                       "finishReason"));
    llm_finish finish = word && *word ? LLM_FINISH_OTHER : LLM_FINISH_NONE;
    size_t i;

    for (i = 0; word && i < sizeof finishes / sizeof *finishes; i++)
        if (!strcmp(word, finishes[i].word))
            finish = finishes[i].finish;
    return finish == LLM_FINISH_STOP && called ? LLM_FINISH_TOOLS : finish;
}

static int is_blocked(const llm_json *body)
{
    return llm_gemini_member(llm_gemini_member(body, "promptFeedback"),
                             "blockReason") != NULL;
}

/* ---- candidates as deltas ----------------------------------------------- */

/* Whole answers are read the same way, into parts instead of deltas. */
typedef struct hearing {
    llm_delta_fn each;
    void *baton;
    llm_delta delta;            /* choice is set */
    const char *reply_id;
    int *calls;                 /* so far, of the choice */
    apr_pool_t *p;
} hearing;

static llm_fault tell(hearing *h, llm_delta_kind kind)
{
    const int choice = h->delta.choice, call = h->delta.call;
    llm_fault fault;

    h->delta.kind = kind;
    fault = h->each(h->baton, &h->delta);
    memset(&h->delta, 0, sizeof h->delta);
    h->delta.choice = choice;
    h->delta.call = call;
    return fault;
}

static const char *call_id(const hearing *h)
{
    const char *reply = h->reply_id && *h->reply_id ? h->reply_id : "0";

    return h->delta.choice
        ? apr_psprintf(h->p, "call_%s_%d_%d", reply, h->delta.choice,
                       *h->calls)
        : apr_psprintf(h->p, "call_%s_%d", reply, *h->calls);
}

static llm_fault hear_call(hearing *h, const llm_json *part,
                           const llm_json *call)
{
    const llm_json *args = llm_gemini_member(call, "args");
    llm_fault fault;

    h->delta.name = llm_json_word(llm_gemini_member(call, "name"));
    if (!h->delta.name)
        return LLM_GARBAGE;
    h->delta.id = llm_json_word(llm_gemini_member(call, "id"));
    if (!h->delta.id || !*h->delta.id)
        h->delta.id = call_id(h);
    h->delta.signature = llm_json_word(llm_gemini_member(part,
                                                         "thoughtSignature"));
    h->delta.call = (*h->calls)++;
    fault = tell(h, LLM_DELTA_CALL);
    if (fault)
        return fault;
    h->delta.text = args ? llm_json_text(args, h->p)
                         : (llm_span){ "{}", 2 };
    return tell(h, LLM_DELTA_ARGUMENTS);
}

static llm_fault hear_media(hearing *h, const llm_json *blob)
{
    const char *media = llm_json_word(llm_gemini_member(blob, "mimeType"));

    h->delta.text = llm_json_span(llm_gemini_member(blob, "data"));
    if (!media || !h->delta.text.len)
        return LLM_OK;
    h->delta.name = media;
    return tell(h, LLM_DELTA_MEDIA);
}

static llm_fault hear_part(hearing *h, const llm_json *part)
{
    const llm_json *blob = llm_gemini_member(part, "inlineData");
    const llm_json *call = llm_gemini_member(part, "functionCall");
    const llm_span text = llm_json_span(llm_gemini_member(part, "text"));
    const int thought = llm_json_is_true(llm_gemini_member(part, "thought"));

    if (call)
        return hear_call(h, part, call);
    if (blob)
        return hear_media(h, blob);
    if (!text.len)
        return LLM_OK;
    h->delta.text = text;
    return tell(h, thought ? LLM_DELTA_REASONING : LLM_DELTA_TEXT);
}

static llm_fault cite(hearing *h, const llm_citation *citation)
{
    h->delta.citation = citation;
    return tell(h, LLM_DELTA_CITATION);
}

/* ---- sources ------------------------------------------------------------ */

static int read_source(const llm_json *chunk, llm_citation *out)
{
    static const char *const kinds[] = { "web", "retrievedContext", "maps" };
    const llm_json *source = NULL;
    size_t i;

    for (i = 0; !source && i < sizeof kinds / sizeof *kinds; i++)
        source = llm_gemini_member(chunk, kinds[i]);
    memset(out, 0, sizeof *out);
    out->start = out->end = -1;
    out->url = llm_json_word(llm_gemini_member(source, "uri"));
    out->title = llm_json_word(llm_gemini_member(source, "title"));
    return out->url != NULL;
}

/* Where the source supports the text is counted in bytes of one part, of
 * which the pieces of a stream know nothing: the sources are told alone. */
static llm_fault hear_sources(hearing *h, const llm_json *candidate)
{
    const llm_json *chunks = llm_gemini_member(
        llm_gemini_member(candidate, "groundingMetadata"), "groundingChunks");
    const llm_json *cited = llm_gemini_member(candidate, "citationMetadata");
    const llm_json *sources = llm_gemini_member(cited, "citationSources");
    llm_citation citation;
    llm_fault fault = LLM_OK;
    size_t i;

    for (i = 0; !fault && i < llm_json_count(chunks); i++)
        if (read_source(llm_json_element(chunks, i), &citation))
            fault = cite(h, &citation);
    if (!sources)
        sources = llm_gemini_member(cited, "citations");
    for (i = 0; !fault && i < llm_json_count(sources); i++) {
        const llm_json *one = llm_json_element(sources, i);

        memset(&citation, 0, sizeof citation);
        citation.start = citation.end = -1;
        citation.url = llm_json_word(llm_gemini_member(one, "uri"));
        citation.title = llm_json_word(llm_gemini_member(one, "title"));
        if (citation.url)
            fault = cite(h, &citation);
    }
    return fault;
}

static llm_fault hear_candidate(hearing *h, const llm_json *candidate)
{
    const llm_json *content = llm_gemini_member(candidate, "content");
    const llm_json *parts = llm_gemini_member(content, "parts");
    const llm_json *chances = llm_gemini_member(candidate, "logprobsResult");
    llm_fault fault = LLM_OK;
    size_t i;

    for (i = 0; !fault && i < llm_json_count(parts); i++)
        fault = hear_part(h, llm_json_element(parts, i));
    if (!fault)
        fault = hear_sources(h, candidate);
    if (!fault && chances) {
        h->delta.text = llm_gemini_read_logprobs(chances, h->p);
        if (h->delta.text.len)
            fault = tell(h, LLM_DELTA_LOGPROBS);
    }
    return fault;
}

/* Which choice a candidate is of; -1 if that makes no sense. */
static int index_of(const llm_json *candidate, size_t place)
{
    const llm_json *said = llm_gemini_member(candidate, "index");
    long long index = (long long)place;

    if (llm_json_kind_of(candidate) != LLM_JSON_OBJECT
        || (said && !llm_gemini_is_whole(said, &index))
        || index < 0 || index >= CHOICES_MAX)
        return -1;
    return (int)index;
}

/* ---- an event of a stream ----------------------------------------------- */

typedef struct reader {
    int begun;
    const char *id;
    int calls[CHOICES_MAX];
    char finished[CHOICES_MAX];
} reader;

_Static_assert(sizeof(reader) <= LLM_GEMINI_READER, "room for a reader");

static llm_fault hear_begin(reader *r, hearing *h, const llm_json *event,
                            apr_pool_t *keep)
{
    const char *id = llm_json_word(llm_gemini_member(event, "responseId"));

    if (!r->begun) {
        r->id = id ? apr_pstrdup(keep, id) : NULL;
        r->begun = 1;
        h->delta.id = id;
        h->delta.model = llm_json_word(llm_gemini_member(event,
                                                         "modelVersion"));
        h->reply_id = r->id;
        return tell(h, LLM_DELTA_BEGIN);
    }
    h->reply_id = r->id;
    return LLM_OK;
}

static llm_fault hear_finish(reader *r, hearing *h, llm_finish finish)
{
    if (finish == LLM_FINISH_NONE || r->finished[h->delta.choice])
        return LLM_OK;
    r->finished[h->delta.choice] = 1;
    h->delta.finish = finish;
    return tell(h, LLM_DELTA_FINISH);
}

llm_fault llm_gemini_read_piece(void *state, const llm_json *event,
                                llm_delta_fn each, void *baton, apr_pool_t *p,
                                apr_pool_t *keep)
{
    reader *r = state;
    const llm_json *candidates = llm_gemini_member(event, "candidates");
    hearing h = { .each = each, .baton = baton, .p = p };
    llm_fault fault = hear_begin(r, &h, event, keep);
    size_t i;

    for (i = 0; !fault && i < llm_json_count(candidates); i++) {
        const llm_json *candidate = llm_json_element(candidates, i);
        const int index = index_of(candidate, i);

        if (index < 0)
            return LLM_GARBAGE;
        h.delta.choice = index;
        h.calls = &r->calls[index];
        fault = hear_candidate(&h, candidate);
        if (!fault)
            fault = hear_finish(r, &h, finish_of(candidate, *h.calls));
    }
    if (!fault && !i && is_blocked(event)) {
        h.delta.choice = 0;
        fault = hear_finish(r, &h, LLM_FINISH_FILTER);
    }
    return fault;
}

/* ---- a whole answer ----------------------------------------------------- */

typedef struct whole {
    llm_answer_choice *choice;
    apr_pool_t *p;
} whole;

static llm_part *last_part(const whole *w, llm_part_kind kind)
{
    const apr_array_header_t *parts = w->choice->parts;
    int i;

    for (i = parts->nelts; i-- > 0;)
        if (((llm_part *)parts->elts)[i].kind == kind)
            return &((llm_part *)parts->elts)[i];
    return NULL;
}

static void add_citation(whole *w, const llm_citation *citation)
{
    llm_part *text = last_part(w, LLM_PART_TEXT);

    if (!text)
        return;
    if (!text->citations)
        text->citations = apr_array_make(w->p, 2, sizeof(llm_citation));
    APR_ARRAY_PUSH(text->citations, llm_citation) = *citation;
}

static llm_fault gather(void *baton, const llm_delta *delta)
{
    whole *w = baton;
    llm_part *part;

    switch (delta->kind) {
    case LLM_DELTA_TEXT:
    case LLM_DELTA_REASONING:
        part = llm_parts_add(w->choice->parts,
                             delta->kind == LLM_DELTA_TEXT
                             ? LLM_PART_TEXT : LLM_PART_REASONING);
        part->text = delta->text;
        break;
    case LLM_DELTA_CALL:
        part = llm_parts_add(w->choice->parts, LLM_PART_CALL);
        part->id = delta->id;
        part->name = delta->name;
        part->signature = delta->signature;
        part->text.at = "";
        break;
    case LLM_DELTA_ARGUMENTS:
        last_part(w, LLM_PART_CALL)->text = delta->text;
        break;
    case LLM_DELTA_MEDIA:
        part = llm_parts_add(w->choice->parts, LLM_PART_TEXT);
        *part = llm_media_part(delta);
        break;
    case LLM_DELTA_CITATION:
        add_citation(w, delta->citation);
        break;
    case LLM_DELTA_LOGPROBS:
        w->choice->logprobs = delta->text;
        break;
    default:
        break;
    }
    return LLM_OK;
}

/* The signatures of words are only in whole answers: no piece of a stream has
 * a place for them. */
static void sign_text(whole *w, const llm_json *parts)
{
    const llm_json *last = llm_json_element(parts, llm_json_count(parts) - 1);
    llm_part *text = last_part(w, LLM_PART_TEXT);

    if (text && llm_gemini_member(last, "text"))
        text->signature = llm_json_word(llm_gemini_member(
            last, "thoughtSignature"));
}

static llm_fault read_choice(const llm_json *candidate, const char *id,
                             int index, llm_reply *out, apr_pool_t *p)
{
    whole w = { llm_reply_choice(out, p), p };
    const llm_json *parts = llm_gemini_member(
        llm_gemini_member(candidate, "content"), "parts");
    int calls = 0;
    hearing h = { .each = gather, .baton = &w, .reply_id = id, .p = p,
                  .calls = &calls };
    llm_fault fault;

    h.delta.choice = index;
    fault = hear_candidate(&h, candidate);
    if (fault)
        return fault;
    if (llm_json_count(parts))
        sign_text(&w, parts);
    w.choice->finish = finish_of(candidate, calls);
    if (w.choice->finish == LLM_FINISH_NONE && calls)
        w.choice->finish = LLM_FINISH_TOOLS;
    return LLM_OK;
}

llm_fault llm_gemini_read_reply(const llm_json *body, llm_reply *out,
                                apr_pool_t *p)
{
    const llm_json *candidates = llm_gemini_member(body, "candidates");
    size_t i, n = llm_json_count(candidates);
    llm_fault fault = LLM_OK;

    if (llm_json_kind_of(body) != LLM_JSON_OBJECT
        || (candidates && llm_json_kind_of(candidates) != LLM_JSON_ARRAY)
        || n > CHOICES_MAX)
        return LLM_GARBAGE;
    out->id = llm_json_word(llm_gemini_member(body, "responseId"));
    out->model = llm_json_word(llm_gemini_member(body, "modelVersion"));
    for (i = 0; !fault && i < n; i++) {
        const llm_json *one = llm_json_element(candidates, i);

        fault = index_of(one, i) < 0 ? LLM_GARBAGE
            : read_choice(one, out->id, (int)i, out, p);
    }
    if (!fault && !n)           /* the prompt was refused, or nothing made */
        llm_reply_choice(out, p)->finish = is_blocked(body)
            ? LLM_FINISH_FILTER : LLM_FINISH_OTHER;
    return fault;
}
