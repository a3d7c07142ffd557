/* What the echo provider was asked, and what it will therefore say.
 *
 * A token is a run of bytes that are not ASCII white space, with the white
 * space before it. prompt_tokens counts those of all texts of all messages;
 * the answer's are said one by one.
 *
 * Pure; an llm_echo_request belongs to one thread at a time.
 */
#ifndef LLM_ECHO_REQUEST_H
#define LLM_ECHO_REQUEST_H

#include <stddef.h>
#include <stdint.h>
#include "../base/text.h"
#include "echo_error.h"
#include "echo_options.h"

#define LLM_ECHO_PIECE 8192     /* content bytes of one token of fault=huge */
#define LLM_ECHO_MODEL 128      /* no model name is longer, with its NUL */

typedef struct llm_echo_request {
    llm_echo_options options;   /* brought within what was asked */
    uint64_t id;                /* a hash of the body */
    char model[LLM_ECHO_MODEL]; /* as it is answered */
    llm_buf text;               /* the answer, no white space at its end */
    llm_buf names;              /* of the tools, a NUL after each */
    unsigned names_count;
    long prompt_tokens;
    long said;                  /* tokens to say */
    long each;                  /* of them, those of one tool call */
    int limited;                /* max_tokens is why there are no more */
    int streamed;
    int wants_usage;            /* stream_options.include_usage */
} llm_echo_request;

/* Reads a body; `directive` is the provider's own options. LLM_BAD_REQUEST
 * with *error filled, LLM_INTERNAL without memory. The request is to be
 * freed whatever came back. */
llm_fault llm_echo_request_read(llm_echo_request *request, const char *body,
                                size_t n, const char *directive,
                                llm_echo_error *error);

/* The name of the tool that call `index` calls. */
const char *llm_echo_request_tool(const llm_echo_request *request,
                                  long index);

void llm_echo_request_free(llm_echo_request *request);

#endif
