#include <string.h>
#include <httpd.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_main.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mod_status.h>
#include <scoreboard.h>
#include "../base/version.h"
#include "config.h"
#include "shared.h"
#include "status.h"
#include "status_page.h"
#include "welfare.h"

APLOG_USE_MODULE(llm);

#define PAGE_MOST (64 * 1024 * 1024)
#define REFRESH_MOST 3600

typedef struct asked {          /* what the query says */
    int as_text;
    long refresh;               /* seconds; 0: not */
} asked;

/* Anything else in it is somebody else's, and is ignored. */
static asked read_query(request_rec *r)
{
    asked what = { 0, 0 };
    const char *left = r->args;

    while (left && *left) {
        const char *word = ap_getword(r->pool, &left, '&');
        if (!strcmp(word, "auto"))
            what.as_text = 1;
        else if (!strncmp(word, "refresh=", 8)
                 && !llm_text_number(word + 8, 1, REFRESH_MOST,
                                     &what.refresh))
            what.refresh = 0;
    }
    return what;
}

static llm_report make_report(const llm_meter *meter)
{
    const global_score *httpd =
        ap_scoreboard_image ? ap_scoreboard_image->global : NULL;
    const apr_time_t start =
        httpd ? httpd->restart_time : llm_meter_since(meter);
    return (llm_report) {
        .meter = meter,
        .version = LLM_VERSION,
        .uptime = apr_time_sec(apr_time_now() - start),
        .in_flight = llm_shared_in_flight(),
        .max_in_flight = llm_config_server(ap_server_conf)->max_in_flight
    };
}

/* --- the answer --------------------------------------------------------- */

/* Also on errors: err_headers_out is sent whatever the status. */
static void set_headers(request_rec *r)
{
    apr_table_t *out = r->err_headers_out;
    apr_table_setn(out, "Content-Security-Policy",
                   "default-src 'none'; style-src 'self'; base-uri 'none'; "
                   "form-action 'none'; frame-ancestors 'none'");
    apr_table_setn(out, "X-Content-Type-Options", "nosniff");
    apr_table_setn(out, "Cache-Control", "no-store");
    apr_table_setn(out, "Referrer-Policy", "no-referrer");
}

static int send_bytes(request_rec *r, const char *type, const char *bytes,
                      apr_size_t n)
{
    ap_set_content_type(r, type);
    ap_set_content_length(r, (apr_off_t)n);
    ap_rwrite(bytes, (int)n, r);
    return OK;
}

static int send_report(request_rec *r, const char *type, llm_buf *buf,
                       llm_fault fault)
{
    int rv = HTTP_INTERNAL_SERVER_ERROR;

    if (fault == LLM_OK)
        rv = send_bytes(r, type, buf->data, buf->len);
    else
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "LLM0111: no status page: %s",
                      llm_fault_of(fault)->word);
    llm_buf_free(buf);
    return rv;
}

static int send_style(request_rec *r)
{
    return send_bytes(r, "text/css; charset=utf-8", llm_status_style,
                      strlen(llm_status_style));
}

static apr_array_header_t *health(request_rec *r, apr_time_t now)
{
    return llm_welfare_list(ap_server_conf, now, r->pool);
}

static int send_json(request_rec *r, const llm_report *report)
{
    llm_report all = *report;
    llm_buf buf, health_json;
    llm_buf_init(&buf, PAGE_MOST);
    llm_buf_init(&health_json, PAGE_MOST);
    llm_fault fault = llm_status_health_json(&health_json,
                                             health(r, apr_time_now()));
    all.health = &health_json;
    if (fault == LLM_OK)
        fault = llm_report_json(&buf, &all);
    llm_buf_free(&health_json);
    return send_report(r, "application/json", &buf, fault);
}

static llm_fault write_text(request_rec *r, llm_buf *buf,
                            const llm_report *report)
{
    const llm_fault fault = llm_report_auto(buf, report);
    return fault ? fault
        : llm_status_health_auto(buf, health(r, apr_time_now()));
}

static int send_text(request_rec *r, const llm_report *report)
{
    llm_buf buf;
    llm_buf_init(&buf, PAGE_MOST);
    const llm_fault fault = write_text(r, &buf, report);
    return send_report(r, "text/plain; charset=utf-8", &buf, fault);
}

