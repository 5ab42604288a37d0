/* Seals: the trailers of sealed files, and their digest in the conf. A file is listed in the conf or sealed. */
#include "archive_internal.h"
#include "error.h"
#include "fault.h"

cask_trailer cask_trailer_of(const cask_open_file *file, bool sealed, uint64_t acknowledged)
{
    return (cask_trailer){ .sealed = sealed,
                           .file_id = file->file_id,
                           .acknowledged = acknowledged,
                           .data_length = file->data_length,
                           .value_bytes = file->value_bytes,
                           .records = file->records,
                           .pruned = file->pruned,
                           .tables_crc = file->tables_crc,
                           .other_codec = file->other_codec };
}

int cask_seal_write(const cask_column *column, const cask_open_file *file, uint64_t acknowledged, uint64_t *digest)
{
    cask_path path = cask_table_path(column->folder.text, file->file_id);
    cask_trailer seal = cask_trailer_of(file, true, acknowledged);
    cask_handle handle = CASK_HANDLE_INIT;
    int code;

    CASK_TRY(cask_handle_open(&handle, column->vfs, path.text, CASK_OPEN_WRITE));
    code = cask_trailer_write(&seal, &handle, path.text);
    if (code == CASK_OK && !CASK_FAULT(seal_not_synced))
        code = cask_sync(&handle, path.text);
    cask_handle_close(&handle);
    *digest ^= cask_trailer_hash(&seal);
    return code;
}

int cask_seal_empty(const cask_column *column, const char *path, uint64_t file_id, uint64_t acknowledged,
                    uint64_t *digest)
{
    static const cask_offset_table zeros;
    cask_open_file entry = { .file_id = file_id, .tables_crc = cask_tables_crc(&zeros) };
    cask_trailer seal = cask_trailer_of(&entry, true, acknowledged);
    cask_handle handle = CASK_HANDLE_INIT;
    int code;

    CASK_TRY(cask_handle_open(&handle, column->vfs, path, CASK_OPEN_TRUNCATE));
    code = cask_trailer_write(&seal, &handle, path);
    if (code == CASK_OK && !CASK_FAULT(gaps_not_synced))
        code = cask_sync(&handle, path);
    cask_handle_close(&handle);
    *digest ^= cask_trailer_hash(&seal);
    return code;
}

int cask_seal_take_out(const cask_column *column, uint64_t file_id, uint64_t *digest)
{
    cask_path path = cask_table_path(column->folder.text, file_id);
    cask_handle handle = CASK_HANDLE_INIT;
    cask_trailer seal;
    bool valid;
    int code;

    CASK_TRY(cask_handle_open(&handle, column->vfs, path.text, CASK_OPEN_READ));
    code = cask_trailer_read(&seal, &valid, &handle, path.text);
    cask_handle_close(&handle);
    CASK_TRY(code);
    if (!valid || !seal.sealed)
        return cask_fail_word(CASK_E_CORRUPT, "seal", CASK_AT(path.text, CASK_TABLES_SIZE),
                              "the seal is missing or damaged; restore the file from a copy");
    if (!CASK_FAULT(seal_left_in_digest))
        *digest ^= cask_trailer_hash(&seal);
    return CASK_OK;
}

cask_open_file cask_open_file_of(const cask_view *view, const cask_conf *conf)
{
    return (cask_open_file){ .file_id = view->file_id,
                             .data_length = view->data_length,
                             .value_bytes = view->value_bytes,
                             .records = view->records,
                             .pruned = view->pruned,
                             .tables_crc = conf->version < 4 ? 0 : cask_tables_crc(&view->table),
                             .other_codec = conf->version < 4 ? 0 : cask_conf_other_codec(conf, view->codec) };
}

int cask_seal_oldest(const cask_column *column, cask_conf *conf, bool (*in_use)(uint64_t file_id, void *payload),
                     void *payload)
{
    for (uint32_t i = 1; i < conf->open_count; i++) {
        if (in_use == NULL || !in_use(conf->open[i].file_id, payload)) {
            CASK_TRY(cask_seal_write(column, &conf->open[i], conf->sequence, &conf->seals_digest));
            cask_conf_delist(conf, conf->open[i].file_id);
            return CASK_OK;
        }
    }
    return cask_fail(CASK_E_REFUSED, CASK_IN_FILE(column->folder.text),
                     "the batch touches %d sealed files already; commit it first", CASK_BATCH_SEALED_MAX);
}

int cask_seal_undo(const cask_column *column, const cask_open_file *file, uint64_t acknowledged)
{
    cask_path path = cask_table_path(column->folder.text, file->file_id);
    cask_trailer trailer = cask_trailer_of(file, false, acknowledged);
    cask_handle handle = CASK_HANDLE_INIT;
    int code;

    CASK_TRY(cask_handle_open(&handle, column->vfs, path.text, CASK_OPEN_WRITE));
    code = cask_trailer_write(&trailer, &handle, path.text);
    cask_handle_close(&handle);
    return code;
}
