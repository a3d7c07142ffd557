#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_strings.h>
#include <sodium.h>

#include "program.h"

#define SECRET_MOST 4096
#define PROGRAM_SECONDS 10

struct llm_secret {
    char *bytes;                /* sodium_malloc'ed, read only, no NUL */
    size_t len;
};

/* The head of a source: enough for a key and the white space around it. It
 * lives on a stack and is wiped there. */
typedef struct head {
    char bytes[SECRET_MOST + 512];
    size_t len;
} head;

/* --- one secret --------------------------------------------------------- */

static apr_status_t wipe(void *data)
{
    llm_secret *secret = data;

    sodium_free(secret->bytes);
    secret->bytes = NULL;
    secret->len = 0;
    return APR_SUCCESS;
}

static int is_printable(const char *bytes, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (bytes[i] < ' ' || bytes[i] > '~')
            return 0;
    }
    return 1;
}

llm_secret *llm_secret_make(const char *bytes, size_t n, apr_pool_t *p)
{
    llm_secret *secret;

    if (n < 1 || n > SECRET_MOST || !is_printable(bytes, n))
        return NULL;
    if (sodium_init() < 0)
        return NULL;
    secret = apr_palloc(p, sizeof *secret);
    secret->bytes = sodium_malloc(n);
    if (!secret->bytes)
        return NULL;
    secret->len = n;
    memcpy(secret->bytes, bytes, n);
    sodium_mprotect_readonly(secret->bytes);
    apr_pool_cleanup_register(p, secret, wipe, apr_pool_cleanup_null);
    return secret;
}

llm_secret *llm_secret_part(const llm_secret *secret, int part,
                            apr_pool_t *p)
{
    const char *at = secret->bytes, *end = at + secret->len, *colon;
    int i;

    for (i = 0; i < part; i++) {
        colon = memchr(at, ':', (size_t)(end - at));
        if (!colon)
            return NULL;
        at = colon + 1;
    }
    colon = part < 2 ? memchr(at, ':', (size_t)(end - at)) : NULL;
    return llm_secret_make(at, (size_t)((colon ? colon : end) - at), p);
}

const char *llm_secret_reveal(const llm_secret *secret, size_t *n)
{
    *n = secret->len;
    return secret->bytes;
}

