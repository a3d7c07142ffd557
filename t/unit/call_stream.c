/* A call whose answer is a stream: what reaches the client, and when. */
#include "rehearsal.h"

#define BOTH(a, b) EVENT("{\"choices\":[{\"delta\":{\"content\":\"" a "\"}}," \
                         "{\"delta\":{\"content\":\"" b "\"}}]}")
#define NULLED "data: {\"id\":1,\"usage\":null,\"choices\":[{\"delta\":{" \
    "\"content\":\"x\"}}]}\n\n"
#define UNNULLED "data: {\"id\":1,\"choices\":[{\"delta\":{\"content\":" \
    "\"x\"}}]}\n\n"
#define SSE "text/event-stream"

static void begin(stage *s, int targets, const char *body)
{
    set_stage(s, targets);
    admit(s, body);
}

static void begin_stream(stage *s, int targets)
{
    begin(s, targets, STREAM_BODY);
    head(s, 200, SSE "; charset=utf-8");
}

/* --- whole streams ------------------------------------------------------- */

static void streamed(void)
{
    const llm_reading before = totals();
    llm_reading after;
    stage s;

    begin_stream(&s, 1);
    is_str(s.asked[0], "{\"model\":\"at-target\",\"stream_options\":"
           "{\"include_usage\":true},\"messages\":[],\"stream\":true}",
           "usage is asked for");
    is_int(llm_call_deadline(&s.call), STARTED + FIRST,
           "the first token has its time");
    s.now += SEC;
    give(&s, ROLE);
    is_int(s.heads, 0, "a role is no output: nothing is sent yet");
    is_int(llm_call_deadline(&s.call), STARTED + FIRST,
           "and the first token is still awaited");
    s.now += SEC;
    give(&s, TEXT("Hel"));
    is_int(s.heads, 1, "the first output brings the head");
    is_int(s.status, 200, "of status 200");
    is_str(s.type, SSE, "an event stream");
    is_got(&s, ROLE TEXT("Hel"), "and all before it");
    is_int(llm_call_deadline(&s.call), s.now + IDLE,
           "now every piece has its time");
    give(&s, TEXT("lo"));
    is_got(&s, ROLE TEXT("Hel") TEXT("lo"), "events go on as they come");
    give(&s, STOP LAST_USAGE DONE);
    is_got(&s, ROLE TEXT("Hel") TEXT("lo") STOP DONE,
           "but for the usage nobody asked for");
    is_int(llm_call_next(&s.call), LLM_CALL_OVER, "DONE ends it, HTTP or not");
    s.now += SEC;
    settle(&s, LLM_OK);
    after = totals();
    is_int(after.streams - before.streams, 1, "a stream");
    is_int(after.tokens_in - before.tokens_in, 7, "its usage");
    is_int(after.first.sum - before.first.sum, 2 * SEC, "the first token");
    is_int(after.bytes_out - before.bytes_out, s.got.len, "bytes out");
    strike(&s);
}

static void with_usage(void)
{
    stage s;

    begin(&s, 1, USAGE_BODY);
    head(&s, 200, SSE);
    give(&s, NULLED STOP LAST_USAGE DONE);
    is_got(&s, NULLED STOP LAST_USAGE DONE, "who asks for usage gets all");
    settle(&s, LLM_OK);
    strike(&s);

    begin_stream(&s, 1);
    give(&s, NULLED "data:{\"usage\":null}\n\n" STOP LAST_USAGE DONE);
    is_got(&s, UNNULLED "data: {}\n\n" STOP DONE,
           "who does not gets no \"usage\":null either");
    is_int(s.call.usage.output, 3, "it is counted all the same");
    strike(&s);

    set_stage(&s, 1);
    s.providers[0].refuses_stream_options = 1;
    admit(&s, STREAM_BODY);
    is_str(s.asked[0], "{\"model\":\"at-target\",\"messages\":[],"
           "\"stream\":true}", "who must not be asked is not");
    strike(&s);
}

