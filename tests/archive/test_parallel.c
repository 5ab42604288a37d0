/* Work shared by threads. */
#include "error.h"
#include "parallel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { COUNT = 1000 };

typedef struct tally {
    atomic_uint calls[COUNT];
    atomic_uint workers[CASK_JOBS_MAX];
    atomic_bool worker_too_high;
    unsigned jobs;
    size_t fail_from; /* indices from here on fail */
    int failure;
} tally;

/* No cmocka assertion in here: they belong to the main thread. */
static int count_call(size_t index, unsigned worker, void *context)
{
    tally *t = context;

    atomic_fetch_add(&t->calls[index], 1);
    if (worker >= (t->jobs == 0 ? 1 : t->jobs))
        atomic_store(&t->worker_too_high, true);
    else
        atomic_fetch_add(&t->workers[worker], 1);
    if (index < t->fail_from)
        return 0;
    if (t->failure < 0)
        return cask_fail(t->failure, CASK_AT_SLOT("era", 8, index), "index %zu", index);
    return t->failure;
}

static int run(tally *t, unsigned jobs, size_t count, size_t fail_from, int failure)
{
    memset(t, 0, sizeof(*t));
    t->jobs = jobs;
    t->fail_from = fail_from;
    t->failure = failure;
    return cask_parallel(jobs, count, count_call, t);
}

static void parallel__calls_each_index_once(void **state)
{
    static const unsigned jobs[] = { 0, 1, 2, 4, 64 };
    tally t;

    (void)state;
    for (size_t j = 0; j < sizeof(jobs) / sizeof(jobs[0]); j++) {
        assert_int_equal(run(&t, jobs[j], COUNT, COUNT, 0), 0);
        for (size_t i = 0; i < COUNT; i++)
            assert_int_equal(atomic_load(&t.calls[i]), 1);
        assert_false(atomic_load(&t.worker_too_high));
    }
}

static void parallel__takes_more_jobs_than_the_most(void **state)
{
    tally t;

    (void)state;
    assert_int_equal(run(&t, CASK_JOBS_MAX, COUNT, COUNT, 0), 0);
    assert_int_equal(cask_parallel(5000, COUNT, count_call, &t), 0);
    assert_false(atomic_load(&t.worker_too_high));
}

static void parallel__does_nothing_for_no_index(void **state)
{
    tally t;

    (void)state;
    assert_int_equal(run(&t, 4, 0, 0, CASK_E_IO), 0);
    assert_int_equal(atomic_load(&t.calls[0]), 0);
}

static void parallel__one_job_is_the_calling_thread(void **state)
{
    tally t;

    (void)state;
    assert_int_equal(run(&t, 1, COUNT, COUNT, 0), 0);
    assert_int_equal(atomic_load(&t.workers[0]), COUNT);
    assert_int_equal(run(&t, 1, COUNT, 10, CASK_E_IO), CASK_E_IO);
    assert_int_equal(atomic_load(&t.workers[0]), 11);
}

static void parallel__returns_the_error_of_the_lowest_index(void **state)
{
    tally t;

    (void)state;
    for (unsigned round = 0; round < 100; round++) {
        cask_fail(CASK_E_INVALID, CASK_NOWHERE, "an older error");
        assert_int_equal(run(&t, 4, COUNT, 17, CASK_E_CORRUPT), CASK_E_CORRUPT);
        assert_int_equal(cask_error_last()->code, CASK_E_CORRUPT);
        assert_int_equal(cask_error_last()->slot, 17);
        assert_string_equal(cask_error_last()->file, "era");
        assert_string_equal(cask_error_last()->message, "index 17");
    }
}

static void parallel__stops_after_an_error(void **state)
{
    tally t;

    (void)state;
    assert_int_equal(run(&t, 4, COUNT, 0, CASK_E_IO), CASK_E_IO);
    for (size_t i = 4; i < COUNT; i++)
        assert_int_equal(atomic_load(&t.calls[i]), 0);
}

static void parallel__hands_back_a_positive_value(void **state)
{
    tally t;

    (void)state;
    cask_fail(CASK_E_INVALID, CASK_NOWHERE, "an older error");
    assert_int_equal(run(&t, 3, COUNT, 5, 42), 42);
    assert_string_equal(cask_error_last()->message, "an older error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parallel__calls_each_index_once),
        cmocka_unit_test(parallel__takes_more_jobs_than_the_most),
        cmocka_unit_test(parallel__does_nothing_for_no_index),
        cmocka_unit_test(parallel__one_job_is_the_calling_thread),
        cmocka_unit_test(parallel__returns_the_error_of_the_lowest_index),
        cmocka_unit_test(parallel__stops_after_an_error),
        cmocka_unit_test(parallel__hands_back_a_positive_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
