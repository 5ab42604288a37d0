#include "beacon.h"

#include "../archive/bytes.h"
#include "../archive/error.h"
#include "merkle.h"
#include "sha256.h"

#include <stdlib.h>
#include <string.h>

enum {
    BLOCK_MESSAGE = 100, /* where the message begins: behind its offset and the signature */
    BLOCK_SIGNATURE = 4,
    BLOCK_SLOT = 100,
    BLOCK_PROPOSER_INDEX = 108,
    BLOCK_PARENT_ROOT = 116,
    BLOCK_STATE_ROOT = 148,
    BLOCK_BODY_OFFSET = 180,
    MESSAGE_FIXED_SIZE = 84
};

bool beacon_block_slot(uint64_t *slot_out, const uint8_t *block, size_t size)
{
    if (size < BEACON_BLOCK_HEAD_SIZE || cask_load32(block) != BLOCK_MESSAGE ||
        cask_load32(block + BLOCK_BODY_OFFSET) != MESSAGE_FIXED_SIZE)
        return false;
    *slot_out = cask_load64(block + BLOCK_SLOT);
    return true;
}

const uint8_t *beacon_block_parent_root(const uint8_t *block)
{
    return block + BLOCK_PARENT_ROOT;
}

const uint8_t *beacon_block_state_root(const uint8_t *block)
{
    return block + BLOCK_STATE_ROOT;
}

const uint8_t *beacon_block_signature(const uint8_t *block)
{
    return block + BLOCK_SIGNATURE;
}

uint64_t beacon_block_proposer_index(const uint8_t *block)
{
    return cask_load64(block + BLOCK_PROPOSER_INDEX);
}

enum { STATE_GENESIS_VALIDATORS_ROOT = 8, STATE_SLOT = 40, STATE_FORK = 48 };

const uint8_t *beacon_state_genesis_validators_root(const uint8_t *state)
{
    return state + STATE_GENESIS_VALIDATORS_ROOT;
}

uint64_t beacon_state_slot(const uint8_t *state)
{
    return cask_load64(state + STATE_SLOT);
}

beacon_fork beacon_state_fork(const uint8_t *state)
{
    const uint8_t *fork = state + STATE_FORK;

    return (beacon_fork){ fork, fork + 4, cask_load64(fork + 8) };
}

/* ---- The fixed-size part ---------------------------------------------------------------------------------- */

/* presets/{mainnet,minimal}/{phase0,altair}.yaml; the gnosis preset has mainnet's numbers here. */
typedef struct preset {
    uint64_t slots;              /* SLOTS_PER_HISTORICAL_ROOT */
    size_t randao_mixes;         /* EPOCHS_PER_HISTORICAL_VECTOR */
    size_t slashings;            /* EPOCHS_PER_SLASHINGS_VECTOR */
    size_t sync_committee;       /* SYNC_COMMITTEE_SIZE */
} preset;

static const preset presets[] = {
    { 64, 64, 64, 32 },
    { 8192, 65536, 8192, 512 },
};

/* Sizes of the fixed-size part; each fork adds to the one before, deneb nothing to capella. */
typedef struct layout {
    size_t phase0, altair, bellatrix, capella, electra;
} layout;

enum {
    ETH1_DATA_SIZE = 72,
    CHECKPOINT_SIZE = 40,
    PUBKEY_SIZE = 48,
    OFFSET_SIZE = 4,
    /* fulu adds proposer_lookahead, 8 * (MIN_SEED_LOOKAHEAD + 1) * SLOTS_PER_EPOCH: at most 512 bytes. gloas (a draft)
     * replaces the offset of latest_execution_payload_header by latest_block_hash and adds more than that. */
    FULU_ADDS_MAX = 512,
    GLOAS_SHIFT = 28,
    GLOAS_ADDS_MAX = 1 << 22,
    /* Behind the offset of historical_roots: eth1_data, then the offset of eth1_data_votes. */
    VOTES_BEHIND_ROOTS = OFFSET_SIZE + ETH1_DATA_SIZE,
    /* Behind the end of bellatrix: two withdrawal indices, then the offset of historical_summaries. */
    SUMMARIES_BEHIND_BELLATRIX = 16,
    /* Behind the end of capella: six u64, then the offset of pending_deposits (electra). */
    DEPOSITS_BEHIND_CAPELLA = 48
};

