#include "conf.h"

#include <stdlib.h>

#include "bytes.h"
#include "codec.h"
#include "data_file.h"
#include "error.h"
#include "fault.h"

#define MAGIC_SIZE 8
#define V2_SIZE 36
#define V3_SIZE 52
#define V3_FOREIGN_SIZE 34
/* More than any version that is known has: enough to see that one is not. */
#define CONF_SIZE_MAX (1u << 20)
#define V4_CRC_AT 508
#define V4_OPEN_AT 80
#define V4_OPEN_SIZE 40

_Static_assert(V4_OPEN_AT + CASK_CONF_OPEN_MAX * V4_OPEN_SIZE <= V4_CRC_AT, "the open files fit before the checksum");

static const char magic_v2[MAGIC_SIZE + 1] = "LHSTBLK2";
static const char magic_v3[MAGIC_SIZE + 1] = "LHSTBLK3";
static const char magic_v4[MAGIC_SIZE + 1] = "SLOTCSK4";

const cask_open_file *cask_conf_find(const cask_conf *conf, uint64_t file_id)
{
    for (uint32_t i = 0; i < conf->open_count; i++) {
        if (conf->open[i].file_id == file_id)
            return &conf->open[i];
    }
    return NULL;
}

void cask_conf_delist(cask_conf *conf, uint64_t file_id)
{
    for (uint32_t i = 0; i < conf->open_count; i++) {
        if (conf->open[i].file_id != file_id)
            continue;
        conf->open_count--;
        memmove(&conf->open[i], &conf->open[i + 1], (conf->open_count - i) * sizeof conf->open[0]);
        return;
    }
}

/* A file has nothing, or at least what each begins with: what was appended before that could not be read. */
static bool lengths_fit(const cask_conf *conf)
{
    for (uint32_t i = 0; i < conf->open_count; i++) {
        if (conf->open[i].data_length != 0 && conf->open[i].data_length < CASK_DATA_START)
            return false;
    }
    return true;
}

/* ---- Versions 2 and 3 ---- */

static int decode_old(cask_conf *conf, const uint8_t *bytes, size_t size, const char *path)
{
    uint8_t flags = bytes[27];

    conf->version = size == V2_SIZE ? 2 : 3;
    conf->highest_slot = cask_load64(bytes + 8);
    memcpy(conf->record_type, bytes + 24, 2);
    conf->codec = bytes[26];
    conf->allow_backfill = conf->version == 3 && (flags & 1) != 0;
    conf->max_value_size = cask_load64(bytes + 28);
    conf->first_file_id = 0;
    if (conf->codec > CASK_CODEC_SNAPPY)
        return cask_fail_word(CASK_E_UNSUPPORTED, "conf", CASK_AT(path, 26),
                              "codec %u is not known in format %u; a newer slotcask may read it", conf->codec,
                              conf->version);
    if ((flags & ~(conf->version == 3 ? 1u : 0u)) != 0)
        return cask_fail_word(CASK_E_UNSUPPORTED, "conf", CASK_AT(path, 27),
                              "flags 0x%02x are not known in format %u; a newer slotcask may read them", flags,
                              conf->version);
    if (cask_conf_is_empty(conf))
        return CASK_OK;

    conf->open[conf->open_count++] =
        (cask_open_file){ .file_id = cask_conf_current(conf), .data_length = cask_load64(bytes + 16) };
    if (conf->version == 3) {
        uint64_t backfilled = cask_load64(bytes + 36);

        if (backfilled != CASK_NO_SLOT && backfilled >= cask_conf_current(conf))
            return cask_fail_word(CASK_E_CORRUPT, "conf", CASK_AT(path, 36),
                                  "the backfilled file is not before the current one; restore column.conf from a copy");
        if (backfilled != CASK_NO_SLOT)
            conf->open[conf->open_count++] =
                (cask_open_file){ .file_id = backfilled, .data_length = cask_load64(bytes + 44) };
    }
    if (!lengths_fit(conf))
        return cask_fail_word(CASK_E_CORRUPT, "conf", CASK_IN_FILE(path),
                              "a committed length is less than a data file begins with; restore column.conf from a copy");
    return CASK_OK;
}

