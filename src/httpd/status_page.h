/* How the status page looks. Pure; any thread. */
#ifndef LLM_STATUS_PAGE_H
#define LLM_STATUS_PAGE_H

#include "../meter/report.h"
#include "status_health.h"

typedef struct llm_status_page {
    llm_report report;
    const char *self;           /* this page's path, escaped for a link */
    const char *below;          /* the same with its slash at the end */
    const char *since;          /* when counting began, ISO 8601 */
    const apr_array_header_t *health;   /* of llm_welfare_row */
    apr_time_t now;
} llm_status_page;

/* The stylesheet; the page needs nothing else. */
extern const char llm_status_style[];

/* The whole page. LLM_TOO_LARGE or LLM_INTERNAL: it is of no use. */
llm_fault llm_status_page_write(llm_buf *out, const llm_status_page *page);

/* The part of it that fits into another page; with `tables` != 0 also those
 * of all rows and of health. */
llm_fault llm_status_page_part(llm_buf *out, const llm_status_page *page,
                               int tables);

#endif
