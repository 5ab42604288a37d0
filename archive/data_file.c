#include "data_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

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

/* ---- The window ---- */

/* A larger record is read on its own. */
#define WINDOW_SIZE (1024u * 1024)
/* What cannot be read is found out in steps of this. */
#define PAGE_SIZE 4096u

static int note_unreadable(cask_unreadable *unreadable, uint64_t from, uint64_t to, int system_errno)
{
    uint64_t (*ranges)[2] = realloc(unreadable->ranges, (unreadable->count + 1) * sizeof *ranges);

    if (ranges == NULL)
        return cask_fail_nomem();
    unreadable->ranges = ranges;
    unreadable->system_errno = system_errno;
    ranges[unreadable->count][0] = from;
    ranges[unreadable->count++][1] = to;
    return CASK_OK;
}

uint64_t cask_window_skip_unreadable(const cask_window *window, uint64_t at)
{
    const cask_unreadable *unreadable = window->unreadable;

    for (size_t i = 0; unreadable != NULL && i < unreadable->count; i++) {
        if (unreadable->ranges[i][0] <= at && at < unreadable->ranges[i][1])
            return unreadable->ranges[i][1];
    }
    return at;
}

/* How many of `size` bytes come before the first that is known to be unreadable. */
static uint64_t readable_part(const cask_window *window, uint64_t offset, uint64_t size)
{
    const cask_unreadable *unreadable = window->unreadable;

    for (size_t i = 0; unreadable != NULL && i < unreadable->count; i++) {
        uint64_t from = unreadable->ranges[i][0];

        if (from <= offset && offset < unreadable->ranges[i][1])
            return 0;
        if (from > offset && from - offset < size)
            size = from - offset;
    }
    return size;
}

/* As many bytes as can be read. */
static int fill_by_pages(cask_window *window, uint64_t offset, size_t size)
{
    cask_buf *buffer = &window->buffer;

    while (buffer->size < size) {
        uint64_t at = offset + buffer->size;
        size_t page = PAGE_SIZE - (size_t)(at % PAGE_SIZE), rest = size - buffer->size;
        size_t part = page < rest ? page : rest;
        int code = cask_read_exact(window->handle, window->path, buffer->data + buffer->size, part, at);

        if (code == CASK_E_IO)
            return note_unreadable(window->unreadable, at, at + page, cask_error_last()->system_errno);
        CASK_TRY(code);
        buffer->size += part;
    }
    return CASK_OK;
}

static int fill(cask_window *window, uint64_t offset, size_t size)
{
    int code;

    window->buffer.size = 0;
    window->offset = offset;
    CASK_TRY(cask_buf_reserve(&window->buffer, size));
    code = cask_read_exact(window->handle, window->path, window->buffer.data, size, offset);
    if (code == CASK_E_IO && window->unreadable != NULL)
        return fill_by_pages(window, offset, size);
    if (code == CASK_OK)
        window->buffer.size = size;
    return code;
}

int cask_window_read(cask_window *window, uint64_t offset, uint64_t size, const uint8_t **bytes_out)
{
    uint64_t rest = window->end - offset;
    uint64_t wanted = size > WINDOW_SIZE ? size : rest < WINDOW_SIZE ? rest : WINDOW_SIZE;

    if (offset < window->offset || offset + size > window->offset + window->buffer.size) {
        wanted = readable_part(window, offset, wanted);
        if (wanted >= size)
            CASK_TRY(fill(window, offset, (size_t)wanted));
        if (wanted < size || window->buffer.size < size)
            return cask_fail_system(-window->unreadable->system_errno, CASK_AT(window->path, offset), "read the file");
    }
    *bytes_out = window->buffer.data + (offset - window->offset);
    return CASK_OK;
}

int cask_window_skip_zeros(cask_window *window, uint64_t from, uint64_t to, uint64_t *at_out)
{
    const uint8_t *bytes;

    while (from < to) {
        uint64_t part = readable_part(window, from, to - from < WINDOW_SIZE ? to - from : WINDOW_SIZE);
        uint64_t zeros = 0;
        int code;

        if (part == 0)
            break;
        code = cask_window_read(window, from, part, &bytes);
        if (code == CASK_E_IO && window->unreadable != NULL)
            continue; /* up to what is known to be unreadable now */
        CASK_TRY(code);
        if (!cask_all_zero(bytes, (size_t)part)) {
            while (bytes[zeros] == 0)
                zeros++;
            from += zeros;
            break;
        }
        from += part;
    }
    *at_out = from;
    return CASK_OK;
}
