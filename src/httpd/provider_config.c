#include "provider_config.h"
#include "route_config.h"
#include "http_log.h"
#include "apr_lib.h"
#include "apr_strings.h"
#include "apr_uri.h"
#include "../call/preset.h"
#include "../wire/echo_options.h"

APLOG_USE_MODULE(llm);

#define NAME_MAX_LENGTH 32

/* How many endpoints this reading of the configuration has made. */
static int endpoints;

void llm_config_begin(void)
{
    endpoints = 0;
}

int llm_config_endpoints(void)
{
    return endpoints;
}

/* ---- the section -------------------------------------------------------- */

static llm_provider *find(const llm_server *server, const char *name)
{
    llm_provider **list = (llm_provider **)server->providers->elts;
    int i;

    for (i = 0; i < server->providers->nelts; i++)
        if (!strcmp(list[i]->name, name))
            return list[i];
    return NULL;
}

static llm_endpoint *endpoint_make(const char *name, apr_pool_t *p)
{
    llm_endpoint *endpoint = apr_pcalloc(p, sizeof *endpoint);

    endpoint->name = name;
    endpoint->headers = apr_array_make(p, 2, sizeof(llm_endpoint_header));
    endpoint->peer_options = "";
    endpoint->number = endpoints++;
    return endpoint;
}

static void speak(llm_provider *provider, const llm_family *family)
{
    provider->family = family;
    memcpy(provider->speaks, family->speaks, sizeof provider->speaks);
}

static const char *speak_more(llm_provider *provider,
                              const llm_dialect *dialect)
{
    int i;

    for (i = 0; i < LLM_SPOKEN_MAX && provider->speaks[i]; i++)
        if (provider->speaks[i] == dialect)
            return NULL;
    if (i == LLM_SPOKEN_MAX)
        return "LLMDialect: these are too many";
    provider->speaks[i] = dialect;
    return NULL;
}

const char *llm_provider_open(llm_server *server, const char *name,
                              apr_pool_t *p)
{
    const llm_preset *preset = llm_preset_find(name);
    llm_provider *provider;

    if (!llm_text_is_name(name, NAME_MAX_LENGTH) || strchr(name, '/'))
        return "<LLMProvider needs a name: up to 32 letters, digits or signs, "
               "without slash, quote or space";
    if (find(server, name))
        return apr_psprintf(p, "<LLMProvider %s> stands twice", name);
    provider = apr_pcalloc(p, sizeof *provider);
    provider->name = apr_pstrdup(p, name);
    speak(provider, llm_family_find(preset ? preset->dialect : "openai"));
    provider->endpoint = endpoint_make(provider->name, p);
    provider->ways = apr_array_make(p, 1, sizeof(llm_way));
    llm_route_defaults(provider);
    if (preset) {
        provider->endpoint->base_url = preset->base_url;
        provider->endpoint->peer = preset->peer;
        if (preset->more)
            speak_more(provider, llm_family_extra(preset->more));
        provider->refuses_stream_options = preset->refuses_stream_options;
        provider->takes_parameters = preset->peer != NULL;
    }
    APR_ARRAY_PUSH(server->providers, llm_provider *) = provider;
    server->open = provider;
    return NULL;
}

static char *upper(const char *name, apr_pool_t *p)
{
    char *copy = apr_pstrdup(p, name), *c;

    for (c = copy; *c; c++)
        *c = apr_toupper(*c);
    return copy;
}

static void show(const llm_way *way, const char *name, const char *before,
                 const llm_secret *secret)
{
    llm_endpoint_header *header = apr_array_push(way->endpoint->headers);

    header->name = name;
    header->before = before;
    header->secret = secret;
}

/* A pair, "ID:SECRET" or "ID:SECRET:TOKEN", is not shown but signed with. */
static int sign_with_key(const llm_provider *provider, llm_way *way,
                         apr_pool_t *p)
{
    llm_endpoint *endpoint = way->endpoint;
    const char *signing = provider->service
        ? llm_service_signing(provider->service, p) : NULL;
    const llm_secret *token = llm_secret_part(way->key, 2, p);

    endpoint->sign_secret = llm_secret_part(way->key, 1, p);
    if (!signing || !endpoint->sign_secret)
        return 0;
    endpoint->signing = signing;
    endpoint->sign_id = llm_secret_part(way->key, 0, p);
    way->key = endpoint->sign_secret;
    if (token)
        show(way, "X-Amz-Security-Token", "", token);
    return 1;
}

