/* The way of a call through its chain: which target is asked, with which key,
 * and what follows when it fails. The plan decides (src/route/plan.h); here is
 * what it needs to know. */
#include "answer.h"
#include <string.h>
#include <apr_strings.h>

#define KEY_REST apr_time_from_sec(60)  /* of one that was refused */
#define ATTEMPTS_FOR_REST 2     /* of the last target, to go on by itself */
#define ATTEMPTS 32             /* of one call, whatever was configured */

static const llm_target *target_at(const llm_call *call, int i)
{
    return &((const llm_target *)call->model->targets->elts)[i];
}

/* As its provider calls the model. */
static const char *name_at(const llm_call *call, const llm_target *target)
{
    return target->model ? target->model : call->request.model;
}

static llm_times times_of(const llm_target *target)
{
    return llm_times_or(target->times, &target->provider->endpoint->times);
}

static int place_of(const llm_call *call, const llm_target *target)
{
    return (int)(target - target_at(call, 0));
}

/* What the plan knows of it. */
static llm_option *option_of(const llm_call *call, const llm_target *target)
{
    return &call->plan->options[place_of(call, target)];
}

static llm_health *health_of(const llm_call *call)
{
    return option_of(call, call->target)->health;
}

/* ---- keys --------------------------------------------------------------- */

static const llm_way *way_at(const llm_provider *provider, int i)
{
    return &((const llm_way *)provider->ways->elts)[i];
}

/* The keys of a target, each found in the area once for all of the call. */
static llm_option_key *keys_of(const llm_call *call, const llm_target *target)
{
    const llm_provider *provider = target->provider;
    llm_option *option = option_of(call, target);
    int i;

    if (option->keys)
        return option->keys;
    option->keys = apr_pcalloc(call->pool, provider->ways->nelts
                                           * sizeof *option->keys);
    for (i = 0; i < provider->ways->nelts; i++)
        option->keys[i].health = llm_health_find(&call->limits->health, "key",
                                                 way_at(provider, i)->label);
    return option->keys;
}

static int number_of(const llm_call *call, const llm_way *way)
{
    return (int)(way - way_at(call->target->provider, 0));
}

/* That of the key in use; NULL: there is but one. */
static llm_health *health_of_way(const llm_call *call)
{
    return call->way
        ? keys_of(call, call->target)[number_of(call, call->way)].health
        : NULL;
}

static int is_awake(const llm_option_key *key, apr_time_t now)
{
    return llm_health_of(key->health, now) != LLM_HEALTH_OPEN;
}

/* Which keys come into question. */
typedef enum choice {
    FRESH,                      /* those that do not rest, and that the target
                                 * was not asked with */
    AWAKE, ANY
} choice;

static int is_choice(const llm_option_key *key, choice of, apr_time_t now)
{
    return (of == ANY || is_awake(key, now))
        && (of != FRESH || !key->asked);
}

static uint64_t weight_of(const llm_call *call, choice of, apr_time_t now)
{
    const llm_provider *provider = call->target->provider;
    const llm_option_key *keys = keys_of(call, call->target);
    uint64_t sum = 0;
    int i;

    for (i = 0; i < provider->ways->nelts; i++)
        if (is_choice(&keys[i], of, now))
            sum += way_at(provider, i)->weight;
    return sum;
}

/* One by the chance of its weight; NULL when there is none. */
static const llm_way *choose_way(llm_call *call, choice of, apr_time_t now)
{
    const llm_provider *provider = call->target->provider;
    const llm_option_key *keys = keys_of(call, call->target);
    const uint64_t sum = weight_of(call, of, now);
    uint64_t point = sum ? llm_plan_random(&call->plan->random, sum) : 0;
    int i;

    for (i = 0; sum && i < provider->ways->nelts; i++) {
        if (!is_choice(&keys[i], of, now))
            continue;
        if (point < way_at(provider, i)->weight)
            return way_at(provider, i);
        point -= way_at(provider, i)->weight;
    }
    return NULL;
}

static int has_other_way(const llm_call *call, apr_time_t now)
{
    return weight_of(call, FRESH, now) > 0;
}

