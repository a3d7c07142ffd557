/* Which target is asked next, and when. */
#include "../../src/route/plan.h"
#include "../tap.h"

#define S apr_time_from_sec(1)
#define START (1000000 * S)

static llm_health cells[4];
static const llm_breaker breaker = { 30 * S, 2, 50, 5 * S, 20 * S, 0 };

static llm_option plain(void)
{
    const llm_option option = {
        .allowed = 1, .price = -1, .attempts = 2, .least = S / 2,
        .most = 8 * S, .patience = 10 * S
    };

    return option;
}

static void fill(llm_plan *plan, int n)
{
    int i;

    memset(plan->options, 0, n * sizeof *plan->options);
    memset(cells, 0, sizeof cells);
    for (i = 0; i < n; i++) {
        plan->options[i] = plain();
        plan->options[i].health = i < 4 ? &cells[i] : NULL;
    }
}

static void trip(int i)
{
    llm_health_failed(&cells[i], &breaker, START);
    llm_health_failed(&cells[i], &breaker, START);
}

static void in_order(void)
{
    llm_option options[LLM_PLAN_MOST];
    llm_plan plan = { .options = options };

    fill(&plan, 3);
    plan.options[1].allowed = 0;
    llm_plan_make(&plan, 3, LLM_ORDER_GIVEN, 7, START);
    is_int(llm_plan_next(&plan, START), 0, "the first");
    is_int(llm_plan_next(&plan, START), 2, "the next that is allowed");
    is_int(llm_plan_next(&plan, START), -1, "and no more");
}

static void resting(void)
{
    llm_option options[LLM_PLAN_MOST];
    llm_plan plan = { .options = options };

    fill(&plan, 3);
    trip(0);
    llm_plan_make(&plan, 3, LLM_ORDER_GIVEN, 7, START);
    is_int(llm_plan_next(&plan, START), 1, "who rests is passed over");
    is_int(llm_plan_next(&plan, START), 2, "so far");
    is_int(llm_plan_next(&plan, START), 0, "and tried at last");
    ok(plan.forced, "against its rest");
    fill(&plan, 1);
    trip(0);
    llm_plan_make(&plan, 1, LLM_ORDER_GIVEN, 7, START);
    is_int(llm_plan_next(&plan, START), 0, "all rest: the best is tried");
}

/* ---- half-open ---- */

static void half_open(void)
{
    llm_option options[LLM_PLAN_MOST];
    llm_plan plan = { .options = options }, other = plan;
    const apr_time_t then = START + apr_time_from_sec(1000000);
    apr_time_t when = 0;

    fill(&plan, 2);
    trip(0);
    plan.options[0].attempts = 3;
    llm_plan_make(&plan, 2, LLM_ORDER_GIVEN, 7, then);
    is_int(llm_plan_next(&plan, then), 0, "its rest is over: it is tried");
    is_int(llm_plan_after(&plan, LLM_NEXT_AGAIN, 0, 0, then, &when),
           LLM_STEP_NEXT, "with one request");
    is_int(llm_plan_after(&plan, LLM_NEXT_WAIT, 0, 0, then, &when),
           LLM_STEP_NEXT, "whatever comes of it");
    is_int(llm_plan_after(&plan, LLM_NEXT_KEY, 1, 0, then, &when),
           LLM_STEP_KEY, "but for a key, of which it is not the trial");
    llm_plan_make(&other, 2, LLM_ORDER_GIVEN, 7, then);
    is_int(llm_plan_next(&other, then), 1, "by one call");
    is_int(llm_plan_next(&plan, then), 1, "nothing came of it");
    is_int(llm_plan_after(&plan, LLM_NEXT_AGAIN, 0, 0, then, &when),
           LLM_STEP_AGAIN, "who is closed has its attempts");
    llm_plan_make(&other, 2, LLM_ORDER_GIVEN, 7, then);
    is_int(llm_plan_next(&other, then), 0, "so that another is the trial");
    llm_plan_end(&other);
    llm_plan_end(&other);
    llm_plan_make(&other, 2, LLM_ORDER_GIVEN, 7, then);
    is_int(llm_plan_next(&other, then), 0, "also when that is over");
    llm_plan_put_off(&other);
    options[0].put_off = 0;
    llm_plan_make(&plan, 2, LLM_ORDER_GIVEN, 7, then);
    is_int(llm_plan_next(&plan, then), 0, "or could not ask it at all");
}

static void weights(void)
{
    llm_option options[LLM_PLAN_MOST];
    llm_plan plan = { .options = options };
    int first[3] = { 0 }, last[3] = { 0 };
    uint64_t seed = 1;

    for (int i = 0; i < 30000; i++) {
        fill(&plan, 3);
        plan.options[0].weight = 3;
        plan.options[1].weight = 1;
        llm_plan_make(&plan, 3, LLM_ORDER_GIVEN,
                      llm_plan_random(&seed, UINT64_MAX), START);
        first[plan.order[0]]++;
        last[plan.order[2]]++;
    }
    ok(first[0] > 21900 && first[0] < 23100, "three of four: %d", first[0]);
    ok(first[1] == 30000 - first[0], "else the other");
    is_int(last[2], 30000, "who has no weight keeps its place");
}

