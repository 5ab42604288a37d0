#include <stdio.h>

#include "commands.h"
#include "inputs.h"

static void on_progress(const cask_import_progress *progress, void *payload)
{
    cli_progress(payload, progress->file, progress->bytes_done, progress->bytes_total, progress->bytes_done);
}

static int parse_options(cli_call *call, cask_import_options *options)
{
    static const char *const levels[] = { "none", "bytes", "roots", "signatures", NULL };
    unsigned level = options->verify;
    int status = cli_parse_codec(call, &options->codec, &options->codec_level);

    if (status == CLI_DONE)
        status = cli_parse_choice(call, CLI_OPT_VERIFY, levels, &level);
    if (status == CLI_DONE)
        status = cli_parse_jobs(call, &options->jobs);
    options->verify = (cask_verify_level)level;
    options->allow_backfill = cli_given(call, CLI_OPT_ALLOW_BACKFILL);
    options->refill = cli_given(call, CLI_OPT_REFILL);
    options->progress = on_progress;
    options->payload = call->out;
    return status;
}

static void print_result(const cli_call *call, const cask_import_result *result, double seconds)
{
    json_t *document;

    if (!call->out->json) {
        cli_note(call->out, "imported %llu eras with %llu blocks from %.1f MB in %.1f s; %llu were complete before, "
                 "%llu were resumed",
                 (unsigned long long)result->eras, (unsigned long long)result->blocks, (double)result->bytes_in / 1e6,
                 seconds, (unsigned long long)result->eras_present, (unsigned long long)result->eras_resumed);
        if (result->pruned > 0)
            cli_note(call->out, "slots that stay pruned: %llu; --refill fills them again",
                     (unsigned long long)result->pruned);
        if (result->index_code < 0)
            cli_note(call->out, "the index of roots was not brought up to date: %s", cask_error_last()->message);
        return;
    }
    document = cli_json_object();
    cli_json_set(document, "archive", cli_json_text(call->operands[0]));
    cli_json_set(document, "files", cli_json_u64(result->files));
    cli_json_set(document, "eras", cli_json_u64(result->eras));
    cli_json_set(document, "eras_present", cli_json_u64(result->eras_present));
    cli_json_set(document, "eras_resumed", cli_json_u64(result->eras_resumed));
    cli_json_set(document, "blocks", cli_json_u64(result->blocks));
    cli_json_set(document, "pruned", cli_json_u64(result->pruned));
    cli_json_set(document, "bytes_in", cli_json_u64(result->bytes_in));
    cli_json_set(document, "seconds", json_real(seconds));
    cli_json_set(document, "index", cli_json_text(cask_code_name(result->index_code)));
    cli_json_print(document);
}

static int import_files(cli_call *call, cask_archive *archive, const cli_paths *files,
                        const cask_import_options *options)
{
    cask_import_result result = { 0 };
    double begun = cli_now();
    int code;

    cli_progress_begin(call->out);
    code = cask_import(&result, archive, (const char *const *)files->path, files->count, options);
    cli_progress_end(call->out);
    if (code < 0)
        return cli_fail(call->out);
    print_result(call, &result, cli_now() - begun);
    return CLI_DONE;
}

static int run(cli_call *call)
{
    cask_import_options options = CASK_IMPORT_OPTIONS_INIT;
    cask_archive_options open = CASK_ARCHIVE_OPTIONS_INIT;
    cask_archive *archive = NULL;
    cask_network *network = NULL;
    cli_paths files = CLI_PATHS_INIT;
    int status = parse_options(call, &options);

    for (int i = 1; status == CLI_DONE && i < call->operand_count; i++)
        status = cli_add_era_files(call->out, &files, call->operands[i]);
    if (status == CLI_DONE)
        status = cli_load_network(call->out, &network, call->value[CLI_OPT_NETWORK]);
    if (status != CLI_DONE)
        goto out;
    options.network = network;
    open.create = true;
    if (cask_archive_open(&archive, call->operands[0], &open) < 0)
        status = cli_fail(call->out);
    else
        status = import_files(call, archive, &files, &options);
out:
    cask_archive_close(archive);
    cask_network_free(network);
    cli_paths_dispose(&files);
    return status;
}

const cli_command cmd_import = {
    .name = "import",
    .operands = "ARCHIVE ERA|FOLDER...",
    .summary = "import era files into an archive",
    .about = "Import era files, and those in folders, into an archive, which is made where it is missing.\n"
             "The first import fixes the network of the archive: --network, or a built-in one by the\n"
             "name of the file. An era that is there already is skipped, and one that an import did\n"
             "not finish, or that has lost blocks, is resumed: after any interruption, run the same command again.\n"
             "Without --allow-backfill eras must come in ascending order. Slots that were pruned stay so;\n"
             "--refill fills them again.",
    .example = "slotcask import history eras/ --codec zstd:3 --jobs 4",
    .options = CLI_TAKES(CLI_OPT_NETWORK) | CLI_TAKES(CLI_OPT_CODEC) | CLI_TAKES(CLI_OPT_VERIFY) |
               CLI_TAKES(CLI_OPT_JOBS) | CLI_TAKES(CLI_OPT_ALLOW_BACKFILL) | CLI_TAKES(CLI_OPT_REFILL),
    .operands_least = 2,
    .operands_most = -1,
    .run = run,
};
