/* The index of roots, brought up to date by an import. */
#ifndef CASK_ROOT_INDEX_H
#define CASK_ROOT_INDEX_H

#include "root_db.h"

/* The root of a state that is known without hashing it. */
typedef struct known_root {
    uint64_t slot;
    uint8_t root[SSZ_ROOT_SIZE];
} known_root;

typedef struct known_roots {
    known_root *items;
    size_t count;
    size_t capacity;
} known_roots;

int known_roots_add(known_roots *known, uint64_t slot, const uint8_t root[SSZ_ROOT_SIZE]);

/* Index what the columns have and the index lacks. Nothing is hashed: records of which no root is known are left to
 * cask_root_index_make(). None of the columns is open. Does nothing where no index is possible. */
int root_index_update(cask_archive *archive, const known_roots *known, unsigned jobs);

#endif