static void orders(void)
{
    llm_option options[LLM_PLAN_MOST];
    llm_plan plan = { .options = options };
    int best = 0;

    fill(&plan, 3);
    plan.options[0].price = 3;
    plan.options[2].price = 1;
    llm_plan_make(&plan, 3, LLM_ORDER_CHEAPEST, 1, START);
    ok(plan.order[0] == 2 && plan.order[1] == 0 && plan.order[2] == 1,
       "cheapest, and who has no price last");
    for (int i = 0; i < 1000; i++) {
        fill(&plan, 3);
        cells[0].latency = 90000;
        cells[1].latency = 10000;
        cells[2].latency = 50000;
        for (int k = 0; k < 3; k++)
            cells[k].latency_at = START;
        llm_plan_make(&plan, 3, LLM_ORDER_FASTEST, (uint64_t)i + 1, START);
        best += plan.order[0] == 1;
        if (plan.order[0] == 0)
            break;
    }
    ok(best > 550 && best < 780, "the fastest, of two by chance: %d", best);
    fill(&plan, 2);
    plan.options[0].busy = 5;
    llm_plan_make(&plan, 2, LLM_ORDER_LEAST_BUSY, 1, START);
    is_int(plan.order[0], 1, "least busy");
}

/* ---- the fastest, as time passes ---- */

#define MS 1000

/* Who is asked first at `now`; it is noted as asked. */
static int first_at(int n, apr_time_t now, const double *busy)
{
    static uint64_t chance;
    llm_option options[LLM_PLAN_MOST];
    llm_plan plan = { .options = options };

    memset(options, 0, sizeof options);
    for (int i = 0; i < n; i++) {
        plan.options[i] = plain();
        plan.options[i].health = &cells[i];
        plan.options[i].busy = busy ? busy[i] : 0;
    }
    chance += 0x9e3779b97f4a7c15u;
    llm_plan_make(&plan, n, LLM_ORDER_FASTEST, chance, now);
    return llm_plan_next(&plan, now);
}

/* One call a second for `seconds`; the longest that each was left alone. */
static void drive(int n, const int *ms, int seconds, int *times, int *longest)
{
    int last[4] = { 0 };

    memset(cells, 0, sizeof cells);
    for (int i = 0; i < n; i++)
        times[i] = longest[i] = 0;
    for (int t = 1; t <= seconds; t++) {
        int i = first_at(n, START + t * S, NULL);

        llm_health_took(&cells[i], ms[i] * MS, START + t * S + ms[i] * MS);
        times[i]++;
        for (int k = 0; k < n; k++) {
            if (t - last[k] > longest[k])
                longest[k] = t - last[k];
            if (k == i)
                last[k] = t;
        }
    }
}

static void old_news(void)
{
    const int two[] = { 900, 100 }, four[] = { 800, 100, 400, 3200 };
    int times[4], longest[4];

    drive(2, two, 3600, times, longest);
    ok(times[0] >= 10, "who was slow is tried now and then: %d", times[0]);
    ok(times[0] <= 36, "of an hour's calls hardly one in a hundred");
    ok(longest[0] <= 5 * 60, "every few minutes: %d s", longest[0]);
    drive(4, four, 3600, times, longest);
    ok(times[1] > 1700, "of four the fastest has half: %d", times[1]);
    ok(times[1] > times[2] && times[2] > times[0] && times[0] > times[3],
       "the faster the more: %d %d %d %d", times[0], times[1], times[2],
       times[3]);
    ok(longest[3] <= 8 * 60, "none is forgotten: %d s", longest[3]);
}

/* A slow one that has become fast is found out, and the other way round. */
static void changes(void)
{
    int ms[] = { 900, 100 }, times[2], longest[2], back = 0;

    drive(2, ms, 60, times, longest);
    for (int t = 61; t < 1200 && !back; t++) {
        int i = first_at(2, START + t * S, NULL);

        llm_health_took(&cells[i], (i ? 100 : 20) * MS, START + t * S + 20);
        back = i ? 0 : t;
    }
    ok(back && back < 60 + 5 * 60, "found after %d s", back - 60);
    is_int(first_at(2, START + back * S + S, NULL), 0, "and stays the first");
}

