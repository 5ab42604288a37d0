/*
 * The networks known by name. Sources of name, preset, fork versions and epochs: metadata/config.yaml in
 * eth-clients/mainnet, eth-clients/sepolia, eth-clients/holesky and eth-clients/hoodi, {mainnet,chiado}/config.yaml in
 * gnosischain/configs; for the fulu epochs of mainnet, sepolia and hoodi also packages/config in ChainSafe/lodestar.
 * Sources of the genesis_validators_root: README.md of the eth-clients repositories,
 * metadata/genesis_validators_root.txt in eth-clients/hoodi, packages/config/src/networks.ts in ChainSafe/lodestar,
 * common/eth2_config in sigp/lighthouse.
 *
 * Forks up to fulu. Epochs of gloas are left out while they may still be moved: an archive keeps the schedule it was
 * made with, to which a later one may only append.
 */
#include "network.h"

#include <string.h>

const char *const era_fork_names[ERA_FORKS_MAX] = { "phase0", "altair",  "bellatrix", "capella",
                                                    "deneb",  "electra", "fulu",      "gloas" };

static const era_preset presets[] = {
    { "mainnet", 32, 8192 },
    { "minimal", 8, 64 },
    { "gnosis", 16, 8192 },
};

enum { MAINNET, MINIMAL, GNOSIS };

