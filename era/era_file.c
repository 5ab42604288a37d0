#include "era_file.h"

#include "../archive/bytes.h"
#include "../archive/codec.h"
#include "../archive/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int era_report_as_error(const cask_report *report, void *payload)
{
    const cask_place place = CASK_AT_SLOT(report->file, report->offset, report->slot);

    (void)payload;
    if (report->expected != NULL && report->found != NULL)
        return cask_fail_word(CASK_E_CORRUPT, report->what, place, "%s (expected %s, found %s)", report->message,
                              report->expected, report->found);
    return cask_fail_word(CASK_E_CORRUPT, report->what, place, "%s", report->message);
}

int era_report_error(cask_report_fn report, void *payload)
{
    const cask_error error = *cask_error_last(); /* a copy: `report` may fail in something itself */
    const cask_report found = { .what = error.word, .file = error.file, .slot = error.slot, .offset = error.offset,
                                .corrupt = true, .message = error.message };

    return report(&found, payload);
}

/* Blocks, and as many records of other types, in a group. */
#define GROUP_RECORDS_MAX (2u * E2_INDEX_SLOTS_MAX)

/* ---- The structural pass ---------------------------------------------------------------------------------- */

/* What the grammar expects next (era format specification, "Structure"):
 *   group := Version | block* | state | other* | block index? | state index */
typedef enum expectation {
    EXPECT_VERSION,     /* of the next group */
    EXPECT_BLOCK,       /* or the state */
    EXPECT_INDEX,       /* or a record of another type */
    EXPECT_STATE_INDEX, /* unless the one index so far was it, as in the genesis group */
    EXPECT_NOTHING      /* the group is broken: its rest is skipped */
} expectation;

typedef struct scan {
    cask_era *era;
    cask_report_fn report;
    void *payload;
    int stop; /* what `report` returned, if it was not 0 */
    e2_reader reader;
    expectation expect;
    uint64_t records;  /* since the last group began */
    bool after_listed; /* the group before this one was listed: their eras must follow each other */
    bool listed;       /* this group was */
    /* the group being scanned */
    era_group group;
    bool era_known;
    uint64_t *blocks; /* offsets of its block records; room for E2_INDEX_SLOTS_MAX */
    size_t block_count;
    cask_era_record index; /* the first of its indices */
    uint8_t *index_payload; /* room for E2_INDEX_SIZE(E2_INDEX_SLOTS_MAX) */
} scan;

/* An error means stop: s->stop then says what to return. */
static int reported(scan *s, int result)
{
    s->group.damaged = true;
    s->stop = result;
    return result == 0 ? CASK_OK : CASK_E_CORRUPT;
}

/* Report a thing wrong. */
__attribute__((format(printf, 5, 6)))
static int flag(scan *s, const char *what, uint64_t offset, uint64_t slot, const char *format, ...)
{
    char message[256];
    const cask_report found = { .what = what, .file = s->era->path, .slot = slot, .offset = offset, .corrupt = true,
                                .message = message, .has_era = s->era_known, .era = s->group.facts.era };
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    return reported(s, s->report(&found, s->payload));
}

/* The same, giving up on the rest of the group. */
#define BREAK_GROUP(s, ...) ((s)->expect = EXPECT_NOTHING, flag((s), __VA_ARGS__))

static void begin_group(scan *s, const cask_era_record *version)
{
    s->after_listed = s->listed;
    s->listed = false;
    s->group = (era_group){ .facts.offset = version->offset };
    s->era_known = false;
    s->block_count = 0;
    s->records = 0;
    s->expect = EXPECT_BLOCK;
}

static int add_group(scan *s)
{
    cask_era *era = s->era;

    if (era->group_count == era->group_capacity) {
        size_t capacity = era->group_capacity == 0 ? 8 : era->group_capacity * 2;
        era_group *groups = realloc(era->groups, capacity * sizeof(*groups));

        if (groups == NULL)
            return cask_fail_nomem();
        era->groups = groups;
        era->group_capacity = capacity;
    }
    era->groups[era->group_count++] = s->group;
    s->listed = true;
    return CASK_OK;
}

/* A slot index as read; `payload` is that of the record. */
typedef struct slot_index {
    uint64_t offset;
    uint64_t start_slot;
    uint64_t count;
} slot_index;

