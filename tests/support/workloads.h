/*
 * Workloads: lists of batches that between them take every way of writing a column. Crash tests stop them between any
 * two steps, the injector lets any of their calls fail.
 */
#ifndef TEST_WORKLOADS_H
#define TEST_WORKLOADS_H

#include "store.h"

typedef struct workload_batch {
    const uint64_t *slots;
    size_t count;
    bool abort; /* given up when all is put */
} workload_batch;

typedef struct workload {
    const char *name;
    uint32_t version;
    const workload_batch *batches;
    size_t batch_count;
    size_t prepared;   /* batches that are run before one is tested; the creation of the column is before them */
    bool from_nothing; /* the test looks on from before the creation */
} workload;

extern const workload workloads[];
extern const size_t workload_count;

enum { WORKLOAD_SLOTS_MAX = 64 };

/* The slots that are there after the first `batches` batches, sorted; their number. */
size_t workload_slots(const workload *w, size_t batches, uint64_t slots[WORKLOAD_SLOTS_MAX]);

/* Run one batch; the first error. */
int workload_run_batch(store *s, const workload *w, size_t batch);

/*
 * The closed store heals to the slots of `least` batches, or up to those of `most`; how many it is. Opening it
 * read-only before shows the same and changes nothing; what it shows, once open for writing, is durable; opening it a
 * second time changes nothing; it takes new records.
 * `create`: it may be that it was never created.
 */
size_t workload_expect_healed(store *s, const workload *w, size_t least, size_t most, bool create);

#endif
