#include "timer.h"
#include <stdlib.h>

static void put(llm_timers *timers, size_t place, llm_timer *timer)
{
    timers->heap[place - 1] = timer;
    timer->place = place;
}

static void rise(llm_timers *timers, llm_timer *timer)
{
    size_t place = timer->place;

    while (place > 1 && timers->heap[place / 2 - 1]->due > timer->due) {
        put(timers, place, timers->heap[place / 2 - 1]);
        place /= 2;
    }
    put(timers, place, timer);
}

static void sink(llm_timers *timers, llm_timer *timer)
{
    size_t place = timer->place, child;

    while ((child = place * 2) <= timers->count) {
        if (child < timers->count
            && timers->heap[child]->due < timers->heap[child - 1]->due)
            child++;
        if (timers->heap[child - 1]->due >= timer->due)
            break;
        put(timers, place, timers->heap[child - 1]);
        place = child;
    }
    put(timers, place, timer);
}

static int grow(llm_timers *timers)
{
    size_t room = timers->room ? timers->room * 2 : 64;
    llm_timer **heap;

    if (timers->count < timers->room)
        return 1;
    heap = realloc(timers->heap, room * sizeof *heap);
    if (!heap)
        return 0;
    timers->heap = heap;
    timers->room = room;
    return 1;
}

int llm_timer_set(llm_timers *timers, llm_timer *timer, apr_time_t due)
{
    if (!timer->place) {
        if (!grow(timers))
            return 0;
        timer->due = due;
        put(timers, ++timers->count, timer);
        rise(timers, timer);
        return 1;
    }
    timer->due = due;
    rise(timers, timer);
    sink(timers, timer);
    return 1;
}

void llm_timer_unset(llm_timers *timers, llm_timer *timer)
{
    llm_timer *last;

    if (!timer->place)
        return;
    last = timers->heap[--timers->count];
    if (last != timer) {
        put(timers, timer->place, last);
        rise(timers, last);
        sink(timers, last);
    }
    timer->place = 0;
}

llm_timer *llm_timer_due(llm_timers *timers, apr_time_t now)
{
    llm_timer *timer;

    if (!timers->count || timers->heap[0]->due > now)
        return NULL;
    timer = timers->heap[0];
    llm_timer_unset(timers, timer);
    return timer;
}

apr_time_t llm_timer_next(const llm_timers *timers)
{
    return timers->count ? timers->heap[0]->due : 0;
}

void llm_timers_free(llm_timers *timers)
{
    free(timers->heap);
    timers->heap = NULL;
    timers->count = timers->room = 0;
}