static layout layout_of(const preset *p)
{
    layout l;

    l.phase0 = BEACON_STATE_ROOTS_SIZE(p->slots)
               + ETH1_DATA_SIZE + OFFSET_SIZE + 8                    /* eth1_data, _votes, _deposit_index */
               + 2 * OFFSET_SIZE                                     /* validators, balances */
               + 32 * p->randao_mixes + 8 * p->slashings
               + 2 * OFFSET_SIZE                                     /* attestations; participation from altair */
               + 1 + 3 * CHECKPOINT_SIZE;                            /* justification_bits and the checkpoints */
    l.altair = l.phase0
               + OFFSET_SIZE                                         /* inactivity_scores */
               + 2 * PUBKEY_SIZE * (p->sync_committee + 1);          /* current_, next_sync_committee */
    l.bellatrix = l.altair + OFFSET_SIZE;                            /* latest_execution_payload_header */
    l.capella = l.bellatrix + SUMMARIES_BEHIND_BELLATRIX + OFFSET_SIZE;
    l.electra = l.capella + DEPOSITS_BEHIND_CAPELLA + 3 * OFFSET_SIZE; /* and the three lists of pending operations */
    return l;
}

static const preset *find_preset(uint64_t slots)
{
    for (size_t i = 0; i < sizeof(presets) / sizeof(presets[0]); i++) {
        if (presets[i].slots == slots)
            return &presets[i];
    }
    return NULL;
}

bool beacon_state_fixed_size(size_t *size_out, const uint8_t *state, uint64_t slots)
{
    const preset *p = find_preset(slots);
    size_t size;
    layout l;

    if (p == NULL)
        return false;
    l = layout_of(p);
    size = cask_load32(state + BEACON_STATE_ROOTS_SIZE(slots) - OFFSET_SIZE);
    *size_out = size;
    return size == l.phase0 || size == l.altair || size == l.bellatrix || size == l.capella ||
           (size >= l.electra && size <= l.electra + GLOAS_ADDS_MAX);
}

/* ---- The entry of an era ---------------------------------------------------------------------------------- */

/* Entry `index` of the list from `begin` to `end`; no entry, if the list is shorter. */
static beacon_range entry_of(uint64_t begin, uint64_t end, uint64_t index, size_t size)
{
    if (index >= (end - begin) / size)
        return (beacon_range){ 0, 0 };
    return (beacon_range){ begin + index * size, size };
}

/* historical_summaries ends where pending_deposits begins; in capella and deneb it is the last field, and the end of
 * the state its own. */
static bool find_summary(beacon_range *entry_out, const uint8_t *state, size_t fixed_size, const layout *l,
                         uint64_t index)
{
    size_t shift = fixed_size > l->electra + FULU_ADDS_MAX ? GLOAS_SHIFT : 0;
    uint64_t begin = cask_load32(state + l->bellatrix + SUMMARIES_BEHIND_BELLATRIX + shift), end = UINT32_MAX;

    if (fixed_size >= l->electra)
        end = cask_load32(state + l->capella + DEPOSITS_BEHIND_CAPELLA + shift);
    if (begin < fixed_size || end < begin)
        return false;
    *entry_out = entry_of(begin, end, index, 64);
    return true;
}

bool beacon_state_era_entry(beacon_range *entry_out, const uint8_t *state, size_t fixed_size, uint64_t slots,
                            uint64_t era)
{
    const size_t roots_at = BEACON_STATE_ROOTS_SIZE(slots) - OFFSET_SIZE;
    const layout l = layout_of(find_preset(slots));
    const uint64_t begin = cask_load32(state + roots_at), end = cask_load32(state + roots_at + VOTES_BEHIND_ROOTS);
    uint64_t count;

    if (end < begin || (end - begin) % 32 != 0)
        return false;
    count = (end - begin) / 32;
    *entry_out = entry_of(begin, end, era - 1, 32);
    if (entry_out->size > 0 || fixed_size < l.capella)
        return true;
    return find_summary(entry_out, state, fixed_size, &l, era - 1 - count);
}

void beacon_era_root(uint8_t root[32], const uint8_t *entry, size_t size)
{
    if (size == 32)
        memcpy(root, entry, 32);
    else
        cask_sha256_hash_nodes(root, entry, 1);
}

int beacon_roots_root(uint8_t root[32], const uint8_t *roots, size_t slots)
{
    const unsigned depth = merkle_depth(slots);
    uint8_t *nodes = malloc(merkle_room(2 * slots, 2) * MERKLE_NODE);

    if (nodes == NULL)
        return cask_fail_nomem();
    memcpy(nodes, roots, 2 * slots * MERKLE_NODE);
    merkle_reduce(nodes, slots, 2, 0, depth);
    cask_sha256_hash_nodes(root, nodes, 1);
    free(nodes);
    return CASK_OK;
}
