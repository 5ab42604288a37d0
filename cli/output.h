/*
 * What the command says: data and JSON documents on stdout, everything else on stderr, and the exit code.
 *
 * Functions that report a failure return the exit code for it, so that a subcommand can end with
 * `return cli_fail(out);`. With --json a failure is one document {"error": {...}} on stdout instead of a line.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "slotcask/archive.h"

/* Exit codes; part of the command's interface. */
enum {
    CLI_DONE = 0,
    CLI_CORRUPT = 1,   /* data failed verification or is corrupt */
    CLI_USAGE = 2,     /* the command line is wrong */
    CLI_SYSTEM = 3,    /* I/O, no space, no memory, busy, unsupported */
    CLI_NOT_FOUND = 4, /* no such record, column, archive or file */
    CLI_REFUSED = 5    /* another network, conflicting value, backfill not allowed */
};

typedef struct cli_output {
    bool json;
    bool quiet;
    bool colour;        /* stderr is a terminal that wants it */
    bool show_progress; /* stderr is a terminal, and neither --quiet nor --json */
    bool bar_drawn;     /* the last line of the terminal is a progress bar */
    double bar_begun;   /* seconds, monotonic */
    double bar_updated;
} cli_output;

/* To be called again when more is known. */
void cli_output_init(cli_output *out, bool json, bool quiet);

/* The exit code for a cask_code. */
int cli_exit_code(int code);

/* Report the last failure of the library; with a place where it gave none (file may be NULL, slot CASK_NO_SLOT). */
int cli_fail(cli_output *out);
int cli_fail_at(cli_output *out, const char *file, uint64_t slot);
/* Report a failure of the command's own. `format`: what; and what to do next. `file` may be NULL. */
int cli_fail_with(cli_output *out, int code, const char *file, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Report that standard input or output, or a file named beside the archive, failed. `act`: "write". */
int cli_fail_stdio(cli_output *out, int system_errno, const char *file, const char *act);
/* Report a wrong command line; `command` may be NULL. */
int cli_fail_usage(cli_output *out, const char *command, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A line on stderr that is no failure; not with --quiet or --json. */
void cli_note(cli_output *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Something found by verify, on stderr: damage always, what a crash left only where a note would be. */
void cli_finding(cli_output *out, const cask_report *report);

/* Seconds on a clock that never jumps. */
double cli_now(void);

/* A progress bar: `done` of `total` units, and the bytes they were; beside it the last part of the path `what`.
 * Shown at most ten times a second. */
void cli_progress_begin(cli_output *out);
void cli_progress(cli_output *out, const char *what, uint64_t done, uint64_t total, uint64_t bytes);
void cli_progress_end(cli_output *out);

/*
 * JSON. Running out of memory in these ends the process with CLI_SYSTEM: nothing is lost by it, the store is safe
 * against crashes.
 */
json_t *cli_json_text(const char *text);             /* bytes that are no UTF-8 become '?' */
json_t *cli_json_u64(uint64_t value);                /* above 2^63 - 1, which JSON readers garble: a string */
json_t *cli_json_u64_or_null(uint64_t value);        /* UINT64_MAX is null */
json_t *cli_json_hex(const void *data, size_t size); /* lower case, without 0x */
json_t *cli_json_report(const cask_report *report);
json_t *cli_json_object(void);
json_t *cli_json_array(void);
void cli_json_set(json_t *object, const char *key, json_t *value); /* takes `value` over */
void cli_json_append(json_t *array, json_t *value);                /* likewise */
/* Print the one document, and release it. */
void cli_json_print(json_t *document);

/* Write to stdout, or with `path` to that file, which is removed again if that fails. */
int cli_write(cli_output *out, const char *path, const void *data, size_t size);

/* Close stdout; what could not be written there makes the exit code CLI_SYSTEM. */
int cli_finish(cli_output *out, int exit_code);

#endif
