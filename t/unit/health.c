/* Breakers, rests and latencies in shared memory, by a simulated clock. */
#include "../../src/route/health.h"
#include "../tap.h"

#define S apr_time_from_sec(1)
#define START (1000000 * S)

static const llm_breaker breaker = { 30 * S, 4, 50, 5 * S, 20 * S };
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

int main(void)
{
    finding();
    trips();
    longest();
    rates();
    rests();
    latencies();
    return done();
}
