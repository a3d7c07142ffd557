/* The call: admit, ask, answer, settle, as one state machine without I/O.
 *
 * Whoever runs it (src/httpd/gateway.c, parked or in its thread; the tests
 * with a simulated clock and provider) does what llm_call_next says until it
 * says LLM_CALL_OVER, and then settles:
 *
 *     admit ─▶ ASK ─▶ WAIT ─▶ arrived ─┬▶ SEND ─▶ sent ─┬▶ WAIT ...
 *               ▲                      │                └▶ OVER ─▶ settle
 *               └── next target ◀── fault before the client got anything
 *
 * A call belongs to one thread at a time. It never asks for the time: every
 * function that needs it is given `now`, in microseconds.
 */
#ifndef LLM_CALL_H
#define LLM_CALL_H

#include "../meter/series.h"
#include "../route/model.h"
#include "../upstream/exchange.h"
#include "../wire/eventstream.h"
#include "../wire/gauge.h"
#include "../wire/sse.h"
#include "../wire/translate.h"
#include "provider.h"

/* How much of a stream must have come before its client gets any of it. */
typedef struct llm_hold {
    int given;                  /* the configuration says something */
    long chars;                 /* of output; 0: however many */
    apr_interval_time_t time;   /* since the first output; 0: however long */
} llm_hold;

/* Settings a call runs under. */
typedef struct llm_call_limits {
    apr_size_t max_answer;      /* bytes of an answer */
    unsigned max_depth;         /* of the request's JSON */
    unsigned max_in_flight;     /* calls, over all children */
    int recover;                /* streams that are cut are gone on with */
    apr_interval_time_t keep_alive;     /* a client that waits for a stream
                                         * gets a sign of life so often; 0:
                                         * never */
    llm_hold hold;              /* both 0: its first output is enough */
    int direct;                 /* "provider/model" may be asked for of any
                                 * provider; 0: as lines have it; -1: where
                                 * the models are open to any name */
    int drop_unsupported;       /* 1: what a target cannot be told is left
                                 * out and named; 0: it is refused */
    const apr_array_header_t *facts;    /* of llm_facts; NULL: none known */
    llm_health_area health;     /* of targets and keys; none: all are well */
    int (*may)(const void *when, void *baton);  /* whether a target's condition
                                 * holds for this request; NULL: all do */
    void (*fared)(const llm_fault_detail *detail, void *baton); /* told how
                                 * each attempt ended, while call->target is
                                 * still its; LLM_OK: well. May be NULL */
    void *baton;
    uint64_t random;            /* another number for every call */
    uint32_t (*reap)(void);     /* asked when none is free: settles the calls
                                 * of dead processes; how many. May be NULL */
} llm_call_limits;

typedef enum llm_call_want {
    LLM_CALL_ASK,               /* submit call->body to call->target */
    LLM_CALL_WAIT,              /* for news, or until llm_call_deadline */
    LLM_CALL_SEND,              /* the head if sent_head is 0, and what
                                 * llm_call_take_out gives */
    LLM_CALL_OVER
} llm_call_want;

typedef enum llm_call_state {
    LLM_CALL_ADMITTED,          /* nothing asked yet, or the next target due */
    LLM_CALL_RESTING,           /* the same target is asked again in a while */
    LLM_CALL_ASKED,             /* no usable head yet */
    LLM_CALL_GATHERING,         /* a whole answer, or an error's body */
    LLM_CALL_HOLDING,           /* a stream before it is proven: its first
                                 * output, or more */
    LLM_CALL_STREAMING,         /* the client has some of it, or gets it
                                 * next */
    LLM_CALL_ENDED
} llm_call_state;

