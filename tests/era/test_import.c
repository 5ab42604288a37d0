/* Import: what comes out again by slot, and what is refused with nothing written. */
#include "check.h"
#include "codec.h"
#include "era_builder.h"
#include "era_file.h"
#include "files.h"
#include "manifest.h"
#include "slotcask/era.h"
#include "vfs_fault.h"
#include "vfs_memory.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#define ERAS FIXTURES "/eras/"
#define MINIMAL ERAS "minimal/"

/* Eras 0 to 16 of the minimal vectors. */
enum { MINIMAL_ERAS = 17 };

/* ---- An archive on a disk in memory ----------------------------------------------------------------------------- */

typedef struct box {
    memory_disk *disk;
    vfs_fault fault;
    cask_network *network;
    cask_import_options options;
    cask_import_result result;
} box;

static void box_init(box *b, const char *config)
{
    const cask_import_options defaults = CASK_IMPORT_OPTIONS_INIT;

    memset(b, 0, sizeof(*b));
    b->disk = memory_disk_new();
    vfs_fault_init(&b->fault, memory_disk_vfs(b->disk));
    b->options = defaults;
    if (config != NULL)
        assert_ok(cask_network_load(&b->network, config, NULL));
    b->options.network = b->network;
}

static void box_dispose(box *b)
{
    cask_network_free(b->network);
    memory_disk_free(b->disk);
}

static cask_archive *box_open(box *b, bool read_only)
{
    cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;
    cask_archive *archive;

    options.vfs = &b->fault.vfs;
    options.read_only = read_only;
    options.create = !read_only;
    assert_ok(cask_archive_open(&archive, "/archive", &options));
    return archive;
}

static int box_import(box *b, const char *const *paths, size_t count)
{
    cask_archive *archive = box_open(b, false);
    int code = cask_import(&b->result, archive, paths, count, &b->options);

    cask_archive_close(archive);
    return code;
}

static int import_one(box *b, const char *path)
{
    return box_import(b, &path, 1);
}

/* The disk is as a crash at this moment leaves it. */
static void box_crash(box *b, uint64_t seed)
{
    memory_disk *after = memory_disk_after_crash(b->disk, LOSS_SOME, seed);

    memory_disk_free(b->disk);
    b->disk = after;
    vfs_fault_init(&b->fault, memory_disk_vfs(b->disk));
}

static tree *box_tree(box *b)
{
    return tree_read(memory_disk_vfs(b->disk), "/archive");
}

static void assert_untouched(box *b, tree *before)
{
    assert_tree_unchanged(before, memory_disk_vfs(b->disk), "/archive");
    tree_free(before);
}

static int add_era(uint64_t era, void *payload)
{
    char *list = payload;

    sprintf(list + strlen(list), " %u", (unsigned)era);
    return 0;
}

/* " 3 5" if these are unfinished. */
static void assert_unfinished(box *b, const char *eras)
{
    cask_archive *archive = box_open(b, true);
    char list[256] = "";

    assert_ok(cask_unfinished_eras(archive, add_era, list));
    assert_string_equal(list, eras);
    cask_archive_close(archive);
}

/* ---- Comparing with a manifest ---------------------------------------------------------------------------------- */

/* The archive has the eras from `first` to `last` of the manifest. */
static void assert_eras(box *b, const char *manifest_path, size_t first, size_t last)
{
    json_t *manifest = load_manifest(manifest_path);
    cask_archive *archive = box_open(b, true);

    assert_archive_has(archive, json_object_get(manifest, "eras"), first, last);
    cask_archive_close(archive);
    json_decref(manifest);
}

static void assert_network(box *b, const char *name, const char *root)
{
    cask_archive *archive = box_open(b, true);
    cask_network *network;
    const char *text;
    size_t size;

    assert_ok(cask_archive_identity(&text, &size, archive));
    assert_ok(cask_network_parse(&network, text, size));
    assert_string_equal(cask_network_name(network), name);
    assert_hex(cask_network_genesis_validators_root(network), 32, root);
    cask_network_free(network);
    cask_archive_close(archive);
}

