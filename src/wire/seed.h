/* The seed's REST: /api/complete, /api/chat, /api/stream and /api/models, as
 * llm.do's clients use it. Clients only: no provider speaks it.
 *
 * A method's arguments come as the body itself ({...}), as a list of them
 * ([messages, {...}]) or as {"args":[...]}. The request's `stream` is the
 * path's to say: it is there before the body is read. A body without a model
 * leaves its name empty.
 *
 * Pure; any thread.
 */
#ifndef LLM_SEED_H
#define LLM_SEED_H

#include "dialect.h"

/* The body that a GET's query string ("model=a&prompt=Say+it", as it came;
 * may be NULL) stands for. LLM_BAD_REQUEST if it is not well encoded. */
llm_fault llm_seed_query(const char *query, llm_buf *out, apr_pool_t *p);

/* The answer to GET /: what there is. */
llm_fault llm_seed_about(llm_buf *out);

/* The translated part, in seed_request.c. */
llm_fault llm_seed_read_chat(const llm_json *body, llm_chat *out,
                             llm_fault_detail *detail);

#endif
