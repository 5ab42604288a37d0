#include "offset_table.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "codec.h"
#include "data_file.h"
#include "error.h"

#define TRAILER_CRC_AT 60

/* Entries that are passed over together; of a file that is not full most are. */
#define EMPTY_RUN 256

static const char magic_sealed[9] = "CASKSEAL";
static const char magic_open[9] = "CASKOPEN";

void cask_table_set(cask_offset_table *table, uint32_t index, uint64_t offset, uint32_t length, uint32_t crc)
{
    uint8_t *mark = table->bytes + CASK_OFFSETS_SIZE + (size_t)index * 8;

    cask_store64(table->bytes + (size_t)index * 8, offset);
    cask_store32(mark, length);
    cask_store32(mark + 4, crc);
}

static bool is_empty_run(const cask_offset_table *table, uint32_t first)
{
    const uint8_t *at = table->bytes + (size_t)first * 8;

    return cask_all_zero(at, EMPTY_RUN * 8) && cask_all_zero(at + CASK_OFFSETS_SIZE, EMPTY_RUN * 8);
}

/* false: the entry is committed, or empty. */
static bool mask_entry(cask_offset_table *table, uint32_t index, uint64_t data_length, uint32_t last_index)
{
    uint64_t offset = cask_table_offset(table, index);
    bool marked = cask_load64(table->bytes + CASK_OFFSETS_SIZE + (size_t)index * 8) != 0;

    if (offset == CASK_OFFSET_NONE && !marked)
        return false;
    /* Of an entry without an offset the second half can only be the torn beginning of an uncommitted one. */
    if ((offset >= data_length && offset != CASK_OFFSET_PRUNED) || (index > last_index && offset != CASK_OFFSET_NONE) ||
        (offset <= CASK_OFFSET_PRUNED && marked)) {
        bool pruned = offset == CASK_OFFSET_PRUNED && index <= last_index;

        cask_table_set(table, index, pruned ? CASK_OFFSET_PRUNED : CASK_OFFSET_NONE, 0, 0);
        return true;
    }
    return false;
}

uint32_t cask_table_mask(cask_offset_table *table, uint64_t data_length, uint32_t last_index)
{
    uint32_t zeroed = 0;

    for (uint32_t first = 0; first < CASK_SLOTS_PER_FILE; first += EMPTY_RUN) {
        if (is_empty_run(table, first))
            continue;
        for (uint32_t i = first; i < first + EMPTY_RUN; i++)
            zeroed += mask_entry(table, i, data_length, last_index);
    }
    return zeroed;
}

uint32_t cask_table_prune(cask_offset_table *table, uint32_t first, uint32_t last)
{
    uint32_t pruned = 0;

    for (uint32_t i = first; i <= last; i++) {
        if (cask_table_offset(table, i) > CASK_OFFSET_PRUNED) {
            cask_table_set(table, i, CASK_OFFSET_PRUNED, 0, 0);
            pruned++;
        }
    }
    return pruned;
}

uint32_t cask_table_forget(cask_offset_table *table, uint32_t first, uint32_t last)
{
    uint32_t forgotten = 0;

    for (uint32_t i = first; i <= last; i++) {
        if (cask_table_offset(table, i) == CASK_OFFSET_PRUNED) {
            cask_table_set(table, i, CASK_OFFSET_NONE, 0, 0);
            forgotten++;
        }
    }
    return forgotten;
}

uint32_t cask_table_count(const cask_offset_table *table, uint32_t version)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < CASK_SLOTS_PER_FILE; i++)
        count += cask_table_has(table, version, i);
    return count;
}

static int compare_offsets(const void *a, const void *b)
{
    const uint64_t *left = a;
    const uint64_t *right = b;

    return (left[0] > right[0]) - (left[0] < right[0]);
}

size_t cask_table_by_offset(uint64_t (*entries)[2], const cask_offset_table *table, uint32_t version)
{
    size_t count = 0;

    for (uint32_t i = 0; i < CASK_SLOTS_PER_FILE; i++) {
        if (!cask_table_has(table, version, i))
            continue;
        entries[count][0] = cask_table_offset(table, i);
        entries[count++][1] = i;
    }
    qsort(entries, count, sizeof *entries, compare_offsets);
    return count;
}

uint32_t cask_tables_crc(const cask_offset_table *table)
{
    return cask_crc32c(0, table->bytes, sizeof table->bytes);
}

