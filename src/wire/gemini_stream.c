/* A streamed answer as Gemini's clients read it: events that are answers of
 * their own, each with the words that are new.
 *
 * A call must stand whole in one event: it is kept until its arguments are
 * closed, or to the end. What ends a candidate is kept to the end, where the
 * usage is known. */
#include "carry.h"
#include "gemini_answer.h"
#include <string.h>
#include <apr_strings.h>

#define CHOICES_MAX 64
#define CALLS_MAX 1024          /* of a choice */
#define HELD_MAX (8 << 20)      /* bytes of arguments that wait in a stream */
#define SOURCES_MAX 1024

/* ---- a call that comes in pieces ---------------------------------------- */

typedef struct held {
    int call;
    const char *id, *name, *signature;
    char *text;                 /* of its arguments, so far */
    size_t len, room;
    int depth, quoted, escaped; /* within them */
    int closed;                 /* the outermost bracket is */
    int bad;                    /* closed, and no object for ever */
} held;

/* How deep in its JSON the arguments stand, byte by byte: looked at once,
 * however often one asks whether they are whole. */
static void follow(held *h, char c)
{
    if (h->escaped)
        h->escaped = 0;
    else if (h->quoted && c == '\\')
        h->escaped = 1;
    else if (c == '"')
        h->quoted = !h->quoted;
    else if (!h->quoted && (c == '{' || c == '['))
        h->depth++;
    else if (!h->quoted && (c == '}' || c == ']'))
        h->closed = --h->depth <= 0;
}

static void add_text(held *h, llm_span text, apr_pool_t *keep)
{
    size_t i;

    if (h->len + text.len > h->room) {
        char *more;

        h->room = 2 * (h->len + text.len) + 64;
        more = apr_palloc(keep, h->room);
        if (h->len)
            memcpy(more, h->text, h->len);
        h->text = more;
    }
    if (text.len)
        memcpy(h->text + h->len, text.at, text.len);
    h->len += text.len;
    for (i = 0; i < text.len; i++)
        follow(h, text.at[i]);
}

/* ---- a choice ----------------------------------------------------------- */

typedef struct choice {
    apr_array_header_t *calls;  /* of held */
    int written;                /* how many of them, the first ones */
    apr_array_header_t *reasoning;      /* before the first call: for its id */
    size_t carried;             /* bytes of it */
    size_t room;                /* allocated for its last part's words */
    int fresh;                  /* the next words begin a new part of it */
    apr_array_header_t *sources;
    llm_gemini_end end;
    int seen;
} choice;

typedef struct writer {
    const char *id, *model;
    llm_usage usage;
    choice *choices[CHOICES_MAX];
    size_t waiting;             /* bytes of arguments that were kept */
    int ended;
} writer;

_Static_assert(sizeof(writer) <= LLM_GEMINI_WRITER, "room for a writer");

/* What one call of write_delta works with. */
typedef struct writing {
    writer *w;
    choice *c;
    int index;
    const llm_delta *delta;
    const llm_face *face;
    llm_frame *frame;
    llm_buf *out;
    apr_pool_t *p, *keep;
} writing;

static choice *choice_of(writing *g, int index)
{
    choice *c = g->w->choices[index];

    if (!c) {
        c = apr_pcalloc(g->keep, sizeof *c);
        c->calls = apr_array_make(g->keep, 2, sizeof(held));
        c->reasoning = llm_parts_make(g->keep);
        c->sources = apr_array_make(g->keep, 1, sizeof(llm_citation));
        g->w->choices[index] = c;
    }
    c->seen = 1;
    return c;
}

/* ---- events ------------------------------------------------------------- */

typedef struct event {
    llm_buf json;
    llm_emit e;
} event;

static void begin_event(event *v, const writing *g)
{
    llm_buf_init(&v->json, g->out->ceiling);
    llm_emit_begin(&v->e, &v->json);
    llm_emit_object(&v->e, NULL);
    llm_emit_array(&v->e, "candidates");
    llm_emit_object(&v->e, NULL);
}

static void begin_parts(event *v)
{
    llm_emit_object(&v->e, "content");
    llm_emit_string(&v->e, "role", "model");
    llm_emit_array(&v->e, "parts");
}

static void end_parts(event *v)
{
    llm_emit_end_array(&v->e);
    llm_emit_end_object(&v->e);
}

