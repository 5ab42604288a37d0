/* Records of e2store files: written, walked, and refused. */
#include "era_builder.h"

static void writer__lays_out_records_as_specified(void **state)
{
    static const uint8_t expected[] = {
        0x65, 0x32, 0, 0, 0, 0, 0, 0,             /* version */
        0x01, 0x00, 3, 0, 0, 0, 0, 0, 1, 2, 3,    /* block */
        0x69, 0x32, 32, 0, 0, 0, 0, 0,            /* index at 19, of two slots */
        7, 0, 0, 0, 0, 0, 0, 0,
        0xf5, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* 8 - 19 */
        0, 0, 0, 0, 0, 0, 0, 0,
        2, 0, 0, 0, 0, 0, 0, 0,
    };
    const uint64_t offsets[2] = { 8, 0 };
    uint8_t *data;
    size_t size;
    builder b;

    (void)state;
    build(&b, "layout");
    put_version(&b);
    put_block(&b, 7);
    assert_int_equal(e2_write_index(&b.writer, 7, offsets, 2), CASK_OK);
    build_end(&b);
    assert_int_equal(cask_read_file(&data, &size, cask_vfs_posix(), "layout", 1000), CASK_OK);
    assert_int_equal(size, sizeof(expected));
    assert_memory_equal(data, expected, sizeof(expected));
    free(data);
}

static void index_target__is_before_the_index(void **state)
{
    uint64_t target = 0;

    (void)state;
    assert_true(e2_index_target(&target, 100, (uint64_t)-100));
    assert_int_equal(target, 0);
    assert_true(e2_index_target(&target, 100, (uint64_t)-1));
    assert_int_equal(target, 99);
    assert_false(e2_index_target(&target, 100, 0));
    assert_false(e2_index_target(&target, 100, 1));
    assert_false(e2_index_target(&target, 100, INT64_MAX));
    assert_false(e2_index_target(&target, 100, (uint64_t)-101));
    assert_false(e2_index_target(&target, 100, (uint64_t)INT64_MIN));
}

typedef struct seen {
    cask_era_record records[8];
    size_t count;
    int answer;
} seen;

static int see(const cask_era_record *record, void *payload)
{
    seen *s = payload;

    s->records[s->count++] = *record;
    return s->answer;
}

static void walk__visits_every_record(void **state)
{
    uint8_t *large = calloc(1, 3 * E2_WINDOW);
    seen s = { .count = 0 };
    builder b;

    (void)state;
    assert_non_null(large);
    build(&b, "walk");
    put_version(&b);
    put_record(&b, 0xffff, large, E2_WINDOW - 12); /* the next header lies across the end of a window */
    put_record(&b, E2_BLOCK, large, 3 * E2_WINDOW);
    put_record(&b, 0, NULL, 0);
    build_end(&b);
    free(large);
    assert_int_equal(cask_era_walk("walk", NULL, see, &s), CASK_OK);
    assert_int_equal(s.count, 4);
    assert_int_equal(s.records[1].offset, 8);
    assert_int_equal(s.records[1].size, E2_WINDOW - 12);
    assert_int_equal(s.records[2].offset, E2_WINDOW + 4);
    assert_int_equal(e2_type_of(&s.records[2]), E2_BLOCK);
    assert_int_equal(s.records[3].size, 0);
}

static void walk__ends_when_the_visitor_says_so(void **state)
{
    seen s = { .answer = 5 };
    builder b;

    (void)state;
    build(&b, "stop");
    put_version(&b);
    put_version(&b);
    build_end(&b);
    assert_int_equal(cask_era_walk("stop", NULL, see, &s), 5);
    assert_int_equal(s.count, 1);
    s.answer = CASK_E_NOTFOUND;
    assert_int_equal(cask_era_walk("stop", NULL, see, &s), CASK_E_NOTFOUND);
    assert_int_equal(s.count, 2);
}

static void expect_walk(builder *b, const char *word, size_t count)
{
    seen s = { .count = 0 };

    build_end(b);
    assert_int_equal(cask_era_walk(b->path, NULL, see, &s), CASK_E_CORRUPT);
    assert_string_equal(cask_error_last()->word, word);
    assert_int_equal(s.count, count);
}

static void walk__refuses_bad_headers(void **state)
{
    builder b;

    (void)state;
    build(&b, "bad");
    put_version(&b);
    assert_int_equal(cask_truncate(&b.handle, b.path, 7), CASK_OK);
    expect_walk(&b, "truncated", 0);

    build(&b, "bad");
    put_version(&b);
    put_block(&b, 0);
    assert_int_equal(cask_truncate(&b.handle, b.path, b.writer.offset - 1), CASK_OK);
    expect_walk(&b, "record-length", 1);

    build(&b, "bad");
    put_version(&b);
    put_block(&b, 0);
    poke8(&b, 8 + 7, 0x80);
    expect_walk(&b, "reserved-bytes", 1);
}

/* The length of a record has 32 bits. Nothing is written of what is refused. */
static void writer__refuses_more_than_a_record_holds(void **state)
{
    uint64_t size = 0;
    builder b;

    (void)state;
    build(&b, "large");
    put_version(&b);
    assert_int_equal(e2_write_record(&b.writer, E2_BLOCK, "x", (size_t)UINT32_MAX + 1), CASK_E_INVALID);
    assert_int_equal(b.writer.offset, E2_HEADER_SIZE);
    assert_int_equal(cask_size(&b.handle, b.path, &size), CASK_OK);
    assert_int_equal(size, E2_HEADER_SIZE);
    build_end(&b);
}

static void walk__says_what_cannot_be_opened(void **state)
{
    seen s = { .count = 0 };

    (void)state;
    assert_int_equal(cask_era_walk("no-such-file", NULL, see, &s), CASK_E_NOTFOUND);
    assert_int_equal(cask_era_walk(".", NULL, see, &s), CASK_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writer__lays_out_records_as_specified),
        cmocka_unit_test(writer__refuses_more_than_a_record_holds),
        cmocka_unit_test(index_target__is_before_the_index),
        cmocka_unit_test(walk__visits_every_record),
        cmocka_unit_test(walk__ends_when_the_visitor_says_so),
        cmocka_unit_test(walk__refuses_bad_headers),
        cmocka_unit_test(walk__says_what_cannot_be_opened),
    };

    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
