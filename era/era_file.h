/* An open era file: what its structural pass found. For the sources of the era room that read its payloads. */
#ifndef CASK_ERA_FILE_H
#define CASK_ERA_FILE_H

#include "../archive/vfs.h"
#include "e2store.h"

/* More groups than this are no era file: 5 digits of the file name count them. */
#define ERA_GROUPS_MAX 100000u

/* The largest SignedBeaconBlock, decoded, and the largest record of one. Clients exchange none of more than
 * MAX_PAYLOAD_SIZE, 10 MiB (consensus-specs, phase0/p2p-interface.md). */
#define ERA_BLOCK_MAX (16u << 20)

typedef struct era_group {
    cask_era_group facts;
    uint64_t index_offset; /* of the record of the block index; 0 in the genesis group */
    bool damaged;          /* something was reported about it: nothing of it is to be relied on */
} era_group;

struct cask_era {
    cask_handle handle;
    char *path;
    uint64_t size;          /* of the file */
    uint64_t slots_per_era; /* 0: not known, a file of the genesis group alone */
    era_group *groups;
    size_t group_count;
    size_t group_capacity;
};

/*
 * Open and scan, reporting each thing wrong, each with `corrupt` set. What is behind it is scanned where that makes
 * sense; groups whose slots could be told are listed, damaged ones too. Returns what `report` returned, if that is
 * not 0 (*era_out is then NULL).
 */
int era_scan(cask_era **era_out, const char *path, const cask_network *network, const cask_vfs *vfs,
             cask_report_fn report, void *payload);

/* Read the header of the record at `offset` in the group. CORRUPT "offset-invalid": not a record of that type, or not
 * inside the group. */
int era_read_header(cask_era_record *record, const cask_era *era, const era_group *group, uint64_t offset,
                    enum e2_type type);

/* A cask_report_fn that makes the report the thread's cask_error and stops with CASK_E_CORRUPT. */
int era_report_as_error(const cask_report *report, void *payload);

/* Report the thread's cask_error, which was CASK_E_CORRUPT; returns what `report` returns. */
int era_report_error(cask_report_fn report, void *payload);

#endif
