#include "vfs_memory.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { NAME_SIZE = 64, SECTOR_SIZE = 512, PAGE_SIZE = 4096, GARBAGE = 0xa5 };

#define FILE_LIMIT ((uint64_t)1 << 32)

static void *check_memory(void *memory)
{
    if (memory == NULL)
        abort();
    return memory;
}

/* ---- The bytes of a write --------------------------------------------------------------------------------------- */

typedef struct chunk {
    size_t users;
    size_t size;
    uint8_t bytes[];
} chunk;

static chunk *chunk_new(const void *bytes, size_t size)
{
    chunk *made = check_memory(malloc(sizeof(*made) + size));

    made->users = 1;
    made->size = size;
    if (size > 0)
        memcpy(made->bytes, bytes, size);
    return made;
}

static void chunk_drop(chunk *dropped)
{
    if (dropped != NULL && --dropped->users == 0)
        free(dropped);
}

/* ---- Pages and contents, shared by copies of a disk until one of them is written to ----------------------------- */

typedef struct page {
    size_t users;
    uint64_t hash;
    bool is_hashed;
    uint8_t bytes[PAGE_SIZE];
} page;

/* A page that is absent is all zeros; so is what the last one has beyond the size. */
typedef struct contents {
    size_t users;
    uint64_t size;
    uint64_t hash;
    bool is_hashed;
    size_t page_count; /* at least what the size asks for */
    page **pages;
} contents;

static void page_drop(page *dropped)
{
    if (dropped != NULL && --dropped->users == 0)
        free(dropped);
}

static contents *contents_new(void)
{
    contents *made = check_memory(calloc(1, sizeof(*made)));

    made->users = 1;
    return made;
}

static contents *contents_use(contents *used)
{
    used->users++;
    return used;
}

static void contents_drop(contents *dropped)
{
    if (dropped == NULL || --dropped->users > 0)
        return;
    for (size_t i = 0; i < dropped->page_count; i++)
        page_drop(dropped->pages[i]);
    free(dropped->pages);
    free(dropped);
}

/* Make *own contents that nobody else uses, and about to change. */
static contents *contents_own(contents **own)
{
    contents *shared = *own, *made;

    shared->is_hashed = shared->is_hashed && shared->users > 1;
    if (shared->users == 1)
        return shared;
    made = contents_new();
    made->size = shared->size;
    made->page_count = shared->page_count;
    if (made->page_count > 0)
        made->pages = check_memory(malloc(made->page_count * sizeof(page *)));
    for (size_t i = 0; i < made->page_count; i++) {
        made->pages[i] = shared->pages[i];
        if (made->pages[i] != NULL)
            made->pages[i]->users++;
    }
    shared->users--;
    *own = made;
    return made;
}

/* The page to write to. */
static uint8_t *own_page(contents *c, size_t index)
{
    page *shared = c->pages[index], *made;

    if (shared != NULL && shared->users == 1) {
        shared->is_hashed = false;
        return shared->bytes;
    }
    made = check_memory(malloc(sizeof(*made)));
    made->users = 1;
    made->is_hashed = false;
    if (shared != NULL)
        memcpy(made->bytes, shared->bytes, PAGE_SIZE);
    else
        memset(made->bytes, 0, PAGE_SIZE);
    page_drop(shared);
    c->pages[index] = made;
    return made->bytes;
}

static void ensure_pages(contents *c, size_t count)
{
    if (count <= c->page_count)
        return;
    c->pages = check_memory(realloc(c->pages, count * sizeof(page *)));
    while (c->page_count < count)
        c->pages[c->page_count++] = NULL;
}

static void contents_resize(contents **own, uint64_t size)
{
    contents *c;
    size_t pages = (size_t)((size + PAGE_SIZE - 1) / PAGE_SIZE), rest = (size_t)(size % PAGE_SIZE);

    if (size == (*own)->size)
        return;
    c = contents_own(own);
    for (size_t i = pages; i < c->page_count; i++) {
        page_drop(c->pages[i]);
        c->pages[i] = NULL;
    }
    if (size < c->size && rest > 0 && c->pages[pages - 1] != NULL)
        memset(own_page(c, pages - 1) + rest, 0, PAGE_SIZE - rest);
    ensure_pages(c, pages);
    c->size = size;
}

/* `bytes` NULL: fill with garbage. */
static void contents_write(contents **own, uint64_t offset, const uint8_t *bytes, size_t size)
{
    contents *c = contents_own(own);

    ensure_pages(c, (size_t)((offset + size + PAGE_SIZE - 1) / PAGE_SIZE));
    if (offset + size > c->size)
        c->size = offset + size;
    while (size > 0) {
        size_t at = (size_t)(offset % PAGE_SIZE), part = size < PAGE_SIZE - at ? size : PAGE_SIZE - at;
        uint8_t *to = own_page(c, (size_t)(offset / PAGE_SIZE)) + at;

        if (bytes != NULL) {
            memcpy(to, bytes, part);
            bytes += part;
        } else {
            memset(to, GARBAGE, part);
        }
        offset += part;
        size -= part;
    }
}

