/* A call on a stage: the clock, the providers and the client are played by
 * the test. Included by the tests of src/call; one thread.
 */
#ifndef LLM_REHEARSAL_H
#define LLM_REHEARSAL_H

#include <stdlib.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "../../src/base/json.h"
#include "../../src/call/call.h"
#include "../../src/meter/block.h"
#include "../tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define METER_SIZE (1 << 20)
#define SEC APR_USEC_PER_SEC
#define STARTED (1000 * SEC)

/* The timeouts of every provider on the stage. */
#define FIRST (10 * SEC)
#define WHOLE (30 * SEC)
#define IDLE (5 * SEC)
#define TOTAL (100 * SEC)

#define WHOLE_BODY "{\"model\":\"m\",\"messages\":[]}"
#define STREAM_BODY "{\"model\":\"m\",\"messages\":[],\"stream\":true}"
#define USAGE_BODY "{\"model\":\"m\",\"stream\":true,\"stream_options\":" \
    "{\"include_usage\":true}}"

#define EVENT(json) "data: " json "\n\n"
#define ROLE EVENT("{\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}")
#define TEXT(t) EVENT("{\"choices\":[{\"delta\":{\"content\":\"" t "\"}}]}")
#define STOP EVENT("{\"choices\":[{\"delta\":{},\"finish_reason\":" \
                   "\"stop\"}]}")
#define USED "{\"prompt_tokens\":7,\"completion_tokens\":3}"
#define LAST_USAGE EVENT("{\"choices\":[],\"usage\":" USED "}")
#define DONE "data: [DONE]\n\n"
#define ANSWER "{\"choices\":[{\"message\":{\"content\":\"hi\"}}],\"usage\":" \
    USED "}"

typedef struct stage {
    apr_pool_t *pool;
    llm_meter meter;
    llm_call_limits limits;
    llm_endpoint endpoints[3];
    llm_provider providers[3];
    llm_models *models;
    llm_call call;
    apr_time_t now;
    /* the provider's side */
    llm_head head;              /* of this attempt; status 0: none yet */
    int asks;
    char asked[3][4096];        /* bodies */
    const char *asked_model[3];
    /* the client's side */
    int heads, status;          /* heads sent */
    char type[64];
    llm_buf got;
    int over;
} stage;

static apr_pool_t *the_pool;
static llm_meter the_meter;
static uint32_t the_child;

/* --- setting ------------------------------------------------------------- */

static const char *const provider_names[] = { "one", "two", "three" };

static void add_line(stage *s, const char *name, int targets,
                     const char *at_target)
{
    llm_model *const model = llm_models_add(s->models, name, s->pool);

    for (int i = 0; i < targets; i++) {
        llm_target *const target = apr_array_push(model->targets);

        target->provider = &s->providers[i];
        target->provider_name = provider_names[i];
        target->where = "llm.conf:1";
        target->model = at_target;
    }
}

/* One meter for all calls of a test: what is left in it shows. */
static void open_theatre(void)
{
    void *const block = aligned_alloc(64, METER_SIZE);

    apr_initialize();
    apr_pool_create(&the_pool, NULL);
    if (!block)
        exit(2);
    memset(block, 0, METER_SIZE);
    if (llm_meter_format(block, METER_SIZE, STARTED)
        || llm_meter_attach(&the_meter, block, METER_SIZE))
        exit(2);
    the_child = llm_meter_child_enter(&the_meter, 1, 77);
}

TAP_UNUSED
static void close_theatre(void)
{
    free(the_meter.block);
    apr_pool_destroy(the_pool);
}

/* A stage where "m" has so many targets, asked by the names they have. */
static void set_stage(stage *s, int targets)
{
    memset(s, 0, sizeof *s);
    apr_pool_create(&s->pool, the_pool);
    s->meter = the_meter;
    s->limits.max_answer = 1 << 20;
    s->limits.max_depth = 64;
    s->limits.max_in_flight = 1000;
    s->now = STARTED;
    for (int i = 0; i < 3; i++) {
        s->endpoints[i].name = provider_names[i];
        s->endpoints[i].times.first = FIRST;
        s->endpoints[i].times.whole = WHOLE;
        s->endpoints[i].times.idle = IDLE;
        s->endpoints[i].times.total = TOTAL;
        s->providers[i].name = provider_names[i];
        s->providers[i].family = llm_family_find("openai");
        s->providers[i].speaks[0] = &llm_openai;
        s->providers[i].endpoint = &s->endpoints[i];
        s->providers[i].ways = apr_array_make(s->pool, 1, sizeof(llm_way));
    }
    s->models = llm_models_make(s->pool);
    add_line(s, "m", targets, "at-target");
    llm_buf_init(&s->got, 64 << 20);
    s->call.pool = s->pool;
    s->call.face.dialect = &llm_openai;
    s->call.meter = &s->meter;
    s->call.limits = &s->limits;
    s->call.customer = "customer";
    s->call.child = the_child;
    llm_call_begin(&s->call, s->now);
}

/* --- playing ------------------------------------------------------------- */

static void ask(stage *s)
{
    llm_call *const call = &s->call;
    const int at = s->asks++ % 3;

    snprintf(s->asked[at], sizeof s->asked[at], "%.*s", (int)call->body.len,
             call->body.data);
    s->asked_model[at] = call->target_model;
    llm_buf_free(&call->body);
    memset(&s->head, 0, sizeof s->head);
    s->head.retry_after_ms = -1;
    llm_call_was_asked(call, s->now);
}

static void send_out(stage *s)
{
    llm_buf out;

    if (!s->call.sent_head) {
        s->heads++;
        s->status = s->call.status;
        snprintf(s->type, sizeof s->type, "%s", s->call.type);
    }
    llm_buf_init(&out, 0);
    llm_call_take_out(&s->call, &out);
    llm_buf_add(&s->got, out.data, out.len);
    llm_buf_free(&out);
}

