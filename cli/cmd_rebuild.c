#include <stdio.h>

#include "commands.h"
#include "inputs.h"

typedef struct rebuilding {
    cli_call *call;
    json_t *findings;
    uint64_t lost;
} rebuilding;

static void print_finding(const cask_report *report)
{
    printf("%s: %s (file %s", report->what, report->message, report->file);
    if (report->offset != UINT64_MAX)
        printf(", offset %llu", (unsigned long long)report->offset);
    if (report->slot != CASK_NO_SLOT)
        printf(", slot %llu", (unsigned long long)report->slot);
    puts(")");
}

static int on_finding(const cask_report *report, void *payload)
{
    rebuilding *r = payload;

    r->lost += report->corrupt;
    if (r->call->out->json)
        cli_json_append(r->findings, cli_json_report(report));
    else
        print_finding(report);
    return 0;
}

static void print_end(const rebuilding *r, const cask_change *change)
{
    const cli_call *call = r->call;
    json_t *document;

    if (!call->out->json) {
        if (change->files == 0 && r->lost == 0)
            cli_note(call->out, "nothing to rebuild");
        else
            cli_note(call->out, "files rebuilt: %llu, records kept in them: %llu, losses: %llu",
                     (unsigned long long)change->files, (unsigned long long)change->slots,
                     (unsigned long long)r->lost);
        return;
    }
    document = cli_json_object();
    cli_json_set(document, "archive", cli_json_text(call->operands[0]));
    cli_json_set(document, "column", cli_json_text(call->operands[1]));
    cli_json_set(document, "files", cli_json_u64(change->files));
    cli_json_set(document, "records", cli_json_u64(change->slots));
    cli_json_set(document, "lost", cli_json_u64(r->lost));
    cli_json_set(document, "findings", json_incref(r->findings));
    cli_json_print(document);
}

static int run(cli_call *call)
{
    rebuilding r = { .call = call };
    cask_archive *archive = NULL;
    cask_change change;
    int status = cli_open_archive(call->out, &archive, call->operands[0], false);

    r.findings = cli_json_array();
    if (status != CLI_DONE)
        goto out;
    if (cask_rebuild(&change, archive, call->operands[1], on_finding, &r) < 0) {
        status = cli_fail_column(call->out, archive, call->operands[0], call->operands[1]);
    } else {
        print_end(&r, &change);
        status = r.lost > 0 ? CLI_CORRUPT : CLI_DONE;
    }
out:
    json_decref(r.findings);
    cask_archive_close(archive);
    return status;
}

const cli_command cmd_rebuild = {
    .name = "rebuild",
    .operands = "ARCHIVE COLUMN",
    .summary = "make lost tables anew, and keep what is readable",
    .about = "Make lost or damaged offset tables of a column anew, and keep of damaged data files what is\n"
             "readable: by the checksums of records, and by the slots that blocks and states hold; roots\n"
             "are found in the states. Files that are whole are not touched, and what was pruned stays\n"
             "pruned. Each file made anew and each loss is listed on standard output; the exit code is 1\n"
             "if something was lost. 'slotcask import' of the era files fills in what is missing.",
    .example = "slotcask rebuild history blocks",
    .options = 0,
    .operands_least = 2,
    .operands_most = 2,
    .run = run,
};
