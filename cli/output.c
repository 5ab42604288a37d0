#include "output.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BAR_WIDTH 24

void cli_output_init(cli_output *out, bool json, bool quiet)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    bool is_terminal = isatty(STDERR_FILENO) == 1;

    memset(out, 0, sizeof *out);
    out->json = json;
    out->quiet = quiet;
    out->colour = is_terminal && (no_colour == NULL || *no_colour == '\0') &&
                  terminal != NULL && strcmp(terminal, "dumb") != 0;
    out->show_progress = is_terminal && !quiet && !json;
}

int cli_exit_code(int code)
{
    switch (code) {
    case CASK_OK:
        return CLI_DONE;
    case CASK_E_CORRUPT:
        return CLI_CORRUPT;
    case CASK_E_INVALID:
        return CLI_USAGE;
    case CASK_E_NOTFOUND:
    case CASK_E_PRUNED:
        return CLI_NOT_FOUND;
    case CASK_E_WRONG_NETWORK:
    case CASK_E_CONFLICT:
    case CASK_E_REFUSED:
        return CLI_REFUSED;
    default:
        return CLI_SYSTEM;
    }
}

/* ---- Lines on stderr ---- */

static void clear_bar(cli_output *out)
{
    if (out->bar_drawn)
        fputs("\r\033[K", stderr);
    out->bar_drawn = false;
}

static void print_label(cli_output *out, const char *colour, const char *label)
{
    clear_bar(out);
    if (out->colour)
        fprintf(stderr, "\033[%sm%s\033[0m ", colour, label);
    else
        fprintf(stderr, "%s ", label);
}

static void print_place(const char *file, uint64_t offset, uint64_t slot)
{
    const char *lead = " (";

    if (*file != '\0') {
        fprintf(stderr, "%sfile %s", lead, file);
        lead = ", ";
    }
    if (offset != UINT64_MAX) {
        fprintf(stderr, "%soffset %llu", lead, (unsigned long long)offset);
        lead = ", ";
    }
    if (slot != CASK_NO_SLOT) {
        fprintf(stderr, "%sslot %llu", lead, (unsigned long long)slot);
        lead = ", ";
    }
    if (*lead == ',')
        fputc(')', stderr);
}

/* What to do next, where the message leaves that open. */
static const char *default_step(int code)
{
    switch (code) {
    case CASK_E_CORRUPT:
        return "restore it from a good copy";
    case CASK_E_INVALID:
        return "check the arguments";
    case CASK_E_NOTFOUND:
        return "'slotcask stat' shows what an archive holds";
    case CASK_E_PRUNED:
        return "'slotcask prune --forget' lets it be put again";
    default:
        return NULL;
    }
}

/* A message says what, and behind "; " what to do next: the place goes between the two. */
static void print_message(int code, const char *message, const char *file, uint64_t offset, uint64_t slot)
{
    const char *split = strstr(message, "; ");
    const char *next = split == NULL ? default_step(code) : split + 2;

    fprintf(stderr, "%.*s", split == NULL ? (int)strlen(message) : (int)(split - message), message);
    print_place(file, offset, slot);
    if (next != NULL)
        fprintf(stderr, ": %s", next);
    fputc('\n', stderr);
}

static void print_error_json(const char *name, int exit_code, const cask_error *error)
{
    json_t *document = cli_json_object();
    json_t *body = cli_json_object();

    cli_json_set(body, "code", cli_json_text(name));
    cli_json_set(body, "exit", cli_json_u64((uint64_t)exit_code));
    cli_json_set(body, "word", *error->word == '\0' ? json_null() : cli_json_text(error->word));
    cli_json_set(body, "message", cli_json_text(error->message));
    cli_json_set(body, "file", *error->file == '\0' ? json_null() : cli_json_text(error->file));
    cli_json_set(body, "offset", cli_json_u64_or_null(error->offset));
    cli_json_set(body, "slot", cli_json_u64_or_null(error->slot));
    cli_json_set(body, "errno", error->system_errno == 0 ? json_null() : cli_json_u64((uint64_t)error->system_errno));
    cli_json_set(document, "error", body);
    cli_json_print(document);
}

static int report_error(cli_output *out, const char *name, int exit_code, const cask_error *error)
{
    if (out->json) {
        print_error_json(name, exit_code, error);
    } else {
        print_label(out, "31", "slotcask:");
        print_message(error->code, error->message, error->file, error->offset, error->slot);
    }
    return exit_code;
}

static cask_error own_error(int code, const char *file)
{
    cask_error error;

    memset(&error, 0, sizeof error);
    error.code = code;
    error.slot = CASK_NO_SLOT;
    error.offset = UINT64_MAX;
    error.word = "";
    if (file != NULL)
        snprintf(error.file, sizeof error.file, "%s", file);
    return error;
}

