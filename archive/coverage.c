/* What is where in a column: the data files there are, with their numbers from the seals, and the slots of one. */
#include <stdlib.h>

#include "archive_internal.h"
#include "error.h"

/* Formats 2 and 3 keep no numbers: the table is counted. */
static int visit_counted(cask_column *column, const cask_conf *conf, uint64_t file_id, cask_column_file_fn visit,
                         void *payload)
{
    cask_column_file file = { .file_id = file_id, .codec = conf->codec, .value_bytes = UINT64_MAX };
    cask_view *view;
    int code = cask_view_get(&view, NULL, column, file_id);

    if (code == CASK_E_NOTFOUND) /* listed before it is made */
        return CASK_OK;
    CASK_TRY(code);
    file.sealed = cask_conf_find(conf, file_id) == NULL;
    file.records = view->records;
    file.data_bytes = view->data_length;
    cask_view_release(view);
    return visit(&file, payload);
}

static int visit_old_files(cask_column *column, const cask_conf *conf, cask_column_file_fn visit, void *payload)
{
    uint64_t *ids = NULL;
    size_t count = 0;
    int code;

    CASK_TRY(cask_list_file_ids(&ids, &count, column->vfs, column->folder.text));
    code = CASK_OK;
    for (size_t i = 0; i < count && ids[i] <= cask_conf_current(conf) && code == CASK_OK; i++)
        code = visit_counted(column, conf, ids[i], visit, payload);
    free(ids);
    return code;
}

static int missing_table(const char *path)
{
    return cask_fail_word(CASK_E_CORRUPT, "missing-file", CASK_IN_FILE(path),
                          "the file is missing; restore it from a copy");
}

static int read_seal(cask_trailer *seal, const cask_column *column, const cask_conf *conf, uint64_t file_id)
{
    cask_path path;
    cask_handle handle = CASK_HANDLE_INIT;
    bool valid;
    int code;

    CASK_TRY(cask_current_table_path(&path, column->vfs, column->folder.text, conf, file_id));
    code = cask_handle_open(&handle, column->vfs, path.text, CASK_OPEN_READ);

    if (code == CASK_E_NOTFOUND)
        return missing_table(path.text);
    CASK_TRY(code);
    code = cask_trailer_read(seal, &valid, &handle, path.text);
    cask_handle_close(&handle);
    CASK_TRY(code);
    if (!valid || seal->file_id != file_id)
        return cask_fail_word(CASK_E_CORRUPT, "seal", CASK_AT(path.text, CASK_TABLES_SIZE),
                              "the seal is missing or damaged; restore the file from a copy");
    return CASK_OK;
}

static int check_table_there(const cask_column *column, const cask_conf *conf, uint64_t file_id)
{
    cask_path path;
    bool there = false;

    CASK_TRY(cask_current_table_path(&path, column->vfs, column->folder.text, conf, file_id));
    CASK_TRY(cask_exists(&there, column->vfs, path.text));
    return there ? CASK_OK : missing_table(path.text);
}

/* The numbers of a sealed file are in its seal, those of an open one in the conf. */
static int visit_file(cask_column *column, const cask_conf *conf, uint64_t file_id, cask_column_file_fn visit,
                      void *payload)
{
    const cask_open_file *listed = cask_conf_find(conf, file_id);
    cask_column_file file = { .file_id = file_id, .sealed = listed == NULL };
    cask_trailer seal;

    if (listed != NULL) {
        CASK_TRY(check_table_there(column, conf, file_id));
        file.codec = cask_conf_file_codec(conf, listed->other_codec);
        file.records = listed->records;
        file.pruned = listed->pruned;
        file.data_bytes = listed->data_length;
        file.value_bytes = listed->value_bytes;
    } else {
        CASK_TRY(read_seal(&seal, column, conf, file_id));
        file.codec = cask_conf_file_codec(conf, seal.other_codec);
        file.records = seal.records;
        file.pruned = seal.pruned;
        file.data_bytes = seal.data_length;
        file.value_bytes = seal.value_bytes;
    }
    return visit(&file, payload);
}

int cask_visit_files(cask_column *column, const cask_conf *conf, cask_column_file_fn visit, void *payload)
{
    int code = CASK_OK;

    if (cask_conf_is_empty(conf))
        return CASK_OK;
    if (conf->version < 4)
        return visit_old_files(column, conf, visit, payload);
    for (uint64_t id = conf->first_file_id; id <= cask_conf_current(conf) && code == CASK_OK; id++)
        code = visit_file(column, conf, id, visit, payload);
    return code;
}

int cask_column_files(cask_column *column, cask_column_file_fn visit, void *payload)
{
    cask_conf conf;

    CASK_TRY(cask_column_fresh_conf(&conf, column));
    return cask_visit_files(column, &conf, visit, payload);
}

int cask_column_slots(uint8_t states[CASK_SLOTS_PER_FILE], cask_column *column, uint64_t file_id)
{
    cask_conf conf;
    cask_view *view;
    int code;

    memset(states, CASK_SLOT_EMPTY, CASK_SLOTS_PER_FILE);
    CASK_TRY(cask_column_refresh(column));
    code = cask_view_get(&view, &conf, column, file_id);
    if (code == CASK_E_NOTFOUND)
        return CASK_OK;
    CASK_TRY(code);
    for (uint32_t i = 0; i < CASK_SLOTS_PER_FILE; i++) {
        if (cask_table_has(&view->table, conf.version, i))
            states[i] = CASK_SLOT_RECORD;
        else if (cask_table_offset(&view->table, i) == CASK_OFFSET_PRUNED)
            states[i] = CASK_SLOT_PRUNED;
    }
    cask_view_release(view);
    return CASK_OK;
}
