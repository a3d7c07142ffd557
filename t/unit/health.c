/* Breakers, rests and latencies in shared memory, by a simulated clock. */
#include "../../src/route/health.h"
#include "../tap.h"

#define S apr_time_from_sec(1)
#define START (1000000 * S)

static const llm_breaker breaker = { 30 * S, 4, 50, 5 * S, 20 * S, 0 };
static llm_health cells[8];
static const llm_health_area area = { cells, 8 };

static llm_health *fresh(void)
{
    memset(cells, 0, sizeof cells);
    return llm_health_find(&area, "target", "a");
}

static void finding(void)
{
    const llm_health_area none = { NULL, 0 };
    llm_health *a = fresh();
    int i, full = 0;
    char name[2] = "b";

    ok(a && a == llm_health_find(&area, "target", "a"), "found again");
    ok(a != llm_health_find(&area, "key", "a"), "kinds are apart");
    for (i = 0; i < 10; i++, name[0]++)
        full += !llm_health_find(&area, "target", name);
    is_int(full, 4, "when it is full there is none");
    ok(!llm_health_find(&none, "target", "a"), "nor in nothing");
    ok(llm_health_of(NULL, START) == LLM_HEALTH_CLOSED
       && llm_health_admit(NULL, START), "who has none is well");
}

static void trips(void)
{
    llm_health *a = fresh();
    apr_time_t now = START;
    int i;

    for (i = 0; i < 3; i++)
        llm_health_failed(a, &breaker, now);
    is_int(llm_health_of(a, now), LLM_HEALTH_CLOSED, "too few to tell");
    llm_health_failed(a, &breaker, now);
    is_int(llm_health_of(a, now), LLM_HEALTH_OPEN, "open");
    ok(!llm_health_admit(a, now + 5 * S - 1), "and stays so while it rests");
    now += 5 * S;
    is_int(llm_health_of(a, now), LLM_HEALTH_HALF, "half open");
    ok(llm_health_admit(a, now), "one may pass");
    ok(!llm_health_admit(a, now + S), "and no other");
    llm_health_failed(a, &breaker, now + S);
    is_int(llm_health_of(a, now + 10 * S), LLM_HEALTH_OPEN, "rests for longer");
    now += 11 * S;
    ok(llm_health_admit(a, now), "the next one");
    llm_health_went_well(a, &breaker, now);
    is_int(llm_health_of(a, now), LLM_HEALTH_CLOSED, "closed");
    for (i = 0; i < 3; i++)
        llm_health_failed(a, &breaker, now);
    is_int(llm_health_of(a, now), LLM_HEALTH_CLOSED, "and counts anew");
}

static void longest(void)
{
    llm_health *a = fresh();
    apr_time_t now = START, asked = 0;
    int i, probes = 0;

    for (i = 0; i < 4; i++)
        llm_health_failed(a, &breaker, now);
    for (; now < START + 600 * S; now += S)
        if (llm_health_admit(a, now)) {
            llm_health_failed(a, &breaker, now);
            ok(now - (asked ? asked : START) <= 20 * S, "never rests longer");
            asked = now;
            probes++;
        }
    ok(probes >= 29 && probes <= 33, "%d probes in ten minutes", probes);
}

static void rates(void)
{
    llm_health *a = fresh();
    int i;

    for (i = 0; i < 60; i++) {
        llm_health_went_well(a, &breaker, START);
        llm_health_went_well(a, &breaker, START);
        llm_health_failed(a, &breaker, START);
    }
    is_int(llm_health_of(a, START), LLM_HEALTH_CLOSED, "a third is borne");
    a = fresh();
    for (i = 0; i < 20; i++)
        llm_health_failed(a, &breaker, START + i * 31 * S);
    is_int(llm_health_of(a, START + 620 * S), LLM_HEALTH_CLOSED,
           "failures far apart are borne");
    a = fresh();
    for (i = 0; i < 4; i++)
        llm_health_failed(a, &breaker, START + (12 + 5 * i) * S);
    is_int(llm_health_of(a, START + 27 * S), LLM_HEALTH_OPEN,
           "those of one window are not, whenever it begins");
    a = fresh();
    llm_health_failed(a, &breaker, START);
    for (i = 0; i < 3; i++)
        llm_health_failed(a, &breaker, START + (31 + i) * S);
    is_int(llm_health_of(a, START + 33 * S), LLM_HEALTH_CLOSED,
           "a window ends");
    llm_health_failed(a, &breaker, START + 30 * S);
    is_int(llm_health_of(a, START + 33 * S), LLM_HEALTH_OPEN,
           "who is a little behind counts in it");
    a = fresh();
    for (i = 0; i < 3; i++)
        llm_health_failed(a, &breaker, START);
    llm_health_failed(a, &breaker, START - 3600 * S);
    is_int(llm_health_of(a, START), LLM_HEALTH_CLOSED,
           "when the clock was put back it begins anew");
    a = fresh();
    for (i = 0; i < 200000; i++)
        llm_health_went_well(a, &breaker, START);
    llm_health_failed(a, &breaker, START);
    is_int(llm_health_of(a, START), LLM_HEALTH_CLOSED, "counts do not run over");
}

