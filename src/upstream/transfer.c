#include "transfer.h"
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <unistd.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <curl/curl.h>
#include "fields.h"
#include "head.h"
#include "sign.h"
#include "spin.h"
#include "trouble.h"

#define IDLE_CONNECTIONS 16384L /* kept open to providers, a child: a wave of
                                 * calls must not use up the local ports */
#define IDLE_HANDLES 256        /* kept ready, an endpoint */
#define SOCKET_BUCKETS 64
#define SENDS 2                 /* of one request, at most */
#define ADDRESSES 64            /* kept, an endpoint: some have the model's
                                 * name in their path */
#define BUFFER 2048             /* read at once; a waiting call has one */

/* A socket of curl's: what epoll knows of it, and what curl wants. Curl takes
 * a connection off after every transfer and puts it on again for the next; we
 * leave it in epoll, and only take it off when it speaks unasked. */
typedef struct interest {
    llm_transfers *owner;
    int fd;
    unsigned char known, wanted;        /* EPOLLIN | EPOLLOUT */
    int port;                   /* the local one; 0: not known */
    unsigned served;            /* times that curl has let go of it */
    struct interest *next, *next_port;
} interest;

typedef struct address {
    CURLU *parts;               /* of `path` at this endpoint */
    char *path;
    struct address *next;
} address;

/* The handles and header lines of one endpoint, made on first use. */
typedef struct stable {
    struct curl_slist *headers;
    address *addresses;
    int known;                  /* how many addresses */
    CURL *idle[IDLE_HANDLES];
    int count;
    int multiplexes;            /* it speaks HTTP/2 */
} stable;

struct llm_transfers {
    llm_engine *engine;         /* whose loop it is in; NULL: none */
    CURLM *multi;
    interest *sockets[SOCKET_BUCKETS];  /* by descriptor */
    interest *ports[SOCKET_BUCKETS];    /* the same, by local port */
    interest *closed;           /* of this round; an event may name them */
    int wanted;                 /* how many curl wants something of */
    int busy;                   /* transfers that run */
    stable *stables;            /* by endpoint number */
    int endpoints;
    apr_time_t due;             /* curl's timer; 0: not set, 1: now */
};

/* ---- curl's sockets ----------------------------------------------------- */

static interest **place_of(llm_transfers *transfers, int fd)
{
    interest **at = &transfers->sockets[(unsigned)fd % SOCKET_BUCKETS];

    while (*at && (*at)->fd != fd)
        at = &(*at)->next;
    return at;
}

static interest *interest_of(llm_transfers *transfers, int fd)
{
    interest **at = place_of(transfers, fd);

    if (!*at && (*at = calloc(1, sizeof **at))) {
        (*at)->owner = transfers;
        (*at)->fd = fd;
    }
    return *at;
}

static interest **place_by_port(llm_transfers *transfers, int port)
{
    return &transfers->ports[(unsigned)port % SOCKET_BUCKETS];
}

static int local_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at;
    socklen_t n = sizeof at;

    if (getsockname(fd, &at.any, &n))
        return 0;
    return at.any.sa_family == AF_INET ? ntohs(at.v4.sin_port)
        : at.any.sa_family == AF_INET6 ? ntohs(at.v6.sin6_port) : 0;
}

static void note_port(interest *in)
{
    interest **at;

    in->port = local_port(in->fd);
    if (!in->port)
        return;
    at = place_by_port(in->owner, in->port);
    in->next_port = *at;
    *at = in;
}

static void forget_port(interest *in)
{
    interest **at = place_by_port(in->owner, in->port);

    while (*at && *at != in)
        at = &(*at)->next_port;
    if (*at)
        *at = in->next_port;
}

/* When a kept connection proves dead curl tries the next, and there may be
 * many: a request is sent once more, and that on a new one. */
static int may_send(llm_exchange *x, int kept)
{
    if (x->sends && kept && x->fresh == LLM_FRESH_NOT)
        x->fresh = LLM_FRESH_DUE;
    if (x->sends == SENDS || x->fresh == LLM_FRESH_DUE)
        return 0;
    x->sends++;
    return 1;
}

