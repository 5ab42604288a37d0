#include "era_check.h"

#include "../archive/bytes.h"
#include "../archive/codec.h"
#include "network.h"
#include "sha256.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- Records ---------------------------------------------------------------------------------------------- */

void era_record_dispose(era_record *record)
{
    free(record->history);
    record->history = NULL;
}

static uint64_t slots_of(const era_record *record)
{
    return record->state_slot - record->start_slot;
}

static const uint8_t *block_root_at(const era_checker *checker, uint64_t slot)
{
    return checker->roots + (slot - checker->record.start_slot) * SSZ_ROOT_SIZE;
}

static const uint8_t *state_root_at(const era_checker *checker, uint64_t slot)
{
    return block_root_at(checker, slot) + slots_of(&checker->record) * SSZ_ROOT_SIZE;
}

static bool same_root(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, SSZ_ROOT_SIZE) == 0;
}

static void set_root(uint8_t *to, const uint8_t *root)
{
    memcpy(to, root, SSZ_ROOT_SIZE);
}

static cask_place state_place(const era_record *record)
{
    return CASK_AT_SLOT(record->path, record->state_offset, record->state_slot);
}

/* ---- What is known of a state before its SSZ is walked ----------------------------------------------------- */

static int check_slot(const era_state *state, cask_place place)
{
    uint64_t slot = beacon_state_slot(state->head.data);

    if (slot != place.slot)
        return cask_fail_word(CASK_E_CORRUPT, "state-slot", place,
                              "the record holds the state of slot %" PRIu64 "; take the file from a good copy", slot);
    return CASK_OK;
}

/* An upgrade sets all fields of `fork` (consensus-specs, specs/<fork>/fork.md). A chain that begins in a later fork has
 * no earlier one: previous_version is not looked at there. */
static int check_fork(const era_state *state, cask_place place, const cask_network *network)
{
    const beacon_fork fork = beacon_state_fork(state->head.data);
    const size_t index = cask_network_fork_at(network, place.slot);
    const cask_fork due = cask_network_fork(network, index);
    bool same = fork.epoch == due.epoch;

    if (same && index > 0 && due.epoch > 0)
        same = memcmp(fork.previous_version, cask_network_fork(network, index - 1).version, 4) == 0;
    if (!same)
        return cask_fail_word(CASK_E_CORRUPT, "state-config", place,
                              "the state came to fork %s otherwise than network %s did; check the network's "
                              "configuration", due.name, cask_network_name(network));
    return CASK_OK;
}

int era_check_state(bool *due_out, const era_state *state, const era_source *source, const era_rules *rules)
{
    const cask_place place = era_source_state_place(source);
    int code = check_slot(state, place);

    if (code == CASK_OK && rules->network != NULL) {
        code = era_network_check_state(rules->network, state->head.data, place);
        if (code == CASK_OK)
            code = check_fork(state, place, rules->network);
    }
    *due_out = code == CASK_OK;
    return era_flag_error(rules, source->era, code);
}

int era_check_name_root(const era_state *state, const cask_era *era, const cask_era_name *name)
{
    const bool genesis = era->groups[era->group_count - 1].facts.era == 0;
    const uint8_t *root = genesis ? beacon_state_genesis_validators_root(state->head.data) : state->era_root;

    if (!genesis && !state->has_era_root)
        return cask_fail_word(CASK_E_CORRUPT, "name-root", CASK_IN_FILE(era->path),
                              "the last state has no root of its era to compare with the name; take the file from a "
                              "good copy");
    if (memcmp(root, name->short_root, sizeof(name->short_root)) != 0)
        return cask_fail_word(CASK_E_CORRUPT, "name-root", CASK_IN_FILE(era->path),
                              "the root in the name is not that of the last era in the file; rename the file");
    return CASK_OK;
}

/* ---- The roots of a state ---------------------------------------------------------------------------------- */

static int root_of_field(uint8_t root[32], const ssz_type *type, const cask_buf *state, const char *path)
{
    ssz_part part;

    CASK_TRY(ssz_field(&part, type, state->data, state->size, path));
    return ssz_root(root, part.type, state->data + part.offset, part.size, 1);
}

