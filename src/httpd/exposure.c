#include "exposure.h"
#include "http_config.h"
#include "http_core.h"
#include "http_log.h"
#include "apr_fnmatch.h"
#include "apr_strings.h"
#include "config.h"

APLOG_USE_MODULE(llm);

/* What is being looked at: sections of the main server count in a virtual
 * host, too. */
typedef struct scope {
    const server_rec *s;
    const llm_provider *spent;  /* one whose key is spent there; or NULL */
    const ap_directive_t *outer, *inner;        /* inner: NULL, or its own */
    apr_pool_t *p;
} scope;

/* ---- sections ----------------------------------------------------------- */

static int is(const ap_directive_t *at, const char *name)
{
    return !ap_cstr_casecmp(at->directive, name);
}

static int is_location(const ap_directive_t *at)
{
    return is(at, "<Location") || is(at, "<LocationMatch");
}

/* Also within <RequireAny>, <Limit> and the like. */
static int has_require(const ap_directive_t *at)
{
    for (; at; at = at->next)
        if (is(at, "Require") || has_require(at->first_child))
            return 1;
    return 0;
}

static int is_gateway(const ap_directive_t *section, apr_pool_t *p)
{
    const ap_directive_t *at;
    const char *args;

    for (at = section->first_child; at; at = at->next) {
        args = at->args;
        if (is(at, "SetHandler")
            && !ap_cstr_casecmp(ap_getword_conf(p, &args), "llm"))
            return 1;
    }
    return 0;
}

/* The path of <Location path>, <Location ~ regex> and <LocationMatch regex>;
 * *regex tells which it is. */
static const char *path_of(const ap_directive_t *section, int *regex,
                           apr_pool_t *p)
{
    const char *args = section->args;
    char *path = ap_getword_conf(p, &args);
    size_t n;

    *regex = is(section, "<LocationMatch");
    if (!strcmp(path, "~")) {
        *regex = 1;
        path = ap_getword_conf(p, &args);
    }
    n = strlen(path);
    if (n && path[n - 1] == '>')
        path[n - 1] = '\0';
    return path;
}

static int is_below(const char *path, const char *around)
{
    size_t n = strlen(around);

    return !strncmp(path, around, n)
        && (!path[n] || path[n] == '/' || (n && around[n - 1] == '/'));
}

/* 1 if what is said in `around` holds for all that is below `section`. */
static int holds_in(const ap_directive_t *around,
                    const ap_directive_t *section, apr_pool_t *p)
{
    int around_regex, regex;
    const char *outer = path_of(around, &around_regex, p);
    const char *path = path_of(section, &regex, p);
    ap_regex_t *match;

    if (regex == around_regex && !strcmp(path, outer))
        return 1;
    if (regex)
        return !strcmp(outer, "/");
    if (around_regex) {
        match = ap_pregcomp(p, outer, AP_REG_EXTENDED);
        return match && !ap_regexec(match, path, 0, NULL, 0);
    }
    if (apr_fnmatch_test(outer))
        return apr_fnmatch(outer, path, APR_FNM_PATHNAME) == APR_SUCCESS;
    return is_below(path, outer);
}

static int is_guarded_by(const ap_directive_t *at,
                         const ap_directive_t *section, apr_pool_t *p)
{
    for (; at; at = at->next)
        if (is_location(at) && has_require(at->first_child)
            && holds_in(at, section, p))
            return 1;
    return 0;
}

/* ---- keys --------------------------------------------------------------- */

static int has_key(const llm_provider *provider)
{
    const apr_array_header_t *list = provider->endpoint->headers;
    const llm_endpoint_header *headers
        = (const llm_endpoint_header *)list->elts;
    int i;

    for (i = 0; i < list->nelts; i++)
        if (headers[i].secret)
            return 1;
    return provider->endpoint->sign_secret != NULL;
}

/* A provider that no model is asked of costs nobody anything. */
static const llm_provider *spent_in(const server_rec *s)
{
    const apr_array_header_t *list = llm_config_server(s)->models->list;
    const llm_model *models = (const llm_model *)list->elts;
    int i, k;

    for (i = 0; i < list->nelts; i++) {
        const llm_target *targets
            = (const llm_target *)models[i].targets->elts;

        for (k = 0; k < models[i].targets->nelts; k++)
            if (targets[k].provider && has_key(targets[k].provider))
                return targets[k].provider;
    }
    return NULL;
}

/* ---- servers ------------------------------------------------------------ */

static void check_section(const scope *in, const ap_directive_t *section)
{
    if (has_require(section->first_child)
        || is_guarded_by(in->outer, section, in->p)
        || is_guarded_by(in->inner, section, in->p))
        return;
    ap_log_error(APLOG_MARK, APLOG_WARNING | APLOG_STARTUP, 0, in->s,
                 "LLM0006: %s:%d: anybody may use this gateway, and its keys "
                 "(of provider %s among them): %s %s has no Require. If that "
                 "is meant, say so with \"Require all granted\"",
                 section->filename, section->line_num, in->spent->name,
                 section->directive, section->args);
}

static void check_sections(const scope *in, const ap_directive_t *at)
{
    for (; at && in->spent; at = at->next)
        if (is_location(at) && is_gateway(at, in->p))
            check_section(in, at);
}

static const server_rec *server_at(const server_rec *s,
                                   const ap_directive_t *host)
{
    for (; s; s = s->next)
        if (s->defn_name && !strcmp(s->defn_name, host->filename)
            && s->defn_line_number == (unsigned)host->line_num)
            return s;
    return NULL;
}

/* httpd reads its configuration twice when it starts, and says it once. */
static int is_first_reading(void)
{
    return ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG
        && ap_state_query(AP_SQ_RUN_MODE) != AP_SQ_RM_CONFIG_TEST;
}

/* A <Location> of the main server is one of every virtual host. */
void llm_exposure_check(server_rec *main, apr_pool_t *p)
{
    scope in = { main, NULL, ap_conftree, NULL, p };
    const ap_directive_t *at;
    const server_rec *s;

    if (is_first_reading())
        return;
    for (s = main; s && !in.spent; s = s->next)
        in.spent = spent_in(s);
    check_sections(&in, ap_conftree);
    for (at = ap_conftree; at; at = at->next) {
        if (!is(at, "<VirtualHost") || !(s = server_at(main->next, at)))
            continue;
        in.s = s;
        in.spent = spent_in(s);
        in.inner = at->first_child;
        check_sections(&in, at->first_child);
    }
}
