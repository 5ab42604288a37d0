/*
 * A crash between every two steps of every workload, with all, some and none of what was not synced on the disk; and a
 * crash between every two steps of the healing that follows. What was acknowledged is there, nothing else is, healing
 * twice changes nothing.
 */
#include "workloads.h"

static const char *const loss_names[] = { "nothing", "unsynced", "some" };

enum { SEEDS = 2 };

typedef struct crash_run {
    const workload *workload;
    store store;
    size_t acknowledged; /* batches */
    bool created;        /* the first open has returned */
    bool is_healing;     /* the run is the healing of a crashed disk: */
    size_t outer_step;   /* how that disk came to be */
    disk_loss outer_loss;
    uint64_t outer_seed;
} crash_run;

static store store_after_crash(const store *s, disk_loss loss, uint64_t seed)
{
    store crashed = *s;

    crashed.archive = NULL;
    crashed.column = NULL;
    crashed.disk = memory_disk_after_crash(s->disk, loss, seed);
    crashed.vfs = memory_disk_vfs(crashed.disk);
    return crashed;
}

static size_t most_batches(const crash_run *run)
{
    size_t most = run->acknowledged + 1;

    return most < run->workload->batch_count ? most : run->workload->batch_count;
}

static void check_crash(const crash_run *run, disk_loss loss, uint64_t seed)
{
    store crashed = store_after_crash(&run->store, loss, seed);

    workload_expect_healed(&crashed, run->workload, run->acknowledged, most_batches(run), !run->created);
    store_dispose(&crashed);
}

static size_t step_of(const store *s)
{
    const disk_step *steps;

    return memory_disk_steps(s->disk, &steps);
}

/* ---- A crash inside healing ------------------------------------------------------------------------------------- */

static void crash_healing(void *payload)
{
    const crash_run *healing = payload;

    for (int loss = LOSS_NOTHING; loss <= LOSS_SOME; loss++) {
        if (!case_begin("crash %s step=%zu loss=%s seed=%u, healing step=%zu loss=%s", healing->workload->name,
                        healing->outer_step, loss_names[healing->outer_loss], (unsigned)healing->outer_seed,
                        step_of(&healing->store), loss_names[loss]))
            continue;
        check_crash(healing, (disk_loss)loss, step_of(&healing->store));
        case_end();
    }
}

/* Heal what a crash here leaves, and crash between each two steps of that. */
static void crash_again(const crash_run *run, disk_loss loss, uint64_t seed)
{
    crash_run healing = *run;

    healing.store = store_after_crash(&run->store, loss, seed);
    healing.outer_step = step_of(&run->store);
    healing.outer_loss = loss;
    healing.outer_seed = seed;
    memory_disk_on_step(healing.store.disk, crash_healing, &healing);
    assert_ok(run->created ? store_try_open_existing(&healing.store, false) : store_try_open(&healing.store));
    memory_disk_on_step(healing.store.disk, NULL, NULL);
    store_dispose(&healing.store);
}

/* ---- A crash inside a workload ---------------------------------------------------------------------------------- */

static void crash_here(void *payload)
{
    const crash_run *run = payload;
    size_t step = step_of(&run->store);

    if (step % CASE_STRIDE != 0)
        return;
    for (int loss = LOSS_NOTHING; loss <= LOSS_SOME; loss++) {
        for (uint64_t seed = 0; seed < (loss == LOSS_SOME ? SEEDS : 1); seed++) {
            /* Other seeds at each step. */
            uint64_t mixed = loss == LOSS_SOME ? step * SEEDS + seed : 0;
            if (case_begin("crash %s step=%zu loss=%s seed=%u", run->workload->name, step, loss_names[loss],
                           (unsigned)mixed)) {
                check_crash(run, (disk_loss)loss, mixed);
                case_end();
            }
        }
    }
}

/* Every so many steps: the explorer in tests/crash crashes all of them. */
enum { HEALING_STRIDE = 19 };

static void crash_here_and_in_healing(void *payload)
{
    const crash_run *run = payload;

    if (step_of(&run->store) % (HEALING_STRIDE * CASE_STRIDE) != 0)
        return;
    crash_again(run, LOSS_SOME, step_of(&run->store));
}

static void run_workload(const workload *w, void (*visit)(void *payload))
{
    memory_disk *disk = memory_disk_new();
    crash_run run = { .workload = w, .store = store_at(memory_disk_vfs(disk), "/archive", w->version, w->version > 2) };

    run.store.disk = disk;
    if (w->from_nothing)
        memory_disk_on_step(disk, visit, &run);
    store_open(&run.store);
    run.created = true;
    workload_prepare(&run.store, w);
    memory_disk_forget_steps(disk);
    memory_disk_on_step(disk, visit, &run);
    for (run.acknowledged = w->prepared; run.acknowledged < w->batch_count; run.acknowledged++)
        assert_ok(workload_run_batch(&run.store, w, run.acknowledged));
    visit(&run);
    store_close(&run.store);
    visit(&run);
    store_dispose(&run.store);
}

static void crash__between_every_two_steps(void **state)
{
    (void)state;
    for (size_t i = 0; i < workload_count; i++)
        run_workload(&workloads[i], crash_here);
}

static void crash__inside_healing(void **state)
{
    (void)state;
    for (size_t i = 0; i < workload_count; i++)
        run_workload(&workloads[i], crash_here_and_in_healing);
}

/* The crashes above would all pass if nothing was ever pending. */
static void crash__loses_what_was_not_synced(void **state)
{
    memory_disk *disk = memory_disk_new(), *lost;
    const cask_vfs *vfs = memory_disk_vfs(disk);
    cask_handle handle;
    uint8_t byte;

    (void)state;
    folder_make(vfs, "/a");
    assert_ok(cask_handle_open(&handle, vfs, "/a/file", CASK_OPEN_CREATE));
    assert_ok(cask_write_all(&handle, "file", "12", 2, 0));
    assert_ok(cask_sync(&handle, "file"));
    lost = memory_disk_after_crash(disk, LOSS_UNSYNCED, 0);
    assert_false(file_exists(memory_disk_vfs(lost), "/a/file"));
    memory_disk_free(lost);
    assert_ok(cask_sync_folder(vfs, "/a"));
    assert_ok(cask_write_all(&handle, "file", "345", 3, 0));
    assert_int_equal(vfs->rename(vfs->context, "/a/file", "/a/renamed"), 0);
    lost = memory_disk_after_crash(disk, LOSS_UNSYNCED, 0);
    assert_int_equal(file_size(memory_disk_vfs(lost), "/a/file"), 2);
    assert_false(file_exists(memory_disk_vfs(lost), "/a/renamed"));
    memory_disk_free(lost);
    lost = memory_disk_after_crash(disk, LOSS_NOTHING, 0);
    assert_int_equal(file_size(memory_disk_vfs(lost), "/a/renamed"), 3);
    memory_disk_free(lost);
    assert_int_equal(vfs->read_at(vfs->context, handle.file, &byte, 1, 0), 1);
    assert_int_equal(byte, '3');
    cask_handle_close(&handle);
    memory_disk_free(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        case_test(crash__loses_what_was_not_synced),
        case_test(crash__between_every_two_steps),
        case_test(crash__inside_healing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
