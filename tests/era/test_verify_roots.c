/*
 * Verification down to the roots, and export: every vector, as a file and out of an archive; what a trusted root
 * proves; archives whose columns contradict each other.
 */
#include "era_builder.h"
#include "era_check.h"
#include "files.h"
#include "manifest.h"
#include "sha256.h"
#include "slotcask/era.h"

#include <stdio.h>
#include <unistd.h>

#define ERAS FIXTURES "/eras/"
enum { FINDINGS = 64, PATHS = 20 };

typedef struct findings {
    size_t count; /* of damage */
    char words[FINDINGS][32];
    uint64_t slots[FINDINGS];
    uint64_t eras[FINDINGS];
    size_t unproven;
    uint64_t unproven_era; /* of the last one */
    cask_verify_result result;
} findings;

/* Words that are always about bytes of a record, in files and in archives. */
static bool has_a_place(const char *word)
{
    static const char *const words[] = { "block-slot", "parent-root", "proposer-signature", "snappy", "ssz-malformed",
                                         "state-slot" };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i], word) == 0)
            return true;
    }
    return false;
}

static int note(const cask_report *found, void *payload)
{
    findings *f = payload;

    assert_true(strlen(found->message) > 0 && found->file != NULL);
    if (found->unproven) {
        assert_false(found->corrupt);
        assert_string_equal(found->what, "unproven");
        f->unproven++;
        f->unproven_era = found->era;
        return 0;
    }
    assert_true(found->corrupt);
    assert_true(found->offset != UINT64_MAX || !has_a_place(found->what));
    assert_true(found->has_era || found->slot == CASK_NO_SLOT);
    if (f->count < FINDINGS) {
        snprintf(f->words[f->count], sizeof(f->words[0]), "%s", found->what);
        f->slots[f->count] = found->slot;
        f->eras[f->count] = found->has_era ? found->era : UINT64_MAX;
    }
    f->count++;
    return 0;
}

static cask_network *load(const char *path)
{
    cask_network *network;

    assert_ok(cask_network_load(&network, path, NULL));
    return network;
}

static json_t *minimal_eras(json_t **manifest_out)
{
    *manifest_out = load_manifest(ERAS "minimal/manifest.json");
    return json_object_get(*manifest_out, "eras");
}

static void parse_root(uint8_t root[32], const char *text)
{
    for (size_t i = 0; i < 32; i++) {
        unsigned byte;

        assert_int_equal(sscanf(text + 2 + 2 * i, "%2x", &byte), 1);
        root[i] = (uint8_t)byte;
    }
}

static void state_root_of(uint8_t root[32], size_t era)
{
    json_t *manifest, *eras = minimal_eras(&manifest);

    parse_root(root, text_of(json_object_get(json_array_get(eras, era), "state"), "hash_tree_root"));
    json_decref(manifest);
}

/* ---- Files ------------------------------------------------------------------------------------------------------- */

typedef struct file_list {
    char *path[PATHS];
    size_t count;
} file_list;

static void add_file(file_list *list, const char *folder, const char *name)
{
    char path[1000];

    assert_true(list->count < PATHS);
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    list->path[list->count++] = strdup(path);
}

/* Of the minimal chain. */
static void add_era(file_list *list, size_t era)
{
    json_t *manifest, *eras = minimal_eras(&manifest);

    add_file(list, ERAS "minimal", text_of(json_array_get(eras, era), "file"));
    json_decref(manifest);
}

static void dispose_list(file_list *list)
{
    while (list->count > 0)
        free(list->path[--list->count]);
}

static cask_verify_options options_with(const cask_network *network, const uint8_t *root, uint64_t slot)
{
    cask_verify_options options = CASK_VERIFY_OPTIONS_INIT;

    options.network = network;
    options.trusted_root = root;
    options.trusted_slot = slot;
    options.jobs = 3;
    return options;
}

static findings verify(const file_list *list, const cask_verify_options *options)
{
    findings f = { .count = 0 };

    assert_ok(cask_verify_files(&f.result, (const char *const *)list->path, list->count, options, note, &f));
    assert_int_equal(f.result.findings, f.count);
    assert_int_equal(f.result.unproven, f.unproven);
    return f;
}

/* ---- Archives ---------------------------------------------------------------------------------------------------- */

static int import(cask_archive *archive, const file_list *list, const cask_network *network, cask_verify_level level,
                  uint8_t codec)
{
    cask_import_options options = CASK_IMPORT_OPTIONS_INIT;
    cask_import_result result;

    options.network = network;
    options.verify = level;
    options.codec = codec;
    options.jobs = 2;
    return cask_import(&result, archive, (const char *const *)list->path, list->count, &options);
}

static cask_archive *open_archive(const char *path)
{
    cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;
    cask_archive *archive;

    options.create = true;
    assert_ok(cask_archive_open(&archive, path, &options));
    return archive;
}

static findings verify_archive(cask_archive *archive, const cask_verify_options *options)
{
    findings f = { .count = 0 };

    assert_ok(cask_verify_archive(&f.result, archive, "archive", options, note, &f));
    assert_int_equal(f.result.findings, f.count);
    return f;
}

/* ---- The vectors ------------------------------------------------------------------------------------------------- */

