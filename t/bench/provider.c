/* A provider whose own share of a measurement is small and steady.
 *
 * One thread, one epoll, a listener on 127.0.0.1 for each of the plans below,
 * whose ports it prints: some answer a chat completion whole, some stream it
 * token by token, the first at once. Who asks for /messages is answered as
 * Anthropic does, everybody else as OpenAI. Nothing is allocated per call, so
 * that ten thousand calls cost it nothing but their sockets; of a long prompt
 * it reads the beginning.
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

#define MS 1000000LL
#define CONNECTIONS 65536       /* descriptors are indexes */
#define ROOM 8192               /* a request's head and small body */
#define REST 2048               /* what a full socket did not take */

enum { INSTANT, SLOW, STREAM, BURST, PACED, KINDS };

/* How many tokens, and how long before each but the first; of none, before
 * the answer. */
static const struct plan {
    int tokens;
    int64_t gap;
} plans[KINDS] = {
    [INSTANT] = { 0, 0 },
    [SLOW] = { 0, 1500 * MS },
    [STREAM] = { 150, 20 * MS },
    [BURST] = { 500, 0 },
    [PACED] = { 500, 10 * MS }
};

enum { OPENAI, ANTHROPIC, DIALECTS };

typedef struct peer {
    int fd;
    int kind;
    int dialect;
    int usage;                  /* the stream ends with a usage event */
    int token;                  /* the next one to send */
    int waiting;                /* in its kind's queue */
    int stalled;                /* its turn came, and `rest` was not gone */
    int64_t due;
    struct peer *next;
    size_t skip;                /* of the body, still to come */
    size_t have, rest;
    char in[ROOM];
    char out[REST];             /* the rest */
} peer;

/* All waits of one kind are equally long, so who came first is due first. */
typedef struct queue {
    peer *head, *tail;
} queue;

static queue queues[KINDS];
static int listeners[KINDS];
static int poller, timer;
static char whole[DIALECTS][2048];
static size_t whole_len[DIALECTS];

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

#define TEXT "A reverse proxy takes the requests of many clients, decides " \
    "which server is to answer each, and hands the answers back."

static const char *const answers[DIALECTS] = {
    [OPENAI] =
        "{\"id\":\"chatcmpl-BenchAnswer0000000000000001\","
        "\"object\":\"chat.completion\",\"created\":1760000000,"
        "\"model\":\"gpt-x\",\"choices\":[{\"index\":0,\"message\":"
        "{\"role\":\"assistant\",\"content\":\"" TEXT "\",\"refusal\":null,"
        "\"annotations\":[]},"
        "\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":"
        "{\"prompt_tokens\":92,\"completion_tokens\":24,"
        "\"total_tokens\":116,\"prompt_tokens_details\":"
        "{\"cached_tokens\":0,\"audio_tokens\":0},"
        "\"completion_tokens_details\":{\"reasoning_tokens\":0,"
        "\"audio_tokens\":0,\"accepted_prediction_tokens\":0,"
        "\"rejected_prediction_tokens\":0}},\"service_tier\":\"default\","
        "\"system_fingerprint\":\"fp_bench\"}",
    [ANTHROPIC] =
        "{\"id\":\"msg_01BenchAnswer000000000001\",\"type\":\"message\","
        "\"role\":\"assistant\",\"model\":\"claude-sonnet-4-5-20250929\","
        "\"content\":[{\"type\":\"text\",\"text\":\"" TEXT "\"}],"
        "\"stop_reason\":\"end_turn\",\"stop_sequence\":null,\"usage\":"
        "{\"input_tokens\":92,\"cache_creation_input_tokens\":0,"
        "\"cache_read_input_tokens\":0,\"cache_creation\":"
        "{\"ephemeral_5m_input_tokens\":0,\"ephemeral_1h_input_tokens\":0},"
        "\"output_tokens\":24,\"service_tier\":\"standard\"}}"
};

