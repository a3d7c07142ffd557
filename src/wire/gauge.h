/* How much a stream has said: the characters of its output, whatever it is
 * (text, a refusal, thinking, names and arguments of calls), read from its
 * events beside who passes them on.
 *
 * Pure; belongs to one attempt of a call. Zeroed it is new.
 */
#ifndef LLM_GAUGE_H
#define LLM_GAUGE_H

#include "dialect.h"

typedef struct llm_gauge {
    long long said;             /* characters */
    apr_pool_t *keep, *scratch; /* NULL until they are needed */
    void *reader;
} llm_gauge;

/* The next event of kind PIECE, of a provider that speaks `dialect`; `p` lives
 * as long as the gauge. One that is malformed says as much as was understood
 * of it. */
void llm_gauge_event(llm_gauge *gauge, const llm_dialect *dialect,
                     llm_span event, apr_pool_t *p);

/* Gives the memory back; the gauge is new. */
void llm_gauge_end(llm_gauge *gauge);

#endif
