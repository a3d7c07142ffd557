/* Services: their words, addresses and bodies. */
#include <apr_general.h>
#include <apr_strings.h>

#include "../../src/call/service.h"
#include "../tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static apr_pool_t *pool;
static const llm_dialect *speaks[LLM_SPOKEN_MAX];

/* From words between blanks; NULL when one of them is wrong. */
static llm_service *read_words(const char *words)
{
    llm_service *const service = apr_pcalloc(pool, sizeof *service);
    char *rest, *word, *copy = apr_pstrdup(pool, words);

    for (word = apr_strtok(copy, " ", &rest); word;
         word = apr_strtok(NULL, " ", &rest))
        if (llm_service_word(service, word, pool))
            return NULL;
    return service;
}

static llm_service *make(const char *words, const char *family,
                         const char *base_url)
{
    llm_service *const service = read_words(words);
    const llm_family *const found = llm_family_find(family);
    const char *wrong;

    memcpy(speaks, found->speaks, sizeof speaks);
    wrong = llm_service_close(service, family, speaks, &base_url, pool);
    if (wrong)
        printf("# %s\n", wrong);
    return wrong ? NULL : service;
}

static void is_path(const llm_service *service, const llm_dialect *dialect,
                    const char *model, int stream, const char *want)
{
    is_str(llm_service_path(service, dialect, model, stream, pool), want,
           "%s", want);
}

static void paths(void)
{
    const llm_service *azure = make("azure", "openai", "https://h");
    const llm_service *v1 = make("azure", "openai", "https://h/openai/v1");
    const llm_service *dated = make("azure api-version=preview", "openai",
                                    "https://h/openai/v1");
    const llm_service *bedrock = make("bedrock region=r", "anthropic", NULL);
    const llm_service *gemini = make("vertex", "gemini", "https://h/v1");
    const llm_service *claude = make("vertex", "anthropic", "https://h/v1");

    is_path(NULL, &llm_openai, "m", 0, "/chat/completions");
    is_path(azure, &llm_openai, "m", 0, "/openai/deployments/m/chat/"
            "completions?api-version=2024-10-21");
    is_path(azure, &llm_openai_embeddings, "m", 0, "/openai/deployments/m/"
            "embeddings?api-version=2024-10-21");
    is_path(azure, &llm_openai_responses, "m", 0,
            "/openai/responses?api-version=2024-10-21");
    is_path(v1, &llm_openai, "m", 1, "/chat/completions");
    is_path(v1, &llm_openai_responses, "m", 1, "/responses");
    is_path(dated, &llm_openai, "m", 1,
            "/chat/completions?api-version=preview");
    is_path(bedrock, &llm_anthropic, "a.b-v1:0", 0, "/model/a.b-v1:0/invoke");
    is_path(bedrock, &llm_anthropic, "a/b?c#d%e", 1,
            "/model/a%2Fb%3Fc%23d%25e/invoke-with-response-stream");
    is_path(gemini, &llm_gemini, "g", 0,
            "/publishers/google/models/g:generateContent");
    is_path(gemini, &llm_gemini_count, "g", 0,
            "/publishers/google/models/g:countTokens");
    is_path(claude, &llm_anthropic, "c@1", 1,
            "/publishers/anthropic/models/c@1:streamRawPredict");
}

static int speaks_of(llm_operation operation)
{
    int i, n = 0;

    for (i = 0; i < LLM_SPOKEN_MAX && speaks[i]; i++)
        n += speaks[i]->operation == operation;
    return n;
}

static void spoken(void)
{
    make("azure", "openai", "https://h");
    is_int(speaks_of(LLM_OP_EMBED), 1, "azure has embeddings");
    make("bedrock region=r", "anthropic", NULL);
    is_int(speaks_of(LLM_OP_CHAT), 1, "bedrock chats");
    is_int(speaks_of(LLM_OP_COUNT), 0, "and does not count");
    make("vertex", "anthropic", "https://h");
    is_int(speaks_of(LLM_OP_COUNT), 0, "nor does Claude on vertex");
    make("vertex", "gemini", "https://h");
    is_int(speaks_of(LLM_OP_COUNT), 1, "Gemini there does");
    is_int(speaks_of(LLM_OP_EMBED), 0, "and embeds nothing");
}

