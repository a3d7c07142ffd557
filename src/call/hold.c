/* What has come of a stream is held back until it is proven: until it has
 * said enough, or long enough (LLMHold), and quickly enough (min-rate=) where
 * somebody else could be asked instead. Up to then the client knows nothing of
 * it, and whatever goes wrong is made good by the next target. */
#include "answer.h"
#include <string.h>

#define HELD_MOST (1024 * 1024)         /* bytes: that is enough in any case */

void llm_hold_begin(llm_call *call)
{
    call->gauge = (llm_gauge){ 0 };
    call->probed = 0;
}

static int is_guarded(const llm_call *call)
{
    return !call->probed && call->times.rate > 0;
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

/* ---- min-rate= ---------------------------------------------------------- */

/* Once it is, it need not be again. A slow stream is better than none: where
 * nobody else could be asked instead, any is quick enough. */
static int is_quick_enough(llm_call *call, apr_time_t now)
{
    if (is_guarded(call))
        call->probed = call->gauge.said >= call->times.rate
            || !llm_answer_has_next(call, now);
    return !is_guarded(call);
}

static apr_time_t probe_end(const llm_call *call)
{
    return call->first + call->times.probe;
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
    if (call->out.len >= HELD_MOST)
        return 1;
    return is_quick_enough(call, now)
        && (has_said_enough(call)
            || (long_enough(call) && now >= long_enough(call)));
}

int llm_hold_is_too_slow(llm_call *call, apr_time_t now)
{
    return is_held(call) && !is_quick_enough(call, now)
        && now >= probe_end(call);
}

apr_time_t llm_hold_deadline(const llm_call *call)
{
    if (!is_held(call))
        return 0;
    return is_guarded(call) ? probe_end(call) : long_enough(call);
}
