/*
 * Signatures of proposers in batches. The bare program verifies the same ones one at a time, as blst does it, every
 * public key decompressed and checked each time.
 */
#include "bench.h"

#include "signatures.h"

#include <blst.h>
#include <stdlib.h>
#include <string.h>

/* Of an epoch each of another validator. */
enum { COUNT = 256 };

static const uint8_t ciphersuite[] = "BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";

typedef struct signing {
    uint8_t keys[COUNT][ERA_PUBLIC_KEY_SIZE];
    uint8_t signatures[COUNT][ERA_SIGNATURE_SIZE];
    era_signature list[COUNT];
} signing;

static void make_signature(signing *s, size_t index)
{
    era_signature *made = &s->list[index];
    uint8_t *chance = bench_bytes(64);
    blst_scalar secret;
    blst_p1 key;
    blst_p2 point;

    memcpy(made->signing_root, chance, 32);
    blst_keygen(&secret, chance + 32, 32, NULL, 0);
    blst_sk_to_pk_in_g1(&key, &secret);
    blst_p1_compress(s->keys[index], &key);
    blst_hash_to_g2(&point, made->signing_root, 32, ciphersuite, sizeof ciphersuite - 1, NULL, 0);
    blst_sign_pk_in_g1(&point, &point, &secret);
    blst_p2_compress(s->signatures[index], &point);
    made->index = index;
    made->public_key = s->keys[index];
    made->signature = s->signatures[index];
    free(chance);
}

/* With an empty cache: keys are decompressed here as well. */
static double verify_ours(void *context)
{
    signing *s = context;
    double start = bench_now_ns(), elapsed;
    era_keys *keys;

    bench_must(era_keys_new(&keys));
    bench_must(era_signatures_verify(s->list, COUNT, 1, keys));
    era_keys_free(keys);
    elapsed = bench_now_ns() - start;
    for (size_t i = 0; i < COUNT; i++) {
        if (!s->list[i].good)
            abort();
    }
    return elapsed;
}

static void verify_one(const era_signature *s)
{
    blst_p1_affine key;
    blst_p2_affine point;

    if (blst_p1_uncompress(&key, s->public_key) != BLST_SUCCESS || !blst_p1_affine_in_g1(&key) ||
        blst_p2_uncompress(&point, s->signature) != BLST_SUCCESS || !blst_p2_affine_in_g2(&point) ||
        blst_core_verify_pk_in_g1(&key, &point, true, s->signing_root, 32, ciphersuite, sizeof ciphersuite - 1, NULL,
                                  0) != BLST_SUCCESS)
        abort();
}

static double verify_bare(void *context)
{
    const signing *s = context;
    double start = bench_now_ns();

    for (size_t i = 0; i < COUNT; i++)
        verify_one(&s->list[i]);
    return bench_now_ns() - start;
}

int main(void)
{
    signing *s = calloc(1, sizeof *s);

    if (s == NULL)
        abort();
    for (size_t i = 0; i < COUNT; i++)
        make_signature(s, i);
    bench_print_heading("signatures");
    bench_compare("one of 256, in batches", 15, COUNT, 0.5, verify_ours, verify_bare, s);
    free(s);
    return 0;
}
