#include "translate.h"
#include <string.h>
#include <apr_strings.h>
#include "estimate.h"

#define ANSWER_DEPTH 512        /* how deep a provider's answer may nest */

void llm_translate_begin(llm_translation *t, const llm_face *face,
                         const llm_dialect *to, apr_pool_t *p)
{
    t->face = face;
    t->to = to;
    t->pool = p;
    t->reader = t->writer = NULL;
    t->said = NULL;
    t->called = t->resumed = 0;
    llm_losses_init(&t->lost, p);
}

static apr_pool_t *scratch(llm_translation *t)
{
    if (t->scratch)
        apr_pool_clear(t->scratch);
    else
        apr_pool_create(&t->scratch, t->pool);
    return t->scratch;
}

/* ---- requests ----------------------------------------------------------- */

static llm_fault read_request(llm_translation *t, const llm_request *request,
                              unsigned depth, llm_fault_detail *detail)
{
    const llm_dialect *from = t->face->dialect;
    const llm_json *body;
    llm_fault fault = llm_json_parse(request->body.at, request->body.len,
                                     depth, &body, t->pool);

    if (fault)
        return fault;
    if (from->operation == LLM_OP_EMBED) {
        t->embedding = apr_pcalloc(t->pool, sizeof *t->embedding);
        fault = from->embed->read_request(body, t->embedding, detail, t->pool);
        if (fault)
            t->embedding = NULL;
        return fault;
    }
    t->chat = llm_chat_make(t->pool);
    fault = from->chat->read_request(body, t->chat, detail);
    if (fault)
        t->chat = NULL;
    else
        llm_chat_name_results(t->chat);
    return fault;
}

llm_fault llm_translate_read(llm_translation *t, const llm_request *request,
                             unsigned depth, llm_fault_detail *detail)
{
    return t->chat || t->embedding ? LLM_OK
                                   : read_request(t, request, depth, detail);
}

llm_fault llm_translate_request(llm_translation *t, const llm_request *request,
                                unsigned depth, const llm_asking *how,
                                llm_buf *out, llm_fault_detail *detail)
{
    llm_fault fault = llm_translate_read(t, request, depth, detail);

    if (fault)
        return fault;
    fault = t->embedding
        ? t->to->embed->write_request(t->embedding, how, &t->lost, out, detail)
        : t->to->chat->write_request(t->chat, how, &t->lost, out, detail);
    return fault == LLM_BAD_REQUEST ? LLM_UNSUPPORTED : fault;
}

llm_fault llm_translate_prefill(llm_translation *t, const llm_request *request,
                                unsigned depth, const llm_asking *how,
                                llm_span said, llm_buf *out,
                                llm_fault_detail *detail)
{
    llm_fault fault = llm_translate_read(t, request, depth, detail);
    llm_turn *turn;

    if (fault)
        return fault;
    while (said.len && llm_text_is_white(said.at[said.len - 1]))
        said.len--;
    if (!said.len)
        return LLM_UNSUPPORTED;
    turn = llm_chat_same_turn(t->chat, LLM_ROLE_ASSISTANT);
    llm_turn_part(turn, LLM_PART_TEXT, t->pool)->text = said;
    fault = t->to->chat->write_request(t->chat, how, &t->lost, out, detail);
    apr_array_pop(turn->parts);
    if (!turn->parts->nelts)
        apr_array_pop(t->chat->turns);
    return fault;
}

llm_fault llm_translate_count(llm_translation *t, const llm_request *request,
                              unsigned depth, long long *tokens, llm_buf *out,
                              llm_fault_detail *detail)
{
    llm_fault fault = llm_translate_read(t, request, depth, detail);

    if (fault)
        return fault;
    *tokens = llm_estimate_chat(t->chat);
    return t->face->dialect->write_count(*tokens, t->face, out);
}

/* ---- whole answers ------------------------------------------------------ */

/* The answer's model is the one that gave it, by the provider's own name. */
static const char *who(const llm_translation *t, const char *model)
{
    return model && *model ? model : t->face->model;
}

static int carries(const llm_translation *t, const char *media)
{
    const llm_carries most = t->face->dialect->chat->carries;

    return most == LLM_CARRIES_MEDIA
        || (most == LLM_CARRIES_PICTURES
            && llm_media_kind(media) == LLM_PART_IMAGE);
}

