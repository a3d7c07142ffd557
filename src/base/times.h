/* How long a provider may take, as the configuration says it.
 *
 * Pure; any thread.
 */
#ifndef LLM_TIMES_H
#define LLM_TIMES_H

#include <apr_time.h>

/* Microseconds; 0 where nothing was said. */
typedef struct llm_times {
    apr_interval_time_t connect;
    apr_interval_time_t first;  /* to the first token of a stream */
    apr_interval_time_t whole;  /* to the first byte of any other answer */
    apr_interval_time_t idle;   /* between two pieces of the answer */
    apr_interval_time_t total;  /* of the call */
    long rate;                  /* characters that a stream must have said,
                                 * below 0: none, ... */
    apr_interval_time_t probe;  /* ... so long after the first of them */
} llm_times;

/* 1 if the word is one of these: "first=" and anything. */
int llm_times_has(const char *word);

/* The word's value into its place; NULL, or what is wrong with the word: the
 * rest of a sentence. */
const char *llm_times_read(llm_times *times, const char *word);

/* What `times` says, and `others` where it says nothing. */
llm_times llm_times_or(llm_times times, const llm_times *others);

#endif
