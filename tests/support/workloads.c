#include "workloads.h"

#define BATCH(...)                                                                                                     \
    {                                                                                                                  \
        SLOTS(__VA_ARGS__), false                                                                                      \
    }
#define ABANDONED(...)                                                                                                 \
    {                                                                                                                  \
        SLOTS(__VA_ARGS__), true                                                                                       \
    }
#define WORKLOAD(name, version, batches, prepared, from_nothing)                                                       \
    {                                                                                                                  \
        name, version, batches, COUNT_OF(batches), prepared, from_nothing                                              \
    }

/* The first commit of all, and the second. */
static const workload_batch creation[] = { BATCH(3, 4), BATCH(5) };
/* Into the next file, over a gap of files, and a batch that spans several. */
static const workload_batch across_files[] = { BATCH(3), BATCH(8191, 8192), BATCH(3 * 8192 + 1, 4 * 8192),
                                               BATCH(4 * 8192 + 2) };
/* More than is held back in memory. */
static const workload_batch large[] = { BATCH(3), BATCH(999, 1999, 2999, 3999, 4999), BATCH(5001) };
static const workload_batch backfill_current[] = { BATCH(1, 100), BATCH(50, 7), BATCH(101) };
static const workload_batch backfill_sealed[] = { BATCH(1, 100, 8192, 16384), BATCH(50, 7), BATCH(8), BATCH(8193, 9000),
                                                  BATCH(16385) };
static const workload_batch backfill_large[] = { BATCH(1, 8192), BATCH(999, 1999, 2999, 3999, 7), BATCH(8193) };
static const workload_batch backfill_before[] = { BATCH(3 * 8192), BATCH(8192 + 4), BATCH(2 * 8192 + 7) };
static const workload_batch backfill_mixed[] = {
    BATCH(1, 8192, 2 * 8192, 3 * 8192, 4 * 8192, 5 * 8192, 6 * 8192, 7 * 8192, 8 * 8192),
    BATCH(2, 8 * 8192 + 1, 8193, 9 * 8192, 999, 3 * 8192 + 1),
    BATCH(4 * 8192 + 1, 5 * 8192 + 1, 6 * 8192 + 1, 7 * 8192 + 1, 2 * 8192 + 1, 3, 8194),
};
static const workload_batch abandoned[] = { BATCH(1, 8192), ABANDONED(8193, 999 + 8192, 1999 + 8192, 9000 + 8192),
                                            BATCH(8194), ABANDONED(2, 999), BATCH(3) };
static const workload_batch abandoned_large[] = {
    BATCH(1, 8192), ABANDONED(8999, 9999, 10999, 11999, 12999, 20000), BATCH(8194),
    ABANDONED(999, 1999, 2999, 3999, 4999), BATCH(8195)
};

const workload workloads[] = {
    WORKLOAD("creation-v2", 2, creation, 0, true),
    WORKLOAD("creation-v3", 3, creation, 0, true),
    WORKLOAD("creation-v4", 4, creation, 0, true),
    WORKLOAD("across-files-v3", 3, across_files, 1, false),
    WORKLOAD("across-files-v4", 4, across_files, 1, false),
    WORKLOAD("large-v3", 3, large, 1, false),
    WORKLOAD("large-v4", 4, large, 1, false),
    WORKLOAD("backfill-current-v3", 3, backfill_current, 1, false),
    WORKLOAD("backfill-current-v4", 4, backfill_current, 1, false),
    WORKLOAD("backfill-sealed-v3", 3, backfill_sealed, 1, false),
    WORKLOAD("backfill-sealed-v4", 4, backfill_sealed, 1, false),
    WORKLOAD("backfill-large-v3", 3, backfill_large, 1, false),
    WORKLOAD("backfill-large-v4", 4, backfill_large, 1, false),
    WORKLOAD("backfill-before-v3", 3, backfill_before, 1, false),
    WORKLOAD("backfill-before-v4", 4, backfill_before, 1, false),
    WORKLOAD("backfill-mixed-v4", 4, backfill_mixed, 1, false),
    WORKLOAD("abandoned-v3", 3, abandoned, 1, false),
    WORKLOAD("abandoned-v4", 4, abandoned, 1, false),
    WORKLOAD("abandoned-large-v3", 3, abandoned_large, 1, false),
    WORKLOAD("abandoned-large-v4", 4, abandoned_large, 1, false),
};
const size_t workload_count = COUNT_OF(workloads);

