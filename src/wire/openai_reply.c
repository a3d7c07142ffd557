/* Whole answers of the OpenAI dialect. */
#include "openai_chat.h"
#include "carry.h"
#include <string.h>
#include <apr_strings.h>

/* ---- a provider's ------------------------------------------------------- */

typedef struct replying {
    llm_reply *reply;
    llm_answer_choice *choice;
    apr_pool_t *p;
    int calls;                  /* of the whole answer */
    int choice_calls;
} replying;

static void add_words(replying *in, llm_part_kind kind, llm_span text)
{
    if (text.len)
        llm_parts_add(in->choice->parts, kind)->text = text;
}

/* Some servers send parts; Mistral's of type "thinking" hold parts again. */
static void add_parts(replying *in, const llm_json *list, llm_part_kind kind,
                      int deep)
{
    size_t i;

    for (i = 0; i < llm_json_count(list); i++) {
        const llm_json *it = llm_json_element(list, i);
        const llm_json *thinking = llm_json_member(it, "thinking");

        add_words(in, kind, llm_json_span(llm_json_member(it, "text")));
        add_words(in, LLM_PART_REFUSAL,
                  llm_json_span(llm_json_member(it, "refusal")));
        add_words(in, LLM_PART_REASONING, llm_json_span(thinking));
        if (llm_json_kind_of(thinking) == LLM_JSON_ARRAY && !deep)
            add_parts(in, thinking, LLM_PART_REASONING, 1);
    }
}

static void add_call(replying *in, const char *id, const llm_json *function)
{
    const char *name = llm_json_word(llm_json_member(function, "name"));
    llm_part *part;

    if (!name || !*name)
        return;
    part = llm_parts_add(in->choice->parts, LLM_PART_CALL);
    part->name = name;
    part->text = llm_openai_arguments(function, in->p);
    part->id = id && *id ? id : llm_openai_call_id(in->reply->id, in->calls,
                                                   in->p);
    in->calls++;
    in->choice_calls++;
}

static void add_calls(replying *in, const llm_json *message)
{
    const llm_json *calls = llm_json_member(message, "tool_calls");
    const llm_json *old = llm_json_member(message, "function_call");
    size_t i, n = llm_json_kind_of(calls) == LLM_JSON_ARRAY
        ? llm_json_count(calls) : 0;

    for (i = 0; i < n; i++) {
        const llm_json *it = llm_json_element(calls, i);

        add_call(in, llm_json_word(llm_json_member(it, "id")),
                 llm_json_member(it, "function"));
    }
    add_call(in, NULL, old);
}

/* All of them on the first text: the places are the content's. */
static void add_citations(replying *in, const llm_json *list)
{
    llm_part *parts = (llm_part *)in->choice->parts->elts, *text = NULL;
    llm_citation citation;
    size_t i;

    for (i = 0; i < (size_t)in->choice->parts->nelts && !text; i++)
        if (parts[i].kind == LLM_PART_TEXT)
            text = &parts[i];
    for (i = 0; text && i < llm_json_count(list); i++) {
        if (!llm_openai_citation(llm_json_element(list, i), &citation))
            continue;
        if (!text->citations)
            text->citations = apr_array_make(in->p, 2, sizeof citation);
        APR_ARRAY_PUSH(text->citations, llm_citation) = citation;
    }
}

static void read_message(replying *in, const llm_json *message)
{
    const llm_json *content = llm_json_member(message, "content");
    const llm_json *notes = llm_json_member(message, "annotations");

    add_words(in, LLM_PART_REASONING, llm_openai_reasoning(message));
    add_words(in, LLM_PART_TEXT, llm_json_span(content));
    if (llm_json_kind_of(content) == LLM_JSON_ARRAY)
        add_parts(in, content, LLM_PART_TEXT, 0);
    add_words(in, LLM_PART_REFUSAL,
              llm_json_span(llm_json_member(message, "refusal")));
    if (llm_json_kind_of(notes) == LLM_JSON_ARRAY)
        add_citations(in, notes);
    add_calls(in, message);
}

