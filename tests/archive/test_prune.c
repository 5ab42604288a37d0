/* Pruning: tombstones, freed bytes, and that nothing brings a pruned record back. */
#include "pruned_list.h"
#include "raw.h"
#include "store.h"

#define FILE_SLOTS ((uint64_t)CASK_SLOTS_PER_FILE)

static void expect_pruned(store *s, uint64_t slot)
{
    uint8_t value[VALUE_SIZE_MAX];
    bool present = true;
    size_t size;

    assert_code(cask_column_get(s->column, slot, value, sizeof value, &size), CASK_E_PRUNED);
    assert_ok(cask_column_contains(&present, s->column, slot));
    assert_false(present);
}

/* Three files: a sealed one, a sealed one, the current one. */
static store filled(void)
{
    store s = store_in_memory(4, true);

    store_put(&s, SLOTS(1, 5, 7, FILE_SLOTS, FILE_SLOTS + 3, 2 * FILE_SLOTS + 1, 2 * FILE_SLOTS + 2));
    return s;
}

static void prune(store *s, uint64_t first, uint64_t last, uint64_t slots)
{
    cask_change change;

    assert_ok(cask_column_prune(&change, s->column, first, last));
    assert_int_equal(change.slots, slots);
    assert_true(slots == 0 || change.bytes_after < change.bytes_before);
}

static void forget(store *s, uint64_t first, uint64_t last, uint64_t slots)
{
    cask_change change;

    assert_ok(cask_column_forget_pruned(&change, s->column, first, last));
    assert_int_equal(change.slots, slots);
}

static void prune__some_of_a_sealed_file(void **state)
{
    store s = filled();

    (void)state;
    prune(&s, 2, 6, 1);
    store_expect_values(&s, SLOTS(1, 7, FILE_SLOTS, FILE_SLOTS + 3, 2 * FILE_SLOTS + 1, 2 * FILE_SLOTS + 2));
    expect_pruned(&s, 5);
    store_expect_absent(&s, 2);
    assert_int_equal(store_verify(&s, false), 0);
    store_reopen(&s);
    expect_pruned(&s, 5);
    assert_int_equal(store_verify(&s, false), 0);
    store_dispose(&s);
}

static void prune__all_of_each_file(void **state)
{
    (void)state;
    for (uint64_t id = 0; id < 3; id++) {
        store s = filled();
        cask_column_info before, after;
        char *path;

        assert_ok(cask_column_stat(&before, s.column));
        prune(&s, id * FILE_SLOTS, id * FILE_SLOTS + FILE_SLOTS - 1, id == 0 ? 3 : 2);
        assert_ok(cask_column_stat(&after, s.column));
        assert_int_equal(after.pruned, id == 0 ? 3 : 2);
        assert_int_equal(after.records + after.pruned, before.records);
        assert_int_equal(after.highest_slot, before.highest_slot);
        path = store_file(&s, id == 0 ? "data_00000" : id == 1 ? "data_00001" : "data_00002");
        assert_false(file_exists(s.vfs, path));
        free(path);
        assert_int_equal(store_verify(&s, false), 0);
        store_reopen(&s);
        expect_pruned(&s, id == 0 ? 5 : id * FILE_SLOTS + (id == 1 ? 3 : 1));
        store_put(&s, SLOTS(2 * FILE_SLOTS + 9, 3 * FILE_SLOTS + 1));
        assert_int_equal(store_verify(&s, false), 0);
        store_put(&s, SLOTS(4, FILE_SLOTS + 1, 2 * FILE_SLOTS + 5));
        assert_int_equal(store_verify(&s, false), 0);
        store_reopen(&s);
        assert_int_equal(store_verify(&s, false), 0);
        store_dispose(&s);
    }
}

static void prune__a_slot_is_filled_again_only_when_forgotten(void **state)
{
    store s = filled();

    (void)state;
    prune(&s, 0, FILE_SLOTS + 1, 4);
    assert_code(store_try_put(&s, SLOTS(5)), CASK_E_PRUNED);
    forget(&s, 5, 5, 1);
    store_expect_absent(&s, 5);
    store_put(&s, SLOTS(5));
    expect_pruned(&s, 1);
    expect_pruned(&s, 7);
    assert_int_equal(store_verify(&s, false), 0);
    store_reopen(&s);
    store_expect_values(&s, SLOTS(5, FILE_SLOTS + 3, 2 * FILE_SLOTS + 1, 2 * FILE_SLOTS + 2));
    store_dispose(&s);
}

