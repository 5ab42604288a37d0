/*
 * A system that fails: a full disk, a failing sync, any call of any kind. The call says so, the handle shows the state
 * before and takes no more writes, no sync is tried again, and opening again heals.
 */
#include "vfs_fault.h"
#include "workloads.h"

#include <errno.h>

typedef struct sabotage {
    const char *name;
    int kinds;
    int error_number;
    bool for_good;
    bool half_done;
    int code;
} sabotage;

static const sabotage sabotages[] = {
    { "full", FAULT_SPACE, ENOSPC, true, true, CASK_E_NOSPC },
    { "full-once", FAULT_WRITE, ENOSPC, false, true, CASK_E_NOSPC },
    { "quota", FAULT_WRITE | FAULT_CREATE, EDQUOT, true, false, CASK_E_NOSPC },
    { "sync", FAULT_SYNCS, EIO, false, false, CASK_E_IO },
    { "sync-for-good", FAULT_SYNCS, EIO, true, false, CASK_E_IO },
    { "change", FAULT_MUTATING & ~FAULT_LOCK, EIO, false, false, CASK_E_IO },
    { "change-for-good", FAULT_MUTATING & ~FAULT_LOCK, EROFS, true, false, CASK_E_IO },
};

static bool ends_with(const char *text, const char *suffix)
{
    size_t size = strlen(text), suffix_size = strlen(suffix);

    return size >= suffix_size && strcmp(text + size - suffix_size, suffix) == 0;
}

/* A failure of the last step leaves it open whether the batch is committed. */
static bool may_be_committed(const vfs_fault *fault)
{
    return ends_with(fault->failed_path, "column.conf") || ends_with(fault->failed_path, STORE_COLUMN);
}

/* A store on a disk in memory, behind `fault`, with the prepared batches of `w`. */
static store prepared_store(vfs_fault *fault, const workload *w)
{
    memory_disk *disk = memory_disk_new();
    store s;

    vfs_fault_init(fault, memory_disk_vfs(disk));
    s = store_at(&fault->vfs, "/archive", w->version, w->version > 2);
    s.disk = disk;
    store_open(&s);
    workload_prepare(&s, w);
    return s;
}

static void arm(vfs_fault *fault, const sabotage *how, uint64_t at)
{
    vfs_fault_clear(fault);
    fault->kinds = how->kinds;
    fault->error_number = how->error_number;
    fault->for_good = how->for_good;
    fault->half_done = how->half_done;
    fault->fail_at = at;
}

/* The handle whose batch failed. */
static void expect_poisoned(store *s, const workload *w, size_t batches)
{
    uint64_t slots[WORKLOAD_SLOTS_MAX];
    size_t count = workload_slots(w, batches, slots);
    cask_batch *batch;

    assert_code(cask_batch_begin(&batch, s->column), CASK_E_POISONED);
    assert_code(cask_column_put(s->column, 1 << 20, "x", 1), CASK_E_POISONED);
    store_expect_values(s, slots, count);
}

/* Both what the process left, and what a loss of power makes of it, heal. */
static void expect_mended(store *s, const workload *w, size_t batches, size_t most)
{
    store lost = *s;

    lost.disk = memory_disk_after_crash(s->disk, LOSS_UNSYNCED, 0);
    lost.vfs = memory_disk_vfs(lost.disk);
    workload_expect_healed(&lost, w, batches, most, false);
    store_dispose(&lost);
    workload_expect_healed(s, w, batches, most, false);
}

/* Let the `at`th call fail while batch `batch` of the workload is written. false: there is no such call. */
static bool sabotage_batch(const workload *w, size_t batch, const sabotage *how, uint64_t at)
{
    vfs_fault fault;
    store s = prepared_store(&fault, w);
    size_t most;
    int result;
    bool failed, retried;

    for (size_t i = w->prepared; i < batch; i++)
        assert_ok(workload_run_batch(&s, w, i));
    arm(&fault, how, at);
    result = workload_run_batch(&s, w, batch);
    failed = fault.failed > 0;
    retried = fault.sync_retried;
    most = w->batches[batch].abort ? batch : may_be_committed(&fault) ? batch + 1 : batch;
    if (failed && result == CASK_OK && !w->batches[batch].abort) {
        /* The call was of no consequence: then the batch is there. */
        store_close(&s);
        vfs_fault_clear(&fault);
        workload_expect_healed(&s, w, batch + 1, batch + 1, false);
    } else if (failed) {
        if (result != CASK_OK) {
            assert_int_equal(result, how->code);
            expect_poisoned(&s, w, batch);
        }
        assert_false(retried);
        store_close(&s);
        vfs_fault_clear(&fault);
        expect_mended(&s, w, batch, most);
    }
    store_dispose(&s);
    return failed;
}

static void sabotage_workload(const workload *w)
{
    for (size_t batch = w->prepared; batch < w->batch_count; batch++) {
        for (size_t i = 0; i < COUNT_OF(sabotages); i++) {
            bool more = true;
            for (uint64_t at = 1 + (i + batch) % CASE_STRIDE; more; at += CASE_STRIDE) {
                if (!case_begin("sabotage %s batch=%zu by=%s call=%u", w->name, batch, sabotages[i].name,
                                (unsigned)at)) {
                    more = at < 1000;
                    continue;
                }
                more = sabotage_batch(w, batch, &sabotages[i], at);
                case_end();
            }
        }
    }
}

static void sabotage__any_call_of_a_batch_fails(void **state)
{
    (void)state;
    for (size_t i = 0; i < workload_count; i++)
        sabotage_workload(&workloads[i]);
}

/* ---- By name ---------------------------------------------------------------------------------------------------- */

static const workload_batch plain_batches[] = { { SLOTS(1, 5), false }, { SLOTS(6, 8192), false } };

