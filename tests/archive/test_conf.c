/* column.conf, versions 2, 3 and 4: exactly the bytes of archive/FORMAT.md, written and read. */
#include "conf.h"
#include "raw.h"
#include "vfs_fault.h"
#include "vfs_memory.h"

#define FOLDER "/column"
#define PATH FOLDER "/column.conf"

typedef struct fixture {
    memory_disk *disk;
    const cask_vfs *vfs;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    f->disk = memory_disk_new();
    f->vfs = memory_disk_vfs(f->disk);
    folder_make(f->vfs, FOLDER);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;

    memory_disk_free(f->disk);
    free(f);
    return 0;
}

static void assert_file_is(const fixture *f, const uint8_t *expected, size_t expected_size)
{
    size_t size;
    uint8_t *bytes = file_read(f->vfs, PATH, &size);

    assert_int_equal(size, expected_size);
    assert_memory_equal(bytes, expected, size);
    free(bytes);
}

static void assert_same(const cask_conf *left, const cask_conf *right)
{
    assert_int_equal(left->version, right->version);
    assert_int_equal(left->highest_slot, right->highest_slot);
    assert_memory_equal(left->record_type, right->record_type, 2);
    assert_int_equal(left->codec, right->codec);
    assert_int_equal(left->allow_backfill, right->allow_backfill);
    assert_int_equal(left->max_value_size, right->max_value_size);
    assert_int_equal(left->seals_digest, right->seals_digest);
    assert_int_equal(left->open_count, right->open_count);
    for (uint32_t i = 0; i < left->open_count; i++) {
        assert_int_equal(left->open[i].file_id, right->open[i].file_id);
        assert_int_equal(left->open[i].data_length, right->open[i].data_length);
        assert_int_equal(left->open[i].value_bytes, right->open[i].value_bytes);
        assert_int_equal(left->open[i].records, right->open[i].records);
        assert_int_equal(left->open[i].pruned, right->open[i].pruned);
        assert_int_equal(left->open[i].tables_crc, right->open[i].tables_crc);
    }
}

/* Write, compare with the bytes made by hand, read back. */
static void round_trip(const fixture *f, const cask_conf *conf, const uint8_t *expected, size_t size)
{
    cask_conf loaded;

    assert_ok(cask_conf_create(conf, f->vfs, FOLDER, PATH));
    assert_file_is(f, expected, size);
    assert_ok(cask_conf_load(&loaded, NULL, f->vfs, PATH));
    assert_same(&loaded, conf);
}

/* ---- Versions 2 and 3 ------------------------------------------------------------------------------------------- */

static void conf__v2_bytes(void **state)
{
    static const uint8_t expected[RAW_V2_CONF_SIZE] = {
        'L',  'H',  'S',  'T',  'B', 'L', 'K', '2',  /* magic */
        0x03, 0x20, 0x01, 0,    0,   0,   0,   0,    /* highest slot 73,731: file 9 */
        0x88, 0x77, 0x66, 0x55, 0x1, 0,   0,   0,    /* committed length of file 9 */
        0x01, 0x00,                                  /* record type */
        0x01,                                        /* snappy */
        0x00,                                        /* nothing */
        0x00, 0x00, 0xa0, 0,    0,   0,   0,   0,    /* largest value, 10 MiB */
    };
    const cask_conf conf = { .version = 2,
                             .highest_slot = 73731,
                             .record_type = { 1, 0 },
                             .codec = CASK_CODEC_SNAPPY,
                             .max_value_size = 10 << 20,
                             .open_count = 1,
                             .open = { { .file_id = 9, .data_length = 0x155667788 } } };

    round_trip(*state, &conf, expected, sizeof(expected));
}

static void conf__v2_empty(void **state)
{
    static const uint8_t expected[RAW_V2_CONF_SIZE] = {
        'L',  'H',  'S',  'T',  'B',  'L',  'K',  '2',  0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0,    0,    0,    0,    0,    0,    0,    0,
        'b',  'r',  0,    0,    32,   0,    0,    0,    0,    0,    0,    0,
    };
    const cask_conf conf = { .version = 2,
                             .highest_slot = CASK_NO_SLOT,
                             .record_type = { 'b', 'r' },
                             .max_value_size = 32 };

    round_trip(*state, &conf, expected, sizeof(expected));
}

