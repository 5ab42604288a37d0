/* Changing the format of a column in place, and back: nothing is lost, wherever it is stopped. */
#include "raw.h"
#include "store.h"
#include "vfs_fault.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define FILE_SLOTS ((uint64_t)CASK_SLOTS_PER_FILE)
/* What filled() puts: file 0 was backfilled last, file 2 is absent, file 3 is the current one. */
#define FILLED 1, 2, 5, 999, FILE_SLOTS, FILE_SLOTS + 7, 3 * FILE_SLOTS + 1, 3 * FILE_SLOTS + 2

static void fill(store *s)
{
    store_put(s, SLOTS(1, 5, 999, FILE_SLOTS));
    store_put(s, SLOTS(3 * FILE_SLOTS + 1));
    store_put(s, SLOTS(FILE_SLOTS + 7));
    store_put(s, SLOTS(2));
    store_put(s, SLOTS(3 * FILE_SLOTS + 2));
}

static store filled(uint32_t version)
{
    store s = store_in_memory(version, true);

    fill(&s);
    return s;
}

static uint64_t bytes_of_values(const uint64_t *slots, size_t count)
{
    uint8_t value[VALUE_SIZE_MAX];
    uint64_t bytes = 0;

    for (size_t i = 0; i < count; i++)
        bytes += value_of(slots[i], value);
    return bytes;
}

static uint32_t version_of(store *s)
{
    cask_column_info info;

    assert_ok(cask_column_stat(&info, s->column));
    return info.format_version;
}

/* Another handle, or the disk of another one, not opened yet. */
static store closed_copy(const store *s)
{
    store copy = *s;

    copy.archive = NULL;
    copy.column = NULL;
    return copy;
}

static store after_crash(const store *s, disk_loss loss, uint64_t seed)
{
    store crashed = closed_copy(s);

    crashed.disk = memory_disk_after_crash(s->disk, loss, seed);
    crashed.vfs = memory_disk_vfs(crashed.disk);
    return crashed;
}

static size_t steps_of(const store *s)
{
    const disk_step *steps;

    return memory_disk_steps(s->disk, &steps);
}

static bool has_file(const store *s, const char *name)
{
    char *path = store_file(s, name);
    bool exists = file_exists(s->vfs, path);

    free(path);
    return exists;
}

static void prune(store *s, uint64_t slot)
{
    cask_change change;

    assert_ok(cask_column_prune(&change, s->column, slot, slot));
    assert_int_equal(change.slots, 1);
}

static void forget(store *s, uint64_t slot)
{
    cask_change change;

    assert_ok(cask_column_forget_pruned(&change, s->column, slot, slot));
    assert_int_equal(change.slots, 1);
}

static bool is_absent(store *s, uint64_t slot)
{
    uint8_t value[VALUE_SIZE_MAX];
    size_t size;
    int code = cask_column_get(s->column, slot, value, sizeof value, &size);

    assert_true(code == CASK_OK || code == CASK_E_NOTFOUND || code == CASK_E_PRUNED);
    return code != CASK_OK;
}

/* ---- What it makes ---------------------------------------------------------------------------------------------- */

/* What format 3 lacks: several sealed files in a batch, tombstones, statistics. */
static void upgrade__keeps_all_and_is_a_column_of_format_4(void **state)
{
    (void)state;
    for (uint8_t codec = CASK_CODEC_NONE; codec <= CASK_CODEC_SNAPPY; codec++) {
        memory_disk *disk = memory_disk_new();
        store s = store_at(memory_disk_vfs(disk), "/archive", 3, true);
        cask_column_info info, reopened;

        s.disk = disk;
        s.shape.codec = codec;
        store_open(&s);
        fill(&s);
        assert_ok(cask_column_upgrade(s.column, 4));
        store_expect(&s, SLOTS(FILLED));
        assert_ok(cask_column_stat(&info, s.column));
        assert_int_equal(info.format_version, 4);
        assert_int_equal(info.files, 4);
        assert_int_equal(info.open_files, 1);
        assert_int_equal(info.value_bytes, bytes_of_values(SLOTS(FILLED)));
        assert_ok(cask_column_upgrade(s.column, 4));
        store_reopen(&s);
        assert_ok(cask_column_stat(&reopened, s.column));
        assert_memory_equal(&reopened, &info, sizeof info);

        store_put(&s, SLOTS(3, FILE_SLOTS + 1, 2 * FILE_SLOTS + 4, 3 * FILE_SLOTS + 3, 5 * FILE_SLOTS));
        prune(&s, 999);
        store_reopen(&s);
        store_expect_values(&s, SLOTS(1, 2, 3, 5, FILE_SLOTS, FILE_SLOTS + 1, FILE_SLOTS + 7, 2 * FILE_SLOTS + 4,
                                      3 * FILE_SLOTS + 1, 3 * FILE_SLOTS + 2, 3 * FILE_SLOTS + 3, 5 * FILE_SLOTS));
        assert_int_equal(store_verify(&s, false), 0);
        store_dispose(&s);
    }
}

