/*
 * Makes the corpora: make-corpus FIXTURES CORPUS. Small inputs that reach far into each parser; what the fuzzers find
 * beside them is added by hand. Writes the same bytes each time.
 */
#include "beacon.h"
#include "bytes.h"
#include "codec.h"
#include "conf.h"
#include "e2store.h"
#include "network.h"
#include "offset_table.h"

#include <errno.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SLOTS = 64, PATH_SIZE = 4096 };

static const char *fixtures, *corpus;

static void must(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "%s: %s (%s)\n", what, cask_error_last()->message, strerror(errno));
        exit(1);
    }
}

/* ---- Bytes in the making ---------------------------------------------------------------------------------------- */

static void add(cask_buf *buf, const void *bytes, size_t size)
{
    must(cask_buf_reserve(buf, buf->size + size + 1) == CASK_OK, "memory");
    if (size > 0)
        memcpy(buf->data + buf->size, bytes, size);
    buf->size += size;
}

/* Little-endian. */
static void add_number(cask_buf *buf, uint64_t number, size_t size)
{
    uint8_t bytes[8];

    cask_store64(bytes, number);
    add(buf, bytes, size);
}

static void add_text(cask_buf *buf, const char *text)
{
    add(buf, text, strlen(text));
}

/* Write corpus/TARGET/NAME and let go of the bytes. */
static void save(cask_buf *buf, const char *target, const char *name)
{
    char path[PATH_SIZE];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", corpus, target);
    must(mkdir(path, 0777) == 0 || errno == EEXIST, path);
    snprintf(path, sizeof(path), "%s/%s/%s", corpus, target, name);
    file = fopen(path, "wb");
    must(file != NULL, path);
    must(buf->size == 0 || fwrite(buf->data, 1, buf->size, file) == buf->size, path);
    must(fclose(file) == 0, path);
    cask_buf_dispose(buf);
}

static void save_text(const char *text, const char *target, const char *name)
{
    cask_buf buf = CASK_BUF_INIT;

    add_text(&buf, text);
    save(&buf, target, name);
}

/* ---- e2store and era files -------------------------------------------------------------------------------------- */

static void add_record(cask_buf *buf, uint16_t type, const void *payload, size_t size)
{
    add_number(buf, type, 2);
    add_number(buf, size, 4);
    add_number(buf, 0, 2);
    add(buf, payload, size);
}

static void add_index(cask_buf *buf, uint64_t start_slot, const uint64_t *targets, size_t slots)
{
    uint64_t at = buf->size;

    add_number(buf, E2_INDEX, 2);
    add_number(buf, E2_INDEX_SIZE(slots), 4);
    add_number(buf, 0, 2);
    add_number(buf, start_slot, 8);
    for (size_t i = 0; i < slots; i++)
        add_number(buf, targets[i] == 0 ? 0 : targets[i] - 1 - at, 8);
    add_number(buf, slots, 8);
}

/* A group of two blocks and a state; `target` + 1 in the list, 0 for none. */
static void add_group(cask_buf *buf, uint64_t era, const cask_buf *block, const cask_buf *state, bool other)
{
    uint64_t targets[SLOTS] = { 0 }, state_target;

    add_record(buf, E2_VERSION, NULL, 0);
    for (size_t i = 0; i < 2 && era > 0; i++) {
        targets[1 + 4 * i] = buf->size + 1;
        add_record(buf, E2_BLOCK, block->data, block->size);
    }
    state_target = buf->size + 1;
    add_record(buf, E2_STATE, state->data, state->size);
    if (other)
        add_record(buf, 0x1234, "an unknown record", 17);
    if (era > 0)
        add_index(buf, (era - 1) * SLOTS, targets, SLOTS);
    add_index(buf, era * SLOTS, &state_target, 1);
}

static void make_e2store(void)
{
    uint64_t targets[4] = { 9, 0, 9, 0 };
    cask_buf buf = CASK_BUF_INIT;

    add_record(&buf, E2_VERSION, NULL, 0);
    add_record(&buf, E2_BLOCK, "block", 5);
    add_record(&buf, E2_STATE, "state", 5);
    add_index(&buf, 64, targets, 4);
    save(&buf, "e2store", "records");
    add_record(&buf, E2_VERSION, NULL, 0);
    add_record(&buf, 7, "reserved", 8);
    buf.data[14] = 1;
    add_record(&buf, 7, "again", 5);
    save(&buf, "e2store", "reserved");
    add_record(&buf, E2_VERSION, NULL, 0);
    add_number(&buf, UINT64_MAX >> 16, 8);
    save(&buf, "e2store", "length");
}

