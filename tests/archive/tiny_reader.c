#include "tiny_reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <snappy-c.h>
#include <xxhash.h>
#include <zstd.h>

enum {
    SLOTS_PER_FILE = 8192,
    RECORD_HEADER = 8,
    OFFSETS = SLOTS_PER_FILE * 8,
    TABLE = 2 * OFFSETS, /* with the marks of version 4 */
    TRAILER = 64,
    CONF_V2 = 36,
    CONF_V3 = 52,
    CONF_V4 = 16384,
    COPIES = 4,
    COPY_STEP = 4096,
    COPY = 512,
    OPEN_FILES = 80, /* in a copy */
    OPEN_FILE = 40,
    OPEN_FILES_MAX = 8,
    FILES_MAX = 1 << 20, /* of version 4; of the others, patience of this reader */
    PRUNED_ENTRY = 24,
    CHUNK_MAX = 65536
};

enum { NONE, SNAPPY, ZSTD };

/* What is being done to a file. In `pruned`, PRUNE and FORGET. */
enum { NOTHING, PRUNE, REPLACE, FORGET };

/* What is committed of one file. */
typedef struct committed {
    uint64_t id;
    bool open;
    uint64_t length; /* of the data file; 0: it has no records */
    uint64_t value_bytes;
    uint32_t records;
    uint32_t pruned;
    uint32_t table_crc;
    uint8_t other_codec; /* 0: that of the column, else a codec + 1 */
} committed;

typedef struct intent {
    uint32_t kind;
    uint32_t first; /* index */
    uint32_t last;
    uint64_t id; /* of the file */
} intent;

typedef struct reader {
    const char *folder;
    tiny_column *column;
    tiny_visit *visit;
    void *payload;
    uint64_t first_file;
    uint64_t seals;
    committed open[OPEN_FILES_MAX];
    uint32_t open_count;
    intent intent;
    uint32_t list_entries; /* of `pruned` */
    size_t conf_size;
    uint8_t conf[CONF_V4 + 1]; /* each buffer has a byte more than it needs, to see that a file is too long */
    size_t table_size;
    uint8_t table[TABLE + TRAILER + 1];
    bool listed[SLOTS_PER_FILE]; /* pruned, as `pruned` has it */
} reader;

/* ---- Bytes ------------------------------------------------------------------------------------------------------ */

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint64_t get64(const uint8_t *at)
{
    return get32(at) | (uint64_t)get32(at + 4) << 32;
}

static void put64(uint8_t *at, uint64_t number)
{
    for (int i = 0; i < 8; i++)
        at[i] = (uint8_t)(number >> 8 * i);
}

static bool zero(const uint8_t *at, size_t size)
{
    while (size > 0 && at[size - 1] == 0)
        size--;
    return size == 0;
}

uint32_t tiny_crc32c(uint32_t crc, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    crc = ~crc;
    for (size_t i = 0; i < size; i++) {
        crc ^= at[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78 : 0);
    }
    return ~crc;
}

static tiny_result fail(reader *r, tiny_result result, const char *why, uint64_t where)
{
    r->column->why = why;
    r->column->where = where;
    return result;
}

static tiny_result corrupt(reader *r, const char *why, uint64_t where)
{
    return fail(r, TINY_CORRUPT, why, where);
}

/* ---- Files ------------------------------------------------------------------------------------------------------ */

/* NULL with errno ENOENT: there is no such file. */
static FILE *open_name(const reader *r, const char *name, const char *suffix)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s%s", r->folder, name, suffix);
    return fopen(path, "rb");
}

/* `file_id` TINY_EMPTY: column.conf. */
static FILE *open_file(const reader *r, uint64_t file_id, const char *suffix)
{
    char name[32];
    if (file_id == TINY_EMPTY)
        return open_name(r, "column.conf", "");
    if (r->intent.kind == REPLACE && r->intent.id == file_id) {
        FILE *file = open_name(r, "replacement", suffix);
        if (file || errno != ENOENT)
            return file;
    }
    snprintf(name, sizeof name, "data_%05" PRIu64, file_id);
    return open_name(r, name, suffix);
}

