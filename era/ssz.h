/*
 * SSZ: one engine for the types of every fork. It checks bytes against a type, finds fields in them and computes
 * hash_tree_root, straight from the bytes: no objects are built. The types are tables: see ssz_forks.h.
 *
 * All functions are safe on hostile bytes. Errors: CASK_E_INVALID, with the field's path in the message and its offset
 * within the SSZ; CASK_E_NOMEM.
 */
#ifndef CASK_SSZ_H
#define CASK_SSZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SSZ_ROOT_SIZE 32u

typedef struct ssz_type ssz_type;

typedef struct ssz_bytes {
    const uint8_t *data;
    size_t size;
} ssz_bytes;

/* SignedBeaconBlock and BeaconState of a fork ("phase0" to "gloas") under a preset ("mainnet", "minimal", "gnosis").
 * NULL: not known. */
const ssz_type *ssz_block_type(const char *preset, const char *fork);
const ssz_type *ssz_state_type(const char *preset, const char *fork);

/* Whether the bytes are the encoding of a value: every offset, length limit, boolean and bit list. */
int ssz_check(const ssz_type *type, const void *data, size_t size);

/* hash_tree_root, after the same checks; large lists and vectors by up to `jobs` threads. Memory: below a tenth of the
 * bytes where their lists are of small elements, as in a state. */
int ssz_root(uint8_t root[SSZ_ROOT_SIZE], const ssz_type *type, const void *data, size_t size, unsigned jobs);

/* The roots, one after another, of several values of a type: faster than one by one, because trees are hashed level by
 * level over all of them. An error does not say in which one it is. */
int ssz_roots(uint8_t *roots, const ssz_type *type, const ssz_bytes *values, size_t count, unsigned jobs);

/* A part of a value, where it is, and its type, for ssz_root(). */
typedef struct ssz_part {
    const ssz_type *type;
    size_t offset;
    size_t size;
} ssz_part;

/*
 * Find a part by its path: names of fields joined by dots, elements by their index ("message.proposer_index",
 * "historical_summaries[3].block_summary_root"). Only what leads to the part is checked.
 * Errors: NOTFOUND (the type has no such field, or the list no such element), INVALID.
 */
int ssz_field(ssz_part *part_out, const ssz_type *type, const void *data, size_t size, const char *path);

/* How many elements a list or vector that was found has; 0 for other types. */
size_t ssz_length(const ssz_type *type, const void *data, size_t size);

#endif
