/* Backfill: filling skipped slots, in the current file and in sealed ones, within the limits of each format. */
#include "raw.h"
#include "store.h"

static void backfill__fills_a_slot_in_the_current_file(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, true);

        store_put(&s, SLOTS(1, 5, 9));
        store_put(&s, SLOTS(3));
        store_expect(&s, SLOTS(1, 3, 5, 9));
        store_put(&s, SLOTS(8, 4, 0));
        store_close(&s);
        store_expect_healed(&s, SLOTS(0, 1, 3, 4, 5, 8, 9));
        store_dispose(&s);
    }
}

static void backfill__fills_a_slot_in_a_sealed_file(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, true);

        store_put(&s, SLOTS(1, 5, 8192, 16384));
        store_put(&s, SLOTS(3));
        store_expect(&s, SLOTS(1, 3, 5, 8192, 16384));
        store_reopen(&s);
        store_put(&s, SLOTS(4));
        store_put(&s, SLOTS(8193));
        store_close(&s);
        store_expect_healed(&s, SLOTS(1, 3, 4, 5, 8192, 8193, 16384));
        store_dispose(&s);
    }
}

static void backfill__fills_a_file_that_was_skipped(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, true);

        store_put(&s, SLOTS(1, 8192 * 4));
        store_put(&s, SLOTS(8192 * 2 + 5));
        store_expect(&s, SLOTS(1, 8192 * 2 + 5, 8192 * 4));
        store_close(&s);
        store_expect_healed(&s, SLOTS(1, 8192 * 2 + 5, 8192 * 4));
        store_dispose(&s);
    }
}

/* An archive whose first import was a late era can still take the early ones. */
static void backfill__fills_before_the_first_file(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, true);

        store_put(&s, SLOTS(8192 * 5 + 1));
        store_put(&s, SLOTS(8192 * 3 + 2));
        store_expect(&s, SLOTS(8192 * 3 + 2, 8192 * 5 + 1));
        store_close(&s);
        store_expect_healed(&s, SLOTS(8192 * 3 + 2, 8192 * 5 + 1));
        store_open_existing(&s, false);
        store_put(&s, SLOTS(0));
        store_put(&s, SLOTS(8192 * 4));
        store_close(&s);
        store_expect_healed(&s, SLOTS(0, 8192 * 3 + 2, 8192 * 4, 8192 * 5 + 1));
        store_dispose(&s);
    }
}

static void backfill__refused_when_not_allowed(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, false);
        tree *before;

        store_put(&s, SLOTS(1, 5, 8192, 8200));
        before = tree_read(s.vfs, s.path);
        assert_code(store_try_put(&s, SLOTS(8195)), CASK_E_REFUSED);
        assert_int_equal(cask_error_last()->slot, 8195);
        assert_code(store_try_put(&s, SLOTS(3)), CASK_E_REFUSED);
        assert_code(store_try_put(&s, SLOTS(0)), CASK_E_REFUSED);
        store_expect(&s, SLOTS(1, 5, 8192, 8200));
        assert_tree_unchanged(before, s.vfs, s.path);
        tree_free(before);
        store_dispose(&s);
    }
}

static void backfill__allowed_is_sticky(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, false);
        cask_column_info info;

        store_put(&s, SLOTS(1, 5));
        s.shape.allow_backfill = true;
        store_reopen(&s);
        s.shape.allow_backfill = false;
        store_reopen(&s);
        assert_ok(cask_column_stat(&info, s.column));
        assert_true(info.allow_backfill);
        store_put(&s, SLOTS(3));
        store_expect(&s, SLOTS(1, 3, 5));
        store_dispose(&s);
    }
}

static void backfill__highest_slot_does_not_move(void **state)
{
    uint64_t highest;

    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, true);

        store_put(&s, SLOTS(1, 8200));
        for (uint64_t slot = 3; slot < 8200; slot += 8192) {
            store_put(&s, &slot, 1);
            assert_ok(cask_column_highest(&highest, s.column));
            assert_int_equal(highest, 8200);
        }
        store_reopen(&s);
        assert_ok(cask_column_highest(&highest, s.column));
        assert_int_equal(highest, 8200);
        store_put(&s, SLOTS(8201));
        store_expect(&s, SLOTS(1, 3, 8195, 8200, 8201));
        store_dispose(&s);
    }
}

static void backfill__identical_value_is_a_no_op(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, true);
        tree *before;

        store_put(&s, SLOTS(1, 5, 8192));
        store_put(&s, SLOTS(3));
        before = tree_read(s.vfs, s.path);
        store_put(&s, SLOTS(3));
        store_put(&s, SLOTS(1, 3, 5));
        assert_tree_unchanged(before, s.vfs, s.path);
        tree_free(before);
        store_dispose(&s);
    }
}

