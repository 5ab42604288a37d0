/*
 * Random sequences of all that can be done to a column, against a model of it in memory; on a disk in memory, which
 * loses power between two operations, in the middle of one, and in the middle of healing. A handle that only reads
 * stays open meanwhile and must say what is there now; an iterator goes on over the changes.
 *
 *     model [--operations N] [--seed N] [--figures FILE]
 *
 * The same seed does the same. An episode is some hundred operations on a column of its own.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "data_file.h"
#include "state.h"

enum { EPISODE = 250, REMEMBERED = 12, CANDIDATES_MAX = MODEL_FILES + 2, COMPARE_EVERY = 60 };

typedef struct model {
    uint64_t seed;
    uint64_t operation;
    uint64_t operations; /* of this run */
    uint64_t crashes;
    uint64_t crashes_within; /* of them, in the middle of an operation */
    uint64_t random;
    char did[REMEMBERED][200]; /* the last operations */
    bool gentle; /* nothing in this episode that format 3 does not have */

    store writer;
    store reader;
    state now;
    /* What an operation makes of it, step by step: after a crash it is one of them. */
    state candidates[CANDIDATES_MAX];
    size_t count;
    bool rebuilding; /* a table is damaged: the column can be rebuilt, and not opened */
    uint64_t damaged_file;
    uint64_t damaged_from; /* bytes */
    uint64_t damaged_end;

    cask_iter *iter; /* of the reader or of the writer, NULL: none */
    bool iter_is_readers;
    bool iter_down;
    size_t iter_next;    /* place: those before it were visited */
    uint8_t iter_may[PLACES][VALUES + FIRST_VALUE]; /* what it may come to, since it was there after it was made */
    bool iter_must[PLACES]; /* what it must come to: there all the time */

    uint64_t steps_to_crash; /* 0: none is to be */
    disk_loss loss;
    uint64_t loss_seed;
    memory_disk *crashed; /* what it left */
} model;

/* ---- When something is wrong ------------------------------------------------------------------------------------ */

/* The checks of cmocka end the program, too. */
static const model *running;

static void print_last_operations(void)
{
    const model *m = running;

    if (m == NULL)
        return;
    fprintf(stderr, "the last operation:\n");
    memory_disk_print_steps(m->writer.disk);
    for (uint64_t i = m->operation < REMEMBERED ? 0 : m->operation - REMEMBERED + 1; i <= m->operation; i++)
        fprintf(stderr, "%8" PRIu64 " %s\n", i, m->did[i % REMEMBERED]);
    fprintf(stderr, "FAILED: model --seed %" PRIu64 " --operations %" PRIu64 "\n", m->seed, m->operation + 1);
}

__attribute__((format(printf, 2, 3))) static void did(model *m, const char *format, ...)
{
    char *line = m->did[m->operation % REMEMBERED];
    size_t length = strlen(line);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line + length, sizeof m->did[0] - length, format, arguments);
    va_end(arguments);
}

static void fail_if(const char *who, const char *differs)
{
    if (differs == NULL)
        return;
    fprintf(stderr, "%s: %s\n", who, differs);
    exit(1);
}

static void expect_code(const char *what, int code, int expected)
{
    if (code == expected)
        return;
    fprintf(stderr, "%s says %s, not %s: %s: %s\n", what, cask_code_name(code), cask_code_name(expected),
            cask_error_last()->file, cask_error_last()->message);
    exit(1);
}

/* ---- Chance ----------------------------------------------------------------------------------------------------- */

static uint64_t below(model *m, uint64_t limit)
{
    uint64_t z = m->random += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (z ^ z >> 31) % limit;
}

static bool once_in(model *m, uint64_t times)
{
    return below(m, times) == 0;
}

/* ---- The iterator ----------------------------------------------------------------------------------------------- */

static void end_iteration(model *m)
{
    cask_iter_free(m->iter);
    m->iter = NULL;
}

static void iterator_learns(model *m)
{
    for (size_t place = 0; place < PLACES && m->iter != NULL; place++) {
        m->iter_may[place][m->now.at[place]] = true;
        m->iter_must[place] &= m->now.at[place] >= FIRST_VALUE;
    }
}

