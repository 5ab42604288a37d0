#include "sha256_kernels.h"

#if defined(__aarch64__)

/* The instructions are asked for function by function; older clangs then still hide them behind this macro. */
#if defined(__clang__)
#define TARGET_SHA2 __attribute__((target("sha2")))
#if !defined(__ARM_FEATURE_SHA2)
#define __ARM_FEATURE_SHA2 1
#endif
#else
#define TARGET_SHA2 __attribute__((target("+crypto")))
#endif

#include <arm_neon.h>
#if defined(__linux__)
#include <sys/auxv.h>
#endif

#define NODE_SIZE 64
#define DIGEST_SIZE 32
#define INLINE_SHA2 TARGET_SHA2 __attribute__((always_inline)) static inline

bool cask_sha256_has_armv8(void)
{
#if defined(__linux__)
    return (getauxval(AT_HWCAP) & 1ul << 6) != 0; /* HWCAP_SHA2 */
#elif defined(__APPLE__)
    return true;
#else
    return false;
#endif
}

typedef struct state {
    uint32x4_t abcd, efgh;
} state;

INLINE_SHA2 void four_rounds(state *s, uint32x4_t kw)
{
    uint32x4_t abcd = s->abcd;

    s->abcd = vsha256hq_u32(abcd, s->efgh, kw);
    s->efgh = vsha256h2q_u32(s->efgh, abcd, kw);
}

/* The four words of the schedule after those in `w`, whose oldest four are w[oldest]: they are replaced. */
INLINE_SHA2 void advance(uint32x4_t w[4], int oldest)
{
    w[oldest] =
        vsha256su1q_u32(vsha256su0q_u32(w[oldest], w[(oldest + 1) % 4]), w[(oldest + 2) % 4], w[(oldest + 3) % 4]);
}

INLINE_SHA2 state add(state a, state b)
{
    return (state){ vaddq_u32(a.abcd, b.abcd), vaddq_u32(a.efgh, b.efgh) };
}

INLINE_SHA2 void hash_node(uint8_t *out, const uint8_t *in)
{
    const state initial = { vld1q_u32(cask_sha256_initial), vld1q_u32(cask_sha256_initial + 4) };
    state s = initial, middle;
    uint32x4_t w[4];

    for (int i = 0; i < 4; i++)
        w[i] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(in + 16 * i)));
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++) {
        if (i >= 4)
            advance(w, i % 4);
        four_rounds(&s, vaddq_u32(w[i % 4], vld1q_u32(cask_sha256_k + 4 * i)));
    }
    middle = s = add(s, initial);
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++)
        four_rounds(&s, vld1q_u32(cask_sha256_padding + 4 * i));
    s = add(s, middle);
    vst1q_u8(out, vrev32q_u8(vreinterpretq_u8_u32(s.abcd)));
    vst1q_u8(out + 16, vrev32q_u8(vreinterpretq_u8_u32(s.efgh)));
}

TARGET_SHA2 void cask_sha256_nodes_armv8(uint8_t *out, const uint8_t *in, size_t count)
{
    for (size_t i = 0; i < count; i++)
        hash_node(out + DIGEST_SIZE * i, in + NODE_SIZE * i);
}

#endif
