/* Columns: opening, reading, the values and errors of single calls, in each format version and codec. */
#include "store.h"

#include "codec.h"

static const uint8_t some_value[] = { 1, 2, 3, 5, 8, 13, 21 };

static void column__put_then_get(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, false);

        store_put(&s, SLOTS(0));
        store_expect(&s, SLOTS(0));
        store_put(&s, SLOTS(5));
        store_put(&s, SLOTS(8191));
        store_put(&s, SLOTS(8192));
        store_expect(&s, SLOTS(0, 5, 8191, 8192));
        store_reopen(&s);
        store_expect(&s, SLOTS(0, 5, 8191, 8192));
        store_dispose(&s);
    }
}

static void column__version_2_put_then_get(void **state)
{
    store s = store_in_memory(2, false);

    (void)state;
    store_put(&s, SLOTS(3, 4, 9000));
    store_expect(&s, SLOTS(3, 4, 9000));
    store_expect(&s, SLOTS(3, 4, 9000));
    store_close(&s);
    store_expect_healed(&s, SLOTS(3, 4, 9000));
    store_dispose(&s);
}

static void column__empty_has_no_highest(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, false);

        store_expect(&s, NO_SLOTS);
        store_reopen(&s);
        store_expect(&s, NO_SLOTS);
        store_expect_absent(&s, 0);
        store_expect_absent(&s, CASK_NO_SLOT - 1);
        store_dispose(&s);
    }
}

static void column__skipped_slots_are_absent(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, false);

        store_put(&s, SLOTS(1, 4, 8192 * 3 + 7));
        store_expect(&s, SLOTS(1, 4, 8192 * 3 + 7));
        store_expect_absent(&s, 2);
        store_expect_absent(&s, 8192);
        store_expect_absent(&s, 8192 * 2 + 7);
        store_expect_absent(&s, 8192 * 9);
        store_dispose(&s);
    }
}

static void column__empty_value_is_a_value(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        for (uint8_t codec = CASK_CODEC_NONE; codec <= (version == 4 ? CASK_CODEC_ZSTD : CASK_CODEC_SNAPPY); codec++) {
            memory_disk *disk = memory_disk_new();
            store s = store_at(memory_disk_vfs(disk), "/archive", version, false);
            bool present = false;
            size_t size = 99;

            s.disk = disk;
            s.shape.codec = codec;
            store_open(&s);
            assert_ok(cask_column_put(s.column, 7, NULL, 0));
            assert_ok(cask_column_put(s.column, 8, some_value, sizeof(some_value)));
            assert_ok(cask_column_contains(&present, s.column, 7));
            assert_true(present);
            assert_ok(cask_column_get(s.column, 7, NULL, 0, &size));
            assert_int_equal(size, 0);
            assert_int_equal(store_verify(&s, false), 0);
            store_dispose(&s);
        }
    }
}

static void column__too_small_buffer_learns_the_size(void **state)
{
    uint8_t buffer[sizeof(some_value)];
    size_t size = 0;

    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, false);

        assert_ok(cask_column_put(s.column, 1, some_value, sizeof(some_value)));
        assert_code(cask_column_get(s.column, 1, buffer, sizeof(buffer) - 1, &size), CASK_E_TOO_SMALL);
        assert_int_equal(size, sizeof(some_value));
        assert_code(cask_column_get(s.column, 1, NULL, 0, &size), CASK_E_TOO_SMALL);
        assert_ok(cask_column_get(s.column, 1, buffer, sizeof(buffer), &size));
        assert_memory_equal(buffer, some_value, sizeof(some_value));
        store_dispose(&s);
    }
}

static void column__get_buf_grows_and_is_reused(void **state)
{
    uint8_t expected[VALUE_SIZE_MAX];
    cask_buf value = CASK_BUF_INIT;

    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, false);

        store_put(&s, SLOTS(1, 2, 3, 4, 5, 6));
        for (uint64_t slot = 1; slot <= 6; slot++) {
            size_t size = value_of(slot, expected);
            assert_ok(cask_column_get_buf(&value, s.column, slot));
            assert_int_equal(value.size, size);
            assert_memory_equal(value.data, expected, size);
        }
        assert_code(cask_column_get_buf(&value, s.column, 7), CASK_E_NOTFOUND);
        store_dispose(&s);
    }
    cask_buf_dispose(&value);
}

