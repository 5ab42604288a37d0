#include "commands.h"
#include "inputs.h"

typedef struct pruning {
    cli_call *call;
    cask_column *column;
    uint64_t first, last;
    bool forget;
    cask_change change;
} pruning;

static int parse_options(pruning *prune)
{
    cli_call *call = prune->call;
    uint64_t before;
    int status;

    prune->forget = cli_given(call, CLI_OPT_FORGET);
    if (cli_given(call, CLI_OPT_BEFORE) == cli_given(call, CLI_OPT_SLOTS))
        return cli_fail_usage(call->out, call->command->name, "one of --before and --slots says which slots");
    if (cli_given(call, CLI_OPT_SLOTS))
        return cli_parse_range(call, CLI_OPT_SLOTS, &prune->first, &prune->last);
    status = cli_parse_u64(call, "--before", call->value[CLI_OPT_BEFORE], &before);
    if (status == CLI_DONE && before == 0)
        return cli_fail_usage(call->out, call->command->name, "there is no slot before 0");
    prune->first = 0;
    prune->last = before - 1;
    return status;
}

/* ---- Without changing anything ---- */

/* A cask_column_file_fn. */
static int count_file(const cask_column_file *file, void *payload)
{
    const uint64_t begin = file->file_id * CASK_SLOTS_PER_FILE;
    pruning *prune = payload;
    uint8_t states[CASK_SLOTS_PER_FILE];
    uint64_t before = prune->change.slots;

    if (begin > prune->last || file->file_id < prune->first / CASK_SLOTS_PER_FILE)
        return 0;
    if (cask_column_slots(states, prune->column, file->file_id) < 0)
        return cask_error_last()->code;
    for (uint64_t slot = begin; slot < begin + CASK_SLOTS_PER_FILE; slot++) {
        if (slot >= prune->first && slot <= prune->last)
            prune->change.slots += states[slot - begin] == (prune->forget ? CASK_SLOT_PRUNED : CASK_SLOT_RECORD);
    }
    prune->change.files += prune->change.slots > before;
    return 0;
}

/* ---- The change ---- */

static int change(pruning *prune, bool dry_run)
{
    if (dry_run)
        return cask_column_files(prune->column, count_file, prune);
    if (prune->forget)
        return cask_column_forget_pruned(&prune->change, prune->column, prune->first, prune->last);
    return cask_column_prune(&prune->change, prune->column, prune->first, prune->last);
}

static void print_note(const pruning *prune, bool dry_run)
{
    const cask_change *change = &prune->change;
    cli_output *out = prune->call->out;

    if (change->slots == 0)
        cli_note(out, prune->forget ? "no pruned slot in this range" : "no record in this range");
    else if (dry_run)
        cli_note(out, "slots to %s: %llu, in files: %llu", prune->forget ? "forget" : "prune",
                 (unsigned long long)change->slots, (unsigned long long)change->files);
    else if (prune->forget)
        cli_note(out, "slots that can be filled again: %llu, in files: %llu", (unsigned long long)change->slots,
                 (unsigned long long)change->files);
    else
        cli_note(out, "slots pruned: %llu, in files: %llu, their bytes before: %llu, after: %llu",
                 (unsigned long long)change->slots, (unsigned long long)change->files,
                 (unsigned long long)change->bytes_before, (unsigned long long)change->bytes_after);
}

static void print_result(const pruning *prune, bool dry_run)
{
    const cli_call *call = prune->call;
    json_t *document;

    if (!call->out->json) {
        print_note(prune, dry_run);
        return;
    }
    document = cli_json_object();
    cli_json_set(document, "archive", cli_json_text(call->operands[0]));
    cli_json_set(document, "column", cli_json_text(call->operands[1]));
    cli_json_set(document, "first_slot", cli_json_u64(prune->first));
    cli_json_set(document, "last_slot", cli_json_u64_or_null(prune->last));
    cli_json_set(document, "forget", json_boolean(prune->forget));
    cli_json_set(document, "dry_run", json_boolean(dry_run));
    cli_json_set(document, "slots", cli_json_u64(prune->change.slots));
    cli_json_set(document, "files", cli_json_u64(prune->change.files));
    cli_json_set(document, "bytes_before", dry_run ? json_null() : cli_json_u64(prune->change.bytes_before));
    cli_json_set(document, "bytes_after", dry_run ? json_null() : cli_json_u64(prune->change.bytes_after));
    cli_json_print(document);
}

static int run(cli_call *call)
{
    const bool dry_run = cli_given(call, CLI_OPT_DRY_RUN);
    pruning prune = { .call = call };
    cask_archive *archive = NULL;
    int status = parse_options(&prune);

    if (status == CLI_DONE)
        status = cli_open_archive(call->out, &archive, call->operands[0], dry_run);
    if (status != CLI_DONE)
        goto out;
    if (cask_column_open(&prune.column, archive, call->operands[1], NULL) < 0)
        status = cli_fail_column(call->out, archive, call->operands[0], call->operands[1]);
    else if (change(&prune, dry_run) < 0)
        status = cli_fail(call->out);
    else
        print_result(&prune, dry_run);
out:
    cask_column_close(prune.column);
    cask_archive_close(archive);
    return status;
}

const cli_command cmd_prune = {
    .name = "prune",
    .operands = "ARCHIVE COLUMN",
    .summary = "give up the records of a range of slots, for good",
    .about = "Give up the records of the slots before --before, or of those of --slots, and give their bytes\n"
             "back. What is pruned is gone, and nothing asks before: --dry-run says what it would be. Each\n"
             "slot keeps a mark: get says that it was pruned, and import passes over it, unless it is\n"
             "given --refill. With --forget the marks go instead, and the slots can be filled again.",
    .example = "slotcask prune history blocks --before 4700013 --dry-run",
    .options = CLI_TAKES(CLI_OPT_BEFORE) | CLI_TAKES(CLI_OPT_SLOTS) | CLI_TAKES(CLI_OPT_FORGET) |
               CLI_TAKES(CLI_OPT_DRY_RUN),
    .operands_least = 2,
    .operands_most = 2,
    .run = run,
};