/* BeaconBlockHeader: slot u64 | proposer_index u64 | parent_root 32 | state_root 32 | body_root 32 (phase0). The state
 * after a block does not know its own root yet; the next slot fills it in (process_slot). */
enum { HEADER_SIZE = 112, HEADER_STATE_ROOT = 48 };

static int find_head_root(era_record *record, const ssz_type *type, const cask_buf *state)
{
    uint8_t header[HEADER_SIZE];
    ssz_part part;

    CASK_TRY(ssz_field(&part, type, state->data, state->size, "latest_block_header"));
    memcpy(header, state->data + part.offset, HEADER_SIZE);
    record->head_binds_state = cask_all_zero(header + HEADER_STATE_ROOT, SSZ_ROOT_SIZE);
    if (record->head_binds_state)
        set_root(header + HEADER_STATE_ROOT, record->state_root);
    return ssz_root(record->head_root, part.type, header, HEADER_SIZE, 1);
}

static int find_era_root(era_record *record, const ssz_type *type, const cask_buf *state)
{
    uint8_t both[2 * SSZ_ROOT_SIZE];

    CASK_TRY(root_of_field(both, type, state, "block_roots"));
    CASK_TRY(root_of_field(both + SSZ_ROOT_SIZE, type, state, "state_roots"));
    cask_sha256_hash_nodes(record->era_root, both, 1);
    return CASK_OK;
}

/* A list of a state; empty where its fork has none. */
static int find_list(ssz_part *list_out, size_t *count_out, const ssz_type *type, const cask_buf *state,
                     const char *name)
{
    int code = ssz_field(list_out, type, state->data, state->size, name);

    *count_out = 0;
    if (code == CASK_E_NOTFOUND)
        return CASK_OK;
    CASK_TRY(code);
    *count_out = ssz_length(list_out->type, state->data + list_out->offset, list_out->size);
    return CASK_OK;
}

/* historical_roots, then historical_summaries: each of these is two roots, and hashed the root of an era. */
static int copy_history(era_record *record, const ssz_type *type, const cask_buf *state)
{
    ssz_part roots = { NULL, 0, 0 }, summaries = { NULL, 0, 0 };
    size_t root_count, summary_count;

    CASK_TRY(find_list(&roots, &root_count, type, state, "historical_roots"));
    CASK_TRY(find_list(&summaries, &summary_count, type, state, "historical_summaries"));
    if (root_count + summary_count == 0)
        return CASK_OK;
    record->history = malloc((root_count + summary_count) * SSZ_ROOT_SIZE);
    if (record->history == NULL)
        return cask_fail_nomem();
    record->history_count = root_count + summary_count;
    if (root_count > 0)
        memcpy(record->history, state->data + roots.offset, root_count * SSZ_ROOT_SIZE);
    if (summary_count > 0)
        cask_sha256_hash_nodes(record->history + root_count * SSZ_ROOT_SIZE, state->data + summaries.offset,
                               summary_count);
    return CASK_OK;
}

/* A Validator begins with its public key (phase0; unchanged since). */
static int copy_keys(era_checker *checker, const ssz_type *type, const cask_buf *state)
{
    size_t count, stride;
    ssz_part validators;

    if (checker->rules.level < CASK_VERIFY_SIGNATURES)
        return CASK_OK;
    CASK_TRY(find_list(&validators, &count, type, state, "validators"));
    if (count == 0)
        return CASK_OK;
    checker->keys = malloc(count * ERA_PUBLIC_KEY_SIZE);
    if (checker->keys == NULL)
        return cask_fail_nomem();
    checker->key_count = count;
    stride = validators.size / count;
    for (size_t i = 0; i < count; i++)
        memcpy(checker->keys + i * ERA_PUBLIC_KEY_SIZE, state->data + validators.offset + i * stride,
               ERA_PUBLIC_KEY_SIZE);
    return CASK_OK;
}

/* initialize_beacon_state_from_eth1 (phase0): genesis_validators_root is that of the validators at genesis. */
static int check_genesis(const era_checker *checker, const ssz_type *type)
{
    const era_record *record = &checker->record;
    const cask_buf *state = &checker->state.head;
    uint8_t root[SSZ_ROOT_SIZE];
    const era_finding finding = { "state-config", 0, state_place(record), root, record->genesis_validators_root };

    if (record->era > 0)
        return CASK_OK;
    CASK_TRY(root_of_field(root, type, state, "validators"));
    if (same_root(root, record->genesis_validators_root))
        return CASK_OK;
    return era_flag(&checker->rules, &finding,
                    "genesis_validators_root is not the root of the validators; take the file from a good copy");
}