static void upgrade__an_empty_column(void **state)
{
    store s = store_in_memory(3, true);

    (void)state;
    assert_ok(cask_column_upgrade(s.column, 4));
    assert_int_equal(version_of(&s), 4);
    store_expect(&s, NO_SLOTS);
    store_reopen(&s);
    assert_ok(cask_column_upgrade(s.column, 3));
    assert_int_equal(version_of(&s), 3);
    store_put(&s, SLOTS(7 * FILE_SLOTS));
    store_reopen(&s);
    store_expect(&s, SLOTS(7 * FILE_SLOTS));
    store_dispose(&s);
}

static int upgrade_named(const char *name, void *payload)
{
    cask_archive **archive_and_version = payload;
    cask_column *column;
    int code = cask_column_open(&column, archive_and_version[0], name, NULL);

    assert_ok(code);
    assert_ok(cask_column_upgrade(column, archive_and_version[1] == NULL ? 3 : 4));
    cask_column_close(column);
    return 0;
}

/* Every column of the archive to format 4, and back to 3. */
static void there_and_back(const cask_vfs *vfs, const char *path)
{
    cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;
    cask_archive *archive[2];

    options.vfs = vfs;
    assert_ok(cask_archive_open(&archive[0], path, &options));
    archive[1] = archive[0];
    assert_ok(cask_archive_columns(archive[0], upgrade_named, archive));
    archive[1] = NULL;
    assert_ok(cask_archive_columns(archive[0], upgrade_named, archive));
    cask_archive_close(archive[0]);
}

/* All but column.conf, which forgets what was backfilled last. */
static tree *files_of_column(const cask_vfs *vfs, const char *archive, const char *column)
{
    char *folder = path_join(archive, column), *conf = path_join(folder, "column.conf");
    tree *files;

    file_remove(vfs, conf);
    files = tree_read(vfs, folder);
    free(conf);
    free(folder);
    return files;
}

