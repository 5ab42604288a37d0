#include "vfs.h"

#include "error.h"
#include "fault.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cask_handle_open(cask_handle *handle, const cask_vfs *vfs, const char *path, cask_open_mode mode)
{
    int file = vfs->open(vfs->context, path, mode);

    handle->vfs = vfs;
    handle->file = file < 0 ? -1 : file;
    return file < 0 ? cask_fail_system(file, CASK_IN_FILE(path), "open the file") : CASK_OK;
}

void cask_handle_close(cask_handle *handle)
{
    if (handle->file >= 0)
        handle->vfs->close(handle->vfs->context, handle->file);
    handle->file = -1;
}

int cask_read_upto(const cask_handle *handle, const char *path, void *buffer, size_t size, uint64_t offset,
                   size_t *size_out)
{
    const cask_vfs *vfs = handle->vfs;
    uint8_t *to = buffer;
    size_t done = 0;

    while (done < size) {
        int64_t got = vfs->read_at(vfs->context, handle->file, to + done, size - done, offset + done);
        if (got < 0)
            return cask_fail_system((int)got, CASK_AT(path, offset + done), "read the file");
        if (got == 0)
            break;
        assert((uint64_t)got <= size - done);
        done += (size_t)got;
    }
    *size_out = done;
    return CASK_OK;
}

int cask_read_exact(const cask_handle *handle, const char *path, void *buffer, size_t size, uint64_t offset)
{
    size_t got;

    CASK_TRY(cask_read_upto(handle, path, buffer, size, offset, &got));
    if (got < size)
        return cask_fail_word(CASK_E_CORRUPT, "file-length", CASK_AT(path, offset + got),
                              "the file ends %zu bytes too early; restore it from a good copy", size - got);
    return CASK_OK;
}

int cask_write_all(const cask_handle *handle, const char *path, const void *buffer, size_t size, uint64_t offset)
{
    const cask_vfs *vfs = handle->vfs;
    const uint8_t *from = buffer;
    size_t done = 0;

    while (done < size) {
        int64_t put = vfs->write_at(vfs->context, handle->file, from + done, size - done, offset + done);
        if (put <= 0)
            return cask_fail_system(put == 0 ? -EIO : (int)put, CASK_AT(path, offset + done), "write the file");
        assert((uint64_t)put <= size - done);
        done += (size_t)put;
    }
    return CASK_OK;
}

int cask_sync(const cask_handle *handle, const char *path)
{
    int result = handle->vfs->sync(handle->vfs->context, handle->file);

    if (result < 0 && CASK_FAULT(sync_tried_again))
        result = handle->vfs->sync(handle->vfs->context, handle->file);
    return result < 0 ? cask_fail_system(result, CASK_IN_FILE(path), "make the file durable") : CASK_OK;
}

int cask_truncate(const cask_handle *handle, const char *path, uint64_t size)
{
    int result = handle->vfs->truncate(handle->vfs->context, handle->file, size);

    return result < 0 ? cask_fail_system(result, CASK_AT(path, size), "set the length of the file") : CASK_OK;
}

static int write_zeros(const cask_handle *handle, const char *path, uint64_t offset, uint64_t size)
{
    static const uint8_t zeros[65536];

    while (size > 0) {
        size_t part = size < sizeof zeros ? (size_t)size : sizeof zeros;

        CASK_TRY(cask_write_all(handle, path, zeros, part, offset));
        offset += part;
        size -= part;
    }
    return CASK_OK;
}

int cask_punch(const cask_handle *handle, const char *path, uint64_t offset, uint64_t size)
{
    int result = handle->vfs->punch(handle->vfs->context, handle->file, offset, size);

    if (result == -EOPNOTSUPP)
        return write_zeros(handle, path, offset, size);
    return result < 0 ? cask_fail_system(result, CASK_AT(path, offset), "free a part of the file") : CASK_OK;
}

int cask_size(const cask_handle *handle, const char *path, uint64_t *size_out)
{
    int result = handle->vfs->size(handle->vfs->context, handle->file, size_out);

    return result < 0 ? cask_fail_system(result, CASK_IN_FILE(path), "find the size of the file") : CASK_OK;
}

int cask_rename(const cask_vfs *vfs, const char *from, const char *to)
{
    int result = vfs->rename(vfs->context, from, to);

    return result < 0 ? cask_fail_system(result, CASK_IN_FILE(to), "replace the file") : CASK_OK;
}

int cask_unlink(const cask_vfs *vfs, const char *path)
{
    int result = vfs->unlink(vfs->context, path);

    return result < 0 && result != -ENOENT ? cask_fail_system(result, CASK_IN_FILE(path), "delete the file") : CASK_OK;
}