static workload plain(uint32_t version)
{
    return (workload){ "plain", version, plain_batches, COUNT_OF(plain_batches), 1, false };
}

static void sabotage__full_disk_changes_nothing(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        workload w = plain(version);
        vfs_fault fault;
        store s = prepared_store(&fault, &w);

        arm(&fault, &sabotages[0], 1);
        assert_code(workload_run_batch(&s, &w, 1), CASK_E_NOSPC);
        assert_int_equal(cask_error_last()->system_errno, ENOSPC);
        assert_true(cask_error_last()->file[0] != 0);
        expect_poisoned(&s, &w, 1);
        store_close(&s);
        vfs_fault_clear(&fault);
        expect_mended(&s, &w, 1, 1);
        store_dispose(&s);
    }
}

static void sabotage__failing_sync_is_never_retried(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        workload w = plain(version);

        for (uint64_t at = 1;; at++) {
            vfs_fault fault;
            store s = prepared_store(&fault, &w);
            bool failed;

            arm(&fault, &sabotages[3], at);
            workload_run_batch(&s, &w, 1);
            failed = fault.failed > 0;
            if (failed) {
                assert_false(fault.sync_retried);
                expect_poisoned(&s, &w, 1);
            }
            store_dispose(&s);
            if (!failed)
                break;
        }
    }
}

/* A folder stands where the next data file, its table, or the new conf must go. */
static void sabotage__folder_where_a_file_must_be(void **state)
{
    static const char *const names[] = { "data_00001", "data_00001.off" };

    (void)state;
    EACH_VERSION(version) {
        for (size_t i = 0; i < COUNT_OF(names); i++) {
            workload w = plain(version);
            vfs_fault fault;
            store s = prepared_store(&fault, &w);
            char *path = store_file(&s, names[i]);
            int result;

            folder_make(s.vfs, path);
            result = workload_run_batch(&s, &w, 1);
            assert_true(result < 0);
            store_expect_values(&s, SLOTS(1, 5));
            free(path);
            store_dispose(&s);
        }
    }
}

/* ---- Opening ---------------------------------------------------------------------------------------------------- */

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

static void open_under(uint32_t version, const sabotage *how)
{
    bool more = true;

    for (uint64_t at = 1; more; at++) {
        vfs_fault fault;
        store s;
        int result;

        if (!case_begin("open version=%u by=%s call=%u", version, how->name, (unsigned)at)) {
            more = at < 1000;
            continue;
        }
        s = crashed_store(&fault, version);
        arm(&fault, how, at);
        result = store_try_open(&s);
        more = fault.failed > 0;
        assert_true(result == CASK_OK || result == how->code);
        assert_false(fault.sync_retried);
        vfs_fault_clear(&fault);
        if (result == CASK_OK)
            store_expect(&s, SLOTS(1, 5, 8192));
        store_close(&s);
        store_expect_healed(&s, SLOTS(1, 5, 8192));
        store_dispose(&s);
        case_end();
    }
}

static void sabotage__healing_fails(void **state)
{
    (void)state;
    for (uint32_t version = 3; version <= 4; version++)
        for (size_t i = 0; i < COUNT_OF(sabotages); i++)
            open_under(version, &sabotages[i]);
}

/* A call that only asks must not be taken for "there is none": nothing is made anew, nothing is wiped. */
static void sabotage__questions_fail(void **state)
{
    static const sabotage asked = { "questions", FAULT_ALL & ~FAULT_MUTATING, EIO, false, false, CASK_E_IO };
    static const sabotage denied = { "denied", FAULT_ALL & ~FAULT_MUTATING, EACCES, false, false, CASK_E_IO };

    (void)state;
    for (uint32_t version = 3; version <= 4; version++) {
        open_under(version, &asked);
        open_under(version, &denied);
    }
}

static void read_under(store *s, uint64_t slot)
{
    uint8_t value[VALUE_SIZE_MAX];
    size_t size;
    int result = cask_column_get(s->column, slot, value, sizeof(value), &size);

    assert_true(result == CASK_OK || result == CASK_E_IO);
}

/* A read that fails says so, and the next one is right again. */
static void sabotage__reads_fail(void **state)
{
    static const sabotage asked = { "reads", FAULT_ALL, EIO, false, false, CASK_E_IO };

    (void)state;
    EACH_VERSION(version) {
        for (uint64_t at = 1; at < 12; at++) {
            workload w = plain(version);
            vfs_fault fault;
            store s = prepared_store(&fault, &w);

            assert_ok(workload_run_batch(&s, &w, 1));
            store_close(&s);
            store_open_existing(&s, true);
            arm(&fault, &asked, at);
            read_under(&s, 1);
            read_under(&s, 6);
            read_under(&s, 8192);
            vfs_fault_clear(&fault);
            store_expect(&s, SLOTS(1, 5, 6, 8192));
            store_dispose(&s);
        }
    }
}

/* ---- Read-only -------------------------------------------------------------------------------------------------- */

static int count_report(const cask_report *report, void *payload)
{
    (void)report;
    (*(size_t *)payload)++;
    return 0;
}

/* Nothing that changes the disk is even tried: not after a crash, not for what is missing. */
static void sabotage__read_only_writes_and_creates_nothing(void **state)
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        case_test(sabotage__full_disk_changes_nothing),
        case_test(sabotage__failing_sync_is_never_retried),
        case_test(sabotage__folder_where_a_file_must_be),
        case_test(sabotage__healing_fails),
        case_test(sabotage__questions_fail),
        case_test(sabotage__reads_fail),
        case_test(sabotage__read_only_writes_and_creates_nothing),
        case_test(sabotage__any_call_of_a_batch_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
