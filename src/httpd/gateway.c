#include "gateway.h"
#include "http_config.h"
#include "http_core.h"
#include "http_main.h"
#include "http_protocol.h"
#include "apr_strings.h"
#include "body.h"
#include "config.h"
#include "face.h"
#include "headers.h"
#include "probe.h"
#include "serve.h"
#include "shared.h"
#include "../wire/seed.h"

#define NO_FILE "llm:"

/* ---- refusing ----------------------------------------------------------- */

static int refuse_detail(llm_serving *s, const llm_fault_detail *detail)
{
    llm_call_refuse(&s->call, detail, apr_time_now());
    return llm_serve_run(s);
}

static int refuse(llm_serving *s, llm_fault fault, const char *text)
{
    const llm_fault_detail detail = { .fault = fault, .text = text };

    return refuse_detail(s, &detail);
}

/* ---- models ------------------------------------------------------------- */

static llm_model_entry entry_of(const llm_model *model, const char *id,
                                const server_rec *s)
{
    const llm_server *main = llm_config_server(ap_server_conf);
    const llm_target *first = (const llm_target *)model->targets->elts;
    llm_model_entry entry = {
        id, first->provider_name, apr_time_sec(llm_config_server(s)->read_at),
        llm_facts_find(main->facts, first->model ? first->model : id)
    };

    return entry;
}

static int answer_json(request_rec *r, llm_buf *body)
{
    ap_set_content_type(r, "application/json");
    ap_set_content_length(r, body->len);
    apr_table_setn(r->headers_out, "x-request-id",
                   llm_headers_request_id(r));
    ap_rwrite(body->data, (int)body->len, r);
    llm_buf_free(body);
    return OK;
}

