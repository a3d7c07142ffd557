/* A provider's stream in the OpenAI dialect, read. */
#include "openai_chat.h"
#include <string.h>
#include <apr_strings.h>

#define CHOICES_MOST 128
#define CALLS_MOST 1024

/* One call, as far as it was told. */
typedef struct call {
    long long index;            /* the provider's; -1: it gives none */
    const char *id;             /* the provider's; NULL */
    int begun;                  /* it was told on */
} call;

typedef struct choice {
    apr_array_header_t *calls;  /* of call; NULL: none yet */
    int finished;
} choice;

typedef struct piece {
    llm_openai_reader *state;
    choice *choice;
    int number;                 /* of the choice */
    llm_delta_fn each;
    void *baton;
    apr_pool_t *p, *keep;
} piece;

static llm_fault tell(piece *in, llm_delta *delta)
{
    delta->choice = in->number;
    return in->each(in->baton, delta);
}

static llm_fault tell_words(piece *in, llm_delta_kind kind, llm_span text)
{
    llm_delta delta = { .kind = kind, .text = text };

    return text.len ? tell(in, &delta) : LLM_OK;
}

/* ---- calls -------------------------------------------------------------- */

static call *new_call(piece *in, long long index)
{
    call *made;

    if (!in->choice->calls)
        in->choice->calls = apr_array_make(in->keep, 4, sizeof *made);
    if (in->choice->calls->nelts == CALLS_MOST)
        return NULL;
    made = apr_array_push(in->choice->calls);
    memset(made, 0, sizeof *made);
    made->index = index;
    return made;
}

/* The latest that has this index, or without one this id; else the last. */
static call *find(piece *in, long long index, const char *id)
{
    call *calls = in->choice->calls ? (call *)in->choice->calls->elts : NULL;
    int n = calls ? in->choice->calls->nelts : 0, i;

    for (i = n - 1; i >= 0; i--)
        if (index >= 0 ? calls[i].index == index
            : !id || (calls[i].id && !strcmp(calls[i].id, id)))
            return &calls[i];
    return NULL;
}

/* A new name under a known index is a new call when its id is new too: there
 * are servers that number all calls 0. Without an index, what has a name is
 * a new call unless its id is known. */
static call *call_of(piece *in, long long index, const char *id,
                     const char *name)
{
    call *found;

    if (index < 0 && !id && name)
        return new_call(in, index);
    found = find(in, index, id);
    if (!found || (name && id && found->begun && found->id
                   && strcmp(found->id, id)))
        return new_call(in, index);
    return found;
}

static int number_of(const piece *in, const call *it)
{
    return (int)(it - (const call *)in->choice->calls->elts);
}

static llm_fault begin_call(piece *in, call *it, const char *name)
{
    llm_delta delta = { .kind = LLM_DELTA_CALL, .name = name };

    it->begun = 1;
    delta.call = number_of(in, it);
    delta.id = it->id ? it->id : llm_openai_call_id(
        in->number ? apr_psprintf(in->p, "%s_%d", in->state->id
                                  ? in->state->id : "0", in->number)
                   : in->state->id, delta.call, in->p);
    return tell(in, &delta);
}

static llm_fault read_function(piece *in, call *it, const llm_json *function)
{
    const char *name = llm_json_word(llm_json_member(function, "name"));
    llm_delta delta = { .kind = LLM_DELTA_ARGUMENTS };
    llm_fault fault = LLM_OK;

    if (!it->begun && name && *name)
        fault = begin_call(in, it, name);
    delta.call = number_of(in, it);
    delta.text = llm_openai_arguments(function, in->p);
    if (fault || !delta.text.len)
        return fault;
    return it->begun ? tell(in, &delta) : LLM_GARBAGE;
}

static llm_fault read_call(piece *in, const llm_json *it)
{
    const llm_json *function = llm_json_member(it, "function");
    const char *id = llm_json_word(llm_json_member(it, "id"));
    const char *name = llm_json_word(llm_json_member(function, "name"));
    long long index;
    call *to;

    if (llm_json_kind_of(it) != LLM_JSON_OBJECT)
        return LLM_GARBAGE;
    if (!llm_json_whole(llm_json_member(it, "index"), &index) || index < 0)
        index = -1;
    id = id && *id ? id : NULL;
    to = call_of(in, index, id, name && *name ? name : NULL);
    if (!to)
        return LLM_GARBAGE;
    if (id && !to->id)
        to->id = apr_pstrdup(in->keep, id);
    return read_function(in, to, function);
}

static llm_fault read_calls(piece *in, const llm_json *delta)
{
    const llm_json *calls = llm_json_member(delta, "tool_calls");
    const llm_json *old = llm_json_member(delta, "function_call");
    llm_fault fault = LLM_OK;
    call *to;
    size_t i;

    if (llm_json_kind_of(calls) == LLM_JSON_ARRAY)
        for (i = 0; i < llm_json_count(calls) && !fault; i++)
            fault = read_call(in, llm_json_element(calls, i));
    if (fault || llm_json_kind_of(old) != LLM_JSON_OBJECT)
        return fault;
    to = find(in, -1, NULL);
    if (!to)
        to = new_call(in, -1);
    return to ? read_function(in, to, old) : LLM_GARBAGE;
}

/* ---- words -------------------------------------------------------------- */

