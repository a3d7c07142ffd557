/* Keys: where they come from, how they end, and that nothing repeats them. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "../tap.h"
#include "../../src/base/program.h"
#include "../../src/base/secret.h"

static apr_pool_t *pool;
static const char *written[32];
static unsigned written_count;
static char folder[] = "/tmp/llm-secret-XXXXXX";

static int is_secret(const llm_secret *secret, const char *bytes)
{
    size_t n;
    const char *got;

    if (!secret)
        return 0;
    got = llm_secret_reveal(secret, &n);
    return n == strlen(bytes) && !memcmp(got, bytes, n);
}

static void loads(const char *source, const char *wanted)
{
    const char *why = "untouched";
    const llm_secret *secret = llm_secret_load(source, &why, pool);

    ok(is_secret(secret, wanted), "%s is loaded", source);
    if (!secret)
        printf("#   why: %s\n", why);
}

/* `names` is in the sentence, `secret` is not. */
static void refuses(const char *source, const char *names, const char *secret)
{
    const char *why = NULL;

    ok(!llm_secret_load(source, &why, pool), "%.60s is refused", source);
    ok(why && strstr(why, names), "and the sentence names '%s'", names);
    ok(why && !strstr(why, secret), "and not what was there: %s",
       why ? why : "none");
}

static const char *write_file(const char *name, const char *text, size_t n,
                              mode_t mode)
{
    const char *path = apr_pstrcat(pool, folder, "/", name, NULL);
    FILE *file = fopen(path, "w");

    if (!file || fwrite(text, 1, n, file) != n || fclose(file)
        || chmod(path, mode))
        ok(0, "cannot write %s", path);
    if (written_count < sizeof written / sizeof *written)
        written[written_count++] = path;
    return path;
}

static const char *source(const char *scheme, const char *path)
{
    return apr_pstrcat(pool, scheme, path, NULL);
}

static void make(void)
{
    char bytes[4097];
    llm_secret *a = llm_secret_make("one key", 7, pool);
    llm_secret *b = llm_secret_make("one key and more", 7, pool);
    llm_secret *c = llm_secret_make("one kez", 7, pool);
    llm_secret *d = llm_secret_make("one keys", 8, pool);

    memset(bytes, 'k', sizeof bytes);
    ok(is_secret(a, "one key"), "made from bytes");
    ok(llm_secret_equal(a, b) && llm_secret_equal(a, a), "equal");
    ok(!llm_secret_equal(a, c) && !llm_secret_equal(a, d), "not equal");
    ok(!llm_secret_make("", 0, pool), "nothing is no key");
    ok(!llm_secret_make("a\r\nb: c", 7, pool), "nor are two header lines");
    ok(!llm_secret_make("a\0b", 3, pool), "nor is a NUL in it");
    ok(!llm_secret_make("\xc3\xa9", 2, pool), "nor what is not ASCII");
    ok(llm_secret_make(bytes, 4096, pool) != NULL, "4096 bytes are");
    ok(!llm_secret_make(bytes, 4097, pool), "4097 are too many");
}

static void variables(void)
{
    setenv("LLM_T_KEY", "  sk-canary-1 \t\n", 1);
    loads("env:LLM_T_KEY", "sk-canary-1");
    setenv("LLM_T_KEY", "first\nsecond", 1);
    loads("env:LLM_T_KEY", "first");
    setenv("LLM_T_KEY", " ", 1);
    refuses("env:LLM_T_KEY", "LLM_T_KEY is empty", "\n");
    setenv("LLM_T_KEY", "can\x01" "ary", 1);
    refuses("env:LLM_T_KEY", "LLM_T_KEY", "can");
    unsetenv("LLM_T_KEY");
    refuses("env:LLM_T_KEY", "LLM_T_KEY is not", "\n");
    refuses("sk-canary-2", "env:NAME", "canary");
    refuses("", "env:NAME", "\n");
}

static void files(void)
{
    static const char crlf[] = "\t sk-canary-3 with blank \r\nrest\n";
    char many[10000];
    const char *path = write_file("good", crlf, strlen(crlf), 0600);

    loads(source("file:", path), "sk-canary-3 with blank");
    path = write_file("bare", "sk-canary-4", 11, 0640);
    loads(source("file:", path), "sk-canary-4");
    path = write_file("open", "sk-canary-5", 11, 0604);
    refuses(source("file:", path), path, "canary");
    path = write_file("writable", "sk-canary-5", 11, 0602);
    refuses(source("file:", path), "open to everyone", "canary");
    path = write_file("empty", "", 0, 0600);
    refuses(source("file:", path), "empty", "canary");
    path = write_file("late", "\nsk-canary-6\n", 13, 0600);
    refuses(source("file:", path), "empty", "canary");
    memset(many, 'c', sizeof many);
    path = write_file("long", many, sizeof many, 0600);
    refuses(source("file:", path), "longer than 4096", "ccc");
    path = write_file("most", many, 4096, 0600);
    many[4096] = '\0';
    loads(source("file:", path), many);
    refuses(source("file:", folder), "not a regular file", "canary");
    refuses(source("file:", "good"), "whole path", "canary");
    refuses(source("file:", apr_pstrcat(pool, folder, "/none", NULL)),
            "there is none", "canary");
}

