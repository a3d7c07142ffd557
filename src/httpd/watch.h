/* Jobs that mod_watchdog runs now and then, each in one child at a time. */
#ifndef LLM_WATCH_H
#define LLM_WATCH_H

#include <mod_watchdog.h>

/* Parent, post_config, before mod_watchdog's: `job` runs every `interval`
 * microseconds, under `name`, which is its own. APR_ENOTIMPL without
 * mod_watchdog. */
apr_status_t llm_watch_add(const char *name, apr_interval_time_t interval,
                           ap_watchdog_callback_fn_t *job, apr_pool_t *pconf);

#endif
