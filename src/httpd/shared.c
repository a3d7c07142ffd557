#include <stdatomic.h>
#include <string.h>
#include <unistd.h>
#include <httpd.h>
#include <http_config.h>
#include <http_log.h>
#include <http_main.h>
#include <apr_shm.h>
#include "keep.h"
#include "life.h"
#include "shared.h"

APLOG_USE_MODULE(llm);

#define KEPT 4                  /* segments; one in use, the others drained */
#define ALIGN 64

/* What outlives the DSO. The next one may be a newer version: whoever changes
 * this struct changes the key, so that nobody reads another's bytes. There is
 * nothing in it that children can write to. */
#define KEPT_AS "llm_meter.1"

typedef struct segment {
    apr_shm_t *shm;             /* NULL: none; from the process pool */
    apr_size_t size;            /* of the block */
    uint64_t layout;
} segment;

typedef struct kept {
    segment is[KEPT];           /* in use, then younger to older ones */
    apr_time_t since;           /* when counting began in this layout */
} kept;

/* The block begins at a whole line; the segment need not. */
static void *block_of(const segment *seg)
{
    const uintptr_t base = (uintptr_t)apr_shm_baseaddr_get(seg->shm);
    return (void *)((base + ALIGN - 1) & ~(uintptr_t)(ALIGN - 1));
}

/* --- parent ------------------------------------------------------------- */

static void say_no_memory(server_rec *s, apr_status_t rv, apr_size_t size)
{
    ap_log_error(APLOG_MARK, APLOG_EMERG, rv, s,
                 "LLM0101: cannot have %" APR_SIZE_T_FMT " bytes of shared "
                 "memory for the meter; LLMMeterSize must be at least %"
                 APR_SIZE_T_FMT " and what this machine can give", size,
                 (apr_size_t)llm_meter_smallest());
}

static int make_segment(segment *seg, server_rec *s, apr_size_t size,
                        apr_time_t since)
{
    *seg = (segment) { .size = size, .layout = llm_meter_layout() };

    apr_status_t rv = size < llm_meter_smallest() || size > APR_SIZE_MAX / 2
        ? APR_EINVAL
        : apr_shm_create(&seg->shm, size + ALIGN, NULL, s->process->pool);
    if (rv == APR_SUCCESS && llm_meter_format(block_of(seg), size, since)) {
        apr_shm_destroy(seg->shm);
        rv = APR_EINVAL;
    }
    if (rv != APR_SUCCESS) {
        say_no_memory(s, rv, size);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}

/* Makes place for a new first segment. The oldest is unmapped here and will
 * not be inherited; the old children that have it keep it. */
static void move_on(kept *all, server_rec *s, const segment *next)
{
    segment *seg = all->is;

    if (seg[KEPT - 1].shm)
        apr_shm_destroy(seg[KEPT - 1].shm);
    memmove(seg + 1, seg, (KEPT - 1) * sizeof *seg);
    seg[0] = *next;
    if (seg[1].shm == NULL)
        return;
    if (seg[1].layout == next->layout)
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                     "LLM0102: the meter has %" APR_SIZE_T_FMT " bytes now, "
                     "not %" APR_SIZE_T_FMT "; its counts move over. The old "
                     "memory is given back at the next full restart",
                     next->size, seg[1].size);
    else
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                     "LLM0103: this mod_llm counts other numbers than the one "
                     "before; the meter begins anew");
}

int llm_shared_parent_create(apr_pool_t *pconf, server_rec *main,
                             apr_size_t size)
{
    kept *all = ap_retained_data_get(KEPT_AS);
    if (all == NULL)
        all = ap_retained_data_create(KEPT_AS, sizeof *all);
    (void)pconf;

    const segment *now = &all->is[0];
    const int same_layout = now->shm && now->layout == llm_meter_layout();
    if (same_layout && now->size == size)
        return OK;

    const apr_time_t since = same_layout ? all->since : apr_time_now();
    segment next;
    const int rv = make_segment(&next, main, size, since);
    if (rv != OK)
        return rv;
    all->since = since;
    move_on(all, main, &next);
    return OK;
}

