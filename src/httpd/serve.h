/* Serving: one call of one request, from the body to the last byte, parked
 * or in the thread. The only file that moves bytes between the engine, the
 * call and the client. Worker, but for the child's start and end. */
#ifndef LLM_SERVE_H
#define LLM_SERVE_H

#include "httpd.h"
#include "park.h"
#include "../call/call.h"

typedef struct llm_serving {
    llm_parked parked;          /* first: park.c gives it back to us */
    request_rec *r;
    llm_call call;
    llm_call_limits limits;
    llm_buf body;               /* the client's */
    llm_exchange *exchange;     /* of this attempt */
    apr_bucket_brigade *bb;
    llm_buf out;                /* being sent */
    apr_size_t out_at;          /* up to where it is */
    int can_park;
    int resting;                /* the exchange only waits */
    int pumping;                /* this thread must not wait */
    apr_size_t unchecked;       /* bytes sent since it was seen to take some */
    int blocked;                /* the client must take what it has first */
    apr_time_t blocked_at;
    apr_interval_time_t gap;    /* between the last two arrivals */
    const char *request_id;
    const char *allow;          /* the method that a refused one should be */
} llm_serving;

/* Starts the engine for this child; without it every call is refused. */
void llm_serve_child_init(apr_pool_t *pchild, server_rec *s);

/* Any thread of the child, once it has begun; NULL: it has none. */
llm_engine *llm_serve_engine(void);

/* Any thread of the child: its process id, without asking the system. */
pid_t llm_serve_pid(void);

/* child_stopping: unless it is graceful, threads that wait stop waiting. */
void llm_serve_child_stopping(apr_pool_t *pchild, int graceful);

/* A serving for this request, in its pool; the call has begun. NULL when the
 * child has no engine or no meter. */
llm_serving *llm_serve_begin(request_rec *r, const llm_face *face);

/* Runs the call, which was admitted or refused. The handler's verdict: OK or
 * SUSPENDED. */
int llm_serve_run(llm_serving *serving);

#endif
