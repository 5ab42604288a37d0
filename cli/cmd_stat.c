#include <stdio.h>

#include "commands.h"
#include "inputs.h"
#include "map.h"

static const char *codec_name(uint8_t codec)
{
    static const char *const names[] = { "none", "snappy", "zstd" };

    return codec < sizeof(names) / sizeof(names[0]) ? names[codec] : "unknown";
}

/* Counts slots between the lowest and the highest record that have none and were not pruned. */
typedef struct skipped_count {
    cask_column *column;
    const cask_column_info *info;
    uint64_t slots;
} skipped_count;

/* A cask_column_file_fn. */
static int leave_out_pruned(const cask_column_file *file, void *payload)
{
    const uint64_t begin = file->file_id * CASK_SLOTS_PER_FILE;
    skipped_count *count = payload;
    uint8_t states[CASK_SLOTS_PER_FILE];

    if (file->pruned == 0)
        return CASK_OK;
    if (cask_column_slots(states, count->column, file->file_id) < 0)
        return cask_error_last()->code;
    for (uint64_t slot = begin; slot < begin + CASK_SLOTS_PER_FILE; slot++)
        count->slots -= states[slot - begin] == CASK_SLOT_PRUNED && slot > count->info->lowest_slot &&
                        slot <= count->info->highest_slot;
    return CASK_OK;
}

static int count_skipped(uint64_t *slots_out, cask_column *column, const cask_column_info *info)
{
    skipped_count count = { column, info, 0 };
    int code = CASK_OK;

    if (info->records > 0) {
        count.slots = info->highest_slot - info->lowest_slot + 1 - info->records;
        code = cask_column_files(column, leave_out_pruned, &count);
    }
    *slots_out = count.slots;
    return code;
}

/* Bytes of the values for one byte stored; 0: not known. */
static double ratio(const cask_column_info *info)
{
    if (info->value_bytes == UINT64_MAX || info->data_bytes == 0)
        return 0;
    return (double)info->value_bytes / (double)info->data_bytes;
}

static const char *slot_text(char text[24], uint64_t slot)
{
    if (slot == CASK_NO_SLOT)
        return "-";
    snprintf(text, 24, "%llu", (unsigned long long)slot);
    return text;
}

static const char *ratio_text(char text[24], const cask_column_info *info)
{
    if (ratio(info) <= 0)
        return "-";
    snprintf(text, 24, "%.2f", ratio(info));
    return text;
}

static void print_row(const char *name, const cask_column_info *info, uint64_t skipped)
{
    char ratio_of[24], lowest[24], highest[24];

    printf("%-16s %6u %-7s %10llu %10llu %8llu %6llu %14llu %6s %11s %11s\n", name, info->format_version,
           codec_name(info->codec), (unsigned long long)info->records, (unsigned long long)skipped,
           (unsigned long long)info->pruned, (unsigned long long)info->files,
           (unsigned long long)(info->data_bytes + info->table_bytes), ratio_text(ratio_of, info),
           slot_text(lowest, info->lowest_slot), slot_text(highest, info->highest_slot));
}

static json_t *column_document(const char *name, const cask_column_info *info, uint64_t skipped)
{
    json_t *document = cli_json_object();

    cli_json_set(document, "name", cli_json_text(name));
    cli_json_set(document, "format", cli_json_u64(info->format_version));
    cli_json_set(document, "codec", cli_json_text(codec_name(info->codec)));
    cli_json_set(document, "record_type", cli_json_hex(info->record_type, sizeof(info->record_type)));
    cli_json_set(document, "allow_backfill", json_boolean(info->allow_backfill));
    cli_json_set(document, "max_value_size", cli_json_u64(info->max_value_size));
    cli_json_set(document, "records", cli_json_u64(info->records));
    cli_json_set(document, "skipped", cli_json_u64(skipped));
    cli_json_set(document, "pruned", cli_json_u64(info->pruned));
    cli_json_set(document, "lowest_slot", cli_json_u64_or_null(info->lowest_slot));
    cli_json_set(document, "highest_slot", cli_json_u64_or_null(info->highest_slot));
    cli_json_set(document, "files", cli_json_u64(info->files));
    cli_json_set(document, "open_files", cli_json_u64(info->open_files));
    cli_json_set(document, "data_bytes", cli_json_u64(info->data_bytes));
    cli_json_set(document, "table_bytes", cli_json_u64(info->table_bytes));
    cli_json_set(document, "value_bytes", cli_json_u64_or_null(info->value_bytes));
    cli_json_set(document, "ratio", ratio(info) > 0 ? json_real(ratio(info)) : json_null());
    cli_json_set(document, "commits", cli_json_u64(info->commits));
    return document;
}

/* `rows`: with --json, where the column goes. */
static int stat_column(cli_call *call, cask_archive *archive, const char *name, json_t *rows)
{
    cask_column *column = NULL;
    cask_column_info info;
    uint64_t skipped;
    int status = CLI_DONE;

    if (cask_column_open(&column, archive, name, NULL) < 0)
        return cli_fail(call->out);
    if (cask_column_stat(&info, column) < 0 || count_skipped(&skipped, column, &info) < 0)
        status = cli_fail(call->out);
    else if (call->out->json)
        cli_json_append(rows, column_document(name, &info, skipped));
    else
        print_row(name, &info, skipped);
    cask_column_close(column);
    return status;
}

