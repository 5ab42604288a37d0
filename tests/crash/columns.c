#include "columns.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "data_file.h"
#include "slotcask/archive.h"

#define COLUMN "blocks"
#define FOLDER "/archive/" COLUMN
#define IDENTITY "whose history this is"
#define FILE_SLOTS ((uint64_t)CASK_SLOTS_PER_FILE)

enum { VALUE_MAX = 70000, SLOTS_MAX = 64 };

/* ---- What is to be there ---------------------------------------------------------------------------------------- */

/* Most are small; one in ten spans four sectors; one in a hundred is not held back in memory. */
static size_t value_of(uint64_t slot, uint8_t value[VALUE_MAX])
{
    size_t size = slot % 100 == 99 ? VALUE_MAX : slot % 10 == 7 ? 1700 : 20 + (size_t)(slot % 90);
    uint64_t mixed = slot + 1;

    for (size_t i = 0; i < size; i++) {
        mixed = mixed * 6364136223846793005u + 1442695040888963407u;
        value[i] = (uint8_t)(mixed >> 56);
    }
    return size;
}

/* The outcome of some stages. */
typedef struct expected {
    bool created;
    bool identity;
    bool backfill;
    size_t count;
    uint64_t slots[SLOTS_MAX]; /* ascending */
    size_t pruned_count;
    uint64_t pruned[SLOTS_MAX];
    uint64_t highest; /* that there ever was */
} expected;

static void add_slot(expected *x, uint64_t slot)
{
    size_t at = x->count++;

    for (; at > 0 && x->slots[at - 1] > slot; at--)
        x->slots[at] = x->slots[at - 1];
    x->slots[at] = slot;
    if (slot > x->highest)
        x->highest = slot;
}

/* Take the slots of a range out of a list, and hand each to `taken`, if there is one. */
static size_t take_slots(uint64_t *slots, size_t count, const column_step *range, uint64_t *taken, size_t *taken_count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        if (slots[i] < range->slots[0] || slots[i] > range->slots[range->count - 1])
            slots[kept++] = slots[i];
        else if (taken != NULL)
            taken[(*taken_count)++] = slots[i];
    }
    return kept;
}

static expected expected_after(const scenario *self, size_t stages)
{
    const column_plan *plan = self->plan;
    expected x = { .backfill = plan->backfill };

    for (size_t i = 0; i < stages; i++) {
        const column_step *step = &plan->steps[i];

        x.created |= step->kind == COLUMN_CREATE;
        x.identity |= step->kind == COLUMN_IDENTITY;
        x.backfill |= step->kind == COLUMN_BACKFILL;
        for (size_t j = 0; j < step->count && step->kind == COLUMN_PUT; j++)
            add_slot(&x, step->slots[j]);
        if (step->kind == COLUMN_PRUNE)
            x.count = take_slots(x.slots, x.count, step, x.pruned, &x.pruned_count);
        if (step->kind == COLUMN_FORGET)
            x.pruned_count = take_slots(x.pruned, x.pruned_count, step, NULL, NULL);
        if (step->kind == COLUMN_DAMAGE)
            x.count = take_slots(x.slots, x.count, step, NULL, NULL);
    }
    return x;
}

static uint64_t mark_of(uint64_t records, uint64_t pruned, bool identity, bool backfill)
{
    return (records * SLOTS_MAX + pruned) * 4 + identity * 2u + backfill;
}

/* A folder without a column and one with an empty column are the same once it is opened. */
uint64_t columns_mark(const scenario *self, size_t stages)
{
    expected x = expected_after(self, stages);

    return mark_of(x.count, x.pruned_count, x.identity, x.backfill);
}

/* ---- Damage, and rebuilding ------------------------------------------------------------------------------------- */

static int lose_tables(const cask_vfs *vfs, const column_step *step)
{
    int code = CASK_OK;

    for (size_t i = 0; i < step->count && code == CASK_OK; i++)
        code = cask_unlink(vfs, cask_table_path(FOLDER, step->slots[i]).text);
    return code == CASK_OK ? cask_sync_folder(vfs, FOLDER) : code;
}

