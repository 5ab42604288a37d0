/*
 * Rot: a small archive damaged in every way up to a bound, each time in one place, and asked whether it keeps its
 * promises (promise.h).
 *
 *     rot [--every N] [--verify-every N] [--figures FILE] CASE...
 *     rot --replay ID
 *
 * A case is SHAPE, SHAPE/KIND or SHAPE/KIND/FILE. With --every only one damage in N is done. The id of a damage is
 * SHAPE/KIND/FILE/NUMBER.
 *
 * After each damage a record is read, or all of them where it meets one. Opened for writing is what meets that which
 * healing looks at (the copies of the conf, the trailers, the entries of records), and one in WRITE_STRIDE of the others.
 * Verification follows; but of the bits and lengths of an offset table, which it loads and checks as each read does, only of one in
 * --verify-every: by default about one in two bytes.
 */
#include "older.h"
#include "promise.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>

enum { SECTOR = 512, COPY_SPACING = 4096, TABLES = 131072, MARKS = 65536 };
enum { PRUNED = 16400 };
enum { FAILURES_MAX = 10, WRITE_STRIDE = 509, VERIFY_STRIDE = 17, AGAIN_STRIDE = 61 };

/* ---- The archives ----------------------------------------------------------------------------------------------- */

static const struct shape {
    const char *name;
    uint32_t version;
    uint8_t codec;
} shapes[] = {
    { "none", 4, CASK_CODEC_NONE },
    { "snappy", 4, CASK_CODEC_SNAPPY },
    { "zstd", 4, CASK_CODEC_ZSTD },
    { "v3", 3, CASK_CODEC_SNAPPY },
};

/* File 0 is sealed, file 1 is of skipped slots, file 2 was backfilled, so it is listed, and a slot of it pruned, and
 * file 3 is the current one; each leaves slots out. */
static subject make_subject(const struct shape *shape)
{
    static const uint64_t slots[] = { 3,     5,     6,     700,   701,   4096,  8190,  8191,  16384,
                                      16386, 16387, 16390, 20000, 24570, 24577, 24600, 25000, 25001 };
    store s = { .disk = NULL };
    memory_disk *disk = memory_disk_new();
    subject made;

    s = store_at(memory_disk_vfs(disk), "/archive", shape->version, true);
    s.shape.codec = shape->codec;
    store_open(&s);
    assert_ok(cask_archive_set_identity(s.archive, IDENTITY, strlen(IDENTITY)));
    store_put(&s, SLOTS(3, 5, 6));
    store_put(&s, SLOTS(700, 701, 4096, 8190, 8191));
    store_put(&s, SLOTS(16384, 16390, 20000, 24570));
    store_put(&s, SLOTS(24577, 24600));
    store_put(&s, SLOTS(16386, 16387));
    store_put(&s, SLOTS(25000, 25001));
    if (shape->version >= 4) {
        cask_change change;

        store_put(&s, SLOTS(PRUNED));
        assert_ok(cask_column_prune(&change, s.column, PRUNED, PRUNED));
        assert_int_equal(change.slots, 1);
    } else {
        store_expect(&s, slots, COUNT_OF(slots));
    }
    assert_int_equal(store_verify(&s, false), 0);
    store_close(&s);
    made = subject_of(&s, slots, COUNT_OF(slots));
    made.pruned = shape->version >= 4 ? PRUNED : CASK_NO_SLOT;
    memory_disk_free(disk);
    return made;
}

/* ---- Ways to damage it: false if nothing is changed ------------------------------------------------------------- */

static size_t sectors(const image_file *file)
{
    return (file->good_size + SECTOR - 1) / SECTOR;
}

static size_t sector_size(const image_file *file, size_t sector)
{
    size_t rest = file->good_size - sector * SECTOR;

    return rest < SECTOR ? rest : SECTOR;
}

static uint64_t count_bits(const subject *s, const image_file *file)
{
    (void)s;
    return (uint64_t)file->good_size * 8;
}

static bool flip(subject *s, image_file *file, uint64_t n)
{
    uint8_t flipped = file->good[n / 8] ^ (uint8_t)(1u << n % 8);

    (void)s;
    image_patch(file, (size_t)(n / 8), &flipped, 1);
    return true;
}

