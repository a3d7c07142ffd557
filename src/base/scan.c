#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "scan.h"
#include "text.h"

/* A place in the text, and the brackets that are open there, outermost
 * first: a set bit is an object. Depth costs a bit, not a stack frame. */
typedef struct scan {
    const char *at;
    const char *end;
    llm_fault fault;
    unsigned depth;
    unsigned level;
    uint64_t objects[LLM_SCAN_DEEPEST / 64];
} scan;

static int fail(scan *in, llm_fault fault)
{
    in->fault = fault;
    return 0;
}

static int sees(const scan *in, char c)
{
    return in->at < in->end && *in->at == c;
}

static int takes(scan *in, char c)
{
    if (!sees(in, c))
        return 0;
    in->at++;
    return 1;
}

static void spaces(scan *in)
{
    while (in->at < in->end && (*in->at == ' ' || *in->at == '\n'
                                || *in->at == '\r' || *in->at == '\t'))
        in->at++;
}

/* How many bytes at `at`, at most `n`, come before a quote, a backslash or a
 * control character. *high gets a bit above 0x7f if one is not ASCII. */
static size_t few_plain(const char *at, size_t n, unsigned *high)
{
    size_t i;

    for (i = 0; i < n; i++) {
        const unsigned char c = at[i];
        if (c == '"' || c == '\\' || c < ' ')
            break;
        *high |= c;
    }
    return i;
}

/* The same for BLOCK bytes. Most of every body is text that means nothing to
 * the scanner, and this is how fast it is passed. */
#define BLOCK 16

#ifdef __SSE2__
static size_t block_plain(const char *at, unsigned *high)
{
    const __m128i text = _mm_loadu_si128((const __m128i *)at);
    const __m128i low = _mm_set1_epi8(' ' - 1);
    const __m128i hit = _mm_or_si128(
        _mm_or_si128(_mm_cmpeq_epi8(text, _mm_set1_epi8('"')),
                     _mm_cmpeq_epi8(text, _mm_set1_epi8('\\'))),
        _mm_cmpeq_epi8(_mm_min_epu8(text, low), text));
    const unsigned stop = (unsigned)_mm_movemask_epi8(hit) | 1u << BLOCK;
    const unsigned before = (stop & -stop) - 1;

    *high |= ((unsigned)_mm_movemask_epi8(text) & before) << 7;
    return (size_t)__builtin_ctz(stop);
}
#else
typedef unsigned char block __attribute__((vector_size(BLOCK)));

static size_t block_plain(const char *at, unsigned *high)
{
    uint64_t half[2];
    block text, hit;

    memcpy(&text, at, sizeof text);
    hit = (block)(text == '"') | (block)(text == '\\') | (block)(text < ' ');
    memcpy(half, &hit, sizeof half);
    if (half[0] | half[1])
        return few_plain(at, BLOCK, high);
    memcpy(half, &text, sizeof half);
    *high |= ((half[0] | half[1]) & UINT64_C(0x8080808080808080)) != 0
        ? 0x80 : 0;
    return BLOCK;
}
#endif

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The number that "\uXXXX" at `at` stands for, -1 if it is none. */
static long unit(const char *at, const char *end)
{
    long code = 0;

    if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return -1;
    for (int i = 2; i < 6; i++) {
        const int digit = hex(at[i]);
        if (digit < 0)
            return -1;
        code = code << 4 | digit;
    }
    return code;
}

/* Past the escape whose backslash is at `at`, and the character it stands
 * for; a pair of surrogates is one escape. NULL if it is none. */
static const char *escape(const char *at, const char *end, long *code)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *letter;
    long low;

    if (end - at < 2)
        return NULL;
    letter = memchr(from, at[1], sizeof from - 1);
    if (letter) {
        *code = to[letter - from];
        return at + 2;
    }
    *code = unit(at, end);
    if (*code < 0 || (*code >= 0xdc00 && *code <= 0xdfff))
        return NULL;
    if (*code < 0xd800 || *code > 0xdfff)
        return at + 6;
    low = unit(at + 6, end);
    if (low < 0xdc00 || low > 0xdfff)
        return NULL;
    *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
    return at + 12;
}

/* The next quote, backslash or control character, or `end`. */
static const char *plain(const char *at, const char *end, unsigned *high)
{
    for (; end - at >= BLOCK; at += BLOCK) {
        const size_t n = block_plain(at, high);
        if (n < BLOCK)
            return at + n;
    }
    return at + few_plain(at, (size_t)(end - at), high);
}

/* Up to where an escape, the string or the text ends. Escapes are ASCII, so
 * no character lies across two passages. */
static int passage(scan *in)
{
    const char *const from = in->at;
    unsigned high = 0;
    size_t n, valid;

    in->at = plain(from, in->end, &high);
    if (high < 0x80)
        return 1;
    n = (size_t)(in->at - from);
    valid = llm_text_utf8(from, n);
    if (valid == n)
        return 1;
    in->at = from + valid;
    return fail(in, LLM_BAD_JSON);
}

