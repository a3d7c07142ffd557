/* Waiting without a thread, on the event MPM of stock httpd 2.4.63 and later.
 *
 * A process_connection hook may return a connection in the state
 * CONN_STATE_ASYNC_WAITIO: the MPM then polls the connection's socket and
 * calls process_connection again when it is readable. The MPM takes the
 * descriptor out of the apr_socket_t each time, so while a call waits we lend
 * it another one: an eventfd that the engine writes to when there is news, or
 * when the client goes away. The client's own is put back before anything
 * else touches the connection:
 *
 *   worker 1   process ─▶ (nested) core reads the request ─▶ handler returns
 *              SUSPENDED ─▶ state ASYNC_WAITIO ─▶ suspend_connection lends
 *   MPM        polls the eventfd among all others; no thread waits
 *   worker 2   resume_connection gives back ─▶ process ─▶ the call goes on,
 *              and is parked again, or the request is finished as any other
 *
 * resume_connection also runs when the MPM closes a parked connection, so it
 * closes the client's descriptor and not ours; the request's pool then
 * settles the call.
 */
#ifndef LLM_PARK_H
#define LLM_PARK_H

#include "httpd.h"

typedef enum llm_park_verdict {
    LLM_PARK_AGAIN,             /* it waits for news */
    LLM_PARK_DONE               /* the request is answered */
} llm_park_verdict;

/* What waits on a parked connection. */
typedef struct llm_parked {
    request_rec *r;
    llm_park_verdict (*go_on)(struct llm_parked *parked);

    /* Worker, just before the thread is given back: from now on news, and
     * the client on descriptor `client` leaving, writes to `event`. 0 if
     * there is news already. */
    int (*arm)(struct llm_parked *parked, int event, int client);

    /* Worker, first thing when it has a thread again. */
    void (*disarm)(struct llm_parked *parked);
} llm_parked;

/* Child, once: 1 if this MPM can park at all. */
void llm_park_child_init(void);

/* Worker: 1 if this request may be parked: on the event MPM, its own
 * connection (no HTTP/2 stream), no subrequest or internal redirect. */
int llm_park_can(request_rec *r);

/* Worker, in the handler, which returns SUSPENDED right after. */
void llm_park_request(llm_parked *parked);

/* The hooks. */
int llm_park_process(conn_rec *c);
void llm_park_suspend(conn_rec *c, request_rec *r);
void llm_park_resume(conn_rec *c, request_rec *r);

#endif
