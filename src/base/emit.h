/* JSON written member by member, with the commas where they belong.
 *
 * Writes on until something fails, then nothing more; the fault is looked at
 * once, at the end. Pure; belongs to one thread at a time.
 */
#ifndef LLM_EMIT_H
#define LLM_EMIT_H

#include "scan.h"
#include "text.h"

typedef struct llm_emit {
    llm_buf *out;
    llm_fault fault;            /* the first; LLM_OK: all is written */
    int comma;                  /* one is due before the next value */
} llm_emit;

void llm_emit_begin(llm_emit *e, llm_buf *out);

/* `name` is the member's name, plain ASCII that needs no escapes; NULL for an
 * element of an array and for the outermost value. */
void llm_emit_object(llm_emit *e, const char *name);
void llm_emit_array(llm_emit *e, const char *name);
void llm_emit_end_object(llm_emit *e);
void llm_emit_end_array(llm_emit *e);

/* The name of the member that comes next, which is told NULL: one that
 * somebody else made up. */
void llm_emit_name(llm_emit *e, const char *name);

/* A string of bytes; what is not UTF-8 becomes U+FFFD. */
void llm_emit_text(llm_emit *e, const char *name, llm_span text);

/* A C string; nothing at all is written for NULL. */
void llm_emit_string(llm_emit *e, const char *name, const char *text);

void llm_emit_whole(llm_emit *e, const char *name, long long value);

/* The shortest decimal that reads back as the same double; null for one that
 * JSON has no word for. */
void llm_emit_number(llm_emit *e, const char *name, double value);

void llm_emit_bool(llm_emit *e, const char *name, int value);
void llm_emit_null(llm_emit *e, const char *name);

/* JSON as it stands; the caller knows that it is. */
void llm_emit_raw(llm_emit *e, const char *name, llm_span json);

#endif
