/* How the pieces of a streamed answer stand in the bytes that a client gets.
 *
 * Pure; a frame belongs to one call.
 */
#ifndef LLM_FRAME_H
#define LLM_FRAME_H

#include "../base/text.h"

typedef enum llm_framing {
    LLM_FRAMING_EVENTS,         /* text/event-stream */
    LLM_FRAMING_LINES,          /* one JSON a line, application/x-ndjson */
    LLM_FRAMING_ARRAY           /* one JSON array, application/json */
} llm_framing;

typedef struct llm_frame {
    llm_framing framing;
    int begun;                  /* pieces put so far; an array is open when
                                 * there are any */
} llm_frame;

const char *llm_frame_type(llm_framing framing);

/* One piece, whole or not at all. `name` is the event's, NULL or "" for none;
 * only event streams have it. Data that holds line ends is written as an event
 * stream must, and is not allowed in lines. LLM_TOO_LARGE, LLM_INTERNAL. */
llm_fault llm_frame_put(llm_frame *frame, const char *name, size_t name_len,
                        const char *data, size_t n, llm_buf *out);

/* What only shows that the stream lives; an event stream's comment. */
llm_fault llm_frame_ping(llm_frame *frame, llm_buf *out);

/* What closes it when nothing more comes: an array's bracket. */
llm_fault llm_frame_end(llm_frame *frame, llm_buf *out);

#endif
