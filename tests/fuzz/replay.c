/* Stands in for libFuzzer: replay PATH... runs the target on each file, or on each file of a folder. */
#define _XOPEN_SOURCE 700 /* scandir */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

/* In memory of exactly its size, so that a sanitizer sees a step behind its end. */
static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat status;
    uint8_t *bytes;
    size_t size;

    if (file == NULL || stat(path, &status) != 0) {
        perror(path);
        return 1;
    }
    size = (size_t)status.st_size;
    bytes = malloc(size == 0 ? 1 : size);
    FUZZ_CHECK(bytes != NULL && fread(bytes, 1, size, file) == size);
    fclose(file);
    printf("%s\n", path);
    fflush(stdout);
    LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
    return 0;
}

static int is_input(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int replay_folder(const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, is_input, alphasort), result = count > 0 ? 0 : 1;

    if (result != 0)
        fprintf(stderr, "%s: no corpus\n", path);
    for (int i = 0; i < count; i++) {
        char whole[4096];

        snprintf(whole, sizeof(whole), "%s/%s", path, entries[i]->d_name);
        result |= replay_file(whole);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return result;
}

int main(int argc, char **argv)
{
    int result = argc < 2;

    for (int i = 1; i < argc; i++) {
        struct stat status;

        if (stat(argv[i], &status) == 0 && S_ISDIR(status.st_mode))
            result |= replay_folder(argv[i]);
        else
            result |= replay_file(argv[i]);
    }
    return result;
}