int llm_secret_equal(const llm_secret *a, const llm_secret *b)
{
    return a->len == b->len
           && sodium_memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* --- loading ------------------------------------------------------------ */

/* The first line of `in` as a secret; `from` names the source in *why. */
static llm_secret *first_line(const head *in, const char *from,
                              const char **why, apr_pool_t *p)
{
    const char *at = in->bytes;
    const char *end = memchr(at, '\n', in->len);
    llm_secret *secret = NULL;

    if (!end)
        end = at + in->len;
    while (at < end && llm_text_is_white(*at))
        at++;
    while (at < end && llm_text_is_white(end[-1]))
        end--;
    if (at == end)
        *why = apr_psprintf(p, "The first line of %s is empty", from);
    else if (end - at > SECRET_MOST)
        *why = apr_psprintf(p, "The first line of %s is longer than %d bytes",
                            from, SECRET_MOST);
    else if (!is_printable(at, (size_t)(end - at)))
        *why = apr_psprintf(p, "The first line of %s holds bytes that no key "
                            "has: only printable ASCII may be in it", from);
    else {
        secret = llm_secret_make(at, (size_t)(end - at), p);
        if (!secret)
            *why = apr_psprintf(p, "There is no memory for the key from %s",
                                from);
    }
    return secret;
}

/* 1 if all of the file, or as much as fits, was read. */
static int read_head(int fd, head *in)
{
    ssize_t n = 1;

    in->len = 0;
    while (n != 0 && in->len < sizeof in->bytes) {
        n = read(fd, in->bytes + in->len, sizeof in->bytes - in->len);
        if (n > 0)
            in->len += (size_t)n;
        else if (n < 0 && errno != EINTR)
            return 0;
    }
    return 1;
}

static llm_secret *from_variable(const char *name, const char **why,
                                 apr_pool_t *p)
{
    const char *from = apr_psprintf(p, "the variable %s", name);
    const char *value = getenv(name);
    llm_secret *secret;
    head in;

    if (!value) {
        *why = apr_psprintf(p, "The variable %s is not in the environment "
                            "that the server was started with", name);
        return NULL;
    }
    in.len = strnlen(value, sizeof in.bytes);
    memcpy(in.bytes, value, in.len);
    secret = first_line(&in, from, why, p);
    sodium_memzero(&in, sizeof in);
    return secret;
}

/* What is wrong with the open file, or NULL. */
static const char *complaint(int fd)
{
    struct stat st;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return "is not a regular file";
    if (st.st_mode & (S_IROTH | S_IWOTH))
        return "is open to everyone; make it chmod o-rw";
    return NULL;
}

static llm_secret *from_open_file(int fd, const char *path, const char **why,
                                  apr_pool_t *p)
{
    const char *trouble = complaint(fd);
    llm_secret *secret = NULL;
    head in;

    if (trouble) {
        *why = apr_psprintf(p, "The file %s %s", path, trouble);
        return NULL;
    }
    if (read_head(fd, &in))
        secret = first_line(&in, apr_psprintf(p, "the file %s", path), why,
                            p);
    else
        *why = apr_psprintf(p, "The file %s cannot be read", path);
    sodium_memzero(&in, sizeof in);
    return secret;
}

static llm_secret *from_file(const char *path, const char **why,
                             apr_pool_t *p)
{
    llm_secret *secret;
    int fd;

    if (*path != '/') {
        *why = apr_psprintf(p, "The file %s must be named by its whole path",
                            path);
        return NULL;
    }
    /* Not to hang in open() should it be a pipe without a writer. */
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        *why = apr_psprintf(p, "The file %s cannot be opened: %s", path,
                            errno == ENOENT ? "there is none"
                            : errno == EACCES ? "permission denied"
                                              : "it is no readable file");
        return NULL;
    }
    secret = from_open_file(fd, path, why, p);
    close(fd);
    return secret;
}

/* --- a program ---------------------------------------------------------- */

/* Only the program is named in *why: its arguments may be secret, too. */
static llm_secret *from_words(char **argv, const char **why, apr_pool_t *p)
{
    llm_secret *secret = NULL;
    int status = 0;
    head in;
    const llm_fault fault = llm_program_ask(argv, PROGRAM_SECONDS * 1000,
                                            in.bytes, sizeof in.bytes,
                                            &in.len, &status);

    if (fault == LLM_SLOW)
        *why = apr_psprintf(p, "The program %s did not end within %d seconds",
                            argv[0], PROGRAM_SECONDS);
    else if (fault)
        *why = apr_psprintf(p, "The program %s cannot be run", argv[0]);
    else if (!WIFEXITED(status))
        *why = apr_psprintf(p, "The program %s was ended by signal %d",
                            argv[0], WTERMSIG(status));
    else if (WEXITSTATUS(status))
        *why = apr_psprintf(p, "The program %s ended with status %d", argv[0],
                            WEXITSTATUS(status));
    else
        secret = first_line(&in, apr_psprintf(p, "what %s says", argv[0]),
                            why, p);
    sodium_memzero(&in, sizeof in);
    return secret;
}

static llm_secret *from_program(const char *command, const char **why,
                                apr_pool_t *p)
{
    llm_secret *secret = NULL;
    apr_pool_t *scratch;
    char **argv;

    if (*command != '/') {
        *why = "The program of exec: must be named by its whole path";
        return NULL;
    }
    if (apr_pool_create(&scratch, p) != APR_SUCCESS
        || apr_tokenize_to_argv(command, &argv, scratch) != APR_SUCCESS) {
        *why = "The command of exec: is not understood";
        return NULL;
    }
    secret = from_words(argv, why, p);
    apr_pool_destroy(scratch);
    return secret;
}

