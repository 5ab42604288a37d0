/*
 * Rebuilding: tables that were lost are made again, and what is readable of damaged data files is kept. See DESIGN.md.
 *
 * A file is surveyed first: what of it can be proven, by the checksums of an old table, even of a torn one; what else
 * reads as a record and says its slot; what was pruned. If that is not what is committed, a new table, and a new data
 * file if the old one does not fit it, take the place of the old ones as in compaction. So a crash leaves each file as
 * it was or rebuilt, and rebuilding goes on when it is called again.
 */
#include "replace.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "error.h"
#include "fault.h"
#include "pruned_list.h"

/* No data file is larger: what a table says beyond is no offset. */
#define OFFSET_LIMIT (UINT64_C(1) << 44)

typedef struct rebuilding {
    cask_column *column;
    cask_pruned_list pruned;
    cask_slot_of_fn slot_of;
    void *slot_payload;
    cask_report_fn report;
    void *payload;
    cask_change *sum;
} rebuilding;

typedef enum slot_state {
    SLOT_FREE = 0,
    SLOT_WALKED, /* placed by what it says itself */
    SLOT_PROVEN, /* placed by its checksum */
    SLOT_LOST,   /* there is a record, but not the one that was put */
    SLOT_PRUNED
} slot_state;

/* One file. */
typedef struct survey {
    const rebuilding *all;
    cask_conf conf;
    uint64_t file_id;
    const cask_open_file *listed;
    bool known;           /* `facts` are those of the conf, or of a seal that can be read */
    cask_open_file facts;
    bool trusted;         /* the table is what is committed */
    cask_offset_table old;
    cask_path path;
    cask_handle handle;
    uint64_t size;        /* of the data file; 0: there is none */
    uint64_t limit;       /* what of it is committed, and there */
    uint8_t codec;
    cask_window window;
    cask_unreadable unreadable;
    cask_buf value;
    bool by_proof_only;   /* what records say themselves is not believed */
    bool quiet;
    /* What was found: */
    cask_offset_table found;
    slot_state state[CASK_SLOTS_PER_FILE];
    uint64_t value_size[CASK_SLOTS_PER_FILE];
    uint32_t records, pruned, undecodable, unknown, lost;
    uint32_t next;        /* the index that is likely to come next */
    bool dirty;           /* there are bytes that belong to none of the records found */
} survey;

__attribute__((format(printf, 5, 6))) static int tell(const survey *s, const char *what, bool corrupt,
                                                      cask_place place, const char *format, ...)
{
    char message[256];
    cask_report report = { .what = what,
                           .file = place.file,
                           .slot = place.slot,
                           .offset = place.offset,
                           .corrupt = corrupt,
                           .message = message };
    va_list arguments;

    if (s->all->report == NULL || s->quiet)
        return CASK_OK;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return s->all->report(&report, s->all->payload);
}

static uint64_t slot_at(const survey *s, uint32_t index)
{
    return s->file_id * CASK_SLOTS_PER_FILE + index;
}

/* ---- What is known of a file ---- */

/* A seal that is one of this file. */
static int read_seal(cask_trailer *seal, bool *valid, const cask_column *column, uint64_t file_id)
{
    cask_path path = cask_table_path(column->folder.text, file_id);
    cask_handle handle = CASK_HANDLE_INIT;
    int code = cask_handle_open(&handle, column->vfs, path.text, CASK_OPEN_READ);

    *valid = false;
    if (code == CASK_E_NOTFOUND)
        return CASK_OK;
    CASK_TRY(code);
    code = cask_trailer_read(seal, valid, &handle, path.text);
    if (code == CASK_E_IO) /* only if the error stays it is lost */
        code = cask_trailer_read(seal, valid, &handle, path.text);
    cask_handle_close(&handle);
    *valid = code == CASK_OK && *valid && seal->sealed && seal->file_id == file_id;
    return code == CASK_E_IO ? CASK_OK : code;
}

/* The digest of the seals that can be read, but for that of one file. */
static int digest_without(uint64_t *digest, const cask_column *column, const cask_conf *conf, uint64_t file_id)
{
    *digest = 0;
    for (uint64_t id = conf->first_file_id; id <= cask_conf_current(conf); id++) {
        cask_trailer seal;
        bool valid = false;

        if (id == file_id || cask_conf_find(conf, id) != NULL)
            continue;
        CASK_TRY(read_seal(&seal, &valid, column, id));
        if (valid)
            *digest ^= cask_trailer_hash(&seal);
    }
    return CASK_OK;
}

/* What of a table cannot be read stays zero. */
static int read_entries(cask_offset_table *table, bool *all_out, const cask_handle *handle, const char *path, size_t size)
{
    cask_unreadable unreadable = { 0 };
    cask_window window = { .handle = handle, .path = path, .end = size, .unreadable = &unreadable };
    const size_t page = 4096;
    int code = CASK_OK;

    for (size_t at = 0; at < size && code == CASK_OK; at += page) {
        size_t part = size - at < page ? size - at : page;
        const uint8_t *bytes;

        code = cask_window_read(&window, at, part, &bytes);
        if (code == CASK_OK)
            memcpy(table->bytes + at, bytes, part);
        else if (code == CASK_E_IO)
            code = CASK_OK;
    }
    *all_out = unreadable.count == 0;
    cask_buf_dispose(&window.buffer);
    free(unreadable.ranges);
    return code;
}

