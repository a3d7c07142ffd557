#include "dialect.h"
#include <string.h>

static const llm_dialect *const dialects[] = { &llm_openai };

const llm_dialect *llm_dialect_find(const char *name)
{
    size_t i;

    for (i = 0; i < sizeof dialects / sizeof *dialects; i++)
        if (!strcmp(dialects[i]->name, name))
            return dialects[i];
    return NULL;
}
