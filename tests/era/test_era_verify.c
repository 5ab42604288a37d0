/* Whole era files: every vector gets its verdict, and so do files made wrong on the way into their payloads. */
#include "era_builder.h"
#include "era_check.h"
#include "network.h"

#include <sys/resource.h>

#define ERAS FIXTURES "/eras/"

/* ---- Findings --------------------------------------------------------------------------------------------------- */

typedef struct findings {
    size_t count;
    char first[32]; /* its word */
    uint64_t slot;  /* of the first */
    uint64_t last_slot;
    int answer;
} findings;

static int note(const cask_report *found, void *payload)
{
    findings *f = payload;

    assert_true(found->corrupt);
    assert_true(strlen(found->message) > 0);
    if (f->count++ == 0) {
        snprintf(f->first, sizeof(f->first), "%s", found->what);
        f->slot = found->slot;
    }
    f->last_slot = found->slot;
    return f->answer;
}

static findings verify(const char *path, const cask_network *network)
{
    findings f = { .count = 0 };

    assert_int_equal(cask_era_verify(path, network, CASK_VERIFY_BYTES, 2, NULL, note, &f, NULL), CASK_OK);
    return f;
}

static void expect(const char *path, const cask_network *network, const char *word)
{
    findings f = verify(path, network);

    if (strcmp(f.first, word) != 0)
        fail_msg("%s: '%s' where '%s' is due", path, f.first, word);
}

static cask_network *load(const char *name)
{
    cask_network *network;

    assert_int_equal(cask_network_load(&network, name, NULL), CASK_OK);
    return network;
}

/* ---- The vectors ------------------------------------------------------------------------------------------------ */

typedef struct folder_check {
    const char *folder;
    const cask_network *network;
    size_t files;
} folder_check;

static int expect_good(const char *name, void *payload)
{
    folder_check *check = payload;
    size_t size = strlen(name);
    char path[512];

    if (size < 4 || strcmp(name + size - 4, ".era") != 0)
        return 0;
    snprintf(path, sizeof(path), "%s/%s", check->folder, name);
    expect(path, check->network, "");
    expect(path, NULL, "");
    check->files++;
    return 0;
}

static void expect_good_folder(const char *folder, const char *network_name, size_t files)
{
    cask_network *network = load(network_name);
    folder_check check = { folder, network, 0 };

    assert_int_equal(cask_vfs_posix()->list(NULL, folder, expect_good, &check), 0);
    assert_int_equal(check.files, files);
    cask_network_free(network);
}

static void vectors__good_files_have_no_findings(void **state)
{
    (void)state;
    expect_good_folder(ERAS "minimal", ERAS "minimal/config.yaml", 17);
    expect_good_folder(ERAS "minimal-gloas", ERAS "minimal-gloas/config.yaml", 6);
    expect(ERAS "genesis/mainnet-00000-4b363db9.era", NULL, "");
}

static void vectors__genesis_files_are_of_their_networks(void **state)
{
    cask_network *mainnet = load("mainnet"), *sepolia = load("sepolia");

    (void)state;
    expect(ERAS "genesis/mainnet-00000-4b363db9.era", mainnet, "");
    expect(ERAS "genesis/sepolia-00000-d8ea171f.era", sepolia, "");
    expect(ERAS "genesis/sepolia-00000-d8ea171f.era", mainnet, "name-config");
    cask_network_free(mainnet);
    cask_network_free(sepolia);
}

/* The manifests have one case a line. Copies the text of the field, up to `end`. */
static bool field(char *to, size_t capacity, const char *line, const char *name, char end)
{
    const char *at = strstr(line, name);
    size_t size = 0;

    if (at == NULL)
        return false;
    for (at += strlen(name); at[size] != end && size + 1 < capacity; size++)
        to[size] = at[size];
    to[size] = '\0';
    return true;
}

/* Defects that only hash tree roots or signatures show are not for this level. */
static bool is_for_bytes(const char *id, const char *needs)
{
    return strcmp(needs, "file") == 0 || strcmp(needs, "name") == 0 ||
           strcmp(id, "state-slot-off") == 0 || strcmp(id, "ssz-state-short") == 0;
}