/* `size` bytes that are there. Most of an offset table is pages that are absent. */
static void contents_read(const contents *c, uint64_t offset, uint8_t *bytes, size_t size)
{
    while (size > 0) {
        size_t index = (size_t)(offset / PAGE_SIZE), at = (size_t)(offset % PAGE_SIZE), part = PAGE_SIZE - at;
        const page *from = c->pages[index];

        while (from == NULL && part < size && c->pages[++index] == NULL)
            part += PAGE_SIZE;
        part = part < size ? part : size;
        if (from != NULL)
            memcpy(bytes, from->bytes + at, part);
        else
            memset(bytes, 0, part);
        bytes += part;
        offset += part;
        size -= part;
    }
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t both[2] = { a, b };

    return XXH3_64bits(both, sizeof(both));
}

/* 0 for a page of zeros, as for one that is absent. */
static uint64_t page_hash(page *hashed)
{
    static const uint8_t zeros[PAGE_SIZE];

    if (!hashed->is_hashed) {
        hashed->hash = memcmp(hashed->bytes, zeros, PAGE_SIZE) == 0 ? 0 : XXH3_64bits(hashed->bytes, PAGE_SIZE) | 1;
        hashed->is_hashed = true;
    }
    return hashed->hash;
}

static uint64_t contents_hash(contents *c)
{
    uint64_t sum = 0;

    if (c->is_hashed)
        return c->hash;
    for (size_t i = 0; i < c->page_count; i++) {
        uint64_t hash = c->pages[i] == NULL ? 0 : page_hash(c->pages[i]);
        sum += hash == 0 ? 0 : mix(hash, i);
    }
    c->hash = mix(sum, c->size);
    c->is_hashed = true;
    return c->hash;
}

/* ---- The disk --------------------------------------------------------------------------------------------------- */

typedef struct inode {
    bool is_folder;
    uint64_t path_hash; /* of a folder; folders do not move */
    contents *now;      /* of a file */
    contents *durable;
} inode;

typedef struct entry {
    size_t folder;
    char name[NAME_SIZE];
    size_t inode;
} entry;

typedef struct entry_list {
    entry *items;
    size_t count;
} entry_list;

typedef enum change_kind { CHANGE_WRITE, CHANGE_TRUNCATE, CHANGE_ENTRY } change_kind;

/* A change that is not durable yet. */
typedef struct change {
    change_kind kind;
    size_t inode;    /* of the file; the new entry leads to */
    uint64_t offset; /* of a write; new size of a truncation */
    chunk *bytes;    /* of a write */
    size_t folder;   /* of an entry, and the next two as well: this one goes, that one comes; "": none */
    char from[NAME_SIZE];
    char to[NAME_SIZE];
} change;

typedef struct open_file {
    bool is_open;
    bool writable;
    bool locked;
    size_t inode;
    char path[128];
} open_file;

struct memory_disk {
    cask_vfs vfs;
    inode *inodes; /* 0 is "/" */
    size_t inode_count;
    entry_list now;
    entry_list durable;
    change *pending;
    size_t pending_count;
    open_file *files;
    size_t file_count;
    disk_step *steps;
    size_t step_count;
    void (*visit)(void *payload);
    void *visit_payload;
};

/* Room for one more item behind `count`; its address. */
#define APPEND(items, count) (*(items) = grow_array(*(items), *(count), sizeof(**(items))), &(*(items))[(*(count))++])

static void *grow_array(void *items, size_t count, size_t item_size)
{
    /* Powers of two only: the array is full exactly then. */
    if (count != 0 && (count & (count - 1)) != 0)
        return items;
    return check_memory(realloc(items, (count == 0 ? 1 : 2 * count) * item_size));
}

static entry *find_entry(const entry_list *list, size_t folder, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].folder == folder && strcmp(list->items[i].name, name) == 0)
            return &list->items[i];
    return NULL;
}

static void remove_entry(entry_list *list, size_t folder, const char *name)
{
    entry *found = find_entry(list, folder, name);

    if (found == NULL)
        return;
    *found = list->items[list->count - 1];
    list->count--;
}

static void set_entry(entry_list *list, size_t folder, const char *name, size_t to)
{
    entry *found;

    remove_entry(list, folder, name);
    found = APPEND(&list->items, &list->count);
    found->folder = folder;
    found->inode = to;
    memcpy(found->name, name, strlen(name) + 1);
}

