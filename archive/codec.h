/*
 * Codecs: how the payload of a record is stored. Pure functions on bytes, safe on hostile input; used by the store
 * and by the era room (era files hold snappy frames).
 */
#ifndef CASK_CODEC_H
#define CASK_CODEC_H

#include "slotcask/archive.h"

/* "none", "snappy", "zstd"; NULL for a number that is no codec. */
const char *cask_codec_name(uint8_t codec);

/*
 * Size of the value in `stored`, found without decoding it: a walk over chunk headers (snappy), the frame header
 * (zstd). Never more than `limit`: a larger one is CASK_E_INVALID. Bytes that cannot be of the codec are
 * CASK_E_INVALID; what passes may still fail to decode. Errors carry no place: the caller knows it.
 */
int cask_codec_size(uint8_t codec, const void *stored, size_t size, uint64_t limit, uint64_t *value_size_out);

/*
 * Decode all of `stored` into `value`, which has room for exactly `value_size`, as cask_codec_size() gave it.
 * Strict: every checksum, every bound, every byte. CASK_E_INVALID otherwise.
 */
int cask_codec_decode(uint8_t codec, const void *stored, size_t size, void *value, size_t value_size);

/* The same into a buffer that grows as needed; `limit` on the value's size. */
int cask_codec_decode_buf(cask_buf *value, uint8_t codec, const void *stored, size_t size, uint64_t limit);

/* Encode into `stored` (grows as needed). `level` is zstd's, 0: 3. CASK_E_INVALID if it would not fit a record
 * (2^32 - 1 bytes). */
int cask_codec_encode(cask_buf *stored, uint8_t codec, int level, const void *value, size_t size);

/* CRC-32C of `size` bytes, continuing from `crc` (0 to begin). */
uint32_t cask_crc32c(uint32_t crc, const void *data, size_t size);

/* Make room for `capacity` bytes; contents up to size are kept. CASK_E_NOMEM. */
int cask_buf_reserve(cask_buf *buffer, size_t capacity);

#endif
