/* What a whole answer is, told by the members of its outermost object: an
 * answer, an error in spite of its status, or neither. Pure; any thread.
 */
#ifndef LLM_WHOLE_H
#define LLM_WHOLE_H

#include "../base/scan.h"
#include "../meter/usage.h"

/* 1 if only an answer has this member; its usage, where it is that. */
typedef int (*llm_whole_fn)(const llm_member *member, llm_usage *usage);

typedef enum llm_whole_first {
    LLM_WHOLE_ANSWER,           /* an answer with an "error" is an answer */
    LLM_WHOLE_ERROR             /* it is an error */
} llm_whole_first;

/* LLM_OK, LLM_FAILED or LLM_GARBAGE, which has no usage. */
llm_fault llm_whole_read(const char *body, size_t n, unsigned depth,
                         llm_whole_fn proves, llm_whole_first first,
                         llm_usage *usage);

#endif
