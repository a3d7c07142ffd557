/* One call's chain and who is in it. Included by call_storm.c alone. */
#ifndef LLM_STORM_SCENE_H
#define LLM_STORM_SCENE_H

#include "storm.h"

#define TARGETS 4

typedef struct target {
    int provider, continues, tale;
    int asks, retries;          /* of this call; LLMRetry's attempts */
    unsigned trial, spent;      /* keys, by their bits: that it was asked with
                                 * while half-open, that may spend no more */
    long long context;          /* tokens that it takes */
    int is_known;               /* the configuration says so */
    apr_time_t not_before[4];   /* by key, as it said itself */
} target;

typedef struct scene {
    stage s;
    target targets[TARGETS];
    int n, stream, dialect;     /* 0: OpenAI's, 1: Anthropic's, 2: Responses */
    part part;
    int part_of;                /* the attempt it is for */
    int of;                     /* the target it is of */
    apr_time_t delay;           /* before anything of it comes */
    long long in[3], out[3];    /* by provider: told */
    int untold;                 /* attempts that did not tell all they took */
    int unpaid;                 /* of them, those of which words came */
    long long needs, outgrown;  /* tokens: of the request, that are known not
                                 * to be enough */
    int trials, longs, spents, contents;        /* how often that was seen */
    int is_told, broken;
    const char *rule;           /* the first that did not hold */
    llm_buf story;
} scene;

static llm_health cells[64];
static apr_array_header_t *facts;

static void tell(scene *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void tell(scene *t, const char *format, ...)
{
    char line[256];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    llm_buf_printf(&t->story, "# %9.3f %s\n",
                   (double)(t->s.now - STARTED) / SEC, line);
}

static void holds(scene *t, int rule, const char *text)
{
    if (rule)
        return;
    tell(t, "BROKEN: %s", text);
    if (!t->broken++)
        t->rule = text;
}

/* --- the scene ----------------------------------------------------------- */

static const llm_breaker breakers[] = {
    { 0 }, { 10 * SEC, 2, 50, 2 * SEC, 8 * SEC, 0 },
};

static void set_keys(scene *t, int i)
{
    llm_provider *const p = &t->s.providers[i];
    unsigned n = below(4);

    for (unsigned k = 0; n > 1 && k < n; k++) {
        llm_way *const way = apr_array_push(p->ways);

        way->endpoint = p->endpoint;
        way->label = apr_psprintf(t->s.pool, "%s#%u", p->name, k + 1);
        way->weight = 1;
    }
}

static void set_provider(scene *t, int i)
{
    llm_provider *const p = &t->s.providers[i];

    p->endpoint->times.total = (20 + below(100)) * SEC;
    p->attempts = 1 + (int)below(3);
    p->least = 100000;
    p->most = 2 * SEC;
    p->patience = 5 * SEC;
    p->breaker = breakers[below(2)];
    if (one_in(2)) {
        p->family = llm_family_find("anthropic");
        p->speaks[0] = &llm_anthropic;
    }
    set_keys(t, i);
}

static void set_target(scene *t, llm_model *model, int i)
{
    target *const to = &t->targets[i];
    llm_target *const it = apr_array_push(model->targets);

    memset(to, 0, sizeof *to);
    to->provider = (int)below(3);
    to->continues = (int)below(2);
    to->tale = one_in(4) ? (int)below(COUNT(tales)) : 0;
    memset(it, 0, sizeof *it);
    it->provider = &t->s.providers[to->provider];
    it->provider_name = it->provider->name;
    it->where = "llm.conf:1";
    it->model = apr_psprintf(t->s.pool, "%s-%d",
                             to->continues ? "takes" : "never", i);
    it->label = apr_psprintf(t->s.pool, "%s/%s", it->provider_name,
                             it->model);
    it->on_content = one_in(4);
    to->retries = it->provider->attempts;
    to->context = 1000 + below(40000);
    to->is_known = (int)below(2);
    if (one_in(6))              /* its rest has just ended */
        llm_health_rest(llm_health_target(
            &(llm_health_area){ cells, COUNT(cells) }, it->label, it->model),
            t->s.now);
    it->context = to->is_known ? to->context : 0;
}

static void set_call(scene *t)
{
    static const llm_dialect *const dialects[] = {
        &llm_openai, &llm_anthropic, &llm_openai_responses
    };
    llm_call *const call = &t->s.call;

    t->dialect = (int)below(3);
    t->stream = !one_in(3);
    t->needs = one_in(3) ? below(40000) : 0;
    call->face.dialect = dialects[t->dialect];
    call->face.id = "call-1";
    t->s.limits.recover = !one_in(3);
    t->s.limits.drop_unsupported = 1;
    t->s.limits.facts = facts;
    t->s.limits.health = (llm_health_area){ cells, COUNT(cells) };
    t->s.limits.random = dice;
    if (one_in(10))
        t->s.limits.max_answer = 100 + below(4000);
    llm_call_begin(call, t->s.now);
}

static void set_scene(scene *t, apr_time_t now)
{
    llm_model *model;

    memset(t, 0, sizeof *t);
    llm_buf_init(&t->story, 1 << 20);
    set_stage(&t->s, 0);
    t->s.now = now;
    for (int i = 0; i < 3; i++)
        set_provider(t, i);
    t->n = 1 + (int)below(TARGETS);
    model = (llm_model *)t->s.models->list->elts;
    for (int i = 0; i < t->n; i++)
        set_target(t, model, i);
    set_call(t);
}

static const char *request(const scene *t)
{
    static const char *const bodies[] = {
        "\"messages\":[{\"role\":\"user\",\"content\":\"Tell me.\"}]",
        "\"max_tokens\":500,\"messages\":[{\"role\":\"user\",\"content\":"
            "\"Tell me.\"}]",
        "\"input\":\"Tell me.\""
    };

    return apr_pstrcat(t->s.pool, "{\"model\":\"m\",", bodies[t->dialect],
                       t->stream ? ",\"stream\":true}" : "}", NULL);
}

#endif
