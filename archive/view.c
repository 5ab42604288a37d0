#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "archive_internal.h"
#include "codec.h"
#include "error.h"
#include "fault.h"

/* ---- Data files ---- */

int cask_data_file_open(cask_data_file **data_out, const cask_vfs *vfs, const char *path, cask_open_mode mode)
{
    cask_data_file *data = calloc(1, sizeof *data);
    int code;

    if (data == NULL)
        return cask_fail_nomem();
    atomic_init(&data->references, 1);
    data->writable = mode != CASK_OPEN_READ;
    data->handle = (cask_handle)CASK_HANDLE_INIT;
    data->table = (cask_handle)CASK_HANDLE_INIT;
    (void)snprintf(data->path.text, sizeof data->path.text, "%s", path);
    code = cask_handle_open(&data->handle, vfs, data->path.text, mode);
    if (code < 0) {
        free(data);
        return code;
    }
    *data_out = data;
    return CASK_OK;
}

void cask_data_file_release(cask_data_file *data)
{
    if (data == NULL || atomic_fetch_sub(&data->references, 1) != 1)
        return;
    cask_handle_close(&data->handle);
    cask_handle_close(&data->table);
    free(data);
}

/* ---- Views ---- */

int cask_view_new(cask_view **view_out, uint64_t file_id)
{
    cask_view *view = calloc(1, sizeof *view);

    if (view == NULL)
        return cask_fail_nomem();
    atomic_init(&view->references, 1);
    view->file_id = file_id;
    *view_out = view;
    return CASK_OK;
}

int cask_view_copy(cask_view **copy_out, const cask_view *view)
{
    cask_view *copy = malloc(sizeof *copy);

    if (copy == NULL)
        return cask_fail_nomem();
    atomic_init(&copy->references, 1);
    copy->file_id = view->file_id;
    copy->used = 0;
    copy->sealed = view->sealed;
    copy->codec = view->codec;
    copy->data_length = view->data_length;
    copy->value_bytes = view->value_bytes;
    copy->records = view->records;
    copy->pruned = view->pruned;
    copy->data = view->data;
    if (copy->data != NULL)
        atomic_fetch_add(&copy->data->references, 1);
    for (size_t i = 0; i < CASK_SLOTS_PER_FILE / 64; i++)
        atomic_init(&copy->checked[i], atomic_load_explicit(&view->checked[i], memory_order_relaxed));
    copy->table = view->table;
    *copy_out = copy;
    return CASK_OK;
}

void cask_view_release(cask_view *view)
{
    if (view == NULL || atomic_fetch_sub(&view->references, 1) != 1)
        return;
    cask_data_file_release(view->data);
    free(view);
}

static int check_seal(cask_view *view, const cask_conf *conf, const cask_handle *handle, const char *path)
{
    cask_trailer seal;
    uint64_t size;
    bool valid;

    CASK_TRY(cask_size(handle, path, &size));
    CASK_TRY(cask_trailer_read(&seal, &valid, handle, path));
    if (!valid || !seal.sealed || size != CASK_TABLES_SIZE + CASK_TRAILER_SIZE)
        return cask_fail_word(CASK_E_CORRUPT, "seal", CASK_AT(path, CASK_TABLES_SIZE),
                              "the seal is missing or damaged; restore the file from a copy");
    if (seal.file_id != view->file_id)
        return cask_fail_word(CASK_E_CORRUPT, "seal", CASK_AT(path, CASK_TABLES_SIZE),
                              "the seal is that of file %llu; restore the file from a copy",
                              (unsigned long long)seal.file_id);
    if (seal.tables_crc != cask_tables_crc(&view->table))
        return cask_fail_word(CASK_E_CORRUPT, "table-checksum", CASK_AT(path, 0),
                              "the offset table does not match its seal; restore the file from a copy");
    view->sealed = true;
    view->data_length = seal.data_length;
    view->value_bytes = seal.value_bytes;
    view->records = seal.records;
    view->pruned = seal.pruned;
    view->codec = cask_conf_file_codec(conf, seal.other_codec);
    return CASK_OK;
}

/* The part of the table that is committed, as the conf knows it. */
static int check_listed(cask_view *view, const cask_conf *conf, const cask_open_file *file, const char *path)
{
    uint32_t zeroed;

    CASK_TRY(cask_table_settle(&view->table, &zeroed, conf, file, path));
    view->data_length = file->data_length;
    view->value_bytes = file->value_bytes;
    view->records = conf->version >= 4 ? file->records : cask_table_count(&view->table, conf->version);
    view->pruned = file->pruned;
    view->codec = cask_conf_file_codec(conf, file->other_codec);
    return CASK_OK;
}

