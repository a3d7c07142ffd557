/* Chains in a storm: providers that do anything, clients of three dialects
 * that leave at any moment, keys, breakers, recovery. What holds for every
 * call, whatever happens to it.
 *
 *     build/t/unit/call_storm.t SEED      tells the story of that one scene
 */
#include "storm.h"
#include "storm_client.h"
#include "storm_scene.h"

#define SCENES 10000
#define CALLS 3                 /* of a scene, with the same health */
#define KINDS (LLM_FAULT_COUNT + 5)
#define MOST_ATTEMPTS 32        /* src/call/route.c */

/* --- what is asked ------------------------------------------------------- */

/* What the assistant is to have said already; NULL: it begins. */
static const char *begun(scene *t, const char *body)
{
    const llm_json *tree, *list, *last, *content;
    size_t n;

    if (llm_json_parse(body, strlen(body), 32, &tree, t->s.pool)) {
        holds(t, 0, "a request is JSON");
        return NULL;
    }
    list = llm_json_member(tree, "messages");
    last = llm_json_element(list, llm_json_count(list) - 1);
    if (strcmp(llm_json_word(llm_json_member(last, "role")), "assistant"))
        return NULL;
    content = llm_json_member(last, "content");
    if (llm_json_kind_of(content) == LLM_JSON_ARRAY)
        content = llm_json_member(llm_json_element(content, 0), "text");
    return llm_json_string(content, &n);
}

/* Where what it tells leaves what the client has; -1: nowhere. */
static long long parting(const scene *t, const char *tale, int prefilled)
{
    const llm_buf *said = &t->s.call.said;
    size_t i = 0;

    if (prefilled || !t->s.call.recoveries)
        return -1;
    while (i < said->len && tale[i] == said->data[i])
        i++;
    return i < said->len ? (long long)i : -1;
}

static int target_of(const scene *t)
{
    const char *const name = t->s.call.target_model;

    return name[strlen(name) - 1] - '0';
}

static int key_of(const scene *t)
{
    const llm_way *const way = t->s.call.way;

    return way ? way->label[strlen(way->label) - 1] - '0' : 0;
}

/* Words of it have come. */
static int has_spoken(const part *it, size_t most)
{
    const size_t came = it->at < most ? it->at : most;

    for (int i = 0; i < it->n && it->marks[i].end <= came; i++)
        if (it->marks[i].kind == MARK_TEXT)
            return 1;
        else if (it->marks[i].kind != MARK_USAGE)
            return 0;
    return 0;
}

/* The attempt before is over: what it took must be on its row. */
static void reckon(scene *t)
{
    const int who = t->targets[t->of].provider;
    long long in, out;

    if (t->is_told)
        return;
    t->is_told = 1;
    if (took(&t->part, t->s.limits.max_answer, &in, &out)) {
        t->in[who] += in;
        t->out[who] += out;
        if (out)
            return;
    }
    if (t->part.stream && t->part.status == 200 && t->part.at) {
        t->untold++;
        t->unpaid += has_spoken(&t->part, t->s.limits.max_answer);
    }
}

/* One that is half-open is asked once, but for a key that it refuses. */
static void look_at_health_of(scene *t, target *at)
{
    const llm_call *const call = &t->s.call;
    const llm_health *const cell = call->plan->options[t->of].health;
    const unsigned key = 1u << key_of(t);

    holds(t, call->recoveries || !(at->trial & key), "a trial is one request");
    if (llm_health_of(cell, t->s.now) == LLM_HEALTH_HALF) {
        tell(t, "  as a trial");
        at->trial |= key;
        t->trials++;
    }
    holds(t, !(at->spent & key), "a key that is used up rests");
    holds(t, !at->is_known || at->context > t->outgrown,
          "who is known to be too small is not asked");
}

