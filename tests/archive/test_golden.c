/* The golden archives: what was written once is read forever, by the library and by the reader made from FORMAT.md. */
#include "check.h"
#include "files.h"
#include "tiny_reader.h"

#include <inttypes.h>
#include <stdio.h>

#define GOLDEN FIXTURES "/archives"

enum { RECORDS_MAX = 32, PRUNED_MAX = 8, COLUMNS_MAX = 32 };

/* ---- What is in a column ---------------------------------------------------------------------------------------- */

typedef struct record {
    uint64_t slot;
    size_t size;
    uint32_t crc;
} record;

typedef struct contents {
    char archive[32];
    char column[32];
    record records[RECORDS_MAX];
    size_t count;
    uint64_t pruned[PRUNED_MAX];
    size_t pruned_count;
} contents;

/* Sorted in, as the columns list them in the order they were put. */
static void add_record(contents *c, uint64_t slot, size_t size, uint32_t crc)
{
    size_t at = c->count++;

    assert_true(c->count <= RECORDS_MAX);
    for (; at > 0 && c->records[at - 1].slot > slot; at--)
        c->records[at] = c->records[at - 1];
    c->records[at] = (record){ slot, size, crc };
}

static void add_value(uint64_t slot, const uint8_t *value, size_t size, void *payload)
{
    add_record(payload, slot, size, tiny_crc32c(0, value, size));
}

static void assert_contents(const contents *got, const contents *expected)
{
    assert_int_equal(got->count, expected->count);
    for (size_t i = 0; i < got->count; i++) {
        assert_int_equal(got->records[i].slot, expected->records[i].slot);
        assert_int_equal(got->records[i].size, expected->records[i].size);
        assert_int_equal(got->records[i].crc, expected->records[i].crc);
    }
}

static bool is_pruned(const contents *c, uint64_t slot)
{
    for (size_t i = 0; i < c->pruned_count; i++) {
        if (c->pruned[i] == slot)
            return true;
    }
    return false;
}

/* contents.txt; the number of columns. */
static size_t read_listing(contents columns[COLUMNS_MAX])
{
    FILE *file = fopen(GOLDEN "/contents.txt", "r");
    char line[200];
    size_t count = 0;

    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        char archive[32], column[32];
        uint64_t slot;
        uint32_t crc;
        size_t size;
        int fields = sscanf(line, "%31s %31s %" SCNu64 " %zu %" SCNx32, archive, column, &slot, &size, &crc);
        bool pruned = strstr(line, " pruned\n") != NULL;

        if (line[0] == '#')
            continue;
        assert_true(fields == 2 || fields == (pruned ? 3 : 5));
        if (count == 0 || strcmp(archive, columns[count - 1].archive) != 0 ||
            strcmp(column, columns[count - 1].column) != 0) {
            assert_true(count < COLUMNS_MAX);
            columns[count] = (contents){ .count = 0 };
            strcpy(columns[count].archive, archive);
            strcpy(columns[count++].column, column);
        }
        if (fields == 5)
            add_record(&columns[count - 1], slot, size, crc);
        if (pruned) {
            assert_true(columns[count - 1].pruned_count < PRUNED_MAX);
            columns[count - 1].pruned[columns[count - 1].pruned_count++] = slot;
        }
    }
    fclose(file);
    assert_true(count > 10);
    return count;
}

/* ---- Both readers ----------------------------------------------------------------------------------------------- */

static int count_damage(const cask_report *report, void *payload)
{
    *(size_t *)payload += report->corrupt;
    return 0;
}

/* Where a record was pruned there must be zeros, but a reader does not look. */
static int count_readers_damage(const cask_report *report, void *payload)
{
    return strcmp(report->what, "unreferenced-record") == 0 ? 0 : count_damage(report, payload);
}

/* Everything that the library shows, opened read-only. false: it is damaged, as `count` counts. */
static bool read_by_library(contents *got, const char *path, const char *column_name, cask_report_fn count)
{
    cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;
    cask_archive *archive;
    cask_column *column;
    cask_iter *iter;
    uint64_t slot;
    size_t damage = 0;
    int code;

    got->count = 0;
    options.read_only = true;
    assert_ok(cask_archive_open(&archive, path, &options));
    if (cask_column_open(&column, archive, column_name, NULL) < 0) {
        cask_archive_close(archive);
        return false;
    }
    assert_ok(cask_column_verify(column, 1, count, &damage, NULL));
    code = cask_iter_new(&iter, column, 0, CASK_UP);
    while (code == CASK_OK && (code = cask_iter_next(iter, &slot)) == CASK_OK) {
        const void *value;
        size_t size;

        code = cask_iter_value(iter, &value, &size);
        if (code == CASK_OK)
            add_value(slot, value, size, got);
    }
    cask_iter_free(iter);
    cask_column_close(column);
    cask_archive_close(archive);
    return damage == 0 && code == CASK_E_NOTFOUND;
}

