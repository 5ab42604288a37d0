/*
 * Replacing a file: the one place where the order of it is written down. See DESIGN.md for the table of crash windows.
 *
 *   1. the new files  `replacement` is written and read back, `replacement.off` is written; both are synced, and their
 *                     folder; nothing names them
 *   2. intent         the conf is committed as it is to be, with an intent to replace: from here the new files count
 *   3. the swap       both are renamed to their places, the folder is synced
 *   4. the end        the conf is committed without the intent
 *   5. memory         the new file is published; the old one is emptied: who still reads it looks again then
 *
 * Readers look for the new files first as long as the intent stands: one that is not there is in its place already.
 */
#include "replace.h"

#include "error.h"
#include "fault.h"

cask_path cask_replacement_data(const char *folder)
{
    cask_path path;

    if (cask_path_join(&path, folder, CASK_REPLACEMENT_NAME) < 0)
        path.text[0] = '\0';
    return path;
}

cask_path cask_replacement_table(const char *folder)
{
    cask_path path;

    if (cask_path_join(&path, folder, CASK_REPLACEMENT_NAME ".off") < 0)
        path.text[0] = '\0';
    return path;
}

/* The file in its place, unless the conf intends `replacement` for it and that is there. */
static int current_path(cask_path *path, cask_path replacement, const cask_vfs *vfs, const cask_conf *conf,
                        uint64_t file_id)
{
    bool there = false;

    if (!cask_conf_intends(conf, CASK_INTENT_REPLACE, file_id))
        return CASK_OK;
    CASK_TRY(cask_exists(&there, vfs, replacement.text));
    if (there)
        *path = replacement;
    return CASK_OK;
}

int cask_current_data_path(cask_path *path_out, const cask_vfs *vfs, const char *folder, const cask_conf *conf,
                           uint64_t file_id)
{
    *path_out = cask_data_path(folder, file_id);
    return current_path(path_out, cask_replacement_data(folder), vfs, conf, file_id);
}

int cask_current_table_path(cask_path *path_out, const cask_vfs *vfs, const char *folder, const cask_conf *conf,
                            uint64_t file_id)
{
    *path_out = cask_table_path(folder, file_id);
    return current_path(path_out, cask_replacement_table(folder), vfs, conf, file_id);
}

/* ---- Step 3 ---- */

static int put_in_place(const cask_vfs *vfs, cask_path from, cask_path to)
{
    bool there = false;

    CASK_TRY(cask_exists(&there, vfs, from.text));
    return there ? cask_rename(vfs, from.text, to.text) : CASK_OK;
}

/* A table without records has no data file. */
static int delete_unused_data(const cask_vfs *vfs, const char *folder, uint64_t file_id)
{
    cask_path path = cask_table_path(folder, file_id);
    cask_handle handle = CASK_HANDLE_INIT;
    cask_trailer trailer;
    bool valid = false;
    int code;

    CASK_TRY(cask_handle_open(&handle, vfs, path.text, CASK_OPEN_READ));
    code = cask_trailer_read(&trailer, &valid, &handle, path.text);
    cask_handle_close(&handle);
    CASK_TRY(code);
    return valid && trailer.data_length == 0 ? cask_unlink(vfs, cask_data_path(folder, file_id).text) : CASK_OK;
}

int cask_replacement_finish(const cask_vfs *vfs, const char *folder, uint64_t file_id)
{
    CASK_TRY(put_in_place(vfs, cask_replacement_data(folder), cask_data_path(folder, file_id)));
    CASK_TRY(put_in_place(vfs, cask_replacement_table(folder), cask_table_path(folder, file_id)));
    CASK_TRY(delete_unused_data(vfs, folder, file_id));
    return CASK_FAULT(swap_not_synced) ? CASK_OK : cask_sync_folder(vfs, folder);
}

/* ---- Step 1 ---- */

/* Delete replacements that nothing intends to use; durable with the folder, before an intent could name them. */
static int discard(const cask_column *column)
{
    CASK_TRY(cask_unlink(column->vfs, cask_replacement_data(column->folder.text).text));
    return cask_unlink(column->vfs, cask_replacement_table(column->folder.text).text);
}

int cask_replacement_begin(cask_replacement *r, cask_column *column, uint64_t file_id)
{
    cask_conf conf = cask_column_conf(column);

    *r = (cask_replacement){ .column = column, .file_id = file_id, .handle = CASK_HANDLE_INIT };
    memcpy(r->record_type, conf.record_type, sizeof r->record_type);
    CASK_TRY(discard(column));
    return cask_view_new(&r->view, file_id);
}

static int flush(cask_replacement *r)
{
    size_t size = r->buffer.size;

    r->buffer.size = 0;
    return cask_write_all(&r->handle, cask_replacement_data(r->column->folder.text).text, r->buffer.data, size,
                          r->view->data_length - size);
}