static void column__slot_max_is_refused(void **state)
{
    uint8_t buffer[8];
    size_t size;
    bool present;

    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, true);
        tree *before;

        store_put(&s, SLOTS(3));
        before = tree_read(s.vfs, s.path);
        assert_code(cask_column_put(s.column, UINT64_MAX, some_value, sizeof(some_value)), CASK_E_INVALID);
        assert_code(cask_column_get(s.column, UINT64_MAX, buffer, sizeof(buffer), &size), CASK_E_INVALID);
        assert_true(cask_column_contains(&present, s.column, UINT64_MAX) == CASK_E_INVALID || !present);
        assert_tree_unchanged(before, s.vfs, s.path);
        store_put(&s, SLOTS(4));
        store_expect(&s, SLOTS(3, 4));
        tree_free(before);
        store_dispose(&s);
    }
}

static void column__slot_too_far_away_is_refused(void **state)
{
    const uint64_t far = (CASK_GAP_FILES_MAX + 100ull) * CASK_SLOTS_PER_FILE;

    (void)state;
    EACH_VERSION(version) {
        store s = store_in_memory(version, true);

        store_put(&s, SLOTS(far));
        assert_code(store_try_put(&s, SLOTS(2 * far)), CASK_E_INVALID);
        assert_code(store_try_put(&s, SLOTS(UINT64_MAX - 1)), CASK_E_INVALID);
        /* Formats 2 and 3 make no files for a gap. */
        if (version >= 4)
            assert_code(store_try_put(&s, SLOTS(0)), CASK_E_INVALID);
        store_put(&s, SLOTS(far + 1));
        store_expect(&s, SLOTS(far, far + 1));
        store_dispose(&s);
    }
}

static void column__value_too_large_is_refused(void **state)
{
    uint8_t large[101] = { 0 };

    (void)state;
    EACH_VERSION(version) {
        memory_disk *disk = memory_disk_new();
        store s = store_at(memory_disk_vfs(disk), "/archive", version, false);
        size_t size;

        s.disk = disk;
        s.shape.max_value_size = 100;
        store_open(&s);
        assert_code(cask_column_put(s.column, 1, large, 101), CASK_E_INVALID);
        assert_ok(cask_column_put(s.column, 1, large, 100));
        /* A smaller limit is ignored, a larger one taken. */
        s.shape.max_value_size = 10;
        store_reopen(&s);
        assert_ok(cask_column_put(s.column, 2, large, 100));
        s.shape.max_value_size = 101;
        store_reopen(&s);
        assert_ok(cask_column_put(s.column, 3, large, 101));
        s.shape.max_value_size = 0;
        store_reopen(&s);
        assert_ok(cask_column_get(s.column, 3, large, sizeof(large), &size));
        assert_int_equal(size, 101);
        /* The length of a record has 32 bits, whatever the limit. Nothing is read of what is refused. */
        s.shape.max_value_size = UINT64_MAX;
        store_reopen(&s);
        assert_code(cask_column_put(s.column, 4, large, (size_t)UINT32_MAX + 1), CASK_E_INVALID);
        store_expect_absent(&s, 4);
        assert_ok(cask_column_put(s.column, 4, large, 101));
        store_dispose(&s);
    }
}

/* ---- Codecs ----------------------------------------------------------------------------------------------------- */

static store open_compressed(uint32_t version, uint8_t codec)
{
    memory_disk *disk = memory_disk_new();
    store s = store_at(memory_disk_vfs(disk), "/archive", version, true);

    s.disk = disk;
    s.shape.codec = codec;
    store_open(&s);
    return s;
}

