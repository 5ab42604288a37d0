/*
 * Signals: each call of libc that archive/vfs_posix.c makes is interrupted twice before it is done. Linked with --wrap.
 * Those that can be repeated are, and nothing is seen of it; a sync and a close never are. What fails otherwise is never
 * repeated.
 */
#include "vfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <cmocka.h>

/* What is still to be interrupted, or to fail otherwise, and how often it was called. */
static unsigned interruptions, calls;
static int error_number = EINTR;

static bool is_interrupted(void)
{
    calls++;
    if (interruptions == 0)
        return false;
    interruptions--;
    errno = error_number;
    return true;
}

/* Only that of a folder. */
static bool interrupt_sync;

static void interrupt(unsigned times)
{
    interruptions = times;
    calls = 0;
}

int __wrap_open(const char *path, int flags, ...);
int __real_open(const char *path, int flags, ...);
int __wrap_close(int file);
int __real_close(int file);
ssize_t __wrap_pread(int file, void *buffer, size_t size, off_t offset);
ssize_t __real_pread(int file, void *buffer, size_t size, off_t offset);
ssize_t __wrap_pwrite(int file, const void *buffer, size_t size, off_t offset);
ssize_t __real_pwrite(int file, const void *buffer, size_t size, off_t offset);
int __wrap_fdatasync(int file);
int __real_fdatasync(int file);
int __wrap_fsync(int file);
int __real_fsync(int file);
int __wrap_ftruncate(int file, off_t size);
int __real_ftruncate(int file, off_t size);
int __wrap_fallocate(int file, int mode, off_t offset, off_t size);
int __wrap_flock(int file, int operation);
int __real_flock(int file, int operation);
DIR *__wrap_opendir(const char *path);
DIR *__real_opendir(const char *path);

int __wrap_open(const char *path, int flags, ...)
{
    return is_interrupted() ? -1 : __real_open(path, flags, 0666);
}

/* Linux closes the descriptor and then says that it was interrupted. */
int __wrap_close(int file)
{
    int result = __real_close(file);

    return is_interrupted() ? -1 : result;
}

ssize_t __wrap_pread(int file, void *buffer, size_t size, off_t offset)
{
    return is_interrupted() ? -1 : __real_pread(file, buffer, size, offset);
}

ssize_t __wrap_pwrite(int file, const void *buffer, size_t size, off_t offset)
{
    return is_interrupted() ? -1 : __real_pwrite(file, buffer, size, offset);
}

int __wrap_fdatasync(int file)
{
    return is_interrupted() ? -1 : __real_fdatasync(file);
}

int __wrap_fsync(int file)
{
    interruptions += interrupt_sync;
    return is_interrupted() ? -1 : __real_fsync(file);
}

int __wrap_ftruncate(int file, off_t size)
{
    return is_interrupted() ? -1 : __real_ftruncate(file, size);
}

int __wrap_flock(int file, int operation)
{
    return is_interrupted() ? -1 : __real_flock(file, operation);
}

/* Not every file system can. */
int __wrap_fallocate(int file, int mode, off_t offset, off_t size)
{
    (void)file, (void)mode, (void)offset, (void)size;
    return is_interrupted() ? -1 : 0;
}

DIR *__wrap_opendir(const char *path)
{
    return is_interrupted() ? NULL : __real_opendir(path);
}

/* ---- Tests ------------------------------------------------------------------------------------------------------ */

#define PATH "interrupted-file"

static int no_name(const char *name, void *payload)
{
    (void)name, (void)payload;
    return 0;
}

static int open_file(void **state)
{
    static int file;

    interrupt(0);
    file = cask_vfs_posix()->open(NULL, PATH, CASK_OPEN_TRUNCATE);
    *state = &file;
    return file < 0;
}

static int close_file(void **state)
{
    interrupt(0);
    return cask_vfs_posix()->close(NULL, *(int *)*state) != 0 || unlink(PATH) != 0;
}

static void interrupted__open_is_repeated(void **state)
{
    int file;

    (void)state;
    interrupt(2);
    file = cask_vfs_posix()->open(NULL, PATH, CASK_OPEN_READ);
    assert_true(file >= 0);
    assert_int_equal(calls, 3);
    assert_int_equal(cask_vfs_posix()->close(NULL, file), 0);
}

static void interrupted__reading_and_writing_are_repeated(void **state)
{
    const cask_vfs *posix = cask_vfs_posix();
    int file = *(int *)*state;
    char got[4] = "";

    interrupt(2);
    assert_int_equal(posix->write_at(NULL, file, "abc", 3, 0), 3);
    assert_int_equal(calls, 3);
    interrupt(2);
    assert_int_equal(posix->read_at(NULL, file, got, 3, 0), 3);
    assert_int_equal(calls, 3);
    assert_string_equal(got, "abc");
}

