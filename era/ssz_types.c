#include "ssz_schema.h"

#include <string.h>

static const ssz_fork *find_fork(const char *preset, const char *name)
{
    const struct {
        const char *name;
        const ssz_fork *forks;
    } presets[] = {
        { "mainnet", ssz_forks_mainnet },
        { "minimal", ssz_forks_minimal },
        { "gnosis", ssz_forks_gnosis },
    };

    for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++) {
        if (strcmp(presets[i].name, preset) != 0)
            continue;
        for (const ssz_fork *fork = presets[i].forks; fork->name; fork++) {
            if (strcmp(fork->name, name) == 0)
                return fork;
        }
    }
    return NULL;
}

const ssz_type *ssz_block_type(const char *preset, const char *fork)
{
    const ssz_fork *found = find_fork(preset, fork);

    return found ? found->block : NULL;
}

const ssz_type *ssz_state_type(const char *preset, const char *fork)
{
    const ssz_fork *found = find_fork(preset, fork);

    return found ? found->state : NULL;
}

bool ssz_is_basic(const ssz_type *type)
{
    return type->kind == SSZ_UINT || type->kind == SSZ_BOOLEAN;
}

static size_t fixed_size_of_fields(const ssz_type *type)
{
    size_t sum = 0;

    for (size_t i = 0; i < type->field_count; i++) {
        size_t size = ssz_fixed_size(type->fields[i].type);

        if (size == 0)
            return 0;
        sum += size;
    }
    return sum;
}

size_t ssz_fixed_size(const ssz_type *type)
{
    switch (type->kind) {
    case SSZ_UINT:
    case SSZ_BOOLEAN:
        return (size_t)type->limit;
    case SSZ_BITVECTOR:
        return (size_t)(type->limit + 7) / 8;
    case SSZ_VECTOR:
        return (size_t)type->limit * ssz_fixed_size(type->element);
    case SSZ_CONTAINER:
        return fixed_size_of_fields(type);
    default:
        return 0;
    }
}