/* ---- attempts ----------------------------------------------------------- */

/* Of names with ", " between them. */
static int is_among(const char *names, const char *name)
{
    const size_t n = strlen(name);
    const char *at = names;

    while (at) {
        if (!strncmp(at, name, n) && (!at[n] || at[n] == ','))
            return 1;
        at = strchr(at, ',');
        at = at ? at + 2 : NULL;
    }
    return 0;
}

static void note_tried(llm_call *call)
{
    const char *name = call->target->provider_name;

    if (!call->tried)
        call->tried = name;
    else if (!is_among(call->tried, name))
        call->tried = apr_pstrcat(call->pool, call->tried, ", ", name, NULL);
}

void llm_answer_begin(llm_call *call)
{
    call->attempt++;
    memset(&call->head, 0, sizeof call->head);
    call->trouble = NULL;
    memset(&call->usage, 0, sizeof call->usage);
    call->done = call->finished = 0;
    call->choices = call->finishes = 0;
    call->summed_up = 0;
    call->received = 0;
    llm_buf_free(&call->answer);
    llm_buf_init(&call->answer, call->limits->max_answer);
    llm_sse_free(&call->sse);
    llm_sse_init(&call->sse, call->limits->max_answer);
    llm_eventstream_free(&call->events);
    llm_eventstream_init(&call->events, call->limits->max_answer);
    llm_hold_begin(call);
    call->row = llm_call_row(call, 0);
    llm_meter_assign(call->meter, call->slot, call->row);
    call->state = LLM_CALL_ADMITTED;
}

/* Nothing of an attempt before has reached the client. */
static void begin_attempt(llm_call *call)
{
    call->translation = NULL;
    call->dropped = NULL;
    call->skipped = 0;
    call->first = call->last = 0;
    call->frame.begun = 0;
    llm_buf_clear(&call->out);
    llm_buf_clear(&call->log);
    llm_buf_clear(&call->said);
    call->log_lost = 0;
    llm_answer_begin(call);
}

/* A key for the target: if it can be, one that it was not asked with. */
static void take_way(llm_call *call, apr_time_t now)
{
    const llm_provider *provider = call->target->provider;
    int of;

    call->way = NULL;
    for (of = FRESH; !call->way && of <= ANY; of++)
        call->way = choose_way(call, of, now);
    if (call->way)
        keys_of(call, call->target)[number_of(call, call->way)].asked = 1;
    call->endpoint = call->way ? call->way->endpoint : provider->endpoint;
    note_tried(call);
}

/* Asks the target that the plan has chosen. */
static void attempt(llm_call *call, apr_time_t now)
{
    llm_fault_detail detail = { 0 };

    take_way(call, now);
    begin_attempt(call);
    detail.fault = llm_answer_write(call, &detail);
    if (detail.fault)
        llm_answer_failed(call, &detail, now);
    else if (call->estimated)
        llm_answer_give(call, now);
}

static void set_target(llm_call *call, const llm_target *target)
{
    call->target = target;
    call->times = times_of(target);
}

static void turn_to(llm_call *call, int i, apr_time_t now)
{
    set_target(call, target_at(call, i));
    attempt(call, now);
}

/* One key that does not rest is enough. */
static int is_well(const llm_call *call, const llm_target *target,
                   apr_time_t now)
{
    const llm_option_key *keys = keys_of(call, target);
    const int n = target->provider->ways->nelts;
    int i;

    for (i = 0; i < n; i++)
        if (is_awake(&keys[i], now))
            return 1;
    return !n;
}

static int has_time(const llm_call *call, const llm_target *target,
                    apr_time_t now)
{
    return now < call->started + times_of(target).total;
}

int llm_answer_has_next(const llm_call *call, apr_time_t now)
{
    const llm_plan *plan = call->plan;
    const llm_target *target;
    int i, option;

    for (i = 0; i < plan->n; i++) {
        option = plan->order[i];
        target = target_at(call, option);
        if (!plan->tried[option]
            && !llm_health_of(plan->options[option].health, now)
            && is_well(call, target, now)
            && has_time(call, target, now))
            return call->attempt < ATTEMPTS;
    }
    return 0;
}

