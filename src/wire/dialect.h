/* A dialect: how one family of model APIs writes its requests, answers,
 * events and errors. One file each, both directions; this is its shape.
 *
 * Pure; any thread. Bytes are given and made, nothing is sent here.
 */
#ifndef LLM_DIALECT_H
#define LLM_DIALECT_H

#include <apr_pools.h>
#include "../base/scan.h"
#include "../base/secret.h"
#include "../base/text.h"
#include "../meter/usage.h"

#define LLM_MODEL_MAX 256       /* bytes of a model's name in a request */

/* What the gateway must know of a client's request; the rest of it stays
 * where it is, in the bytes. The spans point into the body that was read. */
typedef struct llm_request {
    llm_span body;
    char model[LLM_MODEL_MAX];
    int stream;
    int wants_usage;            /* the client asked for usage in the stream */
    llm_span model_at;          /* the value's place */
    llm_span options_at;        /* that of stream_options; len 0: none */
    int options_null;           /* stream_options is null */
    llm_span usage_at;          /* that of include_usage in it; len 0: none */
} llm_request;

/* What one event of a provider's stream is to the gateway. */
typedef enum llm_event_kind {
    LLM_EVENT_PIECE,            /* goes on to the client */
    LLM_EVENT_USAGE,            /* only usage: goes on if it was asked for */
    LLM_EVENT_DONE,             /* the end marker */
    LLM_EVENT_ERROR,            /* the provider gave up */
    LLM_EVENT_MALFORMED         /* not this dialect: skipped */
} llm_event_kind;

typedef struct llm_event {
    llm_event_kind kind;
    int has_output;             /* a token, a tool call's part, a refusal */
    int has_finish;             /* a finish reason */
    llm_usage usage;
    llm_span usage_null;        /* "usage":null with its comma, or len 0 */
} llm_event;

typedef struct llm_dialect {
    const char *name;           /* as LLMDialect has it */
    const char *chat_path;      /* follows a provider's base URL */

    /* A client's request. On a fault *detail says what is wrong (its texts
     * from `p`). */
    llm_fault (*read_request)(const char *body, size_t n, unsigned depth,
                              llm_request *out, llm_fault_detail *detail,
                              apr_pool_t *p);

    /* The same request for a provider of the same dialect: only the model's
     * name is exchanged and, with `ask_usage`, usage asked for. */
    llm_fault (*pass_request)(const llm_request *request, const char *model,
                              int ask_usage, llm_buf *out);

    /* A whole answer: LLM_OK and its usage, or LLM_GARBAGE. */
    llm_fault (*read_answer)(const char *body, size_t n, llm_usage *usage);

    void (*read_event)(const char *data, size_t n, llm_event *out);

    /* What a provider's error means. `status` is its HTTP status, 0 within a
     * stream. Texts of the detail are from `p`, clean of `secret`. */
    void (*read_error)(int status, const char *body, size_t n,
                       const llm_secret *secret, llm_fault_detail *out,
                       apr_pool_t *p);

    /* An error as this dialect's clients expect it: a body, or (`event`) an
     * event of a stream. */
    llm_fault (*write_error)(const llm_fault_detail *detail, int event,
                             llm_buf *out);

    /* The end marker of a stream that the provider forgot to send. */
    const char *end_of_stream;
} llm_dialect;

/* NULL if there is none of that name. */
const llm_dialect *llm_dialect_find(const char *name);

extern const llm_dialect llm_openai;

/* A model list and one entry of it in OpenAI's shape. */
typedef struct llm_model_entry {
    const char *id;
    const char *owner;          /* the first target's provider */
    long long created;          /* seconds since 1970 */
} llm_model_entry;

llm_fault llm_openai_write_model(const llm_model_entry *entry, llm_buf *out);
llm_fault llm_openai_write_models(const llm_model_entry *entries, int n,
                                  llm_buf *out);

#endif