static void begin_iteration(model *m)
{
    end_iteration(m);
    m->iter_is_readers = once_in(m, 2);
    m->iter_down = once_in(m, 2);
    m->iter_next = 0;
    expect_code("a new iterator",
                cask_iter_new(&m->iter, m->iter_is_readers ? m->reader.column : m->writer.column,
                              m->iter_down ? CASK_NO_SLOT - 1 : 0, m->iter_down ? CASK_DOWN : CASK_UP),
                CASK_OK);
    memset(m->iter_may, 0, sizeof m->iter_may);
    memset(m->iter_must, 1, sizeof m->iter_must);
    iterator_learns(m);
}

/* The value is one that the place has had since the iterator was made; or it is gone. */
static const char *iterator_value_differs(model *m, size_t place)
{
    const void *value;
    size_t size, expected_size;
    int code = cask_iter_value(m->iter, &value, &size);

    if (code == CASK_E_PRUNED || code == CASK_E_NOTFOUND)
        return m->now.at[place] < FIRST_VALUE ? NULL : "an iterator says that a record is not there";
    if (code < 0)
        return "an iterator cannot read a record";
    for (uint8_t what = FIRST_VALUE; what < FIRST_VALUE + VALUES; what++) {
        const uint8_t *expected = place_value(&m->now, place, what, &expected_size);

        if (m->iter_may[place][what] && size == expected_size && (size == 0 || memcmp(value, expected, size) == 0))
            return NULL;
    }
    return "an iterator comes to a value that was not there since it was made";
}

/* The place that is the n-th to be visited. */
static size_t nth_place(const model *m, size_t n)
{
    return m->iter_down ? PLACES - 1 - n : n;
}

static void step_iterator(model *m)
{
    uint64_t slot = 0;
    int code = cask_iter_next(m->iter, &slot);
    size_t next = m->iter_next;

    while (next < PLACES && (code < 0 || place_slot(&m->now, nth_place(m, next)) != slot)) {
        if (m->iter_must[nth_place(m, next)])
            fail_if("an iterator passes over a record or does not come to it", cask_code_name(code));
        next++;
    }
    if (code == CASK_E_NOTFOUND) {
        end_iteration(m);
        return;
    }
    expect_code("a step of an iterator", code, CASK_OK);
    if (next == PLACES)
        fail_if("an iterator", "comes to a slot that was never put, or a second time");
    m->iter_next = next + 1;
    fail_if("an iterator", iterator_value_differs(m, nth_place(m, next)));
}

/* ---- Handles ---------------------------------------------------------------------------------------------------- */

static void open_reader(model *m)
{
    m->reader.shape.cached_files = once_in(m, 2) ? 4 : 64;
    m->reader.shape.check_every_read = once_in(m, 8);
    store_open_existing(&m->reader, true);
}

static void close_reader(model *m)
{
    if (m->iter_is_readers)
        end_iteration(m);
    store_close(&m->reader);
}

static void open_writer(model *m)
{
    m->writer.shape.cached_files = once_in(m, 2) ? 4 : 64;
    store_open_existing(&m->writer, false);
}

static void close_writer(model *m)
{
    if (!m->iter_is_readers)
        end_iteration(m);
    store_close(&m->writer);
}

static void compare_all(model *m)
{
    const bool readers_first = once_in(m, 2);

    for (int i = 0; i < 2; i++) {
        const store *s = (i == 0) == readers_first ? &m->reader : &m->writer;
        fail_if(s == &m->reader ? "reader" : "writer", column_differs(s->column, &m->now));
    }
}

/* What the operation has changed, and a sample. */
static void compare_some(model *m, const state *before)
{
    for (size_t place = 0; place < PLACES; place++) {
        if (m->now.at[place] == before->at[place])
            continue;
        fail_if("writer", place_differs(m->writer.column, &m->now, place));
        fail_if("reader", place_differs(m->reader.column, &m->now, place));
    }
    for (int i = 0; i < 3; i++) {
        fail_if("writer", place_differs(m->writer.column, &m->now, below(m, PLACES)));
        fail_if("reader", place_differs(m->reader.column, &m->now, below(m, PLACES)));
    }
}

