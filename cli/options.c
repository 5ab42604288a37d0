#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOBS_MAX 256u
#define ZSTD_LEVEL_MAX 22u
#define LONG_BASE 256 /* getopt's values for long options; below are letters */

typedef struct option_spec {
    const char *name;
    char letter;          /* 0: none */
    const char *argument; /* NULL: a flag; in [] if it may be left out */
    const char *help;
} option_spec;

static const option_spec specs[CLI_OPT_COUNT] = {
    [CLI_OPT_OUTPUT] = { "output", 'o', "FILE", "write the data to FILE, not to standard output" },
    [CLI_OPT_STORED] = { "stored", 0, NULL, "the bytes as they are stored, not decoded" },
    [CLI_OPT_NETWORK] = { "network", 0, "NAME|FILE", "a built-in network, or the path of its config.yaml" },
    [CLI_OPT_CODEC] = { "codec", 0, "CODEC", "how values are stored: none, snappy, zstd or zstd:LEVEL" },
    [CLI_OPT_FORMAT] = { "format", 0, "2|3|4", "format version of a column that is made now (4)" },
    [CLI_OPT_VERIFY] = { "verify", 0, "LEVEL",
                         "check each era before it is committed: none, bytes, roots (the default) or signatures" },
    [CLI_OPT_LEVEL] = { "level", 0, "LEVEL", "how much is checked: bytes, roots (the default) or signatures" },
    [CLI_OPT_TRUSTED_ROOT] = { "trusted-root", 0, "0x..[@SLOT]",
                               "a state or block root in the newest era that is known to be right" },
    [CLI_OPT_ERAS] = { "eras", 0, "A|A-B|A+", "these eras only; A+: all from A on" },
    [CLI_OPT_JOBS] = { "jobs", 'j', "N", "threads to work with (1)" },
    [CLI_OPT_ALLOW_BACKFILL] = { "allow-backfill", 0, NULL, "let skipped slots be filled in, from now on" },
    [CLI_OPT_REFILL] = { "refill", 0, NULL, "fill pruned slots, too; it lets skipped slots be filled in as well" },
    [CLI_OPT_DRY_RUN] = { "dry-run", 'n', NULL, "say what would be done, and change nothing" },
    [CLI_OPT_BEFORE] = { "before", 0, "SLOT", "all slots below this one" },
    [CLI_OPT_SLOTS] = { "slots", 0, "A|A-B|A+", "these slots, both included; A+: all from A on" },
    [CLI_OPT_FORGET] = { "forget", 0, NULL, "forget that the slots were pruned: they can be filled again" },
    [CLI_OPT_FILES] = { "files", 0, "A|A-B|A+", "these data files only, by their numbers" },
    [CLI_OPT_TO] = { "to", 0, "3|4", "the format version to change to (4)" },
    [CLI_OPT_RECORDS] = { "records", 'l', NULL, "list each record too" },
    [CLI_OPT_SLOT] = { "slot", 0, "SLOT", "the block of this slot only" },
    [CLI_OPT_STATE] = { "state", 0, NULL, "the state of each group only" },
    [CLI_OPT_MAP] = { "map", 0, "[=FILE.svg]", "draw what each column has, a cell for each data file" },
    [CLI_OPT_JSON] = { "json", 0, NULL, "one JSON document on standard output" },
    [CLI_OPT_QUIET] = { "quiet", 'q', NULL, "no notes and no progress, only errors" },
    [CLI_OPT_HELP] = { "help", 'h', NULL, "this text" },
    [CLI_OPT_VERSION] = { "version", 0, NULL, "the version" },
};

static uint32_t taken(const cli_command *command)
{
    return command->options | CLI_TAKES_COMMON;
}

/* ---- Parsing ---- */

/* getopt's two tables, for the options of one command. */
typedef struct getopt_tables {
    char letters[2 * CLI_OPT_COUNT + 2];
    struct option longs[CLI_OPT_COUNT + 1];
} getopt_tables;

