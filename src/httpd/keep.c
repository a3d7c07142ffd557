#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <httpd.h>
#include <http_config.h>
#include <http_log.h>
#include <ap_mpm.h>
#include <apr_strings.h>
#include <scoreboard.h>
#include "../meter/save.h"
#include "config.h"
#include "keep.h"
#include "watch.h"

APLOG_USE_MODULE(llm);

#define EVERY apr_time_from_sec(10)
#define PATIENCE apr_time_from_sec(5)   /* httpd kills what ends in ten */
#define NAP 5000                        /* microseconds between two tries */
#define MOST ((size_t)2 << 30)          /* bytes; LLMMeterSize is at most 1G */

/* Of this child; written before there are threads, but for the marks. */
static struct {
    const llm_meter *const *meters;     /* NULL: nothing is kept */
    const server_rec *s;
    const char *dir, *file, *next, *bad, *lock;
    _Atomic int complained;             /* until it works again */
    _Atomic int superseded;
} kept;

/* --- saying ------------------------------------------------------------- */

/* Once, until it works again: it is tried for ever. What fails is errno's. */
static void complain(const char *what, const char *path)
{
    const int error = errno;

    if (atomic_exchange(&kept.complained, 1))
        return;
    ap_log_error(APLOG_MARK, APLOG_ERR, APR_FROM_OS_ERROR(error), kept.s,
                 "LLM0121: cannot %s %s: what is counted is kept in memory "
                 "only, until that works", what, path);
}

static void say_loaded(const llm_save *save)
{
    ap_log_error(APLOG_MARK, APLOG_INFO, 0, kept.s, "LLM0122: %s is loaded: "
                 "%u rows", kept.file, save->count);
}

static void say_bad(const char *why)
{
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, kept.s, "LLM0123: %s %s; "
                 "counting begins anew, and it is kept as %s", kept.file, why,
                 kept.bad);
}

static int is_of_this_generation(void)
{
    int mine = 0;

    if (ap_scoreboard_image == NULL
        || ap_mpm_query(AP_MPMQ_GENERATION, &mine) != APR_SUCCESS)
        return 1;
    return ap_scoreboard_image->global->running_generation == mine;
}

/* For a child of an older generation that is how it should be. */
static void say_superseded(void)
{
    if (!is_of_this_generation() || atomic_exchange(&kept.superseded, 1))
        return;
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, kept.s, "LLM0124: %s is now "
                 "written by another httpd, so this one saves no more; each "
                 "needs an LLMStateDir of its own", kept.file);
}

/* --- the lock ----------------------------------------------------------- */

/* Its descriptor, or -1: another one has it, or it cannot be had at all, and
 * then the log says why. It ends with the process, however that ends. */
static int take_lock(apr_interval_time_t patience)
{
    const apr_time_t until = apr_time_now() + patience;
    const int fd = open(kept.lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                        S_IRUSR | S_IWUSR);

    if (fd < 0) {
        complain("open", kept.lock);
        return -1;
    }
    while (flock(fd, LOCK_EX | LOCK_NB)) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            complain("lock", kept.lock);
            close(fd);
            return -1;
        }
        if (apr_time_now() >= until) {
            close(fd);
            return -1;
        }
        apr_sleep(NAP);
    }
    return fd;
}

/* --- memory ------------------------------------------------------------- */

/* prefork ends its children in a signal handler, which may have come while
 * malloc held its lock: here nobody asks malloc for anything. Pages that are
 * not written to cost nothing. 0, or -1 with errno. */
