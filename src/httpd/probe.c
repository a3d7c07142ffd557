#include "probe.h"
#include "http_config.h"
#include "http_log.h"
#include "http_main.h"
#include "config.h"
#include "serve.h"
#include "watch.h"
#include "welfare.h"

APLOG_USE_MODULE(llm);

/* What this child knows of a provider that is probed. Made before there are
 * threads, then mod_watchdog's thread alone has it. */
typedef struct probe {
    const llm_provider *provider;
    apr_array_header_t *targets;        /* of llm_health * */
    llm_health *mark;           /* asked_at: when any child has probed, or seen
                                 * that there is no need to */
    llm_exchange *exchange;     /* NULL: none is out */
    apr_time_t until;           /* it may take so long */
    int turn;                   /* whose key is next */
    int told;                   /* of an answer that says nothing */
} probe;

static apr_array_header_t *probes;      /* of probe */

/* ---- one probe ---------------------------------------------------------- */

static int is_needed(const probe *at, apr_time_t now)
{
    int i;

    for (i = 0; i < at->targets->nelts; i++)
        if (llm_health_of(APR_ARRAY_IDX(at->targets, i, llm_health *), now))
            return 1;
    return 0;
}

/* The next key's that does not rest; NULL: all do, and who would be asked
 * with one of them would only say so. */
static const llm_endpoint *choose(probe *at, apr_time_t now)
{
    const apr_array_header_t *ways = at->provider->ways;
    const llm_health_area area = llm_welfare();
    int i;

    for (i = 0; i < ways->nelts; i++) {
        const llm_way *way =
            &((const llm_way *)ways->elts)[at->turn++ % ways->nelts];
        const llm_health *key = llm_health_look(&area, "key", way->label);

        if (llm_health_of(key, now) != LLM_HEALTH_OPEN)
            return way->endpoint;
    }
    return ways->nelts ? NULL : at->provider->endpoint;
}

static void begin(probe *at, apr_time_t now)
{
    const llm_endpoint *endpoint = choose(at, now);
    llm_buf nothing;

    if (!endpoint)
        return;
    llm_buf_init(&nothing, 0);
    at->exchange = llm_exchange_new(endpoint, at->provider->probe.path, NULL,
                                    &nothing, 1);
    if (!at->exchange)
        return;
    at->until = now + at->provider->probe.timeout;
    llm_exchange_get(at->exchange);
    llm_exchange_submit(llm_serve_engine(), at->exchange);
}

/* Who is not well is left alone until the probe after the next must have
 * come, so that no client's call is tried in between. */
static void judge(const probe *at, int well, apr_time_t now)
{
    const llm_probe *how = &at->provider->probe;
    int i;

    for (i = 0; i < at->targets->nelts; i++)
        llm_health_probed(APR_ARRAY_IDX(at->targets, i, llm_health *), well,
                          now + 2 * how->interval + how->timeout, now);
}

/* The path or the key is not right, or it is limited: that is no sign of
 * being well, nor of being down. */
static void complain(probe *at, int status)
{
    if (!at->told++)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf, "LLM0131: "
                     "provider %s answers a probe with %d, which says nothing "
                     "about its targets: see LLMProbe path=",
                     at->provider->name, status);
}

/* `status`: 0 without an answer. */
static void conclude(probe *at, int status, apr_time_t now)
{
    const int well = status >= 200 && status < 300;

    llm_exchange_finish(at->exchange);
    at->exchange = NULL;
    if (status && status < 500 && !well) {
        complain(at, status);
        return;
    }
    ap_log_error(APLOG_MARK, well ? APLOG_INFO : APLOG_DEBUG, 0,
                 ap_server_conf, well ? "LLM0132: provider %s answers a probe "
                 "(%d): its targets are tried again"
                 : "LLM0133: provider %s fails a probe (%d): its targets rest "
                 "on", at->provider->name, status);
    judge(at, well, now);
}

/* The status is all that matters: of a long answer not all is awaited. */
static void look(probe *at, apr_time_t now)
{
    llm_arrival arrival;

    if (!llm_exchange_wait(at->exchange, 0)) {
        if (now >= at->until)
            conclude(at, 0, now);
        return;
    }
    llm_exchange_take(at->exchange, &arrival);
    llm_buf_free(&arrival.bytes);
    if (arrival.fault == LLM_STOPPING) {
        llm_exchange_close(at->exchange);
        at->exchange = NULL;
    }
    else if (arrival.ended || arrival.head.status)
        conclude(at, arrival.head.status, now);
}

/* The first probe comes an interval after its need. */
static void turn(probe *at, apr_time_t now)
{
    apr_time_t last = atomic_load(&at->mark->asked_at);

    if (at->exchange)
        look(at, now);
    else if (!is_needed(at, now))
        llm_health_asked(at->mark, now);
    else if ((now < last || now - last >= at->provider->probe.interval)
             && llm_health_claim(at->mark, last, now))
        begin(at, now);
}

