/* What attempts took: told by their providers, or, where they did not come to
 * say so, estimated and marked. */
#include "rehearsal.h"

#define SSE "text/event-stream"
#define PROMPT 18               /* forty letters in a turn of their own */
#define FORTY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ASKED "\"model\":\"m\",\"max_tokens\":50,\"messages\":[{\"role\":"    \
    "\"user\",\"content\":\"" FORTY "\"}]"

#define START "event: message_start\ndata: {\"type\":\"message_start\","      \
    "\"message\":{\"usage\":{\"input_tokens\":7,\"output_tokens\":1}}}\n\n"   \
    "event: content_block_start\ndata: {\"type\":\"content_block_start\","    \
    "\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
#define PIECE "event: content_block_delta\ndata: {\"type\":"                  \
    "\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\"," \
    "\"text\":\"" FORTY "\"}}\n\n"
#define TOLD "event: message_delta\ndata: {\"type\":\"message_delta\","       \
    "\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":"  \
    "3}}\n\n"
#define SO_FAR(n) EVENT("{\"choices\":[{\"delta\":{\"content\":\"" FORTY       \
    "\"}}],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":" n "}}")

typedef enum how {
    CUT, GONE, WELL
} how;

static const struct {
    const char *what;
    const llm_dialect *dialect;
    int stream;
    const char *bytes;
    how ends;
    long long in, out, estimated, unmetered;
} cases[] = {
    { "words, and a cut", &llm_openai, 1, ROLE TEXT(FORTY) TEXT(FORTY), CUT,
      PROMPT, 20, PROMPT + 20, 0 },
    { "words, and nobody to hear them", &llm_openai, 1, ROLE TEXT(FORTY),
      GONE, PROMPT, 10, PROMPT + 10, 0 },
    { "a word of few, words of many", &llm_anthropic, 1, START PIECE PIECE,
      CUT, 7, 20, 19, 0 },
    { "the same, to nobody", &llm_anthropic, 1, START PIECE PIECE, GONE, 7,
      20, 19, 0 },
    { "a reason and a last number are the last word", &llm_anthropic, 1,
      START PIECE TOLD, GONE, 7, 3, 0, 0 },
    { "told as it goes, and more than can be seen", &llm_openai, 1,
      SO_FAR("50"), CUT, 7, 50, 0, 0 },
    { "told as it goes, and late", &llm_openai, 1, SO_FAR("2") TEXT(FORTY),
      CUT, 7, 20, 18, 0 },
    { "a role is nothing", &llm_openai, 1, ROLE, GONE, 0, 0, 0, 0 },
    { "what was told before any word", &llm_anthropic, 1, START, GONE, 7, 1,
      0, 0 },
    { "an end without a number", &llm_openai, 1, TEXT(FORTY) STOP DONE, WELL,
      PROMPT, 10, PROMPT + 10, 1 },
    { "an end with one", &llm_openai, 1, TEXT(FORTY) STOP LAST_USAGE DONE,
      WELL, 7, 3, 0, 0 },
    { "all said, then cut", &llm_openai, 1, TEXT(FORTY) STOP, CUT, PROMPT,
      10, PROMPT + 10, 1 },
    { "whole, without a number", &llm_openai, 0, "{\"choices\":[{\"message\":{"
      "\"content\":\"" FORTY "\"}}]}", WELL, PROMPT, 10, PROMPT + 10, 1 },
    { "whole, with one", &llm_openai, 0, ANSWER, WELL, 7, 3, 0, 0 },
    { "whole, and nobody to hear it", &llm_openai, 0, "{\"choices\":[{",
      GONE, 0, 0, 0, 0 },
    { "whole, and torn", &llm_openai, 0, "{\"choices\":[{\"message\":", CUT,
      0, 0, 0, 0 },
};

static void set(stage *s, const llm_dialect *dialect, int targets)
{
    set_stage(s, targets);
    s->call.face.dialect = dialect;
    for (int i = 0; i < 3; i++)
        s->providers[i].speaks[0] = dialect;
}

static void is_counted(const llm_reading *before, size_t i)
{
    const llm_reading after = totals();

    is_int(after.tokens_in - before->tokens_in, cases[i].in, "%s: input",
           cases[i].what);
    is_int(after.tokens_out - before->tokens_out, cases[i].out, "output");
    is_int(after.tokens_estimated - before->tokens_estimated,
           cases[i].estimated, "estimated");
    is_int(after.unmetered - before->unmetered, cases[i].unmetered,
           "unmetered");
}

static void one_by_one(void)
{
    stage s;

    for (size_t i = 0; i < COUNT(cases); i++) {
        const llm_reading before = totals();

        set(&s, cases[i].dialect, 1);
        admit(&s, cases[i].stream ? "{\"stream\":true," ASKED "}"
                                  : "{" ASKED "}");
        head(&s, 200, cases[i].stream ? SSE : "application/json");
        give(&s, cases[i].bytes);
        if (cases[i].ends == GONE)
            lose_client(&s);
        else
            give_end(&s, cases[i].ends == CUT ? LLM_CUT : LLM_OK, "");
        llm_call_settle(&s.call, s.now);
        is_counted(&before, i);
        strike(&s);
    }
}

