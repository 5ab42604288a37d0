/*
 * Compaction of one sealed file, into slot order and into another codec; each call takes another file of a column.
 * The bare program reads the records, decodes and encodes them, writes them to another file, syncs it, and puts it in
 * the place of the first, durably: what any program has to do that replaces a file by a transcoded copy.
 */
#include "bench.h"

#include "codec.h"
#include "data_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VALUE 20000u
#define RECORDS CASK_SLOTS_PER_FILE
#define FILES 5u
#define WRITE_SIZE (1u << 20)
/* What one run may write, and more. */
#define PAGES (2u * RECORDS * VALUE)

typedef struct compacting {
    cask_archive *archive;
    cask_column *column;
    int from, to; /* codecs */
    uint64_t next_file;
    uint32_t lengths[RECORDS]; /* of the records of the bare program, as stored */
    int in, out;
    cask_buf stored, value;
    uint8_t *buffer;
    size_t buffered;
    uint64_t written;
} compacting;

/* Half of each value is by chance, so that it compresses about as blocks do. */
static const uint8_t *value_at(uint64_t slot)
{
    static uint8_t *bytes;

    if (bytes == NULL) {
        bytes = bench_bytes(4 * VALUE);
        for (size_t i = 0; i + 64 <= 4 * VALUE; i += 64)
            memset(bytes + i, 0, 32);
    }
    return bytes + slot * 64 % (3 * VALUE);
}

/* Odd slots lie before even ones. */
static void fill_file(const compacting *c, uint64_t file_id)
{
    for (uint64_t odd = 2; odd-- > 0;) {
        cask_batch *batch;

        bench_must(cask_batch_begin(&batch, c->column));
        for (uint64_t i = odd; i < RECORDS; i += 2)
            bench_must(cask_batch_put(batch, file_id * CASK_SLOTS_PER_FILE + i, value_at(i), VALUE));
        bench_must(cask_batch_commit(batch));
    }
}

static void begin(compacting *c, int from, int to)
{
    cask_column_options options = CASK_COLUMN_OPTIONS_INIT;

    *c = (compacting){ .from = from, .to = to, .buffer = malloc(WRITE_SIZE) };
    options.codec = (uint8_t)from;
    options.allow_backfill = true;
    c->archive = bench_open("ours", false);
    c->column = bench_column(c->archive, "values", &options);
    for (uint64_t file_id = 0; file_id <= FILES; file_id++) /* the last one is the current one */
        fill_file(c, file_id);
}

static void end(compacting *c)
{
    cask_column_close(c->column);
    cask_archive_close(c->archive);
    bench_remove("ours");
    bench_remove("bare");
    cask_buf_dispose(&c->stored);
    cask_buf_dispose(&c->value);
    free(c->buffer);
}

static double compact_ours(void *context)
{
    cask_compact_options options = CASK_COMPACT_OPTIONS_INIT;
    compacting *c = context;
    cask_change change;
    double begun;

    bench_warm_page_cache(PAGES);
    begun = bench_now_ns();
    options.first_file = options.last_file = c->next_file++;
    options.codec = c->to;
    bench_must(cask_column_compact(&change, c->column, &options));
    if (change.files != 1)
        abort();
    return bench_now_ns() - begun;
}

/* ---- The bare program ---- */

static void fill_bare(compacting *c)
{
    uint64_t at = 0;

    c->in = bench_create("bare");
    for (uint64_t i = 0; i < RECORDS; i++) {
        bench_must(cask_codec_encode(&c->stored, (uint8_t)c->from, 0, value_at(i), VALUE));
        bench_write(c->in, c->stored.data, c->stored.size, at);
        c->lengths[i] = (uint32_t)c->stored.size;
        at += c->stored.size;
    }
    bench_sync(c->in);
}

static void flush_bare(compacting *c)
{
    bench_write(c->out, c->buffer, c->buffered, c->written);
    c->written += c->buffered;
    c->buffered = 0;
}

static void append_bare(compacting *c, const void *bytes, size_t size)
{
    if (c->buffered + size > WRITE_SIZE)
        flush_bare(c);
    memcpy(c->buffer + c->buffered, bytes, size);
    c->buffered += size;
}

static void copy_bare(compacting *c)
{
    uint64_t at = 0;

    for (uint64_t i = 0; i < RECORDS; i++) {
        bench_must(cask_buf_reserve(&c->stored, c->lengths[i]));
        bench_read(c->in, c->stored.data, c->lengths[i], at);
        c->stored.size = c->lengths[i];
        at += c->lengths[i];
        if (c->to != c->from) {
            bench_must(cask_codec_decode_buf(&c->value, (uint8_t)c->from, c->stored.data, c->stored.size, VALUE));
            bench_must(cask_codec_encode(&c->stored, (uint8_t)c->to, 0, c->value.data, c->value.size));
        }
        append_bare(c, c->stored.data, c->stored.size);
    }
    flush_bare(c);
}

/* The old file goes when it is closed. */
static void replace_bare(const compacting *c)
{
    int folder = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (rename("bare.new", "bare") != 0)
        abort();
    bench_sync(folder);
    close(folder);
    close(c->in);
    close(c->out);
}

static double compact_bare(void *context)
{
    compacting *c = context;
    double begun;

    fill_bare(c);
    bench_warm_page_cache(PAGES);
    begun = bench_now_ns();
    c->out = bench_create("bare.new");
    c->written = 0;
    copy_bare(c);
    bench_sync(c->out);
    replace_bare(c);
    return bench_now_ns() - begun;
}

static void bench_codecs(int from, int to)
{
    const char *of = cask_codec_name((uint8_t)from), *into = cask_codec_name((uint8_t)to);
    char name[64];
    compacting c;

    if (from == to)
        snprintf(name, sizeof name, "into slot order, %s", of);
    else
        snprintf(name, sizeof name, "%s to %s", of, into);
    begin(&c, from, to);
    bench_compare(name, FILES, 1, 1.3, compact_ours, compact_bare, &c);
    end(&c);
}

int main(void)
{
    bench_enter_folder();
    bench_print_heading("compaction of a sealed file of 164 MB");
    for (int from = CASK_CODEC_NONE; from <= CASK_CODEC_ZSTD; from++) {
        for (int to = CASK_CODEC_NONE; to <= CASK_CODEC_ZSTD; to++)
            bench_codecs(from, to);
    }
    bench_leave_folder();
    return 0;
}
