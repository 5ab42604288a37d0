#include "snappy_frames.h"

#include "bytes.h"
#include "codec.h"
#include "error.h"

#include <snappy-c.h>
#include <string.h>

enum {
    CHUNK_COMPRESSED = 0x00,
    CHUNK_STORED = 0x01,
    CHUNK_SKIPPABLE = 0x80, /* from here to 0xfe, the padding chunk, a reader skips what it does not know */
    CHUNK_IDENTIFIER = 0xff
};

enum { HEADER_SIZE = 4, CHECKSUM_SIZE = 4, IDENTIFIER_SIZE = 10 };

static const uint8_t identifier[IDENTIFIER_SIZE] = { CHUNK_IDENTIFIER, 6, 0, 0, 's', 'N', 'a', 'P', 'p', 'Y' };

/* A chunk of a stream; the last three only of those that hold a part of the value. */
typedef struct chunk {
    size_t at;             /* of its header in the stream */
    uint8_t type;
    const uint8_t *body;   /* behind the header; borrowed */
    size_t body_size;
    uint32_t checksum;
    const uint8_t *data;   /* as stored; borrowed */
    size_t data_size;
    size_t value_size;     /* decoded; 0 for chunks that hold nothing */
} chunk;

static uint32_t masked_crc(const uint8_t *data, size_t size)
{
    uint32_t crc = cask_crc32c(0, data, size);

    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

static int refuse(size_t at, const char *what)
{
    return cask_fail(CASK_E_INVALID, CASK_NOWHERE, "not a valid snappy frame stream: %s, in the chunk at byte %zu; "
                     "take the data from a good copy", what, at);
}

static int check_identifier(const chunk *c)
{
    if (c->body_size != IDENTIFIER_SIZE - HEADER_SIZE || memcmp(c->body, identifier + HEADER_SIZE, c->body_size) != 0)
        return refuse(c->at, "malformed stream identifier");
    return CASK_OK;
}

/* The announced size is held against what a block of that length can yield (64 bytes for a copy of 3), so that few
 * bytes cannot claim much memory. */
static int measure_compressed(chunk *c)
{
    if (snappy_uncompressed_length((const char *)c->data, c->data_size, &c->value_size) != SNAPPY_OK)
        return refuse(c->at, "malformed length of a compressed block");
    if (c->value_size > CASK_SNAPPY_CHUNK_MAX)
        return refuse(c->at, "a compressed block of more than 65536 bytes");
    if (c->value_size / 64 > c->data_size / 3)
        return refuse(c->at, "a compressed block too short for its announced length");
    return CASK_OK;
}

static int measure_stored(chunk *c)
{
    c->value_size = c->data_size;
    return c->value_size > CASK_SNAPPY_CHUNK_MAX ? refuse(c->at, "a stored block of more than 65536 bytes") : CASK_OK;
}

static int check_data(chunk *c)
{
    if (c->body_size < CHECKSUM_SIZE)
        return refuse(c->at, "no room for the checksum");
    c->checksum = cask_load32(c->body);
    c->data = c->body + CHECKSUM_SIZE;
    c->data_size = c->body_size - CHECKSUM_SIZE;
    return c->type == CHUNK_COMPRESSED ? measure_compressed(c) : measure_stored(c);
}

/* Take the chunk at *at, all of it checked but for its data and their checksum, and step behind it. */
static int next_chunk(chunk *c, const uint8_t *stored, size_t size, size_t *at)
{
    size_t left = size - *at;

    *c = (chunk){ .at = *at };
    if (left < HEADER_SIZE)
        return refuse(c->at, "the stream ends inside a chunk header");
    c->type = stored[*at];
    c->body = stored + *at + HEADER_SIZE;
    c->body_size = cask_load32(stored + *at) >> 8;
    if (c->body_size > left - HEADER_SIZE)
        return refuse(c->at, "the stream ends inside a chunk");
    *at += HEADER_SIZE + c->body_size;

    if (c->type == CHUNK_IDENTIFIER)
        return check_identifier(c);
    if (c->at == 0)
        return refuse(c->at, "no stream identifier");
    if (c->type == CHUNK_COMPRESSED || c->type == CHUNK_STORED)
        return check_data(c);
    return c->type < CHUNK_SKIPPABLE ? refuse(c->at, "a reserved chunk type") : CASK_OK;
}

int cask_snappy_size(const uint8_t *stored, size_t size, uint64_t limit, uint64_t *value_size_out)
{
    uint64_t total = 0;
    size_t at = 0;
    chunk c;

    do {
        CASK_TRY(next_chunk(&c, stored, size, &at));
        total += c.value_size;
        if (total > limit)
            return refuse(c.at, "more bytes than are allowed here");
    } while (at < size);
    *value_size_out = total;
    return CASK_OK;
}

/* Decode a chunk to `value`, which has room for its value_size. */
static int decode_chunk(const chunk *c, uint8_t *value)
{
    size_t value_size = c->value_size;

    if (c->type == CHUNK_STORED)
        memcpy(value, c->data, value_size);
    else if (snappy_uncompress((const char *)c->data, c->data_size, (char *)value, &value_size) != SNAPPY_OK)
        return refuse(c->at, "malformed compressed block");
    return masked_crc(value, value_size) == c->checksum ? CASK_OK : refuse(c->at, "wrong checksum");
}

int cask_snappy_decode(const uint8_t *stored, size_t size, uint8_t *value, size_t value_size)
{
    size_t at = 0, done = 0;
    chunk c;

    do {
        CASK_TRY(next_chunk(&c, stored, size, &at));
        if (c.value_size > value_size - done)
            return refuse(c.at, "more bytes than announced");
        if (c.data != NULL)
            CASK_TRY(decode_chunk(&c, value + done));
        done += c.value_size;
    } while (at < size);
    return done == value_size ? CASK_OK : refuse(c.at, "fewer bytes than announced");
}

/* Write the chunk of `value` to `to`, which has room for its header, checksum and the worst case of snappy. Returns
 * the size of the chunk. Not compressed if that saves less than an eighth: decoding is then a copy. */
static size_t encode_chunk(uint8_t *to, const uint8_t *value, size_t size)
{
    uint8_t *data = to + HEADER_SIZE + CHECKSUM_SIZE;
    size_t data_size = snappy_max_compressed_length(size);
    snappy_status status = snappy_compress((const char *)value, size, (char *)data, &data_size);
    uint32_t type = CHUNK_COMPRESSED;

    if (status != SNAPPY_OK || data_size * 8 > size * 7) {
        type = CHUNK_STORED;
        data_size = size;
        memcpy(data, value, size);
    }
    cask_store32(to, type | (uint32_t)(CHECKSUM_SIZE + data_size) << 8);
    cask_store32(to + HEADER_SIZE, masked_crc(value, size));
    return HEADER_SIZE + CHECKSUM_SIZE + data_size;
}

/* A finished chunk is never larger than its stored form; only the one being compressed needs room for the worst. An
 * object in memory is far too small for the sum to overflow. */
static size_t encoded_bound(size_t size)
{
    size_t chunks = size / CASK_SNAPPY_CHUNK_MAX + 1;

    return IDENTIFIER_SIZE + chunks * (HEADER_SIZE + CHECKSUM_SIZE) + size +
           snappy_max_compressed_length(CASK_SNAPPY_CHUNK_MAX);
}

int cask_snappy_encode(cask_buf *stored, const uint8_t *value, size_t size)
{
    size_t done = 0;

    stored->size = 0;
    CASK_TRY(cask_buf_reserve(stored, encoded_bound(size)));
    memcpy(stored->data, identifier, IDENTIFIER_SIZE);
    stored->size = IDENTIFIER_SIZE;
    while (done < size) {
        size_t part = size - done < CASK_SNAPPY_CHUNK_MAX ? size - done : CASK_SNAPPY_CHUNK_MAX;
        stored->size += encode_chunk(stored->data + stored->size, value + done, part);
        done += part;
    }
    return CASK_OK;
}
