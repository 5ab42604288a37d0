#include "commands.h"
#include "inputs.h"

typedef struct compacting {
    cli_call *call;
    cask_compact_options options;
    const char *column; /* at work on */
    json_t *columns;
    cask_change sum;
} compacting;

static int parse_options(compacting *c)
{
    uint8_t codec;
    int status = cli_parse_codec(c->call, &codec, &c->options.codec_level);

    if (status == CLI_DONE && cli_given(c->call, CLI_OPT_CODEC))
        c->options.codec = codec;
    if (status != CLI_DONE)
        return status;
    return cli_parse_range(c->call, CLI_OPT_FILES, &c->options.first_file, &c->options.last_file);
}

/* A cask_progress_fn. */
static int on_file(uint64_t file_id, uint64_t bytes_before, uint64_t bytes_after, void *payload)
{
    const compacting *c = payload;

    cli_note(c->call->out, "%s: file %llu: bytes before: %llu, after: %llu", c->column, (unsigned long long)file_id,
             (unsigned long long)bytes_before, (unsigned long long)bytes_after);
    return 0;
}

static void add_change(compacting *c, const cask_change *change)
{
    json_t *row;

    c->sum.files += change->files;
    c->sum.bytes_before += change->bytes_before;
    c->sum.bytes_after += change->bytes_after;
    if (!c->call->out->json)
        return;
    row = cli_json_object();
    cli_json_set(row, "column", cli_json_text(c->column));
    cli_json_set(row, "files", cli_json_u64(change->files));
    cli_json_set(row, "bytes_before", cli_json_u64(change->bytes_before));
    cli_json_set(row, "bytes_after", cli_json_u64(change->bytes_after));
    cli_json_append(c->columns, row);
}

static int compact_column(compacting *c, cask_archive *archive, const char *name)
{
    cask_column *column = NULL;
    cask_change change;
    int status = CLI_DONE;

    c->column = name;
    if (cask_column_open(&column, archive, name, NULL) < 0)
        return cli_fail_column(c->call->out, archive, c->call->operands[0], name);
    if (cask_column_compact(&change, column, &c->options) < 0)
        status = cli_fail(c->call->out);
    else
        add_change(c, &change);
    cask_column_close(column);
    return status;
}

static int compact_columns(compacting *c, cask_archive *archive)
{
    cli_paths names = CLI_PATHS_INIT;
    int status = cli_add_columns(c->call->out, &names, archive);

    for (size_t i = 0; status == CLI_DONE && i < names.count; i++)
        status = compact_column(c, archive, names.path[i]);
    cli_paths_dispose(&names);
    return status;
}

static void print_end(const compacting *c)
{
    json_t *document;

    if (!c->call->out->json) {
        if (c->sum.files == 0)
            cli_note(c->call->out, "nothing to compact");
        else
            cli_note(c->call->out, "files compacted: %llu, bytes before: %llu, after: %llu",
                     (unsigned long long)c->sum.files, (unsigned long long)c->sum.bytes_before,
                     (unsigned long long)c->sum.bytes_after);
        return;
    }
    document = cli_json_object();
    cli_json_set(document, "archive", cli_json_text(c->call->operands[0]));
    cli_json_set(document, "columns", json_incref(c->columns));
    cli_json_set(document, "files", cli_json_u64(c->sum.files));
    cli_json_set(document, "bytes_before", cli_json_u64(c->sum.bytes_before));
    cli_json_set(document, "bytes_after", cli_json_u64(c->sum.bytes_after));
    cli_json_print(document);
}

static int run(cli_call *call)
{
    compacting c = { .call = call, .options = CASK_COMPACT_OPTIONS_INIT };
    cask_archive *archive = NULL;
    int status = parse_options(&c);

    c.options.progress = on_file;
    c.options.payload = &c;
    c.columns = cli_json_array();
    if (status == CLI_DONE)
        status = cli_open_archive(call->out, &archive, call->operands[0], false);
    if (status == CLI_DONE)
        status = call->operand_count > 1 ? compact_column(&c, archive, call->operands[1])
                                         : compact_columns(&c, archive);
    if (status == CLI_DONE)
        print_end(&c);
    json_decref(c.columns);
    cask_archive_close(archive);
    return status;
}

const cli_command cmd_compact = {
    .name = "compact",
    .operands = "ARCHIVE [COLUMN]",
    .summary = "write data files anew, without dead bytes",
    .about = "Write data files anew: records in the order of slots, without dead bytes, and with --codec in\n"
             "another codec. Of all columns or of one, all files but the last; a file that would not change\n"
             "is left alone. Each new file is read back before it takes the place of the old one, and needs\n"
             "as much room until then. What is interrupted is whole, and can be done again.",
    .example = "slotcask compact history blocks --codec zstd:9 --files 0-99",
    .options = CLI_TAKES(CLI_OPT_CODEC) | CLI_TAKES(CLI_OPT_FILES),
    .operands_least = 1,
    .operands_most = 2,
    .run = run,
};
