#include "state.h"

#include <inttypes.h>
#include <stdio.h>

/* Both ends of a file, neighbours, both sides of a page and of a word of a bitmap. */
static const uint32_t indices[FILE_PLACES] = { 0,   1,   2,    3,    62,   63,   64,   65,
                                               511, 512, 1023, 1024, 4095, 4096, 8190, 8191 };

uint64_t place_slot(const state *s, size_t place)
{
    return (s->first_file + place / FILE_PLACES) * CASK_SLOTS_PER_FILE + indices[place % FILE_PLACES];
}

size_t places_below(const state *s, uint64_t slot)
{
    size_t count = 0;

    while (count < PLACES && place_slot(s, count) < slot)
        count++;
    return count;
}

bool state_is_empty(const state *s)
{
    return s->highest == CASK_NO_SLOT;
}

uint64_t state_current(const state *s)
{
    return s->highest / CASK_SLOTS_PER_FILE;
}

/* ---- Values ----------------------------------------------------------------------------------------------------- */

enum { LARGEST = 70000 };

static uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static size_t some_size(uint64_t hash)
{
    switch (hash % 64) {
    case 0: return LARGEST - VALUES;
    case 1:
    case 2:
    case 3:
    case 4: return 4090 + hash / 64 % 5000;
    case 5:
    case 6:
    case 7:
    case 8: return 0;
    default: return hash / 64 % 300;
    }
}

static uint64_t value_hash(const state *s, size_t place, uint8_t what)
{
    return mix(s->seed + place * 0x9e3779b97f4a7c15u + what);
}

/* Each value of a place has another size. */
static size_t value_size(const state *s, size_t place, uint8_t what)
{
    size_t size = some_size(value_hash(s, place, what));

    return size - size % VALUES + what - FIRST_VALUE;
}

const uint8_t *place_value(const state *s, size_t place, uint8_t what, size_t *size_out)
{
    static uint8_t value[LARGEST + sizeof(uint64_t)];
    uint64_t hash = value_hash(s, place, what);
    bool zeros = hash >> 61 == 0;

    *size_out = value_size(s, place, what);
    for (size_t i = 0; i < *size_out; i += sizeof hash) {
        hash = zeros ? 0 : hash * 6364136223846793005u + 1442695040888963407u;
        memcpy(value + i, &hash, sizeof hash);
    }
    return value;
}

size_t place_of_value(const state *s, const void *value, size_t size)
{
    size_t found = PLACES;

    for (size_t place = 0; place < PLACES; place++) {
        uint8_t what = s->at[place];
        size_t same_size;

        if (what < FIRST_VALUE || value_size(s, place, what) != size ||
            (size > 0 && memcmp(place_value(s, place, what, &same_size), value, size) != 0))
            continue;
        if (found != PLACES)
            return PLACES;
        found = place;
    }
    return found;
}

bool place_is_unique(const state *s, size_t place)
{
    static uint8_t copy[LARGEST];
    size_t size;
    const uint8_t *value = place_value(s, place, s->at[place], &size);

    memcpy(copy, value, size);
    return place_of_value(s, copy, size) == place;
}

/* ---- Comparing -------------------------------------------------------------------------------------------------- */

__attribute__((format(printf, 1, 2))) static const char *difference(const char *format, ...)
{
    static char text[1000];
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    snprintf(text + size, sizeof text - (size_t)size, " (last error: %s: %s)", cask_error_last()->file,
             cask_error_last()->message);
    return text;
}

static bool same_value(const state *s, size_t place, const void *got, size_t got_size)
{
    size_t size;
    const uint8_t *value = place_value(s, place, s->at[place], &size);

    return got_size == size && (size == 0 || memcmp(got, value, size) == 0);
}

const char *place_differs(cask_column *column, const state *s, size_t place)
{
    static uint8_t buffer[LARGEST];
    uint64_t slot = place_slot(s, place);
    int expected = s->at[place] >= FIRST_VALUE ? CASK_OK : s->at[place] == PRUNED ? CASK_E_PRUNED : CASK_E_NOTFOUND;
    bool present = false;
    size_t size = 0;
    int code = cask_column_get(column, slot, buffer, sizeof buffer, &size);

    if (code != expected)
        return difference("slot %" PRIu64 ": get says %s, not %s", slot, cask_code_name(code),
                          cask_code_name(expected));
    if (code == CASK_OK && !same_value(s, place, buffer, size))
        return difference("slot %" PRIu64 ": a wrong value, of %zu bytes", slot, size);
    code = cask_column_contains(&present, column, slot);
    if (code < 0 || present != (expected == CASK_OK))
        return difference("slot %" PRIu64 ": contains says %d, %s", slot, present, cask_code_name(code));
    return NULL;
}

const char *places_differ(cask_column *column, const state *s)
{
    const char *differs = NULL;

    for (size_t place = 0; place < PLACES && differs == NULL; place++)
        differs = place_differs(column, s, place);
    return differs;
}