static void interrupted__truncate_is_repeated(void **state)
{
    const cask_vfs *posix = cask_vfs_posix();
    uint64_t size = 0;

    interrupt(2);
    assert_int_equal(posix->truncate(NULL, *(int *)*state, 7), 0);
    assert_int_equal(calls, 3);
    assert_int_equal(posix->size(NULL, *(int *)*state, &size), 0);
    assert_int_equal(size, 7);
}

static void interrupted__punch_is_repeated(void **state)
{
    interrupt(2);
    assert_int_equal(cask_vfs_posix()->punch(NULL, *(int *)*state, 0, 7), 0);
    assert_int_equal(calls, 3);
}

static void interrupted__lock_is_repeated(void **state)
{
    interrupt(2);
    assert_int_equal(cask_vfs_posix()->lock(NULL, *(int *)*state), 0);
    assert_int_equal(calls, 3);
}

static void interrupted__list_is_repeated(void **state)
{
    (void)state;
    interrupt(2);
    assert_int_equal(cask_vfs_posix()->list(NULL, ".", no_name, NULL), 0);
    assert_int_equal(calls, 3);
}

static void interrupted__sync_is_not_repeated(void **state)
{
    interrupt(1);
    assert_int_equal(cask_vfs_posix()->sync(NULL, *(int *)*state), -EINTR);
    assert_int_equal(calls, 1);
}

/* But opening it is. */
static void interrupted__sync_of_a_folder_is_not_repeated(void **state)
{
    (void)state;
    interrupt(2);
    assert_int_equal(cask_vfs_posix()->sync_folder(NULL, "."), 0);
    assert_int_equal(calls, 5); /* three to open, a sync, and a close */
    interrupt_sync = true;
    calls = 0;
    assert_int_equal(cask_vfs_posix()->sync_folder(NULL, "."), -EINTR);
    assert_int_equal(calls, 3);
    interrupt_sync = false;
}

static void interrupted__close_is_not_repeated(void **state)
{
    int file = cask_vfs_posix()->open(NULL, PATH, CASK_OPEN_READ);

    (void)state;
    assert_true(file >= 0);
    interrupt(1);
    assert_int_equal(cask_vfs_posix()->close(NULL, file), 0);
    assert_int_equal(calls, 1);
}

/* The next call of libc, and only that, fails. */
static void expect_error(int result)
{
    assert_int_equal(result, -EIO);
    assert_int_equal(calls, 1);
    interrupt(1);
}

static void failed__is_handed_on_at_once(void **state)
{
    const cask_vfs *posix = cask_vfs_posix();
    int file = *(int *)*state;
    char byte = 0;

    error_number = EIO;
    interrupt(1);
    expect_error(posix->open(NULL, PATH, CASK_OPEN_READ));
    expect_error((int)posix->read_at(NULL, file, &byte, 1, 0));
    expect_error((int)posix->write_at(NULL, file, &byte, 1, 0));
    expect_error(posix->truncate(NULL, file, 7));
    expect_error(posix->punch(NULL, file, 0, 7));
    expect_error(posix->sync(NULL, file));
    expect_error(posix->lock(NULL, file));
    expect_error(posix->list(NULL, ".", no_name, NULL));
    expect_error(posix->sync_folder(NULL, "."));
    interrupt(0);
    file = posix->open(NULL, PATH, CASK_OPEN_READ);
    interrupt(1);
    expect_error(posix->close(NULL, file));
    error_number = EINTR;
}

static void failed__rename_and_offsets_beyond_what_a_file_has(void **state)
{
    const cask_vfs *posix = cask_vfs_posix();
    int file = *(int *)*state;
    char byte = 0;

    interrupt(0);
    assert_int_equal(posix->rename(NULL, "no-such-file", PATH), -ENOENT);
    assert_int_equal(posix->write_at(NULL, file, &byte, 1, INT64_MAX), -EFBIG);
    assert_int_equal(posix->truncate(NULL, file, (uint64_t)INT64_MAX + 1), -EFBIG);
    assert_int_equal(posix->punch(NULL, file, INT64_MAX, 1), -EFBIG);
    assert_int_equal(calls, 0);
}

int main(void)
{
#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, open_file, close_file)
    const struct CMUnitTest tests[] = {
        WITH_FILE(interrupted__open_is_repeated),
        WITH_FILE(interrupted__reading_and_writing_are_repeated),
        WITH_FILE(interrupted__truncate_is_repeated),
        WITH_FILE(interrupted__punch_is_repeated),
        WITH_FILE(interrupted__lock_is_repeated),
        WITH_FILE(interrupted__sync_is_not_repeated),
        WITH_FILE(interrupted__close_is_not_repeated),
        cmocka_unit_test(interrupted__list_is_repeated),
        cmocka_unit_test(interrupted__sync_of_a_folder_is_not_repeated),
        WITH_FILE(failed__is_handed_on_at_once),
        WITH_FILE(failed__rename_and_offsets_beyond_what_a_file_has),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
