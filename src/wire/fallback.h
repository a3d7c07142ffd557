/* The chain that a client brings in its request: "models" (all of them, the
 * first being asked first) and "fallbacks" (after "model"), each an array of
 * names or of {"model": name}. They are the gateway's, not the provider's.
 *
 * Pure; any thread.
 */
#ifndef LLM_FALLBACK_H
#define LLM_FALLBACK_H

#include <apr_pools.h>
#include <apr_tables.h>
#include "../base/fault.h"
#include "../base/text.h"

#define LLM_FALLBACKS_MOST 8

/* 1 if `body` may hold such members: then they must be looked for. */
int llm_fallback_may_be_in(const char *body, size_t n);

/* Adds the names to `names` (of const char *, from `p`) and writes the body
 * without those members to `rest`; a body without "model" gets the first of
 * "models" for it, which then is not among the names. A body that is not JSON
 * is written as it is, for its reader to refuse. LLM_BAD_REQUEST with *detail
 * when they are no lists of names. */
llm_fault llm_fallback_take(const char *body, size_t n, unsigned depth,
                            apr_array_header_t *names, llm_buf *rest,
                            llm_fault_detail *detail, apr_pool_t *p);

/* Names from a header's value, separated by commas. */
llm_fault llm_fallback_header(const char *value, apr_array_header_t *names,
                              llm_fault_detail *detail, apr_pool_t *p);

#endif
