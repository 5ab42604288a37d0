/* The structure of era files: what is found in good ones, and the word for each thing wrong. */
#include "era_builder.h"

#define MINIMAL FIXTURES "/eras/minimal/"

/* ---- Good files ------------------------------------------------------------------------------------------------- */

static void open__lists_the_groups(void **state)
{
    cask_era_group group;
    cask_era *era;
    builder b;

    (void)state;
    build(&b, "good");
    put_group(&b, 0);
    put_group(&b, 1);
    put_version(&b);
    put_block(&b, 127);
    put_state(&b);
    put_other(&b);
    put_record(&b, 0, "padding", 7);
    put_block_index(&b, 64);
    put_state_index(&b, 128);
    build_end(&b);

    assert_int_equal(cask_era_open(&era, "good", NULL, NULL), CASK_OK);
    assert_int_equal(cask_era_group_count(era), 3);
    group = cask_era_group_at(era, 0);
    assert_int_equal(group.era, 0);
    assert_int_equal(group.start_slot, 0);
    assert_int_equal(group.state_slot, 0);
    assert_int_equal(group.blocks, 0);
    assert_int_equal(group.offset, 0);
    group = cask_era_group_at(era, 1);
    assert_int_equal(group.era, 1);
    assert_int_equal(group.blocks, 2);
    assert_int_equal(group.offset, cask_era_group_at(era, 0).size);
    group = cask_era_group_at(era, 2);
    assert_int_equal(group.era, 2);
    assert_int_equal(group.start_slot, 64);
    assert_int_equal(group.state_slot, 128);
    assert_int_equal(group.blocks, 1);
    assert_int_equal(group.state_offset, b.state);
    assert_int_equal(group.state_size, 5);
    assert_int_equal(group.others, 2);
    assert_int_equal(group.offset + group.size, b.writer.offset);
    cask_era_close(era);
}

static void open__accepts_an_era_without_blocks(void **state)
{
    cask_buf stored = CASK_BUF_INIT;
    cask_era *era;
    builder b;

    (void)state;
    build(&b, "empty-era");
    put_version(&b);
    put_state(&b);
    put_block_index(&b, 64);
    put_state_index(&b, 128);
    build_end(&b);
    assert_int_equal(cask_era_open(&era, "empty-era", NULL, NULL), CASK_OK);
    assert_int_equal(cask_era_group_at(era, 0).blocks, 0);
    assert_int_equal(cask_era_read_block(&stored, era, 0, 64), CASK_E_NOTFOUND);
    cask_era_close(era);
}

static void read__finds_blocks_and_state(void **state)
{
    cask_buf stored = CASK_BUF_INIT;
    cask_era *era;
    builder b;

    (void)state;
    build(&b, "read");
    put_group(&b, 3);
    build_end(&b);
    assert_int_equal(cask_era_open(&era, "read", NULL, NULL), CASK_OK);
    assert_int_equal(cask_era_read_block(&stored, era, 0, 128), CASK_OK);
    assert_int_equal(stored.size, 3);
    assert_memory_equal(stored.data, ((uint8_t[]){ 1, 2, 3 }), 3);
    assert_int_equal(cask_era_read_block(&stored, era, 0, 132), CASK_OK);
    assert_int_equal(cask_era_read_block(&stored, era, 0, 129), CASK_E_NOTFOUND);
    assert_int_equal(cask_era_read_block(&stored, era, 0, 127), CASK_E_NOTFOUND);
    assert_int_equal(cask_era_read_block(&stored, era, 0, 192), CASK_E_NOTFOUND);
    assert_int_equal(cask_era_read_block(&stored, era, 1, 128), CASK_E_INVALID);
    assert_int_equal(cask_era_read_state(&stored, era, 0), CASK_OK);
    assert_int_equal(stored.size, 5);
    assert_int_equal(cask_era_read_state(&stored, era, 1), CASK_E_INVALID);
    cask_buf_dispose(&stored);
    cask_era_close(era);
}

