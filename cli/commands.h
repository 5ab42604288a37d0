/* The subcommands, one file each. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "options.h"

extern const cli_command cmd_import;
extern const cli_command cmd_export;
extern const cli_command cmd_get;
extern const cli_command cmd_put;
extern const cli_command cmd_verify;
extern const cli_command cmd_stat;
extern const cli_command cmd_gaps;
extern const cli_command cmd_heal;
extern const cli_command cmd_prune;
extern const cli_command cmd_compact;
extern const cli_command cmd_rebuild;
extern const cli_command cmd_upgrade;
extern const cli_command cmd_index;
extern const cli_command cmd_era;

#endif
