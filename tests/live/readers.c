/*
 * Readers and a writer, for as long as one likes: the writer commits forward and backfills; each reader sees whole
 * batches only, none that was not begun, all that were acknowledged, and for ever what it has seen once; every value
 * right. In formats 3 and 4, half of the time each.
 *
 *     readers [--seconds N] [--threads] [--seed N] [--figures FILE]
 *
 * Eight readers are processes with handles of their own, and the writer a process that is killed now and then, another
 * taking over; or, with --threads, all are threads that share one handle, for ThreadSanitizer.
 */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "processes.h"
#include "store.h"

enum { READERS = 8, STRIDE = 11, BATCH_SLOTS_MAX = 2 };

/* What the processes tell each other. */
typedef struct word {
    atomic_bool stop;
    atomic_bool failed;
    atomic_uint_fast64_t begun;        /* batches whose commit may be under way */
    atomic_uint_fast64_t acknowledged; /* batches whose commit has returned */
    atomic_uint_fast64_t values;       /* checked */
} word;

typedef struct life {
    word *word;
    store store;
    bool threads;
    uint64_t seed;
} life;

typedef struct figures {
    uint64_t batches;
    uint64_t values;
    uint64_t kills;
} figures;

/* ---- Which slots the batches have ------------------------------------------------------------------------------- */

/*
 * Each batch of format 4 goes forward by a slot and fills one that was skipped; they fall back steadily, over more and
 * more sealed files. Format 3 does not mix, so batches do the one and the other by turns.
 */
static uint64_t fill_slot(uint64_t index)
{
    return STRIDE * (index / 2) + 1 + index % 2;
}

static size_t batch_slots(uint32_t version, uint64_t batch, uint64_t slots[BATCH_SLOTS_MAX])
{
    if (version == 4) {
        slots[0] = STRIDE * batch;
        slots[1] = fill_slot(batch);
        return 2;
    }
    slots[0] = batch % 2 == 0 ? STRIDE * (batch / 2) : fill_slot(batch / 2);
    return 1;
}

/* The batch that has the slot; UINT64_MAX: none ever. */
static uint64_t batch_of(uint32_t version, uint64_t slot)
{
    uint64_t quotient = slot / STRIDE, rest = slot % STRIDE;

    if (rest > 2)
        return UINT64_MAX;
    if (version == 4)
        return rest == 0 ? quotient : 2 * quotient + rest - 1;
    return rest == 0 ? 2 * quotient : 2 * (2 * quotient + rest - 1) + 1;
}

/* ---- Reading ---------------------------------------------------------------------------------------------------- */

typedef struct reader {
    life *life;
    store store;
    uint64_t seed;
    uint64_t seen;    /* batches, at least: each before it is there */
    uint64_t highest; /* slot */
} reader;

static bool wrong(const reader *r, const char *what, uint64_t slot)
{
    fprintf(stderr, "FAILED in format %u: slot %" PRIu64 ": %s: %s\n", r->store.shape.format_version, slot, what,
            cask_error_last()->message);
    atomic_store(&r->life->word->failed, true);
    return false;
}

/* Batches that must be there. */
static uint64_t least(reader *r)
{
    uint64_t acknowledged = atomic_load(&r->life->word->acknowledged);

    if (r->seen < acknowledged)
        r->seen = acknowledged;
    return r->seen;
}

static bool is_value(reader *r, uint64_t slot, const void *value, size_t size)
{
    uint8_t expected[VALUE_SIZE_MAX];

    atomic_fetch_add(&r->life->word->values, 1);
    return size == value_of(slot, expected) && memcmp(value, expected, size) == 0;
}

static bool look_at_slot(reader *r, uint64_t slot, bool *present_out)
{
    uint8_t value[VALUE_SIZE_MAX];
    size_t size;

    if (cask_column_contains(present_out, r->store.column, slot) < 0)
        return wrong(r, "contains fails", slot);
    if (!*present_out)
        return true;
    if (cask_column_get(r->store.column, slot, value, sizeof(value), &size) < 0)
        return wrong(r, "is there, but cannot be read", slot);
    return is_value(r, slot, value, size) || wrong(r, "wrong value", slot);
}

static bool look_at_batch(reader *r, uint64_t batch)
{
    bool must_be = batch < least(r), first = false, present;
    uint64_t slots[BATCH_SLOTS_MAX];
    size_t count = batch_slots(r->store.shape.format_version, batch, slots);

    for (size_t i = 0; i < count; i++) {
        if (!look_at_slot(r, slots[i], &present))
            return false;
        if (must_be && !present)
            return wrong(r, "was there, and is no more", slots[i]);
        if (present && batch >= atomic_load(&r->life->word->begun))
            return wrong(r, "is there before it was put", slots[i]);
        if (first && !present)
            return wrong(r, "is not there with the rest of its batch", slots[i]);
        first = present;
    }
    if (first && r->seen <= batch)
        r->seen = batch + 1;
    return true;
}

