#include "histogram.h"

#define FIRST 32                /* the first octave is (32, 64] */

unsigned llm_histogram_bucket(int64_t us)
{
    if (us <= FIRST)
        return 0;
    if (us > llm_histogram_bound(LLM_BUCKETS - 1))
        return LLM_BUCKETS - 1;

    /* Bounds are inclusive: 64 belongs to (32, 64], so one less decides. */
    const uint64_t u = (uint64_t)us - 1;
    const unsigned octave = 63 - (unsigned)__builtin_clzll(u / FIRST);
    return octave * 4 + ((u >> (octave + 3)) & 3);
}

int64_t llm_histogram_bound(unsigned bucket)
{
    const unsigned b = bucket < LLM_BUCKETS ? bucket : LLM_BUCKETS - 1;
    return (int64_t)(FIRST / 4 * (5 + b % 4)) << (b / 4);
}

uint64_t llm_histogram_count(const llm_histogram *h)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < LLM_BUCKETS; i++)
        count += h->bucket[i];
    return count;
}

void llm_histogram_add(llm_histogram *to, const llm_histogram *from)
{
    for (unsigned i = 0; i < LLM_BUCKETS; i++)
        to->bucket[i] += from->bucket[i];
    to->sum += from->sum;
}

/* Which of `count` values in order is the p-th part: at least the first. */
static uint64_t rank_of(uint64_t count, double p)
{
    const double exact = (double)count * p;
    if (exact >= (double)count)
        return count;
    const uint64_t rank = exact > 0 ? (uint64_t)exact : 0;
    return (double)rank < exact || rank == 0 ? rank + 1 : rank;
}

int64_t llm_histogram_quantile(const llm_histogram *h, double p)
{
    const uint64_t count = llm_histogram_count(h);
    if (count == 0)
        return 0;

    const uint64_t rank = rank_of(count, p);
    uint64_t below = 0;
    unsigned i = 0;
    while (i < LLM_BUCKETS - 1 && (below += h->bucket[i]) < rank)
        i++;
    return llm_histogram_bound(i);
}
