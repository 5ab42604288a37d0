/*
 * Pruning, and forgetting that it was done: the one place where the order of it is written down. See DESIGN.md for the
 * table of crash windows. For each file:
 *
 *   1. the list    the range is added to the list of pruned ranges, durably
 *   2. intent      the conf is committed: it lists the file as it is to be, and what is to be done. That decides it
 *   3. memory      the file without the records is published
 *   4. the table   tombstones are written, and synced
 *   5. the bytes   are punched out of the data file, or it is emptied and deleted
 *   6. the end     the file is sealed again, if it was, and the conf committed without the intent
 *
 * Readers that do not know yet of step 3 find zeros or the end of the file, and look again.
 */
#include "archive_internal.h"
#include "codec.h"
#include "error.h"
#include "fault.h"
#include "pruned_list.h"

#include <stdlib.h>

/* ---- Steps 4 and 5, of pruning and of healing ---- */

uint32_t cask_intent_apply(const cask_conf *conf, uint64_t file_id, cask_offset_table *table)
{
    const cask_intent *intent = &conf->intent;

    if (cask_conf_intends(conf, CASK_INTENT_PRUNE, file_id))
        return cask_table_prune(table, intent->first, intent->last);
    if (cask_conf_intends(conf, CASK_INTENT_FORGET, file_id))
        return cask_table_forget(table, intent->first, intent->last);
    return 0;
}

int cask_table_settle(cask_offset_table *table, uint32_t *zeroed_out, const cask_conf *conf,
                      const cask_open_file *file, const char *path)
{
    *zeroed_out = 0;
    if (!CASK_FAULT(intent_not_applied))
        cask_intent_apply(conf, file->file_id, table);
    if (!CASK_FAULT(uncommitted_not_masked))
        *zeroed_out = cask_table_mask(table, file->data_length, cask_conf_last_index(conf, file->file_id));
    if (conf->version >= 4 && !cask_tables_fit(table, file->tables_crc, zeroed_out))
        return cask_fail_word(CASK_E_CORRUPT, "table-checksum", CASK_AT(path, 0),
                              "the committed part of the offset table does not match the conf; restore the file from "
                              "a copy");
    return CASK_OK;
}

/* The first page is written: file systems free whole pages before they zero what is left of others, and a reader relies
 * on the header of a record to go first. */
static int free_range(const cask_handle *handle, const char *path, uint64_t from, uint64_t end)
{
    static const uint8_t zeros[4096];
    uint64_t size = end - from;

    CASK_TRY(cask_write_all(handle, path, zeros, size < sizeof zeros ? (size_t)size : sizeof zeros, from));
    return size > sizeof zeros ? cask_punch(handle, path, from, size) : CASK_OK;
}

/* What steps 4 and 5 need room for. */
typedef struct finishing {
    cask_offset_table table;
    uint64_t entries[CASK_SLOTS_PER_FILE][2];
} finishing;

/* Free the bytes of an open data file, of `data_length`, that no entry of its table leads to. */
static int punch_dead(const cask_handle *handle, const char *path, finishing *room, uint64_t data_length)
{
    size_t count = cask_table_by_offset(room->entries, &room->table, 4);
    uint64_t at = CASK_DATA_START;

    for (size_t i = 0; i <= count; i++) {
        uint64_t end = i < count ? room->entries[i][0] : data_length;

        if (at < end)
            CASK_TRY(free_range(handle, path, at, end));
        if (i < count)
            end += CASK_RECORD_HEADER_SIZE + (uint64_t)cask_table_length(&room->table, (uint32_t)room->entries[i][1]);
        if (end > at)
            at = end;
    }
    return CASK_OK;
}

/* Emptied first: who has it open looks again then. */
static int delete_data(const cask_vfs *vfs, const char *folder, const char *path)
{
    cask_handle handle = CASK_HANDLE_INIT;
    int code = cask_handle_open(&handle, vfs, path, CASK_OPEN_WRITE);

    if (code < 0 && code != CASK_E_NOTFOUND)
        return code;
    if (code == CASK_OK)
        code = cask_truncate(&handle, path, 0);
    else
        code = CASK_OK;
    cask_handle_close(&handle);
    CASK_TRY(code);
    CASK_TRY(cask_unlink(vfs, path));
    return CASK_FAULT(deletions_not_synced) ? CASK_OK : cask_sync_folder(vfs, folder);
}

