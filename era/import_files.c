#include "import_files.h"

#include "era_check.h"

#include <stdlib.h>
#include <string.h>

/* ---- Finding ----------------------------------------------------------------------------------------------- */

static int make_room(import_files *files)
{
    size_t capacity = files->capacity == 0 ? 16 : files->capacity * 2;
    import_file *items;

    if (files->count < files->capacity)
        return CASK_OK;
    items = realloc(files->items, capacity * sizeof(*items));
    if (items == NULL)
        return cask_fail_nomem();
    files->items = items;
    files->capacity = capacity;
    return CASK_OK;
}

/* What is to be an era file by its suffix has a wrong name; anything else was given by mistake. */
static int parse_name(cask_era_name *name, const char *path)
{
    int code = cask_era_name_parse(name, path);
    const cask_error *error = cask_error_last();

    if (code == CASK_OK || strcmp(error->word, "") == 0)
        return code;
    return cask_fail_word(CASK_E_CORRUPT, error->word, CASK_IN_FILE(path), "%s", error->message);
}

static int add_file(const char *path, void *payload)
{
    import_files *files = payload;
    import_file file = { .era = NULL };

    CASK_TRY(parse_name(&file.name, path));
    CASK_TRY(make_room(files));
    file.path = strdup(path);
    if (file.path == NULL)
        return cask_fail_nomem();
    files->items[files->count++] = file;
    return CASK_OK;
}

static int compare_files(const void *a, const void *b)
{
    const import_file *left = a, *right = b;

    if (left->name.era != right->name.era)
        return left->name.era < right->name.era ? -1 : 1;
    return strcmp(left->path, right->path);
}

int import_files_gather(import_files *files, const char *const *paths, size_t path_count, const cask_vfs *vfs)
{
    for (size_t i = 0; i < path_count; i++)
        CASK_TRY(cask_era_files(paths[i], vfs, add_file, files));
    if (files->count == 0)
        return cask_fail(CASK_E_INVALID, CASK_IN_FILE(path_count > 0 ? paths[0] : NULL),
                         "no era file to import; give files, or a folder with files that end in .era");
    qsort(files->items, files->count, sizeof(*files->items), compare_files);
    return CASK_OK;
}

/* ---- Checking ---------------------------------------------------------------------------------------------- */

static int check_name(const import_file *file, const cask_network *network)
{
    if (strcmp(file->name.config_name, network->name) != 0)
        return cask_fail_word(CASK_E_WRONG_NETWORK, "name-config", CASK_IN_FILE(file->path),
                              "by its name the file is of network %s, not %s; import it into an archive of its own",
                              file->name.config_name, network->name);
    return CASK_OK;
}

static int check_name_era(const import_file *file)
{
    if (file->era->group_count > 0 && file->name.era == file->era->groups[0].facts.era)
        return CASK_OK;
    return cask_fail_word(CASK_E_CORRUPT, "name-era", CASK_IN_FILE(file->path),
                          "the era in the name is not that of the first group; rename the file, or take it from a good "
                          "copy");
}

/* A cask_report_fn: here a state at odds with the network means a file of another one. */
static int refuse_state(const cask_report *report, void *payload)
{
    if (strcmp(report->what, "state-config") != 0)
        return era_report_as_error(report, payload);
    return cask_fail_word(CASK_E_WRONG_NETWORK, report->what, CASK_AT_SLOT(report->file, report->offset, report->slot),
                          "%s", report->message);
}

static int check_state(const cask_era *era, size_t group, cask_network *network, era_state *state)
{
    const era_source source = era_source_of_group(era, group);
    const era_rules rules = { .network = network, .report = refuse_state, .trusted_slot = CASK_NO_SLOT };
    bool due;

    CASK_TRY(era_state_read_roots(state, era, group));
    CASK_TRY(era_check_state(&due, state, &source, &rules));
    if (!network->genesis_validators_root_known)
        era_network_set_genesis_validators_root(network, beacon_state_genesis_validators_root(state->head.data));
    return CASK_OK;
}

static int check_states(const cask_era *era, cask_network *network)
{
    era_state state = ERA_STATE_INIT;
    int code = CASK_OK;

    for (size_t i = 0; i < era->group_count && code == CASK_OK; i++)
        code = check_state(era, i, network, &state);
    era_state_dispose(&state);
    return code;
}

static int check_file(import_file *file, cask_network *network, const cask_vfs *vfs)
{
    CASK_TRY(check_name(file, network));
    CASK_TRY(cask_era_open(&file->era, file->path, network, vfs));
    CASK_TRY(check_name_era(file));
    return check_states(file->era, network);
}

int import_files_check(import_files *files, cask_network *network, const cask_vfs *vfs)
{
    for (size_t i = 0; i < files->count; i++) {
        CASK_TRY(check_file(&files->items[i], network, vfs));
        import_file_close(&files->items[i]); /* there may be more of them than a process may have open */
    }
    return CASK_OK;
}

/* ---- Files that were checked ------------------------------------------------------------------------------- */

int import_file_open(import_file *file, const cask_vfs *vfs)
{
    return cask_handle_open(&file->era->handle, vfs, file->path, CASK_OPEN_READ);
}

void import_file_close(import_file *file)
{
    cask_handle_close(&file->era->handle);
}

void import_files_dispose(import_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        cask_era_close(files->items[i].era);
        free(files->items[i].path);
    }
    free(files->items);
    *files = (import_files)IMPORT_FILES_INIT;
}
