/*
 * The bytes of a column, made and taken apart by hand from archive/FORMAT.md alone: nothing in here calls the library.
 * For what the library must read although it did not write it, and for what it must write exactly.
 */
#ifndef TEST_RAW_H
#define TEST_RAW_H

#include "files.h"

enum {
    RAW_V2_CONF_SIZE = 36,
    RAW_V3_CONF_SIZE = 52,
    RAW_TABLE_SIZE = 65536, /* offsets of a file: 8192 x u64 */
    RAW_HEADER_SIZE = 8     /* of a record */
};

uint16_t raw_get16(const uint8_t *at);
uint32_t raw_get32(const uint8_t *at);
uint64_t raw_get64(const uint8_t *at);
void raw_put64(uint8_t *at, uint64_t value);

/* CRC-32C, a bit at a time. */
uint32_t raw_crc32c(const void *bytes, size_t size);

/* column.conf of version 2 or 3. */
typedef struct raw_conf {
    unsigned version;
    uint64_t highest;
    uint64_t length;
    uint8_t type[2];
    uint8_t codec;
    uint8_t flags;
    uint64_t max_value_size;
    uint64_t backfilled_file;   /* UINT64_MAX: none; version 3 */
    uint64_t backfilled_length;
} raw_conf;

/* Fill in the bytes; their number. */
size_t raw_conf_encode(uint8_t bytes[RAW_V3_CONF_SIZE], const raw_conf *conf);
/* Write <folder>/column.conf. */
void raw_conf_write(const cask_vfs *vfs, const char *folder, const raw_conf *conf);

/* A data file and its table, versions 2 and 3, in the making. */
typedef struct raw_data {
    uint8_t *bytes;
    size_t size;
    uint8_t table[RAW_TABLE_SIZE];
} raw_data;

void raw_data_init(raw_data *data);
/* Append a record and point the slot at it; the offset of the record. */
uint64_t raw_data_add(raw_data *data, uint64_t slot, const uint8_t type[2], const void *payload, size_t size);
/* Write <folder>/data_<file_id> and its .off, and let go of the memory. */
void raw_data_write(raw_data *data, const cask_vfs *vfs, const char *folder, unsigned file_id);

/* Set the entry of a slot in <folder>/data_<slot / 8192>.off. */
void raw_offset_set(const cask_vfs *vfs, const char *folder, uint64_t slot, uint64_t offset);
uint64_t raw_offset_get(const cask_vfs *vfs, const char *folder, uint64_t slot);
/* "<folder>/data_00007" and "<folder>/data_00007.off", to free. */
char *raw_data_path(const char *folder, uint64_t file_id);
char *raw_table_path(const char *folder, uint64_t file_id);

#endif
