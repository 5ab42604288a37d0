#include "mainnet.h"

#include "../archive/bytes.h"

#include <stdlib.h>
#include <string.h>

/* Bytes by chance, cheaply. */
static void fill(uint8_t *bytes, size_t size)
{
    static uint64_t x = 88172645463325252u;

    for (size_t i = 0; i < size; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        bytes[i] = (uint8_t)(x >> 32);
    }
}

enum { VALIDATOR = 121, FIXED_PART = 2736653, SYNC_COMMITTEE = 513 * 48, SUMMARY = 64 };

/* The fixed part, with the offsets of its lists; positions as in specs/deneb/beacon-chain.md. */
size_t bench_make_state(uint8_t **state_out, size_t validators)
{
    static const struct {
        size_t position; /* of the offset */
        size_t each;     /* bytes for each validator, 0: the list is empty */
    } lists[] = {
        { 524464, 0 },         /* historical_roots */
        { 524540, 0 },         /* eth1_data_votes */
        { 524552, VALIDATOR }, /* validators */
        { 524556, 8 },         /* balances */
        { 2687248, 1 },
        { 2687252, 1 },                                  /* participation */
        { 2687377, 8 },                                  /* inactivity_scores */
        { 2687381 + 2 * SYNC_COMMITTEE, 0 },             /* latest_execution_payload_header */
        { 2687381 + 2 * SYNC_COMMITTEE + 4 + 8 + 8, 0 }, /* historical_summaries, one */
    };
    enum { PAYLOAD_HEADER = 584, PAYLOAD_LIST = 7 };
    size_t size = FIXED_PART + PAYLOAD_HEADER + validators * (VALIDATOR + 8 + 1 + 1 + 8) + SUMMARY, end = FIXED_PART;
    uint8_t *state = malloc(size);

    if (state == NULL)
        abort();
    fill(state, size);
    state[2687256] = 0; /* justification_bits */
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        cask_store32(state + lists[i].position, (uint32_t)end);
        if (lists[i].each == VALIDATOR) {
            for (size_t v = 0; v < validators; v++)
                state[end + VALIDATOR * v + 88] &= 1; /* slashed */
        }
        if (i == PAYLOAD_LIST) {
            cask_store32(state + end + 436, PAYLOAD_HEADER); /* extra_data, empty */
            end += PAYLOAD_HEADER;
        }
        end += lists[i].each * validators;
    }
    *state_out = state;
    return size;
}

/* Transfers, tokens, swaps, the rest. */
size_t bench_transaction_size(size_t index)
{
    static const size_t sizes[] = { 110, 180, 420, 1800 };

    return sizes[index % 4];
}

enum { ATTESTATION = 228 + 65, BODY_FIXED = 392, PAYLOAD_FIXED = 528 };

static uint8_t *put_transactions(uint8_t *at, size_t count)
{
    uint8_t *end = at + 4 * count;

    for (size_t i = 0; i < count; i++) {
        size_t size = bench_transaction_size(i);

        cask_store32(at + 4 * i, (uint32_t)(end - at));
        fill(end, size);
        for (size_t at_word = 64; at_word + 32 <= size; at_word += 64)
            memset(end + at_word, 0, 20); /* as in the calldata of most, so that it can be compressed */
        end += size;
    }
    return end;
}

static uint8_t *put_attestations(uint8_t *at)
{
    uint8_t *end = at + 4 * BENCH_ATTESTATIONS;

    for (size_t i = 0; i < BENCH_ATTESTATIONS; i++, end += ATTESTATION) {
        cask_store32(at + 4 * i, (uint32_t)(end - at));
        fill(end, ATTESTATION);
        cask_store32(end, 228);
        end[ATTESTATION - 1] = 1;
    }
    return end;
}

/* Positions as in specs/deneb/beacon-chain.md. */
size_t bench_make_block(uint8_t *block, size_t transactions)
{
    uint8_t *message = block + 100, *body = message + 84, *payload, *end = body + BODY_FIXED;

    fill(block, 100 + 84 + BODY_FIXED);
    cask_store32(block, 100);
    cask_store32(message + 80, 84);
    cask_store32(body + 200, BODY_FIXED); /* proposer_slashings */
    cask_store32(body + 204, BODY_FIXED); /* attester_slashings */
    cask_store32(body + 208, BODY_FIXED); /* attestations */
    end = put_attestations(end);
    cask_store32(body + 212, (uint32_t)(end - body)); /* deposits */
    cask_store32(body + 216, (uint32_t)(end - body)); /* voluntary_exits */
    cask_store32(body + 380, (uint32_t)(end - body)); /* execution_payload */
    payload = end;
    fill(payload, PAYLOAD_FIXED);
    cask_store32(payload + 436, PAYLOAD_FIXED); /* extra_data */
    cask_store32(payload + 504, PAYLOAD_FIXED); /* transactions */
    end = put_transactions(payload + PAYLOAD_FIXED, transactions);
    cask_store32(payload + 508, (uint32_t)(end - payload)); /* withdrawals */
    fill(end, 16 * 44);
    end += 16 * 44;
    cask_store32(body + 384, (uint32_t)(end - body)); /* bls_to_execution_changes */
    cask_store32(body + 388, (uint32_t)(end - body)); /* blob_kzg_commitments */
    fill(end, 6 * 48);
    return (size_t)(end + 6 * 48 - block);
}
