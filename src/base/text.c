#include "text.h"

#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SMALLEST_ROOM 256
#define DURATION_MOST (apr_time_from_sec(365LL * 24 * 3600))
#define TOKENS_MOST 100000000

/* --- bytes that grow ---------------------------------------------------- */

void llm_buf_init(llm_buf *buf, size_t ceiling)
{
    memset(buf, 0, sizeof *buf);
    /* One byte above the ceiling is for the NUL that vsnprintf writes. */
    buf->ceiling = ceiling < SIZE_MAX ? ceiling : SIZE_MAX - 1;
}

/* Doubling keeps adding linear; never more than the ceiling asks for. */
static size_t next_room(const llm_buf *buf, size_t needed)
{
    const size_t most = buf->ceiling + 1;
    size_t room = buf->room > most / 2 ? most : buf->room * 2;

    if (room < SMALLEST_ROOM)
        room = SMALLEST_ROOM < most ? SMALLEST_ROOM : most;
    return room < needed ? needed : room;
}

llm_fault llm_buf_reserve(llm_buf *buf, size_t n)
{
    size_t needed, room;
    char *data;

    if (n > buf->ceiling - buf->len)
        return LLM_TOO_LARGE;
    needed = buf->len + n + 1;
    if (needed <= buf->room)
        return LLM_OK;
    room = next_room(buf, needed);
    data = realloc(buf->data, room);
    if (!data)
        return LLM_INTERNAL;
    buf->data = data;
    buf->room = room;
    return LLM_OK;
}

llm_fault llm_buf_add(llm_buf *buf, const void *bytes, size_t n)
{
    llm_fault fault;

    if (!n)
        return LLM_OK;
    fault = llm_buf_reserve(buf, n);
    if (fault)
        return fault;
    memcpy(buf->data + buf->len, bytes, n);
    buf->len += n;
    return LLM_OK;
}

llm_fault llm_buf_puts(llm_buf *buf, const char *text)
{
    return llm_buf_add(buf, text, strlen(text));
}

llm_fault llm_buf_printf(llm_buf *buf, const char *format, ...)
{
    size_t left = buf->room - buf->len;
    llm_fault fault;
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(left ? buf->data + buf->len : NULL, left, format, args);
    va_end(args);
    if (n < 0)
        return LLM_INTERNAL;
    fault = llm_buf_reserve(buf, (size_t)n);
    if (fault)
        return fault;
    if ((size_t)n >= left) {
        left = buf->room - buf->len;
        va_start(args, format);
        vsnprintf(buf->data + buf->len, left, format, args);
        va_end(args);
    }
    buf->len += (size_t)n;
    return LLM_OK;
}

void llm_buf_move(llm_buf *to, llm_buf *from)
{
    if (to == from)
        return;
    free(to->data);
    *to = *from;
    from->data = NULL;
    from->len = from->room = 0;
}

void llm_buf_clear(llm_buf *buf)
{
    buf->len = 0;
}

void llm_buf_free(llm_buf *buf)
{
    free(buf->data);
    buf->data = NULL;
    buf->len = buf->room = 0;
}

/* --- UTF-8 -------------------------------------------------------------- */

static int is_tail(unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

/* What the second byte may be after `first` is all that tells overlong forms,
 * surrogates and numbers above U+10FFFF apart (RFC 3629, section 4). */
static int is_second(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xe0:
        return second >= 0xa0 && second <= 0xbf;
    case 0xed:
        return second >= 0x80 && second <= 0x9f;
    case 0xf0:
        return second >= 0x90 && second <= 0xbf;
    case 0xf4:
        return second >= 0x80 && second <= 0x8f;
    default:
        return is_tail(second);
    }
}

/* The length of the character that starts at `s`, 0 if none does. */
static size_t character(const unsigned char *s, size_t n)
{
    size_t len, i;

    if (s[0] < 0x80)
        return 1;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if (len > n || !is_second(s[0], s[1]))
        return 0;
    for (i = 2; i < len; i++) {
        if (!is_tail(s[i]))
            return 0;
    }
    return len;
}

static int is_ascii_word(const unsigned char *s)
{
    uint64_t word;

    memcpy(&word, s, sizeof word);
    return !(word & UINT64_C(0x8080808080808080));
}

size_t llm_text_utf8(const char *text, size_t n)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t at = 0, len;

    while (at < n) {
        if (n - at >= 8 && is_ascii_word(s + at)) {
            at += 8;
            continue;
        }
        len = character(s + at, n - at);
        if (!len)
            break;
        at += len;
    }
    return at;
}

/* --- JSON strings ------------------------------------------------------- */

/* Eight bytes none of which has to be looked at: ASCII, and neither a quote
 * nor a backslash nor a control character. `low` is what subtraction borrows
 * for: a byte that was zero, or less than a space. */
static int is_plain_word(const unsigned char *s)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    uint64_t word, quote, slash, low;

    memcpy(&word, s, sizeof word);
    quote = (word ^ ones * '"') - ones;
    slash = (word ^ ones * '\\') - ones;
    low = word - ones * ' ';
    return !((word | quote | slash | low) & tops);
}

