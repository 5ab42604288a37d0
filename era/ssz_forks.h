/*
 * The types of every fork, as data. Hold it beside ethereum/consensus-specs, specs/<fork>/beacon-chain.md, sections
 * "Types" and "Containers": names and order are theirs. A type that a later fork modifies has that fork's name behind
 * its own; one that it leaves alone is not repeated. Included once for each preset, whose constants come first.
 *
 * To add a fork: declare here what it brings and changes, and add its line to FORKS at the end.
 */
#include "ssz_schema.h"

/* clang-format off */

/* ---- Constants that all presets share --------------------------------------------------------------------------- */

#define JUSTIFICATION_BITS_LENGTH 4
#define DEPOSIT_CONTRACT_TREE_DEPTH 32
#define MAX_VALIDATORS_PER_COMMITTEE 2048
#define MIN_SEED_LOOKAHEAD 1
#define HISTORICAL_ROOTS_LIMIT 16777216
#define VALIDATOR_REGISTRY_LIMIT 1099511627776
#define MAX_PROPOSER_SLASHINGS 16
#define MAX_ATTESTER_SLASHINGS 2
#define MAX_ATTESTATIONS 128
#define MAX_DEPOSITS 16
#define MAX_VOLUNTARY_EXITS 16
#define MAX_BYTES_PER_TRANSACTION 1073741824
#define MAX_TRANSACTIONS_PER_PAYLOAD 1048576
#define BYTES_PER_LOGS_BLOOM 256
#define MAX_EXTRA_DATA_BYTES 32
#define MAX_BLS_TO_EXECUTION_CHANGES 16
#define MAX_BLOB_COMMITMENTS_PER_BLOCK 4096
#define PENDING_DEPOSITS_LIMIT 134217728
#define MAX_ATTESTER_SLASHINGS_ELECTRA 1
#define MAX_ATTESTATIONS_ELECTRA 8
#define MAX_DEPOSIT_REQUESTS_PER_PAYLOAD 8192
#define MAX_WITHDRAWAL_REQUESTS_PER_PAYLOAD 16
#define MAX_CONSOLIDATION_REQUESTS_PER_PAYLOAD 2

/* ---- Basic types ------------------------------------------------------------------------------------------------ */

static const ssz_type Boolean = { .kind = SSZ_BOOLEAN, .limit = 1 };
UINT(Byte, 1);
UINT(Uint8, 1);
UINT(Uint64, 8);
UINT(Uint256, 32);
VECTOR(Bytes4, Byte, 4);
VECTOR(Bytes20, Byte, 20);
VECTOR(Bytes32, Byte, 32);
VECTOR(Bytes48, Byte, 48);
VECTOR(Bytes96, Byte, 96);

#define Slot Uint64
#define Epoch Uint64
#define CommitteeIndex Uint64
#define ValidatorIndex Uint64
#define WithdrawalIndex Uint64
#define BuilderIndex Uint64
#define Gwei Uint64
#define ParticipationFlags Uint8
#define Version Bytes4
#define ExecutionAddress Bytes20
#define Root Bytes32
#define Hash32 Bytes32
#define BLSPubkey Bytes48
#define KZGCommitment Bytes48
#define BLSSignature Bytes96

/* ---- phase0 ----------------------------------------------------------------------------------------------------- */

CONTAINER(Fork,
    FIELD(previous_version, Version),
    FIELD(current_version, Version),
    FIELD(epoch, Epoch));

CONTAINER(Checkpoint,
    FIELD(epoch, Epoch),
    FIELD(root, Root));

CONTAINER(Validator,
    FIELD(pubkey, BLSPubkey),
    FIELD(withdrawal_credentials, Bytes32),
    FIELD(effective_balance, Gwei),
    FIELD(slashed, Boolean),
    FIELD(activation_eligibility_epoch, Epoch),
    FIELD(activation_epoch, Epoch),
    FIELD(exit_epoch, Epoch),
    FIELD(withdrawable_epoch, Epoch));

CONTAINER(AttestationData,
    FIELD(slot, Slot),
    FIELD(index, CommitteeIndex),
    FIELD(beacon_block_root, Root),
    FIELD(source, Checkpoint),
    FIELD(target, Checkpoint));

