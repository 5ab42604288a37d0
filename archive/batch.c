/*
 * Batches: the one place where the order of writing is written down. See DESIGN.md for the table of crash windows.
 *
 *   1. intent   a sealed file that is to be touched is listed in the conf, with its committed values, durably
 *   2. data     records are appended as they are put; at commit the data files are synced
 *   3. tables   entries and trailers are written and synced; then the folder, if files were made
 *   4. marker   the conf is committed
 *   5. memory   the new state is published to readers
 *
 * Any write that fails poisons the handle: what is in memory is then still what is committed.
 */
#include <errno.h>
#include <stdlib.h>

#include "archive_internal.h"
#include "codec.h"
#include "error.h"
#include "fault.h"

#define BUFFER_SIZE (256u * 1024)
/* Files that one batch may add to; each costs a view and two descriptors. */
#define TOUCHED_MAX 64

/* A file that the batch appends to. */
typedef struct touched_file {
    cask_view *view; /* private: what the file will be once the batch is committed */
    bool is_new;
    uint64_t committed_length;
    uint32_t dirty_first; /* entries to write; first > last: none */
    uint32_t dirty_last;
    cask_open_file entry; /* what the conf says of it if it stays open; from step 3 on */
} touched_file;

struct cask_batch {
    cask_column *column;
    cask_conf conf;        /* as the column's, with what the batch has changed */
    uint64_t old_highest;  /* committed */
    uint64_t old_current;  /* file id; CASK_NO_SLOT: none */
    touched_file touched[TOUCHED_MAX];
    size_t touched_count;
    size_t sealed_touched; /* of them, files that were sealed when first touched, or existed and are not current */
    uint64_t records;
    bool forward;
    bool backfill;
    uint8_t *buffer; /* bytes of `buffered` not written yet: the end of its data */
    size_t buffer_size;
    touched_file *buffered;
    cask_buf encoded;
    cask_buf existing;
};

/* ---- Begin and end ---- */

int cask_batch_begin(cask_batch **batch_out, cask_column *column)
{
    cask_batch *batch = NULL;

    CASK_TRY(cask_column_may_change(column, NULL));
    batch = calloc(1, sizeof *batch);
    if (batch == NULL)
        return cask_fail_nomem();
    batch->buffer = malloc(BUFFER_SIZE);
    if (batch->buffer == NULL) {
        free(batch);
        return cask_fail_nomem();
    }
    batch->column = column;
    batch->conf = cask_column_conf(column);
    batch->old_highest = batch->conf.highest_slot;
    batch->old_current = cask_conf_is_empty(&batch->conf) ? CASK_NO_SLOT : cask_conf_current(&batch->conf);
    if (column->wanted_max_value_size > batch->conf.max_value_size)
        batch->conf.max_value_size = column->wanted_max_value_size;
    column->batch = batch;
    *batch_out = batch;
    return CASK_OK;
}

static void free_batch(cask_batch *batch)
{
    batch->column->batch = NULL;
    for (size_t i = 0; i < batch->touched_count; i++)
        cask_view_release(batch->touched[i].view);
    cask_buf_dispose(&batch->encoded);
    cask_buf_dispose(&batch->existing);
    free(batch->buffer);
    free(batch);
}

/* Want of memory of our own is found before anything is written; that of the system is a failed call like any other. */
static int poison(cask_batch *batch, int code)
{
    if (code != CASK_E_NOMEM || cask_error_last()->system_errno != 0)
        cask_column_poison(batch->column);
    return code;
}

static touched_file *find_touched(cask_batch *batch, uint64_t file_id)
{
    for (size_t i = 0; i < batch->touched_count; i++) {
        if (batch->touched[i].view->file_id == file_id)
            return &batch->touched[i];
    }
    return NULL;
}

/* ---- Step 1: intent ---- */

static bool is_touched(uint64_t file_id, void *batch)
{
    return find_touched(batch, file_id) != NULL;
}

