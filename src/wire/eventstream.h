/* Amazon's framing of streams (application/vnd.amazon.eventstream), read at
 * any split, and what Bedrock puts into it: an event of the model's own API
 * in base64, or an exception.
 *
 *     total  headers  crc of these  headers ...  payload ...  crc of all
 *     4      4        4             (headers)    (rest)       4      bytes
 *
 * Numbers are big-endian, the sums are CRC-32. Hands out what sse.h would
 * hand out of the same events, were they an event stream: an exception is an
 * `error` event in Anthropic's shape.
 *
 * Pure; an llm_eventstream belongs to one thread at a time.
 */
#ifndef LLM_EVENTSTREAM_H
#define LLM_EVENTSTREAM_H

#include "sse.h"

typedef struct llm_eventstream {
    llm_buf message;            /* the unfinished one */
    llm_buf data;               /* the event's data, decoded */
    llm_buf text;               /* scratch */
    char name[64];              /* the event's */
} llm_eventstream;

/* `ceiling` bounds one message. */
void llm_eventstream_init(llm_eventstream *in, size_t ceiling);

/* LLM_TOO_LARGE when a message is beyond the ceiling; LLM_GARBAGE when a sum
 * or a length is wrong: nothing after it can be found. A message whose
 * payload is not understood is an event whose data is the payload. */
llm_fault llm_eventstream_feed(llm_eventstream *in, const char *bytes,
                               size_t n, llm_sse_fn each, void *baton);

/* 1 if the stream may end here. */
int llm_eventstream_is_empty(const llm_eventstream *in);

void llm_eventstream_free(llm_eventstream *in);

#endif
