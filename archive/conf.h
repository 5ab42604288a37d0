/*
 * column.conf, the commit marker of a column: versions 2, 3 and 4 in, one struct out. FORMAT.md has the bytes.
 */
#ifndef CASK_CONF_H
#define CASK_CONF_H

#include "slotcask/archive.h"
#include "vfs.h"

#define CASK_CONF_OPEN_MAX 8
#define CASK_CONF_COPIES 4
#define CASK_CONF_COPY_SPACING 4096
#define CASK_CONF_COPY_SIZE 512
#define CASK_CONF_V4_SIZE (CASK_CONF_COPIES * CASK_CONF_COPY_SPACING)

/* A file that is not sealed, with what of it is committed. Of versions 2 and 3 only the first two are on disk. */
typedef struct cask_open_file {
    uint64_t file_id;
    uint64_t data_length;
    uint64_t value_bytes; /* of its values, decoded */
    uint32_t records;
    uint32_t pruned;
    uint32_t tables_crc;
    uint8_t other_codec; /* version 4: 0: the column's, else a cask_codec + 1 */
} cask_open_file;

/* A change of one file that is decided but need not be finished: healing finishes it. Version 4. */
typedef enum cask_intent_kind {
    CASK_INTENT_NONE = 0,
    CASK_INTENT_PRUNE = 1,   /* the records `first` to `last` of the file get tombstones; the file is listed */
    CASK_INTENT_REPLACE = 2, /* the files `replacement` and `replacement.off`, where they exist, take its place */
    CASK_INTENT_FORGET = 3   /* its tombstones `first` to `last` are taken away; the file is listed */
} cask_intent_kind;

typedef struct cask_intent {
    cask_intent_kind kind;
    uint64_t file_id;
    uint32_t first; /* indices in the file, both included; 0 of a replacement */
    uint32_t last;
} cask_intent;

typedef struct cask_conf {
    uint32_t version;
    uint64_t sequence; /* of the commit; versions 2 and 3 count in memory only, so that a change can be told */
    uint64_t highest_slot;
    uint8_t record_type[2];
    uint8_t codec;
    bool allow_backfill;
    uint64_t max_value_size;
    uint64_t first_file_id; /* version 4; CASK_NO_SLOT while empty */
    uint64_t seals_digest;  /* version 4 */
    cask_intent intent;     /* version 4 */
    uint32_t pruned_entries; /* version 4: of the list of pruned ranges */
    uint32_t open_count;
    cask_open_file open[CASK_CONF_OPEN_MAX]; /* the first is the current file; none while empty */
} cask_conf;

/* What is wrong with a conf that can be read all the same: version 4, a bit for each copy that is not what it should
 * be: the newest commit, or the one before, with zeros behind it. */
typedef struct cask_conf_damage {
    unsigned copies;
} cask_conf_damage;

/* The current file of a column that is not empty. */
static inline uint64_t cask_conf_current(const cask_conf *conf)
{
    return conf->highest_slot / CASK_SLOTS_PER_FILE;
}

static inline bool cask_conf_is_empty(const cask_conf *conf)
{
    return conf->highest_slot == CASK_NO_SLOT;
}

/* The last index of a file that may have an entry. */
static inline uint32_t cask_conf_last_index(const cask_conf *conf, uint64_t file_id)
{
    return file_id == cask_conf_current(conf) ? (uint32_t)(conf->highest_slot % CASK_SLOTS_PER_FILE)
                                              : CASK_SLOTS_PER_FILE - 1;
}

/* The entry of an open file, NULL if it is not listed. */
const cask_open_file *cask_conf_find(const cask_conf *conf, uint64_t file_id);

/* Whether the conf wants something done with this file. */
static inline bool cask_conf_intends(const cask_conf *conf, cask_intent_kind kind, uint64_t file_id)
{
    return conf->intent.kind == kind && conf->intent.file_id == file_id;
}

/* The codec of a file that says so, and the other way round. */
static inline uint8_t cask_conf_file_codec(const cask_conf *conf, uint8_t other_codec)
{
    return other_codec == 0 ? conf->codec : (uint8_t)(other_codec - 1);
}

static inline uint8_t cask_conf_other_codec(const cask_conf *conf, uint8_t codec)
{
    return codec == conf->codec ? 0 : (uint8_t)(codec + 1);
}

/* Take an open file off the list. */
void cask_conf_delist(cask_conf *conf, uint64_t file_id);

/* Read `path`. Errors: NOTFOUND, CORRUPT, UNSUPPORTED, IO. `damage` may be NULL. */
int cask_conf_load(cask_conf *conf_out, cask_conf_damage *damage, const cask_vfs *vfs, const char *path);

/* Make the file, atomically and durably. */
int cask_conf_create(const cask_conf *conf, const cask_vfs *vfs, const char *folder, const char *path);

/* Commit: replace what the file says, durably. Version 4 writes the two copies of its sequence number in place,
 * 2 and 3 replace the file. */
int cask_conf_store(const cask_conf *conf, const cask_vfs *vfs, const char *folder, const char *path);

/* Write the damaged copies again, and make what the file says durable once more: an fsync that failed in an earlier
 * process may have left it in the page cache alone. */
int cask_conf_mend(const cask_conf *conf, cask_conf_damage damage, const cask_vfs *vfs, const char *folder,
                   const char *path);

/* Version 4: the bytes of a copy. Exposed for verification and for tests. */
void cask_conf_encode_v4(uint8_t copy[CASK_CONF_COPY_SIZE], const cask_conf *conf);

#endif
