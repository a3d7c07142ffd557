/* JSON read where it stands: what it takes, what it refuses and where, and
 * that json-c, an independent reader, agrees on thousands of texts. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <json-c/json.h>

#include "../../src/base/scan.h"
#include "../tap.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* --- a text whose next byte cannot be read ----------------------------- */

static char *fence;

static void make_fence(void)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *const pages = mmap(NULL, 33 * page, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (pages == MAP_FAILED || mprotect(pages + 32 * page, page, PROT_NONE))
        exit(2);
    fence = pages + 32 * page;
}

static const char *fenced(const char *text, size_t n)
{
    return memcpy(fence - n, text, n);
}

/* The whole text as what its first character says it is. */
static llm_fault check(const char *text, size_t n, unsigned depth,
                       size_t *where)
{
    const char *const open = memchr(text, '[', n);

    text = fenced(text, n);
    if (open && text[strspn(text, " \t\r\n")] == '[')
        return llm_scan_array(text, n, depth, NULL, NULL, where);
    return llm_scan_object(text, n, depth, NULL, NULL, where);
}

/* --- what is taken and what is refused --------------------------------- */

typedef struct sample {
    const char *text;
    size_t n;
    size_t where;               /* of the trouble */
} sample;

#define S(text, where) { text, sizeof text - 1, where }

static const sample good[] = {
    S("{}", 0), S("[]", 0), S(" { } ", 0), S("\t\r\n [\n]\n", 0),
    S("{\"\":0}", 0), S("[null,true,false]", 0), S("[ \"a\" , \"b\" ]", 0),
    S("{ \"a\" : { \"b\" : [ ] } , \"c\" : [ { } ] }", 0),
    S("[0,-0,1,-1,10,0.5,-0.0,1e5,1E5,1e+5,1e-5,0e0,1.25e00]", 0),
    S("[1e400,-1e-400,123456789012345678901234567890]", 0),
    S("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uFFff\"]", 0),
    S("[\"\\ud83d\\ude00\",\"\\uD83D\\uDE00\",\"\\udbff\\udfff\"]", 0),
    S("[\"\x7f \xc2\x80 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf\"]", 0),
    S("[\"\xee\x80\x80 \xef\xbf\xbf \xf0\x90\x80\x80 \xf4\x8f\xbf\xbf\"]", 0),
    S("{\"a\":1,\"a\":2}", 0),
};

