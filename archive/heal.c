/*
 * Healing: after a crash, back to what is committed. Corruption is found before anything is changed; each step can be
 * repeated, so a crash inside healing is healed by the next. See DESIGN.md.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "archive_internal.h"
#include "error.h"
#include "fault.h"
#include "pruned_list.h"

/* Uncommitted files are looked for this far beyond both ends. A crash may keep the name of a later one and lose that
 * of an earlier one. What lies farther is overwritten when the file is made. */
#define STRAY_SLACK 8

typedef struct healing {
    const cask_vfs *vfs;
    const char *folder;
    const char *conf_path;
    bool dry_run;
    cask_report_fn report;
    void *payload;
    cask_conf conf;
} healing;

__attribute__((format(printf, 5, 6))) static int tell(const healing *heal, const char *what, const char *file,
                                                      uint64_t offset, const char *format, ...)
{
    char message[256];
    cask_report report = { .what = what, .file = file, .slot = CASK_NO_SLOT, .offset = offset, .message = message };
    va_list arguments;

    if (heal->report == NULL)
        return CASK_OK;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return heal->report(&report, heal->payload);
}

int cask_check_witness(const cask_conf *conf, const char *conf_path, const cask_handle *handle, const char *path)
{
    cask_trailer trailer;
    bool valid;

    if (conf->version < 4)
        return CASK_OK;
    CASK_TRY(cask_trailer_read(&trailer, &valid, handle, path));
    if (valid && trailer.acknowledged > conf->sequence)
        return cask_fail_word(CASK_E_CORRUPT, "conf", CASK_IN_FILE(conf_path),
                              "the conf is of commit %llu, but %s knows of commit %llu; restore the newer column.conf",
                              (unsigned long long)conf->sequence, path, (unsigned long long)trailer.acknowledged);
    return CASK_OK;
}

static int check_witness(const healing *heal, const cask_handle *handle, const char *path)
{
    return cask_check_witness(&heal->conf, heal->conf_path, handle, path);
}

/* A crash leaves files, not folders. */
static int is_there(bool *there_out, const healing *heal, const char *path)
{
    cask_file_info info;
    int code = heal->vfs->stat(heal->vfs->context, path, &info);

    if (code < 0 && code != -ENOENT)
        return cask_fail_system(code, CASK_IN_FILE(path), "look for the file");
    if (code == CASK_OK && info.is_folder)
        return cask_fail_word(CASK_E_CORRUPT, "stray-file", CASK_IN_FILE(path),
                              "there is a folder where a file of the column would be; move it away");
    *there_out = code == CASK_OK;
    return CASK_OK;
}

/* ---- Files that are not committed ---- */

static int heal_stray_file(healing *heal, const char *path, bool is_table, bool *found)
{
    cask_handle handle = CASK_HANDLE_INIT;
    bool there = false;
    int code;

    CASK_TRY(is_there(&there, heal, path));
    if (!there)
        return CASK_OK;
    if (is_table) {
        CASK_TRY(cask_handle_open(&handle, heal->vfs, path, CASK_OPEN_READ));
        code = check_witness(heal, &handle, path);
        cask_handle_close(&handle);
        CASK_TRY(code);
    }
    *found = true;
    CASK_TRY(tell(heal, "uncommitted-file", path, CASK_NO_OFFSET, "the file is of no commit"));
    return heal->dry_run ? CASK_OK : cask_unlink(heal->vfs, path);
}

static int heal_stray(healing *heal, uint64_t file_id, bool *found)
{
    cask_path table = cask_table_path(heal->folder, file_id);
    cask_path data = cask_data_path(heal->folder, file_id);

    /* The table first: it may witness that the conf is an old one. */
    CASK_TRY(heal_stray_file(heal, table.text, true, found));
    return heal_stray_file(heal, data.text, false, found);
}

static int heal_any_file(const char *name, void *payload)
{
    uint64_t id;
    bool is_table, found;

    return cask_data_name_parse(name, &id, &is_table) ? heal_stray(payload, id, &found) : CASK_OK;
}

/* An empty column: its first batch may have made files anywhere. */
static int heal_strays_of_empty(healing *heal)
{
    return cask_list_folder(heal->vfs, heal->folder, heal_any_file, heal);
}

static int heal_strays_beyond(healing *heal)
{
    uint64_t last = CASK_NO_SLOT / CASK_SLOTS_PER_FILE;
    uint64_t id = cask_conf_current(&heal->conf);

    for (int missing = 0; missing < STRAY_SLACK && id < last; missing++) {
        bool here = false;

        CASK_TRY(heal_stray(heal, ++id, &here));
        if (here)
            missing = -1;
    }
    if (heal->conf.version < 4)
        return CASK_OK;
    id = heal->conf.first_file_id;
    for (int missing = 0; missing < STRAY_SLACK && id > 0; missing++) {
        bool here = false;

        CASK_TRY(heal_stray(heal, --id, &here));
        if (here)
            missing = -1;
    }
    return CASK_OK;
}

