/* The operating system's table, the helpers above it, and how their failures are reported. */
#include "error.h"
#include "vfs.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* Each test runs inside a new folder, so that its paths are short and relative. */
static int enter_folder(void **state)
{
    char *folder = strdup("vfs-test-XXXXXX");

    *state = folder;
    return folder == NULL || mkdtemp(folder) == NULL || chdir(folder) != 0 ? -1 : 0;
}

static int unlink_entry(const char *name, void *payload)
{
    (void)payload;
    return unlink(name) == 0 || rmdir(name) == 0 ? 0 : -1;
}

static int leave_folder(void **state)
{
    const cask_vfs *posix = cask_vfs_posix();
    int result = posix->list(NULL, ".", unlink_entry, NULL);

    if (result == 0 && (chdir("..") != 0 || rmdir(*state) != 0))
        result = -1;
    free(*state);
    return result;
}

/* ---- A table that misbehaves ------------------------------------------------------------------------------------ */

/* The real one, but for what is set here. */
typedef struct odd_system {
    cask_vfs vfs;
    size_t most;         /* bytes that one read or write moves */
    int write_result;    /* if not 1: what every write returns */
    int sync_result;     /* what every sync returns */
    int folder_result;   /* likewise for folders */
    unsigned syncs;
} odd_system;

static int64_t odd_read_at(void *context, int file, void *buffer, size_t size, uint64_t offset)
{
    odd_system *odd = context;

    return cask_vfs_posix()->read_at(NULL, file, buffer, size < odd->most ? size : odd->most, offset);
}

static int64_t odd_write_at(void *context, int file, const void *buffer, size_t size, uint64_t offset)
{
    odd_system *odd = context;

    if (odd->write_result != 1)
        return odd->write_result;
    return cask_vfs_posix()->write_at(NULL, file, buffer, size < odd->most ? size : odd->most, offset);
}

static int odd_sync(void *context, int file)
{
    odd_system *odd = context;

    (void)file;
    odd->syncs++;
    return odd->sync_result;
}

static int odd_sync_folder(void *context, const char *path)
{
    odd_system *odd = context;

    (void)path;
    return odd->folder_result;
}

static void odd_init(odd_system *odd)
{
    *odd = (odd_system){ .vfs = *cask_vfs_posix(), .most = SIZE_MAX, .write_result = 1 };
    odd->vfs.context = odd;
    odd->vfs.read_at = odd_read_at;
    odd->vfs.write_at = odd_write_at;
    odd->vfs.sync = odd_sync;
    odd->vfs.sync_folder = odd_sync_folder;
}

/* ---- Little helpers --------------------------------------------------------------------------------------------- */

static void make_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void assert_contents(const char *path, const char *text)
{
    uint8_t *data;
    size_t size;

    assert_int_equal(cask_read_file(&data, &size, cask_vfs_posix(), path, 1000), CASK_OK);
    assert_int_equal(size, strlen(text));
    assert_string_equal((const char *)data, text);
    free(data);
}

static void assert_open_fails(const char *path, int code)
{
    static const cask_open_mode modes[] = { CASK_OPEN_READ, CASK_OPEN_WRITE, CASK_OPEN_CREATE, CASK_OPEN_TRUNCATE };
    cask_handle handle;

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        assert_int_equal(cask_handle_open(&handle, cask_vfs_posix(), path, modes[i]), code);
        assert_int_equal(handle.file, -1);
        assert_string_equal(cask_error_last()->file, path);
        cask_handle_close(&handle);
    }
}

/* ---- The operating system --------------------------------------------------------------------------------------- */

