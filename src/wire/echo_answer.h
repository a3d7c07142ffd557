/* The echo provider's answer, piece by piece, as OpenAI would write it.
 *
 * Each function adds its piece to `out`, which whoever sends it empties in
 * between; a whole answer and a stream are the same calls:
 *
 *   open, token * said, finish, and for a stream: usage, done
 *
 * `fault` stays once something did not fit or memory ran out.
 * Pure; an llm_echo_answer belongs to one thread at a time.
 */
#ifndef LLM_ECHO_ANSWER_H
#define LLM_ECHO_ANSWER_H

#include "../base/text.h"
#include "echo_request.h"

typedef struct llm_echo_answer {
    const llm_echo_request *request;    /* must outlive the answer */
    llm_buf out;
    llm_buf piece;              /* one token, before it is put in quotes */
    size_t at;                  /* where the next token of the text begins */
    long token;                 /* how many were said */
    llm_fault fault;
} llm_echo_answer;

void llm_echo_answer_init(llm_echo_answer *answer,
                          const llm_echo_request *request);
void llm_echo_answer_open(llm_echo_answer *answer);
void llm_echo_answer_token(llm_echo_answer *answer);
void llm_echo_answer_finish(llm_echo_answer *answer);
void llm_echo_answer_usage(llm_echo_answer *answer);
void llm_echo_answer_done(llm_echo_answer *answer);

/* What is none of these: a piece that is not JSON, an error, a page. */
void llm_echo_answer_broken(llm_echo_answer *answer);
void llm_echo_answer_error(llm_echo_answer *answer,
                           const llm_echo_error *error);
void llm_echo_answer_page(llm_echo_answer *answer);

void llm_echo_answer_free(llm_echo_answer *answer);

#endif
