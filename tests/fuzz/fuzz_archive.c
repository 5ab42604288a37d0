/*
 * A whole archive of one column: a good one in memory, damaged as the input says, then read, healed and written to.
 *
 * The input: which archive u8 (below), what to set right afterwards u8 (REPAIR_...), then edits, each of a kind u8
 * and what apply_edit() takes for it. Damage that is not set right again must never show as other bytes, or as none,
 * in format 4.
 */
#include "archive_internal.h"
#include "codec.h"
#include "fuzz.h"

#include <stdio.h>

#define FOLDER "/archive/blocks/"

enum { REPAIR_CONF = 1, REPAIR_TABLES = 2, REPAIR_RECORDS = 4, REPAIR_MASK = 7 };
enum { EDITS_MAX = 32, FINDINGS_MAX = 500, STEPS_MAX = 200, EDIT_BYTES_MAX = 96, VALUE_SIZE_MAX = 512 };
enum { CONF_CRC_AT = 508, TRAILER_TABLES_CRC_AT = 48, TRAILER_CRC_AT = 60 };

static const struct {
    uint32_t version;
    uint8_t codec;
} shapes[] = { { 4, CASK_CODEC_SNAPPY },
               { 3, CASK_CODEC_SNAPPY },
               { 4, CASK_CODEC_NONE },
               { 4, CASK_CODEC_ZSTD },
               { 3, CASK_CODEC_NONE } };

enum { SHAPES = sizeof(shapes) / sizeof(shapes[0]) };

static const char *const files[] = { FOLDER "column.conf",    FOLDER "data_00000",     FOLDER "data_00000.off",
                                     FOLDER "data_00001",     FOLDER "data_00001.off", FOLDER "data_00002",
                                     FOLDER "data_00002.off", FOLDER "data_00003",     FOLDER "data_00003.off",
                                     FOLDER "column.conf.tmp" };

enum { FILES = sizeof(files) / sizeof(files[0]), CONF = 0 };

static const uint64_t there[] = { 1, 5, 7, 8191, 8195, 16384, 16390 };
static const uint64_t not_there[] = { 0, 2, 8192, 16391, 24576, (uint64_t)1 << 40, UINT64_MAX - 1 };

enum { THERE = sizeof(there) / sizeof(there[0]), NOT_THERE = sizeof(not_there) / sizeof(not_there[0]) };

typedef struct fuzz_case {
    memory_disk *disk;
    const cask_vfs *vfs;
    uint32_t version;
    unsigned repair;
    bool conf_edited;
    bool has_folder; /* in place of a file: nothing that a crash leaves, and healing does not remove it */
} fuzz_case;

/* ---- The good archive ------------------------------------------------------------------------------------------- */

static size_t value_of(uint64_t slot, uint8_t value[VALUE_SIZE_MAX])
{
    size_t size = 20 + (size_t)(slot % 300);

    for (size_t i = 0; i < size; i++)
        value[i] = (uint8_t)(slot + i / 8);
    return size;
}

static int put(cask_column *column, const uint64_t *slots, size_t count)
{
    uint8_t value[VALUE_SIZE_MAX];
    cask_batch *batch;
    int code = cask_batch_begin(&batch, column);

    for (size_t i = 0; i < count && code == CASK_OK; i++) {
        code = cask_batch_put(batch, slots[i], value, value_of(slots[i], value));
        if (code != CASK_OK)
            cask_batch_abort(batch);
    }
    return code == CASK_OK ? cask_batch_commit(batch) : code;
}

static int open_column(cask_archive **archive, cask_column **column, const cask_vfs *vfs, bool read_only,
                       const cask_column_options *shape)
{
    cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;
    int code;

    options.read_only = read_only;
    options.create = shape != NULL;
    options.vfs = vfs;
    code = cask_archive_open(archive, "/archive", &options);
    if (code != CASK_OK)
        return code;
    code = cask_column_open(column, *archive, "blocks", shape);
    if (code != CASK_OK)
        cask_archive_close(*archive);
    return code;
}

static void close_column(cask_archive *archive, cask_column *column)
{
    cask_column_close(column);
    cask_archive_close(archive);
}

/* Three files; in format 4 the second is sealed and the first, since it was backfilled, is not. */
static memory_disk *make_archive(size_t shape)
{
    static const uint64_t first[] = { 1, 5, 8191, 8195, 16384 }, second[] = { 16390 }, backfilled[] = { 7 };
    memory_disk *disk = memory_disk_new();
    cask_column_options options = CASK_COLUMN_OPTIONS_INIT;
    cask_archive *archive;
    cask_column *column;

    options.create = true;
    options.allow_backfill = true;
    options.format_version = shapes[shape].version;
    options.codec = shapes[shape].codec;
    FUZZ_CHECK(open_column(&archive, &column, memory_disk_vfs(disk), false, &options) == CASK_OK);
    FUZZ_CHECK(put(column, first, 5) == CASK_OK && put(column, second, 1) == CASK_OK);
    FUZZ_CHECK(put(column, backfilled, 1) == CASK_OK);
    close_column(archive, column);
    return disk;
}

