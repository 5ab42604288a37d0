/*
 * The snappy framing format, strictly: the stream identifier first, every checksum and bound checked. A value is a
 * whole stream, the empty value the identifier alone. Error rules as in codec.h.
 */
#ifndef CASK_SNAPPY_FRAMES_H
#define CASK_SNAPPY_FRAMES_H

#include "slotcask/archive.h"

/* The most bytes of a value that one chunk holds. */
#define CASK_SNAPPY_CHUNK_MAX 65536u

/* Size of the value, by the chunk headers alone. CASK_E_INVALID beyond `limit`. */
int cask_snappy_size(const uint8_t *stored, size_t size, uint64_t limit, uint64_t *value_size_out);

/* Decode into exactly `value_size` bytes. */
int cask_snappy_decode(const uint8_t *stored, size_t size, uint8_t *value, size_t value_size);

/* Replace the contents of `stored` by the frames of `value`, in chunks of CASK_SNAPPY_CHUNK_MAX bytes. */
int cask_snappy_encode(cask_buf *stored, const uint8_t *value, size_t size);

#endif
