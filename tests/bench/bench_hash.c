/*
 * How fast trees are hashed: the kernels alone, a large state, blocks. Prints medians of several runs and the ratios
 * that count; what is compared is measured in turns, because the speed of a shared machine changes from second to
 * second. OpenSSL is compared with where its library is found.
 *
 *     bench-hash [VALIDATORS]
 */
#include "../archive/bytes.h"
#include "../archive/error.h"
#include "sha256.h"
#include "sha256_kernels.h"
#include "ssz.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define RUNS 9
#define NODES ((size_t)1 << 18)

static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, RUNS, sizeof *values, by_size);
    return values[RUNS / 2];
}

static void *get(size_t size)
{
    void *memory = calloc(1, size);

    if (!memory)
        abort();
    return memory;
}

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

static void must(int code)
{
    if (code == CASK_OK)
        return;
    fprintf(stderr, "%s\n", cask_error_last()->message);
    exit(1);
}

/* ---- Kernels ------------------------------------------------------------------------------------------------------ */

static double node_ns(cask_sha256_nodes_fn hash_nodes, uint8_t *out, const uint8_t *in, size_t count)
{
    double start = now_ns();

    hash_nodes(out, in, count);
    return (now_ns() - start) / (double)count;
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
        middle = median(times);
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

/* ---- A state of deneb: all that grows with the validators, and the long vectors, by chance ------------------------- */

enum { VALIDATOR = 121, FIXED_PART = 2736653, SYNC_COMMITTEE = 513 * 48 };

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

/* The fixed part, with the offsets of its lists; positions as in specs/deneb/beacon-chain.md. */
static size_t make_state(uint8_t **state_out, size_t validators)
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
        { 2687381 + 2 * SYNC_COMMITTEE + 4 + 8 + 8, 0 }, /* historical_summaries */
    };
    enum { PAYLOAD_HEADER = 584, PAYLOAD_LIST = 7 };
    size_t size = FIXED_PART + PAYLOAD_HEADER + validators * (VALIDATOR + 8 + 1 + 1 + 8), end = FIXED_PART;
    uint8_t *state = get(size);

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

static long peak_kib(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static double root_ns(const ssz_type *type, const uint8_t *data, size_t size, unsigned jobs)
{
    uint8_t root[32];
    double start = now_ns();

    must(ssz_root(root, type, data, size, jobs));
    return now_ns() - start;
}

static void bench_state(size_t validators, uint8_t *out, const uint8_t *in)
{
    const ssz_type *type = ssz_state_type("mainnet", "deneb");
    double nodes = state_nodes(validators);
    double alone[RUNS], overhead[RUNS], openssl[RUNS], two[RUNS];
    uint8_t *state;
    size_t size = make_state(&state, validators);
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
    printf("  root               %6.1f ms, %.0f MB/s\n", median(alone) / 1e6, (double)size * 1e3 / median(alone));
    printf("  to nodes x kernel  %6.2f (at most 1.15)\n", median(overhead));
    if (with_openssl)
        printf("  OpenSSL's hashing  %6.2f times as long (at least 2.8)\n", median(openssl));
    else
        printf("  OpenSSL is not installed: not compared\n");
    printf("  two jobs           %6.2f times as fast\n", median(two));
    printf("  memory             %6.2f %% of the state (below 10)\n", (double)(after - before) * 102400 / (double)size);
    free(state);
}

/* ---- Blocks of deneb: 200 transactions, 64 attestations ----------------------------------------------------------- */

enum {
    TRANSACTIONS = 200,
    ATTESTATIONS = 64,
    ATTESTATION = 228 + 65,
    BODY_FIXED = 392,
    PAYLOAD_FIXED = 528,
    BATCH = 4
};

/* Transfers, tokens, swaps, the rest. */
static size_t transaction_size(size_t index)
{
    static const size_t sizes[] = { 110, 180, 420, 1800 };

    return sizes[index % 4];
}

/* Of transactions and attestations; the rest are less than a twentieth. */
static double block_nodes(void)
{
    double nodes = tree_nodes(TRANSACTIONS, 20) + tree_nodes(ATTESTATIONS, 7) + 18.0 * ATTESTATIONS;

    for (size_t i = 0; i < TRANSACTIONS; i++)
        nodes += tree_nodes((transaction_size(i) + 31) / 32, 25) + 1;
    return nodes;
}

static uint8_t *put_transactions(uint8_t *at)
{
    uint8_t *end = at + 4 * TRANSACTIONS;

    for (size_t i = 0; i < TRANSACTIONS; i++) {
        size_t size = transaction_size(i);

        cask_store32(at + 4 * i, (uint32_t)(end - at));
        fill(end, size);
        end += size;
    }
    return end;
}

static uint8_t *put_attestations(uint8_t *at)
{
    uint8_t *end = at + 4 * ATTESTATIONS;

    for (size_t i = 0; i < ATTESTATIONS; i++, end += ATTESTATION) {
        cask_store32(at + 4 * i, (uint32_t)(end - at));
        fill(end, ATTESTATION);
        cask_store32(end, 228);
        end[ATTESTATION - 1] = 1;
    }
    return end;
}

/* Positions as in specs/deneb/beacon-chain.md. */
static size_t make_block(uint8_t *block)
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
    end = put_transactions(payload + PAYLOAD_FIXED);
    cask_store32(payload + 508, (uint32_t)(end - payload)); /* withdrawals */
    fill(end, 16 * 44);
    end += 16 * 44;
    cask_store32(body + 384, (uint32_t)(end - body)); /* bls_to_execution_changes */
    cask_store32(body + 388, (uint32_t)(end - body)); /* blob_kzg_commitments */
    fill(end, 6 * 48);
    return (size_t)(end + 6 * 48 - block);
}

