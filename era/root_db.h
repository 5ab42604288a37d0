/*
 * The file of the index of roots: index/data.mdb in the folder of an archive, an LMDB environment of one tree. Keys:
 *
 *   'b' or 's' | first 8 bytes of the root | slot, big-endian     of a block or a state; no value
 *   'c' | column | file id, big-endian                            value: its records and pruned slots that are indexed
 *
 * LMDB makes its own system calls, so there is an index on real files only. Its locks are not used: the archive's own
 * lock admits one writer, and readers look again if there were commits meanwhile.
 */
#ifndef CASK_ROOT_DB_H
#define CASK_ROOT_DB_H

#include "../archive/archive_internal.h"
#include "holdings.h"
#include "lmdb_file.h"

typedef struct root_db {
    cask_path path;
    lmdb_file file;      /* as it was when it was opened; all reading is of that */
    struct MDB_env *env; /* from the first entry that is added */
} root_db;

#define ROOT_DB_INIT { { "" }, LMDB_FILE_INIT, NULL }

typedef struct root_entry {
    uint64_t prefix; /* the first 8 bytes of the root, as a big-endian number */
    uint64_t slot;
} root_entry;

/* A data file of a column that is indexed, as far as it has these. */
typedef struct root_count {
    era_column_id column;
    uint64_t file_id;
    uint64_t count;
} root_count;

static inline uint64_t root_prefix(const uint8_t root[SSZ_ROOT_SIZE])
{
    uint64_t prefix = 0;

    for (size_t i = 0; i < 8; i++)
        prefix = prefix << 8 | root[i];
    return prefix;
}

/* Whether archives that are opened by this table of system calls can have an index. */
bool root_db_possible(const cask_archive *archive);

/* Open for one of the two; to write the file is made where it is missing. To be closed on error too.
 * Errors: NOTFOUND (to read: there is none), CORRUPT, REFUSED (to write, an archive opened read-only), IO, NOMEM. */
int root_db_open(root_db *db, const cask_archive *archive, bool to_write);
void root_db_close(root_db *db);

/* Remove the file. */
int root_db_remove(const cask_archive *archive);

/* Slots of the entries for a prefix, at most `capacity` of them. */
int root_db_find(uint64_t *slots, size_t capacity, size_t *count_out, const root_db *db, char kind, uint64_t prefix);

/* The count of a file; 0: not indexed. */
int root_db_count(uint64_t *count_out, const root_db *db, era_column_id column, uint64_t file_id);

/* Whether there were no commits since it was opened: else pages may have been reused while they were read. */
int root_db_settled(bool *settled_out, const root_db *db);

/* Add entries, sorted, and set counts: all of it or nothing, durably. Opened to write. */
int root_db_add(root_db *db, char kind, const root_entry *entries, size_t entry_count, const root_count *counts,
                size_t count_count);

#endif
