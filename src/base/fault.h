/* All that can go wrong, once.
 *
 * Pure code returns an llm_fault and nothing else; what a fault means to a
 * client, to the log and to the route is read from the one table below.
 * No other file holds a status code or an error sentence for a fault.
 *
 * Any thread of any process may call everything here.
 */
#ifndef LLM_FAULT_H
#define LLM_FAULT_H

/* What the route does when a target ends with this fault before anything
 * was sent to the client (DESIGN, "What may go wrong"). */
typedef enum llm_next {
    LLM_NEXT_STOP,              /* the client gets this fault */
    LLM_NEXT_KEY,               /* the key rests; another key, at once */
    LLM_NEXT_WAIT,              /* the key rests for as long as was said;
                                 * another key, or the same target after it */
    LLM_NEXT_AGAIN,             /* the same target after a back-off */
    LLM_NEXT_TARGET,            /* the next target, at once */
    LLM_NEXT_OTHER,             /* the same; but this one did nothing wrong */
    LLM_NEXT_CONTEXT,           /* the next target that may take more */
    LLM_NEXT_CONTENT            /* the next target if on=content says so */
} llm_next;

/* Whether it is the provider's doing, or the key's. */
static inline int llm_next_blames(llm_next next)
{
    return next >= LLM_NEXT_KEY && next <= LLM_NEXT_TARGET;
}

/* Whether the target's breaker counts it. */
static inline int llm_next_counts(llm_next next)
{
    return next == LLM_NEXT_AGAIN || next == LLM_NEXT_TARGET;
}

/* How loud the log is about it; the httpd skin maps these to APLOG_*. */
typedef enum llm_loudness {
    LLM_QUIET,                  /* debug: the client's own doing */
    LLM_NOTED,                  /* info: worth finding later */
    LLM_LOUD,                   /* error: an admin should look */
} llm_loudness;

/* name, word in logs and counters, HTTP status, OpenAI type, OpenAI code,
 * next, loudness, sentence.
 *
 * The OpenAI pairs follow the error list of the OpenAI API reference; a
 * fault of the provider keeps the type "upstream_error" that no OpenAI SDK
 * gives a meaning to, so that SDKs go by the status alone. */