static bool read_at(FILE *file, uint64_t offset, void *bytes, size_t size)
{
    return fseeko(file, (off_t)offset, SEEK_SET) == 0 && fread(bytes, 1, size, file) == size;
}

/* As much as there is and has room. */
static tiny_result read_small(reader *r, uint64_t file_id, uint8_t *bytes, size_t room, size_t *size_out)
{
    FILE *file = open_file(r, file_id, ".off");
    if (!file)
        return errno == ENOENT && file_id != TINY_EMPTY ? corrupt(r, "there is no offset table", file_id)
                                                        : fail(r, TINY_SYSTEM, "cannot open", file_id);
    *size_out = fread(bytes, 1, room, file);
    bool failed = ferror(file);
    fclose(file);
    return failed ? fail(r, TINY_SYSTEM, "cannot read", file_id) : TINY_OK;
}

/* ---- column.conf ------------------------------------------------------------------------------------------------ */

/* The fields that all versions have at the same place, and the highest slot. */
static tiny_result read_conf_common(reader *r, const uint8_t *conf, uint64_t highest_at)
{
    tiny_column *c = r->column;
    c->highest = get64(conf + highest_at);
    memcpy(c->record_type, conf + 24, 2);
    c->codec = conf[26];
    c->flags = conf[27];
    c->largest = get64(conf + 28);
    if (c->codec > (c->version == 4 ? ZSTD : SNAPPY))
        return fail(r, TINY_UNSUPPORTED, "unknown codec", TINY_EMPTY);
    if (c->flags > (c->version == 2 ? 0 : 1))
        return fail(r, TINY_UNSUPPORTED, "unknown flags", TINY_EMPTY);
    return TINY_OK;
}

static tiny_result read_conf_old(reader *r)
{
    const uint8_t *conf = r->conf;
    if (r->column->version == 3 && r->conf_size == 34)
        return fail(r, TINY_UNSUPPORTED, "column.conf is of the other format with the magic of version 3", TINY_EMPTY);
    if (r->conf_size != (r->column->version == 2 ? CONF_V2 : CONF_V3))
        return corrupt(r, "column.conf has not the size of its version", TINY_EMPTY);

    tiny_result result = read_conf_common(r, conf, 8);
    if (result != TINY_OK || r->column->highest == TINY_EMPTY)
        return result;
    r->open[0] = (committed){ .id = r->column->highest / SLOTS_PER_FILE, .open = true, .length = get64(conf + 16) };
    r->open_count = 1;
    if (r->column->version == 3 && get64(conf + 36) != TINY_EMPTY) {
        r->open[1] = (committed){ .id = get64(conf + 36), .open = true, .length = get64(conf + 44) };
        r->open_count = 2;
        if (r->open[1].id >= r->open[0].id)
            return corrupt(r, "the file that was backfilled is not before the current one", r->open[1].id);
    }
    return TINY_OK;
}

static bool copy_is_valid(const uint8_t *copy)
{
    return memcmp(copy, "SLOTCSK4", 8) == 0 && tiny_crc32c(0, copy, COPY - 4) == get32(copy + COPY - 4);
}

/* The fields that an entry of the conf and a trailer have in common. */
static committed read_committed(uint64_t id, bool open, const uint8_t *at)
{
    return (committed){ id, open, get64(at), get64(at + 8), get32(at + 16), get32(at + 20), get32(at + 24), at[28] };
}

static bool is_open(const reader *r, uint64_t id)
{
    for (uint32_t i = 0; i < r->open_count; i++)
        if (r->open[i].id == id)
            return true;
    return false;
}

