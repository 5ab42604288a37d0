/* Gaps: which slots are missing, which are empty as the roots confirm, and which were pruned. */
#include "check.h"
#include "files.h"
#include "manifest.h"
#include "slotcask/era.h"
#include "vfs_memory.h"

#include <inttypes.h>
#include <stdio.h>

#define MINIMAL FIXTURES "/eras/minimal"

enum { ERAS = 17, ERA_SLOTS = 64, SLOTS = (ERAS - 1) * ERA_SLOTS, TEXT_SIZE = 8192 };

/* ---- Archives ---------------------------------------------------------------------------------------------------- */

static cask_archive *open_archive(memory_disk *disk, bool read_only)
{
    cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;
    cask_archive *archive;

    options.vfs = memory_disk_vfs(disk);
    options.read_only = read_only;
    options.create = !read_only;
    assert_ok(cask_archive_open(&archive, "/archive", &options));
    return archive;
}

static memory_disk *disk_with(const char *const *paths, size_t count)
{
    memory_disk *disk = memory_disk_new();
    cask_archive *archive = open_archive(disk, false);
    cask_import_options options = CASK_IMPORT_OPTIONS_INIT;
    cask_import_result result;
    cask_network *network;

    assert_ok(cask_network_load(&network, MINIMAL "/config.yaml", NULL));
    options.network = network;
    assert_ok(cask_import(&result, archive, paths, count, &options));
    assert_ok(result.index_code);
    cask_network_free(network);
    cask_archive_close(archive);
    return disk;
}

/* With values of one byte. */
static void put_slots(memory_disk *disk, const char *name, const uint64_t *slots, size_t count)
{
    cask_archive *archive = open_archive(disk, false);
    cask_column_options shape = CASK_COLUMN_OPTIONS_INIT;
    cask_column *column;

    shape.create = true;
    assert_ok(cask_column_open(&column, archive, name, &shape));
    for (size_t i = 0; i < count; i++)
        assert_ok(cask_column_put(column, slots[i], "x", 1));
    cask_column_close(column);
    cask_archive_close(archive);
}

static void prune(memory_disk *disk, const char *name, uint64_t first, uint64_t last)
{
    cask_archive *archive = open_archive(disk, false);
    cask_column *column;
    cask_change change;

    assert_ok(cask_column_open(&column, archive, name, NULL));
    assert_ok(cask_column_prune(&change, column, first, last));
    cask_column_close(column);
    cask_archive_close(archive);
}

/* ---- Gaps as text: "missing 5-7(3) " ----------------------------------------------------------------------------- */

static int add_gap(const cask_gap *gap, void *payload)
{
    static const char *const names[] = { "missing", "skipped", "pruned" };
    char *text = payload;
    const size_t used = strlen(text);

    assert_true(used < TEXT_SIZE - 100);
    sprintf(text + used, "%s %" PRIu64 "-%" PRIu64 "(%" PRIu64 ") ", names[gap->kind], gap->first_slot, gap->last_slot,
            gap->slots);
    return 0;
}

static int add_counts(const cask_coverage *file, void *payload)
{
    cask_coverage *sum = payload;

    sum->file_id = file->file_id;
    sum->records += file->records;
    sum->missing += file->missing;
    sum->skipped += file->skipped;
    sum->pruned += file->pruned;
    return 0;
}

static int add_slots(const cask_gap *gap, void *payload)
{
    cask_coverage *sum = payload;

    *(gap->kind == CASK_GAP_MISSING ? &sum->missing : gap->kind == CASK_GAP_SKIPPED ? &sum->skipped : &sum->pruned) +=
        (uint32_t)gap->slots;
    return 0;
}

/* Gaps and coverage, which must agree. */
static void expect_gaps(memory_disk *disk, const char *column, const char *expected)
{
    cask_archive *archive = open_archive(disk, true);
    cask_coverage by_file = { .file_id = 0 }, by_gap = { .file_id = 0 };
    char text[TEXT_SIZE] = "";

    assert_ok(cask_gaps(archive, column, add_gap, text));
    assert_string_equal(text, expected);
    assert_ok(cask_gaps(archive, column, add_slots, &by_gap));
    assert_ok(cask_coverage_of(archive, column, add_counts, &by_file));
    assert_int_equal(by_file.missing, by_gap.missing);
    assert_int_equal(by_file.skipped, by_gap.skipped);
    assert_int_equal(by_file.pruned, by_gap.pruned);
    cask_archive_close(archive);
}