static const sample bad[] = {
    S("", 0), S(" ", 1), S("\0", 0), S("null", 0), S("1", 0), S("\"a\"", 0),
    S("\xef\xbb\xbf{}", 0),
    S("{", 1), S("[", 1), S("[1", 2), S("[1,", 3), S("{\"a\"", 4),
    S("{\"a\":", 5), S("{\"a\":1", 6), S("{\"a\":1,", 7), S("{\"a", 3),
    S("{}x", 2), S("{} {}", 3), S("[]]", 2), S("{}\0", 2), S("[]\0", 2),
    S("[1}", 2), S("{\"a\":1]", 6), S("[{]", 2), S("{[}", 1), S("[}", 1),
    S("{]", 1),
    S("[,]", 1), S("[1,]", 3), S("[1,,2]", 3), S("[1 2]", 3), S("[1:2]", 2),
    S("{,}", 1), S("{\"a\":1,}", 7), S("{\"a\" 1}", 5), S("{\"a\":}", 5),
    S("{\"a\",\"b\"}", 4), S("{\"a\"::1}", 5), S("{1:2}", 1), S("{a:1}", 1),
    S("{'a':1}", 1), S("['a']", 1), S("{null:1}", 1), S("{\"a\":1 \"b\"}", 7),
    S("[01]", 2), S("[-01]", 3), S("[00]", 2), S("[-]", 2), S("[+1]", 1),
    S("[.5]", 1), S("[-.5]", 2), S("[1.]", 3), S("[1.e1]", 3), S("[1e]", 3),
    S("[1e+]", 4), S("[1e+-1]", 4), S("[1e1.5]", 4), S("[0x10]", 2),
    S("[1-1]", 2), S("[--1]", 2), S("[1e1e1]", 4), S("[1\0]", 2),
    S("[NaN]", 1), S("[Infinity]", 1), S("[-Infinity]", 2), S("[nan]", 2),
    S("[True]", 1), S("[tru]", 4), S("[truE]", 4), S("[nulll]", 5),
    S("[fals", 5), S("[undefined]", 1), S("[\0]", 1),
    S("[1/**/]", 2), S("[]//", 2), S("[\f]", 1), S("[\v]", 1),
    S("[\xc2\xa0]", 1),
    S("[\"\n\"]", 2), S("[\"a\tb\"]", 3), S("[\"\0\"]", 2),
    S("[\"\x1f\"]", 2), S("{\"\n\":1}", 2), S("[\"a]", 4), S("[\"a\\\"]", 6),
    S("[\"\\\n\"]", 2), S("[\"\\x41\"]", 2), S("[\"\\'\"]", 2),
    S("[\"\\u\"]", 2), S("[\"\\u12\"]", 2), S("[\"\\u123g\"]", 2),
    S("[\"\\U0041\"]", 2), S("[\"\\u+123\"]", 2), S("[\"a\\", 3),
    S("[\"\\\0\"]", 2), S("[\"\\u00\0\"]", 2), S("[\"\\u0 41\"]", 2),
    S("[\"\\ud800\"]", 2), S("[\"\\udc00\"]", 2), S("[\"\\ud800x\"]", 2),
    S("[\"\\ud800\\u0041\"]", 2), S("[\"\\ud800\\ud800\"]", 2),
    S("[\"\\udc00\\ud800\"]", 2), S("[\"\\ud800\\n\"]", 2),
    S("[\"\\ud83d\\ude0\"]", 2), S("{\"\\ud800\":1}", 2),
    S("[\"\\udc00\\udc00\"]", 2), S("[\"\\udfff\\udfff\"]", 2),
    S("[\"\x80\"]", 2), S("[\"\xff\"]", 2), S("[\"\xc0\x80\"]", 2),
    S("[\"\xc1\xbf\"]", 2), S("[\"\xe0\x9f\xbf\"]", 2),
    S("[\"\xed\xa0\x80\"]", 2), S("[\"\xed\xbf\xbf\"]", 2),
    S("[\"\xf0\x8f\xbf\xbf\"]", 2), S("[\"\xf4\x90\x80\x80\"]", 2),
    S("[\"\xf5\x80\x80\x80\"]", 2), S("[\"ab\xe2\x82\"]", 4),
    S("[\"\xc3\\n\xa9\"]", 2), S("{\"\xff\":1}", 2),
};

static void accepts(void)
{
    for (size_t i = 0; i < COUNT(good); i++) {
        size_t where = 777;
        const llm_fault fault = check(good[i].text, good[i].n, 9, &where);
        if (!ok(fault == LLM_OK && where == 777, "good %zu is taken", i))
            tap_show("text", good[i].text, good[i].n);
    }
}

static void refuses(void)
{
    for (size_t i = 0; i < COUNT(bad); i++) {
        size_t where = 777;
        const llm_fault fault = check(bad[i].text, bad[i].n, 9, &where);
        ok(fault == LLM_BAD_JSON, "bad %zu is refused", i);
        if (!is_int(where, bad[i].where, "bad %zu: where", i))
            tap_show("text", bad[i].text, bad[i].n);
    }
    is_int(llm_scan_object(NULL, 0, 9, NULL, NULL, NULL), LLM_BAD_JSON,
           "nothing at all is refused");
    is_int(llm_scan_object("[]", 2, 9, NULL, NULL, NULL), LLM_BAD_JSON,
           "an array is no object");
    is_int(llm_scan_array("{}", 2, 9, NULL, NULL, NULL), LLM_BAD_JSON,
           "an object is no array");
}