/* What the client's dialect has no place for is named in its place. */
static void name_media(const llm_translation *t, const llm_reply *reply)
{
    const llm_answer_choice *choices
        = (const llm_answer_choice *)reply->choices->elts;
    llm_part *part;
    int i, k;

    for (i = 0; i < reply->choices->nelts; i++)
        for (k = 0; k < choices[i].parts->nelts; k++) {
            part = &((llm_part *)choices[i].parts->elts)[k];
            if (!part->data.len || !part->media || carries(t, part->media))
                continue;
            part->kind = LLM_PART_TEXT;
            part->text = llm_media_notice(part->media, part->data.len,
                                          t->pool);
        }
}

static llm_fault answer_chat(llm_translation *t, const llm_json *body,
                             const llm_usage *usage, llm_buf *out)
{
    llm_reply *reply = llm_reply_make(t->pool);
    llm_fault fault = t->to->chat->read_reply(body, reply, t->pool);

    if (fault)
        return fault;
    reply->usage = *usage;
    reply->model = who(t, reply->model);
    name_media(t, reply);
    return t->face->dialect->chat->write_reply(reply, t->face, out, t->pool);
}

static llm_fault answer_embedding(llm_translation *t, const llm_json *body,
                                  const llm_usage *usage, llm_buf *out)
{
    llm_vectors vectors = { .list = apr_array_make(t->pool, 1,
                                                   sizeof(llm_vector)) };
    llm_fault fault = t->to->embed->read_reply(body, &vectors, t->pool);

    if (fault)
        return fault;
    if (vectors.list->nelts != (t->embedding->texts->nelts
                                ? t->embedding->texts->nelts
                                : vectors.list->nelts))
        return LLM_GARBAGE;
    vectors.usage = *usage;
    vectors.model = who(t, vectors.model);
    return t->face->dialect->embed->write_reply(&vectors, t->embedding,
                                                t->face, out);
}

llm_fault llm_translate_answer(llm_translation *t, llm_span body,
                               const llm_usage *usage, llm_buf *out)
{
    const llm_json *tree;

    if (t->face->dialect->operation == LLM_OP_COUNT)
        return t->face->dialect->write_count(usage->input, t->face, out);
    if (llm_json_parse(body.at, body.len, ANSWER_DEPTH, &tree, t->pool))
        return LLM_GARBAGE;
    if (t->face->dialect->operation == LLM_OP_EMBED)
        return answer_embedding(t, tree, usage, out);
    return answer_chat(t, tree, usage, out);
}

/* ---- streams ------------------------------------------------------------ */

static void *state(void **at, size_t size, apr_pool_t *p)
{
    if (!*at)
        *at = apr_pcalloc(p, size ? size : 1);
    return *at;
}

/* A text that was said before is compared, not written. What is left of it
 * goes on in *delta; LLM_CUT when it is another text. */
static llm_fault skip_text(llm_translation *t, llm_delta *delta)
{
    size_t left = t->repeated - t->matched;
    size_t n = delta->text.len < left ? delta->text.len : left;

    if (n && memcmp(t->said->data + t->matched, delta->text.at, n))
        return LLM_CUT;
    t->matched += n;
    delta->text.at += n;
    delta->text.len -= n;
    return LLM_OK;
}

/* Who goes on behind a text that ends in white space was not told of that, and
 * may say it. */
static void skip_white(llm_translation *t, llm_delta *delta)
{
    while (t->white && delta->text.len
           && *delta->text.at == t->said->data[t->said->len - t->white]) {
        delta->text.at++;
        delta->text.len--;
        t->white--;
    }
    if (delta->text.len)
        t->white = 0;
}

/* The client has had the beginning: of a second one only who goes on, nothing
 * of what comes before the text it knows, and nothing else in its place. */
static llm_fault filter(llm_translation *t, llm_delta *delta, int *drop)
{
    int again = llm_translate_is_behind(t);
    llm_fault fault = LLM_OK;

    if (!again && t->white && delta->kind == LLM_DELTA_TEXT) {
        skip_white(t, delta);
        *drop = !delta->text.len;
    }
    if (!again)
        return LLM_OK;
    switch (delta->kind) {
    case LLM_DELTA_BEGIN:
        return LLM_OK;
    case LLM_DELTA_TEXT:
        fault = skip_text(t, delta);
        *drop = !delta->text.len;
        t->strays = fault == LLM_CUT;
        return fault;
    case LLM_DELTA_CALL: case LLM_DELTA_REFUSAL: case LLM_DELTA_FINISH:
    case LLM_DELTA_MEDIA: case LLM_DELTA_END:
        t->strays = 1;
        return LLM_CUT;
    default:
        *drop = 1;
        return LLM_OK;
    }
}