static uint64_t count_bytes(const subject *s, const image_file *file)
{
    (void)s;
    return file->good_size;
}

static bool truncate_to(subject *s, image_file *file, uint64_t n)
{
    (void)s;
    image_resize(file, (size_t)n);
    return true;
}

static const struct {
    uint8_t byte;
    size_t count;
} tails[] = { { 0, 1 }, { 0xa5, 1 }, { 0, SECTOR }, { 0xa5, COPY_SPACING } };

static uint64_t count_tails(const subject *s, const image_file *file)
{
    (void)s;
    (void)file;
    return COUNT_OF(tails);
}

static bool lengthen(subject *s, image_file *file, uint64_t n)
{
    uint8_t tail[COPY_SPACING];

    (void)s;
    memset(tail, tails[n].byte, tails[n].count);
    image_patch(file, file->good_size, tail, tails[n].count);
    return true;
}

static uint64_t count_sectors(const subject *s, const image_file *file)
{
    (void)s;
    return sectors(file);
}

static bool zero(subject *s, image_file *file, uint64_t n)
{
    static const uint8_t zeros[SECTOR];

    (void)s;
    image_patch(file, (size_t)n * SECTOR, zeros, sector_size(file, (size_t)n));
    return !image_is_good(file);
}

static uint64_t count_pairs(const subject *s, const image_file *file)
{
    (void)s;
    return (uint64_t)sectors(file) * sectors(file);
}

/* As far as both sectors go. */
static bool exchange_sectors(image_file *one, size_t first, image_file *other, size_t second)
{
    size_t size = sector_size(one, first), other_size = sector_size(other, second);

    size = size < other_size ? size : other_size;
    if (memcmp(one->good + first * SECTOR, other->good + second * SECTOR, size) == 0)
        return false;
    image_patch(one, first * SECTOR, other->good + second * SECTOR, size);
    image_patch(other, second * SECTOR, one->good + first * SECTOR, size);
    return true;
}

static bool exchange(subject *s, image_file *file, uint64_t n)
{
    size_t first = (size_t)n / sectors(file), second = (size_t)n % sectors(file);

    (void)s;
    return first < second && exchange_sectors(file, first, file, second);
}

static uint64_t count_pairs_across(const subject *s, const image_file *file)
{
    return (uint64_t)sectors(file) * s->m->count;
}

/* With the same sector of a file further on. */
static bool exchange_across(subject *s, image_file *file, uint64_t n)
{
    image_file *other = &s->m->files[n % s->m->count];
    size_t sector = (size_t)(n / s->m->count);

    return other > file && other->good != NULL && sector < sectors(other) &&
           exchange_sectors(file, sector, other, sector);
}

static uint64_t count_once(const subject *s, const image_file *file)
{
    (void)s;
    (void)file;
    return 1;
}

static bool lose(subject *s, image_file *file, uint64_t n)
{
    (void)s;
    (void)n;
    image_remove(file);
    return true;
}

static uint64_t count_files(const subject *s, const image_file *file)
{
    (void)file;
    return s->m->count;
}

static bool replace(subject *s, image_file *file, uint64_t n)
{
    const image_file *other = &s->m->files[n];

    if (other->good == NULL)
        return false;
    image_put(s->m, file->name, other->good, other->good_size);
    return !image_is_good(file);
}

/* Beyond the current file, next to it and far away; of the file of skipped slots; and other names. */
static const char *const strays[] = {
    "blocks/data_00004",  "blocks/data_00004.off",  "blocks/data_00011",       "blocks/data_00040",
    "blocks/data_00001",  "blocks/data_00040.off",  "blocks/column.conf.tmp",  "blocks/data_4",
    "blocks/column.conf~" };

static uint64_t count_strays(const subject *s, const image_file *file)
{
    (void)s;
    (void)file;
    return COUNT_OF(strays);
}

static bool copy_to_stray(subject *s, image_file *file, uint64_t n)
{
    image_put(s->m, strays[n], file->good, file->good_size);
    return true;
}