static void make_small_eras(void)
{
    cask_buf block = CASK_BUF_INIT, state = CASK_BUF_INIT, buf = CASK_BUF_INIT;

    add_text(&block, "no frames");
    add_text(&state, "nor these");
    add_group(&buf, 0, &block, &state, false);
    save(&buf, "era", "small-genesis");
    add_group(&buf, 3, &block, &state, false);
    save(&buf, "era", "small");
    add_group(&buf, 0, &block, &state, true);
    add_group(&buf, 1, &block, &state, true);
    save(&buf, "era", "small-groups");
    cask_buf_dispose(&block);
    cask_buf_dispose(&state);
}

/* ---- Real blocks and states ------------------------------------------------------------------------------------- */

typedef struct chain {
    const char *folder;
    cask_network *network;
    bool seen[ERA_FORKS_MAX][2]; /* blocks, states */
    cask_buf values;             /* of the eras so far */
} chain;

static void save_ssz(chain *c, const cask_buf *stored, uint64_t slot, bool state)
{
    cask_buf ssz = CASK_BUF_INIT, buf = CASK_BUF_INIT;
    size_t fork = cask_network_fork_at(c->network, slot);
    char name[64];

    if (c->seen[fork][state])
        return;
    c->seen[fork][state] = true;
    must(cask_era_decode(&ssz, stored) == CASK_OK, "decode");
    add_number(&buf, 2 * fork + state, 1);
    add(&buf, ssz.data, ssz.size);
    snprintf(name, sizeof(name), "%s-%s", state ? "state" : "block", era_fork_names[fork]);
    save(&buf, "ssz", name);
    cask_buf_dispose(&ssz);
}

/* The frames of a block, as the other targets take them. */
static void save_frames(const cask_buf *stored, const char *name)
{
    cask_buf buf = CASK_BUF_INIT;

    add(&buf, stored->data, stored->size);
    save(&buf, "snappy", name);
    add_number(&buf, CASK_CODEC_SNAPPY, 1);
    add(&buf, stored->data, stored->size);
    save(&buf, "codec", name);
}

static void add_value(cask_buf *buf, uint8_t column, uint64_t slot, const uint8_t *bytes, size_t size)
{
    add_number(buf, column, 1);
    add_number(buf, slot, 2);
    add_number(buf, size, 3);
    add(buf, bytes, size);
}

/* The values of an era as its import puts them into an archive: of blocks the first one. */
static void save_values(chain *c, cask_era *era, const cask_era_group *group)
{
    cask_buf stored = CASK_BUF_INIT, ssz = CASK_BUF_INIT, copy = CASK_BUF_INIT;
    const uint64_t slots = group->state_slot - group->start_slot;
    unsigned blocks = 0;
    char name[64];

    for (uint64_t slot = group->start_slot; slot < group->state_slot && blocks < 1; slot++) {
        if (cask_era_read_block(&stored, era, 0, slot) < 0)
            continue;
        must(cask_era_decode(&ssz, &stored) == CASK_OK, "decode");
        add_value(&c->values, 0, slot, ssz.data, ssz.size);
        blocks++;
    }
    must(cask_era_read_state(&stored, era, 0) == CASK_OK && cask_era_decode(&ssz, &stored) == CASK_OK, "decode");
    for (uint64_t i = 0; i < 2 * slots; i++)
        add_value(&c->values, (uint8_t)(1 + i / slots), group->start_slot + i % slots,
                  ssz.data + BEACON_STATE_BLOCK_ROOTS + i * 32, 32);
    add_value(&c->values, 3, group->state_slot, ssz.data, ssz.size);
    snprintf(name, sizeof(name), "eras-to-%u", (unsigned)group->era);
    add(&copy, c->values.data, c->values.size);
    save(&copy, "verify", name);
    if (group->era == 0) /* all three are more than fuzzers take */
        c->values.size = 0;
    cask_buf_dispose(&stored);
    cask_buf_dispose(&ssz);
}