static void backfill__different_value_is_a_conflict(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, true);
        tree *before;

        store_put(&s, SLOTS(1, 5, 8192));
        store_put(&s, SLOTS(3));
        before = tree_read(s.vfs, s.path);
        assert_code(cask_column_put(s.column, 3, "other", 5), CASK_E_CONFLICT);
        assert_tree_unchanged(before, s.vfs, s.path);
        store_expect(&s, SLOTS(1, 3, 5, 8192));
        tree_free(before);
        store_dispose(&s);
    }
}

static void backfill__conflict_within_the_batch(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, true);
        cask_batch *batch;

        store_put(&s, SLOTS(1, 5, 8192));
        batch = store_begin(&s, SLOTS(3));
        assert_code(cask_batch_put(batch, 3, "other", 5), CASK_E_CONFLICT);
        assert_ok(batch_put_value(batch, 3));
        assert_ok(batch_put_value(batch, 2));
        assert_ok(cask_batch_commit(batch));
        store_expect(&s, SLOTS(1, 2, 3, 5, 8192));
        store_dispose(&s);
    }
}

static void backfill__several_slots_of_one_sealed_file(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, true);

        store_put(&s, SLOTS(1, 100, 8192, 16384));
        store_put(&s, SLOTS(50, 60, 0, 8191));
        store_expect(&s, SLOTS(0, 1, 50, 60, 100, 8191, 8192, 16384));
        store_close(&s);
        store_expect_healed(&s, SLOTS(0, 1, 50, 60, 100, 8191, 8192, 16384));
        store_dispose(&s);
    }
}

static void backfill__compressed(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        memory_disk *disk = memory_disk_new();
        store s = store_at(memory_disk_vfs(disk), "/archive", version, true);

        s.disk = disk;
        s.shape.codec = CASK_CODEC_SNAPPY;
        store_open(&s);
        store_put(&s, SLOTS(1, 5, 8192));
        store_put(&s, SLOTS(3));
        store_expect(&s, SLOTS(1, 3, 5, 8192));
        store_reopen(&s);
        store_expect(&s, SLOTS(1, 3, 5, 8192));
        store_dispose(&s);
    }
}

static void backfill__forward_writes_after_it_keep_the_committed_length(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, true);

        store_put(&s, SLOTS(1, 5, 8192, 8196));
        store_put(&s, SLOTS(3));
        store_put(&s, SLOTS(8197));
        store_put(&s, SLOTS(8194));
        store_put(&s, SLOTS(8198));
        store_close(&s);
        store_expect_healed(&s, SLOTS(1, 3, 5, 8192, 8194, 8196, 8197, 8198));
        store_open_existing(&s, false);
        store_put(&s, SLOTS(16384));
        store_put(&s, SLOTS(8195));
        store_put(&s, SLOTS(16385));
        store_close(&s);
        store_expect_healed(&s, SLOTS(1, 3, 5, 8192, 8194, 8195, 8196, 8197, 8198, 16384, 16385));
        store_dispose(&s);
    }
}

/* ---- Version 3 -------------------------------------------------------------------------------------------------- */

static void backfill__v3_two_sealed_files_are_refused(void **state)
{
    store s = store_in_memory(3, true);
    cask_batch *batch;

    (void)state;
    store_put(&s, SLOTS(1, 8192, 16384));
    batch = store_begin(&s, SLOTS(2));
    assert_code(batch_put_value(batch, 8193), CASK_E_REFUSED);
    assert_ok(batch_put_value(batch, 3));
    assert_ok(cask_batch_commit(batch));
    store_expect(&s, SLOTS(1, 2, 3, 8192, 16384));
    store_put(&s, SLOTS(8193));
    store_close(&s);
    store_expect_healed(&s, SLOTS(1, 2, 3, 8192, 8193, 16384));
    store_dispose(&s);
}

static void backfill__v3_mixed_batch_is_refused(void **state)
{
    store s = store_in_memory(3, true);
    cask_batch *batch;

    (void)state;
    store_put(&s, SLOTS(1, 8192, 8200));
    batch = store_begin(&s, SLOTS(2));
    assert_code(batch_put_value(batch, 8201), CASK_E_REFUSED);
    assert_ok(cask_batch_commit(batch));
    batch = store_begin(&s, SLOTS(8201));
    assert_code(batch_put_value(batch, 3), CASK_E_REFUSED);
    assert_code(batch_put_value(batch, 8195), CASK_E_REFUSED);
    assert_ok(cask_batch_commit(batch));
    store_close(&s);
    store_expect_healed(&s, SLOTS(1, 2, 8192, 8200, 8201));
    store_dispose(&s);
}

