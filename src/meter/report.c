#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <apr_lib.h>
#include "pen.h"
#include "report.h"

static const double parts[] = { .5, .95, .99 };
static const char *const part_names[] = { "50", "95", "99" };
#define PARTS (sizeof parts / sizeof *parts)

/* --- rows --------------------------------------------------------------- */

typedef struct entry {
    char model[LLM_METER_NAME_MAX + 1];
    char provider[LLM_METER_NAME_MAX + 1];
    char customer[LLM_METER_NAME_MAX + 1];
    uint32_t row;
} entry;

static int by_names(const void *left, const void *right)
{
    const entry *a = left, *b = right;
    int order = (a->row == 0) - (b->row == 0);
    if (order == 0)
        order = strcmp(a->model, b->model);
    if (order == 0)
        order = strcmp(a->provider, b->provider);
    return order ? order : strcmp(a->customer, b->customer);
}

static int is_worth_a_line(uint32_t row, const llm_reading *r)
{
    return row > 0 || r->calls > 0 || r->failovers > 0;
}

/* More rows may come into use meanwhile: `most` is what there is room for. */
static uint32_t collect(const llm_meter *meter, entry *list, uint32_t most)
{
    llm_reading r;
    uint32_t n = 0;

    for (uint32_t row = 0; row < meter->rows && n < most; row++) {
        if (!llm_meter_read(meter, row, &r) || !is_worth_a_line(row, &r))
            continue;
        memcpy(list[n].model, r.model, sizeof r.model);
        memcpy(list[n].provider, r.provider, sizeof r.provider);
        memcpy(list[n].customer, r.customer, sizeof r.customer);
        list[n++].row = row;
    }
    return n;
}

llm_fault llm_report_order(const llm_report *report, uint32_t **rows,
                           uint32_t *n)
{
    const uint32_t most = llm_meter_rows_used(report->meter);
    entry *list = calloc(most, sizeof *list);
    *rows = malloc(most * sizeof **rows);

    if (list == NULL || *rows == NULL) {
        free(list);
        free(*rows);
        *rows = NULL;
        return LLM_INTERNAL;
    }
    *n = collect(report->meter, list, most);
    qsort(list, *n, sizeof *list, by_names);
    for (uint32_t i = 0; i < *n; i++)
        (*rows)[i] = list[i].row;
    free(list);
    return LLM_OK;
}

int llm_report_is_full(const llm_report *report)
{
    llm_reading other;
    return llm_meter_read(report->meter, 0, &other)
        && is_worth_a_line(0, &other);
}

/* --- JSON --------------------------------------------------------------- */

static void json_name(llm_pen *to, const char *member, const char *name)
{
    SAY(to, "\"%s\":", member);
    if (!to->fault)
        to->fault = llm_buf_json(to->out, name, strlen(name));
    SAY(to, ",");
}

static void json_faults(llm_pen *to, const char *member, const uint64_t *n)
{
    const char *comma = "";

    SAY(to, "\"%s\":{", member);
    for (unsigned i = LLM_OK + 1; i < LLM_FAULT_COUNT; i++) {
        if (n[i] == 0)
            continue;
        SAY(to, "%s\"%s\":%" PRIu64, comma, llm_fault_of(i)->word, n[i]);
        comma = ",";
    }
    SAY(to, "},");
}

static void json_times(llm_pen *to, const char *member, const llm_histogram *h)
{
    const char *comma = "";

    SAY(to, "\"%s\":{\"count\":%" PRIu64 ",\"sum\":%" PRIu64, member,
        llm_histogram_count(h), h->sum);
    for (unsigned i = 0; i < PARTS; i++)
        SAY(to, ",\"p%s\":%" PRId64, part_names[i],
            llm_histogram_quantile(h, parts[i]));
    SAY(to, ",\"buckets\":[");
    for (unsigned i = 0; i < LLM_BUCKETS; i++) {
        if (h->bucket[i] == 0)
            continue;
        SAY(to, "%s[%" PRId64 ",%" PRIu64 "]", comma,
            llm_histogram_bound(i), h->bucket[i]);
        comma = ",";
    }
    SAY(to, "]}");
}

static void json_reading(llm_pen *to, const llm_reading *r)
{
#define X(field, ...) SAY(to, "\"" #field "\":%" PRIu64 ",", r->field);
#include "metrics.def"
#undef X
    json_faults(to, "faults", r->faults);
    json_faults(to, "given_up", r->given_up);
    json_times(to, "first", &r->first);
    SAY(to, ",");
    json_times(to, "total", &r->total);
}

