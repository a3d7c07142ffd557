#include "face.h"
#include "http_core.h"
#include "http_config.h"
#include "apr_lib.h"
#include "apr_strings.h"
#include "../base/text.h"

/* ---- calls by the end of their path ------------------------------------- */

/* httpd does not tell where the Location ends and the API's path begins, so
 * a path is known by its end; all of ours are told apart by theirs. A longer
 * end stands before a shorter one that it holds. */
static const struct {
    const char *end;
    const llm_dialect *dialect;
    int seed, stream;
} calls[] = {
    { "/chat/completions", &llm_openai, 0, 0 },
    { "/completions", &llm_openai_completions, 0, 0 },
    { "/responses", &llm_openai_responses, 0, 0 },
    { "/embeddings", &llm_openai_embeddings, 0, 0 },
    { "/v1/messages/count_tokens", &llm_anthropic_count, 0, 0 },
    { "/v1/messages", &llm_anthropic, 0, 0 },
    { "/api/complete", &llm_seed, 1, 0 },
    { "/api/chat", &llm_seed, 1, 0 },
    { "/api/stream", &llm_seed, 1, 1 },
};

static int ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), k = strlen(end);

    return n >= k && !strcmp(text + n - k, end);
}

/* A field of the request's head that may be passed on; NULL. */
static const char *field(request_rec *r, const char *name)
{
    const char *value = apr_table_get(r->headers_in, name), *c;

    if (!value || !*value || strlen(value) > 1024)
        return NULL;
    for (c = value; *c; c++)
        if (*c < 0x20 || *c == 0x7f)
            return NULL;
    return value;
}

static int accepts(request_rec *r, const char *type)
{
    const char *accept = apr_table_get(r->headers_in, "Accept");

    return accept && ap_strstr_c(accept, type);
}

static int call_place(request_rec *r, llm_place *place)
{
    size_t i;

    for (i = 0; i < sizeof calls / sizeof *calls; i++)
        if (ends_with(r->uri, calls[i].end))
            break;
    if (i == sizeof calls / sizeof *calls)
        return 0;
    place->kind = LLM_PLACE_CALL;
    place->face.dialect = calls[i].dialect;
    place->stream = calls[i].stream;
    place->takes_query = calls[i].seed;
    place->face.wrapped = calls[i].seed;
    if (place->stream && accepts(r, "ndjson"))
        place->face.framing = LLM_FRAMING_LINES;
    return 1;
}

/* ---- Gemini's ----------------------------------------------------------- */

static const struct {
    const char *method;
    const llm_dialect *dialect;
    int stream;
} methods[] = {
    { "generateContent", &llm_gemini, 0 },
    { "streamGenerateContent", &llm_gemini, 1 },
    { "countTokens", &llm_gemini_count, 0 },
    { "embedContent", &llm_gemini_embed, 0 },
    { "batchEmbedContents", &llm_gemini_embeds, 0 },
};

static const char *after_models(const char *uri)
{
    const char *at, *found = NULL;

    for (at = uri; (at = ap_strstr_c(at, "/models/")); at++)
        if (at - uri >= 3 && (!strncmp(at - 3, "/v1", 3)
                              || (at - uri >= 7
                                  && !strncmp(at - 7, "/v1beta", 7))))
            return at + strlen("/models/");
    return found;
}

/* Where AllowEncodedSlashes is NoDecode a name's slash arrives as %2F; all
 * else httpd has decoded, and once is enough. */
static const char *unescape(request_rec *r, const char *text, size_t n)
{
    char *name = apr_pstrmemdup(r->pool, text, n), *to = name;
    const char *from;

    for (from = name; *from; from++)
        if (!ap_cstr_casecmpn(from, "%2f", 3)) {
            *to++ = '/';
            from += 2;
        }
        else {
            *to++ = *from;
        }
    *to = '\0';
    return name;
}

/* alt=sse among a query's pairs. */
static int wants_events(request_rec *r)
{
    const char *at = r->args ? r->args : "";

    for (; *at; at += strcspn(at, "&"), at += *at == '&')
        if (!strncmp(at, "alt=sse", 7) && (!at[7] || at[7] == '&'))
            return 1;
    return 0;
}

static int method_place(request_rec *r, llm_place *place)
{
    const char *rest = after_models(r->uri);
    const char *colon = rest ? strrchr(rest, ':') : NULL;
    size_t i;

    for (i = 0; colon && i < sizeof methods / sizeof *methods; i++)
        if (!strcmp(methods[i].method, colon + 1))
            break;
    if (!colon || colon == rest || i == sizeof methods / sizeof *methods)
        return 0;
    place->kind = LLM_PLACE_CALL;
    place->face.dialect = methods[i].dialect;
    place->stream = methods[i].stream;
    place->model = unescape(r, rest, colon - rest);
    if (place->stream && !wants_events(r))
        place->face.framing = LLM_FRAMING_ARRAY;
    return 1;
}

/* ---- models ------------------------------------------------------------- */

/* OpenAI's and Anthropic's lists have the same path. */
static const llm_dialect *lister(request_rec *r)
{
    if (apr_table_get(r->headers_in, "anthropic-version"))
        return &llm_anthropic;
    if (ap_strstr_c(r->uri, "/v1beta/")
        || apr_table_get(r->headers_in, "x-goog-api-key"))
        return &llm_gemini;
    return &llm_openai;
}

/* A method of Gemini's that there is not; names of models have colons too. */
static int is_method(request_rec *r, const char *rest)
{
    return r->method_number == M_POST && strchr(rest, ':');
}

static int models_place(request_rec *r, llm_place *place)
{
    const char *rest = after_models(r->uri);

    place->face.dialect = lister(r);
    if (ends_with(r->uri, "/api/models")) {
        place->kind = LLM_PLACE_MODELS;
        place->face.dialect = &llm_seed;
        place->face.wrapped = 1;
        return 1;
    }
    if (ends_with(r->uri, "/v1/models") || ends_with(r->uri, "/v1beta/models")
        || (rest && !*rest)) {
        place->kind = LLM_PLACE_MODELS;
        return 1;
    }
    if (!rest || is_method(r, rest))
        return 0;
    place->kind = LLM_PLACE_MODEL;
    place->model = unescape(r, rest, strlen(rest));
    return 1;
}

/* ---- the rest ----------------------------------------------------------- */

/* The Location's own path, where it is a plain one. */
static int is_root(request_rec *r)
{
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    size_t n = core->d ? strlen(core->d) : 0;

    while (n && core->d[n - 1] == '/')
        n--;
    return core->d && !strncmp(core->d, r->uri, n)
        && (!r->uri[n] || !strcmp(r->uri + n, "/"));
}

/* Whom an error is written for when nothing else tells. */
static void guess(request_rec *r, llm_place *place)
{
    place->face.dialect = lister(r);
    if (ap_strstr_c(r->uri, "/api/"))
        place->face.dialect = &llm_seed;
}

llm_place llm_place_of(request_rec *r)
{
    llm_place place = { .model = "" };

    if (!method_place(r, &place) && !call_place(r, &place)
        && !models_place(r, &place)) {
        guess(r, &place);
        if (is_root(r)) {
            place.kind = LLM_PLACE_ABOUT;
            place.face.dialect = &llm_seed;
        }
    }
    place.face.version = field(r, "anthropic-version");
    place.face.beta = field(r, "anthropic-beta");
    return place;
}

const char *llm_place_method(const llm_place *place)
{
    if (place->kind != LLM_PLACE_CALL)
        return "GET";
    return place->takes_query ? "GET, POST" : "POST";
}
