#include "import_group.h"

#include "../archive/codec.h"
#include "../archive/error.h"
#include "../archive/parallel.h"
#include "holdings.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- The columns ------------------------------------------------------------------------------------------- */

enum { ROOT_SIZE = 32 };

#define BLOCK_SIZE_MAX (UINT64_C(64) << 20)
#define STATE_SIZE_MAX (UINT64_C(2) << 30)

/* Second byte of the record type, by codec. Only snappy frames make the records those of an era file. */
static const uint8_t type_of_codec[] = {
    [CASK_CODEC_NONE] = 0xf0,
    [CASK_CODEC_SNAPPY] = 0x00,
    [CASK_CODEC_ZSTD] = 0xf2,
};

static int open_column(cask_column **column, cask_archive *archive, const char *name, cask_column_options options)
{
    options.create = true;
    options.cached_files = 1; /* each is written once: the least there is */
    return cask_column_open(column, archive, name, &options);
}

static int open_value_column(cask_column **column, cask_archive *archive, const char *name, uint8_t type,
                             uint64_t max_value_size, const cask_import_options *from)
{
    cask_column_options options = CASK_COLUMN_OPTIONS_INIT;

    if (from->codec >= sizeof(type_of_codec))
        return cask_fail(CASK_E_INVALID, CASK_NOWHERE, "there is no codec %u; use none, snappy or zstd", from->codec);
    options.record_type[0] = type;
    options.record_type[1] = type_of_codec[from->codec];
    options.codec = from->codec;
    options.codec_level = from->codec_level;
    options.max_value_size = max_value_size;
    options.allow_backfill = from->allow_backfill;
    return open_column(column, archive, name, options);
}

static int open_root_column(cask_column **column, cask_archive *archive, const char *name, char type,
                            const cask_import_options *from)
{
    cask_column_options options = CASK_COLUMN_OPTIONS_INIT;

    options.record_type[0] = (uint8_t)type;
    options.record_type[1] = 'r';
    options.max_value_size = ROOT_SIZE;
    options.allow_backfill = from->allow_backfill;
    return open_column(column, archive, name, options);
}

int import_columns_open(import_columns *columns, cask_archive *archive, const cask_import_options *options)
{
    CASK_TRY(open_value_column(&columns->blocks, archive, "blocks", E2_BLOCK, BLOCK_SIZE_MAX, options));
    CASK_TRY(open_root_column(&columns->block_roots, archive, "block_roots", 'b', options));
    CASK_TRY(open_root_column(&columns->state_roots, archive, "state_roots", 's', options));
    CASK_TRY(open_value_column(&columns->states, archive, "states", E2_STATE, STATE_SIZE_MAX, options));
    columns->blocks_codec = cask_column_codec(columns->blocks);
    columns->states_codec = cask_column_codec(columns->states);
    columns->codec_level = options->codec_level;
    return CASK_OK;
}

void import_columns_close(import_columns *columns)
{
    cask_column_close(columns->states);
    cask_column_close(columns->state_roots);
    cask_column_close(columns->block_roots);
    cask_column_close(columns->blocks);
    *columns = (import_columns)IMPORT_COLUMNS_INIT;
}

/* ---- One group --------------------------------------------------------------------------------------------- */

typedef struct writing {
    import_outcome *outcome;
    const import_columns *columns;
    cask_era *era;
    size_t group;
    const cask_era_group *facts;
    const cask_network *network;
    const cask_era_name *name;
    const cask_import_options *options;
    import_before_era *before;
    import_step_fn step;
    void *payload;
    era_rules rules;
    era_source source;
    era_checker checker;
    era_blocks run;
    cask_buf *encoded; /* of each block of the slice, where it is transcoded */
    cask_batch *batch; /* of the blocks: committed only when all of the era was checked */
    bool lacks_blocks; /* the archive has, or had, the state, but not all blocks */
} writing;

/* Whether its bytes have to be verified. What the archive has already is only compared with. */
static bool to_verify(const writing *w)
{
    return w->rules.level >= CASK_VERIFY_BYTES;
}