/* What the call wants, until it must wait or is over. */
static llm_call_want go_on(stage *s)
{
    for (int i = 0; i < 20; i++) {
        const llm_call_want want = llm_call_next(&s->call);

        if (want == LLM_CALL_ASK)
            ask(s);
        else if (want == LLM_CALL_SEND)
            send_out(s);
        else
            return want;
    }
    ok(0, "a call wants one thing after another for ever");
    return LLM_CALL_OVER;
}

static void admit_n(stage *s, const char *body, size_t n)
{
    llm_call_admit(&s->call, s->models, apr_pstrmemdup(s->pool, body, n), n,
                   s->now);
    go_on(s);
}

static void admit(stage *s, const char *body)
{
    admit_n(s, body, strlen(body));
}

/* The head this attempt's provider sends, with what comes next. */
static void head(stage *s, int status, const char *type)
{
    s->head.status = status;
    snprintf(s->head.type, sizeof s->head.type, "%s", type);
}

static llm_arrival arrival(const stage *s, const char *bytes, size_t n)
{
    llm_arrival out;

    memset(&out, 0, sizeof out);
    out.head = s->head;
    llm_buf_init(&out.bytes, 64 << 20);
    if (n)
        llm_buf_add(&out.bytes, bytes, n);
    return out;
}

static void arrive(stage *s, llm_arrival *what)
{
    llm_call_arrived(&s->call, what, s->now);
    if (what->bytes.data)
        ok(0, "an arrival's bytes were not taken over");
    go_on(s);
}

static void give_n(stage *s, const char *bytes, size_t n)
{
    llm_arrival what = arrival(s, bytes, n);

    arrive(s, &what);
}

TAP_UNUSED
static void give(stage *s, const char *bytes)
{
    give_n(s, bytes, strlen(bytes));
}

TAP_UNUSED
static void give_end(stage *s, llm_fault fault, const char *bytes)
{
    llm_arrival what = arrival(s, bytes, strlen(bytes));

    what.ended = 1;
    what.fault = fault;
    arrive(s, &what);
}

TAP_UNUSED
static void give_whole(stage *s, int status, const char *body)
{
    head(s, status, "application/json");
    give_end(s, LLM_OK, body);
}

/* Nothing comes until then. */
TAP_UNUSED
static void pass_time(stage *s, apr_time_t until)
{
    s->now = until;
    give_n(s, NULL, 0);
}

TAP_UNUSED
static void lose_client(stage *s)
{
    llm_arrival what = arrival(s, "x", 1);

    what.client_gone = 1;
    arrive(s, &what);
}

static llm_reading totals(void)
{
    llm_reading out;

    llm_meter_total(&the_meter, &out);
    return out;
}

/* Settles twice: it must count once, with that fault, and free its slot. */
TAP_UNUSED
static void settle(stage *s, llm_fault fault)
{
    const llm_reading before = totals();
    llm_reading after;

    llm_call_settle(&s->call, s->now);
    llm_call_settle(&s->call, s->now + SEC);
    after = totals();
    is_int(after.calls - before.calls, 1, "settled once");
    is_int(after.faults[fault] - before.faults[fault], 1, "as %s",
           llm_fault_of(fault)->word);
    is_int(after.errors - before.errors, fault != LLM_OK, "an error or not");
    is_int(llm_meter_in_flight(&the_meter), 0, "nothing is in flight");
    ok(!s->call.out.data && !s->call.body.data && !s->call.answer.data,
       "nothing is held");
    is_int(s->call.fault.fault, fault, "the call says so");
}

static void strike(stage *s)
{
    llm_call_settle(&s->call, s->now);
    llm_buf_free(&s->got);
    apr_pool_destroy(s->pool);
}

/* --- looking ------------------------------------------------------------- */

static const char *got(const stage *s)
{
    return apr_pstrmemdup(s->pool, s->got.data ? s->got.data : "",
                          s->got.len);
}

TAP_UNUSED
static void is_got(const stage *s, const char *want, const char *why)
{
    is_mem(s->got.data, s->got.len, want, strlen(want), "%s", why);
}

/* A member of the error that `json` is; "" for null. */
TAP_UNUSED
static const char *error_member(const stage *s, const char *json,
                                const char *name)
{
    const llm_json *tree, *value;
    const char *text;
    size_t n;

    if (llm_json_parse(json, strlen(json), 8, &tree, s->pool))
        return "(no JSON)";
    value = llm_json_member(llm_json_member(tree, "error"), name);
    if (!value)
        return "(no such member)";
    text = llm_json_string(value, &n);
    return text ? text : "";
}

/* The client has one whole error with that status, code and sentence. */
TAP_UNUSED
static void is_refused(const stage *s, int status, const char *code,
                       const char *text)
{
    is_int(s->heads, 1, "one head");
    is_int(s->status, status, "of status %d", status);
    is_str(s->type, "application/json", "and JSON");
    is_str(error_member(s, got(s), "code"), code, "an error");
    is_str(error_member(s, got(s), "message"), text, "with its sentence");
}

/* How often `part` stands in what the client got. */
TAP_UNUSED
static int times(const stage *s, const char *part)
{
    const char *at = got(s);
    int n = 0;

    while ((at = strstr(at, part))) {
        at += strlen(part);
        n++;
    }
    return n;
}

TAP_UNUSED
static int ends_with(const stage *s, const char *end)
{
    const size_t n = strlen(end);

    return s->got.len >= n && !memcmp(s->got.data + s->got.len - n, end, n);
}

#endif
