#include "promise.h"

#include <inttypes.h>
#include <stdio.h>

enum { STOP = -1000 }; /* no code of the library */

/* ---- The subject ------------------------------------------------------------------------------------------------ */

subject subject_of(const store *s, const uint64_t *slots, size_t count)
{
    subject made = { .version = s->shape.format_version, .m = image_read(s->vfs, s->path), .count = count };

    assert_true(count <= SUBJECT_SLOTS_MAX);
    made.pruned = CASK_NO_SLOT;
    memcpy(made.slots, slots, count * sizeof(*slots));
    made.disk = image_to_disk(made.m);
    made.hash = memory_disk_hash(made.disk);
    made.reader = calloc(1, sizeof(*made.reader));
    assert_non_null(made.reader);
    return made;
}

void subject_dispose(subject *s)
{
    store_close(s->reader);
    free(s->reader);
    memory_disk_free(s->disk);
    image_free(s->m);
}

static bool has_record(const subject *s, uint64_t slot)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->slots[i] == slot)
            return true;
    return false;
}

__attribute__((format(printf, 1, 2))) static bool broken(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return false;
}

/* ---- It is reported, and the file is named ---------------------------------------------------------------------- */

static bool is_named(const question *q, const char *text)
{
    for (size_t i = 0; i < COUNT_OF(q->names); i++) {
        const char *found = q->names[i] == NULL ? NULL : strstr(text, q->names[i]);
        char next = found == NULL ? 0 : found[strlen(q->names[i])];

        if (found != NULL && next != '.' && (next < '0' || next > '9'))
            return true;
    }
    return false;
}

typedef struct inquiry {
    const question *q;
    bool named;
    size_t others;
} inquiry;

static int take_finding(const cask_report *report, void *payload)
{
    inquiry *i = payload;

    i->named = is_named(i->q, report->file);
    i->others += !i->named;
    return i->named ? STOP : 0;
}

/* Verification goes on until the file is named. */
static bool is_reported(const subject *s, const question *q, cask_column *column)
{
    inquiry i = { .q = q };
    int code;

    if (q->names[0] == NULL)
        return true;
    code = cask_column_verify(column, 1, take_finding, &i, NULL);
    if (s->version < 4 || i.named || (code < 0 && code != STOP && is_named(q, cask_error_last()->file)))
        return true;
    if (code < 0)
        return broken("verify ends with %s about another file: %s: %s", cask_code_name(code), cask_error_last()->file,
                      cask_error_last()->message);
    return broken("verify does not name the file; it names %zu others", i.others);
}

/* ---- What is read ----------------------------------------------------------------------------------------------- */

static bool last_was_damage; /* of the last record that was read */

static bool is_right(const subject *s, cask_column *column, uint64_t slot)
{
    static uint8_t expected[VALUE_SIZE_MAX], got[VALUE_SIZE_MAX];
    size_t size = 0;
    int code = cask_column_get(column, slot, got, sizeof(got), &size);

    last_was_damage = code == CASK_E_CORRUPT;
    if (s->version < 4)
        return code <= 0 && (code != CASK_OK || size <= sizeof(got));
    if (code == CASK_E_CORRUPT)
        return true;
    if (slot == s->pruned)
        return code == CASK_E_PRUNED || broken("slot %" PRIu64 ", which was pruned: %s", slot, cask_code_name(code));
    if (!has_record(s, slot))
        return code == CASK_E_NOTFOUND || broken("slot %" PRIu64 ", which has no record: %s", slot, cask_code_name(code));
    if (code != CASK_OK)
        return broken("slot %" PRIu64 ", which has a record: %s", slot, cask_code_name(code));
    return (size == value_of(slot, expected) && memcmp(got, expected, size) == 0) ||
           broken("slot %" PRIu64 " is read as other bytes", slot);
}

static bool are_right(const subject *s, const question *q, cask_column *column)
{
    for (size_t i = 0; i < q->count; i++)
        if (!is_right(s, column, q->slots[i]))
            return false;
    return true;
}

