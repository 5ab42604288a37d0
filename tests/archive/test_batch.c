/* Batches: atomic, ordered, durable when commit returns, with the fewest syncs; given up without a trace. */
#include "store.h"

#include "vfs_fault.h"

#include <errno.h>

static void batch__round_trip(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, false);

        store_put(&s, SLOTS(0, 1, 2, 100, 8191, 8192, 8193, 16384));
        store_expect(&s, SLOTS(0, 1, 2, 100, 8191, 8192, 8193, 16384));
        store_put(&s, SLOTS(16390, 16391));
        store_close(&s);
        store_expect_healed(&s, SLOTS(0, 1, 2, 100, 8191, 8192, 8193, 16384, 16390, 16391));
        store_dispose(&s);
    }
}

static void batch__nothing_is_seen_before_commit(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, true);
        cask_batch *batch;

        store_put(&s, SLOTS(10, 8200));
        batch = store_begin(&s, SLOTS(8201, 8202, 16384));
        store_expect_absent(&s, 8201);
        store_expect_absent(&s, 16384);
        assert_ok(cask_batch_commit(batch));
        store_expect(&s, SLOTS(10, 8200, 8201, 8202, 16384));
        store_dispose(&s);
    }
}

static void batch__slots_must_ascend(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, false);
        cask_batch *batch = store_begin(&s, SLOTS(10, 20));

        assert_code(batch_put_value(batch, 15), CASK_E_REFUSED);
        assert_int_equal(cask_error_last()->slot, 15);
        assert_code(batch_put_value(batch, 9), CASK_E_REFUSED);
        assert_ok(batch_put_value(batch, 21));
        assert_ok(cask_batch_commit(batch));
        store_expect(&s, SLOTS(10, 20, 21));
        store_dispose(&s);
    }
}

/* Identical values of committed slots and of slots of the same batch: nothing is written. */
static void batch__identical_value_is_a_no_op(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, true);
        tree *before;
        cask_batch *batch;

        store_put(&s, SLOTS(1, 5, 8200, 8210));
        before = tree_read(s.vfs, s.path);
        store_put(&s, SLOTS(8210));
        store_put(&s, SLOTS(1, 8200));
        store_put(&s, SLOTS(5));
        assert_tree_unchanged(before, s.vfs, s.path);
        batch = store_begin(&s, SLOTS(8211, 8211, 8210, 8212, 8211));
        assert_ok(cask_batch_commit(batch));
        store_expect(&s, SLOTS(1, 5, 8200, 8210, 8211, 8212));
        tree_free(before);
        store_dispose(&s);
    }
}

static void batch__identical_value_is_a_no_op_compressed(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        memory_disk *disk = memory_disk_new();
        store s = store_at(memory_disk_vfs(disk), "/archive", version, false);
        tree *before;

        s.disk = disk;
        s.shape.codec = CASK_CODEC_SNAPPY;
        store_open(&s);
        store_put(&s, SLOTS(1, 5, 8200));
        before = tree_read(s.vfs, s.path);
        store_put(&s, SLOTS(1, 5, 8200));
        assert_tree_unchanged(before, s.vfs, s.path);
        assert_code(cask_column_put(s.column, 5, "other", 5), CASK_E_CONFLICT);
        assert_tree_unchanged(before, s.vfs, s.path);
        tree_free(before);
        store_dispose(&s);
    }
}