static void upgrade__and_back_gives_the_same_bytes(void **state)
{
    static const char *const columns[][2] = {
        { "v2", "none" },     { "v2", "snappy" },     { "v3", "snappy" },
        { "v3", "empty" },    { "cold-root", "blk" }, { "cold-root", "bbr" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        char *path = path_join(FIXTURES "/archives", columns[i][0]);
        tree *original = tree_read(cask_vfs_posix(), path), *before, *after;
        memory_disk *disk = memory_disk_new();
        const cask_vfs *vfs = memory_disk_vfs(disk);

        if (!case_begin("%s/%s", columns[i][0], columns[i][1]))
            continue;
        folder_make(vfs, "/before");
        folder_make(vfs, "/after");
        tree_write(original, vfs, "/before");
        tree_write(original, vfs, "/after");
        there_and_back(vfs, "/after");
        before = files_of_column(vfs, "/before", columns[i][1]);
        after = files_of_column(vfs, "/after", columns[i][1]);
        assert_tree_equal(before, after);
        tree_free(before);
        tree_free(after);
        tree_free(original);
        memory_disk_free(disk);
        free(path);
        case_end();
    }
}

/* ---- Stopped ---------------------------------------------------------------------------------------------------- */

enum { SEEDS = 10 };

typedef struct stopped {
    store *running;
    uint32_t from, to;
    const uint64_t *slots;
    size_t count;
} stopped;

/* What a crash left has all values, with and without healing; and what was stopped can be done again, for good. */
static void expect_resumable(const stopped *run, store *s)
{
    store again;
    uint32_t version;

    store_open_existing(s, true);
    store_expect_values(s, run->slots, run->count);
    store_close(s);
    store_open_existing(s, false);
    store_expect(s, run->slots, run->count);
    version = version_of(s);
    assert_true(version == run->from || version == run->to);
    assert_ok(cask_column_upgrade(s->column, run->to));
    store_close(s);

    again = after_crash(s, LOSS_UNSYNCED, 0);
    store_open_existing(&again, false);
    assert_int_equal(version_of(&again), run->to);
    store_expect(&again, run->slots, run->count);
    if (run->to == 3) {
        assert_false(has_file(&again, "pruned"));
        assert_false(has_file(&again, "data_00002.off"));
        assert_ok(cask_column_upgrade(again.column, 4));
        store_expect(&again, run->slots, run->count);
    }
    store_dispose(&again);
}

static void stop_here(void *payload)
{
    const stopped *run = payload;

    for (int loss = LOSS_NOTHING; loss <= LOSS_SOME; loss++) {
        for (uint64_t seed = 0; seed < (loss == LOSS_SOME ? SEEDS : 1); seed++) {
            size_t step = steps_of(run->running);
            store crashed;

            if (!case_begin("from %u to %u step=%zu loss=%d seed=%" PRIu64, run->from, run->to, step, loss, seed))
                continue;
            crashed = after_crash(run->running, (disk_loss)loss, step * SEEDS + seed);
            expect_resumable(run, &crashed);
            store_dispose(&crashed);
            case_end();
        }
    }
}

static void stop_anywhere(store *s, uint32_t to)
{
    const uint64_t slots[] = { FILLED };
    stopped run = { .running = s, .from = version_of(s), .to = to, .slots = slots, .count = COUNT_OF(slots) };

    memory_disk_forget_steps(s->disk);
    memory_disk_on_step(s->disk, stop_here, &run);
    assert_ok(cask_column_upgrade(s->column, to));
    assert_true(steps_of(s) > 10);
    stop_here(&run);
    memory_disk_on_step(s->disk, NULL, NULL);
    store_dispose(s);
}

static void upgrade__stopped_anywhere(void **state)
{
    store s = filled(3);

    (void)state;
    stop_anywhere(&s, 4);
}

/* With a list of pruned ranges, all of them forgotten. */
static void downgrade__stopped_anywhere(void **state)
{
    store s = filled(4);
    cask_change change;

    (void)state;
    prune(&s, 5);
    forget(&s, 5);
    store_put(&s, SLOTS(5));
    assert_ok(cask_column_compact(&change, s.column, NULL));
    stop_anywhere(&s, 3);
}

/* ---- Done again ------------------------------------------------------------------------------------------------- */

/* On a disk that counts calls and lets them fail. */
typedef struct counted {
    vfs_fault fault;
    store s;
} counted;

static void counted_open(counted *c, const store *s)
{
    vfs_fault_init(&c->fault, memory_disk_vfs(s->disk));
    c->s = closed_copy(s);
    c->s.vfs = &c->fault.vfs;
    store_open_existing(&c->s, false);
}

static void let_fail(counted *c, int kinds, uint64_t fail_at)
{
    vfs_fault_clear(&c->fault);
    c->fault.kinds = kinds;
    c->fault.fail_at = fail_at;
    c->fault.error_number = EIO;
}

static uint64_t reads_of_upgrade(counted *c)
{
    uint64_t before = vfs_fault_calls(&c->fault, FAULT_READ);

    assert_ok(cask_column_upgrade(c->s.column, 4));
    return vfs_fault_calls(&c->fault, FAULT_READ) - before;
}

static void put_many(store *s)
{
    cask_batch *batch;

    assert_ok(cask_batch_begin(&batch, s->column));
    for (uint64_t slot = 0; slot < 300; slot++)
        assert_ok(batch_put_value(batch, slot));
    assert_ok(cask_batch_commit(batch));
}

static void upgrade__done_again_reads_no_records(void **state)
{
    counted c;
    uint64_t reads[2];

    (void)state;
    for (int interrupted = 0; interrupted < 2; interrupted++) {
        store s = store_in_memory(3, true);

        put_many(&s);
        store_close(&s);
        counted_open(&c, &s);
        if (interrupted) {
            let_fail(&c, FAULT_RENAME, 1);
            assert_code(cask_column_upgrade(c.s.column, 4), CASK_E_IO);
            vfs_fault_clear(&c.fault);
            store_reopen(&c.s);
        }
        reads[interrupted] = reads_of_upgrade(&c);
        store_close(&c.s);
        store_dispose(&s);
    }
    assert_true(reads[0] > 600);
    assert_true(reads[1] < 30);
}

/* Format 3 goes on between: the marks are not those of what is there now. */
static void upgrade__done_again_after_further_commits(void **state)
{
    store s = filled(3);
    counted c;

    (void)state;
    store_close(&s);
    counted_open(&c, &s);
    let_fail(&c, FAULT_RENAME, 2); /* of the conf; the first is that of the table of file 2 */
    assert_code(cask_column_upgrade(c.s.column, 4), CASK_E_IO);
    assert_code(store_try_put(&c.s, SLOTS(3 * FILE_SLOTS + 3)), CASK_E_POISONED);
    vfs_fault_clear(&c.fault);
    store_reopen(&c.s);
    assert_int_equal(version_of(&c.s), 3);
    store_expect(&c.s, SLOTS(FILLED));
    store_put(&c.s, SLOTS(3));
    store_put(&c.s, SLOTS(2 * FILE_SLOTS + 2));
    store_put(&c.s, SLOTS(3 * FILE_SLOTS + 3, 4 * FILE_SLOTS));
    assert_ok(cask_column_upgrade(c.s.column, 4));
    store_reopen(&c.s);
    store_expect(&c.s, SLOTS(1, 2, 3, 5, 999, FILE_SLOTS, FILE_SLOTS + 7, 2 * FILE_SLOTS + 2, 3 * FILE_SLOTS + 1,
                             3 * FILE_SLOTS + 2, 3 * FILE_SLOTS + 3, 4 * FILE_SLOTS));
    store_close(&c.s);
    store_dispose(&s);
}

/* To the version it has: takes away what an upgrade that was stopped has left. */
static void upgrade__stopped_is_taken_back(void **state)
{
    store s = filled(3);
    tree *before;
    counted c;

    (void)state;
    store_close(&s);
    before = tree_read(s.vfs, s.path);
    counted_open(&c, &s);
    let_fail(&c, FAULT_RENAME, 2); /* of the conf; the first is that of the table of file 2 */
    assert_code(cask_column_upgrade(c.s.column, 4), CASK_E_IO);
    vfs_fault_clear(&c.fault);
    store_reopen(&c.s);
    assert_ok(cask_column_upgrade(c.s.column, 3));
    store_close(&c.s);
    assert_tree_unchanged(before, s.vfs, s.path);
    tree_free(before);
    store_dispose(&s);
}

static int no_report(const cask_report *report, void *payload)
{
    (void)payload;
    print_error("rebuilding reports %s of %s: %s\n", report->what, report->file, report->message);
    return 1;
}

/* What an upgrade that was stopped has left is no damage. */
static void upgrade__stopped_is_not_rebuilt(void **state)
{
    store s = filled(3);
    cask_change change;
    tree *before;
    counted c;

    (void)state;
    store_close(&s);
    counted_open(&c, &s);
    let_fail(&c, FAULT_RENAME, 2);
    assert_code(cask_column_upgrade(c.s.column, 4), CASK_E_IO);
    vfs_fault_clear(&c.fault);
    store_reopen(&c.s);
    cask_column_close(c.s.column);
    c.s.column = NULL;
    before = tree_read(s.vfs, s.path);
    assert_ok(cask_column_rebuild(&change, c.s.archive, STORE_COLUMN, NULL, NULL, no_report, NULL));
    assert_int_equal(change.files, 0);
    assert_tree_unchanged(before, s.vfs, s.path);
    tree_free(before);
    store_close(&c.s);
    store_dispose(&s);
}

/* Each call that changes the disk fails in turn: then all is there still, and it can be done again. */
static void fail_anywhere(uint32_t from, uint32_t to)
{
    bool failed = true;

    for (uint64_t at = 1; failed; at++) {
        store s = filled(from);
        counted c;

        if (!case_begin("from %u to %u, call %" PRIu64 " fails", from, to, at))
            continue;
        store_close(&s);
        counted_open(&c, &s);
        let_fail(&c, FAULT_MUTATING, at);
        failed = cask_column_upgrade(c.s.column, to) < 0;
        assert_true(failed == (c.fault.failed > 0));
        assert_false(c.fault.sync_retried);
        vfs_fault_clear(&c.fault);
        store_expect_values(&c.s, SLOTS(FILLED));
        store_reopen(&c.s);
        store_expect(&c.s, SLOTS(FILLED));
        assert_ok(cask_column_upgrade(c.s.column, to));
        store_expect(&c.s, SLOTS(FILLED));
        assert_int_equal(version_of(&c.s), to);
        store_close(&c.s);
        store_dispose(&s);
        case_end();
    }
}

static void upgrade__each_call_fails(void **state)
{
    (void)state;
    fail_anywhere(3, 4);
    fail_anywhere(4, 3);
}

/* ---- Readers ---------------------------------------------------------------------------------------------------- */

typedef struct reading {
    store reader;
    size_t step;
    size_t at;
} reading;

static void read_at_step(void *payload)
{
    reading *r = payload;

    if (r->step++ == r->at)
        store_expect_values(&r->reader, SLOTS(FILLED));
}

/* In another process, as it were: one that had read nothing, one that had read everything. */
static void upgrade__readers_go_on(void **state)
{
    bool ended = false;

    (void)state;
    for (size_t at = 0; !ended; at += CASE_STRIDE) {
        store s = filled(3);
        reading r = { .reader = closed_copy(&s), .at = at };

        if (!case_begin("step %zu", at))
            continue;
        store_open_existing(&r.reader, true);
        if (at % 2 == 0)
            store_expect_values(&r.reader, SLOTS(FILLED));
        memory_disk_on_step(s.disk, read_at_step, &r);
        assert_ok(cask_column_upgrade(s.column, 4));
        assert_ok(cask_column_upgrade(s.column, 3));
        assert_ok(cask_column_upgrade(s.column, 4));
        memory_disk_on_step(s.disk, NULL, NULL);
        ended = r.step <= at;
        store_expect_values(&r.reader, SLOTS(FILLED));
        store_put(&s, SLOTS(FILE_SLOTS + 1));
        assert_false(is_absent(&r.reader, FILE_SLOTS + 1));
        prune(&s, 5);
        assert_true(is_absent(&r.reader, 5));
        store_close(&r.reader);
        store_dispose(&s);
        case_end();
    }
}

static void compact_to(store *s, int codec)
{
    cask_compact_options options = CASK_COMPACT_OPTIONS_INIT;
    cask_change change;

    options.codec = codec;
    assert_ok(cask_column_compact(&change, s->column, &options));
    assert_int_equal(change.files, 2);
}

/* A reader that knows the files of format 3 finds them emptied. */
static void upgrade__readers_go_on_when_files_are_replaced(void **state)
{
    store s = filled(3), reader = closed_copy(&s);
    bool present = false;

    (void)state;
    store_open_existing(&reader, true);
    store_expect_values(&reader, SLOTS(FILLED));
    assert_ok(cask_column_upgrade(s.column, 4));
    compact_to(&s, CASK_CODEC_SNAPPY);
    assert_ok(cask_column_contains(&present, reader.column, 5));
    assert_true(present);
    store_expect_values(&reader, SLOTS(FILLED));
    store_close(&reader);
    store_dispose(&s);
}

/* Format 3 does not count commits: its conf is the same as before, but the files are not. */
static void upgrade__readers_miss_that_files_were_replaced(void **state)
{
    store s = filled(3), reader = closed_copy(&s);

    (void)state;
    store_open_existing(&reader, true);
    store_expect_values(&reader, SLOTS(FILLED));
    assert_ok(cask_column_upgrade(s.column, 4));
    compact_to(&s, CASK_CODEC_SNAPPY);
    compact_to(&s, CASK_CODEC_NONE);
    assert_ok(cask_column_upgrade(s.column, 3));
    store_expect_values(&reader, SLOTS(FILLED));
    store_close(&reader);
    store_dispose(&s);
}

/* Commits are counted anew: a reader may find a conf with a lower number than it had, or with the same. */
static void upgrade__readers_miss_a_whole_life(void **state)
{
    (void)state;
    for (int behind = 0; behind < 2; behind++) {
        store s = filled(3), reader;

        assert_ok(cask_column_upgrade(s.column, 4));
        if (behind)
            store_put(&s, SLOTS(3, 3 * FILE_SLOTS + 3));
        reader = closed_copy(&s);
        store_open_existing(&reader, true);
        store_expect_absent(&reader, FILE_SLOTS + 1);
        assert_ok(cask_column_upgrade(s.column, 3));
        store_put(&s, SLOTS(FILE_SLOTS + 1));
        assert_ok(cask_column_upgrade(s.column, 4));
        assert_false(is_absent(&reader, FILE_SLOTS + 1));
        store_close(&reader);
        store_dispose(&s);
    }
}

/* An iterator that began under one format goes on under another, in this process and in another. */
static void upgrade__iterators_go_on(void **state)
{
    static const uint64_t rest[] = { FILE_SLOTS, FILE_SLOTS + 7, 3 * FILE_SLOTS + 1, 3 * FILE_SLOTS + 2 };

    (void)state;
    for (int way = 0; way < 4; way++) {
        uint32_t from = way < 2 ? 3 : 4, to = way < 2 ? 4 : 3;
        store s = filled(from), reader = closed_copy(&s);
        cask_iter *iter;
        uint64_t slot;
        const void *value;
        size_t size;

        store_open_existing(&reader, true);
        assert_ok(cask_iter_new(&iter, way % 2 == 0 ? s.column : reader.column, 2, CASK_UP));
        assert_ok(cask_iter_next(iter, &slot));
        assert_int_equal(slot, 2);
        assert_ok(cask_column_upgrade(s.column, to));
        assert_ok(cask_iter_value(iter, &value, &size));
        if (to == 4) {
            prune(&s, 5);
            prune(&s, 999);
        } else {
            assert_ok(cask_iter_next(iter, &slot));
            assert_ok(cask_iter_next(iter, &slot));
            assert_int_equal(slot, 999);
        }
        for (size_t i = 0; i < COUNT_OF(rest); i++) {
            uint8_t expected[VALUE_SIZE_MAX];

            assert_ok(cask_iter_next(iter, &slot));
            assert_int_equal(slot, rest[i]);
            assert_ok(cask_iter_value(iter, &value, &size));
            assert_int_equal(size, value_of(slot, expected));
            assert_memory_equal(value, expected, size);
        }
        assert_code(cask_iter_next(iter, &slot), CASK_E_NOTFOUND);
        cask_iter_free(iter);
        store_close(&reader);
        store_dispose(&s);
    }
}

/* ---- Refused ---------------------------------------------------------------------------------------------------- */

static void expect_refused(store *s, uint32_t version, int code)
{
    uint64_t hash = memory_disk_hash(s->disk);

    assert_code(cask_column_upgrade(s->column, version), code);
    assert_true(memory_disk_hash(s->disk) == hash);
}

static void downgrade__refused_for_files_of_another_codec(void **state)
{
    store s = filled(4);

    (void)state;
    compact_to(&s, CASK_CODEC_SNAPPY);
    expect_refused(&s, 3, CASK_E_UNSUPPORTED);
    assert_non_null(strstr(cask_error_last()->message, "codec"));
    compact_to(&s, CASK_CODEC_NONE);
    assert_ok(cask_column_upgrade(s.column, 3));
    store_expect(&s, SLOTS(FILLED));
    store_dispose(&s);
}

static void expect_refused_for(store *s, const char *reason)
{
    expect_refused(s, 3, CASK_E_UNSUPPORTED);
    assert_non_null(strstr(cask_error_last()->message, reason));
}

/* The tombstone is enough, without the list. */
static void downgrade__refused_for_pruned_slots(void **state)
{
    store s = filled(4);
    char *list = store_file(&s, "pruned");

    (void)state;
    prune(&s, 5);
    expect_refused_for(&s, "slots are pruned; forget");
    file_remove(s.vfs, list);
    expect_refused_for(&s, "slots are pruned; forget");
    free(list);
    store_dispose(&s);
}

/* Forgotten, they leave holes, which compaction takes out. */
static void downgrade__of_forgotten_slots_once_compacted(void **state)
{
    store s = filled(4);
    cask_change change;

    (void)state;
    prune(&s, 5);
    forget(&s, 5);
    expect_refused_for(&s, "data files; compact it first");
    store_put(&s, SLOTS(5));
    expect_refused_for(&s, "data files; compact it first");
    assert_ok(cask_column_compact(&change, s.column, NULL));
    assert_ok(cask_column_upgrade(s.column, 3));
    assert_false(has_file(&s, "pruned"));
    store_expect(&s, SLOTS(FILLED));
    assert_ok(cask_column_upgrade(s.column, 4));
    store_reopen(&s);
    store_expect(&s, SLOTS(FILLED));
    store_dispose(&s);
}

/* It is not compacted until it is full. */
static void downgrade__refused_for_holes_in_the_current_file(void **state)
{
    store s = filled(4);
    cask_change change;

    (void)state;
    prune(&s, 3 * FILE_SLOTS + 1);
    forget(&s, 3 * FILE_SLOTS + 1);
    store_put(&s, SLOTS(3 * FILE_SLOTS + 1));
    assert_ok(cask_column_compact(&change, s.column, NULL));
    expect_refused_for(&s, "current file; compact it when another is begun");
    store_put(&s, SLOTS(4 * FILE_SLOTS));
    expect_refused_for(&s, "data files; compact it first");
    assert_ok(cask_column_compact(&change, s.column, NULL));
    assert_ok(cask_column_upgrade(s.column, 3));
    store_expect(&s, SLOTS(FILLED, 4 * FILE_SLOTS));
    store_dispose(&s);
}

/* What was written last is gone, with the file, and without. */
static void downgrade__refused_without_the_highest_slot(void **state)
{
    store s = filled(4);
    cask_change change;

    (void)state;
    assert_ok(cask_column_prune(&change, s.column, 3 * FILE_SLOTS, 4 * FILE_SLOTS - 1));
    assert_ok(cask_column_forget_pruned(&change, s.column, 3 * FILE_SLOTS, 4 * FILE_SLOTS - 1));
    expect_refused_for(&s, "highest slot was pruned");
    store_put(&s, SLOTS(3 * FILE_SLOTS + 1));
    expect_refused_for(&s, "highest slot was pruned");
    store_put(&s, SLOTS(3 * FILE_SLOTS + 2));
    assert_ok(cask_column_upgrade(s.column, 3));
    store_expect(&s, SLOTS(FILLED));
    store_dispose(&s);
}

/* Nothing is left of the file; it has no holes either. */
static void downgrade__of_a_file_all_forgotten(void **state)
{
    store s = filled(4);
    cask_change change;

    (void)state;
    assert_ok(cask_column_prune(&change, s.column, FILE_SLOTS, 2 * FILE_SLOTS - 1));
    assert_ok(cask_column_forget_pruned(&change, s.column, FILE_SLOTS, 2 * FILE_SLOTS - 1));
    assert_ok(cask_column_upgrade(s.column, 3));
    store_expect(&s, SLOTS(1, 2, 5, 999, 3 * FILE_SLOTS + 1, 3 * FILE_SLOTS + 2));
    store_dispose(&s);
}

static void downgrade__refused_of_zstd(void **state)
{
    memory_disk *disk = memory_disk_new();
    store s = store_at(memory_disk_vfs(disk), "/archive", 4, true);

    (void)state;
    s.disk = disk;
    s.shape.codec = CASK_CODEC_ZSTD;
    store_open(&s);
    expect_refused(&s, 3, CASK_E_UNSUPPORTED);
    assert_non_null(strstr(cask_error_last()->message, "zstd"));
    store_dispose(&s);
}

static void upgrade__refused(void **state)
{
    store s = filled(3), reader = closed_copy(&s);
    cask_batch *batch;

    (void)state;
    expect_refused(&s, 2, CASK_E_UNSUPPORTED);
    expect_refused(&s, 5, CASK_E_UNSUPPORTED);
    batch = store_begin(&s, SLOTS(3 * FILE_SLOTS + 5));
    expect_refused(&s, 4, CASK_E_BUSY);
    cask_batch_abort(batch);
    store_open_existing(&reader, true);
    assert_code(cask_column_upgrade(reader.column, 4), CASK_E_REFUSED);
    store_close(&reader);
    store_dispose(&s);
}

/* ---- Damaged ---------------------------------------------------------------------------------------------------- */

/* The damage is named, nothing is changed that counts, and the rest is read as before. */
static void expect_stopped_at(store *s, uint64_t slot, const char *word)
{
    assert_code(cask_column_upgrade(s->column, 4), CASK_E_CORRUPT);
    assert_int_equal(cask_error_last()->slot, slot);
    assert_string_equal(cask_error_last()->word, word);
    assert_int_equal(version_of(s), 3);
    assert_false(is_absent(s, 1));
    assert_false(is_absent(s, 3 * FILE_SLOTS + 2));
    store_put(s, SLOTS(3 * FILE_SLOTS + 3));
    assert_false(is_absent(s, 3 * FILE_SLOTS + 3));
}

static void upgrade__stops_at_a_damaged_record(void **state)
{
    (void)state;
    for (int damage = 0; damage < 3; damage++) {
        static const char *const words[] = { "record-header", "offset", "record-codec" };
        static const uint8_t bad[] = { 0xff, 0xff, 0xff, 0xff };
        memory_disk *disk = memory_disk_new();
        store s = store_at(memory_disk_vfs(disk), "/archive", 3, true);
        char *folder, *data;
        uint64_t offset;

        s.disk = disk;
        s.shape.codec = CASK_CODEC_SNAPPY;
        store_open(&s);
        fill(&s);
        store_close(&s);
        folder = store_folder(&s);
        data = raw_data_path(folder, 1);
        offset = raw_offset_get(s.vfs, folder, FILE_SLOTS + 7);
        /* The type; the length; in the payload. */
        file_patch(s.vfs, data, offset + (damage == 0 ? 0 : damage == 1 ? 2 : 30), bad, sizeof bad);
        store_open_existing(&s, false);
        expect_stopped_at(&s, FILE_SLOTS + 7, words[damage]);
        free(data);
        free(folder);
        store_dispose(&s);
    }
}

/* An older copy of a sealed file: format 3 could not tell it any more. */
static void downgrade__stops_at_an_older_file(void **state)
{
    store s = filled(4), old;
    char *table, *data;
    uint8_t *table_bytes, *data_bytes;
    size_t table_size, data_size;

    (void)state;
    for (uint64_t id = 4; id < 14; id++) /* so that file 1 is sealed again */
        store_put(&s, SLOTS(id * FILE_SLOTS));
    for (uint64_t id = 4; id < 12; id++)
        store_put(&s, SLOTS(id * FILE_SLOTS + 1));
    old = after_crash(&s, LOSS_NOTHING, 0);
    table = store_file(&s, "data_00001.off");
    data = store_file(&s, "data_00001");
    store_put(&s, SLOTS(FILE_SLOTS + 1));
    for (uint64_t id = 4; id < 12; id++)
        store_put(&s, SLOTS(id * FILE_SLOTS + 2));
    store_close(&s);
    table_bytes = file_read(old.vfs, table, &table_size);
    data_bytes = file_read(old.vfs, data, &data_size);
    file_write(s.vfs, table, table_bytes, table_size);
    file_write(s.vfs, data, data_bytes, data_size);
    store_open_existing(&s, false);
    expect_refused(&s, 3, CASK_E_CORRUPT);
    assert_string_equal(cask_error_last()->word, "seals-digest");
    free(table);
    free(data);
    free(table_bytes);
    free(data_bytes);
    store_dispose(&old);
    store_dispose(&s);
}

/* Far from the others a crash may leave a file, which format 4 ignores and format 3 would not. */
static void downgrade__stops_at_a_stray_file(void **state)
{
    store s = store_in_memory(4, true);
    char *stray;

    (void)state;
    store_put(&s, SLOTS(100 * FILE_SLOTS));
    stray = store_file(&s, "data_00020");
    file_write(s.vfs, stray, "stray", 5);
    store_reopen(&s);
    expect_refused(&s, 3, CASK_E_CORRUPT);
    assert_string_equal(cask_error_last()->word, "stray-file");
    assert_string_equal(cask_error_last()->file, stray);
    file_remove(s.vfs, stray);
    assert_ok(cask_column_upgrade(s.column, 3));
    store_expect(&s, SLOTS(100 * FILE_SLOTS));
    free(stray);
    store_dispose(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        case_test(upgrade__keeps_all_and_is_a_column_of_format_4),
        case_test(upgrade__an_empty_column),
        case_test(upgrade__and_back_gives_the_same_bytes),
        case_test(upgrade__stopped_anywhere),
        case_test(downgrade__stopped_anywhere),
        case_test(upgrade__done_again_reads_no_records),
        case_test(upgrade__done_again_after_further_commits),
        case_test(upgrade__stopped_is_taken_back),
        case_test(upgrade__stopped_is_not_rebuilt),
        case_test(upgrade__each_call_fails),
        case_test(upgrade__readers_go_on),
        case_test(upgrade__readers_go_on_when_files_are_replaced),
        case_test(upgrade__readers_miss_that_files_were_replaced),
        case_test(upgrade__readers_miss_a_whole_life),
        case_test(upgrade__iterators_go_on),
        case_test(downgrade__refused_for_files_of_another_codec),
        case_test(downgrade__refused_for_pruned_slots),
        case_test(downgrade__of_forgotten_slots_once_compacted),
        case_test(downgrade__refused_for_holes_in_the_current_file),
        case_test(downgrade__refused_without_the_highest_slot),
        case_test(downgrade__of_a_file_all_forgotten),
        case_test(downgrade__refused_of_zstd),
        case_test(upgrade__refused),
        case_test(upgrade__stops_at_a_damaged_record),
        case_test(downgrade__stops_at_an_older_file),
        case_test(downgrade__stops_at_a_stray_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
