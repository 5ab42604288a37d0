/*
 * Changing the format of a column: the one place where the order of it is written down. See DESIGN.md for the table of
 * crash windows. From 2 or 3 to 4:
 *
 *   1. marks     of each file are written, with a trailer, behind the offsets, where the old formats do not look
 *   2. gaps      files that are absent get a sealed table without records; the folder is synced
 *   3. the conf  is replaced by one of format 4. That decides it
 *   4. memory    the new conf is published
 *
 * From 4 to 3:
 *
 *   1. checks    every file is one that format 3 can have, and is whole
 *   2. the conf  is replaced by one of format 3. That decides it
 *   3. memory    the new conf is published
 *   4. tidying   marks and trailers are cut off, tables without records and the list of pruned ranges deleted
 */
#include <stdlib.h>

#include "archive_internal.h"
#include "codec.h"
#include "error.h"
#include "fault.h"
#include "pruned_list.h"

/* Of the first commit of format 4; its trailers know of none before. */
#define FIRST_SEQUENCE 1

typedef struct upgrade {
    cask_column *column;
    cask_conf conf;
    cask_conf next;
    cask_buf payload;
    cask_buf value;
} upgrade;

/* Replace the conf, and forget what was read under the old one. Only if this fails nobody knows which one counts. */
static int change_conf(cask_column *column, const cask_conf *next)
{
    int code = cask_conf_create(next, column->vfs, column->folder.text, column->conf_path.text);

    if (code < 0) {
        cask_column_poison(column);
        return code;
    }
    column->committed = true;
    pthread_mutex_lock(&column->mutex);
    column->conf = *next;
    cask_column_forget_views(column);
    pthread_mutex_unlock(&column->mutex);
    return CASK_OK;
}

/* ---- To format 4: marks ---- */

/* Size of the value in u->payload, which is decoded to prove that it can be. */
static int measure(upgrade *u, const char *path, uint64_t slot, uint64_t offset, uint64_t *size_out)
{
    const cask_conf *conf = &u->conf;

    CASK_TRY(cask_value_size(conf, path, slot, offset, u->payload.data, u->payload.size, size_out));
    if (conf->codec == CASK_CODEC_NONE)
        return CASK_OK;
    return cask_record_value(&u->value, conf->codec, u->payload.data, u->payload.size, conf->max_value_size,
                             CASK_AT_SLOT(path, offset, slot));
}

static int mark_record(upgrade *u, cask_view *view, uint32_t index)
{
    uint64_t slot = view->file_id * CASK_SLOTS_PER_FILE + index;
    cask_location location;
    uint64_t value_size;

    CASK_TRY(cask_view_find(&location, u->column, &u->conf, view, slot));
    CASK_TRY(cask_buf_reserve(&u->payload, location.length));
    CASK_TRY(cask_view_read(u->column, &u->conf, view, slot, &location, u->payload.data));
    u->payload.size = location.length;
    CASK_TRY(measure(u, view->data->path.text, slot, location.offset, &value_size));
    view->value_bytes += value_size;
    cask_table_set(&view->table, index, location.offset, location.length,
                   cask_record_crc(slot, u->conf.record_type, location.length, u->payload.data));
    return CASK_OK;
}

static int mark_records(upgrade *u, cask_view *view)
{
    view->value_bytes = 0;
    for (uint32_t i = 0; i < CASK_SLOTS_PER_FILE; i++) {
        if (cask_table_has(&view->table, u->conf.version, i))
            CASK_TRY(mark_record(u, view, i));
    }
    return CASK_OK;
}

static cask_trailer trailer_for(const upgrade *u, const cask_view *view)
{
    cask_open_file file = cask_open_file_of(view, &u->next);

    return cask_trailer_of(&file, view->sealed, 0);
}

/* Take over the marks that an earlier run, which was stopped, has written for just these offsets and this data. */
static int find_marks(bool *found_out, const upgrade *u, cask_view *view, const cask_handle *handle, const char *path)
{
    uint8_t *marks = view->table.bytes + CASK_OFFSETS_SIZE;
    cask_trailer trailer, expected;
    size_t size;

    CASK_TRY(cask_trailer_read(&trailer, found_out, handle, path));
    if (!*found_out)
        return CASK_OK;
    CASK_TRY(cask_read_upto(handle, path, marks, CASK_OFFSETS_SIZE, CASK_OFFSETS_SIZE, &size));
    view->value_bytes = trailer.value_bytes;
    expected = trailer_for(u, view);
    *found_out = cask_trailer_hash(&trailer) == cask_trailer_hash(&expected);
    if (!*found_out)
        memset(marks, 0, CASK_OFFSETS_SIZE);
    return CASK_OK;
}

