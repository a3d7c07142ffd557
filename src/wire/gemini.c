/* Gemini's generateContent and countTokens. Shapes: those of @google/genai
 * 2.32.0. The model and whether to stream are in the path. */
#include "gemini.h"
#include "request.h"
#include "whole.h"
#include <string.h>
#include <apr_strings.h>

#define ANSWER_DEPTH 512        /* how deep a provider's answer may nest */

/* ---- paths -------------------------------------------------------------- */

static int is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
        || (c >= '0' && c <= '9') || (c && strchr("-._~", c));
}

/* A name of dots alone would climb in the path: its dots are encoded too. */
static const char *encode(const char *model, apr_pool_t *p)
{
    static const char hex[] = "0123456789ABCDEF";
    const int climbs = strspn(model, ".") == strlen(model);
    char *out = apr_palloc(p, 3 * strlen(model) + 1), *to = out;

    for (; *model; model++) {
        if (is_unreserved(*model) && !climbs) {
            *to++ = *model;
            continue;
        }
        *to++ = '%';
        *to++ = hex[(unsigned char)*model >> 4];
        *to++ = hex[*model & 15];
    }
    *to = '\0';
    return out;
}

static const char *bare(const char *model)
{
    return strncmp(model, "models/", 7) ? model : model + 7;
}

const char *llm_gemini_resource(const char *model, apr_pool_t *p)
{
    return strchr(model, '/') ? model
                              : apr_pstrcat(p, "models/", model, NULL);
}

const char *llm_gemini_url(const char *model, const char *verb, apr_pool_t *p)
{
    return apr_pstrcat(p, "/models/", encode(bare(model), p), verb, NULL);
}

static const char *path(const char *model, int stream, apr_pool_t *p)
{
    return llm_gemini_url(model, stream ? ":streamGenerateContent?alt=sse"
                                        : ":generateContent", p);
}

static const char *count_path(const char *model, int stream, apr_pool_t *p)
{
    (void)stream;
    return llm_gemini_url(model, ":countTokens", p);
}

/* ---- a client's request ------------------------------------------------- */

llm_fault llm_gemini_read_body(const char *body, size_t n, unsigned depth,
                               llm_request *out, llm_fault_detail *detail,
                               apr_pool_t *p)
{
    size_t where = 0;
    llm_fault fault = llm_scan_object(body, n, depth, NULL, NULL, &where);

    out->body.at = body;
    out->body.len = n;
    out->wants_usage = 1;       /* it is never asked for, and always there */
    return llm_request_scanned(fault, where, n, depth, detail, p);
}

/* ---- the same request to a provider ------------------------------------- */

typedef struct passing {
    const char *model;
    const char *done;           /* the body up to here is in `out` */
    llm_buf *out;
} passing;

/* Resources of other kinds than models are named whole. */
static llm_fault put_model(passing *in, const llm_member *member)
{
    const int whole = strchr(in->model, '/') != NULL;
    const size_t n = strlen(in->model) + (whole ? 0 : 7);
    char name[LLM_MODEL_MAX + 8];
    llm_fault fault = llm_buf_add(in->out, in->done,
                                  member->value.at - in->done);

    if (fault || n >= sizeof name)
        return fault ? fault : LLM_INTERNAL;
    apr_snprintf(name, sizeof name, "%s%s", whole ? "" : "models/",
                 in->model);
    in->done = member->value.at + member->value.len;
    return llm_buf_json(in->out, name, n);
}

/* Bodies repeat the model's name, which must be the path's: at the top, in
 * each of the requests of a batch and in what is to be counted. */
static llm_fault pass_member(void *baton, const llm_member *member)
{
    if (llm_scan_is(member, "model") && member->kind == LLM_JSON_STRING)
        return put_model(baton, member);
    if (member->kind == LLM_JSON_OBJECT
        && (llm_scan_is(member, "generateContentRequest")
            || llm_scan_is(member, "generate_content_request")
            || !member->name.len))
        return llm_scan_object(member->value.at, member->value.len,
                               LLM_SCAN_DEEPEST, pass_member, baton, NULL);
    if (member->kind == LLM_JSON_ARRAY && llm_scan_is(member, "requests"))
        return llm_scan_array(member->value.at, member->value.len,
                              LLM_SCAN_DEEPEST, pass_member, baton, NULL);
    return LLM_OK;
}