/* Words that the client never got were made all the same. */
static void held_back(void)
{
    const llm_reading before = totals();
    llm_reading one;
    stage s;

    set(&s, &llm_openai, 2);
    s.limits.hold = (llm_hold){ 1, 1000, 0 };
    admit(&s, "{\"stream\":true," ASKED "}");
    head(&s, 200, SSE);
    give(&s, TEXT(FORTY));
    give_end(&s, LLM_CUT, "");
    is_int(s.asks, 2, "the next is asked");
    head(&s, 200, SSE);
    give(&s, TEXT("hi") STOP LAST_USAGE DONE);
    settle(&s, LLM_OK);
    is_int(totals().tokens_out - before.tokens_out, 13, "both are paid");
    llm_meter_read(&the_meter, llm_meter_row(&the_meter, "one", "m",
                                             "customer"), &one);
    ok(one.tokens_out >= 10, "each on its own row");
    is_int(s.call.spent.estimated, PROMPT + 10, "one of them by estimate");
    strike(&s);
}

/* The same where the first of them came together with the cut. */
static void taken_back(void)
{
    const llm_reading before = totals();
    llm_reading one, was;
    const uint32_t row = llm_meter_row(&the_meter, "one", "m", "customer");
    stage s;

    llm_meter_read(&the_meter, row, &was);
    set(&s, &llm_openai, 2);
    s.limits.recover = 1;
    admit(&s, "{\"stream\":true," ASKED "}");
    head(&s, 200, SSE);
    give_end(&s, LLM_CUT, ROLE TEXT(FORTY) TEXT(FORTY));
    is_int(s.asks, 2, "the next is asked");
    is_int(s.call.recoveries, 0, "anew");
    llm_meter_read(&the_meter, row, &one);
    is_int(one.tokens_in - was.tokens_in, PROMPT, "the prompt is counted");
    is_int(one.tokens_out - was.tokens_out, 20, "and what came");
    is_int(one.tokens_estimated - was.tokens_estimated, PROMPT + 20,
           "marked, on its row");
    head(&s, 200, SSE);
    give(&s, TEXT("hi") STOP LAST_USAGE DONE);
    settle(&s, LLM_OK);
    llm_meter_read(&the_meter, row, &was);
    is_int(was.tokens_out, one.tokens_out, "once");
    is_int(totals().tokens_out - before.tokens_out, 23, "both are paid");
    is_int(totals().tokens_in - before.tokens_in, PROMPT + 7, "and asked");
    strike(&s);

    set(&s, &llm_openai, 1);
    admit(&s, "{\"stream\":true," ASKED "}");
    head(&s, 200, SSE);
    give_end(&s, LLM_CUT, TEXT(FORTY));
    is_int(s.status, 502, "nobody is left");
    settle(&s, LLM_CUT);
    llm_meter_read(&the_meter, row, &one);
    is_int(one.tokens_out - was.tokens_out, 10, "it is paid all the same");
    is_int(one.tokens_in - was.tokens_in, PROMPT, "once");
    strike(&s);
}

/* A request with no place between dialects is measured by its bytes. */
static void odd_request(void)
{
    static const char body[] = "{\"stream\":true,\"model\":\"m\",\"prompt\":["
        "\"" FORTY "\",\"" FORTY "\"]}";
    const llm_reading before = totals();
    stage s;

    set(&s, &llm_openai_completions, 1);
    admit(&s, body);
    head(&s, 200, SSE);
    give(&s, EVENT("{\"choices\":[{\"text\":\"" FORTY "\"}]}"));
    lose_client(&s);
    settle(&s, LLM_CLIENT_GONE);
    is_int(totals().tokens_in - before.tokens_in, (sizeof body + 2) / 4,
           "a request that cannot be read");
    is_int(totals().tokens_out - before.tokens_out, 10, "and its answer");
    strike(&s);
}

static void vectors(void)
{
    const llm_reading before = totals();
    stage s;

    set(&s, &llm_openai_embeddings, 1);
    admit(&s, "{\"model\":\"m\",\"input\":[\"" FORTY "\",\"" FORTY "\"]}");
    give_whole(&s, 200, "{\"object\":\"list\",\"data\":[]}");
    settle(&s, LLM_OK);
    is_int(totals().tokens_in - before.tokens_in, 20, "what was embedded");
    is_int(totals().tokens_estimated - before.tokens_estimated, 20, "about");
    strike(&s);
}

int main(void)
{
    open_theatre();
    one_by_one();
    held_back();
    taken_back();
    odd_request();
    vectors();
    close_theatre();
    return done();
}
