/* The items of an answer that is being streamed as events of the Responses
 * API: what each has said so far, and the events that begin and end it.
 *
 * The last events of an item and of the response repeat all that was said, so
 * that it must be gathered; the ceiling is over all items together.
 *
 * Pure; belongs to one call. */
#ifndef LLM_RESPONSES_OPEN_H
#define LLM_RESPONSES_OPEN_H

#include "responses.h"

#define LLM_OPEN_ITEMS_MAX 1024
#define LLM_OPEN_CONTENTS_MAX 1024      /* of one message */

/* One part that grows; its words are in `text`. */
typedef struct llm_open_content {
    llm_part part;
    llm_buf text;
    llm_buf logprobs;           /* elements of the array, bare */
    size_t told;                /* of logprobs, with a piece of the text */
} llm_open_content;

typedef struct llm_responses_open {
    llm_part_kind kind;         /* TEXT: a message */
    const char *id;
    int index, call;            /* output_index; a call's number, or -1 */
    int done, summary;          /* it has ended; a summary part was begun */
    const char *status;
    apr_array_header_t *contents;       /* of pointers to content */
} llm_open_item;

typedef struct llm_open_writing {
    llm_responses_writer *w;
    const llm_face *face;
    llm_frame *frame;
    llm_buf *out;
    apr_pool_t *p, *keep;
    llm_buf json;               /* the event that is being written */
    const char *type;           /* of that event */
    llm_emit e;
} llm_open_writing;

/* An event: its type, its members, and out with it. */
void llm_open_event(llm_open_writing *in, const char *type);
void llm_open_place(llm_open_writing *in, const llm_open_item *it,
                    const char *index, int n);
llm_fault llm_open_put(llm_open_writing *in);

/* An event that holds the response as it is now. */
llm_fault llm_open_response(llm_open_writing *in, const char *type);
llm_fault llm_open_begin(llm_open_writing *in, const llm_delta *delta);

/* A new item and its event; the open message or reasoning if it is of that
 * kind, else a new one in its place. */
llm_open_item *llm_open_new(llm_open_writing *in, llm_part_kind kind,
                            const char *what);
llm_fault llm_open_item_event(llm_open_writing *in, const llm_open_item *it,
                              const char *type);
llm_fault llm_open_take(llm_open_writing *in, llm_part_kind kind,
                        const char *what, llm_open_item **out);

/* Their ends: of a content in it, of the open one, of all. */
llm_fault llm_open_content_end(llm_open_writing *in, const llm_open_item *it,
                               int n);
llm_fault llm_open_end(llm_open_writing *in);
llm_fault llm_open_end_all(llm_open_writing *in, const char *status);

/* What was gathered. */
llm_open_content *llm_open_content_new(llm_open_writing *in,
                                       llm_open_item *it, llm_part_kind kind);
llm_open_content *llm_open_content_last(const llm_open_item *it);
llm_fault llm_open_gather(llm_open_writing *in, llm_buf *to, const char *at,
                          size_t n);
llm_part llm_open_part(const llm_open_content *c);
llm_span llm_open_logprobs(const llm_open_content *c, size_t from,
                           apr_pool_t *p);
void llm_open_summary(llm_open_writing *in, llm_span text);

#endif
