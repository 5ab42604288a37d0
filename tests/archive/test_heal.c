/* Healing: what a crash leaves, made by hand, and what opening for writing makes of it. */
#include "raw.h"
#include "store.h"
#include "vfs_fault.h"

#include <stdio.h>

static const uint8_t type[2] = { 'c', 'v' };

static const raw_conf blank = { .version = 3,
                                .highest = UINT64_MAX,
                                .type = { 'c', 'v' },
                                .flags = 1,
                                .max_value_size = 1 << 20,
                                .backfilled_file = UINT64_MAX };

static void add_value(raw_data *data, uint64_t slot)
{
    uint8_t value[VALUE_SIZE_MAX];
    size_t size = value_of(slot, value);

    raw_data_add(data, slot, type, value, size);
}

/* A record whose payload ends too early. */
static void add_torn(raw_data *data, uint64_t slot)
{
    add_value(data, slot);
    data->size -= 1;
}

/* A closed archive on a disk in memory, its column's folder made and empty. */
static store raw_store(uint32_t version)
{
    memory_disk *disk = memory_disk_new();
    store s = store_at(memory_disk_vfs(disk), "/archive", version, true);
    char *folder;

    s.disk = disk;
    folder_make(s.vfs, s.path);
    folder = store_folder(&s);
    folder_make(s.vfs, folder);
    free(folder);
    return s;
}

/* ---- Reports ---------------------------------------------------------------------------------------------------- */

/* The words reported, each followed by a space; in the order they came. */
typedef struct words {
    char text[1024];
    bool corrupt;
} words;

static int collect_word(const cask_report *report, void *payload)
{
    words *w = payload;
    size_t used = strlen(w->text);

    snprintf(w->text + used, sizeof(w->text) - used, "%s ", report->what);
    w->corrupt |= report->corrupt;
    assert_non_null(report->file);
    assert_true(report->message[0] != 0);
    return 0;
}

static bool has_word(const words *w, const char *word)
{
    return strstr(w->text, word) != NULL;
}

static words heal(store *s, bool read_only)
{
    cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;
    cask_archive *archive;
    words found = { "", false };

    options.vfs = s->vfs;
    options.read_only = read_only;
    assert_ok(cask_archive_open(&archive, s->path, &options));
    assert_ok(cask_column_heal(archive, STORE_COLUMN, collect_word, &found));
    cask_archive_close(archive);
    assert_false(found.corrupt);
    return found;
}

/* ---- Version 3, by hand ----------------------------------------------------------------------------------------- */

/* Slots 1 and 5 committed; 6, and a torn 7, are not. */
static store torn_current_file(void)
{
    store s = raw_store(3);
    raw_data data;
    raw_conf conf = blank;
    char *folder = store_folder(&s);

    raw_data_init(&data);
    add_value(&data, 1);
    add_value(&data, 5);
    conf.highest = 5;
    conf.length = data.size;
    raw_conf_write(s.vfs, folder, &conf);
    add_value(&data, 6);
    add_torn(&data, 7);
    raw_data_write(&data, s.vfs, folder, 0);
    free(folder);
    return s;
}

static void heal__truncates_torn_tail(void **state)
{
    store s = torn_current_file();
    char *data = store_file(&s, "data_00000"), *folder = store_folder(&s), *conf_path = store_file(&s, "column.conf");
    uint8_t *conf;
    size_t conf_size;

    (void)state;
    store_expect_healed(&s, SLOTS(1, 5));
    conf = file_read(s.vfs, conf_path, &conf_size);
    assert_int_equal(file_size(s.vfs, data), raw_get64(conf + 16));
    store_open_existing(&s, false);
    store_put(&s, SLOTS(6, 7));
    store_expect(&s, SLOTS(1, 5, 6, 7));
    free(conf);
    free(conf_path);
    free(folder);
    free(data);
    store_dispose(&s);
}

static void heal__zeroes_dangling_offsets(void **state)
{
    store s = torn_current_file();
    char *folder = store_folder(&s);

    (void)state;
    assert_true(raw_offset_get(s.vfs, folder, 6) != 0);
    store_expect_healed(&s, SLOTS(1, 5));
    assert_int_equal(raw_offset_get(s.vfs, folder, 6), 0);
    assert_int_equal(raw_offset_get(s.vfs, folder, 7), 0);
    assert_true(raw_offset_get(s.vfs, folder, 5) != 0);
    free(folder);
    store_dispose(&s);
}

