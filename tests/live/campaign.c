/*
 * A campaign: an archive is filled backwards, over 64 files that are sealed and eight that are not there yet, while its
 * tip goes on forwards; two readers check every value beside it, and that nothing they have seen is ever gone.
 *
 *     campaign [--threads] [--figures FILE]
 *
 * The readers are processes with handles of their own; or, with --threads, threads that share the writer's.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "processes.h"
#include "store.h"

enum {
    READERS = 2,
    NEW_FILES = 8,
    SEALED_FILES = 64,
    FILES = NEW_FILES + SEALED_FILES,
    STRIDE = 512, /* slots from one that is filled to the next */
    BATCH_FILLS = 5,
    FILLS = FILES * (int)CASK_SLOTS_PER_FILE / STRIDE,
    BATCHES = (FILLS + BATCH_FILLS - 1) / BATCH_FILLS,
    TIP_STRIDE = 301
};

/* What the processes tell each other. Batch i has a slot of the tip, in a commit of its own, and then some fills. */
typedef struct word {
    atomic_bool stop;
    atomic_bool failed;
    atomic_uint begun;        /* batches whose commits may be under way */
    atomic_uint acknowledged; /* batches whose commits have returned */
    atomic_uint_fast64_t values; /* checked */
} word;

typedef struct reader {
    word *word;
    store store;
    bool threads;
    uint64_t seed;
    bool seen_tip[BATCHES];
    bool seen_fill[FILLS];
} reader;

/* ---- Which slots there are -------------------------------------------------------------------------------------- */

#define TIP ((uint64_t)FILES * CASK_SLOTS_PER_FILE)

/* What is there before the campaign: in each file that is sealed one slot, which is none that is filled. */
static uint64_t sealed_slot(unsigned file)
{
    return (uint64_t)(NEW_FILES + file) * CASK_SLOTS_PER_FILE + 5;
}

static uint64_t tip_slot(unsigned batch)
{
    return TIP + 1 + (uint64_t)batch * TIP_STRIDE;
}

static uint64_t fill_slot(unsigned fill)
{
    return TIP - (uint64_t)STRIDE * (fill + 1);
}

/* ---- Reading ---------------------------------------------------------------------------------------------------- */

static bool wrong(const reader *r, const char *what, uint64_t slot)
{
    fprintf(stderr, "FAILED: slot %" PRIu64 ": %s: %s\n", slot, what, cask_error_last()->message);
    atomic_store(&r->word->failed, true);
    return false;
}

static bool is_value(const reader *r, uint64_t slot, const void *value, size_t size)
{
    uint8_t expected[VALUE_SIZE_MAX];

    atomic_fetch_add(&r->word->values, 1);
    return (size == value_of(slot, expected) && memcmp(value, expected, size) == 0) || wrong(r, "wrong value", slot);
}

/* A slot of `batch`; *seen is whether it was there before. */
static bool look_at(reader *r, uint64_t slot, unsigned batch, bool *seen)
{
    bool must_be = *seen || batch < atomic_load(&r->word->acknowledged);
    uint8_t value[VALUE_SIZE_MAX];
    size_t size;
    int code = cask_column_get(r->store.column, slot, value, sizeof value, &size);

    if (code == CASK_E_NOTFOUND)
        return !must_be || wrong(r, "was there, and is no more", slot);
    if (code < 0)
        return wrong(r, "cannot be read", slot);
    if (batch >= atomic_load(&r->word->begun))
        return wrong(r, "is there before it was put", slot);
    *seen = true;
    return is_value(r, slot, value, size);
}

static bool look_at_batch(reader *r, unsigned batch)
{
    if (batch >= BATCHES)
        return true;
    for (unsigned fill = batch * BATCH_FILLS; fill < (batch + 1) * BATCH_FILLS && fill < FILLS; fill++)
        if (!look_at(r, fill_slot(fill), batch, &r->seen_fill[fill]))
            return false;
    return look_at(r, tip_slot(batch), batch, &r->seen_tip[batch]);
}

static bool look_at_sealed(reader *r, unsigned file)
{
    return look_at(r, sealed_slot(file), 0, &(bool){ true });
}

/* Downwards: all that was acknowledged when it began, all right, and in order. */
static bool look_by_iteration(reader *r)
{
    unsigned least = atomic_load(&r->word->acknowledged), fills = least * BATCH_FILLS, count = 0;
    uint64_t slot, last = CASK_NO_SLOT;
    const void *value;
    cask_iter *iter;
    bool right = true;
    size_t size;
    int code;

    if (cask_iter_new(&iter, r->store.column, CASK_NO_SLOT - 1, CASK_DOWN) < 0)
        return wrong(r, "no iterator", last);
    for (; right && (code = cask_iter_next(iter, &slot)) != CASK_E_NOTFOUND; last = slot, count++) {
        if (code < 0 || cask_iter_value(iter, &value, &size) < 0)
            right = wrong(r, "iteration fails behind it", last);
        else
            right = slot < last ? is_value(r, slot, value, size) : wrong(r, "iteration goes back", slot);
    }
    cask_iter_free(iter);
    if (right && count < SEALED_FILES + least + (fills < FILLS ? fills : FILLS))
        right = wrong(r, "iteration ends here and lacks records", last);
    return right;
}

static bool look_around(reader *r, unsigned round)
{
    unsigned begun = atomic_load(&r->word->begun);

    for (unsigned batch = begun > 2 ? begun - 2 : 0; batch < begun + 2; batch++)
        if (!look_at_batch(r, batch))
            return false;
    return look_at_batch(r, (unsigned)(next_random(&r->seed) % (begun + 1))) &&
           look_at_sealed(r, (unsigned)(next_random(&r->seed) % SEALED_FILES)) &&
           (round % 64 != 0 || look_by_iteration(r));
}