/* ---- What goes in comes out ------------------------------------------------------------------------------------- */

static void import__every_slot_comes_out_again(void **state)
{
    static const char *const names[] = { "none", "snappy", "zstd" };

    (void)state;
    for (uint8_t codec = CASK_CODEC_NONE; codec <= CASK_CODEC_ZSTD; codec++, case_end()) {
        box b;

        if (!case_begin("codec=%s", names[codec]))
            continue;
        box_init(&b, MINIMAL "config.yaml");
        b.options.codec = codec;
        b.options.jobs = 3;
        assert_ok(import_one(&b, ERAS "minimal"));
        assert_int_equal(b.result.files, MINIMAL_ERAS);
        assert_int_equal(b.result.eras, MINIMAL_ERAS);
        assert_int_equal(b.result.eras_present, 0);
        assert_int_equal(b.result.eras_resumed, 0);
        assert_eras(&b, MINIMAL "manifest.json", 0, MINIMAL_ERAS - 1);
        assert_unfinished(&b, "");
        box_dispose(&b);
    }
}

static void import__takes_the_gloas_vectors(void **state)
{
    box b;

    (void)state;
    box_init(&b, ERAS "minimal-gloas/config.yaml");
    assert_ok(import_one(&b, ERAS "minimal-gloas/"));
    assert_eras(&b, ERAS "minimal-gloas/manifest.json", 0, 5);
    box_dispose(&b);
}

static void import__knows_the_built_in_network_of_a_file(void **state)
{
    box b;

    (void)state;
    box_init(&b, NULL);
    assert_ok(import_one(&b, ERAS "genesis/sepolia-00000-d8ea171f.era"));
    assert_int_equal(b.result.eras, 1);
    assert_int_equal(b.result.blocks, 0);
    assert_network(&b, "sepolia", "d8ea171f3c94aea21ebc42a1ed61052acf3f9209c00e4efbaaddac09ed9b8078");
    box_dispose(&b);
}

static void import__learns_the_genesis_validators_root(void **state)
{
    json_t *manifest = load_manifest(MINIMAL "manifest.json");
    box b;

    (void)state;
    box_init(&b, MINIMAL "config.yaml");
    assert_ok(import_one(&b, MINIMAL "vectors-00001-a4cb8aed.era"));
    assert_network(&b, "vectors", text_of(manifest, "genesis_validators_root"));
    json_decref(manifest);
    box_dispose(&b);
}

static void import__takes_many_groups_of_one_file(void **state)
{
    box b;

    (void)state;
    box_init(&b, MINIMAL "config.yaml");
    assert_ok(import_one(&b, ERAS "unusual/from-genesis/vectors-00000-25723884.era"));
    assert_int_equal(b.result.files, 1);
    assert_int_equal(b.result.eras, 5);
    assert_eras(&b, MINIMAL "manifest.json", 0, 4);
    box_dispose(&b);
}

static void import__stores_frames_verbatim_without_verifying(void **state)
{
    const char *path = ERAS "unusual/snappy-odd-stream/vectors-00003-f0155bf0.era";
    cask_buf kept = CASK_BUF_INIT, stored = CASK_BUF_INIT;
    cask_archive *archive;
    four_columns columns;
    cask_era *era;
    box b;

    (void)state;
    box_init(&b, MINIMAL "config.yaml");
    b.options.verify = CASK_VERIFY_NONE;
    assert_ok(import_one(&b, path));
    archive = box_open(&b, true);
    open_four(&columns, archive);
    assert_ok(cask_era_open(&era, path, NULL, NULL));
    assert_ok(cask_era_read_block(&stored, era, 0, 132));
    assert_ok(cask_column_get_stored(&kept, columns.blocks, 132));
    assert_int_equal(kept.size, stored.size);
    assert_memory_equal(kept.data, stored.data, kept.size);
    cask_era_close(era);
    close_four(&columns);
    cask_archive_close(archive);
    assert_eras(&b, MINIMAL "manifest.json", 3, 3);
    cask_buf_dispose(&kept);
    cask_buf_dispose(&stored);
    box_dispose(&b);
}

