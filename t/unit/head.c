/* The head of an answer, line by line, from whoever answers. */
#include <stdlib.h>

#include <apr_date.h>
#include <apr_general.h>

#include "../../src/upstream/head.h"
#include "../tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static llm_head head;
static size_t total;

/* A line as curl gives it: not terminated, its end with it. */
static int line(const char *text, const char *end)
{
    const size_t n = strlen(text), k = strlen(end);
    char *const copy = malloc(n + k ? n + k : 1);
    int fit;

    if (!copy)
        exit(2);
    memcpy(copy, text, n);
    memcpy(copy + n, end, k);
    fit = llm_head_line(&head, &total, copy, n + k);
    free(copy);
    return fit;
}

static void fresh(const char *status)
{
    memset(&head, 0x55, sizeof head);
    total = 0;
    line(status, "\r\n");
}

static void field(const char *text)
{
    line(text, "\r\n");
}

static void statuses(void)
{
    static const struct {
        const char *line;
        int fit, status, framed;
    } cases[] = {
        { "HTTP/1.1 200 OK", 1, 200, 0 },
        { "HTTP/1.1 200", 1, 200, 0 },
        { "HTTP/1.0 404 Not Found", 1, 404, 0 },
        { "HTTP/2 200 ", 1, 200, 1 },
        { "HTTP/3 503", 1, 503, 1 },
        { "HTTP/1.1 100 Continue", 1, 0, 0 },
        { "HTTP/1.1 103 Early Hints", 1, 0, 0 },
        { "HTTP/1.1 999", 1, 999, 0 },
        { "HTTP/1.1 20", 0, 0, 0 },
        { "HTTP/1.1 2x0 OK", 0, 0, 0 },
        { "HTTP/1.1", 0, 0, 0 },
        { "HTTP/1.1  200", 0, 0, 0 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        memset(&head, 0x55, sizeof head);
        total = 0;
        is_int(line(cases[i].line, i % 2 ? "\r\n" : ""), cases[i].fit,
               "'%s' is %sa status line", cases[i].line,
               cases[i].fit ? "" : "not ");
        is_int(head.status, cases[i].status, "its status");
        is_int(head.framed, cases[i].framed, "whether HTTP frames it");
        ok(head.retry_after_ms == -1 && !*head.type && !*head.request_id
           && !head.encoded, "nothing else is known");
    }
}

static void interim(void)
{
    fresh("HTTP/1.1 103 Early Hints");
    field("Content-Type: text/plain");
    field("Content-Encoding: br");
    field("Retry-After: 9");
    field("X-Request-Id: early");
    field("Content-Length: 3");
    field("");
    is_int(head.status, 0, "an interim head is no head");
    field("HTTP/1.1 200 OK");
    is_int(head.status, 200, "what follows is");
    ok(!*head.type && !*head.request_id && !head.encoded && !head.framed
       && head.retry_after_ms == -1, "and has nothing of the interim one");
}

static void types(void)
{
    static const char *const cases[][2] = {
        { "Content-Type: application/json", "application/json" },
        { "content-type:Text/Event-Stream; Charset=UTF-8 \t",
          "text/event-stream; charset=utf-8" },
        { "CONTENT-TYPE:\t \tA/B", "a/b" },
        { "Content-Type:", "" },
        { "Content-Type", "" },
        { "Content-Type : a/b", "" },
        { "Content-Types: a/b", "" },
        { "X-Content-Type: a/b", "" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        fresh("HTTP/1.1 200 OK");
        field(cases[i][0]);
        is_str(head.type, cases[i][1], "the type of '%s'", cases[i][0]);
    }
    fresh("HTTP/1.1 200 OK");
    field("Content-Type: abcdefghijabcdefghijabcdefghijabcdefghijabcdefghij"
          "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij");
    is_int(strlen(head.type), sizeof head.type - 1, "a longer one is cut");
}

static void request_ids(void)
{
    static const char *const cases[][2] = {
        { "x-request-id: req_12-3", "req_12-3" },
        { "Request-Id:  abc ", "abc" },
        { "X-Request-ID: a b", "" },
        { "X-Request-ID: a\"b", "" },
        { "X-Request-ID: a\x01", "" },
        { "X-Request-ID: \xc3\xa9", "" },
        { "X-Request-ID:", "" },
        { "X-Request-ID: abcdefghijabcdefghijabcdefghijabcdefghijabcdefghij"
          "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij", "" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        fresh("HTTP/1.1 200 OK");
        field(cases[i][0]);
        is_str(head.request_id, cases[i][1], "the id of '%s'", cases[i][0]);
    }
}

static void waits(void)
{
    static const struct {
        const char *first, *second;
        long ms;
    } cases[] = {
        { "Retry-After: 3", "", 3000 },
        { "retry-after:0", "", 0 },
        { "Retry-After: 1.5", "", 1500 },
        { "Retry-After: 0.05", "", 0 },
        { "Retry-After: 2.x", "", 2000 },
        { "Retry-After: -1", "", -1 },
        { "Retry-After: soon", "", -1 },
        { "Retry-After: 99999999999999999999", "", -1 },
        { "Retry-After:", "", -1 },
        { "Retry-After-Ms: 250", "", 250 },
        { "retry-after-ms: 250", "Retry-After: 1", 250 },
        { "Retry-After: 1", "retry-after-ms: 250", 250 },
        { "retry-after-ms: x", "Retry-After: 1", 1000 },
        { "retry-after-ms: -250", "", -1 },
        { "Retry-After: Thu, 01 Jan 1998 00:00:00 GMT", "", 0 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        fresh("HTTP/1.1 429 Too Many Requests");
        field(cases[i].first);
        field(cases[i].second);
        is_int(head.retry_after_ms, cases[i].ms, "'%s' '%s'", cases[i].first,
               cases[i].second);
    }
}

/* A date is relative to now; one beyond all reason must fit an int. */
static void dates(void)
{
    char text[64] = "Retry-After: ", date[APR_RFC822_DATE_LEN];

    apr_rfc822_date(date, apr_time_now() + apr_time_from_sec(3600));
    snprintf(text, sizeof text, "Retry-After: %s", date);
    fresh("HTTP/1.1 429 Too Many Requests");
    field(text);
    ok(head.retry_after_ms > 1800 * 1000L
       && head.retry_after_ms <= 3600 * 1000L, "a date in an hour: %ld ms",
       head.retry_after_ms);
    fresh("HTTP/1.1 429 Too Many Requests");
    field("Retry-After: Fri, 31 Dec 2900 23:59:59 GMT");
    ok(head.retry_after_ms > 0 && head.retry_after_ms <= 1000000000,
       "a date in centuries: %ld ms", head.retry_after_ms);
}

static void framing(void)
{
    static const struct {
        const char *line;
        int framed, encoded;
    } cases[] = {
        { "Content-Length: 10", 1, 0 },
        { "Transfer-Encoding: chunked", 1, 0 },
        { "Content-Encoding: gzip", 0, 1 },
        { "content-encoding: Identity", 0, 0 },
        { "Content-Encoding:", 0, 0 },
        { "Connection: close", 0, 0 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        fresh("HTTP/1.1 200 OK");
        field(cases[i].line);
        is_int(!!head.framed, cases[i].framed, "framed by '%s'",
               cases[i].line);
        is_int(!!head.encoded, cases[i].encoded, "encoded by it");
    }
}

static void hostile(void)
{
    static const char *const odd[] = {
        "", ":", " ", "HTTP", "HTTP/", ": x", "\x01\xff", "Content-Type",
    };
    int lines = 0;

    fresh("HTTP/1.1 200 OK");
    for (size_t i = 0; i < COUNT(odd); i++)
        ok(line(odd[i], ""), "an odd line is passed over");
    ok(head.status == 200 && !*head.type, "and changes nothing");
    while (line("X-Filler: 0123456789012345678901234567890123456789", "\r\n"))
        lines++;
    ok(total > 64 * 1024 && lines > 1000 && lines < 2000,
       "a head has an end: after %d lines", lines);
    fresh("HTTP/1.1 100 Continue");
    for (lines = 0; line("HTTP/1.1 100 Continue", "\r\n"); lines++)
        ;
    ok(lines > 1000 && lines < 5000, "however many heads it is: %d", lines);
}

int main(void)
{
    apr_initialize();
    statuses();
    interim();
    types();
    request_ids();
    waits();
    dates();
    framing();
    hostile();
    return done();
}
