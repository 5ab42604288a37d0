/*
 * Whole chains, imported by the command in a process of its own: every slot against the manifest, and the memory that
 * the import took. The small ones are fixtures; the others are in the folder SLOTCASK_VECTORS.
 */
#define _DEFAULT_SOURCE /* wait4 */
#include "files.h"
#include "manifest.h"

#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* A sanitizer takes memory of its own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEMORY_IS_MEASURED false
#else
#define MEMORY_IS_MEASURED true
#endif

typedef struct chain {
    const char *folder;
    const char *config;  /* in it */
    const char *era;     /* in it; "": all */
    size_t network;      /* in the manifest's list, where it has one */
    uint64_t peak_bytes; /* of the import */
    char *archive;
} chain;

/* In a child of a process that is still small: what a process holds when it forks counts for the child. */
static void import(chain *c, const char *vectors)
{
    char era[1000], config[1000];
    struct rusage usage;
    int status;
    pid_t child;

    c->archive = temp_folder_new();
    snprintf(era, sizeof(era), "%s/%s/%s", vectors, c->folder, c->era);
    snprintf(config, sizeof(config), "%s/%s/%s", vectors, c->folder, c->config);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        execl(SLOTCASK, "slotcask", "import", c->archive, era, "--network", config, "--quiet", (char *)NULL);
        _exit(127);
    }
    assert_int_equal(wait4(child, &status, 0, &usage), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    c->peak_bytes = (uint64_t)usage.ru_maxrss * 1024;
}

static uint64_t largest_state(const json_t *eras)
{
    uint64_t largest = 0;

    for (size_t i = 0; i < json_array_size(eras); i++) {
        uint64_t size = number_of(json_object_get(json_array_get(eras, i), "state"), "ssz_size");

        largest = size > largest ? size : largest;
    }
    return largest;
}

static void check(const chain *c, const char *vectors)
{
    cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;
    cask_archive *archive;
    char path[1000];
    json_t *manifest, *networks, *eras;
    uint64_t limit;

    snprintf(path, sizeof(path), "%s/%s/manifest.json", vectors, c->folder);
    manifest = load_manifest(path);
    networks = json_object_get(manifest, "networks");
    eras = json_object_get(networks == NULL ? manifest : json_array_get(networks, c->network), "eras");
    options.read_only = true;
    assert_ok(cask_archive_open(&archive, c->archive, &options));
    assert_archive_has(archive, eras, 0, json_array_size(eras) - 1);
    cask_archive_close(archive);

    limit = ((uint64_t)64 << 20) + 3 * largest_state(eras);
    print_message("%s/%s: peak memory of the import %.1f MiB, limit %.1f MiB\n", c->folder, c->era,
                  (double)c->peak_bytes / (1 << 20), (double)limit / (1 << 20));
    if (MEMORY_IS_MEASURED)
        assert_in_range(c->peak_bytes, 0, limit - 1);
    json_decref(manifest);
}

static void import_and_check(chain *chains, size_t count, const char *vectors)
{
    for (size_t i = 0; i < count; i++)
        import(&chains[i], vectors);
    for (size_t i = 0; i < count; i++) {
        check(&chains[i], vectors);
        temp_folder_remove(chains[i].archive);
    }
}

static void vectors__of_fixtures_come_out_again(void **state)
{
    chain chains[] = {
        { .folder = "minimal", .config = "config.yaml", .era = "" },
        { .folder = "minimal-gloas", .config = "config.yaml", .era = "" },
        { .folder = "genesis", .config = "mainnet-config.yaml", .era = "mainnet-00000-4b363db9.era", .network = 0 },
        { .folder = "genesis", .config = "sepolia-config.yaml", .era = "sepolia-00000-d8ea171f.era", .network = 1 },
    };

    (void)state;
    import_and_check(chains, COUNT_OF(chains), FIXTURES "/eras");
}

static void vectors__of_mainnet_preset_come_out_again(void **state)
{
    chain mainnet_preset = { .folder = "mainnet-preset", .config = "config.yaml", .era = "" };
    const char *vectors = getenv("SLOTCASK_VECTORS");

    (void)state;
    if (vectors == NULL) {
        print_message("skipped: SLOTCASK_VECTORS is unset\n");
        skip();
    }
    import_and_check(&mainnet_preset, 1, vectors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* In this order: the manifest of the second is large, see import(). */
        cmocka_unit_test(vectors__of_fixtures_come_out_again),
        cmocka_unit_test(vectors__of_mainnet_preset_come_out_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