static void conf__v3_bytes(void **state)
{
    static const uint8_t expected[RAW_V3_CONF_SIZE] = {
        'L',  'H',  'S',  'T', 'B', 'L', 'K', '3', /* magic */
        0x00, 0x20, 0,    0,   0,   0,   0,   0,   /* highest slot 8192: file 1 */
        0x34, 0x12, 0,    0,   0,   0,   0,   0,   /* committed length of file 1 */
        0x02, 0x00, 0x00, 0x01,                    /* record type, no codec, backfill allowed */
        0xff, 0xff, 0,    0,   0,   0,   0,   0,   /* largest value */
        0x00, 0x00, 0,    0,   0,   0,   0,   0,   /* file 0 was backfilled, */
        0x08, 0x00, 0x10, 0,   0,   0,   0,   0,   /* up to here */
    };
    const cask_conf conf = { .version = 3,
                             .highest_slot = 8192,
                             .record_type = { 2, 0 },
                             .allow_backfill = true,
                             .max_value_size = 0xffff,
                             .open_count = 2,
                             .open = { { .file_id = 1, .data_length = 0x1234 },
                                       { .file_id = 0, .data_length = 0x100008 } } };

    round_trip(*state, &conf, expected, sizeof(expected));
}

static void conf__v3_without_backfilled_file(void **state)
{
    raw_conf raw = { .version = 3,
                     .highest = 20000,
                     .length = 77,
                     .type = { 'x', 'y' },
                     .codec = 1,
                     .max_value_size = 99,
                     .backfilled_file = UINT64_MAX };
    const cask_conf conf = { .version = 3,
                             .highest_slot = 20000,
                             .record_type = { 'x', 'y' },
                             .codec = CASK_CODEC_SNAPPY,
                             .max_value_size = 99,
                             .open_count = 1,
                             .open = { { .file_id = 2, .data_length = 77 } } };
    uint8_t expected[RAW_V3_CONF_SIZE];

    assert_int_equal(raw_conf_encode(expected, &raw), sizeof(expected));
    round_trip(*state, &conf, expected, sizeof(expected));
}

/* write column.conf.tmp, sync, rename, sync the folder */
static void conf__v3_is_replaced_atomically(void **state)
{
    static const disk_step_kind kinds[] = { STEP_CREATE, STEP_WRITE, STEP_SYNC, STEP_RENAME, STEP_SYNC_FOLDER };
    static const char *const paths[] = { PATH ".tmp", PATH ".tmp", PATH ".tmp", PATH, FOLDER };
    const cask_conf conf = { .version = 3, .highest_slot = CASK_NO_SLOT };
    fixture *f = *state;
    const disk_step *steps;

    assert_ok(cask_conf_create(&conf, f->vfs, FOLDER, PATH));
    memory_disk_forget_steps(f->disk);
    assert_ok(cask_conf_store(&conf, f->vfs, FOLDER, PATH));
    assert_int_equal(memory_disk_steps(f->disk, &steps), COUNT_OF(kinds));
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        assert_int_equal(steps[i].kind, kinds[i]);
        assert_string_equal(steps[i].path, paths[i]);
    }
}

static void conf__v3_backfilled_file_must_lie_before_the_current_one(void **state)
{
    raw_conf raw = { .version = 3, .highest = 8192, .length = 77, .max_value_size = 99 };
    fixture *f = *state;
    cask_conf loaded;

    for (raw.backfilled_file = 1; raw.backfilled_file <= 2; raw.backfilled_file++) {
        raw_conf_write(f->vfs, FOLDER, &raw);
        assert_code(cask_conf_load(&loaded, NULL, f->vfs, PATH), CASK_E_CORRUPT);
    }
}