static int stat_columns(cli_call *call, cask_archive *archive, json_t *rows)
{
    cli_paths names = CLI_PATHS_INIT;
    int status = cli_add_columns(call->out, &names, archive);

    if (status == CLI_DONE && !call->out->json)
        printf("%-16s %6s %-7s %10s %10s %8s %6s %14s %6s %11s %11s\n", "column", "format", "codec", "records",
               "skipped", "pruned", "files", "bytes", "ratio", "lowest", "highest");
    for (size_t i = 0; status == CLI_DONE && i < names.count; i++)
        status = stat_column(call, archive, names.path[i], rows);
    cli_paths_dispose(&names);
    return status;
}

static json_t *network_document(const cask_network *network)
{
    const uint8_t *root = cask_network_genesis_validators_root(network);
    json_t *document = cli_json_object();

    cli_json_set(document, "name", cli_json_text(cask_network_name(network)));
    cli_json_set(document, "preset", cli_json_text(cask_network_preset(network)));
    cli_json_set(document, "genesis_validators_root", root == NULL ? json_null() : cli_json_hex(root, 32));
    return document;
}

static void print_network(const cask_network *network)
{
    const uint8_t *root = cask_network_genesis_validators_root(network);

    printf("network %s, preset %s, genesis validators root ", cask_network_name(network),
           cask_network_preset(network));
    for (int i = 0; root != NULL && i < 32; i++)
        printf("%02x", root[i]);
    puts(root == NULL ? "not known yet" : "");
}

/* The network of an archive; NULL where nothing has said which. */
static int load_network(cli_call *call, cask_network **network_out, cask_archive *archive)
{
    const char *text;
    size_t size;

    *network_out = NULL;
    if (cask_archive_identity(&text, &size, archive) < 0)
        return cask_error_last()->code == CASK_E_NOTFOUND ? CLI_DONE : cli_fail(call->out);
    if (cask_network_parse(network_out, text, size) < 0)
        return cli_fail_at(call->out, call->operands[0], CASK_NO_SLOT);
    return CLI_DONE;
}

static int collect_era(uint64_t era, void *payload)
{
    cli_json_append(payload, cli_json_u64(era));
    return 0;
}

static void print_unfinished(const json_t *eras)
{
    const json_t *era;
    size_t index;

    printf("unfinished eras:");
    json_array_foreach(eras, index, era)
        printf(" %lld", (long long)json_integer_value(era));
    puts(json_array_size(eras) == 0 ? " none" : "; import them again");
}

static int stat_archive(cli_call *call, cask_archive *archive, cask_network *network, json_t *document)
{
    json_t *eras = cli_json_array();
    json_t *rows = cli_json_array();
    int status;

    cli_json_set(document, "archive", cli_json_text(call->operands[0]));
    cli_json_set(document, "network", network == NULL ? json_null() : network_document(network));
    cli_json_set(document, "columns", rows);
    cli_json_set(document, "unfinished_eras", eras);
    if (network != NULL && !call->out->json)
        print_network(network);
    status = stat_columns(call, archive, rows);
    if (status != CLI_DONE || network == NULL)
        return status;
    if (cask_unfinished_eras(archive, collect_era, eras) < 0)
        return cli_fail(call->out);
    if (!call->out->json)
        print_unfinished(eras);
    return CLI_DONE;
}

/* Into a file, the terminal, or with --json the document. */
static int show_map(cli_call *call, cask_archive *archive, json_t *document)
{
    const char *path = call->value[CLI_OPT_MAP];
    cli_map map = CLI_MAP_INIT;
    int status = cli_map_load(call->out, &map, archive);

    if (status == CLI_DONE && *path != '\0')
        status = cli_map_write_svg(call->out, &map, call->operands[0], path);
    if (status == CLI_DONE && call->out->json)
        cli_json_set(document, "map", cli_map_document(&map));
    else if (status == CLI_DONE && *path == '\0')
        cli_map_draw(&map);
    cli_map_dispose(&map);
    return status;
}

static int run(cli_call *call)
{
    cask_archive *archive = NULL;
    cask_network *network = NULL;
    json_t *document = cli_json_object();
    int status = cli_open_archive(call->out, &archive, call->operands[0], true);

    if (status == CLI_DONE)
        status = load_network(call, &network, archive);
    if (status == CLI_DONE)
        status = stat_archive(call, archive, network, document);
    if (status == CLI_DONE && cli_given(call, CLI_OPT_MAP))
        status = show_map(call, archive, document);
    if (status == CLI_DONE && call->out->json)
        cli_json_print(json_incref(document));
    json_decref(document);
    cask_network_free(network);
    cask_archive_close(archive);
    return status;
}

const cli_command cmd_stat = {
    .name = "stat",
    .operands = "ARCHIVE",
    .summary = "what an archive holds",
    .about = "Print the network of the archive, a line for each column and the eras whose import did not\n"
             "end. Columns of the table: records; skipped (slots without a record between the lowest\n"
             "and the highest, but for pruned ones); pruned; data files; bytes on disk; ratio (bytes of the\n"
             "values for each byte of data files, - if not known); lowest and highest slot. Reads no data.\n"
             "--map draws how much each data file has of what is expected in it, as 'gaps' says: in the\n"
             "terminal, or with =FILE.svg as a picture.",
    .example = "slotcask stat history",
    .options = CLI_TAKES(CLI_OPT_MAP),
    .operands_least = 1,
    .operands_most = 1,
    .run = run,
};
