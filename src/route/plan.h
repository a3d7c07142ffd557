/* The plan of one call: which target is asked next, and when.
 *
 *   made ─▶ next ─▶ (asked, failed) ─▶ after ─┬▶ AGAIN at a moment ─▶ ...
 *            ▲                                ├▶ KEY at once ─▶ ...
 *            └──────────── NEXT ◀─────────────┤
 *                                             └▶ STOP
 *
 * Pure: randomness, time and what is known of targets are given.
 */
#ifndef LLM_PLAN_H
#define LLM_PLAN_H

#include <apr_time.h>
#include <stdint.h>
#include "../base/fault.h"
#include "health.h"

#define LLM_PLAN_MOST 16        /* targets of a chain */

typedef enum llm_order {
    LLM_ORDER_GIVEN,            /* as the line has them; weights share */
    LLM_ORDER_CHEAPEST, LLM_ORDER_FASTEST, LLM_ORDER_LEAST_BUSY
} llm_order;

/* One of a target's keys. */
typedef struct llm_option_key {
    llm_health *health;         /* NULL: always well */
    int asked;                  /* the target was asked with it */
} llm_option_key;

/* What the plan knows of a target. */
typedef struct llm_option {
    int allowed;                /* 0: this request may not go there */
    unsigned weight;            /* 0: none given */
    double price;               /* of what is worth comparing; < 0: unknown */
    llm_health *health;         /* NULL: always well */
    double busy;                /* calls in flight there; for the orders that
                                 * ask */
    int attempts;               /* at most, one after the other */
    apr_interval_time_t least, most;    /* back-off between them */
    apr_interval_time_t patience;       /* the longest Retry-After that is
                                         * waited for */
    llm_option_key *keys;       /* the caller's; NULL: it has not looked */
    int put_off;                /* the plan's own */
} llm_option;

typedef struct llm_plan {
    llm_option *options;        /* the caller's, one for each target */
    unsigned char order[LLM_PLAN_MOST]; /* places in options */
    unsigned char tried[LLM_PLAN_MOST]; /* attempts, by place in options */
    int n;                      /* of the order */
    int now;                    /* the option that was asked last; -1 */
    int forced;                 /* it was asked although it rests */
    apr_time_t trial;           /* when it was admitted as the one call of its
                                 * half-open breaker; 0: it was not */
    uint64_t random;            /* state */
} llm_plan;

typedef enum llm_plan_step {
    LLM_STEP_AGAIN,             /* the same target, at *when */
    LLM_STEP_KEY,               /* the same target with another key, at once */
    LLM_STEP_NEXT,              /* llm_plan_next, at once */
    LLM_STEP_STOP               /* the client gets the fault */
} llm_plan_step;

/* `options` are set by the caller; the order comes from here. */
void llm_plan_make(llm_plan *plan, int n, llm_order order, uint64_t random,
                   apr_time_t now);

/* The next target as a place in options; -1: there is none. Those that rest
 * come last, once each. */
int llm_plan_next(llm_plan *plan, apr_time_t now);

/* The target that llm_plan_next gave cannot be asked now, and has not been:
 * it comes again when all others were. */
void llm_plan_put_off(llm_plan *plan);

/* A target that was not asked yet, as a place in options, will not be. */
void llm_plan_leave_out(llm_plan *plan, int option);

/* One that was asked is asked once more, whatever it rests. */
void llm_plan_again(llm_plan *plan, int option);

/* The call is over; a trial of which nothing came is another call's. */
void llm_plan_end(llm_plan *plan);

/* What follows a failed attempt. `keys`: another key is not resting.
 * `retry_after`: as the provider said; 0: it did not. */
llm_plan_step llm_plan_after(llm_plan *plan, llm_next rule, int keys,
                             apr_interval_time_t retry_after, apr_time_t now,
                             apr_time_t *when);

/* A number from 0 to n - 1; moves *state on. */
uint64_t llm_plan_random(uint64_t *state, uint64_t n);

#endif
