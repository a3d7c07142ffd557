/* Buffers that grow, UTF-8, JSON strings, and the words of a configuration. */
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>

#include "../tap.h"
#include "../../src/base/scan.h"
#include "../../src/base/text.h"

static int holds(const llm_buf *buf, const char *text)
{
    return buf->len == strlen(text) && !memcmp(buf->data, text, buf->len);
}

static void grow(void)
{
    llm_buf buf;
    size_t i;
    int same = 1;

    llm_buf_init(&buf, 100000);
    ok(!buf.data && !buf.len, "it begins empty, without memory");
    is_int(llm_buf_add(&buf, NULL, 0), LLM_OK, "nothing can be added");
    for (i = 0; i < 100000; i++)
        same &= llm_buf_add(&buf, &"0123456789"[i % 10], 1) == LLM_OK;
    ok(same && buf.len == 100000, "byte by byte to the ceiling");
    for (i = 0; i < buf.len; i++)
        same &= buf.data[i] == '0' + (char)(i % 10);
    ok(same, "and all of them are there");
    is_int(llm_buf_puts(&buf, "x"), LLM_TOO_LARGE, "one more is too many");
    is_int(llm_buf_add(&buf, "x", SIZE_MAX), LLM_TOO_LARGE, "so are many");
    is_int(buf.len, 100000, "which changes nothing");
    ok(buf.room <= 100001, "no more is allocated than the ceiling asks for");
    llm_buf_clear(&buf);
    ok(!buf.len && buf.data, "clear keeps the memory");
    llm_buf_free(&buf);
    ok(!buf.len && !buf.room && !buf.data, "free does not");
    is_int(llm_buf_puts(&buf, "again"), LLM_OK, "and it can be used again");
    llm_buf_free(&buf);
}

static void grow_to_nothing(void)
{
    llm_buf buf;

    llm_buf_init(&buf, 0);
    is_int(llm_buf_puts(&buf, ""), LLM_OK, "ceiling 0 takes nothing");
    is_int(llm_buf_puts(&buf, "x"), LLM_TOO_LARGE, "and no byte");
    llm_buf_free(&buf);
    llm_buf_init(&buf, SIZE_MAX);
    is_int(llm_buf_add(&buf, "x", SIZE_MAX), LLM_TOO_LARGE,
           "no ceiling is not beyond all memory");
    is_int(llm_buf_puts(&buf, "x"), LLM_OK, "and holds what there is");
    llm_buf_free(&buf);
}

static void reserve(void)
{
    llm_buf buf;

    llm_buf_init(&buf, 1000);
    is_int(llm_buf_reserve(&buf, 1000), LLM_OK, "room for all of it");
    ok(!buf.len && buf.room >= 1000, "is room, not bytes");
    memset(buf.data, 'r', 1000);
    buf.len = 1000;
    is_int(llm_buf_reserve(&buf, 1), LLM_TOO_LARGE, "and no more");
    llm_buf_free(&buf);
}

static void print(void)
{
    llm_buf buf;

    llm_buf_init(&buf, 300);
    is_int(llm_buf_printf(&buf, "%s %d", "a", 7), LLM_OK, "printed");
    ok(holds(&buf, "a 7"), "after nothing");
    is_int(llm_buf_printf(&buf, "%0290d", 1), LLM_OK, "printed much");
    is_int(buf.len, 293, "and it grew");
    is_int(llm_buf_printf(&buf, "%s", "12345678"), LLM_TOO_LARGE,
           "one byte above the ceiling");
    is_int(buf.len, 293, "changes nothing");
    is_int(llm_buf_printf(&buf, "%s", "1234567"), LLM_OK, "just fits");
    is_int(buf.len, 300, "and the NUL is not counted");
    llm_buf_free(&buf);
}

static void move(void)
{
    llm_buf from, to;

    llm_buf_init(&from, 10);
    llm_buf_init(&to, 20);
    llm_buf_puts(&from, "from");
    llm_buf_puts(&to, "to");
    llm_buf_move(&to, &from);
    ok(holds(&to, "from") && !from.data && !from.len, "moved whole");
    llm_buf_move(&to, &to);
    ok(holds(&to, "from"), "onto itself is nothing");
    llm_buf_move(&to, &from);
    ok(!to.data && !to.len, "an empty one empties");
    llm_buf_free(&to);
    llm_buf_free(&from);
}

