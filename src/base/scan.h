/* JSON read where it stands: no tree, no copy.
 *
 * One pass checks the whole text strictly (RFC 8259: one value, valid UTF-8,
 * no control characters in strings, no lone surrogate escapes, a ceiling on
 * depth) and hands out the members of the outermost object as places in the
 * text. That is all a verbatim call needs, and it costs a fraction of a tree.
 *
 * Pure; any thread.
 */
#ifndef LLM_SCAN_H
#define LLM_SCAN_H

#include <stddef.h>
#include "fault.h"

/* No depth allowed by a caller is more than this. */
#define LLM_SCAN_DEEPEST 1024

typedef enum llm_json_kind {
    LLM_JSON_NULL, LLM_JSON_FALSE, LLM_JSON_TRUE, LLM_JSON_NUMBER,
    LLM_JSON_STRING, LLM_JSON_ARRAY, LLM_JSON_OBJECT
} llm_json_kind;

typedef struct llm_span {
    const char *at;
    size_t len;
} llm_span;

typedef struct llm_member {
    llm_span name;              /* between its quotes, escapes as they stand */
    llm_span value;             /* a string with its quotes */
    llm_json_kind kind;
    unsigned index;             /* 0 for the first member or element */
} llm_member;

/* Called for each member in order, also for names that come twice; not
 * LLM_OK ends the scan with that, and with *where at the member's value. */
typedef llm_fault (*llm_scan_fn)(void *baton, const llm_member *member);

/* The members of the object that `json` is. LLM_BAD_JSON (also when it is
 * not an object) or LLM_TOO_DEEP, with *where the offset of the trouble when
 * `where` is not NULL. Members are handed out before the rest is checked:
 * believe them only when LLM_OK came back. `depth` >= 1 counts the outermost
 * object as one, and is cut to LLM_SCAN_DEEPEST. Without `each` the text is
 * only checked. */
llm_fault llm_scan_object(const char *json, size_t n, unsigned depth,
                          llm_scan_fn each, void *baton, size_t *where);

/* The same for the elements of an array; their names are empty. */
llm_fault llm_scan_array(const char *json, size_t n, unsigned depth,
                         llm_scan_fn each, void *baton, size_t *where);

/* 1 if the member is called `name`, however it is escaped. */
int llm_scan_is(const llm_member *member, const char *name);

/* A string value decoded into `out` with a NUL; its length without it, or -1
 * if it is not a string, holds U+0000, or needs more than `room`, which
 * counts the NUL. */
long llm_scan_string(const llm_member *member, char *out, size_t room);

/* A number as a whole one from 0 to 2^53, fractions cut; -1 if it is none.
 * "1e3" is 1000, "-0" is 0, "-0.5" is none. */
long long llm_scan_whole(const llm_member *member);

#endif