static int read_table_file(survey *s, bool *whole_out, const cask_handle *handle, const char *path)
{
    size_t wanted = cask_table_file_size(s->conf.version);
    cask_trailer trailer;
    uint64_t size;
    bool all, valid;

    CASK_TRY(cask_size(handle, path, &size));
    CASK_TRY(read_entries(&s->old, &all, handle, path, size < wanted ? (size_t)size : wanted));
    /* Behind the offsets of an old format there may be what an upgrade has left. */
    if (s->conf.version < 4)
        *whole_out = size >= wanted && size <= CASK_TABLES_SIZE + CASK_TRAILER_SIZE;
    else
        *whole_out = s->listed != NULL ? size >= wanted : size == wanted + CASK_TRAILER_SIZE;
    /* Of a listed file the trailer says nothing that counts, but it must be there to be healed. */
    if (!all || (s->conf.version >= 4 && cask_trailer_read(&trailer, &valid, handle, path) == CASK_E_IO))
        *whole_out = false;
    return CASK_OK;
}

/* As much of the table as there is; *whole_out: it has the size that it must have. */
static int read_old_table(survey *s, bool *whole_out)
{
    cask_path path = cask_table_path(s->all->column->folder.text, s->file_id);
    cask_handle handle = CASK_HANDLE_INIT;
    int code = cask_handle_open(&handle, s->all->column->vfs, path.text, CASK_OPEN_READ);

    *whole_out = false;
    if (code == CASK_E_NOTFOUND)
        return CASK_OK;
    CASK_TRY(code);
    code = read_table_file(s, whole_out, &handle, path.text);
    cask_handle_close(&handle);
    return code;
}

static int open_data(survey *s)
{
    int code;

    s->path = cask_data_path(s->all->column->folder.text, s->file_id);
    code = cask_handle_open(&s->handle, s->all->column->vfs, s->path.text, CASK_OPEN_READ);
    if (code == CASK_E_NOTFOUND)
        return CASK_OK;
    CASK_TRY(code);
    return cask_size(&s->handle, s->path.text, &s->size);
}

/* A seal of another length than the data file is an old one, if it is not one of those that were committed. */
static int judge_seal(survey *s, const cask_trailer *seal)
{
    uint64_t digest = cask_trailer_hash(seal), others;

    if (seal->data_length != s->size) {
        CASK_TRY(digest_without(&others, s->all->column, &s->conf, s->file_id));
        if ((digest ^ others) != s->conf.seals_digest)
            return CASK_OK;
    }
    s->known = true;
    s->facts = (cask_open_file){ .file_id = s->file_id,
                                 .data_length = seal->data_length,
                                 .records = seal->records,
                                 .pruned = seal->pruned,
                                 .tables_crc = seal->tables_crc,
                                 .other_codec = seal->other_codec };
    return CASK_OK;
}

/* Of a table that cannot be trusted, marks without an offset stay: they may be what is left of an entry. */
static void judge_table(survey *s, bool whole)
{
    cask_offset_table *committed = &s->found;

    *committed = s->old;
    if (s->listed != NULL)
        cask_table_mask(committed, s->facts.data_length, cask_conf_last_index(&s->conf, s->file_id));
    s->trusted = whole && (s->conf.version < 4 || (s->known && cask_tables_crc(committed) == s->facts.tables_crc));
    if (s->trusted || s->conf.version < 4)
        s->old = *committed;
}

static int look_at(survey *s)
{
    bool whole, sealed = false;
    cask_trailer seal;

    s->listed = cask_conf_find(&s->conf, s->file_id);
    CASK_TRY(open_data(s));
    CASK_TRY(read_old_table(s, &whole));
    if (s->listed != NULL) {
        s->known = true;
        s->facts = *s->listed;
        cask_intent_apply(&s->conf, s->file_id, &s->old);
    } else if (s->conf.version >= 4) {
        CASK_TRY(read_seal(&seal, &sealed, s->all->column, s->file_id));
        if (sealed)
            CASK_TRY(judge_seal(s, &seal));
    }
    s->limit = s->known && s->facts.data_length < s->size ? s->facts.data_length : s->size;
    s->codec = cask_conf_file_codec(&s->conf, s->facts.other_codec);
    judge_table(s, whole);
    s->window = (cask_window){ &s->handle, s->path.text, s->limit, &s->unreadable, CASK_BUF_INIT, 0 };
    return CASK_OK;
}

/* ---- Records ---- */

/* *bytes_out: NULL if they cannot be read. */
static int read_bytes(const uint8_t **bytes_out, survey *s, uint64_t offset, uint64_t size)
{
    int code = cask_window_read(&s->window, offset, size, bytes_out);

    if (code < 0)
        *bytes_out = NULL;
    return code == CASK_E_IO ? CASK_OK : code;
}