/* An entry above the highest slot that points at committed bytes: no commit ever covered it. */
static void heal__zeroes_offsets_above_the_highest_slot(void **state)
{
    store s = torn_current_file();
    char *folder = store_folder(&s);

    (void)state;
    raw_offset_set(s.vfs, folder, 100, raw_offset_get(s.vfs, folder, 5));
    store_expect_healed(&s, SLOTS(1, 5));
    assert_int_equal(raw_offset_get(s.vfs, folder, 100), 0);
    free(folder);
    store_dispose(&s);
}

static void heal__reports_what_it_mends(void **state)
{
    store s = torn_current_file();
    char *folder = store_folder(&s), *temporary = store_file(&s, "column.conf.tmp");
    tree *before;
    words dry, wet, again;

    (void)state;
    file_write(s.vfs, temporary, "half", 4);
    before = tree_read(s.vfs, s.path);
    dry = heal(&s, true);
    assert_tree_unchanged(before, s.vfs, s.path);
    wet = heal(&s, false);
    assert_true(has_word(&wet, "uncommitted-data"));
    assert_true(has_word(&wet, "dangling-offset"));
    assert_true(has_word(&wet, "temporary-file"));
    assert_string_equal(dry.text, wet.text);
    again = heal(&s, false);
    assert_string_equal(again.text, "");
    assert_false(file_exists(s.vfs, temporary));
    tree_free(before);
    free(temporary);
    free(folder);
    store_dispose(&s);
}

/* Read-only, what a crash left is neither seen nor touched. */
static void heal__read_only_sees_only_what_is_committed(void **state)
{
    store s = torn_current_file();
    tree *before = tree_read(s.vfs, s.path);
    size_t found;

    (void)state;
    store_open_existing(&s, true);
    store_expect_absent(&s, 6);
    store_expect_absent(&s, 7);
    found = store_verify(&s, true);
    assert_true(found > 0);
    store_close(&s);
    assert_tree_unchanged(before, s.vfs, s.path);
    tree_free(before);
    store_dispose(&s);
}

/* Slots 1, 3 and 5 in file 0, of which the last was backfilled and committed; 8192 in the current file. */
static store backfilled_sealed_file(raw_data *sealed)
{
    store s = raw_store(3);
    raw_data current;
    raw_conf conf = blank;
    char *folder = store_folder(&s);

    raw_data_init(sealed);
    add_value(sealed, 1);
    add_value(sealed, 5);
    add_value(sealed, 3);
    raw_data_init(&current);
    add_value(&current, 8192);
    conf.highest = 8192;
    conf.length = current.size;
    conf.backfilled_file = 0;
    conf.backfilled_length = sealed->size;
    raw_conf_write(s.vfs, folder, &conf);
    raw_data_write(&current, s.vfs, folder, 1);
    free(folder);
    return s;
}

static void heal__committed_backfill_survives(void **state)
{
    raw_data sealed;
    store s = backfilled_sealed_file(&sealed);
    char *folder = store_folder(&s);

    (void)state;
    raw_data_write(&sealed, s.vfs, folder, 0);
    store_expect_healed(&s, SLOTS(1, 3, 5, 8192));
    free(folder);
    store_dispose(&s);
}

static void heal__truncates_and_zeroes_in_a_sealed_file(void **state)
{
    raw_data sealed;
    store s = backfilled_sealed_file(&sealed);
    char *folder = store_folder(&s), *path = raw_data_path(folder, 0);
    uint64_t committed = sealed.size;

    (void)state;
    add_value(&sealed, 4);
    raw_data_write(&sealed, s.vfs, folder, 0);
    store_expect_healed(&s, SLOTS(1, 3, 5, 8192));
    assert_int_equal(raw_offset_get(s.vfs, folder, 4), 0);
    assert_int_equal(file_size(s.vfs, path), committed);
    free(path);
    free(folder);
    store_dispose(&s);
}

static void heal__several_uncommitted_backfills_with_a_torn_last_record(void **state)
{
    raw_data sealed;
    store s = backfilled_sealed_file(&sealed);
    char *folder = store_folder(&s), *path = raw_data_path(folder, 0);
    uint64_t committed = sealed.size;

    (void)state;
    add_value(&sealed, 4);
    add_value(&sealed, 8000);
    add_value(&sealed, 0);
    add_torn(&sealed, 2);
    raw_data_write(&sealed, s.vfs, folder, 0);
    store_expect_healed(&s, SLOTS(1, 3, 5, 8192));
    assert_int_equal(file_size(s.vfs, path), committed);
    store_open_existing(&s, false);
    store_put(&s, SLOTS(0, 2, 4, 8000));
    store_close(&s);
    store_expect_healed(&s, SLOTS(0, 1, 2, 3, 4, 5, 8000, 8192));
    free(path);
    free(folder);
    store_dispose(&s);
}