static int free_bytes(const cask_vfs *vfs, const char *folder, const cask_open_file *file, finishing *room)
{
    cask_path path = cask_data_path(folder, file->file_id);
    cask_handle handle = CASK_HANDLE_INIT;
    int code;

    if (CASK_FAULT(pruned_bytes_kept))
        return CASK_OK;
    if (file->data_length == 0)
        return delete_data(vfs, folder, path.text);
    CASK_TRY(cask_handle_open(&handle, vfs, path.text, CASK_OPEN_WRITE));
    code = punch_dead(&handle, path.text, room, file->data_length);
    if (code == CASK_OK && !CASK_FAULT(punch_not_synced))
        code = cask_sync(&handle, path.text);
    cask_handle_close(&handle);
    return code;
}

static int write_table(const cask_vfs *vfs, const char *folder, const cask_conf *conf, const cask_open_file *file,
                       cask_offset_table *table)
{
    cask_path path = cask_table_path(folder, file->file_id);
    cask_trailer trailer = cask_trailer_of(file, false, conf->sequence);
    cask_handle handle = CASK_HANDLE_INIT;
    uint32_t zeroed;
    int code;

    CASK_TRY(cask_handle_open(&handle, vfs, path.text, CASK_OPEN_WRITE));
    code = cask_table_read(table, 4, &handle, path.text);
    if (code == CASK_OK)
        code = cask_table_settle(table, &zeroed, conf, file, path.text);
    if (code == CASK_OK && !CASK_FAULT(tombstones_not_written))
        code = cask_table_write(table, 4, conf->intent.first, conf->intent.last, &handle, path.text);
    if (code == CASK_OK)
        code = cask_trailer_write(&trailer, &handle, path.text);
    if (code == CASK_OK && !CASK_FAULT(tombstones_not_synced))
        code = cask_sync(&handle, path.text);
    cask_handle_close(&handle);
    return code;
}

/* Steps 4 and 5. */
static int finish(const cask_vfs *vfs, const char *folder, const cask_conf *conf, finishing *room)
{
    const cask_open_file *file = cask_conf_find(conf, conf->intent.file_id);

    CASK_TRY(write_table(vfs, folder, conf, file, &room->table));
    return conf->intent.kind == CASK_INTENT_PRUNE ? free_bytes(vfs, folder, file, room) : CASK_OK;
}

static int make_room_and_finish(const cask_vfs *vfs, const char *folder, const cask_conf *conf)
{
    finishing *room = malloc(sizeof *room);
    int code = room == NULL ? cask_fail_nomem() : finish(vfs, folder, conf, room);

    free(room);
    return code;
}

int cask_intent_finish(const cask_vfs *vfs, const char *folder, const cask_conf *conf)
{
    switch (conf->intent.kind) {
    case CASK_INTENT_NONE: return CASK_OK;
    case CASK_INTENT_REPLACE: return cask_replacement_finish(vfs, folder, conf->intent.file_id);
    case CASK_INTENT_PRUNE:
    case CASK_INTENT_FORGET: return make_room_and_finish(vfs, folder, conf);
    }
    return CASK_OK;
}

/* ---- One file ---- */

typedef struct file_change {
    cask_column *column;
    cask_intent intent;
    cask_view *view; /* the file as it is to be */
    uint32_t slots;  /* changed */
    /* Memory that it needs once it is begun: */
    cask_pruned_entry *entries; /* for the list */
    size_t entry_count;
    finishing *room;
    cask_view *ended; /* a copy of `view`, since what was published never changes */
} file_change;

/* Of the values that are given up: those of the file are known as a sum only. What cannot be read counts as stored. */
static int value_bytes_of(uint64_t *size_out, const file_change *change, const cask_conf *conf, const cask_view *old,
                          uint32_t index, cask_buf *payload)
{
    uint64_t slot = old->file_id * CASK_SLOTS_PER_FILE + index;
    cask_location location;

    *size_out = 0;
    if (cask_view_find(&location, change->column, conf, old, slot) < 0)
        return CASK_OK;
    *size_out = location.length;
    if (old->codec == CASK_CODEC_NONE)
        return CASK_OK;
    CASK_TRY(cask_buf_reserve(payload, location.length));
    if (cask_read_exact(&old->data->handle, old->data->path.text, payload->data, location.length,
                        location.offset + CASK_RECORD_HEADER_SIZE) < 0 ||
        cask_codec_size(old->codec, payload->data, location.length, conf->max_value_size, size_out) < 0)
        *size_out = location.length;
    return CASK_OK;
}

/* What is left of the sums of the file. */
static int count_pruned(file_change *change, const cask_view *old)
{
    cask_conf conf = cask_column_conf(change->column);
    cask_buf payload = CASK_BUF_INIT;
    cask_view *view = change->view;
    int code = CASK_OK;

    view->pruned += change->slots;
    view->records -= change->slots;
    if (view->records == 0) {
        view->data_length = 0;
        view->value_bytes = 0;
        cask_data_file_release(view->data);
        view->data = NULL;
        return CASK_OK;
    }
    for (uint32_t i = change->intent.first; i <= change->intent.last && code == CASK_OK; i++) {
        uint64_t size = 0;

        if (cask_table_has(&old->table, 4, i))
            code = value_bytes_of(&size, change, &conf, old, i, &payload);
        view->value_bytes -= size < view->value_bytes ? size : view->value_bytes;
    }
    cask_buf_dispose(&payload);
    return code;
}

