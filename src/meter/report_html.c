#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "pen.h"
#include "report.h"

#define NONE "\xe2\x80\x93"                     /* an en dash: no value */
#define GAP "\xe2\x80\xaf"                      /* between thousands */
#define UNKNOWN "\xef\xbf\xbd"
#define ILL_ONE_IN 20           /* calls that fail: not well */

/* --- words and numbers -------------------------------------------------- */

static const char *entity_of(char c)
{
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return UNKNOWN;
    }
}

static int is_plain(char c)
{
    return (unsigned char)c >= 0x20 && c != 0x7f && !strchr("&<>\"'", c);
}

llm_fault llm_report_escape(llm_buf *out, const char *text)
{
    size_t left = strlen(text);
    llm_fault fault = LLM_OK;

    while (left > 0 && !fault) {
        const size_t valid = llm_text_utf8(text, left);
        size_t n = 0;
        while (n < valid && is_plain(text[n]))
            n++;
        fault = llm_buf_add(out, text, n);
        if (n < left && !fault)
            fault = llm_buf_puts(out, entity_of(text[n++]));
        text += n;
        left -= n;
    }
    return fault;
}

static void text(llm_pen *to, const char *words)
{
    if (!to->fault)
        to->fault = llm_report_escape(to->out, words);
}

/* In groups of three. */
static void number(llm_pen *to, uint64_t n)
{
    uint64_t unit = 1;
    while (n / unit >= 1000)
        unit *= 1000;
    SAY(to, "%" PRIu64, n / unit);
    while (unit > 1) {
        n %= unit;
        unit /= 1000;
        SAY(to, GAP "%03" PRIu64, n / unit);
    }
}

static void number_cell(llm_pen *to, uint64_t n)
{
    SAY(to, "<td>");
    number(to, n);
    SAY(to, "</td>");
}

/* Milliseconds, with as many digits as mean something. */
static void time_cell(llm_pen *to, const llm_histogram *h, double part)
{
    const int64_t us = llm_histogram_quantile(h, part);

    SAY(to, "<td>");
    if (llm_histogram_count(h) == 0)
        SAY(to, NONE);
    else if (us < 10000)
        SAY(to, "%" PRId64 ".%02" PRId64, us / 1000, us % 1000 / 10);
    else if (us < 100000)
        SAY(to, "%" PRId64 ".%" PRId64, us / 1000, us % 1000 / 100);
    else
        number(to, (uint64_t)us / 1000);
    SAY(to, "</td>");
}

/* --- the table ---------------------------------------------------------- */

static void fault_list(llm_pen *to, const uint64_t *n, const char *note)
{
    for (unsigned i = LLM_OK + 1; i < LLM_FAULT_COUNT; i++) {
        if (n[i] == 0)
            continue;
        SAY(to, "<li>%s%s ", llm_fault_of(i)->word, note);
        number(to, n[i]);
        SAY(to, "</li>");
    }
}

static void fault_cell(llm_pen *to, const llm_reading *r)
{
    SAY(to, "<td>");
    if (r->errors == 0 && r->failovers == 0) {
        SAY(to, NONE "</td>");
        return;
    }
    SAY(to, "<ul>");
    fault_list(to, r->faults, "");
    fault_list(to, r->given_up, ", next target asked");
    SAY(to, "</ul></td>");
}

static void cells(llm_pen *to, const llm_reading *r)
{
    number_cell(to, r->calls);
    number_cell(to, r->errors);
    number_cell(to, r->tokens_in);
    number_cell(to, r->tokens_out);
    number_cell(to, r->tokens_cached);
    time_cell(to, &r->first, .5);
    time_cell(to, &r->first, .95);
    time_cell(to, &r->total, .5);
    time_cell(to, &r->total, .95);
    time_cell(to, &r->total, .99);
    fault_cell(to, r);
    SAY(to, "</tr>\n");
}

