/* A client that waits for its stream: the signs of life it gets, and that they
 * commit to nobody. */
#include "rehearsal.h"

#define SSE "text/event-stream"
#define ALIVE (2 * SEC)
#define COMMENT ": keep-alive\n\n"
#define A_START "event: message_start\ndata: {\"type\":\"message_start\"," \
    "\"message\":{\"id\":\"x\",\"usage\":{\"input_tokens\":3}}}\n\n"
#define A_TEXT "event: content_block_delta\ndata: {\"type\":" \
    "\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\"," \
    "\"text\":\"hi\"}}\n\n"
#define A_PING "event: ping\ndata: {\"type\":\"ping\"}\n\n"

static void begin(stage *s, int targets, const char *body)
{
    set_stage(s, targets);
    s->limits.keep_alive = ALIVE;
    admit(s, body);
}

/* Until the call is due something. */
static void wait_once(stage *s)
{
    pass_time(s, llm_call_deadline(&s->call));
}

static void before_output(void)
{
    stage s;

    begin(&s, 2, STREAM_BODY);
    is_int(llm_call_deadline(&s.call), STARTED + ALIVE,
           "a sign of life is due");
    pass_time(&s, STARTED + ALIVE - 1);
    is_int(s.heads, 0, "not earlier");
    pass_time(&s, STARTED + ALIVE);
    is_int(s.heads, 1, "it brings the head");
    is_int(s.status, 200, "of status 200");
    is_str(s.type, SSE, "an event stream");
    is_got(&s, COMMENT, "and a comment");
    ok(!s.call.committed, "which commits to nobody");
    is_int(llm_call_deadline(&s.call), s.now + ALIVE, "the next is due");
    wait_once(&s);
    is_got(&s, COMMENT COMMENT, "another");
    head(&s, 200, SSE);
    give(&s, ROLE);
    is_got(&s, COMMENT COMMENT, "what is no output is held back");
    wait_once(&s);
    is_got(&s, COMMENT COMMENT COMMENT, "also then");
    s.now += SEC;
    give(&s, TEXT("a"));
    is_got(&s, COMMENT COMMENT COMMENT ROLE TEXT("a"), "then all comes");
    is_int(llm_call_deadline(&s.call), s.now + ALIVE,
           "and counts as a sign of life");
    wait_once(&s);
    give(&s, STOP DONE);
    is_got(&s, COMMENT COMMENT COMMENT ROLE TEXT("a") COMMENT STOP DONE,
           "within the answer as well");
    is_int(s.heads, 1, "one head");
    is_int(s.asks, 1, "one attempt");
    settle(&s, LLM_OK);
    strike(&s);
}

/* Who is not due any. */
static void none(void)
{
    stage s;

    begin(&s, 1, WHOLE_BODY);
    is_int(llm_call_deadline(&s.call), STARTED + WHOLE,
           "a whole answer has no place for it");
    strike(&s);

    set_stage(&s, 1);
    admit(&s, STREAM_BODY);
    is_int(llm_call_deadline(&s.call), STARTED + FIRST, "it can be off");
    strike(&s);

    for (int i = 0; i < 2; i++) {
        set_stage(&s, 1);
        s.limits.keep_alive = ALIVE;
        s.call.face.framing = i ? LLM_FRAMING_ARRAY : LLM_FRAMING_LINES;
        llm_call_begin(&s.call, s.now);
        admit(&s, STREAM_BODY);
        is_int(llm_call_deadline(&s.call), STARTED + FIRST,
               "%s have no place for it", i ? "arrays" : "lines");
        strike(&s);
    }
}

static void next_target(void)
{
    stage s;

    begin(&s, 2, STREAM_BODY);
    wait_once(&s);
    give_whole(&s, 500, "{}");
    is_int(s.asks, 2, "a failure after it is as one before it");
    head(&s, 200, SSE);
    give(&s, ROLE TEXT("b") STOP DONE);
    is_got(&s, COMMENT ROLE TEXT("b") STOP DONE, "the second answers");
    settle(&s, LLM_OK);
    strike(&s);
}

static void nobody_answers(void)
{
    stage s;

    begin(&s, 2, STREAM_BODY);
    wait_once(&s);
    head(&s, 200, SSE);
    give(&s, ROLE);
    give_end(&s, LLM_CUT, "");
    is_int(s.asks, 2, "both were asked");
    give_whole(&s, 503, "{\"error\":{\"message\":\"later\"}}");
    is_int(s.heads, 1, "one head");
    is_int(times(&s, "data: {\"error\":"), 1, "the error is an event");
    is_int(times(&s, "tried: one, two"), 1, "of all that was tried");
    is_int(times(&s, DONE), 0, "and no end marker");
    is_int(times(&s, "assistant"), 0, "nor what was held back");
    is_int(llm_call_next(&s.call), LLM_CALL_OVER, "then it is over");
    settle(&s, LLM_OVERLOADED);
    strike(&s);

    begin(&s, 2, STREAM_BODY);
    wait_once(&s);
    give_whole(&s, 400, "{\"error\":{\"message\":\"not so\"}}");
    is_int(times(&s, "not so"), 1, "a refusal, too");
    is_int(s.asks, 1, "which nobody else is asked after");
    settle(&s, LLM_REJECTED);
    strike(&s);
}