static int append(cask_replacement *r, const void *bytes, size_t size)
{
    const size_t room = 1u << 20;

    if (r->handle.file < 0) {
        CASK_TRY(cask_handle_open(&r->handle, r->column->vfs, cask_replacement_data(r->column->folder.text).text,
                                  CASK_OPEN_TRUNCATE));
        CASK_TRY(cask_buf_reserve(&r->buffer, room));
    }
    while (size > 0) {
        size_t part = room - r->buffer.size < size ? room - r->buffer.size : size;

        memcpy(r->buffer.data + r->buffer.size, bytes, part);
        r->buffer.size += part;
        r->view->data_length += part;
        bytes = (const uint8_t *)bytes + part;
        size -= part;
        if (r->buffer.size == room)
            CASK_TRY(flush(r));
    }
    return CASK_OK;
}

int cask_replacement_add(cask_replacement *r, uint64_t slot, const void *payload, uint32_t length, uint32_t crc)
{
    uint8_t header[CASK_RECORD_HEADER_SIZE];
    uint64_t offset;

    if (r->view->data_length == 0)
        CASK_TRY(append(r, cask_version_record, sizeof cask_version_record));
    offset = r->view->data_length;
    cask_record_encode(header, r->record_type, length);
    CASK_TRY(append(r, header, sizeof header));
    CASK_TRY(append(r, payload, length));
    cask_table_set(&r->view->table, (uint32_t)(slot % CASK_SLOTS_PER_FILE), offset, length, crc);
    r->view->records++;
    return CASK_OK;
}

static int reads_otherwise(const cask_window *window, uint64_t offset, uint64_t slot)
{
    return cask_fail(CASK_E_IO, CASK_AT_SLOT(window->path, offset, slot),
                     "what was written reads back otherwise; the old file stays. Check the disk and the memory");
}

static int check_record(const cask_replacement *r, cask_window *window, uint32_t index)
{
    uint64_t slot = r->file_id * CASK_SLOTS_PER_FILE + index;
    uint64_t offset = cask_table_offset(&r->view->table, index);
    uint32_t length = cask_table_length(&r->view->table, index);
    uint8_t header[CASK_RECORD_HEADER_SIZE];
    const uint8_t *bytes;

    cask_record_encode(header, r->record_type, length);
    CASK_TRY(cask_window_read(window, offset, sizeof header + (uint64_t)length, &bytes));
    if (memcmp(bytes, header, sizeof header) != 0 ||
        cask_record_crc(slot, r->record_type, length, bytes + sizeof header) != cask_table_crc(&r->view->table, index))
        return reads_otherwise(window, offset, slot);
    return CASK_OK;
}

static int check_records(const cask_replacement *r, cask_window *window)
{
    const uint8_t *bytes;

    CASK_TRY(cask_window_read(window, 0, sizeof cask_version_record, &bytes));
    if (memcmp(bytes, cask_version_record, sizeof cask_version_record) != 0)
        return reads_otherwise(window, 0, CASK_NO_SLOT);
    for (uint32_t i = 0; i < CASK_SLOTS_PER_FILE; i++) {
        if (cask_table_has(&r->view->table, 4, i))
            CASK_TRY(check_record(r, window, i));
    }
    return CASK_OK;
}

/* Write what is still in the buffer, and read back all of it while the disk is busy with it: every byte is that of the
 * version record, of a header, or under the checksum of a record. */
static int finish_data(cask_replacement *r)
{
    cask_path path = cask_replacement_data(r->column->folder.text);
    cask_window window = { .handle = &r->handle, .path = path.text, .end = r->view->data_length };
    int code;

    if (r->handle.file < 0)
        return CASK_OK;
    CASK_TRY(flush(r));
    code = check_records(r, &window);
    cask_buf_dispose(&window.buffer);
    return code;
}

static int sync_data(const cask_replacement *r)
{
    if (r->handle.file < 0 || CASK_FAULT(replacement_not_synced))
        return CASK_OK;
    return cask_sync(&r->handle, cask_replacement_data(r->column->folder.text).text);
}

static int write_table(const cask_replacement *r, const cask_trailer *trailer)
{
    cask_path path = cask_replacement_table(r->column->folder.text);
    cask_handle handle = CASK_HANDLE_INIT;
    int code;

    CASK_TRY(cask_handle_open(&handle, r->column->vfs, path.text, CASK_OPEN_TRUNCATE));
    code = cask_table_write(&r->view->table, 4, 0, CASK_SLOTS_PER_FILE - 1, &handle, path.text);
    if (code == CASK_OK)
        code = cask_trailer_write(trailer, &handle, path.text);
    if (code == CASK_OK && !CASK_FAULT(replacement_not_synced))
        code = cask_sync(&handle, path.text);
    cask_handle_close(&handle);
    return code;
}

