/* config.yaml of a network: what is accepted can be kept as an identity. */
#include "fuzz.h"
#include "network.h"

static const char path[] = "/config.yaml";

static void check_network(const cask_network *network)
{
    cask_network *again;
    cask_buf text = CASK_BUF_INIT;
    size_t forks = cask_network_fork_count(network);

    FUZZ_CHECK(forks >= 1 && forks <= ERA_FORKS_MAX && era_network_name_usable(cask_network_name(network)));
    FUZZ_CHECK(cask_network_slots_per_era(network) > 0 && cask_network_slots_per_epoch(network) > 0);
    for (size_t i = 1; i < forks; i++)
        FUZZ_CHECK(cask_network_fork(network, i).epoch >= cask_network_fork(network, i - 1).epoch);
    FUZZ_CHECK(cask_network_fork_at(network, UINT64_MAX) < forks);
    FUZZ_CHECK(cask_network_format(&text, network) == CASK_OK);
    FUZZ_CHECK(cask_network_parse(&again, (const char *)text.data, text.size) == CASK_OK);
    FUZZ_CHECK(era_network_same(network, again));
    cask_network_free(again);
    cask_buf_dispose(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    memory_disk *disk = fuzz_disk(path, data, size);
    cask_network *network = NULL;
    int code;

    /* libyaml keeps a queue of tokens and the text in a second form. */
    fuzz_memory_begin();
    code = cask_network_load(&network, path, memory_disk_vfs(disk));
    fuzz_memory_end(64 * size + (256u << 10));
    FUZZ_CHECK(code == CASK_OK || code == CASK_E_INVALID);
    if (code == CASK_OK)
        check_network(network);
    cask_network_free(network);
    memory_disk_free(disk);
    return 0;
}