/* ---- Again ------------------------------------------------------------------------------------------------------ */

static void import__twice_changes_no_byte(void **state)
{
    (void)state;
    for (uint8_t codec = CASK_CODEC_NONE; codec <= CASK_CODEC_ZSTD; codec++, case_end()) {
        tree *before;
        box b;

        if (!case_begin("codec=%u", codec))
            continue;
        box_init(&b, MINIMAL "config.yaml");
        b.options.codec = codec;
        assert_ok(import_one(&b, ERAS "minimal"));
        before = box_tree(&b);
        b.options.network = NULL; /* now the archive's */
        assert_ok(import_one(&b, ERAS "minimal"));
        assert_int_equal(b.result.files, MINIMAL_ERAS);
        assert_int_equal(b.result.eras, 0);
        assert_int_equal(b.result.eras_present, MINIMAL_ERAS);
        assert_int_equal(b.result.blocks, 0);
        assert_int_equal(b.result.bytes_in, 0);
        assert_untouched(&b, before);
        box_dispose(&b);
    }
}

static void import__of_the_same_values_in_other_frames_changes_no_byte(void **state)
{
    tree *before;
    box b;

    (void)state;
    box_init(&b, MINIMAL "config.yaml");
    assert_ok(import_one(&b, MINIMAL "vectors-00003-f0155bf0.era"));
    before = box_tree(&b);
    assert_ok(import_one(&b, ERAS "unusual/snappy-stored/vectors-00003-f0155bf0.era"));
    assert_int_equal(b.result.eras_present, 1);
    assert_untouched(&b, before);
    box_dispose(&b);
}

/* Files whose era differs from the one imported before, each in another way. */
static void import__of_a_different_file_is_a_conflict(void **state)
{
    static const char *const cases[] = { "block-bit-flipped", "block-left-out", "state-balance-changed",
                                         "state-block-root-changed", "block-in-wrong-slot" };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++, case_end()) {
        char path[512];
        tree *before;
        box b;

        if (!case_begin("%s", cases[i]))
            continue;
        snprintf(path, sizeof(path), ERAS "malformed/%s/vectors-00003-f0155bf0.era", cases[i]);
        box_init(&b, MINIMAL "config.yaml");
        b.options.allow_backfill = true;
        assert_ok(import_one(&b, MINIMAL "vectors-00003-f0155bf0.era"));
        before = box_tree(&b);
        b.options.verify = CASK_VERIFY_NONE;
        assert_code(import_one(&b, path), CASK_E_CONFLICT);
        assert_int_equal(b.result.eras, 0);
        assert_untouched(&b, before);
        box_dispose(&b);
    }
}

/* An archive that has era 3 without one of its blocks, as a column that was rebuilt may have it. */
static void import_without_a_block(box *b)
{
    box_init(b, MINIMAL "config.yaml");
    b->options.verify = CASK_VERIFY_NONE;
    b->options.allow_backfill = true;
    assert_ok(import_one(b, ERAS "malformed/block-left-out/vectors-00003-f0155bf0.era"));
}

static void import__fills_in_a_block_that_the_archive_lacks(void **state)
{
    tree *before;
    box b;

    (void)state;
    import_without_a_block(&b);
    assert_ok(import_one(&b, MINIMAL "vectors-00003-f0155bf0.era"));
    assert_int_equal(b.result.eras_resumed, 1);
    assert_int_equal(b.result.blocks, 1);
    assert_eras(&b, MINIMAL "manifest.json", 3, 3);
    before = box_tree(&b);
    assert_ok(import_one(&b, MINIMAL "vectors-00003-f0155bf0.era"));
    assert_int_equal(b.result.eras_present, 1);
    assert_untouched(&b, before);
    box_dispose(&b);
}

