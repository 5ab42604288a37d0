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

/* Signatures that are verified with one final exponentiation, and bits of each random coefficient. */
enum { BATCH = 32, COEFFICIENT_BITS = 64, COEFFICIENT_SIZE = COEFFICIENT_BITS / 8 };

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

typedef struct member {
    era_signature *signature;
    blst_p1_affine key;
    blst_p2_affine point; /* in the group */
    uint8_t coefficient[COEFFICIENT_SIZE];
} member;

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

/* Those whose key and signature are points at all. */
static int load_members(member *members, size_t *count_out, era_signature *signatures, size_t count, era_keys *keys)
{
    *count_out = 0;
    for (size_t i = 0; i < count; i++) {
        member *m = &members[*count_out];

        signatures[i].good = false;
        m->signature = &signatures[i];
        if (!load_key(&m->key, keys, &signatures[i]) ||
            blst_p2_uncompress(&m->point, signatures[i].signature) != BLST_SUCCESS || !blst_p2_affine_in_g2(&m->point))
            continue;
        CASK_TRY(choose_coefficient(m->coefficient));
        ++*count_out;
    }
    return CASK_OK;
}

static bool verify_together(blst_pairing *pairing, const member *members, size_t count)
{
    blst_pairing_init(pairing, true, ciphersuite, sizeof(ciphersuite) - 1);
    for (size_t i = 0; i < count; i++) {
        const member *m = &members[i];

        if (blst_pairing_mul_n_aggregate_pk_in_g1(pairing, &m->key, &m->point, m->coefficient, COEFFICIENT_BITS,
                                                  m->signature->signing_root, 32, NULL, 0) != BLST_SUCCESS)
            return false;
    }
    blst_pairing_commit(pairing);
    return blst_pairing_finalverify(pairing, NULL);
}

/* Halve what fails until a bad one is alone, then try all of the rest. `from` is behind what is settled. */
static void bisect(blst_pairing *pairing, const member *members, size_t count)
{
    size_t from = 0, size = count;

    while (from < count) {
        const bool good = verify_together(pairing, members + from, size);

        if (!good && size > 1) {
            size = (size + 1) / 2;
            continue;
        }
        for (size_t i = 0; i < size; i++)
            members[from + i].signature->good = good;
        from += size;
        size = count - from;
    }
}

/* ---- All ----------------------------------------------------------------------------------------------------- */

typedef struct verifying {
    era_signature *signatures;
    size_t count;
    era_keys *keys;
} verifying;

static int verify_batch(size_t index, unsigned worker, void *context)
{
    const verifying *v = context;
    const size_t begin = index * BATCH, rest = v->count - begin;
    blst_pairing *pairing = malloc(blst_pairing_sizeof());
    member *members = malloc(BATCH * sizeof(*members));
    size_t count = 0;
    int code;

    (void)worker;
    if (pairing == NULL || members == NULL)
        code = cask_fail_nomem();
    else
        code = load_members(members, &count, v->signatures + begin, rest < BATCH ? rest : BATCH, v->keys);
    if (code == CASK_OK)
        bisect(pairing, members, count);
    free(members);
    free(pairing);
    return code;
}

int era_signatures_verify(era_signature *signatures, size_t count, unsigned jobs, era_keys *keys)
{
    verifying v = { signatures, count, keys };

    return cask_parallel(jobs, (count + BATCH - 1) / BATCH, verify_batch, &v);
}

#endif