static const char head[] =
    "<thead>\n"
    "<tr><th rowspan=\"2\" scope=\"col\">Model</th>"
    "<th rowspan=\"2\" scope=\"col\">Provider</th>"
    "<th rowspan=\"2\" scope=\"col\">Customer</th>"
    "<th rowspan=\"2\" scope=\"col\">Calls</th>"
    "<th rowspan=\"2\" scope=\"col\">Errors</th>"
    "<th colspan=\"3\" scope=\"colgroup\">Tokens</th>"
    "<th colspan=\"2\" scope=\"colgroup\">First token, \xe2\x89\xa4 ms</th>"
    "<th colspan=\"3\" scope=\"colgroup\">Total, \xe2\x89\xa4 ms</th>"
    "<th rowspan=\"2\" scope=\"col\">Faults</th></tr>\n"
    "<tr><th scope=\"col\">in</th><th scope=\"col\">out</th>"
    "<th scope=\"col\">cached</th>"
    "<th scope=\"col\">p50</th><th scope=\"col\">p95</th>"
    "<th scope=\"col\">p50</th><th scope=\"col\">p95</th>"
    "<th scope=\"col\">p99</th></tr>\n"
    "</thead>\n";

static void name_cell(llm_pen *to, const char *name)
{
    SAY(to, "<th scope=\"row\">");
    text(to, name);
    SAY(to, "</th>");
}

static void line(llm_pen *to, const llm_reading *r)
{
    SAY(to, "<tr>");
    name_cell(to, r->model);
    name_cell(to, r->provider);
    name_cell(to, r->customer);
    cells(to, r);
}

llm_fault llm_report_table(llm_buf *out, const llm_report *report)
{
    llm_pen to = { out, LLM_OK };
    llm_reading r;
    uint32_t *rows, n;

    const llm_fault fault = llm_report_order(report, &rows, &n);
    if (fault)
        return fault;
    SAY(&to, "%s<tbody>\n", head);
    for (uint32_t i = 0; i < n && !to.fault; i++) {
        llm_meter_read(report->meter, rows[i], &r);
        line(&to, &r);
    }
    llm_meter_total(report->meter, &r);
    SAY(&to, "</tbody>\n<tfoot>\n"
        "<tr><th colspan=\"3\" scope=\"row\">All</th>");
    cells(&to, &r);
    SAY(&to, "</tfoot>\n");
    free(rows);
    return to.fault;
}

/* `tokens_in` is "Tokens in" to the reader. */
static void total(llm_pen *to, const char *field, const char *what, uint64_t n)
{
    SAY(to, "<div><dt title=\"");
    text(to, what);
    SAY(to, "\">%c", *field - 'a' + 'A');
    for (const char *c = field + 1; *c; c++)
        SAY(to, "%c", *c == '_' ? ' ' : *c);
    SAY(to, "</dt><dd>");
    number(to, n);
    SAY(to, "</dd></div>\n");
}

llm_fault llm_report_totals(llm_buf *out, const llm_report *report)
{
    llm_pen to = { out, LLM_OK };
    llm_reading r;

    llm_meter_total(report->meter, &r);
#define X(field, name, what) total(&to, #field, what, r.field);
#include "metrics.def"
#undef X
    return to.fault;
}

/* --- is it well? -------------------------------------------------------- */

/* What the clients did wrong says nothing about the gateway. */
static uint64_t troubles(const llm_reading *r)
{
    uint64_t n = 0;
    for (unsigned i = LLM_OK + 1; i < LLM_FAULT_COUNT; i++)
        if (llm_fault_of(i)->loudness != LLM_QUIET)
            n += r->faults[i];
    return n;
}

int llm_report_health(llm_buf *out, const llm_report *report)
{
    llm_pen to = { out, LLM_OK };
    llm_reading r;

    llm_meter_total(report->meter, &r);
    const uint64_t bad = troubles(&r);
    const int full = report->in_flight >= report->meter->slots;
    const int ill = bad > r.calls / ILL_ONE_IN;
    SAY(&to, "%s: ", full ? "Full" : ill ? "Not well" : "Well");
    number(&to, r.calls);
    SAY(&to, " calls, ");
    number(&to, bad);
    SAY(&to, " of them failed without the client's doing.");
    if (full)
        SAY(&to, " No further call fits into the meter.");
    return !full && !ill;
}