static void heal__file_shorter_than_committed_is_corrupt(void **state)
{
    store s = torn_current_file();
    char *data = store_file(&s, "data_00000"), *conf_path = store_file(&s, "column.conf");
    size_t size;
    uint8_t *conf = file_read(s.vfs, conf_path, &size);
    tree *before;

    (void)state;
    file_truncate(s.vfs, data, raw_get64(conf + 16) - 1);
    before = tree_read(s.vfs, s.path);
    assert_code(store_try_open_existing(&s, false), CASK_E_CORRUPT);
    assert_string_equal(cask_error_last()->word, "file-length");
    assert_code(store_try_open(&s), CASK_E_CORRUPT);
    tree_free(before);
    free(conf);
    free(conf_path);
    free(data);
    store_dispose(&s);
}

static void heal__sealed_file_shorter_than_committed_is_corrupt(void **state)
{
    raw_data sealed;
    store s = backfilled_sealed_file(&sealed);
    char *folder = store_folder(&s);

    (void)state;
    sealed.size -= 1;
    raw_data_write(&sealed, s.vfs, folder, 0);
    assert_code(store_try_open_existing(&s, false), CASK_E_CORRUPT);
    free(folder);
    store_dispose(&s);
}

/* The batch created the next file, or several, and never committed. */
static void heal__deletes_files_beyond_the_current_one(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = raw_store(version);
        char *folder = store_folder(&s), *next = raw_data_path(folder, 1), *table = raw_table_path(folder, 3);
        raw_data data;
        words found;

        store_open(&s);
        store_put(&s, SLOTS(1, 5));
        store_close(&s);
        for (unsigned id = 1; id < 4; id++) {
            raw_data_init(&data);
            add_value(&data, id * 8192 + 7);
            raw_data_write(&data, s.vfs, folder, id);
        }
        found = heal(&s, true);
        assert_true(has_word(&found, "uncommitted-file"));
        store_open_existing(&s, true);
        store_expect_absent(&s, 8192 + 7);
        store_close(&s);
        store_expect_healed(&s, SLOTS(1, 5));
        assert_false(file_exists(s.vfs, next));
        assert_false(file_exists(s.vfs, table));
        free(table);
        free(next);
        free(folder);
        store_dispose(&s);
    }
}

static void heal__leaves_files_of_others_alone(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, true);
        char *note = store_file(&s, "README"), *odd = store_file(&s, "data_1");
        char *backup = store_file(&s, "data_00009.bak");

        store_put(&s, SLOTS(1));
        store_close(&s);
        file_write(s.vfs, note, "x", 1);
        file_write(s.vfs, odd, "x", 1);
        file_write(s.vfs, backup, "x", 1);
        store_open_existing(&s, false);
        store_close(&s);
        assert_true(file_exists(s.vfs, note));
        assert_true(file_exists(s.vfs, odd));
        assert_true(file_exists(s.vfs, backup));
        free(backup);
        free(odd);
        free(note);
        store_dispose(&s);
    }
}

/* ---- Version 4 -------------------------------------------------------------------------------------------------- */

/* Slots 1 and 5 committed, 6 appended with its entry, 7 torn. */
static store torn_v4(uint64_t *committed_out)
{
    store s = raw_store(4);
    char *folder, *path;
    static const uint8_t record[] = { 'c', 'v', 4, 0, 0, 0, 0, 0, 's', 'l', 'o', 't', 'c', 'v', 4, 0, 0, 0, 0, 0, 's' };

    store_open(&s);
    store_put(&s, SLOTS(1, 5));
    store_close(&s);
    folder = store_folder(&s);
    path = raw_data_path(folder, 0);
    *committed_out = file_size(s.vfs, path);
    file_patch(s.vfs, path, *committed_out, record, sizeof(record));
    raw_offset_set(s.vfs, folder, 6, *committed_out);
    raw_offset_set(s.vfs, folder, 7, *committed_out + 12);
    raw_offset_set(s.vfs, folder, 2, *committed_out + 12);
    free(path);
    path = raw_table_path(folder, 0);
    file_patch(s.vfs, path, RAW_TABLE_SIZE + 6 * 8, record, 8);
    free(path);
    free(folder);
    return s;
}