static void backfill__v2_becomes_v3(void **state)
{
    store s = store_in_memory(2, false);
    char *conf = store_file(&s, "column.conf");
    uint8_t *bytes;
    size_t size;
    cask_column_info info;

    (void)state;
    store_put(&s, SLOTS(1, 5, 8192));
    assert_int_equal(file_size(s.vfs, conf), RAW_V2_CONF_SIZE);
    assert_code(store_try_put(&s, SLOTS(3)), CASK_E_REFUSED);
    s.shape.allow_backfill = true;
    store_reopen(&s);
    bytes = file_read(s.vfs, conf, &size);
    assert_int_equal(size, RAW_V3_CONF_SIZE);
    assert_memory_equal(bytes, "LHSTBLK3", 8);
    assert_int_equal(bytes[27], 1);
    assert_ok(cask_column_stat(&info, s.column));
    assert_int_equal(info.format_version, 3);
    store_put(&s, SLOTS(3));
    store_expect(&s, SLOTS(1, 3, 5, 8192));
    s.shape.allow_backfill = false;
    store_close(&s);
    store_expect_healed(&s, SLOTS(1, 3, 5, 8192));
    free(bytes);
    free(conf);
    store_dispose(&s);
}

static void backfill__v2_created_with_backfill_is_v3(void **state)
{
    store s = store_in_memory(2, true);
    cask_column_info info;

    (void)state;
    assert_ok(cask_column_stat(&info, s.column));
    assert_int_equal(info.format_version, 3);
    store_dispose(&s);
}

static void backfill__v2_stays_v2_read_only(void **state)
{
    store s = store_in_memory(2, false);
    tree *before;

    (void)state;
    store_put(&s, SLOTS(1, 5));
    store_close(&s);
    before = tree_read(s.vfs, s.path);
    s.shape.allow_backfill = true;
    store_open_existing(&s, true);
    store_expect(&s, SLOTS(1, 5));
    assert_tree_unchanged(before, s.vfs, s.path);
    tree_free(before);
    store_dispose(&s);
}

/* ---- Version 4 -------------------------------------------------------------------------------------------------- */

static void backfill__v4_mixed_batch_is_accepted(void **state)
{
    store s = store_in_memory(4, true);

    (void)state;
    store_put(&s, SLOTS(1, 8192, 8200));
    store_put(&s, SLOTS(2, 8201, 8195, 3, 16384, 16390, 8196, 16385, 9000));
    store_expect(&s, SLOTS(1, 2, 3, 8192, 8195, 8196, 8200, 8201, 9000, 16384, 16385, 16390));
    store_close(&s);
    store_expect_healed(&s, SLOTS(1, 2, 3, 8192, 8195, 8196, 8200, 8201, 9000, 16384, 16385, 16390));
    store_dispose(&s);
}

/* One record in each of `count` files. */
static void put_files(store *s, uint64_t count)
{
    for (uint64_t id = 0; id < count; id++) {
        uint64_t slot = id * 8192 + 5;
        store_put(s, &slot, 1);
    }
}

static void backfill__v4_seven_sealed_files_but_no_eighth(void **state)
{
    store s = store_in_memory(4, true);
    cask_batch *batch;
    uint64_t slots[20];
    size_t count = 0;

    (void)state;
    put_files(&s, 10);
    batch = store_begin(&s, NO_SLOTS);
    for (uint64_t id = 0; id < 7; id++)
        assert_ok(batch_put_value(batch, id * 8192 + 6));
    assert_code(batch_put_value(batch, 7 * 8192 + 6), CASK_E_REFUSED);
    assert_ok(batch_put_value(batch, 3 * 8192 + 7));
    assert_ok(batch_put_value(batch, 9 * 8192 + 6));
    assert_ok(cask_batch_commit(batch));
    for (uint64_t id = 0; id < 10; id++) {
        slots[count++] = id * 8192 + 5;
        if (id < 7 || id == 9)
            slots[count++] = id * 8192 + 6;
        if (id == 3)
            slots[count++] = id * 8192 + 7;
    }
    store_expect(&s, slots, count);
    store_close(&s);
    store_expect_healed(&s, slots, count);
    store_dispose(&s);
}