/* What a provider sends after the end of an answer would be read as the next
 * call's, perhaps another customer's. Older libcurl than 8.1 does not look, so
 * a kept connection that has something to say before it was asked is ended
 * here: curl cannot send, and takes a new one. One that others use at this
 * moment (HTTP/2) may well speak. */
static int before_request(void *baton, char *remote_ip, char *local_ip,
                          int remote_port, int port)
{
    llm_exchange *x = baton;
    interest *in = *place_by_port(x->transfers, port);
    char rest[512];
    int kept;

    (void)remote_ip;
    (void)local_ip;
    (void)remote_port;
    while (in && in->port != port)
        in = in->next_port;
    kept = in && in->served;
    if (!kept || in->wanted
        || recv(in->fd, rest, 1, MSG_PEEK | MSG_DONTWAIT) <= 0)
        return may_send(x, kept) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
    shutdown(in->fd, SHUT_RDWR);
    while (recv(in->fd, rest, sizeof rest, MSG_DONTWAIT) > 0)
        ;
    return CURL_PREREQFUNC_OK;
}

static void tell_epoll(interest *in, unsigned wanted)
{
    struct epoll_event on = {
        wanted, { .u64 = (uintptr_t)in | LLM_FOR_SOCKET }
    };
    int op = in->known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

    if (in->known == wanted)
        return;
    if (!wanted)
        op = EPOLL_CTL_DEL;
    in->known = epoll_ctl(in->owner->engine->poll, op, in->fd, &on) ? 0
                                                                    : wanted;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *baton,
                     void *socket_baton)
{
    llm_transfers *transfers = baton;
    interest *in = interest_of(transfers, fd);

    (void)easy;
    (void)socket_baton;
    if (!in)
        return -1;
    transfers->wanted -= in->wanted != 0;
    in->wanted = (what == CURL_POLL_REMOVE) ? 0
        : ((what & CURL_POLL_IN) ? EPOLLIN : 0)
        | ((what & CURL_POLL_OUT) ? EPOLLOUT : 0);
    transfers->wanted += in->wanted != 0;
    in->served += what == CURL_POLL_REMOVE;
    if (!in->port && in->wanted)
        note_port(in);
    if (in->wanted && transfers->engine)
        tell_epoll(in, in->wanted);
    return 0;
}

/* The number may be another descriptor's in a moment, and epoll forgets a
 * closed one by itself. */
static int on_close(void *baton, curl_socket_t fd)
{
    llm_transfers *transfers = baton;
    interest **at = place_of(transfers, fd), *in = *at;

    if (in) {
        *at = in->next;
        forget_port(in);
        in->next = transfers->closed;
        transfers->wanted -= in->wanted != 0;
        in->known = in->wanted = 0;
        transfers->closed = in;
    }
    return close(fd);
}

static void free_closed(llm_transfers *transfers)
{
    interest *in;

    while ((in = transfers->closed)) {
        transfers->closed = in->next;
        free(in);
    }
}

static int on_timer(CURLM *multi, long ms, void *baton)
{
    llm_transfers *transfers = baton;

    (void)multi;
    transfers->due = ms < 0 ? 0
        : ms ? apr_time_now() + apr_time_from_msec(ms) : 1;
    return 0;
}

/* ---- the answer --------------------------------------------------------- */

static int is_blank(const char *line, size_t n)
{
    return n <= 2 && line[n - 1] == '\n' && (n == 1 || *line == '\r');
}

/* The worker sees a head when all of it is there. What comes after the body
 * is no part of it. */
static size_t on_header(char *line, size_t size, size_t n, void *baton)
{
    llm_exchange *x = baton;

    n *= size;
    if (!n || x->head.status)
        return n;
    if (!llm_head_line(&x->coming, &x->head_bytes, line, n))
        return 0;
    if (x->coming.status && is_blank(line, n)) {
        pthread_mutex_lock(&x->lock);
        x->head = x->coming;
        pthread_mutex_unlock(&x->lock);
    }
    return n;
}

