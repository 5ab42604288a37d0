#include "raw.h"

#include <inttypes.h>
#include <stdio.h>

uint16_t raw_get16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

uint32_t raw_get32(const uint8_t *at)
{
    return raw_get16(at) | (uint32_t)raw_get16(at + 2) << 16;
}

uint64_t raw_get64(const uint8_t *at)
{
    return raw_get32(at) | (uint64_t)raw_get32(at + 4) << 32;
}

static void put_bytes(uint8_t *at, uint64_t value, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

void raw_put64(uint8_t *at, uint64_t value)
{
    put_bytes(at, value, 8);
}

uint32_t raw_crc32c(const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < size; i++) {
        crc ^= at[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
    }
    return ~crc;
}

size_t raw_conf_encode(uint8_t bytes[RAW_V3_CONF_SIZE], const raw_conf *conf)
{
    memcpy(bytes, conf->version == 2 ? "LHSTBLK2" : "LHSTBLK3", 8);
    put_bytes(bytes + 8, conf->highest, 8);
    put_bytes(bytes + 16, conf->length, 8);
    memcpy(bytes + 24, conf->type, 2);
    bytes[26] = conf->codec;
    bytes[27] = conf->flags;
    put_bytes(bytes + 28, conf->max_value_size, 8);
    put_bytes(bytes + 36, conf->backfilled_file, 8);
    put_bytes(bytes + 44, conf->backfilled_length, 8);
    return conf->version == 2 ? RAW_V2_CONF_SIZE : RAW_V3_CONF_SIZE;
}

void raw_conf_write(const cask_vfs *vfs, const char *folder, const raw_conf *conf)
{
    uint8_t bytes[RAW_V3_CONF_SIZE];
    size_t size = raw_conf_encode(bytes, conf);
    char *path = path_join(folder, "column.conf");

    file_write(vfs, path, bytes, size);
    free(path);
}

void raw_data_init(raw_data *data)
{
    static const uint8_t version_record[RAW_HEADER_SIZE] = { 'e', '2' };

    memset(data, 0, sizeof(*data));
    data->bytes = malloc(RAW_HEADER_SIZE);
    assert_non_null(data->bytes);
    memcpy(data->bytes, version_record, RAW_HEADER_SIZE);
    data->size = RAW_HEADER_SIZE;
}

uint64_t raw_data_add(raw_data *data, uint64_t slot, const uint8_t type[2], const void *payload, size_t size)
{
    uint64_t offset = data->size;
    uint8_t *grown = realloc(data->bytes, data->size + RAW_HEADER_SIZE + size);

    assert_non_null(grown);
    data->bytes = grown;
    memcpy(grown + offset, type, 2);
    put_bytes(grown + offset + 2, size, 4);
    put_bytes(grown + offset + 6, 0, 2);
    if (size > 0)
        memcpy(grown + offset + RAW_HEADER_SIZE, payload, size);
    data->size += RAW_HEADER_SIZE + size;
    raw_put64(data->table + slot % 8192 * 8, offset);
    return offset;
}

char *raw_data_path(const char *folder, uint64_t file_id)
{
    char name[32];

    snprintf(name, sizeof(name), "data_%05" PRIu64, file_id);
    return path_join(folder, name);
}

char *raw_table_path(const char *folder, uint64_t file_id)
{
    char name[32];

    snprintf(name, sizeof(name), "data_%05" PRIu64 ".off", file_id);
    return path_join(folder, name);
}

void raw_data_write(raw_data *data, const cask_vfs *vfs, const char *folder, unsigned file_id)
{
    char *path = raw_data_path(folder, file_id);
    char *table = raw_table_path(folder, file_id);

    file_write(vfs, path, data->bytes, data->size);
    file_write(vfs, table, data->table, RAW_TABLE_SIZE);
    free(path);
    free(table);
    free(data->bytes);
    data->bytes = NULL;
}

void raw_offset_set(const cask_vfs *vfs, const char *folder, uint64_t slot, uint64_t offset)
{
    char *path = raw_table_path(folder, slot / 8192);
    uint8_t bytes[8];

    raw_put64(bytes, offset);
    file_patch(vfs, path, slot % 8192 * 8, bytes, sizeof(bytes));
    free(path);
}

uint64_t raw_offset_get(const cask_vfs *vfs, const char *folder, uint64_t slot)
{
    char *path = raw_table_path(folder, slot / 8192);
    size_t size;
    uint8_t *table = file_read(vfs, path, &size);
    uint64_t offset;

    assert_true(slot % 8192 * 8 + 8 <= size);
    offset = raw_get64(table + slot % 8192 * 8);
    free(table);
    free(path);
    return offset;
}
