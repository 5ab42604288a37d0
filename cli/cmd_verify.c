#include <stdio.h>

#include "commands.h"
#include "inputs.h"

typedef struct verification {
    cli_call *call;
    cask_verify_options options;
    const char *kind; /* of the inputs at hand */
    json_t *findings;
    json_t *inputs;
    json_t *chains;
    uint64_t corrupt; /* findings of damage in all inputs */
} verification;

/* ---- What the library calls --------------------------------------------------------------------------------- */

static json_t *text_or_null(const char *text)
{
    return text == NULL ? json_null() : cli_json_text(text);
}

static int on_finding(const cask_report *report, void *payload)
{
    verification *v = payload;
    json_t *finding;

    cli_finding(v->call->out, report);
    if (!v->call->out->json)
        return 0;
    finding = cli_json_report(report);
    cli_json_set(finding, "unproven", json_boolean(report->unproven));
    cli_json_set(finding, "era", report->has_era ? cli_json_u64(report->era) : json_null());
    cli_json_set(finding, "expected", text_or_null(report->expected));
    cli_json_set(finding, "found", text_or_null(report->found));
    cli_json_append(v->findings, finding);
    return 0;
}

static void on_progress(const char *path, uint64_t done, uint64_t total, uint64_t bytes, void *payload)
{
    const verification *v = payload;

    cli_progress(v->call->out, path, done, total, bytes);
}

static void print_input(const cask_verified *input)
{
    printf("%s: %s, %llu bytes checked", input->path, input->findings == 0 ? "ok" : "corrupt",
           (unsigned long long)input->bytes);
    if (input->findings > 0)
        printf(", damaged places: %llu", (unsigned long long)input->findings);
    if (input->notes > 0)
        printf(", places to heal: %llu", (unsigned long long)input->notes);
    if (input->unproven > 0)
        printf(", unproven: %llu", (unsigned long long)input->unproven);
    putchar('\n');
}

static void on_verified(const cask_verified *input, void *payload)
{
    verification *v = payload;
    json_t *document;

    cli_progress_end(v->call->out);
    if (!v->call->out->json) {
        print_input(input);
        return;
    }
    document = cli_json_object();
    cli_json_set(document, "path", cli_json_text(input->path));
    cli_json_set(document, "kind", cli_json_text(v->kind));
    cli_json_set(document, "bytes", cli_json_u64(input->bytes));
    cli_json_set(document, "corrupt", cli_json_u64(input->findings));
    cli_json_set(document, "notes", cli_json_u64(input->notes));
    cli_json_set(document, "unproven", cli_json_u64(input->unproven));
    cli_json_append(v->inputs, document);
}

/* ---- The summary -------------------------------------------------------------------------------------------- */

static void print_chain(const verification *v, const cask_verify_result *result)
{
    if (v->options.level < CASK_VERIFY_ROOTS || result->eras == 0)
        return;
    printf("eras: %llu, blocks: %llu, ", (unsigned long long)result->eras, (unsigned long long)result->blocks);
    if (result->pruned > 0)
        printf("pruned: %llu, ", (unsigned long long)result->pruned);
    if (v->options.trusted_root == NULL)
        puts("proven: nothing, no trusted root was given");
    else if (result->proven_from == CASK_NO_SLOT)
        puts("proven: nothing");
    else
        printf("proven: slots %llu to %llu\n", (unsigned long long)result->proven_from,
               (unsigned long long)result->proven_to);
}

static void end_chain(verification *v, const cask_verify_result *result)
{
    json_t *document;

    v->corrupt += result->findings;
    if (!v->call->out->json) {
        print_chain(v, result);
        return;
    }
    document = cli_json_object();
    cli_json_set(document, "kind", cli_json_text(v->kind));
    cli_json_set(document, "eras", cli_json_u64(result->eras));
    cli_json_set(document, "blocks", cli_json_u64(result->blocks));
    cli_json_set(document, "pruned", cli_json_u64(result->pruned));
    cli_json_set(document, "unproven", cli_json_u64(result->unproven));
    cli_json_set(document, "proven_from", cli_json_u64_or_null(result->proven_from));
    cli_json_set(document, "proven_to", cli_json_u64_or_null(result->proven_to));
    cli_json_append(v->chains, document);
}

static void print_document(const verification *v)
{
    json_t *document = cli_json_object();

    cli_json_set(document, "corrupt", cli_json_u64(v->corrupt));
    cli_json_set(document, "inputs", json_incref(v->inputs));
    cli_json_set(document, "chains", json_incref(v->chains));
    cli_json_set(document, "findings", json_incref(v->findings));
    cli_json_print(document);
}

/* ---- Inputs ------------------------------------------------------------------------------------------------- */

