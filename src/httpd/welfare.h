/* The health of targets and keys, in shared memory of its own: it outlives
 * graceful restarts, so that a reload does not send everybody to a provider
 * that is down. */
#ifndef LLM_WELFARE_H
#define LLM_WELFARE_H

#include "httpd.h"
#include "../route/health.h"

/* Parent, post_config: OK, also without memory; breakers then never open. */
int llm_welfare_parent_create(server_rec *main);

/* Any process after that. */
llm_health_area llm_welfare(void);

#endif