/* Even where no check was asked for. */
static void import__fills_in_no_block_that_is_not_of_the_state(void **state)
{
    static const char *const cases[] = { "block-bit-flipped", "state-balance-changed", "state-block-root-changed",
                                         "block-in-wrong-slot" };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++, case_end()) {
        char path[512];
        tree *before;
        int code;
        box b;

        if (!case_begin("%s", cases[i]))
            continue;
        snprintf(path, sizeof(path), ERAS "malformed/%s/vectors-00003-f0155bf0.era", cases[i]);
        import_without_a_block(&b);
        before = box_tree(&b);
        code = import_one(&b, path);
        assert_true(code == CASK_E_CORRUPT || code == CASK_E_CONFLICT);
        assert_int_equal(b.result.blocks, 0);
        assert_untouched(&b, before);
        box_dispose(&b);
    }
}

/* ---- Pruned slots ----------------------------------------------------------------------------------------------- */

static uint64_t prune(box *b, const char *name, uint64_t first, uint64_t last)
{
    cask_archive *archive = box_open(b, false);
    cask_column *column;
    cask_change change;

    assert_ok(cask_column_open(&column, archive, name, NULL));
    assert_ok(cask_column_prune(&change, column, first, last));
    cask_column_close(column);
    cask_archive_close(archive);
    return change.slots;
}

/* Blocks of eras 2 to 8, the states of eras 4 and 5, roots of eras 14 and 15. */
static uint64_t prune_some(box *b)
{
    return prune(b, "blocks", 100, 500) + prune(b, "states", 256, 320) + prune(b, "block_roots", 890, 900) +
           prune(b, "state_roots", 890, 900);
}

static void assert_pruned(box *b, const char *name, uint64_t slot)
{
    cask_archive *archive = box_open(b, true);
    cask_buf value = CASK_BUF_INIT;
    cask_column *column;

    assert_ok(cask_column_open(&column, archive, name, NULL));
    assert_code(cask_column_get_buf(&value, column, slot), CASK_E_PRUNED);
    cask_column_close(column);
    cask_archive_close(archive);
}

static void import__leaves_pruned_slots_pruned(void **state)
{
    uint64_t pruned;
    tree *before;
    box b;

    (void)state;
    box_init(&b, MINIMAL "config.yaml");
    assert_ok(import_one(&b, ERAS "minimal"));
    assert_int_equal(b.result.pruned, 0);
    pruned = prune_some(&b);
    assert_int_equal(pruned, 338 + 2 + 11 + 11);
    assert_unfinished(&b, "");
    before = box_tree(&b);
    assert_ok(import_one(&b, ERAS "minimal"));
    assert_int_equal(b.result.eras_present, MINIMAL_ERAS);
    assert_int_equal(b.result.blocks, 0);
    assert_int_equal(b.result.pruned, pruned);
    assert_untouched(&b, before);
    assert_pruned(&b, "states", 320);
    box_dispose(&b);
}

static void import__refills_pruned_slots_on_request(void **state)
{
    box b;

    (void)state;
    box_init(&b, MINIMAL "config.yaml");
    assert_ok(import_one(&b, ERAS "minimal"));
    prune_some(&b);
    b.options.refill = true;
    assert_ok(import_one(&b, MINIMAL "vectors-00004-25723884.era")); /* slots 192 to 255, the state of slot 256 */
    assert_int_equal(b.result.eras_resumed, 1);
    assert_int_equal(b.result.pruned, 0);
    assert_eras(&b, MINIMAL "manifest.json", 4, 4);
    assert_pruned(&b, "blocks", 257);
    assert_ok(import_one(&b, ERAS "minimal"));
    assert_eras(&b, MINIMAL "manifest.json", 0, MINIMAL_ERAS - 1);
    box_dispose(&b);
}

/* A different file stays a conflict where its blocks were pruned: what is left tells. */
static void import__of_a_different_file_is_a_conflict_where_blocks_were_pruned(void **state)
{
    tree *before;
    box b;

    (void)state;
    box_init(&b, MINIMAL "config.yaml");
    b.options.verify = CASK_VERIFY_NONE;
    assert_ok(import_one(&b, MINIMAL "vectors-00003-f0155bf0.era"));
    assert_true(prune(&b, "blocks", 0, UINT64_MAX - 1) > 0);
    before = box_tree(&b);
    assert_code(import_one(&b, ERAS "malformed/block-left-out/vectors-00003-f0155bf0.era"), CASK_E_CONFLICT);
    assert_code(import_one(&b, ERAS "malformed/state-balance-changed/vectors-00003-f0155bf0.era"), CASK_E_CONFLICT);
    assert_untouched(&b, before);
    box_dispose(&b);
}

