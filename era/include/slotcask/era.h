/*
 * slotcask/era.h - Ethereum's beacon chain on top of slotcask/archive.h: networks, era files, import, verification.
 *
 * Era files hold 8192 slots (64 in the minimal preset) of snappy-framed SSZ blocks and the state at their end, in
 * e2store records. Sources of the facts: the era and e2store format specifications (eth-clients/e2store-format-specs)
 * for the files, ethereum/consensus-specs for blocks and states.
 *
 * An archive filled by cask_import() has four columns, keyed by slot:
 *
 *   blocks       the SignedBeaconBlock of the slot; no record for an empty slot
 *   states       the BeaconState at the first slot of an era (era e: slot e * slots_per_era)
 *   block_roots  32 bytes for every slot: block_roots of the era's state; an empty slot repeats the root before it
 *   state_roots  32 bytes for every slot, likewise
 *
 * The e2store types of their records, in hexadecimal, by the codec of the column; with snappy they are the records of
 * an era file:
 *
 *                  none    snappy   zstd
 *   blocks         01 f0   01 00    01 f2
 *   states         02 f0   02 00    02 f2
 *   block_roots    62 72
 *   state_roots    73 72
 *
 * Errors, ownership and threads are as slotcask/archive.h says. A handle of this header belongs to one thread at a
 * time; a cask_network is never changed after it was made and may be shared.
 */
#ifndef SLOTCASK_ERA_H
#define SLOTCASK_ERA_H

#include "slotcask/archive.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Networks --------------------------------------------------------------------------------------------- */

typedef struct cask_network cask_network;

/* A fork that is scheduled: names are those of the specification, "phase0" to "gloas". */
typedef struct cask_fork {
    const char *name;   /* borrowed from the network */
    uint8_t version[4]; /* fork version, as in the state's `fork` field */
    uint64_t epoch;     /* first epoch */
} cask_fork;

/*
 * A network by name (mainnet, sepolia, holesky, hoodi, gnosis, chiado), or by the path of its config.yaml (anything
 * with a '/' or ending in .yaml or .yml). `vfs` as in cask_archive_options, may be NULL.
 * Errors: NOTFOUND (unknown name, no file), INVALID (not a usable config.yaml), IO, NOMEM.
 */
CASK_API int cask_network_load(cask_network **network_out, const char *name_or_path, const struct cask_vfs *vfs);

/* From and to the text kept as an archive's identity. */
CASK_API int cask_network_parse(cask_network **network_out, const char *text, size_t size);
CASK_API int cask_network_format(cask_buf *text, const cask_network *network);

CASK_API void cask_network_free(cask_network *network);

/* The names of the built-in networks, ending in NULL. */
CASK_API const char *const *cask_network_names(void);

/* CONFIG_NAME and PRESET_BASE ("mainnet", "minimal", "gnosis"). Borrowed. */
CASK_API const char *cask_network_name(const cask_network *network);
CASK_API const char *cask_network_preset(const cask_network *network);
/* SLOTS_PER_HISTORICAL_ROOT and SLOTS_PER_EPOCH of the preset. */
CASK_API uint64_t cask_network_slots_per_era(const cask_network *network);
CASK_API uint64_t cask_network_slots_per_epoch(const cask_network *network);
/* 32 bytes, or NULL while not known: a config.yaml has none, it comes from the first state imported. */
CASK_API const uint8_t *cask_network_genesis_validators_root(const cask_network *network);
/* Scheduled forks, ascending; forks at the far future epoch are left out. */
CASK_API size_t cask_network_fork_count(const cask_network *network);
CASK_API cask_fork cask_network_fork(const cask_network *network, size_t index);
/* Index of the fork in force at `slot`. */
CASK_API size_t cask_network_fork_at(const cask_network *network, uint64_t slot);

/* ---- Era files -------------------------------------------------------------------------------------------- */

typedef struct cask_era cask_era;

/*
 * What can be wrong with an era file, in cask_error.word and cask_report.what: "truncated", "version",
 * "record-length", "reserved-bytes", "structure", "index-malformed", "offset-invalid", "snappy", "ssz-malformed",
 * "block-slot", "block-root", "empty-slot", "parent-root", "proposer-signature", "state-slot", "state-config",
 * "state-root", "name-era", "name-root", "name-config".
 */

/* A file name CONFIG_NAME-EEEEE-SSSSSSSS.era; CONFIG_NAME may itself contain hyphens. */
typedef struct cask_era_name {
    char config_name[64];
    uint64_t era;          /* of the first group */
    uint8_t short_root[4]; /* of the last group */
} cask_era_name;

