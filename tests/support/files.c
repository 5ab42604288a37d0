#define _XOPEN_SOURCE 700 /* nftw */
#include "files.h"

#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

char *temp_folder_new(void)
{
    char *path = strdup("test-XXXXXX");

    assert_non_null(path);
    assert_non_null(mkdtemp(path));
    return path;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

void folder_remove(const char *path)
{
    nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

void temp_folder_remove(char *path)
{
    if (path != NULL)
        folder_remove(path);
    free(path);
}

char *path_join(const char *folder, const char *name)
{
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = malloc(size);

    assert_non_null(path);
    snprintf(path, size, "%s/%s", folder, name);
    return path;
}

bool file_exists(const cask_vfs *vfs, const char *path)
{
    cask_file_info info;

    return vfs->stat(vfs->context, path, &info) == 0;
}

uint64_t file_size(const cask_vfs *vfs, const char *path)
{
    cask_file_info info;

    assert_int_equal(vfs->stat(vfs->context, path, &info), 0);
    return info.size;
}

uint8_t *file_read(const cask_vfs *vfs, const char *path, size_t *size_out)
{
    uint8_t *bytes;

    assert_ok(cask_read_file(&bytes, size_out, vfs, path, (size_t)1 << 30));
    return bytes;
}

static void write_through(const cask_vfs *vfs, const char *path, cask_open_mode mode, uint64_t offset,
                          const void *bytes, size_t size)
{
    cask_handle handle;

    assert_ok(cask_handle_open(&handle, vfs, path, mode));
    assert_ok(cask_write_all(&handle, path, bytes, size, offset));
    assert_ok(cask_sync(&handle, path));
    cask_handle_close(&handle);
}

static void sync_parent(const cask_vfs *vfs, const char *path)
{
    char *folder = strdup(path);
    char *slash;

    assert_non_null(folder);
    slash = strrchr(folder, '/');
    if (slash != NULL) {
        slash[slash == folder ? 1 : 0] = 0;
        assert_ok(cask_sync_folder(vfs, folder));
    }
    free(folder);
}

void file_write(const cask_vfs *vfs, const char *path, const void *bytes, size_t size)
{
    write_through(vfs, path, CASK_OPEN_TRUNCATE, 0, bytes, size);
    sync_parent(vfs, path);
}

void file_patch(const cask_vfs *vfs, const char *path, uint64_t offset, const void *bytes, size_t size)
{
    write_through(vfs, path, CASK_OPEN_WRITE, offset, bytes, size);
}

void file_truncate(const cask_vfs *vfs, const char *path, uint64_t size)
{
    cask_handle handle;

    assert_ok(cask_handle_open(&handle, vfs, path, CASK_OPEN_WRITE));
    assert_ok(cask_truncate(&handle, path, size));
    assert_ok(cask_sync(&handle, path));
    cask_handle_close(&handle);
}

void file_remove(const cask_vfs *vfs, const char *path)
{
    assert_int_equal(vfs->unlink(vfs->context, path), 0);
    sync_parent(vfs, path);
}

void folder_make(const cask_vfs *vfs, const char *path)
{
    int result = vfs->make_folder(vfs->context, path);

    assert_true(result == 0 || result == -EEXIST);
    sync_parent(vfs, path);
}

/* ---- Trees ------------------------------------------------------------------------------------------------------ */

typedef struct tree_file {
    char *path;
    uint8_t *bytes;
    size_t size;
    bool is_folder;
} tree_file;

struct tree {
    tree_file *files; /* by path, once read */
    size_t count;
    size_t folder_size; /* length of the path of the folder, with the slash */
};

typedef struct listing {
    tree *to;
    const char *folder;
} listing;

static int add_file(const char *name, void *payload)
{
    listing *l = payload;
    tree_file *grown = realloc(l->to->files, (l->to->count + 1) * sizeof(*grown));

    assert_non_null(grown);
    l->to->files = grown;
    grown[l->to->count++] = (tree_file){ .path = path_join(l->folder, name) };
    return 0;
}

static int compare_paths(const void *left, const void *right)
{
    return strcmp(((const tree_file *)left)->path, ((const tree_file *)right)->path);
}

tree *tree_read(const cask_vfs *vfs, const char *folder)
{
    tree *t = calloc(1, sizeof(*t));
    listing l = { t, folder };

    assert_non_null(t);
    t->folder_size = strlen(folder) + 1;
    assert_int_equal(vfs->list(vfs->context, folder, add_file, &l), 0);
    /* The list grows while it is walked: folders append what is in them. */
    for (size_t i = 0; i < t->count; i++) {
        cask_file_info info;

        l.folder = t->files[i].path;
        assert_int_equal(vfs->stat(vfs->context, l.folder, &info), 0);
        t->files[i].is_folder = info.is_folder;
        if (info.is_folder)
            assert_int_equal(vfs->list(vfs->context, l.folder, add_file, &l), 0);
        else
            t->files[i].bytes = file_read(vfs, l.folder, &t->files[i].size);
    }
    if (t->count > 0)
        qsort(t->files, t->count, sizeof(t->files[0]), compare_paths);
    return t;
}

void tree_free(tree *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->count; i++) {
        free(t->files[i].path);
        free(t->files[i].bytes);
    }
    free(t->files);
    free(t);
}

void tree_write(const tree *t, const cask_vfs *vfs, const char *folder)
{
    /* By path: a folder comes before what is in it. */
    for (size_t i = 0; i < t->count; i++) {
        const tree_file *file = &t->files[i];
        char *path = path_join(folder, file->path + t->folder_size);

        if (file->is_folder)
            folder_make(vfs, path);
        else
            file_write(vfs, path, file->bytes, file->size);
        free(path);
    }
}

static void assert_file_equal(const tree_file *left, const tree_file *right, const char *name)
{
    size_t common = left->size < right->size ? left->size : right->size;

    for (size_t i = 0; i < common && memcmp(left->bytes, right->bytes, common) != 0; i++)
        if (left->bytes[i] != right->bytes[i])
            fail_msg("%s: byte %zu is 0x%02x in one and 0x%02x in the other", name, i, left->bytes[i], right->bytes[i]);
    if (left->size != right->size)
        fail_msg("%s: %zu bytes in one and %zu in the other", name, left->size, right->size);
    if (left->is_folder != right->is_folder)
        fail_msg("%s: a folder in one, a file in the other", name);
}

void assert_tree_equal(const tree *left, const tree *right)
{
    for (size_t i = 0; i < left->count || i < right->count; i++) {
        const char *l = i < left->count ? left->files[i].path + left->folder_size : NULL;
        const char *r = i < right->count ? right->files[i].path + right->folder_size : NULL;

        if (l == NULL || r == NULL || strcmp(l, r) != 0)
            fail_msg("one has %s where the other has %s", l == NULL ? "no more files" : l,
                     r == NULL ? "no more files" : r);
        assert_file_equal(&left->files[i], &right->files[i], l);
    }
}

void assert_tree_unchanged(const tree *before, const cask_vfs *vfs, const char *folder)
{
    tree *after = tree_read(vfs, folder);

    assert_tree_equal(before, after);
    tree_free(after);
}