/* One stream in all the shapes event streams have. */
static void shapes(void)
{
    static const char *const streams[] = {
        ROLE TEXT("a") STOP LAST_USAGE DONE,
        "\xef\xbb\xbf" ROLE TEXT("a") STOP LAST_USAGE DONE,
        ": hello\n\n" ROLE "event: x\nid: 7\nretry: 1\n" TEXT("a") STOP
            ": ping\n" LAST_USAGE DONE "data: ignored\n\n",
        ROLE TEXT("a") "data: {broken\n\n" STOP "data: [1,2]\n\n" LAST_USAGE
            "\n\n\n" DONE DONE,
        ROLE TEXT("a") STOP LAST_USAGE,
        ROLE TEXT("a") STOP LAST_USAGE "data: [DONE]",
        ROLE TEXT("a") STOP LAST_USAGE "data: [DONE]\n",
    };
    static const char want[] = ROLE TEXT("a") STOP DONE;
    static const char *const ends[] = { "\n", "\r\n", "\r" };
    char text[2000];
    stage s;

    for (size_t i = 0; i < COUNT(streams) * 3; i++) {
        const char *const from = streams[i / 3], *const end = ends[i % 3];
        size_t n = 0;
        int wrong = 0;

        for (const char *at = from; *at; at++)
            n += (size_t)snprintf(text + n, sizeof text - n, "%.*s",
                                  *at == '\n' ? 2 : 1,
                                  *at == '\n' ? end : at);
        for (size_t cut = 0; cut <= n; cut++) {
            begin_stream(&s, 1);
            s.head.framed = 1;
            give_n(&s, text, cut);
            give_n(&s, text + cut, n - cut);
            give_end(&s, LLM_OK, "");
            wrong += strcmp(got(&s), want) || s.call.fault.fault
                || s.call.usage.input != 7;
            strike(&s);
        }
        is_int(wrong, 0, "stream %zu, line end %zu, cut anywhere: the same",
               i / 3, i % 3);
    }
}

static void many_lines(void)
{
    stage s;

    begin_stream(&s, 1);
    give(&s, "data: {\"choices\":\ndata: [{\"delta\":{\"content\":\"a\"}}],\n"
         "data:\"usage\":null}\n\n" DONE);
    is_got(&s, "data: {\"choices\":\ndata: [{\"delta\":{\"content\":\"a\"}}]"
           "}\n\n" DONE, "every line of an event's data begins with data:");
    strike(&s);
}

/* --- ends ---------------------------------------------------------------- */

/* Without [DONE]: whole if a finish reason says so, or usage at the end of what
 * HTTP says is whole; a proxy's answer ends well, too, when its own provider
 * broke off. */
static void missing_done(void)
{
    stage s;

    for (int i = 0; i < 8; i++) {
        const int framed = i & 1, finish = i >> 1 & 1, usage = i >> 2;
        const int whole = finish || (framed && usage);

        begin_stream(&s, 2);
        s.head.framed = framed;
        give(&s, TEXT("a"));
        if (finish)
            give(&s, STOP);
        if (usage)
            give(&s, LAST_USAGE);
        give_end(&s, LLM_OK, "");
        is_int(s.asks, 1, "nobody else is asked");
        is_int(times(&s, DONE), whole, "framed %d, finish %d, usage %d: "
               "the end marker is %s", framed, finish, usage, whole ? "put" : "not put");
        is_int(times(&s, "\"error\""), !whole, "an error or not");
        settle(&s, whole ? LLM_OK : LLM_CUT);
        strike(&s);
    }
}