static bool look_at_highest(reader *r)
{
    uint64_t highest;

    if (cask_column_highest(&highest, r->store.column) < 0)
        return wrong(r, "no highest slot", r->highest);
    if (highest < r->highest)
        return wrong(r, "the highest slot goes back", highest);
    r->highest = highest;
    return true;
}

/* What an iterator passes over must not be there for certain; `least_batches` as of when it was made. */
static bool may_pass(reader *r, uint64_t from, uint64_t to, uint64_t least_batches)
{
    for (uint64_t slot = from; slot < to; slot++)
        if (batch_of(r->store.shape.format_version, slot) < least_batches)
            return wrong(r, "was there, and iteration passes over it", slot);
    return true;
}

static bool look_by_iteration(reader *r, uint64_t from, unsigned most)
{
    uint64_t least_batches = least(r), next = from, slot;
    const void *value;
    cask_iter *iter;
    bool right = true;
    size_t size;
    int code;

    if (cask_iter_new(&iter, r->store.column, from, CASK_UP) < 0)
        return wrong(r, "no iterator", from);
    while (right && most-- > 0 && (code = cask_iter_next(iter, &slot)) != CASK_E_NOTFOUND) {
        if (code < 0 || cask_iter_value(iter, &value, &size) < 0)
            right = wrong(r, "iteration fails", next);
        else if (slot < next || batch_of(r->store.shape.format_version, slot) >= atomic_load(&r->life->word->begun))
            right = wrong(r, "iteration meets what cannot be there", slot);
        else
            right = may_pass(r, next, slot, least_batches) &&
                    (is_value(r, slot, value, size) || wrong(r, "wrong value in an iteration", slot));
        next = slot + 1;
    }
    cask_iter_free(iter);
    return right;
}

static bool look_around(reader *r)
{
    uint64_t newest = atomic_load(&r->life->word->begun), any = next_random(&r->seed) % (newest + 1);

    for (uint64_t batch = newest > 3 ? newest - 3 : 0; batch < newest + 2; batch++)
        if (!look_at_batch(r, batch))
            return false;
    return look_at_batch(r, any) && look_at_batch(r, any / 2) && look_at_highest(r);
}

/* In a process of its own, now and then with a new handle. */
static bool read_for_a_while(reader *r)
{
    if (!r->life->threads)
        store_open_existing(&r->store, true);
    for (unsigned round = 0; round < 100 && !atomic_load(&r->life->word->stop); round++) {
        if (atomic_load(&r->life->word->failed) || !look_around(r))
            return false;
        if (round % 25 == 0 && !look_by_iteration(r, STRIDE * next_random(&r->seed) % (r->highest + 1), 300))
            return false;
        sleep_us(1000);
    }
    if (!r->life->threads)
        store_close(&r->store);
    return true;
}

static void *read_until_stopped(void *payload)
{
    reader *r = payload;

    while (!atomic_load(&r->life->word->stop))
        if (!read_for_a_while(r))
            break;
    return NULL;
}

/* ---- Writing ---------------------------------------------------------------------------------------------------- */

static bool write_batch(life *l, uint64_t batch)
{
    uint64_t slots[BATCH_SLOTS_MAX];
    size_t count = batch_slots(l->store.shape.format_version, batch, slots);

    atomic_store(&l->word->begun, batch + 1);
    if (store_try_put(&l->store, slots, count) < 0) {
        fprintf(stderr, "FAILED in format %u: batch %" PRIu64 ": %s\n", l->store.shape.format_version, batch,
                cask_error_last()->message);
        atomic_store(&l->word->failed, true);
        return false;
    }
    atomic_store(&l->word->acknowledged, batch + 1);
    return true;
}

/* A writer before this one was killed in the batch that was begun: it is there whole, or not at all. */
static void take_over(life *l)
{
    uint64_t begun = atomic_load(&l->word->begun), slots[BATCH_SLOTS_MAX];
    bool present;

    if (begun == atomic_load(&l->word->acknowledged))
        return;
    batch_slots(l->store.shape.format_version, begun - 1, slots);
    assert_ok(cask_column_contains(&present, l->store.column, slots[0]));
    if (present)
        atomic_store(&l->word->acknowledged, begun);
}

static void write_until(life *l, uint64_t end_us)
{
    while (clock_us() < end_us && !atomic_load(&l->word->failed))
        if (!write_batch(l, atomic_load(&l->word->acknowledged)))
            return;
}

/* ---- Processes and threads -------------------------------------------------------------------------------------- */

