/* What is checked, and where findings go: handed through all of verification. */
#ifndef CASK_ERA_RULES_H
#define CASK_ERA_RULES_H

#include "../archive/error.h"
#include "signatures.h"
#include "slotcask/era.h"
#include "ssz.h"

typedef struct era_rules {
    const cask_network *network; /* NULL: what needs it is left out */
    cask_verify_level level;
    unsigned jobs;
    cask_report_fn report;
    void *payload;
    const uint8_t *trusted_root; /* NULL: none */
    uint64_t trusted_slot;       /* CASK_NO_SLOT: not told */
    era_keys *keys;              /* from CASK_VERIFY_SIGNATURES on */
} era_rules;

/* A finding about an era. */
typedef struct era_finding {
    const char *word;
    uint64_t era;
    cask_place place;
    const uint8_t *expected; /* roots, or NULL */
    const uint8_t *found;
} era_finding;

/* Report it, with the message. Returns what the report function returns. */
int era_flag(const era_rules *rules, const era_finding *finding, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Report something that is not wrong, but cannot be proved ("unproven"). */
int era_flag_unproven(const era_rules *rules, uint64_t era, cask_place place, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Report the thread's error if `code` stands for a finding, and return what the report function returns; or else
 * `code`. */
int era_flag_error(const era_rules *rules, uint64_t era, int code);

/* Types by the fork in force at a slot; NULL: without a network, or the level is below CASK_VERIFY_BYTES. */
const ssz_type *era_block_type(const era_rules *rules, uint64_t slot);
const ssz_type *era_state_type(const era_rules *rules, uint64_t slot);

#endif
