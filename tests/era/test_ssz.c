/*
 * SSZ: every root in the manifests, forks and presets against a second, naive implementation that follows the
 * specification word by word, and values that must be refused.
 */
#include "../archive/bytes.h"
#include "../archive/codec.h"
#include "../archive/error.h"
#include "check.h"
#include "sha256.h"
#include "ssz.h"
#include "ssz_schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#define VALUE_MAX (1u << 28)

/* ---- Era files, as far as they are needed here ---------------------------------------------------------------- */

static void read_file(cask_buf *file, const char *folder, const char *name)
{
    char path[1024];
    FILE *stream;
    long size;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    stream = fopen(path, "rb");
    if (!stream)
        fail_msg("cannot open %s", path);
    fseek(stream, 0, SEEK_END);
    size = ftell(stream);
    rewind(stream);
    assert_int_equal(cask_buf_reserve(file, (size_t)size), CASK_OK);
    file->size = fread(file->data, 1, (size_t)size, stream);
    assert_int_equal(file->size, size);
    fclose(stream);
}

/* Decode the next record of `type` from *at on, or pass over it if `value` is NULL; false: there is none. */
static bool next_record(cask_buf *value, const cask_buf *file, size_t *at, uint16_t type)
{
    while (*at < file->size) {
        const uint8_t *header = file->data + *at;
        size_t size = cask_load32(header + 2);

        *at += 8 + size;
        if (cask_load16(header) != type)
            continue;
        if (value != NULL)
            assert_int_equal(cask_codec_decode_buf(value, CASK_CODEC_SNAPPY, header + 8, size, VALUE_MAX), CASK_OK);
        return true;
    }
    return false;
}

enum { BLOCK_RECORD = 1, STATE_RECORD = 2 };

/* ---- Roots of the manifests ------------------------------------------------------------------------------------- */

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));

    assert_non_null(value);
    return value;
}

static void assert_root(const uint8_t root[32], const json_t *object, const char *key)
{
    char hex[2 * 32 + 3] = "0x";

    for (size_t i = 0; i < 32; i++)
        snprintf(hex + 2 + 2 * i, 3, "%02x", root[i]);
    assert_string_equal(hex, text(object, key));
}

static void check_block(const json_t *slot, const char *preset, const cask_buf *value)
{
    const ssz_type *type = ssz_block_type(preset, text(slot, "fork"));
    ssz_part message, proposer, parent;
    uint8_t root[32], signed_root[32];

    assert_non_null(type);
    assert_int_equal(ssz_check(type, value->data, value->size), CASK_OK);
    assert_int_equal(ssz_root(signed_root, type, value->data, value->size, 1), CASK_OK);
    assert_int_equal(ssz_field(&message, type, value->data, value->size, "message"), CASK_OK);
    assert_int_equal(ssz_root(root, message.type, value->data + message.offset, message.size, 1), CASK_OK);
    assert_root(root, slot, "block_root");
    assert_int_equal(ssz_field(&proposer, type, value->data, value->size, "message.proposer_index"), CASK_OK);
    assert_int_equal(cask_load64(value->data + proposer.offset),
                     json_integer_value(json_object_get(slot, "proposer_index")));
    assert_int_equal(ssz_field(&parent, type, value->data, value->size, "message.parent_root"), CASK_OK);
    assert_root(value->data + parent.offset, slot, "parent_root");
}

/* Blocks are in the file in the order of the slots that are not empty. Returns how many were of the fork. */
static size_t check_blocks(const json_t *slots, const char *preset, const char *fork, const cask_buf *file)
{
    cask_buf value = CASK_BUF_INIT;
    size_t at = 0, checked = 0, i;
    const json_t *slot;

    json_array_foreach((json_t *)slots, i, slot)
    {
        bool of_fork;

        if (json_is_true(json_object_get(slot, "empty")))
            continue;
        of_fork = strcmp(text(slot, "fork"), fork) == 0;
        assert_true(next_record(of_fork ? &value : NULL, file, &at, BLOCK_RECORD));
        if (of_fork) {
            check_block(slot, preset, &value);
            checked++;
        }
    }
    cask_buf_dispose(&value);
    return checked;
}