static void apply_entry_change(entry_list *list, const change *applied)
{
    if (applied->from[0] != 0)
        remove_entry(list, applied->folder, applied->from);
    if (applied->to[0] != 0)
        set_entry(list, applied->folder, applied->to, applied->inode);
}

static uint64_t hash_name(uint64_t folder_hash, const char *name)
{
    return mix(folder_hash, XXH3_64bits(name, strlen(name)));
}

static size_t new_file(memory_disk *disk)
{
    inode *made = APPEND(&disk->inodes, &disk->inode_count);

    *made = (inode){ .now = contents_new() };
    made->durable = contents_use(made->now);
    return disk->inode_count - 1;
}

static size_t new_folder(memory_disk *disk, uint64_t path_hash)
{
    size_t made = new_file(disk);

    disk->inodes[made].is_folder = true;
    disk->inodes[made].path_hash = path_hash;
    return made;
}

/* ---- Paths ------------------------------------------------------------------------------------------------------ */

/*
 * The folder that holds the last part of `path`, and that part (empty: the path is "/"). 0 or a negative errno.
 */
static int find_parent(const memory_disk *disk, const char *path, size_t *folder_out, char name[NAME_SIZE])
{
    size_t folder = 0;

    name[0] = 0;
    while (*path != 0) {
        size_t size = strcspn(path, "/");
        if (size >= NAME_SIZE)
            return -ENAMETOOLONG;
        if (size > 0 && name[0] != 0) {
            const entry *found = find_entry(&disk->now, folder, name);
            if (found == NULL)
                return -ENOENT;
            if (!disk->inodes[found->inode].is_folder)
                return -ENOTDIR;
            folder = found->inode;
        }
        if (size > 0) {
            memcpy(name, path, size);
            name[size] = 0;
        }
        path += size + (path[size] == '/');
    }
    *folder_out = folder;
    return 0;
}

/* The inode that `path` leads to, or a negative errno. */
static int64_t find_inode(const memory_disk *disk, const char *path)
{
    char name[NAME_SIZE];
    size_t folder;
    const entry *found;
    int result = find_parent(disk, path, &folder, name);

    if (result < 0)
        return result;
    if (name[0] == 0)
        return 0;
    found = find_entry(&disk->now, folder, name);
    return found == NULL ? -ENOENT : (int64_t)found->inode;
}

/* ---- Steps ------------------------------------------------------------------------------------------------------ */

static void copy_path(char to[128], const char *path)
{
    size_t size = strlen(path);

    if (size > 127) {
        path += size - 127;
        size = 127;
    }
    memcpy(to, path, size + 1);
}

/* To be called before the change is made. The visitor may open files: pointers to open ones are no good afterwards. */
static void note_step(memory_disk *disk, disk_step_kind kind, const char *path, uint64_t offset, uint64_t size)
{
    disk_step step = { .kind = kind, .offset = offset, .size = size };

    copy_path(step.path, path);
    if (disk->visit != NULL)
        disk->visit(disk->visit_payload);
    *APPEND(&disk->steps, &disk->step_count) = step;
}

static change *note_change(memory_disk *disk, change_kind kind, size_t target)
{
    change *noted = APPEND(&disk->pending, &disk->pending_count);

    *noted = (change){ .kind = kind, .inode = target };
    return noted;
}

static void change_entry(memory_disk *disk, size_t folder, const char *from, const char *to, size_t target)
{
    change *noted = note_change(disk, CHANGE_ENTRY, target);

    noted->folder = folder;
    memcpy(noted->from, from, strlen(from) + 1);
    memcpy(noted->to, to, strlen(to) + 1);
    apply_entry_change(&disk->now, noted);
}

size_t memory_disk_steps(const memory_disk *disk, const disk_step **steps_out)
{
    *steps_out = disk->steps;
    return disk->step_count;
}

void memory_disk_forget_steps(memory_disk *disk)
{
    free(disk->steps);
    disk->steps = NULL;
    disk->step_count = 0;
}

size_t memory_disk_count_steps(const memory_disk *disk, disk_step_kind kind, const char *suffix)
{
    size_t count = 0, suffix_size = strlen(suffix);

    for (size_t i = 0; i < disk->step_count; i++) {
        const disk_step *step = &disk->steps[i];
        size_t size = strlen(step->path);
        count += step->kind == kind && size >= suffix_size && strcmp(step->path + size - suffix_size, suffix) == 0;
    }
    return count;
}

