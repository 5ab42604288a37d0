/*
 * An archive whose values are hostile: verified down to the roots, half of them from a trusted root. The
 * input are values: u8 column | u16 slot | u24 size | bytes; the last one for a slot counts, and what is cut is shorter.
 */
#include "fuzz.h"
#include "fuzz_network.h"

#include "import_group.h"

enum { SLOTS_MAX = 193, COLUMNS = 4 };

typedef struct value {
    const uint8_t *bytes; /* NULL: none */
    size_t size;
} value;

static value values[COLUMNS][SLOTS_MAX];

static void take_values(fuzz_input input)
{
    memset(values, 0, sizeof(values));
    while (input.size > 0) {
        size_t column = fuzz_take(&input, 1) % COLUMNS, slot = fuzz_take(&input, 2) % SLOTS_MAX;
        size_t size = (size_t)fuzz_take(&input, 3);

        size = size < input.size ? size : input.size;
        values[column][slot] = (value){ input.data, size };
        input.data += size;
        input.size -= size;
    }
}

static void fill_column(cask_column *column, const value *of)
{
    cask_batch *batch;

    FUZZ_CHECK(cask_batch_begin(&batch, column) == CASK_OK);
    for (uint64_t slot = 0; slot < SLOTS_MAX; slot++) {
        int code = of[slot].bytes == NULL ? CASK_OK : cask_batch_put(batch, slot, of[slot].bytes, of[slot].size);

        FUZZ_CHECK(code == CASK_OK || code == CASK_E_INVALID); /* no root is longer than 32 bytes */
    }
    FUZZ_CHECK(cask_batch_commit(batch) == CASK_OK);
}

static cask_archive *make_archive(const cask_vfs *vfs)
{
    cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;
    cask_import_options shape = CASK_IMPORT_OPTIONS_INIT;
    import_columns columns = IMPORT_COLUMNS_INIT;
    cask_buf identity = CASK_BUF_INIT;
    cask_archive *archive;

    options.vfs = vfs;
    options.create = true;
    shape.codec = CASK_CODEC_NONE;
    FUZZ_CHECK(cask_archive_open(&archive, "/archive", &options) == CASK_OK);
    FUZZ_CHECK(cask_network_format(&identity, fuzz_network()) == CASK_OK);
    FUZZ_CHECK(cask_archive_set_identity(archive, (const char *)identity.data, identity.size) == CASK_OK);
    FUZZ_CHECK(import_columns_open(&columns, archive, &shape) == CASK_OK);
    fill_column(columns.blocks, values[0]);
    fill_column(columns.block_roots, values[1]);
    fill_column(columns.state_roots, values[2]);
    fill_column(columns.states, values[3]);
    import_columns_close(&columns);
    cask_buf_dispose(&identity);
    return archive;
}

/* The newest state, if it is one: then its root can be trusted. */
static bool find_trusted(uint8_t root[SSZ_ROOT_SIZE], uint64_t *slot_out)
{
    for (uint64_t slot = SLOTS_MAX; slot-- > 0;) {
        const value *state = &values[3][slot];

        *slot_out = slot;
        if (state->bytes != NULL)
            return ssz_root(root, ssz_state_type("minimal", slot < 128 ? "phase0" : "altair"), state->bytes,
                            state->size, 1) == CASK_OK;
    }
    return false;
}

static int count_damage(const cask_report *report, void *payload)
{
    uint64_t *found = payload;

    FUZZ_CHECK(report->what[0] != '\0' && report->message[0] != '\0');
    *found += report->corrupt;
    return 0;
}

static void verify(cask_archive *archive, const uint8_t *trusted_root, uint64_t slot)
{
    cask_verify_options options = CASK_VERIFY_OPTIONS_INIT;
    cask_verify_result result;
    uint64_t found = 0;
    int code;

    options.level = CASK_VERIFY_ROOTS;
    options.trusted_root = trusted_root;
    options.trusted_slot = slot;
    code = cask_verify_archive(&result, archive, "/archive", &options, count_damage, &found);
    FUZZ_CHECK(code == CASK_OK || (code == CASK_E_INVALID && trusted_root != NULL));
    FUZZ_CHECK(code != CASK_OK || result.findings == found);
    FUZZ_CHECK(trusted_root != NULL || result.proven_from == CASK_NO_SLOT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    memory_disk *disk = memory_disk_new();
    uint8_t root[SSZ_ROOT_SIZE];
    cask_archive *archive;
    bool trusted;
    uint64_t slot;

    take_values((fuzz_input){ data, size });
    archive = make_archive(memory_disk_vfs(disk));
    fuzz_memory_begin();
    trusted = size % 2 == 0 && find_trusted(root, &slot);
    verify(archive, trusted ? root : NULL, trusted ? slot : CASK_NO_SLOT);
    fuzz_memory_end(64 * size + (20u << 20));
    cask_archive_close(archive);
    memory_disk_free(disk);
    return 0;
}
