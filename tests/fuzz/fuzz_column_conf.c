/*
 * column.conf. The first byte says how the others are laid out: bit 0, as the four copies of version 4, 512 bytes
 * each; bit 1, with their checksums set right; bit 2, all four as the first. What is read must be written alike.
 */
#include "bytes.h"
#include "codec.h"
#include "conf.h"
#include "fuzz.h"

static const char path[] = "/column.conf";

enum { CRC_AT = 508 };

/* To be freed. */
static uint8_t *lay_out(size_t *size_out, uint64_t how, const uint8_t *data, size_t size)
{
    uint8_t *whole = calloc(1, CASK_CONF_V4_SIZE);

    for (size_t i = 0; i < CASK_CONF_COPIES; i++) {
        uint8_t *copy = whole + i * CASK_CONF_COPY_SPACING;
        size_t from = (how & 4) != 0 ? 0 : i * CASK_CONF_COPY_SIZE;
        size_t rest = from < size ? size - from : 0;

        if (rest > 0)
            memcpy(copy, data + from, rest < CASK_CONF_COPY_SIZE ? rest : CASK_CONF_COPY_SIZE);
        if ((how & 2) != 0)
            cask_store32(copy + CRC_AT, cask_crc32c(0, copy, CRC_AT));
    }
    *size_out = CASK_CONF_V4_SIZE;
    return whole;
}

static bool same(const cask_conf *a, const cask_conf *b)
{
    uint8_t left[CASK_CONF_COPY_SIZE], right[CASK_CONF_COPY_SIZE];

    cask_conf_encode_v4(left, a);
    cask_conf_encode_v4(right, b);
    return a->version == b->version && memcmp(left, right, sizeof(left)) == 0;
}

/* What was read lies within the bounds that the rest of the store relies on. */
static void check_bounds(const cask_conf *conf)
{
    FUZZ_CHECK(conf->open_count <= CASK_CONF_OPEN_MAX && (conf->open_count == 0) == cask_conf_is_empty(conf));
    FUZZ_CHECK(cask_codec_name(conf->codec) != NULL);
    for (uint32_t i = 0; i < conf->open_count; i++) {
        FUZZ_CHECK(conf->open[i].file_id <= cask_conf_current(conf) && conf->open[i].file_id >= conf->first_file_id);
        FUZZ_CHECK((i == 0) == (conf->open[i].file_id == cask_conf_current(conf)));
        FUZZ_CHECK(cask_conf_find(conf, conf->open[i].file_id) == &conf->open[i]);
    }
}

static void check(const uint8_t *bytes, size_t size)
{
    memory_disk *disk = fuzz_disk(path, bytes, size);
    const cask_vfs *vfs = memory_disk_vfs(disk);
    cask_conf_damage damage;
    cask_conf conf, again;
    int code;

    fuzz_memory_begin();
    code = cask_conf_load(&conf, &damage, vfs, path);
    fuzz_memory_end(size + 4096);
    FUZZ_CHECK(code == CASK_OK || code == CASK_E_CORRUPT || code == CASK_E_UNSUPPORTED);
    if (code == CASK_OK) {
        check_bounds(&conf);
        FUZZ_CHECK(cask_conf_mend(&conf, damage, vfs, "/", path) == CASK_OK);
        FUZZ_CHECK(cask_conf_load(&again, &damage, vfs, path) == CASK_OK);
        FUZZ_CHECK(same(&conf, &again) && damage.copies == 0);
        if (conf.version < 4 || conf.sequence < UINT64_MAX - 1) {
            conf.sequence++;
            FUZZ_CHECK(cask_conf_store(&conf, vfs, "/", path) == CASK_OK);
        }
        FUZZ_CHECK(cask_conf_load(&again, &damage, vfs, path) == CASK_OK);
        if (conf.version < 4)
            conf.sequence = again.sequence;
        FUZZ_CHECK(same(&conf, &again) && damage.copies == 0);
    }
    memory_disk_free(disk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input input = { data, size };
    uint64_t how = fuzz_take(&input, 1);
    uint8_t *whole;

    if ((how & 1) == 0) {
        check(input.data, input.size);
        return 0;
    }
    whole = lay_out(&size, how, input.data, input.size);
    check(whole, size);
    free(whole);
    return 0;
}
