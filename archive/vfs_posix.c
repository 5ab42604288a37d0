#define _GNU_SOURCE /* sync_file_range(), fallocate() */

#include "vfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(sizeof(off_t) == 8, "files beyond 2 GiB need a 64-bit off_t");

static int open_flags(cask_open_mode mode)
{
    switch (mode) {
    case CASK_OPEN_READ: return O_RDONLY;
    case CASK_OPEN_WRITE: return O_RDWR;
    case CASK_OPEN_CREATE: return O_RDWR | O_CREAT;
    case CASK_OPEN_TRUNCATE: return O_RDWR | O_CREAT | O_TRUNC;
    }
    return O_RDONLY;
}

/* -EISDIR for a folder, -EINVAL for what is neither that nor a regular file. */
static int check_regular(int file)
{
    struct stat status;

    if (fstat(file, &status) != 0)
        return -errno;
    if (S_ISDIR(status.st_mode))
        return -EISDIR;
    return S_ISREG(status.st_mode) ? 0 : -EINVAL;
}

/* O_NONBLOCK and O_NOCTTY are for what turns out not to be a regular file: a FIFO would wait for its other end. */
static int posix_open(void *context, const char *path, cask_open_mode mode)
{
    int file, result;

    (void)context;
    do {
        file = open(path, open_flags(mode) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666);
    } while (file < 0 && errno == EINTR);
    if (file < 0)
        return errno == ENXIO ? -EINVAL : -errno; /* ENXIO: a socket */
    result = check_regular(file);
    if (result < 0) {
        close(file);
        return result;
    }
    return file;
}

/* Never repeated: after EINTR the descriptor is gone already. */
static int posix_close(void *context, int file)
{
    (void)context;
    return close(file) == 0 || errno == EINTR ? 0 : -errno;
}

static bool beyond_off_t(uint64_t offset, uint64_t size)
{
    return offset > INT64_MAX || size > INT64_MAX - offset;
}

static int64_t posix_read_at(void *context, int file, void *buffer, size_t size, uint64_t offset)
{
    ssize_t result;

    (void)context;
    if (beyond_off_t(offset, size))
        return -EOVERFLOW;
    do {
        result = pread(file, buffer, size, (off_t)offset);
    } while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : result;
}

#define STRETCH (1u << 20)

/*
 * Let the disk begin with each whole stretch of a file, so that the sync at the end of a batch waits for little. Only a
 * hint: what is durable, and which errors there were, is for that sync to say.
 */
static void begin_writing_back(int file, uint64_t begin, uint64_t end)
{
#ifdef SYNC_FILE_RANGE_WRITE
    begin -= begin % STRETCH;
    end -= end % STRETCH;
    if (begin < end)
        sync_file_range(file, (off_t)begin, (off_t)(end - begin), SYNC_FILE_RANGE_WRITE);
#else
    (void)file, (void)begin, (void)end;
#endif
}

static int64_t posix_write_at(void *context, int file, const void *buffer, size_t size, uint64_t offset)
{
    ssize_t result;

    (void)context;
    if (beyond_off_t(offset, size))
        return -EFBIG;
    if (size > STRETCH)
        size = STRETCH;
    do {
        result = pwrite(file, buffer, size, (off_t)offset);
    } while (result < 0 && errno == EINTR);
    if (result < 0)
        return -errno;
    begin_writing_back(file, offset, offset + (uint64_t)result);
    return result;
}

/* Never repeated: after a failure the kernel may have dropped the dirty pages, and a second call would say 0. */
static int posix_sync(void *context, int file)
{
    (void)context;
    return fdatasync(file) == 0 ? 0 : -errno;
}

static int posix_truncate(void *context, int file, uint64_t size)
{
    int result;

    (void)context;
    if (beyond_off_t(size, 0))
        return -EFBIG;
    do {
        result = ftruncate(file, (off_t)size);
    } while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : -errno;
}

static int posix_punch(void *context, int file, uint64_t offset, uint64_t size)
{
    (void)context;
    if (beyond_off_t(offset, size))
        return -EFBIG;
#ifdef FALLOC_FL_PUNCH_HOLE
    {
        int result;

        do {
            result = fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)size);
        } while (result != 0 && errno == EINTR);
        return result == 0 ? 0 : -errno;
    }
#else
    (void)file;
    return -EOPNOTSUPP;
#endif
}

static int posix_size(void *context, int file, uint64_t *size_out)
{
    struct stat status;

    (void)context;
    if (fstat(file, &status) != 0)
        return -errno;
    *size_out = (uint64_t)status.st_size;
    return 0;
}

static int posix_lock(void *context, int file)
{
    int result;

    (void)context;
    do {
        result = flock(file, LOCK_EX | LOCK_NB);
    } while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : -errno;
}

static int posix_stat(void *context, const char *path, cask_file_info *info_out)
{
    struct stat status;

    (void)context;
    if (stat(path, &status) != 0)
        return -errno;
    if (!S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode))
        return -EINVAL;
    info_out->size = (uint64_t)status.st_size;
    info_out->is_folder = S_ISDIR(status.st_mode);
    return 0;
}

static int posix_rename(void *context, const char *from, const char *to)
{
    (void)context;
    return rename(from, to) == 0 ? 0 : -errno;
}

static int posix_unlink(void *context, const char *path)
{
    (void)context;
    return unlink(path) == 0 ? 0 : -errno;
}

static int posix_make_folder(void *context, const char *path)
{
    (void)context;
    return mkdir(path, 0777) == 0 ? 0 : -errno;
}

static int posix_sync_folder(void *context, const char *path)
{
    int folder, result;

    (void)context;
    do {
        folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    } while (folder < 0 && errno == EINTR);
    if (folder < 0)
        return -errno;
    result = fsync(folder) == 0 ? 0 : -errno;
    close(folder);
    return result;
}

static int posix_list(void *context, const char *path, int (*visit)(const char *name, void *payload), void *payload)
{
    DIR *folder;
    struct dirent *entry;
    int result = 0;

    (void)context;
    do {
        folder = opendir(path);
    } while (folder == NULL && errno == EINTR);
    if (folder == NULL)
        return -errno;
    while (result == 0) {
        errno = 0;
        entry = readdir(folder);
        if (entry == NULL) {
            result = -errno;
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            result = visit(entry->d_name, payload);
    }
    closedir(folder);
    return result;
}

const cask_vfs *cask_vfs_posix(void)
{
    static const cask_vfs posix = {
        .open = posix_open,
        .close = posix_close,
        .read_at = posix_read_at,
        .write_at = posix_write_at,
        .sync = posix_sync,
        .truncate = posix_truncate,
        .punch = posix_punch,
        .size = posix_size,
        .lock = posix_lock,
        .stat = posix_stat,
        .rename = posix_rename,
        .unlink = posix_unlink,
        .make_folder = posix_make_folder,
        .sync_folder = posix_sync_folder,
        .list = posix_list,
    };

    return &posix;
}
