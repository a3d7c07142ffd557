#include "error.h"
#include <string.h>
#include "../base/text.h"

#define MESSAGE_MAX 1000        /* of a provider's message, bytes */
#define WORD_MAX 64             /* of its type, param and code */
#define SIZE_MOST 1000000000    /* tokens: no model takes more */

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

/* ---- a request that is too long ---------------------------------------- */

/* The number behind the first of these is the model's context. */
static const char *const before_size[] = {
    "maximum context length is ", "maximum context length of ",
    "maximum context length: ", "maximum prompt length is ",
    "maximum model length of ", "configured limit of ", "tokens allowed (",
    "available context size (", "too large for model with ", " > "
};

/* With or without commas between its digits; 0 for none, or too many. */
static long long number_at(const char *text)
{
    long long n = 0;

    for (; n <= SIZE_MOST; text++)
        if (*text >= '0' && *text <= '9')
            n = n * 10 + (*text - '0');
        else if (*text != ',')
            return n;
    return 0;
}

static long long size_in(const char *message)
{
    const char *at;
    size_t i;

    for (i = 0; i < sizeof before_size / sizeof *before_size; i++) {
        at = strstr(message, before_size[i]);
        if (at && number_at(at + strlen(before_size[i])))
            return number_at(at + strlen(before_size[i]));
    }
    return 0;
}

int llm_error_is_too_long(const char *message, long long *context)
{
    static const char *const known[] = {
        "maximum context length",       /* OpenAI, vLLM, Mistral */
        "exceeds the context window", "exceed the configured limit of",
        "prompt is too long", "exceed context limit",   /* Anthropic */
        "Input is too long for requested model",        /* Bedrock */
        "exceeds the maximum number of tokens",         /* Gemini */
        "exceeds the maximum number of input tokens",
        "maximum prompt length",                        /* xAI */
        "longer than the maximum model length",         /* vLLM */
        "exceeds the available context size"            /* llama.cpp */
    };
    size_t i;

    *context = 0;
    for (i = 0; i < sizeof known / sizeof *known; i++)
        if (strstr(message, known[i])) {
            *context = size_in(message);
            return 1;
        }
    return 0;
}

/* ---- a key that has spent all it may ------------------------------------ */

int llm_error_is_spent(const char *message)
{
    static const char *const known[] = {
        "exceeded your current quota",          /* OpenAI, Gemini */
        "Billing hard limit has been reached",
        "please check your billing details",
        "credit balance is too low",            /* Anthropic */
        "reached your specified API usage limits",
        "Insufficient credits"                  /* OpenRouter */
    };
    size_t i;

    for (i = 0; i < sizeof known / sizeof *known; i++)
        if (strstr(message, known[i]))
            return 1;
    return 0;
}
