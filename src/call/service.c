/* Addresses and bodies: each service's own reference ("Azure OpenAI REST
 * API", "Bedrock: InvokeModel", "Vertex AI: partner models"). */
#include "service.h"
#include <string.h>
#include <apr_strings.h>
#include "../base/emit.h"

#define DEPTH 512
#define FAMILIES 2

typedef const char *path_fn(const llm_service *service,
                            const llm_dialect *dialect, const char *model,
                            int stream, apr_pool_t *p);

struct llm_service_kind {
    const char *name;
    const char *families[FAMILIES];     /* the likeliest first */
    const char *key_header, *key_before;
    unsigned chats_only;        /* by family: it has nothing else */
    unsigned no_embeddings;
    int names_models;
    const char *signing;        /* the service's name in a signature */
    path_fn *path;
    const char *version;        /* of Anthropic's bodies; NULL: in a field */
    int framed;                 /* Amazon's event stream; the stream is asked
                                 * for by the path, not in the body */
};

static int is_called(const llm_dialect *dialect, const char *name)
{
    return !strcmp(dialect->name, name);
}

/* ---- paths -------------------------------------------------------------- */

/* As one segment of a path. A colon stays: what is signed depends on it. */
static const char *segment(const char *text, apr_pool_t *p)
{
    static const char hex[] = "0123456789ABCDEF";
    char *out = apr_palloc(p, strlen(text) * 3 + 1), *to = out;
    const char *plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                        "0123456789-._~:@";

    for (; *text; text++) {
        if (strchr(plain, *text)) {
            *to++ = *text;
            continue;
        }
        *to++ = '%';
        *to++ = hex[(unsigned char)*text >> 4];
        *to++ = hex[*text & 15];
    }
    *to = '\0';
    return out;
}

static int ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), k = strlen(end);

    return n >= k && !strcmp(text + n - k, end);
}

/* Responses name their model in the body; all else asks a deployment. The
 * newer API has the paths of OpenAI's own. */
static const char *azure_path(const llm_service *service,
                              const llm_dialect *dialect, const char *model,
                              int stream, apr_pool_t *p)
{
    const char *path = dialect->path(model, stream, p);

    if (ends_with(service->base_url, "/openai/v1"))
        return service->api_version
            ? apr_pstrcat(p, path, "?api-version=", service->api_version,
                          NULL)
            : path;
    if (is_called(dialect, "openai-responses"))
        return apr_pstrcat(p, "/openai", path, "?api-version=",
                           service->api_version, NULL);
    return apr_pstrcat(p, "/openai/deployments/", segment(model, p), path,
                       "?api-version=", service->api_version, NULL);
}

static const char *bedrock_path(const llm_service *service,
                                const llm_dialect *dialect, const char *model,
                                int stream, apr_pool_t *p)
{
    (void)service;
    (void)dialect;
    return apr_pstrcat(p, "/model/", segment(model, p),
                       stream ? "/invoke-with-response-stream" : "/invoke",
                       NULL);
}

static const char *vertex_path(const llm_service *service,
                               const llm_dialect *dialect, const char *model,
                               int stream, apr_pool_t *p)
{
    (void)service;
    if (!is_called(dialect, "anthropic"))
        return apr_pstrcat(p, "/publishers/google",
                           dialect->path(model, stream, p), NULL);
    return apr_pstrcat(p, "/publishers/anthropic/models/", segment(model, p),
                       stream ? ":streamRawPredict" : ":rawPredict", NULL);
}

/* ---- the table ---------------------------------------------------------- */

enum { ANTHROPIC = 1, GEMINI = 2 };

static const llm_service_kind kinds[] = {
    { .name = "azure", .families = { "openai" },
      .key_header = "api-key", .key_before = "",
      .names_models = 1, .path = azure_path },
    { .name = "bedrock", .families = { "anthropic" },
      .key_header = "Authorization", .key_before = "Bearer ",
      .chats_only = ANTHROPIC, .names_models = 1, .signing = "bedrock",
      .path = bedrock_path, .version = "bedrock-2023-05-31", .framed = 1 },
    { .name = "vertex", .families = { "gemini", "anthropic" },
      .key_header = "Authorization", .key_before = "Bearer ",
      .chats_only = ANTHROPIC, .no_embeddings = GEMINI,
      .path = vertex_path, .version = "vertex-2023-10-16" },
};

