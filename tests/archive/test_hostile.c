/* Archives on the real file system with things in them that are no files of an archive: an error, at once. */
#include "check.h"
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { SECONDS_MAX = 20, NOBODY = 65534 };

#define HUGE_SIZE ((off_t)1 << 40)

/* ---- An archive, and what can be put in place of its files ------------------------------------------------------ */

typedef struct place {
    char *folder; /* the archive is in it, as "a", beside what links lead to */
    char path[256];
} place;

static const char *at(place *p, const char *name)
{
    snprintf(p->path, sizeof(p->path), "%s/%s", p->folder, name);
    return p->path;
}

/* Two files; those of format 4 are a sealed one and the current one. */
static place make_archive(uint32_t version)
{
    place made = { .folder = temp_folder_new() };
    cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;
    cask_column_options shape = CASK_COLUMN_OPTIONS_INIT;
    cask_archive *archive;
    cask_column *column;

    options.create = true;
    shape.create = true;
    shape.format_version = version;
    assert_ok(cask_archive_open(&archive, at(&made, "a"), &options));
    assert_ok(cask_archive_set_identity(archive, "test", 4));
    assert_ok(cask_column_open(&column, archive, "blocks", &shape));
    assert_ok(cask_column_put(column, 7, "seven", 5));
    assert_ok(cask_column_put(column, 8192, "next", 4));
    cask_column_close(column);
    cask_archive_close(archive);
    return made;
}

typedef void (*replace_fn)(place *p, const char *name);

static void with_fifo(place *p, const char *name)
{
    assert_int_equal(unlink(at(p, name)), 0);
    assert_int_equal(mkfifo(p->path, 0666), 0);
}

static void with_folder(place *p, const char *name)
{
    assert_int_equal(unlink(at(p, name)), 0);
    assert_int_equal(mkdir(p->path, 0777), 0);
}

static void with_device(place *p, const char *name)
{
    assert_int_equal(unlink(at(p, name)), 0);
    assert_int_equal(symlink("/dev/zero", p->path), 0);
}

static void with_circle(place *p, const char *name)
{
    assert_int_equal(unlink(at(p, name)), 0);
    assert_int_equal(symlink(strrchr(name, '/') + 1, p->path), 0);
}

static void with_socket(place *p, const char *name)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int made = socket(AF_UNIX, SOCK_STREAM, 0);

    assert_int_equal(unlink(at(p, name)), 0);
    assert_true(made >= 0 && strlen(p->path) < sizeof(address.sun_path));
    memcpy(address.sun_path, p->path, strlen(p->path) + 1);
    assert_int_equal(bind(made, (const struct sockaddr *)&address, sizeof(address)), 0);
    close(made);
}

static void with_dangling_link(place *p, const char *name)
{
    assert_int_equal(unlink(at(p, name)), 0);
    assert_int_equal(symlink("/nowhere/at/all", p->path), 0);
}

/* Of the same bytes, and as many zeros behind them as the file system takes. */
static void with_huge_file(place *p, const char *name)
{
    assert_int_equal(truncate(at(p, name), HUGE_SIZE), 0);
}

static void with_huge_hole(place *p, const char *name)
{
    assert_int_equal(truncate(at(p, name), 0), 0);
    assert_int_equal(truncate(p->path, HUGE_SIZE), 0);
}

static void with_unreadable_file(place *p, const char *name)
{
    assert_int_equal(chmod(at(p, name), 0), 0);
}

static const struct {
    const char *name;
    replace_fn replace;
} replacements[] = {
    { "fifo", with_fifo },
    { "folder", with_folder },
    { "device", with_device },
    { "circle", with_circle },
    { "socket", with_socket },
    { "dangling", with_dangling_link },
    { "huge-file", with_huge_file },
    { "huge-hole", with_huge_hole },
    { "unreadable", with_unreadable_file },
};

static const char *const names[] = { "a/archive.conf",          "a/lock",
                                     "a/blocks/column.conf",    "a/blocks/data_00000",
                                     "a/blocks/data_00000.off", "a/blocks/data_00001",
                                     "a/blocks/data_00001.off" };

/* ---- What is done with it --------------------------------------------------------------------------------------- */

static int ignore(const cask_report *report, void *payload)
{
    (void)payload;
    assert_true(report->message[0] != '\0');
    return 0;
}

/* A value is the one that was put; everything else is an error of a kind that has a remedy. */
static void check_result(int code)
{
    assert_true(code <= 0 && code != CASK_E_NOMEM && code != CASK_E_BUSY);
    assert_true(code == CASK_OK || cask_error_last()->message[0] != '\0');
}

static void read_value(cask_column *column, uint64_t slot, const char *expected)
{
    cask_buf value = CASK_BUF_INIT;
    int code = cask_column_get_buf(&value, column, slot);

    check_result(code);
    if (code == CASK_OK) {
        assert_int_equal(value.size, strlen(expected));
        assert_memory_equal(value.data, expected, value.size);
    }
    cask_buf_dispose(&value);
}

