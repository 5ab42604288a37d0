/* Coverage: which data files a column has, and what is at each of their slots. */
#include "store.h"

enum { FILES_MAX = 8 };

typedef struct files_seen {
    cask_column_file files[FILES_MAX];
    size_t count;
} files_seen;

static int note_file(const cask_column_file *file, void *payload)
{
    files_seen *seen = payload;

    assert_in_range(seen->count, 0, FILES_MAX - 1);
    seen->files[seen->count++] = *file;
    return 0;
}

static int stop_at_second(const cask_column_file *file, void *payload)
{
    size_t *count = payload;

    (void)file;
    return ++*count == 2 ? 7 : 0;
}

/* The file has records at these slots and nothing else. */
static void expect_slots(store *s, uint64_t file_id, const uint64_t *slots, size_t count)
{
    uint8_t states[CASK_SLOTS_PER_FILE], expected[CASK_SLOTS_PER_FILE] = { CASK_SLOT_EMPTY };

    memset(states, 0xff, sizeof(states));
    assert_ok(cask_column_slots(states, s->column, file_id));
    for (size_t i = 0; i < count; i++)
        expected[slots[i] % CASK_SLOTS_PER_FILE] = CASK_SLOT_RECORD;
    assert_memory_equal(states, expected, sizeof(states));
}

static void expect_all(store *s, uint32_t version)
{
    files_seen seen = { .count = 0 };
    cask_column_info info;
    uint64_t records = 0, data_bytes = 0;

    expect_slots(s, 0, SLOTS(3, 8191));
    expect_slots(s, 1, SLOTS(8192));
    expect_slots(s, 2, NO_SLOTS);
    expect_slots(s, 3, SLOTS(24580, 24581));
    expect_slots(s, 4, NO_SLOTS);
    expect_slots(s, UINT64_MAX / CASK_SLOTS_PER_FILE, NO_SLOTS);

    assert_ok(cask_column_files(s->column, note_file, &seen));
    for (size_t i = 0; i < seen.count; i++) {
        records += seen.files[i].records;
        data_bytes += seen.files[i].data_bytes;
        assert_int_equal(seen.files[i].pruned, 0);
        assert_int_equal(seen.files[i].value_bytes == UINT64_MAX, version < 4);
        assert_true(i == 0 || seen.files[i].file_id > seen.files[i - 1].file_id);
    }
    assert_ok(cask_column_stat(&info, s->column));
    assert_int_equal(seen.count, info.files);
    assert_int_equal(data_bytes, info.data_bytes);
    assert_int_equal(records, 5);
    assert_int_equal(seen.files[0].file_id, 0);
    assert_int_equal(seen.files[0].records, 2);
    assert_true(seen.files[0].sealed);
    assert_int_equal(seen.files[seen.count - 1].file_id, 3);
    assert_int_equal(seen.files[seen.count - 1].records, 2);
    assert_false(seen.files[seen.count - 1].sealed);
}

static void coverage__tells_files_and_slots(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, true);

        store_put(&s, SLOTS(3, 8191, 8192, 24580, 24581));
        expect_all(&s, version);
        store_close(&s);
        store_open_existing(&s, true);
        expect_all(&s, version);
        store_dispose(&s);
    }
}

static void coverage__of_an_empty_column_is_nothing(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, true);
        files_seen seen = { .count = 0 };

        assert_ok(cask_column_files(s.column, note_file, &seen));
        assert_int_equal(seen.count, 0);
        expect_slots(&s, 0, NO_SLOTS);
        store_dispose(&s);
    }
}

static void coverage__ends_when_the_visit_does(void **state)
{
    size_t count = 0;
    store s = store_in_memory(4, false);

    (void)state;
    store_put(&s, SLOTS(3, 8192, 16384));
    assert_int_equal(cask_column_files(s.column, stop_at_second, &count), 7);
    assert_int_equal(count, 2);
    store_dispose(&s);
}

static void coverage__shows_what_is_committed_alone(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, true);
        cask_batch *batch;

        store_put(&s, SLOTS(3));
        batch = store_begin(&s, SLOTS(5, 8192));
        expect_slots(&s, 0, SLOTS(3));
        expect_slots(&s, 1, NO_SLOTS);
        assert_ok(cask_batch_commit(batch));
        expect_slots(&s, 0, SLOTS(3, 5));
        expect_slots(&s, 1, SLOTS(8192));
        store_dispose(&s);
    }
}

static void coverage__tells_what_was_pruned(void **state)
{
    store s = store_in_memory(4, false);
    uint8_t states[CASK_SLOTS_PER_FILE];
    files_seen seen = { .count = 0 };
    cask_change change;

    (void)state;
    store_put(&s, SLOTS(3, 5, 9, 8192));
    assert_ok(cask_column_prune(&change, s.column, 0, 5));
    for (int again = 0; again < 2; again++) {
        assert_ok(cask_column_slots(states, s.column, 0));
        assert_int_equal(states[3], CASK_SLOT_PRUNED);
        assert_int_equal(states[4], CASK_SLOT_EMPTY);
        assert_int_equal(states[5], CASK_SLOT_PRUNED);
        assert_int_equal(states[9], CASK_SLOT_RECORD);
        store_close(&s);
        store_open_existing(&s, true);
    }
    assert_ok(cask_column_files(s.column, note_file, &seen));
    assert_int_equal(seen.files[0].records, 1);
    assert_int_equal(seen.files[0].pruned, 2);
    store_dispose(&s);
}

static void coverage__reports_a_missing_file(void **state)
{
    store s = store_in_memory(4, false);
    files_seen seen = { .count = 0 };
    char *table;

    (void)state;
    store_put(&s, SLOTS(3, 8192));
    store_close(&s);
    table = store_file(&s, "data_00000.off");
    file_remove(s.vfs, table);
    free(table);
    store_open_existing(&s, true);
    assert_code(cask_column_files(s.column, note_file, &seen), CASK_E_CORRUPT);
    assert_string_equal(cask_error_last()->word, "missing-file");
    store_dispose(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        case_test(coverage__tells_files_and_slots),
        case_test(coverage__of_an_empty_column_is_nothing),
        cmocka_unit_test(coverage__ends_when_the_visit_does),
        case_test(coverage__shows_what_is_committed_alone),
        cmocka_unit_test(coverage__tells_what_was_pruned),
        cmocka_unit_test(coverage__reports_a_missing_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