/* Anthropic's clients know an event for it, but not as the first. */
static void anthropic(void)
{
    stage s;

    set_stage(&s, 1);
    s.limits.keep_alive = ALIVE;
    s.call.face.dialect = &llm_anthropic;
    s.providers[0].family = llm_family_find("anthropic");
    s.providers[0].speaks[0] = &llm_anthropic;
    admit(&s, STREAM_BODY);
    wait_once(&s);
    is_got(&s, COMMENT, "a comment before the beginning");
    head(&s, 200, SSE);
    give(&s, A_START);
    wait_once(&s);
    is_got(&s, COMMENT COMMENT, "also when it is held back");
    give(&s, A_TEXT);
    wait_once(&s);
    is_got(&s, COMMENT COMMENT A_START A_TEXT A_PING, "then the event");
    pass_time(&s, s.now + IDLE);
    is_int(times(&s, "event: error"), 1, "silence is the end all the same");
    is_int(times(&s, "message_stop"), 0, "and not a good one");
    settle(&s, LLM_STALLED);
    strike(&s);

    set_stage(&s, 1);
    s.limits.keep_alive = ALIVE;
    s.call.face.dialect = &llm_anthropic;
    admit(&s, "{\"model\":\"m\",\"stream\":true,\"max_tokens\":5,"
          "\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}");
    wait_once(&s);
    give_whole(&s, 500, "{}");
    is_int(times(&s, "event: error"), 1, "an error where nothing was before");
    settle(&s, LLM_FAILED);
    strike(&s);
}

/* What was held back and is not sent has no number. */
static void numbered(void)
{
    stage s;

    set_stage(&s, 1);
    s.limits.keep_alive = ALIVE;
    s.call.face.dialect = &llm_openai_responses;
    admit(&s, "{\"model\":\"m\",\"stream\":true,\"input\":\"x\"}");
    wait_once(&s);
    head(&s, 200, SSE);
    give(&s, ROLE);
    ok(s.call.out.len > 0, "something is held back");
    give_end(&s, LLM_GARBAGE, "");
    is_int(times(&s, "\"sequence_number\":0,"), 1, "the error is the first");
    settle(&s, LLM_GARBAGE);
    strike(&s);
}

/* The client waits, whatever the call is about. */
static void resting(void)
{
    stage s;

    set_stage(&s, 1);
    s.limits.keep_alive = ALIVE;
    s.providers[0].attempts = 2;
    s.providers[0].patience = 10 * SEC;
    admit(&s, STREAM_BODY);
    head(&s, 429, "application/json");
    s.head.retry_after_ms = 5000;
    give_end(&s, LLM_OK, "{}");
    is_int(s.call.state, LLM_CALL_RESTING, "it rests");
    is_int(llm_call_deadline(&s.call), STARTED + ALIVE, "and yet is due");
    wait_once(&s);
    wait_once(&s);
    is_got(&s, COMMENT COMMENT, "signs of life");
    is_int(s.asks, 1, "nobody is asked for that");
    wait_once(&s);
    is_int(s.asks, 2, "until the rest is over");
    is_int(s.now, STARTED + 5 * SEC, "in time");
    strike(&s);
}

static void leaves(void)
{
    stage s;

    begin(&s, 2, STREAM_BODY);
    wait_once(&s);
    lose_client(&s);
    is_int(llm_call_next(&s.call), LLM_CALL_OVER, "a client may leave then");
    is_got(&s, COMMENT, "and is sent no more");
    settle(&s, LLM_CLIENT_GONE);
    strike(&s);
}

/* Signs of life do not keep a call alive. */
static void in_time(void)
{
    stage s;

    begin(&s, 1, STREAM_BODY);
    for (int i = 0; i < 100 && llm_call_next(&s.call) == LLM_CALL_WAIT; i++)
        wait_once(&s);
    is_int(s.now, STARTED + FIRST, "the first token has its time");
    is_int(times(&s, COMMENT), 4, "with signs of life in it");
    is_int(times(&s, "provider_timeout"), 1, "and ends with an error");
    settle(&s, LLM_SLOW);
    strike(&s);
}

int main(void)
{
    open_theatre();
    before_output();
    none();
    next_target();
    nobody_answers();
    anthropic();
    numbered();
    resting();
    leaves();
    in_time();
    close_theatre();
    return done();
}
