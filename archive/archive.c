#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "archive_internal.h"
#include "codec.h"
#include "error.h"
#include "fault.h"

/*
 * archive.conf is text: a first line, the identity, and a last line with the CRC-32C of all before it.
 */
static const char first_line[] = "slotcask archive 1\n";
static const char last_line[] = "crc32c: ";
#define LAST_LINE_SIZE (sizeof last_line - 1 + 8 + 1)
#define IDENTITY_MAX 60000u
#define ARCHIVE_CONF_MAX (IDENTITY_MAX + 256)

static void encode_last_line(char line[LAST_LINE_SIZE + 1], const void *text, size_t size)
{
    snprintf(line, LAST_LINE_SIZE + 1, "%s%08x\n", last_line, cask_crc32c(0, text, size));
}

static int decode_identity(cask_archive *archive, const char *text, size_t size, const char *path)
{
    size_t head = sizeof first_line - 1;
    char line[LAST_LINE_SIZE + 1];

    if (size < head + LAST_LINE_SIZE)
        return cask_fail_word(CASK_E_CORRUPT, "conf", CASK_IN_FILE(path),
                              "the file is cut off; restore it from a copy");
    encode_last_line(line, text, size - LAST_LINE_SIZE);
    if (memcmp(line, text + size - LAST_LINE_SIZE, LAST_LINE_SIZE) != 0)
        return cask_fail_word(CASK_E_CORRUPT, "conf", CASK_IN_FILE(path),
                              "the checksum in the last line is wrong; restore the file from a copy");
    if (memcmp(text, first_line, head) != 0)
        return cask_fail_word(CASK_E_UNSUPPORTED, "conf", CASK_IN_FILE(path),
                              "the first line is not '%.18s'; use a newer slotcask", first_line);
    archive->identity_size = size - head - LAST_LINE_SIZE;
    archive->identity = malloc(archive->identity_size + 1);
    if (archive->identity == NULL)
        return cask_fail_nomem();
    memcpy(archive->identity, text + head, archive->identity_size);
    archive->identity[archive->identity_size] = '\0';
    return CASK_OK;
}

static int load_identity(cask_archive *archive)
{
    cask_path path;
    uint8_t *text;
    size_t size;
    int code;

    CASK_TRY(cask_path_join(&path, archive->folder.text, "archive.conf"));
    code = cask_read_file(&text, &size, archive->vfs, path.text, ARCHIVE_CONF_MAX);
    if (code == CASK_E_NOTFOUND)
        return CASK_OK;
    CASK_TRY(code);
    code = decode_identity(archive, (const char *)text, size, path.text);
    free(text);
    return code;
}

int cask_archive_identity(const char **text_out, size_t *size_out, const cask_archive *archive)
{
    if (archive->identity == NULL)
        return cask_fail(CASK_E_NOTFOUND, CASK_IN_FILE(archive->folder.text), "the archive has no archive.conf");
    *text_out = archive->identity;
    *size_out = archive->identity_size;
    return CASK_OK;
}

int cask_archive_set_identity(cask_archive *archive, const char *text, size_t size)
{
    size_t head = sizeof first_line - 1;
    cask_path path;
    char *whole;
    int code;

    if (size > IDENTITY_MAX || memchr(text, '\0', size) != NULL)
        return cask_fail(CASK_E_INVALID, CASK_NOWHERE, "an identity is text of at most %u bytes", IDENTITY_MAX);
    if (archive->identity != NULL && archive->identity_size == size && memcmp(archive->identity, text, size) == 0)
        return CASK_OK;
    if (archive->read_only)
        return cask_fail(CASK_E_REFUSED, CASK_IN_FILE(archive->folder.text), "the archive was opened read-only");
    if (archive->identity != NULL)
        return cask_fail(CASK_E_CONFLICT, CASK_IN_FILE(archive->folder.text), "the archive has another identity");
    CASK_TRY(cask_path_join(&path, archive->folder.text, "archive.conf"));
    whole = malloc(head + size + LAST_LINE_SIZE + 1);
    if (whole == NULL)
        return cask_fail_nomem();
    memcpy(whole, first_line, head);
    memcpy(whole + head, text, size);
    encode_last_line(whole + head + size, whole, head + size);
    code = decode_identity(archive, whole, head + size + LAST_LINE_SIZE, path.text);
    if (code == CASK_OK)
        code = cask_replace_file(archive->vfs, archive->folder.text, path.text, whole, head + size + LAST_LINE_SIZE);
    free(whole);
    if (code < 0) {
        free(archive->identity);
        archive->identity = NULL;
    }
    return code;
}

/* ---- Open and close ---- */

static int make_folder(const cask_archive *archive)
{
    int code = archive->vfs->make_folder(archive->vfs->context, archive->folder.text);

    return code < 0 && code != -EEXIST
               ? cask_fail_system(code, CASK_IN_FILE(archive->folder.text), "make the folder of the archive")
               : CASK_OK;
}

static int check_folder(const cask_archive *archive)
{
    cask_file_info info;
    int code = archive->vfs->stat(archive->vfs->context, archive->folder.text, &info);

    if (code == -ENOENT)
        return cask_fail(CASK_E_NOTFOUND, CASK_IN_FILE(archive->folder.text), "there is no such folder");
    if (code < 0)
        return cask_fail_system(code, CASK_IN_FILE(archive->folder.text), "open the archive");
    if (!info.is_folder)
        return cask_fail(CASK_E_INVALID, CASK_IN_FILE(archive->folder.text), "an archive is a folder; this is a file");
    return CASK_OK;
}

