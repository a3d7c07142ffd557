/* The pump: who is run, how often, in which order, and never again once it
 * was withdrawn. */
#include "../../src/httpd/pump.c"

#include <stdatomic.h>
#include <stdlib.h>

#include "../tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

typedef struct thing {
    llm_pumped pumped;          /* first */
    char name;
    void (*then)(struct thing *);
} thing;

static char ran[64];
static size_t runs;

static void note(llm_pumped *pumped)
{
    thing *const t = (thing *)pumped;

    if (runs < sizeof ran - 1)
        ran[runs++] = t->name;
    ran[runs] = '\0';
    if (t->then)
        t->then(t);
}

static const char *pump_all(void)
{
    runs = 0;
    ran[0] = '\0';
    while (llm_pump_run())
        ;
    return ran;
}

static void prepare(thing *things, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        things[i] = (thing) { .pumped.run = note, .name = (char)('a' + i) };
        llm_pump_allow(&things[i].pumped);
    }
}

static void push_all(thing *things, size_t n)
{
    for (size_t i = 0; i < n; i++)
        llm_pump_push(&things[i].pumped);
}

static void in_order(void)
{
    thing t[4];

    prepare(t, COUNT(t));
    is_str(pump_all(), "", "nothing pushed, nothing run");
    push_all(t, COUNT(t));
    llm_pump_push(&t[0].pumped);
    llm_pump_push(&t[3].pumped);
    is_str(pump_all(), "abcd", "each once, the oldest first");
    is_str(pump_all(), "", "and not again");
}

static void again(thing *t)
{
    t->then = NULL;
    llm_pump_push(&t->pumped);
}

/* Who pushes itself comes in the next round: others must have their turn. */
static void pushed_again(void)
{
    thing t[2];

    prepare(t, COUNT(t));
    t[0].then = again;
    push_all(t, COUNT(t));
    runs = 0;
    ok(llm_pump_run(), "there is more to do");
    is_str(ran, "ab", "but not in this round");
    ok(!llm_pump_run(), "then no more");
    is_str(ran, "aba", "it was run again");
}

static void withdrawn(void)
{
    thing t[4];

    for (size_t i = 0; i < COUNT(t); i++) {
        char due[COUNT(t) + 1] = "";
        size_t n = 0;

        prepare(t, COUNT(t));
        push_all(t, COUNT(t));
        llm_pump_withdraw(&t[i].pumped);
        llm_pump_push(&t[i].pumped);
        for (size_t k = 0; k < COUNT(t); k++)
            if (k != i)
                due[n++] = t[k].name;
        is_str(pump_all(), due, "withdrawn: all but the one at %zu", i);
        llm_pump_push(&t[i].pumped);
        is_str(pump_all(), "", "however often it is pushed");
        llm_pump_allow(&t[i].pumped);
        push_all(t, COUNT(t));
        is_str(pump_all(), "abcd", "until it is allowed again");
    }
    prepare(t, COUNT(t));
    push_all(t, COUNT(t));
    for (size_t i = 0; i < COUNT(t); i++)
        llm_pump_withdraw(&t[i].pumped);
    is_str(pump_all(), "", "all withdrawn");
    prepare(t, 1);
    llm_pump_push(&t[0].pumped);
    is_str(pump_all(), "a", "the queue is whole");
}

/* ---- two threads -------------------------------------------------------- */

static _Atomic int running, let_go, over;

static void hold(thing *t)
{
    (void)t;
    atomic_store(&running, 1);
    while (!atomic_load(&let_go))
        ;
    atomic_store(&over, 1);
}

static void *engine(void *data)
{
    (void)data;
    pump_all();
    return NULL;
}

static void *releaser(void *data)
{
    int waits = 0;

    (void)data;
    while (!waits && !atomic_load(&let_go)) {
        pthread_mutex_lock(&lock);
        waits = waiting;
        pthread_mutex_unlock(&lock);
    }
    atomic_store(&let_go, 1);
    return NULL;
}

/* The other thread lets it end only when somebody waits for that. */
static void withdrawn_while_run(void)
{
    pthread_t pumping, releasing;
    thing t;

    prepare(&t, 1);
    t.then = hold;
    llm_pump_push(&t.pumped);
    if (pthread_create(&pumping, NULL, engine, NULL))
        exit(2);
    while (!atomic_load(&running))
        ;
    llm_pump_push(&t.pumped);
    if (pthread_create(&releasing, NULL, releaser, NULL))
        exit(2);
    llm_pump_withdraw(&t.pumped);
    ok(atomic_load(&over), "who withdraws what is being run waits for its "
       "end");
    atomic_store(&let_go, 1);
    pthread_join(pumping, NULL);
    pthread_join(releasing, NULL);
    is_str(ran, "a", "and it was not run again");
}

int main(void)
{
    in_order();
    pushed_again();
    withdrawn();
    withdrawn_while_run();
    return done();
}