static void show_key(const llm_provider *provider, llm_way *way,
                     apr_pool_t *p)
{
    const char *header = provider->family->key_header;
    const char *before = provider->family->key_before;

    if (provider->service)
        llm_service_key(provider->service, &header, &before);
    if (!sign_with_key(provider, way, p))
        show(way, header, before, way->key);
}

/* Each key has an endpoint of its own that differs in nothing else. */
static llm_endpoint *endpoint_like(const llm_endpoint *other, apr_pool_t *p)
{
    llm_endpoint *endpoint = apr_pmemdup(p, other, sizeof *other);

    endpoint->headers = apr_array_copy(p, other->headers);
    endpoint->number = endpoints++;
    return endpoint;
}

static void open_ways(llm_provider *provider, apr_pool_t *p)
{
    llm_way *ways = (llm_way *)provider->ways->elts;
    int i;

    for (i = provider->ways->nelts - 1; i >= 0; i--) {
        ways[i].endpoint = i ? endpoint_like(provider->endpoint, p)
                             : provider->endpoint;
        show_key(provider, &ways[i], p);
    }
}

static const char *close_service(llm_provider *provider, apr_pool_t *p)
{
    llm_service *service = (llm_service *)provider->service;
    const char *wrong = llm_service_close(service, provider->family->name,
                                          provider->speaks,
                                          &provider->endpoint->base_url, p);

    if (!wrong && !provider->key)
        wrong = "LLMService needs an LLMKey";
    return wrong ? apr_psprintf(p, "<LLMProvider %s>: %s", provider->name,
                                wrong) : NULL;
}

/* How long a whole answer may take to begin the call knows, unless it is told:
 * it depends on who else could be asked. */
static void close_times(llm_times *times)
{
    llm_times usual = {
        .connect = apr_time_from_sec(5), .first = apr_time_from_sec(60),
        .idle = apr_time_from_sec(30), .total = apr_time_from_sec(600)
    };

    usual.whole = times->first;
    *times = llm_times_or(*times, &usual);
}

const char *llm_provider_close(llm_server *server, apr_pool_t *p)
{
    llm_provider *provider = server->open;
    const llm_preset *preset = llm_preset_find(provider->name);
    const char *wrong = provider->service ? close_service(provider, p) : NULL;

    if (wrong)
        return wrong;
    if (!provider->endpoint->base_url)
        return apr_psprintf(p, "<LLMProvider %s> is not known by that name: "
                            "it needs an LLMBaseURL", provider->name);
    if (preset && preset->needs_key && !provider->key
        && !strcmp(preset->base_url, provider->endpoint->base_url))
        return apr_psprintf(p, "<LLMProvider %s> needs an LLMKey, such as "
                            "LLMKey env:%s_API_KEY", provider->name,
                            upper(provider->name, p));
    close_times(&provider->endpoint->times);
    open_ways(provider, p);
    return NULL;
}

/* ---- inside it ---------------------------------------------------------- */

const char *llm_provider_set_dialect(llm_provider *provider, const char *word,
                                     apr_pool_t *p)
{
    const llm_family *family = llm_family_find(word);
    const llm_dialect *more = llm_family_extra(word);

    if (more && !strcmp(provider->family->name, "openai"))
        return speak_more(provider, more);
    if (!family)
        return apr_psprintf(p, "LLMDialect: \"%s\" is not spoken here: write "
                            "openai, anthropic or gemini; beside openai, "
                            "responses and completions", word);
    speak(provider, family);
    return NULL;
}