bool cask_tables_fit(cask_offset_table *table, uint32_t crc, uint32_t *zeroed_out)
{
    if (cask_tables_crc(table) == crc)
        return true;
    for (uint32_t i = 0; i < CASK_SLOTS_PER_FILE; i++) {
        uint64_t offset = cask_table_offset(table, i);
        uint32_t length = cask_table_length(table, i), mark = cask_table_crc(table, i);

        if (offset == CASK_OFFSET_NONE)
            continue;
        cask_table_set(table, i, CASK_OFFSET_NONE, 0, 0);
        if (cask_tables_crc(table) == crc) {
            (*zeroed_out)++;
            return true;
        }
        cask_table_set(table, i, offset, length, mark);
    }
    return false;
}

int cask_table_read(cask_offset_table *table, uint32_t version, const cask_handle *handle, const char *path)
{
    size_t size = cask_table_file_size(version);

    memset(table->bytes + size, 0, sizeof table->bytes - size);
    return cask_read_exact(handle, path, table->bytes, size, 0);
}

int cask_table_write(const cask_offset_table *table, uint32_t version, uint32_t first, uint32_t last,
                     const cask_handle *handle, const char *path)
{
    size_t at = (size_t)first * 8;
    size_t size = ((size_t)last - first + 1) * 8;

    if (version >= 4)
        CASK_TRY(cask_write_all(handle, path, table->bytes + CASK_OFFSETS_SIZE + at, size, CASK_OFFSETS_SIZE + at));
    return cask_write_all(handle, path, table->bytes + at, size, at);
}

void cask_trailer_encode(uint8_t bytes[CASK_TRAILER_SIZE], const cask_trailer *trailer)
{
    memset(bytes, 0, CASK_TRAILER_SIZE);
    memcpy(bytes, trailer->sealed ? magic_sealed : magic_open, 8);
    cask_store64(bytes + 8, trailer->file_id);
    cask_store64(bytes + 16, trailer->acknowledged);
    cask_store64(bytes + 24, trailer->data_length);
    cask_store64(bytes + 32, trailer->value_bytes);
    cask_store32(bytes + 40, trailer->records);
    cask_store32(bytes + 44, trailer->pruned);
    cask_store32(bytes + 48, trailer->tables_crc);
    bytes[52] = trailer->other_codec;
    cask_store32(bytes + TRAILER_CRC_AT, cask_crc32c(0, bytes, TRAILER_CRC_AT));
}

bool cask_trailer_decode(cask_trailer *trailer_out, const uint8_t bytes[CASK_TRAILER_SIZE])
{
    bool sealed = memcmp(bytes, magic_sealed, 8) == 0;

    if ((!sealed && memcmp(bytes, magic_open, 8) != 0) || bytes[52] > CASK_CODEC_ZSTD + 1 ||
        !cask_all_zero(bytes + 53, 7) ||
        cask_load32(bytes + TRAILER_CRC_AT) != cask_crc32c(0, bytes, TRAILER_CRC_AT))
        return false;
    *trailer_out = (cask_trailer){ .sealed = sealed,
                                   .file_id = cask_load64(bytes + 8),
                                   .acknowledged = cask_load64(bytes + 16),
                                   .data_length = cask_load64(bytes + 24),
                                   .value_bytes = cask_load64(bytes + 32),
                                   .records = cask_load32(bytes + 40),
                                   .pruned = cask_load32(bytes + 44),
                                   .tables_crc = cask_load32(bytes + 48),
                                   .other_codec = bytes[52] };
    return true;
}

uint64_t cask_trailer_hash(const cask_trailer *trailer)
{
    uint8_t bytes[CASK_TRAILER_SIZE];

    cask_trailer_encode(bytes, trailer);
    return XXH3_64bits(bytes, sizeof bytes);
}

int cask_trailer_write(const cask_trailer *trailer, const cask_handle *handle, const char *path)
{
    uint8_t bytes[CASK_TRAILER_SIZE];

    cask_trailer_encode(bytes, trailer);
    return cask_write_all(handle, path, bytes, sizeof bytes, CASK_TABLES_SIZE);
}

int cask_trailer_read(cask_trailer *trailer_out, bool *valid_out, const cask_handle *handle, const char *path)
{
    uint8_t bytes[CASK_TRAILER_SIZE];
    size_t size;

    CASK_TRY(cask_read_upto(handle, path, bytes, sizeof bytes, CASK_TABLES_SIZE, &size));
    *valid_out = size == sizeof bytes && cask_trailer_decode(trailer_out, bytes);
    return CASK_OK;
}