/* A text that was cut anywhere is refused, never read past its end. */
static void refuses_pieces(void)
{
    static const char text[] = "{\"model\":\"gpt-\\u0034\\ud83d\\ude00\","
        "\"stream\" : true, \"n\":-1.5e+10,\"m\":[{\"a\":null},[[]],\"\xc3\xa9"
        "\xe2\x82\xac\xf0\x9f\x98\x80 a text that is longer than a block\"]}";
    const size_t n = sizeof text - 1;
    size_t where, refused = 0;

    for (size_t i = 0; i < n; i++)
        refused += check(text, i, 9, &where) == LLM_BAD_JSON && where <= i;
    is_int(refused, n, "every beginning of a text is refused");
    is_int(check(text, n, 9, NULL), LLM_OK, "and the whole is taken");
}

/* --- blocks: each byte at each place ------------------------------------ */

/* `byte` at `place` of a string of `n` letters; 1 if that was `good`. */
static int holds(size_t n, size_t place, unsigned char byte, int good)
{
    char text[128];
    size_t where = 0;
    llm_fault fault;

    memset(text, 'x', sizeof text);
    memcpy(text, "[\"", 2);
    memcpy(text + 2 + n, "\"]", 2);
    text[2 + place] = (char)byte;
    fault = check(text, n + 4, 1, &where);
    return good ? fault == LLM_OK
                : fault == LLM_BAD_JSON && where >= 2 + place;
}

static void blocks(void)
{
    int wrong = 0, tried = 0;

    for (size_t n = 1; n < 70; n++) {
        for (size_t place = 0; place < n; place++) {
            for (unsigned byte = 0; byte < 256; byte++, tried++) {
                const int plain = byte >= ' ' && byte < 0x80
                    && byte != '"' && byte != '\\';
                wrong += !holds(n, place, (unsigned char)byte, plain);
            }
        }
    }
    ok(!wrong, "each byte at each place of %d strings (%d wrong)", tried,
       wrong);
}

/* A character of several bytes across every border of blocks. */
static void borders(void)
{
    int taken = 0, refused = 0;

    for (size_t n = 4; n < 70; n++) {
        char text[128];

        memset(text, 'x', sizeof text);
        memcpy(text, "[\"", 2);
        memcpy(text + n - 2, "\xf0\x9f\x98\x80", 4);
        memcpy(text + n + 2, "\"]", 2);
        taken += check(text, n + 4, 1, NULL) == LLM_OK;
        text[n] = 'x';
        refused += check(text, n + 4, 1, NULL) == LLM_BAD_JSON;
    }
    is_int(taken, 66, "a long character at every place");
    is_int(refused, 66, "a broken one at every place");
}

/* --- members ------------------------------------------------------------ */

typedef struct list {
    char text[512];
    size_t n;
    unsigned stop_at;
} list;

static llm_fault note(void *baton, const llm_member *member)
{
    static const char letters[] = "nft#\"[{";
    list *const to = baton;
    const int n = snprintf(to->text + to->n, sizeof to->text - to->n,
                           "%u%c %.*s=%.*s\n", member->index,
                           letters[member->kind], (int)member->name.len,
                           member->name.at, (int)member->value.len,
                           member->value.at);

    to->n += (size_t)n;
    return member->index == to->stop_at ? LLM_NO_MODEL : LLM_OK;
}

