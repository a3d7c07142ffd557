/* An HTTP server on 127.0.0.1 that does what a request's body says, well or
 * badly; a thread a connection. It counts connections, and waits at a gate
 * that the test opens. Included by the test of transfers.
 */
#ifndef LLM_SERVER_H
#define LLM_SERVER_H

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../tap.h"

#define CONNECTIONS 4000
#define BIG (3 << 20)

static _Atomic int accepted, hung_up;   /* connections: taken, over */
static _Atomic int answered[CONNECTIONS];       /* requests, of that one */
static _Atomic int over[CONNECTIONS];   /* that one is over */
static _Atomic int who_is_at_gate;      /* the last connection that came */
static sem_t gate;              /* the test lets one request go on */
static sem_t at_gate;           /* a request stands at the gate */
static int listener, port;
static pthread_t accepting, serving[CONNECTIONS];
static int sockets[CONNECTIONS];

static char big_byte(size_t at)
{
    return (char)('a' + (at * 11 + at / 997) % 26);
}

/* 0 when nobody came within a bound that nothing needs. */
TAP_UNUSED
static int sem_bounded(sem_t *sem)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    while (sem_timedwait(sem, &until))
        if (errno != EINTR)
            return 0;
    return 1;
}

static int send_n(int fd, const char *bytes, size_t n)
{
    while (n) {
        const ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);

        if (sent <= 0)
            return 0;
        bytes += sent;
        n -= (size_t)sent;
    }
    return 1;
}

static int send_text(int fd, const char *text)
{
    return send_n(fd, text, strlen(text));
}

static int wait_at_gate(int fd)
{
    for (int i = 0; i < accepted; i++)
        if (sockets[i] == fd)
            who_is_at_gate = i;
    sem_post(&at_gate);
    return sem_bounded(&gate);
}

static int send_whole(int fd, const char *fields, const char *body)
{
    char head[400];

    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Type: "
             "Application/JSON\r\n%sContent-Length: %zu\r\n\r\n", fields,
             strlen(body));
    return send_text(fd, head) && send_text(fd, body);
}

static int send_big(int fd, size_t n)
{
    char block[8192], head[200];
    size_t at = 0;

    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Type: text/plain"
             "\r\nContent-Length: %zu\r\n\r\n", n);
    if (!send_text(fd, head))
        return 0;
    while (at < n) {
        size_t i;

        for (i = 0; i < sizeof block && at < n; i++, at++)
            block[i] = big_byte(at);
        if (!send_n(fd, block, i))
            return 0;
    }
    return 1;
}

static int send_endless(int fd)
{
    char block[1024];

    memset(block, 'x', sizeof block);
    if (!send_text(fd, "HTTP/1.1 200 OK\r\n\r\n"))
        return 0;
    while (send_n(fd, block, sizeof block))
        ;
    return 0;
}

static int send_huge_head(int fd)
{
    send_text(fd, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 3000; i++)
        if (!send_text(fd, "X-Filler: 01234567890123456789\r\n"))
            return 0;
    send_text(fd, "Content-Length: 0\r\n\r\n");
    return 0;
}

static int reset(int fd)
{
    const struct linger now = { 1, 0 };

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    return 0;
}

static int is(const char *body, const char *word)
{
    return !strcmp(body, word);
}

#define CHUNKED "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" \
    "Transfer-Encoding: chunked\r\n\r\n"

