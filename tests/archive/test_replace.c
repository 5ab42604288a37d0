/* While a file is replaced everything can be read. If the disk writes other bytes than it was given and says nothing,
 * or a codec encodes another value, the file stays. */
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

/* Handles opened before each step of a compaction: one that reads everything before each later step, and one that reads
 * first when all is done. So does the handle that compacts. */
typedef struct watchers {
    store *writer;
    size_t count;
    struct {
        store busy, idle;
    } opened[64];
} watchers;

static void expect_all(store *s)
{
    store_expect_values(s, SLOTS(5, 7, 20, FILE_SLOTS + 1));
}

static store opened_now(const watchers *w)
{
    store s = *w->writer;

    s.archive = NULL;
    store_open_existing(&s, true);
    return s;
}

static void watch(void *payload)
{
    watchers *w = payload;

    assert_true(w->count < COUNT_OF(w->opened));
    w->opened[w->count].busy = opened_now(w);
    w->opened[w->count].idle = opened_now(w);
    w->count++;
    expect_all(w->writer);
    for (size_t i = 0; i < w->count; i++)
        expect_all(&w->opened[i].busy);
}

static void replace__all_can_be_read_before_each_step_of_compaction(void **state)
{
    (void)state;
    for (int codec = CASK_CODEC_NONE; codec <= CASK_CODEC_ZSTD; codec++) {
        cask_vfs honest;
        store s = filled(&honest);
        watchers w = { .writer = &s };
        cask_change change;

        store_open_existing(&s, false);
        memory_disk_forget_steps(s.disk);
        memory_disk_on_step(s.disk, watch, &w);
        assert_ok(compact(&s, codec, &change));
        memory_disk_on_step(s.disk, NULL, NULL);
        assert_int_equal(change.files, 1);
        assert_int_equal(memory_disk_count_steps(s.disk, STEP_TRUNCATE, "data_00000"), 1);
        assert_in_range(w.count, 10, COUNT_OF(w.opened));
        for (size_t i = 0; i < w.count; i++) {
            expect_all(&w.opened[i].busy);
            expect_all(&w.opened[i].idle);
            store_close(&w.opened[i].busy);
            store_close(&w.opened[i].idle);
        }
        expect_all(&s);
        store_dispose(&s);
    }
}

/* The system calls of a reader: before the one of number `at` a compaction is run, from its beginning to its end. */
static struct {
    store *writer;
    int codec;
    size_t calls, at;
} meanwhile;

static void count_call(void)
{
    cask_change change;

    if (++meanwhile.calls != meanwhile.at)
        return;
    assert_ok(compact(meanwhile.writer, meanwhile.codec, &change));
    assert_int_equal(change.files, 1);
}

static int counted_open(void *context, const char *path, cask_open_mode mode)
{
    count_call();
    return lie.inner->open(context, path, mode);
}

static int64_t counted_read_at(void *context, int file, void *buffer, size_t size, uint64_t offset)
{
    count_call();
    return lie.inner->read_at(context, file, buffer, size, offset);
}

static int counted_size(void *context, int file, uint64_t *size_out)
{
    count_call();
    return lie.inner->size(context, file, size_out);
}

static int counted_stat(void *context, const char *path, cask_file_info *info_out)
{
    count_call();
    return lie.inner->stat(context, path, info_out);
}

/* From opening to reading everything a second time; false: there were fewer calls. */
static bool read_while_compacted(int codec, size_t at)
{
    cask_vfs honest, counted;
    store s = filled(&honest), reader;

    store_open_existing(&s, false);
    counted = *lie.inner;
    counted.open = counted_open;
    counted.read_at = counted_read_at;
    counted.size = counted_size;
    counted.stat = counted_stat;
    reader = s;
    reader.vfs = &counted;
    reader.archive = NULL;
    meanwhile.writer = &s;
    meanwhile.codec = codec;
    meanwhile.calls = 0;
    meanwhile.at = at;
    store_open_existing(&reader, true);
    expect_all(&reader);
    expect_all(&reader);
    store_close(&reader);
    store_dispose(&s);
    return meanwhile.calls >= at;
}

static void replace__all_can_be_read_if_a_file_is_compacted_before_any_call_of_a_reader(void **state)
{
    (void)state;
    for (int codec = CASK_CODEC_NONE; codec <= CASK_CODEC_ZSTD; codec++) {
        size_t at = 1;

        while (read_while_compacted(codec, at))
            at++;
        assert_true(at > 50);
    }
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
        cmocka_unit_test(replace__all_can_be_read_before_each_step_of_compaction),
        cmocka_unit_test(replace__all_can_be_read_if_a_file_is_compacted_before_any_call_of_a_reader),
        cmocka_unit_test(replace__compaction_finds_a_value_that_was_encoded_otherwise),
        cmocka_unit_test(replace__rebuilding_finds_each_byte_that_was_written_otherwise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