static void look_at_asking(scene *t)
{
    target *const at = &t->targets[t->of];
    const int most = at->retries + t->s.call.target->provider->ways->nelts
        + 4 * t->s.call.recoveries;

    tell(t, "asks %s, key %d", t->s.call.target->label, key_of(t));
    holds(t, t->s.asks == t->s.call.attempt, "attempts are counted");
    holds(t, t->s.asks <= MOST_ATTEMPTS, "so many attempts and no more");
    holds(t, ++at->asks <= most, "each target has its attempts");
    holds(t, t->s.now >= at->not_before[key_of(t)],
          "who said when is not asked before");
    at->not_before[key_of(t)] = 0;
    look_at_health_of(t, at);
}

static void new_part(scene *t)
{
    const char *body, *from, *tale;
    const target *at;

    if (t->part_of == t->s.asks)
        return;
    reckon(t);
    t->part_of = t->s.asks;
    t->of = target_of(t);
    t->is_told = 0;
    look_at_asking(t);
    at = &t->targets[t->of];
    tale = tales[at->tale];
    body = t->s.asked[(t->s.asks - 1) % 3];
    from = begun(t, body);
    llm_buf_free(&t->part.bytes);
    memset(&t->part, 0, sizeof t->part);
    llm_buf_init(&t->part.bytes, 1 << 18);
    t->part.parts_at = parting(t, tale, from != NULL);
    if (t->needs > at->context)
        find_too_long(&t->part, at->context);
    else if (one_in(20))
        find_spent(&t->part);
    /* Who tells another tale cannot take up one that it is given. */
    else if (from && (!at->continues || strncmp(TRUTH, from, strlen(from))
                 || at->tale || one_in(5)))
        refuse(&t->part, 400, "no_prefill");
    else
        write_part(&t->part, at->provider >= 0
                   && t->s.call.spoken == &llm_anthropic, t->stream,
                   t->s.asks, tale + (from ? strlen(from) : 0));
    t->delay = one_in(6) ? below(FIRST) : below(300000);
    tell(t, "  which will be %s, %zu bytes%s", t->part.what,
         t->part.bytes.len, from ? ", after what was said" : "");
}

/* --- what happens -------------------------------------------------------- */

/* Not beyond the moment when the call looks up by itself. */
static void step(scene *t, apr_interval_time_t by)
{
    const apr_time_t deadline = llm_call_deadline(&t->s.call);

    holds(t, deadline >= t->s.call.started, "a deadline that comes");
    t->s.now = t->s.now + by < deadline ? t->s.now + by
        : t->s.now > deadline ? t->s.now : deadline;
}

/* All of a refusal was read. */
static void note_refusal(scene *t)
{
    target *const at = &t->targets[t->of];
    const part *const from = &t->part;
    long long size;

    if (from->retry_ms && from->status == 429 && !from->spent)
        at->not_before[key_of(t)] = t->s.now + from->retry_ms * 1000;
    if (from->at < from->bytes.len)
        return;
    if (from->spent) {
        at->spent |= 1u << key_of(t);
        t->spents++;
    }
    t->longs += from->is_long;
    t->contents += from->is_content;
    size = !from->is_long ? 0 : at->is_known ? at->context : from->context;
    if (size > t->outgrown)
        t->outgrown = size;
}

static void give_part(scene *t)
{
    part *const from = &t->part;
    const size_t left = from->bytes.len - from->at;
    const size_t n = one_in(5) ? left : below((unsigned)left + 1);
    llm_arrival what;

    head(&t->s, from->status, from->type ? from->type : "");
    t->s.head.framed = from->framed;
    t->s.head.encoded = from->encoded;
    t->s.head.retry_after_ms = from->retry_ms ? from->retry_ms : -1;
    what = arrival(&t->s, from->bytes.data ? from->bytes.data + from->at
                                           : NULL, n);
    from->at += n;
    if (from->at == from->bytes.len && from->ending != END_SILENT
        && !one_in(3)) {
        what.ended = 1;
        what.fault = from->ending == END_CUT ? from->fault : LLM_OK;
        from->ended = !what.fault;
        tell(t, "  ends: %s", llm_fault_of(what.fault)->word);
    }
    if (what.ended)
        note_refusal(t);
    arrive(&t->s, &what);
}

static int is_silent(const scene *t)
{
    return t->part.ending == END_SILENT && t->part.at == t->part.bytes.len;
}

