#include "pruned_list.h"

#include <stdlib.h>

#include "bytes.h"
#include "codec.h"
#include "error.h"
#include "fault.h"

#define CRC_AT 20

static cask_path list_path(const char *folder)
{
    cask_path path;

    if (cask_path_join(&path, folder, CASK_PRUNED_NAME) < 0)
        path.text[0] = '\0';
    return path;
}

static uint64_t committed_size(const cask_conf *conf)
{
    return (uint64_t)conf->pruned_entries * CASK_PRUNED_ENTRY_SIZE;
}

/* The place of the entry is under its checksum, too. */
static uint32_t entry_crc(const uint8_t bytes[CASK_PRUNED_ENTRY_SIZE], uint64_t index)
{
    uint8_t prefix[8];

    cask_store64(prefix, index);
    return cask_crc32c(cask_crc32c(0, prefix, sizeof prefix), bytes, CRC_AT);
}

static void encode(uint8_t bytes[CASK_PRUNED_ENTRY_SIZE], const cask_pruned_entry *entry, uint64_t index)
{
    cask_store64(bytes, entry->first);
    cask_store64(bytes + 8, entry->last);
    cask_store32(bytes + 16, (uint32_t)entry->kind);
    cask_store32(bytes + CRC_AT, entry_crc(bytes, index));
}

static bool decode(cask_pruned_entry *entry, const uint8_t bytes[CASK_PRUNED_ENTRY_SIZE], uint64_t index)
{
    uint32_t kind = cask_load32(bytes + 16);

    if (cask_load32(bytes + CRC_AT) != entry_crc(bytes, index) ||
        (kind != CASK_INTENT_PRUNE && kind != CASK_INTENT_FORGET))
        return false;
    *entry = (cask_pruned_entry){ .first = cask_load64(bytes),
                                  .last = cask_load64(bytes + 8),
                                  .kind = (cask_intent_kind)kind };
    return entry->first <= entry->last;
}

/* ---- Adding and healing ---- */

int cask_pruned_list_heal(bool *found_out, const cask_vfs *vfs, const char *folder, const cask_conf *conf,
                          bool dry_run)
{
    cask_path path = list_path(folder);
    cask_handle handle = CASK_HANDLE_INIT;
    uint64_t size = 0;
    bool there = false;
    int code;

    *found_out = false;
    CASK_TRY(cask_exists(&there, vfs, path.text));
    if (!there)
        return CASK_OK;
    CASK_TRY(cask_handle_open(&handle, vfs, path.text, dry_run ? CASK_OPEN_READ : CASK_OPEN_WRITE));
    code = cask_size(&handle, path.text, &size);
    *found_out = code == CASK_OK && size > committed_size(conf);
    if (*found_out && !dry_run)
        code = cask_truncate(&handle, path.text, committed_size(conf));
    if (code == CASK_OK && !dry_run)
        code = cask_sync(&handle, path.text);
    cask_handle_close(&handle);
    return code;
}

static int write_entries(const cask_handle *handle, const char *path, const cask_pruned_entry *entries, size_t count,
                         uint64_t index)
{
    enum { AT_ONCE = 128 }; /* allocates nothing: pruning is under way */
    uint8_t bytes[AT_ONCE * CASK_PRUNED_ENTRY_SIZE];

    while (count > 0) {
        size_t part = count < AT_ONCE ? count : AT_ONCE;

        for (size_t i = 0; i < part; i++)
            encode(bytes + i * CASK_PRUNED_ENTRY_SIZE, &entries[i], index + i);
        CASK_TRY(cask_write_all(handle, path, bytes, part * CASK_PRUNED_ENTRY_SIZE, index * CASK_PRUNED_ENTRY_SIZE));
        entries += part;
        count -= part;
        index += part;
    }
    return CASK_OK;
}

int cask_pruned_list_add(const cask_vfs *vfs, const char *folder, const cask_conf *conf,
                         const cask_pruned_entry *entries, size_t count)
{
    cask_path path = list_path(folder);
    cask_handle handle = CASK_HANDLE_INIT;
    int code;

    if (CASK_FAULT(pruned_list_left_out))
        return CASK_OK;
    if (count > UINT32_MAX - conf->pruned_entries)
        return cask_fail(CASK_E_REFUSED, CASK_IN_FILE(path.text), "the list of pruned ranges is full");
    CASK_TRY(cask_handle_open(&handle, vfs, path.text, CASK_OPEN_CREATE));
    code = write_entries(&handle, path.text, entries, count, conf->pruned_entries);
    if (code == CASK_OK && !CASK_FAULT(pruned_list_not_synced))
        code = cask_sync(&handle, path.text);
    cask_handle_close(&handle);
    CASK_TRY(code);
    return conf->pruned_entries == 0 ? cask_sync_folder(vfs, folder) : CASK_OK;
}

int cask_pruned_list_make(const cask_vfs *vfs, const char *folder, const cask_pruned_entry *entries, size_t count)
{
    static const cask_conf none;

    CASK_TRY(cask_unlink(vfs, list_path(folder).text));
    return count == 0 ? cask_sync_folder(vfs, folder) : cask_pruned_list_add(vfs, folder, &none, entries, count);
}

/* ---- All of it ---- */

static int load(cask_pruned_list *list, uint8_t *bytes, const cask_handle *handle, const char *path,
                const cask_conf *conf)
{
    size_t size;

    CASK_TRY(cask_read_upto(handle, path, bytes, (size_t)committed_size(conf), 0, &size));
    for (uint64_t i = 0; i < size / CASK_PRUNED_ENTRY_SIZE; i++)
        list->count += decode(&list->entries[list->count], bytes + i * CASK_PRUNED_ENTRY_SIZE, i);
    list->damaged = conf->pruned_entries - list->count;
    return CASK_OK;
}

int cask_pruned_list_load(cask_pruned_list *list, const cask_vfs *vfs, const char *folder, const cask_conf *conf)
{
    cask_path path = list_path(folder);
    cask_handle handle = CASK_HANDLE_INIT;
    uint8_t *bytes;
    uint64_t size;
    int code;

    *list = (cask_pruned_list){ .damaged = conf->pruned_entries };
    if (conf->pruned_entries == 0)
        return CASK_OK;
    code = cask_handle_open(&handle, vfs, path.text, CASK_OPEN_READ);
    if (code == CASK_E_NOTFOUND)
        return CASK_OK;
    CASK_TRY(code);
    /* The conf may claim more than there is. */
    code = cask_size(&handle, path.text, &size);
    if (code == CASK_OK && size < committed_size(conf)) {
        cask_handle_close(&handle);
        return CASK_OK;
    }
    bytes = malloc((size_t)committed_size(conf));
    list->entries = malloc(conf->pruned_entries * sizeof *list->entries);
    if (code == CASK_OK)
        code = bytes == NULL || list->entries == NULL ? cask_fail_nomem() : load(list, bytes, &handle, path.text, conf);
    free(bytes);
    cask_handle_close(&handle);
    if (code != CASK_OK)
        cask_pruned_list_free(list);
    return code;
}

void cask_pruned_list_free(cask_pruned_list *list)
{
    free(list->entries);
    *list = (cask_pruned_list){ 0 };
}

bool cask_pruned_list_has(const cask_pruned_list *list, uint64_t slot)
{
    for (size_t i = list->count; i-- > 0;) {
        if (list->entries[i].first <= slot && slot <= list->entries[i].last)
            return list->entries[i].kind == CASK_INTENT_PRUNE;
    }
    return false;
}