static cask_place place_of(const writing *w, const era_block *block)
{
    return CASK_AT_SLOT(w->era->path, block->offset, block->slot);
}

/* ---- What the archive has of the era ----------------------------------------------------------------------- */

/* Whether the file has a block at the slot, which is one of the group. */
static bool file_has_block(const writing *w, uint64_t slot)
{
    return w->run.targets[slot - w->facts->start_slot] != 0;
}

/* Count the blocks of the era that the archive has or had; each must be in the file too. */
static int count_blocks(uint64_t *count_out, const uint8_t *states, const writing *w)
{
    *count_out = 0;
    for (size_t i = 0; i < w->run.slots; i++) {
        const uint64_t slot = w->facts->start_slot + i;

        if (states[i] == CASK_SLOT_EMPTY)
            continue;
        if (!file_has_block(w, slot))
            return cask_fail(CASK_E_CONFLICT, CASK_AT_SLOT(w->era->path, CASK_NO_OFFSET, slot),
                             "the archive has a block at this slot, the file has none; find out which is right");
        ++*count_out;
    }
    return CASK_OK;
}

static int look_up_blocks(uint64_t *count_out, const writing *w)
{
    uint8_t *states = malloc(w->run.slots > 0 ? w->run.slots : 1);
    int code;

    if (states == NULL)
        return cask_fail_nomem();
    code = era_slot_states(states, w->columns->blocks, w->facts->start_slot, w->run.slots);
    if (code == CASK_OK)
        code = count_blocks(count_out, states, w);
    free(states);
    return code;
}

/* Commits come in the order blocks, block_roots, state_roots, state; so of the roots the first ones tell enough. */
static int look_up_era(writing *w)
{
    uint8_t state, root;
    uint64_t blocks = 0;

    CASK_TRY(era_slot_states(&state, w->columns->states, w->facts->state_slot, 1));
    CASK_TRY(look_up_blocks(&blocks, w));
    CASK_TRY(era_slot_states(&root, w->columns->block_roots, w->facts->start_slot, 1));
    w->outcome->before = IMPORT_ABSENT;
    if (state != CASK_SLOT_EMPTY && blocks == w->facts->blocks)
        w->outcome->before = IMPORT_COMPLETE;
    else if (state != CASK_SLOT_EMPTY || blocks > 0 || (root != CASK_SLOT_EMPTY && w->run.slots > 0))
        w->outcome->before = IMPORT_BEGUN;
    w->lacks_blocks = state != CASK_SLOT_EMPTY && blocks != w->facts->blocks;
    w->outcome->blocks = w->facts->blocks - blocks;
    return CASK_OK;
}

/* Blocks are filled into an era that was complete only if they are those whose roots are in its state. */
static void choose_level(writing *w)
{
    if (w->outcome->before == IMPORT_COMPLETE)
        w->rules.level = CASK_VERIFY_NONE;
    else if (w->lacks_blocks && w->rules.level < CASK_VERIFY_ROOTS)
        w->rules.level = CASK_VERIFY_ROOTS;
}

/* ---- Pruned slots ------------------------------------------------------------------------------------------ */

static int forget_pruned(cask_column *column, uint64_t first, size_t count)
{
    uint8_t *states = malloc(count);
    cask_change change;
    int code = states == NULL ? cask_fail_nomem() : era_slot_states(states, column, first, count);

    if (code == CASK_OK && memchr(states, CASK_SLOT_PRUNED, count) != NULL) /* never in formats 2 and 3 */
        code = cask_column_forget_pruned(&change, column, first, first + count - 1);
    free(states);
    return code;
}

static int forget_all_pruned(const writing *w)
{
    const uint64_t start = w->facts->start_slot;

    CASK_TRY(forget_pruned(w->columns->states, w->facts->state_slot, 1));
    if (w->run.slots == 0)
        return CASK_OK;
    CASK_TRY(forget_pruned(w->columns->blocks, start, w->run.slots));
    CASK_TRY(forget_pruned(w->columns->block_roots, start, w->run.slots));
    return forget_pruned(w->columns->state_roots, start, w->run.slots);
}