static int apply(file_change *change, const cask_view *old)
{
    cask_conf wanted = { .intent = change->intent };

    change->slots = cask_intent_apply(&wanted, change->intent.file_id, &change->view->table);
    change->view->sealed = false;
    if (change->intent.kind == CASK_INTENT_PRUNE && change->slots > 0)
        return count_pruned(change, old);
    change->view->pruned -= change->slots;
    return CASK_OK;
}

/* The slots that change, as ranges: a skipped slot among them may be filled later. */
static void list_ranges(file_change *change, const cask_view *old)
{
    const cask_intent *intent = &change->intent;

    for (uint32_t i = intent->first; i <= intent->last; i++) {
        uint64_t slot = intent->file_id * CASK_SLOTS_PER_FILE + i;

        if (cask_table_offset(&change->view->table, i) == cask_table_offset(&old->table, i))
            continue;
        if (change->entry_count > 0 && change->entries[change->entry_count - 1].last + 1 == slot)
            change->entries[change->entry_count - 1].last = slot;
        else
            change->entries[change->entry_count++] = (cask_pruned_entry){ slot, slot, intent->kind };
    }
}

static int reserve(file_change *change, const cask_view *old)
{
    change->entries = malloc(change->slots * sizeof *change->entries);
    change->room = malloc(sizeof *change->room);
    if (change->entries == NULL || change->room == NULL)
        return cask_fail_nomem();
    list_ranges(change, old);
    return cask_view_copy(&change->ended, change->view);
}

/* The conf that decides it. */
static int conf_with_intent(cask_conf *conf, const file_change *change, bool *was_sealed)
{
    cask_column *column = change->column;
    cask_open_file file;

    *conf = cask_column_conf(column);
    file = cask_open_file_of(change->view, conf);
    *was_sealed = cask_conf_find(conf, file.file_id) == NULL;
    if (*was_sealed) {
        CASK_TRY(cask_seal_take_out(column, file.file_id, &conf->seals_digest));
        if (conf->open_count == CASK_CONF_OPEN_MAX)
            CASK_TRY(cask_seal_oldest(column, conf, NULL, NULL));
        conf->open[conf->open_count++] = file;
    } else {
        for (uint32_t i = 0; i < conf->open_count; i++) {
            if (conf->open[i].file_id == file.file_id)
                conf->open[i] = file;
        }
    }
    conf->intent = change->intent;
    if (CASK_FAULT(prune_without_intent))
        conf->intent = (cask_intent){ .kind = CASK_INTENT_NONE };
    conf->sequence++;
    return CASK_OK;
}

static int add_to_list(const file_change *change, cask_conf *conf)
{
    CASK_TRY(cask_pruned_list_add(change->column->vfs, change->column->folder.text, conf, change->entries,
                                  change->entry_count));
    conf->pruned_entries += (uint32_t)change->entry_count;
    return CASK_OK;
}

static int store(const cask_column *column, const cask_conf *conf)
{
    return cask_conf_store(conf, column->vfs, column->folder.text, column->conf_path.text);
}

static void publish(const file_change *change, const cask_conf *conf, cask_view *view)
{
    atomic_fetch_add(&view->references, 1);
    cask_column_publish(change->column, conf, &view, 1);
}

/* Step 6. */
static int end_change(const file_change *change, cask_conf *conf, bool was_sealed)
{
    cask_column *column = change->column;

    change->ended->sealed = was_sealed;
    conf->intent = (cask_intent){ .kind = CASK_INTENT_NONE };
    if (was_sealed) {
        cask_open_file file = *cask_conf_find(conf, change->intent.file_id);

        CASK_TRY(cask_seal_write(column, &file, conf->sequence, &conf->seals_digest));
        cask_conf_delist(conf, file.file_id);
    }
    conf->sequence++;
    CASK_TRY(store(column, conf));
    publish(change, conf, change->ended);
    return CASK_OK;
}