/* One that could still answer in the time a call may take with it. A target
 * whose keys all rest is as one that rests itself: passed over as long as
 * there is another. */
static int next_option(llm_call *call, apr_time_t now)
{
    const llm_target *target;
    int i;

    while ((i = llm_plan_next(call->plan, now)) >= 0) {
        target = target_at(call, i);
        if (!has_time(call, target, now))
            continue;
        if (call->plan->forced || is_well(call, target, now))
            return i;
        llm_plan_put_off(call->plan);
    }
    return -1;
}

static int next_target(llm_call *call, apr_time_t now)
{
    int i = next_option(call, now);

    if (i < 0)
        return 0;
    turn_to(call, i, now);
    return 1;
}

void llm_answer_again(llm_call *call, apr_time_t now)
{
    attempt(call, now);
}

/* ---- the plan ----------------------------------------------------------- */

static void describe(const llm_call *call, int i)
{
    const llm_target *target = target_at(call, i);
    const llm_provider *provider = target->provider;
    const char *model = name_at(call, target);
    const llm_facts *facts = llm_facts_find(call->limits->facts, model);
    llm_option *option = &call->plan->options[i];

    option->allowed = !target->when || !call->limits->may
        || call->limits->may(target->when, call->limits->baton);
    option->weight = target->weight;
    option->price = facts->price_in || facts->price_out
        ? 3 * facts->price_in + facts->price_out : -1;
    option->health = llm_health_target(&call->limits->health, target->label,
                                       model);
    if (call->model->order == LLM_ORDER_FASTEST
        || call->model->order == LLM_ORDER_LEAST_BUSY)
        option->busy = llm_meter_in_flight_at(call->meter,
                                              target->provider_name);
    option->attempts = provider->attempts;
    option->least = provider->least;
    option->most = provider->most;
    option->patience = provider->patience;
}

void llm_answer_plan(llm_call *call, apr_time_t now)
{
    const llm_fault_detail none = {
        .fault = LLM_NO_MODEL, .param = "model",
        .text = "No provider of this model may be asked for this request"
    };
    int i, n = call->model->targets->nelts;

    if (n > LLM_PLAN_MOST)
        n = LLM_PLAN_MOST;
    call->plan = apr_pcalloc(call->pool, sizeof *call->plan);
    call->plan->options = apr_pcalloc(call->pool,
                                      n * sizeof *call->plan->options);
    for (i = 0; i < n; i++)
        describe(call, i);
    llm_plan_make(call->plan, n, call->model->order,
                  call->limits->random + (uint64_t)now, now);
    if (!next_target(call, now))
        llm_call_refuse(call, &none, now);
}

/* ---- who would say the same --------------------------------------------- */

static long long context_of(const llm_call *call, const llm_target *target)
{
    return target->context ? target->context
        : llm_facts_find(call->limits->facts,
                         name_at(call, target))->context;
}

/* Not one that is known to take no more than what was too small, nor, where
 * nothing is known, the same model somewhere else. */
static int may_take_it(const llm_call *call, const llm_target *target)
{
    const long long size = context_of(call, target);

    return size && call->outgrown
        ? size > call->outgrown
        : strcmp(name_at(call, target), name_at(call, call->target)) != 0;
}

static void outgrow(llm_call *call, const llm_fault_detail *detail)
{
    long long size = context_of(call, call->target);

    if (!size)
        size = detail->context;
    if (size > call->outgrown)
        call->outgrown = size;
}

/* What one target has said of the request, some of the others would say, too:
 * they are not asked. */
static void narrow(llm_call *call, const llm_fault_detail *detail)
{
    const llm_next rule = llm_fault_of(detail->fault)->next;
    const llm_target *target;
    int i;

    if (rule != LLM_NEXT_CONTEXT && rule != LLM_NEXT_CONTENT)
        return;
    if (rule == LLM_NEXT_CONTEXT)
        outgrow(call, detail);
    for (i = 0; i < call->plan->n; i++) {
        target = target_at(call, call->plan->order[i]);
        if (rule == LLM_NEXT_CONTENT ? !target->on_content
                                     : !may_take_it(call, target))
            llm_plan_leave_out(call->plan, call->plan->order[i]);
    }
}