int cli_fail_at(cli_output *out, const char *file, uint64_t slot)
{
    cask_error error = *cask_error_last();

    if (file != NULL && *error.file == '\0')
        snprintf(error.file, sizeof error.file, "%s", file);
    if (error.slot == CASK_NO_SLOT)
        error.slot = slot;
    return report_error(out, cask_code_name(error.code), cli_exit_code(error.code), &error);
}

int cli_fail(cli_output *out)
{
    return cli_fail_at(out, NULL, CASK_NO_SLOT);
}

int cli_fail_with(cli_output *out, int code, const char *file, const char *format, ...)
{
    cask_error error = own_error(code, file);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(error.message, sizeof error.message, format, arguments);
    va_end(arguments);
    return report_error(out, cask_code_name(code), cli_exit_code(code), &error);
}

static int code_of_errno(int system_errno)
{
    switch (system_errno) {
    case ENOENT:
        return CASK_E_NOTFOUND;
    case ENOSPC:
    case EDQUOT:
        return CASK_E_NOSPC;
    case ENOMEM:
        return CASK_E_NOMEM;
    default:
        return CASK_E_IO;
    }
}

int cli_fail_stdio(cli_output *out, int system_errno, const char *file, const char *act)
{
    int code = code_of_errno(system_errno);
    cask_error error = own_error(code, file);

    error.system_errno = system_errno;
    snprintf(error.message, sizeof error.message, "cannot %s: %s; see to that and run the command again", act,
             strerror(system_errno));
    return report_error(out, cask_code_name(code), cli_exit_code(code), &error);
}

int cli_fail_usage(cli_output *out, const char *command, const char *format, ...)
{
    cask_error error = own_error(CASK_E_INVALID, NULL);
    char reason[400];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    snprintf(error.message, sizeof error.message, "%s; see 'slotcask%s%s --help'", reason, command == NULL ? "" : " ",
             command == NULL ? "" : command);
    return report_error(out, "usage", CLI_USAGE, &error);
}

