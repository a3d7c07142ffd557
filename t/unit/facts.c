/* What is known of models: lines that are understood, lines that are not,
 * and whose line answers a name. */
#include <apr_general.h>
#include <apr_strings.h>

#include "../../src/wire/facts.h"
#include "../tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static apr_pool_t *pool;

static apr_array_header_t *table(void)
{
    return apr_array_make(pool, 4, sizeof(llm_facts));
}

static const char *add(apr_array_header_t *facts, const char *name,
                       const char *words)
{
    return llm_facts_add(facts, name, words, pool);
}

static void words(void)
{
    apr_array_header_t *const facts = table();
    const llm_facts *line;

    is_str(add(facts, "m", " context=200000\toutput=64K thinking=budget "
               "no-tools no-vision no-prefill no-sampling alias=n "
               "price=0.15/0.6 prefill"), NULL,
           "every word at once");
    line = llm_facts_find(facts, "m");
    is_str(line->name, "m", "the name");
    is_int(line->context, 200000, "context");
    is_int(line->output, 64000, "output");
    is_int(line->thinking, LLM_THINKING_BUDGET, "thinking");
    is_str(line->alias, "n", "alias");
    ok(line->no_tools && line->no_vision && line->no_prefill
       && line->no_sampling, "what it cannot");
    is_str(add(facts, "m", "context=1M"), NULL, "a later line");
    line = llm_facts_find(facts, "m");
    is_int(line->context, 1000000, "has its own words");
    ok(!line->output && !line->alias && !line->no_tools,
       "and none of the earlier one's");
    is_int(facts->nelts, 1, "whose place it takes");
    is_str(add(facts, "m*", "output=1"), NULL, "names that begin so");
    is_int(facts->nelts, 2, "are another line");
    is_str(add(facts, "bare", ""), NULL, "no words at all");
}

static void thinking(void)
{
    static const struct {
        const char *word;
        llm_thinking is;
    } all[] = {
        { "thinking=none", LLM_THINKING_NONE },
        { "thinking=effort", LLM_THINKING_EFFORT },
        { "thinking=budget", LLM_THINKING_BUDGET },
        { "thinking=adaptive", LLM_THINKING_ADAPTIVE },
    };
    apr_array_header_t *const facts = table();

    for (size_t i = 0; i < COUNT(all); i++) {
        is_str(add(facts, "m", all[i].word), NULL, "%s", all[i].word);
        is_int(llm_facts_find(facts, "m")->thinking, all[i].is, "is that");
    }
}

static void nonsense(void)
{
    static const char *const wrong[] = {
        "context=", "context=0", "context=-1", "context=x", "context=1k",
        "context=1KK", "context=1M5", "context=200000000", "context=101M",
        "context=99999999999999999999", "output=1.5K", "Context=1",
        "thinking=", "thinking=hard", "alias=", "alias=a\"b", "no-reason",
        "tools", "=", "context", "no-tools,no-vision",
    };
    apr_array_header_t *const facts = table();
    const char *said;

    for (size_t i = 0; i < COUNT(wrong); i++) {
        said = add(facts, "m", wrong[i]);
        ok(said && strstr(said, wrong[i]) && strstr(said, "alias=MODEL"),
           "\"%s\" is refused with what may be written", wrong[i]);
    }
    ok(add(facts, "m", "context=1K nonsense output=1K"),
       "one wrong word among right ones");
    ok(add(facts, "", "context=1K") && add(facts, "a b", "")
       && add(facts, apr_psprintf(pool, "%0129d", 1), ""),
       "what cannot be a name");
    is_int(facts->nelts, 0, "nothing of it is kept");
}

static void finding(void)
{
    static const struct {
        const char *asked, *line;
    } all[] = {
        { "gpt-5", "gpt-5" }, { "gpt-5-mini", "gpt-5-mini" },
        { "gpt-5-nano", "gpt-5-" }, { "gpt-5.6", "gpt-" },
        { "gpt-5-mini-2026", "gpt-5-mini" }, { "gp", "" }, { "", "" },
        { "openai/gpt-5-x", "gpt-5-" }, { "a/b/gpt-5", "gpt-5" },
        { "vendor/model", "vendor/model" }, { "x/vendor/model", "" },
        { "gpt-5/other", "gpt-" }, { "openai/", "" },
    };
    static const char *const lines[] = {
        "gpt-*", "gpt-5-mini*", "gpt-5", "gpt-5-*", "vendor/model",
    };
    apr_array_header_t *const facts = table();

    for (size_t i = 0; i < COUNT(lines); i++)
        add(facts, lines[i], "context=1K");
    for (size_t i = 0; i < COUNT(all); i++)
        is_str(llm_facts_find(facts, all[i].asked)->name, all[i].line,
               "\"%s\"", all[i].asked);
    is_int(llm_facts_find(facts, "unknown")->context, 0,
           "of what is not known nothing is");
    is_str(llm_facts_find(NULL, "gpt-5")->name, "", "nor without a table");
    add(facts, "*", "context=7");
    is_int(llm_facts_find(facts, "unknown")->context, 7,
           "unless a line is for all");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    words();
    thinking();
    nonsense();
    finding();
    apr_pool_destroy(pool);
    return done();
}
