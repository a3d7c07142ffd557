/* Translation: one call's way from the client's dialect to a provider's and
 * back, through the inner form. The request is read once, however many
 * targets are asked.
 *
 * Pure; belongs to one call.
 */
#ifndef LLM_TRANSLATE_H
#define LLM_TRANSLATE_H

#include "dialect.h"

typedef struct llm_translation {
    const llm_face *face;
    apr_pool_t *pool;           /* lives as long as the call */
    apr_pool_t *scratch;        /* NULL until it is needed */
    llm_chat *chat;             /* the request, once it was read */
    llm_embedding *embedding;
    llm_losses lost;            /* of this attempt */

    /* this attempt */
    const llm_dialect *to;
    void *reader, *writer;      /* their states in a stream */
    llm_buf *said;              /* NULL, or where the text goes, too */
    int called;                 /* a tool, say: more than text was said */
    int resumed;                /* the client has the beginning already */
    size_t repeated;            /* so much of `said` is said again, at first */
    size_t matched;             /* so much of it has been */
    int strays;                 /* it has said another thing than that */
    size_t white;               /* bytes at its end that were not told */
    llm_frame *frame;
    llm_buf *out;               /* during a call */
} llm_translation;

/* A new attempt, with a provider that speaks `to`. */
void llm_translate_begin(llm_translation *t, const llm_face *face,
                         const llm_dialect *to, apr_pool_t *p);

/* Reads the client's request, if that was not done before. On a fault *detail
 * says what is wrong. */
llm_fault llm_translate_read(llm_translation *t, const llm_request *request,
                             unsigned depth, llm_fault_detail *detail);

/* The client's request as the provider reads it, and in t->lost what it does
 * not hold. On a fault *detail says what is wrong: LLM_BAD_REQUEST in any
 * case, LLM_UNSUPPORTED for this provider. */
llm_fault llm_translate_request(llm_translation *t, const llm_request *request,
                                unsigned depth, const llm_asking *how,
                                llm_buf *out, llm_fault_detail *detail);

/* The answer to a COUNT request that no provider is asked for. *tokens is an
 * estimate. */
llm_fault llm_translate_count(llm_translation *t, const llm_request *request,
                              unsigned depth, long long *tokens, llm_buf *out,
                              llm_fault_detail *detail);

/* The client's request, and after it what the assistant has said already; for
 * a provider that continues it: without white space at its end, which some
 * refuse. LLM_UNSUPPORTED when nothing is left. */
llm_fault llm_translate_prefill(llm_translation *t, const llm_request *request,
                                unsigned depth, const llm_asking *how,
                                llm_span said, llm_buf *out,
                                llm_fault_detail *detail);

/* A whole answer that read_answer has found good. */
llm_fault llm_translate_answer(llm_translation *t, llm_span body,
                               const llm_usage *usage, llm_buf *out);

/* An event of kind PIECE or PING, as what the client's dialect makes of it;
 * may be nothing. LLM_GARBAGE: it was malformed; what it held before that was
 * written, for the writer knows that it wrote it. */
llm_fault llm_translate_piece(llm_translation *t, llm_span event,
                              llm_frame *frame, llm_buf *out);
llm_fault llm_translate_ping(llm_translation *t, llm_frame *frame,
                             llm_buf *out);

/* A stream that was cut goes on with another attempt, of a provider that
 * speaks `to`. What the client was sent is in *said (all of it, as text); the
 * new stream begins with it once more (`again`), or goes on behind it. A
 * stream that begins otherwise is LLM_CUT. */
void llm_translate_resume(llm_translation *t, const llm_dialect *to,
                          llm_buf *said, int again);

/* 1 while the new stream has not said all that was said before. */
int llm_translate_is_behind(const llm_translation *t);

/* 1 when the new stream was LLM_CUT for beginning otherwise, and not because
 * its provider failed. */
int llm_translate_strays(const llm_translation *t);

/* An event of a stream that went to the client as it was: only its text is
 * taken, into *said, and the writer's state is brought to where the client
 * is. */
llm_fault llm_translate_replay(llm_translation *t, llm_span event,
                               llm_frame *frame);

/* The end of a stream: what the client's dialect has left to say. */
llm_fault llm_translate_end(llm_translation *t, const llm_usage *usage,
                            llm_frame *frame, llm_buf *out);

#endif