static void round_trip(uint32_t version, uint8_t codec)
{
    enum { SIZE = 200000 };
    uint8_t *value = calloc(1, SIZE);
    cask_buf got = CASK_BUF_INIT;
    store s = open_compressed(version, codec);

    assert_non_null(value);
    for (size_t i = 0; i < SIZE; i += 3)
        value[i] = (uint8_t)(i / 1000);
    assert_ok(cask_column_put(s.column, 10, value, SIZE));
    store_put(&s, SLOTS(11, 13, 8192));
    store_put(&s, SLOTS(12));
    for (int again = 0; again < 2; again++) {
        assert_ok(cask_column_get_buf(&got, s.column, 10));
        assert_int_equal(got.size, SIZE);
        assert_memory_equal(got.data, value, SIZE);
        assert_ok(cask_column_get_stored(&got, s.column, 10));
        if (codec != CASK_CODEC_NONE)
            assert_true(got.size < SIZE / 4);
        assert_int_equal(store_verify(&s, false), 0);
        store_reopen(&s);
    }
    cask_buf_dispose(&got);
    free(value);
    store_dispose(&s);
}

static void column__snappy_round_trip(void **state)
{
    (void)state;
    EACH_VERSION(version)
        round_trip(version, CASK_CODEC_SNAPPY);
}

static void column__zstd_round_trip(void **state)
{
    (void)state;
    round_trip(4, CASK_CODEC_ZSTD);
}

static void column__zstd_needs_version_4(void **state)
{
    memory_disk *disk = memory_disk_new();
    store s = store_at(memory_disk_vfs(disk), "/archive", 3, false);

    (void)state;
    s.disk = disk;
    s.shape.codec = CASK_CODEC_ZSTD;
    assert_code(store_try_open(&s), CASK_E_UNSUPPORTED);
    s.shape.codec = 99;
    s.shape.format_version = 4;
    assert_code(store_try_open(&s), CASK_E_UNSUPPORTED);
    store_dispose(&s);
}

static void column__codec_and_type_on_disk_win(void **state)
{
    cask_column_info info;

    (void)state;
    EACH_VERSION(version) {
        store s = open_compressed(version, CASK_CODEC_SNAPPY);

        s.shape.codec = CASK_CODEC_NONE;
        s.shape.record_type[0] = 'x';
        s.shape.record_type[1] = 'y';
        store_reopen(&s);
        assert_ok(cask_column_stat(&info, s.column));
        assert_int_equal(info.codec, CASK_CODEC_SNAPPY);
        assert_memory_equal(info.record_type, "cv", 2);
        assert_int_equal(info.format_version, version);
        store_put(&s, SLOTS(1));
        store_expect(&s, SLOTS(1));
        store_dispose(&s);
    }
}

/* What was framed elsewhere is kept to the byte; what is no frame is refused. */
static void column__framed_bytes_are_stored_verbatim(void **state)
{
    /* The stream identifier and one uncompressed chunk: masked CRC-32C of "slot", then "slot". */
    static const uint8_t payload[] = { 's', 'l', 'o', 't' };
    uint8_t framed[] = { 0xff, 6, 0, 0, 's', 'N', 'a', 'P', 'p', 'Y', 1, 8, 0, 0, 0, 0, 0, 0, 's', 'l', 'o', 't' };
    uint32_t crc = cask_crc32c(0, payload, sizeof(payload));
    uint32_t masked = (crc >> 15 | crc << 17) + 0xa282ead8;
    cask_buf got = CASK_BUF_INIT;

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        framed[14 + i] = (uint8_t)(masked >> 8 * i);
    EACH_VERSION(version) {
        store s = open_compressed(version, CASK_CODEC_SNAPPY);
        cask_batch *batch;

        assert_ok(cask_batch_begin(&batch, s.column));
        assert_ok(cask_batch_put_stored(batch, 5, framed, sizeof(framed), false));
        assert_code(cask_batch_put_stored(batch, 6, framed, sizeof(framed) - 1, false), CASK_E_INVALID);
        framed[20] ^= 1;
        assert_code(cask_batch_put_stored(batch, 6, framed, sizeof(framed), false), CASK_E_INVALID);
        framed[20] ^= 1;
        assert_code(cask_batch_put_stored(batch, 6, payload, sizeof(payload), false), CASK_E_INVALID);
        assert_ok(cask_batch_put_stored(batch, 6, framed, sizeof(framed), true));
        assert_ok(cask_batch_commit(batch));
        for (uint64_t slot = 5; slot <= 6; slot++) {
            assert_ok(cask_column_get_stored(&got, s.column, slot));
            assert_int_equal(got.size, sizeof(framed));
            assert_memory_equal(got.data, framed, sizeof(framed));
            assert_ok(cask_column_get_buf(&got, s.column, slot));
            assert_int_equal(got.size, sizeof(payload));
            assert_memory_equal(got.data, payload, sizeof(payload));
        }
        store_dispose(&s);
    }
    cask_buf_dispose(&got);
}

