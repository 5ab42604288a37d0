/* Export: eras of an archive, written as era files again. */
#include "../archive/codec.h"
#include "era_name.h"
#include "era_source.h"
#include "holdings.h"
#include "network.h"
#include "sha256.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE = 4096, LINE_SIZE = 64 + 2 + ERA_NAME_SIZE + 1, BUFFER_SIZE = 1 << 20 };

#define SUMS_NAME "SHA256SUMS"

typedef struct exporting {
    cask_export_options options;
    cask_export_result *result;
    const cask_vfs *vfs;
    const char *folder;
    cask_network *network;
    era_columns columns;
    uint8_t blocks_codec, states_codec;
    cask_buf stored; /* scratch, one record at a time */
    cask_buf value;
    cask_buf sums;   /* lines of SHA256SUMS */
    uint64_t *eras;
    size_t count;
    uint64_t first_pruned, last_pruned; /* slots, of the eras that are left out */
} exporting;

/* ---- One file ------------------------------------------------------------------------------------------------ */

static int join_path(char path[PATH_SIZE], const char *folder, const char *name, const char *suffix)
{
    int size = snprintf(path, PATH_SIZE, "%s/%s%s", folder, name, suffix);

    if (size < 0 || size >= PATH_SIZE)
        return cask_fail(CASK_E_INVALID, CASK_IN_FILE(folder), "the path is too long; give a shorter one");
    return CASK_OK;
}

/* Write a record as snappy frames, whatever its codec. `stored` is as in the column. */
static int write_record(exporting *x, e2_writer *writer, enum e2_type type, uint8_t codec, const void *stored,
                        size_t size)
{
    if (codec == CASK_CODEC_SNAPPY)
        return e2_write_record(writer, type, stored, size);
    CASK_TRY(cask_codec_decode_buf(&x->value, codec, stored, size, ERA_STATE_MAX));
    CASK_TRY(cask_codec_encode(&x->stored, CASK_CODEC_SNAPPY, 0, x->value.data, x->value.size));
    return e2_write_record(writer, type, x->stored.data, x->stored.size);
}

static int write_blocks(exporting *x, e2_writer *writer, const era_source *source, uint64_t *offsets)
{
    cask_iter *iter;
    uint64_t slot;
    int code;

    CASK_TRY(cask_iter_new(&iter, x->columns.blocks, source->start_slot, CASK_UP));
    while ((code = cask_iter_next(iter, &slot)) == CASK_OK && slot < source->state_slot) {
        const void *stored;
        size_t size;

        code = cask_iter_stored(iter, &stored, &size);
        offsets[slot - source->start_slot] = writer->offset;
        if (code == CASK_OK)
            code = write_record(x, writer, E2_BLOCK, x->blocks_codec, stored, size);
        if (code != CASK_OK)
            break;
        x->result->blocks++;
    }
    cask_iter_free(iter);
    return code == CASK_E_NOTFOUND ? CASK_OK : code;
}

static int write_state(exporting *x, e2_writer *writer, uint64_t slot)
{
    cask_buf stored = CASK_BUF_INIT;
    int code = cask_column_get_stored(&stored, x->columns.states, slot);

    if (code == CASK_OK)
        code = write_record(x, writer, E2_STATE, x->states_codec, stored.data, stored.size);
    cask_buf_dispose(&stored);
    return code;
}

/* version | block* | state | block index, but in the genesis era | state index */
static int write_group(exporting *x, e2_writer *writer, const era_source *source)
{
    const size_t slots = (size_t)(source->state_slot - source->start_slot);
    uint64_t *offsets = calloc(slots > 0 ? slots : 1, sizeof(*offsets)), state_offset;
    int code = offsets == NULL ? cask_fail_nomem() : e2_write_version(writer);

    if (code == CASK_OK && slots > 0)
        code = write_blocks(x, writer, source, offsets);
    state_offset = writer->offset;
    if (code == CASK_OK)
        code = write_state(x, writer, source->state_slot);
    if (code == CASK_OK && slots > 0)
        code = e2_write_index(writer, source->start_slot, offsets, slots);
    if (code == CASK_OK)
        code = e2_write_index(writer, source->state_slot, &state_offset, 1);
    free(offsets);
    return code;
}

