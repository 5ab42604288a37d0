/* Operations on era files: import, verification, export. All files are on the disk in memory. */
#include "operation.h"
#include "files.h"
#include "slotcask/era.h"

#include <assert.h>
#include <stdio.h>

#define FIXTURE FIXTURES "/eras/minimal/"

enum { COLUMNS = 4, ERAS = 2, ERA_SLOTS = 64, STATES = 3 };

static const char *const columns[COLUMNS] = { "blocks", "block_roots", "state_roots", "states" };
/* Eras 1 and 2. */
static const char *const files[ERAS] = { "vectors-00001-a4cb8aed.era", "vectors-00002-f657cfdf.era" };
static const char *const paths[ERAS] = { "/eras/vectors-00001-a4cb8aed.era", "/eras/vectors-00002-f657cfdf.era" };

typedef struct subject {
    const cask_vfs *vfs;
    cask_archive *archive;
    cask_network *network;
} subject;

typedef struct plan {
    const char *name;
    size_t eras; /* in the archive before */
    cask_verify_level level;
    uint8_t codec;
    int (*run)(subject *s, const struct plan *p);
} plan;

/* ---- Before ----------------------------------------------------------------------------------------------------- */

static cask_network *load_network(void)
{
    cask_network *network;

    assert_ok(cask_network_load(&network, FIXTURE "config.yaml", NULL));
    return network;
}

static void open_archive(subject *s, bool read_only)
{
    cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;

    options.vfs = s->vfs;
    options.create = !read_only;
    options.read_only = read_only;
    assert_ok(cask_archive_open(&s->archive, "/archive", &options));
}

static int import(subject *s, const plan *p, size_t first, size_t end)
{
    cask_import_options options = CASK_IMPORT_OPTIONS_INIT;
    cask_import_result result;

    options.vfs = s->vfs;
    options.network = s->network;
    options.verify = p->level;
    options.codec = p->codec;
    return cask_import(&result, s->archive, paths + first, end - first, &options);
}

static void copy_file(const cask_vfs *vfs, const char *name)
{
    char *from = path_join(FIXTURE, name), *to = path_join("/eras", name);
    size_t size;
    uint8_t *bytes = file_read(cask_vfs_posix(), from, &size);

    file_write(vfs, to, bytes, size);
    free(bytes);
    free(from);
    free(to);
}

static void *enter(const operation *self, const cask_vfs *vfs)
{
    subject *s = calloc(1, sizeof(*s));

    (void)self;
    assert_non_null(s);
    s->vfs = vfs;
    s->network = load_network();
    open_archive(s, false);
    return s;
}

static void leave(const operation *self, void *entered)
{
    subject *s = entered;

    (void)self;
    cask_archive_close(s->archive);
    cask_network_free(s->network);
    free(s);
}

static void prepare(const operation *self, memory_disk **disk)
{
    const plan *p = self->plan;
    const cask_vfs *vfs = memory_disk_vfs(*disk);
    subject *s;

    folder_make(vfs, "/eras");
    copy_file(vfs, "config.yaml");
    for (size_t i = 0; i < ERAS; i++)
        copy_file(vfs, files[i]);
    s = enter(self, vfs);
    if (p->eras > 0)
        assert_ok(import(s, p, 0, p->eras));
    leave(self, s);
}

/* ---- What is done ----------------------------------------------------------------------------------------------- */

static int act(const operation *self, void *entered)
{
    const plan *p = self->plan;

    return p->run(entered, p);
}

static int import_rest(subject *s, const plan *p)
{
    return import(s, p, p->eras < ERAS ? p->eras : 0, ERAS);
}

static int note_damage(const cask_report *report, void *payload)
{
    *(bool *)payload |= report->corrupt;
    return 0;
}

/* What could not be read is not damaged. */
static int verify_files(subject *s, const plan *p)
{
    cask_verify_options options = CASK_VERIFY_OPTIONS_INIT;
    cask_verify_result result;
    bool damaged = false;
    int code;

    options.vfs = s->vfs;
    options.network = s->network;
    options.level = p->level;
    code = cask_verify_files(&result, paths, ERAS, &options, note_damage, &damaged);
    assert_false(damaged);
    return code;
}

