/*
 * The table of system calls. Everything that slotcask asks of the operating system about files goes through one of
 * these; vfs_posix.c is the real one, tests have others that record, fail or keep files in memory.
 *
 * Every function returns 0 or more on success and a negative errno on failure. EINTR never comes out: the
 * implementation repeats the call (but never a sync). Paths are whole; file handles are small integers.
 */
#ifndef CASK_VFS_H
#define CASK_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum cask_open_mode {
    CASK_OPEN_READ,     /* must exist, and be a regular file (a folder: EISDIR, else EINVAL); never blocks (FIFOs) */
    CASK_OPEN_WRITE,    /* read and write; must exist, likewise */
    CASK_OPEN_CREATE,   /* read and write; made if absent, kept if there */
    CASK_OPEN_TRUNCATE  /* read and write; made if absent, emptied if there */
} cask_open_mode;

typedef struct cask_file_info {
    uint64_t size;
    bool is_folder; /* neither folder nor regular: the call fails with EINVAL */
} cask_file_info;

typedef struct cask_vfs {
    void *context; /* handed to every function */
    int (*open)(void *context, const char *path, cask_open_mode mode);
    int (*close)(void *context, int file);
    /* Bytes read, fewer than `size` possible; 0 only at the end of the file. */
    int64_t (*read_at)(void *context, int file, void *buffer, size_t size, uint64_t offset);
    /* Bytes written, fewer than `size` possible, at least 1. */
    int64_t (*write_at)(void *context, int file, const void *buffer, size_t size, uint64_t offset);
    int (*sync)(void *context, int file); /* contents and length durable: fdatasync */
    int (*truncate)(void *context, int file, uint64_t size);
    /* Zero a range within the file and give its space back; -EOPNOTSUPP if the file system cannot. */
    int (*punch)(void *context, int file, uint64_t offset, uint64_t size);
    int (*size)(void *context, int file, uint64_t *size_out);
    int (*lock)(void *context, int file); /* exclusive, at once or -EWOULDBLOCK; ends with close */
    int (*stat)(void *context, const char *path, cask_file_info *info_out); /* follows symbolic links */
    int (*rename)(void *context, const char *from, const char *to);
    int (*unlink)(void *context, const char *path);
    int (*make_folder)(void *context, const char *path);
    int (*sync_folder)(void *context, const char *path); /* its entries durable */
    /* Call `visit` with the name of each entry but "." and "..", in any order; a non-zero return ends it and is
     * returned. */
    int (*list)(void *context, const char *path, int (*visit)(const char *name, void *payload), void *payload);
} cask_vfs;

/* The operating system. */
const cask_vfs *cask_vfs_posix(void);

/*
 * Helpers over any table, with errors reported by cask_fail_system(). `path` is for the report.
 */
typedef struct cask_handle {
    const cask_vfs *vfs;
    int file; /* -1: not open */
} cask_handle;

#define CASK_HANDLE_INIT { NULL, -1 }

/* CASK_E_NOTFOUND if the file does not exist. */
int cask_handle_open(cask_handle *handle, const cask_vfs *vfs, const char *path, cask_open_mode mode);
/* Close if open. For reading, and for what is synced already: its result is of no interest. */
void cask_handle_close(cask_handle *handle);
/* All `size` bytes; a file that ends before them is CASK_E_CORRUPT. */
int cask_read_exact(const cask_handle *handle, const char *path, void *buffer, size_t size, uint64_t offset);
/* As many of `size` bytes as the file has. */
int cask_read_upto(const cask_handle *handle, const char *path, void *buffer, size_t size, uint64_t offset,
                   size_t *size_out);
int cask_write_all(const cask_handle *handle, const char *path, const void *buffer, size_t size, uint64_t offset);
int cask_sync(const cask_handle *handle, const char *path);
int cask_truncate(const cask_handle *handle, const char *path, uint64_t size);
/* Zero a range, and give its space back where the file system can. */
int cask_punch(const cask_handle *handle, const char *path, uint64_t offset, uint64_t size);
int cask_size(const cask_handle *handle, const char *path, uint64_t *size_out);
int cask_rename(const cask_vfs *vfs, const char *from, const char *to);
/* Delete a file; it may be gone already. */
int cask_unlink(const cask_vfs *vfs, const char *path);
/* Whether there is something of this name. */
int cask_exists(bool *exists_out, const cask_vfs *vfs, const char *path);
int cask_sync_folder(const cask_vfs *vfs, const char *path);
/* The folder that `path` is in: the name itself durable. INVALID if the path is too long. */
int cask_sync_parent(const cask_vfs *vfs, const char *path);
/* Call `visit` with the name of each entry. It returns a cask_code: an error ends the listing and is returned, with its
 * report. NOTFOUND if there is no such folder. */
int cask_list_folder(const cask_vfs *vfs, const char *path, int (*visit)(const char *name, void *payload),
                     void *payload);
/* The whole of a file of at most `limit` bytes, with a NUL behind; larger is CASK_E_CORRUPT. Free with free(). */
int cask_read_file(uint8_t **data_out, size_t *size_out, const cask_vfs *vfs, const char *path, size_t limit);
/* Replace a file atomically and durably: `path`.tmp, sync, rename, sync of the folder. */
int cask_replace_file(const cask_vfs *vfs, const char *folder, const char *path, const void *data, size_t size);

#endif