/* The dialect is the service's own choice until LLMDialect says another. */
const char *llm_provider_set_service(llm_provider *provider, const char *word,
                                     apr_pool_t *p)
{
    llm_service *service = (llm_service *)provider->service;
    const char *wrong, *family;

    if (!service)
        service = apr_pcalloc(p, sizeof *service);
    provider->service = service;
    wrong = llm_service_word(service, word, p);
    if (wrong)
        return apr_pstrcat(p, "LLMService: ", wrong, NULL);
    family = llm_service_family(service, provider->family->name);
    if (strcmp(family, provider->family->name)) {
        if (!llm_family_find(family))
            return apr_pstrcat(p, "LLMService: ", family,
                               " is not spoken here", NULL);
        speak(provider, llm_family_find(family));
    }
    return NULL;
}

const char *llm_provider_set_base_url(llm_provider *provider, const char *url,
                                      apr_pool_t *p)
{
    apr_uri_t parts;
    char *copy = apr_pstrdup(p, url);
    size_t n = strlen(copy);

    if (apr_uri_parse(p, url, &parts) != APR_SUCCESS || !parts.scheme
        || (strcmp(parts.scheme, "http") && strcmp(parts.scheme, "https"))
        || !parts.hostname || !*parts.hostname)
        return apr_psprintf(p, "LLMBaseURL: \"%s\" is no http:// or https:// "
                            "address with a host", url);
    if (parts.user || parts.password)
        return "LLMBaseURL must not hold a user or password: use LLMHeader or "
               "LLMKey";
    if (parts.query || parts.fragment)
        return "LLMBaseURL must not hold a query or fragment";
    if (provider->endpoint->peer)
        return "LLMBaseURL: the provider echo has no address";
    while (n && copy[n - 1] == '/')
        copy[--n] = '\0';
    provider->endpoint->base_url = copy;
    return NULL;
}

/* "weight=3" at the end of the line; 1 where it is not. */
static unsigned take_weight(const char **line, apr_pool_t *p)
{
    const char *at = strstr(*line, " weight=");
    long number;

    if (!at || !llm_text_number(at + strlen(" weight="), 1, 1000, &number))
        return 1;
    *line = apr_pstrmemdup(p, *line, at - *line);
    return (unsigned)number;
}

/* A program's arguments may be secret. */
static const char *shown(const char *source, apr_pool_t *p)
{
    return strncmp(source, "exec:", 5) ? apr_pstrdup(p, source)
        : apr_pstrmemdup(p, source, strcspn(source, " \t"));
}

const char *llm_provider_set_key(llm_provider *provider, const char *source,
                                 apr_pool_t *p)
{
    const char *why = NULL;
    llm_way *way;

    if (*source == '"' || *source == '\'')
        source = ap_getword_conf(p, &source);
    if (strncmp(source, "env:", 4) && strncmp(source, "file:", 5)
        && strncmp(source, "exec:", 5))
        return "LLMKey says where the key is, it is not the key: write "
               "env:NAME, file:/path or exec:/program";
    way = apr_array_push(provider->ways);
    way->weight = take_weight(&source, p);
    way->label = apr_psprintf(p, "%s#%d", provider->name,
                              provider->ways->nelts);
    way->source = shown(source, p);
    way->key = llm_secret_load(source, &why, p);
    if (!provider->key)
        provider->key = way->key;
    return way->key ? NULL : apr_pstrcat(p, "LLMKey: ", why, NULL);
}

static int is_field_name(const char *name)
{
    size_t n = strlen(name);

    return n && n <= 128
        && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789-_.!#$%&'*+^`|~") == n;
}