static reader make_reader(life *l, uint64_t number)
{
    return (reader){ .life = l, .store = l->store, .seed = l->seed + 1000 * number };
}

static void check_process(life *l, pid_t child, bool may_be_killed)
{
    int status = wait_for(child);

    if (status != 0 && !(may_be_killed && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)) {
        fprintf(stderr, "FAILED: a process ended with status %d\n", status);
        atomic_store(&l->word->failed, true);
    }
}

/* The number of writers that were killed. */
static uint64_t run_writers(life *l, uint64_t end_us)
{
    uint64_t kills = 0, seed = l->seed;

    for (; clock_us() < end_us && !atomic_load(&l->word->failed); kills++) {
        pid_t writer = start_process();
        if (writer == 0) {
            store_open_existing(&l->store, false);
            take_over(l);
            write_until(l, UINT64_MAX);
            _exit(1);
        }
        sleep_us(20000 + next_random(&seed) % 600000);
        kill(writer, SIGKILL);
        check_process(l, writer, true);
    }
    return kills;
}

static uint64_t run_processes(life *l, uint64_t end_us)
{
    pid_t readers[READERS];
    uint64_t kills;

    store_close(&l->store);
    for (size_t i = 0; i < READERS; i++) {
        readers[i] = start_process();
        if (readers[i] == 0) {
            reader r = make_reader(l, i);
            read_until_stopped(&r);
            _exit(0);
        }
    }
    kills = run_writers(l, end_us);
    atomic_store(&l->word->stop, true);
    for (size_t i = 0; i < READERS; i++)
        check_process(l, readers[i], false);
    store_open_existing(&l->store, false);
    take_over(l);
    return kills;
}

static void run_threads(life *l, uint64_t end_us)
{
    pthread_t threads[READERS];
    reader readers[READERS];

    for (size_t i = 0; i < READERS; i++) {
        readers[i] = make_reader(l, i);
        assert_int_equal(pthread_create(&threads[i], NULL, read_until_stopped, &readers[i]), 0);
    }
    write_until(l, end_us);
    atomic_store(&l->word->stop, true);
    for (size_t i = 0; i < READERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

/* When all is over: all of it is there. */
static void look_at_all(life *l)
{
    reader r = make_reader(l, READERS);

    look_by_iteration(&r, 0, UINT32_MAX);
    if (store_verify(&l->store, false) > 0)
        wrong(&r, "verify finds damage", CASK_NO_SLOT);
}

static bool live(figures *sum, const char *path, uint32_t version, bool threads, uint64_t us, uint64_t seed)
{
    life l = { .word = share_memory(sizeof(word)), .threads = threads, .seed = seed };
    uint64_t end_us = clock_us() + us;

    l.store = store_at(cask_vfs_posix(), path, version, true);
    l.store.shape.cached_files = 4;
    store_open(&l.store);
    write_batch(&l, 0);
    if (threads)
        run_threads(&l, end_us);
    else
        sum->kills += run_processes(&l, end_us);
    look_at_all(&l);
    store_close(&l.store);
    sum->batches += atomic_load(&l.word->acknowledged);
    sum->values += atomic_load(&l.word->values);
    return !atomic_load(&l.word->failed);
}

static void write_figures(const figures *sum, const char *path)
{
    FILE *file = path == NULL ? NULL : fopen(path, "w");

    printf("%" PRIu64 " batches beside %d readers, which checked %" PRIu64 " values; %" PRIu64 " writers killed\n",
           sum->batches, READERS, sum->values, sum->kills);
    if (file == NULL)
        return;
    fprintf(file, "kills %" PRIu64 "\nvalues_read_beside_a_writer %" PRIu64 "\n", sum->kills, sum->values);
    fclose(file);
}

static int usage(const char *program)
{
    fprintf(stderr, "usage: %s [--seconds N] [--threads] [--seed N] [--figures FILE]\n", program);
    return 2;
}

int main(int argc, char **argv)
{
    uint64_t seconds = 20, seed = (uint64_t)time(NULL);
    figures sum = { 0, 0, 0 };
    const char *path = NULL;
    bool threads = false, right = true;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--threads") == 0)
            threads = true;
        else if (i + 1 == argc)
            return usage(argv[0]);
        else if (strcmp(argv[i], "--seconds") == 0)
            seconds = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0)
            seed = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--figures") == 0)
            path = argv[++i];
        else
            return usage(argv[0]);
    }
    for (uint32_t version = 3; version <= 4 && right; version++) {
        char *folder = temp_folder_new(), *archive = path_join(folder, "archive");
        right = live(&sum, archive, version, threads, seconds * 500000, seed);
        free(archive);
        temp_folder_remove(folder);
    }
    write_figures(&sum, path);
    return right ? 0 : 1;
}