/* Less than a data file begins with: what is appended there could not be read. */
static void conf__v3_length_must_not_lie_before_the_first_record(void **state)
{
    fixture *f = *state;
    cask_conf conf = { .version = 3, .highest_slot = 24581, .record_type = { 'b', 'l' }, .max_value_size = 1 << 20,
                       .allow_backfill = true, .open_count = 2,
                       .open = { { .file_id = 3, .data_length = 8 }, { .file_id = 1, .data_length = 8 } } };
    cask_conf loaded;

    for (unsigned file = 0; file < 2; file++) {
        conf.open[file].data_length = 7;
        assert_ok(cask_conf_create(&conf, f->vfs, FOLDER, PATH));
        assert_code(cask_conf_load(&loaded, NULL, f->vfs, PATH), CASK_E_CORRUPT);
        conf.open[file].data_length = 8;
        assert_ok(cask_conf_create(&conf, f->vfs, FOLDER, PATH));
        assert_ok(cask_conf_load(&loaded, NULL, f->vfs, PATH));
    }
}

/* ---- Version 4 -------------------------------------------------------------------------------------------------- */

/* Put the checksum behind the 508 bytes before it. */
static void append_crc(uint8_t copy[512])
{
    uint32_t crc = raw_crc32c(copy, 508);

    for (unsigned i = 0; i < 4; i++)
        copy[508 + i] = (uint8_t)(crc >> 8 * i);
}

/* The copy that filled_conf() becomes. */
static void filled_copy(uint8_t copy[512], uint8_t sequence)
{
    static const uint8_t head[80 + 80] = {
        'S',  'L',  'O',  'T',  'C',  'S',  'K',  '4',  /* 0: magic */
        0,    0,    0,    0,    0,    0,    0,    0,    /* 8: sequence number */
        0x05, 0x60, 0,    0,    0,    0,    0,    0,    /* 16: highest slot 24,581: file 3 */
        'c',  'v',  0x02, 0x01,                         /* 24: record type, zstd, backfill allowed */
        0,    0,    0,    0x40, 0,    0,    0,    0,    /* 28: largest value, 1 GiB */
        0x00, 0x20, 0,    0,                            /* 36: slots per file */
        0x02, 0,    0,    0,                            /* 40: two open files */
        0,    0,    0,    0,                            /* 44: nothing */
        0x01, 0,    0,    0,    0,    0,    0,    0,    /* 48: first file */
        0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, /* 56: digest of all seals */
        0,    0,    0,    0,    0,    0,    0,    0,    /* 64: no intent */
        0,    0,    0,    0,    0,    0,    0,    0,
        0x03, 0,    0,    0,    0,    0,    0,    0,    /* 80: the current file, */
        0x00, 0x10, 0,    0,    0,    0,    0,    0,    /* its length, */
        0x00, 0x0f, 0,    0,    0,    0,    0,    0,    /* the bytes of its values, decoded, */
        0x06, 0,    0,    0,    0x01, 0,    0,    0,    /* records, pruned, */
        0xef, 0xbe, 0xad, 0xde, 0,    0,    0,    0,    /* checksum of its tables */
        0x01, 0,    0,    0,    0,    0,    0,    0,    /* 120: a file that was opened again */
        0x08, 0,    0,    0,    0,    0,    0,    0,
        0,    0,    0,    0,    0,    0,    0,    0,
        0,    0,    0,    0,    0,    0,    0,    0,
        0x78, 0x56, 0x34, 0x12, 0,    0,    0,    0,
    };

    memset(copy, 0, 512);
    memcpy(copy, head, sizeof(head));
    copy[8] = sequence;
    append_crc(copy);
}