static size_t check_cases(const char *folder, const cask_network *network)
{
    char path[512], line[4096], id[64], file[256], word[64], needs[64];
    size_t cases = 0;
    FILE *manifest;

    snprintf(path, sizeof(path), "%s/manifest.json", folder);
    manifest = fopen(path, "r");
    assert_non_null(manifest);
    while (fgets(line, sizeof(line), manifest) != NULL) {
        if (!field(id, sizeof(id), line, "{\"id\":\"", '"') || !field(file, sizeof(file), line, "\"file\":\"", '"'))
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, file);
        if (field(word, sizeof(word), line, "\"error\":\"", '"') &&
            field(needs, sizeof(needs), line, "\"needs\":\"", '"') && is_for_bytes(id, needs))
            expect(path, network, word);
        else
            expect(path, network, "");
        cases++;
    }
    fclose(manifest);
    return cases;
}

static void vectors__malformed_files_get_their_word(void **state)
{
    cask_network *network = load(ERAS "minimal/config.yaml");

    (void)state;
    assert_int_equal(check_cases(ERAS "malformed", network), 43);
    cask_network_free(network);
}

static void vectors__unusual_files_are_accepted(void **state)
{
    cask_network *network = load(ERAS "minimal/config.yaml");

    (void)state;
    assert_int_equal(check_cases(ERAS "unusual", network), 5);
    cask_network_free(network);
}

/* ---- Payloads made wrong: era 3 of the minimal chain, built anew ------------------------------------------------ */

#define ERA_3 ERAS "minimal/vectors-00003-f0155bf0.era"
#define REBUILT "vectors-00003-f0155bf0.era"

typedef struct specimen {
    cask_buf blocks[SLOTS]; /* stored; size 0: empty slot */
    cask_buf state;         /* decoded */
} specimen;

static void load_specimen(specimen *s)
{
    cask_buf stored = CASK_BUF_INIT;
    cask_era *era;

    memset(s, 0, sizeof(*s));
    assert_int_equal(cask_era_open(&era, ERA_3, NULL, NULL), CASK_OK);
    for (uint64_t i = 0; i < SLOTS; i++) {
        int code = cask_era_read_block(&s->blocks[i], era, 0, 128 + i);
        assert_true(code == CASK_OK || code == CASK_E_NOTFOUND);
    }
    assert_int_equal(cask_era_read_state(&stored, era, 0), CASK_OK);
    assert_int_equal(cask_codec_decode_buf(&s->state, CASK_CODEC_SNAPPY, stored.data, stored.size, 1u << 24), CASK_OK);
    cask_buf_dispose(&stored);
    cask_era_close(era);
}

static void dispose_specimen(specimen *s)
{
    for (size_t i = 0; i < SLOTS; i++)
        cask_buf_dispose(&s->blocks[i]);
    cask_buf_dispose(&s->state);
}

/* Encode bytes as the block of a slot of the era. */
static void set_block(specimen *s, size_t index, const uint8_t *ssz, size_t size)
{
    assert_int_equal(cask_codec_encode(&s->blocks[index], CASK_CODEC_SNAPPY, 0, ssz, size), CASK_OK);
}

static void write_specimen(const specimen *s, const cask_buf *stored_state)
{
    builder b;

    build(&b, REBUILT);
    put_version(&b);
    for (uint64_t i = 0; i < SLOTS; i++) {
        if (s->blocks[i].size > 0)
            put_block_bytes(&b, 128 + i, &s->blocks[i]);
    }
    put_state_bytes(&b, stored_state);
    put_block_index(&b, 128);
    put_state_index(&b, 192);
    build_end(&b);
}

static void rebuild(const specimen *s)
{
    cask_buf stored = CASK_BUF_INIT;

    assert_int_equal(cask_codec_encode(&stored, CASK_CODEC_SNAPPY, 0, s->state.data, s->state.size), CASK_OK);
    write_specimen(s, &stored);
    cask_buf_dispose(&stored);
}

