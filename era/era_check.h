/*
 * Check one era, out of whichever source: what verification and import have in common. Done in steps, because an
 * import writes the blocks slice by slice as they are checked:
 *
 *     era_checker checker = ERA_CHECKER_INIT;
 *     code = era_checker_begin(&checker, &rules, &source);         // its state
 *     for each slice of blocks, after era_blocks_check():
 *         code = era_checker_take(&checker, &run);                 // against the roots in the state
 *     code = era_checker_end(&checker);
 *     ... checker.record says what the eras beside it have to agree with ...
 *     era_checker_dispose(&checker);
 */
#ifndef CASK_ERA_CHECK_H
#define CASK_ERA_CHECK_H

#include "era_source.h"

/* What a trusted root is found to be. */
typedef enum era_anchor {
    ERA_ANCHOR_NONE,
    ERA_ANCHOR_STATE,      /* the root of the state, or of a block that binds it */
    ERA_ANCHOR_BLOCK,      /* of a block of the era, or before state_slot the last one */
    ERA_ANCHOR_STATE_ENTRY /* an entry of state_roots */
} era_anchor;

/* What is kept of an era that was checked: about all that other eras and a trusted root are held against. */
typedef struct era_record {
    uint64_t era;
    uint64_t start_slot;
    uint64_t state_slot;
    const char *path; /* as in the source; borrowed */
    const char *blocks_path;
    uint64_t state_offset;
    size_t findings;
    bool rooted;               /* what follows is known: the state is well-formed, and its root was computed */
    uint8_t state_root[32];
    uint8_t genesis_validators_root[32];
    uint8_t head_root[32];     /* of the block at state_slot, or of the last one before it */
    bool head_binds_state;     /* that root depends on state_root: there is a block at state_slot */
    uint8_t era_root[32];      /* of block_roots and state_roots, as later states have it */
    uint8_t first_root[32];    /* block_roots of start_slot; this and the next two are not of the genesis era */
    uint8_t before_root[32];   /* state_roots of start_slot: of the state of the era before */
    uint8_t last_root[32];     /* root of the last block before state_slot */
    uint8_t *history;          /* the roots of eras 1 and on that the state has */
    size_t history_count;
    bool state_pruned;         /* the roots are those of the columns beside it; its own root and history not known */
    size_t pruned;             /* blocks that were */
    bool first_pruned;         /* that at start_slot was */
    bool first_block;          /* there is a block at start_slot, and it is good: */
    uint64_t first_offset;
    uint8_t first_parent_root[32];
    uint8_t first_state_root[32];
    era_anchor anchor;         /* what the trusted root is here */
    uint64_t anchor_slot;      /* and of which slot */
} era_record;

void era_record_dispose(era_record *record);

typedef struct era_checker {
    era_rules rules;
    const era_source *source;
    era_state state; /* after era_checker_begin(): no more than its beginning */
    bool state_read; /* the source had a state that decodes, of its slot and of the network */
    uint8_t *slot_states; /* a cask_slot_state for each block; NULL: none was pruned */
    uint8_t *keys;        /* public keys of all validators, one after the other; NULL: not wanted */
    size_t key_count;
    bool has_signature;   /* a good one was seen */
    bool wrong_domain;    /* no signature can be verified */
    const uint8_t *roots; /* block_roots and state_roots in it; NULL: not known, or none */
    era_record record;
    cask_report_fn report; /* of the caller */
    void *payload;
    uint64_t next_slot;    /* the first one that no block was taken of */
    uint8_t parent[32];    /* root of the last good block taken, */
    bool has_parent;       /* if there is one */
} era_checker;

#define ERA_CHECKER_INIT { .state = ERA_STATE_INIT }

/* `checker` stays where it is until it is disposed of. All return what the report function returns, if not 0. */
int era_checker_begin(era_checker *checker, const era_rules *rules, const era_source *source);
int era_checker_take(era_checker *checker, const era_blocks *run);
int era_checker_end(era_checker *checker);
void era_checker_dispose(era_checker *checker);

/* All of it behind era_checker_begin(). `slice_size` as in era_blocks. *blocks_out is raised by their number. */
int era_checker_run(uint64_t *blocks_out, era_checker *checker, size_t slice_size);

/* Check what is known of a state: "state-slot", "state-config". Returns what the report function returns, if not 0;
 * *due_out: there was nothing to report. */
int era_check_state(bool *due_out, const era_state *state, const era_source *source, const era_rules *rules);

/* Compare the root in the name of a file with that of its last group, whose state this is: the root of its era, in the
 * genesis group genesis_validators_root. Errors: CORRUPT "name-root". */
int era_check_name_root(const era_state *state, const cask_era *era, const cask_era_name *name);

/* Hold an era against the one before it: the root of its state, and what the first slot follows. Both are rooted. */
int era_check_link(era_record *record, era_record *before, const era_rules *rules);

/* The same of the first slot alone, where only the root of the last block before it is known. */
int era_check_first_slot(era_record *record, const uint8_t *root_before, const era_rules *rules);

/* Hold the network of an era, "state-config", against that of an earlier one. Both are rooted, with their states. */
int era_check_genesis_root(era_record *record, const era_record *earlier, const era_rules *rules);

/* Hold what a state says of an earlier era against that era's own roots. Both are rooted. */
int era_check_history(era_record *record, const era_record *earlier, const era_rules *rules);

#endif