static memory_disk *copy_archive(size_t shape)
{
    static memory_disk *made[SHAPES];

    if (made[shape] == NULL)
        made[shape] = make_archive(shape);
    return memory_disk_after_crash(made[shape], LOSS_NOTHING, 0);
}

/* ---- Edits ------------------------------------------------------------------------------------------------------ */

/* A file that is there, and is one. */
static bool look(const fuzz_case *c, const char *path, uint64_t *size_out)
{
    cask_file_info info;

    if (c->vfs->stat(c->vfs->context, path, &info) < 0 || info.is_folder)
        return false;
    *size_out = info.size;
    return true;
}

static void patch(const fuzz_case *c, const char *path, uint64_t offset, const void *bytes, size_t size)
{
    cask_handle handle;

    FUZZ_CHECK(cask_handle_open(&handle, c->vfs, path, CASK_OPEN_WRITE) == CASK_OK);
    FUZZ_CHECK(cask_write_all(&handle, path, bytes, size, offset) == CASK_OK);
    cask_handle_close(&handle);
}

static void cut(const fuzz_case *c, const char *path, uint64_t size)
{
    cask_handle handle;

    FUZZ_CHECK(cask_handle_open(&handle, c->vfs, path, CASK_OPEN_WRITE) == CASK_OK);
    FUZZ_CHECK(cask_truncate(&handle, path, size) == CASK_OK);
    cask_handle_close(&handle);
}

static size_t take_bytes(fuzz_input *input, uint8_t bytes[EDIT_BYTES_MAX])
{
    size_t count = (size_t)fuzz_take(input, 1) % (EDIT_BYTES_MAX + 1);

    for (size_t i = 0; i < count; i++)
        bytes[i] = (uint8_t)fuzz_take(input, 1);
    return count;
}

static void copy_file(const fuzz_case *c, const char *from, const char *to)
{
    cask_file_info info;
    uint8_t *bytes;
    size_t size;

    if (c->vfs->stat(c->vfs->context, to, &info) == 0 && info.is_folder)
        return;
    FUZZ_CHECK(cask_read_file(&bytes, &size, c->vfs, from, (size_t)1 << 24) == CASK_OK);
    fuzz_write(c->vfs, to, bytes, size);
    free(bytes);
}

/* An entry of an offset table. */
static void edit_entry(const fuzz_case *c, fuzz_input *input, const char *path)
{
    uint8_t offset[8], mark[8];
    uint64_t index = fuzz_take(input, 2) % CASK_SLOTS_PER_FILE;

    cask_store64(offset, fuzz_take(input, 8));
    cask_store64(mark, fuzz_take(input, 8));
    patch(c, path, index * 8, offset, sizeof(offset));
    if (c->version >= 4)
        patch(c, path, CASK_OFFSETS_SIZE + index * 8, mark, sizeof(mark));
}

/* The same place in each copy of a conf. */
static void edit_conf(const fuzz_case *c, fuzz_input *input, uint64_t size)
{
    uint8_t bytes[EDIT_BYTES_MAX];
    uint64_t at = fuzz_take(input, 2) % CASK_CONF_COPY_SIZE;
    size_t count = take_bytes(input, bytes);

    for (uint64_t copy = 0; copy < CASK_CONF_COPIES; copy++)
        if (copy * CASK_CONF_COPY_SPACING + at + count <= size)
            patch(c, files[CONF], copy * CASK_CONF_COPY_SPACING + at, bytes, count);
}

static void apply_edit(fuzz_case *c, fuzz_input *input)
{
    uint64_t kind = fuzz_take(input, 1) % 8, file = fuzz_take(input, 1) % FILES, size;
    const char *path = files[file];
    uint8_t bytes[EDIT_BYTES_MAX];
    size_t count;

    if (!look(c, path, &size))
        return;
    c->conf_edited |= file == CONF;
    switch (kind) {
    case 0: /* overwrite, or append */
        size = fuzz_take(input, 4) % (size + 64);
        count = take_bytes(input, bytes);
        patch(c, path, size, bytes, count);
        break;
    case 1:
        cut(c, path, fuzz_take(input, 4) % (size + 1));
        break;
    case 2:
        c->vfs->unlink(c->vfs->context, path);
        break;
    case 3:
        file = fuzz_take(input, 1) % FILES;
        c->conf_edited |= file == CONF;
        copy_file(c, path, files[file]);
        break;
    case 4:
        if (file % 2 == 0 && file != CONF)
            edit_entry(c, input, path);
        break;
    case 5:
        if (file == CONF)
            edit_conf(c, input, size);
        break;
    case 6:
        cut(c, path, size + fuzz_take(input, 2));
        break;
    default:
        c->vfs->unlink(c->vfs->context, path);
        c->vfs->make_folder(c->vfs->context, path);
        c->has_folder = true;
        break;
    }
}

