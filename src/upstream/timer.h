/* Many moments, the earliest first: a binary heap that knows where each of
 * its members stands, so that one can be moved or taken out.
 *
 * Belongs to one thread. A member lives inside its owner, which outlives its
 * stay in the heap.
 */
#ifndef LLM_TIMER_H
#define LLM_TIMER_H

#include <stddef.h>
#include <apr_time.h>

typedef struct llm_timer {
    apr_time_t due;
    size_t place;               /* 1-based in the heap; 0: not in it */
    void *owner;
} llm_timer;

typedef struct llm_timers {
    llm_timer **heap;
    size_t count, room;
} llm_timers;

/* Puts the timer in, or moves it, to `due`. 0 without memory. */
int llm_timer_set(llm_timers *timers, llm_timer *timer, apr_time_t due);
void llm_timer_unset(llm_timers *timers, llm_timer *timer);

/* The earliest if it is due at `now`, taken out; else NULL. */
llm_timer *llm_timer_due(llm_timers *timers, apr_time_t now);

/* The earliest moment, or 0 if there is none. */
apr_time_t llm_timer_next(const llm_timers *timers);

void llm_timers_free(llm_timers *timers);

#endif