static int verify_archive(subject *s, const plan *p)
{
    cask_verify_options options = CASK_VERIFY_OPTIONS_INIT;
    cask_verify_result result;
    bool damaged = false;
    int code;

    options.level = p->level;
    code = cask_verify_archive(&result, s->archive, "/archive", &options, note_damage, &damaged);
    assert_false(damaged);
    return code;
}

static int load_config(subject *s, const plan *p)
{
    cask_network *network = NULL;
    int code = cask_network_load(&network, "/eras/config.yaml", s->vfs);

    (void)p;
    if (code == CASK_OK)
        cask_network_free(network);
    return code;
}

static int no_era(uint64_t era, void *payload)
{
    (void)payload;
    fail_msg("era %u is said to be unfinished", (unsigned)era);
    return 0;
}

static int unfinished(subject *s, const plan *p)
{
    (void)p;
    return cask_unfinished_eras(s->archive, no_era, NULL);
}

static int export(subject *s, const plan *p)
{
    cask_export_options options = CASK_EXPORT_OPTIONS_INIT;
    cask_export_result result;

    (void)p;
    options.vfs = s->vfs;
    return cask_export(&result, s->archive, "/exported", &options);
}

/* ---- After ------------------------------------------------------------------------------------------------------ */

/* The archive with all eras, imported without a failure. */
static cask_archive *reference(uint8_t codec)
{
    static subject references[CASK_CODEC_ZSTD + 1];
    subject *s = &references[codec];

    if (s->archive == NULL) {
        const plan whole = { "reference", 0, CASK_VERIFY_ROOTS, codec, NULL };
        const operation op = { .plan = &whole };
        memory_disk *disk = memory_disk_new(); /* kept as long as the program runs */
        prepare(&op, &disk);
        s->vfs = memory_disk_vfs(disk);
        s->network = load_network();
        open_archive(s, false);
        assert_ok(import(s, &whole, 0, ERAS));
        cask_archive_close(s->archive);
        open_archive(s, true);
    }
    return s->archive;
}

/* Every record that is in `column` is in `other`, if it is one of the first `eras`. */
static void expect_within(size_t number, cask_column *column, cask_column *other, size_t eras)
{
    cask_buf left = CASK_BUF_INIT, right = CASK_BUF_INIT;
    cask_iter *iter;
    uint64_t slot;
    int code;

    assert_ok(cask_iter_new(&iter, column, 0, CASK_UP));
    while ((code = cask_iter_next(iter, &slot)) == CASK_OK) {
        if (number == STATES ? slot > eras * ERA_SLOTS : slot >= eras * ERA_SLOTS)
            break;
        assert_ok(cask_column_get_stored(&left, column, slot));
        assert_ok(cask_column_get_stored(&right, other, slot));
        assert_int_equal(left.size, right.size);
        assert_true(memcmp(left.data, right.data, left.size) == 0);
    }
    assert_true(code == CASK_OK || code == CASK_E_NOTFOUND);
    cask_iter_free(iter);
    cask_buf_dispose(&left);
    cask_buf_dispose(&right);
}

/* The first `eras` are there, and nothing that is in none. */
static void expect_eras(cask_archive *archive, const plan *p, size_t eras)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        cask_column *column, *right;
        int code = cask_column_open(&column, archive, columns[i], NULL);
        bool damaged = false;
        if (code == CASK_E_NOTFOUND && eras == 0)
            continue;
        assert_ok(code);
        assert_ok(cask_column_open(&right, reference(p->codec), columns[i], NULL));
        expect_within(i, column, right, ERAS);
        expect_within(i, right, column, eras);
        assert_ok(cask_column_verify(column, 1, note_damage, &damaged, NULL));
        assert_false(damaged);
        cask_column_close(column);
        cask_column_close(right);
    }
}

static void settle_on(const plan *p, memory_disk *disk, bool done)
{
    subject s = { memory_disk_vfs(disk), NULL, load_network() };

    open_archive(&s, false);
    expect_eras(s.archive, p, done ? ERAS : p->eras);
    assert_ok(import(&s, p, 0, ERAS));
    expect_eras(s.archive, p, ERAS);
    cask_archive_close(s.archive);
    cask_network_free(s.network);
}