static void happen(scene *t)
{
    stage *const s = &t->s;

    if (one_in(150)) {
        tell(t, "the client leaves");
        lose_client(s);
    }
    else if (s->call.state == LLM_CALL_RESTING || is_silent(t)
             || one_in(60)) {
        step(t, TOTAL * 2);
        give_n(s, NULL, 0);
    }
    else if (t->delay) {
        step(t, t->delay);
        t->delay = 0;
        give_n(s, NULL, 0);
    }
    else {
        step(t, below(50000));
        give_part(t);
    }
}

static apr_time_t longest(const scene *t)
{
    apr_interval_time_t most = 0;

    for (int i = 0; i < t->n; i++) {
        const llm_provider *p = &t->s.providers[t->targets[i].provider];

        if (p->endpoint->times.total > most)
            most = p->endpoint->times.total;
    }
    return most;
}

/* --- what the client has ------------------------------------------------ */

/* Whether some target of the chain tells this, or begins so. */
static int is_tale(const scene *t, const llm_buf *text, int whole)
{
    for (int i = 0; i < t->n; i++) {
        const char *const tale = tales[t->targets[i].tale];

        if (text->len <= strlen(tale)
            && (!text->len || !memcmp(text->data, tale, text->len))
            && (!whole || text->len == strlen(tale)))
            return 1;
    }
    return 0;
}

/* A stream of a provider's own that ends where HTTP says it is whole is whole,
 * with or without its last words. */
static void look_at_stream(scene *t)
{
    const llm_fault fault = t->s.call.fault.fault;
    view v = { .dialect = t->dialect, .pool = t->s.pool };
    llm_sse in;

    llm_buf_init(&v.text, 1 << 16);
    llm_sse_init(&in, 1 << 20);
    llm_sse_feed(&in, t->s.got.data, t->s.got.len, see, &v);
    holds(t, fault == LLM_CLIENT_GONE || llm_sse_is_empty(&in),
          "the last event is whole");
    llm_sse_free(&in);
    if (v.broken)
        holds(t, 0, v.broken);
    holds(t, v.ends == (fault == LLM_OK), "an end marker if it is whole");
    holds(t, v.errors == (fault && fault != LLM_CLIENT_GONE),
          "an error if it is not");
    holds(t, v.begins <= 1, "one beginning");
    holds(t, v.finishes <= 1, "one finish reason");
    holds(t, is_tale(t, &v.text, 0), "what a target tells");
    holds(t, fault || !v.finishes || is_tale(t, &v.text, 1),
          "all of it, once");
    llm_buf_free(&v.text);
}

static void look_at_whole(scene *t, const llm_json *json)
{
    const llm_json *text;
    llm_span span;

    if (t->dialect == 1)
        text = llm_json_member(llm_json_element(
            llm_json_member(json, "content"), 0), "text");
    else if (t->dialect == 2)
        text = llm_json_member(llm_json_element(llm_json_member(
            llm_json_element(llm_json_member(json, "output"), 0),
            "content"), 0), "text");
    else
        text = llm_json_member(llm_json_member(llm_json_element(
            llm_json_member(json, "choices"), 0), "message"), "content");
    span = llm_json_span(text);
    holds(t, is_tale(t, &(llm_buf){ .data = (char *)span.at,
                                    .len = span.len }, 1),
          "a whole answer is one target's");
}

static void look_at_answer(scene *t)
{
    const stage *const s = &t->s;
    const llm_json *json;

    if (!s->heads || (s->call.fault.fault == LLM_CLIENT_GONE && !t->stream)) {
        holds(t, s->call.fault.fault == LLM_CLIENT_GONE,
              "somebody gets something");
        return;
    }
    if (s->status == 200 && t->stream) {
        look_at_stream(t);
        return;
    }
    if (llm_json_parse(s->got.data, s->got.len, 32, &json, s->pool)) {
        holds(t, s->call.fault.fault == LLM_CLIENT_GONE, "JSON");
        return;
    }
    holds(t, (s->status == 200) == !s->call.fault.fault, "its status");
    if (s->status == 200)
        look_at_whole(t, json);
    else
        holds(t, *word_of(llm_json_member(json, "error"), "message"),
              "an error in the client's words");
}