llm_fault llm_gemini_pass_request(const llm_request *request,
                                  const char *model, int ask_usage,
                                  llm_buf *out)
{
    const char *end = request->body.at + request->body.len;
    passing in = { model, request->body.at, out };
    const size_t before = out->len;
    llm_fault fault = llm_buf_reserve(out, request->body.len + 64);

    (void)ask_usage;
    if (!fault && strcmp(model, request->model))
        fault = llm_scan_object(request->body.at, request->body.len,
                                LLM_SCAN_DEEPEST, pass_member, &in, NULL);
    if (!fault)
        fault = llm_buf_add(out, in.done, end - in.done);
    if (fault)
        out->len = before;
    return fault;
}

/* ---- usage -------------------------------------------------------------- */

typedef struct counting {
    llm_usage usage;
    long long thoughts, audio;
    int any;
} counting;

static llm_fault modality(void *baton, const llm_member *member)
{
    counting *in = baton;
    char word[16];

    if (llm_scan_is(member, "modality"))
        in->any = llm_scan_string(member, word, sizeof word) > 0
            && !strcmp(word, "AUDIO");
    else if (llm_scan_is(member, "tokenCount"))
        in->audio = llm_scan_whole(member);
    return LLM_OK;
}

static llm_fault one_modality(void *baton, const llm_member *member)
{
    counting one = { .audio = 0 };

    if (member->kind != LLM_JSON_OBJECT)
        return LLM_OK;
    llm_scan_object(member->value.at, member->value.len, ANSWER_DEPTH,
                    modality, &one, NULL);
    if (one.any && one.audio > 0)
        *(long long *)baton = one.audio;
    return LLM_OK;
}

static const struct {
    const char *name;
    size_t offset;
    int list;                   /* of modalities: audio counts */
} counts[] = {
    { "promptTokenCount", offsetof(counting, usage.input), 0 },
    { "candidatesTokenCount", offsetof(counting, usage.output), 0 },
    { "cachedContentTokenCount", offsetof(counting, usage.cached), 0 },
    { "toolUsePromptTokenCount", offsetof(counting, usage.tool_input), 0 },
    { "thoughtsTokenCount", offsetof(counting, thoughts), 0 },
    { "promptTokensDetails", offsetof(counting, usage.audio_input), 1 },
    { "candidatesTokensDetails", offsetof(counting, usage.audio_output), 1 },
};

static llm_fault count_member(void *baton, const llm_member *member)
{
    counting *in = baton;
    long long *to, n;
    size_t i;

    for (i = 0; i < sizeof counts / sizeof *counts; i++) {
        if (!llm_scan_is(member, counts[i].name))
            continue;
        to = (long long *)((char *)in + counts[i].offset);
        if (counts[i].list && member->kind == LLM_JSON_ARRAY)
            llm_scan_array(member->value.at, member->value.len, ANSWER_DEPTH,
                           one_modality, to, NULL);
        n = counts[i].list ? -1 : llm_scan_whole(member);
        if (n >= 0) {
            *to = n;
            in->any = 1;
        }
    }
    return LLM_OK;
}

void llm_gemini_read_usage(const llm_member *member, llm_usage *usage)
{
    counting in = { .any = 0 };

    if (member->kind != LLM_JSON_OBJECT
        || llm_scan_object(member->value.at, member->value.len, ANSWER_DEPTH,
                           count_member, &in, NULL) || !in.any)
        return;
    *usage = in.usage;
    usage->input += in.usage.tool_input;
    usage->output += in.thoughts;
    usage->reasoning = in.thoughts;
    usage->known = 1;
}