static void expect_undecodable(store *s, int code)
{
    assert_code(code, CASK_E_CORRUPT);
    assert_string_equal(cask_error_last()->word, "record-codec");
    assert_int_equal(cask_error_last()->slot, 6);
    store_reopen(s);
}

/* The caller vouched for a payload that is none: whoever decodes it says that the column is damaged, not the call. */
static void column__record_that_does_not_decode_is_corrupt(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        store s = open_compressed(version, CASK_CODEC_SNAPPY);
        cask_compact_options options = CASK_COMPACT_OPTIONS_INIT;
        cask_buf bytes = CASK_BUF_INIT;
        cask_batch *batch;
        cask_change change;
        cask_iter *iter;
        const void *data;
        size_t size;
        tree *before;

        assert_ok(cask_codec_encode(&bytes, CASK_CODEC_SNAPPY, 0, some_value, sizeof some_value));
        bytes.data[bytes.size - 1] ^= 1;
        batch = store_begin(&s, SLOTS(5));
        assert_ok(cask_batch_put_stored(batch, 6, bytes.data, bytes.size, true));
        assert_ok(batch_put_value(batch, 8192));
        assert_ok(cask_batch_commit(batch));
        store_reopen(&s);
        before = tree_read(s.vfs, s.path);
        expect_undecodable(&s, cask_column_get_buf(&bytes, s.column, 6));
        assert_ok(cask_iter_new(&iter, s.column, 6, CASK_UP));
        assert_ok(cask_iter_next(iter, &(uint64_t){ 0 }));
        assert_code(cask_iter_value(iter, &data, &size), CASK_E_CORRUPT);
        cask_iter_free(iter);
        expect_undecodable(&s, cask_column_put(s.column, 6, some_value, sizeof some_value));
        options.codec = CASK_CODEC_NONE;
        expect_undecodable(&s, version == 4 ? cask_column_compact(&change, s.column, &options)
                                            : cask_column_upgrade(s.column, 4));
        assert_tree_unchanged(before, s.vfs, s.path);
        assert_int_equal(store_verify(&s, true), 1);
        store_expect_absent(&s, 7);
        tree_free(before);
        cask_buf_dispose(&bytes);
        store_dispose(&s);
    }
}

/* ---- Opening ---------------------------------------------------------------------------------------------------- */

static void column__names_are_checked(void **state)
{
    static const char *const bad[] = { "", "1a", "A", "a/b", "..", ".", "_a", "a.b", "a b", "-a", "{a", "\xc3\xa9",
                                       "a23456789012345678901234567890123" };
    static const char *const good[] = { "a", "block_roots", "a-1", "a2345678901234567890123456789012" };
    store s = store_in_memory(4, false);
    cask_column *column;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_code(cask_column_open(&column, s.archive, bad[i], &s.shape), CASK_E_INVALID);
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_ok(cask_column_open(&column, s.archive, good[i], &s.shape));
        cask_column_close(column);
    }
    store_dispose(&s);
}

