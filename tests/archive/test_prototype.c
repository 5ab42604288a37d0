/* The prototype's archives, versions 2 and 3, byte for byte; and what the prototype gets wrong. */
#include "raw.h"
#include "store.h"

#include "vfs_fault.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const uint8_t block_type[2] = { 1, 0 };
static const uint8_t root_type[2] = { 'b', 'r' };

/* ---- The bytes it wrote ----------------------------------------------------------------------------------------- */

/* Slots 2, 3 and 8195 of 32 bytes each, as it would have written them, into <folder>/<name>. */
static void raw_column(const cask_vfs *vfs, const char *root, const char *name, unsigned version, const uint8_t type[2])
{
    char *folder = path_join(root, name);
    raw_conf conf = { .version = version,
                      .highest = 8195,
                      .type = { type[0], type[1] },
                      .max_value_size = 4096,
                      .backfilled_file = UINT64_MAX };
    raw_data data;
    uint8_t value[32];

    folder_make(vfs, folder);
    raw_data_init(&data);
    for (uint64_t slot = 2; slot <= 3; slot++) {
        memset(value, (int)slot, sizeof(value));
        raw_data_add(&data, slot, type, value, sizeof(value));
    }
    raw_data_write(&data, vfs, folder, 0);
    raw_data_init(&data);
    memset(value, (int)(8195 & 0xff), sizeof(value));
    raw_data_add(&data, 8195, type, value, sizeof(value));
    conf.length = data.size;
    raw_data_write(&data, vfs, folder, 1);
    raw_conf_write(vfs, folder, &conf);
    free(folder);
}

static void expect_raw_column(cask_archive *archive, const char *name, unsigned version)
{
    static const uint64_t slots[] = { 2, 3, 8195 };
    cask_column *column;
    cask_column_info info;
    uint8_t value[32], expected[32];
    size_t size;
    bool present;

    assert_ok(cask_column_open(&column, archive, name, NULL));
    for (size_t i = 0; i < COUNT_OF(slots); i++) {
        memset(expected, (int)(slots[i] & 0xff), sizeof(expected));
        assert_ok(cask_column_get(column, slots[i], value, sizeof(value), &size));
        assert_int_equal(size, sizeof(value));
        assert_memory_equal(value, expected, sizeof(value));
    }
    assert_ok(cask_column_contains(&present, column, 4));
    assert_false(present);
    assert_ok(cask_column_stat(&info, column));
    assert_int_equal(info.format_version, version);
    assert_int_equal(info.records, 3);
    assert_int_equal(info.lowest_slot, 2);
    assert_int_equal(info.highest_slot, 8195);
    assert_int_equal(info.max_value_size, 4096);
    cask_column_close(column);
}

static int append_name(const char *name, void *payload)
{
    strcat(payload, name);
    strcat(payload, " ");
    return 0;
}

/* A cold root: a folder of columns without archive.conf. */
static void prototype__cold_root_opens(void **state)
{
    memory_disk *disk = memory_disk_new();
    const cask_vfs *vfs = memory_disk_vfs(disk);
    cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;
    cask_archive *archive;
    cask_column *column;
    const char *text;
    char names[100] = "";
    size_t size;
    tree *before;

    (void)state;
    folder_make(vfs, "/cold");
    raw_column(vfs, "/cold", "blk", 3, block_type);
    raw_column(vfs, "/cold", "bbr", 2, root_type);
    before = tree_read(vfs, "/cold");
    options.vfs = vfs;
    for (int read_only = 1; read_only >= 0; read_only--) {
        options.read_only = read_only;
        assert_ok(cask_archive_open(&archive, "/cold", &options));
        assert_code(cask_archive_identity(&text, &size, archive), CASK_E_NOTFOUND);
        expect_raw_column(archive, "blk", 3);
        expect_raw_column(archive, "bbr", 2);
        names[0] = 0;
        assert_ok(cask_archive_columns(archive, append_name, names));
        assert_string_equal(names, "bbr blk ");
        if (read_only)
            assert_tree_unchanged(before, vfs, "/cold");
        cask_archive_close(archive);
    }
    options.read_only = false;
    assert_ok(cask_archive_open(&archive, "/cold", &options));
    assert_ok(cask_column_open(&column, archive, "bbr", NULL));
    assert_ok(cask_column_put(column, 8196, "root", 4));
    assert_code(cask_column_put(column, 8194, "root", 4), CASK_E_REFUSED);
    cask_column_close(column);
    cask_archive_close(archive);
    tree_free(before);
    memory_disk_free(disk);
}

