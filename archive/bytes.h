/* Little-endian integers and checked arithmetic: the one place for both. */
#ifndef CASK_BYTES_H
#define CASK_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t cask_load16(const void *at)
{
    const uint8_t *b = at;
    return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t cask_load32(const void *at)
{
    const uint8_t *b = at;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static inline uint64_t cask_load64(const void *at)
{
    const uint8_t *b = at;
    return (uint64_t)cask_load32(b) | (uint64_t)cask_load32(b + 4) << 32;
}

static inline void cask_store16(void *at, uint16_t value)
{
    uint8_t *b = at;
    b[0] = (uint8_t)value;
    b[1] = (uint8_t)(value >> 8);
}

static inline void cask_store32(void *at, uint32_t value)
{
    cask_store16(at, (uint16_t)value);
    cask_store16((uint8_t *)at + 2, (uint16_t)(value >> 16));
}

static inline void cask_store64(void *at, uint64_t value)
{
    cask_store32(at, (uint32_t)value);
    cask_store32((uint8_t *)at + 4, (uint32_t)(value >> 32));
}

/* true: the sum overflowed. */
static inline bool cask_add64(uint64_t *sum, uint64_t a, uint64_t b)
{
    return __builtin_add_overflow(a, b, sum);
}

static inline bool cask_all_zero(const void *at, size_t size)
{
    const uint8_t *b = at;
    return size == 0 || (b[0] == 0 && memcmp(b, b + 1, size - 1) == 0);
}

#endif