static void hands_out(void)
{
    static const char object[] = " { \"a\" : null , \"b\\u0062\":[1, [2]] ,"
        "\"a\":{\"x\":{}},\"\":\"s\\\"\" ,\"f\":false, \"t\":true,"
        "\"n\" :-1.5e3 } ";
    static const char array[] = "[1,\"a\" , [ ] ,{\"k\":2}\n]";
    list got = { .stop_at = 99 };
    size_t where;

    is_int(llm_scan_object(object, strlen(object), 9, note, &got, NULL),
           LLM_OK, "an object");
    is_str(got.text, "0n a=null\n1[ b\\u0062=[1, [2]]\n2{ a={\"x\":{}}\n"
           "3\" =\"s\\\"\"\n4f f=false\n5t t=true\n6# n=-1.5e3\n",
           "members as they come, also twice");

    got = (list) { .stop_at = 99 };
    is_int(llm_scan_array(array, strlen(array), 9, note, &got, NULL), LLM_OK,
           "an array");
    is_str(got.text, "0# =1\n1\" =\"a\"\n2[ =[ ]\n3{ ={\"k\":2}\n",
           "elements without names");

    got = (list) { .stop_at = 99 };
    is_int(llm_scan_object(" {} ", 4, 9, note, &got, NULL), LLM_OK, "none");
    is_str(got.text, "", "no member of an empty object");

    got = (list) { .stop_at = 99 };
    is_int(llm_scan_array("[1,2,x]", 7, 9, note, &got, NULL), LLM_BAD_JSON,
           "trouble after two elements");
    is_str(got.text, "0# =1\n1# =2\n", "they were handed out before it");

    got = (list) { .stop_at = 1 };
    is_int(llm_scan_array("[1, 2,3,x", 9, 9, note, &got, &where),
           LLM_NO_MODEL, "who is called ends the scan");
    is_str(got.text, "0# =1\n1# =2\n", "and is not called again");
    is_int(where, 4, "where is the value it did not like");
}

/* --- depth -------------------------------------------------------------- */

/* `n` brackets deep, objects and arrays in turn by the bits of `shape`. */
static size_t nest(char *text, unsigned n, unsigned shape)
{
    size_t at = 0;

    for (unsigned i = 0; i < n; i++) {
        const int object = i && shape >> i % 32 & 1;
        at += (size_t)sprintf(text + at, "%s", object ? "{\"a\":" : "[");
    }
    at += (size_t)sprintf(text + at, "0");
    for (unsigned i = n; i-- > 0;)
        text[at++] = i && shape >> i % 32 & 1 ? '}' : ']';
    return at;
}

static void depths(void)
{
    static char text[65536];
    size_t n, where = 0;
    int right = 0;

    is_int(check("{}", 2, 1, NULL), LLM_OK, "an object is one deep");
    is_int(check("[1,{}]", 6, 1, &where), LLM_TOO_DEEP, "two is too deep");
    is_int(where, 3, "where the bracket is");
    is_int(check("[[],{},[]]", 10, 2, NULL), LLM_OK, "not the sum counts");
    is_int(check("{}", 2, 0, NULL), LLM_TOO_DEEP, "nothing is 0 deep");
    for (unsigned deep = 1; deep <= 200; deep++) {
        n = nest(text, deep, 0xb1e5a753u * deep);
        right += check(text, n, deep, NULL) == LLM_OK
            && check(text, n, deep - 1, NULL) == LLM_TOO_DEEP;
    }
    is_int(right, 200, "1 to 200 brackets of both kinds");
    n = nest(text, LLM_SCAN_DEEPEST, 0x5a5a5a5a);
    is_int(check(text, n, ~0u, NULL), LLM_OK, "as deep as can be");
    n = nest(text, LLM_SCAN_DEEPEST + 1, 0x5a5a5a5a);
    is_int(check(text, n, ~0u, NULL), LLM_TOO_DEEP, "whoever allows more");
    memset(text, '[', sizeof text);
    is_int(check(text, sizeof text, 64, &where), LLM_TOO_DEEP, "an attack");
    is_int(where, 64, "ends at the ceiling");
    n = nest(text, 70, 0);
    text[n - 3] = '}';
    is_int(check(text, n, 99, &where), LLM_BAD_JSON, "a bracket of the wrong"
           " kind, deep inside");
    is_int(where, n - 3, "is found where it is");
}