static void rests(void)
{
    llm_health *a = fresh();

    llm_health_rest(a, START + 9 * S);
    llm_health_rest(a, START + 2 * S);
    ok(!llm_health_admit(a, START + 8 * S), "the longer rest counts");
    ok(llm_health_admit(a, START + 9 * S), "then one may try");
    ok(!llm_health_admit(a, START + 10 * S), "only one");
    ok(llm_health_admit(a, START + 9 * S + LLM_HEALTH_PROBE),
       "until it is thought dead");
}

static void probes(void)
{
    llm_health *a = fresh();
    int i;

    llm_health_probed(NULL, 1, START, START);
    llm_health_probed(a, 0, START + 60 * S, START);
    is_int(llm_health_of(a, START), LLM_HEALTH_CLOSED,
           "who is well is not judged by a probe");
    for (i = 0; i < 4; i++)
        llm_health_failed(a, &breaker, START);
    llm_health_probed(a, 0, START + 60 * S, START + S);
    ok(!llm_health_admit(a, START + 60 * S - 1), "a bad probe: a longer rest");
    llm_health_probed(a, 1, 0, START + 30 * S);
    is_int(llm_health_of(a, START + 30 * S), LLM_HEALTH_HALF, "a good one: it "
           "may be tried");
    ok(llm_health_admit(a, START + 30 * S), "by one");
    ok(!llm_health_admit(a, START + 30 * S), "not by two");
    llm_health_probed(a, 1, 0, START + 31 * S);
    ok(!llm_health_admit(a, START + 31 * S), "though it is probed again");
    llm_health_went_well(a, &breaker, START + 32 * S);
    is_int(llm_health_of(a, START + 32 * S), LLM_HEALTH_CLOSED, "closed");
    for (i = 0; i < 4; i++)
        llm_health_failed(a, &breaker, START + 40 * S);
    llm_health_probed(a, 0, START + 55 * S, START + 50 * S);
    is_int(llm_health_of(a, START + 50 * S), LLM_HEALTH_OPEN,
           "a bad probe of one half open: it rests again");
}

static void slow_ones(void)
{
    llm_breaker strict = breaker;
    llm_health *a = fresh();
    unsigned calls, failures;
    int i;

    for (i = 0; i < 10; i++)
        llm_health_answered(a, &strict, 9 * S, START);
    is_int(llm_health_of(a, START), LLM_HEALTH_CLOSED, "slow is not bad");
    strict.slow = 2 * S;
    a = fresh();
    llm_health_answered(a, &strict, 2 * S, START);
    llm_health_answered(a, &strict, 0, START);
    llm_health_answered(a, &strict, 2 * S + 1, START);
    llm_health_counts(a, &strict, START, &calls, &failures);
    ok(calls == 3 && failures == 1, "unless that is said: %u of %u", failures,
       calls);
    is_int(llm_health_of(a, START), LLM_HEALTH_CLOSED, "one is borne");
    llm_health_answered(a, &strict, 3 * S, START);
    is_int(llm_health_of(a, START), LLM_HEALTH_OPEN, "half of them: open");
    ok(llm_health_admit(a, START + 5 * S), "the trial");
    llm_health_answered(a, &strict, 3 * S, START + 5 * S);
    is_int(llm_health_of(a, START + 14 * S), LLM_HEALTH_OPEN,
           "that is slow again");
    llm_health_answered(a, &strict, S, START + 16 * S);
    is_int(llm_health_of(a, START + 16 * S), LLM_HEALTH_CLOSED, "and quick");
    is_int(llm_health_latency(a, START + 16 * S, NULL) > S, 1,
           "latencies are kept all along");
}

