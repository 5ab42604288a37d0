/* Verification: read and check every committed byte of a column. Changes nothing. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec.h"
#include "error.h"
#include "parallel.h"
#include "pruned_list.h"
#include "replace.h"

typedef struct verification {
    cask_column *column;
    cask_conf conf;
    uint64_t *ids; /* formats 2 and 3 */
    cask_pruned_list pruned;
    cask_report_fn report;
    void *payload;
    pthread_mutex_t mutex; /* guards the report and what follows */
    uint64_t bytes;
    uint64_t seals_digest;
    bool seals_known; /* false: a seal could not be read, so the digest says nothing */
    uint64_t told_first; /* the files of no commit that healing told of reach from here, or from the first file, */
    uint64_t told_last;  /* to here, or to the current one */
} verification;

__attribute__((format(printf, 4, 5))) static int finding(verification *verify, const char *what, cask_place place,
                                                         const char *format, ...)
{
    char message[512];
    cask_report report = { .what = what,
                           .file = place.file,
                           .slot = place.slot,
                           .offset = place.offset,
                           .corrupt = true,
                           .message = message };
    va_list arguments;
    int code;

    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    pthread_mutex_lock(&verify->mutex);
    code = verify->report(&report, verify->payload);
    pthread_mutex_unlock(&verify->mutex);
    return code;
}

/* Damage that a function reported as an error is a finding; any other error ends the verification. */
static int finding_of_error(verification *verify, int code)
{
    cask_error error;

    if (code != CASK_E_CORRUPT && code != CASK_E_PRUNED)
        return code;
    error = *cask_error_last();
    return finding(verify, error.word[0] != '\0' ? error.word : "conf",
                   CASK_AT_SLOT(error.file, error.offset, error.slot), "%s", error.message);
}

/* ---- A data file, record by record ---- */

typedef struct file_walk {
    verification *verify;
    cask_view *view;
    const char *path;
    cask_window window;
    cask_buf value;
    uint64_t value_bytes;
} file_walk;

static int check_codec(file_walk *walk, uint64_t slot, uint64_t offset, const uint8_t *payload, uint32_t length)
{
    const cask_conf *conf = &walk->verify->conf;
    uint8_t codec = walk->view->codec;

    if (codec == CASK_CODEC_NONE) {
        walk->value_bytes += length;
        return CASK_OK;
    }
    if (cask_codec_decode_buf(&walk->value, codec, payload, length, conf->max_value_size) < 0) {
        if (cask_error_last()->code == CASK_E_NOMEM)
            return CASK_E_NOMEM;
        return finding(walk->verify, "record-codec", CASK_AT_SLOT(walk->path, offset, slot),
                       "the record does not decode as %s", cask_codec_name(codec));
    }
    walk->value_bytes += walk->value.size;
    return CASK_OK;
}

/* *next_out: the end of the record, or of the file where that cannot be told. */
static int check_record(file_walk *walk, uint32_t index, uint64_t offset, uint64_t *next_out)
{
    verification *verify = walk->verify;
    const cask_conf *conf = &verify->conf;
    uint64_t slot = walk->view->file_id * CASK_SLOTS_PER_FILE + index;
    cask_place place = CASK_AT_SLOT(walk->path, offset, slot);
    uint64_t rest = walk->view->data_length - offset;
    const uint8_t *bytes;
    cask_record record;
    uint32_t length;

    *next_out = walk->view->data_length;
    if (rest < CASK_RECORD_HEADER_SIZE)
        return finding(verify, "offset", place, "the offset is outside the committed data");
    CASK_TRY(cask_window_read(&walk->window, offset, CASK_RECORD_HEADER_SIZE, &bytes));
    record = cask_record_decode(bytes);
    length = conf->version < 4 ? record.length : cask_table_length(&walk->view->table, index);
    if (rest - CASK_RECORD_HEADER_SIZE < length)
        return finding(verify, conf->version < 4 ? "record-header" : "offset", place,
                       "the record reaches past the committed data");
    *next_out = offset + CASK_RECORD_HEADER_SIZE + length;
    if (memcmp(record.type, conf->record_type, 2) != 0 || record.reserved != 0 || record.length != length)
        CASK_TRY(finding(verify, "record-header", place, "the header is not that of the record that was written"));
    CASK_TRY(cask_window_read(&walk->window, offset, CASK_RECORD_HEADER_SIZE + (uint64_t)length, &bytes));
    bytes += CASK_RECORD_HEADER_SIZE;
    if (conf->version >= 4 &&
        cask_record_crc(slot, conf->record_type, length, bytes) != cask_table_crc(&walk->view->table, index))
        return finding(verify, "record-checksum", place, "the record does not match its checksum");
    return check_codec(walk, slot, offset, bytes, length);
}

