/* The meter's numbers as text: JSON, `Name: value` lines, an HTML table.
 *
 * Names come from clients: everything is escaped for where it stands. Rows
 * are in the order of model, provider, customer. Numbers are read while
 * others count; totals may be a call apart from the sum of the rows.
 *
 * Pure; any thread. A result is LLM_OK, LLM_TOO_LARGE (the buffer's ceiling)
 * or LLM_INTERNAL (no memory); the buffer is then of no use.
 */
#ifndef LLM_REPORT_H
#define LLM_REPORT_H

#include "../base/text.h"
#include "series.h"

typedef struct llm_report {
    const llm_meter *meter;
    const char *version;        /* of this software */
    int64_t uptime;             /* of httpd, seconds */
    uint32_t in_flight;         /* calls, now */
    uint32_t max_in_flight;     /* and at most: LLMMaxInFlight */
    const llm_buf *health;      /* JSON of targets and keys; NULL: none */
} llm_report;

/* The whole of status.json. Latencies in microseconds; a bucket is [its
 * upper bound, how many], empty ones are left out, and so are faults that
 * never happened. */
llm_fault llm_report_json(llm_buf *out, const llm_report *report);

/* What ?auto has: totals, one a line. */
llm_fault llm_report_auto(llm_buf *out, const llm_report *report);

/* All totals as <dt> and <dd> pairs, from metrics.def. */
llm_fault llm_report_totals(llm_buf *out, const llm_report *report);

/* One <tr> for each row in use, and the last for the totals: model, provider
 * and customer in <th>, then calls, errors, tokens in, out and cached, first
 * token p50 and p95, total p50, p95 and p99 in milliseconds, faults. With
 * <thead>, <tbody>, <tfoot>, without <table>. */
llm_fault llm_report_table(llm_buf *out, const llm_report *report);

/* A sentence that answers "is it well?", without markup. 1 if it is. Faults
 * that are the client's own doing do not count. */
int llm_report_health(llm_buf *out, const llm_report *report);

/* 1 if "other" counts what found no row. */
int llm_report_is_full(const llm_report *report);

/* The rows worth a line, in their order: those with names, and "other" once
 * it has counted. *rows is malloc'ed and the caller's; NULL if
 * LLM_INTERNAL. */
llm_fault llm_report_order(const llm_report *report, uint32_t **rows,
                           uint32_t *n);

/* `text` for HTML, in text or in a quoted attribute; control characters and
 * what is not UTF-8 become U+FFFD. */
llm_fault llm_report_escape(llm_buf *out, const char *text);

#endif
