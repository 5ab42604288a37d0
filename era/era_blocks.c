#include "era_blocks.h"

#include "../archive/bytes.h"
#include "../archive/codec.h"
#include "../archive/error.h"
#include "../archive/parallel.h"
#include "beacon.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Replace the offsets of the index, which are in run->stored, by places in the file. */
static void find_targets(era_blocks *run)
{
    for (size_t i = 0; i < run->slots; i++) {
        uint64_t offset = cask_load64(run->stored.data + E2_INDEX_ENTRY(i));

        run->targets[i] = 0;
        if (offset != 0 && !e2_index_target(&run->targets[i], run->group->index_offset, offset))
            run->targets[i] = CASK_NO_OFFSET;
    }
}

static int load_targets(era_blocks *run)
{
    size_t size = E2_INDEX_SIZE(run->slots);

    run->targets = calloc(run->slots, sizeof(*run->targets));
    run->blocks = calloc(run->slots, sizeof(*run->blocks));
    if (run->targets == NULL || run->blocks == NULL)
        return cask_fail_nomem();
    CASK_TRY(cask_buf_reserve(&run->stored, size));
    CASK_TRY(cask_read_exact(&run->era->handle, run->era->path, run->stored.data, size,
                             run->group->index_offset + E2_HEADER_SIZE));
    find_targets(run);
    return CASK_OK;
}

/* All but the buffers. */
static void forget(era_blocks *run)
{
    cask_iter_free(run->iter);
    free(run->targets);
    free(run->blocks);
    run->iter = NULL;
    run->targets = NULL;
    run->blocks = NULL;
    run->next = 0;
    run->count = 0;
}

int era_blocks_begin(era_blocks *run, const cask_era *era, size_t group)
{
    forget(run);
    run->path = era->path;
    run->codec = CASK_CODEC_SNAPPY;
    run->era = era;
    run->group = &era->groups[group];
    run->start_slot = run->group->facts.start_slot;
    run->slots = (size_t)(run->group->facts.state_slot - run->start_slot);
    return run->slots == 0 ? CASK_OK : load_targets(run);
}

int era_blocks_begin_column(era_blocks *run, cask_column *column, const char *path, uint64_t start_slot, size_t slots)
{
    forget(run);
    run->path = path;
    run->start_slot = start_slot;
    run->slots = slots;
    run->iter_slot = CASK_NO_SLOT;
    run->codec = cask_column_codec(column);
    run->blocks = calloc(slots > 0 ? slots : 1, sizeof(*run->blocks));
    if (run->blocks == NULL)
        return cask_fail_nomem();
    return cask_iter_new(&run->iter, column, start_slot, CASK_UP);
}

void era_blocks_dispose(era_blocks *run)
{
    forget(run);
    cask_buf_dispose(&run->stored);
    cask_buf_dispose(&run->values);
    *run = (era_blocks)ERA_BLOCKS_INIT;
}

/* ---- Slices of a file ------------------------------------------------------------------------------------- */

/* Step to the next slot with a block and read the header of its record. */
static int find_first(cask_era_record *record, era_blocks *run)
{
    for (; run->next < run->slots; run->next++) {
        int code;

        if (run->targets[run->next] == 0)
            continue;
        code = era_read_header(record, run->era, run->group, run->targets[run->next], E2_BLOCK);
        if (code != CASK_E_CORRUPT || !run->group->damaged)
            return code;
    }
    return cask_fail(CASK_E_NOTFOUND, CASK_IN_FILE(run->era->path), "no more blocks in the group");
}