static void heal__v4_truncates_and_zeroes(void **state)
{
    uint64_t committed;
    store s = torn_v4(&committed);
    char *folder = store_folder(&s), *path = raw_data_path(folder, 0);
    words found = heal(&s, true);

    (void)state;
    assert_true(has_word(&found, "uncommitted-data"));
    assert_true(has_word(&found, "dangling-offset"));
    store_open_existing(&s, true);
    store_expect_absent(&s, 6);
    store_expect_absent(&s, 2);
    store_close(&s);
    store_expect_healed(&s, SLOTS(1, 5));
    assert_int_equal(file_size(s.vfs, path), committed);
    assert_int_equal(raw_offset_get(s.vfs, folder, 6), 0);
    assert_int_equal(raw_offset_get(s.vfs, folder, 2), 0);
    free(path);
    free(folder);
    store_dispose(&s);
}

static int stop_at_once(const cask_report *report, void *payload)
{
    int *calls = payload;

    (void)report;
    (*calls)++;
    return 7;
}

/* Any value but 0 ends it, and is what the caller gets. */
static void heal__report_may_stop_it(void **state)
{
    uint64_t committed;
    store s = torn_v4(&committed);
    int calls = 0;

    (void)state;
    store_open_existing(&s, true);
    assert_int_equal(cask_column_verify(s.column, 1, stop_at_once, &calls, NULL), 7);
    assert_int_equal(cask_column_heal(s.archive, STORE_COLUMN, stop_at_once, &calls), 7);
    assert_int_equal(calls, 2);
    store_dispose(&s);
}

/* What healing cannot explain by a crash is damage: a committed entry that changed or went. */
static void heal__v4_changed_table_is_corrupt(void **state)
{
    static const uint64_t offsets[] = { 0, 1, 9 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(offsets); i++) {
        store s = store_in_memory(4, true);
        char *folder = store_folder(&s);
        int result;

        store_put(&s, SLOTS(1, 5));
        store_close(&s);
        raw_offset_set(s.vfs, folder, 5, offsets[i]);
        result = store_try_open_existing(&s, false);
        assert_code(result, CASK_E_CORRUPT);
        assert_string_equal(cask_error_last()->word, "table-checksum");
        free(folder);
        store_dispose(&s);
    }
}

static void heal__v4_mends_each_copy_of_the_conf(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        store s = store_in_memory(4, true);
        char *path = store_file(&s, "column.conf");
        uint8_t *before, *after;
        size_t size;
        words found;

        store_put(&s, SLOTS(1));
        store_put(&s, SLOTS(5));
        store_put(&s, SLOTS(6));
        store_close(&s);
        before = file_read(s.vfs, path, &size);
        file_patch(s.vfs, path, i * 4096 + 100, "rot", 3);
        found = heal(&s, true);
        assert_string_equal(found.text, "conf-copy ");
        store_open_existing(&s, true);
        store_expect_absent(&s, 2);
        store_close(&s);
        store_expect_healed(&s, SLOTS(1, 5, 6));
        after = file_read(s.vfs, path, &size);
        found = heal(&s, true);
        assert_string_equal(found.text, "");
        free(after);
        free(before);
        free(path);
        store_dispose(&s);
    }
}

/* Rot in both copies of the newest commit must not bring back the commit before it in silence. */
static void heal__v4_rot_never_rolls_back(void **state)
{
    store s = store_in_memory(4, true);
    char *path = store_file(&s, "column.conf");
    uint8_t *bytes;
    size_t size;
    int newest;

    (void)state;
    store_put(&s, SLOTS(1));
    store_put(&s, SLOTS(5));
    store_close(&s);
    bytes = file_read(s.vfs, path, &size);
    newest = raw_get64(bytes + 8) > raw_get64(bytes + 8192 + 8) ? 0 : 2;
    file_patch(s.vfs, path, (uint64_t)newest * 4096 + 50, "rot", 3);
    store_open_existing(&s, true);
    {
        uint8_t value[VALUE_SIZE_MAX];
        size_t value_size;
        assert_ok(cask_column_get(s.column, 5, value, sizeof(value), &value_size));
    }
    store_close(&s);
    store_expect_healed(&s, SLOTS(1, 5));
    free(bytes);
    free(path);
    store_dispose(&s);
}

