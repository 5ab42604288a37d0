#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "inputs.h"

static int print_document(cli_call *call, uint64_t slot, const cask_buf *value)
{
    const char *path = call->value[CLI_OPT_OUTPUT];
    json_t *document;
    int status = CLI_DONE;

    if (path != NULL)
        status = cli_write(call->out, path, value->data, value->size);
    if (status != CLI_DONE)
        return status;
    document = cli_json_object();
    cli_json_set(document, "column", cli_json_text(call->operands[1]));
    cli_json_set(document, "slot", cli_json_u64(slot));
    cli_json_set(document, "size", cli_json_u64(value->size));
    cli_json_set(document, "stored", json_boolean(cli_given(call, CLI_OPT_STORED)));
    if (path != NULL)
        cli_json_set(document, "file", cli_json_text(path));
    else
        cli_json_set(document, "data", cli_json_hex(value->data, value->size));
    cli_json_print(document);
    return CLI_DONE;
}

static int hand_out(cli_call *call, uint64_t slot, const cask_buf *value)
{
    const char *path = call->value[CLI_OPT_OUTPUT];

    if (call->out->json)
        return print_document(call, slot, value);
    if (path == NULL && isatty(STDOUT_FILENO) == 1)
        cli_note(call->out, "these are bytes, not text; -o FILE writes them to a file");
    return cli_write(call->out, path, value->data, value->size);
}

/* The archive may know a root without having the record. */
static int fail_not_held(cli_call *call, uint64_t slot)
{
    bool state = strcmp(call->operands[1], "states") == 0;

    return cli_fail_with(call->out, CASK_E_NOTFOUND, call->operands[0],
                         "the %s with this root is that of slot %llu, and is not held; %s", state ? "state" : "block",
                         (unsigned long long)slot,
                         state ? "of states an archive keeps the one at the first slot of each era"
                               : "'slotcask gaps' lists what is missing");
}

static int get(cli_call *call, cask_archive *archive, uint64_t slot, bool by_root)
{
    cask_column *column = NULL;
    cask_buf value = CASK_BUF_INIT;
    int status;
    int code;

    if (cask_column_open(&column, archive, call->operands[1], NULL) < 0)
        return cli_fail_column(call->out, archive, call->operands[0], call->operands[1]);
    if (cli_given(call, CLI_OPT_STORED))
        code = cask_column_get_stored(&value, column, slot);
    else
        code = cask_column_get_buf(&value, column, slot);
    if (code == CASK_E_NOTFOUND && by_root)
        status = fail_not_held(call, slot);
    else
        status = code < 0 ? cli_fail(call->out) : hand_out(call, slot, &value);
    cask_buf_dispose(&value);
    cask_column_close(column);
    return status;
}

/* ---- By root ---- */

/* Which roots go with the column; false: none do. */
static bool kind_of_column(cask_root_kind *kind, const char *column)
{
    *kind = strcmp(column, "states") == 0 ? CASK_ROOT_OF_STATE : CASK_ROOT_OF_BLOCK;
    return *kind == CASK_ROOT_OF_STATE || strcmp(column, "blocks") == 0;
}

static int find(cli_call *call, cask_archive *archive, cask_root_kind kind, const uint8_t root[32], uint64_t *slot)
{
    cask_root_index *index = NULL;
    int status = CLI_DONE;

    if (cask_root_index_open(&index, archive) < 0 || cask_root_index_find(slot, index, kind, root) < 0)
        status = cli_fail_at(call->out, call->operands[0], CASK_NO_SLOT);
    cask_root_index_close(index);
    return status;
}

static int parse_place(cli_call *call, cask_root_kind *kind, bool *by_root, uint8_t root[32], uint64_t *slot)
{
    const char *text = call->operands[2];

    *by_root = strncmp(text, "0x", 2) == 0 && kind_of_column(kind, call->operands[1]);
    return *by_root ? cli_parse_root(call, "ROOT", text, root) : cli_parse_u64(call, "SLOT", text, slot);
}

static int run(cli_call *call)
{
    cask_archive *archive = NULL;
    cask_root_kind kind;
    uint8_t root[32];
    uint64_t slot;
    bool by_root;
    int status = parse_place(call, &kind, &by_root, root, &slot);

    if (status == CLI_DONE)
        status = cli_open_archive(call->out, &archive, call->operands[0], true);
    if (status == CLI_DONE && by_root)
        status = find(call, archive, kind, root, &slot);
    if (status == CLI_DONE)
        status = get(call, archive, slot, by_root);
    cask_archive_close(archive);
    return status;
}

const cli_command cmd_get = {
    .name = "get",
    .operands = "ARCHIVE COLUMN SLOT|ROOT",
    .summary = "write the value at a slot to standard output",
    .about = "Write the value at SLOT to standard output, decoded, or with --stored as it is stored.\n"
             "In the columns blocks and states a ROOT, 0x and 64 hexadecimal digits, finds it as well,\n"
             "by the index of roots that an import keeps and 'index' makes anew.\n"
             "With --json the document has the fields column, slot, size, stored and data (hex); with\n"
             "-o the data goes to FILE and the document names it as file. The archive is opened\n"
             "read-only: only what is committed is seen, and nothing is changed.",
    .example = "slotcask get history blocks 13107201 -o block.ssz",
    .options = CLI_TAKES(CLI_OPT_OUTPUT) | CLI_TAKES(CLI_OPT_STORED),
    .operands_least = 3,
    .operands_most = 3,
    .run = run,
};
