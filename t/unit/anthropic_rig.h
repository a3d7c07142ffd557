/* What the tests of the Anthropic dialect share: reading and writing by one
 * call each, and a golden text with each of its values exchanged in turn. */
#ifndef LLM_ANTHROPIC_RIG_H
#define LLM_ANTHROPIC_RIG_H

#include <apr_general.h>

#include "../../src/wire/dialect.h"
#include "../tap.h"
#include "chat_rig.h"

static apr_pool_t *pool;        /* cleared by each test as it likes */
static llm_facts facts;
static llm_asking asking;
static llm_losses lost;
static llm_fault_detail detail;

RIG_UNUSED static void rig_start(void)
{
    memset(&facts, 0, sizeof facts);
    memset(&asking, 0, sizeof asking);
    facts.name = "";
    asking.model = "claude-x";
    asking.facts = &facts;
    asking.version = "2023-06-01";
    asking.pool = pool;
}

static const llm_json *rig_parse(const char *text, size_t n)
{
    const llm_json *json = NULL;

    return llm_json_parse(text, n, 256, &json, pool) ? NULL : json;
}

/* NULL: refused, and `detail` says why. */
RIG_UNUSED static llm_chat *rig_read(const llm_dialect *dialect,
                                     const char *text)
{
    const llm_json *json = rig_parse(text, strlen(text));
    llm_chat *chat = llm_chat_make(pool);

    memset(&detail, 0, sizeof detail);
    detail.fault = json ? dialect->chat->read_request(json, chat, &detail)
                        : LLM_BAD_JSON;
    if (detail.fault)
        return NULL;
    llm_chat_name_results(chat);
    return chat;
}

/* NULL: refused, and `detail` says why; `lost` is made anew. */
RIG_UNUSED static const char *rig_write(const llm_dialect *dialect,
                                        const llm_chat *chat)
{
    llm_buf out;
    const char *text = NULL;

    llm_buf_init(&out, 1 << 24);
    memset(&detail, 0, sizeof detail);
    llm_losses_init(&lost, pool);
    detail.fault = dialect->chat->write_request(chat, &asking, &lost, &out,
                                                &detail);
    if (!detail.fault)
        text = apr_pstrmemdup(pool, out.data, out.len);
    llm_buf_free(&out);
    return text;
}

/* All names, one after the other. */
RIG_UNUSED static const char *rig_names(const apr_array_header_t *names)
{
    const char *all = "";

    for (int i = 0; i < names->nelts; i++)
        all = apr_pstrcat(pool, all, i ? " " : "",
                          APR_ARRAY_IDX(names, i, const char *), NULL);
    return all;
}

/* ---- every value exchanged ---------------------------------------------- */

static llm_fault rig_value(void *baton, const llm_member *member)
{
    APR_ARRAY_PUSH((apr_array_header_t *)baton, llm_span) = member->value;
    if (member->kind == LLM_JSON_OBJECT)
        return llm_scan_object(member->value.at, member->value.len, 100,
                               rig_value, baton, NULL);
    if (member->kind == LLM_JSON_ARRAY)
        return llm_scan_array(member->value.at, member->value.len, 100,
                              rig_value, baton, NULL);
    return LLM_OK;
}

/* Calls `each` with every variant of the golden text; how many. */
RIG_UNUSED static int rig_mutate(const char *golden,
                                 void (*each)(const char *text))
{
    static const char *const kinds[] = {
        "null", "true", "false", "0", "-1", "1e300", "0.5", "\"\"", "\"a\"",
        "\"\\u0000\"", "[]", "[null]", "[[]]", "[\"a\"]", "[{}]", "{}",
        "{\"type\":\"text\"}", "{\"type\":1}", "{\"a\":null}",
    };
    apr_pool_t *outer = pool;
    apr_array_header_t *values = apr_array_make(outer, 64, sizeof(llm_span));
    size_t n = strlen(golden);
    int count = 0;

    if (llm_scan_object(golden, n, 100, rig_value, values, NULL))
        return 0;
    for (int i = 0; i < values->nelts; i++) {
        const llm_span value = APR_ARRAY_IDX(values, i, llm_span);

        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            apr_pool_create(&pool, outer);
            asking.pool = pool;
            each(apr_psprintf(pool, "%.*s%s%s", (int)(value.at - golden),
                              golden, kinds[k], value.at + value.len));
            count++;
            apr_pool_destroy(pool);
        }
    }
    pool = outer;
    asking.pool = pool;
    return count;
}

#endif
