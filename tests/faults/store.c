/* Operations of the store: creation, every batch of every workload, healing, reading. */
#include "operation.h"
#include "workloads.h"

#include <assert.h>
#include <stdio.h>

typedef struct plan plan;

struct plan {
    const char *name;
    const workload *workload;
    size_t batch; /* those before it are done */
    uint8_t codec;
    bool read_only;
    int (*run)(store *s, const plan *p); /* NULL: the batch */
};

static const char identity[] = "whose history this is";

static store closed_store(const plan *p, const cask_vfs *vfs)
{
    store s = store_at(vfs, "/archive", p->workload->version, p->workload->version > 2);

    s.shape.codec = p->codec;
    return s;
}

/* ---- Before ----------------------------------------------------------------------------------------------------- */

static void prepare_batches(const operation *self, memory_disk **disk)
{
    const plan *p = self->plan;
    store s = closed_store(p, memory_disk_vfs(*disk));

    store_open(&s);
    /* The last of them is run when all is open, so that it leaves its files in the handle. */
    for (size_t i = 0; i + 1 < p->batch; i++)
        assert_ok(workload_run_batch(&s, p->workload, i));
    store_close(&s);
}

static void prepare_all(const operation *self, memory_disk **disk)
{
    const plan *p = self->plan;
    store s = closed_store(p, memory_disk_vfs(*disk));

    store_open(&s);
    for (size_t i = 0; i < p->batch; i++)
        assert_ok(workload_run_batch(&s, p->workload, i));
    store_close(&s);
}

static const char damaged_table[] = "/archive/blocks/data_00000.off";

static void prepare_damaged(const operation *self, memory_disk **disk)
{
    prepare_all(self, disk);
    file_remove(memory_disk_vfs(*disk), damaged_table);
}

static void prepare_nothing(const operation *self, memory_disk **disk)
{
    (void)self, (void)disk;
}

/* A crash in the middle of the batch. */
typedef struct crash {
    memory_disk *running, *crashed;
    size_t steps, at;
} crash;

static void crash_at_step(void *payload)
{
    crash *c = payload;

    if (++c->steps == c->at)
        c->crashed = memory_disk_after_crash(c->running, LOSS_SOME, c->at);
}

static void run_and_crash(const plan *p, crash *c)
{
    store s = closed_store(p, memory_disk_vfs(c->running));

    store_open(&s);
    for (size_t i = 0; i < p->batch; i++)
        assert_ok(workload_run_batch(&s, p->workload, i));
    memory_disk_on_step(c->running, crash_at_step, c);
    assert_ok(workload_run_batch(&s, p->workload, p->batch));
    memory_disk_on_step(c->running, NULL, NULL);
    store_close(&s);
    memory_disk_free(c->running);
}

/* Two thirds of the way through it: new files, tables and data of the batch are there in part. */
static void prepare_crash(const operation *self, memory_disk **disk)
{
    crash first = { *disk, NULL, 0, 0 }, second = { memory_disk_new(), NULL, 0, 0 };

    run_and_crash(self->plan, &first);
    second.at = first.steps * 2 / 3;
    run_and_crash(self->plan, &second);
    *disk = second.crashed;
}

/* ---- Open and close --------------------------------------------------------------------------------------------- */

static void *enter_closed(const operation *self, const cask_vfs *vfs)
{
    store *s = malloc(sizeof(*s));

    assert_non_null(s);
    *s = closed_store(self->plan, vfs);
    return s;
}

static void *enter_open(const operation *self, const cask_vfs *vfs)
{
    const plan *p = self->plan;
    store *s = enter_closed(self, vfs);

    store_open_existing(s, p->read_only);
    return s;
}

static void *enter_batch(const operation *self, const cask_vfs *vfs)
{
    const plan *p = self->plan;
    store *s = enter_open(self, vfs);

    if (p->batch > 0)
        assert_ok(workload_run_batch(s, p->workload, p->batch - 1));
    return s;
}

