/* Reading a request of the Responses API and writing it again. */
#ifndef LLM_RESPONSES_RIG_H
#define LLM_RESPONSES_RIG_H

#include <stdlib.h>
#include <apr_strings.h>

#include "../../src/wire/carry.h"
#include "../../src/wire/dialect.h"
#include "../tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static apr_pool_t *pool, *once;
static const llm_facts no_facts;

static llm_fault read_at(const char *body, size_t n, llm_chat **chat,
                         llm_fault_detail *detail)
{
    const llm_json *tree;
    llm_fault fault;

    memset(detail, 0, sizeof *detail);
    *chat = llm_chat_make(once);
    fault = llm_json_parse(body, n, 64, &tree, once);
    if (fault)
        return fault;
    fault = llm_openai_responses.chat->read_request(tree, *chat, detail);
    if (!fault)
        llm_chat_name_results(*chat);
    return fault;
}

TAP_UNUSED
static llm_chat *reads(const char *body)
{
    llm_fault_detail detail;
    llm_chat *chat;
    llm_fault fault = read_at(body, strlen(body), &chat, &detail);

    is_int(fault, LLM_OK, "read: %.60s", body);
    if (fault)
        printf("# %s: %s\n", detail.param ? detail.param : "-",
               detail.text ? detail.text : "-");
    return chat;
}

/* What a provider is asked, as a C string. */
static const char *written(const llm_chat *chat, const llm_facts *facts,
                           int stream, llm_losses *lost)
{
    const llm_asking how = { .model = "gpt-x", .facts = facts,
                             .stream = stream, .pool = once };
    llm_fault_detail detail = { 0 };
    const char *text;
    llm_buf out;

    llm_losses_init(lost, once);
    llm_buf_init(&out, 1 << 24);
    if (llm_openai_responses.chat->write_request(chat, &how, lost, &out,
                                                 &detail))
        return "a fault";
    text = apr_pstrmemdup(once, out.data, out.len);
    llm_buf_free(&out);
    return text;
}

#endif
