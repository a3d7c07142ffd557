/* Gemini's bodies, read member by member from tables. */
#include "gemini.h"
#include <limits.h>
#include <string.h>
#include <apr_strings.h>

#define NAME_MAX_LEN 48         /* longer than any name of a table */

/* ---- names and places --------------------------------------------------- */

/* "top_p" as "topP"; "" for what is too long to be known. */
static void to_camel(const char *name, char *out)
{
    size_t n = 0;
    int up = 0;

    if (strlen(name) < NAME_MAX_LEN)
        for (; *name; name++) {
            if (*name == '_' && n) {
                up = 1;
                continue;
            }
            out[n++] = up && *name >= 'a' && *name <= 'z' ? *name - 32
                                                          : *name;
            up = 0;
        }
    out[n] = '\0';
}

static void to_snake(const char *name, char *out)
{
    for (; *name; name++) {
        if (*name >= 'A' && *name <= 'Z') {
            *out++ = '_';
            *out++ = *name + 32;
        }
        else {
            *out++ = *name;
        }
    }
    *out = '\0';
}

const llm_json *llm_gemini_member(const llm_json *object, const char *name)
{
    char snake[2 * NAME_MAX_LEN];
    const llm_json *found = llm_json_member(object, name);

    if (!found) {
        to_snake(name, snake);
        found = llm_json_member(object, snake);
    }
    return llm_json_kind_of(found) == LLM_JSON_NULL ? NULL : found;
}

const char *llm_gemini_path(const llm_gemini_at *at, apr_pool_t *p)
{
    const char *up;

    if (!at)
        return "";
    up = llm_gemini_path(at->up, p);
    if (!at->name)
        return apr_psprintf(p, "%s[%" APR_SIZE_T_FMT "]", up, at->index);
    return *up ? apr_pstrcat(p, up, ".", at->name, NULL)
               : apr_pstrdup(p, at->name);
}

llm_fault llm_gemini_wrong(llm_gemini_in *in, const llm_gemini_at *at,
                           const char *text)
{
    in->detail->param = at ? llm_gemini_path(at, in->pool) : NULL;
    in->detail->text = text;
    return LLM_BAD_REQUEST;
}

/* ---- walking ------------------------------------------------------------ */

typedef struct walk {
    llm_gemini_in *in;
    const llm_gemini_at *up;
    const llm_gemini_row *rows;
} walk;

static llm_fault member(void *baton, const char *name, const llm_json *value)
{
    const walk *w = baton;
    const llm_gemini_at at = { w->up, name, 0 };
    const llm_gemini_row *row;
    char camel[NAME_MAX_LEN];

    if (llm_json_kind_of(value) == LLM_JSON_NULL)
        return LLM_OK;
    to_camel(name, camel);
    for (row = w->rows; row->name; row++)
        if (!strcmp(row->name, camel))
            break;
    return row->read(w->in, row, value, &at);
}

llm_fault llm_gemini_each(llm_gemini_in *in, const llm_json *value,
                          const llm_gemini_at *at, const llm_gemini_row *rows)
{
    walk w = { in, at, rows };

    if (llm_json_kind_of(value) != LLM_JSON_OBJECT)
        return llm_gemini_wrong(in, at, "This must be an object");
    return llm_json_each(value, member, &w);
}

llm_fault llm_gemini_list(llm_gemini_in *in, const llm_gemini_row *row,
                          const llm_json *value, const llm_gemini_at *at,
                          llm_gemini_fn each)
{
    llm_gemini_at here = { at, NULL, 0 };
    llm_fault fault = LLM_OK;

    if (llm_json_kind_of(value) == LLM_JSON_OBJECT)
        return each(in, row, value, at);
    if (llm_json_kind_of(value) != LLM_JSON_ARRAY)
        return llm_gemini_wrong(in, at, "This must be a list");
    for (; !fault && here.index < llm_json_count(value); here.index++)
        fault = each(in, row, llm_json_element(value, here.index), &here);
    return fault;
}

/* ---- plain members ------------------------------------------------------ */

llm_fault llm_gemini_unknown(llm_gemini_in *in, const llm_gemini_row *row,
                             const llm_json *value, const llm_gemini_at *at)
{
    const llm_json_kind kind = llm_json_kind_of(value);

    (void)row;
    if (kind == LLM_JSON_FALSE
        || (kind >= LLM_JSON_ARRAY && !llm_json_count(value)))
        return LLM_OK;
    APR_ARRAY_PUSH(in->unknown, const char *) = llm_gemini_path(at, in->pool);
    return LLM_OK;
}

llm_fault llm_gemini_hint(llm_gemini_in *in, const llm_gemini_row *row,
                          const llm_json *value, const llm_gemini_at *at)
{
    (void)row;
    (void)value;
    if (in->hints)
        APR_ARRAY_PUSH(in->hints, const char *) = llm_gemini_path(at,
                                                                  in->pool);
    return LLM_OK;
}

llm_fault llm_gemini_nothing(llm_gemini_in *in, const llm_gemini_row *row,
                             const llm_json *value, const llm_gemini_at *at)
{
    (void)in;
    (void)row;
    (void)value;
    (void)at;
    return LLM_OK;
}

llm_fault llm_gemini_word(llm_gemini_in *in, const llm_gemini_row *row,
                          const llm_json *value, const llm_gemini_at *at)
{
    const char *word = llm_json_word(value);

    if (!word)
        return llm_gemini_wrong(in, at, "This must be a string");
    *(const char **)((char *)in->to + row->offset) = word;
    return LLM_OK;
}

llm_fault llm_gemini_flag(llm_gemini_in *in, const llm_gemini_row *row,
                          const llm_json *value, const llm_gemini_at *at)
{
    const llm_json_kind kind = llm_json_kind_of(value);

    if (kind != LLM_JSON_TRUE && kind != LLM_JSON_FALSE)
        return llm_gemini_wrong(in, at, "This must be true or false");
    *(int *)((char *)in->to + row->offset) = kind == LLM_JSON_TRUE;
    return LLM_OK;
}

int llm_gemini_is_whole(const llm_json *value, long long *out)
{
    const char *word = llm_json_word(value);
    int minus = word && *word == '-';
    long n;

    if (!word)
        return llm_json_whole(value, out);
    if (!llm_text_number(word + minus, 0, LONG_MAX, &n))
        return 0;
    *out = minus ? -(long long)n : n;
    return 1;
}

static void give(llm_gemini_in *in, const llm_gemini_row *row,
                 const llm_gemini_at *at)
{
    in->chat->given[row->field] = llm_gemini_path(at, in->pool);
}

llm_fault llm_gemini_whole(llm_gemini_in *in, const llm_gemini_row *row,
                           const llm_json *value, const llm_gemini_at *at)
{
    if (!llm_gemini_is_whole(value, (long long *)((char *)in->chat
                                                  + row->offset)))
        return llm_gemini_wrong(in, at, "This must be a whole number");
    give(in, row, at);
    return LLM_OK;
}

llm_fault llm_gemini_number(llm_gemini_in *in, const llm_gemini_row *row,
                            const llm_json *value, const llm_gemini_at *at)
{
    if (!llm_json_number(value, (double *)((char *)in->chat + row->offset)))
        return llm_gemini_wrong(in, at, "This must be a number");
    give(in, row, at);
    return LLM_OK;
}
