/* What an archive holds of a chain, complete or not: the columns of an import that are there, and its network. */
#ifndef CASK_HOLDINGS_H
#define CASK_HOLDINGS_H

#include "network.h"
#include "ssz.h"

typedef enum era_column_id { ERA_BLOCKS, ERA_BLOCK_ROOTS, ERA_STATE_ROOTS, ERA_STATES, ERA_COLUMNS } era_column_id;

extern const char *const era_column_names[ERA_COLUMNS];

typedef struct era_holdings {
    cask_column *columns[ERA_COLUMNS]; /* NULL: not there */
    cask_network *network;             /* NULL: the archive was made by no import */
} era_holdings;

#define ERA_HOLDINGS_INIT { { NULL, NULL, NULL, NULL }, NULL }

/* To be closed on error too. */
int era_holdings_open(era_holdings *held, cask_archive *archive);
void era_holdings_close(era_holdings *held);

/* What is at each of `count` slots from `first` on, a cask_slot_state each. `column` may be NULL: nothing is. */
int era_slot_states(uint8_t *states, cask_column *column, uint64_t first, size_t count);

/* The network in the identity of an archive; NULL: it has none. */
int era_archive_network(cask_network **network_out, const cask_archive *archive);

/* Read a root. *known_out: the column has one at the slot. `column` may be NULL. */
int era_read_root(bool *known_out, uint8_t root[SSZ_ROOT_SIZE], cask_column *column, uint64_t slot);

/*
 * The root of the block at a slot, or of the state: of the columns of roots, or where these do not know by hashing the
 * record; *hashed (NULL: that is not wanted) is then set. An empty slot repeats in block_roots the root before it, and
 * has no block of its own.
 * Errors: NOTFOUND (no block there; or the root is not known), CORRUPT, INVALID (a record to be hashed, and no network
 * is known), IO, NOMEM.
 */
int era_block_root(uint8_t root[SSZ_ROOT_SIZE], bool *hashed, const era_holdings *held, uint64_t slot);
int era_state_root(uint8_t root[SSZ_ROOT_SIZE], bool *hashed, const era_holdings *held, uint64_t slot);

#endif