/* --- child -------------------------------------------------------------- */

typedef struct view {
    llm_meter meter;
    _Atomic uint32_t child;     /* this process's number there */
} view;

static view views[KEPT];        /* written before there are threads */
static unsigned seen;           /* how many there are */
static const llm_meter *meters[KEPT + 1];       /* theirs, then NULL */
static _Atomic apr_time_t reaped_at;

static void enroll(view *v)
{
    const uint32_t pid = (uint32_t)getpid();
    if (v->child == 0)
        v->child = llm_meter_child_enter(&v->meter, pid, llm_life_birth(pid));
}

/* An old segment first loses its dead, then its counts. */
static uint32_t tidy(apr_time_t now)
{
    uint32_t settled = 0;

    for (unsigned i = 0; i < seen; i++) {
        view *v = &views[i];
        settled += llm_meter_reap(&v->meter, v->child, llm_life_is_on, now);
        enroll(v);
        if (i > 0)
            llm_meter_drain(&views[0].meter, &v->meter);
    }
    if (settled > 0)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                     "LLM0104: settled %u calls that were in flight in a "
                     "process that died", settled);
    return settled;
}

/* No thread works any more: calls that still wait are not answered. */
static apr_status_t leave(void *data)
{
    (void)data;
    for (unsigned i = 0; i < seen; i++) {
        llm_meter_child_stop(&views[i].meter, views[i].child, apr_time_now());
        llm_meter_child_leave(&views[i].meter, views[i].child);
    }
    return APR_SUCCESS;
}

static int attach(view *v, const segment *seg)
{
    return seg->shm && seg->layout == llm_meter_layout()
        && llm_meter_attach(&v->meter, block_of(seg), seg->size) == LLM_OK;
}

void llm_shared_child_attach(apr_pool_t *pchild, server_rec *s)
{
    const kept *all = ap_retained_data_get(KEPT_AS);

    if (all == NULL || !attach(&views[0], &all->is[0])) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s,
                     "LLM0105: the meter's shared memory is not as it was "
                     "made; calls are refused until httpd is stopped and "
                     "started");
        return;
    }
    for (seen = 1; seen < KEPT; seen++)
        if (!attach(&views[seen], &all->is[seen]))
            break;
    for (unsigned i = 0; i < seen; i++) {
        meters[i] = &views[i].meter;
        enroll(&views[i]);
    }
    llm_keep_child_init(pchild, s, meters);
    apr_pool_cleanup_register(pchild, NULL, leave, apr_pool_cleanup_null);
    tidy(apr_time_now());
    if (llm_shared_child() == 0)
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, s,
                     "LLM0106: the meter has room for %u processes and no "
                     "more; this one refuses calls until another ends. A "
                     "larger LLMMeterSize has room for more",
                     views[0].meter.children);
}

const llm_meter *llm_shared_meter(void)
{
    return seen ? &views[0].meter : NULL;
}

uint32_t llm_shared_child(void)
{
    return views[0].child;
}

uint32_t llm_shared_in_flight(void)
{
    uint32_t n = 0;
    for (unsigned i = 0; i < seen; i++)
        n += llm_meter_in_flight(&views[i].meter);
    return n;
}

/* 1 for one thread, once a second. A clock that was put back does not keep
 * it from being done. */
static int is_due(apr_time_t now)
{
    apr_time_t last = reaped_at;
    const apr_time_t gone = now - last;
    if (gone >= 0 && gone < APR_USEC_PER_SEC)
        return 0;
    return atomic_compare_exchange_strong(&reaped_at, &last, now);
}

uint32_t llm_shared_reap(void)
{
    const apr_time_t now = apr_time_now();
    return seen && is_due(now) ? tidy(now) : 0;
}