/* It was current and empty when it was left. */
static void prune__a_file_without_records_that_was_left_is_filled_again(void **state)
{
    store s = filled();

    (void)state;
    prune(&s, 2 * FILE_SLOTS, 3 * FILE_SLOTS - 1, 2);
    store_put(&s, SLOTS(3 * FILE_SLOTS));
    forget(&s, 2 * FILE_SLOTS, 3 * FILE_SLOTS - 1, 2);
    store_put(&s, SLOTS(2 * FILE_SLOTS + 2));
    assert_int_equal(store_verify(&s, false), 0);
    store_reopen(&s);
    store_expect(&s, SLOTS(1, 5, 7, FILE_SLOTS, FILE_SLOTS + 3, 2 * FILE_SLOTS + 2, 3 * FILE_SLOTS));
    store_dispose(&s);
}

static void prune__twice_changes_nothing_more(void **state)
{
    store s = filled();
    uint64_t hash;

    (void)state;
    prune(&s, 0, 6, 2);
    hash = memory_disk_hash(s.disk);
    prune(&s, 0, 6, 0);
    assert_true(memory_disk_hash(s.disk) == hash);
    store_dispose(&s);
}

static void prune__compaction_keeps_tombstones(void **state)
{
    store s = filled();
    cask_compact_options options = CASK_COMPACT_OPTIONS_INIT;
    cask_change change;

    (void)state;
    store_put(&s, SLOTS(3, 20));
    prune(&s, 5, 5, 1);
    prune(&s, 8, 20, 1);
    options.codec = CASK_CODEC_ZSTD;
    assert_ok(cask_column_compact(&change, s.column, &options));
    assert_int_equal(change.files, 2);
    store_expect_values(&s, SLOTS(1, 3, 7, FILE_SLOTS, FILE_SLOTS + 3, 2 * FILE_SLOTS + 1, 2 * FILE_SLOTS + 2));
    expect_pruned(&s, 5);
    expect_pruned(&s, 20);
    assert_int_equal(store_verify(&s, false), 0);
    store_reopen(&s);
    store_expect_values(&s, SLOTS(1, 3, 7, FILE_SLOTS, FILE_SLOTS + 3, 2 * FILE_SLOTS + 1, 2 * FILE_SLOTS + 2));
    expect_pruned(&s, 5);
    /* A further record goes into a file of another codec than the column's. */
    store_put(&s, SLOTS(9, FILE_SLOTS + 8));
    store_reopen(&s);
    store_expect_values(&s, SLOTS(1, 3, 7, 9, FILE_SLOTS, FILE_SLOTS + 3, FILE_SLOTS + 8, 2 * FILE_SLOTS + 1,
                                  2 * FILE_SLOTS + 2));
    assert_int_equal(store_verify(&s, false), 0);
    assert_ok(cask_column_compact(&change, s.column, &options));
    assert_int_equal(change.files, 0);
    store_dispose(&s);
}

/* Other processes, as it were: handles that were opened before, and have read everything. */
static void prune__readers_see_it(void **state)
{
    store s = store_in_memory(4, true);
    store reader;
    (void)state;
    store_put(&s, SLOTS(1, 999, FILE_SLOTS, 2 * FILE_SLOTS + 1));
    reader = s;
    reader.archive = NULL;
    store_open_existing(&reader, true);
    store_expect_values(&reader, SLOTS(1, 999, FILE_SLOTS, 2 * FILE_SLOTS + 1));
    prune(&s, 1, 999, 2);
    expect_pruned(&reader, 1);
    expect_pruned(&reader, 999);
    prune(&s, FILE_SLOTS, FILE_SLOTS, 1);
    expect_pruned(&reader, FILE_SLOTS);
    store_expect_values(&reader, SLOTS(2 * FILE_SLOTS + 1));
    store_close(&reader);
    store_dispose(&s);
}

/* Of these the checksum alone does not tell that they are gone: what is punched out reads as zeros. */
static void prune__readers_see_it_of_empty_values_and_zeros(void **state)
{
    static const uint8_t zeros[5000];
    static const size_t sizes[] = { 0, 1, 32, sizeof zeros };

    (void)state;
    for (size_t i = 0; i < 2 * COUNT_OF(sizes); i++) {
        bool was_read = i % 2 == 1, present;
        store s = filled();
        store reader = s;
        uint8_t value[sizeof zeros];
        size_t size;

        assert_ok(cask_column_put(s.column, 6, zeros, sizes[i / 2]));
        reader.archive = NULL;
        store_open_existing(&reader, true);
        assert_ok(cask_column_contains(&present, reader.column, 6));
        if (was_read)
            assert_ok(cask_column_get(reader.column, 6, value, sizeof value, &size));
        prune(&s, 6, 6, 1);
        expect_pruned(&reader, 6);
        store_close(&reader);
        store_dispose(&s);
    }
}

