/* Scenarios of one column: lists of steps, each a stage. */
#ifndef CRASH_COLUMNS_H
#define CRASH_COLUMNS_H

#include "scenario.h"

typedef enum column_step_kind {
    COLUMN_CREATE,  /* the archive, and the column in it */
    COLUMN_PUT,     /* a batch; of one record, by cask_column_put() */
    COLUMN_ABANDON, /* a batch that is given up */
    COLUMN_KILL,    /* a batch whose process dies before it is committed; the store is closed then */
    COLUMN_REOPEN,
    COLUMN_BACKFILL, /* opened again so that it may be backfilled */
    COLUMN_PRUNE,   /* the slots from the first to the last given, of one file */
    COLUMN_FORGET,  /* likewise, that they were pruned */
    COLUMN_UPGRADE, /* to the format version given */
    COLUMN_COMPACT, /* the file given, to the column's codec; and to zstd, where a second number is given */
    COLUMN_LOSE,    /* the tables of the files given; the column is rebuilt */
    COLUMN_LOSE_LIST, /* of pruned ranges; the column is rebuilt */
    COLUMN_DAMAGE,  /* the record of the slot given; the column is rebuilt, and the record lost */
    COLUMN_IDENTITY  /* archive.conf */
} column_step_kind;

typedef struct column_step {
    column_step_kind kind;
    const uint64_t *slots;
    size_t count;
} column_step;

typedef struct column_plan {
    uint32_t version;
    bool backfill; /* allowed from the beginning */
    uint8_t codec;
    const column_step *steps;
} column_plan;

bool columns_run(const scenario *self, const cask_vfs *vfs, void (*done)(void *payload), void *payload);
bool columns_peek(const scenario *self, size_t done);
void *columns_open(const scenario *self, const cask_vfs *vfs, size_t stages);
void columns_close(void *opened);
bool columns_look(const scenario *self, void *opened, uint64_t *mark_out);
uint64_t columns_mark(const scenario *self, size_t stages);
bool columns_check(const scenario *self, void *opened, size_t stages);
bool columns_go_on(const scenario *self, memory_disk *disk, size_t stages);
bool columns_read(const scenario *self, const cask_vfs *vfs, size_t least, size_t most, uint64_t *mark_out);

#endif