/* Parse the last component of `path`. Errors: INVALID (not such a name; cask_error.word tells the part that is wrong,
 * "name-config", "name-era" or "name-root", or is "" where the suffix is another). */
CASK_API int cask_era_name_parse(cask_era_name *name_out, const char *path);

/* One group: the blocks of an era and its state. */
typedef struct cask_era_group {
    uint64_t era;          /* state_slot / slots per era */
    uint64_t start_slot;   /* first slot of the block index; 0 in the genesis group, which has none */
    uint64_t state_slot;   /* slot of the state, one past the last of the block index */
    uint64_t offset;       /* of the group's version record */
    uint64_t size;         /* bytes to the end of the group */
    uint64_t blocks;       /* block records */
    uint64_t state_offset; /* of the state record */
    uint64_t state_size;   /* of its payload, as stored */
    uint64_t others;       /* records of other types, which the format allows between state and indices */
} cask_era_group;

/*
 * Open an era file and check its structure: every record header, the order of records, both indices and every
 * offset in them; no payload is read. Memory does not depend on what the file claims. `network` may be NULL: then
 * the indices alone say how long an era is.
 * Errors: CORRUPT (with the word), NOTFOUND, IO, NOMEM, INVALID (not a regular file).
 */
CASK_API int cask_era_open(cask_era **era_out, const char *path, const cask_network *network,
                           const struct cask_vfs *vfs);
CASK_API void cask_era_close(cask_era *era);

CASK_API size_t cask_era_group_count(const cask_era *era);
CASK_API cask_era_group cask_era_group_at(const cask_era *era, size_t index);

/* The payload of a block or state record, snappy-framed as stored; not checked. NOTFOUND: an empty slot. */
CASK_API int cask_era_read_block(cask_buf *stored, cask_era *era, size_t group, uint64_t slot);
CASK_API int cask_era_read_state(cask_buf *stored, cask_era *era, size_t group);

/* Decode such a payload, a strict snappy frame stream. Errors: CORRUPT (snappy; without file and slot), NOMEM. */
CASK_API int cask_era_decode(cask_buf *ssz, const cask_buf *stored);

/*
 * Call `visit` for each era file at `path`, sorted by name: the files ending in .era in a folder, not those in folders
 * within, or `path` itself if it is a file of any name. A non-zero return ends it and is returned.
 * Errors: NOTFOUND (no such path), IO, NOMEM.
 */
CASK_API int cask_era_files(const char *path, const struct cask_vfs *vfs,
                            int (*visit)(const char *path, void *payload), void *payload);

/* One record of an e2store file. */
typedef struct cask_era_record {
    uint64_t offset; /* of its header */
    uint8_t type[2];
    uint32_t size;   /* of its payload */
} cask_era_record;

/* Call `visit` for each record of any e2store file from its beginning; a non-zero return ends it and is returned.
 * Errors: CORRUPT (truncated, record-length, reserved-bytes), and those of opening. */
CASK_API int cask_era_walk(const char *path, const struct cask_vfs *vfs,
                           int (*visit)(const cask_era_record *record, void *payload), void *payload);

/* ---- Verification ------------------------------------------------------------------------------------------- */

/* How much of an era file or an archive is looked at; each level includes those before it. */
typedef enum cask_verify_level {
    CASK_VERIFY_NONE = 0,      /* structure only */
    CASK_VERIFY_BYTES = 1,     /* name, every checksum, slots, the network's facts, and the shape of all SSZ */
    CASK_VERIFY_ROOTS = 2,     /* every hash_tree_root, and how blocks, states and eras are linked by them */
    CASK_VERIFY_SIGNATURES = 3 /* every proposer signature; UNSUPPORTED where the library was built without */
} cask_verify_level;

/* A file or an archive that was verified. */
typedef struct cask_verified {
    const char *path;  /* borrowed for the call */
    uint64_t bytes;    /* checked */
    uint64_t findings; /* of damage */
    uint64_t notes;    /* what a crash left in an archive, and opening it for writing mends */
    uint64_t unproven;
} cask_verified;

