/*
 * What the injector makes fail: an operation of the library, and what must be true after it. Checks are cmocka's.
 * Another operation is another entry in the list of its file.
 */
#ifndef FAULTS_OPERATION_H
#define FAULTS_OPERATION_H

#include "check.h"
#include "vfs_fault.h"
#include "vfs_memory.h"

typedef struct operation operation;

struct operation {
    char name[64];
    const void *plan; /* of its kind of operation */
    bool reads;       /* it changes nothing, must not pass over a call that fails, and is right when tried again */

    /* Once, on an empty disk: what is there before. */
    void (*prepare)(const operation *self, memory_disk **disk);
    /* On a copy of that disk, while nothing fails: what is open before. */
    void *(*enter)(const operation *self, const cask_vfs *vfs);
    /* The operation. Its first error. */
    int (*act)(const operation *self, void *entered);
    /* What still is open shows what was acknowledged and no more. NULL: nothing is. */
    void (*look)(const operation *self, void *entered, int result);
    /* Close. */
    void (*leave)(const operation *self, void *entered);
    /* What is on the disk heals to what was acknowledged: the whole operation, if `done`; else it is as before, or, as
     * far as an error reported of `failed_path` leaves that open, done. The disk may be left in any state. */
    void (*settle)(const operation *self, memory_disk *disk, bool done, const char *failed_path);
};

/* Those of the program. */
enum { OPERATIONS_MAX = 256 };
size_t list_operations(operation operations[OPERATIONS_MAX]);

#endif