static void heal__v4_missing_sealed_file_is_corrupt(void **state)
{
    static const char *const names[] = { "data_00001", "data_00001.off" };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        store s = store_in_memory(4, true);
        char *path = store_file(&s, names[i]);
        uint8_t value[VALUE_SIZE_MAX];
        size_t size;

        store_put(&s, SLOTS(1, 8192, 16384));
        store_close(&s);
        file_remove(s.vfs, path);
        store_open_existing(&s, true);
        assert_code(cask_column_get(s.column, 8192, value, sizeof(value), &size), CASK_E_CORRUPT);
        assert_ok(cask_column_get(s.column, 16384, value, sizeof(value), &size));
        assert_true(store_verify(&s, true) > 0);
        free(path);
        store_dispose(&s);
    }
}

/* A sealed file of another column, or an old one of this, carries a right seal: the digest of all seals shows it. */
static void heal__v4_swapped_sealed_file_is_found_by_verify(void **state)
{
    store s = store_in_memory(4, true), other = store_in_memory(4, true);
    static const char *const names[] = { "data_00000", "data_00000.off" };

    (void)state;
    store_put(&s, SLOTS(1, 5, 8192));
    store_put(&other, SLOTS(1, 8192));
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char *path = store_file(&s, names[i]);
        size_t size;
        uint8_t *bytes = file_read(other.vfs, path, &size);

        file_write(s.vfs, path, bytes, size);
        free(bytes);
        free(path);
    }
    store_close(&s);
    store_open_existing(&s, true);
    assert_true(store_verify(&s, true) > 0);
    store_dispose(&other);
    store_dispose(&s);
}

/* An older copy of the conf that came back, whole and right, must not hide later commits in silence. */
static void heal__v4_old_conf_is_corrupt(void **state)
{
    store s = store_in_memory(4, true);
    char *path = store_file(&s, "column.conf");
    uint8_t *old;
    size_t size;

    (void)state;
    store_put(&s, SLOTS(1));
    store_put(&s, SLOTS(2));
    old = file_read(s.vfs, path, &size);
    for (uint64_t slot = 3; slot < 9; slot++)
        store_put(&s, &slot, 1);
    store_close(&s);
    file_write(s.vfs, path, old, size);
    assert_code(store_try_open_existing(&s, false), CASK_E_CORRUPT);
    free(old);
    free(path);
    store_dispose(&s);
}

/* ---- An abandoned batch in a sealed file ------------------------------------------------------------------------ */

/* The prototype wrote first and recorded the file afterwards: what a crash in between left, nothing healed. */
static void heal__first_backfill_of_a_sealed_file_is_announced_first(void **state)
{
    enum { LARGE = 700000 };
    uint8_t *large = calloc(1, LARGE);

    (void)state;
    assert_non_null(large);
    EACH_VERSION(version) {
        store s = store_in_memory(version, true), crashed;
        char *folder = store_folder(&s), *data = raw_data_path(folder, 0), *conf = store_file(&s, "column.conf");
        uint64_t committed;
        cask_batch *batch;

        store_put(&s, SLOTS(1, 5, 8192));
        committed = file_size(s.vfs, data);
        assert_ok(cask_batch_begin(&batch, s.column));
        for (uint64_t slot = 2; slot < 5; slot++)
            assert_ok(cask_batch_put(batch, slot, large, LARGE));
        assert_true(file_size(s.vfs, data) > committed);
        if (version == 3) {
            size_t size;
            uint8_t *bytes = file_read(s.vfs, conf, &size);
            assert_int_equal(raw_get64(bytes + 36), 0);
            assert_int_equal(raw_get64(bytes + 44), committed);
            free(bytes);
        }
        crashed = store_at(NULL, "/archive", version, true);
        crashed.disk = memory_disk_after_crash(s.disk, LOSS_NOTHING, 0);
        crashed.vfs = memory_disk_vfs(crashed.disk);
        store_expect_healed(&crashed, SLOTS(1, 5, 8192));
        assert_int_equal(file_size(crashed.vfs, data), committed);
        store_dispose(&crashed);
        cask_batch_abort(batch);
        free(conf);
        free(data);
        free(folder);
        store_dispose(&s);
    }
    free(large);
}

/* ---- Read-only -------------------------------------------------------------------------------------------------- */

