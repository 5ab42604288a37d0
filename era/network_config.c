/* config.yaml of a network: a flat mapping of scalars, of which a few are of interest here (consensus-specs,
 * configs/). */
#include "network.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

/* Real ones have 10 KB, about 150 keys and lists of mappings; all of it well below these. */
enum { CONFIG_SIZE_MAX = 1 << 18, CONFIG_EVENTS_MAX = 20000, CONFIG_DEPTH_MAX = 8 };

/* What a configuration says of a fork; a line of 0: not said. Lines count from 1. */
typedef struct fork_lines {
    size_t version_line;
    size_t epoch_line;
} fork_lines;

typedef struct config {
    const char *path;
    yaml_parser_t parser;
    size_t events;
    size_t line; /* of the last event */
    cask_network *network;
    size_t name_line;
    size_t preset_line;
    fork_lines forks[ERA_FORKS_MAX];
} config;

static int fail_at(const config *c, size_t line, const char *what)
{
    return cask_fail(CASK_E_INVALID, CASK_IN_FILE(c->path), "line %zu: %s; give the config.yaml of a network", line,
                     what);
}

static int fail_key(const config *c, const char *key, const char *what)
{
    return cask_fail(CASK_E_INVALID, CASK_IN_FILE(c->path), "line %zu: %s %s", c->line, key, what);
}

/* ---- Events ------------------------------------------------------------------------------------------------ */

/* To be deleted by the caller, if it succeeds. */
static int next_event(config *c, yaml_event_t *event)
{
    if (!yaml_parser_parse(&c->parser, event)) {
        if (c->parser.error == YAML_MEMORY_ERROR)
            return cask_fail_nomem();
        return fail_at(c, c->parser.problem_mark.line + 1, "not YAML");
    }
    c->line = event->start_mark.line + 1;
    if (++c->events > CONFIG_EVENTS_MAX) {
        yaml_event_delete(event);
        return fail_at(c, c->line, "too many values");
    }
    return CASK_OK;
}

static int expect_event(config *c, yaml_event_type_t type, const char *what)
{
    yaml_event_type_t found;
    yaml_event_t event;

    CASK_TRY(next_event(c, &event));
    found = event.type;
    yaml_event_delete(&event);
    return found == type ? CASK_OK : fail_at(c, c->line, what);
}

/* Skip the rest of a list or mapping that has just begun. */
static int skip_nested(config *c)
{
    size_t depth = 1;

    while (depth > 0) {
        yaml_event_t event;
        yaml_event_type_t type;

        CASK_TRY(next_event(c, &event));
        type = event.type;
        yaml_event_delete(&event);
        if (type == YAML_SEQUENCE_START_EVENT || type == YAML_MAPPING_START_EVENT)
            depth++;
        else if (type == YAML_SEQUENCE_END_EVENT || type == YAML_MAPPING_END_EVENT)
            depth--;
        if (depth > CONFIG_DEPTH_MAX)
            return fail_at(c, c->line, "lists nested too deeply");
    }
    return CASK_OK;
}

/* ---- Keys -------------------------------------------------------------------------------------------------- */

static int take_once(const config *c, size_t *line, const char *key)
{
    if (*line != 0)
        return fail_key(c, key, "is there twice");
    *line = c->line;
    return CASK_OK;
}

static int take_name(config *c, const char *key, const char *value)
{
    CASK_TRY(take_once(c, &c->name_line, key));
    if (!era_network_name_usable(value))
        return fail_key(c, key, "must be 1 to 63 letters, digits, '-', '_' or '.'");
    strcpy(c->network->name, value);
    return CASK_OK;
}

static int take_preset(config *c, const char *key, const char *value)
{
    CASK_TRY(take_once(c, &c->preset_line, key));
    c->network->preset = era_preset_find(value);
    return c->network->preset != NULL ? CASK_OK : fail_key(c, key, "must be mainnet, minimal or gnosis");
}

static int take_version(config *c, size_t fork, const char *key, const char *value)
{
    CASK_TRY(take_once(c, &c->forks[fork].version_line, key));
    if (!era_parse_hex(c->network->forks[fork].version, 4, value))
        return fail_key(c, key, "must be 0x and 8 hexadecimal digits");
    return CASK_OK;
}

static int take_epoch(config *c, size_t fork, const char *key, const char *value)
{
    CASK_TRY(take_once(c, &c->forks[fork].epoch_line, key));
    if (!era_parse_number(&c->network->forks[fork].epoch, value))
        return fail_key(c, key, "must be a number of 64 bits");
    return CASK_OK;
}

/* Index of the fork in "ALTAIR_FORK_EPOCH" and the like, `suffix` being "_FORK_EPOCH"; ERA_FORKS_MAX: of none known. */
static size_t fork_of_key(const char *key, const char *suffix)
{
    size_t size = strlen(key) - strlen(suffix), fork = 1;

    for (; fork < ERA_FORKS_MAX; fork++) {
        const char *name = era_fork_names[fork];
        size_t i = 0;

        while (i < size && name[i] != '\0' && (name[i] == key[i] - 'A' + 'a'))
            i++;
        if (i == size && name[i] == '\0')
            break;
    }
    return fork;
}

static bool has_suffix(const char *key, const char *suffix)
{
    size_t key_size = strlen(key), suffix_size = strlen(suffix);

    return key_size > suffix_size && strcmp(key + key_size - suffix_size, suffix) == 0;
}