/* ---- what follows ------------------------------------------------------- */

void llm_answer_blame(llm_call *call, const llm_fault_detail *detail,
                      apr_time_t now)
{
    const llm_provider *provider = call->target->provider;
    llm_next rule = llm_fault_of(detail->fault)->next;
    llm_health *key = health_of_way(call);

    narrow(call, detail);
    llm_health_asked(key, call->asked);
    if (!provider->breaker.window && provider->ways->nelts < 2)
        return;                 /* nobody is left alone here */
    if (rule == LLM_NEXT_KEY)
        llm_health_rest(key, now + KEY_REST);
    if (rule == LLM_NEXT_WAIT && detail->retry_after_ms)
        llm_health_rest(key, now + detail->retry_after_ms * 1000LL);
    if (llm_next_counts(rule))
        llm_health_failed(health_of(call), &provider->breaker, now);
}

void llm_answer_went_well(llm_call *call, apr_time_t now)
{
    const llm_breaker *breaker;
    llm_health *key;

    if (!call->target)
        return;
    breaker = &call->target->provider->breaker;
    key = health_of_way(call);
    llm_health_answered(health_of(call), breaker,
                        call->first > call->asked ? call->first - call->asked
                                                  : 0, now);
    llm_health_asked(key, call->asked);
    if (llm_health_of(key, now))
        llm_health_went_well(key, breaker, now);
}

static int rest(llm_call *call, apr_time_t when, apr_time_t now)
{
    if (when >= call->started + call->times.total)
        return next_target(call, now);
    call->state = LLM_CALL_RESTING;
    call->first = 0;            /* it was given up */
    call->again_at = when;
    return 1;
}

static int step(llm_call *call, llm_next rule, const llm_fault_detail *detail,
                apr_time_t now)
{
    apr_time_t when = 0;

    switch (llm_plan_after(call->plan, rule, has_other_way(call, now),
                           detail->retry_after_ms * 1000LL, now, &when)) {
    case LLM_STEP_AGAIN:
        return rest(call, when, now);
    case LLM_STEP_KEY:
        attempt(call, now);
        return 1;
    case LLM_STEP_NEXT:
        return next_target(call, now);
    default:
        return 0;
    }
}

/* Of a target that has said another thing there is nothing to be hoped, nor of
 * one that wants to be left alone; the client of a stream does not wait. */
static int may_again(llm_call *call, const llm_fault_detail *detail,
                     apr_time_t now)
{
    llm_next rule = llm_fault_of(detail->fault)->next;

    if (rule != LLM_NEXT_AGAIN || detail->retry_after_ms)
        return (rule == LLM_NEXT_KEY || rule == LLM_NEXT_WAIT)
            && has_other_way(call, now);
    return call->plan->tried[place_of(call, call->target)] < ATTEMPTS_FOR_REST
        && !llm_translate_strays(call->translation);
}

/* The same target may do it if it has attempts left and there is no other. */
int llm_answer_next_for_rest(llm_call *call, const llm_fault_detail *detail,
                             apr_time_t now)
{
    int i = next_option(call, now);

    if (i < 0 && !may_again(call, detail, now))
        return 0;
    if (i < 0)
        llm_plan_again(call->plan, place_of(call, call->target));
    else
        set_target(call, target_at(call, i));
    take_way(call, now);
    return call->attempt < ATTEMPTS
        && has_time(call, call->target, now);
}

int llm_answer_go_on(llm_call *call, const llm_fault_detail *detail,
                     apr_time_t now)
{
    llm_next rule = llm_fault_of(detail->fault)->next;
    uint32_t row = call->row;

    if (rule != LLM_NEXT_OTHER)         /* that one was not asked */
        llm_health_in_vain(health_of(call), now);
    if (rule == LLM_NEXT_STOP)
        return 0;
    llm_answer_blame(call, detail, now);
    if (call->attempt >= ATTEMPTS)
        return 0;
    if (!step(call, rule, detail, now))
        return 0;
    llm_meter_failover(call->meter, row, detail->fault);
    return 1;
}
