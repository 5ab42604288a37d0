/* What the programs here need of the system: memory shared with children, sleep; and numbers by a seed. */
#ifndef LIVE_PROCESSES_H
#define LIVE_PROCESSES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Zeroed memory that children share. */
void *share_memory(size_t size);

uint64_t next_random(uint64_t *seed);

void sleep_us(uint64_t us);
/* Microseconds of a clock that only goes forward. */
uint64_t clock_us(void);

/* As fork() and waitpid(), but that they end the program where they fail. */
pid_t start_process(void);
int wait_for(pid_t child);

#endif