static cask_conf filled_conf(void)
{
    return (cask_conf){ .version = 4,
                        .sequence = 7,
                        .highest_slot = 24581,
                        .record_type = { 'c', 'v' },
                        .codec = CASK_CODEC_ZSTD,
                        .allow_backfill = true,
                        .max_value_size = 1 << 30,
                        .first_file_id = 1,
                        .seals_digest = 0x1122334455667788,
                        .open_count = 2,
                        .open = { { .file_id = 3, .data_length = 4096, .value_bytes = 3840, .records = 6, .pruned = 1,
                                    .tables_crc = 0xdeadbeef },
                                  { .file_id = 1, .data_length = 8, .tables_crc = 0x12345678 } } };
}

static void conf__v4_bytes(void **state)
{
    uint8_t expected[16384] = { 0 };
    cask_conf conf = filled_conf();

    /* Odd: copies 2 and 3. The other pair of a new conf says the same, under the number before. */
    filled_copy(expected + 8192, 7);
    filled_copy(expected + 12288, 7);
    filled_copy(expected, 6);
    filled_copy(expected + 4096, 6);
    round_trip(*state, &conf, expected, sizeof(expected));
}

static void conf__v4_pairs_alternate(void **state)
{
    fixture *f = *state;
    cask_conf conf = filled_conf(), loaded;
    uint8_t *bytes;
    size_t size;

    assert_ok(cask_conf_create(&conf, f->vfs, FOLDER, PATH));
    for (conf.sequence = 8; conf.sequence < 12; conf.sequence++) {
        uint64_t at = conf.sequence % 2 * 8192;

        memory_disk_forget_steps(f->disk);
        conf.highest_slot++;
        assert_ok(cask_conf_store(&conf, f->vfs, FOLDER, PATH));
        assert_int_equal(memory_disk_count_steps(f->disk, STEP_SYNC, ""), 1);
        assert_int_equal(memory_disk_count_steps(f->disk, STEP_RENAME, ""), 0);
        bytes = file_read(f->vfs, PATH, &size);
        assert_int_equal(size, 16384);
        for (uint64_t copy = at; copy <= at + 4096; copy += 4096)
            assert_int_equal(raw_get64(bytes + copy + 8), conf.sequence);
        for (uint64_t copy = 8192 - at; copy <= 8192 - at + 4096; copy += 4096)
            assert_int_equal(raw_get64(bytes + copy + 8), conf.sequence - 1);
        free(bytes);
        assert_ok(cask_conf_load(&loaded, NULL, f->vfs, PATH));
        assert_int_equal(loaded.sequence, conf.sequence);
        assert_same(&loaded, &conf);
    }
}

/* Two commits, the second in copies 0 and 1. */
static void two_commits(const fixture *f, cask_conf *first, cask_conf *second)
{
    *first = filled_conf();
    *second = *first;
    second->sequence = 8;
    second->highest_slot++;
    assert_ok(cask_conf_create(first, f->vfs, FOLDER, PATH));
    assert_ok(cask_conf_store(second, f->vfs, FOLDER, PATH));
}

static void harm(const fixture *f, unsigned copy)
{
    file_patch(f->vfs, PATH, copy * 4096 + 20, "rot", 3);
}

static void conf__v4_torn_commit_leaves_the_one_before(void **state)
{
    fixture *f = *state;
    cask_conf first, second, loaded;

    two_commits(f, &first, &second);
    harm(f, 0);
    harm(f, 1);
    assert_ok(cask_conf_load(&loaded, NULL, f->vfs, PATH));
    assert_int_equal(loaded.sequence, 7);
    assert_same(&loaded, &first);
}

/* What is left then is numbered 0, and the number before that would be the highest of all. */
static void conf__v4_losing_the_copies_of_the_first_commit_hides_no_later_one(void **state)
{
    fixture *f = *state;
    cask_conf conf = filled_conf(), loaded;
    cask_conf_damage damage;

    conf.sequence = 1;
    assert_ok(cask_conf_create(&conf, f->vfs, FOLDER, PATH));
    harm(f, 2);
    harm(f, 3);
    assert_ok(cask_conf_load(&loaded, &damage, f->vfs, PATH));
    assert_same(&loaded, &conf);
    assert_int_equal(damage.copies & 12, 12);
    assert_ok(cask_conf_mend(&loaded, damage, f->vfs, FOLDER, PATH));
    assert_ok(cask_conf_load(&conf, &damage, f->vfs, PATH));
    assert_int_equal(damage.copies, 0);
    assert_int_equal(conf.sequence, loaded.sequence);
    conf.sequence++;
    conf.highest_slot++;
    assert_ok(cask_conf_store(&conf, f->vfs, FOLDER, PATH));
    assert_ok(cask_conf_load(&loaded, &damage, f->vfs, PATH));
    assert_int_equal(damage.copies, 0);
    assert_same(&loaded, &conf);
}

