/* Errors as Google writes them. */
#include "error.h"
#include "gemini.h"
#include <limits.h>
#include <string.h>
#include <apr_strings.h>

#define ERROR_DEPTH 32
#define WORD_MAX 64             /* bytes of a status, reason or delay */

/* Google's words and the HTTP statuses that go with them; the first of a
 * status is the one that is written for it. */
static const struct {
    const char *word;
    int status;
} words[] = {
    { "INVALID_ARGUMENT", 400 }, { "FAILED_PRECONDITION", 400 },
    { "OUT_OF_RANGE", 400 }, { "UNAUTHENTICATED", 401 },
    { "PERMISSION_DENIED", 403 }, { "NOT_FOUND", 404 },
    { "DEADLINE_EXCEEDED", 408 }, { "ABORTED", 409 },
    { "ALREADY_EXISTS", 409 }, { "RESOURCE_EXHAUSTED", 429 },
    { "CANCELLED", 499 }, { "INTERNAL", 500 }, { "UNKNOWN", 500 },
    { "DATA_LOSS", 500 }, { "UNIMPLEMENTED", 501 }, { "UNAVAILABLE", 503 },
    { "DEADLINE_EXCEEDED", 504 },
};

#define WORDS (sizeof words / sizeof *words)

/* ---- reading ------------------------------------------------------------ */

typedef struct fields {
    apr_pool_t *p;
    const char *message, *param;        /* "" if there is none */
    char status[WORD_MAX], reason[WORD_MAX];
    long long code;
    int retry_ms;
} fields;

static const char *string_of(const llm_member *member, apr_pool_t *p)
{
    char *text = apr_palloc(p, member->value.len + 1);

    return llm_scan_string(member, text, member->value.len + 1) < 0 ? ""
                                                                    : text;
}

/* "34s", "0.5s" in milliseconds, rounded up; 0 for anything else. */
static int delay_of(const char *text)
{
    long long ms = 0, unit = 1000;
    int rest = 0;

    for (; *text >= '0' && *text <= '9'; text++)
        if (ms <= INT_MAX)
            ms = ms * 10 + (*text - '0') * 1000;
    if (*text == '.')
        for (text++; *text >= '0' && *text <= '9'; text++) {
            unit /= 10;
            ms += unit * (*text - '0');
            rest |= !unit && *text != '0';
        }
    ms += rest;
    return strcmp(text, "s") ? 0 : ms > INT_MAX ? INT_MAX : (int)ms;
}

static llm_fault violation(void *baton, const llm_member *member)
{
    fields *f = baton;

    if (llm_scan_is(member, "field") && !*f->param)
        f->param = string_of(member, f->p);
    return LLM_OK;
}

static llm_fault violations(void *baton, const llm_member *member)
{
    if (member->kind != LLM_JSON_OBJECT)
        return LLM_OK;
    return llm_scan_object(member->value.at, member->value.len, ERROR_DEPTH,
                           violation, baton, NULL);
}

/* RetryInfo, ErrorInfo and BadRequest, told by their members. */
static llm_fault info_member(void *baton, const llm_member *member)
{
    fields *f = baton;
    char delay[WORD_MAX];

    if (llm_scan_is(member, "retryDelay")) {
        if (llm_scan_string(member, delay, sizeof delay) > 0)
            f->retry_ms = delay_of(delay);
    }
    else if (llm_scan_is(member, "reason")) {
        if (llm_scan_string(member, f->reason, sizeof f->reason) < 0)
            *f->reason = '\0';
    }
    else if (llm_scan_is(member, "fieldViolations")
             && member->kind == LLM_JSON_ARRAY)
        return llm_scan_array(member->value.at, member->value.len,
                              ERROR_DEPTH, violations, f, NULL);
    return LLM_OK;
}

static llm_fault info(void *baton, const llm_member *member)
{
    if (member->kind != LLM_JSON_OBJECT)
        return LLM_OK;
    return llm_scan_object(member->value.at, member->value.len, ERROR_DEPTH,
                           info_member, baton, NULL);
}