static void vfs__open_modes(void **state)
{
    const cask_vfs *posix = cask_vfs_posix();
    cask_handle handle;

    (void)state;
    assert_int_equal(cask_handle_open(&handle, posix, "absent", CASK_OPEN_READ), CASK_E_NOTFOUND);
    assert_int_equal(cask_error_last()->system_errno, ENOENT);
    assert_int_equal(cask_handle_open(&handle, posix, "absent", CASK_OPEN_WRITE), CASK_E_NOTFOUND);
    assert_int_equal(cask_handle_open(&handle, posix, "file", CASK_OPEN_CREATE), CASK_OK);
    assert_int_equal(cask_write_all(&handle, "file", "slot", 4, 0), CASK_OK);
    cask_handle_close(&handle);
    assert_int_equal(handle.file, -1);
    assert_int_equal(cask_handle_open(&handle, posix, "file", CASK_OPEN_CREATE), CASK_OK);
    cask_handle_close(&handle);
    assert_contents("file", "slot");
    assert_int_equal(cask_handle_open(&handle, posix, "file", CASK_OPEN_READ), CASK_OK);
    assert_int_equal(cask_write_all(&handle, "file", "x", 1, 0), CASK_E_IO);
    cask_handle_close(&handle);
    assert_int_equal(cask_handle_open(&handle, posix, "file", CASK_OPEN_TRUNCATE), CASK_OK);
    cask_handle_close(&handle);
    assert_contents("file", "");
}

static void vfs__open_files_do_not_survive_exec(void **state)
{
    cask_handle handle;

    (void)state;
    assert_int_equal(cask_handle_open(&handle, cask_vfs_posix(), "file", CASK_OPEN_CREATE), CASK_OK);
    assert_true((fcntl(handle.file, F_GETFD) & FD_CLOEXEC) != 0);
    cask_handle_close(&handle);
}

static void vfs__open_refuses_a_folder(void **state)
{
    (void)state;
    assert_int_equal(mkdir("folder", 0777), 0);
    assert_open_fails("folder", CASK_E_INVALID);
    assert_non_null(strstr(cask_error_last()->message, "folder"));
}

static void vfs__open_refuses_a_fifo_without_waiting(void **state)
{
    (void)state;
    assert_int_equal(mkfifo("fifo", 0666), 0);
    assert_open_fails("fifo", CASK_E_INVALID);
    assert_non_null(strstr(cask_error_last()->message, "FIFO"));
}

static void vfs__open_refuses_a_device(void **state)
{
    (void)state;
    assert_open_fails("/dev/null", CASK_E_INVALID);
}

