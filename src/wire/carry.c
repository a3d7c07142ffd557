#include "carry.h"
#include <string.h>
#include <apr_strings.h>
#include "../base/base64.h"
#include "../base/emit.h"

#define MARK "~llm~"

/* ---- packing ------------------------------------------------------------ */

static int is_worth(const llm_part *part)
{
    return part->kind == LLM_PART_REASONING
        && (part->signature || part->redacted);
}

/* [signature or null, [words, signature], [sealed], ...] */
static void put_load(llm_emit *e, const char *signature,
                     const apr_array_header_t *reasoning)
{
    int i, n = reasoning ? reasoning->nelts : 0;
    const llm_part *parts = n ? (const llm_part *)reasoning->elts : NULL;

    llm_emit_array(e, NULL);
    if (signature)
        llm_emit_string(e, NULL, signature);
    else
        llm_emit_null(e, NULL);
    for (i = 0; i < n; i++) {
        if (!is_worth(&parts[i]))
            continue;
        llm_emit_array(e, NULL);
        llm_emit_text(e, NULL, parts[i].text);
        llm_emit_string(e, NULL, parts[i].redacted ? NULL
                                                   : parts[i].signature);
        llm_emit_end_array(e);
    }
    llm_emit_end_array(e);
}

static int has_load(const char *signature, const apr_array_header_t *reasoning)
{
    int i;

    if (signature)
        return 1;
    for (i = 0; reasoning && i < reasoning->nelts; i++)
        if (is_worth(&((const llm_part *)reasoning->elts)[i]))
            return 1;
    return 0;
}

const char *llm_carry_pack(const char *id, const char *signature,
                           const apr_array_header_t *reasoning, apr_pool_t *p)
{
    const char *packed = id;
    llm_span text;
    llm_emit e;
    llm_buf load;

    if (!has_load(signature, reasoning))
        return id;
    llm_buf_init(&load, LLM_CARRY_MAX);
    llm_emit_begin(&e, &load);
    put_load(&e, signature, reasoning);
    text = llm_base64_encode((llm_span){ load.data, load.len },
                             LLM_BASE64_URL, p);
    if (!e.fault && strlen(id) + strlen(MARK) + text.len < LLM_CARRY_MAX)
        packed = apr_pstrcat(p, id, MARK, text.at, NULL);
    llm_buf_free(&load);
    return packed;
}

/* ---- unpacking ---------------------------------------------------------- */

static void add_reasoning(const llm_json *element, apr_array_header_t *to,
                          apr_pool_t *p)
{
    llm_span text = llm_json_span(llm_json_element(element, 0));
    const char *signature = llm_json_word(llm_json_element(element, 1));
    llm_part *part;

    if (!text.at)
        return;
    part = llm_parts_add(to, LLM_PART_REASONING);
    part->text.at = apr_pstrmemdup(p, text.at, text.len);
    part->text.len = text.len;
    part->signature = signature ? apr_pstrdup(p, signature) : NULL;
    part->redacted = !signature;
}

static const llm_json *read_load(const char *text, apr_pool_t *p)
{
    const llm_span packed = { text, strlen(text) };
    const llm_json *load;
    llm_span bytes;

    if (packed.len > LLM_CARRY_MAX)
        return NULL;
    bytes = llm_base64_decode(packed, LLM_BASE64_URL, p);
    if (!bytes.at || llm_json_parse(bytes.at, bytes.len, 8, &load, p)
        || llm_json_kind_of(load) != LLM_JSON_ARRAY)
        return NULL;
    return load;
}

const char *llm_carry_unpack(const char *id, const char **signature,
                             apr_array_header_t *reasoning, apr_pool_t *p)
{
    const char *mark = strstr(id, MARK);
    const llm_json *load = mark ? read_load(mark + strlen(MARK), p) : NULL;
    size_t i;

    if (!load)
        return id;
    if (signature && llm_json_word(llm_json_element(load, 0)))
        *signature = apr_pstrdup(p, llm_json_word(llm_json_element(load, 0)));
    for (i = 1; reasoning && i < llm_json_count(load); i++)
        add_reasoning(llm_json_element(load, i), reasoning, p);
    return apr_pstrmemdup(p, id, mark - id);
}

/* ---- stripping ---------------------------------------------------------- */

static int is_base64url(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
        || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Every request that is passed on is searched for it, and hardly any has so
 * much as its first letter. */
static char *find_mark(char *at, const char *end)
{
    while (at < end && (at = memchr(at, MARK[0], end - at))) {
        if ((size_t)(end - at) >= strlen(MARK)
            && !memcmp(at, MARK, strlen(MARK)))
            return at;
        at++;
    }
    return NULL;
}

static const char *skip_back(const char *at, const char *from)
{
    while (at > from && strchr(" \t\r\n", at[-1]))
        at--;
    return at;
}

/* 1 if the string that `at` is in is the value of a member named id, or with
 * _id at its end. An id has no quote in it; words may have a mark in them. */
static int is_id(const char *at, const char *from)
{
    while (at > from && at[-1] != '"')
        at--;
    if (at - from < 2)
        return 0;
    at = skip_back(at - 1, from);
    if (at == from || at[-1] != ':')
        return 0;
    at = skip_back(at - 1, from);
    return at - from >= 4 && !memcmp(at - 3, "id\"", 3)
        && (at[-4] == '"' || at[-4] == '_');
}

/* Only what runs up to the end of an id. */
size_t llm_carry_strip(char *json, size_t n)
{
    char *end = json + n, *to = json, *from = json, *mark, *after;

    while ((mark = find_mark(from, end))) {
        for (after = mark + strlen(MARK);
             after < end && is_base64url(*after); after++)
            ;
        if (after == end || *after != '"' || !is_id(mark, from))
            mark = after;
        if (to != from)
            memmove(to, from, mark - from);
        to += mark - from;
        from = after;
    }
    if (to != from)
        memmove(to, from, end - from);
    return to + (end - from) - json;
}
