#include "older.h"

#include <inttypes.h>
#include <stdio.h>

enum { COMMITS_MAX = 16, TABLES = 131072 };

typedef struct commit {
    const uint64_t *slots;
    size_t count;
} commit;

/* Forward, over skipped files, back into a file and into one that was skipped; until files that were listed are sealed
 * again to make room, and one of them is filled once more. */
static const commit history[] = {
    { SLOTS(3, 5) },
    { SLOTS(700, 8191) },
    { SLOTS(8193, 24583) },
    { SLOTS(7) },
    { SLOTS(16389) },
    { SLOTS(32769, 40961, 49153, 57345, 65537, 73729) },
    { SLOTS(32772, 40964, 49156, 57348) },
    { SLOTS(8196, 65540) },
    { SLOTS(24590) },
    { SLOTS(73829) },
    { SLOTS(9) },
};

_Static_assert(COUNT_OF(history) <= COMMITS_MAX, "a snapshot of each");

static subject snapshot(const store *s, size_t commits)
{
    uint64_t slots[SUBJECT_SLOTS_MAX];
    size_t count = 0;

    for (size_t i = 0; i < commits; i++)
        for (size_t j = 0; j < history[i].count; j++)
            slots[count++] = history[i].slots[j];
    return subject_of(s, slots, count);
}

/* The other half of a file, whose contents then contradict it. */
static void name_half(char half[64], const char *name)
{
    size_t size = strlen(name);

    if (size > 4 && strcmp(name + size - 4, ".off") == 0)
        snprintf(half, 64, "%.*s", (int)(size - 4), name);
    else
        snprintf(half, 64, "%s.off", name);
}

/*
 * The one exception that loses something: a conf as it was before the last commit, of a column that was not closed in
 * order. A crash in the course of that commit leaves the same, and opening for writing takes it for one. Readers may yet
 * find a file that tells.
 */
static bool looks_like_crash(const image_file *file, bool closed, size_t age)
{
    return !closed && age == 1 && strcmp(file->name, "blocks/column.conf") == 0;
}

/* Of an open file all is under the checksum in the conf but the trailer, which may be an old one: its commit was durable,
 * and is now. */
static bool is_older_witness(const image_file *file, const image_file *old)
{
    return strstr(file->name, ".off") != NULL && memcmp(file->good + TABLES, "CASKOPEN", 8) == 0 &&
           file->good_size == old->good_size && memcmp(file->good, old->good, TABLES) == 0;
}

static void try_older(const subject *now, image_file *file, const image_file *old, bool closed, size_t age, tally *t)
{
    char half[64];
    question q = { .names = { file->name, half, "blocks/column.conf" },
                   .slots = now->slots,
                   .count = now->count,
                   .write = true };
    bool kept;

    name_half(half, file->name);
    if (is_older_witness(file, old)) {
        q.names[0] = NULL;
        t->excepted++;
    }
    image_put(now->m, file->name, old->good, old->good_size);
    if (looks_like_crash(file, closed, age)) {
        t->excepted++;
        q.write = false;
        kept = !promise_reported(now, &q) || promise_kept(now, &q, t);
    } else {
        kept = promise_kept(now, &q, t);
    }
    t->failed += !kept;
    image_restore(now->m);
}

static bool differ(const image_file *one, const image_file *other)
{
    return one->good_size != other->good_size || memcmp(one->good, other->good, one->good_size) != 0;
}

/* The subjects are those after each commit, up to now. */
static void try_all_older(subject *subjects, size_t now, bool closed, tally *t)
{
    for (size_t f = 0; f < subjects[now].m->count; f++) {
        image_file *file = &subjects[now].m->files[f];

        for (size_t age = 1; age <= now; age++) {
            uint64_t failed = t->failed;
            const image_file *old = image_find(subjects[now - age].m, file->name);
            const image_file *newer = image_find(subjects[now - age + 1].m, file->name);

            if (old == NULL || !differ(old, newer) || !differ(old, file))
                continue;
            try_older(&subjects[now], file, old, closed, age, t);
            if (t->failed > failed)
                fprintf(stderr, "    %s as it was %zu commits before commit %zu, %s\n", file->name, age, now,
                        closed ? "closed" : "killed");
        }
    }
}

static void run_history(bool closed, tally *t)
{
    subject subjects[COMMITS_MAX];
    store s = store_in_memory(4, true);

    assert_ok(cask_archive_set_identity(s.archive, IDENTITY, strlen(IDENTITY)));
    for (size_t i = 0; i < COUNT_OF(history); i++) {
        store_put(&s, history[i].slots, history[i].count);
        if (closed)
            store_close(&s);
        subjects[i] = snapshot(&s, i + 1);
        if (closed)
            store_open(&s);
        try_all_older(subjects, i, closed, t);
    }
    store_dispose(&s);
    for (size_t i = 0; i < COUNT_OF(history); i++)
        subject_dispose(&subjects[i]);
}

void older_run(tally *t)
{
    run_history(true, t);
    run_history(false, t);
}
