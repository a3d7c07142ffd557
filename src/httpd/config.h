/* What the configuration says, read by the parent (and by every child of
 * prefork's kind through fork); never changed once the server runs. */
#ifndef LLM_CONFIG_H
#define LLM_CONFIG_H

#include "httpd.h"
#include "http_config.h"
#include "../call/call.h"

typedef apr_int64_t llm_setting_size;
typedef apr_int64_t llm_setting_number;
typedef apr_int64_t llm_setting_flag;           /* 1: on */
typedef apr_int64_t llm_setting_duration;       /* microseconds; 0: off */
typedef apr_int64_t llm_setting_policy;         /* 1: drop */

/* Per directory. A field is its row's `unset` where nobody set it; read it
 * through llm_config_dir, which knows the defaults. */
typedef struct llm_dir {
#define VALUE(type, field, ...) llm_setting_##type field;
#define WORDS(type, field, ...) type field;
#define COMMAND(...)
#define INNER(...)
#include "settings.def"
#undef VALUE
#undef WORDS
} llm_dir;

/* Per server. */
typedef struct llm_server {
    apr_array_header_t *providers;      /* of llm_provider * */
    llm_models *models;
    llm_provider *open;         /* while inside its section */
    apr_time_t read_at;         /* when this configuration was read */
    /* of the main server only */
    const char *state_dir;      /* NULL: none */
    apr_size_t meter_size;
    unsigned max_in_flight;
    apr_array_header_t *facts;  /* of llm_facts */
} llm_server;

extern const command_rec llm_config_commands[];

void *llm_config_make_dir(apr_pool_t *p, char *path);
void *llm_config_merge_dir(apr_pool_t *p, void *outer, void *inner);
void *llm_config_make_server(apr_pool_t *p, server_rec *s);
void *llm_config_merge_server(apr_pool_t *p, void *outer, void *inner);

const llm_dir *llm_config_dir(const request_rec *r);
const llm_server *llm_config_server(const server_rec *s);

/* The directory's values with defaults filled in. */
llm_call_limits llm_config_limits(const request_rec *r);
apr_int64_t llm_config_max_body(const request_rec *r);

/* pre_config: forgets what the last reading counted. */
void llm_config_begin(void);

/* check_config: every target's provider is found; OK, or an HTTP error after
 * saying what is wrong. */
int llm_config_check(server_rec *main);

/* How many endpoints the configuration has. */
int llm_config_endpoints(void);

#endif
