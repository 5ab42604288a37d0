/*
 * kill -9 on a real file system: the scenarios of the crash explorer (tests/crash) run in a process that dies at a
 * call, or at a moment, by a seed; often the process that heals after it dies likewise. Another process then looks, as
 * the explorer does: all that was acknowledged is there, and nothing else; healed once it is healed; it takes more.
 *
 *     kill [--kills N] [--seed N] [--only LIFE] [--figures FILE]
 *
 * A life is one run of a scenario with its deaths. What fails is printed as FAILED with the options that repeat it;
 * deaths at a call repeat exactly, those at a moment nearly.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "files.h"
#include "processes.h"
#include "scenario.h"
#include "vfs_killing.h"
#include "vfs_memory.h"

/* What a process that was killed has left word of. */
typedef struct word {
    atomic_uint calls;
    atomic_uint acknowledged; /* stages */
} word;

typedef struct settings {
    uint64_t kills;
    uint64_t seed;
    uint64_t only; /* life; UINT64_MAX: all */
    const char *figures;
} settings;

/* One run of a scenario. */
typedef struct life {
    const scenario *scenario;
    const char *root;
    word *word;
    uint64_t seed;
} life;

/* How a process dies. */
typedef struct death {
    unsigned at_call; /* 0: at a moment */
    unsigned done_of_eight;
    uint64_t after_us;
} death;

/* ---- What the processes do -------------------------------------------------------------------------------------- */

static void acknowledge(void *payload)
{
    life *l = payload;

    atomic_fetch_add(&l->word->acknowledged, 1);
}

static bool work(life *l, const cask_vfs *vfs)
{
    return l->scenario->run(l->scenario, vfs, acknowledge, l);
}

static bool mend(life *l, const cask_vfs *vfs)
{
    void *opened = l->scenario->open(l->scenario, vfs, atomic_load(&l->word->acknowledged));

    if (opened != NULL)
        l->scenario->close(opened);
    return opened != NULL;
}

/* What is in a folder of the real disk, on one in memory. */
static memory_disk *copy_to_memory(const char *root)
{
    memory_disk *disk = memory_disk_new();
    tree *files = tree_read(cask_vfs_posix(), root);

    tree_write(files, memory_disk_vfs(disk), "");
    tree_free(files);
    return disk;
}

static bool goes_on(const life *l, size_t stages)
{
    memory_disk *disk = copy_to_memory(l->root);
    bool right = l->scenario->go_on(l->scenario, disk, stages);

    memory_disk_free(disk);
    return right;
}

static bool look_as_reader(const life *l, const cask_vfs *vfs, size_t least, size_t most, uint64_t *mark_out)
{
    tree *before = tree_read(cask_vfs_posix(), l->root);
    bool right = l->scenario->read(l->scenario, vfs, least, most, mark_out);

    assert_tree_unchanged(before, cask_vfs_posix(), l->root);
    tree_free(before);
    return right;
}

static bool is_healed(life *l, const cask_vfs *vfs)
{
    tree *healed = tree_read(cask_vfs_posix(), l->root);
    bool right = mend(l, vfs);

    assert_tree_unchanged(healed, cask_vfs_posix(), l->root);
    tree_free(healed);
    return right;
}

static bool check(life *l, const cask_vfs *vfs)
{
    const scenario *s = l->scenario;
    size_t least = atomic_load(&l->word->acknowledged), most = least < s->stages ? least + 1 : least, stages;
    uint64_t mark, seen = UINT64_MAX;
    void *opened;
    bool right;

    if (least > 0 && !look_as_reader(l, vfs, least, most, &seen))
        return false;
    opened = s->open(s, vfs, least);
    if (opened == NULL)
        return false;
    right = s->look(s, opened, &mark) && scenario_find_stages(s, mark, least, most, &stages) &&
            (seen == UINT64_MAX || seen == mark || crash_fail(0, "a reader saw other stages than healing found")) &&
            s->check(s, opened, stages);
    s->close(opened);
    return right && is_healed(l, vfs) && goes_on(l, stages);
}

/* ---- Processes -------------------------------------------------------------------------------------------------- */

typedef enum fate { ENDED, KILLED, FAILED } fate;

/* Do it in a process that dies so. */
static fate run_process(life *l, bool (*act)(life *l, const cask_vfs *vfs), const death *d)
{
    pid_t child = start_process();
    int status;

    if (child == 0) {
        vfs_killing killing;
        vfs_killing_init(&killing, l->root, &l->word->calls);
        killing.kill_at = d->at_call;
        killing.done_of_eight = d->done_of_eight;
        if (act(l, &killing.vfs))
            _exit(0);
        fprintf(stderr, "%s\n", crash_failure());
        _exit(1);
    }
    if (d->after_us > 0) {
        sleep_us(d->after_us);
        kill(child, SIGKILL);
    }
    status = wait_for(child);
    if (WIFEXITED(status))
        return WEXITSTATUS(status) == 0 ? ENDED : FAILED;
    return WTERMSIG(status) == SIGKILL ? KILLED : FAILED;
}

