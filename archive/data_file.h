/* Files of a column: their names, and the records in a data file (e2store: type[2], length u32, reserved u16 = 0). */
#ifndef CASK_DATA_FILE_H
#define CASK_DATA_FILE_H

#include "slotcask/archive.h"
#include "vfs.h"

#define CASK_RECORD_HEADER_SIZE 8
/* A data file begins with the e2store version record; so a real offset is never below 8. */
#define CASK_DATA_START 8

typedef struct cask_path {
    char text[4096];
} cask_path;

/* `folder`/`name`. INVALID if too long. */
int cask_path_join(cask_path *path_out, const char *folder, const char *name);
/* `folder`/data_00012 and `folder`/data_00012.off. The folder was checked to be short enough when it was opened. */
cask_path cask_data_path(const char *folder, uint64_t file_id);
cask_path cask_table_path(const char *folder, uint64_t file_id);
/* Whether `name` is that of a data file or of an offset table, and of which. */
bool cask_data_name_parse(const char *name, uint64_t *file_id_out, bool *is_table_out);

extern const uint8_t cask_version_record[CASK_DATA_START];

typedef struct cask_record {
    uint8_t type[2];
    uint32_t length;
    uint16_t reserved;
} cask_record;

void cask_record_encode(uint8_t header[CASK_RECORD_HEADER_SIZE], const uint8_t type[2], uint32_t length);
cask_record cask_record_decode(const uint8_t header[CASK_RECORD_HEADER_SIZE]);

/* CRC-32C of slot | type | length | payload, as the offset table of version 4 holds it. */
uint32_t cask_record_crc(uint64_t slot, const uint8_t type[2], uint32_t length, const void *payload);

/* Ranges of a file that cannot be read, in no order; free the ranges. */
typedef struct cask_unreadable {
    uint64_t (*ranges)[2]; /* from, to */
    size_t count;
    int system_errno; /* of the last */
} cask_unreadable;

/* A data file that is read from front to back, through a window. Begin with the first three set; dispose of the
 * buffer. */
typedef struct cask_window {
    const cask_handle *handle;
    const char *path;
    uint64_t end; /* nothing is read beyond */
    cask_unreadable *unreadable; /* gets what cannot be read, so that it is tried once; NULL: an error is the end of it */
    cask_buf buffer;
    uint64_t offset; /* of what is in the buffer */
} cask_window;

/* `size` bytes before the end; valid until the next call. IO: not all of them can be read. */
int cask_window_read(cask_window *window, uint64_t offset, uint64_t size, const uint8_t **bytes_out);
/* Where the first byte is that is not zero, or cannot be read though `unreadable` is set; `to` if there is none. */
int cask_window_skip_zeros(cask_window *window, uint64_t from, uint64_t to, uint64_t *at_out);
/* Where the range that cannot be read ends, as far as it is known; `at` if it is not in one. */
uint64_t cask_window_skip_unreadable(const cask_window *window, uint64_t at);

#endif