/* Steps 1 to 6. Up to the list nothing is changed. */
static int carry_out(const file_change *change, bool *begun)
{
    cask_column *column = change->column;
    cask_conf conf;
    bool was_sealed = false;

    CASK_TRY(conf_with_intent(&conf, change, &was_sealed));
    *begun = true;
    CASK_TRY(add_to_list(change, &conf));
    if (CASK_FAULT(bytes_freed_before_intent)) {
        cask_conf wanted = conf;

        wanted.intent = change->intent;
        CASK_TRY(cask_intent_finish(column->vfs, column->folder.text, &wanted));
    }
    CASK_TRY(store(column, &conf));
    column->committed = true;
    publish(change, &conf, change->view);
    if (CASK_FAULT(prune_ends_early)) {
        cask_conf ended = conf;

        ended.intent = (cask_intent){ .kind = CASK_INTENT_NONE };
        ended.sequence++;
        CASK_TRY(store(column, &ended));
    }
    CASK_TRY(finish(column->vfs, column->folder.text, &conf, change->room));
    return end_change(change, &conf, was_sealed);
}

uint64_t cask_view_live_bytes(const cask_view *view)
{
    uint64_t bytes = view->records == 0 ? 0 : CASK_DATA_START;

    for (uint32_t i = 0; i < CASK_SLOTS_PER_FILE; i++) {
        if (cask_table_has(&view->table, 4, i))
            bytes += CASK_RECORD_HEADER_SIZE + (uint64_t)cask_table_length(&view->table, i);
    }
    return bytes;
}

static int change_view(file_change *change, const cask_view *old)
{
    bool begun = false;
    int code;

    CASK_TRY(cask_view_copy(&change->view, old));
    CASK_TRY(apply(change, old));
    if (change->slots == 0)
        return CASK_OK;
    CASK_TRY(reserve(change, old));
    code = carry_out(change, &begun);
    if (code < 0 && begun)
        cask_column_poison(change->column);
    return code;
}

static int change_file(cask_change *sum, cask_column *column, cask_intent intent)
{
    file_change change = { .column = column, .intent = intent };
    cask_view *old;
    int code;

    CASK_TRY(cask_view_get(&old, NULL, column, intent.file_id));
    code = change_view(&change, old);
    if (code == CASK_OK && change.slots > 0) {
        sum->files++;
        sum->slots += change.slots;
        sum->bytes_before += cask_view_live_bytes(old);
        sum->bytes_after += cask_view_live_bytes(change.view);
    }
    free(change.entries);
    free(change.room);
    cask_view_release(change.ended);
    cask_view_release(change.view);
    cask_view_release(old);
    return code;
}

/* ---- A range of slots ---- */

int cask_column_may_change(cask_column *column, const char *act)
{
    const char *folder = column->folder.text;

    if (!column->writable)
        return cask_fail(CASK_E_REFUSED, CASK_IN_FILE(folder), "the archive was opened read-only");
    if (column->batch != NULL)
        return cask_fail(CASK_E_BUSY, CASK_IN_FILE(folder), "a batch is open; commit or abort it first");
    if (cask_column_poisoned(column))
        return cask_fail(CASK_E_POISONED, CASK_IN_FILE(folder),
                         "an earlier write failed; close the archive and open it again, which heals");
    if (act != NULL && cask_column_conf(column).version < 4)
        return cask_fail(CASK_E_UNSUPPORTED, CASK_IN_FILE(folder),
                         "format %u cannot be %s; upgrade the column to format 4 first",
                         cask_column_conf(column).version, act);
    return CASK_OK;
}

static int change_range(cask_change *sum, cask_column *column, cask_intent_kind kind, uint64_t first, uint64_t last)
{
    cask_conf conf;
    uint64_t first_file = first / CASK_SLOTS_PER_FILE, last_file = last / CASK_SLOTS_PER_FILE;

    *sum = (cask_change){ 0 };
    CASK_TRY(cask_column_may_change(column, "pruned"));
    if (first > last)
        return cask_fail(CASK_E_INVALID, CASK_NOWHERE, "the range ends before it begins");
    conf = cask_column_conf(column);
    if (cask_conf_is_empty(&conf))
        return CASK_OK;
    for (uint64_t id = first_file > conf.first_file_id ? first_file : conf.first_file_id;
         id <= last_file && id <= cask_conf_current(&conf); id++) {
        cask_intent intent = { .kind = kind, .file_id = id, .first = 0, .last = CASK_SLOTS_PER_FILE - 1 };

        if (id == first_file)
            intent.first = (uint32_t)(first % CASK_SLOTS_PER_FILE);
        if (id == last_file)
            intent.last = (uint32_t)(last % CASK_SLOTS_PER_FILE);
        CASK_TRY(change_file(sum, column, intent));
    }
    return CASK_OK;
}

int cask_column_prune(cask_change *change_out, cask_column *column, uint64_t first, uint64_t last)
{
    return change_range(change_out, column, CASK_INTENT_PRUNE, first, last);
}

int cask_column_forget_pruned(cask_change *change_out, cask_column *column, uint64_t first, uint64_t last)
{
    return change_range(change_out, column, CASK_INTENT_FORGET, first, last);
}