static int compare_slots(const void *left, const void *right)
{
    uint64_t l = *(const uint64_t *)left, r = *(const uint64_t *)right;

    return (l > r) - (l < r);
}

size_t workload_slots(const workload *w, size_t batches, uint64_t slots[WORKLOAD_SLOTS_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < batches; i++) {
        for (size_t j = 0; j < w->batches[i].count && !w->batches[i].abort; j++) {
            assert_true(count < WORKLOAD_SLOTS_MAX);
            slots[count++] = w->batches[i].slots[j];
        }
    }
    qsort(slots, count, sizeof(slots[0]), compare_slots);
    return count;
}

int workload_run_batch(store *s, const workload *w, size_t batch)
{
    const workload_batch *b = &w->batches[batch];
    cask_batch *open;
    int result;

    if (!b->abort)
        return store_try_put(s, b->slots, b->count);
    result = cask_batch_begin(&open, s->column);
    if (result < 0)
        return result;
    for (size_t i = 0; i < b->count && result == CASK_OK; i++)
        result = batch_put_value(open, b->slots[i]);
    cask_batch_abort(open);
    return result;
}

/* Whose slots the open store has: of `least` batches, or of more up to `most`. */
static size_t find_state(store *s, const workload *w, size_t least, size_t most)
{
    uint64_t slots[WORKLOAD_SLOTS_MAX];
    cask_column_info info;

    assert_ok(cask_column_stat(&info, s->column));
    for (size_t batches = least; batches < most; batches++)
        if (workload_slots(w, batches, slots) == info.records)
            return batches;
    return most;
}

static void expect_state(store *s, const workload *w, size_t batches, bool verify)
{
    uint64_t slots[WORKLOAD_SLOTS_MAX];
    size_t count = workload_slots(w, batches, slots);

    if (verify)
        store_expect(s, slots, count);
    else
        store_expect_values(s, slots, count);
}

static size_t expect_read_only(store *s, const workload *w, size_t least, size_t most)
{
    tree *before = tree_read(s->vfs, "/");
    size_t batches;

    store_open_existing(s, true);
    batches = find_state(s, w, least, most);
    expect_state(s, w, batches, false);
    store_close(s);
    assert_tree_unchanged(before, s->vfs, "/");
    tree_free(before);
    return batches;
}

/* An identical record that is put again is acknowledged without a write: so what is shown must be durable by then. */
static void expect_durable(const store *s, const workload *w, size_t batches)
{
    store lost = *s;

    lost.archive = NULL;
    lost.column = NULL;
    lost.disk = memory_disk_after_crash(s->disk, LOSS_UNSYNCED, 0);
    lost.vfs = memory_disk_vfs(lost.disk);
    store_open_existing(&lost, false);
    expect_state(&lost, w, batches, true);
    store_dispose(&lost);
}

static void expect_takes_more(store *s, const workload *w, size_t batches)
{
    uint64_t slots[WORKLOAD_SLOTS_MAX];
    size_t count = workload_slots(w, batches, slots);

    slots[count] = count == 0 ? 8192 + 17 : slots[count - 1] + 1;
    store_open_existing(s, false);
    store_put(s, &slots[count], 1);
    store_expect(s, slots, count + 1);
    store_close(s);
}

size_t workload_expect_healed(store *s, const workload *w, size_t least, size_t most, bool create)
{
    size_t batches, seen = SIZE_MAX;
    tree *healed;

    if (!create)
        seen = expect_read_only(s, w, least, most);
    assert_ok(create ? store_try_open(s) : store_try_open_existing(s, false));
    batches = find_state(s, w, least, most);
    if (!create)
        assert_int_equal(batches, seen);
    expect_state(s, w, batches, true);
    expect_durable(s, w, batches);
    store_close(s);
    healed = tree_read(s->vfs, "/");
    store_open_existing(s, false);
    store_close(s);
    assert_tree_unchanged(healed, s->vfs, "/");
    tree_free(healed);
    expect_takes_more(s, w, batches);
    return batches;
}
