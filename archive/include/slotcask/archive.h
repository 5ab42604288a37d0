/*
 * slotcask/archive.h - a slot-indexed static archive: the store.
 *
 * Introduction
 * ------------
 * An archive is a folder of columns. A column maps slots (uint64_t, one every 12 seconds on a beacon chain) to
 * values (byte strings): each value is written once, in slot order, read seldom and never lost. A column is a
 * folder of its own: for every 8192 slots one append-only data file (an e2store file) and one offset table, and a
 * conf header, `column.conf`, that is the commit marker. archive/FORMAT.md has the bytes, archive/DESIGN.md the
 * reasons. The store knows nothing of Ethereum; slotcask/era.h, built on it, does.
 *
 *     cask_archive_options open = CASK_ARCHIVE_OPTIONS_INIT;
 *     cask_column_options  shape = CASK_COLUMN_OPTIONS_INIT;
 *     cask_archive *archive; cask_column *blocks; cask_batch *batch;
 *
 *     open.create = true;
 *     shape.create = true;
 *     if (cask_archive_open(&archive, "history", &open) < 0) { puts(cask_error_last()->message); ... }
 *     cask_column_open(&blocks, archive, "blocks", &shape);
 *     cask_batch_begin(&batch, blocks);
 *     cask_batch_put(batch, 1234, bytes, size);
 *     cask_batch_commit(batch);               // durable when it returns CASK_OK
 *     cask_column_close(blocks);
 *     cask_archive_close(archive);
 *
 * Guarantees
 * ----------
 *  - Durable: once cask_batch_commit() returns CASK_OK its records survive a crash of the process, of the system
 *    and a loss of power, provided that fdatasync() of the file system is honest.
 *  - Atomic: after a crash a batch is there whole or not at all. Opening for writing heals: it cuts off what was
 *    not committed. Its cost depends on the open files (eight at most), never on the size of the archive.
 *  - Isolated: a reader, in this or another process, never sees uncommitted data, not even an offset.
 *  - Immutable: a committed slot never changes its value. A different value is refused (CASK_E_CONFLICT). A slot may
 *    be pruned; it is then known to have been, and its record never comes back by itself.
 *  - Checked: in format version 4 every byte is under a checksum, and so is the absence of a record. A read
 *    answers with the bytes that were put, or with an error; CASK_E_NOTFOUND means there is no record.
 *
 * Caveats
 * -------
 *  - One writer (a process that opened the archive without read_only): a second one gets CASK_E_BUSY at once.
 *  - A handle does not survive fork(): open the archive in the child.
 *  - The checksum of a record is verified the first time a handle reads it; later reads of the same record by the
 *    same handle trust the page cache, unless check_every_read is set (a read of 100 KB then costs about a third
 *    more). cask_column_verify() always reads and checks every byte.
 *  - Formats 2 and 3 have no checksums of their own: for them only bounds hold (and those of the snappy frames).
 *
 * Threads
 * -------
 * Any number of threads may read through one cask_column at the same time, also while one thread writes to it. Of
 * the calls that write (cask_batch_*, cask_column_put, _prune, _forget_pruned, _compact, _upgrade,
 * cask_archive_set_identity) one at a time per column or archive: the caller sees to that. A cask_iter belongs to one
 * thread at a time. Open and close a handle while no other thread uses it.
 *
 * Errors
 * ------
 * Every function that can fail returns CASK_OK (0) or a negative cask_code; details of the last failure of the
 * calling thread are in cask_error_last(). Functions that return void cannot fail.
 *
 * Versions
 * --------
 * The library's version (CASK_VERSION) follows semantic versioning of this header. The format version is a number
 * of its own, in the magic of column.conf: it changes when older libraries could no longer read or safely write.
 */
#ifndef SLOTCASK_ARCHIVE_H
#define SLOTCASK_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define CASK_API __attribute__((visibility("default")))
#else
#define CASK_API
#endif

#define CASK_VERSION_MAJOR 0
#define CASK_VERSION_MINOR 1
#define CASK_VERSION_PATCH 0
#define CASK_VERSION "0.1.0"