/* A last event whose blank line is missing counts, as it stands. */
static void missing_blank(void)
{
    stage s;

    begin_stream(&s, 1);
    s.head.framed = 1;
    give(&s, TEXT("a"));
    give_end(&s, LLM_OK, "data: {\"choices\":[{\"delta\":{},"
             "\"finish_reason\":\"stop\"}]}");
    is_got(&s, TEXT("a") STOP DONE, "the last event is there");
    settle(&s, LLM_OK);
    strike(&s);

    begin_stream(&s, 2);
    s.head.framed = 1;
    give_end(&s, LLM_OK, "data: {\"choices\":[{\"delta\":{\"content\":"
             "\"a\"},\"finish_reason\":\"stop\"}]}");
    is_int(s.asks, 1, "also when it is the first");
    settle(&s, LLM_OK);
    strike(&s);

    begin_stream(&s, 2);
    give_end(&s, LLM_OK, "data: {\"error\":{\"message\":\"m\"}}");
    is_int(s.asks, 2, "and when it is an error");
    is_int(s.heads, 0, "of which the client hears nothing");
    strike(&s);
}

/* Cut after output: an error in the stream, and never the end marker. */
static void cut_after_output(void)
{
    static const llm_fault faults[] = {
        LLM_CUT, LLM_RESET, LLM_SLOW, LLM_GARBAGE, LLM_STOPPING,
        LLM_UNREACHABLE,
    };
    stage s;

    for (size_t i = 0; i < COUNT(faults) * 2; i++) {
        const llm_fault fault = faults[i / 2];
        const llm_fault_row *const row = llm_fault_of(fault);
        const char *error;

        begin_stream(&s, 3);
        give(&s, TEXT("a"));
        give_end(&s, fault, i % 2 ? "data: {\"choices\":[{\"del" : "");
        error = strstr(got(&s), "data: {\"error\"");
        is_int(s.asks, 1, "%s after output: nobody else is asked", row->word);
        is_int(s.heads, 1, "one head");
        is_int(s.status, 200, "which was sent");
        ok(error && ends_with(&s, "}}\n\n"), "the stream ends with an error");
        is_str(error_member(&s, apr_pstrndup(s.pool, error + 6,
                                             strlen(error) - 8), "code"),
               row->code, "its code");
        is_int(times(&s, DONE), 0, "and without the end marker");
        is_int(llm_call_next(&s.call), LLM_CALL_OVER, "it is over");
        settle(&s, fault);
        strike(&s);
    }
}

/* The provider's own word in its stream. */
static void error_event(void)
{
    stage s;

    begin_stream(&s, 2);
    give(&s, TEXT("a"));
    give(&s, EVENT("{\"error\":{\"message\":\"I am tired\","
                   "\"type\":\"overloaded_error\"}}") TEXT("b") DONE);
    is_int(s.asks, 1, "an error event after output ends it");
    is_int(times(&s, "I am tired"), 1, "the client gets it");
    is_int(times(&s, "data: "), 2, "and nothing after it");
    settle(&s, LLM_OVERLOADED);
    strike(&s);

    begin_stream(&s, 2);
    give(&s, ROLE EVENT("{\"error\":{\"message\":\"I am tired\"}}") TEXT("b")
         DONE);
    is_int(s.asks, 2, "before output the next target is asked");
    is_int(s.heads, 0, "the client gets nothing");
    head(&s, 200, SSE);
    give(&s, TEXT("c") STOP DONE);
    is_got(&s, TEXT("c") STOP DONE, "but what the second says");
    settle(&s, LLM_OK);
    strike(&s);
}

