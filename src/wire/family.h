/* A family: the dialects that one kind of provider speaks, and how it wants
 * to be shown its key. Pure; any thread. */
#ifndef LLM_FAMILY_H
#define LLM_FAMILY_H

#include "dialect.h"

#define LLM_SPOKEN_MAX 6

typedef struct llm_family {
    const char *name;           /* as LLMDialect has it */
    const llm_dialect *speaks[LLM_SPOKEN_MAX];  /* best first, NULL after */
    const char *key_header;     /* the field that holds the key */
    const char *key_before;     /* goes before it in there */
} llm_family;

/* NULL if there is none of that name. */
const llm_family *llm_family_find(const char *name);

/* A dialect that a provider may speak beside its family's, by LLMDialect's
 * word for it ("responses", "completions"); NULL. */
const llm_dialect *llm_family_extra(const char *name);

/* What a provider that speaks these is asked with: the client's own if it
 * is among them, else the first of the same operation; NULL if none is. */
const llm_dialect *llm_family_choose(const llm_dialect *const *speaks,
                                     const llm_dialect *client);

#endif
