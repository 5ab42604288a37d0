#include "sha256.h"

#include "sha256_kernels.h"

#include <string.h>

const uint32_t cask_sha256_initial[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

const uint32_t cask_sha256_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

const uint32_t cask_sha256_padding[64] = {
    0xc28a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf374,
    0x649b69c1, 0xf0fe4786, 0x0fe1edc6, 0x240cf254, 0x4fe9346f, 0x6cc984be, 0x61b9411e, 0x16f988fa,
    0xf2c65152, 0xa88e5a6d, 0xb019fc65, 0xb9d99ec7, 0x9a1231c3, 0xe70eeaa0, 0xfdb1232b, 0xc7353eb0,
    0x3069bad5, 0xcb976d5f, 0x5a0f118f, 0xdc1eeefd, 0x0a35b689, 0xde0b7a04, 0x58f4ca9d, 0xe15d5b16,
    0x007f3e86, 0x37088980, 0xa507ea32, 0x6fab9537, 0x17406110, 0x0d8cd6f1, 0xcdaa3b6d, 0xc0bbbe37,
    0x83613bda, 0xdb48a363, 0x0b02e931, 0x6fd15ca7, 0x521afaca, 0x31338431, 0x6ed41a95, 0x6d437890,
    0xc39c91f2, 0x9eccabbd, 0xb5c9a0e6, 0x532fb63c, 0xd2c741c6, 0x07237ea3, 0xa4954b68, 0x4c191d76,
};

static uint32_t rotate_right(uint32_t x, int by)
{
    return x >> by | x << (32 - by);
}

static uint32_t load_big(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | (uint32_t)at[3];
}

static void store_big(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 24);
    at[1] = (uint8_t)(value >> 16);
    at[2] = (uint8_t)(value >> 8);
    at[3] = (uint8_t)value;
}

/* One round; the caller rotates the names instead of the variables. `kw` is round constant plus schedule. */
#define ROUND(a, b, c, d, e, f, g, h, kw)                                                                              \
    do {                                                                                                               \
        h += (rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25)) + (g ^ (e & (f ^ g))) + (kw);            \
        d += h;                                                                                                        \
        h += (rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22)) + ((a & b) | (c & (a | b)));             \
    } while (0)

static void rounds(uint32_t state[8], const uint32_t kw[64])
{
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];

    for (size_t t = 0; t < 64; t += 8) {
        ROUND(a, b, c, d, e, f, g, h, kw[t]);
        ROUND(h, a, b, c, d, e, f, g, kw[t + 1]);
        ROUND(g, h, a, b, c, d, e, f, kw[t + 2]);
        ROUND(f, g, h, a, b, c, d, e, kw[t + 3]);
        ROUND(e, f, g, h, a, b, c, d, kw[t + 4]);
        ROUND(d, e, f, g, h, a, b, c, kw[t + 5]);
        ROUND(c, d, e, f, g, h, a, b, kw[t + 6]);
        ROUND(b, c, d, e, f, g, h, a, kw[t + 7]);
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
}

static void add_block(uint32_t state[8], const uint8_t *block)
{
    uint32_t w[64];
    size_t t;

    for (t = 0; t < 16; t++)
        w[t] = load_big(block + 4 * t);
    for (t = 16; t < 64; t++) {
        uint32_t s0 = rotate_right(w[t - 15], 7) ^ rotate_right(w[t - 15], 18) ^ w[t - 15] >> 3;
        uint32_t s1 = rotate_right(w[t - 2], 17) ^ rotate_right(w[t - 2], 19) ^ w[t - 2] >> 10;

        w[t] = w[t - 16] + s0 + w[t - 7] + s1;
    }
    for (t = 0; t < 64; t++)
        w[t] += cask_sha256_k[t];
    rounds(state, w);
}

static void store_digest(uint8_t *out, const uint32_t state[8])
{
    size_t i;

    for (i = 0; i < 8; i++)
        store_big(out + 4 * i, state[i]);
}

void cask_sha256_nodes_portable(uint8_t *out, const uint8_t *in, size_t count)
{
    uint32_t state[8];
    size_t i;

    for (i = 0; i < count; i++) {
        memcpy(state, cask_sha256_initial, sizeof state);
        add_block(state, in + 64 * i);
        rounds(state, cask_sha256_padding);
        store_digest(out + 32 * i, state);
    }
}

void cask_sha256_begin(cask_sha256_stream *stream)
{
    memcpy(stream->state, cask_sha256_initial, sizeof stream->state);
    stream->size = 0;
}

void cask_sha256_add(cask_sha256_stream *stream, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    size_t used = stream->size % 64;

    stream->size += size;
    if (used > 0 && size >= 64 - used) {
        memcpy(stream->block + used, bytes, 64 - used);
        add_block(stream->state, stream->block);
        bytes += 64 - used;
        size -= 64 - used;
        used = 0;
    }
    for (; used == 0 && size >= 64; bytes += 64, size -= 64)
        add_block(stream->state, bytes);
    if (size > 0)
        memcpy(stream->block + used, bytes, size);
}

void cask_sha256_end(uint8_t out[32], const cask_sha256_stream *stream)
{
    const size_t tail = stream->size % 64, last_size = tail < 56 ? 64 : 128;
    const uint64_t bits = stream->size * 8;
    uint8_t last[128] = { 0 };
    uint32_t state[8];

    memcpy(state, stream->state, sizeof state);
    memcpy(last, stream->block, tail);
    last[tail] = 0x80;
    store_big(last + last_size - 8, (uint32_t)(bits >> 32));
    store_big(last + last_size - 4, (uint32_t)bits);
    for (size_t i = 0; i < last_size; i += 64)
        add_block(state, last + i);
    store_digest(out, state);
}

void cask_sha256(uint8_t out[32], const void *data, size_t size)
{
    cask_sha256_stream stream;

    cask_sha256_begin(&stream);
    cask_sha256_add(&stream, data, size);
    cask_sha256_end(out, &stream);
}