/* A tombstone need not be for ever. */
static void prune__readers_see_what_was_forgotten_and_filled_again(void **state)
{
    store s = filled();
    store reader = s;

    (void)state;
    prune(&s, 1, 7, 3);
    reader.archive = NULL;
    store_open_existing(&reader, true);
    expect_pruned(&reader, 5);
    forget(&s, 1, 7, 3);
    store_expect_absent(&reader, 5);
    store_put(&s, SLOTS(1));
    store_expect_values(&reader, SLOTS(1, FILE_SLOTS, FILE_SLOTS + 3, 2 * FILE_SLOTS + 1, 2 * FILE_SLOTS + 2));
    store_close(&reader);
    store_dispose(&s);
}

/* A file that was filled, and sealed again since, is not one that a reader may hold on to. */
static void prune__readers_see_what_was_filled_and_sealed_again(void **state)
{
    store s = store_in_memory(4, true);
    store reader;
    (void)state;
    for (uint64_t id = 0; id < 12; id++)
        store_put(&s, SLOTS(id * FILE_SLOTS));
    reader = s;
    reader.archive = NULL;
    store_open_existing(&reader, true);
    store_expect_absent(&reader, 1);
    for (uint64_t id = 0; id < 10; id++)
        store_put(&s, SLOTS(id * FILE_SLOTS + 1));
    for (uint64_t id = 0; id < 10; id++) {
        uint8_t value[VALUE_SIZE_MAX];
        size_t size;

        assert_ok(cask_column_get(reader.column, id * FILE_SLOTS + 1, value, sizeof value, &size));
    }
    store_close(&reader);
    store_dispose(&s);
}

static void prune__a_range_that_is_none_is_refused(void **state)
{
    store s = filled();
    uint64_t hash = memory_disk_hash(s.disk);
    cask_change change = { .slots = 9 };

    (void)state;
    assert_code(cask_column_prune(&change, s.column, 6, 5), CASK_E_INVALID);
    assert_int_equal(change.slots, 0);
    assert_code(cask_column_forget_pruned(&change, s.column, CASK_NO_SLOT, 0), CASK_E_INVALID);
    assert_true(memory_disk_hash(s.disk) == hash);
    store_dispose(&s);
}

static int note_list(const cask_report *report, void *payload)
{
    uint64_t *slot = payload;

    assert_string_equal(report->what, "pruned-list");
    assert_string_equal(report->file + strlen(report->file) - strlen("/pruned"), "/pruned");
    *slot = report->slot;
    return 0;
}

/* A list that is whole, but of other slots than the tables have tombstones of. */
static void prune__verify_holds_the_list_against_the_tables(void **state)
{
    static const cask_pruned_entry lists[] = { { 6, 6, CASK_INTENT_PRUNE },  /* lacks 5 */
                                               { 5, 7, CASK_INTENT_PRUNE },  /* 7 is there */
                                               { 5, 5, CASK_INTENT_FORGET },
                                               { 4, 6, CASK_INTENT_PRUNE } }; /* of 4 and 6 there was nothing */
    static const uint64_t told[] = { 5, 7, 5, CASK_NO_SLOT };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        store s = filled();
        char *folder = store_folder(&s);
        uint64_t slot = CASK_NO_SLOT;

        prune(&s, 5, 5, 1);
        assert_ok(cask_pruned_list_make(s.vfs, folder, &lists[i], 1));
        assert_ok(cask_column_verify(s.column, 1, note_list, &slot, NULL));
        assert_true(slot == told[i]);
        free(folder);
        store_dispose(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        case_test(prune__some_of_a_sealed_file),
        case_test(prune__all_of_each_file),
        case_test(prune__a_slot_is_filled_again_only_when_forgotten),
        case_test(prune__a_file_without_records_that_was_left_is_filled_again),
        case_test(prune__twice_changes_nothing_more),
        case_test(prune__a_range_that_is_none_is_refused),
        case_test(prune__verify_holds_the_list_against_the_tables),
        case_test(prune__compaction_keeps_tombstones),
        case_test(prune__readers_see_it),
        case_test(prune__readers_see_it_of_empty_values_and_zeros),
        case_test(prune__readers_see_what_was_forgotten_and_filled_again),
        case_test(prune__readers_see_what_was_filled_and_sealed_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