/* What was right when the file was opened is looked at again before it is followed. */
static void read__of_a_file_that_was_changed_since_is_refused(void **state)
{
    static const uint64_t nowhere[] = { 1, UINT64_MAX, (uint64_t)INT64_MIN, 0 - (uint64_t)(1 << 20) };
    cask_buf stored = CASK_BUF_INIT;
    cask_era *era;
    builder b;

    (void)state;
    build(&b, "changed");
    put_group(&b, 3);
    assert_int_equal(cask_era_open(&era, "changed", NULL, NULL), CASK_OK);
    for (size_t i = 0; i < sizeof(nowhere) / sizeof(*nowhere); i++) {
        poke64(&b, entry_at(b.block_index, 4), nowhere[i]);
        assert_int_equal(cask_era_read_block(&stored, era, 0, 132), CASK_E_CORRUPT);
        assert_string_equal(cask_error_last()->word, "offset-invalid");
    }
    poke64(&b, entry_at(b.block_index, 4), b.state - b.block_index); /* a record of another type */
    assert_int_equal(cask_era_read_block(&stored, era, 0, 132), CASK_E_CORRUPT);
    assert_string_equal(cask_error_last()->word, "offset-invalid");
    poke64(&b, entry_at(b.block_index, 4), b.slots[4] - b.block_index);
    assert_int_equal(cask_era_read_block(&stored, era, 0, 132), CASK_OK);
    poke8(&b, b.slots[4] + 2 + 3, 0x7f); /* longer than the group */
    assert_int_equal(cask_era_read_block(&stored, era, 0, 132), CASK_E_CORRUPT);
    assert_string_equal(cask_error_last()->word, "offset-invalid");
    assert_int_equal(cask_truncate(&b.handle, b.path, b.state + 4), CASK_OK);
    assert_int_equal(cask_era_read_state(&stored, era, 0), CASK_E_CORRUPT);
    assert_string_equal(cask_error_last()->word, "file-length");
    assert_int_equal(cask_era_read_block(&stored, era, 0, 128), CASK_E_CORRUPT);
    assert_string_equal(cask_error_last()->word, "file-length");
    cask_buf_dispose(&stored);
    cask_era_close(era);
    build_end(&b);
}

static void open__holds_the_length_against_the_network(void **state)
{
    cask_network *network;
    cask_era *era;

    (void)state;
    assert_int_equal(cask_network_load(&network, "mainnet", NULL), CASK_OK);
    assert_int_equal(cask_era_open(&era, MINIMAL "vectors-00003-f0155bf0.era", network, NULL), CASK_E_CORRUPT);
    assert_string_equal(cask_error_last()->word, "index-malformed");
    assert_null(era);
    cask_network_free(network);
    assert_int_equal(cask_network_load(&network, MINIMAL "config.yaml", NULL), CASK_OK);
    assert_int_equal(cask_era_open(&era, MINIMAL "vectors-00003-f0155bf0.era", network, NULL), CASK_OK);
    cask_era_close(era);
    cask_network_free(network);
}

static void open__says_what_cannot_be_opened(void **state)
{
    cask_era *era;

    (void)state;
    assert_int_equal(cask_era_open(&era, "no-such-file", NULL, NULL), CASK_E_NOTFOUND);
    assert_null(era);
    assert_int_equal(cask_era_open(&era, ".", NULL, NULL), CASK_E_INVALID);
    cask_era_close(NULL);
}

/* ---- Damaged files ---------------------------------------------------------------------------------------------- */

static void expect(builder *b, const char *word)
{
    cask_era *era;

    build_end(b);
    assert_int_equal(cask_era_open(&era, b->path, NULL, NULL), CASK_E_CORRUPT);
    assert_string_equal(cask_error_last()->word, word);
    assert_string_equal(cask_error_last()->file, b->path);
    assert_null(era);
}

/* A file of one group, of era 3, to be damaged by poking. */
static void build_group(builder *b)
{
    build(b, "damaged");
    put_group(b, 3);
}

static void version__must_begin_each_group_and_be_empty(void **state)
{
    builder b;

    (void)state;
    build(&b, "damaged");
    put_record(&b, E2_VERSION, "x", 1);
    put_state(&b);
    put_state_index(&b, 0);
    expect(&b, "version");

    build_group(&b); /* the second group begins with a block */
    put_block(&b, 192);
    put_state(&b);
    put_block_index(&b, 192);
    put_state_index(&b, 256);
    expect(&b, "version");

    build_group(&b); /* a record behind the last group */
    put_other(&b);
    expect(&b, "structure");

    build_group(&b); /* a third index */
    put_state_index(&b, 192);
    expect(&b, "structure");

    build(&b, "damaged"); /* inside a group */
    put_version(&b);
    put_block(&b, 128);
    assert_int_equal(e2_write_version(&b.writer), CASK_OK);
    put_block(&b, 129);
    put_state(&b);
    put_block_index(&b, 128);
    put_state_index(&b, 192);
    expect(&b, "structure");
}

