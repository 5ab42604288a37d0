/*
 * Every call that an operation makes, of the I/O layer and for memory, fails: once, and for good, in every way. Then the
 * caller was told the right thing, what was acknowledged is there, nothing else is, and nothing leaked.
 *
 *     injector [--stride N] [--ways N] [--figures FILE]
 *
 * SLOTCASK_CASE replays one case alone, by the name that a failure prints.
 */
#include "allocations.h"
#include "operation.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* ---- Ways to fail ----------------------------------------------------------------------------------------------- */

typedef struct way {
    const char *name;
    int kinds; /* of calls; 0: allocations */
    int error_number;
    fault_part part;
    bool goes_on;
} way;

static const way ways[] = {
    { "nomem", 0, 0, FAULT_NO_PART, false },
    { "eio", FAULT_ALL, EIO, FAULT_NO_PART, false },
    { "enospc", FAULT_ALL, ENOSPC, FAULT_NO_PART, false },
    { "edquot", FAULT_ALL, EDQUOT, FAULT_NO_PART, false },
    { "emfile", FAULT_ALL, EMFILE, FAULT_NO_PART, false },
    { "eacces", FAULT_ALL, EACCES, FAULT_NO_PART, false },
    { "enomem", FAULT_ALL, ENOMEM, FAULT_NO_PART, false },
    { "eio-after-one", FAULT_WRITE | FAULT_LIST, EIO, FAULT_ONE, false },
    { "enospc-after-half", FAULT_WRITE, ENOSPC, FAULT_HALF, false },
    { "one", FAULT_READ | FAULT_WRITE, 0, FAULT_ONE, true },
    { "half", FAULT_READ | FAULT_WRITE, 0, FAULT_HALF, true },
};

static int code_of(const way *how)
{
    if (how->kinds == 0 || how->error_number == ENOMEM)
        return CASK_E_NOMEM;
    return how->error_number == ENOSPC || how->error_number == EDQUOT ? CASK_E_NOSPC : CASK_E_IO;
}

static void arm(vfs_fault *fault, const way *how, bool for_good, uint64_t at)
{
    vfs_fault_clear(fault);
    fault->kinds = how->kinds;
    fault->error_number = how->error_number;
    fault->part = how->part;
    fault->goes_on = how->goes_on;
    fault->for_good = for_good;
    fault->fail_at = how->kinds == 0 ? 0 : at;
    allocations.fail_at = how->kinds == 0 ? at : 0;
    allocations.for_good = for_good;
    allocations.seen = 0;
    allocations.failed = 0;
}

/* Nothing fails until it goes on. */
typedef struct pause {
    int kinds;
    uint64_t allocation;
} pause;

static pause hold(vfs_fault *fault)
{
    pause held = { fault->kinds, allocations.fail_at };

    fault->kinds = 0;
    allocations.fail_at = 0;
    return held;
}

static void go_on(vfs_fault *fault, pause held)
{
    fault->kinds = held.kinds;
    allocations.fail_at = held.allocation;
}

static uint64_t failures(const vfs_fault *fault)
{
    return fault->failed + allocations.failed;
}

/* ---- States of the disk that were looked at already ------------------------------------------------------------- */

enum { SEEN_MAX = 1 << 16 };

static struct {
    uint64_t keys[SEEN_MAX];
    size_t count;
} seen;

static uint64_t key_of(const operation *op, const memory_disk *disk, bool done, const char *failed_path)
{
    uint64_t key = memory_disk_hash(disk) * 31 + memory_disk_durable_hash(disk);

    key = key * 31 + (uint64_t)(uintptr_t)op + done;
    for (; *failed_path != 0; failed_path++)
        key = (key ^ (uint8_t)*failed_path) * UINT64_C(1099511628211);
    return key == 0 ? 1 : key;
}

static bool is_seen(uint64_t key)
{
    size_t at = key % SEEN_MAX;

    while (seen.keys[at] != 0 && seen.keys[at] != key)
        at = (at + 1) % SEEN_MAX;
    if (seen.keys[at] == key || seen.count >= SEEN_MAX / 2)
        return seen.keys[at] == key;
    seen.keys[at] = key;
    seen.count++;
    return false;
}

/* ---- One case --------------------------------------------------------------------------------------------------- */

static void judge(const operation *op, const way *how, const vfs_fault *fault, int result)
{
    const cask_error *error = cask_error_last();

    if (result == CASK_OK) {
        if (op->reads && !how->goes_on && fault->failed > 0 && fault->failed_kind != FAULT_CLOSE)
            fail_msg("a failure was passed over, at %s", fault->failed_path);
        return;
    }
    assert_true(failures(fault) > 0);
    assert_false(how->goes_on);
    assert_code(result, code_of(how));
    assert_int_equal(error->code, result);
    assert_int_equal(error->system_errno, how->error_number);
    assert_true(how->kinds == 0 || error->file[0] != 0);
}