/* Read the file from `record` on: a slice, or all of the record. What is behind the state is of no use. */
static int load_slice(era_blocks *run, const cask_era_record *record)
{
    const uint64_t left = run->group->facts.offset + run->group->facts.size - record->offset;
    size_t size = left < run->slice_size ? (size_t)left : run->slice_size;

    if (record->size > ERA_BLOCK_MAX)
        size = E2_HEADER_SIZE; /* no block is so large: the empty payload that is left fails as snappy */
    else if (size < E2_HEADER_SIZE + record->size)
        size = E2_HEADER_SIZE + record->size;
    run->stored.size = 0;
    CASK_TRY(cask_buf_reserve(&run->stored, size));
    CASK_TRY(cask_read_exact(&run->era->handle, run->era->path, run->stored.data, size, record->offset));
    run->stored.size = size;
    return CASK_OK;
}

/* Take the record at `at` of the slice. false: it is not whole in it, or no block. */
static bool take_record(era_block *block, const era_blocks *run, size_t at)
{
    const uint8_t *header = run->stored.data + at;
    size_t left = run->stored.size - at;

    if (left < E2_HEADER_SIZE || cask_load16(header) != E2_BLOCK || cask_load32(header + 2) > left - E2_HEADER_SIZE)
        return false;
    block->stored = header + E2_HEADER_SIZE;
    block->stored_size = cask_load32(header + 2);
    return true;
}

/* Sizes are known from the chunk headers, before anything is decoded. */
static void measure(era_block *block, uint8_t codec)
{
    uint64_t size;

    block->code = cask_codec_size(codec, block->stored, block->stored_size, ERA_BLOCK_MAX, &size);
    block->value_size = block->code == CASK_OK ? (size_t)size : 0;
}

static void take_records(era_blocks *run, uint64_t offset, size_t *values_size_out)
{
    size_t at = 0, values_size = 0;

    for (; run->next < run->slots; run->next++) {
        era_block block = { .slot = run->group->facts.start_slot + run->next, .offset = offset + at };

        if (run->targets[run->next] == 0)
            continue;
        if (run->targets[run->next] != block.offset || !take_record(&block, run, at))
            break;
        measure(&block, CASK_CODEC_SNAPPY);
        if (run->count > 0 && values_size + block.value_size > 2 * run->slice_size)
            break;
        values_size += block.value_size;
        at += E2_HEADER_SIZE + block.stored_size;
        run->blocks[run->count++] = block;
    }
    *values_size_out = values_size;
}

/* A record too large for a block, alone in its slice. */
static void take_too_large(era_blocks *run, const cask_era_record *record)
{
    run->blocks[0] = (era_block){ .slot = run->group->facts.start_slot + run->next, .offset = record->offset,
                                  .stored = run->stored.data, .stored_size = 0 };
    measure(&run->blocks[0], run->codec);
    run->count = 1;
    run->next++;
}

static int next_of_file(era_blocks *run, size_t *values_size_out)
{
    cask_era_record record;

    CASK_TRY(find_first(&record, run));
    CASK_TRY(load_slice(run, &record));
    if (record.size > ERA_BLOCK_MAX)
        take_too_large(run, &record);
    else
        take_records(run, record.offset, values_size_out);
    return CASK_OK;
}

/* ---- Slices of a column ----------------------------------------------------------------------------------- */

/* Step to the next record, unless one is waiting. NOTFOUND: the era has no more. */
static int step(era_blocks *run)
{
    if (run->iter_slot == CASK_NO_SLOT)
        CASK_TRY(cask_iter_next(run->iter, &run->iter_slot));
    if (run->iter_slot < run->start_slot + run->slots)
        return CASK_OK;
    return cask_fail(CASK_E_NOTFOUND, CASK_IN_FILE(run->path), "no more blocks in the era");
}

/* Append the record stepped to. *full_out: it does not fit the slice, and waits for the next one. Damage that the store
 * itself finds is not reported again. */
