#include <stdlib.h>

#include "archive_internal.h"
#include "codec.h"
#include "error.h"

/* Small records are served from one read of this many bytes. */
#define WINDOW_SIZE (128u * 1024)

struct cask_iter {
    cask_column *column;
    cask_conf conf;  /* the commit that is visited */
    cask_conf facts; /* of `view`: its format and codec, which may have changed since */
    bool down;
    bool done;
    uint64_t file_id; /* where to look next, */
    int64_t index;    /* -1 or 8192: behind the file's end */
    cask_view *view;  /* of that file, NULL: not looked at yet */
    bool at_record;
    uint64_t slot; /* of the record stepped to */
    uint64_t *ids;          /* formats 2 and 3: the files there are */
    size_t id_count;
    cask_location location;
    cask_buf window; /* bytes of the data file from window_offset */
    uint64_t window_offset;
    cask_buf stored;
    cask_buf value;
};

/* Look at a file next, from the end that comes first. */
static void enter_at(cask_iter *iter, uint64_t file_id)
{
    iter->file_id = file_id;
    iter->index = iter->down ? CASK_SLOTS_PER_FILE - 1 : 0;
}

int cask_iter_new(cask_iter **iter_out, cask_column *column, uint64_t slot, cask_direction direction)
{
    cask_iter *iter = calloc(1, sizeof *iter);
    int code;

    if (iter == NULL)
        return cask_fail_nomem();
    iter->column = column;
    iter->down = direction == CASK_DOWN;
    iter->file_id = slot / CASK_SLOTS_PER_FILE;
    iter->index = (int64_t)(slot % CASK_SLOTS_PER_FILE);
    code = cask_column_fresh_conf(&iter->conf, column);
    if (code == CASK_OK && iter->conf.version < 4 && !cask_conf_is_empty(&iter->conf))
        code = cask_list_file_ids(&iter->ids, &iter->id_count, column->vfs, column->folder.text);
    if (code < 0) {
        cask_iter_free(iter);
        return code;
    }
    iter->done = cask_conf_is_empty(&iter->conf);
    if (!iter->done && iter->down && iter->file_id > cask_conf_current(&iter->conf))
        enter_at(iter, cask_conf_current(&iter->conf));
    *iter_out = iter;
    return CASK_OK;
}

void cask_iter_free(cask_iter *iter)
{
    if (iter == NULL)
        return;
    cask_view_release(iter->view);
    cask_buf_dispose(&iter->window);
    cask_buf_dispose(&iter->stored);
    cask_buf_dispose(&iter->value);
    free(iter->ids);
    free(iter);
}

/* The nearest file from file_id on, itself included, that exists. false: there is none. */
static bool skip_missing_files(cask_iter *iter)
{
    uint64_t found = iter->file_id;
    size_t low = 0;

    if (iter->conf.version >= 4) {
        if (found < iter->conf.first_file_id) {
            if (iter->down)
                return false;
            found = iter->conf.first_file_id;
        }
    } else {
        while (low < iter->id_count && iter->ids[low] < found)
            low++;
        if (low == iter->id_count || iter->ids[low] != found) {
            if (iter->down ? low == 0 : low == iter->id_count)
                return false;
            found = iter->down ? iter->ids[low - 1] : iter->ids[low];
        }
    }
    if (found != iter->file_id)
        enter_at(iter, found);
    return found <= cask_conf_current(&iter->conf);
}

static void leave_file(cask_iter *iter)
{
    cask_view_release(iter->view);
    iter->view = NULL;
    iter->window.size = 0;
    if (iter->file_id == (iter->down ? 0 : cask_conf_current(&iter->conf)))
        iter->done = true;
    else
        enter_at(iter, iter->down ? iter->file_id - 1 : iter->file_id + 1);
}

static int enter_file(cask_iter *iter)
{
    int code;

    if (!skip_missing_files(iter)) {
        iter->done = true;
        return CASK_OK;
    }
    code = cask_view_get(&iter->view, &iter->facts, iter->column, iter->file_id);
    if (code < 0)
        leave_file(iter);
    /* A file of format 3 that is listed before it is made. */
    return code == CASK_E_NOTFOUND ? CASK_OK : code;
}

/* Step to the next record of the file. false: it has no more. */
static bool step_in_file(cask_iter *iter)
{
    int64_t step = iter->down ? -1 : 1;

    if (iter->view->records == 0)
        return false;
    for (; iter->index >= 0 && iter->index < (int64_t)CASK_SLOTS_PER_FILE; iter->index += step) {
        uint64_t slot = iter->file_id * CASK_SLOTS_PER_FILE + (uint64_t)iter->index;

        /* The view may be of a later commit than the one visited. */
        if (cask_table_has(&iter->view->table, iter->facts.version, (uint32_t)iter->index) &&
            slot <= iter->conf.highest_slot) {
            iter->slot = slot;
            iter->index += step;
            return true;
        }
    }
    return false;
}

/* Find the record stepped to. Where formats 2 and 3 say that it is damaged, it may have been upgraded and pruned since:
 * then the file is looked at again from this slot on, and *again_out is true. */
