#include <errno.h>
#include <stdlib.h>

#include "archive_internal.h"
#include "codec.h"
#include "error.h"
#include "fault.h"

#define DEFAULT_MAX_VALUE_SIZE (UINT64_C(1) << 30)
#define DEFAULT_CACHED_FILES 64

bool cask_column_name_valid(const char *name)
{
    size_t length = strlen(name);

    if (length == 0 || length > CASK_COLUMN_NAME_MAX || name[0] < 'a' || name[0] > 'z')
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == length;
}

void cask_column_poison(cask_column *column)
{
    pthread_mutex_lock(&column->mutex);
    column->poisoned = true;
    pthread_mutex_unlock(&column->mutex);
}

bool cask_column_poisoned(cask_column *column)
{
    bool poisoned;

    pthread_mutex_lock(&column->mutex);
    poisoned = column->poisoned;
    pthread_mutex_unlock(&column->mutex);
    return poisoned;
}

/* ---- Open and create ---- */

static int refuse_files(const char *name, void *payload)
{
    const cask_column *column = payload;
    uint64_t id;
    bool is_table;

    if (!cask_data_name_parse(name, &id, &is_table))
        return 0;
    return cask_fail_word(CASK_E_CORRUPT, "conf", CASK_IN_FILE(column->conf_path.text),
                          "there are data files (%s) but no column.conf; restore it from a copy", name);
}

/* A folder without a conf is a column that was never made, unless it holds data. */
static int refuse_data_without_conf(const cask_column *column)
{
    int code = cask_list_folder(column->vfs, column->folder.text, refuse_files, (void *)(uintptr_t)column);

    return code == CASK_E_NOTFOUND ? CASK_OK : code;
}

static int create(const cask_column *column, const cask_column_options *options)
{
    const cask_vfs *vfs = column->vfs;
    cask_conf conf = { .version = options->format_version == 0 ? CASK_FORMAT_NEWEST : options->format_version,
                       .sequence = 1,
                       .highest_slot = CASK_NO_SLOT,
                       .record_type = { options->record_type[0], options->record_type[1] },
                       .codec = options->codec,
                       .allow_backfill = options->allow_backfill,
                       .max_value_size = options->max_value_size == 0 ? DEFAULT_MAX_VALUE_SIZE
                                                                      : options->max_value_size,
                       .first_file_id = CASK_NO_SLOT };
    int made;

    if (conf.version < CASK_FORMAT_OLDEST || conf.version > CASK_FORMAT_NEWEST)
        return cask_fail(CASK_E_UNSUPPORTED, CASK_IN_FILE(column->folder.text),
                         "format %u cannot be made; formats %d to %d can", conf.version, CASK_FORMAT_OLDEST,
                         CASK_FORMAT_NEWEST);
    if (conf.codec > CASK_CODEC_ZSTD || (conf.codec == CASK_CODEC_ZSTD && conf.version < 4))
        return cask_fail(CASK_E_UNSUPPORTED, CASK_IN_FILE(column->folder.text), "format %u has no codec %u",
                         conf.version, conf.codec);
    if (conf.record_type[0] == 0 && conf.record_type[1] == 0)
        memcpy(conf.record_type, "cv", 2);
    if (conf.version == 2 && conf.allow_backfill)
        conf.version = 3;

    made = vfs->make_folder(vfs->context, column->folder.text);
    if (made < 0 && made != -EEXIST)
        return cask_fail_system(made, CASK_IN_FILE(column->folder.text), "make the folder of the column");
    CASK_TRY(refuse_data_without_conf(column));
    /* Before there is a conf: whoever finds one relies on its folder. */
    if (!CASK_FAULT(column_folder_not_synced))
        CASK_TRY(cask_sync_folder(vfs, column->archive->folder.text));
    return cask_conf_create(&conf, vfs, column->folder.text, column->conf_path.text);
}

/* What the caller's options ask of a conf that exists: the flag is sticky, the limit only grows. The limit goes to
 * disk with the next commit, the flag at once: it decides what the next commit may be. */
