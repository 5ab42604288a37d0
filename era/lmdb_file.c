#include "lmdb_file.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "../archive/error.h"

/*
 * The format is that of LMDB 0.9 (data version 1), native to the machine: sizes and page numbers are a size_t.
 * A page is a head, u16 offsets of its nodes that ascend by key, free space, and nodes.
 */
typedef struct page_head {
    size_t number;
    uint16_t unused, flags;
    uint16_t lower, upper; /* where the free space begins and ends */
} page_head;

typedef struct page_node {
    uint16_t words[2]; /* leaf: size of the value; branch: page number, with `flags` as its upper bits */
    uint16_t flags;
    uint16_t key_size;
} page_node;

/* One of the first two pages; the one with the later commit holds. */
typedef struct meta_page {
    page_head head;
    uint32_t magic, version;
    size_t address, map_size;
    struct {
        uint32_t pad; /* of the first: the size of a page */
        uint16_t flags, depth;
        size_t branch_pages, leaf_pages, overflow_pages, entries, root;
    } trees[2]; /* of free pages, and the one of the entries */
    size_t last_page, commit;
} meta_page;

enum {
    HEAD_SIZE = sizeof(size_t) + 8,
    NODE_SIZE = 8,
    META_FLAG = 0x08,
    META_VERSION = 1,
    BRANCH_FLAG = 0x01,
    LEAF_FLAG = 0x02,
    OVERFLOW_FLAG = 0x04,
    NODE_ELSEWHERE = 0x01, /* the value of a node is on pages of its own, whose number it has */
    FREE_TREE_FLAGS = 0x4008, /* integer keys; the environment is a file, not a folder */
    PAGE_SIZE_LEAST = 512,
    PAGE_SIZE_MOST = 65536,
    DESCENTS_MAX = 64,
};

#define META_MAGIC UINT32_C(0xbeefc0de)
#define MAP_SIZE_MOST (SIZE_MAX >> 16)

static int fail_damaged(const char *path, uint64_t offset, const char *what)
{
    return cask_fail_word(CASK_E_CORRUPT, "root-index", CASK_AT(path, offset),
                          "the index of roots is damaged, %s; 'slotcask index' makes it anew", what);
}

/* A file that ends too early is a damaged index. */
static int read_bytes(const cask_handle *handle, const char *path, void *buffer, size_t size, uint64_t offset)
{
    int code = cask_read_exact(handle, path, buffer, size, offset);

    return code == CASK_E_CORRUPT ? fail_damaged(path, offset, "it is cut off") : code;
}

/* ---- What the file says of itself -------------------------------------------------------------------------- */

static bool page_size_right(size_t size)
{
    return size >= PAGE_SIZE_LEAST && size <= PAGE_SIZE_MOST && (size & (size - 1)) == 0;
}

static bool root_right(size_t root, size_t last_page)
{
    return root == SIZE_MAX || (root >= 2 && root <= last_page);
}

static bool meta_right(const meta_page *meta, size_t page_size, uint64_t file_size)
{
    return meta->head.flags == META_FLAG && meta->magic == META_MAGIC && meta->version == META_VERSION &&
           meta->address == 0 && meta->map_size <= MAP_SIZE_MOST && meta->trees[0].pad == page_size &&
           meta->trees[0].flags == FREE_TREE_FLAGS && meta->trees[1].flags == 0 && meta->last_page >= 1 &&
           meta->last_page < file_size / page_size && root_right(meta->trees[0].root, meta->last_page) &&
           root_right(meta->trees[1].root, meta->last_page);
}

/* The size is looked at last: a writer lets the file grow before it says so. */
static int read_meta(meta_page *newest, const cask_handle *handle, const char *path)
{
    meta_page metas[2];
    uint64_t size;
    size_t page_size;

    CASK_TRY(read_bytes(handle, path, &metas[0], sizeof(metas[0]), 0));
    page_size = metas[0].trees[0].pad;
    if (!page_size_right(page_size))
        return fail_damaged(path, 0, "in its head");
    CASK_TRY(read_bytes(handle, path, &metas[1], sizeof(metas[1]), page_size));
    CASK_TRY(cask_size(handle, path, &size));
    for (size_t i = 0; i < 2; i++)
        if (!meta_right(&metas[i], page_size, size))
            return fail_damaged(path, i * page_size, "in its head");
    *newest = metas[metas[1].commit > metas[0].commit];
    return CASK_OK;
}

