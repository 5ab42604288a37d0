#include "image.h"

#include "files.h"

#include <errno.h>
#include <stdio.h>

enum { SLACK = 8192 };

size_t image_room(const image_file *file)
{
    return file->good_size + SLACK;
}

image_file *image_find(image *m, const char *name)
{
    for (size_t i = 0; i < m->count; i++)
        if (strcmp(m->files[i].name, name) == 0)
            return &m->files[i];
    return NULL;
}

/* ---- The table of calls ----------------------------------------------------------------------------------------- */

/* Name below the archive, or NULL for a path elsewhere. "" is the archive. */
static const char *name_of(const image *m, const char *path)
{
    size_t size = strlen(m->folder);

    if (strncmp(path, m->folder, size) != 0 || (path[size] != '/' && path[size] != 0))
        return NULL;
    return path[size] == 0 ? path + size : path + size + 1;
}

static image_file *find_path(image *m, const char *path)
{
    const char *name = name_of(m, path);
    image_file *file = name == NULL ? NULL : image_find(m, name);

    return file != NULL && file->there ? file : NULL;
}

/* The part of a file's name that follows that of the folder; NULL: it is not in it. */
static const char *below(const image_file *file, const char *folder)
{
    size_t size = strlen(folder);

    if (!file->there || strncmp(file->name, folder, size) != 0)
        return NULL;
    if (size == 0)
        return file->name;
    return file->name[size] == '/' ? file->name + size + 1 : NULL;
}

static bool is_folder(const image *m, const char *path)
{
    const char *name = name_of(m, path);

    for (size_t i = 0; i < m->count && name != NULL; i++)
        if (below(&m->files[i], name) != NULL)
            return true;
    return false;
}

static int image_open(void *context, const char *path, cask_open_mode mode)
{
    image *m = context;
    image_file *file = find_path(m, path);

    if (mode != CASK_OPEN_READ)
        return -EROFS;
    if (file == NULL)
        return is_folder(m, path) ? -EISDIR : -ENOENT;
    return (int)(file - m->files);
}

static int image_close(void *context, int file)
{
    (void)context;
    (void)file;
    return 0;
}

static int64_t image_read_at(void *context, int file, void *buffer, size_t size, uint64_t offset)
{
    const image_file *from = &((image *)context)->files[file];

    if (offset >= from->size)
        return 0;
    if (size > from->size - offset)
        size = from->size - (size_t)offset;
    memcpy(buffer, from->bytes + offset, size);
    return (int64_t)size;
}

static int image_size(void *context, int file, uint64_t *size_out)
{
    *size_out = ((image *)context)->files[file].size;
    return 0;
}

static int image_stat(void *context, const char *path, cask_file_info *info_out)
{
    const image_file *file = find_path(context, path);

    *info_out = (cask_file_info){ .size = file == NULL ? 0 : file->size, .is_folder = file == NULL };
    return file != NULL || is_folder(context, path) ? 0 : -ENOENT;
}

static int image_list(void *context, const char *path, int (*visit)(const char *name, void *payload), void *payload)
{
    image *m = context;
    const char *folder = name_of(m, path);
    int result = 0;

    if (find_path(m, path) != NULL)
        return -ENOTDIR;
    if (!is_folder(m, path))
        return -ENOENT;
    for (size_t i = 0; i < m->count && result == 0; i++) {
        const char *name = below(&m->files[i], folder);

        if (name != NULL && strchr(name, '/') == NULL)
            result = visit(name, payload);
    }
    return result;
}

/* ---- Reading it ------------------------------------------------------------------------------------------------- */

static image_file *add_file(image *m, const char *name, size_t room)
{
    image_file *file = &m->files[m->count++];

    assert_true(m->count <= IMAGE_FILES_MAX && strlen(name) < sizeof(file->name));
    *file = (image_file){ .bytes = calloc(1, room) };
    assert_non_null(file->bytes);
    memcpy(file->name, name, strlen(name) + 1);
    return file;
}

static void add_good_file(image *m, const cask_vfs *vfs, const char *path)
{
    size_t size;
    uint8_t *good = file_read(vfs, path, &size);
    image_file *file = add_file(m, name_of(m, path), size + SLACK);

    file->there = true;
    file->good = good;
    file->good_size = file->size = size;
    memcpy(file->bytes, good, size);
}

/* Where a listing has come to. */
typedef struct visit {
    image *m;
    const cask_vfs *vfs;
    const char *folder;
} visit;

static int visit_entry(const char *name, void *payload)
{
    const visit *v = payload;
    char *path = path_join(v->folder, name);
    visit inner = { v->m, v->vfs, path };
    cask_file_info info;

    assert_int_equal(v->vfs->stat(v->vfs->context, path, &info), 0);
    if (info.is_folder)
        assert_int_equal(v->vfs->list(v->vfs->context, path, visit_entry, &inner), 0);
    else
        add_good_file(v->m, v->vfs, path);
    free(path);
    return 0;
}