static const struct kind {
    const char *name;
    uint64_t (*count)(const subject *s, const image_file *file);
    bool (*apply)(subject *s, image_file *file, uint64_t n);
} kinds[] = {
    { "flip", count_bits, flip },
    { "truncate", count_bytes, truncate_to },
    { "lengthen", count_tails, lengthen },
    { "zero", count_sectors, zero },
    { "exchange", count_pairs, exchange },
    { "exchange-across", count_pairs_across, exchange_across },
    { "lose", count_once, lose },
    { "replace", count_files, replace },
    { "stray", count_strays, copy_to_stray },
};

typedef struct settings {
    uint64_t every;
    uint64_t verify_every;
    const char *replay; /* the id of the one damage to do; NULL: all */
} settings;

/* ---- What is asked ---------------------------------------------------------------------------------------------- */

static bool is_table(const image_file *file)
{
    return strstr(file->name, ".off") != NULL;
}

static bool is_in(const image_file *file, const char *name)
{
    return strstr(file->name, name) != NULL;
}

static uint64_t first_slot(const image_file *file)
{
    return strtoull(file->name + strlen("blocks/data_"), NULL, 10) * CASK_SLOTS_PER_FILE;
}

static bool is_many(const struct kind *kind)
{
    return kind->apply == flip || kind->apply == truncate_to;
}

/* Whether the byte is one that decides more than the record of its slot. */
static bool is_weighty(const image_file *file, size_t at)
{
    static const uint8_t zeros[8];

    if (is_in(file, "column.conf"))
        return at % COPY_SPACING < SECTOR;
    if (!is_table(file))
        return is_in(file, "archive.conf");
    return at >= TABLES || memcmp(file->good + at / 8 * 8, zeros, 8) != 0;
}

/* All records, or in the many cases that are alike the one whose entry was met. */
static void ask_for_records(question *q, const subject *s, const image_file *file, size_t at, bool all, uint64_t *slot)
{
    *slot = is_in(file, "conf") ? s->slots[at % s->count] : first_slot(file) + at % MARKS / 8;
    q->slots = all ? s->slots : slot;
    q->count = all ? s->count : 1;
}

/* A plain folder of columns is an archive, too: one without an identity. */
static bool is_exception(const struct kind *kind, const image_file *file)
{
    return kind->apply == lose && is_in(file, "archive.conf");
}

static question ask(const settings *set, const subject *s, const struct kind *kind, const image_file *file, uint64_t n,
                    uint64_t *slot)
{
    size_t at = (size_t)(kind->apply == flip ? n / 8 : n);
    bool many = is_many(kind);
    bool sampled = !many || n % WRITE_STRIDE == 0, weighty = is_weighty(file, at);
    question q = { .write = sampled || (kind->apply == flip && weighty) };

    ask_for_records(&q, s, file, at, sampled || weighty || !(is_table(file) || is_in(file, "column.conf")), slot);
    if (q.write || !many || !is_table(file) || n % set->verify_every == 0) {
        q.names[0] = kind->apply == copy_to_stray ? strays[n] : file->name;
        if (kind->apply == exchange_across)
            q.names[1] = s->m->files[n % s->m->count].name;
    }
    if (is_exception(kind, file))
        q.names[0] = NULL;
    return q;
}

/* ---- Running ---------------------------------------------------------------------------------------------------- */

static void try_damage(const settings *set, subject *s, const struct kind *kind, image_file *file, uint64_t n,
                       const char *id, tally *t)
{
    uint64_t slot;
    question q;

    if (kind->apply(s, file, n)) {
        q = ask(set, s, kind, file, n, &slot);
        t->excepted += is_exception(kind, file);
        if (!promise_kept(s, &q, t)) {
            fprintf(stderr, "    replay it with --replay %s/%" PRIu64 "\n", id, n);
            t->failed++;
        }
    }
    image_restore(s->m);
}

/* Whether `wanted` is `id` or one of the folders above it. */
static bool is_wanted(const char *wanted, const char *id)
{
    size_t size = strlen(wanted);

    return strncmp(wanted, id, size) == 0 && (id[size] == 0 || id[size] == '/');
}

