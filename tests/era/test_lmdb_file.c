/* Files that LMDB itself has written, read without it; those of an index are in test_root_index.c. */
#include "era_builder.h"
#include "lmdb_file.h"

#include <lmdb.h>

#define PATH "large"

enum { ENTRIES = 120000, KEPT_EVERY = 1000 };

static MDB_val number_value(uint8_t bytes[8], uint64_t number)
{
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(number >> (56 - 8 * i));
    return (MDB_val){ 8, bytes };
}

typedef int (*change_fn)(MDB_txn *transaction, MDB_dbi tree, MDB_val *number);

static int put(MDB_txn *transaction, MDB_dbi tree, MDB_val *number)
{
    return mdb_put(transaction, tree, number, number, 0);
}

static int drop(MDB_txn *transaction, MDB_dbi tree, MDB_val *number)
{
    return mdb_del(transaction, tree, number, NULL);
}

/* One commit. */
static void change_all_but(MDB_env *env, uint64_t spared, change_fn change)
{
    MDB_txn *transaction;
    MDB_dbi tree;

    assert_int_equal(mdb_txn_begin(env, NULL, 0, &transaction), 0);
    assert_int_equal(mdb_dbi_open(transaction, NULL, 0, &tree), 0);
    for (uint64_t i = 0; i < ENTRIES; i++) {
        uint8_t bytes[8];
        MDB_val number = number_value(bytes, i);

        if (spared == 0 || i % spared != 0)
            assert_int_equal(change(transaction, tree, &number), 0);
    }
    assert_int_equal(mdb_txn_commit(transaction), 0);
}

/* Most entries are gone again: the list of the pages that this freed is too long for a page of a tree. */
static void write_large_free_list(void)
{
    MDB_env *env;

    unlink(PATH);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_mapsize(env, 1 << 26), 0);
    assert_int_equal(mdb_env_open(env, PATH, MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOSYNC, 0644), 0);
    change_all_but(env, 0, put);
    change_all_but(env, KEPT_EVERY, drop);
    mdb_env_close(env);
}

static void check__of_a_list_of_free_pages_that_has_pages_of_its_own(void **state)
{
    lmdb_file file = LMDB_FILE_INIT;
    lmdb_entry entry;
    uint8_t key[8];

    (void)state;
    write_large_free_list();
    assert_int_equal(lmdb_file_open(&file, cask_vfs_posix(), PATH), CASK_OK);
    assert_int_equal(lmdb_file_check(&file), CASK_OK);
    for (uint64_t i = 0; i < ENTRIES; i += KEPT_EVERY) {
        number_value(key, i == 0 ? 0 : i - KEPT_EVERY + 1);
        assert_int_equal(lmdb_file_seek(&entry, &file, key, sizeof key), CASK_OK);
        number_value(key, i);
        assert_int_equal(entry.key_size, sizeof key);
        assert_memory_equal(entry.key, key, sizeof key);
        assert_memory_equal(entry.value, key, sizeof key);
    }
    number_value(key, ENTRIES - KEPT_EVERY + 1);
    assert_int_equal(lmdb_file_seek(&entry, &file, key, sizeof key), CASK_E_NOTFOUND);
    lmdb_file_close(&file);
}

/* A page as LMDB numbers it, its flags, how many pages it is the first of; then the list: its length, the pages. */
static int check_with(const lmdb_file *file, builder *b, uint64_t at, const void *bytes, size_t size)
{
    uint8_t before[8];
    int code;

    assert_int_equal(cask_read_exact(&b->handle, PATH, before, size, at), CASK_OK);
    assert_int_equal(cask_write_all(&b->handle, PATH, bytes, size, at), CASK_OK);
    code = lmdb_file_check(file);
    if (code < 0) {
        assert_int_equal(code, CASK_E_CORRUPT);
        assert_string_equal(cask_error_last()->word, "root-index");
    }
    assert_int_equal(cask_write_all(&b->handle, PATH, before, size, at), CASK_OK);
    return code;
}

/* Where the first of the pages of the list is: an overflow page whose flags matter. */
static uint64_t find_list(const lmdb_file *file, builder *b)
{
    for (uint64_t page = 2; page <= file->last_page; page++) {
        uint64_t at = page * file->page_size;
        uint8_t head[16];

        assert_int_equal(cask_read_exact(&b->handle, PATH, head, sizeof head, at), CASK_OK);
        if (cask_load64(head) == page && cask_load16(head + 10) == 4 && check_with(file, b, at + 10, "\0\0", 2) < 0)
            return at;
    }
    fail_msg("there is no such page");
    return 0;
}

