/*
 * How SSZ types are declared: as constant tables, in the order and with the names of the specification
 * (ethereum/consensus-specs: ssz/simple-serialize.md). era/ssz_forks.h holds the tables, era/ssz.c walks them.
 */
#ifndef CASK_SSZ_SCHEMA_H
#define CASK_SSZ_SCHEMA_H

#include "ssz.h"

typedef enum ssz_kind {
    SSZ_UINT,
    SSZ_BOOLEAN,
    SSZ_BITVECTOR,
    SSZ_BITLIST, /* so far, types without parts: their bytes are the leaves */
    SSZ_VECTOR,
    SSZ_LIST,
    SSZ_CONTAINER
} ssz_kind;

typedef struct ssz_field_type {
    const char *name;
    const ssz_type *type;
} ssz_field_type;

struct ssz_type {
    ssz_kind kind;
    bool progressive;             /* a list, bitlist or container whose tree grows with it; it has no limit */
    uint64_t limit;               /* bytes of an integer; bits or elements that there are, or that there may be */
    const ssz_type *element;      /* of a vector or list */
    const ssz_field_type *fields; /* of a container; all are active in a progressive one */
    size_t field_count;
};

/* The types of one fork, and those of one preset, ending in a fork without a name. */
typedef struct ssz_fork {
    const char *name;
    const ssz_type *block; /* SignedBeaconBlock */
    const ssz_type *state; /* BeaconState */
} ssz_fork;

extern const ssz_fork ssz_forks_mainnet[], ssz_forks_minimal[], ssz_forks_gnosis[];

/* Bytes that every value has, or 0 if their number differs. Recurses on the tables only. */
size_t ssz_fixed_size(const ssz_type *type);

/* Integers and booleans: several share a chunk. */
bool ssz_is_basic(const ssz_type *type);

#define UINT(name, bytes) static const ssz_type name = { .kind = SSZ_UINT, .limit = (bytes) }
#define BITVECTOR(name, bits) static const ssz_type name = { .kind = SSZ_BITVECTOR, .limit = (bits) }
#define BITLIST(name, most) static const ssz_type name = { .kind = SSZ_BITLIST, .limit = (most) }
#define VECTOR(name, of, length)                                                                                       \
    static const ssz_type name = { .kind = SSZ_VECTOR, .limit = (length), .element = &(of) }
#define LIST(name, of, most) static const ssz_type name = { .kind = SSZ_LIST, .limit = (most), .element = &(of) }
#define PROGRESSIVE_BITLIST(name)                                                                                      \
    static const ssz_type name = { .kind = SSZ_BITLIST, .progressive = true, .limit = UINT64_MAX }
#define PROGRESSIVE_LIST(name, of)                                                                                     \
    static const ssz_type name = { .kind = SSZ_LIST, .progressive = true, .limit = UINT64_MAX, .element = &(of) }

/* clang-format off */
#define FIELD(name, type) { #name, &(type) }
/* clang-format on */
#define DECLARE_CONTAINER(name_, progressive_, ...)                                                                    \
    static const ssz_field_type name_##_fields[] = { __VA_ARGS__ };                                                    \
    static const ssz_type name_ = { .kind = SSZ_CONTAINER,                                                             \
                                    .progressive = (progressive_),                                                     \
                                    .fields = name_##_fields,                                                          \
                                    .field_count = sizeof name_##_fields / sizeof name_##_fields[0] }
#define CONTAINER(name, ...) DECLARE_CONTAINER(name, false, __VA_ARGS__)
#define PROGRESSIVE_CONTAINER(name, ...) DECLARE_CONTAINER(name, true, __VA_ARGS__)

#endif
