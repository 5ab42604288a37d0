/* The codecs: streams made by hand from the format's description, and what must be refused. */
#include "bytes.h"
#include "codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zstd.h>

#define LIMIT (1u << 30)

/* ---- Streams by hand ------------------------------------------------------------------------------------------ */

/* Bit by bit, from the definition: the second opinion on cask_crc32c(). */
static uint32_t slow_crc32c(const uint8_t *data, size_t size)
{
    uint32_t crc = 0xffffffffu;

    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 1) != 0 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
    }
    return ~crc;
}

static uint32_t slow_masked(const uint8_t *value, size_t size)
{
    uint32_t crc = slow_crc32c(value, size);

    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

typedef struct stream {
    uint8_t bytes[200000];
    size_t size;
} stream;

static void add_bytes(stream *s, const void *bytes, size_t size)
{
    assert_true(s->size + size <= sizeof(s->bytes));
    if (size > 0)
        memcpy(s->bytes + s->size, bytes, size);
    s->size += size;
}

static void add_chunk(stream *s, uint8_t type, const void *body, size_t size)
{
    uint8_t header[4];

    cask_store32(header, type | (uint32_t)size << 8);
    add_bytes(s, header, sizeof(header));
    add_bytes(s, body, size);
}

/* A data chunk: the checksum of `value` before `data`, its form in the stream. */
static void add_data(stream *s, uint8_t type, const void *value, size_t value_size, const void *data, size_t size)
{
    uint8_t header[8];

    cask_store32(header, type | (uint32_t)(size + 4) << 8);
    cask_store32(header + 4, slow_masked(value, value_size));
    add_bytes(s, header, sizeof(header));
    add_bytes(s, data, size);
}

static void add_stored(stream *s, const void *value, size_t size)
{
    add_data(s, 0x01, value, size, value, size);
}

static void add_identifier(stream *s)
{
    add_chunk(s, 0xff, "sNaPpY", 6);
}

/* A run of twenty 'a': length 20, the literal 'a', a copy of 19 bytes from one byte back. */
static const char run_value[] = "aaaaaaaaaaaaaaaaaaaa";
static const uint8_t run_block[] = { 0x14, 0x00, 'a', 0x4a, 0x01, 0x00 };

static void add_run(stream *s)
{
    add_data(s, 0x00, run_value, 20, run_block, sizeof(run_block));
}

static stream *new_stream(void)
{
    stream *s = test_calloc(1, sizeof(*s));

    add_identifier(s);
    return s;
}

/* A copy at the end of its own allocation, so that a read too far shows under the address sanitizer. */
static uint8_t *exact_copy(const void *bytes, size_t size)
{
    uint8_t *copy = malloc(size == 0 ? 1 : size);

    assert_non_null(copy);
    if (size > 0)
        memcpy(copy, bytes, size);
    return copy;
}

static int decode(cask_buf *value, uint8_t codec, const void *stored, size_t size, uint64_t limit)
{
    uint8_t *copy = exact_copy(stored, size);
    int result = cask_codec_decode_buf(value, codec, copy, size, limit);

    free(copy);
    return result;
}

static void assert_refused(uint8_t codec, const void *stored, size_t size)
{
    cask_buf value = CASK_BUF_INIT;

    assert_int_equal(decode(&value, codec, stored, size, LIMIT), CASK_E_INVALID);
    assert_int_equal(cask_error_last()->code, CASK_E_INVALID);
    assert_true(cask_error_last()->message[0] != '\0');
    assert_int_equal(value.size, 0);
    cask_buf_dispose(&value);
}

static void assert_decodes(uint8_t codec, const void *stored, size_t size, const void *expected, size_t expected_size)
{
    cask_buf value = CASK_BUF_INIT;

    assert_int_equal(decode(&value, codec, stored, size, expected_size), CASK_OK);
    assert_int_equal(value.size, expected_size);
    if (expected_size > 0)
        assert_memory_equal(value.data, expected, expected_size);
    cask_buf_dispose(&value);
}

static void assert_stream_refused(stream *s)
{
    assert_refused(CASK_CODEC_SNAPPY, s->bytes, s->size);
    test_free(s);
}

static void assert_stream_decodes(stream *s, const void *expected, size_t size)
{
    assert_decodes(CASK_CODEC_SNAPPY, s->bytes, s->size, expected, size);
    test_free(s);
}

/* Bytes that do not compress. */
static void fill_noise(uint8_t *to, size_t size)
{
    uint64_t state = 0x9e3779b97f4a7c15u;

    for (size_t i = 0; i < size; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        to[i] = (uint8_t)(state >> 32);
    }
}

/* Half noise, half zeros by turns of 1,000 bytes. */
static void fill_mixed(uint8_t *to, size_t size)
{
    fill_noise(to, size);
    for (size_t i = 0; i < size; i++) {
        if (i / 1000 % 2 == 1)
            to[i] = 0;
    }
}

/* ---- Checksums and buffers -------------------------------------------------------------------------------------- */

static void codec__crc32c_has_the_known_check_value(void **state)
{
    (void)state;
    assert_int_equal(cask_crc32c(0, "123456789", 9), 0xe3069283u);
    assert_int_equal(cask_crc32c(0, NULL, 0), 0);
}

static void codec__crc32c_continues(void **state)
{
    uint8_t bytes[1000];

    (void)state;
    fill_noise(bytes, sizeof(bytes));
    for (size_t cut = 0; cut <= sizeof(bytes); cut += 37) {
        uint32_t crc = cask_crc32c(0, bytes, cut);
        assert_int_equal(cask_crc32c(crc, bytes + cut, sizeof(bytes) - cut), slow_crc32c(bytes, sizeof(bytes)));
    }
}

static void codec__buf_reserve_keeps_contents(void **state)
{
    cask_buf buffer = CASK_BUF_INIT;

    (void)state;
    assert_int_equal(cask_buf_reserve(&buffer, 4), CASK_OK);
    memcpy(buffer.data, "slot", 4);
    buffer.size = 4;
    assert_int_equal(cask_buf_reserve(&buffer, 100000), CASK_OK);
    assert_memory_equal(buffer.data, "slot", 4);
    assert_int_equal(buffer.size, 4);
    assert_true(buffer.capacity >= 100000);
    cask_buf_dispose(&buffer);
    assert_null(buffer.data);
    assert_int_equal(buffer.size + buffer.capacity, 0);
    cask_buf_dispose(&buffer);
}

static void codec__names(void **state)
{
    (void)state;
    assert_string_equal(cask_codec_name(CASK_CODEC_NONE), "none");
    assert_string_equal(cask_codec_name(CASK_CODEC_SNAPPY), "snappy");
    assert_string_equal(cask_codec_name(CASK_CODEC_ZSTD), "zstd");
    assert_null(cask_codec_name(3));
    assert_null(cask_codec_name(255));
}

static void codec__unknown_number_is_unsupported(void **state)
{
    cask_buf buffer = CASK_BUF_INIT;
    uint64_t size;
    uint8_t byte = 0;

    (void)state;
    assert_int_equal(cask_codec_size(3, "x", 1, 10, &size), CASK_E_UNSUPPORTED);
    assert_int_equal(cask_codec_decode(3, "x", 1, &byte, 1), CASK_E_UNSUPPORTED);
    assert_int_equal(cask_codec_decode_buf(&buffer, 3, "x", 1, 10), CASK_E_UNSUPPORTED);
    assert_int_equal(cask_codec_encode(&buffer, 3, 0, "x", 1), CASK_E_UNSUPPORTED);
    cask_buf_dispose(&buffer);
}

/* The length of a record has 32 bits. Nothing is read of what is refused. */
static void codec__more_than_a_record_holds_is_refused(void **state)
{
    cask_buf buffer = CASK_BUF_INIT;

    (void)state;
    assert_int_equal(cask_codec_encode(&buffer, CASK_CODEC_NONE, 0, "x", (size_t)UINT32_MAX + 1), CASK_E_INVALID);
    assert_int_equal(buffer.size, 0);
    assert_int_equal(buffer.capacity, 0);
}

/* ---- All codecs ------------------------------------------------------------------------------------------------- */

static void assert_round_trip(uint8_t codec, const uint8_t *value, size_t size)
{
    cask_buf stored = CASK_BUF_INIT;
    uint64_t value_size;

    assert_int_equal(cask_codec_encode(&stored, codec, 0, value, size), CASK_OK);
    assert_int_equal(cask_codec_size(codec, stored.data, stored.size, size, &value_size), CASK_OK);
    assert_int_equal(value_size, size);
    if (size > 0)
        assert_int_equal(cask_codec_size(codec, stored.data, stored.size, size - 1, &value_size), CASK_E_INVALID);
    assert_decodes(codec, stored.data, stored.size, value, size);
    cask_buf_dispose(&stored);
}

static void codec__round_trips_every_size_class(void **state)
{
    static const size_t sizes[] = { 0, 1, 7, 8, 100, 65535, 65536, 65537, 131072, 300000 };
    uint8_t *mixed = test_malloc(300000), *noise = test_malloc(300000);

    (void)state;
    fill_mixed(mixed, 300000);
    fill_noise(noise, 300000);
    for (uint8_t codec = CASK_CODEC_NONE; codec <= CASK_CODEC_ZSTD; codec++) {
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            assert_round_trip(codec, mixed, sizes[i]);
            assert_round_trip(codec, noise, sizes[i]);
        }
        assert_round_trip(codec, NULL, 0);
    }
    test_free(mixed);
    test_free(noise);
}

