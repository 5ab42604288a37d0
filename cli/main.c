/* slotcask: find the subcommand, and leave with its exit code. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"

#define NAME_MAX_LENGTH 15 /* of a misspelt command that is still compared */

static const cli_command *const commands[] = {
    &cmd_import, &cmd_export, &cmd_get,     &cmd_put,   &cmd_verify, &cmd_stat, &cmd_gaps,
    &cmd_heal,   &cmd_prune,  &cmd_compact, &cmd_rebuild, &cmd_upgrade, &cmd_index, &cmd_era, NULL,
};

/* A file of the archive must never become one of these. Whoever then writes to it is told that it is closed. */
static void occupy_standard_files(void)
{
    for (int file = STDIN_FILENO; file <= STDERR_FILENO; file++)
        if (fcntl(file, F_GETFD) == -1 && open("/dev/null", file == STDIN_FILENO ? O_WRONLY : O_RDONLY) != file)
            _Exit(CLI_SYSTEM);
}

/* How a wrong command line is to be reported, which must be known before it is parsed. */
static bool asks_for(int argc, char **argv, const char *option)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], option) == 0)
            return true;
    return false;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Insertions, deletions and replacements between two short words. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[NAME_MAX_LENGTH + 1];
    unsigned width = (unsigned)strlen(b);

    for (unsigned j = 0; j <= width; j++)
        row[j] = j;
    for (unsigned i = 1; a[i - 1] != '\0'; i++) {
        unsigned diagonal = row[0];

        row[0] = i;
        for (unsigned j = 1; j <= width; j++) {
            unsigned replaced = diagonal + (a[i - 1] != b[j - 1]);

            diagonal = row[j];
            row[j] = least(replaced, least(row[j], row[j - 1]) + 1);
        }
    }
    return row[width];
}

static const cli_command *nearest(const char *name)
{
    const cli_command *best = NULL;
    unsigned best_distance = 3;

    for (size_t i = 0; commands[i] != NULL && strlen(name) <= NAME_MAX_LENGTH; i++) {
        unsigned far = distance(commands[i]->name, name);

        if (far < best_distance) {
            best = commands[i];
            best_distance = far;
        }
    }
    return best;
}

static int fail_unknown(cli_output *out, const char *name)
{
    const cli_command *meant = nearest(name);

    if (meant != NULL)
        return cli_fail_usage(out, NULL, "unknown command '%s' (did you mean '%s'?)", name, meant->name);
    return cli_fail_usage(out, NULL, "unknown command '%s'", name);
}

static int run_command(cli_output *out, const cli_command *command, int argc, char **argv)
{
    cli_call call = { .out = out, .command = command };
    int status = cli_parse(&call, argc, argv);

    if (status != CLI_DONE)
        return status;
    cli_output_init(out, out->json || cli_given(&call, CLI_OPT_JSON), out->quiet || cli_given(&call, CLI_OPT_QUIET));
    if (cli_given(&call, CLI_OPT_HELP)) {
        cli_print_command_help(command, out->json);
        return CLI_DONE;
    }
    if (cli_given(&call, CLI_OPT_VERSION)) {
        cli_print_version(out->json);
        return CLI_DONE;
    }
    return command->run(&call);
}

static int dispatch(cli_output *out, int argc, char **argv)
{
    int at = 1;

    while (at < argc && (strcmp(argv[at], "--json") == 0 || strcmp(argv[at], "--quiet") == 0))
        at++;
    if (at == argc)
        return cli_fail_usage(out, NULL, "no command given");
    if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0) {
        cli_print_help(commands, out->json);
        return CLI_DONE;
    }
    if (strcmp(argv[at], "--version") == 0) {
        cli_print_version(out->json);
        return CLI_DONE;
    }
    for (size_t i = 0; commands[i] != NULL; i++)
        if (strcmp(argv[at], commands[i]->name) == 0)
            return run_command(out, commands[i], argc - at, argv + at);
    return fail_unknown(out, argv[at]);
}

int main(int argc, char **argv)
{
    cli_output out;

    occupy_standard_files();
    signal(SIGPIPE, SIG_IGN); /* a reader that went away is a failed write, with a message and an exit code */
    cli_output_init(&out, asks_for(argc, argv, "--json"), asks_for(argc, argv, "--quiet"));
    return cli_finish(&out, dispatch(&out, argc, argv));
}