static size_t check_state(const json_t *expected, const char *preset, const char *fork, const cask_buf *file)
{
    const ssz_type *type = ssz_state_type(preset, fork);
    cask_buf value = CASK_BUF_INIT;
    size_t at = 0;
    uint8_t root[32];

    if (strcmp(text(expected, "fork"), fork) != 0)
        return 0;
    assert_true(next_record(&value, file, &at, STATE_RECORD));
    assert_int_equal(ssz_check(type, value.data, value.size), CASK_OK);
    for (unsigned jobs = 1; jobs <= 3; jobs++) {
        assert_int_equal(ssz_root(root, type, value.data, value.size, jobs), CASK_OK);
        assert_root(root, expected, "hash_tree_root");
    }
    cask_buf_dispose(&value);
    return 1;
}

typedef struct tally {
    size_t blocks;
    size_t states;
} tally;

/* Every block and state of the fork that a manifest lists. */
static tally check_network(const json_t *network, const char *folder, const char *fork)
{
    const char *preset = text(network, "preset_base");
    cask_buf file = CASK_BUF_INIT;
    tally sum = { 0, 0 };
    const json_t *era;
    size_t i;

    json_array_foreach(json_object_get(network, "eras"), i, era)
    {
        read_file(&file, folder, text(era, "file"));
        sum.blocks += check_blocks(json_object_get(era, "slots"), preset, fork, &file);
        sum.states += check_state(json_object_get(era, "state"), preset, fork, &file);
    }
    cask_buf_dispose(&file);
    return sum;
}

static tally check_folder(const char *folder, const char *fork)
{
    cask_buf manifest = CASK_BUF_INIT;
    tally sum = { 0, 0 };
    json_t *root, *network;
    size_t i;

    read_file(&manifest, folder, "manifest.json");
    root = json_loadb((const char *)manifest.data, manifest.size, 0, NULL);
    assert_non_null(root);
    if (!json_object_get(root, "networks")) {
        sum = check_network(root, folder, fork);
    } else {
        json_array_foreach(json_object_get(root, "networks"), i, network)
        {
            tally one = check_network(network, folder, fork);

            sum.blocks += one.blocks;
            sum.states += one.states;
        }
    }
    json_decref(root);
    cask_buf_dispose(&manifest);
    return sum;
}

static void fork__roots_of_the_minimal_chains(void **state)
{
    const char *fork = *state;
    tally minimal = check_folder(FIXTURES "/eras/minimal", fork);
    tally short_chain = check_folder(FIXTURES "/eras/minimal-gloas", fork);

    assert_true(short_chain.blocks > 0);
    assert_true(minimal.states + short_chain.states > 0);
}

static void genesis__roots(void **state)
{
    tally sum = check_folder(FIXTURES "/eras/genesis", "phase0");

    (void)state;
    assert_int_equal(sum.states, 2);
}

static void mainnet_preset__roots(void **state)
{
    static const char *const forks[] = { "phase0", "altair", "bellatrix", "capella", "deneb", "electra", "fulu" };
    const char *vectors = getenv("SLOTCASK_VECTORS");
    char folder[1024];

    (void)state;
    if (!vectors) {
        print_message("SLOTCASK_VECTORS, the folder with mainnet-preset/ in it, is not set: skipped\n");
        skip();
    }
    snprintf(folder, sizeof folder, "%s/mainnet-preset", vectors);
    for (size_t i = 0; i < sizeof forks / sizeof forks[0]; i++)
        assert_true(check_folder(folder, forks[i]).blocks > 0);
}

/* ---- A second implementation: one value, one chunk at a time ----------------------------------------------------- */