static int load_table(cask_view *view, const cask_column *column, const cask_conf *conf)
{
    cask_handle handle = CASK_HANDLE_INIT;
    cask_path path;
    const cask_open_file *listed = cask_conf_find(conf, view->file_id);
    int code;

    view->codec = conf->codec;
    CASK_TRY(cask_current_table_path(&path, column->vfs, column->folder.text, conf, view->file_id));
    /* Format 3 lists a file before it makes it. */
    if (conf->version < 4 && listed != NULL && listed->data_length == 0)
        return CASK_E_NOTFOUND;
    CASK_TRY(cask_handle_open(&handle, column->vfs, path.text, CASK_OPEN_READ));
    code = cask_table_read(&view->table, conf->version, &handle, path.text);
    if (code == CASK_OK)
        code = cask_check_witness(conf, column->conf_path.text, &handle, path.text);
    if (code == CASK_OK && listed != NULL)
        code = check_listed(view, conf, listed, path.text);
    else if (code == CASK_OK && conf->version >= 4)
        code = check_seal(view, conf, &handle, path.text);
    cask_handle_close(&handle);
    return code;
}

/* A seal of a file without records beside records is an old one; unless the records are about to be deleted. */
static int check_no_data(const cask_view *view, const cask_column *column, const cask_conf *conf)
{
    cask_path path = cask_data_path(column->folder.text, view->file_id);
    bool there = false;

    if (!cask_conf_intends(conf, CASK_INTENT_REPLACE, view->file_id))
        CASK_TRY(cask_exists(&there, column->vfs, path.text));
    if (!there)
        return CASK_OK;
    return cask_fail_word(CASK_E_CORRUPT, "stray-file", CASK_IN_FILE(path.text),
                          "there is a data file, but the offset table is sealed as one without records; restore the "
                          "table from a copy, or delete the data file if it was never there");
}

static int load_data(cask_view *view, const cask_column *column, const cask_conf *conf)
{
    bool known_length = conf->version >= 4 || cask_conf_find(conf, view->file_id) != NULL;
    cask_path path;
    uint64_t size;

    if (known_length && view->data_length == 0)
        return view->sealed ? check_no_data(view, column, conf) : CASK_OK;
    CASK_TRY(cask_current_data_path(&path, column->vfs, column->folder.text, conf, view->file_id));
    CASK_TRY(cask_data_file_open(&view->data, column->vfs, path.text, CASK_OPEN_READ));
    CASK_TRY(cask_size(&view->data->handle, view->data->path.text, &size));
    if (!known_length) {
        view->data_length = size;
        view->records = cask_table_count(&view->table, conf->version);
    }
    if (size < view->data_length || (view->sealed && size != view->data_length))
        return cask_fail_word(CASK_E_CORRUPT, "file-length", CASK_AT(view->data->path.text, size),
                              "the data file has %llu bytes, of which %llu are committed; restore it from a copy",
                              (unsigned long long)size, (unsigned long long)view->data_length);
    return CASK_OK;
}

/* Of formats 2 and 3 a file may be absent, but not its half; unless that is the table without a record that an upgrade
 * makes. */
static int may_be_absent(bool *may_out, const cask_column *column, const cask_conf *conf, uint64_t file_id,
                         const cask_offset_table *table)
{
    const cask_open_file *listed = cask_conf_find(conf, file_id);
    cask_path data = cask_data_path(column->folder.text, file_id);
    bool there = true;

    if (conf->version < 4 && listed == NULL && table == NULL)
        CASK_TRY(cask_exists(&there, column->vfs, data.text));
    *may_out = conf->version < 4 && (listed != NULL  ? listed->data_length == 0
                                     : table != NULL ? cask_table_count(table, conf->version) == 0
                                                     : !there);
    return CASK_OK;
}

/* `table` NULL: it is what is missing, else the data. */
static int missing_file(const cask_column *column, const cask_conf *conf, uint64_t file_id,
                        const cask_offset_table *table)
{
    cask_path path = table != NULL ? cask_data_path(column->folder.text, file_id)
                                   : cask_table_path(column->folder.text, file_id);
    bool absent;

    CASK_TRY(may_be_absent(&absent, column, conf, file_id, table));
    if (absent)
        return cask_fail(CASK_E_NOTFOUND, CASK_NOWHERE, "the column has no file for this slot");
    return cask_fail_word(CASK_E_CORRUPT, "missing-file", CASK_IN_FILE(path.text),
                          "the file is missing; restore it from a copy");
}

