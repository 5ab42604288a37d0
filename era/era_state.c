#include "era_state.h"

#include "../archive/bytes.h"
#include "../archive/codec.h"
#include "../archive/error.h"

#include <string.h>

/* ---- What is kept ----------------------------------------------------------------------------------------- */

/* Parts of the state become known one by one: the head says how long the fixed-size part is, that part where the entry
 * of the era is. Each lies behind what says so, or at its end, so one pass suffices. */
typedef enum stage { AT_HEAD, AT_FIXED, AT_ENTRY, AT_REST } stage;

/* How much is wanted. */
typedef enum era_state_part { PART_ROOTS, PART_ENTRY, PART_WHOLE } era_state_part;

typedef struct collector {
    era_state *state;
    uint64_t slots; /* per era */
    uint64_t era;   /* 0: the head is all that is wanted */
    era_state_part part;
    stage stage;
    size_t head_size; /* wanted of the head */
    beacon_range entry;
    uint8_t entry_data[BEACON_ERA_ENTRY_MAX];
    cask_place place; /* of the record */
} collector;

static int malformed(cask_place place, const char *what)
{
    return cask_fail_word(CASK_E_CORRUPT, "ssz-malformed", place,
                          "not a BeaconState of this network: %s; take the file from a good copy", what);
}

/* Copy what `piece`, which is at `offset` of the state, has of the `size` bytes at `wanted`. */
static void copy_part(uint8_t *to, uint64_t wanted, size_t size, const cask_buf *piece, uint64_t offset)
{
    uint64_t begin = wanted > offset ? wanted : offset;
    uint64_t wanted_end = wanted + size, piece_end = offset + piece->size;
    uint64_t end = wanted_end < piece_end ? wanted_end : piece_end;

    if (begin < end)
        memcpy(to + (begin - wanted), piece->data + (begin - offset), (size_t)(end - begin));
}

static int want_head(collector *c, size_t size)
{
    c->head_size = size;
    return cask_buf_reserve(&c->state->head, size);
}

static int collect_head(collector *c, const cask_buf *piece, uint64_t offset)
{
    cask_buf *head = &c->state->head;

    copy_part(head->data, 0, c->head_size, piece, offset);
    head->size = offset + piece->size < c->head_size ? (size_t)(offset + piece->size) : c->head_size;
    if (head->size < c->head_size)
        return CASK_OK;
    if (c->stage == AT_FIXED) {
        c->stage = AT_ENTRY;
        if (!beacon_state_era_entry(&c->entry, head->data, head->size, c->slots, c->era))
            return malformed(c->place, "its offsets contradict each other");
    } else if (c->era == 0 || c->part == PART_ROOTS) {
        c->stage = AT_REST;
    } else {
        size_t fixed_size;

        c->stage = AT_FIXED;
        if (!beacon_state_fixed_size(&fixed_size, head->data, c->slots))
            return malformed(c->place, "its first offset is of no fork");
        CASK_TRY(want_head(c, fixed_size));
    }
    return CASK_OK;
}

/* Room grows by doubling: what of it is never written costs nothing. */
static int append(era_state *state, const cask_buf *piece)
{
    cask_buf *whole = &state->head;

    if (piece->size > whole->capacity - whole->size)
        CASK_TRY(cask_buf_reserve(whole, 2 * whole->capacity + piece->size));
    if (piece->size > 0)
        memcpy(whole->data + whole->size, piece->data, piece->size);
    whole->size += piece->size;
    return CASK_OK;
}

static int collect_whole(collector *c, const cask_buf *piece)
{
    CASK_TRY(append(c->state, piece));
    c->state->size = c->state->head.size;
    return c->state->size > ERA_STATE_MAX ? malformed(c->place, "larger than any is") : CASK_OK;
}

