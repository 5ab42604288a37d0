/*
 * Era files verified down to their roots, and imported so. An era of mainnet's size is made here: 8192 blocks of 100 KB
 * and a state of a million validators. What an import is made of is measured alone: decoding, hashing, writing.
 * The eras of the mainnet preset in $SLOTCASK_VECTORS, where that is set: a JavaScript client needed 28 s to read and
 * validate one, of which this is to take a twentieth at most.
 *
 *     bench-verify [BLOCKS]        of the era; 8192 if not given, and for 1024 the time is an eighth
 */
#include "bench.h"
#include "mainnet.h"

#include "../archive/bytes.h"
#include "../archive/codec.h"
#include "../archive/data_file.h"
#include "beacon.h"
#include "e2store.h"
#include "slotcask/era.h"
#include "ssz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS = 8192, VALIDATORS = 1000000, TRANSACTIONS = 130, BATCH = 8, ROOT = 32 };

#define PAIRS 5

static const char config[] = "PRESET_BASE: mainnet\nCONFIG_NAME: bench\nGENESIS_FORK_VERSION: 0x00000001\n"
                             "ALTAIR_FORK_VERSION: 0x01000001\nALTAIR_FORK_EPOCH: 0\n"
                             "BELLATRIX_FORK_VERSION: 0x02000001\nBELLATRIX_FORK_EPOCH: 0\n"
                             "CAPELLA_FORK_VERSION: 0x03000001\nCAPELLA_FORK_EPOCH: 0\n"
                             "DENEB_FORK_VERSION: 0x04000001\nDENEB_FORK_EPOCH: 0\n";

typedef struct work {
    cask_network *network;
    const char *era;
    size_t blocks;
    double ssz_size; /* of all of the era */
    cask_buf block;
    cask_buf stored;
    cask_buf state;
    cask_buf state_stored;
    unsigned jobs;
    cask_verify_level level;
    double processor; /* seconds of the last import */
} work;

static double processor_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* ---- The era ------------------------------------------------------------------------------------------------ */

static void put_record(e2_writer *writer, enum e2_type type, cask_buf *stored, const cask_buf *value)
{
    stored->size = 0;
    bench_must(cask_codec_encode(stored, CASK_CODEC_SNAPPY, 0, value->data, value->size));
    bench_must(e2_write_record(writer, type, stored->data, stored->size));
}

/* One block for each slot, each the parent of the next; their roots go into the state. */
static void put_blocks(work *w, e2_writer *writer, uint64_t *offsets)
{
    const ssz_type *type = ssz_block_type("mainnet", "deneb");
    uint8_t *roots = w->state.data + BEACON_STATE_BLOCK_ROOTS;
    ssz_part message;

    for (size_t slot = 0; slot < SLOTS; slot++) {
        uint8_t *root = roots + slot * ROOT;

        if (slot >= w->blocks) {
            memcpy(root, root - ROOT, ROOT);
            continue;
        }
        cask_store64(w->block.data + 100, slot);
        if (slot > 0)
            memcpy(w->block.data + 116, root - ROOT, ROOT);
        bench_must(ssz_field(&message, type, w->block.data, w->block.size, "message"));
        bench_must(ssz_root(root, message.type, w->block.data + message.offset, message.size, 1));
        offsets[slot] = writer->offset;
        put_record(writer, E2_BLOCK, &w->stored, &w->block);
    }
}

static void root_of(uint8_t root[ROOT], const cask_buf *state, const char *field)
{
    ssz_part part;

    bench_must(ssz_field(&part, ssz_state_type("mainnet", "deneb"), state->data, state->size, field));
    bench_must(ssz_root(root, part.type, state->data + part.offset, part.size, 1));
}

/* All that an import compares. */
static void finish_state(work *w)
{
    uint8_t *state = w->state.data, *summary = state + w->state.size - 2 * (size_t)ROOT;

    cask_store64(state + 40, SLOTS);
    memcpy(state + 52, (uint8_t[]){ 4, 0, 0, 1 }, 4);
    cask_store64(state + 56, 0);
    root_of(summary, &w->state, "block_roots");
    root_of(summary + ROOT, &w->state, "state_roots");
}

static void make_era(char name[64], work *w)
{
    static uint64_t offsets[SLOTS];
    uint64_t state_offset;
    cask_handle handle;
    e2_writer writer = { &handle, "era", 0 };
    uint8_t era_root[ROOT];

    bench_must(cask_handle_open(&handle, cask_vfs_posix(), "era", CASK_OPEN_TRUNCATE));
    bench_must(e2_write_version(&writer));
    put_blocks(w, &writer, offsets);
    finish_state(w);
    state_offset = writer.offset;
    put_record(&writer, E2_STATE, &w->state_stored, &w->state);
    bench_must(e2_write_index(&writer, 0, offsets, SLOTS));
    bench_must(e2_write_index(&writer, SLOTS, &state_offset, 1));
    bench_must(cask_sync(&handle, "era"));
    cask_handle_close(&handle);
    bench_must(beacon_roots_root(era_root, w->state.data + BEACON_STATE_BLOCK_ROOTS, SLOTS));
    snprintf(name, 64, "bench-00001-%02x%02x%02x%02x.era", era_root[0], era_root[1], era_root[2], era_root[3]);
    if (rename("era", name) != 0)
        abort();
}

/* ---- An import, and its parts ------------------------------------------------------------------------------- */