int cask_view_load(cask_view **view_out, const cask_column *column, const cask_conf *conf, uint64_t file_id)
{
    cask_view *view = NULL;
    int code;

    if (cask_conf_is_empty(conf) || file_id > cask_conf_current(conf) || file_id < conf->first_file_id)
        return cask_fail(CASK_E_NOTFOUND, CASK_NOWHERE, "the column has no file for this slot");
    CASK_TRY(cask_view_new(&view, file_id));
    code = load_table(view, column, conf);
    if (code == CASK_E_NOTFOUND)
        code = missing_file(column, conf, file_id, NULL);
    else if (code == CASK_OK) {
        code = load_data(view, column, conf);
        if (code == CASK_E_NOTFOUND)
            code = missing_file(column, conf, file_id, &view->table);
    }
    if (code < 0) {
        cask_view_release(view);
        return code;
    }
    *view_out = view;
    return CASK_OK;
}

/* ---- The cache ---- */

static cask_view **cache_set(const cask_column *column, uint64_t file_id)
{
    return column->views + (size_t)(file_id & (column->view_sets - 1)) * CASK_VIEW_WAYS;
}

static cask_view *cache_find(cask_column *column, uint64_t file_id)
{
    cask_view **set = cache_set(column, file_id);

    for (int i = 0; i < CASK_VIEW_WAYS; i++) {
        if (set[i] != NULL && set[i]->file_id == file_id) {
            set[i]->used = ++column->clock;
            atomic_fetch_add_explicit(&set[i]->references, 1, memory_order_relaxed);
            return set[i];
        }
    }
    return NULL;
}

/* Take over a reference; in place of an older view of the same file, else of the one used longest ago. */
static void cache_insert(cask_column *column, cask_view *view)
{
    cask_view **set = cache_set(column, view->file_id);
    int place = 0;

    for (int i = 0; i < CASK_VIEW_WAYS; i++) {
        if (set[i] != NULL && set[i]->file_id == view->file_id) {
            place = i;
            break;
        }
        if (set[place] != NULL && (set[i] == NULL || set[i]->used < set[place]->used))
            place = i;
    }
    cask_view_release(set[place]);
    set[place] = view;
    view->used = ++column->clock;
}

void cask_column_forget_views(cask_column *column)
{
    for (size_t i = 0; i < (size_t)column->view_sets * CASK_VIEW_WAYS; i++) {
        cask_view_release(column->views[i]);
        column->views[i] = NULL;
    }
}

static void cache_drop_listed(cask_column *column, const cask_conf *conf)
{
    for (uint32_t i = 0; i < conf->open_count; i++) {
        cask_view **set = cache_set(column, conf->open[i].file_id);

        for (int way = 0; way < CASK_VIEW_WAYS; way++) {
            if (set[way] != NULL && set[way]->file_id == conf->open[i].file_id) {
                cask_view_release(set[way]);
                set[way] = NULL;
            }
        }
    }
}

void cask_column_publish(cask_column *column, const cask_conf *conf, cask_view **views, size_t count)
{
    pthread_mutex_lock(&column->mutex);
    column->conf = *conf;
    for (size_t i = 0; i < count; i++)
        cache_insert(column, views[i]);
    pthread_mutex_unlock(&column->mutex);
}

cask_conf cask_column_conf(cask_column *column)
{
    cask_conf conf;

    pthread_mutex_lock(&column->mutex);
    conf = column->conf;
    pthread_mutex_unlock(&column->mutex);
    return conf;
}

/* Whether two confs say the same of what is committed; sequence numbers serve version 4 only. */
static bool same_commit(const cask_conf *a, const cask_conf *b)
{
    if (a->sequence != b->sequence || a->highest_slot != b->highest_slot || a->open_count != b->open_count ||
        a->version != b->version || a->seals_digest != b->seals_digest)
        return false;
    for (uint32_t i = 0; i < a->open_count; i++) {
        if (a->open[i].file_id != b->open[i].file_id || a->open[i].data_length != b->open[i].data_length)
            return false;
    }
    return true;
}

