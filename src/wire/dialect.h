/* A dialect: how one family of model APIs writes its requests, answers,
 * events and errors. One file each, both directions; this is its shape.
 *
 * Pure; any thread. Bytes are given and made, nothing is sent here.
 */
#ifndef LLM_DIALECT_H
#define LLM_DIALECT_H

#include <stdint.h>
#include <apr_pools.h>
#include "../base/scan.h"
#include "../base/secret.h"
#include "../base/text.h"
#include "../meter/usage.h"
#include "facts.h"
#include "frame.h"
#include "gauge.h"
#include "message.h"

#define LLM_MODEL_MAX 256       /* bytes of a model's name in a request */

/* What is asked for. A provider is asked with a dialect of the same
 * operation as the client's. */
typedef enum llm_operation {
    LLM_OP_CHAT, LLM_OP_EMBED, LLM_OP_COUNT
} llm_operation;

/* What the gateway must know of a client's request; the rest of it stays
 * where it is, in the bytes. The spans point into the body that was read.
 * Where the path says the model and whether to stream (Gemini), both are
 * there before the body is read. */
typedef struct llm_request {
    llm_span body;
    char model[LLM_MODEL_MAX];
    int stream;
    int wants_usage;            /* the client asked for usage in the stream */
    llm_span model_at;          /* the value's place; len 0: in the path */
    llm_span options_at;        /* that of stream_options; len 0: none */
    int options_null;           /* stream_options is null */
    llm_span usage_at;          /* that of include_usage in it; len 0: none */
} llm_request;

/* What one event of a provider's stream is to the gateway. */
typedef enum llm_event_kind {
    LLM_EVENT_PIECE,            /* goes on to the client */
    LLM_EVENT_USAGE,            /* only usage: goes on if it was asked for */
    LLM_EVENT_PING,             /* goes on, and says nothing */
    LLM_EVENT_DONE,             /* the end marker */
    LLM_EVENT_ERROR,            /* the provider gave up */
    LLM_EVENT_MALFORMED         /* not this dialect: skipped */
} llm_event_kind;

typedef struct llm_event {
    llm_event_kind kind;
    int has_output;             /* a token, a tool call's part, a refusal */
    llm_gauge said;             /* and how much of it */
    int has_finish;             /* a finish reason */
    uint64_t choices;           /* which answers of several it is of, a bit
                                 * each; 0: there is but one */
    uint64_t finishes;          /* of them, those with a finish reason */
    llm_usage usage;            /* in: as far as it was known before this
                                 * event; out: brought up to date */
    llm_span usage_null;        /* "usage":null with its comma, or len 0 */
} llm_event;

/* How the client speaks, beyond its dialect; the same for all its call but
 * for `model`. */
typedef struct llm_face {
    const struct llm_dialect *dialect;
    llm_framing framing;        /* of a stream */
    int wrapped;                /* the seed's {"result":...} around answers */
    const char *version;        /* its anthropic-version; NULL: none */
    const char *beta;           /* its anthropic-beta; NULL: none */
    const char *id;             /* for answers that need one: the gateway's
                                 * request id */
    const char *model;          /* who is asked, as its provider calls it: the
                                 * name of an answer that gives none */
    int wants_usage;            /* in a stream */
    int plain_id;               /* the client has had the answer's id as it
                                 * came */
    long long now;              /* seconds since 1970, of the call's start */
} llm_face;

/* How a provider is asked for a translated request. */
typedef struct llm_asking {
    const char *model;          /* as the provider calls it */
    const llm_facts *facts;     /* of that model; never NULL */
    int stream;
    int ask_usage;              /* it takes stream_options */
    const char *version;        /* of Anthropic's API; NULL: the newest */
    apr_pool_t *pool;
} llm_asking;

/* A dialect of conversations, to and from the inner form. Pools given are for
 * what is read; writers take scratch from llm_asking's and llm_chat's.
 *
 * A fault of read_request is the client's, and *detail says what is wrong,
 * with the member's path in `param`; one of write_request is LLM_BAD_REQUEST
 * with the client's name for it where a value cannot be said to the target.
 * Answers that are not understood are LLM_GARBAGE. */
typedef enum llm_carries {
    LLM_CARRIES_WORDS, LLM_CARRIES_PICTURES, LLM_CARRIES_MEDIA
} llm_carries;