/* Commit a conf that lists a sealed file, before anything of the file is changed. */
static int declare_intent(cask_batch *batch, const cask_view *view)
{
    cask_column *column = batch->column;
    cask_conf conf = cask_column_conf(column);
    cask_open_file file = cask_open_file_of(view, &conf);

    if (conf.version < 4)
        conf.open_count = 1; /* room for one: what was listed before is committed and stays as it is */
    else
        CASK_TRY(cask_seal_take_out(column, view->file_id, &conf.seals_digest));
    if (conf.open_count == CASK_CONF_OPEN_MAX)
        CASK_TRY(cask_seal_oldest(column, &conf, is_touched, batch));
    conf.open[conf.open_count++] = file;
    conf.sequence++;
    if (!CASK_FAULT(intent_left_out))
        CASK_TRY(cask_conf_store(&conf, column->vfs, column->folder.text, column->conf_path.text));
    column->committed = true;
    cask_column_publish(column, &conf, NULL, 0);

    batch->conf.sequence = conf.sequence;
    batch->conf.seals_digest = conf.seals_digest;
    batch->conf.open_count = conf.open_count;
    memcpy(batch->conf.open, conf.open, sizeof conf.open);
    return conf.version < 4 ? CASK_OK : cask_seal_undo(column, &file, conf.sequence);
}

/* ---- Touching files ---- */

/* The end of the batch's files is read and written through a descriptor that readers of the committed part share. */
static int open_for_writing(cask_batch *batch, cask_view *view)
{
    cask_data_file *data;
    cask_column *column = batch->column;
    cask_path path = cask_data_path(column->folder.text, view->file_id);
    /* Without records there is no file: sealed empty, or a table alone. */
    cask_open_mode mode = view->data == NULL ? CASK_OPEN_TRUNCATE : CASK_OPEN_WRITE;

    if (view->data != NULL && view->data->writable)
        return CASK_OK;
    CASK_TRY(cask_data_file_open(&data, column->vfs, path.text, mode));
    cask_data_file_release(view->data);
    view->data = data;
    return CASK_OK;
}

static int touch_existing(cask_batch *batch, uint64_t file_id)
{
    touched_file *file = &batch->touched[batch->touched_count];
    cask_view *view;
    bool listed = cask_conf_find(&batch->conf, file_id) != NULL;
    int code;

    CASK_TRY(cask_view_get(&view, NULL, batch->column, file_id));
    code = cask_view_copy(&file->view, view);
    cask_view_release(view);
    CASK_TRY(code);
    file->is_new = false;
    file->committed_length = file->view->data_length;
    if (!listed) {
        code = declare_intent(batch, file->view);
        if (code < 0) {
            cask_view_release(file->view);
            /* A refusal is found before anything is written. */
            return code == CASK_E_REFUSED || code == CASK_E_CORRUPT ? code : poison(batch, code);
        }
    }
    file->view->sealed = false;
    code = open_for_writing(batch, file->view);
    if (code < 0) {
        cask_view_release(file->view);
        return poison(batch, code);
    }
    return CASK_OK;
}

/* Format 3 lists a file behind the current one also if it does not exist yet: nothing else would heal it. */
static int touch_new(cask_batch *batch, uint64_t file_id)
{
    bool unlisted = batch->conf.version < 4 && batch->old_current != CASK_NO_SLOT && file_id < batch->old_current &&
                    cask_conf_find(&batch->conf, file_id) == NULL;
    touched_file *file = &batch->touched[batch->touched_count];
    cask_column *column = batch->column;
    cask_path path = cask_data_path(column->folder.text, file_id);
    int code;

    CASK_TRY(cask_view_new(&file->view, file_id));
    file->view->codec = batch->conf.codec;
    file->is_new = true;
    file->committed_length = 0;
    code = unlisted ? declare_intent(batch, file->view) : CASK_OK;
    if (code == CASK_OK)
        code = cask_data_file_open(&file->view->data, column->vfs, path.text, CASK_OPEN_TRUNCATE);
    if (code < 0) {
        cask_view_release(file->view);
        return poison(batch, code);
    }
    return CASK_OK;
}

