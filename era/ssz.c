/*
 * The engine: one walk over a type, on many values of it at a time. A container is walked field by field over all
 * values, a list element by element over all lists: so what is alike lies together, and the hashing of trees is batched.
 * The walk recurses on the tables of types, never on the input.
 */
#include "ssz_schema.h"

#include "../archive/bytes.h"
#include "../archive/error.h"
#include "../archive/parallel.h"
#include "merkle.h"
#include "sha256.h"

#include <stdio.h>
#include <stdlib.h>

/* How deep the tables are nested, elements and fields counted; SignedBeaconBlock of gloas: 8. */
#define DEPTH_MAX 16

#define OFFSET_SIZE 4u

/* ---- Scratch memory: a stack of blocks ------------------------------------------------------------------------ */

typedef struct block {
    struct block *below;
    size_t size;
    size_t used;
    uint8_t bytes[];
} block;

typedef struct scratch {
    block *top;
    block *spare; /* kept for the next time, so that a loop does not allocate again and again */
} scratch;

typedef struct mark {
    block *top;
    size_t used;
} mark;

#define BLOCK_SIZE ((size_t)1 << 16)
#define ALIGNMENT 32u

static int push_block(scratch *memory, size_t size)
{
    block *fresh = memory->spare;

    if (fresh && fresh->size >= size) {
        memory->spare = NULL;
    } else {
        if (size < BLOCK_SIZE)
            size = BLOCK_SIZE;
        if (size > SIZE_MAX - sizeof *fresh || (fresh = malloc(sizeof *fresh + size)) == NULL)
            return cask_fail_nomem();
        fresh->size = size;
    }
    fresh->used = 0;
    fresh->below = memory->top;
    memory->top = fresh;
    return CASK_OK;
}

/* Room for `count` items of `size` bytes, until the mark before it is released. */
static int take(scratch *memory, void *pointer_out, size_t count, size_t size)
{
    size_t bytes;
    void *pointer;

    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX - ALIGNMENT)
        return cask_fail_nomem();
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (!memory->top || bytes > memory->top->size - memory->top->used)
        CASK_TRY(push_block(memory, bytes));
    pointer = memory->top->bytes + memory->top->used;
    memory->top->used += bytes;
    memcpy(pointer_out, &pointer, sizeof pointer);
    return CASK_OK;
}

static mark mark_scratch(const scratch *memory)
{
    return (mark){ memory->top, memory->top ? memory->top->used : 0 };
}

static void pop_block(scratch *memory)
{
    block *gone = memory->top;

    memory->top = gone->below;
    if (memory->spare && memory->spare->size >= gone->size) {
        free(gone);
    } else {
        free(memory->spare);
        memory->spare = gone;
    }
}

static void release(scratch *memory, mark to)
{
    while (memory->top != to.top)
        pop_block(memory);
    if (memory->top)
        memory->top->used = to.used;
}

static void dispose_scratch(scratch *memory)
{
    while (memory->top)
        pop_block(memory);
    free(memory->spare);
}

/* ---- The walk: what one thread knows of where it is ------------------------------------------------------------ */

typedef struct walk {
    scratch memory;
    struct walk *team; /* one walk per job, this one first */
    unsigned jobs;
    const ssz_bytes *values; /* the whole, for the offsets in errors */
    size_t value_count;
    const char *path[DEPTH_MAX];
    size_t depth;
} walk;

#define ELEMENT "[]"

static void enter(walk *w, const char *name)
{
    w->path[w->depth++] = name;
}

static void leave(walk *w)
{
    w->depth--;
}

static uint64_t offset_of(const walk *w, const uint8_t *at)
{
    for (size_t i = 0; i < w->value_count; i++) {
        uintptr_t first = (uintptr_t)w->values[i].data;

        if ((uintptr_t)at >= first && (uintptr_t)at - first <= w->values[i].size)
            return (uintptr_t)at - first;
    }
    return CASK_NO_OFFSET;
}

static int invalid(const walk *w, const uint8_t *at, const char *what)
{
    char path[256] = "the value";
    size_t length = 0;

    for (size_t i = 0; i < w->depth && length < sizeof path; i++) {
        const char *dot = i > 0 && strcmp(w->path[i], ELEMENT) != 0 ? "." : "";

        length += (size_t)snprintf(path + length, sizeof path - length, "%s%s", dot, w->path[i]);
    }
    return cask_fail(CASK_E_INVALID, CASK_AT(NULL, offset_of(w, at)), "not valid SSZ: %s %s", path, what);
}

/* Check `count` values of a type and, if `roots` is not NULL, store their roots there. */
static int visit(walk *w, const ssz_type *type, const ssz_bytes *values, size_t count, uint8_t *roots);

/* ---- Facts about types ------------------------------------------------------------------------------------------ */

/* Chunks that the tree of a type with a limit has room for. Elements: `packed` bytes each, or a root. */
static uint64_t chunk_limit(const ssz_type *type, size_t packed)
{
    switch (type->kind) {
    case SSZ_BITVECTOR:
    case SSZ_BITLIST:
        return (type->limit + 255) / 256;
    case SSZ_VECTOR:
    case SSZ_LIST:
        return packed ? (type->limit * packed + MERKLE_NODE - 1) / MERKLE_NODE : type->limit;
    case SSZ_CONTAINER:
        return type->field_count;
    default:
        return 1;
    }
}