static llm_fault error_member(void *baton, const llm_member *member)
{
    fields *f = baton;

    if (llm_scan_is(member, "message"))
        f->message = string_of(member, f->p);
    else if (llm_scan_is(member, "code"))
        f->code = llm_scan_whole(member);
    else if (llm_scan_is(member, "status")) {
        if (llm_scan_string(member, f->status, sizeof f->status) < 0)
            *f->status = '\0';
    }
    else if (llm_scan_is(member, "details") && member->kind == LLM_JSON_ARRAY)
        return llm_scan_array(member->value.at, member->value.len,
                              ERROR_DEPTH, info, f, NULL);
    return LLM_OK;
}

static llm_fault outer_member(void *baton, const llm_member *member)
{
    fields *f = baton;

    if (!llm_scan_is(member, "error"))
        return LLM_OK;
    if (member->kind == LLM_JSON_STRING)
        f->message = string_of(member, f->p);
    if (member->kind != LLM_JSON_OBJECT)
        return LLM_OK;
    return llm_scan_object(member->value.at, member->value.len, ERROR_DEPTH,
                           error_member, f, NULL);
}

/* A stream that is an array has its error in an array too. */
static llm_fault first_element(void *baton, const llm_member *member)
{
    if (member->index || member->kind != LLM_JSON_OBJECT)
        return LLM_OK;
    return llm_scan_object(member->value.at, member->value.len, ERROR_DEPTH,
                           outer_member, baton, NULL);
}

static void read_fields(const char *body, size_t n, fields *f, apr_pool_t *p)
{
    const fields none = { .p = p, .message = "", .param = "" };

    *f = none;
    if (!llm_scan_object(body, n, ERROR_DEPTH, outer_member, f, NULL))
        return;
    *f = none;
    if (llm_scan_array(body, n, ERROR_DEPTH, first_element, f, NULL))
        *f = none;
}

static int status_of(const fields *f)
{
    size_t i;

    if (f->code >= 400 && f->code < 600)
        return (int)f->code;
    for (i = 0; i < WORDS; i++)
        if (!strcmp(f->status, words[i].word))
            return words[i].status;
    return 0;
}

/* What 400 and 403 alone do not say: Google answers so for a bad key, too. */
static llm_fault fault_of_words(const fields *f, long long *context)
{
    static const struct {
        const char *text;
        llm_fault fault;
    } sentences[] = {
        { "API key not valid", LLM_REFUSED_KEY },
        { "API Key not found", LLM_REFUSED_KEY },
        { "API key expired", LLM_REFUSED_KEY },
        { "User location is not supported", LLM_REFUSED_KEY },
    };
    size_t i;

    if (!strncmp(f->reason, "API_KEY_", 8))
        return LLM_REFUSED_KEY;
    for (i = 0; i < sizeof sentences / sizeof *sentences; i++)
        if (strstr(f->message, sentences[i].text))
            return sentences[i].fault;
    return llm_error_is_too_long(f->message, context) ? LLM_CONTEXT : LLM_OK;
}

void llm_gemini_read_error(int status, const char *body, size_t n,
                           const llm_secret *secret, llm_fault_detail *out,
                           apr_pool_t *p)
{
    llm_fault by_words;
    fields f;

    memset(out, 0, sizeof *out);
    read_fields(body, n, &f, p);
    if (!status)
        status = status_of(&f);
    out->fault = llm_error_of_status(status);
    by_words = out->fault == LLM_REJECTED ? fault_of_words(&f, &out->context)
                                          : LLM_OK;
    if (by_words)
        out->fault = by_words;
    out->retry_after_ms = f.retry_ms;
    if (out->fault == LLM_LIMITED && !f.retry_ms
        && llm_error_is_spent(f.message)) {   /* a day's, or a month's */
        out->fault = LLM_REFUSED_KEY;
        out->text = LLM_ERROR_SPENT;
    }
    if (out->fault == LLM_REFUSED_KEY || out->fault == LLM_GARBAGE)
        return;
    if (f.message[0])
        out->text = llm_error_sentence(f.message, secret, p);
    if (out->fault == LLM_REJECTED || out->fault == LLM_CONTEXT
        || out->fault == LLM_LIMITED)
        out->status = status;
    if (out->fault == LLM_REJECTED) {   /* others have better words of ours */
        out->param = llm_error_word(f.param, secret, p);
        out->code = llm_error_word(f.status, secret, p);
    }
}

