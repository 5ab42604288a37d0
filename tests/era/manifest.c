#include "manifest.h"

#include <stdio.h>

#include "sha256.h"

const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    if (text == NULL)
        fail_msg("the manifest has no %s", key);
    return text;
}

uint64_t number_of(const json_t *object, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(object, key));
}

void assert_hex(const uint8_t *bytes, size_t size, const char *expected)
{
    char text[65];

    for (size_t i = 0; i < size; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    assert_string_equal(text, strncmp(expected, "0x", 2) == 0 ? expected + 2 : expected);
}

static void assert_digest(cask_column *column, uint64_t slot, uint64_t size, const char *expected)
{
    cask_buf value = CASK_BUF_INIT;
    uint8_t digest[32];

    assert_ok(cask_column_get_buf(&value, column, slot));
    assert_int_equal(value.size, size);
    cask_sha256(digest, value.data, value.size);
    assert_hex(digest, 32, expected);
    cask_buf_dispose(&value);
}

static void assert_root(cask_column *column, uint64_t slot, const char *expected)
{
    uint8_t root[32];
    size_t size;

    assert_ok(cask_column_get(column, slot, root, sizeof(root), &size));
    assert_int_equal(size, 32);
    assert_hex(root, 32, expected);
}

static void assert_slot(const four_columns *columns, const json_t *about)
{
    uint64_t slot = number_of(about, "slot");
    bool present;

    assert_root(columns->block_roots, slot, text_of(about, "block_root"));
    assert_root(columns->state_roots, slot, text_of(about, "state_root"));
    if (!json_is_true(json_object_get(about, "empty"))) {
        assert_digest(columns->blocks, slot, number_of(about, "ssz_size"), text_of(about, "ssz_sha256"));
        return;
    }
    assert_ok(cask_column_contains(&present, columns->blocks, slot));
    assert_false(present);
}

static void assert_era(const four_columns *columns, const json_t *era)
{
    const json_t *state = json_object_get(era, "state");
    const json_t *slots = json_object_get(era, "slots");

    assert_digest(columns->states, number_of(state, "slot"), number_of(state, "ssz_size"),
                  text_of(state, "ssz_sha256"));
    for (size_t i = 0; i < json_array_size(slots); i++)
        assert_slot(columns, json_array_get(slots, i));
}

json_t *load_manifest(const char *path)
{
    json_error_t error;
    json_t *manifest = json_load_file(path, 0, &error);

    if (manifest == NULL)
        fail_msg("%s: %s", path, error.text);
    return manifest;
}

void open_four(four_columns *columns, cask_archive *archive)
{
    assert_ok(cask_column_open(&columns->blocks, archive, "blocks", NULL));
    assert_ok(cask_column_open(&columns->block_roots, archive, "block_roots", NULL));
    assert_ok(cask_column_open(&columns->state_roots, archive, "state_roots", NULL));
    assert_ok(cask_column_open(&columns->states, archive, "states", NULL));
}

void close_four(four_columns *columns)
{
    cask_column_close(columns->blocks);
    cask_column_close(columns->block_roots);
    cask_column_close(columns->state_roots);
    cask_column_close(columns->states);
}

void assert_archive_has(cask_archive *archive, const json_t *eras, size_t first, size_t last)
{
    four_columns columns;

    open_four(&columns, archive);
    assert_true(last < json_array_size(eras));
    for (size_t i = first; i <= last; i++)
        assert_era(&columns, json_array_get(eras, i));
    close_four(&columns);
}