/* The version of the library that is loaded, as CASK_VERSION of its header. */
CASK_API const char *cask_version(void);

/* ---- Facts of the format ---------------------------------------------------------------------------------- */

/* Slots in a data file; source: archive/FORMAT.md, "Slots and files". Not a parameter of the preset. */
#define CASK_SLOTS_PER_FILE 8192u
/* Never a slot: the mark for "empty" in a conf. */
#define CASK_NO_SLOT UINT64_MAX
/* The format versions that this library reads and writes; the newest is the default. */
#define CASK_FORMAT_OLDEST 2
#define CASK_FORMAT_NEWEST 4
/* The longest name of a column, in bytes. Names are of a-z, 0-9, '_' and '-', and begin with a letter. */
#define CASK_COLUMN_NAME_MAX 32
/* Sealed files that one batch may touch: seven in format 4, one in format 3. */
#define CASK_BATCH_SEALED_MAX 7
/* How many files a record may lie ahead of the newest file of a column or, in format 4, before the oldest. */
#define CASK_GAP_FILES_MAX 65536u
/* Files of a column of format 4 at the most, which is 3,000 years of slots. */
#define CASK_COLUMN_FILES_MAX 1048576u

/* ---- Errors ----------------------------------------------------------------------------------------------- */

/* Closed: values are pinned and are never given another meaning. */
typedef enum cask_code {
    CASK_OK = 0,
    CASK_E_IO = -1,             /* the system refused a call; system_errno says why */
    CASK_E_CORRUPT = -2,        /* what is on disk contradicts itself: never caused by a crash alone */
    CASK_E_POISONED = -3,       /* an earlier write failed: close and open again, which heals; reads go on */
    CASK_E_BUSY = -4,           /* another writer has the archive, or another batch of the column is open */
    CASK_E_INVALID = -5,        /* a wrong argument, or data that its codec cannot accept */
    CASK_E_UNSUPPORTED = -6,    /* a format, codec or feature that this library does not know */
    CASK_E_NOSPC = -7,          /* no space, or quota, left on the device */
    CASK_E_NOMEM = -8,          /* out of memory; if system_errno is 0 nothing was left half done */
    CASK_E_NOTFOUND = -9,       /* no such record, column or archive; also the end of an iteration */
    CASK_E_WRONG_NETWORK = -10, /* the archive holds the history of another network */
    CASK_E_CONFLICT = -11,      /* the slot holds a different value already */
    CASK_E_REFUSED = -12,       /* the column's rules forbid it: backfill not allowed, or opened read-only */
    CASK_E_PRUNED = -13,        /* there was a record, and it was pruned */
    CASK_E_TOO_SMALL = -14      /* the caller's buffer is too small; the size needed was stored */
} cask_code;

/* "no slot" or "no offset" in a cask_error is CASK_NO_SLOT. */
typedef struct cask_error {
    int code;          /* the cask_code that was returned */
    int system_errno;  /* errno of the failing call, or 0 */
    uint64_t slot;     /* the slot concerned, or CASK_NO_SLOT */
    uint64_t offset;   /* the byte offset in `file`, or UINT64_MAX */
    const char *word;  /* a stable word for the kind of damage, those of cask_report.what; "" if none. Static */
    char file[512];    /* the file concerned (its end, if longer), or "" */
    char message[512]; /* one line for people: what, and what to do next; without file, offset and slot */
} cask_error;

/* The last failure in the calling thread. Borrowed; valid until the next failing call in this thread. Never NULL.
 * Out of memory needs no memory to be reported. */
CASK_API const cask_error *cask_error_last(void);

/* "io", "corrupt", ...: a stable lower-case word for a code; "unknown" for a number that is none. */
CASK_API const char *cask_code_name(int code);

/* ---- Bytes handed out ------------------------------------------------------------------------------------- */

/* Bytes owned by the caller once a function has filled it in; start from CASK_BUF_INIT. A function that fills it
 * reuses its memory where that is large enough. Dispose when done. */
typedef struct cask_buf {
    uint8_t *data;
    size_t size;
    size_t capacity;
} cask_buf;

