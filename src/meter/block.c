#include <stdio.h>
#include <string.h>
#include "block.h"

#define MAGIC UINT64_C(0x6d6c6c2d7465656d)
#define SHAPE 2                 /* changes when the drawing does */

#define SLOT_EACH 1024          /* one slot for so many bytes of the block */
#define SLOTS_LEAST 64
#define CHILDREN_LEAST 64
#define ROWS_LEAST 16

static const char *const fields[] = {
#define X(field, ...) #field,
#include "metrics.def"
#undef X
};

static void bucket_name(const char *of, unsigned bucket, char *name)
{
    if (bucket < LLM_BUCKETS)
        snprintf(name, LLM_COUNT_NAME, "%s %lld", of,
                 (long long)llm_histogram_bound(bucket));
    else
        snprintf(name, LLM_COUNT_NAME, "%s sum", of);
}

void llm_block_count_name(unsigned which, char *name)
{
    if (which < LLM_AT_FAULTS)
        snprintf(name, LLM_COUNT_NAME, "%s", fields[which]);
    else if (which < LLM_AT_GIVEN_UP)
        snprintf(name, LLM_COUNT_NAME, "fault %s",
                 llm_fault_of(which - LLM_AT_FAULTS)->word);
    else if (which < LLM_AT_FIRST)
        snprintf(name, LLM_COUNT_NAME, "given_up %s",
                 llm_fault_of(which - LLM_AT_GIVEN_UP)->word);
    else if (which < LLM_AT_TOTAL)
        bucket_name("first", which - LLM_AT_FIRST, name);
    else
        bucket_name("total", which - LLM_AT_TOTAL, name);
}

/* Bytes before mark[]. */
static size_t front(const llm_meter *meter)
{
    return sizeof(llm_block_head)
        + meter->children * sizeof(llm_block_child)
        + meter->slots * (sizeof(llm_word) + sizeof(llm_block_slot));
}

static uint32_t clamp(size_t n, uint32_t least, uint32_t most)
{
    return n < least ? least : n > most ? most : (uint32_t)n;
}

/* A view of nothing but sizes; 0 when `size` is too small. A multiple of 16
 * slots keeps what follows on whole lines. */
static int measure(llm_meter *meter, size_t size)
{
    const size_t each = sizeof(llm_block_row) + sizeof(llm_long);

    meter->block = NULL;
    meter->size = size;
    meter->slots = clamp(size / SLOT_EACH, SLOTS_LEAST, LLM_PLACE_MOST) & ~15u;
    meter->children = clamp(meter->slots / 8, CHILDREN_LEAST, LLM_TICKET_MOST);
    meter->rows = 0;

    const size_t used = front(meter) + LLM_BLOCK_LINE;
    if (size < used || (size - used) / each < ROWS_LEAST)
        return 0;
    meter->rows = clamp((size - used) / each, ROWS_LEAST, UINT32_MAX);
    return 1;
}

size_t llm_meter_smallest(void)
{
    llm_meter meter = { .slots = SLOTS_LEAST, .children = CHILDREN_LEAST };
    return front(&meter) + LLM_BLOCK_LINE
        + ROWS_LEAST * (sizeof(llm_block_row) + sizeof(llm_long));
}

/* A block that counts anything else, or in another order, has another one. */
uint64_t llm_meter_layout(void)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ SHAPE;
    char name[LLM_COUNT_NAME];

    hash ^= (uint64_t)sizeof(llm_block_row) << 32 | LLM_COUNTS;
    for (unsigned i = 0; i < LLM_COUNTS; i++) {
        llm_block_count_name(i, name);
        for (const char *c = name; *c; c++)
            hash = (hash ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
        hash *= UINT64_C(0x100000001b3);
    }
    return hash;
}

static int is_aligned(const void *block)
{
    return ((uintptr_t)block & (LLM_BLOCK_LINE - 1)) == 0;
}

llm_fault llm_meter_format(void *block, size_t size, int64_t now)
{
    llm_meter meter;

    if (!is_aligned(block) || !measure(&meter, size))
        return LLM_INTERNAL;
    *(llm_block_head *)block = (llm_block_head) {
        .magic = MAGIC,
        .layout = llm_meter_layout(),
        .size = size,
        .slots = meter.slots,
        .children = meter.children,
        .rows = meter.rows,
        .seed = (uint64_t)now,
        .since = now
    };
    return LLM_OK;
}

llm_fault llm_meter_attach(llm_meter *meter, void *block, size_t size)
{
    const llm_block_head *head = block;

    if (!is_aligned(block) || !measure(meter, size))
        return LLM_INTERNAL;
    if (head->magic != MAGIC || head->layout != llm_meter_layout()
        || head->size != size || head->slots != meter->slots
        || head->children != meter->children || head->rows != meter->rows)
        return LLM_INTERNAL;
    meter->block = block;
    return LLM_OK;
}

int64_t llm_meter_since(const llm_meter *meter)
{
    return atomic_load_explicit(&llm_block_head_of(meter)->since,
                                memory_order_relaxed);
}

void llm_block_reckon(const llm_meter *meter, int64_t since)
{
    _Atomic int64_t *const at = &llm_block_head_of(meter)->since;
    int64_t known = atomic_load_explicit(at, memory_order_relaxed);

    while (since < known)
        if (atomic_compare_exchange_weak(at, &known, since))
            return;
}
