/* Feeds files to a fuzz target without a fuzzer: every file of every
 * directory named. A target aborts when something does not hold. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* 1 if the file was fed. */
static int feed(const char *path)
{
    FILE *const file = fopen(path, "rb");
    struct stat info;
    uint8_t *data;
    size_t n;

    if (!file || fstat(fileno(file), &info)) {
        perror(path);
        exit(2);
    }
    if (!S_ISREG(info.st_mode)) {
        fclose(file);
        return 0;
    }
    n = (size_t)info.st_size;
    data = malloc(n ? n : 1);
    if (!data || fread(data, 1, n, file) != n) {
        perror(path);
        exit(2);
    }
    fclose(file);
    LLVMFuzzerTestOneInput(data, n);
    free(data);
    return 1;
}

static int feed_all(const char *path)
{
    DIR *const dir = opendir(path);
    const struct dirent *entry;
    char file[4096];
    int fed = 0;

    if (!dir) {
        perror(path);
        exit(2);
    }
    while ((entry = readdir(dir))) {
        const int n = snprintf(file, sizeof file, "%s/%s", path,
                               entry->d_name);
        if (n > 0 && (size_t)n < sizeof file)
            fed += feed(file);
    }
    closedir(dir);
    return fed;
}

int main(int argc, char **argv)
{
    int fed = 0;

    for (int i = 1; i < argc; i++)
        fed += feed_all(argv[i]);
    printf("%d files fed\n", fed);
    return fed ? 0 : 1;
}
