/* What whole and streamed answers to Gemini's clients have in common. */
#ifndef LLM_GEMINI_ANSWER_H
#define LLM_GEMINI_ANSWER_H

#include "gemini.h"

/* Why a candidate ended. A call whose arguments are no object cannot be
 * written; Gemini itself then ends with a reason and a sentence of its own,
 * and so do we. */
typedef struct llm_gemini_end {
    llm_finish finish;
    int called;                 /* it has calls */
    const char *message;        /* finishMessage; NULL: none */
} llm_gemini_end;

/* The sentence for such a call, added to one that is there already. */
const char *llm_gemini_malformed(const char *message, const char *name,
                                 llm_span arguments, apr_pool_t *p);

/* finishReason and finishMessage. */
void llm_gemini_put_end(llm_emit *e, const llm_gemini_end *end);

/* groundingMetadata of llm_citation; nothing for none. `text` is what their
 * places count in; at NULL: the places are not written. */
void llm_gemini_put_sources(llm_emit *e, const apr_array_header_t *citations,
                            llm_span text);

#endif
