#include "pruned_list.h"

#include <stdlib.h>

#include "bytes.h"
#include "codec.h"
#include "error.h"
#include "fault.h"

#define CRC_AT 28

static cask_path list_path(const char *folder)
{
    cask_path path;

    if (cask_path_join(&path, folder, CASK_PRUNED_NAME) < 0)
        path.text[0] = '\0';
    return path;
}

static void encode(uint8_t bytes[CASK_PRUNED_ENTRY_SIZE], const cask_pruned_entry *entry)
{
    cask_store64(bytes, entry->first);
    cask_store64(bytes + 8, entry->last);
    cask_store64(bytes + 16, entry->sequence);
    cask_store32(bytes + 24, (uint32_t)entry->kind);
    cask_store32(bytes + CRC_AT, cask_crc32c(0, bytes, CRC_AT));
}

static bool decode(cask_pruned_entry *entry, const uint8_t bytes[CASK_PRUNED_ENTRY_SIZE])
{
    uint32_t kind = cask_load32(bytes + 24);

    if (cask_load32(bytes + CRC_AT) != cask_crc32c(0, bytes, CRC_AT) ||
        (kind != CASK_INTENT_PRUNE && kind != CASK_INTENT_FORGET))
        return false;
    *entry = (cask_pruned_entry){ .first = cask_load64(bytes),
                                  .last = cask_load64(bytes + 8),
                                  .sequence = cask_load64(bytes + 16),
                                  .kind = (cask_intent_kind)kind };
    return entry->first <= entry->last;
}

/* ---- The end of it: the entries of at most one commit are of no commit. What cannot be read may be torn or may have
 * rotted: it stays where nothing proves the former, and says nothing ---- */

/* The size without what is of no commit: from the first entry on that is of a later one. */
static int committed_size(uint64_t *size_out, uint64_t *file_size_out, const cask_handle *handle, const char *path,
                          const cask_conf *conf)
{
    const uint64_t window = (uint64_t)CASK_SLOTS_PER_FILE * CASK_PRUNED_ENTRY_SIZE;
    uint64_t whole, from;
    uint8_t *bytes;
    int code;

    CASK_TRY(cask_size(handle, path, file_size_out));
    whole = *file_size_out - *file_size_out % CASK_PRUNED_ENTRY_SIZE;
    from = whole > window ? whole - window : 0;
    bytes = malloc((size_t)(whole - from) + 1);
    if (bytes == NULL)
        return cask_fail_nomem();
    code = cask_read_exact(handle, path, bytes, (size_t)(whole - from), from);
    *size_out = whole;
    for (uint64_t at = whole; code == CASK_OK && at > from;) {
        cask_pruned_entry entry;

        at -= CASK_PRUNED_ENTRY_SIZE;
        if (!decode(&entry, bytes + (at - from)))
            continue;
        if (entry.sequence <= conf->sequence)
            break;
        *size_out = at;
    }
    free(bytes);
    return code;
}

int cask_pruned_list_heal(bool *found_out, const cask_vfs *vfs, const char *folder, const cask_conf *conf,
                          bool dry_run)
{
    cask_path path = list_path(folder);
    cask_handle handle = CASK_HANDLE_INIT;
    uint64_t size = 0, file_size = 0;
    bool there = false;
    int code;

    *found_out = false;
    CASK_TRY(cask_exists(&there, vfs, path.text));
    if (!there)
        return CASK_OK;
    CASK_TRY(cask_handle_open(&handle, vfs, path.text, dry_run ? CASK_OPEN_READ : CASK_OPEN_WRITE));
    code = committed_size(&size, &file_size, &handle, path.text, conf);
    if (code == CASK_OK)
        *found_out = size != file_size;
    if (code == CASK_OK && *found_out && !dry_run)
        code = cask_truncate(&handle, path.text, size);
    if (code == CASK_OK && !dry_run)
        code = cask_sync(&handle, path.text);
    cask_handle_close(&handle);
    return code;
}

/* *at_out: where they are now. */
static int append(uint64_t *at_out, const cask_vfs *vfs, const char *path, const cask_conf *conf, const uint8_t *bytes,
                  size_t size)
{
    cask_handle handle = CASK_HANDLE_INIT;
    uint64_t file_size = 0;
    int code;

    CASK_TRY(cask_handle_open(&handle, vfs, path, CASK_OPEN_CREATE));
    code = committed_size(at_out, &file_size, &handle, path, conf);
    if (code == CASK_OK)
        code = cask_write_all(&handle, path, bytes, size, *at_out);
    if (code == CASK_OK && !CASK_FAULT(pruned_list_not_synced))
        code = cask_sync(&handle, path);
    cask_handle_close(&handle);
    return code;
}

int cask_pruned_list_add(const cask_vfs *vfs, const char *folder, const cask_conf *conf,
                         const cask_pruned_entry *entries, size_t count)
{
    cask_path path = list_path(folder);
    uint8_t *bytes;
    uint64_t size = 0;
    int code;

    if (CASK_FAULT(pruned_list_left_out))
        return CASK_OK;
    bytes = malloc(count * CASK_PRUNED_ENTRY_SIZE);
    if (bytes == NULL)
        return cask_fail_nomem();
    for (size_t i = 0; i < count; i++)
        encode(bytes + i * CASK_PRUNED_ENTRY_SIZE, &entries[i]);
    code = append(&size, vfs, path.text, conf, bytes, count * CASK_PRUNED_ENTRY_SIZE);
    free(bytes);
    CASK_TRY(code);
    return size == 0 ? cask_sync_folder(vfs, folder) : CASK_OK;
}

/* ---- All of it ---- */

int cask_pruned_list_load(cask_pruned_list *list, const cask_vfs *vfs, const char *folder, const cask_conf *conf)
{
    const size_t limit = (size_t)CASK_PRUNED_ENTRY_SIZE << 25;
    cask_path path = list_path(folder);
    uint8_t *bytes = NULL;
    size_t size = 0;
    bool there = false;

    *list = (cask_pruned_list){ 0 };
    CASK_TRY(cask_exists(&there, vfs, path.text));
    if (!there)
        return CASK_OK;
    CASK_TRY(cask_read_file(&bytes, &size, vfs, path.text, limit));
    list->entries = malloc((size / CASK_PRUNED_ENTRY_SIZE + 1) * sizeof *list->entries);
    if (list->entries == NULL) {
        free(bytes);
        return cask_fail_nomem();
    }
    for (size_t at = 0; size - at >= CASK_PRUNED_ENTRY_SIZE; at += CASK_PRUNED_ENTRY_SIZE) {
        cask_pruned_entry *entry = &list->entries[list->count];

        if (decode(entry, bytes + at) && entry->sequence <= conf->sequence)
            list->count++;
    }
    free(bytes);
    return CASK_OK;
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