typedef struct cask_verify_options {
    size_t struct_size;          /* sizeof(cask_verify_options), set by the INIT macro */
    const cask_network *network; /* NULL: the archive's, or a built-in one by the name of each file. Where none is
                                    known, what needs it is left out, and reported as unproven */
    cask_verify_level level;
    unsigned jobs;               /* threads; 0: 1 */
    const uint8_t *trusted_root; /* 32 bytes: the root of a state or block in the newest era given; NULL: none */
    uint64_t trusted_slot;       /* the slot it is of; CASK_NO_SLOT: any */
    void (*progress)(const char *path, uint64_t done, uint64_t total, uint64_t bytes, void *payload); /* may be NULL */
    void (*verified)(const cask_verified *input, void *payload); /* may be NULL; called for each input at the end */
    const struct cask_vfs *vfs;  /* for era files; NULL: the operating system */
} cask_verify_options;

#define CASK_VERIFY_OPTIONS_INIT                                                                                       \
    { sizeof(cask_verify_options), NULL, CASK_VERIFY_ROOTS, 1, NULL, CASK_NO_SLOT, NULL, NULL, NULL }

typedef struct cask_verify_result {
    uint64_t eras;        /* checked */
    uint64_t blocks;
    uint64_t pruned;      /* blocks and states of an archive that were pruned, and are neither damage nor unproven */
    uint64_t bytes;
    uint64_t findings;    /* of damage */
    uint64_t unproven;
    uint64_t proven_from; /* from this slot on, to the next, all blocks are proven by the trusted root; CASK_NO_SLOT: */
    uint64_t proven_to;   /* none are. States that are not are reported one by one. Of the newest chain given */
} cask_verify_result;

/*
 * Check era files, as one set: each alone, then each era against the one before it and against what later states say
 * of it. Every thing wrong is reported, with `corrupt` set, up to 1000 for each file; what is not wrong, but cannot be
 * proven by what is at hand, with `unproven` set and the word "unproven": the first slot of an era without the era
 * before it, the state without a trusted root or the era after it.
 *
 * A trusted root anchors the newest era: the root of its state proves that state, its blocks, and by state_roots the
 * state of the era before, and so on back. A block root proves the blocks up to it, by their parents, and the states
 * that those blocks name. A root in state_roots proves only the state that it is of, if that is given.
 *
 * Files of several networks may be mixed: they are sets of their own. Returns CASK_OK when it could look at everything
 * it was asked to, whether or not it found something, or else what `report` returned if not 0. `report`, `progress` and
 * `verified` share `payload`, and are called by one thread at a time.
 * Memory: below 64 MiB and three times the largest state.
 * Errors: UNSUPPORTED (signatures), INVALID (a trusted slot outside the newest era), NOTFOUND, IO, NOMEM.
 */
CASK_API int cask_verify_files(cask_verify_result *result_out, const char *const *paths, size_t path_count,
                               const cask_verify_options *options, cask_report_fn report, void *payload);

/*
 * The same for an archive, after cask_column_verify() of each column: its eras are checked with the same code, and the
 * columns of roots against the states. Of an era whose state was pruned these columns take its place: later states have
 * their root. `path` is that of the archive, for reports. An archive without a network (one
 * that no import made) is only checked column by column.
 */
CASK_API int cask_verify_archive(cask_verify_result *result_out, cask_archive *archive, const char *path,
                                 const cask_verify_options *options, cask_report_fn report, void *payload);

/* cask_verify_files() of one file, *bytes_out (may be NULL) being the number of bytes checked. `network` may be NULL:
 * here that means none, whatever the name of the file says. */
CASK_API int cask_era_verify(const char *path, const cask_network *network, cask_verify_level level, unsigned jobs,
                             const struct cask_vfs *vfs, cask_report_fn report, void *payload, uint64_t *bytes_out);

/* ---- Import ----------------------------------------------------------------------------------------------- */

typedef struct cask_import_progress {
    const char *file;     /* being imported; borrowed */
    size_t file_index;    /* of file_count, in the order of import */
    size_t file_count;
    uint64_t bytes_done;  /* of the era files */
    uint64_t bytes_total;
} cask_import_progress;

typedef struct cask_import_options {
    size_t struct_size;          /* sizeof(cask_import_options), set by the INIT macro */
    const cask_network *network; /* NULL: the archive's, or a built-in one by the name of the first file */
    uint8_t codec;               /* a cask_codec, for the columns blocks and states where they are made now */
    int codec_level;
    bool allow_backfill;         /* files may come in any order */
    bool refill;                 /* slots of the files that were pruned are filled again; implies allow_backfill */
    cask_verify_level verify;
    unsigned jobs;               /* threads that check and transcode; 0: 1 */
    void (*progress)(const cask_import_progress *progress, void *payload); /* may be NULL */
    void *payload;
    const struct cask_vfs *vfs;  /* for the era files; NULL: the operating system */
} cask_import_options;

