#include "allocations.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

allocation_faults allocations;

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
char *__wrap_strdup(const char *text);
void __wrap_free(void *block);
ZSTD_CCtx *__wrap_ZSTD_createCCtx(void);
ZSTD_DCtx *__wrap_ZSTD_createDCtx(void);
ZSTD_CCtx *__real_ZSTD_createCCtx(void);
ZSTD_DCtx *__real_ZSTD_createDCtx(void);

static bool refused(void)
{
    bool fails;

    allocations.seen++;
    fails = allocations.fail_at != 0 && (allocations.seen == allocations.fail_at ||
                                         (allocations.seen > allocations.fail_at && allocations.for_good));
    allocations.failed += fails;
    return fails;
}

static void *counted(void *block)
{
    allocations.live += block != NULL;
    return block;
}

void *__wrap_malloc(size_t size)
{
    return refused() ? NULL : counted(malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return refused() ? NULL : counted(calloc(count, size));
}

void *__wrap_realloc(void *block, size_t size)
{
    bool is_new = block == NULL;
    void *moved;

    if (refused())
        return NULL;
    moved = realloc(block, size);
    return is_new ? counted(moved) : moved;
}

char *__wrap_strdup(const char *text)
{
    return refused() ? NULL : counted(strdup(text));
}

void __wrap_free(void *block)
{
    allocations.live -= block != NULL;
    free(block);
}

ZSTD_CCtx *__wrap_ZSTD_createCCtx(void)
{
    return refused() ? NULL : __real_ZSTD_createCCtx();
}

ZSTD_DCtx *__wrap_ZSTD_createDCtx(void)
{
    return refused() ? NULL : __real_ZSTD_createDCtx();
}