/* ---- Crashes ---------------------------------------------------------------------------------------------------- */

static void crash_at_step(void *payload)
{
    model *m = payload;

    if (m->steps_to_crash > 0 && --m->steps_to_crash == 0)
        m->crashed = memory_disk_after_crash(m->writer.disk, m->loss, m->loss_seed);
}

/* A crash at one of the next steps, if there are so many. */
static void arm(model *m)
{
    static const uint64_t reach[] = { 4, 15, 50, 150 };

    m->steps_to_crash = 1 + below(m, reach[below(m, COUNT_OF(reach))]);
    m->loss = (disk_loss)below(m, 3);
    m->loss_seed = below(m, UINT64_MAX);
    memory_disk_on_step(m->writer.disk, crash_at_step, m);
    did(m, "[crash %d at step %" PRIu64 "] ", (int)m->loss, m->steps_to_crash);
}

/* Whether there was one. */
static bool disarm(model *m)
{
    m->steps_to_crash = 0;
    memory_disk_on_step(m->writer.disk, NULL, NULL);
    return m->crashed != NULL;
}

static void take_crashed_disk(model *m)
{
    close_reader(m);
    close_writer(m);
    memory_disk_free(m->writer.disk);
    m->writer.disk = m->crashed;
    m->writer.vfs = m->reader.vfs = memory_disk_vfs(m->crashed);
    m->crashed = NULL;
    m->crashes++;
}

/* Which of the candidates the handle shows: from then on there is no other. */
static void settle(model *m, const char *who, cask_column *column)
{
    const char *differs = NULL;
    size_t chosen = m->count;
    cask_column_info info;

    expect_code("statistics", cask_column_stat(&info, column), CASK_OK);
    while (chosen-- > 0) {
        const state *candidate = &m->candidates[chosen];

        if (info.format_version != candidate->version || info.highest_slot != candidate->highest)
            differs = differs != NULL ? differs : "another format, or another highest slot";
        else if ((differs = places_differ(column, candidate)) == NULL)
            break;
    }
    if (chosen == SIZE_MAX)
        fail_if(who, differs);
    m->now = m->candidates[0] = m->candidates[chosen];
    m->count = 1;
}

/* Openings that are cut short as well: what is there stays one of the candidates. */
static void crash_openings(model *m)
{
    while (once_in(m, 4)) {
        arm(m);
        open_writer(m);
        close_writer(m);
        if (!disarm(m))
            return;
        take_crashed_disk(m);
    }
}

static void rebuild(model *m);

static void recover(model *m)
{
    take_crashed_disk(m);
    if (m->rebuilding) {
        m->now = m->candidates[0];
        rebuild(m);
        open_reader(m);
        compare_all(m);
        return;
    }
    crash_openings(m);
    open_reader(m);
    if (once_in(m, 2))
        settle(m, "reader before healing", m->reader.column);
    open_writer(m);
    settle(m, "writer", m->writer.column);
    if (once_in(m, 6))
        compare_all(m);
}

static void crash_now(model *m)
{
    disk_loss loss = (disk_loss)below(m, 3);

    did(m, "crash %d", (int)loss);
    m->crashed = memory_disk_after_crash(m->writer.disk, loss, below(m, UINT64_MAX));
}

/* ---- Batches ---------------------------------------------------------------------------------------------------- */

/* What is known of a batch that is not committed yet. */
typedef struct draft {
    state next;
    state before;
    unsigned touched; /* files, a bit for each */
    unsigned sealed;  /* of them, those that a format limits */
    bool forward;
    bool backfill;
} draft;