static int take_era(const char *path, void *payload)
{
    chain *c = payload;
    cask_buf stored = CASK_BUF_INIT, block = CASK_BUF_INIT, buf = CASK_BUF_INIT;
    cask_era_group group;
    cask_era *era;

    must(cask_era_open(&era, path, c->network, NULL) == CASK_OK, path);
    group = cask_era_group_at(era, 0);
    for (uint64_t slot = group.start_slot; slot < group.state_slot; slot++)
        if (cask_era_read_block(&block, era, 0, slot) == CASK_OK)
            save_ssz(c, &block, slot, false);
    must(cask_era_read_state(&stored, era, 0) == CASK_OK, path);
    save_ssz(c, &stored, group.state_slot, true);
    if (group.era < 3 && strcmp(c->folder, "minimal") == 0)
        save_values(c, era, &group);
    if (group.era == 2) {
        add_group(&buf, group.era, &block, &stored, false);
        save(&buf, "era", c->folder);
        save_frames(&block, c->folder);
    }
    cask_buf_dispose(&stored);
    cask_buf_dispose(&block);
    cask_era_close(era);
    return 0;
}

static void make_from_chain(const char *folder)
{
    char path[PATH_SIZE];
    chain c = { .folder = folder, .values = CASK_BUF_INIT };
    cask_buf text = CASK_BUF_INIT;

    snprintf(path, sizeof(path), "%s/eras/%s/config.yaml", fixtures, folder);
    must(cask_network_load(&c.network, path, NULL) == CASK_OK, path);
    must(cask_network_format(&text, c.network) == CASK_OK, path);
    save(&text, "identity", folder);
    snprintf(path, sizeof(path), "%s/eras/%s", fixtures, folder);
    must(cask_era_files(path, NULL, take_era, &c) == CASK_OK, path);
    cask_buf_dispose(&c.values);
    cask_network_free(c.network);
}

/* ---- Codecs ----------------------------------------------------------------------------------------------------- */

static void make_codecs(void)
{
    static const uint8_t odd[] = { 0xff, 6, 0, 0, 's',  'N', 'a', 'P', 'p', 'Y', 0xfe, 3,   0,   0,   1, 2,  3, 0x80,
                                   1,    0, 0, 9, 0xff, 6,   0,   0,   's', 'N', 'a',  'P', 'p', 'Y', 1, 5,  0, 0,
                                   0,    0, 0, 0, 'x',  0,   6,   0,   0,   0,   0,    0,   0,   1,   0, 'y' };
    /* A raw block of every kind of element: literals with lengths of 0 and 1 bytes, copies with offsets of 1 to 4. */
    static const uint8_t block[] = { 0xff, 6,   0, 0, 's',  'N', 'a', 'P',  'p', 'Y', 0,    23, 0,
                                     0,    0,   0, 0, 0,    28,  8,   'a',  'b', 'c', 0xf0, 2,  'd',
                                     'e',  'f', 1, 3, 0x1e, 2,   0,   0x1f, 3,   0,   0,    0 };
    static const char *const names[] = { "none", "snappy", "zstd" };
    uint8_t *bytes = calloc(1, 140000);
    cask_buf buf = CASK_BUF_INIT, stored = CASK_BUF_INIT;

    must(bytes != NULL, "memory");
    add(&buf, odd, sizeof(odd));
    save(&buf, "snappy", "chunks");
    add(&buf, block, sizeof(block));
    save(&buf, "snappy", "elements");
    add(&buf, odd, 10);
    save(&buf, "snappy", "empty");
    must(cask_codec_encode(&buf, CASK_CODEC_SNAPPY, 0, bytes, 140000) == CASK_OK, "encode");
    save(&buf, "snappy", "large");
    for (size_t i = 0; i < 300; i++)
        bytes[i] = (uint8_t)(i * i >> 3);
    for (uint8_t codec = 0; codec < 3; codec++) {
        add_number(&buf, codec, 1);
        must(cask_codec_encode(&stored, codec, 0, bytes, 400) == CASK_OK, "encode");
        add(&buf, stored.data, stored.size);
        save(&buf, "codec", names[codec]);
    }
    add_number(&buf, CASK_CODEC_ZSTD, 1);
    must(cask_codec_encode(&stored, CASK_CODEC_ZSTD, 1, bytes, 140000) == CASK_OK, "encode");
    add(&buf, stored.data, stored.size);
    save(&buf, "codec", "zstd-large");
    cask_buf_dispose(&stored);
    free(bytes);
}

/* ---- Texts ------------------------------------------------------------------------------------------------------ */

