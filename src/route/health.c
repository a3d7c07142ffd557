#include "health.h"
#include <string.h>

#define FIELD 16                        /* bits */
#define MOST 0xffffu
#define DECAY apr_time_from_sec(10)     /* of latency */
#define IN_VAIN apr_time_from_sec(60)   /* the latency of one that has never
                                         * answered, but refused */

/* ---- finding ------------------------------------------------------------ */

/* FNV-1a of both words with a zero between; never 0. */
static uint64_t fingerprint(const char *kind, const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;
    const char *words[] = { kind, name };
    const char *c;
    int i;

    for (i = 0; i < 2; i++)
        for (c = words[i];; c++) {
            hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
            if (!*c)
                break;
        }
    return hash ? hash : 1;
}

/* The cell of that name, or a free one if `take`, of an area that has some. */
static llm_health *seek(const llm_health_area *area, uint64_t wanted, int take)
{
    size_t i, at = wanted % area->count;

    for (i = 0; i < area->count; i++, at = (at + 1) % area->count) {
        llm_health *cell = &area->cells[at];
        uint64_t is = atomic_load(&cell->name);

        if (!is && !take)
            return NULL;
        if (!is && atomic_compare_exchange_strong(&cell->name, &is, wanted))
            return cell;
        if (is == wanted)
            return cell;
    }
    return NULL;
}

llm_health *llm_health_find(const llm_health_area *area, const char *kind,
                            const char *name)
{
    return area->count ? seek(area, fingerprint(kind, name), 1) : NULL;
}

const llm_health *llm_health_look(const llm_health_area *area,
                                  const char *kind, const char *name)
{
    return area->count ? seek(area, fingerprint(kind, name), 0) : NULL;
}

/* ---- targets ------------------------------------------------------------ */

int llm_health_shares(const char *label)
{
    size_t n = strlen(label);

    return n && label[n - 1] == '*' ? LLM_HEALTH_SHARES : 1;
}

/* Each share has a number in the name; a target of one model has none. */
static uint64_t name_of(const char *label, int share)
{
    uint64_t name = fingerprint("target", label);

    if (llm_health_shares(label) > 1)
        name ^= (share + 1) * 0x9e3779b97f4a7c15u;
    return name ? name : 1;
}

llm_health *llm_health_target(const llm_health_area *area, const char *label,
                              const char *model)
{
    uint64_t mixed;

    if (!area->count)
        return NULL;
    mixed = fingerprint("model", model);
    mixed = (mixed ^ mixed >> 29) * 0x9e3779b97f4a7c15u;
    return seek(area, name_of(label, mixed >> 32 & (LLM_HEALTH_SHARES - 1)),
                1);
}

llm_health *llm_health_share(const llm_health_area *area, const char *label,
                             int share, int take)
{
    return area->count ? seek(area, name_of(label, share), take) : NULL;
}

/* ---- the state ---------------------------------------------------------- */

llm_health_state llm_health_of(const llm_health *cell, apr_time_t now)
{
    int64_t until = cell ? atomic_load(&cell->rests_until) : 0;

    if (!until)
        return LLM_HEALTH_CLOSED;
    return now < until ? LLM_HEALTH_OPEN : LLM_HEALTH_HALF;
}

llm_health_leave llm_health_admit(llm_health *cell, apr_time_t now)
{
    llm_health_state state = llm_health_of(cell, now);
    int64_t out;

    if (state == LLM_HEALTH_CLOSED)
        return LLM_HEALTH_ADMITTED;
    if (state == LLM_HEALTH_OPEN)
        return LLM_HEALTH_LEFT_ALONE;
    out = atomic_load(&cell->probe_at);
    if (out && now < out + LLM_HEALTH_PROBE)
        return LLM_HEALTH_LEFT_ALONE;
    return atomic_compare_exchange_strong(&cell->probe_at, &out, now)
        ? LLM_HEALTH_TRIAL : LLM_HEALTH_LEFT_ALONE;
}

void llm_health_give_back(llm_health *cell, apr_time_t then)
{
    int64_t out = then;

    if (cell)
        atomic_compare_exchange_strong(&cell->probe_at, &out, 0);
}

void llm_health_rest(llm_health *cell, apr_time_t until)
{
    int64_t before;

    if (!cell)
        return;
    before = atomic_load(&cell->rests_until);
    while (before < until
           && !atomic_compare_exchange_weak(&cell->rests_until, &before,
                                            until))
        ;
    atomic_store(&cell->probe_at, 0);
}

/* Half open is a rest that is over. */
void llm_health_probed(llm_health *cell, int well, apr_time_t until,
                       apr_time_t now)
{
    int64_t before = cell ? atomic_load(&cell->rests_until) : 0;

    if (!before)
        return;
    if (!well)
        llm_health_rest(cell, until);
    else if (before > now)
        atomic_compare_exchange_strong(&cell->rests_until, &before, now);
}

/* ---- counting ----------------------------------------------------------- */

static unsigned calls_of(uint64_t window)
{
    return (unsigned)window & MOST;
}

static unsigned failures_of(uint64_t window)
{
    return (unsigned)(window >> FIELD) & MOST;
}

/* Milliseconds, running over; a thread may be a little behind another. */
static int is_over(uint64_t window, const llm_breaker *breaker, apr_time_t now)
{
    int32_t age = (int32_t)((uint32_t)apr_time_as_msec(now)
                            - (uint32_t)(window >> 2 * FIELD));
    apr_interval_time_t length = apr_time_as_msec(breaker->window);

    return age >= length || age <= -length;
}

