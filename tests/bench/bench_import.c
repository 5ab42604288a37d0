/*
 * Import of era files into snappy columns without verification. The bare program copies the files and syncs the copy.
 * The eras of the mainnet preset in $SLOTCASK_VECTORS, where that is set, and one made here as large as real ones are.
 */
#include "bench.h"

#include "../archive/bytes.h"
#include "../archive/codec.h"
#include "../archive/data_file.h"
#include "beacon.h"
#include "e2store.h"
#include "slotcask/era.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_SIZE (1u << 20)
#define FILES_MAX 16

typedef struct importing {
    const cask_network *network;
    char *paths[FILES_MAX];
    size_t path_count;
    uint8_t *buffer;
} importing;

static double import_ours(void *context)
{
    const importing *im = context;
    cask_import_options options = CASK_IMPORT_OPTIONS_INIT;
    cask_import_result result;
    cask_archive *archive;
    double start = bench_now_ns(), elapsed;

    options.network = im->network;
    options.verify = CASK_VERIFY_NONE;
    archive = bench_open("ours", false);
    bench_must(cask_import(&result, archive, (const char *const *)im->paths, im->path_count, &options));
    cask_archive_close(archive);
    elapsed = bench_now_ns() - start;
    bench_remove("ours");
    return elapsed;
}

static void copy(const char *from, const char *to, uint8_t *buffer)
{
    int in = open(from, O_RDONLY | O_CLOEXEC), out = bench_create(to);
    ssize_t got;

    for (uint64_t at = 0; (got = pread(in, buffer, COPY_SIZE, (off_t)at)) > 0; at += (uint64_t)got)
        bench_write(out, buffer, (size_t)got, at);
    if (got < 0)
        abort();
    bench_sync(out);
    close(in);
    close(out);
}

static double copy_bare(void *context)
{
    const importing *im = context;
    double start = bench_now_ns(), elapsed;
    char name[32];
    int folder;

    if (mkdir("bare", 0777) != 0)
        abort();
    for (size_t i = 0; i < im->path_count; i++) {
        snprintf(name, sizeof name, "bare/%zu.era", i);
        copy(im->paths[i], name, im->buffer);
    }
    folder = open("bare", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bench_sync(folder);
    close(folder);
    elapsed = bench_now_ns() - start;
    bench_remove("bare");
    return elapsed;
}

static int add_path(const char *path, void *payload)
{
    importing *im = payload;

    if (im->path_count == FILES_MAX)
        return 1;
    im->paths[im->path_count++] = strdup(path);
    return 0;
}

/* A folder of era files, or one of them. */
static void bench_files(const char *name, const char *network_name, const char *path, size_t pairs)
{
    importing im = { .buffer = bench_bytes(COPY_SIZE) };
    cask_network *network;

    bench_must(cask_network_load(&network, network_name, NULL));
    im.network = network;
    bench_must(cask_era_files(path, NULL, add_path, &im));
    copy_bare(&im); /* so that the page cache has the files */
    bench_compare(name, pairs, 1, 1.25, import_ours, copy_bare, &im);
    for (size_t i = 0; i < im.path_count; i++)
        free(im.paths[i]);
    free(im.buffer);
    cask_network_free(network);
}

static void bench_vectors(const char *vectors)
{
    cask_path folder, config;

    bench_must(cask_path_join(&folder, vectors, "mainnet-preset"));
    bench_must(cask_path_join(&config, folder.text, "config.yaml"));
    bench_files("mainnet-preset, 3 files", config.text, folder.text, 15);
}

/* ---- An era of mainnet's shape -------------------------------------------------------------------------------- */

#define SLOTS 8192u
#define BLOCK_SIZE 50000u
#define STATE_SIZE (100u << 20)

static void put_record(e2_writer *writer, enum e2_type type, const uint8_t *value, size_t size)
{
    cask_buf stored = CASK_BUF_INIT;

    bench_must(cask_codec_encode(&stored, CASK_CODEC_SNAPPY, 0, value, size));
    bench_must(e2_write_record(writer, type, stored.data, stored.size));
    cask_buf_dispose(&stored);
}

/* Its head is what an import looks at; the rest is of no use. */
static uint8_t *make_state(void)
{
    uint8_t *state = bench_bytes(STATE_SIZE);
    cask_network *network;
    cask_fork fork;

    bench_must(cask_network_load(&network, "mainnet", NULL));
    fork = cask_network_fork(network, cask_network_fork_at(network, SLOTS));
    memcpy(state + 8, cask_network_genesis_validators_root(network), 32);
    cask_store64(state + 40, SLOTS);
    memcpy(state + 48, fork.version, 4);
    memcpy(state + 52, fork.version, 4);
    cask_store64(state + 56, fork.epoch);
    cask_network_free(network);
    return state;
}

/* Named by the root of its blocks. */
static void name_era(char name[64], const uint8_t *state)
{
    uint8_t root[32];

    bench_must(beacon_roots_root(root, state + BEACON_STATE_BLOCK_ROOTS, SLOTS));
    snprintf(name, 64, "mainnet-00001-%02x%02x%02x%02x.era", root[0], root[1], root[2], root[3]);
}

static void make_era(char name[64])
{
    static uint64_t offsets[SLOTS];
    uint8_t *block = bench_bytes(BLOCK_SIZE), *state = make_state();
    cask_handle handle;
    e2_writer writer = { &handle, name, 0 };
    uint64_t state_offset;

    name_era(name, state);
    bench_must(cask_handle_open(&handle, cask_vfs_posix(), name, CASK_OPEN_TRUNCATE));
    bench_must(e2_write_version(&writer));
    for (uint64_t slot = 0; slot < SLOTS; slot++) {
        offsets[slot] = writer.offset;
        put_record(&writer, E2_BLOCK, block, BLOCK_SIZE);
    }
    state_offset = writer.offset;
    put_record(&writer, E2_STATE, state, STATE_SIZE);
    bench_must(e2_write_index(&writer, 0, offsets, SLOTS));
    bench_must(e2_write_index(&writer, SLOTS, &state_offset, 1));
    bench_must(cask_sync(&handle, name));
    cask_handle_close(&handle);
    free(block);
    free(state);
}

int main(void)
{
    const char *vectors = getenv("SLOTCASK_VECTORS");
    char name[64];

    bench_enter_folder();
    bench_print_heading("import --verify none");
    if (vectors != NULL)
        bench_vectors(vectors);
    make_era(name);
    bench_files("a large era, 1 file", "mainnet", name, 9);
    bench_leave_folder();
    return 0;
}