static size_t encode_old(uint8_t bytes[V3_SIZE], const cask_conf *conf)
{
    memcpy(bytes, conf->version == 2 ? magic_v2 : magic_v3, MAGIC_SIZE);
    cask_store64(bytes + 8, conf->highest_slot);
    cask_store64(bytes + 16, conf->open_count > 0 ? conf->open[0].data_length : 0);
    memcpy(bytes + 24, conf->record_type, 2);
    bytes[26] = conf->codec;
    bytes[27] = conf->allow_backfill ? 1 : 0;
    cask_store64(bytes + 28, conf->max_value_size);
    cask_store64(bytes + 36, conf->open_count > 1 ? conf->open[1].file_id : CASK_NO_SLOT);
    cask_store64(bytes + 44, conf->open_count > 1 ? conf->open[1].data_length : 0);
    return conf->version == 2 ? V2_SIZE : V3_SIZE;
}

/* ---- Version 4 ---- */

void cask_conf_encode_v4(uint8_t copy[CASK_CONF_COPY_SIZE], const cask_conf *conf)
{
    memset(copy, 0, CASK_CONF_COPY_SIZE);
    memcpy(copy, magic_v4, MAGIC_SIZE);
    cask_store64(copy + 8, conf->sequence);
    cask_store64(copy + 16, conf->highest_slot);
    memcpy(copy + 24, conf->record_type, 2);
    copy[26] = conf->codec;
    copy[27] = conf->allow_backfill ? 1 : 0;
    cask_store64(copy + 28, conf->max_value_size);
    cask_store32(copy + 36, CASK_SLOTS_PER_FILE);
    cask_store32(copy + 40, conf->open_count);
    cask_store32(copy + 44, conf->pruned_entries);
    cask_store64(copy + 48, conf->first_file_id);
    cask_store64(copy + 56, conf->seals_digest);
    cask_store16(copy + 64, (uint16_t)conf->intent.kind);
    cask_store16(copy + 66, (uint16_t)conf->intent.first);
    cask_store16(copy + 68, (uint16_t)conf->intent.last);
    cask_store64(copy + 72, conf->intent.file_id);
    for (uint32_t i = 0; i < conf->open_count; i++) {
        uint8_t *at = copy + V4_OPEN_AT + (size_t)i * V4_OPEN_SIZE;
        const cask_open_file *file = &conf->open[i];

        cask_store64(at, file->file_id);
        cask_store64(at + 8, file->data_length);
        cask_store64(at + 16, file->value_bytes);
        cask_store32(at + 24, file->records);
        cask_store32(at + 28, file->pruned);
        cask_store32(at + 32, file->tables_crc);
        at[36] = file->other_codec;
    }
    cask_store32(copy + V4_CRC_AT, cask_crc32c(0, copy, V4_CRC_AT));
}

/* Whether an intent is one that can be: of a file that there is, and that is listed where only the list says what the
 * file is to become. */
static bool intent_fits(const cask_conf *conf)
{
    const cask_intent *intent = &conf->intent;

    if (intent->kind == CASK_INTENT_NONE)
        return intent->file_id == 0 && intent->first == 0 && intent->last == 0;
    if (cask_conf_is_empty(conf) || intent->file_id < conf->first_file_id ||
        intent->file_id > cask_conf_current(conf))
        return false;
    if (intent->kind == CASK_INTENT_REPLACE)
        return intent->first == 0 && intent->last == 0;
    return intent->first <= intent->last && intent->last < CASK_SLOTS_PER_FILE &&
           cask_conf_find(conf, intent->file_id) != NULL;
}