static int apply_options(cask_column *column, const cask_column_options *options)
{
    cask_conf conf = column->conf;

    column->wanted_max_value_size = options->max_value_size;
    if (!column->writable || !options->allow_backfill || conf.allow_backfill)
        return CASK_OK;
    conf.allow_backfill = true;
    if (conf.version == 2)
        conf.version = 3;
    conf.sequence++;
    CASK_TRY(cask_conf_store(&conf, column->vfs, column->folder.text, column->conf_path.text));
    column->conf = conf;
    return CASK_OK;
}

/* To read only. Who knows of a later commit may be a writer at work: then there is a later conf by now. */
static int load_unhealed(cask_column *column)
{
    cask_conf before;

    CASK_TRY(cask_conf_load(&column->conf, NULL, column->vfs, column->conf_path.text));
    for (;;) {
        cask_error error;
        int code = cask_check_witnesses(&column->conf, column->vfs, column->folder.text, column->conf_path.text);

        if (code == CASK_OK)
            return CASK_OK;
        error = *cask_error_last();
        before = column->conf;
        CASK_TRY(cask_conf_load(&column->conf, NULL, column->vfs, column->conf_path.text));
        if (column->conf.sequence == before.sequence) {
            cask_error_restore(&error);
            return code;
        }
    }
}

static int load_or_create(cask_column *column, const cask_column_options *options)
{
    cask_file_info info;
    int found = column->vfs->stat(column->vfs->context, column->conf_path.text, &info);

    if (found == -ENOENT) {
        CASK_TRY(refuse_data_without_conf(column));
        if (!column->writable || !options->create)
            return cask_fail(CASK_E_NOTFOUND, CASK_IN_FILE(column->archive->folder.text), "there is no column %s",
                             column->name);
        CASK_TRY(create(column, options));
    } else if (found < 0) {
        return cask_fail_system(found, CASK_IN_FILE(column->conf_path.text), "look for the conf");
    } else if (column->writable) {
        return cask_heal(&column->conf, column->vfs, column->folder.text, column->conf_path.text, false, NULL, NULL);
    } else {
        return load_unhealed(column);
    }
    return cask_conf_load(&column->conf, NULL, column->vfs, column->conf_path.text);
}

static int enlist_writer(cask_column *column)
{
    for (cask_column *other = column->archive->writers; other != NULL; other = other->next_writer) {
        if (strcmp(other->name, column->name) == 0)
            return cask_fail(CASK_E_BUSY, CASK_IN_FILE(column->folder.text),
                             "the column is open for writing already; use that handle");
    }
    column->next_writer = column->archive->writers;
    column->archive->writers = column;
    return CASK_OK;
}

static void delist_writer(cask_column *column)
{
    for (cask_column **at = &column->archive->writers; *at != NULL; at = &(*at)->next_writer) {
        if (*at == column) {
            *at = column->next_writer;
            return;
        }
    }
}

int cask_column_new(cask_column **column_out, cask_archive *archive, const char *name,
                    const cask_column_options *options)
{
    cask_column *column;
    uint32_t cached;
    int code;

    if (options->struct_size != sizeof *options)
        return cask_fail(CASK_E_INVALID, CASK_NOWHERE, "column options of another size; set them by the INIT macro");
    if (!cask_column_name_valid(name))
        return cask_fail(CASK_E_INVALID, CASK_NOWHERE, "'%.40s' cannot be the name of a column; use a-z, 0-9, _, -",
                         name);
    column = calloc(1, sizeof *column);
    if (column == NULL)
        return cask_fail_nomem();
    column->archive = archive;
    column->vfs = archive->vfs;
    column->writable = !archive->read_only;
    column->check_every_read = options->check_every_read;
    column->codec_level = options->codec_level;
    memcpy(column->name, name, strlen(name) + 1);
    cached = options->cached_files == 0 ? DEFAULT_CACHED_FILES : options->cached_files;
    column->view_sets = 1;
    while (column->view_sets <= cached / CASK_VIEW_WAYS / 2)
        column->view_sets *= 2;
    pthread_mutex_init(&column->mutex, NULL);
    column->views = calloc((size_t)column->view_sets * CASK_VIEW_WAYS, sizeof *column->views);
    code = column->views == NULL ? cask_fail_nomem() : CASK_OK;
    if (code == CASK_OK && column->writable)
        code = enlist_writer(column);
    if (code == CASK_OK)
        code = cask_path_join(&column->folder, archive->folder.text, name);
    if (code == CASK_OK)
        code = cask_path_join(&column->conf_path, column->folder.text, "column.conf");
    if (code < 0) {
        cask_column_close(column);
        return code;
    }
    *column_out = column;
    return CASK_OK;
}

