/*
 * The crash explorer. It runs a scenario on a disk in memory and stops before each call that changes the disk: there
 * it makes the states that the disk may be in after a loss of power, and looks whether each heals.
 *
 *     explorer [--samples N] [--all-below N] [--part I/N] [--figures FILE] [SCENARIO...]
 *     explorer --replay ID
 *     explorer --list
 *
 * Where the choices that a crash makes combine to `all-below` states or less, each is made; else `samples` of them, by
 * a seed that is the number of the sample. The id of a state is SCENARIO/POINT/STATE, with /POINT/STATE once more if
 * the healing of the first state was crashed as well:
 *
 *     e17   number 17 of all combinations        s17  sample 17
 *     k     nothing is lost, but no more durable than it was: the process died
 *     end   as a point: healing was over
 */
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "scenario.h"
#include "slotcask/archive.h"

enum {
    DEPTH_MAX = 3,
    FAILURES_MAX = 3,
    HEALING_EVERY = 512, /* states whose healing is crashed, too */
    HEALING_SAMPLES = 12,
    READ_EVERY = 8 /* states that are opened read-only before */
};

#define POINT_END UINT64_MAX

/* One crash: where, and what was lost. */
typedef struct crash {
    uint64_t point;
    char kind; /* 'e', 's', 'k' */
    uint64_t number;
} crash;

typedef struct state_id {
    size_t depth;
    crash crashes[DEPTH_MAX];
} state_id;

/* A set of 64-bit keys, each with a value. */
typedef struct map {
    uint64_t *keys; /* 0: free */
    uint64_t *values;
    size_t capacity;
    size_t count;
} map;

typedef struct explorer {
    const scenario *scenario;
    uint64_t samples;
    uint64_t all_below;
    uint64_t part;
    uint64_t parts;
    const state_id *replay; /* NULL: explore */
    memory_disk *disk;
    size_t done; /* stages */
    uint64_t point;
    bool peeked; /* the handle of the run was seen to show something wrong */

    map states;    /* distinct ones */
    map checked;   /* states, with the stages that they may show */
    map healed;    /* what a healed disk shows, all of it checked */
    uint64_t made; /* states, with those that were met before */
    uint64_t exhausted_points;
    uint64_t sampled_points;
    uint64_t failures;
} explorer;

static void check_state(explorer *e, memory_disk *disk, const state_id *id, size_t least, size_t most);

/* ---- Small things ----------------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t both[2] = { a, b };

    return XXH3_64bits(both, sizeof(both));
}

static void *check_memory(void *memory)
{
    if (memory == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(2);
    }
    return memory;
}

static uint64_t next_random(uint64_t *seed)
{
    *seed += 0x9e3779b97f4a7c15u;
    return mix(*seed, 1);
}

static size_t map_place(const map *m, uint64_t key)
{
    size_t at = key & (m->capacity - 1);

    while (m->keys[at] != 0 && m->keys[at] != key)
        at = (at + 1) & (m->capacity - 1);
    return at;
}

static void map_grow(map *m)
{
    map old = *m;

    m->capacity = old.capacity == 0 ? 1024 : 2 * old.capacity;
    m->keys = check_memory(calloc(m->capacity, sizeof(uint64_t)));
    m->values = check_memory(calloc(m->capacity, sizeof(uint64_t)));
    for (size_t i = 0; i < old.capacity; i++) {
        size_t at = map_place(m, old.keys[i]);
        m->keys[at] = old.keys[i];
        m->values[at] = old.values[i];
    }
    free(old.keys);
    free(old.values);
}

static bool map_find(const map *m, uint64_t key, uint64_t *value_out)
{
    size_t at;

    if (m->capacity == 0)
        return false;
    at = map_place(m, key | 1);
    *value_out = m->values[at];
    return m->keys[at] != 0;
}

/* false: it was there before. */
static bool map_add(map *m, uint64_t key, uint64_t value)
{
    size_t at;

    if (2 * m->count >= m->capacity)
        map_grow(m);
    at = map_place(m, key | 1);
    if (m->keys[at] != 0)
        return false;
    m->keys[at] = key | 1;
    m->values[at] = value;
    m->count++;
    return true;
}

