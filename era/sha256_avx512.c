#include "sha256_kernels.h"

#include "../archive/bytes.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#define LANES 16
#define NODE_SIZE 64
#define DIGEST_SIZE 32
#define TARGET_AVX512 __attribute__((target("avx512f,avx512bw")))
#define INLINE_AVX512 TARGET_AVX512 __attribute__((always_inline)) static inline

/* Far enough to hide memory, near enough to stay in the first cache. */
#define PREFETCH_AHEAD (2 * LANES * NODE_SIZE)

bool cask_sha256_has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
}

/* Exclusive or of three, e ? f : g, and the majority of three, each in one instruction. */
#define XOR3(a, b, c) _mm512_ternarylogic_epi32(a, b, c, 0x96)
#define CHOOSE(e, f, g) _mm512_ternarylogic_epi32(e, f, g, 0xca)
#define MAJORITY(a, b, c) _mm512_ternarylogic_epi32(a, b, c, 0xe8)
#define ADD(a, b) _mm512_add_epi32(a, b)
#define ROTATE(x, by) _mm512_ror_epi32(x, by)

/* One round; the caller rotates the names instead of the registers. `kw`: constant plus schedule. */
#define ROUND(a, b, c, d, e, f, g, h, kw)                                                                              \
    do {                                                                                                               \
        __m512i t1_ = ADD(ADD(h, kw), CHOOSE(e, f, g));                                                                \
        t1_ = ADD(t1_, XOR3(ROTATE(e, 6), ROTATE(e, 11), ROTATE(e, 25)));                                              \
        d = ADD(d, t1_);                                                                                               \
        h = ADD(ADD(t1_, MAJORITY(a, b, c)), XOR3(ROTATE(a, 2), ROTATE(a, 13), ROTATE(a, 22)));                        \
    } while (0)

#define EIGHT_ROUNDS(s, KW, t)                                                                                         \
    do {                                                                                                               \
        ROUND(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], KW(t));                                                  \
        ROUND(s[7], s[0], s[1], s[2], s[3], s[4], s[5], s[6], KW((t) + 1));                                            \
        ROUND(s[6], s[7], s[0], s[1], s[2], s[3], s[4], s[5], KW((t) + 2));                                            \
        ROUND(s[5], s[6], s[7], s[0], s[1], s[2], s[3], s[4], KW((t) + 3));                                            \
        ROUND(s[4], s[5], s[6], s[7], s[0], s[1], s[2], s[3], KW((t) + 4));                                            \
        ROUND(s[3], s[4], s[5], s[6], s[7], s[0], s[1], s[2], KW((t) + 5));                                            \
        ROUND(s[2], s[3], s[4], s[5], s[6], s[7], s[0], s[1], KW((t) + 6));                                            \
        ROUND(s[1], s[2], s[3], s[4], s[5], s[6], s[7], s[0], KW((t) + 7));                                            \
    } while (0)

/* `k` is where the table of constants has got to. */
#define CONSTANT(t) _mm512_set1_epi32((int)k[t])
#define SCHEDULED(t) ADD(w[t], CONSTANT(t))

/* The schedule for the next 16 rounds, in place. */
INLINE_AVX512 void advance(__m512i w[16])
{
#pragma GCC unroll 16
    for (int t = 0; t < 16; t++) {
        __m512i far = w[(t + 1) % 16];
        __m512i near = w[(t + 14) % 16];
        __m512i s0 = XOR3(ROTATE(far, 7), ROTATE(far, 18), _mm512_srli_epi32(far, 3));
        __m512i s1 = XOR3(ROTATE(near, 17), ROTATE(near, 19), _mm512_srli_epi32(near, 10));

        w[t] = ADD(ADD(w[t], s0), ADD(w[(t + 9) % 16], s1));
    }
}

/* Within each quarter of the registers, make columns of the rows r[0..4). */
INLINE_AVX512 void transpose4(__m512i r[4])
{
    __m512i lo01 = _mm512_unpacklo_epi32(r[0], r[1]), hi01 = _mm512_unpackhi_epi32(r[0], r[1]);
    __m512i lo23 = _mm512_unpacklo_epi32(r[2], r[3]), hi23 = _mm512_unpackhi_epi32(r[2], r[3]);

    r[0] = _mm512_unpacklo_epi64(lo01, lo23);
    r[1] = _mm512_unpackhi_epi64(lo01, lo23);
    r[2] = _mm512_unpacklo_epi64(hi01, hi23);
    r[3] = _mm512_unpackhi_epi64(hi01, hi23);
}

INLINE_AVX512 __m512i swap_bytes(__m512i x)
{
    return _mm512_shuffle_epi8(x, _mm512_set4_epi32(0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203));
}

/*
 * Word i of each of 16 nodes into w[i]. Lane 4j + q holds node 4q + j: so transpose4() alone brings the digests into
 * order again, see store_digests().
 */
