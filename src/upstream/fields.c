#include "fields.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct curl_slist *header_line(struct curl_slist *list,
                                      const llm_endpoint_header *header)
{
    struct curl_slist *more;
    size_t n = 0;
    const char *key = header->secret
        ? llm_secret_reveal(header->secret, &n) : "";
    size_t room = strlen(header->name) + strlen(header->before) + n + 3;
    char *line = malloc(room);

    if (!line)
        return NULL;
    snprintf(line, room, "%s: %s%.*s", header->name, header->before, (int)n,
             key);
    more = curl_slist_append(list, line);
    explicit_bzero(line, room);
    free(line);
    return more;
}

struct curl_slist *llm_fields_of_endpoint(const llm_endpoint *endpoint)
{
    static const llm_endpoint_header fixed[] = {
        { "Content-Type", "application/json", NULL },
        { "User-Agent", "mod_llm", NULL },
    };
    struct curl_slist *list = NULL, *more;
    const llm_endpoint_header *own
        = (const llm_endpoint_header *)endpoint->headers->elts;
    int i;

    /* A field that is not sent must not be signed. */
    if (!endpoint->signing && !(list = curl_slist_append(NULL, "Expect:")))
        return NULL;
    for (i = 0; i < 2 + endpoint->headers->nelts; i++) {
        more = header_line(list, i < 2 ? &fixed[i] : &own[i - 2]);
        if (!more) {
            curl_slist_free_all(list);
            return NULL;
        }
        list = more;
    }
    return list;
}

struct curl_slist *llm_fields_of_request(char *lines,
                                         struct curl_slist *shared)
{
    struct curl_slist *list = NULL, *last;
    char *line, *rest;

    for (line = strtok_r(lines, "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest)) {
        last = curl_slist_append(list, line);
        if (!last) {
            curl_slist_free_all(list);
            return NULL;
        }
        list = last;
    }
    for (last = list; last && last->next; last = last->next)
        ;
    if (last)
        last->next = shared;
    return list ? list : shared;
}

void llm_fields_free(struct curl_slist *list, struct curl_slist *shared)
{
    struct curl_slist *last = list;

    if (list == shared)
        return;
    while (last && last->next != shared)
        last = last->next;
    if (last)
        last->next = NULL;
    curl_slist_free_all(list);
}