/* The checksum is right: what is odd now was written so, by a newer version or with a defect. */
static int decode_v4(cask_conf *conf, const uint8_t *copy, const char *path)
{
    size_t open_end;

    conf->version = 4;
    conf->sequence = cask_load64(copy + 8);
    conf->highest_slot = cask_load64(copy + 16);
    memcpy(conf->record_type, copy + 24, 2);
    conf->codec = copy[26];
    conf->allow_backfill = (copy[27] & 1) != 0;
    conf->max_value_size = cask_load64(copy + 28);
    conf->open_count = cask_load32(copy + 40);
    conf->pruned_entries = cask_load32(copy + 44);
    conf->first_file_id = cask_load64(copy + 48);
    conf->seals_digest = cask_load64(copy + 56);
    if (conf->codec > CASK_CODEC_ZSTD || (copy[27] & ~1u) != 0 || cask_load32(copy + 36) != CASK_SLOTS_PER_FILE ||
        cask_load16(copy + 64) > CASK_INTENT_FORGET || !cask_all_zero(copy + 70, 2))
        goto unknown;
    conf->intent = (cask_intent){ .kind = (cask_intent_kind)cask_load16(copy + 64),
                                  .file_id = cask_load64(copy + 72),
                                  .first = cask_load16(copy + 66),
                                  .last = cask_load16(copy + 68) };
    if (conf->sequence == UINT64_MAX)
        goto contradiction; /* no commit can follow */
    if (conf->open_count > CASK_CONF_OPEN_MAX || (conf->open_count == 0) != cask_conf_is_empty(conf))
        goto contradiction;
    open_end = V4_OPEN_AT + conf->open_count * V4_OPEN_SIZE;
    if (!cask_all_zero(copy + open_end, V4_CRC_AT - open_end))
        goto unknown;
    for (uint32_t i = 0; i < conf->open_count; i++) {
        const uint8_t *at = copy + V4_OPEN_AT + (size_t)i * V4_OPEN_SIZE;
        bool twice = false;

        if (at[36] > CASK_CODEC_ZSTD + 1 || !cask_all_zero(at + 37, 3))
            goto unknown;
        for (uint32_t before = 0; before < i; before++)
            twice |= conf->open[before].file_id == cask_load64(at);
        conf->open[i] = (cask_open_file){ .file_id = cask_load64(at),
                                          .data_length = cask_load64(at + 8),
                                          .value_bytes = cask_load64(at + 16),
                                          .records = cask_load32(at + 24),
                                          .pruned = cask_load32(at + 28),
                                          .tables_crc = cask_load32(at + 32),
                                          .other_codec = at[36] };
        if (conf->open[i].file_id < conf->first_file_id || conf->open[i].file_id > cask_conf_current(conf) ||
            twice)
            goto contradiction;
    }
    if (conf->open_count > 0 && (conf->open[0].file_id != cask_conf_current(conf) ||
                                 cask_conf_current(conf) - conf->first_file_id >= CASK_COLUMN_FILES_MAX))
        goto contradiction;
    if (!intent_fits(conf) || !lengths_fit(conf))
        goto contradiction;
    return CASK_OK;

unknown:
    return cask_fail_word(CASK_E_UNSUPPORTED, "conf", CASK_IN_FILE(path),
                          "the conf uses a codec, flag or field that this version does not know; use a newer slotcask");

contradiction:
    return cask_fail_word(CASK_E_CORRUPT, "conf", CASK_IN_FILE(path),
                          "the conf contradicts itself although its checksum is right; restore it from a copy");
}

static int unknown_version(const char *path)
{
    return cask_fail_word(CASK_E_UNSUPPORTED, "conf", CASK_IN_FILE(path),
                          "the column has a format that this version does not know; use a newer slotcask");
}

/* Another version need not keep its checksum where version 4 does. */
static bool is_unknown_v4(const uint8_t *bytes)
{
    return memcmp(bytes, magic_v4, MAGIC_SIZE - 1) == 0 && bytes[MAGIC_SIZE - 1] != (uint8_t)magic_v4[MAGIC_SIZE - 1];
}

typedef enum copy_state { COPY_BAD, COPY_GOOD, COPY_NEWER } copy_state;

static copy_state judge_copy(const uint8_t *copy)
{
    if (cask_load32(copy + V4_CRC_AT) != cask_crc32c(0, copy, V4_CRC_AT) || memcmp(copy, magic_v4, 7) != 0)
        return COPY_BAD;
    if (copy[7] != (uint8_t)magic_v4[7])
        return COPY_NEWER;
    return COPY_GOOD;
}

