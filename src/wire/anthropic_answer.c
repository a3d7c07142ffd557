/* Anthropic's answers and events where they stand: what the gateway must know
 * of them when they pass as they are. */
#include "anthropic.h"
#include <string.h>

/* ---- usage -------------------------------------------------------------- */

/* As the API counts; -1: not said, or null. */
typedef struct counts {
    long long input, written, read, output, thinking, short_lived, long_lived;
} counts;

static llm_fault detail_member(void *baton, const llm_member *member)
{
    counts *in = baton;

    if (llm_scan_is(member, "ephemeral_5m_input_tokens"))
        in->short_lived = llm_scan_whole(member);
    else if (llm_scan_is(member, "ephemeral_1h_input_tokens"))
        in->long_lived = llm_scan_whole(member);
    else if (llm_scan_is(member, "thinking_tokens"))
        in->thinking = llm_scan_whole(member);
    return LLM_OK;
}

static llm_fault count_member(void *baton, const llm_member *member)
{
    counts *in = baton;

    if (member->kind == LLM_JSON_OBJECT
        && (llm_scan_is(member, "cache_creation")
            || llm_scan_is(member, "output_tokens_details")))
        return llm_scan_object(member->value.at, member->value.len,
                               LLM_ANTHROPIC_DEPTH, detail_member, in, NULL);
    if (llm_scan_is(member, "input_tokens"))
        in->input = llm_scan_whole(member);
    else if (llm_scan_is(member, "cache_creation_input_tokens"))
        in->written = llm_scan_whole(member);
    else if (llm_scan_is(member, "cache_read_input_tokens"))
        in->read = llm_scan_whole(member);
    else if (llm_scan_is(member, "output_tokens"))
        in->output = llm_scan_whole(member);
    return LLM_OK;
}

static void take(long long said, long long *out)
{
    if (said >= 0)
        *out = said;
}

/* What is said replaces what was known, and nothing is added up: the counts
 * of a stream are cumulative. */
static void apply(counts *in, llm_usage *usage)
{
    long long plain = usage->input - usage->cached - usage->cache_write;

    if (in->written < 0 && (in->short_lived >= 0 || in->long_lived >= 0))
        in->written = (in->short_lived > 0 ? in->short_lived : 0)
                    + (in->long_lived > 0 ? in->long_lived : 0);
    take(in->input, &plain);
    take(in->read, &usage->cached);
    take(in->written, &usage->cache_write);
    take(in->long_lived, &usage->cache_write_1h);
    take(in->output, &usage->output);
    take(in->thinking, &usage->reasoning);
    if (usage->cache_write_1h > usage->cache_write)
        usage->cache_write_1h = usage->cache_write;
    if (plain < 0)
        plain = 0;
    usage->input = plain + usage->cached + usage->cache_write;
    usage->known = 1;
}

static void read_usage(const llm_member *member, llm_usage *usage)
{
    counts in = { -1, -1, -1, -1, -1, -1, -1 };

    if (member->kind == LLM_JSON_OBJECT
        && !llm_scan_object(member->value.at, member->value.len,
                            LLM_ANTHROPIC_DEPTH, count_member, &in, NULL))
        apply(&in, usage);
}

/* ---- a whole answer ----------------------------------------------------- */

typedef struct answering {
    llm_usage *usage;
    int content, error;
    long long tokens;           /* a count's; -1 */
} answering;

static int is_word(const llm_member *member, const char *word)
{
    char text[64];

    return llm_scan_string(member, text, sizeof text) >= 0
        && !strcmp(text, word);
}

static llm_fault answer_member(void *baton, const llm_member *member)
{
    answering *in = baton;

    if (llm_scan_is(member, "usage"))
        read_usage(member, in->usage);
    else if (llm_scan_is(member, "content"))
        in->content = member->kind == LLM_JSON_ARRAY;
    else if (llm_scan_is(member, "error"))
        in->error |= member->kind != LLM_JSON_NULL;
    else if (llm_scan_is(member, "type"))
        in->error |= is_word(member, "error");
    else if (llm_scan_is(member, "input_tokens"))
        in->tokens = llm_scan_whole(member);
    return LLM_OK;
}

static int read_body(const char *body, size_t n, answering *in)
{
    memset(in->usage, 0, sizeof *in->usage);
    if (!llm_scan_object(body, n, LLM_ANTHROPIC_DEPTH, answer_member, in,
                         NULL))
        return 1;
    memset(in->usage, 0, sizeof *in->usage);
    return 0;
}