static void end__missing_is_truncated(void **state)
{
    builder b;

    (void)state;
    build(&b, "damaged");
    expect(&b, "truncated");
    build(&b, "damaged");
    put_version(&b);
    expect(&b, "truncated");
    build(&b, "damaged");
    put_version(&b);
    put_block(&b, 128);
    expect(&b, "truncated");
    build_group(&b);
    assert_int_equal(cask_truncate(&b.handle, b.path, b.state_index), CASK_OK);
    expect(&b, "truncated");
    build_group(&b);
    assert_int_equal(cask_truncate(&b.handle, b.path, b.block_index), CASK_OK);
    expect(&b, "truncated");
}

/* Wherever a file is cut, it is refused. */
static void end__at_any_byte_is_refused(void **state)
{
    cask_era *era;
    builder b;

    (void)state;
    build_group(&b);
    for (uint64_t size = b.writer.offset; size-- > 0;) {
        assert_int_equal(cask_truncate(&b.handle, b.path, size), CASK_OK);
        assert_int_equal(cask_era_open(&era, b.path, NULL, NULL), CASK_E_CORRUPT);
        assert_string_equal(cask_error_last()->word, "truncated");
    }
    build_end(&b);
}

static void set_size(builder *b, uint64_t record, uint32_t size)
{
    uint8_t bytes[4];

    cask_store32(bytes, size);
    assert_int_equal(cask_write_all(&b->handle, b->path, bytes, 4, record + 2), CASK_OK);
}

static void length__leads_past_the_end(void **state)
{
    builder b;

    (void)state;
    build_group(&b);
    set_size(&b, b.slots[4], UINT32_MAX);
    expect(&b, "record-length");
    build_group(&b); /* exactly to the end of the file */
    set_size(&b, b.slots[4], (uint32_t)(b.writer.offset - b.slots[4] - E2_HEADER_SIZE));
    expect(&b, "record-length");
    build_group(&b);
    set_size(&b, b.slots[4], (uint32_t)(b.writer.offset - b.slots[4] - E2_HEADER_SIZE + 1));
    expect(&b, "record-length");
    build_group(&b);
    set_size(&b, b.state, (uint32_t)(b.writer.offset - b.state - E2_HEADER_SIZE));
    expect(&b, "record-length");
    build_group(&b); /* over the next record */
    set_size(&b, b.slots[0], (uint32_t)(b.state - b.slots[0] - E2_HEADER_SIZE));
    expect(&b, "offset-invalid");
}

static void reserved_bytes__of_any_record_must_be_zero(void **state)
{
    uint64_t records[6];
    builder b;

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        for (uint64_t byte = 6; byte < 8; byte++) {
            build_group(&b);
            memcpy(records, (uint64_t[]){ 0, b.slots[0], b.slots[4], b.state, b.block_index, b.state_index },
                   sizeof(records));
            poke8(&b, records[i] + byte, 1);
            expect(&b, "reserved-bytes");
        }
    }
}

static void structure__records_out_of_place(void **state)
{
    builder b;

    (void)state;
    build(&b, "damaged"); /* a block behind the state */
    put_version(&b);
    put_state(&b);
    put_block(&b, 128);
    put_block_index(&b, 128);
    put_state_index(&b, 192);
    expect(&b, "structure");

    build(&b, "damaged"); /* a second state */
    put_version(&b);
    put_state(&b);
    put_state(&b);
    put_block_index(&b, 128);
    put_state_index(&b, 192);
    expect(&b, "structure");

    build(&b, "damaged"); /* another record before the state */
    put_version(&b);
    put_block(&b, 128);
    put_other(&b);
    put_state(&b);
    put_block_index(&b, 128);
    put_state_index(&b, 192);
    expect(&b, "structure");

    build(&b, "damaged"); /* another record between the indices */
    put_version(&b);
    put_block(&b, 128);
    put_state(&b);
    put_block_index(&b, 128);
    put_other(&b);
    put_state_index(&b, 192);
    expect(&b, "structure");

    build(&b, "damaged"); /* the indices swapped */
    put_version(&b);
    put_state(&b);
    put_state_index(&b, 192);
    put_block_index(&b, 128);
    expect(&b, "structure");

    build(&b, "damaged"); /* no state */
    put_version(&b);
    put_block(&b, 128);
    put_block_index(&b, 128);
    put_state_index(&b, 192);
    expect(&b, "structure");

    build(&b, "damaged"); /* no block index */
    put_version(&b);
    put_block(&b, 128);
    put_state(&b);
    put_state_index(&b, 192);
    expect(&b, "structure");

    build(&b, "damaged"); /* no state index, and a group behind it */
    put_version(&b);
    put_block(&b, 128);
    put_state(&b);
    put_block_index(&b, 128);
    put_group(&b, 4);
    expect(&b, "structure");
}

