#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLICE_MS 20
#define NOT_STARTED 127         /* how posix_spawn's child may say it, too */

extern char **environ;

/* No signal ignored or blocked, whatever we inherited. */
static void clean_signals(posix_spawnattr_t *attr)
{
    sigset_t none, all;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setflags(attr, POSIX_SPAWN_SETPGROUP
                                   | POSIX_SPAWN_SETSIGMASK
                                   | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(attr, 0);
    posix_spawnattr_setsigmask(attr, &none);
    posix_spawnattr_setsigdefault(attr, &all);
}

static llm_fault start(char *const argv[], int out, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    int failed;

    posix_spawnattr_init(&attr);
    clean_signals(&attr);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out, 1);
    failed = posix_spawn(pid, argv[0], &files, &attr, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    return failed ? LLM_UNREACHABLE : LLM_OK;
}

/* A descriptor that becomes readable when the time is over. */
static int start_timer(int ms)
{
    const struct itimerspec once = {
        .it_value = { ms / 1000, ms % 1000 * 1000000L }
    };
    const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

    if (fd >= 0 && timerfd_settime(fd, 0, &once, NULL) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* One read; 0 at the end. What finds no room is read all the same, so that
 * a program that says more is not stopped by a full or a broken pipe. */
static ssize_t read_some(int fd, char *out, size_t room, size_t *len)
{
    char rest[512];
    const size_t left = room - *len;
    ssize_t n;

    do {
        n = read(fd, left ? out + *len : rest, left ? left : sizeof rest);
    } while (n < 0 && errno == EINTR);
    if (n > 0 && left)
        *len += (size_t)n;
    return n;
}

static llm_fault listen_to(int fd, int timer, char *out, size_t room,
                           size_t *len)
{
    struct pollfd fds[2] = { { fd, POLLIN, 0 }, { timer, POLLIN, 0 } };
    ssize_t n = 1;

    while (n > 0) {
        if (poll(fds, 2, -1) < 0) {
            if (errno == EINTR)
                continue;
            return LLM_INTERNAL;
        }
        if (fds[1].revents)
            return LLM_SLOW;
        if (fds[0].revents)
            n = read_some(fd, out, room, len);
    }
    return n < 0 ? LLM_INTERNAL : LLM_OK;
}

/* A program may close its output long before it ends. */
static llm_fault await(pid_t pid, int timer, int *status)
{
    struct pollfd over = { timer, POLLIN, 0 };
    pid_t got;

    for (;;) {
        got = waitpid(pid, status, WNOHANG);
        if (got == pid)
            return LLM_OK;
        if (got < 0 && errno != EINTR)
            return LLM_INTERNAL;
        if (poll(&over, 1, SLICE_MS) > 0)
            return LLM_SLOW;
    }
}

static void put_down(pid_t pid)
{
    int status;

    kill(-pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
}

llm_fault llm_program_ask(char *const argv[], int most_ms, char *out,
                          size_t room, size_t *len, int *status)
{
    llm_fault fault = LLM_INTERNAL;
    int ends[2] = { -1, -1 };
    const int timer = start_timer(most_ms);
    pid_t pid;

    *len = 0;
    if (timer < 0 || pipe2(ends, O_CLOEXEC) < 0)
        goto leave;
    fault = start(argv, ends[1], &pid);
    if (fault)
        goto leave;
    close(ends[1]);
    ends[1] = -1;
    fault = listen_to(ends[0], timer, out, room, len);
    if (!fault)
        fault = await(pid, timer, status);
    if (fault)
        put_down(pid);
    else if (WIFEXITED(*status) && WEXITSTATUS(*status) == NOT_STARTED)
        fault = LLM_UNREACHABLE;

leave:
    if (ends[0] >= 0)
        close(ends[0]);
    if (ends[1] >= 0)
        close(ends[1]);
    if (timer >= 0)
        close(timer);
    return fault;
}
