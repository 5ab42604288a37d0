/*
 * Readers beside a writer, as threads of its process and as other processes: they see what is committed, whole batches
 * only, and never anything else. Under ThreadSanitizer as well.
 */
#include "store.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Threads of one process ------------------------------------------------------------------------------------- */

enum { BATCHES = 60, READERS = 3 };

/* Batch b of the threads' tests: a slot in the current file, and in version 4 one that was skipped in file 0. */
static uint64_t forward_slot(uint64_t batch)
{
    return 8192 + 150 * batch;
}

static uint64_t skipped_slot(uint64_t batch)
{
    return 2 * batch + 1;
}

typedef struct shared {
    store *store;
    bool mixed; /* each batch fills a skipped slot as well */
    atomic_uint_fast64_t committing; /* batches whose commit has begun */
    atomic_uint_fast64_t committed;  /* batches whose commit has returned */
    atomic_int failure;              /* first that was seen: a line number; no cmocka assertion in threads */
} shared;

static void check_line(shared *s, bool right, int line)
{
    int none = 0;

    if (!right)
        atomic_compare_exchange_strong(&s->failure, &none, line);
}

#define CHECK(s, expression) check_line((s), (expression), __LINE__)

static bool is_right(cask_column *column, uint64_t slot)
{
    uint8_t expected[VALUE_SIZE_MAX], value[VALUE_SIZE_MAX];
    size_t expected_size = value_of(slot, expected), size;

    return cask_column_get(column, slot, value, sizeof(value), &size) == CASK_OK && size == expected_size &&
           memcmp(value, expected, size) == 0;
}

/* One look at one batch; the counters are read on the side that makes the check safe. */
static void look_at_batch(shared *s, uint64_t batch)
{
    cask_column *column = s->store->column;
    bool acknowledged = batch < atomic_load(&s->committed), present = false, other = true;

    CHECK(s, cask_column_contains(&present, column, forward_slot(batch)) == CASK_OK);
    if (present && s->mixed)
        CHECK(s, cask_column_contains(&other, column, skipped_slot(batch)) == CASK_OK);
    CHECK(s, other);
    CHECK(s, present || !acknowledged);
    CHECK(s, !present || batch < atomic_load(&s->committing));
    if (present)
        CHECK(s, is_right(column, forward_slot(batch)));
    if (present && s->mixed)
        CHECK(s, is_right(column, skipped_slot(batch)));
}

static void look_by_iteration(shared *s)
{
    uint64_t acknowledged = atomic_load(&s->committed), slot, last = 0, seen = 0;
    uint8_t expected[VALUE_SIZE_MAX];
    cask_iter *iter;
    const void *value;
    size_t size;
    int result = cask_iter_new(&iter, s->store->column, 8192, CASK_UP);

    CHECK(s, result == CASK_OK);
    while (result == CASK_OK && (result = cask_iter_next(iter, &slot)) == CASK_OK) {
        CHECK(s, slot > last);
        last = slot;
        CHECK(s, slot == forward_slot(seen));
        seen++;
        CHECK(s, cask_iter_value(iter, &value, &size) == CASK_OK && size == value_of(slot, expected) &&
                     memcmp(value, expected, size) == 0);
    }
    CHECK(s, result == CASK_E_NOTFOUND);
    CHECK(s, seen >= acknowledged);
    cask_iter_free(iter);
}

static void *read_all_the_time(void *payload)
{
    shared *s = payload;
    uint64_t highest, last = 0;

    while (atomic_load(&s->committed) < BATCHES && atomic_load(&s->failure) == 0) {
        uint64_t newest = atomic_load(&s->committing);
        for (uint64_t batch = newest > 4 ? newest - 4 : 0; batch < newest + 2 && batch < BATCHES; batch++)
            look_at_batch(s, batch);
        CHECK(s, cask_column_highest(&highest, s->store->column) == CASK_OK && highest >= last);
        last = highest;
        look_by_iteration(s);
    }
    return NULL;
}

static int write_batch(shared *s, uint64_t batch)
{
    cask_batch *open;
    int result = cask_batch_begin(&open, s->store->column);

    if (result < 0)
        return result;
    result = batch_put_value(open, forward_slot(batch));
    if (result == CASK_OK && s->mixed)
        result = batch_put_value(open, skipped_slot(batch));
    if (result < 0) {
        cask_batch_abort(open);
        return result;
    }
    atomic_store(&s->committing, batch + 1);
    return cask_batch_commit(open);
}