static int take_state(era_checker *checker, const ssz_type *type)
{
    era_record *record = &checker->record;
    const cask_buf *state = &checker->state.head;

    CASK_TRY(ssz_root(record->state_root, type, state->data, state->size, checker->rules.jobs));
    set_root(record->genesis_validators_root, beacon_state_genesis_validators_root(state->data));
    CASK_TRY(check_genesis(checker, type));
    CASK_TRY(find_head_root(record, type, state));
    CASK_TRY(find_era_root(record, type, state));
    CASK_TRY(copy_keys(checker, type, state));
    return copy_history(record, type, state);
}

static int check_ssz(era_checker *checker)
{
    const ssz_type *type = era_state_type(&checker->rules, checker->source->state_slot);
    const cask_buf *state = &checker->state.head;
    int code;

    if (type == NULL)
        return CASK_OK;
    code = checker->rules.level < CASK_VERIFY_ROOTS ? ssz_check(type, state->data, state->size)
                                                    : take_state(checker, type);
    checker->record.rooted = code == CASK_OK && checker->rules.level >= CASK_VERIFY_ROOTS;
    if (code != CASK_E_INVALID)
        return code;
    checker->state_read = false;
    code = cask_fail_word(CASK_E_CORRUPT, "ssz-malformed", era_source_state_place(checker->source),
                          "not a BeaconState of its fork: %s", cask_error_last()->message);
    return era_flag_error(&checker->rules, checker->source->era, code);
}

/* Of the state, what is not needed any more is given back: it is the largest thing in memory. */
static void shrink_state(era_state *state, size_t size)
{
    uint8_t *smaller;

    if (state->head.size <= size)
        return;
    smaller = realloc(state->head.data, size);
    if (smaller == NULL)
        return;
    state->head = (cask_buf){ smaller, size, size };
}

static int count_finding(const cask_report *found, void *payload)
{
    era_checker *checker = payload;

    checker->record.findings += found->corrupt;
    return checker->report(found, checker->payload);
}

static void start(era_checker *checker, const era_rules *rules, const era_source *source)
{
    era_state state = checker->state;

    *checker = (era_checker){ .rules = *rules, .source = source, .state = state, .report = rules->report,
                              .payload = rules->payload, .next_slot = source->start_slot };
    checker->rules.report = count_finding;
    checker->rules.payload = checker;
    checker->record.era = source->era;
    checker->record.start_slot = source->start_slot;
    checker->record.state_slot = source->state_slot;
    checker->record.path = source->path;
    checker->record.blocks_path = source->blocks_path;
    checker->record.state_offset = source->state_offset;
    checker->record.state_pruned = source->state_pruned;
}

static bool is_pruned(const era_checker *checker, uint64_t slot)
{
    return checker->slot_states != NULL &&
           checker->slot_states[slot - checker->record.start_slot] == CASK_SLOT_PRUNED;
}

static int find_pruned(era_checker *checker)
{
    era_record *record = &checker->record;
    const size_t slots = (size_t)slots_of(record);

    if (checker->source->read_slot_states == NULL || slots == 0)
        return CASK_OK;
    checker->slot_states = malloc(slots);
    if (checker->slot_states == NULL)
        return cask_fail_nomem();
    CASK_TRY(checker->source->read_slot_states(checker->slot_states, checker->source));
    for (size_t i = 0; i < slots; i++)
        record->pruned += checker->slot_states[i] == CASK_SLOT_PRUNED;
    record->first_pruned = is_pruned(checker, record->start_slot);
    return CASK_OK;
}