image *image_read(const cask_vfs *vfs, const char *folder)
{
    image *m = calloc(1, sizeof(*m));
    visit v = { m, vfs, folder };

    assert_non_null(m);
    m->folder = folder;
    m->vfs = (cask_vfs){ .context = m,
                         .open = image_open,
                         .close = image_close,
                         .read_at = image_read_at,
                         .size = image_size,
                         .stat = image_stat,
                         .list = image_list };
    assert_int_equal(vfs->list(vfs->context, folder, visit_entry, &v), 0);
    return m;
}

void image_free(image *m)
{
    for (size_t i = 0; i < m->count; i++) {
        free(m->files[i].bytes);
        free(m->files[i].good);
    }
    free(m);
}

/* ---- Damage ----------------------------------------------------------------------------------------------------- */

static void touch(image_file *file, size_t from, size_t to)
{
    if (file->from == file->to) {
        file->from = from;
        file->to = to;
        return;
    }
    file->from = from < file->from ? from : file->from;
    file->to = to > file->to ? to : file->to;
}

void image_resize(image_file *file, size_t size)
{
    assert_true(size <= image_room(file) || file->good == NULL);
    if (size > file->size)
        memset(file->bytes + file->size, 0, size - file->size);
    touch(file, size < file->size ? size : file->size, size > file->size ? size : file->size);
    file->size = size;
}

void image_patch(image_file *file, size_t offset, const void *bytes, size_t size)
{
    if (offset + size > file->size)
        image_resize(file, offset + size);
    memcpy(file->bytes + offset, bytes, size);
    touch(file, offset, offset + size);
}

void image_remove(image_file *file)
{
    file->there = false;
}

image_file *image_put(image *m, const char *name, const void *bytes, size_t size)
{
    image_file *file = image_find(m, name);

    if (file == NULL)
        file = add_file(m, name, size);
    if (size > image_room(file) || file->good == NULL) {
        file->bytes = realloc(file->bytes, size + SLACK);
        assert_non_null(file->bytes);
    }
    memcpy(file->bytes, bytes, size);
    touch(file, 0, size > file->size ? size : file->size);
    file->size = size;
    file->there = true;
    return file;
}

bool image_is_good(const image_file *file)
{
    return file->there == (file->good != NULL) && file->size == file->good_size &&
           memcmp(file->bytes + file->from, file->good + file->from,
                  (file->to < file->size ? file->to : file->size) - file->from) == 0;
}

void image_restore(image *m)
{
    for (size_t i = 0; i < m->count; i++) {
        image_file *file = &m->files[i];

        file->there = file->good != NULL;
        if (file->good != NULL && file->from < file->good_size)
            memcpy(file->bytes + file->from, file->good + file->from,
                   (file->to < file->good_size ? file->to : file->good_size) - file->from);
        file->size = file->good_size;
        file->from = file->to = 0;
    }
}

/* ---- The same on a disk ----------------------------------------------------------------------------------------- */

memory_disk *image_to_disk(const image *m)
{
    memory_disk *disk = memory_disk_new(), *fresh;
    const cask_vfs *vfs = memory_disk_vfs(disk);

    folder_make(vfs, m->folder);
    for (size_t i = 0; i < m->count; i++) {
        char *path = path_join(m->folder, m->files[i].name);
        char *slash = strrchr(path, '/');

        *slash = 0;
        folder_make(vfs, path);
        *slash = '/';
        file_write(vfs, path, m->files[i].good, m->files[i].good_size);
        free(path);
    }
    fresh = memory_disk_after_crash(disk, LOSS_UNSYNCED, 0);
    memory_disk_free(disk);
    return fresh;
}

void image_damage_disk(const image *m, memory_disk *disk)
{
    const cask_vfs *vfs = memory_disk_vfs(disk);

    for (size_t i = 0; i < m->count; i++) {
        const image_file *file = &m->files[i];
        size_t to = file->to < file->size ? file->to : file->size;
        char *path;

        if (file->there == (file->good != NULL) && file->from == file->to)
            continue;
        path = path_join(m->folder, file->name);
        if (!file->there) {
            file_remove(vfs, path);
        } else if (file->good == NULL) {
            file_write(vfs, path, file->bytes, file->size);
        } else {
            if (file->size != file->good_size)
                file_truncate(vfs, path, file->size);
            if (file->from < to)
                file_patch(vfs, path, file->from, file->bytes + file->from, to - file->from);
        }
        free(path);
    }
}

void image_restore_disk(const image *m, memory_disk *disk)
{
    const cask_vfs *vfs = memory_disk_vfs(disk);

    for (size_t i = 0; i < m->count; i++) {
        const image_file *file = &m->files[i];
        char *path;

        if (file->there == (file->good != NULL) && file->from == file->to)
            continue;
        path = path_join(m->folder, file->name);
        if (file->good != NULL)
            file_write(vfs, path, file->good, file->good_size);
        else if (file_exists(vfs, path))
            file_remove(vfs, path);
        free(path);
    }
}