/* --- names, strings, numbers -------------------------------------------- */

static llm_fault first(void *baton, const llm_member *member)
{
    *(llm_member *)baton = *member;
    return LLM_OK;
}

static int is_called(const char *object, const char *name)
{
    llm_member member;

    if (llm_scan_object(object, strlen(object), 9, first, &member, NULL))
        return -1;
    return llm_scan_is(&member, name);
}

static void names(void)
{
    is_int(is_called("{\"model\":1}", "model"), 1, "a plain name");
    is_int(is_called("{\"m\\u006fde\\u006C\":1}", "model"), 1, "escaped");
    is_int(is_called("{\"\\u006d\\u006f\":1}", "mo"), 1, "all of it");
    is_int(is_called("{\"model\":1}", "mode"), 0, "longer than wanted");
    is_int(is_called("{\"mode\":1}", "model"), 0, "shorter");
    is_int(is_called("{\"mode\\u006d\":1}", "model"), 0, "an escape differs");
    is_int(is_called("{\"Model\":1}", "model"), 0, "case counts");
    is_int(is_called("{\"\":1}", ""), 1, "no name");
    is_int(is_called("{\"a\":1}", ""), 0, "a name is not no name");
    is_int(is_called("{\"\":1}", "a"), 0, "and the other way round");
    is_int(is_called("{\"a\\u0000\":1}", "a"), 0, "U+0000 is no end");
    is_int(is_called("{\"a\\u0000b\":1}", "a"), 0, "nor is it inside");
    is_int(is_called("{\"a\\/\\n\\\"\\\\\":1}", "a/\n\"\\"), 1, "letters");
    is_int(is_called("{\"\\u00e9\\u20ac\\ud83d\\ude00\":1}",
                     "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), 1,
           "characters of 2, 3 and 4 bytes");
}

static long decode(const char *array, char *out, size_t room)
{
    llm_member member;

    if (llm_scan_array(array, strlen(array), 9, first, &member, NULL))
        return -2;
    return llm_scan_string(&member, out, room);
}

static void strings(void)
{
    static const char all[] = "[\"a\\\"\\\\\\/\\b\\f\\n\\r\\t"
        "\\u0041\\u00e9\\u20AC\\ud83D\\uDe00\xc3\xa9z\"]";
    static const char want[] = "a\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac"
        "\xf0\x9f\x98\x80\xc3\xa9z";
    char out[64];

    is_int(decode(all, out, sizeof out), sizeof want - 1, "every escape");
    is_str(out, want, "and what it stands for");
    is_int(decode(all, out, sizeof want), sizeof want - 1, "just room");
    is_int(decode(all, out, sizeof want - 1), -1, "one byte too little");
    is_int(decode("[\"\"]", out, 1), 0, "an empty string");
    is_str(out, "", "has its NUL");
    is_int(decode("[\"\"]", out, 0), -1, "for which there must be room");
    is_int(decode("[\"\\u00e9\"]", out, 2), -1, "no half characters");
    is_int(decode("[\"a\\u0000b\"]", out, sizeof out), -1, "no U+0000");
    is_int(decode("[1]", out, sizeof out), -1, "a number is no string");
    is_int(decode("[null]", out, sizeof out), -1, "null is no string");
    is_int(decode("[[\"a\"]]", out, sizeof out), -1, "an array is none");
    is_int(decode("[\"\\u007f\\u0080\\u07ff\\u0800\\ud7ff\\ue000\"]", out, 64),
           14, "the borders of the lengths");
    is_str(out, "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80",
           "right");
    is_int(decode("[\"\\uffff\\ud800\\udc00\\udbff\\udfff\"]", out, 64), 11,
           "the borders of the planes");
    is_str(out, "\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", "right");
}

static void numbers(void)
{
    static const struct {
        const char *array;
        long long want;
    } table[] = {
        { "[0]", 0 }, { "[-0]", 0 }, { "[-0.0e5]", 0 }, { "[1]", 1 },
        { "[-1]", -1 }, { "[-0.5]", -1 }, { "[-1e-9]", -1 }, { "[42]", 42 },
        { "[1e3]", 1000 }, { "[1E+3]", 1000 }, { "[1.5e1]", 15 },
        { "[1.5]", 1 }, { "[0.999]", 0 }, { "[15e-1]", 1 }, { "[15e-2]", 0 },
        { "[1234.5678e2]", 123456 }, { "[1234.5678e4]", 12345678 },
        { "[1234.5678e6]", 1234567800 }, { "[0.00012e5]", 12 },
        { "[1000e-3]", 1 }, { "[9007199254740991]", 9007199254740991 },
        { "[9007199254740992]", 9007199254740992 },
        { "[9007199254740993]", -1 },
        { "[9007199254740992.9]", 9007199254740992 },
        { "[9007199254740993e-0]", -1 }, { "[90071992547409920e-1]",
            9007199254740992 }, { "[900719925474099.2e1]", 9007199254740992 },
        { "[9007199254740992e1]", -1 }, { "[1e15]", 1000000000000000 },
        { "[1e16]", -1 }, { "[1e400]", -1 }, { "[1e-400]", 0 },
        { "[18446744073709551616]", -1 }, { "[18446744073709551617]", -1 },
        { "[1e18446744073709551616]", -1 },
        { "[1e-18446744073709551616]", 0 }, { "[0e18446744073709551616]", 0 },
        { "[0.0000e99999]", 0 }, { "[\"1\"]", -1 }, { "[null]", -1 },
        { "[true]", -1 }, { "[[1]]", -1 }, { "[{}]", -1 },
    };

    for (size_t i = 0; i < COUNT(table); i++) {
        const char *const text = table[i].array;
        llm_member member;

        llm_scan_array(text, strlen(text), 9, first, &member, NULL);
        is_int(llm_scan_whole(&member), table[i].want, "%s", text);
    }
}

/* --- json-c agrees ------------------------------------------------------- */

static uint64_t state = 0x9e3779b97f4a7c15u;

static unsigned below(unsigned n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 33) % n;
}

