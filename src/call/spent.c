/* What an attempt took. Its provider says so at the end of an answer; what did
 * not come to its end, or ended without a word of it, is estimated: the prompt
 * as it was sent, and the output that came. What was told is believed where it
 * is more. A whole answer that never came counts as what was told of it. */
#include "answer.h"
#include <string.h>
#include "../base/json.h"
#include "../wire/estimate.h"

#define ANSWER_DEPTH 512        /* as deep as any answer may nest */

/* The request as the form between dialects has it; NULL: it has no place
 * there. */
static const llm_translation *request_of(llm_call *call)
{
    llm_translation *t = call->translation;
    llm_fault_detail detail = { 0 };

    if (!t) {
        t = llm_answer_translation(call);
        llm_translate_begin(t, &call->face, call->spoken, call->pool);
    }
    return llm_translate_read(t, &call->request, call->limits->max_depth,
                              &detail) ? NULL : t;
}

static long long prompt(llm_call *call)
{
    const llm_translation *t = request_of(call);
    const size_t begun = call->prefilled ? call->said_before : 0;
    const long long told = llm_estimate_text((llm_span){ call->said.data,
                                                         begun });

    if (!t)
        return llm_estimate_text(call->request.body);
    return told + (t->chat ? llm_estimate_chat(t->chat)
                           : llm_estimate_embedding(t->embedding));
}

static void estimate(llm_call *call)
{
    const long long output = llm_gauge_tokens(&call->gauge);
    llm_usage *usage = &call->usage;

    if (!usage->known) {
        usage->input = prompt(call);
        usage->estimated = usage->input;
    }
    if (output > usage->output) {
        usage->estimated += output - usage->output;
        usage->output = output;
    }
}

/* Who has given its reason to end and then told, has told all. */
static int is_partial(const llm_call *call)
{
    return call->gauge.said && !(call->finished && call->usage.known);
}

void llm_answer_spend(llm_call *call)
{
    if (is_partial(call))
        estimate(call);
    call->gauge = (llm_gauge){ 0 };
    if (!call->usage.known && !call->usage.estimated)
        return;
    llm_meter_spend(call->meter, llm_call_row(call, 1), &call->usage);
    call->spent = llm_usage_sum(&call->spent, &call->usage);
    memset(&call->usage, 0, sizeof call->usage);
}

void llm_answer_weigh(llm_call *call)
{
    const llm_chat_form *form = call->spoken->chat;
    llm_reply *reply = llm_reply_make(call->pool);
    const llm_json *body;

    if (form && form->read_reply
        && !llm_json_parse(call->answer.data, call->answer.len, ANSWER_DEPTH,
                           &body, call->pool)
        && !form->read_reply(body, reply, call->pool))
        call->gauge.twelfths = 12 * llm_estimate_reply(reply);
}

void llm_answer_reckon(llm_call *call)
{
    if (!call->usage.known)
        estimate(call);
}