static size_t on_bytes(char *bytes, size_t size, size_t n, void *baton)
{
    llm_exchange *x = baton;

    if (llm_exchange_arrived(x, bytes, size * n))
        return size * n;
    x->paused = 1;
    return CURL_WRITEFUNC_PAUSE;
}

/* 1 if it was ended here only to be sent on a new connection, and is. */
static int begins_afresh(llm_exchange *x, CURLcode code)
{
    if (code != CURLE_ABORTED_BY_CALLBACK || x->fresh != LLM_FRESH_DUE)
        return 0;
    x->fresh = LLM_FRESH_TRIED;
    memset(&x->coming, 0, sizeof x->coming);
    x->head_bytes = 0;
    curl_multi_remove_handle(x->transfers->multi, x->easy);
    curl_easy_setopt(x->easy, CURLOPT_FRESH_CONNECT, 1L);
    return curl_multi_add_handle(x->transfers->multi, x->easy) == CURLM_OK;
}

/* A connection that broke is reported by curl with the same code whether it
 * was the server's TLS or its certificate; only the latter is LOUD. */
static void finish(llm_exchange *x, CURLcode code)
{
    llm_fault fault = llm_trouble_of(code, x->head.status);
    long version = 0;

    if (begins_afresh(x, code))
        return;
    curl_easy_getinfo(x->easy, CURLINFO_HTTP_VERSION, &version);
    if (version == CURL_HTTP_VERSION_2_0)
        x->transfers->stables[x->endpoint->number].multiplexes = 1;
    llm_transfer_cancel(x);
    llm_exchange_ended(x, fault, code ? curl_easy_strerror(code) : NULL);
}

/* ---- handles ------------------------------------------------------------ */

static void set_limits(CURL *easy, const llm_endpoint *endpoint)
{
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    /* Who is cancelled while a name is looked up does not wait for it. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");   /* nor ask for one */
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)BUFFER);
    if (!strncmp(endpoint->base_url, "https:", 6))
        curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
}

static CURL *handle_new(llm_transfers *transfers, const llm_endpoint *endpoint,
                        stable *home)
{
    CURL *easy;

    if (!home->headers && !(home->headers = llm_fields_of_endpoint(endpoint)))
        return NULL;
    if (!(easy = curl_easy_init()))
        return NULL;
    set_limits(easy, endpoint);
    if (endpoint->signing && !llm_sign_handle(easy, endpoint)) {
        curl_easy_cleanup(easy);
        return NULL;
    }
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, home->headers);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, transfers);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_request);
    return easy;
}

static CURL *handle_for(llm_transfers *transfers, const llm_exchange *x)
{
    stable *home = &transfers->stables[x->endpoint->number];

    if (home->count)
        return home->idle[--home->count];
    return handle_new(transfers, x->endpoint, home);
}

static void handle_back(llm_transfers *transfers, const llm_exchange *x)
{
    stable *home = &transfers->stables[x->endpoint->number];

    if (home->count < IDLE_HANDLES)
        home->idle[home->count++] = x->easy;
    else
        curl_easy_cleanup(x->easy);
}

/* ---- transfers ---------------------------------------------------------- */

static void free_address(address *at)
{
    curl_url_cleanup(at->parts);
    free(at->path);
    free(at);
}

static CURLU *parts_of(const llm_exchange *x)
{
    CURLU *parts = curl_url();
    char *url = llm_sign_url(x->endpoint, x->path);

    if (!parts || !url || curl_url_set(parts, CURLUPART_URL, url, 0)) {
        curl_url_cleanup(parts);
        parts = NULL;
    }
    free(url);
    return parts;
}

static CURLU *keep_address(stable *home, const llm_exchange *x)
{
    address *at = calloc(1, sizeof *at);

    if (!at)
        return NULL;
    at->parts = parts_of(x);
    at->path = strdup(x->path);
    at->next = home->addresses;
    if (at->parts && at->path) {
        home->addresses = at;
        home->known++;
        return at->parts;
    }
    free_address(at);
    return NULL;
}

/* The address in parts: curl then need not take it apart for each call. It
 * is kept to the end, because transfers look at it again; beyond some, a
 * transfer has its own. */