/* Bytes of each element of a list or vector whose leaves are the very bytes, or 0: basic elements share chunks, and
 * vectors of 32 bytes are their own roots. */
static size_t packed_size(const ssz_type *type)
{
    const ssz_type *element = type->element;

    if (!element)
        return 0;
    if (ssz_is_basic(element))
        return (size_t)element->limit;
    if (element->kind == SSZ_VECTOR && ssz_is_basic(element->element) && ssz_fixed_size(element) == MERKLE_NODE)
        return MERKLE_NODE;
    return 0;
}

static bool is_packed(const ssz_type *type)
{
    return type->kind <= SSZ_BITLIST || packed_size(type) > 0;
}

static bool has_spare_bits(const ssz_type *type)
{
    return type->kind == SSZ_BITVECTOR && type->limit % 8 != 0;
}

/* Whether bytes of the right size may still be wrong. */
static bool needs_check(const ssz_type *type)
{
    if (type->kind == SSZ_BOOLEAN || has_spare_bits(type) || ssz_fixed_size(type) == 0)
        return true;
    if (type->element)
        return needs_check(type->element);
    for (size_t i = 0; i < type->field_count; i++) {
        if (needs_check(type->fields[i].type))
            return true;
    }
    return false;
}

/* ---- Trees ------------------------------------------------------------------------------------------------------ */

/* The first leaf of the tree of 4^step leaves in a progressive tree. */
static uint64_t progressive_first(unsigned step)
{
    return (((uint64_t)1 << 2 * step) - 1) / 3;
}

/* Steps that a progressive tree of `leaves` leaves has. */
static unsigned progressive_steps(uint64_t leaves)
{
    unsigned steps = 0;

    while (progressive_first(steps) < leaves)
        steps++;
    return steps;
}

/* One step of all progressive trees that reach it: `roots` are those of the steps below it, and become those with it. */
static int reduce_step(walk *w, const uint8_t *nodes, const size_t *counts, size_t trees, unsigned step, uint8_t *roots)
{
    uint64_t first = progressive_first(step), most = (uint64_t)1 << 2 * step;
    size_t total = 0, reached = 0;
    size_t *part_counts;
    uint8_t *part, *rest;

    for (size_t i = 0; i < trees; i++)
        total += counts[i];
    CASK_TRY(take(&w->memory, &part_counts, trees, sizeof *part_counts));
    CASK_TRY(take(&w->memory, &part, merkle_room(total, trees), MERKLE_NODE));
    CASK_TRY(take(&w->memory, &rest, trees, MERKLE_NODE));
    total = 0;
    for (size_t i = 0; i < trees; nodes += counts[i] * MERKLE_NODE, i++) {
        size_t here;

        if (counts[i] <= first)
            continue;
        here = counts[i] - (size_t)first < most ? counts[i] - (size_t)first : (size_t)most;
        memcpy(part + total * MERKLE_NODE, nodes + first * MERKLE_NODE, here * MERKLE_NODE);
        memcpy(rest + reached * MERKLE_NODE, roots + i * MERKLE_NODE, MERKLE_NODE);
        part_counts[reached++] = here;
        total += here;
    }
    merkle_reduce_uneven(part, part_counts, reached, 0, 2 * step);
    merkle_mix(part, reached, rest, MERKLE_NODE);
    for (size_t i = 0, at = 0; i < trees; i++) {
        if (counts[i] > first)
            memcpy(roots + i * MERKLE_NODE, part + at++ * MERKLE_NODE, MERKLE_NODE);
    }
    return CASK_OK;
}

static int reduce_progressive(walk *w, const uint8_t *nodes, const size_t *counts, size_t trees, uint8_t *roots)
{
    const mark start = mark_scratch(&w->memory);
    size_t most = 0;

    for (size_t i = 0; i < trees; i++)
        most = counts[i] > most ? counts[i] : most;
    memset(roots, 0, trees * MERKLE_NODE);
    for (unsigned step = progressive_steps(most); step-- > 0;) {
        CASK_TRY(reduce_step(w, nodes, counts, trees, step, roots));
        release(&w->memory, start);
    }
    return CASK_OK;
}

/* Hash each root with the number of elements in its list. */
static int mix_lengths(walk *w, uint8_t *roots, const size_t *lengths, size_t count)
{
    uint8_t *pairs;

    CASK_TRY(take(&w->memory, &pairs, count, 2 * MERKLE_NODE));
    memset(pairs, 0, count * 2 * MERKLE_NODE);
    for (size_t i = 0; i < count; i++) {
        memcpy(pairs + 2 * i * MERKLE_NODE, roots + i * MERKLE_NODE, MERKLE_NODE);
        cask_store64(pairs + (2 * i + 1) * MERKLE_NODE, lengths[i]);
    }
    cask_sha256_hash_nodes(roots, pairs, count);
    return CASK_OK;
}

/* From the leaves of `count` lists, list i with counts[i] of them, to the roots of the lists. */
static int finish_lists(walk *w, const ssz_type *type, uint8_t *nodes, size_t *counts, const size_t *lengths,
                        size_t count, uint8_t *roots)
{
    unsigned depth;

    if (type->progressive) {
        CASK_TRY(reduce_progressive(w, nodes, counts, count, roots));
        return mix_lengths(w, roots, lengths, count);
    }
    depth = merkle_depth(chunk_limit(type, packed_size(type)));
    merkle_reduce_uneven(nodes, counts, count, 0, depth);
    for (size_t i = 0; i < count; i++) {
        memcpy(roots + i * MERKLE_NODE, counts[i] > 0 ? nodes : merkle_zero(depth), MERKLE_NODE);
        nodes += counts[i] * MERKLE_NODE;
    }
    return mix_lengths(w, roots, lengths, count);
}