/* How many bytes stand in a JSON string as they are. */
static size_t plain(const unsigned char *s, size_t n)
{
    size_t at = 0, len;

    while (at < n) {
        if (n - at >= 8 && is_plain_word(s + at)) {
            at += 8;
            continue;
        }
        if (s[at] < 0x20 || s[at] == '"' || s[at] == '\\')
            break;
        len = character(s + at, n - at);
        if (!len)
            break;
        at += len;
    }
    return at;
}

/* One byte that cannot stand as it is. */
static llm_fault escape(llm_buf *buf, unsigned char byte)
{
    static const char letters[] = "btn?fr";     /* 0x08 to 0x0d */
    static const char digits[] = "0123456789abcdef";
    char text[6] = { '\\', (char)byte };

    if (byte >= 0x80)
        return llm_buf_puts(buf, "\xef\xbf\xbd");
    if (byte == '"' || byte == '\\')
        return llm_buf_add(buf, text, 2);
    if (byte >= 0x08 && byte <= 0x0d && byte != 0x0b) {
        text[1] = letters[byte - 0x08];
        return llm_buf_add(buf, text, 2);
    }
    memcpy(text + 1, "u00", 3);
    text[4] = digits[byte >> 4];
    text[5] = digits[byte & 15];
    return llm_buf_add(buf, text, 6);
}

static llm_fault quote(llm_buf *buf, const unsigned char *s, size_t n)
{
    llm_fault fault = n < buf->ceiling ? llm_buf_reserve(buf, n + 2)
                                       : LLM_TOO_LARGE;
    size_t run;

    if (!fault)
        fault = llm_buf_puts(buf, "\"");
    while (!fault && n) {
        run = plain(s, n);
        fault = llm_buf_add(buf, s, run);
        s += run;
        n -= run;
        if (!fault && n) {
            fault = escape(buf, *s++);
            n--;
        }
    }
    return fault ? fault : llm_buf_puts(buf, "\"");
}

llm_fault llm_buf_json(llm_buf *buf, const char *text, size_t n)
{
    const size_t before = buf->len;
    const llm_fault fault = quote(buf, (const unsigned char *)text, n);

    if (fault)
        buf->len = before;
    return fault;
}

/* --- words of the configuration ----------------------------------------- */

/* The digits at the head of `word`; where they end, or NULL if there are
 * none or they say more than `most`. */
static const char *digits(const char *word, uint64_t most, uint64_t *out)
{
    uint64_t n = 0, digit;

    if (*word < '0' || *word > '9')
        return NULL;
    for (; *word >= '0' && *word <= '9'; word++) {
        digit = (uint64_t)(*word - '0');
        if (n > (most - digit) / 10)
            return NULL;
        n = n * 10 + digit;
    }
    *out = n;
    return word;
}

int llm_text_duration(const char *word, apr_interval_time_t *out)
{
    static const struct {
        const char *name;
        apr_interval_time_t us;
    } units[] = {
        { "", APR_USEC_PER_SEC },
        { "ms", 1000 },
        { "s", APR_USEC_PER_SEC },
        { "m", 60 * APR_USEC_PER_SEC },
        { "h", 3600 * APR_USEC_PER_SEC },
    };
    uint64_t n;
    size_t i;
    const char *unit = digits(word, (uint64_t)DURATION_MOST, &n);

    if (!unit)
        return 0;
    for (i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(unit, units[i].name) == 0) {
            if (n > (uint64_t)(DURATION_MOST / units[i].us))
                return 0;
            *out = (apr_interval_time_t)n * units[i].us;
            return 1;
        }
    }
    return 0;
}

int llm_text_size(const char *word, apr_size_t *out)
{
    static const char units[] = "KMG";
    const char *unit, *known;
    unsigned shift = 0;
    uint64_t n;

    unit = digits(word, SIZE_MAX, &n);
    if (!unit)
        return 0;
    if (*unit) {
        known = strchr(units, *unit);
        if (!known || unit[1])
            return 0;
        shift = 10 * (unsigned)(known - units + 1);
    }
    if (n > SIZE_MAX >> shift)
        return 0;
    *out = (apr_size_t)n << shift;
    return 1;
}

int llm_text_tokens(const char *word, long long *out)
{
    uint64_t n, unit = 1;
    const char *rest = digits(word, TOKENS_MOST, &n);

    if (!rest)
        return 0;
    if (*rest) {
        unit = *rest == 'K' ? 1000 : *rest == 'M' ? 1000000 : 0;
        if (!unit || rest[1])
            return 0;
    }
    if (!n || n > TOKENS_MOST / unit)
        return 0;
    *out = (long long)(n * unit);
    return 1;
}

int llm_text_number(const char *word, long low, long high, long *out)
{
    uint64_t n;
    const char *end = digits(word, LONG_MAX, &n);

    if (!end || *end || (long)n < low || (long)n > high)
        return 0;
    *out = (long)n;
    return 1;
}

int llm_text_is_white(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

int llm_text_is_name(const char *word, size_t most)
{
    size_t n;

    for (n = 0; word[n]; n++) {
        if (n == most || word[n] <= ' ' || word[n] > '~'
            || strchr("\"\\,;<>", word[n]))
            return 0;
    }
    return n > 0;
}
