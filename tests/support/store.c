#include "store.h"

#include <inttypes.h>
#include <stdio.h>

size_t value_of(uint64_t slot, uint8_t value[VALUE_SIZE_MAX])
{
    size_t size = slot % 1000 == 999 ? VALUE_SIZE_MAX : 1 + (size_t)(slot * 37 % 301);
    uint64_t mixed = slot ^ 0x9e3779b97f4a7c15u;

    for (size_t i = 0; i < size; i += sizeof(mixed)) {
        mixed = mixed * 6364136223846793005u + 1442695040888963407u;
        memcpy(value + i, &mixed, size - i < sizeof(mixed) ? size - i : sizeof(mixed));
    }
    return size;
}

store store_at(const cask_vfs *vfs, const char *path, uint32_t version, bool allow_backfill)
{
    store s = { .vfs = vfs, .path = path, .shape = CASK_COLUMN_OPTIONS_INIT };

    s.shape.format_version = version;
    s.shape.allow_backfill = allow_backfill;
    return s;
}

store store_in_memory(uint32_t version, bool allow_backfill)
{
    memory_disk *disk = memory_disk_new();
    store s = store_at(memory_disk_vfs(disk), "/archive", version, allow_backfill);

    s.disk = disk;
    store_open(&s);
    return s;
}

void store_dispose(store *s)
{
    store_close(s);
    memory_disk_free(s->disk);
    s->disk = NULL;
}

static int try_open(store *s, bool create, bool read_only)
{
    cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;
    int result;

    assert_null(s->archive);
    options.create = create;
    options.read_only = read_only;
    options.vfs = s->vfs;
    s->shape.create = create;
    result = cask_archive_open(&s->archive, s->path, &options);
    if (result < 0) {
        s->archive = NULL;
        return result;
    }
    result = cask_column_open(&s->column, s->archive, STORE_COLUMN, &s->shape);
    if (result < 0) {
        s->column = NULL;
        store_close(s);
    }
    return result;
}

int store_try_open(store *s)
{
    return try_open(s, true, false);
}

int store_try_open_existing(store *s, bool read_only)
{
    return try_open(s, false, read_only);
}

void store_open(store *s)
{
    assert_ok(store_try_open(s));
}

void store_open_existing(store *s, bool read_only)
{
    assert_ok(store_try_open_existing(s, read_only));
}

void store_close(store *s)
{
    cask_column_close(s->column);
    cask_archive_close(s->archive);
    s->column = NULL;
    s->archive = NULL;
}

void store_reopen(store *s)
{
    store_close(s);
    store_open_existing(s, false);
}

char *store_folder(const store *s)
{
    return path_join(s->path, STORE_COLUMN);
}

char *store_file(const store *s, const char *name)
{
    char *folder = store_folder(s);
    char *path = path_join(folder, name);

    free(folder);
    return path;
}

/* ---- Writing ---------------------------------------------------------------------------------------------------- */

int batch_put_value(cask_batch *batch, uint64_t slot)
{
    uint8_t value[VALUE_SIZE_MAX];
    size_t size = value_of(slot, value);

    return cask_batch_put(batch, slot, value, size);
}

int store_try_put(store *s, const uint64_t *slots, size_t count)
{
    cask_batch *batch;
    int result = cask_batch_begin(&batch, s->column);

    if (result < 0)
        return result;
    for (size_t i = 0; i < count && result == CASK_OK; i++)
        result = batch_put_value(batch, slots[i]);
    if (result == CASK_OK)
        return cask_batch_commit(batch);
    cask_batch_abort(batch);
    return result;
}

void store_put(store *s, const uint64_t *slots, size_t count)
{
    assert_ok(store_try_put(s, slots, count));
}

cask_batch *store_begin(store *s, const uint64_t *slots, size_t count)
{
    cask_batch *batch;

    assert_ok(cask_batch_begin(&batch, s->column));
    for (size_t i = 0; i < count; i++)
        assert_ok(batch_put_value(batch, slots[i]));
    return batch;
}

/* ---- Comparing -------------------------------------------------------------------------------------------------- */

static void expect_record(store *s, uint64_t slot)
{
    uint8_t value[VALUE_SIZE_MAX], got[VALUE_SIZE_MAX];
    size_t size = value_of(slot, value), got_size = 0;
    bool present = false;

    assert_ok(cask_column_contains(&present, s->column, slot));
    if (!present)
        fail_msg("slot %" PRIu64 " is not there", slot);
    assert_ok(cask_column_get(s->column, slot, got, sizeof(got), &got_size));
    assert_int_equal(got_size, size);
    assert_true(memcmp(got, value, size) == 0);
}

