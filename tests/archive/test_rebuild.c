/* Rebuilding: what is lost is named, nothing else is lost, and nothing that was pruned comes back. */
#include "offset_table.h"
#include "raw.h"
#include "store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define FILE_SLOTS ((uint64_t)CASK_SLOTS_PER_FILE)
#define SECTOR 512

/* Two sealed files and the current one; 1 to 20 out of order. */
static const uint64_t all_slots[] = { 1,  5,  7, 20, 8000, FILE_SLOTS, FILE_SLOTS + 3, 2 * FILE_SLOTS + 1,
                                      2 * FILE_SLOTS + 2 };
enum { ALL = sizeof all_slots / sizeof all_slots[0] };

/* Two sealed files and the current one; some are of 90,000 bytes. */
static const uint64_t large_slots[] = { 5, 999, 1999, 2999, FILE_SLOTS + 807, FILE_SLOTS + 1807, 2 * FILE_SLOTS };
enum { LARGE = sizeof large_slots / sizeof large_slots[0], PAGE = 4096 };

static store filled(uint32_t version)
{
    store s = store_in_memory(version, true);

    store_put(&s, SLOTS(1, 7, 20, 8000, FILE_SLOTS, FILE_SLOTS + 3, 2 * FILE_SLOTS + 1, 2 * FILE_SLOTS + 2));
    store_put(&s, SLOTS(5));
    return s;
}

/* A copy on a disk of its own, closed. */
static store copy_of(const store *s, disk_loss loss, uint64_t seed)
{
    memory_disk *disk = memory_disk_after_crash(s->disk, loss, seed);
    store copy = *s;

    copy.disk = disk;
    copy.vfs = memory_disk_vfs(disk);
    copy.archive = NULL;
    copy.column = NULL;
    return copy;
}

/* ---- Rebuilding, and what it tells ---- */

typedef struct told {
    uint64_t lost[ALL];
    size_t lost_count, lost_without_slot, tombstones, unknown, rebuilt;
} told;

static int hear(const cask_report *report, void *payload)
{
    told *t = payload;

    if (strcmp(report->what, "lost-record") == 0 && report->slot != CASK_NO_SLOT) {
        assert_true(t->lost_count < ALL);
        t->lost[t->lost_count++] = report->slot;
    } else if (strcmp(report->what, "lost-record") == 0) {
        t->lost_without_slot++;
    } else if (strcmp(report->what, "lost-tombstone") == 0) {
        t->tombstones++;
    } else if (strcmp(report->what, "unknown-record") == 0) {
        t->unknown++;
    } else {
        assert_string_equal(report->what, "rebuilt");
        t->rebuilt++;
    }
    assert_int_equal(report->corrupt, strcmp(report->what, "rebuilt") != 0);
    return 0;
}

static bool find_value(uint64_t *slot_out, const uint64_t *slots, size_t count, const void *value, size_t size)
{
    uint8_t expected[VALUE_SIZE_MAX];

    for (size_t i = 0; i < count; i++) {
        *slot_out = slots[i];
        if (value_of(slots[i], expected) == size && memcmp(expected, value, size) == 0)
            return true;
    }
    return false;
}

/* Values say nothing of their slots, so they are looked up. */
static int slot_of_value(uint64_t *slot_out, const void *value, size_t size, void *payload)
{
    (void)payload;
    if (find_value(slot_out, all_slots, ALL, value, size) || find_value(slot_out, large_slots, LARGE, value, size))
        return CASK_OK;
    return CASK_E_NOTFOUND;
}

static int try_rebuild(store *s, cask_slot_of_fn slot_of, told *t, cask_change *change)
{
    cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;
    cask_archive *archive;
    int code;

    *t = (told){ .lost_count = 0 };
    options.vfs = s->vfs;
    assert_ok(cask_archive_open(&archive, s->path, &options));
    code = cask_column_rebuild(change, archive, STORE_COLUMN, slot_of, NULL, hear, t);
    cask_archive_close(archive);
    return code;
}

