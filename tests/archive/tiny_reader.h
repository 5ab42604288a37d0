/*
 * A second reader of columns, written from archive/FORMAT.md alone: it shares no line with the library. It is small
 * and slow, keeps one offset table and one value in memory, and does every duty of a reader each time. The golden
 * archives hold it against the library; whoever writes a reader in another language may begin here.
 */
#ifndef TINY_READER_H
#define TINY_READER_H

#include <stddef.h>
#include <stdint.h>

typedef enum tiny_result {
    TINY_OK,
    TINY_AGAIN,       /* a writer committed meanwhile: forget what was visited, and begin again */
    TINY_CORRUPT,
    TINY_UNSUPPORTED,
    TINY_SYSTEM       /* no such column, a read failed, no memory */
} tiny_result;

#define TINY_EMPTY UINT64_MAX

typedef struct tiny_column {
    unsigned version;
    uint64_t sequence;    /* of the commit; 0 in versions 2 and 3 */
    uint64_t highest;     /* slot, or TINY_EMPTY */
    uint8_t record_type[2];
    uint8_t codec;
    uint8_t flags;
    uint64_t largest;     /* size that a value may have */
    uint64_t records;     /* visited */
    uint64_t pruned;
    const char *why;      /* of a failure; static */
    uint64_t where;       /* the file or slot concerned, or TINY_EMPTY */
} tiny_column;

/* Called for each committed record, by ascending slot. */
typedef void tiny_visit(uint64_t slot, const uint8_t *value, size_t size, void *payload);

/* Read all that is committed in the column in `folder`. */
tiny_result tiny_read(tiny_column *column, const char *folder, tiny_visit *visit, void *payload);

/* CRC-32C of some bytes, continuing from `crc`; 0 to begin. */
uint32_t tiny_crc32c(uint32_t crc, const void *bytes, size_t size);

#endif