static void is_body(const llm_service *service, const llm_dialect *dialect,
                    const char *beta, const char *body, const char *want)
{
    llm_buf buf;

    llm_buf_init(&buf, 4096);
    llm_buf_puts(&buf, body);
    is_int(llm_service_body(service, dialect, beta, &buf), LLM_OK, "%s", body);
    is_mem(buf.data, buf.len, want, strlen(want), "becomes what is due");
    llm_buf_free(&buf);
}

static void bodies(void)
{
    const llm_service *bedrock = make("bedrock region=r", "anthropic", NULL);
    const llm_service *claude = make("vertex", "anthropic", "https://h/v1");
    const llm_service *azure = make("azure", "openai", "https://h");
    static const char body[] = "{ \"model\" : \"m\",\"stream\":true,"
        "\"x\\u0041\":1.50,\"inner\":{\"model\":1 , \"stream\":2},"
        "\"str\\u0065am\":1,\"anthropic_version\":\"mine\"}";

    is_body(NULL, &llm_anthropic, NULL, body, body);
    is_body(azure, &llm_openai, NULL, body, body);
    is_body(bedrock, &llm_anthropic, NULL, body,
            "{\"anthropic_version\":\"bedrock-2023-05-31\",\"x\\u0041\":1.50,"
            "\"inner\":{\"model\":1 , \"stream\":2}}");
    is_body(claude, &llm_anthropic, "a", body,
            "{\"anthropic_version\":\"vertex-2023-10-16\",\"stream\":true,"
            "\"x\\u0041\":1.50,\"inner\":{\"model\":1 , \"stream\":2},"
            "\"str\\u0065am\":1}");
    is_body(bedrock, &llm_anthropic, " a, b\"c,,", "{}",
            "{\"anthropic_version\":\"bedrock-2023-05-31\","
            "\"anthropic_beta\":[\"a\",\"b\\\"c\"]}");
}

static void is_error(const llm_service *service, const char *body,
                     const char *want)
{
    const llm_span span = { body, strlen(body) };
    const llm_span is = llm_service_error(service, span, pool);

    is_mem(is.at, is.len, want, strlen(want), "%s", body);
}

static void answers(void)
{
    const llm_service *bedrock = make("bedrock region=r", "anthropic", NULL);
    const llm_service *azure = make("azure", "openai", "https://h");

    is_error(bedrock, "{\"message\":\"a\\\"b\"}",
             "{\"error\":{\"message\":\"a\\\"b\"}}");
    is_error(bedrock, "{\"Message\":\"x\",\"y\":1}",
             "{\"error\":{\"message\":\"x\"}}");
    is_error(bedrock, "{\"message\":7}", "{\"message\":7}");
    is_error(bedrock, "<html>", "<html>");
    is_error(azure, "{\"message\":\"x\"}", "{\"message\":\"x\"}");
    is_int(llm_service_status(bedrock, 424), 502, "a model's own failure");
    is_int(llm_service_status(bedrock, 403), 403, "any other status");
    is_int(llm_service_status(NULL, 424), 424, "and anybody else's");
    is_str(llm_service_stream_type(NULL), "text/event-stream", "a stream");
    is_str(llm_service_stream_type(bedrock),
           "application/vnd.amazon.eventstream", "and Amazon's");
    is_str(llm_service_model(bedrock, "us.anthropic.claude-x"), "claude-x",
           "its names hold those that are known");
    is_str(llm_service_model(NULL, "us.anthropic.x"), "us.anthropic.x",
           "where it is a service");
    is_str(llm_service_signing(bedrock, pool), "aws:amz:r:bedrock",
           "what signs");
    is_str(llm_service_signing(azure, pool), NULL, "where nothing does");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    paths();
    spoken();
    bodies();
    answers();
    ok(!read_words("klingon"), "an unknown one");
    ok(!read_words("azure api-version=a/b"), "a word that cannot be");
    ok(!read_words("vertex vertex"), "one too many");
    apr_pool_destroy(pool);
    return done();
}
