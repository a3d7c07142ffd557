/* Every value in its bucket, every quantile an honest upper bound. */
#include <stdlib.h>
#include <string.h>
#include "../tap.h"
#include "../../src/meter/histogram.h"

#define VALUES 2000

static uint64_t state = 12345;

static uint64_t chance(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static void buckets(void)
{
    int edges = 1, rising = 1, near = 1;

    for (unsigned b = 0; b < LLM_BUCKETS; b++) {
        const int64_t bound = llm_histogram_bound(b);
        edges &= llm_histogram_bucket(bound) == b;
        if (b + 1 == LLM_BUCKETS)
            continue;
        const int64_t next = llm_histogram_bound(b + 1);
        edges &= llm_histogram_bucket(bound + 1) == b + 1;
        rising &= next > bound;
        near &= next * 4 <= (bound + 1) * 5;
    }
    ok(edges, "a bound is in its bucket, one more is in the next");
    ok(rising, "bounds rise");
    ok(near, "a bound is at most 25 %% above what is in the bucket");
    is_int(llm_histogram_bound(0), 40, "the first bucket ends at 40 us");
    is_int(llm_histogram_bound(LLM_BUCKETS - 1), INT64_C(64) << 25,
           "the last at 36 minutes");
    is_int(llm_histogram_bucket(-5), 0, "less than nothing is the first");
    is_int(llm_histogram_bucket(0), 0, "so is nothing");
    is_int(llm_histogram_bucket(INT64_MAX), LLM_BUCKETS - 1,
           "a longer time than any is the last");
    is_int(llm_histogram_bound(4000), llm_histogram_bound(LLM_BUCKETS - 1),
           "a bucket that is none reads as the last");
}

static int ascending(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void quantiles(void)
{
    static const double part[] = { .0001, .01, .25, .5, .9, .95, .99, 1 };
    static int64_t value[VALUES];
    llm_histogram h = { .sum = 0 };

    for (int i = 0; i < VALUES; i++) {
        value[i] = (int64_t)(chance() >> (36 + chance() % 27));
        h.bucket[llm_histogram_bucket(value[i])]++;
    }
    qsort(value, VALUES, sizeof *value, ascending);
    is_int(llm_histogram_count(&h), VALUES, "all are counted");

    for (unsigned i = 0; i < sizeof part / sizeof *part; i++) {
        double exact = part[i] * VALUES;
        int rank = (int)exact;
        rank += rank < exact || rank == 0;
        const unsigned b = llm_histogram_bucket(value[rank - 1]);
        is_int(llm_histogram_quantile(&h, part[i]), llm_histogram_bound(b),
               "the quantile %g is the bound above value %d", part[i], rank);
    }
}

static void edges(void)
{
    llm_histogram h = { .sum = 0 };

    is_int(llm_histogram_quantile(&h, .5), 0, "of nothing, nothing");
    h.bucket[50] = 1;
    is_int(llm_histogram_quantile(&h, .0001), llm_histogram_bound(50),
           "the smallest part of one value is that value");
    is_int(llm_histogram_quantile(&h, 2), llm_histogram_bound(50),
           "more than all is all");
    h.bucket[7] = 99;
    is_int(llm_histogram_quantile(&h, .99), llm_histogram_bound(7),
           "99 of 100");
    is_int(llm_histogram_quantile(&h, .991), llm_histogram_bound(50),
           "and a little more");
}

static void merging(void)
{
    llm_histogram a = { .sum = 3 }, b = { .sum = 4 }, both = { .sum = 7 };

    for (int i = 0; i < VALUES; i++) {
        const unsigned at = (unsigned)(chance() % LLM_BUCKETS);
        (i % 3 ? &a : &b)->bucket[at]++;
        both.bucket[at]++;
    }
    llm_histogram_add(&a, &b);
    is_mem(&a, sizeof a, &both, sizeof both,
           "the sum of two is the histogram of both");
}

int main(void)
{
    buckets();
    quantiles();
    edges();
    merging();
    return done();
}