static int string(scan *in)
{
    const char *after;
    long code;

    if (!takes(in, '"'))
        return fail(in, LLM_BAD_JSON);
    while (passage(in)) {
        if (takes(in, '"'))
            return 1;
        if (!sees(in, '\\'))
            return fail(in, LLM_BAD_JSON);
        after = escape(in->at, in->end, &code);
        if (!after)
            return fail(in, LLM_BAD_JSON);
        in->at = after;
    }
    return 0;
}

static int digits(scan *in)
{
    const char *const from = in->at;

    while (in->at < in->end && *in->at >= '0' && *in->at <= '9')
        in->at++;
    return in->at > from ? 1 : fail(in, LLM_BAD_JSON);
}

static int number(scan *in)
{
    takes(in, '-');
    if (!takes(in, '0') && !digits(in))
        return 0;
    if (takes(in, '.') && !digits(in))
        return 0;
    if (!takes(in, 'e') && !takes(in, 'E'))
        return 1;
    if (!takes(in, '+'))
        takes(in, '-');
    return digits(in);
}

static int word(scan *in, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!takes(in, text[i]))
            return fail(in, LLM_BAD_JSON);
    return 1;
}

/* A value without brackets. */
static int scalar(scan *in)
{
    if (in->at == in->end)
        return fail(in, LLM_BAD_JSON);
    switch (*in->at) {
    case '"':
        return string(in);
    case 'n':
        return word(in, "null", 4);
    case 'f':
        return word(in, "false", 5);
    case 't':
        return word(in, "true", 4);
    default:
        return number(in);
    }
}

static int inside_object(const scan *in)
{
    const unsigned top = in->level - 1;

    return in->objects[top / 64] >> top % 64 & 1;
}

/* Past the bracket that stands here. */
static int opens(scan *in)
{
    const unsigned top = in->level;
    const uint64_t bit = (uint64_t)1 << top % 64;

    if (top >= in->depth)
        return fail(in, LLM_TOO_DEEP);
    if (*in->at == '{')
        in->objects[top / 64] |= bit;
    else
        in->objects[top / 64] &= ~bit;
    in->level++;
    in->at++;
    spaces(in);
    return 1;
}

static int closes(scan *in)
{
    if (!takes(in, inside_object(in) ? '}' : ']'))
        return 0;
    in->level--;
    return 1;
}

/* Up to the value that comes next: past the name, in an object. */
static int named(scan *in, llm_span *name)
{
    const char *const from = in->at;

    if (!inside_object(in))
        return 1;
    if (!string(in))
        return 0;
    name->at = from + 1;
    name->len = (size_t)(in->at - from) - 2;
    spaces(in);
    if (!takes(in, ':'))
        return fail(in, LLM_BAD_JSON);
    spaces(in);
    return 1;
}

static int comma(scan *in)
{
    if (!takes(in, ','))
        return fail(in, LLM_BAD_JSON);
    spaces(in);
    return 1;
}

/* A value ended: past every bracket that ends with it, down to `floor`, and
 * otherwise up to the next value of the innermost one still open. */
static int ends(scan *in, unsigned floor)
{
    llm_span name;

    while (in->level > floor) {
        spaces(in);
        if (!closes(in))
            return comma(in) && named(in, &name);
    }
    return 1;
}

static int value(scan *in)
{
    const unsigned floor = in->level;
    llm_span name;

    do {
        if (sees(in, '{') || sees(in, '[')) {
            if (!opens(in))
                return 0;
            if (!closes(in)) {
                if (!named(in, &name))
                    return 0;
                continue;
            }
        }
        else if (!scalar(in))
            return 0;
        if (!ends(in, floor))
            return 0;
    } while (in->level > floor);
    return 1;
}

static llm_json_kind kind(char first)
{
    switch (first) {
    case '{':
        return LLM_JSON_OBJECT;
    case '[':
        return LLM_JSON_ARRAY;
    case '"':
        return LLM_JSON_STRING;
    case 'n':
        return LLM_JSON_NULL;
    case 'f':
        return LLM_JSON_FALSE;
    case 't':
        return LLM_JSON_TRUE;
    default:
        return LLM_JSON_NUMBER;
    }
}

/* The members of the outermost value, whose bracket is open. */
static int members(scan *in, llm_scan_fn each, void *baton)
{
    llm_member member = { .name = { "", 0 } };

    if (closes(in))
        return 1;
    for (;; member.index++) {
        if (!named(in, &member.name))
            return 0;
        member.value.at = in->at;
        if (!value(in))
            return 0;
        member.value.len = (size_t)(in->at - member.value.at);
        member.kind = kind(*member.value.at);
        in->fault = each ? each(baton, &member) : LLM_OK;
        if (in->fault) {
            in->at = member.value.at;
            return 0;
        }
        spaces(in);
        if (closes(in))
            return 1;
        if (!comma(in))
            return 0;
    }
}