static void column__record_type_is_two_bytes(void **state)
{
    static const struct {
        uint8_t asked[2];
        uint8_t type[2];
    } cases[] = { { { 0, 0 }, { 'c', 'v' } }, { { 0, 7 }, { 0, 7 } }, { { 7, 0 }, { 7, 0 } } };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        memory_disk *disk = memory_disk_new();
        store s = store_at(memory_disk_vfs(disk), "/archive", 4, false);
        cask_column_info info;

        s.disk = disk;
        memcpy(s.shape.record_type, cases[i].asked, 2);
        store_open(&s);
        store_put(&s, SLOTS(1, 2));
        store_reopen(&s);
        store_expect(&s, SLOTS(1, 2));
        assert_ok(cask_column_stat(&info, s.column));
        assert_memory_equal(info.record_type, cases[i].type, 2);
        store_dispose(&s);
    }
}

static int collect_name(const char *name, void *payload)
{
    char *names = payload;

    strcat(names, name);
    strcat(names, " ");
    return 0;
}

static void column__columns_are_listed_sorted(void **state)
{
    store s = store_in_memory(4, false);
    char names[200] = "";
    cask_column *column;

    (void)state;
    assert_ok(cask_column_open(&column, s.archive, "zeta", &s.shape));
    cask_column_close(column);
    assert_ok(cask_column_open(&column, s.archive, "alpha", &s.shape));
    cask_column_close(column);
    assert_ok(cask_archive_columns(s.archive, collect_name, names));
    assert_string_equal(names, "alpha blocks zeta ");
    store_dispose(&s);
}

static int stop_at_c(const char *name, void *payload)
{
    collect_name(name, payload);
    return *name == 'c' ? 7 : 0;
}

static void column__more_columns_and_other_things_are_told_apart(void **state)
{
    char *path = temp_folder_new(), *file, *folder;
    store s = store_at(cask_vfs_posix(), path, 4, false);
    char names[200] = "";

    (void)state;
    store_open(&s);
    for (char letter = 'a'; letter <= 'i'; letter++) {
        cask_column *column;

        assert_ok(cask_column_open(&column, s.archive, (const char[]){ letter, '\0' }, &s.shape));
        cask_column_close(column);
    }
    file = path_join(path, "file");
    file_write(s.vfs, file, "file", 4);
    folder = path_join(path, "folder");
    folder_make(s.vfs, folder);
    assert_ok(cask_archive_columns(s.archive, collect_name, names));
    assert_string_equal(names, "a b blocks c d e f g h i ");
    *names = '\0';
    assert_code(cask_archive_columns(s.archive, stop_at_c, names), 7);
    assert_string_equal(names, "a b blocks c ");
    free(file);
    free(folder);
    store_close(&s);
    temp_folder_remove(path);
}

static void column__absent_is_not_found(void **state)
{
    store s = store_in_memory(4, false);
    cask_column *column;
    cask_archive *archive;
    cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;

    (void)state;
    assert_code(cask_column_open(&column, s.archive, "other", NULL), CASK_E_NOTFOUND);
    options.vfs = s.vfs;
    assert_code(cask_archive_open(&archive, "/nowhere", &options), CASK_E_NOTFOUND);
    store_dispose(&s);
}

static void column__bad_options_are_refused(void **state)
{
    store s = store_in_memory(4, false);
    cask_column_options options = CASK_COLUMN_OPTIONS_INIT;
    cask_column *column;

    (void)state;
    options.create = true;
    options.format_version = 1;
    assert_code(cask_column_open(&column, s.archive, "other", &options), CASK_E_UNSUPPORTED);
    options.format_version = 5;
    assert_code(cask_column_open(&column, s.archive, "other", &options), CASK_E_UNSUPPORTED);
    options.struct_size--;
    assert_code(cask_column_open(&column, s.archive, "other", &options), CASK_E_INVALID);
    options.struct_size++;
    options.format_version = 2;
    options.codec = CASK_CODEC_ZSTD;
    assert_code(cask_column_open(&column, s.archive, "other", &options), CASK_E_UNSUPPORTED);
    store_dispose(&s);
}