/* The store is closed before and open after; a second time there is nothing to do. */
static told rebuild(store *s, cask_slot_of_fn slot_of)
{
    cask_change change;
    told t, again;

    store_close(s);
    assert_ok(try_rebuild(s, slot_of, &t, &change));
    assert_int_equal(change.files, t.rebuilt);
    assert_ok(try_rebuild(s, slot_of, &again, &change));
    assert_int_equal(again.rebuilt + again.lost_count + again.unknown, 0);
    store_open_existing(s, false);
    return t;
}

static bool is_in(const uint64_t *slots, size_t count, uint64_t slot)
{
    for (size_t i = 0; i < count; i++) {
        if (slots[i] == slot)
            return true;
    }
    return false;
}

/* All but the slots lost are there; and those can be put again. */
static void expect_all_but(store *s, const uint64_t *lost, size_t lost_count)
{
    uint64_t rest[ALL];
    size_t count = 0;

    for (size_t i = 0; i < ALL; i++) {
        if (!is_in(lost, lost_count, all_slots[i]))
            rest[count++] = all_slots[i];
    }
    store_expect_values(s, rest, count);
    assert_int_equal(store_verify(s, false), 0);
    if (lost_count == 0)
        return;
    store_put(s, lost, lost_count);
    store_reopen(s);
    store_expect(s, all_slots, ALL);
}

