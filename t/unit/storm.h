/* Providers of which each attempt may do anything, and what it then took.
 * Included by call_storm.c alone; one thread. */
#ifndef LLM_STORM_H
#define LLM_STORM_H

#include "rehearsal.h"

#include "../../src/wire/sse.h"

static uint64_t dice;

static unsigned below(unsigned n)
{
    return (unsigned)llm_plan_random(&dice, n);
}

static int one_in(unsigned n)
{
    return !below(n);
}

/* --- what they tell ------------------------------------------------------ */

#define TRUTH "It was a bright cold day in April, and the clocks were " \
    "striking thirteen. Winston Smith slipped quickly through the doors."
#define SHORT "It was a bright cold day in April, and the clocks"
#define OTHER "Call me Ishmael. Some years ago, never mind how long."

static const char *const tales[] = { TRUTH, SHORT, OTHER };

typedef enum mark_kind {
    MARK_USAGE,                 /* tokens so far, this attempt's */
    MARK_TEXT,                  /* bytes of the text so far */
    MARK_FINISH, MARK_DONE, MARK_ERROR
} mark_kind;

/* An event of the stream, whole when so many bytes have come. */
typedef struct mark {
    mark_kind kind;
    size_t end;
    long long in, out;
} mark;

typedef enum ending {
    END_TRUE, END_CUT, END_SILENT
} ending;

/* One attempt's answer. */
typedef struct part {
    llm_buf bytes;
    size_t at;                  /* given so far */
    int status, framed, encoded, stream;
    long retry_ms;
    int spent;                  /* the key has spent all it may */
    int is_long, is_content;    /* what the request is refused for */
    long long context;          /* the tokens that are not enough, as it says
                                 * itself; 0: it does not */
    const char *type;
    ending ending;
    llm_fault fault;            /* of END_CUT */
    int ended;                  /* the end was given, a true one */
    long long parts_at;         /* bytes of its text that the client knows
                                 * already, where its own is another; -1 */
    mark marks[256];
    int n;
    const char *what;           /* for who reads the story */
} part;

static void note(part *to, mark_kind kind, long long in, long long out)
{
    if (to->n < (int)COUNT(to->marks))
        to->marks[to->n++] = (mark){ kind, to->bytes.len, in, out };
}

/* Tokens are thousands, so that estimates, which are few, can be told from
 * them. */
static void tokens_of(int attempt, long long *in, long long *out)
{
    *in = 1000 * (attempt + 1);
    *out = 1000 * (2 * attempt + 1);
}

static void put_noise(part *to, int anthropic)
{
    static const char *const noise[] = {
        ": still here\n\n", "data: {broken\n\n", "data: []\n\n", "\n",
        "id: 3\n", "retry: 10\n\n", "event: ping\n\n",
    };

    if (one_in(3) && anthropic)
        llm_buf_puts(&to->bytes,
                     "event: ping\ndata: {\"type\":\"ping\"}\n\n");
    else
        llm_buf_puts(&to->bytes, noise[below(COUNT(noise))]);
}

/* --- OpenAI's stream ----------------------------------------------------- */

static void openai_head(part *to, int attempt)
{
    (void)attempt;
    llm_buf_puts(&to->bytes, EVENT("{\"id\":\"c-1\",\"choices\":[{\"index\":0,"
                 "\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}"));
}

static void openai_text(part *to, const char *text, size_t n)
{
    llm_buf_puts(&to->bytes, "data: {\"id\":\"c-1\",\"choices\":[{\"index\":0,"
                 "\"delta\":{\"content\":");
    llm_buf_json(&to->bytes, text, n);
    llm_buf_printf(&to->bytes, "}}]%s}\n\n", one_in(2) ? ",\"usage\":null"
                                                       : "");
}

static void openai_finish(part *to, int attempt)
{
    long long in, out;

    tokens_of(attempt, &in, &out);
    llm_buf_puts(&to->bytes, EVENT("{\"id\":\"c-1\",\"choices\":[{\"index\":0,"
                 "\"delta\":{},\"finish_reason\":\"stop\"}]}"));
    note(to, MARK_FINISH, 0, 0);
    if (one_in(4))
        return;
    llm_buf_printf(&to->bytes, "data: {\"choices\":[],\"usage\":{"
                   "\"prompt_tokens\":%lld,\"completion_tokens\":%lld}}\n\n",
                   in, out);
    note(to, MARK_USAGE, in, out);
}

/* --- Anthropic's --------------------------------------------------------- */

