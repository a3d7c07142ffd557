/* calls MODEL TOKENS PORT PATH COUNT EACH SPREAD PATIENCE: many calls at once,
 * every one checked.
 *
 * COUNT connections to 127.0.0.1 make EACH calls one after another; their
 * starts are spread over SPREAD milliseconds. With TOKENS, of a stream: a call
 * is whole when its tokens came in order, were as many, and it ended as it
 * should at each level: finish_reason, [DONE], the last chunk. Without: a call
 * is whole when all of its JSON came. Prints
 *
 *     whole broken p50 p99 max late
 *
 * in calls and in microseconds to the first token or to the end of the
 * answer. Of several calls on a connection the first is not timed: the load
 * is still rising then. Calls that are not done PATIENCE seconds after all
 * have started are broken; `late` is on how many connections there were such.
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
#include <time.h>
#include <unistd.h>

#define LINE 4096

/* Where in the answer. */
enum { MEETING, HEAD, SIZE, DATA, AFTER, LAST, BODY };

typedef struct call {
    int fd, calls, state, token, finished, done, again;
    int64_t sent;
    size_t left;                /* of the chunk or the body */
    size_t frame_len, line_len;
    char frame[LINE];           /* of the head, or between chunks */
    char line[LINE];            /* of the event stream */
} call;

static char request[4096];
static size_t request_len;
static uint32_t *times;
static int64_t spread, patience;
static int tokens, timed, whole, broken, ended, each, poller, port;

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void make_request(const char *model, const char *path)
{
    char body[1024];
    int n = snprintf(body, sizeof body,
                     "{\"model\":\"%.40s\",%s\"messages\":[{\"role\":"
                     "\"system\",\"content\":\"You are a terse assistant.\"},"
                     "{\"role\":\"user\",\"content\":\"Count for as long as "
                     "you can.\"}]}",
                     model, tokens ? "\"stream\":true," : "");

    request_len = (size_t)snprintf(request, sizeof request,
                                   "POST %.1000s HTTP/1.1\r\n"
                                   "Host: 127.0.0.1:%d\r\n"
                                   "Content-Type: application/json\r\n"
                                   "Content-Length: %d\r\n\r\n%s",
                                   path, port, n, body);
}

static void stop(call *s)
{
    close(s->fd);
    s->fd = -1;
    ended++;
}

static void fail(call *s, const char *why)
{
    if (++broken <= 3)
        fprintf(stderr, "calls: %s after %d tokens: %.200s\n", why,
                s->token, s->line);
    stop(s);
}

static void ask(call *s)
{
    s->state = HEAD;
    s->left = 0;
    s->token = s->finished = s->done = 0;
    s->frame_len = s->line_len = 0;
    s->sent = now_ns();
    /* That a peer is gone shows when it is read from. */
    (void)!send(s->fd, request, request_len, MSG_NOSIGNAL);
}

static void take_time(const call *s)
{
    if (s->calls > 0 || each == 1)
        times[timed++] = (uint32_t)((now_ns() - s->sent) / 1000);
}

static void end_call(call *s)
{
    if (!tokens)
        take_time(s);
    else if (s->token != tokens || !s->finished || !s->done) {
        fail(s, "ended early");
        return;
    }
    whole++;
    s->again = 0;
    if (++s->calls == each)
        stop(s);
    else
        ask(s);
}

static int token(call *s)
{
    char want[40];

    snprintf(want, sizeof want, "\"content\":\" %d\"", s->token);
    if (!strstr(s->line, want))
        return 0;
    if (s->token++ == 0)
        take_time(s);
    return 1;
}

/* A line of the event stream; 0 if it should not be there. */
static int event_line(call *s)
{
    if (!s->line_len || s->line[0] == ':')      /* a comment: alive */
        return 1;
    if (s->done)
        return 0;
    if (!strcmp(s->line, "data: [DONE]"))
        return s->done = 1;
    if (strstr(s->line, "\"role\":") && strstr(s->line, "\"content\":\"\""))
        return s->token == 0;
    if (strstr(s->line, "\"content\":"))
        return token(s);
    if (strstr(s->line, "\"finish_reason\":\"stop\""))
        return s->finished = 1;
    return 0;
}

/* A line of the head; 0 if it should not be there. */
static int head_line(call *s)
{
    if (!strncasecmp(s->frame, "content-length:", 15))
        s->left = strtoul(s->frame + 15, NULL, 10);
    if (!s->frame_len)
        s->state = s->left ? BODY : SIZE;
    return strncmp(s->frame, "HTTP/", 5) ||
           !strncmp(s->frame, "HTTP/1.1 200", 12);
}

/* A line between chunks, the same. */
static int frame_line(call *s)
{
    char *end;

    if (s->state == SIZE) {
        s->left = strtoul(s->frame, &end, 16);
        s->state = s->left ? DATA : LAST;
        return end != s->frame;
    }
    if (s->frame_len)
        return 0;
    if (s->state == AFTER)
        s->state = SIZE;
    else if (tokens || strstr(s->line, "\"usage\":"))
        end_call(s);
    else
        return 0;
    return 1;
}

