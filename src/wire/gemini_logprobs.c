/* How likely each token was: Gemini's two lists and OpenAI's one. */
#include "gemini.h"
#include <string.h>
#include <apr_strings.h>

/* ---- as OpenAI says it -------------------------------------------------- */

static void put_token(llm_emit *e, const llm_json *token)
{
    double chance = 0;
    llm_span text = llm_json_span(llm_gemini_member(token, "token"));

    llm_json_number(llm_gemini_member(token, "logProbability"), &chance);
    llm_emit_text(e, "token", text);
    llm_emit_number(e, "logprob", chance);
    llm_emit_null(e, "bytes");
}

static void put_top(llm_emit *e, const llm_json *top)
{
    const llm_json *list = llm_gemini_member(top, "candidates");
    size_t i;

    llm_emit_array(e, "top_logprobs");
    for (i = 0; i < llm_json_count(list); i++) {
        llm_emit_object(e, NULL);
        put_token(e, llm_json_element(list, i));
        llm_emit_end_object(e);
    }
    llm_emit_end_array(e);
}

llm_span llm_gemini_read_logprobs(const llm_json *result, apr_pool_t *p)
{
    const llm_json *chosen = llm_gemini_member(result, "chosenCandidates");
    const llm_json *top = llm_gemini_member(result, "topCandidates");
    llm_span span = { NULL, 0 };
    llm_buf json;
    llm_emit e;
    size_t i;

    if (!llm_json_count(chosen))
        return span;
    llm_buf_init(&json, 32 * llm_json_text(result, p).len + 256);
    llm_emit_begin(&e, &json);
    llm_emit_object(&e, NULL);
    llm_emit_array(&e, "content");
    for (i = 0; i < llm_json_count(chosen); i++) {
        llm_emit_object(&e, NULL);
        put_token(&e, llm_json_element(chosen, i));
        put_top(&e, llm_json_element(top, i));
        llm_emit_end_object(&e);
    }
    llm_emit_end_array(&e);
    llm_emit_null(&e, "refusal");
    llm_emit_end_object(&e);
    if (!e.fault) {
        span.at = apr_pmemdup(p, json.data, json.len);
        span.len = json.len;
    }
    llm_buf_free(&json);
    return span;
}

/* ---- as Gemini says it -------------------------------------------------- */

static void put_chance(llm_emit *e, const llm_json *token)
{
    double chance = 0;

    llm_json_number(llm_json_member(token, "logprob"), &chance);
    llm_emit_object(e, NULL);
    llm_emit_text(e, "token", llm_json_span(llm_json_member(token, "token")));
    llm_emit_number(e, "logProbability", chance);
    llm_emit_end_object(e);
}

void llm_gemini_put_logprobs(llm_emit *e, llm_span logprobs, apr_pool_t *p)
{
    const llm_json *tree, *list, *top;
    size_t i, j;

    if (!logprobs.len
        || llm_json_parse(logprobs.at, logprobs.len, 64, &tree, p))
        return;
    list = llm_json_member(tree, "content");
    if (!llm_json_count(list))
        return;
    llm_emit_object(e, "logprobsResult");
    llm_emit_array(e, "topCandidates");
    for (i = 0; i < llm_json_count(list); i++) {
        top = llm_json_member(llm_json_element(list, i), "top_logprobs");
        llm_emit_object(e, NULL);
        llm_emit_array(e, "candidates");
        for (j = 0; j < llm_json_count(top); j++)
            put_chance(e, llm_json_element(top, j));
        llm_emit_end_array(e);
        llm_emit_end_object(e);
    }
    llm_emit_end_array(e);
    llm_emit_array(e, "chosenCandidates");
    for (i = 0; i < llm_json_count(list); i++)
        put_chance(e, llm_json_element(list, i));
    llm_emit_end_array(e);
    llm_emit_end_object(e);
}
