/* The import of era files, cut short anywhere: what is there is right, an era whose import was acknowledged is
 * complete, and importing again finishes it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenario.h"
#include "slotcask/era.h"

#define MINIMAL FIXTURES "/eras/minimal/"

enum { BLOCKS, BLOCK_ROOTS, STATE_ROOTS, STATES, COLUMNS, ERAS = 3, ERA_SLOTS = 64 };

static const char *const names[COLUMNS] = { "blocks", "block_roots", "state_roots", "states" };
/* Eras 1 to 3. */
static const char *const paths[ERAS] = { MINIMAL "vectors-00001-a4cb8aed.era", MINIMAL "vectors-00002-f657cfdf.era",
                                         MINIMAL "vectors-00003-f0155bf0.era" };

typedef struct opened_archive {
    cask_archive *archive;
    cask_column *columns[COLUMNS]; /* NULL: not there */
} opened_archive;

/* All eras imported without a crash. */
static opened_archive reference;

/* ---- Opening ---------------------------------------------------------------------------------------------------- */

static void close_all(opened_archive *o)
{
    for (size_t i = 0; i < COLUMNS; i++)
        cask_column_close(o->columns[i]);
    cask_archive_close(o->archive);
    memset(o, 0, sizeof(*o));
}

static int open_archive(cask_archive **archive_out, const cask_vfs *vfs, bool create, bool read_only)
{
    cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;

    options.vfs = vfs;
    options.create = create;
    options.read_only = read_only;
    return cask_archive_open(archive_out, "/archive", &options);
}

static bool open_all(opened_archive *o, const cask_vfs *vfs, bool create, bool read_only)
{
    int code = open_archive(&o->archive, vfs, create, read_only);

    if (code < 0)
        return crash_fail(code, "the archive does not open");
    for (size_t i = 0; i < COLUMNS; i++) {
        code = cask_column_open(&o->columns[i], o->archive, names[i], NULL);
        if (code < 0)
            o->columns[i] = NULL;
        if (code < 0 && code != CASK_E_NOTFOUND) {
            crash_fail(code, "column %s does not open", names[i]);
            close_all(o);
            return false;
        }
    }
    return true;
}

static void *import_open(const scenario *self, const cask_vfs *vfs, size_t stages)
{
    opened_archive *o = calloc(1, sizeof(*o));

    (void)self;
    if (o != NULL && open_all(o, vfs, stages == 0, false))
        return o;
    free(o);
    return NULL;
}

static void import_close(void *opened)
{
    close_all(opened);
    free(opened);
}

/* ---- Importing -------------------------------------------------------------------------------------------------- */

static bool import_eras(cask_archive *archive, size_t first, size_t count)
{
    static cask_network *network; /* kept as long as the program runs */
    cask_import_options options = CASK_IMPORT_OPTIONS_INIT;
    cask_import_result result;
    int code = network == NULL ? cask_network_load(&network, MINIMAL "config.yaml", NULL) : CASK_OK;

    if (code < 0)
        return crash_fail(code, "the network");
    options.network = network;
    options.verify = CASK_VERIFY_NONE;
    code = cask_import(&result, archive, paths + first, count, &options);
    return code == CASK_OK || crash_fail(code, "import");
}

static bool import_run(const scenario *self, const cask_vfs *vfs, void (*done)(void *payload), void *payload)
{
    cask_archive *archive;
    int code = open_archive(&archive, vfs, true, false);
    bool right = code == CASK_OK || crash_fail(code, "the archive is not made");

    if (!right)
        return false;
    for (size_t i = 0; i < self->stages && right; i++) {
        right = import_eras(archive, i, 1);
        if (right)
            done(payload);
    }
    cask_archive_close(archive);
    return right;
}

static bool make_reference(void)
{
    memory_disk *disk;
    cask_archive *archive;
    bool right;

    if (reference.archive != NULL)
        return true;
    disk = memory_disk_new(); /* kept as long as the program runs */
    if (open_archive(&archive, memory_disk_vfs(disk), true, false) < 0)
        return crash_fail(0, "no reference");
    right = import_eras(archive, 0, ERAS);
    cask_archive_close(archive);
    return right && open_all(&reference, memory_disk_vfs(disk), false, true);
}

/* ---- Comparing -------------------------------------------------------------------------------------------------- */

/* Whether the slot belongs to the first `eras` eras. */
static bool must_have(size_t column, uint64_t slot, size_t eras)
{
    return column == STATES ? slot <= eras * ERA_SLOTS : slot < eras * ERA_SLOTS;
}

static bool same_record(cask_column *left, cask_column *right, uint64_t slot)
{
    cask_buf a = CASK_BUF_INIT, b = CASK_BUF_INIT;
    int code_a = cask_column_get_stored(&a, left, slot), code_b = cask_column_get_stored(&b, right, slot);
    bool same = code_a == CASK_OK && code_b == CASK_OK && a.size == b.size && memcmp(a.data, b.data, a.size) == 0;

    cask_buf_dispose(&a);
    cask_buf_dispose(&b);
    return same;
}