/* Of a version 4 column the files from the first to the current one exist; of an older one those that have data: a
 * table alone is left by an upgrade that was stopped. */
static int file_exists(bool *exists_out, cask_batch *batch, uint64_t file_id)
{
    cask_path path = cask_data_path(batch->column->folder.text, file_id);
    cask_conf conf = cask_column_conf(batch->column);

    *exists_out = !cask_conf_is_empty(&conf) && file_id >= conf.first_file_id && file_id <= cask_conf_current(&conf);
    if (!*exists_out || conf.version >= 4)
        return CASK_OK;
    return cask_exists(exists_out, batch->column->vfs, path.text);
}

/* Version 3 knows of one file besides the current one, version 4 of seven. */
static int refuse_too_many(const cask_batch *batch)
{
    size_t limit = batch->conf.version < 4 ? 1 : CASK_BATCH_SEALED_MAX;

    if (batch->sealed_touched < limit)
        return CASK_OK;
    return cask_fail(CASK_E_REFUSED, CASK_IN_FILE(batch->column->folder.text),
                     "in format %u a batch may fill %zu sealed file%s; commit it first", batch->conf.version, limit,
                     limit == 1 ? "" : "s");
}

static int touch(touched_file **file_out, cask_batch *batch, uint64_t file_id)
{
    touched_file *file = find_touched(batch, file_id);
    bool exists;
    bool behind = batch->old_current != CASK_NO_SLOT && file_id < batch->old_current;

    if (file != NULL) {
        *file_out = file;
        return CASK_OK;
    }
    if (batch->touched_count == TOUCHED_MAX)
        return cask_fail(CASK_E_REFUSED, CASK_IN_FILE(batch->column->folder.text),
                         "the batch touches %d files already; commit it first", TOUCHED_MAX);
    CASK_TRY(file_exists(&exists, batch, file_id));
    /* Format 3 keeps the length of a backfilled file in the conf even if the batch makes the file. */
    if (behind && (exists || batch->conf.version < 4))
        CASK_TRY(refuse_too_many(batch));
    file = &batch->touched[batch->touched_count];
    CASK_TRY(exists ? touch_existing(batch, file_id) : touch_new(batch, file_id));
    file->dirty_first = CASK_SLOTS_PER_FILE;
    file->dirty_last = 0;
    batch->touched_count++;
    batch->sealed_touched += behind && (exists || batch->conf.version < 4);
    *file_out = file;
    return CASK_OK;
}

/* ---- Step 2: data ---- */

static int write_data(touched_file *file, const void *bytes, size_t size, uint64_t offset)
{
    return cask_write_all(&file->view->data->handle, file->view->data->path.text, bytes, size, offset);
}

static int flush(cask_batch *batch)
{
    touched_file *file = batch->buffered;
    size_t size = batch->buffer_size;

    batch->buffer_size = 0;
    if (size == 0)
        return CASK_OK;
    return write_data(file, batch->buffer, size, file->view->data_length - size);
}

/* Append bytes to the data of a file. Large ones are written as they are, small ones gathered. */
static int append(cask_batch *batch, touched_file *file, const void *bytes, size_t size)
{
    if (batch->buffered != file || batch->buffer_size + size > BUFFER_SIZE) {
        CASK_TRY(flush(batch));
        batch->buffered = file;
    }
    if (size > BUFFER_SIZE / 8) {
        CASK_TRY(flush(batch));
        CASK_TRY(write_data(file, bytes, size, file->view->data_length));
    } else {
        if (size > 0)
            memcpy(batch->buffer + batch->buffer_size, bytes, size);
        batch->buffer_size += size;
    }
    file->view->data_length += size;
    return CASK_OK;
}