/* What the library writes as version 2 or 3 is what the prototype would have written. */
static void prototype__bytes_written_are_the_same(void **state)
{
    (void)state;
    for (uint32_t version = 2; version <= 3; version++) {
        memory_disk *disk = memory_disk_new();
        const cask_vfs *vfs = memory_disk_vfs(disk);
        cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;
        cask_column_options shape = CASK_COLUMN_OPTIONS_INIT;
        cask_archive *archive;
        cask_column *column;
        cask_batch *batch;
        uint8_t value[32];
        tree *expected, *written;

        folder_make(vfs, "/cold");
        raw_column(vfs, "/cold", "blk", version, block_type);
        options.vfs = vfs;
        options.create = true;
        shape.create = true;
        shape.format_version = version;
        shape.record_type[0] = block_type[0];
        shape.record_type[1] = block_type[1];
        shape.max_value_size = 4096;
        assert_ok(cask_archive_open(&archive, "/ours", &options));
        assert_ok(cask_column_open(&column, archive, "blk", &shape));
        assert_ok(cask_batch_begin(&batch, column));
        for (uint64_t slot = 2; slot <= 3; slot++) {
            memset(value, (int)slot, sizeof(value));
            assert_ok(cask_batch_put(batch, slot, value, sizeof(value)));
        }
        assert_ok(cask_batch_commit(batch));
        memset(value, 8195 & 0xff, sizeof(value));
        assert_ok(cask_column_put(column, 8195, value, sizeof(value)));
        cask_column_close(column);
        cask_archive_close(archive);
        expected = tree_read(vfs, "/cold/blk");
        written = tree_read(vfs, "/ours/blk");
        assert_tree_equal(expected, written);
        tree_free(expected);
        tree_free(written);
        memory_disk_free(disk);
    }
}

/* ---- Things missing --------------------------------------------------------------------------------------------- */

/* The prototype makes a new conf over the data files, and so loses them all. */
static void prototype__missing_conf_beside_data_files_is_corrupt(void **state)
{
    static const char *const left[] = { "data_00000", "data_00000.off", "data_00001" };

    (void)state;
    EACH_VERSION(version) {
        for (size_t i = 0; i < COUNT_OF(left); i++) {
            store s = store_in_memory(version, true);
            char *folder = store_folder(&s);
            tree *before;

            store_put(&s, SLOTS(1, 5, 8192));
            store_close(&s);
            for (size_t j = 0; j < COUNT_OF(left); j++) {
                char *other = store_file(&s, left[j]);
                if (j != i)
                    file_remove(s.vfs, other);
                free(other);
            }
            {
                char *conf = store_file(&s, "column.conf");
                char *table = store_file(&s, "data_00001.off");
                file_remove(s.vfs, conf);
                file_remove(s.vfs, table);
                free(table);
                free(conf);
            }
            before = tree_read(s.vfs, folder);
            assert_code(store_try_open(&s), CASK_E_CORRUPT);
            assert_code(store_try_open_existing(&s, false), CASK_E_CORRUPT);
            assert_code(store_try_open_existing(&s, true), CASK_E_CORRUPT);
            assert_tree_unchanged(before, s.vfs, folder);
            tree_free(before);
            free(folder);
            store_dispose(&s);
        }
    }
}

