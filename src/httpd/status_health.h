/* The health of targets and keys as text: HTML, JSON, `Name: value` lines, all
 * from health.def. `rows` are of llm_welfare_row, told at `now`. Names are an
 * administrator's, and escaped all the same. Pure; any thread. */
#ifndef LLM_STATUS_HEALTH_H
#define LLM_STATUS_HEALTH_H

#include "../base/text.h"
#include "welfare.h"

/* A sentence about who is left alone, if anybody is, and a table; nothing
 * without rows. */
llm_fault llm_status_health_table(llm_buf *out, const apr_array_header_t *rows,
                                  apr_time_t now);

/* An array. What there is not is null. */
llm_fault llm_status_health_json(llm_buf *out, const apr_array_header_t *rows);

/* Lines, numbered by row from 0; what there is not is left out. */
llm_fault llm_status_health_auto(llm_buf *out, const apr_array_header_t *rows);

#endif
