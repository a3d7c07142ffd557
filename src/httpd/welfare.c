#include "welfare.h"
#include "http_config.h"
#include "http_log.h"
#include "apr_hash.h"
#include "apr_shm.h"
#include "apr_strings.h"
#include "config.h"

APLOG_USE_MODULE(llm);

#define CELLS 16384
#define ALIGN 64

/* What outlives the DSO: whoever changes this struct or a cell changes the
 * key. */
#define KEPT_AS "llm_health.3"

typedef struct kept {
    apr_shm_t *shm;             /* from the process pool */
} kept;

static llm_health_area area;

static llm_health *cells_of(const kept *all)
{
    const uintptr_t base = (uintptr_t)apr_shm_baseaddr_get(all->shm);

    return (llm_health *)((base + ALIGN - 1) & ~(uintptr_t)(ALIGN - 1));
}

int llm_welfare_parent_create(server_rec *main)
{
    kept *all = ap_retained_data_get(KEPT_AS);
    apr_size_t size = CELLS * sizeof(llm_health);
    apr_status_t rv;

    if (!all)
        all = ap_retained_data_create(KEPT_AS, sizeof *all);
    if (!all->shm) {
        rv = apr_shm_create(&all->shm, size + ALIGN, NULL,
                            main->process->pool);
        if (rv != APR_SUCCESS) {
            all->shm = NULL;
            ap_log_error(APLOG_MARK, APLOG_ERR, rv, main, "LLM0105: no shared "
                         "memory for the health of providers: nobody will be "
                         "left alone for failing");
            return OK;
        }
        memset(cells_of(all), 0, size);
    }
    area.cells = cells_of(all);
    area.count = CELLS;
    return OK;
}

llm_health_area llm_welfare(void)
{
    return area;
}

/* ---- what is told ------------------------------------------------------- */

typedef struct list {
    apr_array_header_t *rows;
    apr_hash_t *seen;           /* virtual hosts share what they inherit */
    apr_time_t now;
    apr_pool_t *p;
} list;

static int is_new(list *to, const void *provider, const char *label)
{
    const char *key = apr_psprintf(to->p, "%pp %s", provider, label);

    if (apr_hash_get(to->seen, key, APR_HASH_KEY_STRING))
        return 0;
    apr_hash_set(to->seen, key, APR_HASH_KEY_STRING, key);
    return 1;
}

static const char *state_of(const llm_health *cell, apr_time_t now,
                            const char *open)
{
    switch (llm_health_of(cell, now)) {
    case LLM_HEALTH_OPEN:
        return open;
    case LLM_HEALTH_HALF:
        return "half-open";
    default:
        return "well";
    }
}

int llm_welfare_is_ill(const llm_welfare_row *row)
{
    return strcmp(row->state, "well") != 0;
}

static apr_int64_t seconds_up_to(apr_time_t until, apr_time_t now)
{
    return until > now ? (until - now + APR_USEC_PER_SEC - 1)
                         / APR_USEC_PER_SEC : 0;
}

/* What keys and targets have in common. */
static llm_welfare_row *add(list *to, const llm_provider *provider,
                            const char *kind, const llm_health *cell)
{
    llm_welfare_row *row = apr_array_push(to->rows);
    apr_time_t tried = cell ? atomic_load(&cell->asked_at) : 0;

    row->provider = provider->name;
    row->kind = kind;
    row->name = row->source = "";
    row->state = state_of(cell, to->now, "open");
    row->rest = cell ? seconds_up_to(atomic_load(&cell->rests_until), to->now)
                     : 0;
    row->calls = row->failures = row->failed_percent = row->latency = -1;
    row->tried = tried ? apr_time_sec(tried) : -1;
    return row;
}

