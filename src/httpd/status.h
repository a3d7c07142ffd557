/* The page of the handler "llm-status", and its lines in mod_status.
 *
 * Under its Location: the page itself, status.json, status.css; ?auto has
 * `Name: value` lines, ?refresh=N reloads after N seconds. It reads the meter
 * and changes nothing but settling what dead children left behind.
 *
 * Any thread of a child.
 */
#ifndef LLM_STATUS_H
#define LLM_STATUS_H

#include <httpd.h>

/* Hook: handler. */
int llm_status_handler(request_rec *r);

/* mod_status's optional hook. */
int llm_status_hook(request_rec *r, int flags);

#endif
