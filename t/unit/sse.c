/* Event streams: what the standard says, told the same at every split, by
 * whoever cuts the bytes and wherever. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/wire/sse.h"
#include "../tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define BOM "\xef\xbb\xbf"

/* --- a stream fed in pieces, its events written down --------------------- */

typedef struct story {
    char text[8192];            /* "name|data;" for each event */
    size_t n;
    int events;
    int stop_at;                /* the event that is not liked, from 1 */
    llm_fault fault;
    int empty;                  /* llm_sse_is_empty at the end */
} story;

static void tell(story *to, const char *bytes, size_t n)
{
    if (n && to->n + n < sizeof to->text) {
        memcpy(to->text + to->n, bytes, n);
        to->n += n;
    }
}

static llm_fault write_down(void *baton, const llm_sse_event *event)
{
    story *const to = baton;

    tell(to, event->name, event->name_len);
    tell(to, "|", 1);
    tell(to, event->data, event->data_len);
    tell(to, ";", 1);
    return ++to->events == to->stop_at ? LLM_GARBAGE : LLM_OK;
}

/* One piece, at an address of its own and gone after it was fed: what is
 * kept of it must have been copied. */
static llm_fault feed(llm_sse *in, const char *bytes, size_t n, story *to)
{
    char *const piece = malloc(n ? n : 1);
    llm_fault fault;

    if (!piece)
        exit(2);
    memcpy(piece, bytes, n);
    fault = llm_sse_feed(in, piece, n, write_down, to);
    memset(piece, '#', n);
    free(piece);
    return fault;
}

/* `stream` in pieces that end at `a` and `b`, the last at its end. */
static void read_in_three(story *to, const char *stream, size_t n, size_t a,
                          size_t b, size_t ceiling)
{
    llm_sse in;

    llm_sse_init(&in, ceiling);
    to->fault = feed(&in, stream, a, to);
    if (!to->fault)
        to->fault = feed(&in, stream + a, b - a, to);
    if (!to->fault)
        to->fault = feed(&in, stream + b, n - b, to);
    to->empty = llm_sse_is_empty(&in);
    llm_sse_free(&in);
}

static void read_bytewise(story *to, const char *stream, size_t n,
                          size_t ceiling)
{
    llm_sse in;

    llm_sse_init(&in, ceiling);
    for (size_t i = 0; i < n && !to->fault; i++)
        to->fault = feed(&in, stream + i, 1, to);
    to->empty = llm_sse_is_empty(&in);
    llm_sse_free(&in);
}

static int same(const story *a, const story *b)
{
    return a->fault == b->fault && a->n == b->n
        && (a->fault || a->empty == b->empty)
        && !memcmp(a->text, b->text, a->n);
}

/* How many ways to cut it tell another story than the whole does. */
static int other_stories(const story *whole, const char *stream, size_t n,
                         size_t ceiling)
{
    const int stop_at = whole->stop_at;
    story told = { .stop_at = stop_at };
    int wrong = 0;

    read_bytewise(&told, stream, n, ceiling);
    wrong += !same(whole, &told);
    for (size_t a = 0; a <= n; a++) {
        for (size_t b = a; b <= n; b += 1 + (n - a) / 5) {
            told.n = 0;
            told.events = 0;
            read_in_three(&told, stream, n, a, b, ceiling);
            wrong += !same(whole, &told);
        }
    }
    return wrong;
}

static void tells(const char *stream, size_t n, const char *want, int empty,
                  const char *name)
{
    story told = { .n = 0 };

    read_in_three(&told, stream, n, n, n, 100);
    is_int(told.fault, LLM_OK, "%s: taken", name);
    is_mem(told.text, told.n, want, strlen(want), "%s: events", name);
    is_int(told.empty, empty, "%s: %s", name, empty ? "ended" : "unfinished");
    is_int(other_stories(&told, stream, n, 100), 0, "%s: at any split", name);
}

/* --- what the standard says ---------------------------------------------- */