/* What was refused for want of memory can be had later; and so can what only reads. */
static bool can_be_repeated(const operation *op, const way *how)
{
    return how->kinds == 0 || op->reads;
}

/* Whether there was such a call. */
static bool run_case(const operation *op, const memory_disk *image, const way *how, bool for_good, uint64_t at)
{
    memory_disk *disk = memory_disk_after_crash(image, LOSS_NOTHING, 0);
    vfs_fault fault;
    char failed_path[sizeof(cask_error_last()->file)] = "";
    void *entered;
    pause held;
    bool fired;
    int result;

    vfs_fault_init(&fault, memory_disk_vfs(disk));
    allocations.live = 0;
    entered = op->enter(op, &fault.vfs);
    arm(&fault, how, for_good, at);
    result = op->act(op, entered);
    judge(op, how, &fault, result);
    if (result != CASK_OK)
        memcpy(failed_path, cask_error_last()->file, sizeof(failed_path));
    held = hold(&fault);
    if (result != CASK_OK && can_be_repeated(op, how)) {
        result = op->act(op, entered);
        assert_ok(result);
    }
    if (op->look != NULL)
        op->look(op, entered, result);
    go_on(&fault, held);
    op->leave(op, entered);
    hold(&fault);
    assert_int_equal(vfs_fault_open_files(&fault), 0);
    assert_int_equal(allocations.live, 0);
    assert_false(fault.sync_retried);
    if (op->reads)
        assert_true(memory_disk_hash(disk) == memory_disk_hash(image));
    fired = failures(&fault) > 0;
    if (!is_seen(key_of(op, disk, result == CASK_OK, failed_path)))
        op->settle(op, disk, result == CASK_OK, failed_path);
    memory_disk_free(disk);
    return fired;
}

/* ---- All of them ------------------------------------------------------------------------------------------------ */

static struct {
    uint64_t stride;
    uint64_t ways;
    uint64_t operations;
    uint64_t faults;
} run = { 1, 1, 0, 0 };

static void fail_each_call(const operation *op, const memory_disk *image, size_t number, bool for_good)
{
    const way *how = &ways[number];
    /* Other calls in each way: with a stride of 5 each call still fails once in one way and for good in another. */
    uint64_t stride = how->kinds == 0 ? (run.stride + 4) / 5 : run.stride;
    bool more = true;

    for (uint64_t at = 1 + (2 * number + for_good) % stride; more; at += stride) {
        if (!case_begin("%s by=%s%s call=%" PRIu64, op->name, how->name, for_good ? "-for-good" : "", at)) {
            more = at < 100000;
            continue;
        }
        more = run_case(op, image, how, for_good, at);
        run.faults += more;
        case_end();
    }
}

static void injector__operation(void **state)
{
    const operation *op = *state;
    memory_disk *image = memory_disk_new();

    allocations.fail_at = 0;
    op->prepare(op, &image);
    /* One way in so many; the next operation meets others. */
    for (size_t i = run.operations++ % run.ways; i < COUNT_OF(ways); i += run.ways) {
        fail_each_call(op, image, i, false);
        fail_each_call(op, image, i, true);
    }
    memory_disk_free(image);
}

static int write_figures(const char *path, size_t count)
{
    FILE *file = path == NULL ? NULL : fopen(path, "w");

    printf("faults injected: %" PRIu64 " over %zu workloads\n", run.faults, count);
    if (file != NULL)
        fprintf(file, "faults_injected %" PRIu64 "\nfault_workloads %zu\n", run.faults, count);
    return path != NULL && (file == NULL || fclose(file) != 0);
}

int main(int argc, char **argv)
{
    static operation operations[OPERATIONS_MAX];
    static struct CMUnitTest tests[OPERATIONS_MAX];
    size_t count = list_operations(operations);
    const char *figures = NULL;
    int failed;

    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--stride") == 0)
            run.stride = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--ways") == 0)
            run.ways = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--figures") == 0)
            figures = argv[i + 1];
    }
    for (size_t i = 0; i < count; i++)
        tests[i] = (struct CMUnitTest){ operations[i].name, injector__operation, NULL, case_teardown, &operations[i] };
    failed = _cmocka_run_group_tests("failing calls", tests, count, NULL, NULL);
    return write_figures(figures, count) != 0 ? 1 : failed;
}
