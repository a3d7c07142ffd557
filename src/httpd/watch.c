#include <httpd.h>
#include "watch.h"

apr_status_t llm_watch_add(const char *name, apr_interval_time_t interval,
                           ap_watchdog_callback_fn_t *job, apr_pool_t *pconf)
{
    APR_OPTIONAL_FN_TYPE(ap_watchdog_get_instance) *get =
        APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_get_instance);
    APR_OPTIONAL_FN_TYPE(ap_watchdog_register_callback) *add =
        APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_register_callback);
    ap_watchdog_t *dog;
    apr_status_t rv;

    if (!get || !add)
        return APR_ENOTIMPL;
    rv = get(&dog, name, 0, 1, pconf);
    return rv == APR_SUCCESS ? add(dog, interval, NULL, job) : rv;
}