static void without_output(void)
{
    static const struct {
        const char *stream;
        llm_fault fault;
    } cases[] = {
        { "", LLM_CUT },
        { DONE, LLM_CUT },
        { ROLE, LLM_CUT },
        { ROLE DONE, LLM_CUT },
        { ": only comments\n\n", LLM_CUT },
        { "data: {broken\n\n" DONE, LLM_GARBAGE },
        { "<html>nothing</html>", LLM_CUT },
        { ROLE STOP DONE, LLM_OK },
        { ROLE STOP, LLM_OK },
        { ROLE LAST_USAGE DONE, LLM_OK },
        { ROLE LAST_USAGE, LLM_OK },
    };
    stage s;

    for (size_t i = 0; i < COUNT(cases); i++) {
        const int good = cases[i].fault == LLM_OK;

        begin_stream(&s, 2);
        s.head.framed = 1;
        give_end(&s, LLM_OK, cases[i].stream);
        is_int(s.asks, good ? 1 : 2, "no output (%zu)", i);
        if (!good) {
            give_end(&s, LLM_RESET, "");
            is_int(s.status, llm_fault_of(cases[i].fault)->status,
                   "its error when nobody answers");
            is_int(s.call.first_fault.fault, cases[i].fault, "its fault");
        }
        else {
            is_int(times(&s, DONE), 1, "an empty answer is one");
        }
        settle(&s, good ? LLM_OK : LLM_RESET);
        strike(&s);
    }
}

/* --- the next target ----------------------------------------------------- */

/* Whatever the first attempt left behind. */
static void second_target(void)
{
    static const char *const first[] = {
        ROLE, ROLE "data: {broken\n\n", ROLE "data: {\"choi", "data: x\r",
        ROLE "data: {\"usage\":" USED "}\n\n", "\xef\xbb", "",
    };
    stage s;

    for (size_t i = 0; i < COUNT(first); i++) {
        begin_stream(&s, 2);
        give(&s, first[i]);
        give_end(&s, LLM_CUT, "");
        is_int(s.asks, 2, "cut before output: the next target");
        head(&s, 200, SSE);
        give(&s, ROLE TEXT("b") STOP DONE);
        is_got(&s, ROLE TEXT("b") STOP DONE,
               "of the first attempt nothing is left");
        is_int(s.call.usage.known, 0, "not even its usage");
        settle(&s, LLM_OK);
        strike(&s);
    }
}

/* Two broken events of the first do not make the second garbage. */
static void skipped_once(void)
{
    stage s;

    begin_stream(&s, 2);
    give(&s, "data: {broken\n\n");
    give_end(&s, LLM_RESET, "");
    head(&s, 200, SSE);
    s.head.framed = 1;
    give_end(&s, LLM_OK, ROLE);
    is_int(s.status, 502, "nobody answers");
    settle(&s, LLM_CUT);
    strike(&s);
}

/* --- time ---------------------------------------------------------------- */

static void slow_first(void)
{
    stage s;

    begin_stream(&s, 2);
    for (int i = 0; i < 9; i++) {
        s.now += SEC;
        give(&s, i % 2 ? ": ping\n\n" : ROLE);
    }
    is_int(s.asks, 1, "pings and roles are no token");
    pass_time(&s, STARTED + FIRST);
    is_int(s.asks, 2, "and do not keep the next target from being asked");
    is_int(llm_call_deadline(&s.call), s.now + FIRST, "in its own time");
    pass_time(&s, s.now + FIRST);
    is_refused(&s, 504, "provider_timeout", apr_pstrcat(
        s.pool, llm_fault_of(LLM_SLOW)->text, " (tried: one, two)", NULL));
    settle(&s, LLM_SLOW);
    strike(&s);
}

static void idle(void)
{
    stage s;

    begin_stream(&s, 2);
    give(&s, TEXT("a"));
    pass_time(&s, s.now + IDLE - 1);
    give(&s, TEXT("b"));
    pass_time(&s, s.now + IDLE - 1);
    is_int(llm_call_next(&s.call), LLM_CALL_WAIT, "every piece counts");
    pass_time(&s, s.now + 1);
    is_int(s.asks, 1, "silence after output is the end");
    is_int(times(&s, "provider_stalled"), 1, "with an error");
    is_int(times(&s, DONE), 0, "and no end marker");
    settle(&s, LLM_STALLED);
    strike(&s);
}