static llm_fault end_event(event *v, const writing *g,
                           const llm_usage *usage)
{
    const writer *w = g->w;
    llm_fault fault;

    llm_emit_whole(&v->e, "index", g->index);
    llm_emit_end_object(&v->e);
    llm_emit_end_array(&v->e);
    if (usage)
        llm_gemini_put_usage(&v->e, usage);
    llm_emit_string(&v->e, "modelVersion", w->model ? w->model
                                                    : g->face->model);
    llm_emit_string(&v->e, "responseId", w->id ? w->id : g->face->id);
    llm_emit_end_object(&v->e);
    fault = v->e.fault;
    if (!fault)
        fault = llm_frame_put(g->frame, NULL, 0, v->json.data, v->json.len,
                              g->out);
    llm_buf_free(&v->json);
    return fault;
}

/* ---- calls -------------------------------------------------------------- */

static void put_call(event *v, const writing *g, int i)
{
    const choice *c = g->c;
    const held *h = &APR_ARRAY_IDX(c->calls, i, held);
    const char *reply = g->w->id ? g->w->id : g->face->id ? g->face->id : "0";
    const char *id = h->id;

    if (!id || !*id)
        id = g->index ? apr_psprintf(g->p, "call_%s_%d_%d", reply, g->index, i)
                      : apr_psprintf(g->p, "call_%s_%d", reply, i);
    if (!i)
        id = llm_carry_pack(id, NULL, c->reasoning, g->p);
    llm_gemini_put_call(&v->e, id, h->name,
                        (llm_span){ h->text ? h->text : "", h->len },
                        h->signature);
}

static int is_whole(held *h)
{
    if (h->closed && !h->bad)
        h->bad = !llm_gemini_is_object((llm_span){ h->text, h->len });
    return h->closed && !h->bad;
}

/* The calls that are whole, up to the first that is not: they keep their
 * order. */
static llm_fault flush_calls(writing *g)
{
    choice *c = g->c;
    int from = c->written, to = from, i;
    llm_fault fault;
    event v;

    while (to < c->calls->nelts && is_whole(&APR_ARRAY_IDX(c->calls, to,
                                                           held)))
        to++;
    if (to == from)
        return LLM_OK;
    begin_event(&v, g);
    begin_parts(&v);
    for (i = from; i < to; i++)
        put_call(&v, g, i);
    end_parts(&v);
    fault = end_event(&v, g, NULL);
    if (!fault)
        c->written = to;
    return fault;
}

static held *find_call(const choice *c, int call)
{
    int i;

    for (i = c->calls->nelts; i-- > 0;)
        if (APR_ARRAY_IDX(c->calls, i, held).call == call)
            return i < c->written ? NULL : &APR_ARRAY_IDX(c->calls, i, held);
    return NULL;
}

static llm_fault on_call(writing *g)
{
    const llm_delta *delta = g->delta;
    llm_fault fault;
    held *h;

    if (g->c->calls->nelts >= CALLS_MAX)
        return LLM_ANSWER_TOO_LARGE;
    fault = flush_calls(g);
    if (fault)
        return fault;
    h = apr_array_push(g->c->calls);
    memset(h, 0, sizeof *h);
    h->call = delta->call;
    h->id = delta->id ? apr_pstrdup(g->keep, delta->id) : NULL;
    h->name = delta->name ? apr_pstrdup(g->keep, delta->name) : NULL;
    h->signature = delta->signature ? apr_pstrdup(g->keep, delta->signature)
                                    : NULL;
    return LLM_OK;
}

static int is_blank(llm_span text)
{
    size_t i;

    for (i = 0; i < text.len; i++)
        if (!llm_text_is_white(text.at[i]))
            return 0;
    return 1;
}

static llm_fault on_arguments(writing *g)
{
    held *h = find_call(g->c, g->delta->call);

    if (!h)                     /* no such call, or it was whole already */
        return is_blank(g->delta->text) ? LLM_OK : LLM_GARBAGE;
    if (g->delta->text.len > HELD_MAX - g->w->waiting)
        return LLM_ANSWER_TOO_LARGE;
    g->w->waiting += g->delta->text.len;
    add_text(h, g->delta->text, g->keep);
    return LLM_OK;
}

/* ---- words -------------------------------------------------------------- */