void memory_disk_print_steps(const memory_disk *disk)
{
    static const char *const kinds[] = { "create",    "write",  "truncate",    "sync",
                                         "rename to", "unlink", "make folder", "sync folder" };

    for (size_t i = 0; i < disk->step_count; i++) {
        const disk_step *step = &disk->steps[i];
        fprintf(stderr, "%4zu %-11s %s", i, kinds[step->kind], step->path);
        if (step->kind == STEP_WRITE || step->kind == STEP_TRUNCATE)
            fprintf(stderr, " @%" PRIu64 " +%" PRIu64, step->offset, step->size);
        fputc('\n', stderr);
    }
}

void memory_disk_on_step(memory_disk *disk, void (*visit)(void *payload), void *payload)
{
    disk->visit = visit;
    disk->visit_payload = payload;
}

/* ---- The table -------------------------------------------------------------------------------------------------- */

static open_file *get_file(memory_disk *disk, int file)
{
    assert(file >= 0 && (size_t)file < disk->file_count && disk->files[file].is_open);
    return &disk->files[file];
}

static void set_size(memory_disk *disk, const char *path, size_t target, uint64_t size)
{
    note_step(disk, STEP_TRUNCATE, path, size, 0);
    note_change(disk, CHANGE_TRUNCATE, target)->offset = size;
    contents_resize(&disk->inodes[target].now, size);
}

/* The file to open, made or emptied as `mode` says, or a negative errno. */
static int64_t open_inode(memory_disk *disk, const char *path, cask_open_mode mode)
{
    int64_t found = find_inode(disk, path);
    char name[NAME_SIZE];
    size_t folder;

    if (found == -ENOENT && (mode == CASK_OPEN_CREATE || mode == CASK_OPEN_TRUNCATE)) {
        int result = find_parent(disk, path, &folder, name);
        if (result < 0)
            return result;
        note_step(disk, STEP_CREATE, path, 0, 0);
        found = (int64_t)new_file(disk);
        change_entry(disk, folder, "", name, (size_t)found);
    }
    if (found >= 0 && disk->inodes[found].is_folder)
        return -EISDIR;
    if (found >= 0 && mode == CASK_OPEN_TRUNCATE && disk->inodes[found].now->size > 0)
        set_size(disk, path, (size_t)found, 0);
    return found;
}

static int memory_open(void *context, const char *path, cask_open_mode mode)
{
    memory_disk *disk = context;
    int64_t found = open_inode(disk, path, mode);
    size_t file = 0;
    open_file *opened;

    if (found < 0)
        return (int)found;
    while (file < disk->file_count && disk->files[file].is_open)
        file++;
    opened = file < disk->file_count ? &disk->files[file] : APPEND(&disk->files, &disk->file_count);
    *opened = (open_file){ .is_open = true, .writable = mode != CASK_OPEN_READ, .inode = (size_t)found };
    copy_path(opened->path, path);
    return (int)file;
}

static int memory_close(void *context, int file)
{
    get_file(context, file)->is_open = false;
    return 0;
}

static int64_t memory_read_at(void *context, int file, void *buffer, size_t size, uint64_t offset)
{
    memory_disk *disk = context;
    const contents *from = disk->inodes[get_file(disk, file)->inode].now;

    if (offset >= from->size)
        return 0;
    if (size > from->size - offset)
        size = (size_t)(from->size - offset);
    contents_read(from, offset, buffer, size);
    return (int64_t)size;
}

static int64_t memory_write_at(void *context, int file, const void *buffer, size_t size, uint64_t offset)
{
    memory_disk *disk = context;
    const open_file *to = get_file(disk, file);
    size_t target = to->inode;
    change *noted;

    if (!to->writable)
        return -EBADF;
    if (offset > FILE_LIMIT || size > FILE_LIMIT - offset)
        return -EFBIG;
    note_step(disk, STEP_WRITE, to->path, offset, size);
    noted = note_change(disk, CHANGE_WRITE, target);
    noted->offset = offset;
    noted->bytes = chunk_new(buffer, size);
    contents_write(&disk->inodes[target].now, offset, buffer, size);
    return (int64_t)size;
}

/* Take the changes of `target` (contents of a file, entries of a folder) off the pending ones. */
static void settle(memory_disk *disk, bool is_entry, size_t target)
{
    change *pending = disk->pending;
    size_t count = disk->pending_count;

    disk->pending = NULL;
    disk->pending_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_entry != (pending[i].kind == CHANGE_ENTRY) ||
            target != (is_entry ? pending[i].folder : pending[i].inode)) {
            *APPEND(&disk->pending, &disk->pending_count) = pending[i];
        } else if (is_entry) {
            apply_entry_change(&disk->durable, &pending[i]);
        } else {
            chunk_drop(pending[i].bytes);
        }
    }
    free(pending);
}