void cli_note(cli_output *out, const char *format, ...)
{
    va_list arguments;

    if (out->quiet || out->json)
        return;
    print_label(out, "1", "slotcask:");
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

void cli_finding(cli_output *out, const cask_report *report)
{
    if (out->json || (out->quiet && !report->corrupt))
        return;
    if (report->unproven)
        print_label(out, "33", "slotcask: unproven:");
    else
        print_label(out, report->corrupt ? "31" : "1", report->corrupt ? "slotcask: corrupt:" : "slotcask: note:");
    if (!report->unproven)
        fprintf(stderr, "%s: ", report->what);
    if (report->has_era)
        fprintf(stderr, "era %llu: ", (unsigned long long)report->era);
    print_message(CASK_OK, report->message, report->file == NULL ? "" : report->file, report->offset, report->slot);
    if (report->expected != NULL)
        fprintf(stderr, "  expected %s\n", report->expected);
    if (report->found != NULL)
        fprintf(stderr, "  found    %s\n", report->found);
}

/* ---- Progress ---- */

double cli_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Leave a clean line behind, then die as if there were no handler. */
static void on_deadly_signal(int number)
{
    static const char clear[] = "\r\033[K";
    ssize_t ignored = write(STDERR_FILENO, clear, sizeof clear - 1);

    (void)ignored;
    raise(number);
}

void cli_progress_begin(cli_output *out)
{
    struct sigaction action;

    out->bar_begun = cli_now();
    out->bar_updated = 0;
    if (!out->show_progress)
        return;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_deadly_signal;
    action.sa_flags = (int)SA_RESETHAND;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

void cli_progress(cli_output *out, const char *what, uint64_t done, uint64_t total, uint64_t bytes)
{
    const char *slash = strrchr(what, '/');
    char bar[BAR_WIDTH + 1];
    double now = cli_now();
    double seconds = now - out->bar_begun;
    double part = total == 0 ? 0 : (double)done / (double)total;
    int filled;

    if (!out->show_progress || now - out->bar_updated < 0.1)
        return;
    out->bar_updated = now;
    part = part > 1 ? 1 : part;
    filled = (int)(part * BAR_WIDTH);
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', (size_t)filled);
    bar[BAR_WIDTH] = '\0';
    fprintf(stderr, "\r\033[K[%s] %3d%%  %.1f MB/s", bar, (int)(part * 100),
            seconds > 0 ? (double)bytes / 1e6 / seconds : 0.0);
    if (part > 0) {
        unsigned left = (unsigned)(seconds * (1 - part) / part);
        fprintf(stderr, "  %u:%02u left", left / 60, left % 60);
    }
    fprintf(stderr, "  %.40s", slash == NULL ? what : slash + 1);
    fflush(stderr);
    out->bar_drawn = true;
}

void cli_progress_end(cli_output *out)
{
    clear_bar(out);
}

/* ---- JSON ---- */

static json_t *checked(json_t *value)
{
    if (value == NULL) {
        puts("{\"error\":{\"code\":\"nomem\",\"exit\":3,\"word\":null,\"message\":\"out of memory\",\"file\":null,"
             "\"offset\":null,\"slot\":null,\"errno\":null}}");
        exit(CLI_SYSTEM);
    }
    return value;
}

json_t *cli_json_text(const char *text)
{
    json_t *value = json_string(text);
    char *plain;

    if (value != NULL)
        return value;
    plain = strdup(text);
    for (char *at = plain; at != NULL && *at != '\0'; at++)
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    value = plain == NULL ? NULL : json_string(plain);
    free(plain);
    return checked(value);
}

json_t *cli_json_u64(uint64_t value)
{
    char text[24];

    if (value <= INT64_MAX)
        return checked(json_integer((json_int_t)value));
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    return checked(json_string(text));
}

json_t *cli_json_u64_or_null(uint64_t value)
{
    return value == UINT64_MAX ? json_null() : cli_json_u64(value);
}

json_t *cli_json_hex(const void *data, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = data;
    char *text = size > SIZE_MAX / 2 - 1 ? NULL : malloc(2 * size + 1);
    json_t *value;

    for (size_t i = 0; text != NULL && i < size; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    value = text == NULL ? NULL : json_stringn_nocheck(text, 2 * size);
    free(text);
    return checked(value);
}

json_t *cli_json_report(const cask_report *report)
{
    json_t *value = cli_json_object();

    cli_json_set(value, "word", cli_json_text(report->what));
    cli_json_set(value, "file", report->file == NULL || *report->file == '\0' ? json_null()
                                                                              : cli_json_text(report->file));
    cli_json_set(value, "slot", cli_json_u64_or_null(report->slot));
    cli_json_set(value, "offset", cli_json_u64_or_null(report->offset));
    cli_json_set(value, "message", cli_json_text(report->message));
    cli_json_set(value, "corrupt", json_boolean(report->corrupt));
    return value;
}

json_t *cli_json_object(void)
{
    return checked(json_object());
}

json_t *cli_json_array(void)
{
    return checked(json_array());
}

void cli_json_set(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0)
        checked(NULL);
}

void cli_json_append(json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0)
        checked(NULL);
}

void cli_json_print(json_t *document)
{
    json_dumpf(document, stdout, JSON_COMPACT); /* a failure shows in cli_finish() */
    putchar('\n');
    json_decref(document);
}

/* ---- Data ---- */

/* Not /dev/full and its like. */
static void remove_regular(FILE *file, const char *path)
{
    struct stat about;

    if (fstat(fileno(file), &about) == 0 && S_ISREG(about.st_mode))
        remove(path);
}

/* Opening a FIFO would wait for its other end; what a shell has put into /dev/fd is open there already. */
static bool is_fifo(const char *path)
{
    struct stat about;

    return strncmp(path, "/dev/", 5) != 0 && stat(path, &about) == 0 && S_ISFIFO(about.st_mode);
}

int cli_write(cli_output *out, const char *path, const void *data, size_t size)
{
    FILE *file;
    int failed = 0;

    if (path != NULL && is_fifo(path))
        return cli_fail_with(out, CASK_E_INVALID, path, "a FIFO, not a file; write to standard output and pipe that");
    file = path == NULL ? stdout : fopen(path, "wb");
    if (file == NULL)
        return cli_fail_stdio(out, errno, path, "open the file");
    if ((size > 0 && fwrite(data, 1, size, file) != size) || fflush(file) != 0) {
        failed = errno;
        if (path != NULL)
            remove_regular(file, path);
    }
    if (path != NULL && fclose(file) != 0 && failed == 0) {
        failed = errno;
        remove(path);
    }
    if (failed != 0)
        return cli_fail_stdio(out, failed, path, path == NULL ? "write to standard output" : "write the file");
    return CLI_DONE;
}

int cli_finish(cli_output *out, int exit_code)
{
    bool failed_before = ferror(stdout) != 0;
    bool reported = exit_code == CLI_SYSTEM && !out->json; /* perhaps this very failure */
    int failed = fclose(stdout) != 0 ? errno : 0;

    if (!failed_before && failed == 0)
        return exit_code;
    out->json = false;
    if (reported)
        return exit_code;
    if (failed == 0)
        return cli_fail_with(out, CASK_E_IO, NULL, "cannot write to standard output; run the command again");
    return cli_fail_stdio(out, failed, NULL, "write to standard output");
}
