/*
 * e2store files: records of an 8-byte header and a payload, one behind the other. Layout of a header and of the
 * records that every e2store file has: eth-clients/e2store-format-specs, README.md and types/.
 *
 *   type[2] | length u32 | reserved u16 = 0 | payload[length]
 */
#ifndef CASK_E2STORE_H
#define CASK_E2STORE_H

#include "../archive/vfs.h"
#include "slotcask/era.h"

#define E2_HEADER_SIZE 8u

/* Types of records, as cask_load16() reads them. */
enum e2_type {
    E2_BLOCK = 0x0001,   /* 01 00: CompressedSignedBeaconBlock */
    E2_STATE = 0x0002,   /* 02 00: CompressedBeaconState */
    E2_VERSION = 0x3265, /* "e2" */
    E2_INDEX = 0x3269    /* "i2": SlotIndex */
};

uint16_t e2_type_of(const cask_era_record *record);

/* Of the byte behind the payload. */
uint64_t e2_end(const cask_era_record *record);

/* ---- Slot indices: start slot | an offset per slot | count, each an i64. An offset counts from the header of the
 * index record; 0: no record for the slot. -------------------------------------------------------------------- */

/* The most slots of an index: SLOTS_PER_HISTORICAL_ROOT of the largest preset (consensus-specs, presets/). */
#define E2_INDEX_SLOTS_MAX 8192u

/* Size of the payload of an index over `slots` slots. */
#define E2_INDEX_SIZE(slots) (16u + 8u * (size_t)(slots))

/* Where in its payload the offset of the entry is. */
#define E2_INDEX_ENTRY(entry) (8u + 8u * (size_t)(entry))

/* The place in the file that an offset of the index at `index_offset` leads to; false: not before the index. */
bool e2_index_target(uint64_t *target_out, uint64_t index_offset, uint64_t offset);

/* ---- Reading ---------------------------------------------------------------------------------------------- */

enum { E2_WINDOW = 4096 };

/* Walks the records of a file from its beginning. Needs no disposal: the handle is the caller's. */
typedef struct e2_reader {
    const cask_handle *handle;
    const char *path;
    uint64_t size;   /* of the file */
    uint64_t offset; /* of the next header */
    uint64_t window_offset;
    size_t window_size;
    uint8_t window[E2_WINDOW];
} e2_reader;

int e2_reader_init(e2_reader *reader, const cask_handle *handle, const char *path);

/*
 * Step to the next record; its whole payload is in the file. NOTFOUND: the end of the file. CORRUPT: "truncated" (the
 * file ends inside the header), "record-length" (it ends inside the payload), "reserved-bytes"; behind the last one
 * the walk can go on, and reader->offset has moved.
 */
int e2_reader_next(cask_era_record *record, e2_reader *reader);

/* ---- Writing ---------------------------------------------------------------------------------------------- */

/* Appends records to a file, from `offset` on. Unbuffered; syncing is up to the caller. */
typedef struct e2_writer {
    const cask_handle *handle;
    const char *path;
    uint64_t offset; /* of the next header */
} e2_writer;

int e2_write_record(e2_writer *writer, enum e2_type type, const void *payload, size_t size);
int e2_write_version(e2_writer *writer);

/* `offsets` are places in the file of the record of each slot, 0: none. */
int e2_write_index(e2_writer *writer, uint64_t start_slot, const uint64_t *offsets, size_t slots);

#endif
