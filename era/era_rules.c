#include "era_rules.h"

#include <stdarg.h>
#include <stdio.h>

enum { ROOT_TEXT_SIZE = 2 + 64 + 1 };

/* NULL for NULL. */
static const char *root_text(char text[ROOT_TEXT_SIZE], const uint8_t *root)
{
    if (root == NULL)
        return NULL;
    snprintf(text, ROOT_TEXT_SIZE, "0x");
    for (size_t i = 0; i < SSZ_ROOT_SIZE; i++)
        snprintf(text + 2 + 2 * i, 3, "%02x", root[i]);
    return text;
}

int era_flag(const era_rules *rules, const era_finding *finding, const char *format, ...)
{
    char expected[ROOT_TEXT_SIZE], found[ROOT_TEXT_SIZE], message[512];
    const cask_report report = {
        .what = finding->word, .file = finding->place.file, .slot = finding->place.slot,
        .offset = finding->place.offset, .corrupt = true, .message = message, .has_era = true, .era = finding->era,
        .expected = root_text(expected, finding->expected), .found = root_text(found, finding->found),
    };
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return rules->report(&report, rules->payload);
}

int era_flag_unproven(const era_rules *rules, uint64_t era, cask_place place, const char *format, ...)
{
    char message[512];
    const cask_report report = { .what = "unproven", .file = place.file, .slot = place.slot, .offset = place.offset,
                                 .message = message, .unproven = true, .has_era = true, .era = era };
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return rules->report(&report, rules->payload);
}

int era_flag_error(const era_rules *rules, uint64_t era, int code)
{
    const cask_error error = *cask_error_last(); /* a copy: the report may fail in something itself */
    const era_finding finding = { error.word, era, CASK_AT_SLOT(error.file, error.offset, error.slot), NULL, NULL };

    if (code != CASK_E_CORRUPT && code != CASK_E_WRONG_NETWORK)
        return code;
    return era_flag(rules, &finding, "%s", error.message);
}

static const char *fork_name(const cask_network *network, uint64_t slot)
{
    return cask_network_fork(network, cask_network_fork_at(network, slot)).name;
}

const ssz_type *era_block_type(const era_rules *rules, uint64_t slot)
{
    if (rules->network == NULL || rules->level < CASK_VERIFY_BYTES)
        return NULL;
    return ssz_block_type(cask_network_preset(rules->network), fork_name(rules->network, slot));
}

const ssz_type *era_state_type(const era_rules *rules, uint64_t slot)
{
    if (rules->network == NULL || rules->level < CASK_VERIFY_BYTES)
        return NULL;
    return ssz_state_type(cask_network_preset(rules->network), fork_name(rules->network, slot));
}