static bool is_word_of(const json_t *vector, const char *word)
{
    const json_t *also = json_object_get(vector, "also");
    bool found = strcmp(word, text_of(vector, "error")) == 0;

    for (size_t i = 0; i < json_array_size(also); i++)
        found = found || strcmp(word, json_string_value(json_array_get(also, i))) == 0;
    return found;
}

static bool needs(const json_t *vector, const char *what)
{
    return strcmp(text_of(vector, "needs"), what) == 0;
}

static bool needs_signatures(const json_t *vector)
{
    return strcmp(text_of(vector, "error"), "proposer-signature") == 0;
}

/* All that was found is what the vector is wrong in. */
static void assert_refused(const json_t *vector, const findings *f)
{
    if (f->count == 0)
        fail_msg("%s: nothing was found", text_of(vector, "id"));
    for (size_t i = 0; i < f->count && i < FINDINGS; i++) {
        if (!is_word_of(vector, f->words[i]))
            fail_msg("%s: '%s' where '%s' is due", text_of(vector, "id"), f->words[i], text_of(vector, "error"));
    }
}

static void list_of_vector(file_list *list, const json_t *vector)
{
    if (needs(vector, "previous-era"))
        add_era(list, 2);
    add_file(list, ERAS "malformed", text_of(vector, "file"));
}

/* Called for each case of malformed that this build can see. */
static void for_each_malformed(void (*check)(const json_t *vector, const file_list *list, const cask_network *network,
                                             const cask_verify_options *options))
{
    cask_network *network = load(ERAS "minimal/config.yaml");
    json_t *manifest = load_manifest(ERAS "malformed/manifest.json");
    const json_t *vectors = json_object_get(manifest, "cases");
    uint8_t root[32];

    state_root_of(root, 3);
    assert_int_equal(json_array_size(vectors), 43);
    for (size_t i = 0; i < json_array_size(vectors); i++) {
        const json_t *vector = json_array_get(vectors, i);
        cask_verify_options options = options_with(network, needs(vector, "anchor") ? root : NULL, CASK_NO_SLOT);
        file_list list = { .count = 0 };

        if (needs_signatures(vector)) {
            if (!era_signatures_available())
                continue;
            options.level = CASK_VERIFY_SIGNATURES;
        }
        if (!case_begin("%s", text_of(vector, "id")))
            continue;
        list_of_vector(&list, vector);
        check(vector, &list, network, &options);
        dispose_list(&list);
        case_end();
    }
    json_decref(manifest);
    cask_network_free(network);
}

static void check_as_file(const json_t *vector, const file_list *list, const cask_network *network,
                          const cask_verify_options *options)
{
    findings f = verify(list, options);

    (void)network;
    assert_refused(vector, &f);
}

static void malformed__is_refused(void **state)
{
    (void)state;
    for_each_malformed(check_as_file);
}

/* Imported without verifying: refused there, or by the verification of the archive. */
static void check_in_archive(const json_t *vector, const file_list *list, const cask_network *network,
                             const cask_verify_options *options)
{
    char *folder = temp_folder_new();
    cask_archive *archive = open_archive(folder);
    int code = import(archive, list, network, CASK_VERIFY_NONE, CASK_CODEC_SNAPPY);

    if (code != CASK_OK) {
        if (!is_word_of(vector, cask_error_last()->word))
            fail_msg("%s: '%s' by import", text_of(vector, "id"), cask_error_last()->word);
    } else {
        findings f = verify_archive(archive, options);

        assert_refused(vector, &f);
    }
    cask_archive_close(archive);
    temp_folder_remove(folder);
}

static void malformed__is_refused_in_an_archive(void **state)
{
    (void)state;
    for_each_malformed(check_in_archive);
}

static bool compares_roots(const char *word)
{
    return strcmp(word, "block-root") == 0 || strcmp(word, "parent-root") == 0 || strcmp(word, "state-root") == 0;
}

/* With the era after it, import finds out too; nothing wrong is committed, but the state that only that one shows. */
static void check_import(const json_t *vector, const file_list *list, const cask_network *network,
                         const cask_verify_options *options)
{
    file_list more = *list;
    char *folder = temp_folder_new();
    cask_archive *archive = open_archive(folder);

    if (needs(vector, "anchor"))
        add_era(&more, 4);
    assert_true(import(archive, &more, network, options->level, CASK_CODEC_ZSTD) < 0);
    if (!is_word_of(vector, cask_error_last()->word))
        fail_msg("%s: '%s' by import", text_of(vector, "id"), cask_error_last()->word);
    if (compares_roots(cask_error_last()->word))
        assert_true(strstr(cask_error_last()->message, "(expected 0x") && strstr(cask_error_last()->message, " found 0x"));
    if (needs(vector, "anchor"))
        free(more.path[--more.count]);
    cask_archive_close(archive);
    temp_folder_remove(folder);
}

static void malformed__is_refused_by_import(void **state)
{
    (void)state;
    for_each_malformed(check_import);
}