static int append_record(cask_batch *batch, touched_file *file, uint64_t slot, const void *payload, size_t size,
                         uint64_t value_size)
{
    uint32_t index = (uint32_t)(slot % CASK_SLOTS_PER_FILE);
    uint8_t header[CASK_RECORD_HEADER_SIZE];
    cask_view *view = file->view;
    bool marks = batch->conf.version >= 4;
    uint64_t offset;

    if (view->data_length == 0)
        CASK_TRY(append(batch, file, cask_version_record, sizeof cask_version_record));
    offset = view->data_length;
    cask_record_encode(header, batch->conf.record_type, (uint32_t)size);
    CASK_TRY(append(batch, file, header, sizeof header));
    CASK_TRY(append(batch, file, payload, size));
    cask_table_set(&view->table, index, offset, marks ? (uint32_t)size : 0,
                   marks ? cask_record_crc(slot, batch->conf.record_type, (uint32_t)size, payload) : 0);
    view->records++;
    view->value_bytes += value_size;
    if (index < file->dirty_first)
        file->dirty_first = index;
    if (index > file->dirty_last)
        file->dirty_last = index;
    return CASK_OK;
}

/* ---- Put ---- */

/* The value that a slot has, in this batch or before: as stored, in batch->existing. NOTFOUND: none. *codec_out is that
 * of its file, if there is one, also where the slot has no value. */
static int read_existing(cask_batch *batch, uint64_t slot, uint8_t *codec_out)
{
    uint64_t file_id = slot / CASK_SLOTS_PER_FILE;
    touched_file *file = find_touched(batch, file_id);
    cask_location location;
    cask_view *view;
    int code;

    if (file != NULL) {
        view = file->view;
        if (cask_table_offset(&view->table, (uint32_t)(slot % CASK_SLOTS_PER_FILE)) >= file->committed_length) {
            code = flush(batch);
            if (code < 0)
                return poison(batch, code);
        }
        atomic_fetch_add(&view->references, 1);
    } else {
        CASK_TRY(cask_view_get(&view, NULL, batch->column, file_id));
    }
    *codec_out = view->codec;
    code = cask_view_find(&location, batch->column, &batch->conf, view, slot);
    if (code == CASK_OK)
        code = cask_buf_reserve(&batch->existing, location.length);
    if (code == CASK_OK)
        code = cask_view_read(batch->column, &batch->conf, view, slot, &location, batch->existing.data);
    if (code == CASK_OK)
        batch->existing.size = location.length;
    cask_view_release(view);
    return code;
}

static bool same_bytes(const void *a, size_t a_size, const void *b, size_t b_size)
{
    return a_size == b_size && (a_size == 0 || memcmp(a, b, a_size) == 0);
}

/* Whether the slot's value, in a file of `codec`, is the same as the one that is put; decoded unless the stored bytes
 * are the same. */
static int compare_existing(cask_batch *batch, uint64_t slot, uint8_t codec, const void *bytes, size_t size,
                            bool is_stored)
{
    const cask_conf *conf = &batch->conf;
    cask_buf old = CASK_BUF_INIT;
    cask_buf new = CASK_BUF_INIT;
    bool same = false;
    int code = CASK_OK;

    if (codec == (is_stored ? conf->codec : CASK_CODEC_NONE))
        same = same_bytes(batch->existing.data, batch->existing.size, bytes, size);
    if (!same && (codec != CASK_CODEC_NONE || is_stored)) {
        code = cask_record_value(&old, codec, batch->existing.data, batch->existing.size, conf->max_value_size,
                                 CASK_AT_SLOT(batch->column->folder.text, CASK_NO_OFFSET, slot));
        if (code == CASK_OK && is_stored) {
            code = cask_codec_decode_buf(&new, conf->codec, bytes, size, conf->max_value_size);
            bytes = new.data;
            size = new.size;
        }
        same = code == CASK_OK && same_bytes(old.data, old.size, bytes, size);
    }
    cask_buf_dispose(&old);
    cask_buf_dispose(&new);
    CASK_TRY(code);
    if (!same)
        return cask_fail(CASK_E_CONFLICT, CASK_AT_SLOT(batch->column->folder.text, CASK_NO_OFFSET, slot),
                         "the slot holds a different value; a committed value is never replaced");
    return CASK_OK;
}

/* How far a file is from those there are. */
static uint64_t files_away(const cask_conf *conf, uint64_t file_id)
{
    if (file_id > cask_conf_current(conf))
        return file_id - cask_conf_current(conf);
    return file_id < conf->first_file_id ? conf->first_file_id - file_id : 0;
}

