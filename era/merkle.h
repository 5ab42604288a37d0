/*
 * Binary Merkle trees over 32-byte nodes, hashed level by level: many trees at a time, so that every level is one
 * long run for era/sha256.
 *
 * Trees stand one after another in `nodes`, each as the nodes of one level from the left; what is missing on the right
 * are subtrees of zero chunks, which are known and never hashed. Level 0 are the chunks.
 */
#ifndef CASK_MERKLE_H
#define CASK_MERKLE_H

#include <stddef.h>
#include <stdint.h>

#define MERKLE_NODE 32u
/* The highest level whose zero subtree is known; no list of the specification needs more than 40. */
#define MERKLE_LEVELS 64u

/* The root of a tree of 2^level zero chunks; those of the levels above follow. */
const uint8_t *merkle_zero(unsigned level);

/* Levels above `chunks` chunks: the smallest d with 2^d >= chunks; 0 for none. */
unsigned merkle_depth(uint64_t chunks);

/* Nodes that `nodes` must have room for before trees with `count` nodes in all are reduced. */
size_t merkle_room(size_t count, size_t trees);

/*
 * Hash `trees` trees of `each` nodes from level `from` to level `to`, in place. Afterwards each has
 * ceil(each / 2^(to - from)) nodes there.
 */
void merkle_reduce(uint8_t *nodes, size_t each, size_t trees, unsigned from, unsigned to);

/* The same where tree i has counts[i] nodes, none is allowed; counts are updated. */
void merkle_reduce_uneven(uint8_t *nodes, size_t *counts, size_t trees, unsigned from, unsigned to);

/* Hash pairs: node i and the 32 bytes at right + i * right_stride. In place; room as for one level of `count` trees. */
void merkle_mix(uint8_t *nodes, size_t count, const uint8_t *right, size_t right_stride);

#endif