static void batch__different_value_is_a_conflict(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, true);
        uint8_t value[VALUE_SIZE_MAX + 1];
        size_t size;
        tree *before;
        cask_batch *batch;

        store_put(&s, SLOTS(1, 5, 8200));
        before = tree_read(s.vfs, s.path);
        /* Same length, shorter, longer, empty; in the current file and in a sealed one. */
        for (uint64_t slot = 5; slot <= 8200; slot += 8195) {
            size = value_of(slot, value);
            value[size - 1] ^= 0x80;
            value[size] = 0;
            assert_code(cask_column_put(s.column, slot, value, size), CASK_E_CONFLICT);
            assert_int_equal(cask_error_last()->slot, slot);
            value[size - 1] ^= 0x80;
            assert_code(cask_column_put(s.column, slot, value, size - 1), CASK_E_CONFLICT);
            assert_code(cask_column_put(s.column, slot, value, size + 1), CASK_E_CONFLICT);
            assert_code(cask_column_put(s.column, slot, value, 0), CASK_E_CONFLICT);
        }
        assert_tree_unchanged(before, s.vfs, s.path);
        /* The batch goes on after it, and against its own slots as well. */
        batch = store_begin(&s, SLOTS(8201));
        assert_code(cask_batch_put(batch, 8201, "other", 5), CASK_E_CONFLICT);
        assert_code(cask_batch_put(batch, 8200, "other", 5), CASK_E_CONFLICT);
        assert_ok(batch_put_value(batch, 8202));
        assert_ok(cask_batch_commit(batch));
        store_expect(&s, SLOTS(1, 5, 8200, 8201, 8202));
        tree_free(before);
        store_dispose(&s);
    }
}

static void batch__empty_does_nothing(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, false);
        tree *before;

        for (int round = 0; round < 2; round++) {
            before = tree_read(s.vfs, s.path);
            memory_disk_forget_steps(s.disk);
            store_put(&s, NO_SLOTS);
            assert_int_equal(memory_disk_count_steps(s.disk, STEP_WRITE, ""), 0);
            assert_tree_unchanged(before, s.vfs, s.path);
            tree_free(before);
            store_put(&s, SLOTS(3));
        }
        store_dispose(&s);
    }
}

static void batch__one_at_a_time(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, false);
        cask_batch *batch = store_begin(&s, SLOTS(1)), *second;

        assert_code(cask_batch_begin(&second, s.column), CASK_E_BUSY);
        assert_code(cask_column_put(s.column, 2, "x", 1), CASK_E_BUSY);
        assert_ok(cask_batch_commit(batch));
        store_put(&s, SLOTS(2));
        store_expect(&s, SLOTS(1, 2));
        store_dispose(&s);
    }
}

static void batch__refused_on_a_read_only_handle(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, false);
        cask_batch *batch;

        store_put(&s, SLOTS(1));
        store_close(&s);
        store_open_existing(&s, true);
        assert_code(cask_batch_begin(&batch, s.column), CASK_E_REFUSED);
        assert_code(cask_column_put(s.column, 2, "x", 1), CASK_E_REFUSED);
        store_dispose(&s);
    }
}

/* ---- Abandoned -------------------------------------------------------------------------------------------------- */

static void batch__abort_leaves_nothing(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, true);
        cask_batch *batch;

        store_put(&s, SLOTS(1, 5));
        batch = store_begin(&s, SLOTS(6, 7, 8192, 20000));
        cask_batch_abort(batch);
        store_expect(&s, SLOTS(1, 5));
        store_put(&s, SLOTS(6));
        store_expect(&s, SLOTS(1, 5, 6));
        batch = store_begin(&s, SLOTS(3));
        cask_batch_abort(batch);
        store_expect(&s, SLOTS(1, 5, 6));
        store_put(&s, SLOTS(4, 5));
        store_close(&s);
        store_expect_healed(&s, SLOTS(1, 4, 5, 6));
        store_dispose(&s);
    }
}

static void batch__abort_of_the_first_batch_leaves_an_empty_column(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, true);
        cask_batch *batch = store_begin(&s, SLOTS(6, 7, 8192));

        cask_batch_abort(batch);
        store_expect(&s, NO_SLOTS);
        store_close(&s);
        store_expect_healed(&s, NO_SLOTS);
        store_open_existing(&s, false);
        store_put(&s, SLOTS(9000));
        store_expect(&s, SLOTS(9000));
        store_dispose(&s);
    }
}