/* ---- the watchdog ------------------------------------------------------- */

/* Its thread is stopped before the child's pool goes, and the engine with it.
 * It never waits: a child that ends waits for it. */
static apr_status_t tick(int state, void *data, apr_pool_t *pool)
{
    apr_time_t now = apr_time_now();
    int i;

    (void)data, (void)pool;
    if (!probes)
        return APR_SUCCESS;
    for (i = 0; i < probes->nelts; i++) {
        probe *at = &APR_ARRAY_IDX(probes, i, probe);

        if (state == AP_WATCHDOG_STATE_RUNNING)
            turn(at, now);
        else if (state == AP_WATCHDOG_STATE_STOPPING && at->exchange) {
            llm_exchange_close(at->exchange);
            at->exchange = NULL;
        }
    }
    return APR_SUCCESS;
}

/* ---- child -------------------------------------------------------------- */

static void add_cell(apr_array_header_t *cells, llm_health *cell)
{
    int i;

    for (i = 0; i < cells->nelts; i++)
        if (APR_ARRAY_IDX(cells, i, llm_health *) == cell)
            return;
    if (cell)
        APR_ARRAY_PUSH(cells, llm_health *) = cell;
}

static void add_those(probe *at, const apr_array_header_t *targets)
{
    const llm_health_area area = llm_welfare();
    int i, k;

    for (i = 0; i < targets->nelts; i++) {
        const llm_target *target = &APR_ARRAY_IDX(targets, i, llm_target);

        if (target->provider != at->provider)
            continue;
        for (k = 0; k < llm_health_shares(target->label); k++)
            add_cell(at->targets,
                     llm_health_share(&area, target->label, k, 1));
    }
}

static void add_targets(probe *at, const server_rec *s)
{
    const llm_models *models = llm_config_server(s)->models;
    int i;

    for (i = 0; i < models->list->nelts; i++)
        add_those(at, APR_ARRAY_IDX(models->list, i, llm_model).targets);
    add_those(at, models->any);
}

static void add_probe(const llm_provider *provider, server_rec *main,
                      apr_pool_t *p)
{
    const llm_health_area area = llm_welfare();
    const server_rec *s;
    probe *at;
    int i;

    for (i = 0; i < probes->nelts; i++)
        if (APR_ARRAY_IDX(probes, i, probe).provider == provider)
            return;
    at = apr_array_push(probes);
    memset(at, 0, sizeof *at);
    at->provider = provider;
    at->targets = apr_array_make(p, 4, sizeof(llm_health *));
    at->mark = llm_health_find(&area, "probe", provider->name);
    for (s = main; s; s = s->next)
        add_targets(at, s);
    if (!at->mark)
        apr_array_pop(probes);
}

/* Each provider that is to be probed, by all servers that have it. */
static int each(server_rec *main, void (*what)(const llm_provider *provider,
                                               server_rec *main,
                                               apr_pool_t *p), apr_pool_t *p)
{
    const server_rec *s;
    int i, n = 0;

    for (s = main; s; s = s->next) {
        const apr_array_header_t *all = llm_config_server(s)->providers;

        for (i = 0; i < all->nelts; i++) {
            const llm_provider *provider =
                APR_ARRAY_IDX(all, i, const llm_provider *);

            if (!provider->probe.interval)
                continue;
            n++;
            if (what)
                what(provider, main, p);
        }
    }
    return n;
}

void llm_probe_child_init(apr_pool_t *pchild, server_rec *main)
{
    if (!llm_serve_engine() || !each(main, NULL, NULL))
        return;
    probes = apr_array_make(pchild, 2, sizeof(probe));
    each(main, add_probe, pchild);
}

/* ---- parent ------------------------------------------------------------- */

int llm_probe_check(server_rec *main)
{
    if (!each(main, NULL, NULL) || ap_find_linked_module("mod_watchdog.c"))
        return OK;
    ap_log_error(APLOG_MARK, APLOG_EMERG | APLOG_STARTUP, 0, main, "LLM0007: "
                 "LLMProbe needs mod_watchdog: load it with LoadModule "
                 "watchdog_module, or leave LLMProbe out");
    return HTTP_INTERNAL_SERVER_ERROR;
}

void llm_probe_parent_init(apr_pool_t *pconf, server_rec *main)
{
    apr_status_t rv;

    if (!each(main, NULL, NULL))
        return;
    rv = llm_watch_add("_llm_probe_", AP_WD_TM_SLICE, tick, pconf);
    if (rv != APR_SUCCESS)
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, main, "LLM0134: no watchdog "
                     "for LLMProbe: nobody is probed");
}