static const char config[] = "# a comment\nPRESET_BASE: 'mainnet'\nCONFIG_NAME: \"small\"\n"
                             "GENESIS_FORK_VERSION: 0x00000000\nALTAIR_FORK_VERSION: 0x01000000\n"
                             "ALTAIR_FORK_EPOCH: 74240\nBELLATRIX_FORK_VERSION: 0x02000000\n"
                             "BELLATRIX_FORK_EPOCH: 18446744073709551615\nBLOB_SCHEDULE:\n"
                             "  - EPOCH: 412672\n    MAX_BLOBS_PER_BLOCK: 15\nOTHER: [1, {a: b}]\n"
                             "HEZE_FORK_EPOCH: 18446744073709551615\n";

static void make_texts(void)
{
    static const char *const names[] = {
        "mainnet-00001-40cf2f3c.era", "a/folder/vectors-gloas-00003-4f605d78.era", "x-123456-00000000.era",
        "-00000-00000000.era",        "m-18446744073709551615-ffffffff.era",       "m-00001-4B363DB9.era"
    };
    char line[32], name[32];
    cask_buf buf = CASK_BUF_INIT;

    save_text(config, "config", "small");
    save_text("&a PRESET_BASE: *a\n--- !!map\n? [x]\n: |\n  y\n...\n", "config", "yaml");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(name, sizeof(name), "%zu", i);
        save_text(names[i], "era_name", name);
    }
    for (size_t i = 0; cask_network_names()[i] != NULL; i++) {
        cask_network *network;

        must(cask_network_load(&network, cask_network_names()[i], NULL) == CASK_OK, "network");
        must(cask_network_format(&buf, network) == CASK_OK, "network");
        save(&buf, "identity", cask_network_names()[i]);
        cask_network_free(network);
    }
    save_text("slotcask-network: 2\n", "identity", "version");

    add_text(&buf, "slotcask archive 1\nsome identity\n");
    snprintf(line, sizeof(line), "crc32c: %08x\n", cask_crc32c(0, buf.data, buf.size));
    add_text(&buf, line);
    save(&buf, "archive_conf", "good");
    save_text("slotcask archive 2\nsome identity\ncrc32c: 00000000\n", "archive_conf", "version");
    save_text("slotcask archive 1\n", "archive_conf", "cut");
}

/* ---- The store -------------------------------------------------------------------------------------------------- */

static void add_old_conf(cask_buf *buf, unsigned version, uint64_t backfilled)
{
    add_number(buf, 0, 1);
    add_text(buf, version == 2 ? "LHSTBLK2" : "LHSTBLK3");
    add_number(buf, 16390, 8);
    add_number(buf, 4096, 8);
    add_number(buf, 0x0001, 2);
    add_number(buf, 1, 1);
    add_number(buf, version == 2 ? 0 : 1, 1);
    add_number(buf, 1u << 24, 8);
    if (version == 3) {
        add_number(buf, backfilled, 8);
        add_number(buf, 4096, 8);
    }
}

static void make_confs(void)
{
    cask_conf conf = { .version = 4,
                       .sequence = 7,
                       .highest_slot = 16390,
                       .record_type = { 1, 0 },
                       .codec = 2,
                       .allow_backfill = true,
                       .max_value_size = 1u << 24,
                       .open_count = 2,
                       .open = { { 2, 4096, 9000, 5, 0, 1, 0 }, { 0, 1024, 3000, 2, 1, 2, 0 } } };
    uint8_t copy[CASK_CONF_COPY_SIZE];
    cask_buf buf = CASK_BUF_INIT;

    add_old_conf(&buf, 2, 0);
    save(&buf, "column_conf", "version-2");
    add_old_conf(&buf, 3, UINT64_MAX);
    save(&buf, "column_conf", "version-3");
    add_old_conf(&buf, 3, 1);
    save(&buf, "column_conf", "version-3-backfilled");
    add_old_conf(&buf, 3, 1);
    buf.size = 35;
    save(&buf, "column_conf", "version-3-foreign");
    cask_conf_encode_v4(copy, &conf);
    add_number(&buf, 7, 1); /* four copies alike */
    add(&buf, copy, sizeof(copy));
    save(&buf, "column_conf", "version-4");
    add_number(&buf, 1, 1); /* and as they should be */
    for (unsigned i = 0; i < CASK_CONF_COPIES; i++) {
        conf.sequence = i < 2 ? 6 : 7;
        cask_conf_encode_v4(copy, &conf);
        add(&buf, copy, sizeof(copy));
    }
    save(&buf, "column_conf", "version-4-copies");
}

static void add_entry(cask_buf *buf, uint64_t index, uint64_t offset, uint64_t mark)
{
    add_number(buf, index, 2);
    add_number(buf, offset, 8);
    add_number(buf, mark, 8);
}