static void json_row(llm_pen *to, const llm_reading *r)
{
    SAY(to, "{");
    json_name(to, "provider", r->provider);
    json_name(to, "model", r->model);
    json_name(to, "customer", r->customer);
    json_reading(to, r);
    SAY(to, "}");
}

static void json_head(llm_pen *to, const llm_report *report)
{
    const llm_meter *meter = report->meter;

    SAY(to, "{");
    json_name(to, "version", report->version);
    SAY(to, "\"uptime\":%" PRId64 ",\"since\":%" PRId64
        ",\"in_flight\":%" PRIu32 ",\"max_in_flight\":%" PRIu32 ",",
        report->uptime, llm_meter_since(meter) / 1000000, report->in_flight,
        report->max_in_flight);
    SAY(to, "\"meter\":{\"bytes\":%zu,\"slots\":%" PRIu32 ",\"rows\":%" PRIu32
        ",\"rows_used\":%" PRIu32 ",\"full\":%s},", meter->size,
        meter->slots, meter->rows, llm_meter_rows_used(meter),
        llm_report_is_full(report) ? "true" : "false");
}

llm_fault llm_report_json(llm_buf *out, const llm_report *report)
{
    llm_pen to = { out, LLM_OK };
    llm_reading r;
    uint32_t *rows, n;

    const llm_fault fault = llm_report_order(report, &rows, &n);
    if (fault)
        return fault;
    json_head(&to, report);
    llm_meter_total(report->meter, &r);
    SAY(&to, "\"totals\":{");
    json_reading(&to, &r);
    SAY(&to, "},\"rows\":[");
    for (uint32_t i = 0; i < n && !to.fault; i++) {
        llm_meter_read(report->meter, rows[i], &r);
        SAY(&to, i ? ",\n" : "\n");
        json_row(&to, &r);
    }
    SAY(&to, "]");
    if (report->health)
        SAY(&to, ",\n\"health\":%.*s", (int)report->health->len,
            report->health->data);
    SAY(&to, "}\n");
    free(rows);
    return to.fault;
}

/* --- Name: value -------------------------------------------------------- */

/* bad_json is BadJson here, as httpd's own names are. */
static void auto_fault(llm_pen *to, const char *kind, llm_fault fault,
                       uint64_t n)
{
    char name[48];
    size_t at = 0;
    int upper = 1;

    if (n == 0)
        return;
    for (const char *c = llm_fault_of(fault)->word;
         *c && at < sizeof name - 1; c++) {
        if (*c != '_')
            name[at++] = upper ? (char)apr_toupper(*c) : *c;
        upper = *c == '_';
    }
    name[at] = '\0';
    SAY(to, "LLM%s%s: %" PRIu64 "\n", kind, name, n);
}

static void auto_times(llm_pen *to, const char *kind, const llm_histogram *h)
{
    for (unsigned i = 0; i < PARTS; i++)
        SAY(to, "LLM%sP%s: %" PRId64 "\n", kind, part_names[i],
            llm_histogram_quantile(h, parts[i]));
}

llm_fault llm_report_auto(llm_buf *out, const llm_report *report)
{
    llm_pen to = { out, LLM_OK };
    llm_reading r;

    llm_meter_total(report->meter, &r);
    SAY(&to, "LLMVersion: %s\n", report->version);
    SAY(&to, "LLMUptime: %" PRId64 "\n", report->uptime);
    SAY(&to, "LLMInFlight: %" PRIu32 "\n", report->in_flight);
    SAY(&to, "LLMMaxInFlight: %" PRIu32 "\n", report->max_in_flight);
#define X(field, name, ...) SAY(&to, "LLM" name ": %" PRIu64 "\n", r.field);
#include "metrics.def"
#undef X
    for (unsigned i = LLM_OK + 1; i < LLM_FAULT_COUNT; i++) {
        auto_fault(&to, "Fault", i, r.faults[i]);
        auto_fault(&to, "GivenUp", i, r.given_up[i]);
    }
    auto_times(&to, "FirstToken", &r.first);
    auto_times(&to, "Latency", &r.total);
    SAY(&to, "LLMRowsUsed: %" PRIu32 "\n",
        llm_meter_rows_used(report->meter));
    SAY(&to, "LLMRows: %" PRIu32 "\n", report->meter->rows);
    return to.fault;
}