/* How many files there are from the first to the current one, if there is one more. */
static uint64_t span_with(const cask_conf *conf, uint64_t file_id)
{
    uint64_t first = file_id < conf->first_file_id ? file_id : conf->first_file_id;
    uint64_t last = file_id > cask_conf_current(conf) ? file_id : cask_conf_current(conf);

    return last - first + 1;
}

/* Whether the rules of the column let a record be added at a slot that has none. */
static int check_rules(cask_batch *batch, uint64_t slot)
{
    const cask_conf *conf = &batch->conf;
    const char *folder = batch->column->folder.text;
    uint64_t id = slot / CASK_SLOTS_PER_FILE;
    bool forward = cask_conf_is_empty(conf) || slot > conf->highest_slot;

    if (cask_conf_is_empty(conf))
        return CASK_OK;
    if (!forward && !conf->allow_backfill)
        return cask_fail(CASK_E_REFUSED, CASK_AT_SLOT(folder, CASK_NO_OFFSET, slot),
                         "the slot is below the highest, %llu, and the column does not allow backfill; open it with "
                         "allow-backfill",
                         (unsigned long long)conf->highest_slot);
    if (conf->version == 3 && (forward ? batch->backfill : batch->forward))
        return cask_fail(CASK_E_REFUSED, CASK_AT_SLOT(folder, CASK_NO_OFFSET, slot),
                         "a batch of format 3 cannot mix forward writes and backfill; commit it first");
    if (files_away(conf, id) > CASK_GAP_FILES_MAX ||
        (conf->version >= 4 && span_with(conf, id) > CASK_COLUMN_FILES_MAX))
        return cask_fail(CASK_E_INVALID, CASK_AT_SLOT(folder, CASK_NO_OFFSET, slot),
                         "the slot is more than %u files away from the others; is it right?", CASK_GAP_FILES_MAX);
    return CASK_OK;
}

/* Forward writes that leave the current file touch it too: it is sealed at the commit. */
static int touch_files(touched_file **file_out, cask_batch *batch, uint64_t slot)
{
    uint64_t id = slot / CASK_SLOTS_PER_FILE;

    if (batch->conf.version >= 4 && batch->old_current != CASK_NO_SLOT && id > batch->old_current)
        CASK_TRY(touch(file_out, batch, batch->old_current));
    return touch(file_out, batch, id);
}

static void note_slot(cask_batch *batch, uint64_t slot)
{
    cask_conf *conf = &batch->conf;
    uint64_t id = slot / CASK_SLOTS_PER_FILE;

    if (cask_conf_is_empty(conf) || slot > conf->highest_slot) {
        conf->highest_slot = slot;
        batch->forward = true;
    } else {
        batch->backfill = true;
    }
    if (conf->version >= 4 && (conf->first_file_id == CASK_NO_SLOT || id < conf->first_file_id))
        conf->first_file_id = id;
    batch->records++;
}

/* Make of a value, or with `is_stored` of a payload in the column's codec, a payload in `codec`. */
static int encode(cask_batch *batch, uint8_t codec, const void **bytes, size_t *size, bool is_stored)
{
    const cask_conf *conf = &batch->conf;

    if (is_stored && codec != conf->codec) {
        CASK_TRY(cask_codec_decode_buf(&batch->existing, conf->codec, *bytes, *size, conf->max_value_size));
        *bytes = batch->existing.data;
        *size = batch->existing.size;
        is_stored = false;
    }
    if (is_stored || codec == CASK_CODEC_NONE)
        return CASK_OK;
    CASK_TRY(cask_codec_encode(&batch->encoded, codec, batch->column->codec_level, *bytes, *size));
    *bytes = batch->encoded.data;
    *size = batch->encoded.size;
    return CASK_OK;
}

