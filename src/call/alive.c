/* A client that waits for its stream gets a sign of life now and then, or
 * something between here and there hangs up on it. It may come before
 * anything is known of the answer: the head then goes out early, and commits
 * to nobody. */
#include "answer.h"
#include <string.h>

/* Only event streams have a place for it. */
static int is_due(const llm_call *call)
{
    return call->limits->keep_alive && call->request.stream
        && call->face.framing == LLM_FRAMING_EVENTS
        && call->state != LLM_CALL_ENDED;
}

apr_time_t llm_alive_deadline(const llm_call *call)
{
    return is_due(call) ? call->heard + call->limits->keep_alive : 0;
}

/* An event of the client's own dialect must not be its first. */
static void put(llm_call *call)
{
    const llm_dialect *dialect = call->face.dialect;
    llm_frame frame = call->frame;      /* this one is not counted */

    if (call->committed && dialect->ping_data)
        llm_frame_put(&frame, dialect->ping_name, strlen(dialect->ping_name),
                      dialect->ping_data, strlen(dialect->ping_data),
                      &call->aside);
    else
        llm_buf_puts(&call->aside, ": keep-alive\n\n");
}

void llm_alive_let_time_pass(llm_call *call, apr_time_t now)
{
    if (llm_call_next(call) == LLM_CALL_SEND) {
        call->heard = now;
        return;
    }
    if (!is_due(call) || now < llm_alive_deadline(call))
        return;
    put(call);
    call->heard = now;
    call->status = 200;
    call->type = llm_frame_type(call->face.framing);
}