/* ---- Order ------------------------------------------------------------------------------------------------------ */

static void import__sorts_the_files(void **state)
{
    const char *const paths[] = { MINIMAL "vectors-00003-f0155bf0.era", MINIMAL "vectors-00001-a4cb8aed.era",
                                  MINIMAL "vectors-00002-f657cfdf.era", MINIMAL "vectors-00000-6386bed1.era" };
    box b;

    (void)state;
    box_init(&b, MINIMAL "config.yaml");
    assert_ok(box_import(&b, paths, COUNT_OF(paths)));
    assert_eras(&b, MINIMAL "manifest.json", 0, 3);
    box_dispose(&b);
}

static void import__out_of_order_needs_backfill(void **state)
{
    tree *before;
    box b;

    (void)state;
    box_init(&b, MINIMAL "config.yaml");
    assert_ok(import_one(&b, MINIMAL "vectors-00003-f0155bf0.era"));
    before = box_tree(&b);
    assert_code(import_one(&b, MINIMAL "vectors-00002-f657cfdf.era"), CASK_E_REFUSED);
    assert_untouched(&b, before);
    b.options.allow_backfill = true;
    assert_ok(import_one(&b, MINIMAL "vectors-00002-f657cfdf.era"));
    assert_ok(import_one(&b, MINIMAL "vectors-00000-6386bed1.era"));
    assert_eras(&b, MINIMAL "manifest.json", 2, 3);
    assert_unfinished(&b, "");
    box_dispose(&b);
}

/* ---- Refused before anything is written ------------------------------------------------------------------------- */

static void assert_refused(box *b, const char *path, int code, const char *word)
{
    tree *before;

    cask_archive_close(box_open(b, false)); /* makes the folder */
    before = box_tree(b);
    assert_code(import_one(b, path), code);
    assert_string_equal(cask_error_last()->word, word);
    assert_untouched(b, before);
}

static void import__of_another_network_writes_nothing(void **state)
{
    box b;

    (void)state;
    box_init(&b, MINIMAL "config.yaml");
    assert_refused(&b, ERAS "minimal-gloas", CASK_E_WRONG_NETWORK, "name-config");
    assert_refused(&b, ERAS "genesis/mainnet-00000-4b363db9.era", CASK_E_WRONG_NETWORK, "name-config");
    assert_ok(import_one(&b, MINIMAL "vectors-00001-a4cb8aed.era"));
    b.options.network = NULL;
    assert_refused(&b, ERAS "genesis/mainnet-00000-4b363db9.era", CASK_E_WRONG_NETWORK, "name-config");
    box_dispose(&b);

    box_init(&b, ERAS "genesis/mainnet-config.yaml");
    assert_ok(import_one(&b, ERAS "genesis/mainnet-00000-4b363db9.era"));
    cask_network_free(b.network);
    assert_ok(cask_network_load(&b.network, "sepolia", NULL));
    b.options.network = b.network;
    assert_refused(&b, ERAS "genesis/sepolia-00000-d8ea171f.era", CASK_E_WRONG_NETWORK, "");
    box_dispose(&b);
}

/* One of the files being wrong, none is imported. */
static void import__checks_all_files_first(void **state)
{
    const char *const paths[] = { MINIMAL "vectors-00001-a4cb8aed.era",
                                  ERAS "malformed/truncated-last-byte/vectors-00003-f0155bf0.era" };
    tree *before;
    box b;

    (void)state;
    box_init(&b, MINIMAL "config.yaml");
    cask_archive_close(box_open(&b, false));
    before = box_tree(&b);
    assert_code(box_import(&b, paths, COUNT_OF(paths)), CASK_E_CORRUPT);
    assert_string_equal(cask_error_last()->word, "truncated");
    assert_untouched(&b, before);
    box_dispose(&b);
}

