#include "sha256_kernels.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#define NODE_SIZE 64
#define DIGEST_SIZE 32
#define TARGET_SHANI __attribute__((target("sha,sse4.1")))
#define INLINE_SHANI TARGET_SHANI __attribute__((always_inline)) static inline

/* The compilers' own test for SHA came later than the instructions. CPUID leaf 7, EBX bit 29. */
bool cask_sha256_has_shani(void)
{
    unsigned a, b, c, d;

    return __builtin_cpu_supports("sse4.1") && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1) != 0;
}

/* The state as the instructions want it. */
typedef struct state {
    __m128i abef, cdgh;
} state;

INLINE_SHANI state initial_state(void)
{
    const uint32_t *s = cask_sha256_initial;

    return (state){ _mm_set_epi32((int)s[0], (int)s[1], (int)s[4], (int)s[5]),
                    _mm_set_epi32((int)s[2], (int)s[3], (int)s[6], (int)s[7]) };
}

INLINE_SHANI void four_rounds(state *s, __m128i kw)
{
    s->cdgh = _mm_sha256rnds2_epu32(s->cdgh, s->abef, kw);
    s->abef = _mm_sha256rnds2_epu32(s->abef, s->cdgh, _mm_shuffle_epi32(kw, 0x0e));
}

INLINE_SHANI __m128i load_words(const uint8_t *in)
{
    return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)in),
                            _mm_set_epi32(0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203));
}

/* The four words of the schedule after those in `w`, whose oldest four are w[oldest]: they are replaced. */
INLINE_SHANI void advance(__m128i w[4], int oldest)
{
    __m128i second = w[(oldest + 1) % 4], third = w[(oldest + 2) % 4], newest = w[(oldest + 3) % 4];
    __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(w[oldest], second), _mm_alignr_epi8(newest, third, 4));

    w[oldest] = _mm_sha256msg2_epu32(sum, newest);
}

INLINE_SHANI void store_digest(uint8_t *out, state s)
{
    const __m128i swap = _mm_set_epi32(0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203);
    __m128i feba = _mm_shuffle_epi32(s.abef, 0x1b), dchg = _mm_shuffle_epi32(s.cdgh, 0xb1);

    _mm_storeu_si128((__m128i *)out, _mm_shuffle_epi8(_mm_blend_epi16(feba, dchg, 0xf0), swap));
    _mm_storeu_si128((__m128i *)out + 1, _mm_shuffle_epi8(_mm_alignr_epi8(dchg, feba, 8), swap));
}

/* `streams` nodes side by side: a round waits for the one before it, and another stream fills the wait. */
INLINE_SHANI void hash_streams(uint8_t *out, const uint8_t *in, int streams)
{
    __m128i w[2][4];
    state s[2], middle[2];

    for (int n = 0; n < streams; n++) {
        s[n] = initial_state();
        for (int i = 0; i < 4; i++)
            w[n][i] = load_words(in + NODE_SIZE * n + 16 * i);
    }
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++) {
        __m128i k = _mm_loadu_si128((const __m128i *)cask_sha256_k + i);

        for (int n = 0; n < streams; n++) {
            if (i >= 4)
                advance(w[n], i % 4);
            four_rounds(&s[n], _mm_add_epi32(w[n][i % 4], k));
        }
    }
    for (int n = 0; n < streams; n++) {
        s[n].abef = _mm_add_epi32(s[n].abef, initial_state().abef);
        s[n].cdgh = _mm_add_epi32(s[n].cdgh, initial_state().cdgh);
        middle[n] = s[n];
    }
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++) {
        __m128i kw = _mm_loadu_si128((const __m128i *)cask_sha256_padding + i);

        for (int n = 0; n < streams; n++)
            four_rounds(&s[n], kw);
    }
    for (int n = 0; n < streams; n++) {
        s[n].abef = _mm_add_epi32(s[n].abef, middle[n].abef);
        s[n].cdgh = _mm_add_epi32(s[n].cdgh, middle[n].cdgh);
        store_digest(out + DIGEST_SIZE * n, s[n]);
    }
}

TARGET_SHANI void cask_sha256_nodes_shani(uint8_t *out, const uint8_t *in, size_t count)
{
    for (; count >= 2; count -= 2) {
        hash_streams(out, in, 2);
        in += 2 * NODE_SIZE;
        out += 2 * DIGEST_SIZE;
    }
    if (count == 1)
        hash_streams(out, in, 1);
}

#endif