static const cask_network networks[] = {
    { "mainnet", &presets[MAINNET], true,
      { 0x4b, 0x36, 0x3d, 0xb9, 0x4e, 0x28, 0x61, 0x20, 0xd7, 0x6e, 0xb9, 0x05, 0x34, 0x0f, 0xdd, 0x4e,
        0x54, 0xbf, 0xe9, 0xf0, 0x6b, 0xf3, 0x3f, 0xf6, 0xcf, 0x5a, 0xd2, 0x7f, 0x51, 0x1b, 0xfe, 0x95 },
      7,
      { { "phase0", { 0, 0, 0, 0 }, 0 },
        { "altair", { 1, 0, 0, 0 }, 74240 },
        { "bellatrix", { 2, 0, 0, 0 }, 144896 },
        { "capella", { 3, 0, 0, 0 }, 194048 },
        { "deneb", { 4, 0, 0, 0 }, 269568 },
        { "electra", { 5, 0, 0, 0 }, 364032 },
        { "fulu", { 6, 0, 0, 0 }, 411392 } } },
    { "sepolia", &presets[MAINNET], true,
      { 0xd8, 0xea, 0x17, 0x1f, 0x3c, 0x94, 0xae, 0xa2, 0x1e, 0xbc, 0x42, 0xa1, 0xed, 0x61, 0x05, 0x2a,
        0xcf, 0x3f, 0x92, 0x09, 0xc0, 0x0e, 0x4e, 0xfb, 0xaa, 0xdd, 0xac, 0x09, 0xed, 0x9b, 0x80, 0x78 },
      7,
      { { "phase0", { 0x90, 0, 0, 0x69 }, 0 },
        { "altair", { 0x90, 0, 0, 0x70 }, 50 },
        { "bellatrix", { 0x90, 0, 0, 0x71 }, 100 },
        { "capella", { 0x90, 0, 0, 0x72 }, 56832 },
        { "deneb", { 0x90, 0, 0, 0x73 }, 132608 },
        { "electra", { 0x90, 0, 0, 0x74 }, 222464 },
        { "fulu", { 0x90, 0, 0, 0x75 }, 272640 } } },
    { "holesky", &presets[MAINNET], true,
      { 0x91, 0x43, 0xaa, 0x7c, 0x61, 0x5a, 0x7f, 0x71, 0x15, 0xe2, 0xb6, 0xaa, 0xc3, 0x19, 0xc0, 0x35,
        0x29, 0xdf, 0x82, 0x42, 0xae, 0x70, 0x5f, 0xba, 0x9d, 0xf3, 0x9b, 0x79, 0xc5, 0x9f, 0xa8, 0xb1 },
      7,
      { { "phase0", { 1, 1, 0x70, 0 }, 0 },
        { "altair", { 2, 1, 0x70, 0 }, 0 },
        { "bellatrix", { 3, 1, 0x70, 0 }, 0 },
        { "capella", { 4, 1, 0x70, 0 }, 256 },
        { "deneb", { 5, 1, 0x70, 0 }, 29696 },
        { "electra", { 6, 1, 0x70, 0 }, 115968 },
        { "fulu", { 7, 1, 0x70, 0 }, 165120 } } },
    { "hoodi", &presets[MAINNET], true,
      { 0x21, 0x2f, 0x13, 0xfc, 0x4d, 0xf0, 0x78, 0xb6, 0xcb, 0x7d, 0xb2, 0x28, 0xf1, 0xc8, 0x30, 0x75,
        0x66, 0xdc, 0xec, 0xf9, 0x00, 0x86, 0x74, 0x01, 0xa9, 0x20, 0x23, 0xd7, 0xba, 0x99, 0xcb, 0x5f },
      7,
      { { "phase0", { 0x10, 0, 9, 0x10 }, 0 },
        { "altair", { 0x20, 0, 9, 0x10 }, 0 },
        { "bellatrix", { 0x30, 0, 9, 0x10 }, 0 },
        { "capella", { 0x40, 0, 9, 0x10 }, 0 },
        { "deneb", { 0x50, 0, 9, 0x10 }, 0 },
        { "electra", { 0x60, 0, 9, 0x10 }, 2048 },
        { "fulu", { 0x70, 0, 9, 0x10 }, 50688 } } },
    { "gnosis", &presets[GNOSIS], true,
      { 0xf5, 0xdc, 0xb5, 0x56, 0x4e, 0x82, 0x9a, 0xab, 0x27, 0x26, 0x4b, 0x9b, 0xec, 0xd5, 0xdf, 0xaa,
        0x01, 0x70, 0x85, 0x61, 0x12, 0x24, 0xcb, 0x30, 0x36, 0xf5, 0x73, 0x36, 0x8d, 0xbb, 0x9d, 0x47 },
      7,
      { { "phase0", { 0, 0, 0, 0x64 }, 0 },
        { "altair", { 1, 0, 0, 0x64 }, 512 },
        { "bellatrix", { 2, 0, 0, 0x64 }, 385536 },
        { "capella", { 3, 0, 0, 0x64 }, 648704 },
        { "deneb", { 4, 0, 0, 0x64 }, 889856 },
        { "electra", { 5, 0, 0, 0x64 }, 1337856 },
        { "fulu", { 6, 0, 0, 0x64 }, 1714688 } } },
    { "chiado", &presets[GNOSIS], true,
      { 0x9d, 0x64, 0x2d, 0xac, 0x73, 0x05, 0x8f, 0xbf, 0x39, 0xc0, 0xae, 0x41, 0xab, 0x1e, 0x34, 0xe4,
        0xd8, 0x89, 0x04, 0x3c, 0xb1, 0x99, 0x85, 0x1d, 0xed, 0x70, 0x95, 0xbc, 0x99, 0xeb, 0x4c, 0x1e },
      7,
      { { "phase0", { 0, 0, 0, 0x6f }, 0 },
        { "altair", { 1, 0, 0, 0x6f }, 90 },
        { "bellatrix", { 2, 0, 0, 0x6f }, 180 },
        { "capella", { 3, 0, 0, 0x6f }, 244224 },
        { "deneb", { 4, 0, 0, 0x6f }, 516608 },
        { "electra", { 5, 0, 0, 0x6f }, 948224 },
        { "fulu", { 6, 0, 0, 0x6f }, 1353216 } } },
};

static const char *const names[] = { "mainnet", "sepolia", "holesky", "hoodi", "gnosis", "chiado", NULL };

const char *const *cask_network_names(void)
{
    return names;
}

const era_preset *era_preset_find(const char *name)
{
    for (size_t i = 0; i < sizeof(presets) / sizeof(presets[0]); i++) {
        if (strcmp(presets[i].name, name) == 0)
            return &presets[i];
    }
    return NULL;
}

const cask_network *era_network_builtin(const char *name)
{
    for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++) {
        if (strcmp(networks[i].name, name) == 0)
            return &networks[i];
    }
    return NULL;
}