/* What a put is to say; it is entered if that is OK. */
static int draft_put(draft *d, size_t place, uint8_t what)
{
    uint64_t slot = place_slot(&d->next, place), id = slot / CASK_SLOTS_PER_FILE;
    unsigned file = 1u << place / FILE_PLACES;
    bool old = d->next.version < 4, forward = state_is_empty(&d->next) || slot > d->next.highest;
    bool behind = !state_is_empty(&d->before) && id < state_current(&d->before);

    if (d->next.at[place] == PRUNED)
        return CASK_E_PRUNED;
    if (d->next.at[place] != ABSENT)
        return d->next.at[place] == what ? CASK_OK : CASK_E_CONFLICT;
    if (!forward && !d->next.backfill)
        return CASK_E_REFUSED;
    if (old && (forward ? d->backfill : d->forward))
        return CASK_E_REFUSED;
    if ((d->touched & file) == 0 && behind && (old || id >= d->before.oldest)) {
        if ((old && d->sealed != 0) || __builtin_popcount(d->sealed) == CASK_BATCH_SEALED_MAX)
            return CASK_E_REFUSED;
        d->sealed |= file;
    }
    d->touched |= file;
    if (state_is_empty(&d->next) || id < d->next.oldest)
        d->next.oldest = id;
    if (forward)
        d->next.highest = slot;
    d->forward |= forward;
    d->backfill |= !forward;
    d->next.at[place] = what;
    return CASK_OK;
}

static void put(model *m, cask_batch *batch, draft *d, size_t place)
{
    const uint8_t *value;
    size_t size;
    uint8_t what;
    int expected;

    if (place >= PLACES)
        return;
    what = d->next.at[place];
    if (what < FIRST_VALUE || once_in(m, 8))
        what = (uint8_t)(FIRST_VALUE + below(m, VALUES));
    expected = draft_put(d, place, what);
    value = place_value(&d->next, place, what, &size);
    did(m, " %" PRIu64, place_slot(&d->next, place));
    expect_code("put", cask_batch_put(batch, place_slot(&d->next, place), value, size), expected);
}

/* The places behind the highest slot, one or a few, sometimes after a gap. */
static void put_forward(model *m, cask_batch *batch, draft *d)
{
    size_t place = state_is_empty(&d->next) ? below(m, PLACES) : places_below(&d->next, d->next.highest) + 1;

    if (once_in(m, 4))
        place += once_in(m, 8) ? below(m, 3 * FILE_PLACES) : below(m, 4);
    for (uint64_t count = 1 + below(m, 3); count > 0; count--)
        put(m, batch, d, place++);
}

/* What is missing below a place, downwards. */
static void put_backwards(model *m, cask_batch *batch, draft *d)
{
    size_t place = below(m, PLACES);

    for (uint64_t count = 1 + below(m, 6); count > 0 && place < PLACES; place--) {
        if (d->next.at[place] == ABSENT) {
            put(m, batch, d, place);
            count--;
        }
    }
}

/* As an era file has it: a whole file but the first slot, which belongs to the era before. */
static void put_era(model *m, cask_batch *batch, draft *d)
{
    size_t first = FILE_PLACES * below(m, MODEL_FILES);

    for (size_t i = 1; i < FILE_PLACES; i++)
        put(m, batch, d, first + i);
}

static void put_anywhere(model *m, cask_batch *batch, draft *d)
{
    for (uint64_t count = 1 + below(m, once_in(m, 6) ? 20 : 4); count > 0; count--)
        put(m, batch, d, below(m, PLACES));
}

static void push(model *m, const state *next)
{
    assert_true(m->count < CANDIDATES_MAX);
    m->candidates[m->count++] = *next;
}

static void run_batch(model *m)
{
    static void (*const patterns[])(model *, cask_batch *, draft *) = { put_forward, put_forward, put_backwards,
                                                                        put_anywhere, put_era };
    draft d = { .next = m->now, .before = m->now };
    cask_batch *batch;

    did(m, "batch");
    expect_code("begin", cask_batch_begin(&batch, m->writer.column), CASK_OK);
    do
        patterns[below(m, once_in(m, 4) ? 5 : 4)](m, batch, &d);
    while (once_in(m, 3));
    if (once_in(m, 5)) {
        did(m, " abort");
        cask_batch_abort(batch);
        return;
    }
    expect_code("commit", cask_batch_commit(batch), CASK_OK);
    push(m, &d.next);
}

