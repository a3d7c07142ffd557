#include "fault.h"

static const llm_fault_row rows[LLM_FAULT_COUNT] = {
#define X(name, word, status, type, code, next, loud, text)                   \
    { word, status, type, code, LLM_NEXT_##next, LLM_##loud, text },
    LLM_FAULTS(X)
#undef X
};

const llm_fault_row *llm_fault_of(llm_fault fault)
{
    if ((unsigned)fault >= LLM_FAULT_COUNT)
        fault = LLM_INTERNAL;
    return &rows[fault];
}

int llm_fault_status(const llm_fault_detail *detail)
{
    return detail->status ? detail->status
                          : llm_fault_of(detail->fault)->status;
}