/* --- what was counted ---------------------------------------------------- */

typedef struct sums {
    uint64_t calls, in[3], out[3], estimated[3];
} sums;

static void read_sums(sums *to)
{
    llm_reading r;

    to->calls = totals().calls;
    for (int i = 0; i < 3; i++) {
        llm_meter_read(&the_meter, llm_meter_row(&the_meter,
                       provider_names[i], "m", "customer"), &r);
        to->in[i] = r.tokens_in;
        to->out[i] = r.tokens_out;
        to->estimated[i] = r.tokens_estimated;
    }
}

/* Estimates are smaller than the smallest number a provider tells. */
static void look_at_sums(scene *t, const sums *before)
{
    uint64_t guessed = 0, marked = 0;
    sums now;

    read_sums(&now);
    holds(t, now.calls == before->calls + 1, "settled once");
    for (int i = 0; i < 3; i++) {
        const uint64_t in = now.in[i] - before->in[i];
        const uint64_t out = now.out[i] - before->out[i];

        guessed += in % 1000 + out % 1000;
        marked += now.estimated[i] - before->estimated[i];
        if (in / 1000 * 1000 != (uint64_t)t->in[i]
            || out / 1000 * 1000 != (uint64_t)t->out[i])
            tell(t, "%s: counted %llu and %llu, told %lld and %lld",
                 provider_names[i], (unsigned long long)in,
                 (unsigned long long)out, t->in[i], t->out[i]);
        holds(t, in / 1000 * 1000 == (uint64_t)t->in[i]
              && out / 1000 * 1000 == (uint64_t)t->out[i],
              "tokens are counted for who took them, once");
    }
    holds(t, guessed == marked, "what is estimated is marked");
    holds(t, guessed >= (uint64_t)t->unpaid, "words that came are counted");
    holds(t, guessed <= (uint64_t)t->untold * (20 + 2 * sizeof TRUTH / 4),
          "an estimate is of what was said");
    holds(t, !llm_meter_in_flight(&the_meter), "the slot is given back");
}

/* A request that was too long for the last was asked of all who might have
 * taken it, as long as there was time. */
static void look_at_length(scene *t)
{
    const llm_call *const call = &t->s.call;

    if (call->fault.fault != LLM_CONTEXT || call->recoveries || t->contents
        || t->s.asks >= MOST_ATTEMPTS)
        return;
    for (int i = 0; i < t->n; i++)
        holds(t, t->targets[i].asks
              || (t->targets[i].is_known
                  && t->targets[i].context <= t->outgrown)
              || t->s.now >= call->started + t->s.providers[
                     t->targets[i].provider].endpoint->times.total,
              "who may take more is asked");
}

static void look_at_health(scene *t)
{
    for (size_t i = 0; i < COUNT(cells); i++)
        holds(t, atomic_load(&cells[i].latency) >= 0,
              "nobody answers before it is asked");
}

/* --- one call ------------------------------------------------------------ */

static void after_the_end(scene *t)
{
    const size_t len = t->s.got.len;

    for (int i = 0; i < 3; i++) {
        t->s.now += below(2 * TOTAL);
        give_part(t);
        holds(t, t->s.got.len == len
              && llm_call_next(&t->s.call) == LLM_CALL_OVER,
              "after the end there is nothing");
    }
}

static void play(scene *t)
{
    stage *const s = &t->s;
    int steps = 0;

    admit(s, request(t));
    holds(t, s->call.slot >= 0, "it is in flight");
    while (llm_call_next(&s->call) == LLM_CALL_WAIT && steps++ < 3000) {
        if (s->call.state != LLM_CALL_RESTING)
            new_part(t);
        happen(t);
    }
    holds(t, llm_call_next(&s->call) == LLM_CALL_OVER, "it has an end");
    holds(t, s->now <= s->call.started + longest(t), "in its time");
    tell(t, "over: %s, status %d", llm_fault_of(s->call.fault.fault)->word,
         s->status);
    reckon(t);
}

