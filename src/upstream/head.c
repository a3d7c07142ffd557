#include "head.h"
#include <string.h>
#include <strings.h>
#include <apr_date.h>

#define HEAD_CEILING (64 * 1024)
#define WAIT_CEILING 1000000000L        /* milliseconds; an int holds it */

/* The value of the field `name`, without space around it, or NULL. */
static const char *value_of(const char *name, const char *line, size_t n,
                            size_t *length)
{
    size_t k = strlen(name);

    if (n <= k || strncasecmp(line, name, k) || line[k] != ':')
        return NULL;
    line += k + 1;
    n -= k + 1;
    while (n && (*line == ' ' || *line == '\t'))
        line++, n--;
    while (n && strchr(" \t\r\n", line[n - 1]))
        n--;
    *length = n;
    return line;
}

static void copy(char *to, size_t room, const char *from, size_t n, int lower)
{
    size_t i;

    for (i = 0; i < n && i < room - 1; i++) {
        char c = from[i];

        to[i] = lower && c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
    }
    to[i] = '\0';
}

/* It goes into our log and our header: a token, whole, or nothing. */
static void copy_id(char *to, size_t room, const char *from, size_t n)
{
    copy(to, room, from, n < room ? n : 0, 0);
    if (!llm_text_is_name(to, room))
        to[0] = '\0';
}

/* "3", "1.5" (seconds) or an HTTP date; relative to the Date is not worth
 * the trouble: providers that send dates are rare and their clocks right. */
static long wait_of(const char *value, size_t n, apr_time_t now)
{
    char word[64];
    apr_time_t when;
    long seconds, tenths = 0;
    char *dot;

    copy(word, sizeof word, value, n, 0);
    if ((dot = strchr(word, '.'))) {
        tenths = dot[1] >= '0' && dot[1] <= '9' ? dot[1] - '0' : 0;
        *dot = '\0';
    }
    if (llm_text_number(word, 0, 1000000, &seconds))
        return seconds * 1000 + tenths * 100;
    when = apr_date_parse_http(word);
    if (when == APR_DATE_BAD)
        return -1;
    if (when - now > apr_time_from_msec(WAIT_CEILING))
        return WAIT_CEILING;
    return when > now ? (long)apr_time_as_msec(when - now) : 0;
}

static int status_of(const char *line, size_t n)
{
    const char *space = memchr(line, ' ', n);
    int status = 0, i;

    if (!space || (size_t)(space - line) + 4 > n)
        return 0;
    for (i = 1; i <= 3; i++) {
        if (space[i] < '0' || space[i] > '9')
            return 0;
        status = status * 10 + space[i] - '0';
    }
    return status;
}

static void read_field(llm_head *head, const char *line, size_t n)
{
    const char *value;
    size_t length;
    long ms;
    char word[32];

    if (value_of("content-length", line, n, &length)
        || value_of("transfer-encoding", line, n, &length))
        head->framed = 1;
    else if ((value = value_of("content-type", line, n, &length)))
        copy(head->type, sizeof head->type, value, length, 1);
    else if ((value = value_of("x-request-id", line, n, &length))
             || (value = value_of("request-id", line, n, &length)))
        copy_id(head->request_id, sizeof head->request_id, value, length);
    else if ((value = value_of("content-encoding", line, n, &length)))
        head->encoded = length && strncasecmp(value, "identity", length);
    else if ((value = value_of("retry-after-ms", line, n, &length))) {
        copy(word, sizeof word, value, length, 0);
        if (llm_text_number(word, 0, WAIT_CEILING, &ms))
            head->retry_after_ms = ms;
    }
    else if (head->retry_after_ms < 0
             && (value = value_of("retry-after", line, n, &length)))
        head->retry_after_ms = wait_of(value, length, apr_time_now());
}

int llm_head_line(llm_head *head, size_t *total, const char *line, size_t n)
{
    *total += n;
    if (*total > HEAD_CEILING)
        return 0;
    if (n > 5 && !memcmp(line, "HTTP/", 5)) {
        memset(head, 0, sizeof *head);
        head->retry_after_ms = -1;
        head->framed = line[5] >= '2';
        head->status = status_of(line, n);
        if (head->status < 200)
            head->status = 0;   /* an interim answer is none */
        return status_of(line, n) != 0;
    }
    read_field(head, line, n);
    return 1;
}