/* ---- Long lists and vectors: in segments, by several threads ----------------------------------------------------- */

/* A segment is an aligned subtree, hashed up to where 16 nodes are left of it: enough to fill every kernel. */
#define SEGMENT_NODES 16u
#define CHUNKS_LEVELS 8u
#define ELEMENTS_LEVELS 5u

/* Consecutive leaves of one list or vector that make a tree of their own. */
typedef struct stretch {
    walk *team;
    const ssz_type *element; /* NULL: the leaves are the bytes */
    ssz_bytes list;
    size_t leaf_size; /* of elements, 0: they vary */
    size_t length;    /* leaves of the whole list */
    size_t first;     /* of the stretch */
    size_t count;
    size_t segment;  /* leaves in a segment */
    unsigned levels; /* that a segment is hashed up */
    uint8_t *nodes;  /* SEGMENT_NODES for each segment; NULL: only check */
    bool *repeats;   /* segments that are as the one before them */
    const char *path[DEPTH_MAX];
    size_t depth;
} stretch;

/* Where `count` elements from the one numbered `first` are, of `length` in the list. */
static int find_elements(walk *w, ssz_bytes list, size_t element_size, size_t length, size_t first, size_t count,
                         ssz_bytes *elements)
{
    for (size_t i = 0; i < count; i++) {
        size_t index = first + i;
        const uint8_t *at = list.data + index * OFFSET_SIZE;
        size_t begin, end;

        if (element_size > 0) {
            elements[i] = (ssz_bytes){ list.data + index * element_size, element_size };
            continue;
        }
        begin = cask_load32(at);
        end = index + 1 < length ? cask_load32(at + OFFSET_SIZE) : list.size;
        if (begin > end || end > list.size)
            return invalid(w, at, "has an offset that leads out of it, or back");
        elements[i] = (ssz_bytes){ list.data + begin, end - begin };
    }
    return CASK_OK;
}

/* Nodes that `count` > 0 of them become, so many levels up. */
static size_t nodes_left(size_t count, unsigned levels)
{
    return ((count - 1) >> levels) + 1;
}

static int hash_elements(walk *w, const stretch *s, size_t first, size_t count, uint8_t *out)
{
    ssz_bytes *elements;
    uint8_t *nodes = NULL;

    CASK_TRY(take(&w->memory, &elements, count, sizeof *elements));
    CASK_TRY(find_elements(w, s->list, s->leaf_size, s->length, first, count, elements));
    if (out)
        CASK_TRY(take(&w->memory, &nodes, merkle_room(count, 1), MERKLE_NODE));
    CASK_TRY(visit(w, s->element, elements, count, nodes));
    if (!out)
        return CASK_OK;
    merkle_reduce(nodes, count, 1, 0, s->levels);
    memcpy(out, nodes, nodes_left(count, s->levels) * MERKLE_NODE);
    return CASK_OK;
}

/* The first level is hashed straight from the input. */
static int hash_chunks(walk *w, const stretch *s, ssz_bytes bytes, uint8_t *out)
{
    size_t pairs = bytes.size / (2 * MERKLE_NODE), rest = bytes.size % (2 * MERKLE_NODE);
    uint8_t last[2 * MERKLE_NODE] = { 0 };
    uint8_t *nodes;

    if (rest > 0)
        memcpy(last, bytes.data + bytes.size - rest, rest);
    if (s->levels == 0) {
        memcpy(out, bytes.size > rest ? bytes.data : last, MERKLE_NODE);
        return CASK_OK;
    }
    CASK_TRY(take(&w->memory, &nodes, merkle_room(pairs + 1, 1), MERKLE_NODE));
    cask_sha256_hash_nodes(nodes, bytes.data, pairs);
    if (rest > 0)
        cask_sha256_hash_nodes(nodes + pairs++ * MERKLE_NODE, last, 1);
    merkle_reduce(nodes, pairs, 1, 1, s->levels);
    memcpy(out, nodes, nodes_left(pairs, s->levels - 1) * MERKLE_NODE);
    return CASK_OK;
}

static ssz_bytes bytes_of_leaves(const stretch *s, size_t first, size_t count)
{
    size_t begin = first * s->leaf_size, size = count * s->leaf_size;

    return (ssz_bytes){ s->list.data + begin, size < s->list.size - begin ? size : s->list.size - begin };
}

static bool repeats_previous(const stretch *s, size_t index, ssz_bytes bytes)
{
    return index > 0 && bytes.size == s->segment * s->leaf_size &&
           memcmp(bytes.data, bytes.data - bytes.size, bytes.size) == 0;
}