/* Whether there is a record of the column that ends before `end`; with its payload. */
static int read_record(bool *is_record, const uint8_t **payload, uint32_t *length, survey *s, uint64_t offset,
                       uint64_t end)
{
    const uint8_t *bytes;
    cask_record record;

    *is_record = false;
    if (offset > end || end - offset < CASK_RECORD_HEADER_SIZE)
        return CASK_OK;
    CASK_TRY(read_bytes(&bytes, s, offset, CASK_RECORD_HEADER_SIZE));
    if (bytes == NULL)
        return CASK_OK;
    record = cask_record_decode(bytes);
    if (memcmp(record.type, s->conf.record_type, 2) != 0 || record.reserved != 0 ||
        record.length > end - offset - CASK_RECORD_HEADER_SIZE)
        return CASK_OK;
    CASK_TRY(read_bytes(&bytes, s, offset, CASK_RECORD_HEADER_SIZE + (uint64_t)record.length));
    if (bytes == NULL)
        return CASK_OK;
    *payload = bytes + CASK_RECORD_HEADER_SIZE;
    *length = record.length;
    *is_record = true;
    return CASK_OK;
}

/* The slot that a record says it has; CASK_NO_SLOT: none. */
static int slot_said(uint64_t *slot, bool *decodes, survey *s, const uint8_t *payload, uint32_t length)
{
    int code = cask_codec_decode_buf(&s->value, s->codec, payload, length, s->conf.max_value_size);

    *slot = CASK_NO_SLOT;
    *decodes = code == CASK_OK;
    if (code == CASK_E_NOMEM)
        return code;
    if (!*decodes || s->all->slot_of == NULL)
        return CASK_OK;
    code = s->all->slot_of(slot, s->value.data, s->value.size, s->all->slot_payload);
    if (code == CASK_E_NOTFOUND)
        *slot = CASK_NO_SLOT;
    return code == CASK_E_NOTFOUND ? CASK_OK : code;
}

static bool has_mark(const survey *s, uint32_t index)
{
    return cask_table_length(&s->old, index) != 0 || cask_table_crc(&s->old, index) != 0;
}

static bool fits_mark(const survey *s, uint32_t index, const uint8_t *payload, uint32_t length)
{
    return has_mark(s, index) && cask_table_length(&s->old, index) == length &&
           cask_record_crc(slot_at(s, index), s->conf.record_type, length, payload) == cask_table_crc(&s->old, index);
}

/* The slot whose checksum, of which the old table may have no more than that, is that of the record. */
static uint64_t slot_proven(const survey *s, const uint8_t *payload, uint32_t length)
{
    for (uint32_t n = 0; n < CASK_SLOTS_PER_FILE && s->conf.version >= 4; n++) {
        uint32_t index = (s->next + n) % CASK_SLOTS_PER_FILE;

        if (s->state[index] != SLOT_PROVEN && fits_mark(s, index, payload, length))
            return slot_at(s, index);
    }
    return CASK_NO_SLOT;
}

static void place(survey *s, uint32_t index, slot_state state, uint64_t offset, const uint8_t *payload,
                  uint32_t length)
{
    uint32_t crc = cask_record_crc(slot_at(s, index), s->conf.record_type, length, payload);

    if (s->state[index] == SLOT_WALKED)
        s->dirty = true; /* the later one counts: it was put after the first was given up */
    else
        s->records++;
    s->state[index] = state;
    s->next = index + 1;
    if (cask_codec_size(s->codec, payload, length, s->conf.max_value_size, &s->value_size[index]) < 0) {
        s->value_size[index] = length;
        s->undecodable++;
    }
    cask_table_set(&s->found, index, offset, length, crc);
}

/* ---- The entries of the old table ---- */

static int prove(bool *proven, survey *s, uint32_t index, uint64_t offset)
{
    const uint8_t *payload;
    uint32_t length;
    uint64_t slot;

    CASK_TRY(read_record(proven, &payload, &length, s, offset, s->limit));
    if (!*proven)
        return CASK_OK;
    if (s->conf.version >= 4) {
        *proven = fits_mark(s, index, payload, length) || CASK_FAULT(rebuild_believes_entries);
    } else {
        CASK_TRY(slot_said(&slot, proven, s, payload, length));
        *proven = *proven && (slot == CASK_NO_SLOT || slot == slot_at(s, index));
    }
    if (*proven)
        place(s, index, SLOT_PROVEN, offset, payload, length);
    return CASK_OK;
}

/* What cannot be trusted never brings a pruned record back. */
static void find_tombstones(survey *s)
{
    for (uint32_t i = 0; i < CASK_SLOTS_PER_FILE && s->conf.version >= 4; i++) {
        bool pruned = cask_table_offset(&s->old, i) == CASK_OFFSET_PRUNED && !has_mark(s, i);

        if (!s->trusted && !CASK_FAULT(rebuild_ignores_pruned_list))
            pruned |= cask_pruned_list_has(&s->all->pruned, slot_at(s, i));
        if (!pruned || CASK_FAULT(rebuild_drops_tombstones))
            continue;
        cask_table_set(&s->found, i, CASK_OFFSET_PRUNED, 0, 0);
        s->state[i] = SLOT_PRUNED;
        s->pruned++;
    }
}