static void map_dispose(map *m)
{
    free(m->keys);
    free(m->values);
    memset(m, 0, sizeof(*m));
}

/* ---- Ids -------------------------------------------------------------------------------------------------------- */

static void print_id(FILE *to, const explorer *e, const state_id *id)
{
    fputs(e->scenario->name, to);
    for (size_t i = 0; i < id->depth; i++) {
        const crash *c = &id->crashes[i];
        if (c->point == POINT_END)
            fputs("/end", to);
        else
            fprintf(to, "/%" PRIu64, c->point);
        if (c->kind == 'k')
            fputs("/k", to);
        else
            fprintf(to, "/%c%" PRIu64, c->kind, c->number);
    }
}

static bool parse_crash(crash *c, const char **text)
{
    char *end;

    if (strncmp(*text, "/end/", 5) == 0) {
        c->point = POINT_END;
        *text += 5;
    } else {
        if (**text != '/')
            return false;
        c->point = strtoull(*text + 1, &end, 10);
        if (*end != '/')
            return false;
        *text = end + 1;
    }
    c->kind = *(*text)++;
    if (c->kind == 'k')
        return true;
    if (c->kind != 'e' && c->kind != 's')
        return false;
    c->number = strtoull(*text, &end, 10);
    *text = end;
    return true;
}

/* The part behind the name of the scenario. */
static bool parse_id(state_id *id, const char *text)
{
    memset(id, 0, sizeof(*id));
    while (*text != 0 && id->depth < DEPTH_MAX)
        if (!parse_crash(&id->crashes[id->depth++], &text))
            return false;
    return *text == 0 && id->depth > 0;
}

static void report_failure(explorer *e, const state_id *id)
{
    fprintf(stderr, "FAILED ");
    print_id(stderr, e, id);
    fprintf(stderr, ": %s\n", crash_failure());
    e->failures++;
}

/* ---- Making states ---------------------------------------------------------------------------------------------- */

/* What may be lost or kept at one moment. */
typedef struct moment {
    const memory_disk *disk;
    crash_choice *choices;
    size_t count;
    uint8_t *outcomes;
    uint64_t combinations; /* UINT64_MAX: that many, or more */
} moment;

static void moment_init(moment *m, const memory_disk *disk)
{
    m->disk = disk;
    m->count = memory_disk_choices(disk, &m->choices);
    m->outcomes = check_memory(calloc(m->count + 1, 1));
    m->combinations = 1;
    for (size_t i = 0; i < m->count; i++) {
        unsigned outcomes = m->choices[i].outcomes;
        m->combinations = m->combinations > UINT64_MAX / outcomes ? UINT64_MAX : m->combinations * outcomes;
    }
}

static void moment_dispose(moment *m)
{
    free(m->choices);
    free(m->outcomes);
}

static void choose_combination(moment *m, uint64_t number)
{
    for (size_t i = 0; i < m->count; i++) {
        m->outcomes[i] = (uint8_t)(number % m->choices[i].outcomes);
        number /= m->choices[i].outcomes;
    }
}

/* Parts that live or die together: those of one write, or of one block of 4096 bytes of it. */
static uint64_t group_of(const crash_choice *choice, bool by_block)
{
    if (choice->kind != CHOICE_WRITE)
        return mix(choice->change, (uint64_t)choice->kind);
    return mix(choice->change, by_block ? choice->offset / 4096 + 8 : 8);
}