static void bench_blocks(uint8_t *out, const uint8_t *in)
{
    const ssz_type *type = ssz_block_type("mainnet", "deneb");
    uint8_t *block = get(1 << 20);
    size_t size = make_block(block);
    ssz_bytes values[BATCH];
    uint8_t roots[BATCH * 32];
    double one[RUNS], many[RUNS], check[RUNS], overhead[RUNS];

    for (size_t i = 0; i < BATCH; i++)
        values[i] = (ssz_bytes){ block, size };
    for (int run = 0; run < RUNS; run++) {
        double start = now_ns();

        for (size_t i = 0; i < BATCH; i++)
            must(ssz_root(roots, type, block, size, 1));
        one[run] = now_ns() - start;
        start = now_ns();
        must(ssz_roots(roots, type, values, BATCH, 1));
        many[run] = now_ns() - start;
        overhead[run] = many[run] / (BATCH * block_nodes() * node_ns(cask_sha256_hash_nodes, out, in, NODES / 16));
        start = now_ns();
        for (size_t i = 0; i < BATCH; i++)
            must(ssz_check(type, block, size));
        check[run] = now_ns() - start;
    }
    printf("blocks of %d transactions: %.1f KB, %.0f nodes\n", TRANSACTIONS, (double)size / 1e3, block_nodes());
    printf("  roots one by one   %6.0f MB/s (at least 400)\n", (double)size * BATCH * 1e3 / median(one));
    printf("  roots %d at a time  %6.0f MB/s\n", BATCH, (double)size * BATCH * 1e3 / median(many));
    printf("  to nodes x kernel  %6.2f\n", median(overhead));
    printf("  checks alone       %6.0f MB/s\n", (double)size * BATCH * 1e3 / median(check));
    free(block);
}

int main(int argc, char **argv)
{
    size_t validators = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 1000000;
    uint8_t *in = get(NODES * 64), *out = get(NODES * 32);

    fill(in, NODES * 64);
    printf("kernel in use: %s\n", cask_sha256_kernel_name());
    bench_kernels(out, in);
    bench_state(validators, out, in);
    bench_blocks(out, in);
    free(in);
    free(out);
    return 0;
}