static int borrow(llm_buf *buf, size_t n)
{
    void *pages = mmap(NULL, n + 1, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (pages == MAP_FAILED)
        return -1;
    *buf = (llm_buf) { .data = pages, .room = n + 1, .ceiling = n };
    return 0;
}

static void give_back(llm_buf *buf)
{
    if (buf->data)
        munmap(buf->data, buf->room);
}

/* --- reading ------------------------------------------------------------ */

static int read_all(int fd, llm_buf *to, size_t n)
{
    if (borrow(to, n))
        return -1;
    while (to->len < n) {
        const ssize_t got = read(fd, to->data + to->len, n - to->len);
        if (got == 0)
            return 0;
        if (got < 0 && errno != EINTR)
            return -1;
        to->len += got > 0 ? (size_t)got : 0;
    }
    return 0;
}

/* The file's first bytes, `most` or all there are; none if there is none.
 * 0, or -1 with errno. The lock is held. */
static int read_file(llm_buf *to, size_t most)
{
    const int fd = open(kept.file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW
                        | O_NONBLOCK);
    struct stat is;

    if (fd < 0)
        return errno == ENOENT ? 0 : -1;
    int rc = fstat(fd, &is);
    if (rc == 0 && (!S_ISREG(is.st_mode) || (size_t)is.st_size > MOST)) {
        errno = S_ISREG(is.st_mode) ? EFBIG : EINVAL;
        rc = -1;
    }
    if (rc == 0)
        rc = read_all(fd, to, (size_t)is.st_size < most ? (size_t)is.st_size
                                                        : most);
    const int error = errno;
    close(fd);
    errno = error;
    return rc;
}

/* --- writing ------------------------------------------------------------ */

static int write_all(int fd, const llm_buf *from)
{
    size_t at = 0;

    while (at < from->len) {
        const ssize_t n = write(fd, from->data + at, from->len - at);
        if (n < 0 && errno != EINTR)
            return -1;
        at += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int write_next(const llm_buf *from)
{
    const int fd = open(kept.next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC
                        | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (fd < 0)
        return -1;

    int rc = write_all(fd, from);
    if (rc == 0)
        rc = fsync(fd);
    const int error = errno;
    if (close(fd) && rc == 0)
        return -1;
    errno = error;
    return rc;
}

/* The new name, too, must be on disk. */
static int sync_dir(void)
{
    const int fd = open(kept.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;

    const int rc = fsync(fd);
    const int error = errno;
    close(fd);
    errno = error;
    return rc;
}

/* The lock is held: nobody else has a file of this name. */
static int replace(const llm_buf *with)
{
    if (write_next(with) == 0 && rename(kept.next, kept.file) == 0
        && sync_dir() == 0)
        return 0;
    const int error = errno;
    unlink(kept.next);
    errno = error;
    return -1;
}

/* All that was counted; not if that is what was written last, and the file
 * is there (`known`). The lock is held. */
static void write_counts(int known)
{
    const llm_meter *meter = kept.meters[0];
    llm_buf bytes = { 0 };

    if (borrow(&bytes, llm_save_most(meter))
        || llm_save_write(&bytes, meter)) {
        complain("write", kept.file);
    }
    else if (!known || llm_save_mark(&bytes) != llm_save_noted(meter)) {
        if (replace(&bytes)) {
            complain("write", kept.next);
        }
        else {
            llm_save_note(meter, llm_save_mark(&bytes));
            atomic_store(&kept.complained, 0);
        }
    }
    give_back(&bytes);
}

/* --- loading ------------------------------------------------------------ */

/* 0 when it must be tried again. */
static int take_in(const llm_buf *bytes)
{
    const llm_meter *meter = kept.meters[0];
    llm_save save;

    if (bytes->len == 0 && access(kept.file, F_OK) != 0)
        return 1;
    const char *why = llm_save_open(&save, bytes->data, bytes->len);
    if (why && rename(kept.file, kept.bad)) {
        complain("rename", kept.file);
        return 0;
    }
    if (why) {
        say_bad(why);
    }
    else if (!llm_save_is_loaded(meter)) {
        llm_save_load(&save, meter);
        say_loaded(&save);
    }
    return 1;
}

static uint64_t epoch_after(uint64_t before)
{
    const uint64_t now = (uint64_t)apr_time_now();
    return now > before ? now : before + 1;
}

/* Fresh memory: what is in the file and in memory left behind comes into it,
 * and the file becomes its. The lock is held. Who dies anywhere in here
 * leaves it to the next one: the epoch is set when nothing is left to load. */
static void begin(void)
{
    const llm_meter *meter = kept.meters[0];
    llm_buf bytes = { 0 };

    for (unsigned i = 1; kept.meters[i]; i++)
        llm_save_take_over(meter, kept.meters[i]);
    if (read_file(&bytes, MOST)) {
        complain("read", kept.file);
    }
    else if (take_in(&bytes)) {
        llm_save_set_loaded(meter);
        for (unsigned i = 1; kept.meters[i]; i++)
            llm_meter_drain(meter, kept.meters[i]);
        llm_save_set_epoch(meter, epoch_after(
            llm_save_epoch_in(bytes.data, bytes.len)));
        write_counts(0);
    }
    give_back(&bytes);
}

/* --- saving ------------------------------------------------------------- */

/* The lock is held. */
static void go_on(void)
{
    const uint64_t mine = llm_save_epoch(kept.meters[0]);
    llm_buf head = { 0 };

    const int rc = read_file(&head, LLM_SAVE_HEAD);
    const uint64_t found = llm_save_epoch_in(head.data, head.len);
    give_back(&head);
    if (rc)
        complain("read", kept.file);
    else if (found > mine)
        say_superseded();
    else
        write_counts(found == mine);
}

/* No signal may end this thread in the middle (prefork ends its children in
 * the handler): it would come here again, and wait for itself. */
static void save(apr_interval_time_t patience)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int lock = take_lock(patience);
    if (lock >= 0) {
        if (llm_save_epoch(kept.meters[0]) == 0)
            begin();
        else
            go_on();
        close(lock);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* --- when --------------------------------------------------------------- */

/* mod_watchdog's thread, in one child at a time. */
static apr_status_t tick(int state, void *data, apr_pool_t *pool)
{
    (void)data, (void)pool;
    if (state == AP_WATCHDOG_STATE_RUNNING && kept.meters)
        save(0);
    return APR_SUCCESS;
}

static apr_status_t end(void *data)
{
    (void)data;
    save(PATIENCE);
    return APR_SUCCESS;
}

void llm_keep_parent_init(apr_pool_t *pconf, server_rec *main)
{
    const apr_status_t rv = llm_watch_add("_llm_", EVERY, tick, pconf);

    if (rv != APR_SUCCESS)
        ap_log_error(APLOG_MARK, APLOG_NOTICE, rv == APR_ENOTIMPL ? 0 : rv,
                     main, "LLM0125: without mod_watchdog the counts are "
                     "saved only when a child ends");
}

void llm_keep_child_init(apr_pool_t *pchild, server_rec *s,
                         const llm_meter *const *meters)
{
    const char *dir = llm_config_server(s)->state_dir;

    if (dir == NULL)
        return;
    kept.s = s;
    kept.dir = dir;
    kept.file = apr_pstrcat(pchild, dir, "/meter", NULL);
    kept.next = apr_pstrcat(pchild, kept.file, ".new", NULL);
    kept.bad = apr_pstrcat(pchild, kept.file, ".bad", NULL);
    kept.lock = apr_pstrcat(pchild, kept.file, ".lock", NULL);
    kept.meters = meters;
    apr_pool_cleanup_register(pchild, NULL, end, apr_pool_cleanup_null);
    if (llm_save_epoch(meters[0]) == 0)
        save(PATIENCE);
}