static tiny_result read_open_files(reader *r, const uint8_t *copy)
{
    uint64_t current = r->column->highest / SLOTS_PER_FILE;
    if (r->first_file > current)
        return corrupt(r, "the first file is behind the current one", r->first_file);
    if (current - r->first_file >= FILES_MAX)
        return corrupt(r, "more files than there may be", current);
    for (uint32_t i = 0; i < r->open_count; i++) {
        const uint8_t *entry = copy + OPEN_FILES + (size_t)OPEN_FILE * i;
        r->open[i] = read_committed(get64(entry), true, entry + 8);
        if (entry[36] > ZSTD + 1 || !zero(entry + 37, 3))
            return fail(r, TINY_UNSUPPORTED, "a field of column.conf that must be 0", TINY_EMPTY);
        if (i == 0 ? r->open[0].id != current : r->open[i].id < r->first_file || r->open[i].id >= current)
            return corrupt(r, "a file that cannot be open", r->open[i].id);
        for (uint32_t j = 0; j < i; j++)
            if (r->open[j].id == r->open[i].id)
                return corrupt(r, "a file is listed twice", r->open[i].id);
    }
    return TINY_OK;
}

static tiny_result read_intent(reader *r, const uint8_t *copy)
{
    intent *in = &r->intent;
    *in = (intent){ get32(copy + 64) & 0xFFFF, get32(copy + 64) >> 16, get32(copy + 68) & 0xFFFF, get64(copy + 72) };
    if (in->kind > FORGET || !zero(copy + 70, 2))
        return fail(r, TINY_UNSUPPORTED, "an intent that this reader does not know", TINY_EMPTY);
    bool in_place = in->kind == PRUNE || in->kind == FORGET;
    if (in->kind == NOTHING ? in->id != 0 : in->id < r->first_file || in->id > r->column->highest / SLOTS_PER_FILE)
        return corrupt(r, "the intent is of no file", in->id);
    if (in_place ? !is_open(r, in->id) || in->first > in->last || in->last >= SLOTS_PER_FILE
                 : in->first > 0 || in->last > 0)
        return corrupt(r, "the intent is none that can be", in->id);
    return TINY_OK;
}

static tiny_result read_conf_4(reader *r)
{
    tiny_column *c = r->column;
    const uint8_t *best = NULL;
    if (r->conf_size != CONF_V4)
        return corrupt(r, "column.conf has not the size of its version", TINY_EMPTY);
    for (int i = 0; i < COPIES; i++) {
        const uint8_t *copy = r->conf + i * COPY_STEP;
        if (copy_is_valid(copy) && (!best || get64(copy + 8) > get64(best + 8)))
            best = copy;
    }
    if (!best)
        return corrupt(r, "no copy in column.conf is valid", TINY_EMPTY);

    tiny_result result = read_conf_common(r, best, 16);
    if (result != TINY_OK)
        return result;
    c->sequence = get64(best + 8);
    r->open_count = get32(best + 40);
    r->list_entries = get32(best + 44);
    r->first_file = get64(best + 48);
    r->seals = get64(best + 56);
    if (r->open_count > OPEN_FILES_MAX)
        return corrupt(r, "too many open files", TINY_EMPTY);
    size_t end = OPEN_FILES + (size_t)OPEN_FILE * r->open_count;
    if (get32(best + 36) != SLOTS_PER_FILE || !zero(best + end, COPY - 4 - end))
        return fail(r, TINY_UNSUPPORTED, "a field of column.conf that this reader does not know", TINY_EMPTY);
    bool empty = c->highest == TINY_EMPTY;
    if (empty != (r->open_count == 0) || empty != (r->first_file == TINY_EMPTY))
        return corrupt(r, "column.conf contradicts itself about being empty", TINY_EMPTY);
    if (!empty)
        result = read_open_files(r, best);
    return result == TINY_OK ? read_intent(r, best) : result;
}

