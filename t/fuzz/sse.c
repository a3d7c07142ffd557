/* Any bytes as an event stream: read whole, byte by byte and in two pieces
 * they are the same events, or the same fault after the same events. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/wire/sse.h"

#define MUST(cond) do { if (!(cond)) abort(); } while (0)

typedef struct story {
    size_t events;
    size_t bytes;
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
    to->bytes += n;
}

static llm_fault hear(void *baton, const llm_sse_event *event)
{
    story *const to = baton;

    MUST(event->name && event->data);
    tell(to, event->name, event->name_len);
    tell(to, event->data, event->data_len);
    MUST(!memchr(event->data, '\r', event->data_len));
    MUST(!memchr(event->name, '\n', event->name_len));
    to->events++;
    return LLM_OK;
}

/* In pieces of `step`, the first one of `first`, each gone once fed. */
static story read_all(const char *data, size_t n, size_t first, size_t step,
                      size_t ceiling)
{
    story told = { .sum = 0xcbf29ce484222325u };
    size_t at = 0, len = first;
    llm_sse in;

    llm_sse_init(&in, ceiling);
    while (at < n && !told.fault) {
        char *piece;

        len = len < n - at ? len : n - at;
        piece = malloc(len ? len : 1);
        MUST(piece);
        memcpy(piece, data + at, len);
        told.fault = llm_sse_feed(&in, piece, len, hear, &told);
        free(piece);
        at += len;
        len = step;
    }
    told.empty = told.fault ? 0 : llm_sse_is_empty(&in);
    MUST(in.line.len <= ceiling && in.data.len <= ceiling);
    llm_sse_free(&in);
    return told;
}

static int same(const story *a, const story *b)
{
    return a->events == b->events && a->bytes == b->bytes
        && a->sum == b->sum && a->fault == b->fault && a->empty == b->empty;
}

static void compare(const char *data, size_t n, size_t ceiling)
{
    const story whole = read_all(data, n, n, n, ceiling);
    const size_t most = n < 24 ? n : 24;

    MUST(whole.bytes <= n);
    for (size_t first = 0; first <= most; first++) {
        const story in_two = read_all(data, n, first, n, ceiling);
        MUST(same(&whole, &in_two));
    }
    for (size_t step = 1; step < 8; step += 2) {
        const story in_many = read_all(data, n, step, step, ceiling);
        MUST(same(&whole, &in_many));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    compare((const char *)data, n, 16);
    compare((const char *)data, n, 1 << 20);
    return 0;
}