/* Bytes between records that no entry refers to. Format 3 may have them, from batches that the prototype lost. What is
 * being pruned need not be zeros yet. */
static int check_gap(file_walk *walk, uint64_t from, uint64_t to)
{
    const cask_conf *conf = &walk->verify->conf;
    uint64_t at = from;

    if (from >= to || cask_conf_intends(conf, CASK_INTENT_PRUNE, walk->view->file_id))
        return CASK_OK;
    if (conf->version >= 4)
        CASK_TRY(cask_window_skip_zeros(&walk->window, from, to, &at));
    if (at == to)
        return CASK_OK;
    return finding(walk->verify, "unreferenced-record", CASK_AT(walk->path, from),
                   "%" PRIu64 " bytes belong to no slot", to - from);
}

static int check_records(file_walk *walk)
{
    uint64_t (*entries)[2] = malloc(CASK_SLOTS_PER_FILE * sizeof *entries);
    const cask_offset_table *table = &walk->view->table;
    uint64_t at = CASK_DATA_START;
    size_t count;
    int code = CASK_OK;

    if (entries == NULL)
        return cask_fail_nomem();
    count = cask_table_by_offset(entries, table, walk->verify->conf.version);
    for (size_t i = 0; i < count && code == CASK_OK; i++) {
        uint64_t slot = walk->view->file_id * CASK_SLOTS_PER_FILE + entries[i][1];

        if (entries[i][0] < at || entries[i][0] > walk->view->data_length) {
            code = finding(walk->verify, "offset", CASK_AT_SLOT(walk->path, entries[i][0], slot),
                           "the offset leads into another record or outside the file");
            continue;
        }
        code = check_gap(walk, at, entries[i][0]);
        if (code == CASK_OK)
            code = check_record(walk, (uint32_t)entries[i][1], entries[i][0], &at);
    }
    if (code == CASK_OK)
        code = check_gap(walk, at, walk->view->data_length);
    free(entries);
    return code;
}

static int check_data(file_walk *walk)
{
    const uint8_t *bytes;

    if (walk->view->data == NULL)
        return CASK_OK;
    walk->path = walk->view->data->path.text;
    walk->window = (cask_window){ .handle = &walk->view->data->handle,
                                  .path = walk->path,
                                  .end = walk->view->data_length };
    if (walk->view->data_length < CASK_DATA_START)
        return finding(walk->verify, "file-length", CASK_AT(walk->path, 0), "the data file has no version record");
    CASK_TRY(cask_window_read(&walk->window, 0, CASK_DATA_START, &bytes));
    if (memcmp(bytes, cask_version_record, CASK_DATA_START) != 0)
        CASK_TRY(finding(walk->verify, "record-header", CASK_AT(walk->path, 0),
                         "the file does not begin with the e2store version record"));
    return check_records(walk);
}

/* The numbers that go with a table are the sums over its records. */
static int check_numbers(file_walk *walk)
{
    const cask_view *view = walk->view;
    cask_path path = cask_table_path(walk->verify->column->folder.text, view->file_id);
    uint32_t counted, pruned = 0;

    if (walk->verify->conf.version < 4)
        return CASK_OK;
    counted = cask_table_count(&view->table, walk->verify->conf.version);
    for (uint32_t i = 0; i < CASK_SLOTS_PER_FILE; i++)
        pruned += cask_table_offset(&view->table, i) == CASK_OFFSET_PRUNED;
    if (view->records != counted || view->pruned != pruned)
        return finding(walk->verify, "table-checksum", CASK_IN_FILE(path.text),
                       "%u records and %u pruned slots are counted, the table has %u and %u", view->records,
                       view->pruned, counted, pruned);
    return CASK_OK;
}

/* The list of pruned ranges is whole. */
static int check_pruned_list(verification *verify)
{
    cask_path path;

    if (verify->pruned.damaged == 0)
        return CASK_OK;
    CASK_TRY(cask_path_join(&path, verify->column->folder.text, CASK_PRUNED_NAME));
    return finding(verify, "pruned-list", CASK_IN_FILE(path.text), "%" PRIu64 " entries of the list cannot be read",
                   verify->pruned.damaged);
}