static void total_time(void)
{
    stage s;

    begin_stream(&s, 2);
    for (int i = 0; i < 150 && llm_call_next(&s.call) == LLM_CALL_WAIT; i++) {
        give(&s, TEXT("a"));
        s.now += SEC;
    }
    is_int(s.now, STARTED + TOTAL + SEC, "a lively stream ends as well");
    is_int(times(&s, "provider_timeout"), 1, "with an error");
    settle(&s, LLM_SLOW);
    strike(&s);
}

/* --- output and a fault at once ------------------------------------------- */

/* What the client was not given yet is taken back, however it is broken off;
 * what is whole is whole. */
static void begun_and_broken(void)
{
    static const char tired[] = TEXT("a") EVENT("{\"error\":{\"message\":"
        "\"I am tired\",\"type\":\"overloaded_error\"}}");
    stage s;

    for (int i = 0; i < 6; i++) {
        set_stage(&s, i < 4 ? 2 : 1);
        s.limits.recover = i % 2;
        s.limits.keep_alive = i == 3 ? SEC : 0;
        admit(&s, STREAM_BODY);
        if (i == 3)
            pass_time(&s, s.now + SEC);
        head(&s, 200, SSE);
        give_end(&s, i & 2 ? LLM_OK : LLM_CUT, i & 2 ? tired : TEXT("a"));
        is_int(times(&s, "\"a\""), 0, "the client gets nothing of it");
        if (i < 4) {
            is_int(s.asks, 2, "but the next target is asked");
            head(&s, 200, SSE);
            give(&s, TEXT("b") STOP DONE);
            ok(ends_with(&s, TEXT("b") STOP DONE), "whose answer it gets");
            is_int(s.call.recoveries, 0, "which goes on with nothing");
            settle(&s, LLM_OK);
        }
        else {
            is_refused(&s, 502, "provider_cut", llm_fault_of(LLM_CUT)->text);
            settle(&s, LLM_CUT);
        }
        strike(&s);
    }
    begin_stream(&s, 2);
    give_end(&s, LLM_CUT, TEXT("a") STOP);
    is_int(s.asks, 1, "all was said");
    is_got(&s, TEXT("a") STOP DONE, "and the client gets it");
    settle(&s, LLM_OK);
    strike(&s);
}

#define SAID_BODY "{\"model\":\"m\",\"max_tokens\":9,\"stream\":true,"       \
    "\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"

/* A moment later the client has it: then it is gone on with. */
static void begun_then_broken(void)
{
    stage s;

    for (int i = 0; i < 2; i++) {
        set_stage(&s, 1 + i);
        s.limits.recover = i;
        admit(&s, SAID_BODY);
        head(&s, 200, SSE);
        give(&s, TEXT("a"));
        give_end(&s, LLM_CUT, "");
        is_int(times(&s, "\"a\""), 1, "the client has it");
        is_int(s.status, 200, "and a head");
        is_int(s.call.recoveries, i, "gone on with, if that is on");
        if (i) {
            is_int(s.asks, 2, "by the next");
            head(&s, 200, SSE);
            give(&s, TEXT("ab") STOP DONE);
            is_int(times(&s, "\"content\":\"b\""), 1, "who has the rest");
        }
        is_int(times(&s, "provider_cut"), !i, "else that is an error");
        settle(&s, i ? LLM_OK : LLM_CUT);
        strike(&s);
    }
}