/* These are the gateway's own, or say where a message ends. */
static int is_reserved(const char *name)
{
    static const char *const reserved[] = {
        "Content-Length", "Transfer-Encoding", "Connection", "Host",
        "Content-Type", "Accept-Encoding", "Expect", "Upgrade", "TE",
    };
    size_t i;

    for (i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (!ap_cstr_casecmp(reserved[i], name))
            return 1;
    return 0;
}

static const char *wrong_value(const char *value)
{
    const unsigned char *c = (const unsigned char *)value;

    for (; *c; c++)
        if ((*c < 0x20 && *c != '\t') || *c == 0x7f)
            return "LLMHeader: the value holds a control character";
    return NULL;
}

/* A value env:, file: or exec: is a secret; any other is itself. */
const char *llm_provider_add_header(llm_provider *provider, const char *name,
                                    const char *value, apr_pool_t *p)
{
    llm_endpoint_header *header;
    const char *why = wrong_value(value);

    if (!is_field_name(name))
        return apr_psprintf(p, "LLMHeader: \"%s\" is no header field's name",
                            name);
    if (is_reserved(name))
        return apr_psprintf(p, "LLMHeader: %s is set by the gateway itself",
                            name);
    if (why)
        return why;
    header = apr_array_push(provider->endpoint->headers);
    memset(header, 0, sizeof *header);
    header->name = apr_pstrdup(p, name);
    header->before = "";
    if (!strncmp(value, "env:", 4) || !strncmp(value, "file:", 5)
        || !strncmp(value, "exec:", 5)) {
        header->secret = llm_secret_load(value, &why, p);
        return header->secret ? NULL
                              : apr_pstrcat(p, "LLMHeader: ", why, NULL);
    }
    header->before = apr_pstrdup(p, value);
    return NULL;
}

const char *llm_provider_set_timeout(llm_provider *provider, const char *word,
                                     apr_pool_t *p)
{
    const char *wrong = llm_times_read(&provider->endpoint->times, word);

    return wrong ? apr_psprintf(p, "LLMTimeout: \"%s\" %s", word, wrong)
                 : NULL;
}

const char *llm_provider_set_echo(llm_provider *provider, const char *options,
                                  apr_pool_t *p)
{
    llm_echo_options echo;
    char wrong[64] = "";

    if (!provider->endpoint->peer)
        return "LLMEcho is only for <LLMProvider echo>";
    llm_echo_options_init(&echo);
    if (!llm_echo_options_read(&echo, options, strlen(options), ' ', wrong))
        return apr_psprintf(p, "LLMEcho: \"%s\" is not understood", wrong);
    provider->endpoint->peer_options = apr_pstrdup(p, options);
    return NULL;
}

/* ---- models ------------------------------------------------------------- */

static int check_target(server_rec *s, const llm_server *server,
                        const llm_model *model, llm_target *target)
{
    target->provider = find(server, target->provider_name);
    if (target->provider)
        return OK;
    ap_log_error(APLOG_MARK, APLOG_EMERG | APLOG_STARTUP, 0, s,
                 "LLM0001: %s: LLMModel %s%s: there is no provider \"%s\": "
                 "declare it with <LLMProvider %s>", target->where,
                 model->name, model->wildcard ? "*" : "",
                 target->provider_name, target->provider_name);
    return HTTP_INTERNAL_SERVER_ERROR;
}

/* Whatever the client names of it; of two with one name, the server's own. */
static void add_any(const llm_server *server, llm_provider *provider,
                    apr_pool_t *p)
{
    llm_target *target;

    if (find(server, provider->name) != provider)
        return;
    target = apr_array_push(server->models->any);
    memset(target, 0, sizeof *target);
    target->provider = provider;
    target->provider_name = provider->name;
    target->label = apr_pstrcat(p, provider->name, "/*", NULL);
}

static int check_server(server_rec *s)
{
    const llm_server *server = llm_config_server(s);
    llm_model *models = (llm_model *)server->models->list->elts;
    int i, j, rc = OK;

    apr_array_clear(server->models->any);
    for (i = 0; i < server->providers->nelts; i++)
        add_any(server, APR_ARRAY_IDX(server->providers, i, llm_provider *),
                s->process->pconf);
    for (i = 0; i < server->models->list->nelts; i++)
        for (j = 0; j < models[i].targets->nelts; j++)
            if (check_target(s, server, &models[i],
                             &((llm_target *)models[i].targets->elts)[j]))
                rc = HTTP_INTERNAL_SERVER_ERROR;
    return rc;
}

int llm_config_check(server_rec *main)
{
    server_rec *s;
    int rc = OK;

    for (s = main; s; s = s->next)
        if (check_server(s))
            rc = HTTP_INTERNAL_SERVER_ERROR;
    return rc;
}