static int hash_segment(walk *w, const stretch *s, size_t index, size_t count, uint8_t *out)
{
    size_t first = s->first + index * s->segment;
    ssz_bytes bytes;

    if (s->leaf_size == 0 || !out)
        return hash_elements(w, s, first, count, out);
    bytes = bytes_of_leaves(s, first, count);
    s->repeats[index] = repeats_previous(s, index, bytes);
    if (s->repeats[index])
        return CASK_OK;
    if (s->element)
        return hash_elements(w, s, first, count, out);
    if (count < s->segment || !cask_all_zero(bytes.data, bytes.size))
        return hash_chunks(w, s, bytes, out);
    for (size_t i = 0; i < SEGMENT_NODES; i++)
        memcpy(out + i * MERKLE_NODE, merkle_zero(s->levels), MERKLE_NODE);
    return CASK_OK;
}

static int work_on_segment(size_t index, unsigned worker, void *context)
{
    const stretch *s = context;
    walk *w = &s->team[worker];
    const mark start = mark_scratch(&w->memory);
    size_t left = s->count - index * s->segment;
    int code;

    memcpy(w->path, s->path, sizeof w->path);
    w->depth = s->depth;
    code = hash_segment(w, s, index, left < s->segment ? left : s->segment,
                        s->nodes ? s->nodes + index * SEGMENT_NODES * MERKLE_NODE : NULL);
    release(&w->memory, start);
    return code;
}

/* The root of a stretch as a tree of `depth` levels. */
static int root_of_stretch(walk *w, stretch *s, unsigned depth, uint8_t *root)
{
    size_t segments;
    unsigned jobs = w->jobs;
    int code;

    s->team = w->team;
    s->levels = s->element ? ELEMENTS_LEVELS : CHUNKS_LEVELS;
    s->segment = (size_t)SEGMENT_NODES << s->levels;
    s->levels = s->levels < depth ? s->levels : depth;
    segments = (s->count - 1) / s->segment + 1;
    s->nodes = NULL;
    if (root) {
        CASK_TRY(take(&w->memory, &s->repeats, segments, sizeof *s->repeats));
        memset(s->repeats, 0, segments * sizeof *s->repeats);
        CASK_TRY(take(&w->memory, &s->nodes, merkle_room(segments * SEGMENT_NODES, 1), MERKLE_NODE));
    }
    memcpy(s->path, w->path, sizeof s->path);
    s->depth = w->depth;
    w->jobs = 1; /* what is below a segment belongs to its thread */
    code = cask_parallel(jobs, segments, work_on_segment, s);
    w->jobs = jobs;
    w->depth = s->depth;
    if (code < 0 || !root)
        return code;
    for (size_t i = 1; i < segments; i++) {
        uint8_t *nodes = s->nodes + i * SEGMENT_NODES * MERKLE_NODE;

        if (s->repeats[i])
            memcpy(nodes, nodes - SEGMENT_NODES * MERKLE_NODE, SEGMENT_NODES * MERKLE_NODE);
    }
    merkle_reduce(s->nodes, nodes_left(s->count, s->levels), 1, s->levels, depth);
    memcpy(root, s->nodes, MERKLE_NODE);
    return CASK_OK;
}

/* Step by step from the last; the root of a step is hashed with that of the steps behind it. */
static int progressive_root(walk *w, stretch *s, uint8_t *root)
{
    uint8_t pair[2 * MERKLE_NODE] = { 0 };
    const mark start = mark_scratch(&w->memory);

    for (unsigned step = progressive_steps(s->length); step-- > 0;) {
        size_t most = (size_t)1 << 2 * step;

        s->first = (size_t)progressive_first(step);
        s->count = s->length - s->first < most ? s->length - s->first : most;
        CASK_TRY(root_of_stretch(w, s, 2 * step, root ? pair : NULL));
        if (root)
            cask_sha256_hash_nodes(pair + MERKLE_NODE, pair, 1);
        release(&w->memory, start);
    }
    if (root)
        memcpy(root, pair + MERKLE_NODE, MERKLE_NODE);
    return CASK_OK;
}

/* One long list or vector of `length` elements. `packed`: bytes of each where they are the leaves, else 0. */
static int visit_long(walk *w, const ssz_type *type, ssz_bytes list, size_t length, size_t packed, uint8_t *root)
{
    stretch s = { .list = list, .length = length, .leaf_size = MERKLE_NODE };

    if (packed > 0) {
        s.length = (list.size - 1) / MERKLE_NODE + 1;
    } else {
        s.element = type->element;
        s.leaf_size = ssz_fixed_size(type->element);
    }
    s.count = s.length;
    enter(w, ELEMENT);
    if (type->progressive)
        CASK_TRY(progressive_root(w, &s, root));
    else
        CASK_TRY(root_of_stretch(w, &s, merkle_depth(chunk_limit(type, packed)), root));
    leave(w);
    return root && type->kind == SSZ_LIST ? mix_lengths(w, root, &length, 1) : CASK_OK;
}

/* ---- Packed types: basic ones, bits, and lists and vectors of what fills chunks --------------------------------- */

/* Bits of a bitlist: those before the highest bit of its last byte. */
static int count_bits(const walk *w, const ssz_type *type, ssz_bytes value, size_t *length_out)
{
    size_t bits;

    if (value.size == 0 || value.data[value.size - 1] == 0)
        return invalid(w, value.data, "has no bit that marks its end");
    bits = (value.size - 1) * 8 + 31u - (size_t)__builtin_clz(value.data[value.size - 1]);
    if (bits > type->limit)
        return invalid(w, value.data, "has more bits than are allowed");
    *length_out = bits;
    return CASK_OK;
}

