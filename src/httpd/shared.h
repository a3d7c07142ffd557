/* The meter's shared memory in httpd: made by the parent, used by children.
 *
 * It is anonymous, comes from the process pool and is kept over graceful
 * restarts, so old children that still stream count into the same bytes as
 * the new ones. Another size or another layout is another segment; the old
 * one is kept for the old children, and what they count is moved over, if
 * the layouts agree. What must outlive httpd is on disk (keep.h).
 */
#ifndef LLM_SHARED_H
#define LLM_SHARED_H

#include <apr_pools.h>
#include <httpd.h>
#include "../meter/series.h"

/* Parent, as root, once a start or restart (not in the rehearsal), before
 * there are new children. `size` in bytes. OK, or an HTTP error after it said
 * in the log what to do: then httpd must not start. */
int llm_shared_parent_create(apr_pool_t *pconf, server_rec *main,
                             apr_size_t size);

/* Child, before its threads: from child_init. Registers with the meter, in
 * `pchild` also the end of that, settles what dead children left behind, and
 * moves the counts of old segments and of LLMStateDir over. If it fails it
 * says so in the log, and llm_shared_meter() is NULL. */
void llm_shared_child_attach(apr_pool_t *pchild, server_rec *s);

/* What follows: any thread of a child. */

/* The meter this child counts into; NULL in the parent and when there is
 * none. */
const llm_meter *llm_shared_meter(void);

/* This child's number for llm_meter_enter; 0 when there is none. */
uint32_t llm_shared_child(void);

/* Calls in flight in this and the older segments. */
uint32_t llm_shared_in_flight(void);

/* Settles the calls of dead children and moves the counts of old segments
 * over, unless this process did so less than a second ago. How many calls it
 * settled: so many slots are free that were not. */
uint32_t llm_shared_reap(void);

#endif