static void column__format_of_the_disk_wins(void **state)
{
    store s = store_in_memory(3, false);
    cask_column_info info;

    (void)state;
    store_put(&s, SLOTS(1));
    s.shape.format_version = 4;
    store_reopen(&s);
    assert_ok(cask_column_stat(&info, s.column));
    assert_int_equal(info.format_version, 3);
    store_dispose(&s);
}

/* A few offset tables in memory must do for any number of files. */
static void column__more_files_than_cached(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        memory_disk *disk = memory_disk_new();
        store s = store_at(memory_disk_vfs(disk), "/archive", version, false);
        uint64_t slots[12];

        s.disk = disk;
        s.shape.cached_files = 4;
        store_open(&s);
        for (uint64_t i = 0; i < COUNT_OF(slots); i++) {
            slots[i] = i * 8192 + i;
            store_put(&s, &slots[i], 1);
        }
        store_expect(&s, slots, COUNT_OF(slots));
        store_reopen(&s);
        store_expect(&s, slots, COUNT_OF(slots));
        store_dispose(&s);
    }
}

static void column__checks_every_read_if_asked(void **state)
{
    store s = store_in_memory(4, false);
    uint8_t value[VALUE_SIZE_MAX], expected[VALUE_SIZE_MAX];
    char *path = store_file(&s, "data_00000");
    size_t size;

    (void)state;
    store_put(&s, SLOTS(1, 2));
    s.shape.check_every_read = true;
    store_reopen(&s);
    store_expect(&s, SLOTS(1, 2));
    value_of(1, expected);
    expected[0] ^= 1;
    file_patch(s.vfs, path, 8 + 8, expected, 1);
    assert_code(cask_column_get(s.column, 1, value, sizeof(value), &size), CASK_E_CORRUPT);
    assert_int_equal(cask_error_last()->slot, 1);
    assert_string_equal(cask_error_last()->word, "record-checksum");
    assert_ok(cask_column_get(s.column, 2, value, sizeof(value), &size));
    assert_int_equal(store_verify(&s, true), 1);
    free(path);
    store_dispose(&s);
}

/* ---- The archive ------------------------------------------------------------------------------------------------ */

static void archive__path_is_checked(void **state)
{
    memory_disk *disk = memory_disk_new();
    cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;
    char path[4100] = "";
    cask_archive *archive;
    store s = store_at(memory_disk_vfs(disk), "/archive///", 4, false);

    (void)state;
    s.disk = disk;
    options.vfs = s.vfs;
    options.create = true;
    assert_code(cask_archive_open(&archive, "", &options), CASK_E_INVALID);
    memset(path, 'p', 4001);
    assert_code(cask_archive_open(&archive, path, &options), CASK_E_INVALID);
    memset(path, '/', sizeof path - 1); /* slashes at the end do not count */
    assert_ok(cask_archive_open(&archive, path, &options));
    cask_archive_close(archive);
    store_open(&s);
    store_put(&s, SLOTS(1));
    store_close(&s);
    s.path = "/archive";
    store_expect_healed(&s, SLOTS(1));
    store_dispose(&s);
}

static void archive__nothing_is_made_to_be_read_only(void **state)
{
    memory_disk *disk = memory_disk_new();
    cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;
    uint64_t hash = memory_disk_hash(disk);
    cask_archive *archive;

    (void)state;
    options.vfs = memory_disk_vfs(disk);
    options.create = true;
    options.read_only = true;
    assert_code(cask_archive_open(&archive, "/archive", &options), CASK_E_NOTFOUND);
    assert_true(memory_disk_hash(disk) == hash);
    options.struct_size--;
    assert_code(cask_archive_open(&archive, "/archive", &options), CASK_E_INVALID);
    memory_disk_free(disk);
}

/* ---- Identity --------------------------------------------------------------------------------------------------- */

