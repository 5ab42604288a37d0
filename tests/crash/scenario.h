/*
 * What the explorer crashes: a run of the store in stages, each acknowledged when it is done; and what is to be found
 * afterwards. Functions that return false have said why with crash_fail().
 */
#ifndef CRASH_SCENARIO_H
#define CRASH_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vfs_memory.h"

typedef struct scenario scenario;

struct scenario {
    const char *name;
    const void *plan; /* of its kind of scenario */
    size_t stages;
    size_t first_stage; /* the explorer looks on from when so many stages are done */

    /* Run all stages on an empty disk; tell when one is done. */
    bool (*run)(const scenario *self, const cask_vfs *vfs, void (*done)(void *payload), void *payload);
    /* The handle of the run shows what `done` stages have left, no more and no less. Called in the middle of it. */
    bool (*peek)(const scenario *self, size_t done);

    /* Open all there is for writing, which heals, or rebuild it; NULL: it does not open. `stages` of it were done for
     * certain. */
    void *(*open)(const scenario *self, const cask_vfs *vfs, size_t stages);
    void (*close)(void *opened);
    /* A number that says which stages the opened store shows: the same as that of mark(n) if it is n. */
    bool (*look)(const scenario *self, void *opened, uint64_t *mark_out);
    uint64_t (*mark)(const scenario *self, size_t stages);
    /* What is there is right in every value, and in what is absent; the handle stays open. */
    bool (*check)(const scenario *self, void *opened, size_t stages);
    /* A closed store takes more, and keeps it. The disk may be left in any state. */
    bool (*go_on)(const scenario *self, memory_disk *disk, size_t stages);
    /* Opened read-only it shows one of these stages; *mark_out stays if it cannot be opened so. */
    bool (*read)(const scenario *self, const cask_vfs *vfs, size_t least, size_t most, uint64_t *mark_out);
};

/* Those of the program: scenarios.c, or import.c. */
extern const scenario *const scenarios[];
extern const size_t scenario_count;

/* Note what is wrong, as printf() does; with what the library said last, if `code` is negative. Always false. */
bool crash_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What was noted last. */
const char *crash_failure(void);

/* Which of the stages `least` to `most` an opened store shows; false: none of them. */
bool scenario_find_stages(const scenario *s, uint64_t mark, size_t least, size_t most, size_t *stages_out);

#endif
