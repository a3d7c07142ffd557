/* What is known of models: how much they take and give, and what they cannot
 * do. From the LLMModelInfo lines of the configuration (conf/llm-models.conf
 * has today's). Made by the parent, only read after. Pure; any thread.
 */
#ifndef LLM_FACTS_H
#define LLM_FACTS_H

#include <apr_pools.h>
#include <apr_tables.h>

/* How a model is told to think. */
typedef enum llm_thinking {
    LLM_THINKING_UNKNOWN,       /* nothing is known: the newest way */
    LLM_THINKING_NONE,          /* it cannot */
    LLM_THINKING_EFFORT,        /* a word: minimal, low, medium, high ... */
    LLM_THINKING_BUDGET,        /* a number of tokens */
    LLM_THINKING_ADAPTIVE       /* Anthropic's: by itself, with an effort */
} llm_thinking;

typedef struct llm_facts {
    const char *name;           /* of the model, or how names begin */
    int prefix;                 /* it stands for every name that begins so */
    const char *alias;          /* the living model to ask instead; NULL */
    long long context;          /* tokens it takes; 0: not known */
    long long output;           /* the most tokens it gives; 0: not known */
    llm_thinking thinking;
    double price_in, price_out; /* of a million tokens, in one currency for
                                 * all; both 0: not known */
    int prefill;                /* it continues what the assistant began */
    int no_tools, no_vision, no_prefill, no_sampling;   /* 1: it cannot */
} llm_facts;

/* Of llm_facts; reads one line's words ("context=200000 no-prefill ...") into
 * a new element. NULL, or what is wrong with them. `name` may end in '*'. */
const char *llm_facts_add(apr_array_header_t *facts, const char *name,
                          const char *words, apr_pool_t *p);

/* By the whole name, else the longest beginning; a name after the last '/'
 * counts too ("anthropic/claude-opus-5"). Never NULL: what is not known is
 * a line of nothing. `facts` may be NULL. */
const llm_facts *llm_facts_find(const apr_array_header_t *facts,
                                const char *model);

#endif