static int lose_list(const cask_vfs *vfs)
{
    int code = cask_unlink(vfs, FOLDER "/pruned");

    return code == CASK_OK ? cask_sync_folder(vfs, FOLDER) : code;
}

static int find_record(uint64_t *offset_out, const cask_vfs *vfs, uint64_t slot)
{
    cask_path path = cask_table_path(FOLDER, slot / FILE_SLOTS);
    cask_handle handle = CASK_HANDLE_INIT;
    uint8_t bytes[8] = { 0 };
    int code = cask_handle_open(&handle, vfs, path.text, CASK_OPEN_READ);

    if (code == CASK_OK)
        code = cask_read_exact(&handle, path.text, bytes, sizeof(bytes), slot % FILE_SLOTS * 8);
    cask_handle_close(&handle);
    *offset_out = cask_load64(bytes);
    return code;
}

static int damage_record(const cask_vfs *vfs, uint64_t slot)
{
    cask_path path = cask_data_path(FOLDER, slot / FILE_SLOTS);
    cask_handle handle = CASK_HANDLE_INIT;
    uint8_t value[VALUE_MAX], flipped;
    uint64_t offset;
    int code = find_record(&offset, vfs, slot);

    value_of(slot, value);
    flipped = value[0] ^ 0x10;
    if (code == CASK_OK)
        code = cask_handle_open(&handle, vfs, path.text, CASK_OPEN_WRITE);
    if (code == CASK_OK)
        code = cask_write_all(&handle, path.text, &flipped, 1, offset + CASK_RECORD_HEADER_SIZE);
    if (code == CASK_OK)
        code = cask_sync(&handle, path.text);
    cask_handle_close(&handle);
    return code;
}

static bool is_rebuild(const column_step *step)
{
    return step->kind == COLUMN_LOSE || step->kind == COLUMN_LOSE_LIST || step->kind == COLUMN_DAMAGE;
}

/* The slot of a value, which is that of one slot alone. */
static int slot_of(uint64_t *slot_out, const void *value, size_t size, void *payload)
{
    static uint8_t known[VALUE_MAX];
    const scenario *self = payload;
    const column_plan *plan = self->plan;

    for (size_t i = 0; i < self->stages; i++) {
        for (size_t j = 0; j < plan->steps[i].count && plan->steps[i].kind == COLUMN_PUT; j++) {
            *slot_out = plan->steps[i].slots[j];
            if (value_of(*slot_out, known) == size && memcmp(value, known, size) == 0)
                return CASK_OK;
        }
    }
    return CASK_E_NOTFOUND;
}

static int rebuild(const scenario *self, const cask_vfs *vfs)
{
    cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;
    cask_archive *archive;
    cask_change change;
    int code;

    options.vfs = vfs;
    code = cask_archive_open(&archive, "/archive", &options);
    if (code < 0)
        return code;
    code = cask_column_rebuild(&change, archive, COLUMN, slot_of, (void *)(uintptr_t)self, NULL, NULL);
    cask_archive_close(archive);
    return code;
}

/* ---- Opening ---------------------------------------------------------------------------------------------------- */

typedef struct opened_column {
    cask_archive *archive;
    cask_column *column;
} opened_column;

static int open_column(opened_column *o, const cask_vfs *vfs, const column_plan *plan, bool create, bool backfill,
                       bool read_only)
{
    cask_archive_options archive = CASK_ARCHIVE_OPTIONS_INIT;
    cask_column_options column = CASK_COLUMN_OPTIONS_INIT;
    int code;

    archive.vfs = vfs;
    archive.create = create;
    archive.read_only = read_only;
    column.create = create;
    column.format_version = plan->version;
    column.codec = plan->codec;
    column.allow_backfill = backfill;
    column.cached_files = 4;
    o->column = NULL;
    code = cask_archive_open(&o->archive, "/archive", &archive);
    if (code < 0) {
        o->archive = NULL;
        return code;
    }
    code = cask_column_open(&o->column, o->archive, COLUMN, &column);
    if (code < 0) {
        cask_archive_close(o->archive);
        o->archive = NULL;
        o->column = NULL;
    }
    return code;
}