static int whole(scan *in, char open, llm_scan_fn each, void *baton)
{
    spaces(in);
    if (!sees(in, open))
        return fail(in, LLM_BAD_JSON);
    if (!opens(in) || !members(in, each, baton))
        return 0;
    spaces(in);
    return in->at == in->end ? 1 : fail(in, LLM_BAD_JSON);
}

static llm_fault run(const char *json, size_t n, unsigned depth, char open,
                     llm_scan_fn each, void *baton, size_t *where)
{
    scan in = { .fault = LLM_OK };

    if (!n)
        json = "";
    in.at = json;
    in.end = json + n;
    in.depth = depth < LLM_SCAN_DEEPEST ? depth : LLM_SCAN_DEEPEST;
    if (whole(&in, open, each, baton))
        return LLM_OK;
    if (where)
        *where = (size_t)(in.at - json);
    return in.fault;
}

llm_fault llm_scan_object(const char *json, size_t n, unsigned depth,
                          llm_scan_fn each, void *baton, size_t *where)
{
    return run(json, n, depth, '{', each, baton, where);
}

llm_fault llm_scan_array(const char *json, size_t n, unsigned depth,
                         llm_scan_fn each, void *baton, size_t *where)
{
    return run(json, n, depth, '[', each, baton, where);
}

/* `code` as UTF-8; how many bytes. */
static size_t encode(long code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

/* The next piece of a string's inside: all up to an escape, or one escape
 * decoded into `spare`. Its length is 0 at the end, and `at` NULL if the
 * text was never scanned and is no string. */
static llm_span piece(llm_span *rest, char spare[4])
{
    const char *const end = rest->at + rest->len, *next;
    llm_span out = { rest->at, rest->len };
    long code;

    if (!rest->len)
        return out;
    next = memchr(rest->at, '\\', rest->len);
    if (next == rest->at) {
        next = escape(rest->at, end, &code);
        out.at = next ? spare : NULL;
        out.len = next ? encode(code, spare) : 0;
    }
    else if (next)
        out.len = (size_t)(next - rest->at);
    rest->at = next ? next : end;
    rest->len = (size_t)(end - rest->at);
    return out;
}

int llm_scan_is(const llm_member *member, const char *name)
{
    llm_span rest = member->name, part;
    size_t left = strlen(name);
    char spare[4];

    /* An escape is longer than what it stands for. */
    if (rest.len <= left)
        return rest.len == left && !memcmp(rest.at, name, left);
    if (!memchr(rest.at, '\\', rest.len))
        return 0;
    for (part = piece(&rest, spare); part.len; part = piece(&rest, spare)) {
        if (part.len > left || memcmp(part.at, name, part.len))
            return 0;
        name += part.len;
        left -= part.len;
    }
    return part.at && !left;
}

long llm_scan_string(const llm_member *member, char *out, size_t room)
{
    llm_span rest = member->value, part;
    size_t used = 0;
    char spare[4];

    if (member->kind != LLM_JSON_STRING || rest.len < 2 || !room)
        return -1;
    rest.at++;
    rest.len -= 2;
    for (part = piece(&rest, spare); part.len; part = piece(&rest, spare)) {
        if (part.len >= room - used || memchr(part.at, '\0', part.len))
            return -1;
        memcpy(out + used, part.at, part.len);
        used += part.len;
    }
    if (!part.at)
        return -1;
    out[used] = '\0';
    return (long)used;
}

/* A number's digits without its point, and how many of them stand before
 * the point once the exponent has moved it. */
typedef struct decimal {
    const char *at;
    const char *end;            /* of the digits and the point */
    long long before;
} decimal;

static long long exponent(const char *at, const char *end)
{
    const long long most = 1LL << 40;
    const int minus = at < end && *at == '-';
    long long power = 0;

    if (minus || (at < end && *at == '+'))
        at++;
    for (; at < end && power < most; at++)
        power = power * 10 + (*at - '0');
    return minus ? -power : power;
}

static decimal parts(const char *at, const char *end)
{
    decimal out = { at, at, 0 };
    const char *point = NULL;

    for (; out.end < end && *out.end != 'e' && *out.end != 'E'; out.end++)
        if (*out.end == '.')
            point = out.end;
    out.before = (point ? point : out.end) - at;
    if (out.end < end)
        out.before += exponent(out.end + 1, end);
    return out;
}

long long llm_scan_whole(const llm_member *member)
{
    const long long most = 1LL << 53;
    const char *const at = member->value.at;
    const char *const end = at + member->value.len;
    const int minus = member->value.len && *at == '-';
    decimal in;
    long long sum = 0;

    if (member->kind != LLM_JSON_NUMBER)
        return -1;
    in = parts(at + minus, end);
    for (; in.at < in.end; in.at++) {
        if (*in.at == '.')
            continue;
        if (minus && *in.at != '0')
            return -1;
        if (in.before-- > 0)
            sum = sum * 10 + (*in.at - '0');
        if (sum > most)
            return -1;
    }
    for (; sum && in.before > 0; in.before--) {
        sum *= 10;
        if (sum > most)
            return -1;
    }
    return sum;
}