static int kind_of_argument(const option_spec *spec)
{
    if (spec->argument == NULL)
        return no_argument;
    return *spec->argument == '[' ? optional_argument : required_argument;
}

static void fill_tables(getopt_tables *tables, const cli_command *command)
{
    char *letter = tables->letters;
    struct option *entry = tables->longs;

    memset(tables, 0, sizeof *tables);
    *letter++ = ':';
    for (int id = 0; id < CLI_OPT_COUNT; id++) {
        if ((taken(command) & CLI_TAKES(id)) == 0)
            continue;
        entry->name = specs[id].name;
        entry->has_arg = kind_of_argument(&specs[id]);
        entry->val = LONG_BASE + id;
        entry++;
        if (specs[id].letter == 0)
            continue;
        *letter++ = specs[id].letter;
        if (specs[id].argument != NULL)
            *letter++ = ':';
    }
}

static int option_of(int found)
{
    if (found >= LONG_BASE)
        return found - LONG_BASE;
    for (int id = 0; id < CLI_OPT_COUNT; id++)
        if (specs[id].letter != 0 && specs[id].letter == found)
            return id;
    return -1;
}

static int fail_option(cli_call *call, int found, const char *argument)
{
    const char *name = call->command->name;

    if (found == ':')
        return cli_fail_usage(call->out, name, "option '%s' needs an argument", argument);
    if (optopt >= LONG_BASE)
        return cli_fail_usage(call->out, name, "option '--%s' takes no argument", specs[optopt - LONG_BASE].name);
    if (optopt != 0)
        return cli_fail_usage(call->out, name, "unknown option '-%c'", optopt);
    return cli_fail_usage(call->out, name, "unknown option '%s'", argument);
}

static int check_operands(cli_call *call)
{
    const cli_command *command = call->command;

    if (call->operand_count < command->operands_least)
        return cli_fail_usage(call->out, command->name, "too few arguments, expected: %s", command->operands);
    if (command->operands_most >= 0 && call->operand_count > command->operands_most)
        return cli_fail_usage(call->out, command->name, "unexpected argument '%s'",
                              call->operands[command->operands_most]);
    return CLI_DONE;
}

int cli_parse(cli_call *call, int argc, char **argv)
{
    getopt_tables tables;
    int found;

    fill_tables(&tables, call->command);
    opterr = 0;
    optind = 1;
    while ((found = getopt_long(argc, argv, tables.letters, tables.longs, NULL)) != -1) {
        if (found == '?' || found == ':')
            return fail_option(call, found, argv[optind - 1]);
        call->value[option_of(found)] = optarg == NULL ? "" : optarg;
    }
    call->operands = argv + optind;
    call->operand_count = argc - optind;
    if (cli_given(call, CLI_OPT_HELP) || cli_given(call, CLI_OPT_VERSION))
        return CLI_DONE;
    return check_operands(call);
}

static bool parse_digits(const char *text, uint64_t *value_out)
{
    uint64_t value = 0;

    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || __builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
            return false;
    }
    *value_out = value;
    return true;
}

int cli_parse_u64(cli_call *call, const char *what, const char *text, uint64_t *value_out)
{
    if (parse_digits(text, value_out))
        return CLI_DONE;
    return cli_fail_usage(call->out, call->command->name, "%s must be a decimal number below 2^64, not '%s'", what,
                          text);
}

static int fail_choice(cli_call *call, cli_option_id id, const char *const *choices)
{
    char list[128] = "";
    size_t used = 0;

    for (unsigned i = 0; choices[i] != NULL; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i == 0 ? "" : "|", choices[i]);
    return cli_fail_usage(call->out, call->command->name, "--%s must be %s, not '%s'", specs[id].name, list,
                          call->value[id]);
}