int cask_column_refresh_changed(bool *changed_out, cask_column *column)
{
    cask_conf conf;
    int code = CASK_OK;

    *changed_out = false;
    if (column->writable)
        return CASK_OK;
    CASK_TRY(cask_conf_load(&conf, NULL, column->vfs, column->conf_path.text));
    pthread_mutex_lock(&column->mutex);
    /* Another thread may have read a later one meanwhile; or the format was changed, and commits are counted anew. */
    if (conf.sequence < column->conf.sequence)
        code = cask_conf_load(&conf, NULL, column->vfs, column->conf_path.text);
    if (code == CASK_OK && !same_commit(&conf, &column->conf)) {
        /* Which files have other seals now is not known: filled and sealed again, pruned, compacted. */
        if (conf.seals_digest != column->conf.seals_digest || conf.version != column->conf.version)
            cask_column_forget_views(column);
        cache_drop_listed(column, &column->conf);
        cache_drop_listed(column, &conf);
        column->conf = conf;
        *changed_out = true;
    }
    pthread_mutex_unlock(&column->mutex);
    return code;
}

int cask_column_refresh(cask_column *column)
{
    bool changed;

    return cask_column_refresh_changed(&changed, column);
}

int cask_column_fresh_conf(cask_conf *conf_out, cask_column *column)
{
    CASK_TRY(cask_column_refresh(column));
    *conf_out = cask_column_conf(column);
    return CASK_OK;
}

/* All of a conf but the list of open files, which is most of it, as it is for one file. */
static void copy_facts(cask_conf *to, const cask_conf *from, const cask_view *view)
{
    memcpy(to, from, offsetof(cask_conf, open));
    to->open_count = 0;
    to->codec = view->codec;
}

/* cask_view_load(). In formats 2 and 3 a file that is not listed is committed whole, provided that it still was not
 * listed when it had been read: else *again_out. */
static int load_unless_listed(cask_view **view_out, bool *again_out, cask_column *column, const cask_conf *conf,
                              uint64_t file_id)
{
    cask_conf now;
    int code;

    *again_out = false;
    CASK_TRY(cask_view_load(view_out, column, conf, file_id));
    if (conf->version >= 4 || cask_conf_find(conf, file_id) != NULL)
        return CASK_OK;
    code = cask_column_fresh_conf(&now, column);
    *again_out = code == CASK_OK && !same_commit(conf, &now);
    if (code < 0 || *again_out)
        cask_view_release(*view_out);
    return code;
}

int cask_view_get(cask_view **view_out, cask_conf *conf_out, cask_column *column, uint64_t file_id)
{
    for (;;) {
        cask_conf conf;
        cask_view *view;
        bool changed;
        int code;

        pthread_mutex_lock(&column->mutex);
        view = cache_find(column, file_id);
        if (view == NULL)
            conf = column->conf;
        else if (conf_out != NULL)
            copy_facts(conf_out, &column->conf, view);
        pthread_mutex_unlock(&column->mutex);
        if (view != NULL) {
            *view_out = view;
            return CASK_OK;
        }

        code = load_unless_listed(&view, &changed, column, &conf, file_id);
        if (changed)
            continue;
        if (code == CASK_OK) {
            pthread_mutex_lock(&column->mutex);
            if (same_commit(&conf, &column->conf)) {
                atomic_fetch_add_explicit(&view->references, 1, memory_order_relaxed);
                cache_insert(column, view);
            }
            pthread_mutex_unlock(&column->mutex);
            if (conf_out != NULL)
                copy_facts(conf_out, &conf, view);
            *view_out = view;
            return CASK_OK;
        }
        /* The writer may have changed the file meanwhile: then it changed the conf before. In this process a view
         * was published, in another the conf on disk is a later one. */
        if (column->writable) {
            cask_conf now = cask_column_conf(column);

            changed = !same_commit(&conf, &now);
        } else {
            cask_error error = *cask_error_last();

            CASK_TRY(cask_column_refresh_changed(&changed, column));
            if (!changed)
                cask_error_restore(&error);
        }
        if (!changed)
            return code;
    }
}

/* Formats 2 and 3 do not count commits: between an upgrade and the way back files may have been replaced, under a conf
 * that is the same as before. */
static bool forget_if_emptied(cask_column *column, const cask_view *view)
{
    uint64_t size;

    if (view->data == NULL || cask_size(&view->data->handle, view->data->path.text, &size) < 0 ||
        size >= view->data_length)
        return false;
    pthread_mutex_lock(&column->mutex);
    cask_column_forget_views(column);
    pthread_mutex_unlock(&column->mutex);
    return true;
}