/* ---- writing ------------------------------------------------------------ */

/* Google's own word, if the error came with one for this status. */
static const char *word_of(int status, const char *code)
{
    size_t i;

    for (i = 0; code && i < WORDS; i++)
        if (words[i].status == status && !strcmp(code, words[i].word))
            return words[i].word;
    for (i = 0; i < WORDS; i++)
        if (words[i].status == status)
            return words[i].word;
    if (status >= 500)
        return status == 502 || status == 529 ? "UNAVAILABLE" : "INTERNAL";
    return "INVALID_ARGUMENT";
}

static void put_retry(llm_emit *e, int ms)
{
    char delay[24];

    apr_snprintf(delay, sizeof delay, ms % 1000 ? "%d.%03ds" : "%ds",
                 ms / 1000, ms % 1000);
    llm_emit_object(e, NULL);
    llm_emit_string(e, "@type", "type.googleapis.com/google.rpc.RetryInfo");
    llm_emit_string(e, "retryDelay", delay);
    llm_emit_end_object(e);
}

static void put_field(llm_emit *e, const char *param, const char *text)
{
    llm_emit_object(e, NULL);
    llm_emit_string(e, "@type", "type.googleapis.com/google.rpc.BadRequest");
    llm_emit_array(e, "fieldViolations");
    llm_emit_object(e, NULL);
    llm_emit_string(e, "field", param);
    llm_emit_string(e, "description", text);
    llm_emit_end_object(e);
    llm_emit_end_array(e);
    llm_emit_end_object(e);
}

/* The fault's own word, for whoever wants to know it exactly. */
static void put_reason(llm_emit *e, const char *word)
{
    llm_emit_object(e, NULL);
    llm_emit_string(e, "@type", "type.googleapis.com/google.rpc.ErrorInfo");
    llm_emit_string(e, "reason", word);
    llm_emit_string(e, "domain", "mod_llm");
    llm_emit_end_object(e);
}

static llm_fault put_error(const llm_fault_detail *detail, llm_buf *out)
{
    const llm_fault_row *row = llm_fault_of(detail->fault);
    const int status = llm_fault_status(detail);
    const char *text = detail->text ? detail->text : row->text;
    llm_emit e;

    llm_emit_begin(&e, out);
    llm_emit_object(&e, NULL);
    llm_emit_object(&e, "error");
    llm_emit_whole(&e, "code", status);
    llm_emit_string(&e, "message", text);
    llm_emit_string(&e, "status", word_of(status, detail->code));
    llm_emit_array(&e, "details");
    put_reason(&e, row->word);
    if (detail->param)
        put_field(&e, detail->param, text);
    if (detail->retry_after_ms > 0)
        put_retry(&e, detail->retry_after_ms);
    llm_emit_end_array(&e);
    llm_emit_end_object(&e);
    llm_emit_end_object(&e);
    return e.fault;
}

llm_fault llm_gemini_write_error(const llm_fault_detail *detail,
                                 const llm_face *face, llm_frame *frame,
                                 llm_buf *out)
{
    const size_t before = out->len;
    llm_buf json;
    llm_fault fault;

    (void)face;
    if (!frame) {
        fault = put_error(detail, out);
        if (!fault)
            fault = llm_buf_puts(out, "\n");
        if (fault)
            out->len = before;
        return fault;
    }
    llm_buf_init(&json, out->ceiling);
    fault = put_error(detail, &json);
    if (!fault)
        fault = llm_frame_put(frame, NULL, 0, json.data, json.len, out);
    llm_buf_free(&json);
    return fault ? fault : llm_frame_end(frame, out);
}
