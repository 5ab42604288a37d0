/* The slots of records, for rebuilding a column: blocks and states hold theirs, roots are found in the states. */
#include "beacon.h"
#include "holdings.h"

#include <stdlib.h>
#include <string.h>

/* Which slot a root is of: by root, then by slot. */
typedef struct placed_root {
    uint8_t root[SSZ_ROOT_SIZE];
    uint64_t slot;
} placed_root;

typedef struct root_places {
    cask_archive *archive;
    bool of_states;
    bool loaded;
    int code; /* of loading */
    placed_root *items;
    size_t count;
    uint64_t last_slot; /* found last: an empty slot repeats in block_roots the root before it */
} root_places;

static int slot_of_block(uint64_t *slot_out, const void *value, size_t size, void *payload)
{
    (void)payload;
    return beacon_block_slot(slot_out, value, size) ? CASK_OK : CASK_E_NOTFOUND;
}

static int slot_of_state(uint64_t *slot_out, const void *value, size_t size, void *payload)
{
    (void)payload;
    if (size < BEACON_STATE_HEAD_SIZE)
        return CASK_E_NOTFOUND;
    *slot_out = beacon_state_slot(value);
    return CASK_OK;
}

/* ---- Roots --------------------------------------------------------------------------------------------------- */

static int compare_places(const void *a, const void *b)
{
    const placed_root *left = a, *right = b;
    int order = memcmp(left->root, right->root, SSZ_ROOT_SIZE);

    return order != 0 ? order : (left->slot > right->slot) - (left->slot < right->slot);
}

static int add_roots(root_places *places, const cask_buf *state, uint64_t state_slot, size_t slots)
{
    const uint8_t *roots;
    placed_root *grown;

    if (state_slot < slots || state->size < BEACON_STATE_ROOTS_SIZE(slots))
        return CASK_OK;
    grown = realloc(places->items, (places->count + slots) * sizeof(*grown));
    if (grown == NULL)
        return cask_fail_nomem();
    places->items = grown;
    roots = state->data + (places->of_states ? BEACON_STATE_STATE_ROOTS(slots) : BEACON_STATE_BLOCK_ROOTS);
    for (size_t i = 0; i < slots; i++) {
        memcpy(grown[places->count].root, roots + i * SSZ_ROOT_SIZE, SSZ_ROOT_SIZE);
        grown[places->count++].slot = state_slot - slots + i;
    }
    return CASK_OK;
}

/* A state that cannot be read says nothing. */
static int add_states(root_places *places, cask_column *states, size_t slots)
{
    cask_buf state = CASK_BUF_INIT;
    cask_iter *iter;
    uint64_t slot;
    int code;

    CASK_TRY(cask_iter_new(&iter, states, 0, CASK_UP));
    while ((code = cask_iter_next(iter, &slot)) == CASK_OK) {
        code = cask_column_get_buf(&state, states, slot);
        if (code == CASK_OK)
            code = add_roots(places, &state, slot, slots);
        if (code != CASK_OK && code != CASK_E_CORRUPT)
            break;
    }
    cask_iter_free(iter);
    cask_buf_dispose(&state);
    return code == CASK_E_NOTFOUND ? CASK_OK : code;
}

static int load_places(root_places *places)
{
    cask_network *network = NULL;
    cask_column *states = NULL;
    int code = era_archive_network(&network, places->archive);

    if (code == CASK_OK && network != NULL)
        code = cask_column_open(&states, places->archive, era_column_names[ERA_STATES], NULL);
    if (code == CASK_OK && network != NULL)
        code = add_states(places, states, (size_t)cask_network_slots_per_era(network));
    if (code == CASK_OK && places->count > 0)
        qsort(places->items, places->count, sizeof(*places->items), compare_places);
    cask_column_close(states);
    cask_network_free(network);
    return code == CASK_E_NOTFOUND || code == CASK_E_CORRUPT ? CASK_OK : code;
}

/* The index of the first place at or behind (root, slot). */
static size_t find_place(const root_places *places, const placed_root *wanted)
{
    size_t low = 0, high = places->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare_places(&places->items[middle], wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Of the slots of a root the first one behind that of the record before: records lie in the order of slots. */
static int slot_of_root(uint64_t *slot_out, const void *value, size_t size, void *payload)
{
    root_places *places = payload;
    placed_root wanted = { .slot = places->last_slot + 1 };
    size_t at;

    if (!places->loaded)
        places->code = load_places(places);
    places->loaded = true;
    CASK_TRY(places->code);
    if (size != SSZ_ROOT_SIZE)
        return CASK_E_NOTFOUND;
    memcpy(wanted.root, value, SSZ_ROOT_SIZE);
    at = find_place(places, &wanted);
    if (at == places->count || memcmp(places->items[at].root, value, SSZ_ROOT_SIZE) != 0) {
        wanted.slot = 0;
        at = find_place(places, &wanted);
    }
    if (at == places->count || memcmp(places->items[at].root, value, SSZ_ROOT_SIZE) != 0)
        return CASK_E_NOTFOUND;
    places->last_slot = *slot_out = places->items[at].slot;
    return CASK_OK;
}

static int rebuild_roots(cask_change *change_out, cask_archive *archive, const char *name, bool of_states,
                         cask_report_fn report, void *payload)
{
    root_places places = { .archive = archive, .of_states = of_states, .last_slot = CASK_NO_SLOT };
    int code = cask_column_rebuild(change_out, archive, name, slot_of_root, &places, report, payload);

    free(places.items);
    return code;
}

int cask_rebuild(cask_change *change_out, cask_archive *archive, const char *name, cask_report_fn report,
                 void *payload)
{
    cask_slot_of_fn slot_of = NULL;

    if (strcmp(name, era_column_names[ERA_BLOCK_ROOTS]) == 0 || strcmp(name, era_column_names[ERA_STATE_ROOTS]) == 0)
        return rebuild_roots(change_out, archive, name, strcmp(name, era_column_names[ERA_STATE_ROOTS]) == 0, report,
                             payload);
    if (strcmp(name, era_column_names[ERA_BLOCKS]) == 0)
        slot_of = slot_of_block;
    else if (strcmp(name, era_column_names[ERA_STATES]) == 0)
        slot_of = slot_of_state;
    return cask_column_rebuild(change_out, archive, name, slot_of, NULL, report, payload);
}
