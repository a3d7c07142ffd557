/* How targets and keys fare, as all children together see it.
 *
 *   closed ── failures beyond the rate ──▶ open ── its rest is over ──▶ half
 *     ▲                                     ▲                            │
 *     │                                     └── the probe failed ────────┤
 *     └──────────── the probe, or any other call, went well ─────────────┘
 *
 * A cell is one target or one key; the area is an array of cells in shared
 * memory, found by the fingerprint of a name. Nothing inside points anywhere.
 *
 * Why no lock is needed: every field is one atomic word, each of them valid by
 * itself at any moment. `window` is changed by compare-and-swap and holds its
 * own age, so that a call is never counted in a window of another time. A
 * cell is claimed once and never given back. Half open lets through who wins
 * the swap of `probe_at`; a process that dies with it loses it after
 * LLM_HEALTH_PROBE. A wrong order of two words is at worst one call more to a
 * bad target.
 *
 * Pure: the area and the time (microseconds since 1970) are given. Any
 * thread of any child.
 */
#ifndef LLM_HEALTH_H
#define LLM_HEALTH_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <apr_time.h>

#define LLM_HEALTH_PROBE apr_time_from_sec(60)  /* a probe's longest life */
#define LLM_HEALTH_HALVES apr_time_from_sec(60) /* an old latency, each time */
#define LLM_HEALTH_LONG INT64_C(86400000000)    /* longer than any latency */

typedef struct llm_health {
    alignas(64) _Atomic uint64_t name;  /* fingerprint; 0: free */
    _Atomic uint64_t window;    /* | begun 32 | failures 16 | calls 16 | */
    _Atomic int64_t rests_until;        /* 0: it does not rest */
    _Atomic int64_t probe_at;   /* 0: none is out */
    _Atomic uint32_t trips;     /* rests since it last went well */
    _Atomic int64_t latency;    /* peak EWMA, microseconds; 0: not known */
    _Atomic int64_t latency_at; /* when it was measured, or asked in vain */
    _Atomic int64_t asked_at;   /* when it was asked last; 0: never */
} llm_health;

typedef struct llm_health_area {
    llm_health *cells;          /* NULL: nothing is known of anybody */
    size_t count;
} llm_health_area;

/* When a breaker opens, and for how long. */
typedef struct llm_breaker {
    apr_interval_time_t window; /* failures are counted over this long; 0: it
                                 * never opens */
    unsigned calls;             /* at least so many in a window */
    unsigned percent;           /* of them failed */
    apr_interval_time_t rest, longest;  /* the first, and the most it grows */
    apr_interval_time_t slow;   /* whose first output takes longer has failed;
                                 * 0: nobody */
} llm_breaker;

typedef enum llm_health_state {
    LLM_HEALTH_CLOSED, LLM_HEALTH_HALF, LLM_HEALTH_OPEN
} llm_health_state;

/* The cell of this name, taken on first use; NULL when the area is full. */
llm_health *llm_health_find(const llm_health_area *area, const char *kind,
                            const char *name);

/* The same, but NULL also when nobody has taken it yet. */
const llm_health *llm_health_look(const llm_health_area *area,
                                  const char *kind, const char *name);

/* Of a target "provider/...*", which stands for any model, the models share
 * so many cells, by their names: one that fails leaves nearly all of the
 * others alone, and names that clients make up take no more. */
#define LLM_HEALTH_SHARES 256           /* a power of two */

/* How many cells a target has: 1, or LLM_HEALTH_SHARES. */
int llm_health_shares(const char *label);

/* A target's cell when it is asked for `model`; NULL without an area. */
llm_health *llm_health_target(const llm_health_area *area, const char *label,
                              const char *model);

/* One of a target's cells, from 0; NULL if nobody used it and not `take`. */
llm_health *llm_health_share(const llm_health_area *area, const char *label,
                             int share, int take);


/* The functions below take NULL for a cell, which is always well. */
llm_health_state llm_health_of(const llm_health *cell, apr_time_t now);

/* Whether a call may be made. */
typedef enum llm_health_leave {
    LLM_HEALTH_LEFT_ALONE,      /* 0: it may not */
    LLM_HEALTH_ADMITTED,        /* it is closed */
    LLM_HEALTH_TRIAL            /* it is half-open, and this call is the one
                                 * that is let through: one request */
} llm_health_leave;

llm_health_leave llm_health_admit(llm_health *cell, apr_time_t now);

/* The trial that was admitted at `then` has neither failed nor gone well:
 * another call may be it. */
void llm_health_give_back(llm_health *cell, apr_time_t then);

void llm_health_went_well(llm_health *cell, const llm_breaker *breaker,
                          apr_time_t now);
void llm_health_failed(llm_health *cell, const llm_breaker *breaker,
                       apr_time_t now);

/* A probe's verdict on one that is not closed: it may be tried at once, or
 * rests until `until`. One that is closed stays as it is. */
void llm_health_probed(llm_health *cell, int well, apr_time_t until,
                       apr_time_t now);

/* Nothing is asked of it before `until`, as it said itself. */
void llm_health_rest(llm_health *cell, apr_time_t until);

/* A call was answered whose first output took `took`; 0: not known. It went
 * well, unless that is too slow for the breaker. */
void llm_health_answered(llm_health *cell, const llm_breaker *breaker,
                         apr_interval_time_t took, apr_time_t now);

/* A call's time to its first output. A slow one counts at once, quick ones
 * bring the mark down as time passes. */
void llm_health_took(llm_health *cell, apr_interval_time_t took,
                     apr_time_t now);

/* It was asked, and there was nothing to measure. One that was measured before
 * stays as it is. */
void llm_health_in_vain(llm_health *cell, apr_time_t now);

/* It is being asked. */
void llm_health_asked(llm_health *cell, apr_time_t now);

/* How long its first output is thought to take, in microseconds. What is not
 * measured again is believed less and less, so that the slowest is tried again
 * one day; what was never measured is 0, and slow for some minutes when it was
 * asked in vain. While somebody is out to measure it,
 * the old mark counts, or LLM_HEALTH_LONG where there is none. *claim, if not
 * NULL: what llm_health_claim needs; -1: nothing is to be claimed. */
int64_t llm_health_latency(const llm_health *cell, apr_time_t now,
                           int64_t *claim);

/* 1 for one of all who chose the cell for a latency that needs measuring; the
 * others look again. */
int llm_health_claim(llm_health *cell, int64_t claim, apr_time_t now);

/* Attempts in the breaker's present window, and how many of them failed. */
void llm_health_counts(const llm_health *cell, const llm_breaker *breaker,
                       apr_time_t now, unsigned *calls, unsigned *failures);

#endif