/* Bytes that grow. */
static void append(cask_buf *to, const void *bytes, size_t size)
{
    if (to->size + size > to->capacity)
        assert_int_equal(cask_buf_reserve(to, 2 * (to->size + size)), CASK_OK);
    if (size > 0)
        memcpy(to->data + to->size, bytes, size);
    to->size += size;
}

static void hash_pair(uint8_t out[32], const uint8_t *left, const uint8_t *right)
{
    uint8_t pair[64];

    memcpy(pair, left, 32);
    memcpy(pair + 32, right, 32);
    cask_sha256(out, pair, sizeof pair);
}

/* merkleize(chunks, 2^depth): the right half is zeros where there are no chunks. */
static void merkleize(uint8_t out[32], const uint8_t *chunks, size_t count, unsigned depth)
{
    static uint8_t zeros[64][32];
    uint8_t left[32], right[32];

    if (memcmp(zeros[1], zeros[0], 32) == 0) {
        for (unsigned i = 0; i + 1 < 64; i++)
            hash_pair(zeros[i + 1], zeros[i], zeros[i]);
    }
    if (count == 0) {
        memcpy(out, zeros[depth], 32);
    } else if (depth == 0) {
        memcpy(out, chunks, 32);
    } else {
        size_t half = depth - 1 < 60 && count > (size_t)1 << (depth - 1) ? (size_t)1 << (depth - 1) : count;

        merkleize(left, chunks, half, depth - 1);
        merkleize(right, chunks + 32 * half, count - half, depth - 1);
        hash_pair(out, left, right);
    }
}

static void merkleize_progressive(uint8_t out[32], const uint8_t *chunks, size_t count, unsigned depth)
{
    size_t here = count < (size_t)1 << depth ? count : (size_t)1 << depth;
    uint8_t left[32], right[32];

    if (count == 0) {
        memset(out, 0, 32);
        return;
    }
    merkleize(left, chunks, here, depth);
    merkleize_progressive(right, chunks + 32 * here, count - here, depth + 2);
    hash_pair(out, left, right);
}

static unsigned depth_for(uint64_t chunks)
{
    unsigned depth = 0;

    while (((uint64_t)1 << depth) < chunks)
        depth++;
    return depth;
}

static void naive_root(uint8_t root[32], const ssz_type *type, const uint8_t *data, size_t size);

/* The roots of the parts of a container, list or vector, one after another. Returns how many. */
static size_t naive_parts(cask_buf *roots, const ssz_type *type, const uint8_t *data, size_t size)
{
    bool container = type->kind == SSZ_CONTAINER;
    size_t count = container ? type->field_count : 0, position = 0;
    size_t each = container ? 0 : ssz_fixed_size(type->element);
    uint8_t root[32];

    if (!container && size > 0)
        count = each > 0 ? size / each : cask_load32(data) / 4;
    for (size_t i = 0; i < count; i++) {
        const ssz_type *part = container ? type->fields[i].type : type->element;
        size_t fixed = ssz_fixed_size(part), begin = position, end = position + fixed;

        if (fixed == 0) {
            size_t later = position + 4;

            begin = cask_load32(data + position);
            end = size;
            for (size_t j = i + 1; j < count && end == size; j++) {
                size_t other = container ? ssz_fixed_size(type->fields[j].type) : 0;

                if (other == 0) {
                    end = cask_load32(data + later);
                    break;
                }
                later += other;
            }
        }
        naive_root(root, part, data + begin, end - begin);
        append(roots, root, 32);
        position += fixed > 0 ? fixed : 4;
    }
    return count;
}

