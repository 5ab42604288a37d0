/*
 * SHA-256 for Merkle trees: many 64-byte nodes at a time, through the fastest kernel of the processor.
 *
 * The kernel is chosen at the first call, once. The environment variable SLOTCASK_SHA256 (portable, sha-ni, avx512,
 * armv8) forces one, for the tests; a name that this processor cannot run is ignored.
 */
#ifndef CASK_SHA256_H
#define CASK_SHA256_H

#include <stddef.h>
#include <stdint.h>

/* Hash each of `count` nodes of 64 bytes in `in` to 32 bytes in `out`. `out` may be `in`; else they do not overlap. */
void cask_sha256_hash_nodes(uint8_t *out, const uint8_t *in, size_t count);

/*
 * Hash each of `count` digests with the 32 bytes at `right`, the result with the next 32 bytes, and so on for `levels`
 * levels, in place: what stands alone in its tree up to where that is joined with another.
 */
void cask_sha256_hash_up(uint8_t *digests, size_t count, const uint8_t *right, size_t levels);

/* The digest of any bytes; one stream, portable code. */
void cask_sha256(uint8_t out[32], const void *data, size_t size);

/* The same for bytes that come piece by piece. */
typedef struct cask_sha256_stream {
    uint32_t state[8];
    uint64_t size;
    uint8_t block[64]; /* the last size % 64 bytes */
} cask_sha256_stream;

void cask_sha256_begin(cask_sha256_stream *stream);
void cask_sha256_add(cask_sha256_stream *stream, const void *data, size_t size);
void cask_sha256_end(uint8_t out[32], const cask_sha256_stream *stream);

/* The name of the kernel in use. */
const char *cask_sha256_kernel_name(void);

#endif