#define CASK_BUF_INIT { NULL, 0, 0 }

CASK_API void cask_buf_dispose(cask_buf *buffer);

/* ---- Archives --------------------------------------------------------------------------------------------- */

typedef struct cask_archive cask_archive;
typedef struct cask_column cask_column;
typedef struct cask_batch cask_batch;
typedef struct cask_iter cask_iter;

/* The operating system's calls, as a table (archive/vfs.h, not installed); NULL is the real one. */
struct cask_vfs;

typedef struct cask_archive_options {
    size_t struct_size; /* sizeof(cask_archive_options), set by the INIT macro */
    bool read_only;     /* write and create nothing, take no lock; uncommitted data is not seen, nor healed */
    bool create;        /* make the folder if it is not there (its parent must be) */
    const struct cask_vfs *vfs;
} cask_archive_options;

#define CASK_ARCHIVE_OPTIONS_INIT { sizeof(cask_archive_options), false, false, NULL }

/*
 * Open the archive in folder `path`. A folder of columns without archive.conf (a prototype's cold root) is one too.
 * For writing, the file `lock` in it is locked until the archive is closed.
 * `options` may be NULL: read and write, do not create. On an error *archive_out is NULL.
 * Errors: NOTFOUND (no such folder), BUSY (another writer), CORRUPT (archive.conf), UNSUPPORTED, INVALID, IO, NOMEM.
 */
CASK_API int cask_archive_open(cask_archive **archive_out, const char *path, const cask_archive_options *options);

/* Close an archive whose columns are all closed, and free it; NULL is allowed. */
CASK_API void cask_archive_close(cask_archive *archive);

/*
 * The identity of the archive: a text that says whose history this is, written once into archive.conf; the store
 * keeps it under a checksum and does not look into it. Borrowed; lives as long as the handle.
 * Errors: NOTFOUND (none was set).
 */
CASK_API int cask_archive_identity(const char **text_out, size_t *size_out, const cask_archive *archive);

/*
 * Set the identity, durably. Text of at most 60,000 bytes without NUL. Setting the same one again does nothing.
 * Errors: CONFLICT (another one is set), REFUSED (read-only), INVALID, IO, NOSPC.
 */
CASK_API int cask_archive_set_identity(cask_archive *archive, const char *text, size_t size);

/* Call `visit` for the name of each column, sorted. It returns 0 to go on, anything else to stop; that value is
 * then returned. */
CASK_API int cask_archive_columns(const cask_archive *archive, int (*visit)(const char *name, void *payload),
                                  void *payload);

/* ---- Columns ---------------------------------------------------------------------------------------------- */

/* How the payload of a record is stored; pinned: the number is in column.conf. */
typedef enum cask_codec {
    CASK_CODEC_NONE = 0,
    CASK_CODEC_SNAPPY = 1, /* the snappy framing format, as era files use it */
    CASK_CODEC_ZSTD = 2    /* one zstd frame with content size and checksum; format 4 only */
} cask_codec;

typedef struct cask_column_options {
    size_t struct_size;      /* sizeof(cask_column_options), set by the INIT macro */
    bool create;             /* make the column if it is not there; the next five then say how */
    uint32_t format_version; /* 2, 3 or 4; 0: 4 */
    uint8_t record_type[2];  /* the e2store type of its records; 0,0: 'c','v' */
    uint8_t codec;           /* a cask_codec. On a column that exists, that of the disk wins */
    int codec_level;         /* zstd: 1 to 22, 0: 3. Not stored: holds for what this handle writes */
    uint64_t max_value_size; /* largest value, decoded, in bytes; 0: 1 GiB. A larger one than on disk raises it,
                                with the next commit; a smaller one is ignored */
    bool allow_backfill;     /* let skipped slots be filled in later. Sticky: kept on disk. Makes a version 2
                                column version 3 */
    bool check_every_read;   /* verify a record's checksum each time, not only the first time; see Caveats */
    uint32_t cached_files;   /* offset tables held in memory, 130 KiB each, rounded down to a power of two; 0: 64;
                                the least that is used is 4 */
} cask_column_options;

