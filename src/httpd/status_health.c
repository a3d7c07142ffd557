#include <inttypes.h>
#include <string.h>
#include "../meter/pen.h"
#include "../meter/report.h"
#include "status_health.h"

#define NONE "\xe2\x80\x93"                     /* an en dash: no value */

static const llm_welfare_row *row_at(const apr_array_header_t *rows, int i)
{
    return &((const llm_welfare_row *)rows->elts)[i];
}

static int count_ill(const apr_array_header_t *rows)
{
    int i, n = 0;

    for (i = 0; i < rows->nelts; i++)
        n += llm_welfare_is_ill(row_at(rows, i));
    return n;
}

/* --- HTML: a cell of each type ------------------------------------------ */

static void text(llm_pen *to, const char *words)
{
    if (!to->fault)
        to->fault = llm_report_escape(to->out, *words ? words : NONE);
}

static void name_cell(llm_pen *to, const char *words, apr_time_t now)
{
    (void)now;
    SAY(to, "<th scope=\"row\">");
    text(to, words);
    SAY(to, "</th>");
}

static void word_cell(llm_pen *to, const char *words, apr_time_t now)
{
    (void)now;
    SAY(to, "<td class=\"word\">");
    text(to, words);
    SAY(to, "</td>");
}

static void state_cell(llm_pen *to, const char *words, apr_time_t now)
{
    (void)now;
    SAY(to, "<td class=\"word %s\">", strcmp(words, "well") ? "ill" : "well");
    text(to, words);
    SAY(to, "</td>");
}

static void count_cell(llm_pen *to, apr_int64_t n, apr_time_t now)
{
    (void)now;
    if (n < 0)
        SAY(to, "<td>" NONE "</td>");
    else
        SAY(to, "<td>%" PRId64 "</td>", (int64_t)n);
}

static void span_cell(llm_pen *to, apr_int64_t us, apr_time_t now)
{
    if (us < 0 || us >= 100000)
        count_cell(to, us < 0 ? us : us / 1000, now);
    else
        SAY(to, "<td>%" PRId64 ".%" PRId64 "</td>", (int64_t)us / 1000,
            (int64_t)us % 1000 / 100);
}

static void moment_cell(llm_pen *to, apr_int64_t when, apr_time_t now)
{
    const apr_int64_t ago = apr_time_sec(now) - when;

    if (when < 0)
        count_cell(to, when, now);
    else
        SAY(to, "<td>%" PRId64 " s ago</td>", (int64_t)(ago > 0 ? ago : 0));
}

/* Columns of words stand to the left. */
static void heading(llm_pen *to, const char *type, const char *words,
                    const char *what)
{
    const int left = !strcmp(type, "word") || !strcmp(type, "name")
        || !strcmp(type, "state");

    SAY(to, "<th scope=\"col\"%s title=\"", left ? " class=\"word\"" : "");
    text(to, what);
    SAY(to, "\">");
    text(to, words);
    SAY(to, "</th>");
}

static void line(llm_pen *to, const llm_welfare_row *row, apr_time_t now)
{
    SAY(to, "<tr>");
#define X(type, field, ...) type##_cell(to, row->field, now);
#include "health.def"
#undef X
    SAY(to, "</tr>\n");
}

llm_fault llm_status_health_table(llm_buf *out, const apr_array_header_t *rows,
                                  apr_time_t now)
{
    llm_pen to = { out, LLM_OK };
    const int ill = count_ill(rows);
    int i;

    if (!rows->nelts)
        return LLM_OK;
    if (ill)
        SAY(&to, "<p class=\"state ill\">%d of %d targets and keys are not "
            "well.</p>\n", ill, rows->nelts);
    SAY(&to, "<div class=\"wide\" role=\"region\" tabindex=\"0\" "
        "aria-labelledby=\"llm-health\">\n<table>\n"
        "<caption id=\"llm-health\">Health of targets and keys</caption>\n"
        "<thead>\n<tr>");
#define X(type, field, name, words, what) heading(&to, #type, words, what);
#include "health.def"
#undef X
    SAY(&to, "</tr>\n</thead>\n<tbody>\n");
    for (i = 0; i < rows->nelts; i++)
        line(&to, row_at(rows, i), now);
    SAY(&to, "</tbody>\n</table>\n</div>\n");
    return to.fault;
}

/* --- JSON --------------------------------------------------------------- */

static void json_text(llm_pen *to, const char *words)
{
    if (!*words)
        SAY(to, "null");
    else if (!to->fault)
        to->fault = llm_buf_json(to->out, words, strlen(words));
}

static void json_number(llm_pen *to, apr_int64_t n)
{
    if (n < 0)
        SAY(to, "null");
    else
        SAY(to, "%" PRId64, (int64_t)n);
}

#define json_name json_text
#define json_word json_text
#define json_state json_text
#define json_count json_number
#define json_span json_number
#define json_moment json_number

llm_fault llm_status_health_json(llm_buf *out, const apr_array_header_t *rows)
{
    llm_pen to = { out, LLM_OK };
    const char *comma;
    int i;

    SAY(&to, "[");
    for (i = 0; i < rows->nelts; i++) {
        const llm_welfare_row *row = row_at(rows, i);

        SAY(&to, "%s\n{", i ? "," : "");
        comma = "";
#define X(type, field, ...)                                                   \
        SAY(&to, "%s\"" #field "\":", comma);                                 \
        json_##type(&to, row->field);                                         \
        comma = ",";
#include "health.def"
#undef X
        SAY(&to, "}");
    }
    SAY(&to, "]");
    return to.fault;
}

/* --- Name: value -------------------------------------------------------- */

/* One line, whatever a name holds. */
static void auto_text(llm_pen *to, int i, const char *name, const char *words)
{
    if (!*words)
        return;
    SAY(to, "LLMHealth%d%s: ", i, name);
    for (; *words; words++)
        SAY(to, "%c", (unsigned char)*words < ' ' ? '?' : *words);
    SAY(to, "\n");
}

static void auto_number(llm_pen *to, int i, const char *name, apr_int64_t n)
{
    if (n >= 0)
        SAY(to, "LLMHealth%d%s: %" PRId64 "\n", i, name, (int64_t)n);
}

#define auto_name auto_text
#define auto_word auto_text
#define auto_state auto_text
#define auto_count auto_number
#define auto_span auto_number
#define auto_moment auto_number

llm_fault llm_status_health_auto(llm_buf *out, const apr_array_header_t *rows)
{
    llm_pen to = { out, LLM_OK };
    int i;

    SAY(&to, "LLMHealthRows: %d\nLLMHealthIll: %d\n", rows->nelts,
        count_ill(rows));
    for (i = 0; i < rows->nelts; i++) {
        const llm_welfare_row *row = row_at(rows, i);

#define X(type, field, name, ...) auto_##type(&to, i, name, row->field);
#include "health.def"
#undef X
    }
    return to.fault;
}