static int heal_strays(healing *heal)
{
    if (CASK_FAULT(healing_keeps_new_files))
        return CASK_OK;
    return cask_conf_is_empty(&heal->conf) ? heal_strays_of_empty(heal) : heal_strays_beyond(heal);
}

/* ---- Files that are listed ---- */

/* Also what needed no mending: an earlier process may have mended it and died before that was durable. */
static int sync_mended(const healing *heal, const cask_handle *handle, const char *path)
{
    return heal->dry_run || CASK_FAULT(healing_does_not_sync) ? CASK_OK : cask_sync(handle, path);
}

static int heal_data(healing *heal, const cask_open_file *file)
{
    cask_path path;
    cask_handle handle = CASK_HANDLE_INIT;
    uint64_t size;
    bool there = false;
    int code;

    CASK_TRY(cask_current_data_path(&path, heal->vfs, heal->folder, &heal->conf, file->file_id));
    if (file->data_length == 0) {
        CASK_TRY(is_there(&there, heal, path.text));
        if (!there)
            return CASK_OK;
        CASK_TRY(tell(heal, "uncommitted-file", path.text, CASK_NO_OFFSET, "the file is of no commit"));
        return heal->dry_run ? CASK_OK : cask_unlink(heal->vfs, path.text);
    }
    code = cask_handle_open(&handle, heal->vfs, path.text, heal->dry_run ? CASK_OPEN_READ : CASK_OPEN_WRITE);
    if (code == CASK_E_NOTFOUND)
        return cask_fail_word(CASK_E_CORRUPT, "missing-file", CASK_IN_FILE(path.text),
                              "the file is missing; restore it from a copy");
    CASK_TRY(code);
    code = cask_size(&handle, path.text, &size);
    if (code == CASK_OK && size < file->data_length)
        code = cask_fail_word(CASK_E_CORRUPT, "file-length", CASK_AT(path.text, size),
                              "the data file has %llu bytes, of which %llu are committed; restore it from a copy",
                              (unsigned long long)size, (unsigned long long)file->data_length);
    if (code == CASK_OK && size > file->data_length) {
        code = tell(heal, "uncommitted-data", path.text, file->data_length, "%llu bytes are of no commit",
                    (unsigned long long)(size - file->data_length));
        if (code == CASK_OK && !heal->dry_run && !CASK_FAULT(healing_does_not_truncate))
            code = cask_truncate(&handle, path.text, file->data_length);
    }
    if (code == CASK_OK)
        code = sync_mended(heal, &handle, path.text);
    cask_handle_close(&handle);
    return code;
}

static int heal_entries(healing *heal, const cask_open_file *file, const cask_handle *handle, const char *path,
                        cask_offset_table *table)
{
    uint32_t version = heal->conf.version;
    uint32_t zeroed;

    CASK_TRY(cask_table_read(table, version, handle, path));
    CASK_TRY(cask_table_settle(table, &zeroed, &heal->conf, file, path));
    if (zeroed == 0)
        return CASK_OK;
    CASK_TRY(tell(heal, "dangling-offset", path, CASK_NO_OFFSET, "%u entries are of no commit", zeroed));
    if (CASK_FAULT(healing_does_not_zero))
        return CASK_OK;
    return heal->dry_run ? CASK_OK : cask_table_write(table, version, 0, CASK_SLOTS_PER_FILE - 1, handle, path);
}

/* The trailer of an open file must say what the conf says; anything else is that of a commit that did not happen. */
static int heal_trailer(healing *heal, const cask_open_file *file, const cask_handle *handle, const char *path)
{
    cask_trailer trailer;
    cask_trailer expected = cask_trailer_of(file, false, heal->conf.sequence);
    uint64_t size;
    bool valid;

    CASK_TRY(check_witness(heal, handle, path));
    CASK_TRY(cask_size(handle, path, &size));
    CASK_TRY(cask_trailer_read(&trailer, &valid, handle, path));
    if (valid)
        expected.acknowledged = trailer.acknowledged;
    if (valid && size == CASK_TABLES_SIZE + CASK_TRAILER_SIZE &&
        cask_trailer_hash(&trailer) == cask_trailer_hash(&expected))
        return CASK_OK;
    CASK_TRY(tell(heal, "stale-seal", path, CASK_TABLES_SIZE, "the end of the offset table is of no commit"));
    if (heal->dry_run || CASK_FAULT(trailer_not_healed))
        return CASK_OK;
    expected.acknowledged = heal->conf.sequence;
    CASK_TRY(cask_truncate(handle, path, CASK_TABLES_SIZE));
    return cask_trailer_write(&expected, handle, path);
}

