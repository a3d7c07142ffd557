/* Latencies in log-linear buckets: four to a power of two, so that a bucket's
 * upper bound is at most 25 % above what fell into it. The first holds all up
 * to 40 us; the last also holds what took longer than its bound.
 *
 * A histogram in shared memory is an array of 64-bit atomics with the same
 * indexes (series.c); this one is a plain copy to read from. Pure.
 */
#ifndef LLM_HISTOGRAM_H
#define LLM_HISTOGRAM_H

#include <stdint.h>

#define LLM_BUCKETS 104         /* up to 64 us << 25, about 36 minutes */

typedef struct llm_histogram {
    uint64_t bucket[LLM_BUCKETS];
    uint64_t sum;               /* of the values, microseconds */
} llm_histogram;

unsigned llm_histogram_bucket(int64_t us);      /* below LLM_BUCKETS */
int64_t llm_histogram_bound(unsigned bucket);   /* its upper, inclusive */
uint64_t llm_histogram_count(const llm_histogram *h);
void llm_histogram_add(llm_histogram *to, const llm_histogram *from);

/* The upper bound of the bucket that holds the p-th part (0 < p <= 1) of the
 * values: "p of them took at most this". 0 when it is empty. */
int64_t llm_histogram_quantile(const llm_histogram *h, double p);

#endif
