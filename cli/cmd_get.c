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

static int get(cli_call *call, cask_archive *archive, uint64_t slot)
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
    status = code < 0 ? cli_fail(call->out) : hand_out(call, slot, &value);
    cask_buf_dispose(&value);
    cask_column_close(column);
    return status;
}

static int run(cli_call *call)
{
    cask_archive *archive = NULL;
    uint64_t slot;
    int status = cli_parse_u64(call, "SLOT", call->operands[2], &slot);

    if (status == CLI_DONE)
        status = cli_open_archive(call->out, &archive, call->operands[0], true);
    if (status == CLI_DONE)
        status = get(call, archive, slot);
    cask_archive_close(archive);
    return status;
}

const cli_command cmd_get = {
    .name = "get",
    .operands = "ARCHIVE COLUMN SLOT",
    .summary = "write the value at a slot to standard output",
    .about = "Write the value at SLOT to standard output, decoded, or with --stored as it is stored.\n"
             "With --json the document has the fields column, slot, size, stored and data (hex); with\n"
             "-o the data goes to FILE and the document names it as file. The archive is opened\n"
             "read-only: only what is committed is seen, and nothing is changed.",
    .example = "slotcask get history blocks 13107201 -o block.ssz",
    .options = CLI_TAKES(CLI_OPT_OUTPUT) | CLI_TAKES(CLI_OPT_STORED),
    .operands_least = 3,
    .operands_most = 3,
    .run = run,
};