static void *enter_archive(const operation *self, const cask_vfs *vfs)
{
    const plan *p = self->plan;
    store *s = enter_closed(self, vfs);
    cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;

    options.read_only = p->read_only;
    options.vfs = vfs;
    assert_ok(cask_archive_open(&s->archive, s->path, &options));
    return s;
}

static void leave(const operation *self, void *entered)
{
    (void)self;
    store_close(entered);
    free(entered);
}

/* ---- What is done ----------------------------------------------------------------------------------------------- */

static int act(const operation *self, void *entered)
{
    const plan *p = self->plan;

    return p->run != NULL ? p->run(entered, p) : workload_run_batch(entered, p->workload, p->batch);
}

static int create(store *s, const plan *p)
{
    (void)p;
    return store_try_open(s);
}

static int open_again(store *s, const plan *p)
{
    return store_try_open_existing(s, p->read_only);
}

static int open_for_backfill(store *s, const plan *p)
{
    int result;

    s->shape.allow_backfill = true;
    result = open_again(s, p);
    s->shape.allow_backfill = false;
    return result;
}

static int ignore_report(const cask_report *report, void *payload)
{
    (void)report, (void)payload;
    return 0;
}

static int heal(store *s, const plan *p)
{
    (void)p;
    return cask_column_heal(s->archive, STORE_COLUMN, ignore_report, NULL);
}

static int set_identity(store *s, const plan *p)
{
    (void)p;
    return cask_archive_set_identity(s->archive, identity, strlen(identity));
}

static int put_one(store *s, const plan *p)
{
    uint8_t value[VALUE_SIZE_MAX];
    uint64_t slot = p->workload->batches[p->batch].slots[0];

    return cask_column_put(s->column, slot, value, value_of(slot, value));
}

/* The same records once more: they are read, and nothing is written. */
static int put_again(store *s, const plan *p)
{
    return workload_run_batch(s, p->workload, p->batch - 1);
}

static int put_stored(store *s, const plan *p)
{
    const workload_batch *b = &p->workload->batches[p->batch];
    cask_buf stored = CASK_BUF_INIT;
    cask_batch *batch;
    int result = cask_column_get_stored(&stored, s->column, p->workload->batches[0].slots[0]);

    if (result == CASK_OK)
        result = cask_batch_begin(&batch, s->column);
    if (result == CASK_OK) {
        result = cask_batch_put_stored(batch, b->slots[0], stored.data, stored.size, false);
        /* Again, which compares; the value is not that of its slot, so it is given up. */
        if (result == CASK_OK)
            result = cask_batch_put_stored(batch, b->slots[0], stored.data, stored.size, false);
        cask_batch_abort(batch);
    }
    cask_buf_dispose(&stored);
    return result;
}

/* A data file is deleted, another is kept in part. */
enum { PRUNED_FIRST = 4, PRUNED_LAST = 8192 };

static int prune(store *s, const plan *p)
{
    cask_change change;

    (void)p;
    return cask_column_prune(&change, s->column, PRUNED_FIRST, PRUNED_LAST);
}

static int compact(store *s, const plan *p)
{
    cask_compact_options options = CASK_COMPACT_OPTIONS_INIT;
    cask_change change;

    options.codec = (p->codec + 1) % (CASK_CODEC_ZSTD + 1);
    return cask_column_compact(&change, s->column, &options);
}

static int upgrade(store *s, const plan *p)
{
    return cask_column_upgrade(s->column, p->workload->version == 4 ? 3 : 4);
}

/* The slot of a record: a value is that of one slot alone. */
static int slot_of(uint64_t *slot_out, const void *value, size_t size, void *payload)
{
    const plan *p = payload;
    uint8_t expected[VALUE_SIZE_MAX];
    uint64_t slots[WORKLOAD_SLOTS_MAX];
    size_t count = workload_slots(p->workload, p->batch, slots);

    for (size_t i = 0; i < count; i++) {
        if (value_of(slots[i], expected) == size && memcmp(value, expected, size) == 0) {
            *slot_out = slots[i];
            return CASK_OK;
        }
    }
    return CASK_E_NOTFOUND;
}

