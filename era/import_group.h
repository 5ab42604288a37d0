/* The import of one era into the four columns. */
#ifndef CASK_IMPORT_GROUP_H
#define CASK_IMPORT_GROUP_H

#include "era_check.h"

/* What is in each of them, slotcask/era.h says. */
typedef struct import_columns {
    cask_column *blocks;
    cask_column *block_roots;
    cask_column *state_roots;
    cask_column *states;
    uint8_t blocks_codec; /* as on disk */
    uint8_t states_codec;
    int codec_level;
} import_columns;

#define IMPORT_COLUMNS_INIT { NULL, NULL, NULL, NULL, 0, 0, 0 }

/* Open them, and make those that are not there. To be closed on error too. */
int import_columns_open(import_columns *columns, cask_archive *archive, const cask_import_options *options);
void import_columns_close(import_columns *columns);

/* Whether the archive had the era before. */
typedef enum import_before { IMPORT_ABSENT, IMPORT_BEGUN, IMPORT_COMPLETE } import_before;

typedef struct import_outcome {
    import_before before;
    uint64_t blocks; /* written */
    uint64_t pruned; /* slots, of all columns, that stay pruned */
} import_outcome;

/* The era that the import came to before, for the links between the two. */
typedef struct import_before_era {
    bool known; /* it was checked in its roots */
    era_record record;
} import_before_era;

/* Called with the offset in the file that the import has come to. */
typedef void (*import_step_fn)(uint64_t offset, void *payload);

/*
 * Import a group of an open era file that was checked in structure, name and network; the root in `name` is compared
 * with the last state. `keys` is for CASK_VERIFY_SIGNATURES. *before is replaced by what is then known of this era;
 * dispose of its record at the end.
 * What the archive has of the era is compared with the file record by record; the rest is written: blocks, block_roots,
 * state_roots and the state, committed in this order.
 */
int import_group(import_outcome *outcome, const import_columns *columns, cask_era *era, size_t group,
                 const cask_network *network, const cask_era_name *name, const cask_import_options *options,
                 era_keys *keys, import_before_era *before, import_step_fn step, void *payload);

#endif
