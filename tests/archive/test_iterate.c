/* Iteration: records in slot order, up and down, at a cost that follows the records. */
#include "store.h"

#include "vfs_fault.h"

static void expect_from(store *s, uint64_t from, cask_direction direction, const uint64_t *slots, size_t count)
{
    cask_iter *iter;
    uint64_t slot;

    assert_ok(cask_iter_new(&iter, s->column, from, direction));
    for (size_t i = 0; i < count; i++) {
        assert_ok(cask_iter_next(iter, &slot));
        assert_int_equal(slot, slots[i]);
    }
    for (int again = 0; again < 2; again++)
        assert_code(cask_iter_next(iter, &slot), CASK_E_NOTFOUND);
    cask_iter_free(iter);
}

static void iterate__from_a_slot_up_and_down(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, true);

        store_put(&s, SLOTS(0, 5, 8191, 8192, 30000));
        expect_from(&s, 0, CASK_UP, SLOTS(0, 5, 8191, 8192, 30000));
        expect_from(&s, 1, CASK_UP, SLOTS(5, 8191, 8192, 30000));
        expect_from(&s, 5, CASK_UP, SLOTS(5, 8191, 8192, 30000));
        expect_from(&s, 8192, CASK_UP, SLOTS(8192, 30000));
        expect_from(&s, 8193, CASK_UP, SLOTS(30000));
        expect_from(&s, 30001, CASK_UP, NO_SLOTS);
        expect_from(&s, CASK_NO_SLOT - 1, CASK_UP, NO_SLOTS);
        expect_from(&s, CASK_NO_SLOT - 1, CASK_DOWN, SLOTS(30000, 8192, 8191, 5, 0));
        expect_from(&s, 29999, CASK_DOWN, SLOTS(8192, 8191, 5, 0));
        expect_from(&s, 8191, CASK_DOWN, SLOTS(8191, 5, 0));
        expect_from(&s, 4, CASK_DOWN, SLOTS(0));
        expect_from(&s, 0, CASK_DOWN, SLOTS(0));
        store_dispose(&s);
    }
}

static void iterate__includes_filled_slots(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, true);

        store_put(&s, SLOTS(1, 5, 8192, 8200));
        store_put(&s, SLOTS(3));
        store_put(&s, SLOTS(8195));
        expect_from(&s, 0, CASK_UP, SLOTS(1, 3, 5, 8192, 8195, 8200));
        expect_from(&s, 9000, CASK_DOWN, SLOTS(8200, 8195, 8192, 5, 3, 1));
        store_dispose(&s);
    }
}

static void iterate__contains_sees_filled_slots(void **state)
{
    bool present;

    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, true);

        store_put(&s, SLOTS(1, 5, 8192, 8200));
        for (uint64_t slot = 3; slot < 8200; slot += 8192) {
            assert_ok(cask_column_contains(&present, s.column, slot));
            assert_false(present);
            store_put(&s, &slot, 1);
            assert_ok(cask_column_contains(&present, s.column, slot));
            assert_true(present);
        }
        store_dispose(&s);
    }
}

static void iterate__empty_column(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, true);

        expect_from(&s, 0, CASK_UP, NO_SLOTS);
        expect_from(&s, 100000, CASK_DOWN, NO_SLOTS);
        store_dispose(&s);
    }
}

static void iterate__values_decoded_and_stored(void **state)
{
    uint8_t expected[VALUE_SIZE_MAX];
    const void *data;
    size_t size;
    uint64_t slot;
    cask_buf stored = CASK_BUF_INIT;

    (void)state;
    EACH_VERSION(version) {
        memory_disk *disk = memory_disk_new();
        store s = store_at(memory_disk_vfs(disk), "/archive", version, true);
        cask_iter *iter;

        s.disk = disk;
        s.shape.codec = CASK_CODEC_SNAPPY;
        store_open(&s);
        store_put(&s, SLOTS(3, 4, 8192));
        assert_ok(cask_iter_new(&iter, s.column, 0, CASK_UP));
        while (cask_iter_next(iter, &slot) == CASK_OK) {
            size_t expected_size = value_of(slot, expected);
            assert_ok(cask_iter_value(iter, &data, &size));
            assert_int_equal(size, expected_size);
            assert_memory_equal(data, expected, size);
            assert_ok(cask_column_get_stored(&stored, s.column, slot));
            assert_ok(cask_iter_stored(iter, &data, &size));
            assert_int_equal(size, stored.size);
            assert_memory_equal(data, stored.data, size);
        }
        cask_iter_free(iter);
        store_dispose(&s);
    }
    cask_buf_dispose(&stored);
}

