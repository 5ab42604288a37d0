/* The operating system, with its root in a folder, and with a call at which the process dies by SIGKILL. */
#ifndef LIVE_VFS_KILLING_H
#define LIVE_VFS_KILLING_H

#include <stdatomic.h>

#include "vfs.h"

typedef struct vfs_killing {
    cask_vfs vfs;
    const char *root;   /* the folder that is "/" */
    atomic_uint *calls; /* made so far that change the disk or make it durable; in memory that outlives the process */
    unsigned kill_at;   /* the call that is the last, from 1; 0: none */
    unsigned done_of_eight; /* so many eighths of it are done before, if it is a write; else all of it if they are 8 */
} vfs_killing;

void vfs_killing_init(vfs_killing *killing, const char *root, atomic_uint *calls);

#endif
