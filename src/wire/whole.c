#include "whole.h"
#include <string.h>

typedef struct reading {
    llm_whole_fn proves;
    llm_usage *usage;
    int answer, error;
} reading;

static llm_fault outermost(void *baton, const llm_member *member)
{
    reading *in = baton;

    if (llm_scan_is(member, "error"))
        in->error = member->kind != LLM_JSON_NULL;
    else
        in->answer |= in->proves(member, in->usage);
    return LLM_OK;
}

llm_fault llm_whole_read(const char *body, size_t n, unsigned depth,
                         llm_whole_fn proves, llm_whole_first first,
                         llm_usage *usage)
{
    reading in = { .proves = proves, .usage = usage };

    memset(usage, 0, sizeof *usage);
    if (llm_scan_object(body, n, depth, outermost, &in, NULL)) {
        memset(usage, 0, sizeof *usage);
        return LLM_GARBAGE;
    }
    if (in.error && (first == LLM_WHOLE_ERROR || !in.answer))
        return LLM_FAILED;
    return in.answer ? LLM_OK : LLM_GARBAGE;
}
