/* Every codec by its number, the first byte: what is hostile is refused, what was encoded comes back. */
#include "codec.h"
#include "fuzz.h"

enum { VALUE_MAX = 1 << 20 };

/* The most that bytes of a codec can stand for: a snappy copy of 3 yields 64, a zstd block of 4 yields 2^17. */
static size_t most_memory(uint8_t codec, size_t size)
{
    size_t value = codec == CASK_CODEC_ZSTD ? (size / 4 + 1) << 17 : 22 * size;

    return (value < VALUE_MAX ? value : VALUE_MAX) + (1u << 19);
}

static void decode(uint8_t codec, const uint8_t *stored, size_t size)
{
    cask_buf value = CASK_BUF_INIT, again = CASK_BUF_INIT;
    uint64_t value_size = 0;
    int measured, decoded;

    fuzz_memory_begin();
    measured = cask_codec_size(codec, stored, size, VALUE_MAX, &value_size);
    decoded = cask_codec_decode_buf(&value, codec, stored, size, VALUE_MAX);
    fuzz_memory_end(most_memory(codec, size));

    FUZZ_CHECK(cask_codec_name(codec) != NULL || (measured == CASK_E_UNSUPPORTED && decoded == CASK_E_UNSUPPORTED));
    FUZZ_CHECK(measured == CASK_OK || decoded == measured);
    FUZZ_CHECK(decoded == CASK_OK || decoded == CASK_E_INVALID || decoded == CASK_E_UNSUPPORTED);
    if (decoded == CASK_OK) {
        FUZZ_CHECK(value.size == value_size);
        FUZZ_CHECK(cask_codec_decode_buf(&again, codec, stored, size, value_size) == CASK_OK);
        FUZZ_CHECK(value.size == 0 || memcmp(value.data, again.data, value.size) == 0);
        FUZZ_CHECK(value_size == 0 ||
                   cask_codec_decode_buf(&again, codec, stored, size, value_size - 1) == CASK_E_INVALID);
    }
    cask_buf_dispose(&value);
    cask_buf_dispose(&again);
}

static void there_and_back(uint8_t codec, const uint8_t *data, size_t size)
{
    cask_buf stored = CASK_BUF_INIT, value = CASK_BUF_INIT;
    int level = codec == CASK_CODEC_ZSTD ? (int)(size % 4) : 0;
    int code = cask_codec_encode(&stored, codec, level, data, size);

    FUZZ_CHECK(code == (cask_codec_name(codec) == NULL ? CASK_E_UNSUPPORTED : CASK_OK));
    if (code == CASK_OK) {
        FUZZ_CHECK(cask_codec_decode_buf(&value, codec, stored.data, stored.size, size) == CASK_OK);
        FUZZ_CHECK(value.size == size && (size == 0 || memcmp(value.data, data, size) == 0));
    }
    cask_buf_dispose(&stored);
    cask_buf_dispose(&value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    decode(data[0], data + 1, size - 1);
    there_and_back(data[0], data + 1, size - 1);
    return 0;
}
