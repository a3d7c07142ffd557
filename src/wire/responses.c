/* OpenAI Responses, as they pass through: what the gateway must know of a
 * request, an answer and an event without making a tree of it. */
#include "request.h"
#include "responses.h"
#include <string.h>

#define ANSWER_DEPTH 512        /* how deep a provider's answer may nest */

/* ---- a client's request ------------------------------------------------- */

static llm_fault read_request(const char *body, size_t n, unsigned depth,
                              llm_request *out, llm_fault_detail *detail,
                              apr_pool_t *p)
{
    llm_request_reading in = { out, detail, 0 };
    size_t where = 0;
    llm_fault fault;

    memset(out, 0, sizeof *out);
    out->body = (llm_span){ body, n };
    out->wants_usage = 1;       /* it is never asked for, and always told */
    fault = llm_scan_object(body, n, depth, llm_request_member, &in, &where);
    return llm_request_read(&in, fault, where, depth, p);
}

/* ---- the same request to a provider ------------------------------------- */

/* OpenAI would not take reasoning back that it has not sealed: such items,
 * from when another provider answered, are cut out of the input. */
typedef struct cutting {
    llm_buf *out;
    const char *at;             /* all before is written */
    const char *last;           /* where the element before ended */
    int kept;                   /* elements */
    int own;                    /* this one is ours */
    llm_fault fault;
} cutting;

static const char own_mark[] = "\"" LLM_RESPONSES_OWN;

static llm_fault item_member(void *baton, const llm_member *member)
{
    cutting *in = baton;

    if (llm_scan_is(member, "encrypted_content")
        && member->value.len >= sizeof own_mark - 1
        && !memcmp(member->value.at, own_mark, sizeof own_mark - 1))
        in->own = 1;
    return LLM_OK;
}

/* A cut element goes with the comma before it, or when it is the first with
 * the one behind it. */
static llm_fault item(void *baton, const llm_member *member)
{
    cutting *in = baton;
    const char *end = member->value.at + member->value.len;

    in->own = 0;
    if (member->kind == LLM_JSON_OBJECT)
        llm_scan_object(member->value.at, member->value.len, LLM_SCAN_DEEPEST,
                        item_member, in, NULL);
    if (in->own) {
        const char *to = in->kept || in->last ? in->last : member->value.at;

        if (to > in->at && !in->fault)
            in->fault = llm_buf_add(in->out, in->at, to - in->at);
        in->at = end;
    }
    else if (!in->kept++ && in->at == in->last) {
        in->at = member->value.at;
    }
    in->last = end;
    return in->fault;
}

static llm_fault input_member(void *baton, const llm_member *member)
{
    cutting *in = baton;

    if (!llm_scan_is(member, "input") || member->kind != LLM_JSON_ARRAY)
        return LLM_OK;
    in->kept = 0;
    in->last = NULL;
    return llm_scan_array(member->value.at, member->value.len,
                          LLM_SCAN_DEEPEST, item, in, NULL);
}

/* The bytes from `at` to `end`, which are members of the request, cut. */
static llm_fault pass_cut(llm_buf *out, llm_span body)
{
    cutting in = { .out = out, .at = body.at };
    llm_fault fault = llm_scan_object(body.at, body.len, LLM_SCAN_DEEPEST,
                                      input_member, &in, NULL);

    if (fault)
        return fault;
    return llm_buf_add(out, in.at, body.at + body.len - in.at);
}

static llm_fault pass_request(const llm_request *request, const char *name,
                              int ask_usage, llm_buf *out)
{
    llm_fault fault;
    llm_buf whole;

    (void)ask_usage;
    if (!memmem(request->body.at, request->body.len, own_mark,
                sizeof own_mark - 1))
        return llm_request_pass(request, name, out);
    llm_buf_init(&whole, out->ceiling);
    fault = llm_request_pass(request, name, &whole);
    if (!fault)
        fault = pass_cut(out, (llm_span){ whole.data, whole.len });
    llm_buf_free(&whole);
    return fault;
}

/* ---- usage -------------------------------------------------------------- */

typedef struct counting {
    llm_usage *usage;
    long long total;
    int output;                 /* the details are those of the output */
} counting;

