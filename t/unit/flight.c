/* Calls in flight, counted exactly whoever is killed meanwhile. */
#include "../meter.h"

/* --- calls in flight ---------------------------------------------------- */

static uint32_t the_living;     /* bits, by pid */

static int lives(uint32_t pid, uint64_t birth)
{
    return birth == BIRTH && (the_living >> pid & 1);
}

static void flight(void)
{
    llm_meter meter = make(1 << 20);
    const uint32_t me = llm_meter_child_enter(&meter, 1, BIRTH);
    const uint32_t row = llm_meter_row(&meter, "p", "m", "c");
    int32_t slot[10];

    ok(me > 0, "a process has a number");
    is_int(llm_meter_child_enter(&meter, 0, BIRTH), 0, "nobody has none");
    for (int i = 0; i < 10; i++)
        slot[i] = llm_meter_enter(&meter, me, 10, 5000);
    is_int(llm_meter_in_flight(&meter), 10, "ten calls are in flight");
    is_int(llm_meter_enter(&meter, me, 10, 5000), -1, "the next is one over");
    is_int(llm_meter_enter(&meter, me, 0, 5000), -1, "none is none");
    is_int(llm_meter_enter(&meter, 0, 99, 5000), -1, "nobody has no calls");

    llm_meter_assign(&meter, slot[4], row);
    llm_meter_settle(&meter, slot[4], &good);
    llm_meter_settle(&meter, slot[4], &good);
    is_int(read_row(&meter, row).calls, 1, "a call is settled once");
    is_int(llm_meter_in_flight(&meter), 9, "and its slot is free");
    slot[4] = llm_meter_enter(&meter, me, 10, 5000);
    ok(slot[4] >= 0, "for the next");
    llm_meter_settle(&meter, slot[4], &good);
    is_int(read_row(&meter, 0).calls, 1, "which has not inherited the row");

    llm_meter_assign(&meter, -1, row);
    llm_meter_settle(&meter, -1, &good);
    llm_meter_settle(&meter, INT32_MAX, &good);
    is_int(total(&meter).calls, 2, "no slot, no call");
    drop(&meter);
}

static void death(void)
{
    llm_meter meter = make(1 << 20);
    const uint32_t me = llm_meter_child_enter(&meter, 1, BIRTH);
    const uint32_t other = llm_meter_child_enter(&meter, 2, BIRTH);
    const uint32_t row = llm_meter_row(&meter, "p", "m", "c");
    const int32_t mine = llm_meter_enter(&meter, me, 99, 5000);
    const int32_t lost = llm_meter_enter(&meter, other, 99, 5000);
    const int32_t half = llm_meter_enter(&meter, other, 99, 5000);
    llm_word *owner = llm_block_owners(&meter);

    llm_meter_assign(&meter, lost, row);
    owner[half & (LLM_PLACE_MOST - 1)] |= LLM_TICKET_SETTLING;

    the_living = 1 << 1 | 1 << 2;
    is_int(llm_meter_reap(&meter, me, lives, 6000), 0, "the living stay");
    is_int(llm_meter_in_flight(&meter), 3, "with their calls");

    the_living = 1 << 1;
    is_int(llm_meter_reap(&meter, 0, lives, 6000), 0, "nobody settles none");
    const uint32_t next = llm_meter_child_enter(&meter, 2, BIRTH);
    ok(next && next != other, "but the dead number is given out anew");
    the_living = 1 << 1 | 1 << 2;
    is_int(llm_meter_reap(&meter, me, lives, 6000), 1,
           "the dead process's call is settled, the half settled one is not");
    const llm_reading r = read_row(&meter, row);
    is_int(r.faults[LLM_DIED], 1, "as died, on its row");
    is_int(r.total.sum, 1000, "with the time it took");
    is_int(total(&meter).calls, 1, "and nowhere else");
    is_int(llm_meter_in_flight(&meter), 1, "one's own is still in flight");

    for (int i = 0; i < 50; i++)
        llm_meter_enter(&meter, next, 99, 5000);
    llm_meter_settle(&meter, lost, &good);
    is_int(llm_meter_in_flight(&meter), 51,
           "who comes too late settles nobody else's call");
    llm_meter_settle(&meter, mine, &good);
    is_int(total(&meter).calls, 2, "who lives settles his own");
    drop(&meter);
}