static void codec__decode_refuses_another_value_size(void **state)
{
    uint8_t value[21];

    (void)state;
    for (uint8_t codec = CASK_CODEC_NONE; codec <= CASK_CODEC_ZSTD; codec++) {
        cask_buf stored = CASK_BUF_INIT;
        assert_int_equal(cask_codec_encode(&stored, codec, 0, run_value, 20), CASK_OK);
        assert_int_equal(cask_codec_decode(codec, stored.data, stored.size, value, 19), CASK_E_INVALID);
        assert_int_equal(cask_codec_decode(codec, stored.data, stored.size, value, 21), CASK_E_INVALID);
        assert_int_equal(cask_codec_decode(codec, stored.data, stored.size, value, 0), CASK_E_INVALID);
        assert_int_equal(cask_codec_decode(codec, stored.data, stored.size, value, 20), CASK_OK);
        cask_buf_dispose(&stored);
    }
}

static void codec__flipped_bits_are_refused_or_harmless(void **state)
{
    uint8_t value[300];

    (void)state;
    fill_noise(value, 100);
    memset(value + 100, 7, 200);
    for (uint8_t codec = CASK_CODEC_SNAPPY; codec <= CASK_CODEC_ZSTD; codec++) {
        cask_buf stored = CASK_BUF_INIT, decoded = CASK_BUF_INIT;
        assert_int_equal(cask_codec_encode(&stored, codec, 0, value, sizeof(value)), CASK_OK);
        for (size_t bit = 0; bit < stored.size * 8; bit++) {
            if (codec == CASK_CODEC_SNAPPY && bit == 10 * 8 + 7)
                continue; /* makes the data chunk a skippable one, as the format has it */
            stored.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            if (decode(&decoded, codec, stored.data, stored.size, LIMIT) == CASK_OK &&
                (decoded.size != sizeof(value) || memcmp(decoded.data, value, sizeof(value)) != 0))
                fail_msg("codec %u: wrong value accepted with bit %zu flipped", codec, bit);
            stored.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        cask_buf_dispose(&stored);
        cask_buf_dispose(&decoded);
    }
}

static void codec__every_shortened_value_is_refused(void **state)
{
    uint8_t value[300];

    (void)state;
    fill_mixed(value, sizeof(value));
    for (uint8_t codec = CASK_CODEC_SNAPPY; codec <= CASK_CODEC_ZSTD; codec++) {
        cask_buf stored = CASK_BUF_INIT;
        assert_int_equal(cask_codec_encode(&stored, codec, 0, value, sizeof(value)), CASK_OK);
        for (size_t size = 0; size < stored.size; size++) {
            if (codec == CASK_CODEC_SNAPPY && size == 10)
                continue; /* the identifier alone: the empty value */
            assert_refused(codec, stored.data, size);
        }
        cask_buf_dispose(&stored);
    }
}

/* ---- snappy: what must decode ----------------------------------------------------------------------------------- */

/* A block of an era file of the mainnet preset, slot 1, as it stands there. */
static const uint8_t real_block[] = {
    0xff, 0x06, 0x00, 0x00, 0x73, 0x4e, 0x61, 0x50, 0x70, 0x59, 0x00, 0x0a, 0x02, 0x00, 0x98, 0x69, 0x44, 0x9a, 0xfe,
    0x04, 0xf0, 0x6d, 0x64, 0x00, 0x00, 0x00, 0xa0, 0x91, 0x79, 0x54, 0x55, 0xf8, 0x29, 0xb6, 0xf2, 0x83, 0x7e, 0xd1,
    0xf7, 0xca, 0x5d, 0x85, 0xb1, 0xa1, 0x86, 0x3a, 0x1b, 0xc7, 0x5e, 0x30, 0x77, 0xea, 0xa9, 0x37, 0x05, 0xeb, 0xbf,
    0x88, 0x06, 0x8b, 0xdb, 0xe6, 0x48, 0x52, 0x70, 0xda, 0xda, 0xb7, 0x14, 0xac, 0x10, 0x18, 0x08, 0xd6, 0x0c, 0x64,
    0x86, 0xd2, 0xa5, 0xd1, 0xd4, 0xb9, 0x00, 0x3b, 0x59, 0xdd, 0xf1, 0xd6, 0x65, 0x19, 0x27, 0xe8, 0x22, 0xf4, 0x78,
    0xbc, 0xa3, 0x6e, 0x9b, 0xde, 0xa2, 0x12, 0xf9, 0xdb, 0xbd, 0xb9, 0x03, 0xe2, 0x11, 0x90, 0xb7, 0xe2, 0xa4, 0xd8,
    0xc2, 0x1e, 0xe9, 0xce, 0x40, 0x4e, 0x85, 0x96, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xbe, 0x00, 0x09,
    0x08, 0xf4, 0x05, 0x01, 0x16, 0x09, 0xfb, 0x64, 0x42, 0x60, 0xd0, 0xec, 0xb6, 0x5e, 0x37, 0x35, 0x12, 0x09, 0x9d,
    0xb8, 0x25, 0x28, 0xa1, 0x11, 0x9f, 0x7d, 0x2b, 0x2f, 0x5a, 0xbb, 0xa4, 0x95, 0x31, 0xde, 0xed, 0xa2, 0x35, 0x7a,
    0x50, 0xff, 0x92, 0x1c, 0x4d, 0xf7, 0x30, 0xf8, 0x4c, 0x59, 0xde, 0x66, 0x40, 0xf6, 0x1d, 0x75, 0x23, 0xfc, 0x3b,
    0x6b, 0x73, 0xee, 0xfb, 0xfd, 0xfc, 0x01, 0x34, 0x7f, 0x7c, 0x16, 0x54, 0x00, 0x00, 0x00, 0x86, 0x09, 0x97, 0xe9,
    0xbf, 0x2f, 0xd2, 0x9a, 0x81, 0xaa, 0xd8, 0x47, 0xce, 0xaf, 0x44, 0x2f, 0x06, 0xee, 0x04, 0x1b, 0xc2, 0x52, 0x5c,
    0xf8, 0x62, 0x40, 0x2f, 0x1d, 0x8f, 0xc8, 0x58, 0xc0, 0x51, 0xd2, 0xb6, 0xfc, 0xa7, 0x34, 0x62, 0xe5, 0x17, 0x13,
    0xba, 0x88, 0x8b, 0x32, 0x7c, 0x95, 0x04, 0x0b, 0xd7, 0x4c, 0xd4, 0x5f, 0x3c, 0xe5, 0x4e, 0x41, 0xf8, 0x7c, 0x63,
    0xc8, 0x97, 0x0c, 0x9a, 0x20, 0x02, 0x59, 0x78, 0x4d, 0xdb, 0xe6, 0xb8, 0xcf, 0x24, 0x6b, 0xa1, 0xfa, 0x56, 0x4f,
    0x3c, 0x2e, 0xc8, 0xfd, 0xc1, 0x37, 0x4d, 0x8a, 0xe9, 0x54, 0x73, 0x18, 0x60, 0x81, 0xd3, 0x79, 0x6b, 0x28, 0xb2,
    0xe2, 0x6a, 0xc1, 0x04, 0xec, 0x15, 0x73, 0x41, 0x10, 0xb9, 0xd4, 0x4b, 0x60, 0x86, 0x53, 0xc0, 0x44, 0xc3, 0x04,
    0x2b, 0x8f, 0x85, 0x61, 0x85, 0xf7, 0x18, 0xc4, 0x58, 0xe1, 0x40, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x9d,
    0x04, 0xc3, 0xe0, 0xba, 0x62, 0x09, 0x8a, 0xe4, 0x30, 0x8b, 0xf6, 0x1e, 0x80, 0xdd, 0x2e, 0xe0, 0x2a, 0x9d, 0x3e,
    0xb5, 0x82, 0xf1, 0x2b, 0x8e, 0xc9, 0x57, 0xd3, 0x07, 0xa4, 0x6f, 0x4d, 0x73, 0x6c, 0x6f, 0x74, 0x20, 0x31, 0x20,
    0x63, 0x6f, 0x6c, 0x64, 0x20, 0x73, 0x74, 0x6f, 0x72, 0x61, 0x67, 0x65, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x29, 0x0c, 0x08, 0xdc, 0x00, 0x00, 0x15, 0x04, 0x08, 0xc6, 0x01, 0x00, 0x05, 0x04, 0x10, 0x04, 0x00, 0x00, 0x00,
    0xe4, 0x09, 0x1f, 0x32, 0x01, 0x00, 0x7e, 0x38, 0x01, 0x32, 0x2d, 0x00, 0x8a, 0x01, 0x00, 0x7e, 0x50, 0x00, 0xf0,
    0x61, 0xa5, 0x87, 0x93, 0x79, 0xce, 0xf8, 0x12, 0x62, 0x6c, 0x65, 0x15, 0xb4, 0xbd, 0x95, 0x86, 0x79, 0x5e, 0xd7,
    0x9f, 0x67, 0xc1, 0x20, 0xd5, 0x1d, 0x8c, 0x42, 0xc9, 0x58, 0xa5, 0x48, 0xe5, 0x47, 0xfa, 0x66, 0x94, 0xef, 0x79,
    0x04, 0xbb, 0x9f, 0xaf, 0xa9, 0xa5, 0x2f, 0x35, 0x18, 0x51, 0x75, 0x13, 0x37, 0xd3, 0xc8, 0x06, 0x17, 0xbd, 0xee,
    0x9b, 0x51, 0x93, 0x94, 0x2e, 0xf7, 0xf6, 0x47, 0x73, 0xbd, 0x24, 0x38, 0xfc, 0xf3, 0x8c, 0x3a, 0x50, 0x11, 0x46,
    0x89, 0x61, 0x58, 0xa3, 0xc4, 0xd2, 0x2a, 0xa0, 0x03, 0x71, 0xad, 0x43, 0xd5, 0x16, 0x43, 0xba, 0x5d, 0xd3, 0x40,
    0x1e, 0x65, 0xfd, 0x07,
};

static void codec__snappy_decodes_a_real_block(void **state)
{
    cask_buf value = CASK_BUF_INIT;

    (void)state;
    assert_int_equal(decode(&value, CASK_CODEC_SNAPPY, real_block, sizeof(real_block), LIMIT), CASK_OK);
    assert_int_equal(value.size, 638);
    assert_int_equal(cask_load32(value.data), 100);
    assert_int_equal(cask_load64(value.data + 100), 1);
    cask_buf_dispose(&value);
}

static void codec__snappy_empty_value_is_the_identifier(void **state)
{
    cask_buf stored = CASK_BUF_INIT;

    (void)state;
    assert_int_equal(cask_codec_encode(&stored, CASK_CODEC_SNAPPY, 0, NULL, 0), CASK_OK);
    assert_int_equal(stored.size, 10);
    assert_memory_equal(stored.data, "\xff\x06\x00\x00sNaPpY", 10);
    cask_buf_dispose(&stored);
    assert_stream_decodes(new_stream(), NULL, 0);
}

static void codec__snappy_decodes_compressed_and_stored_chunks(void **state)
{
    stream *s = new_stream();

    (void)state;
    add_run(s);
    add_stored(s, "bbb", 3);
    add_run(s);
    assert_stream_decodes(s, "aaaaaaaaaaaaaaaaaaaabbbaaaaaaaaaaaaaaaaaaaa", 43);
}

static void codec__snappy_accepts_odd_streams(void **state)
{
    static const uint8_t empty_block[] = { 0 };
    stream *s = new_stream();

    (void)state;
    add_chunk(s, 0xfe, NULL, 0);
    add_stored(s, "x", 1);
    add_identifier(s);
    add_chunk(s, 0x80, "skip", 4);
    add_chunk(s, 0xfd, NULL, 0);
    add_stored(s, "", 0);
    add_data(s, 0x00, "", 0, empty_block, 1);
    add_run(s);
    add_chunk(s, 0xfe, "\0\0\0", 3);
    add_identifier(s);
    assert_stream_decodes(s, "xaaaaaaaaaaaaaaaaaaaa", 21);
}

static void codec__snappy_accepts_the_largest_chunk(void **state)
{
    stream *s = new_stream();
    uint8_t *value = test_malloc(65536);

    (void)state;
    fill_noise(value, 65536);
    add_stored(s, value, 65536);
    assert_stream_decodes(s, value, 65536);
    test_free(value);
}

/* ---- snappy: what must be refused ------------------------------------------------------------------------------- */

static void codec__snappy_refuses_nothing_at_all(void **state)
{
    (void)state;
    assert_refused(CASK_CODEC_SNAPPY, NULL, 0);
}

static void codec__snappy_refuses_missing_stream_identifier(void **state)
{
    stream *s = new_stream();

    (void)state;
    s->size = 0;
    add_run(s);
    assert_stream_refused(s);

    s = new_stream();
    s->size = 0;
    add_chunk(s, 0xfe, NULL, 0);
    add_identifier(s);
    assert_stream_refused(s);
}

static void codec__snappy_refuses_malformed_stream_identifier(void **state)
{
    stream *s = new_stream();

    (void)state;
    s->bytes[5] = 'n';
    assert_stream_refused(s);

    s = new_stream();
    s->size = 0;
    add_chunk(s, 0xff, "sNaPpYx", 7);
    assert_stream_refused(s);

    s = new_stream();
    add_chunk(s, 0xff, "sNaPp", 5);
    assert_stream_refused(s);
}

static void codec__snappy_refuses_reserved_chunk_types(void **state)
{
    (void)state;
    for (unsigned type = 0x02; type < 0x80; type++) {
        stream *s = new_stream();
        add_chunk(s, (uint8_t)type, "0123456789", 10);
        add_run(s);
        assert_stream_refused(s);
    }
}

static void codec__snappy_refuses_wrong_checksum(void **state)
{
    stream *s = new_stream();

    (void)state;
    add_run(s);
    s->bytes[10 + 4] ^= 1;
    assert_stream_refused(s);

    s = new_stream();
    add_stored(s, "bbb", 3);
    s->bytes[10 + 8] ^= 1;
    assert_stream_refused(s);
}

static void codec__snappy_refuses_unmasked_checksum(void **state)
{
    stream *s = new_stream();

    (void)state;
    add_stored(s, "bbb", 3);
    cask_store32(s->bytes + 10 + 4, slow_crc32c((const uint8_t *)"bbb", 3));
    assert_stream_refused(s);
}

static void codec__snappy_refuses_cut_chunks(void **state)
{
    stream *s = new_stream();

    (void)state;
    add_run(s);
    for (size_t size = 1; size < s->size; size++) {
        if (size != 10)
            assert_refused(CASK_CODEC_SNAPPY, s->bytes, size);
    }
    test_free(s);
}

static void codec__snappy_refuses_chunk_without_room_for_checksum(void **state)
{
    (void)state;
    for (uint8_t type = 0x00; type <= 0x01; type++) {
        for (size_t size = 0; size < 4; size++) {
            stream *s = new_stream();
            add_chunk(s, type, "\0\0\0", size);
            assert_stream_refused(s);
        }
    }
}

static void codec__snappy_refuses_compressed_chunk_without_block(void **state)
{
    stream *s = new_stream();

    (void)state;
    add_data(s, 0x00, "", 0, NULL, 0);
    assert_stream_refused(s);
}

static void codec__snappy_refuses_stored_chunk_too_large(void **state)
{
    stream *s = new_stream();
    uint8_t *value = test_calloc(1, 65537);

    (void)state;
    add_stored(s, value, 65537);
    assert_stream_refused(s);
    test_free(value);
}

static void codec__snappy_refuses_compressed_chunk_too_large(void **state)
{
    uint8_t *value = test_calloc(1, 65537);
    uint8_t block[3 + 2 + 3 * 1024] = { 0x81, 0x80, 0x04, 0x00, 0x00 }; /* 65,537: a zero, then 1,024 copies of 64 */
    stream *s = new_stream();

    (void)state;
    for (size_t at = 5; at < sizeof(block); at += 3) {
        block[at] = 0xfe;
        block[at + 1] = 1;
        block[at + 2] = 0;
    }
    add_data(s, 0x00, value, 65537, block, sizeof(block));
    assert_stream_refused(s);

    s = new_stream(); /* the same with one byte less is well-formed */
    block[0] = 0x80;
    block[sizeof(block) - 3] = 0xfa;
    add_data(s, 0x00, value, 65536, block, sizeof(block));
    assert_stream_decodes(s, value, 65536);
    test_free(value);
}

static void codec__snappy_refuses_bomb_by_its_headers(void **state)
{
    static const uint8_t huge[] = { 0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, 'a' };
    static const uint8_t full[] = { 0x80, 0x80, 0x04, 0x00, 'a' };
    stream *s = new_stream();
    uint64_t size;

    (void)state;
    add_data(s, 0x00, "a", 1, huge, sizeof(huge));
    assert_int_equal(cask_codec_size(CASK_CODEC_SNAPPY, s->bytes, s->size, UINT64_MAX, &size), CASK_E_INVALID);
    test_free(s);

    s = new_stream(); /* 65,536 bytes announced by a block of two */
    add_data(s, 0x00, "a", 1, full, sizeof(full));
    assert_int_equal(cask_codec_size(CASK_CODEC_SNAPPY, s->bytes, s->size, UINT64_MAX, &size), CASK_E_INVALID);
    test_free(s);
}

static void codec__snappy_refuses_malformed_blocks(void **state)
{
    static const uint8_t endless_length[] = { 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01 };
    static const uint8_t copy_from_before[] = { 0x14, 0x00, 'a', 0x4a, 0x02, 0x00 };
    static const uint8_t too_short[] = { 0x15, 0x00, 'a', 0x4a, 0x01, 0x00 };
    static const uint8_t too_long[] = { 0x13, 0x00, 'a', 0x4a, 0x01, 0x00 };
    static const uint8_t literal_cut[] = { 0x14, 0x4c, 'a', 'a' };
    static const struct { const uint8_t *block; size_t size; } cases[] = {
        { endless_length, sizeof(endless_length) }, { copy_from_before, sizeof(copy_from_before) },
        { too_short, sizeof(too_short) },           { too_long, sizeof(too_long) },
        { literal_cut, sizeof(literal_cut) },       { run_block, sizeof(run_block) - 1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        stream *s = new_stream();
        add_data(s, 0x00, run_value, 20, cases[i].block, cases[i].size);
        assert_stream_refused(s);
    }
}

static void codec__snappy_refuses_more_than_the_limit(void **state)
{
    stream *s = new_stream();
    uint64_t size;

    (void)state;
    add_run(s);
    add_run(s);
    assert_int_equal(cask_codec_size(CASK_CODEC_SNAPPY, s->bytes, s->size, 39, &size), CASK_E_INVALID);
    assert_int_equal(cask_codec_size(CASK_CODEC_SNAPPY, s->bytes, s->size, 40, &size), CASK_OK);
    assert_int_equal(size, 40);
    test_free(s);
}

/* ---- snappy: what is written ------------------------------------------------------------------------------------ */

static void codec__snappy_encodes_chunks_of_65536(void **state)
{
    uint8_t *value = test_calloc(1, 65536 * 2 + 1);
    cask_buf stored = CASK_BUF_INIT;
    size_t at = 10;
    unsigned chunks = 0;

    (void)state;
    assert_int_equal(cask_codec_encode(&stored, CASK_CODEC_SNAPPY, 0, value, 65536 * 2 + 1), CASK_OK);
    assert_memory_equal(stored.data, "\xff\x06\x00\x00sNaPpY", 10);
    for (; at < stored.size; chunks++) {
        size_t part = chunks < 2 ? 65536 : 1;
        assert_int_equal(stored.data[at], chunks < 2 ? 0x00 : 0x01);
        assert_int_equal(cask_load32(stored.data + at + 4), slow_masked(value, part));
        at += 4 + (cask_load32(stored.data + at) >> 8);
    }
    assert_int_equal(at, stored.size);
    assert_int_equal(chunks, 3);
    cask_buf_dispose(&stored);
    test_free(value);
}

static void codec__snappy_stores_what_does_not_compress(void **state)
{
    uint8_t value[1000];
    cask_buf stored = CASK_BUF_INIT;

    (void)state;
    fill_noise(value, sizeof(value));
    memset(value, 0, 100); /* saves less than an eighth */
    assert_int_equal(cask_codec_encode(&stored, CASK_CODEC_SNAPPY, 0, value, sizeof(value)), CASK_OK);
    assert_int_equal(stored.size, 10 + 8 + sizeof(value));
    assert_int_equal(stored.data[10], 0x01);
    memset(value, 0, 200); /* saves more */
    assert_int_equal(cask_codec_encode(&stored, CASK_CODEC_SNAPPY, 0, value, sizeof(value)), CASK_OK);
    assert_true(stored.size < 10 + 8 + 875);
    assert_int_equal(stored.data[10], 0x00);
    cask_buf_dispose(&stored);
}

/* ---- zstd ------------------------------------------------------------------------------------------------------- */

/* A frame as zstd would write it for others. */
static size_t zstd_frame(uint8_t *to, size_t capacity, int content_size, int checksum)
{
    ZSTD_CCtx *context = ZSTD_createCCtx();
    size_t size;

    assert_non_null(context);
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, content_size);
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, checksum);
    size = ZSTD_compress2(context, to, capacity, run_value, 20);
    ZSTD_freeCCtx(context);
    assert_false(ZSTD_isError(size));
    return size;
}