/* Opening, or at the latest the read, says so: never "there is no such record", and nothing is wiped. */
static void expect_corrupt(store *s, uint64_t slot)
{
    char *folder = store_folder(s);
    tree *before = tree_read(s->vfs, folder);
    uint8_t value[VALUE_SIZE_MAX];
    size_t size;
    bool present;

    for (int read_only = 1; read_only >= 0; read_only--) {
        int result = store_try_open_existing(s, read_only);
        if (result == CASK_OK) {
            assert_code(cask_column_get(s->column, slot, value, sizeof(value), &size), CASK_E_CORRUPT);
            assert_true(cask_column_contains(&present, s->column, slot) == CASK_E_CORRUPT || present);
            assert_true(store_verify(s, true) > 0);
            store_close(s);
        } else {
            assert_int_equal(result, CASK_E_CORRUPT);
        }
    }
    assert_tree_unchanged(before, s->vfs, folder);
    tree_free(before);
    free(folder);
}

/* `size` bytes are left of `name`; SIZE_MAX: it is gone. */
static void without(uint32_t version, const char *name, uint64_t size, uint64_t slot)
{
    store s = store_in_memory(version, true);
    char *path = store_file(&s, name);

    store_put(&s, SLOTS(1, 5, 8192));
    store_close(&s);
    if (size == UINT64_MAX)
        file_remove(s.vfs, path);
    else
        file_truncate(s.vfs, path, size);
    expect_corrupt(&s, slot);
    free(path);
    store_dispose(&s);
}

static void prototype__missing_or_short_offset_table_is_corrupt(void **state)
{
    static const uint64_t sizes[] = { UINT64_MAX, 0, 8, 65535 };

    (void)state;
    for (uint32_t version = 3; version <= 4; version++) {
        for (size_t i = 0; i < COUNT_OF(sizes); i++) {
            if (!case_begin("version=%u left=%lld", version, (long long)sizes[i]))
                continue;
            without(version, "data_00000.off", sizes[i], 5);
            without(version, "data_00001.off", sizes[i], 8192);
            case_end();
        }
    }
}

static void prototype__missing_or_short_data_file_is_corrupt(void **state)
{
    static const uint64_t sizes[] = { UINT64_MAX, 0, 8, 20 };

    (void)state;
    for (uint32_t version = 3; version <= 4; version++) {
        for (size_t i = 0; i < COUNT_OF(sizes); i++) {
            if (!case_begin("version=%u left=%lld", version, (long long)sizes[i]))
                continue;
            without(version, "data_00000", sizes[i], 5);
            without(version, "data_00001", sizes[i], 8192);
            case_end();
        }
    }
}

static void prototype__offset_outside_the_data_is_corrupt(void **state)
{
    static const uint64_t offsets[] = { 1, 7, 9, 100000, UINT64_MAX, UINT64_MAX - 7, (uint64_t)1 << 63 };

    (void)state;
    for (uint32_t version = 3; version <= 4; version++) {
        for (size_t i = 0; i < COUNT_OF(offsets); i++) {
            store s;
            char *folder;

            if (!case_begin("version=%u offset=%llu", version, (unsigned long long)offsets[i]))
                continue;
            s = store_in_memory(version, true);
            folder = store_folder(&s);
            store_put(&s, SLOTS(1, 5, 8192));
            store_close(&s);
            raw_offset_set(s.vfs, folder, 5, offsets[i]);
            expect_corrupt(&s, 5);
            free(folder);
            store_dispose(&s);
            case_end();
        }
    }
}

/*
 * A length that leads past the file, another type, reserved bytes that are set. A read of format 4 takes the length from
 * the table and checks the payload, so it answers right without the header; verification reports it.
 */
static void prototype__record_header_is_checked(void **state)
{
    static const struct {
        uint64_t at;
        uint8_t byte;
    } harms[] = { { 0, 'x' }, { 1, 'x' }, { 4, 1 }, { 5, 0x7f }, { 5, 0xff }, { 6, 1 }, { 7, 1 } };

    (void)state;
    for (uint32_t version = 3; version <= 4; version++) {
        for (size_t i = 0; i < COUNT_OF(harms); i++) {
            store s;
            char *folder, *path;

            if (!case_begin("version=%u harm=%zu", version, i))
                continue;
            s = store_in_memory(version, true);
            folder = store_folder(&s);
            path = store_file(&s, "data_00000");
            store_put(&s, SLOTS(5, 8192));
            store_close(&s);
            file_patch(s.vfs, path, raw_offset_get(s.vfs, folder, 5) + harms[i].at, &harms[i].byte, 1);
            if (version < 4) {
                expect_corrupt(&s, 5);
            } else {
                store_open_existing(&s, true);
                store_expect_values(&s, SLOTS(5, 8192));
                assert_true(store_verify(&s, true) > 0);
                store_close(&s);
            }
            free(path);
            free(folder);
            store_dispose(&s);
            case_end();
        }
    }
}

