#include "sha256.h"

#include "sha256_kernels.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static bool runs_everywhere(void)
{
    return true;
}

const cask_sha256_kernel cask_sha256_kernels[] = {
#if defined(__x86_64__)
    { "avx512", cask_sha256_has_avx512, cask_sha256_nodes_avx512, cask_sha256_up_avx512 },
    { "sha-ni", cask_sha256_has_shani, cask_sha256_nodes_shani, NULL },
#elif defined(__aarch64__)
    { "armv8", cask_sha256_has_armv8, cask_sha256_nodes_armv8, NULL },
#endif
    { "portable", runs_everywhere, cask_sha256_nodes_portable, NULL },
};
const size_t cask_sha256_kernel_count = sizeof cask_sha256_kernels / sizeof cask_sha256_kernels[0];

static pthread_once_t chosen_once = PTHREAD_ONCE_INIT;
static const cask_sha256_kernel *chosen;

static void choose(void)
{
    const char *forced = getenv("SLOTCASK_SHA256");
    size_t i;

    for (i = cask_sha256_kernel_count; i-- > 0;) {
        const cask_sha256_kernel *kernel = &cask_sha256_kernels[i];

        if (!kernel->runs_here())
            continue;
        chosen = kernel;
        if (forced && strcmp(forced, kernel->name) == 0)
            return;
    }
}

static const cask_sha256_kernel *kernel_in_use(void)
{
    pthread_once(&chosen_once, choose);
    return chosen;
}

void cask_sha256_hash_nodes(uint8_t *out, const uint8_t *in, size_t count)
{
    kernel_in_use()->hash_nodes(out, in, count);
}

enum { DIGEST_SIZE = 32, NODE_SIZE = 64, GROUP = 16 };

/* A group of digests at a time, so that it stays in the first cache. */
static void hash_up_by_nodes(uint8_t *digests, size_t count, const uint8_t *right, size_t levels)
{
    uint8_t nodes[GROUP * NODE_SIZE];

    for (size_t level = 0; level < levels; level++) {
        for (size_t i = 0; i < count; i++) {
            memcpy(nodes + i * NODE_SIZE, digests + i * DIGEST_SIZE, DIGEST_SIZE);
            memcpy(nodes + i * NODE_SIZE + DIGEST_SIZE, right + level * DIGEST_SIZE, DIGEST_SIZE);
        }
        cask_sha256_hash_nodes(digests, nodes, count);
    }
}

void cask_sha256_hash_up(uint8_t *digests, size_t count, const uint8_t *right, size_t levels)
{
    if (levels == 0)
        return;
    if (kernel_in_use()->hash_up && count > 1) {
        kernel_in_use()->hash_up(digests, count, right, levels);
        return;
    }
    for (; count > GROUP; count -= GROUP, digests += GROUP * DIGEST_SIZE)
        hash_up_by_nodes(digests, GROUP, right, levels);
    hash_up_by_nodes(digests, count, right, levels);
}

const char *cask_sha256_kernel_name(void)
{
    return kernel_in_use()->name;
}