static void unusual__is_accepted(void **state)
{
    cask_network *network = load(ERAS "minimal/config.yaml");
    json_t *manifest = load_manifest(ERAS "unusual/manifest.json");
    const json_t *vectors = json_object_get(manifest, "cases");
    const cask_verify_options options = options_with(network, NULL, CASK_NO_SLOT);

    (void)state;
    assert_int_equal(json_array_size(vectors), 5);
    for (size_t i = 0; i < json_array_size(vectors); i++) {
        file_list list = { .count = 0 };
        char *folder = temp_folder_new();
        cask_archive *archive = open_archive(folder);

        if (case_begin("%s", text_of(json_array_get(vectors, i), "id"))) {
            add_file(&list, ERAS "unusual", text_of(json_array_get(vectors, i), "file"));
            assert_int_equal(verify(&list, &options).count, 0);
            assert_ok(import(archive, &list, network, CASK_VERIFY_NONE, CASK_CODEC_SNAPPY));
            assert_int_equal(verify_archive(archive, &options).count, 0);
            case_end();
        }
        dispose_list(&list);
        cask_archive_close(archive);
        temp_folder_remove(folder);
    }
    json_decref(manifest);
    cask_network_free(network);
}

/* ---- Changed states ---------------------------------------------------------------------------------------------- */

/* A bit of the state that is flipped: at an offset of one of its fields, or of all of it. */
typedef struct flipped_bit {
    const char *field; /* NULL: of all of it */
    size_t at;
} flipped_bit;

/* The era file, in `folder`, with bits of its state flipped. */
static void add_changed_era(file_list *list, const char *folder, size_t era, const flipped_bit *bits, size_t count)
{
    cask_buf stored = CASK_BUF_INIT, value = CASK_BUF_INIT;
    file_list good = { .count = 0 };
    cask_era_group group;
    cask_era *file;
    builder b;

    add_era(&good, era);
    assert_ok(cask_era_open(&file, good.path[0], NULL, NULL));
    group = cask_era_group_at(file, 0);
    add_file(list, folder, strrchr(good.path[0], '/') + 1);
    build(&b, list->path[list->count - 1]);
    put_version(&b);
    for (uint64_t slot = group.start_slot; slot < group.state_slot; slot++) {
        if (cask_era_read_block(&stored, file, 0, slot) == CASK_OK)
            put_block_bytes(&b, slot, &stored);
    }
    assert_ok(cask_era_read_state(&stored, file, 0));
    assert_ok(cask_codec_decode_buf(&value, CASK_CODEC_SNAPPY, stored.data, stored.size, 1u << 24));
    for (size_t i = 0; i < count; i++) {
        ssz_part part = { NULL, 0, 0 };

        if (bits[i].field != NULL)
            assert_ok(ssz_field(&part, ssz_state_type("minimal", era == 0 ? "phase0" : "altair"), value.data,
                                value.size, bits[i].field));
        value.data[part.offset + bits[i].at] ^= 1;
    }
    assert_ok(cask_codec_encode(&stored, CASK_CODEC_SNAPPY, 0, value.data, value.size));
    put_state_bytes(&b, &stored);
    if (era > 0)
        put_block_index(&b, group.start_slot);
    put_state_index(&b, group.state_slot);
    build_end(&b);
    cask_buf_dispose(&stored);
    cask_buf_dispose(&value);
    cask_era_close(file);
    dispose_list(&good);
}

enum { STATE_SLOT = 40, STATE_VALIDATORS_ROOT = 8, VALIDATOR = 121, EFFECTIVE_BALANCE = 80 };

/* Each state is wrong in one thing, or in one that others follow from: there is one finding. */
static void changed_state__is_one_finding(void **state)
{
    static const struct {
        size_t era;
        flipped_bit bits[2];
        size_t bit_count;
        bool with_before, with_next;
        cask_verify_level level;
        const char *word;
    } cases[] = {
        /* what the state of another slot has of blocks is of no use */
        { 3, { { NULL, STATE_SLOT }, { "block_roots", 4 * 32 } }, 2, false, false, CASK_VERIFY_ROOTS, "state-slot" },
        /* genesis_validators_root, which config.yaml does not have: by the era before, by all signatures, by genesis */
        { 3, { { NULL, STATE_VALIDATORS_ROOT } }, 1, true, false, CASK_VERIFY_ROOTS, "state-config" },
        { 3, { { NULL, STATE_VALIDATORS_ROOT } }, 1, false, false, CASK_VERIFY_SIGNATURES, "state-config" },
        { 0, { { "validators", 3 * VALIDATOR + EFFECTIVE_BALANCE } }, 1, false, false, CASK_VERIFY_ROOTS,
          "state-config" },
        /* the root of the genesis block depends on that of the state */
        { 0, { { "balances", 8 } }, 1, false, true, CASK_VERIFY_ROOTS, "state-root" },
    };
    cask_network *network = load(ERAS "minimal/config.yaml");
    char *folder = temp_folder_new();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        cask_verify_options options = options_with(network, NULL, CASK_NO_SLOT);
        file_list list = { .count = 0 };
        findings f;

        options.level = cases[i].level;
        if (options.level == CASK_VERIFY_SIGNATURES && !era_signatures_available())
            continue;
        add_changed_era(&list, folder, cases[i].era, cases[i].bits, cases[i].bit_count);
        if (cases[i].with_before)
            add_era(&list, cases[i].era - 1);
        if (cases[i].with_next)
            add_era(&list, cases[i].era + 1);
        f = verify(&list, &options);
        if (f.count != 1 || strcmp(f.words[0], cases[i].word) != 0)
            fail_msg("case %zu: findings: %zu, '%s' where '%s' is due", i, f.count, f.words[0], cases[i].word);
        assert_int_equal(f.eras[0], cases[i].era);
        dispose_list(&list);
    }
    temp_folder_remove(folder);
    cask_network_free(network);
}