static void close_column(opened_column *o)
{
    cask_column_close(o->column);
    cask_archive_close(o->archive);
    o->column = NULL;
    o->archive = NULL;
}

/* Whether it may be damaged once so many stages are done: then rebuilding heals it, and opening does not. */
static bool may_be_damaged(const scenario *self, size_t stages)
{
    const column_plan *plan = self->plan;

    return stages < self->stages && is_rebuild(&plan->steps[stages]);
}

void *columns_open(const scenario *self, const cask_vfs *vfs, size_t stages)
{
    const column_plan *plan = self->plan;
    opened_column *o = malloc(sizeof(*o));
    int code = o == NULL ? CASK_E_NOMEM : may_be_damaged(self, stages) ? rebuild(self, vfs) : CASK_OK;

    if (code == CASK_OK)
        code = open_column(o, vfs, plan, stages == 0, stages == 0 && plan->backfill, false);
    if (code == CASK_OK)
        return o;
    free(o);
    crash_fail(code, "it does not open");
    return NULL;
}

void columns_close(void *opened)
{
    close_column(opened);
    free(opened);
}

/* ---- The run ---------------------------------------------------------------------------------------------------- */

/* The handle of the run, for columns_peek(). */
static opened_column running;

/* The calls of the run: those of the disk, but that a dead process does not clean up. */
static struct {
    cask_vfs vfs;
    const cask_vfs *disk;
    bool dead;
} living;

static int living_truncate(void *context, int file, uint64_t size)
{
    return living.dead ? -EIO : living.disk->truncate(context, file, size);
}

static int living_unlink(void *context, const char *path)
{
    return living.dead ? -EIO : living.disk->unlink(context, path);
}

static void live_on(const cask_vfs *disk)
{
    living.disk = disk;
    living.vfs = *disk;
    living.vfs.truncate = living_truncate;
    living.vfs.unlink = living_unlink;
}

static void die(void)
{
    living.dead = true;
    close_column(&running);
    living.dead = false;
}

static int put_all(cask_column *column, const column_step *step)
{
    uint8_t value[VALUE_MAX]; /* not static: the explorer comes in here again while this is on its way */
    cask_batch *batch;
    int code;

    if (step->count == 1 && step->kind == COLUMN_PUT)
        return cask_column_put(column, step->slots[0], value, value_of(step->slots[0], value));
    code = cask_batch_begin(&batch, column);
    if (code < 0)
        return code;
    for (size_t i = 0; i < step->count && code == CASK_OK; i++)
        code = cask_batch_put(batch, step->slots[i], value, value_of(step->slots[i], value));
    if (code == CASK_OK && step->kind == COLUMN_PUT)
        return cask_batch_commit(batch);
    if (step->kind == COLUMN_KILL)
        die();
    else
        cask_batch_abort(batch);
    return code;
}

static int change(cask_column *column, const column_step *step)
{
    cask_compact_options options = CASK_COMPACT_OPTIONS_INIT;
    cask_change done;

    if (step->kind == COLUMN_PRUNE)
        return cask_column_prune(&done, column, step->slots[0], step->slots[1]);
    if (step->kind == COLUMN_FORGET)
        return cask_column_forget_pruned(&done, column, step->slots[0], step->slots[1]);
    if (step->kind == COLUMN_UPGRADE)
        return cask_column_upgrade(column, (uint32_t)step->slots[0]);
    options.first_file = options.last_file = step->slots[0];
    options.codec = step->count > 1 ? CASK_CODEC_ZSTD : -1;
    return cask_column_compact(&done, column, &options);
}

static int damage(const column_step *step, const cask_vfs *vfs)
{
    if (step->kind == COLUMN_LOSE_LIST)
        return lose_list(vfs);
    return step->kind == COLUMN_LOSE ? lose_tables(vfs, step) : damage_record(vfs, step->slots[0]);
}