static int collect(collector *c, const cask_buf *piece)
{
    const uint64_t offset = c->state->size;

    if (c->part == PART_WHOLE)
        return collect_whole(c, piece);
    while (c->stage < AT_ENTRY) {
        stage before = c->stage;

        CASK_TRY(collect_head(c, piece, offset));
        if (c->stage == before)
            break;
    }
    if (c->stage == AT_ENTRY)
        copy_part(c->entry_data, c->entry.offset, c->entry.size, piece, offset);
    c->state->size += piece->size;
    return c->state->size > UINT32_MAX ? malformed(c->place, "more bytes than its offsets can reach") : CASK_OK;
}

int era_state_find_era_root(era_state *state, uint64_t era, uint64_t slots, cask_place place)
{
    size_t fixed_size;
    beacon_range entry;

    state->has_era_root = false;
    if (state->head.size < BEACON_STATE_HEAD_SIZE)
        return malformed(place, "it is too short");
    if (era == 0)
        return CASK_OK;
    if (state->head.size < BEACON_STATE_ROOTS_SIZE(slots) ||
        !beacon_state_fixed_size(&fixed_size, state->head.data, slots))
        return malformed(place, "its first offset is of no fork");
    if (state->head.size < fixed_size)
        return malformed(place, "it is too short");
    if (!beacon_state_era_entry(&entry, state->head.data, fixed_size, slots, era))
        return malformed(place, "its offsets contradict each other");
    if (entry.size > 0 && entry.offset + entry.size <= state->head.size) {
        beacon_era_root(state->era_root, state->head.data + entry.offset, entry.size);
        state->has_era_root = true;
    }
    return CASK_OK;
}

static int collect_end(collector *c)
{
    if (c->part == PART_WHOLE)
        return era_state_find_era_root(c->state, c->era, c->slots, c->place);
    if (c->stage < AT_ENTRY)
        return malformed(c->place, "it is too short");
    if (c->part == PART_ROOTS) {
        c->state->size = 0;
    } else if (c->entry.size > 0 && c->entry.offset + c->entry.size <= c->state->size) {
        beacon_era_root(c->state->era_root, c->entry_data, c->entry.size);
        c->state->has_era_root = true;
    }
    return CASK_OK;
}

/* ---- The stream, in pieces -------------------------------------------------------------------------------- */

/*
 * A stream of snappy frames may be cut between chunks: with a stream identifier before it, each piece is a stream.
 * Framing format: a chunk is type u8 | length u24 | length bytes; the types from 0x80 to 0xfe are skipped.
 */
enum { CHUNK_HEADER_SIZE = 4, CHUNK_DATA_LAST = 0x01, CHUNK_SKIPPED_FIRST = 0x80, CHUNK_SKIPPED_LAST = 0xfe };

/* A chunk holds at most 64 KiB of the value; compressed, the worst case of snappy is a sixth more. */
enum { PIECE_CHUNKS = 16, PIECE_VALUE_MAX = PIECE_CHUNKS << 16, PIECE_SIZE = PIECE_VALUE_MAX + PIECE_VALUE_MAX / 4 };

static const uint8_t identifier[] = { 0xff, 6, 0, 0, 's', 'N', 'a', 'P', 'p', 'Y' };

typedef struct stream {
    const cask_era *era;
    uint64_t begin; /* of the payload */
    uint64_t at;    /* of the next chunk */
    uint64_t end;
    cask_buf stored; /* an identifier, then bytes of the file */
    cask_buf value;
    collector collector;
} stream;

/* Size of the whole chunks at the beginning of `data` that make a piece; all of it, if not even one is whole. */
static size_t piece_size(const uint8_t *data, size_t size)
{
    size_t at = 0, chunks = 0;

    while (size - at >= CHUNK_HEADER_SIZE && chunks < PIECE_CHUNKS) {
        size_t chunk = CHUNK_HEADER_SIZE + (cask_load32(data + at) >> 8);

        if (chunk > size - at)
            break;
        if (data[at] <= CHUNK_DATA_LAST)
            chunks++;
        at += chunk;
    }
    return at > 0 ? at : size;
}