/* Those that are proven stay in `entries`, in the order of their offsets. */
static int prove_entries(survey *s, uint64_t (*entries)[2], size_t *count)
{
    size_t all = cask_table_by_offset(entries, &s->old, s->conf.version), kept = 0;
    uint64_t end = CASK_DATA_START;

    for (size_t i = 0; i < all; i++) {
        uint32_t index = (uint32_t)entries[i][1];
        bool proven = false;

        if (entries[i][0] >= end && s->state[index] != SLOT_PRUNED)
            CASK_TRY(prove(&proven, s, index, entries[i][0]));
        if (!proven)
            continue;
        end = entries[i][0] + CASK_RECORD_HEADER_SIZE + cask_table_length(&s->found, index);
        entries[kept][0] = entries[i][0];
        entries[kept++][1] = index;
    }
    if (s->conf.version < 4 && kept < all)
        s->trusted = false;
    *count = kept;
    return CASK_OK;
}

/* ---- What lies between proven records ---- */

/* A record whose place is known by what it says. */
static int place_walked(survey *s, uint64_t slot, uint64_t offset, const uint8_t *payload, uint32_t length)
{
    uint32_t index = (uint32_t)(slot % CASK_SLOTS_PER_FILE);
    bool belongs = slot != CASK_NO_SLOT && slot / CASK_SLOTS_PER_FILE == s->file_id && slot <= s->conf.highest_slot &&
                   !s->by_proof_only;

    if (belongs && (s->state[index] == SLOT_FREE || s->state[index] == SLOT_WALKED)) {
        /* Without a codec nothing but the mark says whether the record is as it was. */
        if (s->codec != CASK_CODEC_NONE || !has_mark(s, index) || cask_table_length(&s->old, index) != length) {
            place(s, index, SLOT_WALKED, offset, payload, length);
            return CASK_OK;
        }
        s->state[index] = SLOT_LOST;
    }
    s->dirty = true;
    if (belongs && (s->state[index] == SLOT_PRUNED || s->state[index] == SLOT_LOST))
        return CASK_OK;
    s->unknown++;
    return tell(s, "unknown-record", true, CASK_AT(s->path.text, offset),
                "a record of %" PRIu32 " bytes is of no slot that is known", length);
}

/* *next_out: the end of the record at `offset`, 0 if there is none. Where a record is `expected` it need not say its
 * slot; amid garbage it must. */
static int walk_record(uint64_t *next_out, survey *s, uint64_t offset, uint64_t end, bool expected)
{
    const uint8_t *payload;
    uint32_t length;
    uint64_t slot;
    bool is_record, decodes;

    *next_out = 0;
    CASK_TRY(read_record(&is_record, &payload, &length, s, offset, end));
    if (!is_record)
        return CASK_OK;
    slot = slot_proven(s, payload, length);
    if (slot != CASK_NO_SLOT) {
        uint32_t index = (uint32_t)(slot % CASK_SLOTS_PER_FILE);

        *next_out = offset + CASK_RECORD_HEADER_SIZE + length;
        if (s->state[index] == SLOT_PRUNED)
            s->dirty = true;
        else
            place(s, index, SLOT_PROVEN, offset, payload, length);
        return CASK_OK;
    }
    CASK_TRY(slot_said(&slot, &decodes, s, payload, length));
    if (!decodes || (slot == CASK_NO_SLOT && !expected))
        return CASK_OK;
    *next_out = offset + CASK_RECORD_HEADER_SIZE + length;
    return place_walked(s, slot, offset, payload, length);
}

/* Whether the old table leads to a record here: which is then named by its slot. */
static bool is_entry(const survey *s, uint64_t offset)
{
    for (uint32_t i = 0; i < CASK_SLOTS_PER_FILE; i++) {
        if (cask_table_offset(&s->old, i) == offset && has_mark(s, i))
            return true;
    }
    return false;
}

static int tell_garbage(survey *s, uint64_t from, uint64_t to)
{
    s->dirty = true;
    if (is_entry(s, from))
        return CASK_OK;
    s->unknown++;
    return tell(s, "unknown-record", true, CASK_AT(s->path.text, from), "%" PRIu64 " bytes cannot be read as records",
                to - from);
}

static int walk_gap(survey *s, uint64_t from, uint64_t to)
{
    uint64_t garbage = CASK_NO_OFFSET, at = from, next;

    while (at < to) {
        if (garbage == CASK_NO_OFFSET) {
            uint64_t start = at;

            CASK_TRY(cask_window_skip_zeros(&s->window, start, to, &at));
            if (at == to)
                break;
            /* A record type may begin with a zero. */
            if (s->conf.record_type[0] == 0 && at > start)
                at--;
        }
        CASK_TRY(walk_record(&next, s, at, to, garbage == CASK_NO_OFFSET));
        if (next == 0) {
            garbage = garbage == CASK_NO_OFFSET ? at : garbage;
            next = cask_window_skip_unreadable(&s->window, at);
            at = next > at ? next : at + 1;
            continue;
        }
        if (garbage != CASK_NO_OFFSET)
            CASK_TRY(tell_garbage(s, garbage, at));
        garbage = CASK_NO_OFFSET;
        at = next;
    }
    return garbage == CASK_NO_OFFSET ? CASK_OK : tell_garbage(s, garbage, to);
}