static void leaving(void)
{
    llm_meter meter = make(llm_meter_smallest());
    uint32_t one = 0;

    for (uint32_t i = 0; i < 1000; i++) {
        one = llm_meter_child_enter(&meter, 9, BIRTH);
        if (i < 999)
            llm_meter_child_leave(&meter, one);
    }
    ok(one > 0, "numbers that are left are given out again");
    const int32_t slot = llm_meter_enter(&meter, one, 9, 1);
    llm_meter_child_leave(&meter, one);
    the_living = 0;
    uint32_t me = llm_meter_child_enter(&meter, 1, BIRTH);
    the_living = 1 << 9 | 1 << 1;
    is_int(llm_meter_reap(&meter, me, lives, 9), 0,
           "who leaves with calls is not gone");
    the_living = 1 << 1;
    is_int(llm_meter_reap(&meter, me, lives, 9), 1, "until it is");
    llm_meter_settle(&meter, slot, &good);
    is_int(total(&meter).calls, 1, "and was settled");

    for (uint32_t i = 0; i < meter.children + 1; i++)
        one = llm_meter_child_enter(&meter, 20, BIRTH);
    is_int(one, 0, "there is an end of numbers");
    llm_meter_child_leave(&meter, me);
    ok(llm_meter_child_enter(&meter, 20, BIRTH) > 0, "until somebody leaves");

    /* Died, or is about to speak, between its number and its birth. */
    llm_block_children(&meter)[3].birth = 0;
    the_living = ~0u;
    llm_meter_reap(&meter, 0, lives, 9);
    ok(llm_meter_child_enter(&meter, 21, BIRTH) > 0,
       "alive decides about who has not told its birth");
    drop(&meter);
}

/* --- many processes ----------------------------------------------------- */

static int exists(uint32_t pid, uint64_t birth)
{
    (void)birth;
    return kill((pid_t)pid, 0) == 0;
}

static void one_call(const llm_meter *meter, journal *book, int who,
                     uint32_t me, uint32_t limit)
{
    book->about[who]++;
    const int32_t slot = llm_meter_enter(meter, me, limit, 1);
    if (slot < 0) {
        book->refused++;
        book->about[who]--;
        return;
    }
    book->entered[who]++;
    const long held = atomic_fetch_add(&book->held, 1) + 1;
    long most = book->most;
    while (held > most
           && !atomic_compare_exchange_weak(&book->most, &most, held))
        ;
    llm_meter_assign(meter, slot, row_for(meter, book->entered[who]));
    if (book->entered[who] % 8 == 0)
        sched_yield();
    atomic_fetch_sub(&book->held, 1);
    llm_meter_settle(meter, slot, &good);
    book->settled[who]++;
}

static void call_often(const llm_meter *meter, journal *book, int who)
{
    const uint32_t me =
        llm_meter_child_enter(meter, (uint32_t)getpid(), BIRTH);
    for (int i = 0; i < CALLS; i++)
        one_call(meter, book, who, me, 3);
    llm_meter_child_leave(meter, me);
}

static void together(void)
{
    llm_meter meter = make(1 << 20);
    journal *book = map(sizeof *book);
    pid_t pid[PROCESSES];
    long entered = 0;

    for (int i = 0; i < PROCESSES; i++)
        start(&pid[i], call_often, &meter, book, i);
    ok(all_well(pid, PROCESSES), "all processes end well");
    for (int i = 0; i < PROCESSES; i++)
        entered += book->entered[i];

    const llm_reading r = total(&meter);
    is_int(entered + book->refused, (long)PROCESSES * CALLS, "all tried");
    ok(book->most <= 3, "never more than the limit (%ld)", book->most);
    is_int(r.calls, entered, "every call is counted once");
    is_int(r.faults[LLM_OK], entered, "as answered");
    is_int(r.tokens_in, 100 * entered, "with its tokens");
    is_int(llm_histogram_count(&r.total), entered, "and its time");
    is_int(llm_meter_in_flight(&meter), 0, "none is in flight");
    is_int(llm_meter_rows_used(&meter), 8, "seven names, seven rows");
    munmap(book, sizeof *book);
    drop(&meter);
}

static void call_for_ever(const llm_meter *meter, journal *book, int who)
{
    const uint32_t me =
        llm_meter_child_enter(meter, (uint32_t)getpid(), BIRTH);
    /* Calls that hold a slot whenever the end comes. */
    for (int i = 0; i < 3; i++) {
        book->about[who]++;
        llm_meter_enter(meter, me, 1000, 1);
        book->entered[who]++;
    }
    for (;;)
        one_call(meter, book, who, me, 1000);
}

static void reap_once(const llm_meter *meter, journal *book, int who)
{
    const uint32_t me =
        llm_meter_child_enter(meter, (uint32_t)getpid(), BIRTH);
    book->settled[who] = llm_meter_reap(meter, me, exists, 9);
    llm_meter_child_leave(meter, me);
}

/* Kills every process in the midst of its work; how many were begun, entered
 * for sure and settled for sure. */
static void massacre(const llm_meter *meter, long *about, long *entered,
                     long *settled)
{
    journal *book = map(sizeof *book);
    pid_t pid[PROCESSES];

    for (int i = 0; i < PROCESSES; i++)
        start(&pid[i], call_for_ever, meter, book, i);
    for (int i = 0; i < PROCESSES; i++) {
        while (book->settled[i] < 200 + 37 * i)
            sched_yield();
        kill(pid[i], SIGKILL);
        waitpid(pid[i], NULL, 0);
        *about += book->about[i];
        *entered += book->entered[i];
        *settled += book->settled[i];
    }
    munmap(book, sizeof *book);
}

