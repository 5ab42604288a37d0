/* What a column lacks of the slots that it should have: range by range, and file by file. */
#include <stdlib.h>
#include <string.h>

#include "holdings.h"

/* What is at a slot. */
typedef enum slot_class { NOT_EXPECTED, HELD, MISSING, SKIPPED, PRUNED, CLASSES } slot_class;

/* A column, and the slots that are expected in it. */
typedef struct survey {
    era_holdings held;
    cask_column *column;
    cask_column *own;    /* the same, where it is none of those held */
    era_column_id id;    /* ERA_COLUMNS: none of an import */
    uint64_t first, last; /* first > last: no slots */
    uint64_t step;        /* between slots that are expected */
} survey;

#define SURVEY_INIT { .held = ERA_HOLDINGS_INIT, .first = 1, .step = 1 }

/* ---- The slots that are expected ---------------------------------------------------------------------------- */

/* The slots from the first to the last that has a record or had one. */
typedef struct extent {
    bool any;
    uint64_t first, last;
} extent;

/* The same, in files. */
static int widen_by_file(const cask_column_file *file, void *payload)
{
    extent *files = payload;

    if (file->records == 0 && file->pruned == 0)
        return 0;
    if (!files->any)
        files->first = file->file_id;
    files->any = true;
    files->last = file->file_id;
    return 0;
}

static int find_extent(extent *found, cask_column *column)
{
    uint8_t states[CASK_SLOTS_PER_FILE];
    extent files = { .any = false };
    uint32_t index;

    *found = (extent){ .any = false };
    if (column == NULL)
        return CASK_OK;
    CASK_TRY(cask_column_files(column, widen_by_file, &files));
    if (!files.any)
        return CASK_OK;
    CASK_TRY(cask_column_slots(states, column, files.first));
    for (index = 0; index < CASK_SLOTS_PER_FILE - 1 && states[index] == CASK_SLOT_EMPTY;)
        index++;
    found->first = files.first * CASK_SLOTS_PER_FILE + index;
    CASK_TRY(cask_column_slots(states, column, files.last));
    for (index = CASK_SLOTS_PER_FILE - 1; index > 0 && states[index] == CASK_SLOT_EMPTY;)
        index--;
    found->last = files.last * CASK_SLOTS_PER_FILE + index;
    found->any = true;
    return CASK_OK;
}

/* The eras that any column has something of. */
static int find_eras(extent *eras, const survey *s, uint64_t slots_per_era)
{
    *eras = (extent){ .any = false, .first = UINT64_MAX };
    for (size_t i = 0; i < ERA_COLUMNS; i++) {
        const uint64_t behind = i == ERA_STATES ? 0 : 1; /* a state ends its era */
        extent slots;

        CASK_TRY(find_extent(&slots, s->held.columns[i]));
        if (!slots.any)
            continue;
        eras->any = true;
        slots.first = slots.first / slots_per_era + behind;
        slots.last = slots.last / slots_per_era + behind;
        eras->first = slots.first < eras->first ? slots.first : eras->first;
        eras->last = slots.last > eras->last ? slots.last : eras->last;
    }
    return CASK_OK;
}

/* All columns of an import are expected to have the same eras. */
static int expect_eras(survey *s)
{
    const uint64_t slots = cask_network_slots_per_era(s->held.network);
    extent eras;

    CASK_TRY(find_eras(&eras, s, slots));
    if (!eras.any || (eras.last == 0 && s->id != ERA_STATES))
        return CASK_OK;
    if (eras.last > UINT64_MAX / slots)
        return cask_fail(CASK_E_INVALID, CASK_NOWHERE, "a slot is of no chain: it was put by hand");
    if (s->id == ERA_STATES) {
        s->first = eras.first * slots;
        s->last = eras.last * slots;
        s->step = slots;
    } else {
        s->first = eras.first == 0 ? 0 : (eras.first - 1) * slots;
        s->last = eras.last * slots - 1;
    }
    return CASK_OK;
}