/* The word for the specimen with one byte of its state changed; the byte is put back. */
static void expect_state(specimen *s, size_t at, const cask_network *network, const char *word)
{
    s->state.data[at] ^= 0x01;
    rebuild(s);
    expect(REBUILT, network, word);
    s->state.data[at] ^= 0x01;
}

static void state__must_fit_slot_and_network(void **state)
{
    cask_network *network = load(ERAS "minimal/config.yaml");
    specimen s;

    (void)state;
    load_specimen(&s);
    era_network_set_genesis_validators_root(network, beacon_state_genesis_validators_root(s.state.data));
    rebuild(&s);
    expect(REBUILT, network, "");
    expect_state(&s, 40, network, "state-slot");
    expect_state(&s, 47, network, "state-slot");
    expect_state(&s, 8, network, "state-config");  /* genesis_validators_root */
    expect_state(&s, 39, network, "state-config");
    expect_state(&s, 48, network, "state-config"); /* fork: previous_version */
    expect_state(&s, 52, network, "state-config"); /* current_version */
    expect_state(&s, 56, network, "state-config"); /* epoch */
    expect_state(&s, 8, NULL, "");
    expect_state(&s, BEACON_STATE_ROOTS_SIZE(SLOTS) - 4, network, "ssz-malformed");       /* historical_roots */
    expect_state(&s, BEACON_STATE_ROOTS_SIZE(SLOTS) + 72, network, "ssz-malformed");      /* eth1_data_votes */
    dispose_specimen(&s);
    cask_network_free(network);
}

static void state__too_short_is_malformed(void **state)
{
    const size_t sizes[] = { 0, 40, BEACON_STATE_HEAD_SIZE, BEACON_STATE_ROOTS_SIZE(SLOTS) - 1,
                             BEACON_STATE_ROOTS_SIZE(SLOTS), BEACON_STATE_ROOTS_SIZE(SLOTS) + 76 };
    specimen s;

    (void)state;
    load_specimen(&s);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        s.state.size = sizes[i];
        rebuild(&s);
        expect(REBUILT, NULL, "ssz-malformed");
    }
    dispose_specimen(&s);
}

static void block__must_be_one_of_its_slot(void **state)
{
    static const size_t bytes[] = { 0, 1, 3, 100, 107, 180, 183 };
    cask_buf ssz = CASK_BUF_INIT, original = CASK_BUF_INIT;
    specimen s;

    (void)state;
    load_specimen(&s);
    original = s.blocks[0];
    s.blocks[0] = (cask_buf)CASK_BUF_INIT;
    assert_int_equal(cask_codec_decode_buf(&ssz, CASK_CODEC_SNAPPY, original.data, original.size, 1u << 24), CASK_OK);
    for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
        findings f;

        ssz.data[bytes[i]] ^= 0x01;
        set_block(&s, 0, ssz.data, ssz.size);
        rebuild(&s);
        f = verify(REBUILT, NULL);
        assert_int_equal(f.count, 1);
        assert_int_equal(f.slot, 128);
        assert_string_equal(f.first, bytes[i] == 100 || bytes[i] == 107 ? "block-slot" : "ssz-malformed");
        ssz.data[bytes[i]] ^= 0x01;
    }
    set_block(&s, 0, ssz.data, BEACON_BLOCK_HEAD_SIZE - 1);
    rebuild(&s);
    expect(REBUILT, NULL, "ssz-malformed");
    set_block(&s, 0, ssz.data, 0);
    rebuild(&s);
    expect(REBUILT, NULL, "ssz-malformed");
    cask_buf_dispose(&ssz);
    cask_buf_dispose(&original);
    dispose_specimen(&s);
}

