/* A call whose providers fail, are slow, or say too much: whole answers, and
 * the way from one target to the next. */
#include "rehearsal.h"

/* --- faults of one target ------------------------------------------------ */

static void status_faults(void)
{
    static const struct {
        int status;
        const char *body;
        int to_client;
        const char *code, *text;
        llm_fault fault;
    } cases[] = {
        { 400, "{\"error\":{\"message\":\"No.\",\"code\":\"c\"}}", 400, "c",
          "No.", LLM_REJECTED },
        { 404, "{\"error\":\"gone\"}", 404, "rejected", "gone",
          LLM_REJECTED },
        { 400, "{\"error\":{\"message\":\"long\",\"code\":"
          "\"context_length_exceeded\"}}", 400, "context_length_exceeded",
          "long", LLM_CONTEXT },
        { 400, "{\"error\":{\"message\":\"bad\",\"code\":"
          "\"content_policy_violation\"}}", 400, "content_policy_violation",
          "bad", LLM_POLICY },
        { 401, "{\"error\":\"your key sk-1234 is bad\"}", 502,
          "provider_key_refused", "The provider refused the gateway's key",
          LLM_REFUSED_KEY },
        { 429, "{\"error\":{\"message\":\"slow down\"}}", 429,
          "rate_limit_exceeded", "slow down", LLM_LIMITED },
        { 500, "oops", 502, "provider_failed", "The provider failed",
          LLM_FAILED },
        { 503, "", 503, "provider_overloaded", "The provider is overloaded",
          LLM_OVERLOADED },
        { 504, "", 504, "provider_timeout",
          "The provider did not answer in time", LLM_SLOW },
        { 302, "<html>", 502, "provider_garbage",
          "The provider's answer is not understood", LLM_GARBAGE },
        { 204, "", 502, "provider_failed", "The provider failed",
          LLM_FAILED },
        { 200, "", 502, "provider_garbage",
          "The provider's answer is not understood", LLM_GARBAGE },
        { 200, "{\"choices\":[{\"mess", 502, "provider_garbage",
          "The provider's answer is not understood", LLM_GARBAGE },
        { 200, "{\"error\":{\"message\":\"m\",\"code\":\"rate_limit\"}}", 429,
          "rate_limit", "m", LLM_LIMITED },
    };
    stage s;

    for (size_t i = 0; i < COUNT(cases); i++)
        for (int cut = 0; cut < 2; cut++) {
            if (cut && cases[i].status == 200)
                continue;
            set_stage(&s, 1);
            admit(&s, i % 2 ? WHOLE_BODY : cases[i].status == 200
                                           ? WHOLE_BODY : STREAM_BODY);
            head(&s, cases[i].status, "application/json");
            give(&s, cases[i].body);
            give_end(&s, cut ? LLM_CUT : LLM_OK, "");
            is_refused(&s, cases[i].to_client, cases[i].code, cases[i].text);
            settle(&s, cases[i].fault);
            strike(&s);
        }
}

static void network_faults(void)
{
    static const llm_fault faults[] = {
        LLM_UNREACHABLE, LLM_UNTRUSTED, LLM_RESET, LLM_SLOW, LLM_CUT,
        LLM_GARBAGE, LLM_INTERNAL, LLM_STOPPING,
    };
    const llm_fault_row *row;
    llm_arrival what;
    stage s;

    for (size_t i = 0; i < COUNT(faults); i++)
        for (int when = 0; when < 2; when++) {
            row = llm_fault_of(faults[i]);
            set_stage(&s, 1);
            admit(&s, WHOLE_BODY);
            if (when) {
                head(&s, 200, "application/json");
                give(&s, "{\"choices\":[");
            }
            what = arrival(&s, "", 0);
            what.ended = 1;
            what.fault = faults[i];
            what.trouble = "because";
            arrive(&s, &what);
            is_refused(&s, row->status, row->code,
                       apr_pstrcat(s.pool, row->text, ": because", NULL));
            settle(&s, faults[i]);
            strike(&s);
        }
    set_stage(&s, 1);
    admit(&s, WHOLE_BODY);
    give_end(&s, LLM_OK, "");
    is_refused(&s, 502, "provider_reset", llm_fault_of(LLM_RESET)->text);
    settle(&s, LLM_RESET);
    strike(&s);
}