/* ---- Setting checksums right ------------------------------------------------------------------------------------ */

static void repair_conf(const fuzz_case *c)
{
    uint8_t copy[CASK_CONF_COPY_SIZE];
    cask_handle handle;

    FUZZ_CHECK(cask_handle_open(&handle, c->vfs, files[CONF], CASK_OPEN_WRITE) == CASK_OK);
    for (uint64_t at = 0; at < CASK_CONF_V4_SIZE; at += CASK_CONF_COPY_SPACING) {
        if (cask_read_exact(&handle, files[CONF], copy, sizeof(copy), at) != CASK_OK)
            break;
        cask_store32(copy + CONF_CRC_AT, cask_crc32c(0, copy, CONF_CRC_AT));
        FUZZ_CHECK(cask_write_all(&handle, files[CONF], copy, sizeof(copy), at) == CASK_OK);
    }
    cask_handle_close(&handle);
}

/* The checksum of each record that the table of a file leads to. */
static void repair_records(const cask_conf *conf, uint64_t file_id, cask_offset_table *table, const uint8_t *data,
                           size_t size)
{
    for (uint32_t i = 0; i < CASK_SLOTS_PER_FILE; i++) {
        uint64_t offset = cask_table_offset(table, i), length = cask_table_length(table, i);

        if (!cask_table_has(table, 4, i) || offset > size || size - offset < CASK_RECORD_HEADER_SIZE + length)
            continue;
        cask_table_set(table, i, offset, (uint32_t)length,
                       cask_record_crc(file_id * CASK_SLOTS_PER_FILE + i, conf->record_type, (uint32_t)length,
                                       data + offset + CASK_RECORD_HEADER_SIZE));
    }
}

/* A table with its trailer, and where it is listed its entry in the conf. */
static void repair_table(const fuzz_case *c, cask_conf *conf, uint64_t file_id, uint8_t *table, size_t data_size,
                         const uint8_t *data)
{
    cask_offset_table *entries = (cask_offset_table *)table;
    uint8_t *trailer = table + CASK_TABLES_SIZE;
    cask_trailer seal;

    if ((c->repair & REPAIR_RECORDS) != 0)
        repair_records(conf, file_id, entries, data, data_size);
    cask_store32(trailer + TRAILER_TABLES_CRC_AT, cask_tables_crc(entries));
    cask_store32(trailer + TRAILER_CRC_AT, cask_crc32c(0, trailer, TRAILER_CRC_AT));
    for (uint32_t i = 0; i < conf->open_count; i++) {
        uint32_t last = i == 0 ? (uint32_t)(conf->highest_slot % CASK_SLOTS_PER_FILE) : CASK_SLOTS_PER_FILE - 1;
        cask_offset_table masked = *entries;

        if (conf->open[i].file_id != file_id)
            continue;
        cask_table_mask(&masked, conf->open[i].data_length, last);
        conf->open[i].tables_crc = cask_tables_crc(&masked);
        return;
    }
    if (cask_trailer_decode(&seal, trailer))
        conf->seals_digest ^= cask_trailer_hash(&seal);
}

static void repair_tables(const fuzz_case *c)
{
    uint8_t copies[CASK_CONF_COPY_SIZE];
    cask_conf conf;

    if (cask_conf_load(&conf, NULL, c->vfs, files[CONF]) != CASK_OK || conf.version < 4)
        return;
    conf.seals_digest = 0;
    for (uint64_t id = 0; id < 4; id++) {
        const char *data_path = files[1 + 2 * id], *table_path = files[2 + 2 * id];
        uint8_t *data, *table;
        size_t data_size, table_size;
        uint64_t ignored;

        if (!look(c, data_path, &ignored) || !look(c, table_path, &ignored))
            continue;
        FUZZ_CHECK(cask_read_file(&data, &data_size, c->vfs, data_path, (size_t)1 << 24) == CASK_OK);
        FUZZ_CHECK(cask_read_file(&table, &table_size, c->vfs, table_path, (size_t)1 << 24) == CASK_OK);
        if (table_size >= CASK_TABLES_SIZE + CASK_TRAILER_SIZE) {
            repair_table(c, &conf, id, table, data_size, data);
            fuzz_write(c->vfs, table_path, table, table_size);
        }
        free(data);
        free(table);
    }
    cask_conf_encode_v4(copies, &conf);
    for (uint64_t copy = 0; copy < 2; copy++)
        patch(c, files[CONF], ((conf.sequence & 1) * 2 + copy) * CASK_CONF_COPY_SPACING, copies, sizeof(copies));
}

