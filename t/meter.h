/* What the tests of the meter share: blocks of memory, processes that count
 * in them, and what those say they did. */
#ifndef LLM_T_METER_H
#define LLM_T_METER_H

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tap.h"
#include "../src/meter/block.h"

#define BIRTH 77

TAP_UNUSED
static void *map(size_t size)
{
    void *block = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED)
        exit(2);
    return block;
}

TAP_UNUSED
static llm_meter make(size_t size)
{
    void *block = map(size);
    llm_meter meter;

    if (llm_meter_format(block, size, 1000)
        || llm_meter_attach(&meter, block, size))
        exit(2);
    return meter;
}

TAP_UNUSED
static void drop(const llm_meter *meter)
{
    munmap(meter->block, meter->size);
}

TAP_UNUSED
static llm_reading read_row(const llm_meter *meter, uint32_t row)
{
    llm_reading out;
    llm_meter_read(meter, row, &out);
    return out;
}

TAP_UNUSED
static llm_reading total(const llm_meter *meter)
{
    llm_reading out;
    llm_meter_total(meter, &out);
    return out;
}

TAP_UNUSED
static uint64_t sum(const uint64_t *n, unsigned many)
{
    uint64_t all = 0;
    while (many--)
        all += n[many];
    return all;
}

TAP_UNUSED
static const llm_record good = {
    .fault = LLM_OK,
    .usage = { .input = 100, .output = 20, .cached = 30, .cache_write = 4,
               .reasoning = 5, .known = 1 },
    .bytes_in = 1000, .bytes_out = 2000,
    .first_us = 300, .total_us = 5000, .streamed = 1
};

/* --- many processes ----------------------------------------------------- */

#define PROCESSES 6
#define CALLS 20000

typedef struct journal {        /* shared: what a process did, by itself */
    _Atomic long about[PROCESSES], entered[PROCESSES], settled[PROCESSES];
    _Atomic long refused, held, most;
} journal;

typedef void (*work)(const llm_meter *meter, journal *book, int who);

TAP_UNUSED
static void start(pid_t *pid, work run, const llm_meter *meter,
                  journal *book, int who)
{
    fflush(stdout);
    *pid = fork();
    if (*pid)
        return;
    run(meter, book, who);
    _exit(0);
}

TAP_UNUSED
static int all_well(const pid_t *pid, int n)
{
    int well = 1, status;
    for (int i = 0; i < n; i++)
        well &= waitpid(pid[i], &status, 0) == pid[i] && status == 0;
    return well;
}

TAP_UNUSED
static uint32_t row_for(const llm_meter *meter, long i)
{
    char name[16];
    snprintf(name, sizeof name, "m%ld", i % 7);
    return llm_meter_row(meter, "p", name, "c");
}

#endif