/* Its blocks are of forks that the network did not have, or had at other times: that is not said of each. */
static void other_network__is_named_once(void **state)
{
    cask_network *network = load(ERAS "minimal/config.yaml");
    const cask_verify_options options = options_with(network, NULL, CASK_NO_SLOT);
    file_list list = { .count = 0 };
    findings f;

    (void)state;
    add_file(&list, ERAS "minimal-gloas", "vectors-gloas-00002-58ebb214.era");
    f = verify(&list, &options);
    assert_int_equal(f.count, 2);
    assert_string_equal(f.words[0], "name-config");
    assert_string_equal(f.words[1], "state-config");
    dispose_list(&list);
    cask_network_free(network);
}

/* ---- What a trusted root proves ---------------------------------------------------------------------------------- */

static void add_eras(file_list *list, size_t first, size_t last)
{
    for (size_t era = first; era <= last; era++)
        add_era(list, era);
}

static void trusted_root__proves_all_back_to_genesis(void **state)
{
    cask_network *network = load(ERAS "minimal/config.yaml");
    cask_verify_options options;
    file_list list = { .count = 0 };
    uint8_t root[32];
    findings f;

    (void)state;
    state_root_of(root, 16);
    add_eras(&list, 0, 16);
    options = options_with(network, NULL, CASK_NO_SLOT);
    f = verify(&list, &options);
    assert_int_equal(f.count, 0);
    assert_int_equal(f.unproven, 1);
    assert_int_equal(f.unproven_era, 16);
    assert_true(f.result.proven_from == CASK_NO_SLOT && f.result.proven_to == CASK_NO_SLOT);
    assert_int_equal(f.result.eras, 17);
    assert_int_equal(f.result.blocks, 859);

    options = options_with(network, root, 16 * SLOTS);
    f = verify(&list, &options);
    assert_int_equal(f.count + f.unproven, 0);
    assert_int_equal(f.result.proven_from, 0);
    assert_int_equal(f.result.proven_to, 16 * SLOTS);
    dispose_list(&list);
    cask_network_free(network);
}

static void trusted_root__of_any_slot_in_the_newest_era(void **state)
{
    cask_network *network = load(ERAS "minimal/config.yaml");
    json_t *manifest, *eras = minimal_eras(&manifest);
    const json_t *slots = json_object_get(json_array_get(eras, 5), "slots");
    file_list list = { .count = 0 };

    (void)state;
    add_eras(&list, 4, 5);
    for (size_t i = 0; i < SLOTS; i += CASE_STRIDE) {
        const json_t *row = json_array_get(slots, i);
        uint8_t root[32];
        cask_verify_options options = options_with(network, root, 4 * SLOTS + i);
        findings f;

        parse_root(root, text_of(row, "block_root"));
        f = verify(&list, &options);
        assert_int_equal(f.count, 0);
        assert_true(f.unproven > 0); /* the newest state itself */
        assert_int_equal(f.result.proven_from, 3 * SLOTS + 1); /* is the first slot of era 4 empty? */
        assert_int_equal(f.result.proven_to, 4 * SLOTS + i);

        parse_root(root, text_of(row, "state_root"));
        f = verify(&list, &options);
        assert_int_equal(f.count, 0);
        assert_true(f.result.proven_from == CASK_NO_SLOT); /* but for slot 0 a state that is not at hand */

        options.trusted_slot = 4 * SLOTS + (i + 7) % SLOTS;
        f = verify(&list, &options);
        assert_int_equal(f.count, 1);
        assert_string_equal(f.words[0], "state-root");
    }
    json_decref(manifest);
    dispose_list(&list);
    cask_network_free(network);
}

static void trusted_root__outside_the_newest_era(void **state)
{
    cask_network *network = load(ERAS "minimal/config.yaml");
    uint8_t root[32];
    cask_verify_options options = options_with(network, root, 3 * SLOTS - 1);
    file_list list = { .count = 0 };
    findings f = { .count = 0 };

    (void)state;
    state_root_of(root, 3);
    add_eras(&list, 3, 4);
    assert_code(cask_verify_files(&f.result, (const char *const *)list.path, list.count, &options, note, &f),
                CASK_E_INVALID);
    options.trusted_slot = 4 * SLOTS + 1;
    assert_code(cask_verify_files(&f.result, (const char *const *)list.path, list.count, &options, note, &f),
                CASK_E_INVALID);
    dispose_list(&list);
    cask_network_free(network);
}