static void anthropic_head(part *to, int attempt)
{
    long long in, out;

    tokens_of(attempt, &in, &out);
    llm_buf_printf(&to->bytes, "event: message_start\ndata: {\"type\":"
                   "\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":"
                   "\"message\",\"role\":\"assistant\",\"model\":\"x\","
                   "\"content\":[],\"stop_reason\":null,"
                   "\"stop_sequence\":null,\"usage\":{\"input_tokens\":%lld,"
                   "\"output_tokens\":0}}}\n\n", in);
    note(to, MARK_USAGE, in, 0);
    llm_buf_puts(&to->bytes, "event: content_block_start\ndata: {\"type\":"
                 "\"content_block_start\",\"index\":0,\"content_block\":{"
                 "\"type\":\"text\",\"text\":\"\"}}\n\n");
}

static void anthropic_text(part *to, const char *text, size_t n)
{
    llm_buf_puts(&to->bytes, "event: content_block_delta\ndata: {\"type\":"
                 "\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
                 "\"text_delta\",\"text\":");
    llm_buf_json(&to->bytes, text, n);
    llm_buf_puts(&to->bytes, "}}\n\n");
}

static void anthropic_finish(part *to, int attempt)
{
    long long in, out;

    tokens_of(attempt, &in, &out);
    llm_buf_printf(&to->bytes, "event: content_block_stop\ndata: {\"type\":"
                   "\"content_block_stop\",\"index\":0}\n\n"
                   "event: message_delta\ndata: {\"type\":\"message_delta\","
                   "\"delta\":{\"stop_reason\":\"end_turn\","
                   "\"stop_sequence\":null},\"usage\":{\"output_tokens\":%lld}"
                   "}\n\n", out);
    note(to, MARK_USAGE, in, out);
    note(to, MARK_FINISH, in, out);
}

/* --- a stream ------------------------------------------------------------ */

static const char *error_word(int anthropic)
{
    static const char *const words[] = {
        "overloaded_error", "rate_limit_error", "server_error",
        "invalid_request_error",
    };

    (void)anthropic;
    return words[below(COUNT(words))];
}

static void put_error(part *to, int anthropic)
{
    llm_buf_printf(&to->bytes, "%sdata: {\"type\":\"error\",\"error\":{"
                   "\"type\":\"%s\",\"message\":\"no more\"}}\n\n",
                   anthropic ? "event: error\n" : "", error_word(anthropic));
    note(to, MARK_ERROR, 0, 0);
}

static void put_done(part *to, int anthropic)
{
    llm_buf_puts(&to->bytes, anthropic
                 ? "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
                 : DONE);
    note(to, MARK_DONE, 0, 0);
    if (!one_in(6))
        return;
    if (anthropic)              /* more, after the end */
        anthropic_text(to, "late", 4);
    else
        openai_text(to, "late", 4);
}

static void put_text(part *to, int anthropic, const char *text)
{
    size_t left = strlen(text), n;
    long long said = 0;

    for (; left; text += n, left -= n) {
        n = 1 + below(left < 40 ? (unsigned)left : 40);
        if (one_in(12))
            put_noise(to, anthropic);
        if (one_in(150))
            put_error(to, anthropic);
        if (anthropic)
            anthropic_text(to, text, n);
        else
            openai_text(to, text, n);
        said += (long long)n;
        note(to, MARK_TEXT, said, 0);
    }
}

static void write_stream(part *to, int anthropic, int attempt,
                         const char *text)
{
    to->type = "text/event-stream";
    to->stream = 1;
    if (anthropic)
        anthropic_head(to, attempt);
    else
        openai_head(to, attempt);
    if (one_in(20))
        put_error(to, anthropic);
    put_text(to, anthropic, text);
    if (anthropic)
        anthropic_finish(to, attempt);
    else
        openai_finish(to, attempt);
    if (!one_in(5))
        put_done(to, anthropic);
}