/* The version by the magic of any copy: one of them may be damaged. */
static tiny_result read_conf(reader *r)
{
    tiny_result result = read_small(r, TINY_EMPTY, r->conf, sizeof r->conf, &r->conf_size);
    if (result != TINY_OK)
        return result;
    bool known_family = false;
    for (size_t at = 0; at + 8 <= r->conf_size; at += COPY_STEP) {
        if (memcmp(r->conf + at, "SLOTCSK4", 8) == 0)
            r->column->version = 4;
        known_family |= memcmp(r->conf + at, "SLOTCSK", 7) == 0;
    }
    if (r->column->version == 4)
        return read_conf_4(r);
    if (r->conf_size >= 8 && memcmp(r->conf, "LHSTBLK", 7) == 0) {
        known_family = true;
        if (r->conf[7] == '2' || r->conf[7] == '3') {
            r->column->version = r->conf[7] - (unsigned)'0';
            return read_conf_old(r);
        }
    }
    return known_family ? fail(r, TINY_UNSUPPORTED, "unknown version of column.conf", TINY_EMPTY)
                        : corrupt(r, "column.conf has no known magic", TINY_EMPTY);
}

/* ---- Offset tables ---------------------------------------------------------------------------------------------- */

/* What is being done to the entries of this file counts as done. */
static void apply_intent(reader *r, const committed *file)
{
    if ((r->intent.kind != PRUNE && r->intent.kind != FORGET) || r->intent.id != file->id)
        return;
    for (uint32_t i = r->intent.first; i <= r->intent.last; i++) {
        uint8_t *entry = r->table + (size_t)i * 8;
        if (r->intent.kind == PRUNE ? get64(entry) > 1 : get64(entry) == 1) {
            put64(entry, r->intent.kind == PRUNE);
            memset(entry + OFFSETS, 0, 8);
        }
    }
}

/* Take out of the table of an open file what belongs to no commit. */
static void drop_uncommitted(reader *r, const committed *file)
{
    bool marks = r->column->version == 4;
    for (uint64_t i = 0; i < SLOTS_PER_FILE; i++) {
        uint8_t *entry = r->table + i * 8;
        uint64_t slot = file->id * SLOTS_PER_FILE + i;
        bool pruned = marks && get64(entry) == 1;
        if ((!pruned && get64(entry) >= file->length) || slot > r->column->highest)
            memset(entry, 0, 8);
        if (marks && get64(entry) <= 1)
            memset(entry + OFFSETS, 0, 8);
    }
}

/* Has the table this checksum, or gets it without one of its entries, one that a write left in part? */
static bool table_fits(reader *r, uint32_t crc)
{
    if (tiny_crc32c(0, r->table, TABLE) == crc)
        return true;
    for (size_t i = 0; i < SLOTS_PER_FILE; i++) {
        uint8_t *entry = r->table + i * 8, *mark = entry + OFFSETS;
        uint64_t was[2] = { get64(entry), get64(mark) };
        if (was[0] == 0)
            continue;
        memset(entry, 0, 8);
        memset(mark, 0, 8);
        if (tiny_crc32c(0, r->table, TABLE) == crc)
            return true;
        put64(entry, was[0]);
        put64(mark, was[1]);
    }
    return false;
}

static bool trailer_is_valid(const uint8_t *trailer)
{
    return (memcmp(trailer, "CASKSEAL", 8) == 0 || memcmp(trailer, "CASKOPEN", 8) == 0) && trailer[52] <= ZSTD + 1 &&
           zero(trailer + 53, 7) && tiny_crc32c(0, trailer, TRAILER - 4) == get32(trailer + TRAILER - 4);
}

/* Of a sealed file the trailer says what is committed. */
static tiny_result read_seal(reader *r, committed *file)
{
    const uint8_t *trailer = r->table + TABLE;
    if (r->table_size != TABLE + TRAILER || !trailer_is_valid(trailer) || memcmp(trailer, "CASKSEAL", 8) != 0)
        return corrupt(r, "a file that is not open has no valid seal", file->id);
    if (get64(trailer + 8) != file->id)
        return corrupt(r, "the seal is of another file", file->id);
    r->seals ^= XXH3_64bits(trailer, TRAILER);
    *file = read_committed(file->id, false, trailer + 24);
    return TINY_OK;
}