LIST(AttestingIndices, ValidatorIndex, MAX_VALIDATORS_PER_COMMITTEE);
CONTAINER(IndexedAttestation,
    FIELD(attesting_indices, AttestingIndices),
    FIELD(data, AttestationData),
    FIELD(signature, BLSSignature));

BITLIST(AggregationBits, MAX_VALIDATORS_PER_COMMITTEE);
CONTAINER(PendingAttestation,
    FIELD(aggregation_bits, AggregationBits),
    FIELD(data, AttestationData),
    FIELD(inclusion_delay, Slot),
    FIELD(proposer_index, ValidatorIndex));

CONTAINER(Eth1Data,
    FIELD(deposit_root, Root),
    FIELD(deposit_count, Uint64),
    FIELD(block_hash, Hash32));

CONTAINER(DepositData,
    FIELD(pubkey, BLSPubkey),
    FIELD(withdrawal_credentials, Bytes32),
    FIELD(amount, Gwei),
    FIELD(signature, BLSSignature));

CONTAINER(BeaconBlockHeader,
    FIELD(slot, Slot),
    FIELD(proposer_index, ValidatorIndex),
    FIELD(parent_root, Root),
    FIELD(state_root, Root),
    FIELD(body_root, Root));

CONTAINER(SignedBeaconBlockHeader,
    FIELD(message, BeaconBlockHeader),
    FIELD(signature, BLSSignature));

CONTAINER(ProposerSlashing,
    FIELD(signed_header_1, SignedBeaconBlockHeader),
    FIELD(signed_header_2, SignedBeaconBlockHeader));

CONTAINER(AttesterSlashing,
    FIELD(attestation_1, IndexedAttestation),
    FIELD(attestation_2, IndexedAttestation));

CONTAINER(Attestation,
    FIELD(aggregation_bits, AggregationBits),
    FIELD(data, AttestationData),
    FIELD(signature, BLSSignature));

VECTOR(DepositProof, Bytes32, DEPOSIT_CONTRACT_TREE_DEPTH + 1);
CONTAINER(Deposit,
    FIELD(proof, DepositProof),
    FIELD(data, DepositData));

CONTAINER(VoluntaryExit,
    FIELD(epoch, Epoch),
    FIELD(validator_index, ValidatorIndex));

CONTAINER(SignedVoluntaryExit,
    FIELD(message, VoluntaryExit),
    FIELD(signature, BLSSignature));

/* The body of a block, without the fields of later forks. */
#define BLOCK_BODY(AttesterSlashings_type, Attestations_type)                                                          \
    FIELD(randao_reveal, BLSSignature),                                                                                \
    FIELD(eth1_data, Eth1Data),                                                                                        \
    FIELD(graffiti, Bytes32),                                                                                          \
    FIELD(proposer_slashings, ProposerSlashings),                                                                      \
    FIELD(attester_slashings, AttesterSlashings_type),                                                                 \
    FIELD(attestations, Attestations_type),                                                                            \
    FIELD(deposits, Deposits),                                                                                         \
    FIELD(voluntary_exits, VoluntaryExits)

