/* What a provider's answer does to a call. Shared by the files of src/call;
 * see call.h for the state machine. */
#ifndef LLM_ANSWER_H
#define LLM_ANSWER_H

#include "call.h"

#define LLM_RECOVER_MAX (1024 * 1024)   /* bytes of a stream that is kept to
                                         * go on with it */

/* chain.c: takes the client's own chain out of the body, which may be another
 * one after that. */
llm_fault llm_call_take_chain(llm_call *call, const char **body, size_t *n,
                              llm_fault_detail *detail);

/* The request was read: sets call->model, and the model's name where there was
 * none. */
llm_fault llm_call_find_model(llm_call *call, const llm_models *models,
                              llm_fault_detail *detail);

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

/* The request for `target` by `endpoint`; LLM_OK, or why it cannot be. */
llm_fault llm_answer_write(llm_call *call, llm_fault_detail *detail);

/* route.c: the plan of the call, and its first target; the call is ADMITTED,
 * or it has ended. */
void llm_answer_plan(llm_call *call, apr_time_t now);

/* Everything that one attempt leaves behind is as new; the call is ADMITTED.
 * What the client has of the answer is not touched. */
void llm_answer_begin(llm_call *call);

/* After a failed attempt, before the client got anything: 1 when somebody is
 * asked, at once or after a rest; 0 when the client must have the error. */
int llm_answer_go_on(llm_call *call, const llm_fault_detail *detail,
                     apr_time_t now);

/* spent.c: this attempt is over and has not answered: what it took is counted,
 * here and on its own row. */
void llm_answer_spend(llm_call *call);

/* spent.c: a whole answer came without a word of that: how much is in it. */
void llm_answer_weigh(llm_call *call);

/* spent.c: this attempt has answered: what it took, told or not. */
void llm_answer_reckon(llm_call *call);

/* recover.c: a piece of a stream went to the client as it was. */
void llm_answer_log(llm_call *call, llm_span event);

/* The client has a part of an answer whose rest does not come: 1 when another
 * attempt has begun to go on with it, 0 when it must end with an error. */
int llm_answer_recover(llm_call *call, const llm_fault_detail *detail,
                       apr_time_t now);

/* ask.c: the call's translation, kept from one attempt to the next. */
llm_translation *llm_answer_translation(llm_call *call);

/* ask.c: whether the target goes on with what the assistant has said; and the
 * request that has it do so, or say all again. */
int llm_answer_takes_prefill(const llm_call *call);
llm_fault llm_answer_write_rest(llm_call *call, int prefill,
                                llm_fault_detail *detail);

/* route.c: the next target for that, 1, or 0 when there is none. The target
 * and its endpoint are set, and nothing else. */
int llm_answer_next_for_rest(llm_call *call, const llm_fault_detail *detail,
                             apr_time_t now);

/* What a failed attempt means to the health of its target and key, and to who
 * else may be asked. */
void llm_answer_blame(llm_call *call, const llm_fault_detail *detail,
                      apr_time_t now);

/* After a rest. */
void llm_answer_again(llm_call *call, apr_time_t now);

/* The target and the key have done their work. */
void llm_answer_went_well(llm_call *call, apr_time_t now);

/* It is due within idle=, no longer within first= or whole=. */
int llm_answer_is_coming(const llm_call *call);

/* How long the attempt, or the rest before it, may last without news. */
apr_time_t llm_answer_deadline(const llm_call *call);

/* alive.c: when the client is due a sign of life, 0: never; and, after news
 * or the lack of them, that sign, or the note that it got something else. */
apr_time_t llm_alive_deadline(const llm_call *call);
void llm_alive_let_time_pass(llm_call *call, apr_time_t now);

/* hold.c: a new attempt; whether what came is to be sent; whether it is to be
 * given up for the next target; when to look at that without another piece,
 * 0: never. */
void llm_hold_begin(llm_call *call);
int llm_hold_is_over(llm_call *call, apr_time_t now);
int llm_hold_is_too_slow(llm_call *call, apr_time_t now);
apr_time_t llm_hold_deadline(const llm_call *call);

/* Another target could be asked at once, and nothing is held against it. */
int llm_answer_has_next(const llm_call *call, apr_time_t now);

#endif