/* The table of a file of version 4, checked whole; on the way, what is committed of the file. */
static tiny_result read_table_4(reader *r, committed *file)
{
    const uint8_t *trailer = r->table + TABLE;
    tiny_result result = read_small(r, file->id, r->table, sizeof r->table, &r->table_size);
    bool fits;
    if (result != TINY_OK)
        return result;
    if (r->table_size < TABLE || r->table_size > TABLE + TRAILER)
        return corrupt(r, "an offset table has not its size", file->id);
    if (r->table_size == TABLE + TRAILER && trailer_is_valid(trailer) && get64(trailer + 16) > r->column->sequence)
        return corrupt(r, "column.conf is older than what its tables know to be committed", file->id);
    if (file->open) {
        apply_intent(r, file);
        drop_uncommitted(r, file);
        fits = table_fits(r, file->table_crc);
    } else {
        result = read_seal(r, file);
        if (result != TINY_OK)
            return result;
        fits = tiny_crc32c(0, r->table, TABLE) == file->table_crc;
    }
    return fits ? TINY_OK : corrupt(r, "an offset table has not its checksum", file->id);
}

static tiny_result read_table_old(reader *r, const committed *file)
{
    tiny_result result = read_small(r, file->id, r->table, sizeof r->table, &r->table_size);
    if (result != TINY_OK)
        return result;
    if (r->table_size < OFFSETS || r->table_size > TABLE + TRAILER)
        return corrupt(r, "an offset table has not its size", file->id);
    if (file->open)
        drop_uncommitted(r, file);
    return TINY_OK;
}

/* ---- The list of pruned slots ----------------------------------------------------------------------------------- */

static bool list_entry_is_valid(const uint8_t *entry, uint64_t number)
{
    uint8_t prefix[8];
    put64(prefix, number);
    return tiny_crc32c(tiny_crc32c(0, prefix, 8), entry, PRUNED_ENTRY - 4) == get32(entry + PRUNED_ENTRY - 4) &&
           (get32(entry + 16) == PRUNE || get32(entry + 16) == FORGET) && get64(entry) <= get64(entry + 8);
}

/* What the list says of the slots of a file; the later entry counts. */
static tiny_result read_list(reader *r, uint64_t file_id)
{
    uint64_t base = file_id * SLOTS_PER_FILE;
    FILE *file = r->list_entries > 0 ? open_name(r, "pruned", "") : NULL;
    tiny_result result = r->list_entries > 0 && !file ? corrupt(r, "the list of pruned slots is missing", file_id)
                                                      : TINY_OK;
    memset(r->listed, 0, sizeof r->listed);
    for (uint32_t number = 0; result == TINY_OK && number < r->list_entries; number++) {
        uint8_t entry[PRUNED_ENTRY];
        if (fread(entry, 1, sizeof entry, file) != sizeof entry || !list_entry_is_valid(entry, number))
            result = corrupt(r, "an entry of the list of pruned slots is damaged", number);
        for (uint64_t i = 0; result == TINY_OK && i < SLOTS_PER_FILE; i++)
            if (get64(entry) <= base + i && base + i <= get64(entry + 8))
                r->listed[i] = get32(entry + 16) == PRUNE;
    }
    if (file)
        fclose(file);
    return result;
}

/* ---- Codecs ----------------------------------------------------------------------------------------------------- */

typedef struct value {
    uint8_t *bytes; /* to free */
    size_t size;
} value;