#define LLM_FAULTS(X)                                                         \
    X(OK, "ok", 200, "", "", STOP, QUIET, "")                                 \
    X(BAD_JSON, "bad_json", 400, "invalid_request_error", "invalid_json",     \
      STOP, QUIET, "The request body is not valid JSON")                      \
    X(TOO_DEEP, "too_deep", 400, "invalid_request_error", "json_too_deep",    \
      STOP, QUIET, "The request body is nested too deeply")                   \
    X(BAD_REQUEST, "bad_request", 400, "invalid_request_error",               \
      "invalid_request", STOP, QUIET, "The request is not understood")        \
    X(TOO_LARGE, "too_large", 413, "invalid_request_error",                   \
      "request_too_large", STOP, QUIET, "The request body is too large")      \
    X(BAD_MEDIA, "bad_media", 415, "invalid_request_error",                   \
      "unsupported_media_type", STOP, QUIET,                                  \
      "The request body must be application/json")                           \
    X(NO_MODEL, "no_model", 404, "invalid_request_error", "model_not_found",  \
      STOP, QUIET, "The model does not exist")                                \
    X(NO_PATH, "no_path", 404, "invalid_request_error", "unknown_url",        \
      STOP, QUIET, "There is nothing at this path")                           \
    X(BAD_METHOD, "bad_method", 405, "invalid_request_error",                 \
      "method_not_supported", STOP, QUIET, "The method is not supported")     \
    X(BODY_CUT, "body_cut", 400, "invalid_request_error",                     \
      "incomplete_body", STOP, QUIET, "The request body ended early")         \
    X(BODY_SLOW, "body_slow", 408, "invalid_request_error",                   \
      "request_timeout", STOP, QUIET,                                         \
      "The request body did not come in time")                                \
    X(BUSY, "busy", 503, "server_error", "overloaded", STOP, NOTED,           \
      "The gateway has as many calls in flight as it may have")               \
    X(STOPPING, "stopping", 503, "server_error", "stopping", STOP, QUIET,     \
      "The gateway is stopping")                                              \
    X(CLIENT_GONE, "client_gone", 499, "invalid_request_error",               \
      "client_gone", STOP, QUIET, "The client left before the answer ended")  \
    X(REFUSED_KEY, "refused_key", 502, "upstream_error",                      \
      "provider_key_refused", KEY, LOUD,                                      \
      "The provider refused the gateway's key")                               \
    X(LIMITED, "limited", 429, "rate_limit_error", "rate_limit_exceeded",     \
      WAIT, NOTED, "The provider's rate limit is reached")                    \
    X(OVERLOADED, "overloaded", 503, "upstream_error", "provider_overloaded", \
      AGAIN, NOTED, "The provider is overloaded")                             \
    X(FAILED, "failed", 502, "upstream_error", "provider_failed", AGAIN,      \
      NOTED, "The provider failed")                                           \
    X(UNREACHABLE, "unreachable", 502, "upstream_error",                      \
      "provider_unreachable", AGAIN, LOUD,                                    \
      "The provider could not be reached")                                    \
    X(UNTRUSTED, "untrusted", 502, "upstream_error", "provider_untrusted",    \
      TARGET, LOUD, "The provider's TLS certificate was not accepted")        \
    X(SLOW, "slow", 504, "upstream_error", "provider_timeout", TARGET, NOTED, \
      "The provider did not answer in time")                                  \
    X(SLUGGISH, "sluggish", 504, "upstream_error", "provider_sluggish",       \
      TARGET, NOTED, "The provider's answer came too slowly")                 \
    X(RESET, "reset", 502, "upstream_error", "provider_reset", AGAIN, NOTED,  \
      "The provider closed the connection before it answered")                \
    X(GARBAGE, "garbage", 502, "upstream_error", "provider_garbage", TARGET,  \
      LOUD, "The provider's answer is not understood")                        \
    X(ANSWER_TOO_LARGE, "answer_too_large", 502, "upstream_error",            \
      "answer_too_large", STOP, LOUD,                                         \
      "The provider's answer is larger than the gateway allows")              \
    X(CUT, "cut", 502, "upstream_error", "provider_cut", AGAIN, NOTED,        \
      "The provider's answer ended before it was whole")                      \
    X(STALLED, "stalled", 504, "upstream_error", "provider_stalled", TARGET,  \
      NOTED, "The provider's answer stopped coming")                          \
    X(CONTEXT, "context", 400, "invalid_request_error",                       \
      "context_length_exceeded", CONTEXT, QUIET,                              \
      "The request is longer than the model's context")                       \
    X(POLICY, "policy", 400, "invalid_request_error",                         \
      "content_policy_violation", CONTENT, QUIET,                             \
      "The provider refused the content")                                     \
    X(UNSUPPORTED, "unsupported", 400, "invalid_request_error",               \
      "unsupported_parameter", OTHER, QUIET,                                  \
      "The provider cannot do what the request asks for")                     \
    X(REJECTED, "rejected", 400, "invalid_request_error", "rejected", STOP,   \
      QUIET, "The provider rejected the request")                             \
    X(DIED, "died", 500, "server_error", "internal_error", STOP, LOUD,        \
      "The gateway process that answered this call died")                     \
    X(INTERNAL, "internal", 500, "server_error", "internal_error", STOP,      \
      LOUD, "The gateway failed")

typedef enum llm_fault {
#define X(name, word, status, type, code, next, loud, text) LLM_##name,
    LLM_FAULTS(X)
#undef X
    LLM_FAULT_COUNT
} llm_fault;

/* One row of the table. `type` and `code` are OpenAI's; the other dialects
 * derive theirs from the status and this row in their own file. */
typedef struct llm_fault_row {
    const char *word;
    int status;
    const char *type;
    const char *code;
    llm_next next;
    llm_loudness loudness;
    const char *text;           /* a sentence without its full stop */
} llm_fault_row;

/* Never NULL; an unknown number reads as LLM_INTERNAL. */
const llm_fault_row *llm_fault_of(llm_fault fault);

/* What went wrong in one call: the fault and what is known beyond it.
 * Strings belong to whoever made the detail, usually the call's pool. */
typedef struct llm_fault_detail {
    llm_fault fault;
    int status;                 /* 0: the table's; else the provider's own */
    int retry_after_ms;         /* 0: not known */
    long long context;          /* CONTEXT: the tokens that the model takes, as
                                 * its provider said; 0: it did not */
    const char *text;           /* NULL: the table's sentence */
    const char *param;          /* NULL, or the request's member at fault */
    const char *type;           /* NULL: the table's; else the provider's */
    const char *code;           /* NULL: the table's; else the provider's */
} llm_fault_detail;

int llm_fault_status(const llm_fault_detail *detail);

#endif
