/* Event streams (WHATWG HTML, section 9.2), read at any split.
 *
 * Fed any number of bytes, calls back for each whole event. Lines end with
 * LF, CRLF or CR, a leading byte order mark is skipped, comment lines are
 * dropped, several data lines are joined by LF. `id` and `retry` are read
 * past. An event without data is not an event.
 *
 * Pure; an llm_sse belongs to one thread at a time.
 */
#ifndef LLM_SSE_H
#define LLM_SSE_H

#include "../base/text.h"

typedef struct llm_sse_event {
    const char *name;           /* not terminated; name_len 0: none given */
    size_t name_len;
    const char *data;           /* not terminated; valid during the call */
    size_t data_len;
} llm_sse_event;

/* Not LLM_OK stops the feeding with that fault. */
typedef llm_fault (*llm_sse_fn)(void *baton, const llm_sse_event *event);

typedef struct llm_sse {
    llm_buf line;               /* the unfinished line */
    llm_buf data;               /* the unfinished event's data */
    char name[64];              /* a longer name is cut: it matches nothing */
    size_t name_len;
    int has_data;
    int after_cr;               /* an LF that follows belongs to that CR */
    int started;                /* the byte order mark was looked for */
} llm_sse;

/* `ceiling` bounds one line and one event's data. */
void llm_sse_init(llm_sse *in, size_t ceiling);

/* LLM_TOO_LARGE when a line or an event is beyond the ceiling. */
llm_fault llm_sse_feed(llm_sse *in, const char *bytes, size_t n,
                       llm_sse_fn each, void *baton);

/* 1 if the stream may end here: nothing is left of an unfinished event. */
int llm_sse_is_empty(const llm_sse *in);

void llm_sse_free(llm_sse *in);

#endif
