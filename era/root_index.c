/*
 * The index of roots. It is filled file by file of the columns: a file is indexed once its count in the index is that
 * of its records and pruned slots, which only ever grows. So whatever was added since, by whomever, shows.
 */
#include "root_index.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../archive/error.h"
#include "../archive/parallel.h"

/* Files that are indexed at a time: their entries are sorted and committed together. */
#define FILES_AT_ONCE 256u

/* Of blocks or states: the columns that say what there is. */
typedef struct root_kind {
    char key;
    era_column_id records, roots;
    int (*root_of)(uint8_t root[SSZ_ROOT_SIZE], bool *hashed, const era_holdings *held, uint64_t slot);
} root_kind;

static const root_kind kinds[] = {
    [CASK_ROOT_OF_BLOCK] = { 'b', ERA_BLOCKS, ERA_BLOCK_ROOTS, era_block_root },
    [CASK_ROOT_OF_STATE] = { 's', ERA_STATES, ERA_STATE_ROOTS, era_state_root },
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

/* ---- Roots that are known ---------------------------------------------------------------------------------- */

int known_roots_add(known_roots *known, uint64_t slot, const uint8_t root[SSZ_ROOT_SIZE])
{
    if (known->count == known->capacity) {
        size_t capacity = known->capacity == 0 ? 16 : 2 * known->capacity;
        known_root *grown = realloc(known->items, capacity * sizeof(*grown));

        if (grown == NULL)
            return cask_fail_nomem();
        known->items = grown;
        known->capacity = capacity;
    }
    known->items[known->count].slot = slot;
    memcpy(known->items[known->count++].root, root, SSZ_ROOT_SIZE);
    return CASK_OK;
}

static const uint8_t *find_known(const known_roots *known, uint64_t slot)
{
    for (size_t i = 0; known != NULL && i < known->count; i++)
        if (known->items[i].slot == slot)
            return known->items[i].root;
    return NULL;
}

/* ---- Files that are not indexed ---------------------------------------------------------------------------- */

typedef struct stale_files {
    const root_kind *kind;
    const root_db *db;
    era_column_id column; /* at work on */
    root_count *counts;   /* of files whose count in the index is another */
    size_t count;
    size_t capacity;
} stale_files;

static int add_count(stale_files *stale, root_count count)
{
    if (stale->count == stale->capacity) {
        size_t capacity = stale->capacity == 0 ? 64 : 2 * stale->capacity;
        root_count *grown = realloc(stale->counts, capacity * sizeof(*grown));

        if (grown == NULL)
            return cask_fail_nomem();
        stale->counts = grown;
        stale->capacity = capacity;
    }
    stale->counts[stale->count++] = count;
    return CASK_OK;
}

static int compare_file(const cask_column_file *file, void *payload)
{
    stale_files *stale = payload;
    uint64_t count = (uint64_t)file->records + file->pruned, indexed;

    CASK_TRY(root_db_count(&indexed, stale->db, stale->column, file->file_id));
    return indexed == count ? CASK_OK : add_count(stale, (root_count){ stale->column, file->file_id, count });
}

static int by_file(const void *a, const void *b)
{
    const root_count *left = a, *right = b;

    return left->file_id < right->file_id ? -1 : left->file_id > right->file_id;
}

/* The files of both columns of a kind, ascending; the two of one id side by side. */
static int find_stale(stale_files *stale, const era_holdings *held)
{
    const era_column_id columns[] = { stale->kind->records, stale->kind->roots };

    for (size_t i = 0; i < 2; i++) {
        stale->column = columns[i];
        if (held->columns[stale->column] != NULL)
            CASK_TRY(cask_column_files(held->columns[stale->column], compare_file, stale));
    }
    if (stale->count > 1)
        qsort(stale->counts, stale->count, sizeof(*stale->counts), by_file);
    return CASK_OK;
}

/* ---- Indexing ---------------------------------------------------------------------------------------------- */

typedef struct indexing {
    root_db db;
    era_holdings held;
    unsigned jobs;
    bool hash; /* records whose root is not known otherwise */
    const known_roots *known; /* of states; may be NULL */
    cask_root_index_result result;
    uint64_t files_done, files_total;
    void (*progress)(uint64_t done, uint64_t total, void *payload);
    void *payload;
    /* the files at work on: */
    const root_kind *kind;
    uint64_t file_ids[FILES_AT_ONCE];
    bool incomplete[FILES_AT_ONCE];
    pthread_mutex_t mutex; /* guards what follows */
    root_entry *entries;   /* FILES_AT_ONCE * CASK_SLOTS_PER_FILE */
    size_t entry_count;
} indexing;

static int root_at(uint8_t root[SSZ_ROOT_SIZE], const indexing *ix, uint64_t slot)
{
    bool hashed = false;
    const uint8_t *known = ix->kind->records == ERA_STATES ? find_known(ix->known, slot) : NULL;

    if (known == NULL)
        return ix->kind->root_of(root, ix->hash ? &hashed : NULL, &ix->held, slot);
    memcpy(root, known, SSZ_ROOT_SIZE);
    return CASK_OK;
}

/* The entries of one file. `states`: what is at each slot of its two columns. */
static int collect_roots(root_entry *entries, size_t *count, bool *incomplete, const indexing *ix, uint64_t file_id,
                         uint8_t (*states)[CASK_SLOTS_PER_FILE])
{
    for (size_t i = 0; i < CASK_SLOTS_PER_FILE; i++) {
        const uint64_t slot = file_id * CASK_SLOTS_PER_FILE + i;
        uint8_t root[SSZ_ROOT_SIZE];
        int code;

        if (states[0][i] != CASK_SLOT_RECORD && states[1][i] != CASK_SLOT_RECORD)
            continue;
        code = root_at(root, ix, slot);
        if (code == CASK_OK)
            entries[(*count)++] = (root_entry){ root_prefix(root), slot };
        else if (code != CASK_E_NOTFOUND)
            return code;
        else if (states[1][i] != CASK_SLOT_RECORD)
            *incomplete = true;
    }
    return CASK_OK;
}

static int read_states(uint8_t states[CASK_SLOTS_PER_FILE], const indexing *ix, era_column_id column, uint64_t file_id)
{
    memset(states, CASK_SLOT_EMPTY, CASK_SLOTS_PER_FILE);
    return ix->held.columns[column] == NULL ? CASK_OK : cask_column_slots(states, ix->held.columns[column], file_id);
}

static int index_file(size_t index, unsigned worker, void *context)
{
    indexing *ix = context;
    uint8_t states[2][CASK_SLOTS_PER_FILE];
    root_entry *entries = malloc(CASK_SLOTS_PER_FILE * sizeof(*entries));
    size_t count = 0;
    int code = entries == NULL ? cask_fail_nomem() : CASK_OK;

    (void)worker;
    if (code == CASK_OK)
        code = read_states(states[0], ix, ix->kind->records, ix->file_ids[index]);
    if (code == CASK_OK)
        code = read_states(states[1], ix, ix->kind->roots, ix->file_ids[index]);
    if (code == CASK_OK)
        code = collect_roots(entries, &count, &ix->incomplete[index], ix, ix->file_ids[index], states);
    if (code == CASK_OK) {
        pthread_mutex_lock(&ix->mutex);
        memcpy(ix->entries + ix->entry_count, entries, count * sizeof(*entries));
        ix->entry_count += count;
        ix->files_done++;
        if (ix->progress != NULL)
            ix->progress(ix->files_done, ix->files_total, ix->payload);
        pthread_mutex_unlock(&ix->mutex);
    }
    free(entries);
    return code;
}

static int by_key(const void *a, const void *b)
{
    const root_entry *left = a, *right = b;

    if (left->prefix != right->prefix)
        return left->prefix < right->prefix ? -1 : 1;
    return left->slot < right->slot ? -1 : left->slot > right->slot;
}

/* Index some of the stale files, from *next on, which is moved behind them. */
static int index_some(indexing *ix, const stale_files *stale, size_t *next)
{
    root_count counts[2 * FILES_AT_ONCE];
    const size_t first = *next;
    size_t files = 0, count = 0;

    for (; *next < stale->count; ++*next) {
        const uint64_t id = stale->counts[*next].file_id;

        if (files > 0 && ix->file_ids[files - 1] == id)
            continue;
        if (files == FILES_AT_ONCE)
            break;
        ix->incomplete[files] = false;
        ix->file_ids[files++] = id;
    }
    ix->entry_count = 0;
    CASK_TRY(cask_parallel(ix->jobs, files, index_file, ix));
    qsort(ix->entries, ix->entry_count, sizeof(*ix->entries), by_key);
    for (size_t i = first, file = 0; i < *next; i++) {
        file += stale->counts[i].file_id != ix->file_ids[file];
        if (!ix->incomplete[file])
            counts[count++] = stale->counts[i];
    }
    return root_db_add(&ix->db, ix->kind->key, ix->entries, ix->entry_count, counts, count);
}

static int index_kind(indexing *ix, const stale_files *stale)
{
    uint64_t *indexed = stale->kind->records == ERA_BLOCKS ? &ix->result.blocks : &ix->result.states;
    size_t next = 0;
    int code = CASK_OK;

    ix->kind = stale->kind;
    while (code == CASK_OK && next < stale->count) {
        code = index_some(ix, stale, &next);
        *indexed += ix->entry_count;
    }
    return code;
}

static size_t count_ids(const stale_files *stale)
{
    size_t ids = 0;

    for (size_t i = 0; i < stale->count; i++)
        ids += i == 0 || stale->counts[i].file_id != stale->counts[i - 1].file_id;
    return ids;
}

static int index_all(indexing *ix)
{
    stale_files stale[KINDS];
    int code = CASK_OK;

    for (size_t i = 0; i < KINDS; i++) {
        stale[i] = (stale_files){ .kind = &kinds[i], .db = &ix->db };
        if (code == CASK_OK)
            code = find_stale(&stale[i], &ix->held);
        ix->files_total += count_ids(&stale[i]);
    }
    for (size_t i = 0; i < KINDS && code == CASK_OK; i++)
        code = index_kind(ix, &stale[i]);
    for (size_t i = 0; i < KINDS; i++)
        free(stale[i].counts);
    return code;
}

static int open_and_index(indexing *ix, cask_archive *archive)
{
    CASK_TRY(root_db_open(&ix->db, archive, true));
    CASK_TRY(era_holdings_open(&ix->held, archive));
    ix->entries = malloc(FILES_AT_ONCE * CASK_SLOTS_PER_FILE * sizeof(*ix->entries));
    return ix->entries == NULL ? cask_fail_nomem() : index_all(ix);
}

static int run(indexing *ix, cask_archive *archive)
{
    int code;

    pthread_mutex_init(&ix->mutex, NULL);
    code = open_and_index(ix, archive);
    pthread_mutex_destroy(&ix->mutex);
    free(ix->entries);
    era_holdings_close(&ix->held);
    root_db_close(&ix->db);
    return code;
}

int root_index_update(cask_archive *archive, const known_roots *known, unsigned jobs)
{
    indexing ix = { .db = ROOT_DB_INIT, .held = ERA_HOLDINGS_INIT, .jobs = jobs, .known = known };

    return root_db_possible(archive) ? run(&ix, archive) : CASK_OK;
}

int cask_root_index_make(cask_root_index_result *result_out, cask_archive *archive, unsigned jobs,
                         void (*progress)(uint64_t done, uint64_t total, void *payload), void *payload)
{
    indexing ix = { .db = ROOT_DB_INIT, .held = ERA_HOLDINGS_INIT, .jobs = jobs, .hash = true, .progress = progress,
                    .payload = payload };
    int code;

    memset(result_out, 0, sizeof(*result_out));
    if (archive->read_only)
        return cask_fail(CASK_E_REFUSED, CASK_IN_FILE(archive->folder.text), "the archive was opened read-only");
    if (root_db_possible(archive))
        CASK_TRY(root_db_remove(archive));
    code = run(&ix, archive);
    *result_out = ix.result;
    return code;
}

/* ---- Looking up -------------------------------------------------------------------------------------------- */

struct cask_root_index {
    cask_archive *archive;
    era_holdings held;
};

/* Slots whose roots begin alike: of a chain one, or by chance two. */
enum { CANDIDATES_MAX = 16 };

int cask_root_index_open(cask_root_index **index_out, cask_archive *archive)
{
    cask_root_index *index = calloc(1, sizeof(*index));
    root_db db = ROOT_DB_INIT;
    int code;

    if (index == NULL)
        return cask_fail_nomem();
    index->archive = archive;
    code = root_db_open(&db, archive, false);
    root_db_close(&db);
    if (code == CASK_OK)
        code = era_holdings_open(&index->held, archive);
    if (code < 0) {
        cask_root_index_close(index);
        return code;
    }
    *index_out = index;
    return CASK_OK;
}

void cask_root_index_close(cask_root_index *index)
{
    if (index == NULL)
        return;
    era_holdings_close(&index->held);
    free(index);
}

/* Find the one among the slots that has the root. */
static int verify_hits(uint64_t *slot_out, const cask_root_index *index, const root_kind *kind, const uint64_t *slots,
                       size_t count, const uint8_t *root)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t found[SSZ_ROOT_SIZE];
        bool hashed;
        int code = slots[i] == CASK_NO_SLOT ? CASK_E_NOTFOUND
                                            : kind->root_of(found, &hashed, &index->held, slots[i]);

        if (code < 0 && code != CASK_E_NOTFOUND)
            return code;
        if (code == CASK_OK && memcmp(found, root, SSZ_ROOT_SIZE) == 0) {
            *slot_out = slots[i];
            return CASK_OK;
        }
    }
    return CASK_E_NOTFOUND;
}

