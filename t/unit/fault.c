/* The one table of all that can go wrong, read as a table. */
#include <ctype.h>
#include <string.h>

#include "../tap.h"
#include "../../src/base/fault.h"

static int is_identifier(const char *word)
{
    if (!*word)
        return 0;
    for (; *word; word++) {
        if (!islower((unsigned char)*word) && *word != '_')
            return 0;
    }
    return 1;
}

static int is_sentence(const char *text)
{
    const size_t n = strlen(text);

    return n > 8 && isupper((unsigned char)text[0]) && text[n - 1] != '.';
}

static void rows(void)
{
    int i, j;

    for (i = 1; i < LLM_FAULT_COUNT; i++) {
        const llm_fault_row *row = llm_fault_of((llm_fault)i);

        ok(is_identifier(row->word) && is_identifier(row->type)
           && is_identifier(row->code), "%s is a word with type and code",
           row->word);
        ok(row->status >= 400 && row->status <= 599, "%s has status %d",
           row->word, row->status);
        ok(is_sentence(row->text), "%s: a sentence without full stop",
           row->word);
        for (j = 0; j < i; j++) {
            if (!strcmp(row->word, llm_fault_of((llm_fault)j)->word))
                ok(0, "%s is there twice", row->word);
        }
    }
}

int main(void)
{
    const llm_fault_detail plain = { .fault = LLM_LIMITED };
    const llm_fault_detail known = { .fault = LLM_REJECTED, .status = 422 };
    const llm_fault beyond = (llm_fault)LLM_FAULT_COUNT;

    is_str(llm_fault_of(LLM_OK)->word, "ok", "nothing wrong has a word");
    is_int(llm_fault_of(LLM_OK)->status, 200, "and a status");
    rows();
    is_str(llm_fault_of(beyond)->word, "internal", "an unknown number");
    is_str(llm_fault_of((llm_fault)-1)->word, "internal", "a negative one");
    is_int(llm_fault_of(LLM_SLOW)->next, LLM_NEXT_TARGET, "slow: go on");
    is_int(llm_fault_of(LLM_BAD_JSON)->next, LLM_NEXT_STOP, "bad: stop");
    is_int(llm_fault_status(&plain), 429, "the table's status");
    is_int(llm_fault_status(&known), 422, "the provider's own status");
    return done();
}