static void conf__v4_one_rotten_copy_never_rolls_back(void **state)
{
    fixture *f = *state;
    cask_conf first, second, loaded;
    cask_conf_damage damage;

    for (unsigned copy = 0; copy < 4; copy++) {
        two_commits(f, &first, &second);
        assert_ok(cask_conf_load(&loaded, &damage, f->vfs, PATH));
        assert_int_equal(damage.copies, 0);
        harm(f, copy);
        assert_ok(cask_conf_load(&loaded, &damage, f->vfs, PATH));
        assert_int_equal(damage.copies, 1u << copy);
        assert_int_equal(loaded.sequence, 8);
        assert_same(&loaded, &second);
    }
}

static void conf__v4_no_good_copy_is_corrupt(void **state)
{
    fixture *f = *state;
    cask_conf first, second, loaded;

    two_commits(f, &first, &second);
    for (unsigned copy = 0; copy < 4; copy++)
        harm(f, copy);
    assert_code(cask_conf_load(&loaded, NULL, f->vfs, PATH), CASK_E_CORRUPT);
    assert_string_equal(cask_error_last()->word, "conf");
}

/* Any single byte that rots, anywhere in the file: the newest commit is still read, or it is an error. */
static void conf__v4_any_rotten_byte(void **state)
{
    fixture *f = *state;
    cask_conf first, second, loaded;
    uint8_t *bytes;
    size_t size;

    two_commits(f, &first, &second);
    bytes = file_read(f->vfs, PATH, &size);
    for (size_t at = 0; at < size; at += at % 4096 < 520 ? 1 : 97) {
        uint8_t byte = bytes[at] ^ 0x10;

        if (!case_begin("byte=%zu", at))
            continue;
        file_patch(f->vfs, PATH, at, &byte, 1);
        assert_ok(cask_conf_load(&loaded, NULL, f->vfs, PATH));
        assert_int_equal(loaded.sequence, 8);
        assert_same(&loaded, &second);
        file_patch(f->vfs, PATH, at, &bytes[at], 1);
        case_end();
    }
    free(bytes);
}

/* A right checksum over what cannot be: hostile, or written with a defect. */
static void load_copy(const fixture *f, uint8_t copy[512], int expected)
{
    uint8_t file[16384] = { 0 };
    cask_conf loaded;

    append_crc(copy);
    memcpy(file + 8192, copy, 512);
    memcpy(file + 12288, copy, 512);
    file_write(f->vfs, PATH, file, sizeof(file));
    assert_code(cask_conf_load(&loaded, NULL, f->vfs, PATH), expected);
    if (expected != CASK_OK)
        assert_string_equal(cask_error_last()->word, "conf");
}

static void load_forged(const fixture *f, size_t at, const void *bytes, size_t size, int expected)
{
    uint8_t copy[512];

    filled_copy(copy, 7);
    memcpy(copy + at, bytes, size);
    load_copy(f, copy, expected);
}

