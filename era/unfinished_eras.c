/* Eras that an import has begun and not completed: they have blocks or roots, and no state. */
#include "holdings.h"

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
static int next_slot(uint64_t *slot_out, cask_column *const columns[ERA_COLUMNS], uint64_t from)
{
    *slot_out = CASK_NO_SLOT;
    for (size_t i = ERA_BLOCKS; i < ERA_STATES; i++)
        CASK_TRY(lower_to_next(slot_out, columns[i], from));
    return CASK_OK;
}

/* A state that was pruned was there. */
static int had_state(bool *had_out, cask_column *states, uint64_t slot)
{
    uint8_t state;

    CASK_TRY(era_slot_states(&state, states, slot, 1));
    *had_out = state != CASK_SLOT_EMPTY;
    return CASK_OK;
}

/* The cost is a few look-ups an era. */
static int find_eras(cask_column *const columns[ERA_COLUMNS], uint64_t slots_per_era,
                     int (*visit)(uint64_t era, void *payload), void *payload)
{
    uint64_t slot, era;
    int code = next_slot(&slot, columns, 0);

    while (code == CASK_OK && slot != CASK_NO_SLOT) {
        bool complete;

        era = slot / slots_per_era + 1;
        if (era > UINT64_MAX / slots_per_era) /* of no chain: put by hand */
            return CASK_OK;
        CASK_TRY(had_state(&complete, columns[ERA_STATES], era * slots_per_era));
        if (!complete)
            code = visit(era, payload);
        if (code == CASK_OK)
            code = next_slot(&slot, columns, era * slots_per_era);
    }
    return code;
}

int cask_unfinished_eras(cask_archive *archive, int (*visit)(uint64_t era, void *payload), void *payload)
{
    era_holdings held = ERA_HOLDINGS_INIT;
    int code = era_holdings_open(&held, archive);

    if (code == CASK_OK && held.network != NULL)
        code = find_eras(held.columns, cask_network_slots_per_era(held.network), visit, payload);
    era_holdings_close(&held);
    return code;
}