static bool look_at_all(reader *r)
{
    for (unsigned batch = 0; batch < BATCHES; batch++)
        if (!look_at_batch(r, batch))
            return false;
    for (unsigned file = 0; file < SEALED_FILES; file++)
        if (!look_at_sealed(r, file))
            return false;
    return look_by_iteration(r);
}

/* Beside the campaign, and when it is over all of it, by the same handle. */
static void *read_along(void *payload)
{
    reader *r = payload;
    bool right = true;

    if (!r->threads)
        store_open_existing(&r->store, true);
    for (unsigned round = 0; right && !atomic_load(&r->word->stop); round++) {
        right = !atomic_load(&r->word->failed) && look_around(r, round);
        sleep_us(1000);
    }
    if (right && !atomic_load(&r->word->failed))
        look_at_all(r);
    if (!r->threads)
        store_close(&r->store);
    return NULL;
}

/* ---- Writing ---------------------------------------------------------------------------------------------------- */

static void make_sealed_files(store *s)
{
    uint64_t slots[SEALED_FILES];

    for (unsigned file = 0; file < SEALED_FILES; file++)
        slots[file] = sealed_slot(file);
    store_put(s, slots, SEALED_FILES / 2);
    store_put(s, slots + SEALED_FILES / 2, SEALED_FILES / 2);
    store_put(s, SLOTS(TIP));
}

static bool write_batch(store *s, unsigned batch)
{
    uint64_t fills[BATCH_FILLS];
    size_t count = 0;

    for (unsigned fill = batch * BATCH_FILLS; count < BATCH_FILLS && fill < FILLS; fill++)
        fills[count++] = fill_slot(fill);
    return store_try_put(s, SLOTS(tip_slot(batch))) == CASK_OK && store_try_put(s, fills, count) == CASK_OK;
}

static void write_all(store *s, word *w)
{
    for (unsigned batch = 0; batch < BATCHES && !atomic_load(&w->failed); batch++) {
        atomic_store(&w->begun, batch + 1);
        if (!write_batch(s, batch)) {
            fprintf(stderr, "FAILED: batch %u: %s\n", batch, cask_error_last()->message);
            atomic_store(&w->failed, true);
        }
        atomic_store(&w->acknowledged, batch + 1);
    }
    atomic_store(&w->stop, true);
}

/* ---- Processes and threads -------------------------------------------------------------------------------------- */

/* Before the writer opens the archive: a handle does not survive fork(). */
static void run_processes(store *s, word *w)
{
    pid_t children[READERS];

    store_close(s);
    for (unsigned i = 0; i < READERS; i++) {
        children[i] = start_process();
        if (children[i] == 0) {
            reader r = { .word = w, .store = *s, .seed = i };
            read_along(&r);
            _exit(0);
        }
    }
    store_open_existing(s, false);
    write_all(s, w);
    for (unsigned i = 0; i < READERS; i++)
        if (wait_for(children[i]) != 0)
            atomic_store(&w->failed, true);
}

static void run_threads(store *s, word *w)
{
    pthread_t threads[READERS];
    reader readers[READERS];

    for (unsigned i = 0; i < READERS; i++) {
        readers[i] = (reader){ .word = w, .store = *s, .threads = true, .seed = i };
        assert_int_equal(pthread_create(&threads[i], NULL, read_along, &readers[i]), 0);
    }
    write_all(s, w);
    for (unsigned i = 0; i < READERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void expect_end(store *s)
{
    cask_column_info info;

    assert_ok(cask_column_stat(&info, s->column));
    assert_int_equal(info.records, SEALED_FILES + 1 + BATCHES + FILLS);
    assert_int_equal(info.lowest_slot, fill_slot(FILLS - 1));
    assert_int_equal(info.highest_slot, tip_slot(BATCHES - 1));
    assert_in_range(info.open_files, 1, 8);
    assert_int_equal(store_verify(s, false), 0);
}

static bool campaign(word *w, const char *path, bool threads)
{
    store s = store_at(cask_vfs_posix(), path, 4, true);

    s.shape.cached_files = 16;
    store_open(&s);
    make_sealed_files(&s);
    atomic_store(&w->begun, 1); /* readers may look from now on */
    if (threads)
        run_threads(&s, w);
    else
        run_processes(&s, w);
    if (!atomic_load(&w->failed)) {
        expect_end(&s);
        store_reopen(&s);
        expect_end(&s);
    }
    store_close(&s);
    return !atomic_load(&w->failed);
}

static void write_figures(const word *w, const char *path)
{
    FILE *file = path == NULL ? NULL : fopen(path, "w");
    uint64_t values = atomic_load(&w->values);

    printf("%d commits, %d files filled backwards, %" PRIu64 " values read beside them\n", 2 * BATCHES, FILES, values);
    if (file == NULL)
        return;
    fprintf(file, "campaign_files %d\nvalues_read_beside_a_writer %" PRIu64 "\n", FILES, values);
    fclose(file);
}

int main(int argc, char **argv)
{
    const char *path = NULL;
    bool threads = false, right;
    char *folder, *archive;
    word *w = share_memory(sizeof *w);

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--threads") == 0) {
            threads = true;
        } else if (strcmp(argv[i], "--figures") == 0 && i + 1 < argc) {
            path = argv[++i];
        } else {
            fprintf(stderr, "usage: %s [--threads] [--figures FILE]\n", argv[0]);
            return 2;
        }
    }
    folder = temp_folder_new();
    archive = path_join(folder, "archive");
    right = campaign(w, archive, threads);
    free(archive);
    temp_folder_remove(folder);
    write_figures(w, path);
    return right ? 0 : 1;
}
