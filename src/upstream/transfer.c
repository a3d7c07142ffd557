#include "transfer.h"
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <unistd.h>
#include <sys/epoll.h>
#include <curl/curl.h>
#include "head.h"

#define IDLE_CONNECTIONS 1024L  /* kept open to providers, a child */
#define IDLE_HANDLES 256        /* kept ready, an endpoint */

/* What epoll knows of a descriptor, and what curl wants of it. Curl takes a
 * connection off after every transfer and puts it on again for the next; we
 * leave it in epoll, and only take it off when it speaks unasked. */
typedef struct interest {
    unsigned char known, wanted;        /* EPOLLIN | EPOLLOUT */
} interest;

/* The handles and header lines of one endpoint, made on first use. */
typedef struct stable {
    struct curl_slist *headers;
    CURL *idle[IDLE_HANDLES];
    int count;
} stable;

struct llm_transfers {
    llm_engine *engine;
    CURLM *multi;
    interest *interests;        /* by descriptor */
    int interests_room;
    stable *stables;            /* by endpoint number */
    int endpoints;
    llm_timer timer;            /* curl's own; owner NULL */
    int expired;                /* curl's timer must run this round */
};

/* ---- curl's sockets in our epoll ---------------------------------------- */

static interest *interest_of(llm_transfers *transfers, int fd)
{
    if (fd >= transfers->interests_room) {
        int room = (fd / 1024 + 1) * 1024;
        interest *more = realloc(transfers->interests, room * sizeof *more);

        if (!more)
            return NULL;
        memset(more + transfers->interests_room, 0,
               (room - transfers->interests_room) * sizeof *more);
        transfers->interests = more;
        transfers->interests_room = room;
    }
    return &transfers->interests[fd];
}

static void tell_epoll(llm_transfers *transfers, int fd, interest *in)
{
    struct epoll_event on = {
        in->wanted, { .u64 = (uint64_t)fd << 2 | LLM_FOR_SOCKET }
    };
    int op = in->known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

    if (in->known == in->wanted)
        return;
    if (!in->wanted)
        op = EPOLL_CTL_DEL;
    if (!epoll_ctl(transfers->engine->poll, op, fd, &on))
        in->known = in->wanted;
    else
        in->known = 0;
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
    in->wanted = (what == CURL_POLL_REMOVE) ? 0
        : ((what & CURL_POLL_IN) ? EPOLLIN : 0)
        | ((what & CURL_POLL_OUT) ? EPOLLOUT : 0);
    if (in->wanted)
        tell_epoll(transfers, fd, in);
    return 0;
}

/* The number may be another descriptor's in a moment. */
static int on_close(void *baton, curl_socket_t fd)
{
    llm_transfers *transfers = baton;
    interest *in = interest_of(transfers, fd);

    if (in)
        in->known = in->wanted = 0;
    return close(fd);
}

static int on_timer(CURLM *multi, long ms, void *baton)
{
    llm_transfers *transfers = baton;
    llm_engine *engine = transfers->engine;

    (void)multi;
    transfers->expired = !ms;
    if (ms <= 0)
        llm_timer_unset(&engine->timers, &transfers->timer);
    else
        llm_timer_set(&engine->timers, &transfers->timer,
                      apr_time_now() + apr_time_from_msec(ms));
    return 0;
}

/* ---- the answer --------------------------------------------------------- */

static size_t on_header(char *line, size_t size, size_t n, void *baton)
{
    llm_exchange *x = baton;
    int fit;

    pthread_mutex_lock(&x->lock);
    fit = llm_head_line(&x->head, &x->head_bytes, line, size * n);
    pthread_mutex_unlock(&x->lock);
    return fit ? size * n : 0;
}

static size_t on_bytes(char *bytes, size_t size, size_t n, void *baton)
{
    llm_exchange *x = baton;

    if (llm_exchange_arrived(x, bytes, size * n))
        return size * n;
    x->paused = 1;
    return CURL_WRITEFUNC_PAUSE;
}

/* The one place where curl's errors get a meaning. */
static llm_fault fault_of(CURLcode code, const llm_exchange *x)
{
    switch (code) {
    case CURLE_OK:
        return LLM_OK;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
        return LLM_UNREACHABLE;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
        return LLM_UNTRUSTED;
    case CURLE_OPERATION_TIMEDOUT:
        return LLM_SLOW;
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
    case CURLE_BAD_FUNCTION_ARGUMENT:
        return LLM_INTERNAL;
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return x->head.status ? LLM_CUT : LLM_RESET;
    default:
        return LLM_GARBAGE;
    }
}

/* A connection that broke is reported by curl with the same code whether it
 * was the server's TLS or its certificate; only the latter is LOUD. */
static void finish(llm_transfers *transfers, llm_exchange *x, CURLcode code)
{
    llm_fault fault = fault_of(code, x);

    llm_transfer_cancel(transfers, x);
    llm_exchange_ended(x, fault, code ? curl_easy_strerror(code) : NULL);
}