static int write_temporary(exporting *x, const char *path, const era_source *source)
{
    cask_handle handle = CASK_HANDLE_INIT;
    e2_writer writer = { &handle, path, 0 };
    int code;

    CASK_TRY(cask_handle_open(&handle, x->vfs, path, CASK_OPEN_TRUNCATE));
    code = write_group(x, &writer, source);
    if (code == CASK_OK)
        code = cask_sync(&handle, path);
    cask_handle_close(&handle);
    x->result->bytes += writer.offset;
    return code;
}

/* ---- SHA256SUMS ---------------------------------------------------------------------------------------------- */

static int hash_file(uint8_t digest[32], const cask_vfs *vfs, const char *path)
{
    cask_handle handle = CASK_HANDLE_INIT;
    cask_sha256_stream stream;
    uint8_t *buffer = malloc(BUFFER_SIZE);
    uint64_t offset = 0;
    size_t size = 1;
    int code = buffer == NULL ? cask_fail_nomem() : cask_handle_open(&handle, vfs, path, CASK_OPEN_READ);

    cask_sha256_begin(&stream);
    while (code == CASK_OK && size > 0) {
        code = cask_read_upto(&handle, path, buffer, BUFFER_SIZE, offset, &size);
        if (code == CASK_OK)
            cask_sha256_add(&stream, buffer, size);
        offset += size;
    }
    cask_sha256_end(digest, &stream);
    cask_handle_close(&handle);
    free(buffer);
    return code;
}

static int add_sum(exporting *x, const uint8_t digest[32], const char *name)
{
    char line[LINE_SIZE + 1];
    size_t size = 0;

    for (size_t i = 0; i < 32; i++)
        size += (size_t)snprintf(line + size, sizeof(line) - size, "%02x", digest[i]);
    size += (size_t)snprintf(line + size, sizeof(line) - size, "  %s\n", name);
    if (x->sums.size + size > x->sums.capacity)
        CASK_TRY(cask_buf_reserve(&x->sums, 2 * x->sums.capacity + LINE_SIZE));
    memcpy(x->sums.data + x->sums.size, line, size);
    x->sums.size += size;
    return CASK_OK;
}

/* ---- One era ------------------------------------------------------------------------------------------------- */

/* The root in the name is the one that the state has of its era. */
static int name_file(char name[ERA_NAME_SIZE], const exporting *x, const era_source *source)
{
    cask_era_name parts = { .era = source->era };
    era_state state = ERA_STATE_INIT;
    const uint8_t *root = state.era_root;
    int code = source->read_state(&state, source, true);

    if (code == CASK_OK && source->era > 0 && !state.has_era_root)
        code = cask_fail_word(CASK_E_CORRUPT, "ssz-malformed", era_source_state_place(source),
                              "the state has no root of its era; verify the archive");
    if (code == CASK_OK) {
        if (source->era == 0)
            root = beacon_state_genesis_validators_root(state.head.data);
        snprintf(parts.config_name, sizeof(parts.config_name), "%s", cask_network_name(x->network));
        memcpy(parts.short_root, root, sizeof(parts.short_root));
        era_name_format(name, &parts);
    }
    era_state_dispose(&state);
    return code;
}

static int finish_file(exporting *x, const char *temporary, const char *path, const char *name)
{
    uint8_t digest[32];
    int code;

    CASK_TRY(hash_file(digest, x->vfs, temporary));
    CASK_TRY(add_sum(x, digest, name));
    code = x->vfs->rename(x->vfs->context, temporary, path);
    return code < 0 ? cask_fail_system(code, CASK_IN_FILE(path), "rename the file") : CASK_OK;
}