static void run_put(model *m)
{
    draft d = { .next = m->now, .before = m->now };
    size_t place = below(m, PLACES), size;
    uint8_t what = (uint8_t)(FIRST_VALUE + below(m, VALUES));
    int expected = draft_put(&d, place, what);
    const uint8_t *value = place_value(&d.next, place, what, &size);

    did(m, "put %" PRIu64, place_slot(&m->now, place));
    expect_code("put", cask_column_put(m->writer.column, place_slot(&m->now, place), value, size), expected);
    push(m, &d.next);
}

/* ---- Pruning and compaction ------------------------------------------------------------------------------------- */

static void choose_range(model *m, size_t *first, size_t *last)
{
    *first = below(m, PLACES);
    switch (below(m, 8)) {
    case 0:
        *first -= *first % FILE_PLACES;
        *last = *first + FILE_PLACES - 1;
        return;
    case 1: *last = *first + below(m, PLACES - *first); return;
    case 2:
        *first = 0;
        *last = below(m, PLACES);
        return;
    default: *last = *first + below(m, 6); break;
    }
    if (*last >= PLACES)
        *last = PLACES - 1;
}

typedef int (*change_fn)(cask_change *change_out, cask_column *column, uint64_t first, uint64_t last);

/* Between two places what has a value is pruned, or what was pruned is forgotten, file by file. */
static void change_range(model *m, const char *what, change_fn change_slots, bool prune)
{
    uint64_t slots = 0, files = 0;
    size_t first, last, file = PLACES;
    state next = m->now;
    cask_change change;

    choose_range(m, &first, &last);
    did(m, "%s %" PRIu64 "-%" PRIu64, what, place_slot(&next, first), place_slot(&next, last));
    for (size_t place = first; place <= last && next.version >= 4; place++) {
        if (prune ? next.at[place] < FIRST_VALUE : next.at[place] != PRUNED)
            continue;
        if (slots > 0 && place / FILE_PLACES != file)
            push(m, &next);
        files += place / FILE_PLACES != file;
        file = place / FILE_PLACES;
        slots++;
        next.ever_pruned = true;
        next.at[place] = prune ? PRUNED : ABSENT;
    }
    expect_code(what, change_slots(&change, m->writer.column, place_slot(&next, first), place_slot(&next, last)),
                next.version < 4 ? CASK_E_UNSUPPORTED : CASK_OK);
    if (next.version < 4)
        return;
    if (change.slots != slots || change.files != files ||
        (prune && slots > 0 && change.bytes_after >= change.bytes_before))
        fail_if(what, "its figures are others");
    push(m, &next);
}

/* ---- Other formats ---------------------------------------------------------------------------------------------- */

static cask_column_info writer_info(model *m)
{
    cask_column_info info;

    expect_code("statistics", cask_column_stat(&info, m->writer.column), CASK_OK);
    return info;
}

static int note_bytes(const cask_column_file *file, void *payload)
{
    *(uint64_t *)payload += file->data_bytes - (file->records > 0 ? CASK_DATA_START : 0);
    return 0;
}

/* Whether pruning has left what format 3 takes for damage, by the public interface: bytes of no record. */
static bool has_holes(model *m)
{
    uint64_t bytes = 0, slot;
    const void *stored;
    cask_iter *iter;
    size_t size;

    expect_code("files", cask_column_files(m->writer.column, note_bytes, &bytes), CASK_OK);
    expect_code("iterator", cask_iter_new(&iter, m->writer.column, 0, CASK_UP), CASK_OK);
    while (cask_iter_next(iter, &slot) == CASK_OK) {
        expect_code("iteration", cask_iter_stored(iter, &stored, &size), CASK_OK);
        bytes -= CASK_RECORD_HEADER_SIZE + size;
    }
    cask_iter_free(iter);
    return bytes != 0;
}

/* Whether pruning is in the way of format 3, also what was forgotten again. */
static bool pruning_shows(model *m)
{
    bool has_highest = false;

    for (size_t place = 0; place < PLACES; place++) {
        if (m->now.at[place] == PRUNED)
            return true;
        has_highest |= m->now.at[place] >= FIRST_VALUE && place_slot(&m->now, place) == m->now.highest;
    }
    return m->now.ever_pruned && (!has_highest || has_holes(m));
}

