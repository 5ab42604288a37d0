/* The index of roots: every root leads to its slot, a damaged or lying index never to another one. */
#include "check.h"
#include "files.h"
#include "manifest.h"
#include "root_db.h"
#include "slotcask/era.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define MINIMAL FIXTURES "/eras/minimal"
#define FIRST_ERAS FIXTURES "/eras/unusual/from-genesis/vectors-00000-25723884.era"

enum { ROOT_SIZE = 32, ERAS = 17, ERA_SLOTS = 64, SLOTS = (ERAS - 1) * ERA_SLOTS };

/* ---- Archives ---------------------------------------------------------------------------------------------------- */

typedef struct box {
    char *folder; /* of the archive */
    char *index;  /* folder/index */
    char *file;   /* folder/index/data.mdb */
} box;

static box box_new(void)
{
    box b = { .folder = temp_folder_new() };

    b.index = path_join(b.folder, "index");
    b.file = path_join(b.index, "data.mdb");
    return b;
}

static void box_dispose(box *b)
{
    free(b->file);
    free(b->index);
    temp_folder_remove(b->folder);
}

static cask_archive *box_open(const box *b, bool read_only)
{
    cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;
    cask_archive *archive;

    options.read_only = read_only;
    assert_ok(cask_archive_open(&archive, b->folder, &options));
    return archive;
}

/* What became of the index. */
static int box_import(const box *b, const char *path, cask_verify_level level)
{
    cask_import_options options = CASK_IMPORT_OPTIONS_INIT;
    cask_import_result result;
    cask_network *network;
    cask_archive *archive = box_open(b, false);

    assert_ok(cask_network_load(&network, MINIMAL "/config.yaml", NULL));
    options.network = network;
    options.verify = level;
    options.allow_backfill = true;
    assert_ok(cask_import(&result, archive, &path, 1, &options));
    cask_network_free(network);
    cask_archive_close(archive);
    return result.index_code;
}

static box box_of_all_eras(void)
{
    box b = box_new();

    assert_ok(box_import(&b, MINIMAL, CASK_VERIFY_ROOTS));
    return b;
}

static int box_make(const box *b, cask_root_index_result *result)
{
    cask_archive *archive = box_open(b, false);
    int code = cask_root_index_make(result, archive, 2, NULL, NULL);

    cask_archive_close(archive);
    return code;
}

static int box_find(const box *b, cask_root_kind kind, const uint8_t *root, uint64_t *slot)
{
    cask_archive *archive = box_open(b, true);
    cask_root_index *index;
    int code = cask_root_index_open(&index, archive);

    if (code == CASK_OK) {
        code = cask_root_index_find(slot, index, kind, root);
        cask_root_index_close(index);
    }
    cask_archive_close(archive);
    return code;
}

/* ---- What is to be found ----------------------------------------------------------------------------------------- */

/* By the eras themselves. */
typedef struct roots {
    uint8_t of_blocks[SLOTS][ROOT_SIZE];
    uint8_t of_states[SLOTS + 1][ROOT_SIZE];
    bool has_block[SLOTS];
} roots;

static void read_root(uint8_t *root, cask_column *column, uint64_t slot)
{
    size_t size;

    assert_ok(cask_column_get(column, slot, root, ROOT_SIZE, &size));
    assert_int_equal(size, ROOT_SIZE);
}

static void hex_to_root(uint8_t *root, const char *text)
{
    text += strncmp(text, "0x", 2) == 0 ? 2 : 0;
    for (size_t i = 0; i < ROOT_SIZE; i++) {
        unsigned byte;

        assert_int_equal(sscanf(text + 2 * i, "%2x", &byte), 1);
        root[i] = (uint8_t)byte;
    }
}

static roots *roots_of(const box *b)
{
    roots *r = calloc(1, sizeof(*r));
    json_t *manifest = load_manifest(MINIMAL "/manifest.json");
    cask_archive *archive = box_open(b, true);
    four_columns columns;

    assert_non_null(r);
    open_four(&columns, archive);
    for (uint64_t slot = 0; slot < SLOTS; slot++) {
        read_root(r->of_blocks[slot], columns.block_roots, slot);
        read_root(r->of_states[slot], columns.state_roots, slot);
        assert_ok(cask_column_contains(&r->has_block[slot], columns.blocks, slot));
    }
    close_four(&columns);
    cask_archive_close(archive);
    hex_to_root(r->of_states[SLOTS],
                text_of(json_object_get(json_array_get(json_object_get(manifest, "eras"), ERAS - 1), "state"),
                        "hash_tree_root"));
    json_decref(manifest);
    return r;
}