/* Elements of a list or vector whose elements have `each` bytes. */
static int count_elements(const walk *w, const ssz_type *type, ssz_bytes value, size_t each, size_t *length_out)
{
    size_t length = value.size / each;

    if (length * each != value.size)
        return invalid(w, value.data, "is not a whole number of elements");
    if (type->kind == SSZ_VECTOR && length != type->limit)
        return invalid(w, value.data, "has not the number of elements that it must have");
    if (length > type->limit)
        return invalid(w, value.data, "has more elements than are allowed");
    *length_out = length;
    return CASK_OK;
}

static int check_booleans(const walk *w, ssz_bytes value)
{
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] > 1)
            return invalid(w, value.data + i, "is a boolean that is neither 0 nor 1");
    }
    return CASK_OK;
}

/* What may be wrong with bytes of the right size. */
static int check_content(const walk *w, const ssz_type *type, ssz_bytes value)
{
    if (type->kind == SSZ_BOOLEAN || (type->element && type->element->kind == SSZ_BOOLEAN))
        return check_booleans(w, value);
    if (has_spare_bits(type) && value.data[value.size - 1] >> type->limit % 8 != 0)
        return invalid(w, value.data + value.size - 1, "has bits behind its end");
    return CASK_OK;
}

static int check_fixed_packed(const walk *w, const ssz_type *type, const ssz_bytes *values, size_t count)
{
    size_t size = ssz_fixed_size(type);
    bool look_inside = needs_check(type);

    for (size_t i = 0; i < count; i++) {
        if (values[i].size != size)
            return invalid(w, values[i].data, "has not the size of its type");
        if (look_inside)
            CASK_TRY(check_content(w, type, values[i]));
    }
    return CASK_OK;
}

/* *length_out: what is mixed into the root. */
static int check_packed_list(const walk *w, const ssz_type *type, ssz_bytes value, size_t *length_out)
{
    if (type->kind == SSZ_BITLIST)
        return count_bits(w, type, value, length_out);
    CASK_TRY(count_elements(w, type, value, packed_size(type), length_out));
    return check_content(w, type, value);
}

/* At most 32 bytes, filled up with zeros. The usual sizes do without a call. */
static inline void put_chunk(uint8_t *node, const uint8_t *at, size_t size)
{
    if (size == MERKLE_NODE) {
        memcpy(node, at, MERKLE_NODE);
        return;
    }
    memset(node, 0, MERKLE_NODE);
    if (size == 8)
        memcpy(node, at, 8);
    else if (size == 16)
        memcpy(node, at, 16);
    else
        memcpy(node, at, size);
}

/* The bytes as chunks, the last one filled up. Returns their number. */
static size_t put_chunks(uint8_t *nodes, const uint8_t *data, size_t size)
{
    size_t chunks = (size + MERKLE_NODE - 1) / MERKLE_NODE;

    if (chunks == 0)
        return 0;
    memset(nodes + (chunks - 1) * MERKLE_NODE, 0, MERKLE_NODE);
    memcpy(nodes, data, size);
    return chunks;
}

static size_t put_bitlist(uint8_t *nodes, const uint8_t *data, size_t bits)
{
    size_t chunks = put_chunks(nodes, data, (bits + 7) / 8);

    if (bits % 8 != 0)
        nodes[bits / 8] &= (uint8_t)((1u << bits % 8) - 1);
    return chunks;
}

/* Every value has the same number of chunks. */
static int hash_fixed_packed(walk *w, const ssz_type *type, const ssz_bytes *values, size_t count, uint8_t *roots)
{
    size_t chunks = (values[0].size + MERKLE_NODE - 1) / MERKLE_NODE;
    uint8_t *nodes = roots;

    if (chunks > 1)
        CASK_TRY(take(&w->memory, &nodes, merkle_room(count * chunks, count), MERKLE_NODE));
    for (size_t i = 0; i < count; i++)
        put_chunks(nodes + i * chunks * MERKLE_NODE, values[i].data, values[i].size);
    if (chunks > 1) {
        merkle_reduce(nodes, chunks, count, 0, merkle_depth(chunk_limit(type, packed_size(type))));
        memcpy(roots, nodes, count * MERKLE_NODE);
    }
    return CASK_OK;
}

static int hash_packed_lists(walk *w, const ssz_type *type, const ssz_bytes *values, const size_t *lengths,
                             size_t count, uint8_t *roots)
{
    size_t total = 0;
    size_t *counts;
    uint8_t *nodes, *next;

    for (size_t i = 0; i < count; i++)
        total += values[i].size / MERKLE_NODE + 1;
    CASK_TRY(take(&w->memory, &counts, count, sizeof *counts));
    CASK_TRY(take(&w->memory, &nodes, merkle_room(total, count), MERKLE_NODE));
    next = nodes;
    for (size_t i = 0; i < count; i++) {
        counts[i] = type->kind == SSZ_BITLIST ? put_bitlist(next, values[i].data, lengths[i])
                                              : put_chunks(next, values[i].data, values[i].size);
        next += counts[i] * MERKLE_NODE;
    }
    return finish_lists(w, type, nodes, counts, lengths, count, roots);
}

/* One value, too long for one run of hashing, whose bytes are its leaves. */
static bool is_long_packed(const ssz_type *type, const ssz_bytes *values, size_t count)
{
    return count == 1 && type->element && values[0].size > (size_t)MERKLE_NODE * SEGMENT_NODES << CHUNKS_LEVELS;
}