static void import__without_a_known_network_is_invalid(void **state)
{
    box b;

    (void)state;
    box_init(&b, NULL);
    assert_refused(&b, MINIMAL "vectors-00001-a4cb8aed.era", CASK_E_INVALID, "");
    assert_non_null(strstr(cask_error_last()->message, "--network"));
    assert_refused(&b, MINIMAL "config.yaml", CASK_E_INVALID, "");
    assert_refused(&b, MINIMAL "not-there", CASK_E_NOTFOUND, "");
    assert_refused(&b, ERAS "unusual", CASK_E_INVALID, "");
    box_dispose(&b);
}

/* Found while the era is read: then nothing of it is committed. */
static void import__refuses_malformed_eras_under_their_word(void **state)
{
    json_t *manifest = load_manifest(ERAS "malformed/manifest.json"), *cases = json_object_get(manifest, "cases");

    (void)state;
    for (size_t i = 0; i < json_array_size(cases); i++, case_end()) {
        const json_t *about = json_array_get(cases, i);
        const char *id = text_of(about, "id"), *needs = text_of(about, "needs");
        char path[512];
        box b;

        if ((strcmp(needs, "file") != 0 && strcmp(needs, "name") != 0) || !case_begin("%s", id))
            continue;
        snprintf(path, sizeof(path), ERAS "malformed/%s", text_of(about, "file"));
        box_init(&b, MINIMAL "config.yaml");
        assert_code(import_one(&b, path), CASK_E_CORRUPT);
        assert_string_equal(cask_error_last()->word, text_of(about, "error"));
        assert_int_equal(b.result.eras, 0);
        assert_unfinished(&b, "");
        box_dispose(&b);
    }
    json_decref(manifest);
}

static void append_zeros(cask_buf *to, size_t size)
{
    assert_ok(cask_buf_reserve(to, to->size + size));
    memset(to->data + to->size, 0, size);
    to->size += size;
}

/* Era 3, with bytes behind the frames of its first block and of its state. */
static void write_era_3(const char *path, size_t behind_block, size_t behind_state)
{
    cask_buf stored = CASK_BUF_INIT;
    cask_era *era;
    builder b;

    assert_ok(cask_era_open(&era, MINIMAL "vectors-00003-f0155bf0.era", NULL, NULL));
    build(&b, path);
    put_version(&b);
    for (uint64_t slot = 2 * SLOTS; slot < 3 * SLOTS; slot++) {
        if (cask_era_read_block(&stored, era, 0, slot) == CASK_OK) {
            append_zeros(&stored, slot == 2 * SLOTS ? behind_block : 0);
            put_block_bytes(&b, slot, &stored);
        }
    }
    assert_ok(cask_era_read_state(&stored, era, 0));
    append_zeros(&stored, behind_state);
    put_state_bytes(&b, &stored);
    put_block_index(&b, 2 * SLOTS);
    put_state_index(&b, 3 * SLOTS);
    build_end(&b);
    cask_buf_dispose(&stored);
    cask_era_close(era);
}

/* What the store refuses to take is wrong in the file, not in the call. */
static void import__without_verifying_refuses_what_is_no_stream(void **state)
{
    char *folder = temp_folder_new(), path[512];

    (void)state;
    snprintf(path, sizeof(path), "%s/vectors-00003-f0155bf0.era", folder);
    for (size_t i = 0; i < 3; i++) {
        box b;

        write_era_3(path, i == 1 ? 1 : i == 2 ? ERA_BLOCK_MAX : 0, i == 0 ? 1 : 0);
        box_init(&b, MINIMAL "config.yaml");
        b.options.verify = CASK_VERIFY_NONE;
        assert_code(import_one(&b, path), CASK_E_CORRUPT);
        assert_string_equal(cask_error_last()->word, "snappy");
        assert_string_equal(cask_error_last()->file, path);
        assert_int_equal(cask_error_last()->slot, i == 0 ? 3 * SLOTS : 2 * SLOTS);
        box_dispose(&b);
    }
    temp_folder_remove(folder);
}

