/* Import of era files: which network, which files, one after the other; and what an import left unfinished. */
#include "import_files.h"
#include "import_group.h"
#include "root_index.h"

#include <stdlib.h>
#include <string.h>

/* ---- The network ------------------------------------------------------------------------------------------- */

/* One network out of what is asked for and what the archive has: the longer schedule, and the root that is known. */
static int merge_networks(cask_network **network_out, const cask_network *asked, const cask_network *kept)
{
    const uint8_t *root = cask_network_genesis_validators_root(kept);

    if (!era_network_same(asked, kept))
        return cask_fail(CASK_E_WRONG_NETWORK, CASK_NOWHERE,
                         "the archive holds network %s with another genesis or fork schedule than the network %s that "
                         "was given; import into an archive of its own",
                         kept->name, asked->name);
    CASK_TRY(era_network_copy(network_out, asked->fork_count > kept->fork_count ? asked : kept));
    if (root == NULL)
        root = cask_network_genesis_validators_root(asked);
    if (root != NULL)
        era_network_set_genesis_validators_root(*network_out, root);
    return CASK_OK;
}

static int network_of_file(cask_network **network_out, const import_file *file)
{
    const cask_network *builtin = era_network_builtin(file->name.config_name);

    if (builtin == NULL)
        return cask_fail(CASK_E_INVALID, CASK_IN_FILE(file->path),
                         "no network %s is built in; give --network with its config.yaml", file->name.config_name);
    return era_network_copy(network_out, builtin);
}

static int choose_network(cask_network **network_out, const cask_network *asked, const cask_network *kept,
                          const import_files *files)
{
    if (asked != NULL && kept != NULL)
        return merge_networks(network_out, asked, kept);
    if (asked != NULL || kept != NULL)
        return era_network_copy(network_out, asked != NULL ? asked : kept);
    return network_of_file(network_out, &files->items[0]);
}

static int keep_identity(cask_archive *archive, const cask_network *network)
{
    cask_buf text = CASK_BUF_INIT;
    int code = cask_network_format(&text, network);

    if (code == CASK_OK)
        code = cask_archive_set_identity(archive, (const char *)text.data, text.size);
    cask_buf_dispose(&text);
    return code;
}

/* ---- The import -------------------------------------------------------------------------------------------- */

typedef struct importing {
    cask_archive *archive;
    cask_import_options options;
    const cask_vfs *vfs; /* for the era files */
    cask_import_result *result;
    cask_network *kept;    /* the archive's own, or NULL */
    cask_network *network; /* that of the import */
    import_files files;
    import_columns columns;
    import_before_era before;
    known_roots state_roots;
    era_keys *keys;
    cask_import_progress progress;
    uint64_t bytes_before; /* of the files before this one */
} importing;

static void tell_progress(uint64_t offset, void *payload)
{
    importing *im = payload;

    im->progress.bytes_done = im->bytes_before + offset;
    if (im->options.progress != NULL)
        im->options.progress(&im->progress, im->options.payload);
}

static void count_era(cask_import_result *result, const import_outcome *outcome, uint64_t size)
{
    result->pruned += outcome->pruned;
    if (outcome->before == IMPORT_COMPLETE) {
        result->eras_present++;
        return;
    }
    result->eras++;
    result->eras_resumed += outcome->before == IMPORT_BEGUN;
    result->blocks += outcome->blocks;
    result->bytes_in += size;
}

static int import_groups(importing *im, const import_file *file)
{
    for (size_t i = 0; i < file->era->group_count; i++) {
        import_outcome outcome;

        CASK_TRY(import_group(&outcome, &im->columns, file->era, i, im->network, &file->name, &im->options,
                              im->keys, &im->before, tell_progress, im));
        count_era(im->result, &outcome, file->era->groups[i].facts.size);
        if (im->before.known)
            CASK_TRY(known_roots_add(&im->state_roots, im->before.record.state_slot, im->before.record.state_root));
    }
    return CASK_OK;
}

static int import_file_at(importing *im, size_t index)
{
    import_file *file = &im->files.items[index];
    int code;

    im->progress.file = file->path;
    im->progress.file_index = index;
    tell_progress(0, im);
    CASK_TRY(import_file_open(file, im->vfs));
    code = import_groups(im, file);
    import_file_close(file);
    CASK_TRY(code);
    im->bytes_before += file->era->size;
    im->result->files++;
    return CASK_OK;
}

/* Nothing is written in here. */
static int prepare(importing *im, const char *const *paths, size_t path_count)
{
    CASK_TRY(import_files_gather(&im->files, paths, path_count, im->vfs));
    CASK_TRY(era_archive_network(&im->kept, im->archive));
    CASK_TRY(choose_network(&im->network, im->options.network, im->kept, &im->files));
    CASK_TRY(import_files_check(&im->files, im->network, im->vfs));
    im->progress.file_count = im->files.count;
    for (size_t i = 0; i < im->files.count; i++)
        im->progress.bytes_total += im->files.items[i].era->size;
    return CASK_OK;
}

static int run(importing *im, const char *const *paths, size_t path_count)
{
    CASK_TRY(prepare(im, paths, path_count));
    if (im->kept == NULL)
        CASK_TRY(keep_identity(im->archive, im->network));
    CASK_TRY(import_columns_open(&im->columns, im->archive, &im->options));
    for (size_t i = 0; i < im->files.count; i++)
        CASK_TRY(import_file_at(im, i));
    return CASK_OK;
}

/* What a program built with an older header does not know of stays at its default. */
static int take_options(cask_import_options *options, const cask_import_options *given)
{
    if (given == NULL)
        return CASK_OK;
    if (given->struct_size == 0 || given->struct_size > sizeof(*options))
        return cask_fail(CASK_E_INVALID, CASK_NOWHERE,
                         "options of a size that this library does not know; begin with CASK_IMPORT_OPTIONS_INIT");
    memcpy(options, given, given->struct_size);
    return CASK_OK;
}

int cask_import(cask_import_result *result_out, cask_archive *archive, const char *const *paths, size_t path_count,
                const cask_import_options *options)
{
    importing im = { .archive = archive, .options = CASK_IMPORT_OPTIONS_INIT, .result = result_out,
                     .files = IMPORT_FILES_INIT, .columns = IMPORT_COLUMNS_INIT };
    int code;

    memset(result_out, 0, sizeof(*result_out));
    CASK_TRY(take_options(&im.options, options));
    if (im.options.verify >= CASK_VERIFY_SIGNATURES)
        CASK_TRY(era_keys_new(&im.keys));
    im.options.allow_backfill = im.options.allow_backfill || im.options.refill;
    im.vfs = im.options.vfs == NULL ? cask_vfs_posix() : im.options.vfs;
    code = run(&im, paths, path_count);
    import_columns_close(&im.columns);
    if (code == CASK_OK)
        result_out->index_code = root_index_update(archive, &im.state_roots, im.options.jobs);
    free(im.state_roots.items);
    era_record_dispose(&im.before.record);
    era_keys_free(im.keys);
    import_files_dispose(&im.files);
    cask_network_free(im.network);
    cask_network_free(im.kept);
    return code;
}