int cli_parse_choice(cli_call *call, cli_option_id id, const char *const *choices, unsigned *index_out)
{
    const char *value = call->value[id];

    if (value == NULL)
        return CLI_DONE;
    for (unsigned i = 0; choices[i] != NULL; i++) {
        if (strcmp(value, choices[i]) == 0) {
            *index_out = i;
            return CLI_DONE;
        }
    }
    return fail_choice(call, id, choices);
}

int cli_parse_codec(cli_call *call, uint8_t *codec, int *level)
{
    const char *value = call->value[CLI_OPT_CODEC];
    uint64_t number = 0;

    if (value == NULL)
        return CLI_DONE;
    *level = 0;
    if (strcmp(value, "none") == 0) {
        *codec = CASK_CODEC_NONE;
    } else if (strcmp(value, "snappy") == 0) {
        *codec = CASK_CODEC_SNAPPY;
    } else if (strcmp(value, "zstd") == 0) {
        *codec = CASK_CODEC_ZSTD;
    } else if (strncmp(value, "zstd:", 5) == 0 && parse_digits(value + 5, &number) && number >= 1 &&
               number <= ZSTD_LEVEL_MAX) {
        *codec = CASK_CODEC_ZSTD;
        *level = (int)number;
    } else {
        return cli_fail_usage(call->out, call->command->name,
                              "--codec must be none, snappy, zstd or zstd:1 to zstd:%u, not '%s'", ZSTD_LEVEL_MAX,
                              value);
    }
    return CLI_DONE;
}

static int hex_digit(char digit)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = digit == '\0' ? NULL : strchr(digits, digit >= 'A' && digit <= 'F' ? digit + ('a' - 'A') : digit);

    return at == NULL ? -1 : (int)(at - digits);
}

/* The root that `text` begins with. What is behind it; NULL: there is none. */
static const char *parse_root(uint8_t root[32], const char *text)
{
    if (strncmp(text, "0x", 2) != 0)
        return NULL;
    text += 2;
    for (size_t i = 0; i < 32; i++) {
        int high = hex_digit(text[2 * i]), low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);

        if (low < 0)
            return NULL;
        root[i] = (uint8_t)(high << 4 | low);
    }
    return text + 64;
}

int cli_parse_root(cli_call *call, const char *what, const char *text, uint8_t root[32])
{
    const char *rest = parse_root(root, text);

    if (rest != NULL && *rest == '\0')
        return CLI_DONE;
    return cli_fail_usage(call->out, call->command->name, "%s must be 0x and 64 hexadecimal digits, not '%s'", what,
                          text);
}

int cli_parse_trusted_root(cli_call *call, uint8_t root[32], uint64_t *slot_out)
{
    const char *value = call->value[CLI_OPT_TRUSTED_ROOT];
    const char *rest = parse_root(root, value);

    *slot_out = CASK_NO_SLOT;
    if (rest != NULL &&
        (*rest == '\0' || (*rest == '@' && parse_digits(rest + 1, slot_out) && *slot_out != CASK_NO_SLOT)))
        return CLI_DONE;
    return cli_fail_usage(call->out, call->command->name,
                          "--trusted-root must be 0x and 64 hexadecimal digits, and may end in @SLOT, not '%s'", value);
}

int cli_parse_range(cli_call *call, cli_option_id id, uint64_t *first_out, uint64_t *last_out)
{
    const char *value = call->value[id];
    char first[24];
    size_t size;

    *first_out = 0;
    *last_out = UINT64_MAX;
    if (value == NULL)
        return CLI_DONE;
    size = strspn(value, "0123456789");
    snprintf(first, sizeof first, "%.*s", (int)(size < sizeof first ? size : sizeof first - 1), value);
    if (!parse_digits(first, first_out) || size >= sizeof first)
        goto wrong;
    if (strcmp(value + size, "+") == 0)
        return CLI_DONE;
    *last_out = *first_out;
    if (value[size] == '\0' || (value[size] == '-' && parse_digits(value + size + 1, last_out) &&
                                *last_out >= *first_out))
        return CLI_DONE;
wrong:
    return cli_fail_usage(call->out, call->command->name,
                          "--%s must be a number, two with '-' between them, or one with '+' behind it, not '%s'",
                          specs[id].name, value);
}

