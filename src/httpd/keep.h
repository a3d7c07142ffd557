/* The counts on disk: in LLMStateDir, over a stop, a crash and a reboot.
 *
 *   meter        what was counted (meter/save.h)
 *   meter.lock   held (flock) by who reads or writes the other
 *   meter.new    the next one, until it is whole and on disk
 *   meter.bad    the last one that could not be read
 *
 * Children read and write all that, the parent nothing: what they may write
 * is not for root to read.
 *
 * The first child that attaches to fresh shared memory loads, and writes the
 * file anew with an epoch of its own: later than that of the file and of any
 * memory before. Nobody saves before. A child whose memory was left behind
 * for other memory (LLMMeterSize, another version) finds a later epoch in the
 * file and does not touch it. A child that cannot have the lock or the file
 * counts all the same; it is tried again with each saving.
 *
 * Saved is every ten seconds by one child, if anything has changed, and by
 * each child at its end: the last one out has counted all. The lock is held
 * from counting together until the new file is in place, so an older state
 * never replaces a newer one.
 */
#ifndef LLM_KEEP_H
#define LLM_KEEP_H

#include <apr_pools.h>
#include <httpd.h>
#include "../meter/series.h"

/* Parent, post_config, before mod_watchdog's: the saving in between. Without
 * mod_watchdog there is none, and the log says so. */
void llm_keep_parent_init(apr_pool_t *pconf, server_rec *main);

/* Child, before its threads. `meters` are the one that is counted into, those
 * left behind for it, and NULL; all must live as long as the process. Saves
 * with `pchild`; what is to be counted by then must be cleaned up earlier,
 * that is, registered after this call. Does nothing without LLMStateDir. */
void llm_keep_child_init(apr_pool_t *pchild, server_rec *s,
                         const llm_meter *const *meters);

#endif
