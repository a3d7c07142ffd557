/* Staying awake for a moment instead of sleeping.
 *
 * Waking a thread that sleeps on an idle core costs more than a provider on
 * the same machine takes to answer (some 40 us on a virtual machine). Who
 * expects news within microseconds may look for them without sleeping; one
 * thread of a process at a time, so that a busy machine loses nothing.
 */
#ifndef LLM_SPIN_H
#define LLM_SPIN_H

#include <poll.h>
#include <apr_time.h>

/* Any thread: polls for at most `most` microseconds, letting others run in
 * between. What poll returned; 0 at once if another thread does so already. */
int llm_spin(struct pollfd *fds, int n, apr_interval_time_t most);

#endif