#define CASK_COLUMN_OPTIONS_INIT { sizeof(cask_column_options), false, 0, { 0, 0 }, 0, 0, 0, false, false, 0 }

/*
 * Open column `name`. On an archive opened for writing this heals first, in the sense of cask_column_heal().
 * `options` may be NULL. The archive must outlive the column. A column is opened for writing once at a time. On an
 * error *column_out is NULL.
 * Errors: NOTFOUND, BUSY, CORRUPT (also: data files without a column.conf, which is never made anew over them),
 * UNSUPPORTED, INVALID (name, options), IO, NOSPC, NOMEM.
 */
CASK_API int cask_column_open(cask_column **column_out, cask_archive *archive, const char *name,
                              const cask_column_options *options);

/* Close and free; NULL is allowed. An open batch must be committed or aborted before. */
CASK_API void cask_column_close(cask_column *column);

/*
 * Read the value at `slot` into the caller's buffer; *size_out gets its size.
 * Errors: NOTFOUND, PRUNED, TOO_SMALL (*size_out is the size needed), CORRUPT, IO, NOMEM, INVALID (CASK_NO_SLOT).
 */
CASK_API int cask_column_get(cask_column *column, uint64_t slot, void *buffer, size_t capacity, size_t *size_out);

/* The same into `value`, which grows as needed. */
CASK_API int cask_column_get_buf(cask_buf *value, cask_column *column, uint64_t slot);

/* The payload as stored: not decoded, but its checksum verified. Of a file that was compacted to another codec than the
 * column's, encoded in that of the column again. */
CASK_API int cask_column_get_stored(cask_buf *stored, cask_column *column, uint64_t slot);

/* Whether there is a record at `slot`; no read of the data file. */
CASK_API int cask_column_contains(bool *present_out, cask_column *column, uint64_t slot);

/* The highest committed slot. Errors: NOTFOUND (the column is empty). */
CASK_API int cask_column_highest(uint64_t *slot_out, cask_column *column);

/*
 * Read-only handles: look again at what has been committed. Reads do it by themselves before they answer that
 * there is no record, or that it was pruned, and so do cask_column_highest() and cask_iter_new(); a record once
 * committed never changes, so no other answer can be stale.
 */
CASK_API int cask_column_refresh(cask_column *column);

/* How the column's records are stored: a cask_codec. Files may have been compacted to another. */
CASK_API uint8_t cask_column_codec(cask_column *column);

typedef struct cask_column_info {
    uint32_t format_version;
    uint8_t record_type[2];
    uint8_t codec;
    bool allow_backfill;
    uint64_t max_value_size;
    uint64_t lowest_slot;   /* of a record; CASK_NO_SLOT: empty */
    uint64_t highest_slot;  /* that ever got a record, likewise */
    uint64_t records;
    uint64_t pruned;        /* slots whose record was pruned */
    uint64_t files;         /* data files */
    uint64_t open_files;    /* of them, not sealed */
    uint64_t recoded_files; /* of them, compacted to another codec than the column's */
    uint64_t data_bytes;    /* committed bytes of the data files */
    uint64_t table_bytes;   /* bytes of the offset tables */
    uint64_t value_bytes;   /* of all values, decoded; UINT64_MAX: unknown (formats 2 and 3, compressed) */
    uint64_t commits;       /* sequence number of the last commit; 0 in formats 2 and 3 */
} cask_column_info;

/* What the column holds; reads the seals, not the data. */
CASK_API int cask_column_stat(cask_column_info *info_out, cask_column *column);

/* ---- Coverage --------------------------------------------------------------------------------------------- */

/* A data file of a column, and what is committed of it. */
typedef struct cask_column_file {
    uint64_t file_id; /* its first slot is file_id * CASK_SLOTS_PER_FILE */
    bool sealed;
    uint8_t codec; /* of its records: a cask_codec; the column's, unless it was compacted to another */
    uint32_t records;
    uint32_t pruned;
    uint64_t data_bytes;
    uint64_t value_bytes; /* of its values, decoded; UINT64_MAX: unknown (formats 2 and 3) */
} cask_column_file;

