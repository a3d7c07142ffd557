/* The Test Anything Protocol in C: one result a line, the plan at the end.
 *
 *     int main(void)
 *     {
 *         ok(llm_text_is_name("a", 8), "one letter is a name");
 *         is_int(add(1, 2), 3, "%d and %d", 1, 2);
 *         return done();
 *     }
 *
 * Every check is 1 if it held, takes a printf format for its name, and says
 * in which file and line it failed, what came and what was wanted. A test
 * that dies before done() has printed no plan, so prove fails it.
 * One thread only.
 */
#ifndef LLM_TAP_H
#define LLM_TAP_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TAP_UNUSED __attribute__((unused))

static int tap_run, tap_failed;

/* Any expression that is true or false. */
#define ok(cond, ...) tap_ok((cond) ? 1 : 0, __FILE__, __LINE__, __VA_ARGS__)

/* Whole numbers that fit a long long: got, wanted. */
#define is_int(got, want, ...)                                                \
    tap_int((long long)(got), (long long)(want), __FILE__, __LINE__,          \
            __VA_ARGS__)

/* Strings, either of which may be NULL: got, wanted. */
#define is_str(got, want, ...)                                                \
    tap_str((got), (want), __FILE__, __LINE__, __VA_ARGS__)

/* Bytes: got and how many, wanted and how many. */
#define is_mem(got, got_n, want, want_n, ...)                                 \
    tap_mem((got), (got_n), (want), (want_n), __FILE__, __LINE__, __VA_ARGS__)

TAP_UNUSED __attribute__((format(printf, 4, 0)))
static int tap_result(int held, const char *file, int line,
                      const char *format, va_list args)
{
    printf("%sok %d - ", held ? "" : "not ", ++tap_run);
    vprintf(format, args);
    putchar('\n');
    if (!held) {
        tap_failed++;
        printf("#   at %s line %d\n", file, line);
    }
    fflush(stdout);
    return held;
}

/* Bytes on one line of comment, whatever they are. */
TAP_UNUSED
static void tap_show(const char *word, const void *bytes, size_t n)
{
    const unsigned char *at = bytes;
    const size_t most = 200;

    if (!at) {
        printf("#   %s: NULL\n", word);
        return;
    }
    printf("#   %s: (%zu) \"", word, n);
    for (size_t i = 0; i < n && i < most; i++) {
        if (at[i] == '"' || at[i] == '\\')
            printf("\\%c", at[i]);
        else if (at[i] >= ' ' && at[i] < 0x7f)
            putchar(at[i]);
        else
            printf("\\x%02x", at[i]);
    }
    printf("\"%s\n", n > most ? "..." : "");
    fflush(stdout);
}

TAP_UNUSED __attribute__((format(printf, 4, 5)))
static int tap_ok(int held, const char *file, int line, const char *format,
                  ...)
{
    va_list args;

    va_start(args, format);
    tap_result(held, file, line, format, args);
    va_end(args);
    return held;
}

TAP_UNUSED __attribute__((format(printf, 5, 6)))
static int tap_int(long long got, long long want, const char *file, int line,
                   const char *format, ...)
{
    va_list args;

    va_start(args, format);
    tap_result(got == want, file, line, format, args);
    va_end(args);
    if (got != want)
        printf("#   got: %lld\n#   wanted: %lld\n", got, want);
    return got == want;
}

TAP_UNUSED __attribute__((format(printf, 5, 6)))
static int tap_str(const char *got, const char *want, const char *file,
                   int line, const char *format, ...)
{
    const int held = got && want ? !strcmp(got, want) : got == want;
    va_list args;

    va_start(args, format);
    tap_result(held, file, line, format, args);
    va_end(args);
    if (!held) {
        tap_show("got", got, got ? strlen(got) : 0);
        tap_show("wanted", want, want ? strlen(want) : 0);
    }
    return held;
}

TAP_UNUSED __attribute__((format(printf, 7, 8)))
static int tap_mem(const void *got, size_t got_n, const void *want,
                   size_t want_n, const char *file, int line,
                   const char *format, ...)
{
    const int held = got_n == want_n
        && (!got_n || (got && want && !memcmp(got, want, got_n)));
    va_list args;

    va_start(args, format);
    tap_result(held, file, line, format, args);
    va_end(args);
    if (!held) {
        tap_show("got", got, got_n);
        tap_show("wanted", want, want_n);
    }
    return held;
}

/* The plan, and what main returns: 0 if something was checked and held. */
TAP_UNUSED
static int done(void)
{
    printf("1..%d\n", tap_run);
    if (tap_failed)
        printf("# %d of %d failed\n", tap_failed, tap_run);
    fflush(stdout);
    return tap_failed || !tap_run;
}

#endif