static int expected_of_upgrade(model *m, uint32_t version)
{
    cask_column_info info;

    if (version == m->now.version || version == 4)
        return CASK_OK;
    if (version == 2 || m->now.version == 2)
        return CASK_E_UNSUPPORTED;
    info = writer_info(m);
    return info.recoded_files > 0 || info.codec == CASK_CODEC_ZSTD || pruning_shows(m) ? CASK_E_UNSUPPORTED : CASK_OK;
}

static void run_upgrade(model *m)
{
    uint32_t version = once_in(m, 8) ? 2 : once_in(m, 2) ? 3 : 4;
    int expected = expected_of_upgrade(m, version), code;
    state next = m->now;

    did(m, "format %u", version);
    code = cask_column_upgrade(m->writer.column, version);
    /* What a crash left far from the column: see DESIGN.md. */
    if (code == CASK_E_CORRUPT && version == 3 && strcmp(cask_error_last()->word, "stray-file") == 0)
        return;
    expect_code("upgrade", code, expected);
    if (code < 0)
        return;
    next.version = version;
    next.ever_pruned &= version >= 4;
    push(m, &next);
}

static int note_first(const cask_column_file *file, void *payload)
{
    *(uint64_t *)payload = file->file_id;
    return 1;
}

/* Format 4 knows where a column begins. */
static void learn_oldest(model *m)
{
    if (m->now.version == 4 && !state_is_empty(&m->now))
        expect_code("files", cask_column_files(m->writer.column, note_first, &m->now.oldest), 1);
}

/* ---- Rebuilding ------------------------------------------------------------------------------------------------- */

static int slot_of_value(uint64_t *slot_out, const void *value, size_t size, void *payload)
{
    const state *s = payload;
    size_t place = place_of_value(s, value, size);

    if (place == PLACES)
        return CASK_E_NOTFOUND;
    *slot_out = place_slot(s, place);
    return CASK_OK;
}

/* Whether a file can be rebuilt: it has a record. Format 3 does not give up records, which verification finds later. */
static bool can_be_rebuilt(const state *s, uint64_t file)
{
    bool has_record = false;

    for (size_t place = file * FILE_PLACES; place < (file + 1) * FILE_PLACES; place++) {
        bool is_record = s->at[place] >= FIRST_VALUE;

        if (is_record && s->version < 4 && !place_is_unique(s, place))
            return false;
        has_record |= is_record;
    }
    return has_record;
}

/* Some bytes of a table, or all; of format 3, which has no checksum, the file itself. */
static void damage_table(model *m, uint64_t file_id)
{
    static const size_t sizes[] = { 1, 8, 300, 70000 };
    static uint8_t garbage[70000];
    size_t count = sizes[below(m, COUNT_OF(sizes))];
    uint64_t size, at = 0;
    char name[32], *path;

    snprintf(name, sizeof name, "data_%05" PRIu64 ".off", file_id);
    path = store_file(&m->writer, name);
    if (m->now.version < 4) {
        did(m, "rebuild, %s removed", name);
        file_remove(m->writer.vfs, path);
        count = 0;
    } else {
        size = file_size(m->writer.vfs, path);
        at = below(m, size);
        if (count > size - at)
            count = (size_t)(size - at);
        memset(garbage, (int)below(m, 256), count);
        did(m, "rebuild, %s damaged at %" PRIu64 "+%zu", name, at, count);
        file_patch(m->writer.vfs, path, at, garbage, count);
    }
    m->damaged_file = file_id;
    m->damaged_from = at;
    m->damaged_end = at + count;
    free(path);
}

/* Without a mark nothing says whether a record that has no codec is as it was. */
static bool mark_is_damaged(const model *m, size_t place)
{
    uint64_t slot = place_slot(&m->now, place), mark = (CASK_SLOTS_PER_FILE + slot % CASK_SLOTS_PER_FILE) * 8;

    return slot / CASK_SLOTS_PER_FILE == m->damaged_file && mark < m->damaged_end && mark + 8 > m->damaged_from;
}