static int load_v4(cask_conf *conf, cask_conf_damage *damage, const uint8_t *bytes, size_t size, const char *path)
{
    const uint8_t *newest = NULL;
    uint64_t sequence;

    /* The file is made whole and never changes its size: so a crash cannot have cut it. */
    if (size != CASK_CONF_V4_SIZE && is_unknown_v4(bytes))
        return unknown_version(path);
    if (size != CASK_CONF_V4_SIZE)
        return cask_fail_word(CASK_E_CORRUPT, "conf", CASK_IN_FILE(path),
                              "the conf has %zu bytes and must have %d; restore it from a copy", size,
                              CASK_CONF_V4_SIZE);
    for (unsigned i = 0; i < CASK_CONF_COPIES; i++) {
        const uint8_t *copy = bytes + (size_t)i * CASK_CONF_COPY_SPACING;
        copy_state state = judge_copy(copy);

        if (state == COPY_NEWER)
            return unknown_version(path);
        if (state == COPY_GOOD && (newest == NULL || cask_load64(copy + 8) > cask_load64(newest + 8)))
            newest = copy;
    }
    if (newest == NULL && is_unknown_v4(bytes))
        return unknown_version(path);
    if (newest == NULL)
        return cask_fail_word(CASK_E_CORRUPT, "conf", CASK_IN_FILE(path),
                              "none of the four copies of the conf is whole; restore it from a copy");

    /* No commit has the number 0: it stands in the copies that were made beside the first commit and say the same. */
    sequence = cask_load64(newest + 8);
    if (sequence == 0)
        sequence = 1;

    /* Copies 0 and 1 are of the even sequence number, 2 and 3 of the odd one. */
    for (unsigned i = 0; i < CASK_CONF_COPIES; i++) {
        const uint8_t *copy = bytes + (size_t)i * CASK_CONF_COPY_SPACING;
        bool of_newest = (i / 2) == (sequence & 1);

        if ((of_newest && (memcmp(copy, newest, CASK_CONF_COPY_SIZE) != 0 || cask_load64(copy + 8) != sequence)) ||
            (!of_newest && (judge_copy(copy) == COPY_BAD || cask_load64(copy + 8) + 1 != sequence)) ||
            !cask_all_zero(copy + CASK_CONF_COPY_SIZE, CASK_CONF_COPY_SPACING - CASK_CONF_COPY_SIZE))
            damage->copies |= 1u << i;
    }
    CASK_TRY(decode_v4(conf, newest, path));
    conf->sequence = sequence;
    return CASK_OK;
}

/* ---- All versions ---- */

static int decode(cask_conf *conf, cask_conf_damage *damage, const uint8_t *bytes, size_t size, const char *path)
{
    if (size >= MAGIC_SIZE && memcmp(bytes, magic_v2, MAGIC_SIZE - 1) == 0 && bytes[7] != '2' && bytes[7] != '3')
        return unknown_version(path);
    if (size > V3_SIZE || (size >= MAGIC_SIZE && is_unknown_v4(bytes)))
        return load_v4(conf, damage, bytes, size, path);
    if (size >= MAGIC_SIZE && memcmp(bytes, magic_v3, MAGIC_SIZE) == 0 && size == V3_FOREIGN_SIZE)
        return cask_fail_word(CASK_E_UNSUPPORTED, "conf", CASK_IN_FILE(path),
                              "this is a 34-byte LHSTBLK3 conf, which is another format than the 52-byte one; read "
                              "the column with the client that wrote it");
    if ((size == V2_SIZE && memcmp(bytes, magic_v2, MAGIC_SIZE) == 0) ||
        (size == V3_SIZE && memcmp(bytes, magic_v3, MAGIC_SIZE) == 0))
        return decode_old(conf, bytes, size, path);
    return cask_fail_word(CASK_E_CORRUPT, "conf", CASK_IN_FILE(path),
                          "%zu bytes that are not a conf; restore it from a copy", size);
}

int cask_conf_load(cask_conf *conf_out, cask_conf_damage *damage, const cask_vfs *vfs, const char *path)
{
    cask_conf conf = { 0 };
    cask_conf_damage found = { 0 };
    uint8_t *bytes = NULL;
    size_t size = 0;
    int code;

    CASK_TRY(cask_read_file(&bytes, &size, vfs, path, CONF_SIZE_MAX));
    code = decode(&conf, &found, bytes, size, path);
    free(bytes);
    CASK_TRY(code);
    *conf_out = conf;
    if (damage != NULL)
        *damage = found;
    return CASK_OK;
}

