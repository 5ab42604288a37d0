#include "codec.h"

#include "bytes.h"
#include "error.h"
#include "snappy_frames.h"

#include <inttypes.h>
#include <isa-l/crc.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

_Static_assert(sizeof(size_t) == sizeof(uint64_t), "sizes of values must fit in memory sizes");

uint32_t cask_crc32c(uint32_t crc, const void *data, size_t size)
{
    const size_t step = 1u << 30; /* crc32_iscsi() counts in int */
    const uint8_t *at = data;

    crc = ~crc;
    while (size > 0) {
        size_t part = size < step ? size : step;
        crc = crc32_iscsi((unsigned char *)(uintptr_t)at, (int)part, crc);
        at += part;
        size -= part;
    }
    return ~crc;
}

int cask_buf_reserve(cask_buf *buffer, size_t capacity)
{
    uint8_t *data;

    if (capacity <= buffer->capacity)
        return CASK_OK;
    data = realloc(buffer->data, capacity);
    if (data == NULL)
        return cask_fail_nomem();
    buffer->data = data;
    buffer->capacity = capacity;
    return CASK_OK;
}

void cask_buf_dispose(cask_buf *buffer)
{
    free(buffer->data);
    *buffer = (cask_buf)CASK_BUF_INIT;
}

/* ---- none --------------------------------------------------------------------------------------------------- */

static int too_large(uint64_t limit)
{
    return cask_fail(CASK_E_INVALID, CASK_NOWHERE, "a value of more than the %" PRIu64 " bytes allowed here; check the "
                     "data, or raise the limit", limit);
}

static int none_size(const uint8_t *stored, size_t size, uint64_t limit, uint64_t *value_size_out)
{
    (void)stored;
    if (size > limit)
        return too_large(limit);
    *value_size_out = size;
    return CASK_OK;
}

static int none_decode(const uint8_t *stored, size_t size, uint8_t *value, size_t value_size)
{
    if (size != value_size)
        return cask_fail(CASK_E_INVALID, CASK_NOWHERE, "%zu bytes where %zu were announced; take the data from a good "
                         "copy", size, value_size);
    if (size > 0)
        memcpy(value, stored, size);
    return CASK_OK;
}

static int none_encode(cask_buf *stored, int level, const uint8_t *value, size_t size)
{
    (void)level;
    if (size > UINT32_MAX)
        return too_large(UINT32_MAX);
    CASK_TRY(cask_buf_reserve(stored, size));
    if (size > 0)
        memcpy(stored->data, value, size);
    stored->size = size;
    return CASK_OK;
}

/* ---- snappy ------------------------------------------------------------------------------------------------- */

static int snappy_encode(cask_buf *stored, int level, const uint8_t *value, size_t size)
{
    (void)level;
    return cask_snappy_encode(stored, value, size);
}

/* ---- zstd --------------------------------------------------------------------------------------------------- */

enum { ZSTD_DESCRIPTOR_AT = 4, ZSTD_CHECKSUM_FLAG = 4, ZSTD_LEVEL_DEFAULT = 3, ZSTD_LEVEL_MAX = 22 };

static int zstd_refuse(const char *what)
{
    return cask_fail(CASK_E_INVALID, CASK_NOWHERE, "not a valid zstd value: %s; take the data from a good copy", what);
}

/* The magic is looked at here because to zstd a skippable frame is a frame without content. */
static int zstd_size(const uint8_t *stored, size_t size, uint64_t limit, uint64_t *value_size_out)
{
    unsigned long long value_size;

    if (size <= ZSTD_DESCRIPTOR_AT || cask_load32(stored) != ZSTD_MAGICNUMBER)
        return zstd_refuse("no zstd frame");
    if ((stored[ZSTD_DESCRIPTOR_AT] & ZSTD_CHECKSUM_FLAG) == 0)
        return zstd_refuse("a frame without a checksum");
    value_size = ZSTD_getFrameContentSize(stored, size);
    if (value_size == ZSTD_CONTENTSIZE_ERROR)
        return zstd_refuse("a malformed frame header");
    if (value_size == ZSTD_CONTENTSIZE_UNKNOWN)
        return zstd_refuse("a frame that does not say its content size");
    if (value_size > limit)
        return too_large(limit);
    /* A block has 4 bytes or more: few bytes cannot claim much memory. */
    if (value_size / ZSTD_BLOCKSIZE_MAX > size / 4)
        return zstd_refuse("too short for its announced content size");
    *value_size_out = value_size;
    return CASK_OK;
}

