#include "root_db.h"

#include <errno.h>
#include <lmdb.h>

#include "../archive/bytes.h"
#include "../archive/error.h"

enum {
    FILE_MODE = 0644,
    PREFIX_END = 9, /* of the key of an entry */
    ENTRY_KEY_SIZE = 17,
    COUNT_KEY_SIZE = 10,
    MAP_SIZE_FIRST = 1 << 16, /* doubled whenever it is too small */
};

#define FOLDER "index"
#define FILE_NAME "data.mdb"

/* ---- Errors ------------------------------------------------------------------------------------------------ */

/* LMDB returns errno as it is, and negative numbers of its own, most of which say that the file is damaged. */
static int fail_mdb(int code, const char *path, const char *act)
{
    if (code == 0)
        return CASK_OK;
    if (code > 0)
        return cask_fail_system(-code, CASK_IN_FILE(path), act);
    return cask_fail_word(CASK_E_CORRUPT, "root-index", CASK_IN_FILE(path),
                          "the index of roots is damaged, %s; 'slotcask index' makes it anew", mdb_strerror(code));
}

/* ---- Opening ----------------------------------------------------------------------------------------------- */

bool root_db_possible(const cask_archive *archive)
{
    return archive->vfs == cask_vfs_posix();
}

static int find_path(cask_path *folder, cask_path *path, const cask_archive *archive)
{
    CASK_TRY(cask_path_join(folder, archive->folder.text, FOLDER));
    return cask_path_join(path, folder->text, FILE_NAME);
}

static int prepare_to_write(const cask_archive *archive, const char *folder)
{
    int made;

    if (archive->read_only)
        return cask_fail(CASK_E_REFUSED, CASK_IN_FILE(archive->folder.text), "the archive was opened read-only");
    made = archive->vfs->make_folder(archive->vfs->context, folder);
    return made < 0 && made != -EEXIST ? cask_fail_system(made, CASK_IN_FILE(folder), "make the folder of the index")
                                       : CASK_OK;
}

/* A file that is made just now has nothing to be read. */
static bool is_new(const root_db *db)
{
    return db->file.path == NULL;
}

/* LMDB believes what it reads. */
static int open_env(root_db *db)
{
    int code;

    if (!is_new(db))
        CASK_TRY(lmdb_file_check(&db->file));
    code = mdb_env_create(&db->env);
    if (code == 0)
        code = mdb_env_set_mapsize(db->env, MAP_SIZE_FIRST); /* LMDB takes more where the file has more */
    if (code == 0)
        code = mdb_env_open(db->env, db->path.text, MDB_NOSUBDIR | MDB_NOLOCK, FILE_MODE);
    return fail_mdb(code, db->path.text, "open the index of roots");
}

int root_db_open(root_db *db, const cask_archive *archive, bool to_write)
{
    cask_path folder;
    int code;

    if (!root_db_possible(archive))
        return cask_fail(CASK_E_UNSUPPORTED, CASK_IN_FILE(archive->folder.text),
                         "an index of roots is kept in files of the operating system only");
    CASK_TRY(find_path(&folder, &db->path, archive));
    if (to_write)
        CASK_TRY(prepare_to_write(archive, folder.text));
    code = lmdb_file_open(&db->file, archive->vfs, db->path.text);
    if (code == CASK_E_NOTFOUND && !to_write)
        return cask_fail(CASK_E_NOTFOUND, CASK_IN_FILE(archive->folder.text),
                         "there is no index of roots; 'slotcask index' makes it");
    if (code < 0 && code != CASK_E_NOTFOUND)
        return code;
    return CASK_OK;
}

void root_db_close(root_db *db)
{
    mdb_env_close(db->env);
    lmdb_file_close(&db->file);
    *db = (root_db)ROOT_DB_INIT;
}

int root_db_remove(const cask_archive *archive)
{
    cask_path folder, path;
    int code;

    CASK_TRY(find_path(&folder, &path, archive));
    code = archive->vfs->unlink(archive->vfs->context, path.text);
    return code < 0 && code != -ENOENT ? cask_fail_system(code, CASK_IN_FILE(path.text), "remove the index of roots")
                                       : CASK_OK;
}

/* ---- Keys -------------------------------------------------------------------------------------------------- */

static void store_big(uint8_t *at, uint64_t value)
{
    for (int i = 7; i >= 0; i--, value >>= 8)
        at[i] = (uint8_t)value;
}

static uint64_t load_big(const uint8_t *at)
{
    uint64_t value = 0;

    for (int i = 0; i < 8; i++)
        value = value << 8 | at[i];
    return value;
}

static void entry_key(uint8_t key[ENTRY_KEY_SIZE], char kind, uint64_t prefix, uint64_t slot)
{
    key[0] = (uint8_t)kind;
    store_big(key + 1, prefix);
    store_big(key + PREFIX_END, slot);
}

