/* A key. It cannot be printed by accident: the type is opaque, its bytes are
 * given out by one function, and a guard test names who may call that.
 *
 * Secrets are read by the parent at start (as root) into a pool of their own
 * memory, inherited by the children, and wiped when the pool ends.
 */
#ifndef LLM_SECRET_H
#define LLM_SECRET_H

#include <apr_pools.h>
#include "text.h"

typedef struct llm_secret llm_secret;

/* From `env:NAME`, `file:/path` or `exec:/path arg...`: the first line, white
 * space around it removed; 1 to 4096 printable bytes. A file must not be
 * readable by everyone. On failure NULL, and *why is a sentence (from `p`)
 * that names the source but never its content. The secret lives in `p`.
 * Parent only, at start. `exec:` runs the program without a shell and waits
 * at most 10 seconds. */
llm_secret *llm_secret_load(const char *source, const char **why,
                            apr_pool_t *p);

/* A secret from bytes at hand (a client's own key, tests); copies them. NULL
 * if they are not 1 to 4096 printable bytes, or without memory. */
llm_secret *llm_secret_make(const char *bytes, size_t n, apr_pool_t *p);

/* One of the parts between its colons, counted from 0, as a secret of its
 * own, the third with all that follows; NULL if there is none or it is empty.
 */
llm_secret *llm_secret_part(const llm_secret *secret, int part,
                            apr_pool_t *p);

/* The bytes, for the one place that writes them on the wire. */
const char *llm_secret_reveal(const llm_secret *secret, size_t *n);

/* 1 if equal; takes the same time whatever the bytes are. */
int llm_secret_equal(const llm_secret *a, const llm_secret *b);

/* A copy of `text` from `p` with every occurrence of the secret, and of what
 * looks like a key (sk-..., Bearer ..., AIza..., key=...), replaced by
 * "[key]". `secret` may be NULL. */
char *llm_secret_redact(const llm_secret *secret, const char *text, size_t n,
                        apr_pool_t *p);

#endif
