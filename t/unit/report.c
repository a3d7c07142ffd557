/* Numbers as text, whatever names the clients chose. */
#include <stdio.h>
#include <stdlib.h>
#include "../meter.h"
#include "../../src/base/scan.h"
#include "../../src/meter/report.h"

static const char evil[] = "<b onclick=\"x\">&'\\\n";

static llm_buf buf;

static const char *text(void)
{
    if (llm_buf_add(&buf, "", 1))
        exit(2);
    return buf.data;
}

static int has(const char *part)
{
    return strstr(text(), part) != NULL;
}

static llm_fault any(void *baton, const llm_member *member)
{
    ++*(int *)baton;
    (void)member;
    return LLM_OK;
}

static llm_meter filled(void)
{
    llm_meter meter = make(1 << 20);
    const llm_record slow = { .fault = LLM_SLOW, .first_us = -1,
                              .total_us = 2000000 };
    const uint32_t b = llm_meter_row(&meter, "p", "b", "c");

    for (int i = 0; i < 1234; i++)
        llm_meter_count(&meter, b, &good);
    llm_meter_count(&meter, b, &slow);
    llm_meter_failover(&meter, b, LLM_RESET);
    llm_meter_count(&meter, llm_meter_row(&meter, "p", evil, "c\xff"), &good);
    llm_meter_count(&meter, llm_meter_row(&meter, "p", "a", "c"), &good);
    return meter;
}

static void json(const llm_report *report)
{
    int members = 0;

    llm_buf_clear(&buf);
    is_int(llm_report_json(&buf, report), LLM_OK, "JSON is written");
    is_int(llm_scan_object(buf.data, buf.len, 8, any, &members, NULL),
           LLM_OK, "and is JSON");
    is_int(members, 8, "of so many members");
    ok(has("\"version\":\"1 \\\"2\""), "the version");
    ok(has("\"uptime\":90061,"), "the uptime");
    ok(has("\"in_flight\":3,"), "the calls in flight");
    ok(has("\"max_in_flight\":99,"), "and how many there may be");
    ok(has("\"full\":false"), "whether rows ran out");
#define X(field, ...) ok(has("\"" #field "\":"), #field);
#include "../../src/meter/metrics.def"
#undef X
    ok(has("\"faults\":{\"slow\":1},\"given_up\":{\"reset\":1}"),
       "faults by word, only those that were");
    ok(has("\"first\":{\"count\":1236,\"sum\":370800,\"p50\":320,\"p95\":320,"
           "\"p99\":320,\"buckets\":[[320,1236]]}"), "first tokens");
    ok(has("\"buckets\":[[5120,1234],[2097152,1]]"), "times by bucket");
    ok(has("\"<b onclick=\\\"x\\\">&'\\\\\\n\""), "a name is escaped");
    ok(!has("\"other\""), "other is not there before it counts");
    const char *a = strstr(text(), "\"model\":\"a\"");
    const char *b = strstr(text(), "\"model\":\"b\"");
    ok(a && b && a < b, "rows are in order");
}

static void lines(const llm_report *report)
{
    llm_buf_clear(&buf);
    is_int(llm_report_auto(&buf, report), LLM_OK, "lines are written");
#define X(field, name, ...) ok(has("\nLLM" name ": "), "LLM%s", name);
#include "../../src/meter/metrics.def"
#undef X
    ok(has("\nLLMCalls: 1237\n"), "calls");
    ok(has("\nLLMInFlight: 3\n"), "calls in flight");
    ok(has("\nLLMMaxInFlight: 99\n"), "how many there may be");
    ok(has("\nLLMFaultSlow: 1\n"), "faults");
    ok(has("\nLLMGivenUpReset: 1\n"), "attempts given up");
    ok(has("\nLLMLatencyP50: 5120\n"), "times");
    ok(!strchr(text(), '<'), "nothing a client named");
}

static void html(const llm_report *report)
{
    llm_buf_clear(&buf);
    is_int(llm_report_table(&buf, report), LLM_OK, "a table is written");
    ok(has("&lt;b onclick=&quot;x&quot;&gt;&amp;&#39;\\\xef\xbf\xbd</th>"),
       "a name is escaped");
    ok(has("<th scope=\"row\">c\xef\xbf\xbd</th>"), "and made UTF-8");
    ok(!has("onclick=\""), "nowhere left as it was");
    ok(has("<td>1\xe2\x80\xaf" "235</td>"), "numbers have thousands");
    ok(has("<td>0.32</td>"), "a short time has digits");
    ok(has("<td>5.12</td>"), "so has a longer");
    ok(has("<li>slow 1</li><li>reset, next target asked 1</li>"), "faults");

    llm_buf_clear(&buf);
    is_int(llm_report_totals(&buf, report), LLM_OK, "totals are written");
    ok(has(">Tokens cache write</dt><dd>4\xe2\x80\xaf" "944</dd>"),
       "under words one can read");
}

static void health(const llm_report *report)
{
    llm_meter meter = make(1 << 20);
    llm_report ill = *report;
    const llm_record record[] = {
        { .fault = LLM_SLOW, .first_us = -1 },
        { .fault = LLM_BAD_JSON, .first_us = -1 }
    };
    ill.meter = &meter;

    llm_buf_clear(&buf);
    ok(llm_report_health(&buf, report), "one of a thousand is well");
    ok(llm_report_health(&buf, &ill), "nothing at all is well");
    for (int i = 0; i < 99; i++)
        llm_meter_count(&meter, 0, &record[1]);
    ok(llm_report_health(&buf, &ill), "what clients do wrong is their own");
    for (int i = 0; i < 9; i++)
        llm_meter_count(&meter, 0, &record[0]);
    ok(!llm_report_health(&buf, &ill), "one of twelve is not well");
    ill = *report;
    ill.in_flight = ill.meter->slots;
    ok(!llm_report_health(&buf, &ill), "no slot left is not well");
    drop(&meter);
}

static void limits(const llm_report *report)
{
    static const size_t ceiling[] = { 0, 10, 500, 1500 };

    ok(!llm_report_is_full(report), "other is not in use");
    for (unsigned i = 0; i < sizeof ceiling / sizeof *ceiling; i++) {
        llm_buf small;
        llm_buf_init(&small, ceiling[i]);
        is_int(llm_report_json(&small, report), LLM_TOO_LARGE,
               "JSON ends at %zu bytes", ceiling[i]);
        llm_buf_clear(&small);
        is_int(llm_report_table(&small, report), LLM_TOO_LARGE,
               "so does HTML");
        llm_buf_free(&small);
    }
    llm_meter_failover(report->meter, 0, LLM_RESET);
    ok(llm_report_is_full(report), "now it is");
    llm_buf_clear(&buf);
    is_int(llm_report_json(&buf, report), LLM_OK, "and JSON says so");
    ok(has("\"model\":\"other\"") && has("\"full\":true"), "twice");
}

int main(void)
{
    const llm_meter meter = filled();
    const llm_report report = { .meter = &meter, .version = "1 \"2",
                                .uptime = 90061, .in_flight = 3,
                                .max_in_flight = 99 };

    llm_buf_init(&buf, 1 << 20);
    json(&report);
    lines(&report);
    html(&report);
    health(&report);
    limits(&report);
    llm_buf_free(&buf);
    return done();
}
