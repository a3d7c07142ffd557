/* Calls in flight, and the processes they belong to. block.h has the proof.
 */
#include "block.h"

static uint32_t number_of(uint32_t ticket)
{
    return ticket & LLM_TICKET_MOST;
}

static uint32_t generation_of(uint32_t ticket)
{
    return (ticket & ~LLM_TICKET_SETTLING) >> LLM_TICKET_BITS;
}

/* NULL for a ticket nobody was given. */
static llm_block_child *child_of(const llm_meter *meter, uint32_t ticket)
{
    const uint32_t number = number_of(ticket);
    if (number == 0 || number > meter->children)
        return NULL;
    return llm_block_children(meter) + number - 1;
}

static int is_settling(uint32_t word)
{
    return (word & LLM_TICKET_SETTLING) != 0;
}

/* --- slots -------------------------------------------------------------- */

static int32_t handle_of(uint32_t place, uint32_t ticket)
{
    const uint32_t tail = (ticket << LLM_PLACE_BITS) & INT32_MAX;
    return (int32_t)(tail | place);
}

static uint32_t place_of(int32_t handle)
{
    return (uint32_t)handle & (LLM_PLACE_MOST - 1);
}

static int swap(llm_word *word, uint32_t from, uint32_t to)
{
    return atomic_compare_exchange_strong_explicit(
        word, &from, to, memory_order_acq_rel, memory_order_relaxed);
}

/* Begins where this process found or left a free slot, so that it seldom
 * walks far. */
static int32_t take(const llm_meter *meter, llm_word *hint, uint32_t usable,
                    uint32_t ticket)
{
    llm_word *owner = llm_block_owners(meter);
    uint32_t at = atomic_load_explicit(hint, memory_order_relaxed) % usable;

    for (uint32_t i = 0; i < usable; i++) {
        if (atomic_load_explicit(&owner[at], memory_order_relaxed) == 0
            && swap(&owner[at], 0, ticket))
            return (int32_t)at;
        at = at + 1 < usable ? at + 1 : 0;
    }
    return -1;
}

int32_t llm_meter_enter(const llm_meter *meter, uint32_t child,
                        uint32_t limit, int64_t now)
{
    llm_block_child *self = child_of(meter, child);
    const uint32_t usable = limit < meter->slots ? limit : meter->slots;
    if (self == NULL || usable == 0)
        return -1;

    const int32_t place = take(meter, &self->hint, usable, child);
    if (place < 0)
        return -1;
    atomic_store_explicit(&llm_block_slots(meter)[place].started, now,
                          memory_order_relaxed);
    atomic_store_explicit(&self->hint, (uint32_t)place + 1,
                          memory_order_relaxed);
    return handle_of((uint32_t)place, child);
}

void llm_meter_assign(const llm_meter *meter, int32_t slot, uint32_t row)
{
    if (slot < 0 || place_of(slot) >= meter->slots)
        return;
    atomic_store_explicit(&llm_block_slots(meter)[place_of(slot)].row, row,
                          memory_order_relaxed);
}

/* The caller made the slot SETTLING with its own ticket. */
static void finish(const llm_meter *meter, uint32_t place,
                   const llm_record *record)
{
    llm_block_slot *slot = llm_block_slots(meter) + place;

    if (record)
        llm_meter_count(meter, atomic_load_explicit(&slot->row,
                                                    memory_order_relaxed),
                        record);
    atomic_store_explicit(&slot->row, 0, memory_order_relaxed);
    atomic_store_explicit(&slot->started, 0, memory_order_relaxed);
    atomic_store_explicit(&llm_block_owners(meter)[place], 0,
                          memory_order_release);
}

void llm_meter_settle(const llm_meter *meter, int32_t slot,
                      const llm_record *record)
{
    const uint32_t place = place_of(slot);
    if (slot < 0 || place >= meter->slots)
        return;

    llm_word *owner = llm_block_owners(meter) + place;
    const uint32_t held = atomic_load_explicit(owner, memory_order_relaxed);
    llm_block_child *self = child_of(meter, held);
    if (self == NULL || is_settling(held) || handle_of(place, held) != slot
        || !swap(owner, held, held | LLM_TICKET_SETTLING))
        return;
    finish(meter, place, record);
    atomic_store_explicit(&self->hint, place, memory_order_relaxed);
}

uint32_t llm_meter_in_flight(const llm_meter *meter)
{
    const llm_word *owner = llm_block_owners(meter);
    uint32_t n = 0;
    for (uint32_t i = 0; i < meter->slots; i++)
        n += atomic_load_explicit(&owner[i], memory_order_relaxed) != 0;
    return n;
}

uint32_t llm_meter_in_flight_at(const llm_meter *meter, const char *provider)
{
    const llm_word *owner = llm_block_owners(meter);
    const llm_block_slot *slot = llm_block_slots(meter);
    uint32_t n = 0;

    for (uint32_t i = 0; i < meter->slots; i++)
        n += atomic_load_explicit(&owner[i], memory_order_relaxed) != 0
            && llm_meter_is_provider(
                meter, atomic_load_explicit(&slot[i].row,
                                            memory_order_relaxed), provider);
    return n;
}

