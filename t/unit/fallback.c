/* The chain that a client brings. */
#include <apr_general.h>

#include "../../src/wire/fallback.h"
#include "../tap.h"

static apr_pool_t *pool;
static llm_fault_detail detail;
static llm_buf rest;
static char joined[4096];

static const char *names_of(const apr_array_header_t *names)
{
    joined[0] = '\0';
    for (int i = 0; i < names->nelts; i++) {
        strcat(joined, i ? " " : "");
        strcat(joined, APR_ARRAY_IDX(names, i, const char *));
    }
    return joined;
}

static void takes(const char *body, const char *left, const char *names)
{
    apr_array_header_t *list = apr_array_make(pool, 2, sizeof(const char *));

    llm_buf_clear(&rest);
    is_int(llm_fallback_take(body, strlen(body), 64, list, &rest, &detail,
                             pool), LLM_OK, "taken: %s", body);
    is_mem(rest.data, rest.len, left, strlen(left), "what is left");
    is_str(names_of(list), names, "the names");
}

static void refuses(const char *body, const char *param)
{
    apr_array_header_t *list = apr_array_make(pool, 2, sizeof(const char *));

    llm_buf_clear(&rest);
    memset(&detail, 0, sizeof detail);
    is_int(llm_fallback_take(body, strlen(body), 64, list, &rest, &detail,
                             pool), LLM_BAD_REQUEST, "refused: %s", body);
    is_str(detail.param, param, "named");
    ok(detail.text, "and explained");
}

static void header(void)
{
    apr_array_header_t *list = apr_array_make(pool, 2, sizeof(const char *));

    is_int(llm_fallback_header(" a/b,c , ,d", list, &detail, pool), LLM_OK,
           "a header");
    is_str(names_of(list), "a/b c d", "its names");
    is_int(llm_fallback_header("1,2,3,4,5,6,7,8,9", list, &detail, pool),
           LLM_BAD_REQUEST, "too many");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    llm_buf_init(&rest, 1 << 16);
    takes("{\"model\":\"a\",\"fallbacks\":[\"b\",{\"model\":\"c\"}],\"n\": 1}",
          "{\"model\":\"a\",\"n\": 1}", "b c");
    takes("{ \"fallb\\u0061cks\" : [\"b\"] , \"model\" : \"a\" }",
          "{\"model\" : \"a\"}", "b");
    takes("{\"x\":1,\"models\":[\"a\",\"b\"]}",
          "{\"x\":1,\"model\":\"a\"}", "b");
    takes("{\"models\":[\"a\"]}", "{\"model\":\"a\"}", "");
    takes("{\"fallbacks\":[\"c\"],\"models\":[\"a\",\"b\"]}",
          "{\"model\":\"a\"}", "c b");
    takes("{\"model\":\"m\",\"models\":[\"a\"],\"fallbacks\":null}",
          "{\"model\":\"m\"}", "a");
    takes("{\"models\":[]}", "{}", "");
    takes("{\"x\":{\"fallbacks\":[\"b\"]}}", "{\"x\":{\"fallbacks\":[\"b\"]}}",
          "");
    takes("{\"fallbacks\":[\"b\"],", "{\"fallbacks\":[\"b\"],", "");
    takes("rubbish", "rubbish", "");
    refuses("{\"fallbacks\":\"b\"}", "fallbacks");
    refuses("{\"models\":{}}", "models");
    refuses("{\"fallbacks\":[1]}", "fallbacks");
    refuses("{\"fallbacks\":[{}]}", "fallbacks");
    refuses("{\"fallbacks\":[\"\"]}", "fallbacks");
    refuses("{\"fallbacks\":[1,2,3,4,5,6,7,8,9]}", "fallbacks");
    refuses("{\"fallbacks\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\","
            "\"9\"]}", "fallbacks");
    ok(llm_fallback_may_be_in("{\"models\":1}", 12), "seen");
    ok(!llm_fallback_may_be_in("{\"model\":1}", 11), "not seen");
    header();
    llm_buf_free(&rest);
    apr_pool_destroy(pool);
    return done();
}