static llm_fault read_choice(replying *in, const llm_json *it)
{
    const llm_json *message = llm_json_member(it, "message");
    const llm_json *logprobs = llm_json_member(it, "logprobs");
    const llm_json *text = llm_json_member(it, "text");

    if (llm_json_kind_of(message) != LLM_JSON_OBJECT
        && llm_json_kind_of(text) != LLM_JSON_STRING)
        return LLM_GARBAGE;
    in->choice = llm_reply_choice(in->reply, in->p);
    in->choice_calls = 0;
    if (llm_json_kind_of(message) == LLM_JSON_OBJECT) {
        read_message(in, message);
        if (llm_json_kind_of(logprobs) == LLM_JSON_OBJECT)
            in->choice->logprobs = llm_json_text(logprobs, in->p);
    }
    else
        add_words(in, LLM_PART_TEXT, llm_json_span(text));
    in->choice->finish = llm_openai_finish_of(
        llm_json_word(llm_json_member(it, "finish_reason")),
        in->choice_calls);
    return LLM_OK;
}

llm_fault llm_openai_read_reply(const llm_json *body, llm_reply *out,
                                apr_pool_t *p)
{
    const llm_json *choices = llm_json_member(body, "choices");
    const char *id = llm_json_word(llm_json_member(body, "id"));
    replying in = { .reply = out, .p = p };
    llm_fault fault = LLM_OK;
    size_t i;

    if (llm_json_kind_of(choices) != LLM_JSON_ARRAY)
        return LLM_GARBAGE;
    out->id = id && *id ? id : NULL;
    out->model = llm_json_word(llm_json_member(body, "model"));
    out->tier = llm_json_word(llm_json_member(body, "service_tier"));
    if (!llm_json_whole(llm_json_member(body, "created"), &out->created)
        || out->created < 0)
        out->created = 0;
    for (i = 0; i < llm_json_count(choices) && !fault; i++)
        fault = read_choice(&in, llm_json_element(choices, i));
    return fault;
}

/* ---- for a client ------------------------------------------------------- */

typedef struct answering {
    llm_emit e;
    const llm_reply *reply;
    const llm_face *face;
    apr_pool_t *p;
    int calls;                  /* of the whole answer */
} answering;

static int has(const llm_answer_choice *choice, llm_part_kind kind)
{
    const llm_part *parts = (const llm_part *)choice->parts->elts;
    int i, n = 0;

    for (i = 0; i < choice->parts->nelts; i++)
        n += parts[i].kind == kind && !parts[i].redacted;
    return n;
}

/* All words of one kind, one after the other. */
static llm_span words(answering *to, const llm_answer_choice *choice,
                      llm_part_kind kind)
{
    const llm_part *parts = (const llm_part *)choice->parts->elts;
    size_t room = 0;
    llm_span all = { "", 0 };
    char *at;
    int i;

    for (i = 0; i < choice->parts->nelts; i++)
        if (parts[i].kind == kind && !parts[i].redacted)
            room += parts[i].text.len;
    all.at = at = apr_palloc(to->p, room + 1);
    for (i = 0; i < choice->parts->nelts; i++) {
        if (parts[i].kind != kind || parts[i].redacted || !parts[i].text.len)
            continue;
        memcpy(at + all.len, parts[i].text.at, parts[i].text.len);
        all.len += parts[i].text.len;
    }
    return all;
}

static const char *id_of(answering *to, const llm_part *call,
                         const apr_array_header_t *thoughts)
{
    const char *id = call->id ? call->id : llm_openai_call_id(
        to->reply->id ? to->reply->id : to->face->id, to->calls, to->p);

    to->calls++;
    return llm_carry_pack(id, call->signature, thoughts, to->p);
}