/* Both pass alone, as one of them does with an existing verifier: the root says which is right. */
static void trusted_root__tells_eras_of_one_name_apart(void **state)
{
    cask_network *network = load(ERAS "minimal/config.yaml");
    uint8_t root[32];
    cask_verify_options options = options_with(network, NULL, CASK_NO_SLOT);
    file_list good = { .count = 0 }, bad = { .count = 0 };
    findings f;

    (void)state;
    state_root_of(root, 3);
    add_era(&good, 3);
    add_file(&bad, ERAS "malformed/state-balance-changed", "vectors-00003-f0155bf0.era");
    assert_int_equal(verify(&good, &options).count, 0);
    assert_int_equal(verify(&bad, &options).count, 0);
    options.trusted_root = root;
    assert_int_equal(verify(&good, &options).count, 0);
    f = verify(&bad, &options);
    assert_int_equal(f.count, 1);
    assert_string_equal(f.words[0], "state-root");
    assert_int_equal(f.eras[0], 3);
    options.trusted_root = NULL;
    add_era(&bad, 4); /* the era after it tells as well */
    f = verify(&bad, &options);
    assert_int_equal(f.count, 1);
    assert_string_equal(f.words[0], "state-root");
    dispose_list(&good);
    dispose_list(&bad);
    cask_network_free(network);
}

/* The state that is proven has the roots of eras long before: that proves their blocks, across a gap. */
static void trusted_root__reaches_across_a_gap_by_history(void **state)
{
    cask_network *network = load(ERAS "minimal/config.yaml");
    uint8_t root[32];
    cask_verify_options options = options_with(network, root, CASK_NO_SLOT);
    file_list list = { .count = 0 };
    findings f;

    (void)state;
    state_root_of(root, 10);
    add_era(&list, 3);
    add_era(&list, 10);
    f = verify(&list, &options);
    assert_int_equal(f.count, 0);
    assert_int_equal(f.unproven, 1); /* the state of era 3; both eras begin with a block */
    assert_int_equal(f.unproven_era, 3);
    assert_int_equal(f.result.proven_from, 9 * SLOTS);
    assert_int_equal(f.result.proven_to, 10 * SLOTS);
    dispose_list(&list);
    cask_network_free(network);
}

static void unproven__first_slot_and_network(void **state)
{
    cask_network *network = load(ERAS "minimal/config.yaml");
    cask_verify_options options = options_with(network, NULL, CASK_NO_SLOT);
    file_list list = { .count = 0 };

    (void)state;
    add_era(&list, 9); /* begins with an empty slot */
    assert_int_equal(verify(&list, &options).unproven, 2);
    options.network = NULL;
    assert_int_equal(verify(&list, &options).unproven, 1);
    options.level = CASK_VERIFY_BYTES;
    assert_int_equal(verify(&list, &options).unproven, 0);
    dispose_list(&list);
    cask_network_free(network);
}

static void level__signatures(void **state)
{
    cask_network *network = load(ERAS "minimal/config.yaml");
    cask_verify_options options = options_with(network, NULL, CASK_NO_SLOT);
    file_list list = { .count = 0 };
    findings f = { .count = 0 };

    (void)state;
    add_eras(&list, 0, 16);
    options.level = CASK_VERIFY_SIGNATURES;
    if (era_signatures_available())
        assert_int_equal(verify(&list, &options).count, 0);
    else
        assert_code(cask_verify_files(&f.result, (const char *const *)list.path, list.count, &options, note, &f),
                    CASK_E_UNSUPPORTED);
    dispose_list(&list);
    cask_network_free(network);
}

/* Of the blocks of era 3: what is signed, the signatures, and the keys in its state. */
static void take_signatures(uint8_t roots[][32], uint8_t taken[][ERA_SIGNATURE_SIZE],
                            uint8_t key[][ERA_PUBLIC_KEY_SIZE], size_t *count, size_t most)
{
    cask_network *network = load(ERAS "minimal/config.yaml");
    const era_rules rules = { .network = network, .level = CASK_VERIFY_ROOTS, .jobs = 1, .report = note };
    cask_era *file;
    era_blocks run = ERA_BLOCKS_INIT;
    era_state last = ERA_STATE_INIT;
    ssz_part validators;

    assert_ok(cask_era_open(&file, ERAS "minimal/vectors-00003-f0155bf0.era", network, NULL));
    assert_ok(era_state_read_whole(&last, file, 0));
    assert_ok(ssz_field(&validators, ssz_state_type("minimal", "altair"), last.head.data, last.head.size,
                        "validators"));
    assert_ok(era_blocks_begin(&run, file, 0));
    while (era_blocks_next(&run) == CASK_OK) {
        assert_ok(era_blocks_check(&run, &rules));
        for (size_t i = 0; i < run.count && *count < most; i++, ++*count) {
            const uint8_t *block = run.blocks[i].value;

            era_signing_root(roots[*count], run.blocks[i].root, (const uint8_t[]){ 1, 0, 0x0a, 1 },
                             beacon_state_genesis_validators_root(last.head.data));
            memcpy(taken[*count], beacon_block_signature(block), ERA_SIGNATURE_SIZE);
            memcpy(key[*count], last.head.data + validators.offset + 121 * beacon_block_proposer_index(block),
                   ERA_PUBLIC_KEY_SIZE);
        }
    }
    era_blocks_dispose(&run);
    era_state_dispose(&last);
    cask_era_close(file);
    cask_network_free(network);
}

