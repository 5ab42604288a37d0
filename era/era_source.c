#include "era_source.h"

#include "holdings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- A group of an era file ------------------------------------------------------------------------------- */

static int read_state_of_group(era_state *state, const era_source *source, bool whole)
{
    return whole ? era_state_read_whole(state, source->file, source->group)
                 : era_state_read(state, source->file, source->group);
}

static int begin_blocks_of_group(era_blocks *run, const era_source *source)
{
    return era_blocks_begin(run, source->file, source->group);
}

era_source era_source_of_group(const cask_era *file, size_t group)
{
    const cask_era_group *facts = &file->groups[group].facts;

    return (era_source){
        .era = facts->era, .start_slot = facts->start_slot, .state_slot = facts->state_slot, .path = file->path,
        .blocks_path = file->path,
        .state_offset = facts->state_offset, .read_state = read_state_of_group,
        .begin_blocks = begin_blocks_of_group, .file = file, .group = group,
    };
}

/* ---- Columns ---------------------------------------------------------------------------------------------- */

static int read_state_of_columns(era_state *state, const era_source *source, bool whole)
{
    (void)whole;
    CASK_TRY(cask_column_get_buf(&state->head, source->columns->states, source->state_slot));
    state->size = state->head.size;
    return era_state_find_era_root(state, source->era, source->state_slot - source->start_slot,
                                   era_source_state_place(source));
}

static int begin_blocks_of_columns(era_blocks *run, const era_source *source)
{
    return era_blocks_begin_column(run, source->columns->blocks, source->columns->blocks_path, source->start_slot,
                                   (size_t)(source->state_slot - source->start_slot));
}

static int read_root_of_columns(uint8_t root[SSZ_ROOT_SIZE], const era_source *source, bool of_states, uint64_t slot)
{
    cask_column *column = of_states ? source->columns->state_roots : source->columns->block_roots;
    const char *path = of_states ? source->columns->state_roots_path : source->columns->block_roots_path;
    size_t size;
    int code = cask_column_get(column, slot, root, SSZ_ROOT_SIZE, &size);

    if (code == CASK_E_NOTFOUND || code == CASK_E_TOO_SMALL || (code == CASK_OK && size != SSZ_ROOT_SIZE))
        return cask_fail_word(CASK_E_CORRUPT, of_states ? "state-root" : "block-root",
                              CASK_AT_SLOT(path, CASK_NO_OFFSET, slot),
                              "the archive has no root here; import the era again");
    return code;
}

static int read_slot_states_of_columns(uint8_t *states, const era_source *source)
{
    return era_slot_states(states, source->columns->blocks, source->start_slot,
                           (size_t)(source->state_slot - source->start_slot));
}

era_source era_source_of_columns(const era_columns *columns, uint64_t state_slot, uint64_t slots_per_era)
{
    return (era_source){
        .era = state_slot / slots_per_era, .start_slot = state_slot == 0 ? 0 : state_slot - slots_per_era,
        .state_slot = state_slot, .path = columns->states_path, .blocks_path = columns->blocks_path,
        .state_offset = CASK_NO_OFFSET, .read_state = read_state_of_columns, .begin_blocks = begin_blocks_of_columns,
        .read_root = read_root_of_columns, .read_slot_states = read_slot_states_of_columns, .columns = columns,
    };
}

static int open_column(cask_column **column, char **path, cask_archive *archive, const char *folder, const char *name)
{
    size_t size = strlen(folder) + strlen(name) + 2;

    *path = malloc(size);
    if (*path == NULL)
        return cask_fail_nomem();
    snprintf(*path, size, "%s/%s", folder, name);
    return cask_column_open(column, archive, name, NULL);
}

int era_columns_open(era_columns *columns, cask_archive *archive, const char *path)
{
    CASK_TRY(open_column(&columns->states, &columns->states_path, archive, path, "states"));
    CASK_TRY(open_column(&columns->blocks, &columns->blocks_path, archive, path, "blocks"));
    CASK_TRY(open_column(&columns->block_roots, &columns->block_roots_path, archive, path, "block_roots"));
    return open_column(&columns->state_roots, &columns->state_roots_path, archive, path, "state_roots");
}

void era_columns_close(era_columns *columns)
{
    cask_column_close(columns->blocks);
    cask_column_close(columns->states);
    cask_column_close(columns->block_roots);
    cask_column_close(columns->state_roots);
    free(columns->blocks_path);
    free(columns->states_path);
    free(columns->block_roots_path);
    free(columns->state_roots_path);
    *columns = (era_columns)ERA_COLUMNS_INIT;
}