/* Marks that were found are written again: the sync of an earlier run may have failed, and then they stay in the page
 * cache and never get to the disk. */
static int write_marks(const cask_view *view, const cask_trailer *trailer, bool found, const cask_handle *handle,
                       const char *path)
{
    if (found && CASK_FAULT(upgrade_trusts_found_marks))
        return CASK_OK;
    CASK_TRY(cask_truncate(handle, path, CASK_TABLES_SIZE + CASK_TRAILER_SIZE));
    CASK_TRY(cask_write_all(handle, path, view->table.bytes + CASK_OFFSETS_SIZE, CASK_OFFSETS_SIZE,
                            CASK_OFFSETS_SIZE));
    CASK_TRY(cask_trailer_write(trailer, handle, path));
    return CASK_FAULT(upgrade_marks_not_synced) ? CASK_OK : cask_sync(handle, path);
}

static int upgrade_view(upgrade *u, cask_view *view)
{
    cask_path path = cask_table_path(u->column->folder.text, view->file_id);
    cask_handle handle = CASK_HANDLE_INIT;
    cask_trailer trailer;
    bool found = false;
    int code;

    view->sealed = view->file_id != cask_conf_current(&u->conf);
    CASK_TRY(cask_handle_open(&handle, u->column->vfs, path.text, CASK_OPEN_WRITE));
    code = find_marks(&found, u, view, &handle, path.text);
    if (code == CASK_OK && !found)
        code = mark_records(u, view);
    if (code == CASK_OK) {
        trailer = trailer_for(u, view);
        code = write_marks(view, &trailer, found, &handle, path.text);
    }
    if (code == CASK_OK && view->sealed)
        u->next.seals_digest ^= cask_trailer_hash(&trailer);
    else if (code == CASK_OK)
        u->next.open[0] = cask_open_file_of(view, &u->next);
    cask_handle_close(&handle);
    return code;
}

/* Whole at once: format 3 takes a part of a table for damage. Under its first name healing deletes it. */
static int fill_gap(upgrade *u, uint64_t file_id)
{
    const cask_column *column = u->column;
    cask_path path = cask_table_path(column->folder.text, file_id);
    cask_path unfinished = cask_replacement_table(column->folder.text);

    CASK_TRY(cask_seal_empty(column, unfinished.text, file_id, 0, &u->next.seals_digest));
    return cask_rename(column->vfs, unfinished.text, path.text);
}

static int upgrade_file(upgrade *u, uint64_t file_id)
{
    cask_view *view;
    int code = cask_view_load(&view, u->column, &u->conf, file_id);

    if (code == CASK_E_NOTFOUND && file_id != cask_conf_current(&u->conf))
        return fill_gap(u, file_id);
    if (code == CASK_E_NOTFOUND)
        return cask_fail_word(CASK_E_CORRUPT, "conf", CASK_IN_FILE(u->column->conf_path.text),
                              "the highest slot is in a file of no bytes; restore column.conf from a copy");
    CASK_TRY(code);
    code = upgrade_view(u, view);
    cask_view_release(view);
    return code;
}

/* ---- To format 4: the column ---- */

/* The first and the last of the files on disk; both CASK_NO_SLOT where there is none. */
static int ends_on_disk(uint64_t *first_out, uint64_t *last_out, const cask_column *column)
{
    uint64_t *ids = NULL;
    size_t count = 0;

    CASK_TRY(cask_list_file_ids(&ids, &count, column->vfs, column->folder.text));
    *first_out = count == 0 ? CASK_NO_SLOT : ids[0];
    *last_out = count == 0 ? CASK_NO_SLOT : ids[count - 1];
    free(ids);
    return CASK_OK;
}