static CURLU *address_of(stable *home, llm_exchange *x)
{
    address *at = home->addresses;

    while (at && strcmp(at->path, x->path))
        at = at->next;
    if (at)
        return at->parts;
    if (home->known < ADDRESSES)
        return keep_address(home, x);
    return x->own_address = parts_of(x);
}

/* What curl was given of this request alone. */
static void free_own(llm_transfers *transfers, llm_exchange *x)
{
    const stable *home = &transfers->stables[x->endpoint->number];

    llm_fields_free(x->own_fields, home->headers);
    curl_url_cleanup(x->own_address);
    x->own_fields = x->own_address = NULL;
}

static int set_request(llm_transfers *transfers, CURL *easy, llm_exchange *x)
{
    stable *home = &transfers->stables[x->endpoint->number];
    CURLU *address = address_of(home, x);
    struct curl_slist *fields = home->headers;

    if (x->fields)
        fields = x->own_fields = llm_fields_of_request(x->fields,
                                                       home->headers);

    curl_easy_setopt(easy, CURLOPT_CURLU, address);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)apr_time_as_msec(x->connect));
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fields);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     (curl_off_t)x->body.len);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                     x->body.len ? x->body.data : "");
    if (x->get)                 /* until POSTFIELDS says otherwise */
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, x);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, x);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 0L);
    return address && fields
        && (!x->endpoint->signing
            || llm_sign_target(easy, x->endpoint, x->path));
}

void llm_transfer_start(llm_transfers *transfers, llm_exchange *x)
{
    CURL *easy = handle_for(transfers, x);

    x->easy = easy;
    x->transfers = transfers;
    if (!easy || !set_request(transfers, easy, x)
        || curl_multi_add_handle(transfers->multi, easy) != CURLM_OK) {
        if (easy)
            curl_easy_cleanup(easy);
        free_own(transfers, x);
        x->easy = NULL;
        llm_exchange_ended(x, LLM_INTERNAL, "no curl handle");
        return;
    }
    x->running = 1;
    transfers->busy++;
}

void llm_transfer_resume(llm_exchange *x)
{
    if (x->paused) {
        x->paused = 0;
        curl_easy_pause(x->easy, CURLPAUSE_CONT);
    }
}

void llm_transfer_cancel(llm_exchange *x)
{
    if (!x->easy)
        return;
    curl_multi_remove_handle(x->transfers->multi, x->easy);
    handle_back(x->transfers, x);
    free_own(x->transfers, x);
    x->easy = NULL;
    x->running = 0;
    x->transfers->busy--;
}

int llm_transfers_busy(const llm_transfers *transfers)
{
    return transfers->busy;
}

int llm_transfers_multiplex(const llm_transfers *transfers,
                            const llm_endpoint *endpoint)
{
    return transfers->stables[endpoint->number].multiplexes;
}

static void act(interest *in, unsigned events)
{
    int mask = ((events & EPOLLIN) ? CURL_CSELECT_IN : 0)
        | ((events & EPOLLOUT) ? CURL_CSELECT_OUT : 0)
        | ((events & (EPOLLERR | EPOLLHUP)) ? CURL_CSELECT_ERR : 0);
    int running;

    curl_multi_socket_action(in->owner->multi, in->fd, mask, &running);
}

void llm_transfers_event(uint64_t data, unsigned events)
{
    interest *in = (interest *)(uintptr_t)(data & ~3ULL);

    if (in->wanted)
        act(in, events);
    else if (in->known)
        tell_epoll(in, 0);
}

static void collect(llm_transfers *transfers)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(transfers->multi, &left))) {
        char *x = NULL;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &x);
        finish((llm_exchange *)x, message->data.result);
    }
}

apr_interval_time_t llm_transfers_round(llm_transfers *transfers,
                                        apr_time_t now)
{
    int running, turns = 0;

    free_closed(transfers);
    while (transfers->due && transfers->due <= now && turns++ < 16) {
        transfers->due = 0;
        curl_multi_socket_action(transfers->multi, CURL_SOCKET_TIMEOUT, 0,
                                 &running);
    }
    collect(transfers);
    if (!transfers->due)
        return -1;
    return transfers->due > now ? transfers->due - now : 0;
}