typedef struct text {
    char at[4096];
    size_t n;
} text;

static void put(text *to, const char *piece)
{
    const size_t n = strlen(piece);

    if (to->n + n < sizeof to->at) {
        memcpy(to->at + to->n, piece, n);
        to->n += n;
    }
}

#define PUT_ONE(to, pieces) put(to, (pieces)[below(COUNT(pieces))])

static void put_value(text *to, unsigned depth)
{
    static const char *const scalars[] = {
        "0", "-1", "12.5", "1e5", "-0.25E-2", "true", "false", "null",
        "\"\"", "\"a\"", "\"\\n\\u00e9\"", "\"\xc3\xa9\"", "\"\xe2\x82\xac\"",
        "\"\\ud83d\\ude00\"", "\"a text that is longer than a block\"",
        "\"\xf0\x9f\x98\x80\"", "\"\\\\\"", "\"\\\"\"", "[]", "{}",
    };
    static const char *const gaps[] = { "", "", "", " ", "\n", "\t ", "\r\n" };
    static const char *const keys[] = { "\"a\"", "\"\"", "\"b\\u0062\"" };
    const unsigned shape = depth ? below(4) : 2;
    const unsigned members = below(4);

    PUT_ONE(to, gaps);
    if (shape > 1)
        PUT_ONE(to, scalars);
    else {
        put(to, shape ? "{" : "[");
        for (unsigned i = 0; i < members; i++) {
            put(to, i ? "," : "");
            PUT_ONE(to, gaps);
            if (shape) {
                PUT_ONE(to, keys);
                PUT_ONE(to, gaps);
                put(to, ":");
            }
            put_value(to, depth - 1);
        }
        put(to, shape ? "}" : "]");
    }
    PUT_ONE(to, gaps);
}

