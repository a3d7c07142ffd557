/* How much a stream has said: its output, whatever it is (text, a refusal,
 * thinking, names and arguments of calls), counted where it stands in its
 * events.
 *
 * Pure; any thread. Zeroed it is new.
 */
#ifndef LLM_GAUGE_H
#define LLM_GAUGE_H

#include "../base/scan.h"

typedef struct llm_gauge {
    long long said;             /* characters */
    long long twelfths;         /* of tokens, about; see estimate.h */
} llm_gauge;

/* A member that is output: a string, or all strings in it but for what ids,
 * types and signatures say. */
void llm_gauge_take(llm_gauge *gauge, const llm_member *member);

/* JSON that is output as it stands. */
void llm_gauge_take_json(llm_gauge *gauge, llm_span json);

void llm_gauge_add(llm_gauge *gauge, const llm_gauge *more);

/* About how many tokens that is. */
long long llm_gauge_tokens(const llm_gauge *gauge);

#endif
