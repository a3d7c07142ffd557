/* Probes: a provider of which a target is left alone is asked every now and
 * then whether it is well, so that no client's call has to find out.
 *
 * mod_watchdog runs it in one child at a time. When that child ends, another
 * takes over; children of two generations may run it at once. Which of them
 * asks is decided in the health area: one a provider and interval. */
#ifndef LLM_PROBE_H
#define LLM_PROBE_H

#include "httpd.h"

/* Parent, check_config: OK, or an HTTP error after saying that mod_watchdog
 * is missing. */
int llm_probe_check(server_rec *main);

/* Parent, post_config, before mod_watchdog's. */
void llm_probe_parent_init(apr_pool_t *pconf, server_rec *main);

/* Child, before its threads, once it has an engine. */
void llm_probe_child_init(apr_pool_t *pchild, server_rec *main);

#endif
