/*
 * Reading what the page cache has: by chance and in sequence. The bare program knows where each record is and calls
 * pread() on the same data files.
 */
#include "bench.h"

#include "data_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define LARGE 100000u
#define LARGE_RECORDS 4096u
#define SMALL 32u
#define SMALL_FILES 8u
#define BATCH_MAX CASK_SLOTS_PER_FILE

typedef struct reading {
    size_t size;
    uint64_t records;
    size_t step; /* records read per call */
    int files[SMALL_FILES];
    cask_column *column;
    cask_iter *iter;
    uint64_t next;   /* of the bare scan */
    uint64_t *order; /* the slots of a call */
    uint8_t *buffer;
} reading;

static void fill(cask_archive *archive, const char *name, size_t size, uint64_t records)
{
    cask_column *column = bench_column(archive, name, NULL);
    uint8_t *value = bench_bytes(size);
    cask_batch *batch = NULL;

    for (uint64_t slot = 0; slot < records; slot++) {
        if (slot % BATCH_MAX == 0)
            bench_must(cask_batch_begin(&batch, column));
        bench_must(cask_batch_put(batch, slot, value, size));
        if (slot % BATCH_MAX == BATCH_MAX - 1 || slot == records - 1)
            bench_must(cask_batch_commit(batch));
    }
    free(value);
    cask_column_close(column);
}

static void begin(reading *r, cask_archive *archive, const char *name, size_t size, uint64_t records, size_t step,
                  bool check_every_read)
{
    cask_column_options options = CASK_COLUMN_OPTIONS_INIT;

    *r = (reading){ .size = size, .records = records, .step = step };
    options.check_every_read = check_every_read;
    r->column = bench_column(archive, name, &options);
    r->buffer = bench_bytes(size);
    r->order = calloc(step, sizeof *r->order);
    for (uint64_t id = 0; id < SMALL_FILES; id++) {
        cask_path folder;

        bench_must(cask_path_join(&folder, "archive", name));
        r->files[id] = open(cask_data_path(folder.text, id).text, O_RDONLY | O_CLOEXEC);
    }
}

static void end(reading *r)
{
    cask_iter_free(r->iter);
    cask_column_close(r->column);
    for (size_t id = 0; id < SMALL_FILES; id++) {
        if (r->files[id] >= 0)
            close(r->files[id]);
    }
    free(r->order);
    free(r->buffer);
}

static void read_bare(const reading *r, uint64_t slot)
{
    uint64_t index = slot % CASK_SLOTS_PER_FILE;

    bench_read(r->files[slot / CASK_SLOTS_PER_FILE], r->buffer, r->size,
               CASK_DATA_START + index * (CASK_RECORD_HEADER_SIZE + r->size) + CASK_RECORD_HEADER_SIZE);
}

static void read_ours(const reading *r, uint64_t slot)
{
    size_t size;

    bench_must(cask_column_get(r->column, slot, r->buffer, r->size, &size));
}

/* ---- By chance ---------------------------------------------------------------------------------------------- */

static double get_by(reading *r, void (*read_one)(const reading *r, uint64_t slot))
{
    double start;

    for (size_t i = 0; i < r->step; i++)
        r->order[i] = bench_below(r->records);
    start = bench_now_ns();
    for (size_t i = 0; i < r->step; i++)
        read_one(r, r->order[i]);
    return bench_now_ns() - start;
}

static double get_ours(void *context)
{
    return get_by(context, read_ours);
}

static double get_bare(void *context)
{
    return get_by(context, read_bare);
}

static void bench_gets(const char *line, cask_archive *archive, const char *name, size_t size, uint64_t records,
                       bool check_every_read, double goal)
{
    reading r;

    begin(&r, archive, name, size, records, size == SMALL ? 4096 : 64, check_every_read);
    for (uint64_t slot = 0; slot < records; slot++)
        read_ours(&r, slot);
    bench_compare(line, 501, r.step, goal, get_ours, get_bare, &r);
    end(&r);
}

/* ---- In sequence: a piece of the scan per call --------------------------------------------------------------- */

static double scan_ours(void *context)
{
    reading *r = context;
    double start = bench_now_ns();
    const void *value;
    uint64_t slot;
    size_t size;

    if (r->iter == NULL)
        bench_must(cask_iter_new(&r->iter, r->column, 0, CASK_UP));
    for (size_t i = 0; i < r->step; i++) {
        bench_must(cask_iter_next(r->iter, &slot));
        bench_must(cask_iter_value(r->iter, &value, &size));
    }
    if (slot == r->records - 1) {
        cask_iter_free(r->iter);
        r->iter = NULL;
    }
    return bench_now_ns() - start;
}

static double scan_bare(void *context)
{
    reading *r = context;
    double start = bench_now_ns();

    for (size_t i = 0; i < r->step; i++)
        read_bare(r, r->next++ % r->records);
    return bench_now_ns() - start;
}

static void bench_scans(const char *first, const char *again, cask_archive *archive, const char *name, size_t size,
                        uint64_t records, double goal)
{
    reading r;

    begin(&r, archive, name, size, records, size == SMALL ? 1024 : 64, false);
    bench_compare(first, records / r.step, r.step, 0, scan_ours, scan_bare, &r);
    bench_compare(again, 5 * records / r.step, r.step, goal, scan_ours, scan_bare, &r);
    end(&r);
}

int main(void)
{
    const uint64_t small_records = SMALL_FILES * CASK_SLOTS_PER_FILE;
    cask_archive *archive;

    bench_enter_folder();
    archive = bench_open("archive", false);
    fill(archive, "large", LARGE, LARGE_RECORDS);
    fill(archive, "small", SMALL, small_records);
    cask_archive_close(archive);
    archive = bench_open("archive", true);
    bench_print_heading("reading, warm");
    bench_gets("get 100 KB", archive, "large", LARGE, LARGE_RECORDS, false, 1.1);
    bench_gets("get 100 KB, check_every_read", archive, "large", LARGE, LARGE_RECORDS, true, 0);
    bench_gets("get 32 bytes, one file", archive, "small", SMALL, CASK_SLOTS_PER_FILE, false, 1.3);
    bench_gets("get 32 bytes, one file, check_every_read", archive, "small", SMALL, CASK_SLOTS_PER_FILE, true, 0);
    bench_gets("get 32 bytes, eight files", archive, "small", SMALL, small_records, false, 1.3);
    bench_scans("scan 100 KB, first time: with checksums", "scan 100 KB", archive, "large", LARGE, LARGE_RECORDS, 1.1);
    bench_scans("scan 32 bytes, first time: with checksums", "scan 32 bytes", archive, "small", SMALL, small_records,
                1.1);
    cask_archive_close(archive);
    bench_leave_folder();
    return 0;
}