/* The result of a put: of a slot that stays pruned it is no error. */
static int count_pruned(const writing *w, int code)
{
    if (code != CASK_E_PRUNED)
        return code;
    w->outcome->pruned++;
    return CASK_OK;
}

/* ---- Blocks ------------------------------------------------------------------------------------------------ */

/* In a column of snappy frames those of the file are stored as they are, and need no decoding. */
static bool stored_verbatim(const writing *w)
{
    return w->columns->blocks_codec == CASK_CODEC_SNAPPY;
}

static int encode_block(size_t index, unsigned worker, void *context)
{
    writing *w = context;
    const era_block *block = &w->run.blocks[index];

    (void)worker;
    return cask_codec_encode(&w->encoded[index], w->columns->blocks_codec, w->columns->codec_level, block->value,
                             block->value_size);
}

static int encode_slice(writing *w)
{
    w->encoded = calloc(w->run.count, sizeof(*w->encoded));
    if (w->encoded == NULL)
        return cask_fail_nomem();
    return cask_parallel(w->options->jobs, w->run.count, encode_block, w);
}

static void forget_encoded(writing *w)
{
    for (size_t i = 0; w->encoded != NULL && i < w->run.count; i++)
        cask_buf_dispose(&w->encoded[i]);
    free(w->encoded);
    w->encoded = NULL;
}

static bool only_copied(const writing *w)
{
    return stored_verbatim(w) && !to_verify(w);
}

/* Make the blocks of the slice ready to be put. */
static int prepare_slice(writing *w)
{
    if (!only_copied(w))
        CASK_TRY(era_blocks_check(&w->run, &w->rules));
    if (to_verify(w))
        CASK_TRY(era_checker_take(&w->checker, &w->run));
    return stored_verbatim(w) ? CASK_OK : encode_slice(w);
}

static int put_block(writing *w, size_t index)
{
    const era_block *block = &w->run.blocks[index];

    if (!stored_verbatim(w))
        return cask_batch_put_stored(w->batch, block->slot, w->encoded[index].data, w->encoded[index].size, true);
    if (block->code != CASK_OK) /* of its measuring: too large, or no frames at all */
        return cask_fail_word(CASK_E_CORRUPT, "snappy", place_of(w, block),
                              "the block is no snappy frame stream; take the file from a good copy");
    return cask_batch_put_stored(w->batch, block->slot, block->stored, block->stored_size, true);
}

static int put_slice(writing *w)
{
    const era_block *last = &w->run.blocks[w->run.count - 1];
    int code = prepare_slice(w);

    for (size_t i = 0; i < w->run.count && code == CASK_OK; i++)
        code = count_pruned(w, put_block(w, i));
    forget_encoded(w);
    if (code == CASK_OK)
        w->step(last->offset + E2_HEADER_SIZE + last->stored_size, w->payload);
    return code;
}

/* Small enough to stay in the processor's cache between reading and writing. */
#define COPIED_SLICE_SIZE (1u << 20)

static int put_blocks(writing *w)
{
    int code;

    if (only_copied(w))
        w->run.slice_size = COPIED_SLICE_SIZE;
    CASK_TRY(cask_batch_begin(&w->batch, w->columns->blocks));
    while ((code = era_blocks_next(&w->run)) == CASK_OK)
        CASK_TRY(put_slice(w));
    return code == CASK_E_NOTFOUND ? CASK_OK : code;
}

static int commit(cask_batch **batch)
{
    cask_batch *committed = *batch;

    *batch = NULL;
    return cask_batch_commit(committed);
}

/* ---- The state --------------------------------------------------------------------------------------------- */

