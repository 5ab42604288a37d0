/*
 * Snappy frames, against a second decoder. That one knows only google/snappy's framing_format.txt and
 * format_description.txt, and how a value is to be stored: a whole stream, no chunk that must not be skipped left out.
 */
#include "codec.h"
#include "fuzz.h"

enum { CHUNK_MAX = 65536, VALUE_MAX = 1 << 20 };

/* ---- The second decoder ----------------------------------------------------------------------------------------- */

static uint32_t masked_crc32c(const uint8_t *bytes, size_t size)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0x82f63b78u & (0u - (crc & 1)));
    }
    crc = ~crc;
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

/* A little-endian number of `count` bytes; false: there are not so many. */
static bool take(uint64_t *value, const uint8_t **at, const uint8_t *end, size_t count)
{
    *value = 0;
    if ((size_t)(end - *at) < count)
        return false;
    for (size_t i = 0; i < count; i++)
        *value |= (uint64_t) * (*at)++ << 8 * i;
    return true;
}

/* The preamble of a block: 7 bits a byte, the lowest first, no more than 2^32 - 1. */
static bool take_length(uint64_t *length, const uint8_t **at, const uint8_t *end)
{
    uint64_t byte = 0x80;

    *length = 0;
    for (unsigned shift = 0; byte >= 0x80; shift += 7) {
        if (shift > 28 || !take(&byte, at, end, 1))
            return false;
        *length |= (byte & 0x7f) << shift;
    }
    return *length <= UINT32_MAX;
}

/* A raw block; -1 if it is none or yields more than a chunk may. */
static int64_t decode_block(uint8_t out[CHUNK_MAX], const uint8_t *at, const uint8_t *end)
{
    uint64_t announced, done = 0;

    if (!take_length(&announced, &at, end) || announced > CHUNK_MAX)
        return -1;
    while (at < end) {
        uint8_t tag = *at++;
        uint64_t length, offset = 0;

        if ((tag & 3) == 0) {
            length = tag >> 2;
            if (length >= 60 && !take(&length, &at, end, length - 59))
                return -1;
            length++;
            if (length > (uint64_t)(end - at))
                return -1;
        } else if ((tag & 3) == 1) {
            length = 4 + (tag >> 2 & 7);
            if (!take(&offset, &at, end, 1))
                return -1;
            offset |= (uint64_t)(tag >> 5) << 8;
        } else {
            length = 1 + (tag >> 2);
            if (!take(&offset, &at, end, (tag & 3) == 2 ? 2 : 4))
                return -1;
        }
        if (length > announced - done || ((tag & 3) != 0 && (offset == 0 || offset > done)))
            return -1;
        for (uint64_t i = 0; i < length; i++, done++)
            out[done] = (tag & 3) == 0 ? *at++ : out[done - offset];
    }
    return done == announced ? (int64_t)done : -1;
}

/* The data of a chunk behind its checksum; -1 if it cannot be. */
static int64_t decode_data(uint8_t out[CHUNK_MAX], uint8_t type, const uint8_t *at, const uint8_t *end)
{
    if (type == 0)
        return decode_block(out, at, end);
    if (end - at > CHUNK_MAX)
        return -1;
    memcpy(out, at, (size_t)(end - at));
    return end - at;
}

/* A whole stream. `repair`: write the right checksums to the chunks instead of comparing them. */
static bool decode_stream(cask_buf *value, uint8_t *stream, size_t size, bool repair)
{
    static uint8_t out[CHUNK_MAX];
    const uint8_t *at = stream, *end = stream + size;

    value->size = 0;
    if (size == 0 || stream[0] != 0xff)
        return false;
    while (at < end) {
        uint64_t type, length, checksum;
        const uint8_t *next, *checksum_at;
        int64_t got;

        if (!take(&type, &at, end, 1) || !take(&length, &at, end, 3) || length > (uint64_t)(end - at))
            return false;
        next = at + length;
        if (type == 0xff && (length != 6 || memcmp(at, "sNaPpY", 6) != 0))
            return false;
        if (type >= 2 && type < 0x80)
            return false;
        if (type < 2) {
            checksum_at = at;
            if (!take(&checksum, &at, next, 4))
                return false;
            got = decode_data(out, (uint8_t)type, at, next);
            if (got < 0)
                return false;
            for (size_t i = 0; repair && i < 4; i++)
                stream[checksum_at - stream + (ptrdiff_t)i] = (uint8_t)(masked_crc32c(out, (size_t)got) >> 8 * i);
            if (!repair && checksum != masked_crc32c(out, (size_t)got))
                return false;
            if (value->size + (size_t)got > VALUE_MAX)
                return false;
            memcpy(value->data + value->size, out, (size_t)got);
            value->size += (size_t)got;
        }
        at = next;
    }
    return true;
}

/* ---- Both ------------------------------------------------------------------------------------------------------- */

static void compare(uint8_t *stream, size_t size)
{
    static uint8_t room[VALUE_MAX];
    cask_buf expected = { room, 0, sizeof(room) }, value = CASK_BUF_INIT;
    bool good = decode_stream(&expected, stream, size, false);
    uint64_t announced;
    int code;

    fuzz_memory_begin();
    code = cask_codec_decode_buf(&value, CASK_CODEC_SNAPPY, stream, size, VALUE_MAX);
    fuzz_memory_end(22 * size + 4096);
    FUZZ_CHECK(code == (good ? CASK_OK : CASK_E_INVALID));
    if (good) {
        FUZZ_CHECK(cask_codec_size(CASK_CODEC_SNAPPY, stream, size, expected.size, &announced) == CASK_OK);
        FUZZ_CHECK(announced == expected.size && value.size == expected.size);
        FUZZ_CHECK(value.size == 0 || memcmp(value.data, expected.data, value.size) == 0);
        FUZZ_CHECK(value.size == 0 ||
                   cask_codec_size(CASK_CODEC_SNAPPY, stream, size, value.size - 1, &announced) == CASK_E_INVALID);
    }
    cask_buf_dispose(&value);
}

static void there_and_back(const uint8_t *data, size_t size)
{
    static uint8_t room[VALUE_MAX];
    cask_buf stored = CASK_BUF_INIT, value = { room, 0, sizeof(room) };

    FUZZ_CHECK(cask_codec_encode(&stored, CASK_CODEC_SNAPPY, 0, data, size) == CASK_OK);
    FUZZ_CHECK(decode_stream(&value, stored.data, stored.size, false));
    FUZZ_CHECK(value.size == size && memcmp(value.data, data, size) == 0);
    cask_buf_dispose(&stored);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t room[VALUE_MAX];
    cask_buf ignored = { room, 0, sizeof(room) };
    uint8_t *stream = malloc(size == 0 ? 1 : size);

    if (size > VALUE_MAX)
        goto out;
    memcpy(stream, data, size);
    compare(stream, size);
    if (decode_stream(&ignored, stream, size, true))
        compare(stream, size);
    there_and_back(data, size);
out:
    free(stream);
    return 0;
}