static llm_fault usage_detail(void *baton, const llm_member *member)
{
    counting *in = baton;
    llm_usage *usage = in->usage;
    long long n = llm_scan_whole(member);

    if (n < 0)
        n = 0;
    if (llm_scan_is(member, "audio_tokens"))
        *(in->output ? &usage->audio_output : &usage->audio_input) = n;
    else if (in->output && llm_scan_is(member, "reasoning_tokens"))
        usage->reasoning = n;
    else if (!in->output && llm_scan_is(member, "cached_tokens"))
        usage->cached = n;
    else if (!in->output && llm_scan_is(member, "cache_write_tokens"))
        usage->cache_write = n;
    return LLM_OK;
}

static llm_fault usage_member(void *baton, const llm_member *member)
{
    counting *in = baton;
    long long n = llm_scan_whole(member);

    in->output = llm_scan_is(member, "output_tokens_details");
    if (member->kind == LLM_JSON_OBJECT
        && (in->output || llm_scan_is(member, "input_tokens_details")))
        return llm_scan_object(member->value.at, member->value.len,
                               ANSWER_DEPTH, usage_detail, in, NULL);
    if (n < 0)
        n = 0;
    if (llm_scan_is(member, "input_tokens"))
        in->usage->input = n;
    else if (llm_scan_is(member, "output_tokens"))
        in->usage->output = n;
    else if (llm_scan_is(member, "total_tokens"))
        in->total = n;
    return LLM_OK;
}

/* Where reasoning is counted beside the output, not in it (xAI), the total
 * gives that away. */
static void read_usage(const llm_member *member, llm_usage *usage)
{
    counting in = { usage, 0, 0 };

    if (member->kind != LLM_JSON_OBJECT)
        return;
    memset(usage, 0, sizeof *usage);
    usage->known = !llm_scan_object(member->value.at, member->value.len,
                                    ANSWER_DEPTH, usage_member, &in, NULL);
    if (usage->reasoning
        && in.total == usage->input + usage->output + usage->reasoning)
        usage->output += usage->reasoning;
}

/* ---- a whole answer ----------------------------------------------------- */

typedef struct answering {
    llm_usage *usage;
    int output, error, failed;
} answering;

static int says(const llm_member *member, const char *word)
{
    char text[80];

    return llm_scan_string(member, text, sizeof text) > 0
        && !strcmp(text, word);
}

static llm_fault answer_member(void *baton, const llm_member *member)
{
    answering *in = baton;

    if (llm_scan_is(member, "usage"))
        read_usage(member, in->usage);
    else if (llm_scan_is(member, "output"))
        in->output = member->kind == LLM_JSON_ARRAY;
    else if (llm_scan_is(member, "error"))
        in->error = member->kind != LLM_JSON_NULL;
    else if (llm_scan_is(member, "status"))
        in->failed = says(member, "failed");
    return LLM_OK;
}

static llm_fault read_answer(const char *body, size_t n, llm_usage *usage)
{
    answering in = { usage, 0, 0, 0 };

    memset(usage, 0, sizeof *usage);
    if (llm_scan_object(body, n, ANSWER_DEPTH, answer_member, &in, NULL))
        return LLM_GARBAGE;
    if (in.failed)
        return LLM_FAILED;
    if (in.output)
        return LLM_OK;
    return in.error ? LLM_FAILED : LLM_GARBAGE;
}

/* ---- an event of a stream ----------------------------------------------- */

typedef struct streaming {
    llm_event *out;
    char type[80];
    llm_span item;              /* an object */
    llm_gauge delta;            /* in a member of this name */
    int error;
    int quiet;                  /* the item begins with nothing */
} streaming;

static llm_fault response_member(void *baton, const llm_member *member)
{
    if (llm_scan_is(member, "usage"))
        read_usage(member, &((streaming *)baton)->out->usage);
    return LLM_OK;
}

static llm_fault event_member(void *baton, const llm_member *member)
{
    streaming *in = baton;

    if (llm_scan_is(member, "type")) {
        if (llm_scan_string(member, in->type, sizeof in->type) < 0)
            in->type[0] = '\0';
    }
    else if (llm_scan_is(member, "item")
             && member->kind == LLM_JSON_OBJECT) {
        in->item = member->value;
    }
    else if (llm_scan_is(member, "delta")) {
        llm_gauge_take(&in->delta, member);
    }
    else if (llm_scan_is(member, "error")) {
        in->error = member->kind != LLM_JSON_NULL;
    }
    else if (llm_scan_is(member, "response")
             && member->kind == LLM_JSON_OBJECT) {
        return llm_scan_object(member->value.at, member->value.len,
                               ANSWER_DEPTH, response_member, in, NULL);
    }
    return LLM_OK;
}