static int memory_sync(void *context, int file)
{
    memory_disk *disk = context;
    const open_file *synced = get_file(disk, file);
    size_t synced_inode = synced->inode;
    inode *target;

    note_step(disk, STEP_SYNC, synced->path, 0, 0);
    settle(disk, false, synced_inode);
    target = &disk->inodes[synced_inode];
    contents_drop(target->durable);
    target->durable = contents_use(target->now);
    return 0;
}

/* Zeros are written then, which a crash tears like any other write. */
static int memory_punch(void *context, int file, uint64_t offset, uint64_t size)
{
    (void)context, (void)file, (void)offset, (void)size;
    return -EOPNOTSUPP;
}

static int memory_truncate(void *context, int file, uint64_t size)
{
    memory_disk *disk = context;
    const open_file *cut = get_file(disk, file);

    if (!cut->writable)
        return -EBADF;
    if (size > FILE_LIMIT)
        return -EFBIG;
    set_size(disk, cut->path, cut->inode, size);
    return 0;
}

static int memory_size(void *context, int file, uint64_t *size_out)
{
    memory_disk *disk = context;

    *size_out = disk->inodes[get_file(disk, file)->inode].now->size;
    return 0;
}

static int memory_lock(void *context, int file)
{
    memory_disk *disk = context;
    open_file *wanted = get_file(disk, file);

    for (size_t i = 0; i < disk->file_count; i++) {
        const open_file *other = &disk->files[i];
        if (other != wanted && other->is_open && other->locked && other->inode == wanted->inode)
            return -EWOULDBLOCK;
    }
    wanted->locked = true;
    return 0;
}

static int memory_stat(void *context, const char *path, cask_file_info *info_out)
{
    memory_disk *disk = context;
    int64_t found = find_inode(disk, path);

    if (found < 0)
        return (int)found;
    info_out->is_folder = disk->inodes[found].is_folder;
    info_out->size = disk->inodes[found].now->size;
    return 0;
}

static int memory_rename(void *context, const char *from, const char *to)
{
    memory_disk *disk = context;
    int64_t source = find_inode(disk, from), target = find_inode(disk, to);
    char from_name[NAME_SIZE], to_name[NAME_SIZE];
    size_t from_folder, to_folder;
    int result;

    if (source < 0)
        return (int)source;
    if (target >= 0 && disk->inodes[target].is_folder != disk->inodes[source].is_folder)
        return disk->inodes[target].is_folder ? -EISDIR : -ENOTDIR;
    find_parent(disk, from, &from_folder, from_name);
    result = find_parent(disk, to, &to_folder, to_name);
    if (result < 0)
        return result;
    if (from_folder != to_folder)
        return -EXDEV; /* nothing here moves files between folders */
    note_step(disk, STEP_RENAME, to, 0, 0);
    change_entry(disk, to_folder, from_name, to_name, (size_t)source);
    return 0;
}

static int memory_unlink(void *context, const char *path)
{
    memory_disk *disk = context;
    int64_t found = find_inode(disk, path);
    char name[NAME_SIZE];
    size_t folder;

    if (found < 0)
        return (int)found;
    if (disk->inodes[found].is_folder)
        return -EISDIR;
    find_parent(disk, path, &folder, name);
    note_step(disk, STEP_UNLINK, path, 0, 0);
    change_entry(disk, folder, name, "", (size_t)found);
    return 0;
}

static int memory_make_folder(void *context, const char *path)
{
    memory_disk *disk = context;
    int64_t found = find_inode(disk, path);
    char name[NAME_SIZE];
    size_t folder;
    int result;

    if (found >= 0)
        return -EEXIST;
    result = find_parent(disk, path, &folder, name);
    if (result < 0)
        return result;
    note_step(disk, STEP_MAKE_FOLDER, path, 0, 0);
    change_entry(disk, folder, "", name, new_folder(disk, hash_name(disk->inodes[folder].path_hash, name)));
    return 0;
}

static int memory_sync_folder(void *context, const char *path)
{
    memory_disk *disk = context;
    int64_t found = find_inode(disk, path);

    if (found < 0)
        return (int)found;
    if (!disk->inodes[found].is_folder)
        return -ENOTDIR;
    note_step(disk, STEP_SYNC_FOLDER, path, 0, 0);
    settle(disk, true, (size_t)found);
    return 0;
}

