#include "gauge.h"
#include "estimate.h"

#define DEEP 8                  /* calls and parts in parts are not so deep */

static void take_character(llm_gauge *gauge, unsigned char first)
{
    const int weight = llm_estimate_weight(first);

    gauge->said += weight > 0;
    gauge->twelfths += weight;
}

/* ---- strings ------------------------------------------------------------ */

static unsigned hex(const char *at)
{
    unsigned code = 0;
    int i;

    for (i = 0; i < 4; i++)
        code = code << 4
            | (unsigned)(at[i] <= '9' ? at[i] - '0' : (at[i] & 0xf) + 9);
    return code;
}

/* A character of that weight, or, for the second half of a pair, nothing. */
static unsigned char byte_of(unsigned code)
{
    if (code < 0x80)
        return 'u';
    if (code >= 0xdc00 && code < 0xe000)
        return 0x80;
    return code < 0x3000 ? 0xc3 : 0xe3;
}

/* With its quotes; what stands in it was checked by the scan. */
static void take_string(llm_gauge *gauge, llm_span text)
{
    const char *at = text.at + 1, *end = text.at + text.len - 1;

    for (; at < end; at++) {
        if (*at != '\\') {
            take_character(gauge, (unsigned char)*at);
        }
        else if (*++at == 'u') {
            take_character(gauge, byte_of(hex(at + 1)));
            at += 4;
        }
        else {
            take_character(gauge, 'n');
        }
    }
}

/* ---- what holds strings ------------------------------------------------- */

static int is_silent(const llm_member *member)
{
    static const char *const names[] = { "id", "type", "signature",
                                         "extra_content" };
    size_t i;

    for (i = 0; i < sizeof names / sizeof *names; i++)
        if (llm_scan_is(member, names[i]))
            return 1;
    return 0;
}

static llm_fault inner(void *baton, const llm_member *member)
{
    if (!is_silent(member))
        llm_gauge_take(baton, member);
    return LLM_OK;
}

void llm_gauge_take(llm_gauge *gauge, const llm_member *member)
{
    const llm_span value = member->value;

    if (member->kind == LLM_JSON_STRING)
        take_string(gauge, value);
    else if (member->kind == LLM_JSON_OBJECT)
        llm_scan_object(value.at, value.len, DEEP, inner, gauge, NULL);
    else if (member->kind == LLM_JSON_ARRAY)
        llm_scan_array(value.at, value.len, DEEP, inner, gauge, NULL);
}

void llm_gauge_take_json(llm_gauge *gauge, llm_span json)
{
    size_t i;

    for (i = 0; i < json.len; i++)
        take_character(gauge, (unsigned char)json.at[i]);
}

/* ---- sums --------------------------------------------------------------- */

void llm_gauge_add(llm_gauge *gauge, const llm_gauge *more)
{
    gauge->said += more->said;
    gauge->twelfths += more->twelfths;
}

long long llm_gauge_tokens(const llm_gauge *gauge)
{
    return (gauge->twelfths + 11) / 12;
}