static int pass(const cask_report *report, void *payload)
{
    (void)report, (void)payload;
    return 0;
}

static int rebuild(store *s, const plan *p)
{
    cask_change change;

    return cask_column_rebuild(&change, s->archive, STORE_COLUMN, slot_of, (void *)(uintptr_t)p, pass, NULL);
}

static void check_value(uint64_t slot, const void *got, size_t got_size)
{
    uint8_t value[VALUE_SIZE_MAX];

    assert_int_equal(got_size, value_of(slot, value));
    assert_true(memcmp(got, value, got_size) == 0);
}

static int read_slot(store *s, uint64_t slot, cask_buf *buffer)
{
    uint8_t value[VALUE_SIZE_MAX];
    size_t size;
    bool present;
    int result = cask_column_get(s->column, slot, value, sizeof(value), &size);

    if (result == CASK_OK) {
        check_value(slot, value, size);
        result = cask_column_get_buf(buffer, s->column, slot);
    }
    if (result == CASK_OK) {
        check_value(slot, buffer->data, buffer->size);
        result = cask_column_get_stored(buffer, s->column, slot);
    }
    if (result == CASK_OK)
        result = cask_column_contains(&present, s->column, slot);
    if (result == CASK_OK) {
        assert_true(present);
        result = cask_column_contains(&present, s->column, slot + 37);
    }
    if (result == CASK_OK)
        assert_false(present);
    return result;
}

static int read_slots(store *s, const plan *p)
{
    uint64_t slots[WORKLOAD_SLOTS_MAX];
    size_t count = workload_slots(p->workload, p->batch, slots);
    cask_buf buffer = CASK_BUF_INIT;
    int result = CASK_OK;

    for (size_t i = 0; i < count && result == CASK_OK; i++)
        result = read_slot(s, slots[i], &buffer);
    cask_buf_dispose(&buffer);
    return result;
}

/* Each record, and nothing between and behind them. */
static int iterate(store *s, const plan *p, cask_direction direction)
{
    uint64_t slots[WORKLOAD_SLOTS_MAX], slot;
    size_t count = workload_slots(p->workload, p->batch, slots), size;
    const void *value;
    cask_iter *iter;
    int result = cask_iter_new(&iter, s->column, direction == CASK_UP ? 0 : CASK_NO_SLOT - 1, direction);

    if (result != CASK_OK)
        return result;
    for (size_t i = 0; i < count && result == CASK_OK; i++) {
        result = cask_iter_next(iter, &slot);
        if (result == CASK_OK) {
            assert_int_equal(slot, slots[direction == CASK_UP ? i : count - 1 - i]);
            result = cask_iter_value(iter, &value, &size);
        }
        if (result == CASK_OK)
            check_value(slot, value, size);
    }
    if (result == CASK_OK) {
        result = cask_iter_next(iter, &slot);
        assert_int_not_equal(result, CASK_OK);
    }
    cask_iter_free(iter);
    return result == CASK_E_NOTFOUND ? CASK_OK : result;
}

static int iterate_up(store *s, const plan *p)
{
    return iterate(s, p, CASK_UP);
}

static int iterate_down(store *s, const plan *p)
{
    return iterate(s, p, CASK_DOWN);
}

static int statistics(store *s, const plan *p)
{
    uint64_t slots[WORKLOAD_SLOTS_MAX], highest;
    size_t count = workload_slots(p->workload, p->batch, slots);
    cask_column_info info;
    int result = cask_column_stat(&info, s->column);

    if (result == CASK_OK) {
        assert_int_equal(info.records, count);
        assert_int_equal(info.lowest_slot, slots[0]);
        result = cask_column_highest(&highest, s->column);
    }
    if (result == CASK_OK)
        assert_int_equal(highest, slots[count - 1]);
    return result;
}

