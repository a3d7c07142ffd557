#include "plan.h"
#include <string.h>

/* xorshift64*, which needs a state that is not 0. */
uint64_t llm_plan_random(uint64_t *state, uint64_t n)
{
    uint64_t x = *state ? *state : 0x9e3779b97f4a7c15u;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return n ? (x * 0x2545f4914f6cdd1du >> 11) % n : 0;
}

/* ---- the order ---------------------------------------------------------- */

static void swap(unsigned char *a, unsigned char *b)
{
    int kept = *a;

    *a = *b;
    *b = kept;
}

static unsigned weight_at(const llm_plan *plan, int i)
{
    return plan->options[plan->order[i]].weight;
}

/* Puts one of the places from `from` to before `to` first, each by the chance
 * of its weight. */
static void draw(llm_plan *plan, int from, int to)
{
    uint64_t sum = 0, point;
    int i;

    for (i = from; i < to; i++)
        sum += weight_at(plan, i);
    point = llm_plan_random(&plan->random, sum);
    for (i = from; i < to - 1 && point >= weight_at(plan, i); i++)
        point -= weight_at(plan, i);
    for (; i > from; i--)
        swap(&plan->order[i], &plan->order[i - 1]);
}

/* Neighbours that have weights are equals. */
static void share(llm_plan *plan)
{
    int from, to, i;

    for (from = 0; from < plan->n; from = to + 1) {
        for (to = from; to < plan->n && weight_at(plan, to); to++)
            ;
        for (i = from; i + 1 < to; i++)
            draw(plan, i, to);
    }
}

/* What the targets are ordered by: smaller is better. */
typedef struct ranking {
    double score[LLM_PLAN_MOST];        /* by place in options */
    int64_t claim[LLM_PLAN_MOST];       /* -1, or see llm_health_claim */
} ranking;

/* Who is not known yet is tried first. */
static double score_of(const llm_option *option, llm_order order,
                       apr_time_t now, int64_t *claim)
{
    *claim = -1;
    switch (order) {
    case LLM_ORDER_CHEAPEST:
        return option->price < 0 ? 1e300 : option->price;
    case LLM_ORDER_LEAST_BUSY:
        return option->busy;
    default:
        return (double)llm_health_latency(option->health, now, claim)
            * (option->busy + 1);
    }
}

static double score_at(const llm_plan *plan, const ranking *by, int i)
{
    return by->score[plan->order[i]];
}

static void move_first(llm_plan *plan, int i)
{
    for (; i > 0; i--)
        swap(&plan->order[i], &plan->order[i - 1]);
}

static void sort(llm_plan *plan, llm_order order, ranking *by, apr_time_t now)
{
    int i, k;

    for (i = 0; i < plan->n; i++)
        by->score[plan->order[i]] =
            score_of(&plan->options[plan->order[i]], order, now,
                     &by->claim[plan->order[i]]);
    for (i = 1; i < plan->n; i++)
        for (k = i; k > 0 && score_at(plan, by, k)
                             < score_at(plan, by, k - 1); k--)
            swap(&plan->order[k], &plan->order[k - 1]);
}

/* The better of two that chance chose comes first: all children that know the
 * same would else run to the same place at once. */
static void choose_of_two(llm_plan *plan, const ranking *by)
{
    int a, b;

    if (plan->n < 3)
        return;
    a = (int)llm_plan_random(&plan->random, (uint64_t)plan->n);
    b = (int)llm_plan_random(&plan->random, (uint64_t)plan->n - 1);
    b += b >= a;
    move_first(plan, score_at(plan, by, b) < score_at(plan, by, a) ? b : a);
}

/* 0 if the first was chosen for a latency that another call is now out to
 * measure: one is enough. */
static int may_be_first(llm_plan *plan, const ranking *by, apr_time_t now)
{
    const int first = plan->n ? plan->order[0] : -1;

    return first < 0 || by->claim[first] < 0
        || llm_health_claim(plan->options[first].health, by->claim[first],
                            now);
}

static void rank(llm_plan *plan, llm_order order, apr_time_t now)
{
    ranking by;
    int turns = 0;

    do {
        sort(plan, order, &by, now);
        if (order != LLM_ORDER_CHEAPEST)
            choose_of_two(plan, &by);
    } while (!may_be_first(plan, &by, now) && turns++ < LLM_PLAN_MOST);
}