static void expect_told(const told *t, const uint64_t *lost, size_t count)
{
    assert_int_equal(t->lost_count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(t->lost[i], lost[i]);
    assert_int_equal(t->tombstones, 0);
}

static void expect_pruned(store *s, uint64_t slot)
{
    uint8_t value[VALUE_SIZE_MAX];
    size_t size;

    assert_code(cask_column_get(s->column, slot, value, sizeof value, &size), CASK_E_PRUNED);
}

static void prune(store *s, uint64_t first, uint64_t last)
{
    cask_change change;

    assert_ok(cask_column_prune(&change, s->column, first, last));
}

static void forget(store *s, uint64_t slot)
{
    cask_change change;

    assert_ok(cask_column_forget_pruned(&change, s->column, slot, slot));
}

static char *data_path(const store *s, uint64_t id)
{
    char *folder = store_folder(s), *path = raw_data_path(folder, id);

    free(folder);
    return path;
}

static char *table_path(const store *s, uint64_t id)
{
    char *folder = store_folder(s), *path = raw_table_path(folder, id);

    free(folder);
    return path;
}

static void lose_table(store *s, uint64_t id)
{
    char *path = table_path(s, id);

    store_close(s);
    file_remove(s->vfs, path);
    free(path);
}

/* ---- Tables ---- */

static void rebuild__of_what_is_whole_changes_nothing(void **state)
{
    (void)state;
    for (uint32_t version = 3; version <= 4; version++) {
        store s = filled(version);
        told t = rebuild(&s, slot_of_value);

        assert_int_equal(t.rebuilt, 0);
        store_expect(&s, all_slots, ALL);
        store_dispose(&s);
    }
}

static void rebuild__a_lost_table(void **state)
{
    (void)state;
    for (uint32_t version = 3; version <= 4; version++) {
        for (unsigned files = 1; files < 8; files++) {
            if (!case_begin("version=%u files=%u", version, files))
                continue;
            store s = filled(version);
            told t;

            for (uint64_t id = 0; id < 3; id++) {
                if ((files >> id & 1) != 0)
                    lose_table(&s, id);
            }
            t = rebuild(&s, slot_of_value);
            expect_told(&t, NO_SLOTS);
            assert_int_equal(t.rebuilt, (files & 1) + (files >> 1 & 1) + (files >> 2));
            store_expect(&s, all_slots, ALL);
            store_dispose(&s);
            case_end();
        }
    }
}

/* Records that do not say their slots are placed by their checksums; if these are gone they are of no slot. */
static void expect_sector_mended(store *s, const told *t, uint64_t id, uint64_t at, bool says)
{
    const uint64_t marks = CASK_OFFSETS_SIZE;

    expect_told(t, NO_SLOTS);
    assert_int_equal(t->lost_without_slot, 0);
    if (!says && id == 0 && at == marks) {
        assert_int_equal(t->unknown, 4);
        expect_all_but(s, SLOTS(1, 5, 7, 20));
    } else if (!says && id == 0 && at == marks + UINT64_C(8000) / 64 * SECTOR) {
        assert_int_equal(t->unknown, 1);
        expect_all_but(s, SLOTS(8000));
    } else if (!says && id == 1 && at == marks) {
        assert_int_equal(t->unknown, 2);
        expect_all_but(s, SLOTS(FILE_SLOTS, FILE_SLOTS + 3));
    } else {
        assert_int_equal(t->unknown, 0);
        expect_all_but(s, NO_SLOTS);
    }
}

/* Of file 0, which is listed, and file 1, which is sealed. */
static void rebuild__each_sector_of_a_table(void **state)
{
    store original = filled(4);
    const uint8_t zeros[SECTOR] = { 0 };

    (void)state;
    store_close(&original);
    for (uint64_t at = 0; at < CASK_TABLES_SIZE + CASK_TRAILER_SIZE; at += SECTOR * (CASE_STRIDE > 1 ? 32 : 1)) {
        for (unsigned i = 0; i < 4; i++) {
            uint64_t id = i / 2;
            bool says = i % 2 != 0;

            if (!case_begin("at=%" PRIu64 " file=%" PRIu64 " says=%d", at, id, says))
                continue;
            store s = copy_of(&original, LOSS_NOTHING, 0);
            char *path = table_path(&s, id);
            told t;

            file_patch(s.vfs, path, at, zeros, at < CASK_TABLES_SIZE ? SECTOR : CASK_TRAILER_SIZE);
            t = rebuild(&s, says ? slot_of_value : NULL);
            expect_sector_mended(&s, &t, id, at, says);
            free(path);
            store_dispose(&s);
            case_end();
        }
    }
    store_dispose(&original);
}

static void rebuild__a_table_of_records_that_say_nothing(void **state)
{
    store s = filled(4);
    told t;

    (void)state;
    lose_table(&s, 1);
    t = rebuild(&s, NULL);
    assert_int_equal(t.unknown, 2);
    expect_all_but(&s, SLOTS(FILE_SLOTS, FILE_SLOTS + 3));
    store_dispose(&s);
}

static void rebuild__a_table_without_records(void **state)
{
    store s = store_in_memory(4, true);
    told t;

    (void)state;
    store_put(&s, SLOTS(1, 3 * FILE_SLOTS));
    lose_table(&s, 1);
    t = rebuild(&s, slot_of_value);
    assert_int_equal(t.rebuilt, 1);
    assert_int_equal(t.lost_without_slot, 1);
    store_expect(&s, SLOTS(1, 3 * FILE_SLOTS));
    store_dispose(&s);
}

/* The seal that went said which codec. */
static void rebuild__a_table_of_another_codec(void **state)
{
    (void)state;
    for (int codec = CASK_CODEC_NONE; codec <= CASK_CODEC_ZSTD; codec++) {
        store s = filled(4);
        cask_compact_options options = CASK_COMPACT_OPTIONS_INIT;
        cask_change change;
        told t;

        options.codec = codec;
        assert_ok(cask_column_compact(&change, s.column, &options));
        lose_table(&s, 0);
        t = rebuild(&s, slot_of_value);
        expect_told(&t, NO_SLOTS);
        store_expect(&s, all_slots, ALL);
        store_dispose(&s);
    }
}

/* ---- Data ---- */

/* Of each record a byte, with the table and without. */
static void rebuild__a_flipped_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALL; i++) {
        for (uint64_t byte = 0; byte < RAW_HEADER_SIZE + 20; byte += 3) {
            if (!case_begin("slot=%" PRIu64 " byte=%" PRIu64, all_slots[i], byte))
                continue;
            store s = filled(4);
            char *folder = store_folder(&s), *path = data_path(&s, all_slots[i] / FILE_SLOTS);
            uint64_t at = raw_offset_get(s.vfs, folder, all_slots[i]) + byte;
            uint8_t *bytes, flipped;
            size_t size;
            told t;

            store_close(&s);
            bytes = file_read(s.vfs, path, &size);
            flipped = bytes[at] ^ 0x10;
            file_patch(s.vfs, path, at, &flipped, 1);
            t = rebuild(&s, slot_of_value);
            expect_told(&t, &all_slots[i], 1);
            assert_int_equal(t.unknown, 0);
            assert_int_equal(t.rebuilt, 1);
            expect_all_but(&s, &all_slots[i], 1);
            free(bytes);
            free(path);
            free(folder);
            store_dispose(&s);
            case_end();
        }
    }
}

