#include "parallel.h"

#include "error.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/* What all threads share. `lock` guards the three below it. */
typedef struct run {
    size_t count;
    int (*work)(size_t index, unsigned worker, void *context);
    void *context;
    atomic_size_t next;
    atomic_bool stopped;
    pthread_mutex_t lock;
    size_t failed_index;
    int result;
    cask_error error;
} run;

typedef struct worker {
    run *run;
    unsigned number;
    pthread_t thread;
} worker;

/* Keep the result of the lowest index. All indices below a failed one were handed out before it, and what is handed
 * out runs: so the lowest to fail is always met. */
static void stop(run *r, size_t index, int result)
{
    atomic_store(&r->stopped, true);
    pthread_mutex_lock(&r->lock);
    if (r->result == 0 || index < r->failed_index) {
        r->failed_index = index;
        r->result = result;
        r->error = *cask_error_last();
    }
    pthread_mutex_unlock(&r->lock);
}

static void *run_worker(void *payload)
{
    worker *self = payload;
    run *r = self->run;

    while (!atomic_load(&r->stopped)) {
        size_t index = atomic_fetch_add(&r->next, 1);
        int result;
        if (index >= r->count)
            break;
        result = r->work(index, self->number, r->context);
        if (result != 0)
            stop(r, index, result);
    }
    return NULL;
}

static unsigned start_workers(worker *workers, unsigned jobs, run *r)
{
    unsigned started;

    for (started = 1; started < jobs; started++) {
        workers[started].run = r;
        workers[started].number = started;
        /* Fewer threads than asked for do the same work. */
        if (pthread_create(&workers[started].thread, NULL, run_worker, &workers[started]) != 0)
            break;
    }
    return started;
}

static unsigned useful_jobs(unsigned jobs, size_t count)
{
    if (jobs > CASK_JOBS_MAX)
        jobs = CASK_JOBS_MAX;
    return jobs > count ? (unsigned)count : jobs;
}

int cask_parallel(unsigned jobs, size_t count, int (*work)(size_t index, unsigned worker, void *context),
                  void *context)
{
    run r = { .count = count, .work = work, .context = context, .lock = PTHREAD_MUTEX_INITIALIZER };
    worker workers[CASK_JOBS_MAX] = { { .run = &r } };
    unsigned started = start_workers(workers, useful_jobs(jobs, count), &r);

    run_worker(&workers[0]);
    for (unsigned i = 1; i < started; i++)
        pthread_join(workers[i].thread, NULL);
    pthread_mutex_destroy(&r.lock);
    if (r.result < 0)
        cask_error_restore(&r.error);
    return r.result;
}
