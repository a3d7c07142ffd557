/* A provider whose own share of a measurement is small and steady.
 *
 * One thread, one epoll, three listeners on 127.0.0.1 whose ports it prints:
 * one answers a chat completion at once, one after 1.5 seconds, one streams
 * TOKENS tokens, one each 20 ms, the first at once. Nothing is allocated per
 * call, so that ten thousand calls cost it nothing but their sockets.
 *
 * It ends when its standard input does: it cannot outlive who started it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define SLOW_NS (1500 * 1000000LL)
#define PACE_NS (20 * 1000000LL)
#define TOKENS 150
#define CONNECTIONS 65536       /* descriptors are indexes */
#define ROOM 8192               /* a request's head and body */

enum { INSTANT, SLOW, STREAM, KINDS };

typedef struct peer {
    int fd;
    int kind;
    int usage;                  /* the stream ends with a usage event */
    int token;                  /* the next one to send */
    int waiting;                /* in its kind's queue */
    int64_t due;
    struct peer *next;
    size_t have;
    char in[ROOM];
} peer;

/* All waits of one kind are equally long, so who came first is due first. */
typedef struct queue {
    peer *head, *tail;
} queue;

static queue queues[KINDS];
static int listeners[KINDS];
static int poller, timer;
static char whole[2048];
static size_t whole_len;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void make_answer(void)
{
    static const char json[] =
        "{\"id\":\"chatcmpl-BenchAnswer0000000000000001\","
        "\"object\":\"chat.completion\",\"created\":1760000000,"
        "\"model\":\"gpt-x\",\"choices\":[{\"index\":0,\"message\":"
        "{\"role\":\"assistant\",\"content\":\"A reverse proxy takes the "
        "requests of many clients, decides which server is to answer each, "
        "and hands the answers back.\",\"refusal\":null,\"annotations\":[]},"
        "\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":"
        "{\"prompt_tokens\":92,\"completion_tokens\":24,"
        "\"total_tokens\":116,\"prompt_tokens_details\":"
        "{\"cached_tokens\":0,\"audio_tokens\":0},"
        "\"completion_tokens_details\":{\"reasoning_tokens\":0,"
        "\"audio_tokens\":0,\"accepted_prediction_tokens\":0,"
        "\"rejected_prediction_tokens\":0}},\"service_tier\":\"default\","
        "\"system_fingerprint\":\"fp_bench\"}";

    whole_len = (size_t)snprintf(whole, sizeof whole,
                                 "HTTP/1.1 200 OK\r\n"
                                 "Content-Type: application/json\r\n"
                                 "Content-Length: %zu\r\n\r\n%s",
                                 sizeof json - 1, json);
}

static void drop(peer *p)
{
    close(p->fd);
    p->fd = -1;                 /* the queue forgets it when it is due */
    if (!p->waiting)
        free(p);
}

/* What is sent always fits the socket's buffer; a peer that lets it fill is
 * one that does not read, and is left. */
static int say(peer *p, const char *bytes, size_t n)
{
    if (send(p->fd, bytes, n, MSG_NOSIGNAL) == (ssize_t)n)
        return 1;
    drop(p);
    return 0;
}

static size_t chunk(char *out, size_t room, const char *event)
{
    return (size_t)snprintf(out, room, "%zx\r\n%s\r\n", strlen(event), event);
}

static void wait_for(peer *p, int64_t due)
{
    queue *q = &queues[p->kind];

    p->due = due;
    p->next = NULL;
    p->waiting = 1;
    if (q->tail)
        q->tail->next = p;
    else
        q->head = p;
    q->tail = p;
}

static int say_token(peer *p)
{
    char event[512], out[600];

    snprintf(event, sizeof event,
             "data: {\"id\":\"chatcmpl-BenchStream1\",\"object\":"
             "\"chat.completion.chunk\",\"created\":1760000000,\"model\":"
             "\"gpt-x\",\"system_fingerprint\":\"fp_bench\",\"choices\":"
             "[{\"index\":0,\"delta\":{\"content\":\" %d\"},\"logprobs\":"
             "null,\"finish_reason\":null}]}\n\n", p->token++);
    return say(p, out, chunk(out, sizeof out, event));
}

static void say_end(peer *p)
{
    static const char head[] =
        "data: {\"id\":\"chatcmpl-BenchStream1\",\"object\":"
        "\"chat.completion.chunk\",\"created\":1760000000,\"model\":"
        "\"gpt-x\",\"system_fingerprint\":\"fp_bench\",\"choices\":";
    char event[1200], out[1300];

    snprintf(event, sizeof event,
             "%s[{\"index\":0,\"delta\":{},\"logprobs\":null,"
             "\"finish_reason\":\"stop\"}]}\n\n%s%s%sdata: [DONE]\n\n",
             head, p->usage ? head : "",
             p->usage ? "[],\"usage\":{\"prompt_tokens\":92," : "",
             p->usage ? "\"completion_tokens\":150,\"total_tokens\":242}}\n\n"
                      : "");
    if (say(p, out, chunk(out, sizeof out, event)))
        say(p, "0\r\n\r\n", 5);
}

