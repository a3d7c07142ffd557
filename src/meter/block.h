/* The meter's block of bytes: what lies where. Only for src/meter.
 *
 *   | head | child[children] | owner[slots] | slot[slots] | mark[rows] | row |
 *
 *   head    what the block is; written once, before anybody shares it. On a
 *           line of its own: since when, and where loading and saving stand
 *   child   a process: | generation, pid | birth | where to look for a slot |
 *   owner   one word a slot, dense, for the scan of enter():
 *               0                       free
 *               ticket                  a call of that process
 *               ticket | SETTLING       being counted by that process
 *   slot    the call: | row | when it began |
 *   mark    one word a row, dense, for the look-up: fingerprint of its names
 *   row     | named | names | counts ... |
 *
 * Every child maps the same bytes. Nothing inside points anywhere: places are
 * numbers, and a number read here is compared with the view, which was
 * computed from the size, before it is used (CVE-2019-0211, CVE-2012-0031).
 * The parent formats the head and reads nothing ever after.
 *
 * Why no lock is needed. Everything that changes is an atomic word, and each
 * is in one of four cases:
 *
 * Counts only grow by fetch_add (drain takes by exchange), so no order of any
 * number of processes loses one. Nobody decides anything by them, so they are
 * relaxed.
 *
 * A mark is claimed once, 0 to fingerprint, by compare-and-swap, and never
 * changes again. Names are written after the claim, `named` after the names
 * (release), and names are read after `named` (acquire). Who finds its own
 * fingerprint but no names yet does not wait for the claimer, who may be dead:
 * it writes the same bytes itself. Different names with one fingerprint of 64
 * bits go on to the next place; only if both arrive within the nanoseconds of
 * the claim may the row bear a mixture of both names. The fingerprint is
 * seeded with the time of format(), so such names cannot be prepared.
 *
 * A child's number is taken and freed by a compare-and-swap of one word that
 * holds pid and generation. The ticket holds the generation too: a ticket
 * whose generation is not there, or is there without a pid, is a dead
 * process's, for ever. No process that is late can mistake a successor for
 * the dead.
 *
 * An owner word goes free -> ticket -> ticket | SETTLING -> free, the first
 * two by compare-and-swap. Who wins the second counts the call, so it is
 * counted once, by its process or by one reaper (which swaps in its own
 * ticket | SETTLING). Only that process touches the slot until it is free: a
 * reaper takes over another's SETTLING only if that one is dead. The slot is
 * wiped before it is freed (release) and filled after it is taken (acquire),
 * so a call is never charged to the row of the call before.
 *
 * A process that dies at any instruction leaves words, each of them valid.
 * What it may take with it: while SETTLING, the part of that one record that
 * is not yet added (`calls` is added first; the reaper does not count the
 * call again); while draining, the one number between its exchange and its
 * add. Nothing else.
 */
#ifndef LLM_BLOCK_H
#define LLM_BLOCK_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>
#include "series.h"

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && sizeof(long long) == 8,
               "64-bit atomics must work between processes");

#define LLM_BLOCK_LINE 64       /* what two processes should not both write */
#define LLM_BLOCK_WORDS (3 * (LLM_METER_NAME_MAX + 1) / 8)

/* A ticket: | SETTLING 1 | generation 19 | number 12 |, number from 1. */
#define LLM_TICKET_BITS 12
#define LLM_TICKET_MOST ((1u << LLM_TICKET_BITS) - 1)
#define LLM_TICKET_GENERATIONS (1u << 19)
#define LLM_TICKET_SETTLING (1u << 31)

/* A slot's handle: | 0 | tail of the ticket 13 | place 18 |. The tail keeps
 * a process that was reaped by mistake from settling a successor's call. */
#define LLM_PLACE_BITS 18
#define LLM_PLACE_MOST (1u << LLM_PLACE_BITS)

typedef _Atomic uint32_t llm_word;
typedef _Atomic uint64_t llm_long;

/* Where each count is in a row. */
enum {
#define X(field, ...) LLM_AT_##field,
#include "metrics.def"
#undef X
    LLM_AT_FAULTS,
    LLM_AT_GIVEN_UP = LLM_AT_FAULTS + LLM_FAULT_COUNT,
    LLM_AT_FIRST = LLM_AT_GIVEN_UP + LLM_FAULT_COUNT,
    LLM_AT_FIRST_SUM = LLM_AT_FIRST + LLM_BUCKETS,
    LLM_AT_TOTAL,
    LLM_AT_TOTAL_SUM = LLM_AT_TOTAL + LLM_BUCKETS,
    LLM_COUNTS
};

/* A count's name, the same in every version of the module that has it: a
 * field of metrics.def, a fault's word, a bucket's upper bound. At most
 * LLM_COUNT_NAME bytes with its NUL. */
#define LLM_COUNT_NAME 64

void llm_block_count_name(unsigned which, char *name);

typedef struct llm_block_head {
    alignas(LLM_BLOCK_LINE) uint64_t magic;
    uint64_t layout;
    uint64_t size;
    uint32_t slots, children, rows;
    uint64_t seed;              /* of fingerprints */
    alignas(LLM_BLOCK_LINE) _Atomic int64_t since;
    llm_long epoch;             /* these three: save.h */
    llm_long saved;
    llm_word loaded;
} llm_block_head;

typedef struct llm_block_child {
    alignas(LLM_BLOCK_LINE) llm_long state; /* generation << 32 | pid */
    llm_long birth;             /* 0: not told yet */
    llm_word hint;              /* a place that was free lately */
} llm_block_child;

typedef struct llm_block_slot {
    llm_word row;
    _Atomic int64_t started;    /* 0: not told yet */
} llm_block_slot;

typedef struct llm_block_row {
    alignas(LLM_BLOCK_LINE) llm_word named;
    llm_long name[LLM_BLOCK_WORDS];         /* three, filled up with zeros */
    alignas(LLM_BLOCK_LINE) llm_long count[LLM_COUNTS];
} llm_block_row;

/* Places in a block, as the view has them; see the drawing. */
static inline size_t llm_block_line(size_t n)
{
    return (n + LLM_BLOCK_LINE - 1) & ~(size_t)(LLM_BLOCK_LINE - 1);
}

static inline llm_block_head *llm_block_head_of(const llm_meter *meter)
{
    return meter->block;
}

static inline llm_block_child *llm_block_children(const llm_meter *meter)
{
    return (llm_block_child *)(llm_block_head_of(meter) + 1);
}

static inline llm_word *llm_block_owners(const llm_meter *meter)
{
    return (llm_word *)(llm_block_children(meter) + meter->children);
}

static inline llm_block_slot *llm_block_slots(const llm_meter *meter)
{
    return (llm_block_slot *)(llm_block_owners(meter) + meter->slots);
}

static inline llm_long *llm_block_marks(const llm_meter *meter)
{
    return (llm_long *)(llm_block_slots(meter) + meter->slots);
}

static inline llm_block_row *llm_block_rows(const llm_meter *meter)
{
    const llm_long *end = llm_block_marks(meter) + meter->rows;
    const size_t at = (size_t)((const char *)end - (char *)meter->block);
    return (llm_block_row *)((char *)meter->block + llm_block_line(at));
}

/* Counting began at `since`, if that is earlier than what is known. */
void llm_block_reckon(const llm_meter *meter, int64_t since);

static inline uint64_t llm_load(const llm_long *at)
{
    return atomic_load_explicit(at, memory_order_relaxed);
}

#endif