static const struct {
    const char *stream;
    size_t n;
    const char *want;
    int empty;
    const char *name;
} table[] = {
#define T(stream, want, empty, name)                                          \
    { stream, sizeof stream - 1, want, empty, name }
    T("", "", 1, "nothing"),
    T("data: a\n\n", "|a;", 1, "one event"),
    T("data: a\r\n\r\n", "|a;", 1, "CRLF"),
    T("data: a\r\r", "|a;", 1, "CR"),
    T("data: a\r\n\rdata: b\n\r\n", "|a;|b;", 1, "all of them mixed"),
    T("data: a\r\n\ndata: b\n\rdata: c\r\r\n", "|a;|b;|c;", 1,
      "CRLF then LF is two ends"),
    T("data:a\n\ndata:  a\n\n", "|a;| a;", 1, "one space is dropped"),
    T("data:\ta\n\n", "|\ta;", 1, "a tab is not"),
    T("data: a\ndata: b\ndata:\ndata: c\n\n", "|a\nb\n\nc;", 1,
      "lines are joined by LF"),
    T("data: a\rdata: b\r\ndata: c\n\n", "|a\nb\nc;", 1, "however they end"),
    T("data\n\n", "|;", 1, "data without a colon"),
    T("data:\n\n", "|;", 1, "data that is empty"),
    T("data\ndata\n\n", "|\n;", 1, "data that is empty twice"),
    T("data:a:b: c\n\n", "|a:b: c;", 1, "a colon in the data"),
    T("event: e\ndata: a\n\n", "e|a;", 1, "a name"),
    T("data: a\nevent: e\n\n", "e|a;", 1, "a name after the data"),
    T("event: e\nevent: f\ndata: a\n\n", "f|a;", 1, "the last name counts"),
    T("event: e\nevent\ndata: a\n\n", "|a;", 1, "a name can be taken back"),
    T("event: e\ndata: a\n\ndata: b\n\n", "e|a;|b;", 1, "names do not last"),
    T("event: e\n\ndata: a\n\n", "|a;", 1, "a name alone is no event"),
    T(": c\n\n:\n\ndata: a\n: c\n\n", "|a;", 1, "comments"),
    T("id: 1\nretry: 5\ndata: a\nid\n\nid: 2\n\n", "|a;", 1, "id and retry"),
    T("Data: a\ndatas: b\ndat: c\n data: d\ndata : e\nx\n\n", "", 1,
      "what is not quite data"),
    T("EVENT: e\nevents: f\nevent : g\ndata: a\n\n", "|a;", 1,
      "what is not quite a name"),
    T("\n\n\r\r\n\n", "", 1, "empty lines"),
    T(BOM "data: a\n\n", "|a;", 1, "a byte order mark"),
    T(BOM, "", 0, "nothing else"),
    T(BOM "\ndata: a\n\n", "|a;", 1, "on a line of its own"),
    T(BOM BOM "data: a\n\ndata: b\n\n", "|b;", 1, "only one is skipped"),
    T("data: a\n\n" BOM "data: b\n\n", "|a;", 1, "only the first bytes"),
    T("\n" BOM "data: a\n\n", "", 1, "not those of the second line"),
    T("\xef\xbb" "data: a\n\n", "", 1, "half a mark is none"),
    T("data: " BOM "a\n\n", "|" BOM "a;", 1, "a mark in the data stays"),
    T("data: a\n", "", 0, "an event that is not ended"),
    T("data: a", "", 0, "a line that is not ended"),
    T("event: e\n", "", 0, "a name and no more"),
    T("data: a\n\nd", "|a;", 0, "one more byte"),
    T("data: a\n\nid: 1\n", "|a;", 1, "an id and no more is nothing"),
    T("data: a\r", "", 0, "a CR at the end ends the line"),
    T("data: a\r\n\r", "|a;", 1, "and the event"),
};

static void standard(void)
{
    static const char zero[] = "data: a\0b\nev\0nt: x\nevent: e\0f\n\n";
    story told = { .n = 0 };

    for (size_t i = 0; i < COUNT(table); i++)
        tells(table[i].stream, table[i].n, table[i].want, table[i].empty,
              table[i].name);
    read_in_three(&told, zero, sizeof zero - 1, 0, 0, 100);
    is_mem(told.text, told.n, "e\0f|a\0b;", 8, "NUL is a byte like others");
    is_int(other_stories(&told, zero, sizeof zero - 1, 100), 0,
           "at any split");
}

/* --- without a copy ------------------------------------------------------ */

typedef struct range {
    const char *from;
    const char *to;
    int inside;
    int outside;
} range;

static llm_fault place(void *baton, const llm_sse_event *event)
{
    range *const in = baton;

    if (event->data >= in->from && event->data + event->data_len <= in->to)
        in->inside++;
    else
        in->outside++;
    return LLM_OK;
}