/* A block of `size` bytes that only its head makes one; `step` 0 makes it compress well. */
static void set_large_block(specimen *s, size_t index, size_t size, uint32_t step)
{
    uint8_t *ssz = malloc(size);
    uint32_t noise = (uint32_t)index + 1;

    assert_non_null(ssz);
    for (size_t i = 0; i < size; i++) {
        noise = noise * step + 12345;
        ssz[i] = (uint8_t)(noise >> 24);
    }
    cask_store32(ssz, 100);
    cask_store64(ssz + 100, 128 + index);
    cask_store32(ssz + 180, 84);
    set_block(s, index, ssz, size);
    free(ssz);
}

/* More than one slice, by stored and by decoded bytes; none of the blocks is lost between them. */
static void block__slices_cover_every_one(void **state)
{
    findings f;
    specimen s;

    (void)state;
    load_specimen(&s);
    for (size_t i = 0; i < SLOTS; i++) {
        if (i % 9 == 5)
            s.blocks[i].size = 0;
        else if (i < SLOTS / 2)
            set_large_block(&s, i, 700000 + i, 1664525);
        else
            set_large_block(&s, i, 3000000 + i, 0);
    }
    rebuild(&s);
    f = verify(REBUILT, NULL);
    assert_int_equal(f.count, 0);

    for (size_t i = 0; i < SLOTS; i++) {
        if (s.blocks[i].size > 0)
            s.blocks[i].data[14] ^= 0x55; /* the checksum of the first chunk */
    }
    rebuild(&s);
    f = verify(REBUILT, NULL);
    assert_int_equal(f.count, 57);
    assert_string_equal(f.first, "snappy");
    assert_int_equal(f.slot, 128);
    assert_int_equal(f.last_slot, 191);
    dispose_specimen(&s);
}

static void block__larger_than_any_is_refused(void **state)
{
    cask_buf stored = CASK_BUF_INIT;
    cask_era *era;
    findings f;
    specimen s;

    (void)state;
    load_specimen(&s);
    set_large_block(&s, 3, ERA_BLOCK_MAX, 0); /* the largest there may be */
    set_large_block(&s, 7, ERA_BLOCK_MAX + 1, 0);
    set_large_block(&s, 9, ERA_BLOCK_MAX + 1000, 1664525); /* its record too is larger */
    rebuild(&s);
    f = verify(REBUILT, NULL);
    assert_int_equal(f.count, 2);
    assert_string_equal(f.first, "snappy");
    assert_int_equal(f.slot, 135);
    assert_int_equal(f.last_slot, 137);
    assert_int_equal(cask_era_open(&era, REBUILT, NULL, NULL), CASK_OK);
    assert_int_equal(cask_era_read_block(&stored, era, 0, 137), CASK_E_CORRUPT);
    assert_string_equal(cask_error_last()->word, "snappy");
    cask_era_close(era);
    dispose_specimen(&s);
}

/* ---- Streams ---------------------------------------------------------------------------------------------------- */

static void append(cask_buf *to, const void *data, size_t size)
{
    assert_int_equal(cask_buf_reserve(to, to->size + size), CASK_OK);
    if (data != NULL)
        memcpy(to->data + to->size, data, size);
    else
        memset(to->data + to->size, 0, size);
    to->size += size;
}

static void append_chunk(cask_buf *to, uint8_t type, size_t size)
{
    uint8_t header[4];

    cask_store32(header, (uint32_t)size << 8 | type);
    append(to, header, sizeof(header));
    append(to, NULL, size);
}

