/* Any bytes as JSON: nothing is read that is not there, places lie inside
 * the text, and what was taken is taken again when it stands elsewhere. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/base/scan.h"
#include "../../src/base/text.h"

#define MUST(cond) do { if (!(cond)) abort(); } while (0)

typedef struct text {
    const char *at;
    size_t n;
    unsigned members;
} text;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_string(const llm_member *member)
{
    char out[64], one[1];
    const long len = llm_scan_string(member, out, sizeof out);

    MUST(llm_scan_string(member, one, 0) == -1);
    if (len < 0)
        return;
    MUST(member->kind == LLM_JSON_STRING);
    MUST((size_t)len < sizeof out && strlen(out) == (size_t)len);
    MUST(llm_text_utf8(out, (size_t)len) == (size_t)len);
    MUST(llm_scan_string(member, out, (size_t)len) == -1);
    MUST(llm_scan_string(member, out, (size_t)len + 1) == len);
}

static void check_whole(const llm_member *member)
{
    const long long whole = llm_scan_whole(member);

    MUST(whole >= -1 && whole <= 1LL << 53);
    MUST(member->kind == LLM_JSON_NUMBER || whole == -1);
}

static llm_fault check(void *baton, const llm_member *member)
{
    text *const in = baton;

    MUST(member->index == in->members++);
    MUST(member->value.len && member->value.at > in->at);
    MUST(member->value.at + member->value.len <= in->at + in->n);
    MUST(!member->name.len || (member->name.at > in->at
         && member->name.at + member->name.len < member->value.at));
    check_string(member);
    check_whole(member);
    llm_scan_is(member, "model");
    return LLM_OK;
}

/* A value is as good alone as among others. */
static llm_fault check_again(void *baton, const llm_member *member)
{
    const llm_span value = member->value;
    llm_fault fault = LLM_OK;

    (void)baton;
    if (member->kind == LLM_JSON_OBJECT)
        fault = llm_scan_object(value.at, value.len, 15, NULL, NULL, NULL);
    if (member->kind == LLM_JSON_ARRAY)
        fault = llm_scan_array(value.at, value.len, 15, NULL, NULL, NULL);
    MUST(fault == LLM_OK);
    return LLM_OK;
}

/* The same text as the only element of an array. */
static void check_inside(const char *at, size_t n, llm_fault was)
{
    char *const outer = malloc(n + 2);

    MUST(outer);
    outer[0] = '[';
    memcpy(outer + 1, at, n);
    outer[n + 1] = ']';
    if (was == LLM_OK)
        MUST(llm_scan_array(outer, n + 2, 17, NULL, NULL, NULL) == LLM_OK);
    if (was == LLM_OK || was == LLM_TOO_DEEP)
        MUST(llm_scan_array(outer, n + 2, 1, NULL, NULL, NULL)
             == LLM_TOO_DEEP);
    free(outer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    text in = { (const char *)data, n, 0 };
    size_t where = n + 1;
    llm_fault fault;

    fault = llm_scan_array(in.at, n, 16, check, &in, &where);
    MUST(fault == LLM_OK ? where == n + 1 : where <= n);
    if (fault == LLM_OK)
        llm_scan_array(in.at, n, 16, check_again, NULL, NULL);
    check_inside(in.at, n, fault);

    in.members = 0;
    where = n + 1;
    fault = llm_scan_object(in.at, n, 16, check, &in, &where);
    MUST(fault == LLM_OK ? where == n + 1 : where <= n);
    if (fault == LLM_OK)
        llm_scan_object(in.at, n, 16, check_again, NULL, NULL);
    check_inside(in.at, n, fault);
    return 0;
}