#define CASK_IMPORT_OPTIONS_INIT                                                                                       \
    { sizeof(cask_import_options), NULL, CASK_CODEC_SNAPPY, 0, false, false, CASK_VERIFY_ROOTS, 1, NULL, NULL, NULL }

typedef struct cask_import_result {
    uint64_t files;          /* imported, or found complete */
    uint64_t eras;           /* imported now */
    uint64_t eras_present;   /* complete in the archive before */
    uint64_t eras_resumed;   /* of `eras`: begun by an import that did not end */
    uint64_t blocks;         /* written now */
    uint64_t pruned;         /* slots of the files, in all columns, that stay pruned */
    uint64_t bytes_in;       /* of the era files imported now */
    int index_code;          /* CASK_OK, or why the index of roots was not kept: see cask_error_last() */
} cask_import_result;

/*
 * Import era files, in ascending order of their first era. An era is complete once its state is committed, which
 * happens last; importing it again writes nothing, importing one that was cut short finishes it. All files are
 * checked in structure, name and network before anything is written, each era as `verify` says before any of
 * it is committed (the root in the name, with the last era of the file). From CASK_VERIFY_ROOTS on an era is also held
 * against the one imported before it, and against the roots that the archive has of its neighbours. Of an era that the
 * archive has, every record is compared with the archive's. Blocks that it lacks (a column was rebuilt) are filled in
 * once the whole era was checked, at CASK_VERIFY_ROOTS at least. Slots that were pruned stay so, without `refill`; what
 * is in the file is checked all the same. At the end the index of roots is brought up to date.
 * Memory: below 64 MiB and three times the largest state.
 * Errors: CORRUPT (with the word), WRONG_NETWORK, CONFLICT (the archive has another block or state there), REFUSED
 * (not ascending and backfill not allowed), NOTFOUND, INVALID (no network is known), and those of a batch.
 * *result_out is filled in on error too.
 */
CASK_API int cask_import(cask_import_result *result_out, cask_archive *archive, const char *const *paths,
                         size_t path_count, const cask_import_options *options);

/* Call `visit` for each era that was begun and not completed, ascending. One whose state was pruned is complete. */
CASK_API int cask_unfinished_eras(cask_archive *archive, int (*visit)(uint64_t era, void *payload), void *payload);

/* ---- Roots ------------------------------------------------------------------------------------------------- */

/*
 * The index of roots says at which slot the block or state with a root is. It is derived: it lies in the folder `index`
 * of the archive, in a file of LMDB; an import keeps it, and without it nothing is lost. It may lack what was added in
 * other ways, but never leads astray: what is found is held against the columns of roots or, where these have no root
 * of the slot, against the hash of the record.
 */
typedef struct cask_root_index cask_root_index;

typedef enum cask_root_kind { CASK_ROOT_OF_BLOCK, CASK_ROOT_OF_STATE } cask_root_kind;

/*
 * Open it, to be read. The archive is opened read-only, or else none of its four columns is open for writing; it must
 * outlive the index.
 * Errors: NOTFOUND (there is none; cask_root_index_make() makes it), CORRUPT, UNSUPPORTED (an archive that is not in
 * files of the operating system), and those of opening a column.
 */
CASK_API int cask_root_index_open(cask_root_index **index_out, cask_archive *archive);
CASK_API void cask_root_index_close(cask_root_index *index);

/*
 * Find the slot of a root, 32 bytes; whether the archive has a record there, its column knows.
 * Errors: NOTFOUND (the message says whether the index lacks something), CORRUPT ("root-index", or of a column), IO,
 * NOMEM.
 */
CASK_API int cask_root_index_find(uint64_t *slot_out, cask_root_index *index, cask_root_kind kind, const uint8_t *root);

typedef struct cask_root_index_result {
    uint64_t blocks; /* roots of blocks in the index */
    uint64_t states;
} cask_root_index_result;

/*
 * Make the index anew, from the columns of roots and, where they have no root of a record, by hashing it. The archive
 * is open for writing, and none of its columns. A crash leaves no index, or one that lacks something.
 * `jobs` threads; `progress` (may be NULL) is called with data files, by one thread at a time. Memory: 32 MiB, and of a
 * state that is hashed twice its size.
 * Errors: REFUSED (read-only), UNSUPPORTED, CORRUPT, INVALID (records to hash, but no network is known), IO, NOSPC,
 * NOMEM.
 */