static void uncopied(void)
{
    static const char stream[] = "event: e\ndata: one\n\ndata: two\n\n: c\n"
        "id: 3\ndata: three\nevent: f\n\ndata: four\r\n\r\ndata: five\r\r";
    static const char joined[] = "data: one\ndata: two\n\n";
    range seen = { stream, stream + sizeof stream - 1, 0, 0 };
    llm_sse in;

    llm_sse_init(&in, 100);
    llm_sse_feed(&in, stream, sizeof stream - 1, place, &seen);
    is_int(seen.inside, 5, "five events stand where they were fed");
    is_int(seen.outside, 0, "none was copied");
    ok(!in.line.room && !in.data.room, "no memory was taken");
    llm_sse_feed(&in, joined, sizeof joined - 1, place, &seen);
    is_int(seen.outside, 1, "two lines must be joined");
    llm_sse_free(&in);
}

/* --- ceilings ------------------------------------------------------------ */

static void too_large(const char *stream, size_t ceiling, const char *want,
                      llm_fault fault, const char *name)
{
    const size_t n = strlen(stream);
    story told = { .n = 0 };

    read_in_three(&told, stream, n, n, n, ceiling);
    is_int(told.fault, fault, "%s: what comes back", name);
    is_mem(told.text, told.n, want, strlen(want), "%s: events", name);
    is_int(other_stories(&told, stream, n, ceiling), 0, "%s: at any split",
           name);
}

static void ceilings(void)
{
    too_large("data: 4567\n\n", 10, "|4567;", LLM_OK, "a line just so long");
    too_large("data: 4567\n\n", 9, "", LLM_TOO_LARGE, "a line too long");
    too_large("data: a\n\ndata: 4567\n\n", 9, "|a;", LLM_TOO_LARGE,
              "a line too long after an event");
    too_large("data: 45678", 9, "", LLM_TOO_LARGE, "one without an end");
    too_large(": a comment\n\n", 9, "", LLM_TOO_LARGE, "a comment too long");
    too_large("data:1234\ndata:1234\ndata:1\n\n", 11, "|1234\n1234\n1;",
              LLM_OK, "data just so long");
    too_large("data:1234\ndata:1234\ndata:1\n\n", 10, "", LLM_TOO_LARGE,
              "data too long");
    too_large("data:1234\ndata:12345\n\n", 10, "|1234\n12345;", LLM_OK,
              "an LF between counts");
    too_large("data:1234\ndata:123456\n\n", 10, "", LLM_TOO_LARGE,
              "an LF between counts too");
    too_large("data:1\n\ndata:2\n\ndata:3\n\ndata:4\n\n", 6,
              "|1;|2;|3;|4;", LLM_OK, "not the sum of events");
    too_large("data\ndata\ndata\ndata\n\n", 4, "|\n\n\n;", LLM_OK,
              "empty lines of data");
    too_large("data\ndata\ndata\ndata\ndata\ndata\n\n", 4, "", LLM_TOO_LARGE,
              "have an end");
}

static void long_names(void)
{
    char stream[128], want[80];
    story told = { .n = 0 };

    for (size_t n = 63; n <= 66; n++) {
        const size_t cut = n < 64 ? n : 64;
        int at = snprintf(stream, sizeof stream, "event: %0*d\ndata: a\n\n",
                          (int)n, 7);

        told.n = 0;
        read_in_three(&told, stream, (size_t)at, 0, 0, 100);
        at = snprintf(want, sizeof want, "%.*s|a;", (int)cut, stream + 7);
        is_mem(told.text, told.n, want, (size_t)at, "a name of %zu", n);
        is_int(other_stories(&told, stream, strlen(stream), 100), 0,
               "at any split");
    }
}

/* --- whoever is called ends it ------------------------------------------- */

static void stops(void)
{
    static const char stream[] = "data: a\n\ndata: b\r\n\r\ndata: c\n\n";
    story told = { .stop_at = 2 };

    read_in_three(&told, stream, sizeof stream - 1, 0, 0, 100);
    is_int(told.fault, LLM_GARBAGE, "what the called one said comes back");
    is_mem(told.text, told.n, "|a;|b;", 6, "and it was not called again");
    is_int(other_stories(&told, stream, sizeof stream - 1, 100), 0,
           "at any split");
}