static bool read_by_tiny(contents *got, tiny_column *column, const char *archive, const char *column_name)
{
    char *folder = path_join(archive, column_name);
    tiny_result result;

    got->count = 0;
    result = tiny_read(column, folder, add_value, got);
    free(folder);
    return result == TINY_OK;
}

/* Both readers see this, and by slot the library does too. */
static void expect(const char *path, const contents *expected)
{
    cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;
    cask_archive *archive;
    cask_column *column;
    cask_column_info info;
    cask_buf value = CASK_BUF_INIT;
    contents got;
    tiny_column tiny;

    if (!read_by_tiny(&got, &tiny, path, expected->column))
        fail_msg("%s, %" PRIu64, tiny.why, tiny.where);
    assert_contents(&got, expected);
    assert_true(read_by_library(&got, path, expected->column, count_damage));
    assert_contents(&got, expected);

    options.read_only = true;
    assert_ok(cask_archive_open(&archive, path, &options));
    assert_ok(cask_column_open(&column, archive, expected->column, NULL));
    assert_ok(cask_column_stat(&info, column));
    assert_int_equal(info.format_version, tiny.version);
    assert_int_equal(info.highest_slot, tiny.highest);
    assert_int_equal(info.codec, tiny.codec);
    assert_memory_equal(info.record_type, tiny.record_type, 2);
    assert_int_equal(info.commits, tiny.sequence);
    assert_int_equal(info.records, tiny.records);
    assert_int_equal(info.pruned, tiny.pruned);
    assert_int_equal(info.pruned, expected->pruned_count);
    for (size_t i = 0; i < expected->count; i++) {
        const record *r = &expected->records[i];

        assert_ok(cask_column_get_buf(&value, column, r->slot));
        assert_int_equal(value.size, r->size);
        assert_int_equal(tiny_crc32c(0, value.data, value.size), r->crc);
        if (i + 1 == expected->count || expected->records[i + 1].slot > r->slot + 1)
            assert_code(cask_column_get_buf(&value, column, r->slot + 1),
                        is_pruned(expected, r->slot + 1) ? CASK_E_PRUNED : CASK_E_NOTFOUND);
    }
    for (size_t i = 0; i < expected->pruned_count; i++)
        assert_code(cask_column_get_buf(&value, column, expected->pruned[i]), CASK_E_PRUNED);
    cask_buf_dispose(&value);
    cask_column_close(column);
    cask_archive_close(archive);
}

/* ---- Copies ----------------------------------------------------------------------------------------------------- */

typedef struct copying {
    const char *from;
    const char *to;
} copying;

static int copy_entry(const char *name, void *payload)
{
    const cask_vfs *vfs = cask_vfs_posix();
    const copying *c = payload;
    char *from = path_join(c->from, name), *to = path_join(c->to, name);
    cask_file_info info;

    assert_int_equal(vfs->stat(vfs->context, from, &info), 0);
    if (info.is_folder) {
        copying inner = { from, to };

        assert_int_equal(vfs->make_folder(vfs->context, to), 0);
        assert_int_equal(vfs->list(vfs->context, from, copy_entry, &inner), 0);
    } else {
        size_t size;
        uint8_t *bytes = file_read(vfs, from, &size);
        FILE *file = fopen(to, "wb");

        assert_non_null(file);
        assert_int_equal(fwrite(bytes, 1, size, file), size);
        assert_int_equal(fclose(file), 0);
        free(bytes);
    }
    free(from);
    free(to);
    return 0;
}

/* A copy of a golden archive in a folder of its own. */
static char *copy_archive(const char *name)
{
    char *from = path_join(GOLDEN, name);
    char *to = temp_folder_new();
    copying c = { from, to };

    assert_int_equal(cask_vfs_posix()->list(cask_vfs_posix()->context, from, copy_entry, &c), 0);
    free(from);
    return to;
}

/* A copy of one column, in a folder of columns of its own. */
static char *copy_column(const char *archive, const char *column)
{
    char *from = path_join(GOLDEN, archive);
    char *to = temp_folder_new();
    copying c = { from, to };

    assert_int_equal(copy_entry(column, &c), 0);
    free(from);
    return to;
}

/* ---- Tests ------------------------------------------------------------------------------------------------------ */

