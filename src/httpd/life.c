#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "life.h"

#define STATE 3                 /* field of /proc/PID/stat, from 1; proc(5) */
#define BIRTH 22

typedef struct stat_line {
    char text[1024];            /* the fields that matter end long before */
    const char *after;          /* behind the name; field 3 begins here */
} stat_line;

/* The second field is a name in parentheses that may hold anything, also
 * spaces and parentheses: the last one ends it. */
static int read_stat(stat_line *line, uint32_t pid)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/%u/stat", pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;

    const ssize_t n = read(fd, line->text, sizeof line->text - 1);
    close(fd);
    if (n <= 0)
        return 0;
    line->text[n] = '\0';
    const char *end = strrchr(line->text, ')');
    line->after = end && end[1] == ' ' ? end + 2 : NULL;
    return line->after != NULL;
}

static uint64_t birth_in(const stat_line *line)
{
    const char *at = line->after;
    for (int field = STATE; field < BIRTH && at; field++) {
        at = strchr(at, ' ');
        at = at ? at + 1 : NULL;
    }
    uint64_t birth = 0;
    while (at && *at >= '0' && *at <= '9')
        birth = birth * 10 + (uint64_t)(*at++ - '0');
    return birth;
}

uint64_t llm_life_birth(uint32_t pid)
{
    stat_line line;
    return read_stat(&line, pid) ? birth_in(&line) : 0;
}

/* When nothing can be read it may be hidden from us: believe the kernel that
 * it is there. */
int llm_life_is_on(uint32_t pid, uint64_t birth)
{
    stat_line line;

    if (kill((pid_t)pid, 0) != 0 && errno == ESRCH)
        return 0;
    if (!read_stat(&line, pid))
        return 1;
    if (*line.after == 'Z' || *line.after == 'X')
        return 0;
    const uint64_t found = birth_in(&line);
    return birth == 0 || found == 0 || found == birth;
}