static void counts(void)
{
    llm_health *a = fresh();
    unsigned calls, failures;

    ok(!llm_health_look(&area, "target", "b"), "who only looks takes no cell");
    ok(llm_health_look(&area, "target", "a") == a, "but finds one");
    llm_health_counts(NULL, &breaker, START, &calls, &failures);
    ok(!calls && !failures, "nothing of nobody");
    llm_health_failed(a, &breaker, START);
    llm_health_went_well(a, &breaker, START);
    llm_health_counts(a, &breaker, START, &calls, &failures);
    ok(calls == 2 && failures == 1, "%u of %u", failures, calls);
    llm_health_counts(a, &breaker, START + 60 * S, &calls, &failures);
    ok(!calls && !failures, "another window has its own");
}

static void ageing(void)
{
    llm_health *a = fresh();
    int64_t claim, before = INT64_MAX, is;
    int i, rises = 0;

    is_int(llm_health_latency(NULL, START, NULL), 0, "who has no cell");
    is_int(llm_health_latency(a, START, &claim), 0, "who was never asked");
    ok(llm_health_claim(a, claim, START), "one goes");
    is_int(llm_health_latency(a, START, NULL), LLM_HEALTH_LONG,
           "for the others it is the last");
    ok(!llm_health_claim(a, claim, START + 1), "no two go");
    llm_health_took(a, 800000, START + S);
    is_int(llm_health_latency(a, START + S, NULL), 800000, "measured");
    is_int(llm_health_latency(a, START + S + LLM_HEALTH_HALVES, &claim),
           400000, "it is forgotten by halves");
    is_int(llm_health_latency(a, START + S + 3 * LLM_HEALTH_HALVES, NULL),
           100000, "and halves");
    for (i = 0; i < 6000; i++, before = is) {
        is = llm_health_latency(a, START + i * S, NULL);
        rises += is > before;
    }
    ok(!rises && !before, "never rising, down to nothing");
    ok(llm_health_claim(a, claim, START + 100 * S), "it is measured again");
    is_int(llm_health_latency(a, START + 130 * S, &claim), 800000,
           "meanwhile the old mark counts");
    is_int(claim, -1, "and there is nothing to claim");
    ok(llm_health_latency(a, START + 100 * S + LLM_HEALTH_PROBE, NULL)
       < 800000, "until who went is thought dead");
}

static void latencies(void)
{
    llm_health *a = fresh();

    llm_health_took(a, 1000, START);
    is_int(a->latency, 1000, "the first is believed");
    llm_health_took(a, 90000, START + 1);
    is_int(a->latency, 90000, "a slow one at once");
    llm_health_took(a, 1000, START + 2);
    ok(a->latency > 89000, "a quick one only by and by: %ld",
       (long)a->latency);
    llm_health_took(a, 1000, START + 100 * S);
    ok(a->latency < 10000, "but in time: %ld", (long)a->latency);
    llm_health_took(a, 5, START);
    ok(a->latency >= 5, "a clock that went back does no harm");
}

/* A target for any model: each of them is left alone for itself. */
static void shares(void)
{
    static llm_health many[1024];
    const llm_health_area large = { many, 1024 };
    llm_health *const a = llm_health_target(&large, "p/*", "a");
    char model[16];
    int used = 0;

    ok(a && a == llm_health_target(&large, "p/*", "a"), "a model's cell");
    ok(a != llm_health_target(&large, "p/*", "b"), "another's is another");
    ok(a != llm_health_target(&large, "q/*", "a"), "so is another target's");
    ok(llm_health_target(&large, "p/m", "a")
       == llm_health_target(&large, "p/m", "b"), "one of one model has one");
    is_int(llm_health_shares("p/m"), 1, "and no more");
    for (int i = 0; i < 10000; i++) {
        snprintf(model, sizeof model, "m%d", i);
        llm_health_target(&large, "p/*", model);
    }
    for (int i = 0; i < llm_health_shares("p/*"); i++)
        used += llm_health_share(&large, "p/*", i, 0) != NULL;
    is_int(used, LLM_HEALTH_SHARES, "all are used");
    used = 0;
    for (int i = 0; i < 1024; i++)
        used += atomic_load(&many[i].name) != 0;
    is_int(used, LLM_HEALTH_SHARES + 2, "however many models there are");
    ok(!llm_health_share(&large, "z/*", 0, 0), "who looks takes none");
}

int main(void)
{
    finding();
    shares();
    trips();
    longest();
    rates();
    rests();
    probes();
    slow_ones();
    counts();
    ageing();
    latencies();
    return done();
}