/* File 0 has 1, 7, 20, 8000, 5 in this order. */
static void rebuild__truncated_data(void **state)
{
    static const uint64_t order[] = { 1, 7, 20, 8000, 5 };
    store original = filled(4);
    char *path = data_path(&original, 0), *folder = store_folder(&original);
    uint64_t size = file_size(original.vfs, path);

    (void)state;
    store_close(&original);
    for (uint64_t length = 0; length < size; length += 13) {
        if (!case_begin("length=%" PRIu64, length))
            continue;
        store s = copy_of(&original, LOSS_NOTHING, 0);
        uint64_t lost[5];
        size_t count = 0;
        told t;

        for (size_t i = 0; i < ALL && all_slots[i] < FILE_SLOTS; i++) {
            size_t place = 0;
            uint64_t end;

            while (order[place] != all_slots[i])
                place++;
            end = place == 4 ? size : raw_offset_get(s.vfs, folder, order[place + 1]);
            if (end > length)
                lost[count++] = all_slots[i];
        }
        file_truncate(s.vfs, path, length);
        t = rebuild(&s, slot_of_value);
        expect_told(&t, lost, count);
        expect_all_but(&s, lost, count);
        store_dispose(&s);
        case_end();
    }
    free(path);
    free(folder);
    store_dispose(&original);
}

static void rebuild__data_that_is_gone(void **state)
{
    store s = filled(4);
    char *path = data_path(&s, 1);
    told t;

    (void)state;
    store_close(&s);
    file_remove(s.vfs, path);
    t = rebuild(&s, slot_of_value);
    expect_told(&t, SLOTS(FILE_SLOTS, FILE_SLOTS + 3));
    expect_all_but(&s, SLOTS(FILE_SLOTS, FILE_SLOTS + 3));
    free(path);
    store_dispose(&s);
}

/* ---- What cannot be read ---- */

/* A disk of which a part of a file cannot be read. */
static struct {
    cask_vfs vfs;
    const cask_vfs *disk;
    const char *path;
    uint64_t from, to;
    bool is_of_path[64]; /* by file handle */
} bad;

static int open_bad(void *context, const char *path, cask_open_mode mode)
{
    int file = bad.disk->open(context, path, mode);

    assert_true(file < (int)COUNT_OF(bad.is_of_path));
    if (file >= 0)
        bad.is_of_path[file] = bad.path != NULL && strcmp(path, bad.path) == 0;
    return file;
}

static int64_t read_bad(void *context, int file, void *buffer, size_t size, uint64_t offset)
{
    if (bad.is_of_path[file] && offset < bad.to && offset + size > bad.from)
        return -EIO;
    return bad.disk->read_at(context, file, buffer, size, offset);
}

static int rename_bad(void *context, const char *from, const char *to)
{
    if (bad.path != NULL && strcmp(to, bad.path) == 0)
        bad.path = NULL; /* another file has the name */
    return bad.disk->rename(context, from, to);
}

