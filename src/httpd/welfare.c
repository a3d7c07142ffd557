#include "welfare.h"
#include "http_config.h"
#include "http_log.h"
#include "apr_shm.h"

APLOG_USE_MODULE(llm);

#define CELLS 1024
#define ALIGN 64

/* What outlives the DSO: whoever changes this struct or a cell changes the
 * key. */
#define KEPT_AS "llm_health.2"

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