CASK_API int cask_root_index_make(cask_root_index_result *result_out, cask_archive *archive, unsigned jobs,
                                  void (*progress)(uint64_t done, uint64_t total, void *payload), void *payload);

/* ---- Gaps -------------------------------------------------------------------------------------------------- */

/*
 * What a column lacks of the slots that are expected in it. In the four columns of an import these are the slots of all
 * eras from the first to the last that any of them has something of: in `states` the first slot of each era, in the
 * others every slot. In a column of one's own, or where no network is known, they are those from the lowest to the
 * highest with a record.
 */
typedef enum cask_gap_kind {
    CASK_GAP_MISSING = 0,
    CASK_GAP_SKIPPED = 1, /* there was no block: block_roots confirms it */
    CASK_GAP_PRUNED = 2
} cask_gap_kind;

/* Expected slots, one after the other, that lack a record in the same way. */
typedef struct cask_gap {
    cask_gap_kind kind;
    uint64_t first_slot;
    uint64_t last_slot;
    uint64_t slots; /* of those expected */
} cask_gap;

/*
 * Call `visit` for each gap of a column, ascending; a non-zero return ends it and is returned. The archive is opened
 * read-only, or else none of its columns is open. Costs a read of the offset tables, and of the roots of empty slots.
 * Errors: those of opening and reading columns; INVALID (the columns are too far apart to be of one chain).
 */
CASK_API int cask_gaps(cask_archive *archive, const char *column, int (*visit)(const cask_gap *gap, void *payload),
                       void *payload);

/* How many of the expected slots of a data file have a record, and how many lack one in which way. */
typedef struct cask_coverage {
    uint64_t file_id;
    uint32_t records;
    uint32_t missing;
    uint32_t skipped;
    uint32_t pruned;
} cask_coverage;

/* The same for each data file that a column has or should have, ascending. */
CASK_API int cask_coverage_of(cask_archive *archive, const char *column,
                              int (*visit)(const cask_coverage *file, void *payload), void *payload);

/* ---- Rebuilding --------------------------------------------------------------------------------------------- */

/*
 * cask_column_rebuild() with all that is known of the four columns: blocks and states say their slots themselves, roots
 * are found in the states of the archive, so rebuild that column first. Memory for roots: 40 bytes for each slot of the
 * eras whose state is there, and the largest state; only if a table cannot tell.
 */
CASK_API int cask_rebuild(cask_change *change_out, cask_archive *archive, const char *name, cask_report_fn report,
                          void *payload);

/* ---- Export ------------------------------------------------------------------------------------------------- */

typedef struct cask_export_options {
    size_t struct_size; /* sizeof(cask_export_options), set by the INIT macro */
    uint64_t first_era; /* eras that the archive does not have are passed over */
    uint64_t last_era;
    void (*progress)(const char *name, uint64_t done, uint64_t total, void *payload); /* eras; may be NULL */
    void *payload;
    const struct cask_vfs *vfs; /* for the files written; NULL: the operating system */
} cask_export_options;

#define CASK_EXPORT_OPTIONS_INIT { sizeof(cask_export_options), 0, UINT64_MAX, NULL, NULL, NULL }

typedef struct cask_export_result {
    uint64_t eras;   /* files written */
    uint64_t blocks;
    uint64_t bytes;
    uint64_t eras_pruned; /* left out, for a block or the state was pruned */
    bool reframed;   /* blocks or states are not stored as snappy frames, or were compacted to another codec: the
                        records have the same content as those imported, but not the same bytes */
} cask_export_result;

/*
 * Write eras that are complete in the archive as era files of one group into `folder`, which is made if its parent is
 * there: CONFIG_NAME-EEEEE-SSSSSSSS.era, under a temporary name first, synced and renamed; and beside them SHA256SUMS
 * of the files written, which replaces one that is there. From columns of snappy frames a file is byte-identical to the
 * one imported, if that had one group and no records but those of the format, and no file of the columns was ever
 * compacted to another codec.
 * Errors: NOTFOUND (no such era; or the archive was made by no import), PRUNED (an era file cannot say that a block was
 * pruned: eras with a pruned block or state were left out, all others are written and
 * *result_out is filled in), CORRUPT, IO, NOSPC, NOMEM.
 */
CASK_API int cask_export(cask_export_result *result_out, cask_archive *archive, const char *folder,
                         const cask_export_options *options);

#ifdef __cplusplus
}
#endif
#endif
