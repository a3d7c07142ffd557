/* Deltas as the events of an Anthropic stream. One block is open at a time;
 * what belongs into a later one waits until the call that is open has all its
 * arguments. */
#include "anthropic.h"
#include "carry.h"
#include <apr_strings.h>
#include <string.h>

#define HELD_MOST (4 * 1024 * 1024)     /* bytes that wait, in all */
#define BLOCKS_MOST 100000      /* of a message */
#define HELD_EACH 256           /* what one delta counts beside its words */

typedef enum block_kind {
    BLOCK_NONE, BLOCK_TEXT, BLOCK_THINKING, BLOCK_CALL
} block_kind;

typedef struct state {
    int begun, ended;
    block_kind open;
    int index;                  /* of the block that is open, or the next */
    int proven;                 /* the thinking that is open has its proof */
    int call;                   /* the call that is open ... */
    int depth, in_string, escaped;      /* ... how deep its JSON is ... */
    int whole;                  /* ... and that it has ended */
    int calls, refused;         /* so far */
    llm_finish finish;
    const char *sequence, *id;
    llm_usage usage;
    apr_array_header_t *waiting;        /* of llm_delta; NULL */
    int waits;                  /* how many */
    size_t held;                /* bytes, also of those that went out */
} state;

_Static_assert(sizeof(state) <= LLM_ANTHROPIC_WRITER, "writer_size");

typedef struct writing {
    state *s;
    const llm_face *face;
    llm_frame *frame;
    llm_buf *out;
    apr_pool_t *p, *keep;
    llm_buf json;               /* of one event */
    const char *name;
    llm_emit e;
    llm_fault fault;            /* the first */
} writing;

/* ---- events ------------------------------------------------------------- */

static void begin(writing *w, const char *name)
{
    w->name = name;
    llm_buf_clear(&w->json);
    llm_emit_begin(&w->e, &w->json);
    llm_emit_object(&w->e, NULL);
    llm_emit_string(&w->e, "type", name);
}

static void end(writing *w)
{
    llm_emit_end_object(&w->e);
    if (!w->fault)
        w->fault = w->e.fault;
    if (!w->fault)
        w->fault = llm_frame_put(w->frame, w->name, strlen(w->name),
                                 w->json.data, w->json.len, w->out);
}

static void start_message(writing *w, const char *id, const char *model)
{
    state *s = w->s;

    if (s->begun)
        return;
    s->begun = 1;
    id = id ? id : w->face->id ? w->face->id : "msg";
    model = model ? model : w->face->model ? w->face->model : "";
    s->id = apr_pstrdup(w->keep, id);
    begin(w, "message_start");
    llm_emit_object(&w->e, "message");
    llm_emit_string(&w->e, "id", id);
    llm_emit_string(&w->e, "type", "message");
    llm_emit_string(&w->e, "role", "assistant");
    llm_emit_string(&w->e, "model", model);
    llm_emit_array(&w->e, "content");
    llm_emit_end_array(&w->e);
    llm_emit_null(&w->e, "stop_reason");
    llm_emit_null(&w->e, "stop_sequence");
    llm_anthropic_put_usage(&w->e, &s->usage);
    llm_emit_end_object(&w->e);
    llm_emit_end_object(&w->e);
    end(w);
}

/* ---- blocks ------------------------------------------------------------- */

static void close_block(writing *w)
{
    if (w->s->open == BLOCK_NONE)
        return;
    begin(w, "content_block_stop");
    llm_emit_whole(&w->e, "index", w->s->index++);
    end(w);
    w->s->open = BLOCK_NONE;
    w->s->proven = 0;
}

static void begin_block(writing *w, block_kind kind, const char *type)
{
    close_block(w);
    w->s->open = kind;
    begin(w, "content_block_start");
    llm_emit_whole(&w->e, "index", w->s->index);
    llm_emit_object(&w->e, "content_block");
    llm_emit_string(&w->e, "type", type);
}

static void end_block(writing *w)
{
    llm_emit_end_object(&w->e);
    end(w);
}

static void open_text(writing *w)
{
    if (w->s->open == BLOCK_TEXT)
        return;
    begin_block(w, BLOCK_TEXT, "text");
    llm_emit_string(&w->e, "text", "");
    end_block(w);
}

/* Thinking that has its proof is a block of its own. */
static void open_thinking(writing *w)
{
    if (w->s->open == BLOCK_THINKING && !w->s->proven)
        return;
    begin_block(w, BLOCK_THINKING, "thinking");
    llm_emit_string(&w->e, "thinking", "");
    llm_emit_string(&w->e, "signature", "");
    end_block(w);
}

static void begin_delta(writing *w, const char *type)
{
    begin(w, "content_block_delta");
    llm_emit_whole(&w->e, "index", w->s->index);
    llm_emit_object(&w->e, "delta");
    llm_emit_string(&w->e, "type", type);
}

/* ---- words -------------------------------------------------------------- */