static void killed(void)
{
    enum { ROUNDS = 30, KILLED = ROUNDS * PROCESSES };
    llm_meter meter = make(1 << 20);
    journal *book = map(sizeof *book);
    long about = 0, entered = 0, settled = 0, reaped = 0;
    pid_t pid[PROCESSES];

    for (int i = 0; i < ROUNDS; i++) {
        massacre(&meter, &about, &entered, &settled);
        for (int k = 0; k < PROCESSES; k++)
            start(&pid[k], reap_once, &meter, book, k);
        if (!all_well(pid, PROCESSES))
            ok(0, "the reapers end well");
        for (int k = 0; k < PROCESSES; k++)
            reaped += book->settled[k];
    }

    const llm_reading r = total(&meter);
    is_int(llm_meter_in_flight(&meter), 0, "nothing stays in flight");
    is_int(r.faults[LLM_DIED], reaped, "each is reaped by one of many");
    ok(reaped >= 3 * KILLED, "the calls of the dead are (%ld)", reaped);
    ok((long)r.calls <= about, "none is counted twice");
    ok((long)r.calls >= entered - KILLED && (long)r.calls >= settled,
       "at most the record that was being added is lost");
    printf("# begun %ld, entered %ld, counted %llu\n", about, entered,
           (unsigned long long)r.calls);
    uint32_t last = 0;
    for (uint32_t i = 0; i < meter.children; i++)
        last = llm_meter_child_enter(&meter, 1, BIRTH);
    ok(last > 0, "and all numbers are free again");
    munmap(book, sizeof *book);
    drop(&meter);
}

static void reap_race(const llm_meter *meter, journal *book, int who)
{
    const uint32_t me =
        llm_meter_child_enter(meter, (uint32_t)getpid(), BIRTH);
    book->held++;
    while (book->held < PROCESSES)
        sched_yield();
    book->settled[who] = llm_meter_reap(meter, me, exists, 9);
}

static void leave_calls(const llm_meter *meter, journal *book, int who)
{
    const uint32_t me =
        llm_meter_child_enter(meter, (uint32_t)getpid(), BIRTH);
    (void)book;
    (void)who;
    while (llm_meter_enter(meter, me, UINT32_MAX, 1) >= 0)
        ;
}

static void reaped_together(void)
{
    llm_meter meter = make(16 << 20);
    journal *book = map(sizeof *book);
    pid_t pid[PROCESSES];
    long reaped = 0;

    start(&pid[0], leave_calls, &meter, book, 0);
    all_well(pid, 1);
    is_int(llm_meter_in_flight(&meter), meter.slots, "all slots are taken");
    for (int i = 0; i < PROCESSES; i++)
        start(&pid[i], reap_race, &meter, book, i);
    ok(all_well(pid, PROCESSES), "the reapers end well");
    for (int i = 0; i < PROCESSES; i++)
        reaped += book->settled[i];
    is_int(reaped, meter.slots, "every call is reaped by one");
    is_int(total(&meter).faults[LLM_DIED], meter.slots, "and counted once");
    is_int(llm_meter_in_flight(&meter), 0, "none is left");
    munmap(book, sizeof *book);
    drop(&meter);
}

static int32_t begun[4096];

static void settle_all(const llm_meter *meter, journal *book, int who)
{
    (void)who;
    book->held++;
    while (book->held < 2)
        sched_yield();
    for (uint32_t i = 0; i < meter->slots; i++)
        llm_meter_settle(meter, begun[i], &good);
}

static int nobody(uint32_t pid, uint64_t birth)
{
    return pid == 0 && birth == 0;
}

static void reap_all(const llm_meter *meter, journal *book, int who)
{
    (void)who;
    book->held++;
    while (book->held < 2)
        sched_yield();
    llm_meter_reap(meter, llm_meter_child_enter(meter, 2, BIRTH), nobody, 9);
}

/* Somebody is thought dead who is not. */
static void settled_and_reaped(void)
{
    enum { ROUNDS = 40 };
    uint64_t calls = 0, slots = 0;
    pid_t pid[2];

    for (int round = 0; round < ROUNDS; round++) {
        llm_meter meter = make(2 << 20);
        journal *book = map(sizeof *book);
        const uint32_t me = llm_meter_child_enter(&meter, 1, BIRTH);
        for (uint32_t i = 0; i < meter.slots; i++)
            begun[i] = llm_meter_enter(&meter, me, UINT32_MAX, 1);
        start(&pid[0], settle_all, &meter, book, 0);
        start(&pid[1], reap_all, &meter, book, 1);
        if (!all_well(pid, 2))
            ok(0, "both end well");
        calls += total(&meter).calls;
        slots += meter.slots;
        munmap(book, sizeof *book);
        drop(&meter);
    }
    is_int(calls, slots, "a call both settled and reaped is counted once");
}

int main(void)
{
    flight();
    death();
    leaving();
    together();
    killed();
    reaped_together();
    settled_and_reaped();
    return done();
}