/* Wildcards have no name to list. */
static int list_models(request_rec *r, const llm_place *place)
{
    const llm_models *models_of = llm_config_server(r->server)->models;
    const apr_array_header_t *list = models_of->list;
    const llm_model *models = (const llm_model *)list->elts;
    llm_model_entry *entries = apr_palloc(r->pool, (list->nelts + 1)
                                                   * sizeof *entries);
    llm_buf body;
    int i, n = 0;

    for (i = 0; i < list->nelts; i++)
        if (!models[i].wildcard)
            entries[n++] = entry_of(&models[i], models[i].name, r->server);
    llm_buf_init(&body, 16 << 20);
    if ((place->face.wrapped && llm_buf_puts(&body, "{\"result\":"))
        || place->face.dialect->write_models(entries, n, &body)
        || (place->face.wrapped && llm_buf_puts(&body, "}\n"))) {
        llm_buf_free(&body);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return answer_json(r, &body);
}

static const llm_model *find_model(request_rec *r, const char *name)
{
    const char *parameters;

    if (strlen(name) >= LLM_MODEL_MAX)
        return NULL;
    return llm_models_find(llm_config_server(r->server)->models, name,
                           &parameters);
}

static int show_model(request_rec *r, const llm_place *place)
{
    const llm_model *model = find_model(r, place->model);
    llm_model_entry entry;
    llm_buf body;

    if (!model || !place->face.dialect->write_model)
        return DECLINED;
    entry = entry_of(model, place->model, r->server);
    llm_buf_init(&body, 1 << 20);
    if (place->face.dialect->write_model(&entry, &body)) {
        llm_buf_free(&body);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return answer_json(r, &body);
}

static int show_about(request_rec *r)
{
    llm_buf body;

    llm_buf_init(&body, 1 << 16);
    if (llm_seed_about(&body)) {
        llm_buf_free(&body);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return answer_json(r, &body);
}

static int refuse_model(llm_serving *s, const char *name)
{
    const llm_fault_detail detail = {
        .fault = LLM_NO_MODEL, .param = "model",
        .text = apr_pstrcat(s->r->pool, "The model `", name,
                            "` does not exist on this gateway", NULL)
    };

    return refuse_detail(s, &detail);
}

/* ---- chat --------------------------------------------------------------- */

static int is_json(request_rec *r)
{
    const char *type = apr_table_get(r->headers_in, "Content-Type");

    return !type || (!ap_cstr_casecmpn(type, "application/json", 16)
                     && (!type[16] || strchr("; \t", type[16])));
}

/* A query says what a body would. */
static llm_fault read_query(request_rec *r, llm_buf *body)
{
    return llm_seed_query(r->args ? r->args : "", body, r->pool);
}

static llm_fault read_body(request_rec *r, llm_serving *s)
{
    if (r->method_number == M_GET)
        return read_query(r, &s->body);
    if (is_json(r))
        return llm_body_read(r, &s->body);
    if (ap_discard_request_body(r))
        r->connection->keepalive = AP_CONN_CLOSE;
    return LLM_BAD_MEDIA;
}

static int run_call(request_rec *r, llm_serving *s, const llm_place *place)
{
    llm_fault fault = read_body(r, s);

    if (fault == LLM_TOO_LARGE)
        return refuse(s, fault, apr_psprintf(r->pool, "The request body is "
                      "larger than the %" APR_SIZE_T_FMT " bytes that "
                      "LLMMaxBody allows", s->body.ceiling));
    if (fault)
        return refuse(s, fault, NULL);
    if (strlen(place->model) >= LLM_MODEL_MAX)
        return refuse_model(s, place->model);
    apr_cpystrn(s->call.request.model, place->model, LLM_MODEL_MAX);
    s->call.request.stream = place->stream;
    s->call.fallback = apr_table_get(r->headers_in, "x-llm-fallback");
    llm_call_admit(&s->call, llm_config_server(r->server)->models,
                   s->body.data ? s->body.data : "", s->body.len,
                   apr_time_now());
    return llm_serve_run(s);
}

/* What needs no call to be answered; DECLINED if there is no such thing. */
static int answer_at_once(request_rec *r, const llm_place *place)
{
    if (r->method_number != M_GET)
        return DECLINED;
    switch (place->kind) {
    case LLM_PLACE_MODELS:
        return list_models(r, place);
    case LLM_PLACE_MODEL:
        return show_model(r, place);
    case LLM_PLACE_ABOUT:
        return show_about(r);
    default:
        return DECLINED;
    }
}

/* Everything else ends in an error that counts. */
static int refuse_place(llm_serving *s, const llm_place *place)
{
    if (place->kind == LLM_PLACE_NOWHERE)
        return refuse(s, LLM_NO_PATH, apr_pstrcat(s->r->pool, "There is "
                      "nothing at ", s->r->uri, ": this gateway has "
                      "/v1/chat/completions, /v1/completions, /v1/responses, "
                      "/v1/embeddings, /v1/messages, /v1/models, "
                      "/v1beta/models/... and /api/...", NULL));
    if (place->kind != LLM_PLACE_MODEL || s->r->method_number != M_GET) {
        s->allow = llm_place_method(place);
        return refuse(s, LLM_BAD_METHOD, apr_pstrcat(s->r->pool, "This path "
                      "takes ", s->allow, NULL));
    }
    return refuse_model(s, place->model);
}

/* A HEAD, which httpd takes for a GET, must not cost anything. */
static int is_call(const request_rec *r, const llm_place *place)
{
    return place->kind == LLM_PLACE_CALL
        && (r->method_number == M_POST
            || (r->method_number == M_GET && place->takes_query
                && !r->header_only));
}

int llm_gateway_handler(request_rec *r)
{
    llm_place place;
    llm_serving *s;
    int calling, rc;

    if (strcmp(r->handler, "llm"))
        return DECLINED;
    place = llm_place_of(r);
    calling = is_call(r, &place);
    if (!calling && (rc = ap_discard_request_body(r)))
        return rc;
    if (!calling && (rc = answer_at_once(r, &place)) != DECLINED)
        return rc;
    s = llm_serve_begin(r, &place.face);
    if (!s)
        return HTTP_SERVICE_UNAVAILABLE;
    return calling ? run_call(r, s, &place) : refuse_place(s, &place);
}

static const char *handler_of(request_rec *r)
{
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    const char *wrong = NULL;

    if (core->expr_handler)
        return ap_expr_str_exec(r, core->expr_handler, &wrong);
    return core->handler;
}

/* Runs while the Location's settings are merged; map_to_storage runs when they
 * are put aside, and knows our requests by their name. */
int llm_gateway_translate(request_rec *r)
{
    const char *handler = handler_of(r);

    if (!handler || (ap_cstr_casecmp(handler, "llm")
                     && ap_cstr_casecmp(handler, "llm-status")))
        return DECLINED;
    r->filename = apr_pstrcat(r->pool, NO_FILE, r->uri, NULL);
    return OK;
}

int llm_gateway_map(request_rec *r)
{
    if (!r->filename || strncmp(r->filename, NO_FILE, strlen(NO_FILE)))
        return DECLINED;
    return OK;
}

void llm_gateway_child_init(apr_pool_t *pchild, server_rec *s)
{
    llm_shared_child_attach(pchild, s);
    llm_serve_child_init(pchild, s);
    llm_probe_child_init(pchild, s);
}
