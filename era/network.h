/* Networks: what a cask_network is made of, and how two of them are compared. */
#ifndef CASK_NETWORK_H
#define CASK_NETWORK_H

#include "../archive/error.h"
#include "../archive/vfs.h"
#include "slotcask/era.h"

/* Constants of a preset that the files depend on: SLOTS_PER_EPOCH and SLOTS_PER_HISTORICAL_ROOT in
 * presets/<name>/phase0.yaml of ethereum/consensus-specs and, for gnosis, of gnosischain/configs. */
typedef struct era_preset {
    const char *name;
    uint64_t slots_per_epoch;
    uint64_t slots_per_era;
} era_preset;

/* phase0 to gloas; in a network the fork at index i is always the one of era_fork_names[i]. */
#define ERA_FORKS_MAX 8u
extern const char *const era_fork_names[ERA_FORKS_MAX];

/* FAR_FUTURE_EPOCH (consensus-specs, phase0): a fork that is not scheduled. */
#define ERA_FAR_FUTURE_EPOCH UINT64_MAX

/* CONFIG_NAME with its NUL; it is part of the names of era files. */
#define ERA_CONFIG_NAME_SIZE 64u

/* No pointers of its own: copied by assignment. */
struct cask_network {
    char name[ERA_CONFIG_NAME_SIZE];
    const era_preset *preset;
    bool genesis_validators_root_known;
    uint8_t genesis_validators_root[32];
    size_t fork_count; /* at least 1 */
    cask_fork forks[ERA_FORKS_MAX];
};

/* NULL: no such preset. */
const era_preset *era_preset_find(const char *name);

/* The built-in network of that CONFIG_NAME, or NULL. */
const cask_network *era_network_builtin(const char *name);

/* A network of one's own, to be freed by cask_network_free(). */
int era_network_copy(cask_network **network_out, const cask_network *network);

/* Whether a name can be a CONFIG_NAME: short enough, of letters, digits, '-', '_' and '.'. */
bool era_network_name_usable(const char *name);

/* Read a config.yaml. Errors as in cask_network_load(). */
int era_network_read_config(cask_network *network, const char *path, const cask_vfs *vfs);

/* Hexadecimal digits of either case, "0x" before them, nothing behind them, for exactly `size` bytes. */
bool era_parse_hex(uint8_t *bytes, size_t size, const char *text);
/* Decimal digits alone. */
bool era_parse_number(uint64_t *number_out, const char *text);

/*
 * Whether both are the same network: name and preset are equal; so is the genesis_validators_root, where both know it;
 * and so are the forks that both have scheduled. One may have more of them behind those: a schedule only ever grows at
 * its end, so an archive made before a fork was scheduled goes on with a newer configuration, and the other way round.
 */
bool era_network_same(const cask_network *a, const cask_network *b);

/* On a network that is still one's own. */
void era_network_set_genesis_validators_root(cask_network *network, const uint8_t root[32]);

/*
 * Whether a state belongs to the network: its genesis_validators_root, where the network knows it, and the current
 * version in its fork field, which is that of the fork in force at its slot. `state`: its first
 * BEACON_STATE_HEAD_SIZE bytes; `place` is for the report. Errors: WRONG_NETWORK, with the word "state-config".
 */
int era_network_check_state(const cask_network *network, const uint8_t *state, cask_place place);

#endif