/* Two slashes in front would be another host's name. */
static const char *link_to(request_rec *r)
{
    const char *uri = r->uri;
    while (uri[0] == '/' && uri[1] == '/')
        uri++;
    return ap_escape_html(r->pool, ap_os_escape_path(r->pool, uri, 1));
}

static const char *since(request_rec *r, const llm_meter *meter)
{
    char *text = apr_palloc(r->pool, 32);
    apr_time_exp_t when;
    apr_size_t n;

    apr_time_exp_gmt(&when, llm_meter_since(meter));
    apr_strftime(text, &n, 32, "%Y-%m-%dT%H:%M:%SZ", &when);
    return text;
}

static int send_page(request_rec *r, const llm_report *report)
{
    const char *self = link_to(r);
    const size_t n = strlen(self);
    const apr_time_t now = apr_time_now();
    const llm_status_page page = {
        .report = *report, .health = health(r, now), .now = now,
        .self = self,
        .below = n && self[n - 1] == '/' ? self
            : apr_pstrcat(r->pool, self, "/", NULL),
        .since = since(r, report->meter)
    };
    llm_buf buf;

    llm_buf_init(&buf, PAGE_MOST);
    const llm_fault fault = llm_status_page_write(&buf, &page);
    return send_report(r, "text/html; charset=utf-8", &buf, fault);
}

static int say_unavailable(request_rec *r)
{
    static const char why[] = "The meter's shared memory is not there; the "
        "error log says why.\n";
    r->status = HTTP_SERVICE_UNAVAILABLE;
    return send_bytes(r, "text/plain; charset=utf-8", why, sizeof why - 1);
}

/* --- hooks -------------------------------------------------------------- */

/* The handler is told no path of its own: a Location has no files, and what
 * path_info says depends on what happens to lie in DocumentRoot. So the last
 * segment decides; one with a dot that is none of ours is a file that is not
 * there. */
static int send_what_is_asked(request_rec *r, const llm_report *report,
                              const asked *what)
{
    const char *slash = strrchr(r->uri, '/');
    const char *name = slash ? slash + 1 : r->uri;

    if (!strcmp(name, "status.json"))
        return send_json(r, report);
    if (strchr(name, '.'))
        return HTTP_NOT_FOUND;
    return what->as_text ? send_text(r, report) : send_page(r, report);
}

int llm_status_handler(request_rec *r)
{
    if (r->handler == NULL || strcmp(r->handler, "llm-status"))
        return DECLINED;

    set_headers(r);
    if (r->method_number != M_GET) {
        ap_allow_methods(r, REPLACE_ALLOW, "GET", NULL);
        return HTTP_METHOD_NOT_ALLOWED;
    }
    const char *slash = strrchr(r->uri, '/');
    if (slash && !strcmp(slash, "/status.css"))
        return send_style(r);

    const llm_meter *meter = llm_shared_meter();
    if (meter == NULL)
        return say_unavailable(r);
    llm_shared_reap();
    const llm_report report = make_report(meter);
    const asked what = read_query(r);
    if (what.refresh > 0)
        apr_table_setn(r->headers_out, "Refresh",
                       apr_ltoa(r->pool, what.refresh));
    return send_what_is_asked(r, &report, &what);
}

int llm_status_hook(request_rec *r, int flags)
{
    const llm_meter *meter = llm_shared_meter();
    if (meter == NULL)
        return DECLINED;

    const int as_text = (flags & AP_STATUS_SHORT) != 0;
    const int table = (flags & AP_STATUS_EXTENDED)
        && !(flags & AP_STATUS_NOTABLE);
    llm_shared_reap();
    const apr_time_t now = apr_time_now();
    const llm_status_page page = {
        .report = make_report(meter), .health = health(r, now), .now = now
    };
    llm_buf buf;
    llm_buf_init(&buf, PAGE_MOST);
    llm_fault fault = as_text ? write_text(r, &buf, &page.report)
        : llm_buf_puts(&buf, "<hr>\n<h2>LLM gateway</h2>\n");
    if (fault == LLM_OK && !as_text)
        fault = llm_status_page_part(&buf, &page, table);
    if (fault == LLM_OK)
        ap_rwrite(buf.data, (int)buf.len, r);
    llm_buf_free(&buf);
    return OK;
}