static bool is_own_identity(const cask_archive *archive)
{
    const char *text;
    size_t size;
    int code = cask_archive_identity(&text, &size, archive);

    return code == CASK_E_NOTFOUND || (size == strlen(IDENTITY) && memcmp(text, IDENTITY, size) == 0) ||
           broken("the archive has another identity");
}

/* ---- Opening ---------------------------------------------------------------------------------------------------- */

static store store_of(const subject *s, const cask_vfs *vfs)
{
    store opened = store_at(vfs, s->m->folder, s->version, false);

    opened.shape.cached_files = 4;
    return opened;
}

static bool is_error_of_damage(const subject *s, int code)
{
    return s->version < 4 || code == CASK_E_CORRUPT || code == CASK_E_UNSUPPORTED ||
           broken("it does not open: %s: %s", cask_code_name(code), cask_error_last()->message);
}

static bool read_kept(const subject *s, const question *q)
{
    store opened = store_of(s, &s->m->vfs);
    int code = store_try_open_existing(&opened, true);
    bool kept;

    if (code < 0)
        return is_error_of_damage(s, code) &&
               (s->version < 4 || is_named(q, cask_error_last()->file) ||
                broken("opening names another file: %s", cask_error_last()->file));
    kept = is_own_identity(opened.archive) && are_right(s, q, opened.column) && is_reported(s, q, opened.column);
    store_close(&opened);
    return kept;
}

/* One record alone: a handle that fails to load its file keeps nothing of it, and can be used again. */
static bool read_one_kept(const subject *s, const question *q)
{
    bool kept;

    if (s->reader->column == NULL) {
        *s->reader = store_of(s, &s->m->vfs);
        if (store_try_open_existing(s->reader, true) < 0)
            return broken("it does not open: %s", cask_error_last()->message);
    }
    kept = is_right(s, s->reader->column, q->slots[0]);
    if (!kept || !last_was_damage)
        store_close(s->reader);
    return kept;
}

bool promise_reported(const subject *s, const question *q)
{
    store opened = store_of(s, &s->m->vfs);
    inquiry i = { .q = q };

    if (store_try_open_existing(&opened, true) < 0)
        return is_named(q, cask_error_last()->file);
    cask_column_verify(opened.column, 1, take_finding, &i, NULL);
    store_close(&opened);
    return i.named;
}

/* All that was there is there. */
static bool is_whole(const subject *s, const cask_vfs *vfs)
{
    question all = { .slots = s->slots, .count = s->count };
    store opened = store_of(s, vfs);
    int code = store_try_open_existing(&opened, false);
    bool whole;

    if (code < 0)
        return broken("set right again, it does not open: %s", cask_error_last()->message);
    whole = store_verify(&opened, false) == 0 && are_right(s, &all, opened.column);
    for (size_t i = 0; i < s->count && whole; i++) {
        bool present = false;

        whole = (cask_column_contains(&present, opened.column, s->slots[i]) == CASK_OK && present) ||
                broken("set right again, slot %" PRIu64 " is lost", s->slots[i]);
    }
    store_close(&opened);
    return whole;
}

/* Whether it opens or refuses to: what it did to the other files is nothing, or no loss. */
static bool write_kept(const subject *s, const question *q, tally *t)
{
    memory_disk *disk = memory_disk_after_crash(s->disk, LOSS_NOTHING, 0);
    store opened = store_of(s, memory_disk_vfs(disk));
    bool kept;
    int code;

    image_damage_disk(s->m, disk);
    code = store_try_open_existing(&opened, false);
    kept = code < 0 ? is_error_of_damage(s, code) : are_right(s, q, opened.column);
    store_close(&opened);
    image_restore_disk(s->m, disk);
    if (kept && s->version >= 4 && memory_disk_hash(disk) != s->hash)
        kept = (code == CASK_OK || broken("opening is refused, but changed another file")) &&
               is_whole(s, memory_disk_vfs(disk));
    memory_disk_free(disk);
    t->written++;
    t->refused += code < 0;
    return kept;
}

bool promise_kept(const subject *s, const question *q, tally *t)
{
    t->tried++;
    if (q->names[0] == NULL && q->count == 1 && !q->write && s->version >= 4)
        return read_one_kept(s, q);
    return read_kept(s, q) && (!q->write || write_kept(s, q, t));
}
