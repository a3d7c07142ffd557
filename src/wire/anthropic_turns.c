/* A conversation as the messages that Anthropic takes: roles one after the
 * other, the results of calls first in the message that follows them. */
#include "anthropic.h"
#include <apr_strings.h>
#include <string.h>

#define SEARCHED 256            /* calls without ids that a result is looked
                                 * for among */

typedef llm_anthropic_writing writing;
typedef llm_anthropic_message message;

typedef struct arranging {
    writing *w;
    apr_pool_t *p;
    int turn;                   /* its number, for ids that are made */
    apr_array_header_t *calls;  /* of const llm_part *: those of the last
                                 * assistant's turns whose ids were made; NULL
                                 * once they have their result */
} arranging;

/* ---- what can be written ------------------------------------------------ */

/* The API refuses text that is nothing but white space. */
static int is_blank(llm_span text)
{
    size_t i;

    for (i = 0; i < text.len; i++)
        if (!llm_text_is_white(text.at[i]))
            return 0;
    return 1;
}

static int is_words(const llm_part *part)
{
    return part->kind == LLM_PART_TEXT || part->kind == LLM_PART_REFUSAL;
}

/* What OpenAI has sealed is proof to nobody else. */
int llm_anthropic_is_proven(const llm_part *part)
{
    return part->redacted
        || (part->signature
            && strncmp(part->signature, LLM_OPENAI_PROOF,
                       strlen(LLM_OPENAI_PROOF)));
}

static int is_in_place(const llm_part *part, llm_role role)
{
    switch (part->kind) {
    case LLM_PART_CALL:
        return role == LLM_ROLE_ASSISTANT && part->name;
    case LLM_PART_RESULT: case LLM_PART_IMAGE: case LLM_PART_AUDIO:
    case LLM_PART_FILE:
        return role == LLM_ROLE_USER;
    case LLM_PART_REASONING:
        return role == LLM_ROLE_ASSISTANT;
    default:
        return 1;
    }
}

static int can_write(writing *w, const llm_part *part, llm_role role)
{
    if (!is_in_place(part, role)) {
        llm_lose(w->lost, "messages");
        return 0;
    }
    switch (part->kind) {
    case LLM_PART_TEXT: case LLM_PART_REFUSAL:
        if (part->citations && part->citations->nelts)
            llm_lose_hint(w->lost, "citations");
        return 1;
    case LLM_PART_REASONING:
        if (!llm_anthropic_is_proven(part))
            llm_lose_hint(w->lost, "reasoning");
        return llm_anthropic_is_proven(part);
    case LLM_PART_IMAGE: case LLM_PART_AUDIO: case LLM_PART_FILE:
        return llm_anthropic_can_media(w, part);
    default:
        return 1;
    }
}

/* ---- ids ---------------------------------------------------------------- */

static const llm_part *with_id(arranging *in, const llm_part *part,
                               const char *id)
{
    llm_part *copy = apr_pmemdup(in->p, part, sizeof *part);

    copy->id = id;
    return copy;
}

static const llm_part *call(arranging *in, const llm_part *part)
{
    if (part->id && *part->id)
        return part;
    part = with_id(in, part, apr_psprintf(in->p, "call_%d_%d", in->turn,
                                          in->calls->nelts));
    APR_ARRAY_PUSH(in->calls, const llm_part *) = part;
    return part;
}

/* The first call of that name that still waits, else the first that does. */
static const llm_part **waiting(arranging *in, const llm_part *result)
{
    const llm_part **calls = (const llm_part **)in->calls->elts, **any = NULL;
    int i, n = in->calls->nelts < SEARCHED ? in->calls->nelts : SEARCHED;

    for (i = 0; i < n; i++) {
        if (!calls[i])
            continue;
        if (!result->name || !strcmp(calls[i]->name, result->name))
            return &calls[i];
        any = any ? any : &calls[i];
    }
    return any;
}

static llm_fault result(arranging *in, const llm_part **part)
{
    const llm_part **found;

    if ((*part)->id && *(*part)->id)
        return LLM_OK;
    found = waiting(in, *part);
    if (!found) {
        in->w->detail->param = "messages";
        in->w->detail->text = "A tool's result follows no call of a tool: "
            "give both of them the same id";
        return LLM_BAD_REQUEST;
    }
    *part = with_id(in, *part, (*found)->id);
    *found = NULL;
    return LLM_OK;
}

/* ---- messages ----------------------------------------------------------- */

static message *messages_of(const writing *w)
{
    return (message *)w->messages->elts;
}

static message *add_message(arranging *in, llm_role role)
{
    message *m = apr_array_push(in->w->messages);

    m->role = role;
    m->results = apr_array_make(in->p, 1, sizeof(const llm_part *));
    m->others = apr_array_make(in->p, 2, sizeof(const llm_part *));
    return m;
}

static message *last_message(arranging *in, llm_role role)
{
    const int n = in->w->messages->nelts;

    if (n && messages_of(in->w)[n - 1].role == role)
        return &messages_of(in->w)[n - 1];
    return add_message(in, role);
}

/* Results must follow their calls at once, before a system message that came
 * in between. */
static message *result_message(arranging *in)
{
    message *list = messages_of(in->w), moved;
    const int n = in->w->messages->nelts;

    if (n < 2 || list[n - 1].role != LLM_ROLE_SYSTEM)
        return last_message(in, LLM_ROLE_USER);
    if (list[n - 2].role == LLM_ROLE_USER)
        return &list[n - 2];
    add_message(in, LLM_ROLE_USER);
    list = messages_of(in->w);
    moved = list[n];
    list[n] = list[n - 1];
    list[n - 1] = moved;
    return &list[n - 1];
}