/* Load an index into `payload`, which has room for one of `slots_max` slots. *good_out: it is of the right form. */
static int load_index(bool *good_out, slot_index *index_out, scan *s, const cask_era_record *record, uint8_t *payload,
                      uint64_t slots_max)
{
    uint64_t entries = (uint64_t)record->size / 8 - 2;

    *good_out = false;
    if (record->size < E2_INDEX_SIZE(1) || record->size % 8 != 0 || entries > slots_max)
        return flag(s, "index-malformed", record->offset, CASK_NO_SLOT,
                    "a slot index of %u bytes where there must be 16, and 8 for each of at most %llu slots; take the "
                    "file from a good copy", record->size, (unsigned long long)slots_max);
    CASK_TRY(cask_read_exact(&s->era->handle, s->era->path, payload, record->size, record->offset + E2_HEADER_SIZE));
    *index_out = (slot_index){ record->offset, cask_load64(payload), cask_load64(payload + E2_INDEX_ENTRY(entries)) };
    if (index_out->count != entries)
        return flag(s, "index-malformed", record->offset, CASK_NO_SLOT,
                    "a slot index that claims %llu entries has %llu; take the file from a good copy",
                    (unsigned long long)index_out->count, (unsigned long long)entries);
    if (index_out->start_slot > INT64_MAX)
        return flag(s, "index-malformed", record->offset, CASK_NO_SLOT,
                    "a slot index that starts at a negative slot; take the file from a good copy");
    *good_out = true;
    return CASK_OK;
}

static bool is_era_length(const scan *s, uint64_t slots)
{
    if (s->era->slots_per_era != 0)
        return slots == s->era->slots_per_era;
    return slots == 64 || slots == E2_INDEX_SLOTS_MAX; /* SLOTS_PER_HISTORICAL_ROOT of the presets */
}