static void make_answers(void)
{
    int i;

    for (i = 0; i < DIALECTS; i++)
        whole_len[i] = (size_t)snprintf(whole[i], sizeof whole[i],
                                        "HTTP/1.1 200 OK\r\n"
                                        "Content-Type: application/json\r\n"
                                        "Content-Length: %zu\r\n\r\n%s",
                                        strlen(answers[i]), answers[i]);
}

static void drop(peer *p)
{
    close(p->fd);
    p->fd = -1;                 /* the queue forgets it when it is due */
    if (!p->waiting)
        free(p);
}

static void listen_to(peer *p, uint32_t events)
{
    struct epoll_event on = { .events = events, .data.ptr = p };

    epoll_ctl(poller, EPOLL_CTL_MOD, p->fd, &on);
}

/* What a full socket does not take is kept for later. A peer that is gone
 * shows when it is read from. */
static void say(peer *p, const char *bytes, size_t n)
{
    ssize_t sent = send(p->fd, bytes, n, MSG_NOSIGNAL);

    if (sent < 0)
        sent = 0;
    p->rest = n - (size_t)sent;
    if (!p->rest)
        return;
    if (p->rest > REST)
        die("provider: an answer that does not fit");
    memmove(p->out, bytes + sent, p->rest);
    listen_to(p, EPOLLIN | EPOLLOUT);
}

