/* The handler "llm": reads a request, runs its call, writes the answer. */
#ifndef LLM_GATEWAY_H
#define LLM_GATEWAY_H

#include "httpd.h"

/* Child, before its threads: starts the engine. */
void llm_gateway_child_init(apr_pool_t *pchild, server_rec *s);

int llm_gateway_handler(request_rec *r);

/* translate_name and map_to_storage: a Location with one of our handlers is
 * no place in the file system; as with mod_proxy, no directory is walked. */
int llm_gateway_translate(request_rec *r);
int llm_gateway_map(request_rec *r);

#endif