static void use_column(cask_column *column, bool read_only)
{
    cask_column_info info;
    uint64_t slot;
    cask_iter *iter;
    int code;

    read_value(column, 7, "seven");
    read_value(column, 8192, "next");
    check_result(cask_column_highest(&slot, column));
    check_result(cask_column_stat(&info, column));
    check_result(code = cask_iter_new(&iter, column, 0, CASK_UP));
    while (code == CASK_OK)
        check_result(code = cask_iter_next(iter, &slot));
    cask_iter_free(iter);
    check_result(cask_column_verify(column, 1, ignore, NULL, NULL));
    if (!read_only)
        check_result(cask_column_put(column, 8193, "third", 5));
}

static int use_archive(place *p, bool read_only)
{
    cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;
    cask_archive *archive;
    cask_column *column;
    int code;

    options.read_only = read_only;
    code = cask_archive_open(&archive, at(p, "a"), &options);
    check_result(code);
    if (code != CASK_OK)
        return code;
    check_result(cask_column_heal(archive, "blocks", ignore, NULL));
    code = cask_column_open(&column, archive, "blocks", NULL);
    check_result(code);
    if (code == CASK_OK) {
        use_column(column, read_only);
        cask_column_close(column);
    }
    cask_archive_close(archive);
    return code;
}

/* As a user to whom permissions mean something. */
static void use_as_nobody(place *p)
{
    bool is_root = geteuid() == 0;

    if (is_root)
        assert_int_equal(seteuid(NOBODY), 0);
    use_archive(p, true);
    use_archive(p, false);
    if (is_root)
        assert_int_equal(seteuid(0), 0);
}

static void give_to_nobody(place *p)
{
    static const char *const folders[] = { "", "a", "a/blocks" };

    if (geteuid() != 0)
        return;
    for (size_t i = 0; i < COUNT_OF(folders); i++)
        assert_int_equal(chown(at(p, folders[i]), NOBODY, NOBODY), 0);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_int_equal(chown(at(p, names[i]), NOBODY, NOBODY), 0);
}

/* ---- Tests ------------------------------------------------------------------------------------------------------ */

static void hostile__each_file_replaced_is_an_error_at_once(void **state)
{
    (void)state;
    for (uint32_t version = 3; version <= 4; version++) {
        for (size_t name = 0; name < COUNT_OF(names); name++) {
            for (size_t how = 0; how < COUNT_OF(replacements); how++) {
                place p;

                if (!case_begin("version=%u,file=%s,with=%s", version, names[name], replacements[how].name))
                    continue;
                p = make_archive(version);
                give_to_nobody(&p);
                replacements[how].replace(&p, names[name]);
                alarm(SECONDS_MAX);
                use_as_nobody(&p);
                alarm(0);
                temp_folder_remove(p.folder);
                case_end();
            }
        }
    }
}

static void hostile__conf_that_is_no_file_is_an_error(void **state)
{
    static const replace_fn how[] = { with_fifo, with_folder, with_device, with_circle };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(how); i++) {
        place p = make_archive(4);

        alarm(SECONDS_MAX);
        how[i](&p, "a/blocks/column.conf");
        assert_code(use_archive(&p, true), CASK_E_INVALID);
        assert_code(use_archive(&p, false), CASK_E_INVALID);
        how[i](&p, "a/archive.conf");
        assert_code(use_archive(&p, true), CASK_E_INVALID);
        assert_code(use_archive(&p, false), CASK_E_INVALID);
        alarm(0);
        temp_folder_remove(p.folder);
    }
}

static void hostile__unreadable_conf_is_an_error(void **state)
{
    place p = make_archive(4);
    bool is_root = geteuid() == 0;

    (void)state;
    give_to_nobody(&p);
    with_unreadable_file(&p, "a/blocks/column.conf");
    if (is_root)
        assert_int_equal(seteuid(NOBODY), 0);
    assert_code(use_archive(&p, true), CASK_E_IO);
    assert_int_equal(cask_error_last()->system_errno, EACCES);
    if (is_root)
        assert_int_equal(seteuid(0), 0);
    temp_folder_remove(p.folder);
}

static void hostile__archive_that_is_no_folder_is_an_error(void **state)
{
    cask_archive *archive;
    place p = { .folder = temp_folder_new() };

    (void)state;
    alarm(SECONDS_MAX);
    assert_int_equal(mkfifo(at(&p, "fifo"), 0666), 0);
    assert_code(cask_archive_open(&archive, p.path, NULL), CASK_E_INVALID);
    assert_int_equal(symlink("circle", at(&p, "circle")), 0);
    assert_code(cask_archive_open(&archive, p.path, NULL), CASK_E_INVALID);
    assert_code(cask_archive_open(&archive, "/dev/zero", NULL), CASK_E_INVALID);
    alarm(0);
    temp_folder_remove(p.folder);
}