int cli_parse_jobs(cli_call *call, unsigned *jobs_out)
{
    const char *value = call->value[CLI_OPT_JOBS];
    uint64_t number = 1;

    if (value != NULL && (!parse_digits(value, &number) || number < 1 || number > JOBS_MAX))
        return cli_fail_usage(call->out, call->command->name, "--jobs must be a number from 1 to %u, not '%s'",
                              JOBS_MAX, value);
    *jobs_out = (unsigned)number;
    return CLI_DONE;
}

/* ---- Help ---- */

static void write_options(FILE *to, uint32_t options)
{
    for (int id = 0; id < CLI_OPT_COUNT; id++) {
        const option_spec *spec = &specs[id];
        char left[48];

        if ((options & CLI_TAKES(id)) == 0)
            continue;
        snprintf(left, sizeof left, "--%s%s%s", spec->name, kind_of_argument(spec) == required_argument ? " " : "",
                 spec->argument == NULL ? "" : spec->argument);
        fprintf(to, "  %c%c%c %-22s %s\n", spec->letter == 0 ? ' ' : '-', spec->letter == 0 ? ' ' : spec->letter,
                spec->letter == 0 ? ' ' : ',', left, spec->help);
    }
}

static void write_exit_codes(FILE *to)
{
    fputs("\nExit codes:\n"
          "  0  done\n"
          "  1  data is corrupt or failed verification\n"
          "  2  the command line is wrong\n"
          "  3  the system: I/O, no space, no memory, busy, not supported\n"
          "  4  not found\n"
          "  5  refused: another network, a conflicting value, backfill not allowed\n",
          to);
}

static void write_command_help(FILE *to, const cli_command *command)
{
    fprintf(to, "Usage: slotcask %s %s [options]\n\n%s\n\nOptions:\n", command->name, command->operands,
            command->about);
    write_options(to, taken(command));
    write_exit_codes(to);
    fprintf(to, "\nExample:\n  %s\n", command->example);
}

static void write_help(FILE *to, const cli_command *const *commands)
{
    fputs("Cold storage for beacon-chain history: values by slot, written once, never lost.\n\nUsage:\n", to);
    for (; *commands != NULL; commands++)
        fprintf(to, "  slotcask %-7s %-27s %s\n", (*commands)->name, (*commands)->operands, (*commands)->summary);
    fputs("\nOptions of every command:\n", to);
    write_options(to, CLI_TAKES_COMMON);
    write_exit_codes(to);
    fputs("\n'slotcask COMMAND --help' says more about each.\n", to);
}

/* Text on stdout, or as a document with the one field `key`. */
static void print_text(const char *key, const char *text, bool json)
{
    json_t *document;

    if (!json) {
        fputs(text, stdout);
        return;
    }
    document = cli_json_object();
    cli_json_set(document, key, cli_json_text(text));
    cli_json_print(document);
}

/* One of the two is NULL. */
static void print_help_text(const cli_command *command, const cli_command *const *commands, bool json)
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);

    if (memory == NULL)
        return;
    if (command != NULL)
        write_command_help(memory, command);
    else
        write_help(memory, commands);
    if (fclose(memory) == 0)
        print_text("help", text, json);
    free(text);
}

void cli_print_command_help(const cli_command *command, bool json)
{
    print_help_text(command, NULL, json);
}

void cli_print_help(const cli_command *const *commands, bool json)
{
    print_help_text(NULL, commands, json);
}

void cli_print_version(bool json)
{
    json_t *document;

    if (!json) {
        printf("slotcask %s\n", cask_version());
        return;
    }
    document = cli_json_object();
    cli_json_set(document, "version", cli_json_text(cask_version()));
    cli_json_print(document);
}
