/* What has come of a stream is held back until it is proven: until it has
 * said enough, or long enough (LLMHold), and quickly enough (min-rate=) where
 * somebody else could be asked instead. Up to then the client knows nothing of
 * it, and whatever goes wrong is made good by the next target. */
#include "answer.h"
#include <string.h>

#define HELD_MOST (1024 * 1024)         /* bytes: that is enough in any case */

void llm_hold_begin(llm_call *call)
{
    llm_gauge_end(&call->gauge);
}

/* Whether there is anything that the characters are counted for. */
static int counts(const llm_call *call)
{
    return call->limits->hold.chars > 0;
}

void llm_hold_take(llm_call *call, llm_span event)
{
    if (!call->committed && counts(call))
        llm_gauge_event(&call->gauge, call->spoken, event, call->pool);
}

/* ---- LLMHold ------------------------------------------------------------ */

static int has_said_enough(const llm_call *call)
{
    const llm_hold *hold = &call->limits->hold;

    return hold->chars ? call->gauge.said >= hold->chars : !hold->time;
}

/* When it need say no more; 0: never. */
static apr_time_t long_enough(const llm_call *call)
{
    const llm_hold *hold = &call->limits->hold;

    return hold->time ? call->first + hold->time : 0;
}

/* ---- both --------------------------------------------------------------- */

static int is_held(const llm_call *call)
{
    return call->state == LLM_CALL_HOLDING && !call->committed && call->first;
}

int llm_hold_is_over(llm_call *call, apr_time_t now)
{
    if (call->committed || call->finished)
        return 1;
    if (!is_held(call))
        return 0;
    return call->out.len >= HELD_MOST || has_said_enough(call)
        || (long_enough(call) && now >= long_enough(call));
}

apr_time_t llm_hold_deadline(const llm_call *call)
{
    return is_held(call) ? long_enough(call) : 0;
}
