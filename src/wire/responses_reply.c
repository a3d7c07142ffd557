/* Whole answers of the Responses API, read and written. */
#include "responses.h"
#include <apr_strings.h>
#include <string.h>
#include "carry.h"

/* ---- reading ------------------------------------------------------------ */

static const char *word(const llm_json *object, const char *name,
                        apr_pool_t *p)
{
    const char *text = llm_json_word(llm_json_member(object, name));

    return text ? apr_pstrdup(p, text) : NULL;
}

static void read_logprobs(llm_answer_choice *choice, const llm_json *list,
                          apr_pool_t *p)
{
    llm_span text;

    if (!llm_json_count(list) || choice->logprobs.len)
        return;
    text = llm_json_text(list, p);
    choice->logprobs.at = apr_pstrcat(p, "{\"content\":", text.at,
                                      ",\"refusal\":null}", NULL);
    choice->logprobs.len = strlen(choice->logprobs.at);
}

static void read_content(llm_answer_choice *choice, const llm_json *content,
                         apr_pool_t *p)
{
    const char *type = llm_json_word(llm_json_member(content, "type"));
    int refusal = type && !strcmp(type, "refusal"), other = 0;
    llm_span text = llm_json_span(llm_json_member(content, refusal
                                                  ? "refusal" : "text"));
    llm_part *part;

    if (!text.at)
        return;
    part = llm_parts_add(choice->parts, refusal ? LLM_PART_REFUSAL
                                                : LLM_PART_TEXT);
    part->text = llm_responses_copy(text, p);
    if (refusal)
        return;
    part->citations = llm_responses_citations(
        llm_json_member(content, "annotations"), &other, p);
    read_logprobs(choice, llm_json_member(content, "logprobs"), p);
}

static void read_message(llm_answer_choice *choice, const llm_json *item,
                         apr_pool_t *p)
{
    const llm_json *content = llm_json_member(item, "content");
    size_t i;

    for (i = 0; i < llm_json_count(content); i++)
        read_content(choice, llm_json_element(content, i), p);
}

static void read_call(llm_answer_choice *choice, const llm_json *item,
                      apr_pool_t *p)
{
    llm_part *part = llm_parts_add(choice->parts, LLM_PART_CALL);

    part->id = word(item, "call_id", p);
    part->name = word(item, "name", p);
    part->text = llm_responses_copy(
        llm_json_span(llm_json_member(item, "arguments")), p);
}

static void read_image(llm_answer_choice *choice, const llm_json *item,
                       apr_pool_t *p)
{
    llm_span data = llm_json_span(llm_json_member(item, "result"));
    const char *format = word(item, "output_format", p);
    llm_part *part;

    if (!data.len)
        return;
    part = llm_parts_add(choice->parts, LLM_PART_IMAGE);
    part->data = llm_responses_copy(data, p);
    part->media = apr_pstrcat(p, "image/", format ? format : "png", NULL);
}

static void read_item(llm_answer_choice *choice, const llm_json *item,
                      apr_pool_t *p)
{
    const char *type = llm_json_word(llm_json_member(item, "type"));

    if (!type)
        return;
    if (!strcmp(type, "message"))
        read_message(choice, item, p);
    else if (!strcmp(type, "function_call"))
        read_call(choice, item, p);
    else if (!strcmp(type, "reasoning"))
        llm_responses_unseal(item, choice->parts, p);
    else if (!strcmp(type, "image_generation_call"))
        read_image(choice, item, p);
}

static llm_finish usual_finish(const llm_answer_choice *choice)
{
    const llm_part *parts = (const llm_part *)choice->parts->elts;
    llm_finish finish = LLM_FINISH_STOP;
    int i;

    for (i = 0; i < choice->parts->nelts; i++)
        if (parts[i].kind == LLM_PART_CALL)
            return LLM_FINISH_TOOLS;
        else if (parts[i].kind == LLM_PART_REFUSAL)
            finish = LLM_FINISH_FILTER;
    return finish;
}

llm_finish llm_responses_finish(const llm_json *response, llm_finish usual)
{
    const char *status = llm_json_word(llm_json_member(response, "status"));
    const char *reason = llm_json_word(llm_json_member(
        llm_json_member(response, "incomplete_details"), "reason"));

    if (!status || !strcmp(status, "completed"))
        return usual;
    if (reason && !strcmp(reason, "max_output_tokens"))
        return LLM_FINISH_LENGTH;
    if (reason && !strcmp(reason, "content_filter"))
        return LLM_FINISH_FILTER;
    return LLM_FINISH_OTHER;
}

