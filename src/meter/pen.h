/* Writes text on and on until something fails, then nothing more; the fault
 * is looked at once, at the end. For who writes reports. */
#ifndef LLM_PEN_H
#define LLM_PEN_H

#include "../base/text.h"

typedef struct llm_pen {
    llm_buf *out;
    llm_fault fault;
} llm_pen;

#define SAY(pen, ...)                                                         \
    ((pen)->fault = (pen)->fault ? (pen)->fault                               \
                                 : llm_buf_printf((pen)->out, __VA_ARGS__))

#endif