static int upgrade_files(upgrade *u)
{
    uint64_t current, last;

    u->next.first_file_id = CASK_NO_SLOT;
    u->next.open_count = 0;
    if (cask_conf_is_empty(&u->conf))
        return CASK_OK;
    current = cask_conf_current(&u->conf);
    CASK_TRY(ends_on_disk(&u->next.first_file_id, &last, u->column));
    if (u->next.first_file_id > current)
        u->next.first_file_id = current;
    if (current - u->next.first_file_id >= CASK_COLUMN_FILES_MAX)
        return cask_fail(CASK_E_UNSUPPORTED, CASK_IN_FILE(u->column->folder.text),
                         "the column spans more than the %u files that format 4 can have", CASK_COLUMN_FILES_MAX);
    u->next.open_count = 1;
    for (uint64_t id = u->next.first_file_id; id <= current; id++)
        CASK_TRY(upgrade_file(u, id));
    return CASK_OK;
}

static int upgrade_column(upgrade *u)
{
    cask_column *column = u->column;

    u->next.version = 4;
    u->next.sequence = FIRST_SEQUENCE;
    CASK_TRY(upgrade_files(u));
    if (!CASK_FAULT(upgrade_folder_not_synced))
        CASK_TRY(cask_sync_folder(column->vfs, column->folder.text));
    return change_conf(column, &u->next);
}

/* ---- To format 3: checks ---- */

static int refuse(const cask_column *column, const char *reason)
{
    return cask_fail(CASK_E_UNSUPPORTED, CASK_IN_FILE(column->folder.text),
                     "the column cannot be of format 3: %s", reason);
}

/* Format 3 takes of a file all that is there. */
static int check_length(const cask_view *view)
{
    uint64_t size;

    if (view->data == NULL)
        return CASK_OK;
    CASK_TRY(cask_size(&view->data->handle, view->data->path.text, &size));
    if (size != view->data_length)
        return cask_fail_word(CASK_E_CORRUPT, "file-length", CASK_AT(view->data->path.text, size),
                              "the data file has %llu bytes, of which %llu are committed; open the column again, which "
                              "heals",
                              (unsigned long long)size, (unsigned long long)view->data_length);
    return CASK_OK;
}

/* What was pruned and forgotten leaves holes, which format 3 takes for damage, or takes away the highest slot. */
static int check_forgotten(const upgrade *u, const cask_view *view)
{
    const cask_conf *conf = &u->conf;
    bool is_current = view->file_id == cask_conf_current(conf);

    if (conf->pruned_entries == 0)
        return CASK_OK;
    if (is_current && !cask_table_has(&view->table, 4, cask_conf_last_index(conf, view->file_id)))
        return refuse(u->column, "the highest slot was pruned; fill it again, or write on");
    if (view->data_length == cask_view_live_bytes(view))
        return CASK_OK;
    return refuse(u->column, is_current
                                 ? "pruning has left holes in its current file; compact it when another is begun"
                                 : "pruning has left holes in its data files; compact it first");
}

static int check_view(const upgrade *u, const cask_view *view)
{
    if (view->pruned > 0)
        return refuse(u->column, "slots are pruned; forget that or fill them again, and compact the column");
    CASK_TRY(check_forgotten(u, view));
    if (view->codec != u->conf.codec)
        return refuse(u->column, "files were compacted to another codec; compact them to that of the column");
    return check_length(view);
}

static int check_file(const upgrade *u, uint64_t file_id, uint64_t *digest)
{
    cask_view *view;
    int code;

    CASK_TRY(cask_view_load(&view, u->column, &u->conf, file_id));
    code = check_view(u, view);
    if (code == CASK_OK && view->sealed)
        code = cask_seal_take_out(u->column, file_id, digest);
    cask_view_release(view);
    return code;
}

static int check_files(const upgrade *u)
{
    const cask_conf *conf = &u->conf;
    uint64_t digest = conf->seals_digest, first, last;

    if (cask_conf_is_empty(conf))
        return CASK_OK;
    for (uint64_t id = conf->first_file_id; id <= cask_conf_current(conf); id++)
        CASK_TRY(check_file(u, id, &digest));
    if (digest != 0)
        return cask_fail_word(CASK_E_CORRUPT, "seals-digest", CASK_IN_FILE(u->column->conf_path.text),
                              "a sealed file is not the one that was committed: it is an older copy, or was made "
                              "elsewhere");
    /* Format 3 does not say where a column begins: whatever file is there would be of it. */
    CASK_TRY(ends_on_disk(&first, &last, u->column));
    if (first < conf->first_file_id || last > cask_conf_current(conf))
        return cask_fail_word(CASK_E_CORRUPT, "stray-file",
                              CASK_IN_FILE(cask_data_path(u->column->folder.text,
                                                          first < conf->first_file_id ? first : last).text),
                              "this file, or its offset table, is of no commit; move both away and try again");
    return CASK_OK;
}

