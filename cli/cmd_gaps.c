#include <stdio.h>

#include "commands.h"
#include "inputs.h"

static const char *const kind_names[] = {
    [CASK_GAP_MISSING] = "missing",
    [CASK_GAP_SKIPPED] = "skipped",
    [CASK_GAP_PRUNED] = "pruned",
};

enum { KINDS = sizeof(kind_names) / sizeof(kind_names[0]) };

typedef struct listing {
    const cli_call *call;
    const char *column; /* at work on */
    json_t *gaps;
    uint64_t slots[KINDS];
} listing;

static int on_gap(const cask_gap *gap, void *payload)
{
    listing *list = payload;
    json_t *document;

    list->slots[gap->kind] += gap->slots;
    if (!list->call->out->json) {
        printf("%-16s %-8s %11llu %11llu %11llu\n", list->column, kind_names[gap->kind],
               (unsigned long long)gap->first_slot, (unsigned long long)gap->last_slot, (unsigned long long)gap->slots);
        return 0;
    }
    document = cli_json_object();
    cli_json_set(document, "column", cli_json_text(list->column));
    cli_json_set(document, "kind", cli_json_text(kind_names[gap->kind]));
    cli_json_set(document, "first_slot", cli_json_u64(gap->first_slot));
    cli_json_set(document, "last_slot", cli_json_u64(gap->last_slot));
    cli_json_set(document, "slots", cli_json_u64(gap->slots));
    cli_json_append(list->gaps, document);
    return 0;
}

static int list_column(listing *list, cask_archive *archive, const char *column)
{
    const cli_call *call = list->call;

    list->column = column;
    if (cask_gaps(archive, column, on_gap, list) == CASK_OK)
        return CLI_DONE;
    return call->operand_count > 1 ? cli_fail_column(call->out, archive, call->operands[0], column)
                                   : cli_fail(call->out);
}

static int list_columns(listing *list, cask_archive *archive)
{
    cli_paths names = CLI_PATHS_INIT;
    int status = cli_add_columns(list->call->out, &names, archive);

    for (size_t i = 0; status == CLI_DONE && i < names.count; i++)
        status = list_column(list, archive, names.path[i]);
    cli_paths_dispose(&names);
    return status;
}

static void print_end(const listing *list)
{
    json_t *document;

    if (!list->call->out->json) {
        cli_note(list->call->out, "slots missing: %llu, skipped: %llu, pruned: %llu",
                 (unsigned long long)list->slots[CASK_GAP_MISSING], (unsigned long long)list->slots[CASK_GAP_SKIPPED],
                 (unsigned long long)list->slots[CASK_GAP_PRUNED]);
        return;
    }
    document = cli_json_object();
    cli_json_set(document, "archive", cli_json_text(list->call->operands[0]));
    cli_json_set(document, "gaps", json_incref(list->gaps));
    for (size_t i = 0; i < KINDS; i++)
        cli_json_set(document, kind_names[i], cli_json_u64(list->slots[i]));
    cli_json_print(document);
}

static int run(cli_call *call)
{
    listing list = { .call = call };
    cask_archive *archive = NULL;
    int status = cli_open_archive(call->out, &archive, call->operands[0], true);

    list.gaps = cli_json_array();
    if (status == CLI_DONE && !call->out->json)
        printf("%-16s %-8s %11s %11s %11s\n", "column", "gap", "first", "last", "slots");
    if (status == CLI_DONE)
        status = call->operand_count > 1 ? list_column(&list, archive, call->operands[1])
                                         : list_columns(&list, archive);
    if (status == CLI_DONE)
        print_end(&list);
    json_decref(list.gaps);
    cask_archive_close(archive);
    return status;
}

const cli_command cmd_gaps = {
    .name = "gaps",
    .operands = "ARCHIVE [COLUMN]",
    .summary = "what an archive lacks, by ranges of slots",
    .about = "List the slots without a record, of all columns or of one: missing; skipped, where the roots\n"
             "confirm that there was no block; and pruned. Expected is every slot of the eras from the\n"
             "first to the last that the archive has anything of, in the column states the first slot of\n"
             "each; in a column of one's own the slots from the lowest to the highest record.",
    .example = "slotcask gaps history blocks",
    .options = 0,
    .operands_least = 1,
    .operands_most = 2,
    .run = run,
};