static void check__refuses_what_such_a_list_cannot_be(void **state)
{
    static const struct {
        size_t at;
        uint64_t value;
        size_t size;
    } harm[] = {
        { 0, 1, 8 },           /* another page */
        { 10, 4 | 2, 2 },      /* not only an overflow page */
        { 12, 0, 4 },          /* of no pages */
        { 12, 1, 4 },          /* of too few for the list */
        { 12, UINT32_MAX, 4 }, /* beyond the file */
        { 16, UINT64_MAX, 8 }, /* numbers that there is no room for */
        { 16, 100000, 8 },
        { 24, 1, 8 },          /* a page of the head */
        { 24, UINT64_MAX, 8 }, /* and of none */
        { 32, UINT64_MAX - 1, 8 }, /* not descending */
    };
    lmdb_file file = LMDB_FILE_INIT;
    builder b = { .path = PATH };
    uint8_t bytes[8];
    uint64_t at;

    (void)state;
    write_large_free_list();
    assert_int_equal(lmdb_file_open(&file, cask_vfs_posix(), PATH), CASK_OK);
    assert_int_equal(cask_handle_open(&b.handle, cask_vfs_posix(), PATH, CASK_OPEN_WRITE), CASK_OK);
    at = find_list(&file, &b);
    for (size_t i = 0; i < sizeof harm / sizeof *harm; i++) {
        cask_store64(bytes, harm[i].value);
        assert_int_equal(check_with(&file, &b, at + harm[i].at, bytes, harm[i].size), CASK_E_CORRUPT);
    }
    assert_int_equal(lmdb_file_check(&file), CASK_OK);
    lmdb_file_close(&file);
    build_end(&b);
}

/* A page of a tree: its number, its flags, where its gap begins and ends, and where its nodes are. Then the first node:
 * the size of its value or the page below, flags, the size of its key. */
static void check__refuses_what_a_page_of_a_tree_cannot_be(void **state)
{
    enum { LEAF, BRANCH, OF_FREE_PAGES };
    static const struct {
        int page;
        bool in_node;
        size_t at;
        uint64_t value;
        size_t size;
    } harm[] = {
        { LEAF, false, 0, 1, 8 },        /* another page */
        { LEAF, false, 10, 0, 2 },       /* of no kind */
        { LEAF, false, 10, 1 | 2, 2 },   /* of two kinds */
        { LEAF, false, 12, 15, 2 },      /* nodes that begin in its head */
        { LEAF, false, 12, 4096, 2 },    /* a gap that ends before it begins */
        { LEAF, false, 14, 4098, 2 },    /* and behind the page */
        { LEAF, false, 14, 16, 2 },      /* and before the last place of a node */
        { LEAF, false, 16, 0, 2 },       /* a node in its head */
        { LEAF, false, 16, 4094, 2 },    /* and cut off by its end */
        { LEAF, true, 0, 4096, 2 },      /* a value cut off by its end */
        { LEAF, true, 4, 1, 2 },         /* a value on pages of its own, as none here */
        { LEAF, true, 4, 2, 2 },         /* a database */
        { LEAF, true, 6, 4096, 2 },      /* a key cut off by its end */
        { BRANCH, false, 10, 4, 2 },     /* of another kind */
        { BRANCH, true, 0, 0, 4 },       /* pages of the head below */
        { BRANCH, true, 0, UINT32_MAX, 4 }, /* and pages behind the file */
        { OF_FREE_PAGES, true, 6, 4, 2 }, /* a key that is no number of a commit */
        { OF_FREE_PAGES, true, 4, 4, 2 }, /* a value of a kind that there is not */
        { OF_FREE_PAGES, false, 0, 3, 8 },
    };
    lmdb_file file = LMDB_FILE_INIT;
    builder b = { .path = PATH };
    uint64_t pages[3];
    uint8_t bytes[8];

    (void)state;
    write_large_free_list();
    assert_int_equal(lmdb_file_open(&file, cask_vfs_posix(), PATH), CASK_OK);
    assert_int_equal(cask_handle_open(&b.handle, cask_vfs_posix(), PATH, CASK_OPEN_WRITE), CASK_OK);
    assert_int_equal(file.page_size, 4096);
    pages[BRANCH] = file.root * file.page_size;
    pages[OF_FREE_PAGES] = file.free_root * file.page_size;
    pages[LEAF] = pages[BRANCH];
    for (uint16_t flags = 1; flags == 1;) { /* down the left side */
        assert_int_equal(cask_read_exact(&b.handle, PATH, bytes, 2, pages[LEAF] + 16), CASK_OK);
        assert_int_equal(cask_read_exact(&b.handle, PATH, bytes, 4, pages[LEAF] + cask_load16(bytes)), CASK_OK);
        pages[LEAF] = (uint64_t)cask_load32(bytes) * file.page_size;
        assert_int_equal(cask_read_exact(&b.handle, PATH, bytes, 2, pages[LEAF] + 10), CASK_OK);
        flags = cask_load16(bytes);
    }
    for (size_t i = 0; i < sizeof harm / sizeof *harm; i++) {
        uint64_t at = pages[harm[i].page];

        if (harm[i].in_node) {
            assert_int_equal(cask_read_exact(&b.handle, PATH, bytes, 2, at + 16), CASK_OK);
            at += cask_load16(bytes);
        }
        cask_store64(bytes, harm[i].value);
        if (check_with(&file, &b, at + harm[i].at, bytes, harm[i].size) != CASK_E_CORRUPT)
            fail_msg("harm %zu passes", i);
    }
    assert_int_equal(lmdb_file_check(&file), CASK_OK);
    lmdb_file_close(&file);
    build_end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check__of_a_list_of_free_pages_that_has_pages_of_its_own),
        cmocka_unit_test(check__refuses_what_such_a_list_cannot_be),
        cmocka_unit_test(check__refuses_what_a_page_of_a_tree_cannot_be),
    };

    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
