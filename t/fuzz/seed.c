/* Any bytes as what the seed's clients send, as a body and as a query: a
 * fault, or a conversation; a query makes valid JSON. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <apr_general.h>

#include "../../src/wire/seed.h"

#define MUST(cond) do { if (!(cond)) abort(); } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void read_body(const char *text, size_t n, apr_pool_t *p)
{
    llm_request request = { .stream = 0 };
    llm_fault_detail detail = { 0 };
    const llm_json *tree;
    llm_fault fault = llm_seed.read_request(text, n, 64, &request, &detail,
                                            p);

    if (fault || llm_json_parse(text, n, 64, &tree, p))
        return;
    fault = llm_seed.chat->read_request(tree, llm_chat_make(p), &detail);
    MUST(!fault || (fault == LLM_BAD_REQUEST && detail.param && detail.text));
}

static void read_query(const char *text, apr_pool_t *p)
{
    llm_fault fault;
    llm_buf out;

    llm_buf_init(&out, 1 << 26);
    fault = llm_seed_query(text, &out, p);
    MUST(fault == LLM_OK || (fault == LLM_BAD_REQUEST && !out.len));
    if (!fault) {
        MUST(!llm_scan_object(out.data, out.len, LLM_SCAN_DEEPEST, NULL, NULL,
                              NULL));
        read_body(out.data, out.len, p);
    }
    llm_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *const text = malloc(n + 1);
    apr_pool_t *p;

    MUST(text);
    memcpy(text, data, n);
    text[n] = '\0';
    apr_initialize();
    apr_pool_create(&p, NULL);
    read_body(text, n, p);
    read_query(text, p);
    apr_pool_destroy(p);
    free(text);
    return 0;
}