static int verify_archive(verification *v, cask_archive *archive, const char *path)
{
    cask_verify_result result;

    v->kind = "archive";
    if (cask_verify_archive(&result, archive, path, &v->options, on_finding, v) < 0)
        return cli_fail(v->call->out);
    end_chain(v, &result);
    return CLI_DONE;
}

static int verify_files(verification *v, const cli_paths *files)
{
    cask_verify_result result;

    v->kind = "era";
    if (files->count == 0)
        return CLI_DONE;
    if (cask_verify_files(&result, (const char *const *)files->path, files->count, &v->options, on_finding, v) < 0)
        return cli_fail(v->call->out);
    end_chain(v, &result);
    return CLI_DONE;
}

/* Archives are verified as they come; era files are gathered, for they are one set. */
static int take_operand(verification *v, cli_paths *files, const char *operand)
{
    cask_archive *archive = NULL;
    int status = cli_try_archive(v->call->out, &archive, operand);

    if (status == CLI_DONE && archive != NULL)
        status = verify_archive(v, archive, operand);
    else if (status == CLI_DONE)
        status = cli_add_era_files(v->call->out, files, operand);
    cask_archive_close(archive);
    return status;
}

static int verify_operands(verification *v)
{
    cli_paths files = CLI_PATHS_INIT;
    int status = CLI_DONE;

    cli_progress_begin(v->call->out);
    for (int i = 0; status == CLI_DONE && i < v->call->operand_count; i++)
        status = take_operand(v, &files, v->call->operands[i]);
    if (status == CLI_DONE)
        status = verify_files(v, &files);
    cli_progress_end(v->call->out);
    cli_paths_dispose(&files);
    return status;
}

static int parse_options(cli_call *call, cask_verify_options *options, uint8_t root[32])
{
    static const char *const levels[] = { "bytes", "roots", "signatures", NULL };
    unsigned level = 1;
    int status = cli_parse_choice(call, CLI_OPT_LEVEL, levels, &level);

    if (status == CLI_DONE)
        status = cli_parse_jobs(call, &options->jobs);
    if (status == CLI_DONE && cli_given(call, CLI_OPT_TRUSTED_ROOT)) {
        status = cli_parse_trusted_root(call, root, &options->trusted_slot);
        options->trusted_root = root;
    }
    options->level = (cask_verify_level)(CASK_VERIFY_BYTES + level);
    if (status == CLI_DONE && options->trusted_root != NULL && options->level < CASK_VERIFY_ROOTS)
        status = cli_fail_usage(call->out, call->command->name, "--trusted-root needs --level roots");
    return status;
}

static int run(cli_call *call)
{
    verification v = { .call = call, .options = CASK_VERIFY_OPTIONS_INIT };
    cask_network *network = NULL;
    uint8_t root[32];
    int status = parse_options(call, &v.options, root);

    if (status == CLI_DONE)
        status = cli_load_network(call->out, &network, call->value[CLI_OPT_NETWORK]);
    if (status != CLI_DONE)
        return status;
    v.options.network = network;
    v.options.progress = on_progress;
    v.options.verified = on_verified;
    v.findings = cli_json_array();
    v.inputs = cli_json_array();
    v.chains = cli_json_array();
    status = verify_operands(&v);
    if (status == CLI_DONE && call->out->json)
        print_document(&v);
    json_decref(v.findings);
    json_decref(v.inputs);
    json_decref(v.chains);
    cask_network_free(network);
    return status == CLI_DONE && v.corrupt > 0 ? CLI_CORRUPT : status;
}

const cli_command cmd_verify = {
    .name = "verify",
    .operands = "ARCHIVE|ERA|FOLDER...",
    .summary = "check archives and era files, down to a trusted root",
    .about = "Check archives, era files and folders of these, offline, and list each thing wrong on\n"
             "standard error; damage makes the exit code 1. Levels, each with those before it:\n"
             "  bytes       structure, bounds, checksums, names, slots, the shape of blocks and states\n"
             "  roots       every block and state by its hash tree root, and the links between eras\n"
             "  signatures  every proposer signature\n"
             "What is not wrong but cannot be proven is listed as unproven, and does not change the exit\n"
             "code: --trusted-root anchors the newest era given, and with it all eras before it. Era\n"
             "files need their network (--network, or a built-in one by the name of the file).\n"
             "What a crash left, which heal mends, is listed as a note. Nothing is changed. With --json\n"
             "each of the findings has the fields word, file, era, slot, offset, message, expected,\n"
             "found, corrupt and unproven.",
    .example = "slotcask verify history --jobs 4",
    .options = CLI_TAKES(CLI_OPT_NETWORK) | CLI_TAKES(CLI_OPT_LEVEL) | CLI_TAKES(CLI_OPT_TRUSTED_ROOT) |
               CLI_TAKES(CLI_OPT_JOBS),
    .operands_least = 1,
    .operands_most = -1,
    .run = run,
};