static int visit_fixed_packed(walk *w, const ssz_type *type, const ssz_bytes *values, size_t count, uint8_t *roots)
{
    CASK_TRY(check_fixed_packed(w, type, values, count));
    if (!roots)
        return CASK_OK;
    if (is_long_packed(type, values, count))
        return visit_long(w, type, values[0], (size_t)type->limit, packed_size(type), roots);
    return hash_fixed_packed(w, type, values, count, roots);
}

static int visit_packed_lists(walk *w, const ssz_type *type, const ssz_bytes *values, size_t count, uint8_t *roots)
{
    size_t *lengths;

    CASK_TRY(take(&w->memory, &lengths, count, sizeof *lengths));
    for (size_t i = 0; i < count; i++)
        CASK_TRY(check_packed_list(w, type, values[i], &lengths[i]));
    if (!roots)
        return CASK_OK;
    if (is_long_packed(type, values, count))
        return visit_long(w, type, values[0], lengths[0], packed_size(type), roots);
    return hash_packed_lists(w, type, values, lengths, count, roots);
}

/* ---- Lists and vectors of everything else ------------------------------------------------------------------------ */

static int count_list(const walk *w, const ssz_type *type, ssz_bytes value, size_t element_size, size_t *length_out)
{
    ssz_bytes offsets = value;

    if (element_size > 0)
        return count_elements(w, type, value, element_size, length_out);
    if (value.size > 0) {
        if (value.size < OFFSET_SIZE)
            return invalid(w, value.data, "is too short for an offset");
        offsets.size = cask_load32(value.data);
        if (offsets.size == 0 || offsets.size > value.size)
            return invalid(w, value.data, "has a first offset that leads out of it");
    }
    return count_elements(w, type, offsets, OFFSET_SIZE, length_out);
}

static int hash_lists(walk *w, const ssz_type *type, const ssz_bytes *values, const size_t *lengths, size_t count,
                      uint8_t *roots)
{
    size_t element_size = ssz_fixed_size(type->element);
    size_t total = 0, found = 0;
    size_t *counts;
    ssz_bytes *elements;
    uint8_t *nodes = NULL;

    for (size_t i = 0; i < count; i++)
        total += lengths[i];
    CASK_TRY(take(&w->memory, &elements, total, sizeof *elements));
    if (roots)
        CASK_TRY(take(&w->memory, &nodes, merkle_room(total, count), MERKLE_NODE));
    enter(w, ELEMENT);
    for (size_t i = 0; i < count; found += lengths[i], i++)
        CASK_TRY(find_elements(w, values[i], element_size, lengths[i], 0, lengths[i], elements + found));
    if (total > 0)
        CASK_TRY(visit(w, type->element, elements, total, nodes));
    leave(w);
    if (!roots)
        return CASK_OK;
    if (type->kind == SSZ_LIST) {
        CASK_TRY(take(&w->memory, &counts, count, sizeof *counts));
        memcpy(counts, lengths, count * sizeof *counts);
        return finish_lists(w, type, nodes, counts, lengths, count, roots);
    }
    merkle_reduce(nodes, (size_t)type->limit, count, 0, merkle_depth(type->limit));
    memcpy(roots, nodes, count * MERKLE_NODE);
    return CASK_OK;
}

static int visit_lists(walk *w, const ssz_type *type, const ssz_bytes *values, size_t count, uint8_t *roots)
{
    size_t element_size = ssz_fixed_size(type->element);
    size_t *lengths;

    CASK_TRY(take(&w->memory, &lengths, count, sizeof *lengths));
    for (size_t i = 0; i < count; i++)
        CASK_TRY(count_list(w, type, values[i], element_size, &lengths[i]));
    if (!roots && !needs_check(type->element))
        return CASK_OK;
    if (count == 1 && lengths[0] > (size_t)SEGMENT_NODES << ELEMENTS_LEVELS)
        return visit_long(w, type, values[0], lengths[0], 0, roots);
    return hash_lists(w, type, values, lengths, count, roots);
}

/* ---- Containers -------------------------------------------------------------------------------------------------- */

/* Where a field is in its container. */
typedef struct place {
    size_t size; /* 0: varies, and at `position` is its offset */
    size_t position;
    size_t next;   /* position of the next offset, 0: there is none */
    bool is_chunk; /* its bytes, filled up, are its root */
    bool checked;  /* its size says that it is valid */
} place;

/* Returns the size of the part of a container that is in place. */
static size_t lay_out(const ssz_type *type, place *places)
{
    size_t head = 0, next = 0;

    for (size_t i = 0; i < type->field_count; i++) {
        const ssz_type *field = type->fields[i].type;
        size_t size = ssz_fixed_size(field);

        places[i].size = size;
        places[i].position = head;
        places[i].is_chunk = size > 0 && size <= MERKLE_NODE && is_packed(field);
        places[i].checked = !needs_check(field);
        head += size > 0 ? size : OFFSET_SIZE;
    }
    for (size_t i = type->field_count; i-- > 0;) {
        places[i].next = next;
        if (places[i].size == 0)
            next = places[i].position;
    }
    return head;
}