static void batch__abort_of_a_sealed_backfill_leaves_the_seal(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, true);
        cask_batch *batch;

        store_put(&s, SLOTS(1, 5, 8192, 16384));
        batch = store_begin(&s, SLOTS(3, 4));
        cask_batch_abort(batch);
        store_expect(&s, SLOTS(1, 5, 8192, 16384));
        store_put(&s, SLOTS(16385));
        store_close(&s);
        store_expect_healed(&s, SLOTS(1, 5, 8192, 16384, 16385));
        store_open_existing(&s, false);
        store_put(&s, SLOTS(4));
        store_close(&s);
        store_expect_healed(&s, SLOTS(1, 4, 5, 8192, 16384, 16385));
        store_dispose(&s);
    }
}

static void batch__abort_of_null_is_allowed(void **state)
{
    (void)state;
    cask_batch_abort(NULL);
    cask_column_close(NULL);
    cask_archive_close(NULL);
    cask_iter_free(NULL);
}

/* ---- What a commit costs ---------------------------------------------------------------------------------------- */

/* One sync for each file touched, and the marker; none of it twice. */
static void batch__syncs_each_file_once(void **state)
{
    store s = store_in_memory(4, true);

    (void)state;
    store_put(&s, SLOTS(1, 2));
    memory_disk_forget_steps(s.disk);
    store_put(&s, SLOTS(3, 4, 5, 6));
    assert_int_equal(memory_disk_count_steps(s.disk, STEP_SYNC, "data_00000"), 1);
    assert_int_equal(memory_disk_count_steps(s.disk, STEP_SYNC, "data_00000.off"), 1);
    assert_int_equal(memory_disk_count_steps(s.disk, STEP_SYNC, "column.conf"), 1);
    assert_int_equal(memory_disk_count_steps(s.disk, STEP_SYNC, ""), 3);
    assert_int_equal(memory_disk_count_steps(s.disk, STEP_SYNC_FOLDER, ""), 0);
    assert_int_equal(memory_disk_count_steps(s.disk, STEP_RENAME, ""), 0);
    store_dispose(&s);
}

static size_t first_step(const memory_disk *disk, disk_step_kind kind, const char *suffix)
{
    const disk_step *steps;
    size_t count = memory_disk_steps(disk, &steps);

    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(steps[i].path), suffix_size = strlen(suffix);
        if (steps[i].kind == kind && size >= suffix_size && strcmp(steps[i].path + size - suffix_size, suffix) == 0)
            return i;
    }
    return count;
}

/* Data, then tables, then the marker, each durable before the next. */
static void batch__data_then_table_then_marker(void **state)
{
    store s = store_in_memory(4, true);
    size_t data_synced, table_written, table_synced, conf_written, conf_synced;

    (void)state;
    store_put(&s, SLOTS(1, 2));
    memory_disk_forget_steps(s.disk);
    store_put(&s, SLOTS(3, 4));
    data_synced = first_step(s.disk, STEP_SYNC, "data_00000");
    table_written = first_step(s.disk, STEP_WRITE, "data_00000.off");
    table_synced = first_step(s.disk, STEP_SYNC, "data_00000.off");
    conf_written = first_step(s.disk, STEP_WRITE, "column.conf");
    conf_synced = first_step(s.disk, STEP_SYNC, "column.conf");
    assert_true(data_synced < table_written);
    assert_true(table_written < table_synced);
    assert_true(table_synced < conf_written);
    assert_true(conf_written < conf_synced);
    store_dispose(&s);
}

/* A disk that moves one byte, or a few, at a time is slow, and right. */
static void batch__short_reads_and_writes(void **state)
{
    static const size_t most[] = { 1, 7, 4093 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(most); i++) {
        memory_disk *disk = memory_disk_new();
        vfs_fault fault;
        store s;

        vfs_fault_init(&fault, memory_disk_vfs(disk));
        /* One byte at a time only for what is small: a version 3 conf and the data, with the table written before. */
        fault.most = most[i] == 1 ? 0 : most[i];
        s = store_at(&fault.vfs, "/archive", 4, true);
        s.disk = disk;
        store_open(&s);
        store_put(&s, SLOTS(1, 5, 8192));
        fault.most = most[i];
        store_put(&s, SLOTS(8193, 8194));
        store_put(&s, SLOTS(3));
        fault.most = most[i] == 1 ? 31 : most[i];
        store_expect(&s, SLOTS(1, 3, 5, 8192, 8193, 8194));
        store_reopen(&s);
        store_expect(&s, SLOTS(1, 3, 5, 8192, 8193, 8194));
        store_dispose(&s);
    }
}