typedef int (*cask_column_file_fn)(const cask_column_file *file, void *payload);

/* Call `visit` for each data file, ascending; a non-zero return ends it and is returned. Reads the seals, not the
 * tables (of formats 2 and 3, which have no seals, the tables). */
CASK_API int cask_column_files(cask_column *column, cask_column_file_fn visit, void *payload);

typedef enum cask_slot_state { CASK_SLOT_EMPTY = 0, CASK_SLOT_RECORD = 1, CASK_SLOT_PRUNED = 2 } cask_slot_state;

/* What is at each slot of a file, a cask_slot_state each, from its offset table; all empty where there is no such
 * file. */
CASK_API int cask_column_slots(uint8_t states[CASK_SLOTS_PER_FILE], cask_column *column, uint64_t file_id);

/* ---- Iteration -------------------------------------------------------------------------------------------- */

typedef enum cask_direction { CASK_UP = 1, CASK_DOWN = -1 } cask_direction;

/*
 * Visit the records that are committed now, from `slot` (included) up or down, in slot order. The cost follows the
 * records, not the gaps. The column must outlive the iterator.
 */
CASK_API int cask_iter_new(cask_iter **iter_out, cask_column *column, uint64_t slot, cask_direction direction);

/* Step to the next record. Errors: NOTFOUND (no more), and those of a read. After an error other than NOTFOUND a
 * further call goes on behind the place of the error. */
CASK_API int cask_iter_next(cask_iter *iter, uint64_t *slot_out);

/* The value of the record stepped to, decoded or as stored. Borrowed; valid until the next call on this iterator. */
CASK_API int cask_iter_value(cask_iter *iter, const void **data_out, size_t *size_out);
CASK_API int cask_iter_stored(cask_iter *iter, const void **data_out, size_t *size_out);

CASK_API void cask_iter_free(cask_iter *iter);

/* ---- Writing ---------------------------------------------------------------------------------------------- */

/*
 * Begin a batch: records that are committed together. One batch per column at a time. Records go to disk as they
 * are put; what a batch keeps in memory is a write buffer of 256 KiB and 130 KiB for each file it touches.
 * Errors: BUSY, POISONED, REFUSED (read-only), NOMEM.
 */
CASK_API int cask_batch_begin(cask_batch **batch_out, cask_column *column);

/*
 * Put a value. Slots ascend; or repeat a slot that has the identical value (nothing is written); or, where
 * backfill is allowed, fill a skipped slot. After one of these errors the batch is as before the call and goes on:
 *   CONFLICT  the slot has a different value
 *   REFUSED   a slot below the highest, and backfill is not allowed; or a limit of the format: format 3 fills one
 *             sealed file per batch and does not mix forward and backfill, format 4 fills up to seven
 *   INVALID   CASK_NO_SLOT, a value larger than max_value_size, a slot more than CASK_GAP_FILES_MAX files away
 *   PRUNED    the slot was pruned; see cask_column_forget_pruned()
 *   NOMEM     of the library's own memory (system_errno is 0)
 * After any other (IO, NOSPC, CORRUPT) the handle is poisoned: abort, close, open again.
 */
CASK_API int cask_batch_put(cask_batch *batch, uint64_t slot, const void *value, size_t size);

/*
 * Put a payload that is encoded already in the column's codec, to be stored verbatim. Unless `trusted`, it is
 * decoded first and refused as INVALID if that fails. Trusted bytes are only measured.
 */
CASK_API int cask_batch_put_stored(cask_batch *batch, uint64_t slot, const void *stored, size_t size, bool trusted);

/*
 * Commit: data, then tables, then the conf, each durable before the next, then the new state becomes visible to
 * readers. Frees the batch, also on error. A batch without records does nothing.
 * Errors: POISONED, IO, NOSPC, NOMEM. After an error nothing of the batch is visible through this handle, and the
 * handle is poisoned; whether the batch is committed is settled by opening again.
 */