/* ---- Steps 2 to 5 ---- */

/* The conf once the file is replaced: sealed, unless it is the current one. */
static int conf_after(cask_conf *conf, const cask_replacement *r, const cask_open_file *file,
                      const cask_trailer *trailer)
{
    const cask_open_file *listed = cask_conf_find(conf, file->file_id);

    if (listed == NULL && !r->old_seal_lost)
        CASK_TRY(cask_seal_take_out(r->column, file->file_id, &conf->seals_digest));
    if (!trailer->sealed) {
        conf->open[0] = *file;
        return CASK_OK;
    }
    cask_conf_delist(conf, file->file_id);
    conf->seals_digest ^= cask_trailer_hash(trailer);
    return CASK_OK;
}

static int store(cask_column *column, cask_conf *conf)
{
    conf->sequence++;
    return cask_conf_store(conf, column->vfs, column->folder.text, column->conf_path.text);
}

/* For want of memory readers look themselves. */
static int publish_new(const cask_replacement *r, const cask_conf *conf)
{
    cask_column *column = r->column;
    cask_view *view = NULL;
    int code = cask_view_load(&view, column, conf, r->file_id);

    if (code == CASK_E_NOMEM) {
        pthread_mutex_lock(&column->mutex);
        cask_column_forget_views(column);
        pthread_mutex_unlock(&column->mutex);
        code = CASK_OK;
    }
    if (code == CASK_OK)
        cask_column_publish(column, conf, &view, view == NULL ? 0 : 1);
    return code;
}

static int swap(const cask_replacement *r, cask_conf *conf)
{
    cask_column *column = r->column;
    const char *folder = column->folder.text;

    conf->intent = (cask_intent){ .kind = CASK_INTENT_REPLACE, .file_id = r->file_id };
    if (CASK_FAULT(swap_before_intent))
        CASK_TRY(cask_replacement_finish(column->vfs, folder, r->file_id));
    if (CASK_FAULT(replace_without_intent))
        conf->intent = (cask_intent){ .kind = CASK_INTENT_NONE };
    CASK_TRY(store(column, conf));
    column->committed = true;
    cask_column_publish(column, conf, NULL, 0);
    if (CASK_FAULT(intent_cleared_early)) {
        conf->intent = (cask_intent){ .kind = CASK_INTENT_NONE };
        CASK_TRY(store(column, conf));
    }
    CASK_TRY(cask_replacement_finish(column->vfs, folder, r->file_id));
    conf->intent = (cask_intent){ .kind = CASK_INTENT_NONE };
    CASK_TRY(store(column, conf));
    return publish_new(r, conf);
}

/* Empty the file that was replaced: its space is free at once, and a reader that has it open looks again. */
static void let_go(cask_handle *old, const char *path)
{
    if (old->file >= 0)
        (void)cask_truncate(old, path, 0);
    cask_handle_close(old);
}

int cask_replacement_commit(cask_replacement *r)
{
    cask_column *column = r->column;
    cask_conf conf = cask_column_conf(column);
    cask_path old_path = cask_data_path(column->folder.text, r->file_id);
    cask_open_file file = cask_open_file_of(r->view, &conf);
    bool sealed = r->file_id != cask_conf_current(&conf);
    cask_trailer trailer = cask_trailer_of(&file, sealed, conf.sequence);
    cask_handle old = CASK_HANDLE_INIT;
    int code;

    CASK_TRY(finish_data(r));
    CASK_TRY(sync_data(r));
    CASK_TRY(write_table(r, &trailer));
    CASK_TRY(cask_sync_folder(column->vfs, column->folder.text));
    if (!r->keeps_data) {
        code = cask_handle_open(&old, column->vfs, old_path.text, CASK_OPEN_WRITE);
        if (code < 0 && code != CASK_E_NOTFOUND)
            return code;
    }
    if (CASK_FAULT(old_file_let_go_early))
        let_go(&old, old_path.text);
    if (r->digest_known)
        conf.seals_digest = r->digest;
    code = conf_after(&conf, r, &file, &trailer);
    if (code < 0) {
        cask_handle_close(&old);
        return code;
    }
    code = swap(r, &conf);
    if (code < 0) {
        cask_handle_close(&old);
        cask_column_poison(column);
        return code;
    }
    r->done = true;
    let_go(&old, old_path.text);
    return CASK_OK;
}

void cask_replacement_end(cask_replacement *r)
{
    cask_handle_close(&r->handle);
    cask_buf_dispose(&r->buffer);
    cask_view_release(r->view);
    /* Nothing names the new files yet; what cannot be deleted now, healing deletes. */
    if (!r->done && !cask_column_poisoned(r->column))
        (void)discard(r->column);
}