static double import_era(void *context)
{
    work *w = context;
    cask_import_options options = CASK_IMPORT_OPTIONS_INIT;
    cask_import_result result;
    cask_archive *archive;
    double start = bench_now_ns(), processor = processor_seconds(), elapsed;

    options.network = w->network;
    options.verify = w->level;
    options.jobs = w->jobs;
    archive = bench_open("imported", false);
    bench_must(cask_import(&result, archive, &w->era, 1, &options));
    cask_archive_close(archive);
    elapsed = bench_now_ns() - start;
    w->processor = processor_seconds() - processor;
    bench_remove("imported");
    return elapsed;
}

static void decode(const cask_buf *stored, cask_buf *value)
{
    bench_must(cask_codec_decode(CASK_CODEC_SNAPPY, stored->data, stored->size, value->data, value->size));
}

static double decode_parts(void *context)
{
    work *w = context;
    double start = bench_now_ns();

    for (size_t i = 0; i < w->blocks; i++)
        decode(&w->stored, &w->block);
    decode(&w->state_stored, &w->state);
    return bench_now_ns() - start;
}

static double hash_parts(void *context)
{
    work *w = context;
    ssz_bytes values[BATCH];
    uint8_t roots[BATCH * ROOT];
    double start = bench_now_ns();

    for (size_t i = 0; i < BATCH; i++)
        values[i] = (ssz_bytes){ w->block.data, w->block.size };
    for (size_t i = 0; i < w->blocks; i += BATCH)
        bench_must(ssz_roots(roots, ssz_block_type("mainnet", "deneb"), values, BATCH, 1));
    bench_must(ssz_root(roots, ssz_state_type("mainnet", "deneb"), w->state.data, w->state.size, 1));
    return bench_now_ns() - start;
}

static double write_part(void *context)
{
    work *w = context;
    const cask_verify_level level = w->level;
    double elapsed;

    w->level = CASK_VERIFY_NONE;
    elapsed = import_era(w);
    w->level = level;
    return elapsed;
}

static double all_parts(void *context)
{
    double decoding = decode_parts(context), hashing = hash_parts(context);

    return decoding + hashing + write_part(context);
}

static double import_alone(void *context)
{
    work *w = context;
    double elapsed;

    w->jobs = 1;
    elapsed = import_era(w);
    w->jobs = 2;
    return elapsed;
}

/* Processor time for each GB of SSZ, with one thread: what is written is waited for without it. */
static void bench_processor(work *w)
{
    double times[PAIRS];

    for (size_t i = 0; i < PAIRS; i++) {
        import_era(w);
        times[i] = w->processor;
    }
    bench_print("processor time for a GB of SSZ", "s", bench_median(times, PAIRS) / (w->ssz_size * 1e-9), 0, 4);
}

static void bench_import(size_t blocks)
{
    work w = { .blocks = blocks, .jobs = 1, .level = CASK_VERIFY_ROOTS };
    char name[64];
    FILE *file = fopen("config.yaml", "w");

    if (file == NULL || fputs(config, file) < 0 || fclose(file) != 0)
        abort();
    bench_must(cask_network_load(&w.network, "config.yaml", NULL));
    bench_must(cask_buf_reserve(&w.block, 1 << 20));
    w.block.size = bench_make_block(w.block.data, TRANSACTIONS);
    w.state.size = w.state.capacity = bench_make_state(&w.state.data, VALIDATORS);
    make_era(name, &w);
    w.era = name;
    w.ssz_size = (double)blocks * (double)w.block.size + (double)w.state.size;
    printf("%zu blocks of %zu bytes and a state of %zu\n", blocks, w.block.size, w.state.size);
    bench_print_heading("import --verify roots");
    bench_processor(&w);
    bench_compare("decode, hash and write it, one by one", PAIRS, 1, 1 / 0.7, import_era, all_parts, &w);
    w.jobs = 2;
    bench_compare("with two threads, to one", PAIRS, 1, 1 / 1.5, import_era, import_alone, &w);
    cask_buf_dispose(&w.block);
    cask_buf_dispose(&w.stored);
    cask_buf_dispose(&w.state);
    cask_buf_dispose(&w.state_stored);
    cask_network_free(w.network);
}

/* ---- Vectors ------------------------------------------------------------------------------------------------ */

static int fail_on_report(const cask_report *found, void *payload)
{
    (void)payload;
    return found->corrupt ? CASK_E_CORRUPT : 0;
}

typedef struct verifying {
    cask_network *network;
    double worst; /* ms of the slowest era */
} verifying;

static int verify_era(const char *path, void *payload)
{
    verifying *v = payload;
    double times[PAIRS], middle;

    for (size_t i = 0; i < PAIRS; i++) {
        double start = bench_now_ns();

        bench_must(cask_era_verify(path, v->network, CASK_VERIFY_ROOTS, 1, NULL, fail_on_report, NULL, NULL));
        times[i] = (bench_now_ns() - start) * 1e-6;
    }
    middle = bench_median(times, PAIRS);
    v->worst = middle > v->worst ? middle : v->worst;
    return 0;
}

static void bench_vectors(const char *vectors)
{
    verifying v = { NULL, 0 };
    cask_path folder, path;

    bench_must(cask_path_join(&folder, vectors, "mainnet-preset"));
    bench_must(cask_path_join(&path, folder.text, "config.yaml"));
    bench_must(cask_network_load(&v.network, path.text, NULL));
    bench_must(cask_era_files(folder.text, NULL, verify_era, &v));
    bench_print_heading("verify --level roots");
    bench_print("the slowest era of mainnet-preset", "ms", v.worst, 0, 28000 / 20.0);
    cask_network_free(v.network);
}

int main(int argc, char **argv)
{
    const char *vectors = getenv("SLOTCASK_VECTORS");

    bench_enter_folder();
    if (vectors != NULL)
        bench_vectors(vectors);
    bench_import(argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : SLOTS);
    bench_leave_folder();
    return 0;
}