/* What the trusted root is here. */
static void find_anchor(era_checker *checker)
{
    era_record *record = &checker->record;
    const uint8_t *root = checker->rules.trusted_root;
    const uint64_t wanted = checker->rules.trusted_slot;

    if (root == NULL)
        return;
    record->anchor_slot = record->state_slot;
    if (!record->state_pruned && (wanted == CASK_NO_SLOT || wanted == record->state_slot)) {
        if (same_root(root, record->state_root) || (record->head_binds_state && same_root(root, record->head_root)))
            record->anchor = ERA_ANCHOR_STATE;
        else if (same_root(root, record->head_root))
            record->anchor = ERA_ANCHOR_BLOCK;
    }
    for (uint64_t slot = record->state_slot; slot-- > record->start_slot && record->anchor == ERA_ANCHOR_NONE;) {
        if (wanted != CASK_NO_SLOT && wanted != slot)
            continue;
        record->anchor_slot = slot;
        if (same_root(root, block_root_at(checker, slot)))
            record->anchor = ERA_ANCHOR_BLOCK;
        else if (same_root(root, state_root_at(checker, slot)))
            record->anchor = ERA_ANCHOR_STATE_ENTRY;
    }
}

/* The state is well-formed and hashed: keep what is needed of its roots. */
static int take_roots(era_checker *checker)
{
    era_record *record = &checker->record;

    set_root(record->last_root, record->head_root);
    if (record->era > 0) {
        checker->roots = checker->state.head.data + BEACON_STATE_BLOCK_ROOTS;
        set_root(record->first_root, block_root_at(checker, record->start_slot));
        set_root(record->before_root, state_root_at(checker, record->start_slot));
        set_root(record->last_root, block_root_at(checker, record->state_slot - 1));
    }
    find_anchor(checker);
    return record->era > 0 ? era_check_history(record, record, &checker->rules) : CASK_OK;
}

/* ---- An era whose state was pruned -------------------------------------------------------------------------- */

static int read_roots_beside(uint8_t *roots, const era_source *source, bool of_states)
{
    for (uint64_t slot = source->start_slot; slot < source->state_slot; slot++)
        CASK_TRY(source->read_root(roots + (slot - source->start_slot) * SSZ_ROOT_SIZE, source, of_states, slot));
    return CASK_OK;
}

/* The columns of roots have what its blocks are held against, and together are what later states have of the era. */
static int take_roots_beside(era_checker *checker)
{
    era_record *record = &checker->record;
    const size_t slots = (size_t)slots_of(record);
    cask_buf *head = &checker->state.head;
    uint8_t *roots;

    CASK_TRY(cask_buf_reserve(head, BEACON_STATE_ROOTS_SIZE(slots)));
    memset(head->data, 0, BEACON_STATE_ROOTS_SIZE(slots));
    head->size = BEACON_STATE_ROOTS_SIZE(slots);
    roots = head->data + BEACON_STATE_BLOCK_ROOTS;
    CASK_TRY(read_roots_beside(roots, checker->source, false));
    CASK_TRY(read_roots_beside(roots + slots * SSZ_ROOT_SIZE, checker->source, true));
    CASK_TRY(beacon_roots_root(record->era_root, roots, slots));
    record->rooted = true;
    checker->roots = roots;
    set_root(record->first_root, block_root_at(checker, record->start_slot));
    set_root(record->before_root, state_root_at(checker, record->start_slot));
    set_root(record->last_root, block_root_at(checker, record->state_slot - 1));
    find_anchor(checker);
    return CASK_OK;
}

static int begin_without_state(era_checker *checker)
{
    const era_rules *rules = &checker->rules;
    int code;

    if (rules->level < CASK_VERIFY_ROOTS || rules->network == NULL)
        return CASK_OK;
    if (rules->level >= CASK_VERIFY_SIGNATURES)
        CASK_TRY(era_flag_unproven(rules, checker->source->era, state_place(&checker->record),
                                   "no signature of this era was checked: the state, which has the keys, was pruned"));
    code = take_roots_beside(checker);
    if (code != CASK_E_PRUNED)
        return era_flag_error(rules, checker->source->era, code);
    return era_flag_unproven(rules, checker->source->era, state_place(&checker->record),
                             "the state and roots of this era were pruned: its blocks are held against nothing");
}