static int heal_table(healing *heal, const cask_open_file *file)
{
    cask_path path;
    cask_handle handle = CASK_HANDLE_INIT;
    cask_offset_table *table;
    int code;

    CASK_TRY(cask_current_table_path(&path, heal->vfs, heal->folder, &heal->conf, file->file_id));
    if (heal->conf.version < 4 && file->data_length == 0) {
        bool there = false;

        CASK_TRY(is_there(&there, heal, path.text));
        if (!there)
            return CASK_OK;
        CASK_TRY(tell(heal, "uncommitted-file", path.text, CASK_NO_OFFSET, "the file is of no commit"));
        return heal->dry_run ? CASK_OK : cask_unlink(heal->vfs, path.text);
    }
    table = malloc(sizeof *table);
    if (table == NULL)
        return cask_fail_nomem();
    code = cask_handle_open(&handle, heal->vfs, path.text, heal->dry_run ? CASK_OPEN_READ : CASK_OPEN_WRITE);
    if (code == CASK_E_NOTFOUND)
        code = cask_fail_word(CASK_E_CORRUPT, "missing-file", CASK_IN_FILE(path.text),
                              "the file is missing; restore it from a copy");
    if (code == CASK_OK)
        code = heal_entries(heal, file, &handle, path.text, table);
    if (code == CASK_OK && heal->conf.version >= 4)
        code = heal_trailer(heal, file, &handle, path.text);
    if (code == CASK_OK)
        code = sync_mended(heal, &handle, path.text);
    cask_handle_close(&handle);
    free(table);
    return code;
}

/* ---- The column ---- */

static int heal_temporary(healing *heal)
{
    cask_path path;
    bool there = false;

    CASK_TRY(cask_path_join(&path, heal->folder, "column.conf.tmp"));
    CASK_TRY(is_there(&there, heal, path.text));
    if (!there)
        return CASK_OK;
    CASK_TRY(tell(heal, "temporary-file", path.text, CASK_NO_OFFSET, "a conf that was not put in place"));
    return heal->dry_run ? CASK_OK : cask_unlink(heal->vfs, path.text);
}

/* A replacement that nothing intends to use. */
static int heal_replacement(healing *heal)
{
    cask_path files[] = { cask_replacement_data(heal->folder), cask_replacement_table(heal->folder) };

    if (heal->conf.intent.kind == CASK_INTENT_REPLACE)
        return CASK_OK;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        bool there = false;

        CASK_TRY(cask_exists(&there, heal->vfs, files[i].text));
        if (!there)
            continue;
        CASK_TRY(tell(heal, "temporary-file", files[i].text, CASK_NO_OFFSET, "a file that was not put in place"));
        if (!heal->dry_run)
            CASK_TRY(cask_unlink(heal->vfs, files[i].text));
    }
    return CASK_OK;
}

static int heal_pruned_list(healing *heal)
{
    bool found = false;
    cask_path path;

    if (heal->conf.version < 4)
        return CASK_OK;
    CASK_TRY(cask_path_join(&path, heal->folder, CASK_PRUNED_NAME));
    CASK_TRY(cask_pruned_list_heal(&found, heal->vfs, heal->folder, &heal->conf, heal->dry_run));
    return found ? tell(heal, "uncommitted-data", path.text, CASK_NO_OFFSET, "the end of the list is of no commit")
                 : CASK_OK;
}

/* What was decided is done, and then no longer intended. */
static int heal_intent(healing *heal)
{
    cask_conf *conf = &heal->conf;
    bool replace = conf->intent.kind == CASK_INTENT_REPLACE;
    cask_path path = cask_table_path(heal->folder, conf->intent.file_id);

    if (conf->intent.kind == CASK_INTENT_NONE)
        return CASK_OK;
    CASK_TRY(tell(heal, replace ? "unfinished-replacement" : "unfinished-prune", path.text, CASK_NO_OFFSET,
                  replace ? "a new file was not put in place yet" : "records were not taken out of the file yet"));
    if (heal->dry_run)
        return CASK_OK;
    if (!CASK_FAULT(healing_forgets_intent))
        CASK_TRY(cask_intent_finish(heal->vfs, heal->folder, conf));
    conf->intent = (cask_intent){ .kind = CASK_INTENT_NONE };
    conf->sequence++;
    return cask_conf_store(conf, heal->vfs, heal->folder, heal->conf_path);
}

static int heal_conf(healing *heal, cask_conf_damage damage)
{
    for (unsigned i = 0; i < CASK_CONF_COPIES; i++) {
        if ((damage.copies & 1u << i) != 0)
            CASK_TRY(tell(heal, "conf-copy", heal->conf_path, (uint64_t)i * CASK_CONF_COPY_SPACING,
                          "copy %u of the conf is damaged or of no commit", i));
    }
    if (heal->dry_run)
        return CASK_OK;
    return cask_conf_mend(&heal->conf, damage, heal->vfs, heal->folder, heal->conf_path);
}

