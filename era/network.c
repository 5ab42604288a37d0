#include "network.h"

#include "../archive/codec.h"
#include "beacon.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Making and comparing --------------------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *end)
{
    size_t text_size = strlen(text), end_size = strlen(end);

    return text_size >= end_size && strcmp(text + text_size - end_size, end) == 0;
}

static bool is_path(const char *name_or_path)
{
    return strchr(name_or_path, '/') != NULL || ends_with(name_or_path, ".yaml") || ends_with(name_or_path, ".yml");
}

int era_network_copy(cask_network **network_out, const cask_network *network)
{
    *network_out = malloc(sizeof(**network_out));
    if (*network_out == NULL)
        return cask_fail_nomem();
    **network_out = *network;
    return CASK_OK;
}

int cask_network_load(cask_network **network_out, const char *name_or_path, const cask_vfs *vfs)
{
    const cask_network *builtin;
    cask_network network;

    *network_out = NULL;
    if (is_path(name_or_path)) {
        CASK_TRY(era_network_read_config(&network, name_or_path, vfs == NULL ? cask_vfs_posix() : vfs));
        return era_network_copy(network_out, &network);
    }
    builtin = era_network_builtin(name_or_path);
    if (builtin == NULL)
        return cask_fail(CASK_E_NOTFOUND, CASK_NOWHERE,
                         "no network %.100s is built in; give mainnet, sepolia, holesky, hoodi, gnosis, chiado or the "
                         "path of a config.yaml", name_or_path);
    return era_network_copy(network_out, builtin);
}

void cask_network_free(cask_network *network)
{
    free(network);
}

static bool same_fork(const cask_fork *a, const cask_fork *b)
{
    return strcmp(a->name, b->name) == 0 && a->epoch == b->epoch &&
           memcmp(a->version, b->version, sizeof(a->version)) == 0;
}

bool era_network_same(const cask_network *a, const cask_network *b)
{
    size_t common = a->fork_count < b->fork_count ? a->fork_count : b->fork_count;

    if (strcmp(a->name, b->name) != 0 || a->preset != b->preset)
        return false;
    if (a->genesis_validators_root_known && b->genesis_validators_root_known &&
        memcmp(a->genesis_validators_root, b->genesis_validators_root, 32) != 0)
        return false;
    for (size_t i = 0; i < common; i++) {
        if (!same_fork(&a->forks[i], &b->forks[i]))
            return false;
    }
    return true;
}

void era_network_set_genesis_validators_root(cask_network *network, const uint8_t root[32])
{
    network->genesis_validators_root_known = true;
    memcpy(network->genesis_validators_root, root, 32);
}

int era_network_check_state(const cask_network *network, const uint8_t *state, cask_place place)
{
    const cask_fork *due = &network->forks[cask_network_fork_at(network, beacon_state_slot(state))];
    const uint8_t *version = beacon_state_fork(state).current_version;

    if (network->genesis_validators_root_known &&
        memcmp(network->genesis_validators_root, beacon_state_genesis_validators_root(state), 32) != 0)
        return cask_fail_word(CASK_E_WRONG_NETWORK, "state-config", place,
                              "the state's genesis_validators_root is not that of network %s; import the file into an "
                              "archive of its own network", network->name);
    if (memcmp(due->version, version, sizeof(due->version)) != 0)
        return cask_fail_word(CASK_E_WRONG_NETWORK, "state-config", place,
                              "the state has fork version 0x%02x%02x%02x%02x where network %s has that of %s; if a "
                              "fork was scheduled since, give --network with a newer config.yaml",
                              version[0], version[1], version[2], version[3], network->name, due->name);
    return CASK_OK;
}

/* ---- Looking at one --------------------------------------------------------------------------------------- */

const char *cask_network_name(const cask_network *network)
{
    return network->name;
}

const char *cask_network_preset(const cask_network *network)
{
    return network->preset->name;
}

uint64_t cask_network_slots_per_era(const cask_network *network)
{
    return network->preset->slots_per_era;
}

uint64_t cask_network_slots_per_epoch(const cask_network *network)
{
    return network->preset->slots_per_epoch;
}

const uint8_t *cask_network_genesis_validators_root(const cask_network *network)
{
    return network->genesis_validators_root_known ? network->genesis_validators_root : NULL;
}

size_t cask_network_fork_count(const cask_network *network)
{
    return network->fork_count;
}

cask_fork cask_network_fork(const cask_network *network, size_t index)
{
    return network->forks[index];
}

size_t cask_network_fork_at(const cask_network *network, uint64_t slot)
{
    uint64_t epoch = slot / network->preset->slots_per_epoch;
    size_t index = network->fork_count - 1;

    while (index > 0 && network->forks[index].epoch > epoch)
        index--;
    return index;
}

/* ---- Small parsers, for the text below and for config.yaml ------------------------------------------------- */

bool era_network_name_usable(const char *name)
{
    static const char usable[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    size_t size = strlen(name);

    return size > 0 && size < ERA_CONFIG_NAME_SIZE && strspn(name, usable) == size;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = c == '\0' ? NULL : strchr(digits, c);

    return at == NULL ? -1 : (int)(at - digits) % 16;
}

bool era_parse_hex(uint8_t *bytes, size_t size, const char *text)
{
    if (strlen(text) != 2 + 2 * size || text[0] != '0' || text[1] != 'x')
        return false;
    for (size_t i = 0; i < size; i++) {
        int high = hex_digit(text[2 + 2 * i]), low = hex_digit(text[3 + 2 * i]);

        if (high < 0 || low < 0)
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool era_parse_number(uint64_t *number_out, const char *text)
{
    uint64_t number = 0;

    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || __builtin_mul_overflow(number, 10u, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*text - '0'), &number))
            return false;
    }
    *number_out = number;
    return true;
}