static void naive_root(uint8_t root[32], const ssz_type *type, const uint8_t *data, size_t size)
{
    bool basic_elements = type->element && ssz_is_basic(type->element);
    cask_buf leaves = CASK_BUF_INIT;
    uint8_t mixed[32] = { 0 };
    uint64_t length = 0, limit = 1;

    if (type->kind == SSZ_CONTAINER || (type->element && !basic_elements)) {
        length = naive_parts(&leaves, type, data, size);
        limit = type->kind == SSZ_CONTAINER ? type->field_count : type->limit;
    } else {
        append(&leaves, data, size);
        if (basic_elements) {
            length = size / type->element->limit;
            limit = type->progressive ? 1 : (type->limit * type->element->limit + 31) / 32;
        } else if (type->kind == SSZ_BITVECTOR || type->kind == SSZ_BITLIST) {
            limit = (type->limit + 255) / 256;
        }
        if (type->kind == SSZ_BITLIST) {
            uint8_t last = leaves.data[size - 1];
            unsigned bit = 7;

            while (last >> bit == 0)
                bit--;
            leaves.data[size - 1] = (uint8_t)(last & ~(1u << bit));
            length = (size - 1) * 8 + bit;
            leaves.size = (length + 7) / 8;
        }
        while (leaves.size % 32 != 0)
            append(&leaves, mixed, 1);
    }
    if (type->progressive)
        merkleize_progressive(root, leaves.data, leaves.size / 32, 0);
    else
        merkleize(root, leaves.data, leaves.size / 32, depth_for(limit));
    if (type->kind == SSZ_LIST || type->kind == SSZ_BITLIST)
        cask_store64(mixed, length);
    for (size_t i = 0; type->kind == SSZ_CONTAINER && i < type->field_count; i++)
        mixed[i / 8] = (uint8_t)(mixed[i / 8] | 1u << i % 8);
    if (type->kind == SSZ_LIST || type->kind == SSZ_BITLIST || type->progressive)
        hash_pair(root, root, mixed);
    cask_buf_dispose(&leaves);
}

/* ---- Values made up by chance ------------------------------------------------------------------------------------- */

static uint64_t chance_state;

static void seed_chance(uint64_t seed)
{
    chance_state = seed * 0x9e3779b97f4a7c15u | 1;
}

/* Xorshift: the same everywhere, and cheap. */
static uint64_t next_chance(void)
{
    chance_state ^= chance_state << 13;
    chance_state ^= chance_state >> 7;
    chance_state ^= chance_state << 17;
    return chance_state >> 16;
}

static size_t chance(size_t below)
{
    return (size_t)(next_chance() % below);
}

static void append_chance(cask_buf *to, size_t size)
{
    uint8_t bytes[4];

    for (; size >= sizeof bytes; size -= sizeof bytes) {
        cask_store32(bytes, (uint32_t)next_chance());
        append(to, bytes, sizeof bytes);
    }
    cask_store32(bytes, (uint32_t)next_chance());
    append(to, bytes, size);
}

/* Mostly short, now and then long enough for several segments; within the limit. */
static size_t chance_length(uint64_t limit, bool small_elements, size_t depth)
{
    size_t most = depth > 3 ? 40 : chance(3) > 0 ? 6 : small_elements ? 20000 : 1300;

    return chance(limit < most ? (size_t)limit + 1 : most + 1);
}

static void make_value(cask_buf *to, const ssz_type *type, size_t depth);

/* The parts, offsets first where they need one. */
static void make_parts(cask_buf *to, const ssz_type *type, size_t count, size_t depth)
{
    size_t start = to->size, position = start;
    uint8_t blank[4] = { 0 };

    if (type->element && type->element->kind == SSZ_UINT) {
        append_chance(to, count * (size_t)type->element->limit);
        return;
    }

    for (size_t i = 0; i < count; i++) {
        const ssz_type *part = type->element ? type->element : type->fields[i].type;

        if (ssz_fixed_size(part) > 0)
            make_value(to, part, depth + 1);
        else
            append(to, blank, sizeof blank);
    }
    for (size_t i = 0; i < count; i++) {
        const ssz_type *part = type->element ? type->element : type->fields[i].type;
        size_t fixed = ssz_fixed_size(part);

        if (fixed == 0) {
            cask_store32(to->data + position, (uint32_t)(to->size - start));
            make_value(to, part, depth + 1);
        }
        position += fixed > 0 ? fixed : 4;
    }
}