static void write_whole(part *to, int anthropic, int attempt,
                        const char *text)
{
    long long in, out;

    tokens_of(attempt, &in, &out);
    to->type = "application/json";
    llm_buf_puts(&to->bytes, anthropic
        ? "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\","
          "\"model\":\"x\",\"content\":[{\"type\":\"text\",\"text\":"
        : "{\"id\":\"c-1\",\"object\":\"chat.completion\",\"choices\":[{"
          "\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":");
    llm_buf_json(&to->bytes, text, strlen(text));
    llm_buf_puts(&to->bytes, anthropic
        ? "}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null"
        : "},\"finish_reason\":\"stop\"}]");
    llm_buf_printf(&to->bytes, anthropic
        ? ",\"usage\":{\"input_tokens\":%lld,\"output_tokens\":%lld}}"
        : ",\"usage\":{\"prompt_tokens\":%lld,\"completion_tokens\":%lld}}",
        in, out);
    note(to, MARK_USAGE, in, out);
}

/* --- refusals ------------------------------------------------------------ */

static void refuse_with(part *to, int status, const char *code,
                        const char *message)
{
    to->status = status;
    to->type = "application/json";
    to->framed = 1;
    to->what = apr_psprintf(the_pool, "%d %s", status, code);
    llm_buf_printf(&to->bytes, "{\"type\":\"error\",\"error\":{\"type\":"
                   "\"some_error\",\"code\":\"%s\",\"message\":\"%s\"}}",
                   code, message);
}

static void refuse(part *to, int status, const char *code)
{
    refuse_with(to, status, code, "because");
}

/* As all of them understand it, in words. */
static void find_too_long(part *to, long long context)
{
    char text[80];

    to->is_long = 1;
    to->context = context;
    snprintf(text, sizeof text, "prompt is too long: 999999 tokens > %lld "
             "maximum", context);
    refuse_with(to, 400, "context_length_exceeded", text);
}

static void find_spent(part *to)
{
    to->spent = 1;
    if (one_in(2))
        refuse_with(to, 400, "odd", "Your credit balance is too low");
    else
        refuse_with(to, 429, "insufficient_quota", "You exceeded your current "
                    "quota");
}

static void write_refusal(part *to)
{
    static const struct {
        int status;
        const char *code;
    } kinds[] = {
        { 401, "bad_key" }, { 402, "pay" }, { 403, "never" },
        { 429, "limited" }, { 429, "limited" }, { 500, "oops" },
        { 503, "busy" }, { 529, "busy" }, { 400, "odd" }, { 404, "gone" },
        { 400, "context_length_exceeded" }, { 302, "there" }, { 204, "" },
        { 400, "content_policy_violation" }, { 422, "odd" },
    };
    const unsigned i = below(COUNT(kinds));

    to->is_long = !strcmp(kinds[i].code, "context_length_exceeded");
    refuse_with(to, kinds[i].status, kinds[i].code,
                to->is_long ? "prompt is too long" : "because");
    to->is_content = !strcmp(kinds[i].code, "content_policy_violation");
    if (kinds[i].status >= 429 && one_in(2))
        to->retry_ms = one_in(2) ? 1 + below(3000) : 60000;
}

/* --- what goes wrong with it --------------------------------------------- */

static const llm_fault network[] = {
    LLM_CUT, LLM_RESET, LLM_UNREACHABLE, LLM_UNTRUSTED, LLM_SLOW,
};

/* The bytes end early, or on time and nothing tells. */
static void spoil(part *to)
{
    to->bytes.len = one_in(4) ? to->bytes.len
                              : below((unsigned)to->bytes.len + 1);
    to->ending = one_in(3) ? END_SILENT : END_CUT;
    to->fault = network[below(2)];
    if (one_in(3)) {            /* as HTTP has it, it is whole */
        to->ending = END_TRUE;
        to->framed = (int)below(2);
    }
    to->what = to->ending == END_SILENT ? "silent" : "cut";
}

static void say_nothing(part *to)
{
    to->bytes.len = 0;
    to->n = 0;
    to->status = 0;
    to->ending = one_in(3) ? END_SILENT : END_CUT;
    to->fault = network[below(COUNT(network))];
    to->what = to->ending == END_SILENT ? "mute" : "broken";
}

static void babble(part *to)
{
    static const char *const types[] = { "text/html", "", "text/plain" };

    to->encoded = (int)below(2);
    if (!to->encoded)
        to->type = types[below(COUNT(types))];
    to->n = 0;
    to->what = "babble";
}

/* `tale` as this provider tells it, from `begun` on. */
static void write_part(part *to, int anthropic, int stream, int attempt,
                       const char *text)
{
    to->status = 200;
    to->framed = (int)below(2);
    to->what = "well";
    if (one_in(4)) {
        write_refusal(to);
        return;
    }
    if (stream)
        write_stream(to, anthropic, attempt, text);
    else
        write_whole(to, anthropic, attempt, text);
    if (one_in(3))
        spoil(to);
    else if (one_in(10))
        say_nothing(to);
    else if (one_in(25))
        babble(to);
}

/* --- what it took -------------------------------------------------------- */

/* Of what was given: as far as the gateway must have read it, `most` bytes
 * of a stream. 0: it was not told. */
static int took(const part *of, size_t most, long long *in, long long *out)
{
    /* Where it ends well, a blank line may be missing. */
    const size_t all = of->at + (of->ended && of->stream ? 2 : 0);
    const size_t at = all < most ? all : most;
    int known = 0;

    *in = *out = 0;
    if (of->status != 200 || (!of->stream && !of->ended))
        return 0;
    for (int i = 0; i < of->n && of->marks[i].end <= at; i++) {
        const mark *const m = &of->marks[i];

        if (m->kind == MARK_DONE || m->kind == MARK_ERROR
            || (of->parts_at >= 0 && m->kind == MARK_TEXT
                && m->in > of->parts_at)
            || (of->parts_at >= 0 && m->kind == MARK_FINISH))
            break;
        if (m->kind != MARK_USAGE)
            continue;
        *in = m->in;
        *out = m->out;
        known = 1;
    }
    return known;
}

#endif