/* Chunks to be skipped, larger than what is read at once, and wrong ones among them. */
static void state__stream_is_strict_across_pieces(void **state)
{
    cask_buf frames = CASK_BUF_INIT, stored = CASK_BUF_INIT;
    uint8_t *large;
    specimen s;

    (void)state;
    load_specimen(&s);
    large = calloc(1, 5000000); /* many pieces; the list at the end of the state grows, which no check sees yet */
    assert_non_null(large);
    memcpy(large, s.state.data, s.state.size);
    assert_int_equal(cask_codec_encode(&frames, CASK_CODEC_SNAPPY, 0, large, 5000000), CASK_OK);

    append(&stored, frames.data, 10); /* the stream identifier */
    append_chunk(&stored, 0x80, 4000000);
    append_chunk(&stored, 0xfe, 0xffffff);
    append(&stored, frames.data + 10, frames.size - 10);
    append(&stored, frames.data, 10);
    append_chunk(&stored, 0xfd, 3000000);
    write_specimen(&s, &stored);
    expect(REBUILT, NULL, "");

    stored.size--; /* the last chunk is cut */
    write_specimen(&s, &stored);
    expect(REBUILT, NULL, "snappy");

    stored.size -= 3000003;
    append_chunk(&stored, 0x7f, 4000000); /* not to be skipped */
    write_specimen(&s, &stored);
    expect(REBUILT, NULL, "snappy");

    stored.size = 0;
    append_chunk(&stored, 0xfe, 4000000); /* before the stream identifier */
    append(&stored, frames.data, frames.size);
    write_specimen(&s, &stored);
    expect(REBUILT, NULL, "snappy");

    write_specimen(&s, &frames);
    expect(REBUILT, NULL, "");
    frames.data[14] ^= 0x01; /* the checksum of the first chunk */
    write_specimen(&s, &frames);
    expect(REBUILT, NULL, "snappy");
    frames.size = 0;
    write_specimen(&s, &frames);
    expect(REBUILT, NULL, "snappy");

    free(large);
    cask_buf_dispose(&frames);
    cask_buf_dispose(&stored);
    dispose_specimen(&s);
}

static void state__roots_are_read_from_its_beginning(void **state)
{
    era_state whole = ERA_STATE_INIT, roots = ERA_STATE_INIT;
    specimen s;
    cask_era *era;

    (void)state;
    load_specimen(&s);
    assert_int_equal(cask_era_open(&era, ERA_3, NULL, NULL), CASK_OK);
    assert_int_equal(era_state_read(&whole, era, 0), CASK_OK);
    assert_int_equal(whole.size, s.state.size);
    assert_true(whole.has_era_root);
    assert_memory_equal(whole.era_root, ((uint8_t[]){ 0xf0, 0x15, 0x5b, 0xf0 }), 4);
    assert_memory_equal(whole.head.data, s.state.data, whole.head.size);
    assert_int_equal(era_state_read_roots(&roots, era, 0), CASK_OK);
    assert_int_equal(roots.head.size, BEACON_STATE_ROOTS_SIZE(SLOTS));
    assert_memory_equal(roots.head.data, s.state.data, roots.head.size);
    assert_false(roots.has_era_root);
    era_state_dispose(&whole);
    era_state_dispose(&roots);
    cask_era_close(era);
    dispose_specimen(&s);
}

/* ---- Names ------------------------------------------------------------------------------------------------------ */

/* The word for era 3 under another name. */
static void expect_named(const char *name, const cask_network *network, const char *word)
{
    specimen s;

    load_specimen(&s);
    rebuild(&s);
    assert_int_equal(rename(REBUILT, name), 0);
    expect(name, network, word);
    dispose_specimen(&s);
}

static void name__is_held_against_the_file(void **state)
{
    cask_network *network = load(ERAS "minimal/config.yaml");

    (void)state;
    expect_named("vectors-00003-f0155bf0.era", network, "");
    expect_named("vectors-00002-f0155bf0.era", network, "name-era");
    expect_named("vectors-00003-f0155bf1.era", network, "name-root");
    expect_named("vector-00003-f0155bf0.era", network, "name-config");
    expect_named("vectors-x-00003-f0155bf0.era", network, "name-config");
    expect_named("Vectors-00003-f0155bf0.era", network, "name-config");
    expect_named("vectors-00003-F0155BF0.era", network, "name-root");
    expect_named("vectors-00003.era", network, "name-root");
    expect_named("vectors-0003-f0155bf0.era", network, "name-era");
    expect_named("00003-f0155bf0.era", network, "name-config");
    expect_named("era-3", network, "name-config");
    expect_named("vector-00003-f0155bf0.era", NULL, "");
    cask_network_free(network);
}

/* ---- The call itself -------------------------------------------------------------------------------------------- */