static int take_fork_epoch(config *c, const char *key, const char *value)
{
    size_t fork = fork_of_key(key, "_FORK_EPOCH");
    uint64_t epoch;

    if (fork < ERA_FORKS_MAX)
        return take_epoch(c, fork, key, value);
    /* Its blocks and states would be judged by the rules of the fork before. */
    if (!era_parse_number(&epoch, value) || epoch != ERA_FAR_FUTURE_EPOCH)
        return fail_at(c, c->line, "schedules a fork that this version of slotcask does not know");
    return CASK_OK;
}

static int take_fork_version(config *c, const char *key, const char *value)
{
    size_t fork = fork_of_key(key, "_FORK_VERSION");

    return fork < ERA_FORKS_MAX ? take_version(c, fork, key, value) : CASK_OK;
}

static int take(config *c, const char *key, const char *value)
{
    if (strcmp(key, "CONFIG_NAME") == 0)
        return take_name(c, key, value);
    if (strcmp(key, "PRESET_BASE") == 0)
        return take_preset(c, key, value);
    if (strcmp(key, "GENESIS_FORK_VERSION") == 0)
        return take_version(c, 0, key, value);
    if (has_suffix(key, "_FORK_EPOCH"))
        return take_fork_epoch(c, key, value);
    if (has_suffix(key, "_FORK_VERSION"))
        return take_fork_version(c, key, value);
    return CASK_OK;
}

/* The value behind `key`; one with a NUL inside is cut there, and fits no key of interest. */
static int read_value(config *c, const char *key)
{
    yaml_event_t event;
    int result = CASK_OK;

    CASK_TRY(next_event(c, &event));
    if (event.type == YAML_SCALAR_EVENT)
        result = take(c, key, (const char *)event.data.scalar.value);
    else if (event.type == YAML_SEQUENCE_START_EVENT || event.type == YAML_MAPPING_START_EVENT)
        result = skip_nested(c);
    else
        result = fail_at(c, c->line, "a value is missing or an alias");
    yaml_event_delete(&event);
    return result;
}

/* *more_out: whether there was a pair. */
static int read_pair(config *c, bool *more_out)
{
    yaml_event_t event;
    int result = CASK_OK;

    CASK_TRY(next_event(c, &event));
    *more_out = event.type != YAML_MAPPING_END_EVENT;
    if (event.type == YAML_SCALAR_EVENT)
        result = read_value(c, (const char *)event.data.scalar.value);
    else if (*more_out)
        result = fail_at(c, c->line, "a key must be a plain word");
    yaml_event_delete(&event);
    return result;
}

static int read_document(config *c)
{
    bool more = true;

    CASK_TRY(expect_event(c, YAML_STREAM_START_EVENT, "not YAML"));
    CASK_TRY(expect_event(c, YAML_DOCUMENT_START_EVENT, "the file is empty"));
    CASK_TRY(expect_event(c, YAML_MAPPING_START_EVENT, "not a mapping of keys to values"));
    while (more)
        CASK_TRY(read_pair(c, &more));
    CASK_TRY(expect_event(c, YAML_DOCUMENT_END_EVENT, "not the end of the mapping"));
    return expect_event(c, YAML_STREAM_END_EVENT, "more than one document");
}

/* ---- The whole --------------------------------------------------------------------------------------------- */

static bool scheduled(const config *c, size_t fork)
{
    return c->forks[fork].epoch_line != 0 && c->network->forks[fork].epoch != ERA_FAR_FUTURE_EPOCH;
}

static int check_fork(const config *c, size_t fork)
{
    size_t line = c->forks[fork].epoch_line;

    if (c->forks[fork].version_line == 0)
        return fail_at(c, line, "a fork with an epoch but without its _FORK_VERSION");
    if (fork != c->network->fork_count)
        return fail_at(c, line, "a fork is scheduled, but the one before it is not");
    if (c->network->forks[fork].epoch < c->network->forks[fork - 1].epoch)
        return fail_at(c, line, "a fork is scheduled before the one that precedes it");
    return CASK_OK;
}

/* Keep the scheduled forks, ascending and without a gap. */
static int settle_forks(const config *c)
{
    c->network->forks[0].name = era_fork_names[0];
    c->network->fork_count = 1;
    for (size_t fork = 1; fork < ERA_FORKS_MAX; fork++) {
        if (!scheduled(c, fork))
            continue;
        CASK_TRY(check_fork(c, fork));
        c->network->forks[fork].name = era_fork_names[fork];
        c->network->fork_count = fork + 1;
    }
    return CASK_OK;
}

static int settle(const config *c)
{
    const char *missing = c->name_line == 0                ? "CONFIG_NAME"
                          : c->preset_line == 0            ? "PRESET_BASE"
                          : c->forks[0].version_line == 0 ? "GENESIS_FORK_VERSION"
                                                           : NULL;

    if (missing != NULL)
        return fail_key(c, missing, "is missing up to here; give the config.yaml of a network");
    return settle_forks(c);
}

int era_network_read_config(cask_network *network, const char *path, const cask_vfs *vfs)
{
    config c = { .path = path, .network = network };
    uint8_t *text;
    size_t size;
    int result = cask_read_file(&text, &size, vfs, path, CONFIG_SIZE_MAX);

    memset(network, 0, sizeof(*network));
    if (result == CASK_E_CORRUPT)
        return cask_fail(CASK_E_INVALID, CASK_IN_FILE(path), "larger than any config.yaml of a network");
    CASK_TRY(result);
    if (!yaml_parser_initialize(&c.parser)) {
        free(text);
        return cask_fail_nomem();
    }
    yaml_parser_set_input_string(&c.parser, text, size);
    result = read_document(&c);
    if (result == CASK_OK)
        result = settle(&c);
    yaml_parser_delete(&c.parser);
    free(text);
    return result;
}