static void write_beside_readers(uint32_t version, bool mixed)
{
    char *folder = temp_folder_new(), *path = path_join(folder, "archive");
    store opened = store_at(cask_vfs_posix(), path, version, true);
    shared s = { .store = &opened, .mixed = mixed };
    pthread_t readers[READERS];

    opened.shape.cached_files = 4;
    store_open(&opened);
    store_put(&opened, SLOTS(0, 8190, 8191));
    for (size_t i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_all_the_time, &s), 0);
    for (uint64_t batch = 0; batch < BATCHES; batch++) {
        CHECK(&s, write_batch(&s, batch) == CASK_OK);
        atomic_store(&s.committed, batch + 1);
    }
    for (size_t i = 0; i < READERS; i++)
        assert_int_equal(pthread_join(readers[i], NULL), 0);
    if (atomic_load(&s.failure) != 0)
        fail_msg("the check in line %d failed", atomic_load(&s.failure));
    assert_int_equal(store_verify(&opened, false), 0);
    store_close(&opened);
    free(path);
    temp_folder_remove(folder);
}

static void reader__threads_beside_a_writer(void **state)
{
    (void)state;
    EACH_VERSION(version)
        write_beside_readers(version, false);
}

static void reader__threads_during_backfills(void **state)
{
    (void)state;
    write_beside_readers(4, true);
}

static void *read_slots(void *payload)
{
    shared *s = payload;

    for (int round = 0; round < 20; round++)
        for (uint64_t id = 0; id < 12; id++)
            CHECK(s, is_right(s->store->column, id * 8192 + id));
    return NULL;
}

/* More files than tables in memory: readers drive each other's out. */
static void reader__threads_share_a_small_cache(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        char *folder = temp_folder_new(), *path = path_join(folder, "archive");
        store opened = store_at(cask_vfs_posix(), path, version, true);
        shared s = { .store = &opened };
        pthread_t readers[READERS];
        uint64_t slots[12];

        for (uint64_t i = 0; i < COUNT_OF(slots); i++)
            slots[i] = i * 8192 + i;
        store_open(&opened);
        store_put(&opened, slots, COUNT_OF(slots));
        store_close(&opened);
        opened.shape.cached_files = 4;
        store_open_existing(&opened, true);
        for (size_t i = 0; i < READERS; i++)
            assert_int_equal(pthread_create(&readers[i], NULL, read_slots, &s), 0);
        for (size_t i = 0; i < READERS; i++)
            assert_int_equal(pthread_join(readers[i], NULL), 0);
        assert_int_equal(atomic_load(&s.failure), 0);
        store_close(&opened);
        free(path);
        temp_folder_remove(folder);
    }
}

static void *verify_with_jobs(void *payload)
{
    shared *s = payload;

    CHECK(s, store_verify(s->store, true) == 0);
    return NULL;
}

static void reader__verify_in_several_threads(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        char *folder = temp_folder_new(), *path = path_join(folder, "archive");
        store opened = store_at(cask_vfs_posix(), path, version, true);
        shared s = { .store = &opened };
        uint64_t slots[6], bytes = 0;
        cask_column_info info;
        pthread_t other;

        for (uint64_t i = 0; i < COUNT_OF(slots); i++)
            slots[i] = i * 8192 + i;
        store_open(&opened);
        store_put(&opened, slots, COUNT_OF(slots));
        assert_int_equal(pthread_create(&other, NULL, verify_with_jobs, &s), 0);
        assert_ok(cask_column_verify(opened.column, 4, NULL, NULL, &bytes));
        assert_ok(cask_column_stat(&info, opened.column));
        assert_true(bytes >= info.data_bytes);
        assert_int_equal(pthread_join(other, NULL), 0);
        assert_int_equal(atomic_load(&s.failure), 0);
        store_close(&opened);
        free(path);
        temp_folder_remove(folder);
    }
}

/* ---- Another process -------------------------------------------------------------------------------------------- */

/* A writer in a child, which does one thing for each byte it is sent, and answers with the result. Forked before the
 * parent opens anything. */
typedef struct writer_process {
    pid_t child;
    int orders;
    int answers;
} writer_process;

static int follow_order(store *s, cask_batch **batch, char order)
{
    enum { LARGE = 300000 };
    static uint8_t large[LARGE];

    switch (order) {
    case 'o': return store_try_open(s);
    case 'b': return cask_batch_begin(batch, s->column);
    case 'f': return batch_put_value(*batch, 8192 * 2 + 5);
    case 'n': return batch_put_value(*batch, 8192 * 3 + 1);
    case 's': return batch_put_value(*batch, 3);
    case 'l': return cask_batch_put(*batch, 8, large, LARGE);         /* large enough to be on disk at once */
    case 'L': return cask_batch_put(*batch, 8192 * 3 + 2, large, LARGE);
    case 'c': return cask_batch_commit(*batch);
    case 'p': return store_try_put(s, SLOTS(1, 5, 8192, 8192 * 2));
    case 'q': store_close(s); return CASK_OK;
    default: return CASK_E_INVALID;
    }
}

