/*
 * How fast trees are hashed: the kernels alone, a large state, blocks. Prints medians of several runs and the ratios
 * that count; what is compared is measured in turns, because the speed of a shared machine changes from second to
 * second. OpenSSL is compared with where its library is found.
 *
 *     bench-hash [VALIDATORS]
 */
#include "bench.h"
#include "mainnet.h"

#include "sha256.h"
#include "sha256_kernels.h"
#include "ssz.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define RUNS 9
#define NODES ((size_t)1 << 18)

static void *get(size_t size)
{
    void *memory = calloc(1, size);

    if (!memory)
        abort();
    return memory;
}

/* ---- Kernels ------------------------------------------------------------------------------------------------------ */

static double node_ns(cask_sha256_nodes_fn hash_nodes, uint8_t *out, const uint8_t *in, size_t count)
{
    double start = bench_now_ns();

    hash_nodes(out, in, count);
    return (bench_now_ns() - start) / (double)count;
}

static void bench_kernels(uint8_t *out, const uint8_t *in)
{
    for (size_t k = 0; k < cask_sha256_kernel_count; k++) {
        const cask_sha256_kernel *kernel = &cask_sha256_kernels[k];
        double times[RUNS], middle;

        if (!kernel->runs_here()) {
            printf("kernel %-9s not on this processor\n", kernel->name);
            continue;
        }
        for (int run = 0; run < RUNS; run++)
            times[run] = node_ns(kernel->hash_nodes, out, in, NODES);
        middle = bench_median(times, RUNS);
        printf("kernel %-9s %6.1f ns a node (best run %.1f)\n", kernel->name, middle, times[0]);
    }
}

/* OpenSSL's low-level calls, by name: they need no header and no linking. */
static int (*openssl_init)(void *context);
static int (*openssl_update)(void *context, const void *data, size_t size);
static int (*openssl_final)(unsigned char *digest, void *context);

static bool find_openssl(void)
{
    void *library = dlopen("libcrypto.so.3", RTLD_NOW);

    if (!library)
        return false;
    *(void **)&openssl_init = dlsym(library, "SHA256_Init");
    *(void **)&openssl_update = dlsym(library, "SHA256_Update");
    *(void **)&openssl_final = dlsym(library, "SHA256_Final");
    return openssl_init && openssl_update && openssl_final;
}

static void openssl_nodes(uint8_t *out, const uint8_t *in, size_t count)
{
    uint64_t context[32]; /* SHA256_CTX has 112 bytes */

    for (size_t i = 0; i < count; i++) {
        openssl_init(context);
        openssl_update(context, in + 64 * i, 64);
        openssl_final(out + 32 * i, context);
    }
}

/* ---- A state ----------------------------------------------------------------------------------------------------- */

/* Nodes of a tree of `depth` levels over `chunks` chunks: those that are not of zeros alone. */
static double tree_nodes(size_t chunks, unsigned depth)
{
    double nodes = 0;

    while (depth-- > 0) {
        chunks = (chunks + 1) / 2;
        nodes += (double)chunks;
    }
    return nodes;
}

static double state_nodes(size_t validators)
{
    double nodes = 8.0 * (double)validators + tree_nodes(validators, 40);

    nodes += 2 * tree_nodes((validators + 3) / 4, 38);   /* balances, inactivity_scores */
    nodes += 2 * tree_nodes((validators + 31) / 32, 35); /* participation */
    nodes += 2 * tree_nodes(8192, 13) + tree_nodes(65536, 16) + tree_nodes(2048, 11);
    return nodes + 2 * (512 + tree_nodes(512, 9));
}