CASK_API int cask_batch_commit(cask_batch *batch);

/* Give up: nothing of the batch remains. Frees the batch; NULL is allowed. */
CASK_API void cask_batch_abort(cask_batch *batch);

/* A batch of one record. */
CASK_API int cask_column_put(cask_column *column, uint64_t slot, const void *value, size_t size);

/* ---- A column's later life --------------------------------------------------------------------------------- */

/*
 * These change what was committed long ago. Each is committed file by file: after a crash every file is as it was or
 * as it was to become, and what was under way is finished by the next opening for writing. Readers, in this and other
 * processes, go on meanwhile. Errors, besides those each names: BUSY (a batch of the column is open), POISONED,
 * REFUSED (read-only), CORRUPT, IO, NOSPC, NOMEM. Files that were done before an error stay so; of the one under way
 * want of the library's own memory (system_errno is 0) leaves it as it was, and another error may poison the handle. Like
 * writing, one at a time per column.
 */

/* Called as often as there is something to tell; returns 0 to go on, anything else to stop after the file under way:
 * that value is then returned. */
typedef int (*cask_progress_fn)(uint64_t file_id, uint64_t bytes_before, uint64_t bytes_after, void *payload);

typedef struct cask_change {
    uint64_t files;        /* files changed */
    uint64_t slots;        /* slots changed: pruned, forgotten, recovered */
    uint64_t bytes_before; /* of the data files concerned: what they occupied, */
    uint64_t bytes_after;  /* and what they occupy now */
} cask_change;

/*
 * Prune: the records of the slots `first` to `last`, both included, are given up. Each gets a tombstone: reading says
 * PRUNED from then on, and putting, too, until the slot is forgotten. Slots that have no record stay so. Their bytes
 * are given back at once: a data file that has no record left is deleted, of another the bytes are punched out (or
 * overwritten with zeros, where the file system cannot punch). Tombstones are kept by compaction, rebuilding and
 * upgrades, and older copies of data files do not bring the records back. Format 4.
 * Errors: INVALID (first > last), UNSUPPORTED (formats 2 and 3 have no tombstones: upgrade first).
 */
CASK_API int cask_column_prune(cask_change *change_out, cask_column *column, uint64_t first, uint64_t last);

/* Forget that slots were pruned: they have no record then, and may be filled again where backfill is allowed. */
CASK_API int cask_column_forget_pruned(cask_change *change_out, cask_column *column, uint64_t first, uint64_t last);

typedef struct cask_compact_options {
    size_t struct_size;  /* sizeof(cask_compact_options), set by the INIT macro */
    uint64_t first_file; /* file ids, both included */
    uint64_t last_file;
    int codec;           /* a cask_codec, -1: that which each file has */
    int codec_level;     /* zstd: 1 to 22, 0: 3 */
    cask_progress_fn progress; /* NULL: none */
    void *payload;
} cask_compact_options;

#define CASK_COMPACT_OPTIONS_INIT { sizeof(cask_compact_options), 0, UINT64_MAX, -1, 0, NULL, NULL }

/*
 * Rewrite files, all but the current one: records in slot order, without dead bytes, in another codec if asked. A
 * file that would not change is left alone. The new file is complete, durable and read back before it takes the place
 * of the old one, which until then needs as much room as the new one again. Format 4.
 * Errors: INVALID (options), UNSUPPORTED (formats 2 and 3; a codec that is none).
 */
CASK_API int cask_column_compact(cask_change *change_out, cask_column *column, const cask_compact_options *options);

/*
 * Change the format of a column in place: 2 and 3 to 4, or 4 to 3 where nothing is used that 3 lacks: pruned slots, the
 * holes that they leave once they are forgotten (compact the column), zstd, files of another codec than the column's.
 * To the version it has, if that is 2 or 3: takes away what an earlier call, either way, may have left unfinished. What
 * a crash interrupts is a whole column of one format or the other, and can be done again. Upgrading reads every record;
 * one that is damaged ends it (CORRUPT).
 * Errors: UNSUPPORTED (the version is none of these, or 3 lacks something that the column uses).
 */