/* Of the store, which is closed. */
static void make_unreadable(store *s, const char *path, uint64_t from, uint64_t to)
{
    bad.disk = s->vfs;
    bad.vfs = *s->vfs;
    bad.vfs.open = open_bad;
    bad.vfs.read_at = read_bad;
    bad.vfs.rename = rename_bad;
    bad.path = path;
    bad.from = from;
    bad.to = to;
    s->vfs = &bad.vfs;
}

static store filled_large(void)
{
    store s = store_in_memory(4, true);

    store_put(&s, SLOTS(2999, 999, FILE_SLOTS + 807, FILE_SLOTS + 1807, 2 * FILE_SLOTS));
    store_put(&s, SLOTS(1999, 5));
    store_close(&s);
    return s;
}

static void expect_large_but(store *s, const uint64_t *lost, size_t count)
{
    uint64_t rest[LARGE];
    size_t rest_count = 0;

    for (size_t i = 0; i < LARGE; i++) {
        if (!is_in(lost, count, large_slots[i]))
            rest[rest_count++] = large_slots[i];
    }
    store_expect_values(s, rest, rest_count);
    assert_int_equal(store_verify(s, false), 0);
}

/* The slots of a file whose records lie in one of the pages of `from` to `to`; their number. */
static size_t slots_in_pages(uint64_t *slots, const store *s, uint64_t file_id, uint64_t from, uint64_t to)
{
    char *folder = store_folder(s);
    uint8_t value[VALUE_SIZE_MAX];
    size_t count = 0;

    for (size_t i = 0; i < LARGE; i++) {
        uint64_t begin = raw_offset_get(s->vfs, folder, large_slots[i]);
        uint64_t end = begin + RAW_HEADER_SIZE + value_of(large_slots[i], value);

        if (large_slots[i] / FILE_SLOTS == file_id && begin < to && end > from)
            slots[count++] = large_slots[i];
    }
    free(folder);
    return count;
}

/* The pages that some bytes of the record of `slot` are in cannot be read. */
static void expect_loss(uint64_t slot, uint64_t at, uint64_t size, bool trusted)
{
    store s = filled_large();
    char *folder = store_folder(&s), *path = data_path(&s, slot / FILE_SLOTS), *table = table_path(&s, slot / FILE_SLOTS);
    uint64_t begin = raw_offset_get(s.vfs, folder, slot) + at;
    uint64_t from = begin / PAGE * PAGE, to = (begin + size + PAGE - 1) / PAGE * PAGE;
    uint64_t lost[LARGE];
    size_t count = slots_in_pages(lost, &s, slot / FILE_SLOTS, from, to);
    const uint8_t garbage = 77;
    told t;

    if (!trusted) /* the entry of a slot that has no record */
        file_patch(s.vfs, table, 100 * 8, &garbage, 1);
    make_unreadable(&s, path, from, to);
    t = rebuild(&s, NULL);
    expect_told(&t, lost, count);
    expect_large_but(&s, lost, count);
    free(table);
    free(path);
    free(folder);
    store_dispose(&s);
}

/* A page, several, and those that records share. */
static void rebuild__skips_what_cannot_be_read(void **state)
{
    (void)state;
    for (int trusted = 0; trusted < 2; trusted++) {
        expect_loss(999, 50000, 1, trusted);
        expect_loss(999, 0, 1, trusted);
        expect_loss(999, 10, 90000, trusted);
        expect_loss(2999, 50000, 30000, trusted);
        expect_loss(2999, 90005, 3, trusted);
        expect_loss(5, 7, 5, trusted);
        expect_loss(FILE_SLOTS + 807, 300, 2, trusted);
    }
}

static void rebuild__a_table_that_cannot_be_read(void **state)
{
    (void)state;
    for (uint64_t id = 0; id < 3; id++) {
        for (uint64_t at = 0; at < CASK_TABLES_SIZE + CASK_TRAILER_SIZE; at += CASK_OFFSETS_SIZE) {
            store s = filled_large();
            char *path = table_path(&s, id);
            told t;

            make_unreadable(&s, path, at, at + 1);
            t = rebuild(&s, slot_of_value);
            expect_told(&t, NO_SLOTS);
            assert_int_equal(t.lost_without_slot, 0);
            expect_large_but(&s, NO_SLOTS);
            free(path);
            store_dispose(&s);
        }
    }
}