static void structure__blocks_and_index_disagree(void **state)
{
    builder b;

    (void)state;
    build(&b, "damaged"); /* out of slot order */
    put_version(&b);
    put_block(&b, 130);
    put_block(&b, 129);
    put_state(&b);
    put_block_index(&b, 128);
    put_state_index(&b, 192);
    expect(&b, "structure");

    build_group(&b); /* one record for two slots */
    poke64(&b, entry_at(b.block_index, 5), b.slots[4] - b.block_index);
    expect(&b, "structure");

    build_group(&b); /* a block left out: the last, the first */
    poke64(&b, entry_at(b.block_index, 4), 0);
    expect(&b, "structure");
    build_group(&b);
    poke64(&b, entry_at(b.block_index, 0), 0);
    expect(&b, "structure");
}

static void structure__genesis_group_has_a_state_alone(void **state)
{
    builder b;

    (void)state;
    build(&b, "damaged");
    put_version(&b);
    put_state(&b);
    put_block_index(&b, 0);
    put_state_index(&b, 0);
    expect(&b, "structure");

    build(&b, "damaged");
    put_version(&b);
    put_block(&b, 0);
    put_state(&b);
    put_state_index(&b, 0);
    expect(&b, "structure");
}

static void structure__groups_must_be_consecutive(void **state)
{
    builder b;

    (void)state;
    build_group(&b);
    put_group(&b, 3);
    expect(&b, "structure");
    build_group(&b);
    put_group(&b, 5);
    expect(&b, "structure");
    build_group(&b);
    put_group(&b, 0);
    expect(&b, "structure");
    build(&b, "damaged");
    put_group(&b, 0);
    put_group(&b, 0);
    expect(&b, "structure");
}

static void index__malformed(void **state)
{
    static const uint64_t counts[] = { 0, 1, 63, 65, UINT64_MAX, UINT64_C(1) << 63, UINT64_C(1) << 61 };
    static const uint64_t starts[] = { 0, 64, 127, 129, UINT64_MAX, INT64_MAX, UINT64_C(1) << 63 };
    builder b;

    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        build_group(&b);
        poke64(&b, entry_at(b.block_index, SLOTS), counts[i]);
        expect(&b, "index-malformed");
        if (counts[i] == 1)
            continue;
        build_group(&b);
        poke64(&b, entry_at(b.state_index, 1), counts[i]);
        expect(&b, "index-malformed");
    }
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        build_group(&b);
        poke64(&b, b.block_index + E2_HEADER_SIZE, starts[i]);
        expect(&b, "index-malformed");
        if (starts[i] == 0)
            continue;
        build_group(&b);
        poke64(&b, b.state_index + E2_HEADER_SIZE, starts[i]);
        expect(&b, "index-malformed");
    }

    build_group(&b); /* both moved alike, to the middle of eras */
    poke64(&b, b.block_index + E2_HEADER_SIZE, 160);
    poke64(&b, b.state_index + E2_HEADER_SIZE, 224);
    expect(&b, "index-malformed");

    build(&b, "damaged"); /* a record too short for an index, and one of no whole number of entries */
    put_version(&b);
    put_state(&b);
    put_record(&b, E2_INDEX, "12345678", 8);
    put_state_index(&b, 192);
    expect(&b, "index-malformed");
    build(&b, "damaged");
    put_version(&b);
    put_state(&b);
    put_record(&b, E2_INDEX, "0123456789012345678901234567890", 31);
    put_state_index(&b, 192);
    expect(&b, "index-malformed");
}