static int look_into_gap(survey *s, uint64_t from, uint64_t to)
{
    uint64_t at;

    if (from >= to)
        return CASK_OK;
    if (!s->trusted)
        return walk_gap(s, from, to);
    CASK_TRY(cask_window_skip_zeros(&s->window, from, to, &at));
    s->dirty |= at < to;
    return CASK_OK;
}

static int look_into_gaps(survey *s, uint64_t (*entries)[2], size_t count)
{
    uint64_t at = CASK_DATA_START;

    for (size_t i = 0; i <= count; i++) {
        CASK_TRY(look_into_gap(s, at, i < count ? entries[i][0] : s->limit));
        if (i < count)
            at = entries[i][0] + CASK_RECORD_HEADER_SIZE + cask_table_length(&s->found, (uint32_t)entries[i][1]);
    }
    return CASK_OK;
}

/* ---- The survey of a file ---- */

static int check_version_record(survey *s)
{
    const uint8_t *bytes;

    if (s->limit < CASK_DATA_START) {
        s->dirty |= s->limit > 0;
        return CASK_OK;
    }
    CASK_TRY(read_bytes(&bytes, s, 0, CASK_DATA_START));
    s->dirty |= bytes == NULL || memcmp(bytes, cask_version_record, CASK_DATA_START) != 0;
    return CASK_OK;
}

static int take_survey(survey *s)
{
    uint64_t (*entries)[2] = malloc(CASK_SLOTS_PER_FILE * sizeof *entries);
    size_t count = 0;
    int code;

    if (entries == NULL)
        return cask_fail_nomem();
    memset(&s->found, 0, sizeof s->found);
    memset(s->state, 0, sizeof s->state);
    s->records = s->pruned = s->undecodable = s->unknown = s->lost = s->next = 0;
    s->dirty = false;
    code = check_version_record(s);
    find_tombstones(s);
    if (code == CASK_OK)
        code = prove_entries(s, entries, &count);
    if (code == CASK_OK)
        code = look_into_gaps(s, entries, count);
    free(entries);
    return code;
}

/* The codec went with the seal: it is that which most records have. Frames of both kinds are told by how they begin. */
static int find_codec(survey *s)
{
    static const uint8_t framed[] = { CASK_CODEC_SNAPPY, CASK_CODEC_ZSTD };

    for (size_t i = 0; i < sizeof framed; i++) {
        s->codec = framed[i];
        CASK_TRY(take_survey(s));
        if (s->records > 2 * s->undecodable)
            return CASK_OK;
    }
    s->codec = CASK_CODEC_NONE;
    CASK_TRY(take_survey(s));
    if (s->records == 0)
        s->codec = s->conf.codec;
    return CASK_OK;
}

static int survey_quietly(survey *s)
{
    int code = CASK_OK;

    s->quiet = true;
    if (s->conf.version >= 4 && !s->known)
        code = find_codec(s);
    if (code == CASK_OK)
        code = take_survey(s);
    /* More than were committed: some came back with an older data file. */
    s->by_proof_only = s->conf.version >= 4 && s->known && s->records > s->facts.records;
    s->quiet = false;
    return code;
}

/* Whether there was a record, by the old table. */
static bool had_record(const survey *s, uint32_t index)
{
    uint64_t offset = cask_table_offset(&s->old, index);

    if (s->state[index] == SLOT_LOST)
        return true;
    if (s->state[index] != SLOT_FREE || !cask_table_has(&s->old, s->conf.version, index))
        return false;
    if (s->trusted || s->conf.version < 4)
        return true;
    return has_mark(s, index) && offset >= CASK_DATA_START && offset < OFFSET_LIMIT &&
           (!s->known || offset + CASK_RECORD_HEADER_SIZE + cask_table_length(&s->old, index) <= s->facts.data_length);
}

static int tell_losses(survey *s)
{
    cask_path table = cask_table_path(s->all->column->folder.text, s->file_id);

    for (uint32_t i = 0; i < CASK_SLOTS_PER_FILE; i++) {
        uint64_t offset = cask_table_offset(&s->old, i);

        if (!had_record(s, i))
            continue;
        s->lost++;
        CASK_TRY(tell(s, "lost-record", true,
                      CASK_AT_SLOT(s->path.text, offset < CASK_DATA_START ? CASK_NO_OFFSET : offset, slot_at(s, i)),
                      "the record cannot be read; put it again from elsewhere"));
    }
    if (s->conf.version < 4)
        return CASK_OK;
    if (s->known && s->facts.records > s->records + s->lost + s->unknown)
        CASK_TRY(tell(s, "lost-record", true, CASK_IN_FILE(s->path.text),
                      "%" PRIu32 " records more than these are lost",
                      s->facts.records - s->records - s->lost - s->unknown));
    if (!s->known && s->size == 0 && s->lost + s->pruned == 0)
        CASK_TRY(tell(s, "lost-record", true, CASK_IN_FILE(s->path.text),
                      "table and data are gone: whether there were records cannot be told"));
    if (s->known ? s->facts.pruned <= s->pruned : s->all->pruned.damaged == 0)
        return CASK_OK;
    return tell(s, "lost-tombstone", true, CASK_IN_FILE(table.text),
                "table and list are damaged: it cannot be told which slots were pruned");
}