/* Every one of a batch wrong, some, one, none: all are told apart. */
static void signatures__bad_ones_are_named(void **state)
{
    enum { TAKEN = 48, COUNT = 2 * TAKEN }; /* more than one batch */
    static const uint8_t infinity[ERA_SIGNATURE_SIZE] = { 0xc0 };
    uint8_t roots[TAKEN][32], taken[TAKEN][ERA_SIGNATURE_SIZE], key[TAKEN][ERA_PUBLIC_KEY_SIZE];
    era_signature signatures[COUNT];
    size_t count = 0;
    era_keys *keys;

    (void)state;
    if (!era_signatures_available())
        skip();
    assert_ok(era_keys_new(&keys));
    take_signatures(roots, taken, key, &count, TAKEN);
    assert_int_equal(count, TAKEN);
    for (size_t every = 1; every <= 128; every *= 2) {
        for (size_t i = 0; i < COUNT; i++) {
            signatures[i] = (era_signature){ .signature = taken[i % TAKEN], .public_key = key[i % TAKEN],
                                             .index = i };
            memcpy(signatures[i].signing_root, roots[i % TAKEN], 32);
            if (i % every == every / 2)
                signatures[i].signing_root[31] ^= 1;
        }
        assert_ok(era_signatures_verify(signatures, COUNT, 2, keys));
        for (size_t i = 0; i < COUNT; i++)
            assert_int_equal(signatures[i].good, i % every != every / 2);
    }
    signatures[3].public_key = NULL;
    signatures[5].public_key = key[6];
    signatures[9].signature = taken[10];
    signatures[11].signature = infinity;
    assert_ok(era_signatures_verify(signatures, COUNT, 1, keys));
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(signatures[i].good, i != 3 && i != 5 && i != 9 && i != 11 && i != 64);
    era_keys_free(keys);
}

/* ---- Archives that contradict themselves ------------------------------------------------------------------------- */

/* One byte of one value, changed on the way into a copy; or the value left out. */
typedef struct change {
    const char *column;
    uint64_t slot;
    size_t at; /* SIZE_MAX: left out */
} change;

static void copy_column(cask_archive *to, cask_archive *from, const char *name, const change *c)
{
    cask_column_options options = CASK_COLUMN_OPTIONS_INIT;
    cask_column *source, *copy;
    cask_batch *batch;
    cask_iter *iter;
    uint64_t slot;

    options.create = true;
    assert_ok(cask_column_open(&source, from, name, NULL));
    assert_ok(cask_column_open(&copy, to, name, &options));
    assert_ok(cask_iter_new(&iter, source, 0, CASK_UP));
    assert_ok(cask_batch_begin(&batch, copy));
    while (cask_iter_next(iter, &slot) == CASK_OK) {
        bool here = strcmp(name, c->column) == 0 && slot == c->slot;
        const void *data;
        uint8_t *value;
        size_t size;

        assert_ok(cask_iter_value(iter, &data, &size));
        value = malloc(size);
        assert_non_null(value);
        memcpy(value, data, size);
        if (here && c->at < size)
            value[c->at] ^= 1;
        if (!here || c->at < size)
            assert_ok(cask_batch_put(batch, slot, value, size));
        free(value);
    }
    assert_ok(cask_batch_commit(batch));
    cask_iter_free(iter);
    cask_column_close(copy);
    cask_column_close(source);
}

/* Slots of a column that are pruned. */
typedef struct pruned_range {
    const char *column; /* NULL: the end of a list */
    uint64_t first, last;
} pruned_range;

enum { RANGES_MAX = 4 };

static void prune(cask_archive *archive, const pruned_range *ranges)
{
    for (size_t i = 0; i < RANGES_MAX && ranges[i].column != NULL; i++) {
        cask_column *column;
        cask_change done;

        assert_ok(cask_column_open(&column, archive, ranges[i].column, NULL));
        assert_ok(cask_column_prune(&done, column, ranges[i].first, ranges[i].last));
        assert_true(done.slots > 0);
        cask_column_close(column);
    }
}

/* Verify a copy of an archive that is changed in one place, and then pruned. */
static findings verify_changed(cask_archive *from, const change *c, const pruned_range *ranges,
                               const uint8_t *trusted_root)
{
    static const char *const names[] = { "blocks", "block_roots", "state_roots", "states" };
    const cask_verify_options options = options_with(NULL, trusted_root, CASK_NO_SLOT);
    char *folder = temp_folder_new();
    cask_archive *copy = open_archive(folder);
    const char *identity;
    size_t size;
    findings f;

    assert_ok(cask_archive_identity(&identity, &size, from));
    assert_ok(cask_archive_set_identity(copy, identity, size));
    for (size_t i = 0; i < COUNT_OF(names); i++)
        copy_column(copy, from, names[i], c);
    prune(copy, ranges);
    f = verify_archive(copy, &options);
    cask_archive_close(copy);
    temp_folder_remove(folder);
    return f;
}