/* Each record that is there is one of the reference. */
static bool expect_nothing_else(size_t index, cask_column *column)
{
    cask_iter *iter;
    uint64_t slot;
    bool right = true;
    int code = cask_iter_new(&iter, column, 0, CASK_UP);

    if (code < 0)
        return crash_fail(code, "column %s", names[index]);
    while (right && (code = cask_iter_next(iter, &slot)) == CASK_OK)
        right = same_record(column, reference.columns[index], slot) ||
                crash_fail(0, "column %s has something else at slot %" PRIu64, names[index], slot);
    if (right && code != CASK_E_NOTFOUND)
        right = crash_fail(code, "column %s", names[index]);
    cask_iter_free(iter);
    return right;
}

/* Each record that must be there is. */
static bool expect_all(size_t index, cask_column *column, size_t eras)
{
    cask_iter *iter;
    uint64_t slot;
    bool right = cask_iter_new(&iter, reference.columns[index], 0, CASK_UP) == CASK_OK;

    while (right && cask_iter_next(iter, &slot) == CASK_OK && must_have(index, slot, eras))
        right = (column != NULL && same_record(column, reference.columns[index], slot)) ||
                crash_fail(0, "column %s lacks slot %" PRIu64, names[index], slot);
    cask_iter_free(iter);
    return right;
}

static int note_finding(const cask_report *report, void *payload)
{
    bool *found = payload;

    *found = true;
    crash_fail(0, "verify finds %s in %s: %s", report->what, report->file, report->message);
    return 0;
}

static bool expect_eras(const opened_archive *o, size_t eras, bool verify)
{
    if (!make_reference())
        return false;
    for (size_t i = 0; i < COLUMNS; i++) {
        bool found = false;
        if (!expect_all(i, o->columns[i], eras) || (o->columns[i] != NULL && !expect_nothing_else(i, o->columns[i])))
            return false;
        if (verify && o->columns[i] != NULL &&
            (cask_column_verify(o->columns[i], 1, note_finding, &found, NULL) < 0 || found))
            return false;
    }
    return true;
}

static uint64_t import_mark(const scenario *self, size_t stages)
{
    (void)self;
    return stages;
}

/* An era is complete when its state is there. */
static bool import_look(const scenario *self, void *opened, uint64_t *mark_out)
{
    const opened_archive *o = opened;
    cask_column_info info = { .records = 0 };
    int code = o->columns[STATES] == NULL ? CASK_OK : cask_column_stat(&info, o->columns[STATES]);

    (void)self;
    *mark_out = info.records;
    return code == CASK_OK || crash_fail(code, "statistics");
}

static bool import_check(const scenario *self, void *opened, size_t stages)
{
    (void)self;
    return expect_eras(opened, stages, true);
}

/* The disk that expect_imported() looked at last: importing leaves most of them the same. */
static uint64_t looked_at;

static bool expect_imported(memory_disk *disk, size_t eras)
{
    uint64_t hash = memory_disk_hash(disk);
    opened_archive o = { .archive = NULL };
    bool right;

    if (hash == looked_at)
        return true;
    if (!open_all(&o, memory_disk_vfs(disk), false, false))
        return false;
    right = expect_eras(&o, eras, true);
    close_all(&o);
    if (right)
        looked_at = hash;
    return right;
}

/* The import that was cut short, again, with the eras before it. */
static bool import_go_on(const scenario *self, memory_disk *disk, size_t stages)
{
    size_t eras = stages < self->stages ? stages + 1 : stages;
    cask_archive *archive;
    bool right;
    int code = open_archive(&archive, memory_disk_vfs(disk), true, false);

    if (code < 0)
        return crash_fail(code, "the archive does not open to go on");
    right = import_eras(archive, 0, eras);
    cask_archive_close(archive);
    return right && expect_imported(disk, eras);
}

static bool import_read(const scenario *self, const cask_vfs *vfs, size_t least, size_t most, uint64_t *mark_out)
{
    opened_archive o = { .archive = NULL };
    bool right;

    (void)most;
    if (!open_all(&o, vfs, false, true))
        return false;
    right = import_look(self, &o, mark_out) && expect_eras(&o, least, false);
    close_all(&o);
    return right;
}

static const scenario import = {
    .name = "import-v4",
    .stages = ERAS,
    .run = import_run,
    .open = import_open,
    .close = import_close,
    .look = import_look,
    .mark = import_mark,
    .check = import_check,
    .go_on = import_go_on,
    .read = import_read,
};

const scenario *const scenarios[] = { &import };
const size_t scenario_count = 1;
