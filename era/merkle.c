#include "merkle.h"

#include "sha256.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

static pthread_once_t zeros_once = PTHREAD_ONCE_INIT;
static uint8_t zeros[MERKLE_LEVELS + 1][MERKLE_NODE];

static void make_zeros(void)
{
    uint8_t pair[2 * MERKLE_NODE];

    for (unsigned level = 0; level < MERKLE_LEVELS; level++) {
        memcpy(pair, zeros[level], MERKLE_NODE);
        memcpy(pair + MERKLE_NODE, zeros[level], MERKLE_NODE);
        cask_sha256_hash_nodes(zeros[level + 1], pair, 1);
    }
}

const uint8_t *merkle_zero(unsigned level)
{
    pthread_once(&zeros_once, make_zeros);
    return zeros[level];
}

unsigned merkle_depth(uint64_t chunks)
{
    return chunks <= 1 ? 0 : 64u - (unsigned)__builtin_clzll(chunks - 1);
}

size_t merkle_room(size_t count, size_t trees)
{
    return count + trees;
}

/* Give each tree of an odd number of nodes one more, from the last to the first: it moves to the right only. */
static void pad_even(uint8_t *nodes, size_t each, size_t trees, const uint8_t *zero)
{
    for (size_t i = trees; i-- > 0;) {
        uint8_t *to = nodes + i * (each + 1) * MERKLE_NODE;

        memmove(to, nodes + i * each * MERKLE_NODE, each * MERKLE_NODE);
        memcpy(to + each * MERKLE_NODE, zero, MERKLE_NODE);
    }
}

void merkle_reduce(uint8_t *nodes, size_t each, size_t trees, unsigned from, unsigned to)
{
    for (; from < to && each > 1; from++) {
        if (each % 2 != 0)
            pad_even(nodes, each, trees, merkle_zero(from));
        each = (each + 1) / 2;
        cask_sha256_hash_nodes(nodes, nodes, each * trees);
    }
    if (each == 1 && from < to)
        cask_sha256_hash_up(nodes, trees, merkle_zero(from), to - from);
}

/* As pad_even(); halves the counts, too. Returns the number of pairs. */
static size_t pad_uneven(uint8_t *nodes, size_t *counts, size_t trees, const uint8_t *zero)
{
    size_t source = 0, target = 0, pairs;

    for (size_t i = 0; i < trees; i++) {
        source += counts[i];
        target += counts[i] + counts[i] % 2;
    }
    pairs = target / 2;
    for (size_t i = trees; i-- > 0 && source < target;) {
        if (counts[i] % 2 != 0)
            memcpy(nodes + --target * MERKLE_NODE, zero, MERKLE_NODE);
        source -= counts[i];
        target -= counts[i];
        memmove(nodes + target * MERKLE_NODE, nodes + source * MERKLE_NODE, counts[i] * MERKLE_NODE);
    }
    for (size_t i = 0; i < trees; i++)
        counts[i] = (counts[i] + 1) / 2;
    return pairs;
}

static size_t count_trees_with_nodes(const size_t *counts, size_t trees)
{
    size_t found = 0;

    for (size_t i = 0; i < trees; i++)
        found += counts[i] > 0;
    return found;
}

void merkle_reduce_uneven(uint8_t *nodes, size_t *counts, size_t trees, unsigned from, unsigned to)
{
    size_t left = count_trees_with_nodes(counts, trees);
    unsigned level = from;
    size_t pairs = 0;

    while (level < to && pairs != left) {
        pairs = pad_uneven(nodes, counts, trees, merkle_zero(level++));
        cask_sha256_hash_nodes(nodes, nodes, pairs);
    }
    merkle_reduce(nodes, 1, left, level, to);
}

void merkle_mix(uint8_t *nodes, size_t count, const uint8_t *right, size_t right_stride)
{
    for (size_t i = count; i-- > 0;) {
        if (i > 0)
            memcpy(nodes + 2 * i * MERKLE_NODE, nodes + i * MERKLE_NODE, MERKLE_NODE);
        memcpy(nodes + (2 * i + 1) * MERKLE_NODE, right + i * right_stride, MERKLE_NODE);
    }
    cask_sha256_hash_nodes(nodes, nodes, count);
}
