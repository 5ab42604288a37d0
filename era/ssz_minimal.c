/* ethereum/consensus-specs: presets/minimal/. Constants that all presets share are in ssz_forks.h. */
#define MAX_COMMITTEES_PER_SLOT 4
#define SLOTS_PER_EPOCH 8
#define EPOCHS_PER_ETH1_VOTING_PERIOD 4
#define SLOTS_PER_HISTORICAL_ROOT 64
#define EPOCHS_PER_HISTORICAL_VECTOR 64
#define EPOCHS_PER_SLASHINGS_VECTOR 64
#define SYNC_COMMITTEE_SIZE 32
#define MAX_WITHDRAWALS_PER_PAYLOAD 4
#define PENDING_PARTIAL_WITHDRAWALS_LIMIT 64
#define PENDING_CONSOLIDATIONS_LIMIT 64
#define PTC_SIZE 16

#define FORKS ssz_forks_minimal
#include "ssz_forks.h"