typedef struct llm_chat_form {
    llm_fault (*read_request)(const llm_json *body, llm_chat *out,
                              llm_fault_detail *detail);
    llm_fault (*write_request)(const llm_chat *chat, const llm_asking *how,
                               llm_losses *lost, llm_buf *out,
                               llm_fault_detail *detail);

    /* A whole answer. Its usage is read by the dialect's read_answer. */
    llm_fault (*read_reply)(const llm_json *body, llm_reply *out,
                            apr_pool_t *p);
    llm_fault (*write_reply)(const llm_reply *reply, const llm_face *face,
                             llm_buf *out, apr_pool_t *p);

    llm_carries carries;        /* what its answers hold beside words; the
                                 * writers get nothing else */

    /* Events of kind PIECE, one by one, as deltas; `reader` is
     * reader_size zeroed bytes that live as long as the stream. Neither
     * usage nor the end is told: translate.c does that. `p` is cleared after
     * each event; what the reader keeps longer is from `keep`. */
    size_t reader_size;
    llm_fault (*read_piece)(void *reader, const llm_json *event,
                            llm_delta_fn each, void *baton, apr_pool_t *p,
                            apr_pool_t *keep);

    /* Deltas as the client's events, whole or not at all; `writer` as
     * above. */
    size_t writer_size;
    llm_fault (*write_delta)(void *writer, const llm_delta *delta,
                             const llm_face *face, llm_frame *frame,
                             llm_buf *out, apr_pool_t *p, apr_pool_t *keep);

    /* An event went to the client as a provider of this dialect wrote it, and
     * its deltas to the writer: what the writer must know beyond them. May be
     * NULL. */
    void (*passed)(void *writer, const llm_json *event);
} llm_chat_form;

typedef struct llm_embed_form {
    llm_fault (*read_request)(const llm_json *body, llm_embedding *out,
                              llm_fault_detail *detail, apr_pool_t *p);
    llm_fault (*write_request)(const llm_embedding *embedding,
                               const llm_asking *how, llm_losses *lost,
                               llm_buf *out, llm_fault_detail *detail);
    llm_fault (*read_reply)(const llm_json *body, llm_vectors *out,
                            apr_pool_t *p);
    llm_fault (*write_reply)(const llm_vectors *vectors,
                             const llm_embedding *asked,
                             const llm_face *face, llm_buf *out);
} llm_embed_form;

/* An entry of a list of models. */
typedef struct llm_model_entry {
    const char *id;
    const char *owner;          /* the first target's provider */
    long long created;          /* seconds since 1970 */
    const llm_facts *facts;     /* never NULL */
} llm_model_entry;

typedef struct llm_dialect {
    const char *name;           /* "anthropic", "openai-responses" */
    llm_operation operation;

    /* Follows a provider's base URL; `model` as the provider calls it. */
    const char *(*path)(const char *model, int stream, apr_pool_t *p);

    /* A client's request. On a fault *detail says what is wrong (its texts
     * from `p`). */
    llm_fault (*read_request)(const char *body, size_t n, unsigned depth,
                              llm_request *out, llm_fault_detail *detail,
                              apr_pool_t *p);

    /* The same request for a provider of the same dialect: only the model's
     * name is exchanged and, with `ask_usage`, usage asked for. */
    llm_fault (*pass_request)(const llm_request *request, const char *model,
                              int ask_usage, llm_buf *out);

    /* A whole answer: LLM_OK and its usage, LLM_GARBAGE, or LLM_FAILED when
     * it is an error in spite of its status. */
    llm_fault (*read_answer)(const char *body, size_t n, llm_usage *usage);

    int named;                  /* its events have names */
    void (*read_event)(const char *data, size_t n, llm_event *event);

    /* What a provider's error means. `status` is its HTTP status, 0 within a
     * stream. Texts of the detail are from `p`, clean of `secret`. */
    void (*read_error)(int status, const char *body, size_t n,
                       const llm_secret *secret, llm_fault_detail *out,
                       apr_pool_t *p);

    /* An error as this dialect's clients expect it: a body, or (`frame`) an
     * event of a stream. */
    llm_fault (*write_error)(const llm_fault_detail *detail,
                             const llm_face *face, llm_frame *frame,
                             llm_buf *out);

    /* The end marker of a stream that the provider forgot to send: an
     * event's name and data; data NULL: it has none. */
    const char *end_name, *end_data;

    /* An event that says nothing, for a stream that has begun; NULL: a
     * comment does. */
    const char *ping_name, *ping_data;

    /* Lists of models in this dialect's shape; NULL: it has none. */
    llm_fault (*write_model)(const llm_model_entry *entry, llm_buf *out);
    llm_fault (*write_models)(const llm_model_entry *entries, int n,
                              llm_buf *out);

    const llm_chat_form *chat;          /* CHAT and COUNT */
    const llm_embed_form *embed;        /* EMBED */
    llm_fault (*write_count)(long long tokens, const llm_face *face,
                             llm_buf *out);     /* COUNT */
} llm_dialect;

extern const llm_dialect llm_openai, llm_openai_completions,
    llm_openai_responses, llm_openai_embeddings, llm_anthropic,
    llm_anthropic_count, llm_gemini, llm_gemini_count, llm_gemini_embed,
    llm_gemini_embeds, llm_seed;

llm_fault llm_openai_write_model(const llm_model_entry *entry, llm_buf *out);
llm_fault llm_openai_write_models(const llm_model_entry *entries, int n,
                                  llm_buf *out);

#endif
