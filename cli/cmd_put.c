#include <stdlib.h>

#include "commands.h"
#include "inputs.h"

/* What had to be made. */
typedef struct made_now {
    bool archive;
    bool column;
} made_now;

static int parse_options(cli_call *call, cask_column_options *options)
{
    static const char *const formats[] = { "2", "3", "4", NULL };
    unsigned format = CASK_FORMAT_NEWEST - CASK_FORMAT_OLDEST;
    int status = cli_parse_codec(call, &options->codec, &options->codec_level);

    if (status == CLI_DONE)
        status = cli_parse_choice(call, CLI_OPT_FORMAT, formats, &format);
    options->format_version = CASK_FORMAT_OLDEST + format;
    options->allow_backfill = cli_given(call, CLI_OPT_ALLOW_BACKFILL);
    return status;
}

static int open_archive(cli_call *call, cask_archive **archive_out, made_now *made)
{
    cask_archive_options options = CASK_ARCHIVE_OPTIONS_INIT;
    const char *path = call->operands[0];

    if (cask_archive_open(archive_out, path, &options) == CASK_OK)
        return CLI_DONE;
    if (cask_error_last()->code != CASK_E_NOTFOUND)
        return cli_fail(call->out);
    options.create = true;
    if (cask_archive_open(archive_out, path, &options) < 0)
        return cli_fail(call->out);
    made->archive = true;
    cli_note(call->out, "made the archive %s", path);
    return CLI_DONE;
}

static int open_column(cli_call *call, cask_column **column_out, cask_archive *archive, cask_column_options *options,
                       made_now *made)
{
    const char *name = call->operands[1];

    if (cask_column_open(column_out, archive, name, options) == CASK_OK)
        return CLI_DONE;
    if (cask_error_last()->code != CASK_E_NOTFOUND)
        return cli_fail(call->out);
    options->create = true;
    if (cask_column_open(column_out, archive, name, options) < 0)
        return cli_fail(call->out);
    made->column = true;
    cli_note(call->out, "made the column %s", name);
    return CLI_DONE;
}

static void print_document(const cli_call *call, uint64_t slot, size_t size, const made_now *made)
{
    json_t *document = cli_json_object();

    cli_json_set(document, "archive", cli_json_text(call->operands[0]));
    cli_json_set(document, "column", cli_json_text(call->operands[1]));
    cli_json_set(document, "slot", cli_json_u64(slot));
    cli_json_set(document, "size", cli_json_u64(size));
    cli_json_set(document, "made_archive", json_boolean(made->archive));
    cli_json_set(document, "made_column", json_boolean(made->column));
    cli_json_print(document);
}

static int put(cli_call *call, uint64_t slot, const cask_buf *value, cask_column_options *options)
{
    cask_archive *archive = NULL;
    cask_column *column = NULL;
    made_now made = { false, false };
    int status = open_archive(call, &archive, &made);

    if (status == CLI_DONE)
        status = open_column(call, &column, archive, options, &made);
    if (status == CLI_DONE && cask_column_put(column, slot, value->data, value->size) < 0)
        status = cli_fail_at(call->out, NULL, slot);
    if (status == CLI_DONE && call->out->json)
        print_document(call, slot, value->size, &made);
    cask_column_close(column);
    cask_archive_close(archive);
    return status;
}

static int run(cli_call *call)
{
    cask_column_options options = CASK_COLUMN_OPTIONS_INIT;
    cask_buf value = CASK_BUF_INIT;
    uint64_t slot;
    int status = cli_parse_u64(call, "SLOT", call->operands[2], &slot);

    if (status == CLI_DONE)
        status = parse_options(call, &options);
    if (status == CLI_DONE)
        status = cli_read_all(call->out, &value, call->operand_count > 3 ? call->operands[3] : NULL);
    if (status == CLI_DONE)
        status = put(call, slot, &value, &options);
    free(value.data);
    return status;
}

const cli_command cmd_put = {
    .name = "put",
    .operands = "ARCHIVE COLUMN SLOT [FILE]",
    .summary = "store one value",
    .about = "Store the bytes of FILE, or of standard input, as the value at SLOT; durable when the\n"
             "command ends. The archive and the column are made where they are missing; --codec (none)\n"
             "and --format only matter then. Slots ascend; --allow-backfill lets skipped slots be\n"
             "filled in. Storing the same value again does nothing, a different one is refused.",
    .example = "slotcask put history notes 1234 note.txt --codec zstd",
    .options = CLI_TAKES(CLI_OPT_ALLOW_BACKFILL) | CLI_TAKES(CLI_OPT_CODEC) | CLI_TAKES(CLI_OPT_FORMAT),
    .operands_least = 3,
    .operands_most = 4,
    .run = run,
};
