/* A disk that writes other bytes than it was given, and says nothing, or a codec that encodes another value: the file
 * that was to be replaced stays. */
#include "raw.h"
#include "store.h"

#include <zstd.h>

#define FILE_SLOTS ((uint64_t)CASK_SLOTS_PER_FILE)
#define NO_BYTE UINT64_MAX

/* The byte at `at` of the data file that is to replace another one arrives as another byte. */
static struct {
    const cask_vfs *inner;
    int file; /* that data file, if open */
    uint64_t at;
    bool of_values; /* zstd encodes another value */
    uint8_t bytes[VALUE_SIZE_MAX];
} lie;

static int lying_open(void *context, const char *path, cask_open_mode mode)
{
    const char suffix[] = "/replacement";
    size_t length = strlen(path);
    int file = lie.inner->open(context, path, mode);

    if (length >= sizeof suffix && strcmp(path + length - (sizeof suffix - 1), suffix) == 0)
        lie.file = file;
    return file;
}

static int lying_close(void *context, int file)
{
    if (file == lie.file)
        lie.file = -1;
    return lie.inner->close(context, file);
}

static int64_t lying_write_at(void *context, int file, const void *buffer, size_t size, uint64_t offset)
{
    if (file != lie.file || lie.at < offset || lie.at >= offset + size)
        return lie.inner->write_at(context, file, buffer, size, offset);
    assert_true(size <= sizeof lie.bytes);
    memcpy(lie.bytes, buffer, size);
    lie.bytes[lie.at - offset] ^= 0x10;
    return lie.inner->write_at(context, file, lie.bytes, size, offset);
}

size_t __real_ZSTD_compress2(ZSTD_CCtx *context, void *to, size_t capacity, const void *from, size_t size);
size_t __wrap_ZSTD_compress2(ZSTD_CCtx *context, void *to, size_t capacity, const void *from, size_t size);

size_t __wrap_ZSTD_compress2(ZSTD_CCtx *context, void *to, size_t capacity, const void *from, size_t size)
{
    if (!lie.of_values)
        return __real_ZSTD_compress2(context, to, capacity, from, size);
    assert_in_range(size, 1, sizeof lie.bytes);
    memcpy(lie.bytes, from, size);
    lie.bytes[size - 1] ^= 0x10;
    return __real_ZSTD_compress2(context, to, capacity, lie.bytes, size);
}

/* In a sealed file out of order; closed. */
static store filled(cask_vfs *lying)
{
    store s = store_in_memory(4, true);

    store_put(&s, SLOTS(7, 20, FILE_SLOTS + 1));
    store_put(&s, SLOTS(5));
    store_close(&s);
    *lying = *s.vfs;
    lie.inner = s.vfs;
    lie.file = -1;
    lie.at = NO_BYTE;
    lie.of_values = false;
    lying->open = lying_open;
    lying->close = lying_close;
    lying->write_at = lying_write_at;
    s.vfs = lying;
    return s;
}

/* ---- Compaction ---- */

static int compact(store *s, int codec, cask_change *change)
{
    cask_compact_options options = CASK_COMPACT_OPTIONS_INIT;

    options.codec = codec;
    return cask_column_compact(change, s->column, &options);
}

static void replace__compaction_finds_each_byte_that_was_written_otherwise(void **state)
{
    (void)state;
    for (int codec = CASK_CODEC_NONE; codec <= CASK_CODEC_ZSTD; codec++) {
        cask_vfs lying;
        store s = filled(&lying);
        cask_change change;
        uint64_t hash;

        store_open_existing(&s, false);
        hash = memory_disk_hash(s.disk);
        for (lie.at = 0; compact(&s, codec, &change) != CASK_OK; lie.at++) {
            assert_int_equal(cask_error_last()->code, CASK_E_IO);
            assert_true(memory_disk_hash(s.disk) == hash);
        }
        assert_int_equal(change.files, 1);
        assert_int_equal(lie.at, change.bytes_after);
        store_expect_values(&s, SLOTS(5, 7, 20, FILE_SLOTS + 1));
        assert_int_equal(store_verify(&s, false), 0);
        store_dispose(&s);
    }
}

static void replace__compaction_finds_a_value_that_was_encoded_otherwise(void **state)
{
    cask_vfs lying;
    store s = filled(&lying);
    cask_change change;
    uint64_t hash;

    (void)state;
    store_open_existing(&s, false);
    hash = memory_disk_hash(s.disk);
    lie.of_values = true;
    assert_code(compact(&s, CASK_CODEC_ZSTD, &change), CASK_E_IO);
    assert_true(memory_disk_hash(s.disk) == hash);
    lie.of_values = false;
    assert_ok(compact(&s, CASK_CODEC_ZSTD, &change));
    assert_int_equal(change.files, 1);
    store_expect_values(&s, SLOTS(5, 7, 20, FILE_SLOTS + 1));
    store_dispose(&s);
}

/* ---- Rebuilding ---- */

static int rebuild(store *s, cask_change *change)
{
    cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;
    cask_archive *archive;
    int code;

    options.vfs = s->vfs;
    assert_ok(cask_archive_open(&archive, s->path, &options));
    code = cask_column_rebuild(change, archive, STORE_COLUMN, NULL, NULL, NULL, NULL);
    cask_archive_close(archive);
    return code;
}

static void replace__rebuilding_finds_each_byte_that_was_written_otherwise(void **state)
{
    cask_vfs lying;
    store s = filled(&lying);
    char *folder = store_folder(&s), *path = raw_data_path(folder, 0);
    uint64_t record = raw_offset_get(s.vfs, folder, 7);
    cask_change change;
    uint64_t hash;

    (void)state;
    file_patch(s.vfs, path, record + RAW_HEADER_SIZE, "?", 1);
    hash = memory_disk_hash(s.disk);
    for (lie.at = 0; rebuild(&s, &change) != CASK_OK; lie.at++) {
        assert_int_equal(cask_error_last()->code, CASK_E_IO);
        assert_true(memory_disk_hash(s.disk) == hash);
    }
    assert_int_equal(change.files, 1);
    assert_int_equal(lie.at, change.bytes_after);
    store_open_existing(&s, false);
    store_expect_values(&s, SLOTS(5, 20, FILE_SLOTS + 1));
    assert_int_equal(store_verify(&s, false), 0);
    free(path);
    free(folder);
    store_dispose(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replace__compaction_finds_each_byte_that_was_written_otherwise),
        cmocka_unit_test(replace__compaction_finds_a_value_that_was_encoded_otherwise),
        cmocka_unit_test(replace__rebuilding_finds_each_byte_that_was_written_otherwise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