static void verify__stops_where_told(void **state)
{
    findings f = { .answer = 7 };
    uint64_t bytes = 1;
    specimen s;

    (void)state;
    load_specimen(&s);
    s.state.data[40]++;
    set_block(&s, 0, s.state.data, 10);
    rebuild(&s);
    assert_int_equal(verify(REBUILT, NULL).count, 2);
    assert_int_equal(cask_era_verify(REBUILT, NULL, CASK_VERIFY_BYTES, 1, NULL, note, &f, &bytes), 7);
    assert_int_equal(f.count, 1);
    f = (findings){ .answer = -3 };
    assert_int_equal(cask_era_verify(ERAS "malformed/empty-file/" REBUILT, NULL, CASK_VERIFY_BYTES, 1, NULL, note, &f,
                                     &bytes), -3);
    assert_int_equal(bytes, 0);
    f = (findings){ .answer = 0 };
    assert_int_equal(cask_era_verify(REBUILT, NULL, CASK_VERIFY_NONE, 1, NULL, note, &f, NULL), CASK_OK);
    assert_int_equal(f.count, 0);
    assert_int_equal(cask_era_verify("no-such-file", NULL, CASK_VERIFY_BYTES, 1, NULL, note, &f, NULL),
                     CASK_E_NOTFOUND);
    dispose_specimen(&s);
}

/* Groups behind a damaged one are checked; findings end at some number. */
static void verify__goes_on_behind_damage_up_to_a_limit(void **state)
{
    const char *path = "vectors-00001-00000000.era";
    findings f;
    builder b;

    (void)state;
    build(&b, path);
    put_group(&b, 1);
    put_version(&b);
    put_other(&b);
    put_group(&b, 3);
    build_end(&b);
    f = verify(path, NULL);
    assert_string_equal(f.first, "structure");
    assert_int_equal(f.count, 1 + 6); /* and two blocks and a state that are no snappy, twice */

    build(&b, path);
    for (uint64_t era = 1; era <= 1500; era++) {
        put_group(&b, era);
        poke8(&b, b.state + 6, 1);
    }
    build_end(&b);
    f = verify(path, NULL);
    assert_int_equal(f.count, 1000);
    assert_string_equal(f.first, "reserved-bytes");
}

static void copy(builder *b, const char *to, const char *from)
{
    static uint8_t bytes[1u << 20];
    FILE *file = fopen(from, "rb");
    size_t size;

    assert_non_null(file);
    size = fread(bytes, 1, sizeof(bytes), file);
    assert_in_range(size, 1, sizeof(bytes) - 1);
    fclose(file);
    build(b, to);
    assert_int_equal(cask_write_all(&b->handle, to, bytes, size, 0), CASK_OK);
}

/* What follows from a thing wrong is not reported as others. */
static void verify__one_defect_is_one_finding(void **state)
{
    enum { STATE_INDEX = E2_HEADER_SIZE + E2_INDEX_SIZE(1), TYPE = 0, LENGTH = 2 };
    static const struct {
        size_t group;
        uint64_t before_end; /* 0: at the beginning of the group */
        uint64_t at;
        uint8_t value;
        const char *word;
    } cases[] = {
        { 0, 0, TYPE, 0x66, "version" },
        { 1, 0, TYPE, 0x66, "structure" },
        { 2, 0, TYPE, 0x66, "structure" },
        { 2, STATE_INDEX, TYPE, 0x01, "structure" },
        { 0, STATE_INDEX, TYPE, 0x01, "structure" },
        { 2, STATE_INDEX, LENGTH, 0x19, "record-length" },
        { 2, STATE_INDEX, LENGTH + 3, 0x80, "record-length" },
        { 2, STATE_INDEX, LENGTH, 0x10, "index-malformed" },
    };
    static const char path[] = ERAS "unusual/three-groups/vectors-00001-f0155bf0.era";
    cask_network *network = load(ERAS "minimal/config.yaml");
    cask_era *era;

    (void)state;
    assert_int_equal(cask_era_open(&era, path, NULL, NULL), CASK_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const cask_era_group group = cask_era_group_at(era, cases[i].group);
        const uint64_t record = cases[i].before_end == 0 ? group.offset
                                                         : group.offset + group.size - cases[i].before_end;
        builder b;
        findings f;

        copy(&b, "vectors-00001-f0155bf0.era", path);
        poke8(&b, record + cases[i].at, cases[i].value);
        build_end(&b);
        f = verify("vectors-00001-f0155bf0.era", network);
        if (f.count != 1 || strcmp(f.first, cases[i].word) != 0)
            fail_msg("case %zu: '%s' where '%s' is due, findings: %zu", i, f.first, cases[i].word, f.count);
    }
    cask_era_close(era);
    cask_network_free(network);
}