static int expect_slots(survey *s)
{
    extent slots;

    if (s->id != ERA_COLUMNS && s->held.network != NULL)
        return expect_eras(s);
    CASK_TRY(find_extent(&slots, s->column));
    if (slots.any) {
        s->first = slots.first;
        s->last = slots.last;
    }
    return CASK_OK;
}

static int survey_begin(survey *s, cask_archive *archive, const char *column)
{
    CASK_TRY(era_holdings_open(&s->held, archive));
    for (s->id = 0; s->id < ERA_COLUMNS && strcmp(column, era_column_names[s->id]) != 0;)
        s->id++;
    if (s->id < ERA_COLUMNS)
        s->column = s->held.columns[s->id];
    if (s->column == NULL) {
        CASK_TRY(cask_column_open(&s->own, archive, column, NULL));
        s->column = s->own;
    }
    CASK_TRY(expect_slots(s));
    if (s->first <= s->last && s->last / CASK_SLOTS_PER_FILE - s->first / CASK_SLOTS_PER_FILE >= CASK_COLUMN_FILES_MAX)
        return cask_fail(CASK_E_INVALID, CASK_NOWHERE, "the columns are too far apart to be of one chain");
    return CASK_OK;
}

static void survey_end(survey *s)
{
    cask_column_close(s->own);
    era_holdings_close(&s->held);
}

/* ---- One file ---------------------------------------------------------------------------------------------- */

/* Whether the roots confirm that a slot is empty: it repeats the root of the block before it, or is that of the genesis
 * block, which is no signed block. */
static int confirm_empty(bool *empty_out, const survey *s, uint64_t slot)
{
    uint8_t root[SSZ_ROOT_SIZE], before[SSZ_ROOT_SIZE];

    CASK_TRY(era_read_root(empty_out, root, s->held.columns[ERA_BLOCK_ROOTS], slot));
    if (!*empty_out || slot == 0)
        return CASK_OK;
    CASK_TRY(era_read_root(empty_out, before, s->held.columns[ERA_BLOCK_ROOTS], slot - 1));
    *empty_out = *empty_out && memcmp(root, before, SSZ_ROOT_SIZE) == 0;
    return CASK_OK;
}

/* Empty slots without a root are not asked for one by one. */
static int confirm_all(uint8_t classes[CASK_SLOTS_PER_FILE], const survey *s, uint64_t file_id)
{
    uint8_t roots[CASK_SLOTS_PER_FILE];

    if (s->id != ERA_BLOCKS || s->held.columns[ERA_BLOCK_ROOTS] == NULL)
        return CASK_OK;
    CASK_TRY(cask_column_slots(roots, s->held.columns[ERA_BLOCK_ROOTS], file_id));
    for (uint32_t i = 0; i < CASK_SLOTS_PER_FILE; i++) {
        bool empty;

        if (classes[i] != MISSING || roots[i] != CASK_SLOT_RECORD)
            continue;
        CASK_TRY(confirm_empty(&empty, s, file_id * CASK_SLOTS_PER_FILE + i));
        if (empty)
            classes[i] = SKIPPED;
    }
    return CASK_OK;
}

static slot_class class_of(const survey *s, uint64_t slot, uint8_t state)
{
    if (slot < s->first || slot > s->last)
        return NOT_EXPECTED;
    if (state == CASK_SLOT_RECORD)
        return HELD;
    if (state == CASK_SLOT_PRUNED)
        return PRUNED;
    return slot % s->step == 0 ? MISSING : NOT_EXPECTED;
}

static int classify(uint8_t classes[CASK_SLOTS_PER_FILE], const survey *s, uint64_t file_id)
{
    CASK_TRY(cask_column_slots(classes, s->column, file_id));
    for (uint32_t i = 0; i < CASK_SLOTS_PER_FILE; i++)
        classes[i] = (uint8_t)class_of(s, file_id * CASK_SLOTS_PER_FILE + i, classes[i]);
    return confirm_all(classes, s, file_id);
}