/* Rather the disk than the file. */
static void rebuild__stops_where_nothing_can_be_read(void **state)
{
    store s = filled_large();
    char *path = data_path(&s, 1);
    cask_change change;
    told t;

    (void)state;
    make_unreadable(&s, path, 0, UINT64_MAX);
    assert_code(try_rebuild(&s, NULL, &t, &change), CASK_E_IO);
    s.vfs = bad.disk;
    store_open_existing(&s, false);
    store_expect(&s, large_slots, LARGE);
    free(path);
    store_dispose(&s);
}

/* ---- What was pruned ---- */

static void expect_pruned_5_and_7(store *s)
{
    expect_pruned(s, 5);
    expect_pruned(s, 7);
    store_expect_values(s, SLOTS(1, 20, 8000, FILE_SLOTS, FILE_SLOTS + 3, 2 * FILE_SLOTS + 1, 2 * FILE_SLOTS + 2));
    assert_int_equal(store_verify(s, false), 0);
}

static void rebuild__keeps_tombstones(void **state)
{
    const char garbage = 'x';

    (void)state;
    for (int loses_table = 0; loses_table < 2; loses_table++) {
        for (int older_data = 0; older_data < 2; older_data++) {
            store s = filled(4);
            char *path = data_path(&s, 0);
            size_t size;
            uint8_t *older = file_read(s.vfs, path, &size);

            prune(&s, 2, 7);
            store_close(&s);
            if (older_data)
                file_write(s.vfs, path, older, size);
            else
                file_patch(s.vfs, path, 0, &garbage, 1);
            if (loses_table)
                lose_table(&s, 0);
            rebuild(&s, slot_of_value);
            expect_pruned_5_and_7(&s);
            free(older);
            free(path);
            store_dispose(&s);
        }
    }
}

/* The seal, which said how many, is gone as well. */
static void rebuild__tells_of_lost_tombstones_of_a_sealed_file(void **state)
{
    store s = filled(4);
    char *list = store_file(&s, "pruned");
    told t;

    (void)state;
    prune(&s, FILE_SLOTS, FILE_SLOTS);
    lose_table(&s, 1);
    file_remove(s.vfs, list);
    t = rebuild(&s, slot_of_value);
    assert_int_equal(t.tombstones, 1);
    store_expect_absent(&s, FILE_SLOTS);
    free(list);
    store_dispose(&s);
}

/* Neither table nor list: that is told. With older data, none of its records is believed. */
static void rebuild__tells_of_lost_tombstones(void **state)
{
    store s = filled(4);
    char *list = store_file(&s, "pruned"), *path = data_path(&s, 2);
    size_t size;
    uint8_t *older = file_read(s.vfs, path, &size);
    told t;

    (void)state;
    prune(&s, 2 * FILE_SLOTS + 1, 2 * FILE_SLOTS + 1);
    lose_table(&s, 2);
    file_remove(s.vfs, list);
    file_write(s.vfs, path, older, size);
    t = rebuild(&s, slot_of_value);
    assert_int_equal(t.tombstones, 1);
    store_expect_absent(&s, 2 * FILE_SLOTS + 1);
    assert_int_equal(store_verify(&s, false), 0);
    free(older);
    free(list);
    free(path);
    store_dispose(&s);
}

/* What becomes of the list, of 4 entries of 24 bytes. */
static void lose_list(const store *s, const char *list)
{
    file_remove(s->vfs, list);
}

static void shorten_list(const store *s, const char *list)
{
    file_truncate(s->vfs, list, 95);
}

static void damage_list(const store *s, const char *list)
{
    const char other = 'x';

    file_patch(s->vfs, list, 24, &other, 1);
}

static void lose_table_and_rebuild_0(store *s)
{
    lose_table(s, 0);
    rebuild(s, slot_of_value);
}