/* ---- in and out of a loop ----------------------------------------------- */

void llm_transfers_join(llm_transfers *transfers, llm_engine *engine)
{
    interest *in;
    int i;

    transfers->engine = engine;
    for (i = 0; i < SOCKET_BUCKETS; i++)
        for (in = transfers->sockets[i]; in; in = in->next)
            tell_epoll(in, in->wanted);
}

void llm_transfers_part(llm_transfers *transfers)
{
    interest *in;
    int i;

    for (i = 0; i < SOCKET_BUCKETS; i++)
        for (in = transfers->sockets[i]; in; in = in->next)
            tell_epoll(in, 0);
    transfers->engine = NULL;
}

/* A lane has one transfer: one socket, or two while curl tries both families
 * of addresses. */
void llm_transfers_wait(llm_transfers *transfers, apr_time_t until,
                        apr_interval_time_t spin)
{
    struct pollfd fds[4];
    interest *in, *of[4];
    apr_interval_time_t wait = until - apr_time_now();
    long ns = wait > 0 ? (long)(wait % APR_USEC_PER_SEC * 1000) : 0;
    struct timespec when = { 0, ns };
    int most = transfers->wanted < 4 ? transfers->wanted : 4, n = 0, i;

    for (i = 0; i < SOCKET_BUCKETS && n < most; i++)
        for (in = transfers->sockets[i]; in && n < most; in = in->next)
            if (in->wanted) {
                fds[n].fd = in->fd;
                fds[n].events = ((in->wanted & EPOLLIN) ? POLLIN : 0)
                    | ((in->wanted & EPOLLOUT) ? POLLOUT : 0);
                of[n++] = in;
            }
    if (llm_spin(fds, n, spin) <= 0 && ppoll(fds, n, &when, NULL) <= 0)
        return;
    for (i = 0; i < n; i++)
        if (fds[i].revents)
            act(of[i], fds[i].revents); /* POLL* and EPOLL* are the same */
}

/* ---- life --------------------------------------------------------------- */

int llm_transfers_prepare(void)
{
    return curl_global_init(CURL_GLOBAL_ALL) == CURLE_OK;
}

static void set_multi(llm_transfers *transfers)
{
    CURLM *multi = transfers->multi;

    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, transfers);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, transfers);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, IDLE_CONNECTIONS);
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
}

llm_transfers *llm_transfers_new(int endpoints)
{
    llm_transfers *transfers = calloc(1, sizeof *transfers);

    if (!transfers)
        return NULL;
    transfers->endpoints = endpoints;
    transfers->stables = calloc(endpoints + 1, sizeof *transfers->stables);
    transfers->multi = curl_multi_init();
    if (!transfers->stables || !transfers->multi) {
        llm_transfers_free(transfers);
        return NULL;
    }
    set_multi(transfers);
    return transfers;
}

static void empty_stable(stable *home)
{
    struct curl_slist *line;
    address *at;

    while (home->count)
        curl_easy_cleanup(home->idle[--home->count]);
    while ((at = home->addresses)) {
        home->addresses = at->next;
        free_address(at);
    }
    for (line = home->headers; line; line = line->next)
        explicit_bzero(line->data, strlen(line->data));
    curl_slist_free_all(home->headers);
}

static void drop_socket(llm_transfers *transfers, int i)
{
    interest *in = transfers->sockets[i];

    transfers->sockets[i] = in->next;
    free(in);
}

void llm_transfers_free(llm_transfers *transfers)
{
    int i;

    for (i = 0; transfers->stables && i < transfers->endpoints; i++)
        empty_stable(&transfers->stables[i]);
    if (transfers->multi)
        curl_multi_cleanup(transfers->multi);
    for (i = 0; i < SOCKET_BUCKETS; i++)
        while (transfers->sockets[i])
            drop_socket(transfers, i);
    free_closed(transfers);
    free(transfers->stables);
    free(transfers);
}
