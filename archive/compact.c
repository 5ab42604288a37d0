/* Compaction: files are written anew in slot order, without dead bytes, in another codec if asked. */
#include "replace.h"

#include "error.h"
#include "fault.h"

typedef struct compaction {
    cask_column *column;
    const cask_compact_options *options;
    cask_conf conf; /* with the codec of the file that is read */
    uint8_t codec;  /* of the file that is made */
    cask_view *old;
    cask_replacement made;
    cask_buf payload;
    cask_buf value;
    cask_buf again; /* what the encoded value decodes to */
} compaction;

/* Whether compaction would change nothing: in slot order, no bytes between the records. */
static bool is_compact(const cask_view *view)
{
    uint64_t at = CASK_DATA_START;

    for (uint32_t i = 0; i < CASK_SLOTS_PER_FILE; i++) {
        if (!cask_table_has(&view->table, 4, i))
            continue;
        if (cask_table_offset(&view->table, i) != at)
            return false;
        at += CASK_RECORD_HEADER_SIZE + (uint64_t)cask_table_length(&view->table, i);
    }
    return view->data == NULL || at == view->data_length;
}

/* ---- Writing ---- */

/* The record of a slot from the old file, verified whether or not it was before, in c->payload. */
static int read_record(compaction *c, uint64_t slot, cask_location *location)
{
    CASK_TRY(cask_view_find(location, c->column, &c->conf, c->old, slot));
    CASK_TRY(cask_buf_reserve(&c->payload, location->length));
    CASK_TRY(cask_read_exact(&c->old->data->handle, c->old->data->path.text, c->payload.data, location->length,
                             location->offset + CASK_RECORD_HEADER_SIZE));
    c->payload.size = location->length;
    if (cask_record_crc(slot, c->conf.record_type, location->length, c->payload.data) != location->crc)
        return cask_fail_word(CASK_E_CORRUPT, "record-checksum",
                              CASK_AT_SLOT(c->old->data->path.text, location->offset, slot),
                              "the record does not match its checksum; rebuild the column first");
    return CASK_OK;
}

/* c->value in the codec of the new file, in c->payload. Decoded at once to see whether it is right: `crc_out` was taken
 * before, so all that is left to see of the file is that it has these bytes. */
static int encode_value(compaction *c, uint64_t slot, uint32_t *crc_out)
{
    int code;

    CASK_TRY(cask_codec_encode(&c->payload, c->codec, c->options->codec_level, c->value.data, c->value.size));
    *crc_out = cask_record_crc(slot, c->conf.record_type, (uint32_t)c->payload.size, c->payload.data);
    code = cask_codec_decode_buf(&c->again, c->codec, c->payload.data, c->payload.size, c->value.size);
    if (code == CASK_E_NOMEM)
        return code;
    if (code < 0 || c->again.size != c->value.size ||
        (c->value.size > 0 && memcmp(c->again.data, c->value.data, c->value.size) != 0))
        return cask_fail(CASK_E_IO, CASK_AT_SLOT(c->old->data->path.text, CASK_NO_OFFSET, slot),
                         "the value decodes otherwise than it was encoded; the old file stays. Check the memory");
    return CASK_OK;
}

static int copy_record(compaction *c, uint32_t index)
{
    uint64_t slot = c->old->file_id * CASK_SLOTS_PER_FILE + index;
    cask_location location;
    uint32_t crc;

    CASK_TRY(read_record(c, slot, &location));
    if (c->codec == c->old->codec)
        return cask_replacement_add(&c->made, slot, c->payload.data, location.length, location.crc);
    CASK_TRY(cask_record_value(&c->value, c->old->codec, c->payload.data, c->payload.size, c->conf.max_value_size,
                               CASK_AT_SLOT(c->old->data->path.text, location.offset, slot)));
    CASK_TRY(encode_value(c, slot, &crc));
    return cask_replacement_add(&c->made, slot, c->payload.data, (uint32_t)c->payload.size, crc);
}

static int copy_records(compaction *c)
{
    for (uint32_t i = 0; i < CASK_SLOTS_PER_FILE; i++) {
        if (cask_table_has(&c->old->table, 4, i))
            CASK_TRY(copy_record(c, i));
        else if (cask_table_offset(&c->old->table, i) == CASK_OFFSET_PRUNED && !CASK_FAULT(compaction_drops_tombstones))
            cask_table_set(&c->made.view->table, i, CASK_OFFSET_PRUNED, 0, 0);
    }
    c->made.view->pruned = c->old->pruned;
    c->made.view->codec = c->codec;
    c->made.view->value_bytes = c->old->value_bytes;
    return CASK_OK;
}

/* ---- Files ---- */

static int compact_view(cask_change *sum, compaction *c)
{
    int code = cask_replacement_begin(&c->made, c->column, c->old->file_id);

    if (code == CASK_OK)
        code = copy_records(c);
    if (code == CASK_OK)
        code = cask_replacement_commit(&c->made);
    if (code == CASK_OK) {
        sum->files++;
        sum->slots += c->made.view->records;
        sum->bytes_before += c->old->data_length;
        sum->bytes_after += c->made.view->data_length;
        if (c->options->progress != NULL)
            code = c->options->progress(c->old->file_id, c->old->data_length, c->made.view->data_length,
                                        c->options->payload);
    }
    cask_replacement_end(&c->made);
    return code;
}

static int compact_file(cask_change *sum, cask_column *column, const cask_compact_options *options, uint64_t file_id)
{
    compaction c = { .column = column, .options = options };
    int code = CASK_OK;

    CASK_TRY(cask_view_get(&c.old, &c.conf, column, file_id));
    c.codec = options->codec < 0 ? c.old->codec : (uint8_t)options->codec;
    if (c.old->data != NULL && (c.codec != c.old->codec || !is_compact(c.old)))
        code = compact_view(sum, &c);
    cask_buf_dispose(&c.payload);
    cask_buf_dispose(&c.value);
    cask_buf_dispose(&c.again);
    cask_view_release(c.old);
    return code;
}

int cask_column_compact(cask_change *change_out, cask_column *column, const cask_compact_options *options)
{
    static const cask_compact_options defaults = CASK_COMPACT_OPTIONS_INIT;
    cask_conf conf;

    *change_out = (cask_change){ 0 };
    if (options == NULL)
        options = &defaults;
    if (options->struct_size != sizeof *options || options->first_file > options->last_file)
        return cask_fail(CASK_E_INVALID, CASK_NOWHERE, "compact options: of another size, or an empty range of files");
    if (options->codec > CASK_CODEC_ZSTD)
        return cask_fail(CASK_E_UNSUPPORTED, CASK_NOWHERE, "codec number %d is unknown", options->codec);
    CASK_TRY(cask_column_may_change(column, "compacted"));
    conf = cask_column_conf(column);
    if (cask_conf_is_empty(&conf))
        return CASK_OK;
    for (uint64_t id = options->first_file > conf.first_file_id ? options->first_file : conf.first_file_id;
         id <= options->last_file && id < cask_conf_current(&conf); id++) {
        int code = compact_file(change_out, column, options, id);

        if (code != CASK_OK)
            return code;
    }
    return CASK_OK;
}
