/*
 * The file `pruned` of a column: every range of slots that ever got tombstones, or lost them again, in order. Tables
 * hold the tombstones that count; the list is what a lost table is made again from, so that no record comes back with
 * it. The conf says how many entries are committed.
 */
#ifndef CASK_PRUNED_LIST_H
#define CASK_PRUNED_LIST_H

#include "conf.h"
#include "data_file.h"

#define CASK_PRUNED_NAME "pruned"
#define CASK_PRUNED_ENTRY_SIZE 24

typedef struct cask_pruned_entry {
    uint64_t first; /* slots, both included */
    uint64_t last;
    cask_intent_kind kind; /* PRUNE or FORGET */
} cask_pruned_entry;

typedef struct cask_pruned_list {
    cask_pruned_entry *entries;
    size_t count;     /* those that can be read */
    uint64_t damaged; /* those that cannot */
} cask_pruned_list;

/* Read it as of `conf`. Free it. */
int cask_pruned_list_load(cask_pruned_list *list, const cask_vfs *vfs, const char *folder, const cask_conf *conf);
void cask_pruned_list_free(cask_pruned_list *list);
/* Whether the slot was pruned according to the list. */
bool cask_pruned_list_has(const cask_pruned_list *list, uint64_t slot);
/* Add entries behind those of `conf`, durably. The next conf counts them. */
int cask_pruned_list_add(const cask_vfs *vfs, const char *folder, const cask_conf *conf,
                         const cask_pruned_entry *entries, size_t count);
/* Make the list anew, durably, of these entries alone. It is damaged until the conf counts just them. */
int cask_pruned_list_make(const cask_vfs *vfs, const char *folder, const cask_pruned_entry *entries, size_t count);
/* Cut off what is of no commit; *found_out tells whether there was any. With `dry_run` only look. */
int cask_pruned_list_heal(bool *found_out, const cask_vfs *vfs, const char *folder, const cask_conf *conf,
                          bool dry_run);

#endif
