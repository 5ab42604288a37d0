#include "processes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void give_up(const char *what)
{
    perror(what);
    exit(2);
}

void *share_memory(size_t size)
{
    char path[] = "shared-XXXXXX";
    int file = mkstemp(path);
    void *shared;

    if (file < 0 || unlink(path) < 0 || ftruncate(file, (off_t)size) < 0)
        give_up("a file to share");
    shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (shared == MAP_FAILED)
        give_up("memory to share");
    close(file);
    return shared;
}

uint64_t next_random(uint64_t *seed)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void sleep_us(uint64_t us)
{
    struct timespec time = { (time_t)(us / 1000000), (long)(us % 1000000) * 1000 };

    nanosleep(&time, NULL);
}

uint64_t clock_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

pid_t start_process(void)
{
    pid_t child = fork();

    if (child < 0)
        give_up("fork");
    return child;
}

int wait_for(pid_t child)
{
    int status;

    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            give_up("waitpid");
    return status;
}
