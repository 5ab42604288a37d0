/* The file of the index of roots: read without trust, and checked before LMDB writes to it. */
#include "fuzz.h"
#include "lmdb_file.h"

static const char path[] = "/data.mdb";

static void seek(const lmdb_file *file, const void *key, size_t key_size)
{
    lmdb_entry entry;
    int code = lmdb_file_seek(&entry, file, key, key_size);

    FUZZ_CHECK(code == CASK_OK || code == CASK_E_NOTFOUND || code == CASK_E_CORRUPT);
    if (code == CASK_OK)
        FUZZ_CHECK(entry.key_size <= sizeof(entry.key) && entry.value_size <= sizeof(entry.value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    memory_disk *disk = fuzz_disk(path, data, size);
    lmdb_file file;
    size_t commit;
    int code;

    fuzz_memory_begin();
    code = lmdb_file_open(&file, memory_disk_vfs(disk), path);
    FUZZ_CHECK(code == CASK_OK || code == CASK_E_CORRUPT || (code == CASK_E_NOTFOUND && size == 0));
    if (code == CASK_OK) {
        seek(&file, "", 0);
        seek(&file, "b\200", 2);
        seek(&file, "zzzz", 4);
        FUZZ_CHECK(lmdb_file_commit(&commit, &file) == CASK_OK && commit == file.commit);
        code = lmdb_file_check(&file);
        FUZZ_CHECK(code == CASK_OK || code == CASK_E_CORRUPT);
        lmdb_file_close(&file);
    }
    fuzz_memory_end(2 * size + (128u << 10));
    memory_disk_free(disk);
    return 0;
}