static int damage_and_rebuild(const scenario *self, const column_step *step, const cask_vfs *vfs)
{
    int code;

    close_column(&running);
    code = damage(step, vfs);
    if (code == CASK_OK)
        code = rebuild(self, vfs);
    return code == CASK_OK ? open_column(&running, vfs, self->plan, false, false, false) : code;
}

static int run_step(const scenario *self, const column_step *step, const cask_vfs *vfs)
{
    const column_plan *plan = self->plan;

    switch (step->kind) {
    case COLUMN_CREATE:
        return open_column(&running, vfs, plan, true, plan->backfill, false);
    case COLUMN_PUT:
    case COLUMN_KILL:
    case COLUMN_ABANDON:
        return put_all(running.column, step);
    case COLUMN_PRUNE:
    case COLUMN_FORGET:
    case COLUMN_COMPACT:
    case COLUMN_UPGRADE:
        return change(running.column, step);
    case COLUMN_LOSE:
    case COLUMN_LOSE_LIST:
    case COLUMN_DAMAGE:
        return damage_and_rebuild(self, step, vfs);
    case COLUMN_IDENTITY:
        return cask_archive_set_identity(running.archive, IDENTITY, strlen(IDENTITY));
    case COLUMN_REOPEN:
    case COLUMN_BACKFILL:
        close_column(&running);
        return open_column(&running, vfs, plan, false, step->kind == COLUMN_BACKFILL, false);
    }
    return CASK_E_INVALID;
}

bool columns_run(const scenario *self, const cask_vfs *vfs, void (*done)(void *payload), void *payload)
{
    const column_plan *plan = self->plan;
    int code = CASK_OK;

    live_on(vfs);
    for (size_t i = 0; i < self->stages && code == CASK_OK; i++) {
        code = run_step(self, &plan->steps[i], &living.vfs);
        if (code < 0)
            crash_fail(code, "step %zu", i);
        else
            done(payload);
    }
    close_column(&running);
    return code == CASK_OK;
}

/* ---- Checking --------------------------------------------------------------------------------------------------- */

static bool expect_value(cask_column *column, uint64_t slot)
{
    static uint8_t value[VALUE_MAX], got[VALUE_MAX];
    size_t size = value_of(slot, value), got_size;
    int code = cask_column_get(column, slot, got, sizeof(got), &got_size);

    if (code < 0)
        return crash_fail(code, "slot %" PRIu64, slot);
    if (got_size != size || memcmp(got, value, size) != 0)
        return crash_fail(0, "slot %" PRIu64 " has a wrong value", slot);
    return true;
}

static bool expect_absent(cask_column *column, uint64_t slot)
{
    bool present;
    int code = cask_column_contains(&present, column, slot);

    if (code < 0)
        return crash_fail(code, "slot %" PRIu64, slot);
    return !present || crash_fail(0, "slot %" PRIu64 " is there", slot);
}

static bool is_expected(const expected *x, uint64_t slot)
{
    for (size_t i = 0; i < x->count; i++)
        if (x->slots[i] == slot)
            return true;
    return false;
}

static bool is_pruned(const expected *x, uint64_t slot)
{
    for (size_t i = 0; i < x->pruned_count; i++)
        if (x->pruned[i] == slot)
            return true;
    return false;
}

static bool expect_pruned(cask_column *column, const expected *x)
{
    for (size_t i = 0; i < x->pruned_count; i++) {
        uint8_t byte;
        size_t size;
        int code = cask_column_get(column, x->pruned[i], &byte, 1, &size);

        if (code != CASK_E_PRUNED)
            return crash_fail(code, "slot %" PRIu64 " is not known to be pruned", x->pruned[i]);
    }
    return true;
}

/* All slots that any stage writes, but for those that are to be there. */
static bool expect_others_absent(const scenario *self, cask_column *column, const expected *x)
{
    const column_plan *plan = self->plan;

    for (size_t i = 0; i < self->stages; i++) {
        for (size_t j = 0; j < plan->steps[i].count; j++) {
            uint64_t slot = plan->steps[i].slots[j];
            if (!is_expected(x, slot) && !expect_absent(column, slot))
                return false;
            if (!is_expected(x, slot + 1) && !expect_absent(column, slot + 1))
                return false;
        }
    }
    return true;
}