static void say_chunk(peer *p, const char *event)
{
    char out[REST];

    say(p, out, (size_t)snprintf(out, sizeof out, "%zx\r\n%s\r\n",
                                 strlen(event), event));
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

/* --- streams ------------------------------------------------------------ */

#define CHUNK "data: {\"id\":\"chatcmpl-BenchStream1\",\"object\":" \
    "\"chat.completion.chunk\",\"created\":1760000000,\"model\":" \
    "\"gpt-x\",\"system_fingerprint\":\"fp_bench\",\"choices\":"

static const char *const openings[DIALECTS] = {
    [OPENAI] = "",
    [ANTHROPIC] =
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":"
        "{\"model\":\"claude-sonnet-4-5-20250929\",\"id\":"
        "\"msg_01BenchStream000000000001\",\"type\":\"message\",\"role\":"
        "\"assistant\",\"content\":[],\"stop_reason\":null,"
        "\"stop_sequence\":null,\"usage\":{\"input_tokens\":92,"
        "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,"
        "\"output_tokens\":1,\"service_tier\":\"standard\"}}}\n\n"
        "event: content_block_start\ndata: {\"type\":\"content_block_start\","
        "\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
        "event: ping\ndata: {\"type\": \"ping\"}\n\n"
};

static const char *const tokens[DIALECTS] = {
    [OPENAI] = CHUNK "[{\"index\":0,\"delta\":{\"content\":\" %d\"},"
        "\"logprobs\":null,\"finish_reason\":null}]}\n\n",
    [ANTHROPIC] =
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\","
        "\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" %d\"}}"
        "\n\n"
};

#define FINISH CHUNK "[{\"index\":0,\"delta\":{},\"logprobs\":null," \
    "\"finish_reason\":\"stop\"}]}\n\n"

static const char *const ends[DIALECTS][2] = {
    [OPENAI] = {
        FINISH "data: [DONE]\n\n",
        FINISH CHUNK "[],\"usage\":{\"prompt_tokens\":92,"
        "\"completion_tokens\":%d,\"total_tokens\":242}}\n\n"
        "data: [DONE]\n\n"
    },
    [ANTHROPIC] = {
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\","
        "\"index\":0}\n\n"
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":"
        "{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":"
        "{\"input_tokens\":92,\"cache_creation_input_tokens\":0,"
        "\"cache_read_input_tokens\":0,\"output_tokens\":%d}}\n\n"
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
    }
};

static void say_token(peer *p)
{
    char event[1400];
    size_t n = 0;

    if (!p->token)
        n = (size_t)snprintf(event, sizeof event, "%s", openings[p->dialect]);
    snprintf(event + n, sizeof event - n, tokens[p->dialect], p->token++);
    say_chunk(p, event);
}

/* With the last chunk, for there may be a rest of one thing only. */
static void say_end(peer *p)
{
    const char *end = ends[p->dialect][p->dialect == OPENAI && p->usage];
    char event[1400], out[REST];

    snprintf(event, sizeof event, end, plans[p->kind].tokens);
    say(p, out, (size_t)snprintf(out, sizeof out,
                                 "%zx\r\n%s\r\n0\r\n\r\n", strlen(event),
                                 event));
}

static int64_t next_due(int64_t last, int64_t gap)
{
    /* Not this time round, or one stream would be sent before all others. */
    return gap ? last + gap : now_ns() + 1;
}

static void start(peer *p)
{
    static const char head[] = "HTTP/1.1 200 OK\r\n"
                               "Content-Type: text/event-stream\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n";
    const struct plan *plan = &plans[p->kind];

    if (p->kind == INSTANT) {
        say(p, whole[p->dialect], whole_len[p->dialect]);
        return;
    }
    p->token = 0;
    if (plan->tokens) {
        (void)!send(p->fd, head, sizeof head - 1, MSG_NOSIGNAL);
        say_token(p);
    }
    wait_for(p, next_due(now_ns(), plan->gap));
}

static void go_on(peer *p)
{
    const struct plan *plan = &plans[p->kind];

    if (p->rest)
        p->stalled = 1;
    else if (!plan->tokens)
        say(p, whole[p->dialect], whole_len[p->dialect]);
    else if (p->token == plan->tokens)
        say_end(p);
    else {
        say_token(p);
        wait_for(p, next_due(p->due, plan->gap));
    }
}

/* The socket takes more. */
static void say_rest(peer *p)
{
    say(p, p->out, p->rest);
    if (p->rest)
        return;
    listen_to(p, EPOLLIN);
    if (p->stalled)
        wait_for(p, now_ns());
    p->stalled = 0;
}

/* --- turns --------------------------------------------------------------- */

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

static void end_of(peer *p, ssize_t got)
{
    if (got == 0 || errno != EAGAIN)
        drop(p);
}

/* Of a body that is too long to keep, unread. */
static void skip(peer *p)
{
    ssize_t got = recv(p->fd, NULL, p->skip, MSG_TRUNC);

    if (got <= 0) {
        end_of(p, got);
        return;
    }
    p->skip -= (size_t)got;
    if (!p->skip)
        start(p);
}

static void hear(peer *p)
{
    ssize_t got = read(p->fd, p->in + p->have, ROOM - 1 - p->have);
    size_t size;

    if (got <= 0) {
        end_of(p, got);
        return;
    }
    p->have += (size_t)got;
    p->in[p->have] = '\0';
    size = request_size(p->in);
    if (!size && p->have == ROOM - 1) {
        fputs("provider: a request that is no request\n", stderr);
        drop(p);
        return;
    }
    if (!size || (p->have < size && p->have < ROOM - 1))
        return;
    p->skip = size - p->have;
    p->have = 0;
    p->usage = strstr(p->in, "include_usage") != NULL;
    p->dialect = memmem(p->in, strcspn(p->in, "\r"), "/messages ", 10)
                 ? ANTHROPIC : OPENAI;
    if (!p->skip)
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
    printf("%d%c", ntohs(at.sin_port), kind == KINDS - 1 ? '\n' : ' ');
}

static void attend(peer *p, uint32_t events)
{
    if (events & EPOLLOUT)
        say_rest(p);
    if (!(events & ~(uint32_t)EPOLLOUT))
        return;
    if (p->skip)
        skip(p);
    else
        hear(p);
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
        attend(what, event->events);
}

int main(void)
{
    struct epoll_event events[256], on = { .events = EPOLLIN };
    int i, n;

    make_answers();
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