int cask_column_open(cask_column **column_out, cask_archive *archive, const char *name,
                     const cask_column_options *options)
{
    static const cask_column_options defaults = CASK_COLUMN_OPTIONS_INIT;
    cask_column *column;
    int code;

    *column_out = NULL;
    if (options == NULL)
        options = &defaults;
    CASK_TRY(cask_column_new(&column, archive, name, options));
    code = load_or_create(column, options);
    if (code == CASK_OK)
        code = apply_options(column, options);
    column->codec = column->conf.codec;
    if (code < 0) {
        cask_column_close(column);
        return code;
    }
    *column_out = column;
    return CASK_OK;
}

/* Leave in the current file's trailer that the last commit was acknowledged, so that an older conf put in its place
 * is told from a crash. Nothing depends on it: failing to is no error. */
static void leave_witness(cask_column *column)
{
    const cask_conf *conf = &column->conf;
    cask_handle handle = CASK_HANDLE_INIT;
    cask_path path;
    cask_trailer trailer;

    if (!column->committed || column->poisoned || conf->version < 4 || cask_conf_is_empty(conf))
        return;
    path = cask_table_path(column->folder.text, conf->open[0].file_id);
    trailer = cask_trailer_of(&conf->open[0], false, conf->sequence);
    if (cask_handle_open(&handle, column->vfs, path.text, CASK_OPEN_WRITE) == CASK_OK) {
        (void)cask_trailer_write(&trailer, &handle, path.text);
        cask_handle_close(&handle);
    }
}

void cask_column_close(cask_column *column)
{
    if (column == NULL)
        return;
    cask_batch_abort(column->batch);
    leave_witness(column);
    delist_writer(column);
    for (size_t i = 0; column->views != NULL && i < (size_t)column->view_sets * CASK_VIEW_WAYS; i++)
        cask_view_release(column->views[i]);
    free(column->views);
    pthread_mutex_destroy(&column->mutex);
    free(column);
}

/* ---- Reading ---- */

/* A view that has the record of `slot`, and where. Release the view when the result is CASK_OK. */
static int locate(cask_view **view_out, cask_location *location_out, cask_conf *conf_out, cask_column *column,
                  uint64_t slot)
{
    cask_view *view;
    int code;

    if (slot == CASK_NO_SLOT)
        return cask_fail(CASK_E_INVALID, CASK_NOWHERE, "2^64-1 is not a slot");
    for (;;) {
        bool changed;

        code = cask_view_get(&view, conf_out, column, slot / CASK_SLOTS_PER_FILE);
        if (code == CASK_OK) {
            bool outdated;

            code = cask_view_find(location_out, column, conf_out, view, slot);
            if (code == CASK_OK)
                break;
            /* Of formats 2 and 3 this reads the data file. */
            outdated = code == CASK_E_CORRUPT && cask_view_outdated(column, view);
            cask_view_release(view);
            if (outdated)
                continue;
        }
        if ((code != CASK_E_NOTFOUND && code != CASK_E_PRUNED) || column->writable)
            return code;
        CASK_TRY(cask_column_refresh_changed(&changed, column));
        if (!changed && code == CASK_E_PRUNED)
            return code;
        if (!changed)
            return cask_fail(CASK_E_NOTFOUND, CASK_AT_SLOT(NULL, CASK_NO_OFFSET, slot), "column %s has no record",
                             column->name);
    }
    *view_out = view;
    return CASK_OK;
}