static const char *words(const scene *t)
{
    static const char *const dialects[] = { "OpenAI", "Anthropic",
                                            "Responses" };

    return apr_psprintf(t->s.pool, "%s, %s%s", dialects[t->dialect],
                        t->stream ? "streamed" : "whole",
                        t->s.limits.recover ? ", recovered" : "");
}

static int one_call(apr_time_t *now, int loud, int kinds[])
{
    scene t;
    sums before;
    int broken;

    set_scene(&t, *now);
    tell(&t, "a call: %s", words(&t));
    read_sums(&before);
    play(&t);
    look_at_answer(&t);
    if (one_in(3) && t.part_of)
        after_the_end(&t);
    llm_call_settle(&t.s.call, t.s.now);
    llm_call_settle(&t.s.call, t.s.now);
    look_at_sums(&t, &before);
    look_at_health(&t);
    look_at_length(&t);
    kinds[t.s.call.fault.fault]++;
    kinds[LLM_FAULT_COUNT] += t.s.call.recoveries > 0
        && !t.s.call.fault.fault;
    kinds[LLM_FAULT_COUNT + 1] += t.s.call.ended_by != LLM_OK;
    kinds[LLM_FAULT_COUNT + 2] += t.trials;
    kinds[LLM_FAULT_COUNT + 3] += t.longs > 1;
    kinds[LLM_FAULT_COUNT + 4] += t.spents;
    broken = t.broken;
    if (broken || loud) {
        fwrite(t.story.data, 1, t.story.len, stdout);
        printf("# %s\n", t.rule ? t.rule : "all holds");
        tap_show("the client got", t.s.got.data ? t.s.got.data : "",
                 t.s.got.len);
    }
    *now = t.s.now + below(5 * SEC);
    llm_buf_free(&t.story);
    llm_buf_free(&t.part.bytes);
    strike(&t.s);
    return broken;
}

/* Scenes are found again by their number. */
static int one_scene(unsigned long seed, int loud, int kinds[])
{
    apr_time_t now = STARTED;
    int broken = 0;

    dice = seed * 0x9e3779b97f4a7c15u + 1;
    memset(cells, 0, sizeof cells);
    for (int i = 0; i < CALLS && !broken; i++)
        broken = one_call(&now, loud, kinds);
    if (broken)
        printf("# seed %lu\n", seed);
    return broken;
}

static int many(void)
{
    static int kinds[KINDS];
    int broken = 0, ends = 0;

    for (unsigned long i = 1; i <= SCENES && broken < 3; i++)
        broken += one_scene(i, 0, kinds) != 0;
    is_int(broken, 0, "%d scenes kept all rules", SCENES);
    for (int i = 0; i < LLM_FAULT_COUNT; i++)
        ends += kinds[i] > 5;
    ok(ends > 10 && kinds[LLM_OK] > SCENES, "%d kinds of ends, %d good ones",
       ends, kinds[LLM_OK]);
    ok(kinds[LLM_FAULT_COUNT] > SCENES / 20, "%d were gone on with",
       kinds[LLM_FAULT_COUNT]);
    ok(kinds[LLM_FAULT_COUNT + 1] > 20, "%d were broken off at their end",
       kinds[LLM_FAULT_COUNT + 1]);
    ok(kinds[LLM_FAULT_COUNT + 2] > SCENES / 20, "%d trials",
       kinds[LLM_FAULT_COUNT + 2]);
    ok(kinds[LLM_FAULT_COUNT + 3] > SCENES / 20, "%d were too long for "
       "several", kinds[LLM_FAULT_COUNT + 3]);
    ok(kinds[LLM_FAULT_COUNT + 4] > SCENES / 20, "%d keys had nothing to "
       "spend", kinds[LLM_FAULT_COUNT + 4]);
    return done();
}

int main(int argc, char **argv)
{
    int kinds[KINDS] = { 0 }, rc;

    open_theatre();
    facts = apr_array_make(the_pool, 2, sizeof(llm_facts));
    llm_facts_add(facts, "takes*", "prefill", the_pool);
    llm_facts_add(facts, "never*", "no-prefill", the_pool);
    rc = argc > 1 ? one_scene(strtoul(argv[1], NULL, 10), 1, kinds) : many();
    close_theatre();
    return rc;
}
