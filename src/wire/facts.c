#include "facts.h"
#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>
#include "../base/text.h"

static const llm_facts nothing = { .name = "" };

/* ---- reading ------------------------------------------------------------ */

/* "2/10", "0.15/0.6": of a million tokens in and out. */
static int read_price(const char *word, llm_facts *facts)
{
    char *end;

    if (!*word || strspn(word, "0123456789./") != strlen(word))
        return 0;
    facts->price_in = strtod(word, &end);
    if (*end != '/' || !end[1])
        return 0;
    facts->price_out = strtod(end + 1, &end);
    return !*end;
}

static int read_thinking(const char *word, llm_thinking *out)
{
    static const struct {
        const char *word;
        llm_thinking thinking;
    } words[] = {
        { "none", LLM_THINKING_NONE }, { "effort", LLM_THINKING_EFFORT },
        { "budget", LLM_THINKING_BUDGET },
        { "adaptive", LLM_THINKING_ADAPTIVE },
    };
    size_t i;

    for (i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(words[i].word, word)) {
            *out = words[i].thinking;
            return 1;
        }
    return 0;
}

static int read_flag(llm_facts *facts, const char *word)
{
    const struct {
        const char *word;
        int *flag;
    } words[] = {
        { "prefill", &facts->prefill },
        { "no-tools", &facts->no_tools }, { "no-vision", &facts->no_vision },
        { "no-prefill", &facts->no_prefill },
        { "no-sampling", &facts->no_sampling },
    };
    size_t i;

    for (i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(words[i].word, word)) {
            *words[i].flag = 1;
            return 1;
        }
    return 0;
}

static int read_word(llm_facts *facts, const char *word, apr_pool_t *p)
{
    if (!strncmp(word, "context=", 8))
        return llm_text_tokens(word + 8, &facts->context);
    if (!strncmp(word, "output=", 7))
        return llm_text_tokens(word + 7, &facts->output);
    if (!strncmp(word, "thinking=", 9))
        return read_thinking(word + 9, &facts->thinking);
    if (!strncmp(word, "price=", 6))
        return read_price(word + 6, facts);
    if (!strncmp(word, "alias=", 6)) {
        facts->alias = apr_pstrdup(p, word + 6);
        return llm_text_is_name(facts->alias, 128);
    }
    return read_flag(facts, word);
}

static const llm_facts *same(const apr_array_header_t *facts,
                             const llm_facts *line)
{
    const llm_facts *list = (const llm_facts *)facts->elts;
    int i;

    for (i = 0; i < facts->nelts; i++)
        if (list[i].prefix == line->prefix
            && !strcmp(list[i].name, line->name))
            return &list[i];
    return NULL;
}

static void set_name(llm_facts *line, const char *name, apr_pool_t *p)
{
    size_t n = strlen(name);

    line->prefix = n && name[n - 1] == '*';
    line->name = apr_pstrmemdup(p, name, n - line->prefix);
}

/* A later line about the same name takes the earlier one's place, so that an
 * admin's own lines may stand after the table that came with the module. */
const char *llm_facts_add(apr_array_header_t *facts, const char *name,
                          const char *words, apr_pool_t *p)
{
    llm_facts line = nothing;
    const llm_facts *before;
    char *rest, *word, *copy = apr_pstrdup(p, words);

    if (!llm_text_is_name(name, 128))
        return apr_psprintf(p, "\"%s\" cannot be a model's name", name);
    set_name(&line, name, p);
    for (word = apr_strtok(copy, " \t", &rest); word;
         word = apr_strtok(NULL, " \t", &rest))
        if (!read_word(&line, word, p))
            return apr_psprintf(p, "\"%s\" is none of context=TOKENS, "
                                "output=TOKENS, thinking=none|effort|budget|"
                                "adaptive, price=IN/OUT, alias=MODEL, "
                                "prefill, no-prefill, no-tools, no-vision, "
                                "no-sampling", word);
    before = same(facts, &line);
    if (before)
        *(llm_facts *)before = line;
    else
        APR_ARRAY_PUSH(facts, llm_facts) = line;
    return NULL;
}

/* ---- finding ------------------------------------------------------------ */

static int fits(const llm_facts *facts, const char *model)
{
    return facts->prefix ? !strncmp(facts->name, model, strlen(facts->name))
                         : !strcmp(facts->name, model);
}

static int is_better(const llm_facts *a, const llm_facts *b)
{
    if (!b || !b->prefix)
        return !b;
    return !a->prefix || strlen(a->name) > strlen(b->name);
}

static const llm_facts *find(const apr_array_header_t *facts,
                             const char *model)
{
    const llm_facts *list = (const llm_facts *)facts->elts, *best = NULL;
    int i;

    for (i = 0; i < facts->nelts; i++)
        if (fits(&list[i], model) && is_better(&list[i], best))
            best = &list[i];
    return best;
}

const llm_facts *llm_facts_find(const apr_array_header_t *facts,
                                const char *model)
{
    const llm_facts *found = facts ? find(facts, model) : NULL;
    const char *slash = strrchr(model, '/');

    if (!found && facts && slash)
        found = find(facts, slash + 1);
    return found ? found : &nothing;
}
