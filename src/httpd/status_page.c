#include <inttypes.h>
#include "status_page.h"

const char llm_status_style[] =
    ":root{color-scheme:light dark;--ink:#1d2329;--dim:#5b6670;"
    "--line:#d5dbe0;--paper:#fff;--band:#f4f6f8;--well:#146c3a;--ill:#a3200d;"
    "--link:#0b57a4}\n"
    "@media (prefers-color-scheme:dark){:root{--ink:#e4e8eb;--dim:#9aa5ae;"
    "--line:#39424a;--paper:#14181c;--band:#1d2328;--well:#6fd39a;"
    "--ill:#ff9b8a;--link:#8cc2ff}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--paper);color:var(--ink);"
    "font:1rem/1.5 system-ui,sans-serif}\n"
    "main{max-width:90rem;margin:0 auto;padding:1rem}\n"
    "h1{font-size:1.4rem;margin:0 0 .5rem}\n"
    "a{color:var(--link)}\n"
    ".state{margin:0;padding:.5rem .75rem;border-left:.35rem solid;"
    "background:var(--band);font-weight:600}\n"
    ".well{color:var(--well)}\n"
    ".ill{color:var(--ill)}\n"
    "dl{display:grid;gap:.5rem;margin:1rem 0;"
    "grid-template-columns:repeat(auto-fill,minmax(8.5rem,1fr))}\n"
    "dl div{padding:.4rem .6rem;border:1px solid var(--line);"
    "border-radius:.3rem}\n"
    "dt{color:var(--dim);font-size:.85rem}\n"
    "dd{margin:0;font-size:1.15rem;font-variant-numeric:tabular-nums;"
    "overflow-wrap:anywhere}\n"
    ".wide{overflow-x:auto}\n"
    "table{border-collapse:collapse;width:100%;font-size:.9rem;"
    "font-variant-numeric:tabular-nums}\n"
    "caption{text-align:left;font-weight:600;padding:.5rem 0}\n"
    "th,td{padding:.3rem .6rem;border-bottom:1px solid var(--line);"
    "text-align:right;vertical-align:top;white-space:nowrap}\n"
    "thead th{background:var(--band);vertical-align:bottom}\n"
    "th[scope=row],thead th[rowspan]:nth-child(-n+3),"
    "td:last-child,thead tr:first-child th:last-child{text-align:left}\n"
    "tbody th{font-weight:400}\n"
    ".word,td.word:last-child{text-align:left}\n"
    ".wide+.state,.wide+.wide{margin-top:1.5rem}\n"
    "thead th[colspan]{text-align:center}\n"
    "tfoot th,tfoot td{border-top:2px solid var(--line);border-bottom:0;"
    "font-weight:600}\n"
    "td ul{margin:0;padding:0;list-style:none}\n"
    "tbody tr:hover{background:var(--band)}\n"
    "footer{color:var(--dim);font-size:.85rem;margin-top:1rem}\n"
    "@media print{.wide{overflow:visible}th,td{white-space:normal}}\n";

static llm_fault state(llm_buf *out, const llm_report *report)
{
    llm_buf words;
    llm_buf_init(&words, 1024);

    const int well = llm_report_health(&words, report);
    const llm_fault fault = llm_buf_printf(
        out, "<p class=\"state %s\">%.*s</p>\n", well ? "well" : "ill",
        (int)words.len, words.len ? words.data : "");
    llm_buf_free(&words);
    return fault;
}

static llm_fault totals(llm_buf *out, const llm_report *report)
{
    llm_fault fault = llm_buf_printf(
        out, "<dl>\n<div><dt>In flight</dt><dd>%" PRIu32 " of %" PRIu32
        "</dd></div>\n", report->in_flight, report->max_in_flight);
    if (fault == LLM_OK)
        fault = llm_report_totals(out, report);
    return fault ? fault : llm_buf_puts(out, "</dl>\n");
}

static llm_fault table(llm_buf *out, const llm_report *report)
{
    llm_fault fault = llm_buf_puts(
        out, "<div class=\"wide\" role=\"region\" tabindex=\"0\" "
        "aria-labelledby=\"llm-rows\">\n<table>\n<caption id=\"llm-rows\">"
        "By model, provider and customer</caption>\n");
    if (fault == LLM_OK)
        fault = llm_report_table(out, report);
    if (fault == LLM_OK)
        fault = llm_buf_puts(out, "</table>\n</div>\n");
    if (fault == LLM_OK && llm_report_is_full(report))
        fault = llm_buf_puts(
            out, "<p class=\"note\">The row <b>other</b> counts all that "
            "found no row of its own; a larger <code>LLMMeterSize</code> has "
            "more rows.</p>\n");
    return fault;
}

llm_fault llm_status_page_part(llm_buf *out, const llm_status_page *page,
                               int with_tables)
{
    llm_fault fault = state(out, &page->report);
    if (fault == LLM_OK)
        fault = totals(out, &page->report);
    if (fault == LLM_OK && with_tables)
        fault = table(out, &page->report);
    if (fault == LLM_OK && with_tables)
        fault = llm_status_health_table(out, page->health, page->now);
    return fault;
}

static llm_fault top(llm_buf *out, const llm_status_page *page)
{
    return llm_buf_printf(
        out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
        "<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, "
        "initial-scale=1\">\n"
        "<title>LLM gateway</title>\n"
        "<link rel=\"stylesheet\" href=\"%sstatus.css\">\n"
        "</head>\n<body>\n<main>\n<h1>LLM gateway</h1>\n", page->below);
}

static llm_fault foot(llm_buf *out, const llm_status_page *page)
{
    const llm_report *report = &page->report;
    const llm_meter *meter = report->meter;
    const int64_t up = report->uptime;

    return llm_buf_printf(
        out, "<footer>\n<p>mod_llm %s. Counting since "
        "<time datetime=\"%s\">%s</time>; httpd is up for %" PRId64 " d %"
        PRId64 " h %" PRId64 " min. The meter has %" PRIu32 " of %" PRIu32
        " rows in use and takes %zu KB.</p>\n"
        "<p>The same as <a href=\"%sstatus.json\">JSON</a> and as "
        "<a href=\"%s?auto\">text</a>.</p>\n</footer>\n"
        "</main>\n</body>\n</html>\n", report->version, page->since,
        page->since, up / 86400, up / 3600 % 24, up / 60 % 60,
        llm_meter_rows_used(meter), meter->rows, meter->size / 1024,
        page->below, page->self);
}

llm_fault llm_status_page_write(llm_buf *out, const llm_status_page *page)
{
    llm_fault fault = top(out, page);
    if (fault == LLM_OK)
        fault = llm_status_page_part(out, page, 1);
    return fault ? fault : foot(out, page);
}