/* The chunk at the beginning of the bytes read is skippable, and too large to be read whole. */
static bool skip_large_chunk(stream *s, const uint8_t *data, size_t size)
{
    uint64_t chunk;

    if (s->at == s->begin || size < CHUNK_HEADER_SIZE || data[0] < CHUNK_SKIPPED_FIRST || data[0] > CHUNK_SKIPPED_LAST)
        return false;
    chunk = CHUNK_HEADER_SIZE + (cask_load32(data) >> 8);
    if (chunk <= size || chunk > s->end - s->at)
        return false;
    s->at += chunk;
    return true;
}

static int decode_piece(stream *s, const uint8_t *data, size_t size)
{
    int code = cask_codec_decode_buf(&s->value, CASK_CODEC_SNAPPY, data, size, PIECE_VALUE_MAX);

    if (code == CASK_E_NOMEM)
        return code;
    if (code < 0)
        return cask_fail_word(CASK_E_CORRUPT, "snappy", s->collector.place, "the state is, from byte %llu on, %s",
                              (unsigned long long)(s->at - s->begin), cask_error_last()->message);
    return collect(&s->collector, &s->value);
}

static int next_piece(stream *s)
{
    const uint64_t left = s->end - s->at;
    size_t size = left < PIECE_SIZE ? (size_t)left : PIECE_SIZE;
    uint8_t *data = s->stored.data + sizeof(identifier);

    CASK_TRY(cask_read_exact(&s->era->handle, s->era->path, data, size, s->at));
    if (skip_large_chunk(s, data, size))
        return CASK_OK;
    size = piece_size(data, size);
    if (s->at == s->begin)
        CASK_TRY(decode_piece(s, data, size));
    else
        CASK_TRY(decode_piece(s, s->stored.data, sizeof(identifier) + size));
    s->at += size;
    return CASK_OK;
}

static int read_stream(stream *s)
{
    collector *c = &s->collector;

    CASK_TRY(want_head(c, c->era == 0 ? BEACON_STATE_HEAD_SIZE : BEACON_STATE_ROOTS_SIZE(c->slots)));
    CASK_TRY(cask_buf_reserve(&s->stored, sizeof(identifier) + PIECE_SIZE));
    memcpy(s->stored.data, identifier, sizeof(identifier));
    do
        CASK_TRY(next_piece(s));
    while (s->at < s->end && !(c->part == PART_ROOTS && c->stage == AT_REST));
    return collect_end(c);
}

static int read_state(era_state *state, const cask_era *era, size_t group, era_state_part part)
{
    const cask_era_group *facts = &era->groups[group].facts;
    stream s = { .era = era, .stored = CASK_BUF_INIT, .value = CASK_BUF_INIT };
    int code;

    state->size = 0;
    state->head.size = 0;
    state->has_era_root = false;
    s.begin = s.at = facts->state_offset + E2_HEADER_SIZE;
    s.end = s.begin + facts->state_size;
    s.collector = (collector){ .state = state, .slots = era->slots_per_era, .era = facts->era,
                               .part = part };
    s.collector.place = CASK_AT_SLOT(era->path, facts->state_offset, facts->state_slot);
    code = read_stream(&s);
    cask_buf_dispose(&s.stored);
    cask_buf_dispose(&s.value);
    return code;
}

int era_state_read(era_state *state, const cask_era *era, size_t group)
{
    return read_state(state, era, group, PART_ENTRY);
}

int era_state_read_whole(era_state *state, const cask_era *era, size_t group)
{
    return read_state(state, era, group, PART_WHOLE);
}

int era_state_read_roots(era_state *state, const cask_era *era, size_t group)
{
    return read_state(state, era, group, PART_ROOTS);
}

void era_state_dispose(era_state *state)
{
    cask_buf_dispose(&state->head);
    *state = (era_state)ERA_STATE_INIT;
}