static void add_key(list *to, const llm_provider *provider, int i)
{
    const llm_way *way = &((const llm_way *)provider->ways->elts)[i];
    const llm_health_area all = area;
    const llm_health *cell = llm_health_look(&all, "key", way->label);
    llm_welfare_row *row = add(to, provider, "key", cell);

    row->name = apr_psprintf(to->p, "%s key %d", provider->name, i + 1);
    row->source = way->source;
    row->state = state_of(cell, to->now, "resting");
}

/* Of all that share the target: the worst state, the sums of what was
 * counted, and the latency measured last. */
typedef struct whole {
    const llm_health *worst, *last;
    unsigned calls, failures;
    apr_time_t tried;
} whole;

static void add_share(whole *all, const llm_health *cell,
                      const llm_breaker *breaker, apr_time_t now)
{
    unsigned calls, failures;
    apr_time_t tried = atomic_load(&cell->asked_at);

    if (!all->worst || atomic_load(&cell->rests_until)
                       > atomic_load(&all->worst->rests_until))
        all->worst = cell;
    if (atomic_load(&cell->latency)
        && (!all->last || atomic_load(&cell->latency_at)
                          > atomic_load(&all->last->latency_at)))
        all->last = cell;
    if (tried > all->tried)
        all->tried = tried;
    if (!breaker->window)
        return;
    llm_health_counts(cell, breaker, now, &calls, &failures);
    all->calls += calls;
    all->failures += failures;
}

static whole whole_of(const llm_target *target, apr_time_t now)
{
    const llm_health_area cells = area;
    const llm_health *cell;
    whole all = { 0 };
    int i;

    for (i = 0; i < llm_health_shares(target->label); i++)
        if ((cell = llm_health_share(&cells, target->label, i, 0)))
            add_share(&all, cell, &target->provider->breaker, now);
    return all;
}

/* What no line has nobody need ever ask for. */
static void add_target(list *to, const llm_target *target, int in_line)
{
    const llm_provider *provider = target->provider;
    const whole all = whole_of(target, to->now);
    llm_welfare_row *row;

    if ((!in_line && !all.last && !all.calls)
        || !is_new(to, provider, target->label))
        return;
    row = add(to, provider, "target", all.worst);
    row->name = target->label;
    if (all.tried)
        row->tried = apr_time_sec(all.tried);
    if (all.last)
        row->latency = atomic_load(&all.last->latency);
    if (!provider->breaker.window)
        return;
    row->calls = all.calls;
    row->failures = all.failures;
    row->failed_percent = all.calls
        ? (apr_int64_t)all.failures * 100 / all.calls : -1;
}

static void add_those(list *to, const apr_array_header_t *targets,
                      const llm_provider *provider, int in_line)
{
    int i;

    for (i = 0; i < targets->nelts; i++) {
        const llm_target *target = &((const llm_target *)targets->elts)[i];

        if (target->provider == provider)
            add_target(to, target, in_line);
    }
}

static void add_targets(list *to, const llm_server *server,
                        const llm_provider *provider)
{
    const llm_model *models = (const llm_model *)server->models->list->elts;
    int i;

    for (i = 0; i < server->models->list->nelts; i++)
        add_those(to, models[i].targets, provider, 1);
    add_those(to, server->models->any, provider, 0);
}

apr_array_header_t *llm_welfare_list(server_rec *main, apr_time_t now,
                                     apr_pool_t *p)
{
    list to = { apr_array_make(p, 16, sizeof(llm_welfare_row)),
                apr_hash_make(p), now, p };
    const server_rec *s;
    int i, k;

    for (s = main; s; s = s->next) {
        const llm_server *server = llm_config_server(s);

        for (i = 0; i < server->providers->nelts; i++) {
            const llm_provider *provider =
                APR_ARRAY_IDX(server->providers, i, llm_provider *);

            for (k = 0; k < provider->ways->nelts
                 && is_new(&to, provider, apr_psprintf(p, "#%d", k)); k++)
                add_key(&to, provider, k);
            add_targets(&to, server, provider);
        }
    }
    return to.rows;
}
