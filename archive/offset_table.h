/*
 * The offset table of a data file, data_NNNNN.off: for each of 8192 slots the offset of its record; in version 4 also
 * its stored length and checksum, and a trailer that says what the table belongs to.
 */
#ifndef CASK_OFFSET_TABLE_H
#define CASK_OFFSET_TABLE_H

#include "bytes.h"
#include "slotcask/archive.h"
#include "vfs.h"

#define CASK_OFFSETS_SIZE (CASK_SLOTS_PER_FILE * 8)
#define CASK_TABLES_SIZE (CASK_OFFSETS_SIZE * 2)
#define CASK_TRAILER_SIZE 64

/* No record: a skipped slot. */
#define CASK_OFFSET_NONE 0
/* There was a record, and it was pruned. Version 4. */
#define CASK_OFFSET_PRUNED 1

/* As on disk; in versions 2 and 3 the second half is absent, and zero here. */
typedef struct cask_offset_table {
    uint8_t bytes[CASK_TABLES_SIZE];
} cask_offset_table;

static inline uint64_t cask_table_offset(const cask_offset_table *table, uint32_t index)
{
    return cask_load64(table->bytes + (size_t)index * 8);
}

static inline uint32_t cask_table_length(const cask_offset_table *table, uint32_t index)
{
    return cask_load32(table->bytes + CASK_OFFSETS_SIZE + (size_t)index * 8);
}

static inline uint32_t cask_table_crc(const cask_offset_table *table, uint32_t index)
{
    return cask_load32(table->bytes + CASK_OFFSETS_SIZE + (size_t)index * 8 + 4);
}

static inline bool cask_table_has(const cask_offset_table *table, uint32_t version, uint32_t index)
{
    uint64_t offset = cask_table_offset(table, index);

    return offset != CASK_OFFSET_NONE && (version < 4 || offset != CASK_OFFSET_PRUNED);
}

void cask_table_set(cask_offset_table *table, uint32_t index, uint64_t offset, uint32_t length, uint32_t crc);

/*
 * Zero what is not committed: entries at or past `data_length`, and those above `last_index`. Returns the number of
 * entries zeroed.
 */
uint32_t cask_table_mask(cask_offset_table *table, uint64_t data_length, uint32_t last_index);

/* Give the records of these slots tombstones; or, the other way, take tombstones away. Returns how many. */
uint32_t cask_table_prune(cask_offset_table *table, uint32_t first, uint32_t last);
uint32_t cask_table_forget(cask_offset_table *table, uint32_t first, uint32_t last);

uint32_t cask_table_count(const cask_offset_table *table, uint32_t version);

/* The entries that lead to a record, as (offset, index), in the order of their offsets; how many. */
size_t cask_table_by_offset(uint64_t (*entries)[2], const cask_offset_table *table, uint32_t version);

/* CRC-32C of both halves (version 4). */
uint32_t cask_tables_crc(const cask_offset_table *table);

/*
 * Whether the table, with what is not committed masked, has this checksum. A write that stopped inside an entry may
 * have left one that does not look uncommitted: if the table has the checksum without it, it is zeroed, and
 * *zeroed_out incremented.
 */
bool cask_tables_fit(cask_offset_table *table, uint32_t crc, uint32_t *zeroed_out);

/* Bytes of a table file without trailer. */
static inline size_t cask_table_file_size(uint32_t version)
{
    return version < 4 ? CASK_OFFSETS_SIZE : CASK_TABLES_SIZE;
}

/* Read the table at the beginning of an open file. CORRUPT if the file is shorter. */
int cask_table_read(cask_offset_table *table, uint32_t version, const cask_handle *handle, const char *path);

/* Write the entries `first` to `last`. */
int cask_table_write(const cask_offset_table *table, uint32_t version, uint32_t first, uint32_t last,
                     const cask_handle *handle, const char *path);

/*
 * The 64 bytes behind the tables of version 4. Of a sealed file they are its seal and say what is committed; of an
 * open file they are a witness only: `acknowledged` is a commit that was durable when they were written, so a conf
 * with a lower sequence number is an old one that came back.
 */
typedef struct cask_trailer {
    bool sealed;
    uint64_t file_id;
    uint64_t acknowledged;
    uint64_t data_length;
    uint64_t value_bytes;
    uint32_t records;
    uint32_t pruned;
    uint32_t tables_crc;
    uint8_t other_codec; /* 0: the column's, else a cask_codec + 1 */
} cask_trailer;

void cask_trailer_encode(uint8_t bytes[CASK_TRAILER_SIZE], const cask_trailer *trailer);
/* false: not a trailer, or its checksum is wrong. */
bool cask_trailer_decode(cask_trailer *trailer_out, const uint8_t bytes[CASK_TRAILER_SIZE]);
/* XXH3-64, as it goes into the conf's digest of all seals. */
uint64_t cask_trailer_hash(const cask_trailer *trailer);

int cask_trailer_write(const cask_trailer *trailer, const cask_handle *handle, const char *path);
/* *valid_out false: absent or damaged; an error only if the file cannot be read. */
int cask_trailer_read(cask_trailer *trailer_out, bool *valid_out, const cask_handle *handle, const char *path);

#endif
