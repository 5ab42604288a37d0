/* Around era files: which ones a folder has, and what their records decode to. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../archive/codec.h"
#include "../archive/error.h"
#include "../archive/vfs.h"
#include "slotcask/era.h"

/* Of a block or state, decoded. States of mainnet have passed 300 MB. */
#define SSZ_SIZE_MAX (UINT64_C(1) << 30)

int cask_era_decode(cask_buf *ssz, const cask_buf *stored)
{
    int code = cask_codec_decode_buf(ssz, CASK_CODEC_SNAPPY, stored->data, stored->size, SSZ_SIZE_MAX);

    if (code == CASK_E_INVALID)
        return cask_fail_word(CASK_E_CORRUPT, "snappy", CASK_NOWHERE, "%s", cask_error_last()->message);
    return code;
}

typedef struct path_list {
    const char *folder;
    size_t folder_size; /* without slashes at its end */
    char **paths;
    size_t count;
    size_t capacity;
} path_list;

static bool ends_in_era(const char *name)
{
    size_t size = strlen(name);

    return size >= 4 && strcmp(name + size - 4, ".era") == 0;
}

static bool make_room(path_list *list)
{
    size_t capacity = list->capacity == 0 ? 64 : 2 * list->capacity;
    char **paths;

    if (list->count < list->capacity)
        return true;
    paths = realloc(list->paths, capacity * sizeof(*paths));
    if (paths == NULL)
        return false;
    list->paths = paths;
    list->capacity = capacity;
    return true;
}

/* What add_path() returns, apart from every errno. */
enum { OUT_OF_MEMORY = 1 };

static int add_path(const char *name, void *payload)
{
    path_list *list = payload;
    size_t size = list->folder_size + strlen(name) + 2;
    char *path;

    if (!ends_in_era(name))
        return 0;
    path = make_room(list) ? malloc(size) : NULL;
    if (path == NULL)
        return OUT_OF_MEMORY;
    snprintf(path, size, "%.*s/%s", (int)list->folder_size, list->folder, name);
    list->paths[list->count++] = path;
    return 0;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_folder(path_list *list, const cask_vfs *vfs, const char *path)
{
    int code;

    list->folder = path;
    list->folder_size = strlen(path);
    while (list->folder_size > 1 && path[list->folder_size - 1] == '/')
        list->folder_size--;
    code = vfs->list(vfs->context, path, add_path, list);
    if (code == OUT_OF_MEMORY)
        return cask_fail_nomem();
    if (code < 0)
        return cask_fail_system(code, CASK_IN_FILE(path), "list the folder");
    if (list->count > 1)
        qsort(list->paths, list->count, sizeof(*list->paths), compare_paths);
    return CASK_OK;
}

int cask_era_files(const char *path, const cask_vfs *vfs, int (*visit)(const char *path, void *payload), void *payload)
{
    path_list list = { NULL, 0, NULL, 0, 0 };
    cask_file_info info;
    int code;

    if (vfs == NULL)
        vfs = cask_vfs_posix();
    code = vfs->stat(vfs->context, path, &info);
    if (code < 0)
        return cask_fail_system(code, CASK_IN_FILE(path), "look at the file");
    if (!info.is_folder)
        return visit(path, payload);
    code = list_folder(&list, vfs, path);
    for (size_t i = 0; i < list.count; i++) {
        if (code == CASK_OK)
            code = visit(list.paths[i], payload);
        free(list.paths[i]);
    }
    free(list.paths);
    return code;
}