void llm_plan_make(llm_plan *plan, int n, llm_order order, uint64_t random,
                   apr_time_t now)
{
    int i;

    plan->n = 0;
    plan->now = -1;
    plan->forced = 0;
    plan->trial = 0;
    plan->random = random;
    memset(plan->tried, 0, sizeof plan->tried);
    for (i = 0; i < n && i < LLM_PLAN_MOST; i++)
        if (plan->options[i].allowed)
            plan->order[plan->n++] = i;
    if (order == LLM_ORDER_GIVEN)
        share(plan);
    else
        rank(plan, order, now);
}

/* ---- the way through ---------------------------------------------------- */

static int take(llm_plan *plan, int option, int forced, apr_time_t now)
{
    llm_health_asked(plan->options[option].health, now);
    plan->now = option;
    plan->forced = forced;
    plan->tried[option]++;
    return option;
}

void llm_plan_again(llm_plan *plan, int option)
{
    plan->now = option;
    plan->tried[option]++;
}

void llm_plan_end(llm_plan *plan)
{
    if (plan->trial)
        llm_health_give_back(plan->options[plan->now].health, plan->trial);
    plan->trial = 0;
}

void llm_plan_put_off(llm_plan *plan)
{
    llm_plan_end(plan);
    plan->tried[plan->now] = 0;
    plan->options[plan->now].put_off = 1;
}

void llm_plan_leave_out(llm_plan *plan, int option)
{
    if (!plan->tried[option])
        plan->tried[option] = 1;
}

int llm_plan_next(llm_plan *plan, apr_time_t now)
{
    llm_health_leave leave;
    int i, option;

    llm_plan_end(plan);
    for (i = 0; i < plan->n; i++) {
        option = plan->order[i];
        if (plan->tried[option] || plan->options[option].put_off)
            continue;
        leave = llm_health_admit(plan->options[option].health, now);
        if (leave == LLM_HEALTH_LEFT_ALONE)
            continue;
        plan->trial = leave == LLM_HEALTH_TRIAL ? now : 0;
        return take(plan, option, 0, now);
    }
    for (i = 0; i < plan->n; i++)
        if (!plan->tried[plan->order[i]])
            return take(plan, plan->order[i], 1, now);
    return -1;
}

/* Full jitter: anything up to the limit that doubles each time. */
static apr_interval_time_t back_off(llm_plan *plan, const llm_option *option)
{
    apr_interval_time_t most = option->least;
    int i;

    for (i = 1; i < plan->tried[plan->now] && most < option->most; i++)
        most *= 2;
    if (most > option->most)
        most = option->most;
    return (apr_interval_time_t)llm_plan_random(&plan->random,
                                                (uint64_t)most + 1);
}

/* Who rests, or is on trial, is asked once. */
static llm_plan_step again(llm_plan *plan, apr_interval_time_t retry_after,
                           apr_time_t now, apr_time_t *when)
{
    const llm_option *option = &plan->options[plan->now];

    if (plan->forced || plan->trial
        || plan->tried[plan->now] >= option->attempts
        || retry_after > option->patience)
        return LLM_STEP_NEXT;
    *when = now + (retry_after ? retry_after : back_off(plan, option));
    plan->tried[plan->now]++;
    return LLM_STEP_AGAIN;
}

llm_plan_step llm_plan_after(llm_plan *plan, llm_next rule, int keys,
                             apr_interval_time_t retry_after, apr_time_t now,
                             apr_time_t *when)
{
    switch (rule) {
    case LLM_NEXT_KEY:
        return keys ? LLM_STEP_KEY : LLM_STEP_NEXT;
    case LLM_NEXT_WAIT:
        return keys ? LLM_STEP_KEY : again(plan, retry_after, now, when);
    case LLM_NEXT_AGAIN:
        return again(plan, retry_after, now, when);
    case LLM_NEXT_TARGET:
    case LLM_NEXT_OTHER:
    case LLM_NEXT_CONTEXT:
    case LLM_NEXT_CONTENT:
        return LLM_STEP_NEXT;
    default:
        return LLM_STEP_STOP;
    }
}