/* Write one copy, with the zeros behind it. */
static int write_copy(const cask_handle *handle, const char *path, unsigned index, const cask_conf *conf)
{
    uint8_t spaced[CASK_CONF_COPY_SPACING] = { 0 };

    cask_conf_encode_v4(spaced, conf);
    return cask_write_all(handle, path, spaced, sizeof spaced, (uint64_t)index * CASK_CONF_COPY_SPACING);
}

/* The copies that `conf` does not go to say the same under the number before: should both of its own be lost, what
 * they roll back to is no less. */
static cask_conf conf_before(const cask_conf *conf)
{
    cask_conf before = *conf;

    before.sequence--;
    return before;
}

static unsigned first_copy(const cask_conf *conf)
{
    return (unsigned)(conf->sequence & 1) * 2;
}

int cask_conf_create(const cask_conf *conf, const cask_vfs *vfs, const char *folder, const char *path)
{
    uint8_t old[V3_SIZE];
    uint8_t whole[CASK_CONF_V4_SIZE] = { 0 }; /* allocates nothing: an upgrade ends with it */
    cask_conf before = conf_before(conf);

    if (conf->version < 4)
        return cask_replace_file(vfs, folder, path, old, encode_old(old, conf));
    for (unsigned i = 0; i < CASK_CONF_COPIES; i++)
        cask_conf_encode_v4(whole + (size_t)i * CASK_CONF_COPY_SPACING,
                            i / 2 == first_copy(conf) / 2 ? conf : &before);
    return cask_replace_file(vfs, folder, path, whole, CASK_CONF_V4_SIZE);
}

static int store_v4(const cask_conf *conf, const cask_vfs *vfs, const char *path)
{
    cask_handle handle = CASK_HANDLE_INIT;
    uint8_t copy[CASK_CONF_COPY_SIZE];
    uint64_t at = (uint64_t)first_copy(conf) * CASK_CONF_COPY_SPACING;
    int code;

    if (conf->sequence == UINT64_MAX)
        return cask_fail_word(CASK_E_CORRUPT, "conf", CASK_IN_FILE(path),
                              "the numbers of commits are used up, which no use of a column does; restore the conf from "
                              "a copy");
    cask_conf_encode_v4(copy, conf);
    CASK_TRY(cask_handle_open(&handle, vfs, path, CASK_OPEN_WRITE));
    code = cask_write_all(&handle, path, copy, sizeof copy, at);
    if (code == CASK_OK && !CASK_FAULT(marker_in_one_copy))
        code = cask_write_all(&handle, path, copy, sizeof copy, at + CASK_CONF_COPY_SPACING);
    if (code == CASK_OK && !CASK_FAULT(marker_not_synced))
        code = cask_sync(&handle, path);
    cask_handle_close(&handle);
    return code;
}

int cask_conf_store(const cask_conf *conf, const cask_vfs *vfs, const char *folder, const char *path)
{
    if (conf->version < 4)
        return cask_conf_create(conf, vfs, folder, path);
    return store_v4(conf, vfs, path);
}

int cask_conf_mend(const cask_conf *conf, cask_conf_damage damage, const cask_vfs *vfs, const char *folder,
                   const char *path)
{
    cask_handle handle = CASK_HANDLE_INIT;
    cask_conf before = conf_before(conf);
    int code = CASK_OK;

    if (conf->version < 4)
        return cask_sync_folder(vfs, folder);
    if (damage.copies != 0 && !CASK_FAULT(marker_not_healed)) {
        CASK_TRY(cask_handle_open(&handle, vfs, path, CASK_OPEN_WRITE));
        for (unsigned i = 0; i < CASK_CONF_COPIES && code == CASK_OK; i++) {
            if ((damage.copies & 1u << i) != 0)
                code = write_copy(&handle, path, i, i / 2 == first_copy(conf) / 2 ? conf : &before);
        }
        if (code == CASK_OK)
            code = cask_sync(&handle, path);
        cask_handle_close(&handle);
        CASK_TRY(code);
    }
    return store_v4(conf, vfs, path);
}
