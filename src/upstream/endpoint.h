/* Where a provider is and how it is spoken to.
 *
 * Made by the parent when it reads the configuration, never changed after;
 * every thread of every child reads it. Lives as long as the configuration.
 */
#ifndef LLM_ENDPOINT_H
#define LLM_ENDPOINT_H

#include <apr_tables.h>
#include <apr_time.h>
#include "../base/secret.h"
#include "../base/step.h"
#include "../base/times.h"

typedef struct llm_endpoint_header {
    const char *name;           /* checked: a header field name */
    const char *before;         /* goes before the secret, e.g. "Bearer " */
    const llm_secret *secret;   /* NULL: `before` is the whole value */
} llm_endpoint_header;

typedef struct llm_endpoint {
    const char *name;           /* the provider's, for logs */
    const char *base_url;       /* http(s)://host[:port][/path] without a
                                 * slash at the end */
    apr_array_header_t *headers;        /* of llm_endpoint_header */
    const char *signing;        /* CURLOPT_AWS_SIGV4's words, or NULL */
    const llm_secret *sign_id, *sign_secret;    /* what it signs with */
    llm_times times;            /* all are set, once the section is read */
    const llm_peer *peer;       /* NULL, or who answers instead of a network */
    const char *peer_options;
    int number;                 /* counts the endpoints of the server from 0 */
} llm_endpoint;

#endif