/* Every root of the first `slots` slots leads to its slot: that of a block from the empty slots behind it too. */
static void expect_all(const box *b, const roots *r, uint64_t slots)
{
    cask_archive *archive = box_open(b, true);
    uint64_t block = 0, found, empty = 0;
    cask_root_index *index;

    assert_ok(cask_root_index_open(&index, archive));
    for (uint64_t slot = 0; slot < slots; slot++) {
        if (r->has_block[slot])
            block = slot;
        empty += !r->has_block[slot];
        found = CASK_NO_SLOT;
        assert_ok(cask_root_index_find(&found, index, CASK_ROOT_OF_BLOCK, r->of_blocks[slot]));
        assert_int_equal(found, block);
        assert_ok(cask_root_index_find(&found, index, CASK_ROOT_OF_STATE, r->of_states[slot]));
        assert_int_equal(found, slot);
        assert_code(cask_root_index_find(&found, index, CASK_ROOT_OF_STATE, r->of_blocks[slot]), CASK_E_NOTFOUND);
    }
    assert_true(empty > 10);
    assert_ok(cask_root_index_find(&found, index, CASK_ROOT_OF_STATE, r->of_states[slots]));
    assert_int_equal(found, slots);
    cask_root_index_close(index);
    cask_archive_close(archive);
}

/* ---- Keeping and making it --------------------------------------------------------------------------------------- */

static void index__is_kept_by_an_import(void **state)
{
    box b = box_of_all_eras();
    roots *r = roots_of(&b);

    (void)state;
    expect_all(&b, r, SLOTS);
    assert_true(file_size(cask_vfs_posix(), b.file) > 65536); /* more than it began with */
    free(r);
    box_dispose(&b);
}

static void index__looking_up_changes_nothing(void **state)
{
    box b = box_of_all_eras();
    roots *r = roots_of(&b);
    tree *before = tree_read(cask_vfs_posix(), b.folder);

    (void)state;
    expect_all(&b, r, SLOTS);
    assert_tree_unchanged(before, cask_vfs_posix(), b.folder);
    tree_free(before);
    free(r);
    box_dispose(&b);
}

static void index__is_made_anew(void **state)
{
    box b = box_of_all_eras();
    roots *r = roots_of(&b);
    cask_root_index_result result;
    uint64_t slot;

    (void)state;
    assert_int_equal(unlink(b.file), 0);
    assert_int_equal(rmdir(b.index), 0);
    assert_code(box_find(&b, CASK_ROOT_OF_BLOCK, r->of_blocks[5], &slot), CASK_E_NOTFOUND);
    assert_non_null(strstr(cask_error_last()->message, "'slotcask index' makes it"));
    for (int again = 0; again < 2; again++) {
        assert_ok(box_make(&b, &result));
        assert_int_equal(result.blocks, 860); /* and that of the genesis block */
        assert_int_equal(result.states, SLOTS + 1);
        expect_all(&b, r, SLOTS);
    }
    free(r);
    box_dispose(&b);
}

static void remove_column(const box *b, const char *name)
{
    char *folder = path_join(b->folder, name);

    temp_folder_remove(folder);
}

static void index__hashes_what_no_column_of_roots_has(void **state)
{
    box b = box_of_all_eras();
    roots *r = roots_of(&b);
    cask_root_index_result result;

    (void)state;
    remove_column(&b, "block_roots");
    remove_column(&b, "state_roots");
    assert_ok(box_make(&b, &result));
    assert_int_equal(result.blocks, 859);
    assert_int_equal(result.states, ERAS);
    for (uint64_t slot = 0; slot < SLOTS; slot++) {
        uint64_t found = CASK_NO_SLOT;

        if (r->has_block[slot]) {
            assert_ok(box_find(&b, CASK_ROOT_OF_BLOCK, r->of_blocks[slot], &found));
            assert_int_equal(found, slot);
        }
        if (slot % ERA_SLOTS == 0) {
            assert_ok(box_find(&b, CASK_ROOT_OF_STATE, r->of_states[slot], &found));
            assert_int_equal(found, slot);
        }
    }
    free(r);
    box_dispose(&b);
}