static void utf8(void)
{
    static const struct {
        const char *text;
        size_t n, good;
    } cases[] = {
        { "", 0, 0 },
        { "plain ascii text", 16, 16 },
        { "a\0b", 3, 3 },
        { "\xc3\xa9", 2, 2 },
        { "\xe2\x82\xac", 3, 3 },
        { "\xf0\x9f\x98\x80", 4, 4 },
        { "\xf4\x8f\xbf\xbf", 4, 4 },
        { "12345678\xc3\xa9" "12345678\xff", 19, 18 },
        { "1234567\xc3\xa9", 9, 9 },
        { "a\x80", 2, 1 },                      /* a tail alone */
        { "a\xc3", 2, 1 },                      /* cut */
        { "a\xe2\x82", 3, 1 },
        { "a\xf0\x9f\x98", 4, 1 },
        { "\xc3(", 2, 0 },
        { "\xc0\x80", 2, 0 },                   /* overlong */
        { "\xc1\xbf", 2, 0 },
        { "\xe0\x9f\xbf", 3, 0 },
        { "\xf0\x8f\xbf\xbf", 4, 0 },
        { "\xed\xa0\x80", 3, 0 },               /* a surrogate */
        { "\xed\x9f\xbf", 3, 3 },
        { "\xf4\x90\x80\x80", 4, 0 },           /* above U+10FFFF */
        { "\xf5\x80\x80\x80", 4, 0 },
        { "\xff", 1, 0 },
    };
    size_t i;
    char *copy;

    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        /* On the heap, for the sanitizer to see a step beyond. */
        copy = malloc(cases[i].n ? cases[i].n : 1);
        memcpy(copy, cases[i].text, cases[i].n);
        is_int(llm_text_utf8(copy, cases[i].n), cases[i].good, "utf8 %zu", i);
        free(copy);
    }
}

/* All code points, against the arithmetic that defines the encoding. */
static void utf8_all(void)
{
    unsigned long c, wrong = 0;
    size_t n;
    char s[4];

    for (c = 0; c < 0x200000; c++) {
        if (c < 0x80) {
            n = 1;
            s[0] = (char)c;
        }
        else if (c < 0x800) {
            n = 2;
            s[0] = (char)(0xc0 | c >> 6);
        }
        else if (c < 0x10000) {
            n = 3;
            s[0] = (char)(0xe0 | c >> 12);
            s[1] = (char)(0x80 | (c >> 6 & 0x3f));
        }
        else {
            n = 4;
            s[0] = (char)(0xf0 | c >> 18);
            s[1] = (char)(0x80 | (c >> 12 & 0x3f));
            s[2] = (char)(0x80 | (c >> 6 & 0x3f));
        }
        if (n > 1)
            s[n - 1] = (char)(0x80 | (c & 0x3f));
        if ((llm_text_utf8(s, n) == n)
            != (c <= 0x10ffff && (c < 0xd800 || c > 0xdfff)))
            wrong++;
    }
    is_int(wrong, 0, "every code point");
}

static void json(void)
{
    static const struct {
        const char *text;
        size_t n;
        const char *quoted;
    } cases[] = {
        { "", 0, "\"\"" },
        { "plain", 5, "\"plain\"" },
        { "\"\\/", 3, "\"\\\"\\\\/\"" },
        { "\b\t\n\v\f\r", 6, "\"\\b\\t\\n\\u000b\\f\\r\"" },
        { "a\0b\x1f\x7f", 5, "\"a\\u0000b\\u001f\x7f\"" },
        { "\xe2\x82\xac", 3, "\"\xe2\x82\xac\"" },
        { "\xe2\x82", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "x\xffy", 3, "\"x\xef\xbf\xbdy\"" },
    };
    llm_buf buf;
    size_t i;

    llm_buf_init(&buf, 1000);
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        llm_buf_clear(&buf);
        is_int(llm_buf_json(&buf, cases[i].text, cases[i].n), LLM_OK,
               "quoted %zu", i);
        is_mem(buf.data, buf.len, cases[i].quoted, strlen(cases[i].quoted),
               "as it should be");
    }
    llm_buf_free(&buf);
    llm_buf_init(&buf, 8);
    llm_buf_puts(&buf, "ab");
    is_int(llm_buf_json(&buf, "\n\n\n", 3), LLM_TOO_LARGE, "too small");
    ok(holds(&buf, "ab"), "leaves what was there");
    is_int(llm_buf_json(&buf, "\n\n", 2), LLM_OK, "and this fits");
    llm_buf_free(&buf);
}

/* Whatever bytes go in, strict JSON comes out. */
static void json_any(void)
{
    unsigned seed = 1, round;
    size_t i, n;
    char text[40];
    int wrong = 0;
    llm_buf buf;

    llm_buf_init(&buf, 1000);
    for (round = 0; round < 20000; round++) {
        for (n = 0; n < round % sizeof text; n++) {
            seed = seed * 1103515245 + 12345;
            text[n] = (char)(seed >> 16 | (round & 1 ? 0xc0 : 0));
        }
        llm_buf_clear(&buf);
        llm_buf_puts(&buf, "[");
        llm_buf_json(&buf, text, n);
        llm_buf_puts(&buf, "]");
        wrong += llm_scan_array(buf.data, buf.len, 2, NULL, NULL, &i) != 0;
    }
    is_int(wrong, 0, "20000 times any bytes");
    llm_buf_free(&buf);
}

