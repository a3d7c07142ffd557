/* The events of an Anthropic stream, read as deltas. */
#include "anthropic.h"
#include <apr_strings.h>
#include <string.h>

#define OPEN_MOST 8             /* blocks open at once; the API has one */

typedef enum block_kind {
    BLOCK_NONE, BLOCK_TEXT, BLOCK_THINKING, BLOCK_CALL, BLOCK_OTHER
} block_kind;

typedef struct block {
    block_kind kind;
    int call;                   /* of a call, from 0 */
    long long index;            /* as the provider counts */
} block;

typedef struct state {
    block open[OPEN_MOST];
    const char *id;             /* the message's */
    int calls;                  /* so far */
    int begun, finished;
} state;

_Static_assert(sizeof(state) <= LLM_ANTHROPIC_READER, "reader_size");

typedef struct reading {
    state *s;
    const llm_json *event;
    llm_delta_fn each;
    void *baton;
    apr_pool_t *p, *keep;
} reading;

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

/* ---- blocks ------------------------------------------------------------- */

static block *free_block(const reading *in)
{
    int i;

    for (i = 0; i < OPEN_MOST; i++)
        if (in->s->open[i].kind == BLOCK_NONE)
            return &in->s->open[i];
    return NULL;
}

static int index_of(const reading *in, long long *index)
{
    return llm_json_whole(llm_json_member(in->event, "index"), index);
}

/* The open one that the event is about; NULL. */
static block *this_block(const reading *in)
{
    block *open = in->s->open;
    long long index;
    int i;

    if (!index_of(in, &index))
        return NULL;
    for (i = 0; i < OPEN_MOST; i++)
        if (open[i].kind != BLOCK_NONE && open[i].index == index)
            return &open[i];
    return NULL;
}

static llm_fault start_call(const reading *in, const llm_json *content,
                            block *b)
{
    const llm_json *input = llm_json_member(content, "input");
    const char *id = llm_json_word(llm_json_member(content, "id"));
    llm_delta delta = { .kind = LLM_DELTA_CALL, .call = in->s->calls };
    llm_fault fault;

    delta.name = llm_json_word(llm_json_member(content, "name"));
    if (!delta.name)
        return LLM_GARBAGE;
    delta.id = id && *id ? id
             : apr_psprintf(in->p, "call_%s_%d",
                            in->s->id ? in->s->id : "", in->s->calls);
    b->call = in->s->calls++;
    fault = tell(in, &delta);
    if (fault || !llm_json_count(input))
        return fault;
    delta = (llm_delta){ .kind = LLM_DELTA_ARGUMENTS, .call = b->call };
    delta.text = llm_json_text(input, in->p);
    return tell(in, &delta);
}

static llm_fault sign(const reading *in, const char *signature)
{
    const llm_delta delta = {
        .kind = LLM_DELTA_SIGNATURE, .signature = signature
    };

    return signature && *signature ? tell(in, &delta) : LLM_OK;
}

static llm_fault start_thinking(const reading *in, const llm_json *content)
{
    llm_fault fault = tell_text(in, LLM_DELTA_REASONING,
        llm_json_span(llm_json_member(content, "thinking")));

    return fault ? fault
                 : sign(in, llm_json_word(llm_json_member(content,
                                                          "signature")));
}

static llm_fault start_block(const reading *in)
{
    const llm_json *content = llm_json_member(in->event, "content_block");
    const char *type = llm_json_word(llm_json_member(content, "type"));
    block *b = free_block(in);
    long long index;

    if (!type || !b || !index_of(in, &index))
        return LLM_GARBAGE;
    if (!strcmp(type, "tool_use")
        && !llm_json_word(llm_json_member(content, "name")))
        return LLM_GARBAGE;
    b->index = index;
    b->kind = BLOCK_OTHER;
    if (!strcmp(type, "text")) {
        b->kind = BLOCK_TEXT;
        return tell_text(in, LLM_DELTA_TEXT,
                         llm_json_span(llm_json_member(content, "text")));
    }
    if (!strcmp(type, "thinking")) {
        b->kind = BLOCK_THINKING;
        return start_thinking(in, content);
    }
    if (!strcmp(type, "redacted_thinking"))
        return tell_text(in, LLM_DELTA_REDACTED,
                         llm_json_span(llm_json_member(content, "data")));
    if (strcmp(type, "tool_use"))
        return LLM_OK;
    b->kind = BLOCK_CALL;
    return start_call(in, content, b);
}