static int take_from_column(bool *full_out, era_blocks *run, size_t *values_size)
{
    era_block block = { .slot = run->iter_slot, .offset = CASK_NO_OFFSET };
    const void *stored;
    int code = cask_iter_stored(run->iter, &stored, &block.stored_size);

    if (code == CASK_OK) {
        block.stored = stored;
        measure(&block, run->codec);
    } else if (code == CASK_E_CORRUPT) {
        block = (era_block){ .slot = block.slot, .offset = CASK_NO_OFFSET, .code = code, .unreadable = true };
    } else {
        return code;
    }
    *full_out = run->count > 0 && (run->stored.size + block.stored_size > run->slice_size ||
                                   *values_size + block.value_size > 2 * run->slice_size);
    if (*full_out)
        return CASK_OK;
    /* A byte more, so that a record without bytes has an address, too. */
    CASK_TRY(cask_buf_reserve(&run->stored, (run->count > 0 ? run->slice_size : block.stored_size) + 1));
    if (block.stored_size > 0)
        memcpy(run->stored.data + run->stored.size, block.stored, block.stored_size);
    run->stored.size += block.stored_size;
    *values_size += block.value_size;
    run->blocks[run->count++] = block;
    run->iter_slot = CASK_NO_SLOT;
    return CASK_OK;
}

static int next_of_column(era_blocks *run, size_t *values_size_out)
{
    bool full = false;
    size_t at = 0;
    int code = CASK_OK;

    run->stored.size = 0;
    while (!full && (code = step(run)) == CASK_OK)
        CASK_TRY(take_from_column(&full, run, values_size_out));
    if (code != CASK_OK && (code != CASK_E_NOTFOUND || run->count == 0))
        return code;
    for (size_t i = 0; i < run->count; i++) {
        run->blocks[i].stored = run->stored.data + at;
        at += run->blocks[i].stored_size;
    }
    return CASK_OK;
}

/* ---- Both ------------------------------------------------------------------------------------------------- */

int era_blocks_next(era_blocks *run)
{
    size_t values_size = 0, at = 0;

    run->count = 0;
    if (run->iter != NULL)
        CASK_TRY(next_of_column(run, &values_size));
    else
        CASK_TRY(next_of_file(run, &values_size));
    CASK_TRY(cask_buf_reserve(&run->values, values_size + 1)); /* so that a block without a value has an address, too */
    for (size_t i = 0; i < run->count; i++) {
        run->blocks[i].value = run->values.data + at;
        at += run->blocks[i].value_size;
    }
    return CASK_OK;
}

/* ---- Checking --------------------------------------------------------------------------------------------- */

/* Blocks whose trees are hashed together. */
enum { CHUNK_BLOCKS = 8 };

typedef struct checking {
    era_blocks *run;
    const era_rules *rules;
} checking;

static cask_place place_of(const era_blocks *run, const era_block *block)
{
    return CASK_AT_SLOT(run->path, block->offset, block->slot);
}

static int decode(const era_blocks *run, era_block *block)
{
    uint64_t size;
    /* Measured again for the reason why it failed. */
    int code = cask_codec_size(run->codec, block->stored, block->stored_size, ERA_BLOCK_MAX, &size);

    if (code == CASK_OK)
        code = cask_codec_decode(run->codec, block->stored, block->stored_size, block->value, block->value_size);
    if (code == CASK_E_NOMEM)
        return code;
    if (code < 0)
        return cask_fail_word(CASK_E_CORRUPT, "snappy", place_of(run, block), "the block is %s",
                              cask_error_last()->message);
    return CASK_OK;
}

static int malformed(const era_blocks *run, const era_block *block, int code)
{
    if (code != CASK_E_INVALID)
        return code;
    return cask_fail_word(CASK_E_CORRUPT, "ssz-malformed", place_of(run, block),
                          "not a SignedBeaconBlock of its fork: %s", cask_error_last()->message);
}

static int open_block(const era_blocks *run, era_block *block)
{
    uint64_t slot;

    CASK_TRY(decode(run, block));
    if (!beacon_block_slot(&slot, block->value, block->value_size))
        return cask_fail_word(CASK_E_CORRUPT, "ssz-malformed", place_of(run, block),
                              "not a SignedBeaconBlock; take the file from a good copy");
    if (slot != block->slot)
        return cask_fail_word(CASK_E_CORRUPT, "block-slot", place_of(run, block),
                              "the record holds the block of slot %" PRIu64 "; take the file from a good copy", slot);
    return CASK_OK;
}

