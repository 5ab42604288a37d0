#include <stdio.h>

#include "commands.h"
#include "inputs.h"

typedef struct healing {
    cli_call *call;
    const char *column; /* at work on */
    json_t *mended;
    uint64_t count;
} healing;

static void print_mended(const healing *heal, const cask_report *report)
{
    printf("%s: %s: %s (file %s", heal->column, report->what, report->message, report->file);
    if (report->offset != UINT64_MAX)
        printf(", offset %llu", (unsigned long long)report->offset);
    if (report->slot != CASK_NO_SLOT)
        printf(", slot %llu", (unsigned long long)report->slot);
    puts(")");
}

static int on_mended(const cask_report *report, void *payload)
{
    healing *heal = payload;
    json_t *document;

    heal->count++;
    if (!heal->call->out->json) {
        print_mended(heal, report);
        return 0;
    }
    document = cli_json_report(report);
    cli_json_set(document, "column", cli_json_text(heal->column));
    cli_json_append(heal->mended, document);
    return 0;
}

static int heal_columns(healing *heal, cask_archive *archive)
{
    cli_paths names = CLI_PATHS_INIT;
    int status = cli_add_columns(heal->call->out, &names, archive);

    for (size_t i = 0; status == CLI_DONE && i < names.count; i++) {
        heal->column = names.path[i];
        if (cask_column_heal(archive, heal->column, on_mended, heal) < 0)
            status = cli_fail(heal->call->out);
    }
    cli_paths_dispose(&names);
    return status;
}

static void print_end(const healing *heal, bool dry_run)
{
    json_t *document;

    if (!heal->call->out->json) {
        if (heal->count == 0)
            cli_note(heal->call->out, "nothing to mend");
        else
            cli_note(heal->call->out, dry_run ? "places to mend: %llu" : "places mended: %llu",
                     (unsigned long long)heal->count);
        return;
    }
    document = cli_json_object();
    cli_json_set(document, "archive", cli_json_text(heal->call->operands[0]));
    cli_json_set(document, "dry_run", json_boolean(dry_run));
    cli_json_set(document, "mended", json_incref(heal->mended));
    cli_json_print(document);
}

static int run(cli_call *call)
{
    healing heal = { .call = call };
    bool dry_run = cli_given(call, CLI_OPT_DRY_RUN);
    cask_archive *archive = NULL;
    int status = cli_open_archive(call->out, &archive, call->operands[0], dry_run);

    heal.mended = cli_json_array();
    if (status == CLI_DONE)
        status = heal_columns(&heal, archive);
    if (status == CLI_DONE)
        print_end(&heal, dry_run);
    json_decref(heal.mended);
    cask_archive_close(archive);
    return status;
}

const cli_command cmd_heal = {
    .name = "heal",
    .operands = "ARCHIVE",
    .summary = "mend what a crash left behind",
    .about = "Cut off and delete what was written but never committed, and write damaged copies of a\n"
             "conf again from their twins; list each thing mended on standard output. Opening an\n"
             "archive for writing does the same silently. With --dry-run only list what would be\n"
             "mended. Damage that no crash explains is not mended but reported, with exit code 1.",
    .example = "slotcask heal history --dry-run",
    .options = CLI_TAKES(CLI_OPT_DRY_RUN),
    .operands_least = 1,
    .operands_most = 1,
    .run = run,
};
