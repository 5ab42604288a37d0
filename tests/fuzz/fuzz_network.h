/* The network of fixtures/eras/minimal, as far as its first eras need it. */
#ifndef FUZZ_NETWORK_H
#define FUZZ_NETWORK_H

#include "fuzz.h"

#include "slotcask/era.h"

static inline const cask_network *fuzz_network(void)
{
    static const char config[] = "PRESET_BASE: minimal\nCONFIG_NAME: vectors\nGENESIS_FORK_VERSION: 0x00000a01\n"
                                 "ALTAIR_FORK_VERSION: 0x01000a01\nALTAIR_FORK_EPOCH: 16\n"
                                 "BELLATRIX_FORK_VERSION: 0x02000a01\nBELLATRIX_FORK_EPOCH: 28\n"
                                 "CAPELLA_FORK_VERSION: 0x03000a01\nCAPELLA_FORK_EPOCH: 48\n";
    static cask_network *network;

    if (network == NULL) {
        memory_disk *disk = fuzz_disk("/config.yaml", config, strlen(config));

        FUZZ_CHECK(cask_network_load(&network, "/config.yaml", memory_disk_vfs(disk)) == CASK_OK);
        memory_disk_free(disk);
    }
    return network;
}

#endif