/* ---- a whole answer ----------------------------------------------------- */

/* A refused prompt has no candidates, and sometimes an answer has not. */
static int proves(const llm_member *member, llm_usage *usage)
{
    if (llm_scan_is(member, "candidates"))
        return member->kind == LLM_JSON_ARRAY;
    if (llm_scan_is(member, "usageMetadata"))
        llm_gemini_read_usage(member, usage);
    else if (!llm_scan_is(member, "promptFeedback"))
        return 0;
    return member->kind == LLM_JSON_OBJECT;
}

static llm_fault read_answer(const char *body, size_t n, llm_usage *usage)
{
    return llm_whole_read(body, n, ANSWER_DEPTH, proves, LLM_WHOLE_ERROR,
                          usage);
}

/* Nothing to count is no tokens, and zeroes are left out. */
static int counts_tokens(const llm_member *member, llm_usage *usage)
{
    const long long n = llm_scan_whole(member);

    if (n < 0)
        return 0;
    if (llm_scan_is(member, "cachedContentTokenCount"))
        usage->cached = n;
    if (!llm_scan_is(member, "totalTokens"))
        return 0;
    usage->input = n;
    return usage->known = 1;
}

static llm_fault read_count(const char *body, size_t n, llm_usage *usage)
{
    return llm_whole_read(body, n, ANSWER_DEPTH, counts_tokens,
                          LLM_WHOLE_ERROR, usage);
}

static llm_fault write_count(long long tokens, const llm_face *face,
                             llm_buf *out)
{
    (void)face;
    return llm_buf_printf(out, "{\"totalTokens\":%lld}\n", tokens);
}

/* ---- an event of a stream ----------------------------------------------- */

typedef struct streaming {
    llm_event *out;
    int answer, error;
    int reason;                 /* what reasons are called where it is */
} streaming;

static const char *const reasons[] = { "finishReason", "blockReason" };

static llm_fault call_member(void *baton, const llm_member *member)
{
    if (llm_scan_is(member, "name"))
        llm_gauge_take(baton, member);
    else if (llm_scan_is(member, "args"))
        llm_gauge_take_json(baton, member->value);
    return LLM_OK;
}

static void take_part(llm_gauge *said, const llm_member *member)
{
    if (llm_scan_is(member, "text"))
        llm_gauge_take(said, member);
    else if (llm_scan_is(member, "functionCall")
             && member->kind == LLM_JSON_OBJECT)
        llm_scan_object(member->value.at, member->value.len, ANSWER_DEPTH,
                        call_member, said, NULL);
}

/* Anything but an empty text is output. */
static llm_fault part_member(void *baton, const llm_member *member)
{
    streaming *in = baton;

    take_part(&in->out->said, member);
    if (member->kind == LLM_JSON_OBJECT
        || (member->kind == LLM_JSON_STRING && member->value.len > 2
            && llm_scan_is(member, "text")))
        in->out->has_output = 1;
    return LLM_OK;
}

static llm_fault part(void *baton, const llm_member *member)
{
    if (member->kind != LLM_JSON_OBJECT)
        return LLM_BAD_JSON;
    return llm_scan_object(member->value.at, member->value.len, ANSWER_DEPTH,
                           part_member, baton, NULL);
}

static llm_fault content_member(void *baton, const llm_member *member)
{
    if (!llm_scan_is(member, "parts") || member->kind != LLM_JSON_ARRAY)
        return LLM_OK;
    return llm_scan_array(member->value.at, member->value.len, ANSWER_DEPTH,
                          part, baton, NULL);
}

static llm_fault candidate_member(void *baton, const llm_member *member)
{
    streaming *in = baton;
    char word[32];

    if (llm_scan_is(member, reasons[in->reason])) {
        if (member->kind == LLM_JSON_STRING
            && (llm_scan_string(member, word, sizeof word) < 0
                || (*word && strcmp(word, "FINISH_REASON_UNSPECIFIED"))))
            in->out->has_finish = 1;
    }
    else if (llm_scan_is(member, "content")
             && member->kind == LLM_JSON_OBJECT)
        return llm_scan_object(member->value.at, member->value.len,
                               ANSWER_DEPTH, content_member, in, NULL);
    return LLM_OK;
}

