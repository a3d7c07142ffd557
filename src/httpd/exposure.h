/* Gateways that anybody may use with keys that somebody pays for.
 *
 * Without a Require httpd lets everybody in, and what is asked then is asked
 * with the server's own keys. That may be meant - `Require all granted` says
 * so - but it is not likely.
 */
#ifndef LLM_EXPOSURE_H
#define LLM_EXPOSURE_H

#include "httpd.h"

/* Parent, when the configuration is read and checked: a warning for each
 * <Location> that makes a gateway of a server with keys and has no Require,
 * neither in itself nor in a <Location> around it. */
void llm_exposure_check(server_rec *main, apr_pool_t *p);

#endif
