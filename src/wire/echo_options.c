#include "echo_options.h"

#include <string.h>

#include "../base/text.h"

#define DURATION_MOST (apr_time_from_sec(3600))
#define TOKENS_MOST 1000000L
#define TOOLS_MOST 128L
#define RETRY_MOST 86400L
#define SIZE_MOST ((apr_size_t)4 << 30)
#define SIZE_USUAL ((apr_size_t)64 << 20)

void llm_echo_options_init(llm_echo_options *options)
{
    memset(options, 0, sizeof *options);
    options->length = options->at = options->retry = -1;
    options->size = SIZE_USUAL;
}

static int duration(const char *value, apr_interval_time_t *out)
{
    apr_interval_time_t us;

    if (!llm_text_duration(value, &us) || us > DURATION_MOST)
        return 0;
    *out = us;
    return 1;
}

static int size(const char *value, apr_size_t *out)
{
    apr_size_t bytes;

    if (!llm_text_size(value, &bytes) || bytes < 1 || bytes > SIZE_MOST)
        return 0;
    *out = bytes;
    return 1;
}

static int status(const char *value, int *out)
{
    static const short known[] = { 400, 401, 402, 403, 404, 408,
                                   429, 500, 502, 503, 504, 529 };
    long number;
    size_t i;

    if (!llm_text_number(value, 400, 599, &number))
        return 0;
    for (i = 0; i < sizeof known / sizeof *known; i++) {
        if (known[i] == number) {
            *out = (int)number;
            return 1;
        }
    }
    return 0;
}

static int fault(const char *value, llm_echo_options *options)
{
    static const struct {
        const char *word;
        llm_echo_fault fault;
    } known[] = {
        { "usage", LLM_ECHO_USAGE },         { "refuse", LLM_ECHO_REFUSE },
        { "reset", LLM_ECHO_RESET },         { "silent", LLM_ECHO_SILENT },
        { "late", LLM_ECHO_LATE },           { "cut", LLM_ECHO_CUT },
        { "stall", LLM_ECHO_STALL },         { "noend", LLM_ECHO_NOEND },
        { "malformed", LLM_ECHO_MALFORMED }, { "html", LLM_ECHO_HTML },
        { "context", LLM_ECHO_CONTEXT },     { "policy", LLM_ECHO_POLICY },
        { "huge", LLM_ECHO_HUGE },           { "nousage", LLM_ECHO_NOUSAGE },
        { "earlyerror", LLM_ECHO_EARLYERROR },
    };
    size_t i;

    if (status(value, &options->status)) {
        options->fault = LLM_ECHO_STATUS;
        return 1;
    }
    for (i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(value, known[i].word) == 0) {
            options->fault = known[i].fault;
            return 1;
        }
    }
    return 0;
}

static int set(llm_echo_options *options, const char *name, const char *value)
{
    if (strcmp(name, "delay") == 0)
        return duration(value, &options->delay);
    if (strcmp(name, "first") == 0)
        return duration(value, &options->first);
    if (strcmp(name, "pace") == 0)
        return duration(value, &options->pace);
    if (strcmp(name, "length") == 0)
        return llm_text_number(value, 0, TOKENS_MOST, &options->length);
    if (strcmp(name, "tools") == 0)
        return llm_text_number(value, 0, TOOLS_MOST, &options->tools);
    if (strcmp(name, "reasoning") == 0)
        return llm_text_number(value, 0, TOKENS_MOST, &options->reasoning);
    if (strcmp(name, "cached") == 0)
        return llm_text_number(value, 0, TOKENS_MOST, &options->cached);
    if (strcmp(name, "at") == 0)
        return llm_text_number(value, 0, TOKENS_MOST, &options->at);
    if (strcmp(name, "retry") == 0)
        return llm_text_number(value, 0, RETRY_MOST, &options->retry);
    if (strcmp(name, "size") == 0)
        return size(value, &options->size);
    if (strcmp(name, "fault") == 0)
        return fault(value, options);
    return 0;
}

static int read_word(llm_echo_options *options, const char *at, size_t n,
                     char bad[LLM_ECHO_WORD])
{
    char word[LLM_ECHO_WORD];
    char *equals;
    const int fits = n < sizeof word;

    if (!fits)
        n = sizeof word - 1;
    memcpy(word, at, n);
    word[n] = '\0';
    memcpy(bad, word, n + 1);
    equals = strchr(word, '=');
    if (!fits || !equals || strlen(word) != n)
        return 0;
    *equals = '\0';
    return set(options, word, equals + 1);
}

static int separates(char c, char separator)
{
    return c == separator || (separator == ' ' && c == '\t');
}

int llm_echo_options_read(llm_echo_options *options, const char *text,
                          size_t n, char separator, char bad[LLM_ECHO_WORD])
{
    const char *const end = text + n;
    const char *at = text, *stop;

    while (at < end) {
        if (separates(*at, separator)) {
            at++;
            continue;
        }
        for (stop = at; stop < end && !separates(*stop, separator); stop++)
            ;
        if (!read_word(options, at, (size_t)(stop - at), bad))
            return 0;
        at = stop;
    }
    return 1;
}
