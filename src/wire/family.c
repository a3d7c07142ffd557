#include "family.h"
#include <string.h>

static const llm_family families[] = {
    { "openai", { &llm_openai, &llm_openai_embeddings }, "Authorization",
      "Bearer " },
    { "anthropic", { &llm_anthropic, &llm_anthropic_count }, "x-api-key",
      "" },
    { "gemini", { &llm_gemini, &llm_gemini_embeds, &llm_gemini_embed,
                  &llm_gemini_count }, "x-goog-api-key", "" },
};

static const struct {
    const char *word;
    const llm_dialect *dialect;
} extras[] = {
    { "responses", &llm_openai_responses },
    { "completions", &llm_openai_completions },
};

const llm_family *llm_family_find(const char *name)
{
    size_t i;

    for (i = 0; i < sizeof families / sizeof *families; i++)
        if (!strcmp(families[i].name, name))
            return &families[i];
    return NULL;
}

const llm_dialect *llm_family_extra(const char *name)
{
    size_t i;

    for (i = 0; i < sizeof extras / sizeof *extras; i++)
        if (!strcmp(extras[i].word, name))
            return extras[i].dialect;
    return NULL;
}

const llm_dialect *llm_family_choose(const llm_dialect *const *speaks,
                                     const llm_dialect *client)
{
    const llm_dialect *found = NULL;
    int i;

    for (i = 0; i < LLM_SPOKEN_MAX && speaks[i]; i++)
        if (speaks[i] == client)
            return client;
        else if (!found && speaks[i]->operation == client->operation)
            found = speaks[i];
    return found;
}
