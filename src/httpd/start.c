#include "start.h"
#include "http_config.h"
#include "http_core.h"
#include "http_log.h"
#include "ap_mpm.h"
#include "apr_file_io.h"
#include "unixd.h"
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "config.h"
#include "keep.h"
#include "probe.h"
#include "shared.h"
#include "welfare.h"

APLOG_USE_MODULE(llm);

/* client, eventfd, provider: what a call in flight holds open */
#define DESCRIPTORS_PER_CALL 3

/* Made as root, owned by who the children will be; nobody else looks in. */
static int make_state_dir(server_rec *main, const char *path, apr_pool_t *p)
{
    apr_status_t rv = apr_dir_make_recursive(path, APR_FPROT_UREAD
                                             | APR_FPROT_UWRITE
                                             | APR_FPROT_UEXECUTE, p);

    if (rv == APR_SUCCESS && !geteuid()
        && chown(path, ap_unixd_config.user_id, ap_unixd_config.group_id))
        rv = APR_FROM_OS_ERROR(errno);
    if (rv == APR_SUCCESS)
        return OK;
    ap_log_error(APLOG_MARK, APLOG_EMERG | APLOG_STARTUP, rv, main,
                 "LLM0003: LLMStateDir %s cannot be made and given to httpd's "
                 "user", path);
    return HTTP_INTERNAL_SERVER_ERROR;
}

static int query(int what)
{
    int value = 0;

    return ap_mpm_query(what, &value) == APR_SUCCESS ? value : 0;
}

/* Each descriptor that a child may have is one that the kernel keeps for it;
 * children raise their own limit to the hard one (child_init). */
static void check_descriptors(server_rec *main, unsigned calls, int children)
{
    unsigned long needed = (unsigned long)calls / children
        * DESCRIPTORS_PER_CALL + 256;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_max == RLIM_INFINITY
        || limit.rlim_max >= needed)
        return;
    ap_log_error(APLOG_MARK, APLOG_INFO, 0, main, "LLM0004: LLMMaxInFlight %u "
                 "needs about %lu descriptors a child, ulimit -Hn is %lu",
                 calls, needed, (unsigned long)limit.rlim_max);
}

static void check_mpm(server_rec *main, unsigned calls)
{
    int children = query(AP_MPMQ_MAX_DAEMONS);
    int threads = query(AP_MPMQ_MAX_THREADS);
    long workers;
    int waitio = 0;

    if (children < 1)
        children = 1;
    workers = (long)children * (threads > 0 ? threads : 1);
#ifdef AP_MPMQ_CAN_WAITIO
    waitio = query(AP_MPMQ_CAN_WAITIO);
#endif
    if (!waitio && workers < (long)calls)
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, main, "LLM0005: this MPM "
                     "keeps a thread for each waiting call: %ld workers are "
                     "fewer than LLMMaxInFlight %u", workers, calls);
    check_descriptors(main, calls, children);
}

int llm_start_post_config(apr_pool_t *pconf, apr_pool_t *plog,
                          apr_pool_t *ptemp, server_rec *main)
{
    const llm_server *server = llm_config_server(main);
    int rc;

    (void)plog;
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG)
        return OK;
    if (server->state_dir
        && (rc = make_state_dir(main, server->state_dir, ptemp)))
        return rc;
    if (server->state_dir)
        llm_keep_parent_init(pconf, main);
    llm_probe_parent_init(pconf, main);
    check_mpm(main, server->max_in_flight);
    llm_welfare_parent_create(main);
    return llm_shared_parent_create(pconf, main, server->meter_size);
}
