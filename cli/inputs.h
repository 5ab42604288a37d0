/* What the operands of a subcommand name: archives, era files, networks, files of bytes. */
#ifndef CLI_INPUTS_H
#define CLI_INPUTS_H

#include "output.h"
#include "slotcask/era.h"

/* Paths of era files, owned. */
typedef struct cli_paths {
    char **path;
    size_t count;
    size_t capacity;
} cli_paths;

#define CLI_PATHS_INIT { NULL, 0, 0 }

/* All functions return CLI_DONE or an exit code, after having reported the failure. */

/* The era files at `operand`: itself, or those in the folder. None at all is CLI_NOT_FOUND. */
int cli_add_era_files(cli_output *out, cli_paths *paths, const char *operand);
void cli_paths_dispose(cli_paths *paths);

/* Open an archive that exists; a folder that is none is CLI_NOT_FOUND, and stays untouched. */
int cli_open_archive(cli_output *out, cask_archive **archive_out, const char *path, bool read_only);
/* The same, read-only, for what may be no archive but era files: *archive_out is then NULL. */
int cli_try_archive(cli_output *out, cask_archive **archive_out, const char *path);

/* Names of the columns of an archive, sorted. */
int cli_add_columns(cli_output *out, cli_paths *names, const cask_archive *archive);
/* Report why column `name` did not open: where there is no such column, with the names of those there are. */
int cli_fail_column(cli_output *out, const cask_archive *archive, const char *archive_path, const char *name);

/* The network of option --network (`text`, may be NULL): NULL if not given. */
int cli_load_network(cli_output *out, cask_network **network_out, const char *text);

/* All of a file, or of standard input if `path` is NULL. */
int cli_read_all(cli_output *out, cask_buf *bytes, const char *path);

#endif