/* It has the tombstones that there are, and no record: one finding for a file. */
static int check_pruned(file_walk *walk)
{
    verification *verify = walk->verify;
    const cask_offset_table *table = &walk->view->table;
    cask_path path;

    if (verify->conf.version < 4 || (walk->view->pruned == 0 && verify->pruned.count == 0) ||
        verify->pruned.damaged > 0)
        return CASK_OK;
    CASK_TRY(cask_path_join(&path, verify->column->folder.text, CASK_PRUNED_NAME));
    for (uint32_t i = 0; i < CASK_SLOTS_PER_FILE; i++) {
        uint64_t slot = walk->view->file_id * CASK_SLOTS_PER_FILE + i;
        uint64_t offset = cask_table_offset(table, i);
        bool listed = offset != CASK_OFFSET_NONE && cask_pruned_list_has(&verify->pruned, slot);

        if (offset != CASK_OFFSET_NONE && listed != (offset == CASK_OFFSET_PRUNED))
            return finding(verify, "pruned-list", CASK_AT_SLOT(path.text, CASK_NO_OFFSET, slot),
                           listed ? "the list has a range as pruned that the tables have records of"
                                  : "the list lacks a range that was pruned");
    }
    return CASK_OK;
}

/* ---- A file and its table ---- */

static int check_table_file(verification *verify, const cask_view *view)
{
    cask_path path;
    size_t expected = cask_table_file_size(verify->conf.version) +
                      (verify->conf.version < 4 ? 0 : CASK_TRAILER_SIZE);
    cask_handle handle = CASK_HANDLE_INIT;
    cask_trailer trailer = { 0 };
    uint64_t size;
    bool valid = false;
    int code;

    CASK_TRY(cask_current_table_path(&path, verify->column->vfs, verify->column->folder.text, &verify->conf,
                                     view->file_id));
    CASK_TRY(cask_handle_open(&handle, verify->column->vfs, path.text, CASK_OPEN_READ));
    code = cask_size(&handle, path.text, &size);
    if (code == CASK_OK && verify->conf.version >= 4)
        code = cask_trailer_read(&trailer, &valid, &handle, path.text);
    cask_handle_close(&handle);
    CASK_TRY(code);
    pthread_mutex_lock(&verify->mutex);
    verify->bytes += expected + view->data_length;
    if (view->sealed)
        verify->seals_digest ^= cask_trailer_hash(&trailer);
    pthread_mutex_unlock(&verify->mutex);
    /* An upgrade writes marks and trailer behind the offsets; it may have been stopped anywhere. */
    if (verify->conf.version < 4 && size > CASK_TABLES_SIZE + CASK_TRAILER_SIZE)
        return finding(verify, "file-length", CASK_AT(path.text, size), "the offset table must have %zu bytes",
                       expected);
    return CASK_OK;
}

static int verify_file(verification *verify, uint64_t file_id)
{
    file_walk walk = { .verify = verify };
    int code = cask_view_load(&walk.view, verify->column, &verify->conf, file_id);

    if (code == CASK_E_NOTFOUND)
        return CASK_OK;
    if (code < 0) {
        pthread_mutex_lock(&verify->mutex);
        verify->seals_known = false;
        pthread_mutex_unlock(&verify->mutex);
        return finding_of_error(verify, code);
    }
    code = check_table_file(verify, walk.view);
    if (code == CASK_OK)
        code = check_data(&walk);
    if (code == CASK_OK)
        code = check_numbers(&walk);
    if (code == CASK_OK)
        code = check_pruned(&walk);
    code = finding_of_error(verify, code);
    cask_view_release(walk.view);
    cask_buf_dispose(&walk.window.buffer);
    cask_buf_dispose(&walk.value);
    return code;
}

static int verify_nth(size_t index, unsigned worker, void *context)
{
    verification *verify = context;

    (void)worker;
    return verify_file(verify, verify->ids != NULL ? verify->ids[index] : verify->conf.first_file_id + index);
}

/* ---- The folder ---- */

static bool is_known_name(const char *name)
{
    return strcmp(name, "column.conf") == 0 || strcmp(name, "column.conf.tmp") == 0 ||
           strcmp(name, CASK_PRUNED_NAME) == 0 || strcmp(name, CASK_REPLACEMENT_NAME) == 0 ||
           strcmp(name, CASK_REPLACEMENT_NAME ".off") == 0;
}

/* Healing does not look for it there, and it does no harm. */
static int far_stray(verification *verify, const char *path)
{
    cask_report report = { .what = "stray-file",
                           .file = path,
                           .slot = CASK_NO_SLOT,
                           .offset = CASK_NO_OFFSET,
                           .message = "the file is of no commit, far from those of the column; delete it" };

    return verify->report(&report, verify->payload);
}

