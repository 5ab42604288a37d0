/* Eras that an import has begun and not completed: they have blocks or roots, and no state. */
#include "../archive/error.h"
#include "slotcask/era.h"

enum { BLOCKS, BLOCK_ROOTS, STATE_ROOTS, STATES, COLUMNS };

static const char *const names[COLUMNS] = { "blocks", "block_roots", "state_roots", "states" };

/* A column that is not there is left NULL. */
static int open_columns(cask_column *columns[COLUMNS], cask_archive *archive)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        int code = cask_column_open(&columns[i], archive, names[i], NULL);

        if (code < 0)
            columns[i] = NULL;
        if (code < 0 && code != CASK_E_NOTFOUND)
            return code;
    }
    return CASK_OK;
}

static void close_columns(cask_column *columns[COLUMNS])
{
    for (size_t i = 0; i < COLUMNS; i++)
        cask_column_close(columns[i]);
}

/* Lower *slot to the first one from `from` on that the column has a record of. */
static int lower_to_next(uint64_t *slot, cask_column *column, uint64_t from)
{
    cask_iter *iter;
    uint64_t next;
    int code;

    if (column == NULL)
        return CASK_OK;
    CASK_TRY(cask_iter_new(&iter, column, from, CASK_UP));
    code = cask_iter_next(iter, &next);
    if (code == CASK_OK && next < *slot)
        *slot = next;
    cask_iter_free(iter);
    return code == CASK_E_NOTFOUND ? CASK_OK : code;
}

/* The first slot from `from` on with a block or a root; CASK_NO_SLOT: there is none. */
static int next_slot(uint64_t *slot_out, cask_column *const columns[COLUMNS], uint64_t from)
{
    *slot_out = CASK_NO_SLOT;
    for (size_t i = BLOCKS; i < STATES; i++)
        CASK_TRY(lower_to_next(slot_out, columns[i], from));
    return CASK_OK;
}

static int has_state(bool *present_out, cask_column *states, uint64_t slot)
{
    *present_out = false;
    return states == NULL ? CASK_OK : cask_column_contains(present_out, states, slot);
}

/* The cost is a few look-ups an era. */
static int find_eras(cask_column *const columns[COLUMNS], uint64_t slots_per_era,
                     int (*visit)(uint64_t era, void *payload), void *payload)
{
    uint64_t slot, era;
    int code = next_slot(&slot, columns, 0);

    while (code == CASK_OK && slot != CASK_NO_SLOT) {
        bool complete;

        era = slot / slots_per_era + 1;
        if (era > UINT64_MAX / slots_per_era) /* of no chain: put by hand */
            return CASK_OK;
        CASK_TRY(has_state(&complete, columns[STATES], era * slots_per_era));
        if (!complete)
            code = visit(era, payload);
        if (code == CASK_OK)
            code = next_slot(&slot, columns, era * slots_per_era);
    }
    return code;
}

/* 0: the archive was not made by an import. */
static int load_slots_per_era(uint64_t *slots_out, const cask_archive *archive)
{
    cask_network *network;
    const char *text;
    size_t size;
    int code = cask_archive_identity(&text, &size, archive);

    *slots_out = 0;
    if (code == CASK_E_NOTFOUND)
        return CASK_OK;
    CASK_TRY(code);
    CASK_TRY(cask_network_parse(&network, text, size));
    *slots_out = cask_network_slots_per_era(network);
    cask_network_free(network);
    return CASK_OK;
}

int cask_unfinished_eras(cask_archive *archive, int (*visit)(uint64_t era, void *payload), void *payload)
{
    cask_column *columns[COLUMNS] = { NULL };
    uint64_t slots_per_era;
    int code;

    CASK_TRY(load_slots_per_era(&slots_per_era, archive));
    if (slots_per_era == 0)
        return CASK_OK;
    code = open_columns(columns, archive);
    if (code == CASK_OK)
        code = find_eras(columns, slots_per_era, visit, payload);
    close_columns(columns);
    return code;
}