int era_checker_begin(era_checker *checker, const era_rules *rules, const era_source *source)
{
    int code;

    start(checker, rules, source);
    CASK_TRY(find_pruned(checker));
    if (source->state_pruned)
        return begin_without_state(checker);
    code = source->read_state(&checker->state, source, era_state_type(rules, source->state_slot) != NULL);
    if (code != CASK_OK)
        return era_flag_error(&checker->rules, source->era, code);
    CASK_TRY(era_check_state(&checker->state_read, &checker->state, source, &checker->rules));
    if (checker->state_read) /* else it may have another shape, and tells of other slots */
        CASK_TRY(check_ssz(checker));
    else if (beacon_state_slot(checker->state.head.data) == source->state_slot)
        checker->rules.network = NULL; /* and it is not known which blocks the one that it is of has */
    shrink_state(&checker->state, BEACON_STATE_ROOTS_SIZE(source->state_slot - source->start_slot));
    return checker->record.rooted ? take_roots(checker) : CASK_OK;
}

/* ---- Blocks against the roots in the state ------------------------------------------------------------------ */

static int flag_block(era_checker *checker, const char *word, cask_place place, const uint8_t *expected,
                      const uint8_t *found, const char *message)
{
    const era_finding finding = { word, checker->source->era, place, expected, found };

    return era_flag(&checker->rules, &finding, "%s; take the era from a good copy", message);
}

/* Slots without a block repeat the root before them. */
static int check_empty(era_checker *checker, const char *path, uint64_t end)
{
    const era_record *record = &checker->record;

    for (uint64_t slot = checker->next_slot; slot < end; slot++) {
        const uint8_t *root = block_root_at(checker, slot), *before;

        if (slot == record->start_slot || is_pruned(checker, slot)) /* the era before tells of the first */
            continue;
        before = block_root_at(checker, slot - 1);
        if (!same_root(root, before) && !(checker->has_parent && same_root(root, checker->parent)))
            CASK_TRY(flag_block(checker, "empty-slot", CASK_AT_SLOT(path, CASK_NO_OFFSET, slot), root, NULL,
                                "there is no block here, but by the state there is one"));
    }
    return CASK_OK;
}

static int check_root(era_checker *checker, const era_block *block, cask_place place)
{
    const era_record *record = &checker->record;
    const uint8_t *due = block_root_at(checker, block->slot);

    if (same_root(block->root, due))
        return CASK_OK;
    if (block->slot > record->start_slot && same_root(due, block_root_at(checker, block->slot - 1)))
        return flag_block(checker, "empty-slot", place, NULL, block->root,
                          "there is a block here, but by the state the slot is empty");
    return flag_block(checker, "block-root", place, due, block->root,
                      "the block is not the one whose root the state has");
}

static int check_parent(era_checker *checker, const era_block *block, cask_place place)
{
    const uint8_t *parent = beacon_block_parent_root(block->value), *due;

    if (block->slot == checker->record.start_slot)
        return CASK_OK;
    due = block_root_at(checker, block->slot - 1);
    if (same_root(parent, due) || (checker->has_parent && same_root(parent, checker->parent)))
        return CASK_OK;
    return flag_block(checker, "parent-root", place, due, parent,
                      "the parent of the block is not the block before it");
}

static void keep_first(era_record *record, const era_block *block)
{
    record->first_block = true;
    record->first_offset = block->offset;
    set_root(record->first_parent_root, beacon_block_parent_root(block->value));
    set_root(record->first_state_root, beacon_block_state_root(block->value));
}

static int take_block(era_checker *checker, const era_block *block, const char *path)
{
    const cask_place place = CASK_AT_SLOT(path, block->offset, block->slot);

    CASK_TRY(check_empty(checker, path, block->slot));
    checker->next_slot = block->slot + 1;
    if (block->code != CASK_OK) {
        checker->record.findings++; /* reported by others */
        checker->has_parent = false;
        return CASK_OK;
    }
    CASK_TRY(check_root(checker, block, place));
    CASK_TRY(check_parent(checker, block, place));
    if (block->slot == checker->record.start_slot)
        keep_first(&checker->record, block);
    set_root(checker->parent, block->root);
    checker->has_parent = true;
    return CASK_OK;
}

/* ---- Signatures ---------------------------------------------------------------------------------------------- */

