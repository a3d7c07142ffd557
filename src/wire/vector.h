/* Vectors of floats in JSON. Pure; any thread. */
#ifndef LLM_VECTOR_H
#define LLM_VECTOR_H

#include "../base/emit.h"
#include "message.h"

/* From a list of numbers, or base64 of little-endian floats; LLM_GARBAGE for
 * anything else and for what is not finite. */
llm_fault llm_vector_read(const llm_json *value, llm_vector *out,
                          apr_pool_t *p);

/* Numbers as short as reads back the same. */
void llm_vector_emit(llm_emit *e, const char *name, const llm_vector *vector);
void llm_vector_emit_base64(llm_emit *e, const char *name,
                            const llm_vector *vector, apr_pool_t *p);

#endif