/* Links to an archive or to files of it are followed: a column may lie on another disk. Its bytes are checked there as
 * they are here. */
static void hostile__links_are_followed(void **state)
{
    place p = make_archive(4);

    (void)state;
    assert_int_equal(rename(at(&p, "a/blocks"), "moved-away"), 0);
    assert_int_equal(symlink("../../moved-away", at(&p, "a/blocks")), 0);
    assert_ok(use_archive(&p, true));
    assert_ok(use_archive(&p, false));
    temp_folder_remove(p.folder);
    temp_folder_remove(strdup("moved-away"));
}

static void hostile__stat_without_a_table_names_it(void **state)
{
    static const char *const tables[] = { "a/blocks/data_00000.off", "a/blocks/data_00001.off" };

    (void)state;
    for (uint32_t version = 3; version <= 4; version++) {
        for (size_t i = 0; i < COUNT_OF(tables); i++) {
            cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;
            place p = make_archive(version);
            cask_column_info info;
            cask_archive *archive;
            cask_column *column;

            options.read_only = true;
            assert_int_equal(unlink(at(&p, tables[i])), 0);
            assert_ok(cask_archive_open(&archive, at(&p, "a"), &options));
            assert_ok(cask_column_open(&column, archive, "blocks", NULL));
            assert_code(cask_column_stat(&info, column), CASK_E_CORRUPT);
            assert_string_equal(cask_error_last()->word, "missing-file");
            assert_string_equal(cask_error_last()->file, at(&p, tables[i]));
            cask_column_close(column);
            cask_archive_close(archive);
            temp_folder_remove(p.folder);
        }
    }
}

static int find_folder(const cask_report *report, void *payload)
{
    bool *found = payload;

    *found |= report->corrupt && strcmp(report->what, "stray-file") == 0 && strstr(report->file, "data_00002") != NULL;
    return 0;
}

/* Where a crash may have left a file, and healing would delete it. */
static void hostile__folder_named_like_a_file_is_damage(void **state)
{
    static const char *const names_of_folder[] = { "a/blocks/data_00002", "a/blocks/data_00002.off" };

    (void)state;
    for (uint32_t version = 3; version <= 4; version++) {
        for (size_t i = 0; i < COUNT_OF(names_of_folder); i++) {
            cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;
            place p = make_archive(version);
            cask_archive *archive;
            cask_column *column;
            bool found = false;

            assert_int_equal(mkdir(at(&p, names_of_folder[i]), 0777), 0);
            assert_code(use_archive(&p, false), CASK_E_CORRUPT);
            options.read_only = true;
            assert_ok(cask_archive_open(&archive, at(&p, "a"), &options));
            assert_code(cask_column_heal(archive, "blocks", ignore, NULL), CASK_E_CORRUPT);
            assert_string_equal(cask_error_last()->word, "stray-file");
            assert_string_equal(cask_error_last()->file, at(&p, names_of_folder[i]));
            assert_ok(cask_column_open(&column, archive, "blocks", NULL));
            assert_ok(cask_column_verify(column, 1, find_folder, &found, NULL));
            assert_true(found);
            cask_column_close(column);
            cask_archive_close(archive);
            temp_folder_remove(p.folder);
        }
    }
}

/* Listing does not go round in circles. */
static void hostile__folder_that_links_to_its_archive_is_no_column(void **state)
{
    place p = make_archive(4);
    cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;
    cask_archive *archive;
    cask_column *column;

    (void)state;
    alarm(SECONDS_MAX);
    assert_int_equal(symlink("..", at(&p, "a/blocks/up")), 0);
    assert_int_equal(symlink(".", at(&p, "a/self")), 0);
    options.read_only = true;
    assert_ok(cask_archive_open(&archive, at(&p, "a"), &options));
    assert_code(cask_column_open(&column, archive, "self", NULL), CASK_E_NOTFOUND);
    cask_archive_close(archive);
    assert_ok(use_archive(&p, true));
    alarm(0);
    temp_folder_remove(p.folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        case_test(hostile__each_file_replaced_is_an_error_at_once),
        cmocka_unit_test(hostile__conf_that_is_no_file_is_an_error),
        cmocka_unit_test(hostile__unreadable_conf_is_an_error),
        cmocka_unit_test(hostile__archive_that_is_no_folder_is_an_error),
        cmocka_unit_test(hostile__links_are_followed),
        cmocka_unit_test(hostile__stat_without_a_table_names_it),
        cmocka_unit_test(hostile__folder_named_like_a_file_is_damage),
        cmocka_unit_test(hostile__folder_that_links_to_its_archive_is_no_column),
    };

    return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