static void make_bits(cask_buf *to, size_t bits, bool delimited)
{
    size_t start = to->size;

    append_chance(to, (bits + 7) / 8);
    if (bits % 8 != 0)
        to->data[to->size - 1] &= (uint8_t)((1u << bits % 8) - 1);
    if (!delimited)
        return;
    if (bits % 8 == 0)
        append(to, &(uint8_t){ 0 }, 1);
    to->data[start + bits / 8] |= (uint8_t)(1u << bits % 8);
}

static void make_value(cask_buf *to, const ssz_type *type, size_t depth)
{
    size_t each = type->element ? ssz_fixed_size(type->element) : 0;
    size_t length = (size_t)type->limit;

    switch (type->kind) {
    case SSZ_UINT:
        append_chance(to, length);
        break;
    case SSZ_BOOLEAN:
        append(to, &(uint8_t){ (uint8_t)chance(2) }, 1);
        break;
    case SSZ_BITVECTOR:
        make_bits(to, length, false);
        break;
    case SSZ_BITLIST:
        make_bits(to, chance_length(type->limit, false, depth), true);
        break;
    case SSZ_LIST:
        length = chance_length(type->limit, each > 0 && each <= 8, depth);
        make_parts(to, type, length, depth);
        break;
    case SSZ_VECTOR:
        make_parts(to, type, length, depth);
        break;
    case SSZ_CONTAINER:
        make_parts(to, type, type->field_count, depth);
        break;
    }
    /* Now and then a run of zeros, so that subtrees repeat. */
    if (type->element && ssz_is_basic(type->element) && chance(4) == 0 && each * length < VALUE_MAX)
        memset(to->data + to->size - each * length, 0, each * length);
}

static void check_against_naive(const ssz_type *type)
{
    cask_buf value = CASK_BUF_INIT;
    uint8_t expected[32], root[32];

    make_value(&value, type, 0);
    naive_root(expected, type, value.data, value.size);
    assert_int_equal(ssz_check(type, value.data, value.size), CASK_OK);
    for (unsigned jobs = 1; jobs <= 2; jobs++) {
        if (ssz_root(root, type, value.data, value.size, jobs) != CASK_OK)
            fail_msg("%s", cask_error_last()->message);
        assert_memory_equal(root, expected, 32);
    }
    cask_buf_dispose(&value);
}

static void fork__roots_are_those_of_the_naive_walk(void **state)
{
    static const char *const presets[] = { "mainnet", "minimal", "gnosis" };

    seed_chance(1);
    for (size_t i = 0; i < 3; i++) {
        for (int times = 0; times < 3; times++)
            check_against_naive(ssz_block_type(presets[i], *state));
    }
    for (int times = 0; times < 5; times += CASE_STRIDE)
        check_against_naive(ssz_state_type("minimal", *state));
    check_against_naive(ssz_state_type("mainnet", *state));
}

static void roots__of_many_are_those_of_each(void **state)
{
    enum { MANY = 9 };
    const ssz_type *type = ssz_block_type("mainnet", "deneb");
    cask_buf made[MANY] = { CASK_BUF_INIT };
    ssz_bytes values[MANY];
    uint8_t roots[MANY * 32], root[32];

    (void)state;
    seed_chance(2);
    for (size_t i = 0; i < MANY; i++) {
        make_value(&made[i], type, 0);
        values[i] = (ssz_bytes){ made[i].data, made[i].size };
    }
    assert_int_equal(ssz_roots(roots, type, values, MANY, 1), CASK_OK);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(ssz_root(root, type, values[i].data, values[i].size, 1), CASK_OK);
        assert_memory_equal(roots + 32 * i, root, 32);
        cask_buf_dispose(&made[i]);
    }
}