static void unusable_heads(void)
{
    static const struct {
        const char *body, *type;
        int encoded;
    } cases[] = {
        { WHOLE_BODY, "text/html", 0 },
        { WHOLE_BODY, "", 0 },
        { WHOLE_BODY, "application/jsonl", 0 },
        { WHOLE_BODY, "text/event-stream", 0 },
        { WHOLE_BODY, "application/json", 1 },
        { STREAM_BODY, "application/json", 0 },
        { STREAM_BODY, "text/event-streams", 0 },
        { STREAM_BODY, "text/event-stream", 1 },
    };
    stage s;

    for (size_t i = 0; i < COUNT(cases); i++) {
        set_stage(&s, 1);
        admit(&s, cases[i].body);
        head(&s, 200, cases[i].type);
        s.head.encoded = cases[i].encoded;
        give(&s, "");
        is_int(llm_call_next(&s.call), LLM_CALL_OVER, "a head of type '%s' "
               "is enough", cases[i].type);
        is_int(s.status, 502, "to know better");
        is_str(error_member(&s, got(&s), "code"), "provider_garbage",
               "garbage");
        settle(&s, LLM_GARBAGE);
        strike(&s);
    }
}

/* --- ceilings ------------------------------------------------------------ */

static const char *long_answer(const stage *s, size_t n)
{
    char *const text = apr_palloc(s->pool, n + 1);

    memset(text, ' ', n);
    memcpy(text, "{\"choices\":[]", 13);
    text[n - 1] = '}';
    text[n] = '\0';
    return text;
}

static void ceilings(void)
{
    stage s;

    for (int over = 0; over < 2; over++)
        for (int pieces = 1; pieces < 3; pieces++) {
            const char *text;
            size_t n, half;

            set_stage(&s, 2);
            s.limits.max_answer = 5000;
            llm_call_begin(&s.call, s.now);
            text = long_answer(&s, n = 5000 + (size_t)over);
            half = pieces > 1 ? n / 2 : n;
            admit(&s, WHOLE_BODY);
            head(&s, 200, "application/json");
            give_n(&s, text, half);
            if (pieces > 1)
                give_n(&s, text + half, n - half);
            if (!over)
                give_end(&s, LLM_OK, "");
            is_int(s.asks, 1, "an answer of %zu bytes of 5000", n);
            is_int(s.status, over ? 502 : 200, "in %d pieces", pieces);
            settle(&s, over ? LLM_ANSWER_TOO_LARGE : LLM_OK);
            strike(&s);
        }
}

/* Of an error's body the head is enough, and its end ends the call. */
static void endless_error(void)
{
    char block[8192];
    stage s;

    memset(block, 'x', sizeof block);
    set_stage(&s, 1);
    admit(&s, WHOLE_BODY);
    head(&s, 400, "text/plain");
    for (int i = 0; i < 500; i++)
        give_n(&s, block, sizeof block);
    ok(s.call.answer.len <= 128 * 1024, "%zu bytes of 4 MB are kept",
       s.call.answer.len);
    give_end(&s, LLM_OK, "");
    settle(&s, LLM_REJECTED);
    strike(&s);
}

/* --- time ---------------------------------------------------------------- */

static void slow(void)
{
    stage s;

    set_stage(&s, 1);
    admit(&s, WHOLE_BODY);
    pass_time(&s, STARTED + WHOLE - 1);
    is_int(llm_call_next(&s.call), LLM_CALL_WAIT, "not yet slow");
    pass_time(&s, STARTED + WHOLE);
    is_refused(&s, 504, "provider_timeout", llm_fault_of(LLM_SLOW)->text);
    settle(&s, LLM_SLOW);
    strike(&s);

    set_stage(&s, 1);
    admit(&s, WHOLE_BODY);
    head(&s, 200, "application/json");
    pass_time(&s, STARTED + WHOLE);
    settle(&s, LLM_SLOW);
    strike(&s);
}