/* What to say of a root that is not in the index. */
static int fail_not_found(const root_db *db, const era_holdings *held, cask_root_kind kind)
{
    const char *name = kind == CASK_ROOT_OF_BLOCK ? "block" : "state";
    stale_files stale = { .kind = &kinds[kind], .db = db };
    int code = find_stale(&stale, held);
    bool complete = stale.count == 0;

    free(stale.counts);
    CASK_TRY(code);
    if (complete)
        return cask_fail(CASK_E_NOTFOUND, CASK_NOWHERE, "the archive knows no %s with this root", name);
    return cask_fail(CASK_E_NOTFOUND, CASK_NOWHERE,
                     "no %s with this root is in the index of roots, which is stale: the archive has more; 'slotcask "
                     "index' makes it anew", name);
}

static int search(uint64_t *slot_out, const root_db *db, const cask_root_index *index, cask_root_kind kind,
                  const uint8_t *root)
{
    uint64_t slots[CANDIDATES_MAX];
    size_t count;
    int code;

    CASK_TRY(root_db_find(slots, CANDIDATES_MAX, &count, db, kinds[kind].key, root_prefix(root)));
    code = verify_hits(slot_out, index, &kinds[kind], slots, count, root);
    return code == CASK_E_NOTFOUND ? fail_not_found(db, &index->held, kind) : code;
}

/* A miss is one, and damage is, only if nobody wrote meanwhile. */
static int find(uint64_t *slot_out, bool *settled, const root_db *db, const cask_root_index *index, cask_root_kind kind,
                const uint8_t *root)
{
    int code = search(slot_out, db, index, kind, root);
    cask_error error;

    if (code == CASK_OK)
        return CASK_OK;
    error = *cask_error_last();
    CASK_TRY(root_db_settled(settled, db));
    cask_error_restore(&error);
    return code;
}

int cask_root_index_find(uint64_t *slot_out, cask_root_index *index, cask_root_kind kind, const uint8_t *root)
{
    bool settled = true;
    int code;

    do {
        root_db db = ROOT_DB_INIT;

        code = root_db_open(&db, index->archive, false);
        if (code == CASK_OK)
            code = find(slot_out, &settled, &db, index, kind, root);
        root_db_close(&db);
    } while (!settled);
    return code;
}