/* Other clients' beginnings are taken back with it. */
static void begun_in_translation(void)
{
    stage s;

    for (int i = 0; i < 4; i++) {
        set_stage(&s, i & 1 ? 1 : 2);
        s.limits.recover = 1;
        s.call.face.dialect = i & 2 ? &llm_gemini : &llm_anthropic;
        s.call.face.framing = s.call.frame.framing = i & 2
            ? LLM_FRAMING_ARRAY : LLM_FRAMING_EVENTS;
        if (i & 2) {            /* the path says so */
            memcpy(s.call.request.model, "m", 2);
            s.call.request.stream = 1;
        }
        admit(&s, i & 2 ? "{\"contents\":[{\"role\":\"user\",\"parts\":[{"
                          "\"text\":\"x\"}]}]}" : SAID_BODY);
        head(&s, 200, SSE);
        give_end(&s, LLM_CUT, ROLE TEXT("a"));
        is_int(times(&s, "\"a\""), 0, "nothing of it");
        if (i & 1) {
            is_int(s.status, 502, "an error");
            is_str(s.type, "application/json", "of its own");
            ok(s.got.len && s.got.data[0] == '{', "and nothing before it");
            settle(&s, LLM_CUT);
        }
        else {
            is_int(s.asks, 2, "the next is asked");
            head(&s, 200, SSE);
            give(&s, ROLE TEXT("b") STOP DONE);
            is_int(s.call.said.len, 1, "nothing else was said");
            is_int(times(&s, "event: message_start"), i ? 0 : 1, "one begin");
            ok(s.got.data[0] == (i ? '[' : 'e'), "at the beginning");
            settle(&s, LLM_OK);
        }
        strike(&s);
    }
}

/* Of what was given up there is no first word, for whoever leaves next. */
static void begun_and_left(void)
{
    stage s;

    set_stage(&s, 1);
    s.providers[0].attempts = 2;
    s.providers[0].least = s.providers[0].most = SEC;
    admit(&s, STREAM_BODY);
    head(&s, 200, SSE);
    give_end(&s, LLM_CUT, TEXT("a"));
    is_int(s.call.state, LLM_CALL_RESTING, "the same is asked again soon");
    ok(!s.call.first, "and has said nothing yet");
    lose_client(&s);
    settle(&s, LLM_CLIENT_GONE);
    is_int(s.heads, 0, "nobody got anything");
    strike(&s);
}

/* --- broken off after all was said ----------------------------------------- */

#define CHOICE(i, rest) EVENT("{\"choices\":[{" rest ",\"index\":" #i "}]}")
#define SAYS(i) CHOICE(i, "\"delta\":{\"content\":\"x\"}")
#define STOPS(i) CHOICE(i, "\"delta\":{},\"finish_reason\":\"stop\"")

static void all_was_said(void)
{
    static const struct {
        const char *said;
        int all;
    } cases[] = {
        { TEXT("a") STOP, 1 }, { TEXT("a") STOP LAST_USAGE, 1 },
        { TEXT("a"), 0 }, { SAYS(0) SAYS(1) STOPS(0), 0 },
        { SAYS(0) SAYS(1) STOPS(0) STOPS(1), 1 },
        { SAYS(0) STOPS(0) SAYS(1), 0 }, { SAYS(0) SAYS(1) STOPS(1), 0 },
        { SAYS(0) SAYS(1) STOPS(1) STOPS(1), 0 },
    };
    static const llm_fault ends[] = { LLM_CUT, LLM_RESET, LLM_STALLED };
    stage s;

    for (size_t i = 0; i < COUNT(cases) * COUNT(ends); i++) {
        const int all = cases[i / COUNT(ends)].all;
        const llm_fault end = ends[i % COUNT(ends)];

        set_stage(&s, 2);
        admit(&s, STREAM_BODY);
        head(&s, 200, SSE);
        give(&s, cases[i / COUNT(ends)].said);
        if (end == LLM_STALLED)
            pass_time(&s, s.now + IDLE);
        else
            give_end(&s, end, "");
        is_int(times(&s, DONE), all, "an end marker where all was said");
        is_int(times(&s, "\"error\""), !all, "an error where it was not");
        is_int(s.call.ended_by, all ? end : LLM_OK, "what broke it off");
        settle(&s, all ? LLM_OK : end);
        strike(&s);
    }
}

/* --- ceilings ------------------------------------------------------------ */