static void repair(const fuzz_case *c)
{
    uint64_t size;

    if (c->version < 4 || !look(c, files[CONF], &size))
        return;
    if ((c->repair & REPAIR_CONF) != 0)
        repair_conf(c);
    if ((c->repair & REPAIR_TABLES) != 0)
        repair_tables(c);
}

/* ---- What it must stand ----------------------------------------------------------------------------------------- */

static int count_finding(const cask_report *report, void *payload)
{
    size_t *found = payload;

    FUZZ_CHECK(report->what[0] != '\0' && report->message[0] != '\0');
    return ++*found >= FINDINGS_MAX ? 1 : 0;
}

static int count_damage(const cask_report *report, void *payload)
{
    return report->corrupt ? count_finding(report, payload) : 0;
}

static void check_code(int code)
{
    FUZZ_CHECK(code <= 0 && code != CASK_E_NOMEM && code != CASK_E_POISONED && code != CASK_E_BUSY);
}

/* The slot had a record: what is read is that, or an error. */
static void check_there(const fuzz_case *c, cask_column *column, uint64_t slot, int code, const cask_buf *value)
{
    uint8_t expected[VALUE_SIZE_MAX];
    bool present;

    if (c->version < 4 || c->repair != 0)
        return;
    if (code == CASK_OK)
        FUZZ_CHECK(value->size == value_of(slot, expected) && memcmp(value->data, expected, value->size) == 0);
    if (c->conf_edited)
        return;
    FUZZ_CHECK(code != CASK_E_NOTFOUND && code != CASK_E_PRUNED);
    FUZZ_CHECK(cask_column_contains(&present, column, slot) != CASK_OK || present);
}

static void read_slot(const fuzz_case *c, cask_column *column, uint64_t slot, bool had_one)
{
    cask_buf value = CASK_BUF_INIT, stored = CASK_BUF_INIT;
    uint8_t small[16];
    size_t size;
    bool present;
    int code = cask_column_get_buf(&value, column, slot), again = cask_column_get_stored(&stored, column, slot);

    check_code(code);
    check_code(again);
    FUZZ_CHECK(code != CASK_OK || again == CASK_OK);
    if (cask_column_contains(&present, column, slot) == CASK_OK)
        FUZZ_CHECK(present || code == CASK_E_NOTFOUND || code == CASK_E_PRUNED);
    again = cask_column_get(column, slot, small, sizeof(small), &size);
    FUZZ_CHECK(code != CASK_OK || again == (value.size <= sizeof(small) ? CASK_OK : CASK_E_TOO_SMALL));
    FUZZ_CHECK(code != CASK_OK || size == value.size);
    if (had_one)
        check_there(c, column, slot, code, &value);
    else if (c->version >= 4 && c->repair == 0 && !c->conf_edited)
        FUZZ_CHECK(code != CASK_OK && code != CASK_E_PRUNED);
    cask_buf_dispose(&value);
    cask_buf_dispose(&stored);
}

static void read_slots(const fuzz_case *c, cask_column *column)
{
    for (size_t i = 0; i < THERE; i++)
        read_slot(c, column, there[i], true);
    for (size_t i = 0; i < NOT_THERE; i++)
        read_slot(c, column, not_there[i], false);
}

static void iterate(const fuzz_case *c, cask_column *column, uint64_t from, cask_direction direction)
{
    uint64_t slot, before = 0;
    cask_iter *iter;
    bool moved = false;
    int code = cask_iter_new(&iter, column, from, direction);

    check_code(code);
    if (code != CASK_OK)
        return;
    for (int i = 0; i < STEPS_MAX && (code = cask_iter_next(iter, &slot)) != CASK_E_NOTFOUND; i++) {
        uint8_t expected[VALUE_SIZE_MAX];
        const void *value, *stored;
        size_t size, stored_size;

        check_code(code);
        if (code != CASK_OK)
            continue;
        FUZZ_CHECK(!moved || (direction == CASK_UP ? slot > before : slot < before));
        moved = true;
        before = slot;
        code = cask_iter_value(iter, &value, &size);
        check_code(code);
        if (code == CASK_OK && c->version >= 4 && c->repair == 0)
            FUZZ_CHECK(size == value_of(slot, expected) && memcmp(value, expected, size) == 0);
        FUZZ_CHECK(cask_iter_stored(iter, &stored, &stored_size) == CASK_OK || code != CASK_OK);
    }
    cask_iter_free(iter);
}

