#include "signatures.h"

#include "../archive/error.h"
#include "../archive/parallel.h"
#include "sha256.h"

#include <string.h>

void era_signing_root(uint8_t out[32], const uint8_t block_root[32], const uint8_t fork_version[4],
                      const uint8_t genesis_validators_root[32])
{
    uint8_t fork_data[64] = { 0 }, signing_data[64] = { 0 }, fork_data_root[32];

    memcpy(fork_data, fork_version, 4);
    memcpy(fork_data + 32, genesis_validators_root, 32);
    cask_sha256_hash_nodes(fork_data_root, fork_data, 1);
    memcpy(signing_data, block_root, 32);
    memcpy(signing_data + 36, fork_data_root, 28); /* behind DOMAIN_BEACON_PROPOSER, four zero bytes */
    cask_sha256_hash_nodes(out, signing_data, 1);
}

#ifndef SLOTCASK_BLST

bool era_signatures_available(void)
{
    return false;
}

int era_keys_new(era_keys **keys_out)
{
    *keys_out = NULL;
    return cask_fail(CASK_E_UNSUPPORTED, CASK_NOWHERE,
                     "this build cannot verify signatures, it was made without blst; ask for roots");
}

void era_keys_free(era_keys *keys)
{
    (void)keys;
}

int era_signatures_verify(era_signature *signatures, size_t count, unsigned jobs, era_keys *keys)
{
    (void)signatures;
    (void)count;
    (void)jobs;
    return era_keys_new(&keys);
}

#else

#include <blst.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

/* Signatures that are verified with one final exponentiation, a power of two; bits of each random coefficient. */
enum { BATCH = 64, COEFFICIENT_BITS = 64, COEFFICIENT_SIZE = COEFFICIENT_BITS / 8 };

static const uint8_t ciphersuite[] = "BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";

bool era_signatures_available(void)
{
    return true;
}

/* ---- Public keys -------------------------------------------------------------------------------------------- */

/* Each validator has one place, by its index. */
enum { KEYS_COUNT = 1 << 16 };

typedef struct cached_key {
    bool used;
    uint8_t compressed[ERA_PUBLIC_KEY_SIZE];
    blst_p1_affine point;
} cached_key;

struct era_keys {
    pthread_mutex_t mutex;
    cached_key cached[KEYS_COUNT];
};

int era_keys_new(era_keys **keys_out)
{
    era_keys *keys = calloc(1, sizeof(*keys));

    *keys_out = keys;
    if (keys == NULL)
        return cask_fail_nomem();
    pthread_mutex_init(&keys->mutex, NULL);
    return CASK_OK;
}

void era_keys_free(era_keys *keys)
{
    if (keys == NULL)
        return;
    pthread_mutex_destroy(&keys->mutex);
    free(keys);
}

static bool find_key(blst_p1_affine *point, era_keys *keys, const era_signature *s)
{
    const cached_key *cached = &keys->cached[s->index % KEYS_COUNT];
    bool found;

    pthread_mutex_lock(&keys->mutex);
    found = cached->used && memcmp(cached->compressed, s->public_key, ERA_PUBLIC_KEY_SIZE) == 0;
    if (found)
        *point = cached->point;
    pthread_mutex_unlock(&keys->mutex);
    return found;
}

static void keep_key(era_keys *keys, const era_signature *s, const blst_p1_affine *point)
{
    cached_key *cached = &keys->cached[s->index % KEYS_COUNT];

    pthread_mutex_lock(&keys->mutex);
    cached->used = true;
    memcpy(cached->compressed, s->public_key, ERA_PUBLIC_KEY_SIZE);
    cached->point = *point;
    pthread_mutex_unlock(&keys->mutex);
}

/* KeyValidate: a point of the group, and not its identity. */
static bool load_key(blst_p1_affine *point, era_keys *keys, const era_signature *s)
{
    if (s->public_key == NULL)
        return false;
    if (find_key(point, keys, s))
        return true;
    if (blst_p1_uncompress(point, s->public_key) != BLST_SUCCESS || blst_p1_affine_is_inf(point) ||
        !blst_p1_affine_in_g1(point))
        return false;
    keep_key(keys, s, point);
    return true;
}

/* ---- A batch ------------------------------------------------------------------------------------------------- */

/* Those whose key and signature are points at all, one after another. */
typedef struct batch {
    size_t count;
    era_signature *signatures[BATCH];
    blst_p1_affine keys[BATCH];
    blst_p2_affine points[BATCH]; /* in the group */
    uint8_t coefficients[BATCH][COEFFICIENT_SIZE];
    blst_pairing *pairing;
    limb_t *scratch; /* for a sum of BATCH points */
} batch;