/* One call more in the window, or in a new one that begins with it when that
 * is over. A full one stays as it is. */
static uint64_t counted(uint64_t window, const llm_breaker *breaker,
                        apr_time_t now, int failed)
{
    if (!calls_of(window) || is_over(window, breaker, now))
        window = (uint64_t)(uint32_t)apr_time_as_msec(now) << 2 * FIELD;
    if (calls_of(window) == MOST)
        return window;
    return window + 1 + ((uint64_t)!!failed << FIELD);
}

static uint64_t count(llm_health *cell, const llm_breaker *breaker,
                      apr_time_t now, int failed)
{
    uint64_t before = atomic_load(&cell->window), after;

    do
        after = counted(before, breaker, now, failed);
    while (!atomic_compare_exchange_weak(&cell->window, &before, after));
    return after;
}

void llm_health_counts(const llm_health *cell, const llm_breaker *breaker,
                       apr_time_t now, unsigned *calls, unsigned *failures)
{
    uint64_t window = cell ? atomic_load(&cell->window) : 0;

    if (is_over(window, breaker, now))
        window = 0;
    *calls = calls_of(window);
    *failures = failures_of(window);
}

void llm_health_went_well(llm_health *cell, const llm_breaker *breaker,
                          apr_time_t now)
{
    if (!cell)
        return;
    if (breaker->window)
        count(cell, breaker, now, 0);
    if (!atomic_load(&cell->rests_until))
        return;
    atomic_store(&cell->window, 0);
    atomic_store(&cell->trips, 0);
    atomic_store(&cell->rests_until, 0);
    atomic_store(&cell->probe_at, 0);
}

/* Twice as long each time it trips. */
static void trip(llm_health *cell, const llm_breaker *breaker, apr_time_t now)
{
    uint32_t trips = atomic_fetch_add(&cell->trips, 1);
    apr_interval_time_t rest = breaker->rest;

    while (trips-- && rest < breaker->longest)
        rest *= 2;
    llm_health_rest(cell, now + (rest < breaker->longest ? rest
                                                         : breaker->longest));
    atomic_store(&cell->window, 0);
}

static int is_bad(uint64_t window, const llm_breaker *breaker)
{
    return calls_of(window) >= breaker->calls
        && failures_of(window) * 100 >= calls_of(window) * breaker->percent;
}

/* One that is asked although it rests, because all rest, changes nothing by
 * failing again. */
void llm_health_failed(llm_health *cell, const llm_breaker *breaker,
                       apr_time_t now)
{
    uint64_t window;

    if (!cell || !breaker->window)
        return;
    window = count(cell, breaker, now, 1);
    switch (llm_health_of(cell, now)) {
    case LLM_HEALTH_CLOSED:
        if (is_bad(window, breaker))
            trip(cell, breaker, now);
        break;
    case LLM_HEALTH_HALF:
        trip(cell, breaker, now);
        break;
    case LLM_HEALTH_OPEN:
        break;
    }
}

void llm_health_answered(llm_health *cell, const llm_breaker *breaker,
                         apr_interval_time_t took, apr_time_t now)
{
    if (took > 0)
        llm_health_took(cell, took, now);
    if (breaker->slow && took > breaker->slow)
        llm_health_failed(cell, breaker, now);
    else
        llm_health_went_well(cell, breaker, now);
}

/* ---- latency ------------------------------------------------------------ */

void llm_health_took(llm_health *cell, apr_interval_time_t took,
                     apr_time_t now)
{
    int64_t before, age;

    if (!cell)
        return;
    before = atomic_load(&cell->latency);
    age = now - atomic_load(&cell->latency_at);
    if (took < before && age >= 0)
        took = (before * DECAY + took * age) / (DECAY + age);
    atomic_store(&cell->latency, took);
    atomic_store(&cell->latency_at, now);
}

void llm_health_in_vain(llm_health *cell, apr_time_t now)
{
    if (cell && !atomic_load(&cell->latency))
        atomic_store(&cell->latency_at, now);
}

void llm_health_asked(llm_health *cell, apr_time_t now)
{
    if (cell)
        atomic_store(&cell->asked_at, now);
}

/* Halved for every LLM_HEALTH_HALVES, along a straight line in between. */
static int64_t aged(int64_t latency, apr_interval_time_t age)
{
    if (age <= 0)
        return latency;
    if (age / LLM_HEALTH_HALVES > 40)
        return 0;
    latency >>= age / LLM_HEALTH_HALVES;
    age %= LLM_HEALTH_HALVES;
    return latency - latency / 2 * age / LLM_HEALTH_HALVES;
}

/* Who was asked after it was measured is being measured, unless that was so
 * long ago that it has failed. */
int64_t llm_health_latency(const llm_health *cell, apr_time_t now,
                           int64_t *claim)
{
    int64_t latency, measured, asked;

    if (claim)
        *claim = -1;
    if (!cell)
        return 0;
    asked = atomic_load(&cell->asked_at);
    measured = atomic_load(&cell->latency_at);
    latency = atomic_load(&cell->latency);
    if (asked > measured && now - asked < LLM_HEALTH_PROBE)
        return latency ? latency : LLM_HEALTH_LONG;
    if (claim)
        *claim = asked;
    return measured ? aged(latency ? latency : IN_VAIN, now - measured) : 0;
}

int llm_health_claim(llm_health *cell, int64_t claim, apr_time_t now)
{
    return atomic_compare_exchange_strong(&cell->asked_at, &claim, now);
}
