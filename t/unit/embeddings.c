/* Embeddings between OpenAI's and Gemini's clients and providers. */
#include "gemini_rig.h"

static llm_embedding embedding;

static llm_fault read_in(const llm_dialect *from, const char *json)
{
    memset(&detail, 0, sizeof detail);
    return from->embed->read_request(tree(json), &embedding, &detail, pool);
}

static const char *write_to(const llm_dialect *to)
{
    const llm_asking how = { .model = "m", .facts = &facts, .pool = pool };
    llm_fault fault;
    llm_buf out;

    llm_losses_init(&lost, pool);
    llm_buf_init(&out, 1 << 20);
    fault = to->embed->write_request(&embedding, &how, &lost, &out, &detail);
    if (!fault)
        return taken(&out);
    llm_buf_free(&out);
    return llm_fault_of(fault)->word;
}

static void requests(void)
{
    is_int(read_in(&llm_openai_embeddings, "{\"model\":\"x\",\"input\":[\"a\","
                   "\"b\"],\"encoding_format\":\"base64\",\"dimensions\":64,"
                   "\"user\":\"u\",\"new\":1,\"old\":null}"), LLM_OK,
           "OpenAI's");
    ok(embedding.base64, "in base64");
    is_str(write_to(&llm_gemini_embeds), "{\"requests\":[{\"model\":"
           "\"models/m\",\"content\":{\"parts\":[{\"text\":\"a\"}]},"
           "\"outputDimensionality\":64},{\"model\":\"models/m\",\"content\":{"
           "\"parts\":[{\"text\":\"b\"}]},\"outputDimensionality\":64}]}",
           "as Gemini's batch");
    is_str(joined(lost.names), "new", "lost");
    is_str(joined(lost.hints), "user", "hints");
    is_str(write_to(&llm_openai_embeddings), "{\"model\":\"m\",\"input\":["
           "\"a\",\"b\"],\"encoding_format\":\"float\",\"dimensions\":64,"
           "\"user\":\"u\"}", "as OpenAI's");
    is_str(write_to(&llm_gemini_embed), "bad_request", "not as a single one");

    is_int(read_in(&llm_openai_embeddings, "{\"input\":[[1,2],[3]]}"), LLM_OK,
           "token numbers");
    is_str(write_to(&llm_openai_embeddings), "{\"model\":\"m\",\"input\":"
           "[[1,2],[3]],\"encoding_format\":\"float\"}", "for OpenAI");
    is_str(write_to(&llm_gemini_embeds), "bad_request", "not for Gemini");
    is_str(detail.param, "input", "where");

    is_int(read_in(&llm_gemini_embeds, "{\"requests\":[{\"model\":\"models/x\""
                   ",\"content\":{\"role\":\"user\",\"parts\":[{\"text\":\"a\""
                   "},{\"text\":\"b\"}]},\"taskType\":\"T\",\"title\":\"t\","
                   "\"outputDimensionality\":64}]}"), LLM_OK,
           "Gemini's batch");
    is_str(write_to(&llm_gemini_embed), "{\"model\":\"models/m\",\"content\":{"
           "\"parts\":[{\"text\":\"a\\nb\"}]},\"taskType\":\"T\",\"title\":"
           "\"t\",\"outputDimensionality\":64}", "as a single one");
    write_to(&llm_openai_embeddings);
    is_str(joined(lost.names), "taskType title", "lost");
}