/* ---- What must be refused ------------------------------------------------------------------------------------------ */

static void make(cask_buf *value, const ssz_type *type, unsigned seed)
{
    seed_chance(seed);
    value->size = 0;
    make_value(value, type, 0);
}

static ssz_part part_of(const ssz_type *type, const cask_buf *value, const char *path)
{
    ssz_part part = { NULL, 0, 0 };

    if (ssz_field(&part, type, value->data, value->size, path) != CASK_OK)
        fail_msg("%s: %s", path, cask_error_last()->message);
    return part;
}

/* Both ways refuse it, say where, and in which field. */
static void assert_refused(const ssz_type *type, const cask_buf *value, size_t offset, const char *path)
{
    uint8_t root[32];

    assert_int_equal(ssz_root(root, type, value->data, value->size, 2), CASK_E_INVALID);
    assert_int_equal(ssz_check(type, value->data, value->size), CASK_E_INVALID);
    assert_int_equal(cask_error_last()->offset, offset);
    if (!strstr(cask_error_last()->message, path))
        fail_msg("\"%s\" does not name %s", cask_error_last()->message, path);
}

static void check__refuses_every_other_size_of_a_block(void **state)
{
    const ssz_type *type = ssz_block_type("minimal", "phase0");
    cask_buf file = CASK_BUF_INIT, value = CASK_BUF_INIT;
    size_t at = 0, size;

    (void)state;
    read_file(&file, FIXTURES "/eras/minimal", "vectors-00001-a4cb8aed.era");
    assert_true(next_record(&value, &file, &at, BLOCK_RECORD));
    size = value.size;
    for (value.size = 0; value.size < size; value.size++) {
        /* Of its own size, so that a sanitizer sees a read past the end. */
        uint8_t *exact = malloc(value.size + 1);
        uint8_t root[32];

        assert_non_null(exact);
        memcpy(exact, value.data, value.size);
        assert_int_equal(ssz_root(root, type, exact, value.size, 1), CASK_E_INVALID);
        assert_int_equal(ssz_check(type, exact, value.size), CASK_E_INVALID);
        free(exact);
    }
    cask_buf_dispose(&file);
    cask_buf_dispose(&value);
}

static void check__refuses_booleans_and_spare_bits(void **state)
{
    const ssz_type *type = ssz_state_type("minimal", "altair");
    cask_buf value = CASK_BUF_INIT;
    ssz_part part;
    unsigned seed = 1;

    (void)state;
    do
        make(&value, type, seed++);
    while (part_of(type, &value, "validators").size < 121 * 1000);
    part = part_of(type, &value, "validators[777].slashed");
    value.data[part.offset] = 2;
    assert_refused(type, &value, part.offset, "validators[].slashed is a boolean");
    value.data[part.offset] = 0;
    part = part_of(type, &value, "justification_bits");
    value.data[part.offset] |= 0x10;
    assert_refused(type, &value, part.offset, "justification_bits has bits behind its end");
    cask_buf_dispose(&value);
}

static void check__refuses_bitlists_without_end_or_too_long(void **state)
{
    const ssz_type *type = ssz_block_type("mainnet", "phase0");
    const char *path = "message.body.attestations[0].aggregation_bits";
    cask_buf value = CASK_BUF_INIT;
    uint8_t bits[2048 / 8 + 1] = { 0 };
    const ssz_type *bitlist;
    ssz_part part;
    unsigned seed = 1;

    (void)state;
    do
        make(&value, type, seed++);
    while (part_of(type, &value, "message.body.attestations").size == 0);
    part = part_of(type, &value, path);
    value.data[part.offset + part.size - 1] = 0;
    assert_refused(type, &value, part.offset, "message.body.attestations[].aggregation_bits has no bit");
    bitlist = part.type;
    bits[sizeof bits - 1] = 1;
    assert_int_equal(ssz_check(bitlist, bits, sizeof bits), CASK_OK);
    bits[sizeof bits - 1] = 2;
    assert_int_equal(ssz_check(bitlist, bits, sizeof bits), CASK_E_INVALID);
    cask_buf_dispose(&value);
}