/* 1 if the connection stays. `head` is the request's. */
static int answer(int fd, const char *head, const char *body)
{
    if (is(body, "whole"))
        return send_whole(fd, "", "{\"a\":1}");
    if (is(body, "echo") || !strncmp(head, "GET ", 4))
        return send_whole(fd, "", head);
    if (is(body, "fields"))
        return send_whole(fd, "X-Request-Id: id-1\r\nRetry-After: 2\r\n"
                          "Content-Encoding: gzip\r\n", "{}");
    if (is(body, "interim"))
        return send_text(fd, "HTTP/1.1 100 Continue\r\n\r\n"
                         "HTTP/1.1 103 Early Hints\r\nContent-Type: a/b\r\n"
                         "\r\n") && send_whole(fd, "", "{\"a\":1}");
    if (is(body, "chunked"))
        return send_text(fd, CHUNKED "4\r\none,\r\n4\r\ntwo,\r\n5\r\nthree"
                         "\r\n0\r\n\r\n");
    if (is(body, "gate"))
        return send_text(fd, CHUNKED "4\r\none,\r\n") && wait_at_gate(fd)
            && send_text(fd, "3\r\ntwo\r\n0\r\n\r\n");
    if (is(body, "late head"))
        return send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n")
            && wait_at_gate(fd)
            && send_text(fd, "Content-Type: application/json\r\n\r\n{}");
    if (is(body, "big"))
        return send_big(fd, BIG);
    if (is(body, "error"))
        return send_text(fd, "HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\n"
                         "oops");
    if (is(body, "to the end"))
        send_text(fd, "HTTP/1.1 200 OK\r\n\r\nall of it");
    if (is(body, "early"))
        send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
    if (is(body, "half chunk"))
        send_text(fd, CHUNKED "4\r\none,\r\n4\r\ntw");
    if (is(body, "no last chunk"))
        send_text(fd, CHUNKED "4\r\nhalf\r\n");
    if (is(body, "garbage"))
        send_text(fd, "I do not speak HTTP\r\n\r\n");
    if (is(body, "half head"))
        send_text(fd, "HTTP/1.1 200 OK\r\nContent-");
    if (is(body, "huge"))
        return send_huge_head(fd);
    if (is(body, "endless"))
        return send_endless(fd);
    return is(body, "reset") ? reset(fd) : 0;
}

/* A request's head, terminated, and its body after the NUL. NULL at the end
 * of the connection. */
static char *read_request(int fd, char *room, size_t most)
{
    size_t n = 0, length;
    char *end = NULL, *field;

    room[0] = '\0';
    while (!(end = strstr(room, "\r\n\r\n")) && n < most) {
        const ssize_t got = recv(fd, room + n, most - n, 0);

        if (got <= 0)
            return NULL;
        n += (size_t)got;
        room[n] = '\0';
    }
    field = end ? strcasestr(room, "\r\ncontent-length: ") : NULL;
    if (!field && (!end || strncmp(room, "GET ", 4)))
        return NULL;
    length = field ? strtoul(field + 18, NULL, 10) : 0;
    end += 4;
    while (n < (size_t)(end - room) + length && n < most) {
        const ssize_t got = recv(fd, room + n, most - n, 0);

        if (got <= 0)
            return NULL;
        n += (size_t)got;
        room[n] = '\0';
    }
    end[-1] = '\0';
    return end;
}

static void *serve_one(void *data)
{
    const int fd = *(const int *)data;
    char room[8192], block[4096];
    const char *body;
    int stays = 1;

    while (stays && (body = read_request(fd, room, sizeof room - 1))) {
        /* Silent until the other side leaves. */
        if (is(body, "silent"))
            break;
        stays = answer(fd, room, body);
        answered[(const int *)data - sockets]++;
    }
    if (stays)
        while (recv(fd, block, sizeof block, 0) > 0)
            ;
    over[(const int *)data - sockets] = 1;
    close(fd);
    hung_up++;
    return NULL;
}

static void *accept_all(void *data)
{
    (void)data;
    for (;;) {
        const int fd = accept(listener, NULL, NULL), n = accepted, on = 1;

        if (fd < 0 || n == CONNECTIONS)
            return NULL;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        sockets[n] = fd;
        accepted++;             /* before anybody can have an answer */
        if (pthread_create(&serving[n], NULL, serve_one, &sockets[n]))
            exit(2);
    }
}

/* A descriptor that has a port of its own, which refuses as yet. */
static int bind_to(int *number)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    socklen_t n = sizeof at;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, n)
        || getsockname(fd, (struct sockaddr *)&at, &n))
        exit(2);
    *number = ntohs(at.sin_port);
    return fd;
}

TAP_UNUSED
static void start_server(void)
{
    sem_init(&gate, 0, 0);
    sem_init(&at_gate, 0, 0);
    listener = bind_to(&port);
    if (listen(listener, 512)
        || pthread_create(&accepting, NULL, accept_all, NULL))
        exit(2);
}

/* After every client of it has gone. */
TAP_UNUSED
static void end_server(void)
{
    shutdown(listener, SHUT_RDWR);
    pthread_join(accepting, NULL);
    for (int i = 0; i < accepted; i++)
        pthread_join(serving[i], NULL);
    close(listener);
}

#endif
