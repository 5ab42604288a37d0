#include "vfs_fault.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static void copy_path(char to[128], const char *path)
{
    size_t size = strlen(path);

    if (size > 127) {
        path += size - 127;
        size = 127;
    }
    memcpy(to, path, size + 1);
}

/* Count a call; whether this one is to fail, or to be cut short. */
static bool is_struck(vfs_fault *fault, int kind, const char *path)
{
    for (unsigned i = 0; i < FAULT_KINDS; i++)
        fault->calls[i] += kind == 1 << i;
    if ((fault->kinds & kind) == 0)
        return false;
    fault->seen++;
    if (fault->fail_at == 0 || fault->seen < fault->fail_at || (fault->seen > fault->fail_at && !fault->for_good))
        return false;
    if (fault->failed++ == 0) {
        fault->failed_kind = kind;
        copy_path(fault->failed_path, path);
    }
    return true;
}

/* The same of a call that either fails or is done: the negative errno, or 0. */
static int decide(vfs_fault *fault, int kind, const char *path)
{
    return is_struck(fault, kind, path) ? -fault->error_number : 0;
}

static const char *path_of(const vfs_fault *fault, int file)
{
    assert(file >= 0 && file < FAULT_FILES && fault->files[file].is_open);
    return fault->files[file].path;
}

static int fault_open(void *context, const char *path, cask_open_mode mode)
{
    vfs_fault *fault = context;
    int kind = mode == CASK_OPEN_READ ? FAULT_OPEN : mode == CASK_OPEN_WRITE ? FAULT_OPEN_WRITE : FAULT_CREATE;
    int result = decide(fault, kind, path);

    if (result == 0)
        result = fault->inner->open(fault->inner->context, path, mode);
    if (result < 0)
        return result;
    assert(result < FAULT_FILES && !fault->files[result].is_open);
    fault->files[result].is_open = true;
    fault->files[result].sync_failed = false;
    copy_path(fault->files[result].path, path);
    return result;
}

static int fault_close(void *context, int file)
{
    vfs_fault *fault = context;
    int result = decide(fault, FAULT_CLOSE, path_of(fault, file)), closed;

    fault->files[file].is_open = false;
    closed = fault->inner->close(fault->inner->context, file);
    return result < 0 ? result : closed;
}

static size_t at_most(const vfs_fault *fault, size_t size)
{
    return fault->most != 0 && fault->most < size ? fault->most : size;
}

static size_t part_of(const vfs_fault *fault, size_t size)
{
    if (size == 0 || fault->part == FAULT_NO_PART)
        return 0;
    return fault->part == FAULT_ONE || size == 1 ? 1 : size / 2;
}

static int64_t fault_read_at(void *context, int file, void *buffer, size_t size, uint64_t offset)
{
    vfs_fault *fault = context;
    bool struck = is_struck(fault, FAULT_READ, path_of(fault, file));

    if (struck && !fault->goes_on)
        return -fault->error_number;
    return fault->inner->read_at(fault->inner->context, file, buffer,
                                 struck ? part_of(fault, size) : at_most(fault, size), offset);
}

enum { TABLE_ENTRY = 8, OLD_TABLE = 65536 };

/* A table of formats 2 and 3, which has no checksum. */
static bool is_old_table(const vfs_fault *fault, int file, const char *path)
{
    size_t length = strlen(path);
    uint64_t size = 0;

    return length >= 4 && strcmp(path + length - 4, ".off") == 0 &&
           fault->inner->size(fault->inner->context, file, &size) == 0 && size <= OLD_TABLE;
}

static int64_t fault_write_at(void *context, int file, const void *buffer, size_t size, uint64_t offset)
{
    vfs_fault *fault = context;
    bool struck = is_struck(fault, FAULT_WRITE, path_of(fault, file));
    size_t part = struck ? part_of(fault, size) : at_most(fault, size);
    int64_t written;

    /* A kernel copies by pages: it does not tear an entry of a table. Format 4 does not rely on it. */
    if (struck && !fault->goes_on && is_old_table(fault, file, path_of(fault, file)))
        part -= part % TABLE_ENTRY;
    written = part > 0 ? fault->inner->write_at(fault->inner->context, file, buffer, part, offset) : 0;
    return struck && !fault->goes_on ? -fault->error_number : written;
}

static int fault_sync(void *context, int file)
{
    vfs_fault *fault = context;
    int result = decide(fault, FAULT_SYNC, path_of(fault, file));

    fault->sync_retried |= fault->files[file].sync_failed;
    fault->files[file].sync_failed |= result < 0;
    return result < 0 ? result : fault->inner->sync(fault->inner->context, file);
}