/* The first two samples are the extremes; the others are of sixteen kinds by turns, many alike. */
static void choose_sample(moment *m, uint64_t number)
{
    uint64_t kind = number % 16, seed = number, salt = next_random(&seed),
             cut = m->count == 0 ? 0 : next_random(&seed) % m->count;

    for (size_t i = 0; i < m->count; i++) {
        const crash_choice *choice = &m->choices[i];
        uint64_t chance = next_random(&seed);
        uint8_t most = (uint8_t)(choice->outcomes - 1), any = (uint8_t)(chance % choice->outcomes);

        if (number < 2)
            m->outcomes[i] = number == 0 ? 0 : most;
        else if (kind == 3 || kind == 11)
            m->outcomes[i] = chance >> 32 & 7 ? most : any;
        else if (kind == 4 || kind == 12)
            m->outcomes[i] = chance >> 32 & 7 ? 0 : any;
        else if (kind == 5 || kind == 6)
            m->outcomes[i] = (uint8_t)(mix(group_of(choice, kind == 6), salt) % choice->outcomes);
        else if (kind == 7 && choice->change != m->choices[cut].change)
            m->outcomes[i] = choice->change < m->choices[cut].change ? most : 0;
        else if (choice->kind == CHOICE_SIZE || choice->kind == CHOICE_ENTRY)
            m->outcomes[i] = chance >> 32 & 7 ? most : any; /* without it much else cannot be seen */
        else
            m->outcomes[i] = any;
    }
}

static memory_disk *make_state(moment *m, char kind, uint64_t number)
{
    if (kind == 'k')
        return memory_disk_after_crash(m->disk, LOSS_NOTHING, 0);
    if (kind == 'e')
        choose_combination(m, number);
    else
        choose_sample(m, number);
    return memory_disk_chosen(m->disk, m->choices, m->outcomes, m->count);
}

static void print_state(const moment *m)
{
    for (size_t i = 0; i < m->count; i++)
        memory_disk_print_choice(m->disk, &m->choices[i], m->outcomes[i]);
}

/* The states at one moment: all, or `samples`. */
static void check_moment(explorer *e, const memory_disk *disk, state_id *id, uint64_t all_below, uint64_t samples,
                         size_t least, size_t most)
{
    crash *c = &id->crashes[id->depth - 1];
    moment m;
    uint64_t count;

    moment_init(&m, disk);
    c->kind = m.combinations <= all_below ? 'e' : 's';
    count = c->kind == 'e' ? m.combinations : samples;
    if (id->depth == 1) {
        e->exhausted_points += c->kind == 'e';
        e->sampled_points += c->kind == 's';
    }
    for (uint64_t i = 0; i < count && e->failures < FAILURES_MAX; i++) {
        c->number = i;
        check_state(e, make_state(&m, c->kind, i), id, least, most);
    }
    c->kind = 'k';
    if (e->failures < FAILURES_MAX)
        check_state(e, make_state(&m, 'k', 0), id, least, most);
    moment_dispose(&m);
}

/* ---- Crashing healing ------------------------------------------------------------------------------------------- */

typedef struct healing {
    explorer *explorer;
    memory_disk *disk;
    state_id id;
    size_t least;
    size_t most;
} healing;

/* Go down to the state that is to be replayed, if it is here. */
static void replay_healing(healing *h)
{
    explorer *e = h->explorer;
    crash *c = &h->id.crashes[h->id.depth - 1];
    moment m;

    if (e->replay->depth < h->id.depth || e->replay->crashes[h->id.depth - 1].point != c->point)
        return;
    moment_init(&m, h->disk);
    *c = e->replay->crashes[h->id.depth - 1];
    fprintf(stderr, "in its healing:\n");
    check_state(e, make_state(&m, c->kind, c->number), &h->id, h->least, h->most);
    print_state(&m);
    moment_dispose(&m);
}

static void crash_healing(void *payload)
{
    healing *h = payload;
    crash *c = &h->id.crashes[h->id.depth - 1];

    if (h->explorer->replay != NULL)
        replay_healing(h);
    else
        check_moment(h->explorer, h->disk, &h->id, HEALING_SAMPLES, HEALING_SAMPLES, h->least, h->most);
    if (c->point != POINT_END)
        c->point++;
}

