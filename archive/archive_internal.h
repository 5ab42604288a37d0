/* What the files of this room know of each other's handles: archive, column and view. */
#ifndef CASK_ARCHIVE_INTERNAL_H
#define CASK_ARCHIVE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "conf.h"
#include "data_file.h"
#include "error.h"
#include "offset_table.h"
#include "slotcask/archive.h"
#include "vfs.h"

struct cask_archive {
    const cask_vfs *vfs;
    cask_path folder;
    bool read_only;
    cask_handle lock;
    char *identity; /* NULL: none */
    size_t identity_size;
    struct cask_column *writers; /* columns open for writing, each once */
};

/* An open data file, shared by the views of it. */
typedef struct cask_data_file {
    atomic_uint references;
    bool writable;
    cask_handle handle;
    cask_handle table; /* of its offset table: open from the first batch that writes to it until it is sealed */
    cask_path path;
} cask_data_file;

/*
 * One file of a column as of one commit: its offset table with nothing uncommitted in it. Never changed once it is
 * in the cache, but for the bits of `checked`; lives until the last reference to it is released.
 */
typedef struct cask_view {
    atomic_uint references;
    uint64_t file_id;
    uint64_t used; /* when, for the cache: guarded by the column's mutex */
    bool sealed;
    uint8_t codec; /* of its records */
    uint64_t data_length;
    uint64_t value_bytes;
    uint32_t records;
    uint32_t pruned;
    cask_data_file *data;     /* NULL: a file without records */
    _Atomic uint64_t checked[CASK_SLOTS_PER_FILE / 64]; /* long records whose checksum this handle has verified */
    cask_offset_table table;
} cask_view;

#define CASK_VIEW_WAYS 4

struct cask_column {
    cask_archive *archive;
    const cask_vfs *vfs;
    cask_path folder;
    cask_path conf_path;
    char name[CASK_COLUMN_NAME_MAX + 1];
    bool writable;
    bool check_every_read;
    uint8_t codec; /* of the conf, in which it never changes */
    int codec_level;
    bool committed; /* this handle has committed something: close leaves a witness of it */
    uint64_t wanted_max_value_size;
    struct cask_column *next_writer;
    struct cask_batch *batch; /* the open one */

    pthread_mutex_t mutex; /* guards what follows */
    bool poisoned;
    cask_conf conf; /* committed and durable: what readers may see */
    uint64_t clock;
    uint32_t view_sets; /* a power of two */
    cask_view **views; /* view_sets x CASK_VIEW_WAYS */
};

/* ---- column.c ---- */

/* A handle with nothing loaded yet; on an archive open for writing the one writer of the column (or BUSY). Close it. */
int cask_column_new(cask_column **column_out, cask_archive *archive, const char *name,
                    const cask_column_options *options);
cask_conf cask_column_conf(cask_column *column);
/* The conf, after looking at the disk again if this handle is read-only. */
int cask_column_fresh_conf(cask_conf *conf_out, cask_column *column);
/* cask_column_refresh(), telling whether there were commits since this handle looked last. */
int cask_column_refresh_changed(bool *changed_out, cask_column *column);
/* Make `conf`, durable by now, and the `count` views of files that it changed visible to readers. The references to
 * the views go to the cache. */
void cask_column_publish(cask_column *column, const cask_conf *conf, cask_view **views, size_t count);
/* Let go of all views. The caller holds the mutex. */
void cask_column_forget_views(cask_column *column);
/* The data file that has the record of `slot`, and the record's offset in it. Errors: those of cask_column_get(). */
int cask_column_locate(cask_path *path_out, uint64_t *offset_out, cask_column *column, uint64_t slot);
void cask_column_poison(cask_column *column);
bool cask_column_poisoned(cask_column *column);
bool cask_column_name_valid(const char *name);

/* ---- view.c ---- */

/*
 * The view of a file as of `conf`. Errors: NOTFOUND (the column has no such file), CORRUPT, IO, NOMEM.
 */
int cask_view_load(cask_view **view_out, const cask_column *column, const cask_conf *conf, uint64_t file_id);
/* The view as of what is committed now, from the cache if it is there. On a read-only handle a file that changed
 * under the conf is looked at again. Release it when done. *conf_out (may be NULL) gets the conf without its list
 * of open files, and with the codec of the file: what a read needs (version, type, codec, limit). */
int cask_view_get(cask_view **view_out, cask_conf *conf_out, cask_column *column, uint64_t file_id);
/* Whether what is committed of the file now is something else than the view says. Leaves the thread's last error. */
bool cask_view_outdated(cask_column *column, const cask_view *view);
/* A copy to be changed, with a data file of its own reference. */
int cask_view_copy(cask_view **copy_out, const cask_view *view);
int cask_view_new(cask_view **view_out, uint64_t file_id);
void cask_view_release(cask_view *view);
int cask_data_file_open(cask_data_file **data_out, const cask_vfs *vfs, const char *path, cask_open_mode mode);
void cask_data_file_release(cask_data_file *data);

/* Where a record of a view is. */
typedef struct cask_location {
    uint64_t offset; /* of its header */
    uint32_t length; /* of its payload */
    uint32_t crc;    /* version 4 */
} cask_location;

/* Find the record of `slot`. Errors: NOTFOUND, PRUNED, CORRUPT, IO. */
int cask_view_find(cask_location *location_out, const cask_column *column, const cask_conf *conf,
                   const cask_view *view, uint64_t slot);