static int count_report(const cask_report *report, void *payload)
{
    (void)report;
    ++*(size_t *)payload;
    return 0;
}

/* What could not be read is not damaged. */
static int verify(store *s, const plan *p)
{
    size_t reports = 0;
    int result = cask_column_verify(s->column, 1, count_report, &reports, NULL);

    (void)p;
    assert_int_equal(reports, 0);
    return result;
}

static int count_name(const char *name, void *payload)
{
    assert_string_equal(name, STORE_COLUMN);
    ++*(size_t *)payload;
    return 0;
}

static int list_columns(store *s, const plan *p)
{
    size_t names = 0;
    int result = cask_archive_columns(s->archive, count_name, &names);

    (void)p;
    assert_true(result != CASK_OK || names == 1);
    return result;
}

/* ---- After ------------------------------------------------------------------------------------------------------ */

static void look_at_batch(const operation *self, void *entered, int result)
{
    const plan *p = self->plan;
    const workload_batch *b = &p->workload->batches[p->batch];
    uint64_t slots[WORKLOAD_SLOTS_MAX];
    size_t count = workload_slots(p->workload, result == CASK_OK ? p->batch + 1 : p->batch, slots);
    store *s = entered;
    cask_batch *batch;

    store_expect_values(s, slots, count);
    if (result == CASK_OK)
        return;
    for (size_t i = 0; i < b->count; i++)
        store_expect_absent(s, b->slots[i]);
    assert_code(cask_batch_begin(&batch, s->column), CASK_E_POISONED);
    assert_code(cask_column_put(s->column, 1 << 20, "x", 1), CASK_E_POISONED);
}

/* What is there stays, whatever came of it. */
static void look_at_all(const operation *self, void *entered, int result)
{
    const plan *p = self->plan;
    uint64_t slots[WORKLOAD_SLOTS_MAX];
    size_t count = workload_slots(p->workload, p->batch, slots);
    store *s = entered;

    if (s->column != NULL)
        store_expect_values(s, slots, count);
    assert_true(s->column != NULL || result != CASK_OK);
}

static void look_at_identity(const operation *self, void *entered, int result)
{
    const store *s = entered;
    const char *text;
    size_t size;

    (void)self;
    assert_code(cask_archive_identity(&text, &size, s->archive), result == CASK_OK ? CASK_OK : CASK_E_NOTFOUND);
}

/* Each record is there or, if it was to be pruned, is: all of them, if it is done. */
static void expect_pruned(store *s, const plan *p, bool done)
{
    uint8_t value[VALUE_SIZE_MAX];
    uint64_t slots[WORKLOAD_SLOTS_MAX];
    size_t count = workload_slots(p->workload, p->batch, slots), size;

    for (size_t i = 0; i < count; i++) {
        bool in_range = slots[i] >= PRUNED_FIRST && slots[i] <= PRUNED_LAST;
        int result = cask_column_get(s->column, slots[i], value, sizeof(value), &size);
        if (in_range && (done || result != CASK_OK)) {
            assert_code(result, CASK_E_PRUNED);
        } else {
            assert_ok(result);
            check_value(slots[i], value, size);
        }
    }
}

static void look_at_pruned(const operation *self, void *entered, int result)
{
    expect_pruned(entered, self->plan, result == CASK_OK);
}

static bool ends_with(const char *text, const char *suffix)
{
    size_t size = strlen(text), suffix_size = strlen(suffix);

    return size >= suffix_size && strcmp(text + size - suffix_size, suffix) == 0;
}

/* A failure of the last step leaves it open whether the batch is committed. */
static bool may_be_committed(const char *failed_path)
{
    return ends_with(failed_path, "column.conf") || ends_with(failed_path, STORE_COLUMN);
}