/* ---- To format 3: tidying ---- */

/* Cut off what is behind the offsets. *unused_out: there are none, and no data. */
static int tidy_open_table(bool *unused_out, const cask_column *column, uint64_t file_id, const cask_handle *handle,
                           const char *path)
{
    cask_path data = cask_data_path(column->folder.text, file_id);
    cask_offset_table *table;
    uint64_t size;
    bool has_data = false;
    int code;

    CASK_TRY(cask_size(handle, path, &size));
    if (size > CASK_OFFSETS_SIZE) {
        CASK_TRY(cask_truncate(handle, path, CASK_OFFSETS_SIZE));
        CASK_TRY(cask_sync(handle, path));
    }
    CASK_TRY(cask_exists(&has_data, column->vfs, data.text));
    if (has_data)
        return CASK_OK;
    table = malloc(sizeof *table);
    if (table == NULL)
        return cask_fail_nomem();
    code = cask_table_read(table, 3, handle, path);
    *unused_out = code == CASK_OK && cask_table_count(table, 3) == 0;
    free(table);
    return code;
}

static int tidy_table(const cask_column *column, uint64_t file_id)
{
    cask_path path = cask_table_path(column->folder.text, file_id);
    cask_handle handle = CASK_HANDLE_INIT;
    bool unused = false;
    int code = cask_handle_open(&handle, column->vfs, path.text, CASK_OPEN_WRITE);

    if (code == CASK_E_NOTFOUND) /* data alone: verify tells of it */
        return CASK_OK;
    CASK_TRY(code);
    code = tidy_open_table(&unused, column, file_id, &handle, path.text);
    cask_handle_close(&handle);
    CASK_TRY(code);
    return unused ? cask_unlink(column->vfs, path.text) : CASK_OK;
}

/* It has only what was forgotten. */
static int delete_pruned_list(const cask_column *column)
{
    cask_path path;

    CASK_TRY(cask_path_join(&path, column->folder.text, CASK_PRUNED_NAME));
    return cask_unlink(column->vfs, path.text);
}

/* Take away what formats 2 and 3 have no use for, of an upgrade that was stopped as well. */
static int tidy(const cask_column *column, const cask_conf *conf)
{
    uint64_t *ids = NULL;
    size_t count = 0;
    int code;

    CASK_TRY(cask_list_file_ids(&ids, &count, column->vfs, column->folder.text));
    code = CASK_OK;
    for (size_t i = 0; i < count && !cask_conf_is_empty(conf) && ids[i] <= cask_conf_current(conf); i++) {
        code = tidy_table(column, ids[i]);
        if (code < 0)
            break;
    }
    free(ids);
    CASK_TRY(code);
    CASK_TRY(delete_pruned_list(column));
    return cask_sync_folder(column->vfs, column->folder.text);
}

static int downgrade_column(upgrade *u)
{
    cask_conf *next = &u->next;

    if (u->conf.codec > CASK_CODEC_SNAPPY)
        return refuse(u->column, "it has no zstd; it stays as it is");
    CASK_TRY(check_files(u));
    next->version = 3;
    next->pruned_entries = 0;
    next->first_file_id = 0;
    next->seals_digest = 0;
    if (next->open_count > 1)
        next->open_count = 1;
    if (CASK_FAULT(downgrade_tidies_early))
        CASK_TRY(tidy(u->column, next));
    CASK_TRY(change_conf(u->column, next));
    return tidy(u->column, next);
}

/* ---- Both ---- */

int cask_column_upgrade(cask_column *column, uint32_t format_version)
{
    upgrade u = { .column = column };
    int code;

    CASK_TRY(cask_column_may_change(column, NULL));
    u.conf = u.next = cask_column_conf(column);
    if (format_version == u.conf.version)
        return format_version < 4 ? tidy(column, &u.conf) : CASK_OK;
    if (format_version == 4)
        code = upgrade_column(&u);
    else if (format_version == 3 && u.conf.version == 4)
        code = downgrade_column(&u);
    else
        code = cask_fail(CASK_E_UNSUPPORTED, CASK_IN_FILE(column->folder.text),
                         "a column of format %u cannot become one of format %u; 2 and 3 can become 4, and 4 can "
                         "become 3",
                         u.conf.version, format_version);
    cask_buf_dispose(&u.payload);
    cask_buf_dispose(&u.value);
    return code;
}
