#include "inputs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- Lists ---- */

static bool add_path(cli_paths *paths, const char *text)
{
    char *copy = strdup(text);

    if (copy == NULL)
        return false;
    if (paths->count == paths->capacity) {
        size_t capacity = paths->capacity == 0 ? 16 : 2 * paths->capacity;
        char **grown = realloc(paths->path, capacity * sizeof(*grown));

        if (grown == NULL) {
            free(copy);
            return false;
        }
        paths->path = grown;
        paths->capacity = capacity;
    }
    paths->path[paths->count++] = copy;
    return true;
}

/* For cask_era_files() and cask_archive_columns(); 1: out of memory. */
static int visit_path(const char *text, void *payload)
{
    return add_path(payload, text) ? 0 : 1;
}

static int fail_visit(cli_output *out, int code)
{
    return code < 0 ? cli_fail(out) : cli_fail_with(out, CASK_E_NOMEM, NULL, "out of memory; name fewer files");
}

void cli_paths_dispose(cli_paths *paths)
{
    for (size_t i = 0; i < paths->count; i++)
        free(paths->path[i]);
    free(paths->path);
    memset(paths, 0, sizeof(*paths));
}

int cli_add_era_files(cli_output *out, cli_paths *paths, const char *operand)
{
    size_t before = paths->count;
    int code = cask_era_files(operand, NULL, visit_path, paths);

    if (code != 0)
        return fail_visit(out, code);
    if (paths->count == before)
        return cli_fail_with(out, CASK_E_NOTFOUND, operand, "no era files in the folder; give one with *.era files");
    return CLI_DONE;
}

int cli_add_columns(cli_output *out, cli_paths *names, const cask_archive *archive)
{
    int code = cask_archive_columns(archive, visit_path, names);

    return code == 0 ? CLI_DONE : fail_visit(out, code);
}

/* ---- Archives ---- */

static int stop_at_first(const char *name, void *payload)
{
    (void)name;
    (void)payload;
    return 1;
}

/* Any folder opens read-only as an archive without columns. */
static bool is_archive(const cask_archive *archive)
{
    const char *text;
    size_t size;

    return cask_archive_identity(&text, &size, archive) == CASK_OK ||
           cask_archive_columns(archive, stop_at_first, NULL) != 0;
}

/* What is found without opening it as an archive: a file, or nothing. */
typedef struct kind_of_path {
    const char *path;
    bool is_file;
} kind_of_path;

static int note_kind(const char *path, void *payload)
{
    kind_of_path *kind = payload;

    kind->is_file = strcmp(path, kind->path) == 0;
    return 1;
}

int cli_try_archive(cli_output *out, cask_archive **archive_out, const char *path)
{
    cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;
    kind_of_path kind = { path, false };

    *archive_out = NULL;
    if (cask_era_files(path, NULL, note_kind, &kind) < 0)
        return cli_fail(out);
    if (kind.is_file)
        return CLI_DONE;
    options.read_only = true;
    if (cask_archive_open(archive_out, path, &options) < 0)
        return cask_error_last()->code == CASK_E_NOTFOUND ? CLI_DONE : cli_fail(out);
    if (!is_archive(*archive_out)) {
        cask_archive_close(*archive_out);
        *archive_out = NULL;
    }
    return CLI_DONE;
}

int cli_open_archive(cli_output *out, cask_archive **archive_out, const char *path, bool read_only)
{
    int status = cli_try_archive(out, archive_out, path);

    if (status != CLI_DONE)
        return status;
    if (*archive_out == NULL)
        return cli_fail_with(out, CASK_E_NOTFOUND, path, "not an archive; give a folder that import or put has made");
    if (read_only)
        return CLI_DONE;
    cask_archive_close(*archive_out);
    return cask_archive_open(archive_out, path, NULL) < 0 ? cli_fail(out) : CLI_DONE;
}

int cli_fail_column(cli_output *out, const cask_archive *archive, const char *archive_path, const char *name)
{
    cli_paths names = CLI_PATHS_INIT;
    char list[256] = "";
    size_t used = 0;
    bool known = false;
    int status;

    if (cask_error_last()->code != CASK_E_NOTFOUND)
        return cli_fail(out);
    status = cli_add_columns(out, &names, archive);
    if (status != CLI_DONE)
        goto out;
    for (size_t i = 0; i < names.count; i++) {
        int more = snprintf(list + used, sizeof(list) - used, "%s%s", used == 0 ? "" : ", ", names.path[i]);

        known = known || strcmp(names.path[i], name) == 0;
        used = (size_t)more < sizeof(list) - used ? used + (size_t)more : sizeof(list) - 1;
    }
    status = known ? cli_fail(out)
                   : cli_fail_with(out, CASK_E_NOTFOUND, archive_path, "no column %s; the archive has: %s", name, list);
out:
    cli_paths_dispose(&names);
    return status;
}

/* ---- Networks ---- */

int cli_load_network(cli_output *out, cask_network **network_out, const char *text)
{
    *network_out = NULL;
    if (text == NULL || cask_network_load(network_out, text, NULL) == CASK_OK)
        return CLI_DONE;
    return cli_fail(out);
}

/* ---- Bytes ---- */

/* Room for a byte more at least; the contents stay. */
static bool grow(cask_buf *bytes)
{
    size_t capacity = bytes->capacity == 0 ? 65536 : 2 * bytes->capacity;
    uint8_t *data = capacity > bytes->capacity ? realloc(bytes->data, capacity) : NULL;

    if (data == NULL)
        return false;
    bytes->data = data;
    bytes->capacity = capacity;
    return true;
}

static int read_stream(cli_output *out, cask_buf *bytes, FILE *file, const char *path)
{
    while (!feof(file)) {
        if (bytes->size == bytes->capacity && !grow(bytes))
            return cli_fail_with(out, CASK_E_NOMEM, path, "out of memory for the value; give a smaller one");
        bytes->size += fread(bytes->data + bytes->size, 1, bytes->capacity - bytes->size, file);
        if (ferror(file))
            return cli_fail_stdio(out, errno, path, path == NULL ? "read standard input" : "read the file");
        if (bytes->size > UINT32_MAX)
            return cli_fail_with(out, CASK_E_INVALID, path, "the value is larger than a record can be; give less");
    }
    return CLI_DONE;
}

/* What need not be opened to know. Opening a FIFO would wait for its other end; one that a shell has put into /dev/fd
 * is open there already. */
static int check_source(cli_output *out, const char *path)
{
    struct stat status;

    if (stat(path, &status) != 0)
        return CLI_DONE; /* opening it says why */
    if (S_ISFIFO(status.st_mode) && strncmp(path, "/dev/", 5) != 0)
        return cli_fail_with(out, CASK_E_INVALID, path, "a FIFO, not a file; pipe the value into standard input");
    if (status.st_size > UINT32_MAX)
        return cli_fail_with(out, CASK_E_INVALID, path, "the value is larger than a record can be; give less");
    return CLI_DONE;
}

int cli_read_all(cli_output *out, cask_buf *bytes, const char *path)
{
    int status = path == NULL ? CLI_DONE : check_source(out, path);
    FILE *file;

    if (status != CLI_DONE)
        return status;
    file = path == NULL ? stdin : fopen(path, "rb");
    if (file == NULL)
        return cli_fail_stdio(out, errno, path, "open the file");
    status = read_stream(out, bytes, file, path);
    if (path != NULL)
        fclose(file);
    return status;
}