int cask_column_locate(cask_path *path_out, uint64_t *offset_out, cask_column *column, uint64_t slot)
{
    cask_location location;
    cask_view *view;
    cask_conf conf;

    CASK_TRY(locate(&view, &location, &conf, column, slot));
    *path_out = view->data->path;
    *offset_out = location.offset;
    cask_view_release(view);
    return CASK_OK;
}

/* A record that is to be read, and where to. */
typedef struct reading {
    cask_column *column;
    uint64_t slot;
    cask_view *view; /* where it was found, as is */
    cask_location location;
    void *buffer; /* of the caller, or */
    size_t capacity;
    size_t size;
    cask_buf *value; /* what grows as needed */
} reading;

/*
 * Find the record and read it by `read`. Damage may be no damage but a view that is no longer right, since the record
 * was pruned or its file replaced after the view was taken: then again.
 */
static int read_slot(reading *r, int (*read)(reading *r, const cask_conf *conf))
{
    for (;;) {
        cask_conf conf;
        bool again;
        int code;

        CASK_TRY(locate(&r->view, &r->location, &conf, r->column, r->slot));
        code = read(r, &conf);
        again = code == CASK_E_CORRUPT && cask_view_outdated(r->column, r->view);
        cask_view_release(r->view);
        if (!again)
            return code;
    }
}

/* As it is stored, in the codec of its file. */
static int read_payload(const reading *r, const cask_conf *conf, cask_buf *stored)
{
    CASK_TRY(cask_buf_reserve(stored, r->location.length));
    CASK_TRY(cask_view_read(r->column, conf, r->view, r->slot, &r->location, stored->data));
    stored->size = r->location.length;
    return CASK_OK;
}

/* As it is stored; where the file has another codec than the column, as the column would store it. */
static int read_stored(reading *r, const cask_conf *conf)
{
    cask_buf decoded = CASK_BUF_INIT;
    int code = read_payload(r, conf, r->value);

    if (code < 0 || conf->codec == r->column->codec)
        return code;
    code = cask_recode(r->value, &decoded, conf, r->column, r->view->data->path.text, r->slot, r->location.offset);
    cask_buf_dispose(&decoded);
    return code;
}

int cask_column_get_stored(cask_buf *stored, cask_column *column, uint64_t slot)
{
    reading r = { .column = column, .slot = slot, .value = stored };

    return read_slot(&r, read_stored);
}

/* Whether the caller's memory has room for r->size bytes. */
static int check_capacity(const reading *r)
{
    if (r->capacity >= r->size)
        return CASK_OK;
    return cask_fail(CASK_E_TOO_SMALL, CASK_AT_SLOT(NULL, CASK_NO_OFFSET, r->slot),
                     "the value has %zu bytes, the buffer %zu", r->size, r->capacity);
}

/* Decode into the caller's memory, or into what grows. */
static int read_encoded(reading *r, const cask_conf *conf)
{
    const char *path = r->view->data->path.text;
    cask_buf stored = CASK_BUF_INIT;
    void *to = r->buffer;
    uint64_t size;
    int code = read_payload(r, conf, &stored);

    if (code == CASK_OK)
        code = cask_value_size(conf, path, r->slot, r->location.offset, stored.data, stored.size, &size);
    if (code < 0)
        goto out;
    r->size = (size_t)size;
    if (r->value != NULL) {
        code = cask_buf_reserve(r->value, r->size);
        to = r->value->data;
    } else {
        code = check_capacity(r);
    }
    if (code == CASK_OK)
        code = cask_codec_decode(conf->codec, stored.data, stored.size, to, r->size);
    if (code == CASK_E_INVALID)
        code = cask_record_undecodable(conf->codec, CASK_AT_SLOT(path, r->location.offset, r->slot));
out:
    cask_buf_dispose(&stored);
    return code;
}

static int read_into_buffer(reading *r, const cask_conf *conf)
{
    if (conf->codec != CASK_CODEC_NONE)
        return read_encoded(r, conf);
    r->size = r->location.length;
    CASK_TRY(check_capacity(r));
    return cask_view_read(r->column, conf, r->view, r->slot, &r->location, r->buffer);
}