/* Heal a copy of the disk, and crash before each step of that, and at its end. */
static void crash_while_healing(explorer *e, const memory_disk *disk, const state_id *id, size_t least, size_t most)
{
    healing h = { e, memory_disk_after_crash(disk, LOSS_NOTHING, 0), *id, least, most };
    void *opened;

    memset(&h.id.crashes[h.id.depth++], 0, sizeof(crash));
    memory_disk_on_step(h.disk, crash_healing, &h);
    opened = e->scenario->open(e->scenario, memory_disk_vfs(h.disk), least);
    memory_disk_on_step(h.disk, NULL, NULL);
    if (opened != NULL)
        e->scenario->close(opened);
    memory_disk_free(h.disk);
}

/* What an open store has shown must be durable: a loss of power now leaves exactly that. */
static void crash_after_healing(explorer *e, memory_disk *disk, const state_id *id, size_t stages)
{
    healing h = { e, disk, *id, stages, stages };

    h.id.crashes[h.id.depth++].point = POINT_END;
    crash_healing(&h);
}

/* ---- Checking a state ------------------------------------------------------------------------------------------- */

/* A healed disk that was not met before; `opened` is closed. */
static bool check_healed(explorer *e, memory_disk *disk, void *opened, const state_id *id, size_t stages)
{
    const scenario *s = e->scenario;
    bool right = s->check(s, opened, stages);
    uint64_t hash;

    if (right && id->depth < DEPTH_MAX)
        crash_after_healing(e, disk, id, stages);
    s->close(opened);
    if (!right)
        return false;
    hash = memory_disk_hash(disk);
    opened = s->open(s, memory_disk_vfs(disk), stages);
    if (opened == NULL)
        return false;
    s->close(opened);
    if (hash != memory_disk_hash(disk))
        return crash_fail(0, "opening a second time changes bytes");
    return s->go_on(s, disk, stages);
}

static bool check_reader(explorer *e, const memory_disk *disk, size_t least, size_t most, uint64_t mark)
{
    memory_disk *copy = memory_disk_after_crash(disk, LOSS_NOTHING, 0);
    uint64_t seen = mark, hash = memory_disk_hash(copy);
    bool right = e->scenario->read(e->scenario, memory_disk_vfs(copy), least, most, &seen);

    if (right && seen != mark)
        right = crash_fail(0, "a reader saw other stages than healing found");
    if (right && hash != memory_disk_hash(copy))
        right = crash_fail(0, "a reader changed bytes");
    memory_disk_free(copy);
    return right;
}

static bool heal_and_check(explorer *e, memory_disk *disk, const memory_disk *reader_disk, const state_id *id,
                           size_t least, size_t most)
{
    const scenario *s = e->scenario;
    void *opened = s->open(s, memory_disk_vfs(disk), least);
    uint64_t mark, key;
    size_t stages = 0;

    if (opened == NULL)
        return false;
    key = mix(mix(memory_disk_hash(disk), memory_disk_durable_hash(disk)), id->depth == DEPTH_MAX);
    if (e->replay == NULL && map_find(&e->healed, key, &mark)) {
        s->close(opened);
        if (!scenario_find_stages(s, mark, least, most, &stages))
            return false;
    } else {
        if (!s->look(s, opened, &mark) || !scenario_find_stages(s, mark, least, most, &stages)) {
            s->close(opened);
            return false;
        }
        /* Before the check, which comes upon it again. */
        map_add(&e->healed, key, mark);
        if (!check_healed(e, disk, opened, id, stages))
            return false;
    }
    return reader_disk == NULL || check_reader(e, reader_disk, least, most, mark);
}