static void make_tables(void)
{
    cask_trailer trailer = { .sealed = true, .data_length = 4096, .records = 3 };
    uint8_t bytes[CASK_TRAILER_SIZE];
    cask_buf buf = CASK_BUF_INIT;

    for (int sealed = 0; sealed < 2; sealed++) {
        trailer.sealed = sealed == 1;
        cask_trailer_encode(bytes, &trailer);
        add_number(&buf, 4096, 8);
        add_number(&buf, 4000, 2);
        add(&buf, bytes, sizeof(bytes));
        add_entry(&buf, 0, 8, 77);
        add_entry(&buf, 3, CASK_OFFSET_PRUNED, 0);
        add_entry(&buf, 4000, 4000, 88);
        add_entry(&buf, 4001, 4000, 88);
        add_entry(&buf, 5, 4096, 99);
        add_entry(&buf, 6, 0, 99);
        save(&buf, "offset_table", sealed == 1 ? "sealed" : "open");
    }
}

/* Edits as fuzz_archive.c takes them: of file 0, column.conf, to file 6, the last table. */
static void make_archives(void)
{
    static const char *const kinds[] = { "write", "cut", "remove", "copy", "entry", "conf", "grow", "folder" };
    char name[64];

    for (unsigned shape = 0; shape < 5; shape++) {
        for (unsigned kind = 0; kind < 8; kind++) {
            cask_buf buf = CASK_BUF_INIT;
            unsigned file = kind == 5 ? 0 : kind == 4 ? 2 : 1 + (shape + kind) % 6;

            add_number(&buf, shape, 1);
            add_number(&buf, kind % 2 == 0 ? 7 : 0, 1);
            add_number(&buf, kind, 1);
            add_number(&buf, file, 1);
            switch (kind) {
            case 0:
                add_number(&buf, 20, 4);
                add_number(&buf, 3, 1);
                add_text(&buf, "abc");
                break;
            case 3:
                add_number(&buf, file + 2, 1);
                break;
            case 4:
                add_entry(&buf, 5, 16, UINT64_C(0x1234567800000020));
                break;
            case 5:
                add_number(&buf, 16, 2);
                add_number(&buf, 8, 1);
                add_number(&buf, 30000, 8);
                break;
            default:
                add_number(&buf, 100, 4);
                break;
            }
            snprintf(name, sizeof(name), "%u-%s", shape, kinds[kind]);
            save(&buf, "archive", name);
        }
    }
}

/* ---- LMDB ------------------------------------------------------------------------------------------------------- */

/* A file of LMDB's own making, after so many commits of so many entries. */
static void make_lmdb(const char *name, uint64_t commits, uint64_t entries)
{
    char path[PATH_SIZE];
    uint8_t *bytes;
    size_t size;
    cask_buf buf = CASK_BUF_INIT;
    MDB_env *env;

    snprintf(path, sizeof(path), "%s/lmdb.tmp", corpus);
    must(mdb_env_create(&env) == 0 && mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOLOCK, 0600) == 0, path);
    for (uint64_t i = 0; i < commits; i++) {
        MDB_txn *transaction;
        MDB_dbi tree;

        must(mdb_txn_begin(env, NULL, 0, &transaction) == 0 && mdb_dbi_open(transaction, NULL, 0, &tree) == 0, path);
        for (uint64_t j = 0; j < entries; j++) {
            uint8_t key[17] = { 'b' };
            MDB_val mdb_key = { sizeof(key), key }, none = { 0, NULL };

            cask_store64(key + 1, (j * commits + i) * UINT64_C(0x9e3779b97f4a7c15));
            must(mdb_put(transaction, tree, &mdb_key, &none, 0) == 0, path);
        }
        must(mdb_txn_commit(transaction) == 0, path);
    }
    mdb_env_close(env);
    must(cask_read_file(&bytes, &size, cask_vfs_posix(), path, 1u << 20) == CASK_OK && remove(path) == 0, path);
    add(&buf, bytes, size);
    free(bytes);
    save(&buf, "lmdb_file", name);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: make-corpus FIXTURES CORPUS\n");
        return 2;
    }
    fixtures = argv[1];
    corpus = argv[2];
    make_e2store();
    make_small_eras();
    make_from_chain("minimal");
    make_from_chain("minimal-gloas");
    make_codecs();
    make_texts();
    make_confs();
    make_tables();
    make_archives();
    make_lmdb("one-entry", 1, 1);
    make_lmdb("one-leaf", 4, 3);
    make_lmdb("branch", 2, 120);
    return 0;
}