static int fault_punch(void *context, int file, uint64_t offset, uint64_t size)
{
    vfs_fault *fault = context;
    int result = decide(fault, FAULT_PUNCH, path_of(fault, file));

    return result < 0 ? result : fault->inner->punch(fault->inner->context, file, offset, size);
}

static int fault_truncate(void *context, int file, uint64_t size)
{
    vfs_fault *fault = context;
    int result = decide(fault, FAULT_TRUNCATE, path_of(fault, file));

    return result < 0 ? result : fault->inner->truncate(fault->inner->context, file, size);
}

static int fault_size(void *context, int file, uint64_t *size_out)
{
    vfs_fault *fault = context;
    int result = decide(fault, FAULT_SIZE, path_of(fault, file));

    return result < 0 ? result : fault->inner->size(fault->inner->context, file, size_out);
}

static int fault_lock(void *context, int file)
{
    vfs_fault *fault = context;
    int result = decide(fault, FAULT_LOCK, path_of(fault, file));

    return result < 0 ? result : fault->inner->lock(fault->inner->context, file);
}

static int fault_stat(void *context, const char *path, cask_file_info *info_out)
{
    vfs_fault *fault = context;
    int result = decide(fault, FAULT_STAT, path);

    return result < 0 ? result : fault->inner->stat(fault->inner->context, path, info_out);
}

static int fault_rename(void *context, const char *from, const char *to)
{
    vfs_fault *fault = context;
    int result = decide(fault, FAULT_RENAME, to);

    return result < 0 ? result : fault->inner->rename(fault->inner->context, from, to);
}

static int fault_unlink(void *context, const char *path)
{
    vfs_fault *fault = context;
    int result = decide(fault, FAULT_UNLINK, path);

    return result < 0 ? result : fault->inner->unlink(fault->inner->context, path);
}

static int fault_make_folder(void *context, const char *path)
{
    vfs_fault *fault = context;
    int result = decide(fault, FAULT_MAKE_FOLDER, path);

    return result < 0 ? result : fault->inner->make_folder(fault->inner->context, path);
}

static int fault_sync_folder(void *context, const char *path)
{
    vfs_fault *fault = context;
    int result = decide(fault, FAULT_SYNC_FOLDER, path);

    return result < 0 ? result : fault->inner->sync_folder(fault->inner->context, path);
}

/* A listing that fails behind the first name. */
typedef struct first_name {
    int (*visit)(const char *name, void *payload);
    void *payload;
} first_name;

static int visit_first(const char *name, void *payload)
{
    first_name *first = payload;
    int result = first->visit(name, first->payload);

    return result != 0 ? result : 1;
}

static int fault_list(void *context, const char *path, int (*visit)(const char *name, void *payload), void *payload)
{
    vfs_fault *fault = context;
    int result = decide(fault, FAULT_LIST, path);
    first_name first = { visit, payload };

    if (result < 0 && fault->part != FAULT_NO_PART)
        fault->inner->list(fault->inner->context, path, visit_first, &first);
    return result < 0 ? result : fault->inner->list(fault->inner->context, path, visit, payload);
}

void vfs_fault_init(vfs_fault *fault, const cask_vfs *inner)
{
    memset(fault, 0, sizeof(*fault));
    fault->inner = inner;
    fault->vfs = (cask_vfs){
        .context = fault,
        .open = fault_open,
        .close = fault_close,
        .read_at = fault_read_at,
        .write_at = fault_write_at,
        .sync = fault_sync,
        .truncate = fault_truncate,
        .punch = fault_punch,
        .size = fault_size,
        .lock = fault_lock,
        .stat = fault_stat,
        .rename = fault_rename,
        .unlink = fault_unlink,
        .make_folder = fault_make_folder,
        .sync_folder = fault_sync_folder,
        .list = fault_list,
    };
}

uint64_t vfs_fault_calls(const vfs_fault *fault, int kinds)
{
    uint64_t count = 0;

    for (unsigned i = 0; i < FAULT_KINDS; i++)
        if ((kinds & 1 << i) != 0)
            count += fault->calls[i];
    return count;
}

unsigned vfs_fault_open_files(const vfs_fault *fault)
{
    unsigned count = 0;

    for (size_t i = 0; i < FAULT_FILES; i++)
        count += fault->files[i].is_open;
    return count;
}

void vfs_fault_clear(vfs_fault *fault)
{
    fault->kinds = 0;
    fault->fail_at = 0;
    fault->for_good = false;
    fault->part = FAULT_NO_PART;
    fault->goes_on = false;
    fault->most = 0;
    fault->seen = 0;
    fault->failed = 0;
    fault->failed_kind = 0;
    fault->failed_path[0] = 0;
    fault->sync_retried = false;
    memset(fault->calls, 0, sizeof(fault->calls));
}