static bool expect_iteration(cask_column *column, const expected *x)
{
    cask_iter *iter;
    uint64_t slot;
    bool right = true;
    int code = cask_iter_new(&iter, column, 0, CASK_UP);

    if (code < 0)
        return crash_fail(code, "iteration");
    for (size_t i = 0; i < x->count && right; i++) {
        code = cask_iter_next(iter, &slot);
        right = code < 0 ? crash_fail(code, "iteration ends before slot %" PRIu64, x->slots[i])
                         : slot == x->slots[i] ||
                               crash_fail(0, "iteration meets slot %" PRIu64 ", not %" PRIu64, slot, x->slots[i]);
    }
    if (right && cask_iter_next(iter, &slot) != CASK_E_NOTFOUND)
        right = crash_fail(0, "iteration goes on to slot %" PRIu64, slot);
    cask_iter_free(iter);
    return right;
}

static bool expect_slots(cask_column *column, const expected *x)
{
    for (size_t i = 0; i < x->count; i++)
        if (!expect_value(column, x->slots[i]))
            return false;
    return expect_pruned(column, x) && expect_iteration(column, x);
}

static int note_finding(const cask_report *report, void *payload)
{
    bool *found = payload;

    *found = true;
    crash_fail(0, "verify finds %s in %s: %s", report->what, report->file, report->message);
    return 0;
}

static bool expect_verified(cask_column *column)
{
    bool found = false;
    int code = cask_column_verify(column, 1, note_finding, &found, NULL);

    return code < 0 ? crash_fail(code, "verify") : !found;
}

bool columns_look(const scenario *self, void *opened, uint64_t *mark_out)
{
    const opened_column *o = opened;
    cask_column_info info;
    const char *text;
    size_t size;
    int identity, code = cask_column_stat(&info, o->column);

    (void)self;
    if (code < 0)
        return crash_fail(code, "statistics");
    identity = cask_archive_identity(&text, &size, o->archive);
    if (identity == CASK_OK && (size != strlen(IDENTITY) || memcmp(text, IDENTITY, size) != 0))
        return crash_fail(0, "the archive has another identity");
    *mark_out = mark_of(info.records, info.pruned, identity == CASK_OK, info.allow_backfill);
    return true;
}

bool columns_check(const scenario *self, void *opened, size_t stages)
{
    const opened_column *o = opened;
    expected x = expected_after(self, stages);

    return expect_slots(o->column, &x) && expect_others_absent(self, o->column, &x) && expect_verified(o->column);
}

/* Opened for writing it has these slots, and all is well. */
static bool expect_opened(const scenario *self, const cask_vfs *vfs, const expected *x, const char *when)
{
    opened_column o;
    bool right;
    int code = open_column(&o, vfs, self->plan, false, false, false);

    if (code < 0)
        return crash_fail(code, "it does not open %s", when);
    right = expect_slots(o.column, x) && expect_verified(o.column);
    close_column(&o);
    return right;
}

/* Had the power gone as soon as the batch was acknowledged. */
static bool expect_durable(const scenario *self, const memory_disk *disk, const expected *x)
{
    memory_disk *lost = memory_disk_after_crash(disk, LOSS_UNSYNCED, 0);
    bool right = expect_opened(self, memory_disk_vfs(lost), x, "when the power went after a further batch");

    memory_disk_free(lost);
    return right;
}

/* What was closed in order needs no healing. */
static bool expect_reopened(const scenario *self, memory_disk *disk, const expected *x)
{
    uint64_t hash = memory_disk_hash(disk);

    if (!expect_opened(self, memory_disk_vfs(disk), x, "after a further batch"))
        return false;
    return hash == memory_disk_hash(disk) || crash_fail(0, "opening after a further batch changes bytes");
}