/* `bytes` are a value, or with `is_stored` a payload in the column's codec. */
static int try_put(cask_batch *batch, uint64_t slot, const void *bytes, size_t size, bool is_stored, bool trusted)
{
    const cask_conf *conf = &batch->conf;
    const char *folder = batch->column->folder.text;
    uint64_t value_size = size;
    uint8_t codec = conf->codec;
    touched_file *file;
    int code;

    if (slot == CASK_NO_SLOT)
        return cask_fail(CASK_E_INVALID, CASK_NOWHERE, "2^64-1 is not a slot");
    if (cask_column_poisoned(batch->column))
        return cask_fail(CASK_E_POISONED, CASK_IN_FILE(folder),
                         "an earlier write failed; close the archive and open it again, which heals");
    if (is_stored && conf->codec != CASK_CODEC_NONE) {
        CASK_TRY(cask_codec_size(conf->codec, bytes, size, conf->max_value_size, &value_size));
        if (!trusted)
            CASK_TRY(cask_codec_decode_buf(&batch->existing, conf->codec, bytes, size, conf->max_value_size));
    }
    if (value_size > conf->max_value_size || size > UINT32_MAX)
        return cask_fail(CASK_E_INVALID, CASK_AT_SLOT(folder, CASK_NO_OFFSET, slot),
                         "the value has %llu bytes, the column accepts %llu", (unsigned long long)value_size,
                         (unsigned long long)conf->max_value_size);
    if (!cask_conf_is_empty(conf) && slot <= conf->highest_slot) {
        code = read_existing(batch, slot, &codec);
        if (code == CASK_OK)
            return compare_existing(batch, slot, codec, bytes, size, is_stored);
        if (code != CASK_E_NOTFOUND)
            return code;
    }
    CASK_TRY(check_rules(batch, slot));
    CASK_TRY(encode(batch, codec, &bytes, &size, is_stored));
    CASK_TRY(touch_files(&file, batch, slot));
    code = append_record(batch, file, slot, bytes, size, value_size);
    if (code < 0)
        return poison(batch, code);
    note_slot(batch, slot);
    return CASK_OK;
}

/* What is not the caller's to mend ends the batch. */
static int put(cask_batch *batch, uint64_t slot, const void *bytes, size_t size, bool is_stored, bool trusted)
{
    int code = try_put(batch, slot, bytes, size, is_stored, trusted);

    return code == CASK_E_IO || code == CASK_E_NOSPC || code == CASK_E_NOMEM || code == CASK_E_CORRUPT
               ? poison(batch, code)
               : code;
}

int cask_batch_put(cask_batch *batch, uint64_t slot, const void *value, size_t size)
{
    return put(batch, slot, value, size, false, false);
}

int cask_batch_put_stored(cask_batch *batch, uint64_t slot, const void *stored, size_t size, bool trusted)
{
    return put(batch, slot, stored, size, true, trusted);
}

int cask_column_put(cask_column *column, uint64_t slot, const void *value, size_t size)
{
    cask_batch *batch = NULL;
    int code;

    CASK_TRY(cask_batch_begin(&batch, column));
    code = cask_batch_put(batch, slot, value, size);
    if (code == CASK_OK)
        return cask_batch_commit(batch);
    cask_batch_abort(batch);
    return code;
}

/* ---- Steps 3 to 5: commit ---- */

static int sync_data(cask_batch *batch)
{
    CASK_TRY(flush(batch));
    for (size_t i = 0; i < batch->touched_count; i++) {
        const touched_file *file = &batch->touched[i];

        if (file->view->data_length != file->committed_length && !CASK_FAULT(data_not_synced))
            CASK_TRY(cask_sync(&file->view->data->handle, file->view->data->path.text));
    }
    return CASK_OK;
}

/* A file stays open if it is the current one, or was listed before. The rest is sealed by this commit. */
static bool stays_open(const cask_batch *batch, uint64_t file_id)
{
    if (file_id == cask_conf_current(&batch->conf))
        return true;
    return file_id != batch->old_current && cask_conf_find(&batch->conf, file_id) != NULL;
}