static int check_not_empty(const cask_handle *handle, const char *path)
{
    uint64_t size;

    CASK_TRY(cask_size(handle, path, &size));
    return size > 0 ? CASK_OK : cask_fail(CASK_E_NOTFOUND, CASK_IN_FILE(path), "the file is empty");
}

int lmdb_file_open(lmdb_file *file, const cask_vfs *vfs, const char *path)
{
    meta_page meta;
    int code;

    *file = (lmdb_file)LMDB_FILE_INIT;
    code = cask_handle_open(&file->file, vfs, path, CASK_OPEN_READ);
    if (code == CASK_E_INVALID)
        return fail_damaged(path, CASK_NO_OFFSET, "something else is in the place of its file");
    CASK_TRY(code);
    code = check_not_empty(&file->file, path);
    if (code == CASK_OK)
        code = read_meta(&meta, &file->file, path);
    if (code < 0) {
        lmdb_file_close(file);
        return code;
    }
    file->path = path;
    file->page_size = meta.trees[0].pad;
    file->last_page = meta.last_page;
    file->root = meta.trees[1].root;
    file->free_root = meta.trees[0].root;
    file->commit = meta.commit;
    return CASK_OK;
}

void lmdb_file_close(lmdb_file *file)
{
    cask_handle_close(&file->file);
}

int lmdb_file_commit(size_t *commit_out, const lmdb_file *file)
{
    meta_page meta;

    CASK_TRY(read_meta(&meta, &file->file, file->path));
    *commit_out = meta.commit;
    return CASK_OK;
}

/* ---- Pages ------------------------------------------------------------------------------------------------- */

/* A page of a tree; every node lies within it. */
typedef struct tree_page {
    uint8_t bytes[PAGE_SIZE_MOST];
    bool is_leaf;
    size_t count; /* nodes */
    size_t upper;
} tree_page;

typedef struct node_view {
    const uint8_t *key;
    size_t key_size;
    const uint8_t *value; /* of a leaf */
    size_t value_size;
    size_t child;         /* of a branch */
    uint16_t flags;       /* of a leaf */
    size_t size;          /* in the page */
} node_view;

static size_t node_offset(const tree_page *page, size_t index)
{
    uint16_t offset;

    memcpy(&offset, page->bytes + HEAD_SIZE + 2 * index, sizeof(offset));
    return offset;
}

static node_view node_at(const tree_page *page, size_t index)
{
    const uint8_t *at = page->bytes + node_offset(page, index);
    node_view view;
    page_node node;
    uint32_t number;

    memcpy(&node, at, NODE_SIZE);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    number = node.words[0] | (uint32_t)node.words[1] << 16;
#else
    number = node.words[1] | (uint32_t)node.words[0] << 16;
#endif
    view.key = at + NODE_SIZE;
    view.key_size = node.key_size;
    view.value = view.key + node.key_size;
    view.value_size = number;
    view.child = (size_t)((uint64_t)node.flags << 32 | number);
    view.flags = node.flags;
    view.size = NODE_SIZE + view.key_size;
    if (page->is_leaf)
        view.size += view.flags == NODE_ELSEWHERE ? sizeof(size_t) : view.value_size;
    return view;
}

static bool node_right(const tree_page *page, size_t index, size_t page_size)
{
    const size_t offset = node_offset(page, index);
    node_view node;

    if (offset < HEAD_SIZE + 2 * page->count || offset > page_size - NODE_SIZE)
        return false;
    node = node_at(page, index);
    return node.size <= page_size - offset && (!page->is_leaf || node.flags == 0 || node.flags == NODE_ELSEWHERE);
}

static bool page_right(tree_page *page, size_t number, size_t page_size)
{
    page_head head;

    memcpy(&head, page->bytes, HEAD_SIZE);
    if (head.number != number || (head.flags != BRANCH_FLAG && head.flags != LEAF_FLAG) || head.lower < HEAD_SIZE ||
        head.lower > head.upper || head.upper > page_size)
        return false;
    page->is_leaf = head.flags == LEAF_FLAG;
    page->count = (size_t)(head.lower - HEAD_SIZE) / 2;
    page->upper = head.upper;
    for (size_t i = 0; i < page->count; i++)
        if (!node_right(page, i, page_size))
            return false;
    return page->count >= (page->is_leaf ? 1 : 2);
}