/* A batch on the closed store. */
static bool write_more(const scenario *self, memory_disk *disk, expected *x, const uint64_t *slots, size_t count)
{
    column_step step = { COLUMN_PUT, slots, count };
    opened_column o;
    bool right;
    int code = open_column(&o, memory_disk_vfs(disk), self->plan, false, false, false);

    if (code < 0)
        return crash_fail(code, "it does not open to go on");
    code = put_all(o.column, &step);
    for (size_t i = 0; i < count; i++)
        add_slot(x, slots[i]);
    right = code < 0 ? crash_fail(code, "a further batch") : expect_slots(o.column, x) && expect_durable(self, disk, x);
    close_column(&o);
    return right && expect_reopened(self, disk, x);
}

/* A slot at or below one that is there, that nothing was put in; or one that takes nothing. */
static uint64_t skipped_slot(const expected *x, size_t below)
{
    uint64_t slot = x->slots[below];

    while (slot > 0 && (is_expected(x, slot) || is_pruned(x, slot)))
        slot--;
    return slot;
}

static bool fill_in(const scenario *self, memory_disk *disk, expected *x, size_t below)
{
    uint64_t slot = skipped_slot(x, below);

    return is_expected(x, slot) || is_pruned(x, slot) || write_more(self, disk, x, &slot, 1);
}

typedef enum direction { FORWARD, FORWARD_LEAVING, BACK } direction;

/* Forward over skipped slots, beginning in the current file or leaving it; and back into the first file and another. */
static bool go_on(const scenario *self, memory_disk *disk, size_t stages, direction first)
{
    expected x = expected_after(self, stages);
    uint64_t next = x.highest == 0 ? 5 : x.highest + 2;
    uint64_t forward[] = { next, (next / FILE_SLOTS + 2) * FILE_SLOTS + 1 };

    if (first == FORWARD && !write_more(self, disk, &x, forward, 2))
        return false;
    if (first == FORWARD_LEAVING && !write_more(self, disk, &x, forward + 1, 1))
        return false;
    return !x.backfill || x.count == 0 || (fill_in(self, disk, &x, 0) && fill_in(self, disk, &x, x.count - 1));
}

bool columns_go_on(const scenario *self, memory_disk *disk, size_t stages)
{
    bool right = true;

    for (direction first = FORWARD; first <= BACK && right; first++) {
        memory_disk *copy = memory_disk_after_crash(disk, LOSS_NOTHING, 0);
        right = go_on(self, copy, stages, first);
        memory_disk_free(copy);
    }
    return right;
}

static bool expect_some_stage(const scenario *self, opened_column *o, size_t least, size_t most, uint64_t mark)
{
    for (size_t i = least; i <= most; i++) {
        expected x = expected_after(self, i);
        if (columns_mark(self, i) == mark)
            return expect_slots(o->column, &x) && expect_others_absent(self, o->column, &x);
    }
    return crash_fail(0, "a reader sees none of the stages %zu to %zu", least, most);
}

bool columns_read(const scenario *self, const cask_vfs *vfs, size_t least, size_t most, uint64_t *mark_out)
{
    opened_column o;
    bool right;
    int code;

    if (may_be_damaged(self, least))
        return true;
    code = open_column(&o, vfs, self->plan, false, false, true);
    if (code < 0)
        return crash_fail(code, "it does not open read-only");
    right = columns_look(self, &o, mark_out) && expect_some_stage(self, &o, least, most, *mark_out);
    close_column(&o);
    return right;
}

/* What is pruned is so from the moment that it is decided, and freed after that. */
static bool is_decided(const scenario *self, size_t done)
{
    const column_plan *plan = self->plan;
    cask_column_info info;

    if (done >= self->stages ||
        (plan->steps[done].kind != COLUMN_PRUNE && plan->steps[done].kind != COLUMN_FORGET))
        return false;
    return cask_column_stat(&info, running.column) == CASK_OK &&
           info.pruned == expected_after(self, done + 1).pruned_count;
}

bool columns_peek(const scenario *self, size_t done)
{
    expected x;

    if (running.column == NULL)
        return true;
    x = expected_after(self, is_decided(self, done) ? done + 1 : done);
    return expect_slots(running.column, &x) && expect_others_absent(self, running.column, &x);
}
