/* Compaction: what it is asked, and records that are put into files that have another codec since. */
#include "codec.h"
#include "store.h"

#define FILE_SLOTS ((uint64_t)CASK_SLOTS_PER_FILE)

/* Three files, of which the first two have dead bytes and are not in slot order, the current one neither. */
static store filled(uint8_t codec)
{
    memory_disk *disk = memory_disk_new();
    store s = store_at(memory_disk_vfs(disk), "/archive", 4, true);

    s.disk = disk;
    s.shape.codec = codec;
    store_open(&s);
    store_put(&s, SLOTS(1, 5, FILE_SLOTS + 2, FILE_SLOTS + 5, 2 * FILE_SLOTS + 2));
    store_put(&s, SLOTS(3, FILE_SLOTS + 3, 2 * FILE_SLOTS + 1));
    return s;
}

#define FILLED                                                                                                         \
    SLOTS(1, 3, 5, FILE_SLOTS + 2, FILE_SLOTS + 3, FILE_SLOTS + 5, 2 * FILE_SLOTS + 1, 2 * FILE_SLOTS + 2)

static int put_stored(store *s, uint64_t slot, const cask_buf *payload)
{
    cask_batch *batch;
    int code;

    assert_ok(cask_batch_begin(&batch, s->column));
    code = cask_batch_put_stored(batch, slot, payload->data, payload->size, false);
    if (code == CASK_OK)
        assert_ok(cask_batch_commit(batch));
    else
        cask_batch_abort(batch);
    return code;
}

/* A payload is in the codec of the column, and goes into the file in that of the file. */
static void compact__stored_payloads_go_into_files_of_another_codec(void **state)
{
    (void)state;
    for (uint8_t of_column = CASK_CODEC_NONE; of_column <= CASK_CODEC_ZSTD; of_column++) {
        for (uint8_t of_file = CASK_CODEC_NONE; of_file <= CASK_CODEC_ZSTD; of_file++) {
            store s = filled(of_column);
            cask_compact_options options = CASK_COMPACT_OPTIONS_INIT;
            uint8_t value[VALUE_SIZE_MAX];
            cask_buf payload = CASK_BUF_INIT, other = CASK_BUF_INIT, stored = CASK_BUF_INIT;
            cask_change change;
            uint64_t hash;

            options.codec = of_file;
            assert_ok(cask_column_compact(&change, s.column, &options));
            assert_int_equal(change.files, 2);
            assert_ok(cask_codec_encode(&payload, of_column, 1, value, value_of(4, value)));
            assert_ok(cask_codec_encode(&other, of_column, 1, value, value_of(6, value)));
            assert_ok(put_stored(&s, 4, &payload));
            assert_ok(put_stored(&s, FILE_SLOTS + 6, &other));
            hash = memory_disk_hash(s.disk);
            assert_ok(put_stored(&s, 4, &payload));
            assert_code(put_stored(&s, 4, &other), CASK_E_CONFLICT);
            assert_true(memory_disk_hash(s.disk) == hash);
            store_reopen(&s);
            assert_ok(cask_column_get_buf(&stored, s.column, FILE_SLOTS + 6));
            assert_int_equal(stored.size, value_of(6, value));
            assert_memory_equal(stored.data, value, stored.size);
            assert_ok(cask_column_get_buf(&stored, s.column, 4));
            assert_int_equal(stored.size, value_of(4, value));
            assert_memory_equal(stored.data, value, stored.size);
            if (of_column != CASK_CODEC_NONE && of_column != of_file) {
                payload.data[payload.size - 1] ^= 1;
                assert_code(put_stored(&s, 7, &payload), CASK_E_INVALID);
                store_expect_absent(&s, 7);
            }
            assert_int_equal(store_verify(&s, false), 0);
            cask_buf_dispose(&payload);
            cask_buf_dispose(&other);
            cask_buf_dispose(&stored);
            store_dispose(&s);
        }
    }
}

static void compact__options_are_checked(void **state)
{
    store s = filled(CASK_CODEC_NONE);
    cask_compact_options options = CASK_COMPACT_OPTIONS_INIT;
    uint64_t hash = memory_disk_hash(s.disk);
    cask_change change = { .files = 9 };

    (void)state;
    options.struct_size--;
    assert_code(cask_column_compact(&change, s.column, &options), CASK_E_INVALID);
    assert_int_equal(change.files, 0);
    options.struct_size++;
    options.first_file = 2;
    options.last_file = 1;
    assert_code(cask_column_compact(&change, s.column, &options), CASK_E_INVALID);
    options.first_file = 0;
    options.codec = CASK_CODEC_ZSTD + 1;
    assert_code(cask_column_compact(&change, s.column, &options), CASK_E_UNSUPPORTED);
    assert_true(memory_disk_hash(s.disk) == hash);
    options.codec = CASK_CODEC_ZSTD;
    options.codec_level = 23;
    assert_code(cask_column_compact(&change, s.column, &options), CASK_E_INVALID);
    store_reopen(&s);
    store_expect(&s, FILLED);
    store_dispose(&s);
}

static int stop(uint64_t file_id, uint64_t bytes_before, uint64_t bytes_after, void *payload)
{
    (void)bytes_before;
    (void)bytes_after;
    *(uint64_t *)payload = file_id;
    return 7;
}

/* Some of the files, and no more of them once the caller says so; those that would not change are left alone. */
static void compact__only_what_is_asked_for(void **state)
{
    store s = filled(CASK_CODEC_NONE);
    cask_compact_options options = CASK_COMPACT_OPTIONS_INIT;
    cask_change change;
    uint64_t told = 99, hash;

    (void)state;
    options.first_file = 2;
    assert_ok(cask_column_compact(&change, s.column, &options)); /* the current one */
    assert_int_equal(change.files, 0);
    options.first_file = 0;
    options.progress = stop;
    options.payload = &told;
    assert_code(cask_column_compact(&change, s.column, &options), 7);
    assert_int_equal(told, 0);
    assert_int_equal(change.files, 1);
    assert_int_equal(change.slots, 3);
    options.first_file = 1;
    options.last_file = 1;
    assert_code(cask_column_compact(&change, s.column, &options), 7);
    assert_int_equal(told, 1);
    hash = memory_disk_hash(s.disk);
    assert_ok(cask_column_compact(&change, s.column, NULL));
    assert_int_equal(change.files, 0);
    assert_true(memory_disk_hash(s.disk) == hash);
    store_expect(&s, FILLED);
    store_dispose(&s);
}

static void compact__empty_column_has_nothing_to_do(void **state)
{
    store s = store_in_memory(4, true);
    cask_change change;

    (void)state;
    assert_ok(cask_column_compact(&change, s.column, NULL));
    assert_int_equal(change.files, 0);
    store_dispose(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compact__stored_payloads_go_into_files_of_another_codec),
        cmocka_unit_test(compact__options_are_checked),
        cmocka_unit_test(compact__only_what_is_asked_for),
        cmocka_unit_test(compact__empty_column_has_nothing_to_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
