/*
 * An archive with one column, as most tests of the store need it: opened on any table of system calls, filled with
 * values that follow from their slots, and compared with a list of the slots that are to be there.
 */
#ifndef TEST_STORE_H
#define TEST_STORE_H

#include "check.h"
#include "files.h"
#include "vfs_memory.h"

typedef struct store {
    memory_disk *disk;         /* NULL: on the real file system */
    const cask_vfs *vfs;
    const char *path;          /* folder of the archive */
    cask_column_options shape; /* how to open, and to create, the column */
    cask_archive *archive;     /* NULL: closed */
    cask_column *column;
} store;

#define STORE_COLUMN "blocks"

/* A list of slots for the functions below: SLOTS(1, 2, 8192). */
#define SLOTS(...)                                                                                                     \
    (const uint64_t[]){ __VA_ARGS__ }, sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t)
#define NO_SLOTS NULL, 0

enum { VALUE_SIZE_MAX = 90000 };

/* The value of `slot`, from the slot alone; its size. At most 301 bytes, but for each thousandth slot (999, 1999, ...),
 * which has the largest size: four of these are more than a batch holds back in memory. */
size_t value_of(uint64_t slot, uint8_t value[VALUE_SIZE_MAX]);

/* A store in `path`, closed. Its column is to be of this format version, may be backfilled or not. */
store store_at(const cask_vfs *vfs, const char *path, uint32_t version, bool allow_backfill);

/* The same on a disk in memory of its own, opened. */
store store_in_memory(uint32_t version, bool allow_backfill);
/* Close it and free the disk, if any. */
void store_dispose(store *s);

/* Open for writing, make what is not there; the first error. On an error everything is closed again. */
int store_try_open(store *s);
/* The same without making anything. `read_only` as in cask_archive_options. */
int store_try_open_existing(store *s, bool read_only);
void store_open(store *s);
void store_open_existing(store *s, bool read_only);
void store_close(store *s);
void store_reopen(store *s);

/* "<archive>/blocks" and "<archive>/blocks/<name>", to free. */
char *store_folder(const store *s);
char *store_file(const store *s, const char *name);

/* One batch with the values of these slots, committed. The first error; the batch is then aborted. */
int store_try_put(store *s, const uint64_t *slots, size_t count);
void store_put(store *s, const uint64_t *slots, size_t count);
/* A batch with the values of these slots, to be committed or aborted. */
cask_batch *store_begin(store *s, const uint64_t *slots, size_t count);
/* Into a batch. */
int batch_put_value(cask_batch *batch, uint64_t slot);

/*
 * The column holds these slots (ascending) with their values, and nothing else: by get, contains, highest, iteration
 * in both directions, and statistics. Verification finds nothing.
 */
void store_expect(store *s, const uint64_t *slots, size_t count);
/* The same, after opening for writing what is closed; then opening again changes no byte. Leaves it closed. */
void store_expect_healed(store *s, const uint64_t *slots, size_t count);
/* What is read, without a look at how it is kept: no statistics, no verification. */
void store_expect_values(store *s, const uint64_t *slots, size_t count);
/* `slot` is not there. */
void store_expect_absent(store *s, uint64_t slot);

/* Each format version that can be created and backfilled, as a case of its own; ends with a case_end(). */
#define EACH_VERSION(version)                                                                                          \
    for (uint32_t version = 3; version <= 4; version++, case_end())                                                    \
        if (case_begin("version=%u", version))

/* Count of things that cask_column_verify() reports; prints them unless `quiet`. */
size_t store_verify(store *s, bool quiet);

#endif
