/* One era, wherever it is kept: a group of an era file, or the columns of an archive. Checks see no difference. */
#ifndef CASK_ERA_SOURCE_H
#define CASK_ERA_SOURCE_H

#include "era_blocks.h"
#include "era_state.h"

typedef struct era_source {
    uint64_t era;
    uint64_t start_slot; /* of its blocks */
    uint64_t state_slot; /* one past the last of them */
    const char *path;        /* of what holds the state, for reports */
    const char *blocks_path; /* likewise of the blocks */
    uint64_t state_offset; /* or CASK_NO_OFFSET */
    /* Read the state: all of it into state->head, or what era_state_read() keeps. */
    int (*read_state)(era_state *state, const struct era_source *source, bool whole);
    int (*begin_blocks)(era_blocks *run, const struct era_source *source);
    /* Read the root of a slot that is kept beside the state: CORRUPT if there is none, PRUNED. NULL: none are kept. */
    int (*read_root)(uint8_t root[SSZ_ROOT_SIZE], const struct era_source *source, bool of_states, uint64_t slot);
    /* What is at each slot, a cask_slot_state of its block. NULL: nothing was pruned. */
    int (*read_slot_states)(uint8_t *states, const struct era_source *source);
    bool state_pruned;
    /* an era file */
    const cask_era *file;
    size_t group;
    /* an archive */
    const struct era_columns *columns;
} era_source;

/* Columns of an archive, as an import fills them, and their paths for reports. */
typedef struct era_columns {
    cask_column *blocks, *states, *block_roots, *state_roots;
    char *blocks_path, *states_path, *block_roots_path, *state_roots_path;
} era_columns;

#define ERA_COLUMNS_INIT { NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL }

/* Open them; `path` is the archive's. To be closed on error too. NOTFOUND: one is missing. */
int era_columns_open(era_columns *columns, cask_archive *archive, const char *path);
void era_columns_close(era_columns *columns);

/* Borrow what they are made of. */
era_source era_source_of_group(const cask_era *file, size_t group);
era_source era_source_of_columns(const era_columns *columns, uint64_t state_slot, uint64_t slots_per_era);

static inline cask_place era_source_state_place(const era_source *source)
{
    return CASK_AT_SLOT(source->path, source->state_offset, source->state_slot);
}

#endif
