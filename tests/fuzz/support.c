#include "fuzz.h"

#include <stdatomic.h>
#include <stdio.h>

#if defined(__SANITIZE_ADDRESS__)
#define FUZZ_METER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FUZZ_METER 1
#endif
#endif

#ifdef FUZZ_METER
/* As in sanitizer/allocator_interface.h, which gcc does not bring along. */
int __sanitizer_install_malloc_and_free_hooks(void (*allocated)(const volatile void *memory, size_t size),
                                              void (*freed)(const volatile void *memory));
size_t __sanitizer_get_allocated_size(const volatile void *memory);
#endif

_Noreturn void fuzz_fail(const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: not so: %s\nlast error: %s (%s)\n", file, line, condition, cask_error_last()->message,
            cask_code_name(cask_error_last()->code));
    abort();
}

uint64_t fuzz_take(fuzz_input *input, size_t size)
{
    uint64_t value = 0;

    for (size_t i = 0; i < size && input->size > 0; i++) {
        value |= (uint64_t)*input->data++ << 8 * i;
        input->size--;
    }
    return value;
}

void fuzz_write(const cask_vfs *vfs, const char *path, const void *bytes, size_t size)
{
    cask_handle handle;

    FUZZ_CHECK(cask_handle_open(&handle, vfs, path, CASK_OPEN_TRUNCATE) == CASK_OK);
    FUZZ_CHECK(size == 0 || cask_write_all(&handle, path, bytes, size, 0) == CASK_OK);
    FUZZ_CHECK(cask_sync(&handle, path) == CASK_OK);
    cask_handle_close(&handle);
}

memory_disk *fuzz_disk(const char *path, const void *bytes, size_t size)
{
    memory_disk *disk = memory_disk_new();

    fuzz_write(memory_disk_vfs(disk), path, bytes, size);
    return disk;
}

/* ---- Memory ----------------------------------------------------------------------------------------------------- */

#ifdef FUZZ_METER

static atomic_bool metered;
static atomic_size_t used, peak;

static void count_malloc(const volatile void *memory, size_t size)
{
    size_t now;

    (void)memory;
    if (!atomic_load(&metered))
        return;
    now = atomic_fetch_add(&used, size) + size;
    if (now > atomic_load(&peak))
        atomic_store(&peak, now);
}

/* What was allocated before is not counted when it goes. */
static void count_free(const volatile void *memory)
{
    size_t size = memory == NULL ? 0 : __sanitizer_get_allocated_size(memory);
    size_t now = atomic_load(&used);

    if (atomic_load(&metered))
        atomic_store(&used, now > size ? now - size : 0);
}

void fuzz_memory_begin(void)
{
    static bool installed;

    if (!installed)
        installed = __sanitizer_install_malloc_and_free_hooks(count_malloc, count_free) != 0;
    atomic_store(&used, 0);
    atomic_store(&peak, 0);
    atomic_store(&metered, installed);
}

void fuzz_memory_end(size_t most)
{
    atomic_store(&metered, false);
    if (atomic_load(&peak) > most)
        fprintf(stderr, "%zu bytes were allocated, %zu are allowed\n", atomic_load(&peak), most);
    FUZZ_CHECK(atomic_load(&peak) <= most);
}

#else

void fuzz_memory_begin(void)
{
}

void fuzz_memory_end(size_t most)
{
    (void)most;
}

#endif