/* By the part of the name that is none. */
static void import__of_a_malformed_name_says_which_part(void **state)
{
    char *folder = temp_folder_new();
    static const struct {
        const char *name, *word;
    } cases[] = {
        { "vectors-00003-f0155bf.era", "name-root" },
        { "vectors-3-f0155bf0.era", "name-era" },
        { "-00003-f0155bf0.era", "name-config" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *path = path_join(folder, cases[i].name);
        box b;

        file_write(cask_vfs_posix(), path, "", 0);
        box_init(&b, MINIMAL "config.yaml");
        assert_refused(&b, path, CASK_E_CORRUPT, cases[i].word);
        box_dispose(&b);
        free(path);
    }
    temp_folder_remove(folder);
}

/* ---- Cut short -------------------------------------------------------------------------------------------------- */

static void unfinished__names_eras_without_a_state(void **state)
{
    cask_column_options options = CASK_COLUMN_OPTIONS_INIT;
    cask_archive *archive;
    cask_column *column;
    box b;

    (void)state;
    box_init(&b, MINIMAL "config.yaml");
    assert_ok(import_one(&b, MINIMAL "vectors-00001-a4cb8aed.era"));
    archive = box_open(&b, false);
    options.allow_backfill = true;
    assert_ok(cask_column_open(&column, archive, "block_roots", &options));
    assert_ok(cask_column_put(column, 64, "root", 4));
    assert_ok(cask_column_put(column, 320 + 63, "root", 4));
    cask_column_close(column);
    assert_ok(cask_column_open(&column, archive, "blocks", NULL));
    assert_ok(cask_column_put(column, 1000 * 64, "block", 5));
    cask_column_close(column);
    cask_archive_close(archive);
    assert_unfinished(&b, " 2 6 1001");
    box_dispose(&b);
}

static void import__goes_on_where_one_was_cut_short(void **state)
{
    const char *const paths[] = { MINIMAL "vectors-00004-25723884.era", MINIMAL "vectors-00005-f6fadd28.era" };
    uint64_t resumed = 0;
    bool cut = true;

    (void)state;
    for (uint64_t fail_at = 1; cut; fail_at += CASE_STRIDE, case_end()) {
        tree *before;
        box b;

        if (!case_begin("sync=%u", (unsigned)fail_at))
            continue;
        box_init(&b, MINIMAL "config.yaml");
        cask_archive_close(box_open(&b, false));
        b.fault.kinds = FAULT_SYNCS;
        b.fault.fail_at = fail_at;
        b.fault.for_good = true;
        b.fault.error_number = EIO;
        cut = box_import(&b, paths, COUNT_OF(paths)) != CASK_OK;
        box_crash(&b, fail_at);
        assert_ok(box_import(&b, paths, COUNT_OF(paths)));
        resumed += b.result.eras_resumed;
        assert_unfinished(&b, "");
        assert_eras(&b, MINIMAL "manifest.json", 4, 5);
        before = box_tree(&b);
        assert_ok(box_import(&b, paths, COUNT_OF(paths)));
        assert_untouched(&b, before);
        box_dispose(&b);
    }
    assert_true(resumed > 0);
}

static int note_era(uint64_t era, void *payload)
{
    (void)era;
    *(bool *)payload = true;
    return 0;
}

static bool import_begun(box *b)
{
    cask_archive *archive = box_open(b, true);
    bool begun = false;

    assert_ok(cask_unfinished_eras(archive, note_era, &begun));
    cask_archive_close(archive);
    return begun;
}

/* The blocks of the first import that a crash left whole were pruned before the import goes on. */
static void import__completes_an_era_whose_first_blocks_were_pruned(void **state)
{
    const char *path = MINIMAL "vectors-00004-25723884.era";
    uint64_t pruned = 0;
    bool cut = true;

    (void)state;
    for (uint64_t fail_at = 1; cut && pruned == 0; fail_at++) {
        box b;

        box_init(&b, MINIMAL "config.yaml");
        cask_archive_close(box_open(&b, false));
        b.fault.kinds = FAULT_SYNCS;
        b.fault.fail_at = fail_at;
        b.fault.for_good = true;
        b.fault.error_number = EIO;
        cut = import_one(&b, path) != CASK_OK;
        box_crash(&b, fail_at);
        if (cut && import_begun(&b))
            pruned = prune(&b, "blocks", 0, 200);
        if (pruned > 0) {
            assert_unfinished(&b, " 4");
            assert_ok(import_one(&b, path));
            assert_int_equal(b.result.eras_resumed, 1);
            assert_int_equal(b.result.pruned, pruned);
            assert_unfinished(&b, "");
        }
        box_dispose(&b);
    }
    assert_true(pruned > 0);
}

/* ---- Progress --------------------------------------------------------------------------------------------------- */

typedef struct seen_progress {
    uint64_t calls;
    uint64_t bytes_done;
    uint64_t bytes_total;
    size_t file_index;
} seen_progress;

static void see_progress(const cask_import_progress *progress, void *payload)
{
    seen_progress *seen = payload;

    assert_true(progress->bytes_done >= seen->bytes_done && progress->bytes_done <= progress->bytes_total);
    assert_true(progress->file_index >= seen->file_index && progress->file_index < progress->file_count);
    assert_non_null(progress->file);
    *seen = (seen_progress){ seen->calls + 1, progress->bytes_done, progress->bytes_total, progress->file_index };
}

static void progress__ascends_to_the_end(void **state)
{
    seen_progress seen = { 0 };
    box b;

    (void)state;
    box_init(&b, MINIMAL "config.yaml");
    b.options.progress = see_progress;
    b.options.payload = &seen;
    assert_ok(import_one(&b, ERAS "minimal"));
    assert_int_equal(seen.bytes_done, seen.bytes_total);
    assert_int_equal(seen.bytes_total, b.result.bytes_in);
    assert_int_equal(seen.file_index, MINIMAL_ERAS - 1);
    assert_true(seen.calls >= 2 * MINIMAL_ERAS);
    box_dispose(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        case_test(import__every_slot_comes_out_again),
        cmocka_unit_test(import__takes_the_gloas_vectors),
        cmocka_unit_test(import__knows_the_built_in_network_of_a_file),
        cmocka_unit_test(import__learns_the_genesis_validators_root),
        cmocka_unit_test(import__takes_many_groups_of_one_file),
        cmocka_unit_test(import__stores_frames_verbatim_without_verifying),
        case_test(import__twice_changes_no_byte),
        cmocka_unit_test(import__of_the_same_values_in_other_frames_changes_no_byte),
        case_test(import__of_a_different_file_is_a_conflict),
        cmocka_unit_test(import__fills_in_a_block_that_the_archive_lacks),
        cmocka_unit_test(import__fills_in_no_block_that_is_not_of_the_state),
        cmocka_unit_test(import__leaves_pruned_slots_pruned),
        cmocka_unit_test(import__refills_pruned_slots_on_request),
        cmocka_unit_test(import__of_a_different_file_is_a_conflict_where_blocks_were_pruned),
        cmocka_unit_test(import__completes_an_era_whose_first_blocks_were_pruned),
        cmocka_unit_test(import__sorts_the_files),
        cmocka_unit_test(import__out_of_order_needs_backfill),
        cmocka_unit_test(import__of_another_network_writes_nothing),
        cmocka_unit_test(import__checks_all_files_first),
        cmocka_unit_test(import__without_a_known_network_is_invalid),
        case_test(import__refuses_malformed_eras_under_their_word),
        cmocka_unit_test(import__without_verifying_refuses_what_is_no_stream),
        cmocka_unit_test(import__of_a_malformed_name_says_which_part),
        cmocka_unit_test(unfinished__names_eras_without_a_state),
        case_test(import__goes_on_where_one_was_cut_short),
        cmocka_unit_test(progress__ascends_to_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