static void golden__readers_agree_and_change_nothing(void **state)
{
    contents columns[COLUMNS_MAX];
    size_t count = read_listing(columns);
    tree *before = tree_read(cask_vfs_posix(), GOLDEN);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        char *path = path_join(GOLDEN, columns[i].archive);

        if (case_begin("%s/%s", columns[i].archive, columns[i].column)) {
            expect(path, &columns[i]);
            case_end();
        }
        free(path);
    }
    assert_tree_unchanged(before, cask_vfs_posix(), GOLDEN);
    tree_free(before);
}

static void put_one(contents *c, cask_column *column, uint64_t slot)
{
    static const uint8_t value[] = "a value that was put by a later version";

    assert_ok(cask_column_put(column, slot, value, sizeof(value)));
    add_value(slot, value, sizeof(value), c);
}

/* One batch in the current file, one in the next; where it is allowed, also a slot that was skipped in the first. */
static void write_on(contents *c, const char *path)
{
    uint64_t highest = c->count == 0 ? 0 : c->records[c->count - 1].slot;
    cask_archive *archive;
    cask_column *column;
    cask_column_info info;

    assert_ok(cask_archive_open(&archive, path, NULL));
    assert_ok(cask_column_open(&column, archive, c->column, NULL));
    put_one(c, column, highest + 1);
    put_one(c, column, (highest / 8192 + 1) * 8192 + 5);
    assert_ok(cask_column_stat(&info, column));
    if (info.allow_backfill)
        put_one(c, column, 6);
    else
        assert_code(cask_column_put(column, 6, "x", 1), CASK_E_REFUSED);
    cask_column_close(column);
    cask_archive_close(archive);
}

static void golden__are_healed_and_written_on(void **state)
{
    contents columns[COLUMNS_MAX];
    size_t count = read_listing(columns);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        if (case_begin("%s/%s", columns[i].archive, columns[i].column)) {
            char *path = copy_archive(columns[i].archive);

            write_on(&columns[i], path);
            expect(path, &columns[i]);
            temp_folder_remove(path);
            case_end();
        }
    }
}

static int count_mends(const cask_report *report, void *payload)
{
    assert_false(report->corrupt);
    *(size_t *)payload += 1;
    return 0;
}

/* What a crash left is told before it is mended, and only then. */
static void golden__crashes_are_healed_once(void **state)
{
    contents columns[COLUMNS_MAX];
    size_t count = read_listing(columns);
    size_t crashed = 0;

    (void)state;
    for (size_t i = 0; i < count; i++) {
        char *path;
        size_t mends = 0;
        cask_archive *archive;

        if (strstr(columns[i].archive, "-crash") == NULL || !case_begin("%s/%s", columns[i].archive, columns[i].column))
            continue;
        path = copy_archive(columns[i].archive);
        assert_ok(cask_archive_open(&archive, path, NULL));
        assert_ok(cask_column_heal(archive, columns[i].column, count_mends, &mends));
        crashed += mends > 0;
        mends = 0;
        assert_ok(cask_column_heal(archive, columns[i].column, count_mends, &mends));
        assert_int_equal(mends, 0);
        cask_archive_close(archive);
        expect(path, &columns[i]);
        temp_folder_remove(path);
        case_end();
    }
    if (getenv("SLOTCASK_CASE") == NULL)
        assert_int_equal(crashed, 9);
}

/* ---- Damage ----------------------------------------------------------------------------------------------------- */

typedef struct names {
    char name[16][32];
    size_t count;
} names;

static int add_name(const char *name, void *payload)
{
    names *list = payload;
    size_t at = list->count++;

    assert_true(list->count <= COUNT_OF(list->name));
    /* Sorted: folders list their entries in any order. */
    for (; at > 0 && strcmp(list->name[at - 1], name) > 0; at--)
        strcpy(list->name[at], list->name[at - 1]);
    strcpy(list->name[at], name);
    return 0;
}

/* Change one byte of the column, which one follows from the seed. */
static void damage(const char *folder, uint64_t seed)
{
    const cask_vfs *vfs = cask_vfs_posix();
    uint64_t state = seed * 6364136223846793005u + 1442695040888963407u;
    names list = { .count = 0 };
    char *path;
    uint8_t *bytes;
    uint64_t at;
    size_t size;

    assert_int_equal(vfs->list(vfs->context, folder, add_name, &list), 0);
    path = path_join(folder, list.name[seed % list.count]);
    bytes = file_read(vfs, path, &size);
    /* Half of the time near the beginning or the end, where there is more than zeros. */
    at = state >> 33;
    if (seed / list.count % 2 == 0)
        at = at % 256 < 128 || size < 128 ? at % 128 : size - 128 + at % 128;
    at %= size;
    bytes[at] ^= (uint8_t)(1u << (state >> 60 & 7));
    file_patch(vfs, path, at, bytes + at, 1);
    free(bytes);
    free(path);
}

