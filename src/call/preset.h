/* The providers that are known by name, so that a key is enough. Pure. */
#ifndef LLM_PRESET_H
#define LLM_PRESET_H

#include "../base/step.h"

typedef struct llm_preset {
    const char *name;
    const char *dialect;
    const char *base_url;
    int needs_key;
    int refuses_stream_options;
    const char *more;           /* LLMDialect's word beside it; NULL */
    const llm_peer *peer;       /* NULL: it is on the network */
} llm_preset;

/* NULL if the name is not known. */
const llm_preset *llm_preset_find(const char *name);

#endif