static llm_fault added_member(void *baton, const llm_member *member)
{
    streaming *in = baton;

    if (llm_scan_is(member, "type"))
        in->quiet = says(member, "message") || says(member, "reasoning");
    else if (llm_scan_is(member, "name"))
        llm_gauge_take(&in->out->said, member);
    return LLM_OK;
}

enum { SILENT, ADDED, FINAL, BROKEN, ALIVE, LOUD };

/* Everything that is not here is output. */
static const struct {
    const char *type;
    int is;
} types[] = {
    { "response.created", SILENT },
    { "response.in_progress", SILENT },
    { "response.queued", SILENT },
    { "response.content_part.added", SILENT },
    { "response.reasoning_summary_part.added", SILENT },
    { "response.output_item.added", ADDED },
    { "response.completed", FINAL },
    { "response.incomplete", FINAL },
    { "response.cancelled", FINAL },
    { "response.failed", BROKEN },
    { "error", BROKEN },
    { "keepalive", ALIVE },
    { "ping", ALIVE },
};

static int is_what(const char *type)
{
    size_t i;

    for (i = 0; i < sizeof types / sizeof *types; i++)
        if (!strcmp(types[i].type, type))
            return types[i].is;
    return LOUD;
}

/* The last event is a piece and not the end marker: the finish reason is in
 * it. */
static void judge(streaming *in)
{
    llm_event *out = in->out;

    switch (is_what(in->type)) {
    case SILENT:
        break;
    case ADDED:
        llm_scan_object(in->item.at, in->item.len, ANSWER_DEPTH, added_member,
                        in, NULL);
        out->has_output = !in->quiet;
        break;
    case FINAL:
        out->has_finish = 1;
        break;
    case BROKEN:
        out->kind = LLM_EVENT_ERROR;
        break;
    case ALIVE:
        out->kind = LLM_EVENT_PING;
        break;
    default:
        out->has_output = 1;
        if (strcmp(in->type, "response.audio.delta"))
            out->said = in->delta;
    }
}

static void read_event(const char *data, size_t n, llm_event *out)
{
    const llm_usage before = out->usage;
    streaming in = { .out = out };

    memset(out, 0, sizeof *out);
    out->usage = before;
    if (n == 6 && !memcmp(data, "[DONE]", 6)) {
        out->kind = LLM_EVENT_DONE;
        return;
    }
    if (llm_scan_object(data, n, ANSWER_DEPTH, event_member, &in, NULL)
        || (!in.type[0] && !in.error)) {
        out->kind = LLM_EVENT_MALFORMED;
        out->usage = before;
    }
    else if (in.type[0]) {
        judge(&in);
    }
    else {
        out->kind = LLM_EVENT_ERROR;
    }
}

/* ---- the dialect -------------------------------------------------------- */

static const char *path(const char *model, int stream, apr_pool_t *p)
{
    (void)model;
    (void)stream;
    (void)p;
    return "/responses";
}

static const llm_chat_form form = {
    .read_request = llm_responses_read_request,
    .write_request = llm_responses_write_request,
    .read_reply = llm_responses_read_reply,
    .write_reply = llm_responses_write_reply,
    .carries = LLM_CARRIES_PICTURES,
    .reader_size = sizeof(llm_responses_reader),
    .read_piece = llm_responses_read_piece,
    .writer_size = sizeof(llm_responses_writer),
    .write_delta = llm_responses_write_delta
};

const llm_dialect llm_openai_responses = {
    .name = "openai-responses", .operation = LLM_OP_CHAT, .path = path,
    .read_request = read_request, .pass_request = pass_request,
    .read_answer = read_answer, .named = 1, .read_event = read_event,
    .read_error = llm_responses_read_error,
    .write_error = llm_responses_write_error,
    .write_model = llm_openai_write_model,
    .write_models = llm_openai_write_models,
    .chat = &form
};