/* ---- The columns of an import ------------------------------------------------------------------------------------ */

/* Slots without a block, by the archive itself, as gaps of one kind. */
static void list_empty(char *text, memory_disk *disk, cask_gap_kind kind)
{
    cask_archive *archive = open_archive(disk, true);
    cask_gap gap = { .kind = kind };
    four_columns columns;

    open_four(&columns, archive);
    for (uint64_t slot = 0; slot <= SLOTS; slot++) {
        bool present = true;

        if (slot < SLOTS)
            assert_ok(cask_column_contains(&present, columns.blocks, slot));
        if (present && gap.slots > 0) {
            add_gap(&gap, text);
            gap.slots = 0;
        } else if (!present) {
            gap.first_slot = gap.slots == 0 ? slot : gap.first_slot;
            gap.last_slot = slot;
            gap.slots++;
        }
    }
    close_four(&columns);
    cask_archive_close(archive);
}

static void gaps__of_a_whole_chain_are_its_empty_slots(void **state)
{
    const char *const paths[] = { MINIMAL };
    memory_disk *disk = disk_with(paths, 1);
    char text[TEXT_SIZE] = "";

    (void)state;
    list_empty(text, disk, CASK_GAP_SKIPPED);
    assert_true(strlen(text) > 1000);
    expect_gaps(disk, "blocks", text);
    expect_gaps(disk, "block_roots", "");
    expect_gaps(disk, "state_roots", "");
    expect_gaps(disk, "states", "");
    memory_disk_free(disk);
}

static int remove_file(const char *name, void *payload)
{
    char *path = path_join("/archive/block_roots", name);

    file_remove(payload, path);
    free(path);
    return 0;
}

static void gaps__are_skipped_only_if_roots_confirm_it(void **state)
{
    const char *const paths[] = { MINIMAL };
    memory_disk *disk = disk_with(paths, 1);
    const cask_vfs *vfs = memory_disk_vfs(disk);
    char text[TEXT_SIZE] = "";

    (void)state;
    list_empty(text, disk, CASK_GAP_MISSING);
    assert_ok(vfs->list(vfs->context, "/archive/block_roots", remove_file, (void *)(uintptr_t)vfs));
    expect_gaps(disk, "blocks", text);
    memory_disk_free(disk);
}

static void gaps__lie_between_eras(void **state)
{
    const char *const paths[] = { MINIMAL "/vectors-00003-f0155bf0.era", MINIMAL "/vectors-00007-3ffe933f.era" };
    memory_disk *disk = disk_with(paths, 2);

    (void)state;
    expect_gaps(disk, "blocks",
                "skipped 130-130(1) skipped 149-159(11) skipped 161-161(1) skipped 165-165(1) skipped 190-191(2) "
                "missing 192-383(192) skipped 392-392(1) skipped 394-394(1) skipped 417-417(1) skipped 421-421(1) "
                "skipped 429-429(1) skipped 447-447(1) ");
    expect_gaps(disk, "block_roots", "missing 192-383(192) ");
    expect_gaps(disk, "state_roots", "missing 192-383(192) ");
    expect_gaps(disk, "states", "missing 256-384(3) ");
    memory_disk_free(disk);
}

/* Slot 64 is empty. Only the era before can say so. */
static void gaps__first_slot_is_not_confirmed_without_the_era_before(void **state)
{
    const char *const paths[] = { MINIMAL "/vectors-00001-a4cb8aed.era", MINIMAL "/vectors-00002-f657cfdf.era" };
    memory_disk *second = disk_with(paths + 1, 1), *both = disk_with(paths, 2);
    cask_archive *archive;
    char text[TEXT_SIZE] = "";

    (void)state;
    archive = open_archive(second, true);
    assert_ok(cask_gaps(archive, "blocks", add_gap, text));
    assert_memory_equal(text, "missing 64-64(1) ", 17);
    assert_null(strstr(text + 17, "missing"));
    cask_archive_close(archive);

    text[0] = '\0';
    archive = open_archive(both, true);
    assert_ok(cask_gaps(archive, "blocks", add_gap, text));
    assert_non_null(strstr(text, "skipped 64-64(1) "));
    assert_null(strstr(text, "missing"));
    cask_archive_close(archive);
    memory_disk_free(second);
    memory_disk_free(both);
}

