/* The kernels behind era/sha256.h, for its choice and for its tests. */
#ifndef CASK_SHA256_KERNELS_H
#define CASK_SHA256_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void (*cask_sha256_nodes_fn)(uint8_t *out, const uint8_t *in, size_t count);
typedef void (*cask_sha256_up_fn)(uint8_t *digests, size_t count, const uint8_t *right, size_t levels);

typedef struct cask_sha256_kernel {
    const char *name;
    bool (*runs_here)(void);
    cask_sha256_nodes_fn hash_nodes;
    cask_sha256_up_fn hash_up; /* NULL: it has nothing better than hash_nodes, level by level */
} cask_sha256_kernel;

/* Fastest first, the portable one last. */
extern const cask_sha256_kernel cask_sha256_kernels[];
extern const size_t cask_sha256_kernel_count;

/* The state before the first block, the round constants, and those constants already added to the message schedule
 * of the block that pads a 64-byte message: it is the same for every node. FIPS 180-4, 4.2.2, 5.1.1 and 5.3.3. */
extern const uint32_t cask_sha256_initial[8];
extern const uint32_t cask_sha256_k[64];
extern const uint32_t cask_sha256_padding[64];

void cask_sha256_nodes_portable(uint8_t *out, const uint8_t *in, size_t count);
#if defined(__x86_64__)
bool cask_sha256_has_shani(void);
void cask_sha256_nodes_shani(uint8_t *out, const uint8_t *in, size_t count);
bool cask_sha256_has_avx512(void);
void cask_sha256_nodes_avx512(uint8_t *out, const uint8_t *in, size_t count);
void cask_sha256_up_avx512(uint8_t *digests, size_t count, const uint8_t *right, size_t levels);
#elif defined(__aarch64__)
bool cask_sha256_has_armv8(void);
void cask_sha256_nodes_armv8(uint8_t *out, const uint8_t *in, size_t count);
#endif

#endif