/* Entries that the visitor removes or adds are another's business: the list is copied first. */
static int memory_list(void *context, const char *path, int (*visit)(const char *name, void *payload), void *payload)
{
    memory_disk *disk = context;
    int64_t folder = find_inode(disk, path);
    size_t count = disk->now.count;
    entry *items;
    int result = 0;

    if (folder < 0)
        return (int)folder;
    if (!disk->inodes[folder].is_folder)
        return -ENOTDIR;
    items = check_memory(malloc((count + 1) * sizeof(*items)));
    if (count > 0)
        memcpy(items, disk->now.items, count * sizeof(*items));
    for (size_t i = 0; i < count && result == 0; i++)
        if (items[i].folder == (size_t)folder)
            result = visit(items[i].name, payload);
    free(items);
    return result;
}

memory_disk *memory_disk_new(void)
{
    memory_disk *disk = check_memory(calloc(1, sizeof(*disk)));

    disk->vfs = (cask_vfs){
        .context = disk,
        .open = memory_open,
        .close = memory_close,
        .read_at = memory_read_at,
        .write_at = memory_write_at,
        .sync = memory_sync,
        .truncate = memory_truncate,
        .punch = memory_punch,
        .size = memory_size,
        .lock = memory_lock,
        .stat = memory_stat,
        .rename = memory_rename,
        .unlink = memory_unlink,
        .make_folder = memory_make_folder,
        .sync_folder = memory_sync_folder,
        .list = memory_list,
    };
    new_folder(disk, 0);
    return disk;
}

void memory_disk_free(memory_disk *disk)
{
    if (disk == NULL)
        return;
    for (size_t i = 0; i < disk->inode_count; i++) {
        contents_drop(disk->inodes[i].now);
        contents_drop(disk->inodes[i].durable);
    }
    for (size_t i = 0; i < disk->pending_count; i++)
        chunk_drop(disk->pending[i].bytes);
    free(disk->inodes);
    free(disk->now.items);
    free(disk->durable.items);
    free(disk->pending);
    free(disk->files);
    free(disk->steps);
    free(disk);
}

const cask_vfs *memory_disk_vfs(memory_disk *disk)
{
    return &disk->vfs;
}

/* ---- Crashes ---------------------------------------------------------------------------------------------------- */

static void copy_entries(entry_list *to, const entry_list *from)
{
    for (size_t i = 0; i < from->count; i++)
        *APPEND(&to->items, &to->count) = from->items[i];
}

/* The same files and entries, as programs see them, with nothing pending; or as they are durable. */
static memory_disk *copy_disk(const memory_disk *disk, bool durable)
{
    memory_disk *copy = check_memory(calloc(1, sizeof(*copy)));

    copy->vfs = disk->vfs;
    copy->vfs.context = copy;
    for (size_t i = 0; i < disk->inode_count; i++) {
        inode *added = APPEND(&copy->inodes, &copy->inode_count);
        *added = disk->inodes[i];
        added->now = contents_use(durable ? added->durable : added->now);
        contents_use(added->durable);
    }
    copy_entries(&copy->now, durable ? &disk->durable : &disk->now);
    copy_entries(&copy->durable, &disk->durable);
    return copy;
}

static memory_disk *copy_with_pending(const memory_disk *disk)
{
    memory_disk *copy = copy_disk(disk, false);

    for (size_t i = 0; i < disk->pending_count; i++) {
        change *added = APPEND(&copy->pending, &copy->pending_count);
        *added = disk->pending[i];
        if (added->bytes != NULL)
            added->bytes->users++;
    }
    return copy;
}

/* Entries of a folder that itself was lost are lost. */
static void remove_unreachable(entry_list *list)
{
    for (size_t i = 0; i < list->count;) {
        bool reached = list->items[i].folder == 0;

        for (size_t j = 0; j < list->count && !reached; j++)
            reached = list->items[j].inode == list->items[i].folder;
        if (reached) {
            i++;
        } else {
            list->items[i] = list->items[--list->count];
            i = 0;
        }
    }
}

/* What is there now is what is on the device. */
static void settle_all(memory_disk *disk)
{
    remove_unreachable(&disk->now);
    for (size_t i = 0; i < disk->inode_count; i++) {
        contents_drop(disk->inodes[i].durable);
        disk->inodes[i].durable = contents_use(disk->inodes[i].now);
    }
    disk->durable.count = 0;
    copy_entries(&disk->durable, &disk->now);
}

/* The choices so far, and room for more. */
typedef struct choice_list {
    crash_choice *items;
    size_t count;
} choice_list;

static void add_choice(choice_list *list, crash_choice choice)
{
    if (choice.outcomes > 1)
        *APPEND(&list->items, &list->count) = choice;
}

/* The size of the file after this change of it. */
static uint64_t size_after(const change *made, uint64_t before)
{
    uint64_t end = made->kind == CHANGE_TRUNCATE ? made->offset : made->offset + made->bytes->size;

    return made->kind == CHANGE_TRUNCATE || end > before ? end : before;
}