/* A file where the folder of the column, or of the archive, must be; a folder where a file must be. */
static void prototype__file_where_a_folder_must_be(void **state)
{
    memory_disk *disk = memory_disk_new();
    const cask_vfs *vfs = memory_disk_vfs(disk);
    store s = store_at(vfs, "/archive", 4, true);
    tree *before;
    int result;

    (void)state;
    s.disk = disk;
    file_write(vfs, "/archive", "x", 1);
    before = tree_read(vfs, "/");
    result = store_try_open(&s);
    assert_true(result == CASK_E_IO || result == CASK_E_INVALID);
    assert_tree_unchanged(before, vfs, "/");
    file_remove(vfs, "/archive");
    folder_make(vfs, "/archive");
    file_write(vfs, "/archive/blocks", "x", 1);
    result = store_try_open(&s);
    assert_true(result == CASK_E_IO || result == CASK_E_INVALID || result == CASK_E_CORRUPT);
    result = store_try_open_existing(&s, true);
    assert_true(result < 0 && result != CASK_E_NOMEM);
    file_remove(vfs, "/archive/blocks");
    folder_make(vfs, "/archive/blocks");
    folder_make(vfs, "/archive/blocks/column.conf");
    result = store_try_open(&s);
    assert_true(result < 0 && result != CASK_E_NOMEM);
    tree_free(before);
    store_dispose(&s);
}

/* ---- Versions --------------------------------------------------------------------------------------------------- */

static void open_conf(const void *bytes, size_t size, int expected)
{
    store s = store_in_memory(3, true);
    char *path = store_file(&s, "column.conf"), *folder = store_folder(&s);
    tree *before;

    store_put(&s, SLOTS(1));
    store_close(&s);
    file_write(s.vfs, path, bytes, size);
    before = tree_read(s.vfs, folder);
    assert_code(store_try_open(&s), expected);
    assert_code(store_try_open_existing(&s, true), expected);
    assert_tree_unchanged(before, s.vfs, folder);
    tree_free(before);
    free(folder);
    free(path);
    store_dispose(&s);
}

static void prototype__unknown_version_is_unsupported(void **state)
{
    static const char *const magics[] = { "LHSTBLK1", "LHSTBLK4", "LHSTBLK9", "SLOTCSK3", "SLOTCSK5", "SLOTCSKA" };
    static const size_t sizes[] = { 36, 52, 60, 512, 16384, 20000, 70000 };
    uint8_t *bytes = calloc(1, 70000);

    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i < COUNT_OF(magics); i++) {
        for (size_t j = 0; j < COUNT_OF(sizes); j++) {
            if (!case_begin("magic=%s size=%zu", magics[i], sizes[j]))
                continue;
            memcpy(bytes, magics[i], 8);
            open_conf(bytes, sizes[j], CASK_E_UNSUPPORTED);
            case_end();
        }
    }
    free(bytes);
}

static void prototype__34_byte_conf_is_unsupported_by_name(void **state)
{
    uint8_t bytes[34] = "LHSTBLK3";

    (void)state;
    open_conf(bytes, sizeof(bytes), CASK_E_UNSUPPORTED);
    assert_non_null(strstr(cask_error_last()->message, "34"));
}