/* --- processes ---------------------------------------------------------- */

static uint32_t pid_of(uint64_t state)
{
    return (uint32_t)state;
}

/* Birth goes first: who takes the number next must not be taken for the one
 * before because of it. */
static void free_number(llm_block_child *child, uint64_t state,
                        uint64_t birth)
{
    if (atomic_load(&child->state) != state)
        return;
    atomic_compare_exchange_strong(&child->birth, &birth, 0);
    atomic_compare_exchange_strong(&child->state, &state,
                                   state >> 32 << 32);
}

uint32_t llm_meter_child_enter(const llm_meter *meter, uint32_t pid,
                               uint64_t birth)
{
    llm_block_child *child = llm_block_children(meter);

    for (uint32_t i = 0; pid && i < meter->children; i++) {
        uint64_t state = atomic_load(&child[i].state);
        const uint32_t next = ((uint32_t)(state >> 32) + 1)
            % LLM_TICKET_GENERATIONS;
        if (pid_of(state) || !atomic_compare_exchange_strong(
                &child[i].state, &state, (uint64_t)next << 32 | pid))
            continue;
        atomic_store(&child[i].birth, birth);
        /* Far apart, so that children seldom want the same line. */
        atomic_store(&child[i].hint, i * (meter->slots / meter->children));
        return next << LLM_TICKET_BITS | (i + 1);
    }
    return 0;
}

static int has_calls(const llm_meter *meter, uint32_t ticket)
{
    const llm_word *owner = llm_block_owners(meter);
    for (uint32_t i = 0; i < meter->slots; i++)
        if ((atomic_load(&owner[i]) & ~LLM_TICKET_SETTLING) == ticket)
            return 1;
    return 0;
}

void llm_meter_child_leave(const llm_meter *meter, uint32_t child)
{
    llm_block_child *self = child_of(meter, child);
    if (self == NULL || has_calls(meter, child))
        return;

    const uint64_t state = atomic_load(&self->state);
    if (state >> 32 == generation_of(child))
        free_number(self, state, atomic_load(&self->birth));
}

static void free_dead_numbers(const llm_meter *meter,
                              int (*alive)(uint32_t pid, uint64_t birth))
{
    llm_block_child *child = llm_block_children(meter);
    for (uint32_t i = 0; i < meter->children; i++) {
        const uint64_t state = atomic_load(&child[i].state);
        const uint64_t birth = atomic_load(&child[i].birth);
        if (pid_of(state) && atomic_load(&child[i].state) == state
            && !alive(pid_of(state), birth))
            free_number(&child[i], state, birth);
    }
}

/* Read after the owner word (acquire): whoever put the ticket there had its
 * number before. */
static int is_orphan(const llm_meter *meter, uint32_t held)
{
    const llm_block_child *child = child_of(meter, held);
    if (child == NULL)
        return 1;
    const uint64_t state = atomic_load(&child->state);
    return pid_of(state) == 0 || state >> 32 != generation_of(held);
}

/* 1 if a call was counted. One whose process died while it settled was
 * counted by that process. */
static uint32_t bury(const llm_meter *meter, uint32_t place, uint32_t held,
                     uint32_t child, llm_fault fault, int64_t now)
{
    if (!swap(llm_block_owners(meter) + place, held,
              child | LLM_TICKET_SETTLING))
        return 0;

    const int64_t started = atomic_load_explicit(
        &llm_block_slots(meter)[place].started, memory_order_relaxed);
    const llm_record end = {
        .fault = fault,
        .first_us = -1,
        .total_us = started > 0 && now > started ? now - started : 0
    };
    finish(meter, place, is_settling(held) ? NULL : &end);
    return !is_settling(held);
}

uint32_t llm_meter_child_stop(const llm_meter *meter, uint32_t child,
                              int64_t now)
{
    const llm_word *owner = llm_block_owners(meter);
    uint32_t stopped = 0;

    for (uint32_t i = 0; child && i < meter->slots; i++)
        if (atomic_load(&owner[i]) == child)
            stopped += bury(meter, i, child, child, LLM_STOPPING, now);
    return stopped;
}

uint32_t llm_meter_reap(const llm_meter *meter, uint32_t child,
                        int (*alive)(uint32_t pid, uint64_t birth),
                        int64_t now)
{
    const llm_word *owner = llm_block_owners(meter);
    uint32_t reaped = 0;

    free_dead_numbers(meter, alive);
    for (uint32_t i = 0; child && i < meter->slots; i++) {
        const uint32_t held = atomic_load(&owner[i]);
        if (held && is_orphan(meter, held))
            reaped += bury(meter, i, held, child, LLM_DIED, now);
    }
    return reaped;
}