static void run_case(const settings *set, const char *wanted, subject *s, const struct kind *kind, image_file *file,
                     const char *id, uint64_t stride, tally *t)
{
    uint64_t count = kind->count(s, file), first = 0;

    if (set->replay != NULL) {
        if (!is_wanted(id, set->replay))
            return;
        first = strtoull(set->replay + strlen(id) + 1, NULL, 10);
        count = first + 1;
    } else if (!is_wanted(wanted, id)) {
        return;
    }
    for (uint64_t n = first; n < count && t->failed < FAILURES_MAX; n += stride)
        try_damage(set, s, kind, file, n, id, t);
}

/* Conf and tables know nothing of codecs: what is many of them is done in full to the first archive alone. */
static uint64_t stride_of(const settings *set, const struct shape *shape, const struct kind *kind,
                          const image_file *file)
{
    bool again = shape != shapes && is_many(kind) && (is_table(file) || is_in(file, "column.conf"));

    return set->every * (again ? AGAIN_STRIDE : 1);
}

static void run_shape(const settings *set, const char *wanted, const struct shape *shape, tally *t)
{
    subject s = make_subject(shape);
    size_t files = s.m->count;
    char id[160];

    for (size_t k = 0; k < COUNT_OF(kinds); k++) {
        for (size_t f = 0; f < files; f++) {
            const char *slash = strrchr(s.m->files[f].name, '/');

            if (strcmp(s.m->files[f].name, "lock") == 0)
                continue; /* nothing is in it */
            snprintf(id, sizeof(id), "%s/%s/%s", shape->name, kinds[k].name,
                     slash == NULL ? s.m->files[f].name : slash + 1);
            run_case(set, wanted, &s, &kinds[k], &s.m->files[f], id, stride_of(set, shape, &kinds[k], &s.m->files[f]),
                     t);
        }
    }
    subject_dispose(&s);
}

static void add(tally *sum, const tally *t)
{
    sum->tried += t->tried;
    sum->written += t->written;
    sum->refused += t->refused;
    sum->excepted += t->excepted;
    sum->failed += t->failed;
}

static void write_figures(const tally *t, const char *path)
{
    FILE *file = path == NULL ? NULL : fopen(path, "w");

    if (file == NULL)
        return;
    fprintf(file, "damages %" PRIu64 "\nkept-promises %" PRIu64 "\nopened-for-writing %" PRIu64 "\nrefused %" PRIu64
                  "\nexceptions %" PRIu64 "\n",
            t->tried, t->tried - t->failed, t->written, t->refused, t->excepted);
    fclose(file);
}

static bool run(const settings *set, const char *wanted, tally *sum)
{
    tally t = { 0 };

    for (size_t i = 0; i < COUNT_OF(shapes); i++)
        if (strncmp(wanted, shapes[i].name, strlen(shapes[i].name)) == 0)
            run_shape(set, wanted, &shapes[i], &t);
    if (is_wanted("older", wanted))
        older_run(&t);
    printf("%-32s %8" PRIu64 " damages, %8" PRIu64 " kept promises, %6" PRIu64 " opened for writing, %6" PRIu64
           " refused, %3" PRIu64 " exceptions\n",
           wanted, t.tried, t.tried - t.failed, t.written, t.refused, t.excepted);
    add(sum, &t);
    return t.failed == 0 && t.tried > 0;
}

int main(int argc, char **argv)
{
    settings set = { .every = 1, .verify_every = VERIFY_STRIDE };
    const char *figures = NULL;
    tally sum = { 0 };
    bool good = true;
    int i = 1;

    /* Offset tables come and go; keep their memory. */
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
        if (strcmp(argv[i], "--every") == 0)
            set.every = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--verify-every") == 0)
            set.verify_every = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--figures") == 0)
            figures = argv[i + 1];
        else if (strcmp(argv[i], "--replay") == 0)
            return run(&(settings){ 1, 1, argv[i + 1] }, argv[i + 1], &sum) ? 0 : 1;
        else
            break;
    }
    if (i == argc || argv[i][0] == '-') {
        fprintf(stderr, "usage: rot [--every N] [--verify-every N] [--figures FILE] CASE... | --replay ID\n");
        return 2;
    }
    for (; i < argc; i++)
        good &= run(&set, argv[i], &sum);
    write_figures(&sum, figures);
    return good ? 0 : 1;
}