static void index__without_verifying_leaves_the_last_state_out(void **state)
{
    box whole = box_of_all_eras(), b = box_new();
    roots *r = roots_of(&whole);
    cask_root_index_result result;
    uint64_t slot;

    (void)state;
    assert_ok(box_import(&b, MINIMAL, CASK_VERIFY_NONE));
    assert_ok(box_find(&b, CASK_ROOT_OF_BLOCK, r->of_blocks[SLOTS - 1], &slot));
    assert_code(box_find(&b, CASK_ROOT_OF_STATE, r->of_states[SLOTS], &slot), CASK_E_NOTFOUND);
    assert_non_null(strstr(cask_error_last()->message, "stale"));
    assert_ok(box_make(&b, &result));
    expect_all(&b, r, SLOTS);
    free(r);
    box_dispose(&whole);
    box_dispose(&b);
}

static void index__that_is_stale_says_so_and_is_brought_up_to_date(void **state)
{
    box whole = box_of_all_eras(), b = box_new();
    roots *r = roots_of(&whole);
    uint8_t *early;
    size_t size;
    uint64_t slot;

    (void)state;
    assert_ok(box_import(&b, FIRST_ERAS, CASK_VERIFY_ROOTS));
    early = file_read(cask_vfs_posix(), b.file, &size);
    assert_ok(box_import(&b, MINIMAL, CASK_VERIFY_ROOTS));
    expect_all(&b, r, SLOTS);

    file_write(cask_vfs_posix(), b.file, early, size);
    assert_code(box_find(&b, CASK_ROOT_OF_BLOCK, r->of_blocks[SLOTS - 1], &slot), CASK_E_NOTFOUND);
    assert_non_null(strstr(cask_error_last()->message, "stale"));
    assert_ok(box_find(&b, CASK_ROOT_OF_STATE, r->of_states[0], &slot));
    assert_int_equal(slot, 0);

    assert_ok(box_import(&b, FIRST_ERAS, CASK_VERIFY_ROOTS)); /* which is complete */
    expect_all(&b, r, SLOTS - 1);
    free(early);
    free(r);
    box_dispose(&whole);
    box_dispose(&b);
}

static void prune(const box *b, const char *name, uint64_t slot)
{
    cask_archive *archive = box_open(b, false);
    cask_column *column;
    cask_change change;

    assert_ok(cask_column_open(&column, archive, name, NULL));
    assert_ok(cask_column_prune(&change, column, slot, slot));
    assert_int_equal(change.slots, 1);
    cask_column_close(column);
    cask_archive_close(archive);
}

static void index__knows_what_was_pruned(void **state)
{
    box b = box_of_all_eras();
    roots *r = roots_of(&b);
    cask_root_index_result result;
    uint64_t slot;

    (void)state;
    prune(&b, "blocks", 1021);
    prune(&b, "states", 64);
    for (int again = 0; again < 2; again++) {
        assert_ok(box_find(&b, CASK_ROOT_OF_BLOCK, r->of_blocks[1021], &slot));
        assert_int_equal(slot, 1021);
        assert_ok(box_find(&b, CASK_ROOT_OF_STATE, r->of_states[64], &slot));
        assert_int_equal(slot, 64);
        assert_ok(box_make(&b, &result));
    }
    assert_int_equal(result.blocks, 860);
    free(r);
    box_dispose(&b);
}

static void index__of_a_root_that_is_none_is_complete(void **state)
{
    static const uint8_t none[ROOT_SIZE] = { 1, 2, 3 };
    box b = box_of_all_eras();
    uint64_t slot;

    (void)state;
    assert_code(box_find(&b, CASK_ROOT_OF_BLOCK, none, &slot), CASK_E_NOTFOUND);
    assert_null(strstr(cask_error_last()->message, "stale"));
    assert_code(box_find(&b, CASK_ROOT_OF_STATE, none, &slot), CASK_E_NOTFOUND);
    assert_null(strstr(cask_error_last()->message, "stale"));
    box_dispose(&b);
}

static void index__needs_a_network_to_hash(void **state)
{
    cask_column_options shape = CASK_COLUMN_OPTIONS_INIT;
    cask_root_index_result result;
    cask_archive *archive;
    cask_column *column;
    box b = box_new();

    (void)state;
    archive = box_open(&b, false);
    shape.create = true;
    assert_ok(cask_column_open(&column, archive, "blocks", &shape));
    assert_ok(cask_column_put(column, 7, "no block", 8));
    cask_column_close(column);
    assert_code(cask_root_index_make(&result, archive, 1, NULL, NULL), CASK_E_INVALID);
    cask_archive_close(archive);
    archive = box_open(&b, true);
    assert_code(cask_root_index_make(&result, archive, 1, NULL, NULL), CASK_E_REFUSED);
    cask_archive_close(archive);
    box_dispose(&b);
}

