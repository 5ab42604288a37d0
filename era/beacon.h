/*
 * The few places in the SSZ of blocks and states that are looked at without decoding them. Sources, all in
 * ethereum/consensus-specs: the containers in specs/<fork>/beacon-chain.md, sizes of vectors in presets/. The fields of
 * an SSZ container come in the order of the specification: fixed-size ones in place, of the others a u32 offset.
 *
 * Arguments `state` and `block` are the first bytes of one, as many as each function says.
 */
#ifndef CASK_BEACON_H
#define CASK_BEACON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- SignedBeaconBlock: message (offset u32) | signature 96 | BeaconBlock (phase0; every later fork has these
 * first fields as well): slot u64 | proposer_index u64 | parent_root 32 | state_root 32 | body (offset u32) ------- */

#define BEACON_BLOCK_HEAD_SIZE 184u

/* false: the bytes cannot be a SignedBeaconBlock. Any `size`. */
bool beacon_block_slot(uint64_t *slot_out, const uint8_t *block, size_t size);

/* Of a block that beacon_block_slot() accepted; pointers are into `block`. */
const uint8_t *beacon_block_parent_root(const uint8_t *block);
const uint8_t *beacon_block_state_root(const uint8_t *block);
const uint8_t *beacon_block_signature(const uint8_t *block);
uint64_t beacon_block_proposer_index(const uint8_t *block);

/* ---- BeaconState: genesis_time u64 | genesis_validators_root 32 | slot u64 | fork 16 | latest_block_header 112 |
 * block_roots 32 * slots | state_roots 32 * slots | historical_roots (offset u32) | ... (phase0; unchanged in every
 * later fork). slots: SLOTS_PER_HISTORICAL_ROOT. --------------------------------------------------------------- */

#define BEACON_STATE_HEAD_SIZE 176u

/* The fork field: previous_version 4 | current_version 4 | epoch u64. */
typedef struct beacon_fork {
    const uint8_t *previous_version;
    const uint8_t *current_version;
    uint64_t epoch;
} beacon_fork;

/* Of the first BEACON_STATE_HEAD_SIZE bytes; pointers are into `state`. */
const uint8_t *beacon_state_genesis_validators_root(const uint8_t *state);
uint64_t beacon_state_slot(const uint8_t *state);
beacon_fork beacon_state_fork(const uint8_t *state);

/* Size of the beginning of a state up to and with the offset of historical_roots, and where the vectors are in it. */
#define BEACON_STATE_ROOTS_SIZE(slots) (BEACON_STATE_HEAD_SIZE + 64u * (size_t)(slots) + 4u)
#define BEACON_STATE_BLOCK_ROOTS BEACON_STATE_HEAD_SIZE
#define BEACON_STATE_STATE_ROOTS(slots) (BEACON_STATE_HEAD_SIZE + 32u * (size_t)(slots))

/*
 * Size of the fixed-size part of a state: the offset of its first field of variable size, historical_roots. From the
 * first BEACON_STATE_ROOTS_SIZE(slots) bytes. false: no fork of a preset with so many slots has such a state.
 */
bool beacon_state_fixed_size(size_t *size_out, const uint8_t *state, uint64_t slots);

/* What the state has of an era: an entry of historical_roots (32 bytes) or of historical_summaries (64 bytes). */
typedef struct beacon_range {
    uint64_t offset; /* in the state */
    size_t size;     /* 0: the state has no entry for the era */
} beacon_range;

#define BEACON_ERA_ENTRY_MAX 64u

/*
 * Find the entry of `era` (1 or more): historical_roots[era - 1] or, where that list is shorter,
 * historical_summaries[era - 1 - len(historical_roots)] (era format specification, "File name"). From the fixed-size
 * part of the state. false: its offsets contradict each other. The range may lie behind the end of the state.
 */
bool beacon_state_era_entry(beacon_range *entry_out, const uint8_t *state, size_t fixed_size, uint64_t slots,
                            uint64_t era);

/* The root of an era of `slots` slots, by its block_roots and state_roots one after the other. Errors: NOMEM. */
int beacon_roots_root(uint8_t root[32], const uint8_t *roots, size_t slots);

/* The root of an entry: itself, or hash_tree_root(HistoricalSummary), the hash of its two roots. */
void beacon_era_root(uint8_t root[32], const uint8_t *entry, size_t size);

#endif