bool cask_view_outdated(cask_column *column, const cask_view *view)
{
    cask_error error = *cask_error_last();
    cask_view *now;
    bool outdated = true;

    if (cask_column_refresh(column) == CASK_OK && cask_view_get(&now, NULL, column, view->file_id) == CASK_OK) {
        outdated = now != view ? now->data_length != view->data_length || now->sealed != view->sealed ||
                                     memcmp(&now->table, &view->table, sizeof now->table) != 0
                               : forget_if_emptied(column, view);
        cask_view_release(now);
    }
    cask_error_restore(&error);
    return outdated;
}

/* ---- Records ---- */

static int corrupt_record(const cask_view *view, const char *word, uint64_t slot, uint64_t offset, const char *what)
{
    return cask_fail_word(CASK_E_CORRUPT, word,
                          CASK_AT_SLOT(view->data != NULL ? view->data->path.text : NULL, offset, slot),
                          "%s; restore the file from a copy", what);
}

/* Formats 2 and 3 know the length of a record from its header alone. */
static int find_by_header(cask_location *location, const cask_conf *conf, const cask_view *view, uint64_t slot)
{
    uint8_t header[CASK_RECORD_HEADER_SIZE];
    cask_record record;

    if (location->offset < CASK_DATA_START || view->data == NULL || location->offset > view->data_length ||
        view->data_length - location->offset < sizeof header)
        return corrupt_record(view, "offset", slot, location->offset, "the offset is outside the committed data");
    CASK_TRY(cask_read_exact(&view->data->handle, view->data->path.text, header, sizeof header, location->offset));
    record = cask_record_decode(header);
    if (memcmp(record.type, conf->record_type, 2) != 0 || record.reserved != 0)
        return corrupt_record(view, "record-header", slot, location->offset, "there is no record of the column here");
    location->length = record.length;
    return CASK_OK;
}

int cask_view_find(cask_location *location_out, const cask_column *column, const cask_conf *conf,
                   const cask_view *view, uint64_t slot)
{
    uint32_t index = (uint32_t)(slot % CASK_SLOTS_PER_FILE);
    cask_location location = { .offset = cask_table_offset(&view->table, index) };

    if (location.offset == CASK_OFFSET_NONE)
        return cask_fail(CASK_E_NOTFOUND, CASK_AT_SLOT(NULL, CASK_NO_OFFSET, slot), "column %s has no record",
                         column->name);
    if (conf->version < 4) {
        CASK_TRY(find_by_header(&location, conf, view, slot));
    } else {
        if (location.offset == CASK_OFFSET_PRUNED)
            return cask_fail(CASK_E_PRUNED, CASK_AT_SLOT(NULL, CASK_NO_OFFSET, slot),
                             "the record of column %s was pruned", column->name);
        location.length = cask_table_length(&view->table, index);
        location.crc = cask_table_crc(&view->table, index);
    }
    if (location.offset < CASK_DATA_START || location.offset > view->data_length ||
        view->data_length - location.offset < CASK_RECORD_HEADER_SIZE + (uint64_t)location.length)
        return corrupt_record(view, "offset", slot, location.offset, "the record reaches past the committed data");
    *location_out = location;
    return CASK_OK;
}

/* Smaller records are verified at each read: that costs less than to look at the header again. */
#define CHECKED_ALWAYS 4096

/* What was verified once can only have been pruned since, or its file emptied when another took its place; and then
 * the header goes before the rest. */
static int check_header(const cask_conf *conf, const cask_view *view, uint64_t slot, const cask_location *location)
{
    uint8_t header[CASK_RECORD_HEADER_SIZE], expected[CASK_RECORD_HEADER_SIZE];

    cask_record_encode(expected, conf->record_type, location->length);
    CASK_TRY(cask_read_exact(&view->data->handle, view->data->path.text, header, sizeof header, location->offset));
    if (memcmp(header, expected, sizeof header) != 0)
        return corrupt_record(view, "record-header", slot, location->offset, "there is no record of the column here");
    return CASK_OK;
}