/* An end that the network says is one is written as two line ends. */
static void finished_from_outside(void)
{
    static const char *const cut[] = { "data: a", "data: a\n", "data: a\r",
                                       "data: a\r\n", "data: a\n\n" };

    for (size_t i = 0; i < COUNT(cut); i++) {
        story told = { .n = 0 };
        llm_sse in;

        llm_sse_init(&in, 100);
        feed(&in, cut[i], strlen(cut[i]), &told);
        feed(&in, "\n\n", 2, &told);
        is_mem(told.text, told.n, "|a;", 3, "cut %zu: the last event", i);
        ok(llm_sse_is_empty(&in), "cut %zu: ended", i);
        llm_sse_free(&in);
    }
}

/* --- against a reader that takes the standard word by word */

static uint64_t state = 0x2545f4914f6cdd1du;

static unsigned below(unsigned n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 33) % n;
}

static size_t generate(char *to, size_t room)
{
    static const char *const fields[] = {
        "data: ", "data: ", "data:", "data", "event: ", "event:", "event",
        "id: ", "retry:", ":", ": ", "dat", " data: ", BOM, "", "", "", "",
    };
    static const char *const values[] = {
        "", "a", " ", ":", "{\"k\":\"v\"}", "\xc3\xa9", "[DONE]", BOM,
    };
    static const char *const ends[] = { "\n", "\r\n", "\r" };
    const unsigned style = below(6), count = 1 + below(24);
    size_t n = 0;

    for (unsigned i = 0; i < count && n + 64 < room; i++) {
        const char *const field = fields[below(COUNT(fields))];
        const char *const value = *field ? values[below(COUNT(values))] : "";
        const char *const end = ends[style < 3 ? style : below(3)];

        n += (size_t)snprintf(to + n, room - n, "%s%s%s", field, value, end);
    }
    return n - (n && !below(4));
}

typedef struct naive {
    char data[1024], name[1024];
    size_t data_len, name_len;
    int has_data;
} naive;

static void naive_line(naive *now, const char *line, size_t n, story *to)
{
    const char *const colon = n ? memchr(line, ':', n) : NULL;
    const size_t name_len = colon ? (size_t)(colon - line) : n;
    size_t skip = colon ? name_len + 1 : n;

    if (!n) {
        const llm_sse_event event = { now->name, now->name_len, now->data,
                                      now->has_data ? now->data_len - 1 : 0 };
        if (now->has_data)
            write_down(to, &event);
        now->has_data = 0;
        now->data_len = now->name_len = 0;
        return;
    }
    skip += skip < n && line[skip] == ' ';
    if (name_len == 4 && !memcmp(line, "data", 4)) {
        memcpy(now->data + now->data_len, line + skip, n - skip);
        now->data_len += n - skip;
        now->data[now->data_len++] = '\n';
        now->has_data = 1;
    }
    if (name_len == 5 && !memcmp(line, "event", 5)) {
        memcpy(now->name, line + skip, n - skip);
        now->name_len = n - skip;
    }
}

/* Line ends made LF first, then line by line. */
static void naive_read(const char *stream, size_t n, story *to)
{
    char text[1024];
    size_t len = 0, from = 0;
    naive now = { .has_data = 0 };

    if (n >= 3 && !memcmp(stream, BOM, 3))
        from = 3;
    for (size_t i = from; i < n; i++) {
        if (stream[i] == '\n' && i && stream[i - 1] == '\r')
            continue;
        text[len++] = stream[i] == '\r' ? '\n' : stream[i];
    }
    from = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '\n')
            continue;
        naive_line(&now, text + from, i - from, to);
        from = i + 1;
    }
}

static void generated(void)
{
    int wrong = 0, splits = 0, events = 0;

    for (int i = 0; i < 2000; i++) {
        char stream[512];
        const size_t n = generate(stream, sizeof stream);
        story whole = { .n = 0 }, told = { .n = 0 };

        naive_read(stream, n, &told);
        read_in_three(&whole, stream, n, n, n, 1000);
        events += whole.events;
        splits += other_stories(&whole, stream, n, 1000);
        if (whole.n != told.n || memcmp(whole.text, told.text, told.n)) {
            wrong++;
            tap_show("stream", stream, n);
            tap_show("told", whole.text, whole.n);
            tap_show("naive", told.text, told.n);
        }
    }
    ok(!wrong, "2000 streams as the standard reads them (%d wrong)", wrong);
    ok(!splits, "and at any split (%d wrong)", splits);
    ok(events > 1000, "of %d events", events);
}

int main(void)
{
    standard();
    uncopied();
    ceilings();
    long_names();
    stops();
    finished_from_outside();
    generated();
    return done();
}
