/* A provider without a network: what it does, one timed step after another.
 *
 * The engine plays the steps (src/upstream/play.c) as if they had come from
 * a socket; who makes them (src/wire/echo.c) knows neither sockets nor time.
 */
#ifndef LLM_STEP_H
#define LLM_STEP_H

#include <stddef.h>
#include <apr_time.h>

typedef enum llm_step_kind {
    LLM_STEP_HEAD,              /* status and header fields */
    LLM_STEP_BYTES,             /* a piece of the body */
    LLM_STEP_END,               /* the answer is whole */
    LLM_STEP_REFUSE,            /* as if nobody listened */
    LLM_STEP_RESET,             /* the connection breaks */
    LLM_STEP_HANG               /* nothing more ever comes */
} llm_step_kind;

typedef struct llm_step {
    llm_step_kind kind;
    apr_interval_time_t wait;   /* passes before this step, microseconds */
    int status;                 /* HEAD */
    const char *type;           /* HEAD: content-type */
    const char *retry_after;    /* HEAD: its value, or NULL */
    const char *bytes;          /* BYTES: valid until the next call */
    size_t len;
} llm_step;

typedef struct llm_peer {
    /* A new conversation about one request; `options` is the text of the
     * provider's own directive ("" if none). NULL without memory. `body` is
     * only valid during the call. */
    void *(*open)(const char *path, const char *body, size_t n,
                  const char *options);
    /* The next step; after END, REFUSE, RESET or HANG it is not called. */
    void (*next)(void *self, llm_step *step);
    void (*close)(void *self);
} llm_peer;

#endif