/* A byte of the answer itself. Event lines run on from chunk to chunk; JSON
 * is one line that has no end. */
static int body_byte(call *s, char c)
{
    int good = 1;

    s->left--;
    if (c != '\n') {
        if (c != '\r' && s->line_len < LINE - 1)
            s->line[s->line_len++] = c;
        s->line[s->line_len] = '\0';
    }
    else if (tokens) {
        good = event_line(s);
        s->line_len = 0;
    }
    if (s->left == 0 && s->state == DATA)
        s->state = AFTER;
    else if (s->left == 0 && !strstr(s->line, "\"usage\":"))
        return 0;
    else if (s->left == 0)
        end_call(s);
    return good;
}

static int take(call *s, char c)
{
    int good;

    if (s->state == DATA || s->state == BODY)
        return body_byte(s, c);
    if (c != '\n') {
        if (c != '\r' && s->frame_len < LINE - 1)
            s->frame[s->frame_len++] = c;
        return 1;
    }
    s->frame[s->frame_len] = '\0';
    good = s->state == HEAD ? head_line(s) : frame_line(s);
    s->frame_len = 0;
    return good;
}

static void meet(call *s)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port) };
    struct epoll_event on = { .events = EPOLLOUT, .data.ptr = s };
    int one = 1;

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (s->fd < 0 ||
        (connect(s->fd, (struct sockaddr *)&at, sizeof at) &&
         errno != EINPROGRESS)) {
        perror("calls: connect");
        exit(1);
    }
    s->state = MEETING;
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    epoll_ctl(poller, EPOLL_CTL_ADD, s->fd, &on);
}

/* A server with a full backlog lets one wait, for minutes. */
static void met(call *s)
{
    struct epoll_event on = { .events = EPOLLIN, .data.ptr = s };
    int trouble = 0;
    socklen_t n = sizeof trouble;

    getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &trouble, &n);
    if (trouble) {
        fail(s, strerror(trouble));
        return;
    }
    epoll_ctl(poller, EPOLL_CTL_MOD, s->fd, &on);
    ask(s);
}

/* A server may close a connection that is between two calls; every client
 * then opens another one. */
static void closed(call *s)
{
    if (s->calls == 0 || s->state != HEAD || s->frame_len || s->again) {
        fail(s, "closed");
        return;
    }
    close(s->fd);
    meet(s);
    s->again = 1;
}

static void hear(call *s)
{
    char in[16384];
    ssize_t i, got;

    if (s->state == MEETING) {
        met(s);
        return;
    }
    got = read(s->fd, in, sizeof in);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN)
            closed(s);
        return;
    }
    for (i = 0; i < got && s->fd >= 0; i++)
        if (!take(s, in[i])) {
            fail(s, "unexpected");
            return;
        }
}

static int by_size(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static uint32_t part(double p)
{
    return timed ? times[(int)(p * (timed - 1) + 0.5)] : 0;
}

static void run(call *calls, int count)
{
    struct epoll_event events[256];
    const int64_t begin = now_ns();
    int64_t now;
    int i, n, begun = 0;

    while (ended < count) {
        now = now_ns();
        if (now - begin > spread + patience)
            break;
        while (begun < count && now - begin >= spread / count * begun)
            meet(&calls[begun++]);
        n = epoll_wait(poller, events, 256, begun < count ? 1 : 1000);
        for (i = 0; i < n; i++)
            hear(events[i].data.ptr);
    }
}

static long number(const char *text, long least, long most)
{
    char *end;
    long n = strtol(text, &end, 10);

    if (*end || n < least || n > most) {
        fprintf(stderr, "calls: %s?\n", text);
        exit(2);
    }
    return n;
}

int main(int argc, char **argv)
{
    call *calls;
    int count;

    if (argc != 9)
        return 2;
    tokens = (int)number(argv[2], 0, 1000000);
    port = (int)number(argv[3], 1, 65535);
    count = (int)number(argv[5], 1, 50000);
    each = (int)number(argv[6], 1, 1000);
    spread = number(argv[7], 0, 600000) * 1000000LL;
    patience = number(argv[8], 1, 600) * 1000000000LL;
    make_request(argv[1], argv[4]);
    calls = calloc((size_t)count, sizeof *calls);
    times = calloc((size_t)count * (size_t)each, sizeof *times);
    poller = epoll_create1(0);
    if (!calls || !times || poller < 0)
        return 1;
    run(calls, count);
    qsort(times, (size_t)timed, sizeof *times, by_size);
    printf("%d %d %u %u %u %d\n", whole, count * each - whole, part(0.5),
           part(0.99), part(1), count - ended);
    return 0;
}