static void too_large(void)
{
    stage s;

    for (int output = 0; output < 2; output++) {
        set_stage(&s, 2);
        s.limits.max_answer = 10000;
        llm_call_begin(&s.call, s.now);
        admit(&s, STREAM_BODY);
        head(&s, 200, SSE);
        if (output)
            give(&s, TEXT("a"));
        for (int i = 0; i < 400
             && llm_call_next(&s.call) == LLM_CALL_WAIT; i++)
            give(&s, output ? TEXT("b") : ROLE);
        is_int(s.asks, 1, "an endless answer is asked of nobody else");
        is_int(s.status, output ? 200 : 502, "the head");
        is_int(times(&s, "answer_too_large"), 1, "says it is too large");
        ok(s.got.len < 11000, "%zu bytes of it are sent", s.got.len);
        is_int(times(&s, DONE), 0, "no end marker");
        settle(&s, LLM_ANSWER_TOO_LARGE);
        strike(&s);
    }
}

/* What is held back has a ceiling of its own; the event that passes it must
 * not be sent in part. */
static void held_back(void)
{
    int sent = 0, refused = 0, torn = 0;
    llm_buf much;
    stage s;

    llm_buf_init(&much, 8 << 20);
    while (much.len < (4 << 20) - 30000)
        llm_buf_printf(&much, "data: {\"x\":\"%020000d\"}\n\n", 7);
    while (much.len < (4 << 20) - 300)
        llm_buf_puts(&much, ROLE);
    for (int last = 1; last < 400; last += 17) {
        set_stage(&s, 1);
        s.limits.max_answer = 16 << 20;
        llm_call_begin(&s.call, s.now);
        admit(&s, STREAM_BODY);
        head(&s, 200, SSE);
        give_n(&s, much.data, much.len);
        give(&s, apr_psprintf(s.pool, "data: {\"choices\":[{\"delta\":{"
                              "\"content\":\"%0*d\"}}]}\n\n" STOP DONE,
                              last, 7));
        if (s.status == 200)
            torn += !ends_with(&s, DONE)
                && !ends_with(&s, "\"answer_too_large\"}}\n\n");
        sent += s.status == 200 && ends_with(&s, DONE);
        refused += s.status == 502 && times(&s, "answer_too_large") == 1;
        strike(&s);
    }
    ok(sent > 2, "%d streams held back to the last byte are sent", sent);
    ok(refused > 2, "%d are refused", refused);
    is_int(torn, 0, "none ends in the middle");
    llm_buf_free(&much);
}

/* --- leaving ------------------------------------------------------------- */

static void client_leaves(void)
{
    stage s;

    for (int when = 0; when < 4; when++) {
        begin_stream(&s, 2);
        if (when > 0)
            give(&s, ROLE);
        if (when > 1)
            give(&s, TEXT("a") "data: {\"ch");
        if (when > 2)
            give(&s, "\n\n" STOP LAST_USAGE);
        lose_client(&s);
        is_int(llm_call_next(&s.call), LLM_CALL_OVER, "it is over (%d)",
               when);
        give(&s, TEXT("late") DONE);
        is_int(times(&s, "late"), 0, "what comes after is not sent");
        is_int(s.asks, 1, "nobody else is asked");
        is_int(s.call.spent.known, when > 2, "what is known of its usage");
        is_int(s.call.spent.estimated > 0, when == 2,
               "is estimated where words came and no number");
        settle(&s, LLM_CLIENT_GONE);
        strike(&s);
    }
}

int main(void)
{
    open_theatre();
    streamed();
    with_usage();
    shapes();
    many_lines();
    missing_done();
    missing_blank();
    cut_after_output();
    error_event();
    without_output();
    second_target();
    skipped_once();
    slow_first();
    idle();
    total_time();
    begun_and_broken();
    begun_then_broken();
    begun_in_translation();
    begun_and_left();
    all_was_said();
    too_large();
    held_back();
    client_leaves();
    close_theatre();
    return done();
}