typedef int (*classes_fn)(uint64_t file_id, const uint8_t classes[CASK_SLOTS_PER_FILE], void *payload);

/* Call `take` for each file of the column; it returns 0 to go on. */
static int survey_all(cask_archive *archive, const char *column, classes_fn take, void *payload)
{
    uint8_t classes[CASK_SLOTS_PER_FILE];
    survey s = SURVEY_INIT;
    int code = survey_begin(&s, archive, column);

    if (code == CASK_OK && s.first <= s.last) {
        for (uint64_t id = s.first / CASK_SLOTS_PER_FILE; id <= s.last / CASK_SLOTS_PER_FILE && code == CASK_OK; id++) {
            code = classify(classes, &s, id);
            if (code == CASK_OK)
                code = take(id, classes, payload);
        }
    }
    survey_end(&s);
    return code;
}

/* ---- Gaps -------------------------------------------------------------------------------------------------- */

typedef struct gap_run {
    int (*visit)(const cask_gap *gap, void *payload);
    void *payload;
    cask_gap gap; /* so far; no slots: none */
} gap_run;

static int end_gap(gap_run *run)
{
    int code = run->gap.slots == 0 ? 0 : run->visit(&run->gap, run->payload);

    run->gap.slots = 0;
    return code;
}

static int take_slot(gap_run *run, uint64_t slot, slot_class class)
{
    const cask_gap_kind kind = class == SKIPPED ? CASK_GAP_SKIPPED : class == PRUNED ? CASK_GAP_PRUNED
                                                                                     : CASK_GAP_MISSING;
    int code = 0;

    if (class == HELD || kind != run->gap.kind)
        code = end_gap(run);
    if (class == HELD || code != 0)
        return code;
    if (run->gap.slots == 0)
        run->gap = (cask_gap){ .kind = kind, .first_slot = slot };
    run->gap.last_slot = slot;
    run->gap.slots++;
    return 0;
}

static int take_gaps(uint64_t file_id, const uint8_t classes[CASK_SLOTS_PER_FILE], void *payload)
{
    int code = 0;

    for (uint32_t i = 0; i < CASK_SLOTS_PER_FILE && code == 0; i++)
        if (classes[i] != NOT_EXPECTED)
            code = take_slot(payload, file_id * CASK_SLOTS_PER_FILE + i, classes[i]);
    return code;
}

int cask_gaps(cask_archive *archive, const char *column, int (*visit)(const cask_gap *gap, void *payload),
              void *payload)
{
    gap_run run = { .visit = visit, .payload = payload };
    int code = survey_all(archive, column, take_gaps, &run);

    return code == 0 ? end_gap(&run) : code;
}

/* ---- Coverage ---------------------------------------------------------------------------------------------- */

typedef struct covering {
    int (*visit)(const cask_coverage *file, void *payload);
    void *payload;
} covering;

static int take_coverage(uint64_t file_id, const uint8_t classes[CASK_SLOTS_PER_FILE], void *payload)
{
    const covering *cover = payload;
    uint32_t counts[CLASSES] = { 0 };
    cask_coverage file;

    for (uint32_t i = 0; i < CASK_SLOTS_PER_FILE; i++)
        counts[classes[i]]++;
    file = (cask_coverage){ .file_id = file_id, .records = counts[HELD], .missing = counts[MISSING],
                            .skipped = counts[SKIPPED], .pruned = counts[PRUNED] };
    return cover->visit(&file, cover->payload);
}

int cask_coverage_of(cask_archive *archive, const char *column, int (*visit)(const cask_coverage *file, void *payload),
                     void *payload)
{
    covering cover = { visit, payload };

    return survey_all(archive, column, take_coverage, &cover);
}