static void text(writing *w, const llm_delta *d)
{
    if (!d->text.len)
        return;
    w->s->refused |= d->kind == LLM_DELTA_REFUSAL;
    open_text(w);
    begin_delta(w, "text_delta");
    llm_emit_text(&w->e, "text", d->text);
    end_block(w);
}

static void reasoning(writing *w, const llm_delta *d)
{
    if (!d->text.len)
        return;
    open_thinking(w);
    begin_delta(w, "thinking_delta");
    llm_emit_text(&w->e, "thinking", d->text);
    end_block(w);
}

static void signature(writing *w, const llm_delta *d)
{
    if (!d->signature)
        return;
    open_thinking(w);
    begin_delta(w, "signature_delta");
    llm_emit_string(&w->e, "signature", d->signature);
    end_block(w);
    w->s->proven = 1;
}

static void redacted(writing *w, const llm_delta *d)
{
    begin_block(w, BLOCK_THINKING, "redacted_thinking");
    llm_emit_text(&w->e, "data", d->text);
    end_block(w);
    close_block(w);
}

static void citation(writing *w, const llm_delta *d)
{
    if (w->s->open != BLOCK_TEXT || !d->citation || !d->citation->url)
        return;
    begin_delta(w, "citations_delta");
    llm_anthropic_put_citation(&w->e, "citation", d->citation);
    end_block(w);
}

/* ---- calls -------------------------------------------------------------- */

static void call(writing *w, const llm_delta *d)
{
    state *s = w->s;
    const char *id = d->id && *d->id ? d->id
                   : apr_psprintf(w->p, "call_%s_%d", s->id, s->calls);

    s->calls++;
    begin_block(w, BLOCK_CALL, "tool_use");
    llm_emit_string(&w->e, "id",
                    llm_carry_pack(id, d->signature, NULL, w->p));
    llm_emit_string(&w->e, "name", d->name ? d->name : "");
    llm_emit_object(&w->e, "input");
    llm_emit_end_object(&w->e);
    end_block(w);
    s->call = d->call;
    s->depth = s->in_string = s->escaped = s->whole = 0;
}

/* Follows the brackets: the last of them is the arguments' end. */
static void follow(state *s, llm_span piece)
{
    size_t i;

    for (i = 0; i < piece.len && !s->whole; i++) {
        const char c = piece.at[i];

        if (s->escaped)
            s->escaped = 0;
        else if (s->in_string && c == '\\')
            s->escaped = 1;
        else if (c == '"')
            s->in_string = !s->in_string;
        else if (s->in_string)
            continue;
        else if (c == '{' || c == '[')
            s->depth++;
        else if (c == '}' || c == ']')
            s->whole = --s->depth <= 0;
    }
}

static int is_open(const state *s, const llm_delta *d)
{
    return s->open == BLOCK_CALL && s->call == d->call;
}

/* Those of a call that is closed come too late; whoever sends them has sent
 * more than the arguments. */
static void arguments(writing *w, const llm_delta *d)
{
    if (!d->text.len || !is_open(w->s, d))
        return;
    begin_delta(w, "input_json_delta");
    llm_emit_text(&w->e, "partial_json", d->text);
    end_block(w);
    follow(w->s, d->text);
}

/* ---- waiting ------------------------------------------------------------ */

static const char *copy_word(writing *w, const char *word)
{
    if (word)
        w->s->held += strlen(word);
    return word ? apr_pstrdup(w->keep, word) : NULL;
}

static llm_span copy_span(writing *w, llm_span span)
{
    w->s->held += span.len;
    if (span.len)
        span.at = apr_pmemdup(w->keep, span.at, span.len);
    return span;
}

static void copy(writing *w, llm_delta *d)
{
    llm_citation *source;

    w->s->held += HELD_EACH;
    d->text = copy_span(w, d->text);
    d->id = copy_word(w, d->id);
    d->name = copy_word(w, d->name);
    d->signature = copy_word(w, d->signature);
    if (!d->citation)
        return;
    source = apr_pmemdup(w->keep, d->citation, sizeof *source);
    source->url = copy_word(w, source->url);
    source->title = copy_word(w, source->title);
    source->quote = copy_span(w, source->quote);
    d->citation = source;
}

static size_t size_of(const llm_delta *d)
{
    return d->text.len + (d->citation ? d->citation->quote.len : 0);
}

static void hold(writing *w, const llm_delta *d, int is_copy)
{
    state *s = w->s;
    llm_delta held = *d;

    if (!is_copy && s->held + size_of(d) > HELD_MOST) {
        w->fault = LLM_TOO_LARGE;
        return;
    }
    if (!is_copy)
        copy(w, &held);
    if (!s->waiting)
        s->waiting = apr_array_make(w->keep, 8, sizeof held);
    APR_ARRAY_PUSH(s->waiting, llm_delta) = held;
    s->waits++;
}

/* Whoever waits is not overtaken, but by the rest of the call that all wait
 * for. */