int cask_exists(bool *exists_out, const cask_vfs *vfs, const char *path)
{
    cask_file_info info;
    int result = vfs->stat(vfs->context, path, &info);

    if (result < 0 && result != -ENOENT)
        return cask_fail_system(result, CASK_IN_FILE(path), "look for the file");
    *exists_out = result == CASK_OK;
    return CASK_OK;
}

int cask_sync_folder(const cask_vfs *vfs, const char *path)
{
    int result = vfs->sync_folder(vfs->context, path);

    return result < 0 ? cask_fail_system(result, CASK_IN_FILE(path), "make the folder durable") : CASK_OK;
}

int cask_sync_parent(const cask_vfs *vfs, const char *path)
{
    char parent[4096];
    size_t size = strlen(path);

    if (size >= sizeof(parent))
        return cask_fail(CASK_E_INVALID, CASK_IN_FILE(path), "the path is too long; use a shorter one");
    while (size > 1 && path[size - 1] == '/')
        size--;
    while (size > 0 && path[size - 1] != '/')
        size--;
    while (size > 1 && path[size - 1] == '/')
        size--;
    memcpy(parent, path, size);
    parent[size] = '\0';
    return cask_sync_folder(vfs, size == 0 ? "." : parent);
}

/* The whole of an open file. */
static int read_whole(uint8_t **data_out, size_t *size_out, const cask_handle *handle, const char *path, size_t limit)
{
    uint64_t size;
    uint8_t *data;
    int result;

    CASK_TRY(cask_size(handle, path, &size));
    if (size > limit)
        return cask_fail_word(CASK_E_CORRUPT, "file-length", CASK_IN_FILE(path),
                              "the file has %" PRIu64 " bytes where at most %zu can be; restore it from a good copy",
                              size, limit);
    data = malloc((size_t)size + 1);
    if (data == NULL)
        return cask_fail_nomem();
    result = cask_read_exact(handle, path, data, (size_t)size, 0);
    if (result < 0) {
        free(data);
        return result;
    }
    data[size] = 0;
    *data_out = data;
    *size_out = (size_t)size;
    return CASK_OK;
}

int cask_read_file(uint8_t **data_out, size_t *size_out, const cask_vfs *vfs, const char *path, size_t limit)
{
    cask_handle handle;
    int result;

    assert(limit < SIZE_MAX);
    CASK_TRY(cask_handle_open(&handle, vfs, path, CASK_OPEN_READ));
    result = read_whole(data_out, size_out, &handle, path, limit);
    cask_handle_close(&handle);
    return result;
}

/* The temporary file, from its contents to its new name. */
static int fill_and_rename(cask_handle *handle, const char *temporary, const char *path, const void *data, size_t size)
{
    CASK_TRY(cask_write_all(handle, temporary, data, size, 0));
    if (!CASK_FAULT(temporary_not_synced))
        CASK_TRY(cask_sync(handle, temporary));
    return cask_rename(handle->vfs, temporary, path);
}

static int replace_through(const char *temporary, const cask_vfs *vfs, const char *folder, const char *path,
                           const void *data, size_t size)
{
    cask_handle handle;
    int result;

    if (CASK_FAULT(replaced_in_place))
        temporary = path;
    CASK_TRY(cask_handle_open(&handle, vfs, temporary, CASK_OPEN_TRUNCATE));
    result = fill_and_rename(&handle, temporary, path, data, size);
    cask_handle_close(&handle);
    if (result < 0) {
        vfs->unlink(vfs->context, temporary);
        return result;
    }
    return CASK_FAULT(rename_not_synced) ? CASK_OK : cask_sync_folder(vfs, folder);
}

int cask_replace_file(const cask_vfs *vfs, const char *folder, const char *path, const void *data, size_t size)
{
    char temporary[4096]; /* allocates nothing: this is the last step of a commit */
    int length = snprintf(temporary, sizeof(temporary), "%s.tmp", path);

    if (length < 0 || (size_t)length >= sizeof(temporary))
        return cask_fail(CASK_E_INVALID, CASK_IN_FILE(path), "the path is too long; use a shorter one");
    return replace_through(temporary, vfs, folder, path, data, size);
}

/* Keeps the visitor's cask_code apart from the errno of the listing. */
typedef struct folder_visit {
    int (*visit)(const char *name, void *payload);
    void *payload;
    int code;
} folder_visit;

static int visit_entry(const char *name, void *payload)
{
    folder_visit *each = payload;

    each->code = each->visit(name, each->payload);
    return each->code == CASK_OK ? 0 : 1;
}

int cask_list_folder(const cask_vfs *vfs, const char *path, int (*visit)(const char *name, void *payload),
                     void *payload)
{
    folder_visit each = { visit, payload, CASK_OK };
    int code = vfs->list(vfs->context, path, visit_entry, &each);

    return code < 0 ? cask_fail_system(code, CASK_IN_FILE(path), "list the folder") : each.code;
}