static void check__refuses_lists_beyond_their_limit(void **state)
{
    const ssz_type *type = ssz_block_type("minimal", "capella");
    static uint8_t bytes[17 * 112];
    cask_buf value = CASK_BUF_INIT;
    ssz_part part;

    (void)state;
    make(&value, type, 1);
    part = part_of(type, &value, "message.body.voluntary_exits");
    assert_int_equal(ssz_check(part.type, bytes, 16 * 112), CASK_OK);
    assert_int_equal(ssz_check(part.type, bytes, 17 * 112), CASK_E_INVALID);
    assert_int_equal(ssz_check(part.type, bytes, 111), CASK_E_INVALID);
    part = part_of(type, &value, "message.body.execution_payload.withdrawals");
    assert_int_equal(ssz_check(part.type, bytes, 4 * 44), CASK_OK);
    assert_int_equal(ssz_check(part.type, bytes, 5 * 44), CASK_E_INVALID);
    part = part_of(type, &value, "message.body.execution_payload.extra_data");
    assert_int_equal(ssz_check(part.type, bytes, 32), CASK_OK);
    assert_int_equal(ssz_check(part.type, bytes, 33), CASK_E_INVALID);
    cask_buf_dispose(&value);
}

/* Every offset of a block, and of the transactions in it, made wrong in several ways. */
static void check__refuses_offsets(void **state)
{
    const ssz_type *type = ssz_block_type("minimal", "bellatrix");
    cask_buf value = CASK_BUF_INIT;
    ssz_part transactions;
    unsigned seed = 1;
    uint32_t first;
    uint8_t *at;

    (void)state;
    do
        make(&value, type, seed++);
    while (part_of(type, &value, "message.body.execution_payload.transactions").size < 1000);
    cask_store32(value.data, 101);
    assert_refused(type, &value, 0, "message does not begin where the parts in place end");
    cask_store32(value.data, 100);
    transactions = part_of(type, &value, "message.body.execution_payload.transactions");
    at = value.data + transactions.offset;
    first = cask_load32(at);
    for (uint32_t wrong = 0; wrong < first; wrong++) {
        cask_store32(at, wrong);
        if (wrong == 0 || wrong % 4 != 0)
            assert_int_equal(ssz_check(type, value.data, value.size), CASK_E_INVALID);
    }
    cask_store32(at, (uint32_t)transactions.size + 1);
    assert_refused(type, &value, transactions.offset, "transactions has a first offset that leads out");
    cask_store32(at, first);
    cask_store32(at + 4, first - 1);
    assert_refused(type, &value, transactions.offset, "transactions[] has an offset that leads out of it, or back");
    cask_store32(at + 4, (uint32_t)transactions.size + 1);
    assert_refused(type, &value, transactions.offset, "transactions[] has an offset that leads out of it, or back");
    cask_buf_dispose(&value);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MUTATIONS 80 /* the naive walk takes minutes there */
#else
#define MUTATIONS 800
#endif

/* Bytes changed by chance: whatever passes the checks has the root of the naive walk. */
static void mutated__refused_or_rooted(void **state)
{
    cask_buf value = CASK_BUF_INIT;
    unsigned fresh = 1;

    (void)state;
    for (unsigned seed = 0; seed < MUTATIONS; seed++) {
        const ssz_type *type = ssz_block_type("minimal", seed / 40 % 2 == 0 ? "electra" : "gloas");
        uint8_t root[32], expected[32];
        int code;

        if (seed % 40 == 0) {
            do
                make(&value, type, fresh++);
            while (value.size > 20000);
        }
        seed_chance(seed);
        for (size_t i = chance(3) + 1; i > 0; i--)
            value.data[chance(4) > 0 ? chance(value.size < 1200 ? value.size : 1200) : chance(value.size)] ^=
                (uint8_t)(1u << chance(8));
        code = ssz_root(root, type, value.data, value.size, 1);
        assert_int_equal(ssz_check(type, value.data, value.size), code);
        if (code != CASK_OK)
            continue;
        naive_root(expected, type, value.data, value.size);
        assert_memory_equal(root, expected, 32);
    }
    cask_buf_dispose(&value);
}

static void field__no_such_part(void **state)
{
    const ssz_type *type = ssz_block_type("minimal", "phase0");
    static const char *const none[] = { "massage",       "message.",   "message.slot.x", "message[0]",
                                        "signature[96]", "signature[", "signature[x]",   "message.body.deposits[16]",
                                        "mess" };
    cask_buf value = CASK_BUF_INIT;
    ssz_part part;

    (void)state;
    make(&value, type, 1);
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_int_equal(ssz_field(&part, type, value.data, value.size, none[i]), CASK_E_NOTFOUND);
    part = part_of(type, &value, "signature[95]");
    assert_int_equal(part.offset, 99);
    assert_int_equal(part.size, 1);
    part = part_of(type, &value, "message.slot");
    assert_int_equal(part.offset, 100);
    part = part_of(type, &value, "signature");
    assert_int_equal(ssz_length(part.type, value.data + part.offset, part.size), 96);
    assert_int_equal(ssz_field(&part, type, value.data, 99, "message.slot"), CASK_E_INVALID);
    assert_null(ssz_block_type("minimal", "frontier"));
    assert_null(ssz_state_type("maximal", "phase0"));
    cask_buf_dispose(&value);
}

#define FORK(test, fork)                                                                                               \
    {                                                                                                                  \
#test ": " fork, test, NULL, NULL, (void *)(uintptr_t)fork                                                     \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        FORK(fork__roots_of_the_minimal_chains, "phase0"),
        FORK(fork__roots_of_the_minimal_chains, "altair"),
        FORK(fork__roots_of_the_minimal_chains, "bellatrix"),
        FORK(fork__roots_of_the_minimal_chains, "capella"),
        FORK(fork__roots_of_the_minimal_chains, "deneb"),
        FORK(fork__roots_of_the_minimal_chains, "electra"),
        FORK(fork__roots_of_the_minimal_chains, "fulu"),
        FORK(fork__roots_of_the_minimal_chains, "gloas"),
        cmocka_unit_test(genesis__roots),
        cmocka_unit_test(mainnet_preset__roots),
        FORK(fork__roots_are_those_of_the_naive_walk, "phase0"),
        FORK(fork__roots_are_those_of_the_naive_walk, "altair"),
        FORK(fork__roots_are_those_of_the_naive_walk, "bellatrix"),
        FORK(fork__roots_are_those_of_the_naive_walk, "capella"),
        FORK(fork__roots_are_those_of_the_naive_walk, "deneb"),
        FORK(fork__roots_are_those_of_the_naive_walk, "electra"),
        FORK(fork__roots_are_those_of_the_naive_walk, "fulu"),
        FORK(fork__roots_are_those_of_the_naive_walk, "gloas"),
        cmocka_unit_test(roots__of_many_are_those_of_each),
        cmocka_unit_test(check__refuses_every_other_size_of_a_block),
        cmocka_unit_test(check__refuses_booleans_and_spare_bits),
        cmocka_unit_test(check__refuses_bitlists_without_end_or_too_long),
        cmocka_unit_test(check__refuses_lists_beyond_their_limit),
        cmocka_unit_test(check__refuses_offsets),
        cmocka_unit_test(mutated__refused_or_rooted),
        cmocka_unit_test(field__no_such_part),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
