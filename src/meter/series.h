/* The meter: what was counted, in a block of bytes that every child maps.
 *
 * See block.h for the drawing, and for the proof why no lock is needed.
 * Nothing inside points anywhere: places are numbers, and every number read
 * from the block is checked before it is used.
 *
 * A row counts one (provider, model, customer); row 0 is "other" and takes
 * what finds no free row. A slot holds one call in flight.
 *
 * Pure: the block, the time and the life of processes are given. Any thread
 * of any child may call everything but llm_meter_format at any time.
 */
#ifndef LLM_SERIES_H
#define LLM_SERIES_H

#include <stddef.h>
#include <stdint.h>
#include "../base/fault.h"
#include "usage.h"
#include "histogram.h"

#define LLM_METER_NAME_MAX 63           /* longer names are cut */

typedef struct llm_meter {              /* a view on a block; one a process */
    void *block;
    size_t size;
    uint32_t slots, children, rows;     /* computed from size, never read */
} llm_meter;

/* The smallest block that is worth having (some slots and rows). */
size_t llm_meter_smallest(void);

/* What the block is made of, as a number: another number or meaning counted,
 * another shape, another layout. Blocks of another layout are never read. */
uint64_t llm_meter_layout(void);

/* Parent, once, on fresh zeroed memory nobody else sees yet, which begins at
 * a multiple of 64. `now` in microseconds is the start of counting. */
llm_fault llm_meter_format(void *block, size_t size, int64_t now);

/* A view. LLM_INTERNAL when the head is not what `size` and this layout
 * demand: the block is then not touched. */
llm_fault llm_meter_attach(llm_meter *meter, void *block, size_t size);

/* The row of these names, made on first use; 0 when the table is full. NULL
 * or "" reads as "-". */
uint32_t llm_meter_row(const llm_meter *meter, const char *provider,
                       const char *model, const char *customer);

/* What one settled call adds to its row. */
typedef struct llm_record {
    llm_fault fault;            /* LLM_OK: answered */
    llm_usage usage;
    long long bytes_in;         /* the client's request body */
    long long bytes_out;        /* sent to the client, body */
    long long first_us;         /* to the first token or byte; -1: none came */
    long long total_us;
    int streamed;
} llm_record;

/* Adds a record to a row; for calls that hold no slot (refused early). */
void llm_meter_count(const llm_meter *meter, uint32_t row,
                     const llm_record *record);

/* What an attempt took that did not end its call: the call is counted where it
 * ends. */
void llm_meter_spend(const llm_meter *meter, uint32_t row,
                     const llm_usage *usage);

/* An attempt at this row's target was given up for the next target. */
void llm_meter_failover(const llm_meter *meter, uint32_t row, llm_fault why);

/* --- calls in flight ---------------------------------------------------- */

/* A slot for a call of process `child` (what llm_meter_child_enter handed
 * out), or -1 when the first `limit` slots (or all) are taken: that is how
 * LLMMaxInFlight holds exactly, over all children. -1 also for child 0. What
 * comes back is a handle, not a place: pass it on and do not count with it.
 * `now` in microseconds. */
int32_t llm_meter_enter(const llm_meter *meter, uint32_t child,
                        uint32_t limit, int64_t now);

/* The row the call is charged to if its process dies from here on. */
void llm_meter_assign(const llm_meter *meter, int32_t slot, uint32_t row);

/* Counts the record on the slot's row and frees the slot. Does nothing when
 * the call was reaped before: it is counted then. Once for each enter. */
void llm_meter_settle(const llm_meter *meter, int32_t slot,
                      const llm_record *record);

/* Calls in flight now. */
uint32_t llm_meter_in_flight(const llm_meter *meter);

/* Those of them that wait for this provider. Looks at every slot. */
uint32_t llm_meter_in_flight_at(const llm_meter *meter, const char *provider);

/* 1 if the row counts calls of this provider. */
int llm_meter_is_provider(const llm_meter *meter, uint32_t row,
                          const char *provider);

/* A number for this process: `pid` and `birth` (any number but 0 that a later
 * process with the same pid does not have). 0 when there is no room. */
uint32_t llm_meter_child_enter(const llm_meter *meter, uint32_t pid,
                               uint64_t birth);

/* The last call of a process that ends well. Its number stays taken, until
 * somebody reaps it, when calls are still in its slots. */
void llm_meter_child_leave(const llm_meter *meter, uint32_t child);

/* Settles as LLM_STOPPING every call that is still in this process's slots,
 * at its end, when nobody will answer them. How many. */
uint32_t llm_meter_child_stop(const llm_meter *meter, uint32_t child,
                              int64_t now);

/* Frees the numbers of every process for which `alive` says 0 and settles
 * their calls as LLM_DIED. How many calls that were. Each is settled exactly
 * once however many processes reap at the same time. `child` is who reaps;
 * when it is 0 numbers are freed, and the calls are left to the next.
 * `alive` is given birth 0 for a process that did not come to tell it. */
uint32_t llm_meter_reap(const llm_meter *meter, uint32_t child,
                        int (*alive)(uint32_t pid, uint64_t birth),
                        int64_t now);

/* Moves all counts of `from` to `to` (after a change of LLMMeterSize; `from`
 * may still be counted into by draining children, so this is called again
 * and again, by any number of processes). Calls in flight stay where they
 * are. */
void llm_meter_drain(const llm_meter *to, const llm_meter *from);

/* --- reading ------------------------------------------------------------ */

/* One row. Others count on while it is read: each number is exact, but two
 * of them may be a call apart. */
typedef struct llm_reading {
    char provider[LLM_METER_NAME_MAX + 1];
    char model[LLM_METER_NAME_MAX + 1];
    char customer[LLM_METER_NAME_MAX + 1];
#define X(field, ...) uint64_t field;
#include "metrics.def"
#undef X
    uint64_t faults[LLM_FAULT_COUNT];   /* calls that ended so; [LLM_OK] too */
    uint64_t given_up[LLM_FAULT_COUNT]; /* attempts, as llm_meter_failover */
    llm_histogram first, total;         /* microseconds */
} llm_reading;

/* 1 if the row is in use and named. Row 0 always is, as "other". */
int llm_meter_read(const llm_meter *meter, uint32_t row, llm_reading *out);

/* All rows together; the names are empty. */
void llm_meter_total(const llm_meter *meter, llm_reading *out);

/* Rows in use, row 0 included. */
uint32_t llm_meter_rows_used(const llm_meter *meter);

/* When counting began, microseconds; earlier than the block if it was loaded
 * or drained into. */
int64_t llm_meter_since(const llm_meter *meter);

#endif
