#include "data_file.h"

#include <inttypes.h>
#include <stdio.h>

#include "bytes.h"
#include "codec.h"
#include "error.h"

const uint8_t cask_version_record[CASK_DATA_START] = { 'e', '2', 0, 0, 0, 0, 0, 0 };

int cask_path_join(cask_path *path_out, const char *folder, const char *name)
{
    int length = snprintf(path_out->text, sizeof path_out->text, "%s/%s", folder, name);

    if (length < 0 || (size_t)length >= sizeof path_out->text)
        return cask_fail(CASK_E_INVALID, CASK_IN_FILE(folder), "the path is too long; use a shorter one");
    return CASK_OK;
}

static cask_path file_path(const char *folder, uint64_t file_id, const char *suffix)
{
    cask_path path;
    int length = snprintf(path.text, sizeof path.text, "%s/data_%05" PRIu64 "%s", folder, file_id, suffix);

    if (length < 0 || (size_t)length >= sizeof path.text)
        path.text[0] = '\0';
    return path;
}

cask_path cask_data_path(const char *folder, uint64_t file_id)
{
    return file_path(folder, file_id, "");
}

cask_path cask_table_path(const char *folder, uint64_t file_id)
{
    return file_path(folder, file_id, ".off");
}

bool cask_data_name_parse(const char *name, uint64_t *file_id_out, bool *is_table_out)
{
    uint64_t id = 0;
    size_t digits = 0;
    cask_path again;

    if (strncmp(name, "data_", 5) != 0)
        return false;
    for (; name[5 + digits] >= '0' && name[5 + digits] <= '9' && digits < 17; digits++)
        id = id * 10 + (uint64_t)(name[5 + digits] - '0');
    *is_table_out = strcmp(name + 5 + digits, ".off") == 0;
    if ((!*is_table_out && name[5 + digits] != '\0') || id > CASK_NO_SLOT / CASK_SLOTS_PER_FILE)
        return false;
    *file_id_out = id;
    /* One name only for a file: not data_1 or data_000001. */
    again = *is_table_out ? cask_table_path("", id) : cask_data_path("", id);
    return strcmp(again.text + 1, name) == 0;
}

void cask_record_encode(uint8_t header[CASK_RECORD_HEADER_SIZE], const uint8_t type[2], uint32_t length)
{
    memcpy(header, type, 2);
    cask_store32(header + 2, length);
    cask_store16(header + 6, 0);
}

cask_record cask_record_decode(const uint8_t header[CASK_RECORD_HEADER_SIZE])
{
    return (cask_record){ .type = { header[0], header[1] },
                          .length = cask_load32(header + 2),
                          .reserved = cask_load16(header + 6) };
}

uint32_t cask_record_crc(uint64_t slot, const uint8_t type[2], uint32_t length, const void *payload)
{
    uint8_t prefix[14];

    cask_store64(prefix, slot);
    memcpy(prefix + 8, type, 2);
    cask_store32(prefix + 10, length);
    return cask_crc32c(cask_crc32c(0, prefix, sizeof prefix), payload, length);
}

/* A larger record is read on its own. */
#define WINDOW_SIZE (1024u * 1024)

int cask_window_read(cask_window *window, uint64_t offset, uint64_t size, const uint8_t **bytes_out)
{
    uint64_t rest = window->end - offset;
    uint64_t wanted = size > WINDOW_SIZE ? size : rest < WINDOW_SIZE ? rest : WINDOW_SIZE;

    if (offset < window->offset || offset + size > window->offset + window->buffer.size) {
        window->buffer.size = 0;
        CASK_TRY(cask_buf_reserve(&window->buffer, (size_t)wanted));
        CASK_TRY(cask_read_exact(window->handle, window->path, window->buffer.data, (size_t)wanted, offset));
        window->buffer.size = (size_t)wanted;
        window->offset = offset;
    }
    *bytes_out = window->buffer.data + (offset - window->offset);
    return CASK_OK;
}

int cask_window_skip_zeros(cask_window *window, uint64_t from, uint64_t to, uint64_t *at_out)
{
    const uint8_t *bytes;

    while (from < to) {
        uint64_t part = to - from < WINDOW_SIZE ? to - from : WINDOW_SIZE;
        uint64_t zeros = 0;

        CASK_TRY(cask_window_read(window, from, part, &bytes));
        if (!cask_all_zero(bytes, (size_t)part)) {
            while (bytes[zeros] == 0)
                zeros++;
            *at_out = from + zeros;
            return CASK_OK;
        }
        from += part;
    }
    *at_out = to;
    return CASK_OK;
}