llm_fault llm_anthropic_read_answer(const char *body, size_t n,
                                    llm_usage *usage)
{
    answering in = { usage, 0, 0, -1 };

    if (!read_body(body, n, &in))
        return LLM_GARBAGE;
    if (in.content)
        return LLM_OK;
    return in.error ? LLM_FAILED : LLM_GARBAGE;
}

llm_fault llm_anthropic_read_count(const char *body, size_t n,
                                   llm_usage *usage)
{
    answering in = { usage, 0, 0, -1 };

    if (!read_body(body, n, &in))
        return LLM_GARBAGE;
    if (in.tokens < 0)
        return in.error ? LLM_FAILED : LLM_GARBAGE;
    usage->input = in.tokens;
    usage->known = 1;
    return LLM_OK;
}

/* ---- an event of a stream ----------------------------------------------- */

typedef struct streaming {
    llm_event *out;
    char type[64];              /* "": none was said */
    int error;                  /* it has an "error" */
    int output;                 /* a block or delta that says something */
} streaming;

static int is_said(const llm_member *member)
{
    static const char *const names[] = { "text", "thinking", "partial_json",
                                         "name" };
    size_t i;

    for (i = 0; i < sizeof names / sizeof *names; i++)
        if (llm_scan_is(member, names[i]))
            return 1;
    return 0;
}

/* Anything but what kind of block it is, and not empty, is output. */
static llm_fault block_member(void *baton, const llm_member *member)
{
    streaming *in = baton;

    if (is_said(member))
        llm_gauge_take(&in->out->said, member);
    if (llm_scan_is(member, "type"))
        in->output |= is_word(member, "tool_use")
            || is_word(member, "redacted_thinking");
    else if (llm_scan_is(member, "stop_reason"))
        in->out->has_finish |= member->kind == LLM_JSON_STRING;
    else if (member->kind != LLM_JSON_NULL && member->value.len > 2)
        in->output = 1;
    return LLM_OK;
}

static llm_fault message_member(void *baton, const llm_member *member)
{
    streaming *in = baton;

    if (llm_scan_is(member, "usage"))
        read_usage(member, &in->out->usage);
    return LLM_OK;
}

static llm_fault event_member(void *baton, const llm_member *member)
{
    streaming *in = baton;
    const llm_span value = member->value;

    if (llm_scan_is(member, "type")) {
        if (llm_scan_string(member, in->type, sizeof in->type) < 0)
            in->type[0] = '\0';
    }
    else if (llm_scan_is(member, "error")) {
        in->error = member->kind != LLM_JSON_NULL;
    }
    else if (llm_scan_is(member, "usage")) {
        read_usage(member, &in->out->usage);
    }
    else if (member->kind != LLM_JSON_OBJECT) {
        return LLM_OK;
    }
    else if (llm_scan_is(member, "message")) {
        return llm_scan_object(value.at, value.len, LLM_ANTHROPIC_DEPTH,
                               message_member, in, NULL);
    }
    else if (llm_scan_is(member, "delta")
             || llm_scan_is(member, "content_block")) {
        return llm_scan_object(value.at, value.len, LLM_ANTHROPIC_DEPTH,
                               block_member, in, NULL);
    }
    return LLM_OK;
}

static llm_event_kind kind_of(const streaming *in)
{
    if (!strcmp(in->type, "error") || (!in->type[0] && in->error))
        return LLM_EVENT_ERROR;
    if (!strcmp(in->type, "ping"))
        return LLM_EVENT_PING;
    if (!strcmp(in->type, "message_stop"))
        return LLM_EVENT_DONE;
    return in->type[0] ? LLM_EVENT_PIECE : LLM_EVENT_MALFORMED;
}

/* Events of kinds that are not known pass: there will be new ones. */
void llm_anthropic_read_event(const char *data, size_t n, llm_event *out)
{
    const llm_usage before = out->usage;
    streaming in = { .out = out };

    memset(out, 0, sizeof *out);
    out->usage = before;
    if (llm_scan_object(data, n, LLM_ANTHROPIC_DEPTH, event_member, &in,
                        NULL))
        in.type[0] = in.error = 0;
    out->kind = kind_of(&in);
    out->has_output = in.output && !strncmp(in.type, "content_block_", 14);
    out->has_finish &= !strcmp(in.type, "message_delta");
    if (!out->has_output)
        out->said = (llm_gauge){ 0 };
    if (out->kind == LLM_EVENT_MALFORMED)
        out->usage = before;
}