static llm_fault candidate(void *baton, const llm_member *member)
{
    if (member->kind != LLM_JSON_OBJECT)
        return LLM_BAD_JSON;
    return llm_scan_object(member->value.at, member->value.len, ANSWER_DEPTH,
                           candidate_member, baton, NULL);
}

static llm_fault event_member(void *baton, const llm_member *member)
{
    streaming *in = baton;

    if (llm_scan_is(member, "usageMetadata")) {
        llm_gemini_read_usage(member, &in->out->usage);
        in->answer |= member->kind == LLM_JSON_OBJECT;
    }
    else if (llm_scan_is(member, "candidates")
             && member->kind == LLM_JSON_ARRAY) {
        in->answer = 1;
        in->reason = 0;
        return llm_scan_array(member->value.at, member->value.len,
                              ANSWER_DEPTH, candidate, in, NULL);
    }
    else if (llm_scan_is(member, "promptFeedback")
             && member->kind == LLM_JSON_OBJECT) {
        in->answer = in->reason = 1;
        return candidate(in, member);
    }
    else if (llm_scan_is(member, "error"))
        in->error = member->kind != LLM_JSON_NULL;
    return LLM_OK;
}

void llm_gemini_no_event(const char *data, size_t n, llm_event *out)
{
    const llm_usage before = out->usage;

    (void)data;
    (void)n;
    memset(out, 0, sizeof *out);
    out->usage = before;
    out->kind = LLM_EVENT_MALFORMED;
}

static void read_event(const char *data, size_t n, llm_event *out)
{
    const llm_usage before = out->usage;
    streaming in = { .out = out };

    memset(out, 0, sizeof *out);
    out->usage = before;
    if (llm_scan_object(data, n, ANSWER_DEPTH, event_member, &in, NULL)
        || (!in.answer && !in.error)) {
        out->usage = before;
        llm_gemini_no_event(data, n, out);
    }
    else if (in.error) {
        out->kind = LLM_EVENT_ERROR;
    }
}

/* ---- the dialects ------------------------------------------------------- */

static const llm_chat_form chat_form = {
    .read_request = llm_gemini_read_request,
    .write_request = llm_gemini_write_request,
    .read_reply = llm_gemini_read_reply,
    .write_reply = llm_gemini_write_reply, .carries = LLM_CARRIES_MEDIA,
    .reader_size = LLM_GEMINI_READER, .read_piece = llm_gemini_read_piece,
    .writer_size = LLM_GEMINI_WRITER, .write_delta = llm_gemini_write_delta
};

static const llm_chat_form count_form = {
    .read_request = llm_gemini_read_count,
    .write_request = llm_gemini_write_count
};

const llm_dialect llm_gemini = {
    .name = "gemini", .operation = LLM_OP_CHAT, .path = path,
    .read_request = llm_gemini_read_body,
    .pass_request = llm_gemini_pass_request,
    .read_answer = read_answer, .read_event = read_event,
    .read_error = llm_gemini_read_error,
    .write_error = llm_gemini_write_error,
    .write_model = llm_gemini_write_model,
    .write_models = llm_gemini_write_models,
    .chat = &chat_form
};

const llm_dialect llm_gemini_count = {
    .name = "gemini-count", .operation = LLM_OP_COUNT, .path = count_path,
    .read_request = llm_gemini_read_body,
    .pass_request = llm_gemini_pass_request,
    .read_answer = read_count, .read_event = llm_gemini_no_event,
    .read_error = llm_gemini_read_error,
    .write_error = llm_gemini_write_error,
    .write_model = llm_gemini_write_model,
    .write_models = llm_gemini_write_models,
    .chat = &count_form, .write_count = write_count
};
