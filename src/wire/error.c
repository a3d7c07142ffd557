#include "error.h"
#include <string.h>
#include "../base/text.h"

#define MESSAGE_MAX 1000        /* of a provider's message, bytes */
#define WORD_MAX 64             /* of its type, param and code */

llm_fault llm_error_of_status(int status)
{
    switch (status) {
    case 401: case 402: case 403:
        return LLM_REFUSED_KEY;
    case 429:
        return LLM_LIMITED;
    case 503: case 529:
        return LLM_OVERLOADED;
    case 408: case 504:
        return LLM_SLOW;
    }
    if (status >= 400 && status < 500)
        return LLM_REJECTED;
    return status >= 300 && status < 400 ? LLM_GARBAGE : LLM_FAILED;
}

const char *llm_error_word(const char *text, const llm_secret *secret,
                           apr_pool_t *p)
{
    const char *clean;

    if (!llm_text_is_name(text, WORD_MAX))
        return NULL;
    clean = llm_secret_redact(secret, text, strlen(text), p);
    return strcmp(clean, text) ? NULL : clean;
}

/* Cut only when it is clean: half a key would not be known for one. */
const char *llm_error_sentence(const char *text, const llm_secret *secret,
                               apr_pool_t *p)
{
    char *clean = llm_secret_redact(secret, text, strlen(text), p);

    if (strlen(clean) > MESSAGE_MAX)
        clean[llm_text_utf8(clean, MESSAGE_MAX)] = '\0';
    return clean;
}
