/* Bytes that grow up to a ceiling, and the small words of the configuration.
 *
 * An llm_buf belongs to one thread at a time; whoever holds it may hand it
 * on whole (llm_buf_move). Nothing here allocates without a ceiling that was
 * named when the buffer was made.
 */
#ifndef LLM_TEXT_H
#define LLM_TEXT_H

#include <stddef.h>
#include <apr_time.h>
#include "fault.h"

typedef struct llm_buf {
    char *data;                 /* malloc'ed; NULL while empty and unused */
    size_t len;                 /* bytes in it */
    size_t room;                /* bytes allocated */
    size_t ceiling;             /* it never holds more than this */
} llm_buf;

void llm_buf_init(llm_buf *buf, size_t ceiling);

/* LLM_TOO_LARGE above the ceiling and LLM_INTERNAL without memory; the
 * buffer then holds what it held before. `bytes` must not lie inside it. */
llm_fault llm_buf_add(llm_buf *buf, const void *bytes, size_t n);
llm_fault llm_buf_puts(llm_buf *buf, const char *text);
llm_fault llm_buf_printf(llm_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Makes room for `n` more bytes at data + len without adding them. */
llm_fault llm_buf_reserve(llm_buf *buf, size_t n);

/* `text` as a JSON string with its quotes: control characters, quotes and
 * backslashes escaped, bytes that are not UTF-8 replaced by U+FFFD. */
llm_fault llm_buf_json(llm_buf *buf, const char *text, size_t n);

/* Takes all of `from`, which is empty afterwards; frees what `to` held. */
void llm_buf_move(llm_buf *to, llm_buf *from);
void llm_buf_clear(llm_buf *buf);       /* empty, memory kept */
void llm_buf_free(llm_buf *buf);        /* empty, memory given back */

/* How many bytes at the head of `text` are whole, valid UTF-8 (RFC 3629: no
 * surrogates, nothing above U+10FFFF, no overlong forms). */
size_t llm_text_utf8(const char *text, size_t n);

/* "250ms" "30s" "5m" "2h", a bare number is seconds, "0" is zero; not
 * negative, at most 365 days. 1 if understood. */
int llm_text_duration(const char *word, apr_interval_time_t *out);

/* "512" "64K" "16M" "2G" in bytes. 1 if understood. */
int llm_text_size(const char *word, apr_size_t *out);

/* "200000" "200K" (thousand) "1M" (million) of tokens, from 1 to a hundred
 * million: as the makers of models write it, not as bytes are. 1 if
 * understood. */
int llm_text_tokens(const char *word, long long *out);

/* A decimal number without sign from `low` to `high`. 1 if understood. */
int llm_text_number(const char *word, long low, long high, long *out);

/* Space, tab, LF, VT, FF and CR, whatever the locale says. */
int llm_text_is_white(char c);

/* 1 if it can be a provider's, model's or customer's name in a header, a log
 * line and a page: 1 to `most` bytes, printable ASCII but space, quote,
 * backslash, comma, semicolon, < and >. */
int llm_text_is_name(const char *word, size_t most);

#endif