static bool is_damaged(const survey *s)
{
    uint64_t expected = s->known ? s->facts.data_length : s->size;

    if (!s->trusted)
        return true;
    if (s->conf.version < 4)
        return false;
    return s->dirty || s->records != s->facts.records || s->size < expected ||
           (s->listed == NULL && s->size != expected);
}

/* ---- The new file ---- */

static int copy_records(survey *s, cask_replacement *r)
{
    for (uint32_t i = 0; i < CASK_SLOTS_PER_FILE; i++) {
        uint64_t offset = cask_table_offset(&s->found, i);
        uint32_t length = cask_table_length(&s->found, i);
        uint32_t crc;
        const uint8_t *bytes;

        if (!cask_table_has(&s->found, 4, i)) {
            cask_table_set(&r->view->table, i, offset, 0, 0);
            continue;
        }
        CASK_TRY(cask_window_read(&s->window, offset, CASK_RECORD_HEADER_SIZE + (uint64_t)length, &bytes));
        crc = cask_record_crc(slot_at(s, i), s->conf.record_type, length, bytes + CASK_RECORD_HEADER_SIZE);
        if (crc != cask_table_crc(&s->found, i))
            return cask_fail(CASK_E_IO, CASK_AT_SLOT(s->path.text, offset, slot_at(s, i)),
                             "the record reads otherwise than before; the old file stays. Check the disk and the "
                             "memory");
        CASK_TRY(cask_replacement_add(r, slot_at(s, i), bytes + CASK_RECORD_HEADER_SIZE, length, crc));
    }
    return CASK_OK;
}

/* The data file stays if the records found, and zeros, are all there is in it. */
static bool can_keep_data(const survey *s)
{
    return s->records > 0 && !s->dirty && s->size == (s->known ? s->facts.data_length : s->size);
}

static int make_new_file(survey *s, cask_replacement *r)
{
    r->keeps_data = can_keep_data(s);
    r->old_seal_lost = s->listed == NULL && !s->known;
    r->digest_known = r->old_seal_lost && !CASK_FAULT(rebuild_keeps_old_digest);
    if (r->digest_known)
        CASK_TRY(digest_without(&r->digest, s->all->column, &s->conf, s->file_id));
    r->view->codec = s->codec;
    r->view->pruned = s->pruned;
    for (uint32_t i = 0; i < CASK_SLOTS_PER_FILE; i++)
        r->view->value_bytes += cask_table_has(&s->found, 4, i) ? s->value_size[i] : 0;
    if (!r->keeps_data)
        return copy_records(s, r);
    r->view->table = s->found;
    r->view->records = s->records;
    r->view->data_length = s->size;
    return CASK_OK;
}

static int replace_file(survey *s)
{
    cask_replacement r;
    int code = cask_replacement_begin(&r, s->all->column, s->file_id);

    if (code == CASK_OK)
        code = make_new_file(s, &r);
    if (code == CASK_OK)
        code = cask_replacement_commit(&r);
    if (code == CASK_OK)
        s->all->sum->bytes_after += r.view->data_length;
    cask_replacement_end(&r);
    return code;
}

/* Formats 2 and 3: the conf says nothing of tables, so a rename is all. */
static int replace_table(const survey *s)
{
    const cask_column *column = s->all->column;
    cask_path made = cask_replacement_table(column->folder.text);
    cask_handle handle = CASK_HANDLE_INIT;
    int code;

    CASK_TRY(cask_handle_open(&handle, column->vfs, made.text, CASK_OPEN_TRUNCATE));
    code = cask_table_write(&s->found, s->conf.version, 0, CASK_SLOTS_PER_FILE - 1, &handle, made.text);
    if (code == CASK_OK)
        code = cask_sync(&handle, made.text);
    cask_handle_close(&handle);
    CASK_TRY(code);
    CASK_TRY(cask_rename(column->vfs, made.text, cask_table_path(column->folder.text, s->file_id).text));
    s->all->sum->bytes_after += s->size;
    return cask_sync_folder(column->vfs, column->folder.text);
}

static int make_again(survey *s)
{
    cask_path table = cask_table_path(s->all->column->folder.text, s->file_id);

    CASK_TRY(take_survey(s));
    if (s->records == 0 && s->unreadable.count > 0)
        return cask_fail_system(-s->unreadable.system_errno, CASK_IN_FILE(s->path.text), "read anything of the file");
    CASK_TRY(tell_losses(s));
    CASK_TRY(s->conf.version < 4 ? replace_table(s) : replace_file(s));
    s->all->sum->files++;
    s->all->sum->slots += s->records;
    s->all->sum->bytes_before += s->size;
    return tell(s, "rebuilt", false, CASK_IN_FILE(table.text), "%" PRIu32 " records were kept", s->records);
}

