/* What every dialect looks at in a client's request before anything else, in
 * the bytes as they stand. Pure; any thread. */
#ifndef LLM_REQUEST_H
#define LLM_REQUEST_H

#include "dialect.h"

/* Bits of `seen`; a dialect's own begin at LLM_REQUEST_OWN. */
enum { LLM_REQUEST_MODEL = 1, LLM_REQUEST_STREAM = 2, LLM_REQUEST_OWN = 4 };

typedef struct llm_request_reading {
    llm_request *out;
    llm_fault_detail *detail;
    unsigned seen;
} llm_request_reading;

/* LLM_BAD_REQUEST, and why. */
llm_fault llm_request_wrong(llm_request_reading *in, const char *param,
                            const char *text);

/* A member that may stand there once only. */
llm_fault llm_request_once(llm_request_reading *in, unsigned bit,
                           const char *param);

/* For llm_scan_object, with a reading: "model" and "stream"; all others are
 * passed over. */
llm_fault llm_request_member(void *baton, const llm_member *member);

/* The sentence for what the scan of `n` bytes found, at `where`; `fault`. */
llm_fault llm_request_scanned(llm_fault fault, size_t where, size_t n,
                              unsigned depth, llm_fault_detail *detail,
                              apr_pool_t *p);

/* The same for a body that must name its model. */
llm_fault llm_request_read(llm_request_reading *in, llm_fault fault,
                           size_t where, unsigned depth, apr_pool_t *p);

/* The body for a provider that calls the model `name`, and nothing else of it
 * touched; whole or not at all. */
llm_fault llm_request_pass(const llm_request *request, const char *name,
                           llm_buf *out);

/* What stands in the model's place for a provider that calls it `name`. */
llm_fault llm_request_put_model(const llm_request *request, const char *name,
                                llm_buf *out);

#endif