INLINE_AVX512 void load_nodes(__m512i w[16], const uint8_t *in)
{
    __m512i r[16];

#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
        for (int q = 0; q < 4; q++)
            r[4 * j + q] = _mm512_loadu_si512(in + NODE_SIZE * (4 * q + j));
        transpose4(r + 4 * j);
    }
    /* Quarter k of r[4j + i] is now word 4k + i of the nodes in lanes 4j to 4j + 3: transpose the quarters. */
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        __m512i lo01 = _mm512_shuffle_i32x4(r[i], r[4 + i], 0x44), hi01 = _mm512_shuffle_i32x4(r[i], r[4 + i], 0xee);
        __m512i lo23 = _mm512_shuffle_i32x4(r[8 + i], r[12 + i], 0x44);
        __m512i hi23 = _mm512_shuffle_i32x4(r[8 + i], r[12 + i], 0xee);

        w[i] = swap_bytes(_mm512_shuffle_i32x4(lo01, lo23, 0x88));
        w[4 + i] = swap_bytes(_mm512_shuffle_i32x4(lo01, lo23, 0xdd));
        w[8 + i] = swap_bytes(_mm512_shuffle_i32x4(hi01, hi23, 0x88));
        w[12 + i] = swap_bytes(_mm512_shuffle_i32x4(hi01, hi23, 0xdd));
    }
}

INLINE_AVX512 void store_digests(uint8_t *out, __m512i s[8])
{
    const __m512i first = _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0);
    const __m512i second = _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4);

    transpose4(s);
    transpose4(s + 4);
#pragma GCC unroll 4
    for (int q = 0; q < 4; q++) {
        __m512i lo = swap_bytes(s[q]), hi = swap_bytes(s[4 + q]);

        _mm512_storeu_si512(out + DIGEST_SIZE * 4 * q, _mm512_permutex2var_epi64(lo, first, hi));
        _mm512_storeu_si512(out + DIGEST_SIZE * (4 * q + 2), _mm512_permutex2var_epi64(lo, second, hi));
    }
}

/* The state of 16 nodes from their words. The rounds stay in loops: unrolled they outgrow the cache of decoded
 * instructions, and decoding is then slower than computing. */
INLINE_AVX512 void compress(__m512i s[8], __m512i w[16])
{
    __m512i middle[8];
    const uint32_t *k = cask_sha256_initial;
    int t;

#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
        s[i] = CONSTANT(i);
    k = cask_sha256_k;
    EIGHT_ROUNDS(s, SCHEDULED, 0);
    EIGHT_ROUNDS(s, SCHEDULED, 8);
#pragma GCC unroll 1
    for (t = 16; t < 64; t += 16) {
        k += 16;
        advance(w);
        EIGHT_ROUNDS(s, SCHEDULED, 0);
        EIGHT_ROUNDS(s, SCHEDULED, 8);
    }
    k = cask_sha256_initial;
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
        middle[i] = s[i] = ADD(s[i], CONSTANT(i));
    k = cask_sha256_padding;
#pragma GCC unroll 1
    for (t = 0; t < 64; t += 8) {
        EIGHT_ROUNDS(s, CONSTANT, 0);
        k += 8;
    }
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
        s[i] = ADD(s[i], middle[i]);
}

static TARGET_AVX512 void hash_16(uint8_t *out, const uint8_t *in)
{
    __m512i w[16], s[8];

    load_nodes(w, in);
    compress(s, w);
    store_digests(out, s);
}

/* 16 nodes, then their digests with right[0], right[1] and so on for `more` levels: they do not leave the registers. */
static TARGET_AVX512 void hash_up_16(uint8_t *out, const uint8_t *in, const uint8_t *right, size_t more)
{
    __m512i w[16], s[8];

    load_nodes(w, in);
    for (;; right += DIGEST_SIZE) {
        compress(s, w);
        if (more-- == 0)
            break;
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++) {
            w[i] = s[i];
            w[8 + i] = _mm512_set1_epi32((int)__builtin_bswap32(cask_load32(right + 4 * i)));
        }
    }
    store_digests(out, s);
}

TARGET_AVX512 void cask_sha256_nodes_avx512(uint8_t *out, const uint8_t *in, size_t count)
{
    uint8_t rest[LANES * NODE_SIZE];

    for (; count >= LANES; count -= LANES) {
        for (int i = 0; i < LANES; i++)
            _mm_prefetch((const char *)in + PREFETCH_AHEAD + NODE_SIZE * i, _MM_HINT_T0);
        hash_16(out, in);
        in += LANES * NODE_SIZE;
        out += LANES * DIGEST_SIZE;
    }
    if (count == 1) {
        cask_sha256_nodes_portable(out, in, 1);
    } else if (count > 1) {
        memcpy(rest, in, count * NODE_SIZE);
        memset(rest + count * NODE_SIZE, 0, sizeof rest - count * NODE_SIZE);
        hash_16(rest, rest);
        memcpy(out, rest, count * DIGEST_SIZE);
    }
}

TARGET_AVX512 void cask_sha256_up_avx512(uint8_t *digests, size_t count, const uint8_t *right, size_t levels)
{
    uint8_t pairs[LANES * NODE_SIZE] = { 0 };

    while (count > 0) {
        size_t lanes = count < LANES ? count : LANES;

        for (size_t i = 0; i < lanes; i++) {
            memcpy(pairs + i * NODE_SIZE, digests + i * DIGEST_SIZE, DIGEST_SIZE);
            memcpy(pairs + i * NODE_SIZE + DIGEST_SIZE, right, DIGEST_SIZE);
        }
        hash_up_16(pairs, pairs, right + DIGEST_SIZE, levels - 1);
        memcpy(digests, pairs, lanes * DIGEST_SIZE);
        digests += lanes * DIGEST_SIZE;
        count -= lanes;
    }
}

#endif