static const llm_service_kind *kind_of(const char *name)
{
    size_t i;

    for (i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kinds[i].name, name))
            return &kinds[i];
    return NULL;
}

/* ---- reading the directive ---------------------------------------------- */

/* It goes into a path, a header and a signature. */
static int is_plain(const char *word)
{
    size_t n = strlen(word);

    return n && n <= 32
        && strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

const char *llm_service_word(llm_service *service, const char *word,
                             apr_pool_t *p)
{
    const char *value = strchr(word, '=');
    int azure = service->kind == &kinds[0];
    int bedrock = service->kind == &kinds[1];

    if (!service->kind) {
        service->kind = kind_of(word);
        return service->kind ? NULL
            : apr_psprintf(p, "\"%s\" is not known: write azure, bedrock or "
                           "vertex", word);
    }
    if (azure && !strncmp(word, "api-version=", 12) && is_plain(value + 1))
        service->api_version = apr_pstrdup(p, value + 1);
    else if (bedrock && !strncmp(word, "region=", 7) && is_plain(value + 1))
        service->region = apr_pstrdup(p, value + 1);
    else
        return apr_psprintf(p, "%s is not told \"%s\": write %s",
                            service->kind->name, word,
                            azure ? "api-version=2024-10-21"
                            : bedrock ? "region=us-east-1"
                            : "its name alone");
    return NULL;
}

const char *llm_service_family(const llm_service *service, const char *family)
{
    int i;

    for (i = 0; i < FAMILIES && service->kind->families[i]; i++)
        if (!strcmp(service->kind->families[i], family))
            return family;
    return service->kind->families[0];
}

static int has(const llm_service_kind *kind, const char *family,
               llm_operation operation)
{
    unsigned bit = !strcmp(family, "anthropic") ? ANTHROPIC
        : !strcmp(family, "gemini") ? GEMINI : 0;

    return operation == LLM_OP_CHAT
        || (!(kind->chats_only & bit)
            && (operation != LLM_OP_EMBED || !(kind->no_embeddings & bit)));
}

static void keep_spoken(const llm_service_kind *kind, const char *family,
                        const llm_dialect **speaks)
{
    int i, n = 0;

    for (i = 0; i < LLM_SPOKEN_MAX && speaks[i]; i++)
        if (has(kind, family, speaks[i]->operation))
            speaks[n++] = speaks[i];
    while (n < LLM_SPOKEN_MAX)
        speaks[n++] = NULL;
}

const char *llm_service_close(llm_service *service, const char *family,
                              const llm_dialect **speaks,
                              const char **base_url, apr_pool_t *p)
{
    const llm_service_kind *kind = service->kind;

    if (strcmp(llm_service_family(service, family), family))
        return apr_psprintf(p, "LLMService %s does not speak %s", kind->name,
                            family);
    if (kind->signing && !service->region)
        return apr_psprintf(p, "LLMService %s needs its region, such as "
                            "LLMService %s region=us-east-1", kind->name,
                            kind->name);
    if (!*base_url && service->region)
        *base_url = apr_psprintf(p, "https://bedrock-runtime.%s.amazonaws.com",
                                 service->region);
    if (!*base_url)
        return apr_psprintf(p, "LLMService %s needs an LLMBaseURL, such as %s",
                            kind->name, kind == &kinds[0]
                            ? "https://NAME.openai.azure.com"
                            : "https://REGION-aiplatform.googleapis.com/v1/"
                              "projects/PROJECT/locations/REGION");
    service->base_url = *base_url;
    if (kind == &kinds[0] && !service->api_version
        && !ends_with(*base_url, "/openai/v1"))
        service->api_version = "2024-10-21";
    keep_spoken(kind, family, speaks);
    return NULL;
}

void llm_service_key(const llm_service *service, const char **header,
                     const char **before)
{
    *header = service->kind->key_header;
    *before = service->kind->key_before;
}

const char *llm_service_signing(const llm_service *service, apr_pool_t *p)
{
    if (!service->kind->signing)
        return NULL;
    return apr_psprintf(p, "aws:amz:%s:%s", service->region,
                        service->kind->signing);
}

/* ---- requests ----------------------------------------------------------- */

int llm_service_names_models(const llm_service *service)
{
    return service && service->kind->names_models;
}

/* "us.anthropic.claude-sonnet-5", also at the end of an ARN. */
const char *llm_service_model(const llm_service *service, const char *model)
{
    static const char maker[] = "anthropic.";
    const char *found = service ? strstr(model, maker) : NULL;

    return found ? found + strlen(maker) : model;
}

const char *llm_service_path(const llm_service *service,
                             const llm_dialect *dialect, const char *model,
                             int stream, apr_pool_t *p)
{
    return service ? service->kind->path(service, dialect, model, stream, p)
                   : dialect->path(model, stream, p);
}

typedef struct rewriting {
    const llm_service_kind *kind;
    llm_emit emit;
    llm_buf name;
} rewriting;

/* A name as it stands, escapes and all. */
static llm_fault keep_member(rewriting *in, const llm_member *member)
{
    llm_buf_clear(&in->name);
    if (llm_buf_add(&in->name, member->name.at, member->name.len)
        || llm_buf_add(&in->name, "", 1))
        return LLM_INTERNAL;
    llm_emit_raw(&in->emit, in->name.data, member->value);
    return in->emit.fault;
}

static llm_fault body_member(void *baton, const llm_member *member)
{
    rewriting *in = baton;

    if (llm_scan_is(member, "model")
        || llm_scan_is(member, "anthropic_version")
        || (in->kind->framed && llm_scan_is(member, "stream")))
        return LLM_OK;
    return keep_member(in, member);
}

/* "a, b" as ["a","b"]. */
static void put_beta(llm_emit *e, const char *beta)
{
    llm_span word;

    llm_emit_array(e, "anthropic_beta");
    while (*beta) {
        beta += strspn(beta, ", \t");
        word.at = beta;
        word.len = strcspn(beta, ", \t");
        if (word.len)
            llm_emit_text(e, NULL, word);
        beta += word.len;
    }
    llm_emit_end_array(e);
}

llm_fault llm_service_body(const llm_service *service,
                           const llm_dialect *dialect, const char *beta,
                           llm_buf *body)
{
    rewriting in = { .kind = service ? service->kind : NULL };
    llm_fault fault;
    llm_buf out;

    if (!service || !service->kind->version
        || !is_called(dialect, "anthropic"))
        return LLM_OK;
    llm_buf_init(&out, body->ceiling + 4096);
    llm_buf_init(&in.name, body->ceiling + 1);
    llm_emit_begin(&in.emit, &out);
    llm_emit_object(&in.emit, NULL);
    llm_emit_string(&in.emit, "anthropic_version", service->kind->version);
    if (beta && service->kind->framed)
        put_beta(&in.emit, beta);
    fault = llm_scan_object(body->data, body->len, LLM_SCAN_DEEPEST,
                            body_member, &in, NULL);
    llm_emit_end_object(&in.emit);
    llm_buf_free(&in.name);
    fault = fault ? fault : in.emit.fault;
    if (fault)
        llm_buf_free(&out);
    else
        llm_buf_move(body, &out);
    return fault;
}

int llm_service_has_version(const llm_service *service)
{
    return service && service->kind->version;
}

/* ---- answers ------------------------------------------------------------ */

int llm_service_is_framed(const llm_service *service)
{
    return service && service->kind->framed;
}

const char *llm_service_stream_type(const llm_service *service)
{
    return llm_service_is_framed(service)
        ? "application/vnd.amazon.eventstream" : "text/event-stream";
}

/* 424: the model has failed, and the client is not to blame. */
int llm_service_status(const llm_service *service, int status)
{
    return llm_service_is_framed(service) && status == 424 ? 502 : status;
}

typedef struct finding {
    llm_span message;
} finding;

static llm_fault find_message(void *baton, const llm_member *member)
{
    finding *in = baton;

    if (member->kind == LLM_JSON_STRING
        && (llm_scan_is(member, "message") || llm_scan_is(member, "Message")))
        in->message = member->value;
    return LLM_OK;
}

llm_span llm_service_error(const llm_service *service, llm_span body,
                           apr_pool_t *p)
{
    finding in = { { NULL, 0 } };
    llm_span error = body;

    if (!llm_service_is_framed(service)
        || llm_scan_object(body.at, body.len, DEPTH, find_message, &in, NULL)
        || !in.message.at)
        return body;
    error.at = apr_psprintf(p, "{\"error\":{\"message\":%.*s}}",
                            (int)in.message.len, in.message.at);
    error.len = strlen(error.at);
    return error;
}