/* Also lost are records whose value another one has, too: nobody can tell where they belong. */
static void learn_losses(model *m)
{
    state before = m->now;

    for (size_t place = 0; place < PLACES; place++) {
        bool present = true;

        if (before.at[place] < FIRST_VALUE || (place_is_unique(&before, place) && !mark_is_damaged(m, place)))
            continue;
        expect_code("contains", cask_column_contains(&present, m->writer.column, place_slot(&before, place)), CASK_OK);
        if (!present)
            m->now.at[place] = ABSENT;
    }
}

static void rebuild(model *m)
{
    cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;
    cask_archive *archive;
    cask_change change;

    options.vfs = m->writer.vfs;
    expect_code("open", cask_archive_open(&archive, m->writer.path, &options), CASK_OK);
    expect_code("rebuild",
                cask_column_rebuild(&change, archive, STORE_COLUMN, slot_of_value, &m->now, NULL, NULL), CASK_OK);
    cask_archive_close(archive);
    open_writer(m);
    learn_losses(m);
}

static void run_rebuild(model *m)
{
    uint64_t file = below(m, MODEL_FILES);

    while (file < MODEL_FILES && !can_be_rebuilt(&m->now, file))
        file++;
    if (file == MODEL_FILES)
        return;
    m->rebuilding = true;
    close_writer(m);
    damage_table(m, m->now.first_file + file);
    rebuild(m);
    push(m, &m->now);
}

/* ---- Pruning and compaction, as operations ---------------------------------------------------------------------- */

static void run_prune(model *m)
{
    if (m->gentle)
        run_upgrade(m);
    else
        change_range(m, "prune", cask_column_prune, true);
}

static void run_forget(model *m)
{
    change_range(m, "forget", cask_column_forget_pruned, false);
}

static void run_compact(model *m)
{
    cask_compact_options options = CASK_COMPACT_OPTIONS_INIT;
    cask_change change;
    int expected = m->now.version < 4 ? CASK_E_UNSUPPORTED : CASK_OK;

    if (!once_in(m, 4)) {
        options.first_file = m->now.first_file + below(m, MODEL_FILES);
        options.last_file = options.first_file + below(m, 3);
    }
    if (once_in(m, 2) && !m->gentle)
        options.codec = (int)below(m, 3);
    did(m, "compact %" PRIu64 "-%" PRIu64 ", codec %d", options.first_file, options.last_file, options.codec);
    expect_code("compact", cask_column_compact(&change, m->writer.column, &options), expected);
    if (expected < 0 || once_in(m, 2))
        return;
    expect_code("compact again", cask_column_compact(&change, m->writer.column, &options), CASK_OK);
    if (change.files != 0)
        fail_if("compaction", "changes what is compact");
}

/* ---- The rest --------------------------------------------------------------------------------------------------- */

static void run_reopen(model *m)
{
    did(m, "reopen");
    close_writer(m);
    open_writer(m);
}

static void run_reopen_reader(model *m)
{
    did(m, "reopen the reader");
    close_reader(m);
    open_reader(m);
}

static int fail_finding(const cask_report *report, void *payload)
{
    (void)payload;
    fail_if(report->what, report->message);
    return 0;
}

/* What was closed needs no healing. */
static void run_heal(model *m)
{
    cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;
    cask_archive *archive;

    did(m, "heal");
    close_writer(m);
    options.vfs = m->writer.vfs;
    expect_code("open", cask_archive_open(&archive, m->writer.path, &options), CASK_OK);
    expect_code("heal", cask_column_heal(archive, STORE_COLUMN, fail_finding, NULL), CASK_OK);
    cask_archive_close(archive);
    open_writer(m);
}

static void run_iterator(model *m)
{
    did(m, "iterate");
    begin_iteration(m);
}

static void run_crash(model *m)
{
    crash_now(m);
}

typedef struct operation {
    void (*run)(model *m);
    unsigned weight;
} operation;