static void run_writer(const char *path, uint32_t version, int orders, int answers)
{
    store s = store_at(cask_vfs_posix(), path, version, true);
    cask_batch *batch = NULL;
    char order;

    while (read(orders, &order, 1) == 1) {
        int result = follow_order(&s, &batch, order);
        if (write(answers, &result, sizeof(result)) != sizeof(result))
            break;
    }
    _exit(0);
}

static writer_process start_writer(const char *path, uint32_t version)
{
    writer_process w;
    int orders[2], answers[2];

    assert_int_equal(pipe(orders), 0);
    assert_int_equal(pipe(answers), 0);
    w.child = fork();
    if (w.child == 0) {
        close(orders[1]);
        close(answers[0]);
        run_writer(path, version, orders[0], answers[1]);
    }
    assert_true(w.child > 0);
    close(orders[0]);
    close(answers[1]);
    w.orders = orders[1];
    w.answers = answers[0];
    return w;
}

static void order(writer_process *w, const char *orders)
{
    for (; *orders != 0; orders++) {
        int result = -100;
        assert_int_equal(write(w->orders, orders, 1), 1);
        assert_int_equal(read(w->answers, &result, sizeof(result)), sizeof(result));
        if (result != CASK_OK)
            fail_msg("order '%c': %s", *orders, cask_code_name(result));
    }
}

static void stop_writer(writer_process *w)
{
    int status;

    close(w->orders);
    assert_int_equal(waitpid(w->child, &status, 0), w->child);
    assert_int_equal(status, 0);
    close(w->answers);
}

static void reader__other_process_sees_commits_and_nothing_else(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        char *folder = temp_folder_new(), *path = path_join(folder, "archive");
        writer_process w = start_writer(path, version);
        store s = store_at(cask_vfs_posix(), path, version, false);
        uint64_t highest;

        order(&w, "op");
        store_open_existing(&s, true);
        store_expect(&s, SLOTS(1, 5, 8192, 8192 * 2));
        order(&w, "bf");
        store_expect_values(&s, SLOTS(1, 5, 8192, 8192 * 2));
        order(&w, "n");
        store_expect_values(&s, SLOTS(1, 5, 8192, 8192 * 2));
        order(&w, "L");
        store_expect_values(&s, SLOTS(1, 5, 8192, 8192 * 2));
        order(&w, "c");
        /* Without a call to refresh. */
        assert_ok(cask_column_highest(&highest, s.column));
        assert_int_equal(highest, 8192 * 3 + 2);
        assert_true(is_right(s.column, 8192 * 3 + 1));
        assert_true(is_right(s.column, 8192 * 2 + 5));
        order(&w, "q");
        store_close(&s);
        stop_writer(&w);
        free(path);
        temp_folder_remove(folder);
    }
}

static void reader__other_process_during_a_backfill(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        char *folder = temp_folder_new(), *path = path_join(folder, "archive");
        writer_process w = start_writer(path, version);
        store s = store_at(cask_vfs_posix(), path, version, false), late = s;

        order(&w, "op");
        store_open_existing(&s, true);
        store_expect_absent(&s, 3);
        order(&w, "bs");
        store_expect_values(&s, SLOTS(1, 5, 8192, 8192 * 2));
        order(&w, "l");
        store_expect_values(&s, SLOTS(1, 5, 8192, 8192 * 2));
        /* One that opens only now. */
        store_open_existing(&late, true);
        store_expect_values(&late, SLOTS(1, 5, 8192, 8192 * 2));
        order(&w, "c");
        assert_true(is_right(s.column, 3));
        assert_true(is_right(late.column, 3));
        store_close(&late);
        order(&w, "q");
        assert_true(is_right(s.column, 3));
        store_close(&s);
        stop_writer(&w);
        free(path);
        temp_folder_remove(folder);
    }
}

/* The writer dies with a batch on disk; readers that are open, and later ones, do not see it. */
static void reader__other_process_after_the_writer_died(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        char *folder = temp_folder_new(), *path = path_join(folder, "archive");
        writer_process w = start_writer(path, version);
        store s = store_at(cask_vfs_posix(), path, version, true), late = s;

        order(&w, "op");
        store_open_existing(&s, true);
        order(&w, "bsl");
        stop_writer(&w);
        store_expect_values(&s, SLOTS(1, 5, 8192, 8192 * 2));
        store_open_existing(&late, true);
        store_expect_values(&late, SLOTS(1, 5, 8192, 8192 * 2));
        store_close(&late);
        store_open_existing(&late, false);
        store_expect(&late, SLOTS(1, 5, 8192, 8192 * 2));
        store_expect_values(&s, SLOTS(1, 5, 8192, 8192 * 2));
        store_put(&late, SLOTS(4));
        store_close(&late);
        assert_true(is_right(s.column, 4));
        store_close(&s);
        free(path);
        temp_folder_remove(folder);
    }
}