/*
 * One byte is changed. In version 4 each byte is under a checksum or of no meaning: both readers show what there was,
 * or both say that it is damaged. In version 3 they show the same, or at least one of them says so.
 */
static void golden__readers_agree_on_damage(void **state)
{
    static const struct {
        const char *archive, *column;
        uint64_t seeds;
    } cases[] = {
        { "v4", "none", 60 },
        { "v4", "zstd", 40 },
        { "v4", "snappy", 20 },
        { "v3", "snappy", 80 },
        { "v4-pruned", "snappy", 64 },
        { "v4-compacted", "none", 64 },
        { "v4-intent-crash", "prune-part", 40 },
        { "v4-intent-crash", "prune-whole", 40 },
        { "v4-intent-crash", "forget", 40 },
        { "v4-intent-crash", "replace", 40 },
        { "v4-intent-crash", "replace-half", 40 },
    };
    contents columns[COLUMNS_MAX];
    size_t count = read_listing(columns);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const contents *expected = columns;

        while (strcmp(expected->archive, cases[i].archive) != 0 || strcmp(expected->column, cases[i].column) != 0)
            assert_true(++expected < columns + count);
        for (uint64_t seed = 0; seed < cases[i].seeds; seed++) {
            contents by_library, by_tiny;
            tiny_column tiny;
            bool library_reads, tiny_reads;
            char *path, *folder;

            if (!case_begin("%s/%s seed=%" PRIu64, cases[i].archive, cases[i].column, seed))
                continue;
            path = copy_column(cases[i].archive, cases[i].column);
            folder = path_join(path, cases[i].column);
            damage(folder, seed);
            library_reads = read_by_library(&by_library, path, cases[i].column, count_readers_damage);
            tiny_reads = read_by_tiny(&by_tiny, &tiny, path, cases[i].column);
            if (library_reads && tiny_reads)
                assert_contents(&by_tiny, &by_library);
            if (cases[i].archive[1] == '4') {
                assert_int_equal(library_reads, tiny_reads);
                if (tiny_reads)
                    assert_contents(&by_tiny, expected);
            }
            free(folder);
            temp_folder_remove(path);
            case_end();
        }
    }
}

/* zstd, pruned slots (forgotten ones, too), files of another codec. */
static bool uses_what_3_lacks(cask_column *column, const char *folder)
{
    char *list = path_join(folder, "pruned");
    bool was_pruned = file_exists(cask_vfs_posix(), list);
    cask_column_info info;

    free(list);
    assert_ok(cask_column_stat(&info, column));
    return info.codec == CASK_CODEC_ZSTD || was_pruned || info.recoded_files > 0;
}

/* To the other format that there is a way to; false: this one has none. */
static bool change_format(const char *path, const contents *expected, uint32_t version)
{
    char *folder = path_join(path, expected->column);
    cask_archive *archive;
    cask_column *column;
    bool possible;

    assert_ok(cask_archive_open(&archive, path, NULL));
    assert_ok(cask_column_open(&column, archive, expected->column, NULL));
    possible = version >= 4 || !uses_what_3_lacks(column, folder);
    assert_code(cask_column_upgrade(column, version), possible ? CASK_OK : CASK_E_UNSUPPORTED);
    cask_column_close(column);
    cask_archive_close(archive);
    free(folder);
    return possible;
}

static void golden__change_their_format_there_and_back(void **state)
{
    contents columns[COLUMNS_MAX];
    size_t count = read_listing(columns);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        if (case_begin("%s/%s", columns[i].archive, columns[i].column)) {
            char *path = copy_archive(columns[i].archive);

            for (int turn = 0; turn < 2; turn++) {
                if (change_format(path, &columns[i], 4))
                    expect(path, &columns[i]);
                if (change_format(path, &columns[i], 3))
                    expect(path, &columns[i]);
            }
            write_on(&columns[i], path);
            expect(path, &columns[i]);
            temp_folder_remove(path);
            case_end();
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        case_test(golden__readers_agree_and_change_nothing),
        case_test(golden__crashes_are_healed_once),
        case_test(golden__are_healed_and_written_on),
        case_test(golden__change_their_format_there_and_back),
        case_test(golden__readers_agree_on_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