static int read_page(tree_page *page, const lmdb_file *file, size_t number)
{
    if (number < 2 || number > file->last_page)
        return fail_damaged(file->path, CASK_NO_OFFSET, "in a number of a page");
    CASK_TRY(read_bytes(&file->file, file->path, page->bytes, file->page_size, (uint64_t)number * file->page_size));
    return page_right(page, number, file->page_size)
               ? CASK_OK
               : fail_damaged(file->path, (uint64_t)number * file->page_size, "in a page");
}

/* ---- Seeking ----------------------------------------------------------------------------------------------- */

static int compare_keys(const node_view *node, const uint8_t *key, size_t key_size)
{
    const size_t common = node->key_size < key_size ? node->key_size : key_size;
    const int order = memcmp(node->key, key, common);

    return order != 0 ? order : (node->key_size > key_size) - (node->key_size < key_size);
}

/* How many nodes from `first` on come before the key; with `equal` also one that has it. */
static size_t count_before(const tree_page *page, size_t first, const uint8_t *key, size_t key_size, bool equal)
{
    size_t low = first, high = page->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const node_view node = node_at(page, middle);
        const int order = compare_keys(&node, key, key_size);

        if (order < 0 || (equal && order == 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int take_entry(lmdb_entry *entry, const lmdb_file *file, const tree_page *page, size_t index)
{
    const node_view node = node_at(page, index);

    if (node.flags != 0 || node.key_size > sizeof(entry->key) || node.value_size > sizeof(entry->value))
        return fail_damaged(file->path, CASK_NO_OFFSET, "in an entry");
    memcpy(entry->key, node.key, node.key_size);
    entry->key_size = node.key_size;
    memcpy(entry->value, node.value, node.value_size);
    entry->value_size = node.value_size;
    return CASK_OK;
}

/* Down to the leaf that the key belongs to; where that ends before it, on to the first entry of the next one. */
int lmdb_file_seek(lmdb_entry *entry, const lmdb_file *file, const uint8_t *key, size_t key_size)
{
    size_t number = file->root, right = SIZE_MAX, index;
    bool leftmost = false;
    tree_page page;

    for (int i = 0; number != SIZE_MAX && i < DESCENTS_MAX; i++) {
        CASK_TRY(read_page(&page, file, number));
        if (page.is_leaf) {
            index = leftmost ? 0 : count_before(&page, 0, key, key_size, false);
            if (index < page.count)
                return take_entry(entry, file, &page, index);
            number = right;
            right = SIZE_MAX;
            leftmost = true;
        } else {
            /* The first key of a branch stands for all that are smaller. */
            index = leftmost ? 0 : count_before(&page, 1, key, key_size, true) - 1;
            if (!leftmost && index + 1 < page.count)
                right = node_at(&page, index + 1).child;
            number = node_at(&page, index).child;
        }
    }
    return number == SIZE_MAX ? cask_fail(CASK_E_NOTFOUND, CASK_IN_FILE(file->path), "there is no such entry")
                              : fail_damaged(file->path, CASK_NO_OFFSET, "its pages go round in a circle");
}

/* ---- Checking all of it ------------------------------------------------------------------------------------- */

typedef struct walk {
    const lmdb_file *file;
    uint8_t *used;  /* for each page: it belongs to something */
    size_t *stack;  /* pages of a tree that are still to be looked at */
    size_t height;
    tree_page page;
} walk;

/* Each page has one place. */
static int use_page(walk *w, size_t number)
{
    if (number < 2 || number > w->file->last_page || w->used[number] != 0)
        return fail_damaged(w->file->path, CASK_NO_OFFSET, "in a number of a page");
    w->used[number] = 1;
    return CASK_OK;
}

static int push_page(walk *w, size_t number)
{
    CASK_TRY(use_page(w, number));
    w->stack[w->height++] = number;
    return CASK_OK;
}

/* A list of free pages: their count, then their numbers, descending. `room` bytes are there. */
static int check_free_list(walk *w, const uint8_t *list, size_t room)
{
    size_t count, number, before = SIZE_MAX;

    if (room < sizeof(count))
        return fail_damaged(w->file->path, CASK_NO_OFFSET, "in its free pages");
    memcpy(&count, list, sizeof(count));
    if (count > room / sizeof(count) - 1)
        return fail_damaged(w->file->path, CASK_NO_OFFSET, "in its free pages");
    for (size_t i = 1; i <= count; i++, before = number) {
        memcpy(&number, list + i * sizeof(number), sizeof(number));
        if (number >= before)
            return fail_damaged(w->file->path, CASK_NO_OFFSET, "in its free pages");
        CASK_TRY(use_page(w, number));
    }
    return CASK_OK;
}

/* The same on pages of its own, the first of which has a head that says how many they are. */
static int check_free_list_elsewhere(walk *w, const node_view *node)
{
    const lmdb_file *file = w->file;
    const size_t room = node->value_size;
    page_head head;
    uint32_t pages;
    size_t number;
    uint8_t *list;
    int code;

    memcpy(&number, node->value, sizeof(number));
    if (number < 2 || number > file->last_page)
        return fail_damaged(file->path, CASK_NO_OFFSET, "in a number of a page");
    CASK_TRY(read_bytes(&file->file, file->path, &head, HEAD_SIZE, (uint64_t)number * file->page_size));
    memcpy(&pages, &head.lower, sizeof(pages));
    if (head.number != number || head.flags != OVERFLOW_FLAG || pages == 0 || pages - 1 > file->last_page - number ||
        room > pages * file->page_size - HEAD_SIZE)
        return fail_damaged(file->path, (uint64_t)number * file->page_size, "in its free pages");
    for (size_t i = 0; i < pages; i++)
        CASK_TRY(use_page(w, number + i));
    list = malloc(room + 1);
    if (list == NULL)
        return cask_fail_nomem();
    code = read_bytes(&file->file, file->path, list, room, (uint64_t)number * file->page_size + HEAD_SIZE);
    if (code == CASK_OK)
        code = check_free_list(w, list, room);
    free(list);
    return code;
}

static int check_node(walk *w, const node_view *node, bool of_free_pages)
{
    if (!w->page.is_leaf)
        return push_page(w, node->child);
    if (!of_free_pages)
        return node->flags == 0 ? CASK_OK : fail_damaged(w->file->path, CASK_NO_OFFSET, "in an entry");
    if (node->key_size != sizeof(size_t))
        return fail_damaged(w->file->path, CASK_NO_OFFSET, "in its free pages");
    return node->flags == 0 ? check_free_list(w, node->value, node->value_size) : check_free_list_elsewhere(w, node);
}

/* Nodes fill their part of the page: LMDB copies them one by one into pages of the same size. */
static int check_page(walk *w, size_t number, bool of_free_pages)
{
    size_t filled = 0;

    CASK_TRY(read_page(&w->page, w->file, number));
    for (size_t i = 0; i < w->page.count; i++) {
        const node_view node = node_at(&w->page, i);

        if (node_offset(&w->page, i) < w->page.upper)
            return fail_damaged(w->file->path, (uint64_t)number * w->file->page_size, "in a page");
        filled += node.size + node.size % 2;
        CASK_TRY(check_node(w, &node, of_free_pages));
    }
    return filled == w->file->page_size - w->page.upper
               ? CASK_OK
               : fail_damaged(w->file->path, (uint64_t)number * w->file->page_size, "in a page");
}

static int check_tree(walk *w, size_t root, bool of_free_pages)
{
    if (root == SIZE_MAX)
        return CASK_OK;
    CASK_TRY(push_page(w, root));
    while (w->height > 0)
        CASK_TRY(check_page(w, w->stack[--w->height], of_free_pages));
    return CASK_OK;
}

int lmdb_file_check(const lmdb_file *file)
{
    walk *w = calloc(1, sizeof(*w));
    int code = CASK_OK;

    if (w != NULL) {
        w->file = file;
        w->used = calloc(file->last_page + 1, sizeof(*w->used));
        w->stack = malloc((file->last_page + 1) * sizeof(*w->stack));
    }
    if (w == NULL || w->used == NULL || w->stack == NULL)
        code = cask_fail_nomem();
    if (code == CASK_OK)
        code = check_tree(w, file->root, false);
    if (code == CASK_OK)
        code = check_tree(w, file->free_root, true);
    if (w != NULL) {
        free(w->used);
        free(w->stack);
    }
    free(w);
    return code;
}