static int export_era(exporting *x, uint64_t era)
{
    const uint64_t slots = cask_network_slots_per_era(x->network);
    const era_source source = era_source_of_columns(&x->columns, era * slots, slots);
    char name[ERA_NAME_SIZE], path[PATH_SIZE], temporary[PATH_SIZE];
    int code;

    CASK_TRY(name_file(name, x, &source));
    CASK_TRY(join_path(path, x->folder, name, ""));
    CASK_TRY(join_path(temporary, x->folder, name, ".tmp"));
    code = write_temporary(x, temporary, &source);
    if (code == CASK_OK)
        code = finish_file(x, temporary, path, name);
    if (code != CASK_OK) {
        const cask_error error = *cask_error_last();

        x->vfs->unlink(x->vfs->context, temporary);
        cask_error_restore(&error);
        return code;
    }
    x->result->eras++;
    if (x->options.progress != NULL)
        x->options.progress(name, x->result->eras, x->count, x->options.payload);
    return CASK_OK;
}

/* ---- The whole ----------------------------------------------------------------------------------------------- */

static int load_network(cask_network **network_out, const cask_archive *archive)
{
    const char *text;
    size_t size;

    if (cask_archive_identity(&text, &size, archive) == CASK_E_NOTFOUND)
        return cask_fail(CASK_E_NOTFOUND, CASK_NOWHERE,
                         "the archive was made by no import, so it has no eras to export; give one that was");
    return cask_network_parse(network_out, text, size);
}

static int add_era(exporting *x, uint64_t era)
{
    if (x->count % 1024 == 0) {
        uint64_t *grown = realloc(x->eras, (x->count + 1024) * sizeof(*grown));

        if (grown == NULL)
            return cask_fail_nomem();
        x->eras = grown;
    }
    x->eras[x->count++] = era;
    return CASK_OK;
}

/* Widen the range of pruned slots by those of `count` from `first` on. *any_out: there is one. */
static int note_pruned(bool *any_out, exporting *x, cask_column *column, uint64_t first, size_t count)
{
    uint8_t *states = malloc(count > 0 ? count : 1);
    int code = states == NULL ? cask_fail_nomem() : era_slot_states(states, column, first, count);

    *any_out = false;
    for (size_t i = 0; i < count && code == CASK_OK; i++) {
        if (states[i] != CASK_SLOT_PRUNED)
            continue;
        *any_out = true;
        x->first_pruned = first + i < x->first_pruned ? first + i : x->first_pruned;
        x->last_pruned = first + i > x->last_pruned ? first + i : x->last_pruned;
    }
    free(states);
    return code;
}

/* The archive has, or had, the state of an era: so the era was complete. An era file cannot say what was pruned. */
static int list_era(exporting *x, uint64_t era)
{
    const uint64_t slots = cask_network_slots_per_era(x->network), state_slot = era * slots;
    bool blocks = false, state;

    if (era < x->options.first_era || era > x->options.last_era)
        return CASK_OK;
    CASK_TRY(note_pruned(&state, x, x->columns.states, state_slot, 1));
    if (era > 0)
        CASK_TRY(note_pruned(&blocks, x, x->columns.blocks, state_slot - slots, (size_t)slots));
    if (!blocks && !state)
        return add_era(x, era);
    x->result->eras_pruned++;
    return CASK_OK;
}

/* A cask_column_file_fn. */
static int list_file(const cask_column_file *file, void *payload)
{
    exporting *x = payload;
    const uint64_t slots = cask_network_slots_per_era(x->network), begin = file->file_id * CASK_SLOTS_PER_FILE;
    uint8_t states[CASK_SLOTS_PER_FILE];

    if (file->records + file->pruned == 0)
        return CASK_OK;
    CASK_TRY(cask_column_slots(states, x->columns.states, file->file_id));
    for (uint64_t slot = begin; slot < begin + CASK_SLOTS_PER_FILE; slot++) {
        if (states[slot - begin] != CASK_SLOT_EMPTY && slot % slots == 0)
            CASK_TRY(list_era(x, slot / slots));
    }
    return CASK_OK;
}

static int fail_pruned(const exporting *x)
{
    return cask_fail(CASK_E_PRUNED, CASK_NOWHERE,
                     "eras not exported: %" PRIu64 ", an era file cannot leave out what was pruned: slots in the range "
                     "%" PRIu64 "-%" PRIu64 "; choose others with --eras, or import them again with --refill",
                     x->result->eras_pruned, x->first_pruned, x->last_pruned);
}

