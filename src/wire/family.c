#include "family.h"
#include <string.h>

static const llm_family families[] = {
    { "openai", { &llm_openai }, "Authorization", "Bearer " },
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
    (void)name;
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