static int find_record(bool *again_out, cask_iter *iter)
{
    int code = cask_view_find(&iter->location, iter->column, &iter->facts, iter->view, iter->slot);

    *again_out = code == CASK_E_CORRUPT && cask_view_outdated(iter->column, iter->view);
    if (!*again_out)
        return code;
    cask_view_release(iter->view);
    iter->view = NULL;
    iter->window.size = 0;
    iter->index = (int64_t)(iter->slot % CASK_SLOTS_PER_FILE);
    return CASK_OK;
}

int cask_iter_next(cask_iter *iter, uint64_t *slot_out)
{
    iter->at_record = false;
    while (!iter->done) {
        if (iter->view == NULL) {
            CASK_TRY(enter_file(iter));
        } else if (!step_in_file(iter)) {
            leave_file(iter);
        } else {
            bool again;

            CASK_TRY(find_record(&again, iter));
            if (again)
                continue;
            iter->at_record = true;
            *slot_out = iter->slot;
            return CASK_OK;
        }
    }
    return cask_fail(CASK_E_NOTFOUND, CASK_NOWHERE, "there are no more records");
}

/* The payload, in the window if it is small and else in `stored`. */
static int read_from_view(cask_iter *iter, const uint8_t **payload_out)
{
    cask_view *view = iter->view;
    uint64_t at = iter->location.offset + CASK_RECORD_HEADER_SIZE;
    uint32_t length = iter->location.length;

    if (!iter->at_record)
        return cask_fail(CASK_E_INVALID, CASK_NOWHERE, "the iterator is not at a record; step to one first");
    if (length > WINDOW_SIZE / 4) {
        CASK_TRY(cask_buf_reserve(&iter->stored, length));
        CASK_TRY(cask_view_read(iter->column, &iter->facts, view, iter->slot, &iter->location, iter->stored.data));
        iter->stored.size = length;
        *payload_out = iter->stored.data;
        return CASK_OK;
    }
    if (at < iter->window_offset || at + length > iter->window_offset + iter->window.size) {
        uint64_t from = iter->down && at + length > WINDOW_SIZE ? at + length - WINDOW_SIZE : iter->down ? 0 : at;
        uint64_t size = view->data_length - from < WINDOW_SIZE ? view->data_length - from : WINDOW_SIZE;

        iter->window.size = 0;
        CASK_TRY(cask_buf_reserve(&iter->window, WINDOW_SIZE));
        CASK_TRY(cask_read_exact(&view->data->handle, view->data->path.text, iter->window.data, (size_t)size, from));
        iter->window.size = (size_t)size;
        iter->window_offset = from;
    }
    *payload_out = iter->window.data + (at - iter->window_offset);
    return cask_view_check(iter->column, &iter->facts, view, iter->slot, &iter->location, *payload_out);
}

/* As in any read, damage may be no damage but a view that is no longer right. */
static int read_payload(cask_iter *iter, const uint8_t **payload_out)
{
    for (;;) {
        int code = read_from_view(iter, payload_out);
        uint64_t file_id;

        if (code != CASK_E_CORRUPT || !cask_view_outdated(iter->column, iter->view))
            return code;
        file_id = iter->view->file_id;
        iter->at_record = false;
        iter->window.size = 0;
        cask_view_release(iter->view);
        iter->view = NULL;
        CASK_TRY(cask_view_get(&iter->view, &iter->facts, iter->column, file_id));
        CASK_TRY(cask_view_find(&iter->location, iter->column, &iter->facts, iter->view, iter->slot));
        iter->at_record = true;
    }
}

int cask_iter_stored(cask_iter *iter, const void **data_out, size_t *size_out)
{
    const uint8_t *payload = NULL;

    CASK_TRY(read_payload(iter, &payload));
    *data_out = payload;
    *size_out = iter->location.length;
    if (iter->facts.codec == iter->column->codec)
        return CASK_OK;
    CASK_TRY(cask_buf_reserve(&iter->stored, *size_out));
    memmove(iter->stored.data, payload, *size_out);
    iter->stored.size = *size_out;
    CASK_TRY(cask_recode(&iter->stored, &iter->value, &iter->facts, iter->column, iter->view->data->path.text,
                         iter->slot, iter->location.offset));
    *data_out = iter->stored.data;
    *size_out = iter->stored.size;
    return CASK_OK;
}

int cask_iter_value(cask_iter *iter, const void **data_out, size_t *size_out)
{
    const uint8_t *payload = NULL;

    CASK_TRY(read_payload(iter, &payload));
    if (iter->facts.codec == CASK_CODEC_NONE) {
        *data_out = payload;
        *size_out = iter->location.length;
        return CASK_OK;
    }
    CASK_TRY(cask_record_value(&iter->value, iter->facts.codec, payload, iter->location.length,
                               iter->facts.max_value_size,
                               CASK_AT_SLOT(iter->view->data->path.text, iter->location.offset, iter->slot)));
    *data_out = iter->value.data;
    *size_out = iter->value.size;
    return CASK_OK;
}
