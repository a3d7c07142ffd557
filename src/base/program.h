/* A program that is asked for a few bytes.
 *
 * Run by the parent while it reads the configuration, and by nothing on the
 * path of a call: it waits.
 */
#ifndef LLM_PROGRAM_H
#define LLM_PROGRAM_H

#include <stddef.h>
#include "fault.h"

/* Runs argv[0] (a path; no shell, no PATH) in a process group of its own,
 * with an empty stdin and our stderr, until it closes its output and ends.
 * The first `room` bytes that it says go to `out`, the rest is read and
 * forgotten; *len is how many are there. *status is as of waitpid.
 * LLM_SLOW after `most_ms`: the whole group is killed then. LLM_UNREACHABLE
 * when it cannot be started, or ends with 127, which is how shells say that.
 * LLM_INTERNAL when the system fails us. */
llm_fault llm_program_ask(char *const argv[], int most_ms, char *out,
                          size_t room, size_t *len, int *status);

#endif
