#include "gateway.h"
#include "http_config.h"
#include "http_core.h"
#include "http_protocol.h"
#include "apr_strings.h"
#include "body.h"
#include "config.h"
#include "headers.h"
#include "serve.h"
#include "shared.h"

#define NO_FILE "llm:"

/* ---- paths -------------------------------------------------------------- */

typedef enum place { NOWHERE, CHAT, MODELS, MODEL } place;

static int ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), k = strlen(end);

    return n >= k && !strcmp(text + n - k, end);
}

/* httpd does not tell where the Location ends and the API's path begins, so
 * a path is known by its end; all of ours are told apart by theirs. */
static place place_of(const char *uri, const char **rest)
{
    const char *models = strstr(uri, "/v1/models/");

    *rest = "";
    if (ends_with(uri, "/v1/chat/completions"))
        return CHAT;
    if (ends_with(uri, "/v1/models") || ends_with(uri, "/v1/models/"))
        return MODELS;
    if (!models)
        return NOWHERE;
    *rest = models + strlen("/v1/models/");
    return MODEL;
}

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
    const llm_target *first = (const llm_target *)model->targets->elts;
    llm_model_entry entry = { id, first->provider_name,
                              apr_time_sec(llm_config_server(s)->read_at),
                              llm_facts_find(NULL, id) };

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
static int list_models(request_rec *r)
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
    if (llm_openai_write_models(entries, n, &body)) {
        llm_buf_free(&body);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return answer_json(r, &body);
}

/* Where AllowEncodedSlashes is NoDecode a name's slash arrives as %2F. */
static const char *model_name(request_rec *r, const char *rest)
{
    char *name = apr_pstrdup(r->pool, rest);

    return ap_unescape_url_keep2f(name, 1) == OK ? name : rest;
}

static const llm_model *find_model(request_rec *r, const char **rest)
{
    const char *parameters;

    *rest = model_name(r, *rest);
    if (strlen(*rest) >= LLM_MODEL_MAX)
        return NULL;
    return llm_models_find(llm_config_server(r->server)->models, *rest,
                           &parameters);
}

static int show_model(request_rec *r, const llm_model *model, const char *id)
{
    const llm_model_entry entry = entry_of(model, id, r->server);
    llm_buf body;

    llm_buf_init(&body, 1 << 20);
    if (llm_openai_write_model(&entry, &body)) {
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

static int chat(request_rec *r, llm_serving *s)
{
    llm_fault fault;

    if (!is_json(r)) {
        if (ap_discard_request_body(r))
            r->connection->keepalive = AP_CONN_CLOSE;
        return refuse(s, LLM_BAD_MEDIA, NULL);
    }
    fault = llm_body_read(r, &s->body);
    if (fault == LLM_TOO_LARGE)
        return refuse(s, fault, apr_psprintf(r->pool, "The request body is "
                      "larger than the %" APR_SIZE_T_FMT " bytes that "
                      "LLMMaxBody allows", s->body.ceiling));
    if (fault)
        return refuse(s, fault, NULL);
    llm_call_admit(&s->call, llm_config_server(r->server)->models,
                   s->body.data ? s->body.data : "", s->body.len,
                   apr_time_now());
    return llm_serve_run(s);
}

/* What needs no call to be answered; DECLINED if there is no such thing. */
static int answer_at_once(request_rec *r, place where, const char *rest)
{
    const llm_model *model;

    if (r->method_number != M_GET || where == CHAT || where == NOWHERE)
        return DECLINED;
    if (where == MODELS)
        return list_models(r);
    model = find_model(r, &rest);
    return model ? show_model(r, model, rest) : DECLINED;
}

/* Everything else ends in an error that counts. */
static int refuse_place(llm_serving *s, place where, const char *rest)
{
    const char *uri = s->r->uri;

    if (where == NOWHERE)
        return refuse(s, LLM_NO_PATH, apr_pstrcat(s->r->pool, "There is "
                      "nothing at ", uri, ": this gateway has "
                      "/v1/chat/completions and /v1/models", NULL));
    if (s->r->method_number != M_GET || where == CHAT) {
        s->allow = where == CHAT ? "POST" : "GET";
        return refuse(s, LLM_BAD_METHOD, apr_pstrcat(s->r->pool, "This path "
                      "takes ", s->allow, NULL));
    }
    return refuse_model(s, rest);
}

int llm_gateway_handler(request_rec *r)
{
    const llm_face face = { .dialect = &llm_openai };
    const char *rest;
    place where = place_of(r->uri, &rest);
    llm_serving *s;
    int chatting = where == CHAT && r->method_number == M_POST, rc;

    if (strcmp(r->handler, "llm"))
        return DECLINED;
    if (!chatting && (rc = ap_discard_request_body(r)))
        return rc;
    if (!chatting && (rc = answer_at_once(r, where, rest)) != DECLINED)
        return rc;
    s = llm_serve_begin(r, &face);
    if (!s)
        return HTTP_SERVICE_UNAVAILABLE;
    return chatting ? chat(r, s) : refuse_place(s, where, rest);
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
}