typedef struct llm_call {
    /* given */
    apr_pool_t *pool;
    llm_face face;              /* how the client speaks */
    const llm_meter *meter;
    const llm_call_limits *limits;
    const char *customer;
    uint32_t child;

    const char *fallback;       /* x-llm-fallback, NULL: none */

    /* the request */
    llm_buf trimmed;            /* the body, when it is not the client's */
    apr_array_header_t *names;  /* const char *: fallbacks that it brought */
    llm_request request;
    const llm_model *model;
    const char *parameters;     /* "?..." of the model's name, or "" */

    /* where it stands */
    llm_call_state state;
    llm_plan *plan;             /* NULL before admission */
    int attempt;                /* requests to providers so far */
    const llm_target *target;
    llm_times times;            /* of the target: as it says itself, else as
                                 * its provider does */
    const llm_endpoint *endpoint;       /* of the key in use */
    const llm_way *way;         /* the key in use; NULL: there is but one */
    apr_time_t again_at;        /* RESTING: until when */
    llm_buf log;                /* what a stream passed on as it was: events'
                                 * data, each with its length before it */
    llm_buf said;               /* the text that the client has, once a stream
                                 * was cut, or all along where it is
                                 * translated */
    int log_lost;               /* it was too much */
    long long outgrown;         /* tokens of the largest context that was too
                                 * small; 0: of none that is known */
    int recoveries;
    int prefilled;              /* the target was told what was said */
    llm_usage spent;            /* by attempts before, each counted on its
                                 * own row */
    size_t said_before;         /* bytes of `said` when this attempt began */
    llm_fault ended_by;         /* what broke off a stream after all was
                                 * said; LLM_OK: it had its end */
    const char *tried;          /* names of the providers asked; NULL */
    const llm_dialect *spoken;  /* what it is asked in */
    llm_translation *translation;       /* NULL: that is the client's own, and
                                         * everything goes through as it is */
    llm_translation *translations;      /* the call's one; NULL: none yet */
    int estimated;              /* tokens were counted here, about */
    const char *dropped;        /* names of what was left out; NULL: none */
    const char *target_model;   /* the model's name at the target */
    llm_fault_detail first_fault;       /* of the first target */
    llm_fault_detail fault;     /* how the call ends; LLM_OK: answered */
    int32_t slot;               /* in the meter; -1: none */
    uint32_t row;
    int settled;

    /* this attempt */
    llm_buf body;               /* for the provider; the runner takes it */
    llm_head head;
    const char *trouble;        /* what the network said, for the log; NULL */
    llm_buf answer;             /* gathered */
    llm_sse sse;
    llm_eventstream events;     /* instead of it, where a service has them */
    int done, finished;         /* end marker, all finish reasons seen */
    int summed_up;              /* usage came in an event of its own, which is
                                 * a stream's last */
    uint64_t choices, finishes; /* of several answers, those that began and
                                 * those that have a finish reason */
    unsigned long skipped;      /* malformed events */
    size_t received;            /* bytes of this attempt's answer */
    llm_usage usage;
    llm_gauge gauge;            /* what came of its output */
    int probed;                 /* it is quick enough, or need not be */

    /* for the client */
    int status;
    const char *type;           /* content-type */
    llm_frame frame;            /* of a stream */
    llm_buf out;
    llm_buf aside;              /* goes out before it: a sign of life */
    int committed;              /* the client has, or will have, some of the
                                 * answer: what is in `out` */
    int given;                  /* some of it was handed over: up to then it
                                 * can be taken back */
    int sent_head;              /* before that if `aside` was first: then the
                                 * next target may still be turned to */
    long long bytes_out;

    /* times, microseconds since 1970; 0: not yet. `first` is that of the
     * answer which the client has or may still get: not of an error, nor of
     * what was given up. */
    apr_time_t started, asked, first, last, ended;
    apr_time_t silent_until;    /* the first byte may take so long */
    apr_time_t heard;           /* when the client was last sent something */
} llm_call;

/* A call begins when its head was read. The fields under "given" are set;
 * everything else is zero. */
void llm_call_begin(llm_call *call, apr_time_t now);

/* A call about `body` (which outlives it). Reads the request, finds the
 * model, takes a slot. Whatever comes out, llm_call_next tells what to do:
 * a refused call has an error to SEND. */
void llm_call_admit(llm_call *call, const llm_models *models,
                    const char *body, size_t n, apr_time_t now);

/* An answer of the gateway's own: `detail` in the client's dialect. */
void llm_call_refuse(llm_call *call, const llm_fault_detail *detail,
                     apr_time_t now);

llm_call_want llm_call_next(const llm_call *call);

/* ASK: where at the provider; from the call's pool. */
const char *llm_call_path(const llm_call *call);

/* ASK: header lines of this request alone, each ended by '\n'; NULL: none. */
const char *llm_call_fields(const llm_call *call);

/* After ASK. */
void llm_call_was_asked(llm_call *call, apr_time_t now);

/* After WAIT: takes over the arrival's bytes. An arrival without news only
 * lets the time pass. */
void llm_call_arrived(llm_call *call, llm_arrival *arrival, apr_time_t now);

/* When something must happen if nothing arrives. */
apr_time_t llm_call_deadline(const llm_call *call);

/* After SEND: hands over what to send; the caller's from here on. */
void llm_call_take_out(llm_call *call, llm_buf *out);

/* The client is gone, or the worker cannot go on. */
void llm_call_abandon(llm_call *call, llm_fault fault, apr_time_t now);

/* Counts the call, once however often it is called, and frees what it
 * holds. */
void llm_call_settle(llm_call *call, apr_time_t now);

#endif
