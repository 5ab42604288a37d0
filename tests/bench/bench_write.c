/*
 * Durable batches, large and small, and one batch of everything; bytes that reach the device, and memory.
 * The bare program writes the same bytes, table entries and marker, with the same three syncs.
 */
#include "bench.h"

#include "conf.h"
#include "data_file.h"
#include "offset_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LARGE 100000u
#define SMALL 32u
#define BATCH 32u
#define RECORDS CASK_SLOTS_PER_FILE
#define BATCHES (RECORDS / BATCH)

/* Records with room for a header before each, one behind the other as on disk. */
#define WINDOWS 64u

typedef struct writing {
    size_t size;       /* of a value */
    size_t batch;      /* records per batch */
    uint8_t *records;  /* WINDOWS of them */
    uint8_t *tables;   /* what the bare program writes as table entries and marker */
    cask_archive *archive;
    cask_column *column;
    uint64_t slot;
    int data, table, marker; /* of the bare program */
    uint64_t data_length;
    uint64_t entry;
} writing;

static uint8_t *record_at(const writing *w, uint64_t slot)
{
    return w->records + (size_t)(slot % WINDOWS) * (CASK_RECORD_HEADER_SIZE + w->size);
}

static void open_ours(writing *w)
{
    w->archive = bench_open("ours", false);
    w->column = bench_column(w->archive, "values", NULL);
    w->slot = 0;
}

static void close_ours(writing *w)
{
    cask_column_close(w->column);
    cask_archive_close(w->archive);
}

static void open_bare(writing *w)
{
    static const uint8_t zeros[CASK_CONF_V4_SIZE];

    w->data = bench_create("bare.data");
    w->table = bench_create("bare.table");
    w->marker = bench_create("bare.marker");
    bench_write(w->marker, zeros, sizeof zeros, 0);
    if (ftruncate(w->table, CASK_TABLES_SIZE) != 0)
        abort();
    w->data_length = 0;
    w->entry = 0;
}

static void close_bare(writing *w)
{
    close(w->data);
    close(w->table);
    close(w->marker);
    bench_remove("bare.data");
    bench_remove("bare.table");
    bench_remove("bare.marker");
}

static void begin(writing *w, size_t size, size_t batch)
{
    *w = (writing){ .size = size, .batch = batch };
    w->records = bench_bytes((CASK_RECORD_HEADER_SIZE + size) * WINDOWS);
    w->tables = bench_bytes(CASK_TABLES_SIZE);
    open_ours(w);
    open_bare(w);
}

static void end(writing *w)
{
    close_ours(w);
    close_bare(w);
    bench_remove("ours");
    free(w->records);
    free(w->tables);
}

/* ---- A batch ------------------------------------------------------------------------------------------------ */

static double write_ours(void *context)
{
    writing *w = context;
    double start = bench_now_ns();
    cask_batch *batch;

    bench_must(cask_batch_begin(&batch, w->column));
    for (size_t i = 0; i < w->batch; i++, w->slot++)
        bench_must(cask_batch_put(batch, w->slot, record_at(w, w->slot) + CASK_RECORD_HEADER_SIZE, w->size));
    bench_must(cask_batch_commit(batch));
    return bench_now_ns() - start;
}

/* Of small records as many as lie together in one call. */
static void write_bare_data(writing *w)
{
    size_t record = CASK_RECORD_HEADER_SIZE + w->size;
    size_t step = w->size == SMALL ? BATCH : 1;

    for (size_t i = 0; i < w->batch; i += step) {
        bench_write(w->data, record_at(w, w->entry + i), record * step, w->data_length);
        w->data_length += record * step;
    }
}

static double write_bare(void *context)
{
    writing *w = context;
    double start = bench_now_ns();

    write_bare_data(w);
    bench_sync(w->data);
    bench_write(w->table, w->tables, 8 * w->batch, CASK_OFFSETS_SIZE + 8 * w->entry);
    bench_write(w->table, w->tables, 8 * w->batch, 8 * w->entry);
    bench_write(w->table, w->tables, CASK_TRAILER_SIZE, CASK_TABLES_SIZE);
    bench_sync(w->table);
    bench_write(w->marker, w->tables, CASK_CONF_COPY_SIZE, 0);
    bench_write(w->marker, w->tables, CASK_CONF_COPY_SIZE, CASK_CONF_COPY_SPACING);
    bench_sync(w->marker);
    w->entry += w->batch;
    return bench_now_ns() - start;
}

static void bench_batches(const char *name, size_t size, double goal)
{
    writing w;

    begin(&w, size, BATCH);
    bench_compare(name, BATCHES, 1, goal, write_ours, write_bare, &w);
    end(&w);
}

/* ---- Everything in one batch -------------------------------------------------------------------------------- */

static double whole_ours(void *context)
{
    writing *w = context;
    double elapsed;

    open_ours(w);
    elapsed = write_ours(w);
    close_ours(w);
    bench_remove("ours");
    return elapsed;
}

/* The file alone. */
static double whole_bare(void *context)
{
    writing *w = context;
    double start, elapsed;

    open_bare(w);
    start = bench_now_ns();
    write_bare_data(w);
    bench_sync(w->data);
    elapsed = bench_now_ns() - start;
    close_bare(w);
    return elapsed;
}

static void bench_whole(void)
{
    writing w = { .size = LARGE, .batch = RECORDS };

    w.records = bench_bytes((CASK_RECORD_HEADER_SIZE + LARGE) * WINDOWS);
    bench_compare("8192 x 100 KB in one batch", 3, 1, 1.1, whole_ours, whole_bare, &w);
    free(w.records);
}

/* ---- What it costs besides time: in a process of its own ------------------------------------------------------ */

static void use(size_t batch, const char *bytes_name, const char *memory_name)
{
    writing w = { .size = LARGE, .batch = batch };
    double before;

    w.records = bench_bytes((CASK_RECORD_HEADER_SIZE + LARGE) * WINDOWS);
    before = bench_device_bytes();
    open_ours(&w);
    while (w.slot < RECORDS)
        write_ours(&w);
    close_ours(&w);
    bench_print(bytes_name, "MB", (bench_device_bytes() - before) / 1e6, (double)LARGE * RECORDS / 1e6, 1.02);
    bench_print(memory_name, "MB", bench_peak_memory() / 1e6, 0, 32);
    bench_remove("ours");
}

static void use_batches(void)
{
    use(BATCH, "bytes to the device, batches of 32", "peak memory, batches of 32");
}

static void use_whole(void)
{
    use(RECORDS, "bytes to the device, one batch", "peak memory, one batch");
}

int main(void)
{
    bench_enter_folder();
    bench_print_heading("writing, durable");
    bench_batches("32 x 100 KB, one batch of 256", LARGE, 1.15);
    bench_whole();
    bench_in_child(use_batches);
    bench_in_child(use_whole);
    bench_batches("32 x 32 bytes", SMALL, 1.2);
    bench_leave_folder();
    return 0;
}
