/*
 * A table of system calls that wraps another one, counts the calls and lets some of them fail. For one thread.
 *
 *     vfs_fault fault;
 *     vfs_fault_init(&fault, cask_vfs_posix());
 *     fault.kinds = FAULT_WRITE | FAULT_SYNC;     // these may fail:
 *     fault.fail_at = 3;                          // the third of them from now on,
 *     fault.for_good = true;                      // and all after it,
 *     fault.error_number = ENOSPC;                // like this
 *     options.vfs = &fault.vfs;
 */
#ifndef TEST_VFS_FAULT_H
#define TEST_VFS_FAULT_H

#include "vfs.h"

enum fault_kind {
    FAULT_OPEN = 1 << 0,     /* of what is there, to read */
    FAULT_OPEN_WRITE = 1 << 1,
    FAULT_CREATE = 1 << 2,   /* modes CREATE and TRUNCATE */
    FAULT_READ = 1 << 3,
    FAULT_WRITE = 1 << 4,
    FAULT_SYNC = 1 << 5,
    FAULT_TRUNCATE = 1 << 6,
    FAULT_SIZE = 1 << 7,
    FAULT_LOCK = 1 << 8,
    FAULT_STAT = 1 << 9,
    FAULT_RENAME = 1 << 10,
    FAULT_UNLINK = 1 << 11,
    FAULT_MAKE_FOLDER = 1 << 12,
    FAULT_SYNC_FOLDER = 1 << 13,
    FAULT_LIST = 1 << 14,
    FAULT_PUNCH = 1 << 15,
    FAULT_CLOSE = 1 << 16,   /* the file is closed all the same */
    FAULT_KINDS = 17
};

#define FAULT_SYNCS (FAULT_SYNC | FAULT_SYNC_FOLDER)
/* What changes the disk, or needs a handle that could. */
#define FAULT_MUTATING                                                                                                 \
    (FAULT_OPEN_WRITE | FAULT_CREATE | FAULT_WRITE | FAULT_SYNCS | FAULT_TRUNCATE | FAULT_LOCK | FAULT_RENAME |        \
     FAULT_UNLINK | FAULT_MAKE_FOLDER | FAULT_PUNCH)
#define FAULT_ALL ((1 << FAULT_KINDS) - 1)

enum { FAULT_FILES = 64 };

/* What is done of a call that fails: bytes of a write, the first name of a listing. */
typedef enum fault_part { FAULT_NO_PART, FAULT_ONE, FAULT_HALF } fault_part;

typedef struct vfs_fault {
    cask_vfs vfs;
    const cask_vfs *inner;

    /* The plan; all zero: nothing fails. */
    int kinds;          /* calls of these kinds are counted in `seen`, */
    uint64_t fail_at;   /* and this one fails, from 1; 0: none */
    bool for_good;      /* all of these kinds after it as well */
    int error_number;   /* positive */
    fault_part part;
    bool goes_on;       /* a read or write does not fail, but moves only that part */
    size_t most;        /* bytes that one read or write moves; 0: all */

    /* What came of it. */
    uint64_t seen;
    uint64_t failed;
    uint64_t calls[FAULT_KINDS];
    bool sync_retried;  /* a file was synced again, before it was opened anew, after a sync of it had failed */
    int failed_kind;    /* of the first that failed, */
    char failed_path[128];

    struct {
        bool is_open;
        bool sync_failed;
        char path[128];
    } files[FAULT_FILES];
} vfs_fault;

void vfs_fault_init(vfs_fault *fault, const cask_vfs *inner);
/* Calls of these kinds since the beginning. */
uint64_t vfs_fault_calls(const vfs_fault *fault, int kinds);
unsigned vfs_fault_open_files(const vfs_fault *fault);
/* Nothing fails any more, and counts begin anew. */
void vfs_fault_clear(vfs_fault *fault);

#endif