static void prepare_signature(era_signature *signature, const era_checker *checker, const era_block *block)
{
    const cask_network *network = checker->rules.network;
    const cask_fork fork = cask_network_fork(network, cask_network_fork_at(network, block->slot));

    signature->signature = beacon_block_signature(block->value);
    signature->index = beacon_block_proposer_index(block->value);
    signature->public_key = signature->index < checker->key_count
                                ? checker->keys + signature->index * ERA_PUBLIC_KEY_SIZE : NULL;
    era_signing_root(signature->signing_root, block->root, fork.version,
                     beacon_state_genesis_validators_root(checker->state.head.data));
}

/* Where not even one of several is good, and the configuration does not have the root that all were signed with, it is
 * that which is wrong in the state. No signature of the era can be verified then. */
static int flag_domain(era_checker *checker)
{
    const era_finding finding = { "state-config", checker->source->era, state_place(&checker->record), NULL, NULL };

    checker->wrong_domain = true;
    return era_flag(&checker->rules, &finding,
                    "no block was signed with the genesis_validators_root in the state; take the era from a good copy");
}

static bool domain_is_wrong(const era_checker *checker, const era_signature *signatures, size_t count)
{
    size_t good = 0;

    for (size_t i = 0; i < count; i++)
        good += signatures[i].good;
    return good == 0 && count > 1 && !checker->has_signature &&
           cask_network_genesis_validators_root(checker->rules.network) == NULL;
}

static int verify_signatures(era_checker *checker, const era_blocks *run, era_signature *signatures)
{
    size_t count = 0;

    for (size_t i = 0; i < run->count; i++) {
        if (run->blocks[i].code == CASK_OK)
            prepare_signature(&signatures[count++], checker, &run->blocks[i]);
    }
    CASK_TRY(era_signatures_verify(signatures, count, checker->rules.jobs, checker->rules.keys));
    if (domain_is_wrong(checker, signatures, count))
        return flag_domain(checker);
    count = 0;
    for (size_t i = 0; i < run->count; i++) {
        const era_block *block = &run->blocks[i];

        if (block->code != CASK_OK)
            continue;
        if (signatures[count++].good)
            checker->has_signature = true;
        else
            CASK_TRY(flag_block(checker, "proposer-signature", CASK_AT_SLOT(run->path, block->offset, block->slot),
                                NULL, NULL, "the signature is not that of the proposer"));
    }
    return CASK_OK;
}

static int check_signatures(era_checker *checker, const era_blocks *run)
{
    era_signature *signatures;
    int code;

    if (checker->rules.level < CASK_VERIFY_SIGNATURES || checker->record.state_pruned || checker->wrong_domain)
        return CASK_OK;
    signatures = calloc(run->count, sizeof(*signatures));
    if (signatures == NULL)
        return cask_fail_nomem();
    code = verify_signatures(checker, run, signatures);
    free(signatures);
    return code;
}

int era_checker_take(era_checker *checker, const era_blocks *run)
{
    if (checker->roots == NULL)
        return CASK_OK;
    for (size_t i = 0; i < run->count; i++)
        CASK_TRY(take_block(checker, &run->blocks[i], run->path));
    return check_signatures(checker, run);
}

/* The roots beside the state are those in it. */
static int check_roots_beside(era_checker *checker, bool of_states)
{
    const era_source *source = checker->source;
    const era_columns *columns = source->columns;
    const char *path = of_states ? columns->state_roots_path : columns->block_roots_path;

    for (uint64_t slot = source->start_slot; slot < source->state_slot; slot++) {
        const uint8_t *due = of_states ? state_root_at(checker, slot) : block_root_at(checker, slot);
        uint8_t found[SSZ_ROOT_SIZE];
        int code = source->read_root(found, source, of_states, slot);

        if (code == CASK_E_PRUNED)
            continue;
        if (code != CASK_OK)
            return era_flag_error(&checker->rules, source->era, code);
        if (!same_root(found, due))
            CASK_TRY(flag_block(checker, of_states ? "state-root" : "block-root",
                                CASK_AT_SLOT(path, CASK_NO_OFFSET, slot), due, found,
                                "the column of roots does not have the root that the state has"));
    }
    return CASK_OK;
}

