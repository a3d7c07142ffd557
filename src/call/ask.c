/* What a target is asked. */
#include "answer.h"
#include <string.h>
#include <strings.h>
#include <apr_strings.h>
#include "../wire/carry.h"

#define DROPPED_MAX 512         /* bytes of names in a header */
#define BODY_ROOM (64 * 1024)   /* what a translation may add, and more */

/* The version of Anthropic's API that translated requests are written for:
 * the one that still takes temperature and its like. */
#define VERSION "2023-06-01"

/* ---- the model's name there --------------------------------------------- */

/* A model that is no more goes by the name of the one that took its place;
 * but for a name that only this provider knows: a service's own, or one with
 * the maker's before it. */
static const char *living(const llm_call *call, const char *name)
{
    const llm_facts *facts = llm_facts_find(call->limits->facts, name);

    return facts->alias && !strchr(name, '/')
        && !llm_service_names_models(call->target->provider->service)
        ? facts->alias : name;
}

static const llm_facts *facts_of(const llm_call *call)
{
    return llm_facts_find(call->limits->facts,
                          llm_service_model(call->target->provider->service,
                                            call->target_model));
}

/* By the name the client used, unless the line names one; with the
 * parameters for who understands them. */
static const char *name_at_target(const llm_call *call)
{
    const llm_target *target = call->target;

    if (!target->model)
        return living(call, call->request.model);
    if (target->provider->takes_parameters && *call->parameters)
        return apr_pstrcat(call->pool, target->model,
                           strchr(target->model, '?') ? "&" : "?",
                           call->parameters + 1, NULL);
    return living(call, target->model);
}

static void name_target(llm_call *call)
{
    call->target_model = call->face.model = name_at_target(call);
}

/* ---- the request there -------------------------------------------------- */

static llm_fault pass(llm_call *call)
{
    const llm_provider *provider = call->target->provider;
    llm_fault fault = call->spoken->pass_request(
        &call->request, call->target_model, !provider->refuses_stream_options,
        &call->body);

    if (!fault)
        call->body.len = llm_carry_strip(call->body.data, call->body.len);
    return fault;
}

static const char *first_of(const apr_array_header_t *names)
{
    return APR_ARRAY_IDX(names, 0, const char *);
}

/* Names that clients made up must not reach a header. */
static const char *add_names(const char *text, const apr_array_header_t *names,
                             apr_pool_t *p)
{
    const char *name;
    int i;

    for (i = 0; i < names->nelts && strlen(text) < DROPPED_MAX; i++) {
        name = APR_ARRAY_IDX(names, i, const char *);
        if (!llm_text_is_name(name, 128))
            name = "?";
        text = apr_pstrcat(p, text, *text ? ", " : "", name, NULL);
    }
    return text;
}

static llm_fault weigh_losses(llm_call *call, llm_fault_detail *detail)
{
    const llm_losses *lost = &call->translation->lost;
    const char *name;

    if (lost->names->nelts && !call->limits->drop_unsupported) {
        name = first_of(lost->names);
        detail->param = name;
        detail->text = apr_psprintf(call->pool, "Provider `%s` cannot be told "
                                    "`%s` for model `%s`: leave it out, or "
                                    "have the gateway leave it out "
                                    "(LLMUnsupported drop)",
                                    call->target->provider_name, name,
                                    call->target_model);
        return LLM_UNSUPPORTED;
    }
    call->dropped = add_names(add_names("", lost->names, call->pool),
                              lost->hints, call->pool);
    if (!*call->dropped)
        call->dropped = NULL;
    return LLM_OK;
}

llm_translation *llm_answer_translation(llm_call *call)
{
    if (!call->translations)
        call->translations = apr_pcalloc(call->pool,
                                         sizeof *call->translations);
    return call->translations;
}

static llm_asking asking(const llm_call *call)
{
    const llm_provider *provider = call->target->provider;
    const llm_asking how = {
        .model = call->target_model, .stream = call->request.stream,
        .facts = facts_of(call),
        .ask_usage = !provider->refuses_stream_options,
        .version = VERSION, .pool = call->pool
    };

    return how;
}

static llm_fault translate(llm_call *call, llm_fault_detail *detail)
{
    const llm_asking how = asking(call);
    llm_fault fault;

    call->translation = llm_answer_translation(call);
    llm_translate_begin(call->translation, &call->face, call->spoken,
                        call->pool);
    if (call->limits->recover && call->request.stream)
        call->translation->said = &call->said;
    fault = llm_translate_request(call->translation, &call->request,
                                  call->limits->max_depth, &how, &call->body,
                                  detail);
    return fault ? fault : weigh_losses(call, detail);
}