static void codec__zstd_decodes_a_frame(void **state)
{
    uint8_t frame[100];
    size_t size = zstd_frame(frame, sizeof(frame), 1, 1);

    (void)state;
    assert_decodes(CASK_CODEC_ZSTD, frame, size, run_value, 20);
}

static void codec__zstd_refuses_unknown_content_size(void **state)
{
    uint8_t frame[100];
    size_t size = zstd_frame(frame, sizeof(frame), 0, 1);

    (void)state;
    assert_refused(CASK_CODEC_ZSTD, frame, size);
}

static void codec__zstd_refuses_missing_checksum(void **state)
{
    uint8_t frame[100];
    size_t size = zstd_frame(frame, sizeof(frame), 1, 0);

    (void)state;
    assert_refused(CASK_CODEC_ZSTD, frame, size);
}

static void codec__zstd_refuses_wrong_checksum(void **state)
{
    uint8_t frame[100];
    size_t size = zstd_frame(frame, sizeof(frame), 1, 1);

    (void)state;
    frame[size - 1] ^= 1;
    assert_refused(CASK_CODEC_ZSTD, frame, size);
}

static void codec__zstd_refuses_trailing_bytes_and_frames(void **state)
{
    static const uint8_t skippable[] = { 0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0 };
    uint8_t frames[200] = { 0 };
    size_t size = zstd_frame(frames, 100, 1, 1);

    (void)state;
    assert_refused(CASK_CODEC_ZSTD, frames, size + 1);
    memcpy(frames + size, frames, size);
    assert_refused(CASK_CODEC_ZSTD, frames, size * 2);
    memcpy(frames + size, skippable, sizeof(skippable));
    assert_refused(CASK_CODEC_ZSTD, frames, size + sizeof(skippable));
    memmove(frames + sizeof(skippable), frames, size);
    memcpy(frames, skippable, sizeof(skippable));
    assert_refused(CASK_CODEC_ZSTD, frames, size + sizeof(skippable));
    assert_refused(CASK_CODEC_ZSTD, skippable, sizeof(skippable));
}