static void stalled(void)
{
    stage s;

    set_stage(&s, 1);
    admit(&s, WHOLE_BODY);
    head(&s, 200, "application/json");
    give(&s, "{\"choices\":");
    pass_time(&s, s.now + IDLE - 1);
    give(&s, "[");
    pass_time(&s, s.now + IDLE - 1);
    is_int(llm_call_next(&s.call), LLM_CALL_WAIT, "every piece counts");
    pass_time(&s, s.now + 1);
    is_refused(&s, 504, "provider_stalled", llm_fault_of(LLM_STALLED)->text);
    settle(&s, LLM_STALLED);
    strike(&s);
}

/* However lively it is. */
static void total_time(void)
{
    stage s;
    int pieces = 0;

    set_stage(&s, 1);
    admit(&s, WHOLE_BODY);
    head(&s, 200, "application/json");
    give(&s, "{\"choices\":[],\"x\":\"");
    while (llm_call_next(&s.call) == LLM_CALL_WAIT && pieces++ < 1000) {
        s.now += SEC;
        give(&s, "x");
    }
    is_int(s.now, STARTED + TOTAL, "a call ends when its time is over");
    settle(&s, LLM_SLOW);
    strike(&s);
}

/* --- the next target ----------------------------------------------------- */

static void failover(void)
{
    const llm_reading before = totals();
    llm_reading after;
    stage s;

    set_stage(&s, 3);
    admit(&s, WHOLE_BODY);
    give_whole(&s, 500, "{\"error\":\"one is down\"}");
    is_int(s.asks, 2, "the second target is asked at once");
    is_int(s.heads, 0, "the client knows nothing of it");
    is_int(llm_call_deadline(&s.call), s.now + WHOLE, "with time of its own");
    s.now += SEC;
    give_end(&s, LLM_UNREACHABLE, "");
    is_int(s.asks, 3, "then the third");
    is_str(s.asked[2], s.asked[0], "with the same request");
    give_whole(&s, 200, ANSWER);
    is_got(&s, ANSWER, "whose answer the client gets");
    is_str(s.call.target->provider_name, "three", "it is the third's call");
    settle(&s, LLM_OK);
    after = totals();
    is_int(after.failovers - before.failovers, 2, "two attempts given up");
    is_int(after.given_up[LLM_FAILED] - before.given_up[LLM_FAILED], 1,
           "one failed");
    is_int(after.given_up[LLM_UNREACHABLE]
           - before.given_up[LLM_UNREACHABLE], 1, "one was unreachable");
    strike(&s);
}

static void all_fail(void)
{
    stage s;

    set_stage(&s, 3);
    admit(&s, WHOLE_BODY);
    give_whole(&s, 429, "{\"error\":{\"message\":\"one is full\"}}");
    give_end(&s, LLM_RESET, "");
    give_whole(&s, 200, "garbage");
    is_int(s.asks, 3, "all are asked");
    is_refused(&s, 429, "rate_limit_exceeded",
               "one is full (tried: one, two, three)");
    settle(&s, LLM_GARBAGE);
    strike(&s);
}

/* One whose name is a part of another's, too. */
static void names_of_the_tried(void)
{
    static const char *const names[] = { "openai", "open", "ai" };
    llm_target *targets;
    stage s;

    set_stage(&s, 3);
    targets = (llm_target *)((llm_model *)s.models->list->elts)->targets->elts;
    for (int i = 0; i < 3; i++)
        targets[i].provider_name = names[i];
    s.providers[1].attempts = 2;
    admit(&s, WHOLE_BODY);
    give_whole(&s, 500, "{}");
    give_whole(&s, 500, "{}");
    pass_time(&s, s.call.again_at);
    give_whole(&s, 500, "{}");
    give_whole(&s, 500, "{}");
    is_refused(&s, 502, "provider_failed",
               "The provider failed (tried: openai, open, ai)");
    settle(&s, LLM_FAILED);
    strike(&s);
}