/* The root in the name is that of the last era: of the roots in its state, or else what the state itself says. */
static int check_name(const writing *w)
{
    const size_t slots = w->run.slots;
    era_state state = ERA_STATE_INIT;
    int code;

    if (w->group + 1 < w->era->group_count)
        return CASK_OK;
    if (slots > 0 && !to_verify(w)) {
        uint8_t root[SSZ_ROOT_SIZE];

        CASK_TRY(beacon_roots_root(root, w->checker.state.head.data + BEACON_STATE_BLOCK_ROOTS, slots));
        if (memcmp(root, w->name->short_root, sizeof(w->name->short_root)) == 0)
            return CASK_OK;
        code = era_state_read(&state, w->era, w->group);
        if (code == CASK_OK)
            code = era_check_name_root(&state, w->era, w->name);
        era_state_dispose(&state);
        return code;
    }
    return era_check_name_root(&w->checker.state, w->era, w->name);
}

/* Without verifying, the beginning of the state is read for the roots in it. */
static int check_state(writing *w)
{
    if (to_verify(w))
        CASK_TRY(era_checker_begin(&w->checker, &w->rules, &w->source));
    else
        CASK_TRY(era_state_read_roots(&w->checker.state, w->era, w->group));
    return check_name(w);
}

/* ---- The eras beside it ------------------------------------------------------------------------------------ */

/* The era before, which was imported by this call or is in the archive. */
static int check_before(writing *w)
{
    era_record *record = &w->checker.record;
    uint8_t root[SSZ_ROOT_SIZE];
    bool known;

    if (record->era == 0)
        return CASK_OK;
    if (w->before->known && w->before->record.era + 1 == record->era)
        return era_check_link(record, &w->before->record, &w->rules);
    if (record->start_slot == 0)
        return CASK_OK;
    CASK_TRY(era_read_root(&known, root, w->columns->block_roots, record->start_slot - 1));
    return known ? era_check_first_slot(record, root, &w->rules) : CASK_OK;
}

/* The era after, of which the archive may have the root of this era's state. */
static int check_after(const writing *w)
{
    const era_record *record = &w->checker.record;
    uint8_t root[SSZ_ROOT_SIZE];
    const era_finding finding = { "state-root", record->era,
                                  CASK_AT_SLOT(w->era->path, record->state_offset, record->state_slot), root,
                                  record->state_root };
    bool known;

    CASK_TRY(era_read_root(&known, root, w->columns->state_roots, record->state_slot));
    if (!known || memcmp(root, record->state_root, SSZ_ROOT_SIZE) == 0)
        return CASK_OK;
    return era_flag(&w->rules, &finding,
                    "the state is not the one whose root the next era in the archive has; take the file from a good "
                    "copy");
}

static int check_links(writing *w)
{
    if (!to_verify(w))
        return CASK_OK;
    CASK_TRY(era_checker_end(&w->checker));
    if (!w->checker.record.rooted)
        return CASK_OK;
    CASK_TRY(check_before(w));
    return check_after(w);
}

/* For the next era. */
static void keep_record(writing *w)
{
    era_record_dispose(&w->before->record);
    w->before->record = w->checker.record;
    w->before->known = w->checker.record.rooted;
    w->checker.record.history = NULL;
}

/* ---- Roots and state --------------------------------------------------------------------------------------- */

static int put_roots(const writing *w, cask_column *column, const uint8_t *roots)
{
    cask_batch *batch;
    int code;

    CASK_TRY(cask_batch_begin(&batch, column));
    for (size_t i = 0; i < w->run.slots; i++) {
        code = count_pruned(w, cask_batch_put(batch, w->facts->start_slot + i, roots + i * ROOT_SIZE, ROOT_SIZE));
        if (code < 0) {
            cask_batch_abort(batch);
            return code;
        }
    }
    return cask_batch_commit(batch);
}

/* An era starts at a multiple of its length, so slot and place in the vectors run together. */
static int put_both_roots(const writing *w)
{
    const uint8_t *state = w->checker.state.head.data;

    CASK_TRY(put_roots(w, w->columns->block_roots, state + BEACON_STATE_BLOCK_ROOTS));
    return put_roots(w, w->columns->state_roots, state + BEACON_STATE_STATE_ROOTS(w->run.slots));
}