static llm_fault put_words(writing *g, int thought)
{
    llm_fault fault = flush_calls(g);
    event v;

    if (fault || !g->delta->text.len)
        return fault;
    begin_event(&v, g);
    begin_parts(&v);
    llm_gemini_put_text(&v.e, g->delta->text, thought, NULL);
    end_parts(&v);
    return end_event(&v, g, NULL);
}

static llm_fault on_text(writing *g)
{
    return put_words(g, 0);
}

static llm_fault on_media(writing *g)
{
    const llm_part part = llm_media_part(g->delta);
    llm_fault fault = flush_calls(g);
    event v;

    if (fault || !part.data.len)
        return fault;
    begin_event(&v, g);
    begin_parts(&v);
    llm_gemini_put_media(&v.e, &part, 1);
    end_parts(&v);
    return end_event(&v, g, NULL);
}

/* More than an id can carry is not worth keeping; `carried` then says so. */
static llm_part *carry(writing *g, size_t more)
{
    choice *c = g->c;

    c->carried += more;
    if (c->carried > LLM_CARRY_MAX || c->calls->nelts) {
        if (!c->calls->nelts)
            apr_array_clear(c->reasoning);
        return NULL;
    }
    if (!c->reasoning->nelts || c->fresh) {
        c->fresh = 0;
        c->room = 0;
        return llm_parts_add(c->reasoning, LLM_PART_REASONING);
    }
    return &APR_ARRAY_IDX(c->reasoning, c->reasoning->nelts - 1, llm_part);
}

static void add_words(choice *c, llm_part *part, llm_span text,
                      apr_pool_t *keep)
{
    char *all = (char *)part->text.at;

    if (part->text.len + text.len > c->room) {
        c->room = 2 * (part->text.len + text.len);
        all = apr_palloc(keep, c->room);
        if (part->text.len)
            memcpy(all, part->text.at, part->text.len);
        part->text.at = all;
    }
    if (text.len)
        memcpy(all + part->text.len, text.at, text.len);
    part->text.len += text.len;
}

static llm_fault on_reasoning(writing *g)
{
    llm_fault fault = put_words(g, 1);
    llm_part *part = fault ? NULL : carry(g, g->delta->text.len);

    if (part)
        add_words(g->c, part, g->delta->text, g->keep);
    return fault;
}

static llm_fault on_signature(writing *g)
{
    const char *signature = g->delta->signature;
    llm_part *part = signature ? carry(g, strlen(signature)) : NULL;

    if (part)
        part->signature = part->signature
            ? apr_pstrcat(g->keep, part->signature, signature, NULL)
            : apr_pstrdup(g->keep, signature);
    g->c->fresh = part != NULL;
    return LLM_OK;
}

static llm_fault on_redacted(writing *g)
{
    llm_part *part;

    g->c->fresh = 1;
    part = carry(g, g->delta->text.len);
    if (part) {
        part->redacted = 1;
        part->text.at = apr_pstrmemdup(g->keep, g->delta->text.at,
                                       g->delta->text.len);
        part->text.len = g->delta->text.len;
        g->c->fresh = 1;
    }
    return LLM_OK;
}

static llm_fault on_citation(writing *g)
{
    const llm_citation *from = g->delta->citation;
    llm_citation *to;

    if (!from || !from->url || g->c->sources->nelts >= SOURCES_MAX)
        return LLM_OK;
    to = apr_array_push(g->c->sources);
    memset(to, 0, sizeof *to);
    to->start = to->end = -1;
    to->url = apr_pstrdup(g->keep, from->url);
    to->title = from->title ? apr_pstrdup(g->keep, from->title) : NULL;
    return LLM_OK;
}

static llm_fault on_logprobs(writing *g)
{
    event v;

    begin_event(&v, g);
    llm_gemini_put_logprobs(&v.e, g->delta->text, g->p);
    return end_event(&v, g, NULL);
}

/* A provider may end it as it ends any other text. */
static llm_fault on_refusal(writing *g)
{
    g->c->end.finish = LLM_FINISH_FILTER;
    return put_words(g, 0);
}

static llm_fault on_finish(writing *g)
{
    if (g->c->end.finish == LLM_FINISH_NONE)
        g->c->end.finish = g->delta->finish;
    return LLM_OK;
}

/* ---- the end ------------------------------------------------------------ */