static void vfs__open_refuses_a_socket(void **state)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "socket" };
    int file = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)state;
    assert_true(file >= 0);
    assert_int_equal(bind(file, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_open_fails("socket", CASK_E_INVALID);
    close(file);
}

static void vfs__open_refuses_a_circle_of_links(void **state)
{
    (void)state;
    assert_int_equal(symlink("b", "a"), 0);
    assert_int_equal(symlink("a", "b"), 0);
    assert_open_fails("a", CASK_E_INVALID);
}

static void vfs__open_follows_a_link_to_a_file(void **state)
{
    (void)state;
    make_file("file", "slot");
    assert_int_equal(symlink("file", "link"), 0);
    assert_contents("link", "slot");
}

static void vfs__open_below_a_file_is_an_io_error(void **state)
{
    (void)state;
    make_file("file", "");
    assert_open_fails("file/below", CASK_E_IO);
    assert_int_equal(cask_error_last()->system_errno, ENOTDIR);
}

static void vfs__second_lock_is_refused_at_once(void **state)
{
    const cask_vfs *posix = cask_vfs_posix();
    cask_handle first, second;
    int result;

    (void)state;
    assert_int_equal(cask_handle_open(&first, posix, "lock", CASK_OPEN_CREATE), CASK_OK);
    assert_int_equal(cask_handle_open(&second, posix, "lock", CASK_OPEN_CREATE), CASK_OK);
    assert_int_equal(posix->lock(NULL, first.file), 0);
    result = posix->lock(NULL, second.file);
    assert_int_equal(result, -EWOULDBLOCK);
    assert_int_equal(cask_fail_system(result, CASK_IN_FILE("lock"), "lock the archive"), CASK_E_BUSY);
    cask_handle_close(&first);
    assert_int_equal(posix->lock(NULL, second.file), 0);
    cask_handle_close(&second);
}

static void vfs__stat_tells_files_from_folders(void **state)
{
    const cask_vfs *posix = cask_vfs_posix();
    cask_file_info info;

    (void)state;
    make_file("file", "slot");
    assert_int_equal(mkfifo("fifo", 0666), 0);
    assert_int_equal(symlink("file", "link"), 0);
    assert_int_equal(posix->stat(NULL, "file", &info), 0);
    assert_int_equal(info.size, 4);
    assert_false(info.is_folder);
    assert_int_equal(posix->stat(NULL, "link", &info), 0);
    assert_false(info.is_folder);
    assert_int_equal(posix->stat(NULL, ".", &info), 0);
    assert_true(info.is_folder);
    assert_int_equal(posix->stat(NULL, "fifo", &info), -EINVAL);
    assert_int_equal(posix->stat(NULL, "absent", &info), -ENOENT);
}

static void vfs__folders(void **state)
{
    const cask_vfs *posix = cask_vfs_posix();

    (void)state;
    assert_int_equal(posix->make_folder(NULL, "folder"), 0);
    assert_int_equal(posix->make_folder(NULL, "folder"), -EEXIST);
    assert_int_equal(cask_sync_folder(posix, "folder"), CASK_OK);
    assert_int_equal(cask_sync_folder(posix, "absent"), CASK_E_NOTFOUND);
    make_file("file", "");
    assert_int_equal(cask_sync_folder(posix, "file"), CASK_E_IO);
    assert_int_equal(posix->rename(NULL, "file", "other"), 0);
    assert_int_equal(posix->unlink(NULL, "other"), 0);
    assert_int_equal(posix->unlink(NULL, "other"), -ENOENT);
}

static int count_entry(const char *name, void *payload)
{
    unsigned *count = payload;

    assert_true(strcmp(name, "a") == 0 || strcmp(name, ".b") == 0 || strcmp(name, "c") == 0);
    ++*count;
    return 0;
}

static int stop_at_entry(const char *name, void *payload)
{
    (void)name;
    return ++*(int *)payload;
}

static void vfs__list_visits_every_entry(void **state)
{
    const cask_vfs *posix = cask_vfs_posix();
    unsigned count = 0;
    int stop = 6;

    (void)state;
    make_file("a", "");
    make_file(".b", "");
    assert_int_equal(mkdir("c", 0777), 0);
    assert_int_equal(posix->list(NULL, ".", count_entry, &count), 0);
    assert_int_equal(count, 3);
    assert_int_equal(posix->list(NULL, ".", stop_at_entry, &stop), 7);
    assert_int_equal(stop, 7);
    assert_int_equal(posix->list(NULL, "absent", count_entry, &count), -ENOENT);
}

static void vfs__offsets_beyond_the_system_are_refused(void **state)
{
    const cask_vfs *posix = cask_vfs_posix();
    cask_handle handle;
    uint8_t byte = 0;
    size_t got;

    (void)state;
    assert_int_equal(cask_handle_open(&handle, posix, "file", CASK_OPEN_CREATE), CASK_OK);
    assert_int_equal(cask_read_upto(&handle, "file", &byte, 1, UINT64_MAX, &got), CASK_E_IO);
    assert_int_equal(cask_read_upto(&handle, "file", &byte, 1, INT64_MAX, &got), CASK_E_IO);
    assert_int_equal(cask_write_all(&handle, "file", &byte, 1, UINT64_MAX), CASK_E_IO);
    assert_int_equal(cask_truncate(&handle, "file", UINT64_MAX), CASK_E_IO);
    cask_handle_close(&handle);
}

/* ---- The helpers ------------------------------------------------------------------------------------------------ */

static void vfs__short_reads_and_writes_are_continued(void **state)
{
    static const char text[] = "every block, state and root";
    odd_system odd;
    cask_handle handle;
    char back[sizeof(text)];

    (void)state;
    odd_init(&odd);
    odd.most = 4;
    assert_int_equal(cask_handle_open(&handle, &odd.vfs, "file", CASK_OPEN_CREATE), CASK_OK);
    assert_int_equal(cask_write_all(&handle, "file", text, sizeof(text), 100), CASK_OK);
    assert_int_equal(cask_read_exact(&handle, "file", back, sizeof(text), 100), CASK_OK);
    assert_memory_equal(back, text, sizeof(text));
    cask_handle_close(&handle);
}

static void vfs__read_exact_finds_a_short_file_corrupt(void **state)
{
    cask_handle handle;
    char bytes[10];

    (void)state;
    make_file("file", "slots");
    assert_int_equal(cask_handle_open(&handle, cask_vfs_posix(), "file", CASK_OPEN_READ), CASK_OK);
    assert_int_equal(cask_read_exact(&handle, "file", bytes, 4, 2), CASK_E_CORRUPT);
    assert_string_equal(cask_error_last()->word, "file-length");
    assert_string_equal(cask_error_last()->file, "file");
    assert_int_equal(cask_error_last()->offset, 5);
    assert_int_equal(cask_read_exact(&handle, "file", bytes, 0, 5), CASK_OK);
    cask_handle_close(&handle);
}

static void vfs__read_upto_stops_at_the_end(void **state)
{
    cask_handle handle;
    char bytes[10];
    size_t got;

    (void)state;
    make_file("file", "slots");
    assert_int_equal(cask_handle_open(&handle, cask_vfs_posix(), "file", CASK_OPEN_READ), CASK_OK);
    assert_int_equal(cask_read_upto(&handle, "file", bytes, 10, 2, &got), CASK_OK);
    assert_int_equal(got, 3);
    assert_memory_equal(bytes, "ots", 3);
    assert_int_equal(cask_read_upto(&handle, "file", bytes, 10, 50, &got), CASK_OK);
    assert_int_equal(got, 0);
    cask_handle_close(&handle);
}

static void vfs__size_and_truncate(void **state)
{
    cask_handle handle;
    uint64_t size;

    (void)state;
    make_file("file", "slots");
    assert_int_equal(cask_handle_open(&handle, cask_vfs_posix(), "file", CASK_OPEN_WRITE), CASK_OK);
    assert_int_equal(cask_truncate(&handle, "file", 3), CASK_OK);
    assert_int_equal(cask_sync(&handle, "file"), CASK_OK);
    assert_int_equal(cask_size(&handle, "file", &size), CASK_OK);
    assert_int_equal(size, 3);
    cask_handle_close(&handle);
    assert_contents("file", "slo");
}

static void vfs__write_that_moves_nothing_is_an_error(void **state)
{
    odd_system odd;
    cask_handle handle;

    (void)state;
    odd_init(&odd);
    odd.write_result = 0;
    assert_int_equal(cask_handle_open(&handle, &odd.vfs, "file", CASK_OPEN_CREATE), CASK_OK);
    assert_int_equal(cask_write_all(&handle, "file", "x", 1, 0), CASK_E_IO);
    cask_handle_close(&handle);
}

static void vfs__failed_sync_is_reported_and_not_repeated(void **state)
{
    odd_system odd;
    cask_handle handle;

    (void)state;
    odd_init(&odd);
    odd.sync_result = -EIO;
    assert_int_equal(cask_handle_open(&handle, &odd.vfs, "file", CASK_OPEN_CREATE), CASK_OK);
    assert_int_equal(cask_sync(&handle, "file"), CASK_E_IO);
    assert_int_equal(cask_error_last()->system_errno, EIO);
    assert_int_equal(odd.syncs, 1);
    cask_handle_close(&handle);
}

static void vfs__read_file_holds_to_its_limit(void **state)
{
    uint8_t *data;
    size_t size;

    (void)state;
    make_file("file", "slots");
    assert_int_equal(cask_read_file(&data, &size, cask_vfs_posix(), "file", 4), CASK_E_CORRUPT);
    assert_string_equal(cask_error_last()->word, "file-length");
    assert_int_equal(cask_read_file(&data, &size, cask_vfs_posix(), "absent", 4), CASK_E_NOTFOUND);
    assert_int_equal(cask_read_file(&data, &size, cask_vfs_posix(), "file", 5), CASK_OK);
    assert_int_equal(size, 5);
    assert_memory_equal(data, "slots", 6);
    free(data);
}

static void vfs__replace_file_makes_and_replaces(void **state)
{
    (void)state;
    assert_int_equal(cask_replace_file(cask_vfs_posix(), ".", "conf", "first", 5), CASK_OK);
    assert_contents("conf", "first");
    assert_int_equal(cask_replace_file(cask_vfs_posix(), ".", "conf", "2nd", 3), CASK_OK);
    assert_contents("conf", "2nd");
    assert_int_equal(access("conf.tmp", F_OK), -1);
}

static void vfs__replace_file_that_fails_changes_nothing(void **state)
{
    odd_system odd;

    (void)state;
    make_file("conf", "first");
    odd_init(&odd);
    odd.write_result = -ENOSPC;
    assert_int_equal(cask_replace_file(&odd.vfs, ".", "conf", "2nd", 3), CASK_E_NOSPC);
    assert_int_equal(access("conf.tmp", F_OK), -1);
    odd_init(&odd);
    odd.sync_result = -EIO;
    assert_int_equal(cask_replace_file(&odd.vfs, ".", "conf", "2nd", 3), CASK_E_IO);
    assert_int_equal(access("conf.tmp", F_OK), -1);
    assert_contents("conf", "first");
}

static void vfs__replace_file_leaves_alone_what_is_no_file(void **state)
{
    (void)state;
    make_file("conf", "first");
    assert_int_equal(mkdir("conf.tmp", 0777), 0);
    assert_int_equal(cask_replace_file(cask_vfs_posix(), ".", "conf", "2nd", 3), CASK_E_INVALID);
    assert_int_equal(access("conf.tmp", F_OK), 0);
    assert_contents("conf", "first");
}

static void vfs__replace_file_reports_a_folder_that_is_not_durable(void **state)
{
    odd_system odd;

    (void)state;
    odd_init(&odd);
    odd.folder_result = -EIO;
    assert_int_equal(cask_replace_file(&odd.vfs, ".", "conf", "2nd", 3), CASK_E_IO);
    assert_int_equal(access("conf.tmp", F_OK), -1);
}

/* ---- Errors ----------------------------------------------------------------------------------------------------- */

static void error__system_errors_have_their_codes(void **state)
{
    static const struct { int system_errno, code; } cases[] = {
        { ENOSPC, CASK_E_NOSPC }, { EDQUOT, CASK_E_NOSPC }, { ENOMEM, CASK_E_NOMEM },  { ENOENT, CASK_E_NOTFOUND },
        { EAGAIN, CASK_E_BUSY },  { EIO, CASK_E_IO },       { EACCES, CASK_E_IO },     { EINVAL, CASK_E_INVALID },
        { EROFS, CASK_E_IO },     { 4095, CASK_E_IO },      { ELOOP, CASK_E_INVALID }, { EISDIR, CASK_E_INVALID },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int code = cask_fail_system(-cases[i].system_errno, CASK_AT("data_00001", 8), "write the record");
        assert_int_equal(code, cases[i].code);
        assert_int_equal(cask_error_last()->code, cases[i].code);
        assert_int_equal(cask_error_last()->system_errno, cases[i].system_errno);
        assert_int_equal(cask_error_last()->offset, 8);
        assert_int_equal(cask_error_last()->slot, CASK_NO_SLOT);
        assert_string_equal(cask_error_last()->file, "data_00001");
        assert_string_equal(cask_error_last()->word, "");
        assert_int_equal(strncmp(cask_error_last()->message, "cannot write the record: ", 25), 0);
    }
    cask_fail_system(-ENOSPC, CASK_NOWHERE, "write the record");
    assert_non_null(strstr(cask_error_last()->message, strerror(ENOSPC)));
}

static void error__keeps_the_end_of_a_long_path(void **state)
{
    char path[2000];

    (void)state;
    memset(path, 'x', sizeof(path));
    memcpy(path + sizeof(path) - 10, "/data.off", 10);
    cask_fail(CASK_E_IO, CASK_IN_FILE(path), "%s", path);
    assert_int_equal(strlen(cask_error_last()->file), sizeof(cask_error_last()->file) - 1);
    assert_string_equal(cask_error_last()->file + 511 - 9, "/data.off");
    assert_int_equal(strlen(cask_error_last()->message), sizeof(cask_error_last()->message) - 1);
}

static void error__may_quote_the_last_error(void **state)
{
    (void)state;
    cask_fail_word(CASK_E_CORRUPT, "seal", CASK_AT_SLOT("file", 1, 2), "inner");
    assert_string_equal(cask_error_last()->word, "seal");
    assert_int_equal(cask_error_last()->slot, 2);
    cask_fail(CASK_E_IO, CASK_IN_FILE(cask_error_last()->file), "outer: %s", cask_error_last()->message);
    assert_string_equal(cask_error_last()->message, "outer: inner");
    assert_string_equal(cask_error_last()->file, "file");
    assert_string_equal(cask_error_last()->word, "");
}

static void error__restore_brings_back_a_copy(void **state)
{
    cask_error saved;

    (void)state;
    cask_fail(CASK_E_CONFLICT, CASK_AT_SLOT("file", 1, 2), "first");
    saved = *cask_error_last();
    assert_int_equal(cask_fail_nomem(), CASK_E_NOMEM);
    cask_error_restore(&saved);
    assert_memory_equal(cask_error_last(), &saved, sizeof(saved));
}

static void error__code_names(void **state)
{
    (void)state;
    for (int code = 0; code >= -14; code--)
        assert_string_not_equal(cask_code_name(code), "unknown");
    assert_string_equal(cask_code_name(CASK_E_CORRUPT), "corrupt");
    assert_string_equal(cask_code_name(CASK_E_WRONG_NETWORK), "wrong-network");
    assert_string_equal(cask_code_name(1), "unknown");
    assert_string_equal(cask_code_name(-15), "unknown");
}

static void version__is_that_of_the_header(void **state)
{
    char version[32];

    (void)state;
    snprintf(version, sizeof(version), "%d.%d.%d", CASK_VERSION_MAJOR, CASK_VERSION_MINOR, CASK_VERSION_PATCH);
    assert_string_equal(cask_version(), version);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(vfs__open_modes),
        IN_FOLDER(vfs__open_files_do_not_survive_exec),
        IN_FOLDER(vfs__open_refuses_a_folder),
        IN_FOLDER(vfs__open_refuses_a_fifo_without_waiting),
        IN_FOLDER(vfs__open_refuses_a_device),
        IN_FOLDER(vfs__open_refuses_a_socket),
        IN_FOLDER(vfs__open_refuses_a_circle_of_links),
        IN_FOLDER(vfs__open_follows_a_link_to_a_file),
        IN_FOLDER(vfs__open_below_a_file_is_an_io_error),
        IN_FOLDER(vfs__second_lock_is_refused_at_once),
        IN_FOLDER(vfs__stat_tells_files_from_folders),
        IN_FOLDER(vfs__folders),
        IN_FOLDER(vfs__list_visits_every_entry),
        IN_FOLDER(vfs__offsets_beyond_the_system_are_refused),
        IN_FOLDER(vfs__short_reads_and_writes_are_continued),
        IN_FOLDER(vfs__read_exact_finds_a_short_file_corrupt),
        IN_FOLDER(vfs__read_upto_stops_at_the_end),
        IN_FOLDER(vfs__size_and_truncate),
        IN_FOLDER(vfs__write_that_moves_nothing_is_an_error),
        IN_FOLDER(vfs__failed_sync_is_reported_and_not_repeated),
        IN_FOLDER(vfs__read_file_holds_to_its_limit),
        IN_FOLDER(vfs__replace_file_makes_and_replaces),
        IN_FOLDER(vfs__replace_file_that_fails_changes_nothing),
        IN_FOLDER(vfs__replace_file_leaves_alone_what_is_no_file),
        IN_FOLDER(vfs__replace_file_reports_a_folder_that_is_not_durable),
        cmocka_unit_test(error__system_errors_have_their_codes),
        cmocka_unit_test(error__keeps_the_end_of_a_long_path),
        cmocka_unit_test(error__may_quote_the_last_error),
        cmocka_unit_test(error__restore_brings_back_a_copy),
        cmocka_unit_test(error__code_names),
        cmocka_unit_test(version__is_that_of_the_header),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