static const operation operations[] = {
    { run_batch, 40 },   { run_put, 10 },   { run_prune, 12 },   { run_forget, 6 },         { run_compact, 6 },
    { run_reopen, 4 },   { run_heal, 2 },   { run_iterator, 4 }, { run_reopen_reader, 1 },  { run_crash, 6 },
    { run_upgrade, 2 },  { run_rebuild, 2 },
};

static const operation *choose_operation(model *m)
{
    uint64_t sum = 0, chosen;
    const operation *o = operations;

    for (size_t i = 0; i < COUNT_OF(operations); i++)
        sum += operations[i].weight;
    for (chosen = below(m, sum); chosen >= o->weight; o++)
        chosen -= o->weight;
    return o;
}

static void run_operation(model *m)
{
    state before = m->now;
    bool within = once_in(m, 8);

    m->did[m->operation % REMEMBERED][0] = '\0';
    m->count = 0;
    push(m, &m->now);
    if (within)
        arm(m);
    choose_operation(m)->run(m);
    m->crashes_within += within && disarm(m);
    if (m->crashed != NULL) {
        recover(m);
    } else {
        m->now = m->candidates[m->count - 1];
        iterator_learns(m);
        compare_some(m, &before);
        if (m->operation % COMPARE_EVERY == 0)
            compare_all(m);
    }
    if (m->now.version != before.version)
        learn_oldest(m);
    m->rebuilding = false;
    if (m->iter != NULL)
        step_iterator(m);
    memory_disk_forget_steps(m->writer.disk);
}

static void begin_episode(model *m)
{
    static const uint64_t firsts[] = { 0, 1, 1000 };
    uint32_t version = once_in(m, 16) ? 2 : once_in(m, 4) ? 3 : 4;
    bool backfill = version > 2 && !once_in(m, 10);
    memory_disk *disk = memory_disk_new();

    m->now = (state){ .seed = below(m, UINT64_MAX),
                      .first_file = firsts[below(m, COUNT_OF(firsts))],
                      .highest = CASK_NO_SLOT,
                      .version = version,
                      .backfill = backfill };
    m->gentle = once_in(m, 3);
    m->writer = store_at(memory_disk_vfs(disk), "/archive", version, backfill);
    m->writer.disk = disk;
    m->writer.shape.codec = (uint8_t)below(m, version < 4 ? 2 : 3);
    m->reader = m->writer;
    m->reader.disk = NULL;
    store_open(&m->writer);
    open_reader(m);
}

static void end_episode(model *m)
{
    compare_all(m);
    close_reader(m);
    close_writer(m);
    store_dispose(&m->writer);
}

static void run(model *m)
{
    running = m;
    m->random = m->seed;
    for (m->operation = 0; m->operation < m->operations; m->operation++) {
        if (m->operation % EPISODE == 0)
            begin_episode(m);
        run_operation(m);
        if (m->operation % EPISODE == EPISODE - 1 || m->operation + 1 == m->operations)
            end_episode(m);
    }
    running = NULL;
}

static void write_figures(const model *m, const char *path)
{
    FILE *file = path == NULL ? NULL : fopen(path, "w");

    printf("%" PRIu64 " operations with seed %" PRIu64 ", %" PRIu64 " crashes, %" PRIu64
           " of them in the middle of one\n", m->operations, m->seed, m->crashes, m->crashes_within);
    if (file == NULL)
        return;
    fprintf(file, "model_operations %" PRIu64 "\nmodel_crashes %" PRIu64 "\n", m->operations, m->crashes);
    fclose(file);
}

static int usage(const char *program)
{
    fprintf(stderr, "usage: %s [--operations N] [--seed N] [--figures FILE]\n", program);
    return 2;
}

int main(int argc, char **argv)
{
    static model m = { .operations = 10000 };
    const char *path = NULL;

    m.seed = (uint64_t)time(NULL);
    for (int i = 1; i < argc; i++) {
        if (i + 1 == argc)
            return usage(argv[0]);
        if (strcmp(argv[i], "--operations") == 0)
            m.operations = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0)
            m.seed = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--figures") == 0)
            path = argv[++i];
        else
            return usage(argv[0]);
    }
    atexit(print_last_operations);
    run(&m);
    write_figures(&m, path);
    return 0;
}