static void settle_between(const operation *self, memory_disk *disk, size_t least, size_t most, bool create)
{
    const plan *p = self->plan;
    store s = closed_store(p, memory_disk_vfs(disk)), lost = s;

    lost.disk = memory_disk_after_crash(disk, LOSS_UNSYNCED, 0);
    lost.vfs = memory_disk_vfs(lost.disk);
    workload_expect_healed(&lost, p->workload, least, most, create);
    store_dispose(&lost);
    s.disk = disk;
    workload_expect_healed(&s, p->workload, least, most, create);
}

static void settle_batch(const operation *self, memory_disk *disk, bool done, const char *failed_path)
{
    const plan *p = self->plan;
    bool kept = done || (!p->workload->batches[p->batch].abort && may_be_committed(failed_path));

    settle_between(self, disk, done ? p->batch + 1 : p->batch, kept ? p->batch + 1 : p->batch, false);
}

static void settle_all(const operation *self, memory_disk *disk, bool done, const char *failed_path)
{
    const plan *p = self->plan;

    (void)done, (void)failed_path;
    settle_between(self, disk, p->batch, p->batch, false);
}

static void settle_creation(const operation *self, memory_disk *disk, bool done, const char *failed_path)
{
    (void)failed_path;
    settle_between(self, disk, 0, 0, !done);
}

static void settle_crash(const operation *self, memory_disk *disk, bool done, const char *failed_path)
{
    const plan *p = self->plan;

    (void)done, (void)failed_path;
    settle_between(self, disk, p->batch, p->batch + 1, false);
}

static void settle_pruned(const operation *self, memory_disk *disk, bool done, const char *failed_path)
{
    memory_disk *disks[] = { memory_disk_after_crash(disk, LOSS_UNSYNCED, 0), disk };

    (void)failed_path;
    for (size_t i = 0; i < COUNT_OF(disks); i++) {
        store s = closed_store(self->plan, memory_disk_vfs(disks[i]));
        store_open_existing(&s, false);
        expect_pruned(&s, self->plan, done);
        assert_int_equal(store_verify(&s, false), 0);
        assert_ok(prune(&s, self->plan));
        expect_pruned(&s, self->plan, true);
        store_close(&s);
    }
    memory_disk_free(disks[0]);
}

/* What was not made again is then, and nothing is lost. */
static void settle_rebuilt(const operation *self, memory_disk *disk, bool done, const char *failed_path)
{
    const plan *p = self->plan;
    memory_disk *disks[] = { memory_disk_after_crash(disk, LOSS_UNSYNCED, 0), disk };
    uint64_t slots[WORKLOAD_SLOTS_MAX];
    size_t count = workload_slots(p->workload, p->batch, slots);

    (void)done, (void)failed_path;
    for (size_t i = 0; i < COUNT_OF(disks); i++) {
        store s = closed_store(p, memory_disk_vfs(disks[i]));
        cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;

        options.vfs = s.vfs;
        assert_ok(cask_archive_open(&s.archive, s.path, &options));
        assert_ok(rebuild(&s, p));
        store_close(&s);
        store_open_existing(&s, false);
        store_expect(&s, slots, count);
        store_close(&s);
    }
    memory_disk_free(disks[0]);
}

static void expect_identity(const plan *p, memory_disk *disk, bool done)
{
    cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;
    cask_archive *archive;
    const char *text;
    size_t size;
    int result;

    (void)p;
    options.vfs = memory_disk_vfs(disk);
    assert_ok(cask_archive_open(&archive, "/archive", &options));
    result = cask_archive_identity(&text, &size, archive);
    if (done || result != CASK_E_NOTFOUND) {
        assert_ok(result);
        assert_int_equal(size, strlen(identity));
        assert_memory_equal(text, identity, size);
    }
    assert_ok(cask_archive_set_identity(archive, identity, strlen(identity)));
    cask_archive_close(archive);
}

static void settle_identity(const operation *self, memory_disk *disk, bool done, const char *failed_path)
{
    memory_disk *lost = memory_disk_after_crash(disk, LOSS_UNSYNCED, 0);

    expect_identity(self->plan, lost, done);
    memory_disk_free(lost);
    expect_identity(self->plan, disk, done);
    settle_all(self, disk, done, failed_path);
}