static void gaps__tell_what_was_pruned(void **state)
{
    const char *const paths[] = { MINIMAL "/vectors-00003-f0155bf0.era" };
    memory_disk *disk = disk_with(paths, 1);

    (void)state;
    prune(disk, "blocks", 0, 132); /* 130 is empty */
    prune(disk, "blocks", 189, 189);
    prune(disk, "states", 192, 192);
    expect_gaps(disk, "blocks",
                "pruned 128-129(2) skipped 130-130(1) pruned 131-132(2) skipped 149-159(11) skipped 161-161(1) "
                "skipped 165-165(1) pruned 189-189(1) skipped 190-191(2) ");
    expect_gaps(disk, "states", "pruned 192-192(1) ");
    memory_disk_free(disk);
}

/* ---- Others ------------------------------------------------------------------------------------------------------ */

static void gaps__of_a_column_of_ones_own_lie_between_its_records(void **state)
{
    static const uint64_t slots[] = { 7, 8, 10, 8191, 8192, 30000 };
    const char *const paths[] = { MINIMAL "/vectors-00003-f0155bf0.era" };
    memory_disk *disk = disk_with(paths, 1);

    (void)state;
    put_slots(disk, "notes", slots, COUNT_OF(slots));
    expect_gaps(disk, "notes", "missing 9-9(1) missing 11-8190(8180) missing 8193-29999(21807) ");
    put_slots(disk, "empty", NULL, 0);
    expect_gaps(disk, "empty", "");
    memory_disk_free(disk);
}

static void gaps__without_a_network_are_those_of_any_column(void **state)
{
    static const uint64_t slots[] = { 3, 5 };
    memory_disk *disk = memory_disk_new();

    (void)state;
    put_slots(disk, "states", slots, COUNT_OF(slots));
    expect_gaps(disk, "states", "missing 4-4(1) ");
    memory_disk_free(disk);
}

static int stop_at_second(const cask_gap *gap, void *payload)
{
    int *count = payload;

    (void)gap;
    return ++*count == 2 ? 5 : 0;
}

static void gaps__end_when_the_visit_does(void **state)
{
    const char *const paths[] = { MINIMAL "/vectors-00003-f0155bf0.era" };
    memory_disk *disk = disk_with(paths, 1);
    cask_archive *archive = open_archive(disk, true);
    int count = 0;

    (void)state;
    assert_int_equal(cask_gaps(archive, "blocks", stop_at_second, &count), 5);
    assert_int_equal(count, 2);
    assert_code(cask_gaps(archive, "nothing", stop_at_second, &count), CASK_E_NOTFOUND);
    cask_archive_close(archive);
    memory_disk_free(disk);
}

static void gaps__of_slots_of_no_chain_are_refused(void **state)
{
    static const uint64_t far[] = { UINT64_MAX - 1, UINT64_C(1) << 50 };
    const char *const paths[] = { MINIMAL "/vectors-00003-f0155bf0.era" };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(far); i++, case_end()) {
        memory_disk *disk;
        cask_archive *archive;
        char text[TEXT_SIZE] = "";

        if (!case_begin("slot=%" PRIu64, far[i]))
            continue;
        disk = disk_with(paths, 1);
        assert_ok(memory_disk_vfs(disk)->list(memory_disk_vfs(disk)->context, "/archive/block_roots", remove_file,
                                              (void *)(uintptr_t)memory_disk_vfs(disk)));
        put_slots(disk, "block_roots", &far[i], 1);
        archive = open_archive(disk, true);
        assert_code(cask_gaps(archive, "blocks", add_gap, text), CASK_E_INVALID);
        cask_archive_close(archive);
        memory_disk_free(disk);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gaps__of_a_whole_chain_are_its_empty_slots),
        cmocka_unit_test(gaps__are_skipped_only_if_roots_confirm_it),
        cmocka_unit_test(gaps__lie_between_eras),
        cmocka_unit_test(gaps__first_slot_is_not_confirmed_without_the_era_before),
        cmocka_unit_test(gaps__tell_what_was_pruned),
        cmocka_unit_test(gaps__of_a_column_of_ones_own_lie_between_its_records),
        cmocka_unit_test(gaps__without_a_network_are_those_of_any_column),
        cmocka_unit_test(gaps__end_when_the_visit_does),
        case_test(gaps__of_slots_of_no_chain_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