/* Mistral streams parts: text, or thinking that holds parts again. */
static llm_fault read_parts(piece *in, const llm_json *list,
                            llm_delta_kind kind, int deep)
{
    llm_fault fault = LLM_OK;
    size_t i;

    for (i = 0; i < llm_json_count(list) && !fault; i++) {
        const llm_json *it = llm_json_element(list, i);
        const llm_json *thinking = llm_json_member(it, "thinking");

        fault = tell_words(in, kind,
                           llm_json_span(llm_json_member(it, "text")));
        if (!fault)
            fault = tell_words(in, LLM_DELTA_REASONING,
                               llm_json_span(thinking));
        if (!fault && llm_json_kind_of(thinking) == LLM_JSON_ARRAY && !deep)
            fault = read_parts(in, thinking, LLM_DELTA_REASONING, 1);
    }
    return fault;
}

static llm_fault read_citations(piece *in, const llm_json *list)
{
    llm_delta delta = { .kind = LLM_DELTA_CITATION };
    llm_citation citation;
    llm_fault fault = LLM_OK;
    size_t i;

    if (llm_json_kind_of(list) != LLM_JSON_ARRAY)
        return LLM_OK;
    delta.citation = &citation;
    for (i = 0; i < llm_json_count(list) && !fault; i++)
        if (llm_openai_citation(llm_json_element(list, i), &citation))
            fault = tell(in, &delta);
    return fault;
}

static llm_fault read_delta(piece *in, const llm_json *delta)
{
    const llm_json *content = llm_json_member(delta, "content");
    llm_fault fault = tell_words(in, LLM_DELTA_REASONING,
                                 llm_openai_reasoning(delta));

    if (!fault)
        fault = tell_words(in, LLM_DELTA_TEXT, llm_json_span(content));
    if (!fault && llm_json_kind_of(content) == LLM_JSON_ARRAY)
        fault = read_parts(in, content, LLM_DELTA_TEXT, 0);
    if (!fault)
        fault = tell_words(in, LLM_DELTA_REFUSAL,
                           llm_json_span(llm_json_member(delta, "refusal")));
    if (!fault)
        fault = read_citations(in, llm_json_member(delta, "annotations"));
    return fault ? fault : read_calls(in, delta);
}

/* ---- choices ------------------------------------------------------------ */

static llm_fault read_finish(piece *in, const llm_json *it)
{
    const char *word = llm_json_word(llm_json_member(it, "finish_reason"));
    llm_delta delta = { .kind = LLM_DELTA_FINISH };

    if (!word || !*word || in->choice->finished)
        return LLM_OK;
    in->choice->finished = 1;
    delta.finish = llm_openai_finish_of(word, in->choice->calls != NULL);
    return tell(in, &delta);
}

static choice *choice_of(piece *in)
{
    apr_array_header_t **all = &in->state->choices;

    if (!*all)
        *all = apr_array_make(in->keep, 1, sizeof(choice));
    while ((*all)->nelts <= in->number)
        memset(apr_array_push(*all), 0, sizeof(choice));
    return &((choice *)(*all)->elts)[in->number];
}

static llm_fault read_choice(piece *in, const llm_json *it, size_t place)
{
    const llm_json *logprobs = llm_json_member(it, "logprobs");
    const llm_json *text = llm_json_member(it, "text");
    const llm_json *delta = llm_json_member(it, "delta");
    long long index = (long long)place;
    llm_fault fault;

    if (llm_json_kind_of(it) != LLM_JSON_OBJECT)
        return LLM_GARBAGE;
    llm_json_whole(llm_json_member(it, "index"), &index);
    if (index < 0 || index >= CHOICES_MOST)
        return LLM_GARBAGE;
    in->number = (int)index;
    in->choice = choice_of(in);
    fault = tell_words(in, LLM_DELTA_TEXT, llm_json_span(text));
    if (!fault)
        fault = read_delta(in, delta);
    if (!fault && !text && llm_json_kind_of(logprobs) == LLM_JSON_OBJECT)
        fault = tell_words(in, LLM_DELTA_LOGPROBS,
                           llm_json_text(logprobs, in->p));
    return fault ? fault : read_finish(in, it);
}

static llm_fault begin(piece *in, const llm_json *event)
{
    llm_delta delta = { .kind = LLM_DELTA_BEGIN };
    const char *id = llm_json_word(llm_json_member(event, "id"));

    delta.id = id && *id ? id : NULL;
    delta.model = llm_json_word(llm_json_member(event, "model"));
    in->state->begun = 1;
    in->state->id = delta.id ? apr_pstrdup(in->keep, delta.id) : NULL;
    return in->each(in->baton, &delta);
}

llm_fault llm_openai_read_piece(void *reader, const llm_json *event,
                                llm_delta_fn each, void *baton, apr_pool_t *p,
                                apr_pool_t *keep)
{
    const llm_json *choices = llm_json_member(event, "choices");
    piece in = { .state = reader, .each = each, .baton = baton, .p = p,
                 .keep = keep };
    llm_fault fault = LLM_OK;
    size_t i;

    if (llm_json_kind_of(choices) != LLM_JSON_ARRAY)
        return LLM_OK;
    /* Azure's first event has neither choices nor an id */
    if (!in.state->begun && llm_json_count(choices))
        fault = begin(&in, event);
    for (i = 0; i < llm_json_count(choices) && !fault; i++)
        fault = read_choice(&in, llm_json_element(choices, i), i);
    return fault;
}
