#define _XOPEN_SOURCE 700 /* sync() */

#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void fail(const char *what)
{
    fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

int bench_create(const char *path)
{
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

    if (file < 0)
        fail(path);
    return file;
}

void bench_write(int file, const void *bytes, size_t size, uint64_t offset)
{
    if (pwrite(file, bytes, size, (off_t)offset) != (ssize_t)size)
        fail("pwrite");
}

void bench_read(int file, void *bytes, size_t size, uint64_t offset)
{
    if (pread(file, bytes, size, (off_t)offset) != (ssize_t)size)
        fail("pread");
}

void bench_sync(int file)
{
    if (fdatasync(file) != 0)
        fail("fdatasync");
}

void bench_must(int code)
{
    const cask_error *error = cask_error_last();

    if (code == CASK_OK)
        return;
    fprintf(stderr, "bench: %s: %s: %s\n", cask_code_name(code), error->file, error->message);
    exit(1);
}

static uint64_t next_random(void)
{
    static uint64_t x = 88172645463325252u;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x;
}

uint8_t *bench_bytes(size_t size)
{
    uint8_t *bytes = malloc(size);

    if (bytes == NULL)
        fail("malloc");
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(next_random() >> 24);
    return bytes;
}

uint64_t bench_below(uint64_t end)
{
    return next_random() % end;
}

/* ---- Time --------------------------------------------------------------------------------------------------- */

double bench_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double bench_median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, by_size);
    return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

void bench_print_heading(const char *title)
{
    printf("%-50s %12s %12s %7s %7s\n", title, "ours", "bare", "ratio", "goal");
}

static void print_line(const char *name, const char *unit, double ours, double bare, double ratio, double goal)
{
    printf("  %-48s %9.2f %-2s", name, ours, unit);
    if (bare > 0)
        printf(" %9.2f %-2s %7.3f", bare, unit, ratio);
    else
        printf(" %12s %7s", "-", "-");
    if (goal > 0)
        printf(" %7.2f%s\n", goal, (bare > 0 ? ratio : ours) > goal ? "  missed" : "");
    else
        printf(" %7s\n", "-");
    fflush(stdout);
}

void bench_print(const char *name, const char *unit, double ours, double bare, double goal)
{
    print_line(name, unit, ours, bare, bare > 0 ? ours / bare : 0, goal);
}

void bench_compare(const char *name, size_t pairs, size_t count, double goal, bench_fn ours, bench_fn bare,
                   void *context)
{
    double *times = calloc(3 * pairs, sizeof *times);
    double *ours_ns = times, *bare_ns = times + pairs, *ratios = times + 2 * pairs;
    double ours_median, bare_median;
    const char *unit = "ns";
    double scale = (double)count;

    if (times == NULL)
        fail("calloc");
    for (size_t i = 0; i < pairs; i++) {
        if (i % 2 == 0)
            ours_ns[i] = ours(context);
        bare_ns[i] = bare(context);
        if (i % 2 == 1)
            ours_ns[i] = ours(context);
        ratios[i] = ours_ns[i] / bare_ns[i];
    }
    ours_median = bench_median(ours_ns, pairs);
    bare_median = bench_median(bare_ns, pairs);
    if (bare_median / scale >= 1e5) {
        unit = "ms";
        scale *= 1e6;
    } else if (bare_median / scale >= 1e3) {
        unit = "us";
        scale *= 1e3;
    }
    print_line(name, unit, ours_median / scale, bare_median / scale, bench_median(ratios, pairs), goal);
    free(times);
}

/* ---- Processes and folders ---------------------------------------------------------------------------------- */

static void wait_for(pid_t child)
{
    int status;

    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR)
            fail("waitpid");
    }
    if (status != 0)
        exit(1);
}

void bench_in_child(void (*body)(void))
{
    pid_t child = fork();

    if (child < 0)
        fail("fork");
    if (child == 0) {
        body();
        _exit(0);
    }
    wait_for(child);
}

double bench_peak_memory(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss * 1024;
}

double bench_device_bytes(void)
{
    FILE *file = fopen("/proc/self/io", "r");
    unsigned long long bytes = 0;
    char line[64];

    if (file == NULL)
        return 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "write_bytes: %llu", &bytes) == 1)
            break;
    }
    fclose(file);
    return (double)bytes;
}

void bench_remove(const char *path)
{
    char *command[] = { "rm", "-rf", "--", (char *)(uintptr_t)path, NULL };
    pid_t child;

    errno = posix_spawnp(&child, "rm", NULL, NULL, command, environ);
    if (errno != 0)
        fail("rm");
    wait_for(child);
    sync();
}

/* The file is gone before it reaches the disk. */
void bench_warm_page_cache(size_t size)
{
    static uint8_t bytes[1u << 20];
    int file = bench_create("warm");

    for (uint64_t at = 0; at < size; at += sizeof bytes)
        bench_write(file, bytes, sizeof bytes, at);
    close(file);
    if (unlink("warm") != 0)
        fail("unlink");
}

static char folder[] = "bench-XXXXXX";

void bench_enter_folder(void)
{
    const char *parent = getenv("SLOTCASK_BENCH_FOLDER");

    if (parent != NULL && chdir(parent) != 0)
        fail(parent);
    if (mkdtemp(folder) == NULL || chdir(folder) != 0)
        fail("a folder to work in");
}

void bench_leave_folder(void)
{
    if (chdir("..") != 0)
        fail("..");
    bench_remove(folder);
}

/* ---- Archives ----------------------------------------------------------------------------------------------- */

cask_archive *bench_open(const char *path, bool read_only)
{
    cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;
    cask_archive *archive;

    options.read_only = read_only;
    options.create = !read_only;
    bench_must(cask_archive_open(&archive, path, &options));
    return archive;
}

cask_column *bench_column(cask_archive *archive, const char *name, const cask_column_options *options)
{
    cask_column_options shape = CASK_COLUMN_OPTIONS_INIT;
    cask_column *column;

    if (options != NULL)
        shape = *options;
    shape.create = true;
    bench_must(cask_column_open(&column, archive, name, &shape));
    return column;
}
