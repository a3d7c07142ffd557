/* The errors of the echo provider, in OpenAI's shape. They are a provider's
 * answers, not the gateway's faults. Pure; any thread.
 */
#ifndef LLM_ECHO_ERROR_H
#define LLM_ECHO_ERROR_H

#include "../base/text.h"

typedef struct llm_echo_error {
    int status;
    const char *type;
    const char *code;           /* NULL: null */
    char param[48];             /* "": null; longer ones are cut */
    char text[320];
} llm_echo_error;

/* Fills in an error; always LLM_BAD_REQUEST. `param` and `code` may be NULL
 * for null; `code` must outlive the error. */
llm_fault llm_echo_error_set(llm_echo_error *error, int status,
                             const char *param, const char *code,
                             const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The error that a provider answers with this status. */
void llm_echo_error_of(llm_echo_error *error, int status);

/* Adds {"error":{...}}. Faults are llm_buf_add's. */
llm_fault llm_echo_error_write(const llm_echo_error *error, llm_buf *out);

#endif