static int list_eras(exporting *x)
{
    CASK_TRY(cask_column_files(x->columns.states, list_file, x));
    if (x->count > 0)
        return CASK_OK;
    if (x->result->eras_pruned > 0)
        return fail_pruned(x);
    return cask_fail(CASK_E_NOTFOUND, CASK_NOWHERE,
                     "the archive has none of these eras complete; 'slotcask stat' shows what it has");
}

/* Whether the records are not those that were put. */
static int is_reframed(bool *reframed, cask_column *column)
{
    cask_column_info info;

    CASK_TRY(cask_column_stat(&info, column));
    *reframed = *reframed || info.codec != CASK_CODEC_SNAPPY || info.recoded_files > 0;
    return CASK_OK;
}

static int open_source(exporting *x, cask_archive *archive)
{
    CASK_TRY(load_network(&x->network, archive));
    CASK_TRY(era_columns_open(&x->columns, archive, ""));
    x->blocks_codec = cask_column_codec(x->columns.blocks);
    x->states_codec = cask_column_codec(x->columns.states);
    CASK_TRY(is_reframed(&x->result->reframed, x->columns.blocks));
    CASK_TRY(is_reframed(&x->result->reframed, x->columns.states));
    return list_eras(x);
}

static int make_folder(const exporting *x)
{
    cask_file_info info;
    int code = x->vfs->stat(x->vfs->context, x->folder, &info);

    if (code == 0 && info.is_folder)
        return CASK_OK;
    code = x->vfs->make_folder(x->vfs->context, x->folder);
    return code < 0 ? cask_fail_system(code, CASK_IN_FILE(x->folder), "make the folder") : CASK_OK;
}

static int export_eras(exporting *x, cask_archive *archive)
{
    char sums[PATH_SIZE];
    bool exported_before;

    CASK_TRY(open_source(x, archive));
    CASK_TRY(make_folder(x));
    CASK_TRY(join_path(sums, x->folder, SUMS_NAME, ""));
    /* Without it an export that made the folder may have died before the name of the folder was durable. */
    CASK_TRY(cask_exists(&exported_before, x->vfs, sums));
    if (!exported_before)
        CASK_TRY(cask_sync_parent(x->vfs, x->folder));
    for (size_t i = 0; i < x->count; i++)
        CASK_TRY(export_era(x, x->eras[i]));
    CASK_TRY(cask_replace_file(x->vfs, x->folder, sums, x->sums.data, x->sums.size));
    return x->result->eras_pruned > 0 ? fail_pruned(x) : CASK_OK;
}

/* What a program built with an older header does not know of stays at its default. */
static int take_options(cask_export_options *options, const cask_export_options *given)
{
    if (given == NULL)
        return CASK_OK;
    if (given->struct_size == 0 || given->struct_size > sizeof(*options))
        return cask_fail(CASK_E_INVALID, CASK_NOWHERE,
                         "options of a size that this library does not know; begin with CASK_EXPORT_OPTIONS_INIT");
    memcpy(options, given, given->struct_size);
    return CASK_OK;
}

int cask_export(cask_export_result *result_out, cask_archive *archive, const char *folder,
                const cask_export_options *options)
{
    exporting x = { .options = CASK_EXPORT_OPTIONS_INIT, .result = result_out, .folder = folder,
                    .columns = ERA_COLUMNS_INIT, .stored = CASK_BUF_INIT, .value = CASK_BUF_INIT,
                    .sums = CASK_BUF_INIT, .first_pruned = CASK_NO_SLOT };
    int code;

    memset(result_out, 0, sizeof(*result_out));
    CASK_TRY(take_options(&x.options, options));
    x.vfs = x.options.vfs == NULL ? cask_vfs_posix() : x.options.vfs;
    code = export_eras(&x, archive);
    era_columns_close(&x.columns);
    cask_buf_dispose(&x.stored);
    cask_buf_dispose(&x.value);
    cask_buf_dispose(&x.sums);
    cask_network_free(x.network);
    free(x.eras);
    return code;
}