static void every_fault(void)
{
    stage s;

    for (int fault = LLM_REFUSED_KEY; fault < LLM_DIED; fault++) {
        const llm_next rule = llm_fault_of(fault)->next;
        const int next = llm_next_blames(rule) || rule == LLM_NEXT_OTHER;

        set_stage(&s, 2);
        admit(&s, fault % 2 ? WHOLE_BODY : STREAM_BODY);
        give_end(&s, (llm_fault)fault, "");
        is_int(s.asks, next ? 2 : 1, "%s: %s",
               llm_fault_of(fault)->word, next ? "next target" : "the end");
        is_int(s.heads, !next, "and the client hears of it, or not");
        strike(&s);
    }
}

/* The wait the provider asked for reaches the client. */
static void retry_after(void)
{
    stage s;

    set_stage(&s, 1);
    admit(&s, WHOLE_BODY);
    head(&s, 429, "application/json");
    s.head.retry_after_ms = 2500;
    give_end(&s, LLM_OK, "{\"error\":{\"message\":\"m\"}}");
    is_int(s.call.fault.retry_after_ms, 2500, "retry after");
    settle(&s, LLM_LIMITED);
    strike(&s);
}

/* What one attempt left must not be seen in the next. */
static void nothing_is_left(void)
{
    stage s;

    set_stage(&s, 2);
    admit(&s, WHOLE_BODY);
    head(&s, 200, "application/json");
    give(&s, "{\"choices\":[{}],\"usage\":{\"prompt_tokens\":99");
    give_end(&s, LLM_CUT, "");
    give_whole(&s, 200, "{\"choices\":[]}");
    is_got(&s, "{\"choices\":[]}", "not a byte of the first answer");
    is_int(s.call.usage.known, 0, "nor its usage");
    settle(&s, LLM_OK);
    strike(&s);
}

/* A request that took all its time has none for another target. */
static void no_time_left(void)
{
    stage s;

    set_stage(&s, 3);
    for (int i = 0; i < 3; i++)
        s.endpoints[i].times.whole = TOTAL;
    admit(&s, WHOLE_BODY);
    pass_time(&s, STARTED + TOTAL);
    is_int(s.asks, 1, "nobody else is asked");
    is_int(llm_call_next(&s.call), LLM_CALL_OVER, "it is over");
    is_int(s.status, 504, "too slow");
    strike(&s);
}

/* But one that may take longer has. */
static void time_left_for_one(void)
{
    stage s;

    set_stage(&s, 3);
    for (int i = 0; i < 3; i++)
        s.endpoints[i].times.whole = TOTAL;
    s.endpoints[2].times.total = TOTAL + SEC;
    admit(&s, WHOLE_BODY);
    pass_time(&s, STARTED + TOTAL);
    is_int(s.asks, 2, "the next that has time left");
    is_str(s.call.target->provider_name, "three", "is asked");
    strike(&s);
}

/* Of a whole answer's beginning nobody has said when it is due. */
static void patient(void)
{
    stage s;

    set_stage(&s, 2);
    for (int i = 0; i < 2; i++) {
        s.endpoints[i].times.whole = 0;
        s.endpoints[i].times.total = 600 * SEC;
    }
    admit(&s, WHOLE_BODY);
    is_int(llm_call_deadline(&s.call), STARTED + 120 * SEC,
           "two minutes while there is another target");
    pass_time(&s, STARTED + 120 * SEC);
    is_int(s.asks, 2, "which is asked then");
    is_int(llm_call_deadline(&s.call), STARTED + 600 * SEC,
           "the last may take all the time there is");
    give_whole(&s, 200, "{\"choices\":[]}");
    settle(&s, LLM_OK);
    strike(&s);
}

/* --- a request that is too long ------------------------------------------ */

#define TOO_LONG(text) "{\"error\":{\"message\":\"" text "\",\"code\":" \
    "\"context_length_exceeded\"}}"
#define OF_8K TOO_LONG("This model's maximum context length is 8192 tokens.")

/* Who is asked of "one/a two/b three/c" whose contexts these are, when the
 * first says that; 0: nobody is known to be so large. */