CASK_API int cask_column_upgrade(cask_column *column, uint32_t format_version);

/*
 * The slot of a record, found in its value (blocks and states hold theirs). Returns CASK_OK, or CASK_E_NOTFOUND if it
 * cannot be told.
 */
typedef int (*cask_slot_of_fn)(uint64_t *slot_out, const void *value, size_t size, void *payload);

/* ---- Healing, verifying, rebuilding ----------------------------------------------------------------------- */

typedef struct cask_report {
    const char *what;     /* a stable word, see below; static */
    const char *file;     /* path of the file concerned; borrowed for the call */
    uint64_t slot;        /* or CASK_NO_SLOT */
    uint64_t offset;      /* or UINT64_MAX */
    bool corrupt;         /* true: damage. false: what a crash leaves, mended by opening for writing; or unproven */
    const char *message;  /* one line; borrowed for the call */
    /* Only in findings of slotcask/era.h: */
    bool unproven;        /* nothing is wrong, but what is at hand cannot prove it right */
    bool has_era;
    uint64_t era;         /* the era concerned, if has_era */
    const char *expected; /* what was expected and what found, as text; NULL: none; borrowed for the call */
    const char *found;
} cask_report;

/* Called for each thing found; returns 0 to go on, anything else to stop (that value is returned by the caller). */
typedef int (*cask_report_fn)(const cask_report *report, void *payload);

/*
 * Mend what a crash left in column `name` and report each thing mended; on an archive opened read-only only report
 * what would be. Opening a column for writing does the same silently. Words: "uncommitted-data" (cut off),
 * "dangling-offset" (zeroed), "stale-seal" (cut off), "uncommitted-file" (deleted), "conf-copy" (written again from
 * its twin), "temporary-file" (deleted), "unfinished-prune" and "unfinished-replacement" (finished).
 * Errors: CORRUPT and the rest as in cask_column_open(). Healing twice changes nothing the second time.
 */
CASK_API int cask_column_heal(cask_archive *archive, const char *name, cask_report_fn report, void *payload);

/*
 * Read and check every committed byte of the column and report each thing wrong, with `corrupt` set, as well as
 * what cask_column_heal() would mend. Words besides those: "conf", "missing-file", "stray-file", "file-length",
 * "table-checksum", "seal", "seals-digest", "offset", "record-header", "record-checksum", "record-codec",
 * "unreferenced-record".
 * `jobs` threads share the files (0: 1); `report` is called by one at a time.
 * *bytes_out (may be NULL) gets the number of bytes read. Returns CASK_OK when it could look at everything, whether
 * or not it found something.
 */
CASK_API int cask_column_verify(cask_column *column, unsigned jobs, cask_report_fn report, void *payload,
                                uint64_t *bytes_out);

/*
 * Make lost or damaged offset tables of column `name` again, and salvage what is readable of damaged data files. Only
 * damaged files are touched. An entry of a damaged table is believed if the record it leads to matches its checksum;
 * records that none leads to are placed by `slot_of` (NULL: none can be). Records that fail their checksum are given
 * up, and their slots then have no record: put them again from elsewhere. Tombstones are kept: those of the table, and
 * those that the column's list of pruned ranges knows of; a list that is damaged is made again from the tables. What
 * cannot be read is given up likewise, unless it is all of a file (IO). In formats 2 and 3 only tables are made again.
 * `report` hears of each file made again ("rebuilt", not corrupt) and of each loss: "lost-record" (with its slot where
 * that is known), "lost-tombstone" (it cannot be told which slots of the file were pruned), "unknown-record" (bytes of
 * a record whose slot nobody knows).
 * `change_out->slots` counts the records kept in the files made again. The column must not be open for writing.
 * Errors: as cask_column_open(), but damaged tables are what it is for; CORRUPT: column.conf itself.
 */
CASK_API int cask_column_rebuild(cask_change *change_out, cask_archive *archive, const char *name,
                                 cask_slot_of_fn slot_of, void *slot_payload, cask_report_fn report, void *payload);

#ifdef __cplusplus
}
#endif
#endif
