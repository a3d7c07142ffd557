/* The health of targets and keys, in shared memory of its own: it outlives
 * graceful restarts, so that a reload does not send everybody to a provider
 * that is down. */
#ifndef LLM_WELFARE_H
#define LLM_WELFARE_H

#include "httpd.h"
#include "apr_tables.h"
#include "../route/health.h"

typedef const char *llm_welfare_word;
typedef const char *llm_welfare_name;
typedef const char *llm_welfare_state;
typedef apr_int64_t llm_welfare_count;
typedef apr_int64_t llm_welfare_span;
typedef apr_int64_t llm_welfare_moment;

/* What is told of one target or key. */
typedef struct llm_welfare_row {
#define X(type, field, ...) llm_welfare_##type field;
#include "health.def"
#undef X
} llm_welfare_row;

/* Parent, post_config: OK, also without memory; breakers then never open. */
int llm_welfare_parent_create(server_rec *main);

/* Any process after that. */
llm_health_area llm_welfare(void);

/* All keys and targets of the configuration as they are at `now`: an
 * llm_welfare_row for each, provider by provider, from `p`. Any thread of a
 * child. */
apr_array_header_t *llm_welfare_list(server_rec *main, apr_time_t now,
                                     apr_pool_t *p);

/* 1 unless it is well. */
int llm_welfare_is_ill(const llm_welfare_row *row);

#endif
