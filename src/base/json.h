/* JSON as a tree, for what has to be understood and not only passed on.
 *
 * What scan.h refuses is refused here: a body means the same whether it is
 * read in place or as a tree. The only file that knows json-c is json.c.
 *
 * Pure. A tree belongs to one thread at a time, reading included.
 */
#ifndef LLM_JSON_H
#define LLM_JSON_H

#include <stddef.h>
#include <apr_pools.h>
#include "scan.h"
#include "text.h"

typedef struct llm_json llm_json;       /* one value; lives with its tree */

/* The object or array that `bytes` is, as a tree that `p` frees when it ends.
 * LLM_BAD_JSON, LLM_TOO_DEEP (`depth` as in scan.h), LLM_TOO_LARGE above
 * 2 GB, LLM_INTERNAL without memory. Of members with the same name the last
 * one counts; a name ends at U+0000. */
llm_fault llm_json_parse(const char *bytes, size_t n, unsigned depth,
                         const llm_json **out, apr_pool_t *p);

/* Everything below takes NULL, which is no value, and answers as for null. */
llm_json_kind llm_json_kind_of(const llm_json *value);

/* NULL when there is no such member, or `object` is none. A member that is
 * null is not NULL. */
const llm_json *llm_json_member(const llm_json *object, const char *name);

/* How many elements or members; 0 for anything else. */
size_t llm_json_count(const llm_json *value);

/* NULL beyond the end, or when `array` is none. */
const llm_json *llm_json_element(const llm_json *array, size_t index);

/* Each member of an object in order; not LLM_OK ends it with that. */
typedef llm_fault (*llm_json_fn)(void *baton, const char *name,
                                 const llm_json *value);
llm_fault llm_json_each(const llm_json *object, llm_json_fn each, void *baton);

/* The decoded bytes and how many, NUL after them (there may be more NULs in
 * them); NULL, and 0, when it is no string. */
const char *llm_json_string(const llm_json *value, size_t *n);

/* The same as a place in the tree; at NULL when it is no string. */
llm_span llm_json_span(const llm_json *value);

/* A string without NUL in it; NULL for anything else. */
const char *llm_json_word(const llm_json *value);

/* The value's text without white space, from `p`; len 0 without memory or
 * for NULL. */
llm_span llm_json_text(const llm_json *value, apr_pool_t *p);

int llm_json_is_true(const llm_json *value);

/* 1 if it is a number, whole, and from -2^53 to 2^53; "1e3" is. */
int llm_json_whole(const llm_json *value, long long *out);

/* 1 if it is a number that a double can hold. */
int llm_json_number(const llm_json *value, double *out);

/* Adds the value's text without white space. Faults are llm_buf_add's. */
llm_fault llm_json_write(const llm_json *value, llm_buf *out);

#endif