static void settle(const operation *self, memory_disk *disk, bool done, const char *failed_path)
{
    memory_disk *lost = memory_disk_after_crash(disk, LOSS_UNSYNCED, 0);

    (void)failed_path;
    settle_on(self->plan, lost, done && !self->reads);
    memory_disk_free(lost);
    settle_on(self->plan, disk, done && !self->reads);
}

/* Under the name of an era file there is only all of one. */
static void expect_exported(memory_disk *disk, bool done)
{
    const cask_vfs *vfs = memory_disk_vfs(disk);

    for (size_t i = 0; i < ERAS; i++) {
        char *path = path_join("/exported", files[i]);
        if (done || file_exists(vfs, path)) {
            size_t size, right_size;
            uint8_t *bytes = file_read(vfs, path, &size), *right = file_read(vfs, paths[i], &right_size);
            assert_int_equal(size, right_size);
            assert_memory_equal(bytes, right, size);
            free(bytes);
            free(right);
        }
        free(path);
    }
    assert_true(!done || file_exists(vfs, "/exported/SHA256SUMS"));
}

static void settle_export(const operation *self, memory_disk *disk, bool done, const char *failed_path)
{
    memory_disk *lost = memory_disk_after_crash(disk, LOSS_UNSYNCED, 0);
    subject s = { memory_disk_vfs(disk), NULL, NULL };

    (void)failed_path;
    expect_exported(lost, done);
    memory_disk_free(lost);
    expect_exported(disk, done);
    open_archive(&s, true);
    assert_ok(export(&s, self->plan));
    expect_exported(disk, true);
    cask_archive_close(s.archive);
}

/* ---- The list --------------------------------------------------------------------------------------------------- */

static const plan changes[] = {
    { "import-first", 0, CASK_VERIFY_NONE, CASK_CODEC_SNAPPY, import_rest },
    { "import", 1, CASK_VERIFY_NONE, CASK_CODEC_SNAPPY, import_rest },
    { "import-bytes", 1, CASK_VERIFY_BYTES, CASK_CODEC_SNAPPY, import_rest },
    { "import-roots", 1, CASK_VERIFY_ROOTS, CASK_CODEC_ZSTD, import_rest },
    { "import-again", ERAS, CASK_VERIFY_ROOTS, CASK_CODEC_SNAPPY, import_rest },
};
static const plan exports[] = { { "export", ERAS, CASK_VERIFY_NONE, CASK_CODEC_SNAPPY, export } };
static const plan reads[] = {
    { "config", 0, CASK_VERIFY_NONE, CASK_CODEC_SNAPPY, load_config },
    { "unfinished", ERAS, CASK_VERIFY_NONE, CASK_CODEC_SNAPPY, unfinished },
    { "verify-files-bytes", 0, CASK_VERIFY_BYTES, CASK_CODEC_SNAPPY, verify_files },
    { "verify-files-roots", 0, CASK_VERIFY_ROOTS, CASK_CODEC_SNAPPY, verify_files },
    { "verify-archive-bytes", ERAS, CASK_VERIFY_BYTES, CASK_CODEC_ZSTD, verify_archive },
    { "verify-archive-roots", ERAS, CASK_VERIFY_ROOTS, CASK_CODEC_SNAPPY, verify_archive },
};

static void add(operation *op, const plan *p, bool only_reads,
                void (*after)(const operation *self, memory_disk *disk, bool done, const char *failed_path))
{
    *op = (operation){ .plan = p, .reads = only_reads, .prepare = prepare, .enter = enter, .act = act, .leave = leave,
                       .settle = after };
    snprintf(op->name, sizeof(op->name), "%s", p->name);
}

size_t list_operations(operation operations[OPERATIONS_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < COUNT_OF(changes); i++)
        add(&operations[count++], &changes[i], false, settle);
    for (size_t i = 0; i < COUNT_OF(exports); i++)
        add(&operations[count++], &exports[i], false, settle_export);
    for (size_t i = 0; i < COUNT_OF(reads); i++)
        add(&operations[count++], &reads[i], true, settle);
    assert(count <= OPERATIONS_MAX);
    return count;
}
