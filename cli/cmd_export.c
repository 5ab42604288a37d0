#include <stdio.h>

#include "commands.h"
#include "inputs.h"

static void on_progress(const char *name, uint64_t done, uint64_t total, void *payload)
{
    cli_progress(payload, name, done, total, 0);
}

static void print_result(const cli_call *call, const cask_export_result *result)
{
    json_t *document;

    if (!call->out->json) {
        cli_note(call->out, "exported %llu eras with %llu blocks, %.1f MB: %s", (unsigned long long)result->eras,
                 (unsigned long long)result->blocks, (double)result->bytes / 1e6,
                 result->reframed ? "the same content as was imported, compressed anew as snappy frames"
                                  : "the records byte for byte as they are stored");
        return;
    }
    document = cli_json_object();
    cli_json_set(document, "folder", cli_json_text(call->operands[1]));
    cli_json_set(document, "eras", cli_json_u64(result->eras));
    cli_json_set(document, "blocks", cli_json_u64(result->blocks));
    cli_json_set(document, "bytes", cli_json_u64(result->bytes));
    cli_json_set(document, "reframed", json_boolean(result->reframed));
    cli_json_print(document);
}

static int run(cli_call *call)
{
    cask_export_options options = CASK_EXPORT_OPTIONS_INIT;
    cask_export_result result;
    cask_archive *archive = NULL;
    int code;
    int status = cli_parse_range(call, CLI_OPT_ERAS, &options.first_era, &options.last_era);

    if (status == CLI_DONE)
        status = cli_open_archive(call->out, &archive, call->operands[0], true);
    if (status != CLI_DONE)
        return status;
    options.progress = on_progress;
    options.payload = call->out;
    cli_progress_begin(call->out);
    code = cask_export(&result, archive, call->operands[1], &options);
    cli_progress_end(call->out);
    if (code == CASK_OK || (code == CASK_E_PRUNED && result.eras > 0 && !call->out->json))
        print_result(call, &result);
    if (code < 0)
        status = cli_fail_at(call->out, call->operands[0], CASK_NO_SLOT);
    cask_archive_close(archive);
    return status;
}

const cli_command cmd_export = {
    .name = "export",
    .operands = "ARCHIVE FOLDER",
    .summary = "write era files out of an archive",
    .about = "Write the eras that are complete in an archive as era files into a folder, with a\n"
             "SHA256SUMS of them beside them. Where blocks and states are stored with snappy, a file is\n"
             "byte for byte the one that was imported; with other codecs its content is the same.\n"
             "A file appears under its name only once it is whole. An era with a pruned block or state\n"
             "cannot be written: it is left out, and the exit code is 4.",
    .example = "slotcask export history eras/ --eras 1082-1100",
    .options = CLI_TAKES(CLI_OPT_ERAS),
    .operands_least = 2,
    .operands_most = 2,
    .run = run,
};