/* What is deleted must not come back once the conf no longer lists it; also if an earlier process deleted it. */
static int sync_deletions(const healing *heal)
{
    return CASK_FAULT(deletions_not_synced) ? CASK_OK : cask_sync_folder(heal->vfs, heal->folder);
}

static int heal_listed(healing *heal)
{
    for (uint32_t i = 0; i < heal->conf.open_count; i++) {
        CASK_TRY(heal_table(heal, &heal->conf.open[i]));
        CASK_TRY(heal_data(heal, &heal->conf.open[i]));
    }
    return CASK_OK;
}

int cask_heal(cask_conf *conf_out, const cask_vfs *vfs, const char *folder, const char *conf_path, bool dry_run,
              cask_report_fn report, void *payload)
{
    healing heal = { .vfs = vfs, .folder = folder, .conf_path = conf_path };
    cask_conf_damage damage;

    CASK_TRY(cask_conf_load(&heal.conf, &damage, vfs, conf_path));
    *conf_out = heal.conf;
    /* First without changing anything: what is corrupt stays as it is. */
    heal.dry_run = true;
    heal.report = dry_run ? report : NULL;
    heal.payload = payload;
    for (;;) {
        if (!dry_run && !heal.dry_run)
            CASK_TRY(heal_conf(&heal, damage));
        CASK_TRY(heal_intent(&heal));
        CASK_TRY(heal_listed(&heal));
        CASK_TRY(heal_strays(&heal));
        CASK_TRY(heal_temporary(&heal));
        CASK_TRY(heal_replacement(&heal));
        CASK_TRY(heal_pruned_list(&heal));
        if (dry_run)
            return heal_conf(&heal, damage);
        if (!heal.dry_run)
            break;
        heal.dry_run = false;
        heal.report = report;
    }
    *conf_out = heal.conf;
    return sync_deletions(&heal);
}

/* What else is wrong with a file shows when it is read. */
static bool is_old_conf(void)
{
    return strcmp(cask_error_last()->word, "conf") == 0;
}

static int check_listed_witness(const healing *heal, uint64_t file_id)
{
    cask_handle handle = CASK_HANDLE_INIT;
    cask_path path;
    int code = cask_current_table_path(&path, heal->vfs, heal->folder, &heal->conf, file_id);

    if (code == CASK_OK)
        code = cask_handle_open(&handle, heal->vfs, path.text, CASK_OPEN_READ);
    if (code == CASK_OK)
        code = check_witness(heal, &handle, path.text);
    cask_handle_close(&handle);
    return code < 0 && is_old_conf() ? code : CASK_OK;
}

int cask_check_witnesses(const cask_conf *conf, const cask_vfs *vfs, const char *folder, const char *conf_path)
{
    healing heal = { .vfs = vfs, .folder = folder, .conf_path = conf_path, .dry_run = true, .conf = *conf };

    if (conf->version < 4)
        return CASK_OK;
    for (uint32_t i = 0; i < conf->open_count; i++)
        CASK_TRY(check_listed_witness(&heal, conf->open[i].file_id));
    return heal_strays(&heal) < 0 && is_old_conf() ? CASK_E_CORRUPT : CASK_OK;
}

int cask_column_heal(cask_archive *archive, const char *name, cask_report_fn report, void *payload)
{
    cask_path folder;
    cask_path conf_path;
    cask_file_info info;
    cask_conf conf;
    int found;

    if (!cask_column_name_valid(name))
        return cask_fail(CASK_E_INVALID, CASK_NOWHERE, "'%.40s' cannot be the name of a column", name);
    for (const cask_column *column = archive->writers; column != NULL; column = column->next_writer) {
        if (strcmp(column->name, name) == 0)
            return cask_fail(CASK_E_BUSY, CASK_IN_FILE(column->folder.text),
                             "the column is open for writing; it was healed then");
    }
    CASK_TRY(cask_path_join(&folder, archive->folder.text, name));
    CASK_TRY(cask_path_join(&conf_path, folder.text, "column.conf"));
    found = archive->vfs->stat(archive->vfs->context, conf_path.text, &info);
    if (found == -ENOENT)
        return cask_fail(CASK_E_NOTFOUND, CASK_IN_FILE(archive->folder.text), "there is no column %s", name);
    if (found < 0)
        return cask_fail_system(found, CASK_IN_FILE(conf_path.text), "look for the conf");
    return cask_heal(&conf, archive->vfs, folder.text, conf_path.text, archive->read_only, report, payload);
}