/* `disk` is freed. */
static void check_state(explorer *e, memory_disk *disk, const state_id *id, size_t least, size_t most)
{
    uint64_t hash = memory_disk_hash(disk), durable = memory_disk_durable_hash(disk);
    memory_disk *before = NULL;
    bool read = least > 0 && (hash % READ_EVERY == 0 || id->crashes[id->depth - 1].kind == 'k');
    bool crash_again = id->depth == 1 && hash / READ_EVERY % HEALING_EVERY == 0;
    uint64_t stages = (uint64_t)least << 32 | (uint64_t)most << 1 | (id->depth == DEPTH_MAX);

    e->made++;
    map_add(&e->states, hash, 0);
    if (!map_add(&e->checked, mix(mix(hash, durable), stages), 0) && e->replay == NULL) {
        memory_disk_free(disk);
        return;
    }
    if (e->replay != NULL) {
        read = least > 0;
        crash_again = e->replay->depth > id->depth && e->replay->crashes[id->depth].point != POINT_END;
    }
    if (read || crash_again)
        before = memory_disk_after_crash(disk, LOSS_NOTHING, 0);
    if (!heal_and_check(e, disk, read ? before : NULL, id, least, most))
        report_failure(e, id);
    if (crash_again && e->failures < FAILURES_MAX)
        crash_while_healing(e, before, id, least, most);
    memory_disk_free(before);
    memory_disk_free(disk);
}

/* ---- The run ---------------------------------------------------------------------------------------------------- */

static void replay_here(explorer *e)
{
    state_id id = *e->replay;
    size_t most = e->done < e->scenario->stages ? e->done + 1 : e->done;
    memory_disk *state;
    moment m;

    moment_init(&m, e->disk);
    state = make_state(&m, id.crashes[0].kind, id.crashes[0].number);
    fprintf(stderr, "after %zu stages, ", e->done);
    memory_disk_print_steps(e->disk);
    print_state(&m);
    id.depth = 1;
    check_state(e, state, &id, e->done, most);
    moment_dispose(&m);
}

/* Whether what the run's own handle shows is what is done; once a failure is enough. */
static void peek(explorer *e)
{
    if (e->peeked || e->done == 0 || e->scenario->peek == NULL || e->scenario->peek(e->scenario, e->done))
        return;
    e->peeked = true;
    e->failures++;
    fprintf(stderr, "FAILED %s/%" PRIu64 ", in the process itself: %s\n", e->scenario->name, e->point, crash_failure());
}

static void crash_here(void *payload)
{
    explorer *e = payload;
    state_id id = { .depth = 1, .crashes = { { .point = e->point } } };
    size_t most = e->done < e->scenario->stages ? e->done + 1 : e->done;

    if (e->done >= e->scenario->first_stage && e->failures < FAILURES_MAX) {
        peek(e);
        if (e->replay != NULL && e->replay->crashes[0].point == e->point)
            replay_here(e);
        else if (e->replay == NULL && e->point % e->parts == e->part)
            check_moment(e, e->disk, &id, e->all_below, e->samples, e->done, most);
    }
    e->point++;
}

static void stage_done(void *payload)
{
    explorer *e = payload;

    e->done++;
}

static void explore(explorer *e)
{
    e->disk = memory_disk_new();
    e->done = 0;
    e->point = 0;
    memory_disk_on_step(e->disk, crash_here, e);
    if (!e->scenario->run(e->scenario, memory_disk_vfs(e->disk), stage_done, e)) {
        fprintf(stderr, "FAILED %s without a crash: %s\n", e->scenario->name, crash_failure());
        e->failures++;
    } else {
        crash_here(e); /* all is done, and closed */
    }
    memory_disk_free(e->disk);
}

static void print_figures(const explorer *e)
{
    printf("%-24s %8zu distinct states of %8" PRIu64 ", %5zu healed, %4" PRIu64 " points (%" PRIu64 " sampled)\n",
           e->scenario->name, e->states.count, e->made, e->healed.count, e->exhausted_points + e->sampled_points,
           e->sampled_points);
    fflush(stdout);
}