static int zstd_decode(const uint8_t *stored, size_t size, uint8_t *value, size_t value_size)
{
    ZSTD_DCtx *context;
    uint64_t announced;
    size_t done;

    CASK_TRY(zstd_size(stored, size, value_size, &announced));
    if (ZSTD_findFrameCompressedSize(stored, size) != size)
        return zstd_refuse("not one whole frame and nothing else");
    context = ZSTD_createDCtx();
    if (context == NULL)
        return cask_fail_nomem();
    done = ZSTD_decompressDCtx(context, value, value_size, stored, size);
    ZSTD_freeDCtx(context);
    if (ZSTD_isError(done))
        return zstd_refuse(ZSTD_getErrorName(done));
    return done == value_size ? CASK_OK : zstd_refuse("fewer bytes than announced");
}

static int zstd_encode(cask_buf *stored, int level, const uint8_t *value, size_t size)
{
    ZSTD_CCtx *context;
    size_t done;

    if (level < 0 || level > ZSTD_LEVEL_MAX)
        return cask_fail(CASK_E_INVALID, CASK_NOWHERE, "zstd level %d; give one of 1 to %d", level, ZSTD_LEVEL_MAX);
    CASK_TRY(cask_buf_reserve(stored, ZSTD_compressBound(size)));
    context = ZSTD_createCCtx();
    if (context == NULL)
        return cask_fail_nomem();
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level == 0 ? ZSTD_LEVEL_DEFAULT : level);
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    done = ZSTD_compress2(context, stored->data, stored->capacity, value, size);
    ZSTD_freeCCtx(context);
    if (ZSTD_isError(done))
        return cask_fail_nomem(); /* the room suffices and the parameters are right: nothing else can fail */
    stored->size = done;
    return CASK_OK;
}

/* ---- All ---------------------------------------------------------------------------------------------------- */

typedef struct codec_calls {
    const char *name;
    int (*size)(const uint8_t *stored, size_t size, uint64_t limit, uint64_t *value_size_out);
    int (*decode)(const uint8_t *stored, size_t size, uint8_t *value, size_t value_size);
    int (*encode)(cask_buf *stored, int level, const uint8_t *value, size_t size);
} codec_calls;

static const codec_calls codecs[] = {
    [CASK_CODEC_NONE] = { "none", none_size, none_decode, none_encode },
    [CASK_CODEC_SNAPPY] = { "snappy", cask_snappy_size, cask_snappy_decode, snappy_encode },
    [CASK_CODEC_ZSTD] = { "zstd", zstd_size, zstd_decode, zstd_encode },
};

static const codec_calls *find_codec(uint8_t codec)
{
    return codec < sizeof(codecs) / sizeof(codecs[0]) ? &codecs[codec] : NULL;
}

static int unknown_codec(uint8_t codec)
{
    return cask_fail(CASK_E_UNSUPPORTED, CASK_NOWHERE, "codec number %u is unknown; use a newer library", codec);
}

const char *cask_codec_name(uint8_t codec)
{
    const codec_calls *calls = find_codec(codec);

    return calls == NULL ? NULL : calls->name;
}

int cask_codec_size(uint8_t codec, const void *stored, size_t size, uint64_t limit, uint64_t *value_size_out)
{
    const codec_calls *calls = find_codec(codec);

    return calls == NULL ? unknown_codec(codec) : calls->size(stored, size, limit, value_size_out);
}

int cask_codec_decode(uint8_t codec, const void *stored, size_t size, void *value, size_t value_size)
{
    const codec_calls *calls = find_codec(codec);
    uint8_t nothing; /* so that an empty value, too, has an address */

    return calls == NULL ? unknown_codec(codec)
                         : calls->decode(stored, size, value_size == 0 ? &nothing : value, value_size);
}

int cask_codec_decode_buf(cask_buf *value, uint8_t codec, const void *stored, size_t size, uint64_t limit)
{
    uint64_t value_size;

    value->size = 0;
    CASK_TRY(cask_codec_size(codec, stored, size, limit, &value_size));
    CASK_TRY(cask_buf_reserve(value, (size_t)value_size));
    CASK_TRY(cask_codec_decode(codec, stored, size, value->data, (size_t)value_size));
    value->size = (size_t)value_size;
    return CASK_OK;
}

int cask_codec_encode(cask_buf *stored, uint8_t codec, int level, const void *value, size_t size)
{
    const codec_calls *calls = find_codec(codec);

    if (calls == NULL)
        return unknown_codec(codec);
    stored->size = 0;
    CASK_TRY(calls->encode(stored, level, value, size));
    return stored->size > UINT32_MAX ? too_large(UINT32_MAX) : CASK_OK;
}
