/* How a model of Anthropic's is told to think. */
#include "anthropic.h"
#include <string.h>

#define LEAST_BUDGET 1024       /* the API takes no less */
#define SPARE 8192              /* for the answer itself */

typedef llm_anthropic_writing writing;
typedef llm_anthropic_thought thought;

static const char *given(const writing *w, llm_field field)
{
    return w->chat->given[field];
}

static void lose_thinking(writing *w, int hint)
{
    static const llm_field fields[] = { LLM_FIELD_EFFORT, LLM_FIELD_BUDGET };
    size_t i;

    for (i = 0; i < sizeof fields / sizeof *fields; i++)
        if (given(w, fields[i]) && hint)
            llm_lose_hint(w->lost, given(w, fields[i]));
        else if (given(w, fields[i]))
            llm_lose(w->lost, given(w, fields[i]));
}

/* ---- what is wished ----------------------------------------------------- */

static int is_effort(const writing *w, const char *word)
{
    return given(w, LLM_FIELD_EFFORT) && w->chat->effort
        && !strcmp(w->chat->effort, word);
}

/* Tokens: 0 for none, -1 as the model likes, -2: nothing was said. */
static long long wish(const writing *w)
{
    const llm_chat *chat = w->chat;
    long long tokens = -2;

    if (given(w, LLM_FIELD_EFFORT) && chat->effort)
        tokens = llm_budget_of_effort(chat->effort);
    if (given(w, LLM_FIELD_BUDGET)
        && (chat->budget >= 0 || tokens < 0))
        tokens = chat->budget;
    return tokens;
}

/* ---- by budget ---------------------------------------------------------- */

/* A conversation that goes on after tool calls must still hold the thinking
 * before them, or the API refuses to think any further; nor does it think
 * for an answer that is begun already. */
static int must_not_think(const writing *w)
{
    const llm_anthropic_message *messages = (void *)w->messages->elts;
    int i = w->messages->nelts - 1, k, calls = 0, proven = 0;

    if (i >= 0 && messages[i].role == LLM_ROLE_ASSISTANT)
        return 1;
    while (i >= 0 && messages[i].role != LLM_ROLE_ASSISTANT)
        i--;
    for (k = 0; i >= 0 && k < messages[i].others->nelts; k++) {
        const llm_part *part = APR_ARRAY_IDX(messages[i].others, k,
                                             const llm_part *);

        calls |= part->kind == LLM_PART_CALL;
        proven |= part->kind == LLM_PART_REASONING;
    }
    return calls && !proven;
}

/* A tool that must be called leaves nothing to think about. */
static int is_forced(const writing *w)
{
    return w->chat->tools->nelts && !w->how->facts->no_tools
        && (w->chat->choice == LLM_CHOICE_REQUIRED
            || w->chat->choice == LLM_CHOICE_NAMED);
}

/* The budget is part of max_tokens: that grows where the client left it to
 * us, else the budget shrinks. 0: there is no room to think. */
static long long fit_budget(writing *w, long long budget)
{
    const long long most = w->how->facts->output;

    if (budget < LEAST_BUDGET)
        budget = LEAST_BUDGET;
    if (w->counting || budget < w->max_tokens)
        return budget;
    if (!given(w, LLM_FIELD_MAX_TOKENS) && !most) {
        w->max_tokens = budget + SPARE;
        return budget;
    }
    budget = w->max_tokens / 2;
    if (budget < LEAST_BUDGET)
        budget = LEAST_BUDGET;
    return budget < w->max_tokens ? budget : 0;
}

static thought think_by_budget(writing *w)
{
    long long tokens = wish(w);
    thought how = { 0 };

    if (tokens == 0 || tokens == -2)
        return how;
    if (must_not_think(w)) {
        lose_thinking(w, 1);
        return how;
    }
    if (tokens < 0)
        tokens = llm_budget_of_effort("medium");
    if (!is_forced(w))
        how.budget = fit_budget(w, tokens);
    if (how.budget)
        how.type = "enabled";
    else
        lose_thinking(w, 0);
    return how;
}

/* ---- adaptive ----------------------------------------------------------- */

static thought think_adaptively(writing *w)
{
    const long long tokens = wish(w);
    thought how = { 0 };

    if (tokens == -2 && !(w->chat->thoughts && given(w, LLM_FIELD_THOUGHTS)
                          && w->how->facts->thinking
                             == LLM_THINKING_ADAPTIVE))
        return how;
    how.type = tokens ? "adaptive" : "disabled";
    if (given(w, LLM_FIELD_EFFORT) && w->chat->effort)
        how.effort = w->chat->effort;
    else if (tokens > 0)
        how.effort = llm_effort_of_budget(tokens);
    if (how.effort && !strcmp(how.effort, "none"))
        how.effort = NULL;
    if (how.effort && !strcmp(how.effort, "minimal"))
        how.effort = "low";
    if (tokens && is_forced(w)) {
        how.type = NULL;
        if (given(w, LLM_FIELD_BUDGET))
            llm_lose(w->lost, given(w, LLM_FIELD_BUDGET));
    }
    return how;
}

static void show(writing *w, thought *how)
{
    const char *name = given(w, LLM_FIELD_THOUGHTS);

    if (w->thinks && name)
        how->display = w->chat->thoughts ? "summarized" : "omitted";
    else if (name && w->chat->thoughts)
        llm_lose_hint(w->lost, name);
}

thought llm_anthropic_think(writing *w)
{
    thought how = { 0 };

    switch (w->how->facts->thinking) {
    case LLM_THINKING_NONE:
        if (wish(w) != 0 && !is_effort(w, "none"))
            lose_thinking(w, 0);
        break;
    case LLM_THINKING_BUDGET:
        how = think_by_budget(w);
        break;
    default:
        how = think_adaptively(w);
    }
    w->thinks = how.type && strcmp(how.type, "disabled");
    show(w, &how);
    return how;
}
