/*
 * Reading an LMDB file without trusting it. LMDB itself maps its file and believes every page: of a damaged one it ends
 * the process. So an index is read in here, page by page through the archive's table of system calls and with every
 * offset checked; LMDB is for writing alone, to a file that was checked as a whole. A key is found as mdb_get() and
 * MDB_SET_RANGE would find it.
 */
#ifndef CASK_LMDB_FILE_H
#define CASK_LMDB_FILE_H

#include "../archive/vfs.h"

typedef struct lmdb_file {
    cask_handle file;
    const char *path;     /* borrowed */
    size_t page_size;
    size_t last_page;
    size_t root;          /* of the tree; SIZE_MAX: it is empty */
    size_t free_root;     /* of the tree of free pages, likewise */
    size_t commit;        /* the number of the commit that is read */
} lmdb_file;

#define LMDB_FILE_INIT { CASK_HANDLE_INIT, NULL, 0, 0, 0, 0, 0 }

/* An entry; both fit where keys and values are as short as those of the index. */
typedef struct lmdb_entry {
    uint8_t key[32];
    size_t key_size;
    uint8_t value[32];
    size_t value_size;
} lmdb_entry;

/* Errors: NOTFOUND (no file, or an empty one), CORRUPT ("root-index"), IO. */
int lmdb_file_open(lmdb_file *file, const cask_vfs *vfs, const char *path);
void lmdb_file_close(lmdb_file *file);

/* The first entry at or behind a key. Errors: NOTFOUND, CORRUPT, IO. */
int lmdb_file_seek(lmdb_entry *entry, const lmdb_file *file, const uint8_t *key, size_t key_size);

/* The number of the newest commit: if it is another one now, pages may have been reused while they were read. */
int lmdb_file_commit(size_t *commit_out, const lmdb_file *file);

/* Check all that LMDB relies on when it writes: both trees, page by page. Errors: CORRUPT, IO, NOMEM. */
int lmdb_file_check(const lmdb_file *file);

#endif