/* ---- handles ------------------------------------------------------------ */

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

static struct curl_slist *header_lines(const llm_endpoint *endpoint)
{
    static const llm_endpoint_header fixed[] = {
        { "Content-Type", "application/json", NULL },
        { "User-Agent", "mod_llm", NULL },
    };
    struct curl_slist *list = curl_slist_append(NULL, "Expect:"), *more;
    const llm_endpoint_header *own
        = (const llm_endpoint_header *)endpoint->headers->elts;
    int i;

    for (i = 0; list && i < 2 + endpoint->headers->nelts; i++) {
        more = header_line(list, i < 2 ? &fixed[i] : &own[i - 2]);
        if (!more) {
            curl_slist_free_all(list);
            return NULL;
        }
        list = more;
    }
    return list;
}

static void set_limits(CURL *easy, const llm_endpoint *endpoint)
{
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)apr_time_as_msec(endpoint->connect));
    if (!strncmp(endpoint->base_url, "https:", 6))
        curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
}

static CURL *handle_new(llm_transfers *transfers, const llm_endpoint *endpoint,
                        stable *home)
{
    CURL *easy;

    if (!home->headers && !(home->headers = header_lines(endpoint)))
        return NULL;
    if (!(easy = curl_easy_init()))
        return NULL;
    set_limits(easy, endpoint);
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, home->headers);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, transfers);
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

static int set_request(CURL *easy, llm_exchange *x)
{
    size_t room = strlen(x->endpoint->base_url) + strlen(x->path) + 1;
    char *url = malloc(room);
    CURLcode rc;

    if (!url)
        return 0;
    snprintf(url, room, "%s%s", x->endpoint->base_url, x->path);
    rc = curl_easy_setopt(easy, CURLOPT_URL, url);
    free(url);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     (curl_off_t)x->body.len);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                     x->body.len ? x->body.data : "");
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, x);
    return rc == CURLE_OK;
}

void llm_transfer_start(llm_transfers *transfers, llm_exchange *x)
{
    CURL *easy = handle_for(transfers, x);

    x->easy = easy;
    if (!easy || !set_request(easy, x)
        || curl_multi_add_handle(transfers->multi, easy) != CURLM_OK) {
        if (easy)
            curl_easy_cleanup(easy);
        x->easy = NULL;
        llm_exchange_ended(x, LLM_INTERNAL, "no curl handle");
        return;
    }
    x->running = 1;
}

void llm_transfer_resume(llm_exchange *x)
{
    if (x->paused) {
        x->paused = 0;
        curl_easy_pause(x->easy, CURLPAUSE_CONT);
    }
}

void llm_transfer_cancel(llm_transfers *transfers, llm_exchange *x)
{
    if (!x->easy)
        return;
    curl_multi_remove_handle(transfers->multi, x->easy);
    handle_back(transfers, x);
    x->easy = NULL;
    x->running = 0;
}

void llm_transfers_socket(llm_transfers *transfers, int fd, unsigned events)
{
    interest *in = interest_of(transfers, fd);
    int mask = ((events & EPOLLIN) ? CURL_CSELECT_IN : 0)
        | ((events & EPOLLOUT) ? CURL_CSELECT_OUT : 0)
        | ((events & (EPOLLERR | EPOLLHUP)) ? CURL_CSELECT_ERR : 0);
    int running;

    if (in && !in->wanted)
        tell_epoll(transfers, fd, in);
    else
        curl_multi_socket_action(transfers->multi, fd, mask, &running);
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
        finish(transfers, (llm_exchange *)x, message->data.result);
    }
}

void llm_transfers_round(llm_transfers *transfers)
{
    int running, turns = 0;

    if (!transfers->timer.place && transfers->timer.due
        && transfers->timer.due <= transfers->engine->now) {
        transfers->timer.due = 0;
        transfers->expired = 1;
    }
    while (transfers->expired && turns++ < 16) {
        transfers->expired = 0;
        curl_multi_socket_action(transfers->multi, CURL_SOCKET_TIMEOUT, 0,
                                 &running);
    }
    collect(transfers);
}

/* ---- life --------------------------------------------------------------- */

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

llm_transfers *llm_transfers_new(llm_engine *engine, int endpoints)
{
    llm_transfers *transfers = calloc(1, sizeof *transfers);

    if (!transfers)
        return NULL;
    transfers->engine = engine;
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

    while (home->count)
        curl_easy_cleanup(home->idle[--home->count]);
    for (line = home->headers; line; line = line->next)
        explicit_bzero(line->data, strlen(line->data));
    curl_slist_free_all(home->headers);
}

void llm_transfers_free(llm_transfers *transfers)
{
    int i;

    for (i = 0; transfers->stables && i < transfers->endpoints; i++)
        empty_stable(&transfers->stables[i]);
    if (transfers->multi)
        curl_multi_cleanup(transfers->multi);
    free(transfers->stables);
    free(transfers->interests);
    free(transfers);
}
