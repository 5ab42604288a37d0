/*
 * The allocations of the library, counted, and some of them failing. Linked with --wrap, by which what the library calls
 * malloc() is in here; the tests themselves are compiled so that theirs is not. For one thread.
 */
#ifndef FAULTS_ALLOCATIONS_H
#define FAULTS_ALLOCATIONS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct allocation_faults {
    uint64_t fail_at; /* this allocation fails, from 1; 0: none */
    bool for_good;    /* and all after it */
    uint64_t seen;
    uint64_t failed;
    int64_t live;     /* blocks of the library that were not freed yet */
} allocation_faults;

extern allocation_faults allocations;

#endif