static llm_fault note(llm_translation *t, const llm_delta *delta)
{
    if (delta->kind == LLM_DELTA_CALL || delta->kind == LLM_DELTA_REFUSAL
        || delta->choice)
        t->called = 1;
    if (t->said && delta->kind == LLM_DELTA_TEXT)
        return llm_buf_add(t->said, delta->text.at, delta->text.len);
    return LLM_OK;
}

/* More than text is said. */
static void take_media(llm_translation *t, llm_delta *delta)
{
    t->called = 1;
    if (carries(t, delta->name))
        return;
    delta->kind = LLM_DELTA_TEXT;
    delta->text = llm_media_notice(delta->name, delta->text.len, t->scratch);
}

static llm_fault write_delta(void *baton, const llm_delta *given)
{
    llm_translation *t = baton;
    const llm_chat_form *form = t->face->dialect->chat;
    llm_delta copy = *given, *delta = &copy;
    llm_fault fault = LLM_OK;
    int drop = 0;

    if (delta->kind == LLM_DELTA_BEGIN)
        delta->model = who(t, delta->model);
    if (delta->kind == LLM_DELTA_MEDIA)
        take_media(t, delta);
    if (t->resumed)
        fault = filter(t, delta, &drop);
    if (fault || drop)
        return fault;
    if (note(t, delta))
        t->called = 1;          /* too much to be said again */
    return form->write_delta(state(&t->writer, form->writer_size, t->pool),
                             delta, t->face, t->frame, t->out, t->scratch,
                             t->pool);
}

static llm_fault write_one(llm_translation *t, const llm_delta *delta,
                           llm_frame *frame, llm_buf *out)
{
    t->frame = frame;
    t->out = out;
    scratch(t);
    return write_delta(t, delta);
}

llm_fault llm_translate_piece(llm_translation *t, llm_span event,
                              llm_frame *frame, llm_buf *out)
{
    const llm_chat_form *form = t->to->chat;
    const llm_json *tree;

    t->frame = frame;
    t->out = out;
    if (llm_json_parse(event.at, event.len, ANSWER_DEPTH, &tree, scratch(t)))
        return LLM_GARBAGE;
    return form->read_piece(state(&t->reader, form->reader_size, t->pool),
                            tree, write_delta, t, t->scratch, t->pool);
}

void llm_translate_resume(llm_translation *t, const llm_dialect *to,
                          llm_buf *said, int again)
{
    t->to = to;
    t->reader = NULL;
    t->said = said;
    t->resumed = 1;
    t->matched = 0;
    t->repeated = again ? said->len : 0;
    t->strays = 0;
    t->white = 0;
    while (!again && t->white < said->len
           && llm_text_is_white(said->data[said->len - 1 - t->white]))
        t->white++;
}

int llm_translate_is_behind(const llm_translation *t)
{
    return t->resumed && t->matched < t->repeated;
}

int llm_translate_strays(const llm_translation *t)
{
    return t->strays;
}

llm_fault llm_translate_replay(llm_translation *t, llm_span event,
                               llm_frame *frame)
{
    const llm_chat_form *form = t->face->dialect->chat;
    const llm_json *tree;
    llm_buf nowhere;
    llm_fault fault;

    llm_buf_init(&nowhere, 1 << 20);
    fault = llm_translate_piece(t, event, frame, &nowhere);
    llm_buf_free(&nowhere);
    if (form->passed && !fault
        && !llm_json_parse(event.at, event.len, ANSWER_DEPTH, &tree,
                           scratch(t)))
        form->passed(state(&t->writer, form->writer_size, t->pool), tree);
    return fault;
}

llm_fault llm_translate_ping(llm_translation *t, llm_frame *frame,
                             llm_buf *out)
{
    const llm_delta ping = { .kind = LLM_DELTA_PING };

    return write_one(t, &ping, frame, out);
}

llm_fault llm_translate_end(llm_translation *t, const llm_usage *usage,
                            llm_frame *frame, llm_buf *out)
{
    const llm_delta count = { .kind = LLM_DELTA_USAGE, .usage = usage };
    const llm_delta end = { .kind = LLM_DELTA_END };
    llm_fault fault = LLM_OK;

    if (usage->known)
        fault = write_one(t, &count, frame, out);
    return fault ? fault : write_one(t, &end, frame, out);
}
