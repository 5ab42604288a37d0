/*
 * What the fuzz targets share. A target is one file, fuzz_NAME.c, with LLVMFuzzerTestOneInput(). It is built twice:
 * by clang as a fuzzer (preset fuzz, tests/fuzz/run), and in every preset with replay.c as a test that goes through
 * its corpus, tests/fuzz/corpus/NAME.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "vfs_memory.h"

#include "slotcask/archive.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A finding, unless the condition holds. */
#define FUZZ_CHECK(condition) ((condition) ? (void)0 : fuzz_fail(#condition, __FILE__, __LINE__))

_Noreturn void fuzz_fail(const char *condition, const char *file, int line);

/* An input taken apart from its beginning. Behind its end come zeros. */
typedef struct fuzz_input {
    const uint8_t *data;
    size_t size;
} fuzz_input;

uint64_t fuzz_take(fuzz_input *input, size_t size); /* a little-endian number of at most 8 bytes */

/* Make or replace a file in memory, and let it be durable. */
void fuzz_write(const cask_vfs *vfs, const char *path, const void *bytes, size_t size);
/* A disk with one file. */
memory_disk *fuzz_disk(const char *path, const void *bytes, size_t size);

/*
 * Memory: between the two calls no more than `most` bytes were allocated at any one time, by whatever library. Known
 * under AddressSanitizer, which is to say in the fuzzers and in the preset asan; elsewhere nothing is checked.
 */
void fuzz_memory_begin(void);
void fuzz_memory_end(size_t most);

#endif
