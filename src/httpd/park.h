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
 * Streams need not go that way for each piece: while they are parked the pump
 * (pump.h) moves the pieces, and a worker is only called for the end. The core
 * filter then writes to a socket of ours, because the MPM's holds the eventfd.
 *
 * resume_connection also runs when the MPM closes a parked connection, so it
 * closes the client's descriptor and not ours; the request's pool then
 * settles the call.
 */
#ifndef LLM_PARK_H
#define LLM_PARK_H

#include "httpd.h"
#include "../upstream/exchange.h"

typedef enum llm_park_verdict {
    LLM_PARK_AGAIN,             /* it waits for news */
    LLM_PARK_DONE               /* the request is answered */
} llm_park_verdict;

/* What waits on a parked connection. While it does the engine points to it:
 * when httpd stops the MPM drops what is parked as it is, and a leak could
 * not be told from that otherwise. */
typedef struct llm_parked {
    request_rec *r;
    struct llm_parking *place;  /* where it waits: park.c's */
    int pieces;                 /* it goes on in pieces: a stream */

    /* Goes on. `pumping`: on the engine's thread, which must not wait. */
    llm_park_verdict (*go_on)(struct llm_parked *parked, int pumping);

    /* Just before the thread is given back: the next news, or the client on
     * descriptor `client` leaving, calls `ring` once, with `parked`. 0 if
     * there is news already. */
    int (*arm)(struct llm_parked *parked, llm_ring_fn ring, int client);

    /* Worker, first thing when it has a thread again. With `closing` the
     * client's descriptor is about to be closed. */
    void (*disarm)(struct llm_parked *parked, int closing);
} llm_parked;

/* Child, once: finds out whether this MPM can park. */
void llm_park_child_init(void);

/* Worker: 1 if this request may be parked: on the event MPM, its own
 * connection (no HTTP/2 stream), no subrequest or internal redirect. */
int llm_park_can(request_rec *r);

/* The client's descriptor, parked or not; -1 for an HTTP/2 stream. */
int llm_park_client(conn_rec *c);

/* Sends what the filters hold back, as far as the client takes it now; 1 when
 * that was all. As the MPM does on the way to waiting for the next request;
 * not for an HTTP/2 stream. */
int llm_park_flush(conn_rec *c);

/* Worker, in the handler, which returns SUSPENDED right after. */
void llm_park_request(llm_parked *parked);

/* The hooks. */
int llm_park_process(conn_rec *c);
void llm_park_suspend(conn_rec *c, request_rec *r);
void llm_park_resume(conn_rec *c, request_rec *r);

#endif