void store_expect_absent(store *s, uint64_t slot)
{
    uint8_t byte;
    size_t size;
    bool present = true;

    assert_ok(cask_column_contains(&present, s->column, slot));
    if (present)
        fail_msg("slot %" PRIu64 " is there", slot);
    assert_code(cask_column_get(s->column, slot, &byte, 1, &size), CASK_E_NOTFOUND);
}

static bool is_listed(const uint64_t *slots, size_t count, uint64_t slot)
{
    for (size_t i = 0; i < count; i++)
        if (slots[i] == slot)
            return true;
    return false;
}

static void expect_neighbours_absent(store *s, const uint64_t *slots, size_t count, uint64_t slot)
{
    if (slot > 0 && !is_listed(slots, count, slot - 1))
        store_expect_absent(s, slot - 1);
    if (slot + 1 != CASK_NO_SLOT && !is_listed(slots, count, slot + 1))
        store_expect_absent(s, slot + 1);
}

static void expect_step(cask_iter *iter, uint64_t slot)
{
    uint8_t value[VALUE_SIZE_MAX];
    size_t size = value_of(slot, value), got_size;
    const void *got;
    uint64_t got_slot;

    assert_ok(cask_iter_next(iter, &got_slot));
    assert_int_equal(got_slot, slot);
    assert_ok(cask_iter_value(iter, &got, &got_size));
    assert_int_equal(got_size, size);
    assert_true(memcmp(got, value, size) == 0);
}

static void expect_iteration(store *s, const uint64_t *slots, size_t count, cask_direction direction)
{
    cask_iter *iter;
    uint64_t slot;

    assert_ok(cask_iter_new(&iter, s->column, direction == CASK_UP ? 0 : CASK_NO_SLOT - 1, direction));
    for (size_t i = 0; i < count; i++)
        expect_step(iter, slots[direction == CASK_UP ? i : count - 1 - i]);
    assert_code(cask_iter_next(iter, &slot), CASK_E_NOTFOUND);
    cask_iter_free(iter);
}

static void expect_ends(store *s, const uint64_t *slots, size_t count)
{
    cask_column_info info;
    uint64_t highest = 0;

    assert_ok(cask_column_stat(&info, s->column));
    assert_int_equal(info.records, count);
    assert_int_equal(info.lowest_slot, count == 0 ? CASK_NO_SLOT : slots[0]);
    assert_int_equal(info.highest_slot, count == 0 ? CASK_NO_SLOT : slots[count - 1]);
    if (count == 0) {
        assert_code(cask_column_highest(&highest, s->column), CASK_E_NOTFOUND);
    } else {
        assert_ok(cask_column_highest(&highest, s->column));
        assert_int_equal(highest, slots[count - 1]);
    }
}

typedef struct findings {
    size_t count;
    bool quiet;
} findings;

static int count_finding(const cask_report *report, void *payload)
{
    findings *f = payload;

    f->count++;
    if (!f->quiet)
        print_error("found %s in %s, offset %" PRId64 ", slot %" PRId64 ": %s\n", report->what, report->file,
                    (int64_t)report->offset, (int64_t)report->slot, report->message);
    return 0;
}

size_t store_verify(store *s, bool quiet)
{
    findings f = { 0, quiet };

    assert_ok(cask_column_verify(s->column, 1, count_finding, &f, NULL));
    return f.count;
}

void store_expect_values(store *s, const uint64_t *slots, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        expect_record(s, slots[i]);
        expect_neighbours_absent(s, slots, count, slots[i]);
    }
    expect_iteration(s, slots, count, CASK_UP);
    expect_iteration(s, slots, count, CASK_DOWN);
}

void store_expect(store *s, const uint64_t *slots, size_t count)
{
    store_expect_values(s, slots, count);
    expect_ends(s, slots, count);
    assert_int_equal(store_verify(s, false), 0);
}

void store_expect_healed(store *s, const uint64_t *slots, size_t count)
{
    tree *healed;

    store_open_existing(s, false);
    store_expect(s, slots, count);
    store_close(s);
    healed = tree_read(s->vfs, s->path);
    store_open_existing(s, false);
    store_close(s);
    assert_tree_unchanged(healed, s->vfs, s->path);
    tree_free(healed);
}
