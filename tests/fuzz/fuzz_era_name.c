/* Names of era files: what is accepted is written the same way. */
#include "era_name.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *path = calloc(size + 1, 1), formatted[ERA_NAME_SIZE];
    const char *last;
    cask_era_name name;
    int code;

    memcpy(path, data, size);
    fuzz_memory_begin();
    code = cask_era_name_parse(&name, path);
    fuzz_memory_end(0);
    FUZZ_CHECK(code == CASK_OK || code == CASK_E_INVALID);
    if (code == CASK_OK) {
        last = strrchr(path, '/');
        era_name_format(formatted, &name);
        FUZZ_CHECK(strcmp(formatted, last == NULL ? path : last + 1) == 0);
    }
    free(path);
    return 0;
}
