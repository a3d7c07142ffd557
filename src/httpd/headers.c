#include "headers.h"
#include "http_config.h"
#include "http_protocol.h"
#include "apr_strings.h"
#include <stdatomic.h>

#define ID_MAX 64

const char *llm_headers_request_id(request_rec *r)
{
    static _Atomic unsigned count;
    const char *given = apr_table_get(r->headers_in, "X-Request-Id");

    if (given && llm_text_is_name(given, ID_MAX))
        return given;
    return apr_psprintf(r->pool, "llm-%" APR_UINT64_T_HEX_FMT "-%x-%x",
                        (apr_uint64_t)r->request_time,
                        (unsigned)llm_serve_pid(),
                        atomic_fetch_add(&count, 1));
}

static void set(llm_serving *s, const char *name, const char *value)
{
    apr_table_setn(s->r->headers_out, name, value);
}

static void set_number(llm_serving *s, const char *name, apr_int64_t value)
{
    set(s, name, apr_ltoa(s->r->pool, (long)value));
}

/* Names that clients made up go nowhere but into JSON. */
static const char *model_of(const llm_call *call)
{
    return llm_text_is_name(call->request.model, LLM_MODEL_MAX)
        ? call->request.model : NULL;
}

static void set_call(llm_serving *s)
{
    const llm_call *call = &s->call;
    const char *model = model_of(call);

    if (model && call->model)
        set(s, "x-llm-model", model);
    if (!call->target || !call->committed)
        return;                 /* who answers is not known yet */
    if (call->estimated) {
        set(s, "x-llm-estimated", "true");
        return;                 /* nobody was asked */
    }
    set(s, "x-llm-provider", call->target->provider_name);
    if (call->dropped)
        set(s, "x-llm-dropped", call->dropped);
    set_number(s, "x-llm-attempts", call->attempt);
}

/* What this gateway took for itself: all but the wait for the provider. */
static void set_overhead(llm_serving *s)
{
    const llm_call *call = &s->call;
    apr_time_t waited = call->asked && call->ended > call->asked
        ? (call->last ? call->last : call->ended) - call->asked : 0;
    apr_interval_time_t own = apr_time_now() - call->started - waited;

    set(s, "x-llm-overhead-ms", apr_psprintf(s->r->pool, "%d.%03d",
        (int)(own / 1000), (int)(own % 1000)));
}

/* The official SDKs go by this word before they go by the status: what will
 * be the same again is not worth a second try. */
static const char *should_retry(const llm_fault_detail *fault)
{
    int status = llm_fault_status(fault);

    return status == 408 || status == 409 || status == 429 || status >= 500
        ? "true" : "false";
}

static void set_refusal(llm_serving *s)
{
    long ms = s->call.fault.retry_after_ms;

    if (s->allow)
        set(s, "Allow", s->allow);
    if (s->call.status == 200)      /* a stream that went wrong later */
        return;
    set(s, "x-should-retry", should_retry(&s->call.fault));
    if (ms <= 0)
        return;
    set_number(s, "Retry-After", (ms + 999) / 1000);
    set_number(s, "retry-after-ms", ms);
}

/* httpd makes 500 of a status it has no line for. */
static int has_line(int status)
{
    const char *line = ap_get_status_line(status);

    return line[0] - '0' == status / 100
        && line[1] - '0' == status / 10 % 10 && line[2] - '0' == status % 10;
}

void llm_headers_set(llm_serving *s)
{
    llm_call *call = &s->call;

    apr_table_unset(s->r->headers_in, "Range");     /* it is for GET only */
    s->r->status = call->status;
    if (!has_line(call->status))
        s->r->status_line = apr_psprintf(s->r->pool, "%d Error",
                                         call->status);
    ap_set_content_type(s->r, call->type);
    set(s, "x-request-id", s->request_id);
    if (call->face.dialect == &llm_anthropic)
        set(s, "request-id", s->request_id);
    set_call(s);
    if (call->state == LLM_CALL_ENDED && call->type[0] == 'a') {
        ap_set_content_length(s->r, call->out.len);
        set_overhead(s);
        set_refusal(s);
        return;
    }
    set(s, "Cache-Control", "no-cache");
    set(s, "X-Accel-Buffering", "no");
}

static void log_text(llm_serving *s, const char *name, const char *value)
{
    if (value && *value)
        apr_table_setn(s->r->subprocess_env, name, value);
}

static void log_number(llm_serving *s, const char *name, apr_int64_t value)
{
    apr_table_setn(s->r->subprocess_env, name,
                   apr_psprintf(s->r->pool, "%" APR_INT64_T_FMT, value));
}

void llm_headers_log(llm_serving *s)
{
    const llm_call *call = &s->call;
    const llm_usage usage = llm_usage_sum(&call->usage, &call->spent);

    log_text(s, "LLM_REQUEST_ID", s->request_id);
    log_text(s, "LLM_MODEL", model_of(call));
    log_text(s, "LLM_CUSTOMER", call->customer);
    log_text(s, "LLM_FAULT", llm_fault_of(call->fault.fault)->word);
    if (call->target)
        log_text(s, "LLM_PROVIDER", call->target->provider_name);
    if (call->attempt)
        log_number(s, "LLM_ATTEMPTS", call->attempt);
    if (usage.known || usage.estimated) {
        log_number(s, "LLM_TOKENS_IN", usage.input);
        log_number(s, "LLM_TOKENS_OUT", usage.output);
        log_number(s, "LLM_TOKENS_ESTIMATED", usage.estimated);
    }
    if (call->first)
        log_number(s, "LLM_TTFT_MS",
                   apr_time_as_msec(call->first - call->started));
    if (call->fault.fault == LLM_CLIENT_GONE)
        s->r->status = llm_fault_of(LLM_CLIENT_GONE)->status;
}