static const struct {
    const char *models[3], *says;
    long long contexts[3];
    int next;                   /* target after the first; 0: none */
} long_cases[] = {
    { { "a", "b", "c" }, TOO_LONG("long"), { 0, 0, 0 }, 1 },
    { { "a", "a", "c" }, TOO_LONG("long"), { 0, 0, 0 }, 2 },
    { { "a", "a", "a" }, TOO_LONG("long"), { 0, 0, 0 }, 0 },
    { { "a", "a", "a" }, OF_8K, { 0, 0, 0 }, 0 },
    { { "a", "b", "c" }, TOO_LONG("long"), { 8192, 8192, 8193 }, 2 },
    { { "a", "b", "c" }, TOO_LONG("long"), { 8192, 8000, 0 }, 2 },
    { { "a", "b", "c" }, TOO_LONG("long"), { 8192, 8000, 8192 }, 0 },
    { { "a", "b", "c" }, TOO_LONG("long"), { 0, 4096, 0 }, 1 },
    { { "a", "b", "c" }, OF_8K, { 0, 4096, 8192 }, 0 },
    { { "a", "b", "c" }, OF_8K, { 0, 4096, 16384 }, 2 },
    { { "a", "b", "c" }, OF_8K, { 4096, 8192, 16384 }, 1 },
    { { "a", "a", "a" }, OF_8K, { 0, 8192, 8200 }, 2 },
};

static void set_long(stage *s, size_t i)
{
    llm_target *targets;

    set_stage(s, 3);
    targets = (llm_target *)((llm_model *)s->models->list->elts)
        ->targets->elts;
    for (int k = 0; k < 3; k++) {
        targets[k].model = long_cases[i].models[k];
        targets[k].context = long_cases[i].contexts[k];
    }
    admit(s, i % 2 ? WHOLE_BODY : STREAM_BODY);
}

static void too_long(void)
{
    stage s;

    for (size_t i = 0; i < COUNT(long_cases); i++) {
        const int next = long_cases[i].next;

        set_long(&s, i);
        give_whole(&s, 400, long_cases[i].says);
        is_int(s.asks, next ? 2 : 1, "too long for one, case %zu", i);
        is_str(s.call.target->provider_name, provider_names[next],
               "and who may take more is next");
        is_int(s.heads, !next, "else the client hears of it");
        strike(&s);
    }
}

/* Of several refusals the largest is what the next must be larger than, and
 * who failed otherwise does not bring back who is too small. */
static void too_long_for_all(void)
{
    stage s;

    set_long(&s, 7);
    give_whole(&s, 400, OF_8K);
    is_int(s.asks, 2, "the next is not known");
    is_str(s.call.target->provider_name, "three", "the small one is left out");
    give_whole(&s, 500, "{}");
    is_int(s.asks, 2, "for all of the call");
    is_refused(&s, 400, "context_length_exceeded", "This model's maximum "
               "context length is 8192 tokens. (tried: one, three)");
    settle(&s, LLM_FAILED);
    strike(&s);

    set_long(&s, 0);
    give_whole(&s, 400, OF_8K);
    give_whole(&s, 400, TOO_LONG("two"));
    give_whole(&s, 400, TOO_LONG("three"));
    is_int(s.asks, 3, "everybody is asked");
    is_refused(&s, 400, "context_length_exceeded", "This model's maximum "
               "context length is 8192 tokens. (tried: one, two, three)");
    settle(&s, LLM_CONTEXT);
    strike(&s);
}

/* Who did not opt in for refused content is not asked for it, whatever
 * happens to who did. */
static void refused_content(void)
{
    llm_target *targets;
    stage s;

    set_stage(&s, 3);
    targets = (llm_target *)((llm_model *)s.models->list->elts)->targets->elts;
    targets[1].on_content = 1;
    admit(&s, WHOLE_BODY);
    give_whole(&s, 400, "{\"error\":{\"message\":\"no\",\"code\":"
               "\"content_policy_violation\"}}");
    is_str(s.call.target->provider_name, "two", "who said so is asked");
    give_whole(&s, 500, "{}");
    is_int(s.asks, 2, "and nobody else");
    is_refused(&s, 400, "content_policy_violation", "no (tried: one, two)");
    settle(&s, LLM_FAILED);
    strike(&s);
}

/* --- what is measured ---------------------------------------------------- */

