/* Any bytes in Amazon's framing: read whole, byte by byte and in two pieces
 * they are the same events, or the same fault after the same events. The
 * sums of the first messages are put right, or no guess would ever get past
 * them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/wire/eventstream.h"

#define MUST(cond) do { if (!(cond)) abort(); } while (0)
#define CEILING 4096

typedef struct story {
    size_t events;
    uint64_t sum;               /* of all that was told, in order */
    llm_fault fault;
    int empty;
} story;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void tell(story *to, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to->sum = (to->sum ^ (unsigned char)bytes[i]) * 0x100000001b3u;
    to->sum = (to->sum ^ 0x100) * 0x100000001b3u;
}

static llm_fault hear(void *baton, const llm_sse_event *event)
{
    story *const to = baton;

    MUST(event->name && event->data && event->name_len < 64);
    tell(to, event->name, event->name_len);
    tell(to, event->data, event->data_len);
    to->events++;
    return LLM_OK;
}

static story read_all(const char *data, size_t n, size_t first, size_t step)
{
    story told = { .sum = 0xcbf29ce484222325u };
    size_t at = 0, len = first;
    llm_eventstream in;

    llm_eventstream_init(&in, CEILING);
    while (at < n && !told.fault) {
        char *piece;

        len = len < n - at ? len : n - at;
        piece = malloc(len ? len : 1);
        MUST(piece);
        memcpy(piece, data + at, len);
        told.fault = llm_eventstream_feed(&in, piece, len, hear, &told);
        free(piece);
        at += len;
        len = step;
    }
    told.empty = told.fault ? 0 : llm_eventstream_is_empty(&in);
    MUST(in.message.len <= CEILING);
    llm_eventstream_free(&in);
    return told;
}

static int same(const story *a, const story *b)
{
    return a->events == b->events && a->sum == b->sum && a->fault == b->fault
        && a->empty == b->empty;
}

/* --- sums ---------------------------------------------------------------- */

static uint32_t crc(const uint8_t *at, size_t n)
{
    uint32_t sum = 0xffffffff;

    for (size_t i = 0; i < n; i++) {
        sum ^= at[i];
        for (int bit = 0; bit < 8; bit++)
            sum = sum >> 1 ^ (sum & 1 ? 0xedb88320 : 0);
    }
    return ~sum;
}

static void put(uint8_t *at, uint32_t number)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(number >> (24 - 8 * i));
}

static void put_right(uint8_t *at, size_t n)
{
    size_t size;

    while (n >= 16) {
        size = (size_t)at[2] << 8 | at[3];
        put(at + 8, crc(at, 8));
        if (at[0] || at[1] || size < 16 || size > n)
            return;
        put(at + size - 4, crc(at, size - 4));
        at += size;
        n -= size;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    uint8_t *const copy = malloc(n ? n : 1);
    const size_t most = n < 24 ? n : 24;
    story whole;

    MUST(copy);
    memcpy(copy, data, n);
    put_right(copy, n);
    whole = read_all((char *)copy, n, n, n);
    for (size_t first = 0; first <= most; first++) {
        const story told = read_all((char *)copy, n, first, n);
        MUST(same(&whole, &told));
    }
    for (size_t step = 1; step < 8; step += 2) {
        const story told = read_all((char *)copy, n, step, step);
        MUST(same(&whole, &told));
    }
    free(copy);
    return 0;
}
