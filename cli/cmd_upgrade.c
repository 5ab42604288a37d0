#include "commands.h"
#include "inputs.h"

typedef struct upgrading {
    cli_call *call;
    uint32_t to;
    uint64_t changed;
    json_t *columns;
} upgrading;

static void add_column(upgrading *u, const char *name, uint32_t from)
{
    json_t *row;

    u->changed += from != u->to;
    if (!u->call->out->json) {
        if (from != u->to)
            cli_note(u->call->out, "%s: from format %u to %u", name, from, u->to);
        return;
    }
    row = cli_json_object();
    cli_json_set(row, "column", cli_json_text(name));
    cli_json_set(row, "from", cli_json_u64(from));
    cli_json_set(row, "to", cli_json_u64(u->to));
    cli_json_append(u->columns, row);
}

static int upgrade_column(upgrading *u, cask_archive *archive, const char *name)
{
    cask_column *column = NULL;
    cask_column_info info;
    int status = CLI_DONE;

    if (cask_column_open(&column, archive, name, NULL) < 0 || cask_column_stat(&info, column) < 0 ||
        cask_column_upgrade(column, u->to) < 0)
        status = cli_fail(u->call->out);
    else
        add_column(u, name, info.format_version);
    cask_column_close(column);
    return status;
}

static int upgrade_columns(upgrading *u, cask_archive *archive)
{
    cli_paths names = CLI_PATHS_INIT;
    int status = cli_add_columns(u->call->out, &names, archive);

    for (size_t i = 0; status == CLI_DONE && i < names.count; i++)
        status = upgrade_column(u, archive, names.path[i]);
    cli_paths_dispose(&names);
    return status;
}

static void print_end(const upgrading *u)
{
    json_t *document;

    if (!u->call->out->json) {
        if (u->changed == 0)
            cli_note(u->call->out, "all columns are of format %u", u->to);
        return;
    }
    document = cli_json_object();
    cli_json_set(document, "archive", cli_json_text(u->call->operands[0]));
    cli_json_set(document, "columns", json_incref(u->columns));
    cli_json_print(document);
}

static int run(cli_call *call)
{
    static const char *const formats[] = { "3", "4", NULL };
    upgrading u = { .call = call };
    cask_archive *archive = NULL;
    unsigned choice = 1;
    int status = cli_parse_choice(call, CLI_OPT_TO, formats, &choice);

    u.to = 3 + choice;
    u.columns = cli_json_array();
    if (status == CLI_DONE)
        status = cli_open_archive(call->out, &archive, call->operands[0], false);
    if (status == CLI_DONE)
        status = upgrade_columns(&u, archive);
    if (status == CLI_DONE)
        print_end(&u);
    json_decref(u.columns);
    cask_archive_close(archive);
    return status;
}

const cli_command cmd_upgrade = {
    .name = "upgrade",
    .operands = "ARCHIVE",
    .summary = "bring all columns to another format version",
    .about = "Change all columns to format 4 in place, or with --to 3 back, where nothing is used that\n"
             "format 3 lacks: pruned slots, zstd, compaction to another codec. Reads every record, and\n"
             "writes tables and checksums, no data. What is interrupted is a whole archive, and can be\n"
             "done again.",
    .example = "slotcask upgrade history",
    .options = CLI_TAKES(CLI_OPT_TO),
    .operands_least = 1,
    .operands_most = 1,
    .run = run,
};
