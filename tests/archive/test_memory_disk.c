/* The disk in memory that the crash tests stand on. */
#include "check.h"
#include "files.h"
#include "vfs_memory.h"

/* What looks for the outcome of a crash would always pass if nothing was ever pending. */
static void memory_disk__loses_what_was_not_synced(void **state)
{
    memory_disk *disk = memory_disk_new(), *lost;
    const cask_vfs *vfs = memory_disk_vfs(disk);
    cask_handle handle;
    uint8_t byte;

    (void)state;
    folder_make(vfs, "/a");
    assert_ok(cask_handle_open(&handle, vfs, "/a/file", CASK_OPEN_CREATE));
    assert_ok(cask_write_all(&handle, "file", "12", 2, 0));
    assert_ok(cask_sync(&handle, "file"));
    lost = memory_disk_after_crash(disk, LOSS_UNSYNCED, 0);
    assert_false(file_exists(memory_disk_vfs(lost), "/a/file"));
    memory_disk_free(lost);
    assert_ok(cask_sync_folder(vfs, "/a"));
    assert_ok(cask_write_all(&handle, "file", "345", 3, 0));
    assert_int_equal(vfs->rename(vfs->context, "/a/file", "/a/renamed"), 0);
    lost = memory_disk_after_crash(disk, LOSS_UNSYNCED, 0);
    assert_int_equal(file_size(memory_disk_vfs(lost), "/a/file"), 2);
    assert_false(file_exists(memory_disk_vfs(lost), "/a/renamed"));
    memory_disk_free(lost);
    lost = memory_disk_after_crash(disk, LOSS_NOTHING, 0);
    assert_int_equal(file_size(memory_disk_vfs(lost), "/a/renamed"), 3);
    memory_disk_free(lost);
    assert_int_equal(vfs->read_at(vfs->context, handle.file, &byte, 1, 0), 1);
    assert_int_equal(byte, '3');
    cask_handle_close(&handle);
    memory_disk_free(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        case_test(memory_disk__loses_what_was_not_synced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
