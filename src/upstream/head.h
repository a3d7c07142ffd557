/* The head of a provider's answer, line by line. Pure. */
#ifndef LLM_HEAD_H
#define LLM_HEAD_H

#include "exchange.h"

/* One line as curl hands it over, with or without its line end. A new status
 * line (after a 1xx) starts the head anew. 0 when the head is larger than is
 * allowed; *total counts its bytes. */
int llm_head_line(llm_head *head, size_t *total, const char *line, size_t n);

#endif
