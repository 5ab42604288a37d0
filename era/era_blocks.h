/*
 * The blocks of an era, out of an era file or out of a column, in slices: as many records as fit the limits below are
 * read at a time, so that many threads can decode them while memory stays small, whatever is stored.
 *
 *     era_blocks run = ERA_BLOCKS_INIT;
 *     code = era_blocks_begin(&run, era, group);
 *     while (code == CASK_OK && (code = era_blocks_next(&run)) == CASK_OK)
 *         ... run.blocks[0 .. run.count), after era_blocks_check() decoded as well ...
 *     era_blocks_dispose(&run);       // code is CASK_E_NOTFOUND at the end
 */
#ifndef CASK_ERA_BLOCKS_H
#define CASK_ERA_BLOCKS_H

#include "era_file.h"
#include "era_rules.h"

/* A slice: this many stored bytes, or less where several are at work; and decoded at most twice as many. One block if
 * that is larger. */
#define ERA_SLICE_SIZE (8u << 20)

/* One block. Pointers live until the next call on the run. */
typedef struct era_block {
    uint64_t slot;   /* by the index */
    uint64_t offset; /* of its record, or CASK_NO_OFFSET */
    const uint8_t *stored; /* payload of the record, in the codec of the run */
    size_t stored_size;
    uint8_t *value;    /* SignedBeaconBlock in SSZ, once era_blocks_check() has found it good */
    size_t value_size; /* 0: the payload is bad, which era_blocks_check() reports */
    int code;          /* of its check; before it, of reading */
    bool unreadable;   /* there is a record, but the column could not read it */
    uint8_t root[32];  /* hash_tree_root of its message, where that is asked for */
} era_block;

typedef struct era_blocks {
    const char *path; /* for reports */
    uint8_t codec;
    uint64_t start_slot;
    size_t slots;
    size_t slice_size;
    cask_buf stored;
    cask_buf values;
    era_block *blocks; /* the slice */
    size_t count;
    /* out of a file: */
    const cask_era *era;
    const era_group *group;
    uint64_t *targets; /* offset of the record of each slot of the group; 0: empty */
    size_t next;       /* index in `targets` of the first one behind the slice */
    /* out of a column: */
    cask_iter *iter;
    uint64_t iter_slot; /* stepped to and not taken yet; CASK_NO_SLOT: none */
} era_blocks;

#define ERA_BLOCKS_INIT                                                                                                \
    { NULL, CASK_CODEC_SNAPPY, 0, 0, ERA_SLICE_SIZE, CASK_BUF_INIT, CASK_BUF_INIT, NULL, 0, NULL, NULL, NULL, 0,       \
      NULL, CASK_NO_SLOT }

/* `run` may have been used before. */
int era_blocks_begin(era_blocks *run, const cask_era *era, size_t group);
/* The same for the records of a column, which must outlive it, from `start_slot` on. `path` is for reports. */
int era_blocks_begin_column(era_blocks *run, cask_column *column, const char *path, uint64_t start_slot, size_t slots);
void era_blocks_dispose(era_blocks *run);

/* Read the next slice, of at least one block. NOTFOUND: no more blocks. In a damaged group entries of the index that
 * lead nowhere are passed over. */
int era_blocks_next(era_blocks *run);

/* Decode the blocks of the slice, on several threads, and report those that do not decode ("snappy"), that are no
 * SignedBeaconBlock ("ssz-malformed") or of another slot ("block-slot"). With a network all of their SSZ is checked;
 * at CASK_VERIFY_ROOTS their roots are computed. Returns what the report function returns, if not 0. */
int era_blocks_check(era_blocks *run, const era_rules *rules);

#endif