static void prototype__broken_conf_is_corrupt(void **state)
{
    uint8_t bytes[20000] = "LHSTBLK3";

    (void)state;
    open_conf(bytes, 0, CASK_E_CORRUPT);
    open_conf(bytes, 7, CASK_E_CORRUPT);
    open_conf(bytes, 51, CASK_E_CORRUPT);
    open_conf(bytes, 53, CASK_E_CORRUPT);
    memcpy(bytes, "LHSTBLK2", 8);
    open_conf(bytes, 52, CASK_E_CORRUPT);
    memcpy(bytes, "SLOTCSK4", 8);
    open_conf(bytes, 16384, CASK_E_CORRUPT);
    open_conf(bytes, 512, CASK_E_CORRUPT);
    open_conf(bytes, 20000, CASK_E_CORRUPT);
    memset(bytes, 0, 8);
    open_conf(bytes, 52, CASK_E_CORRUPT);
    open_conf(bytes, 16384, CASK_E_CORRUPT);
}

static void prototype__unknown_codec_or_flag_is_unsupported(void **state)
{
    raw_conf conf = { .version = 3, .highest = UINT64_MAX, .max_value_size = 100, .backfilled_file = UINT64_MAX };
    uint8_t bytes[RAW_V3_CONF_SIZE];

    (void)state;
    conf.codec = 2;
    open_conf(bytes, raw_conf_encode(bytes, &conf), CASK_E_UNSUPPORTED);
    conf.codec = 0;
    conf.flags = 2;
    open_conf(bytes, raw_conf_encode(bytes, &conf), CASK_E_UNSUPPORTED);
    conf.version = 2;
    conf.flags = 1;
    open_conf(bytes, raw_conf_encode(bytes, &conf), CASK_E_UNSUPPORTED);
}

/* ---- A second opener -------------------------------------------------------------------------------------------- */

static void prototype__second_opener_is_busy(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, true), second = s, reader = s;
        cask_column *column;

        store_put(&s, SLOTS(1));
        second.archive = reader.archive = NULL;
        assert_code(store_try_open_existing(&second, false), CASK_E_BUSY);
        assert_code(cask_column_open(&column, s.archive, STORE_COLUMN, NULL), CASK_E_BUSY);
        store_open_existing(&reader, true);
        store_expect(&reader, SLOTS(1));
        store_close(&reader);
        store_put(&s, SLOTS(2));
        store_close(&s);
        store_open_existing(&second, false);
        store_expect(&second, SLOTS(1, 2));
        store_dispose(&second);
    }
}

/* 0 if opening for writing is refused as busy and opening read-only is not. */
static int try_as_another_process(const char *path)
{
    store s = store_at(NULL, path, 4, true);

    if (store_try_open_existing(&s, false) != CASK_E_BUSY)
        return 1;
    if (store_try_open_existing(&s, true) != CASK_OK)
        return 2;
    store_close(&s);
    return 0;
}