/* ---- The list --------------------------------------------------------------------------------------------------- */

static const workload_batch some[] = { { SLOTS(3, 999, 8191, 8192, 3 * 8192), false },
                                       { SLOTS(3 * 8192 + 1, 3 * 8192 + 7), false },
                                       { SLOTS(5), false },
                                       { SLOTS(6, 8193), false } };
static const workload some_v2 = { "some", 2, some, 2, 0, false };
static const workload some_v3 = { "some", 3, some, 3, 0, false };
static const workload some_v4 = { "some", 4, some, COUNT_OF(some), 0, false };

static const workload_batch one[] = { { SLOTS(3), false }, { SLOTS(4), false } };
static const workload single_v3 = { "one", 3, one, COUNT_OF(one), 0, false };
static const workload single_v4 = { "one", 4, one, COUNT_OF(one), 0, false };

#define KIND(before, open, seen, after)                                                                                \
    {                                                                                                                  \
        .prepare = before, .enter = open, .act = act, .look = seen, .leave = leave, .settle = after                    \
    }
static const operation of_batch = KIND(prepare_batches, enter_batch, look_at_batch, settle_batch);
static const operation of_creation = KIND(prepare_nothing, enter_closed, NULL, settle_creation);
static const operation of_crash = KIND(prepare_crash, enter_closed, NULL, settle_crash);
static const operation of_crashed_archive = KIND(prepare_crash, enter_archive, NULL, settle_crash);
static const operation of_closed = KIND(prepare_all, enter_closed, NULL, settle_all);
static const operation of_open = KIND(prepare_all, enter_open, look_at_all, settle_all);
static const operation of_pruning = KIND(prepare_all, enter_open, look_at_pruned, settle_pruned);
static const operation of_damaged = KIND(prepare_damaged, enter_archive, NULL, settle_rebuilt);
static const operation of_archive = KIND(prepare_all, enter_archive, look_at_identity, settle_identity);

typedef struct list {
    operation *operations;
    size_t count;
} list;

static void add(list *l, const operation *kind, bool reads, plan p)
{
    static plan plans[OPERATIONS_MAX];
    operation *op = &l->operations[l->count];

    assert(l->count < OPERATIONS_MAX);
    plans[l->count] = p;
    *op = *kind;
    op->plan = &plans[l->count++];
    op->reads = reads;
    snprintf(op->name, sizeof(op->name), "%s %s v%u %zu codec=%u%s", p.name, p.workload->name,
             (unsigned)p.workload->version, p.batch, p.codec, p.read_only ? " read-only" : "");
}

static void add_batches(list *l)
{
    for (size_t i = 0; i < workload_count; i++) {
        const workload *w = &workloads[i];
        for (size_t batch = w->prepared; batch < w->batch_count; batch++)
            add(l, &of_batch, false, (plan){ "batch", w, batch, CASK_CODEC_NONE, false, NULL });
        if (w->from_nothing)
            add(l, &of_creation, false, (plan){ "create", w, 0, CASK_CODEC_NONE, false, create });
    }
    add(l, &of_batch, false, (plan){ "batch", &some_v4, 1, CASK_CODEC_SNAPPY, false, NULL });
    add(l, &of_batch, false, (plan){ "batch", &some_v4, 2, CASK_CODEC_ZSTD, false, NULL });
}