/* What a run takes when it is left alone. */
typedef struct measure {
    unsigned calls;
    uint64_t us;
} measure;

static measure measure_run(life *l)
{
    const death none = { 0, 0, 0 };
    uint64_t begin = clock_us();

    if (run_process(l, work, &none) != ENDED) {
        fprintf(stderr, "FAILED %s without a kill\n", l->scenario->name);
        exit(1);
    }
    return (measure){ atomic_load(&l->word->calls), clock_us() - begin };
}

static death choose_death(uint64_t *seed, unsigned calls, uint64_t us)
{
    if (next_random(seed) % 4 == 0)
        return (death){ 0, 0, 1 + next_random(seed) % us };
    return (death){ 1 + (unsigned)(next_random(seed) % calls), (unsigned)(next_random(seed) % 9), 0 };
}

/* ---- Lives ------------------------------------------------------------------------------------------------------ */

static void begin_life(life *l)
{
    atomic_store(&l->word->calls, 0);
    atomic_store(&l->word->acknowledged, 0);
}

/* Kill the run, and with even odds each healing after it. The number of kills; or -1, and it has failed. */
static int64_t kill_again_and_again(life *l, const measure *m)
{
    const unsigned healing_calls = 24;
    uint64_t seed = l->seed;
    death d = choose_death(&seed, m->calls, m->us);
    fate came = run_process(l, work, &d);
    int64_t kills = 0;

    while (came == KILLED) {
        kills++;
        if (next_random(&seed) % 2 == 0)
            return kills;
        atomic_store(&l->word->calls, 0);
        d = choose_death(&seed, healing_calls, m->us / 4 + 1);
        came = run_process(l, mend, &d);
    }
    return came == FAILED ? -1 : kills;
}

/* The number of kills; or -1, and it has failed. */
static int64_t live(life *l, const measure *m)
{
    const death none = { 0, 0, 0 };
    int64_t kills;

    folder_make(cask_vfs_posix(), l->root);
    begin_life(l);
    kills = kill_again_and_again(l, m);
    if (kills >= 0 && run_process(l, check, &none) != ENDED)
        kills = -1;
    return kills;
}

static measure measure_scenario(life *l)
{
    measure m;

    folder_make(cask_vfs_posix(), l->root);
    begin_life(l);
    m = measure_run(l);
    folder_remove(l->root);
    return m;
}

static void write_figures(const settings *set, uint64_t kills, uint64_t lives)
{
    FILE *file = set->figures == NULL ? NULL : fopen(set->figures, "w");

    printf("%" PRIu64 " kills in %" PRIu64 " lives of %zu scenarios, seed %" PRIu64 "\n", kills, lives, scenario_count,
           set->seed);
    if (file == NULL)
        return;
    fprintf(file, "kills %" PRIu64 "\n", kills);
    fclose(file);
}

static int run(const settings *set, const char *root)
{
    measure *measures = calloc(scenario_count, sizeof(*measures));
    life l = { .root = root, .word = share_memory(sizeof(word)) };
    uint64_t kills = 0, number = 0;

    for (; kills < set->kills; number++) {
        size_t index = number % scenario_count;
        uint64_t seed = set->seed + number;
        int64_t more;

        if (set->only != UINT64_MAX && set->only != number)
            continue;
        l.scenario = scenarios[index];
        l.seed = next_random(&seed);
        if (measures[index].calls == 0)
            measures[index] = measure_scenario(&l);
        more = live(&l, &measures[index]);
        if (more < 0) {
            fprintf(stderr, "FAILED %s, after %u stages: --seed %" PRIu64 " --only %" PRIu64 "; see %s\n",
                    l.scenario->name, atomic_load(&l.word->acknowledged), set->seed, number, root);
            return 1;
        }
        folder_remove(root);
        kills += (uint64_t)more;
        if (set->only != UINT64_MAX)
            break;
    }
    free(measures);
    write_figures(set, kills, number);
    return 0;
}

static bool take_option(settings *set, const char *name, const char *value)
{
    if (strcmp(name, "--kills") == 0)
        set->kills = strtoull(value, NULL, 10);
    else if (strcmp(name, "--seed") == 0)
        set->seed = strtoull(value, NULL, 10);
    else if (strcmp(name, "--only") == 0)
        set->only = strtoull(value, NULL, 10);
    else if (strcmp(name, "--figures") == 0)
        set->figures = value;
    else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    settings set = { .kills = 100, .seed = (uint64_t)time(NULL), .only = UINT64_MAX };
    char root[] = "killed-XXXXXX";

    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc || !take_option(&set, argv[i], argv[i + 1])) {
            fprintf(stderr, "usage: %s [--kills N] [--seed N] [--only LIFE] [--figures FILE]\n", argv[0]);
            return 2;
        }
    }
    if (mkdtemp(root) == NULL || rmdir(root) < 0) {
        perror("a folder");
        return 2;
    }
    return run(&set, root);
}