/* The thoughts since the call before ride in a call's id. */
static void put_calls(answering *to, const llm_answer_choice *choice)
{
    const llm_part *parts = (const llm_part *)choice->parts->elts;
    apr_array_header_t *thoughts = llm_parts_make(to->p);
    llm_emit *e = &to->e;
    int i;

    llm_emit_array(e, "tool_calls");
    for (i = 0; i < choice->parts->nelts; i++) {
        if (parts[i].kind == LLM_PART_REASONING)
            *llm_parts_add(thoughts, LLM_PART_REASONING) = parts[i];
        if (parts[i].kind != LLM_PART_CALL)
            continue;
        llm_emit_object(e, NULL);
        llm_emit_string(e, "id", id_of(to, &parts[i], thoughts));
        llm_emit_string(e, "type", "function");
        llm_emit_object(e, "function");
        llm_emit_string(e, "name", parts[i].name ? parts[i].name : "");
        llm_emit_text(e, "arguments", parts[i].text.len
                      ? parts[i].text : (llm_span){ "{}", 2 });
        llm_emit_end_object(e);
        llm_emit_end_object(e);
        apr_array_clear(thoughts);
    }
    llm_emit_end_array(e);
}

/* Where a citation gives no place, it is of all the text it stands at. */
static void put_citations(answering *to, const llm_answer_choice *choice)
{
    const llm_part *parts = (const llm_part *)choice->parts->elts;
    long long from = 0, end;
    int i, j, open = 0;

    for (i = 0; i < choice->parts->nelts; i++) {
        const apr_array_header_t *list = parts[i].citations;

        if (parts[i].kind != LLM_PART_TEXT)
            continue;
        end = from + llm_openai_chars(parts[i].text);
        for (j = 0; list && j < list->nelts; j++) {
            llm_citation citation = APR_ARRAY_IDX(list, j, llm_citation);

            citation.start += citation.start < 0 ? 0 : from;
            citation.end += citation.end < 0 ? 0 : from;
            if (!open++)
                llm_emit_array(&to->e, "annotations");
            llm_openai_put_citation(&to->e, &citation, from, end);
        }
        from = end;
    }
    if (open)
        llm_emit_end_array(&to->e);
}

/* OpenAI has no place for them; this is OpenRouter's, which others share. */
void llm_openai_put_picture(llm_emit *e, const llm_part *part, apr_pool_t *p)
{
    llm_emit_object(e, NULL);
    llm_emit_string(e, "type", "image_url");
    llm_emit_object(e, "image_url");
    llm_emit_string(e, "url", apr_pstrcat(p, "data:", part->media, ";base64,",
                                          apr_pstrmemdup(p, part->data.at,
                                                         part->data.len),
                                          NULL));
    llm_emit_end_object(e);
    llm_emit_end_object(e);
}

static void put_pictures(answering *to, const llm_answer_choice *choice)
{
    const llm_part *parts = (const llm_part *)choice->parts->elts;
    int i;

    llm_emit_array(&to->e, "images");
    for (i = 0; i < choice->parts->nelts; i++)
        if (parts[i].kind == LLM_PART_IMAGE && parts[i].data.len
            && parts[i].media)
            llm_openai_put_picture(&to->e, &parts[i], to->p);
    llm_emit_end_array(&to->e);
}

static void put_message(answering *to, const llm_answer_choice *choice)
{
    llm_emit *e = &to->e;

    llm_emit_object(e, "message");
    llm_emit_string(e, "role", "assistant");
    if (has(choice, LLM_PART_REASONING))
        llm_emit_text(e, "reasoning_content",
                      words(to, choice, LLM_PART_REASONING));
    if (has(choice, LLM_PART_TEXT) || (!has(choice, LLM_PART_CALL)
                                       && !has(choice, LLM_PART_REFUSAL)))
        llm_emit_text(e, "content", words(to, choice, LLM_PART_TEXT));
    else
        llm_emit_null(e, "content");
    if (has(choice, LLM_PART_REFUSAL))
        llm_emit_text(e, "refusal", words(to, choice, LLM_PART_REFUSAL));
    else
        llm_emit_null(e, "refusal");
    put_citations(to, choice);
    if (has(choice, LLM_PART_IMAGE))
        put_pictures(to, choice);
    if (has(choice, LLM_PART_CALL))
        put_calls(to, choice);
    llm_emit_end_object(e);
}