static void index__of_two_states(void **state)
{
    uint64_t states[2];
    builder b;

    (void)state;
    build(&b, "damaged");
    put_version(&b);
    put_state(&b);
    put_block_index(&b, 128);
    states[0] = states[1] = b.state;
    assert_int_equal(e2_write_index(&b.writer, 192, states, 2), CASK_OK);
    expect(&b, "index-malformed");

    build(&b, "damaged"); /* in the genesis group */
    put_version(&b);
    put_state(&b);
    assert_int_equal(e2_write_index(&b.writer, 0, states, 2), CASK_OK);
    put_group(&b, 1);
    expect(&b, "index-malformed");
}

static void index__larger_than_any_era(void **state)
{
    uint8_t *payload = calloc(1, E2_INDEX_SIZE(E2_INDEX_SLOTS_MAX + 1));
    builder b;

    (void)state;
    assert_non_null(payload);
    cask_store64(payload + E2_INDEX_ENTRY(E2_INDEX_SLOTS_MAX + 1), E2_INDEX_SLOTS_MAX + 1);
    build(&b, "damaged");
    put_version(&b);
    put_state(&b);
    put_record(&b, E2_INDEX, payload, E2_INDEX_SIZE(E2_INDEX_SLOTS_MAX + 1));
    put_state_index(&b, E2_INDEX_SLOTS_MAX + 1);
    expect(&b, "index-malformed");
    free(payload);
}

static void offset__invalid(void **state)
{
    builder b;
    uint64_t bad[9];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        build_group(&b);
        memcpy(bad,
               (uint64_t[]){ b.state - b.block_index, 0 - b.block_index /* the version record */, (uint64_t)-1,
                             b.slots[4] + 3 - b.block_index, b.slots[4] - 1 - b.block_index,
                             b.state_index - b.block_index, 0 - b.block_index - 1, (uint64_t)INT64_MIN, INT64_MAX },
               sizeof(bad));
        poke64(&b, entry_at(b.block_index, 4), bad[i]);
        expect(&b, "offset-invalid");
        assert_int_equal(cask_error_last()->slot, 132);

        build_group(&b);
        poke64(&b, entry_at(b.state_index, 0),
               i == 0 ? b.slots[4] - b.state_index : i == 1 ? 0 : bad[i]);
        expect(&b, "offset-invalid");
    }
}

static void offset__leads_into_another_group(void **state)
{
    uint64_t block, first_state;
    builder b;

    (void)state;
    build_group(&b);
    block = b.slots[4];
    first_state = b.state;
    put_group(&b, 4);
    poke64(&b, entry_at(b.block_index, 4), block - b.block_index);
    expect(&b, "offset-invalid");

    build_group(&b);
    put_group(&b, 4);
    poke64(&b, entry_at(b.state_index, 0), first_state - b.state_index);
    expect(&b, "offset-invalid");
}

/* Many blocks without any index cost no memory. */
static void structure__more_blocks_than_slots(void **state)
{
    builder b;

    (void)state;
    build(&b, "damaged");
    put_version(&b);
    for (uint32_t i = 0; i <= E2_INDEX_SLOTS_MAX; i++)
        put_block(&b, 0);
    put_state(&b);
    put_block_index(&b, 128);
    put_state_index(&b, 192);
    expect(&b, "structure");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open__lists_the_groups),
        cmocka_unit_test(open__accepts_an_era_without_blocks),
        cmocka_unit_test(read__finds_blocks_and_state),
        cmocka_unit_test(read__of_a_file_that_was_changed_since_is_refused),
        cmocka_unit_test(open__holds_the_length_against_the_network),
        cmocka_unit_test(open__says_what_cannot_be_opened),
        cmocka_unit_test(version__must_begin_each_group_and_be_empty),
        cmocka_unit_test(end__missing_is_truncated),
        cmocka_unit_test(end__at_any_byte_is_refused),
        cmocka_unit_test(length__leads_past_the_end),
        cmocka_unit_test(reserved_bytes__of_any_record_must_be_zero),
        cmocka_unit_test(structure__records_out_of_place),
        cmocka_unit_test(structure__blocks_and_index_disagree),
        cmocka_unit_test(structure__genesis_group_has_a_state_alone),
        cmocka_unit_test(structure__groups_must_be_consecutive),
        cmocka_unit_test(structure__more_blocks_than_slots),
        cmocka_unit_test(index__malformed),
        cmocka_unit_test(index__of_two_states),
        cmocka_unit_test(index__larger_than_any_era),
        cmocka_unit_test(offset__invalid),
        cmocka_unit_test(offset__leads_into_another_group),
    };

    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