static void programs(void)
{
    static const char good[] = "#!/bin/sh\necho \" $1-$2 \"\necho more\n";
    static const char bad[] = "#!/bin/sh\necho canary\nexit 3\n";
    static const char killed[] = "#!/bin/sh\necho canary\nkill -TERM $$\n";
    static const char much[] = "#!/bin/sh\necho key\n"
        "i=0; while [ $i -lt 20000 ]; do echo 0123456789; i=$((i+1)); done\n";
    const char *path = write_file("good.sh", good, strlen(good), 0700);

    loads(apr_pstrcat(pool, "exec:", path, " sk 'a b'", NULL), "sk-a b");
    path = write_file("much.sh", much, strlen(much), 0700);
    loads(source("exec:", path), "key");
    path = write_file("bad.sh", bad, strlen(bad), 0700);
    refuses(apr_pstrcat(pool, "exec:", path, " arg-canary", NULL),
            "status 3", "canary");
    path = write_file("killed.sh", killed, strlen(killed), 0700);
    refuses(source("exec:", path), "signal 15", "canary");
    refuses("exec:/nonexistent/program canary", "/nonexistent/program",
            "canary");
    refuses("exec:program", "whole path", "canary");
    loads("exec:/bin/echo hello", "hello");
    refuses("exec:/bin/true", "empty", "canary");
}

/* A program that neither ends nor lets go of what it started. */
static void slow_program(void)
{
    static const char hang[] = "#!/bin/sh\nsleep 600 &\necho key\nwait\n";
    char *argv[2] = { NULL, NULL };
    char out[16];
    size_t n = 77;
    int status;

    argv[0] = (char *)write_file("hang.sh", hang, strlen(hang), 0700);
    is_int(llm_program_ask(argv, 100, out, sizeof out, &n, &status), LLM_SLOW,
           "a program that hangs is given up");
    is_int(n <= 4, 1, "with what it said");
    argv[0] = (char *)"/nonexistent/program";
    is_int(llm_program_ask(argv, 100, out, sizeof out, &n, &status),
           LLM_UNREACHABLE, "there is none");
}

/* As httpd reads its configuration again and again in one process. */
static void again(void)
{
    apr_pool_t *conf;
    const char *why;
    long round, before = 0, after;
    long skip;
    FILE *statm;

    setenv("LLM_T_KEY", "sk-canary-7", 1);
    apr_pool_create(&conf, pool);
    for (round = 0; round < 2000; round++) {
        if (!llm_secret_load("env:LLM_T_KEY", &why, conf))
            ok(0, "round %ld", round);
        apr_pool_clear(conf);
        if (round == 100 || round == 1999) {
            statm = fopen("/proc/self/statm", "r");
            if (!statm || fscanf(statm, "%ld", &skip) != 1)
                ok(0, "cannot read statm");
            fclose(statm);
            *(round == 100 ? &before : &after) = skip;
        }
    }
    apr_pool_destroy(conf);
    /* A leaked secret is four pages; 1900 of them would be 7600. */
    ok(after - before < 400, "2000 configurations do not grow: %ld pages",
       after - before);
}

static void redacts(const llm_secret *secret, const char *text,
                    const char *wanted)
{
    is_str(llm_secret_redact(secret, text, strlen(text), pool), wanted,
           "'%s'", text);
}

static void redact(void)
{
    const llm_secret *secret = llm_secret_make("p@ss $word", 10, pool);
    const llm_secret *letter = llm_secret_make("x", 1, pool);

    redacts(NULL, "", "");
    redacts(NULL, "nothing to hide", "nothing to hide");
    redacts(secret, "is p@ss $word, p@ss $word", "is [key], [key]");
    redacts(secret, "p@ss $wor", "p@ss $wor");
    redacts(secret, "key=p@ss $word!", "key=[key]!");
    redacts(secret, "key=abp@ss $wordcd e", "key=[key] e");
    redacts(secret, "Bearer p@ss $word.", "Bearer [key]");
    redacts(letter, "xxaxx", "[key][key]a[key][key]");
    redacts(NULL, "provided: sk-echo****echo, see", "provided: [key], see");
    redacts(NULL, "sk-proj-A_b-9", "[key]");
    redacts(NULL, "a task-force, sk-SK", "a task-force, sk-SK");
    redacts(NULL, "(AIzaSyD-123_x)", "([key])");
    redacts(NULL, "authorization: bearer  abc.def==",
            "authorization: bearer  [key]");
    redacts(NULL, "?api_KEY=abc&b=1", "?api_KEY=[key]&b=1");
    redacts(NULL, "key=\"abc\"", "key=\"[key]\"");
    redacts(NULL, "key=", "key=");
    redacts(NULL, "Bearer", "Bearer");
    is_str(llm_secret_redact(NULL, "sk-abcdef", 5, pool), "sk-ab",
           "no more than the bytes given");
}

/* A pair and what may follow it. */
static void parts(void)
{
    static const struct {
        const char *whole, *part[4];
    } all[] = {
        { "id:key", { "id", "key", NULL, NULL } },
        { "id:key:to:ken", { "id", "key", "to:ken", "ken" } },
        { "alone", { "alone", NULL, NULL, NULL } },
        { "id:", { "id", NULL, NULL, NULL } },
        { "::x", { NULL, NULL, "x", NULL } },
        { ":", { NULL, NULL, NULL, NULL } },
    };

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const llm_secret *const whole
            = llm_secret_make(all[i].whole, strlen(all[i].whole), pool);

        for (int k = 0; k < 4; k++) {
            const llm_secret *const part = llm_secret_part(whole, k, pool);
            const char *const want = all[i].part[k];
            size_t n = 0;
            const char *const is = part ? llm_secret_reveal(part, &n) : NULL;

            ok(want ? is && n == strlen(want) && !memcmp(is, want, n) : !is,
               "part %d of \"%s\"", k, all[i].whole);
        }
    }
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    if (!mkdtemp(folder))
        return 1;
    make();
    variables();
    files();
    programs();
    slow_program();
    again();
    redact();
    parts();
    while (written_count)
        unlink(written[--written_count]);
    is_int(rmdir(folder), 0, "all files were the test's own");
    apr_pool_destroy(pool);
    apr_terminate();
    return done();
}