static int check_offsets(walk *w, const ssz_type *type, const place *places, ssz_bytes value, size_t head)
{
    size_t before = head;
    bool first = true;

    for (size_t i = 0; i < type->field_count; i++) {
        const uint8_t *at = value.data + places[i].position;
        size_t offset;

        if (places[i].size > 0)
            continue;
        offset = cask_load32(at);
        enter(w, type->fields[i].name);
        if (first && offset != head)
            return invalid(w, at, "does not begin where the parts in place end");
        if (offset < before || offset > value.size)
            return invalid(w, at, "has an offset that leads out of its container, or back");
        leave(w);
        before = offset;
        first = false;
    }
    return CASK_OK;
}

/* Size and offsets of containers; `head` as of lay_out(). */
static int check_containers(walk *w, const ssz_type *type, const place *places, size_t head, const ssz_bytes *values,
                            size_t count)
{
    bool fixed = ssz_fixed_size(type) > 0;

    for (size_t i = 0; i < count; i++) {
        if (values[i].size < head)
            return invalid(w, values[i].data, "is shorter than its type");
        if (fixed && values[i].size > head)
            return invalid(w, values[i].data, "is longer than its type");
        if (!fixed)
            CASK_TRY(check_offsets(w, type, places, values[i], head));
    }
    return CASK_OK;
}

static ssz_bytes find_field(ssz_bytes value, place where)
{
    const uint8_t *at = value.data + where.position;
    size_t begin, end;

    if (where.size > 0)
        return (ssz_bytes){ at, where.size };
    begin = cask_load32(at);
    end = where.next > 0 ? cask_load32(value.data + where.next) : value.size;
    return (ssz_bytes){ value.data + begin, end - begin };
}

/* One small field of some values. A loop for each usual size, without a branch in it. */
static void put_column(uint8_t *nodes, size_t stride, const ssz_bytes *values, size_t count, place where)
{
    if (where.size == MERKLE_NODE) {
        for (size_t i = 0; i < count; i++)
            memcpy(nodes + i * stride, values[i].data + where.position, MERKLE_NODE);
    } else if (where.size == 8) {
        for (size_t i = 0; i < count; i++)
            put_chunk(nodes + i * stride, values[i].data + where.position, 8);
    } else {
        for (size_t i = 0; i < count; i++)
            put_chunk(nodes + i * stride, values[i].data + where.position, where.size);
    }
}

/* Small groups of values, so that what is read and written stays in the first cache. */
#define GROUP 16u

static void put_chunk_fields(uint8_t *nodes, const place *places, size_t fields, const ssz_bytes *values, size_t count)
{
    for (size_t i = 0; i < count; i += GROUP) {
        for (size_t j = 0; j < fields; j++) {
            if (places[j].is_chunk)
                put_column(nodes + (i * fields + j) * MERKLE_NODE, fields * MERKLE_NODE, values + i,
                           count - i < GROUP ? count - i : GROUP, places[j]);
        }
    }
}

/* `nodes`: where the root of the field of the first value goes, and of the others at each `stride`; or NULL. */
static int visit_field(walk *w, const ssz_type *type, place where, const ssz_bytes *values, size_t count,
                       uint8_t *nodes, size_t stride)
{
    ssz_bytes *parts;
    uint8_t *roots = NULL;

    CASK_TRY(take(&w->memory, &parts, count, sizeof *parts));
    for (size_t i = 0; i < count; i++)
        parts[i] = find_field(values[i], where);
    if (!nodes)
        return visit(w, type, parts, count, NULL);
    CASK_TRY(take(&w->memory, &roots, count, MERKLE_NODE));
    CASK_TRY(visit(w, type, parts, count, roots));
    for (size_t i = 0; i < count; i++)
        memcpy(nodes + i * stride, roots + i * MERKLE_NODE, MERKLE_NODE);
    return CASK_OK;
}

static int finish_containers(walk *w, const ssz_type *type, uint8_t *nodes, size_t count, uint8_t *roots)
{
    size_t fields = type->field_count;
    uint8_t active[MERKLE_NODE] = { 0 };
    uint8_t *pairs;
    size_t *counts;

    if (!type->progressive) {
        merkle_reduce(nodes, fields, count, 0, merkle_depth(fields));
        memcpy(roots, nodes, count * MERKLE_NODE);
        return CASK_OK;
    }
    CASK_TRY(take(&w->memory, &counts, count, sizeof *counts));
    CASK_TRY(take(&w->memory, &pairs, merkle_room(count, count), MERKLE_NODE));
    for (size_t i = 0; i < count; i++)
        counts[i] = fields;
    for (size_t i = 0; i < fields; i++)
        active[i / 8] |= (uint8_t)(1u << i % 8);
    CASK_TRY(reduce_progressive(w, nodes, counts, count, pairs));
    merkle_mix(pairs, count, active, 0);
    memcpy(roots, pairs, count * MERKLE_NODE);
    return CASK_OK;
}