/* Visit the sizes that a file had since its last sync. The size after `outcome` of them, at most; the pending changes
 * before *upto_out had been made then. */
static uint64_t nth_size(const memory_disk *disk, size_t file, unsigned outcome, size_t *upto_out, unsigned *count_out)
{
    uint64_t size = disk->inodes[file].durable->size, found = size;
    unsigned count = 1;
    size_t upto = 0;

    for (size_t i = 0; i < disk->pending_count; i++) {
        const change *made = &disk->pending[i];
        uint64_t after;

        if (made->kind == CHANGE_ENTRY || made->inode != file)
            continue;
        after = size_after(made, size);
        if (after != size && count++ <= outcome) {
            found = after;
            upto = i + 1;
        }
        size = after;
    }
    *upto_out = upto;
    *count_out = count;
    return found;
}

static bool is_first_of_file(const memory_disk *disk, size_t change_index)
{
    for (size_t i = 0; i < change_index; i++)
        if (disk->pending[i].kind != CHANGE_ENTRY && disk->pending[i].inode == disk->pending[change_index].inode)
            return false;
    return disk->pending[change_index].kind != CHANGE_ENTRY;
}

static void add_file_choices(choice_list *list, const memory_disk *disk, size_t change_index)
{
    size_t file = disk->pending[change_index].inode, upto;
    unsigned sizes;

    nth_size(disk, file, 0, &upto, &sizes);
    add_choice(list, (crash_choice){ .kind = CHOICE_SIZE, .outcomes = sizes, .change = change_index, .file = file });
    /* Only a write leaves garbage: what a truncation adds is a hole. */
    for (size_t i = change_index; i < disk->pending_count; i++) {
        const change *made = &disk->pending[i];
        if (made->kind == CHANGE_WRITE && made->inode == file &&
            made->offset + made->bytes->size > disk->inodes[file].durable->size) {
            add_choice(list,
                       (crash_choice){ .kind = CHOICE_TAIL, .outcomes = 2, .change = change_index, .file = file });
            break;
        }
    }
}

static void add_parts(choice_list *list, const change *made, size_t change_index)
{
    for (size_t at = 0; at < made->bytes->size;) {
        size_t room = SECTOR_SIZE - (size_t)((made->offset + at) % SECTOR_SIZE);
        size_t part = made->bytes->size - at < room ? made->bytes->size - at : room;
        add_choice(list, (crash_choice){ .kind = CHOICE_WRITE,
                                         .outcomes = 2,
                                         .change = change_index,
                                         .file = made->inode,
                                         .offset = made->offset + at,
                                         .size = part });
        at += part;
    }
}

size_t memory_disk_choices(const memory_disk *disk, crash_choice **choices_out)
{
    choice_list list = { NULL, 0 };

    for (size_t i = 0; i < disk->pending_count; i++)
        if (is_first_of_file(disk, i))
            add_file_choices(&list, disk, i);
    for (size_t i = 0; i < disk->pending_count; i++) {
        const change *made = &disk->pending[i];
        if (made->kind == CHANGE_ENTRY)
            add_choice(&list, (crash_choice){ .kind = CHOICE_ENTRY, .outcomes = 2, .change = i, .file = made->inode });
        else if (made->kind == CHANGE_WRITE)
            add_parts(&list, made, i);
    }
    *choices_out = list.items;
    return list.count;
}

/* The outcome of a choice about a whole file; 0 if there is no such choice. */
static unsigned file_outcome(const crash_choice *choices, const uint8_t *outcomes, size_t count, crash_choice_kind kind,
                             size_t file)
{
    for (size_t i = 0; i < count && choices[i].kind <= CHOICE_TAIL; i++)
        if (choices[i].kind == kind && choices[i].file == file)
            return outcomes[i];
    return 0;
}

/* What became longer and was never written, as far as a write was to fill it. */
static void fill_with_garbage(memory_disk *crashed, const memory_disk *disk, size_t file)
{
    uint64_t durable_size = disk->inodes[file].durable->size;

    for (size_t i = 0; i < disk->pending_count; i++) {
        const change *made = &disk->pending[i];
        uint64_t from, end;

        if (made->kind != CHANGE_WRITE || made->inode != file)
            continue;
        from = made->offset > durable_size ? made->offset : durable_size;
        end = made->offset + made->bytes->size;
        if (end > from)
            contents_write(&crashed->inodes[file].now, from, NULL, (size_t)(end - from));
    }
}