static void conf__v4_forged_contents_are_refused(void **state)
{
    static const uint8_t ones[16] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

    load_forged(*state, 8, ones, 8, CASK_E_CORRUPT);             /* no commit can follow */
    load_forged(*state, 26, "\x03", 1, CASK_E_UNSUPPORTED);      /* codec */
    load_forged(*state, 27, "\x02", 1, CASK_E_UNSUPPORTED);      /* flags */
    load_forged(*state, 37, "\x10", 1, CASK_E_UNSUPPORTED);      /* slots per file */
    load_forged(*state, 116, "\x04", 1, CASK_E_UNSUPPORTED);     /* the codec of an open file */
    load_forged(*state, 40, "\x09", 1, CASK_E_CORRUPT);          /* nine open files */
    load_forged(*state, 40, ones, 4, CASK_E_CORRUPT);
    load_forged(*state, 40, "\x00", 1, CASK_E_CORRUPT);          /* none, though there are records */
    load_forged(*state, 16, ones, 8, CASK_E_CORRUPT);            /* empty, though files are open */
    load_forged(*state, 80, "\x02", 1, CASK_E_CORRUPT);          /* the first is not the current one */
    load_forged(*state, 88, "\x07\x00", 2, CASK_E_CORRUPT);       /* a length before the first record */
    load_forged(*state, 120, "\x03", 1, CASK_E_CORRUPT);         /* twice the same */
    load_forged(*state, 120, "\x04", 1, CASK_E_CORRUPT);         /* beyond the current one */
    load_forged(*state, 120, "\x00", 1, CASK_E_CORRUPT);         /* before the first */
    load_forged(*state, 117, "\x01", 1, CASK_E_UNSUPPORTED);     /* behind it */
    load_forged(*state, 160, "\x01", 1, CASK_E_UNSUPPORTED);     /* behind the last of them */
    load_forged(*state, 7, "5", 1, CASK_E_UNSUPPORTED);          /* version 5 */
}

/* The files are 1 to 3; 1 and 3 are open. */
static void conf__v4_forged_intents_are_refused(void **state)
{
    enum { LAST = CASK_SLOTS_PER_FILE - 1 };
    static const struct {
        uint16_t kind, first, last, reserved;
        uint64_t file_id;
        int expected;
    } cases[] = {
        { CASK_INTENT_NONE, 0, 0, 0, 0, CASK_OK },
        { CASK_INTENT_NONE, 1, 0, 0, 0, CASK_E_CORRUPT },
        { CASK_INTENT_NONE, 0, 1, 0, 0, CASK_E_CORRUPT },
        { CASK_INTENT_NONE, 0, 0, 0, 1, CASK_E_CORRUPT },
        { CASK_INTENT_NONE, 0, 0, 1, 0, CASK_E_UNSUPPORTED },
        { CASK_INTENT_PRUNE, 0, LAST, 0, 3, CASK_OK },
        { CASK_INTENT_FORGET, 7, 7, 0, 1, CASK_OK },
        { CASK_INTENT_FORGET, 7, 6, 0, 1, CASK_E_CORRUPT },
        { CASK_INTENT_PRUNE, 0, LAST + 1, 0, 3, CASK_E_CORRUPT },
        { CASK_INTENT_PRUNE, 0, LAST, 0, 0, CASK_E_CORRUPT },
        { CASK_INTENT_PRUNE, 0, LAST, 0, 2, CASK_E_CORRUPT }, /* not listed */
        { CASK_INTENT_PRUNE, 0, LAST, 0, 4, CASK_E_CORRUPT },
        { CASK_INTENT_PRUNE, 0, LAST, 0, UINT64_MAX, CASK_E_CORRUPT },
        { CASK_INTENT_REPLACE, 0, 0, 0, 2, CASK_OK },
        { CASK_INTENT_REPLACE, 1, 0, 0, 2, CASK_E_CORRUPT },
        { CASK_INTENT_REPLACE, 0, 1, 0, 2, CASK_E_CORRUPT },
        { CASK_INTENT_REPLACE, 0, 0, 0, 0, CASK_E_CORRUPT },
        { CASK_INTENT_REPLACE, 0, 0, 0, 4, CASK_E_CORRUPT },
        { CASK_INTENT_FORGET + 1, 0, 0, 0, 1, CASK_E_UNSUPPORTED },
        { UINT16_MAX, 0, 0, 0, 1, CASK_E_UNSUPPORTED },
    };
    uint8_t copy[512];

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        filled_copy(copy, 7);
        raw_put64(copy + 64, (uint64_t)cases[i].kind | (uint64_t)cases[i].first << 16 |
                                 (uint64_t)cases[i].last << 32 | (uint64_t)cases[i].reserved << 48);
        raw_put64(copy + 72, cases[i].file_id);
        load_copy(*state, copy, cases[i].expected);
    }
    filled_copy(copy, 7);
    raw_put64(copy + 16, CASK_NO_SLOT); /* empty: there is no file that anything could be intended for */
    copy[40] = 0;
    memset(copy + 80, 0, 80);
    load_copy(*state, copy, CASK_OK);
    copy[64] = CASK_INTENT_REPLACE;
    raw_put64(copy + 72, 1);
    load_copy(*state, copy, CASK_E_CORRUPT);
}