/* Sealed files that were opened are sealed again when others need their place. */
static void backfill__v4_any_number_of_sealed_files_in_turn(void **state)
{
    store s = store_in_memory(4, true);
    uint64_t slots[48];
    size_t count = 0;

    (void)state;
    put_files(&s, 16);
    for (uint64_t round = 0; round < 2; round++) {
        for (uint64_t id = 0; id < 16; id += 2) {
            uint64_t pair[] = { id * 8192 + 10 + round, (id + 1) * 8192 + 10 + round };
            if (id == 14)
                continue; /* 15 is the current file, and only one of each pair may be */
            store_put(&s, pair, 2);
        }
    }
    for (uint64_t id = 0; id < 16; id++) {
        slots[count++] = id * 8192 + 5;
        if (id < 14) {
            slots[count++] = id * 8192 + 10;
            slots[count++] = id * 8192 + 11;
        }
    }
    store_expect(&s, slots, count);
    store_close(&s);
    store_expect_healed(&s, slots, count);
    store_dispose(&s);
}

/* A batch that goes forward over many files seals them as it goes; they do not count as backfilled. */
static void backfill__v4_forward_over_many_files(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, true);
        uint64_t slots[20];

        for (uint64_t i = 0; i < COUNT_OF(slots); i++)
            slots[i] = i * 8192 + i;
        store_put(&s, slots, COUNT_OF(slots));
        store_expect(&s, slots, COUNT_OF(slots));
        store_close(&s);
        store_expect_healed(&s, slots, COUNT_OF(slots));
        store_dispose(&s);
    }
}

/* Era files: each has the slots 1 to 8191 of its own, and the first of the next; the tip goes on meanwhile. */
static void backfill__v4_eras_one_slot_short(void **state)
{
    enum { ERAS = 12, SLOTS_PER_ERA = CASK_SLOTS_PER_FILE };
    store s = store_in_memory(4, true);
    uint64_t tip = ERAS * SLOTS_PER_ERA, seen = 0, slot;
    cask_iter *iter;

    (void)state;
    assert_ok(cask_column_put(s.column, tip, &tip, sizeof tip));
    for (uint64_t era = 0; era < ERAS; era++) {
        cask_batch *batch;

        assert_ok(cask_batch_begin(&batch, s.column));
        for (slot = era * SLOTS_PER_ERA + 1; slot < (era + 1) * SLOTS_PER_ERA; slot++)
            assert_ok(cask_batch_put(batch, slot, &slot, sizeof slot));
        assert_ok(cask_batch_commit(batch));
        tip++;
        assert_ok(cask_column_put(s.column, tip, &tip, sizeof tip));
        store_expect_absent(&s, era * SLOTS_PER_ERA);
    }
    for (uint64_t era = 0; era < ERAS; era++) {
        slot = era * SLOTS_PER_ERA;
        assert_ok(cask_column_put(s.column, slot, &slot, sizeof slot));
    }
    store_reopen(&s);
    assert_int_equal(store_verify(&s, false), 0);
    assert_ok(cask_iter_new(&iter, s.column, 0, CASK_UP));
    for (; cask_iter_next(iter, &slot) == CASK_OK; seen++) {
        const void *value;
        size_t size;

        assert_ok(cask_iter_value(iter, &value, &size));
        assert_int_equal(slot, seen);
        assert_int_equal(size, sizeof slot);
        assert_memory_equal(value, &slot, sizeof slot);
    }
    cask_iter_free(iter);
    assert_int_equal(seen, tip + 1);
    store_dispose(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        case_test(backfill__fills_a_slot_in_the_current_file),
        case_test(backfill__fills_a_slot_in_a_sealed_file),
        case_test(backfill__fills_a_file_that_was_skipped),
        case_test(backfill__fills_before_the_first_file),
        case_test(backfill__refused_when_not_allowed),
        case_test(backfill__allowed_is_sticky),
        case_test(backfill__highest_slot_does_not_move),
        case_test(backfill__identical_value_is_a_no_op),
        case_test(backfill__different_value_is_a_conflict),
        case_test(backfill__conflict_within_the_batch),
        case_test(backfill__several_slots_of_one_sealed_file),
        case_test(backfill__compressed),
        case_test(backfill__forward_writes_after_it_keep_the_committed_length),
        case_test(backfill__v3_two_sealed_files_are_refused),
        case_test(backfill__v3_mixed_batch_is_refused),
        case_test(backfill__v2_becomes_v3),
        case_test(backfill__v2_created_with_backfill_is_v3),
        case_test(backfill__v2_stays_v2_read_only),
        case_test(backfill__v4_mixed_batch_is_accepted),
        case_test(backfill__v4_seven_sealed_files_but_no_eighth),
        case_test(backfill__v4_any_number_of_sealed_files_in_turn),
        case_test(backfill__v4_forward_over_many_files),
        case_test(backfill__v4_eras_one_slot_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