/* Anything else is no era file, whatever its bytes mean as records. */
static void verify__what_is_no_era_file(void **state)
{
    static const char *const contents[] = {
        "PRESET_BASE: 'minimal'\nCONFIG_NAME: 'vectors'\n",
        "\x1f\x8b\x08\x04\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10",
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        findings f;
        builder b;

        build(&b, REBUILT);
        assert_int_equal(cask_write_all(&b.handle, b.path, contents[i], strlen(contents[i]), 0), CASK_OK);
        build_end(&b);
        f = verify(REBUILT, NULL);
        assert_int_equal(f.count, 1);
        assert_string_equal(f.first, "version");
    }
}

/* Sanitizers take memory of their own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNDER_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNDER_SANITIZER 1
#endif
#endif

/* Records of gigabytes, in a file that has them (of holes), cost little memory. */
static void verify__memory_does_not_follow_the_claims(void **state)
{
    const uint32_t huge = UINT32_MAX - 7;
    const char *path = "vectors-00003-00000000.era";
    struct rusage usage;
    findings f;
    builder b;

    (void)state;
#ifdef UNDER_SANITIZER
    skip();
#endif
    build(&b, path);
    put_version(&b);
    for (uint64_t slot = 128; slot < 130; slot++) {
        uint8_t header[8] = { 1, 0 };

        b.slots[slot % SLOTS] = b.writer.offset;
        cask_store32(header + 2, huge);
        assert_int_equal(cask_write_all(&b.handle, path, header, 8, b.writer.offset), CASK_OK);
        b.writer.offset += 8 + (uint64_t)huge;
    }
    b.state = b.writer.offset;
    assert_int_equal(cask_write_all(&b.handle, path, (uint8_t[]){ 2, 0, 0xf8, 0xff, 0xff, 0xff, 0, 0 }, 8, b.state),
                     CASK_OK);
    b.writer.offset += 8 + (uint64_t)huge;
    put_block_index(&b, 128);
    put_state_index(&b, 192);
    build_end(&b);
    f = verify(path, NULL);
    assert_int_equal(f.count, 3);
    assert_string_equal(f.first, "snappy");
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    assert_true(usage.ru_maxrss < 64 * 1024); /* KiB */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors__good_files_have_no_findings),
        cmocka_unit_test(vectors__genesis_files_are_of_their_networks),
        cmocka_unit_test(vectors__malformed_files_get_their_word),
        cmocka_unit_test(vectors__unusual_files_are_accepted),
        cmocka_unit_test(verify__memory_does_not_follow_the_claims),
        cmocka_unit_test(state__must_fit_slot_and_network),
        cmocka_unit_test(state__too_short_is_malformed),
        cmocka_unit_test(state__stream_is_strict_across_pieces),
        cmocka_unit_test(state__roots_are_read_from_its_beginning),
        cmocka_unit_test(block__must_be_one_of_its_slot),
        cmocka_unit_test(block__slices_cover_every_one),
        cmocka_unit_test(block__larger_than_any_is_refused),
        cmocka_unit_test(name__is_held_against_the_file),
        cmocka_unit_test(verify__stops_where_told),
        cmocka_unit_test(verify__goes_on_behind_damage_up_to_a_limit),
        cmocka_unit_test(verify__one_defect_is_one_finding),
        cmocka_unit_test(verify__what_is_no_era_file),
    };

    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