/* ---- turns -------------------------------------------------------------- */

static llm_span joined(llm_span a, llm_span b, apr_pool_t *p)
{
    char *text = apr_palloc(p, a.len + b.len);

    memcpy(text, a.at, a.len);
    memcpy(text + a.len, b.at, b.len);
    return (llm_span){ text, a.len + b.len };
}

/* White space alone becomes the end of the text before it; where there is
 * none it is left out. */
static void arrange_blank(arranging *in, const llm_part *part, llm_role role)
{
    const int n = in->w->messages->nelts;
    const message *m = n ? &messages_of(in->w)[n - 1] : NULL;
    const llm_part **last = m && m->role == role && m->others->nelts
        ? &APR_ARRAY_IDX(m->others, m->others->nelts - 1, const llm_part *)
        : NULL;
    llm_part *copy;

    if (!part->text.len)
        return;
    if (!last || (*last)->kind != LLM_PART_TEXT || (*last)->cache) {
        llm_lose_hint(in->w->lost, "messages");
        return;
    }
    copy = apr_pmemdup(in->p, *last, sizeof *copy);
    copy->text = joined(copy->text, part->text, in->p);
    copy->cache = part->cache;
    *last = copy;
}

static llm_fault arrange_part(arranging *in, const llm_part *part,
                              llm_role role)
{
    llm_fault fault = LLM_OK;

    if (!can_write(in->w, part, role))
        return LLM_OK;
    if (is_words(part) && is_blank(part->text)) {
        arrange_blank(in, part, role);
        return LLM_OK;
    }
    if (part->kind == LLM_PART_RESULT) {
        fault = result(in, &part);
        if (!fault)
            APR_ARRAY_PUSH(result_message(in)->results, const llm_part *)
                = part;
        return fault;
    }
    if (part->kind == LLM_PART_CALL)
        part = call(in, part);
    APR_ARRAY_PUSH(last_message(in, role)->others, const llm_part *) = part;
    return LLM_OK;
}

static void arrange_system(arranging *in, const llm_part *part, int at_head)
{
    writing *w = in->w;
    const char *version = w->how->version;
    const int old = version && strcmp(version, LLM_ANTHROPIC_2023) <= 0;

    if (part->kind != LLM_PART_TEXT)
        llm_lose(w->lost, "system");
    else if (is_blank(part->text)) {
        if (part->text.len)
            llm_lose_hint(w->lost, "system");
    }
    else if (at_head || old)
        APR_ARRAY_PUSH(w->system, const llm_part *) = part;
    else
        APR_ARRAY_PUSH(last_message(in, LLM_ROLE_SYSTEM)->others,
                       const llm_part *) = part;
}

static llm_fault arrange_turn(arranging *in, const llm_turn *turn)
{
    const llm_part *parts = (const llm_part *)turn->parts->elts;
    const int at_head = !in->w->messages->nelts;
    llm_fault fault = LLM_OK;
    int i;

    for (i = 0; i < turn->parts->nelts && !fault; i++)
        if (turn->role == LLM_ROLE_SYSTEM || turn->role == LLM_ROLE_DEVELOPER)
            arrange_system(in, &parts[i], at_head);
        else
            fault = arrange_part(in, &parts[i], turn->role);
    return fault;
}

/* Some models take no answer that is begun for them. */
static void arrange_end(writing *w)
{
    const int n = w->messages->nelts;

    if (n && messages_of(w)[n - 1].role == LLM_ROLE_ASSISTANT
        && w->how->facts->no_prefill) {
        llm_lose(w->lost, "messages");
        w->messages->nelts--;
    }
}

/* What is left out might be why. */
static llm_fault nothing_left(writing *w)
{
    const apr_array_header_t *lost = w->lost->names;

    w->detail->param = "messages";
    w->detail->text = "The conversation holds nothing that can be answered: "
        "it needs a turn of the user's";
    if (!lost->nelts)
        return LLM_BAD_REQUEST;
    w->detail->param = APR_ARRAY_IDX(lost, 0, const char *);
    w->detail->text = apr_psprintf(w->how->pool, "Model `%s` cannot be told "
        "`%s`, and without it there is nothing to answer", w->how->model,
        w->detail->param);
    return LLM_BAD_REQUEST;
}

llm_fault llm_anthropic_arrange(writing *w)
{
    const llm_turn *turns = (const llm_turn *)w->chat->turns->elts;
    arranging in = { .w = w, .p = w->how->pool };
    llm_fault fault = LLM_OK;
    int i;

    w->messages = apr_array_make(in.p, 8, sizeof(message));
    w->system = apr_array_make(in.p, 2, sizeof(const llm_part *));
    in.calls = apr_array_make(in.p, 2, sizeof(const llm_part *));
    for (i = 0; i < w->chat->turns->nelts && !fault; i++) {
        if (turns[i].role == LLM_ROLE_ASSISTANT
            && (!i || turns[i - 1].role != LLM_ROLE_ASSISTANT)) {
            in.calls->nelts = 0;
            in.turn = i;
        }
        fault = arrange_turn(&in, &turns[i]);
    }
    if (fault)
        return fault;
    arrange_end(w);
    return w->messages->nelts ? LLM_OK : nothing_left(w);
}