static void archive__columns_are_held_against_each_other(void **state)
{
    static const struct {
        change change;
        const char *word;
        uint64_t slot; /* of the first finding */
        uint64_t era;
    } cases[] = {
        { { "", 0, 0 }, NULL, 0, 0 },
        { { "block_roots", 130, 5 }, "block-root", 130, 3 },
        { { "block_roots", 130, SIZE_MAX }, "block-root", 130, 3 },
        { { "state_roots", 191, 31 }, "state-root", 191, 3 },
        { { "state_roots", 191, SIZE_MAX }, "state-root", 191, 3 },
        { { "blocks", 132, SIZE_MAX }, "empty-slot", 132, 3 },
        { { "blocks", 132, 200 }, "block-root", 132, 3 },
        { { "blocks", 132, 100 }, "block-slot", 132, 3 },
        { { "blocks", 132, 0 }, "ssz-malformed", 132, 3 },
        { { "states", 192, 40 }, "state-slot", 192, 3 },
        { { "states", 192, 8 }, "state-config", 192, 3 },
        { { "states", 192, 176 + 2 * 32 * SLOTS }, "ssz-malformed", 192, 3 },
        { { "states", 192, 0 }, "state-root", 192, 3 },                 /* genesis_time: seen from era 4 */
        { { "states", 192, 176 + 32 * (SLOTS - 1) }, "state-root", 192, 3 }, /* block_roots: by its own history first */
    };
    cask_network *network = load(ERAS "minimal/config.yaml");
    char *folder = temp_folder_new();
    cask_archive *archive = open_archive(folder);
    file_list list = { .count = 0 };

    (void)state;
    add_eras(&list, 0, 5);
    assert_ok(import(archive, &list, network, CASK_VERIFY_ROOTS, CASK_CODEC_SNAPPY));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        findings f;

        if (!case_begin("%s %d at %d", cases[i].change.column, (int)cases[i].change.slot, (int)cases[i].change.at))
            continue;
        f = verify_changed(archive, &cases[i].change, &(pruned_range){ NULL, 0, 0 }, NULL);
        if (cases[i].word == NULL) {
            assert_int_equal(f.count, 0);
            assert_int_equal(f.result.eras, 6);
        } else {
            assert_true(f.count > 0);
            assert_string_equal(f.words[0], cases[i].word);
            assert_int_equal(f.slots[0], cases[i].slot);
            assert_int_equal(f.eras[0], cases[i].era);
        }
        case_end();
    }
    dispose_list(&list);
    cask_archive_close(archive);
    temp_folder_remove(folder);
    cask_network_free(network);
}

/* What was pruned is no damage; what is left is still held against the roots that are left. */
static void archive__with_pruned_slots(void **state)
{
    static const struct {
        pruned_range ranges[RANGES_MAX];
        change change;
        const char *word; /* NULL: no damage */
        uint64_t slot;
        uint64_t pruned;
        uint64_t proven_from; /* by the root of the newest state */
    } cases[] = {
        { { { "blocks", 130, 200 } }, { "", 0, 0 }, NULL, 0, 53, 0 },
        { { { "blocks", 0, 383 } }, { "", 0, 0 }, NULL, 0, 318, 0 },
        { { { "block_roots", 100, 300 }, { "state_roots", 100, 300 } }, { "", 0, 0 }, NULL, 0, 0, 0 },
        { { { "states", 192, 256 } }, { "", 0, 0 }, NULL, 0, 2, 0 },
        { { { "states", 0, 256 }, { "blocks", 0, 255 } }, { "", 0, 0 }, NULL, 0, 212, 1 },
        { { { "states", 192, 192 }, { "block_roots", 150, 150 } }, { "", 0, 0 }, NULL, 0, 1, 193 },
        { { { "blocks", 200, 300 } }, { "blocks", 132, 200 }, "block-root", 132, 0, 0 },
        { { { "blocks", 130, 131 } }, { "blocks", 132, SIZE_MAX }, "empty-slot", 132, 0, 0 },
        { { { "states", 192, 192 } }, { "blocks", 132, 200 }, "block-root", 132, 0, 0 },
        { { { "states", 192, 192 } }, { "blocks", 132, SIZE_MAX }, "empty-slot", 132, 0, 0 },
        { { { "states", 192, 192 } }, { "state_roots", 150, 31 }, "state-root", 256, 0, 0 },
        { { { "states", 192, 192 }, { "blocks", 128, 191 } }, { "block_roots", 140, 5 }, "state-root", 256, 0, 0 },
    };
    cask_network *network = load(ERAS "minimal/config.yaml");
    char *folder = temp_folder_new();
    cask_archive *archive = open_archive(folder);
    file_list list = { .count = 0 };
    uint8_t root[32];

    (void)state;
    add_eras(&list, 0, 6);
    assert_ok(import(archive, &list, network, CASK_VERIFY_ROOTS, CASK_CODEC_SNAPPY));
    state_root_of(root, 6);
    for (size_t i = 0; i < COUNT_OF(cases); i++, case_end()) {
        findings f;

        if (!case_begin("%d", (int)i))
            continue;
        f = verify_changed(archive, &cases[i].change, cases[i].ranges, root);
        if (cases[i].word != NULL) {
            assert_true(f.result.findings > 0);
            assert_string_equal(f.words[0], cases[i].word);
            assert_int_equal(f.slots[0], cases[i].slot);
            continue;
        }
        assert_int_equal(f.result.findings, 0);
        assert_int_equal(f.result.pruned, cases[i].pruned);
        assert_int_equal(f.result.proven_from, cases[i].proven_from);
        assert_int_equal(f.result.proven_to, 6 * SLOTS);
    }
    dispose_list(&list);
    cask_archive_close(archive);
    temp_folder_remove(folder);
    cask_network_free(network);
}

