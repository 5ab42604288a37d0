/* Era files: opened, read and verified, with the network and without. */
#include "fuzz.h"
#include "fuzz_network.h"

static const char path[] = "/vectors-00003-f0155bf0.era";

static int count_damage(const cask_report *report, void *payload)
{
    size_t *found = payload;

    FUZZ_CHECK(report->what[0] != '\0' && report->message[0] != '\0');
    *found += report->corrupt;
    return 0;
}

/* How much damage there is. */
static size_t verify(const cask_network *network, cask_verify_level level, const cask_vfs *vfs)
{
    size_t found = 0;
    uint64_t bytes;

    FUZZ_CHECK(cask_era_verify(path, network, level, 1, vfs, count_damage, &found, &bytes) == CASK_OK);
    return found;
}

/* Every block and state that the file says it has: as bytes, and decoded. */
static void read_group(cask_era *era, size_t index, size_t size)
{
    cask_era_group group = cask_era_group_at(era, index);
    cask_buf stored = CASK_BUF_INIT, ssz = CASK_BUF_INIT;
    uint64_t blocks = 0;

    FUZZ_CHECK(group.size <= size && group.offset <= size - group.size);
    FUZZ_CHECK(group.start_slot <= group.state_slot && group.state_slot - group.start_slot <= 8192);
    for (uint64_t slot = group.start_slot; slot < group.state_slot; slot++) {
        int code = cask_era_read_block(&stored, era, index, slot);

        FUZZ_CHECK(code == CASK_OK || code == CASK_E_NOTFOUND);
        blocks += code == CASK_OK;
        if (code == CASK_OK && blocks < 8)
            code = cask_era_decode(&ssz, &stored);
        FUZZ_CHECK(code == CASK_OK || code == CASK_E_NOTFOUND || code == CASK_E_CORRUPT);
    }
    FUZZ_CHECK(blocks == group.blocks);
    FUZZ_CHECK(cask_era_read_state(&stored, era, index) == CASK_OK && stored.size == group.state_size);
    cask_buf_dispose(&stored);
    cask_buf_dispose(&ssz);
}

static bool open_and_read(const cask_network *network, const cask_vfs *vfs, size_t size)
{
    cask_era *era;
    int code = cask_era_open(&era, path, network, vfs);

    FUZZ_CHECK(code == CASK_OK || code == CASK_E_CORRUPT);
    if (code != CASK_OK)
        return false;
    FUZZ_CHECK(cask_era_group_count(era) > 0);
    for (size_t i = 0; i < cask_era_group_count(era); i++)
        read_group(era, i, size);
    cask_era_close(era);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    memory_disk *disk = fuzz_disk(path, data, size);
    const cask_vfs *vfs = memory_disk_vfs(disk);

    for (int with = 0; with < 2; with++) {
        const cask_network *network = with == 0 ? NULL : fuzz_network();
        size_t damage;

        /* What snappy can make of the bytes, a few times over, and one slice of blocks. */
        fuzz_memory_begin();
        damage = verify(network, CASK_VERIFY_NONE, vfs);
        FUZZ_CHECK(open_and_read(network, vfs, size) == (damage == 0));
        FUZZ_CHECK(verify(network, CASK_VERIFY_ROOTS, vfs) >= damage);
        fuzz_memory_end(64 * size + (10u << 20));
    }
    memory_disk_free(disk);
    return 0;
}
