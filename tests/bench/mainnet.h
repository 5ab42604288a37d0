/* A state and blocks of the deneb fork, as large as those of mainnet and valid as SSZ, filled by chance. */
#ifndef BENCH_MAINNET_H
#define BENCH_MAINNET_H

#include <stddef.h>
#include <stdint.h>

#define BENCH_ATTESTATIONS 64

/* SignedBeaconBlock, at most 1 MiB. Returns its size. */
size_t bench_make_block(uint8_t *block, size_t transactions);
size_t bench_transaction_size(size_t index);

/* BeaconState, to be freed; what grows with the validators and the long vectors are full. It has one historical
 * summary, as its last 64 bytes. */
size_t bench_make_state(uint8_t **state_out, size_t validators);

#endif
