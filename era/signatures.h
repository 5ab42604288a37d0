/*
 * BLS signatures of block proposers: public keys in G1, signatures in G2 (min-pk), the ciphersuite of
 * ethereum/consensus-specs (phase0/beacon-chain.md, "BLS signatures"). Built with blst, or not at all.
 */
#ifndef CASK_SIGNATURES_H
#define CASK_SIGNATURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ERA_PUBLIC_KEY_SIZE 48u
#define ERA_SIGNATURE_SIZE 96u

/* Whether signatures can be verified by this build. */
bool era_signatures_available(void);

/* Public keys that were decompressed, over eras and threads: decompressing one costs a fifth of a verification. */
typedef struct era_keys era_keys;

int era_keys_new(era_keys **keys_out);
void era_keys_free(era_keys *keys);

typedef struct era_signature {
    const uint8_t *signature;  /* compressed */
    const uint8_t *public_key; /* likewise; NULL: there is none, so the signature is wrong */
    uint64_t index;            /* of the validator */
    uint8_t signing_root[32];
    bool good;                 /* what comes out */
} era_signature;

/* compute_domain() and compute_signing_root() for DOMAIN_BEACON_PROPOSER: of a block of that root. */
void era_signing_root(uint8_t out[32], const uint8_t block_root[32], const uint8_t fork_version[4],
                      const uint8_t genesis_validators_root[32]);

/* Verify them, in batches with random coefficients, on up to `jobs` threads. Errors: UNSUPPORTED, IO, NOMEM. */
int era_signatures_verify(era_signature *signatures, size_t count, unsigned jobs, era_keys *keys);

#endif
