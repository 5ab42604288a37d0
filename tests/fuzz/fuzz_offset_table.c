/*
 * Offset tables and their trailers. The input: committed length u64, last index u16, the trailer 64, then entries of
 * index u16, offset u64, length u32, checksum u32.
 */
#include "codec.h"
#include "fuzz.h"
#include "offset_table.h"

static const char path[] = "/data_00000.off";

enum { TRAILER_CRC_AT = 60, ENTRY_SIZE = 18 };

/* Masking leaves nothing that is not committed, and what is committed as it was. */
static void check_mask(const cask_offset_table *table, uint64_t length, uint32_t last)
{
    cask_offset_table masked = *table;
    uint32_t zeroed = cask_table_mask(&masked, length, last), changed = 0;

    for (uint32_t i = 0; i < CASK_SLOTS_PER_FILE; i++) {
        uint64_t before = cask_table_offset(table, i), after = cask_table_offset(&masked, i);

        FUZZ_CHECK(after == 0 || (after == before && after < length && i <= last) ||
                   (after == CASK_OFFSET_PRUNED && i <= last));
        FUZZ_CHECK(before <= CASK_OFFSET_PRUNED || before >= length || i > last || after == before);
        FUZZ_CHECK(cask_table_has(&masked, 4, i) ||
                   (cask_table_length(&masked, i) == 0 && cask_table_crc(&masked, i) == 0));
        changed += after != before || cask_table_length(&masked, i) != cask_table_length(table, i) ||
                   cask_table_crc(&masked, i) != cask_table_crc(table, i);
    }
    FUZZ_CHECK(changed == zeroed);
    FUZZ_CHECK(cask_table_count(&masked, 4) <= cask_table_count(table, 4));
    FUZZ_CHECK(cask_table_mask(&masked, length, last) == 0);
}

static void check_trailer(const uint8_t bytes[CASK_TRAILER_SIZE])
{
    uint8_t again[CASK_TRAILER_SIZE];
    cask_trailer trailer;

    if (!cask_trailer_decode(&trailer, bytes))
        return;
    cask_trailer_encode(again, &trailer);
    FUZZ_CHECK(memcmp(bytes, again, sizeof(again)) == 0);
}

/* A file with the table and the trailer, cut off at `size`. */
static void check_file(const cask_offset_table *table, const uint8_t trailer[CASK_TRAILER_SIZE], size_t size)
{
    memory_disk *disk = fuzz_disk(path, table->bytes, size < CASK_TABLES_SIZE ? size : CASK_TABLES_SIZE);
    const cask_vfs *vfs = memory_disk_vfs(disk);
    cask_offset_table read;
    cask_trailer found;
    cask_handle handle;
    bool valid;

    FUZZ_CHECK(cask_handle_open(&handle, vfs, path, CASK_OPEN_WRITE) == CASK_OK);
    if (size > CASK_TABLES_SIZE)
        FUZZ_CHECK(cask_write_all(&handle, path, trailer, size - CASK_TABLES_SIZE, CASK_TABLES_SIZE) == CASK_OK);
    for (uint32_t version = 3; version <= 4; version++) {
        int code = cask_table_read(&read, version, &handle, path);

        FUZZ_CHECK(code == (size < cask_table_file_size(version) ? CASK_E_CORRUPT : CASK_OK));
        FUZZ_CHECK(code != CASK_OK || memcmp(read.bytes, table->bytes, cask_table_file_size(version)) == 0);
    }
    FUZZ_CHECK(cask_trailer_read(&found, &valid, &handle, path) == CASK_OK);
    FUZZ_CHECK(!valid || size == CASK_TABLES_SIZE + CASK_TRAILER_SIZE);
    cask_handle_close(&handle);
    memory_disk_free(disk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static cask_offset_table table;
    fuzz_input input = { data, size };
    uint64_t length = fuzz_take(&input, 8), cut;
    uint32_t last = (uint32_t)fuzz_take(&input, 2) % CASK_SLOTS_PER_FILE;
    uint8_t trailer[CASK_TRAILER_SIZE];

    for (size_t i = 0; i < sizeof(trailer); i++)
        trailer[i] = (uint8_t)fuzz_take(&input, 1);
    memset(&table, 0, sizeof(table));
    while (input.size >= ENTRY_SIZE) {
        uint32_t index = (uint32_t)fuzz_take(&input, 2) % CASK_SLOTS_PER_FILE;
        uint64_t offset = fuzz_take(&input, 8);
        uint32_t stored = (uint32_t)fuzz_take(&input, 4);

        cask_table_set(&table, index, offset, stored, (uint32_t)fuzz_take(&input, 4));
    }
    cut = fuzz_take(&input, 3);
    check_mask(&table, length, last);
    check_trailer(trailer);
    cask_store32(trailer + TRAILER_CRC_AT, cask_crc32c(0, trailer, TRAILER_CRC_AT));
    check_trailer(trailer);
    check_file(&table, trailer, CASK_TABLES_SIZE + CASK_TRAILER_SIZE - (cut & 0x1ffff));
    return 0;
}