/* Formats 2 and 3: what does not exist yet is as it should be, and a file whose data is gone cannot be helped. */
static int can_be_rebuilt(bool *can, survey *s)
{
    /* A whole table without a record and without data is what an upgrade has left. */
    bool gap = s->handle.file < 0 && s->trusted && cask_table_count(&s->old, s->conf.version) == 0;
    bool exists = s->known ? s->facts.data_length > 0 : !gap;

    *can = s->conf.version >= 4 || (exists && s->handle.file >= 0);
    if (*can || !exists)
        return CASK_OK;
    return tell(s, "lost-record", true, CASK_IN_FILE(s->path.text), "the data file is missing; restore it from a copy");
}

static int rebuild_file(rebuilding *all, uint64_t file_id, bool anyway)
{
    survey *s = calloc(1, sizeof *s);
    bool can = false;
    int code;

    if (s == NULL)
        return cask_fail_nomem();
    s->all = all;
    s->conf = cask_column_conf(all->column);
    s->file_id = file_id;
    s->handle = (cask_handle)CASK_HANDLE_INIT;
    code = look_at(s);
    if (code == CASK_OK)
        code = can_be_rebuilt(&can, s);
    if (code == CASK_OK && can) {
        code = survey_quietly(s);
        if (code == CASK_OK && (anyway || is_damaged(s)))
            code = make_again(s);
    }
    cask_handle_close(&s->handle);
    cask_buf_dispose(&s->window.buffer);
    free(s->unreadable.ranges);
    cask_buf_dispose(&s->value);
    free(s);
    return code;
}

/* ---- The list of pruned ranges ---- */

static int add_tombstone(cask_pruned_list *made, uint64_t slot)
{
    cask_pruned_entry *grown;

    if (made->count > 0 && made->entries[made->count - 1].last + 1 == slot) {
        made->entries[made->count - 1].last = slot;
        return CASK_OK;
    }
    if ((made->count & (made->count - 1)) == 0) { /* a power of two, or none: it is full */
        grown = realloc(made->entries, (made->count == 0 ? 1 : 2 * made->count) * sizeof *grown);
        if (grown == NULL)
            return cask_fail_nomem();
        made->entries = grown;
    }
    made->entries[made->count++] = (cask_pruned_entry){ slot, slot, CASK_INTENT_PRUNE };
    return CASK_OK;
}

/* *lacking_out: the list that there is has not all of them. */
static int collect_tombstones(cask_pruned_list *made, bool *lacking_out, const rebuilding *all)
{
    cask_conf conf = cask_column_conf(all->column);
    int code = CASK_OK;

    *lacking_out = all->pruned.damaged > 0;
    for (uint64_t id = conf.first_file_id; id <= cask_conf_current(&conf) && code == CASK_OK; id++) {
        cask_view *view;

        CASK_TRY(cask_view_load(&view, all->column, &conf, id));
        for (uint32_t i = 0; i < CASK_SLOTS_PER_FILE && view->pruned > 0 && code == CASK_OK; i++) {
            uint64_t slot = id * CASK_SLOTS_PER_FILE + i;

            if (cask_table_offset(&view->table, i) != CASK_OFFSET_PRUNED)
                continue;
            *lacking_out |= !cask_pruned_list_has(&all->pruned, slot);
            code = add_tombstone(made, slot);
        }
        cask_view_release(view);
    }
    return code;
}

static int tell_of_list(const rebuilding *all)
{
    cask_report report = { .what = "rebuilt",
                           .slot = CASK_NO_SLOT,
                           .offset = CASK_NO_OFFSET,
                           .message = "the list of pruned ranges was made from the tables" };
    cask_path path;

    if (all->report == NULL)
        return CASK_OK;
    CASK_TRY(cask_path_join(&path, all->column->folder.text, CASK_PRUNED_NAME));
    report.file = path.text;
    return all->report(&report, all->payload);
}

static int replace_list(rebuilding *all, const cask_pruned_list *made)
{
    cask_column *column = all->column;
    cask_conf *conf = &column->conf;

    CASK_TRY(cask_pruned_list_make(column->vfs, column->folder.text, made->entries, made->count));
    conf->pruned_entries = (uint32_t)made->count;
    conf->sequence++;
    CASK_TRY(cask_conf_store(conf, column->vfs, column->folder.text, column->conf_path.text));
    all->sum->files++;
    return tell_of_list(all);
}

/* All tables are whole by now, and tombstones that went with one of them were told of. */
static int rebuild_list(rebuilding *all)
{
    cask_pruned_list made = { 0 };
    bool lacking;
    int code;

    if (all->column->conf.pruned_entries == 0)
        return CASK_OK;
    code = collect_tombstones(&made, &lacking, all);
    if (code == CASK_OK && lacking)
        code = replace_list(all, &made);
    cask_pruned_list_free(&made);
    return code;
}

/* ---- The column ---- */