/* Anthropic's older models do; OpenAI's and Google's answer anew. */
int llm_answer_takes_prefill(const llm_call *call)
{
    const llm_provider *provider = call->target->provider;
    const llm_facts *facts = llm_facts_find(call->limits->facts,
                                            name_at_target(call));

    return facts->prefill || (!strcmp(provider->family->name, "anthropic")
                              && !facts->no_prefill);
}

/* In the form between dialects even where both are the same: the client's
 * bytes have no place for what was said since. */
llm_fault llm_answer_write_rest(llm_call *call, int prefill,
                                llm_fault_detail *detail)
{
    const llm_provider *provider = call->target->provider;
    const llm_span said = { call->said.data, call->said.len };
    llm_translation *t = call->translation;
    llm_asking how;
    llm_fault fault;

    name_target(call);
    call->spoken = llm_family_choose(provider->speaks, call->face.dialect);
    if (!call->spoken || !call->spoken->chat)
        return LLM_UNSUPPORTED;
    llm_buf_free(&call->body);
    llm_buf_init(&call->body, call->request.body.len * 3 + 2 * said.len
                              + BODY_ROOM);
    t->to = call->spoken;
    llm_losses_init(&t->lost, call->pool);
    how = asking(call);
    fault = prefill
        ? llm_translate_prefill(t, &call->request, call->limits->max_depth,
                                &how, said, &call->body, detail)
        : llm_translate_request(t, &call->request, call->limits->max_depth,
                                &how, &call->body, detail);
    if (!fault)
        fault = weigh_losses(call, detail);
    return fault ? fault : llm_service_body(provider->service, call->spoken,
                                            NULL, &call->body);
}

/* Who cannot count is not asked. */
static llm_fault count_here(llm_call *call, llm_fault_detail *detail)
{
    llm_translation *t = llm_answer_translation(call);
    long long tokens;
    llm_fault fault;

    llm_translate_begin(t, &call->face, NULL, call->pool);
    fault = llm_translate_count(t, &call->request, call->limits->max_depth,
                                &tokens, &call->out, detail);
    call->usage.known = 1;      /* none were used */
    call->estimated = !fault;
    return fault;
}

llm_fault llm_answer_write(llm_call *call, llm_fault_detail *detail)
{
    const llm_provider *provider = call->target->provider;
    llm_fault fault;

    name_target(call);
    llm_buf_free(&call->body);
    llm_buf_init(&call->body, call->request.body.len * 3 + BODY_ROOM);
    call->spoken = llm_family_choose(provider->speaks, call->face.dialect);
    if (!call->spoken && call->face.dialect->operation == LLM_OP_COUNT)
        return count_here(call, detail);
    if (!call->spoken) {
        detail->text = apr_psprintf(call->pool, "Provider `%s` has nothing "
                                    "that answers this kind of request",
                                    provider->name);
        return LLM_UNSUPPORTED;
    }
    fault = call->spoken == call->face.dialect ? pass(call)
                                               : translate(call, detail);
    return fault ? fault
                 : llm_service_body(provider->service, call->spoken,
                                    call->translation ? NULL
                                                      : call->face.beta,
                                    &call->body);
}

const char *llm_call_path(const llm_call *call)
{
    return llm_service_path(call->target->provider->service, call->spoken,
                            call->target_model, call->request.stream,
                            call->pool);
}

/* What Anthropic's API wants to hear beside the key, unless its body says it
 * to a service. */
static const char *versions(const llm_call *call)
{
    const llm_face *face = &call->face;
    const llm_service *service = call->target->provider->service;
    const char *version = "anthropic-version: " VERSION "\n";

    if (strcmp(call->target->provider->family->name, "anthropic")
        || llm_service_is_framed(service))
        return "";
    if (llm_service_has_version(service))
        version = "";
    else if (!call->translation && face->version)
        version = apr_pstrcat(call->pool, "anthropic-version: ",
                              face->version, "\n", NULL);
    if (call->translation || !face->beta)
        return version;
    return apr_pstrcat(call->pool, version, "anthropic-beta: ", face->beta,
                       "\n", NULL);
}

/* A signature is made of the fields that the endpoint has; one that an
 * LLMHeader gives is not given twice. */
static int may_be_named(const llm_endpoint *endpoint)
{
    const llm_endpoint_header *headers;
    int i;

    if (endpoint->signing || !endpoint->headers)
        return 0;
    headers = (const llm_endpoint_header *)endpoint->headers->elts;
    for (i = 0; i < endpoint->headers->nelts; i++)
        if (!strcasecmp(headers[i].name, "x-request-id"))
            return 0;
    return 1;
}

/* Each attempt has an id of its own, by which it is found in the provider's
 * log as well as in the gateway's. */
const char *llm_call_fields(const llm_call *call)
{
    const char *lines = versions(call);

    if (call->face.id && may_be_named(call->endpoint))
        lines = apr_psprintf(call->pool, "%sx-request-id: %s-%d\n", lines,
                             call->face.id, call->attempt);
    return *lines ? lines : NULL;
}
