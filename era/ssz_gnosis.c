/*
 * gnosischain/configs: presets/gnosis/; what it leaves out is as in mainnet. Constants that all presets share are in
 * ssz_forks.h.
 */
#define MAX_COMMITTEES_PER_SLOT 64
#define SLOTS_PER_EPOCH 16
#define EPOCHS_PER_ETH1_VOTING_PERIOD 64
#define SLOTS_PER_HISTORICAL_ROOT 8192
#define EPOCHS_PER_HISTORICAL_VECTOR 65536
#define EPOCHS_PER_SLASHINGS_VECTOR 8192
#define SYNC_COMMITTEE_SIZE 512
#define MAX_WITHDRAWALS_PER_PAYLOAD 8
#define PENDING_PARTIAL_WITHDRAWALS_LIMIT 134217728
#define PENDING_CONSOLIDATIONS_LIMIT 262144
#define PTC_SIZE 512

#define FORKS ssz_forks_gnosis
#include "ssz_forks.h"