static void archive__identity_is_set_once(void **state)
{
    store s = store_in_memory(4, false);
    const char *text;
    size_t size;
    tree *before;

    (void)state;
    assert_code(cask_archive_identity(&text, &size, s.archive), CASK_E_NOTFOUND);
    assert_ok(cask_archive_set_identity(s.archive, "hoodi", 5));
    before = tree_read(s.vfs, s.path);
    assert_ok(cask_archive_set_identity(s.archive, "hoodi", 5));
    assert_code(cask_archive_set_identity(s.archive, "gnosis", 6), CASK_E_CONFLICT);
    assert_code(cask_archive_set_identity(s.archive, "hood", 4), CASK_E_CONFLICT);
    assert_code(cask_archive_set_identity(s.archive, "hoods", 5), CASK_E_CONFLICT);
    assert_tree_unchanged(before, s.vfs, s.path);
    store_reopen(&s);
    assert_ok(cask_archive_identity(&text, &size, s.archive));
    assert_int_equal(size, 5);
    assert_memory_equal(text, "hoodi", 5);
    store_close(&s);
    store_open_existing(&s, true);
    assert_ok(cask_archive_identity(&text, &size, s.archive));
    assert_code(cask_archive_set_identity(s.archive, "gnosis", 6), CASK_E_REFUSED);
    tree_free(before);
    store_dispose(&s);
}

static void archive__identity_is_checked(void **state)
{
    store s = store_in_memory(4, false);
    char *path = path_join(s.path, "archive.conf");
    char *large = calloc(1, 60001);
    cask_archive *archive;
    cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;
    uint8_t *bytes;
    size_t size;

    (void)state;
    assert_non_null(large);
    memset(large, 'x', 60001);
    assert_code(cask_archive_set_identity(s.archive, large, 60001), CASK_E_INVALID);
    assert_code(cask_archive_set_identity(s.archive, "a\0b", 3), CASK_E_INVALID);
    assert_ok(cask_archive_set_identity(s.archive, large, 60000));
    store_close(&s);

    options.vfs = s.vfs;
    bytes = file_read(s.vfs, path, &size);
    bytes[size / 2] ^= 1;
    file_write(s.vfs, path, bytes, size);
    assert_code(cask_archive_open(&archive, s.path, &options), CASK_E_CORRUPT);
    file_truncate(s.vfs, path, size / 2);
    assert_code(cask_archive_open(&archive, s.path, &options), CASK_E_CORRUPT);
    file_truncate(s.vfs, path, 0);
    assert_code(cask_archive_open(&archive, s.path, &options), CASK_E_CORRUPT);
    free(bytes);
    free(large);
    free(path);
    store_dispose(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        case_test(column__put_then_get),
        case_test(column__version_2_put_then_get),
        case_test(column__empty_has_no_highest),
        case_test(column__skipped_slots_are_absent),
        case_test(column__empty_value_is_a_value),
        case_test(column__too_small_buffer_learns_the_size),
        case_test(column__get_buf_grows_and_is_reused),
        case_test(column__slot_max_is_refused),
        case_test(column__slot_too_far_away_is_refused),
        case_test(column__value_too_large_is_refused),
        case_test(column__snappy_round_trip),
        case_test(column__zstd_round_trip),
        case_test(column__zstd_needs_version_4),
        case_test(column__codec_and_type_on_disk_win),
        case_test(column__framed_bytes_are_stored_verbatim),
        case_test(column__record_that_does_not_decode_is_corrupt),
        case_test(column__names_are_checked),
        case_test(column__record_type_is_two_bytes),
        case_test(column__columns_are_listed_sorted),
        case_test(column__more_columns_and_other_things_are_told_apart),
        case_test(column__absent_is_not_found),
        case_test(column__bad_options_are_refused),
        case_test(column__format_of_the_disk_wins),
        case_test(column__more_files_than_cached),
        case_test(column__checks_every_read_if_asked),
        case_test(archive__path_is_checked),
        case_test(archive__nothing_is_made_to_be_read_only),
        case_test(archive__identity_is_set_once),
        case_test(archive__identity_is_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
