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
    { "avx512", cask_sha256_has_avx512, cask_sha256_nodes_avx512 },
    { "sha-ni", cask_sha256_has_shani, cask_sha256_nodes_shani },
#elif defined(__aarch64__)
    { "armv8", cask_sha256_has_armv8, cask_sha256_nodes_armv8 },
#endif
    { "portable", runs_everywhere, cask_sha256_nodes_portable },
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

const char *cask_sha256_kernel_name(void)
{
    return kernel_in_use()->name;
}