/* Who refuses has shown nothing of how quick it is, and is not new. */
static void refused_in_vain(void)
{
    static llm_health cells[8];
    const llm_health *cell;
    llm_target *target;
    stage s;

    set_stage(&s, 1);
    s.limits.health = (llm_health_area){ cells, COUNT(cells) };
    target = (llm_target *)((llm_model *)s.models->list->elts)->targets->elts;
    target->label = "one/at-target";
    admit(&s, WHOLE_BODY);
    s.now += SEC;
    give_whole(&s, 422, "{}");
    cell = llm_health_target(&s.limits.health, target->label, target->model);
    is_int(cell->latency, 0, "no latency");
    is_int(cell->latency_at, s.now, "is known of it at that time");
    strike(&s);
}

/* The time to the first token is that of an answer. */
static void first_of_an_answer(void)
{
    stage s;

    for (int i = 0; i < 3; i++) {
        set_stage(&s, 1);
        admit(&s, i < 2 ? WHOLE_BODY : STREAM_BODY);
        s.now += SEC;
        head(&s, i == 1 ? 200 : 500, "application/json");
        give(&s, i == 1 ? "{\"choices\":[" : "{\"error\":");
        is_int(llm_call_deadline(&s.call), s.now + IDLE,
               "what has begun must go on");
        if (i == 1)
            is_int(s.call.first, s.now, "an answer has begun");
        else
            is_int(s.call.first, 0, "an error is no answer");
        give_end(&s, LLM_CUT, "");
        is_int(s.call.first, 0, "nor is what the client did not get");
        strike(&s);
    }
}

/* --- keys ---------------------------------------------------------------- */

static void add_keys(stage *s, int n)
{
    llm_provider *const p = &s->providers[0];

    for (int k = 0; k < n; k++) {
        llm_way *const way = apr_array_push(p->ways);

        way->endpoint = p->endpoint;
        way->label = apr_psprintf(s->pool, "one#%d", k + 1);
        way->weight = 1 + (unsigned)k;
    }
}

static int number_of_key(const stage *s)
{
    const char *const label = s->call.way->label;

    return label[strlen(label) - 1] - '1';
}

/* Where nobody says for how long, or no area remembers it, either. */
static void each_key_once(void)
{
    static const int statuses[] = { 429, 401, 402 };
    stage s;
    int seen, wrong = 0;

    for (int i = 0; i < 60; i++) {
        set_stage(&s, 2);
        s.limits.random = (uint64_t)i * 7919;
        add_keys(&s, 3);
        admit(&s, WHOLE_BODY);
        seen = 0;
        for (int k = 0; k < 3; k++) {
            seen |= 1 << number_of_key(&s);
            give_whole(&s, statuses[(i + k) % 3], "{}");
        }
        wrong += seen != 7 || s.asks != 4
            || strcmp(s.call.target->provider_name, "two") != 0;
        strike(&s);
    }
    is_int(wrong, 0, "each key is asked with once, then the next target");
}

/* Of a target that is asked again the other key may be better. */
static void another_key_after_a_while(void)
{
    stage s;
    int first;

    set_stage(&s, 1);
    add_keys(&s, 2);
    s.providers[0].attempts = 2;
    admit(&s, WHOLE_BODY);
    first = number_of_key(&s);
    give_whole(&s, 500, "{}");
    pass_time(&s, s.call.again_at);
    ok(number_of_key(&s) != first, "the other key");
    give_whole(&s, 401, "{}");
    is_int(s.asks, 2, "there is no third");
    settle(&s, LLM_REFUSED_KEY);
    strike(&s);
}

int main(void)
{
    open_theatre();
    status_faults();
    network_faults();
    unusable_heads();
    ceilings();
    endless_error();
    slow();
    stalled();
    total_time();
    failover();
    all_fail();
    names_of_the_tried();
    every_fault();
    retry_after();
    nothing_is_left();
    no_time_left();
    time_left_for_one();
    patient();
    too_long();
    too_long_for_all();
    refused_content();
    refused_in_vain();
    first_of_an_answer();
    each_key_once();
    another_key_after_a_while();
    close_theatre();
    return done();
}