/* As what was punched out reads: its checksum says nothing. */
static bool is_zeros(const uint8_t *bytes, size_t size)
{
    return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

int cask_view_check(const cask_column *column, const cask_conf *conf, cask_view *view, uint64_t slot,
                    const cask_location *location, const void *payload)
{
    uint32_t index = (uint32_t)(slot % CASK_SLOTS_PER_FILE);
    _Atomic uint64_t *word = &view->checked[index / 64];
    uint64_t bit = UINT64_C(1) << (index % 64);

    /* Without a checksum: after an upgrade it may have been pruned while it was read. */
    if (conf->version < 4)
        return check_header(conf, view, slot, location);
    if (location->length > CHECKED_ALWAYS && !column->check_every_read &&
        (atomic_load_explicit(word, memory_order_relaxed) & bit) != 0)
        return check_header(conf, view, slot, location);
    if (cask_record_crc(slot, conf->record_type, location->length, payload) != location->crc)
        return corrupt_record(view, "record-checksum", slot, location->offset,
                              "the record does not match its checksum");
    if (location->length > CHECKED_ALWAYS)
        atomic_fetch_or_explicit(word, bit, memory_order_relaxed);
    return is_zeros(payload, location->length) ? check_header(conf, view, slot, location) : CASK_OK;
}

int cask_view_read(const cask_column *column, const cask_conf *conf, cask_view *view, uint64_t slot,
                   const cask_location *location, void *payload)
{
    CASK_TRY(cask_read_exact(&view->data->handle, view->data->path.text, payload, location->length,
                             location->offset + CASK_RECORD_HEADER_SIZE));
    return cask_view_check(column, conf, view, slot, location, payload);
}

int cask_value_size(const cask_conf *conf, const char *path, uint64_t slot, uint64_t offset, const void *payload,
                    size_t size, uint64_t *value_size_out)
{
    if (cask_codec_size(conf->codec, payload, size, conf->max_value_size, value_size_out) < 0)
        return cask_fail_word(CASK_E_CORRUPT, "record-codec", CASK_AT_SLOT(path, offset, slot),
                              "the record is no %s data of at most %llu bytes; restore the file from a copy",
                              cask_codec_name(conf->codec), (unsigned long long)conf->max_value_size);
    return CASK_OK;
}

int cask_record_undecodable(uint8_t codec, cask_place place)
{
    return cask_fail_word(CASK_E_CORRUPT, "record-codec", place,
                          "the record does not decode as %s; restore the file from a copy", cask_codec_name(codec));
}

int cask_record_value(cask_buf *value, uint8_t codec, const void *payload, size_t size, uint64_t limit,
                      cask_place place)
{
    int code = cask_codec_decode_buf(value, codec, payload, size, limit);

    return code == CASK_OK || code == CASK_E_NOMEM ? code : cask_record_undecodable(codec, place);
}

int cask_recode(cask_buf *payload, cask_buf *value, const cask_conf *conf, const cask_column *column, const char *path,
                uint64_t slot, uint64_t offset)
{
    CASK_TRY(cask_record_value(value, conf->codec, payload->data, payload->size, conf->max_value_size,
                               CASK_AT_SLOT(path, offset, slot)));
    return cask_codec_encode(payload, column->codec, column->codec_level, value->data, value->size);
}

/* ---- Files of formats 2 and 3 ---- */

typedef struct id_list {
    uint64_t *ids;
    size_t count;
    size_t capacity;
} id_list;

static int collect_id(const char *name, void *payload)
{
    id_list *list = payload;
    uint64_t id;
    bool is_table;

    if (!cask_data_name_parse(name, &id, &is_table))
        return 0;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 64 : list->capacity * 2;
        uint64_t *ids = realloc(list->ids, capacity * sizeof *ids);

        if (ids == NULL)
            return cask_fail_nomem();
        list->ids = ids;
        list->capacity = capacity;
    }
    list->ids[list->count++] = id;
    return 0;
}

static int compare_ids(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

int cask_list_file_ids(uint64_t **ids_out, size_t *count_out, const cask_vfs *vfs, const char *folder)
{
    id_list list = { NULL, 0, 0 };
    size_t unique = 0;
    int code = cask_list_folder(vfs, folder, collect_id, &list);

    if (code < 0) {
        free(list.ids);
        return code;
    }
    if (list.count > 1)
        qsort(list.ids, list.count, sizeof *list.ids, compare_ids);
    /* A whole file has two names, and either half may be lost. */
    for (size_t i = 0; i < list.count; i++) {
        if (unique == 0 || list.ids[unique - 1] != list.ids[i])
            list.ids[unique++] = list.ids[i];
    }
    list.count = unique;
    *ids_out = list.ids;
    *count_out = list.count;
    return CASK_OK;
}