/* How much damage there is. */
static size_t verify(cask_column *column)
{
    size_t damage = 0;
    uint64_t bytes;
    int code = cask_column_verify(column, 1, count_damage, &damage, &bytes);

    FUZZ_CHECK(code == CASK_OK || damage > 0 || code == CASK_E_UNSUPPORTED || code == CASK_E_INVALID);
    return code == CASK_OK ? damage : damage + 1;
}

/* Everything that reads. */
static size_t read_all(const fuzz_case *c, cask_column *column)
{
    cask_column_info info;
    uint64_t highest;
    int code;

    read_slots(c, column);
    check_code(cask_column_highest(&highest, column));
    code = cask_column_stat(&info, column);
    check_code(code);
    FUZZ_CHECK(code != CASK_E_NOTFOUND);
    iterate(c, column, 0, CASK_UP);
    iterate(c, column, 8192, CASK_UP);
    iterate(c, column, UINT64_MAX, CASK_DOWN);
    return verify(column);
}

/* Reading changes nothing. Returns the damage found; SIZE_MAX: it cannot be opened. */
static size_t read_only(const fuzz_case *c)
{
    const disk_step *steps;
    size_t damage = SIZE_MAX;
    cask_archive *archive;
    cask_column *column;
    int code;

    memory_disk_forget_steps(c->disk);
    code = open_column(&archive, &column, c->vfs, true, NULL);
    check_code(code);
    if (code == CASK_OK) {
        damage = read_all(c, column);
        close_column(archive, column);
    }
    FUZZ_CHECK(memory_disk_steps(c->disk, &steps) == 0);
    return damage;
}

static void heal_again(const fuzz_case *c)
{
    cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;
    cask_archive *archive;
    size_t found = 0;

    options.read_only = true;
    options.vfs = c->vfs;
    FUZZ_CHECK(cask_archive_open(&archive, "/archive", &options) == CASK_OK);
    FUZZ_CHECK(cask_column_heal(archive, "blocks", count_finding, &found) == CASK_OK && found == 0);
    cask_archive_close(archive);
}

/* One record behind the last one: it is there, also after opening again, and does no damage. */
static void write_one(const fuzz_case *c, cask_archive **archive, cask_column **column, size_t damage)
{
    uint8_t expected[VALUE_SIZE_MAX];
    cask_buf value = CASK_BUF_INIT;
    uint64_t slot = 0;
    int code;

    if (cask_column_highest(&slot, *column) == CASK_OK)
        slot++;
    code = put(*column, &slot, 1);
    FUZZ_CHECK(code <= 0 && code != CASK_E_NOMEM);
    close_column(*archive, *column);
    FUZZ_CHECK(open_column(archive, column, c->vfs, false, NULL) == CASK_OK);
    if (code != CASK_OK)
        return;
    FUZZ_CHECK(cask_column_get_buf(&value, *column, slot) == CASK_OK);
    FUZZ_CHECK(value.size == value_of(slot, expected) && memcmp(value.data, expected, value.size) == 0);
    FUZZ_CHECK(damage > 0 || verify(*column) == 0);
    cask_buf_dispose(&value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input input = { data, size };
    size_t shape = (size_t)fuzz_take(&input, 1) % SHAPES, damage;
    fuzz_case c = { .disk = copy_archive(shape), .version = shapes[shape].version };
    cask_archive *archive;
    cask_column *column;
    int code;

    c.vfs = memory_disk_vfs(c.disk);
    c.repair = (unsigned)fuzz_take(&input, 1) & REPAIR_MASK;
    for (int i = 0; i < EDITS_MAX && input.size > 0; i++)
        apply_edit(&c, &input);
    repair(&c);

    fuzz_memory_begin();
    damage = read_only(&c);
    code = open_column(&archive, &column, c.vfs, false, NULL);
    check_code(code);
    FUZZ_CHECK(code == CASK_OK || damage > 0 || (c.has_folder && code == CASK_E_INVALID));
    if (code == CASK_OK) {
        read_slots(&c, column);
        write_one(&c, &archive, &column, damage);
        close_column(archive, column);
        heal_again(&c);
    }
    fuzz_memory_end(32u << 20);
    memory_disk_free(c.disk);
    return 0;
}