/* For tests/crash/total.sh and tests/run. Of a scenario in parts the first one counts it. */
static void write_figures(const explorer *e, FILE *to)
{
    fprintf(to, "crash_scenarios %d\ncrash_points %" PRIu64 "\ncrash_states %zu\ncrash_states_made %" PRIu64 "\n",
            e->part == 0, e->exhausted_points + e->sampled_points, e->states.count, e->made);
}

/* ---- The command ------------------------------------------------------------------------------------------------ */

static const scenario *find_scenario(const char *name, size_t size)
{
    for (size_t i = 0; i < scenario_count; i++)
        if (strlen(scenarios[i]->name) == size && memcmp(scenarios[i]->name, name, size) == 0)
            return scenarios[i];
    fprintf(stderr, "there is no scenario %.*s\n", (int)size, name);
    exit(2);
}

static uint64_t explore_scenario(const explorer *settings, const scenario *s, FILE *figures)
{
    explorer e = *settings;

    e.scenario = s;
    explore(&e);
    if (e.replay == NULL)
        print_figures(&e);
    if (figures != NULL)
        write_figures(&e, figures);
    map_dispose(&e.states);
    map_dispose(&e.checked);
    map_dispose(&e.healed);
    return e.failures;
}

static int list_scenarios(void)
{
    for (size_t i = 0; i < scenario_count; i++)
        puts(scenarios[i]->name);
    return 0;
}

static int replay(const explorer *settings, const char *text)
{
    size_t name_size = strcspn(text, "/");
    explorer e = *settings;
    state_id id;

    if (!parse_id(&id, text + name_size)) {
        fprintf(stderr, "%s is not the id of a state\n", text);
        return 2;
    }
    e.replay = &id;
    if (explore_scenario(&e, find_scenario(text, name_size), NULL) > 0)
        return 1;
    puts("it heals");
    return 0;
}

static int usage(void)
{
    fprintf(stderr, "usage: explorer [--samples N] [--all-below N] [--part I/N] [--figures FILE] [SCENARIO...] | "
                    "--replay ID | --list\n");
    return 2;
}

/* false: not such an option. */
static bool take_option(explorer *settings, FILE **figures, const char *name, const char *value)
{
    if (strcmp(name, "--samples") == 0)
        settings->samples = strtoull(value, NULL, 10);
    else if (strcmp(name, "--all-below") == 0)
        settings->all_below = strtoull(value, NULL, 10);
    else if (strcmp(name, "--figures") == 0)
        *figures = fopen(value, "w");
    else
        return strcmp(name, "--part") == 0 &&
               sscanf(value, "%" SCNu64 "/%" SCNu64, &settings->part, &settings->parts) == 2;
    return true;
}

static uint64_t explore_all(const explorer *settings, FILE *figures)
{
    uint64_t failures = 0;

    for (size_t i = 0; i < scenario_count && failures == 0; i++)
        failures = explore_scenario(settings, scenarios[i], figures);
    return failures;
}

int main(int argc, char **argv)
{
    explorer settings = { .samples = 65536, .all_below = 65536, .parts = 1 };
    FILE *figures = NULL;
    uint64_t failures = 0;
    int i = 1;

    /* Offset tables come and go; keep their memory. */
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    if (argc == 2 && strcmp(argv[1], "--list") == 0)
        return list_scenarios();
    if (argc == 3 && strcmp(argv[1], "--replay") == 0)
        return replay(&settings, argv[2]);
    for (; i + 1 < argc && argv[i][0] == '-'; i += 2)
        if (!take_option(&settings, &figures, argv[i], argv[i + 1]))
            return usage();
    if (i < argc && argv[i][0] == '-')
        return usage();
    if (i == argc)
        failures = explore_all(&settings, figures);
    for (; i < argc; i++)
        failures += explore_scenario(&settings, find_scenario(argv[i], strlen(argv[i])), figures);
    if (figures != NULL)
        fclose(figures);
    return failures > 0 ? 1 : 0;
}