/* ---- Damage ------------------------------------------------------------------------------------------------------ */

static void index__that_lies_leads_nowhere(void **state)
{
    box b = box_of_all_eras();
    roots *r = roots_of(&b);
    root_db db = ROOT_DB_INIT;
    cask_archive *archive;
    uint64_t slot, empty = 1;
    uint8_t root[ROOT_SIZE];

    (void)state;
    while (r->has_block[empty])
        empty++;
    memcpy(root, r->of_blocks[empty], 8);
    memset(root + 8, 0xee, ROOT_SIZE - 8); /* begins as a root that is there */
    assert_code(box_find(&b, CASK_ROOT_OF_BLOCK, root, &slot), CASK_E_NOTFOUND);

    assert_int_equal(unlink(b.file), 0);
    archive = box_open(&b, false);
    assert_ok(root_db_open(&db, archive, true));
    for (size_t i = 0; i < 3; i++) {
        const uint64_t wrong[] = { empty, empty + 1000000, CASK_NO_SLOT };
        const root_entry entry = { root_prefix(r->of_blocks[empty]), wrong[i] };

        assert_ok(root_db_add(&db, 'b', &entry, 1, NULL, 0));
    }
    root_db_close(&db);
    cask_archive_close(archive);
    assert_code(box_find(&b, CASK_ROOT_OF_BLOCK, r->of_blocks[empty], &slot), CASK_E_NOTFOUND);
    free(r);
    box_dispose(&b);
}

static void make_fifo(const char *path)
{
    assert_int_equal(mkfifo(path, 0600), 0);
}

static void make_folder(const char *path)
{
    assert_int_equal(mkdir(path, 0700), 0);
}

static void make_garbage(const char *path)
{
    uint8_t garbage[40000];

    for (size_t i = 0; i < sizeof(garbage); i++)
        garbage[i] = (uint8_t)(i * i * 7 + i / 256);
    file_write(cask_vfs_posix(), path, garbage, sizeof(garbage));
}

static void make_short(const char *path)
{
    file_write(cask_vfs_posix(), path, "short", 5);
}

static void index__in_whose_place_is_something_else_is_an_error(void **state)
{
    static const struct {
        const char *name;
        void (*make)(const char *path);
    } things[] = {
        { "fifo", make_fifo },
        { "folder", make_folder },
        { "garbage", make_garbage },
        { "short", make_short },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(things); i++, case_end()) {
        static const uint8_t root[ROOT_SIZE] = { 1 };
        cask_root_index_result result;
        uint64_t slot;
        box b;

        if (!case_begin("thing=%s", things[i].name))
            continue;
        b = box_new();
        assert_ok(box_import(&b, FIRST_ERAS, CASK_VERIFY_ROOTS));
        assert_int_equal(unlink(b.file), 0);
        things[i].make(b.file);
        assert_code(box_find(&b, CASK_ROOT_OF_BLOCK, root, &slot), CASK_E_CORRUPT);
        assert_string_equal(cask_error_last()->word, "root-index");
        assert_code(box_import(&b, FIRST_ERAS, CASK_VERIFY_ROOTS), CASK_E_CORRUPT); /* of the index alone */
        if (things[i].make == make_folder)
            assert_int_equal(rmdir(b.file), 0);
        assert_ok(box_make(&b, &result));
        assert_code(box_find(&b, CASK_ROOT_OF_BLOCK, root, &slot), CASK_E_NOTFOUND);
        box_dispose(&b);
    }
}

/* As file_patch() and file_write(), but not durably: there are thousands. */
static void patch(int file, size_t at, uint8_t byte)
{
    assert_int_equal(pwrite(file, &byte, 1, (off_t)at), 1);
}

static void restore(int file, const uint8_t *bytes, size_t size)
{
    assert_int_equal(pwrite(file, bytes, size, 0), size);
    assert_int_equal(ftruncate(file, (off_t)size), 0);
}

/* It leads to the slot, or nowhere, with whatever error; it never hangs nor dies. */
static void expect_no_wrong_slot(const box *b, const roots *r, uint64_t slot)
{
    uint64_t found = CASK_NO_SLOT;

    if (box_find(b, CASK_ROOT_OF_STATE, r->of_states[slot], &found) == CASK_OK)
        assert_int_equal(found, slot);
}

