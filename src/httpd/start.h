/* What the parent does when httpd starts or restarts. */
#ifndef LLM_START_H
#define LLM_START_H

#include "httpd.h"

/* post_config: the state directory, the meter, and a word about settings
 * that cannot hold what is asked of them. */
int llm_start_post_config(apr_pool_t *pconf, apr_pool_t *plog,
                          apr_pool_t *ptemp, server_rec *main);

#endif