/* All ask in the same moment, and nobody is answered yet. */
static void crowd(void)
{
    double busy[4] = { 0 };
    int times[4] = { 0 };

    memset(cells, 0, sizeof cells);
    for (int i = 0; i < 400; i++) {
        int first = first_at(4, START, busy);

        times[first]++;
        busy[first]++;
    }
    for (int i = 0; i < 4; i++)
        ok(times[i] >= 80 && times[i] <= 120, "nobody is known: %d", times[i]);
    memset(cells, 0, sizeof cells);
    llm_health_took(&cells[0], 10000 * MS, START - 700 * S);
    llm_health_took(&cells[1], 50 * MS, START - S);
    times[0] = 0;
    for (int i = 0; i < 1000; i++)
        times[0] += first_at(2, START + i * MS, NULL) == 0;
    is_int(times[0], 1, "one tries who was slow, a thousand do not");
    memset(cells, 0, sizeof cells);
    llm_health_took(&cells[1], 50 * MS, START - S);
    times[0] = 0;
    for (int i = 0; i < 1000; i++)
        times[0] += first_at(2, START + i * MS, NULL) == 0;
    is_int(times[0], 1, "and one who is new");
}

/* Who has never answered but with a refusal is not new for ever, however
 * seldom it is asked; and is measured as any other once it answers. */
static void in_vain(void)
{
    int times[2] = { 0 };

    memset(cells, 0, sizeof cells);
    for (int t = 1; t <= 80; t++) {
        const apr_time_t now = START + t * 90 * S;
        const int first = first_at(2, now, NULL);

        times[first]++;
        if (first)
            llm_health_took(&cells[1], 100 * MS, now + 100 * MS);
        else
            llm_health_in_vain(&cells[0], now + 5 * MS);
    }
    ok(times[0] > 1 && times[0] < 20, "who only refuses is tried now and "
       "then: %d of 80", times[0]);
    llm_health_took(&cells[0], 50 * MS, START + 7300 * S);
    is_int(llm_health_latency(&cells[0], START + 7300 * S, NULL), 50 * MS,
           "until it answers");
    llm_health_in_vain(&cells[0], START + 7301 * S);
    is_int(llm_health_latency(&cells[0], START + 7301 * S, NULL),
           llm_health_latency(&cells[0], START + 7300 * S, NULL) - 50 * MS / 2
           / 60, "who has answered is not worse for a refusal");
}

static llm_plan_step after(llm_plan *plan, llm_next rule, int keys,
                           apr_interval_time_t said, apr_time_t *when)
{
    *when = 0;
    return llm_plan_after(plan, rule, keys, said, START, when);
}

static void steps(void)
{
    llm_option options[LLM_PLAN_MOST];
    llm_plan plan = { .options = options };
    apr_time_t when;

    fill(&plan, 2);
    llm_plan_make(&plan, 2, LLM_ORDER_GIVEN, 7, START);
    llm_plan_next(&plan, START);
    is_int(after(&plan, LLM_NEXT_STOP, 1, 0, &when), LLM_STEP_STOP, "stop");
    is_int(after(&plan, LLM_NEXT_KEY, 1, 0, &when), LLM_STEP_KEY, "a key");
    is_int(after(&plan, LLM_NEXT_KEY, 0, 0, &when), LLM_STEP_NEXT, "no key");
    is_int(after(&plan, LLM_NEXT_TARGET, 1, 0, &when), LLM_STEP_NEXT, "next");
    is_int(after(&plan, LLM_NEXT_WAIT, 1, 2 * S, &when), LLM_STEP_KEY,
           "limited: another key");
    is_int(after(&plan, LLM_NEXT_WAIT, 0, 11 * S, &when), LLM_STEP_NEXT,
           "too long to wait for");
    is_int(after(&plan, LLM_NEXT_WAIT, 0, 2 * S, &when), LLM_STEP_AGAIN,
           "waited for");
    is_int(when, START + 2 * S, "as long as it said");
    is_int(after(&plan, LLM_NEXT_AGAIN, 0, 0, &when), LLM_STEP_NEXT,
           "two attempts and no more");
    llm_plan_next(&plan, START);
    is_int(after(&plan, LLM_NEXT_AGAIN, 0, 0, &when), LLM_STEP_AGAIN,
           "the next target has its own");
    ok(when >= START && when <= START + S / 2, "within the first back-off");
}

static void back_offs(void)
{
    llm_option options[LLM_PLAN_MOST];
    llm_plan plan = { .options = options };
    apr_time_t when, longest = 0;

    for (uint64_t seed = 1; seed < 500; seed++) {
        fill(&plan, 1);
        plan.options[0].attempts = 10;
        llm_plan_make(&plan, 1, LLM_ORDER_GIVEN, seed, START);
        llm_plan_next(&plan, START);
        for (int i = 1; i < 10; i++) {
            after(&plan, LLM_NEXT_AGAIN, 0, 0, &when);
            if (when - START > (i < 5 ? (S / 2) << (i - 1) : 8 * S))
                longest = 99 * S;
            else if (when - START > longest)
                longest = when - START;
        }
        if (after(&plan, LLM_NEXT_AGAIN, 0, 0, &when) != LLM_STEP_NEXT)
            longest = 99 * S;
    }
    ok(longest > 7 * S && longest <= 8 * S, "doubles up to its most: %ld us",
       (long)longest);
}

int main(void)
{
    in_order();
    resting();
    half_open();
    weights();
    orders();
    old_news();
    changes();
    crowd();
    in_vain();
    steps();
    back_offs();
    return done();
}
