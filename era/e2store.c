#include "e2store.h"

#include "../archive/bytes.h"
#include "../archive/codec.h"
#include "../archive/error.h"

#include <string.h>

uint16_t e2_type_of(const cask_era_record *record)
{
    return cask_load16(record->type);
}

uint64_t e2_end(const cask_era_record *record)
{
    return record->offset + E2_HEADER_SIZE + record->size;
}

bool e2_index_target(uint64_t *target_out, uint64_t index_offset, uint64_t offset)
{
    uint64_t distance = 0 - offset; /* offsets are negative: the index is behind its records */

    if (distance == 0 || distance > index_offset)
        return false;
    *target_out = index_offset - distance;
    return true;
}

/* ---- Reading ---------------------------------------------------------------------------------------------- */

int e2_reader_init(e2_reader *reader, const cask_handle *handle, const char *path)
{
    memset(reader, 0, sizeof(*reader));
    reader->handle = handle;
    reader->path = path;
    return cask_size(handle, path, &reader->size);
}

/* Point *header_out to the next header, which lies in the file. */
static int load_header(const uint8_t **header_out, e2_reader *reader)
{
    uint64_t skip = reader->offset - reader->window_offset;

    if (skip + E2_HEADER_SIZE > reader->window_size) {
        uint64_t left = reader->size - reader->offset;
        size_t size = left < E2_WINDOW ? (size_t)left : E2_WINDOW;

        reader->window_size = 0;
        CASK_TRY(cask_read_exact(reader->handle, reader->path, reader->window, size, reader->offset));
        reader->window_offset = reader->offset;
        reader->window_size = size;
        skip = 0;
    }
    *header_out = reader->window + skip;
    return CASK_OK;
}

int e2_reader_next(cask_era_record *record, e2_reader *reader)
{
    uint64_t at = reader->offset, left = reader->size - at;
    const uint8_t *header;

    if (left == 0)
        return cask_fail(CASK_E_NOTFOUND, CASK_AT(reader->path, at), "no more records");
    if (left < E2_HEADER_SIZE)
        return cask_fail_word(CASK_E_CORRUPT, "truncated", CASK_AT(reader->path, at),
                              "the file ends inside the header of a record; take it from a good copy");
    CASK_TRY(load_header(&header, reader));
    memcpy(record->type, header, 2);
    record->size = cask_load32(header + 2);
    record->offset = at;
    if (record->size > left - E2_HEADER_SIZE)
        return cask_fail_word(CASK_E_CORRUPT, "record-length", CASK_AT(reader->path, at),
                              "a record of %u bytes, of which the file has %llu; take it from a good copy",
                              record->size, (unsigned long long)(left - E2_HEADER_SIZE));
    reader->offset = e2_end(record);
    if (cask_load16(header + 6) != 0)
        return cask_fail_word(CASK_E_CORRUPT, "reserved-bytes", CASK_AT(reader->path, at),
                              "the reserved bytes of a record header are not zero; take the file from a good copy");
    return CASK_OK;
}

/* ---- Writing ---------------------------------------------------------------------------------------------- */

int e2_write_record(e2_writer *writer, enum e2_type type, const void *payload, size_t size)
{
    uint8_t header[E2_HEADER_SIZE] = { 0 };

    if (size > UINT32_MAX)
        return cask_fail(CASK_E_INVALID, CASK_AT(writer->path, writer->offset), "%zu bytes do not fit a record", size);
    cask_store16(header, (uint16_t)type);
    cask_store32(header + 2, (uint32_t)size);
    CASK_TRY(cask_write_all(writer->handle, writer->path, header, sizeof(header), writer->offset));
    if (size > 0)
        CASK_TRY(cask_write_all(writer->handle, writer->path, payload, size, writer->offset + E2_HEADER_SIZE));
    writer->offset += E2_HEADER_SIZE + size;
    return CASK_OK;
}

int e2_write_version(e2_writer *writer)
{
    return e2_write_record(writer, E2_VERSION, NULL, 0);
}

int e2_write_index(e2_writer *writer, uint64_t start_slot, const uint64_t *offsets, size_t slots)
{
    cask_buf payload = CASK_BUF_INIT;
    size_t size = E2_INDEX_SIZE(slots);
    int code = cask_buf_reserve(&payload, size);

    if (code < 0)
        goto out;
    cask_store64(payload.data, start_slot);
    for (size_t i = 0; i < slots; i++)
        cask_store64(payload.data + E2_INDEX_ENTRY(i), offsets[i] == 0 ? 0 : offsets[i] - writer->offset);
    cask_store64(payload.data + E2_INDEX_ENTRY(slots), slots);
    code = e2_write_record(writer, E2_INDEX, payload.data, size);
out:
    cask_buf_dispose(&payload);
    return code;
}