static int check_witness(const char *name, void *payload)
{
    const cask_column *column = payload;
    cask_handle handle = CASK_HANDLE_INIT;
    cask_path path;
    uint64_t id;
    bool is_table;
    int code;

    if (!cask_data_name_parse(name, &id, &is_table) || !is_table)
        return CASK_OK;
    path = cask_table_path(column->folder.text, id);
    CASK_TRY(cask_handle_open(&handle, column->vfs, path.text, CASK_OPEN_READ));
    code = cask_check_witness(&column->conf, column->conf_path.text, &handle, path.text);
    if (code == CASK_E_IO) /* a seal may be lost, not misread */
        code = cask_check_witness(&column->conf, column->conf_path.text, &handle, path.text);
    cask_handle_close(&handle);
    return code == CASK_E_IO ? CASK_OK : code;
}

/* Opening where healing refuses: nothing may be built on what is not durable, or of no commit. */
static int open_damaged(cask_column *column)
{
    cask_conf_damage damage;
    bool found;

    CASK_TRY(cask_conf_load(&column->conf, &damage, column->vfs, column->conf_path.text));
    column->codec = column->conf.codec;
    CASK_TRY(cask_list_folder(column->vfs, column->folder.text, check_witness, column));
    CASK_TRY(cask_conf_mend(&column->conf, damage, column->vfs, column->folder.text, column->conf_path.text));
    return column->conf.version < 4
               ? CASK_OK
               : cask_pruned_list_heal(&found, column->vfs, column->folder.text, &column->conf, false);
}

/* Done if it can be; if not, the file that it concerns is rebuilt as it was to become. */
static int finish_intent(rebuilding *all)
{
    cask_column *column = all->column;
    cask_conf *conf = &column->conf;
    int code = cask_intent_finish(column->vfs, column->folder.text, conf);
    bool stuck = code == CASK_E_CORRUPT || code == CASK_E_NOTFOUND;

    if (code < 0 && !stuck)
        return code;
    if (stuck && conf->intent.kind != CASK_INTENT_REPLACE)
        return rebuild_file(all, conf->intent.file_id, true);
    conf->intent = (cask_intent){ .kind = CASK_INTENT_NONE };
    conf->sequence++;
    return cask_conf_store(conf, column->vfs, column->folder.text, column->conf_path.text);
}

static int rebuild_old_files(rebuilding *all)
{
    cask_column *column = all->column;
    uint64_t *ids = NULL;
    size_t count = 0;
    int code = CASK_OK;

    CASK_TRY(cask_list_file_ids(&ids, &count, column->vfs, column->folder.text));
    for (size_t i = 0; i < count && ids[i] <= cask_conf_current(&column->conf) && code == CASK_OK; i++)
        code = rebuild_file(all, ids[i], false);
    free(ids);
    return code;
}

static int rebuild_files(rebuilding *all)
{
    cask_column *column = all->column;
    cask_conf conf = column->conf;
    int code = CASK_OK;

    if (cask_conf_is_empty(&conf))
        return CASK_OK;
    if (conf.version < 4)
        return rebuild_old_files(all);
    CASK_TRY(cask_pruned_list_load(&all->pruned, column->vfs, column->folder.text, &conf));
    if (conf.intent.kind != CASK_INTENT_NONE)
        code = finish_intent(all);
    for (uint64_t id = conf.first_file_id; id <= cask_conf_current(&conf) && code == CASK_OK; id++)
        code = rebuild_file(all, id, false);
    return code == CASK_OK ? rebuild_list(all) : code;
}

static int heal(cask_column *column, bool dry_run)
{
    return cask_heal(&column->conf, column->vfs, column->folder.text, column->conf_path.text, dry_run, NULL, NULL);
}

/* Also what healing refuses, for damage or since it cannot be read. That something cannot be written is neither. */
static int heal_and_open(cask_column *column)
{
    int code = heal(column, false);
    const cask_error error = *cask_error_last();
    bool damaged = code == CASK_E_CORRUPT && strcmp(error.word, "conf") != 0;
    bool unreadable = code == CASK_E_IO && heal(column, true) == CASK_E_IO;

    if (code == CASK_OK || damaged || unreadable)
        return open_damaged(column);
    cask_error_restore(&error);
    return code;
}

int cask_column_rebuild(cask_change *change_out, cask_archive *archive, const char *name, cask_slot_of_fn slot_of,
                        void *slot_payload, cask_report_fn report, void *payload)
{
    static const cask_column_options options = CASK_COLUMN_OPTIONS_INIT;
    rebuilding all = { .slot_of = slot_of, .slot_payload = slot_payload, .report = report, .payload = payload,
                       .sum = change_out };
    int code;

    *change_out = (cask_change){ 0 };
    if (archive->read_only)
        return cask_fail(CASK_E_REFUSED, CASK_IN_FILE(archive->folder.text), "the archive was opened read-only");
    CASK_TRY(cask_column_new(&all.column, archive, name, &options));
    code = heal_and_open(all.column);
    if (code == CASK_E_NOTFOUND)
        code = cask_fail(CASK_E_NOTFOUND, CASK_IN_FILE(archive->folder.text), "there is no column %s", name);
    if (code == CASK_OK)
        code = rebuild_files(&all);
    if (code == CASK_OK)
        code = heal(all.column, false);
    cask_pruned_list_free(&all.pruned);
    cask_column_close(all.column);
    return code;
}