static void iterate__slot_max_is_invalid_or_the_end(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, true);
        cask_iter *iter = NULL;
        uint64_t slot;

        store_put(&s, SLOTS(3));
        if (cask_iter_new(&iter, s.column, CASK_NO_SLOT, CASK_UP) == CASK_OK) {
            assert_code(cask_iter_next(iter, &slot), CASK_E_NOTFOUND);
            cask_iter_free(iter);
        } else {
            assert_int_equal(cask_error_last()->code, CASK_E_INVALID);
        }
        store_dispose(&s);
    }
}

/* Steps over 20,000 slots and 60,000 files of nothing (version 3: 4 has a file for each): no call for each of them. */
static void iterate__cost_follows_the_records(void **state)
{
    const uint64_t far = 60000ull * CASK_SLOTS_PER_FILE;
    memory_disk *disk = memory_disk_new();
    vfs_fault fault;
    store s;

    (void)state;
    vfs_fault_init(&fault, memory_disk_vfs(disk));
    s = store_at(&fault.vfs, "/archive", 3, true);
    s.disk = disk;
    store_open(&s);
    store_put(&s, SLOTS(1, 20000));
    store_put(&s, SLOTS(far));
    vfs_fault_clear(&fault);
    expect_from(&s, 0, CASK_UP, SLOTS(1, 20000, far));
    expect_from(&s, CASK_NO_SLOT - 1, CASK_DOWN, SLOTS(far, 20000, 1));
    assert_true(vfs_fault_calls(&fault, FAULT_ALL) < 200);
    store_dispose(&s);
}

/* The iterator stands for a moment: later commits do not disturb it. */
static void iterate__while_a_batch_is_written(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, true);
        cask_iter *iter;
        uint64_t slot;

        store_put(&s, SLOTS(1, 5, 8192));
        assert_ok(cask_iter_new(&iter, s.column, 0, CASK_UP));
        assert_ok(cask_iter_next(iter, &slot));
        store_put(&s, SLOTS(8193, 16384));
        assert_ok(cask_iter_next(iter, &slot));
        assert_int_equal(slot, 5);
        assert_ok(cask_iter_next(iter, &slot));
        assert_int_equal(slot, 8192);
        cask_iter_free(iter);
        store_dispose(&s);
    }
}

/* A damaged record costs itself only. */
static void iterate__goes_on_behind_an_error(void **state)
{
    store s = store_in_memory(4, true);
    char *path = store_file(&s, "data_00000");
    uint8_t byte[VALUE_SIZE_MAX];
    size_t first = value_of(1, byte), size;
    const void *data;
    cask_iter *iter;
    uint64_t slot;

    (void)state;
    store_put(&s, SLOTS(1, 2, 3));
    store_close(&s);
    value_of(2, byte);
    byte[0] ^= 1;
    file_patch(s.vfs, path, 8 + 8 + first + 8, byte, 1);
    store_open_existing(&s, true);
    assert_ok(cask_iter_new(&iter, s.column, 0, CASK_UP));
    assert_ok(cask_iter_next(iter, &slot));
    assert_ok(cask_iter_value(iter, &data, &size));
    if (cask_iter_next(iter, &slot) == CASK_OK) {
        assert_int_equal(slot, 2);
        assert_code(cask_iter_value(iter, &data, &size), CASK_E_CORRUPT);
    }
    assert_int_equal(cask_error_last()->code, CASK_E_CORRUPT);
    assert_int_equal(cask_error_last()->slot, 2);
    assert_ok(cask_iter_next(iter, &slot));
    assert_int_equal(slot, 3);
    assert_ok(cask_iter_value(iter, &data, &size));
    cask_iter_free(iter);
    free(path);
    store_dispose(&s);
}

static void iterate__has_no_value_before_the_first_step(void **state)
{
    store s = store_in_memory(4, false);
    cask_iter *iter;
    const void *data;
    uint64_t slot;
    size_t size;

    (void)state;
    store_put(&s, SLOTS(5));
    assert_ok(cask_iter_new(&iter, s.column, 0, CASK_UP));
    assert_code(cask_iter_value(iter, &data, &size), CASK_E_INVALID);
    assert_code(cask_iter_stored(iter, &data, &size), CASK_E_INVALID);
    assert_ok(cask_iter_next(iter, &slot));
    assert_ok(cask_iter_value(iter, &data, &size));
    assert_code(cask_iter_next(iter, &slot), CASK_E_NOTFOUND);
    assert_code(cask_iter_value(iter, &data, &size), CASK_E_INVALID);
    cask_iter_free(iter);
    store_dispose(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        case_test(iterate__from_a_slot_up_and_down),
        case_test(iterate__has_no_value_before_the_first_step),
        case_test(iterate__includes_filled_slots),
        case_test(iterate__contains_sees_filled_slots),
        case_test(iterate__empty_column),
        case_test(iterate__values_decoded_and_stored),
        case_test(iterate__slot_max_is_invalid_or_the_end),
        case_test(iterate__cost_follows_the_records),
        case_test(iterate__while_a_batch_is_written),
        case_test(iterate__goes_on_behind_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