static int check_block(const era_blocks *run, era_block *block, const era_rules *rules)
{
    const ssz_type *type = era_block_type(rules, block->slot);

    CASK_TRY(open_block(run, block));
    return type == NULL ? CASK_OK : malformed(run, block, ssz_check(type, block->value, block->value_size));
}

/* Check blocks of one fork and compute their roots, in one walk. */
static int hash_blocks(era_block *const *blocks, size_t count, const ssz_type *type)
{
    ssz_bytes messages[CHUNK_BLOCKS];
    uint8_t roots[CHUNK_BLOCKS * SSZ_ROOT_SIZE];
    ssz_part message = { NULL, 0, 0 };

    for (size_t i = 0; i < count; i++) {
        CASK_TRY(ssz_field(&message, type, blocks[i]->value, blocks[i]->value_size, "message"));
        messages[i] = (ssz_bytes){ blocks[i]->value + message.offset, message.size };
    }
    if (count > 0)
        CASK_TRY(ssz_roots(roots, message.type, messages, count, 1));
    for (size_t i = 0; i < count; i++)
        memcpy(blocks[i]->root, roots + i * SSZ_ROOT_SIZE, SSZ_ROOT_SIZE);
    return CASK_OK;
}

/* Where one of several is bad, one by one: to know which, and for the roots of the others. */
static int root_blocks(const era_blocks *run, era_block *const *blocks, size_t count, const ssz_type *type)
{
    int code = hash_blocks(blocks, count, type);

    if (code != CASK_E_INVALID)
        return code;
    for (size_t i = 0; i < count; i++) {
        code = malformed(run, blocks[i], hash_blocks(blocks + i, 1, type));
        if (code != CASK_OK && code != CASK_E_CORRUPT)
            return code;
        blocks[i]->code = code;
    }
    return CASK_OK;
}

static int check_chunk(size_t index, unsigned worker, void *context)
{
    const checking *c = context;
    era_blocks *run = c->run;
    const size_t begin = index * CHUNK_BLOCKS;
    const size_t end = begin + CHUNK_BLOCKS < run->count ? begin + CHUNK_BLOCKS : run->count;
    const bool rooted = c->rules->level >= CASK_VERIFY_ROOTS;
    const ssz_type *type = NULL;
    era_block *opened[CHUNK_BLOCKS] = { NULL };
    size_t count = 0;

    (void)worker;
    for (size_t i = begin; i < end; i++) {
        era_block *block = &run->blocks[i];
        const ssz_type *due = era_block_type(c->rules, block->slot);

        if (block->unreadable)
            continue;
        block->code = rooted ? open_block(run, block) : check_block(run, block, c->rules);
        if (block->code == CASK_E_NOMEM)
            return block->code;
        if (block->code != CASK_OK || !rooted || due == NULL)
            continue;
        if (due != type) {
            CASK_TRY(root_blocks(run, opened, count, type));
            count = 0;
            type = due;
        }
        opened[count++] = block;
    }
    return root_blocks(run, opened, count, type);
}

int era_blocks_check(era_blocks *run, const era_rules *rules)
{
    checking c = { run, rules };

    CASK_TRY(cask_parallel(rules->jobs, (run->count + CHUNK_BLOCKS - 1) / CHUNK_BLOCKS, check_chunk, &c));
    for (size_t i = 0; i < run->count; i++) {
        int code;

        if (run->blocks[i].code == CASK_OK || run->blocks[i].unreadable)
            continue;
        code = check_block(run, &run->blocks[i], rules); /* once more: errors are kept per thread */
        code = era_flag_error(rules, run->start_slot / run->slots + 1, code);
        if (code != 0)
            return code;
    }
    return CASK_OK;
}