/* From the tombstones in the tables; and it is as good as the one before. */
static void rebuild__makes_the_list_again(void **state)
{
    static void (*const damage[])(const store *, const char *) = { lose_list, shorten_list, damage_list };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(damage); i++) {
        store s = filled(4);
        char *list = store_file(&s, "pruned");
        told t;

        prune(&s, 5, 5);
        prune(&s, 7, 7);
        prune(&s, FILE_SLOTS, FILE_SLOTS);
        forget(&s, FILE_SLOTS);
        store_put(&s, SLOTS(FILE_SLOTS));
        damage[i](&s, list);
        assert_int_equal(store_verify(&s, true), 1);
        t = rebuild(&s, slot_of_value);
        assert_int_equal(t.rebuilt, 1);
        assert_int_equal(t.lost_count + t.lost_without_slot + t.tombstones, 0);
        expect_pruned_5_and_7(&s);
        lose_table_and_rebuild_0(&s);
        expect_pruned_5_and_7(&s);
        free(list);
        store_dispose(&s);
    }
}

static void rebuild__a_list_of_what_is_forgotten(void **state)
{
    store s = filled(4);
    char *list = store_file(&s, "pruned");

    (void)state;
    prune(&s, 5, 7);
    forget(&s, 5);
    forget(&s, 7);
    store_put(&s, SLOTS(5, 7));
    store_close(&s);
    lose_list(&s, list);
    rebuild(&s, slot_of_value);
    store_expect(&s, all_slots, ALL);
    free(list);
    store_dispose(&s);
}

enum { ACT_PRUNE, ACT_COMPACT, ACT_CRASH, ACT_REBUILD, ACTS };

static void act(store *s, int what, const uint8_t *older, size_t size)
{
    char *path = data_path(s, 0);
    cask_change change;
    store after;

    switch (what) {
    case ACT_PRUNE: prune(s, 2, 7); break;
    case ACT_COMPACT: assert_ok(cask_column_compact(&change, s->column, NULL)); break;
    case ACT_CRASH:
        after = copy_of(s, LOSS_UNSYNCED, 0);
        store_dispose(s);
        *s = after;
        store_open_existing(s, false);
        break;
    default:
        lose_table(s, 0);
        file_write(s->vfs, path, older, size);
        rebuild(s, slot_of_value);
        break;
    }
    free(path);
}

/* In every order; rebuilding is from no table and the oldest copy of the data. */
static void rebuild__in_every_order(void **state)
{
    (void)state;
    for (unsigned order = 0; order < ACTS * ACTS * ACTS * ACTS; order++) {
        unsigned acts[ACTS] = { order % ACTS, order / 4 % ACTS, order / 16 % ACTS, order / 64 }, seen = 0;
        bool pruned = false;

        for (int i = 0; i < ACTS; i++)
            seen |= 1u << acts[i];
        if (seen != 15 || !case_begin("order=%u%u%u%u", acts[0], acts[1], acts[2], acts[3]))
            continue;
        store s = filled(4);
        char *path = data_path(&s, 0);
        size_t size;
        uint8_t *older = file_read(s.vfs, path, &size);

        for (int i = 0; i < ACTS; i++) {
            act(&s, (int)acts[i], older, size);
            pruned |= acts[i] == ACT_PRUNE;
            if (pruned)
                expect_pruned_5_and_7(&s);
            else
                store_expect(&s, all_slots, ALL);
        }
        free(older);
        free(path);
        store_dispose(&s);
        case_end();
    }
}

/* ---- Crashes ---- */

typedef struct crashing {
    store *store;
    size_t steps;
} crashing;