static int must_wait(const state *s, const llm_delta *d)
{
    if (d->kind == LLM_DELTA_ARGUMENTS && is_open(s, d))
        return 0;
    return s->waits || (s->open == BLOCK_CALL && !s->whole);
}

static void put(writing *w, const llm_delta *d, int is_copy)
{
    static void (*const puts[])(writing *w, const llm_delta *d) = {
        [LLM_DELTA_TEXT] = text, [LLM_DELTA_REFUSAL] = text,
        [LLM_DELTA_REASONING] = reasoning, [LLM_DELTA_SIGNATURE] = signature,
        [LLM_DELTA_REDACTED] = redacted, [LLM_DELTA_CALL] = call,
        [LLM_DELTA_ARGUMENTS] = arguments, [LLM_DELTA_CITATION] = citation
    };

    if (must_wait(w->s, d))
        hold(w, d, is_copy);
    else
        puts[d->kind](w, d);
}

/* Lets out what need not wait any more; with `all`, everything. */
static void flush(writing *w, int all)
{
    const apr_array_header_t *list;
    state *s = w->s;
    int i, n;

    while (!w->fault && s->waits) {
        if (s->open == BLOCK_CALL && !s->whole && !all)
            return;
        if (s->open == BLOCK_CALL)
            close_block(w);
        list = s->waiting;
        n = s->waits;
        s->waiting = NULL;
        s->waits = 0;
        for (i = 0; i < n && !w->fault; i++)
            put(w, &((const llm_delta *)list->elts)[i], 1);
    }
}

/* Blocks begin and end in the client's stream where its provider has them, not
 * where text does. */
void llm_anthropic_passed(void *writer, const llm_json *event)
{
    const char *type = llm_json_word(llm_json_member(event, "type"));
    const llm_json *content = llm_json_member(event, "content_block");
    const char *kind = llm_json_word(llm_json_member(content, "type"));
    state *s = writer;
    long long index;

    if (!type || !llm_json_whole(llm_json_member(event, "index"), &index)
        || index < 0 || index > BLOCKS_MOST)
        return;
    if (!strcmp(type, "content_block_start")) {
        s->open = kind && !strcmp(kind, "text") ? BLOCK_TEXT : BLOCK_THINKING;
        s->index = (int)index;
    }
    else if (!strcmp(type, "content_block_stop")) {
        s->open = BLOCK_NONE;
        s->index = (int)index + 1;
    }
}

/* ---- the stream --------------------------------------------------------- */

static void finish(writing *w, const llm_delta *d)
{
    flush(w, 1);
    close_block(w);
    w->s->finish = d->finish;
    w->s->sequence = d->sequence ? apr_pstrdup(w->keep, d->sequence) : NULL;
}

/* The usage may have come after the finish, so both were kept until now. */
static void end_message(writing *w)
{
    state *s = w->s;

    start_message(w, NULL, NULL);
    flush(w, 1);
    close_block(w);
    begin(w, "message_delta");
    llm_emit_object(&w->e, "delta");
    llm_anthropic_put_stop(&w->e, llm_anthropic_reason(s->finish, s->calls,
                                                       s->refused),
                           s->sequence);
    llm_emit_end_object(&w->e);
    llm_anthropic_put_usage(&w->e, &s->usage);
    llm_emit_end_object(&w->e);
    end(w);
    begin(w, "message_stop");
    end(w);
    s->ended = 1;
}

static void put_delta(writing *w, const llm_delta *d)
{
    switch (d->kind) {
    case LLM_DELTA_BEGIN:
        start_message(w, d->id, d->model);
        break;
    case LLM_DELTA_USAGE:
        w->s->usage = *d->usage;
        break;
    case LLM_DELTA_PING:
        begin(w, "ping");
        end(w);
        break;
    case LLM_DELTA_END:
        end_message(w);
        break;
    case LLM_DELTA_LOGPROBS:
        break;
    case LLM_DELTA_FINISH:
        if (!d->choice)
            finish(w, d);
        break;
    default:
        if (d->choice)          /* its clients ask for one */
            break;
        start_message(w, NULL, NULL);
        put(w, d, 0);
        flush(w, 0);
    }
}

llm_fault llm_anthropic_write_delta(void *writer, const llm_delta *delta,
                                    const llm_face *face, llm_frame *frame,
                                    llm_buf *out, apr_pool_t *p,
                                    apr_pool_t *keep)
{
    const llm_frame frame_before = *frame;
    const size_t before = out->len;
    state *s = writer, was = *s;
    writing w = {
        .s = s, .face = face, .frame = frame, .out = out, .p = p, .keep = keep
    };

    if (s->ended)
        return LLM_OK;
    llm_buf_init(&w.json, out->ceiling);
    put_delta(&w, delta);
    llm_buf_free(&w.json);
    if (!w.fault)
        return LLM_OK;
    out->len = before;
    *frame = frame_before;
    *s = was;
    return w.fault;
}