static void write_as_fast_as_possible(const char *path, uint32_t version)
{
    store s = store_at(cask_vfs_posix(), path, version, true);
    shared own = { .store = &s, .mixed = version == 4 };

    if (store_try_open_existing(&s, false) != CASK_OK)
        _exit(1);
    for (uint64_t batch = 0; batch < BATCHES; batch++)
        if (write_batch(&own, batch) != CASK_OK)
            _exit(2);
    store_close(&s);
    _exit(0);
}

static void expect_whole_batches(store *s, uint64_t from, uint64_t to)
{
    for (uint64_t batch = from; batch < to && batch < BATCHES; batch++) {
        bool present;
        assert_ok(cask_column_contains(&present, s->column, forward_slot(batch)));
        if (!present)
            continue;
        assert_true(is_right(s->column, forward_slot(batch)));
        if (s->shape.format_version == 4)
            assert_true(is_right(s->column, skipped_slot(batch)));
    }
}

static void reader__other_process_at_full_speed(void **state)
{
    (void)state;
    EACH_VERSION(version) {
        char *folder = temp_folder_new(), *path = path_join(folder, "archive");
        store s = store_at(cask_vfs_posix(), path, version, true);
        uint64_t highest = 0, last = 0;
        int status = -1;
        pid_t child;

        store_open(&s);
        store_put(&s, SLOTS(0, 8190, 8191));
        store_close(&s);
        child = fork();
        if (child == 0)
            write_as_fast_as_possible(path, version);
        store_open_existing(&s, true);
        while (last < forward_slot(BATCHES - 1) && waitpid(child, &status, WNOHANG) == 0) {
            uint64_t batch;
            assert_ok(cask_column_highest(&highest, s.column));
            assert_true(highest >= last);
            last = highest;
            batch = highest < 8192 ? 0 : (highest - 8192) / 150;
            expect_whole_batches(&s, batch > 3 ? batch - 3 : 0, batch + 2);
            store_close(&s);
            store_open_existing(&s, true);
        }
        waitpid(child, &status, 0); /* unless it was seen to end already */
        assert_int_equal(status, 0);
        expect_whole_batches(&s, 0, BATCHES);
        assert_ok(cask_column_highest(&highest, s.column));
        assert_int_equal(highest, forward_slot(BATCHES - 1));
        assert_int_equal(store_verify(&s, false), 0);
        store_close(&s);
        free(path);
        temp_folder_remove(folder);
    }
}

/* ---- Between two steps of a commit -------------------------------------------------------------------------------- */

typedef struct stopped {
    store *writer;
    store reader; /* opened before the batch, and has read nothing */
    size_t at;    /* the step before which it reads */
} stopped;

static bool contains(store *s, uint64_t slot)
{
    bool present = false;

    assert_ok(cask_column_contains(&present, s->column, slot));
    return present;
}

/* What an older handle shows one that is opened now shows too. */
static void read_at_step(void *payload)
{
    stopped *here = payload;
    const disk_step *steps;
    store fresh = *here->writer;

    if (memory_disk_steps(here->writer->disk, &steps) != here->at)
        return;
    fresh.archive = NULL;
    store_open_existing(&fresh, true);
    assert_true(!contains(&here->reader, 2) || contains(&fresh, 2));
    assert_true(contains(&here->reader, 1));
    store_close(&fresh);
}

static void reader__that_knows_an_older_list_of_open_files(void **state)
{
    (void)state;
    EACH_VERSION(version)
    {
        size_t steps = 1;

        for (size_t at = 0; at < steps; at++) {
            store s = store_in_memory(version, true);
            stopped here = { .writer = &s, .at = at };
            const disk_step *unused;

            store_put(&s, SLOTS(1, 8192));
            here.reader = s;
            here.reader.archive = NULL;
            store_open_existing(&here.reader, true);
            memory_disk_forget_steps(s.disk);
            memory_disk_on_step(s.disk, read_at_step, &here);
            store_put(&s, SLOTS(2));
            memory_disk_on_step(s.disk, NULL, NULL);
            steps = memory_disk_steps(s.disk, &unused);
            assert_true(steps > 5);
            store_expect_values(&here.reader, SLOTS(1, 2, 8192));
            store_close(&here.reader);
            store_dispose(&s);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* Those that fork come first, while there are no other threads. */
        case_test(reader__other_process_sees_commits_and_nothing_else),
        case_test(reader__other_process_during_a_backfill),
        case_test(reader__other_process_after_the_writer_died),
        case_test(reader__other_process_at_full_speed),
        case_test(reader__threads_beside_a_writer),
        case_test(reader__threads_during_backfills),
        case_test(reader__threads_share_a_small_cache),
        case_test(reader__verify_in_several_threads),
        case_test(reader__that_knows_an_older_list_of_open_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