/* From the first file to the current one. */
static void conf__v4_too_many_files_are_refused(void **state)
{
    uint8_t copy[512];

    for (uint64_t more = 0; more < 2; more++) {
        uint64_t current = 1 + CASK_COLUMN_FILES_MAX - 1 + more;

        filled_copy(copy, 7);
        raw_put64(copy + 16, current * CASK_SLOTS_PER_FILE + 5);
        raw_put64(copy + 80, current);
        load_copy(*state, copy, more == 0 ? CASK_OK : CASK_E_CORRUPT);
    }
}

static void conf__v4_writes_no_number_that_it_would_refuse(void **state)
{
    fixture *f = *state;
    cask_conf conf = filled_conf(), loaded;

    conf.sequence = UINT64_MAX - 1;
    assert_ok(cask_conf_create(&conf, f->vfs, FOLDER, PATH));
    conf.sequence++;
    assert_code(cask_conf_store(&conf, f->vfs, FOLDER, PATH), CASK_E_CORRUPT);
    assert_ok(cask_conf_load(&loaded, NULL, f->vfs, PATH));
    assert_int_equal(loaded.sequence, UINT64_MAX - 1);
}

static void conf__v4_size_must_be_right(void **state)
{
    fixture *f = *state;
    cask_conf first, second, loaded;

    two_commits(f, &first, &second);
    file_truncate(f->vfs, PATH, 16383);
    assert_code(cask_conf_load(&loaded, NULL, f->vfs, PATH), CASK_E_CORRUPT);
    file_truncate(f->vfs, PATH, 16385);
    assert_code(cask_conf_load(&loaded, NULL, f->vfs, PATH), CASK_E_CORRUPT);
    file_truncate(f->vfs, PATH, 0);
    assert_code(cask_conf_load(&loaded, NULL, f->vfs, PATH), CASK_E_CORRUPT);
    file_remove(f->vfs, PATH);
    assert_code(cask_conf_load(&loaded, NULL, f->vfs, PATH), CASK_E_NOTFOUND);
}

#define conf_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        conf_test(conf__v2_bytes),
        conf_test(conf__v2_empty),
        conf_test(conf__v3_bytes),
        conf_test(conf__v3_without_backfilled_file),
        conf_test(conf__v3_is_replaced_atomically),
        conf_test(conf__v3_backfilled_file_must_lie_before_the_current_one),
        conf_test(conf__v3_length_must_not_lie_before_the_first_record),
        conf_test(conf__v4_bytes),
        conf_test(conf__v4_pairs_alternate),
        conf_test(conf__v4_torn_commit_leaves_the_one_before),
        conf_test(conf__v4_losing_the_copies_of_the_first_commit_hides_no_later_one),
        conf_test(conf__v4_one_rotten_copy_never_rolls_back),
        conf_test(conf__v4_no_good_copy_is_corrupt),
        conf_test(conf__v4_any_rotten_byte),
        conf_test(conf__v4_forged_contents_are_refused),
        conf_test(conf__v4_forged_intents_are_refused),
        conf_test(conf__v4_too_many_files_are_refused),
        conf_test(conf__v4_writes_no_number_that_it_would_refuse),
        conf_test(conf__v4_size_must_be_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
