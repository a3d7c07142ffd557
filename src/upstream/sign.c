/* Amazon signs the path that is sent, with all but letters, digits and -._~/
 * percent-encoded once more. libcurl does the same from 8.14 on; before, it
 * signs the path as it is in the address. There it is given the encoded path
 * as the address, and the true one as the request's target. */
#include "sign.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENCODES 0x080e00        /* the first version that does */

static int must_encode(const llm_endpoint *endpoint)
{
    return endpoint->signing
        && curl_version_info(CURLVERSION_NOW)->version_num < ENCODES;
}

static char *copy_of(const llm_secret *secret, size_t *n)
{
    const char *bytes = llm_secret_reveal(secret, n);

    return strndup(bytes, *n);
}

int llm_sign_handle(CURL *easy, const llm_endpoint *endpoint)
{
    size_t id_len = 0, key_len = 0;
    char *id = copy_of(endpoint->sign_id, &id_len);
    char *key = copy_of(endpoint->sign_secret, &key_len);
    int done = id && key
        && !curl_easy_setopt(easy, CURLOPT_AWS_SIGV4, endpoint->signing)
        && !curl_easy_setopt(easy, CURLOPT_USERNAME, id)
        && !curl_easy_setopt(easy, CURLOPT_PASSWORD, key)
        /* A long body is announced then, and not waited for. */
        && !curl_easy_setopt(easy, CURLOPT_EXPECT_100_TIMEOUT_MS, 1L);

    if (key)
        explicit_bzero(key, key_len);
    free(key);
    free(id);
    return done;
}

static char *put_encoded(char *to, const char *path)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz0123456789-._~/";
    static const char hex[] = "0123456789ABCDEF";

    for (; *path; path++) {
        if (strchr(plain, *path)) {
            *to++ = *path;
            continue;
        }
        *to++ = '%';
        *to++ = hex[(unsigned char)*path >> 4];
        *to++ = hex[*path & 15];
    }
    *to = '\0';
    return to;
}

/* Where the path begins in an address; its end if it has none. */
static const char *path_in(const char *url)
{
    const char *host = strstr(url, "://");

    host = host ? host + 3 : url;
    return host + strcspn(host, "/");
}

char *llm_sign_url(const llm_endpoint *endpoint, const char *path)
{
    const char *base = endpoint->base_url, *inner = path_in(base);
    size_t n = strlen(base), k = strlen(path);
    char *url = malloc(n * 3 + k * 3 + 1), *to = url;

    if (!url)
        return NULL;
    if (must_encode(endpoint)) {
        memcpy(url, base, inner - base);
        to = put_encoded(url + (inner - base), inner);
        put_encoded(to, path);
        return url;
    }
    memcpy(url, base, n);
    memcpy(url + n, path, k + 1);
    return url;
}

int llm_sign_target(CURL *easy, const llm_endpoint *endpoint,
                    const char *path)
{
    const char *inner = path_in(endpoint->base_url);
    size_t room = strlen(inner) + strlen(path) + 1;
    char *target;
    int done;

    if (!must_encode(endpoint))
        return 1;
    target = malloc(room);
    if (!target)
        return 0;
    snprintf(target, room, "%s%s", inner, path);
    done = !curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET, target);
    free(target);
    return done;
}