static int open_table(cask_batch *batch, const touched_file *file, const char *path)
{
    cask_handle *handle = &file->view->data->table;

    if (handle->file >= 0)
        return CASK_OK;
    CASK_TRY(cask_handle_open(handle, batch->column->vfs, path,
                              file->is_new ? CASK_OPEN_TRUNCATE : CASK_OPEN_WRITE));
    return file->is_new ? cask_truncate(handle, path, cask_table_file_size(batch->conf.version)) : CASK_OK;
}

static int write_table(cask_batch *batch, touched_file *file, cask_conf *next)
{
    uint32_t version = batch->conf.version;
    cask_view *view = file->view;
    cask_path path = cask_table_path(batch->column->folder.text, view->file_id);
    cask_handle *handle = &view->data->table;
    cask_trailer trailer;

    trailer = cask_trailer_of(&file->entry, !stays_open(batch, view->file_id), batch->conf.sequence);
    CASK_TRY(open_table(batch, file, path.text));
    if (file->dirty_first <= file->dirty_last)
        CASK_TRY(cask_table_write(&view->table, version, file->dirty_first, file->dirty_last, handle, path.text));
    if (version >= 4)
        CASK_TRY(cask_trailer_write(&trailer, handle, path.text));
    if (!CASK_FAULT(tables_not_synced))
        CASK_TRY(cask_sync(handle, path.text));
    if (version >= 4 && trailer.sealed) {
        next->seals_digest ^= cask_trailer_hash(&trailer);
        view->sealed = true;
        cask_handle_close(handle);
    }
    return CASK_OK;
}

/* Opened because the current file is left, but all its records were pruned. */
static int drop_unused_data(cask_batch *batch, touched_file *file)
{
    cask_view *view = file->view;

    if (view->data_length > 0)
        return CASK_OK;
    CASK_TRY(cask_unlink(batch->column->vfs, view->data->path.text));
    cask_data_file_release(view->data);
    view->data = NULL;
    return CASK_OK;
}

/* Version 4: a file that was skipped is an empty sealed table. */
static int write_empty_table(cask_batch *batch, uint64_t file_id, cask_conf *next)
{
    const cask_column *column = batch->column;
    cask_path path = cask_table_path(column->folder.text, file_id);

    /* What a crash may have left beyond the reach of healing. */
    CASK_TRY(cask_unlink(column->vfs, cask_data_path(column->folder.text, file_id).text));
    return cask_seal_empty(column, path.text, file_id, batch->conf.sequence, &next->seals_digest);
}

static int write_empty_tables(cask_batch *batch, uint64_t first, uint64_t end, cask_conf *next)
{
    for (uint64_t id = first; id < end; id++) {
        if (find_touched(batch, id) == NULL)
            CASK_TRY(write_empty_table(batch, id, next));
    }
    return CASK_OK;
}

static int write_gaps(cask_batch *batch, cask_conf *next)
{
    cask_conf old = cask_column_conf(batch->column);

    if (batch->conf.version < 4 || CASK_FAULT(gaps_left_out))
        return CASK_OK;
    if (cask_conf_is_empty(&old))
        return write_empty_tables(batch, next->first_file_id, cask_conf_current(next), next);
    CASK_TRY(write_empty_tables(batch, next->first_file_id, old.first_file_id, next));
    return write_empty_tables(batch, cask_conf_current(&old) + 1, cask_conf_current(next), next);
}

static int write_tables(cask_batch *batch, cask_conf *next)
{
    bool made = false;
    bool moved = batch->old_current != cask_conf_current(&batch->conf);

    for (size_t i = 0; i < batch->touched_count; i++) {
        CASK_TRY(write_table(batch, &batch->touched[i], next));
        CASK_TRY(drop_unused_data(batch, &batch->touched[i]));
        made |= batch->touched[i].is_new || batch->touched[i].committed_length == 0;
    }
    CASK_TRY(write_gaps(batch, next));
    if (CASK_FAULT(folder_not_synced))
        return CASK_OK;
    return made || moved ? cask_sync_folder(batch->column->vfs, batch->column->folder.text) : CASK_OK;
}