/* What is left of its calls, and why it ended. */
static llm_fault put_last(writing *g, const llm_usage *usage)
{
    const choice *c = g->c;
    llm_gemini_end end = c->end;
    int i, parts = 0;
    event v;

    end.called = c->calls->nelts > 0;
    begin_event(&v, g);
    begin_parts(&v);
    for (i = c->written; i < c->calls->nelts; i++) {
        const held *h = &APR_ARRAY_IDX(c->calls, i, held);
        const llm_span text = { h->text ? h->text : "", h->len };

        if (llm_gemini_is_object(text)) {
            put_call(&v, g, i);
            parts++;
        }
        else {
            end.message = llm_gemini_malformed(end.message, h->name, text,
                                               g->p);
        }
    }
    if (!parts)
        llm_gemini_put_text(&v.e, (llm_span){ "", 0 }, 0, NULL);
    end_parts(&v);
    llm_gemini_put_end(&v.e, &end);
    llm_gemini_put_sources(&v.e, c->sources, (llm_span){ NULL, 0 });
    return end_event(&v, g, usage);
}

static int last_choice(const writer *w)
{
    int i;

    for (i = CHOICES_MAX - 1; i > 0; i--)
        if (w->choices[i])
            break;
    return i;
}

static llm_fault on_end(writing *g)
{
    const int last = last_choice(g->w);
    llm_fault fault = LLM_OK;

    if (g->w->ended)
        return LLM_OK;
    choice_of(g, last);
    for (g->index = 0; !fault && g->index <= last; g->index++) {
        g->c = g->w->choices[g->index];
        if (g->c)
            fault = put_last(g, g->index == last ? &g->w->usage : NULL);
    }
    g->w->ended = !fault;
    return fault;
}

static llm_fault on_begin(writing *g)
{
    if (!g->w->id && g->delta->id)
        g->w->id = apr_pstrdup(g->keep, g->delta->id);
    if (g->delta->model)
        g->w->model = apr_pstrdup(g->keep, g->delta->model);
    return LLM_OK;
}

static llm_fault on_usage(writing *g)
{
    if (g->delta->usage)
        g->w->usage = *g->delta->usage;
    return LLM_OK;
}

static llm_fault on_ping(writing *g)
{
    return llm_frame_ping(g->frame, g->out);
}

/* ---- a delta ------------------------------------------------------------ */

static const struct {
    llm_fault (*write)(writing *g);
    int chosen;                 /* it is of one choice */
} kinds[] = {
    [LLM_DELTA_BEGIN] = { on_begin, 0 },
    [LLM_DELTA_TEXT] = { on_text, 1 },
    [LLM_DELTA_REFUSAL] = { on_refusal, 1 },
    [LLM_DELTA_REASONING] = { on_reasoning, 1 },
    [LLM_DELTA_SIGNATURE] = { on_signature, 1 },
    [LLM_DELTA_REDACTED] = { on_redacted, 1 },
    [LLM_DELTA_CALL] = { on_call, 1 },
    [LLM_DELTA_ARGUMENTS] = { on_arguments, 1 },
    [LLM_DELTA_CITATION] = { on_citation, 1 },
    [LLM_DELTA_LOGPROBS] = { on_logprobs, 1 },
    [LLM_DELTA_FINISH] = { on_finish, 1 },
    [LLM_DELTA_USAGE] = { on_usage, 0 },
    [LLM_DELTA_PING] = { on_ping, 0 },
    [LLM_DELTA_MEDIA] = { on_media, 1 },
    [LLM_DELTA_END] = { on_end, 0 },
};

llm_fault llm_gemini_write_delta(void *state, const llm_delta *delta,
                                 const llm_face *face, llm_frame *frame,
                                 llm_buf *out, apr_pool_t *p,
                                 apr_pool_t *keep)
{
    const size_t before = out->len;
    const int begun = frame->begun;
    int written = 0;
    writing g = { .w = state, .index = delta->choice, .delta = delta,
                  .face = face, .frame = frame, .out = out, .p = p,
                  .keep = keep };
    llm_fault fault;

    if ((size_t)delta->kind >= sizeof kinds / sizeof *kinds)
        return LLM_INTERNAL;
    if (kinds[delta->kind].chosen) {
        if (delta->choice < 0 || delta->choice >= CHOICES_MAX)
            return LLM_GARBAGE;
        g.c = choice_of(&g, delta->choice);
        written = g.c->written;
    }
    fault = kinds[delta->kind].write(&g);
    if (fault) {
        out->len = before;
        frame->begun = begun;
        if (kinds[delta->kind].chosen)
            g.c->written = written;
    }
    return fault;
}