static void count_key(uint8_t key[COUNT_KEY_SIZE], era_column_id column, uint64_t file_id)
{
    key[0] = 'c';
    key[1] = (uint8_t)column;
    store_big(key + 2, file_id);
}

/* ---- Reading ----------------------------------------------------------------------------------------------- */

int root_db_find(uint64_t *slots, size_t capacity, size_t *count_out, const root_db *db, char kind, uint64_t prefix)
{
    uint64_t slot = 0;
    int code = CASK_OK;

    *count_out = 0;
    while (code == CASK_OK && *count_out < capacity) {
        uint8_t key[ENTRY_KEY_SIZE];
        lmdb_entry entry;

        entry_key(key, kind, prefix, slot);
        code = lmdb_file_seek(&entry, &db->file, key, sizeof(key));
        if (code < 0)
            break;
        if (entry.key_size != sizeof(key) || memcmp(entry.key, key, PREFIX_END) != 0)
            return CASK_OK;
        slot = load_big(entry.key + PREFIX_END);
        slots[(*count_out)++] = slot++;
        if (slot == 0)
            return CASK_OK;
    }
    return code == CASK_E_NOTFOUND ? CASK_OK : code;
}

int root_db_count(uint64_t *count_out, const root_db *db, era_column_id column, uint64_t file_id)
{
    uint8_t key[COUNT_KEY_SIZE];
    lmdb_entry entry;
    int code;

    *count_out = 0;
    if (is_new(db))
        return CASK_OK;
    count_key(key, column, file_id);
    code = lmdb_file_seek(&entry, &db->file, key, sizeof(key));
    if (code == CASK_OK && entry.key_size == sizeof(key) && memcmp(entry.key, key, sizeof(key)) == 0 &&
        entry.value_size == sizeof(*count_out))
        *count_out = cask_load64(entry.value);
    return code == CASK_E_NOTFOUND ? CASK_OK : code;
}

int root_db_settled(bool *settled_out, const root_db *db)
{
    size_t commit;

    CASK_TRY(lmdb_file_commit(&commit, &db->file));
    *settled_out = commit == db->file.commit;
    return CASK_OK;
}

/* ---- Writing ----------------------------------------------------------------------------------------------- */

static int put(MDB_txn *transaction, MDB_dbi tree, uint8_t *key, size_t key_size, uint8_t *value, size_t value_size)
{
    MDB_val mdb_key = { key_size, key }, mdb_value = { value_size, value };

    return mdb_put(transaction, tree, &mdb_key, &mdb_value, 0);
}

static int put_all(MDB_txn *transaction, MDB_dbi tree, char kind, const root_entry *entries, size_t entry_count,
                   const root_count *counts, size_t count_count)
{
    uint8_t entry[ENTRY_KEY_SIZE], count[COUNT_KEY_SIZE], number[8];
    int code = 0;

    for (size_t i = 0; i < entry_count && code == 0; i++) {
        entry_key(entry, kind, entries[i].prefix, entries[i].slot);
        code = put(transaction, tree, entry, sizeof(entry), NULL, 0);
    }
    for (size_t i = 0; i < count_count && code == 0; i++) {
        count_key(count, counts[i].column, counts[i].file_id);
        cask_store64(number, counts[i].count);
        code = put(transaction, tree, count, sizeof(count), number, sizeof(number));
    }
    return code;
}

static int add_once(root_db *db, char kind, const root_entry *entries, size_t entry_count, const root_count *counts,
                    size_t count_count)
{
    MDB_txn *transaction;
    MDB_dbi tree;
    int code = mdb_txn_begin(db->env, NULL, 0, &transaction);

    if (code != 0)
        return code;
    code = mdb_dbi_open(transaction, NULL, 0, &tree);
    if (code == 0)
        code = put_all(transaction, tree, kind, entries, entry_count, counts, count_count);
    if (code == 0)
        return mdb_txn_commit(transaction);
    mdb_txn_abort(transaction);
    return code;
}

static int double_map(MDB_env *env)
{
    MDB_envinfo info;
    int code = mdb_env_info(env, &info);

    return code == 0 ? mdb_env_set_mapsize(env, info.me_mapsize * 2) : code;
}

int root_db_add(root_db *db, char kind, const root_entry *entries, size_t entry_count, const root_count *counts,
                size_t count_count)
{
    int code;

    if (db->env == NULL)
        CASK_TRY(open_env(db));
    do
        code = add_once(db, kind, entries, entry_count, counts, count_count);
    while (code == MDB_MAP_FULL && (code = double_map(db->env)) == 0);
    return fail_mdb(code, db->path.text, "write the index of roots");
}