/* A random number, and no small choice of them: what cancels out with some would not with others. */
static int choose_coefficient(uint8_t coefficient[COEFFICIENT_SIZE])
{
    ssize_t size;

    do
        size = getrandom(coefficient, COEFFICIENT_SIZE, 0);
    while (size < 0 && errno == EINTR);
    if (size != COEFFICIENT_SIZE)
        return cask_fail(CASK_E_IO, CASK_NOWHERE, "the system gives no random numbers; see to that and try again");
    coefficient[0] |= 1; /* never zero */
    return CASK_OK;
}

static int load_batch(batch *b, era_signature *signatures, size_t count, era_keys *keys)
{
    for (size_t i = 0; i < count; i++) {
        const size_t at = b->count;

        signatures[i].good = false;
        if (!load_key(&b->keys[at], keys, &signatures[i]) ||
            blst_p2_uncompress(&b->points[at], signatures[i].signature) != BLST_SUCCESS ||
            blst_p2_affine_is_inf(&b->points[at]) || !blst_p2_affine_in_g2(&b->points[at]))
            continue;
        CASK_TRY(choose_coefficient(b->coefficients[at]));
        b->signatures[at] = &signatures[i];
        b->count++;
    }
    return CASK_OK;
}

/* The pairing of the sum of the signatures, each times its coefficient. */
static void pair_signatures(blst_fp12 *out, const batch *b, size_t from, size_t count)
{
    const blst_p2_affine *points[] = { b->points + from, NULL };
    const uint8_t *coefficients[] = { b->coefficients[from], NULL };
    blst_p2 sum;
    blst_p2_affine affine;

    blst_p2s_mult_pippenger(&sum, points, count, coefficients, COEFFICIENT_BITS, b->scratch);
    blst_p2_to_affine(&affine, &sum);
    blst_aggregated_in_g2(out, &affine);
}

static bool verify_together(const batch *b, size_t from, size_t count)
{
    blst_fp12 signatures;

    blst_pairing_init(b->pairing, true, ciphersuite, sizeof(ciphersuite) - 1);
    for (size_t i = from; i < from + count; i++) {
        if (blst_pairing_mul_n_aggregate_pk_in_g1(b->pairing, &b->keys[i], NULL, b->coefficients[i], COEFFICIENT_BITS,
                                                  b->signatures[i]->signing_root, 32, NULL, 0) != BLST_SUCCESS)
            return false;
    }
    blst_pairing_commit(b->pairing);
    pair_signatures(&signatures, b, from, count);
    return blst_pairing_finalverify(b->pairing, &signatures);
}

/* Halve what fails until the bad ones are alone; parts that begin at `from`, behind what is settled, in the order of a
 * binary tree: with all of them bad, each costs as many pairings as the tree has levels. */
static void bisect(const batch *b)
{
    size_t from = 0, size = BATCH;

    while (from < b->count) {
        const size_t count = b->count - from < size ? b->count - from : size;
        const bool good = verify_together(b, from, count);

        if (!good && count > 1) {
            size /= 2;
            continue;
        }
        for (size_t i = 0; i < count; i++)
            b->signatures[from + i]->good = good;
        from += size;
        size = from & (~from + 1); /* of the largest part of the tree that begins here */
    }
}

/* ---- All ----------------------------------------------------------------------------------------------------- */

typedef struct verifying {
    era_signature *signatures;
    size_t count;
    era_keys *keys;
} verifying;

static void free_batch(batch *b)
{
    if (b == NULL)
        return;
    free(b->pairing);
    free(b->scratch);
    free(b);
}

static batch *new_batch(void)
{
    batch *b = calloc(1, sizeof(*b));

    if (b == NULL)
        return NULL;
    b->pairing = malloc(blst_pairing_sizeof());
    b->scratch = malloc(blst_p2s_mult_pippenger_scratch_sizeof(BATCH));
    if (b->pairing != NULL && b->scratch != NULL)
        return b;
    free_batch(b);
    return NULL;
}

static int verify_batch(size_t index, unsigned worker, void *context)
{
    const verifying *v = context;
    const size_t begin = index * BATCH, rest = v->count - begin;
    batch *b = new_batch();
    int code;

    (void)worker;
    if (b == NULL)
        return cask_fail_nomem();
    code = load_batch(b, v->signatures + begin, rest < BATCH ? rest : BATCH, v->keys);
    if (code == CASK_OK)
        bisect(b);
    free_batch(b);
    return code;
}

int era_signatures_verify(era_signature *signatures, size_t count, unsigned jobs, era_keys *keys)
{
    verifying v = { signatures, count, keys };

    return cask_parallel(jobs, (count + BATCH - 1) / BATCH, verify_batch, &v);
}

#endif