static llm_fault stop_block(const reading *in)
{
    block *b = this_block(in);

    if (!b)
        return LLM_GARBAGE;
    b->kind = BLOCK_NONE;
    return LLM_OK;
}

/* ---- deltas ------------------------------------------------------------- */

static llm_fault arguments(const reading *in, const block *b,
                           const llm_json *delta)
{
    llm_delta piece = { .kind = LLM_DELTA_ARGUMENTS, .call = b->call };

    piece.text = llm_json_span(llm_json_member(delta, "partial_json"));
    if (b->kind != BLOCK_CALL || !piece.text.len)
        return LLM_OK;
    return tell(in, &piece);
}

static llm_fault citation(const reading *in, const llm_json *delta)
{
    llm_citation source;
    const llm_delta piece = {
        .kind = LLM_DELTA_CITATION, .citation = &source
    };

    if (!llm_anthropic_read_citation(llm_json_member(delta, "citation"),
                                     &source, in->p))
        return LLM_OK;
    return tell(in, &piece);
}

static llm_fault block_delta(const reading *in)
{
    const llm_json *delta = llm_json_member(in->event, "delta");
    const char *type = llm_json_word(llm_json_member(delta, "type"));
    const block *b = this_block(in);

    if (!type || !b)
        return LLM_GARBAGE;
    if (!strcmp(type, "text_delta") && b->kind == BLOCK_TEXT)
        return tell_text(in, LLM_DELTA_TEXT,
                         llm_json_span(llm_json_member(delta, "text")));
    if (!strcmp(type, "input_json_delta"))
        return arguments(in, b, delta);
    if (b->kind == BLOCK_TEXT && !strcmp(type, "citations_delta"))
        return citation(in, delta);
    if (b->kind != BLOCK_THINKING)
        return LLM_OK;
    if (!strcmp(type, "thinking_delta"))
        return tell_text(in, LLM_DELTA_REASONING,
                         llm_json_span(llm_json_member(delta, "thinking")));
    if (!strcmp(type, "signature_delta"))
        return sign(in, llm_json_word(llm_json_member(delta, "signature")));
    return LLM_OK;
}

/* ---- messages ----------------------------------------------------------- */

static llm_fault start_message(const reading *in)
{
    const llm_json *message = llm_json_member(in->event, "message");
    llm_delta delta = { .kind = LLM_DELTA_BEGIN };

    if (llm_json_kind_of(message) != LLM_JSON_OBJECT)
        return LLM_GARBAGE;
    delta.id = llm_json_word(llm_json_member(message, "id"));
    delta.model = llm_json_word(llm_json_member(message, "model"));
    if (in->s->begun++)
        return LLM_OK;
    if (delta.id)
        in->s->id = apr_pstrdup(in->keep, delta.id);
    return tell(in, &delta);
}

/* There may be several; the first that says why is the end. */
static llm_fault message_delta(const reading *in)
{
    const llm_json *from = llm_json_member(in->event, "delta");
    const char *reason = llm_json_word(llm_json_member(from, "stop_reason"));
    const char *why = llm_anthropic_explanation(
        llm_json_member(from, "stop_details"));
    llm_delta delta = { .kind = LLM_DELTA_FINISH };
    llm_fault fault = LLM_OK;

    if (!reason || in->s->finished)
        return LLM_OK;
    in->s->finished = 1;
    delta.finish = llm_anthropic_finish(reason);
    delta.sequence = llm_json_word(llm_json_member(from, "stop_sequence"));
    if (why && delta.finish == LLM_FINISH_FILTER)
        fault = tell_text(in, LLM_DELTA_REFUSAL,
                          (llm_span){ why, strlen(why) });
    return fault ? fault : tell(in, &delta);
}

llm_fault llm_anthropic_read_piece(void *reader, const llm_json *event,
                                   llm_delta_fn each, void *baton,
                                   apr_pool_t *p, apr_pool_t *keep)
{
    static const struct {
        const char *type;
        llm_fault (*read)(const reading *in);
    } kinds[] = {
        { "message_start", start_message },
        { "content_block_start", start_block },
        { "content_block_delta", block_delta },
        { "content_block_stop", stop_block },
        { "message_delta", message_delta },
    };
    const reading in = { reader, event, each, baton, p, keep };
    const char *type = llm_json_word(llm_json_member(event, "type"));
    size_t i;

    if (!type)
        return LLM_GARBAGE;
    for (i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kinds[i].type, type))
            return kinds[i].read(&in);
    return LLM_OK;
}