/* Pruning is stopped before each step, and then the table is lost: from the conf on that decides it, all is pruned. */
static void lose_table_here(void *payload)
{
    crashing *c = payload;

    c->steps++;
    for (int intent = 0; intent < 2; intent++) {
        store s = copy_of(c->store, intent ? LOSS_NOTHING : LOSS_UNSYNCED, 0);
        uint8_t value[VALUE_SIZE_MAX];
        size_t size;

        lose_table(&s, 0);
        rebuild(&s, slot_of_value);
        if (cask_column_get(s.column, 5, value, sizeof value, &size) == CASK_E_PRUNED)
            expect_pruned_5_and_7(&s);
        else
            store_expect(&s, all_slots, ALL);
        store_dispose(&s);
    }
}

static void rebuild__after_pruning_was_stopped_anywhere(void **state)
{
    store s = filled(4);
    crashing c = { .store = &s };

    (void)state;
    memory_disk_on_step(s.disk, lose_table_here, &c);
    prune(&s, 2, 7);
    memory_disk_on_step(s.disk, NULL, NULL);
    assert_true(c.steps > 8);
    store_dispose(&s);
}

/* ---- What cannot be done ---- */

static void rebuild__refuses(void **state)
{
    store s = filled(4);
    char *conf = store_file(&s, "column.conf");
    uint8_t zeros[16384] = { 0 };
    cask_change change;
    told t;

    (void)state;
    assert_code(cask_column_rebuild(&change, s.archive, STORE_COLUMN, NULL, NULL, hear, &t), CASK_E_BUSY);
    assert_code(cask_column_rebuild(&change, s.archive, "nothing", NULL, NULL, hear, &t), CASK_E_NOTFOUND);
    store_close(&s);
    store_open_existing(&s, true);
    assert_code(cask_column_rebuild(&change, s.archive, STORE_COLUMN, NULL, NULL, hear, &t), CASK_E_REFUSED);
    store_close(&s);
    file_write(s.vfs, conf, zeros, sizeof zeros);
    assert_code(try_rebuild(&s, NULL, &t, &change), CASK_E_CORRUPT);
    free(conf);
    store_dispose(&s);
}

/* What lies between records is passed over zero by zero. */
static void rebuild__a_table_of_records_that_begin_with_a_zero(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        memory_disk *disk = memory_disk_new();
        store s = store_at(memory_disk_vfs(disk), "/archive", version, true);
        told t;

        s.disk = disk;
        s.shape.record_type[1] = 7;
        store_open(&s);
        store_put(&s, SLOTS(1, 5, 7, FILE_SLOTS));
        if (version >= 4) {
            prune(&s, 5, 5);
            store_reopen(&s);
        }
        lose_table(&s, 0);
        t = rebuild(&s, slot_of_value);
        (void)t;
        if (version >= 4) {
            store_expect_values(&s, SLOTS(1, 7, FILE_SLOTS));
            expect_pruned(&s, 5);
        } else {
            store_expect_values(&s, SLOTS(1, 5, 7, FILE_SLOTS));
        }
        store_dispose(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        case_test(rebuild__of_what_is_whole_changes_nothing),
        case_test(rebuild__a_lost_table),
        case_test(rebuild__a_table_of_records_that_begin_with_a_zero),
        case_test(rebuild__each_sector_of_a_table),
        case_test(rebuild__a_table_of_records_that_say_nothing),
        case_test(rebuild__a_table_without_records),
        case_test(rebuild__a_table_of_another_codec),
        case_test(rebuild__a_flipped_byte),
        case_test(rebuild__truncated_data),
        case_test(rebuild__data_that_is_gone),
        case_test(rebuild__skips_what_cannot_be_read),
        case_test(rebuild__a_table_that_cannot_be_read),
        case_test(rebuild__stops_where_nothing_can_be_read),
        case_test(rebuild__keeps_tombstones),
        case_test(rebuild__tells_of_lost_tombstones),
        case_test(rebuild__tells_of_lost_tombstones_of_a_sealed_file),
        case_test(rebuild__makes_the_list_again),
        case_test(rebuild__a_list_of_what_is_forgotten),
        case_test(rebuild__in_every_order),
        case_test(rebuild__after_pruning_was_stopped_anywhere),
        case_test(rebuild__refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