static void codec__zstd_refuses_more_than_the_limit(void **state)
{
    uint8_t frame[100];
    size_t size = zstd_frame(frame, sizeof(frame), 1, 1);
    uint64_t value_size;

    (void)state;
    assert_int_equal(cask_codec_size(CASK_CODEC_ZSTD, frame, size, 19, &value_size), CASK_E_INVALID);
    assert_int_equal(cask_codec_size(CASK_CODEC_ZSTD, frame, size, 20, &value_size), CASK_OK);
    assert_int_equal(value_size, 20);
}

static void codec__zstd_takes_levels_1_to_22(void **state)
{
    cask_buf stored = CASK_BUF_INIT;

    (void)state;
    for (int level = 1; level <= 22; level += 7) {
        assert_int_equal(cask_codec_encode(&stored, CASK_CODEC_ZSTD, level, run_value, 20), CASK_OK);
        assert_decodes(CASK_CODEC_ZSTD, stored.data, stored.size, run_value, 20);
    }
    assert_int_equal(cask_codec_encode(&stored, CASK_CODEC_ZSTD, 23, run_value, 20), CASK_E_INVALID);
    assert_int_equal(cask_codec_encode(&stored, CASK_CODEC_ZSTD, -1, run_value, 20), CASK_E_INVALID);
    cask_buf_dispose(&stored);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codec__crc32c_has_the_known_check_value),
        cmocka_unit_test(codec__crc32c_continues),
        cmocka_unit_test(codec__buf_reserve_keeps_contents),
        cmocka_unit_test(codec__names),
        cmocka_unit_test(codec__unknown_number_is_unsupported),
        cmocka_unit_test(codec__more_than_a_record_holds_is_refused),
        cmocka_unit_test(codec__round_trips_every_size_class),
        cmocka_unit_test(codec__decode_refuses_another_value_size),
        cmocka_unit_test(codec__flipped_bits_are_refused_or_harmless),
        cmocka_unit_test(codec__every_shortened_value_is_refused),
        cmocka_unit_test(codec__snappy_decodes_a_real_block),
        cmocka_unit_test(codec__snappy_empty_value_is_the_identifier),
        cmocka_unit_test(codec__snappy_decodes_compressed_and_stored_chunks),
        cmocka_unit_test(codec__snappy_accepts_odd_streams),
        cmocka_unit_test(codec__snappy_accepts_the_largest_chunk),
        cmocka_unit_test(codec__snappy_refuses_nothing_at_all),
        cmocka_unit_test(codec__snappy_refuses_missing_stream_identifier),
        cmocka_unit_test(codec__snappy_refuses_malformed_stream_identifier),
        cmocka_unit_test(codec__snappy_refuses_reserved_chunk_types),
        cmocka_unit_test(codec__snappy_refuses_wrong_checksum),
        cmocka_unit_test(codec__snappy_refuses_unmasked_checksum),
        cmocka_unit_test(codec__snappy_refuses_cut_chunks),
        cmocka_unit_test(codec__snappy_refuses_chunk_without_room_for_checksum),
        cmocka_unit_test(codec__snappy_refuses_compressed_chunk_without_block),
        cmocka_unit_test(codec__snappy_refuses_stored_chunk_too_large),
        cmocka_unit_test(codec__snappy_refuses_compressed_chunk_too_large),
        cmocka_unit_test(codec__snappy_refuses_bomb_by_its_headers),
        cmocka_unit_test(codec__snappy_refuses_malformed_blocks),
        cmocka_unit_test(codec__snappy_refuses_more_than_the_limit),
        cmocka_unit_test(codec__snappy_encodes_chunks_of_65536),
        cmocka_unit_test(codec__snappy_stores_what_does_not_compress),
        cmocka_unit_test(codec__zstd_decodes_a_frame),
        cmocka_unit_test(codec__zstd_refuses_unknown_content_size),
        cmocka_unit_test(codec__zstd_refuses_missing_checksum),
        cmocka_unit_test(codec__zstd_refuses_wrong_checksum),
        cmocka_unit_test(codec__zstd_refuses_trailing_bytes_and_frames),
        cmocka_unit_test(codec__zstd_refuses_more_than_the_limit),
        cmocka_unit_test(codec__zstd_takes_levels_1_to_22),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