static void index__that_is_cut_off_is_survived(void **state)
{
    box b = box_of_all_eras();
    roots *r = roots_of(&b);
    uint64_t size = file_size(cask_vfs_posix(), b.file);

    (void)state;
    while (size > 1000) {
        size -= 1000;
        file_truncate(cask_vfs_posix(), b.file, size);
        expect_no_wrong_slot(&b, r, size % SLOTS);
    }
    free(r);
    box_dispose(&b);
}

static void index__whose_bytes_are_damaged_is_survived(void **state)
{
    box b = box_of_all_eras();
    roots *r = roots_of(&b);
    size_t size, cases = 0;
    uint8_t *whole = file_read(cask_vfs_posix(), b.file, &size);
    int file = open(b.file, O_RDWR);

    (void)state;
    assert_true(file >= 0);
    for (size_t at = 0; at < size; at += at % 4096 < 160 ? CASE_STRIDE : 97 * CASE_STRIDE, cases++, case_end()) {
        static const uint8_t others[] = { 0x00, 0xff };

        if (!case_begin("offset=%zu", at))
            continue;
        for (size_t i = 0; i < COUNT_OF(others); i++) {
            patch(file, at, others[i]);
            expect_no_wrong_slot(&b, r, cases % SLOTS);
        }
        patch(file, at, whole[at]);
    }
    assert_true(cases * CASE_STRIDE > 1000);
    assert_int_equal(close(file), 0);
    free(whole);
    free(r);
    box_dispose(&b);
}

/* Entries that fall between those that are there, so that pages are split and freed. */
static int add_entries(root_db *db, uint64_t seed)
{
    root_entry entries[300];
    root_count count = { ERA_BLOCKS, seed, 1 };

    for (uint64_t i = 0; i < COUNT_OF(entries); i++)
        entries[i] = (root_entry){ i * (UINT64_MAX / COUNT_OF(entries)) + seed * 1000, i };
    return root_db_add(db, 'b', entries, COUNT_OF(entries), &count, 1);
}

static void index__is_written_to_only_if_it_is_whole(void **state)
{
    box b = box_of_all_eras();
    cask_archive *archive = box_open(&b, false);
    size_t size, damaged = 0, cases = 0;
    root_db db = ROOT_DB_INIT;
    uint8_t *whole;
    int file;

    (void)state;
    for (uint64_t i = 0; i < 10; i++) { /* for the list of free pages */
        assert_ok(root_db_open(&db, archive, true));
        assert_ok(add_entries(&db, i));
        root_db_close(&db);
    }
    whole = file_read(cask_vfs_posix(), b.file, &size);
    file = open(b.file, O_RDWR);
    assert_true(file >= 0);
    for (size_t at = 7; at < size; at += size / 60 * CASE_STRIDE + 1, cases++, case_end()) {
        uint8_t other = (uint8_t)(whole[at] + 1 + at % 255);
        int code;

        if (!case_begin("offset=%zu", at))
            continue;
        restore(file, whole, size);
        patch(file, at, other);
        code = root_db_open(&db, archive, true);
        if (code == CASK_OK)
            code = add_entries(&db, 1000);
        root_db_close(&db);
        if (code != CASK_OK)
            assert_int_equal(code, CASK_E_CORRUPT);
        damaged += code != CASK_OK;
    }
    assert_true(damaged > 0 && damaged < cases); /* what is in a key or no longer used harms nothing */
    assert_int_equal(close(file), 0);
    cask_archive_close(archive);
    free(whole);
    box_dispose(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(index__is_kept_by_an_import),
        cmocka_unit_test(index__looking_up_changes_nothing),
        cmocka_unit_test(index__is_made_anew),
        cmocka_unit_test(index__hashes_what_no_column_of_roots_has),
        cmocka_unit_test(index__without_verifying_leaves_the_last_state_out),
        cmocka_unit_test(index__that_is_stale_says_so_and_is_brought_up_to_date),
        cmocka_unit_test(index__knows_what_was_pruned),
        cmocka_unit_test(index__of_a_root_that_is_none_is_complete),
        cmocka_unit_test(index__needs_a_network_to_hash),
        cmocka_unit_test(index__that_lies_leads_nowhere),
        case_test(index__in_whose_place_is_something_else_is_an_error),
        cmocka_unit_test(index__that_is_cut_off_is_survived),
        case_test(index__whose_bytes_are_damaged_is_survived),
        case_test(index__is_written_to_only_if_it_is_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
