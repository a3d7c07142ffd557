/* How the echo provider is told to behave: words `name=value`.
 *
 *   delay=DUR    before the head                      (0)
 *   first=DUR    between the head and the first token (0)
 *   pace=DUR     between tokens                       (0)
 *   length=N     tokens to say, around the answer     (the answer once)
 *   tools=N      tool calls instead of text; length is each one's then (0)
 *   reasoning=N  reasoning tokens, on top of what is said              (0)
 *   cached=N     prompt tokens read from a cache, if there are so many (0)
 *   fault=WORD   what goes wrong, see below           (nothing)
 *   at=N         the token after which it does        (half of them)
 *   retry=N      seconds in the retry-after of 429 and 503             (none)
 *   size=N       content bytes of fault=huge          (64M)
 *
 * Pure; an llm_echo_options belongs to one thread at a time.
 */
#ifndef LLM_ECHO_OPTIONS_H
#define LLM_ECHO_OPTIONS_H

#include <stddef.h>
#include <apr_time.h>

/* `fault=` also takes the statuses 400 401 402 403 404 408 429 500 502 503
 * 504 529, which make an error of that status. */
typedef enum llm_echo_fault {
    LLM_ECHO_USAGE,             /* usage: nothing goes wrong */
    LLM_ECHO_STATUS,            /* a number: an error of that status */
    LLM_ECHO_REFUSE,            /* refuse: nobody listens */
    LLM_ECHO_RESET,             /* reset: broken before the head */
    LLM_ECHO_SILENT,            /* silent: nothing, not even a head */
    LLM_ECHO_LATE,              /* late: a head and nothing more */
    LLM_ECHO_CUT,               /* cut: broken after `at` tokens */
    LLM_ECHO_STALL,             /* stall: nothing more after `at` tokens */
    LLM_ECHO_MALFORMED,         /* malformed: one event is not JSON */
    LLM_ECHO_NOEND,             /* noend: no [DONE] */
    LLM_ECHO_HTML,              /* html: 200 and a page */
    LLM_ECHO_CONTEXT,           /* context: the prompt is too long */
    LLM_ECHO_POLICY,            /* policy: the prompt is refused */
    LLM_ECHO_HUGE,              /* huge: `size` bytes of content */
    LLM_ECHO_NOUSAGE,           /* nousage: no usage anywhere */
    LLM_ECHO_EARLYERROR         /* earlyerror: 200, then an error event */
} llm_echo_fault;

typedef struct llm_echo_options {
    apr_interval_time_t delay, first, pace;
    apr_size_t size;
    long length;                /* -1: the answer once */
    long at;                    /* -1: half of the tokens */
    long retry;                 /* -1: none */
    long tools;
    long reasoning;
    long cached;
    llm_echo_fault fault;
    int status;                 /* of LLM_ECHO_STATUS */
} llm_echo_options;

#define LLM_ECHO_WORD 64        /* no option is longer, with its NUL */

void llm_echo_options_init(llm_echo_options *options);

/* Takes in `n` bytes of words with `separator` (a blank also means tabs)
 * between them; the later of two wins. 1 if all was understood; else 0, and
 * the first wrong word, cut, is in `bad`. */
int llm_echo_options_read(llm_echo_options *options, const char *text,
                          size_t n, char separator, char bad[LLM_ECHO_WORD]);

#endif