int era_checker_end(era_checker *checker)
{
    if (checker->roots == NULL)
        return CASK_OK;
    CASK_TRY(check_empty(checker, checker->source->blocks_path, checker->source->state_slot));
    if (checker->source->read_root == NULL || checker->record.state_pruned)
        return CASK_OK;
    CASK_TRY(check_roots_beside(checker, false));
    return check_roots_beside(checker, true);
}

void era_checker_dispose(era_checker *checker)
{
    era_state_dispose(&checker->state);
    era_record_dispose(&checker->record);
    free(checker->slot_states);
    checker->slot_states = NULL;
    free(checker->keys);
    checker->keys = NULL;
}

static int run_blocks(uint64_t *blocks, era_checker *checker, era_blocks *run)
{
    int code = checker->source->begin_blocks(run, checker->source);

    while (code == CASK_OK && (code = era_blocks_next(run)) == CASK_OK) {
        *blocks += run->count;
        code = era_blocks_check(run, &checker->rules);
        if (code == CASK_OK)
            code = era_checker_take(checker, run);
    }
    return code == CASK_E_NOTFOUND ? CASK_OK : code;
}

int era_checker_run(uint64_t *blocks_out, era_checker *checker, size_t slice_size)
{
    era_blocks run = ERA_BLOCKS_INIT;
    int code;

    run.slice_size = slice_size;
    code = run_blocks(blocks_out, checker, &run);
    if (code == CASK_OK)
        code = era_checker_end(checker);
    era_blocks_dispose(&run);
    return code;
}

/* ---- Eras against each other -------------------------------------------------------------------------------- */

static int flag_link(era_record *record, const char *word, cask_place place, const uint8_t *expected,
                     const uint8_t *found, const era_rules *rules, const char *message)
{
    const era_finding finding = { word, record->era, place, expected, found };

    record->findings++;
    return era_flag(rules, &finding, "%s; take the era from a good copy", message);
}

int era_check_first_slot(era_record *record, const uint8_t *root_before, const era_rules *rules)
{
    const cask_place place = CASK_AT_SLOT(record->blocks_path,
                                          record->first_block ? record->first_offset : CASK_NO_OFFSET,
                                          record->start_slot);
    const uint8_t *root = record->first_root;
    const bool repeats = same_root(root, root_before);

    if (record->first_pruned)
        return CASK_OK;
    if (record->first_block && repeats)
        return flag_link(record, "empty-slot", place, NULL, root, rules,
                         "there is a block in the first slot, but by the era before it is empty");
    if (!record->first_block && !repeats)
        return flag_link(record, "empty-slot", place, root, root_before, rules,
                         "there is no good block in the first slot, but by the era before it is not empty");
    if (record->first_block && !same_root(record->first_parent_root, root_before))
        return flag_link(record, "parent-root", place, root_before, record->first_parent_root, rules,
                         "the parent of the first block is not the last block of the era before");
    return CASK_OK;
}

int era_check_link(era_record *record, era_record *before, const era_rules *rules)
{
    if (!before->state_pruned && !same_root(before->state_root, record->before_root)) {
        CASK_TRY(flag_link(before, "state-root", state_place(before), record->before_root, before->state_root, rules,
                           "the state is not the one whose root the era after it has"));
        if (before->era == 0) /* so is the root of its block, which depends on that */
            return CASK_OK;
    }
    return era_check_first_slot(record, before->last_root, rules);
}

int era_check_genesis_root(era_record *record, const era_record *earlier, const era_rules *rules)
{
    const uint8_t *due = earlier->genesis_validators_root, *found = record->genesis_validators_root;

    if (same_root(found, due))
        return CASK_OK;
    return flag_link(record, "state-config", state_place(record), due, found, rules,
                     "the state's genesis_validators_root is not that of the eras before it");
}

int era_check_history(era_record *record, const era_record *earlier, const era_rules *rules)
{
    const uint8_t *entry = record->history + (earlier->era - 1) * SSZ_ROOT_SIZE;

    if (earlier->era > record->history_count)
        return flag_link(record, "state-root", state_place(record), earlier->era_root, NULL, rules,
                         "the state has no historical root of an era before it");
    if (!same_root(entry, earlier->era_root))
        return flag_link(record, "state-root", state_place(record), earlier->era_root, entry, rules,
                         "a historical root in the state is not that of the block_roots and state_roots of its era");
    return CASK_OK;
}