llm_secret *llm_secret_load(const char *source, const char **why,
                            apr_pool_t *p)
{
    *why = NULL;
    if (strncmp(source, "env:", 4) == 0)
        return from_variable(source + 4, why, p);
    if (strncmp(source, "file:", 5) == 0)
        return from_file(source + 5, why, p);
    if (strncmp(source, "exec:", 5) == 0)
        return from_program(source + 5, why, p);
    /* The word itself may be the key: it is not repeated. */
    *why = "A key is named as env:NAME, file:/path or exec:/path, and never "
           "written here itself";
    return NULL;
}

/* --- taking keys out of text -------------------------------------------- */

static int is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
           || (c >= 'A' && c <= 'Z');
}

static int is_secret(const llm_secret *secret, const char *text, size_t n)
{
    return secret && secret->len <= n
           && memcmp(text, secret->bytes, secret->len) == 0;
}

/* The length of what could be a key; '*' is how providers mask theirs. The
 * secret is passed over whole, whatever bytes it has, lest its tail stays. */
static size_t token(const llm_secret *secret, const char *text, size_t n)
{
    size_t i = 0;

    while (i < n) {
        if (is_secret(secret, text + i, n - i))
            i += secret->len;
        else if (text[i] && (is_word(text[i])
                             || strchr("-_.~+/=*:|%", text[i])))
            i++;
        else
            break;
    }
    return i;
}

/* Something that may stand before a key or begin it. */
typedef struct mark {
    const char *text;
    int own_word;               /* only where a word begins */
    int kept;                   /* it stays, what follows it goes */
    size_t least;               /* shorter than this is no key */
} mark;

static const mark marks[] = {
    { "sk-", 1, 0, 3 },         /* three: "sk-SK" is a language */
    { "AIza", 1, 0, 3 },
    { "Bearer ", 1, 1, 1 },
    { "key=", 0, 1, 1 },
};

/* How much of `text`, which stands at the head of `n` bytes, `m` keeps and
 * takes; 1 if it takes anything. */
static int takes(const mark *m, const llm_secret *secret, const char *text,
                 size_t n, size_t *keep, size_t *take)
{
    size_t at = strlen(m->text);

    if (n < at || strncasecmp(text, m->text, at) != 0)
        return 0;
    if (m->kept) {
        while (at < n && (text[at] == ' ' || text[at] == '\t'
                          || text[at] == '"' || text[at] == '\''))
            at++;
    }
    *take = token(secret, text + at, n - at);
    if (*take < m->least)
        return 0;
    *keep = m->kept ? at : 0;
    *take += m->kept ? 0 : at;
    return 1;
}

static int is_key_at(const llm_secret *secret, const char *text, size_t n,
                     size_t at, size_t *keep, size_t *take)
{
    const int starts = at == 0 || !is_word(text[at - 1]);
    size_t i;

    *keep = 0;
    if (is_secret(secret, text + at, n - at)) {
        *take = secret->len;
        return 1;
    }
    for (i = 0; i < sizeof marks / sizeof *marks; i++) {
        if ((starts || !marks[i].own_word)
            && takes(&marks[i], secret, text + at, n - at, keep, take))
            return 1;
    }
    return 0;
}

static size_t put(char *out, size_t at, const char *bytes, size_t n)
{
    if (out)
        memcpy(out + at, bytes, n);
    return at + n;
}

/* Writes to `out` unless it is NULL; the length either way. */
static size_t redact(const llm_secret *secret, const char *text, size_t n,
                     char *out)
{
    size_t at = 0, len = 0, keep, take;

    while (at < n) {
        if (!is_key_at(secret, text, n, at, &keep, &take)) {
            len = put(out, len, text + at++, 1);
            continue;
        }
        len = put(out, len, text + at, keep);
        len = put(out, len, "[key]", 5);
        at += keep + take;
    }
    return len;
}

char *llm_secret_redact(const llm_secret *secret, const char *text, size_t n,
                        apr_pool_t *p)
{
    const size_t len = redact(secret, text, n, NULL);
    char *out = apr_palloc(p, len + 1);

    redact(secret, text, n, out);
    out[len] = '\0';
    return out;
}