static long peak_kib(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static double root_ns(const ssz_type *type, const uint8_t *data, size_t size, unsigned jobs)
{
    uint8_t root[32];
    double start = bench_now_ns();

    bench_must(ssz_root(root, type, data, size, jobs));
    return bench_now_ns() - start;
}

static void bench_state(size_t validators, uint8_t *out, const uint8_t *in)
{
    const ssz_type *type = ssz_state_type("mainnet", "deneb");
    double nodes = state_nodes(validators);
    double alone[RUNS], overhead[RUNS], openssl[RUNS], two[RUNS];
    uint8_t *state;
    size_t size = bench_make_state(&state, validators);
    bool with_openssl = find_openssl();
    long before = peak_kib(), after;

    for (int run = 0; run < RUNS; run++) {
        double kernel = node_ns(cask_sha256_hash_nodes, out, in, NODES);

        alone[run] = root_ns(type, state, size, 1);
        kernel = (kernel + node_ns(cask_sha256_hash_nodes, out, in, NODES)) / 2;
        overhead[run] = alone[run] / (nodes * kernel);
        two[run] = alone[run] / root_ns(type, state, size, 2);
        if (with_openssl)
            openssl[run] = node_ns(openssl_nodes, out, in, NODES) * nodes / alone[run];
    }
    after = peak_kib();
    printf("state of %zu validators: %.1f MB, %.2f M nodes\n", validators, (double)size / 1e6, nodes / 1e6);
    printf("  root               %6.1f ms, %.0f MB/s\n", bench_median(alone, RUNS) / 1e6,
           (double)size * 1e3 / bench_median(alone, RUNS));
    printf("  to nodes x kernel  %6.2f (at most 1.15)\n", bench_median(overhead, RUNS));
    if (with_openssl)
        printf("  OpenSSL's hashing  %6.2f times as long (at least 2.8)\n", bench_median(openssl, RUNS));
    else
        printf("  OpenSSL is not installed: not compared\n");
    printf("  two jobs           %6.2f times as fast\n", bench_median(two, RUNS));
    printf("  memory             %6.2f %% of the state (below 10)\n", (double)(after - before) * 102400 / (double)size);
    free(state);
}

/* ---- Blocks of 200 transactions ---------------------------------------------------------------------------------- */

enum { TRANSACTIONS = 200, ATTESTATIONS = BENCH_ATTESTATIONS, BATCH = 8 };

/* Of transactions and attestations; the rest are less than a twentieth. */
static double block_nodes(void)
{
    double nodes = tree_nodes(TRANSACTIONS, 20) + tree_nodes(ATTESTATIONS, 7) + 18.0 * ATTESTATIONS;

    for (size_t i = 0; i < TRANSACTIONS; i++)
        nodes += tree_nodes((bench_transaction_size(i) + 31) / 32, 25) + 1;
    return nodes;
}

static void bench_blocks(uint8_t *out, const uint8_t *in)
{
    const ssz_type *type = ssz_block_type("mainnet", "deneb");
    uint8_t *block = get(1 << 20);
    size_t size = bench_make_block(block, TRANSACTIONS);
    ssz_bytes values[BATCH];
    uint8_t roots[BATCH * 32];
    double one[RUNS], many[RUNS], check[RUNS], overhead[RUNS];

    for (size_t i = 0; i < BATCH; i++)
        values[i] = (ssz_bytes){ block, size };
    for (int run = 0; run < RUNS; run++) {
        double start = bench_now_ns();

        for (size_t i = 0; i < BATCH; i++)
            bench_must(ssz_root(roots, type, block, size, 1));
        one[run] = bench_now_ns() - start;
        start = bench_now_ns();
        bench_must(ssz_roots(roots, type, values, BATCH, 1));
        many[run] = bench_now_ns() - start;
        overhead[run] = many[run] / (BATCH * block_nodes() * node_ns(cask_sha256_hash_nodes, out, in, NODES / 16));
        start = bench_now_ns();
        for (size_t i = 0; i < BATCH; i++)
            bench_must(ssz_check(type, block, size));
        check[run] = bench_now_ns() - start;
    }
    printf("blocks of %d transactions: %.1f KB, %.0f nodes\n", TRANSACTIONS, (double)size / 1e3, block_nodes());
    printf("  roots one by one   %6.0f MB/s (at least 400)\n", (double)size * BATCH * 1e3 / bench_median(one, RUNS));
    printf("  roots %d at a time  %6.0f MB/s\n", BATCH, (double)size * BATCH * 1e3 / bench_median(many, RUNS));
    printf("  to nodes x kernel  %6.2f\n", bench_median(overhead, RUNS));
    printf("  checks alone       %6.0f MB/s\n", (double)size * BATCH * 1e3 / bench_median(check, RUNS));
    free(block);
}

int main(int argc, char **argv)
{
    size_t validators = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 1000000;
    uint8_t *in = bench_bytes(NODES * 64), *out = get(NODES * 32);

    printf("kernel in use: %s\n", cask_sha256_kernel_name());
    bench_kernels(out, in);
    bench_state(validators, out, in);
    bench_blocks(out, in);
    free(in);
    free(out);
    return 0;
}