/* Forks before any handle is opened: a handle does not survive it. */
static void prototype__second_process_is_busy(void **state)
{
    char *folder = temp_folder_new(), *path = path_join(folder, "archive");
    int to_child[2], status;
    store s = store_at(cask_vfs_posix(), path, 4, true);
    pid_t child;
    char byte = 0;

    (void)state;
    assert_int_equal(pipe(to_child), 0);
    child = fork();
    if (child == 0) {
        close(to_child[1]);
        _exit(read(to_child[0], &byte, 1) == 1 ? try_as_another_process(path) : 3);
    }
    assert_true(child > 0);
    close(to_child[0]);
    store_open(&s);
    store_put(&s, SLOTS(1));
    assert_int_equal(write(to_child[1], &byte, 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(to_child[1]);
    store_put(&s, SLOTS(2));
    store_close(&s);
    free(path);
    temp_folder_remove(folder);
}

/* ---- Batches that end badly, or do not fit ---------------------------------------------------------------------- */

/* A process that dies in the middle of a batch, without abort, takes its lock and its records with it. */
static void prototype__abandoned_batch_of_a_dead_process(void **state)
{
    char *folder = temp_folder_new(), *path = path_join(folder, "archive");

    (void)state;
    EACH_VERSION(version) {
        store s = store_at(cask_vfs_posix(), path, version, true);
        int status;
        pid_t child = fork();

        if (child == 0) {
            enum { LARGE = 400000 };
            uint8_t *large = calloc(1, LARGE);
            cask_batch *batch;

            if (store_try_open(&s) != CASK_OK || store_try_put(&s, SLOTS(1, 5, 8192)) != CASK_OK)
                _exit(2);
            if (cask_batch_begin(&batch, s.column) != CASK_OK || large == NULL ||
                cask_batch_put(batch, version == 3 ? 2 : 8193, large, LARGE) != CASK_OK ||
                cask_batch_put(batch, version == 3 ? 3 : 2, large, LARGE) != CASK_OK)
                _exit(1);
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        store_open_existing(&s, true);
        store_expect_absent(&s, 2);
        store_expect_absent(&s, 8193);
        store_close(&s);
        store_expect_healed(&s, SLOTS(1, 5, 8192));
        free(path);
        temp_folder_remove(folder);
        folder = temp_folder_new();
        path = path_join(folder, "archive");
    }
    free(path);
    temp_folder_remove(folder);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* 256 MiB in one batch; afterwards 0 if it is all there, and never took more than a small part of that in memory. */
static int put_large_batch(const char *path)
{
    enum { RECORDS = 256, SIZE = 1 << 20 };
    store s = store_at(cask_vfs_posix(), path, 4, true);
    uint8_t *value = malloc(SIZE), *got = malloc(SIZE);
    struct rusage usage;
    cask_batch *batch;
    size_t size;

    if (value == NULL || got == NULL || store_try_open(&s) != CASK_OK ||
        cask_batch_begin(&batch, s.column) != CASK_OK)
        return 1;
    for (uint64_t slot = 0; slot < RECORDS; slot++) {
        memset(value, (int)slot, SIZE);
        if (cask_batch_put(batch, slot * 100, value, SIZE) != CASK_OK)
            return 2;
    }
    if (cask_batch_commit(batch) != CASK_OK)
        return 3;
    for (uint64_t slot = 0; slot < RECORDS; slot += 51) {
        memset(value, (int)slot, SIZE);
        if (cask_column_get(s.column, slot * 100, got, SIZE, &size) != CASK_OK || memcmp(value, got, SIZE) != 0)
            return 4;
    }
    store_close(&s);
    free(value);
    free(got);
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss > 32 * 1024 ? 5 : 0; /* in KiB, all of the process */
}

static void prototype__batch_larger_than_memory(void **state)
{
    char *folder, *path;
    int status;
    pid_t child;

    (void)state;
    if (SANITIZED)
        skip();
    folder = temp_folder_new();
    path = path_join(folder, "archive");
    child = fork();
    if (child == 0) {
        /* Address space, where the resident set would hide what is not touched. */
        const struct rlimit limit = { 200 << 20, 200 << 20 };
        _exit(setrlimit(RLIMIT_AS, &limit) == 0 ? put_large_batch(path) : 6);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    free(path);
    temp_folder_remove(folder);
}

/* Readers, and the first backfill of a sealed file, are in test_reader.c and test_heal.c. */
int main(void)
{
    const struct CMUnitTest tests[] = {
        case_test(prototype__cold_root_opens),
        case_test(prototype__bytes_written_are_the_same),
        case_test(prototype__missing_conf_beside_data_files_is_corrupt),
        case_test(prototype__missing_or_short_offset_table_is_corrupt),
        case_test(prototype__missing_or_short_data_file_is_corrupt),
        case_test(prototype__offset_outside_the_data_is_corrupt),
        case_test(prototype__record_header_is_checked),
        case_test(prototype__file_where_a_folder_must_be),
        case_test(prototype__unknown_version_is_unsupported),
        case_test(prototype__34_byte_conf_is_unsupported_by_name),
        case_test(prototype__broken_conf_is_corrupt),
        case_test(prototype__unknown_codec_or_flag_is_unsupported),
        case_test(prototype__second_opener_is_busy),
        case_test(prototype__second_process_is_busy),
        case_test(prototype__abandoned_batch_of_a_dead_process),
        case_test(prototype__batch_larger_than_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