/* A byte changed, dropped or added; the letters are those that matter. */
static void spoil(text *in)
{
    static const char letters[] = "{}[]:,\"\\/ \n\t0123459.-+eEutfnrbda'NIx"
        "\x00\x01\x1f\x7f\x80\xc3\xe2\xed\xa0\xf0\xf4\xff";
    const unsigned at = below((unsigned)in->n);
    const char letter = letters[below(sizeof letters - 1)];

    switch (below(3)) {
    case 0:
        in->at[at] = letter;
        break;
    case 1:
        memmove(in->at + at, in->at + at + 1, in->n - at - 1);
        in->n--;
        break;
    default:
        if (in->n + 1 >= sizeof in->at)
            return;
        memmove(in->at + at + 1, in->at + at, in->n - at);
        in->at[at] = letter;
        in->n++;
    }
}

static int json_c_takes(const char *at, size_t n)
{
    json_tokener *const reader = json_tokener_new_ex(64);
    json_object *tree;
    int taken;

    json_tokener_set_flags(reader, JSON_TOKENER_STRICT
                                   | JSON_TOKENER_VALIDATE_UTF8);
    tree = json_tokener_parse_ex(reader, at, (int)n);
    taken = json_tokener_get_error(reader) == json_tokener_success
        && json_tokener_get_parse_end(reader) == n;
    json_object_put(tree);
    json_tokener_free(reader);
    return taken;
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* json-c 0.16, strict as it can be, still takes: control characters in
 * strings, UTF-8 that is overlong or a surrogate, escapes that are half a
 * pair, names in single quotes, NaN, Infinity, and the numbers -01, 00, 1.
 * and -.5. Is there anything of that kind in `in`? */
static int is_lax(const text *in)
{
    int quoted = 0;

    for (size_t i = 0; i + 1 < in->n; i++) {
        const unsigned char c = in->at[i];
        const char next = in->at[i + 1];

        if (c == '"')
            quoted = !quoted;
        if (c == '\'' || c == 'N' || c == 'I' || c >= 0x80
            || (quoted && c < ' ')
            || (c == '\\' && next == 'u' && (in->at[i + 2] | ' ') == 'd'))
            return 1;
        if (!quoted && ((c == '0' && is_digit(next)) || (c == '-'
            && next == '.') || (c == '.' && !is_digit(next))))
            return 1;
        i += quoted && c == '\\';
    }
    return 0;
}

static void agrees(void)
{
    int taken = 0, refused = 0, lax = 0, wrong = 0;

    for (int i = 0; i < 60000; i++) {
        text in = { .n = 0 };
        int ours, theirs;

        put(&in, "[");
        put_value(&in, 4);
        put(&in, "]");
        for (unsigned n = below(4); n; n--)
            spoil(&in);
        if (!in.n || in.at[0] != '[')
            continue;
        ours = check(in.at, in.n, 64, NULL) == LLM_OK;
        theirs = json_c_takes(in.at, in.n);
        taken += ours && theirs;
        refused += !ours && !theirs;
        if (ours == theirs)
            continue;
        lax += theirs && is_lax(&in);
        if (ours || !is_lax(&in)) {
            wrong++;
            tap_show(ours ? "only we take" : "only json-c takes", in.at,
                     in.n);
        }
    }
    ok(!wrong, "json-c agrees: %d taken, %d refused, %d it is lax about",
       taken, refused, lax);
    ok(taken > 9000 && refused > 9000 && lax > 100, "of each enough");
}

int main(void)
{
    make_fence();
    accepts();
    refuses();
    refuses_pieces();
    blocks();
    borders();
    hands_out();
    depths();
    names();
    strings();
    numbers();
    agrees();
    return done();
}