/* ---- Export ------------------------------------------------------------------------------------------------------ */

static void assert_sum(const char *folder, const char *name, const char *expected)
{
    char *path = path_join(folder, name);
    uint8_t digest[32], *data;
    size_t size;

    data = file_read(cask_vfs_posix(), path, &size);
    cask_sha256(digest, data, size);
    assert_hex(digest, 32, expected);
    free(data);
    free(path);
}

static void export_and_compare(const char *folder, const char *config, const json_t *eras)
{
    char path[1000], *in = temp_folder_new(), *out = temp_folder_new();
    cask_network *network;
    cask_archive *archive = open_archive(in);
    cask_export_result result;
    file_list list = { .count = 0 };

    snprintf(path, sizeof(path), "%s/%s", folder, config);
    network = load(path);
    for (size_t i = 0; i < json_array_size(eras); i++)
        add_file(&list, folder, text_of(json_array_get(eras, i), "file"));
    assert_ok(import(archive, &list, network, CASK_VERIFY_NONE, CASK_CODEC_SNAPPY));
    assert_ok(cask_export(&result, archive, out, NULL));
    assert_int_equal(result.eras, list.count);
    assert_false(result.reframed);
    for (size_t i = 0; i < json_array_size(eras); i++) {
        const json_t *era = json_array_get(eras, i);

        assert_sum(out, text_of(era, "file"), text_of(era, "sha256"));
    }
    dispose_list(&list);
    cask_archive_close(archive);
    cask_network_free(network);
    temp_folder_remove(in);
    temp_folder_remove(out);
}

static void export__gives_the_files_that_were_imported(void **state)
{
    json_t *minimal = load_manifest(ERAS "minimal/manifest.json");
    json_t *gloas = load_manifest(ERAS "minimal-gloas/manifest.json");
    json_t *genesis = load_manifest(ERAS "genesis/manifest.json");
    const json_t *networks = json_object_get(genesis, "networks");

    (void)state;
    export_and_compare(ERAS "minimal", "config.yaml", json_object_get(minimal, "eras"));
    export_and_compare(ERAS "minimal-gloas", "config.yaml", json_object_get(gloas, "eras"));
    export_and_compare(ERAS "genesis", "mainnet-config.yaml", json_object_get(json_array_get(networks, 0), "eras"));
    export_and_compare(ERAS "genesis", "sepolia-config.yaml", json_object_get(json_array_get(networks, 1), "eras"));
    json_decref(minimal);
    json_decref(gloas);
    json_decref(genesis);
}

/* From another codec: other bytes, the same content, and the same roots. */
static void export__of_other_codecs_verifies(void **state)
{
    cask_network *network = load(ERAS "minimal/config.yaml");
    char *in = temp_folder_new(), *out = temp_folder_new();
    cask_archive *archive = open_archive(in);
    cask_export_options range = CASK_EXPORT_OPTIONS_INIT;
    cask_verify_options options;
    cask_export_result result;
    file_list list = { .count = 0 }, exported = { .count = 0 };
    uint8_t root[32];
    findings f;

    (void)state;
    add_eras(&list, 0, 5);
    assert_ok(import(archive, &list, network, CASK_VERIFY_ROOTS, CASK_CODEC_NONE));
    range.first_era = 4;
    range.last_era = 9;
    assert_ok(cask_export(&result, archive, out, &range));
    assert_int_equal(result.eras, 2);
    assert_true(result.reframed);
    add_file(&exported, out, "");
    state_root_of(root, 5);
    options = options_with(network, root, CASK_NO_SLOT);
    f = verify(&exported, &options);
    assert_int_equal(f.count, 0);
    assert_int_equal(f.result.proven_to, 5 * SLOTS);
    range.first_era = 6;
    assert_code(cask_export(&result, archive, out, &range), CASK_E_NOTFOUND);
    dispose_list(&list);
    dispose_list(&exported);
    cask_archive_close(archive);
    cask_network_free(network);
    temp_folder_remove(in);
    temp_folder_remove(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        case_test(malformed__is_refused),
        case_test(malformed__is_refused_in_an_archive),
        case_test(malformed__is_refused_by_import),
        case_test(unusual__is_accepted),
        cmocka_unit_test(changed_state__is_one_finding),
        cmocka_unit_test(other_network__is_named_once),
        cmocka_unit_test(trusted_root__proves_all_back_to_genesis),
        cmocka_unit_test(trusted_root__of_any_slot_in_the_newest_era),
        cmocka_unit_test(trusted_root__outside_the_newest_era),
        cmocka_unit_test(trusted_root__tells_eras_of_one_name_apart),
        cmocka_unit_test(trusted_root__reaches_across_a_gap_by_history),
        cmocka_unit_test(unproven__first_slot_and_network),
        cmocka_unit_test(level__signatures),
        cmocka_unit_test(signatures__bad_ones_are_named),
        case_test(archive__columns_are_held_against_each_other),
        case_test(archive__with_pruned_slots),
        cmocka_unit_test(export__gives_the_files_that_were_imported),
        cmocka_unit_test(export__of_other_codecs_verifies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
