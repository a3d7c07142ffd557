#include "pump.h"
#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t idle = PTHREAD_COND_INITIALIZER;
static llm_pumped *first, *last;        /* the queue, oldest first */
static llm_pumped *current;             /* what is being run */
static int waiting;                     /* workers that wait for its end */

void llm_pump_push(llm_pumped *pumped)
{
    pthread_mutex_lock(&lock);
    if (!pumped->queued && pumped->allowed) {
        pumped->queued = 1;
        pumped->next = NULL;
        if (last)
            last->next = pumped;
        else
            first = pumped;
        last = pumped;
    }
    pthread_mutex_unlock(&lock);
}

void llm_pump_allow(llm_pumped *pumped)
{
    pthread_mutex_lock(&lock);
    pumped->allowed = 1;
    pthread_mutex_unlock(&lock);
}

/* Ends what was current; the next one up to and with `until`, or NULL. */
static llm_pumped *next_one(llm_pumped **until)
{
    pthread_mutex_lock(&lock);
    if (waiting)
        pthread_cond_broadcast(&idle);
    if (!*until)
        *until = last;
    current = *until ? first : NULL;
    if (current) {
        first = current->next;
        if (!first)
            last = NULL;
        current->queued = 0;
    }
    pthread_mutex_unlock(&lock);
    return current;
}

int llm_pump_run(void)
{
    llm_pumped *until = NULL, *now;
    int more;

    while ((now = next_one(&until))) {
        now->run(now);
        if (now == until)
            break;
    }
    pthread_mutex_lock(&lock);
    current = NULL;
    if (waiting)
        pthread_cond_broadcast(&idle);
    more = first != NULL;
    pthread_mutex_unlock(&lock);
    return more;
}

static void take_out(llm_pumped *pumped)
{
    llm_pumped *before = NULL, *at;

    for (at = first; at && at != pumped; at = at->next)
        before = at;
    if (!at)
        return;
    if (before)
        before->next = at->next;
    else
        first = at->next;
    if (last == at)
        last = before;
    at->queued = 0;
}

void llm_pump_withdraw(llm_pumped *pumped)
{
    pthread_mutex_lock(&lock);
    pumped->allowed = 0;
    if (pumped->queued)
        take_out(pumped);
    waiting++;
    while (current == pumped)
        pthread_cond_wait(&idle, &lock);
    waiting--;
    pthread_mutex_unlock(&lock);
}
