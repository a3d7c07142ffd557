#include "times.h"
#include <stddef.h>
#include <string.h>
#include "text.h"

#define LEAST apr_time_from_msec(1)
#define MOST apr_time_from_sec(24 * 3600)

static const struct {
    const char *name;
    size_t at;
} words[] = {
    { "connect=", offsetof(llm_times, connect) },
    { "first=", offsetof(llm_times, first) },
    { "whole=", offsetof(llm_times, whole) },
    { "idle=", offsetof(llm_times, idle) },
    { "total=", offsetof(llm_times, total) },
};

#define WORDS (sizeof words / sizeof *words)

static apr_interval_time_t *place(llm_times *times, size_t word)
{
    return (apr_interval_time_t *)((char *)times + words[word].at);
}

/* Which word it is; WORDS: none. */
static size_t find(const char *word)
{
    size_t i;

    for (i = 0; i < WORDS; i++)
        if (!strncmp(word, words[i].name, strlen(words[i].name)))
            break;
    return i;
}

int llm_times_has(const char *word)
{
    return find(word) < WORDS;
}

const char *llm_times_read(llm_times *times, const char *word)
{
    size_t i = find(word);
    apr_interval_time_t value;

    if (i == WORDS)
        return "is none of connect=, first=, whole=, idle=, total=";
    if (!llm_text_duration(word + strlen(words[i].name), &value)
        || value < LEAST || value > MOST)
        return "needs a duration from 1ms to 24h, such as 500ms, 30s or 10m";
    *place(times, i) = value;
    return NULL;
}

llm_times llm_times_or(llm_times times, const llm_times *others)
{
    llm_times rest = *others;
    size_t i;

    for (i = 0; i < WORDS; i++)
        if (!*place(&times, i))
            *place(&times, i) = *place(&rest, i);
    return times;
}