/* The contents of one file: the parts of writes that arrived, and the truncations that its size knows of, in order. */
static void apply_to_file(memory_disk *crashed, const memory_disk *disk, const crash_choice *choices,
                          const uint8_t *outcomes, size_t count, size_t file)
{
    contents **own = &crashed->inodes[file].now;
    size_t upto, next = 0;
    unsigned sizes;
    uint64_t size = nth_size(disk, file, file_outcome(choices, outcomes, count, CHOICE_SIZE, file), &upto, &sizes);

    if (file_outcome(choices, outcomes, count, CHOICE_TAIL, file) == 1)
        fill_with_garbage(crashed, disk, file);
    for (size_t i = 0; i < disk->pending_count; i++) {
        const change *made = &disk->pending[i];

        if (made->kind == CHANGE_TRUNCATE && made->inode == file && i < upto)
            contents_resize(own, made->offset);
        for (; next < count && (choices[next].kind < CHOICE_WRITE || choices[next].change <= i); next++) {
            const crash_choice *part = &choices[next];
            if (part->kind == CHOICE_WRITE && part->file == file && outcomes[next] == 1)
                contents_write(own, part->offset, made->bytes->bytes + (part->offset - made->offset), part->size);
        }
    }
    contents_resize(own, size);
}

memory_disk *memory_disk_chosen(const memory_disk *disk, const crash_choice *choices, const uint8_t *outcomes,
                                size_t count)
{
    memory_disk *crashed = copy_disk(disk, true);

    for (size_t i = 0; i < disk->pending_count; i++)
        if (is_first_of_file(disk, i))
            apply_to_file(crashed, disk, choices, outcomes, count, disk->pending[i].inode);
    for (size_t i = 0; i < count; i++)
        if (choices[i].kind == CHOICE_ENTRY && outcomes[i] == 1)
            apply_entry_change(&crashed->now, &disk->pending[choices[i].change]);
    settle_all(crashed);
    return crashed;
}

static const char *name_of(const memory_disk *disk, size_t file)
{
    const char *name = "?";

    for (size_t i = 0; i < disk->now.count; i++)
        if (disk->now.items[i].inode == file)
            name = disk->now.items[i].name;
    return name;
}

void memory_disk_print_choice(const memory_disk *disk, const crash_choice *choice, unsigned outcome)
{
    const change *made = &disk->pending[choice->change];
    size_t upto;
    unsigned sizes;

    switch (choice->kind) {
    case CHOICE_SIZE:
        fprintf(stderr, "  %s has %" PRIu64 " bytes\n", name_of(disk, choice->file),
                nth_size(disk, choice->file, outcome, &upto, &sizes));
        break;
    case CHOICE_TAIL:
        fprintf(stderr, "  %s ends in %s\n", name_of(disk, choice->file), outcome == 0 ? "zeros" : "garbage");
        break;
    case CHOICE_WRITE:
        fprintf(stderr, "  %s @%" PRIu64 " +%zu is %s\n", name_of(disk, choice->file), choice->offset, choice->size,
                outcome == 0 ? "lost" : "written");
        break;
    case CHOICE_ENTRY:
        fprintf(stderr, "  entry '%s' to '%s' is %s\n", made->from, made->to, outcome == 0 ? "lost" : "kept");
        break;
    }
}

static uint64_t next_random(uint64_t *seed)
{
    uint64_t mixed = *seed += 0x9e3779b97f4a7c15u;

    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    return mixed ^ mixed >> 31;
}

memory_disk *memory_disk_after_crash(const memory_disk *disk, disk_loss loss, uint64_t seed)
{
    memory_disk *crashed;
    crash_choice *choices;
    uint8_t *outcomes;
    size_t count;

    if (loss == LOSS_NOTHING)
        return copy_with_pending(disk);
    count = memory_disk_choices(disk, &choices);
    outcomes = check_memory(calloc(count + 1, 1));
    for (size_t i = 0; i < count && loss == LOSS_SOME; i++)
        outcomes[i] = (uint8_t)(next_random(&seed) % choices[i].outcomes);
    crashed = memory_disk_chosen(disk, choices, outcomes, count);
    free(outcomes);
    free(choices);
    return crashed;
}

/* ---- Comparing -------------------------------------------------------------------------------------------------- */

static uint64_t hash_entries(const memory_disk *disk, const entry_list *list, bool durable)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < list->count; i++) {
        const entry *e = &list->items[i];
        const inode *target = &disk->inodes[e->inode];
        uint64_t hash = target->is_folder ? 1 : contents_hash(durable ? target->durable : target->now);

        sum += mix(hash_name(disk->inodes[e->folder].path_hash, e->name), hash);
    }
    return sum;
}

uint64_t memory_disk_hash(const memory_disk *disk)
{
    return hash_entries(disk, &disk->now, false);
}

uint64_t memory_disk_durable_hash(const memory_disk *disk)
{
    return hash_entries(disk, &disk->durable, true);
}