llm_fault llm_responses_read_reply(const llm_json *body, llm_reply *out,
                                   apr_pool_t *p)
{
    const llm_json *output = llm_json_member(body, "output");
    llm_answer_choice *choice;
    size_t i;

    if (llm_json_kind_of(output) != LLM_JSON_ARRAY)
        return LLM_GARBAGE;
    out->id = word(body, "id", p);
    out->model = word(body, "model", p);
    out->tier = word(body, "service_tier", p);
    if (!llm_json_whole(llm_json_member(body, "created_at"), &out->created)
        || out->created < 0)
        out->created = 0;
    choice = llm_reply_choice(out, p);
    for (i = 0; i < llm_json_count(output); i++)
        read_item(choice, llm_json_element(output, i), p);
    choice->finish = llm_responses_finish(body, usual_finish(choice));
    return LLM_OK;
}

/* ---- writing ------------------------------------------------------------ */

typedef struct writing {
    const llm_face *face;
    const char *reply_id;
    llm_emit e;
    apr_pool_t *p;
    int items, calls;
    const char *status;         /* of the last item */
    llm_span logprobs;
    apr_array_header_t *reasoning;      /* since the last call */
} writing;

/* One item of `count` parts; what the answer ends with may be unfinished. */
static void put_item(writing *w, const llm_part *parts, int count, int last,
                     const char *what)
{
    llm_responses_item item = {
        .kind = parts->kind == LLM_PART_REFUSAL ? LLM_PART_TEXT : parts->kind,
        .parts = parts, .count = count,
        .status = last ? w->status : "completed"
    };

    item.id = llm_responses_id(what, w->face, w->items++, w->p);
    if (item.kind == LLM_PART_TEXT) {
        item.logprobs = w->logprobs;
        w->logprobs.len = 0;
    }
    llm_responses_put_item(&w->e, NULL, &item, w->p);
}

static void put_call(writing *w, const llm_part *part, int last)
{
    llm_part packed = *part;
    const char *id = part->id && *part->id ? part->id
        : llm_responses_id("call_", w->face, w->calls, w->p);

    w->calls++;
    packed.id = llm_carry_pack(id, part->signature, w->reasoning, w->p);
    apr_array_clear(w->reasoning);
    put_item(w, &packed, 1, last, "fc_");
}

static int is_words(const llm_part *part)
{
    return part->kind == LLM_PART_TEXT || part->kind == LLM_PART_REFUSAL;
}

static void put_parts(writing *w, const apr_array_header_t *list)
{
    const llm_part *parts = (const llm_part *)list->elts;
    int i, to, last, n = list->nelts;

    for (i = 0; i < n; i = to) {
        to = i + 1;
        while (is_words(&parts[i]) && to < n && is_words(&parts[to]))
            to++;
        last = to == n;
        if (parts[i].kind == LLM_PART_REASONING) {
            *llm_parts_add(w->reasoning, LLM_PART_REASONING) = parts[i];
            put_item(w, &parts[i], 1, last, "rs_");
        }
        else if (parts[i].kind == LLM_PART_CALL)
            put_call(w, &parts[i], last);
        else if (is_words(&parts[i]))
            put_item(w, &parts[i], to - i, last, "msg_");
        else if (parts[i].kind == LLM_PART_IMAGE && parts[i].data.len)
            put_item(w, &parts[i], 1, last, "ig_");
    }
}

static int holds(const apr_array_header_t *list, llm_part_kind kind)
{
    int i;

    for (i = 0; i < list->nelts; i++)
        if (((const llm_part *)list->elts)[i].kind == kind)
            return 1;
    return 0;
}

llm_fault llm_responses_write_reply(const llm_reply *reply,
                                    const llm_face *face, llm_buf *out,
                                    apr_pool_t *p)
{
    const llm_answer_choice none = { .parts = llm_parts_make(p) };
    const llm_answer_choice *choice = reply->choices->nelts
        ? (const llm_answer_choice *)reply->choices->elts : &none;
    llm_responses_head head = {
        .id = llm_responses_id("resp_", face, -1, p), .tier = reply->tier,
        .model = reply->model ? reply->model : face->model,
        .created = reply->created ? reply->created : face->now,
        .usage = reply->usage.known ? &reply->usage : NULL
    };
    writing w = { .face = face, .p = p, .reasoning = llm_parts_make(p) };

    head.status = llm_responses_status(choice->finish,
                                       holds(choice->parts, LLM_PART_REFUSAL),
                                       &head.incomplete);
    w.status = head.status;
    w.logprobs = llm_responses_logprobs(choice->logprobs);
    llm_emit_begin(&w.e, out);
    llm_responses_begin(&w.e, NULL, &head);
    llm_emit_array(&w.e, "output");
    put_parts(&w, choice->parts);
    llm_emit_end_array(&w.e);
    llm_responses_end(&w.e, &head);
    return w.e.fault;
}