/* ---- The identity of an archive --------------------------------------------------------------------------- */

/*
 * The text, version 1: these lines in this order, each ended by a newline, hexadecimal in lower case, the root
 * "unknown" where it is not known, and a line for each scheduled fork with its version and first epoch:
 *
 *   slotcask-network: 1
 *   name: mainnet
 *   preset: mainnet
 *   genesis_validators_root: 0x4b363db9...
 *   phase0: 0x00000000 0
 *   altair: 0x01000000 74240
 */
#define TEXT_FIRST_LINE "slotcask-network: 1"

/* More than the longest text. */
enum { TEXT_MAX = 1024 };

static void format_hex(char *out, const uint8_t *bytes, size_t size)
{
    out += sprintf(out, "0x");
    for (size_t i = 0; i < size; i++)
        out += sprintf(out, "%02x", bytes[i]);
}

static size_t format_text(char out[TEXT_MAX], const cask_network *network)
{
    char root[2 + 64 + 1] = "unknown", version[2 + 8 + 1];
    size_t size;

    if (network->genesis_validators_root_known)
        format_hex(root, network->genesis_validators_root, 32);
    size = (size_t)sprintf(out, TEXT_FIRST_LINE "\nname: %s\npreset: %s\ngenesis_validators_root: %s\n", network->name,
                           network->preset->name, root);
    for (size_t i = 0; i < network->fork_count; i++) {
        format_hex(version, network->forks[i].version, 4);
        size += (size_t)sprintf(out + size, "%s: %s %" PRIu64 "\n", network->forks[i].name, version,
                                network->forks[i].epoch);
    }
    return size;
}

int cask_network_format(cask_buf *text, const cask_network *network)
{
    char formatted[TEXT_MAX];
    size_t size = format_text(formatted, network);

    CASK_TRY(cask_buf_reserve(text, size));
    memcpy(text->data, formatted, size);
    text->size = size;
    return CASK_OK;
}

/* Cut the next line off `*rest`; NULL: there is none. */
static char *next_line(char **rest)
{
    char *line = *rest, *end = strchr(line, '\n');

    if (end == NULL)
        return NULL;
    *end = '\0';
    *rest = end + 1;
    return line;
}

/* The value of the next line, which must have `key`; else NULL. */
static char *next_value(char **rest, const char *key)
{
    char *line = next_line(rest);
    size_t key_size = strlen(key);

    if (line == NULL || strncmp(line, key, key_size) != 0 || strncmp(line + key_size, ": ", 2) != 0)
        return NULL;
    return line + key_size + 2;
}

static bool parse_fork(cask_fork *fork, char *value)
{
    char *space = value == NULL ? NULL : strchr(value, ' ');

    if (space == NULL)
        return false;
    *space = '\0';
    return era_parse_hex(fork->version, sizeof(fork->version), value) && era_parse_number(&fork->epoch, space + 1);
}

static bool parse_forks(cask_network *network, char *rest)
{
    for (size_t i = 0; *rest != '\0'; i++) {
        if (i == ERA_FORKS_MAX || !parse_fork(&network->forks[i], next_value(&rest, era_fork_names[i])) ||
            network->forks[i].epoch == ERA_FAR_FUTURE_EPOCH ||
            (i == 0 ? network->forks[0].epoch != 0 : network->forks[i].epoch < network->forks[i - 1].epoch))
            return false;
        network->forks[i].name = era_fork_names[i];
        network->fork_count = i + 1;
    }
    return network->fork_count > 0;
}

/* The lines behind the first one. */
static bool parse_lines(cask_network *network, char *rest)
{
    char *name = next_value(&rest, "name");
    char *preset = name == NULL ? NULL : next_value(&rest, "preset");
    char *root = preset == NULL ? NULL : next_value(&rest, "genesis_validators_root");

    if (root == NULL || !era_network_name_usable(name))
        return false;
    strcpy(network->name, name);
    network->preset = era_preset_find(preset);
    network->genesis_validators_root_known = strcmp(root, "unknown") != 0;
    if (network->preset == NULL ||
        (network->genesis_validators_root_known && !era_parse_hex(network->genesis_validators_root, 32, root)))
        return false;
    return parse_forks(network, rest);
}

/* What the lenience of the parts would let through (leading zeros, capitals) the comparison with the one form of the
 * text does not. */
static bool parse_text(cask_network *network, const char *text, size_t size)
{
    char lines[TEXT_MAX + 1], formatted[TEXT_MAX], *rest = lines;

    memset(network, 0, sizeof(*network));
    if (size > TEXT_MAX)
        return false;
    memcpy(lines, text, size);
    lines[size] = '\0';
    if (next_line(&rest) == NULL || !parse_lines(network, rest))
        return false;
    return format_text(formatted, network) == size && memcmp(formatted, text, size) == 0;
}

int cask_network_parse(cask_network **network_out, const char *text, size_t size)
{
    static const char first_line[] = TEXT_FIRST_LINE "\n", key[] = "slotcask-network: ";
    cask_network network;

    *network_out = NULL;
    if (size >= sizeof(key) - 1 && memcmp(text, key, sizeof(key) - 1) == 0 &&
        (size < sizeof(first_line) - 1 || memcmp(text, first_line, sizeof(first_line) - 1) != 0))
        return cask_fail(CASK_E_UNSUPPORTED, CASK_NOWHERE,
                         "the network is described in a version of the text that this library does not know; use a "
                         "newer slotcask");
    if (!parse_text(&network, text, size))
        return cask_fail(CASK_E_INVALID, CASK_NOWHERE,
                         "not the description of a network; the archive was not made by slotcask import");
    return era_network_copy(network_out, &network);
}