static int compare_offsets(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

/* The offsets must name the block records of the group, each once, in the order of the file. */
static int check_block_offsets(scan *s, const slot_index *index)
{
    bool invalid = false, disorder = false;
    uint64_t unnamed = 0; /* a block record that the index leaves out */
    size_t next = 0;

    for (uint64_t i = 0; i < index->count; i++) {
        uint64_t offset = cask_load64(s->index_payload + E2_INDEX_ENTRY(i)), slot = index->start_slot + i, target;
        const uint64_t *block = NULL;

        if (offset == 0)
            continue;
        if (e2_index_target(&target, index->offset, offset))
            block = bsearch(&target, s->blocks, s->block_count, sizeof(*s->blocks), compare_offsets);
        if (block == NULL) {
            invalid = true;
            CASK_TRY(flag(s, "offset-invalid", index->offset + E2_HEADER_SIZE + E2_INDEX_ENTRY(i), slot,
                          "the index leads to no block record of its group; take the file from a good copy"));
        } else if ((size_t)(block - s->blocks) < next) {
            disorder = true;
            CASK_TRY(flag(s, "structure", target, slot,
                          "block records out of slot order, or one of them for two slots; take the file from a good "
                          "copy"));
        } else {
            if ((size_t)(block - s->blocks) > next && unnamed == 0)
                unnamed = s->blocks[next];
            next = (size_t)(block - s->blocks) + 1;
        }
    }
    if (next < s->block_count && unnamed == 0)
        unnamed = s->blocks[next];
    if (unnamed == 0 || invalid || disorder)
        return CASK_OK;
    return flag(s, "structure", unnamed, CASK_NO_SLOT,
                "a block record that the index does not name; take the file from a good copy");
}

static void set_era(scan *s, uint64_t state_slot)
{
    s->era_known = s->era->slots_per_era != 0;
    s->group.facts.era = s->era_known ? state_slot / s->era->slots_per_era : 0;
}

static int check_block_index(bool *good_out, scan *s, uint64_t state_slot)
{
    slot_index index;
    bool good;

    *good_out = false;
    CASK_TRY(load_index(&good, &index, s, &s->index, s->index_payload, E2_INDEX_SLOTS_MAX));
    if (!good)
        return CASK_OK;
    if (!is_era_length(s, index.count) || index.start_slot % index.count != 0 ||
        index.start_slot + index.count != state_slot)
        return flag(s, "index-malformed", index.offset, CASK_NO_SLOT,
                    "a block index of %llu slots from slot %llu on does not fit the state of slot %llu; check that "
                    "this is a file of the network",
                    (unsigned long long)index.count, (unsigned long long)index.start_slot,
                    (unsigned long long)state_slot);
    s->era->slots_per_era = index.count;
    s->group.index_offset = index.offset;
    set_era(s, state_slot);
    s->group.facts.start_slot = index.start_slot;
    *good_out = true;
    return check_block_offsets(s, &index);
}

static int check_follows(scan *s)
{
    const cask_era *era = s->era;
    uint64_t last;

    if (!s->after_listed)
        return CASK_OK;
    last = era->groups[era->group_count - 1].facts.era;
    if (s->group.facts.era == last + 1)
        return CASK_OK;
    return flag(s, "structure", s->group.facts.offset, CASK_NO_SLOT,
                "the group of era %llu follows that of era %llu; split the file, or take it from a good copy",
                (unsigned long long)s->group.facts.era, (unsigned long long)last);
}

/* The group ends at `end`. `state_index` is its last index; s->index the one before, if it is not the same record. */
static int end_group(scan *s, const cask_era_record *state_index)
{
    const bool alone = state_index->offset == s->index.offset;
    uint8_t payload[E2_INDEX_SIZE(1)];
    uint64_t target;
    slot_index index;
    bool good = true;

    CASK_TRY(load_index(&good, &index, s, state_index, payload, 1));
    if (!good) {
        s->expect = EXPECT_NOTHING; /* nor can its length be relied on */
        return CASK_OK;
    }
    set_era(s, index.start_slot);
    if (!e2_index_target(&target, index.offset, cask_load64(payload + E2_INDEX_ENTRY(0))) ||
        target != s->group.facts.state_offset)
        CASK_TRY(flag(s, "offset-invalid", index.offset + E2_HEADER_SIZE + E2_INDEX_ENTRY(0), index.start_slot,
                      "the state index does not lead to the state of its group; take the file from a good copy"));
    s->group.facts.state_slot = index.start_slot;
    s->group.facts.size = e2_end(state_index) - s->group.facts.offset;
    s->group.facts.blocks = s->block_count;
    if (alone && index.start_slot != 0)
        return flag(s, "structure", index.offset, CASK_NO_SLOT,
                    "the block index is missing; take the file from a good copy");
    if (alone && s->block_count > 0)
        return flag(s, "structure", s->blocks[0], CASK_NO_SLOT,
                    "a block in the genesis group, which has none; take the file from a good copy");
    if (!alone && index.start_slot == 0)
        return flag(s, "structure", s->index.offset, CASK_NO_SLOT,
                    "a block index in the genesis group, which has none; take the file from a good copy");
    if (!alone)
        CASK_TRY(check_block_index(&good, s, index.start_slot));
    if (!good)
        return CASK_OK;
    CASK_TRY(check_follows(s));
    if (s->era->group_count == ERA_GROUPS_MAX)
        return flag(s, "structure", s->group.facts.offset, CASK_NO_SLOT, "more than %u groups; split the file",
                    ERA_GROUPS_MAX);
    return add_group(s);
}

/* ---- Record by record ------------------------------------------------------------------------------------- */

static int expect_version(scan *s, const cask_era_record *record)
{
    uint16_t type = e2_type_of(record);

    if (type == E2_VERSION) {
        begin_group(s, record);
        if (record->size == 0)
            return CASK_OK;
        return flag(s, "version", record->offset, CASK_NO_SLOT,
                    "a version record of %u bytes, which must have none; take the file from a good copy", record->size);
    }
    s->listed = false; /* this may be a group that is not */
    s->era_known = false;
    if (record->offset == 0)
        return BREAK_GROUP(s, "version", record->offset, CASK_NO_SLOT,
                           "the file does not begin with a version record: it is no e2store file, or damaged");
    if (type == E2_BLOCK || type == E2_STATE)
        return BREAK_GROUP(s, "version", record->offset, CASK_NO_SLOT,
                           "a group that does not begin with a version record; take the file from a good copy");
    return BREAK_GROUP(s, "structure", record->offset, CASK_NO_SLOT,
                       "a record of type %02x%02x behind the end of a group; take the file from a good copy",
                       record->type[0], record->type[1]);
}

static int expect_block(scan *s, const cask_era_record *record)
{
    switch (e2_type_of(record)) {
    case E2_BLOCK:
        if (s->block_count == E2_INDEX_SLOTS_MAX)
            return BREAK_GROUP(s, "structure", record->offset, CASK_NO_SLOT,
                               "more blocks than an era has slots; take the file from a good copy");
        s->blocks[s->block_count++] = record->offset;
        return CASK_OK;
    case E2_STATE:
        s->group.facts.state_offset = record->offset;
        s->group.facts.state_size = record->size;
        s->expect = EXPECT_INDEX;
        return CASK_OK;
    default:
        return BREAK_GROUP(s, "structure", record->offset, CASK_NO_SLOT,
                           "a record of type %02x%02x where a block or the state must be; take the file from a good "
                           "copy", record->type[0], record->type[1]);
    }
}

static int expect_index(scan *s, const cask_era_record *record)
{
    switch (e2_type_of(record)) {
    case E2_INDEX:
        s->index = *record;
        s->expect = EXPECT_STATE_INDEX;
        return CASK_OK;
    case E2_BLOCK:
    case E2_STATE:
        return BREAK_GROUP(s, "structure", record->offset, CASK_NO_SLOT,
                           "a block or a second state behind the state of the group; take the file from a good copy");
    default:
        s->group.facts.others++;
        return CASK_OK;
    }
}

/* No second index follows the first: right if that is the state index of the genesis group. */
static int end_group_of_one_index(scan *s)
{
    uint64_t entries = (uint64_t)s->index.size / 8 - 2;

    s->expect = EXPECT_VERSION;
    if (s->index.size >= E2_INDEX_SIZE(2) && s->index.size % 8 == 0 && is_era_length(s, entries))
        return BREAK_GROUP(s, "structure", s->index.offset, CASK_NO_SLOT,
                           "the state index does not follow the block index; take the file from a good copy");
    return end_group(s, &s->index);
}

static int end_group_of_two_indices(scan *s, const cask_era_record *record)
{
    s->expect = EXPECT_VERSION;
    if (s->index.size == E2_INDEX_SIZE(1) && record->size > E2_INDEX_SIZE(1))
        return flag(s, "structure", s->index.offset, CASK_NO_SLOT,
                    "the state index comes before the block index; take the file from a good copy");
    return end_group(s, record);
}

/* What is no e2store file may be huge, and nothing but tiny records: that of a hole is one of 8 bytes. */
static int give_up(scan *s, const cask_era_record *record)
{
    bool known = s->expect == EXPECT_NOTHING;

    s->reader.offset = s->reader.size;
    s->expect = EXPECT_NOTHING;
    return known ? CASK_OK
                 : flag(s, "structure", record->offset, CASK_NO_SLOT,
                        "more records than a group can have; take the file from a good copy");
}

static int take_record(scan *s, const cask_era_record *record)
{
    const bool is_version = e2_type_of(record) == E2_VERSION;

    if (!is_version && ++s->records > GROUP_RECORDS_MAX)
        return give_up(s, record);
    if (s->expect == EXPECT_STATE_INDEX) {
        if (e2_type_of(record) == E2_INDEX)
            return end_group_of_two_indices(s, record);
        CASK_TRY(end_group_of_one_index(s));
    }
    if (is_version && (s->expect == EXPECT_BLOCK || s->expect == EXPECT_INDEX))
        CASK_TRY(flag(s, "structure", record->offset, CASK_NO_SLOT,
                      "a version record inside a group; take the file from a good copy"));
    if (is_version)
        return expect_version(s, record);
    switch (s->expect) {
    case EXPECT_VERSION: return expect_version(s, record);
    case EXPECT_BLOCK: return expect_block(s, record);
    case EXPECT_INDEX: return expect_index(s, record);
    default: return CASK_OK;
    }
}

/* Whether the file ends in a state index, whatever length that claims: then nothing was cut off. */
static int has_good_tail(bool *good_out, const scan *s)
{
    uint8_t tail[E2_HEADER_SIZE + E2_INDEX_SIZE(1)];

    *good_out = false;
    if (s->reader.size < sizeof(tail))
        return CASK_OK;
    CASK_TRY(cask_read_exact(&s->era->handle, s->era->path, tail, sizeof(tail), s->reader.size - sizeof(tail)));
    *good_out = cask_load16(tail) == E2_INDEX && cask_load64(tail + sizeof(tail) - 8) == 1;
    return CASK_OK;
}

/* The file ended where more must come. Is its end missing, or did the length of a record lead past it? Of a group that
 * is broken, only the length is worth a word. */
static int flag_end(scan *s, uint64_t offset)
{
    bool good_tail;

    CASK_TRY(has_good_tail(&good_tail, s));
    if (good_tail)
        return flag(s, "record-length", offset, CASK_NO_SLOT,
                    "the length of a record here leads past the end of its group; take the file from a good copy");
    if (s->expect == EXPECT_NOTHING)
        return CASK_OK;
    return flag(s, "truncated", s->reader.size, CASK_NO_SLOT,
                "the file ends before its last group does; take it from a good copy");
}

/* The header of a record was bad; the walk has gone on only if its length can be used. */
static int take_bad_header(scan *s, const cask_era_record *record, uint64_t offset)
{
    const char *word = cask_error_last()->word;
    const bool cut = s->reader.size - offset < E2_HEADER_SIZE;

    if (s->expect == EXPECT_VERSION && !cut && e2_type_of(record) != E2_VERSION)
        return expect_version(s, record);
    if (strcmp(word, "record-length") == 0)
        return flag_end(s, offset);
    return s->expect == EXPECT_NOTHING ? CASK_OK : reported(s, era_report_error(s->report, s->payload));
}

static int end_file(scan *s, const cask_era_record *last)
{
    if (s->reader.size == 0)
        return flag(s, "truncated", 0, CASK_NO_SLOT, "the file is empty; take it from a good copy");
    if (s->expect == EXPECT_STATE_INDEX && last->size <= E2_INDEX_SIZE(1))
        return end_group_of_one_index(s);
    if (s->expect == EXPECT_BLOCK || s->expect == EXPECT_INDEX || s->expect == EXPECT_STATE_INDEX)
        return flag_end(s, last->offset);
    return CASK_OK;
}

static int scan_records(scan *s)
{
    cask_era_record record = { 0 };
    uint64_t offset;
    int code;

    for (;;) {
        offset = s->reader.offset;
        code = e2_reader_next(&record, &s->reader);
        if (code == CASK_E_NOTFOUND)
            break;
        if (code == CASK_E_CORRUPT) {
            CASK_TRY(take_bad_header(s, &record, offset));
            if (s->reader.offset == offset)
                return CASK_OK;
        } else if (code != CASK_OK) {
            return code;
        }
        CASK_TRY(take_record(s, &record));
    }
    return end_file(s, &record);
}

/* ---- Opening ---------------------------------------------------------------------------------------------- */

static int scan_new(scan *s, cask_era *era, cask_report_fn report, void *payload)
{
    *s = (scan){ .era = era, .report = report, .payload = payload };
    s->blocks = malloc(E2_INDEX_SLOTS_MAX * sizeof(*s->blocks));
    s->index_payload = malloc(E2_INDEX_SIZE(E2_INDEX_SLOTS_MAX));
    if (s->blocks == NULL || s->index_payload == NULL)
        return cask_fail_nomem();
    CASK_TRY(e2_reader_init(&s->reader, &era->handle, era->path));
    era->size = s->reader.size;
    return CASK_OK;
}

static void scan_dispose(scan *s)
{
    free(s->blocks);
    free(s->index_payload);
}

static int era_new(cask_era **era_out, const char *path, const cask_network *network, const cask_vfs *vfs)
{
    cask_era *era = calloc(1, sizeof(*era));

    *era_out = era;
    if (era == NULL)
        return cask_fail_nomem();
    era->handle = (cask_handle)CASK_HANDLE_INIT;
    era->slots_per_era = network == NULL ? 0 : cask_network_slots_per_era(network);
    era->path = strdup(path);
    if (era->path == NULL)
        return cask_fail_nomem();
    return cask_handle_open(&era->handle, vfs == NULL ? cask_vfs_posix() : vfs, path, CASK_OPEN_READ);
}

int era_scan(cask_era **era_out, const char *path, const cask_network *network, const cask_vfs *vfs,
             cask_report_fn report, void *payload)
{
    cask_era *era;
    scan s = { 0 };
    int code = era_new(&era, path, network, vfs);

    *era_out = NULL;
    if (code != CASK_OK)
        goto out;
    code = scan_new(&s, era, report, payload);
    if (code != CASK_OK)
        goto out;
    code = scan_records(&s);
    if (code != CASK_OK)
        goto out;
    *era_out = era;
    era = NULL;
out:
    scan_dispose(&s);
    cask_era_close(era);
    return s.stop != 0 ? s.stop : code;
}

int cask_era_open(cask_era **era_out, const char *path, const cask_network *network, const cask_vfs *vfs)
{
    return era_scan(era_out, path, network, vfs, era_report_as_error, NULL);
}

void cask_era_close(cask_era *era)
{
    if (era == NULL)
        return;
    cask_handle_close(&era->handle);
    free(era->groups);
    free(era->path);
    free(era);
}

/* ---- Reading ---------------------------------------------------------------------------------------------- */

size_t cask_era_group_count(const cask_era *era)
{
    return era->group_count;
}

cask_era_group cask_era_group_at(const cask_era *era, size_t index)
{
    return era->groups[index].facts;
}

int era_read_header(cask_era_record *record, const cask_era *era, const era_group *group, uint64_t offset,
                    enum e2_type type)
{
    const uint64_t end = group->facts.offset + group->facts.size;
    uint8_t header[E2_HEADER_SIZE];

    if (offset < group->facts.offset || offset > end - E2_HEADER_SIZE)
        goto invalid;
    CASK_TRY(cask_read_exact(&era->handle, era->path, header, sizeof(header), offset));
    *record = (cask_era_record){ offset, { header[0], header[1] }, cask_load32(header + 2) };
    if (e2_type_of(record) != type || record->size > end - offset - E2_HEADER_SIZE)
        goto invalid;
    return CASK_OK;
invalid:
    return cask_fail_word(CASK_E_CORRUPT, "offset-invalid", CASK_AT(era->path, offset),
                          "the index leads to no record of the right type; take the file from a good copy");
}

static int read_payload(cask_buf *stored, const cask_era *era, const cask_era_record *record)
{
    stored->size = 0;
    CASK_TRY(cask_buf_reserve(stored, record->size));
    CASK_TRY(cask_read_exact(&era->handle, era->path, stored->data, record->size, record->offset + E2_HEADER_SIZE));
    stored->size = record->size;
    return CASK_OK;
}

static int no_such_group(const cask_era *era, size_t group)
{
    return cask_fail(CASK_E_INVALID, CASK_IN_FILE(era->path), "there is no group %zu; the file has %zu", group,
                     era->group_count);
}

int cask_era_read_block(cask_buf *stored, cask_era *era, size_t group, uint64_t slot)
{
    const era_group *g;
    cask_era_record record;
    uint8_t entry[8];
    uint64_t target;

    if (group >= era->group_count)
        return no_such_group(era, group);
    g = &era->groups[group];
    if (slot < g->facts.start_slot || slot >= g->facts.state_slot)
        return cask_fail(CASK_E_NOTFOUND, CASK_AT_SLOT(era->path, CASK_NO_OFFSET, slot),
                         "the slot is not in this group; look in that of its era");
    CASK_TRY(cask_read_exact(&era->handle, era->path, entry, sizeof(entry),
                             g->index_offset + E2_HEADER_SIZE + E2_INDEX_ENTRY(slot - g->facts.start_slot)));
    if (cask_load64(entry) == 0)
        return cask_fail(CASK_E_NOTFOUND, CASK_AT_SLOT(era->path, CASK_NO_OFFSET, slot), "the slot is empty");
    if (!e2_index_target(&target, g->index_offset, cask_load64(entry)))
        target = CASK_NO_OFFSET;
    CASK_TRY(era_read_header(&record, era, g, target, E2_BLOCK));
    if (record.size > ERA_BLOCK_MAX)
        return cask_fail_word(CASK_E_CORRUPT, "snappy", CASK_AT_SLOT(era->path, target, slot),
                              "a block record of %u bytes, more than any block has; take the file from a good copy",
                              record.size);
    return read_payload(stored, era, &record);
}

int cask_era_read_state(cask_buf *stored, cask_era *era, size_t group)
{
    cask_era_record record;

    if (group >= era->group_count)
        return no_such_group(era, group);
    CASK_TRY(era_read_header(&record, era, &era->groups[group], era->groups[group].facts.state_offset, E2_STATE));
    return read_payload(stored, era, &record);
}

/* ---- Any e2store file ------------------------------------------------------------------------------------- */

int cask_era_walk(const char *path, const cask_vfs *vfs, int (*visit)(const cask_era_record *record, void *payload),
                  void *payload)
{
    cask_handle handle = CASK_HANDLE_INIT;
    cask_era_record record;
    e2_reader reader;
    int code;

    CASK_TRY(cask_handle_open(&handle, vfs == NULL ? cask_vfs_posix() : vfs, path, CASK_OPEN_READ));
    code = e2_reader_init(&reader, &handle, path);
    while (code == CASK_OK && reader.offset < reader.size) {
        code = e2_reader_next(&record, &reader);
        if (code == CASK_OK)
            code = visit(&record, payload);
    }
    cask_handle_close(&handle);
    return code;
}
