#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "inputs.h"

/* ---- ls ---- */

static const char *type_name(const uint8_t type[2])
{
    static const struct {
        uint8_t type[2];
        const char *name;
    } known[] = {
        { { 'e', '2' }, "version" }, { { 0x01, 0x00 }, "block" }, { { 0x02, 0x00 }, "state" },
        { { 'i', '2' }, "index" },   { { 0x00, 0x00 }, "empty" }
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (memcmp(type, known[i].type, 2) == 0)
            return known[i].name;
    return "other";
}

static void print_group(const char *path, const cask_era_group *group)
{
    printf("%s: era %llu, ", path, (unsigned long long)group->era);
    if (group->state_slot > group->start_slot)
        printf("%llu blocks in slots %llu to %llu, ", (unsigned long long)group->blocks,
               (unsigned long long)group->start_slot, (unsigned long long)group->state_slot - 1);
    printf("state of slot %llu in %llu bytes at offset %llu, ", (unsigned long long)group->state_slot,
           (unsigned long long)group->state_size, (unsigned long long)group->state_offset);
    if (group->others > 0)
        printf("%llu other records, ", (unsigned long long)group->others);
    printf("%llu bytes from offset %llu\n", (unsigned long long)group->size, (unsigned long long)group->offset);
}

static json_t *group_document(const cask_era_group *group)
{
    json_t *document = cli_json_object();

    cli_json_set(document, "era", cli_json_u64(group->era));
    cli_json_set(document, "start_slot", cli_json_u64(group->start_slot));
    cli_json_set(document, "state_slot", cli_json_u64(group->state_slot));
    cli_json_set(document, "offset", cli_json_u64(group->offset));
    cli_json_set(document, "size", cli_json_u64(group->size));
    cli_json_set(document, "blocks", cli_json_u64(group->blocks));
    cli_json_set(document, "state_offset", cli_json_u64(group->state_offset));
    cli_json_set(document, "state_size", cli_json_u64(group->state_size));
    cli_json_set(document, "others", cli_json_u64(group->others));
    return document;
}

/* The groups of a file, printed in turn as the walk comes to their records. */
typedef struct listing {
    const cli_call *call;
    const char *path;
    const cask_era *era;
    size_t next_group;
    json_t *groups;
    json_t *records; /* of the group at hand; borrowed */
    cask_era_record empty; /* the first of so many, one behind the other, that are not listed yet: */
    uint64_t empty_count;
} listing;

static void begin_group(listing *list)
{
    cask_era_group group = cask_era_group_at(list->era, list->next_group++);
    json_t *document;

    if (!list->call->out->json) {
        print_group(list->path, &group);
        return;
    }
    document = group_document(&group);
    if (cli_given(list->call, CLI_OPT_RECORDS)) {
        list->records = cli_json_array();
        cli_json_set(document, "records", list->records);
    }
    cli_json_append(list->groups, document);
}

static void list_record(listing *list, const cask_era_record *record, uint64_t count)
{
    json_t *document;

    if (!list->call->out->json && count > 1) {
        printf("  offset %llu, %llu empty records\n", (unsigned long long)record->offset, (unsigned long long)count);
        return;
    }
    if (!list->call->out->json) {
        printf("  offset %llu, %u bytes, type %02x%02x, %s\n", (unsigned long long)record->offset, record->size,
               record->type[0], record->type[1], type_name(record->type));
        return;
    }
    document = cli_json_object();
    cli_json_set(document, "offset", cli_json_u64(record->offset));
    cli_json_set(document, "size", cli_json_u64(record->size));
    cli_json_set(document, "type", cli_json_hex(record->type, sizeof(record->type)));
    cli_json_set(document, "name", cli_json_text(type_name(record->type)));
    if (count > 1)
        cli_json_set(document, "count", cli_json_u64(count));
    cli_json_append(list->records, document);
}

static void end_empty(listing *list)
{
    if (list->empty_count > 0)
        list_record(list, &list->empty, list->empty_count);
    list->empty_count = 0;
}

/* Zeros are empty records, so a hole is very many: they are listed as one. */
static int on_record(const cask_era_record *record, void *payload)
{
    static const uint8_t empty[2];
    listing *list = payload;
    bool is_empty = record->size == 0 && memcmp(record->type, empty, sizeof(empty)) == 0;
    bool begins = list->next_group < cask_era_group_count(list->era) &&
                  record->offset >= cask_era_group_at(list->era, list->next_group).offset;

    if (begins || !is_empty)
        end_empty(list);
    if (begins)
        begin_group(list);
    if (!is_empty)
        list_record(list, record, 1);
    else if (list->empty_count++ == 0)
        list->empty = *record;
    return 0;
}

static int list_era(cli_call *call, cask_era *era, const char *path, json_t *documents)
{
    listing list = { .call = call, .path = path, .era = era, .groups = cli_json_array() };
    json_t *document = cli_json_object();
    int code;

    cli_json_set(document, "path", cli_json_text(path));
    cli_json_set(document, "groups", list.groups);
    cli_json_append(documents, document);
    if (!cli_given(call, CLI_OPT_RECORDS)) {
        while (list.next_group < cask_era_group_count(era))
            begin_group(&list);
        return CLI_DONE;
    }
    code = cask_era_walk(path, NULL, on_record, &list);
    end_empty(&list);
    return code < 0 ? cli_fail(call->out) : CLI_DONE;
}

/* ---- cat ---- */

/* What cat is asked for, and room for a payload. */
typedef struct extraction {
    cli_call *call;
    const char *path;
    cask_era *era;
    json_t *records;
    bool one_slot;
    uint64_t slot;
    uint64_t found;
    cask_buf stored;
    cask_buf ssz;
} extraction;

/* Hand out what is in `stored`. */
static int hand_out(extraction *cat, const char *kind, uint64_t slot)
{
    const cask_buf *bytes = &cat->stored;
    json_t *document;

    if (!cli_given(cat->call, CLI_OPT_STORED)) {
        if (cask_era_decode(&cat->ssz, &cat->stored) < 0)
            return cli_fail_at(cat->call->out, cat->path, slot);
        bytes = &cat->ssz;
    }
    cat->found++;
    if (!cat->call->out->json)
        return cli_write(cat->call->out, NULL, bytes->data, bytes->size);
    document = cli_json_object();
    cli_json_set(document, "path", cli_json_text(cat->path));
    cli_json_set(document, "kind", cli_json_text(kind));
    cli_json_set(document, "slot", cli_json_u64(slot));
    cli_json_set(document, "size", cli_json_u64(bytes->size));
    cli_json_set(document, "stored", json_boolean(cli_given(cat->call, CLI_OPT_STORED)));
    cli_json_set(document, "data", cli_json_hex(bytes->data, bytes->size));
    cli_json_append(cat->records, document);
    return CLI_DONE;
}

static int cat_block(extraction *cat, size_t group, uint64_t slot)
{
    int code = cask_era_read_block(&cat->stored, cat->era, group, slot);

    if (code == CASK_E_NOTFOUND)
        return CLI_DONE;
    return code < 0 ? cli_fail(cat->call->out) : hand_out(cat, "block", slot);
}

static int cat_state(extraction *cat, size_t group)
{
    if (cask_era_read_state(&cat->stored, cat->era, group) < 0)
        return cli_fail(cat->call->out);
    return hand_out(cat, "state", cask_era_group_at(cat->era, group).state_slot);
}

static int cat_group(extraction *cat, size_t index)
{
    cask_era_group group = cask_era_group_at(cat->era, index);
    int status = CLI_DONE;

    if (cat->one_slot)
        return cat->slot >= group.start_slot && cat->slot < group.state_slot ? cat_block(cat, index, cat->slot)
                                                                            : CLI_DONE;
    for (uint64_t slot = group.start_slot; slot < group.state_slot && !cli_given(cat->call, CLI_OPT_STATE); slot++) {
        status = cat_block(cat, index, slot);
        if (status != CLI_DONE)
            return status;
    }
    return cat_state(cat, index);
}

/* ---- Both ---- */

typedef struct era_look {
    cli_call *call;
    bool list;        /* ls; else cat */
    json_t *documents;
    extraction cat;
} era_look;

static int look_into(era_look *look, const char *path)
{
    cask_era *era = NULL;
    int status = CLI_DONE;

    if (cask_era_open(&era, path, NULL, NULL) < 0)
        return cli_fail(look->call->out);
    if (look->list) {
        status = list_era(look->call, era, path, look->documents);
    } else {
        look->cat.path = path;
        look->cat.era = era;
        for (size_t i = 0; status == CLI_DONE && i < cask_era_group_count(era); i++)
            status = cat_group(&look->cat, i);
    }
    cask_era_close(era);
    return status;
}

static int look_into_all(era_look *look)
{
    cli_call *call = look->call;
    cli_paths files = CLI_PATHS_INIT;
    int status = CLI_DONE;

    for (int i = 1; status == CLI_DONE && i < call->operand_count; i++)
        status = cli_add_era_files(call->out, &files, call->operands[i]);
    for (size_t i = 0; status == CLI_DONE && i < files.count; i++)
        status = look_into(look, files.path[i]);
    cli_paths_dispose(&files);
    if (status == CLI_DONE && look->cat.one_slot && look->cat.found == 0)
        status = cli_fail_with(call->out, CASK_E_NOTFOUND, NULL, "no block at slot %llu; 'slotcask era ls' lists the "
                               "slots of a file", (unsigned long long)look->cat.slot);
    return status;
}

static int parse_options(cli_call *call, era_look *look)
{
    const char *action = call->operands[0];
    const char *slot = call->value[CLI_OPT_SLOT];

    look->list = strcmp(action, "ls") == 0;
    look->cat.one_slot = slot != NULL;
    if (!look->list && strcmp(action, "cat") != 0)
        return cli_fail_usage(call->out, "era", "ls or cat must come first, not '%s'", action);
    if (look->list && (slot != NULL || cli_given(call, CLI_OPT_STATE) || cli_given(call, CLI_OPT_STORED)))
        return cli_fail_usage(call->out, "era", "--slot, --state and --stored are for cat");
    if (!look->list && cli_given(call, CLI_OPT_RECORDS))
        return cli_fail_usage(call->out, "era", "--records is for ls");
    if (slot != NULL && cli_given(call, CLI_OPT_STATE))
        return cli_fail_usage(call->out, "era", "--slot and --state exclude each other");
    return slot == NULL ? CLI_DONE : cli_parse_u64(call, "--slot", slot, &look->cat.slot);
}

static int run(cli_call *call)
{
    era_look look = { .call = call, .cat = { .call = call, .stored = CASK_BUF_INIT, .ssz = CASK_BUF_INIT } };
    json_t *document = cli_json_object();
    int status;

    look.documents = cli_json_array();
    look.cat.records = look.documents;
    status = parse_options(call, &look);
    if (status == CLI_DONE)
        status = look_into_all(&look);
    cli_json_set(document, look.list ? "files" : "records", look.documents);
    if (status == CLI_DONE && call->out->json)
        cli_json_print(json_incref(document));
    json_decref(document);
    cask_buf_dispose(&look.cat.stored);
    cask_buf_dispose(&look.cat.ssz);
    return status;
}

const cli_command cmd_era = {
    .name = "era",
    .operands = "ls|cat ERA...",
    .summary = "look into era files",
    .about = "ls: list the groups of era files, and with --records each of their records.\n"
             "cat: write every block, then the state, of each group to standard output, one behind the\n"
             "other, decoded (SSZ), or with --stored as they are in the file; --slot and --state\n"
             "choose among them. Only the structure is checked: verify checks the rest.",
    .example = "slotcask era cat mainnet-00001-40cf2f3c.era --slot 1 >block.ssz",
    .options = CLI_TAKES(CLI_OPT_RECORDS) | CLI_TAKES(CLI_OPT_SLOT) | CLI_TAKES(CLI_OPT_STATE) |
               CLI_TAKES(CLI_OPT_STORED),
    .operands_least = 2,
    .operands_most = -1,
    .run = run,
};
