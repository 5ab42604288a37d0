/* The manifests beside era files, and what an archive must hold by them. */
#ifndef TEST_MANIFEST_H
#define TEST_MANIFEST_H

#include "check.h"

#include <jansson.h>

/* Free with json_decref(). */
json_t *load_manifest(const char *path);

/* Borrowed; the test fails where there is no such text. */
const char *text_of(const json_t *object, const char *key);
/* 0 where there is no such number. */
uint64_t number_of(const json_t *object, const char *key);
/* `expected` with or without 0x; at most 32 bytes. */
void assert_hex(const uint8_t *bytes, size_t size, const char *expected);

typedef struct four_columns {
    cask_column *blocks, *block_roots, *state_roots, *states;
} four_columns;

void open_four(four_columns *columns, cask_archive *archive);
void close_four(four_columns *columns);

/* The archive holds the eras `first` to `last` of the manifest's list: the states, and for every slot the block, or
 * none, and both roots. */
void assert_archive_has(cask_archive *archive, const json_t *eras, size_t first, size_t last);

#endif
