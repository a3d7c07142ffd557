/* The heap of timers against a list that is searched. */
#include <stdint.h>
#include <stdlib.h>

#include "../../src/upstream/timer.h"
#include "../tap.h"

#define MANY 300

static llm_timers timers;
static llm_timer all[MANY];

static unsigned long seed = 4711;

static unsigned below(unsigned n)
{
    seed = seed * 6364136223846793005UL + 1442695040888963407UL;
    return (unsigned)(seed >> 33) % n;
}

static apr_time_t earliest(void)
{
    apr_time_t first = 0;

    for (int i = 0; i < MANY; i++)
        if (all[i].place && (!first || all[i].due < first))
            first = all[i].due;
    return first;
}

/* Every member stands where it says, none before its parent. */
static int is_heap(void)
{
    size_t members = 0;

    for (int i = 0; i < MANY; i++)
        members += all[i].place != 0;
    if (members != timers.count)
        return 0;
    for (size_t at = 1; at <= timers.count; at++) {
        const llm_timer *const timer = timers.heap[at - 1];

        if (timer->place != at
            || (at > 1 && timers.heap[at / 2 - 1]->due > timer->due))
            return 0;
    }
    return 1;
}

static void one(void)
{
    llm_timer timer = { 0 };

    is_int(llm_timer_next(&timers), 0, "nothing is due in an empty heap");
    ok(!llm_timer_due(&timers, INT64_MAX), "whenever one asks");
    llm_timer_unset(&timers, &timer);
    ok(llm_timer_set(&timers, &timer, 100), "a timer goes in");
    is_int(llm_timer_next(&timers), 100, "and is the next");
    ok(!llm_timer_due(&timers, 99), "not before its moment");
    ok(llm_timer_set(&timers, &timer, 50), "it can be moved");
    is_int(timers.count, 1, "and is still one");
    ok(llm_timer_due(&timers, 50) == &timer, "at its moment it is due");
    is_int(timer.place, 0, "and out");
    ok(!llm_timer_due(&timers, 50), "once");
    llm_timer_set(&timers, &timer, 7);
    llm_timer_unset(&timers, &timer);
    llm_timer_unset(&timers, &timer);
    is_int(timers.count, 0, "taken out twice it is out");
}

static void any_order(void)
{
    int broken = 0, wrong = 0, fired = 0;
    apr_time_t now = 1000;

    for (int i = 0; i < 60000; i++) {
        llm_timer *const timer = &all[below(MANY)];
        const unsigned what = below(10);

        if (what < 6) {
            llm_timer_set(&timers, timer, now + below(500) - 50);
            wrong += !timer->place;
        } else if (what < 8) {
            llm_timer_unset(&timers, timer);
            wrong += timer->place != 0;
        } else {
            const apr_time_t first = earliest();
            llm_timer *const due = llm_timer_due(&timers, now);

            wrong += due ? due->due != first || first > now || due->place
                         : first && first <= now;
            fired += due != NULL;
            now += below(4);
        }
        wrong += llm_timer_next(&timers) != earliest();
        if (i % 16 == 0)
            broken += !is_heap();
    }
    is_int(wrong, 0, "60000 moves: what a searched list says");
    is_int(broken, 0, "the heap is a heap");
    ok(fired > 1000, "%d were due", fired);
}

static void in_order(void)
{
    apr_time_t before = 0;
    int out = 0, wrong = 0;
    llm_timer *timer;

    for (int i = 0; i < MANY; i++)
        llm_timer_set(&timers, &all[i], 1 + below(40));
    while ((timer = llm_timer_due(&timers, 1000))) {
        wrong += timer->due < before;
        before = timer->due;
        out++;
    }
    is_int(out, MANY, "all come out");
    is_int(wrong, 0, "the earliest first");
}

int main(void)
{
    one();
    any_order();
    in_order();
    llm_timers_free(&timers);
    is_int(llm_timer_next(&timers), 0, "freed it is empty");
    return done();
}