/* Read its payload, in one call, into `payload` of location->length bytes, and verify it. */
int cask_view_read(const cask_column *column, const cask_conf *conf, cask_view *view, uint64_t slot,
                   const cask_location *location, void *payload);
/* Verify a payload that was read otherwise. */
int cask_view_check(const cask_column *column, const cask_conf *conf, cask_view *view, uint64_t slot,
                    const cask_location *location, const void *payload);
/* Size of the value stored in `payload`, limited by the conf. */
int cask_value_size(const cask_conf *conf, const char *path, uint64_t slot, uint64_t offset, const void *payload,
                    size_t size, uint64_t *value_size_out);

/* CORRUPT: the record does not decode. */
int cask_record_undecodable(uint8_t codec, cask_place place);
/* Decode the payload of a record. Errors: that, NOMEM. */
int cask_record_value(cask_buf *value, uint8_t codec, const void *payload, size_t size, uint64_t limit,
                      cask_place place);
/* Encode a payload, that of a file whose codec `conf` has, in the codec of the column instead. `value` is scratch. */
int cask_recode(cask_buf *payload, cask_buf *value, const cask_conf *conf, const cask_column *column, const char *path,
                uint64_t slot, uint64_t offset);

/* Ids of the files on disk of formats 2 and 3, ascending; free with free(). Format 4 knows them from its conf. */
int cask_list_file_ids(uint64_t **ids_out, size_t *count_out, const cask_vfs *vfs, const char *folder);

/* ---- coverage.c ---- */

/* cask_column_files() as of `conf`. */
int cask_visit_files(cask_column *column, const cask_conf *conf, cask_column_file_fn visit, void *payload);

/* ---- seals.c ---- */

/* Write the seal of an open file, durably. It takes effect with the conf that no longer lists the file. */
int cask_seal_write(const cask_column *column, const cask_open_file *file, uint64_t acknowledged, uint64_t *digest);
/* The same of a file without records: make its table, at `path`. */
int cask_seal_empty(const cask_column *column, const char *path, uint64_t file_id, uint64_t acknowledged,
                    uint64_t *digest);
/* The digest of all seals no longer has that of `file_id`. */
int cask_seal_take_out(const cask_column *column, uint64_t file_id, uint64_t *digest);
/* Make room in a full list of open files: seal the one listed longest that is not the current one, nor `in_use`. */
int cask_seal_oldest(const cask_column *column, cask_conf *conf, bool (*in_use)(uint64_t file_id, void *payload),
                     void *payload);
/* A listed file has no seal. Not synced: healing does the same. */
int cask_seal_undo(const cask_column *column, const cask_open_file *file, uint64_t acknowledged);
/* What the conf says of a file that is listed. */
cask_open_file cask_open_file_of(const cask_view *view, const cask_conf *conf);
/* The open file's trailer that goes with an entry of the conf. */
cask_trailer cask_trailer_of(const cask_open_file *file, bool sealed, uint64_t acknowledged);

/* ---- replace.c ---- */

/* The files that an intent of kind REPLACE puts in the place of a data file and its table. */
cask_path cask_replacement_data(const char *folder);
cask_path cask_replacement_table(const char *folder);
/* Where the data and the table of a file are, according to the conf, while a replacement may be under way. */
int cask_current_data_path(cask_path *path_out, const cask_vfs *vfs, const char *folder, const cask_conf *conf,
                           uint64_t file_id);
int cask_current_table_path(cask_path *path_out, const cask_vfs *vfs, const char *folder, const cask_conf *conf,
                            uint64_t file_id);
/* Do what the intent says: put the files in place, durably. Can be repeated. */
int cask_replacement_finish(const cask_vfs *vfs, const char *folder, uint64_t file_id);

/* ---- prune.c ---- */

/* What the intent says of the table of a file, in memory; how many entries that changes. */
uint32_t cask_intent_apply(const cask_conf *conf, uint64_t file_id, cask_offset_table *table);
/* Make of the table of a listed file, as it was read, what is committed of it: what is intended is done, entries of no
 * commit are zeroed, and counted in *zeroed_out. CORRUPT if it is not the table that the conf means. */
int cask_table_settle(cask_offset_table *table, uint32_t *zeroed_out, const cask_conf *conf,
                      const cask_open_file *file, const char *path);
/* Do what the intent of the conf says, durably. Can be repeated. */
int cask_intent_finish(const cask_vfs *vfs, const char *folder, const cask_conf *conf);
/* Bytes of a data file that records take; of format 4. */
uint64_t cask_view_live_bytes(const cask_view *view);
/* Whether what is committed may be changed now; `act` (may be NULL) needs format 4. */
int cask_column_may_change(cask_column *column, const char *act);

/* ---- heal.c ---- */

/* Mend the column in `folder`, or with `dry_run` only report. *conf_out is then what is committed. */
int cask_heal(cask_conf *conf_out, const cask_vfs *vfs, const char *folder, const char *conf_path, bool dry_run,
              cask_report_fn report, void *payload);

/* CORRUPT if the trailer of an open table knows of a later commit than `conf`: not the work of a crash, but an old conf
 * in place of the right one. */
int cask_check_witness(const cask_conf *conf, const char *conf_path, const cask_handle *handle, const char *path);
/* The same of all trailers that healing looks at. */
int cask_check_witnesses(const cask_conf *conf, const cask_vfs *vfs, const char *folder, const char *conf_path);

#endif
