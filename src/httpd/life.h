/* Whether a process is still there, and is still the same one. Linux tells
 * both; elsewhere a number that is in use again reads as the same process.
 * Any thread.
 */
#ifndef LLM_LIFE_H
#define LLM_LIFE_H

#include <stdint.h>

/* When it was started, in the kernel's clock ticks since boot. 0 if that
 * cannot be known. */
uint64_t llm_life_birth(uint32_t pid);

/* 0 if there is no such process, it is over and only waited for, or it was
 * born at another time than `birth` (0: not known). */
int llm_life_is_on(uint32_t pid, uint64_t birth);

#endif