/* Room for `size` more bytes behind the value. NULL: it would be larger than the column allows, or no memory. */
static uint8_t *grow(value *v, uint64_t size, uint64_t largest)
{
    if (v->size > largest || size > largest - v->size)
        return NULL;
    uint8_t *bytes = realloc(v->bytes, v->size + (size_t)size + 1);
    if (!bytes)
        return NULL;
    v->bytes = bytes;
    v->size += (size_t)size;
    return bytes + v->size - size;
}

/* One chunk of data, behind its header: a masked CRC-32C, then the bytes, compressed or not. */
static bool decode_chunk(value *v, const uint8_t *data, size_t length, bool compressed, uint64_t largest)
{
    if (length < 4)
        return false;
    const char *from = (const char *)data + 4;
    size_t size = length - 4;
    if (compressed && snappy_uncompressed_length(from, length - 4, &size) != SNAPPY_OK)
        return false;
    uint8_t *to = size <= CHUNK_MAX ? grow(v, size, largest) : NULL;
    if (!to)
        return false;
    if (!compressed)
        memcpy(to, from, size);
    else if (snappy_uncompress(from, length - 4, (char *)to, &size) != SNAPPY_OK)
        return false;
    uint32_t crc = tiny_crc32c(0, to, size);
    return (crc >> 15 | crc << 17) + 0xa282ead8 == get32(data);
}

static bool decode_snappy(value *v, const uint8_t *stored, size_t size, uint64_t largest)
{
    static const uint8_t identifier[10] = { 0xff, 6, 0, 0, 's', 'N', 'a', 'P', 'p', 'Y' };
    if (size < sizeof identifier || memcmp(stored, identifier, sizeof identifier) != 0)
        return false;
    while (size > 0) {
        if (size < 4 || size - 4 < get32(stored) >> 8)
            return false;
        uint8_t kind = stored[0];
        size_t length = get32(stored) >> 8;
        if (kind == 0xff && (length != 6 || memcmp(stored, identifier, sizeof identifier) != 0))
            return false;
        if (kind <= 1 && !decode_chunk(v, stored + 4, length, kind == 0, largest))
            return false;
        if (kind > 1 && kind < 0x80)
            return false; /* a chunk that may not be skipped */
        stored += 4 + length;
        size -= 4 + length;
    }
    return true;
}

static bool decode_zstd(value *v, const uint8_t *stored, size_t size, uint64_t largest)
{
    unsigned long long content = ZSTD_getFrameContentSize(stored, size);
    if (content == ZSTD_CONTENTSIZE_UNKNOWN || content == ZSTD_CONTENTSIZE_ERROR)
        return false;
    bool has_checksum = stored[4] & 4;
    if (!has_checksum || ZSTD_findFrameCompressedSize(stored, size) != size)
        return false;
    uint8_t *to = grow(v, content, largest);
    return to && ZSTD_decompress(to, v->size, stored, size) == content;
}

static bool decode(value *v, uint8_t codec, const uint8_t *stored, size_t size, uint64_t largest)
{
    if (codec == SNAPPY)
        return decode_snappy(v, stored, size, largest);
    if (codec == ZSTD)
        return decode_zstd(v, stored, size, largest);
    uint8_t *to = grow(v, size, largest);
    if (to)
        memcpy(to, stored, size);
    return to;
}

/* ---- Records ---------------------------------------------------------------------------------------------------- */