/* The list of open files as it is after the commit. */
static void list_open_files(cask_batch *batch, cask_conf *next)
{
    cask_open_file open[CASK_CONF_OPEN_MAX];
    const touched_file *current = find_touched(batch, cask_conf_current(next));
    uint32_t count = 1;

    for (uint32_t i = 0; i < batch->conf.open_count; i++) {
        const cask_open_file *file = &batch->conf.open[i];
        const touched_file *touched = find_touched(batch, file->file_id);

        if (!stays_open(batch, file->file_id) || (i == 0 && file->file_id == batch->old_current))
            continue;
        open[count++] = touched != NULL ? touched->entry : *file;
    }
    open[0] = current != NULL ? current->entry : batch->conf.open[0];
    next->open_count = count;
    memcpy(next->open, open, count * sizeof open[0]);
}

static int write_marker(cask_batch *batch, const cask_conf *next)
{
    const cask_column *column = batch->column;

    return cask_conf_store(next, column->vfs, column->folder.text, column->conf_path.text);
}

static void publish(cask_batch *batch, const cask_conf *next)
{
    cask_view *views[TOUCHED_MAX];

    for (size_t i = 0; i < batch->touched_count; i++) {
        views[i] = batch->touched[i].view;
        atomic_fetch_add(&views[i]->references, 1);
    }
    cask_column_publish(batch->column, next, views, batch->touched_count);
}

static int commit(cask_batch *batch)
{
    cask_conf next = batch->conf;

    if (!CASK_FAULT(data_after_marker))
        CASK_TRY(sync_data(batch));
    for (size_t i = 0; i < batch->touched_count; i++)
        batch->touched[i].entry = cask_open_file_of(batch->touched[i].view, &next);
    list_open_files(batch, &next);
    next.sequence++;
    if (CASK_FAULT(marker_before_tables))
        CASK_TRY(write_marker(batch, &next));
    CASK_TRY(write_tables(batch, &next));
    if (CASK_FAULT(memory_before_marker))
        publish(batch, &next);
    CASK_TRY(write_marker(batch, &next));
    batch->column->committed = true;
    publish(batch, &next);
    return CASK_FAULT(data_after_marker) ? sync_data(batch) : CASK_OK;
}

int cask_batch_commit(cask_batch *batch)
{
    int code = CASK_OK;

    if (cask_column_poisoned(batch->column)) {
        cask_batch_abort(batch);
        return cask_fail(CASK_E_POISONED, CASK_NOWHERE,
                         "an earlier write failed; close the archive and open it again, which heals");
    }
    if (batch->records > 0) {
        code = commit(batch);
        if (code < 0 && !CASK_FAULT(not_poisoned))
            cask_column_poison(batch->column);
    }
    free_batch(batch);
    return code;
}

/* Cut off what was appended, and delete what was made; durably, since the next commit may seal what this batch touched.
 * Whatever fails is left to healing. */
static int undo(cask_batch *batch)
{
    const cask_vfs *vfs = batch->column->vfs;
    bool deleted = false;

    for (size_t i = 0; i < batch->touched_count; i++) {
        touched_file *file = &batch->touched[i];
        const char *path = file->view->data->path.text;
        int code;

        if (file->committed_length == 0) {
            code = vfs->unlink(vfs->context, path);
            if (code < 0)
                return cask_fail_system(code, CASK_IN_FILE(path), "delete the data file");
            deleted = true;
        } else if (file->view->data_length != file->committed_length && !CASK_FAULT(abort_does_not_truncate)) {
            CASK_TRY(cask_truncate(&file->view->data->handle, path, file->committed_length));
            CASK_TRY(cask_sync(&file->view->data->handle, path));
        }
    }
    return deleted && !CASK_FAULT(abort_does_not_sync_folder) ? cask_sync_folder(vfs, batch->column->folder.text)
                                                              : CASK_OK;
}

void cask_batch_abort(cask_batch *batch)
{
    if (batch == NULL)
        return;
    if (cask_column_poisoned(batch->column) || undo(batch) < 0)
        cask_column_poison(batch->column);
    free_batch(batch);
}