static void wrong(void)
{
    static const struct {
        const llm_dialect *from;
        const char *body, *param;
    } cases[] = {
        { &llm_openai_embeddings, "{}", "input" },
        { &llm_openai_embeddings, "{\"input\":7}", "input" },
        { &llm_openai_embeddings, "{\"input\":[]}", "input" },
        { &llm_openai_embeddings, "{\"input\":[\"a\",1]}", "input[1]" },
        { &llm_openai_embeddings, "{\"input\":[[1],[\"a\"]]}", "input[0]" },
        { &llm_openai_embeddings, "{\"input\":\"a\",\"dimensions\":0}",
          "dimensions" },
        { &llm_openai_embeddings, "{\"input\":\"a\",\"encoding_format\":1}",
          "encoding_format" },
        { &llm_gemini_embed, "{}", "content" },
        { &llm_gemini_embed, "{\"content\":{\"parts\":[{\"text\":1}]}}",
          "content.parts[0].text" },
        { &llm_gemini_embeds, "{}", "requests" },
        { &llm_gemini_embeds, "{\"requests\":[{}]}", "requests[0].content" },
        { &llm_gemini_embeds, "{\"requests\":[{\"content\":\"a\"},{"
          "\"content\":\"b\",\"title\":\"t\"}]}", "requests[1]" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        is_int(read_in(cases[i].from, cases[i].body), LLM_BAD_REQUEST,
               "wrong: %s", cases[i].body);
        is_str(detail.param, cases[i].param, "where");
    }
}

/* A provider's answer as the client's. */
static const char *answer(const llm_dialect *from, const char *body,
                          const llm_dialect *to)
{
    llm_vectors vectors = {
        .list = apr_array_make(pool, 1, sizeof(llm_vector)),
        .usage = { .input = 5, .known = 1 }
    };
    llm_fault fault = from->embed->read_reply(tree(body), &vectors, pool);
    llm_buf out;

    if (fault)
        return llm_fault_of(fault)->word;
    llm_buf_init(&out, 1 << 20);
    to->embed->write_reply(&vectors, &embedding, &face, &out);
    return taken(&out);
}

static void answers(void)
{
    static const char openai[] = "{\"object\":\"list\",\"data\":[{\"object\":"
        "\"embedding\",\"index\":0,\"embedding\":[0.1,-2,1e-05]}],\"model\":"
        "\"m\",\"usage\":{\"prompt_tokens\":5,\"total_tokens\":5}}";
    static const char base64[] = "{\"object\":\"list\",\"data\":[{\"object\":"
        "\"embedding\",\"index\":0,\"embedding\":\"zczMPQAAAMCsxSc3\"}],"
        "\"model\":\"m\",\"usage\":{\"prompt_tokens\":5,\"total_tokens\":5}}";
    static const char gemini[] = "{\"embeddings\":[{\"values\":[0.1,-2,1e-05]}"
        "],\"usageMetadata\":{\"promptTokenCount\":5}}";
    static const char single[] = "{\"embedding\":{\"values\":[0.1,-2,1e-05]},"
        "\"usageMetadata\":{\"promptTokenCount\":5}}";

    memset(&embedding, 0, sizeof embedding);
    is_str(answer(&llm_gemini_embeds, gemini, &llm_openai_embeddings), openai,
           "Gemini's for OpenAI's client");
    is_str(answer(&llm_openai_embeddings, openai, &llm_gemini_embeds), gemini,
           "and the other way");
    is_str(answer(&llm_openai_embeddings, base64, &llm_gemini_embeds), gemini,
           "from base64");
    embedding.single = 1;
    is_str(answer(&llm_gemini_embed, single, &llm_gemini_embed), single,
           "a single one");
    embedding.base64 = 1;
    is_str(answer(&llm_gemini_embed, single, &llm_openai_embeddings), base64,
           "in base64");
    embedding.base64 = 0;
    is_str(answer(&llm_openai_embeddings, "{\"data\":[{\"index\":1,"
                  "\"embedding\":[1]},{\"index\":0,\"embedding\":[2]}]}",
                  &llm_gemini_embeds), "{\"embeddings\":[{\"values\":[2]},{"
           "\"values\":[1]}],\"usageMetadata\":{\"promptTokenCount\":5}}",
           "in the order of the texts");
}

static void garbage(void)
{
    static const char *const bodies[] = {
        "{\"data\":{}}", "{\"data\":[7]}", "{\"data\":[{\"embedding\":[\"a\"]}"
        "]}", "{\"data\":[{\"embedding\":\"AAA=\"}]}",
        "{\"data\":[{\"embedding\":\"AACAfw==\"}]}",
        "{\"data\":[{\"embedding\":[1e39]}]}",
        "{\"data\":[{\"index\":1,\"embedding\":[1]}]}",
        "{\"data\":[{\"index\":0,\"embedding\":[1]},{\"index\":0,"
        "\"embedding\":[1]}]}",
    };

    for (size_t i = 0; i < COUNT(bodies); i++)
        is_str(answer(&llm_openai_embeddings, bodies[i],
                      &llm_openai_embeddings), "garbage", "%s", bodies[i]);
    is_str(answer(&llm_gemini_embeds, "{\"embeddings\":[{\"values\":{}}]}",
                  &llm_gemini_embeds), "garbage", "no values");
}

int main(void)
{
    begin_pool();
    requests();
    wrong();
    answers();
    garbage();
    return done();
}
