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

#define RATE "min-rate="
#define RATE_MOST 1000000       /* characters */
#define PROBE_MOST apr_time_from_sec(600)
#define ROOM 32                 /* for a number and its NUL */

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

static int is_rate(const char *word)
{
    return !strncmp(word, RATE, strlen(RATE));
}

int llm_times_has(const char *word)
{
    return is_rate(word) || find(word) < WORDS;
}

/* "100/5s"; 1 if understood. */
static int read_rate(llm_times *times, const char *value)
{
    const char *slash = strchr(value, '/');
    apr_interval_time_t probe;
    char number[ROOM];
    long rate;

    if (!strcmp(value, "off")) {
        times->rate = -1;
        times->probe = 0;
        return 1;
    }
    if (!slash || slash - value >= ROOM)
        return 0;
    memcpy(number, value, slash - value);
    number[slash - value] = '\0';
    if (!llm_text_number(number, 1, RATE_MOST, &rate)
        || !llm_text_duration(slash + 1, &probe) || probe < LEAST
        || probe > PROBE_MOST)
        return 0;
    times->rate = rate;
    times->probe = probe;
    return 1;
}

const char *llm_times_read(llm_times *times, const char *word)
{
    size_t i = find(word);
    apr_interval_time_t value;

    if (is_rate(word))
        return read_rate(times, word + strlen(RATE)) ? NULL
            : "needs characters, and the time they may take, such as "
              "min-rate=100/5s; or off";
    if (i == WORDS)
        return "is none of connect=, first=, whole=, idle=, total=, min-rate=";
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
    if (!times.rate) {
        times.rate = rest.rate;
        times.probe = rest.probe;
    }
    return times;
}