/* A folder stands where the next data file or its table must go. */
static void batch__folder_where_a_file_must_be(void **state)
{
    static const char *const names[] = { "data_00001", "data_00001.off" };

    (void)state;
    EACH_VERSION(version) {
        for (size_t i = 0; i < COUNT_OF(names); i++) {
            store s = store_in_memory(version, true);
            char *path = store_file(&s, names[i]);

            store_put(&s, SLOTS(1, 5));
            folder_make(s.vfs, path);
            assert_true(store_try_put(&s, SLOTS(6, 8192)) < 0);
            store_expect_values(&s, SLOTS(1, 5));
            free(path);
            store_dispose(&s);
        }
    }
}

/* The file that is refused changes nothing: the batch goes on. */
static void batch__adds_to_64_files_and_no_more(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, true);
        uint64_t slots[64];
        cask_batch *batch = store_begin(&s, NO_SLOTS);

        for (uint64_t i = 0; i < COUNT_OF(slots); i++) {
            slots[i] = i * 8192 + i;
            assert_ok(batch_put_value(batch, slots[i]));
        }
        assert_code(batch_put_value(batch, 64 * 8192), CASK_E_REFUSED);
        assert_ok(cask_batch_commit(batch));
        store_expect(&s, slots, COUNT_OF(slots));
        store_dispose(&s);
    }
}

/* The bytes of slot 5 are still in the write buffer when they are to be compared. */
static void batch__after_a_failed_write_nothing_goes_on(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, true);
        const cask_vfs *whole = s.vfs;
        vfs_fault fault;
        cask_batch *batch;

        store_put(&s, SLOTS(1));
        store_close(&s);
        vfs_fault_init(&fault, whole);
        s.vfs = &fault.vfs;
        store_open_existing(&s, false);
        batch = store_begin(&s, SLOTS(5));
        fault.kinds = FAULT_WRITE;
        fault.error_number = EIO;
        fault.fail_at = fault.seen + 1;
        assert_code(batch_put_value(batch, 5), CASK_E_IO);
        fault.kinds = 0;
        assert_code(batch_put_value(batch, 6), CASK_E_POISONED);
        assert_code(cask_batch_commit(batch), CASK_E_POISONED);
        assert_code(store_try_put(&s, SLOTS(6)), CASK_E_POISONED);
        store_expect_values(&s, SLOTS(1));
        store_close(&s);
        s.vfs = whole;
        store_expect_healed(&s, SLOTS(1));
        store_dispose(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        case_test(batch__round_trip),
        case_test(batch__nothing_is_seen_before_commit),
        case_test(batch__slots_must_ascend),
        case_test(batch__identical_value_is_a_no_op),
        case_test(batch__identical_value_is_a_no_op_compressed),
        case_test(batch__different_value_is_a_conflict),
        case_test(batch__empty_does_nothing),
        case_test(batch__one_at_a_time),
        case_test(batch__refused_on_a_read_only_handle),
        case_test(batch__abort_leaves_nothing),
        case_test(batch__abort_of_the_first_batch_leaves_an_empty_column),
        case_test(batch__abort_of_a_sealed_backfill_leaves_the_seal),
        case_test(batch__abort_of_null_is_allowed),
        case_test(batch__syncs_each_file_once),
        case_test(batch__data_then_table_then_marker),
        case_test(batch__short_reads_and_writes),
        case_test(batch__folder_where_a_file_must_be),
        case_test(batch__adds_to_64_files_and_no_more),
        case_test(batch__after_a_failed_write_nothing_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