/* The stored payload of a slot whose entry is an offset, checked. */
static tiny_result read_stored(reader *r, FILE *data, const committed *file, uint64_t slot, value *stored)
{
    const uint8_t *entry = r->table + slot % SLOTS_PER_FILE * 8, *mark = entry + OFFSETS;
    uint64_t offset = get64(entry);
    uint8_t slot_and_header[8 + RECORD_HEADER], *header = slot_and_header + 8;
    put64(slot_and_header, slot);

    if (offset < 8 || offset >= file->length || file->length - offset < RECORD_HEADER)
        return corrupt(r, "an offset is not inside the data file", slot);
    if (!read_at(data, offset, header, RECORD_HEADER))
        return fail(r, TINY_SYSTEM, "cannot read", slot);
    uint32_t length = get32(header + 2);
    if (memcmp(header, r->column->record_type, 2) != 0 || !zero(header + 6, 2))
        return corrupt(r, "there is no record at the offset", slot);
    if (length > file->length - offset - RECORD_HEADER)
        return corrupt(r, "a record is longer than its file", slot);
    if (!grow(stored, length, length))
        return fail(r, TINY_SYSTEM, "no memory", slot);
    if (!read_at(data, offset + RECORD_HEADER, stored->bytes, length))
        return fail(r, TINY_SYSTEM, "cannot read", slot);
    uint32_t crc = tiny_crc32c(tiny_crc32c(0, slot_and_header, 14), stored->bytes, length);
    if (r->column->version == 4 && (get32(mark) != length || get32(mark + 4) != crc))
        return corrupt(r, "a record has not its checksum", slot);
    return TINY_OK;
}

static tiny_result read_record(reader *r, FILE *data, const committed *file, uint64_t slot, uint64_t *value_bytes)
{
    value stored = { NULL, 0 }, decoded = { NULL, 0 };
    tiny_result result = read_stored(r, data, file, slot, &stored);
    uint8_t codec = file->other_codec > 0 ? (uint8_t)(file->other_codec - 1) : r->column->codec;
    if (result == TINY_OK && !decode(&decoded, codec, stored.bytes, stored.size, r->column->largest))
        result = corrupt(r, "a record is not of its codec, or too large", slot);
    if (result == TINY_OK)
        r->visit(slot, decoded.bytes, decoded.size, r->payload);
    *value_bytes += decoded.size;
    free(decoded.bytes);
    free(stored.bytes);
    return result;
}

/* In version 4 they must add up to what is committed. */
static tiny_result read_records(reader *r, FILE *data, const committed *file)
{
    uint64_t records = 0, pruned = 0, value_bytes = 0;
    for (uint64_t i = 0; i < SLOTS_PER_FILE; i++) {
        uint64_t slot = file->id * SLOTS_PER_FILE + i, offset = get64(r->table + i * 8);
        bool is_record = offset > (r->column->version == 4 ? 1 : 0);
        if (!is_record && r->column->version == 4 && !zero(r->table + OFFSETS + i * 8, 8))
            return corrupt(r, "a mark without a record", slot);
        if (r->column->version == 4 && offset > 0 && r->listed[i] == is_record)
            return corrupt(r, "the list of pruned slots says otherwise than the table", slot);
        if (is_record && !data)
            return corrupt(r, "an offset into a data file that is not there", slot);
        tiny_result result = is_record ? read_record(r, data, file, slot, &value_bytes) : TINY_OK;
        if (result != TINY_OK)
            return result;
        records += is_record;
        pruned += !is_record && offset == 1;
    }
    r->column->records += records;
    r->column->pruned += pruned;
    if (r->column->version == 4 &&
        (records != file->records || pruned != file->pruned || value_bytes != file->value_bytes))
        return corrupt(r, "a file does not hold what it is said to hold", file->id);
    return TINY_OK;
}

/* The data file is as long as committed, or longer where it is open, and begins with the version record. */
static tiny_result check_data(reader *r, FILE *data, const committed *file)
{
    static const uint8_t version_record[8] = { 'e', '2' };
    uint8_t begin[8];
    if (fseeko(data, 0, SEEK_END) != 0)
        return fail(r, TINY_SYSTEM, "cannot read", file->id);
    uint64_t size = (uint64_t)ftello(data);
    if (size < file->length || (!file->open && size != file->length))
        return corrupt(r, "a data file has not its length", file->id);
    if (file->length < 8 || !read_at(data, 0, begin, 8) || memcmp(begin, version_record, 8) != 0)
        return corrupt(r, "a data file does not begin with a version record", file->id);
    return TINY_OK;
}