/* Blocks differ from fork to fork only in their body. */
#define BLOCK(fork)                                                                                                    \
    CONTAINER(BeaconBlock_##fork,                                                                                      \
        FIELD(slot, Slot),                                                                                             \
        FIELD(proposer_index, ValidatorIndex),                                                                         \
        FIELD(parent_root, Root),                                                                                      \
        FIELD(state_root, Root),                                                                                       \
        FIELD(body, BeaconBlockBody_##fork));                                                                          \
    CONTAINER(SignedBeaconBlock_##fork,                                                                                \
        FIELD(message, BeaconBlock_##fork),                                                                            \
        FIELD(signature, BLSSignature))

LIST(ProposerSlashings, ProposerSlashing, MAX_PROPOSER_SLASHINGS);
LIST(AttesterSlashings, AttesterSlashing, MAX_ATTESTER_SLASHINGS);
LIST(Attestations, Attestation, MAX_ATTESTATIONS);
LIST(Deposits, Deposit, MAX_DEPOSITS);
LIST(VoluntaryExits, SignedVoluntaryExit, MAX_VOLUNTARY_EXITS);
CONTAINER(BeaconBlockBody_phase0, BLOCK_BODY(AttesterSlashings, Attestations));
BLOCK(phase0);

/* The fields that the state of every fork begins with. */
#define STATE_HEAD(Validators_type, Balances_type)                                                                     \
    FIELD(genesis_time, Uint64),                                                                                       \
    FIELD(genesis_validators_root, Root),                                                                              \
    FIELD(slot, Slot),                                                                                                 \
    FIELD(fork, Fork),                                                                                                 \
    FIELD(latest_block_header, BeaconBlockHeader),                                                                     \
    FIELD(block_roots, BlockRoots),                                                                                    \
    FIELD(state_roots, StateRoots),                                                                                    \
    FIELD(historical_roots, HistoricalRoots),                                                                          \
    FIELD(eth1_data, Eth1Data),                                                                                        \
    FIELD(eth1_data_votes, Eth1DataVotes),                                                                             \
    FIELD(eth1_deposit_index, Uint64),                                                                                 \
    FIELD(validators, Validators_type),                                                                                \
    FIELD(balances, Balances_type),                                                                                    \
    FIELD(randao_mixes, RandaoMixes),                                                                                  \
    FIELD(slashings, Slashings)

#define STATE_FINALITY                                                                                                 \
    FIELD(justification_bits, JustificationBits),                                                                      \
    FIELD(previous_justified_checkpoint, Checkpoint),                                                                  \
    FIELD(current_justified_checkpoint, Checkpoint),                                                                   \
    FIELD(finalized_checkpoint, Checkpoint)

VECTOR(BlockRoots, Root, SLOTS_PER_HISTORICAL_ROOT);
VECTOR(StateRoots, Root, SLOTS_PER_HISTORICAL_ROOT);
LIST(HistoricalRoots, Root, HISTORICAL_ROOTS_LIMIT);
LIST(Eth1DataVotes, Eth1Data, EPOCHS_PER_ETH1_VOTING_PERIOD * SLOTS_PER_EPOCH);
LIST(Validators, Validator, VALIDATOR_REGISTRY_LIMIT);
LIST(Balances, Gwei, VALIDATOR_REGISTRY_LIMIT);
VECTOR(RandaoMixes, Bytes32, EPOCHS_PER_HISTORICAL_VECTOR);
VECTOR(Slashings, Gwei, EPOCHS_PER_SLASHINGS_VECTOR);
LIST(PendingAttestations, PendingAttestation, MAX_ATTESTATIONS * SLOTS_PER_EPOCH);
BITVECTOR(JustificationBits, JUSTIFICATION_BITS_LENGTH);
CONTAINER(BeaconState_phase0,
    STATE_HEAD(Validators, Balances),
    FIELD(previous_epoch_attestations, PendingAttestations),
    FIELD(current_epoch_attestations, PendingAttestations),
    STATE_FINALITY);

/* ---- altair ----------------------------------------------------------------------------------------------------- */

BITVECTOR(SyncCommitteeBits, SYNC_COMMITTEE_SIZE);
CONTAINER(SyncAggregate,
    FIELD(sync_committee_bits, SyncCommitteeBits),
    FIELD(sync_committee_signature, BLSSignature));

VECTOR(SyncCommitteePubkeys, BLSPubkey, SYNC_COMMITTEE_SIZE);
CONTAINER(SyncCommittee,
    FIELD(pubkeys, SyncCommitteePubkeys),
    FIELD(aggregate_pubkey, BLSPubkey));

CONTAINER(BeaconBlockBody_altair,
    BLOCK_BODY(AttesterSlashings, Attestations),
    FIELD(sync_aggregate, SyncAggregate));
BLOCK(altair);

#define STATE_ALTAIR(Validators_type, Balances_type, EpochParticipation_type, InactivityScores_type)                   \
    STATE_HEAD(Validators_type, Balances_type),                                                                        \
    FIELD(previous_epoch_participation, EpochParticipation_type),                                                      \
    FIELD(current_epoch_participation, EpochParticipation_type),                                                       \
    STATE_FINALITY,                                                                                                    \
    FIELD(inactivity_scores, InactivityScores_type),                                                                   \
    FIELD(current_sync_committee, SyncCommittee),                                                                      \
    FIELD(next_sync_committee, SyncCommittee)

LIST(EpochParticipation, ParticipationFlags, VALIDATOR_REGISTRY_LIMIT);
LIST(InactivityScores, Uint64, VALIDATOR_REGISTRY_LIMIT);
CONTAINER(BeaconState_altair,
    STATE_ALTAIR(Validators, Balances, EpochParticipation, InactivityScores));

/* ---- bellatrix -------------------------------------------------------------------------------------------------- */

VECTOR(LogsBloom, Byte, BYTES_PER_LOGS_BLOOM);
LIST(ExtraData, Byte, MAX_EXTRA_DATA_BYTES);
LIST(Transaction, Byte, MAX_BYTES_PER_TRANSACTION);
LIST(Transactions, Transaction, MAX_TRANSACTIONS_PER_PAYLOAD);

/* What a payload and its header share. */
#define PAYLOAD_HEAD                                                                                                   \
    FIELD(parent_hash, Hash32),                                                                                        \
    FIELD(fee_recipient, ExecutionAddress),                                                                            \
    FIELD(state_root, Bytes32),                                                                                        \
    FIELD(receipts_root, Bytes32),                                                                                     \
    FIELD(logs_bloom, LogsBloom),                                                                                      \
    FIELD(prev_randao, Bytes32),                                                                                       \
    FIELD(block_number, Uint64),                                                                                       \
    FIELD(gas_limit, Uint64),                                                                                          \
    FIELD(gas_used, Uint64),                                                                                           \
    FIELD(timestamp, Uint64),                                                                                          \
    FIELD(extra_data, ExtraData),                                                                                      \
    FIELD(base_fee_per_gas, Uint256),                                                                                  \
    FIELD(block_hash, Hash32)

CONTAINER(ExecutionPayload_bellatrix,
    PAYLOAD_HEAD,
    FIELD(transactions, Transactions));

CONTAINER(ExecutionPayloadHeader_bellatrix,
    PAYLOAD_HEAD,
    FIELD(transactions_root, Root));

CONTAINER(BeaconBlockBody_bellatrix,
    BLOCK_BODY(AttesterSlashings, Attestations),
    FIELD(sync_aggregate, SyncAggregate),
    FIELD(execution_payload, ExecutionPayload_bellatrix));
BLOCK(bellatrix);

CONTAINER(BeaconState_bellatrix,
    STATE_ALTAIR(Validators, Balances, EpochParticipation, InactivityScores),
    FIELD(latest_execution_payload_header, ExecutionPayloadHeader_bellatrix));

/* ---- capella ---------------------------------------------------------------------------------------------------- */

CONTAINER(Withdrawal,
    FIELD(index, WithdrawalIndex),
    FIELD(validator_index, ValidatorIndex),
    FIELD(address, ExecutionAddress),
    FIELD(amount, Gwei));

CONTAINER(BLSToExecutionChange,
    FIELD(validator_index, ValidatorIndex),
    FIELD(from_bls_pubkey, BLSPubkey),
    FIELD(to_execution_address, ExecutionAddress));

CONTAINER(SignedBLSToExecutionChange,
    FIELD(message, BLSToExecutionChange),
    FIELD(signature, BLSSignature));

CONTAINER(HistoricalSummary,
    FIELD(block_summary_root, Root),
    FIELD(state_summary_root, Root));

LIST(Withdrawals, Withdrawal, MAX_WITHDRAWALS_PER_PAYLOAD);
CONTAINER(ExecutionPayload_capella,
    PAYLOAD_HEAD,
    FIELD(transactions, Transactions),
    FIELD(withdrawals, Withdrawals));

CONTAINER(ExecutionPayloadHeader_capella,
    PAYLOAD_HEAD,
    FIELD(transactions_root, Root),
    FIELD(withdrawals_root, Root));

LIST(BLSToExecutionChanges, SignedBLSToExecutionChange, MAX_BLS_TO_EXECUTION_CHANGES);
CONTAINER(BeaconBlockBody_capella,
    BLOCK_BODY(AttesterSlashings, Attestations),
    FIELD(sync_aggregate, SyncAggregate),
    FIELD(execution_payload, ExecutionPayload_capella),
    FIELD(bls_to_execution_changes, BLSToExecutionChanges));
BLOCK(capella);

#define STATE_CAPELLA                                                                                                  \
    FIELD(next_withdrawal_index, WithdrawalIndex),                                                                     \
    FIELD(next_withdrawal_validator_index, ValidatorIndex),                                                            \
    FIELD(historical_summaries, HistoricalSummaries)

LIST(HistoricalSummaries, HistoricalSummary, HISTORICAL_ROOTS_LIMIT);
CONTAINER(BeaconState_capella,
    STATE_ALTAIR(Validators, Balances, EpochParticipation, InactivityScores),
    FIELD(latest_execution_payload_header, ExecutionPayloadHeader_capella),
    STATE_CAPELLA);

/* ---- deneb ------------------------------------------------------------------------------------------------------ */

CONTAINER(ExecutionPayload_deneb,
    PAYLOAD_HEAD,
    FIELD(transactions, Transactions),
    FIELD(withdrawals, Withdrawals),
    FIELD(blob_gas_used, Uint64),
    FIELD(excess_blob_gas, Uint64));

CONTAINER(ExecutionPayloadHeader_deneb,
    PAYLOAD_HEAD,
    FIELD(transactions_root, Root),
    FIELD(withdrawals_root, Root),
    FIELD(blob_gas_used, Uint64),
    FIELD(excess_blob_gas, Uint64));

LIST(BlobKZGCommitments, KZGCommitment, MAX_BLOB_COMMITMENTS_PER_BLOCK);
CONTAINER(BeaconBlockBody_deneb,
    BLOCK_BODY(AttesterSlashings, Attestations),
    FIELD(sync_aggregate, SyncAggregate),
    FIELD(execution_payload, ExecutionPayload_deneb),
    FIELD(bls_to_execution_changes, BLSToExecutionChanges),
    FIELD(blob_kzg_commitments, BlobKZGCommitments));
BLOCK(deneb);

CONTAINER(BeaconState_deneb,
    STATE_ALTAIR(Validators, Balances, EpochParticipation, InactivityScores),
    FIELD(latest_execution_payload_header, ExecutionPayloadHeader_deneb),
    STATE_CAPELLA);

/* ---- electra ---------------------------------------------------------------------------------------------------- */

CONTAINER(PendingDeposit,
    FIELD(pubkey, BLSPubkey),
    FIELD(withdrawal_credentials, Bytes32),
    FIELD(amount, Gwei),
    FIELD(signature, BLSSignature),
    FIELD(slot, Slot));

CONTAINER(PendingPartialWithdrawal,
    FIELD(validator_index, ValidatorIndex),
    FIELD(amount, Gwei),
    FIELD(withdrawable_epoch, Epoch));

CONTAINER(PendingConsolidation,
    FIELD(source_index, ValidatorIndex),
    FIELD(target_index, ValidatorIndex));

CONTAINER(DepositRequest,
    FIELD(pubkey, BLSPubkey),
    FIELD(withdrawal_credentials, Bytes32),
    FIELD(amount, Gwei),
    FIELD(signature, BLSSignature),
    FIELD(index, Uint64));

CONTAINER(WithdrawalRequest,
    FIELD(source_address, ExecutionAddress),
    FIELD(validator_pubkey, BLSPubkey),
    FIELD(amount, Gwei));

CONTAINER(ConsolidationRequest,
    FIELD(source_address, ExecutionAddress),
    FIELD(source_pubkey, BLSPubkey),
    FIELD(target_pubkey, BLSPubkey));

LIST(DepositRequests, DepositRequest, MAX_DEPOSIT_REQUESTS_PER_PAYLOAD);
LIST(WithdrawalRequests, WithdrawalRequest, MAX_WITHDRAWAL_REQUESTS_PER_PAYLOAD);
LIST(ConsolidationRequests, ConsolidationRequest, MAX_CONSOLIDATION_REQUESTS_PER_PAYLOAD);
CONTAINER(ExecutionRequests,
    FIELD(deposits, DepositRequests),
    FIELD(withdrawals, WithdrawalRequests),
    FIELD(consolidations, ConsolidationRequests));

LIST(AttestingIndices_electra, ValidatorIndex, MAX_VALIDATORS_PER_COMMITTEE * MAX_COMMITTEES_PER_SLOT);
CONTAINER(IndexedAttestation_electra,
    FIELD(attesting_indices, AttestingIndices_electra),
    FIELD(data, AttestationData),
    FIELD(signature, BLSSignature));

CONTAINER(AttesterSlashing_electra,
    FIELD(attestation_1, IndexedAttestation_electra),
    FIELD(attestation_2, IndexedAttestation_electra));

BITLIST(AggregationBits_electra, MAX_VALIDATORS_PER_COMMITTEE * MAX_COMMITTEES_PER_SLOT);
BITVECTOR(CommitteeBits, MAX_COMMITTEES_PER_SLOT);
CONTAINER(Attestation_electra,
    FIELD(aggregation_bits, AggregationBits_electra),
    FIELD(data, AttestationData),
    FIELD(signature, BLSSignature),
    FIELD(committee_bits, CommitteeBits));

LIST(AttesterSlashings_electra, AttesterSlashing_electra, MAX_ATTESTER_SLASHINGS_ELECTRA);
LIST(Attestations_electra, Attestation_electra, MAX_ATTESTATIONS_ELECTRA);
CONTAINER(BeaconBlockBody_electra,
    BLOCK_BODY(AttesterSlashings_electra, Attestations_electra),
    FIELD(sync_aggregate, SyncAggregate),
    FIELD(execution_payload, ExecutionPayload_deneb),
    FIELD(bls_to_execution_changes, BLSToExecutionChanges),
    FIELD(blob_kzg_commitments, BlobKZGCommitments),
    FIELD(execution_requests, ExecutionRequests));
BLOCK(electra);

#define STATE_ELECTRA(PendingDeposits_type, PendingPartialWithdrawals_type, PendingConsolidations_type)                \
    STATE_CAPELLA,                                                                                                     \
    FIELD(deposit_requests_start_index, Uint64),                                                                       \
    FIELD(deposit_balance_to_consume, Gwei),                                                                           \
    FIELD(exit_balance_to_consume, Gwei),                                                                              \
    FIELD(earliest_exit_epoch, Epoch),                                                                                 \
    FIELD(consolidation_balance_to_consume, Gwei),                                                                     \
    FIELD(earliest_consolidation_epoch, Epoch),                                                                        \
    FIELD(pending_deposits, PendingDeposits_type),                                                                     \
    FIELD(pending_partial_withdrawals, PendingPartialWithdrawals_type),                                                \
    FIELD(pending_consolidations, PendingConsolidations_type)

LIST(PendingDeposits, PendingDeposit, PENDING_DEPOSITS_LIMIT);
LIST(PendingPartialWithdrawals, PendingPartialWithdrawal, PENDING_PARTIAL_WITHDRAWALS_LIMIT);
LIST(PendingConsolidations, PendingConsolidation, PENDING_CONSOLIDATIONS_LIMIT);
CONTAINER(BeaconState_electra,
    STATE_ALTAIR(Validators, Balances, EpochParticipation, InactivityScores),
    FIELD(latest_execution_payload_header, ExecutionPayloadHeader_deneb),
    STATE_ELECTRA(PendingDeposits, PendingPartialWithdrawals, PendingConsolidations));

/* ---- fulu: its blocks are those of electra ---------------------------------------------------------------------- */

VECTOR(ProposerLookahead, ValidatorIndex, (MIN_SEED_LOOKAHEAD + 1) * SLOTS_PER_EPOCH);
CONTAINER(BeaconState_fulu,
    STATE_ALTAIR(Validators, Balances, EpochParticipation, InactivityScores),
    FIELD(latest_execution_payload_header, ExecutionPayloadHeader_deneb),
    STATE_ELECTRA(PendingDeposits, PendingPartialWithdrawals, PendingConsolidations),
    FIELD(proposer_lookahead, ProposerLookahead));

/* ---- gloas: a draft; as in consensus-specs of August 2026 (a08d8a6e), and it may still change ------------------- */

PROGRESSIVE_BITLIST(AggregationBits_gloas);
PROGRESSIVE_CONTAINER(Attestation_gloas,
    FIELD(aggregation_bits, AggregationBits_gloas),
    FIELD(data, AttestationData),
    FIELD(signature, BLSSignature),
    FIELD(committee_bits, CommitteeBits));

PROGRESSIVE_LIST(AttestingIndices_gloas, ValidatorIndex);
PROGRESSIVE_CONTAINER(IndexedAttestation_gloas,
    FIELD(attesting_indices, AttestingIndices_gloas),
    FIELD(data, AttestationData),
    FIELD(signature, BLSSignature));

CONTAINER(AttesterSlashing_gloas,
    FIELD(attestation_1, IndexedAttestation_gloas),
    FIELD(attestation_2, IndexedAttestation_gloas));

CONTAINER(Builder,
    FIELD(pubkey, BLSPubkey),
    FIELD(version, Uint8),
    FIELD(execution_address, ExecutionAddress),
    FIELD(balance, Gwei),
    FIELD(deposit_epoch, Epoch),
    FIELD(withdrawable_epoch, Epoch));

CONTAINER(BuilderPendingWithdrawal,
    FIELD(fee_recipient, ExecutionAddress),
    FIELD(amount, Gwei),
    FIELD(builder_index, BuilderIndex));

CONTAINER(BuilderPendingPayment,
    FIELD(weight, Gwei),
    FIELD(withdrawal, BuilderPendingWithdrawal),
    FIELD(proposer_index, ValidatorIndex));

CONTAINER(BuilderDepositRequest,
    FIELD(pubkey, BLSPubkey),
    FIELD(withdrawal_credentials, Bytes32),
    FIELD(amount, Gwei),
    FIELD(signature, BLSSignature));

CONTAINER(BuilderExitRequest,
    FIELD(source_address, ExecutionAddress),
    FIELD(pubkey, BLSPubkey));

CONTAINER(PayloadAttestationData,
    FIELD(beacon_block_root, Root),
    FIELD(slot, Slot),
    FIELD(payload_present, Boolean),
    FIELD(blob_data_available, Boolean));

BITVECTOR(PTCBits, PTC_SIZE);
PROGRESSIVE_CONTAINER(PayloadAttestation,
    FIELD(aggregation_bits, PTCBits),
    FIELD(data, PayloadAttestationData),
    FIELD(signature, BLSSignature));

PROGRESSIVE_LIST(BlobKZGCommitments_gloas, KZGCommitment);
PROGRESSIVE_CONTAINER(ExecutionPayloadBid,
    FIELD(parent_block_hash, Hash32),
    FIELD(parent_block_root, Root),
    FIELD(block_hash, Hash32),
    FIELD(prev_randao, Bytes32),
    FIELD(fee_recipient, ExecutionAddress),
    FIELD(gas_limit, Uint64),
    FIELD(builder_index, BuilderIndex),
    FIELD(slot, Slot),
    FIELD(value, Gwei),
    FIELD(execution_payment, Gwei),
    FIELD(blob_kzg_commitments, BlobKZGCommitments_gloas),
    FIELD(execution_requests_root, Root));

CONTAINER(SignedExecutionPayloadBid,
    FIELD(message, ExecutionPayloadBid),
    FIELD(signature, BLSSignature));

PROGRESSIVE_LIST(DepositRequests_gloas, DepositRequest);
PROGRESSIVE_LIST(WithdrawalRequests_gloas, WithdrawalRequest);
PROGRESSIVE_LIST(ConsolidationRequests_gloas, ConsolidationRequest);
PROGRESSIVE_LIST(BuilderDepositRequests, BuilderDepositRequest);
PROGRESSIVE_LIST(BuilderExitRequests, BuilderExitRequest);
PROGRESSIVE_CONTAINER(ExecutionRequests_gloas,
    FIELD(deposits, DepositRequests_gloas),
    FIELD(withdrawals, WithdrawalRequests_gloas),
    FIELD(consolidations, ConsolidationRequests_gloas),
    FIELD(builder_deposits, BuilderDepositRequests),
    FIELD(builder_exits, BuilderExitRequests));

PROGRESSIVE_LIST(ProposerSlashings_gloas, ProposerSlashing);
PROGRESSIVE_LIST(AttesterSlashings_gloas, AttesterSlashing_gloas);
PROGRESSIVE_LIST(Attestations_gloas, Attestation_gloas);
PROGRESSIVE_LIST(Deposits_gloas, Deposit);
PROGRESSIVE_LIST(VoluntaryExits_gloas, SignedVoluntaryExit);
PROGRESSIVE_LIST(BLSToExecutionChanges_gloas, SignedBLSToExecutionChange);
PROGRESSIVE_LIST(PayloadAttestations, PayloadAttestation);
PROGRESSIVE_CONTAINER(BeaconBlockBody_gloas,
    FIELD(randao_reveal, BLSSignature),
    FIELD(eth1_data, Eth1Data),
    FIELD(graffiti, Bytes32),
    FIELD(proposer_slashings, ProposerSlashings_gloas),
    FIELD(attester_slashings, AttesterSlashings_gloas),
    FIELD(attestations, Attestations_gloas),
    FIELD(deposits, Deposits_gloas),
    FIELD(voluntary_exits, VoluntaryExits_gloas),
    FIELD(sync_aggregate, SyncAggregate),
    FIELD(bls_to_execution_changes, BLSToExecutionChanges_gloas),
    FIELD(signed_execution_payload_bid, SignedExecutionPayloadBid),
    FIELD(payload_attestations, PayloadAttestations),
    FIELD(parent_execution_requests, ExecutionRequests_gloas));
BLOCK(gloas);

PROGRESSIVE_LIST(Validators_gloas, Validator);
PROGRESSIVE_LIST(Balances_gloas, Gwei);
PROGRESSIVE_LIST(EpochParticipation_gloas, ParticipationFlags);
PROGRESSIVE_LIST(InactivityScores_gloas, Uint64);
PROGRESSIVE_LIST(PendingDeposits_gloas, PendingDeposit);
PROGRESSIVE_LIST(PendingPartialWithdrawals_gloas, PendingPartialWithdrawal);
PROGRESSIVE_LIST(PendingConsolidations_gloas, PendingConsolidation);
PROGRESSIVE_LIST(Builders, Builder);
BITVECTOR(ExecutionPayloadAvailability, SLOTS_PER_HISTORICAL_ROOT);
VECTOR(BuilderPendingPayments, BuilderPendingPayment, 2 * SLOTS_PER_EPOCH);
PROGRESSIVE_LIST(BuilderPendingWithdrawals, BuilderPendingWithdrawal);
PROGRESSIVE_LIST(Withdrawals_gloas, Withdrawal);
VECTOR(PTC, ValidatorIndex, PTC_SIZE);
VECTOR(PTCWindow, PTC, (2 + MIN_SEED_LOOKAHEAD) * SLOTS_PER_EPOCH);
PROGRESSIVE_CONTAINER(BeaconState_gloas,
    STATE_ALTAIR(Validators_gloas, Balances_gloas, EpochParticipation_gloas, InactivityScores_gloas),
    FIELD(latest_block_hash, Hash32),
    STATE_ELECTRA(PendingDeposits_gloas, PendingPartialWithdrawals_gloas, PendingConsolidations_gloas),
    FIELD(proposer_lookahead, ProposerLookahead),
    FIELD(builders, Builders),
    FIELD(next_withdrawal_builder_index, BuilderIndex),
    FIELD(execution_payload_availability, ExecutionPayloadAvailability),
    FIELD(builder_pending_payments, BuilderPendingPayments),
    FIELD(builder_pending_withdrawals, BuilderPendingWithdrawals),
    FIELD(latest_execution_payload_bid, ExecutionPayloadBid),
    FIELD(payload_expected_withdrawals, Withdrawals_gloas),
    FIELD(ptc_window, PTCWindow));

/* ---- The forks -------------------------------------------------------------------------------------------------- */

const ssz_fork FORKS[] = {
    { "phase0", &SignedBeaconBlock_phase0, &BeaconState_phase0 },
    { "altair", &SignedBeaconBlock_altair, &BeaconState_altair },
    { "bellatrix", &SignedBeaconBlock_bellatrix, &BeaconState_bellatrix },
    { "capella", &SignedBeaconBlock_capella, &BeaconState_capella },
    { "deneb", &SignedBeaconBlock_deneb, &BeaconState_deneb },
    { "electra", &SignedBeaconBlock_electra, &BeaconState_electra },
    { "fulu", &SignedBeaconBlock_electra, &BeaconState_fulu },
    { "gloas", &SignedBeaconBlock_gloas, &BeaconState_gloas },
    { NULL, NULL, NULL },
};