static int check_entry(const char *name, void *payload)
{
    verification *verify = payload;
    const cask_conf *conf = &verify->conf;
    cask_view *view;
    cask_path path;
    uint64_t id;
    bool is_table, unexpected;
    int code;

    if (is_known_name(name))
        return CASK_OK;
    CASK_TRY(cask_path_join(&path, verify->column->folder.text, name));
    if (!cask_data_name_parse(name, &id, &is_table))
        return finding(verify, "stray-file", CASK_IN_FILE(path.text), "the file is not one of a column");
    /* What lies beyond both ends a crash may have left: healing tells of what is near. */
    if (cask_conf_is_empty(conf))
        return CASK_OK;
    if (id < conf->first_file_id || id > cask_conf_current(conf))
        return id < verify->told_first || id > verify->told_last ? far_stray(verify, path.text) : CASK_OK;
    /* A table without records has no data file. Of an open file healing tells that, too. */
    if (is_table || conf->version < 4 || cask_conf_find(conf, id) != NULL)
        return CASK_OK;
    code = cask_view_load(&view, verify->column, conf, id);
    if (code < 0)
        return code == CASK_E_CORRUPT ? CASK_OK : code; /* of damage verify_file() has told */
    unexpected = view->data_length == 0;
    cask_view_release(view);
    return unexpected ? finding(verify, "stray-file", CASK_IN_FILE(path.text), "the file is of no commit") : CASK_OK;
}

static void note_told(verification *verify, const char *path)
{
    const char *slash = strrchr(path, '/');
    uint64_t id;
    bool is_table;

    if (slash == NULL || !cask_data_name_parse(slash + 1, &id, &is_table))
        return;
    verify->told_first = id < verify->told_first ? id : verify->told_first;
    verify->told_last = id > verify->told_last ? id : verify->told_last;
}

static int pass_on(const cask_report *report, void *payload)
{
    verification *verify = payload;

    note_told(verify, report->file);
    return verify->report(report, verify->payload);
}

/* What opening would mend, or why it could not. */
static int verify_healing(verification *verify)
{
    cask_conf conf;
    int code;

    code = cask_heal(&conf, verify->column->vfs, verify->column->folder.text, verify->column->conf_path.text, true,
                     pass_on, verify);
    /* Damage of a listed file is found again file by file. */
    if (code == CASK_E_CORRUPT && strcmp(cask_error_last()->word, "conf") != 0 &&
        strcmp(cask_error_last()->word, "stray-file") != 0)
        return CASK_OK;
    if (code < 0)
        note_told(verify, cask_error_last()->file);
    return finding_of_error(verify, code);
}

static bool is_on_disk(const verification *verify, size_t count, uint64_t file_id)
{
    for (size_t i = 0; i < count; i++) {
        if (verify->ids[i] == file_id)
            return true;
    }
    return false;
}

static int verify_files(verification *verify, unsigned jobs)
{
    size_t count = 0;

    if (cask_conf_is_empty(&verify->conf))
        return CASK_OK;
    if (verify->conf.version < 4) {
        CASK_TRY(cask_list_file_ids(&verify->ids, &count, verify->column->vfs, verify->column->folder.text));
        for (uint32_t i = 0; i < verify->conf.open_count; i++) {
            if (!is_on_disk(verify, count, verify->conf.open[i].file_id))
                CASK_TRY(verify_file(verify, verify->conf.open[i].file_id));
        }
    } else {
        count = (size_t)(cask_conf_current(&verify->conf) - verify->conf.first_file_id + 1);
    }
    return cask_parallel(jobs, count, verify_nth, verify);
}

static int verify_seals(verification *verify)
{
    if (verify->conf.version < 4 || !verify->seals_known || verify->seals_digest == verify->conf.seals_digest)
        return CASK_OK;
    return finding(verify, "seals-digest", CASK_IN_FILE(verify->column->conf_path.text),
                   "a sealed file is not the one that was committed: it is an older copy, or was made elsewhere");
}

int cask_column_verify(cask_column *column, unsigned jobs, cask_report_fn report, void *payload, uint64_t *bytes_out)
{
    verification verify = { .column = column, .report = report, .payload = payload, .seals_known = true };
    int code;

    CASK_TRY(cask_column_fresh_conf(&verify.conf, column));
    verify.told_first = verify.conf.first_file_id;
    verify.told_last = cask_conf_current(&verify.conf);
    pthread_mutex_init(&verify.mutex, NULL);
    code = verify.conf.version < 4
               ? CASK_OK
               : cask_pruned_list_load(&verify.pruned, column->vfs, column->folder.text, &verify.conf);
    if (code == CASK_OK)
        code = check_pruned_list(&verify);
    if (code == CASK_OK)
        code = verify_healing(&verify);
    if (code == CASK_OK)
        code = verify_files(&verify, jobs);
    if (code == CASK_OK)
        code = verify_seals(&verify);
    if (code == CASK_OK)
        code = cask_list_folder(column->vfs, column->folder.text, check_entry, &verify);
    free(verify.ids);
    cask_pruned_list_free(&verify.pruned);
    pthread_mutex_destroy(&verify.mutex);
    if (bytes_out != NULL)
        *bytes_out = verify.bytes;
    return code;
}