static void duration(const char *word, long long wanted)
{
    apr_interval_time_t us = -7;
    const int understood = llm_text_duration(word, &us);

    is_int(understood ? us : -1, wanted, "duration '%s'", word);
    if (!understood)
        is_int(us, -7, "nothing was written");
}

static void size(const char *word, int good, apr_size_t wanted)
{
    apr_size_t bytes = 77;

    is_int(llm_text_size(word, &bytes), good, "size '%s'", word);
    ok(bytes == (good ? wanted : 77), "is %zu", bytes);
}

static void tokens(const char *word, long long wanted)
{
    long long n = 77;

    is_int(llm_text_tokens(word, &n), wanted > 0, "tokens '%s'", word);
    is_int(n, wanted > 0 ? wanted : 77, "are so many");
}

static void number(const char *word, long low, long high, long wanted)
{
    long n = -7;

    is_int(llm_text_number(word, low, high, &n), wanted >= 0,
           "number '%s' from %ld to %ld", word, low, high);
    is_int(n, wanted >= 0 ? wanted : -7, "its value");
}

static void words(void)
{
    duration("0", 0);
    duration("250ms", 250000);
    duration("30s", 30000000);
    duration("30", 30000000);
    duration("5m", 300000000);
    duration("2h", 7200000000LL);
    duration("8760h", 31536000000000LL);
    duration("31536000000ms", 31536000000000LL);
    duration("8761h", -1);
    duration("31536000001ms", -1);
    duration("99999999999999999999999s", -1);
    duration("", -1);
    duration("s", -1);
    duration("-1s", -1);
    duration("+1s", -1);
    duration(" 1s", -1);
    duration("1s ", -1);
    duration("1.5s", -1);
    duration("1d", -1);
    duration("1S", -1);

    size("0", 1, 0);
    size("512", 1, 512);
    size("64K", 1, 65536);
    size("16M", 1, 16777216);
    size("2G", 1, 2147483648u);
    size("18446744073709551615", 1, SIZE_MAX);
    size("18446744073709551616", 0, 0);
    size("17179869183G", 1, (apr_size_t)17179869183u << 30);
    size("17179869184G", 0, 0);
    size("", 0, 0);
    size("K", 0, 0);
    size("-1", 0, 0);
    size("1KB", 0, 0);
    size("1T", 0, 0);
    size("1k", 0, 0);

    tokens("1", 1);
    tokens("200000", 200000);
    tokens("128K", 128000);
    tokens("1M", 1000000);
    tokens("100M", 100000000);
    tokens("101M", 0);
    tokens("100000001", 0);
    tokens("99999999999999999999", 0);
    tokens("0", 0);
    tokens("0K", 0);
    tokens("", 0);
    tokens("K", 0);
    tokens("-1", 0);
    tokens("1k", 0);
    tokens("1KB", 0);
    tokens("1G", 0);

    number("0", 0, 10, 0);
    number("10", 0, 10, 10);
    number("007", 0, 10, 7);
    number("11", 0, 10, -1);
    number("1", 2, 10, -1);
    number("", 0, 10, -1);
    number("-1", -5, 10, -1);
    number("1x", 0, 10, -1);
    number("0x1", 0, 10, -1);
    number("9223372036854775807", 0, LONG_MAX, LONG_MAX);
    number("9223372036854775808", 0, LONG_MAX, -1);
    number("18446744073709551617", 0, LONG_MAX, -1);
}

static void names(void)
{
    static const char *const bad[] = {
        "", "a b", "a\"b", "a\\b", "a,b", "a;b", "a<b", "a>b", "a\tb",
        "a\nb", "a\x7f", "\xc3\xa9", "123456789",
    };
    size_t i;

    ok(llm_text_is_name("a", 8), "one letter is a name");
    ok(llm_text_is_name("12345678", 8), "as long as allowed");
    ok(llm_text_is_name("a/b:c@d", 8), "signs are fine");
    ok(!llm_text_is_name("a", 0), "nothing is allowed");
    for (i = 0; i < sizeof bad / sizeof *bad; i++)
        ok(!llm_text_is_name(bad[i], 8), "bad name %zu", i);
    for (i = 0; i < 256; i++) {
        if (llm_text_is_white((char)i) != (i && !!strchr(" \t\n\v\f\r",
                                                         (int)i)))
            ok(0, "white space %zu", i);
    }
}

int main(void)
{
    grow();
    grow_to_nothing();
    reserve();
    print();
    move();
    utf8();
    utf8_all();
    json();
    json_any();
    words();
    names();
    return done();
}
