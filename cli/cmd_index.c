#include "commands.h"
#include "inputs.h"

static void on_progress(uint64_t done, uint64_t total, void *payload)
{
    const cli_call *call = payload;

    cli_progress(call->out, call->operands[0], done, total, 0);
}

static void print_result(const cli_call *call, const cask_root_index_result *result, double seconds)
{
    json_t *document;

    if (!call->out->json) {
        cli_note(call->out, "indexed the roots of %llu blocks and %llu states in %.1f s",
                 (unsigned long long)result->blocks, (unsigned long long)result->states, seconds);
        return;
    }
    document = cli_json_object();
    cli_json_set(document, "archive", cli_json_text(call->operands[0]));
    cli_json_set(document, "blocks", cli_json_u64(result->blocks));
    cli_json_set(document, "states", cli_json_u64(result->states));
    cli_json_set(document, "seconds", json_real(seconds));
    cli_json_print(document);
}

static int make_index(cli_call *call, cask_archive *archive, unsigned jobs)
{
    cask_root_index_result result;
    double begun = cli_now();
    int code;

    cli_progress_begin(call->out);
    code = cask_root_index_make(&result, archive, jobs, on_progress, call);
    cli_progress_end(call->out);
    if (code < 0)
        return cli_fail_at(call->out, call->operands[0], CASK_NO_SLOT);
    print_result(call, &result, cli_now() - begun);
    return CLI_DONE;
}

static int run(cli_call *call)
{
    cask_archive *archive = NULL;
    unsigned jobs;
    int status = cli_parse_jobs(call, &jobs);

    if (status == CLI_DONE)
        status = cli_open_archive(call->out, &archive, call->operands[0], false);
    if (status == CLI_DONE)
        status = make_index(call, archive, jobs);
    cask_archive_close(archive);
    return status;
}

const cli_command cmd_index = {
    .name = "index",
    .operands = "ARCHIVE",
    .summary = "make the index of roots anew",
    .about = "Make the index by which 'get' finds blocks and states by their roots, in the folder index of\n"
             "the archive. An import keeps it; this is for when it is missing, stale or damaged. Roots\n"
             "come from the columns block_roots and state_roots, or else from hashing the records.",
    .example = "slotcask index history --jobs 4",
    .options = CLI_TAKES(CLI_OPT_JOBS),
    .operands_least = 1,
    .operands_most = 1,
    .run = run,
};
