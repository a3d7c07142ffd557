/* What a provider's answer does to a call. Shared by the files of src/call;
 * see call.h for the state machine. */
#ifndef LLM_ANSWER_H
#define LLM_ANSWER_H

#include "call.h"

/* This attempt is over with `detail`: the next target is due, or the call
 * has ended and its error is in call->out. */
void llm_answer_failed(llm_call *call, const llm_fault_detail *detail,
                       apr_time_t now);
void llm_answer_fault(llm_call *call, llm_fault fault, const char *text,
                      apr_time_t now);

/* Ends the call as answered, by the whole answer in call->out. */
void llm_answer_give(llm_call *call, apr_time_t now);

/* Ends the call as answered. */
void llm_answer_complete(llm_call *call, apr_time_t now);

/* The meter's row for the call; `answered`: by a provider, so that the name
 * the client used is a model's. */
uint32_t llm_call_row(const llm_call *call, int answered);

/* Readies everything for the next target; the state is ADMITTED after. */
void llm_answer_next_target(llm_call *call, apr_time_t now);

#endif
