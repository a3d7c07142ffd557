/* The one place where curl's errors get a meaning. Pure. */
#ifndef LLM_TROUBLE_H
#define LLM_TROUBLE_H

#include "../base/fault.h"

/* Of a CURLcode; `begun`: a head had come. CURLE_OK without a head is a
 * fault, too. */
llm_fault llm_trouble_of(int code, int begun);

#endif
