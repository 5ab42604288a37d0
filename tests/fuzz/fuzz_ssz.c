/* SSZ: the first byte chooses the type (preset, fork, block or state), the others are the value. */
#include "fuzz.h"
#include "network.h"
#include "ssz.h"

static const char *const presets[] = { "minimal", "mainnet", "gnosis" };

static const ssz_type *choose_type(uint8_t by)
{
    const char *preset = presets[by / (2 * ERA_FORKS_MAX) % 3], *fork = era_fork_names[by / 2 % ERA_FORKS_MAX];

    return by % 2 == 0 ? ssz_block_type(preset, fork) : ssz_state_type(preset, fork);
}

/* Parts are found inside the value, whether or not the rest of it is good. */
static void check_parts(const ssz_type *type, const uint8_t *value, size_t size)
{
    static const char *const paths[] = { "message",
                                         "message.slot",
                                         "message.body.attestations[0].aggregation_bits",
                                         "message.body.execution_payload.transactions[1]",
                                         "signature",
                                         "slot",
                                         "fork",
                                         "validators[3]",
                                         "balances[63]",
                                         "historical_summaries[0].block_summary_root",
                                         "latest_execution_payload_header",
                                         "block_roots[63]",
                                         "pending_deposits" };

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        ssz_part part;
        int code = ssz_field(&part, type, value, size, paths[i]);

        FUZZ_CHECK(code == CASK_OK || code == CASK_E_NOTFOUND || code == CASK_E_INVALID);
        if (code == CASK_OK) {
            FUZZ_CHECK(part.offset <= size && part.size <= size - part.offset);
            if (ssz_check(part.type, value + part.offset, part.size) == CASK_OK)
                ssz_length(part.type, value + part.offset, part.size);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t root[SSZ_ROOT_SIZE], both[2 * SSZ_ROOT_SIZE];
    const ssz_type *type;
    ssz_bytes values[2];
    int checked, hashed;

    if (size == 0)
        return 0;
    type = choose_type(data[0]);
    FUZZ_CHECK(type != NULL);
    data++, size--;

    fuzz_memory_begin();
    checked = ssz_check(type, data, size);
    FUZZ_CHECK(checked == CASK_OK || checked == CASK_E_INVALID);
    check_parts(type, data, size);
    hashed = ssz_root(root, type, data, size, 1);
    FUZZ_CHECK(hashed == checked);
    fuzz_memory_end(4 * size + (1u << 20));
    if (hashed == CASK_OK) {
        values[0] = values[1] = (ssz_bytes){ data, size };
        FUZZ_CHECK(ssz_roots(both, type, values, 2, 1) == CASK_OK);
        FUZZ_CHECK(memcmp(both, root, sizeof(root)) == 0 && memcmp(both + sizeof(root), root, sizeof(root)) == 0);
    }
    return 0;
}