/* Of a column, or an archive, that is there. */
static void add_changes(list *l)
{
    static const workload *const versions[] = { &some_v2, &some_v3, &some_v4 };

    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        const workload *w = versions[i];
        add(l, &of_closed, false, (plan){ "open", w, 2, CASK_CODEC_NONE, false, open_again });
        add(l, &of_closed, false, (plan){ "open", w, 2, CASK_CODEC_NONE, true, open_again });
        add(l, &of_archive, false, (plan){ "identity", w, 1, CASK_CODEC_NONE, false, set_identity });
        add(l, &of_crash, false, (plan){ "heal", w, 1, CASK_CODEC_NONE, false, open_again });
        add(l, &of_crashed_archive, false, (plan){ "heal-call", w, 1, CASK_CODEC_NONE, false, heal });
        add(l, &of_crashed_archive, true, (plan){ "heal-call", w, 1, CASK_CODEC_NONE, true, heal });
    }
    add(l, &of_crash, false, (plan){ "heal", &some_v3, 2, CASK_CODEC_NONE, false, open_again });
    add(l, &of_crash, false, (plan){ "heal", &some_v4, 3, CASK_CODEC_NONE, false, open_again });
    add(l, &of_closed, false, (plan){ "allow-backfill", &some_v2, 2, CASK_CODEC_NONE, false, open_for_backfill });
    add(l, &of_batch, false, (plan){ "put", &single_v3, 1, CASK_CODEC_NONE, false, put_one });
    add(l, &of_batch, false, (plan){ "put", &single_v4, 1, CASK_CODEC_SNAPPY, false, put_one });
    for (uint8_t codec = CASK_CODEC_NONE; codec <= CASK_CODEC_ZSTD; codec++) {
        add(l, &of_open, false, (plan){ "put-again", &some_v4, 2, codec, false, put_again });
        add(l, &of_open, false, (plan){ "put-stored", &some_v4, 1, codec, false, put_stored });
        add(l, &of_pruning, false, (plan){ "prune", &some_v4, 4, codec, false, prune });
        add(l, &of_open, false, (plan){ "compact", &some_v4, 4, codec, false, compact });
    }
    add(l, &of_open, false, (plan){ "put-again", &some_v3, 2, CASK_CODEC_SNAPPY, false, put_again });
    add(l, &of_open, false, (plan){ "upgrade", &some_v2, 2, CASK_CODEC_NONE, false, upgrade });
    add(l, &of_open, false, (plan){ "upgrade", &some_v3, 2, CASK_CODEC_SNAPPY, false, upgrade });
    add(l, &of_open, false, (plan){ "downgrade", &some_v4, 2, CASK_CODEC_NONE, false, upgrade });
    add(l, &of_damaged, false, (plan){ "rebuild", &some_v3, 2, CASK_CODEC_NONE, false, rebuild });
    add(l, &of_damaged, false, (plan){ "rebuild", &some_v4, 4, CASK_CODEC_NONE, false, rebuild });
    add(l, &of_damaged, false, (plan){ "rebuild", &some_v4, 4, CASK_CODEC_ZSTD, false, rebuild });
}

static void add_reads(list *l)
{
    static const plan reads[] = { { "get", NULL, 0, 0, false, read_slots },
                                  { "iterate-up", NULL, 0, 0, false, iterate_up },
                                  { "iterate-down", NULL, 0, 0, false, iterate_down },
                                  { "stat", NULL, 0, 0, false, statistics },
                                  { "verify", NULL, 0, 0, false, verify },
                                  { "columns", NULL, 0, 0, false, list_columns } };
    static const plan columns[] = {
        { NULL, &some_v2, 2, CASK_CODEC_NONE, true, NULL },    { NULL, &some_v3, 2, CASK_CODEC_SNAPPY, true, NULL },
        { NULL, &some_v3, 2, CASK_CODEC_NONE, false, NULL },   { NULL, &some_v4, 4, CASK_CODEC_NONE, true, NULL },
        { NULL, &some_v4, 4, CASK_CODEC_SNAPPY, false, NULL }, { NULL, &some_v4, 4, CASK_CODEC_ZSTD, true, NULL },
    };

    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        for (size_t j = 0; j < COUNT_OF(reads); j++) {
            plan p = columns[i];
            p.name = reads[j].name;
            p.run = reads[j].run;
            add(l, &of_open, true, p);
        }
    }
}

size_t list_operations(operation operations[OPERATIONS_MAX])
{
    list l = { operations, 0 };

    add_batches(&l);
    add_changes(&l);
    add_reads(&l);
    return l.count;
}
