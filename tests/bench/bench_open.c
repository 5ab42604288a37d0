/* Opening an archive of four columns: with 2,000 sealed files in each (ours) and with 10 (bare). */
#include "bench.h"

#include <stdio.h>

#define FEW 10
#define MANY 2000
#define FILES_PER_BATCH 50

static const char *const names[] = { "blocks", "states", "block_roots", "state_roots" };
#define COLUMNS (sizeof names / sizeof names[0])

/* A record in each file; the last one is not sealed. */
static void fill(const char *path, uint64_t sealed)
{
    cask_archive *archive = bench_open(path, false);
    cask_batch *batch = NULL;

    for (size_t i = 0; i < COLUMNS; i++) {
        cask_column *column = bench_column(archive, names[i], NULL);

        for (uint64_t file_id = 0; file_id <= sealed; file_id++) {
            if (file_id % FILES_PER_BATCH == 0)
                bench_must(cask_batch_begin(&batch, column));
            bench_must(cask_batch_put(batch, file_id * CASK_SLOTS_PER_FILE, &file_id, sizeof file_id));
            if (file_id % FILES_PER_BATCH == FILES_PER_BATCH - 1 || file_id == sealed)
                bench_must(cask_batch_commit(batch));
        }
        cask_column_close(column);
    }
    cask_archive_close(archive);
}

static double open_and_close(const char *path, bool read_only)
{
    double start = bench_now_ns();
    cask_archive *archive = bench_open(path, read_only);
    cask_column *columns[COLUMNS];

    for (size_t i = 0; i < COLUMNS; i++)
        columns[i] = bench_column(archive, names[i], NULL);
    for (size_t i = 0; i < COLUMNS; i++)
        cask_column_close(columns[i]);
    cask_archive_close(archive);
    return bench_now_ns() - start;
}

static double open_many(void *context)
{
    return open_and_close("many", *(const bool *)context);
}

static double open_few(void *context)
{
    return open_and_close("few", *(const bool *)context);
}

int main(void)
{
    bool read_only = true;

    bench_enter_folder();
    fill("few", FEW);
    fill("many", MANY);
    bench_print_heading("opening: 2,000 sealed files (ours), 10 (bare)");
    bench_compare("read-only", 301, 1, 1.1, open_many, open_few, &read_only);
    read_only = false;
    bench_compare("for writing", 101, 1, 1.1, open_many, open_few, &read_only);
    bench_leave_folder();
    return 0;
}