static int read_into_value(reading *r, const cask_conf *conf)
{
    if (conf->codec == CASK_CODEC_NONE)
        return read_payload(r, conf, r->value);
    CASK_TRY(read_encoded(r, conf));
    r->value->size = r->size;
    return CASK_OK;
}

int cask_column_get(cask_column *column, uint64_t slot, void *buffer, size_t capacity, size_t *size_out)
{
    reading r = { .column = column, .slot = slot, .buffer = buffer, .capacity = capacity };
    int code = read_slot(&r, read_into_buffer);

    if (code == CASK_OK || code == CASK_E_TOO_SMALL)
        *size_out = r.size;
    return code;
}

int cask_column_get_buf(cask_buf *value, cask_column *column, uint64_t slot)
{
    reading r = { .column = column, .slot = slot, .value = value };

    return read_slot(&r, read_into_value);
}

int cask_column_contains(bool *present_out, cask_column *column, uint64_t slot)
{
    cask_conf conf;
    cask_view *view;
    cask_location location;
    int code = locate(&view, &location, &conf, column, slot);

    if (code == CASK_OK)
        cask_view_release(view);
    else if (code != CASK_E_NOTFOUND && code != CASK_E_PRUNED)
        return code;
    *present_out = code == CASK_OK;
    return CASK_OK;
}

int cask_column_highest(uint64_t *slot_out, cask_column *column)
{
    cask_conf conf;

    CASK_TRY(cask_column_fresh_conf(&conf, column));
    if (cask_conf_is_empty(&conf))
        return cask_fail(CASK_E_NOTFOUND, CASK_NOWHERE, "column %s is empty", column->name);
    *slot_out = conf.highest_slot;
    return CASK_OK;
}

uint8_t cask_column_codec(cask_column *column)
{
    return column->codec;
}

/* ---- Statistics ---- */

static int add_file(const cask_column_file *file, void *payload)
{
    cask_column_info *info = payload;

    info->files++;
    info->open_files += !file->sealed;
    info->recoded_files += file->codec != info->codec;
    info->records += file->records;
    info->pruned += file->pruned;
    info->data_bytes += file->data_bytes;
    info->table_bytes += cask_table_file_size(info->format_version);
    info->table_bytes += info->format_version < 4 ? 0 : CASK_TRAILER_SIZE;
    info->value_bytes += file->value_bytes;
    return CASK_OK;
}

/* What is left of uncompressed data files without versions and headers. */
static uint64_t old_value_bytes(const cask_column_info *info)
{
    return info->data_bytes - info->files * CASK_DATA_START - info->records * CASK_RECORD_HEADER_SIZE;
}

static int find_lowest(uint64_t *slot_out, cask_column *column)
{
    cask_iter *iter;
    int code;

    CASK_TRY(cask_iter_new(&iter, column, 0, CASK_UP));
    code = cask_iter_next(iter, slot_out);
    cask_iter_free(iter);
    return code == CASK_E_NOTFOUND ? CASK_OK : code;
}

int cask_column_stat(cask_column_info *info_out, cask_column *column)
{
    cask_conf conf;
    cask_column_info info = { .lowest_slot = CASK_NO_SLOT };

    CASK_TRY(cask_column_fresh_conf(&conf, column));
    info.format_version = conf.version;
    memcpy(info.record_type, conf.record_type, 2);
    info.codec = conf.codec;
    info.allow_backfill = conf.allow_backfill;
    info.max_value_size = conf.max_value_size;
    info.highest_slot = conf.highest_slot;
    info.commits = conf.version < 4 ? 0 : conf.sequence;
    CASK_TRY(cask_visit_files(column, &conf, add_file, &info));
    if (conf.version < 4)
        info.value_bytes = conf.codec == CASK_CODEC_NONE ? old_value_bytes(&info) : UINT64_MAX;
    CASK_TRY(find_lowest(&info.lowest_slot, column));
    *info_out = info;
    return CASK_OK;
}