/* The folder is durable before there is a lock in it: a process that made it may have died before it was. */
static int lock(cask_archive *archive)
{
    cask_path path;
    cask_file_info info;
    int code;

    CASK_TRY(cask_path_join(&path, archive->folder.text, "lock"));
    if (archive->vfs->stat(archive->vfs->context, path.text, &info) < 0 && !CASK_FAULT(archive_folder_not_synced))
        CASK_TRY(cask_sync_parent(archive->vfs, archive->folder.text));
    CASK_TRY(cask_handle_open(&archive->lock, archive->vfs, path.text, CASK_OPEN_CREATE));
    code = archive->vfs->lock(archive->vfs->context, archive->lock.file);
    if (code == -EWOULDBLOCK)
        return cask_fail(CASK_E_BUSY, CASK_IN_FILE(path.text),
                         "another process or handle writes to the archive; wait until it is done");
    return code < 0 ? cask_fail_system(code, CASK_IN_FILE(path.text), "lock the archive") : CASK_OK;
}

int cask_archive_open(cask_archive **archive_out, const char *path, const cask_archive_options *options)
{
    static const cask_archive_options defaults = CASK_ARCHIVE_OPTIONS_INIT;
    cask_archive *archive;
    size_t length = strlen(path);
    int code = CASK_OK;

    *archive_out = NULL;
    if (options == NULL)
        options = &defaults;
    if (options->struct_size != sizeof *options)
        return cask_fail(CASK_E_INVALID, CASK_NOWHERE, "archive options of another size; set them by the INIT macro");
    while (length > 1 && path[length - 1] == '/')
        length--;
    /* Room for the longest name of a column and of a file in it. */
    if (length == 0 || length > sizeof archive->folder.text - 96)
        return cask_fail(CASK_E_INVALID, CASK_NOWHERE, "the path of an archive has 1 to %zu bytes",
                         sizeof archive->folder.text - 96);
    archive = calloc(1, sizeof *archive);
    if (archive == NULL)
        return cask_fail_nomem();
    archive->vfs = options->vfs != NULL ? options->vfs : cask_vfs_posix();
    archive->read_only = options->read_only;
    archive->lock = (cask_handle)CASK_HANDLE_INIT;
    memcpy(archive->folder.text, path, length);
    if (options->create && !options->read_only)
        code = make_folder(archive);
    if (code == CASK_OK)
        code = check_folder(archive);
    if (code == CASK_OK && !archive->read_only)
        code = lock(archive);
    if (code == CASK_OK)
        code = load_identity(archive);
    /* A process that died may have left archive.conf in place but not durably. */
    if (code == CASK_OK && !archive->read_only && archive->identity != NULL)
        code = cask_sync_folder(archive->vfs, archive->folder.text);
    if (code < 0) {
        cask_archive_close(archive);
        return code;
    }
    *archive_out = archive;
    return CASK_OK;
}

void cask_archive_close(cask_archive *archive)
{
    if (archive == NULL)
        return;
    cask_handle_close(&archive->lock);
    free(archive->identity);
    free(archive);
}

/* ---- The columns there are ---- */

typedef struct name_list {
    const cask_archive *archive;
    char (*names)[CASK_COLUMN_NAME_MAX + 1];
    size_t count;
    size_t capacity;
} name_list;

static int stop_at_data(const char *name, void *payload)
{
    uint64_t id;
    bool is_table;

    (void)payload;
    return cask_data_name_parse(name, &id, &is_table) ? 1 : 0;
}

/* A folder with data files that lost its conf counts too: whoever looks at all columns must come upon the damage. */
static int is_column(bool *is_column_out, const cask_archive *archive, const char *name)
{
    const cask_vfs *vfs = archive->vfs;
    cask_path folder;
    cask_path conf;
    cask_file_info info;
    int code;

    CASK_TRY(cask_path_join(&folder, archive->folder.text, name));
    CASK_TRY(cask_path_join(&conf, folder.text, "column.conf"));
    code = vfs->stat(vfs->context, conf.text, &info);
    *is_column_out = code == 0;
    if (code == -ENOENT)
        code = vfs->list(vfs->context, folder.text, stop_at_data, NULL);
    *is_column_out |= code == 1;
    return code < 0 && code != -ENOENT && code != -ENOTDIR
               ? cask_fail_system(code, CASK_IN_FILE(folder.text), "look for the column")
               : CASK_OK;
}

static int collect_column(const char *name, void *payload)
{
    name_list *list = payload;
    bool counts = false;

    if (!cask_column_name_valid(name))
        return 0;
    CASK_TRY(is_column(&counts, list->archive, name));
    if (!counts)
        return 0;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 8 : list->capacity * 2;
        void *names = realloc(list->names, capacity * sizeof *list->names);

        if (names == NULL)
            return cask_fail_nomem();
        list->names = names;
        list->capacity = capacity;
    }
    memcpy(list->names[list->count++], name, strlen(name) + 1);
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

int cask_archive_columns(const cask_archive *archive, int (*visit)(const char *name, void *payload), void *payload)
{
    name_list list = { .archive = archive };
    int code = cask_list_folder(archive->vfs, archive->folder.text, collect_column, &list);

    if (list.count > 1)
        qsort(list.names, list.count, sizeof *list.names, compare_names);
    for (size_t i = 0; i < list.count && code == CASK_OK; i++)
        code = visit(list.names[i], payload);
    free(list.names);
    return code;
}
