/* Whether two conversations or answers are the same; part of chat_rig.h. All
 * of these answer NULL if they are, else where they differ. JSON is compared
 * as values; a member's name is not compared, only that it was given. */
#ifndef LLM_CHAT_RIG_SAME_H
#define LLM_CHAT_RIG_SAME_H

#include "chat_rig.h"

static int rig_same_string(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

static int rig_same_span(llm_span a, llm_span b)
{
    return a.len == b.len && (!a.len || !memcmp(a.at, b.at, a.len));
}

/* "" is as good as {}. */
static int rig_same_json(llm_span a, llm_span b, apr_pool_t *p)
{
    const llm_json *left, *right;

    if (rig_same_span(a, b))
        return 1;
    a = a.len ? a : rig_span("{}");
    b = b.len ? b : rig_span("{}");
    if (llm_json_parse(a.at, a.len, 64, &left, p)
        || llm_json_parse(b.at, b.len, 64, &right, p))
        return 0;
    return rig_same_span(llm_json_text(left, p), llm_json_text(right, p));
}

static const char *rig_citations_differ(const apr_array_header_t *a,
                                        const apr_array_header_t *b)
{
    const int n = a ? a->nelts : 0;

    if (n != (b ? b->nelts : 0))
        return "count of citations";
    for (int i = 0; i < n; i++) {
        const llm_citation *left = &((llm_citation *)a->elts)[i];
        const llm_citation *right = &((llm_citation *)b->elts)[i];

        if (!rig_same_string(left->url, right->url)
            || !rig_same_string(left->title, right->title)
            || !rig_same_span(left->quote, right->quote)
            || left->start != right->start || left->end != right->end)
            return "a citation";
    }
    return NULL;
}

static const char *rig_parts_differ(const apr_array_header_t *a,
                                    const apr_array_header_t *b,
                                    apr_pool_t *p);

static const char *rig_part_differs(const llm_part *a, const llm_part *b,
                                    apr_pool_t *p)
{
    if (a->kind != b->kind)
        return "kind of a part";
    if (a->kind == LLM_PART_CALL ? !rig_same_json(a->text, b->text, p)
                                 : !rig_same_span(a->text, b->text))
        return "text of a part";
    if (!rig_same_span(a->data, b->data))
        return "data of a part";
    if (a->redacted != b->redacted || a->failed != b->failed)
        return "redacted or failed";
#define DIFFERS(member)                                                       \
    if (!rig_same_string(a->member, b->member)) return #member " of a part"
    DIFFERS(signature);
    DIFFERS(media);
    DIFFERS(url);
    DIFFERS(file_id);
    DIFFERS(name);
    DIFFERS(detail);
    DIFFERS(id);
    DIFFERS(cache);
#undef DIFFERS
    if (a->kind == LLM_PART_RESULT && rig_parts_differ(a->parts, b->parts, p))
        return "parts of a result";
    return rig_citations_differ(a->citations, b->citations);
}

static const char *rig_parts_differ(const apr_array_header_t *a,
                                    const apr_array_header_t *b,
                                    apr_pool_t *p)
{
    const char *how = NULL;
    const int n = a ? a->nelts : 0;

    if (n != (b ? b->nelts : 0))
        return "count of parts";
    for (int i = 0; i < n && !how; i++)
        if ((how = rig_part_differs(&((llm_part *)a->elts)[i],
                                    &((llm_part *)b->elts)[i], p)))
            how = apr_psprintf(p, "part %d: %s", i, how);
    return how;
}

static const char *rig_turns_differ(const llm_chat *a, const llm_chat *b,
                                    apr_pool_t *p)
{
    if (a->turns->nelts != b->turns->nelts)
        return "count of turns";
    for (int i = 0; i < a->turns->nelts; i++) {
        const llm_turn *left = &((llm_turn *)a->turns->elts)[i];
        const llm_turn *right = &((llm_turn *)b->turns->elts)[i];
        const char *how = rig_parts_differ(left->parts, right->parts, p);

        if (left->role != right->role)
            how = "role";
        if (!rig_same_string(left->name, right->name))
            how = "speaker";
        if (how)
            return apr_psprintf(p, "turn %d: %s", i, how);
    }
    return NULL;
}

static const char *rig_tools_differ(const llm_chat *a, const llm_chat *b,
                                    apr_pool_t *p)
{
    if (a->tools->nelts != b->tools->nelts)
        return "count of tools";
    for (int i = 0; i < a->tools->nelts; i++) {
        const llm_tool *left = &((llm_tool *)a->tools->elts)[i];
        const llm_tool *right = &((llm_tool *)b->tools->elts)[i];

        if (!rig_same_string(left->name, right->name)
            || !rig_same_string(left->description, right->description)
            || !rig_same_string(left->cache, right->cache)
            || left->strict != right->strict
            || !rig_same_json(left->schema, right->schema, p))
            return "a tool";
    }
    return NULL;
}

static int rig_same_names(const apr_array_header_t *a,
                          const apr_array_header_t *b)
{
    const int n = a ? a->nelts : 0;

    if (n != (b ? b->nelts : 0))
        return 0;
    for (int i = 0; i < n; i++)
        if (strcmp(APR_ARRAY_IDX(a, i, const char *),
                   APR_ARRAY_IDX(b, i, const char *)))
            return 0;
    return 1;
}

static int rig_same_stops(const llm_chat *a, const llm_chat *b)
{
    if (a->stops->nelts != b->stops->nelts)
        return 0;
    for (int i = 0; i < a->stops->nelts; i++)
        if (!rig_same_span(APR_ARRAY_IDX(a->stops, i, llm_span),
                           APR_ARRAY_IDX(b->stops, i, llm_span)))
            return 0;
    return 1;
}

static const char *rig_given_differs(const llm_chat *a, const llm_chat *b)
{
    static const char *const names[] = {
#define X(name) #name,
        LLM_FIELDS(X)
#undef X
    };

    for (int i = 0; i < LLM_FIELD_COUNT; i++)
        if (!a->given[i] != !b->given[i])
            return names[i];
    return NULL;
}

#define BOTH(name) (a->given[LLM_FIELD_##name] != NULL)
#define NUMBER(NAME, member)                                                  \
    if (BOTH(NAME) && a->member != b->member) return #member
#define STRING(NAME, member)                                                  \
    if (BOTH(NAME) && !rig_same_string(a->member, b->member)) return #member

static const char *rig_values_differ(const llm_chat *a, const llm_chat *b,
                                     apr_pool_t *p)
{
    NUMBER(MAX_TOKENS, max_tokens);
    NUMBER(TEMPERATURE, temperature);
    NUMBER(TOP_P, top_p);
    NUMBER(TOP_K, top_k);
    NUMBER(N, n);
    NUMBER(SEED, seed);
    NUMBER(PRESENCE, presence);
    NUMBER(FREQUENCY, frequency);
    NUMBER(LOGPROBS, top_logprobs);
    NUMBER(FORMAT, format);
    NUMBER(FORMAT, schema_strict);
    STRING(FORMAT, schema_name);
    STRING(FORMAT, schema_description);
    NUMBER(TOOL_CHOICE, choice);
    NUMBER(PARALLEL, parallel);
    STRING(EFFORT, effort);
    NUMBER(BUDGET, budget);
    NUMBER(THOUGHTS, thoughts);
    STRING(VERBOSITY, verbosity);
    STRING(USER, user);
    STRING(TIER, tier);
    if (BOTH(METADATA) && !rig_same_json(a->metadata, b->metadata, p))
        return "metadata";
    if (BOTH(LOGIT_BIAS) && !rig_same_json(a->logit_bias, b->logit_bias, p))
        return "logit_bias";
    if (BOTH(FORMAT) && !rig_same_json(a->schema, b->schema, p))
        return "schema";
    if (!rig_same_names(a->choice_names, b->choice_names))
        return "choice_names";
    return rig_same_stops(a, b) ? NULL : "stops";
}

#undef BOTH
#undef NUMBER
#undef STRING

RIG_UNUSED static const char *rig_chat_differs(const llm_chat *a,
                                               const llm_chat *b)
{
    const char *how = rig_turns_differ(a, b, a->pool);

    if (!how)
        how = rig_tools_differ(a, b, a->pool);
    if (!how)
        how = rig_given_differs(a, b);
    if (!how && !rig_same_names(a->unknown, b->unknown))
        how = "unknown";
    if (!how && !rig_same_names(a->hints, b->hints))
        how = "hints";
    return how ? how : rig_values_differ(a, b, a->pool);
}

/* ---- answers ------------------------------------------------------------ */

static const char *rig_choice_differs(const llm_answer_choice *a,
                                      const llm_answer_choice *b,
                                      apr_pool_t *p)
{
    if (a->finish != b->finish)
        return "finish";
    if (!rig_same_string(a->sequence, b->sequence))
        return "sequence";
    if (!rig_same_json(a->logprobs, b->logprobs, p))
        return "logprobs";
    return rig_parts_differ(a->parts, b->parts, p);
}

static int rig_same_usage(const llm_usage *a, const llm_usage *b)
{
    return a->known == b->known && a->input == b->input
        && a->output == b->output && a->cached == b->cached
        && a->cache_write == b->cache_write
        && a->cache_write_1h == b->cache_write_1h
        && a->reasoning == b->reasoning;
}

/* The choices alone: of ids, models and times much depends on the dialect. */
RIG_UNUSED static const char *rig_choices_differ(const llm_reply *a,
                                                 const llm_reply *b,
                                                 apr_pool_t *p)
{
    if (a->choices->nelts != b->choices->nelts)
        return "count of choices";
    for (int i = 0; i < a->choices->nelts; i++) {
        const char *how = rig_choice_differs(
            &((llm_answer_choice *)a->choices->elts)[i],
            &((llm_answer_choice *)b->choices->elts)[i], p);

        if (how)
            return apr_psprintf(p, "choice %d: %s", i, how);
    }
    return NULL;
}

RIG_UNUSED static const char *rig_reply_differs(const llm_reply *a,
                                                const llm_reply *b,
                                                apr_pool_t *p)
{
    if (!rig_same_string(a->id, b->id))
        return "id";
    if (!rig_same_string(a->model, b->model))
        return "model";
    if (a->created != b->created)
        return "created";
    if (!rig_same_usage(&a->usage, &b->usage))
        return "usage";
    return rig_choices_differ(a, b, p);
}

#endif