static llm_finish finish_of(const llm_answer_choice *choice)
{
    if (choice->finish == LLM_FINISH_NONE && has(choice, LLM_PART_CALL))
        return LLM_FINISH_TOOLS;
    return choice->finish;
}

static void put_choice(answering *to, int index)
{
    const llm_answer_choice *choice
        = &((const llm_answer_choice *)to->reply->choices->elts)[index];
    llm_emit *e = &to->e;

    llm_emit_object(e, NULL);
    llm_emit_whole(e, "index", index);
    put_message(to, choice);
    if (choice->logprobs.len)
        llm_emit_raw(e, "logprobs", choice->logprobs);
    else
        llm_emit_null(e, "logprobs");
    llm_emit_string(e, "finish_reason",
                    llm_openai_finish_word(finish_of(choice)));
    llm_emit_end_object(e);
}

/* A legacy completion's choice is its text alone. */
static void put_text(answering *to, int index)
{
    const llm_answer_choice *choice
        = &((const llm_answer_choice *)to->reply->choices->elts)[index];
    const llm_finish finish = choice->finish == LLM_FINISH_TOOLS
        ? LLM_FINISH_STOP : choice->finish;
    llm_emit *e = &to->e;

    llm_emit_object(e, NULL);
    llm_emit_text(e, "text", words(to, choice, has(choice, LLM_PART_TEXT)
                                   ? LLM_PART_TEXT : LLM_PART_REFUSAL));
    llm_emit_whole(e, "index", index);
    llm_emit_null(e, "logprobs");
    llm_emit_string(e, "finish_reason", llm_openai_finish_word(finish));
    llm_emit_end_object(e);
}

static llm_fault write_reply(const llm_reply *reply, const llm_face *face,
                             int legacy, llm_buf *out, apr_pool_t *p)
{
    answering to = { .reply = reply, .face = face, .p = p };
    const char *model = reply->model ? reply->model : face->model;
    const size_t before = out->len;
    llm_emit *e = &to.e;
    int i;

    llm_emit_begin(e, out);
    llm_emit_object(e, NULL);
    llm_emit_string(e, "id", llm_openai_id(legacy ? "cmpl-" : "chatcmpl-",
                                           reply->id ? reply->id : face->id,
                                           p));
    llm_emit_string(e, "object", legacy ? "text_completion"
                                        : "chat.completion");
    llm_emit_whole(e, "created", reply->created > 0 ? reply->created
                                                    : face->now);
    llm_emit_string(e, "model", model ? model : "");
    llm_emit_array(e, "choices");
    for (i = 0; i < reply->choices->nelts; i++)
        if (legacy)
            put_text(&to, i);
        else
            put_choice(&to, i);
    llm_emit_end_array(e);
    if (reply->usage.known)
        llm_openai_put_usage(e, &reply->usage);
    if (!legacy)
        llm_emit_string(e, "service_tier", reply->tier);
    llm_emit_end_object(e);
    if (e->fault)
        out->len = before;
    return e->fault;
}

llm_fault llm_openai_write_reply(const llm_reply *reply, const llm_face *face,
                                 llm_buf *out, apr_pool_t *p)
{
    return write_reply(reply, face, 0, out, p);
}

llm_fault llm_openai_write_completion(const llm_reply *reply,
                                      const llm_face *face, llm_buf *out,
                                      apr_pool_t *p)
{
    return write_reply(reply, face, 1, out, p);
}