static tiny_result read_file_4(reader *r, committed *file)
{
    FILE *data = NULL;
    tiny_result result = read_table_4(r, file);
    if (result == TINY_OK)
        result = read_list(r, file->id);
    if (result == TINY_OK && file->length > 0) {
        data = open_file(r, file->id, "");
        result = data ? check_data(r, data, file) : corrupt(r, "a data file is missing", file->id);
    }
    if (result == TINY_OK)
        result = read_records(r, data, file);
    if (data)
        fclose(data);
    return result;
}

/* A table without a data file: an upgrade makes them, of zeros. */
static tiny_result read_lone_table(reader *r, const committed *file)
{
    tiny_result result = read_table_old(r, file);
    if (result == TINY_OK && (file->open || !zero(r->table, OFFSETS)))
        result = corrupt(r, "a data file is missing", file->id);
    return result;
}

/* Versions 2 and 3: a file that is not there has no records; of one that the conf does not name, all is committed. */
static tiny_result read_file_old(reader *r, committed *file)
{
    if (file->open && file->length == 0)
        return TINY_OK;
    FILE *data = open_file(r, file->id, ""), *table = open_file(r, file->id, ".off");
    if (table)
        fclose(table);
    if (!data)
        return table || file->open ? read_lone_table(r, file) : TINY_OK;
    if (!file->open && fseeko(data, 0, SEEK_END) == 0)
        file->length = (uint64_t)ftello(data);
    tiny_result result = check_data(r, data, file);
    if (result == TINY_OK)
        result = read_table_old(r, file);
    if (result == TINY_OK)
        result = read_records(r, data, file);
    fclose(data);
    return result;
}

static tiny_result read_files(reader *r)
{
    uint64_t last = r->column->highest / SLOTS_PER_FILE;
    if (r->column->highest == TINY_EMPTY)
        return r->seals == 0 ? TINY_OK : corrupt(r, "seals of an empty column", TINY_EMPTY);
    if (last - r->first_file > FILES_MAX)
        return fail(r, TINY_UNSUPPORTED, "more files than this reader has patience for", last);
    for (uint64_t id = r->first_file; id <= last; id++) {
        committed file = { .id = id };
        for (uint32_t i = 0; i < r->open_count; i++)
            if (r->open[i].id == id)
                file = r->open[i];
        tiny_result result = r->column->version == 4 ? read_file_4(r, &file) : read_file_old(r, &file);
        if (result != TINY_OK)
            return result;
    }
    return r->seals == 0 ? TINY_OK : corrupt(r, "the seals do not have their digest", TINY_EMPTY);
}

/* Does column.conf hold what it held? */
static bool conf_changed(reader *r)
{
    uint8_t *before = malloc(sizeof r->conf);
    size_t size = r->conf_size;
    const char *why = r->column->why;
    uint64_t where = r->column->where;
    if (!before)
        return false;
    memcpy(before, r->conf, sizeof r->conf);
    bool changed = read_small(r, TINY_EMPTY, r->conf, sizeof r->conf, &r->conf_size) == TINY_OK &&
                   (r->conf_size != size || memcmp(before, r->conf, size) != 0);
    fail(r, TINY_OK, why, where);
    free(before);
    return changed;
}

tiny_result tiny_read(tiny_column *column, const char *folder, tiny_visit *visit, void *payload)
{
    *column = (tiny_column){ .highest = TINY_EMPTY, .why = "", .where = TINY_EMPTY };
    reader *r = calloc(1, sizeof *r);
    if (!r)
        return TINY_SYSTEM;
    *r = (reader){ .folder = folder, .column = column, .visit = visit, .payload = payload };
    tiny_result result = read_conf(r);
    if (result == TINY_OK)
        result = read_files(r);
    if (result == TINY_CORRUPT && conf_changed(r))
        result = TINY_AGAIN;
    free(r);
    return result;
}
