/* Command lines: one table of all options, one parser and one help text for all subcommands. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "output.h"

typedef enum cli_option_id {
    CLI_OPT_OUTPUT,
    CLI_OPT_STORED,
    CLI_OPT_NETWORK,
    CLI_OPT_CODEC,
    CLI_OPT_FORMAT,
    CLI_OPT_VERIFY,
    CLI_OPT_LEVEL,
    CLI_OPT_TRUSTED_ROOT,
    CLI_OPT_ERAS,
    CLI_OPT_JOBS,
    CLI_OPT_ALLOW_BACKFILL,
    CLI_OPT_REFILL,
    CLI_OPT_DRY_RUN,
    CLI_OPT_BEFORE,
    CLI_OPT_SLOTS,
    CLI_OPT_FORGET,
    CLI_OPT_FILES,
    CLI_OPT_TO,
    CLI_OPT_RECORDS,
    CLI_OPT_SLOT,
    CLI_OPT_STATE,
    CLI_OPT_MAP,
    CLI_OPT_JSON,
    CLI_OPT_QUIET,
    CLI_OPT_HELP,
    CLI_OPT_VERSION,
    CLI_OPT_COUNT
} cli_option_id;

#define CLI_TAKES(id) (1u << (id))
/* Taken by every subcommand. */
#define CLI_TAKES_COMMON                                                                                               \
    (CLI_TAKES(CLI_OPT_JSON) | CLI_TAKES(CLI_OPT_QUIET) | CLI_TAKES(CLI_OPT_HELP) | CLI_TAKES(CLI_OPT_VERSION))

struct cli_call;

typedef struct cli_command {
    const char *name;
    const char *operands; /* as the usage line shows them */
    const char *summary;  /* for the list of commands */
    const char *about;    /* what it does, in a paragraph */
    const char *example;
    uint32_t options;     /* CLI_TAKES(...) of its own */
    int operands_least;
    int operands_most;    /* -1: any number */
    int (*run)(struct cli_call *call);
} cli_command;

/* A subcommand as it was called. */
typedef struct cli_call {
    cli_output *out;
    const cli_command *command;
    const char *value[CLI_OPT_COUNT]; /* NULL: not given; "" for a flag that was, or one without its argument */
    char **operands;
    int operand_count;
} cli_call;

/*
 * Parse argv[1] and on for call->command. Returns CLI_DONE, or CLI_USAGE after having reported it. --help and
 * --version are only noted: with them the operands are not counted.
 */
int cli_parse(cli_call *call, int argc, char **argv);

void cli_print_command_help(const cli_command *command, bool json);
/* `commands` ends in NULL. */
void cli_print_help(const cli_command *const *commands, bool json);
void cli_print_version(bool json);

static inline bool cli_given(const cli_call *call, cli_option_id id)
{
    return call->value[id] != NULL;
}

/* Values of arguments. All return CLI_DONE or CLI_USAGE, after having reported it. `what` names the argument. */
int cli_parse_u64(cli_call *call, const char *what, const char *text, uint64_t *value_out);
/* The index of the option's value in `choices` (ends in NULL); *index_out is kept if it was not given. */
int cli_parse_choice(cli_call *call, cli_option_id id, const char *const *choices, unsigned *index_out);
/* --codec; kept if it was not given. */
int cli_parse_codec(cli_call *call, uint8_t *codec, int *level);
/* --trusted-root 0x..[@SLOT]; *slot_out is CASK_NO_SLOT without one. */
int cli_parse_trusted_root(cli_call *call, uint8_t root[32], uint64_t *slot_out);
/* 0x and 64 digits. `what` as above. */
int cli_parse_root(cli_call *call, const char *what, const char *text, uint8_t root[32]);
/* An option A, A-B or A+; 0 to UINT64_MAX if it was not given. */
int cli_parse_range(cli_call *call, cli_option_id id, uint64_t *first_out, uint64_t *last_out);
/* --jobs, 1 if not given. */
int cli_parse_jobs(cli_call *call, unsigned *jobs_out);

#endif