/* The result of what reads the frames of the state: that they are none is wrong in the file, not in the call. */
static int check_frames(const writing *w, int code)
{
    if (code != CASK_E_INVALID || cask_error_last()->system_errno != 0)
        return code;
    return cask_fail_word(CASK_E_CORRUPT, "snappy",
                          CASK_AT_SLOT(w->era->path, w->facts->state_offset, w->facts->state_slot), "the state is %s",
                          cask_error_last()->message);
}

/* Not kept in memory longer than it takes: a state is the largest value there is. */
static int put_state_in(cask_batch *batch, cask_buf *stored, cask_buf *value, const writing *w)
{
    CASK_TRY(cask_era_read_state(stored, w->era, w->group));
    if (w->columns->states_codec == CASK_CODEC_SNAPPY)
        return check_frames(w, cask_batch_put_stored(batch, w->facts->state_slot, stored->data, stored->size, true));
    CASK_TRY(check_frames(w, cask_codec_decode_buf(value, CASK_CODEC_SNAPPY, stored->data, stored->size,
                                                   STATE_SIZE_MAX)));
    cask_buf_dispose(stored);
    return cask_batch_put(batch, w->facts->state_slot, value->data, value->size);
}

static int put_state(const writing *w)
{
    cask_buf stored = CASK_BUF_INIT, value = CASK_BUF_INIT;
    cask_batch *batch;
    int code;

    CASK_TRY(cask_batch_begin(&batch, w->columns->states));
    code = count_pruned(w, put_state_in(batch, &stored, &value, w));
    cask_buf_dispose(&stored);
    cask_buf_dispose(&value);
    if (code == CASK_OK)
        return cask_batch_commit(batch);
    cask_batch_abort(batch);
    return code;
}

/* ---- The whole --------------------------------------------------------------------------------------------- */

static int put_the_rest(const writing *w)
{
    if (w->run.slots > 0)
        CASK_TRY(put_both_roots(w));
    return put_state(w);
}

static int write_group(writing *w)
{
    CASK_TRY(era_blocks_begin(&w->run, w->era, w->group));
    if (w->options->refill)
        CASK_TRY(forget_all_pruned(w));
    CASK_TRY(look_up_era(w));
    choose_level(w);
    CASK_TRY(check_state(w));
    CASK_TRY(put_blocks(w));
    CASK_TRY(check_links(w));
    if (w->lacks_blocks) /* whatever the archive has of the era is to agree first */
        CASK_TRY(put_the_rest(w));
    CASK_TRY(commit(&w->batch));
    if (!w->lacks_blocks)
        CASK_TRY(put_the_rest(w));
    keep_record(w);
    w->step(w->facts->offset + w->facts->size, w->payload);
    return CASK_OK;
}

int import_group(import_outcome *outcome, const import_columns *columns, cask_era *era, size_t group,
                 const cask_network *network, const cask_era_name *name, const cask_import_options *options,
                 era_keys *keys, import_before_era *before, import_step_fn step, void *payload)
{
    writing w = {
        .outcome = outcome, .columns = columns, .era = era, .group = group, .facts = &era->groups[group].facts,
        .network = network, .name = name, .options = options, .before = before, .step = step, .payload = payload,
        .rules = { .network = network, .level = options->verify, .jobs = options->jobs,
                   .report = era_report_as_error, .trusted_slot = CASK_NO_SLOT, .keys = keys },
        .source = era_source_of_group(era, group), .checker = ERA_CHECKER_INIT, .run = ERA_BLOCKS_INIT,
    };
    int code;

    *outcome = (import_outcome){ IMPORT_ABSENT, 0, 0 };
    code = write_group(&w);
    cask_batch_abort(w.batch);
    era_blocks_dispose(&w.run);
    era_checker_dispose(&w.checker);
    return code;
}