/* A store left by a crash in the middle of a backfill: there is something to heal. */
static store crashed_store(vfs_fault *fault, uint32_t version)
{
    static const uint64_t first[] = { 1, 5, 8192 };
    memory_disk *disk = memory_disk_new(), *crashed;
    store s = store_at(memory_disk_vfs(disk), "/archive", version, true);
    cask_batch *batch;

    store_open(&s);
    store_put(&s, first, COUNT_OF(first));
    batch = store_begin(&s, SLOTS(999, 1999, 2999, 3999));
    crashed = memory_disk_after_crash(disk, LOSS_NOTHING, 0);
    cask_batch_abort(batch);
    store_close(&s);
    memory_disk_free(disk);
    s.disk = crashed;
    vfs_fault_init(fault, memory_disk_vfs(crashed));
    s.vfs = &fault->vfs;
    return s;
}

static int count_report(const cask_report *report, void *payload)
{
    (void)report;
    (*(size_t *)payload)++;
    return 0;
}

/* Nothing that changes the disk is even tried: not after a crash, not for what is missing. */
static void heal__read_only_writes_and_creates_nothing(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        vfs_fault fault;
        store s = crashed_store(&fault, version);
        cask_column *column;
        size_t reports = 0;

        s.shape.max_value_size = (uint64_t)1 << 40;
        store_open_existing(&s, true);
        store_expect_values(&s, SLOTS(1, 5, 8192));
        store_verify(&s, true);
        assert_code(cask_column_open(&column, s.archive, "absent", NULL), CASK_E_NOTFOUND);
        assert_code(cask_column_put(s.column, 10000, "x", 1), CASK_E_REFUSED);
        assert_code(cask_archive_set_identity(s.archive, "hoodi", 5), CASK_E_REFUSED);
        cask_column_close(s.column);
        s.column = NULL;
        assert_ok(cask_column_heal(s.archive, STORE_COLUMN, count_report, &reports));
        assert_true(reports > 0);
        store_close(&s);
        assert_int_equal(vfs_fault_calls(&fault, FAULT_MUTATING), 0);
        store_dispose(&s);
    }
}

static void heal__refuses_what_it_cannot_heal(void **state)
{
    store s = store_in_memory(4, true);
    uint64_t hash;

    (void)state;
    store_put(&s, SLOTS(1));
    hash = memory_disk_hash(s.disk);
    assert_code(cask_column_heal(s.archive, "No name", NULL, NULL), CASK_E_INVALID);
    assert_code(cask_column_heal(s.archive, "nothing", NULL, NULL), CASK_E_NOTFOUND);
    assert_code(cask_column_heal(s.archive, STORE_COLUMN, NULL, NULL), CASK_E_BUSY); /* open for writing */
    assert_true(memory_disk_hash(s.disk) == hash);
    cask_column_close(s.column);
    s.column = NULL;
    assert_ok(cask_column_heal(s.archive, STORE_COLUMN, NULL, NULL));
    store_dispose(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        case_test(heal__truncates_torn_tail),
        case_test(heal__zeroes_dangling_offsets),
        case_test(heal__zeroes_offsets_above_the_highest_slot),
        case_test(heal__reports_what_it_mends),
        case_test(heal__read_only_sees_only_what_is_committed),
        case_test(heal__committed_backfill_survives),
        case_test(heal__truncates_and_zeroes_in_a_sealed_file),
        case_test(heal__several_uncommitted_backfills_with_a_torn_last_record),
        case_test(heal__file_shorter_than_committed_is_corrupt),
        case_test(heal__sealed_file_shorter_than_committed_is_corrupt),
        case_test(heal__deletes_files_beyond_the_current_one),
        case_test(heal__leaves_files_of_others_alone),
        case_test(heal__v4_truncates_and_zeroes),
        case_test(heal__report_may_stop_it),
        case_test(heal__v4_changed_table_is_corrupt),
        case_test(heal__v4_mends_each_copy_of_the_conf),
        case_test(heal__v4_rot_never_rolls_back),
        case_test(heal__v4_missing_sealed_file_is_corrupt),
        case_test(heal__v4_swapped_sealed_file_is_found_by_verify),
        case_test(heal__v4_old_conf_is_corrupt),
        case_test(heal__first_backfill_of_a_sealed_file_is_announced_first),
        case_test(heal__read_only_writes_and_creates_nothing),
        case_test(heal__refuses_what_it_cannot_heal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