static int visit_containers(walk *w, const ssz_type *type, const ssz_bytes *values, size_t count, uint8_t *roots)
{
    size_t fields = type->field_count;
    uint8_t *nodes = NULL;
    place *places;
    size_t head;

    CASK_TRY(take(&w->memory, &places, fields, sizeof *places));
    head = lay_out(type, places);
    CASK_TRY(check_containers(w, type, places, head, values, count));
    if (roots) {
        CASK_TRY(take(&w->memory, &nodes, merkle_room(count * fields, count), MERKLE_NODE));
        put_chunk_fields(nodes, places, fields, values, count);
    }
    for (size_t i = 0; i < fields; i++) {
        const mark start = mark_scratch(&w->memory);
        bool hash = nodes && !places[i].is_chunk;

        if (places[i].checked && !hash)
            continue;
        enter(w, type->fields[i].name);
        CASK_TRY(visit_field(w, type->fields[i].type, places[i], values, count, hash ? nodes + i * MERKLE_NODE : NULL,
                             fields * MERKLE_NODE));
        leave(w);
        release(&w->memory, start);
    }
    return roots ? finish_containers(w, type, nodes, count, roots) : CASK_OK;
}

/* ---- All of it ---------------------------------------------------------------------------------------------------- */

static int visit(walk *w, const ssz_type *type, const ssz_bytes *values, size_t count, uint8_t *roots)
{
    if (type->kind == SSZ_CONTAINER)
        return visit_containers(w, type, values, count, roots);
    if (!is_packed(type))
        return visit_lists(w, type, values, count, roots);
    return ssz_fixed_size(type) > 0 ? visit_fixed_packed(w, type, values, count, roots)
                                    : visit_packed_lists(w, type, values, count, roots);
}

/* `roots` may be NULL: then only check. */
static int walk_values(uint8_t *roots, const ssz_type *type, const ssz_bytes *values, size_t count, unsigned jobs)
{
    walk *team;
    int code;

    if (count == 0)
        return CASK_OK;
    jobs = jobs == 0 ? 1 : jobs > CASK_JOBS_MAX ? CASK_JOBS_MAX : jobs;
    team = calloc(jobs, sizeof *team);
    if (!team)
        return cask_fail_nomem();
    for (unsigned i = 0; i < jobs; i++)
        team[i] = (walk){ .team = &team[i], .jobs = 1, .values = values, .value_count = count };
    team[0].jobs = jobs;
    code = visit(&team[0], type, values, count, roots);
    for (unsigned i = 0; i < jobs; i++)
        dispose_scratch(&team[i].memory);
    free(team);
    return code;
}

int ssz_check(const ssz_type *type, const void *data, size_t size)
{
    return walk_values(NULL, type, &(ssz_bytes){ data, size }, 1, 1);
}

int ssz_root(uint8_t root[SSZ_ROOT_SIZE], const ssz_type *type, const void *data, size_t size, unsigned jobs)
{
    return walk_values(root, type, &(ssz_bytes){ data, size }, 1, jobs);
}

int ssz_roots(uint8_t *roots, const ssz_type *type, const ssz_bytes *values, size_t count, unsigned jobs)
{
    return walk_values(roots, type, values, count, jobs);
}

/* ---- Fields by path ------------------------------------------------------------------------------------------------ */

static int no_such_part(const char *path)
{
    return cask_fail(CASK_E_NOTFOUND, CASK_NOWHERE, "the value has no part %s", path);
}

static int step_to_field(walk *w, const ssz_type **type, ssz_bytes *value, const char *name, size_t length)
{
    place *places;
    size_t i = 0;

    while (i < (*type)->field_count &&
           (strncmp((*type)->fields[i].name, name, length) != 0 || (*type)->fields[i].name[length] != '\0'))
        i++;
    if (i == (*type)->field_count)
        return no_such_part(name);
    CASK_TRY(take(&w->memory, &places, (*type)->field_count, sizeof *places));
    CASK_TRY(check_containers(w, *type, places, lay_out(*type, places), value, 1));
    *value = find_field(*value, places[i]);
    *type = (*type)->fields[i].type;
    return CASK_OK;
}

static int step_to_element(walk *w, const ssz_type **type, ssz_bytes *value, const char *path, unsigned long long index)
{
    const ssz_type *element = (*type)->element;
    size_t size, length;

    if (!element)
        return no_such_part(path);
    size = ssz_fixed_size(element);
    CASK_TRY(count_list(w, *type, *value, size, &length));
    if (index >= length)
        return no_such_part(path);
    *type = element;
    return find_elements(w, *value, size, length, (size_t)index, 1, value);
}

int ssz_field(ssz_part *part_out, const ssz_type *type, const void *data, size_t size, const char *path)
{
    const ssz_bytes whole = { data, size };
    walk w = { .values = &whole, .value_count = 1 };
    ssz_bytes value = whole;
    int code = CASK_OK;

    while (code == CASK_OK && *path != '\0') {
        char *end;

        if (*path == '[') {
            unsigned long long index = strtoull(path + 1, &end, 10);

            code = *end == ']' ? step_to_element(&w, &type, &value, path, index) : no_such_part(path);
            path = *end == ']' ? end + 1 : end;
        } else {
            size_t length;

            path += *path == '.';
            length = strcspn(path, ".[");
            code = step_to_field(&w, &type, &value, path, length);
            path += length;
        }
    }
    dispose_scratch(&w.memory);
    if (code == CASK_OK)
        *part_out = (ssz_part){ type, (size_t)(value.data - whole.data), value.size };
    return code;
}

size_t ssz_length(const ssz_type *type, const void *data, size_t size)
{
    const ssz_bytes value = { data, size };
    const walk w = { .values = &value, .value_count = 1 };
    size_t length;

    if (!type->element || count_list(&w, type, value, ssz_fixed_size(type->element), &length) < 0)
        return 0;
    return length;
}