static void start(peer *p)
{
    static const char head[] = "HTTP/1.1 200 OK\r\n"
                               "Content-Type: text/event-stream\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n";

    if (p->kind == INSTANT) {
        say(p, whole, whole_len);
        return;
    }
    if (p->kind == SLOW) {
        wait_for(p, now_ns() + SLOW_NS);
        return;
    }
    p->token = 0;
    if (say(p, head, sizeof head - 1) && say_token(p))
        wait_for(p, now_ns() + PACE_NS);
}

static void go_on(peer *p)
{
    if (p->kind == SLOW)
        say(p, whole, whole_len);
    else if (p->token == TOKENS)
        say_end(p);
    else if (say_token(p))
        wait_for(p, p->due + PACE_NS);
}

/* Whoever is due goes on; the timer is set for who is next. */
static void run_queues(void)
{
    struct itimerspec when = { { 0, 0 }, { 0, 0 } };
    int64_t first = INT64_MAX, now = now_ns();
    int kind;

    for (kind = SLOW; kind < KINDS; kind++) {
        queue *q = &queues[kind];

        while (q->head && q->head->due <= now) {
            peer *p = q->head;

            q->head = p->next;
            if (!q->head)
                q->tail = NULL;
            p->waiting = 0;
            if (p->fd < 0)
                free(p);
            else
                go_on(p);
        }
        if (q->head && q->head->due < first)
            first = q->head->due;
    }
    if (first == INT64_MAX)
        return;
    when.it_value.tv_sec = first / 1000000000LL;
    when.it_value.tv_nsec = first % 1000000000LL;
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

/* The whole request's size, or 0 while its head is not there. */
static size_t request_size(const char *in)
{
    const char *end = strstr(in, "\r\n\r\n"), *length;

    if (!end)
        return 0;
    length = strcasestr(in, "\r\ncontent-length:");
    if (!length || length > end)
        return (size_t)(end + 4 - in);
    return (size_t)(end + 4 - in) + strtoul(length + 17, NULL, 10);
}

static void hear(peer *p)
{
    ssize_t got = read(p->fd, p->in + p->have, ROOM - 1 - p->have);
    size_t size;

    if (got <= 0) {
        if (got == 0 || errno != EAGAIN)
            drop(p);
        return;
    }
    p->have += (size_t)got;
    p->in[p->have] = '\0';
    size = request_size(p->in);
    if (!size && p->have < ROOM - 1)
        return;
    if (!size || size > ROOM - 1) {
        fputs("provider: a request that is no request\n", stderr);
        drop(p);
        return;
    }
    if (p->have < size)
        return;
    p->have = 0;
    p->usage = strstr(p->in, "include_usage") != NULL;
    start(p);
}

static void greet(int kind)
{
    struct epoll_event on = { .events = EPOLLIN };
    int fd, one = 1;

    while ((fd = accept4(listeners[kind], NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        peer *p = fd < CONNECTIONS ? calloc(1, sizeof *p) : NULL;

        if (!p) {
            close(fd);
            return;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        p->fd = fd;
        p->kind = kind;
        on.data.ptr = p;
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &on);
    }
}

static void listen_as(int kind)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    struct epoll_event on = { .events = EPOLLIN };
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, n) || listen(fd, 16384) ||
        getsockname(fd, (struct sockaddr *)&at, &n))
        die("provider: listen");
    listeners[kind] = fd;
    on.data.ptr = &listeners[kind];
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &on);
    printf("%d%c", ntohs(at.sin_port), kind == STREAM ? '\n' : ' ');
}

static void serve(const struct epoll_event *event)
{
    void *what = event->data.ptr;
    uint64_t rung;

    if (what >= (void *)listeners && what < (void *)(listeners + KINDS))
        greet((int)((int *)what - listeners));
    else if (what == &timer)
        (void)!read(timer, &rung, sizeof rung);
    else if (what == &poller)
        exit(0);                /* standard input ended */
    else
        hear(what);
}

int main(void)
{
    struct epoll_event events[256], on = { .events = EPOLLIN };
    int i, n;

    make_answer();
    poller = epoll_create1(0);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    if (poller < 0 || timer < 0)
        die("provider");
    on.data.ptr = &timer;
    epoll_ctl(poller, EPOLL_CTL_ADD, timer, &on);
    on.data.ptr = &poller;
    if (epoll_ctl(poller, EPOLL_CTL_ADD, 0, &on))
        die("provider: standard input must be a pipe");
    for (i = 0; i < KINDS; i++)
        listen_as(i);
    fflush(stdout);
    for (;;) {
        n = epoll_wait(poller, events, 256, -1);
        for (i = 0; i < n; i++)
            serve(&events[i]);
        run_queues();
    }
}