/* The next place from `place` on that has a value; PLACES or more: none. */
static size_t next_value(const state *s, size_t place, bool down)
{
    while (place < PLACES && s->at[place] < FIRST_VALUE)
        place = down ? place - 1 : place + 1;
    return place;
}

static const char *iteration_differs(cask_column *column, const state *s, bool down)
{
    size_t place = next_value(s, down ? PLACES - 1 : 0, down), size;
    const char *differs = NULL;
    const void *value;
    cask_iter *iter;
    uint64_t slot;

    if (cask_iter_new(&iter, column, down ? CASK_NO_SLOT - 1 : 0, down ? CASK_DOWN : CASK_UP) < 0)
        return difference("no iterator");
    for (; place < PLACES && differs == NULL; place = next_value(s, down ? place - 1 : place + 1, down)) {
        if (cask_iter_next(iter, &slot) < 0 || slot != place_slot(s, place))
            differs = difference("iteration does not come to slot %" PRIu64, place_slot(s, place));
        else if (cask_iter_value(iter, &value, &size) < 0 || !same_value(s, place, value, size))
            differs = difference("slot %" PRIu64 ": iteration has another value", slot);
    }
    if (differs == NULL && cask_iter_next(iter, &slot) != CASK_E_NOTFOUND)
        differs = difference("iteration comes to slot %" PRIu64, slot);
    cask_iter_free(iter);
    return differs;
}

static const char *statistics_differ(cask_column *column, const state *s)
{
    uint64_t records = 0, pruned = 0, value_bytes = 0, lowest = CASK_NO_SLOT, highest = CASK_NO_SLOT;
    cask_column_info info;

    for (size_t place = PLACES; place-- > 0;) {
        pruned += s->at[place] == PRUNED;
        if (s->at[place] < FIRST_VALUE)
            continue;
        value_bytes += value_size(s, place, s->at[place]);
        lowest = place_slot(s, place);
        records++;
    }
    if (cask_column_stat(&info, column) < 0)
        return difference("no statistics");
    if (info.format_version != s->version || info.records != records || info.pruned != pruned ||
        info.lowest_slot != lowest || info.highest_slot != s->highest)
        return difference("statistics: format %u, %" PRIu64 " records, %" PRIu64 " pruned, from %" PRIu64 " to %" PRIu64
                          ", not %u, %" PRIu64 ", %" PRIu64 ", %" PRIu64 ", %" PRIu64,
                          info.format_version, info.records, info.pruned, info.lowest_slot, info.highest_slot,
                          s->version, records, pruned, lowest, s->highest);
    if (info.value_bytes != value_bytes && info.value_bytes != UINT64_MAX)
        return difference("statistics: %" PRIu64 " bytes of values, not %" PRIu64, info.value_bytes, value_bytes);
    if (info.open_files > 8)
        return difference("statistics: %" PRIu64 " open files", info.open_files);
    if (!state_is_empty(s) &&
        (cask_column_highest(&highest, column) < 0 || highest != s->highest))
        return difference("the highest slot is %" PRIu64 ", not %" PRIu64, highest, s->highest);
    return NULL;
}

static const char *file_differs(cask_column *column, const state *s, uint64_t file_id)
{
    uint8_t got[CASK_SLOTS_PER_FILE], expected[CASK_SLOTS_PER_FILE] = { 0 };
    size_t first = (size_t)(file_id - s->first_file) * FILE_PLACES;

    for (size_t i = 0; i < FILE_PLACES; i++) {
        uint8_t what = s->at[first + i];

        expected[indices[i]] = what == ABSENT   ? CASK_SLOT_EMPTY
                               : what == PRUNED ? CASK_SLOT_PRUNED
                                                : CASK_SLOT_RECORD;
    }
    if (cask_column_slots(got, column, file_id) < 0 || memcmp(got, expected, sizeof got) != 0)
        return difference("coverage of file %" PRIu64 " is another one", file_id);
    return NULL;
}

/* A crash may leave files of no commit that are so far away that healing does not look for them: see DESIGN.md. */
static int print_finding(const cask_report *report, void *payload)
{
    size_t *count = payload;

    if (!report->corrupt && strcmp(report->what, "stray-file") == 0)
        return 0;
    fprintf(stderr, "found %s in %s, slot %" PRId64 ": %s\n", report->what, report->file, (int64_t)report->slot,
            report->message);
    ++*count;
    return 0;
}

const char *column_differs(cask_column *column, const state *s)
{
    const char *differs = places_differ(column, s);
    size_t findings = 0;

    for (int down = 0; down <= 1 && differs == NULL; down++)
        differs = iteration_differs(column, s, down);
    if (differs == NULL)
        differs = statistics_differ(column, s);
    for (uint64_t id = 0; id < MODEL_FILES && differs == NULL; id++)
        differs = file_differs(column, s, s->first_file + id);
    if (differs == NULL && (cask_column_verify(column, 1, print_finding, &findings, NULL) < 0 || findings > 0))
        differs = difference("verification has %zu findings", findings);
    return differs;
}
