#include "holdings.h"

#include <string.h>

const char *const era_column_names[ERA_COLUMNS] = { "blocks", "block_roots", "state_roots", "states" };

/* ---- Opening ----------------------------------------------------------------------------------------------- */

int era_archive_network(cask_network **network_out, const cask_archive *archive)
{
    const char *text;
    size_t size;
    int code = cask_archive_identity(&text, &size, archive);

    *network_out = NULL;
    if (code == CASK_E_NOTFOUND)
        return CASK_OK;
    CASK_TRY(code);
    return cask_network_parse(network_out, text, size);
}

int era_holdings_open(era_holdings *held, cask_archive *archive)
{
    CASK_TRY(era_archive_network(&held->network, archive));
    for (size_t i = 0; i < ERA_COLUMNS; i++) {
        int code = cask_column_open(&held->columns[i], archive, era_column_names[i], NULL);

        if (code < 0)
            held->columns[i] = NULL;
        if (code < 0 && code != CASK_E_NOTFOUND)
            return code;
    }
    return CASK_OK;
}

void era_holdings_close(era_holdings *held)
{
    for (size_t i = 0; i < ERA_COLUMNS; i++)
        cask_column_close(held->columns[i]);
    cask_network_free(held->network);
    *held = (era_holdings)ERA_HOLDINGS_INIT;
}

/* ---- Slots ------------------------------------------------------------------------------------------------- */

int era_slot_states(uint8_t *states, cask_column *column, uint64_t first, size_t count)
{
    uint8_t of_file[CASK_SLOTS_PER_FILE];
    size_t done = 0;

    memset(states, CASK_SLOT_EMPTY, count);
    while (column != NULL && done < count) {
        const size_t at = (size_t)((first + done) % CASK_SLOTS_PER_FILE);
        const size_t left = count - done;
        const size_t part = left < CASK_SLOTS_PER_FILE - at ? left : CASK_SLOTS_PER_FILE - at;

        CASK_TRY(cask_column_slots(of_file, column, (first + done) / CASK_SLOTS_PER_FILE));
        memcpy(states + done, of_file + at, part);
        done += part;
    }
    return CASK_OK;
}

/* ---- Roots ------------------------------------------------------------------------------------------------- */

int era_read_root(bool *known_out, uint8_t root[SSZ_ROOT_SIZE], cask_column *column, uint64_t slot)
{
    size_t size;
    int code = column == NULL ? CASK_E_NOTFOUND : cask_column_get(column, slot, root, SSZ_ROOT_SIZE, &size);

    *known_out = code == CASK_OK && size == SSZ_ROOT_SIZE;
    return code == CASK_E_NOTFOUND || code == CASK_E_PRUNED || code == CASK_E_TOO_SMALL ? CASK_OK : code;
}

static int fail_unknown(era_column_id id, uint64_t slot)
{
    return cask_fail(CASK_E_NOTFOUND, CASK_AT_SLOT(NULL, CASK_NO_OFFSET, slot), "the archive has no root of %s here",
                     era_column_names[id]);
}

/* hash_tree_root of a state, or of the message in a block. */
static int hash_value(uint8_t root[SSZ_ROOT_SIZE], const cask_network *network, era_column_id id, uint64_t slot,
                      const cask_buf *value)
{
    const char *fork = cask_network_fork(network, cask_network_fork_at(network, slot)).name;
    const char *preset = cask_network_preset(network);
    ssz_part part = { ssz_state_type(preset, fork), 0, value->size };

    if (id == ERA_BLOCKS)
        CASK_TRY(ssz_field(&part, ssz_block_type(preset, fork), value->data, value->size, "message"));
    return ssz_root(root, part.type, value->data + part.offset, part.size, 1);
}

static int hash_record(uint8_t root[SSZ_ROOT_SIZE], const era_holdings *held, era_column_id id, uint64_t slot)
{
    cask_buf value = CASK_BUF_INIT;
    int code;

    if (held->columns[id] == NULL)
        return fail_unknown(id, slot);
    code = cask_column_get_buf(&value, held->columns[id], slot);
    if (code == CASK_E_PRUNED)
        code = fail_unknown(id, slot);
    else if (code == CASK_OK && held->network == NULL)
        code = cask_fail(CASK_E_INVALID, CASK_AT_SLOT(NULL, CASK_NO_OFFSET, slot),
                         "the archive knows no network to hash its %s by; import an era into it", era_column_names[id]);
    else if (code == CASK_OK)
        code = hash_value(root, held->network, id, slot, &value);
    if (code == CASK_E_INVALID && held->network != NULL)
        code = cask_fail_word(CASK_E_CORRUPT, "ssz-malformed", CASK_AT_SLOT(NULL, CASK_NO_OFFSET, slot),
                              "the record of column %s cannot be hashed; 'slotcask verify' says more",
                              era_column_names[id]);
    cask_buf_dispose(&value);
    return code;
}

/* What the columns of roots do not know. */
static int hash_unknown(uint8_t root[SSZ_ROOT_SIZE], bool *hashed, const era_holdings *held, era_column_id id,
                        uint64_t slot)
{
    if (hashed == NULL)
        return fail_unknown(id, slot);
    CASK_TRY(hash_record(root, held, id, slot));
    *hashed = true;
    return CASK_OK;
}

/* Whether there is or was a record: also where it was pruned. */
static int had_record(bool *had_out, cask_column *column, uint64_t slot)
{
    cask_buf stored = CASK_BUF_INIT;
    int code = column == NULL ? CASK_E_NOTFOUND : cask_column_get_stored(&stored, column, slot);

    cask_buf_dispose(&stored);
    *had_out = code == CASK_OK || code == CASK_E_PRUNED;
    return *had_out || code == CASK_E_NOTFOUND ? CASK_OK : code;
}

/* Whether the slot, of which block_roots has `root`, is one that begins it: no empty one behind its block. */
static int begins_root(bool *begins_out, const era_holdings *held, uint64_t slot, const uint8_t root[SSZ_ROOT_SIZE])
{
    uint8_t before[SSZ_ROOT_SIZE];
    bool known;

    *begins_out = true;
    if (slot == 0)
        return CASK_OK;
    CASK_TRY(era_read_root(&known, before, held->columns[ERA_BLOCK_ROOTS], slot - 1));
    if (!known)
        return had_record(begins_out, held->columns[ERA_BLOCKS], slot);
    *begins_out = memcmp(before, root, SSZ_ROOT_SIZE) != 0;
    return CASK_OK;
}

int era_block_root(uint8_t root[SSZ_ROOT_SIZE], bool *hashed, const era_holdings *held, uint64_t slot)
{
    bool known, begins;

    CASK_TRY(era_read_root(&known, root, held->columns[ERA_BLOCK_ROOTS], slot));
    if (!known)
        return hash_unknown(root, hashed, held, ERA_BLOCKS, slot);
    CASK_TRY(begins_root(&begins, held, slot, root));
    return begins ? CASK_OK
                  : cask_fail(CASK_E_NOTFOUND, CASK_AT_SLOT(NULL, CASK_NO_OFFSET, slot), "the slot is empty");
}

int era_state_root(uint8_t root[SSZ_ROOT_SIZE], bool *hashed, const era_holdings *held, uint64_t slot)
{
    bool known;

    CASK_TRY(era_read_root(&known, root, held->columns[ERA_STATE_ROOTS], slot));
    return known ? CASK_OK : hash_unknown(root, hashed, held, ERA_STATES, slot);
}
