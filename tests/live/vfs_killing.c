#include "vfs_killing.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 4096 };

static void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

static const cask_vfs *below(void)
{
    return cask_vfs_posix();
}

/* Count a call; whether the process is to die at it. It does at once, if nothing of the call is to be done. */
static bool is_last(const vfs_killing *k)
{
    if (atomic_fetch_add(k->calls, 1) + 1 != k->kill_at)
        return false;
    if (k->done_of_eight == 0)
        die();
    return true;
}

/* The end of a call that cannot be done by halves. */
static int after(bool last, int result)
{
    if (last)
        die();
    return result;
}

static int full_path(const vfs_killing *k, const char *path, char full[PATH_SIZE])
{
    int size = snprintf(full, PATH_SIZE, "%s%s", k->root, path);

    return size < 0 || size >= PATH_SIZE ? -ENAMETOOLONG : 0;
}

static int killing_open(void *context, const char *path, cask_open_mode mode)
{
    char full[PATH_SIZE];
    int result = full_path(context, path, full);
    bool last;

    if (result < 0)
        return result;
    last = (mode == CASK_OPEN_CREATE || mode == CASK_OPEN_TRUNCATE) && is_last(context);
    return after(last, below()->open(below()->context, full, mode));
}

static int killing_close(void *context, int file)
{
    (void)context;
    return below()->close(below()->context, file);
}

static int64_t killing_read_at(void *context, int file, void *buffer, size_t size, uint64_t offset)
{
    (void)context;
    return below()->read_at(below()->context, file, buffer, size, offset);
}

static int64_t killing_write_at(void *context, int file, const void *buffer, size_t size, uint64_t offset)
{
    const vfs_killing *k = context;

    if (!is_last(k))
        return below()->write_at(below()->context, file, buffer, size, offset);
    below()->write_at(below()->context, file, buffer, size * k->done_of_eight / 8, offset);
    die();
    return 0;
}

static int killing_sync(void *context, int file)
{
    bool last = is_last(context);

    return after(last, below()->sync(below()->context, file));
}

static int killing_truncate(void *context, int file, uint64_t size)
{
    bool last = is_last(context);

    return after(last, below()->truncate(below()->context, file, size));
}

static int killing_punch(void *context, int file, uint64_t offset, uint64_t size)
{
    bool last = is_last(context);

    return after(last, below()->punch(below()->context, file, offset, size));
}

static int killing_size(void *context, int file, uint64_t *size_out)
{
    (void)context;
    return below()->size(below()->context, file, size_out);
}

static int killing_lock(void *context, int file)
{
    (void)context;
    return below()->lock(below()->context, file);
}

static int killing_stat(void *context, const char *path, cask_file_info *info_out)
{
    char full[PATH_SIZE];
    int result = full_path(context, path, full);

    return result < 0 ? result : below()->stat(below()->context, full, info_out);
}

static int killing_rename(void *context, const char *from, const char *to)
{
    char full_from[PATH_SIZE], full_to[PATH_SIZE];
    int result = full_path(context, from, full_from);
    bool last;

    if (result == 0)
        result = full_path(context, to, full_to);
    if (result < 0)
        return result;
    last = is_last(context);
    return after(last, below()->rename(below()->context, full_from, full_to));
}

/* A call about one path that changes the disk or makes it durable. */
static int change(vfs_killing *k, const char *path, int (*call)(void *context, const char *path))
{
    char full[PATH_SIZE];
    int result = full_path(k, path, full);
    bool last;

    if (result < 0)
        return result;
    last = is_last(k);
    return after(last, call(below()->context, full));
}

static int killing_unlink(void *context, const char *path)
{
    return change(context, path, below()->unlink);
}

static int killing_make_folder(void *context, const char *path)
{
    return change(context, path, below()->make_folder);
}

static int killing_sync_folder(void *context, const char *path)
{
    return change(context, path, below()->sync_folder);
}

static int killing_list(void *context, const char *path, int (*visit)(const char *name, void *payload), void *payload)
{
    char full[PATH_SIZE];
    int result = full_path(context, path, full);

    return result < 0 ? result : below()->list(below()->context, full, visit, payload);
}

void vfs_killing_init(vfs_killing *killing, const char *root, atomic_uint *calls)
{
    memset(killing, 0, sizeof(*killing));
    killing->root = root;
    killing->calls = calls;
    killing->vfs = (cask_vfs){
        .context = killing,
        .open = killing_open,
        .close = killing_close,
        .read_at = killing_read_at,
        .write_at = killing_write_at,
        .sync = killing_sync,
        .truncate = killing_truncate,
        .punch = killing_punch,
        .size = killing_size,
        .lock = killing_lock,
        .stat = killing_stat,
        .rename = killing_rename,
        .unlink = killing_unlink,
        .make_folder = killing_make_folder,
        .sync_folder = killing_sync_folder,
        .list = killing_list,
    };
}
